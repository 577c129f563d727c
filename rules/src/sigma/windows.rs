//! Many literals at once, in memory that grows with their number alone: of each literal three bytes are chosen (its
//! *window*), a text is asked at each place for windows that any literal has, and only where one stands are its literals
//! compared.
//!
//! An automaton over thousands of literals leaves the processor's caches; these bits do not. Windows are chosen so that
//! few literals share one: a hostile text costs no more a place than the literals of the fullest window.

use std::collections::HashMap;

/// Bytes of a window; shorter literals are not for here.
pub(super) const WINDOW: usize = 3;
/// So much a literal that has a window already weighs against another that only has it too.
const SHARED: usize = 8;
/// Bits for each window, and the least and the most of the table, as powers of two.
const SPARE_LOG: u32 = 4;
const LEAST_LOG: u32 = 12;
const MOST_LOG: u32 = 19;

#[derive(Debug)]
pub(super) struct Windows {
    /// Whether any window has this hash.
    bits: Box<[u64]>,
    bits_log: u32,
    /// Windows by hash, each in the first free place from its own on.
    places: Box<[Place]>,
    places_log: u32,
    /// By window.
    literals: Vec<Literal>,
}

/// Literals that share a window.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    window: u32,
    first: u32,
    /// None: the place is free.
    count: u32,
}

#[derive(Debug)]
struct Literal {
    text: Box<[u8]>,
    /// Where its window stands in it.
    at: usize,
    number: usize,
}

fn window(bytes: &[u8]) -> Option<u32> {
    let [a, b, c] = *bytes.first_chunk::<WINDOW>()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

fn hash(window: u32, log: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> (32 - log)) as usize
}

/// The power of two at or above a number.
fn log_of(number: usize) -> u32 {
    number.next_power_of_two().trailing_zeros()
}

impl Windows {
    /// Of literals that have three bytes at the least; they are told by their numbers.
    pub fn new<'a>(literals: impl Iterator<Item = &'a str> + Clone) -> Windows {
        // What stands in many literals stands in many texts too.
        let mut common: HashMap<u32, usize> = HashMap::new();
        for text in literals.clone() {
            for window in text.as_bytes().windows(WINDOW).filter_map(window) {
                *common.entry(window).or_default() += 1;
            }
        }
        let mut sharing: HashMap<u32, Vec<Literal>> = HashMap::new();
        for (number, text) in literals.enumerate() {
            let bytes = text.as_bytes();
            let windows = bytes.windows(WINDOW).map(window).enumerate();
            let rarest = windows
                .filter_map(|(at, window)| Some((at, window?)))
                .min_by_key(|(_, window)| {
                    let shared = sharing.get(window).map_or(0, Vec::len);
                    common.get(window).copied().unwrap_or(0) + SHARED * shared
                });
            if let Some((at, window)) = rarest {
                let text = bytes.into();
                let literal = Literal { text, at, number };
                sharing.entry(window).or_default().push(literal);
            }
        }
        let bits_log = (log_of(sharing.len()) + SPARE_LOG).clamp(LEAST_LOG, MOST_LOG);
        let places_log = log_of(2 * sharing.len()).max(1);
        let mut own = Windows {
            bits: vec![0; 1 << (bits_log - 6)].into(),
            bits_log,
            places: vec![Place::default(); 1 << places_log].into(),
            places_log,
            literals: Vec::new(),
        };
        let mut sharing: Vec<(u32, Vec<Literal>)> = sharing.into_iter().collect();
        sharing.sort_by_key(|(window, _)| *window);
        for (window, literals) in sharing {
            let bit = hash(window, bits_log);
            own.bits[bit / 64] |= 1 << (bit % 64);
            let mut at = hash(window, places_log);
            while own.places[at].count > 0 {
                at = (at + 1) % own.places.len();
            }
            own.places[at] = Place {
                window,
                first: own.literals.len() as u32,
                count: literals.len() as u32,
            };
            own.literals.extend(literals);
        }
        own
    }

    /// Tells the number of each literal that stands in the text, with the byte behind it and its length, as
    /// often as it stands there.
    pub fn find(&self, text: &[u8], mut hit: impl FnMut(usize, usize, usize)) {
        for (at, bytes) in text.windows(WINDOW).enumerate() {
            let Some(window) = window(bytes) else {
                continue;
            };
            let bit = hash(window, self.bits_log);
            let word = self.bits.get(bit / 64).copied().unwrap_or_default();
            if word >> (bit % 64) & 1 != 0 {
                for literal in self.sharing(window) {
                    let found = at.checked_sub(literal.at).and_then(|start| {
                        let end = start + literal.text.len();
                        (text.get(start..end)? == literal.text.as_ref()).then_some(end)
                    });
                    if let Some(end) = found {
                        hit(literal.number, end, literal.text.len());
                    }
                }
            }
        }
    }

    fn sharing(&self, window: u32) -> &[Literal] {
        let mut at = hash(window, self.places_log);
        // Half of the places are free.
        while let Some(place) = self.places.get(at).filter(|place| place.count > 0) {
            if place.window == window {
                let first = place.first as usize;
                let own = self.literals.get(first..first + place.count as usize);
                return own.unwrap_or_default();
            }
            at = (at + 1) % self.places.len();
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_stands_in_a_text_is_told(
            literals in prop::collection::btree_set("[ab/đ]{3,6}", 0..60),
            text in "[ab/đ]{0,40}",
        ) {
            let literals: Vec<String> = literals.into_iter().collect();
            let windows = Windows::new(literals.iter().map(String::as_str));
            let mut told = Vec::new();
            windows.find(text.as_bytes(), |number, end, _| told.push((number, end)));
            told.sort_unstable();
            let mut expected = Vec::new();
            for (number, literal) in literals.iter().enumerate() {
                let starts = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(literal.as_bytes()));
                expected.extend(starts.map(|at| (number, at + literal.len())));
            }
            prop_assert_eq!(told, expected);
        }
    }

    /// However alike literals are, few share a window.
    #[test]
    fn windows_are_shared_by_few() {
        let literals: Vec<String> = (0..20_000)
            .map(|n| format!("/wp-content/plugins/p{n:05}/index.php"))
            .collect();
        let windows = Windows::new(literals.iter().map(String::as_str));
        let most = windows.places.iter().map(|place| place.count).max();
        assert!(most < Some(64), "{most:?}");
    }
}
