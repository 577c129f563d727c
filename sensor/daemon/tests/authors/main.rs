//! The tools of people who write rules, as programs: what they print, and what they survive.

mod editor;
mod sigma;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

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
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let rules = told["rules"].as_array().expect("rules");
    assert!(!rules.is_empty());
    assert!(rules.iter().all(|one| one["words"][0].is_string()));
    assert_eq!(told["faults"], Value::Array(Vec::new()));
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
    let near = &told["tests"][0]["differences"][0]["near_miss"];
    assert_eq!(near["matches"], 0);
    assert!(near["attempts"][0]["frame"].is_u64());
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
    let report: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let rows = report["rules"].as_array().expect("rules");
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
