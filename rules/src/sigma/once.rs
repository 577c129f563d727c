//! Things that are told twice count once: see [`Once`](super::pipeline::Once).
//!
//! Only matches are remembered, the newest [`REMEMBERED`] of them. A second event whose first was not seen (one way
//! of the traffic only, or the start is missing) counts like a first.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::engine::RuleIndex;
use super::record::{Record, Slot};

/// Matches that are remembered; between a request and its response lie few.
const REMEMBERED: usize = 16_384;

/// In terms of slots.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub kind: Slot,
    pub values: Vec<String>,
    pub by: Vec<Slot>,
}

/// The newest matches.
#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Whether the event tells again of what the rule has matched before.
    pub fn again(&mut self, once: &Compiled, rule: RuleIndex, record: &Record) -> bool {
        let Some(key) = self.key(once, rule, record) else {
            return false;
        };
        let is_second = record
            .values(once.kind)
            .any(|value| once.values.iter().any(|known| known == value.folded));
        if is_second && self.known.contains(&key) {
            return true;
        }
        if self.known.insert(key) {
            self.order.push_back(key);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        false
    }

    /// None where the event does not say what both have in common.
    fn key(&self, once: &Compiled, rule: RuleIndex, record: &Record) -> Option<u64> {
        let mut hasher = self.keys.build_hasher();
        rule.hash(&mut hasher);
        for slot in &once.by {
            let value = record.values(*slot).find(|value| value.kind.is_value())?;
            value.folded.hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}
