//! Patterns of five bytes and more, by windows of four.

use super::buckets::{Buckets, Entry, entries};
use super::{FOLD, Pattern, SPREAD};

/// Bytes of a window.
const WINDOW: usize = 4;
/// Places between two looks in the data; a pattern is entered with as many neighbouring windows.
const STRIDE: usize = 2;
/// The shortest pattern that is looked for by windows.
pub(super) const SHORTEST: usize = WINDOW + STRIDE - 1;
/// Places that are asked with one branch.
const PLACES: usize = 8;
const BLOCK: usize = (PLACES - 1) * STRIDE + WINDOW;
/// The table has this many bits for each entry, of which two are set: few places look like a window without being one.
const BITS_PER_ENTRY: usize = 32;

#[derive(Debug)]
pub(super) struct Windows {
    table: Table,
    buckets: Buckets,
}

/// Two bits of one word for each hash that a window has (a Bloom filter by blocks, Putze, Sanders and Singler 2007). The sizes are known to the compiler, so that a look checks no bounds; the
/// larger of two lies in a processor's first cache, the largest in its second.
#[derive(Debug)]
enum Table {
    Tiny(Box<Bits<{ 1 << 6 }>>),
    Small(Box<Bits<{ 1 << 9 }>>),
    Middle(Box<Bits<{ 1 << 12 }>>),
    Large(Box<Bits<{ 1 << 15 }>>),
}

/// `WORDS` is a power of two.
#[derive(Debug)]
struct Bits<const WORDS: usize>([u64; WORDS]);

impl Windows {
    pub fn new(patterns: Vec<(u32, &Pattern)>) -> Option<Windows> {
        if patterns.is_empty() {
            return None;
        }
        let entries: Vec<(u32, Entry)> = patterns
            .into_iter()
            .flat_map(|(index, pattern)| {
                entries(index, pattern, SHORTEST, STRIDE, |bytes| {
                    bytes.first_chunk().map(|window| folded(*window))
                })
            })
            .collect();
        Some(Windows {
            table: Table::new(&entries),
            buckets: Buckets::new(entries),
        })
    }

    pub fn memory_bytes(&self) -> usize {
        let table = match &self.table {
            Table::Tiny(bits) => size_of_val(&**bits),
            Table::Small(bits) => size_of_val(&**bits),
            Table::Middle(bits) => size_of_val(&**bits),
            Table::Large(bits) => size_of_val(&**bits),
        };
        table + self.buckets.memory_bytes()
    }

    /// Calls `found` with each place at which a pattern may begin, and the pattern.
    pub fn scan(&self, data: &[u8], mut found: impl FnMut(usize, u32)) {
        let hit = |at: usize, key: u32| {
            self.buckets.find(data, at, key, &mut found);
        };
        match &self.table {
            Table::Tiny(bits) => bits.scan(data, hit),
            Table::Small(bits) => bits.scan(data, hit),
            Table::Middle(bits) => bits.scan(data, hit),
            Table::Large(bits) => bits.scan(data, hit),
        }
    }
}

impl Table {
    fn new(entries: &[(u32, Entry)]) -> Table {
        let words = entries.len() * BITS_PER_ENTRY / u64::BITS as usize;
        match words {
            0..=0x40 => Table::Tiny(Bits::new(entries)),
            0x41..=0x200 => Table::Small(Bits::new(entries)),
            0x201..=0x2000 => Table::Middle(Bits::new(entries)),
            _ => Table::Large(Bits::new(entries)),
        }
    }
}

impl<const WORDS: usize> Bits<WORDS> {
    fn new(entries: &[(u32, Entry)]) -> Box<Self> {
        let mut bits = Box::new(Bits([0; WORDS]));
        for (key, _) in entries {
            let (word, first, second) = Self::place(*key);
            bits.0[word] |= 1 << first | 1 << second;
        }
        bits
    }

    /// Word and bits of a window.
    fn place(key: u32) -> (usize, u32, u32) {
        let spread = key.wrapping_mul(SPREAD);
        let word = spread >> (u32::BITS - WORDS.ilog2());
        let bits = spread >> (u32::BITS - WORDS.ilog2() - 12);
        (word as usize & (WORDS - 1), bits & 63, bits >> 6 & 63)
    }

    /// The lowest bit tells whether a window may be there.
    fn look(&self, key: u32) -> u64 {
        let (word, first, second) = Self::place(key);
        self.0[word] >> first & self.0[word] >> second
    }

    /// Calls `hit` with each place, and the folded bytes there, that has a window's hash.
    fn scan(&self, data: &[u8], mut hit: impl FnMut(usize, u32)) {
        let mut at = 0;
        while let Some(block) = data.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let key = |place: usize| {
                let at = place * STRIDE;
                folded([block[at], block[at + 1], block[at + 2], block[at + 3]])
            };
            let any = (0..PLACES).fold(0, |any, place| any | self.look(key(place)));
            if any & 1 != 0 {
                for place in 0..PLACES {
                    if self.look(key(place)) & 1 != 0 {
                        hit(at + place * STRIDE, key(place));
                    }
                }
            }
            at += PLACES * STRIDE;
        }
        while let Some(window) = data.get(at..).and_then(<[u8]>::first_chunk) {
            let key = folded(*window);
            if self.look(key) & 1 != 0 {
                hit(at, key);
            }
            at += STRIDE;
        }
    }
}

fn folded(window: [u8; WINDOW]) -> u32 {
    u32::from_le_bytes(window) | u32::from_le_bytes([FOLD; WINDOW])
}
