//! Packets that sensors were asked for: as they come, as they are kept, as they are looked at.
//!
//! A [`Shelf`] is a folder. What a sensor sends is appended to a part file, chunk by chunk with the place in the
//! sensor's ring that it reaches, so that after a crash or a cut the sensor goes on there. Once all is there, it
//! becomes a pcapng file with a SHA-256. [`packets`] and [`conversation`] show what is in it.

mod conversation;
mod packet;
mod part;
mod pcapng;
mod shelf;

pub use conversation::{Conversation, Piece, Side, conversation};
pub use packet::{End, Packet, packets};
pub use shelf::{Progress, Shelf, Stored};

use std::path::PathBuf;

/// Bytes of frames in one piece of evidence.
pub const MAX_BYTES: u64 = 64 << 20;
/// Frames in one piece of evidence; more are not taken.
pub const MAX_FRAMES: u64 = 1_000_000;

/// A place in a sensor's ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub segment: u64,
    pub offset: u64,
    pub entry: u32,
}

/// A captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// Link type by its pcap number.
    pub link: u16,
    /// Length on the wire, in bytes.
    pub wire_length: u32,
    pub data: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: broken at byte {offset}", path.display())]
    Broken { path: PathBuf, offset: usize },
    #[error("evidence {id}: more than {MAX_BYTES} bytes or {MAX_FRAMES} frames came")]
    TooMuch { id: i64 },
    #[error("evidence {id}: a chunk begins at {found:?}, where {expected:?} was to come")]
    Gap {
        id: i64,
        expected: Place,
        found: Place,
    },
}

impl Error {
    fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::File {
            path: path.to_owned(),
            source,
        }
    }
}
