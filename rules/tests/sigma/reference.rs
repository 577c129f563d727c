//! A plain reading of a rule over an event: no slots, no automata, nothing shared with the engine but the syntax tree.

use std::net::IpAddr;

use chrono::{DateTime, Datelike, Timelike};
use rules::sigma::ast::{Expr, FieldTest, Test, TimePart};
use rules::sigma::{Anchor, Comparison, Pattern, Token};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

pub fn matches(expr: &Expr, event: &Value) -> bool {
    match expr {
        Expr::And(parts) => parts.iter().all(|part| matches(part, event)),
        Expr::Or(parts) => parts.iter().any(|part| matches(part, event)),
        Expr::Not(inner) => !matches(inner, event),
        Expr::Keyword(test) => {
            let mut values = Vec::new();
            scalars(event, &mut values);
            values.iter().any(|value| passes(test, value))
        }
        Expr::Field(field) => field_matches(field, event),
    }
}

fn field_matches(field: &FieldTest, event: &Value) -> bool {
    let values = values(event, &field.field);
    match &field.test {
        Test::Null => values
            .iter()
            .all(|value| value.is_null() || value.is_array()),
        Test::Exists => !values.is_empty(),
        Test::Field(other) => {
            let others = super::reference::values(event, &other.field);
            values.iter().any(|left| {
                others.iter().any(|right| {
                    let (Some(left), Some(right)) = (text(left), text(right)) else {
                        return false;
                    };
                    let (left, right) = if other.cased {
                        (left, right)
                    } else {
                        (left.to_lowercase(), right.to_lowercase())
                    };
                    match other.anchor {
                        Anchor::Whole => left == right,
                        Anchor::Start => left.starts_with(&right),
                        Anchor::End => left.ends_with(&right),
                        Anchor::Anywhere => left.contains(&right),
                    }
                })
            })
        }
        test => values.iter().any(|value| passes(test, value)),
    }
}

/// Values at a dotted path; lists are looked through.
fn values<'a>(event: &'a Value, path: &str) -> Vec<&'a Value> {
    fn walk<'a>(value: &'a Value, path: &str, levels: usize, out: &mut Vec<(usize, &'a Value)>) {
        match value {
            Value::Array(items) => {
                if path.is_empty() {
                    out.push((levels, value));
                }
                for item in items {
                    walk(item, path, levels, out);
                }
            }
            _ if path.is_empty() => out.push((levels, value)),
            Value::Object(members) => {
                for (key, value) in members {
                    if key == path {
                        walk(value, "", levels + 1, out);
                    } else if let Some(rest) = path.strip_prefix(key.as_str())
                        && let Some(rest) = rest.strip_prefix('.')
                    {
                        walk(value, rest, levels + 1, out);
                    }
                }
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(event, path, 0, &mut out);
    let least = out.iter().map(|(levels, _)| *levels).min().unwrap_or(0);
    out.into_iter()
        .filter(|(levels, _)| *levels == least)
        .map(|(_, value)| value)
        .collect()
}

fn scalars<'a>(value: &'a Value, out: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, out)),
        Value::Object(members) => members.values().for_each(|member| scalars(member, out)),
        other => out.push(other),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.nfc().collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn passes(test: &Test, value: &Value) -> bool {
    let Some(text) = text(value) else {
        return false;
    };
    match test {
        Test::Text(pattern) => pattern_matches(pattern, &text),
        Test::Number(number) => value.as_f64() == Some(number.as_f64()) || text == number.text(),
        Test::Regex(own) => regex::RegexBuilder::new(&own.text)
            .case_insensitive(own.insensitive)
            .multi_line(own.multi_line)
            .dot_matches_new_line(own.dot_all)
            .build()
            .expect("a checked expression")
            .is_match(&text),
        Test::Cidr(network) => text
            .parse::<IpAddr>()
            .is_ok_and(|address| network.contains(address)),
        Test::Compare(comparison, number) => text
            .parse()
            .is_ok_and(|value| compares(value, *comparison, number.as_f64())),
        Test::Time(part, comparison, number) => time_part(&text, *part)
            .is_some_and(|value| compares(f64::from(value), *comparison, number.as_f64())),
        Test::Null | Test::Exists | Test::Field(_) => false,
    }
}

fn compares(value: f64, comparison: Comparison, number: f64) -> bool {
    match comparison {
        Comparison::Less => value < number,
        Comparison::LessOrEqual => value <= number,
        Comparison::Greater => value > number,
        Comparison::GreaterOrEqual => value >= number,
        Comparison::Equal => value == number,
        Comparison::NotEqual => value != number,
    }
}

/// In the zone that the time is written in.
fn time_part(text: &str, part: TimePart) -> Option<u32> {
    // RFC 3339 §5.6: a year has four digits, all other parts two; chrono reads fewer as well.
    if text.find('-') != Some(4) || text.find('T') != Some(10) {
        return None;
    }
    let time = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z").ok()?;
    Some(match part {
        TimePart::Minute => time.minute(),
        TimePart::Hour => time.hour(),
        TimePart::Day => time.day(),
        TimePart::Week => time.iso_week().week(),
        TimePart::Month => time.month(),
        TimePart::Year => time.year().try_into().ok()?,
    })
}

/// One character of a pattern.
enum Piece {
    Is(char),
    One,
    Many,
    Dash,
}

/// By a table of which prefix of the pattern matches which prefix of the text.
fn pattern_matches(pattern: &Pattern, text: &str) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if pattern.is_cased() {
            text.chars().collect()
        } else {
            text.chars().flat_map(char::to_lowercase).collect()
        }
    };
    let mut pieces = Vec::new();
    for token in pattern.tokens() {
        match token {
            Token::Literal(literal) => pieces.extend(fold(literal).into_iter().map(Piece::Is)),
            Token::One => pieces.push(Piece::One),
            Token::Many => pieces.push(Piece::Many),
            Token::Dash => pieces.push(Piece::Dash),
        }
    }
    let text = fold(text);
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for piece in &pieces {
        let mut next = vec![false; text.len() + 1];
        if let Piece::Many = piece {
            let mut any = false;
            for (to, from) in next.iter_mut().zip(&row) {
                any |= *from;
                *to = any;
            }
        } else {
            for (at, character) in text.iter().enumerate() {
                let fits = match piece {
                    Piece::Is(own) => own == character,
                    Piece::Dash => "-/–—―".contains(*character),
                    Piece::One | Piece::Many => true,
                };
                next[at + 1] = row[at] && fits;
            }
        }
        row = next;
    }
    row[text.len()]
}
