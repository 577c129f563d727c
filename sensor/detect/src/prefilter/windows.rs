//! Longer patterns, by windows of four bytes.

use super::buckets::{Buckets, Entry, entries};
use super::{FOLD, Pattern, SPREAD};

/// Bytes of a window.
const WINDOW: usize = 4;
/// Places that are asked with one branch.
const PLACES: usize = 8;
/// The table has this many cells for each entry: few places look like a window without being one.
const CELLS_PER_ENTRY: usize = 8;

/// Looks at one of two places in the data, or at one of four.
#[derive(Debug)]
pub(super) enum Windows {
    Near(Strided<2, { block(2) }>),
    Far(Strided<4, { block(4) }>),
}

/// Bytes that `PLACES` windows span.
const fn block(stride: usize) -> usize {
    (PLACES - 1) * stride + WINDOW
}

/// `STRIDE` places lie between two looks; a pattern is entered with as many neighbouring windows.
#[derive(Debug)]
pub(super) struct Strided<const STRIDE: usize, const BLOCK: usize> {
    table: Table,
    buckets: Buckets,
}

/// A bit in each of two cells for each hash that a window has. An entry has one of eight bits, so that cells of two
/// entries seldom make a third (a Bloom filter whose cells tell groups apart). The sizes are known to the compiler, so
/// that a look checks no bounds; the two smaller lie in a processor's first cache, the largest in its second.
#[derive(Debug)]
enum Table {
    Tiny(Box<Cells<{ 1 << 9 }>>),
    Small(Box<Cells<{ 1 << 11 }>>),
    Middle(Box<Cells<{ 1 << 13 }>>),
    Large(Box<Cells<{ 1 << 15 }>>),
}

/// `CELLS` is a power of two.
#[derive(Debug)]
struct Cells<const CELLS: usize> {
    first: [u8; CELLS],
    second: [u8; CELLS],
}

impl Windows {
    /// The shortest pattern that is found by looks at one of two places, and at one of four.
    pub const SHORTEST: usize = WINDOW + 1;
    pub const SHORTEST_FAR: usize = WINDOW + 3;

    /// None of the patterns is shorter than `SHORTEST`, or than `SHORTEST_FAR` where looks are to be far apart.
    pub fn new(patterns: &[(u32, &Pattern)], is_far: bool) -> Option<Windows> {
        if patterns.is_empty() {
            return None;
        }
        Some(if is_far {
            Windows::Far(Strided::new(patterns))
        } else {
            Windows::Near(Strided::new(patterns))
        })
    }

    pub fn memory_bytes(&self) -> usize {
        match self {
            Windows::Near(windows) => windows.memory_bytes(),
            Windows::Far(windows) => windows.memory_bytes(),
        }
    }

    /// Calls `found` with each place at which a pattern may begin, and the pattern.
    pub fn scan(&self, data: &[u8], found: impl FnMut(usize, u32)) {
        match self {
            Windows::Near(windows) => windows.scan(data, found),
            Windows::Far(windows) => windows.scan(data, found),
        }
    }
}

impl<const STRIDE: usize, const BLOCK: usize> Strided<STRIDE, BLOCK> {
    fn new(patterns: &[(u32, &Pattern)]) -> Self {
        let entries: Vec<(u32, Entry)> = patterns
            .iter()
            .flat_map(|(index, pattern)| {
                entries(*index, pattern, WINDOW + STRIDE - 1, STRIDE, |bytes| {
                    bytes.first_chunk().map(|window| folded(*window))
                })
            })
            .collect();
        Strided {
            table: Table::new(&entries),
            buckets: Buckets::new(entries),
        }
    }

    fn memory_bytes(&self) -> usize {
        let table = match &self.table {
            Table::Tiny(cells) => size_of_val(&**cells),
            Table::Small(cells) => size_of_val(&**cells),
            Table::Middle(cells) => size_of_val(&**cells),
            Table::Large(cells) => size_of_val(&**cells),
        };
        table + self.buckets.memory_bytes()
    }

    fn scan(&self, data: &[u8], mut found: impl FnMut(usize, u32)) {
        let hit = |at: usize, key: u32| {
            self.buckets.find(data, at, key, &mut found);
        };
        match &self.table {
            Table::Tiny(cells) => cells.scan::<STRIDE, BLOCK>(data, hit),
            Table::Small(cells) => cells.scan::<STRIDE, BLOCK>(data, hit),
            Table::Middle(cells) => cells.scan::<STRIDE, BLOCK>(data, hit),
            Table::Large(cells) => cells.scan::<STRIDE, BLOCK>(data, hit),
        }
    }
}

impl Table {
    fn new(entries: &[(u32, Entry)]) -> Table {
        match entries.len() * CELLS_PER_ENTRY {
            0..=0x200 => Table::Tiny(Cells::new(entries)),
            0x201..=0x800 => Table::Small(Cells::new(entries)),
            0x801..=0x4000 => Table::Middle(Cells::new(entries)),
            _ => Table::Large(Cells::new(entries)),
        }
    }
}

impl<const CELLS: usize> Cells<CELLS> {
    fn new(entries: &[(u32, Entry)]) -> Box<Self> {
        let mut cells = Box::new(Cells {
            first: [0; CELLS],
            second: [0; CELLS],
        });
        for (number, (key, _)) in entries.iter().enumerate() {
            let bit = 1 << (number % u8::BITS as usize);
            let (first, second) = Self::places(*key);
            cells.first[first] |= bit;
            cells.second[second] |= bit;
        }
        cells
    }

    /// The two cells of a window.
    fn places(key: u32) -> (usize, usize) {
        let spread = key.wrapping_mul(SPREAD);
        let bits = CELLS.ilog2();
        let cell = |shift: u32| (spread >> shift) as usize & (CELLS - 1);
        (cell(u32::BITS - bits), cell(u32::BITS - 2 * bits))
    }

    /// Not 0 where a window may be.
    fn look(&self, key: u32) -> u8 {
        let (first, second) = Self::places(key);
        self.first[first] & self.second[second]
    }

    /// Calls `hit` with each place, and the folded bytes there, that has a window's hash.
    fn scan<const STRIDE: usize, const BLOCK: usize>(
        &self,
        data: &[u8],
        mut hit: impl FnMut(usize, u32),
    ) {
        let mut at = 0;
        while let Some(block) = data.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let key = |place: usize| {
                let at = place * STRIDE;
                folded([block[at], block[at + 1], block[at + 2], block[at + 3]])
            };
            let any = (0..PLACES).fold(0, |any, place| any | self.look(key(place)));
            if any != 0 {
                for place in 0..PLACES {
                    if self.look(key(place)) != 0 {
                        hit(at + place * STRIDE, key(place));
                    }
                }
            }
            at += PLACES * STRIDE;
        }
        while let Some(window) = data.get(at..).and_then(<[u8]>::first_chunk) {
            let key = folded(*window);
            if self.look(key) != 0 {
                hit(at, key);
            }
            at += STRIDE;
        }
    }
}

fn folded(window: [u8; WINDOW]) -> u32 {
    u32::from_le_bytes(window) | u32::from_le_bytes([FOLD; WINDOW])
}
