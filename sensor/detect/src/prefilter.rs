//! One pass over a buffer → the signatures that may match it.
//!
//! Signatures are grouped by the buffer that holds their fast pattern and by direction; each group is an
//! Aho-Corasick automaton without regard to case (the full match looks again, with case). An automaton is
//! bounded by its patterns, and each pattern reports once a scan, however often it occurs.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, BuildError};

/// Patterns and the signatures behind them.
#[derive(Debug)]
pub(crate) struct Matcher {
    automaton: AhoCorasick,
    /// By pattern: the signatures that have it.
    signatures: Vec<Box<[u32]>>,
    longest: usize,
}

/// Collects patterns before they are built.
#[derive(Debug, Default)]
pub(crate) struct MatcherBuilder {
    patterns: std::collections::BTreeMap<Vec<u8>, Vec<u32>>,
}

impl MatcherBuilder {
    pub fn add(&mut self, pattern: &[u8], signature: u32) {
        self.patterns
            .entry(pattern.to_ascii_lowercase())
            .or_default()
            .push(signature);
    }

    pub fn build(self) -> Result<Matcher, BuildError> {
        let longest = self.patterns.keys().map(Vec::len).max().unwrap_or(0);
        let (patterns, signatures): (Vec<_>, Vec<_>) = self
            .patterns
            .into_iter()
            .map(|(pattern, ids)| (pattern, ids.into_boxed_slice()))
            .unzip();
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .build(&patterns)?;
        Ok(Matcher {
            automaton,
            signatures,
            longest,
        })
    }
}

/// Marks of what was seen in one inspection, cleared by counting up.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    round: u32,
    marks: Vec<u32>,
}

impl Seen {
    /// Forgets everything; room for `size` marks.
    pub fn clear(&mut self, size: usize) {
        if self.marks.len() < size {
            self.marks.resize(size, 0);
        }
        self.round = match self.round.checked_add(1) {
            Some(round) => round,
            None => {
                self.marks.fill(0);
                1
            }
        };
    }

    /// True the first time.
    pub fn mark(&mut self, index: u32) -> bool {
        match self.marks.get_mut(index as usize) {
            Some(mark) if *mark != self.round => {
                *mark = self.round;
                true
            }
            _ => false,
        }
    }
}

impl Matcher {
    /// Length of the longest pattern, in bytes: the overlap that successive scans of a stream need.
    pub fn longest(&self) -> usize {
        self.longest
    }

    pub fn patterns(&self) -> usize {
        self.signatures.len()
    }

    /// Bytes of heap.
    pub fn memory_bytes(&self) -> usize {
        self.automaton.memory_usage()
    }

    /// Appends to `candidates` each signature with a pattern in the data.
    pub fn scan(&self, data: &[u8], patterns_seen: &mut Seen, candidates: &mut Vec<u32>) {
        patterns_seen.clear(self.signatures.len());
        let mut left = self.signatures.len();
        for found in self.automaton.find_overlapping_iter(data) {
            let pattern = found.pattern().as_usize();
            if patterns_seen.mark(pattern as u32) {
                candidates.extend_from_slice(&self.signatures[pattern]);
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_reports_once() {
        let mut builder = MatcherBuilder::default();
        for (pattern, signature) in [("abc", 1), ("ABC", 2), ("bc", 3), ("zz", 4)] {
            builder.add(pattern.as_bytes(), signature);
        }
        let matcher = builder.build().expect("small");
        let mut seen = Seen::default();
        for (data, expected) in [
            ("xxAbCabc", &[1, 2, 3][..]),
            ("bc", &[3][..]),
            ("", &[][..]),
        ] {
            let mut candidates = Vec::new();
            matcher.scan(data.as_bytes(), &mut seen, &mut candidates);
            candidates.sort_unstable();
            assert_eq!(candidates, expected, "{data}");
        }
        assert_eq!((matcher.longest(), matcher.patterns()), (3, 3));
    }
}
