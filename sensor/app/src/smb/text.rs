//! Strings of SMB: UTF-16 or bytes, ended by zero.

use sensor_bytes::{Reader, Short};

/// Bytes of a name that are kept.
pub const MAX_NAME_BYTES: usize = 4_096;

/// UTF-16 (little-endian) as UTF-8, without zeros.
pub fn utf16(bytes: &[u8]) -> Vec<u8> {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .filter(|unit| *unit != 0);
    let mut text = String::new();
    for character in char::decode_utf16(units) {
        if text.len() >= MAX_NAME_BYTES {
            break;
        }
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    text.into_bytes()
}

/// A string of UTF-16 up to its zero; at the end of the data half a zero will do.
pub fn read_utf16(reader: &mut Reader<'_>) -> Result<Vec<u8>, Short> {
    let rest = reader.rest();
    let end = rest.chunks(2).position(|pair| pair.iter().all(|b| *b == 0));
    let Some(units) = end else {
        return Err(Short {
            offset: reader.position(),
            needed: rest.len() + 2,
            left: rest.len(),
        });
    };
    let text = utf16(reader.take(units * 2)?);
    reader.skip(reader.remaining().min(2))?;
    Ok(text)
}

/// A string of bytes up to its zero.
pub fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let rest = reader.rest();
    let end = rest.iter().position(|byte| *byte == 0);
    let text = reader.take(end.unwrap_or(rest.len() + 1))?;
    reader.skip(1)?;
    Ok(&text[..text.len().min(MAX_NAME_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_zero() {
        let rows: &[(&[u8], Option<&str>, usize)] = &[
            (b"a\0b\0\0\0c\0", Some("ab"), 2),
            (b"\xa3\x1e\0\0", Some("ả"), 0),
            (b"a\0\0", Some("a"), 0),
            (b"a\0b\0", None, 4),
            (b"", None, 0),
        ];
        for (bytes, text, left) in rows {
            let mut reader = Reader::new(bytes);
            let read = read_utf16(&mut reader).ok();
            assert_eq!(read.as_deref(), text.map(str::as_bytes), "{bytes:?}");
            assert_eq!(reader.remaining(), *left, "{bytes:?}");
        }
        let mut reader = Reader::new(b"IPC\0rest");
        assert_eq!(read_bytes(&mut reader), Ok(&b"IPC"[..]));
        assert!(read_bytes(&mut reader).is_err());
    }
}
