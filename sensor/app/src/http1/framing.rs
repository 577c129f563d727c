//! Numbers that frame bodies (RFC 9110 §8.6, RFC 9112 §7.1), odd ones too.

use super::wire::{is_space, trim_blanks};

/// A chunk cannot be larger than this.
pub const MAX_CHUNK_BYTES: u64 = i32::MAX as u64;

/// A `Content-Length`: the first run of digits, and whether something stood before or behind it.
pub fn content_length(value: &[u8]) -> (Option<u64>, bool, bool) {
    let value = trim_blanks(value);
    let before = value
        .iter()
        .take_while(|byte| !byte.is_ascii_digit())
        .count();
    let digits = value[before..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        return (None, false, false);
    }
    let length = value[before..before + digits]
        .iter()
        .try_fold(0u64, |length, digit| {
            length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
    let behind = !trim_blanks(&value[before + digits..]).is_empty();
    (length, before > 0, behind)
}

/// A line that should give a chunk's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkLine {
    /// Nothing but space: the size comes later.
    Empty,
    Size {
        bytes: u64,
        extension: bool,
    },
    Invalid,
}

/// Reads the line of a chunk's size.
pub fn chunk_line(line: &[u8]) -> ChunkLine {
    let rest = &line[line.iter().take_while(|&&byte| is_space(byte)).count()..];
    if rest.is_empty() {
        return ChunkLine::Empty;
    }
    let digits = rest
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if digits == 0 {
        return ChunkLine::Invalid;
    }
    let size = rest[..digits].iter().try_fold(0u64, |size, &digit| {
        let value = char::from(digit).to_digit(16)?;
        size.checked_mul(16)?.checked_add(u64::from(value))
    });
    match size {
        None => ChunkLine::Invalid,
        Some(bytes) if bytes > MAX_CHUNK_BYTES => ChunkLine::Empty,
        Some(bytes) => ChunkLine::Size {
            bytes,
            extension: rest[digits..].contains(&b';'),
        },
    }
}

/// Whether the beginning of a line can already not be a chunk's size.
pub fn is_no_chunk_line(beginning: &[u8]) -> bool {
    beginning
        .iter()
        .find(|&&byte| !is_space(byte))
        .is_some_and(|byte| !byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let rows: &[(&str, Option<u64>, bool, bool)] = &[
            ("5", Some(5), false, false),
            (" 5 ", Some(5), false, false),
            ("+5", Some(5), true, false),
            ("5, 5", Some(5), false, true),
            ("0x5", Some(0), false, true),
            ("", None, false, false),
            ("99999999999999999999", None, false, false),
        ];
        for &(value, length, before, behind) in rows {
            assert_eq!(
                content_length(value.as_bytes()),
                (length, before, behind),
                "{value}"
            );
        }
        let size = |bytes, extension| ChunkLine::Size { bytes, extension };
        let rows: &[(&str, ChunkLine)] = &[
            ("5\r\n", size(5, false)),
            (" aF \r\n", size(0xaf, false)),
            ("5;x=y\r\n", size(5, true)),
            ("0000000000000000000005\n", size(5, false)),
            ("0x5\r\n", size(0, false)),
            ("\r\n", ChunkLine::Empty),
            ("x\r\n", ChunkLine::Invalid),
            ("ffffffffff\r\n", ChunkLine::Empty),
        ];
        for &(line, expected) in rows {
            assert_eq!(chunk_line(line.as_bytes()), expected, "{line}");
        }
    }
}
