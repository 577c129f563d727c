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
    let expected = ports.contains(&PORT);
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
    if !header.fits(declared) || header.opcode() >= 7 {
        return Verdict::No;
    }
    let sound = match Message::read(message) {
        // On another port only what is DNS beyond doubt.
        Ok(message) => expected || is_certain(&message),
        // A first segment may hold a part of the message.
        Err(wire::Malformed::Short(_)) => {
            expected && (prefix.transport == Transport::Tcp || header.questions > 0)
        }
        Err(wire::Malformed::Name { .. }) => false,
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
