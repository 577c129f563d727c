//! The values of one slot against all literals of all rules at once.
//!
//! Whole values are looked up in a sorted table; what stands at the start, at the end or anywhere goes through one
//! Aho-Corasick automaton. A pattern with wildcards is tried once its longest literal has been met.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, StartKind, dfa, nfa};

use super::pattern::{Anchor, Pattern};
use super::record::{Slot, Value};

/// A test of a bucket, by number.
pub(super) type TestId = u32;

/// Bytes of literals up to which their automaton is a full table, the fastest; beyond, its size and the time to build it
/// grow out of proportion, and it is a compact one.
const TABLE_BYTES: usize = 24 << 10;

/// Whole values of so many bytes are told apart by their length.
const LONG: usize = 192;

#[derive(Debug)]
pub(super) struct Matcher {
    pub slot: Slot,
    /// By length, then by text.
    whole: Vec<(Box<str>, Vec<Use>)>,
    /// Lengths that whole values have, those from [`LONG`] on as one.
    lengths: [u64; LONG / 64 + 1],
    parts: Option<Parts>,
}

/// Literals that are looked for within a value, with what each is for.
#[derive(Debug)]
struct Parts {
    machine: Machine,
    uses: Vec<Vec<Use>>,
}

#[derive(Debug)]
enum Machine {
    Table(Box<dfa::DFA>),
    Compact(Box<nfa::contiguous::NFA>),
}

/// What a literal that was met means.
#[derive(Debug)]
struct Use {
    test: TestId,
    need: Need,
}

#[derive(Debug)]
enum Need {
    Nothing,
    AtStart,
    AtEnd,
    /// The whole pattern must hold.
    Pattern(Pattern),
}

/// Collects literals of a slot.
#[derive(Debug, Default)]
pub(super) struct Builder {
    whole: Vec<(String, Use)>,
    parts: Vec<(String, Use)>,
}

impl Builder {
    /// Adds a pattern; false when it has no literal to look for.
    pub fn add(&mut self, pattern: &Pattern, test: TestId) -> bool {
        let folded = |text: &str| super::fold::folded(text);
        match pattern.simple() {
            Some((Anchor::Whole, text)) => {
                let need = if pattern.is_cased() {
                    Need::Pattern(pattern.clone())
                } else {
                    Need::Nothing
                };
                self.whole.push((folded(text), Use { test, need }));
            }
            Some((anchor, text)) => {
                let need = match anchor {
                    _ if pattern.is_cased() => Need::Pattern(pattern.clone()),
                    Anchor::Start => Need::AtStart,
                    Anchor::End => Need::AtEnd,
                    Anchor::Whole | Anchor::Anywhere => Need::Nothing,
                };
                self.parts.push((folded(text), Use { test, need }));
            }
            None => {
                let Some(text) = pattern.longest_literal() else {
                    return false;
                };
                let need = Need::Pattern(pattern.clone());
                self.parts.push((folded(text), Use { test, need }));
            }
        }
        true
    }

    pub fn number(&mut self, text: &str, test: TestId) {
        let need = Need::Nothing;
        self.whole.push((text.to_owned(), Use { test, need }));
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.parts.is_empty()
    }

    pub fn build(self, slot: Slot) -> Matcher {
        let (names, whole_uses) = grouped(self.whole);
        let mut whole: Vec<(Box<str>, Vec<Use>)> = names
            .into_iter()
            .map(String::into_boxed_str)
            .zip(whole_uses)
            .collect();
        whole.sort_by_key(|(text, _)| text.len());
        let mut lengths = [0; LONG / 64 + 1];
        for (text, _) in &whole {
            let (word, bit) = place(text.len());
            lengths[word] |= bit;
        }
        Matcher {
            slot,
            whole,
            lengths,
            parts: parts(self.parts),
        }
    }
}

/// Texts in order, each once, with all their uses.
fn grouped(mut rows: Vec<(String, Use)>) -> (Vec<String>, Vec<Vec<Use>>) {
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut texts, mut uses): (Vec<String>, Vec<Vec<Use>>) = (Vec::new(), Vec::new());
    for (text, own) in rows {
        match uses.last_mut() {
            Some(last) if texts.last() == Some(&text) => last.push(own),
            _ => {
                texts.push(text);
                uses.push(vec![own]);
            }
        }
    }
    (texts, uses)
}

fn parts(rows: Vec<(String, Use)>) -> Option<Parts> {
    if rows.is_empty() {
        return None;
    }
    let (texts, uses) = grouped(rows);
    let bytes: usize = texts.iter().map(String::len).sum();
    let machine = if bytes <= TABLE_BYTES {
        let table = dfa::Builder::new()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .build(&texts);
        table.map(|own| Machine::Table(Box::new(own)))
    } else {
        let compact = nfa::contiguous::Builder::new()
            .match_kind(MatchKind::Standard)
            .build(&texts);
        compact.map(|own| Machine::Compact(Box::new(own)))
    };
    // It fails beyond two thousand million states only, which the limits of rules keep away from.
    machine.ok().map(|machine| Parts { machine, uses })
}

/// Word and bit of a length.
fn place(length: usize) -> (usize, u64) {
    let length = length.min(LONG);
    (length / 64, 1 << (length % 64))
}

impl Matcher {
    /// Tells every test that the value passes; a test may be told several times.
    pub fn find(&self, value: Value<'_>, mut hit: impl FnMut(TestId)) {
        let text = value.folded;
        let (word, bit) = place(text.len());
        if self.lengths[word] & bit != 0
            && let Ok(at) = self
                .whole
                .binary_search_by(|(own, _)| (own.len(), own.as_ref()).cmp(&(text.len(), text)))
            && let Some((_, uses)) = self.whole.get(at)
        {
            for own in uses {
                if own.holds(value, text.len(), text.len()) {
                    hit(own.test);
                }
            }
        }
        if let Some(parts) = &self.parts {
            parts.find(value, &mut hit);
        }
    }
}

impl Parts {
    fn find(&self, value: Value<'_>, hit: &mut impl FnMut(TestId)) {
        let met = |pattern: usize, end: usize, length: usize| {
            for own in self.uses.get(pattern).into_iter().flatten() {
                if own.holds(value, end, length) {
                    hit(own.test);
                }
            }
        };
        match &self.machine {
            Machine::Table(table) => scan(table.as_ref(), value, met),
            Machine::Compact(compact) => scan(compact.as_ref(), value, met),
        }
    }
}

fn scan(machine: &impl Automaton, value: Value<'_>, mut met: impl FnMut(usize, usize, usize)) {
    let Ok(mut state) = machine.start_state(Anchored::No) else {
        return;
    };
    for (at, byte) in value.folded.bytes().enumerate() {
        state = machine.next_state(Anchored::No, state, byte);
        if !machine.is_special(state) || !machine.is_match(state) {
            continue;
        }
        for index in 0..machine.match_len(state) {
            let pattern = machine.match_pattern(state, index);
            met(pattern.as_usize(), at + 1, machine.pattern_len(pattern));
        }
    }
}

impl Use {
    /// Whether a literal of `length` bytes that ends at `end` of the text without case is what the test wants.
    fn holds(&self, value: Value<'_>, end: usize, length: usize) -> bool {
        match &self.need {
            Need::Nothing => true,
            Need::AtStart => end == length,
            Need::AtEnd => end == value.folded.len(),
            Need::Pattern(pattern) => pattern.matches(if pattern.is_cased() {
                value.text
            } else {
                value.folded
            }),
        }
    }
}
