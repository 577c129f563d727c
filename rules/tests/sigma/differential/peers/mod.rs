//! Other engines, and where they are known to answer otherwise than the specification: only there they are not asked.
//!
//! Each [`Exception`] has its reason and a case that shows it. The case is tried too: an exception that no longer stands
//! fails the tests, and goes.

mod rsigma;
mod sigma_rust;

use rules::sigma::ast::{Expr, FieldTest, Test};
use rules::sigma::{Pattern, Token};
use serde_json::Value;

/// Another engine.
pub struct Peer {
    pub name: &'static str,
    pub read: fn(&str) -> Result<Judge, String>,
    pub exceptions: &'static [Exception],
}

pub const PEERS: &[Peer] = &[sigma_rust::PEER, rsigma::PEER];

/// A rule of another engine: whether it matches an event.
pub type Judge = Box<dyn Fn(&Value) -> bool>;

/// What a peer is known to do otherwise.
pub struct Exception {
    pub why: &'static str,
    pub applies: fn(&Case) -> bool,
    /// The detection of a rule, an event, and the right answer, which the peer does not give.
    pub shown: (&'static str, &'static str, bool),
}

/// A rule before an event.
pub struct Case<'a> {
    pub text: &'a str,
    pub rule: &'a Expr,
    pub event: &'a Value,
}

impl Case<'_> {
    fn any(&self, holds: fn(&Leaf) -> bool) -> bool {
        any(self.rule, holds)
    }

    fn any_pattern(&self, holds: fn(&Pattern) -> bool) -> bool {
        let mut found = false;
        each(self.rule, &mut |leaf| {
            found |= matches!(leaf.test(), Test::Text(pattern) if holds(pattern));
        });
        found
    }

    fn says(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    /// Whether any value in the event is so.
    fn event_has(&self, holds: fn(&Value) -> bool) -> bool {
        has(self.event, holds)
    }

    /// Whether the event lacks a field that the rule tests.
    fn lacks_a_field(&self) -> bool {
        let mut lacks = false;
        each(self.rule, &mut |leaf| {
            if let Leaf::Field(field) = leaf {
                lacks |= self.event.get(&field.field).is_none();
            }
        });
        lacks
    }
}

/// A test of a rule.
pub enum Leaf<'a> {
    Field(&'a FieldTest),
    Keyword(&'a Test),
}

impl Leaf<'_> {
    fn test(&self) -> &Test {
        match self {
            Leaf::Field(field) => &field.test,
            Leaf::Keyword(test) => test,
        }
    }

    fn is_keyword(&self) -> bool {
        matches!(self, Leaf::Keyword(_))
    }
}

fn each<'a>(rule: &'a Expr, visit: &mut dyn FnMut(&Leaf<'a>)) {
    match rule {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| each(part, visit)),
        Expr::Not(inner) => each(inner, visit),
        Expr::Field(field) => visit(&Leaf::Field(field)),
        Expr::Keyword(test) => visit(&Leaf::Keyword(test)),
    }
}

fn any(rule: &Expr, holds: fn(&Leaf) -> bool) -> bool {
    let mut found = false;
    each(rule, &mut |leaf| found |= holds(leaf));
    found
}

fn has(value: &Value, holds: fn(&Value) -> bool) -> bool {
    holds(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| has(item, holds)),
            Value::Object(members) => members.values().any(|member| has(member, holds)),
            _ => false,
        }
}

/// Whether something is open within the pattern, not at its ends only.
fn is_open_within(pattern: &Pattern) -> bool {
    pattern.simple().is_none() && !pattern.tokens().contains(&Token::Dash)
}

/// Whether a text is written with marks apart from their letters.
fn is_decomposed(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| !unicode_normalization::is_nfc(text))
}
