//! DNP3 over TCP (IEEE 1815): link frames with their CRCs, transport segments, application messages and the
//! objects in them. Left out: DNP3 over UDP, confirmations, data sets.

mod buffers;
mod event;
mod events;
mod objects;
mod shapes;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use sensor_flow::Direction;
use wire::Link;

pub use state::Dnp3Transaction;

/// Where outstations listen.
const PORT: u16 = 20000;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Dnp3,
    name: "dnp3",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// A link header; away from the outstations' port only with a sound CRC.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let expected = prefix.is_at(&[PORT]);
    let to_server = prefix.direction == Direction::ToServer;
    if expected && is_banner(prefix.data) {
        return if to_server {
            Verdict::Reversed
        } else {
            Verdict::Yes
        };
    }
    let start = prefix.data.len().min(wire::START.len());
    if prefix.data[..start] != wire::START[..start] {
        return Verdict::No;
    }
    if prefix.data.len() < wire::HEADER_BYTES {
        return Verdict::More;
    }
    let link = if expected {
        Link::unchecked(prefix.data).ok()
    } else {
        Link::read(prefix.data).ok().flatten()
    };
    match link {
        Some(link) if link.length < 5 => Verdict::No,
        Some(link) if link.is_from_master() != to_server => Verdict::Reversed,
        Some(_) => Verdict::Yes,
        None => Verdict::No,
    }
}

/// A greeting with the protocol's name in it.
fn is_banner(data: &[u8]) -> bool {
    let text = &data[..data.len().min(256)];
    text.iter().all(|byte| (0x20..0x7f).contains(byte))
        && text.windows(4).any(|window| window == b"DNP3")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    #[test]
    fn frames_are_recognised() {
        let frame = wire::build::frame(0xc4, &[0xc0, 0xc0, 1]);
        let mut broken = frame.clone();
        broken[9] ^= 1;
        let rows: &[(Direction, u16, &[u8], Verdict)] = &[
            (ToServer, PORT, &frame, Verdict::Yes),
            (ToServer, 9000, &frame, Verdict::Yes),
            (ToClient, PORT, &frame, Verdict::Reversed),
            (ToServer, PORT, &broken, Verdict::Yes),
            (ToServer, 9000, &broken, Verdict::No),
            (ToServer, PORT, &frame[..5], Verdict::More),
            (ToServer, PORT, b"\x05\x65", Verdict::No),
            (ToClient, PORT, b"A DNP3 server", Verdict::Yes),
            (ToServer, PORT, b"A DNP3 server", Verdict::Reversed),
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
