//! Lines → commands and replies (RFC 9051 §2.2, §4, §7).

/// Longest tag that is one.
const MAX_TAG_BYTES: usize = 64;
/// Words kept of one command.
pub const MAX_WORDS: usize = 32;
/// Bytes kept of one word.
pub const MAX_WORD_BYTES: usize = 512;

/// Bytes that follow a line and belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    pub bytes: u64,
}

/// The literal that a line announces at its end: `{12}`, `{12+}`, `~{12}`.
pub fn literal(line: &[u8]) -> Option<Literal> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&byte| byte == b'{')?;
    let digits = inner.get(open + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let text = std::str::from_utf8(digits).ok()?;
    if text.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Literal {
        bytes: text.parse().ok()?,
    })
}

/// The line without the announcement of its literal.
pub fn without_literal(line: &[u8]) -> &[u8] {
    if literal(line).is_none() {
        return line;
    }
    let open = line.iter().rposition(|&byte| byte == b'{').unwrap_or(0);
    let line = &line[..open];
    line.strip_suffix(b"~").unwrap_or(line)
}

/// Puts the words of a line behind others: atoms as they are, quoted strings without their quotes.
pub fn words(line: &[u8], words: &mut Vec<Vec<u8>>) {
    let mut rest = line;
    while words.len() < MAX_WORDS {
        rest = rest.trim_ascii_start();
        let Some(first) = rest.first() else { break };
        let mut word = Vec::new();
        let mut end;
        if *first == b'"' {
            let mut escaped = false;
            end = 1;
            for &byte in &rest[1..] {
                end += 1;
                match (escaped, byte) {
                    (false, b'\\') => escaped = true,
                    (false, b'"') => break,
                    _ => {
                        escaped = false;
                        word.push(byte);
                    }
                }
            }
        } else {
            end = rest
                .iter()
                .position(|&byte| byte == b' ')
                .unwrap_or(rest.len());
            word.extend_from_slice(&rest[..end]);
        }
        end = end.min(rest.len());
        word.truncate(MAX_WORD_BYTES);
        words.push(word);
        rest = &rest[end..];
    }
}

/// What a server's line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The end of a command.
    Tagged {
        tag: &'a [u8],
        end: End<'a>,
    },
    /// `* …`, without the star; a status when it is one.
    Untagged {
        text: &'a [u8],
        end: Option<End<'a>>,
    },
    /// `+ …`: more is asked for.
    Continue(&'a [u8]),
    Other,
}

/// A status with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End<'a> {
    /// `OK`, `NO`, `BAD`, `PREAUTH` or `BYE`.
    pub status: &'static str,
    /// Without its brackets.
    pub code: Option<&'a [u8]>,
    pub text: &'a [u8],
}

pub fn reply(line: &[u8]) -> Reply<'_> {
    if let Some(text) = line.strip_prefix(b"+") {
        return Reply::Continue(text.trim_ascii_start());
    }
    if let Some(text) = line.strip_prefix(b"* ") {
        return Reply::Untagged {
            text,
            end: end(text),
        };
    }
    let Some(space) = line.iter().position(|&byte| byte == b' ') else {
        return Reply::Other;
    };
    let (tag, rest) = (&line[..space], &line[space + 1..]);
    match end(rest) {
        Some(end) if is_tag(tag) => Reply::Tagged { tag, end },
        _ => Reply::Other,
    }
}

fn end(text: &[u8]) -> Option<End<'_>> {
    const STATUSES: [&str; 5] = ["OK", "NO", "BAD", "PREAUTH", "BYE"];
    let length = text
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(length);
    let status = STATUSES
        .into_iter()
        .find(|status| word.eq_ignore_ascii_case(status.as_bytes()))?;
    let rest = rest.trim_ascii_start();
    let closing = rest
        .first()
        .filter(|&&byte| byte == b'[')
        .and_then(|_| rest.iter().position(|&byte| byte == b']'));
    Some(match closing {
        Some(closing) => End {
            status,
            code: Some(&rest[1..closing]),
            text: rest[closing + 1..].trim_ascii_start(),
        },
        None => End {
            status,
            code: None,
            text: rest,
        },
    })
}

/// Printable ASCII without what the grammar excludes.
pub fn is_tag(tag: &[u8]) -> bool {
    (1..=MAX_TAG_BYTES).contains(&tag.len())
        && tag
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            (&b"a LOGIN {5}"[..], Some(5)),
            (b"a LOGIN {5+}", Some(5)),
            (b"a X ~{12}", Some(12)),
            (b"a X {}", None),
            (b"a X {99999999999999999999}", None),
            (b"a X {5} ", None),
        ] {
            assert_eq!(literal(line).map(|found| found.bytes), expected);
        }
        assert_eq!(without_literal(b"a X ~{12}"), b"a X ");
        let mut found = Vec::new();
        words(br#"a LOGIN "x \"y\"" z"#, &mut found);
        assert_eq!(found, [&b"a"[..], b"LOGIN", b"x \"y\"", b"z"]);
        assert_eq!(
            reply(b"a1 OK [CAPABILITY X] done"),
            Reply::Tagged {
                tag: b"a1",
                end: End {
                    status: "OK",
                    code: Some(b"CAPABILITY X"),
                    text: b"done"
                }
            }
        );
        assert!(matches!(
            reply(b"* 1 EXISTS"),
            Reply::Untagged { end: None, .. }
        ));
        assert_eq!(reply(b"+ go on"), Reply::Continue(b"go on"));
        assert_eq!(reply(b"junk"), Reply::Other);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut found = Vec::new();
            words(&line, &mut found);
            let _ = (literal(&line), without_literal(&line), reply(&line));
        }
    }
}
