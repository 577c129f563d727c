//! Sticky buffers of IRC: names of our own.

use super::wire::Message;
use crate::{Body, BufferRow, BufferSide, Bytes, Transaction};
use sensor_flow::Direction;

/// The message, for the side that sent it.
fn irc(transaction: &Transaction, side: Direction) -> Option<Message<'_>> {
    match &transaction.body {
        Body::Irc(irc) if irc.from == side => irc.message(),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("irc.command", BufferSide::Both, |tx, side| {
        Some(Bytes::whole(irc(tx, side)?.command))
    }),
    BufferRow::many("irc.params", BufferSide::Both, |tx, side, nth| {
        Some(Bytes::whole(irc(tx, side)?.parameters.get(nth).copied()?))
    }),
];
