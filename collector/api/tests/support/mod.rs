//! A collector's API with an administrator and three alerts in two groups.

#![allow(dead_code, reason = "each test program takes what it needs")]

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use collector_api::machine::{Machine, NoMachine};
use collector_api::{ApiState, FeedSettings, Guidance, Live, Parts};
use collector_evidence::Shelf;
use collector_index::{Index, Options};
use collector_search::Embedded;
use collector_state::{
    AlertBatch, AlertSeen, AuditFilter, AuditRow, Page, PasswordCost, Scope, Store, StoreOptions,
    UnitId, UnixMillis,
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const NOW: UnixMillis = UnixMillis(1_764_000_000_000);
pub const PASSWORD: &str = "a long first password";

pub struct Server {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub index: Arc<Index>,
    pub shelf: Shelf,
    /// Id of the sensor that all alerts are from.
    pub sensor: String,
    router: Router,
    pub cookie: String,
    csrf: String,
}

fn client() -> reqwest::Client {
    collector_feeds::client(b"").expect("a client")
}

/// An archive may lie nowhere.
pub fn archive_desk() -> collector_api::ArchiveDesk {
    collector_api::ArchiveDesk {
        means: collector_archive::Means {
            folders: Vec::new(),
            client: client(),
        },
        wake: tokio::sync::watch::Sender::new(0),
    }
}

impl Server {
    /// Nobody is signed in yet.
    pub async fn start_alone() -> Server {
        Server::start_beside(Arc::new(NoMachine)).await
    }

    /// Beside another machine than none.
    pub async fn start_beside(machine: Arc<dyn Machine>) -> Server {
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
        let sensor = alerts(&store).await;
        let index = Index::open(&folder.path().join("index"), Options::default());
        let index = Arc::new(index.expect("an index"));
        let shelf = Shelf::open(&folder.path().join("evidence")).expect("a shelf");
        let router = collector_api::router(ApiState::with_machine(
            Parts {
                store: store.clone(),
                engine: Arc::new(Embedded::new(Arc::clone(&index))),
                enrolment_string: Arc::new(str::to_owned),
                guidance: Guidance::default(),
                rules: HashMap::new(),
                index_days: 30,
                exports_dir: folder.path().join("exports"),
                captures_dir: folder.path().join("captures"),
                feeds: FeedSettings {
                    folder: folder.path().join("feeds"),
                    ..FeedSettings::default()
                },
                client: client(),
                archive: archive_desk(),
                evidence: shelf.clone(),
                live: Live::default(),
                clock: || NOW,
            },
            machine,
        ));
        Server {
            _folder: folder,
            store,
            index,
            shelf,
            sensor,
            router,
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    pub async fn start() -> Server {
        let mut server = Server::start_alone().await;
        assert_eq!(server.sign_in(PASSWORD).await, StatusCode::OK);
        server
    }

    /// As a browser opens an address: the status, where it leads, and the cookies that are set.
    pub async fn visit(&self, path: &str, cookie: &str) -> (StatusCode, String, Vec<String>) {
        let request = Request::builder()
            .uri(format!("/api/v1{path}"))
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("served");
        let texts = |name| {
            let all = response.headers().get_all(name).iter();
            all.filter_map(|value| Some(value.to_str().ok()?.to_owned()))
        };
        let place = texts(header::LOCATION).next().unwrap_or_default();
        let cookies = texts(header::SET_COOKIE).collect();
        (response.status(), place, cookies)
    }

    pub async fn ask(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(method, path, body.to_string().into_bytes()).await
    }

    /// With a body that need not be JSON.
    pub async fn send(&mut self, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .body(Body::from(body))
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

    /// What the answer to a browser, which takes compressed ones, is encoded in.
    pub async fn encoding(&self, path: &str) -> Option<String> {
        let request = Request::builder()
            .uri(format!("/api/v1{path}"))
            .header(header::COOKIE, &self.cookie)
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd")
            .body(Body::empty())
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("served");
        let encoding = response.headers().get(header::CONTENT_ENCODING)?;
        Some(encoding.to_str().ok()?.to_owned())
    }

    /// An answer that is no JSON, to a body that is.
    pub async fn post_for_bytes(&self, path: &str, body: Value) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .body(Body::from(body.to_string()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("served");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.expect("body");
        (status, bytes.to_vec())
    }

    /// An answer that is no JSON.
    pub async fn fetch(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .uri(format!("/api/v1{path}"))
            .header(header::COOKIE, &self.cookie)
            .body(Body::empty())
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("served");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.expect("body");
        (status, bytes.to_vec())
    }

    /// The newest fifty rows of the audit log, of all units.
    pub async fn audited(&self) -> Vec<AuditRow> {
        let page = Page {
            limit: 50,
            before: None,
        };
        let filter = AuditFilter::default();
        let rows = self.store.audit_log(&Scope::All, &filter, page).await;
        rows.expect("it is read").items
    }

    pub async fn sign_in(&mut self, password: &str) -> StatusCode {
        self.sign_in_as("admin", password).await
    }

    pub async fn sign_in_as(&mut self, name: &str, password: &str) -> StatusCode {
        let login = json!({ "username": name, "password": password });
        let (status, body) = self.ask("POST", "/session", login).await;
        self.csrf = body["csrf"].as_str().unwrap_or_default().to_owned();
        status
    }
}

/// Three alerts in two groups; the id of their sensor.
async fn alerts(store: &Store) -> String {
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
        attacker: None,
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
    sensor.sensor_id
}
