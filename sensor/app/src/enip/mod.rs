//! EtherNet/IP over TCP and UDP (CIP volume 2) with the explicit messages of the Common Industrial Protocol in
//! it. Left out: implicit I/O, paths of other than logical segments, values of attributes.

mod buffers;
mod event;
mod frames;
mod names;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};
use names::{COMMANDS, STATUSES};
use sensor_bytes::Reader;
use wire::{Command, HEADER_BYTES, Header};

pub use state::EnipTransaction;

/// Where devices listen.
const PORT: u16 = 44818;

/// What may be odd about messages.
mod events {
    pub const TOO_MANY_TRANSACTIONS: u16 = 1;
    pub const INVALID_PDU: u16 = 2;
}

const EVENTS: &[EventRow] = &[
    EventRow {
        name: "too_many_transactions",
        number: events::TOO_MANY_TRANSACTIONS,
    },
    EventRow {
        name: "invalid_pdu",
        number: events::INVALID_PDU,
    },
];

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["hdr", "data", "pdu", "cip", "enip.item"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Enip,
    name: "enip",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: EVENTS,
    transports: &[Transport::Tcp, Transport::Udp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let at_port = [prefix.server_port, prefix.client_port].contains(&PORT);
    if !at_port && prefix.other != Protocol::Enip {
        return if prefix.opens() {
            opening(prefix)
        } else {
            Verdict::No
        };
    }
    match Header::read(&mut Reader::new(prefix.data)) {
        Ok(header) if plausible(&header, &prefix.data[HEADER_BYTES..]) => Verdict::Yes,
        Err(_) if prefix.transport == Transport::Tcp => Verdict::More,
        _ => Verdict::No,
    }
}

/// A client that registers a session or asks for a list, before there is a session: nearly all of it is told.
fn opening(prefix: &Prefix<'_>) -> Verdict {
    const REGISTER: &[u8] = b"\x65\0\x04\0\0\0\0\0\0\0\0\0";
    const LISTS: [&[u8]; 3] = [
        b"\x04\0\0\0\0\0\0\0\0\0\0\0",
        b"\x63\0\0\0\0\0\0\0\0\0\0\0",
        b"\x64\0\0\0\0\0\0\0\0\0\0\0",
    ];
    /// Options of the header, and the version of the protocol with options of its own.
    const REGISTER_END: &[u8] = b"\0\0\0\0\x01\0\0\0";
    const NO_OPTIONS: &[u8] = b"\0\0\0\0";
    const CONTEXT_END: usize = HEADER_BYTES - NO_OPTIONS.len();
    let rows = [(REGISTER, REGISTER_END)]
        .into_iter()
        .chain(LISTS.map(|list| (list, NO_OPTIONS)));
    let data = prefix.data;
    for (begin, end) in rows {
        let seen = data.len().min(begin.len());
        if data[..seen] != begin[..seen] {
            continue;
        }
        let rest = data.get(CONTEXT_END..).unwrap_or_default();
        if data.len() == CONTEXT_END + end.len() && rest == end {
            return Verdict::Yes;
        }
        if prefix.transport == Transport::Tcp && end.starts_with(rest) {
            return Verdict::More;
        }
    }
    Verdict::No
}

/// A command and a status that exist, with a length that the command can have.
fn plausible(header: &Header, body: &[u8]) -> bool {
    let exists = |table: &[(&str, u64)], number: u64| table.iter().any(|row| row.1 == number);
    exists(STATUSES, header.status.into())
        && exists(COMMANDS, header.command.0.into())
        && match header.command {
            Command::NOP => header.options == 0,
            Command::REGISTER_SESSION => header.length == 4,
            Command::UNREGISTER_SESSION => matches!(header.length, 0 | 4),
            Command::LIST_INTERFACES => {
                let mut reader = Reader::new(body);
                reader
                    .u16_le()
                    .is_ok_and(|count| reader.skip(usize::from(count) * 2).is_ok())
            }
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_flow::Direction;

    #[test]
    fn messages_are_recognised() {
        let register = wire::build::message(0x65, 0, &[1, 0, 0, 0]);
        let rows: &[(u16, Transport, &[u8], Verdict)] = &[
            (PORT, Transport::Tcp, &register, Verdict::Yes),
            (9000, Transport::Tcp, &register, Verdict::Yes),
            (9000, Transport::Tcp, &register[..9], Verdict::More),
            (
                9000,
                Transport::Tcp,
                &wire::build::message(0x65, 0, &[2, 0, 0, 0]),
                Verdict::No,
            ),
            (PORT, Transport::Tcp, &register[..9], Verdict::More),
            (PORT, Transport::Udp, &register[..9], Verdict::No),
            (
                PORT,
                Transport::Tcp,
                &wire::build::message(0x65, 0, &[]),
                Verdict::No,
            ),
            (
                PORT,
                Transport::Tcp,
                &wire::build::message(0x99, 0, &[]),
                Verdict::No,
            ),
        ];
        for (port, transport, data, verdict) in rows {
            let prefix = Prefix {
                transport: *transport,
                direction: Direction::ToServer,
                data,
                server_port: *port,
                client_port: 40_000,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), *verdict, "{port} {data:?}");
        }
    }
}
