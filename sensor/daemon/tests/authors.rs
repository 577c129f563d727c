//! The tools of people who write rules, as programs: what they print, and what they survive.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rules(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"));
    command
        .env("MATLUOI_LOG", "error")
        .env("LANG", "C")
        .env_remove("LC_ALL")
        .current_dir(root())
        .arg("rules")
        .args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    rules(arguments).output().expect("the sensor runs")
}

fn file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("x.rules");
    std::fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

#[test]
fn check_points_at_all_faults() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = file(
        &folder,
        "alert tcp any any -> any any (contnet:\"a\"; \\\n  flow:sideways; sid:1;)\nalert tcp any any -> any any (content:\"abc\"; depth:2; sid:2;)\n",
    );
    let told = output(&["check", &path]);
    assert_eq!(told.status.code(), Some(1));
    let text = String::from_utf8_lossy(&told.stdout);
    for part in [
        "is it \"content\"?",
        "     1 | alert tcp any any -> any any (contnet:\"a\"; \n       |                               ^^^^^^^^^^^\n",
        "     2 |   flow:sideways; sid:1;)\n       |   ^^^^^^^^^^^^^\n",
        "a depth of 2 is shorter than its content (3 bytes)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let told = output(&["check", &path, "--warnings", "--stats", "--format", "json"]);
    let report: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(report["failed"], 2);
    assert_eq!(report["failures"][0]["end_column"], 42);
    assert!(report["stats"]["compile_milliseconds"].as_f64() > Some(0.0));
}

#[test]
fn explain_speaks_the_language_of_its_reader() {
    let set = "rules/sets/core/core.rules";
    for (language, wanted) in [("vi_VN.UTF-8", "Lưu lượng"), ("C", "Traffic")] {
        let told = rules(&["explain", set])
            .env("LANG", language)
            .output()
            .expect("the sensor runs");
        assert!(String::from_utf8_lossy(&told.stdout).contains(wanted));
    }
    let told = output(&["explain", set, "--format", "json", "--lang", "vi"]);
    let told: Vec<Value> = serde_json::from_slice(&told.stdout).expect("JSON");
    assert!(told.iter().all(|one| one["words"][0].is_string()));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let capture = "tests/pcap/web/browse/input.pcap";
    let set = "rules/sets/core/core.rules";
    for arguments in [
        &["check", set, "--warnings"][..],
        &["explain", set],
        &["profile", capture, "--rules", set],
        &["test", "--rule", set, "--pcap", capture],
    ] {
        let mut child = rules(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the sensor runs");
        drop(child.stdout.take());
        let mut told = String::new();
        let mut errors = child.stderr.take().expect("it is piped");
        errors.read_to_string(&mut told).expect("text");
        let status = child.wait().expect("it ends");
        assert!(
            status.code().is_some_and(|code| code < 2),
            "{arguments:?}: {status} {told}"
        );
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}

#[test]
fn a_failed_test_tells_how_near_it_was() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    file(
        &folder,
        "alert http any any -> any any (msg:\"a\"; http.method; content:\"GEX\"; sid:1; rev:1;)\nalert http any any -> any any (msg:\"b\"; http.method; content:\"GET\"; sid:2; rev:1;)\n",
    );
    let capture = root().join("tests/pcap/web/browse/input.pcap");
    let rows = format!(
        "- name: both\n  pcap: {0}\n  alerts: [{{sid: 1}}, {{sid: 2}}]\n- name: sound\n  pcap: {0}\n  alerts: [{{sid: 2}}]\n  quiet: [1]\n",
        capture.display()
    );
    std::fs::write(folder.path().join("cases.yaml"), rows).expect("a file can be written");
    let path = folder.path().display().to_string();
    let told = output(&["test", &path]);
    assert_eq!(told.status.code(), Some(1));
    let text = String::from_utf8_lossy(&told.stdout);
    for part in [
        "- sid 1: at least 1 expected",
        "+ sid 1: 0 came",
        "the first 2 of its 3 bytes stand at byte 0",
        "00000000 >47 45 54",
        "1 passed, 1 failed",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let told = output(&["test", &path, "--format", "json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let near = &told[0]["differences"][0]["near_miss"];
    assert_eq!(near["matches"], 0);
    assert!(near["attempts"][0]["frame"].is_u64());
}

#[test]
fn sigma_rules_are_tested_and_measured() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file can be written");
    };
    write(
        "rule.yml",
        "title: Page\nid: 4a1d1f5e-0000-4000-8000-000000000001\nname: page\nlogsource: {category: webserver}\ndetection:\n  s: {cs-method: GET}\n  condition: s\n",
    );
    write(
        "one.jsonl",
        "{\"event_type\":\"http\",\"http\":{\"http_method\":\"GET\"}}\n",
    );
    write(
        "tests.yaml",
        "- id: page\n  fires_on: [web/browse, one.jsonl]\n  quiet_on: [dns/ordinary]\n- name: own\n  rule: |\n    title: Own\n    logsource: {category: webserver}\n    detection: {s: {cs-method: PUT}, condition: s}\n  events: one.jsonl\n  quiet: [Own]\n- id: Page\n  fires_on: [dns/ordinary]\n",
    );
    let path = folder.path().display().to_string();
    let told = output(&["test", &path]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), Some(1), "{text}");
    for part in ["- id Page: at least 1 expected", "2 passed, 1 failed"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let told = output(&[
        "profile",
        "--rules",
        &path,
        "--format",
        "json",
        "tests/pcap/web/browse/input.pcap",
    ]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told["rows"][0]["matches"], 9, "{told}");

    // Why does it not fire?
    write(
        "other.yml",
        "title: Other\nlogsource: {category: webserver}\ndetection:\n  s: {cs-method: GET, cs-uri-stem: /nowhere}\n  condition: s\n",
    );
    let other = folder.path().join("other.yml").display().to_string();
    let capture = "tests/pcap/web/browse/input.pcap";
    let arguments = ["test", "--rule", &other, "--pcap", capture, "--format"];
    let told = output(&[&arguments[..], &["json"]].concat());
    assert_eq!(told.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told[0]["alerts"], 0);
    assert_eq!(told[0]["records"], 10);
    let held: Vec<&Value> = (0..2)
        .map(|part| &told[0]["parts"][part]["records"])
        .collect();
    assert_eq!(held, [9, 0], "{told}");
    let told = output(&[&arguments[..], &["text"]].concat());
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(
        told.contains("0 of 10 records: cs-uri-stem = \"/nowhere\""),
        "{told}"
    );
}

#[test]
fn hostile_rules_are_stopped_and_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Each can be matched in exponentially or quadratically many ways.
    let path = file(
        &folder,
        concat!(
            "alert tcp any any -> any any (msg:\"p\"; content:\"a\"; pcre:\"/^([a-zA-Z0-9:\\.\\/ -]+)+[\\x00]$/\"; pcre:\"/(([\\s\\S]+)+)+\\x00\\x01/\"; sid:7; rev:1;)\n",
            "alert tcp any any -> any any (msg:\"c\"; content:\"HTTP\"; fast_pattern; content:\"e\"; distance:0; content:\"t\"; distance:0; content:\"a\"; distance:0; content:\"o\"; distance:0; content:\"|00 01 02 03|\"; distance:0; sid:8; rev:1;)\n",
        ),
    );
    let started = std::time::Instant::now();
    let told = rules(&[
        "profile",
        "tests/pcap/web/browse/input.pcap",
        "--rules",
        &path,
        "--format",
        "json",
    ])
    .env("MATLUOI_LOG", "warn")
    .output()
    .expect("the sensor runs");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    let rows: Vec<Value> = serde_json::from_slice(&told.stdout).expect("JSON");
    let errors = String::from_utf8_lossy(&told.stderr);
    for sid in [7, 8] {
        let row = rows
            .iter()
            .find(|row| row["sid"] == sid)
            .expect("it was looked at");
        assert!(row["stopped"].as_u64() > Some(0), "{row}");
        assert!(
            errors.contains(&format!("sid={sid}")) || errors.contains("sid"),
            "{errors}"
        );
    }
}

/// An editor's side of the protocol.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Editor {
    fn start() -> Self {
        let mut child = rules(&["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server runs");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        Editor { child, to, from }
    }

    fn raw(&mut self, text: &str) {
        self.to
            .write_all(text.as_bytes())
            .expect("the server listens");
        self.to.flush().expect("the server listens");
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            let read = self.from.read_line(&mut line).expect("the server answers");
            assert!(read > 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a length"),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.receive();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }
}

#[test]
fn an_editor_is_served() {
    let mut editor = Editor::start();
    let answer = editor.ask(
        1,
        "initialize",
        json!({"processId": null, "rootUri": null, "capabilities": {}}),
    );
    assert_eq!(answer["result"]["capabilities"]["hoverProvider"], true);
    editor.tell("initialized", json!({}));

    let uri = "file:///tmp/x.rules";
    let text = "alert tcp any any -> any any (msg:\"Cảnh báo\"; contnet:\"a\"; sid:1; rev:1;)\n\
                alert tcp any any -> any any (msg:\"b\"; content:\"evil/1\"; flowbits:set,seen; classtype:bad-unknown; sid:2; rev:1;)\n\
                alert tcp any any -> any any (msg:\"c\"; content:\"evil/2\"; flowbits:isset,seen; classtype:bad-unknown; sid:2; rev:1;)\n";
    editor.tell(
        "textDocument/didOpen",
        json!({"textDocument": {"uri": uri, "languageId": "suricata", "version": 1, "text": text}}),
    );
    let told = editor.receive();
    assert_eq!(told["method"], "textDocument/publishDiagnostics");
    let diagnostics = told["params"]["diagnostics"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(diagnostics.len(), 2, "{diagnostics:?}");
    // Columns count in UTF-16, not in bytes.
    assert_eq!(
        diagnostics[0]["range"]["start"],
        json!({"line": 0, "character": 46})
    );
    assert_eq!(
        diagnostics[0]["range"]["end"],
        json!({"line": 0, "character": 57})
    );
    assert_eq!(diagnostics[1]["code"], "sid-twice");

    let at = |line: usize, part: &str| {
        let column = text
            .lines()
            .nth(line)
            .and_then(|text| text.find(part))
            .expect("it is there");
        json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": column + 1}})
    };
    let told = editor.ask(2, "textDocument/hover", at(1, "flowbits"));
    assert!(
        told["result"]["contents"]["value"]
            .as_str()
            .is_some_and(|text| text.contains("**flowbits**"))
    );
    let told = editor.ask(3, "textDocument/definition", at(2, "flowbits"));
    assert_eq!(told["result"][0]["range"]["start"]["line"], 1, "{told}");
    let told = editor.ask(4, "textDocument/completion", at(1, "classtype"));
    let labels: Vec<&str> = told["result"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["label"].as_str())
        .collect();
    assert!(
        labels.contains(&"content") && labels.contains(&"http.uri"),
        "{labels:?}"
    );

    let sigma = "file:///tmp/x.yml";
    let sigma_text = "title: Tên\nlogsource: {category: dns}\ndetection:\n  s: {query|endwith: .x}\n  condition: s\n";
    editor.tell(
        "textDocument/didOpen",
        json!({"textDocument": {"uri": sigma, "languageId": "yaml", "version": 1, "text": sigma_text}}),
    );
    let told = editor.receive();
    let diagnostics = &told["params"]["diagnostics"];
    assert_eq!(
        diagnostics[0]["range"]["start"],
        json!({"line": 3, "character": 6}),
        "{told}"
    );
    // The rule at hand is faulty; what was meant is told all the same.
    let behind = |word: &str| {
        let line = sigma_text.lines().nth(3).expect("a line");
        let column = line.find(word).expect("it is there") + word.len();
        json!({"textDocument": {"uri": sigma}, "position": {"line": 3, "character": column}})
    };
    let told = editor.ask(9, "textDocument/hover", behind("query|end"));
    let hover = &told["result"];
    assert_eq!(
        hover["contents"]["value"], "there is no modifier \"endwith\"; did you mean \"endswith\"?",
        "{told}"
    );
    assert_eq!(hover["range"]["end"], json!({"line": 3, "character": 19}));
    for (word, label) in [("query|end", "endswith"), ("{que", "record_type")] {
        let told = editor.ask(10, "textDocument/completion", behind(word));
        let items = told["result"].as_array().expect("a list").iter();
        let is_there = items.map(|item| &item["label"]).any(|own| own == label);
        assert!(is_there, "{told}");
    }

    // What no editor should send.
    editor.raw("Content-Length: 5\r\n\r\n{oops");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.raw("no header at all\r\n");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    let told = editor.ask(5, "textDocument/hover", json!({"position": "nowhere"}));
    assert_eq!(told["error"]["code"], -32602);
    let told = editor.ask(6, "workspace/nonsense", json!([]));
    assert_eq!(told["error"]["code"], -32601);
    let told = editor.ask(7, "textDocument/hover", json!({"textDocument": {"uri": "file:///none.rules"}, "position": {"line": 4_000_000_000_u32, "character": 4_000_000_000_u32}}));
    assert_eq!(told["result"], Value::Null);
    editor.tell("textDocument/didChange", json!({"textDocument": 7}));

    let sound = text.lines().nth(1).expect("a line");
    editor.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": sound}]}),
    );
    let told = editor.receive();
    assert_eq!(told["params"]["diagnostics"], json!([]));

    editor.ask(8, "shutdown", Value::Null);
    editor.tell("exit", Value::Null);
    assert!(editor.child.wait().expect("it ends").success());
}

#[test]
fn sigma_rules_are_checked_and_explained() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("rule.yml");
    let text = "title: Đầu\nid: 4a1d1f5e-0000-4000-8000-000000000001\nlevel: hgh\nlogsource: {category: dns}\ndetection:\n  s: {query|endwith: .x}\n  condition: s\n---\ntitle: Two\nlogsource: {category: dnss}\ndetection:\n  s: {f: 1}\n  condition: s\n";
    std::fs::write(&path, text).expect("a file can be written");
    let path = path.display().to_string();
    let told = output(&["check", "--warnings", &path]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8_lossy(&told.stdout);
    for part in [
        ":3:8: there is no level \"hgh\": informational, low, medium, high, critical are known; did you mean \"high\"?",
        "     3 | level: hgh\n       |        ^^^\n",
        ":6:7: there is no modifier \"endwith\"; did you mean \"endswith\"?",
        "did you mean \"dns\"?",
        ":9:1: there is no id",
        "1 Sigma rules and 0 correlations loaded, 1 failed, 1 wait for records",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("patterns in"), "{told}");
    let told = output(&["check", "--warnings", "--format", "json", &path]);
    let report: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(report["failures"][0]["line"], 3);
    assert_eq!(report["failures"][0]["column"], 8);
    assert_eq!(report["failures"][0]["end_column"], 11);
    assert_eq!(report["sigma"]["waiting"], 1);
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(2));

    let sets = ["rules/sets/sigma/rules", "rules/sets/core"];
    let told = output(&[
        "explain",
        "1330629162",
        "--rules",
        sets[0],
        "--rules",
        sets[1],
        "--format",
        "json",
    ]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told[0]["kind"], "correlation");
    assert_eq!(told[0]["level"], "high");
    assert!(
        told[0]["words"]
            .as_array()
            .is_some_and(|words| words.len() > 2)
    );
    let told = output(&["explain", "9000020", "--rules", sets[1], "--format", "json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told[0]["sid"], 9_000_020);
}

#[test]
fn convert_shows_the_query_and_what_it_leaves_out() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("rule.yml");
    let text = "title: t\nlogsource: {category: dns}\ndetection:\n  s: {answer|endswith: .vn}\n  f: {answer: a.vn}\n  condition: s and not f\n";
    std::fs::write(&path, text).expect("a file can be written");
    let path = path.display().to_string();
    let told = output(&["convert", &path, "--format", "json"]);
    assert!(told.status.success(), "{told:?}");
    let rules: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let query = r#"event_type:"dns" AND dns.answers.rdata:*.vn"#;
    assert_eq!(rules[0]["query"], query);
    assert_eq!(rules[0]["left_out"], json!(["not …"]));
    assert_eq!(rules[0]["scan"], false);
    let told = output(&["convert", &path]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(
        text.contains(query) && text.contains("not asked: not …"),
        "{text}"
    );
    std::fs::write(&path, "title: t\n").expect("a file can be written");
    assert_eq!(output(&["convert", &path]).status.code(), Some(1));
}

#[test]
fn what_one_rule_captured_another_compares() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = file(
        &folder,
        "alert tcp any any -> any any (content:\"GET\"; pcre:\"/GET (?P<flow_path>\\S+)/\"; sid:1;)\n\
         alert tcp any any -> any any (flowvar:path,\"|2f|\"; sid:2;)\n\
         alert tcp any any -> any any (flowvar:path,\"zqzq\"; sid:3;)\n\
         alert tcp any any -> any any (content:\"GET\"; pcre:\"/GET (?P<pkt_path>\\S+)/\"; sid:4;)\n\
         alert tcp any any -> any any (pktvar:path,\"/\"; sid:5;)\n\
         alert tcp any any -> any any (pktvar:other,\"/\"; sid:6;)\n",
    );
    let done = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .current_dir(root())
        .args([
            "replay",
            "tests/pcap/web/browse/input.pcap",
            "--rules",
            &path,
            "--out",
        ])
        .arg(folder.path())
        .output()
        .expect("the sensor runs");
    assert!(done.status.success());
    let records = std::fs::read_to_string(folder.path().join("eve.json")).expect("records");
    let mut sids: Vec<u64> = records
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|record| record["alert"]["signature_id"].as_u64())
        .collect();
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids, [1, 2, 4, 5]);
}
