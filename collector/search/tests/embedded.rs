//! Every operator of the language, over a real index in a temporary folder.

use std::sync::Arc;

use collector_index::{Event, Index, Options, Stream};
use collector_search::{
    ClassFilter, Clock, Embedded, Request, SearchEngine, SearchError, Sort, check, parse,
    parse_pipeline, settled,
};
use sensor_event::Class;
use sensor_query::{Matcher, Place};

const SENSOR: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
const OTHER: &str = "ffffffff-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// Event numbers with their bodies. 1, 2 are alerts; 3 to 6 are records, over two days.
const EVENTS: [(u64, &str); 6] = [
    (
        1,
        r#""timestamp":"2026-11-23T10:00:00.000001+0000","event_type":"alert","src_ip":"10.0.0.5","src_port":5000,"dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","alert":{"signature_id":2001,"signature":"ET SCAN Quét cổng","category":"Attempted Recon","severity":2}"#,
    ),
    (
        2,
        r#""timestamp":"2026-11-24T10:00:00.000002+0000","event_type":"alert","src_ip":"2001:db8::1","dest_ip":"10.9.0.1","dest_port":53,"proto":"UDP","alert":{"signature_id":2002,"signature":"ET MALWARE x","category":"Trojan","severity":1}"#,
    ),
    (
        3,
        r#""timestamp":"2026-11-24T10:00:01.000000+0000","event_type":"dns","src_ip":"10.0.0.5","dest_ip":"10.9.0.1","src_port":40000,"dest_port":53,"proto":"UDP","flow_id":77,"dns":{"queries":[{"rrname":"mail.example.com","rrtype":"A"}]}"#,
    ),
    (
        4,
        r#""timestamp":"2026-11-24T10:00:01.000000+0000","event_type":"http","src_ip":"10.0.0.6","dest_ip":"192.0.2.1","dest_port":80,"proto":"TCP","http":{"hostname":"example.com","url":"/admin/login.php","status":404,"http_method":"GET"}"#,
    ),
    (
        5,
        r#""timestamp":"2026-11-24T10:05:00.000000+0000","event_type":"flow","src_ip":"172.16.0.1","dest_ip":"192.0.2.9","dest_port":22,"proto":"TCP","flow":{"bytes_toserver":1500,"bytes_toclient":90000,"alerted":true,"state":"closed"}"#,
    ),
    (
        6,
        r#""timestamp":"2026-11-24T11:00:00.000000+0000","event_type":"tls","src_ip":"10.0.0.7","dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","tls":{"sni":"www.example.org","version":"TLS 1.3"}"#,
    ),
];

fn sensor_of(seq: u64) -> &'static str {
    if seq == 6 { OTHER } else { SENSOR }
}

fn class_of(seq: u64) -> Class {
    if seq <= 2 {
        Class::Alert
    } else {
        Class::Record
    }
}

struct Bench {
    engine: Embedded,
    index: Arc<Index>,
    _folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let index = Index::open(folder.path(), Options::default()).expect("it opens");
    for (seq, body) in EVENTS {
        let stream = Stream {
            sensor: sensor_of(seq).to_owned(),
            epoch: 1,
            class: class_of(seq),
        };
        let event = Event::parse(format!("{{{body}}}").into_bytes()).expect("it is an event");
        index
            .append(&stream, [(seq, event)], seq, "2026-11-24T12:00:00Z")
            .expect("it appends");
    }
    index.commit().expect("it commits");
    let index = Arc::new(index);
    Bench {
        engine: Embedded::new(Arc::clone(&index)),
        index,
        _folder: folder,
    }
}

fn request(query: &str) -> Request {
    Request {
        query: parse(query).expect(query),
        from: None,
        to: None,
        class: ClassFilter::All,
        sensors: None,
    }
}

fn numbers(events: &[String]) -> Vec<u64> {
    events
        .iter()
        .map(|event| {
            let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
            event["matluoi"]["seq"].as_u64().expect("a number")
        })
        .collect()
}

#[tokio::test]
async fn operators_find_what_they_should() {
    let bench = bench();
    let rows: &[(&str, &[u64])] = &[
        ("", &[1, 2, 3, 4, 5, 6]),
        ("*", &[1, 2, 3, 4, 5, 6]),
        ("quet", &[1]),
        ("QUÉT cổng", &[1]),
        ("\"quet cong\"", &[1]),
        ("\"cong quet\"", &[]),
        ("exam*", &[3, 4, 6]),
        ("10.0.0.5", &[1, 3]),
        ("ip:10.0.0.5", &[1, 3]),
        ("ip:10.0.0.0/8", &[1, 2, 3, 4, 6]),
        ("10.9.0.0/16", &[2, 3]),
        ("src_ip:2001:db8::/32", &[2]),
        ("src_ip:[10.0.0.5 TO 10.0.0.6]", &[1, 3, 4]),
        ("NOT ip:10.0.0.0/8", &[5]),
        ("port:53", &[2, 3]),
        ("port:>1024", &[1, 3]),
        ("dest_port:[22 TO 80]", &[2, 3, 4, 5]),
        ("dest_port:{22 TO 80}", &[2, 3]),
        ("dest_port:<=53", &[2, 3, 5]),
        ("sid:2001", &[1]),
        ("sig:malware", &[2]),
        ("sig:\"quét cổng\"", &[1]),
        ("sev:1", &[2]),
        ("type:(dns OR http)", &[3, 4]),
        ("event_type:alert -sev:1", &[1]),
        ("!type:alert !type:dns", &[4, 5, 6]),
        ("dns.queries.rrname:*.example.com", &[3]),
        ("domain:mail*", &[3]),
        ("http.url:/admin*", &[4]),
        ("http.url:*login*", &[4]),
        ("http.status:404", &[4]),
        ("http.status:>=400", &[4]),
        ("http.status:[500 TO *]", &[]),
        ("flow.bytes_toclient:>50000", &[5]),
        ("flow.alerted:true", &[5]),
        ("tls.sni:*", &[6]),
        ("tls:*", &[6]),
        ("flow_id:77", &[3]),
        ("flow_id:*", &[3]),
        ("sid:*", &[1, 2]),
        ("proto:tcp AND (port:443 OR port:22)", &[1, 5, 6]),
        ("tls.version:\"TLS 1.3\"", &[6]),
        (
            "timestamp:[2026-11-24T10:00:01Z TO 2026-11-24T10:05:00Z]",
            &[3, 4, 5],
        ),
        ("-(type:alert OR type:dns)", &[4, 5, 6]),
        ("class:record", &[]),
        ("matluoi.class:record", &[3, 4, 5, 6]),
        ("matluoi.class:rec*", &[3, 4, 5, 6]),
        ("sensor:ffffffff-4e5f-4a6b-8c7d-9e0f1a2b3c4d", &[6]),
        ("-sensor:ffffffff*", &[1, 2, 3, 4, 5]),
        ("sensor:*", &[1, 2, 3, 4, 5, 6]),
        ("tls.sni:[www TO www.x]", &[6]),
        ("http.url:admin", &[]),
        ("http.status:404.0", &[]),
        ("flow.bytes_toserver:{1500 TO 90000}", &[]),
        ("src_ip:>10.0.0.6", &[2, 5, 6]),
        ("event_type:[dns TO flow]", &[3, 5]),
        ("alert:*", &[1, 2]),
        ("nothing.there:*", &[]),
        ("...", &[1, 2, 3, 4, 5, 6]),
    ];
    for (query, expected) in rows {
        let request = request(query);
        check(&request.query).expect(query);
        let hits = bench
            .engine
            .search(request.clone(), Sort::OldestFirst, 100, None)
            .await
            .unwrap_or_else(|e| panic!("{query}: {e}"));
        let mut found = numbers(&hits.events);
        found.sort_unstable();
        assert_eq!(found, *expected, "{query}");
        assert_eq!(hits.total, expected.len() as u64, "{query}");
        let counted = bench
            .engine
            .count(request.clone())
            .await
            .expect("it counts");
        assert_eq!(counted.total, expected.len() as u64, "{query}");
        // A sensor finds the same among its own records.
        let matcher = Matcher::new(&request.query).expect(query);
        let one_by_one = EVENTS.iter().filter(|(seq, body)| {
            let record = serde_json::from_str(&format!("{{{body}}}")).expect("JSON");
            let place = Place {
                sensor: sensor_of(*seq),
                class: class_of(*seq).name(),
            };
            matcher.matches(&record, place)
        });
        let one_by_one: Vec<u64> = one_by_one.map(|(seq, _)| *seq).collect();
        assert_eq!(one_by_one, *expected, "{query} at the sensor");
    }
}

#[tokio::test]
async fn kinds_are_checked_before_searching() {
    for (query, code) in [
        ("src_ip:abc", "bad_address"),
        ("sid:abc", "bad_number"),
        ("port:4*", "wildcard_not_here"),
        ("timestamp:>abc", "bad_time"),
    ] {
        let node = parse(query).expect(query);
        let error = check(&node).expect_err(query);
        assert_eq!(error.code.name(), code, "{query}");
        assert_eq!(error.position, 0);
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let bench = bench();
    for sort in [Sort::NewestFirst, Sort::OldestFirst] {
        for size in 1..=7 {
            let (mut cursor, mut found) = (None, Vec::new());
            loop {
                let hits = bench
                    .engine
                    .search(request(""), sort, size, cursor)
                    .await
                    .expect("it searches");
                assert!(hits.events.len() <= size);
                assert_eq!((hits.total, hits.total_is_exact), (6, true));
                found.extend(numbers(&hits.events));
                cursor = hits.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [1, 2, 3, 4, 5, 6], "{sort:?} {size}");
            let ends = (found[0], found[5]);
            let expected = if sort == Sort::NewestFirst {
                (6, 1)
            } else {
                (1, 6)
            };
            assert_eq!(ends, expected);
        }
    }
    let wrong = bench
        .engine
        .search(request(""), Sort::NewestFirst, 1, Some("x".to_owned()))
        .await;
    assert!(matches!(wrong, Err(SearchError::Cursor)));
}

#[tokio::test]
async fn time_class_and_scope_narrow() {
    let bench = bench();
    let micros = |text| collector_index::parse_timestamp(text);
    let mut late = request("");
    late.from = micros("2026-11-24T10:00:01Z");
    late.to = micros("2026-11-24T10:59:59Z");
    let mut alerts = request("");
    alerts.class = ClassFilter::Alert;
    let mut scoped = request("");
    scoped.sensors = Some(vec![OTHER.to_owned()]);
    let mut nobody = request("");
    nobody.sensors = Some(Vec::new());
    for (request, expected) in [
        (late, vec![3, 4, 5]),
        (alerts, vec![1, 2]),
        (scoped, vec![6]),
        (nobody, vec![]),
    ] {
        let hits = bench
            .engine
            .search(request, Sort::OldestFirst, 10, None)
            .await
            .expect("it searches");
        let mut found = numbers(&hits.events);
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn histogram_and_facets_add_up() {
    let bench = bench();
    let mut day = request("");
    day.from = collector_index::parse_timestamp("2026-11-24T00:00:00Z");
    day.to = collector_index::parse_timestamp("2026-11-24T23:59:59Z");
    let histogram = bench
        .engine
        .histogram(day.clone(), 24)
        .await
        .expect("it counts");
    assert_eq!(histogram.interval.as_secs(), 3_600);
    assert_eq!(histogram.buckets.len(), 24);
    let of = |hour: usize| {
        (
            histogram.buckets[hour].alerts,
            histogram.buckets[hour].records,
        )
    };
    assert_eq!((of(9), of(10), of(11)), ((0, 0), (1, 3), (0, 1)));

    let fields = ["src_ip", "port", "type", "dest_port", "http.status"];
    let fields = fields.map(str::to_owned).to_vec();
    let (facets, partial) = bench
        .engine
        .facets(day, fields, 1)
        .await
        .expect("it counts");
    assert!(!partial);
    assert_eq!(facets[0].values.len(), 1);
    assert_eq!(facets[0].other, 4);
    assert_eq!(
        facets[2].values.iter().map(|v| v.1).sum::<u64>() + facets[2].other,
        5
    );
    assert_eq!(facets[3].values, [("53".to_owned(), 2)]);
    assert_eq!(facets[4].values, [("404".to_owned(), 1)]);
}

#[tokio::test]
async fn tables_count_what_there_is() {
    let bench = bench();
    let read = parse_pipeline(
        "* | groupby dest_ip dest_port sum(flow.bytes_toclient) dc(src_ip) | groupby event_type | rare src_ip | head 2 \
         | groupby dns.queries.rrname dns.queries.rrtype",
    )
    .expect("it is well formed");
    let (tables, exact) = bench
        .engine
        .tables(request(""), read.groupings.clone())
        .await
        .expect("it counts");
    assert!(exact);
    let first = &tables[0].rows[0];
    assert_eq!(
        (first.values.join(" "), first.count),
        ("10.9.0.1 53".to_owned(), 2)
    );
    assert_eq!(first.measures, [None, Some(2.0)]);
    let ssh = tables[0].rows.iter().find(|row| row.values[1] == "22");
    assert_eq!(ssh.map(|row| row.measures[0]), Some(Some(90_000.0)));
    assert_eq!((tables[1].different, tables[1].total), (5, 6));
    assert_eq!(tables[1].rows[0].values, ["alert"]);
    assert_eq!(tables[2].rows.len(), 2);
    assert!(tables[2].rows.iter().all(|row| row.count == 1));
    assert_eq!(tables[3].rows[0].values, ["mail.example.com", "A"]);
    let time = collector_index::parse_timestamp("2026-11-24T10:00:01Z");
    assert_eq!(Some(tables[3].rows[0].first), time);

    let mut scoped = request("");
    scoped.sensors = Some(vec![OTHER.to_owned()]);
    let (tables, _) = bench
        .engine
        .tables(scoped, read.groupings)
        .await
        .expect("it counts");
    assert_eq!(tables[1].total, 1);
}

#[tokio::test]
async fn times_are_counted_from_now() {
    let bench = bench();
    let now = collector_index::parse_timestamp("2026-11-24T11:30:00Z").expect("a time");
    for (query, expected) in [
        ("timestamp:>-1h", 1_u64),
        ("timestamp:-90m", 5),
        ("timestamp:[-1d@d TO @d]", 1),
        ("timestamp:2026-11-24", 5),
        ("timestamp:2026-11-23", 1),
        ("timestamp:[2026-11-23 TO 2026-11-24]", 1),
    ] {
        let mut request = request(query);
        request.query = settled(request.query, Clock::vietnam(now));
        check(&request.query).expect(query);
        let counted = bench.engine.count(request).await.expect("it counts");
        assert_eq!(counted.total, expected, "{query}");
    }
}

#[tokio::test]
async fn pages_stay_while_events_arrive() {
    let bench = bench();
    let page = async |cursor| {
        bench
            .engine
            .search(request(""), Sort::NewestFirst, 2, cursor)
            .await
            .expect("it searches")
    };
    let first = page(None).await;
    let stream = Stream {
        sensor: SENSOR.to_owned(),
        epoch: 2,
        class: Class::Record,
    };
    let line = br#"{"timestamp":"2026-11-24T12:00:00.000000+0000","event_type":"dns"}"#;
    let event = Event::parse(line.to_vec()).expect("an event");
    bench
        .index
        .append(&stream, [(99, event)], 99, "2026-11-24T12:00:00Z")
        .expect("it appends");
    bench.index.commit().expect("it commits");
    let second = page(first.next_cursor).await;
    assert_eq!(numbers(&first.events), [6, 5]);
    assert!(
        numbers(&second.events)
            .iter()
            .all(|seq| [3, 4].contains(seq))
    );
}

#[tokio::test]
async fn one_event_is_seen_by_those_who_may() {
    let bench = bench();
    let hits = bench
        .engine
        .search(request("sid:2001"), Sort::NewestFirst, 1, None)
        .await
        .expect("it searches");
    let event: serde_json::Value = serde_json::from_str(&hits.events[0]).expect("JSON");
    let id = event["matluoi"]["id"].as_str().expect("an id").to_owned();
    for (id, sensors, seen) in [
        (id.clone(), None, true),
        (id.clone(), Some(vec![SENSOR.to_owned()]), true),
        (id, Some(vec![OTHER.to_owned()]), false),
        ("nothing".to_owned(), None, false),
    ] {
        let found = bench.engine.get(id, sensors).await.expect("it looks");
        assert_eq!(found.is_some(), seen);
    }
}
