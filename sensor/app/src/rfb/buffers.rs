//! Sticky buffer and number fields of RFB.

use super::state::RfbTransaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

fn rfb(transaction: &Transaction) -> Option<&RfbTransaction> {
    match &transaction.body {
        Body::Rfb(rfb) => Some(rfb),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[BufferRow {
    name: "rfb.name",
    synonyms: &[],
    modifiers: &[],
    side: BufferSide::ToClient,
    ready_at: [Transaction::COMPLETE; 2],
    lowercase: false,
    streaming: false,
    getter: BufferGetter::One(|tx, _| {
        let name = &rfb(tx)?.screen.as_ref()?.name;
        (!name.is_empty()).then_some(Bytes::whole(name))
    }),
}];

/// Names of results (RFC 6143 §7.1.3, and the one of version 3.7).
pub const RESULTS: &[(&str, u64)] = &[
    ("ok", 0),
    ("fail", 1),
    ("too_many", 2),
    ("toomany", 2),
    ("unknown", 3),
];

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "rfb.sectype",
        synonyms: &[],
        side: BufferSide::ToServer,
        ready_at: 0,
        bits: 32,
        names: &[],
        getter: |tx, _, nth| (nth == 0).then_some(u64::from(rfb(tx)?.security_type?.0)),
    },
    IntFieldRow {
        name: "rfb.secresult",
        synonyms: &[],
        side: BufferSide::ToClient,
        ready_at: 0,
        bits: 32,
        names: RESULTS,
        getter: |tx, _, nth| (nth == 0).then_some(u64::from(rfb(tx)?.result?.0)),
    },
];
