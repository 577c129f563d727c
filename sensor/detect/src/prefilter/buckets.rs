//! Where patterns are found by a part of them: which part, and the lists behind it.

use super::{Pattern, SPREAD};

/// A pattern, and how far inside it the window or pair lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub pattern: u32,
    pub offset: u32,
    /// The folded bytes of the window or pair.
    pub key: u32,
}

/// Entries by their key, in lists of which there are about as many.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Where each list begins in `entries`; one more than there are lists, which are a power of two.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// Of the spread key, how many bits do not choose the list.
    shift: u32,
}

impl Buckets {
    pub fn new(mut entries: Vec<Entry>) -> Buckets {
        let lists = entries.len().next_power_of_two().max(2);
        let shift = u32::BITS - lists.ilog2();
        let list_of = |entry: &Entry| (entry.key.wrapping_mul(SPREAD) >> shift) as usize;
        entries.sort_by_key(list_of);
        let mut starts = vec![0u32; lists + 1];
        for entry in &entries {
            starts[list_of(entry) + 1] += 1;
        }
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        Buckets {
            starts,
            entries,
            shift,
        }
    }

    /// The entries with this key.
    pub fn with_key(&self, key: u32) -> impl Iterator<Item = Entry> + '_ {
        let list = (key.wrapping_mul(SPREAD) >> self.shift) as usize;
        let entries = match self.starts.get(list..list + 2) {
            Some(&[start, end]) => self.entries.get(start as usize..end as usize),
            _ => None,
        };
        entries
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(move |entry| entry.key == key)
    }

    pub fn memory_bytes(&self) -> usize {
        self.starts.len() * size_of::<u32>() + self.entries.len() * size_of::<Entry>()
    }
}

/// Entries of a pattern at `count` neighbouring places, with the key of what lies there; the places are those whose
/// `length` bytes in all are the rarest of the pattern.
pub(super) fn entries(
    index: u32,
    pattern: &Pattern,
    length: usize,
    count: usize,
    key: impl Fn(&[u8]) -> Option<u32>,
) -> impl Iterator<Item = Entry> {
    let at = rarest(&pattern.bytes, length);
    (at..at + count).filter_map(move |offset| {
        Some(Entry {
            pattern: index,
            offset: u32::try_from(offset).ok()?,
            key: key(pattern.bytes.get(offset..)?)?,
        })
    })
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
