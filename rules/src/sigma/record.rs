//! An event as the matcher sees it: values by slot, filled from JSON text in one pass.
//!
//! A [`Plan`] lists what rules read (the slots) as a tree over dotted paths. [`Record`] holds the values of one
//! event; its buffers are used again for the next, so that nothing is allocated once they have grown. Text is kept
//! composed (NFC) and, beside that, without case; both are one range where they are the same.
//!
//! The path `a.b.c` names the value however its keys are cut: `{"a": {"b": {"c": 1}}}` as well as
//! `{"a.b": {"c": 1}}`; where an event has several, the one with the fewest levels counts. Lists are looked through:
//! each element is a value.

use std::collections::HashMap;

use super::fold;
use super::limits;
use super::number::{Number, Scalar};
use super::pipeline::{Source, Take};
use super::rpc;

/// A value that rules read, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot(pub u32);

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SlotKey {
    Path(String),
    Derived(Source),
    /// All values below objects; none: of the whole event.
    Under(Vec<String>),
}

/// What of events is looked at.
#[derive(Debug, Default)]
pub(super) struct Plan {
    slots: HashMap<SlotKey, Slot>,
    nodes: Vec<PathNode>,
    derived: Vec<Derived>,
    derivations: HashMap<Slot, Derivation>,
}

/// Place in the derived values of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Derivation(usize);

#[derive(Debug, Default)]
struct PathNode {
    /// Dotted paths below, all of them, by the length and the text from here on.
    children: Vec<Vec<Child>>,
    slot: Option<Slot>,
    /// Slots that take every value from here on.
    under: Vec<Slot>,
    /// Whether anything below is wanted.
    depth: u32,
}

#[derive(Debug)]
struct Child {
    ends: [u8; 2],
    node: u32,
    name: Box<str>,
}

#[derive(Debug)]
struct Derived {
    slot: Slot,
    input: Slot,
    second: Option<Slot>,
    take: Take,
}

const ROOT: u32 = 0;
/// So many names are looked through one by one.
const FEW: usize = 8;

impl Plan {
    pub fn new() -> Plan {
        Plan {
            nodes: vec![PathNode::default()],
            ..Plan::default()
        }
    }

    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How a slot is computed, where it is computed of others.
    pub fn derivation(&self, slot: Slot) -> Option<Derivation> {
        self.derivations.get(&slot).copied()
    }

    pub fn path(&mut self, path: &str) -> Slot {
        self.slot(SlotKey::Path(path.to_owned()))
    }

    pub fn source(&mut self, source: &Source) -> Slot {
        match source.take {
            Take::Whole => self.path(&source.path),
            _ => self.slot(SlotKey::Derived(source.clone())),
        }
    }

    pub fn under(&mut self, objects: &[String]) -> Slot {
        self.slot(SlotKey::Under(objects.to_vec()))
    }

    fn slot(&mut self, key: SlotKey) -> Slot {
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        let derived = match &key {
            SlotKey::Derived(source) => Some(self.inputs(source)),
            _ => None,
        };
        let slot = Slot(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.insert(key.clone(), slot);
        match key {
            SlotKey::Path(path) => {
                let node = self.node(&path);
                if let Some(node) = self.nodes.get_mut(node as usize) {
                    node.slot = Some(slot);
                }
            }
            SlotKey::Under(objects) if objects.is_empty() => {
                if let Some(root) = self.nodes.get_mut(ROOT as usize) {
                    root.under.push(slot);
                }
            }
            SlotKey::Under(objects) => {
                for object in objects {
                    let node = self.node(&object);
                    if let Some(node) = self.nodes.get_mut(node as usize) {
                        node.under.push(slot);
                    }
                }
            }
            SlotKey::Derived(source) => {
                let (input, second) = derived.unwrap_or((slot, None));
                self.derivations
                    .insert(slot, Derivation(self.derived.len()));
                self.derived.push(Derived {
                    slot,
                    input,
                    second,
                    take: source.take,
                });
            }
        }
        slot
    }

    fn inputs(&mut self, source: &Source) -> (Slot, Option<Slot>) {
        match &source.take {
            Take::Absolute { host: second } | Take::RpcOperation { opnum: second } => {
                (self.path(&source.path), Some(self.path(second)))
            }
            Take::Header { .. } | Take::BasicUser { .. } => (
                self.path(&format!("{}.name", source.path)),
                Some(self.path(&format!("{}.value", source.path))),
            ),
            _ => (self.path(&source.path), None),
        }
    }

    /// The node of a path; every node on its way knows it by the rest of the path.
    fn node(&mut self, path: &str) -> u32 {
        let mut node = ROOT;
        if let Some((from, _)) = path.rmatch_indices('.').next()
            && let Some(parent) = path.get(..from)
            && !parent.is_empty()
            && path.len() <= limits::FIELD_BYTES
        {
            node = self.node(parent);
        }
        let parent = node;
        let last = path.rsplit('.').next().unwrap_or(path);
        let own = if parent == ROOT { path } else { last };
        if let Some(found) = self.child(parent, own) {
            return found;
        }
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(PathNode::default());
        // From every ancestor, by the rest of the path.
        let mut start = Some(0);
        let mut ancestor = ROOT;
        while let Some(at) = start {
            let rest = path.get(at..).unwrap_or_default();
            if let Some(node) = self.nodes.get_mut(ancestor as usize) {
                node.add(rest, new);
                node.depth += 1;
            }
            start = rest.find('.').map(|dot| at + dot + 1);
            if let Some(next) = start {
                let prefix = path.get(..next - 1).unwrap_or_default();
                match self.child(ROOT, prefix) {
                    Some(found) => ancestor = found,
                    None => break,
                }
            }
        }
        new
    }

    fn child(&self, node: u32, key: &str) -> Option<u32> {
        self.nodes.get(node as usize)?.child(key)
    }
}

impl PathNode {
    fn add(&mut self, name: &str, node: u32) {
        if self.children.len() <= name.len() {
            self.children.resize_with(name.len() + 1, Vec::new);
        }
        if let Some(same) = self.children.get_mut(name.len()) {
            let ends = ends(name);
            let place = same.partition_point(|own| (own.ends, own.name.as_ref()) < (ends, name));
            let name = name.into();
            same.insert(place, Child { ends, node, name });
        }
    }

    fn child(&self, key: &str) -> Option<u32> {
        let same = self.children.get(key.len())?;
        let ends = ends(key);
        let found = if same.len() > FEW {
            let place = |own: &Child| (own.ends, own.name.as_ref()).cmp(&(ends, key));
            same.get(same.binary_search_by(place).ok()?)
        } else {
            let mut named = same.iter();
            named.find(|own| own.ends == ends && own.name.as_ref() == key)
        };
        found.map(|own| own.node)
    }
}

/// First and last byte: most names of one length differ in them.
fn ends(name: &str) -> [u8; 2] {
    let bytes = name.as_bytes();
    [
        bytes.first().copied().unwrap_or_default(),
        bytes.last().copied().unwrap_or_default(),
    ]
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Text,
    Number,
    Bool,
    /// There, but without a value of its own; the elements of a list stand beside it.
    Object,
    List,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Stored {
    kind: Kind,
    text: Span,
    folded: Span,
    next: u32,
}

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
    /// Levels of keys by which the values were found.
    levels: u16,
}

const EMPTY: Chain = Chain {
    first: NONE,
    last: NONE,
    levels: u16::MAX,
};

/// A value of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub folded: &'a str,
}

/// The values of one event. Used again for the next.
#[derive(Debug, Default)]
pub struct Record {
    text: String,
    values: Vec<Stored>,
    chains: Vec<Chain>,
    touched: Vec<Slot>,
    unescaped: String,
    /// For a text on its way from one place of `text` to another.
    spare: String,
    /// Slots that take every value, while an event is read.
    under: Vec<Slot>,
}

/// Why a text is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    #[error("deeper than {} levels", limits::EVENT_DEPTH)]
    Depth,
    #[error("longer than 4 GB")]
    Length,
}

impl Kind {
    /// Whether it has a text to look at.
    pub fn is_value(self) -> bool {
        matches!(self, Kind::Text | Kind::Number | Kind::Bool)
    }
}

impl Record {
    pub(super) fn values(&self, slot: Slot) -> Values<'_> {
        let chain = self.chains.get(slot.0 as usize).copied().unwrap_or(EMPTY);
        Values {
            record: self,
            next: chain.first,
        }
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.chains
            .get(slot.0 as usize)
            .is_some_and(|chain| chain.first != NONE)
    }

    fn clear(&mut self, slots: usize) {
        self.text.clear();
        self.values.clear();
        for slot in self.touched.drain(..) {
            if let Some(chain) = self.chains.get_mut(slot.0 as usize) {
                *chain = EMPTY;
            }
        }
        self.chains.resize(slots, EMPTY);
    }

    /// Takes the values that a plan wants from an event in JSON; what is derived of them, [`Record::derive`] adds.
    pub(super) fn read(&mut self, plan: &Plan, json: &str) -> Result<(), RecordError> {
        if json.len() > (u32::MAX / 4) as usize {
            return Err(RecordError::Length);
        }
        self.clear(plan.slots());
        let mut scanner = Scanner {
            json,
            bytes: json.as_bytes(),
            at: 0,
            plan,
            under: std::mem::take(&mut self.under),
            record: self,
        };
        scanner.under.clear();
        let read = scanner.event();
        let under = std::mem::take(&mut scanner.under);
        self.under = under;
        read
    }

    fn store(&mut self, kind: Kind, text: &str) -> Stored {
        let start = self.text.len();
        fold::push_composed(text, &mut self.text);
        self.stored(kind, start)
    }

    /// What stands in the buffer from `start` on, as a value.
    fn stored(&mut self, kind: Kind, start: usize) -> Stored {
        let end = self.text.len();
        let span = |start: usize, end: usize| Span {
            start: start as u32,
            end: end as u32,
        };
        let text = span(start, end);
        let own = self.text.get(start..end).unwrap_or_default();
        // Without a way out, so that it runs over many bytes at a time.
        let changes = own.bytes().fold(false, |changes, byte| {
            changes | !byte.is_ascii() | byte.is_ascii_uppercase()
        });
        if !changes {
            return Stored {
                kind,
                text,
                folded: text,
                next: NONE,
            };
        }
        if own.is_ascii() {
            self.text.extend_from_within_str(start, end);
            if let Some(tail) = self.text.get_mut(end..) {
                tail.make_ascii_lowercase();
            }
        } else {
            self.spare.clear();
            self.spare.push_str(own);
            fold::push_folded(&self.spare, &mut self.text);
        }
        Stored {
            kind,
            text,
            folded: span(end, self.text.len()),
            next: NONE,
        }
    }

    fn push(&mut self, slot: Slot, stored: Stored, levels: u16) {
        let Some(chain) = self.chains.get_mut(slot.0 as usize) else {
            return;
        };
        if levels > chain.levels {
            return;
        }
        if chain.first == NONE {
            self.touched.push(slot);
        } else if levels < chain.levels {
            *chain = EMPTY;
        }
        chain.levels = levels;
        let index = self.values.len() as u32;
        self.values.push(Stored {
            next: NONE,
            ..stored
        });
        if let Some(last) = self.values.get_mut(chain.last as usize) {
            last.next = index;
        } else {
            chain.first = index;
        }
        chain.last = index;
    }

    /// Adds values that are derived of others, each once.
    pub(super) fn derive(&mut self, plan: &Plan, wanted: &[Derivation]) {
        for derived in wanted.iter().filter_map(|own| plan.derived.get(own.0)) {
            if let Take::Values {
                otherwise: Some(otherwise),
                ..
            } = &derived.take
                && !self.has(derived.input)
            {
                let stored = self.store(Kind::Text, otherwise);
                self.push(derived.slot, stored, 0);
                continue;
            }
            let mut at = self
                .chains
                .get(derived.input.0 as usize)
                .map_or(NONE, |chain| chain.first);
            let mut second = derived
                .second
                .and_then(|slot| self.chains.get(slot.0 as usize))
                .map_or(NONE, |chain| chain.first);
            while let Some(stored) = self.values.get(at as usize).copied() {
                let start = self.text.len();
                let beside = self.values.get(second as usize).copied();
                if let Some(kind) = self.take(&derived.take, stored, beside) {
                    let stored = self.stored(kind, start);
                    self.push(derived.slot, stored, 0);
                }
                at = stored.next;
                // Values of headers go along with their names; everything else stays.
                if matches!(derived.take, Take::Header { .. } | Take::BasicUser { .. }) {
                    second = beside.map_or(NONE, |beside| beside.next);
                }
            }
        }
    }

    /// Writes what is taken of a value to the end of the buffer.
    fn take(&mut self, take: &Take, stored: Stored, beside: Option<Stored>) -> Option<Kind> {
        let range = |span: Span| span.start as usize..span.end as usize;
        let own = range(stored.text);
        let text = self.text.get(own.clone())?;
        let copy = |record: &mut Record, from: usize, to: usize| {
            record
                .text
                .extend_from_within_str(own.start + from, own.start + to);
        };
        let mut kind = Kind::Text;
        let end = text.find('#').unwrap_or(text.len());
        match take {
            Take::Whole => copy(self, 0, text.len()),
            Take::UrlQuery => {
                let at = text.find('?')?;
                let to = text.len();
                copy(self, at + 1, to);
            }
            Take::UrlPath => {
                let to = text.find('?').unwrap_or(end).min(end);
                copy(self, 0, to);
            }
            Take::UrlExtension => {
                let to = text.find('?').unwrap_or(end).min(end);
                let path = text.get(..to)?;
                let segment = path.rfind('/').map_or(0, |at| at + 1);
                let dot = path.get(segment..)?.rfind('.')? + segment;
                copy(self, dot + 1, to);
            }
            Take::Absolute { .. } => {
                let to = text.len();
                let host = beside.filter(|_| !text.contains("://"));
                if let Some(host) = host.map(|host| range(host.text)) {
                    self.text.push_str("http://");
                    self.text.extend_from_within_str(host.start, host.end);
                }
                copy(self, 0, to);
            }
            Take::Serial => {
                self.spare.clear();
                self.spare.extend(text.chars().filter(|c| *c != ':'));
                self.text.push_str(self.spare.trim_start_matches('0'));
            }
            Take::Upper => {
                self.spare.clear();
                self.spare.extend(text.chars().flat_map(char::to_uppercase));
                self.text.push_str(&self.spare);
            }
            Take::RpcEndpoint => self.text.push_str(rpc::endpoint(text)?),
            Take::RpcOperation { .. } => {
                let opnum = self.text.get(range(beside?.text))?.parse().ok()?;
                self.text.push_str(rpc::operation(text, opnum)?);
            }
            Take::Header { name } => {
                if !text.eq_ignore_ascii_case(name) {
                    return None;
                }
                let value = range(beside?.text);
                self.text.extend_from_within_str(value.start, value.end);
            }
            Take::BasicUser { header } => {
                if !text.eq_ignore_ascii_case(header) {
                    return None;
                }
                let value = self.text.get(range(beside?.text))?;
                let user = basic_user(value)?;
                self.text.push_str(&user);
            }
            Take::Values { values, otherwise } => {
                let known = values
                    .iter()
                    .find(|(from, _)| from.eq_ignore_ascii_case(text));
                match (known, otherwise) {
                    (Some((_, to)), _) | (None, Some(to)) => self.text.push_str(to),
                    (None, None) => {
                        kind = stored.kind;
                        let to = text.len();
                        copy(self, 0, to);
                    }
                }
            }
        }
        Some(kind)
    }
}

fn basic_user(value: &str) -> Option<String> {
    use base64::Engine as _;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(credentials.trim())
        .ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(text.split(':').next().unwrap_or_default().to_owned())
}

/// `String::extend_from_within` for a range that is known to end at characters.
trait ExtendFromWithin {
    fn extend_from_within_str(&mut self, start: usize, end: usize);
}

impl ExtendFromWithin for String {
    fn extend_from_within_str(&mut self, start: usize, end: usize) {
        if self.is_char_boundary(start) && self.is_char_boundary(end) && start <= end {
            self.extend_from_within(start..end);
        }
    }
}

/// The values of a slot.
pub(super) struct Values<'a> {
    record: &'a Record,
    next: u32,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let stored = self.record.values.get(self.next as usize)?;
        self.next = stored.next;
        let text = |span: Span| {
            self.record
                .text
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default()
        };
        Some(Value {
            kind: stored.kind,
            text: text(stored.text),
            folded: text(stored.folded),
        })
    }
}

/// Where the next quotation mark or backslash is. Most texts are shorter than what a wide search costs to begin.
fn special(bytes: &[u8], start: usize) -> Option<usize> {
    const WORDS: usize = 6;
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut at = start;
    // Eight bytes at a time: the lowest byte that is met has its highest bit set.
    let met = |word: u64, byte: u8| {
        let apart = word ^ (ONES * u64::from(byte));
        apart.wrapping_sub(ONES) & !apart & (ONES << 7)
    };
    for _ in 0..WORDS {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = met(word, b'"') | met(word, b'\\');
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let found = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
    Some(at + found)
}

struct Scanner<'a> {
    json: &'a str,
    bytes: &'a [u8],
    at: usize,
    plan: &'a Plan,
    record: &'a mut Record,
    /// Slots that take every value here.
    under: Vec<Slot>,
}

impl<'a> Scanner<'a> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn event(&mut self) -> Result<(), RecordError> {
        self.space();
        self.value(Some(ROOT), 0, 0)?;
        self.space();
        if self.at < self.bytes.len() {
            return self.fail();
        }
        Ok(())
    }

    fn fail<T>(&self) -> Result<T, RecordError> {
        Err(RecordError::Syntax(self.at))
    }

    fn expect(&mut self, byte: u8) -> Result<(), RecordError> {
        if self.bytes.get(self.at) == Some(&byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fail()
        }
    }

    /// A value at a node of the plan, `levels` keys down.
    fn value(&mut self, node: Option<u32>, levels: u16, depth: usize) -> Result<(), RecordError> {
        if depth > limits::EVENT_DEPTH {
            return Err(RecordError::Depth);
        }
        let found = node.and_then(|node| self.plan.nodes.get(node as usize));
        let slot = found.and_then(|node| node.slot);
        let wanted = slot.is_some() || !self.under.is_empty();
        match self.bytes.get(self.at) {
            Some(b'{') => {
                if let Some(slot) = slot {
                    self.container(Kind::Object, slot, levels);
                }
                if found.is_none_or(|node| node.depth == 0) && self.under.is_empty() {
                    return self.skip(depth);
                }
                self.object(node, levels, depth)
            }
            Some(b'[') => {
                if let Some(slot) = slot {
                    self.container(Kind::List, slot, levels);
                }
                if found.is_none() && self.under.is_empty() {
                    return self.skip(depth);
                }
                self.at += 1;
                self.space();
                if self.bytes.get(self.at) == Some(&b']') {
                    self.at += 1;
                    return Ok(());
                }
                loop {
                    self.space();
                    self.value(node, levels, depth + 1)?;
                    self.space();
                    match self.bytes.get(self.at) {
                        Some(b',') => self.at += 1,
                        Some(b']') => {
                            self.at += 1;
                            return Ok(());
                        }
                        _ => return self.fail(),
                    }
                }
            }
            Some(b'"') => {
                let text = self.string()?;
                if wanted {
                    let stored = match text {
                        Some(text) => self.record.store(Kind::Text, text),
                        None => {
                            let own = std::mem::take(&mut self.record.unescaped);
                            let stored = self.record.store(Kind::Text, &own);
                            self.record.unescaped = own;
                            stored
                        }
                    };
                    self.put(slot, stored, levels);
                }
                Ok(())
            }
            Some(b't') => self.word("true", Kind::Bool, slot, wanted, levels),
            Some(b'f') => self.word("false", Kind::Bool, slot, wanted, levels),
            Some(b'n') => self.word("null", Kind::Null, slot, wanted, levels),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                while matches!(
                    self.bytes.get(self.at),
                    Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                ) {
                    self.at += 1;
                }
                if wanted {
                    let text = self.json.get(start..self.at).unwrap_or_default();
                    let stored = self.number(text);
                    self.put(slot, stored, levels);
                }
                Ok(())
            }
            _ => self.fail(),
        }
    }

    /// Numbers that are not written in the plainest way are kept so beside.
    fn number(&mut self, text: &str) -> Stored {
        let mut stored = self.record.store(Kind::Number, text);
        if text.contains(['.', 'e', 'E', '+'])
            && let Some(number) = Scalar::parse(text)
        {
            let number = Number::from(number);
            let start = self.record.text.len();
            self.record.text.push_str(number.text());
            stored.folded = Span {
                start: start as u32,
                end: self.record.text.len() as u32,
            };
        }
        stored
    }

    fn word(
        &mut self,
        word: &str,
        kind: Kind,
        slot: Option<Slot>,
        wanted: bool,
        levels: u16,
    ) -> Result<(), RecordError> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return self.fail();
        }
        self.at = end;
        if wanted {
            let text = if kind == Kind::Null { "" } else { word };
            let stored = self.record.store(kind, text);
            self.put(slot, stored, levels);
        }
        Ok(())
    }

    fn container(&mut self, kind: Kind, slot: Slot, levels: u16) {
        let stored = self.record.store(kind, "");
        self.record.push(slot, stored, levels);
    }

    fn put(&mut self, slot: Option<Slot>, stored: Stored, levels: u16) {
        if let Some(slot) = slot {
            self.record.push(slot, stored, levels);
        }
        if stored.kind != Kind::Null {
            for slot in &self.under {
                self.record.push(*slot, stored, 0);
            }
        }
    }

    fn object(&mut self, node: Option<u32>, levels: u16, depth: usize) -> Result<(), RecordError> {
        let before = self.under.len();
        if let Some(found) = node.and_then(|node| self.plan.nodes.get(node as usize)) {
            for slot in &found.under {
                if !self.under.contains(slot) {
                    self.under.push(*slot);
                }
            }
        }
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            self.under.truncate(before);
            return Ok(());
        }
        loop {
            self.space();
            let child = match self.string()? {
                Some(key) => node.and_then(|node| self.plan.child(node, key)),
                None => node.and_then(|node| self.plan.child(node, &self.record.unescaped)),
            };
            self.space();
            self.expect(b':')?;
            self.space();
            let inside = self.under.len();
            // Values that are no objects come here too.
            if let Some(found) = child.and_then(|node| self.plan.nodes.get(node as usize))
                && !matches!(self.bytes.get(self.at), Some(b'{'))
            {
                for slot in &found.under {
                    if !self.under.contains(slot) {
                        self.under.push(*slot);
                    }
                }
            }
            self.value(child, levels + 1, depth + 1)?;
            self.under.truncate(inside);
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.under.truncate(before);
                    return Ok(());
                }
                _ => return self.fail(),
            }
        }
    }

    /// A string: itself where it stands for itself, otherwise none, with the text in `record.unescaped`.
    fn string(&mut self) -> Result<Option<&'a str>, RecordError> {
        self.expect(b'"')?;
        let start = self.at;
        let Some(end) = special(self.bytes, start) else {
            self.at = self.bytes.len();
            return self.fail();
        };
        self.at = end;
        if self.bytes.get(self.at) == Some(&b'"') {
            let text = self.json.get(start..self.at);
            self.at += 1;
            return match text {
                Some(text) => Ok(Some(text)),
                None => self.fail(),
            };
        }
        self.record.unescaped.clear();
        let mut plain = start;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return self.fail();
            };
            self.at += found;
            let text = self.json.get(plain..self.at).unwrap_or_default();
            self.record.unescaped.push_str(text);
            if self.bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
                return Ok(None);
            }
            self.escape()?;
            plain = self.at;
        }
    }

    fn escape(&mut self) -> Result<(), RecordError> {
        let character = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.unit(self.at + 2)?;
                self.at += 6;
                let code = if (0xd800..0xdc00).contains(&first)
                    && self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                    && let Ok(second) = self.unit(self.at + 2)
                    && (0xdc00..0xe000).contains(&second)
                {
                    self.at += 6;
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.record.unescaped.push(character);
                return Ok(());
            }
            _ => return self.fail(),
        };
        self.record.unescaped.push(character);
        self.at += 2;
        Ok(())
    }

    fn unit(&self, at: usize) -> Result<u32, RecordError> {
        self.json
            .get(at..at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or(RecordError::Syntax(at))
    }

    /// Passes over an object or a list that nobody reads.
    fn skip(&mut self, depth: usize) -> Result<(), RecordError> {
        let mut open = 0usize;
        loop {
            match self.bytes.get(self.at) {
                Some(b'{' | b'[') => {
                    open += 1;
                    if open + depth > limits::EVENT_DEPTH {
                        return Err(RecordError::Depth);
                    }
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    self.at += 1;
                    open -= 1;
                    if open == 0 {
                        return Ok(());
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    loop {
                        let Some(end) = special(self.bytes, self.at) else {
                            return self.fail();
                        };
                        self.at = end + 1;
                        if self.bytes.get(end) == Some(&b'"') {
                            break;
                        }
                        self.at += 1;
                    }
                }
                Some(_) => self.at += 1,
                None => return self.fail(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str], json: &str) -> Vec<Vec<String>> {
        let mut plan = Plan::new();
        let slots: Vec<Slot> = paths.iter().map(|path| plan.path(path)).collect();
        let mut record = Record::default();
        record.read(&plan, json).expect("an event");
        slots
            .iter()
            .map(|slot| {
                record
                    .values(*slot)
                    .map(|value| format!("{:?}:{}", value.kind, value.text))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn paths_lead_through_objects_lists_and_dotted_keys() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("a.b", r#"{"a":{"b":1}}"#, &["Number:1"]),
            ("a.b", r#"{"a":{"b":2},"a.b":1}"#, &["Number:1"]),
            ("a.b", r#"{"a.b":1,"a":{"b":2}}"#, &["Number:1"]),
            ("z.id.h", r#"{"z":{"id.h":"x"}}"#, &["Text:x"]),
            ("a.b.c", r#"{"a.b":{"c":1},"a":{"x":0}}"#, &["Number:1"]),
            (
                "a.b",
                r#"{"a":[{"b":1},{"b":[2,3]}]}"#,
                &["Number:1", "List:", "Number:2", "Number:3"],
            ),
            ("a", r#"{"a":{"b":1}}"#, &["Object:"]),
            ("a", r#"{"b":{"a":1},"c":[{"a":2}]}"#, &[]),
            (
                "a",
                r#"{"a":"x\n\u0111\ud83d\ude00\"\\"}"#,
                &["Text:x\nđ😀\"\\"],
            ),
            ("a", r#"{"a":null}"#, &["Null:"]),
            ("a", r#" { "a" : true , "b" : [ ] } "#, &["Bool:true"]),
            ("a.b.c.d", r#"{"a":{"b":{"c":{"d":9}}}}"#, &["Number:9"]),
            ("a.b.c.d", r#"{"a":{"b.c":{"d":9}}}"#, &["Number:9"]),
            ("a.b.c.d", r#"{"a.b.c.d":9}"#, &["Number:9"]),
            ("đ", r#"{"đ":1}"#, &["Number:1"]),
            ("đ", r#"{"\u0111":1}"#, &["Number:1"]),
        ];
        for (path, json, expected) in rows {
            assert_eq!(&read(&[path], json)[0], expected, "{path} {json}");
        }
        let several = read(&["a", "a.b", "a.b.c", "b"], r#"{"a":{"b":{"c":1}},"b":2}"#);
        assert_eq!(several[2], ["Number:1"]);
        assert_eq!(several[3], ["Number:2"]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        // What nobody reads is passed over, and not looked at closely.
        let mut plan = Plan::new();
        plan.path("a");
        let mut record = Record::default();
        let deep = "[".repeat(100_000);
        let rows = [
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            "{} x",
            &deep,
        ];
        for json in rows {
            assert!(record.read(&plan, json).is_err(), "{json:.20}");
        }
    }

    #[test]
    fn derived_values() {
        let rows: &[(Take, &str, &[&str])] = &[
            (Take::UrlQuery, "/a.b/c.PHP?x=1&y=?", &["x=1&y=?"]),
            (Take::UrlQuery, "/a", &[]),
            (Take::UrlPath, "/a.b/c.PHP?x=1", &["/a.b/c.PHP"]),
            (Take::UrlExtension, "/a.b/c.PHP?x=1.gif", &["PHP"]),
            (Take::UrlExtension, "/a.b/c", &[]),
            (
                Take::Absolute { host: "h".into() },
                "/x",
                &["http://host.vn/x"],
            ),
            (
                Take::Absolute { host: "h".into() },
                "http://o/x",
                &["http://o/x"],
            ),
            (Take::Serial, "00:8B:0A", &["8B0A"]),
            (Take::Upper, "host", &["HOST"]),
            (
                Take::Values {
                    values: vec![("a".into(), "1".into())],
                    otherwise: None,
                },
                "b",
                &["b"],
            ),
            (
                Take::Values {
                    values: vec![("a".into(), "1".into())],
                    otherwise: Some("0".into()),
                },
                "A",
                &["1"],
            ),
        ];
        for (take, value, expected) in rows {
            let mut plan = Plan::new();
            let slot = plan.source(&Source {
                path: "v".into(),
                take: take.clone(),
            });
            let mut record = Record::default();
            let json = serde_json::json!({"v": value, "h": "host.vn"}).to_string();
            record.read(&plan, &json).expect("an event");
            record.derive(&plan, plan.derivation(slot).as_slice());
            let values: Vec<&str> = record.values(slot).map(|value| value.text).collect();
            assert_eq!(&values, expected, "{take:?} {value}");
        }
    }
}
