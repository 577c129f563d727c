//! What may be said of rules that load.

use super::ast::{Logsource, Meta};
use super::diagnostic::{Diagnostic, Place};
use super::pipeline::Pipeline;
use super::ruleset::{FileDiagnostic, Ruleset};
use crate::signature::nearest;

/// Rules that wait for records, and rules that nothing knows by an id of their own.
pub fn advice(ruleset: &Ruleset, pipeline: &Pipeline) -> Vec<FileDiagnostic> {
    let mut told = Vec::new();
    let mut tell = |file: &str, place: Place, reason: String| {
        told.push(FileDiagnostic {
            file: file.to_owned(),
            diagnostic: Diagnostic::warning(place, reason),
        });
    };
    for own in &ruleset.rules {
        if own.mapping.is_none() {
            let reason = unknown(&own.rule.logsource, pipeline);
            tell(&own.file, own.rule.logsource_place, reason);
        }
        if let Some(reason) = nameless(&own.rule.meta) {
            tell(&own.file, own.rule.meta.place, reason);
        }
    }
    for own in &ruleset.correlations {
        if let Some(reason) = nameless(&own.correlation.meta) {
            tell(&own.file, own.correlation.meta.place, reason);
        }
    }
    told
}

fn unknown(logsource: &Logsource, pipeline: &Pipeline) -> String {
    let near = ["category", "product", "service"]
        .into_iter()
        .find_map(|name| {
            let part = logsource.part(name)?;
            let known = || pipeline.logsources().filter_map(|own| own.part(name));
            if known().any(|own| own.eq_ignore_ascii_case(part)) {
                return None;
            }
            nearest(part, known())
        });
    let hint = near.map(|near| format!(" (did you mean {near:?}?)"));
    format!(
        "no records are known for the log source {logsource}{}: the rule matches nothing until a pipeline names them (sigma.pipelines; logsources: [{{logsource: ..., events: [...]}}])",
        hint.unwrap_or_default()
    )
}

fn nameless(meta: &Meta) -> Option<String> {
    let Some(id) = &meta.id else {
        return Some(
            "there is no id: alerts, guidance and thresholds know the rule by its title, and lose it when that changes; give it a UUID (id: ...)".to_owned(),
        );
    };
    (!is_uuid(id)).then(|| {
        format!("the id {id:?} is no UUID: write one, such as 929a690e-bef0-4204-a928-ef5e620d6fcc")
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::load;
    use crate::signature::SourceFile;

    #[test]
    fn what_is_said() {
        let rows = [
            (
                "id: 929a690e-bef0-4204-a928-ef5e620d6fcc\nlogsource: {category: dns}",
                None,
            ),
            ("logsource: {category: dns}", Some((1, "there is no id"))),
            (
                "id: seven\nlogsource: {category: dns}",
                Some((1, "is no UUID")),
            ),
            (
                "id: 929a690e-bef0-4204-a928-ef5e620d6fcc\nlogsource: {category: dnss}",
                Some((3, "did you mean \"dns\"?")),
            ),
        ];
        for (head, expected) in rows {
            let text = format!("title: t\n{head}\ndetection:\n  s: {{f: 1}}\n  condition: s\n");
            let source = SourceFile {
                name: "x.yml".to_owned(),
                text,
            };
            let pipeline = Pipeline::eve();
            let ruleset = load(&[source], &pipeline);
            assert!(ruleset.diagnostics.is_empty());
            let told = advice(&ruleset, &pipeline);
            let told = told.first().map(|own| &own.diagnostic);
            assert_eq!(
                told.map(|own| own.place.line),
                expected.map(|own| own.0),
                "{head}"
            );
            let reason = expected.map_or("", |own| own.1);
            assert!(
                told.is_none_or(|own| own.reason.contains(reason)),
                "{told:?}"
            );
        }
    }
}
