//! One literal in a haystack.

use memchr::{memchr2, memmem};

/// A byte string to look for, exactly or without regard to ASCII case.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are exact; a box would cost every search a jump"
)]
pub(crate) enum Literal {
    Exact(memmem::Finder<'static>),
    /// Lower case.
    Folded(Box<[u8]>),
}

impl Literal {
    pub fn new(bytes: &[u8], nocase: bool) -> Self {
        if nocase && bytes.iter().any(u8::is_ascii_alphabetic) {
            Literal::Folded(bytes.to_ascii_lowercase().into())
        } else {
            Literal::Exact(memmem::Finder::new(bytes).into_owned())
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Literal::Exact(finder) => finder.needle().len(),
            Literal::Folded(needle) => needle.len(),
        }
    }

    /// Whether the literal stands at `at`.
    pub fn is_at(&self, haystack: &[u8], at: usize) -> bool {
        let Some(there) = haystack.get(at..at.saturating_add(self.len())) else {
            return false;
        };
        match self {
            Literal::Exact(finder) => there == finder.needle(),
            Literal::Folded(needle) => there.eq_ignore_ascii_case(needle),
        }
    }

    /// First place of the literal.
    pub fn find(&self, haystack: &[u8]) -> Option<usize> {
        match self {
            Literal::Exact(finder) => finder.find(haystack),
            Literal::Folded(needle) => {
                let first = *needle.first()?;
                let last_start = haystack.len().checked_sub(needle.len())?;
                let mut from = 0;
                while from <= last_start {
                    let at = from
                        + memchr2(
                            first,
                            first.to_ascii_uppercase(),
                            &haystack[from..=last_start],
                        )?;
                    if self.is_at(haystack, at) {
                        return Some(at);
                    }
                    from = at + 1;
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        ];
        for &(needle, nocase, haystack, expected) in rows {
            assert_eq!(
                Literal::new(needle, nocase).find(haystack),
                expected,
                "{needle:?} in {haystack:?}"
            );
        }
    }
}
