//! Calls and replies of NFS 3 (RFC 1813 §3.3).

use sensor_bytes::Reader;
use sensor_flow::Direction;

use super::files::{FileChunk, Passing};
use super::number::v3;
use super::rpc::{self, Call, Malformed, Reply, flag};
use super::work::{Pending, Work};

const VERSION: u8 = 3;
const ATTRIBUTES_BYTES: usize = 84;
/// How much of a write the server must have on its disk before it answers: all.
const FILE_SYNC: u32 = 2;

pub fn call(work: &mut Work<'_>, call: &Call<'_>) -> Pending {
    work.set_version(VERSION);
    let mut pending = Pending {
        version: VERSION,
        procedure: call.procedure,
        ..Pending::default()
    };
    let mut new_name = Vec::new();
    let mut reader = Reader::new(call.arguments);
    match call.procedure {
        // The handle is the directory's.
        v3::LOOKUP => {
            if let Some((_, name)) = work.sound(entry(&mut reader)) {
                pending.name = name.to_vec();
            }
        }
        v3::ACCESS | v3::GETATTR | v3::READDIRPLUS => {
            if let Some(handle) = work.sound(rpc::handle(&mut reader)) {
                pending.name = work.name(handle);
                pending.handle = handle.to_vec();
            }
        }
        v3::CREATE | v3::MKDIR | v3::REMOVE | v3::RMDIR => {
            if let Some((handle, name)) = work.sound(entry(&mut reader)) {
                pending.name = name.to_vec();
                pending.handle = handle.to_vec();
            }
        }
        v3::RENAME => {
            let from = entry(&mut reader);
            let both = from.and_then(|from| Ok((from, entry(&mut reader)?)));
            if let Some(((handle, name), (_, to))) = work.sound(both) {
                pending.name = name.to_vec();
                pending.handle = handle.to_vec();
                new_name = to.to_vec();
            }
        }
        v3::READ => {
            let read = rpc::handle(&mut reader).and_then(|handle| Ok((handle, reader.u64()?)));
            if let Some((handle, offset)) = work.sound(read) {
                pending.offset = offset;
                pending.name = work.name(handle);
                pending.handle = handle.to_vec();
                work.expect_file(call, VERSION, handle, &pending.name);
            }
            return pending;
        }
        v3::WRITE => {
            let write = WriteCall::read(call.arguments).and_then(WriteCall::whole);
            if let Some(write) = work.sound(write) {
                transfer_write(work, call, &write);
            }
            return pending;
        }
        v3::COMMIT => {
            if let Some(handle) = work.sound(rpc::handle(&mut reader)) {
                work.end_written(handle, call.xid, true);
            }
            return pending;
        }
        _ => {}
    }
    pending.transaction = work.begin_call(call, call.procedure, &pending, new_name);
    pending
}

pub fn reply(work: &mut Work<'_>, reply: &Reply<'_>, pending: Pending) {
    let status = Reader::new(reply.results).u32().unwrap_or(0);
    let mut told = Vec::new();
    match pending.procedure {
        // A refusal has attributes where the handle would be; their first bytes count as one.
        v3::LOOKUP => {
            if let Some(handle) = work.sound(looked_up(reply.results)) {
                told = handle.to_vec();
            }
        }
        v3::CREATE => {
            if let Some(Some(handle)) = work.sound(created(reply.results)) {
                told = handle.to_vec();
            }
        }
        v3::READ => {
            if status == 0 {
                let read = ReadReply::read(reply.results).and_then(ReadReply::whole);
                if let Some(read) = work.sound(read) {
                    transfer_read(work, reply.xid, &read, &pending);
                }
            }
            return;
        }
        v3::READDIRPLUS if status == 0 => {
            if let Some(names) = work.sound(listed(reply.results)) {
                for (handle, name) in names {
                    work.known.names.set(handle.to_vec(), name.to_vec());
                }
            }
        }
        _ => {}
    }
    if !told.is_empty() && status == 0 {
        work.known.names.set(told.clone(), pending.name.clone());
    }
    work.answer(&pending, reply, status, &told);
}

/// A call of which only the beginning is here: that of a write, whose bytes need not be waited for.
pub fn partial_call(work: &mut Work<'_>, call: &Call<'_>) -> Option<Passing> {
    if call.version != u32::from(VERSION) || call.procedure != v3::WRITE {
        return None;
    }
    let write = WriteCall::read(call.arguments).ok()?;
    work.set_version(VERSION);
    let passing = transfer_write(work, call, &write);
    let pending = Pending {
        version: VERSION,
        procedure: call.procedure,
        handle: write.handle.to_vec(),
        ..Pending::default()
    };
    work.keep(call.xid, pending);
    Some(passing)
}

/// The same of a reply: that to a read.
pub fn partial_reply(work: &mut Work<'_>, reply: &Reply<'_>) -> Option<Passing> {
    let pending = work.known.calls.get(&reply.xid)?;
    if pending.version != VERSION || pending.procedure != v3::READ {
        return None;
    }
    let read = ReadReply::read(reply.results).ok()?;
    let pending = work.known.calls.remove(&reply.xid)?;
    Some(transfer_read(work, reply.xid, &read, &pending))
}

fn transfer_write(work: &mut Work<'_>, call: &Call<'_>, write: &WriteCall<'_>) -> Passing {
    let name = work.name(write.handle);
    work.transfer(&FileChunk {
        direction: Direction::ToServer,
        handle: write.handle,
        name: &name,
        xid: call.xid,
        procedure: v3::WRITE,
        version: VERSION,
        status: 0,
        offset: write.offset,
        bytes: write.bytes,
        here: write.here,
        is_last: write.stable == FILE_SYNC,
    })
}

fn transfer_read(
    work: &mut Work<'_>,
    xid: u32,
    read: &ReadReply<'_>,
    pending: &Pending,
) -> Passing {
    work.transfer(&FileChunk {
        direction: Direction::ToClient,
        handle: &pending.handle,
        name: &pending.name,
        xid,
        procedure: v3::READ,
        version: VERSION,
        status: 0,
        offset: pending.offset,
        bytes: read.bytes,
        here: read.here,
        is_last: read.eof,
    })
}

/// A directory and a name in it.
fn entry<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    Ok((rpc::handle(reader)?, rpc::name(reader)?))
}

/// The bytes of a chunk as far as they are here.
fn chunk<'a>(reader: &mut Reader<'a>, most: u32) -> Result<(u32, &'a [u8]), Malformed> {
    let bytes = reader.u32()?;
    if bytes > most {
        return Err(Malformed::Wrong);
    }
    let here = reader.rest();
    Ok((bytes, &here[..here.len().min(bytes as usize)]))
}

/// Arguments of WRITE (RFC 1813 §3.3.7).
#[derive(Debug, Clone, Copy)]
struct WriteCall<'a> {
    handle: &'a [u8],
    offset: u64,
    stable: u32,
    bytes: u32,
    here: &'a [u8],
}

impl<'a> WriteCall<'a> {
    fn read(arguments: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(arguments);
        let handle = rpc::handle(&mut reader)?;
        let offset = reader.u64()?;
        let count = reader.u32()?;
        let stable = reader.u32()?;
        if stable > FILE_SYNC {
            return Err(Malformed::Wrong);
        }
        let (bytes, here) = chunk(&mut reader, count)?;
        Ok(WriteCall {
            handle,
            offset,
            stable,
            bytes,
            here,
        })
    }

    fn whole(self) -> Result<Self, Malformed> {
        if self.here.len() == self.bytes as usize {
            Ok(self)
        } else {
            Err(Malformed::Short)
        }
    }
}

/// Results of a READ that went well (RFC 1813 §3.3.6).
#[derive(Debug, Clone, Copy)]
struct ReadReply<'a> {
    eof: bool,
    bytes: u32,
    here: &'a [u8],
}

impl<'a> ReadReply<'a> {
    fn read(results: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(results);
        if reader.u32()? != 0 {
            return Err(Malformed::Wrong);
        }
        attributes(&mut reader)?;
        let count = reader.u32()?;
        let eof = flag(&mut reader)?;
        let (bytes, here) = chunk(&mut reader, count)?;
        Ok(ReadReply { eof, bytes, here })
    }

    fn whole(self) -> Result<Self, Malformed> {
        if self.here.len() == self.bytes as usize {
            Ok(self)
        } else {
            Err(Malformed::Short)
        }
    }
}

fn attributes(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if flag(reader)? {
        reader.skip(ATTRIBUTES_BYTES)?;
    }
    Ok(())
}

fn looked_up(results: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(results);
    reader.u32()?;
    rpc::handle(&mut reader)
}

fn created(results: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut reader = Reader::new(results);
    reader.u32()?;
    if !flag(&mut reader)? {
        return Ok(None);
    }
    rpc::handle(&mut reader).map(Some)
}

/// Entries of a directory: handle and name of those that have a handle (RFC 1813 §3.3.17).
fn listed(results: &[u8]) -> Result<Vec<(&[u8], &[u8])>, Malformed> {
    let mut reader = Reader::new(results);
    reader.u32()?;
    attributes(&mut reader)?;
    // The cookies' verifier.
    reader.u64()?;
    let mut names = Vec::new();
    while flag(&mut reader)? {
        reader.u64()?;
        let name = rpc::name(&mut reader)?;
        reader.u64()?;
        attributes(&mut reader)?;
        if flag(&mut reader)? {
            names.push((rpc::handle(&mut reader)?, name));
        }
    }
    Ok(names)
}
