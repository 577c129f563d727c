//! DNS over UDP and TCP (RFC 1035 and its followers). Multicast DNS is a protocol of its own beside it;
//! left out is DNS over QUIC.

pub(crate) mod buffers;
pub(crate) mod event;
pub(crate) mod events;
mod number;
pub(crate) mod state;
pub(crate) mod wire;

use sensor_bytes::Reader;
use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use wire::{HEADER_BYTES, Header, Message};

pub(crate) use event::Grouping;
pub use state::{DnsTransaction, Kind};
use state::{State, Variant};

/// A message that came by another way than a flow of its own.
pub(crate) fn read(bytes: &[u8], kind: Kind) -> Option<DnsTransaction> {
    let message = Message::read(bytes).ok()?;
    Some(DnsTransaction { kind, message })
}

/// Where name servers listen.
const PORT: u16 = 53;
/// Ports of relatives that are protocols of their own: multicast DNS, LLMNR.
const OTHER_PORTS: [u16; 2] = [5353, 5355];

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Dns,
    name: "dns",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(State::new(transport, Variant::Unicast)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let ports = [prefix.server_port, prefix.client_port];
    if ports.iter().any(|port| OTHER_PORTS.contains(port)) {
        return Verdict::No;
    }
    if prefix.is_at(&[PORT]) {
        return verdict(prefix, Expectation::Expected);
    }
    match verdict(prefix, Expectation::Unexpected) {
        // Nothing waits for DNS where the other side speaks something else.
        Verdict::More if prefix.other.is_known() && prefix.other != Protocol::Dns => Verdict::No,
        verdict => verdict,
    }
}

/// Whether the port speaks for the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    Expected,
    Unexpected,
}

/// What the content says.
pub(crate) fn verdict(prefix: &Prefix<'_>, expectation: Expectation) -> Verdict {
    let expected = expectation == Expectation::Expected;
    let message = match prefix.transport {
        Transport::Udp => prefix.data,
        Transport::Tcp => match prefix.data {
            [high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if length < HEADER_BYTES {
                    return Verdict::No;
                }
                if rest.len() < HEADER_BYTES {
                    return Verdict::More;
                }
                rest.get(..length).unwrap_or(rest)
            }
            _ => return Verdict::More,
        },
    };
    let Ok(header) = Header::read(&mut Reader::new(message)) else {
        return Verdict::No;
    };
    let declared = match prefix.transport {
        Transport::Udp => message.len(),
        Transport::Tcp => usize::from(u16::from_be_bytes([prefix.data[0], prefix.data[1]])),
    };
    if !header.fits(declared) {
        return Verdict::No;
    }
    let sound = if message.len() < declared {
        // A first segment may hold a part of the message.
        expected
    } else {
        // On another port only what is DNS beyond doubt.
        Message::read(message).is_ok_and(|message| expected || is_certain(&message))
    };
    if !sound {
        return Verdict::No;
    }
    let from_client = prefix.direction == Direction::ToServer;
    if header.is_response() == from_client {
        Verdict::Reversed
    } else {
        Verdict::Yes
    }
}

/// One question of the Internet class, a plain opcode, a name with a dot.
fn is_certain(message: &Message) -> bool {
    const INTERNET: u16 = 1;
    let header = message.header;
    header.opcode() == 0
        && !header.z()
        && header.questions == 1
        && (header.is_response() || header.answers == 0)
        && message.questions.iter().all(|asked| {
            let name = message.name(&asked.name);
            asked.class == INTERNET && name.contains(&b'.') && name.iter().all(u8::is_ascii_graphic)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_recognised() {
        const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
        let mut odd = QUERY.to_vec();
        // An opcode that nobody has assigned.
        odd[2] = 0x39;
        let mut answer = QUERY.to_vec();
        answer[2] |= 0x80;
        let stream = [&[0, 24][..], QUERY].concat();
        let rows: &[(Transport, u16, &[u8], Verdict)] = &[
            (Transport::Udp, 53, QUERY, Verdict::Yes),
            (Transport::Udp, 53, &odd, Verdict::Yes),
            (Transport::Udp, 53, &answer, Verdict::Reversed),
            (Transport::Udp, 53, &QUERY[..20], Verdict::No),
            (Transport::Udp, 9000, QUERY, Verdict::Yes),
            (Transport::Udp, 9000, &odd, Verdict::No),
            (Transport::Udp, 5353, QUERY, Verdict::No),
            (Transport::Tcp, 53, &stream, Verdict::Yes),
            (Transport::Tcp, 53, &stream[..20], Verdict::Yes),
            (Transport::Tcp, 53, &stream[..9], Verdict::More),
        ];
        for (transport, port, data, verdict) in rows {
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
            assert_eq!(probe(&prefix), *verdict, "{transport:?} {port} {data:?}");
        }
    }
}
