//! Several workers record what one records: the same events, each with its frame, and the same totals.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Captures of several hosts, with transfers over two connections.
const CASES: [&str; 6] = [
    "icmp/ordinary",
    "scan/connect",
    "ftp/anonymous",
    "dns/ordinary",
    "web/browse",
    "smb/file-read",
];

fn replay(threads: &str, settings: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = tempfile::tempdir().expect("a folder can be made");
    let captures =
        CASES.map(|case| -> PathBuf { root.join("tests/pcap").join(case).join("input.pcap") });
    let status = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .env("MATLUOI_LOG", "error")
        .arg("replay")
        .args(&captures)
        .arg("--rules")
        .arg(root.join("rules/sets/core/core.rules"))
        .args(settings)
        .args(["--threads", threads, "--out"])
        .arg(out.path())
        .status()
        .expect("the sensor runs");
    assert!(status.success(), "{threads} threads: {status}");
    let eve = std::fs::read_to_string(out.path().join("eve.json")).expect("it is written");
    let mut events: Vec<String> = eve
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line).expect("a line is JSON");
            if event["event_type"] == "alert" {
                // On which packet a count over several hosts becomes an alert depends on who comes first.
                event = event["alert"].take();
            }
            if let Some(fields) = event.as_object_mut() {
                // The number of the worker is part of a flow's id.
                fields.remove("flow_id");
                fields.remove("parent_id");
            }
            event.to_string()
        })
        .collect();
    events.sort();
    events
}

#[test]
fn workers_share_the_input_and_lose_nothing() {
    let alone = replay("1", &[]);
    assert!(alone.len() > 100);
    for threads in ["2", "3"] {
        let shared = replay(threads, &[]);
        for (one, other) in alone.iter().zip(&shared) {
            assert_eq!(one, other, "{threads} threads");
        }
        assert_eq!(alone.len(), shared.len());
    }
}

/// Facts, each once, whoever of the workers tells them.
#[test]
fn workers_tell_a_fact_once() {
    let facts = |threads| {
        let mut facts: Vec<String> = replay(threads, &["--set", "matluoi.facts=true"])
            .iter()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .filter(|event: &Value| event["event_type"] == "fact")
            .map(|event| event["matluoi"]["fact"].to_string())
            .collect();
        facts.sort();
        facts
    };
    let alone = facts("1");
    for kind in ["host", "service", "software", "name"] {
        assert!(
            alone
                .iter()
                .any(|fact| fact.contains(&format!(r#""kind":"{kind}""#)))
        );
    }
    let mut distinct = alone.clone();
    distinct.dedup();
    assert_eq!(distinct, alone);
    assert_eq!(facts("3"), alone);
}
