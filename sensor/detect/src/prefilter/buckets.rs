//! Where patterns are found by a part of them: which part, and the lists behind it.

use super::{FOLD, Pattern, SPREAD};

/// A pattern, and how far inside it the window or pair lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pattern: u32,
    offset: u32,
    /// The first four bytes of the pattern, folded, or as many as it has.
    head: u32,
    /// Bits of the head that the pattern has.
    mask: u32,
}

impl Entry {
    fn new(index: u32, pattern: &Pattern, offset: u32) -> Entry {
        let mut head = [0; size_of::<u32>()];
        let mut mask = [0; size_of::<u32>()];
        for ((byte, head), mask) in pattern.bytes.iter().zip(&mut head).zip(&mut mask) {
            (*head, *mask) = (byte | FOLD, 0xff);
        }
        Entry {
            pattern: index,
            offset,
            head: u32::from_le_bytes(head),
            mask: u32::from_le_bytes(mask),
        }
    }

    /// Where the pattern begins if its window or pair lies at this place; none if it begins otherwise.
    #[inline]
    fn begins(&self, data: &[u8], at: usize) -> Option<usize> {
        let start = at.checked_sub(self.offset as usize)?;
        let head = data.get(start..)?.first_chunk();
        // At the end of the data the comparison of the whole pattern tells.
        let is_other = head.is_some_and(|head| {
            (u32::from_le_bytes(*head) | u32::from_le_bytes([FOLD; 4])) & self.mask != self.head
        });
        (!is_other).then_some(start)
    }
}

/// Entries by their key (the bytes of the window or pair), in lists of which there are about as many.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Where each list begins in `entries`; one more than there are lists, which are a power of two.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// Of the spread key, how many bits do not choose the list.
    shift: u32,
}

impl Buckets {
    pub fn new(mut keyed: Vec<(u32, Entry)>) -> Buckets {
        let lists = keyed.len().next_power_of_two().max(2);
        let shift = u32::BITS - lists.ilog2();
        let list_of = |(key, _): &(u32, Entry)| (key.wrapping_mul(SPREAD) >> shift) as usize;
        keyed.sort_by_key(list_of);
        let mut starts = vec![0u32; lists + 1];
        for one in &keyed {
            starts[list_of(one) + 1] += 1;
        }
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        Buckets {
            starts,
            entries: keyed.into_iter().map(|(_, entry)| entry).collect(),
            shift,
        }
    }

    /// Calls `found` with where patterns begin whose window or pair, `key`, lies at this place; with some others too.
    #[inline]
    pub fn find(&self, data: &[u8], at: usize, key: u32, mut found: impl FnMut(usize, u32)) {
        for entry in self.with_key(key) {
            if let Some(start) = entry.begins(data, at) {
                found(start, entry.pattern);
            }
        }
    }

    fn with_key(&self, key: u32) -> &[Entry] {
        let list = (key.wrapping_mul(SPREAD) >> self.shift) as usize;
        let entries = match self.starts.get(list..list + 2) {
            Some(&[start, end]) => self.entries.get(start as usize..end as usize),
            _ => None,
        };
        entries.unwrap_or_default()
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
) -> impl Iterator<Item = (u32, Entry)> {
    let at = rarest(&pattern.bytes, length);
    (at..at + count).filter_map(move |offset| {
        let key = key(pattern.bytes.get(offset..)?)?;
        Some((key, Entry::new(index, pattern, u32::try_from(offset).ok()?)))
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

/// What a byte costs more when it repeats the one before: runs of one byte are padding, and padding is long.
const REPEATED: u32 = 8;

/// Where the rarest run of `length` bytes of a pattern begins.
fn rarest(pattern: &[u8], length: usize) -> usize {
    let cost = |run: &[u8]| -> u32 {
        let bytes: u32 = run.iter().map(|&byte| u32::from(commonness(byte))).sum();
        let pairs = run.iter().zip(run.iter().skip(1));
        let repeats = pairs.filter(|(byte, next)| byte == next).count() as u32;
        bytes + repeats * REPEATED
    };
    pattern
        .windows(length)
        .enumerate()
        .min_by_key(|(_, run)| cost(run))
        .map_or(0, |(at, _)| at)
}
