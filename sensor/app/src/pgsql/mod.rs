//! PostgreSQL, frontend/backend protocol 3.0 (PostgreSQL documentation, chapter “Frontend/Backend Protocol”):
//! start-up, authentication, simple queries, COPY, cancelling. A change to TLS is followed. Left out: the
//! extended query protocol (its messages are passed over), GSSAPI encryption, replication.

mod buffers;
mod event;
mod state;
mod transaction;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};
use sensor_flow::Direction;
use wire::{Framing, Opening};

pub use transaction::PgsqlTransaction;

/// Where servers listen.
const PORT: u16 = 5432;

/// What may be odd about a connection.
mod events {
    pub const INVALID_LENGTH: u16 = 1;
    pub const MALFORMED_REQUEST: u16 = 2;
    pub const MALFORMED_RESPONSE: u16 = 3;
    pub const TOO_MANY_TRANSACTIONS: u16 = 4;
}

const EVENTS: &[EventRow] = &[
    EventRow {
        name: "invalid_length",
        number: events::INVALID_LENGTH,
    },
    EventRow {
        name: "malformed_request",
        number: events::MALFORMED_REQUEST,
    },
    EventRow {
        name: "malformed_response",
        number: events::MALFORMED_RESPONSE,
    },
    EventRow {
        name: "too_many_transactions",
        number: events::TOO_MANY_TRANSACTIONS,
    },
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Pgsql,
    name: "pgsql",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// A whole message on the server's port. Elsewhere the client's first message, which no other protocol has.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let expected = prefix.is_at(&[PORT]) || prefix.other == Protocol::Pgsql;
    let opening = match prefix.direction {
        Direction::ToServer => Opening::OfClient,
        Direction::ToClient if !expected => return Verdict::No,
        // The answer to a request for TLS is a bare letter.
        Direction::ToClient if matches!(prefix.data.first(), Some(b'N' | b'S')) => {
            return Verdict::Yes;
        }
        Direction::ToClient => Opening::OfServer,
    };
    match Framing::read(opening, prefix.data) {
        Ok(None) => Verdict::More,
        Err(_) => Verdict::No,
        Ok(Some(framing)) => {
            if framing.tag.is_some() && !expected {
                return Verdict::No;
            }
            let body = &prefix.data[framing.header_bytes..];
            if framing.tag.is_none() && !wire::begins_startup(body) {
                return Verdict::No;
            }
            let Some(body) = usize::try_from(framing.body_bytes)
                .ok()
                .and_then(|length| body.get(..length))
            else {
                return Verdict::More;
            };
            let sound = match framing.tag {
                None => wire::Request::startup(body).is_ok(),
                Some(_) => true,
            };
            if sound { Verdict::Yes } else { Verdict::No }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    #[test]
    fn connections_are_recognised() {
        const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0me\0\0\0";
        const TLS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
        let rows: &[(Direction, u16, &[u8], Verdict)] = &[
            (ToServer, PORT, TLS, Verdict::Yes),
            (ToServer, 9000, TLS, Verdict::Yes),
            (ToServer, 9000, &STARTUP[..9], Verdict::More),
            (
                ToServer,
                9000,
                b"\0\0\0\x12\0\x03\0\0user\0me\0\0\0",
                Verdict::Yes,
            ),
            (ToServer, PORT, b"\0\0\0\x09\0\x09\0\0\0", Verdict::No),
            (ToServer, PORT, b"Q\0\0\0\x09begin", Verdict::Yes),
            (ToServer, 9000, b"Q\0\0\0\x09begin", Verdict::No),
            (ToServer, PORT, b"Q\0\0\0\x02", Verdict::No),
            (ToServer, PORT, b"Q\0\0", Verdict::More),
            (ToClient, PORT, b"N", Verdict::Yes),
            (ToClient, PORT, b"Z\0\0\0\x05I", Verdict::Yes),
            (ToClient, PORT, b"Z\0\0\0\x06I", Verdict::No),
            (ToClient, 9000, b"N", Verdict::No),
        ];
        for (direction, port, data, verdict) in rows {
            let prefix = Prefix {
                transport: Transport::Tcp,
                direction: *direction,
                data,
                server_port: *port,
                client_port: 40_000,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), *verdict, "{direction:?} {port} {data:?}");
        }
    }
}
