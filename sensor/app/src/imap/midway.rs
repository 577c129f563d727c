//! IMAP whose greeting was not seen: a whole command (RFC 9051 §6), a whole reply with a tag, or what a server says of a
//! mailbox (§7).

use sensor_flow::Direction;

use crate::parser::{Prefix, Verdict};

const COMMANDS: &[&str] = &[
    "APPEND",
    "AUTHENTICATE",
    "CAPABILITY",
    "CHECK",
    "CLOSE",
    "COMPRESS",
    "COPY",
    "CREATE",
    "DELETE",
    "ENABLE",
    "EXAMINE",
    "EXPUNGE",
    "FETCH",
    "ID",
    "IDLE",
    "LIST",
    "LOGIN",
    "LOGOUT",
    "LSUB",
    "MOVE",
    "NAMESPACE",
    "NOOP",
    "RENAME",
    "SEARCH",
    "SELECT",
    "STARTTLS",
    "STATUS",
    "STORE",
    "SUBSCRIBE",
    "UID",
    "UNSELECT",
    "UNSUBSCRIBE",
];
const ENDINGS: &[&str] = &["OK", "NO", "BAD"];
const OF_A_MESSAGE: &[&str] = &["EXISTS", "RECENT", "EXPUNGE", "FETCH"];
const OF_A_MAILBOX: &[&str] = &[
    "CAPABILITY",
    "SEARCH",
    "LSUB",
    "ENABLED",
    "NAMESPACE",
    "BYE",
];
/// No client has longer tags.
const MAX_TAG_BYTES: usize = 16;
/// A line that is longer does not tell.
const MAX_LINE_BYTES: usize = 512;

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    let data = &prefix.data[..prefix.data.len().min(MAX_LINE_BYTES)];
    let line = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => &data[..end],
        None if data.len() < MAX_LINE_BYTES && begins_well(data, prefix.direction) => {
            return Verdict::More;
        }
        None => return Verdict::No,
    };
    let tells = line.strip_suffix(b"\r").is_some_and(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        let (first, second, third) = (words.next(), words.next(), words.next());
        let (Some(first), Some(second)) = (first, second) else {
            return false;
        };
        match prefix.direction {
            Direction::ToServer => is_tag(first) && is_one_of(second, COMMANDS),
            Direction::ToClient if first == b"*" && is_number(second) => {
                third.is_some_and(|third| is_one_of(third, OF_A_MESSAGE))
            }
            Direction::ToClient if first == b"*" => is_one_of(second, OF_A_MAILBOX),
            Direction::ToClient => is_tag(first) && is_one_of(second, ENDINGS) && third.is_some(),
        }
    });
    if tells { Verdict::Yes } else { Verdict::No }
}

/// Whether a line may still become one of IMAP.
fn begins_well(data: &[u8], direction: Direction) -> bool {
    let first = data.split(|byte| *byte == b' ').next().unwrap_or_default();
    let tag = first.len() <= MAX_TAG_BYTES && first.iter().all(u8::is_ascii_alphanumeric);
    tag || direction == Direction::ToClient && first == b"*"
}

/// Letters and a number: words alone are in any text. Three digits are a reply of FTP or SMTP.
fn is_tag(word: &[u8]) -> bool {
    let is_code = word.len() == 3 && is_number(word);
    !is_code
        && word.len() <= MAX_TAG_BYTES
        && word.iter().all(u8::is_ascii_alphanumeric)
        && word.iter().any(u8::is_ascii_digit)
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}
