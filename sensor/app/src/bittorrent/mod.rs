//! BitTorrent's distributed hash table (BEP 5, BEP 32) over UDP: queries, responses, errors.

mod event;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::BittorrentTransaction;

/// How a query begins, by which a flow is told.
const BEGINNING: &[u8] = b"d1:ad2:id20:";

pub const MALFORMED_PACKET: u16 = 1;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Bittorrent,
    name: "bittorrent-dht",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[EventRow {
        name: "malformed_packet",
        number: MALFORMED_PACKET,
    }],
    transports: &[Transport::Udp],
    first: None,
    probe: |prefix: &Prefix<'_>| match prefix.data.starts_with(BEGINNING) {
        true => Verdict::Yes,
        false => Verdict::No,
    },
    parser: |_| Box::new(state::State),
};
