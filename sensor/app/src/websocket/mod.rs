//! WebSocket (RFC 6455) behind an upgrade of HTTP/1, with compressed messages (RFC 7692).
//!
//! A frame is a transaction; the last frame of a message has the payload of all its frames. Left out:
//! WebSocket over HTTP/2, extensions other than compression.

mod buffers;
mod event;
mod events;
mod midway;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Body, Protocol, ProtocolRow, Transaction};
use sensor_flow::Direction;

pub use wire::{FrameHeader, Opcode};

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["header", "pdu", "data"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Websocket,
    name: "websocket",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// An upgrade tells that its frames come. Where it was not seen, they have to tell by themselves.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    if prefix.midstream {
        midway::probe(prefix)
    } else {
        Verdict::No
    }
}

/// One frame.
#[derive(Debug)]
pub struct WebsocketTransaction {
    pub direction: Direction,
    pub header: FrameHeader,
    /// Unmasked; of the whole message with its last frame.
    pub payload: Vec<u8>,
}

/// The websocket part of a transaction.
fn websocket(tx: &Transaction) -> Option<&WebsocketTransaction> {
    match &tx.body {
        Body::Websocket(websocket) => Some(websocket),
        _ => None,
    }
}
