//! One pass over a buffer → the signatures that may match it.
//!
//! Signatures are grouped by the buffer that holds their fast pattern and by direction; each group has a
//! [`Matcher`] without regard to case (the full match looks again, with case). Each pattern reports once a
//! scan, however often it occurs.
//!
//! # How a matcher looks
//!
//! Of each pattern it knows the window of four bytes that is rarest in traffic. A scan hashes four bytes of
//! the data at every second place and asks a Bloom filter, small enough for the processor's first cache,
//! whether a window has that hash; only then are the patterns behind it compared. As windows are met at every second
//! place only, each pattern is entered with two neighbouring windows. Patterns of two to four bytes are
//! looked for by their rarest pair in a table of all pairs, patterns of one byte by `memchr`.
//!
//! An automaton (Aho-Corasick) touches a state for every byte, and with thousands of patterns its states lie
//! outside the cache; `benches/prefilter.rs` compares both on real traffic. Work is bounded: a place in the
//! data costs one look at the filter, and one comparison for each pattern that shares the window's hash.

/// Bytes of a window.
const WINDOW: usize = 4;
/// Places between two looks in the data; a pattern is entered with as many neighbouring windows.
const STRIDE: usize = 2;
/// The shortest pattern that is looked for by windows.
const SHORTEST_WINDOWED: usize = WINDOW + STRIDE - 1;
/// The filter has this many bits an entry, so that few places look like a window without being one …
const BITS_PER_ENTRY: usize = 16;
/// … and no more words than this (32 KiB), the size of a first-level cache.
const MAX_FILTER_WORDS: usize = 1 << 12;
const MIN_FILTER_WORDS: usize = 1 << 4;
/// Makes upper and lower case letters alike; some other bytes too, which the comparison tells apart.
const FOLD: u8 = 0x20;
const FOLD_WINDOW: u32 = u32::from_ne_bytes([FOLD; WINDOW]);

/// Patterns and the signatures behind them.
#[derive(Debug)]
pub(crate) struct Matcher {
    patterns: Vec<Pattern>,
    windows: Option<Windows>,
    pairs: Option<Pairs>,
    singles: Vec<u32>,
    longest: usize,
}

/// A pattern in lower case, with the signatures that have it.
#[derive(Debug)]
struct Pattern {
    bytes: Box<[u8]>,
    signatures: Box<[u32]>,
}

/// A pattern, and how far inside it the window or pair lies.
#[derive(Debug, Clone, Copy)]
struct Entry {
    pattern: u32,
    offset: u32,
    /// The folded bytes of the window or pair.
    key: u32,
}

/// Lists of entries by a small number.
#[derive(Debug)]
struct Buckets {
    /// Where each list begins in `entries`; one more than there are lists.
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

/// Patterns of five bytes and more.
#[derive(Debug)]
struct Windows {
    /// A blocked Bloom filter: a window sets two bits of one word.
    filter: Vec<u64>,
    buckets: Buckets,
}

/// Patterns of two to four bytes.
#[derive(Debug)]
struct Pairs {
    bitmap: Box<[u64; 1 << 10]>,
    buckets: Buckets,
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

    pub fn build(self) -> Matcher {
        let patterns: Vec<Pattern> = self
            .patterns
            .into_iter()
            .filter(|(bytes, _)| !bytes.is_empty())
            .map(|(bytes, signatures)| Pattern {
                bytes: bytes.into_boxed_slice(),
                signatures: signatures.into_boxed_slice(),
            })
            .collect();
        let numbered = || (0u32..).zip(&patterns);
        let of_length = |lengths: std::ops::RangeInclusive<usize>| {
            numbered().filter(move |(_, pattern)| lengths.contains(&pattern.bytes.len()))
        };
        Matcher {
            windows: Windows::new(of_length(SHORTEST_WINDOWED..=usize::MAX).collect()),
            pairs: Pairs::new(of_length(2..=SHORTEST_WINDOWED - 1).collect()),
            singles: of_length(1..=1).map(|(index, _)| index).collect(),
            longest: numbered()
                .map(|(_, pattern)| pattern.bytes.len())
                .max()
                .unwrap_or(0),
            patterns,
        }
    }
}

/// How common a byte (in lower case) is in the traffic of networks, roughly as a logarithm.
fn commonness(byte: u8) -> u8 {
    match byte {
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | 0 => 10,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' | b'/' | b'.' | b'-' => 9,
        b'0'..=b'2' | b'\r' | b'\n' | b':' | b'=' | b'w' | b'g' | b'f' | b'b' => 8,
        b'3'..=b'9' | b'y' | b'v' | b'k' | b',' | b';' | b'"' | 0xff | 1 => 7,
        b'x' | b'q' | b'j' | b'z' | b'<' | b'>' | b'(' | b')' | b'_' | b'&' | b'?' => 5,
        b'!'..=b'~' => 4,
        _ => 3,
    }
}

/// Where the rarest run of `length` bytes of a pattern begins.
fn rarest(pattern: &[u8], length: usize) -> usize {
    let cost = |run: &[u8]| -> u32 { run.iter().map(|&byte| u32::from(commonness(byte))).sum() };
    pattern
        .windows(length)
        .enumerate()
        .min_by_key(|(_, run)| cost(run))
        .map_or(0, |(at, _)| at)
}

impl Buckets {
    /// `entries` by the number of their list.
    fn new(lists: usize, mut entries: Vec<(usize, Entry)>) -> Buckets {
        entries.sort_by_key(|(list, _)| *list);
        let mut starts = vec![0u32; lists + 1];
        for (list, _) in &entries {
            starts[list + 1] += 1;
        }
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        Buckets {
            starts,
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    fn lists(&self) -> usize {
        self.starts.len() - 1
    }

    fn list(&self, list: usize) -> &[Entry] {
        match self.starts.get(list..list + 2) {
            Some(&[start, end]) => self
                .entries
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    fn memory_bytes(&self) -> usize {
        self.starts.len() * size_of::<u32>() + self.entries.len() * size_of::<Entry>()
    }
}

impl Windows {
    fn new(patterns: Vec<(u32, &Pattern)>) -> Option<Windows> {
        if patterns.is_empty() {
            return None;
        }
        let entries = patterns.len() * STRIDE;
        let words = (entries * BITS_PER_ENTRY / u64::BITS as usize).next_power_of_two();
        let lists = entries.next_power_of_two();
        let mut filter = vec![0u64; words.clamp(MIN_FILTER_WORDS, MAX_FILTER_WORDS)];
        let mut listed = Vec::with_capacity(entries);
        for (index, pattern) in patterns {
            let at = rarest(&pattern.bytes, SHORTEST_WINDOWED);
            for offset in at..at + STRIDE {
                let Some(window) = pattern.bytes.get(offset..).and_then(<[u8]>::first_chunk) else {
                    continue;
                };
                let hash = Hash::of(window);
                let word = hash.word(filter.len());
                filter[word] |= hash.bits();
                let entry = Entry {
                    pattern: index,
                    offset: u32::try_from(offset).unwrap_or(u32::MAX),
                    key: hash.key,
                };
                listed.push((hash.list(lists), entry));
            }
        }
        Some(Windows {
            filter,
            buckets: Buckets::new(lists, listed),
        })
    }

    /// Calls `found` for each entry whose window may lie at a place of the data.
    fn scan(&self, data: &[u8], mut found: impl FnMut(usize, Entry)) {
        let (words, lists) = (self.filter.len(), self.buckets.lists());
        for (at, window) in data.windows(WINDOW).enumerate().step_by(STRIDE) {
            let Some(window) = window.first_chunk() else {
                continue;
            };
            let hash = Hash::of(window);
            let bits = hash.bits();
            if self
                .filter
                .get(hash.word(words))
                .is_some_and(|word| word & bits == bits)
            {
                for &entry in self.buckets.list(hash.list(lists)) {
                    if entry.key == hash.key {
                        found(at, entry);
                    }
                }
            }
        }
    }
}

/// A window, folded and spread over 64 bits by multiplication (Knuth, The Art of Computer Programming 6.4).
#[derive(Clone, Copy)]
struct Hash {
    key: u32,
    spread: u64,
}

impl Hash {
    fn of(window: &[u8; WINDOW]) -> Hash {
        let key = u32::from_ne_bytes(*window) | FOLD_WINDOW;
        Hash {
            key,
            spread: u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }

    /// `words` and `lists` are powers of two, at most 2^20 and 2^32.
    fn word(self, words: usize) -> usize {
        (self.spread >> 44) as usize & (words - 1)
    }

    fn bits(self) -> u64 {
        1 << (self.spread >> 32 & 63) | 1 << (self.spread >> 38 & 63)
    }

    fn list(self, lists: usize) -> usize {
        (self.spread >> 32) as usize & (lists - 1)
    }
}

impl Pairs {
    fn new(patterns: Vec<(u32, &Pattern)>) -> Option<Pairs> {
        if patterns.is_empty() {
            return None;
        }
        let mut bitmap = Box::new([0u64; 1 << 10]);
        let lists = patterns.len().next_power_of_two();
        let mut entries = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns {
            let offset = rarest(&pattern.bytes, 2);
            let Some(pair) = pattern.bytes.get(offset..).and_then(<[u8]>::first_chunk) else {
                continue;
            };
            let pair = Self::number(pair);
            bitmap[pair >> 6] |= 1 << (pair & 63);
            entries.push((
                Self::list(pair, lists),
                Entry {
                    pattern: index,
                    offset: u32::try_from(offset).unwrap_or(u32::MAX),
                    key: pair as u32,
                },
            ));
        }
        Some(Pairs {
            bitmap,
            buckets: Buckets::new(lists, entries),
        })
    }

    fn number(pair: &[u8; 2]) -> usize {
        usize::from(u16::from_ne_bytes([pair[0] | FOLD, pair[1] | FOLD]))
    }

    /// Pairs spread over lists, of which there are a power of two.
    fn list(pair: usize, lists: usize) -> usize {
        pair.wrapping_mul(0x9e37_79b1) >> 16 & (lists - 1)
    }

    fn scan(&self, data: &[u8], mut found: impl FnMut(usize, Entry)) {
        let lists = self.buckets.lists();
        for (at, pair) in data.windows(2).enumerate() {
            let Some(pair) = pair.first_chunk() else {
                continue;
            };
            let pair = Self::number(pair);
            if self.bitmap[pair >> 6] >> (pair & 63) & 1 != 0 {
                for &entry in self.buckets.list(Self::list(pair, lists)) {
                    if entry.key == pair as u32 {
                        found(at, entry);
                    }
                }
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
        let own = self.patterns.iter();
        let asked = builder
            .patterns
            .iter()
            .filter(|(bytes, _)| !bytes.is_empty());
        own.map(|pattern| (&*pattern.bytes, &*pattern.signatures))
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
        let windows = self.windows.as_ref().map_or(0, |windows| {
            windows.filter.len() * 8 + windows.buckets.memory_bytes()
        });
        let pairs = self.pairs.as_ref().map_or(0, |pairs| {
            size_of_val(pairs.bitmap.as_slice()) + pairs.buckets.memory_bytes()
        });
        patterns + windows + pairs + self.singles.len() * 4
    }

    /// The patterns, in lower case.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|pattern| &*pattern.bytes)
    }

    /// Appends to `candidates` each signature with a pattern in the data.
    pub fn scan(&self, data: &[u8], patterns_seen: &mut Seen, candidates: &mut Vec<u32>) {
        patterns_seen.clear(self.patterns.len());
        let mut found = |at: usize, entry: Entry| {
            if patterns_seen.has(entry.pattern) {
                return;
            }
            let Some(pattern) = self.patterns.get(entry.pattern as usize) else {
                return;
            };
            let start = at.checked_sub(entry.offset as usize);
            let here = start.and_then(|start| data.get(start..)?.get(..pattern.bytes.len()));
            if here.is_some_and(|here| here.eq_ignore_ascii_case(&pattern.bytes)) {
                patterns_seen.mark(entry.pattern);
                candidates.extend_from_slice(&pattern.signatures);
            }
        };
        if let Some(windows) = &self.windows {
            windows.scan(data, &mut found);
        }
        if let Some(pairs) = &self.pairs {
            pairs.scan(data, &mut found);
        }
        for &index in &self.singles {
            let byte = self.patterns[index as usize].bytes[0];
            if let Some(at) = memchr::memchr2(byte, byte.to_ascii_uppercase(), data) {
                found(
                    at,
                    Entry {
                        pattern: index,
                        offset: 0,
                        key: 0,
                    },
                );
            }
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
        matcher.scan(data, &mut seen, &mut candidates);
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

    proptest! {
        #[test]
        fn exactly_the_patterns_that_occur_are_found(
            patterns in proptest::collection::vec("[aB\\x00-]{1,9}", 1..40),
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
