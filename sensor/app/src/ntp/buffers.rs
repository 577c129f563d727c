//! Sticky buffer and number fields of NTP.

use super::state::NtpTransaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

fn ntp(transaction: &Transaction) -> Option<&NtpTransaction> {
    match &transaction.body {
        Body::Ntp(ntp) => Some(ntp),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[BufferRow {
    name: "ntp.reference_id",
    synonyms: &[],
    modifiers: &[],
    side: BufferSide::Both,
    ready_at: [0; 2],
    lowercase: false,
    streaming: false,
    getter: BufferGetter::One(|tx, _| Some(Bytes::whole(&ntp(tx)?.reference_id))),
}];

/// Names of modes (RFC 5905 §7.3).
const MODES: &[(&str, u64)] = &[
    ("reserved", 0),
    ("symmetric_active", 1),
    ("symmetric_passive", 2),
    ("client", 3),
    ("server", 4),
    ("broadcast", 5),
    ("control", 6),
    ("private", 7),
];

const fn row(
    name: &'static str,
    names: &'static [(&'static str, u64)],
    getter: fn(&Transaction, sensor_flow::Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: 0,
        bits: 8,
        names,
        getter,
    }
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    row("ntp.version", &[], |tx, _, nth| {
        (nth == 0).then_some(u64::from(ntp(tx)?.version))
    }),
    row("ntp.mode", MODES, |tx, _, nth| {
        (nth == 0).then_some(u64::from(ntp(tx)?.mode))
    }),
    row("ntp.stratum", &[], |tx, _, nth| {
        (nth == 0).then_some(u64::from(ntp(tx)?.stratum))
    }),
];
