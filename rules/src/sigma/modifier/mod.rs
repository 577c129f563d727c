//! `field|modifier|modifier: values` → tests.
//!
//! Modifiers are applied in the order in which they stand. Those that change a value may make several of it
//! (`base64offset`, `expand`), of which one must match even where `all` asks for every value.

mod encode;
mod expand;
mod names;

use std::collections::BTreeMap;

use super::ast::{Expr, FieldReference, FieldTest, Network, Regex, Test, TimePart};
use super::diagnostic::{Faults, Place};
use super::limits;
use super::number::{Comparison, Number};
use super::pattern::{self, Anchor, Pattern, Token};
use super::regex;
use super::yaml::{Node, Value};
use encode::{base64, offsets, plain_bytes, utf16};
use expand::expand;

pub(super) use names::{MODIFIERS, Modifier, unknown};

/// Values that stand for `%name%`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

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
                "the field's name is longer than {} bytes: shorten it",
                limits::FIELD_BYTES
            ),
        );
        return None;
    }
    let modifiers: Vec<&str> = parts.collect();
    for name in &modifiers {
        if let Some(reason) = unknown(name) {
            faults.error(key_place, reason);
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
            faults.warning(key_place, format!("{name:?} stands twice: leave one out"));
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
                format!(
                    "the value is longer than {} bytes: look for a part of it",
                    limits::VALUE_BYTES
                ),
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
                return Err("\"exists\" stands alone: write two items for two modifiers".to_owned());
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
            _ if self.exists => {
                return Err("\"exists\" stands alone: write two items for two modifiers".to_owned());
            }
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
                    return Err(format!("{name:?} belongs to \"re\": write re|{name}"));
                };
                match name {
                    "i" => regex.insensitive = true,
                    "m" => regex.multi_line = true,
                    _ => regex.dot_all = true,
                }
                out.push(Item::Regex(regex));
            }
            "base64" => out.push(base64(&plain_bytes(name, item)?)),
            "base64offset" => out.extend(offsets(&plain_bytes(name, item)?)),
            "wide" | "utf16le" | "utf16be" | "utf16" => out.push(Item::Bytes(utf16(name, item)?)),
            "windash" => out.push(match item {
                Item::Source(text) => Item::Pattern(pattern::open_dashes(&Pattern::parse(&text))),
                Item::Pattern(pattern) => Item::Pattern(pattern::open_dashes(&pattern)),
                number @ Item::Number(_) => number,
                _ => return Err("\"windash\" wants texts: write the value in quotes".to_owned()),
            }),
            "cidr" => {
                let Item::Source(text) = item else {
                    return Err("\"cidr\" wants networks: write such as 10.0.0.0/8".to_owned());
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
                    return Err("\"fieldref\" comes first and wants the name of a field: write field|fieldref: other".to_owned());
                }
                out.push(Item::Reference(text, Anchor::Whole));
            }
            "expand" => out.extend(expand(item, placeholders)?),
            _ => out.push(item),
        }
        if out.len() > limits::EXPANSIONS {
            return Err(format!(
                "more than {} values come of this: split them over several items",
                limits::EXPANSIONS
            ));
        }
    }
    Ok(out)
}

fn anchor(name: &str, item: Item) -> Result<Item, String> {
    let pattern = match item {
        Item::Null => {
            return Err(format!(
                "{name:?} wants a text, and null has none: leave one of them out"
            ));
        }
        Item::Network(_) => {
            return Err(format!(
                "{name:?} and \"cidr\" exclude each other: leave one of them out"
            ));
        }
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
        _ => return Err("a text is wanted here: write the value in quotes".to_owned()),
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

/// A value that has passed all modifiers → its test.
fn finish(item: Item, chain: &Chain) -> Result<Finished, String> {
    if chain.exists {
        let Item::Bool(wanted) = item else {
            return Err("\"exists\" wants true or false: write one of them".to_owned());
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
                        "{text:?} is no number, and only numbers have an order: write such as 5 or 0.5"
                    ));
                }
            },
            _ => return Err("a number is wanted here: write such as 5 or 0.5".to_owned()),
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
                return Err("the value has become too long: look for a part of it".to_owned());
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
