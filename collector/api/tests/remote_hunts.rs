//! Hunts on sensors: what can be asked is told first, what was found is merged with its sensor's name, and its limits.

mod support;

use axum::http::StatusCode;
use collector_index::{Event, Stream};
use collector_state::{
    HeartbeatSeen, Kept, RemoteFound, RemotePlace, RemoteRow, RemoteStep, SpoolSeen,
};
use sensor_event::Class;
use serde_json::{Value, json};
use support::{NOW, Server};

/// The sensor tells of its archive.
async fn heartbeat(server: &Server, stats: Value) {
    let stats = stats.to_string();
    let seen = HeartbeatSeen {
        sensor_id: &server.sensor,
        epoch: 1,
        version: "1",
        ruleset_hash: "",
        remote_addr: "",
        sent: NOW,
        received: NOW,
        stats: &stats,
        spool: &SpoolSeen::default(),
    };
    server.store.record_heartbeat(seen).await.expect("noted");
}

fn archive() -> Value {
    json!({ "archive": {
        "bytes": 5, "budget_bytes": 10, "records": 3, "oldest_ms": 1_000, "newest_ms": 2_000, "rotated": true,
        "torn_segments": 0, "lost_segments": 0, "stay": ["dns"], "kept": 3, "left_out": { "queue_full": 2 },
        "gone": { "budget": 1, "age": 0 }
    } })
}

fn hunt(q: &str) -> Value {
    json!({ "q": q, "from": "2025-11-24T00:00:00Z", "to": "2025-11-25T00:00:00Z", "limit": 5 })
}

#[tokio::test]
async fn it_is_told_what_can_be_hunted() {
    let mut server = Server::start().await;
    for (stats, state) in [
        (json!({}), "unknown"),
        (json!({ "archive": null }), "off"),
        (archive(), "kept"),
    ] {
        heartbeat(&server, stats).await;
        let (status, told) = server
            .ask("GET", "/remote-hunts/archives", Value::Null)
            .await;
        assert_eq!((status, &told[0]["state"]), (StatusCode::OK, &json!(state)));
        let (_, begun) = server.ask("POST", "/remote-hunts", hunt("dns")).await;
        let sensor = &begun["sensors"][0];
        if state == "kept" {
            assert_eq!(
                (&sensor["state"], &begun["open"]),
                (&json!("queued"), &json!(true))
            );
            assert_eq!(told[0]["oldest"], "1970-01-01T00:00:01Z");
            assert_eq!(
                (&told[0]["left_out"], &told[0]["stay"]),
                (&json!(2), &json!(["dns"]))
            );
        } else {
            assert_eq!(
                (&sensor["state"], &sensor["reason"]),
                (&json!("failed"), &json!(state))
            );
            assert_eq!(begun["open"], false);
        }
    }
    for (wrong, code) in [
        (hunt("dns | groupby src_ip"), "command_not_at_sensors"),
        (hunt("id:x"), "field_not_at_sensors"),
        (hunt("src_ip:abc"), "bad_address"),
        (
            json!({ "q": "", "from": "now", "to": "now-1h" }),
            "after_to",
        ),
        (
            json!({ "q": "", "from": "now-1h", "sensors": ["nobody"] }),
            "unknown",
        ),
        (json!({ "q": "", "from": "now-1h", "sensors": [] }), "none"),
    ] {
        let (status, problem) = server.ask("POST", "/remote-hunts", wrong).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!(code))
        );
    }
}

/// A file of a search with what the hunt has found: two records at the beginning of 1970, behind one of the collector's.
async fn exported(server: &mut Server, hunt: i64) {
    let line =
        r#"{"timestamp":"2025-11-24T15:59:00.000001+0000","event_type":"dns","src_ip":"10.0.0.1"}"#;
    let stream = Stream {
        sensor: server.sensor.clone(),
        epoch: 1,
        class: Class::Record,
    };
    let event = Event::parse(line.as_bytes().to_vec()).expect("an event");
    let index = &server.index;
    index
        .append(&stream, [(1, event)], 1, "2025-11-24T16:00:00Z")
        .expect("it appends");
    index.commit().expect("it commits");
    let asked = |format: &str, q: &str, hunt: i64| {
        json!({
            "q": q, "from": "2025-11-24T00:00:00Z", "to": "2025-11-25T00:00:00Z", "format": format,
            "columns": ["event_type"], "remote_hunt": hunt
        })
    };
    let other = server
        .ask("POST", "/exports", asked("csv", "type:dns", hunt + 1_000))
        .await;
    assert_eq!(other.0, StatusCode::NOT_FOUND);
    for (format, q, lines) in [
        ("csv", "type:dns", 4),
        ("ndjson", "type:dns", 3),
        ("ndjson", "type:dns | head 2", 2),
        ("parquet", "type:dns", 0),
    ] {
        let (status, begun) = server.ask("POST", "/exports", asked(format, q, hunt)).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        let export = loop {
            let (_, list) = server.ask("GET", "/exports", Value::Null).await;
            let all = list.as_array().expect("a list");
            let one = all.iter().find(|one| one["id"] == begun["id"]);
            let one = one.expect("it is there");
            if one["status"] != "running" {
                break one.clone();
            }
            tokio::task::yield_now().await;
        };
        let rows = if q.contains("head") { 2 } else { 3 };
        assert_eq!(
            (&export["status"], &export["rows"], &export["total"]),
            (&json!("ready"), &json!(rows), &json!(rows)),
            "{export}"
        );
        // A limit has ended the sensor's search: it is not all.
        assert_eq!(export["complete"], false, "{export}");
        let id = begun["id"].as_str().expect("an id");
        let (_, file) = server.fetch(&format!("/exports/{id}/file")).await;
        if format == "parquet" {
            assert!(file.starts_with(b"PAR1"));
            continue;
        }
        let text = String::from_utf8(file).expect("text");
        assert_eq!(text.lines().count(), lines, "{text}");
        if format == "csv" {
            assert!(text.starts_with("\u{feff}timestamp,event_type,matluoi.kept_at\r\n"));
            assert!(text.ends_with("dns,sensor\r\n"), "{text}");
        } else {
            assert!(text.starts_with("{\"timestamp\":\"2025-11-24"), "{text}");
            assert!(text.contains("\"kept_at\":\"sensor\""), "{text}");
        }
    }
}

#[tokio::test]
async fn what_sensors_found_is_merged_and_marked() {
    let mut server = Server::start().await;
    heartbeat(&server, archive()).await;
    let mut changed = server.shelf.changed();
    let (status, begun) = server.ask("POST", "/remote-hunts", hunt("type:dns")).await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    assert!(changed.has_changed().expect("the shelf lives"));
    changed.borrow_and_update();
    let id = begun["id"].as_i64().expect("a number");
    let open = server
        .store
        .open_remote_hunts(&server.sensor, NOW)
        .await
        .expect("read");
    assert_eq!(open[0].rows_left, 5);
    assert_eq!(
        serde_json::from_str::<Value>(&open[0].tree).expect("JSON"),
        json!({ "field": { "path": "event_type", "test": { "is": "dns" } } })
    );
    let row = |entry, record: &str| RemoteRow {
        place: RemotePlace {
            segment: 1,
            offset: 2,
            entry,
        },
        class: "record".to_owned(),
        at_us: i64::from(entry),
        record: record.to_owned(),
    };
    let found = RemoteFound {
        step: RemoteStep::Done("rows".to_owned()),
        before: None,
        total: 9,
        looked_at: 7,
        kept: Kept {
            oldest_us: Some(1_000_000),
            ..Kept::default()
        },
        rows: vec![
            row(1, r#"{"event_type":"dns","matluoi":{"facts":1}}"#),
            row(2, r#"{"event_type":"dns"}"#),
        ],
    };
    let stored = server
        .store
        .remote_hunt_found(id, &server.sensor, &found, NOW);
    assert!(!stored.await.expect("noted"));
    let path = format!("/remote-hunts/{id}");
    let (_, told) = server.ask("GET", &path, Value::Null).await;
    let counts = [
        &told["answered"],
        &told["asked"],
        &told["found"],
        &told["open"],
    ];
    assert_eq!(counts, [&json!(1), &json!(1), &json!(2), &json!(false)]);
    let sensor = &told["sensors"][0];
    assert_eq!(
        (&sensor["reason"], &sensor["looked_at"]),
        (&json!("rows"), &json!(7))
    );
    assert_eq!(sensor["oldest"], "1970-01-01T00:00:01Z");
    let (_, events) = server
        .ask("GET", &format!("{path}/events"), Value::Null)
        .await;
    let items = events["items"].as_array().expect("a list");
    assert_eq!(
        items[0]["matluoi"]["id"],
        format!("{}-kept-1-2-2", server.sensor)
    );
    assert_eq!(items[1]["matluoi"]["facts"], 1);
    for item in items {
        assert_eq!(item["matluoi"]["kept_at"], "sensor");
        assert_eq!(item["matluoi"]["sensor"], json!(server.sensor));
    }

    exported(&mut server, id).await;
    let (_, list) = server.ask("GET", "/remote-hunts", Value::Null).await;
    assert_eq!(list[0]["id"], id);
    let (_, again) = server.ask("POST", "/remote-hunts", hunt("type:dns")).await;
    let cancel = format!("/remote-hunts/{}/cancel", again["id"]);
    let (_, told) = server.ask("POST", &cancel, json!({})).await;
    assert_eq!(
        (&told["open"], &told["sensors"][0]["state"]),
        (&json!(false), &json!("cancelled"))
    );
    let open = server.store.open_remote_hunts(&server.sensor, NOW).await;
    assert!(open.expect("read").is_empty());
    let (status, _) = server.ask("DELETE", &path, json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = server
        .ask("GET", &format!("{path}/events"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let audit = server.audited().await;
    for action in [
        "remote_hunt.create",
        "remote_hunt.cancel",
        "remote_hunt.delete",
    ] {
        assert!(audit.iter().any(|row| row.action == action), "{action}");
    }
}
