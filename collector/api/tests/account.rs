//! A session from sign-in to its end, the inbox's summary, and the units, over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use collector_api::{ApiState, Guidance, Parts};
use collector_index::{Index, Options};
use collector_search::Embedded;
use collector_state::{
    AlertBatch, AlertSeen, PasswordCost, Store, StoreOptions, UnitId, UnixMillis,
};
use serde_json::{Value, json};
use tower::ServiceExt;

const NOW: UnixMillis = UnixMillis(1_764_000_000_000);
const PASSWORD: &str = "a long first password";
const NEW_PASSWORD: &str = "another long password";

struct Server {
    _folder: tempfile::TempDir,
    router: Router,
    cookie: String,
    csrf: String,
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
            .create_first_admin("admin", PASSWORD, NOW)
            .await
            .expect("an account");
        alerts(&store).await;
        let index = Index::open(&folder.path().join("index"), Options::default());
        let router = collector_api::router(ApiState::new(Parts {
            store,
            engine: Arc::new(Embedded::new(Arc::new(index.expect("an index")))),
            enrolment_string: Arc::new(str::to_owned),
            guidance: Guidance::default(),
            rules: HashMap::new(),
            index_days: 30,
            exports_dir: folder.path().join("exports"),
            clock: || NOW,
        }));
        Server {
            _folder: folder,
            router,
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    async fn ask(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .body(Body::from(body.to_string()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("served");
        let status = response.status();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn sign_in(&mut self, password: &str) -> StatusCode {
        let login = json!({ "username": "admin", "password": password });
        let (status, body) = self.ask("POST", "/session", login).await;
        self.csrf = body["csrf"].as_str().unwrap_or_default().to_owned();
        status
    }
}

/// Three alerts in two groups.
async fn alerts(store: &Store) {
    let token = store
        .create_enrolment("cổng", UnitId::ROOT, "admin", NOW)
        .await
        .expect("an enrolment")
        .token;
    let sensor = store.enrol(&token, "gateway", NOW).await.expect("enrolled");
    let alert = |seq, source: &str, severity| AlertSeen {
        seq,
        id: "event",
        at: NOW,
        gid: 1,
        sid: 1,
        signature: "Quét cổng TCP",
        category: "x",
        severity,
        source: source.parse().expect("an address"),
        destination: "10.0.0.9".parse().expect("an address"),
        app_proto: None,
        technique: None,
    };
    let alerts = [
        alert(1, "10.1.1.1", 1),
        alert(2, "10.1.1.1", 1),
        alert(3, "10.2.1.1", 3),
    ];
    let batch = AlertBatch {
        sensor_id: &sensor.sensor_id,
        epoch: 7,
        class: "alert",
        through_seq: 3,
        alerts: &alerts,
    };
    store.apply_alerts(batch, NOW).await.expect("applied");
}

#[tokio::test]
async fn the_summary_counts_what_the_filter_holds() {
    let mut server = Server::start().await;
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
    let mut server = Server::start().await;
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
