//! Sticky buffers and number fields of SNMP.

use super::SnmpTransaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn snmp(tx: &Transaction) -> Option<&SnmpTransaction> {
    match &tx.body {
        Body::Snmp(snmp) => Some(snmp),
        _ => None,
    }
}

const fn row(
    name: &'static str,
    getter: for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>,
) -> BufferRow {
    BufferRow {
        name,
        synonyms: &[],
        modifiers: &[],
        side: BufferSide::Both,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::One(getter),
    }
}

pub const BUFFERS: &[BufferRow] = &[
    row("snmp.community", |tx, _| {
        Some(Bytes::whole(snmp(tx)?.community.as_ref()?.as_bytes()))
    }),
    row("snmp.usm", |tx, _| {
        Some(Bytes::whole(snmp(tx)?.user.as_ref()?.as_bytes()))
    }),
];

const fn field(
    name: &'static str,
    bits: u8,
    names: &'static [(&'static str, u64)],
    getter: fn(&Transaction, Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits,
        names,
        getter,
    }
}

/// RFC 1157 §4.1.6.
const TRAPS: &[(&str, u64)] = &[
    ("cold_start", 0),
    ("warm_start", 1),
    ("link_down", 2),
    ("link_up", 3),
    ("authentication_failure", 4),
    ("egp_neighbor_loss", 5),
    ("enterprise_specific", 6),
];

pub const INT_FIELDS: &[IntFieldRow] = &[
    field("snmp.version", 32, &[], |tx, _, nth| {
        Some(u64::from(snmp(tx).filter(|_| nth == 0)?.version))
    }),
    field("snmp.pdu_type", 32, &[], |tx, _, nth| {
        let pdu = snmp(tx).filter(|_| nth == 0)?.pdu.as_ref()?;
        Some(u64::from(pdu.kind.0))
    }),
    field("snmp.trap_type", 8, TRAPS, |tx, _, nth| {
        let pdu = snmp(tx).filter(|_| nth == 0)?.pdu.as_ref()?;
        Some(u64::from(pdu.trap.as_ref()?.kind.0))
    }),
];
