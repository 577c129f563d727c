//! What a query means, apart from any engine.

use std::fmt;

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
