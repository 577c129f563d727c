//! Sticky buffers and number fields of DNP3.

use super::Dnp3Transaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

/// Function codes of the application layer (IEEE 1815 §4.2.2.5).
const FUNCTIONS: &[(&str, u64)] = &[
    ("confirm", 0),
    ("read", 1),
    ("write", 2),
    ("select", 3),
    ("operate", 4),
    ("direct_operate", 5),
    ("direct_operate_nr", 6),
    ("immed_freeze", 7),
    ("immed_freeze_nr", 8),
    ("freeze_clear", 9),
    ("freeze_clear_nr", 10),
    ("freeze_at_time", 11),
    ("freeze_at_time_nr", 12),
    ("cold_restart", 13),
    ("warm_restart", 14),
    ("initialize_data", 15),
    ("initialize_appl", 16),
    ("start_appl", 17),
    ("stop_appl", 18),
    ("save_config", 19),
    ("enable_unsolicited", 20),
    ("disable_unsolicited", 21),
    ("assign_class", 22),
    ("delay_measure", 23),
    ("record_current_time", 24),
    ("open_file", 25),
    ("close_file", 26),
    ("delete_file", 27),
    ("get_file_info", 28),
    ("authenticate_file", 29),
    ("abort_file", 30),
    ("activate_config", 31),
    ("authenticate_req", 32),
    ("authenticate_err", 33),
    ("response", 129),
    ("unsolicited_response", 130),
    ("authenticate_resp", 131),
];

fn dnp3(transaction: &Transaction) -> Option<&Dnp3Transaction> {
    match &transaction.body {
        Body::Dnp3(dnp3) => Some(dnp3),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[BufferRow {
    name: "dnp3.data",
    synonyms: &["dnp3_data"],
    modifiers: &[],
    side: BufferSide::Both,
    ready_at: [0; 2],
    lowercase: false,
    streaming: true,
    getter: BufferGetter::One(|tx, _| {
        let dnp3 = dnp3(tx)?;
        Some(Bytes {
            data: &dnp3.message,
            offset: 0,
            complete: dnp3.done,
        })
    }),
}];

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "dnp3_func",
        synonyms: &["dnp3.func"],
        side: BufferSide::Both,
        ready_at: 0,
        bits: 8,
        names: FUNCTIONS,
        getter: |tx, _, nth| {
            let dnp3 = dnp3(tx).filter(|_| nth == 0)?;
            Some(dnp3.function().into())
        },
    },
    IntFieldRow {
        name: "dnp3_ind",
        synonyms: &["dnp3.ind"],
        side: BufferSide::ToClient,
        ready_at: 0,
        bits: 16,
        names: &[],
        getter: |tx, _, nth| {
            let dnp3 = dnp3(tx).filter(|_| nth == 0)?;
            dnp3.indications().map(u64::from)
        },
    },
    // Group above, variation below.
    IntFieldRow {
        name: "dnp3_obj",
        synonyms: &["dnp3.obj"],
        side: BufferSide::Both,
        ready_at: 0,
        bits: 16,
        names: &[],
        getter: |tx, _, nth| {
            let &(group, variation) = dnp3(tx)?.objects.get(nth)?;
            Some(u16::from_be_bytes([group, variation]).into())
        },
    },
];
