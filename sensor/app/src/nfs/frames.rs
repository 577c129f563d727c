//! Frames of remote procedure calls and of what NFS has in them.

use sensor_flow::Direction;

use super::rpc::{Call, Reply};
use crate::frame::Frames;

/// Bytes of a record's length.
const RECORD_MARK_BYTES: usize = 4;
/// Bytes of a call before its credentials.
const BEFORE_CREDENTIALS: usize = 24;
/// Number and kind of a message.
const HEADER_BYTES: usize = 8;

/// A message whose first byte came `rest` bytes before the end; `mark`: bytes before it that belong to it.
pub struct Place {
    pub direction: Direction,
    pub rest: usize,
    pub length: usize,
    pub mark: usize,
}

impl Place {
    pub fn in_stream(direction: Direction, rest: usize, length: usize) -> Self {
        Place {
            direction,
            rest,
            length,
            mark: RECORD_MARK_BYTES,
        }
    }

    pub fn datagram(direction: Direction, length: usize) -> Self {
        Place {
            direction,
            rest: length,
            length,
            mark: 0,
        }
    }

    fn add(&self, frames: &mut Frames, name: &'static str, at: usize, length: usize) {
        // Counted from the mark, if there is one.
        let rest = (self.rest + self.mark).saturating_sub(at);
        frames.add(self.direction, name, rest, Some(length as u64));
    }

    fn end(&self) -> usize {
        self.length + self.mark
    }

    pub fn pdu(&self, frames: &mut Frames) {
        self.add(frames, "rpc.pdu", 0, self.end());
    }

    pub fn call(&self, frames: &mut Frames, message: &[u8], call: &Call<'_>) {
        let at = self.mark + BEFORE_CREDENTIALS;
        let bytes = message
            .get(BEFORE_CREDENTIALS + 4..)
            .and_then(|rest| rest.first_chunk::<4>());
        let credentials = bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes)) as usize;
        self.add(
            frames,
            "rpc.creds",
            at,
            credentials.saturating_add(8).min(self.length),
        );
        let arguments = call.arguments.len();
        let at = self.end().saturating_sub(arguments);
        self.program(frames, call.version, at, arguments);
    }

    /// A reply to a call of this version of NFS.
    pub fn reply(&self, frames: &mut Frames, reply: &Reply<'_>, version: Option<u8>) {
        let header = HEADER_BYTES + self.mark;
        if self.end() > header {
            self.add(frames, "rpc.hdr", 0, header);
            self.add(frames, "rpc.data", header, self.end() - header);
        }
        let results = reply.results.len();
        let Some(version) = version.filter(|_| results > 0) else {
            return;
        };
        let at = self.end().saturating_sub(results);
        let status = if version == 4 {
            "nfs4.status"
        } else {
            "nfs.status"
        };
        if version != 4 {
            self.program(frames, u32::from(version), at, results);
            self.add(frames, status, at, 4);
        } else {
            self.add(frames, "nfs4.pdu", at, results);
            self.add(frames, status, at, 4);
            self.compound(frames, at, results);
        }
    }

    fn program(&self, frames: &mut Frames, version: u32, at: usize, length: usize) {
        if version == 4 {
            self.add(frames, "nfs4.pdu", at, length);
            self.compound(frames, at, length);
        } else {
            self.add(frames, "nfs.pdu", at, length);
        }
    }

    fn compound(&self, frames: &mut Frames, at: usize, length: usize) {
        if length > HEADER_BYTES {
            self.add(frames, "nfs4.hdr", at, HEADER_BYTES);
            self.add(frames, "nfs4.ops", at + HEADER_BYTES, length - HEADER_BYTES);
        }
    }
}
