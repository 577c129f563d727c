//! Cases over HTTP, from an alert to the merged and exported incident.

mod support;

use axum::http::StatusCode;
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
