//! rsigma 0.23, the newest that the toolchain of this workspace builds.

use rsigma_eval::{JsonEvent, compile_rule, evaluate_rule};
use rules::sigma::ast::Test;
use rules::sigma::{Comparison, Token};

use super::{Exception, Judge, Peer, is_decomposed, is_open_within};

pub const PEER: Peer = Peer {
    name: "rsigma",
    read,
    exceptions: EXCEPTIONS,
};

fn read(text: &str) -> Result<Judge, String> {
    let parsed = rsigma_parser::parse_sigma_yaml(text).map_err(|error| error.to_string())?;
    let rule = parsed
        .rules
        .first()
        .ok_or_else(|| parsed.errors.join("; "))?;
    let compiled = compile_rule(rule).map_err(|error| error.to_string())?;
    Ok(Box::new(move |event| {
        evaluate_rule(&compiled, &JsonEvent::borrow(event)).is_some()
    }))
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        why: "keywords that must all stand are compared with whole values",
        applies: |case| case.says("'|all'"),
        shown: (
            "{w: {'|all': [one, two]}, condition: w}",
            r#"{"message":"one and two"}"#,
            true,
        ),
    },
    Exception {
        why: "a number among keywords is compared with whole values",
        applies: |case| case.any(|leaf| leaf.is_keyword() && is_number(leaf.test())),
        shown: (
            "{w: [4625], condition: w}",
            r#"{"message":"EventID 4625"}"#,
            true,
        ),
    },
    Exception {
        why: "wildcards do not pass line ends",
        applies: |case| {
            (case.says("*") || case.says("?"))
                && case.event_has(|value| value.as_str().is_some_and(|text| text.contains('\n')))
        },
        shown: ("{s: {f: 'a*b'}, condition: s}", r#"{"f":"a\nb"}"#, true),
    },
    Exception {
        why: "startswith and endswith with a wildcard within are anchored at the wrong end",
        applies: |case| {
            (case.says("|startswith") || case.says("|endswith")) && case.any_pattern(is_open_within)
        },
        shown: (
            "{s: {f|startswith: 'ab?d'}, condition: s}",
            r#"{"f":"abcdefg"}"#,
            true,
        ),
    },
    Exception {
        why: "windash opens the dash only, not the slash and the long dashes",
        applies: |case| case.any_pattern(|pattern| pattern.tokens().contains(&Token::Dash)),
        shown: (
            "{s: {f|contains|windash: ' /c '}, condition: s}",
            r#"{"f":"cmd -c x"}"#,
            true,
        ),
    },
    Exception {
        why: "base64offset keeps last characters that depend on what follows",
        applies: |case| case.says("|base64offset"),
        shown: (
            "{s: {f|base64offset|contains: Invoke-Expression}, condition: s}",
            r#"{"f":"-enc eHlJbnZva2UtRXhwcmVzc2lvbiAkeg=="}"#,
            true,
        ),
    },
    Exception {
        why: "neq does not hold for an absent field; the specification is silent, and here it denies the whole item",
        applies: |case| case.says("|neq") && case.lacks_a_field(),
        shown: ("{s: {f|neq: a}, condition: s}", r#"{"g":"a"}"#, true),
    },
    Exception {
        why: "a field that is null counts as absent",
        applies: |case| {
            case.any(|leaf| matches!(leaf.test(), Test::Exists))
                && case.event_has(serde_json::Value::is_null)
        },
        shown: (
            "{s: {f|exists: false}, condition: s}",
            r#"{"f":null}"#,
            false,
        ),
    },
    Exception {
        why: "parts of a time are those of UTC, and zones without a colon are not read",
        applies: |case| {
            case.any(|leaf| matches!(leaf.test(), Test::Time(..)))
                && case.event_has(|value| value.as_str().is_some_and(|text| !text.ends_with('Z')))
        },
        shown: (
            "{s: {t|hour: 3}, condition: s}",
            r#"{"t":"2026-08-05T03:22:11+0700"}"#,
            true,
        ),
    },
    Exception {
        why: "a part of a time takes no comparison: the rule is refused",
        applies: |case| {
            case.any(|leaf| match leaf.test() {
                Test::Time(_, comparison, _) => *comparison != Comparison::Equal,
                _ => false,
            })
        },
        shown: (
            "{s: {t|hour|lt: 6}, condition: s}",
            r#"{"t":"2026-08-05T03:22:11Z"}"#,
            true,
        ),
    },
    Exception {
        why: "lists do not agree with fields",
        applies: |case| {
            case.any(|leaf| matches!(leaf.test(), Test::Field(_)))
                && case.event_has(serde_json::Value::is_array)
        },
        shown: (
            "{s: {a|fieldref: b}, condition: s}",
            r#"{"a":"x","b":["y","x"]}"#,
            true,
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

/// Whether a keyword is a number: it is looked for as its text.
fn is_number(test: &Test) -> bool {
    let Test::Text(pattern) = test else {
        return false;
    };
    pattern
        .simple()
        .is_some_and(|(_, text)| text.parse::<f64>().is_ok())
}
