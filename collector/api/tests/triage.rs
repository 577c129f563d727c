//! Working through the inbox over HTTP: conflicts, everything that matches, the memory of verdicts, hiding.

mod support;

use std::time::Duration;

use axum::http::StatusCode;
use collector_state::{Action, Actor, Change, GroupId, Scope, Target};
use serde_json::{Value, json};
use support::Server;

async fn list(server: &mut Server, query: &str) -> Value {
    let (status, body) = server
        .ask("GET", &format!("/groups{query}"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    body
}

#[tokio::test]
async fn two_analysts_do_not_overwrite_each_other() {
    let mut server = Server::start().await;
    let group = list(&mut server, "").await["items"][0].clone();
    let (id, version) = (&group["id"], &group["version"]);
    let act = |action: &str, version: &Value| json!({ "ids": [id], "versions": [version], "action": action });
    let taken = Change {
        action: Action::Acknowledge,
        verdict: None,
        reason: None,
        comment: None,
        owner: None,
        mute_until: None,
    };
    let target = Target {
        id: GroupId(id.as_i64().expect("a number")),
        version: None,
    };
    let minh = Actor {
        user: "minh",
        address: "local",
        scope: &Scope::All,
        now: support::NOW,
    };
    let taken = server.store.act(&[target], &taken, minh, "t").await;
    assert_eq!(taken.expect("taken").changed, 1);
    let (status, late) = server
        .ask("POST", "/groups/actions", act("escalate", version))
        .await;
    assert_eq!((status, &late["changed"]), (StatusCode::OK, &json!(0)));
    assert_eq!(late["conflicts"][0]["owner"], "minh");
    assert_eq!(late["conflicts"][0]["status"], "open");
    let newer = &late["conflicts"][0]["version"];
    let (_, again) = server
        .ask("POST", "/groups/actions", act("escalate", newer))
        .await;
    assert_eq!(again["changed"], 1);
    let (_, one) = server
        .ask("GET", &format!("/groups/{id}"), Value::Null)
        .await;
    assert_eq!(one["group"]["escalated"], true);
    let history = one["history"].as_array().expect("a list");
    assert_eq!(history.len(), 2);
    assert!(
        history
            .iter()
            .all(|entry| entry["intact"] == true && entry["address"] == "local")
    );
}

#[tokio::test]
async fn everything_that_matches_is_done_and_undone() {
    let mut server = Server::start().await;
    let close = json!({ "status": "new", "q": "src:10.0.0.0/8", "action": "close", "verdict": "benign", "reason": "quét" });
    let (status, bulk) = server.ask("POST", "/groups/actions/matching", close).await;
    assert_eq!(status, StatusCode::OK, "{bulk}");
    assert_eq!(bulk["total"], 2);
    let path = format!("/groups/bulk/{}", bulk["id"]);
    let mut told = Value::Null;
    for _ in 0..200 {
        (_, told) = server.ask("GET", &path, Value::Null).await;
        if told["state"] != "running" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        (&told["state"], &told["changed"]),
        (&json!("done"), &json!(2))
    );
    assert_eq!(list(&mut server, "").await["tabs"]["closed"], 2);
    let (_, memory) = server.ask("GET", "/groups/1", Value::Null).await;
    assert_eq!(memory["memory"]["benign"], 1, "the other one's");
    assert_eq!(memory["memory"]["reasons"][0]["reason"], "quét");
    assert_eq!(memory["group"]["risk_parts"]["closed"], 2);
    let undo = json!({ "undo_token": bulk["undo_token"] });
    let (_, undone) = server.ask("POST", "/groups/actions/undo", undo).await;
    assert_eq!(undone["changed"], 2);
    assert_eq!(list(&mut server, "").await["tabs"]["new"], 2);
    let (status, _) = server
        .ask(
            "POST",
            "/groups/actions/matching",
            json!({ "action": "close" }),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a close says why");
    let (status, _) = server.ask("GET", "/groups/bulk/99", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hiding_is_tried_made_and_ended() {
    let mut server = Server::start().await;
    let conditions = json!([{ "field": "source", "test": "network", "values": ["10.1.0.0/16"] },
        { "field": "sid", "test": "is", "values": ["1"] }]);
    let (status, preview) = server
        .ask(
            "POST",
            "/hide-rules/preview",
            json!({ "conditions": conditions }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{preview}");
    assert_eq!(
        (&preview["groups"], &preview["groups_of"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&preview["alerts"], &preview["alerts_of"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(preview["examples"][0]["source"], "10.1.1.1");
    let rule = json!({ "conditions": conditions, "reason": "máy quét", "expires": "now+30d" });
    let (status, made) = server.ask("POST", "/hide-rules", rule).await;
    assert_eq!(
        (status, &made["hidden"]),
        (StatusCode::OK, &json!(1)),
        "{made}"
    );
    let hidden = list(&mut server, "?status=hidden").await;
    assert_eq!(
        (&hidden["total"], &hidden["tabs"]["hidden"]),
        (&json!(1), &json!(1))
    );
    let (_, rules) = server.ask("GET", "/hide-rules", Value::Null).await;
    assert_eq!(rules[0]["conditions"], conditions);
    let (_, ended) = server
        .ask(
            "DELETE",
            &format!("/hide-rules/{}", made["rule"]["id"]),
            Value::Null,
        )
        .await;
    assert_eq!(ended["shown"], 1);
    for (fault, body) in [
        (
            "conditions",
            json!({ "conditions": [], "reason": "x", "expires": "now+1d" }),
        ),
        (
            "reason",
            json!({ "conditions": conditions, "reason": " ", "expires": "now+1d" }),
        ),
        (
            "expires",
            json!({ "conditions": conditions, "reason": "x", "expires": "now+900d" }),
        ),
    ] {
        let (status, told) = server.ask("POST", "/hide-rules", body).await;
        assert_eq!(
            (status, &told["field"]),
            (StatusCode::BAD_REQUEST, &json!(fault))
        );
    }
}

#[tokio::test]
async fn machines_have_names_and_groups_roll_up() {
    let mut server = Server::start().await;
    let asset =
        json!({ "network": "10.1.1.1", "name": "máy chủ thư", "importance": 5, "unit_id": 1 });
    let (status, kept) = server.ask("PUT", "/assets", asset).await;
    assert_eq!(status, StatusCode::OK, "{kept}");
    let group = list(&mut server, "?q=10.1.1.1").await["items"][0].clone();
    assert_eq!(group["source_name"], "máy chủ thư");
    assert_eq!(group["risk_parts"]["importance_percent"], 200);
    let (_, rolled) = server
        .ask("GET", "/groups/rolled?by=destination", Value::Null)
        .await;
    assert_eq!(
        (&rolled[0]["groups"], &rolled[0]["sources"]),
        (&json!(2), &json!(2))
    );
    let (status, _) = server
        .ask("DELETE", &format!("/assets/{}", kept["id"]), Value::Null)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_take_it() {
    let server = Server::start().await;
    let gzip = Some("gzip".to_owned());
    assert_eq!(server.encoding("/groups").await, gzip);
    assert_eq!(server.encoding("/openapi.json").await, gzip);
    // Short ones, and those that never end, are not.
    assert_eq!(server.encoding("/session").await, None);
    assert_eq!(server.encoding("/groups/live").await, None);
}

#[tokio::test]
async fn rules_tell_how_often_they_hit_lately() {
    let mut server = Server::start().await;
    let days = ["24T15:59", "24T15:30", "20T10:00", "01T10:00"];
    for (seq, day) in (1_u64..).zip(days) {
        let line = format!(
            r#"{{"timestamp":"2025-11-{day}:00.000000+0000","event_type":"alert","src_ip":"10.1.1.1","dest_ip":"10.0.0.9","alert":{{"signature_id":1,"signature":"Quét","severity":1}}}}"#
        );
        let stream = collector_index::Stream {
            sensor: server.sensor.clone(),
            epoch: 7,
            class: sensor_event::Class::Alert,
        };
        let event = collector_index::Event::parse(line.into_bytes()).expect("an event");
        server
            .index
            .append(&stream, [(seq, event)], seq, "2025-11-24T16:00:00Z")
            .expect("it appends");
    }
    server.index.commit().expect("it commits");
    let (status, told) = server.ask("GET", "/rules/hits", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        told,
        json!({ "hits": [{ "sid": 1, "day": 2, "week": 3, "month": 4 }], "partial": false })
    );
}
