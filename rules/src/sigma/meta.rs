//! Metadata and log source of a document, read by `sigma-rust`.
//!
//! Its types are the specification's. It is given one attribute at a time, beside an empty detection, so that a
//! fault has the attribute's place; it never sees a detection or a condition, on which it is not right.

use serde_json::{Map, Value as Json, json};
use sigma_rust::Rule as SigmaRule;

use super::ast::{Level, Logsource, Meta};
use super::diagnostic::{Faults, Place};
use super::yaml::{Node, Value};
use crate::signature::nearest;

/// Attributes of all kinds of documents that are not metadata.
const OTHERS: &[&str] = &[
    "detection",
    "correlation",
    "filter",
    "action",
    "logsource",
    "global",
];
const METADATA: &[&str] = &[
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
];
pub(super) const LEVELS: &[&str] = &["informational", "low", "medium", "high", "critical"];
pub(super) const STATUSES: &[&str] = &[
    "stable",
    "test",
    "experimental",
    "deprecated",
    "unsupported",
];

pub(super) fn read(document: &Node, faults: &mut Faults) -> Meta {
    let mut meta = Meta {
        place: document.place,
        ..Meta::default()
    };
    for member in document.members() {
        let key = member.key.as_str();
        if !METADATA.contains(&key) {
            if !OTHERS.contains(&key)
                && let Some(near) = nearest(key, METADATA.iter().chain(OTHERS).copied())
            {
                faults.warning(
                    member.place,
                    format!("{key:?} is not part of Sigma; did you mean {near:?}?"),
                );
            }
            continue;
        }
        if matches!(member.node.value, Value::Null) {
            continue;
        }
        let Some(rule) = attribute(key, &member.node, faults) else {
            continue;
        };
        match key {
            "title" => meta.title = rule.title,
            "id" => meta.id = rule.id,
            "name" => meta.name = rule.name,
            "taxonomy" => meta.taxonomy = rule.taxonomy,
            "status" => meta.status = member.node.scalar(),
            "description" => meta.description = rule.description,
            "author" => meta.author = rule.author,
            "references" => meta.references = rule.references.unwrap_or_default(),
            "fields" => meta.fields = rule.fields.unwrap_or_default(),
            "falsepositives" => meta.falsepositives = rule.falsepositives.unwrap_or_default(),
            "tags" => meta.tags = rule.tags.unwrap_or_default(),
            "level" => meta.level = member.node.scalar().and_then(|name| Level::of_name(&name)),
            _ => {}
        }
    }
    if meta.title.trim().is_empty() {
        faults.error(
            document.place,
            "the document has no title: analysts read it beside the alert",
        );
    }
    meta
}

pub(super) fn logsource(document: &Node, faults: &mut Faults) -> Logsource {
    let Some(node) = document.get("logsource") else {
        faults.error(
            document.place,
            "there is no logsource: say which events the rule reads (logsource: {category: dns})",
        );
        return Logsource::default();
    };
    if !matches!(node.value, Value::Map(_)) {
        faults.error(node.place, "logsource is a map: category, product, service");
        return Logsource::default();
    }
    for member in node.members() {
        const PARTS: &[&str] = &["category", "product", "service", "definition"];
        if let Some(near) = nearest(&member.key, PARTS.iter().copied())
            && near != member.key
        {
            faults.warning(
                member.place,
                format!(
                    "{:?} is no part of a logsource; did you mean {near:?}?",
                    member.key
                ),
            );
        }
    }
    let Some(rule) = attribute("logsource", node, faults) else {
        return Logsource::default();
    };
    let said = |part: Option<String>| part.filter(|part| !part.is_empty());
    let logsource = Logsource {
        category: said(rule.logsource.category),
        product: said(rule.logsource.product),
        service: said(rule.logsource.service),
    };
    if logsource.parts() == 0 {
        faults.error(
            node.place,
            "the logsource says nothing: give category, product or service",
        );
    }
    logsource
}

/// Reads one attribute beside what a rule needs at the least.
fn attribute(key: &str, node: &Node, faults: &mut Faults) -> Option<SigmaRule> {
    let mut document = json!({
        "title": "",
        "logsource": {},
        "detection": {"s": {"f": 0}, "condition": "s"},
    });
    document[key] = to_json(key, node);
    match serde_json::from_value(document) {
        Ok(rule) => Some(rule),
        Err(error) => {
            let reason = match (key, node.text()) {
                ("level", Some(text)) => none_of(key, text, LEVELS),
                ("status", Some(text)) => none_of(key, text, STATUSES),
                _ => format!("{key}: {error}"),
            };
            // What analysts never see is no reason to do without a rule.
            if matches!(
                key,
                "title" | "id" | "name" | "level" | "logsource" | "tags"
            ) {
                faults.error(node.place, reason);
            } else {
                faults.warning(node.place, reason);
            }
            None
        }
    }
}

fn none_of(key: &str, text: &str, known: &[&str]) -> String {
    let hint = nearest(text, known.iter().copied())
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default();
    format!(
        "there is no {key} {text:?}: {} are known{hint}",
        known.join(", ")
    )
}

/// A node as JSON; scalars are texts, as the specification has it for everything here.
fn to_json(key: &str, node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(|item| to_json("", item)).collect(),
        Value::Map(members) => {
            let members: Map<String, Json> = members
                .iter()
                .filter(|member| !matches!(member.node.value, Value::Null))
                .map(|member| (member.key.clone(), to_json("", &member.node)))
                .collect();
            Json::Object(members)
        }
        Value::Null => Json::Null,
        _ => {
            let text = node.scalar().unwrap_or_default();
            match key {
                // Names of a closed list; they are written in any case.
                "status" | "level" => Json::String(text.to_ascii_lowercase()),
                "tags" | "references" | "fields" | "falsepositives" => json!([text]),
                _ => Json::String(text),
            }
        }
    }
}

/// Where an attribute stands; the document's own place without it.
pub(super) fn place(document: &Node, key: &str) -> Place {
    document
        .members()
        .iter()
        .find(|member| member.key == key)
        .map_or(document.place, |member| member.place)
}
