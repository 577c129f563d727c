//! Cases of the specification, each a rule with events and what must come of them: our own table, and the larger
//! one of the shared material where that is beside the repository.

use std::sync::Arc;

use rules::sigma::ast::Expr;
use rules::sigma::{Detector, Finding, Pipeline, Ruleset, SharedState, load};
use rules::signature::SourceFile;
use serde_json::Value;

use super::{rule_files, shared};

/// Cases of the shared table that are answered otherwise, with the reason.
const DIFFERENT: &[(&str, &str)] = &[];

fn loaded(rule: &str) -> Ruleset {
    let source = SourceFile {
        name: "case".to_owned(),
        text: rule.to_owned(),
    };
    load(&[source], &Pipeline::none())
}

/// What comes of a case, as the tables write it; and how many alerts correlations gave.
fn answer(case: &Value) -> (Value, usize) {
    let text = case["rule"].as_str().expect("a rule");
    let ruleset = Arc::new(loaded(text));
    if ruleset.has_errors() {
        return ("reject".into(), 0);
    }
    if case["expected"] == "parses" {
        return ("parses".into(), 0);
    }
    let mut detector = Detector::new(Arc::clone(&ruleset), SharedState::default());
    if case["type"] == "correlation" {
        let mut alerts = 0;
        let is_correlation = |finding: &&Finding| matches!(finding, Finding::Correlation(_));
        for row in case["events"].as_array().expect("events") {
            let at_ns = (row[0].as_f64().expect("a time") * 1e9) as i64;
            let findings = detector
                .run(&row[1].to_string(), Some(at_ns))
                .expect("an event");
            alerts += findings.iter().filter(is_correlation).count();
        }
        alerts += detector.finish().iter().filter(is_correlation).count();
        return (alerts.into(), alerts);
    }
    let event = match case.get("event") {
        Some(event) => event,
        None => &case["events"][0],
    };
    let findings = detector.run(&event.to_string(), None).expect("an event");
    ((!findings.is_empty()).into(), 0)
}

/// Why a case fails, if it does.
fn fault(case: &Value) -> Option<String> {
    let expected = &case["expected"];
    let (answer, alerts) = answer(case);
    let passes = match expected.as_str() {
        Some("true-or-reject") => answer == true || answer == "reject",
        _ if case["check"] == "at_least" => expected
            .as_u64()
            .is_some_and(|least| alerts as u64 >= least),
        _ => *expected == answer,
    };
    (!passes).then(|| {
        let why: Vec<String> = loaded(case["rule"].as_str().unwrap_or_default())
            .diagnostics
            .iter()
            .map(|own| own.diagnostic.to_string())
            .collect();
        format!(
            "{} ({}): expected {expected}, got {answer} {why:?}",
            case["id"], case["basis"]
        )
    })
}

fn cases(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).expect("a case"))
        .collect()
}

fn check(table: &str, cases: &[Value]) {
    let faults: Vec<String> = cases
        .iter()
        .filter(|case| {
            let id = case["id"].as_str().unwrap_or_default();
            DIFFERENT.iter().all(|(known, _)| *known != id)
        })
        .filter_map(fault)
        .collect();
    assert!(
        faults.is_empty(),
        "{table}: {} of {} fail:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
    println!("{table}: {} cases pass", cases.len());
}

#[test]
fn own_cases() {
    check("own cases", &cases(include_str!("cases.jsonl")));
}

#[test]
fn shared_cases() {
    let path = shared().join("sigma/cases.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(text) => check("shared cases", &cases(&text)),
        Err(_) => eprintln!("skipped: {} is not here", path.display()),
    }
}

/// Who is refused is told what to write instead.
#[test]
fn refusals_have_remedies() {
    let shared = std::fs::read_to_string(shared().join("sigma/cases.jsonl")).unwrap_or_default();
    let mut cases = cases(include_str!("cases.jsonl"));
    cases.extend(self::cases(&shared));
    let (mut refused, mut without) = (0, Vec::new());
    for case in cases.iter().filter(|case| case["expected"] == "reject") {
        for own in loaded(case["rule"].as_str().expect("a rule")).diagnostics {
            let place = own.diagnostic.place;
            assert!(place.line > 0 && place.column > 0, "{}", own.diagnostic);
            refused += 1;
            if own.diagnostic.remedy().is_none() {
                without.push(own.diagnostic.to_string());
            }
        }
    }
    assert!(without.is_empty(), "{}", without.join("\n"));
    assert!(refused > 20, "{refused}");
}

/// Names of the fields that an expression tests.
fn fields(expr: &Expr, out: &mut Vec<String>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| fields(part, out)),
        Expr::Not(inner) => fields(inner, out),
        Expr::Field(field) => out.push(field.field.clone()),
        Expr::Keyword(_) => {}
    }
}

#[test]
fn shared_rules_load_and_map() {
    let sources = rule_files();
    let ruleset = load(&sources, &Pipeline::eve());
    let told: Vec<String> = ruleset
        .diagnostics
        .iter()
        .map(|own| format!("{}:{}", own.file, own.diagnostic))
        .collect();
    assert!(!ruleset.has_errors(), "{}", told.join("\n"));
    assert_eq!(ruleset.rules.len(), sources.len());
    let waiting: Vec<String> = ruleset
        .rules
        .iter()
        .filter(|rule| rule.mapping.is_none())
        .map(|rule| rule.rule.logsource.to_string())
        .collect();
    assert!(waiting.is_empty(), "no events for {waiting:?}");
    let mut unknown: Vec<String> = Vec::new();
    for own in &ruleset.rules {
        let mapping = own.mapping.as_ref().expect("a mapping");
        let mut names = Vec::new();
        fields(&own.rule.expression, &mut names);
        names.retain(|name| !mapping.knows(name));
        unknown.extend(
            names
                .into_iter()
                .map(|name| format!("{} {name}", own.rule.logsource)),
        );
    }
    unknown.sort();
    unknown.dedup();
    assert!(unknown.is_empty(), "no place for {unknown:?}");
}

/// A DNS request and its response are one query, unless the request was not seen.
#[test]
fn a_query_counts_once() {
    let text = "title: q\nname: q\nlogsource: {category: dns}\ndetection:\n  s: {query|endswith: .example}\n  condition: s\n---\n\
                title: many\ncorrelation:\n  type: event_count\n  rules: [q]\n  group-by: [src_ip]\n  timespan: 1m\n  condition: {gte: 2}\n  generate: true\n";
    let source = SourceFile {
        name: "case".to_owned(),
        text: text.to_owned(),
    };
    let ruleset = Arc::new(load(&[source], &Pipeline::eve()));
    assert!(ruleset.diagnostics.is_empty(), "{:?}", ruleset.diagnostics);
    let mut detector = Detector::new(ruleset, SharedState::default());
    for (kind, flow, id, found) in [
        ("request", 1, 7, 1),
        ("response", 1, 7, 0),
        // The same number in another flow; a request that was not seen.
        ("response", 2, 7, 2),
        ("response", 2, 7, 0),
        // Asked again: the count begins anew after the alert.
        ("request", 1, 7, 1),
        ("answer", 1, 7, 0),
    ] {
        let event = format!(
            r#"{{"event_type":"dns","flow_id":{flow},"src_ip":"192.0.2.1","dns":{{"type":"{kind}","id":{id},"queries":[{{"rrname":"a.example"}}]}}}}"#
        );
        let findings = detector.run(&event, Some(1)).expect("an event");
        assert_eq!(findings.len(), found, "{event}");
    }
}

/// What a rule has matched by is told of fields that are compared with fields too: those that agree.
#[test]
fn fields_that_agree_are_shown() {
    let text = "title: t\nlogsource: {category: t}\ndetection:\n  s: {a|fieldref: b}\n  t: {a|fieldref: c}\n  condition: s or t\n";
    let mut detector = Detector::new(Arc::new(loaded(text)), SharedState::default());
    let event = r#"{"a":["x","Y"],"b":"z","c":["y","w"]}"#;
    assert_eq!(detector.run(event, None).map(<[_]>::len), Ok(1));
    let shown: Vec<(String, String)> = detector
        .matched(0)
        .into_iter()
        .map(|own| (own.field, own.value))
        .collect();
    assert_eq!(shown, [("a".to_owned(), "Y".to_owned())]);
}
