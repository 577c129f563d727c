//! With which packets rules alert that name a protocol, a stage of its transactions or what is missing in them, and what is
//! counted: as Suricata 8.0.6 does on the same captures.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Records of a capture.
fn records(case: &str, rules: &str, settings: &[&str]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = tempfile::tempdir().expect("a folder can be made");
    let file = out.path().join("test.rules");
    std::fs::write(&file, rules).expect("it is written");
    let status = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .env("MATLUOI_LOG", "error")
        .arg("replay")
        .arg(root.join("tests/pcap").join(case).join("input.pcap"))
        .arg("--rules")
        .arg(&file)
        .arg("--out")
        .arg(out.path())
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .status()
        .expect("the sensor runs");
    assert!(status.success(), "{status}");
    let eve = std::fs::read_to_string(out.path().join("eve.json")).expect("it is written");
    let record = |line| serde_json::from_str(line).expect("a line is JSON");
    eve.lines().map(record).collect()
}

/// Frames of the alerts, by sid; 0: the end of a flow.
fn alerts(case: &str, rules: &str) -> BTreeMap<u64, Vec<u64>> {
    let mut frames: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for event in records(case, rules, &[]) {
        if let Some(sid) = event["alert"]["signature_id"].as_u64() {
            let frame = event["pcap_cnt"].as_u64().unwrap_or(0);
            frames.entry(sid).or_default().push(frame);
        }
    }
    frames
        .values_mut()
        .for_each(|frames| frames.sort_unstable());
    frames
}

#[test]
fn rules_on_stages_and_protocols_alert_with_the_packets_that_bring_them() {
    let rules = "alert tls:client_hello_done any any -> any any (sid:1;)\n\
        alert tls:server_hello_done any any -> any any (sid:2;)\n\
        alert tcp any any -> any any (app-layer-protocol:tls; prefilter; sid:3;)\n\
        alert tls any any -> any any (sid:4;)\n";
    let alerts = alerts("tls/ordinary", rules);
    assert_eq!(alerts[&1], [8, 9, 18, 28, 46, 105, 106, 114]);
    assert_eq!(alerts[&2], [13, 30, 48, 111]);
    assert_eq!(alerts[&3], [8, 13, 28, 30, 46, 48, 105, 111]);
    let at_ends = alerts[&4].iter().filter(|&&frame| frame == 0).count();
    assert_eq!((at_ends, alerts[&4].len()), (3, 101));
}

#[test]
fn a_body_that_is_still_coming_is_not_absent() {
    let rules = "alert http any any -> any any (flow:to_client; file.data; absent; sid:1;)\n\
        alert http any any -> any any (http.response_body; absent; sid:2;)\n\
        alert http any any -> any any (http.response_line; content:\"|0d 0a|\"; endswith; sid:3;)\n";
    let alerts = alerts("web/browse", rules);
    assert_eq!(alerts[&1], [25]);
    assert_eq!(alerts[&2], [25]);
    assert_eq!(alerts[&3], [9, 11, 13, 15, 25, 35, 44, 61, 71, 81]);
}

#[test]
fn the_line_of_a_response_that_another_follows_is_looked_at() {
    let rules = "alert http any any -> any any (http.stat_code; content:\"100\"; sid:1;)\n\
        alert http any any -> any any (http.stat_code; content:\"200\"; sid:2;)\n\
        alert http any any -> any any (flow:to_client; http.protocol; content:\"HTTP\"; sid:3;)\n";
    let alerts = alerts("webshell/upload", rules);
    assert_eq!(alerts[&1], [45]);
    assert_eq!(alerts[&2], [11, 23, 35, 47]);
    assert_eq!(alerts[&3], [11, 23, 35, 45]);
}

#[test]
fn fields_of_http2_are_looked_at_as_they_come_and_missed_when_their_time_is_over() {
    let rules = "alert http2 any any -> any any (flow:to_client; http.content_type; absent; sid:1;)\n\
        alert http2 any any -> any any (flow:to_client; http.content_type; bsize:>3; sid:2;)\n\
        alert http2 any any -> any any (http.response_header; absent; sid:3;)\n\
        alert http2 any any -> any any (flow:to_client; http2.header_name; absent; sid:4;)\n\
        alert http2 any any -> any any (flow:to_client; file.data; absent; sid:5;)\n";
    let alerts = alerts("http2/cleartext", rules);
    let without_fields = [11, 11, 13, 16, 16, 26, 26, 32, 32, 32];
    assert_eq!(alerts[&1], [11, 11, 16, 16, 26, 26, 32, 32]);
    assert_eq!(alerts[&2], [20, 38]);
    assert_eq!(alerts[&3], without_fields);
    assert_eq!(alerts[&4], without_fields);
    assert_eq!(alerts[&5], [11, 11, 16, 16, 26, 26, 32, 32]);
}

#[test]
fn a_message_without_a_query_lacks_it() {
    let rules = "alert pgsql any any -> any any (pgsql.query; absent; sid:1;)\n";
    let alerts = alerts("pgsql/session", rules);
    assert_eq!(alerts[&1], [16, 19, 28, 31, 44, 51, 54, 59]);
}

#[test]
fn a_reply_is_missing_only_when_the_server_has_begun_to_speak() {
    let rules = "alert ftp any any -> any any (ftp.reply_received:no; sid:1;)\n\
        alert ftp any any -> any any (ftp.reply_received:yes; sid:2;)\n";
    let alerts = alerts("ftp/anonymous", rules);
    assert_eq!(alerts.get(&1), None);
    assert_eq!(alerts[&2][..4], [10, 12, 14, 19]);
}

#[test]
fn a_flow_counts_with_each_protocol_that_it_speaks() {
    let rules = "alert http any any -> any any (sid:1;)\n";
    let settings = ["stream.midstream-policy=pass-flow"];
    let records = records("websocket/chat", rules, &settings);
    let stats = &records.last().expect("counters are told")["stats"];
    let app = &stats["app_layer"];
    assert_eq!(app["flow"]["http"], app["flow"]["websocket"]);
    assert_ne!(app["flow"]["http"], 0);
    assert_ne!(app["tx"]["http"], 0);
    assert_eq!(stats["exception_policy"]["tcp"]["midstream"]["bypass"], 0);
    assert_eq!(stats["memcap"]["pressure"], 0);
}
