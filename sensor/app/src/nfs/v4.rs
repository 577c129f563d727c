//! Calls and replies of NFS 4: compounds.

use sensor_flow::Direction;

use super::compound::{self, Request, Response};
use super::files::FileChunk;
use super::number::v4;
use super::rpc::{self, Call, Malformed, Reply};
use super::work::{Pending, Work};

const VERSION: u8 = 4;
/// How much of a write the server must have on its disk before it answers: all.
const FILE_SYNC: u32 = 2;

pub fn call(work: &mut Work<'_>, call: &Call<'_>) -> Pending {
    let mut pending = Pending {
        version: VERSION,
        procedure: call.procedure,
        has_checksum: call.auth.gss.is_some_and(|gss| gss.is_integrity()),
        ..Pending::default()
    };
    if call.procedure != v4::COMPOUND {
        return pending;
    }
    let requests = inner(call.arguments, &pending).and_then(compound::requests);
    let Some(requests) = work.sound(requests) else {
        return pending;
    };
    // Of the file that operations are about; and the operation that makes a transaction.
    let mut current: Option<&[u8]> = None;
    let mut recorded = None;
    for request in requests {
        match request {
            Request::PutHandle(handle) => current = Some(handle),
            Request::Open { name } | Request::Lookup { name } => pending.name = name.to_vec(),
            Request::Read { offset } => {
                if let Some(handle) = current {
                    pending.offset = offset;
                    pending.name = work.name(handle);
                    pending.handle = handle.to_vec();
                }
            }
            Request::Write {
                offset,
                stable,
                data,
            } => {
                if let Some(handle) = current {
                    let name = work.name(handle);
                    work.transfer(&FileChunk {
                        direction: Direction::ToServer,
                        handle,
                        name: &name,
                        xid: call.xid,
                        procedure: v4::WRITE,
                        version: VERSION,
                        status: 0,
                        offset,
                        bytes: u32::try_from(data.len()).unwrap_or(u32::MAX),
                        here: data,
                        is_last: stable == FILE_SYNC,
                    });
                }
            }
            Request::End => {
                if let Some(handle) = current {
                    work.end_written(handle, call.xid, false);
                }
            }
            Request::Create { name } => {
                pending.name = name.to_vec();
                pending.handle = current.unwrap_or_default().to_vec();
                recorded = Some(v4::CREATE);
            }
            Request::Remove { name } => {
                pending.name = name.to_vec();
                recorded = Some(v4::REMOVE);
            }
        }
    }
    pending.transaction =
        recorded.and_then(|operation| work.begin_call(call, operation, &pending, Vec::new()));
    pending
}

pub fn reply(work: &mut Work<'_>, reply: &Reply<'_>, pending: &Pending) {
    if pending.procedure != v4::COMPOUND {
        return;
    }
    let responses = inner(reply.results, pending).and_then(compound::responses);
    let Some(responses) = work.sound(responses) else {
        return;
    };
    let mut is_open = false;
    let mut status = None;
    for response in responses {
        match response {
            Response::Opened => is_open = true,
            Response::Handle(handle) if is_open => {
                work.known.names.set(handle.to_vec(), pending.name.clone());
            }
            Response::Handle(_) => {}
            Response::Read { eof, data } => {
                work.transfer(&FileChunk {
                    direction: Direction::ToClient,
                    handle: &pending.handle,
                    name: &pending.name,
                    xid: reply.xid,
                    procedure: v4::READ,
                    version: VERSION,
                    status: 0,
                    offset: pending.offset,
                    bytes: u32::try_from(data.len()).unwrap_or(u32::MAX),
                    here: data,
                    is_last: eof,
                });
            }
            Response::Status(of_operation) => status = Some(of_operation),
        }
    }
    if let Some(status) = status {
        work.answer(pending, reply, status, &[]);
    }
}

/// The compound, without what GSS puts around it.
fn inner<'a>(data: &'a [u8], pending: &Pending) -> Result<&'a [u8], Malformed> {
    if pending.has_checksum {
        rpc::without_checksum(data)
    } else {
        Ok(data)
    }
}
