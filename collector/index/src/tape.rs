//! A JSON text parsed once, without a copy of its strings: values are spans of the text itself, so that
//! text and values can be handed to an indexing thread together.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Values and keys of one record; more are refused.
pub const MAX_VALUES: usize = 16_384;

/// A place in the text, or in the side buffer for strings that were written with escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    length: u32,
    unescaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Span),
    Key(Span),
    /// Items follow, up to the node at `end`.
    Array {
        end: u32,
    },
    /// Keys and values follow in turn, up to the node at `end`.
    Object {
        end: u32,
    },
}

/// A parsed JSON text.
#[derive(Debug, Clone)]
pub struct Tape {
    text: String,
    unescaped: String,
    nodes: Vec<Node>,
}

/// One value of a [`Tape`].
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    tape: &'a Tape,
    at: usize,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum JsonKind<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Array(Items<'a>),
    Object(Entries<'a>),
}

impl Tape {
    /// Parses one JSON value and nothing after it.
    pub fn parse(text: String) -> Result<Tape, serde_json::Error> {
        let mut builder = Builder {
            base: text.as_ptr() as usize,
            text_bytes: text.len(),
            unescaped: String::new(),
            nodes: Vec::with_capacity(96),
        };
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        Value(&mut builder).deserialize(&mut deserializer)?;
        deserializer.end()?;
        let Builder {
            unescaped, nodes, ..
        } = builder;
        Ok(Tape {
            text,
            unescaped,
            nodes,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn root(&self) -> Json<'_> {
        Json { tape: self, at: 0 }
    }

    fn str(&self, span: Span) -> &str {
        let from = if span.unescaped {
            &self.unescaped
        } else {
            &self.text
        };
        let start = span.start as usize;
        from.get(start..start + span.length as usize).unwrap_or("")
    }

    fn node(&self, at: usize) -> Node {
        self.nodes.get(at).copied().unwrap_or(Node::Null)
    }

    /// The node after the value at `at`.
    fn after(&self, at: usize) -> usize {
        match self.node(at) {
            Node::Array { end } | Node::Object { end } => end as usize,
            _ => at + 1,
        }
    }
}

impl<'a> Json<'a> {
    pub fn kind(self) -> JsonKind<'a> {
        match self.tape.node(self.at) {
            Node::Null => JsonKind::Null,
            Node::Bool(value) => JsonKind::Bool(value),
            Node::Unsigned(value) => JsonKind::Unsigned(value),
            Node::Signed(value) => JsonKind::Signed(value),
            Node::Float(value) => JsonKind::Float(value),
            Node::Text(span) | Node::Key(span) => JsonKind::Text(self.tape.str(span)),
            Node::Array { end } => JsonKind::Array(Items {
                tape: self.tape,
                at: self.at + 1,
                end: end as usize,
            }),
            Node::Object { end } => JsonKind::Object(Entries {
                tape: self.tape,
                at: self.at + 1,
                end: end as usize,
            }),
        }
    }

    /// The value under a key of an object. When a key is repeated, the last counts.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        match self.kind() {
            JsonKind::Object(entries) => entries
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .last(),
            _ => None,
        }
    }

    /// The value at a dotted path through objects.
    pub fn path(self, path: &str) -> Option<Json<'a>> {
        path.split('.').try_fold(self, |value, key| value.get(key))
    }

    pub fn as_str(self) -> Option<&'a str> {
        match self.kind() {
            JsonKind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_u64(self) -> Option<u64> {
        match self.kind() {
            JsonKind::Unsigned(value) => Some(value),
            _ => None,
        }
    }

    pub fn is_object(self) -> bool {
        matches!(self.tape.node(self.at), Node::Object { .. })
    }
}

/// Items of an array.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    tape: &'a Tape,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        (self.at < self.end).then(|| {
            let item = Json {
                tape: self.tape,
                at: self.at,
            };
            self.at = self.tape.after(self.at);
            item
        })
    }
}

/// Keys and values of an object, in the order of the text.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    tape: &'a Tape,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<(&'a str, Json<'a>)> {
        if self.at >= self.end {
            return None;
        }
        let Node::Key(span) = self.tape.node(self.at) else {
            return None;
        };
        let value = Json {
            tape: self.tape,
            at: self.at + 1,
        };
        self.at = self.tape.after(self.at + 1);
        Some((self.tape.str(span), value))
    }
}

struct Builder {
    base: usize,
    text_bytes: usize,
    unescaped: String,
    nodes: Vec<Node>,
}

impl Builder {
    fn push<E: de::Error>(&mut self, node: Node) -> Result<usize, E> {
        if self.nodes.len() >= MAX_VALUES {
            return Err(E::custom(format_args!("more than {MAX_VALUES} values")));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// The span of a string that lies in the text.
    fn borrowed<E: de::Error>(&mut self, text: &str) -> Result<Span, E> {
        match (text.as_ptr() as usize).checked_sub(self.base) {
            Some(start) if start + text.len() <= self.text_bytes => span(start, text.len(), false),
            _ => self.owned(text),
        }
    }

    fn owned<E: de::Error>(&mut self, text: &str) -> Result<Span, E> {
        let start = self.unescaped.len();
        self.unescaped.push_str(text);
        span(start, text.len(), true)
    }

    fn close<E: de::Error>(&mut self, at: usize, make: fn(u32) -> Node) -> Result<(), E> {
        let end = u32::try_from(self.nodes.len()).map_err(|_| E::custom("too many values"))?;
        if let Some(node) = self.nodes.get_mut(at) {
            *node = make(end);
        }
        Ok(())
    }
}

fn span<E: de::Error>(start: usize, length: usize, unescaped: bool) -> Result<Span, E> {
    match (u32::try_from(start), u32::try_from(length)) {
        (Ok(start), Ok(length)) => Ok(Span {
            start,
            length,
            unescaped,
        }),
        _ => Err(E::custom("text of 4 GiB or more")),
    }
}

struct Value<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.push(Node::Null).map(drop)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.0.push(Node::Bool(value)).map(drop)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.0.push(Node::Unsigned(value)).map(drop)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.0.push(Node::Signed(value)).map(drop)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.push(Node::Float(value)).map(drop)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        let span = self.0.borrowed(text)?;
        self.0.push(Node::Text(span)).map(drop)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let span = self.0.owned(text)?;
        self.0.push(Node::Text(span)).map(drop)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let at = self.0.push(Node::Array { end: 0 })?;
        while items.next_element_seed(Value(self.0))?.is_some() {}
        self.0.close(at, |end| Node::Array { end })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let at = self.0.push(Node::Object { end: 0 })?;
        while entries.next_key_seed(Key(self.0))?.is_some() {
            entries.next_value_seed(Value(self.0))?;
        }
        self.0.close(at, |end| Node::Object { end })
    }
}

struct Key<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        let span = self.0.borrowed(text)?;
        self.0.push(Node::Key(span)).map(drop)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        let span = self.0.owned(text)?;
        self.0.push(Node::Key(span)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rebuilt(json: Json<'_>) -> serde_json::Value {
        match json.kind() {
            JsonKind::Null => serde_json::Value::Null,
            JsonKind::Bool(value) => value.into(),
            JsonKind::Unsigned(value) => value.into(),
            JsonKind::Signed(value) => value.into(),
            JsonKind::Float(value) => value.into(),
            JsonKind::Text(value) => value.into(),
            JsonKind::Array(items) => items.map(rebuilt).collect(),
            JsonKind::Object(entries) => entries
                .map(|(key, value)| (key.to_owned(), rebuilt(value)))
                .collect(),
        }
    }

    fn check(text: &str) {
        let ours = Tape::parse(text.to_owned()).map(|tape| rebuilt(tape.root()));
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(expected) => assert_eq!(ours.expect("it parses"), expected, "{text}"),
            Err(_) => assert!(ours.is_err(), "{text}"),
        }
    }

    #[test]
    fn values_are_those_of_the_text() {
        for text in [
            "{}",
            "[]",
            r#"{"a":1,"b":[-1,2.5,null,true,[],{}],"c":{"d":"x\n\u1ec7y","e\"":"đ"}}"#,
            r#"{"a":1} x"#,
            r#"{"a":1"#,
            r#"{"a":"\ud800"}"#,
            "",
        ] {
            check(text);
        }
    }

    #[test]
    fn paths_lead_through_objects() {
        let tape = Tape::parse(r#"{"a":{"b":1,"b":2},"c":"d"}"#.to_owned()).expect("valid");
        assert_eq!(tape.root().path("a.b").and_then(Json::as_u64), Some(2));
        assert_eq!(tape.root().path("c").and_then(Json::as_str), Some("d"));
        assert!(tape.root().path("c.d").is_none());
    }

    #[test]
    fn too_many_values_are_refused() {
        let text = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(Tape::parse(text).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in "[\\[\\]{},:\"0-9a\\\\nu.e -]{0,40}") {
            check(&text);
        }
    }
}
