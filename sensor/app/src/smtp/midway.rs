//! SMTP whose greeting was not seen: an envelope (RFC 5321 §4.1.1), or a reply with its enhanced code (RFC 3463), which
//! neither FTP nor POP3 has.

use sensor_flow::Direction;

use super::begins;
use crate::parser::{Prefix, Verdict};

const ENVELOPE: [&[u8]; 4] = [b"MAIL FROM:<", b"MAIL FROM: <", b"RCPT TO:<", b"RCPT TO: <"];
/// A line that is longer does not tell.
const MAX_LINE_BYTES: usize = 1024;

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    match prefix.direction {
        Direction::ToServer => {
            let verdicts = ENVELOPE.map(|word| begins(prefix.data, word));
            let best = [Verdict::Yes, Verdict::More];
            let mut found = best
                .into_iter()
                .filter(|verdict| verdicts.contains(verdict));
            found.next().unwrap_or(Verdict::No)
        }
        Direction::ToClient => reply(prefix.data),
    }
}

/// `250 2.1.0 Ok`: the first digit of both codes is the same.
fn reply(data: &[u8]) -> Verdict {
    let data = &data[..data.len().min(MAX_LINE_BYTES)];
    let [
        class @ (b'2' | b'4' | b'5'),
        second,
        third,
        b' ' | b'-',
        rest @ ..,
    ] = data
    else {
        return if data.len() < 4 {
            Verdict::More
        } else {
            Verdict::No
        };
    };
    if !second.is_ascii_digit() || !third.is_ascii_digit() {
        return Verdict::No;
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return if data.len() < MAX_LINE_BYTES {
            Verdict::More
        } else {
            Verdict::No
        };
    };
    let code = rest[..end]
        .split(|byte| *byte == b' ')
        .next()
        .unwrap_or_default();
    let mut parts = code.split(|byte| *byte == b'.');
    let is_class = parts.next() == Some(&[*class]);
    let mut numbers = 0;
    let sound = parts.all(|part| {
        numbers += 1;
        (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
    });
    if is_class && sound && numbers == 2 {
        Verdict::Yes
    } else {
        Verdict::No
    }
}
