//! Lines → commands and replies (RFC 5321 §4, RFC 3030 §2, RFC 3207).

/// Reply codes that servers send; any other is no reply of mail.
const CODES: &[u16] = &[
    211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 401, 402, 421, 435, 450, 451, 452, 454, 455,
    500, 501, 502, 503, 504, 511, 521, 522, 525, 530, 534, 535, 541, 543, 550, 551, 552, 553, 554,
    555,
];

/// A client's line, by what it changes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    StartTls,
    Data,
    /// Bytes that follow, and whether they are the last of the mail.
    Bdat {
        bytes: u32,
        last: bool,
    },
    Helo(&'a [u8]),
    MailFrom(&'a [u8]),
    RcptTo(&'a [u8]),
    Rset,
    Quit,
    Other,
}

/// BDAT without a number.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Command<'a> {
    pub fn read(line: &'a [u8]) -> Result<Self, Malformed> {
        let is = |verb: &[u8]| {
            line.get(..verb.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(verb))
        };
        Ok(if is(b"starttls") {
            Command::StartTls
        } else if is(b"data") {
            Command::Data
        } else if is(b"bdat") {
            bdat(&line[4..])?
        } else if is(b"helo") || is(b"ehlo") {
            Command::Helo(parameter(line, 5))
        } else if is(b"mail from") {
            Command::MailFrom(parameter(line, 10))
        } else if is(b"rcpt to") {
            Command::RcptTo(parameter(line, 8))
        } else if is(b"rset") {
            Command::Rset
        } else if is(b"quit") {
            Command::Quit
        } else {
            Command::Other
        })
    }
}

/// The word behind the verb and the character that follows it; options come after a space (RFC 1870 §6).
fn parameter(line: &[u8], from: usize) -> &[u8] {
    let rest = line.get(from..).unwrap_or_default();
    let begin = rest.iter().position(|&byte| byte != b' ');
    let rest = begin.map_or(&[][..], |begin| &rest[begin..]);
    let end = rest.iter().position(|&byte| byte == b' ');
    &rest[..end.unwrap_or(rest.len())]
}

fn bdat(rest: &[u8]) -> Result<Command<'static>, Malformed> {
    if !rest.starts_with(b" ") {
        return Err(Malformed);
    }
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, options) = rest.split_at(digits);
    let bytes = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Malformed)?;
    Ok(Command::Bdat {
        bytes,
        last: options.trim_ascii().eq_ignore_ascii_case(b"last"),
    })
}

/// A server's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// Another line of the same reply follows (RFC 5321 §4.2.1).
    pub goes_on: bool,
}

impl Reply {
    /// `None` when the line has no code that mail knows.
    pub fn read(line: &[u8]) -> Option<Reply> {
        let code = std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()?;
        CODES.contains(&code).then(|| Reply {
            code,
            goes_on: line.get(3) == Some(&b'-'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_by_their_lines() {
        let rows: &[(&str, Command<'_>)] = &[
            ("EHLO  a.example b", Command::Helo(b"a.example")),
            ("helo", Command::Helo(b"")),
            ("MAIL FROM:<a@b> SIZE=3", Command::MailFrom(b"<a@b>")),
            ("mail from: <a@b>", Command::MailFrom(b"<a@b>")),
            ("RCPT TO:<c@d>", Command::RcptTo(b"<c@d>")),
            ("Data", Command::Data),
            (
                "BDAT 86 LAST",
                Command::Bdat {
                    bytes: 86,
                    last: true,
                },
            ),
            (
                "bdat 0",
                Command::Bdat {
                    bytes: 0,
                    last: false,
                },
            ),
            ("STARTTLS", Command::StartTls),
            ("QUIT", Command::Quit),
            ("", Command::Other),
            ("AUTH PLAIN", Command::Other),
        ];
        for (line, command) in rows {
            assert_eq!(Command::read(line.as_bytes()), Ok(*command), "{line}");
        }
        for line in ["BDAT", "BDAT x", "BDAT99", "BDAT 99999999999"] {
            assert_eq!(Command::read(line.as_bytes()), Err(Malformed), "{line}");
        }
    }

    #[test]
    fn replies_by_their_lines() {
        let reply = |code, goes_on| Some(Reply { code, goes_on });
        for (line, expected) in [
            ("250 ok", reply(250, false)),
            ("250-PIPELINING", reply(250, true)),
            ("250", reply(250, false)),
            ("25", None),
            ("472 x", None),
            ("+25 x", None),
        ] {
            assert_eq!(Reply::read(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Command::read(&line);
            let _ = Reply::read(&line);
        }
    }
}
