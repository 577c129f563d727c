//! What a query means, apart from any engine.

use std::fmt;

use collector_index::parse_timestamp;

use crate::moment::Clock;

const DAY_MICROS: i64 = 86_400_000_000;

/// Where in the query's text something stands: characters from the beginning.
pub type Position = usize;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Everything.
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Words anywhere in the event; more than one is a phrase.
    Words(String),
    /// The beginning of a word anywhere in the event.
    WordPrefix(String),
    Field {
        /// EVE path, aliases resolved; `ip` and `port` stand for either side.
        path: String,
        test: Test,
        position: Position,
    },
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Exists,
    Is(String),
    /// With `*` for any characters.
    Like(String),
    Range {
        lower: Limit,
        upper: Limit,
    },
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    Open,
    Including(String),
    Excluding(String),
}

impl Node {
    /// The tree with the times that are counted from now, or name a day, turned into fixed ones.
    #[must_use]
    pub fn settled(self, clock: Clock) -> Node {
        let all = |nodes: Vec<Node>| nodes.into_iter().map(|node| node.settled(clock)).collect();
        match self {
            Node::And(nodes) => Node::And(all(nodes)),
            Node::Or(nodes) => Node::Or(all(nodes)),
            Node::Not(node) => Node::Not(Box::new(node.settled(clock))),
            Node::Field {
                path,
                test,
                position,
            } if path == "timestamp" => Node::Field {
                test: test.settled(clock),
                path,
                position,
            },
            other => other,
        }
    }
}

impl Test {
    fn settled(self, clock: Clock) -> Test {
        let fixed = |text: String| clock.read(&text).map_or(text, written);
        match self {
            // One day, or everything since a moment that is counted from now.
            Test::Is(text) if parse_timestamp(&text).is_none() => match clock.read(&text) {
                Some(from)
                    if text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit()) =>
                {
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

/// The tree in one line, as `/search/validate` shows it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, nodes: &[Node], word: &str| {
            write!(f, "(")?;
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{node}")?;
            }
            write!(f, ")")
        };
        match self {
            Node::All => write!(f, "*"),
            Node::And(nodes) => list(f, nodes, "AND"),
            Node::Or(nodes) => list(f, nodes, "OR"),
            Node::Not(node) => write!(f, "NOT {node}"),
            Node::Words(words) => write!(f, "{words:?}"),
            Node::WordPrefix(prefix) => write!(f, "{prefix}*"),
            Node::Field { path, test, .. } => write!(f, "{path}:{test}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Exists => write!(f, "*"),
            Test::Is(value) => write!(f, "{value:?}"),
            Test::Like(pattern) => write!(f, "{pattern}"),
            Test::Range { lower, upper } => {
                let (open, from) = match lower {
                    Limit::Open => ('[', "*"),
                    Limit::Including(value) => ('[', value.as_str()),
                    Limit::Excluding(value) => ('{', value.as_str()),
                };
                let (close, to) = match upper {
                    Limit::Open => (']', "*"),
                    Limit::Including(value) => (']', value.as_str()),
                    Limit::Excluding(value) => ('}', value.as_str()),
                };
                write!(f, "{open}{from} TO {to}{close}")
            }
        }
    }
}
