//! One literal in a haystack.

use memchr::arch::all::packedpair;
use memchr::{memchr, memchr2, memmem};

/// Wrong places of the rarest byte after which an exact search goes on with the algorithm that is linear whatever the
/// bytes are. Building that one anew costs as much as a handful of wrong places.
const PATIENCE: u32 = 16;

/// A byte string to look for, exactly or without regard to ASCII case.
///
/// Rule sets have tens of thousands of them: `memmem::Finder`, built ahead, is 288 bytes each.
pub(crate) struct Literal {
    /// Lower case if it is looked for without regard to case.
    needle: Box<[u8]>,
    folded: bool,
    /// Place of the byte in the needle that is rare in most data.
    rare: u8,
}

impl Literal {
    pub fn new(bytes: &[u8], nocase: bool) -> Self {
        let folded = nocase && bytes.iter().any(u8::is_ascii_alphabetic);
        let needle: Box<[u8]> = if folded {
            bytes.to_ascii_lowercase().into()
        } else {
            bytes.into()
        };
        Literal {
            rare: packedpair::Pair::new(&needle).map_or(0, |pair| pair.index1()),
            needle,
            folded,
        }
    }

    pub fn len(&self) -> usize {
        self.needle.len()
    }

    /// Whether the literal stands at `at`.
    pub fn is_at(&self, haystack: &[u8], at: usize) -> bool {
        let Some(there) = haystack.get(at..at.saturating_add(self.len())) else {
            return false;
        };
        if self.folded {
            there.eq_ignore_ascii_case(&self.needle)
        } else {
            *there == *self.needle
        }
    }

    /// First place of the literal.
    pub fn find(&self, haystack: &[u8]) -> Option<usize> {
        let rare = usize::from(self.rare);
        let Some(&byte) = self.needle.get(rare) else {
            return Some(0);
        };
        // Where the rare byte may stand.
        let places = haystack.len().checked_sub(self.needle.len())? + 1;
        let window = &haystack[rare..rare + places];
        let mut at = 0;
        let mut wrong = 0;
        loop {
            at += if self.folded {
                memchr2(byte, byte.to_ascii_uppercase(), &window[at..])?
            } else if wrong < PATIENCE {
                memchr(byte, &window[at..])?
            } else {
                let found = memmem::find(&haystack[at..], &self.needle)?;
                return Some(at + found);
            };
            if self.is_at(haystack, at) {
                return Some(at);
            }
            wrong += 1;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Literal;

    #[test]
    fn literals_are_found() {
        let rows: &[(&[u8], bool, &[u8], Option<usize>)] = &[
            (b"abc", false, b"xxabc", Some(2)),
            (b"abc", false, b"xxABC", None),
            (b"aBc", true, b"xxABC", Some(2)),
            (b"abc", true, b"ab", None),
            (b"aab", true, b"aAaAb", Some(2)),
            (b"\x00\xff", true, b"\x01\x00\xff", Some(1)),
            (b"zq", false, b"z", None),
        ];
        for &(needle, nocase, haystack, expected) in rows {
            assert_eq!(
                Literal::new(needle, nocase).find(haystack),
                expected,
                "{needle:?} in {haystack:?}"
            );
        }
    }

    proptest! {
        /// Few different bytes: many places that nearly match, past the patience of the search.
        #[test]
        fn the_first_place_is_found(
            needle in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'B'), Just(b'/')], 1..6),
            haystack in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'B'), Just(b'/')], 0..300),
            nocase: bool,
        ) {
            let expected = haystack.windows(needle.len()).position(|window| {
                if nocase { window.eq_ignore_ascii_case(&needle) } else { window == needle }
            });
            prop_assert_eq!(Literal::new(&needle, nocase).find(&haystack), expected);
        }
    }
}
