//! Reports and rules over HTTP.

mod support;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::Server;

/// Keeps a file for somebody to look at, in the folder that LOOK_AT names.
fn look_at(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("LOOK_AT") {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path, bytes).expect("written");
    }
}

#[tokio::test]
async fn periods_and_cases_become_documents() {
    let mut server = Server::start().await;
    let new = json!({ "title": "Quét mạng", "severity": 2, "serious": true, "groups": [1] });
    let (_, case) = server.ask("POST", "/cases", new).await;
    let close =
        json!({ "ids": [2], "action": "close", "verdict": "false_positive", "reason": "x" });
    server.ask("POST", "/groups/actions", close).await;
    for kind in ["daily", "weekly", "monthly", "handover"] {
        let path = format!("/reports/period?kind={kind}&from=now-1d&to=now%2B1h");
        let (status, told) = server.ask("GET", &path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let text = told.to_string();
        assert!(
            text.contains("2 nhóm cảnh báo mới") && text.contains("1 cảnh báo giả"),
            "{text}"
        );
        assert!(text.contains("Quét mạng") && text.contains("Cảm biến"));
        for form in ["pdf", "docx"] {
            let (status, bytes) = server.fetch(&format!("{path}&form={form}")).await;
            assert_eq!(status, StatusCode::OK, "{kind} {form}");
            look_at(&format!("{kind}.{form}"), &bytes);
        }
    }
    let sheet = format!("/reports/case/{}", case["id"]);
    let (_, bytes) = server.fetch(&format!("{sheet}?form=pdf")).await;
    assert!(bytes.starts_with(b"%PDF-"));
    look_at("case.pdf", &bytes);
    let (_, bytes) = server.fetch(&format!("{sheet}?form=docx")).await;
    look_at("case.docx", &bytes);
    let (status, told) = server
        .ask("GET", &format!("{sheet}?language=en"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(told.to_string().contains("First notice (24 h)"));
    for (path, status) in [
        (
            "/reports/period?kind=yearly&from=now-1d&to=now",
            StatusCode::BAD_REQUEST,
        ),
        (
            "/reports/period?kind=daily&from=now&to=now-1d",
            StatusCode::BAD_REQUEST,
        ),
        (
            "/reports/period?kind=daily&from=now-1d&to=now&form=odt",
            StatusCode::BAD_REQUEST,
        ),
        ("/reports/case/99", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(
            server.ask("GET", path, Value::Null).await.0,
            status,
            "{path}"
        );
    }
}

#[tokio::test]
async fn rules_tell_what_came_of_them() {
    let mut server = Server::start().await;
    let close = json!({ "ids": [1], "action": "close", "verdict": "true_positive", "reason": "x" });
    server.ask("POST", "/groups/actions", close).await;
    let hide = json!({ "conditions": [{ "field": "sid", "test": "is", "values": ["1"] }], "reason": "x", "expires": "now+1d" });
    server.ask("POST", "/hide-rules", hide).await;
    let (_, rules) = server.ask("GET", "/rules", Value::Null).await;
    let rule = &rules[0];
    assert_eq!((&rule["sid"], &rule["alerts"]), (&json!(1), &json!(3)));
    assert_eq!(
        (&rule["closed"], &rule["true_positive"], &rule["hide_rules"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let (status, one) = server.ask("GET", "/rules/1", Value::Null).await;
    assert_eq!(
        (status, &one["rule"]["groups"]),
        (StatusCode::OK, &json!(2))
    );
    let (status, _) = server.ask("GET", "/rules/77", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
