//! Shorter patterns, of two bytes and more, by pairs of bytes.

use memchr::memmem::Finder;

use super::Pattern;
use super::buckets::{Buckets, Entry, entries};

/// Bytes that are asked with one branch.
const BLOCK: usize = 16;
/// So many patterns of two bytes are looked for one by one: each pass, by vectors, takes a tenth of the time that
/// looking at every place takes longer than looking at every second one.
const MAX_ONE_BY_ONE: usize = 8;

#[derive(Debug)]
pub(super) struct Pairs {
    /// A bit for each pair of bytes, as they lie in the data.
    bits: Box<[u64; 1 << 10]>,
    buckets: Buckets,
    looks: Looks,
}

/// Where pairs are looked for. A pattern of three bytes and more is entered with two neighbouring pairs, one of which
/// lies at an even place. Patterns of two bytes are looked for one by one if they are few, else at every place.
#[derive(Debug)]
enum Looks {
    EveryPlace,
    EvenPlaces { one_by_one: Vec<OneByOne> },
}

/// A pattern of two bytes without letters.
#[derive(Debug)]
struct OneByOne {
    pattern: u32,
    finder: Finder<'static>,
}

impl Pairs {
    pub fn new(patterns: Vec<(u32, &Pattern)>) -> Option<Pairs> {
        if patterns.is_empty() {
            return None;
        }
        let (shortest, longer): (Vec<_>, Vec<_>) = patterns
            .iter()
            .copied()
            .partition(|(_, pattern)| pattern.bytes.len() == 2);
        let caseless =
            |(_, pattern): &(u32, &Pattern)| !pattern.bytes.iter().any(u8::is_ascii_alphabetic);
        let few = shortest.len() <= MAX_ONE_BY_ONE && shortest.iter().all(caseless);
        let (looks, patterns, neighbours) = if few {
            let one_by_one = shortest.into_iter().map(OneByOne::new).collect();
            (Looks::EvenPlaces { one_by_one }, longer, 2)
        } else {
            (Looks::EveryPlace, patterns, 1)
        };
        let entries: Vec<(u32, Entry)> = patterns
            .into_iter()
            .flat_map(|(index, pattern)| {
                entries(index, pattern, neighbours + 1, neighbours, |bytes| {
                    bytes.first_chunk().map(|pair| number(*pair))
                })
            })
            .collect();
        let mut bits = Box::new([0; 1 << 10]);
        for (key, _) in &entries {
            for pair in spellings(*key) {
                bits[(pair >> 6) as usize & 0x3ff] |= 1 << (pair & 63);
            }
        }
        Some(Pairs {
            bits,
            buckets: Buckets::new(entries),
            looks,
        })
    }

    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.bits) + self.buckets.memory_bytes()
    }

    /// Calls `found` with each place at which a pattern may begin, and the pattern.
    pub fn scan(&self, data: &[u8], mut found: impl FnMut(usize, u32)) {
        match &self.looks {
            Looks::EveryPlace => self.scan_places::<1>(data, found),
            Looks::EvenPlaces { one_by_one } => {
                for one in one_by_one {
                    if let Some(at) = one.finder.find(data) {
                        found(at, one.pattern);
                    }
                }
                self.scan_places::<2>(data, found);
            }
        }
    }

    /// The lowest bit tells whether a pattern has the pair.
    fn look(&self, pair: u32) -> u64 {
        self.bits[(pair >> 6) as usize & 0x3ff] >> (pair & 63)
    }

    fn scan_places<const STRIDE: usize>(&self, data: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut hit = |at: usize, pair: u32| {
            let pair = folded(pair);
            self.buckets.find(data, at, pair, &mut found);
        };
        let mut at = 0;
        while let Some(block) = data
            .get(at..)
            .and_then(<[u8]>::first_chunk::<{ BLOCK + 1 }>)
        {
            let pair = |place: usize| number([block[place], block[place + 1]]);
            let places = || (0..BLOCK).step_by(STRIDE);
            let any = places().fold(0, |any, place| any | self.look(pair(place)));
            if any & 1 != 0 {
                for place in places() {
                    if self.look(pair(place)) & 1 != 0 {
                        hit(at + place, pair(place));
                    }
                }
            }
            at += BLOCK;
        }
        while let Some(pair) = data.get(at..).and_then(<[u8]>::first_chunk) {
            let pair = number(*pair);
            if self.look(pair) & 1 != 0 {
                hit(at, pair);
            }
            at += STRIDE;
        }
    }
}

impl OneByOne {
    fn new((index, pattern): (u32, &Pattern)) -> OneByOne {
        OneByOne {
            pattern: index,
            finder: Finder::new(&pattern.bytes).into_owned(),
        }
    }
}

fn number(pair: [u8; 2]) -> u32 {
    u32::from(u16::from_le_bytes(pair))
}

/// The same pair in lower case.
fn folded(pair: u32) -> u32 {
    let [first, second, ..] = pair.to_le_bytes();
    number([first.to_ascii_lowercase(), second.to_ascii_lowercase()])
}

/// A pair in lower case → all pairs that it stands for.
fn spellings(pair: u32) -> impl Iterator<Item = u32> {
    let [first, second, ..] = pair.to_le_bytes();
    let of = |byte: u8| [byte, byte.to_ascii_uppercase()];
    of(first)
        .into_iter()
        .flat_map(move |first| of(second).map(|second| number([first, second])))
}
