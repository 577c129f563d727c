//! Alerts of Sigma rules go the way of those of signatures: thresholds and suppressions act on them, by the ends that
//! they are about.

use std::path::Path;
use std::process::Command;

use rules::sigma::{GENERATOR, Pipeline, load};
use rules::signature::SourceFile;
use serde_json::Value;

const SIGNATURE: &str = "alert http any any -> any any (msg:\"Page\"; flow:to_server; http.method; content:\"GET\"; sid:1; rev:1;)\n";
const SIGMA: &str = "
title: Page
id: 4a1d1f5e-0000-4000-8000-000000000001
name: page
tags: [attack.t1071.001]
logsource: {category: webserver}
detection:
  s: {cs-method: GET}
  condition: s
---
title: Few pages
id: 4a1d1f5e-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [page]
  group-by: [src_ip]
  timespan: 10m
  condition: {lt: 100}
  generate: true
";

struct Bench {
    folder: tempfile::TempDir,
    page: u32,
    few: u32,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("one.rules"), SIGNATURE).expect("it is written");
        std::fs::write(folder.path().join("two.yml"), SIGMA).expect("it is written");
        let source = SourceFile {
            name: String::new(),
            text: SIGMA.to_owned(),
        };
        let ruleset = load(&[source], &Pipeline::eve());
        Bench {
            folder,
            page: ruleset.rules[0].rule.meta.sid(),
            few: ruleset.correlations[0].correlation.meta.sid(),
        }
    }

    /// Alerts of a capture under a threshold file.
    fn alerts(&self, thresholds: &str) -> Vec<Value> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        std::fs::write(path("threshold.config"), thresholds).expect("it is written");
        let told = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
            .env("MATLUOI_LOG", "error")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .args(["replay", "tests/pcap/web/browse/input.pcap"])
            .args(["--rules", &path("one.rules"), "--sigma", &path("two.yml")])
            .args([
                "--set",
                &format!("threshold-file={}", path("threshold.config")),
            ])
            .args(["--out", &path("out")])
            .output()
            .expect("the sensor runs");
        assert!(told.status.success(), "{told:?}");
        let text = std::fs::read_to_string(path("out/eve.json")).expect("records");
        let records = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        records
            .filter(|record: &Value| record["event_type"] == "alert")
            .collect()
    }
}

fn of(alerts: &[Value], gid: u32, sid: u32) -> Vec<&Value> {
    let is = |alert: &&Value| alert["alert"]["gid"] == gid && alert["alert"]["signature_id"] == sid;
    alerts.iter().filter(is).collect()
}

#[test]
fn thresholds_and_suppressions_act_on_both_alike() {
    let bench = Bench::new();
    let (page, few) = (bench.page, bench.few);
    let all = bench.alerts("");
    let pages = of(&all, GENERATOR, page);
    assert!(pages.len() > 3, "{}", pages.len());
    assert_eq!(of(&all, 1, 1).len(), pages.len());
    // Two clients, by IPv4 and by IPv6.
    let client = pages[0]["src_ip"].as_str().expect("an address").to_owned();
    let server = pages[0]["dest_ip"].as_str().expect("an address").to_owned();
    let is_first = |page: &&&Value| page["src_ip"] == client.as_str();
    let others = pages.len() - pages.iter().filter(is_first).count();
    assert_eq!(others, 1);
    let windows = of(&all, GENERATOR, few);
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[0]["src_ip"], client.as_str());
    assert_eq!(windows[0].get("dest_ip"), None);
    assert_eq!(
        pages[0]["alert"]["context"]["sigma"]["fields"]["cs-method"][0],
        "GET"
    );
    assert_eq!(
        pages[0]["alert"]["metadata"]["mitre_technique_id"][0],
        "T1071.001"
    );

    let rows = [
        (
            "event_filter {rule}, type limit, track by_src, count 2, seconds 600",
            3,
        ),
        (
            "event_filter {rule}, type both, track by_dst, count 3, seconds 600",
            1,
        ),
        (
            "event_filter {rule}, type threshold, track by_rule, count 2, seconds 600",
            pages.len() / 2,
        ),
        ("suppress {rule}", 0),
        (
            &format!("suppress {{rule}}, track by_src, ip {client}"),
            others,
        ),
        (
            &format!("suppress {{rule}}, track by_dst, ip {server}/32"),
            others,
        ),
        (
            &format!("suppress {{rule}}, track by_src, ip {server}"),
            pages.len(),
        ),
    ];
    for (row, expected) in rows {
        for (gid, sid) in [(1, 1), (GENERATOR, page)] {
            let rule = format!("gen_id {gid}, sig_id {sid}");
            let alerts = bench.alerts(&format!("{}\n", row.replace("{rule}", &rule)));
            assert_eq!(of(&alerts, gid, sid).len(), expected, "{gid} {row}");
        }
    }

    // A window is about what it is grouped by.
    let rows = [
        (String::new(), 0),
        (format!(", track by_src, ip {client}"), 1),
        (format!(", track by_src, ip {server}"), 2),
        (format!(", track by_dst, ip {client}"), 2),
    ];
    for (row, expected) in rows {
        let text = format!("suppress gen_id {GENERATOR}, sig_id {few}{row}\n");
        assert_eq!(
            of(&bench.alerts(&text), GENERATOR, few).len(),
            expected,
            "{row}"
        );
    }
}
