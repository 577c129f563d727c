//! Cases over HTTP, from an alert to the merged and exported incident.

mod support;

use std::io::{Cursor, Read as _};

use axum::http::StatusCode;
use collector_index::{Event, Stream};
use sensor_event::Class;
use serde_json::{Value, json};
use support::Server;

#[tokio::test]
async fn a_case_is_made_of_alerts_and_worked_on() {
    let mut server = Server::start().await;
    let new = json!({ "title": "Quét mạng nội bộ", "severity": 2, "serious": true, "detected": "now-30h", "groups": [1, 2] });
    let (status, case) = server.ask("POST", "/cases", new).await;
    assert_eq!(status, StatusCode::OK, "{case}");
    assert_eq!(case["groups"], 2);
    let clock = |case: &Value, at: usize| {
        (
            case["clocks"][at]["name"].clone(),
            case["clocks"][at]["late"].clone(),
        )
    };
    assert_eq!(clock(&case, 0), (json!("notice"), json!(true)));
    assert_eq!(clock(&case, 1), (json!("report"), json!(false)));
    let id = case["id"].clone();
    let parts = format!("/cases/{id}/parts");
    for part in [
        json!({ "note": "đã gọi cho đơn vị" }),
        json!({ "host": { "address": "10.1.1.1", "part": "victim", "note": "máy kế toán" } }),
        json!({ "task": { "title": "Ngắt mạng", "due": "now+2h" } }),
        json!({ "happened": { "at": "now-31h", "text": "thư lừa đảo" } }),
    ] {
        let (status, told) = server.ask("POST", &parts, part).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    }
    for faulty in [
        json!({}),
        json!({ "note": "a", "remove_host": "10.1.1.1" }),
        json!({ "notes": "a" }),
    ] {
        let (status, told) = server.ask("POST", &parts, faulty).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert_eq!(told["code"], "unreadable", "{told}");
    }
    let (_, one) = server
        .ask("GET", &format!("/cases/{id}"), Value::Null)
        .await;
    assert_eq!(one["events"][0]["text"], "thư lừa đảo");
    let task = one["tasks"][0]["id"].clone();
    let (_, done) = server
        .ask(
            "POST",
            &parts,
            json!({ "task_done": { "id": task, "done": true } }),
        )
        .await;
    assert_eq!(done["tasks"][0]["done_by"], "admin");
    let change = json!({ "version": case["version"], "status": "contained", "notice_sent": "now", "cause": "macro" });
    let (status, changed) = server
        .ask("PATCH", &format!("/cases/{id}"), change.clone())
        .await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["clocks"][0]["late"], true, "six hours late");
    let (status, _) = server.ask("PATCH", &format!("/cases/{id}"), change).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, added) = server
        .ask(
            "POST",
            &format!("/cases/{id}/files?name=a%20b.txt"),
            json!("nội dung"),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{added}");
    let (_, file) = server
        .ask(
            "GET",
            &format!("/cases/{id}/files/{}", added["id"]),
            Value::Null,
        )
        .await;
    assert_eq!(file, json!("nội dung"));
    let (_, other) = server
        .ask("POST", "/cases", json!({ "title": "khác", "severity": 3 }))
        .await;
    let (status, merged) = server
        .ask(
            "POST",
            &format!("/cases/{id}/merge"),
            json!({ "into": other["id"] }),
        )
        .await;
    assert_eq!((status, &merged["groups"]), (StatusCode::OK, &json!(2)));
    let (_, open) = server.ask("GET", "/cases?status=open", Value::Null).await;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1));
    let (_, of_group) = server.ask("GET", "/cases?group=1", Value::Null).await;
    assert_eq!(of_group["items"].as_array().map(Vec::len), Some(2));
    let (_, export) = server
        .ask(
            "GET",
            &format!("/cases/{}/export", other["id"]),
            Value::Null,
        )
        .await;
    assert_eq!(export["files"].as_array().map(Vec::len), Some(1));
}

/// Two records of a flow, its alert among them, and one of another flow.
fn records(server: &Server) {
    let records = [
        (
            Class::Alert,
            r#"{"timestamp":"2025-11-24T15:59:00.000001+0000","event_type":"alert","src_ip":"10.1.1.1","dest_ip":"10.0.0.9","flow_id":7007199254740993,"alert":{"signature_id":1,"signature":"Quét cổng TCP","severity":1}}"#,
        ),
        (
            Class::Record,
            r#"{"timestamp":"2025-11-24T15:58:59.000000+0000","event_type":"dns","src_ip":"10.1.1.1","dest_ip":"10.0.0.9","flow_id":7007199254740993}"#,
        ),
        (
            Class::Record,
            r#"{"timestamp":"2025-11-24T15:58:59.000000+0000","event_type":"dns","src_ip":"10.1.1.1","dest_ip":"10.0.0.9","flow_id":8}"#,
        ),
    ];
    for (seq, (class, line)) in (1_u64..).zip(records) {
        let stream = Stream {
            sensor: server.sensor.clone(),
            epoch: 7,
            class,
        };
        let event = Event::parse(line.as_bytes().to_vec()).expect("an event");
        server
            .index
            .append(&stream, [(seq, event)], seq, "2025-11-24T16:00:00Z")
            .expect("it appends");
    }
    server.index.commit().expect("it commits");
}

#[tokio::test]
async fn a_case_is_handed_on_as_one_archive() {
    let mut server = Server::start().await;
    records(&server);
    let new = json!({ "title": "Quét mạng nội bộ", "severity": 2, "groups": [1] });
    let (_, case) = server.ask("POST", "/cases", new).await;
    let one = format!("/cases/{}", case["id"]);
    server
        .send(
            "POST",
            &format!("{one}/files?name=a%20b.txt"),
            b"bytes".to_vec(),
        )
        .await;
    let note = json!({ "note": "đã gọi cho đơn vị" });
    server.ask("POST", &format!("{one}/parts"), note).await;
    let (status, bytes) = server.fetch(&format!("{one}/package?language=en")).await;
    assert_eq!(status, StatusCode::OK);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut member = |name: &str| {
        let mut found = Vec::new();
        let mut file = archive
            .by_name(&format!("case-{}/{name}", case["id"]))
            .expect(name);
        file.read_to_end(&mut found).expect("readable");
        found
    };
    assert!(member("fact-sheet.pdf").starts_with(b"%PDF"));
    assert!(member("fact-sheet.docx").starts_with(b"PK"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let records = text(member("records.ndjson"));
    let kinds: Vec<Value> = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a record")["event_type"].clone())
        .collect();
    assert_eq!(
        kinds,
        ["dns", "alert"],
        "in the order of time, and of no other flow"
    );
    assert!(text(member("notes.txt")).contains("đã gọi cho đơn vị"));
    let evidence = text(member("evidence.sha256"));
    assert!(evidence.ends_with("  a b.txt\n"), "{evidence}");
    let body: Value = serde_json::from_slice(&member("case.json")).expect("JSON");
    assert_eq!(body["case"]["title"], "Quét mạng nội bộ");
    let manifest: Value = serde_json::from_slice(&member("manifest.json")).expect("JSON");
    assert_eq!(
        (&manifest["records"], &manifest["records_left_out"]),
        (&json!(2), &json!(false))
    );
    let sums = text(member("SHA256SUMS"));
    assert_eq!(sums.lines().count(), 7, "{sums}");
    let page = collector_state::Page {
        limit: 5,
        before: None,
    };
    let audit = server
        .store
        .audit_log(
            &collector_state::Scope::All,
            &collector_state::AuditFilter::default(),
            page,
        )
        .await
        .expect("read")
        .items;
    assert!(
        audit.iter().any(|row| row.action == "case.package"),
        "{audit:?}"
    );
    let (status, _) = server.fetch(&format!("{one}/package?language=xx")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
