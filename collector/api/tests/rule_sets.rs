//! Rule sets over the API: written, checked, kept, published and taken back; captures that rules are tried on.

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use collector_api::machine::{
    EngineFault, Line, Machine, NoMachine, Numbers, Question, Storage, Taken, Tongue,
};
use collector_evidence::{Frame, Place};
use collector_state::{EvidenceStep, NewEvidence, Scope};
use serde_json::{Value, json};
use support::{NOW, PASSWORD, Server};

/// A rule engine that takes texts with the word `fault` for faulty.
struct Engine;

#[async_trait]
impl Machine for Engine {
    async fn take(&self, id: &str, n: Option<Numbers>, l: Vec<Line>) -> Result<Taken, String> {
        NoMachine.take(id, n, l).await
    }

    fn indexed(&self, _: &str, _: u64) -> u64 {
        0
    }

    async fn storage(&self) -> Result<Storage, String> {
        NoMachine.storage().await
    }

    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    async fn ask_engine(
        &self,
        question: Question,
        text: &str,
        tongue: Tongue,
    ) -> Result<Vec<u8>, EngineFault> {
        let remark = json!({"line": 1, "column": 2, "end_column": 3, "sid": 1, "keyword": null, "reason": "no"});
        let answer = match question {
            Question::Check if text.contains("fault") => {
                json!({"loaded": 0, "failed": 1, "skipped": 0, "failures": [remark], "warnings": []})
            }
            Question::Check => {
                json!({"loaded": 2, "failed": 0, "skipped": 0, "failures": [], "warnings": []})
            }
            Question::Try { capture } if capture.is_file() => {
                json!({"faults": [], "rules": [{"sid": 1, "msg": tongue.name(), "looks": 3, "matches": 0, "alerts": 0, "attempts": [
                    {"frame": 7, "direction": "to_server", "why": "no \"GET\""}]}]})
            }
            Question::Try { .. } => return Err(EngineFault::Failed("no capture".to_owned())),
            Question::Explain => return Err(EngineFault::Limit("time")),
            Question::Complete { offset } => {
                json!([{"label": offset.to_string(), "kind": "keyword", "doc": ""}])
            }
            Question::Files { .. } | Question::FileContent { .. } => {
                return NoMachine.ask_engine(question, text, tongue).await;
            }
        };
        Ok(answer.to_string().into_bytes())
    }
}

async fn server() -> Server {
    let mut server = Server::start_beside(Arc::new(Engine)).await;
    assert_eq!(server.sign_in(PASSWORD).await, StatusCode::OK);
    server
}

async fn good(server: &mut Server, method: &str, path: &str, body: Value) -> Value {
    let (status, told) = server.ask(method, path, body).await;
    assert!(status.is_success(), "{method} {path}: {status} {told}");
    told
}

#[tokio::test]
async fn a_set_is_written_kept_published_and_taken_back() {
    let mut server = server().await;
    let new = json!({"unit_id": 1, "name": "riêng", "text": "fault"});
    let id = good(&mut server, "POST", "/rule-sets", new).await["id"].clone();
    let path = |rest: &str| format!("/rule-sets/{id}{rest}");
    let keep = |revision: i64| json!({"revision": revision, "why": "bản đầu"});
    let (status, told) = server.ask("POST", &path("/versions"), keep(1)).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("faulty_rules"))
    );
    let draft = json!({"revision": 1, "text": "sound"});
    let saved = good(&mut server, "PUT", &path("/draft"), draft.clone()).await;
    assert_eq!(saved["revision"], 2);
    let (status, told) = server.ask("PUT", &path("/draft"), draft).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("changed_meanwhile"))
    );
    let kept = good(&mut server, "POST", &path("/versions"), keep(2)).await;
    assert_eq!(kept["number"], 1);
    let sensor = server.store.sensors(&collector_state::Scope::All).await;
    let sensor = sensor.expect("sensors")[0].id.clone();
    let publish = json!({"sensor_id": sensor, "number": 1, "why": "thử"});
    good(&mut server, "POST", &path("/publications"), publish).await;
    let told = good(&mut server, "GET", &path("/publications"), Value::Null).await;
    let row = &told["sensors"][0];
    assert_eq!(
        (&row["number"], &row["apart"], &row["state"]),
        (&json!(1), &json!(true), &json!("unable"))
    );
    let told = good(&mut server, "GET", &path(""), Value::Null).await;
    assert_eq!(told["set"]["apart"], 1);
    assert_eq!(told["versions"][0]["why"], "bản đầu");
    assert_eq!(told["versions"][0]["rules"], 2);
    let (status, _) = server.ask("DELETE", &path(""), Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT, "a sensor is to run it");
    let back = json!({"why": "sai"});
    good(&mut server, "POST", &path("/publications"), back).await;
    good(&mut server, "DELETE", &path(""), Value::Null).await;
}

#[tokio::test]
async fn a_rule_tells_which_sets_have_it() {
    let mut server = server().await;
    let text = "#alert ip any any -> any any (sid:8800;)\nalert tcp any any -> any any (msg:\"Của trung tâm\"; sid: 880;)\n";
    let new = json!({"unit_id": 1, "name": "riêng", "text": text});
    let id = good(&mut server, "POST", "/rule-sets", new).await["id"].clone();
    let told = good(&mut server, "GET", "/rules/880", Value::Null).await;
    assert_eq!(
        told["sets"],
        json!([{"id": id, "name": "riêng", "fed_by": null}])
    );
    assert_eq!(told["rule"]["signature"], "Của trung tâm");
    assert_eq!(told["rule"]["alerts"], 0);
    assert!(
        told["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("alert tcp"))
    );
    let (status, _) = server.ask("GET", "/rules/8800", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "one that is written out");
}

#[tokio::test]
async fn the_engine_is_asked_and_its_limits_are_told() {
    let mut server = server().await;
    let text = json!({"text": "fault", "language": "en"});
    let told = good(&mut server, "POST", "/rule-bench/check", text.clone()).await;
    assert_eq!(told["failures"][0]["end_column"], 3);
    let (status, told) = server.ask("POST", "/rule-bench/explain", text).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("engine_limit"))
    );
    let ask = json!({"rule": "alert", "offset": 5});
    let told = good(&mut server, "POST", "/rule-bench/complete", ask).await;
    assert_eq!(told[0]["label"], "5");
    let mut alone = Server::start().await;
    let (status, told) = alone
        .ask("POST", "/rule-bench/check", json!({"text": "x"}))
        .await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("no_engine"))
    );
}

#[tokio::test]
async fn rules_are_tried_on_packets_around_alerts() {
    let mut server = server().await;
    let new = NewEvidence {
        sensor_id: server.sensor.clone(),
        event_id: None,
        flow_id: None,
        from_ns: 0,
        to_ns: 1,
        reason: "luật mới".to_owned(),
    };
    let all = Scope::All;
    let asked = server.store.request_evidence(new, "admin", &all, NOW).await;
    let id = asked.expect("asked for").id;
    let ask = json!({"text": "x", "capture": format!("evidence:{id}"), "language": "en"});
    let (status, _) = server.ask("POST", "/rule-bench/tries", ask.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "nothing has come");
    let end = Place {
        segment: 1,
        offset: 1,
        entry: 1,
    };
    let frame = Frame {
        timestamp_ns: 5,
        link: 1,
        wire_length: 60,
        data: vec![0; 60],
    };
    server
        .shelf
        .append(id, Place::default(), end, &[frame])
        .expect("appended");
    let stored = server.shelf.finish(id).expect("finished");
    let step = EvidenceStep::Ready {
        frames: stored.frames,
        file_bytes: stored.bytes,
        sha256: stored.sha256,
    };
    let stepped = server.store.step_evidence(id, &step, NOW).await;
    assert!(stepped.expect("noted"));
    let told = good(&mut server, "POST", "/rule-bench/tries", ask).await;
    assert_eq!(
        (&told["capture"], &told["rules"][0]["looks"]),
        (&json!(format!("#{id}")), &json!(3))
    );
    for (capture, expected) in [
        ("evidence:77", StatusCode::NOT_FOUND),
        ("evidence:../1", StatusCode::BAD_REQUEST),
    ] {
        let ask = json!({"text": "x", "capture": capture});
        let (status, _) = server.ask("POST", "/rule-bench/tries", ask).await;
        assert_eq!(status, expected, "{capture}");
    }
}

#[tokio::test]
async fn rules_are_tried_on_captures_that_were_added() {
    let mut server = server().await;
    let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1];
    pcap.extend([0; 20]);
    let add = "/rule-captures?name=a.pcap";
    let (status, told) = server.send("POST", add, pcap).await;
    assert_eq!((status, &told["bytes"]), (StatusCode::OK, &json!(24)));
    let id = told["id"].clone();
    let ask = |capture: &Value| json!({"text": "x", "capture": capture, "language": "en"});
    let told = good(&mut server, "POST", "/rule-bench/tries", ask(&id)).await;
    assert_eq!(told["rules"][0]["msg"], "en");
    assert_eq!(told["rules"][0]["attempts"][0]["frame"], 7);
    let (status, _) = server
        .ask(
            "POST",
            "/rule-bench/tries",
            ask(&json!("../../state.sqlite")),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, told) = server.send("POST", add, b"<html>".to_vec()).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("not_a_capture"))
    );
    let mut large = vec![0xd4, 0xc3, 0xb2, 0xa1];
    large.resize(32 * 1_024 * 1_024 + 1, 0);
    let (status, _) = server.send("POST", add, large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let told = good(&mut server, "GET", "/rule-captures", Value::Null).await;
    assert_eq!(
        told.as_array().map(Vec::len),
        Some(1),
        "refused ones are gone"
    );
    let path = format!("/rule-captures/{}", id.as_str().expect("an id"));
    good(&mut server, "DELETE", &path, Value::Null).await;
    let (status, _) = server.ask("POST", "/rule-bench/tries", ask(&id)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
