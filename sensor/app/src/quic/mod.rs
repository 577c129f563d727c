//! QUIC as far as its first packets tell (RFC 9000, RFC 9001, RFC 9369), and Google's forms before it.
//!
//! The keys of initial packets follow from what stands in them: they are opened, and the hello within is
//! read as that of TLS is. Each packet with a long header is a transaction. Left out: everything behind the
//! hellos, which is in cipher, and following a connection to other addresses.

mod buffers;
mod crypto;
mod event;
mod events;
mod frame;
mod hello;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::tls::Ja3;
use crate::{Body, Protocol, ProtocolRow, Transaction};
use crypto::InitialKeys;
use sensor_flow::Direction;

pub use hello::Extension;
pub use wire::{Header, PacketType, Version};

/// Where servers speak QUIC.
const PORTS: [u16; 2] = [443, 80];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Quic,
    name: "quic",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: events::EVENTS,
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// Nothing in a header says that it is QUIC: the port has to, or that the packet can be opened.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let known = match prefix.expects(Protocol::Quic, &PORTS) {
        true => Header::read(prefix.data).is_some(),
        false => prefix.opens() && is_initial(prefix.data),
    };
    if known { Verdict::Yes } else { Verdict::No }
}

/// The first packet of a client, whose key follows from itself.
fn is_initial(data: &[u8]) -> bool {
    Header::read(data)
        .filter(|header| header.is_long && header.kind == PacketType::Initial)
        .is_some_and(|header| {
            InitialKeys::new(header.version, &header.destination)
                .and_then(|keys| keys.open(Direction::ToServer, &header, data))
                .is_some()
        })
}

/// The shape of a hello of Google's QUIC: its tags in their order, and the MD5 of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cyu {
    pub text: String,
    pub hash: String,
}

/// One packet with a long header.
#[derive(Debug)]
pub struct QuicTransaction {
    pub direction: Direction,
    pub header: Header,
    pub server_name: Option<Vec<u8>>,
    pub user_agent: Option<Vec<u8>>,
    pub cyu: Vec<Cyu>,
    /// JA3 of a client, JA3S of a server.
    pub ja3: Option<Ja3>,
    pub ja4: Option<String>,
    pub extensions: Vec<Extension>,
}

/// The quic part of a transaction.
fn quic(tx: &Transaction) -> Option<&QuicTransaction> {
    match &tx.body {
        Body::Quic(quic) => Some(quic),
        _ => None,
    }
}
