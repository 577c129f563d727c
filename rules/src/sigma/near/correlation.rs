//! How near a correlation came, in words.

use crate::sigma::ast::{Correlation, CorrelationKind, Reference};
use crate::sigma::correlate::{CorrelationNearness, Lacking, NearestGroup};
use crate::sigma::ruleset::{LoadedCorrelation, Ruleset};
use crate::sigma::time::Moment;
use crate::signature::Language;

impl CorrelationNearness {
    /// A line a thought.
    pub fn in_words(
        &self,
        own: &LoadedCorrelation,
        ruleset: &Ruleset,
        language: Language,
    ) -> Vec<String> {
        let correlation = &own.correlation;
        let names = names(correlation, ruleset);
        let mut lines: Vec<String> = names
            .iter()
            .zip(&self.hits)
            .map(|(name, hits)| format!("{hits} × {name}"))
            .collect();
        if self.ungrouped > 0 {
            let fields = correlation.group_by.join(", ");
            lines.push(match language {
                Language::Vietnamese => format!(
                    "{} bản ghi thiếu trường để gộp nhóm ({fields}), không được tính",
                    self.ungrouped
                ),
                Language::English => format!(
                    "{} records lack a field to group by ({fields}), and count nowhere",
                    self.ungrouped
                ),
            });
        }
        if self.unvalued > 0 {
            let fields = correlation.condition.fields.join(", ");
            lines.push(match language {
                Language::Vietnamese => format!(
                    "{} bản ghi thiếu trường {fields}, hoặc trường không phải là số",
                    self.unvalued
                ),
                Language::English => format!(
                    "{} records lack the field {fields}, or have no number in it",
                    self.unvalued
                ),
            });
        }
        if self.came > 0 {
            lines.push(match language {
                Language::Vietnamese => format!("{} × điều kiện đã thoả", self.came),
                Language::English => format!("{} × its condition held", self.came),
            });
        } else if let Some(nearest) = &self.nearest {
            lines.push(self.of_group(nearest, language));
            lines.push(nearest.in_words(correlation, language));
            lines.extend(nearest.lacking.in_words(correlation, &names, language));
        }
        lines
    }

    fn of_group(&self, nearest: &NearestGroup, language: Language) -> String {
        let group: Vec<String> = nearest
            .group
            .iter()
            .map(|(field, value)| format!("{field} {value}"))
            .collect();
        let group = if group.is_empty() {
            let all = language.pick("tất cả chung", "all together");
            all.to_owned()
        } else {
            group.join(", ")
        };
        match language {
            Language::Vietnamese => format!("gần nhất trong {} nhóm: {group}", self.groups),
            Language::English => format!("nearest of {} groups: {group}", self.groups),
        }
    }
}

impl NearestGroup {
    /// When it came nearest, in UTC as RFC 3339 has it.
    pub fn at(&self) -> String {
        Moment::of_nanoseconds(self.at_ns).to_string()
    }

    /// What it came to, and what is wanted.
    fn in_words(&self, correlation: &Correlation, language: Language) -> String {
        let wanted: Vec<String> = correlation
            .condition
            .comparisons
            .iter()
            .map(|(comparison, number)| format!("{} {}", comparison.symbol(), number.text()))
            .collect();
        let wanted = wanted.join(language.pick(" và ", " and "));
        let what = match correlation.kind {
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                language.pick("số luật", "rules").to_owned()
            }
            CorrelationKind::EventCount => language.pick("số sự kiện", "events").to_owned(),
            kind => format!(
                "{} {}",
                kind.name(),
                correlation.condition.fields.join(", ")
            ),
        };
        let (value, at) = (self.value, self.at());
        let timespan = correlation.timespan_s;
        match language {
            Language::Vietnamese => {
                format!("{what}: {value} lúc {at}; cần {wanted} trong {timespan} s")
            }
            Language::English => {
                format!("{what}: {value} at {at}; {wanted} is wanted within {timespan} s")
            }
        }
    }
}

impl Lacking {
    /// None where the value tells all.
    fn in_words(
        &self,
        correlation: &Correlation,
        names: &[String],
        language: Language,
    ) -> Option<String> {
        let named = |places: &[usize], between: &str| {
            let names: Vec<&str> = places
                .iter()
                .filter_map(|place| names.get(*place).map(String::as_str))
                .collect();
            names.join(between)
        };
        match self {
            Lacking::Value => None,
            Lacking::Time { span_ns } => {
                let span = *span_ns as f64 / 1e9;
                let timespan = correlation.timespan_s;
                Some(match language {
                    Language::Vietnamese => {
                        format!("đủ, nhưng kéo dài ít nhất {span:.1} s; timespan là {timespan} s")
                    }
                    Language::English => format!(
                        "enough came, but over {span:.1} s at the least; timespan is {timespan} s"
                    ),
                })
            }
            Lacking::Rules(missing) => Some(format!(
                "{}: {}",
                language.pick("nhóm này chưa có", "not seen in this group"),
                named(missing, "; ")
            )),
            Lacking::Order(seen) => Some(format!(
                "{}: {}",
                language.pick("đủ, nhưng sai thứ tự", "all came, but in this order"),
                named(seen, " → ")
            )),
        }
    }
}

/// What a correlation names, by titles.
fn names(correlation: &Correlation, ruleset: &Ruleset) -> Vec<String> {
    let title = |reference: &Reference| {
        let rules = ruleset.rules.iter().map(|own| &own.rule.meta);
        let correlations = ruleset.correlations.iter().map(|own| &own.correlation.meta);
        let mut metas = rules.chain(correlations);
        metas
            .find(|meta| meta.is_called(&reference.name))
            .map_or_else(|| reference.name.clone(), |meta| meta.title.clone())
    };
    correlation.rules.iter().map(title).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sigma::{Detector, Pipeline, SharedState, load};
    use crate::signature::SourceFile;

    const RULES: &str = "
title: First
name: a
logsource: {category: t}
detection: {s: {k: a}, condition: s}
---
title: Second
name: b
logsource: {category: t}
detection: {s: {k: b}, condition: s}
---
title: Third
name: c
logsource: {category: t}
detection: {s: {k: c}, condition: s}
---
title: Together
name: t
correlation:
";

    /// Events are `time kind group value`.
    fn told(correlation: &str, events: &[(i64, &str, &str, i64)]) -> (CorrelationNearness, String) {
        let source = SourceFile {
            name: String::new(),
            text: format!("{RULES}{correlation}"),
        };
        let ruleset = Arc::new(load(&[source], &Pipeline::none()));
        assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics);
        let state = SharedState::traced();
        let mut detector = Detector::new(Arc::clone(&ruleset), state.clone());
        for (at_s, kind, group, value) in events {
            let event = format!(r#"{{"k":"{kind}","g":"{group}","v":{value}}}"#);
            let at_ns = Some(at_s * 1_000_000_000);
            detector.run(&event, at_ns).expect("an event");
        }
        detector.finish();
        let last = ruleset.correlations.len() - 1;
        let near = ruleset.near(&state, last).expect("it was traced");
        let words = near.in_words(&ruleset.correlations[last], &ruleset, Language::English);
        (near, words.join("\n"))
    }

    fn check(correlation: &str, events: &[(i64, &str, &str, i64)], lacking: &Lacking, words: &str) {
        let (near, text) = told(correlation, events);
        let nearest = near.nearest.expect("a group");
        assert_eq!(nearest.lacking, *lacking, "{text}");
        assert!(text.contains(words), "{words} in {text}");
    }

    #[test]
    fn counts_tell_how_many_came() {
        let count = "  {type: event_count, rules: [a], group-by: [g], timespan: 10s, condition: {gte: 3}}\n";
        let two = [(1, "a", "x", 0), (2, "a", "y", 0), (9, "a", "y", 0)];
        check(
            count,
            &two,
            &Lacking::Value,
            "3 × First\nnearest of 2 groups: g y\nevents: 2 at 1970-01-01T00:00:09.000000Z; >= 3 is wanted within 10 s",
        );
        let slow = [(1, "a", "x", 0), (8, "a", "x", 0), (15, "a", "x", 0)];
        let span_ns = 14_000_000_000;
        let words = "enough came, but over 14.0 s at the least; timespan is 10 s";
        check(count, &slow, &Lacking::Time { span_ns }, words);
        let values = "  {type: value_count, rules: [a], group-by: [g], timespan: 10s, condition: {field: v, gt: 1}}\n";
        let same = [(1, "a", "x", 5), (2, "a", "x", 5)];
        let words = "value_count v: 1 at 1970-01-01T00:00:01.000000Z; > 1 is wanted";
        check(values, &same, &Lacking::Value, words);
        let sums = "  {type: value_sum, rules: [a], group-by: [g], timespan: 10s, condition: {field: v, gte: 100}}\n";
        let far = [(1, "a", "x", 60), (20, "a", "x", 50), (29, "a", "x", 30)];
        let span_ns = 19_000_000_000;
        check(sums, &far, &Lacking::Time { span_ns }, "value_sum v: 80");
        let quiet =
            "  {type: event_count, rules: [a], group-by: [g], timespan: 10s, condition: {eq: 5}}\n";
        check(quiet, &two, &Lacking::Value, "events: 2");
        let mean = "  {type: value_avg, rules: [a], group-by: [g], timespan: 10s, condition: {field: v, gt: 90}}\n";
        check(mean, &far, &Lacking::Value, "value_avg v: 60");
    }

    #[test]
    fn chains_tell_who_is_missing() {
        let temporal = "  {type: temporal, rules: [a, b, c], group-by: [g], timespan: 10s}\n";
        let ordered = temporal.replace("temporal", "temporal_ordered");
        let two = [(1, "a", "x", 0), (2, "c", "x", 0), (3, "a", "y", 0)];
        for correlation in [temporal, &ordered] {
            let words = "not seen in this group: Second";
            check(correlation, &two, &Lacking::Rules(vec![1]), words);
        }
        let far = [(1, "a", "x", 0), (9, "b", "x", 0), (17, "c", "x", 0)];
        let span_ns = 16_000_000_000;
        for correlation in [temporal, &ordered] {
            let words = "enough came, but over 16.0 s at the least";
            check(correlation, &far, &Lacking::Time { span_ns }, words);
        }
        let turned = [(1, "b", "x", 0), (2, "a", "x", 0), (3, "c", "x", 0)];
        check(
            &ordered,
            &turned,
            &Lacking::Order(vec![1, 0, 2]),
            "rules: 1 at 1970-01-01T00:00:02.000000Z; >= 3 is wanted within 10 s\nall came, but in this order: Second → First → Third",
        );
        let (near, words) = told(temporal, &turned);
        assert_eq!((near.came, near.hits), (1, vec![1, 1, 1]));
        assert!(words.ends_with("1 × its condition held"), "{words}");
    }

    #[test]
    fn what_counts_nowhere_is_told() {
        let sums = "  {type: value_sum, rules: [a], group-by: [h], timespan: 10s, condition: {field: v, gte: 100}}\n";
        let (near, words) = told(sums, &[(1, "a", "x", 1), (2, "b", "x", 1)]);
        assert_eq!((near.ungrouped, near.groups, near.nearest), (1, 0, None));
        assert!(
            words.contains("1 records lack a field to group by (h)"),
            "{words}"
        );
        let text = sums.replace("field: v", "field: k").replace("[h]", "[g]");
        let (near, words) = told(&text, &[(1, "a", "x", 1)]);
        assert_eq!(near.unvalued, 1);
        assert!(words.contains("1 records lack the field k"), "{words}");
    }

    /// What a correlation names may be one itself.
    #[test]
    fn chained_correlations_are_counted_by_how_often_they_came() {
        let chained = "  {type: event_count, rules: [a], group-by: [g], timespan: 10s, condition: {gte: 2}}\n---\ntitle: Outer\ncorrelation: {type: temporal_ordered, rules: [t, b], group-by: [g], timespan: 1m}\n";
        let events = [(1, "a", "x", 0), (2, "a", "x", 0), (3, "b", "y", 0)];
        let (near, words) = told(chained, &events);
        assert_eq!(near.hits, [1, 1]);
        let expected = "1 × Together\n1 × Second\nnearest of 2 groups: g x\n";
        assert!(words.starts_with(expected), "{words}");
        assert!(words.ends_with("not seen in this group: Second"), "{words}");
    }
}
