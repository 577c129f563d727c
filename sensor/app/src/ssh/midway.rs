//! SSH whose banners were not seen: records of the key exchange (RFC 4253 §6 to §8, RFC 5656 §7.1), each with all that
//! it has to hold. What follows is in cipher, and tells nothing.

use sensor_bytes::{Reader, Short};
use sensor_flow::Direction::{self, ToClient, ToServer};

use crate::parser::{Prefix, Verdict};

/// As long as every receiver takes them (RFC 4253 §6.1).
const RECORD_BYTES: std::ops::RangeInclusive<u32> = 12..=35_000;
/// Records come in multiples of this (RFC 4253 §6).
const BLOCK_BYTES: u32 = 8;
const MIN_PADDING_BYTES: u8 = 4;
const COOKIE_BYTES: usize = 16;

const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
/// The client's key, and the server's answer, of most ways to exchange keys.
const KEX_INIT: u8 = 30;
const KEX_REPLY: u8 = 31;

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    match code(prefix.data) {
        Ok(Some(KEXINIT | NEWKEYS)) => prefix.of_either_side(),
        Ok(Some(code)) if sender(code) == prefix.direction => Verdict::Yes,
        Ok(_) => Verdict::No,
        Err(_) => Verdict::More,
    }
}

fn sender(code: u8) -> Direction {
    if code == KEX_INIT { ToServer } else { ToClient }
}

/// Number of the message in a record of the key exchange that begins here; none if it is no such record.
pub(super) fn code(data: &[u8]) -> Result<Option<u8>, Short> {
    let mut reader = Reader::new(data);
    let length = reader.u32()?;
    if !RECORD_BYTES.contains(&length) || (length + 4) % BLOCK_BYTES != 0 {
        return Ok(None);
    }
    let padding = reader.u8()?;
    let code = reader.u8()?;
    let Some(content) = length.checked_sub(u32::from(padding) + 2) else {
        return Ok(None);
    };
    if padding < MIN_PADDING_BYTES {
        return Ok(None);
    }
    let holds = match code {
        KEXINIT => {
            reader.skip(COOKIE_BYTES)?;
            is_name_list(name(&mut reader)?)
        }
        NEWKEYS => content == 0 && reader.take(usize::from(padding)).is_ok() && reader.is_empty(),
        KEX_INIT => reader.u32()?.checked_add(4) == Some(content) && content > 4,
        KEX_REPLY => {
            let key = reader.u32()?;
            key < content && is_name_list(name(&mut reader)?)
        }
        _ => false,
    };
    Ok(holds.then_some(code))
}

/// Bytes behind their length, as far as a list of names may go.
fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    const MAX_NAMES_BYTES: u32 = 4096;
    let length = reader.u32()?;
    if length > MAX_NAMES_BYTES {
        return Ok(&[]);
    }
    reader.take(length as usize)
}

/// Names of algorithms (RFC 4251 §6), with commas between them.
fn is_name_list(names: &[u8]) -> bool {
    names.len() > 3
        && names
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@,+/".contains(byte))
}
