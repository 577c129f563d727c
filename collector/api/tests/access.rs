//! Who may do what: every endpoint of the description, asked by nobody, by every role, and from another unit.
//! An endpoint that is added is walked without being named here.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use collector_api::{ApiState, Guidance, Live, Parts};
use collector_evidence::Shelf;
use collector_index::{Event, Index, Options, Stream};
use collector_search::Embedded;
use collector_state::{
    AlertBatch, AlertSeen, FeedChange, FleetTarget, HeartbeatSeen, HideCondition, HideField,
    HideTest, NewAsset, NewCase, NewHideRule, NewRuleSet, NewSilence, NewUnit, NewUser, OrderKind,
    OrderStep, PasswordCost, Refused, Role, RuleCapture, Scope, SecretChange, Store, StoreOptions,
    UnitId, UnixMillis,
};
use sensor_event::Class;
use serde_json::{Value, json};
use tower::ServiceExt;

const PASSWORD: &str = "a long first password";
/// Stands in everything that the first unit has, and must never be read from the second.
const MARK: &str = "matkhau-cua-don-vi-a";
const HOST: &str = "10.77.0.5";

/// Writes that every signed-in person may do, to what is the person's own.
const OWN: [&str; 18] = [
    "DELETE /session",
    "DELETE /session/all",
    "PUT /session/locale",
    "PUT /session/password",
    "POST /searches",
    "DELETE /searches/history",
    "PUT /searches/{id}",
    "DELETE /searches/{id}",
    "POST /exports",
    "DELETE /exports/{id}",
    "POST /rule-hunts",
    "POST /rule-hunts/plan",
    "POST /rule-hunts/{id}/cancel",
    "DELETE /rule-hunts/{id}",
    "PUT /preferences/{name}",
    "DELETE /sessions/{id}",
    "POST /tokens",
    "DELETE /tokens/{id}",
];
/// The way in.
const SIGN_IN: [&str; 4] = [
    "POST /session",
    "GET /session/provider",
    "GET /session/provider/begin",
    "GET /session/provider/callback",
];
const OWN_PREFIX: &str = "/second-factor";
/// Outside the API: what watches over the collector asks without signing in.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// 2026-11-24T12:00:00Z
fn now() -> UnixMillis {
    UnixMillis(1_795_521_600_000)
}

struct Server {
    _folder: tempfile::TempDir,
    router: Router,
    store: Store,
    sensor: String,
    unit: UnitId,
}

/// A way in: cookie and CSRF token, or a program's token.
#[derive(Clone, Default)]
struct Pass {
    cookie: String,
    csrf: String,
    bearer: Option<String>,
}

fn client() -> reqwest::Client {
    collector_feeds::client(b"").expect("a client")
}

/// An archive may lie nowhere.
fn archive_desk() -> collector_api::ArchiveDesk {
    collector_api::ArchiveDesk {
        means: collector_archive::Means {
            folders: Vec::new(),
            client: client(),
        },
        wake: tokio::sync::watch::Sender::new(0),
    }
}

impl Server {
    async fn start() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let options = StoreOptions {
            password_cost: PasswordCost::TEST,
        };
        let store = Store::open(&folder.path().join("state.sqlite"), options)
            .await
            .expect("a store");
        store
            .create_first_admin("admin", PASSWORD, now())
            .await
            .expect("an account");
        let mut units = Vec::new();
        for name in [MARK, "Đơn vị B"] {
            let new = NewUnit {
                parent_id: UnitId::ROOT,
                name: name.to_owned(),
                kind: "xã".to_owned(),
            };
            units.push(store.create_unit(new).await.expect("a unit").id);
        }
        for (unit, suffix) in [(units[0], "a"), (units[1], "b")] {
            for role in Role::ALL {
                let new = NewUser {
                    name: format!("{}-{suffix}", role.name()),
                    display_name: if suffix == "a" { MARK } else { "b" }.to_owned(),
                    role,
                    unit_id: unit,
                    locale: "vi".to_owned(),
                    password: PASSWORD.to_owned(),
                };
                store.create_user(new, now()).await.expect("an account");
            }
        }
        let token = store
            .create_enrolment(MARK, units[0], "admin", now())
            .await
            .expect("an enrolment")
            .token;
        let sensor = store.enrol(&token, MARK, now()).await.expect("enrolled");
        of_first_unit(&store, units[0]).await;
        let sensor = sensor.sensor_id;
        fleet(&store, &sensor).await;
        alert(&store, &sensor).await;
        let refused = Refused {
            sensor_id: &sensor,
            epoch: 1,
            class: "record",
            seq: 9,
            reason: "not JSON",
            line: MARK.as_bytes(),
        };
        store.quarantine(&[refused], now()).await.expect("kept");
        let beat = HeartbeatSeen {
            sensor_id: &sensor,
            epoch: 1,
            version: MARK,
            ruleset_hash: "x",
            remote_addr: "x",
            sent: now(),
            received: now(),
            stats: r#"{"packets":7}"#,
            spool: &collector_state::SpoolSeen::default(),
        };
        store.record_heartbeat(beat).await.expect("kept");
        let index = index(folder.path(), &sensor);
        let router = collector_api::router(ApiState::new(Parts {
            store: store.clone(),
            engine: Arc::new(Embedded::new(index)),
            enrolment_string: Arc::new(str::to_owned),
            guidance: Guidance::default(),
            rules: HashMap::new(),
            index_days: 30,
            exports_dir: folder.path().join("exports"),
            captures_dir: folder.path().join("captures"),
            feeds: collector_api::FeedSettings::default(),
            client: client(),
            archive: archive_desk(),
            evidence: Shelf::open(&folder.path().join("evidence")).expect("a shelf"),
            live: Live::default(),
            clock: now,
        }));
        Server {
            _folder: folder,
            router,
            store,
            sensor,
            unit: units[0],
        }
    }

    async fn ask(
        &self,
        pass: &Pass,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (StatusCode, String, Pass) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &pass.cookie)
            .header("x-csrf-token", &pass.csrf);
        if let Some(bearer) = &pass.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = request
            .body(Body::from(body.to_string()))
            .expect("a request");
        // Streams of events do not end: what has come after a moment is what there is to see.
        let response = self.router.clone().oneshot(request).await.expect("served");
        let status = response.status();
        let cookie = response.headers().get(header::SET_COOKIE);
        let cookie = cookie
            .and_then(|cookie| cookie.to_str().ok())
            .unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let reading = to_bytes(response.into_body(), 1 << 22);
        let bytes = tokio::time::timeout(std::time::Duration::from_millis(700), reading).await;
        let bytes = bytes.ok().and_then(Result::ok).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let csrf = serde_json::from_str::<Value>(&text).unwrap_or_default()["csrf"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let next = Pass {
            cookie,
            csrf,
            bearer: None,
        };
        (status, text, next)
    }

    async fn sign_in(&self, name: &str) -> Pass {
        let login = json!({ "username": name, "password": PASSWORD });
        let (status, text, pass) = self.ask(&Pass::default(), "POST", "/session", &login).await;
        assert_eq!(status, StatusCode::OK, "{name}: {text}");
        pass
    }

    /// The ways to ask for an endpoint of the first unit.
    fn filled(&self, path: &str) -> String {
        let id = match path {
            path if path.starts_with("/sensors/") => self.sensor.clone(),
            path if path.starts_with("/units/") => self.unit.to_string(),
            path if path.starts_with("/hosts/") => HOST.to_owned(),
            path if path.starts_with("/files/") => "a".repeat(32),
            path if path.starts_with("/domains/") => format!("{MARK}.example"),
            path if path.starts_with("/flows/") => "77".to_owned(),
            path if path.starts_with("/users/") => "2".to_owned(),
            _ => "1".to_owned(),
        };
        let mut filled = String::new();
        for part in path.split('/').skip(1) {
            filled.push('/');
            filled.push_str(if part.starts_with('{') { &id } else { part });
        }
        filled
    }
}

/// A case, a hide rule, a rule set and an asset, which have the number 1.
async fn of_first_unit(store: &Store, unit: UnitId) {
    let case = NewCase {
        unit_id: unit,
        title: MARK.to_owned(),
        summary: MARK.to_owned(),
        severity: 1,
        detected: now(),
        serious: true,
        personal_data: true,
    };
    store
        .create_case(case, &[], "analyst-a", &Scope::All, now())
        .await
        .expect("a case");
    let rule = NewHideRule {
        unit_id: unit,
        conditions: vec![HideCondition {
            field: HideField::Sid,
            test: HideTest::Is,
            values: vec!["99".to_owned()],
        }],
        reason: MARK.to_owned(),
        expires: now().plus(UnixMillis::DAY),
    };
    store
        .create_hide_rule(rule, "analyst-a", now())
        .await
        .expect("a rule");
    let asset = NewAsset {
        unit_id: unit,
        first: HOST.parse().expect("an address"),
        last: HOST.parse().expect("an address"),
        name: MARK.to_owned(),
        importance: 5,
    };
    store.put_asset(asset).await.expect("an asset");
    let set = NewRuleSet {
        unit_id: unit,
        name: MARK.to_owned(),
        draft: format!("# {MARK}"),
    };
    store
        .create_rule_set(set, "rule_author-a", now())
        .await
        .expect("a rule set");
    let who = ("rule_author-a", now());
    store
        .keep_rule_version(1, 1, 1, MARK, &Scope::All, who)
        .await
        .expect("a version");
    store
        .publish_rules(1, None, Some(1), MARK, &Scope::All, who)
        .await
        .expect("published");
    let feed = FeedChange {
        config: json!({"kind": "rules", "address": format!("https://{MARK}/")}).to_string(),
        enabled: true,
        every_hours: None,
        publishes: false,
        secret: SecretChange::Keep,
    };
    store
        .create_feed(unit, &format!("{MARK} 2"), &feed, "administrator-a", now())
        .await
        .expect("a source");
    let capture = RuleCapture {
        id: "1".to_owned(),
        unit_id: unit,
        name: MARK.to_owned(),
        bytes: 1,
        sha256: "x".to_owned(),
        added: now(),
        added_by: "rule_author-a".to_owned(),
    };
    store.add_rule_capture(&capture).await.expect("a capture");
}

/// A setting, a bundle that is there and a silence, the latter two with the number 1.
async fn fleet(store: &Store, sensor: &str) {
    let (all, who) = (Scope::All, ("administrator-a", now()));
    let target = FleetTarget::Sensor(sensor.to_owned());
    let changes = [("log.level".to_owned(), Some("debug".to_owned()))];
    store
        .change_settings(&target, &changes, (0, MARK), &all, who)
        .await
        .expect("set");
    let order = store
        .order(sensor, OrderKind::Bundle, MARK, &all, who)
        .await;
    let came = OrderStep::Came(MARK.as_bytes().to_vec());
    let id = order.expect("ordered").id;
    store.step_order(id, &came, now()).await.expect("it came");
    let silence = NewSilence {
        target,
        begins: now(),
        ends: now().plus(UnixMillis::HOUR),
        reason: MARK.to_owned(),
    };
    store
        .create_silence(silence, &all, who)
        .await
        .expect("made");
}

async fn alert(store: &Store, sensor: &str) {
    let alerts = [AlertSeen {
        seq: 1,
        id: "event",
        at: now(),
        gid: 1,
        sid: 1,
        signature: MARK,
        category: "x",
        severity: 1,
        source: HOST.parse().expect("an address"),
        destination: "10.77.0.9".parse().expect("an address"),
        attacker: None,
        app_proto: None,
        technique: None,
    }];
    let batch = AlertBatch {
        sensor_id: sensor,
        epoch: 1,
        class: "alert",
        through_seq: 1,
        alerts: &alerts,
    };
    store.apply_alerts(batch, now()).await.expect("applied");
}

fn index(folder: &std::path::Path, sensor: &str) -> Arc<Index> {
    let index = Index::open(&folder.join("index"), Options::default()).expect("an index");
    let line = format!(
        r#"{{"timestamp":"2026-11-24T10:00:00.000000+0000","event_type":"dns","src_ip":"{HOST}","dest_ip":"10.77.0.9","flow_id":77,"dns":{{"queries":[{{"rrname":"{MARK}.example"}}]}}}}"#
    );
    let event = Event::parse(line.into_bytes()).expect("an event");
    let stream = Stream {
        sensor: sensor.to_owned(),
        epoch: 1,
        class: Class::Record,
    };
    index
        .append(&stream, [(1, event)], 1, "2026-11-24T12:00:00Z")
        .expect("it appends");
    index.commit().expect("it commits");
    Arc::new(index)
}

struct Endpoint {
    method: String,
    path: String,
    body: Value,
    /// Takes the token of a source alone.
    is_for_sources: bool,
}

impl Endpoint {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn own(&self) -> bool {
        OWN.contains(&self.name().as_str()) || self.path.starts_with(OWN_PREFIX)
    }

    fn reads(&self) -> bool {
        self.method == "GET"
    }
}

/// The endpoints of the description, each with the least body that its schema takes.
fn endpoints() -> Vec<Endpoint> {
    let api: Value = serde_json::to_value(collector_api::openapi()).expect("it is JSON");
    let mut found = Vec::new();
    for (path, methods) in api["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/api/v1") else {
            assert!(OPEN.contains(&path.as_str()), "{path} is open to everybody");
            continue;
        };
        for (method, operation) in methods.as_object().expect("methods") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            found.push(Endpoint {
                method: method.to_uppercase(),
                path: path.to_owned(),
                body: sample(&api, schema),
                is_for_sources: operation["security"][0]["source"].is_array(),
            });
        }
    }
    assert!(found.len() > 40);
    found
}

fn sample(api: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return sample(api, &api["components"]["schemas"][name]);
    }
    // Of several shapes, the first.
    if let Some(shape) = schema["oneOf"].get(0) {
        return sample(api, shape);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| sample(api, part));
        return parts
            .filter_map(|part| part.as_object().cloned())
            .flatten()
            .collect();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let fields = required.filter_map(Value::as_str);
            fields
                .map(|name| (name.to_owned(), sample(api, &schema["properties"][name])))
                .collect()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        Some("string") => schema["enum"].get(0).cloned().unwrap_or(json!("x")),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_session() {
    let server = Server::start().await;
    for endpoint in endpoints() {
        if SIGN_IN.contains(&endpoint.name().as_str()) {
            continue;
        }
        let path = server.filled(&endpoint.path);
        let (status, text, _) = server
            .ask(&Pass::default(), &endpoint.method, &path, &endpoint.body)
            .await;
        assert_eq!(
            status,
            StatusCode::UNAUTHORIZED,
            "{}: {text}",
            endpoint.name()
        );
    }
}

#[tokio::test]
async fn a_viewer_changes_nothing_but_what_is_the_viewers_own() {
    let server = Server::start().await;
    let pass = server.sign_in("viewer-a").await;
    for endpoint in endpoints() {
        if endpoint.reads() || endpoint.own() || endpoint.path == "/session" {
            continue;
        }
        let path = server.filled(&endpoint.path);
        let (status, text, _) = server
            .ask(&pass, &endpoint.method, &path, &endpoint.body)
            .await;
        let refused = if endpoint.is_for_sources {
            status == StatusCode::UNAUTHORIZED
        } else {
            matches!(
                status,
                StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND
            )
        };
        assert!(refused, "{}: {status} {text}", endpoint.name());
    }
    // Accounts are the administrators' alone, even to read.
    for role in ["viewer-a", "analyst-a", "rule_author-a"] {
        let pass = server.sign_in(role).await;
        let (status, ..) = server.ask(&pass, "GET", "/users", &Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{role}");
        for (method, path) in [
            ("POST", "/units"),
            ("PATCH", "/users/2"),
            ("POST", "/users/2/unlock"),
        ] {
            let body = json!({"parent_id": server.unit.0, "name": "x", "kind": "x"});
            let (status, ..) = server.ask(&pass, method, path, &body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role} {method} {path}");
        }
    }
}

#[tokio::test]
async fn one_unit_reads_and_changes_nothing_of_another() {
    let server = Server::start().await;
    // The owner sees it, or the walk below would prove nothing.
    let owner = server.sign_in("administrator-a").await;
    let mut seen = 0;
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.reads()) {
        let path = server.filled(&endpoint.path);
        let (_, text, _) = server.ask(&owner, "GET", &path, &Value::Null).await;
        seen += usize::from(text.contains(MARK));
    }
    assert!(seen >= 8, "{seen}");
    for role in Role::ALL {
        let pass = server.sign_in(&format!("{}-b", role.name())).await;
        for endpoint in endpoints() {
            if endpoint.path.starts_with("/session") || (!endpoint.reads() && endpoint.own()) {
                continue;
            }
            let path = server.filled(&endpoint.path);
            let (status, text, _) = server
                .ask(&pass, &endpoint.method, &path, &endpoint.body)
                .await;
            // What was asked for may stand in the answer; what was found may not.
            let text = text.replace(&format!("{MARK}.example"), "");
            assert!(
                !text.contains(MARK),
                "{} {}: {text}",
                role.name(),
                endpoint.name()
            );
            assert!(!status.is_server_error(), "{}: {text}", endpoint.name());
            if !endpoint.reads() && endpoint.path.contains('{') && status.is_success() {
                panic!(
                    "{} {} changed something: {text}",
                    role.name(),
                    endpoint.name()
                );
            }
        }
    }
    let units = server
        .store
        .units(&collector_state::Scope::All)
        .await
        .expect("units");
    assert!(units.iter().any(|unit| unit.name == MARK));
}

/// The code that an authenticator shows: RFC 6238.
fn totp(secret: &str, at: UnixMillis) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut held, mut bits, mut bytes) = (0_u64, 0, Vec::new());
    for letter in secret.chars() {
        held = held << 5 | letters.find(letter).expect("base 32") as u64;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&bytes).expect("any length");
    mac.update(&(at.0 / 30_000).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let four: [u8; 4] = hash[offset..offset + 4].try_into().expect("four bytes");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_good_once() {
    let server = Server::start().await;
    let pass = server.sign_in("analyst-a").await;
    let (_, text, _) = server
        .ask(&pass, "POST", "/second-factor", &Value::Null)
        .await;
    let begun: Value = serde_json::from_str(&text).expect("JSON");
    let code = totp(begun["secret"].as_str().expect("a secret"), now());
    let told = |code: &str| json!({ "code": code });
    let (status, ..) = server
        .ask(&pass, "PUT", "/second-factor", &told("000000"))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, text, _) = server
        .ask(&pass, "PUT", "/second-factor", &told(&code))
        .await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let codes: Value = serde_json::from_str(&text).expect("JSON");
    let recovery = codes["codes"][0].as_str().expect("a code").to_owned();
    let login =
        |code: Option<&str>| json!({"username": "analyst-a", "password": PASSWORD, "code": code});
    for (code, expected) in [
        (None, "second_factor"),
        (Some("123456"), "sign_in_refused"),
        // It was used to turn the factor on.
        (Some(code.as_str()), "sign_in_refused"),
        (Some(recovery.as_str()), "analyst-a"),
        (Some(recovery.as_str()), "sign_in_refused"),
    ] {
        let (_, text, _) = server
            .ask(&Pass::default(), "POST", "/session", &login(code))
            .await;
        assert!(text.contains(expected), "{code:?}: {text}");
    }
    let admin = server.sign_in("administrator-a").await;
    let id = {
        let users = server
            .store
            .users(&collector_state::Scope::All)
            .await
            .expect("users");
        users
            .iter()
            .find(|user| user.name == "analyst-a")
            .expect("the user")
            .id
    };
    let path = format!("/users/{id}/second-factor");
    let (status, ..) = server.ask(&admin, "DELETE", &path, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    server.sign_in("analyst-a").await;
}

#[tokio::test]
async fn tokens_and_sessions_are_given_and_taken() {
    let server = Server::start().await;
    let pass = server.sign_in("analyst-a").await;
    let asked = |role: &str| json!({"name": "kịch bản", "role": role, "days": 30});
    let (status, ..) = server
        .ask(&pass, "POST", "/tokens", &asked("administrator"))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, text, _) = server.ask(&pass, "POST", "/tokens", &asked("viewer")).await;
    let made: Value = serde_json::from_str(&text).expect("JSON");
    let program = Pass {
        bearer: made["token"].as_str().map(str::to_owned),
        ..Pass::default()
    };
    let (status, text, _) = server.ask(&program, "GET", "/groups", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains(MARK));
    let act = json!({"ids": [1], "action": "acknowledge"});
    let (status, ..) = server.ask(&program, "POST", "/groups/actions", &act).await;
    assert!(!status.is_success(), "a viewer's token changes nothing");
    for (method, path) in [
        ("POST", "/tokens"),
        ("POST", "/second-factor"),
        ("PUT", "/session/password"),
    ] {
        let mut body = asked("viewer");
        body["current"] = json!(PASSWORD);
        body["new"] = json!("another long password");
        let (status, ..) = server.ask(&program, method, path, &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    let (status, ..) = server.ask(&pass, "DELETE", "/tokens/1", &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, ..) = server.ask(&program, "GET", "/groups", &Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let second = server.sign_in("analyst-a").await;
    let (_, text, _) = server.ask(&pass, "GET", "/sessions", &Value::Null).await;
    let open: Value = serde_json::from_str(&text).expect("JSON");
    let open = open.as_array().expect("a list");
    assert_eq!(open.len(), 2);
    let other = open
        .iter()
        .find(|one| one["current"] == false)
        .expect("the other");
    let path = format!("/sessions/{}", other["id"].as_str().expect("an id"));
    let (status, ..) = server.ask(&pass, "DELETE", &path, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, ..) = server.ask(&second, "GET", "/session", &Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sensors_show_their_past_and_what_was_refused() {
    let server = Server::start().await;
    let pass = server.sign_in("viewer-a").await;
    let path = format!("/sensors/{}/history?hours=1", server.sensor);
    let (_, text, _) = server.ask(&pass, "GET", &path, &Value::Null).await;
    let beats: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(beats[0]["stats"]["packets"], 7, "{text}");
    let (_, text, _) = server.ask(&pass, "GET", "/quarantine", &Value::Null).await;
    let refused: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&refused["total"], &refused["items"][0]["reason"]),
        (&json!(1), &json!("not JSON"))
    );
}

#[tokio::test]
async fn accounts_are_held_off_and_let_in_again() {
    let server = Server::start().await;
    let wrong = json!({"username": "analyst-a", "password": "not the password"});
    for _ in 0..6 {
        server
            .ask(&Pass::default(), "POST", "/session", &wrong)
            .await;
    }
    let right = json!({"username": "analyst-a", "password": PASSWORD});
    let (status, ..) = server
        .ask(&Pass::default(), "POST", "/session", &right)
        .await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let admin = server.sign_in("administrator-a").await;
    let (_, text, _) = server.ask(&admin, "GET", "/users", &Value::Null).await;
    let users: Value = serde_json::from_str(&text).expect("JSON");
    let users = users.as_array().expect("a list");
    let user = users
        .iter()
        .find(|user| user["name"] == "analyst-a")
        .expect("the user");
    assert!(user["locked_until"].is_string());
    let path = format!("/users/{}/unlock", user["id"]);
    let (status, ..) = server.ask(&admin, "POST", &path, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    server.sign_in("analyst-a").await;

    let new = |unit: UnitId| json!({"name": "moi", "display_name": "Mới", "role": "viewer", "unit_id": unit.0, "password": PASSWORD});
    let (status, ..) = server
        .ask(&admin, "POST", "/users", &new(UnitId::ROOT))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, text, _) = server
        .ask(&admin, "POST", "/users", &new(server.unit))
        .await;
    assert_eq!(status, StatusCode::OK, "{text}");
}
