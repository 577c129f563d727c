//! Appending, committing, crashing and dropping, over real folders.

use std::sync::Arc;

use collector_index::{Day, Event, Index, Options, Shelf, Stream};
use sensor_event::Class;
use tantivy::Term;
use tantivy::collector::Count;
use tantivy::query::{AllQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

const RECEIVED: &str = "2026-11-24T17:30:00Z";

fn stream(class: Class) -> Stream {
    Stream {
        sensor: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d".to_owned(),
        epoch: 1_764_000_000_000,
        class,
    }
}

/// Event number `seq`, on one of `days` days; every third is an alert.
fn event(seq: u64, days: u64) -> (u64, Event) {
    let event_type = if seq.is_multiple_of(3) {
        "alert"
    } else {
        "dns"
    };
    let line = format!(
        r#"{{"timestamp":"2020-01-{:02}T00:00:00.{:06}+0000","event_type":"{event_type}","n":{seq},
        "src_ip":"10.0.0.1","dest_ip":"2001:db8::1","alert":{{"signature":"Quét cổng","signature_id":9}},
        "http":{{"hostname":"Evil.example.com"}}}}"#,
        1 + seq % days,
        seq
    );
    (
        seq,
        Event::parse(line.into_bytes()).expect("the line is valid"),
    )
}

fn open(folder: &std::path::Path) -> Index {
    Index::open(
        folder,
        Options {
            open_writers: 2,
            ..Options::default()
        },
    )
    .expect("the index opens")
}

fn count(index: &Index, shelf: Option<Shelf>) -> usize {
    index
        .partitions(None, None, shelf)
        .iter()
        .map(|partition| {
            let searcher = partition.searcher().expect("it opens");
            searcher.search(&AllQuery, &Count).expect("it counts")
        })
        .sum()
}

#[test]
fn events_go_to_their_day_and_shelf() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    let records = stream(Class::Record);
    index
        .append(&records, (1..=30).map(|seq| event(seq, 10)), 30, RECEIVED)
        .expect("it appends");
    assert_eq!(index.mark(&records), 0);
    index.commit().expect("it commits");
    assert_eq!(index.mark(&records), 30);
    assert_eq!(count(&index, None), 30);
    assert_eq!(count(&index, Some(Shelf::Alerts)), 10);
    let day = Day::parse("2020-01-05").expect("a day");
    let of_day = index.partitions(Some(day.start()), Some(day.start() + 1), None);
    assert!(of_day.iter().all(|partition| partition.day() == day) && !of_day.is_empty());

    let found = index
        .get(&records.event_id(7))
        .expect("it reads")
        .expect("it is there");
    let found: serde_json::Value = serde_json::from_slice(&found).expect("it is JSON");
    assert_eq!(found["n"], 7);
    assert_eq!(found["matluoi"]["seq"], 7);
    assert!(index.get("nothing").expect("it reads").is_none());

    assert_eq!(index.delete_before(day).expect("it drops"), 12 - 4);
    assert!(
        index
            .partitions(None, Some(day.start() - 1), None)
            .is_empty()
    );
    let left = count(&index, None);
    drop(index);
    assert_eq!(count(&open(folder.path()), None), left);
}

#[test]
fn fields_are_searchable() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    index
        .append(&stream(Class::Alert), [event(3, 1)], 3, RECEIVED)
        .expect("it appends");
    index.commit().expect("it commits");
    let partitions = index.partitions(None, None, Some(Shelf::Alerts));
    let fields = index.fields();
    let mut host = Term::from_field_json_path(fields.event, "http.hostname", false);
    host.append_type_and_str("evil.example.com");
    let v4 = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
    let rows = [
        (Term::from_field_text(fields.all, "quet"), 1),
        (Term::from_field_text(fields.all, "example"), 1),
        (Term::from_field_text(fields.signature, "quet cong"), 1),
        (Term::from_field_u64(fields.signature_id, 9), 1),
        (Term::from_field_ip_addr(fields.src_ip, v4), 1),
        (Term::from_field_ip_addr(fields.dest_ip, v4), 0),
        (host, 1),
    ];
    for (term, expected) in rows {
        let searcher = partitions[0].searcher().expect("it opens");
        let query = TermQuery::new(term.clone(), IndexRecordOption::Basic);
        let found = searcher.search(&query, &Count).expect("it searches");
        assert_eq!(found, expected, "{term:?}");
    }
}

#[test]
fn what_was_committed_in_part_is_not_stored_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = stream(Class::Record);
    {
        let index = open(folder.path());
        index
            .append(&records, (1..=10).map(|seq| event(seq, 5)), 10, RECEIVED)
            .expect("it appends");
        index.commit().expect("it commits");
        // Two writers for up to ten partitions: some of these are committed to make room, then the
        // process ends before the marks are written.
        index
            .append(&records, (11..=40).map(|seq| event(seq, 5)), 40, RECEIVED)
            .expect("it appends");
    }
    let index = open(folder.path());
    assert_eq!(index.mark(&records), 10);
    let stored = count(&index, None);
    assert!(stored > 10 && stored < 40, "{stored} events survived");
    // The stream comes again from the mark, cut in another way.
    for range in [11..=13, 14..=40, 41..=50] {
        let through = *range.end();
        index
            .append(&records, range.map(|seq| event(seq, 5)), through, RECEIVED)
            .expect("it appends");
    }
    index.commit().expect("it commits");
    assert_eq!(count(&index, None), 50);
    assert_eq!(index.mark(&records), 50);
}

#[test]
fn streams_do_not_hide_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    for class in [Class::Alert, Class::Record, Class::Flow] {
        for _ in 0..2 {
            index
                .append(
                    &stream(class),
                    (1..=9).map(|seq| event(seq, 2)),
                    9,
                    RECEIVED,
                )
                .expect("it appends");
        }
    }
    index.close().expect("it closes");
    assert_eq!(count(&index, None), 27);
    let stats = index.stats().expect("it counts");
    assert_eq!((stats.events, stats.partitions.len()), (27, 4));
    assert!(stats.bytes > 0);
}

#[test]
fn there_is_no_place_for_too_many_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        max_partitions: 3,
        ..Options::default()
    };
    let index = Index::open(folder.path(), options).expect("the index opens");
    let records = stream(Class::Record);
    let homeless = index
        .append(&records, (1..=12).map(|seq| event(seq, 4)), 12, RECEIVED)
        .expect("it appends");
    index.commit().expect("it commits");
    assert_eq!(count(&index, None) + homeless.len(), 12);
    assert!(!homeless.is_empty());
    assert_eq!(index.partitions(None, None, None).len(), 3);
    assert_eq!(index.mark(&records), 12);
}

#[test]
fn what_is_least_worth_keeping_goes_first() {
    use collector_index::{Archiving, Limits, Pressure, ShelfLimits, govern};
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    // Ten days, 2020-01-01 to 10; every day has records, and alerts.
    index
        .append(
            &stream(Class::Record),
            (1..=300).map(|seq| event(seq, 10)),
            300,
            RECEIVED,
        )
        .expect("it appends");
    index.commit().expect("it commits");
    let day = |day: i64| Day(Day::parse("2020-01-01").expect("a day").0 + day - 1);
    let held = |shelf| {
        let mut days: Vec<i64> = index
            .partitions(None, None, Some(shelf))
            .iter()
            .map(|partition| partition.day().0 - day(1).0 + 1)
            .collect();
        days.sort();
        days
    };
    let all = |days| ShelfLimits { days, bytes: None };
    let mut limits = Limits {
        alerts: all(1_000),
        records: all(7),
        reserve_bytes: 80,
    };
    let look = |limits: &Limits, before, free: &dyn Fn() -> u64| {
        govern(&index, limits, day(10), before, Archiving::Off, free)
            .expect("it governs")
            .pressure
    };
    assert_eq!(look(&limits, Pressure::None, &|| 100), Pressure::None);
    assert_eq!(held(Shelf::Records), (3..=10).collect::<Vec<_>>());
    assert_eq!(held(Shelf::Alerts).len(), 10);
    // By bytes, but never the newest day.
    limits.alerts.bytes = Some(1);
    assert_eq!(look(&limits, Pressure::None, &|| 100), Pressure::None);
    assert_eq!(held(Shelf::Alerts), [10]);
    limits.alerts.bytes = None;
    // The disk: each day that goes gives ten bytes.
    let left = |shelf: Shelf| index.partitions(None, None, Some(shelf)).len() as u64;
    let free = || 70 + (8 - left(Shelf::Records)) * 10;
    assert_eq!(look(&limits, Pressure::None, &free), Pressure::None);
    assert_eq!(held(Shelf::Records), (4..=10).collect::<Vec<_>>());
    assert_eq!(
        look(&limits, Pressure::AlertsOnly, &free),
        Pressure::AlertsOnly,
        "hardly more"
    );
    assert_eq!(look(&limits, Pressure::AlertsOnly, &|| 100), Pressure::None);
    // Only today's are left, and the disk is still short.
    assert_eq!(look(&limits, Pressure::None, &|| 79), Pressure::AlertsOnly);
    assert_eq!(held(Shelf::Records), [10]);
    assert_eq!(
        look(&limits, Pressure::AlertsOnly, &|| 15),
        Pressure::AlertsOnly
    );
    assert_eq!(held(Shelf::Records), Vec::<i64>::new());
    assert_eq!(
        look(&limits, Pressure::AlertsOnly, &|| 0),
        Pressure::AlertsOnly
    );
    assert_eq!(held(Shelf::Alerts), [10], "today's alerts stay to the last");
}

#[test]
fn partitions_are_sealed_leave_and_come_back() {
    use collector_index::{Archiving, Cause, Limits, Pressure, ShelfLimits, Standing, govern};
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    let records = stream(Class::Record);
    let append = |index: &Index, events: std::ops::RangeInclusive<u64>| {
        let through = *events.end();
        let events = events.map(|seq| event(seq, 2));
        let homeless = index.append(&records, events, through, RECEIVED);
        assert!(homeless.expect("it appends").is_empty());
        index.commit().expect("it commits");
    };
    append(&index, 1..=60);
    let day = Day::parse("2020-01-01").expect("a day");
    let shelf = Some(Shelf::Records);
    let limits = Limits {
        alerts: ShelfLimits {
            days: 100,
            bytes: None,
        },
        records: ShelfLimits {
            days: 1,
            bytes: None,
        },
        reserve_bytes: 100,
    };
    let look = |index: &Index, today: Day, free: u64| {
        govern(
            index,
            &limits,
            today,
            Pressure::None,
            Archiving::On,
            &|| free,
        )
        .expect("it governs")
    };
    // Due is told and dropped is nothing, also where the disk comes near its reserve.
    let governed = look(&index, Day(day.0 + 2), 1_000);
    assert!(governed.dropped.is_empty());
    let [due] = governed.due[..] else {
        panic!("one day is due: {governed:?}");
    };
    assert_eq!((due.key.day, due.standing), (day, Standing::Live));
    assert_eq!(look(&index, Day(day.0 + 1), 140).due, [due]);
    assert!(look(&index, Day(day.0 + 1), 150).due.is_empty());

    let before = count(&index, shelf);
    let sealed = index
        .seal(due.key, 7)
        .expect("it seals")
        .expect("it is there");
    assert_eq!(count(&index, shelf), before, "it is searched");
    assert!(
        index.seal(due.key, 8).expect("it seals").is_none(),
        "there is no other"
    );
    // What it holds is not taken again; what comes late for its day is another partition.
    append(&index, 1..=66);
    assert_eq!(
        index
            .partitions(Some(day.start()), Some(day.start()), shelf)
            .len(),
        2
    );
    assert_eq!(count(&index, None), 66);
    drop(index);
    let index = open(folder.path());
    assert_eq!(count(&index, None), 66);
    let copy = folder.path().join("copy");
    index.link_committed(&copy).expect("it links");
    assert_eq!(count(&open(&copy), None), 66);

    // Out, and back.
    let partitions = index.partitions(None, None, shelf);
    let partition = partitions
        .iter()
        .find(|one| one.id() == sealed)
        .expect("it is there");
    let away = folder.path().join("away");
    std::fs::create_dir(&away).expect("it is made");
    let files = std::fs::read_dir(partition.folder()).expect("a folder");
    for file in files.map(|file| file.expect("a file")) {
        std::fs::copy(file.path(), away.join(file.file_name())).expect("it is copied");
    }
    let gone = partition.searcher().expect("it opens").num_docs();
    index.drop_partition(sealed).expect("it drops");
    assert_eq!(count(&index, None) as u64, 66 - gone);
    let back = index.recall_folder(due.key, 3);
    std::fs::create_dir_all(back.parent().expect("a parent")).expect("it is made");
    std::fs::rename(&away, &back).expect("it comes");
    index.take_up(due.key, 3).expect("it opens");
    assert_eq!(count(&index, None), 66);
    let recalled: u64 = index
        .partitions(None, None, None)
        .iter()
        .filter(|one| one.is_recalled())
        .map(|one| one.searcher().expect("it opens").num_docs())
        .sum();
    assert_eq!(recalled, gone);
    assert_eq!(index.stats().expect("it counts").events, 66 - gone);
    let second = folder.path().join("second");
    index.link_committed(&second).expect("it links");
    assert_eq!(
        count(&open(&second), None) as u64,
        66 - gone,
        "it is in the archive"
    );
    drop(index);
    let half = back.with_extension("half");
    std::fs::create_dir(&half).expect("it is made");
    let index = open(folder.path());
    assert_eq!(count(&index, None), 66);
    assert!(!half.exists(), "of a kill");

    // It is no part of what is held, and the first to go.
    assert!(look(&index, Day(day.0 + 1), 1_000).due.is_empty());
    let asked = std::cell::Cell::new(0);
    let free = || {
        asked.set(asked.get() + 1);
        if asked.get() == 1 { 99 } else { 1_000 }
    };
    let governed = govern(
        &index,
        &limits,
        Day(day.0 + 1),
        Pressure::None,
        Archiving::On,
        &free,
    );
    let [dropped] = governed.expect("it governs").dropped[..] else {
        panic!("one goes");
    };
    assert_eq!(dropped.id.standing, Standing::Recalled(3));
    assert_eq!((dropped.cause, dropped.events), (Cause::Disk, gone));
}

#[test]
fn a_search_under_way_outlives_the_folder_it_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    let append = |index: &Index| {
        let stream = stream(Class::Record);
        let events = (1..=10).map(|seq| event(seq, 1));
        index
            .append(&stream, events, 10, RECEIVED)
            .expect("it appends");
        index.commit().expect("it commits");
    };
    append(&index);
    drop(index);
    // Nothing is opened yet when these handles are taken.
    let index = open(folder.path());
    let records = Some(Shelf::Records);
    let live = index.partitions(None, None, records);
    let held = live[0].folder().to_owned();
    let sealed = index
        .seal(live[0].key(), 1)
        .expect("it seals")
        .expect("it is there");
    let read = |partition: &collector_index::Partition| {
        let searcher = partition.searcher().expect("it opens");
        searcher.search(&AllQuery, &Count).expect("it counts")
    };
    let events = read(&live[0]);
    assert!(events > 0);
    assert!(!held.exists(), "nothing stands under the old name");
    drop(index);
    let index = open(folder.path());
    let before = index.partitions(None, None, records);
    assert_eq!(before.len(), 1);
    index.drop_partition(sealed).expect("it drops");
    assert_eq!(read(&before[0]), events);
    assert!(!before[0].folder().exists());
    drop(index);
    assert_eq!(count(&open(folder.path()), records), 0);
}

#[test]
fn a_partition_with_nothing_in_it_is_not_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path());
    let events = (1..=2).map(|seq| event(seq, 1));
    index
        .append(&stream(Class::Record), events, 2, RECEIVED)
        .expect("it appends");
    // A crash before the first commit leaves an empty one.
    drop(index);
    let index = open(folder.path());
    let partitions = index.partitions(None, None, Some(Shelf::Records));
    let [empty] = &partitions[..] else {
        panic!("{partitions:?}");
    };
    assert_eq!(index.seal(empty.key(), 1).expect("it looks"), None);
    assert!(
        index
            .partitions(None, None, Some(Shelf::Records))
            .is_empty()
    );
}

/// Damage of any file of a partition: it is set aside, the rest is found, and its day takes events again.
#[test]
fn a_damaged_partition_is_set_aside_and_holds_up_no_other() {
    for ending in [
        "meta.json",
        ".managed.json",
        ".store",
        ".term",
        ".fast",
        ".idx",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let index = open(folder.path());
        let records = stream(Class::Record);
        let events = (1..=60).map(|seq| event(seq, 3));
        index
            .append(&records, events, 60, RECEIVED)
            .expect("it appends");
        index.close().expect("it closes");
        let all = count(&index, None);
        let victim = Arc::clone(&index.partitions(None, None, Some(Shelf::Records))[1]);
        let lost = victim.searcher().expect("it opens").num_docs() as usize;
        let name = format!("{}-records-1", victim.day());
        drop(index);
        let files = std::fs::read_dir(victim.folder()).expect("it is there");
        let mut paths = files.map(|file| file.expect("a file").path());
        let path = paths
            .find(|path| path.to_string_lossy().ends_with(ending))
            .unwrap_or_else(|| panic!("a file that ends with {ending}"));
        let mut content = std::fs::read(&path).expect("it is read");
        let half = content.len() / 2;
        content.truncate(half);
        std::fs::write(&path, content).expect("it is written");

        for _ in 0..2 {
            let index = open(folder.path());
            assert_eq!(count(&index, None), all - lost, "{ending}");
            let damaged = index.damaged().expect("it is told");
            let names: Vec<&str> = damaged.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, [name.as_str()], "{ending}");
            assert_eq!(index.mark(&records), 60, "{ending}: nobody sends again");
        }
        let index = open(folder.path());
        let events = (61..=120).map(|seq| event(seq, 3));
        index
            .append(&records, events, 120, RECEIVED)
            .expect("it appends");
        index.commit().expect("it commits");
        assert_eq!(count(&index, None), 2 * all - lost, "{ending}");
    }
}
