//! Pieces of RESP: the line in front of every value.

/// Digits of a count.
const MAX_DIGITS: usize = 10;

/// What a line announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header<'a> {
    /// A value that the line holds itself.
    Scalar {
        kind: &'static str,
        text: &'a [u8],
    },
    /// Bytes that follow, with the end of a line.
    Bulk {
        kind: &'static str,
        bytes: u64,
    },
    /// Values that follow.
    Aggregate {
        kind: &'static str,
        values: u64,
    },
    Null,
    /// Attributes, which stand before the value itself.
    Attributes {
        values: u64,
    },
}

/// Whether a value may begin with this byte.
pub fn is_type(byte: u8) -> bool {
    b"+-:$*_,#(!=%~>|".contains(&byte)
}

impl Header<'_> {
    pub fn read(line: &[u8]) -> Option<Header<'_>> {
        let (first, text) = line.split_first()?;
        let scalar = |kind| Some(Header::Scalar { kind, text });
        let sized = |kind, of: fn(&'static str, u64) -> Header<'static>| match number(text)? {
            None => Some(Header::Null),
            Some(count) => Some(of(kind, count)),
        };
        let bulk = |kind, bytes| Header::Bulk { kind, bytes };
        let aggregate = |kind, values| Header::Aggregate { kind, values };
        match first {
            b'+' => scalar("string"),
            b'-' => scalar("error"),
            b':' => scalar("integer"),
            b',' => scalar("double"),
            b'#' => scalar("boolean"),
            b'(' => scalar("big_number"),
            b'_' => Some(Header::Null),
            b'$' => sized("bulk", bulk),
            b'!' => sized("error", bulk),
            b'=' => sized("verbatim", bulk),
            b'*' => sized("array", aggregate),
            b'~' => sized("set", aggregate),
            b'>' => sized("push", aggregate),
            b'%' => sized("map", |kind, pairs| Header::Aggregate {
                kind,
                values: pairs.saturating_mul(2),
            }),
            b'|' => sized("map", |_, pairs| Header::Attributes {
                values: pairs.saturating_mul(2),
            }),
            _ => None,
        }
    }
}

/// A count; `Some(None)` is -1, which stands for no value.
fn number(text: &[u8]) -> Option<Option<u64>> {
    if text == b"-1" {
        return Some(None);
    }
    if text.is_empty() || text.len() > MAX_DIGITS || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(text).ok()?.parse().ok())
}

/// Whether bytes begin a command: an array of strings, the first of which is a word. `None` needs more.
pub fn begins_command(data: &[u8]) -> Option<bool> {
    let mut rest = data;
    for letter in [b'*', b'$'] {
        let (first, after) = rest.split_first()?;
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if *first != letter || digits > MAX_DIGITS {
            return Some(false);
        }
        let (_, after) = after.split_at(digits);
        match after {
            [] | [b'\r'] => return None,
            [b'\r', b'\n', after @ ..] if digits > 0 => rest = after,
            _ => return Some(false),
        }
    }
    rest.first().map(|first| first.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_announce_values() {
        for (line, header) in [
            (
                &b"+OK"[..],
                Some(Header::Scalar {
                    kind: "string",
                    text: b"OK",
                }),
            ),
            (
                b"$5",
                Some(Header::Bulk {
                    kind: "bulk",
                    bytes: 5,
                }),
            ),
            (b"$-1", Some(Header::Null)),
            (
                b"%2",
                Some(Header::Aggregate {
                    kind: "map",
                    values: 4,
                }),
            ),
            (b"*99999999999", None),
            (b"*x", None),
            (b"?", None),
        ] {
            assert_eq!(Header::read(line), header, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = (Header::read(&line), begins_command(&line));
        }
    }
}
