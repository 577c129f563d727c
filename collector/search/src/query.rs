//! Times of a query that depend on when it is asked.

pub use sensor_query::{Limit, Node, Position, Test};

use collector_index::parse_timestamp;

use crate::moment::Clock;

const DAY_MICROS: i64 = 86_400_000_000;

/// The tree with the times that are counted from now, or name a day, turned into fixed ones.
#[must_use]
pub fn settled(node: Node, clock: Clock) -> Node {
    let all = |nodes: Vec<Node>| nodes.into_iter().map(|node| settled(node, clock)).collect();
    match node {
        Node::And(nodes) => Node::And(all(nodes)),
        Node::Or(nodes) => Node::Or(all(nodes)),
        Node::Not(node) => Node::Not(Box::new(settled(*node, clock))),
        Node::Field {
            path,
            test,
            position,
        } if path == "timestamp" => Node::Field {
            test: settled_test(test, clock),
            path,
            position,
        },
        other => other,
    }
}

fn settled_test(test: Test, clock: Clock) -> Test {
    let fixed = |text: String| clock.read(&text).map_or(text, written);
    match test {
        // One day, or everything since a moment that is counted from now.
        Test::Is(text) if parse_timestamp(&text).is_none() => match clock.read(&text) {
            Some(from) if text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit()) => {
                Test::Range {
                    lower: Limit::Including(written(from)),
                    upper: Limit::Excluding(written(from.saturating_add(DAY_MICROS))),
                }
            }
            Some(from) => Test::Range {
                lower: Limit::Including(written(from)),
                upper: Limit::Open,
            },
            None => Test::Is(text),
        },
        Test::Range { lower, upper } => {
            let fixed = |limit: Limit| match limit {
                Limit::Open => Limit::Open,
                Limit::Including(text) => Limit::Including(fixed(text)),
                Limit::Excluding(text) => Limit::Excluding(fixed(text)),
            };
            Test::Range {
                lower: fixed(lower),
                upper: fixed(upper),
            }
        }
        other => other,
    }
}

/// A time as [`parse_timestamp`] reads it.
fn written(micros: i64) -> String {
    let rest = micros.rem_euclid(DAY_MICROS);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let day = collector_index::Day::of(micros);
    format!(
        "{day}T{hours:02}:{minutes:02}:{:02}.{fraction:06}Z",
        seconds % 60
    )
}
