//! Number fields of DHCP.

use super::wire::Code;
use crate::{Body, BufferSide, IntFieldRow, Transaction};

const fn row(
    name: &'static str,
    getter: fn(&Transaction, sensor_flow::Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: 0,
        bits: 64,
        names: &[],
        getter,
    }
}

fn seconds(transaction: &Transaction, nth: usize, code: Code) -> Option<u64> {
    match &transaction.body {
        Body::Dhcp(dhcp) if nth == 0 => dhcp.message.seconds(code).map(u64::from),
        _ => None,
    }
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    row("dhcp.leasetime", |tx, _, nth| {
        seconds(tx, nth, Code::LEASE_TIME)
    }),
    row("dhcp.rebinding_time", |tx, _, nth| {
        seconds(tx, nth, Code::REBINDING_TIME)
    }),
    row("dhcp.renewal_time", |tx, _, nth| {
        seconds(tx, nth, Code::RENEWAL_TIME)
    }),
];
