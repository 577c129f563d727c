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
/// The table has this many bits for each entry, so that few places look like a window without being one.
const BITS_PER_ENTRY: usize = 64;

#[derive(Debug)]
pub(super) struct Windows {
    table: Table,
    buckets: Buckets,
}

/// A bit for each hash that a window has. The sizes are known to the compiler, so that a look checks no bounds; the
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
        let entries: Vec<Entry> = patterns
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

    /// Calls `found` for each entry whose window lies at a place of the data.
    pub fn scan(&self, data: &[u8], mut found: impl FnMut(usize, Entry)) {
        let hit = |at: usize, key: u32| {
            for entry in self.buckets.with_key(key) {
                found(at, entry);
            }
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
    fn new(entries: &[Entry]) -> Table {
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
    fn new(entries: &[Entry]) -> Box<Self> {
        let mut bits = Box::new(Bits([0; WORDS]));
        for entry in entries {
            let (word, bit) = Self::place(entry.key);
            bits.0[word] |= 1 << bit;
        }
        bits
    }

    /// Word and bit of a window.
    fn place(key: u32) -> (usize, u32) {
        let spread = key.wrapping_mul(SPREAD);
        let bit = spread >> (u32::BITS - WORDS.ilog2() - 6);
        ((bit >> 6) as usize & (WORDS - 1), bit & 63)
    }

    /// The lowest bit tells whether a window may be there.
    fn look(&self, key: u32) -> u64 {
        let (word, bit) = Self::place(key);
        self.0[word] >> bit
    }

    /// Calls `hit` with each place, and the folded bytes there, that has a window's hash.
    fn scan(&self, data: &[u8], mut hit: impl FnMut(usize, u32)) {
        let mut at = 0;
        while let Some(block) = data.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let key = |place: usize| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|byte| block[place * STRIDE + byte]);
                folded([a, b, c, d])
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
