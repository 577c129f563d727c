//! sigma-rust 0.7, which also reads the metadata of rules for the engine.

use rules::sigma::Token;
use rules::sigma::ast::Test;
use serde_json::Value;

use super::{Exception, Judge, Peer, is_decomposed};

pub const PEER: Peer = Peer {
    name: "sigma-rust",
    read,
    exceptions: EXCEPTIONS,
};

fn read(text: &str) -> Result<Judge, String> {
    let rule = sigma_rust::rule_from_yaml(text).map_err(|error| error.to_string())?;
    Ok(Box::new(move |event| {
        let event = sigma_rust::event_from_json(&event.to_string()).expect("an event");
        rule.is_match(&event)
    }))
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        why: "keywords are compared with whole values",
        applies: |case| case.any(|leaf| leaf.is_keyword()),
        shown: (
            "{w: [evil], condition: w}",
            r#"{"message":"an evil thing"}"#,
            true,
        ),
    },
    Exception {
        why: "null does not hold for an absent field",
        applies: |case| case.any(|leaf| matches!(leaf.test(), Test::Null)),
        shown: ("{s: {f: null}, condition: s}", r#"{"g":1}"#, true),
    },
    Exception {
        why: "an empty value is equal to null",
        applies: |case| case.event_has(Value::is_null),
        shown: ("{s: {f: ''}, condition: s}", r#"{"f":null}"#, false),
    },
    Exception {
        why: "a field that is false counts as absent",
        applies: |case| case.any(|leaf| matches!(leaf.test(), Test::Exists)),
        shown: (
            "{s: {f|exists: false}, condition: s}",
            r#"{"f":false}"#,
            false,
        ),
    },
    Exception {
        why: "lists in events never match",
        applies: |case| case.event_has(Value::is_array),
        shown: ("{s: {f: a}, condition: s}", r#"{"f":["b","a"]}"#, true),
    },
    Exception {
        why: "a pattern is not tried again behind a question mark",
        applies: |case| case.any_pattern(|pattern| pattern.tokens().contains(&Token::One)),
        shown: ("{s: {f: '*a?b'}, condition: s}", r#"{"f":"aaxb"}"#, true),
    },
    Exception {
        why: "numbers of different kinds, and numbers as texts, are not equal",
        applies: |case| {
            case.any(|leaf| matches!(leaf.test(), Test::Number(_)))
                || case.event_has(|value| value.is_number() || value.is_boolean())
        },
        shown: ("{s: {f: 443}, condition: s}", r#"{"f":"443"}"#, true),
    },
    Exception {
        why: "true and false are not equal to the texts",
        applies: |case| {
            case.any_pattern(|pattern| matches!(pattern.as_literal(), Some("true" | "false")))
        },
        shown: ("{s: {f: true}, condition: s}", r#"{"f":"true"}"#, true),
    },
    Exception {
        why: "comparisons are between numbers of one kind only",
        applies: |case| case.any(|leaf| matches!(leaf.test(), Test::Compare(..))),
        shown: ("{s: {f|gt: 100}, condition: s}", r#"{"f":100.5}"#, true),
    },
    Exception {
        why: "neq is refused",
        applies: |case| case.says("|neq"),
        shown: ("{s: {f|neq: a}, condition: s}", r#"{"f":"b"}"#, true),
    },
    Exception {
        why: "flags of expressions are refused",
        applies: |case| {
            ["|re|i", "|re|m", "|re|s"]
                .iter()
                .any(|flag| case.says(flag))
        },
        shown: ("{s: {f|re|i: ab}, condition: s}", r#"{"f":"AB"}"#, true),
    },
    Exception {
        why: "base64 is compared without its padding, and behind wide wrongly",
        applies: |case| case.says("|base64"),
        shown: (
            "{s: {f|base64: 'http://a'}, condition: s}",
            r#"{"f":"aHR0cDovL2E="}"#,
            true,
        ),
    },
    Exception {
        why: "with all, windash never matches",
        applies: |case| case.any_pattern(|pattern| pattern.tokens().contains(&Token::Dash)),
        shown: (
            "{s: {f|contains|windash|all: [' -a', ' /b']}, condition: s}",
            r#"{"f":"x -a /b"}"#,
            true,
        ),
    },
    Exception {
        why: "fields are compared with fields by case",
        applies: |case| case.any(|leaf| matches!(leaf.test(), Test::Field(_))),
        shown: (
            "{s: {a|fieldref: b}, condition: s}",
            r#"{"a":"ADMIN","b":"admin"}"#,
            true,
        ),
    },
    Exception {
        why: "parts of a time are refused",
        applies: |case| case.any(|leaf| matches!(leaf.test(), Test::Time(..))),
        shown: (
            "{s: {t|hour: 3}, condition: s}",
            r#"{"t":"2026-08-05T03:22:11Z"}"#,
            true,
        ),
    },
    Exception {
        why: "lists of conditions are refused",
        applies: |case| case.says("condition:\n    - "),
        shown: ("{s: {f: a}, condition: [s, s]}", r#"{"f":"a"}"#, true),
    },
    Exception {
        why: "identifiers that begin with _ are of \"them\" too",
        applies: |case| case.says("of them"),
        shown: (
            "{s: {f: a}, _t: {f: b}, condition: 1 of them}",
            r#"{"f":"b"}"#,
            false,
        ),
    },
    Exception {
        why: "texts are compared as they are written, decomposed ones do not match",
        applies: |case| case.event_has(is_decomposed),
        shown: (
            "{s: {f|contains: 'Việt'}, condition: s}",
            r#"{"f":"Vie\u0323\u0302t Nam"}"#,
            true,
        ),
    },
];
