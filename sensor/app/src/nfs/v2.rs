//! Calls and replies of NFS 2 (RFC 1094 §2).

use sensor_bytes::Reader;
use sensor_flow::Direction;

use super::files::FileChunk;
use super::number::v2;
use super::rpc::{self, Call, Malformed, Reply};
use super::work::{Pending, Work};

const VERSION: u8 = 2;
const HANDLE_BYTES: usize = 32;

pub fn call(work: &mut Work<'_>, call: &Call<'_>) -> Pending {
    let mut pending = Pending {
        version: VERSION,
        procedure: call.procedure,
        ..Pending::default()
    };
    match call.procedure {
        v2::READ => {
            if let Some((handle, offset)) = work.sound(read_call(call.arguments)) {
                pending.offset = u64::from(offset);
                pending.name = work.name(handle);
                pending.handle = handle.to_vec();
            }
        }
        v2::WRITE_CACHE => {}
        procedure => {
            pending.transaction = work.begin_call(call, procedure, &pending, Vec::new());
        }
    }
    pending
}

pub fn reply(work: &mut Work<'_>, reply: &Reply<'_>, pending: &Pending) {
    let status = Reader::new(reply.results).u32().unwrap_or(0);
    if pending.procedure != v2::READ {
        work.answer(pending, reply, status, &[]);
        return;
    }
    if status != 0 {
        return;
    }
    if let Some((size, data)) = work.sound(read_reply(reply.results)) {
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        work.transfer(&FileChunk {
            direction: Direction::ToClient,
            handle: &pending.handle,
            name: &pending.name,
            xid: reply.xid,
            procedure: v2::READ,
            version: VERSION,
            status,
            offset: pending.offset,
            bytes,
            here: data,
            is_last: u64::from(size) == pending.offset.saturating_add(u64::from(bytes)),
        });
    }
}

fn read_call(arguments: &[u8]) -> Result<(&[u8], u32), Malformed> {
    let mut reader = Reader::new(arguments);
    let handle = reader.take(HANDLE_BYTES)?;
    let offset = reader.u32()?;
    reader.u32()?;
    Ok((handle, offset))
}

/// Size of the file, and bytes of it.
fn read_reply(results: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let mut reader = Reader::new(results);
    reader.u32()?;
    // Attributes: five words are before the size.
    reader.skip(20)?;
    let size = reader.u32()?;
    reader.skip(44)?;
    Ok((size, rpc::opaque(&mut reader)?))
}
