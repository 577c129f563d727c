//! Searching over HTTP: commands, tables, cancelling, what people keep, exports, and what one thing is about.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use collector_api::{ApiState, Guidance, Live, Parts};
use collector_evidence::Shelf;
use collector_index::{Event, Index, Options, Stream};
use collector_search::{
    Counted, Embedded, Facet, Grouping, Health, Histogram, Hits, SearchEngine, SearchError, Sort,
    Tabled,
};
use collector_state::{
    NewPack, NewUser, PasswordCost, Role, Store, StoreOptions, UnitId, UnixMillis,
};
use sensor_event::Class;
use serde_json::{Value, json};
use tower::ServiceExt;

const PASSWORD: &str = "a long first password";
const SENSOR: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// 2026-11-24T12:00:00Z
fn now() -> UnixMillis {
    UnixMillis(1_795_521_600_000)
}

const EVENTS: [&str; 13] = [
    r#"{"timestamp":"2026-11-24T10:00:00.000001+0000","event_type":"alert","src_ip":"10.0.0.5","src_port":5000,"dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","flow_id":7,"alert":{"signature_id":2001,"signature":"Quét cổng","severity":2}}"#,
    r#"{"timestamp":"2026-11-24T10:00:01.000000+0000","event_type":"dns","src_ip":"10.0.0.5","dest_ip":"10.9.0.1","dest_port":53,"proto":"UDP","flow_id":8,"dns":{"queries":[{"rrname":"mail.example.com","rrtype":"A"}],"answers":[{"rrname":"mail.example.com","rrtype":"A","rdata":"192.0.2.1"}]}}"#,
    r#"{"timestamp":"2026-11-24T10:00:02.000000+0000","event_type":"tls","src_ip":"10.0.0.5","dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","flow_id":7,"community_id":"1:abc=","tls":{"sni":"mail.example.com","ja4":"t13d1516h2_8daaf6152771_02713d6af862","subject":"CN=mail"}}"#,
    r#"{"timestamp":"2026-11-24T10:00:03.000000+0000","event_type":"flow","src_ip":"10.0.0.5","dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","app_proto":"tls","flow_id":7,"flow":{"bytes_toserver":1500,"bytes_toclient":90000}}"#,
    r#"{"timestamp":"2026-11-24T10:00:04.000000+0000","event_type":"fileinfo","src_ip":"192.0.2.1","dest_ip":"10.0.0.5","proto":"TCP","flow_id":7,"fileinfo":{"filename":"a.exe","size":9,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#,
    r#"{"timestamp":"2026-11-24T11:00:00.000000+0000","event_type":"flow","src_ip":"10.0.0.6","dest_ip":"10.0.0.5","dest_port":22,"proto":"TCP","app_proto":"ssh","flow_id":9,"flow":{"bytes_toserver":100,"bytes_toclient":200}}"#,
    r#"{"timestamp":"2026-11-10T11:00:00.000000+0000","event_type":"flow","src_ip":"10.0.0.5","dest_ip":"192.0.2.1","dest_port":443,"proto":"TCP","app_proto":"tls","flow_id":10,"flow":{"bytes_toserver":1,"bytes_toclient":1}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"service","ip":"10.0.0.7","port":443,"transport":"tcp","app_proto":"tls"}}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"service","ip":"10.0.0.7","port":514,"transport":"tcp"}}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"software","ip":"10.0.0.7","role":"server","app_proto":"smtp","text":"ESMTP Postfix"}}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"software","ip":"10.0.0.6","role":"client","app_proto":"http","text":"curl/8"}}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"certificate","ip":"10.0.0.7","port":443,"fingerprint":"aa","subject":"CN=a","issuer":"CN=a","self_signed":true}}}"#,
    r#"{"timestamp":"2026-11-24T10:00:05.000000+0000","event_type":"fact","src_ip":"10.0.0.6","dest_ip":"10.0.0.7","dest_port":443,"proto":"TCP","flow_id":11,"matluoi":{"fact":{"kind":"certificate","ip":"10.0.0.7","port":443,"fingerprint":"bb","subject":"CN=b","issuer":"CN=c","expired":true,"name_mismatch":"mail.example.com"}}}"#,
];

struct Server {
    _folder: tempfile::TempDir,
    store: Store,
    router: Router,
    cookie: String,
    csrf: String,
}

async fn store(folder: &std::path::Path) -> Store {
    let options = StoreOptions {
        password_cost: PasswordCost::TEST,
    };
    let store = Store::open(&folder.join("state.sqlite"), options)
        .await
        .expect("a store");
    store
        .create_first_admin("admin", PASSWORD, now())
        .await
        .expect("an account");
    let other = NewUser {
        name: "other".to_owned(),
        display_name: "Khác".to_owned(),
        role: Role::Viewer,
        unit_id: UnitId::ROOT,
        locale: "vi".to_owned(),
        password: PASSWORD.to_owned(),
    };
    store.create_user(other, now()).await.expect("an account");
    store
}

fn client() -> reqwest::Client {
    collector_feeds::client(b"").expect("a client")
}

fn server(folder: tempfile::TempDir, store: Store, engine: Arc<dyn SearchEngine>) -> Server {
    let router = collector_api::router(ApiState::new(Parts {
        store: store.clone(),
        engine,
        enrolment_string: Arc::new(str::to_owned),
        guidance: Guidance::default(),
        rules: HashMap::new(),
        index_days: 30,
        exports_dir: folder.path().join("exports"),
        captures_dir: folder.path().join("captures"),
        feeds: collector_api::FeedSettings::default(),
        client: client(),
        archive: collector_api::ArchiveDesk {
            means: collector_archive::Means {
                folders: Vec::new(),
                client: client(),
            },
            wake: tokio::sync::watch::Sender::new(0),
        },
        evidence: Shelf::open(&folder.path().join("evidence")).expect("a shelf"),
        live: Live::default(),
        clock: now,
    }));
    Server {
        _folder: folder,
        store,
        router,
        cookie: String::new(),
        csrf: String::new(),
    }
}

impl Server {
    async fn start() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path()).await;
        let index = Index::open(&folder.path().join("index"), Options::default());
        let index = Arc::new(index.expect("an index"));
        for (seq, line) in (1_u64..).zip(EVENTS) {
            let event = Event::parse(line.as_bytes().to_vec()).expect("an event");
            let stream = Stream {
                sensor: SENSOR.to_owned(),
                epoch: 1,
                class: if line.contains("alert") {
                    Class::Alert
                } else {
                    Class::Record
                },
            };
            index
                .append(&stream, [(seq, event)], seq, "2026-11-24T12:00:00Z")
                .expect("it appends");
        }
        index.commit().expect("it commits");
        let mut server = server(folder, store, Arc::new(Embedded::new(index)));
        server.sign_in("admin").await;
        server
    }

    async fn bytes(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Vec<u8>) {
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
        let bytes = to_bytes(response.into_body(), 1 << 22).await.expect("body");
        (status, bytes.to_vec())
    }

    async fn ask(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let (status, bytes) = self.bytes(method, path, body).await;
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn read(&mut self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn sign_in(&mut self, name: &str) {
        let login = json!({ "username": name, "password": PASSWORD });
        let (status, body) = self.ask("POST", "/session", login).await;
        assert_eq!(status, StatusCode::OK);
        self.csrf = body["csrf"].as_str().unwrap_or_default().to_owned();
    }
}

#[tokio::test]
async fn commands_make_tables() {
    let mut server = Server::start().await;
    let q = "event_type:flow%20%7C%20groupby%20-bar%20src_ip%20sum(flow.bytes_toclient)%20%7C%20sortby%20src_ip%20asc";
    let body = server
        .read(&format!("/search/tables?q={q}&from=-1d@d&to=now"))
        .await;
    let table = &body["tables"][0];
    assert_eq!(table["view"], "bar");
    assert_eq!(table["rows"][0]["values"], json!(["10.0.0.5"]));
    assert_eq!(table["rows"][0]["measures"], json!([90000.0]));
    assert_eq!(table["rows"][0]["first"], "2026-11-24T10:00:03Z");
    assert_eq!(
        (&table["different"], &body["partial"]),
        (&json!(2), &json!(false))
    );

    let rare = server
        .read("/search/facets?field=event_type&rare=true&size=1&from=now-1d")
        .await;
    assert_eq!(rare["facets"][0]["values"][0]["count"], 1);

    let (status, fault) = server
        .ask(
            "GET",
            "/search/tables?q=%7C%20gruopby%20src_ip",
            Value::Null,
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(fault["code"], "unknown_command");
    assert_eq!(
        (&fault["position"], &fault["suggestion"]),
        (&json!(2), &json!("| groupby src_ip"))
    );

    let hints = server.read("/search/validate?q=scr_ip:10.0.0.5").await;
    assert_eq!(hints["hints"][0]["meant"], "src_ip");
}

#[tokio::test]
async fn what_was_searched_is_kept() {
    let mut server = Server::start().await;
    let page = server
        .read("/search?q=type:flow&from=now-30d&limit=1&remember=true")
        .await;
    assert_eq!(page["total"], 3);
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    let next = server
        .read(&format!(
            "/search?q=type:flow&from=now-30d&limit=5&cursor={cursor}&remember=true"
        ))
        .await;
    assert_eq!(next["items"].as_array().map(Vec::len), Some(2));
    let history = server.read("/searches/history").await;
    assert_eq!(history.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&history[0]["q"], &history[0]["total"]),
        (&json!("type:flow"), &json!(3))
    );

    let save = |name: &str, shared: bool| json!({"name": name, "q": "type:dns | groupby src_ip", "from": "now-24h", "to": "now", "columns": ["src_ip"], "shared": shared});
    let (_, own) = server
        .ask("POST", "/searches", save("của tôi", false))
        .await;
    let (_, team) = server.ask("POST", "/searches", save("của tổ", true)).await;
    let mut wrong = save("sai", false);
    wrong["q"] = json!("port:abc");
    let (status, _) = server.ask("POST", "/searches", wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = server
        .ask("PUT", "/preferences/hunt.columns", json!(["src_ip"]))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.read("/preferences").await["hunt.columns"][0],
        "src_ip"
    );

    server.sign_in("other").await;
    let seen = server.read("/searches").await;
    assert_eq!(seen.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&seen[0]["id"], &seen[0]["own"]),
        (&team["id"], &json!(false))
    );
    for id in [&own["id"], &team["id"]] {
        let (status, _) = server
            .ask("DELETE", &format!("/searches/{id}"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(server.read("/searches/history").await, json!([]));
    assert_eq!(server.read("/preferences").await, json!({}));
}

#[tokio::test]
async fn exports_are_made_and_fetched() {
    let mut server = Server::start().await;
    for (format, sign) in [
        ("csv", "\u{feff}timestamp,src_ip"),
        ("ndjson", "{\""),
        ("parquet", "PAR1"),
    ] {
        let asked = json!({"q": "type:flow", "from": "now-30d", "to": "now", "format": format, "columns": ["src_ip", "flow.bytes_toclient"]});
        let (status, body) = server.ask("POST", "/exports", asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let id = body["id"].as_str().expect("an id").to_owned();
        let export = loop {
            let exports = server.read("/exports").await;
            let mine = exports.as_array().into_iter().flatten();
            let export = mine
                .into_iter()
                .find(|one| one["id"] == id.as_str())
                .cloned()
                .expect("it is listed");
            if export["status"] != "running" {
                break export;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(
            (&export["status"], &export["rows"], &export["complete"]),
            (&json!("ready"), &json!(3), &json!(true))
        );
        let (status, file) = server
            .bytes("GET", &format!("/exports/{id}/file"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::OK);
        assert!(file.starts_with(sign.as_bytes()), "{format}");
        assert_eq!(export["bytes"], file.len());
        if format == "csv" {
            let text = String::from_utf8(file).expect("text");
            assert_eq!(text.lines().count(), 4, "{text}");
        }
        server.sign_in("other").await;
        let (status, _) = server
            .ask("GET", &format!("/exports/{id}/file"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        server.sign_in("admin").await;
        let (status, _) = server
            .ask("DELETE", &format!("/exports/{id}"), Value::Null)
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
}

/// Two days of November lie in the archive; one of them is older than a week.
#[tokio::test]
async fn what_lies_in_the_archive_is_named_wherever_it_is_left_out() {
    let mut server = Server::start().await;
    for day in ["2026-11-02", "2026-11-20"] {
        let new = NewPack {
            site: "/archive",
            object: day,
            day,
            shelf: "records",
            events: 70,
            bytes: 700,
            packed_bytes: 90,
            sha256: "ab",
        };
        server
            .store
            .archived(new, now())
            .await
            .expect("it is noted");
    }
    let range = "from=now-30d&to=now";
    for (path, days, events) in [
        (format!("/search?{range}"), 2, 140),
        (format!("/search?{range}&class=record"), 2, 140),
        (
            format!("/search/tables?q=*|groupby%20src_ip&{range}"),
            2,
            140,
        ),
        (format!("/hosts/10.0.0.5?{range}"), 2, 140),
        ("/hosts/10.0.0.5".to_owned(), 1, 70),
        ("/domains/mail.example.com".to_owned(), 1, 70),
        ("/flows/7".to_owned(), 1, 70),
    ] {
        let told = &server.read(&path).await["archived"];
        assert_eq!(
            (&told["days"], &told["events"]),
            (&json!(days), &json!(events)),
            "{path}"
        );
    }
    for path in [
        format!("/search?{range}&class=alert"),
        "/search?from=now-1d&to=now".to_owned(),
        "/flows/7?from=now-1d&to=now".to_owned(),
    ] {
        assert_eq!(server.read(&path).await["archived"], Value::Null, "{path}");
    }
    for (class, told) in [("record", json!(2)), ("alert", Value::Null)] {
        let asked =
            json!({"q": "*", "from": "now-30d", "to": "now", "format": "csv", "class": class});
        let (status, body) = server.ask("POST", "/exports", asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let export = loop {
            let exports = server.read("/exports").await;
            let mut mine = exports.as_array().into_iter().flatten();
            let export = mine
                .find(|one| one["id"] == body["id"])
                .expect("it is listed");
            if export["status"] != "running" {
                break export.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(export["status"], "ready", "{export}");
        assert_eq!(export["archived"]["days"], told, "{export}");
    }
}

fn panel<'a>(body: &'a Value, id: &str) -> &'a Value {
    let panels = body["panels"].as_array().into_iter().flatten();
    panels
        .into_iter()
        .find(|panel| panel["id"] == id)
        .unwrap_or(&Value::Null)
}

#[tokio::test]
async fn one_thing_leads_to_what_there_is_about_it() {
    let mut server = Server::start().await;
    let flow = server.read("/flows/7").await;
    let kinds: Vec<&Value> = flow["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["event_type"])
        .collect();
    assert_eq!(kinds, ["alert", "tls", "flow", "fileinfo"]);
    assert_eq!(server.read("/flows/1:abc=").await["total"], 1);

    let host = server.read("/hosts/10.0.0.5").await;
    assert_eq!(host["total"], 6);
    for (id, values) in [
        ("alerts", json!(["Quét cổng", "2", "2001"])),
        ("services_offered", json!(["22", "TCP", "ssh"])),
        ("domains", json!(["mail.example.com"])),
        ("new_ports_in", json!(["22", "TCP"])),
    ] {
        assert_eq!(panel(&host, id)["rows"][0]["values"], values, "{id}");
    }
    // It talked with this one two weeks ago.
    assert_eq!(panel(&host, "new_peers_out")["rows"], json!([]));
    let server_side = server.read("/hosts/192.0.2.1").await;
    assert_eq!(
        panel(&server_side, "names")["rows"][0]["values"][0],
        "mail.example.com"
    );
    assert_eq!(panel(&server_side, "certificates")["rows"], json!([]));

    let facts = server.read("/hosts/10.0.0.7").await;
    for (id, rows) in [
        ("services_seen", json!([["443", "tcp", "tls"]])),
        ("services_unrecognised", json!([["514", "tcp"]])),
        ("software", json!([["ESMTP Postfix", "smtp", "server"]])),
        ("certificates_self_signed", json!([["CN=a", "aa"]])),
        ("certificates_expired", json!([["CN=b", "bb"]])),
        ("certificates_not_yet_valid", json!([])),
        (
            "certificates_mismatch",
            json!([["mail.example.com", "CN=b"]]),
        ),
    ] {
        let mut found: Vec<&Value> = panel(&facts, id)["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| &row["values"])
            .collect();
        found.sort_by_key(|values| values.to_string());
        assert_eq!(json!(found), rows, "{id}");
    }

    let graph = server.read("/hosts/10.0.0.5/graph").await;
    assert_eq!(graph["nodes"].as_array().map(Vec::len), Some(4));
    let alerted: Vec<&Value> = graph["edges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|edge| edge["alerts"] != 0)
        .collect();
    assert_eq!(alerted.len(), 1);
    assert_eq!(server.read("/graph?q=*").await["left_out"], 0);

    let domain = server.read("/domains/Mail.Example.com.").await;
    assert_eq!(
        panel(&domain, "answers")["rows"][0]["values"][0],
        "192.0.2.1"
    );
    assert_eq!(
        panel(&domain, "tls_clients")["rows"][0]["values"][0],
        "10.0.0.5"
    );
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let file = server.read(&format!("/files/{hash}")).await;
    assert_eq!(file["total"], 1);
    let ja4 = server
        .read("/fingerprints/t13d1516h2_8daaf6152771_02713d6af862")
        .await;
    assert_eq!(
        panel(&ja4, "sni")["rows"][0]["values"][0],
        "mail.example.com"
    );
    let names = server.read("/passive-dns?value=192.0.2.1").await;
    assert_eq!(
        names["rows"][0]["values"],
        json!(["mail.example.com", "192.0.2.1"])
    );
    for path in ["/hosts/abc", "/flows/abc", "/files/abc", "/domains/*"] {
        let (status, _) = server.ask("GET", path, Value::Null).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
}

/// An engine whose searches never end, and tell when they are given up.
struct Endless {
    begun: AtomicBool,
    ended: Arc<AtomicBool>,
}

struct TellOnDrop(Arc<AtomicBool>);

impl Drop for TellOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Tables = (Vec<Tabled>, bool);
type Facets = (Vec<Facet>, bool);

#[async_trait]
impl SearchEngine for Endless {
    async fn search(
        &self,
        _: collector_search::Request,
        _: Sort,
        _: usize,
        _: Option<String>,
    ) -> Result<Hits, SearchError> {
        let _tell = TellOnDrop(Arc::clone(&self.ended));
        self.begun.store(true, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn count(&self, _: collector_search::Request) -> Result<Counted, SearchError> {
        Err(SearchError::Timeout)
    }

    async fn histogram(
        &self,
        _: collector_search::Request,
        _: usize,
    ) -> Result<Histogram, SearchError> {
        Err(SearchError::Timeout)
    }

    async fn facets(
        &self,
        _: collector_search::Request,
        _: Vec<String>,
        _: usize,
    ) -> Result<Facets, SearchError> {
        Err(SearchError::Timeout)
    }

    async fn tables(
        &self,
        _: collector_search::Request,
        _: Vec<Grouping>,
    ) -> Result<Tables, SearchError> {
        Err(SearchError::Timeout)
    }

    async fn get(&self, _: String, _: Option<Vec<String>>) -> Result<Option<String>, SearchError> {
        Ok(None)
    }

    async fn delete_before(&self, _: i64) -> Result<usize, SearchError> {
        Ok(0)
    }

    async fn health(&self) -> Result<Health, SearchError> {
        Ok(Health::default())
    }
}

#[tokio::test]
async fn a_browser_that_goes_away_ends_its_search() {
    use tokio::io::AsyncWriteExt;
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path()).await;
    let ended = Arc::new(AtomicBool::new(false));
    let engine = Arc::new(Endless {
        begun: AtomicBool::new(false),
        ended: Arc::clone(&ended),
    });
    let mut server = server(folder, store, Arc::clone(&engine) as Arc<dyn SearchEngine>);
    server.sign_in("admin").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = server
        .router
        .clone()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut browser = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    let request = format!(
        "GET /api/v1/search?q=a HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n",
        server.cookie
    );
    browser.write_all(request.as_bytes()).await.expect("sent");
    let wait = async |flag: &AtomicBool| {
        for _ in 0..200 {
            if flag.load(Ordering::SeqCst) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    assert!(wait(&engine.begun).await, "the search begins");
    assert!(!ended.load(Ordering::SeqCst));
    drop(browser);
    assert!(wait(&ended).await, "the search is given up");
}
