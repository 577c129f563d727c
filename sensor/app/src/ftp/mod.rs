//! FTP: control connections and the data connections that they agree on (RFC 959, RFC 2428), up to the change
//! to TLS (RFC 4217).
//!
//! A data connection tells nothing of itself: the control connection expects it by its port, and its parser
//! learns from there what it carries. Left out: block and compressed mode (RFC 959 §3.4).

mod buffers;
mod data;
mod event;
mod events;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use data::{FtpDataTransaction, State as DataState, Transfer};
pub use state::FtpTransaction;

/// Stages of a transaction before it is complete.
mod stage {
    /// A line of the reply has come.
    pub(super) const SPOKEN: u8 = 1;
}

/// Where servers listen.
const PORT: u16 = 21;
/// How clients open, in any case of letters.
const OPENINGS: [&[u8]; 5] = [b"FEAT", b"PASS ", b"PORT ", b"AUTH TLS", b"AUTH SSL"];
/// So does a client of POP3, which is known by its server's greeting.
const USER: &[u8] = b"USER ";
const GREETING: &[u8] = b"220";

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Ftp,
    name: "ftp",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

pub const DATA_PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::FtpData,
    name: "ftp-data",
    synonyms: &[],
    buffers: buffers::DATA_BUFFERS,
    int_fields: buffers::DATA_INT_FIELDS,
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe: |_| Verdict::No,
    parser: |_| Box::new(DataState::new(None, Direction::ToClient)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    match prefix.direction {
        Direction::ToServer => {
            let begins = |opening: &[u8]| {
                let length = data.len().min(opening.len());
                data[..length].eq_ignore_ascii_case(&opening[..length])
            };
            let user = USER.starts_with(&data[..data.len().min(USER.len())]);
            match OPENINGS.iter().find(|opening| begins(opening)) {
                Some(opening) if data.len() >= opening.len() => Verdict::Yes,
                None if user && data.len() >= USER.len() => Verdict::Yes,
                // Behind the greeting any line is a command; it must not wait for more, since the server does not.
                None if prefix.other == Protocol::Ftp && data.contains(&b'\n') => Verdict::Yes,
                None if !user => Verdict::No,
                _ => Verdict::More,
            }
        }
        Direction::ToClient => {
            let length = data.len().min(GREETING.len());
            if data[..length] != GREETING[..length] {
                return Verdict::No;
            }
            let expected = match prefix.other {
                Protocol::Ftp => true,
                Protocol::Unknown => prefix.is_at(&[PORT]),
                _ => false,
            };
            match data.get(GREETING.len()..).unwrap_or_default() {
                [] => Verdict::More,
                [b' ', b'(', ..] => Verdict::Yes,
                [b' '] if !expected => Verdict::More,
                [b' ' | b'-', rest @ ..] if expected && rest.contains(&b'\n') => Verdict::Yes,
                [b' ' | b'-', ..] if expected => Verdict::More,
                _ => Verdict::No,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ftp_is_known_by_its_first_line() {
        use Direction::{ToClient, ToServer};
        let rows: &[(Direction, u16, Protocol, &str, Verdict)] = &[
            (ToServer, 99, Protocol::Unknown, "USER x", Verdict::Yes),
            (ToServer, 99, Protocol::Unknown, "user x", Verdict::No),
            (ToServer, 99, Protocol::Unknown, "feat", Verdict::Yes),
            (ToServer, 99, Protocol::Unknown, "P", Verdict::More),
            (ToServer, 99, Protocol::Unknown, "US", Verdict::More),
            (ToServer, 21, Protocol::Unknown, "GET /", Verdict::No),
            (ToServer, 99, Protocol::Unknown, "AUTH", Verdict::More),
            (ToServer, 99, Protocol::Unknown, "AUTH SSL", Verdict::Yes),
            (ToServer, 99, Protocol::Unknown, "AUTH PLAIN", Verdict::No),
            (ToServer, 21, Protocol::Unknown, "SYST\r\n", Verdict::No),
            (ToServer, 21, Protocol::Ftp, "SYST\r\n", Verdict::Yes),
            (ToClient, 21, Protocol::Unknown, "220 x\r\n", Verdict::Yes),
            (ToClient, 21, Protocol::Unknown, "220 x", Verdict::More),
            (ToClient, 99, Protocol::Unknown, "220 x\r\n", Verdict::No),
            (ToClient, 99, Protocol::Unknown, "220 (x", Verdict::Yes),
            (ToClient, 99, Protocol::Ftp, "220-x\r\n", Verdict::Yes),
            (ToClient, 21, Protocol::Smtp, "220 x\r\n", Verdict::No),
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
