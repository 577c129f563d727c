//! A map that forgets its oldest entries.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// At most so many entries; the ones set longest ago go first.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    map: HashMap<K, (u64, V)>,
    /// When each key was set; keys that are gone or were set again leave old rows behind.
    order: VecDeque<(u64, K)>,
    next: u64,
    limit: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub fn new(limit: usize) -> Self {
        Recent {
            map: HashMap::new(),
            order: VecDeque::new(),
            next: 0,
            limit,
        }
    }

    /// Sets an entry; the one that had to go for it, if any.
    pub fn set(&mut self, key: K, value: V) -> Option<V> {
        let mut gone = None;
        self.map.insert(key.clone(), (self.next, value));
        self.order.push_back((self.next, key));
        self.next += 1;
        while self.map.len() > self.limit
            && let Some((number, key)) = self.order.pop_front()
        {
            if self.map.get(&key).is_some_and(|(set, _)| *set == number) {
                gone = self.map.remove(&key).map(|(_, value)| value);
            }
        }
        // Old rows are swept when they outnumber the entries: each once.
        if self.order.len() > 2 * self.limit {
            let map = &self.map;
            self.order
                .retain(|(number, key)| map.get(key).is_some_and(|(set, _)| set == number));
        }
        gone
    }

    /// What is remembered, the oldest first.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.order
            .iter()
            .filter(|(number, key)| self.map.get(key).is_some_and(|(set, _)| set == number))
            .map(|(_, key)| key.clone())
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key).map(|(_, value)| value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.map.remove(key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut recent = Recent::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            recent.set(key, value);
        }
        assert_eq!(
            ["a", "b", "c"].map(|key| recent.get(&key).copied()),
            [Some(3), None, Some(4)]
        );
        assert_eq!(recent.remove(&"a"), Some(3));
        for round in 0..1_000 {
            recent.set("d", round);
            recent.remove(&"d");
        }
        assert!(recent.order.len() <= 4);
        assert_eq!(recent.get(&"c"), Some(&4));
    }
}
