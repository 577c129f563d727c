//! What was told already.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::Journal;
use super::names::Names;
use crate::recent::Recent;

/// Facts remembered; when there are more, the oldest may be told twice in a day, which is counted.
pub const MAX_TOLD: usize = 65_536;
const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// Whether a fact was told on its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Before,
    First,
    /// Another one of that day had to be forgotten for it.
    FirstForgetting,
}

/// What all workers share.
#[derive(Debug, Default)]
pub struct Shared {
    told: Mutex<AllTold>,
    names: Mutex<Names>,
}

/// With the day of each key.
#[derive(Debug)]
struct AllTold {
    keys: Recent<u64, i64>,
    journal: Option<Journal>,
}

impl Default for AllTold {
    fn default() -> Self {
        AllTold {
            keys: Recent::new(MAX_TOLD),
            journal: None,
        }
    }
}

impl AllTold {
    fn look(&mut self, day: i64, key: u64) -> Seen {
        if self.keys.get(&key).is_some() {
            return Seen::Before;
        }
        let forgotten = self.keys.set(key, day);
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.add(day, key, self.keys.keys())
        {
            tracing::warn!(%error, "what was told today is not kept any more: a start tells it anew");
            self.journal = None;
        }
        match forgotten {
            Some(of) if of == day => Seen::FirstForgetting,
            _ => Seen::First,
        }
    }
}

impl Shared {
    /// Remembers over starts what was told today, in a file.
    ///
    /// # Errors
    /// When the file cannot be read and written.
    pub fn kept_in(path: &Path) -> io::Result<Shared> {
        let (journal, keys) = Journal::open(path)?;
        let mut told = AllTold::default();
        for key in keys {
            told.keys.set(key, journal.day());
        }
        told.journal = Some(journal);
        Ok(Shared {
            told: Mutex::new(told),
            names: Mutex::default(),
        })
    }

    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, day: i64, key: u64) -> Seen {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.look(day, key)
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
    /// Whether anybody has told this on this day. It counts as told from now on.
    pub fn look(&mut self, key: impl Hash, now_ns: i64, shared: &Shared) -> Seen {
        // The same number in every run: records of a capture do not change.
        let mut hasher = DefaultHasher::new();
        let day = now_ns.div_euclid(DAY_NS);
        day.hash(&mut hasher);
        key.hash(&mut hasher);
        let key = hasher.finish();
        if self.keys.get(&key).is_some() {
            return Seen::Before;
        }
        self.keys.set(key, ());
        shared.look(day, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_once_a_day() {
        let shared = Shared::default();
        let (mut one, mut other) = (Told::default(), Told::default());
        assert_eq!(one.look("a", 0, &shared), Seen::First);
        assert_eq!(one.look("a", 1, &shared), Seen::Before);
        assert_eq!(other.look("a", 2, &shared), Seen::Before);
        assert_eq!(other.look("b", 2, &shared), Seen::First);
        assert_eq!(one.look("a", DAY_NS, &shared), Seen::First);
    }

    #[test]
    fn starts_remember_what_was_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.told");
        let start = || Shared::kept_in(&path).expect("it is kept");
        assert_eq!(Told::default().look("a", 0, &start()), Seen::First);
        let again = start();
        assert_eq!(Told::default().look("a", 1, &again), Seen::Before);
        assert_eq!(Told::default().look("b", 1, &again), Seen::First);
        assert_eq!(Told::default().look("b", 2, &start()), Seen::Before);
        assert_eq!(Told::default().look("a", DAY_NS, &start()), Seen::First);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let shared = Shared::default();
        let mut told = Told::default();
        for key in 0..MAX_TOLD {
            assert_eq!(told.look(key, 0, &shared), Seen::First);
        }
        assert_eq!(told.look(MAX_TOLD, 0, &shared), Seen::FirstForgetting);
        // What goes now is of yesterday.
        assert_eq!(told.look(0, DAY_NS, &shared), Seen::First);
    }
}
