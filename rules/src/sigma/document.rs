//! Text → documents: rules, correlations, filters; with everything that is wrong.

use super::ast::{Document, Expr, Filter, Rule};
use super::condition::{self, Condition};
use super::diagnostic::{Diagnostic, Faults, Place};
use super::modifier::{self, Placeholders};
use super::yaml::{Member, Node, Value};
use super::{correlation, limits, meta, yaml};

/// Faults of a document after which the rest is not looked for.
const FAULTS: usize = 100;

/// What a file says.
#[derive(Debug, Default)]
pub struct Parsed {
    pub documents: Vec<Document>,
    /// Faults and warnings in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
    /// Documents that were refused.
    pub refused: usize,
}

/// Reads the documents of a file. A document with a fault is refused; the others count.
pub fn parse(text: &str, placeholders: &Placeholders) -> Parsed {
    let (nodes, faults) = yaml::documents(text);
    let mut parsed = Parsed {
        refused: usize::from(!faults.is_empty()),
        diagnostics: faults,
        ..Parsed::default()
    };
    let mut global: Option<Node> = None;
    let mut previous: Option<Node> = None;
    for node in nodes {
        if matches!(node.value, Value::Null) {
            continue;
        }
        let mut faults = Faults::default();
        faults.list.extend(yaml::repeated_keys(&node));
        let action = node.get("action").and_then(Node::text).map(str::to_owned);
        match action.as_deref() {
            Some("global") => {
                global = Some(match global.take() {
                    Some(before) => merged(&before, &node),
                    None => node,
                });
                parsed.diagnostics.append(&mut faults.list);
                continue;
            }
            Some("reset") => {
                global = None;
                continue;
            }
            Some("repeat") | None => {}
            Some(other) => faults.error(
                meta::place(&node, "action"),
                format!("there is no action {other:?}: global, reset and repeat are known"),
            ),
        }
        let base = if action.as_deref() == Some("repeat") {
            previous.clone()
        } else {
            global.clone()
        };
        let node = match base {
            Some(base) => merged(&base, &node),
            None => node,
        };
        // What has hundreds of faults is not read further.
        let document = if faults.list.len() < FAULTS {
            document(&node, placeholders, &mut faults)
        } else {
            None
        };
        match document {
            Some(document) if !faults.refused() => parsed.documents.push(document),
            _ => parsed.refused += 1,
        }
        parsed.diagnostics.append(&mut faults.list);
        previous = Some(node);
    }
    parsed.diagnostics.sort_by_key(|fault| fault.place);
    if let Some(first) = parsed.diagnostics.get(limits::FILE_FAULTS) {
        let more = parsed.diagnostics.len() - limits::FILE_FAULTS;
        let reason = format!("there are {more} more faults from here on: mend those before first");
        let last = Diagnostic::error(first.place, reason);
        parsed.diagnostics.truncate(limits::FILE_FAULTS);
        parsed.diagnostics.push(last);
    }
    parsed
}

/// All that is wrong with a text, for editors.
pub fn diagnostics(text: &str, placeholders: &Placeholders) -> Vec<Diagnostic> {
    parse(text, placeholders).diagnostics
}

/// A document over what stands for all documents: maps grow together, everything else is replaced.
fn merged(base: &Node, over: &Node) -> Node {
    let (Value::Map(base_members), Value::Map(members)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut out: Vec<Member> = base_members
        .iter()
        .filter(|member| member.key != "action")
        .cloned()
        .collect();
    for member in members.iter().filter(|member| member.key != "action") {
        match out.iter_mut().find(|own| own.key == member.key) {
            // Depth is bounded by that of the documents.
            Some(own) => own.node = merged(&own.node, &member.node),
            None => out.push(member.clone()),
        }
    }
    Node {
        place: over.place,
        value: Value::Map(out),
    }
}

fn document(node: &Node, placeholders: &Placeholders, faults: &mut Faults) -> Option<Document> {
    if !matches!(node.value, Value::Map(_)) {
        faults.error(
            node.place,
            format!(
                "a rule is a map (title, logsource, detection); this is {}",
                node.kind()
            ),
        );
        return None;
    }
    let meta = meta::read(node, faults);
    if let Some(body) = node.get("correlation") {
        if node.get("detection").is_some() {
            faults.error(
                meta::place(node, "detection"),
                "a correlation has no detection: write the rule as a document of its own",
            );
        }
        return correlation::read(body, meta, faults).map(Document::Correlation);
    }
    let logsource = meta::logsource(node, faults);
    if let Some(body) = node.get("filter") {
        let rules = match body.get("rules") {
            Some(node)
                if node
                    .text()
                    .is_some_and(|text| text.eq_ignore_ascii_case("any")) =>
            {
                None
            }
            Some(node) => Some(correlation::references(node, faults)),
            None => None,
        };
        let condition = detection(body, &["rules"], placeholders, faults)?;
        return Some(Document::Filter(Filter {
            meta,
            logsource,
            rules,
            keep: what_is_kept(condition),
        }));
    }
    let Some(body) = node.get("detection") else {
        faults.error(
            node.place,
            "there is no detection, correlation or filter: say what the rule looks for",
        );
        return None;
    };
    let expression = detection(body, &[], placeholders, faults)?;
    Some(Document::Rule(Rule {
        meta,
        logsource,
        logsource_place: meta::place(node, "logsource"),
        expression,
    }))
}

/// The specification calls a filter what leaves events out, and its example names just those; the tools in use join
/// its condition with "and" as it stands (`not selection`). Both are right: a condition that denies nothing says
/// what to leave out, one with a `not` says what to keep.
fn what_is_kept(condition: Expr) -> Expr {
    fn denies(expr: &Expr) -> bool {
        match expr {
            Expr::Not(_) => true,
            Expr::And(parts) | Expr::Or(parts) => parts.iter().any(denies),
            Expr::Field(_) | Expr::Keyword(_) => false,
        }
    }
    if denies(&condition) {
        condition
    } else {
        Expr::Not(Box::new(condition))
    }
}

/// Search identifiers and the condition over them.
fn detection(
    body: &Node,
    reserved: &[&str],
    placeholders: &Placeholders,
    faults: &mut Faults,
) -> Option<Expr> {
    if !matches!(body.value, Value::Map(_)) {
        faults.error(
            body.place,
            format!(
                "search identifiers and a condition are expected here; this is {}",
                body.kind()
            ),
        );
        return None;
    }
    let is_search =
        |key: &str| !matches!(key, "condition" | "timeframe") && !reserved.contains(&key);
    let searches: Vec<&Member> = body
        .members()
        .iter()
        .filter(|member| is_search(&member.key))
        .collect();
    if body.get("timeframe").is_some() {
        faults.warning(
            meta::place(body, "timeframe"),
            "timeframe has no effect: it belongs to conditions that counted; write a correlation",
        );
    }
    if searches.is_empty() {
        faults.error(body.place, "there is no search identifier: write one, such as selection, with the fields to look at");
    }
    let identifiers: Vec<&str> = searches.iter().map(|member| member.key.as_str()).collect();
    let expressions: Vec<Option<Expr>> = searches
        .iter()
        .map(|member| search(member, placeholders, faults))
        .collect();
    let Some(condition_node) = body.get("condition") else {
        faults.error(
            body.place,
            "there is no condition: name the search identifiers to match",
        );
        return None;
    };
    let mut used = vec![false; identifiers.len()];
    let mut conditions = Vec::new();
    if condition_node.items().is_empty() {
        faults.error(
            condition_node.place,
            "the condition is empty: name the search identifiers to match",
        );
    }
    for node in condition_node.items() {
        let text = match &node.value {
            Value::Text(_) | Value::Number(_) | Value::Bool(_) => node.scalar().unwrap_or_default(),
            _ => {
                faults.error(
                    node.place,
                    format!("a condition is a text, and this is {}: write such as selection and not filter", node.kind()),
                );
                continue;
            }
        };
        conditions.extend(condition::parse(
            &text,
            node.place,
            &identifiers,
            &mut used,
            faults,
        ));
    }
    for (member, _) in searches
        .iter()
        .zip(&used)
        .filter(|(member, used)| !**used && !member.key.starts_with('_'))
    {
        faults.warning(
            member.place,
            format!(
                "no condition names the search identifier {:?}: name it there, or leave it out",
                member.key
            ),
        );
    }
    if faults.refused() {
        return None;
    }
    let expressions: Vec<Expr> = expressions.into_iter().collect::<Option<_>>()?;
    let sizes: Vec<usize> = expressions.iter().map(tests).collect();
    let total = conditions.iter().fold(0usize, |sum, condition| {
        sum.saturating_add(size(condition, &sizes))
    });
    if total > limits::RULE_TESTS {
        faults.error(
            condition_node.place,
            format!(
                "the condition comes to {total} tests; {} at most: use a placeholder list or several rules",
                limits::RULE_TESTS
            ),
        );
        return None;
    }
    let mut parts: Vec<Expr> = conditions
        .iter()
        .map(|condition| placed(condition, &expressions))
        .collect();
    Some(if parts.len() == 1 {
        parts.remove(0)
    } else {
        Expr::Or(parts)
    })
}

fn size(condition: &Condition, sizes: &[usize]) -> usize {
    match condition {
        Condition::Is(index) => sizes.get(*index).copied().unwrap_or_default(),
        Condition::Not(inner) => size(inner, sizes),
        Condition::And(parts) | Condition::Or(parts) => parts
            .iter()
            .fold(0, |sum, part| sum.saturating_add(size(part, sizes))),
    }
}

fn tests(expr: &Expr) -> usize {
    match expr {
        Expr::Field(_) | Expr::Keyword(_) => 1,
        Expr::Not(inner) => tests(inner),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().map(tests).sum(),
    }
}

fn placed(condition: &Condition, expressions: &[Expr]) -> Expr {
    let all = |parts: &[Condition]| parts.iter().map(|part| placed(part, expressions)).collect();
    match condition {
        Condition::Is(index) => expressions
            .get(*index)
            .cloned()
            .unwrap_or(Expr::Or(Vec::new())),
        Condition::Not(inner) => Expr::Not(Box::new(placed(inner, expressions))),
        Condition::And(parts) => Expr::And(all(parts)),
        Condition::Or(parts) => Expr::Or(all(parts)),
    }
}

/// One search identifier: a map (all fields), or a list (any map or keyword).
fn search(member: &Member, placeholders: &Placeholders, faults: &mut Faults) -> Option<Expr> {
    let node = &member.node;
    match &node.value {
        Value::Map(_) => fields(node, placeholders, faults),
        Value::List(items) if items.is_empty() => {
            faults.error(
                node.place,
                format!("{:?} is an empty list: give fields or keywords", member.key),
            );
            None
        }
        Value::List(items) => {
            let parts: Vec<Expr> = items
                .iter()
                .filter_map(|item| match item.value {
                    Value::Map(_) => fields(item, placeholders, faults),
                    _ => keyword("", item.place, item, placeholders, faults),
                })
                .collect();
            Some(if parts.len() == 1 {
                parts.into_iter().next()?
            } else {
                Expr::Or(parts)
            })
        }
        Value::Null => {
            faults.error(
                member.place,
                format!("{:?} is empty: give fields or keywords", member.key),
            );
            None
        }
        _ => keyword("", node.place, node, placeholders, faults),
    }
}

fn fields(node: &Node, placeholders: &Placeholders, faults: &mut Faults) -> Option<Expr> {
    let members = node.members();
    if members.is_empty() {
        faults.error(node.place, "an empty map matches nothing: give fields");
        return None;
    }
    let parts: Vec<Option<Expr>> = members
        .iter()
        .map(|member| {
            let field = member.key.split('|').next().unwrap_or_default();
            if field.is_empty() {
                keyword(
                    &member.key,
                    member.place,
                    &member.node,
                    placeholders,
                    faults,
                )
            } else {
                modifier::item(
                    &member.key,
                    member.place,
                    &member.node,
                    placeholders,
                    faults,
                )
            }
        })
        .collect();
    let mut parts: Vec<Expr> = parts.into_iter().collect::<Option<_>>()?;
    Some(if parts.len() == 1 {
        parts.remove(0)
    } else {
        Expr::And(parts)
    })
}

fn keyword(
    key: &str,
    place: Place,
    node: &Node,
    placeholders: &Placeholders,
    faults: &mut Faults,
) -> Option<Expr> {
    for name in key.split('|').skip(1) {
        const FITTING: &[&str] = &[
            "all",
            "base64",
            "base64offset",
            "cased",
            "contains",
            "expand",
            "i",
            "m",
            "neq",
            "re",
            "s",
            "utf16",
            "utf16be",
            "utf16le",
            "wide",
            "windash",
        ];
        if !FITTING.contains(&name) {
            faults.error(
                place,
                format!("{name:?} wants a field: keywords stand anywhere in an event"),
            );
            return None;
        }
    }
    let expr = modifier::item(key, place, node, placeholders, faults)?;
    if !is_searchable(&expr) {
        faults.error(
            node.place,
            "a keyword that is empty or null would match every event: leave it out",
        );
        return None;
    }
    Some(expr)
}

fn is_searchable(expr: &Expr) -> bool {
    match expr {
        Expr::Keyword(test) => modifier::is_searchable(test),
        Expr::Field(_) => true,
        Expr::Not(inner) => is_searchable(inner),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().all(is_searchable),
    }
}
