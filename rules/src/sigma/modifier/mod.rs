//! `field|modifier|modifier: values` → tests.
//!
//! Modifiers are applied in the order in which they stand. Those that change a value may make several of it
//! (`base64offset`, `expand`), of which one must match even where `all` asks for every value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ast::{Expr, FieldReference, FieldTest, Network, Regex, Test, TimePart};
use super::diagnostic::{Faults, Place};
use super::limits;
use super::number::{Comparison, Number};
use super::pattern::{self, Anchor, Pattern, Token};
use super::regex;
use super::yaml::{Node, Value};
use crate::signature::nearest;

/// Values that stand for `%name%`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

const NAMES: &[&str] = &[
    "all",
    "base64",
    "base64offset",
    "cased",
    "cidr",
    "contains",
    "day",
    "endswith",
    "exists",
    "expand",
    "fieldref",
    "gt",
    "gte",
    "hour",
    "i",
    "lt",
    "lte",
    "m",
    "minute",
    "month",
    "neq",
    "re",
    "s",
    "startswith",
    "utf16",
    "utf16be",
    "utf16le",
    "week",
    "wide",
    "windash",
    "year",
];

/// A value on its way through the modifiers.
#[derive(Debug, Clone)]
enum Item {
    /// As the rule has it; what it means depends on the modifiers.
    Source(String),
    Pattern(Pattern),
    Bytes(Vec<u8>),
    Number(Number),
    Bool(bool),
    Null,
    Regex(Regex),
    Network(Network),
    Reference(String, Anchor),
}

/// What modifiers say of the whole item.
#[derive(Default)]
struct Chain {
    all: bool,
    cased: bool,
    negated: bool,
    exists: bool,
    comparison: Option<Comparison>,
    time: Option<TimePart>,
}

/// One `key: value` of a search; without a field, its values are keywords.
pub(super) fn item(
    key: &str,
    key_place: Place,
    node: &Node,
    placeholders: &Placeholders,
    faults: &mut Faults,
) -> Option<Expr> {
    let mut parts = key.split('|');
    let field = parts.next().unwrap_or_default();
    if field.len() > limits::FIELD_BYTES {
        faults.error(
            key_place,
            format!(
                "the field's name is longer than {} bytes",
                limits::FIELD_BYTES
            ),
        );
        return None;
    }
    let modifiers: Vec<&str> = parts.collect();
    for name in &modifiers {
        if !NAMES.contains(name) {
            let hint = nearest(name, NAMES.iter().copied())
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            faults.error(key_place, format!("there is no modifier {name:?}{hint}"));
            return None;
        }
    }
    let nodes = match &node.value {
        Value::Map(_) => {
            faults.error(
                node.place,
                format!(
                    "{key:?} has a map as its value: write the fields of an event with dots (a.b)"
                ),
            );
            return None;
        }
        Value::List(items) if items.is_empty() => {
            faults.error(
                node.place,
                format!("{key:?} has no values: give one, or null for an absent field"),
            );
            return None;
        }
        _ => node.items(),
    };
    let several = matches!(node.value, Value::List(_)) && nodes.len() > 1;
    let mut chain = Chain::default();
    let mut groups: Vec<(Place, Vec<Item>)> = Vec::with_capacity(nodes.len());
    for node in nodes {
        if let Some(item) = value(key, node, several, faults) {
            groups.push((node.place, vec![item]));
        }
    }
    let mut before: Vec<&str> = Vec::new();
    for name in &modifiers {
        if before.contains(name) {
            faults.warning(key_place, format!("{name:?} stands twice"));
        }
        if let Err(reason) = chain.note(name, &before) {
            faults.error(key_place, reason);
            return None;
        }
        for (place, items) in &mut groups {
            match apply(name, &before, std::mem::take(items), placeholders) {
                Ok(applied) => *items = applied,
                Err(reason) => faults.error(*place, reason),
            }
        }
        before.push(name);
    }
    if chain.all && nodes.len() < 2 {
        faults.error(
            key_place,
            "\"all\" joins several values, and there is one: leave it out",
        );
    }
    let mut alternatives = Vec::new();
    for (place, items) in groups {
        let mut tests = Vec::new();
        for item in items {
            match finish(item, &chain) {
                Ok(expr) => tests.push(place_test(field, expr)),
                Err(reason) => faults.error(place, reason),
            }
        }
        alternatives.push(join(tests, false));
    }
    if faults.refused() {
        return None;
    }
    let joined = join(alternatives, chain.all);
    Some(if chain.negated {
        Expr::Not(Box::new(joined))
    } else {
        joined
    })
}

fn join(mut parts: Vec<Expr>, all: bool) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ if all => Expr::And(parts),
        _ => Expr::Or(parts),
    }
}

/// A value of the rule's text.
fn value(key: &str, node: &Node, several: bool, faults: &mut Faults) -> Option<Item> {
    match &node.value {
        Value::Text(text) if text.len() > limits::VALUE_BYTES => {
            faults.error(
                node.place,
                format!("the value is longer than {} bytes", limits::VALUE_BYTES),
            );
            None
        }
        Value::Text(text) => Some(Item::Source(text.clone())),
        Value::Number(number) => Some(Item::Number(number.clone())),
        Value::Bool(value) => Some(Item::Bool(*value)),
        Value::Null if several => {
            faults.error(
                node.place,
                format!(
                    "null in a list of values of {key:?}: it has no type in common with them; write a search identifier of its own for it"
                ),
            );
            None
        }
        Value::Null => Some(Item::Null),
        Value::List(_) | Value::Map(_) => {
            faults.error(
                node.place,
                format!(
                    "{} as a value of {key:?}: values are texts, numbers, true, false or null",
                    node.kind()
                ),
            );
            None
        }
    }
}

impl Chain {
    fn note(&mut self, name: &str, before: &[&str]) -> Result<(), String> {
        let time = match name {
            "minute" => Some(TimePart::Minute),
            "hour" => Some(TimePart::Hour),
            "day" => Some(TimePart::Day),
            "week" => Some(TimePart::Week),
            "month" => Some(TimePart::Month),
            "year" => Some(TimePart::Year),
            _ => None,
        };
        if let Some(part) = time {
            if self.time.replace(part).is_some() {
                return Err("one part of the time only: write two items for two".to_owned());
            }
            return Ok(());
        }
        match name {
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.negated = true,
            "exists" if !before.is_empty() => {
                return Err("\"exists\" stands alone".to_owned());
            }
            "exists" => self.exists = true,
            "gt" | "gte" | "lt" | "lte" => {
                if self.comparison.is_some() {
                    return Err(
                        "one comparison only: write two items (field|gt and field|lt) for a range"
                            .to_owned(),
                    );
                }
                self.comparison = Comparison::of_name(name);
            }
            "i" | "m" | "s" if !before.contains(&"re") => {
                return Err(format!("{name:?} belongs to \"re\": write re|{name}"));
            }
            _ if self.exists => return Err("\"exists\" stands alone".to_owned()),
            _ => {}
        }
        Ok(())
    }
}

fn apply(
    name: &str,
    before: &[&str],
    items: Vec<Item>,
    placeholders: &Placeholders,
) -> Result<Vec<Item>, String> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match name {
            "contains" | "startswith" | "endswith" => out.push(anchor(name, item)?),
            "re" => out.push(Item::Regex(as_regex(item, before)?)),
            "i" | "m" | "s" => {
                let Item::Regex(mut regex) = item else {
                    return Err(format!("{name:?} belongs to \"re\""));
                };
                match name {
                    "i" => regex.insensitive = true,
                    "m" => regex.multi_line = true,
                    _ => regex.dot_all = true,
                }
                out.push(Item::Regex(regex));
            }
            "base64" => out.push(Item::Pattern(Pattern::literal(
                &STANDARD.encode(plain_bytes(name, item)?),
            ))),
            "base64offset" => out.extend(offsets(&plain_bytes(name, item)?)),
            "wide" | "utf16le" | "utf16be" | "utf16" => out.push(Item::Bytes(utf16(name, item)?)),
            "windash" => out.push(match item {
                Item::Source(text) => Item::Pattern(pattern::open_dashes(&Pattern::parse(&text))),
                Item::Pattern(pattern) => Item::Pattern(pattern::open_dashes(&pattern)),
                number @ Item::Number(_) => number,
                _ => return Err("\"windash\" wants texts".to_owned()),
            }),
            "cidr" => {
                let Item::Source(text) = item else {
                    return Err("\"cidr\" wants networks such as 10.0.0.0/8".to_owned());
                };
                let network = Network::parse(&text).ok_or_else(|| {
                    format!("{text:?} is no network: write 10.0.0.0/8 or 2001:db8::/32")
                })?;
                out.push(Item::Network(network));
            }
            "fieldref" => {
                let text = match item {
                    Item::Source(text) => text,
                    Item::Pattern(pattern) => pattern.as_literal().unwrap_or_default().to_owned(),
                    _ => String::new(),
                };
                if text.is_empty()
                    || before
                        .iter()
                        .any(|name| *name != "neq" && *name != "cased" && *name != "all")
                {
                    return Err("\"fieldref\" comes first and wants the name of a field".to_owned());
                }
                out.push(Item::Reference(text, Anchor::Whole));
            }
            "expand" => out.extend(expand(item, placeholders)?),
            _ => out.push(item),
        }
        if out.len() > limits::EXPANSIONS {
            return Err(format!(
                "more than {} values come of this",
                limits::EXPANSIONS
            ));
        }
    }
    Ok(out)
}

fn anchor(name: &str, item: Item) -> Result<Item, String> {
    let pattern = match item {
        Item::Null => return Err(format!("{name:?} wants a text; null has none")),
        Item::Network(_) => return Err(format!("{name:?} and \"cidr\" exclude each other")),
        // A regular expression is looked for anywhere as it is.
        Item::Regex(regex) => return Ok(Item::Regex(regex)),
        Item::Reference(field, _) => {
            let anchor = match name {
                "contains" => Anchor::Anywhere,
                "startswith" => Anchor::Start,
                _ => Anchor::End,
            };
            return Ok(Item::Reference(field, anchor));
        }
        other => as_pattern(other)?,
    };
    Ok(Item::Pattern(match name {
        "contains" => pattern.open_start().open_end(),
        "startswith" => pattern.open_end(),
        _ => pattern.open_start(),
    }))
}

fn as_pattern(item: Item) -> Result<Pattern, String> {
    Ok(match item {
        Item::Source(text) => Pattern::parse(&text),
        Item::Pattern(pattern) => pattern,
        Item::Number(number) => Pattern::literal(number.text()),
        Item::Bool(value) => Pattern::literal(if value { "true" } else { "false" }),
        Item::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Pattern::literal(&text),
            Err(_) => {
                return Err(
                    "bytes that are no text cannot be looked for in a text: encode them (base64offset)".to_owned(),
                );
            }
        },
        _ => return Err("a text is wanted here".to_owned()),
    })
}

fn as_regex(item: Item, before: &[&str]) -> Result<Regex, String> {
    let text = match item {
        Item::Source(text) => text,
        Item::Number(number) => number.text().to_owned(),
        Item::Pattern(pattern) if before.contains(&"expand") => match pattern.as_literal() {
            Some(text) => text.to_owned(),
            None => return Err("write re|expand, so that the expression is known first".to_owned()),
        },
        _ => return Err("\"re\" comes first: it wants the expression as it is".to_owned()),
    };
    Ok(Regex {
        text,
        insensitive: false,
        multi_line: false,
        dot_all: false,
    })
}

/// The bytes of a text without wildcards.
fn plain_bytes(name: &str, item: Item) -> Result<Vec<u8>, String> {
    if let Item::Bytes(bytes) = item {
        return Ok(bytes);
    }
    let pattern = as_pattern(item)?;
    match pattern.as_literal() {
        Some("") | None => Err(format!(
            "{name:?} encodes plain texts: no wildcards and nothing empty (contains and its like come after it)"
        )),
        Some(text) => Ok(super::fold::composed(text).into_bytes()),
    }
}

/// What is the same in Base64 wherever in a longer text the bytes stand: three variants by the offset.
fn offsets(bytes: &[u8]) -> Vec<Item> {
    const SKIP: [usize; 3] = [0, 2, 3];
    const CUT: [usize; 3] = [0, 3, 2];
    (0..3)
        .filter_map(|offset| {
            let mut padded = vec![b' '; offset];
            padded.extend_from_slice(bytes);
            let encoded = STANDARD.encode(&padded);
            let end = encoded.len().checked_sub(CUT[padded.len() % 3])?;
            let stable = encoded.get(SKIP[offset]..end)?;
            (!stable.is_empty()).then(|| Item::Pattern(Pattern::literal(stable)))
        })
        .collect()
}

fn utf16(name: &str, item: Item) -> Result<Vec<u8>, String> {
    let bytes = plain_bytes(name, item)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name:?} wants a text"))?;
    let mut out = Vec::with_capacity(2 + 2 * text.len());
    if name == "utf16" {
        out.extend_from_slice(&[0xff, 0xfe]);
    }
    for unit in text.encode_utf16() {
        out.extend_from_slice(&if name == "utf16be" {
            unit.to_be_bytes()
        } else {
            unit.to_le_bytes()
        });
    }
    Ok(out)
}

/// Replaces `%name%` by the values that it stands for.
fn expand(item: Item, placeholders: &Placeholders) -> Result<Vec<Item>, String> {
    let (text, regex) = match item {
        Item::Source(text) => (text, None),
        Item::Regex(regex) => (regex.text.clone(), Some(regex)),
        other => return Ok(vec![other]),
    };
    let pieces = pieces(&text);
    let mut texts = vec![String::new()];
    let mut found = false;
    for piece in pieces {
        let values = match piece {
            Piece::Plain(plain) => vec![plain],
            Piece::Name(name) => {
                found = true;
                let values = placeholders.get(&name).filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| {
                    format!(
                        "nothing is known for the placeholder %{name}%: give its values in a pipeline (placeholders: {{{name}: [...]}})"
                    )
                })?;
                match regex {
                    Some(_) => values.iter().map(|value| ::regex::escape(value)).collect(),
                    None => values.clone(),
                }
            }
        };
        if texts.len().saturating_mul(values.len()) > limits::EXPANSIONS {
            return Err(format!(
                "more than {} values come of this",
                limits::EXPANSIONS
            ));
        }
        texts = texts
            .iter()
            .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
            .collect();
    }
    if !found {
        return Err("\"expand\" without a placeholder: write %name%, or leave it out".to_owned());
    }
    Ok(texts
        .into_iter()
        .map(|text| match &regex {
            Some(regex) => Item::Regex(Regex {
                text,
                ..regex.clone()
            }),
            None => Item::Source(text),
        })
        .collect())
}

enum Piece {
    Plain(String),
    Name(String),
}

/// Cuts a text at `%name%`; `\%` is a plain percent sign.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '\\']) {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(after) = tail.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
            continue;
        }
        if let Some(after) = tail.strip_prefix('\\') {
            plain.push('\\');
            // What a backslash protects stays protected.
            let mut characters = after.chars();
            if let Some(next @ ('\\' | '*' | '?')) = characters.next() {
                plain.push(next);
                rest = characters.as_str();
            } else {
                rest = after;
            }
            continue;
        }
        let after = &tail[1..];
        let end = after.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        match end {
            Some(end) if end > 0 && after[end..].starts_with('%') => {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                pieces.push(Piece::Name(after[..end].to_owned()));
                rest = &after[end + 1..];
            }
            _ => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    pieces.push(Piece::Plain(plain));
    pieces
}

/// A value that has passed all modifiers → its test.
fn finish(item: Item, chain: &Chain) -> Result<Finished, String> {
    if chain.exists {
        let Item::Bool(wanted) = item else {
            return Err("\"exists\" wants true or false".to_owned());
        };
        return Ok(if wanted {
            Finished::Is(Test::Exists)
        } else {
            Finished::Not(Test::Exists)
        });
    }
    if chain.time.is_some() || chain.comparison.is_some() {
        let number = match item {
            Item::Number(number) => number,
            Item::Source(text) => match super::number::Scalar::parse(&text) {
                Some(number) => Number::from(number),
                None => {
                    return Err(format!(
                        "{text:?} is no number, and only numbers have an order"
                    ));
                }
            },
            _ => return Err("a number is wanted here".to_owned()),
        };
        let comparison = chain.comparison.unwrap_or(Comparison::Equal);
        return Ok(Finished::Is(match chain.time {
            Some(part) => Test::Time(part, comparison, number),
            None => Test::Compare(comparison, number),
        }));
    }
    Ok(Finished::Is(match item {
        Item::Null => Test::Null,
        Item::Number(number) => Test::Number(number),
        Item::Network(network) => Test::Cidr(network),
        Item::Reference(field, anchor) => Test::Field(FieldReference {
            field,
            anchor,
            cased: chain.cased,
        }),
        Item::Regex(mut regex) => {
            regex.text = super::fold::composed(&regex.text);
            regex::compile(&regex)?;
            Test::Regex(regex)
        }
        other => {
            let pattern = as_pattern(other)?.settled(chain.cased);
            if pattern.bytes() > limits::VALUE_BYTES * 4 {
                return Err("the value has become too long".to_owned());
            }
            Test::Text(pattern)
        }
    }))
}

enum Finished {
    Is(Test),
    Not(Test),
}

fn place_test(field: &str, finished: Finished) -> Expr {
    let (test, negated) = match finished {
        Finished::Is(test) => (test, false),
        Finished::Not(test) => (test, true),
    };
    let expr = if field.is_empty() {
        Expr::Keyword(match test {
            // A keyword stands anywhere in a value.
            Test::Text(pattern) => Test::Text(anywhere(pattern)),
            Test::Number(number) => {
                Test::Text(anywhere(Pattern::literal(number.text()).settled(false)))
            }
            other => other,
        })
    } else {
        Expr::Field(FieldTest {
            field: field.to_owned(),
            test,
        })
    };
    if negated {
        Expr::Not(Box::new(expr))
    } else {
        expr
    }
}

fn anywhere(pattern: Pattern) -> Pattern {
    pattern.open_start().open_end()
}

/// Whether a keyword can be looked for: something must be left of it without its wildcards.
pub(super) fn is_searchable(test: &Test) -> bool {
    match test {
        Test::Text(pattern) => pattern
            .tokens()
            .iter()
            .any(|token| !matches!(token, Token::Many)),
        Test::Regex(_) | Test::Cidr(_) => true,
        _ => false,
    }
}
