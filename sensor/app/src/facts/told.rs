//! What was told already.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::names::Names;
use crate::recent::Recent;

/// Facts remembered; when there are more, the oldest may be told twice in a day.
pub const MAX_TOLD: usize = 65_536;
const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    told: Mutex<Recent<u64, ()>>,
    names: Mutex<Names>,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            told: Mutex::new(Recent::new(MAX_TOLD)),
            names: Mutex::default(),
        }
    }
}

impl Shared {
    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_new(&self, key: u64) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let new = told.get(&key).is_none();
        if new {
            told.set(key, ());
        }
        new
    }
}

/// What one worker has told, or knows that another one has.
#[derive(Debug)]
pub(super) struct Told {
    keys: Recent<u64, ()>,
}

impl Default for Told {
    fn default() -> Self {
        Told {
            keys: Recent::new(MAX_TOLD),
        }
    }
}

impl Told {
    /// Whether nobody has told this on this day. It counts as told from now on.
    pub fn is_new(&mut self, key: impl Hash, now_ns: i64, shared: &Shared) -> bool {
        // The same number in every run: records of a capture do not change.
        let mut hasher = DefaultHasher::new();
        now_ns.div_euclid(DAY_NS).hash(&mut hasher);
        key.hash(&mut hasher);
        let key = hasher.finish();
        if self.keys.get(&key).is_some() {
            return false;
        }
        self.keys.set(key, ());
        shared.is_new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_once_a_day() {
        let shared = Shared::default();
        let (mut one, mut other) = (Told::default(), Told::default());
        assert!(one.is_new("a", 0, &shared));
        assert!(!one.is_new("a", 1, &shared));
        assert!(!other.is_new("a", 2, &shared));
        assert!(other.is_new("b", 2, &shared));
        assert!(one.is_new("a", DAY_NS, &shared));
    }
}
