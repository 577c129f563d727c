//! A session from sign-in to its end, the inbox's summary, and the units, over HTTP.

mod support;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::{PASSWORD, Server};

const NEW_PASSWORD: &str = "another long password";

#[tokio::test]
async fn the_summary_counts_what_the_filter_holds() {
    let mut server = Server::start_alone().await;
    assert_eq!(server.sign_in(PASSWORD).await, StatusCode::OK);
    for (query, groups, alerts, severities) in [
        ("", 2, 3, vec![1, 3]),
        ("?severity=1", 1, 2, vec![1]),
        ("?q=src:10.2.0.0/16", 1, 1, vec![3]),
        ("?q=dest:10.2.0.0/16", 0, 0, vec![]),
        ("?q=10.0.0.9", 2, 3, vec![1, 3]),
        ("?q=quet&status=closed", 0, 0, vec![]),
    ] {
        let (status, body) = server
            .ask("GET", &format!("/groups/summary{query}"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        assert_eq!(body["groups"], groups, "{query}");
        assert_eq!(body["alerts"], alerts, "{query}");
        let named: Vec<&Value> = body["severities"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| &row["severity"])
            .collect();
        assert_eq!(named, severities, "{query}");
    }
    let (_, list) = server
        .ask("GET", "/groups?sort=count&order=asc&limit=1", Value::Null)
        .await;
    assert_eq!(list["items"][0]["count"], 1);
    let (status, body) = server.ask("GET", "/groups?order=up", Value::Null).await;
    assert_eq!(
        (status, &body["field"]),
        (StatusCode::BAD_REQUEST, &json!("order"))
    );
}

#[tokio::test]
async fn a_session_changes_its_password_and_ends_everywhere() {
    let mut server = Server::start_alone().await;
    assert_eq!(server.sign_in("wrong").await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.sign_in(PASSWORD).await, StatusCode::OK);
    let (_, units) = server.ask("GET", "/units", Value::Null).await;
    assert_eq!(units[0]["id"], 1);

    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let (status, body) = server
        .ask("PUT", "/session/password", change("wrong", NEW_PASSWORD))
        .await;
    assert_eq!(
        (status, &body["field"]),
        (StatusCode::BAD_REQUEST, &json!("current"))
    );
    let (status, _) = server
        .ask("PUT", "/session/password", change(PASSWORD, NEW_PASSWORD))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);

    let cookie = server.cookie.clone();
    let (status, _) = server.ask("DELETE", "/session/all", Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    server.cookie = cookie;
    let (status, _) = server.ask("GET", "/session", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.sign_in(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.sign_in(NEW_PASSWORD).await, StatusCode::OK);
}

#[tokio::test]
async fn administrators_read_what_people_of_their_units_did() {
    let mut server = Server::start().await;
    let unit = json!({ "parent_id": 1, "name": "Xã An Bình", "kind": "xã" });
    let (_, unit) = server.ask("POST", "/units", unit).await;
    for (name, role) in [("binh", "administrator"), ("chi", "rule_author")] {
        let person = json!({ "name": name, "display_name": name, "role": role, "unit_id": unit["id"], "password": PASSWORD });
        let (status, told) = server.ask("POST", "/users", person).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    }
    let (status, all) = server
        .ask("GET", "/audit?action=user&limit=1", Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK, "{all}");
    assert_eq!(
        (&all["total"], all["items"].as_array().map(Vec::len)),
        (&json!(2), Some(1))
    );
    let (action, user) = (&all["items"][0]["action"], &all["items"][0]["user"]);
    assert_eq!((action, user), (&json!("user.create"), &json!("admin")));
    let before = format!("/audit?action=user&before={}", all["next"]);
    let (_, rest) = server.ask("GET", &before, Value::Null).await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    let (_, chain) = server.ask("GET", "/audit/chain", Value::Null).await;
    // Signing in, a unit, two accounts.
    assert_eq!(chain, json!({ "rows": 4, "broken_at": null }));
    let (status, told) = server.ask("GET", "/audit?from=soon", Value::Null).await;
    assert_eq!(
        (status, &told["field"]),
        (StatusCode::BAD_REQUEST, &json!("from"))
    );

    assert_eq!(server.sign_in_as("binh", PASSWORD).await, StatusCode::OK);
    let (_, own) = server.ask("GET", "/audit", Value::Null).await;
    assert_eq!(
        (&own["total"], &own["items"][0]["user"]),
        (&json!(1), &json!("binh"))
    );
    let (status, file) = server.fetch("/audit/file?user=binh").await;
    assert_eq!(status, StatusCode::OK);
    let file = String::from_utf8(file).expect("text");
    let lines: Vec<&str> = file.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "\u{feff}id,time,user,address,action,target,detail,hash"
    );
    // The newest first: that the file is fetched stands in it.
    assert!(lines[1].contains(",binh,local,audit.file,,"), "{file}");
    assert!(
        lines[2].contains(",binh,local,session.create,,{},"),
        "{file}"
    );
    assert_eq!(lines.len(), 4, "{file}");
    let (status, _) = server.ask("GET", "/audit/chain", Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    assert_eq!(server.sign_in_as("chi", PASSWORD).await, StatusCode::OK);
    for path in ["/audit", "/audit/file", "/audit/chain"] {
        let (status, _) = server.ask("GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
}
