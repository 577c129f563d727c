//! Text as it is compared: composed (NFC), and without case unless a rule asks for it.
//!
//! Case is taken away character by character (simple folding), so that no comparison changes the number of
//! characters: `Σ`, `σ` and `ς` are one letter, `İ` and `ß` stay as they are.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// One character without case.
pub(super) fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    // The dotless i is a letter of its own; by way of its capital it would become i.
    if character == 'ı' {
        return character;
    }
    let single = |mut characters: std::char::ToUppercase| {
        let first = characters.next();
        first.filter(|_| characters.next().is_none())
    };
    let upper = single(character.to_uppercase()).unwrap_or(character);
    let mut lower = upper.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        _ => character,
    }
}

pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_folded(text, &mut out);
    out
}

pub(super) fn push_folded(text: &str, out: &mut String) {
    let start = out.len();
    if text.is_ascii() {
        out.push_str(text);
        if let Some(tail) = out.get_mut(start..) {
            tail.make_ascii_lowercase();
        }
    } else {
        out.extend(text.chars().map(fold));
    }
}

pub(super) fn is_composed(text: &str) -> bool {
    text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes
}

pub(super) fn push_composed(text: &str, out: &mut String) {
    if is_composed(text) {
        out.push_str(text);
    } else {
        out.extend(text.nfc());
    }
}

pub(super) fn composed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_composed(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_goes_and_length_stays() {
        let rows = [
            ("MẬT KHẨU", "mật khẩu"),
            ("ПРИВЕТ", "привет"),
            ("ΟΔΟΣ", "οδοσ"),
            ("οδος", "οδοσ"),
            ("ß", "ß"),
            ("ıI", "ıi"),
            ("Đà", "đà"),
        ];
        for (text, without) in rows {
            assert_eq!(folded(text), without);
        }
        assert_eq!(composed("a\u{306}"), "ă");
    }
}
