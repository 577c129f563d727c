//! The tree of a query.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where in the query's text something stands: characters from the beginning.
pub type Position = usize;

/// A query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// Everything.
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Words anywhere in the record; more than one is a phrase.
    Words(String),
    /// The beginning of a word anywhere in the record.
    WordPrefix(String),
    Field {
        /// EVE path, aliases resolved; `ip` and `port` stand for either side.
        path: String,
        test: Test,
        /// Not part of what travels.
        #[serde(skip)]
        position: Position,
    },
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Open,
    Including(String),
    Excluding(String),
}

impl Node {
    /// Tests of fields, wherever they stand in the tree.
    pub fn fields(&self) -> Vec<(&str, Position)> {
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().flat_map(Node::fields).collect(),
            Node::Not(node) => node.fields(),
            Node::Field { path, position, .. } => vec![(path, *position)],
            Node::All | Node::Words(_) | Node::WordPrefix(_) => Vec::new(),
        }
    }
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
