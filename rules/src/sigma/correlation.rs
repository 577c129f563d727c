//! `correlation:` → what must come together.

use super::ast::{Alias, Correlation, CorrelationCondition, CorrelationKind, Meta, Reference};
use super::diagnostic::Faults;
use super::meta;
use super::number::{Comparison, Number, Scalar};
use super::yaml::{Node, Value};
use crate::signature::nearest;

const KINDS: &[(&str, CorrelationKind)] = &[
    ("event_count", CorrelationKind::EventCount),
    ("value_count", CorrelationKind::ValueCount),
    ("temporal", CorrelationKind::Temporal),
    ("temporal_ordered", CorrelationKind::TemporalOrdered),
    ("value_sum", CorrelationKind::ValueSum),
    ("value_avg", CorrelationKind::ValueAverage),
    ("value_percentile", CorrelationKind::ValuePercentile),
];
pub(super) const KEYS: &[&str] = &[
    "type",
    "rules",
    "group-by",
    "timespan",
    "condition",
    "aliases",
    "generate",
];

pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|(name, _)| *name).collect()
}

pub(super) fn read(body: &Node, meta: Meta, faults: &mut Faults) -> Option<Correlation> {
    if !matches!(body.value, Value::Map(_)) {
        faults.error(
            body.place,
            "a correlation is a map: type, rules, group-by, timespan, condition",
        );
        return None;
    }
    for member in body.members() {
        if !KEYS.contains(&member.key.as_str()) {
            let hint = nearest(&member.key, KEYS.iter().copied())
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            faults.warning(
                member.place,
                format!("{:?} is no part of a correlation{hint}", member.key),
            );
        }
    }
    let kind = kind(body, faults);
    let rules = match body.get("rules") {
        Some(node) => references(node, faults),
        None => {
            faults.error(
                body.place,
                "rules is missing: name the rules whose events are looked at",
            );
            Vec::new()
        }
    };
    let group_by = body
        .get("group-by")
        .map(|node| texts(node, "group-by", faults))
        .unwrap_or_default();
    let timespan_s = timespan(body, faults);
    let condition = condition(body, kind, rules.len(), faults);
    let aliases = aliases(body, faults);
    let generate = match body.get("generate").map(|node| (&node.value, node.place)) {
        None => false,
        Some((Value::Bool(value), _)) => *value,
        Some((_, place)) => {
            faults.error(place, "generate is true or false: write one of them");
            false
        }
    };
    Some(Correlation {
        meta,
        kind: kind?,
        rules,
        group_by,
        timespan_s: timespan_s?,
        condition: condition?,
        aliases,
        generate,
    })
}

fn kind(body: &Node, faults: &mut Faults) -> Option<CorrelationKind> {
    let Some(node) = body.get("type") else {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        faults.error(
            body.place,
            format!("type is missing: write one of {}", names.join(", ")),
        );
        return None;
    };
    let name = node.text().unwrap_or_default();
    let known = KINDS.iter().find(|(known, _)| *known == name);
    if known.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => format!(": write one of {}", names.join(", ")),
        };
        faults.error(
            node.place,
            format!("there is no correlation type {name:?}{hint}"),
        );
    }
    known.map(|(_, kind)| *kind)
}

/// Names or ids of rules: one, or a list.
pub(super) fn references(node: &Node, faults: &mut Faults) -> Vec<Reference> {
    let references: Vec<Reference> = node
        .items()
        .iter()
        .filter_map(|item| {
            Some(Reference {
                name: item.scalar()?,
                place: item.place,
            })
        })
        .collect();
    if references.is_empty() || references.len() < node.items().len() {
        faults.error(node.place, "rules is a list of names or ids of rules");
    }
    references
}

fn texts(node: &Node, what: &str, faults: &mut Faults) -> Vec<String> {
    let items = match &node.value {
        Value::Null => &[],
        _ => node.items(),
    };
    let texts: Vec<String> = items.iter().filter_map(Node::scalar).collect();
    if texts.len() < items.len() {
        faults.error(node.place, format!("{what} is a list of names of fields"));
    }
    texts
}

fn timespan(body: &Node, faults: &mut Faults) -> Option<u64> {
    let Some(node) = body.get("timespan") else {
        faults.error(body.place, "timespan is missing: such as 30s, 5m, 1h, 7d");
        return None;
    };
    let text = node.scalar().unwrap_or_default();
    let seconds = text.char_indices().next_back().and_then(|(at, unit)| {
        let unit: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            'M' => 2_629_746,
            'y' => 31_556_952,
            _ => return None,
        };
        let count: u64 = text.get(..at)?.parse().ok()?;
        count
            .checked_mul(unit)
            .filter(|seconds| (1..=i64::MAX as u64 / 2_000_000_000).contains(seconds))
    });
    if seconds.is_none() {
        faults.error(
            node.place,
            format!("{text:?} is no timespan: a number and s, m, h or d, such as 30s, 5m, 1h, 7d"),
        );
    }
    seconds
}

fn condition(
    body: &Node,
    kind: Option<CorrelationKind>,
    rules: usize,
    faults: &mut Faults,
) -> Option<CorrelationCondition> {
    use CorrelationKind::{EventCount, Temporal, TemporalOrdered, ValueCount, ValuePercentile};
    let kind = kind?;
    let temporal = matches!(kind, Temporal | TemporalOrdered);
    let Some(node) = body.get("condition") else {
        if temporal {
            let all = Number::from(rules as i128);
            return Some(CorrelationCondition {
                comparisons: vec![(Comparison::GreaterOrEqual, all)],
                ..CorrelationCondition::default()
            });
        }
        faults.error(
            body.place,
            format!(
                "condition is missing: {} wants one, such as {{gte: 10}}",
                kind.name()
            ),
        );
        return None;
    };
    if !matches!(node.value, Value::Map(_)) {
        faults.error(
            node.place,
            "the condition of a correlation is a map, such as {gte: 10}",
        );
        return None;
    }
    let mut condition = CorrelationCondition::default();
    for member in node.members() {
        let number = match &member.node.value {
            Value::Number(number) => Some(number.clone()),
            Value::Text(text) => Scalar::parse(text).map(Number::from),
            _ => None,
        };
        match (member.key.as_str(), number) {
            ("field", _) => condition.fields = texts(&member.node, "field", faults),
            ("percentile", Some(number)) if kind == ValuePercentile => {
                let percentile = number.as_f64();
                if !(0.0..=100.0).contains(&percentile) {
                    faults.error(
                        member.place,
                        "percentile is a number from 0 to 100: write such as 95",
                    );
                }
                condition.percentile = Some(percentile);
            }
            (key, Some(number)) => match Comparison::of_name(key) {
                Some(comparison) => condition.comparisons.push((comparison, number)),
                None => faults.error(
                    member.place,
                    format!("{key:?} is no comparison: gt, gte, lt, lte, eq, neq are"),
                ),
            },
            (key, None) => faults.error(
                member.node.place,
                format!("{key:?} wants a number: write such as {key}: 10"),
            ),
        }
    }
    if condition.comparisons.is_empty() {
        faults.error(
            node.place,
            "the condition compares nothing: write such as gte: 10",
        );
    }
    let wants_field = !temporal && kind != EventCount;
    if wants_field && condition.fields.is_empty() {
        faults.error(
            node.place,
            format!(
                "{} wants a field in its condition: write such as field: dest_port",
                kind.name()
            ),
        );
    }
    if kind != ValueCount && condition.fields.len() > 1 {
        faults.error(
            node.place,
            format!(
                "{} works on one field: write a correlation for each",
                kind.name()
            ),
        );
    }
    if !wants_field && !condition.fields.is_empty() {
        faults.warning(
            node.place,
            format!("{} looks at no field: leave it out", kind.name()),
        );
        condition.fields.clear();
    }
    Some(condition)
}

fn aliases(body: &Node, faults: &mut Faults) -> Vec<Alias> {
    let Some(node) = body.get("aliases") else {
        return Vec::new();
    };
    if !matches!(node.value, Value::Map(_)) {
        faults.error(node.place, "aliases is a map: alias → {rule: field}");
        return Vec::new();
    }
    node.members()
        .iter()
        .map(|member| {
            let fields: Vec<(String, String)> = member
                .node
                .members()
                .iter()
                .filter_map(|own| Some((own.key.clone(), own.node.scalar()?)))
                .collect();
            if fields.is_empty() {
                faults.error(
                    meta::place(node, &member.key),
                    format!("the alias {:?} is a map: rule → field", member.key),
                );
            }
            Alias {
                name: member.key.clone(),
                fields,
            }
        })
        .collect()
}
