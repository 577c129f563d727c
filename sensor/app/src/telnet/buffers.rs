//! Sticky buffers of Telnet: names of our own.

use super::state::TelnetTransaction;
use crate::{Body, BufferRow, BufferSide, Bytes, Transaction};

fn telnet(transaction: &Transaction) -> Option<&TelnetTransaction> {
    match &transaction.body {
        Body::Telnet(telnet) => Some(telnet),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("telnet.user", BufferSide::ToServer, |tx, _| {
        telnet(tx)?.user.as_deref().map(Bytes::whole)
    }),
    BufferRow::one("telnet.terminal", BufferSide::ToServer, |tx, _| {
        telnet(tx)?.terminal.as_deref().map(Bytes::whole)
    }),
    BufferRow::many("telnet.environ", BufferSide::ToServer, |tx, _, nth| {
        let (_, value) = telnet(tx)?.environ.get(nth)?;
        Some(Bytes::whole(value))
    }),
];
