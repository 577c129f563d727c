//! Text as it is compared: without case, accents and tone marks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents: `Quét cổng` and `quet cong` are the same. `đ` is `d`.
pub fn fold(text: &str) -> String {
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// At most `limit` bytes of `text`, cut at a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{cut, fold};

    #[test]
    fn accents_and_case_do_not_count() {
        for (text, folded) in [
            ("Quét cổng TCP", "quet cong tcp"),
            ("ĐƯỜNG", "duong"),
            ("Ha\u{309}i Du\u{31b}o\u{31b}ng", "hai duong"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn cutting_keeps_characters_whole() {
        assert_eq!(cut("đường", 3), "đ");
        assert_eq!(cut("abc", 3), "abc");
    }
}
