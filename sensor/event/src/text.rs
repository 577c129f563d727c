//! Bytes as JSON strings.

use std::fmt::{self, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::ascii::Ascii;

/// Bytes from the wire as a string: UTF-8 as it is. Bytes that are not UTF-8 as a whole tell no characters: each
/// beyond ASCII is `\xNN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(pub &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) => f.write_str(text),
            Err(_) => escaped(self.0, f),
        }
    }
}

fn escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|&byte| {
        if byte.is_ascii() {
            f.write_char(char::from(byte))
        } else {
            write!(f, "\\x{byte:02x}")
        }
    })
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

/// [`Text`] of at most so many bytes; more are cut off (not within a character) and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited<'a>(pub &'a [u8], pub usize);

impl fmt::Display for Limited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limited(bytes, limit) = *self;
        let Some(more) = bytes.len().checked_sub(limit).filter(|more| *more > 0) else {
            return Text(bytes).fmt(f);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => f.write_str(&text[..text.floor_char_boundary(limit)])?,
            Err(_) => escaped(&bytes[..limit], f)?,
        }
        let plural = if more == 1 { "" } else { "s" };
        write!(f, "[truncated {more} additional byte{plural}]")
    }
}

impl Serialize for Limited<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= self.1 {
            Text(self.0).serialize(serializer)
        } else {
            serializer.collect_str(self)
        }
    }
}

/// Bytes with everything but printable ASCII, CR and LF as a dot (`payload_printable`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A piece at a time, as each call of the formatter costs more than a byte.
        self.0.chunks(64).try_for_each(|bytes| {
            let mut piece = Ascii::<64>::new();
            for &byte in bytes {
                let plain = byte == b'\r' || byte == b'\n' || (0x20..0x7f).contains(&byte);
                piece.push(if plain { byte } else { b'.' });
            }
            f.write_str(piece.as_str())
        })
    }
}

impl Serialize for Printable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bytes as standard base64 with padding (RFC 4648 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base64<'a>(pub &'a [u8]);

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(self.0, &STANDARD).fmt(f)
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bytes as lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chunks(32).try_for_each(|bytes| {
            let mut piece = Ascii::<64>::new();
            for &byte in bytes {
                piece.hex(byte);
            }
            f.write_str(piece.as_str())
        })
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A byte as two digits of lower-case hexadecimal.
pub(crate) fn hex_byte<S: Serializer>(byte: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(Ascii::<2>::new().hex(*byte).as_str())
}

/// A digest of 16 bytes as lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex16(pub [u8; 16]);

impl Serialize for Hex16 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_strings() {
        let rows: &[(&[u8], &str, &str, &str)] = &[
            (b"", "", "", ""),
            (b"a", "a", "a", "YQ=="),
            (b"ab", "ab", "ab", "YWI="),
            (b"abc\n", "abc\n", "abc\n", "YWJjCg=="),
            ("hải".as_bytes(), "hải", "h...i", "aOG6o2k="),
            (b"\xa0x\xff", "\\xa0x\\xff", ".x.", "oHj/"),
            (b"\xc3\xa9\xff", "\\xc3\\xa9\\xff", "...", "w6n/"),
        ];
        for &(bytes, text, printable, base64) in rows {
            assert_eq!(Text(bytes).to_string(), text);
            assert_eq!(Printable(bytes).to_string(), printable);
            assert_eq!(Base64(bytes).to_string(), base64);
        }
        assert_eq!(Hex(b"\x00\xab").to_string(), "00ab");
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        let rows: &[(&[u8], usize, &str)] = &[
            (b"abc", 3, "abc"),
            (b"abc", 2, "ab[truncated 1 additional byte]"),
            ("hải".as_bytes(), 3, "h[truncated 2 additional bytes]"),
            (b"\xff\xfe", 1, "\\xff[truncated 1 additional byte]"),
        ];
        for &(bytes, limit, expected) in rows {
            assert_eq!(Limited(bytes, limit).to_string(), expected);
        }
    }
}
