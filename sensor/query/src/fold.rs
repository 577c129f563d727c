//! How text becomes terms: lower case, accents folded (`Đường` → `duong`), so that Vietnamese written with or without
//! accents, composed or decomposed, finds the same records.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is found; the rest of it is left out.
pub const MAX_WORD_BYTES: usize = 255;
/// Longest keyword that is found; the rest of it is left out, in queries too.
pub const MAX_KEYWORD_BYTES: usize = 2_048;

/// Lower case without accents: what terms are made of.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    // NFD of NFC is NFD: decomposing alone brings both spellings together.
    let folded = text
        .nfd()
        .filter(|&c| !is_combining_mark(c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect();
    Cow::Owned(folded)
}

/// The longest prefix of at most `limit` bytes that ends between characters.
pub fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}
