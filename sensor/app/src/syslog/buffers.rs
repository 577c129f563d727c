//! Sticky buffers and numbers of syslog: names of our own.

use super::wire::Message;
use crate::{Body, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

fn syslog(transaction: &Transaction) -> Option<Message<'_>> {
    match &transaction.body {
        Body::Syslog(syslog) => Some(syslog.message()),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("syslog.message", BufferSide::ToServer, |tx, _| {
        Some(Bytes::whole(syslog(tx)?.text))
    }),
    BufferRow::one("syslog.app_name", BufferSide::ToServer, |tx, _| {
        syslog(tx)?.app.map(Bytes::whole)
    }),
    BufferRow::one("syslog.hostname", BufferSide::ToServer, |tx, _| {
        syslog(tx)?.host.map(Bytes::whole)
    }),
];

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "syslog.facility",
        synonyms: &[],
        side: BufferSide::ToServer,
        ready_at: 0,
        bits: 8,
        names: &[],
        getter: |tx, _, nth| Some(u64::from(syslog(tx)?.priority >> 3)).filter(|_| nth == 0),
    },
    IntFieldRow {
        name: "syslog.severity",
        synonyms: &[],
        side: BufferSide::ToServer,
        ready_at: 0,
        bits: 8,
        names: &[],
        getter: |tx, _, nth| Some(u64::from(syslog(tx)?.priority & 7)).filter(|_| nth == 0),
    },
];
