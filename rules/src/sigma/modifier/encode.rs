//! Values that are looked for encoded: Base64 at any offset, UTF-16.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Item, as_pattern};
use crate::sigma::fold;
use crate::sigma::pattern::Pattern;

/// The whole of the bytes in Base64.
pub(super) fn base64(bytes: &[u8]) -> Item {
    Item::Pattern(Pattern::literal(&STANDARD.encode(bytes)))
}

/// The bytes of a text without wildcards.
pub(super) fn plain_bytes(name: &str, item: Item) -> Result<Vec<u8>, String> {
    if let Item::Bytes(bytes) = item {
        return Ok(bytes);
    }
    let pattern = as_pattern(item)?;
    match pattern.as_literal() {
        Some("") | None => Err(format!(
            "{name:?} encodes plain texts: no wildcards and nothing empty (contains and its like come after it)"
        )),
        Some(text) => Ok(fold::composed(text).into_bytes()),
    }
}

/// What is the same in Base64 wherever in a longer text the bytes stand: three variants by the offset.
pub(super) fn offsets(bytes: &[u8]) -> Vec<Item> {
    const SKIP: [usize; 3] = [0, 2, 3];
    const CUT: [usize; 3] = [0, 3, 2];
    (0..3)
        .filter_map(|offset| {
            let mut padded = vec![b' '; offset];
            padded.extend_from_slice(bytes);
            let encoded = STANDARD.encode(&padded);
            let end = encoded.len().checked_sub(CUT[padded.len() % 3])?;
            let stable = encoded.get(SKIP[offset]..end)?;
            (!stable.is_empty()).then(|| Item::Pattern(Pattern::literal(stable)))
        })
        .collect()
}

pub(super) fn utf16(name: &str, item: Item) -> Result<Vec<u8>, String> {
    let bytes = plain_bytes(name, item)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name:?} wants a text"))?;
    let mut out = Vec::with_capacity(2 + 2 * text.len());
    if name == "utf16" {
        out.extend_from_slice(&[0xff, 0xfe]);
    }
    for unit in text.encode_utf16() {
        out.extend_from_slice(&if name == "utf16be" {
            unit.to_be_bytes()
        } else {
            unit.to_le_bytes()
        });
    }
    Ok(out)
}
