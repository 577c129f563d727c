//! SMTP with the mail it carries (RFC 5321, RFC 2045 to 2047, RFC 3030), up to the change to TLS (RFC 3207).
//!
//! Left out: mail encoded in the body by hand (uuencode), the names of RFC 2047 words, the `8BITMIME` and
//! `SIZE` options.

mod buffers;
pub(crate) mod coding;
mod event;
mod events;
mod message;
mod midway;
mod state;
mod url;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::SmtpTransaction;

/// Ports on which a server that greets with 220 is one of mail.
const PORTS: [u16; 2] = [25, 465];
/// How a client opens (RFC 5321 §4.1.1.1), or leaves at once.
const OPENINGS: [&[u8]; 3] = [b"EHLO", b"HELO", LEAVING];
const LEAVING: &[u8] = b"QUIT";

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["command_line", "data", "response_line"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Smtp,
    name: "smtp",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    match begin(prefix) {
        Verdict::No if prefix.midstream => midway::probe(prefix),
        // Clients of FTP and POP3 end with the same word.
        _ if prefix.midstream && begins(prefix.data, LEAVING) == Verdict::Yes => Verdict::No,
        verdict => verdict,
    }
}

/// The first words of a side.
fn begin(prefix: &Prefix<'_>) -> Verdict {
    match prefix.direction {
        Direction::ToServer => OPENINGS
            .iter()
            .map(|opening| begins(prefix.data, opening))
            .find(|verdict| *verdict != Verdict::No)
            .unwrap_or(Verdict::No),
        Direction::ToClient => {
            let expected = prefix.is_at(&PORTS);
            if prefix.other != Protocol::Smtp && !expected {
                return Verdict::No;
            }
            match begins(prefix.data, b"220") {
                Verdict::Yes => {}
                other => return other,
            }
            match prefix.data.get(3) {
                None => Verdict::More,
                Some(b' ' | b'-') if prefix.data.contains(&b'\n') => Verdict::Yes,
                Some(b' ' | b'-') => Verdict::More,
                Some(_) => Verdict::No,
            }
        }
    }
}

fn begins(data: &[u8], word: &[u8]) -> Verdict {
    let length = data.len().min(word.len());
    if !data[..length].eq_ignore_ascii_case(&word[..length]) {
        Verdict::No
    } else if length < word.len() {
        Verdict::More
    } else {
        Verdict::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_known_by_its_first_line() {
        use Direction::{ToClient, ToServer};
        let rows: &[(Direction, u16, Protocol, &str, Verdict)] = &[
            (ToServer, 99, Protocol::Unknown, "ehlo x", Verdict::Yes),
            (ToServer, 25, Protocol::Unknown, "EH", Verdict::More),
            (ToServer, 25, Protocol::Unknown, "MAIL FROM", Verdict::No),
            (ToClient, 25, Protocol::Unknown, "220 x\r\n", Verdict::Yes),
            (ToClient, 25, Protocol::Unknown, "220 x", Verdict::More),
            (ToClient, 25, Protocol::Unknown, "500 x\r\n", Verdict::No),
            (ToClient, 99, Protocol::Unknown, "220 x\r\n", Verdict::No),
            (ToClient, 99, Protocol::Smtp, "220-x\r\n", Verdict::Yes),
        ];
        for &(direction, server_port, other, data, verdict) in rows {
            let prefix = Prefix {
                transport: Transport::Tcp,
                direction,
                data: data.as_bytes(),
                server_port,
                client_port: 1024,
                midway: true,
                midstream: false,
                other,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), verdict, "{data}");
        }
    }
}
