//! An event as the matcher sees it: values by slot, filled from JSON text in one pass.
//!
//! A [`Plan`] lists what rules read (the slots) as a tree over dotted paths. [`Record`] holds the values of one
//! event; its buffers are used again for the next, so that nothing is allocated once they have grown. Text is kept
//! composed (NFC) and, beside that, without case; both are one range where they are the same.
//!
//! The path `a.b.c` names the value however its keys are cut: `{"a": {"b": {"c": 1}}}` as well as
//! `{"a.b": {"c": 1}}`; where an event has several, the one with the fewest levels counts. Lists are looked through:
//! each element is a value.

mod plan;
mod scan;
mod take;

use super::fold;
use super::limits;

pub(super) use plan::{Derivation, Plan, Slot};

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
