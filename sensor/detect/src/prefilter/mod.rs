//! One pass over a buffer → the signatures that may match it.
//!
//! Signatures are grouped by the buffer that holds their fast pattern and by direction, those on payloads also by port
//! ([`PortMatchers`]); each group has a [`Matcher`] without regard to case (the full match looks again, with case). Each pattern reports once a
//! scan, however often it occurs.
//!
//! # How a matcher looks
//!
//! Of longer patterns it knows the windows of four bytes that are rarest in traffic, of shorter ones the rarest pairs
//! ([`windows`], [`pairs`]). A scan takes windows of the data, at every second or fourth place, and asks small tables
//! whether a pattern has such a window; only then are the patterns behind it compared. Places are asked in blocks, with
//! one branch a block, so that the processor has many looks under way at once. Patterns of one byte are looked for by
//! `memchr`.
//!
//! An automaton (Aho-Corasick) touches a state for every byte, each look waiting for the last, and with thousands of
//! patterns its states lie outside the cache; `benches/prefilter.rs` compares both on real traffic. Work is bounded:
//! a place in the data costs two looks at most, and one comparison for each pattern that shares the window.

mod buckets;
mod pairs;
mod ports;
mod windows;

use std::collections::BTreeMap;

use pairs::Pairs;
pub(crate) use ports::PortMatchers;
use windows::Windows;

/// Makes upper and lower case letters alike; some other bytes too, which the comparison tells apart.
const FOLD: u8 = 0x20;
/// Makes neighbours of numbers differ in their high bits (Knuth, The Art of Computer Programming 6.4).
const SPREAD: u32 = 0x9e37_79b1;

/// So few patterns of five and six bytes are looked for by pairs, with the shorter ones; then the longer ones need half
/// the looks. More of them would have common pairs, and call too often.
const MAX_MIDDLE: usize = 32;

/// A pattern that its rules bind to so many bytes of a buffer's beginning is looked for there, and not in the rest.
const NEAR_BYTES: u64 = 256;

/// Patterns and the signatures behind them.
#[derive(Debug)]
pub(crate) struct Matcher {
    patterns: Vec<Pattern>,
    /// Finds patterns anywhere.
    anywhere: Finder,
    /// Finds the others, within `near_bytes` of the beginning.
    near: Finder,
    near_bytes: usize,
    longest: usize,
}

/// Looks for some of the patterns of a matcher.
#[derive(Debug)]
struct Finder {
    windows: Option<Windows>,
    pairs: Option<Pairs>,
    singles: Vec<(u8, u32)>,
}

/// A pattern in lower case, with the signatures that have it.
#[derive(Debug)]
struct Pattern {
    bytes: Box<[u8]>,
    signatures: Box<[u32]>,
}

/// Collects patterns before they are built.
#[derive(Debug, Default)]
pub(crate) struct MatcherBuilder {
    anywhere: BTreeMap<Vec<u8>, Vec<u32>>,
    near: BTreeMap<Vec<u8>, Vec<u32>>,
    near_bytes: u64,
}

impl MatcherBuilder {
    /// A pattern that may lie anywhere.
    pub fn add(&mut self, pattern: &[u8], signature: u32) {
        self.add_within(pattern, None, signature);
    }

    /// A pattern that ends within `reach` bytes of the beginning, if it is bound to it.
    pub fn add_within(&mut self, pattern: &[u8], reach: Option<u64>, signature: u32) {
        if pattern.is_empty() {
            return;
        }
        let patterns = match reach.filter(|reach| *reach <= NEAR_BYTES) {
            Some(reach) => {
                self.near_bytes = self.near_bytes.max(reach);
                &mut self.near
            }
            None => &mut self.anywhere,
        };
        patterns
            .entry(pattern.to_ascii_lowercase())
            .or_default()
            .push(signature);
    }

    pub fn build(self) -> Matcher {
        let anywhere = self.anywhere.len();
        let patterns: Vec<Pattern> = self
            .anywhere
            .into_iter()
            .chain(self.near)
            .map(|(bytes, signatures)| Pattern {
                bytes: bytes.into_boxed_slice(),
                signatures: signatures.into_boxed_slice(),
            })
            .collect();
        let numbered: Vec<(u32, &Pattern)> = (0..).zip(&patterns).collect();
        let (of_anywhere, of_near) = numbered.split_at(anywhere);
        Matcher {
            anywhere: Finder::new(of_anywhere),
            near: Finder::new(of_near),
            near_bytes: usize::try_from(self.near_bytes).unwrap_or(usize::MAX),
            longest: patterns
                .iter()
                .map(|pattern| pattern.bytes.len())
                .max()
                .unwrap_or(0),
            patterns,
        }
    }
}

impl Finder {
    fn new(numbered: &[(u32, &Pattern)]) -> Finder {
        let of_length = |lengths: std::ops::RangeInclusive<usize>| {
            let fits =
                move |(_, pattern): &&(u32, &Pattern)| lengths.contains(&pattern.bytes.len());
            numbered.iter().filter(fits).copied()
        };
        let middle = of_length(Windows::SHORTEST..=Windows::SHORTEST_FAR - 1).count();
        let is_far = middle <= MAX_MIDDLE;
        let shortest = if is_far {
            Windows::SHORTEST_FAR
        } else {
            Windows::SHORTEST
        };
        let longer: Vec<_> = of_length(shortest..=usize::MAX).collect();
        Finder {
            windows: Windows::new(&longer, is_far),
            pairs: Pairs::new(of_length(2..=shortest - 1).collect()),
            singles: of_length(1..=1)
                .map(|(index, pattern)| (pattern.bytes[0], index))
                .collect(),
        }
    }

    fn memory_bytes(&self) -> usize {
        let windows = self.windows.as_ref().map_or(0, Windows::memory_bytes);
        let pairs = self.pairs.as_ref().map_or(0, Pairs::memory_bytes);
        windows + pairs + self.singles.len() * size_of::<(u8, u32)>()
    }

    /// Calls `found` with each place at which a pattern may begin, and the pattern.
    #[inline]
    fn scan(&self, data: &[u8], found: &mut impl FnMut(usize, u32)) {
        if let Some(windows) = &self.windows {
            windows.scan(data, &mut *found);
        }
        if let Some(pairs) = &self.pairs {
            pairs.scan(data, &mut *found);
        }
        for &(byte, index) in &self.singles {
            if let Some(at) = memchr::memchr2(byte, byte.to_ascii_uppercase(), data) {
                found(at, index);
            }
        }
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

    fn has(&self, index: u32) -> bool {
        self.marks.get(index as usize) == Some(&self.round)
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
    /// Whether it was built of these patterns.
    pub fn is_of(&self, builder: &MatcherBuilder) -> bool {
        let asked = builder.anywhere.iter().chain(&builder.near);
        self.near_bytes as u64 == builder.near_bytes
            && self
                .patterns
                .iter()
                .map(|pattern| (&*pattern.bytes, &*pattern.signatures))
                .eq(asked.map(|(bytes, signatures)| (&**bytes, &**signatures)))
    }

    /// Length of the longest pattern, in bytes: the overlap that successive scans of a stream need.
    pub fn longest(&self) -> usize {
        self.longest
    }

    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Bytes of heap.
    pub fn memory_bytes(&self) -> usize {
        let patterns: usize = self
            .patterns
            .iter()
            .map(|one| size_of::<Pattern>() + one.bytes.len() + one.signatures.len() * 4)
            .sum();
        patterns + self.anywhere.memory_bytes() + self.near.memory_bytes()
    }

    /// The patterns, in lower case.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|pattern| &*pattern.bytes)
    }

    /// Appends to `candidates` each signature with a pattern in the data, which begins at `base` in its buffer.
    pub fn scan(
        &self,
        data: &[u8],
        base: u64,
        patterns_seen: &mut Seen,
        candidates: &mut Vec<u32>,
    ) {
        patterns_seen.clear(self.patterns.len());
        let mut found = |start: usize, index: u32| {
            if patterns_seen.has(index) {
                return;
            }
            let Some(pattern) = self.patterns.get(index as usize) else {
                return;
            };
            let here = data.get(start..start.saturating_add(pattern.bytes.len()));
            if here.is_some_and(|here| here.eq_ignore_ascii_case(&pattern.bytes)) {
                patterns_seen.mark(index);
                candidates.extend_from_slice(&pattern.signatures);
            }
        };
        self.anywhere.scan(data, &mut found);
        let near = (self.near_bytes as u64).saturating_sub(base);
        if let Some(near @ 1..) = usize::try_from(near).ok().map(|near| near.min(data.len())) {
            self.near.scan(&data[..near], &mut found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher(patterns: &[&[u8]]) -> Matcher {
        let mut builder = MatcherBuilder::default();
        for (signature, pattern) in (0..).zip(patterns) {
            builder.add(pattern, signature);
        }
        builder.build()
    }

    fn scan(matcher: &Matcher, data: &[u8]) -> Vec<u32> {
        let (mut seen, mut candidates) = (Seen::default(), Vec::new());
        matcher.scan(data, 0, &mut seen, &mut candidates);
        candidates.sort_unstable();
        candidates
    }

    #[test]
    fn patterns_of_every_length_report_once() {
        let matcher = matcher(&[
            b"abc",
            b"ABC",
            b"bc",
            b"zz",
            b"q",
            b"abcd",
            b"User-Agent",
            b"agent",
        ]);
        for (data, expected) in [
            ("xxAbCabc", &[0, 1, 2][..]),
            ("bc", &[2]),
            ("", &[]),
            ("Q", &[4]),
            ("1abcd", &[0, 1, 2, 5]),
            ("user-agent", &[6, 7]),
            ("1user-agenT", &[6, 7]),
            ("user-agen", &[]),
            ("zz", &[3]),
            ("z", &[]),
        ] {
            assert_eq!(scan(&matcher, data.as_bytes()), expected, "{data}");
        }
        assert_eq!((matcher.longest(), matcher.patterns()), (10, 7));
    }

    #[test]
    fn many_patterns_are_found_too() {
        for count in [60, 600, 6_000, 60_000] {
            let patterns: Vec<String> = (0..count).map(|number| format!("p{number:05}n")).collect();
            let bytes: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
            let matcher = matcher(&bytes);
            let last = count - 1;
            let data = format!("xP00007n, p{last:05}N p{count:05}n p0000");
            assert_eq!(scan(&matcher, data.as_bytes()), [7, last], "{count}");
        }
    }

    #[test]
    fn a_pattern_that_is_bound_is_found_near_the_beginning() {
        let mut builder = MatcherBuilder::default();
        builder.add(b"abcdef", 0);
        for (signature, reach) in [(1, 20), (2, NEAR_BYTES), (3, NEAR_BYTES + 1)] {
            builder.add_within(b"abcdef", Some(reach), signature);
        }
        let matcher = builder.build();
        let near = NEAR_BYTES as usize;
        for (at, base, expected) in [
            (0, 0, &[0, 1, 2, 3][..]),
            (near - 6, 0, &[0, 1, 2, 3]),
            (near, 0, &[0, 3]),
            (0, NEAR_BYTES - 6, &[0, 1, 2, 3]),
            (0, NEAR_BYTES, &[0, 3]),
            (0, NEAR_BYTES * 9, &[0, 3]),
        ] {
            let data = [vec![b'.'; at], b"aBcdef".to_vec()].concat();
            let (mut seen, mut candidates) = (Seen::default(), Vec::new());
            matcher.scan(&data, base, &mut seen, &mut candidates);
            candidates.sort_unstable();
            assert_eq!(candidates, expected, "at {at} of {base}");
        }
    }

    proptest! {
        #[test]
        fn exactly_the_patterns_that_occur_are_found(
            patterns in proptest::collection::vec("[aB\\x00-]{1,9}", 1..300),
            data in "[AbB\\x00-]{0,200}",
        ) {
            let lower = data.to_ascii_lowercase();
            let mut expected: Vec<u32> = (0..)
                .zip(&patterns)
                .filter(|(_, pattern)| lower.contains(&pattern.to_ascii_lowercase()))
                .map(|(index, _)| index)
                .collect();
            expected.sort_unstable();
            let bytes: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
            prop_assert_eq!(scan(&matcher(&bytes), data.as_bytes()), expected);
        }
    }
}
