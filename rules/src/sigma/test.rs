//! One test on one value.

use std::net::IpAddr;

use super::ast::{Network, Test, TimePart};
use super::number::{Comparison, Scalar};
use super::pattern::{Anchor, Pattern};
use super::record::{Kind, Value};
use super::regex;
use super::time::Moment;

/// A test, ready to run.
#[derive(Debug)]
pub(super) enum Check {
    Pattern(Pattern),
    /// Equal to the number's canonical text.
    Number(String),
    Regex(Box<::regex::Regex>),
    Cidr(Network),
    Compare(Comparison, Scalar),
    Time(TimePart, Comparison, Scalar, Option<i32>),
    Null,
    Exists,
    /// Never holds: its expression does not compile (which the parser refuses).
    Never,
}

impl Check {
    pub fn of(test: &Test, zone_s: Option<i32>) -> Check {
        match test {
            Test::Text(pattern) => Check::Pattern(pattern.clone()),
            Test::Number(number) => Check::Number(number.text().to_owned()),
            Test::Regex(regex) => match regex::compile(regex) {
                Ok(compiled) => Check::Regex(Box::new(compiled)),
                Err(_) => Check::Never,
            },
            Test::Cidr(network) => Check::Cidr(*network),
            Test::Compare(comparison, number) => Check::Compare(*comparison, number.scalar()),
            Test::Time(part, comparison, number) => {
                Check::Time(*part, *comparison, number.scalar(), zone_s)
            }
            Test::Null => Check::Null,
            Test::Exists => Check::Exists,
            Test::Field(_) => Check::Never,
        }
    }

    /// Whether a value passes; [`Check::Null`] is asked of the whole slot besides.
    pub fn passes(&self, value: Value<'_>) -> bool {
        if value.kind == Kind::Null {
            return matches!(self, Check::Null | Check::Exists);
        }
        if !value.kind.is_value() {
            return matches!(self, Check::Exists);
        }
        match self {
            Check::Pattern(pattern) if pattern.is_cased() => pattern.matches(value.text),
            Check::Pattern(pattern) => pattern.matches(value.folded),
            Check::Number(text) => value.folded == text,
            Check::Regex(regex) => regex.is_match(value.text),
            Check::Cidr(network) => value
                .text
                .parse::<IpAddr>()
                .is_ok_and(|address| network.contains(address)),
            Check::Compare(comparison, number) => {
                matches!(value.kind, Kind::Number | Kind::Text)
                    && Scalar::parse(value.text.trim())
                        .is_some_and(|value| comparison.holds(value, *number))
            }
            Check::Time(part, comparison, number, zone_s) => {
                let moment = match value.kind {
                    Kind::Number => {
                        Scalar::parse(value.text).and_then(|n| Moment::of_number(n.as_f64()))
                    }
                    _ => Moment::parse(value.text),
                };
                moment.is_some_and(|moment| {
                    let part = Scalar::Whole(i128::from(moment.part(*part, *zone_s)));
                    comparison.holds(part, *number)
                })
            }
            Check::Exists => true,
            Check::Null | Check::Never => false,
        }
    }
}

/// Whether a value agrees with that of another field.
pub(super) fn agree(left: Value<'_>, right: Value<'_>, anchor: Anchor, cased: bool) -> bool {
    let has_text = |value: Value<'_>| value.kind.is_value();
    if !has_text(left) || !has_text(right) {
        return false;
    }
    let (left, right) = if cased {
        (left.text, right.text)
    } else {
        (left.folded, right.folded)
    };
    match anchor {
        Anchor::Whole => left == right,
        Anchor::Start => left.starts_with(right),
        Anchor::End => left.ends_with(right),
        Anchor::Anywhere => memchr::memmem::find(left.as_bytes(), right.as_bytes()).is_some(),
    }
}
