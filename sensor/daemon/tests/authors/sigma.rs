//! Sigma rules: checked, explained, tried, measured and converted.

use serde_json::{Value, json};

use super::output;

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
    for part in [
        "- id Page: at least 1 expected",
        "    0 of 0 records: cs-method = \"get\"",
        "2 passed, 1 failed",
    ] {
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
    let rule = &told["rules"][0];
    assert_eq!(rule["alerts"], 0);
    assert_eq!(rule["records"], 10);
    let held: Vec<&Value> = (0..2).map(|part| &rule["parts"][part]["records"]).collect();
    assert_eq!(held, [9, 0], "{told}");
    let told = output(&[&arguments[..], &["text"]].concat());
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(
        told.contains("0 of 10 records: cs-uri-stem = \"/nowhere\""),
        "{told}"
    );
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
    assert!(report["failures"][0]["remedy"].is_string(), "{report}");
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
    assert_eq!(told["rules"][0]["kind"], "correlation");
    assert_eq!(told["rules"][0]["level"], "high");
    assert!(
        told["rules"][0]["words"]
            .as_array()
            .is_some_and(|words| words.len() > 2)
    );
    let told = output(&[
        "explain",
        "rules/sets/sigma/rules/lateral.yml",
        "--lang",
        "en",
    ]);
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(
        told.contains("Computes temporal_ordered over 600 s; by src_ip, dest_ip; alerts when >= 2 of its rules have matched, in their order."),
        "{told}"
    );
    let told = output(&["explain", "9000020", "--rules", sets[1], "--format", "json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told["rules"][0]["sid"], 9_000_020);
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
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let rules = &told["rules"];
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

/// Where faults are, and what to write instead, stands in the JSON of every tool.
#[test]
fn faults_stand_in_the_answers() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    };
    let rules = write(
        "rules.yml",
        "title: Sound\nlogsource: {category: webserver}\ndetection:\n  s: {cs-method: GET}\n  condition: s\n---\ntitle: Đứt\nlogsource: {category: webserver}\ndetection:\n  s: {cs-method|contians: GET}\n  condition: s\n",
    );
    write("tests.yaml", "- id: Sound\n  fires_on: [web/browse]\n");
    let capture = "tests/pcap/web/browse/input.pcap";
    let place = folder.path().display().to_string();
    for (arguments, status) in [
        (&["convert", &rules][..], 1),
        (&["explain", &rules], 0),
        (&["test", "--rule", &rules, "--pcap", capture], 0),
        (&["test", &place], 0),
        (&["profile", "--rules", &rules, capture], 0),
        (&["check", &rules], 1),
    ] {
        let told = output(&[arguments, &["--format", "json"]].concat());
        assert_eq!(told.status.code(), Some(status), "{arguments:?}");
        assert!(told.stderr.is_empty(), "{arguments:?}");
        let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
        let name = if arguments[0] == "check" {
            "failures"
        } else {
            "faults"
        };
        let fault = &told[name][0];
        assert_eq!(fault["file"], json!(rules), "{arguments:?}: {told}");
        assert_eq!((&fault["line"], &fault["column"]), (&json!(10), &json!(7)));
        let reason = "there is no modifier \"contians\"; did you mean \"contains\"?";
        assert_eq!(fault["reason"], reason);
        assert_eq!(fault["remedy"], "did you mean \"contains\"?");
        if name == "faults" {
            assert_eq!(fault["severity"], "error");
            // People are told of it beside what the tool prints.
            let told = output(arguments);
            let errors = String::from_utf8_lossy(&told.stderr).into_owned();
            assert!(errors.contains(&format!(":10:7: {reason}")), "{errors}");
        }
    }
}

const FTP: &str = "
title: Password
name: password
logsource: {product: matluoi, service: ftp}
detection: {s: {ftp.command: PASS}, condition: s}
---
title: Guessing
correlation: {type: event_count, rules: [password], group-by: [src_ip, dest_ip], timespan: SPAN, condition: {gte: COUNT}}
";

const PAGES: &str = "
title: Style sheet
name: style
logsource: {category: webserver}
detection: {s: {cs-uri-stem: /site.css}, condition: s}
---
title: Nothing there
name: nothing
logsource: {category: webserver}
detection: {s: {sc-status: 404}, condition: s}
---
title: Upload
name: upload
logsource: {category: webserver}
detection: {s: {cs-method: PUT}, condition: s}
---
title: Chain
correlation: {type: TYPE, rules: [RULES], group-by: [src_ip], timespan: 1m}
";

#[test]
fn a_correlation_that_does_not_fire_tells_how_near_it_came() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("rule.yml").display().to_string();
    let tried = |text: &str, capture: &str, more: &[&str]| {
        std::fs::write(&path, text).expect("a file can be written");
        let arguments = ["test", "--rule", &path, "--pcap", capture];
        let told = output(&[&arguments, more].concat());
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        (told.status.code(), text)
    };
    let ftp = "tests/pcap/brute/ftp/input.pcap";
    let count = |span: &str, count: &str| FTP.replace("SPAN", span).replace("COUNT", count);
    let web = "tests/pcap/web/browse/input.pcap";
    let chain = |kind: &str, rules: &str| PAGES.replace("TYPE", kind).replace("RULES", rules);
    let rows = [
        (
            count("1m", "13"),
            ftp,
            &[
                "12 × Password",
                "nearest of 1 groups: src_ip 203.0.113.66, dest_ip 192.168.10.10",
                "events: 12 at 2026-11-24T15:45:57.",
                ">= 13 is wanted within 60 s",
            ][..],
        ),
        (
            count("2s", "12"),
            ftp,
            &["enough came, but over 4.2 s", "timespan is 2 s"],
        ),
        (
            chain("temporal", "style, upload"),
            web,
            &[
                "1 × Style sheet\n",
                "0 × Upload\n",
                "nearest of 1 groups: src_ip 192.168.10.50",
                "not seen in this group: Upload",
                // The rule that nothing matches tells why.
                "0 of 10 records: cs-method = \"put\"",
            ],
        ),
        (
            chain("temporal_ordered", "nothing, style"),
            web,
            &["all came, but in this order: Style sheet → Nothing there"],
        ),
    ];
    for (text, capture, parts) in rows {
        let (_, told) = tried(&text, capture, &[]);
        let title = if capture == ftp { "Guessing" } else { "Chain" };
        assert!(told.contains(&format!("     0  {title}")), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
    let (_, told) = tried(&count("2s", "12"), ftp, &["--format", "json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let near = &told["rules"][1]["nearest"];
    assert_eq!(near["lacking"], "time", "{told}");
    assert!(near["span_seconds"].as_f64() > Some(2.0), "{told}");
    assert_eq!(near["group"]["src_ip"], "203.0.113.66");
    // It fires where it should, and there is nothing to tell then.
    let (status, told) = tried(&count("1m", "12"), ftp, &[]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("     1  Guessing"), "{told}");
    assert!(!told.contains("nearest"), "{told}");
    // Of a test that fails the same is told.
    std::fs::write(&path, count("1m", "13")).expect("a file can be written");
    let tests = folder.path().join("tests.yaml");
    std::fs::write(tests, "- id: Guessing\n  fires_on: [brute/ftp]\n").expect("a file");
    let told = output(&["test", &folder.path().display().to_string()]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("    events: 12 at 2026-11-24T15:45:57."),
        "{told}"
    );
}
