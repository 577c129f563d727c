//! The spool over real files: what is flushed survives, numbers are never given twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sensor_archive::{Archive, Options};
use sensor_event::Class;
use sensor_ship::{Recorder, Spool, SpoolLimits};

fn open(folder: &Path) -> Spool {
    Spool::open(folder, SpoolLimits::default()).expect("the spool opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_flushed_survives() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(folder.path());
    let epoch = spool.epoch();
    let recorder = spool.handle();
    for n in 0..5_000 {
        recorder.append(Class::Alert, format!("{{\"n\":{n}}}").as_bytes());
        recorder.append(Class::Flow, b"{}\n");
    }
    recorder.append(Class::Record, &vec![b'x'; Recorder::MAX_RECORD_BYTES + 1]);
    spool.flush().await;
    assert_eq!(spool.last_seq(Class::Alert), 5_000);
    assert_eq!(spool.backlog().of(Class::Flow), 5_000);
    drop(spool);

    let spool = open(folder.path());
    assert_eq!(spool.epoch(), epoch);
    assert_eq!(spool.last_seq(Class::Alert), 5_000);
    assert_eq!(spool.backlog().total(), 10_000);
    spool.handle().append(Class::Alert, b"{}");
    spool.flush().await;
    assert_eq!(spool.last_seq(Class::Alert), 5_001);
    let ledger = spool.ledger();
    assert_eq!(ledger.total(Class::Alert).made, 5_001);
    let refused = ledger.total(Class::Record);
    assert_eq!((refused.made, refused.shed.values().sum::<u64>()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_holds_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Archive::open(&folder.path().join("archive"), Options::default());
    let archive = Arc::new(archive.expect("an archive"));
    let limits = SpoolLimits {
        disk_bytes: 30_000,
        ..SpoolLimits::default()
    };
    let spool = Spool::open(folder.path(), limits).expect("the spool opens");
    spool.keep_rest_in(Arc::clone(&archive));
    let recorder = spool.handle();
    for round in 0..20 {
        for class in [Class::Flow, Class::Alert] {
            for n in 0..100_u64 {
                let noise: String = (0..20).map(|_| fastrand::alphanumeric()).collect();
                let record = format!("{{\"round\":{round},\"n\":{n},\"noise\":\"{noise}\"}}");
                recorder.append(class, record.as_bytes());
            }
        }
        spool.flush().await;
        assert!(spool.backlog().bytes <= 30_000);
    }
    let ledger = spool.ledger();
    let flows = ledger.total(Class::Flow);
    assert!(flows.shed.values().sum::<u64>() > 0);
    for class in [Class::Flow, Class::Alert] {
        let total = ledger.total(class);
        let shed: u64 = total.shed.values().sum();
        assert_eq!(total.made, shed + spool.backlog().of(class));
    }
    archive.flush();
    let mut kept = BTreeSet::new();
    for piece in archive.pieces(i64::MIN, i64::MAX, None) {
        let content = archive.read(&piece).expect("readable").expect("there");
        for line in content.lines() {
            assert!(line.record.starts_with(b"{\"round\":") && line.record.ends_with(b"}"));
            kept.insert((line.class, line.record.to_vec()));
        }
    }
    let of = |class| kept.iter().filter(|(one, _)| *one == class).count() as u64;
    for class in [Class::Flow, Class::Alert] {
        let shed = ledger.total(class).shed.values().sum::<u64>();
        assert_eq!(of(class), shed, "{class:?}: each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = SpoolLimits {
        queue_records: 4,
        queue_bytes: 64,
        ..SpoolLimits::default()
    };
    let spool = Spool::open(folder.path(), limits).expect("the spool opens");
    let recorder = spool.handle();
    let worker = std::thread::spawn(move || {
        for _ in 0..1_000 {
            recorder.append_waiting(Class::Record, b"{\"a\":\"thirty bytes of a record\"}");
        }
    });
    worker.join().expect("it ends");
    spool.flush().await;
    assert_eq!(spool.last_seq(Class::Record), 1_000);
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let _spool = open(folder.path());
    Spool::open(folder.path(), SpoolLimits::default()).expect_err("it is in use");
}
