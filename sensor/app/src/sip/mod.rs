//! SIP over UDP and TCP (RFC 3261) with the session descriptions that its messages carry (RFC 4566).
//! Left out: SIP over WebSocket, and bodies other than session descriptions.

mod buffers;
mod event;
mod sdp;
mod state;
pub(crate) mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};
use sensor_flow::Direction;

pub use state::SipTransaction;

/// Methods that begin a request (RFC 3261 and its extensions). OPTIONS is left to HTTP and RTSP.
const METHODS: &[&[u8]] = &[
    b"REGISTER ",
    b"INVITE ",
    b"ACK ",
    b"BYE ",
    b"CANCEL ",
    b"REFER ",
    b"PRACK ",
    b"SUBSCRIBE ",
    b"NOTIFY ",
    b"PUBLISH ",
    b"MESSAGE ",
    b"INFO ",
    b"UPDATE ",
];
/// How every response begins.
const RESPONSE: &[u8] = b"SIP/2.0 ";
/// Bytes within which the first line has to end.
const MAX_LINE_BYTES: usize = 1024;

const INCOMPLETE_DATA: u16 = 1;
const INVALID_DATA: u16 = 2;

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &[
    "pdu",
    "request.line",
    "response.line",
    "request.headers",
    "response.headers",
    "request.body",
    "response.body",
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Sip,
    name: "sip",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[
        EventRow {
            name: "incomplete_data",
            number: INCOMPLETE_DATA,
        },
        EventRow {
            name: "invalid_data",
            number: INVALID_DATA,
        },
    ],
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    let from_server = prefix.direction == Direction::ToClient;
    if data.starts_with(RESPONSE) {
        return if from_server {
            Verdict::Yes
        } else {
            Verdict::Reversed
        };
    }
    let stream = prefix.transport == Transport::Tcp;
    let begins = |whole: &&&[u8]| whole.starts_with(data);
    if stream && (begins(&&RESPONSE) || METHODS.iter().any(|method| begins(&method))) {
        return Verdict::More;
    }
    if !METHODS.iter().any(|method| data.starts_with(method)) {
        return Verdict::No;
    }
    // Other protocols have some of the methods: only the end of the line tells.
    let line = data
        .iter()
        .take(MAX_LINE_BYTES)
        .position(|byte| matches!(byte, b'\r' | b'\n'));
    match line.and_then(|end| data.get(..end)) {
        Some(line) if line.windows(5).any(|word| word == b" SIP/") => {
            if from_server {
                Verdict::Reversed
            } else {
                Verdict::Yes
            }
        }
        None if stream && data.len() < MAX_LINE_BYTES => Verdict::More,
        _ => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_recognised() {
        let rows: &[(Transport, &[u8], Verdict)] = &[
            (
                Transport::Udp,
                b"REGISTER sip:a.test SIP/2.0\r\n",
                Verdict::Yes,
            ),
            (Transport::Udp, b"NOTIFY * HTTP/1.1\r\n", Verdict::No),
            (Transport::Udp, b"SIP/2.0 200 OK\r\n", Verdict::Reversed),
            (Transport::Udp, b"INVITE sip:a.test", Verdict::No),
            (Transport::Tcp, b"INVITE sip:a.test", Verdict::More),
            (Transport::Tcp, b"INV", Verdict::More),
            (Transport::Tcp, b"INFO {\"server\"}\r\n", Verdict::No),
            (Transport::Tcp, b"GET / HTTP/1.1\r\n", Verdict::No),
        ];
        for &(transport, data, expected) in rows {
            let prefix = Prefix {
                transport,
                direction: Direction::ToServer,
                data,
                server_port: 5060,
                client_port: 5060,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), expected, "{:?}", data.escape_ascii());
        }
    }
}
