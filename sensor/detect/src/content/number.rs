//! Numbers inside a payload, for the `byte_*` keywords and `asn1`.

use rules::signature::{Asn1, Base, Endian, Reading};

/// Digits that a number written as text may have.
const TEXT_DIGITS: usize = 23;

/// The number of `count` bytes at `at`; `None` when they are not all there or are no number.
pub(crate) fn read(data: &[u8], at: i64, count: i64, reading: Reading) -> Option<u64> {
    let bytes = span(data, at, count, reading)?;
    match reading {
        Reading::Binary(endian) => {
            if bytes.is_empty() || bytes.len() > 8 {
                return None;
            }
            let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
            Some(match endian {
                Endian::Big => bytes.iter().fold(0, fold),
                Endian::Little | Endian::Dce => bytes.iter().rev().fold(0, fold),
            })
        }
        Reading::String(base) => text(bytes, base).map(|(value, _)| value),
    }
}

/// How many bytes the number takes: for text, up to the first byte that is no digit.
pub(crate) fn width(data: &[u8], at: i64, count: i64, reading: Reading) -> i64 {
    match reading {
        Reading::Binary(_) => count,
        Reading::String(base) => span(data, at, count, reading)
            .and_then(|bytes| text(bytes, base))
            .map_or(0, |(_, width)| width as i64),
    }
}

/// The bytes of a number; a count of 0 means text as far as its digits go.
fn span(data: &[u8], at: i64, count: i64, reading: Reading) -> Option<&[u8]> {
    let rest = data.get(usize::try_from(at).ok()?..)?;
    match (usize::try_from(count).ok()?, reading) {
        (0, Reading::String(_)) => Some(rest),
        (count, _) => rest.get(..count),
    }
}

/// Applies a mask and shifts the result down to the mask's lowest bit.
pub(crate) fn masked(value: u64, mask: u32) -> u64 {
    let mask = u64::from(mask);
    if mask == 0 {
        0
    } else {
        (value & mask) >> mask.trailing_zeros()
    }
}

fn text(bytes: &[u8], base: Base) -> Option<(u64, usize)> {
    let radix = match base {
        Base::Hex => 16,
        Base::Decimal => 10,
        Base::Octal => 8,
    };
    let mut at = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    if base == Base::Hex
        && bytes.get(at) == Some(&b'0')
        && matches!(bytes.get(at + 1), Some(b'x' | b'X'))
    {
        at += 2;
    }
    let start = at;
    let mut value = 0u64;
    while let Some(digit) = bytes
        .get(at)
        .and_then(|&byte| char::from(byte).to_digit(radix))
    {
        if at - start >= TEXT_DIGITS {
            break;
        }
        value = value
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))?;
        at += 1;
    }
    (at > start).then_some((value, at))
}

/// The oddities that `asn1` names, on the BER element at its offset (X.690 §8.1).
pub(crate) fn asn1_is_odd(asn1: &Asn1, data: &[u8], position: usize) -> bool {
    let start = match (asn1.absolute_offset, asn1.relative_offset) {
        (Some(offset), _) => Some(offset as usize),
        (None, Some(offset)) => usize::try_from(position as i64 + i64::from(offset)).ok(),
        (None, None) => Some(0),
    };
    let Some(mut rest) = start.and_then(|start| data.get(start..)) else {
        return false;
    };
    // Constructed elements are entered, primitive ones are stepped over; each step consumes bytes.
    while let Some(element) = Element::read(rest) {
        if asn1
            .oversize_length
            .is_some_and(|limit| element.length > u64::from(limit))
        {
            return true;
        }
        if asn1.bitstring_overflow
            && element.tag == 0x03
            && element
                .content
                .first()
                .is_some_and(|&unused| u64::from(unused) > element.length.saturating_mul(8))
        {
            return true;
        }
        // X.690 §8.5: a REAL in binary form (first bit set) or decimal form longer than 256 bytes.
        if asn1.double_overflow
            && element.tag == 0x09
            && element.length > 256
            && element
                .content
                .first()
                .is_some_and(|&first| first & 0xc0 == 0)
        {
            return true;
        }
        let skip = if element.tag & 0x20 != 0 {
            0
        } else {
            usize::try_from(element.length).unwrap_or(usize::MAX)
        };
        rest = element.content.get(skip..).unwrap_or_default();
    }
    false
}

struct Element<'a> {
    tag: u8,
    length: u64,
    /// Everything behind the header.
    content: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (&tag, rest) = data.split_first()?;
        let mut rest = rest;
        if tag & 0x1f == 0x1f {
            let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
            rest = rest.get(end + 1..)?;
        }
        let (&first, rest) = rest.split_first()?;
        if first & 0x80 == 0 {
            return Some(Element {
                tag,
                length: u64::from(first),
                content: rest,
            });
        }
        let count = usize::from(first & 0x7f);
        let digits = rest.get(..count)?;
        let length = digits.iter().fold(0u64, |length, &digit| {
            length.saturating_mul(256).saturating_add(u64::from(digit))
        });
        Some(Element {
            tag,
            length,
            content: rest.get(count..)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        let rows: &[(&[u8], i64, i64, Reading, Option<u64>)] = &[
            (
                b"\x01\x02\x03",
                0,
                2,
                Reading::Binary(Endian::Big),
                Some(0x0102),
            ),
            (
                b"\x01\x02\x03",
                1,
                2,
                Reading::Binary(Endian::Little),
                Some(0x0302),
            ),
            (b"\x01\x02\x03", 2, 2, Reading::Binary(Endian::Big), None),
            (b"\x01", -1, 1, Reading::Binary(Endian::Big), None),
            (b"123x", 0, 4, Reading::String(Base::Decimal), Some(123)),
            (b"0x1f", 0, 4, Reading::String(Base::Hex), Some(0x1f)),
            (b"17", 0, 2, Reading::String(Base::Octal), Some(15)),
            (b"zz", 0, 2, Reading::String(Base::Decimal), None),
            (b"a70\r", 1, 0, Reading::String(Base::Decimal), Some(70)),
            (b"70", 2, 0, Reading::String(Base::Decimal), None),
        ];
        for &(data, at, count, reading, expected) in rows {
            assert_eq!(
                read(data, at, count, reading),
                expected,
                "{data:?} {reading:?}"
            );
        }
        assert_eq!(masked(0xabcd, 0x0ff0), 0xbc);
    }
}
