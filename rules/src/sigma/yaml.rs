//! YAML text → nodes with their places.
//!
//! `saphyr-parser` reads events; the tree is built here, without recursion, so that depth, size and what aliases
//! multiply are bounded as the text is read. Plain scalars are resolved by the core schema of YAML 1.2: `yes`, `no`
//! and dates are texts. A key that stands twice in a map is a fault.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::{Diagnostic, Place};
use super::limits;
use super::number::Number;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub key: String,
    pub place: Place,
    pub node: Node,
    /// Came by `<<`, and goes when the map has the key itself.
    merged: bool,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members()
            .iter()
            .find(|member| member.key == key)
            .map(|member| &member.node)
    }

    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as text: numbers and truth values too.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.text().to_owned()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The items of a list, or the node itself where one value stands for a list of one.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// What kind of thing it is, in words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Documents of a text; what could be read before a fault counts.
pub(super) fn documents(text: &str) -> (Vec<Node>, Vec<Diagnostic>) {
    if let Err(fault) = precheck(text) {
        return (Vec::new(), vec![fault]);
    }
    let mut reader = Reader::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if let Err(fault) = reader.event(event, span) {
                    return (reader.documents, vec![fault]);
                }
            }
            Err(error) => {
                let marker = error.marker();
                let place = Place {
                    line: marker.line(),
                    column: marker.col() + 1,
                };
                let reason = format!("this is not YAML: {}", error.info());
                return (reader.documents, vec![Diagnostic::error(place, reason)]);
            }
        }
    }
    (reader.documents, Vec::new())
}

/// Bounds that need no parser.
fn precheck(text: &str) -> Result<(), Diagnostic> {
    let start = Place { line: 1, column: 1 };
    if text.len() > limits::FILE_BYTES {
        return Err(Diagnostic::error(
            start,
            format!(
                "the file has {} bytes; {} at most: split it",
                text.len(),
                limits::FILE_BYTES
            ),
        ));
    }
    for (index, line) in text.lines().enumerate() {
        let open = line
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'?' | b'[' | b'{'));
        let (mut columns, mut dashes) = (0, 0);
        for byte in open {
            columns += 1;
            dashes += usize::from(!matches!(byte, b' ' | b'\t'));
        }
        // A ruler of dashes or brackets is no nesting, and harmless.
        let nests = line.trim_start().as_bytes().get(1) != Some(&b'-');
        if nests && (columns > limits::INDENTATION || dashes > limits::DASHES) {
            let place = Place {
                line: index + 1,
                column: 1,
            };
            return Err(Diagnostic::error(
                place,
                "lists and maps stand too deep within each other: rules need few levels",
            ));
        }
    }
    Ok(())
}

/// A list or map that is being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, Place)>,
}

#[derive(Default)]
struct Reader {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let place = Place {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let value = if is_text {
                    Value::Text(text.into_owned())
                } else {
                    resolve(&text)
                };
                // A key is its text, whatever it may look like.
                self.add(Node { place, value }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::List(Vec::new()), anchor, place),
            Event::MappingStart(anchor, _) => self.begin(Value::Map(Vec::new()), anchor, place),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(mut open) => {
                    if let Value::Map(members) = &mut open.node.value {
                        settle(members);
                    }
                    self.add(open.node, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Diagnostic::error(
                        place,
                        "the alias names what is not yet complete: write what it stands for",
                    ));
                };
                self.count(size, place)?;
                self.add(Node { place, ..node }, 0)
            }
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes > limits::YAML_NODES {
            return Err(Diagnostic::error(
                place,
                "the file says too much (do aliases repeat aliases?): split it",
            ));
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, anchor: usize, place: Place) -> Result<(), Diagnostic> {
        if self.open.len() >= limits::YAML_DEPTH {
            return Err(Diagnostic::error(
                place,
                format!(
                    "lists and maps stand more than {} levels deep within each other: rules need few",
                    limits::YAML_DEPTH
                ),
            ));
        }
        if let Some(Open {
            node: Node {
                value: Value::Map(_),
                ..
            },
            key: None,
            ..
        }) = self.open.last()
        {
            return Err(Diagnostic::error(
                place,
                "a key must be a text: write it in quotes",
            ));
        }
        self.open.push(Open {
            node: Node { place, value },
            anchor,
            key: None,
        });
        Ok(())
    }

    /// A complete node goes where it belongs.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.count(1, node.place)?;
        if anchor > 0 {
            let size = size(&node);
            self.count(size, node.place)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            if self.documents.len() >= limits::DOCUMENTS {
                return Err(Diagnostic::error(
                    node.place,
                    "the file has too many documents: split it",
                ));
            }
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(members) => match open.key.take() {
                None => {
                    let place = node.place;
                    let key = match node.value {
                        Value::Null => String::new(),
                        _ => node.scalar().ok_or_else(|| {
                            Diagnostic::error(place, "a key must be a text: write it in quotes")
                        })?,
                    };
                    open.key = Some((key, place));
                }
                Some((key, place)) if key == "<<" && !matches!(node.value, Value::Text(_)) => {
                    for part in node.items() {
                        let more = part.members().iter().map(|member| Member {
                            merged: true,
                            ..member.clone()
                        });
                        members.extend(more);
                        if !matches!(part.value, Value::Map(_)) {
                            return Err(Diagnostic::error(place, "<< merges maps only"));
                        }
                    }
                }
                Some((key, place)) => {
                    members.push(Member {
                        key,
                        place,
                        node,
                        merged: false,
                    });
                }
            },
            _ => {}
        }
        Ok(())
    }
}

/// A map's own keys go before those that came by `<<`, and of these the first.
fn settle(members: &mut Vec<Member>) {
    if !members.iter().any(|member| member.merged) {
        return;
    }
    let mut known: HashSet<String> = members
        .iter()
        .filter(|member| !member.merged)
        .map(|member| member.key.clone())
        .collect();
    members.retain(|member| !member.merged || known.insert(member.key.clone()));
}

/// Keys that stand twice, over the whole tree.
pub(super) fn repeated_keys(root: &Node) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        match &node.value {
            Value::List(items) => waiting.extend(items),
            Value::Map(members) => {
                let mut seen = HashMap::new();
                for member in members {
                    if let Some(first) = seen.insert(member.key.as_str(), member.place) {
                        let first: Place = first;
                        faults.push(Diagnostic::error(
                            member.place,
                            format!(
                                "the key {:?} stands here and in line {}: one of them would be lost; give several values as a list",
                                member.key, first.line
                            ),
                        ));
                    }
                    waiting.push(&member.node);
                }
            }
            _ => {}
        }
    }
    faults
}

fn size(node: &Node) -> usize {
    let mut count = 0;
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        count += 1;
        match &node.value {
            Value::List(items) => waiting.extend(items),
            Value::Map(members) => waiting.extend(members.iter().map(|member| &member.node)),
            _ => {}
        }
    }
    count
}

/// The core schema of YAML 1.2.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match Number::of_yaml(text) {
            Some(number) => Value::Number(number),
            None => Value::Text(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_those_of_yaml_1_2() {
        let rows = [
            ("yes", Value::Text("yes".into())),
            ("2026-01-02", Value::Text("2026-01-02".into())),
            ("~", Value::Null),
            ("True", Value::Bool(true)),
            ("'1'", Value::Text("1".into())),
        ];
        for (text, value) in rows {
            let (documents, faults) = documents(&format!("k: {text}"));
            assert_eq!(faults, []);
            assert_eq!(
                documents[0].get("k").expect("a value").value,
                value,
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_text_is_refused() {
        let bomb = (1..40).fold("a0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
            let p = n - 1;
            text + &format!("a{n}: &a{n} [*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p}]\n")
        });
        let rows = [
            "[".repeat(100_000),
            "{a: ".repeat(100_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            format!("a: {}", "[".repeat(100_000)),
            (0..1_000).map(|n| " ".repeat(n) + "a:\n").collect(),
            "x".repeat(limits::FILE_BYTES + 1),
            bomb,
        ];
        for text in rows {
            let (_, faults) = documents(&text);
            assert!(!faults.is_empty(), "{}", &text[..40]);
        }
    }

    #[test]
    fn faults_have_places() {
        let (_, faults) = documents("a: b\nc: [d\n");
        assert!(faults[0].place.line >= 2, "{faults:?}");
        let (documents, _) = documents("a: b\nc:\n  d: 1\n  d: 2\n");
        let faults = repeated_keys(&documents[0]);
        assert_eq!(faults[0].place, Place { line: 4, column: 3 });
    }
}
