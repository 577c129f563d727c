//! Each signature of `rules/sets/core` fires on the captures that its row of `tests.yaml` names, and stays
//! quiet on the ordinary ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    sid: u32,
    fires_on: Vec<String>,
    quiet_on: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Signature ids that fire on a capture of `tests/pcap`.
fn fired(case: &str) -> BTreeSet<u32> {
    let out = tempfile::tempdir().expect("a folder can be made");
    let capture = root().join("tests/pcap").join(case).join("input.pcap");
    assert!(capture.is_file(), "no capture {}", capture.display());
    let status = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .env("MATLUOI_LOG", "error")
        .arg("replay")
        .arg(&capture)
        .arg("--rules")
        .arg(root().join("rules/sets/core/core.rules"))
        .arg("--out")
        .arg(out.path())
        .status()
        .expect("the sensor runs");
    assert!(status.success(), "{case}: {status}");
    let eve = std::fs::read_to_string(out.path().join("eve.json")).expect("it is written");
    eve.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"))
        .filter(|event| event["event_type"] == "alert")
        .filter_map(|event| u32::try_from(event["alert"]["signature_id"].as_u64()?).ok())
        .collect()
}

/// The signatures that alert, and those that only remember something for a later rule.
fn signatures() -> (BTreeSet<u32>, BTreeSet<u32>) {
    let rules = std::fs::read_to_string(root().join("rules/sets/core/core.rules"))
        .expect("the set is there");
    let sid = |line: &str| {
        line.rsplit_once("sid:")
            .and_then(|(_, rest)| rest.split(';').next()?.parse().ok())
    };
    let all = rules
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let (silent, loud): (Vec<_>, Vec<_>) = all.partition(|line| line.contains("noalert;"));
    (
        loud.into_iter().filter_map(sid).collect(),
        silent.into_iter().filter_map(sid).collect(),
    )
}

#[test]
fn every_signature_fires_on_its_traffic_and_stays_quiet_on_the_ordinary() {
    let text = std::fs::read_to_string(root().join("rules/sets/core/tests.yaml"))
        .expect("the rows are there");
    let rows: Vec<Row> = serde_saphyr::from_str(&text).expect("the rows are sound");

    let (loud, silent) = signatures();
    let tested: BTreeSet<u32> = rows.iter().map(|row| row.sid).collect();
    assert_eq!(
        loud, tested,
        "each signature has a row, each row a signature"
    );

    let cases: BTreeSet<&String> = rows
        .iter()
        .flat_map(|row| row.fires_on.iter().chain(&row.quiet_on))
        .collect();
    let seen: BTreeMap<&String, BTreeSet<u32>> =
        cases.into_iter().map(|case| (case, fired(case))).collect();

    let mut faults = Vec::new();
    for row in &rows {
        assert!(!row.fires_on.is_empty() && !row.quiet_on.is_empty());
        for case in row
            .fires_on
            .iter()
            .filter(|&case| !seen[case].contains(&row.sid))
        {
            faults.push(format!("{} does not fire on {case}", row.sid));
        }
        for case in row
            .quiet_on
            .iter()
            .filter(|&case| seen[case].contains(&row.sid))
        {
            faults.push(format!("{} fires on {case}", row.sid));
        }
    }
    let leaked = seen.iter().filter(|(_, sids)| !sids.is_disjoint(&silent));
    faults.extend(leaked.map(|(case, _)| format!("a silent signature alerts on {case}")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
