//! Rule and intelligence sources over the API: fetched from a server of this machine, filtered, checked, compared,
//! published; given by hand; and what goes wrong.

mod support;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use collector_api::machine::{
    EngineFault, Line, Machine, NoMachine, Numbers, Question, Storage, Taken, Tongue,
};
use collector_state::{NewUser, Role, UnitId};
use serde_json::{Value, json};
use support::{NOW, PASSWORD, Server};

/// A rule engine that refuses rules with the word `fault`.
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
        _: Tongue,
    ) -> Result<Vec<u8>, EngineFault> {
        assert_eq!(question, Question::Check);
        let failures: Vec<Value> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains("fault") && !line.starts_with('#'))
            .map(|(at, _)| {
                json!({"line": at + 1, "column": 1, "end_column": 2, "sid": null, "keyword": null, "reason": "no"})
            })
            .collect();
        let rules = text.lines().filter(|line| line.starts_with("alert"));
        let loaded = rules.count() - failures.len();
        let answer = json!({"loaded": loaded, "failed": failures.len(), "skipped": 0,
            "failures": failures, "warnings": []});
        Ok(answer.to_string().into_bytes())
    }
}

/// A server whose one file changes, and the headers of the last request for it.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<(String, HeaderMap)>>);

impl Source {
    async fn start(text: &str) -> (Source, String) {
        let source = Source::default();
        source.set(text);
        let own = source.clone();
        let router = Router::new().fallback(move |request: Request| {
            let own = own.clone();
            async move {
                if request.uri().path() != "/x.rules" {
                    return (StatusCode::NOT_FOUND, HeaderMap::new(), String::new());
                }
                let mut held = own.0.lock().expect("nobody fails");
                held.1 = request.headers().clone();
                let tag = format!("\"{}\"", held.0.len());
                let mut headers = HeaderMap::new();
                headers.insert("etag", tag.parse().expect("a header"));
                let known = request.headers().get("if-none-match");
                if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
                    return (StatusCode::NOT_MODIFIED, headers, String::new());
                }
                (StatusCode::OK, headers, held.0.clone())
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        (source, format!("http://{address}/x.rules"))
    }

    fn set(&self, text: &str) {
        text.clone_into(&mut self.0.lock().expect("nobody fails").0);
    }

    fn header(&self, name: &str) -> Option<String> {
        let held = self.0.lock().expect("nobody fails");
        Some(held.1.get(name)?.to_str().ok()?.to_owned())
    }
}

fn rule(sid: u32, more: &str) -> String {
    format!("alert ip any any -> any any (msg:\"rule {sid}\"; {more}sid:{sid}; rev:1;)\n")
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

fn request(kind: &str, address: &str) -> Value {
    json!({"unit_id": 1, "name": "nguồn", "kind": kind, "address": address, "enabled": true})
}

/// The source's id, and that of its set.
async fn create(server: &mut Server, request: Value) -> (i64, i64) {
    let made = good(server, "POST", "/feeds", request).await;
    let id = |name: &str| made[name].as_i64().expect("an id");
    (id("id"), id("set_id"))
}

/// Runs a source, and gives its newest run.
async fn run(server: &mut Server, id: i64, what: &str) -> Value {
    let path = format!("/feeds/{id}/runs");
    good(server, "POST", &path, json!({"what": what})).await;
    ended(server, id).await
}

async fn ended(server: &mut Server, id: i64) -> Value {
    loop {
        let told = good(server, "GET", &format!("/feeds/{id}"), Value::Null).await;
        if told["runs"][0]["status"] != "running" {
            return told["runs"][0].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_source_makes_versions_that_people_compare_and_publish() {
    let (source, address) = Source::start(&(rule(1, "") + &rule(2, "") + "#" + &rule(3, ""))).await;
    let mut server = server().await;
    let (id, set) = create(&mut server, request("rules", &address)).await;
    let first = run(&mut server, id, "fetch").await;
    assert_eq!(
        (&first["status"], &first["number"]),
        (&json!("kept"), &json!(1)),
        "{first}"
    );
    let report = &first["report"];
    assert_eq!(
        (&report["rules"], &report["rules_on"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(report["changes"]["added"], 2);
    let again = run(&mut server, id, "fetch").await;
    assert_eq!(again["status"], "unchanged");
    assert_eq!(again["report"]["content"], "not_modified");
    let publish = json!({"number": 1, "why": "bản đầu"});
    let published = format!("/rule-sets/{set}/publications");
    good(&mut server, "POST", &published, publish).await;
    source.set(&(rule(1, "priority:1; ") + "# " + &rule(2, "") + &rule(3, "") + &rule(4, "")));
    let second = run(&mut server, id, "fetch").await;
    assert_eq!(
        (&second["status"], &second["number"]),
        (&json!("kept"), &json!(2))
    );
    assert_eq!(second["report"]["against"], 1);
    let path = format!("/rule-sets/{set}/diff?from=1&to=2");
    let diff = good(&mut server, "GET", &path, Value::Null).await;
    let kinds: Vec<(u64, &str)> = diff["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|row| Some((row["sid"].as_u64()?, row["kind"].as_str()?)))
        .collect();
    assert_eq!(
        kinds,
        [
            (1, "changed"),
            (2, "disabled"),
            (3, "enabled"),
            (4, "added")
        ]
    );
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(
        (&told["feed"]["newest"], &told["feed"]["everywhere"]),
        (&json!(2), &json!(1)),
        "nobody has published the second"
    );
    let draft = json!({"revision": 1, "text": "x"});
    let (status, told) = server
        .ask("PUT", &format!("/rule-sets/{set}/draft"), draft)
        .await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("written_by_source"))
    );
}

#[tokio::test]
async fn filters_are_checked_kept_and_tried_on_what_was_fetched() {
    let text = rule(1, "flowbits:isset,a; ") + "#" + &rule(2, "flowbits:set,a; ") + &rule(3, "");
    let (_source, address) = Source::start(&text).await;
    let mut server = server().await;
    let (id, _) = create(&mut server, request("rules", &address)).await;
    run(&mut server, id, "fetch").await;
    let path = format!("/feeds/{id}/filters");
    let filters = json!({"revision": 1, "disable": "3\nnonsense"});
    let told = good(&mut server, "PUT", &path, filters).await;
    assert_eq!(told["faults"][0]["line"], 2);
    assert_eq!(told["revision"], 1, "nothing is kept");
    let filters =
        json!({"revision": 1, "disable": "3", "modify": "1 \"rule 1\" \"other\"", "drop": "77"});
    let told = good(&mut server, "PUT", &path, filters.clone()).await;
    assert_eq!(
        (&told["revision"], &told["faults"]),
        (&json!(2), &json!([]))
    );
    let (status, told) = server.ask("PUT", &path, filters).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("changed_meanwhile"))
    );
    let ended = run(&mut server, id, "stored").await;
    let filtered = &ended["report"]["filtered"];
    assert_eq!(
        (
            &filtered["disabled"],
            &filtered["modified"],
            &filtered["for_flowbits"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(filtered["idle"][0]["filter"], "drop");
    assert_eq!(ended["number"], 2);
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_the_version_before_stays() {
    let sound: String = (1..=20).map(|sid| rule(sid, "")).collect();
    let (source, address) = Source::start(&sound).await;
    let mut server = server().await;
    let (id, _) = create(&mut server, request("rules", &address)).await;
    run(&mut server, id, "fetch").await;
    source.set(&(sound.clone() + &rule(30, "content:\"fault\"; ")));
    let ended = run(&mut server, id, "fetch").await;
    assert_eq!(
        (&ended["status"], &ended["report"]["faulty"]),
        (&json!("unchanged"), &json!(1))
    );
    assert_eq!(ended["report"]["faults"][0]["sid"], 30);
    let rows = [
        (
            sound.replace("any (", "any (content:\"fault\"; "),
            "faulty_rules",
        ),
        ("<!doctype html><p>sign in".to_owned(), "content"),
        (format!("# {}", rule(1, "")), "no_rules_on"),
        ("\u{1f}\u{8b}no archive".to_owned(), "content"),
    ];
    let count = rows.len();
    for (text, code) in rows {
        source.set(&text);
        let ended = run(&mut server, id, "fetch").await;
        assert_eq!(ended["status"], "failed", "{ended}");
        assert_eq!(ended["report"]["error"]["code"], code);
    }
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(told["feed"]["newest"], 1);
    assert_eq!(told["feed"]["failures"], count);
    source.set(&sound);
    run(&mut server, id, "fetch").await;
    let told = good(&mut server, "GET", "/feeds", Value::Null).await;
    assert_eq!(told[0]["failures"], 0);
}

#[tokio::test]
async fn a_source_publishes_by_itself_unless_its_rules_go() {
    let (source, address) = Source::start(&(rule(1, "") + &rule(2, "") + &rule(3, ""))).await;
    let mut server = server().await;
    let mut new = request("rules", &address);
    new["publishes"] = json!(true);
    new["every_hours"] = json!(6);
    let (id, set) = create(&mut server, new).await;
    let ended = run(&mut server, id, "fetch").await;
    assert_eq!(ended["status"], "published", "{ended}");
    let path = format!("/rule-sets/{set}/publications");
    let told = good(&mut server, "GET", &path, Value::Null).await;
    assert_eq!(told["history"][0]["number"], 1);
    source.set(&rule(1, ""));
    let ended = run(&mut server, id, "fetch").await;
    assert_eq!(
        (&ended["status"], &ended["report"]["withheld"]),
        (&json!("kept"), &json!("shrunk"))
    );
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(told["feed"]["everywhere"], 1);
    assert!(told["feed"]["due"].is_string());
    let back = json!({"why": "sai"});
    good(&mut server, "POST", &path, back).await;
    let ended = run(&mut server, id, "fetch").await;
    assert_eq!(ended["status"], "unchanged", "what was taken back stays so");
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(told["feed"]["everywhere"], Value::Null);
}

#[tokio::test]
async fn files_are_given_by_hand_where_nothing_can_be_fetched() {
    let mut server = server().await;
    let mut new = request("list", "");
    new["indicator"] = json!("domain");
    new["every_hours"] = json!(6);
    let (id, set) = create(&mut server, new).await;
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(told["feed"]["due"], Value::Null);
    let ended = run(&mut server, id, "fetch").await;
    assert_eq!(ended["report"]["error"]["code"], "no_content");
    let path = format!("/feeds/{id}/content?name=list.txt");
    let list = b"evil.example\nbad.example\n".to_vec();
    let (status, _) = server.send("PUT", &path, list).await;
    assert_eq!(status, StatusCode::OK);
    let run = ended_ok(&mut server, id).await;
    assert_eq!(
        (&run["report"]["content"], &run["report"]["indicators"]),
        (&json!("given"), &json!(2))
    );
    let version = format!("/rule-sets/{set}/versions/1");
    let told = good(&mut server, "GET", &version, Value::Null).await;
    let text = told["text"].as_str().expect("a text");
    assert!(
        text.contains(&format!("load feed{id}-domain.lst")),
        "{text}"
    );
    assert!(text.contains("#:=ZXZpbC5leGFtcGxl"), "{text}");
    let diff = format!("/rule-sets/{set}/diff?to=1");
    let told = good(&mut server, "GET", &diff, Value::Null).await;
    assert_eq!(told["lists"][0]["added"], 2);
}

async fn ended_ok(server: &mut Server, id: i64) -> Value {
    let run = ended(server, id).await;
    assert_eq!(run["status"], "kept", "{run}");
    run
}

#[tokio::test]
async fn secrets_are_sent_and_never_shown() {
    let (source, address) = Source::start(&rule(1, "")).await;
    let mut server = server().await;
    let mut new = request("rules", &address);
    new["header"] = json!("Auth-Key");
    new["secret"] = json!("very secret");
    let (id, _) = create(&mut server, new).await;
    run(&mut server, id, "fetch").await;
    assert_eq!(source.header("auth-key").as_deref(), Some("very secret"));
    let told = good(&mut server, "GET", &format!("/feeds/{id}"), Value::Null).await;
    assert_eq!(told["feed"]["has_secret"], true);
    assert!(!told.to_string().contains("very secret"));
    for (field, value, code) in [
        ("kind", "newspaper", "unknown"),
        ("address", "ftp://x", "not_a_url"),
        ("address", "https://me:secret@host/", "has_password"),
        ("proxy", "http://me:secret@host:1", "has_password"),
        ("header", "Auth Key", "not_a_header"),
    ] {
        let mut odd = request("rules", &address);
        odd[field] = json!(value);
        let (status, told) = server.ask("PUT", &format!("/feeds/{id}"), odd).await;
        assert_eq!(
            (status, &told["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{value}"
        );
    }
}

#[tokio::test]
async fn administrators_manage_and_rule_authors_read_and_run() {
    let (_source, address) = Source::start(&rule(1, "")).await;
    let mut server = server().await;
    let (id, _) = create(&mut server, request("rules", &address)).await;
    for (name, role) in [("author", Role::RuleAuthor), ("analyst", Role::Analyst)] {
        let new = NewUser {
            name: name.to_owned(),
            display_name: name.to_owned(),
            locale: "vi".to_owned(),
            password: PASSWORD.to_owned(),
            role,
            unit_id: UnitId::ROOT,
        };
        server.store.create_user(new, NOW).await.expect("made");
        let signed_in = server.sign_in_as(name, PASSWORD).await;
        assert_eq!(signed_in, StatusCode::OK);
        let may = role == Role::RuleAuthor;
        let one = format!("/feeds/{id}");
        for (method, path, body, allowed) in [
            ("GET", one.clone(), Value::Null, may),
            ("POST", format!("{one}/runs"), json!({"what": "fetch"}), may),
            (
                "PUT",
                format!("{one}/filters"),
                json!({"revision": 99}),
                may,
            ),
            ("PUT", one.clone(), request("rules", &address), false),
            (
                "POST",
                "/feeds".to_owned(),
                request("rules", &address),
                false,
            ),
            ("DELETE", one.clone(), Value::Null, false),
        ] {
            let (status, told) = server.ask(method, &path, body).await;
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(
                refused, !allowed,
                "{name}: {method} {path}: {status} {told}"
            );
        }
    }
}
