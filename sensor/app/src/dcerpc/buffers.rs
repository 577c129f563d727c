//! Sticky buffers.

use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, Transaction};
use sensor_flow::Direction;

/// The row of `dcerpc.stub_data`; SMB has the same.
pub const fn stub_data(
    getter: for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>,
) -> BufferRow {
    BufferRow {
        name: "dcerpc.stub_data",
        synonyms: &["dce_stub_data"],
        modifiers: &[],
        side: BufferSide::Both,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::One(getter),
    }
}

pub const BUFFERS: &[BufferRow] = &[stub_data(|tx, direction| {
    let Body::Dcerpc(call) = &tx.body else {
        return None;
    };
    let stub = &call.stubs[direction.index()];
    (!stub.is_empty()).then(|| Bytes::whole(stub))
})];
