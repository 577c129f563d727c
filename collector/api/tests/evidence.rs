//! Packets of an alert over HTTP: whether they can be had, asked for, looked at, fetched, put into a case.

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use collector_api::machine::{
    EngineFault, Line, Machine, NoMachine, Numbers, Question, Storage, Taken, Tongue,
};
use collector_evidence::{Frame, Place};
use collector_index::{Event, Stream};
use collector_state::{EvidenceStep, HeartbeatSeen, SpoolSeen, UnixMillis};
use sensor_event::Class;
use serde_json::{Value, json};
use support::{NOW, PASSWORD, Server};

/// 2025-11-24T16:00:00Z, as the support's clock.
const ALERT: &str = r#"{"timestamp":"2025-11-24T15:59:00.000001+0000","event_type":"alert","src_ip":"10.0.0.1","src_port":5000,"dest_ip":"10.0.0.2","dest_port":53,"proto":"UDP","flow_id":7007199254740993,"payload":"YSB3aG8gV0hP","alert":{"signature_id":1,"signature":"Hỏi tên","severity":2,"rule":"alert udp any any -> any any (content:\"WHO\"; nocase; sid:1;)"}}"#;
const ALERT_MS: i64 = 1_763_999_940_000;
const LONE: &str = r#"{"timestamp":"2025-11-24T15:59:00.000001+0000","event_type":"alert","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","alert":{"signature_id":1,"signature":"Lẻ","severity":2}}"#;

struct Scene {
    server: Server,
    event: String,
    lone: String,
}

async fn scene() -> Scene {
    scene_beside(Arc::new(NoMachine)).await
}

async fn scene_beside(machine: Arc<dyn Machine>) -> Scene {
    let mut server = Server::start_beside(machine).await;
    assert_eq!(server.sign_in(PASSWORD).await, StatusCode::OK);
    let stream = Stream {
        sensor: server.sensor.clone(),
        epoch: 1,
        class: Class::Alert,
    };
    let events =
        [ALERT, LONE].map(|line| Event::parse(line.as_bytes().to_vec()).expect("an event"));
    server
        .index
        .append(&stream, (1..).zip(events), 2, "2025-11-24T16:00:00Z")
        .expect("it appends");
    server.index.commit().expect("it commits");
    Scene {
        server,
        event: stream.event_id(1),
        lone: stream.event_id(2),
    }
}

impl Scene {
    /// The sensor tells of its ring.
    async fn ring(&self, evidence: Value) {
        let stats = json!({ "evidence": evidence }).to_string();
        let seen = HeartbeatSeen {
            sensor_id: &self.server.sensor,
            epoch: 1,
            version: "1",
            ruleset_hash: "",
            remote_addr: "",
            sent: NOW,
            received: NOW,
            stats: &stats,
            spool: &SpoolSeen::default(),
        };
        let store = &self.server.store;
        store.record_heartbeat(seen).await.expect("noted");
    }

    async fn availability(&mut self, event: &str) -> Value {
        let path = format!("/events/{event}/evidence");
        let (status, told) = self.server.ask("GET", &path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        told
    }
}

fn ring(oldest_ms: Option<i64>, rotated: bool) -> Value {
    json!({
        "mode": "alerts", "bytes": 5, "budget_bytes": 10, "frames": 3, "oldest_ms": oldest_ms, "newest_ms": oldest_ms,
        "rotated": rotated, "torn_segments": 0, "lost_segments": 0, "kept_frames": 3,
        "left_out": { "queue_full": 2, "flow_cap": 1 }
    })
}

/// Ethernet, IPv4 and UDP from port 5000 to 53, or back.
fn datagram(at_ms: i64, there: bool, data: &[u8]) -> Frame {
    let mut bytes = vec![0; 12];
    bytes.extend_from_slice(&[8, 0, 0x45, 0]);
    bytes.extend_from_slice(&(28 + data.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0]);
    let (from, to, ports) = if there {
        (1, 2, [5_000_u16, 53])
    } else {
        (2, 1, [53, 5_000])
    };
    bytes.extend_from_slice(&[10, 0, 0, from, 10, 0, 0, to]);
    for number in [ports[0], ports[1], 8 + data.len() as u16, 0] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(data);
    Frame {
        timestamp_ns: at_ms * 1_000_000,
        link: 1,
        wire_length: bytes.len() as u32,
        data: bytes,
    }
}

#[tokio::test]
async fn the_rule_of_an_alert_is_told_and_marked_in_its_payload() {
    let mut scene = scene().await;
    let path = |event: &str, rest: &str| format!("/events/{event}/rule{rest}");
    let (event, lone) = (scene.event.clone(), scene.lone.clone());
    let server = &mut scene.server;
    let (status, told) = server.ask("GET", &path(&event, ""), Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert!(told["text"].as_str().expect("text").contains("WHO"));
    let marks = json!([{ "from": 2, "to": 5 }, { "from": 6, "to": 9 }]);
    assert_eq!((&told["payload"], &told["packet"]), (&marks, &json!([])));
    // Nobody knows the text of the other's rule; nor is there an engine here.
    let (status, _) = server.ask("GET", &path(&lone, ""), Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, told) = server
        .ask(
            "GET",
            &path(&event, "/explanation?language=en"),
            Value::Null,
        )
        .await;
    assert_eq!(told["code"], "no_engine");
    let (status, _) = server
        .ask("GET", "/rules/77/explanation", Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_reads_a_payload_is_noted_and_lists_have_none() {
    let mut scene = scene().await;
    let (event, lone) = (scene.event.clone(), scene.lone.clone());
    let server = &mut scene.server;
    for list in ["/search?q=*&from=now-1d&to=now", "/flows/7007199254740993"] {
        let (status, told) = server.ask("GET", list, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        let text = told.to_string();
        assert!(
            text.contains("Hỏi tên") && !text.contains("YSB3aG8gV0hP"),
            "{text}"
        );
    }
    for (id, payload) in [(&event, json!("YSB3aG8gV0hP")), (&lone, Value::Null)] {
        let (status, told) = server
            .ask("GET", &format!("/events/{id}"), Value::Null)
            .await;
        assert_eq!((status, &told["payload"]), (StatusCode::OK, &payload));
    }
    let log = server.audited().await;
    let read: Vec<_> = log
        .iter()
        .filter(|row| row.action == "event.payload")
        .map(|row| (row.user.as_str(), row.target.as_str()))
        .collect();
    assert_eq!(read, [("admin", event.as_str())]);
}

#[tokio::test]
async fn it_is_told_whether_packets_can_be_had() {
    let mut scene = scene().await;
    let (event, lone) = (scene.event.clone(), scene.lone.clone());
    assert_eq!(scene.availability(&event).await["state"], "unknown");
    for (told, expected) in [
        (Value::Null, "off"),
        (ring(None, false), "not_kept"),
        (ring(Some(ALERT_MS + 1), false), "not_kept"),
        (ring(Some(ALERT_MS + 1), true), "rotated"),
        (ring(Some(ALERT_MS), true), "available"),
    ] {
        scene.ring(told).await;
        let told = scene.availability(&event).await;
        assert_eq!(told["state"], expected);
    }
    let told = scene.availability(&event).await;
    assert_eq!(told["flow_id"], "7007199254740993");
    assert_eq!(told["left_out"], 3);
    assert_eq!(told["online"], true);
    let store = scene.server.store.clone();
    let gone = store
        .sensor_connected(&scene.server.sensor, "", false)
        .await;
    gone.expect("noted");
    let told = scene.availability(&event).await;
    assert_eq!(
        (&told["state"], &told["online"]),
        (&json!("available"), &json!(false))
    );
    assert_eq!(scene.availability(&lone).await["state"], "no_flow");
    let (status, _) = scene
        .server
        .ask("GET", "/events/ffffffff-1-a1/evidence", Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

/// An alert that the collector made of a record of this sensor, which speaks of its flow or of none.
fn of_collector(record: &str, sensor: &str) -> Event {
    let body = record.strip_suffix('}').expect("an object");
    let own = json!({
        "source": "collector", "origin": { "sensor": sensor, "id": "1-1-r1", "event_type": "dns" }
    });
    // What is ours comes last.
    let line = format!("{body},\"matluoi\":{own}}}");
    Event::parse(line.into_bytes()).expect("an event")
}

#[tokio::test]
async fn packets_of_the_collectors_own_alerts_are_those_of_the_record() {
    let mut scene = scene().await;
    let stream = Stream {
        sensor: scene.server.sensor.clone(),
        epoch: 2,
        class: Class::Alert,
    };
    let sensor = scene.server.sensor.clone();
    // No flow on which the sensor itself has alerted.
    let other = ALERT.replace("7007199254740993", "9");
    let events = [
        of_collector(&other, &sensor),
        of_collector(LONE, &sensor),
        of_collector(&other, "nobody"),
    ];
    let index = &scene.server.index;
    index
        .append(&stream, (1..).zip(events), 3, "2025-11-24T16:00:00Z")
        .expect("it appends");
    index.commit().expect("it commits");
    let of = |number| stream.event_id(number);
    let mut full = ring(Some(ALERT_MS), true);
    full["mode"] = json!("full");
    for (mode, expected) in [
        (full, ["available", "no_flow", "foreign"]),
        // The sensor itself has not alerted, so that it has not kept the flow.
        (
            ring(Some(ALERT_MS), true),
            ["no_alert", "no_flow", "foreign"],
        ),
    ] {
        scene.ring(mode).await;
        for (number, expected) in (1..).zip(expected) {
            let told = scene.availability(&of(number)).await;
            assert_eq!(told["state"], expected, "{number}: {told}");
        }
    }
    let path = format!("/events/{}/evidence", of(1));
    let why = json!({ "reason": "Xem gói" });
    let (status, asked) = scene.server.ask("POST", &path, why).await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    assert_eq!(
        scene.availability(&of(1)).await["requests"][0]["id"],
        asked["id"]
    );
}

/// The record of a flow that began before it and ended before it was written, with a number, of which a sensor says
/// whether it has alerted.
fn flow_record(number: i64, alerted: bool) -> String {
    json!({
        "timestamp": "2025-11-24T15:59:30.000000+0000", "event_type": "flow", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
        "flow_id": number, "proto": "UDP",
        "flow": {
            "start": "2025-11-24T15:58:00.000000+0000", "end": "2025-11-24T15:59:00.000000+0000", "alerted": alerted
        }
    })
    .to_string()
}

#[tokio::test]
async fn packets_of_any_flow_can_be_had() {
    let mut scene = scene().await;
    let stream = Stream {
        sensor: scene.server.sensor.clone(),
        epoch: 1,
        class: Class::Record,
    };
    let dns = json!({
        "timestamp": "2025-11-24T15:58:30.000000+0000", "event_type": "dns", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2",
        "flow_id": 7_007_199_254_740_993_i64
    });
    let lines = [flow_record(5, false), flow_record(6, true), dns.to_string()];
    let events = lines.map(|line| Event::parse(line.into_bytes()).expect("an event"));
    let index = &scene.server.index;
    index
        .append(&stream, (1..).zip(events), 3, "2025-11-24T16:00:00Z")
        .expect("it appends");
    index.commit().expect("it commits");
    let [quiet, alerted, beside] = [1, 2, 3].map(|number| stream.event_id(number));
    let full = |oldest| {
        let mut ring = ring(Some(oldest), true);
        ring["mode"] = json!("full");
        ring
    };
    for (ring, event, expected) in [
        // Where only flows with alerts are kept, others are not there; what alerted, the sensor or an alert says.
        (ring(Some(ALERT_MS), true), &quiet, "no_alert"),
        (ring(Some(ALERT_MS), true), &alerted, "available"),
        (ring(Some(ALERT_MS - 60_000), true), &beside, "available"),
        (full(ALERT_MS), &quiet, "available"),
        // It is the end of the flow that counts.
        (full(ALERT_MS + 1_000), &quiet, "rotated"),
    ] {
        scene.ring(ring).await;
        assert_eq!(scene.availability(event).await["state"], expected);
    }
    let server = &mut scene.server;
    let path = format!("/events/{quiet}/evidence");
    let (status, asked) = server
        .ask("POST", &path, json!({ "reason": "luồng lạ" }))
        .await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    let open = server.store.open_evidence(&server.sensor).await;
    let open = open.expect("read").remove(0);
    let began = (ALERT_MS - 60_000) * 1_000_000;
    assert_eq!(open.asked.flow_id, Some(5));
    assert_eq!(open.asked.from_ns, began - 1_000_000_000);
    // Whoever asks from another record of the same flow sees that it is on its way.
    let path = format!("/events/{}/evidence", scene.event);
    let server = &mut scene.server;
    let (_, asked) = server
        .ask("POST", &path, json!({ "reason": "cảnh báo" }))
        .await;
    let told = scene.availability(&beside).await;
    assert_eq!(told["requests"][0]["id"], asked["id"]);
    assert_eq!(scene.availability(&alerted).await["requests"], json!([]));
}

/// An engine that knows two files.
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
        _: &str,
        _: Tongue,
    ) -> Result<Vec<u8>, EngineFault> {
        match question {
            Question::Files { capture } if capture.is_file() => Ok(json!({
                "files": [{
                    "number": 0, "time": "2025-11-24T15:59:00.000001+0000", "source": "10.0.0.2:80",
                    "destination": "10.0.0.1:5000", "protocol": "http", "filename": "/a.exe", "magic": null, "size": 4,
                    "state": "CLOSED", "gaps": false, "md5": null, "sha1": null, "sha256": "ab", "held": true
                }],
                "left_out": 3
            })
            .to_string()
            .into_bytes()),
            Question::FileContent { number: 0, .. } => Ok(b"MZ..".to_vec()),
            _ => Err(EngineFault::Failed("there is no file".to_owned())),
        }
    }
}

#[tokio::test]
async fn files_are_listed_and_fetched_in_a_locked_archive() {
    let mut scene = scene_beside(Arc::new(Engine)).await;
    let path = format!("/events/{}/evidence", scene.event);
    let server = &mut scene.server;
    let (_, asked) = server.ask("POST", &path, json!({ "reason": "tệp" })).await;
    let files = format!("/evidence/{}/files", asked["id"]);
    let (status, _) = server.ask("GET", &files, Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "nothing has come");
    let id = asked["id"].as_i64().expect("a number");
    let end = Place {
        segment: 1,
        ..Place::default()
    };
    let frames = [datagram(ALERT_MS, true, b"who is a?")];
    let shelf = &server.shelf;
    shelf
        .append(id, Place::default(), end, &frames)
        .expect("appended");
    let stored = shelf.finish(id).expect("finished");
    let step = EvidenceStep::Ready {
        frames: stored.frames,
        file_bytes: stored.bytes,
        sha256: stored.sha256,
    };
    let noted = server.store.step_evidence(id, &step, NOW).await;
    assert!(noted.expect("noted"));
    let (status, told) = server.ask("GET", &files, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["items"][0]["filename"], "/a.exe");
    assert_eq!(
        (&told["left_out"], &told["password"]),
        (&json!(3), &json!("infected"))
    );
    let one = format!("{files}/0");
    for reason in ["", "  "] {
        let (status, _) = server.ask("POST", &one, json!({ "reason": reason })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let other = format!("{files}/7");
    let (status, told) = server.ask("POST", &other, json!({ "reason": "x" })).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("engine_failed"))
    );
    let (status, archive) = server
        .post_for_bytes(&one, json!({ "reason": "gửi đi phân tích" }))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(archive.starts_with(b"PK"));
    assert!(!archive.windows(4).any(|bytes| bytes == b"MZ.."));
    let audit = server.audited().await;
    let noted: Vec<Value> = audit
        .iter()
        .filter(|row| row.action == "evidence.file")
        .map(|row| serde_json::from_str(&row.detail).expect("JSON"))
        .collect();
    assert_eq!(noted.len(), 1, "what failed is no download");
    assert_eq!(noted[0]["reason"], "gửi đi phân tích");
    assert_eq!(noted[0]["bytes"], 4);
    assert_eq!(noted[0]["sha256"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn packets_are_asked_for_looked_at_and_put_into_a_case() {
    let mut scene = scene().await;
    let path = format!("/events/{}/evidence", scene.event);
    let server = &mut scene.server;
    for (body, expected) in [
        (json!({}), StatusCode::BAD_REQUEST),
        (json!({ "reason": " " }), StatusCode::BAD_REQUEST),
        (json!({ "reason": "điều tra" }), StatusCode::OK),
    ] {
        let (status, told) = server.ask("POST", &path, body).await;
        assert_eq!(status, expected, "{told}");
    }
    let (_, listed) = server.ask("GET", "/evidence", Value::Null).await;
    assert_eq!(listed["total"], 1);
    let asked = &listed["items"][0];
    assert_eq!(
        (&asked["state"], &asked["requested_by"]),
        (&json!("queued"), &json!("admin"))
    );
    let open = server.store.open_evidence(&server.sensor).await;
    let open = open.expect("read").remove(0);
    assert_eq!(open.asked.flow_id, Some(7_007_199_254_740_993));
    assert_eq!(
        open.asked.from_ns,
        ALERT_MS * 1_000_000 + 1_000 - 3_600_000_000_000,
        "an hour before, as it is not told when the flow began"
    );
    let id = open.id;
    let one = format!("/evidence/{id}");
    let (status, _) = server
        .ask("GET", &format!("{one}/packets"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "nothing has come");
    // What the sensor sends.
    let end = Place {
        segment: 1,
        offset: 1,
        entry: 1,
    };
    let frames = [
        datagram(ALERT_MS, true, b"who is a?"),
        datagram(ALERT_MS + 5, false, b"nobody"),
    ];
    server
        .shelf
        .append(id, Place::default(), end, &frames)
        .expect("appended");
    let stored = server.shelf.finish(id).expect("finished");
    let step = EvidenceStep::Ready {
        frames: stored.frames,
        file_bytes: stored.bytes,
        sha256: stored.sha256.clone(),
    };
    assert!(
        server
            .store
            .step_evidence(id, &step, NOW)
            .await
            .expect("noted")
    );
    let (_, listed) = server
        .ask(
            "GET",
            &format!("{one}/packets?limit=1&first=1"),
            Value::Null,
        )
        .await;
    assert_eq!(listed["total"], 2);
    let packet = &listed["items"][0];
    assert_eq!(
        (&packet["source"], &packet["after_us"]),
        (&json!("10.0.0.2:53"), &json!(5_000))
    );
    let (_, bytes) = server
        .ask("GET", &format!("{one}/packets/0"), Value::Null)
        .await;
    assert_eq!(bytes["bytes"], BASE64_STANDARD.encode(&frames[0].data));
    assert_eq!(
        (&bytes["payload_from"], &bytes["payload_to"]),
        (&json!(42), &json!(51))
    );
    let (status, _) = server
        .ask("GET", &format!("{one}/packets/2"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, told) = server
        .ask("GET", &format!("{one}/conversation"), Value::Null)
        .await;
    assert_eq!(told["client"], "10.0.0.1:5000");
    assert_eq!(told["pieces"][0]["marks"], json!([{ "from": 0, "to": 3 }]));
    assert_eq!(told["pieces"][1]["side"], "server");
    assert_eq!(told["pieces"][1]["marks"], json!([]));
    let (status, file) = server.fetch(&format!("{one}/pcapng")).await;
    assert_eq!((status, file.len() as u64), (StatusCode::OK, stored.bytes));
    let (_, case) = server
        .ask(
            "POST",
            "/cases",
            json!({ "title": "Vụ việc", "severity": 2 }),
        )
        .await;
    let into = json!({ "case_id": case["id"] });
    let (status, kept) = server.ask("POST", &format!("{one}/case"), into).await;
    assert_eq!(
        (status, &kept["sha256"]),
        (StatusCode::OK, &json!(stored.sha256))
    );
    let of_case = format!("/cases/{}/files/{}", case["id"], kept["file_id"]);
    assert_eq!(server.fetch(&of_case).await.1, file);
    let audit = server.audited().await;
    for action in ["evidence.request", "evidence.download", "evidence.lock"] {
        assert!(audit.iter().any(|row| row.action == action), "{action}");
    }
    // It is over: cancelling changes nothing.
    let (_, told) = server
        .ask("POST", &format!("{one}/cancel"), json!({}))
        .await;
    assert_eq!(told["state"], "ready");
    let later = UnixMillis(NOW.0 + 1);
    let old = server.store.old_evidence(later, i64::MAX, 9).await;
    assert_eq!(old.expect("read"), [id]);
}

#[tokio::test]
async fn what_is_cancelled_is_wanted_no_more() {
    let mut scene = scene().await;
    let path = format!("/events/{}/evidence", scene.event);
    let server = &mut scene.server;
    let mut changed = server.shelf.changed();
    let (_, asked) = server.ask("POST", &path, json!({ "reason": "nhầm" })).await;
    assert!(changed.has_changed().expect("alive"), "streams hear of it");
    changed.mark_unchanged();
    let cancel = format!("/evidence/{}/cancel", asked["id"]);
    let (_, told) = server.ask("POST", &cancel, json!({})).await;
    assert_eq!(told["state"], "cancelled");
    assert!(changed.has_changed().expect("alive"));
    let open = server.store.open_evidence(&server.sensor).await;
    assert!(open.expect("read").is_empty());
}
