//! No text panics, hangs or overflows the stack: neither as a rule, nor as a pipeline, nor as an event.

use std::sync::Arc;

use proptest::prelude::*;
use rules::sigma::{Detector, Pipeline, Placeholders, SharedState, load, parse};
use rules::signature::SourceFile;

use super::rule_files;

/// Reads and runs a text in every way there is.
fn try_all(text: &str, event: &str) {
    let parsed = parse(text, &Placeholders::new());
    assert!(parsed.documents.len() <= 20_000);
    let source = SourceFile {
        name: "x".to_owned(),
        text: text.to_owned(),
    };
    for pipeline in [Pipeline::none(), Pipeline::eve()] {
        let ruleset = Arc::new(load(std::slice::from_ref(&source), &pipeline));
        let mut detector = Detector::new(ruleset, SharedState::default());
        let _ = detector.run(event, Some(1)).map(<[_]>::len);
        detector.advance(i64::MAX);
        detector.finish();
    }
    let _ = Pipeline::parse(text);
}

const EVENT: &str =
    r#"{"event_type":"dns","f":["a",1,null,{"b":"ă"}],"timestamp":"2026-08-05T03:22:11Z"}"#;

#[test]
fn known_attacks_are_refused() {
    let condition = |text: &str| {
        format!(
            "title: t\nlogsource: {{category: t}}\ndetection:\n  s: {{f: 1}}\n  condition: '{text}'\n"
        )
    };
    let value = |key: &str, text: &str| {
        format!(
            "title: t\nlogsource: {{category: t}}\ndetection:\n  s:\n    '{key}': '{text}'\n  condition: s\n"
        )
    };
    let rows = [
        condition(&"(".repeat(100_000)),
        condition(&"not ".repeat(100_000)),
        condition(&"s or ".repeat(3_000)),
        condition("é and x"),
        value("f|windash", "–x"),
        value("f|re", &"(".repeat(10_000)),
        value("f|re", "((((a{99}){99}){99}){99})"),
        value("f", &"*a".repeat(5_000)),
        value(&"f|contains".repeat(1_000), "a"),
        value(&"a.".repeat(100_000), "a"),
        "[".repeat(200_000),
        "- ".repeat(200_000),
        "&a [*a, *a]".to_owned(),
        "\u{0}\u{feff}%YAML".to_owned(),
        "title: t\n".repeat(50_000),
        "--- \n".repeat(50_000),
    ];
    for text in rows {
        try_all(&text, EVENT);
    }
    let deep = "[".repeat(1 << 20);
    try_all("title: t", &deep);
}

/// Faults are told in a number that a person can read.
#[test]
fn faults_of_a_file_are_bounded() {
    let parsed = parse(&"--- \ntitle: x\n".repeat(10_000), &Placeholders::new());
    assert_eq!(parsed.refused, 10_000);
    assert_eq!(parsed.diagnostics.len(), 1_001);
    let last = parsed.diagnostics.last().map(ToString::to_string);
    assert!(
        last.as_ref()
            .is_some_and(|last| last.contains("more faults from here on")),
        "{last:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}", event in "\\PC{0,60}") {
        try_all(&text, &event);
    }

    #[test]
    fn any_yaml_is_read(text in "([a-z*'\"|:{}\\[\\],&#!%?-]|: |\n  |\n- |\n){0,120}") {
        try_all(&text, EVENT);
    }

    #[test]
    fn any_value_is_read(
        modifiers in prop::collection::vec(prop::sample::select(vec![
            "all", "base64", "base64offset", "cased", "cidr", "contains", "endswith", "exists", "expand",
            "fieldref", "gt", "hour", "i", "lt", "neq", "re", "s", "startswith", "utf16", "wide", "windash",
        ]), 0..4),
        value in "[ -~ăđ–*?\\\\%]{0,24}",
        text in "\\PC{0,40}",
    ) {
        let key: String = modifiers.iter().fold("f".to_owned(), |key, name| key + "|" + name);
        let rule = serde_json::json!({
            "title": "t",
            "logsource": {"category": "t"},
            "detection": {"s": {key: [value, "b"]}, "condition": "s"},
        });
        let event = serde_json::json!({"f": text}).to_string();
        try_all(&rule.to_string(), &event);
    }

    #[test]
    fn any_change_of_a_rule_is_read(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in "\\PC{0,3}") {
        let sources = rule_files();
        let mut text = which.get(&sources).text.clone();
        let mut place = at.index(text.len());
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        text.insert_str(place, &with);
        try_all(&text, EVENT);
        text.truncate(place);
        try_all(&text, EVENT);
    }
}
