//! Sigma rules over stored records: planned, run in the background, watched, stopped.

mod support;

use std::time::Duration;

use axum::http::StatusCode;
use collector_index::{Event, Stream};
use collector_state::NewPack;
use sensor_event::Class;
use serde_json::{Value, json};
use support::{NOW, Server};

const RULES: &str = "
title: Tunnel
name: tunnel
id: 8b1f0a00-0000-4000-8000-000000000001
level: high
logsource: {category: dns}
detection:
  selection: {query|endswith: .tunnel.example}
  condition: selection
---
title: Long names
logsource: {category: dns}
detection:
  selection: {query|re: '^[a-z0-9]{20,}\\.'}
  condition: selection
---
title: Many tunnels
correlation:
  type: event_count
  rules: [tunnel]
  group-by: [src_ip]
  timespan: 1h
  condition: {gte: 10}
  generate: true
";

/// One query an hour over ten days: of a tunnel on the even ones, and ten within a minute on the last day.
fn records() -> Vec<String> {
    let begin = NOW.0 - 10 * 86_400_000;
    let at = |millis: i64| {
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
        let format = time::format_description::well_known::Rfc3339;
        time.expect("a time")
            .format(&format)
            .expect("it is written")
    };
    let record = |time: String, kind: &str, name: &str| {
        json!({
            "timestamp": time, "event_type": kind, "src_ip": "10.0.0.5", "dest_ip": "10.9.0.1", "dest_port": 53,
            "dns": { "queries": [{ "rrname": name, "rrtype": "A" }] },
        })
        .to_string()
    };
    let mut lines = Vec::new();
    for hour in 0..240 {
        let name = match hour % 2 {
            0 => format!("q{hour}.TUNNEL.example"),
            _ => format!("q{hour}.example.com"),
        };
        lines.push(record(at(begin + hour * 3_600_000), "dns", &name));
    }
    for second in 0..10 {
        lines.push(record(
            at(NOW.0 - 60_000 + second * 1_000),
            "dns",
            "x.tunnel.example",
        ));
    }
    // What tells of other records is not looked at.
    lines.push(record(at(NOW.0 - 5_000), "stats", "x.tunnel.example"));
    lines
}

async fn server() -> Server {
    let server = Server::start().await;
    let stream = Stream {
        sensor: server.sensor.clone(),
        epoch: 9,
        class: Class::Record,
    };
    for (seq, line) in (1_u64..).zip(records()) {
        let event = Event::parse(line.into_bytes()).expect("an event");
        server
            .index
            .append(&stream, [(seq, event)], seq, "2025-11-24T16:00:00Z")
            .expect("it appends");
    }
    server.index.commit().expect("it commits");
    server
}

async fn ended(server: &mut Server, asked: Value) -> Value {
    let (status, body) = server.ask("POST", "/rule-hunts", asked).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let path = format!("/rule-hunts/{}", body["id"].as_str().expect("an id"));
    for _ in 0..1_200 {
        let (status, body) = server.ask("GET", &path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        if body["status"] != "running" {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the hunt does not end");
}

#[tokio::test]
async fn a_plan_tells_the_queries_and_the_faults() {
    let mut server = server().await;
    let asked = json!({ "text": RULES });
    let (status, plan) = server.ask("POST", "/rule-hunts/plan", asked).await;
    assert_eq!(status, StatusCode::OK, "{plan}");
    assert_eq!(plan["faults"], json!([]));
    let rows: Vec<[&str; 2]> = (0..3)
        .map(|at| ["kind", "method"].map(|key| plan["rules"][at][key].as_str().expect("a word")))
        .collect();
    assert_eq!(
        rows,
        [
            ["rule", "query"],
            ["rule", "scan"],
            ["correlation", "rules"]
        ]
    );
    let query = plan["rules"][0]["query"].as_str().expect("a query");
    assert!(query.contains("rrname:*.tunnel.example"), "{query}");
    assert_eq!(plan["rules"][1]["left_out"], json!(["query re"]));

    let asked = json!({ "text": "title: x\nlogsource: {category: dns}\ndetection: {s: {q: 1}, condition: t}\n" });
    let (status, plan) = server.ask("POST", "/rule-hunts/plan", asked.clone()).await;
    assert_eq!(status, StatusCode::OK, "{plan}");
    assert_eq!(plan["faults"][0]["line"], 3);
    let (status, body) = server.ask("POST", "/rule-hunts", asked).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("faulty_rules")),
        "{body}"
    );
    let asked = json!({ "text": "title: x\nlogsource: {product: windows}\ndetection: {s: {q: 1}, condition: s}\n" });
    let (status, body) = server.ask("POST", "/rule-hunts", asked).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
}

#[tokio::test]
async fn a_hunt_tells_what_the_last_days_would_have_hit() {
    let mut server = server().await;
    let day = NewPack {
        site: "/archive",
        object: "2025-11-10/records-1.tar.zst",
        day: "2025-11-10",
        shelf: "records",
        events: 70,
        bytes: 700,
        packed_bytes: 90,
        sha256: "ab",
    };
    server.store.archived(day, NOW).await.expect("it is noted");
    for scan in [false, true] {
        let asked = json!({ "text": RULES, "scan": scan });
        let hunt = ended(&mut server, asked).await;
        let found = &hunt["found"];
        assert_eq!(
            (&found["archived"]["days"], &found["archived"]["first"]),
            (&json!(1), &json!("2025-11-10")),
            "days that could not be looked at are named"
        );
        assert_eq!(hunt["status"], "ready", "{hunt}");
        assert_eq!(
            (&found["complete"], &found["share"]),
            (&json!(true), &json!(1.0))
        );
        // The query of the second rule asks no more than that there is a name.
        let tunnel = &found["rules"][0];
        assert_eq!(tunnel["hits"], 130, "{found}");
        let days: u64 = tunnel["days"]
            .as_object()
            .into_iter()
            .flat_map(|days| days.values())
            .filter_map(Value::as_u64)
            .sum();
        assert_eq!(days, 130);
        let example = &tunnel["examples"][0];
        assert_eq!(example["src_ip"], "10.0.0.5");
        let id = example["event_id"].as_str().expect("an id").to_owned();
        let (status, _) = server
            .ask("GET", &format!("/events/{id}"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(found["rules"][1]["hits"], 0);
        let many = &found["rules"][2];
        assert_eq!(many["hits"], 1, "{many}");
        assert_eq!(
            many["examples"][0]["group"],
            json!({ "src_ip": "10.0.0.5" })
        );
    }
    let (_, list) = server.ask("GET", "/rule-hunts", Value::Null).await;
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[0]["hits"], 131);
}

#[tokio::test]
async fn the_query_spares_what_it_can() {
    let mut server = server().await;
    let one = RULES.split("---").next().expect("a rule");
    let hunt = ended(&mut server, json!({ "text": one })).await;
    assert_eq!(hunt["found"]["looked_at"], 130, "{hunt}");
    let hunt = ended(&mut server, json!({ "text": one, "scan": true })).await;
    assert_eq!(hunt["found"]["looked_at"], 250);
    let asked = json!({ "text": one, "from": "now-1h", "to": "now" });
    let hunt = ended(&mut server, asked).await;
    assert_eq!(hunt["found"]["rules"][0]["hits"], 10);
}

#[tokio::test]
async fn a_hunt_is_stopped_and_forgotten() {
    let mut server = server().await;
    let (_, body) = server
        .ask("POST", "/rule-hunts", json!({ "text": RULES }))
        .await;
    let path = format!("/rule-hunts/{}", body["id"].as_str().expect("an id"));
    let (status, _) = server
        .ask("POST", &format!("{path}/cancel"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, hunt) = server.ask("GET", &path, Value::Null).await;
    let status = hunt["status"].as_str().unwrap_or_default().to_owned();
    assert!(["cancelled", "ready"].contains(&status.as_str()), "{hunt}");
    let (status, _) = server.ask("DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = server.ask("GET", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_range_has_an_end() {
    let mut server = server().await;
    for (from, to, reason) in [
        ("now", "now-1h", "after_to"),
        ("2001-01-01T00:00:00Z", "now", "range_too_long"),
    ] {
        let asked = json!({ "text": RULES, "from": from, "to": to });
        let (status, body) = server.ask("POST", "/rule-hunts", asked).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(body.to_string().contains(reason), "{body}");
    }
}
