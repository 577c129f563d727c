//! Sticky buffers of IMAP: names of our own.

use super::state::ImapTransaction;
use crate::{Body, BufferRow, BufferSide, Bytes, Transaction};

fn imap(transaction: &Transaction) -> Option<&ImapTransaction> {
    match &transaction.body {
        Body::Imap(imap) => Some(imap),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("imap.command", BufferSide::ToServer, |tx, _| {
        let request = imap(tx)?.request.as_ref()?;
        Some(Bytes::whole(request.command.as_bytes()))
    }),
    BufferRow::one("imap.user", BufferSide::ToServer, |tx, _| {
        imap(tx)?.auth.as_ref()?.user.as_deref().map(Bytes::whole)
    }),
    BufferRow::one("imap.response", BufferSide::ToClient, |tx, _| {
        let response = imap(tx)?.response.as_ref()?;
        Some(Bytes::whole(&response.text))
    }),
];
