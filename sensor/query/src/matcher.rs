//! Whether a record matches a query, one record at a time.
//!
//! What the index would find is found here, and nothing else: terms are folded and cut as there, a value under a path
//! may be any member of a list on the way, and a number is found as the number that it is.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::{Bound, RangeBounds};

use serde_json::Value;

use crate::tree::{Limit, Node, Test};
use crate::{
    FOUND_BY_PART, Kind, MAX_KEYWORD_BYTES, MAX_WORD_BYTES, NOT_JSON, NOT_WORDS, Network, cut,
    fold, kind_of, matches, parse_timestamp, sides,
};

/// Bytes of a tree as it travels; a query's text is shorter.
pub const MAX_TREE_BYTES: usize = 64 << 10;
/// Nodes of a tree.
pub const MAX_NODES: usize = 1_024;

/// Why records cannot be matched with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the query is no tree that this version knows: {0}")]
    Unknown(String),
    #[error("the query has more than {MAX_NODES} parts or {MAX_TREE_BYTES} bytes")]
    TooLarge,
    #[error("{path}: {value:?} cannot be compared with its values")]
    Unfit { path: String, value: String },
}

/// What is known of a record beside its text.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Id of the sensor.
    pub sensor: &'a str,
    /// Name of its priority class.
    pub class: &'a str,
}

/// A query ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    root: Check,
}

#[derive(Debug)]
enum Check {
    All,
    And(Vec<Check>),
    Or(Vec<Check>),
    Not(Box<Check>),
    /// Folded words that follow one another.
    Words(Vec<String>),
    /// What a word begins with, folded.
    WordPrefix(String),
    Field(Path, Compare),
}

#[derive(Debug)]
struct Path {
    text: String,
    kind: Kind,
}

#[derive(Debug)]
enum Compare {
    Exists,
    Text(Text),
    Number((Bound<u64>, Bound<u64>)),
    Address((Bound<Ipv6Addr>, Bound<Ipv6Addr>)),
    Time((Bound<i64>, Bound<i64>)),
    /// Of JSON: a text, a number or a truth.
    Any {
        text: Text,
        number: Option<Number>,
        truth: Option<bool>,
    },
    Numbers((Bound<Number>, Bound<Number>)),
}

#[derive(Debug)]
enum Text {
    Is(String),
    Part(String),
    Like(String),
    Between((Bound<String>, Bound<String>)),
}

/// A number as JSON has it: signed if it fits, else unsigned, else a fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Fraction(f64),
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        let float = |number: &Number| match *number {
            Number::Whole(whole) => whole as f64,
            Number::Fraction(fraction) => fraction,
        };
        match (self, other) {
            (Number::Whole(one), Number::Whole(other)) => one.partial_cmp(other),
            _ => float(self).partial_cmp(&float(other)),
        }
    }
}

impl Number {
    fn of_text(text: &str) -> Option<Number> {
        let whole = text.parse::<i64>().map(i128::from);
        let whole = whole.or_else(|_| text.parse::<u64>().map(i128::from));
        whole.map(Number::Whole).ok().or_else(|| {
            let fraction = text.parse().ok().filter(|value: &f64| value.is_finite());
            fraction.map(Number::Fraction)
        })
    }

    fn of_json(number: &serde_json::Number) -> Option<Number> {
        let whole = number.as_i64().map(i128::from);
        whole
            .or_else(|| number.as_u64().map(i128::from))
            .map(Number::Whole)
            .or_else(|| number.as_f64().map(Number::Fraction))
    }
}

impl Matcher {
    /// A matcher of a tree as it travels, JSON.
    ///
    /// # Errors
    /// When it is too large, of a version that this one does not know, or compares a field with what it cannot be.
    pub fn read(json: &[u8]) -> Result<Matcher, Fault> {
        if json.len() > MAX_TREE_BYTES {
            return Err(Fault::TooLarge);
        }
        let node: Node =
            serde_json::from_slice(json).map_err(|error| Fault::Unknown(error.to_string()))?;
        Matcher::new(&node)
    }

    /// # Errors
    /// As [`Matcher::read`].
    pub fn new(node: &Node) -> Result<Matcher, Fault> {
        let mut left = MAX_NODES;
        Ok(Matcher {
            root: check(node, &mut left)?,
        })
    }

    pub fn matches(&self, record: &Value, place: Place<'_>) -> bool {
        self.root.holds(record, place)
    }
}

fn check(node: &Node, left: &mut usize) -> Result<Check, Fault> {
    *left = left.checked_sub(1).ok_or(Fault::TooLarge)?;
    let mut all = |nodes: &[Node]| -> Result<Vec<Check>, Fault> {
        nodes.iter().map(|node| check(node, left)).collect()
    };
    Ok(match node {
        Node::All => Check::All,
        Node::And(nodes) => Check::And(all(nodes)?),
        Node::Or(nodes) => Check::Or(all(nodes)?),
        Node::Not(node) => Check::Not(Box::new(check(node, left)?)),
        Node::Words(text) => {
            let folded = fold(text);
            Check::Words(words(&folded).map(str::to_owned).collect())
        }
        Node::WordPrefix(prefix) => Check::WordPrefix(fold(prefix).into_owned()),
        Node::Field { path, test, .. } => match sides(path) {
            [] => field(path, test)?,
            paths => {
                let either = paths.iter().map(|path| field(path, test));
                Check::Or(either.collect::<Result<_, _>>()?)
            }
        },
    })
}

fn field(path: &str, test: &Test) -> Result<Check, Fault> {
    let kind = kind_of(path);
    let unfit = |value: &str| Fault::Unfit {
        path: path.to_owned(),
        value: value.to_owned(),
    };
    let compare = match (test, kind) {
        (Test::Exists, _) => Compare::Exists,
        (Test::Is(value), _) if FOUND_BY_PART.contains(&path) => {
            Compare::Text(Text::Part(fold(value).replace('*', "")))
        }
        (Test::Is(value), Kind::Text) => {
            return Ok(Check::Words(vec![
                cut(&fold(value), MAX_WORD_BYTES).to_owned(),
            ]));
        }
        (Test::Is(value), Kind::Keyword) => Compare::Text(Text::Is(term(value))),
        (Test::Is(value), Kind::Json) => Compare::Any {
            text: Text::Is(term(value)),
            number: Number::of_text(value),
            truth: value.parse().ok(),
        },
        (Test::Is(value), Kind::Ip) => {
            let network = Network::parse(value).ok_or_else(|| unfit(value))?;
            Compare::Address((
                Bound::Included(network.first),
                Bound::Included(network.last),
            ))
        }
        (Test::Is(value), Kind::Number) => {
            let number = value.parse().map_err(|_| unfit(value))?;
            Compare::Number((Bound::Included(number), Bound::Included(number)))
        }
        (Test::Is(value), Kind::Date) => {
            let time = parse_timestamp(value).ok_or_else(|| unfit(value))?;
            Compare::Time((Bound::Included(time), Bound::Included(time)))
        }
        (Test::Like(pattern), Kind::Keyword | Kind::Json) => {
            Compare::Text(Text::Like(fold(pattern).into_owned()))
        }
        (Test::Like(pattern), _) => return Err(unfit(pattern)),
        (Test::Range { lower, upper }, _) => range(kind, lower, upper, &unfit)?,
    };
    let path = Path {
        text: path.to_owned(),
        kind,
    };
    Ok(Check::Field(path, compare))
}

fn range(
    kind: Kind,
    lower: &Limit,
    upper: &Limit,
    unfit: &dyn Fn(&str) -> Fault,
) -> Result<Compare, Fault> {
    fn both<T>(
        (lower, upper): (&Limit, &Limit),
        read: impl Fn(&str, bool) -> Option<T>,
        unfit: &dyn Fn(&str) -> Fault,
    ) -> Result<(Bound<T>, Bound<T>), Fault> {
        let bound = |limit: &Limit, last: bool| -> Result<Bound<T>, Fault> {
            let read = |text: &str, last| read(text, last).ok_or_else(|| unfit(text));
            Ok(match limit {
                Limit::Open => Bound::Unbounded,
                // An excluded network is excluded whole.
                Limit::Including(text) => Bound::Included(read(text, last)?),
                Limit::Excluding(text) => Bound::Excluded(read(text, !last)?),
            })
        };
        Ok((bound(lower, false)?, bound(upper, true)?))
    }
    let ends = (lower, upper);
    let texts = || {
        let ends = both(ends, |text, _| Some(fold(text).into_owned()), unfit)?;
        Ok(Compare::Text(Text::Between(ends)))
    };
    Ok(match kind {
        Kind::Date => Compare::Time(both(ends, |text, _| parse_timestamp(text), unfit)?),
        Kind::Number => Compare::Number(both(ends, |text, _| text.parse().ok(), unfit)?),
        Kind::Ip => {
            let end = |text: &str, last| {
                let network = Network::parse(text)?;
                Some(if last { network.last } else { network.first })
            };
            Compare::Address(both(ends, end, unfit)?)
        }
        // One kind for both ends: "10" and "9z" are texts.
        Kind::Json => match both(ends, |text, _| Number::of_text(text), unfit) {
            Ok(numbers) => Compare::Numbers(numbers),
            Err(_) => texts()?,
        },
        Kind::Keyword | Kind::Text => texts()?,
    })
}

fn term(value: &str) -> String {
    cut(&fold(value), MAX_KEYWORD_BYTES).to_owned()
}

/// The words of a folded text.
fn words(folded: &str) -> impl Iterator<Item = &str> + Clone {
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| cut(word, MAX_WORD_BYTES))
}

impl Check {
    fn holds(&self, record: &Value, place: Place<'_>) -> bool {
        match self {
            Check::All => true,
            Check::And(checks) => checks.iter().all(|check| check.holds(record, place)),
            Check::Or(checks) => checks.iter().any(|check| check.holds(record, place)),
            Check::Not(check) => !check.holds(record, place),
            // Punctuation alone asks for nothing.
            Check::Words(wanted) if wanted.is_empty() => true,
            Check::Words(wanted) => any_text(record, &mut |text| has_words(text, wanted)),
            Check::WordPrefix(prefix) => any_text(record, &mut |text| {
                words(&fold(text)).any(|word| word.starts_with(prefix.as_str()))
            }),
            Check::Field(path, compare) => compare.holds_at(path, record, place),
        }
    }
}

fn has_words(text: &str, wanted: &[String]) -> bool {
    let folded = fold(text);
    let mut rest = words(&folded);
    loop {
        let mut from_here = rest.clone();
        if wanted.iter().all(|word| from_here.next() == Some(word)) {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

/// Whether one of the texts below a value fits. The depth of JSON is limited by its parser.
fn any_text(value: &Value, fits: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) => fits(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, fits)),
        Value::Object(entries) => entries
            .iter()
            .filter(|(name, _)| !NOT_WORDS.contains(&name.as_str()))
            .any(|(_, value)| any_text(value, fits)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether one of the values under a path fits; members of lists on the way count each.
fn any_value(value: &Value, path: &str, fits: &mut dyn FnMut(&Value) -> bool) -> bool {
    if let Value::Array(items) = value {
        return items.iter().any(|item| any_value(item, path, fits));
    }
    if path.is_empty() {
        return fits(value);
    }
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    value
        .get(name)
        .is_some_and(|below| any_value(below, rest, fits))
}

impl Compare {
    fn holds_at(&self, path: &Path, record: &Value, place: Place<'_>) -> bool {
        match path.text.as_str() {
            "matluoi.sensor" => return self.holds_text(place.sensor),
            "matluoi.class" => return self.holds_text(place.class),
            text if path.kind == Kind::Json
                && NOT_JSON.contains(&text.split('.').next().unwrap_or_default()) =>
            {
                return false;
            }
            _ => {}
        }
        any_value(record, &path.text, &mut |value| {
            self.holds(path.kind, value)
        })
    }

    fn holds_text(&self, text: &str) -> bool {
        match self {
            Compare::Exists => true,
            Compare::Text(wanted) => wanted.holds(text),
            _ => false,
        }
    }

    fn holds(&self, kind: Kind, value: &Value) -> bool {
        match (self, value) {
            (Compare::Exists, value) => match kind {
                Kind::Date | Kind::Keyword | Kind::Text => value.is_string(),
                Kind::Number => value.is_u64(),
                Kind::Ip => address(value).is_some(),
                Kind::Json => has_leaf(value),
            },
            (Compare::Text(wanted), Value::String(text)) => wanted.holds(text),
            (Compare::Number(wanted), Value::Number(number)) => number
                .as_u64()
                .is_some_and(|number| wanted.contains(&number)),
            (Compare::Address(wanted), value) => {
                address(value).is_some_and(|address| wanted.contains(&address))
            }
            (Compare::Time(wanted), Value::String(text)) => {
                parse_timestamp(text).is_some_and(|time| wanted.contains(&time))
            }
            (Compare::Any { text, .. }, Value::String(value)) => text.holds(value),
            (Compare::Any { number, .. }, Value::Number(value)) => {
                number.is_some() && Number::of_json(value) == *number
            }
            (Compare::Any { truth, .. }, Value::Bool(value)) => *truth == Some(*value),
            (Compare::Numbers(wanted), Value::Number(number)) => {
                Number::of_json(number).is_some_and(|number| wanted.contains(&number))
            }
            _ => false,
        }
    }
}

fn has_leaf(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(has_leaf),
        Value::Object(entries) => entries.values().any(has_leaf),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// An address, IPv4 mapped into IPv6.
fn address(value: &Value) -> Option<Ipv6Addr> {
    Some(match value.as_str()?.parse().ok()? {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    })
}

impl Text {
    fn holds(&self, text: &str) -> bool {
        let folded = fold(text);
        let folded = cut(&folded, MAX_KEYWORD_BYTES);
        match self {
            Text::Is(wanted) => folded == wanted,
            Text::Part(part) => folded.contains(part.as_str()),
            Text::Like(pattern) => matches(pattern.as_bytes(), folded.as_bytes()),
            Text::Between(ends) => ends.contains(&folded.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const HERE: Place<'_> = Place {
        sensor: "cảm-biến",
        class: "record",
    };

    fn is(path: &str, value: &str) -> Node {
        Node::Field {
            path: path.to_owned(),
            test: Test::Is(value.to_owned()),
            position: 0,
        }
    }

    #[test]
    fn a_tree_travels_and_its_limits_hold() {
        let node = Node::And(vec![
            Node::Not(Box::new(is("port", "80"))),
            Node::Words("quét cổng".to_owned()),
            is("matluoi.sensor", "CẢM-BIẾN"),
        ]);
        let json = serde_json::to_vec(&node).expect("a tree is JSON");
        let matcher = Matcher::read(&json).expect("it is read");
        let record = json!({ "src_port": 81, "a": [{ "b": "Quét - cổng" }] });
        assert!(matcher.matches(&record, HERE));
        let other = json!({ "dest_port": 80, "a": [{ "b": "Quét - cổng" }] });
        assert!(!matcher.matches(&other, HERE));

        let many = Node::Or(vec![Node::All; MAX_NODES]);
        assert_eq!(Matcher::new(&many).err(), Some(Fault::TooLarge));
        let long = vec![b' '; MAX_TREE_BYTES + 1];
        assert_eq!(Matcher::read(&long).err(), Some(Fault::TooLarge));
        let deep = "{\"not\":".repeat(1_000);
        for unknown in [deep.as_str(), "{\"regex\":\"a\"}", "", "7"] {
            assert!(matches!(
                Matcher::read(unknown.as_bytes()),
                Err(Fault::Unknown(_))
            ));
        }
        assert!(matches!(
            Matcher::new(&is("src_ip", "nowhere")),
            Err(Fault::Unfit { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_tree_makes_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Matcher::read(&bytes);
        }
    }
}
