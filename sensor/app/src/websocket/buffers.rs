//! Sticky buffers and number fields of WebSocket.

use super::websocket;
use super::wire::OPCODES;
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

pub const BUFFERS: &[BufferRow] = &[BufferRow {
    name: "websocket.payload",
    synonyms: &[],
    modifiers: &[],
    side: BufferSide::Both,
    ready_at: [Transaction::COMPLETE; 2],
    lowercase: false,
    streaming: false,
    getter: BufferGetter::One(|tx, _| Some(Bytes::whole(&websocket(tx)?.payload))),
}];

type Number = fn(&Transaction, Direction, usize) -> Option<u64>;

const fn number(
    name: &'static str,
    bits: u8,
    names: &'static [(&'static str, u64)],
    getter: Number,
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

pub const INT_FIELDS: &[IntFieldRow] = &[
    number("websocket.opcode", 8, OPCODES, |tx, _, at| {
        (at == 0)
            .then(|| websocket(tx).map(|frame| u64::from(frame.header.opcode.0)))
            .flatten()
    }),
    number("websocket.mask", 32, &[], |tx, _, at| {
        let mask = websocket(tx)?.header.mask?;
        (at == 0).then(|| u64::from(u32::from_be_bytes(mask)))
    }),
    // The keyword websocket.flags leads here: it takes names in a list as well.
    number("websocket.flags bits", 8, &[], |tx, _, at| {
        (at == 0)
            .then(|| websocket(tx).map(|frame| u64::from(frame.header.flags)))
            .flatten()
    }),
];
