//! DCE/RPC, connection-oriented over TCP and connectionless over UDP (C706 chapter 12, MS-RPCE §2.2.2).
//! What SMB carries in its pipes uses the same messages ([`wire`]) and the same [`Interface`]s.
//!
//! Left out: the contents of calls (NDR), authentication, and keeping fragments of a call together over
//! TCP: each of them is a transaction of its own.

mod buffers;
mod datagram;
mod event;
mod state;
pub(crate) mod wire;

use std::sync::Arc;

use sensor_bytes::Reader;
use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use wire::{DatagramHeader, Header, Kind, Uuid};

pub use buffers::stub_data;
pub use state::{DcerpcTransaction, append_stub, note_bind};

/// Interfaces of one flow that are remembered.
pub const MAX_INTERFACES: usize = 64;
/// Bytes of the arguments or results of one call that are kept.
pub const MAX_STUB_BYTES: usize = 1 << 20;

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu", "hdr", "data"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Dcerpc,
    name: "dcerpc",
    synonyms: &["dce"],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp, Transport::Udp],
    first: None,
    probe,
    parser: |transport| match transport {
        Transport::Tcp => Box::new(state::State::default()),
        Transport::Udp => Box::new(datagram::State),
    },
};

/// An interface that a client asked for, and what the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Number by which requests name it.
    pub context: u16,
    /// Place in its bind.
    pub index: usize,
    /// Call of its bind.
    pub call_id: u32,
    pub uuid: Uuid,
    pub version: u16,
    pub minor: u16,
    /// The bind was a first fragment.
    pub first_fragment: bool,
    /// 0 is acceptance; none until the server has spoken.
    pub result: Option<u16>,
}

/// The interfaces of a flow as they stand; shared with the transactions that speak of them.
pub type Interfaces = Arc<Vec<Interface>>;

/// What rules ask about the call of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub operation: u16,
    /// Interfaces that the call may be of.
    pub interfaces: &'a [Interface],
    /// The interface has to have this number; in SMB pipes any accepted one will do.
    pub context: Option<u16>,
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let mut reader = Reader::new(prefix.data);
    let from_client = match prefix.transport {
        Transport::Tcp => {
            if !b"\x05\x00".starts_with(&prefix.data[..prefix.data.len().min(2)]) {
                return Verdict::No;
            }
            let Ok(header) = Header::read(&mut reader) else {
                return Verdict::More;
            };
            // Amid a conversation, Cassandra's requests and SOCKS's replies begin with the same numbers: no program writes
            // EBCDIC, and the last octets are reserved.
            let representation = matches!(header.representation, [0x00 | 0x10, _, 0, 0]);
            if !header.is_plausible() || prefix.midstream && !representation {
                return Verdict::No;
            }
            header.kind.is_from_client()
        }
        Transport::Udp => {
            let Ok(header) = DatagramHeader::read(&mut reader) else {
                return Verdict::No;
            };
            if prefix.direction != Direction::ToServer
                || !prefix.data.starts_with(b"\x04\x00")
                || header.fragment != 0
                || reader.remaining() < usize::from(header.body_bytes)
                || header.flags2 & 0xfc != 0
                || !header.representation_is_known
            {
                return Verdict::No;
            }
            header.kind == Kind::REQUEST
        }
    };
    if from_client == (prefix.direction == Direction::ToServer) {
        Verdict::Yes
    } else {
        Verdict::Reversed
    }
}
