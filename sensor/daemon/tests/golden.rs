//! Golden cases: a folder of `tests/pcap` with an `expected.jsonl` is replayed (with its `test.rules`, if it has
//! them), and must give exactly those records. Times and ids come from the capture, so output is the same
//! on every machine. Each rule has to fire, but for those whose message begins with `not: `.
//! `UPDATE_GOLDEN=1 cargo test -p matluoi-sensor --test golden` writes the files anew;
//! `touch tests/pcap/TOPIC/CASE/expected.jsonl` makes a case of a capture.

use std::path::{Path, PathBuf};
use std::process::Command;

fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the captures are there");
    for path in entries.map(|entry| entry.expect("it can be read").path()) {
        if path.join("expected.jsonl").is_file() {
            found.push(path);
        } else if path.is_dir() {
            cases(&path, found);
        }
    }
}

/// The records of a capture. Statistics count what a build can parse, so that they would change with every
/// protocol that is added; they have tests of their own.
fn replay(case: &Path) -> String {
    let out = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"));
    command
        .env("MATLUOI_LOG", "error")
        .arg("replay")
        .arg(case.join("input.pcap"))
        .arg("--out")
        .arg(out.path());
    let rules = case.join("test.rules");
    if rules.is_file() {
        command.arg("--rules").arg(rules);
    }
    let status = command.status().expect("the sensor runs");
    assert!(status.success(), "{}: {status}", case.display());
    let eve = std::fs::read_to_string(out.path().join("eve.json")).expect("it is written");
    eve.lines()
        .filter(|line| !line.contains(r#""event_type":"stats""#))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// What is between two marks, the first time that both are there.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[test]
fn rules_fire_where_they_should_and_nowhere_else() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // The records are being written: they are judged by the next run.
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap");
    let mut found = Vec::new();
    cases(&folder, &mut found);
    let mut faults = Vec::new();
    let mut looked_at = 0;
    for case in found {
        let Ok(rules) = std::fs::read_to_string(case.join("test.rules")) else {
            continue;
        };
        let records =
            std::fs::read_to_string(case.join("expected.jsonl")).expect("the case has records");
        for rule in rules.lines().filter(|line| line.starts_with("alert ")) {
            let (Some(message), Some(id)) =
                (between(rule, "msg:\"", "\";"), between(rule, "sid:", ";"))
            else {
                panic!("{}: {rule}: no message or no number", case.display());
            };
            looked_at += 1;
            let fires = records.contains(&format!("\"signature_id\":{id},"));
            if fires == message.starts_with("not: ") {
                faults.push(format!("{}: {id} {message}: {fires}", case.display()));
            }
        }
    }
    assert!(looked_at > 0, "no case has rules");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn captures_give_the_expected_records() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap");
    let mut found = Vec::new();
    cases(&folder, &mut found);
    assert!(!found.is_empty());
    found.sort();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut faults = Vec::new();
    for case in found {
        let records = replay(&case);
        let path = case.join("expected.jsonl");
        if update {
            std::fs::write(&path, records).expect("it is written");
            continue;
        }
        let expected = std::fs::read_to_string(&path).expect("it is there");
        if records == expected {
            continue;
        }
        let differs = records
            .lines()
            .zip(expected.lines())
            .position(|(is, should)| is != should)
            .unwrap_or_else(|| records.lines().count().min(expected.lines().count()));
        faults.push(format!(
            "{}: record {} differs\n  expected {}\n  is       {}",
            case.strip_prefix(&folder).unwrap_or(&case).display(),
            differs + 1,
            expected.lines().nth(differs).unwrap_or("(nothing)"),
            records.lines().nth(differs).unwrap_or("(nothing)"),
        ));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
