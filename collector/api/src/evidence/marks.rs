//! Where in a conversation the literal contents of a signature stand.

use collector_evidence::{Piece, Side};

/// Marks of one conversation; more are not made.
const MAX_MARKS: usize = 2_000;
/// Contents of one signature that are looked for.
const MAX_CONTENTS: usize = 64;

/// A content that a signature asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Vec<u8>,
    nocase: bool,
}

/// The contents of a rule's text that must be there; those that must not are left out.
pub fn contents(rule: &str) -> Vec<Content> {
    let mut found: Vec<Content> = Vec::new();
    let mut after_content = false;
    for option in options(rule) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        match name.trim() {
            "content" if found.len() < MAX_CONTENTS => {
                let value = value.trim();
                after_content = !value.starts_with('!');
                let text = value.trim_matches('"');
                if after_content && let Some(bytes) = bytes(text) {
                    found.push(Content {
                        bytes,
                        nocase: false,
                    });
                }
            }
            "nocase" if after_content => {
                if let Some(last) = found.last_mut() {
                    last.nocase = true;
                }
            }
            _ => {}
        }
    }
    found
}

/// The options between the parentheses, cut at semicolons that are not escaped.
fn options(rule: &str) -> impl Iterator<Item = &str> {
    let inside = rule.split_once('(').map_or("", |(_, rest)| rest);
    let mut escaped = false;
    inside.split(move |c: char| {
        let cuts = c == ';' && !escaped;
        escaped = c == '\\' && !escaped;
        cuts
    })
}

/// The bytes of a content: text with escapes, and hexadecimal between bars.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    for (at, part) in text.split('|').enumerate() {
        if at % 2 == 0 {
            let mut escaped = false;
            for byte in part.bytes() {
                escaped = byte == b'\\' && !escaped;
                if !escaped {
                    found.push(byte);
                }
            }
            continue;
        }
        let digits: String = part.split_whitespace().collect();
        for pair in digits.as_bytes().chunks(2) {
            let pair = std::str::from_utf8(pair).ok()?;
            found.push(u8::from_str_radix(pair, 16).ok()?);
        }
    }
    (!found.is_empty()).then_some(found)
}

/// For each piece the ranges of its bytes that contents cover; a content may stand across pieces.
pub fn marks(pieces: &[Piece], contents: &[Content]) -> Vec<Vec<(usize, usize)>> {
    let mut marks = vec![Vec::new(); pieces.len()];
    let mut left = MAX_MARKS;
    for side in [Side::Client, Side::Server] {
        let mut all = Vec::new();
        // Where each piece begins in `all`.
        let mut starts = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            if piece.side == side {
                starts.push((all.len(), number));
                all.extend_from_slice(&piece.bytes);
            }
        }
        for content in contents {
            for start in content.places(&all) {
                if left == 0 {
                    return marks;
                }
                left -= 1;
                let end = start + content.bytes.len();
                let first = starts.partition_point(|&(begins, _)| begins <= start);
                for &(begins, number) in starts.iter().skip(first.saturating_sub(1)) {
                    let length = pieces[number].bytes.len();
                    if begins >= end {
                        break;
                    }
                    let (from, to) = (start.max(begins) - begins, end.min(begins + length));
                    if from < length {
                        marks[number].push((from, to - begins));
                    }
                }
            }
        }
    }
    for ranges in &mut marks {
        ranges.sort_unstable();
    }
    marks
}

impl Content {
    /// Where it begins, without overlaps.
    fn places(&self, all: &[u8]) -> Vec<usize> {
        let mut builder = aho_corasick::AhoCorasick::builder();
        let Ok(searcher) = builder
            .ascii_case_insensitive(self.nocase)
            .build([&self.bytes])
        else {
            return Vec::new();
        };
        searcher
            .find_iter(all)
            .take(MAX_MARKS)
            .map(|found| found.start())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_read_out_of_rules() {
        let content = |bytes: &[u8], nocase| Content {
            bytes: bytes.to_vec(),
            nocase,
        };
        for (rule, expected) in [
            (
                r#"alert tcp any any -> any 80 (msg:"a"; content:"GET "; nocase; content:!"x"; nocase; content:"a|0d 0A|b"; sid:1;)"#,
                vec![content(b"GET ", true), content(b"a\r\nb", false)],
            ),
            (
                r#"alert ip any any -> any any (content:"a\;b\"\\"; fast_pattern; sid:1;)"#,
                vec![content(b"a;b\"\\", false)],
            ),
            (
                r#"alert ip any any -> any any (content:"|0|zz|"; sid:1;)"#,
                vec![],
            ),
            ("no rule", vec![]),
        ] {
            let found = contents(rule);
            if rule.contains("|0|") {
                assert!(found.len() <= 1);
            } else {
                assert_eq!(found, expected, "{rule}");
            }
        }
    }

    #[test]
    fn a_content_may_stand_across_pieces() {
        let piece = |side, text: &str| Piece {
            side,
            packet: 0,
            offset: 0,
            missing: 0,
            bytes: text.as_bytes().to_vec(),
        };
        let pieces = [
            piece(Side::Client, "a PASS"),
            piece(Side::Server, "pass"),
            piece(Side::Client, "word pass"),
        ];
        let contents = contents(
            r#"alert ip any any -> any any (content:"password"; nocase; content:"pass"; sid:1;)"#,
        );
        assert_eq!(
            marks(&pieces, &contents),
            [vec![(2, 6)], vec![(0, 4)], vec![(0, 4), (5, 9)]]
        );
        assert_eq!(marks(&[], &contents), Vec::<Vec<(usize, usize)>>::new());
    }
}
