//! Sticky buffers and numbers of SOCKS: names of our own.

use super::state::SocksTransaction;
use super::wire::Host;
use crate::{Body, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

fn socks(transaction: &Transaction) -> Option<&SocksTransaction> {
    match &transaction.body {
        Body::Socks(socks) => Some(socks),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one(
        "socks.destination",
        BufferSide::ToServer,
        |tx, _| match &socks(tx)?.destination.as_ref()?.host {
            Host::Name(name) => Some(Bytes::whole(name)),
            Host::Address(_) => None,
        },
    ),
    BufferRow::one("socks.user", BufferSide::ToServer, |tx, _| {
        socks(tx)?.user.as_deref().map(Bytes::whole)
    }),
];

pub const INT_FIELDS: &[IntFieldRow] = &[IntFieldRow {
    name: "socks.port",
    synonyms: &[],
    side: BufferSide::ToServer,
    ready_at: Transaction::COMPLETE,
    bits: 16,
    names: &[],
    getter: |tx, _, nth| {
        let destination = socks(tx)?.destination.as_ref()?;
        Some(u64::from(destination.port)).filter(|_| nth == 0)
    },
}];
