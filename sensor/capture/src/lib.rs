//! Network card or capture file → timestamped frames.
//!
//! [`CaptureFile`] reads pcap and pcapng (both byte orders, micro- and nanoseconds, gzip and zstd, standard
//! input) and lends each frame from its memory map or window. [`LiveCapture`] takes frames from an interface
//! through libpcap. Neither copies a frame.

mod card;
mod file;
mod format;
mod live;

pub use card::{Card, ETHTOOL_REQUEST, Offloads};
pub use file::CaptureFile;
pub use live::{DropCounts, LiveCapture, LiveOptions, Received};

use std::path::PathBuf;

/// Frames longer than this are refused: the file is broken. Largest snap length libpcap accepts.
pub const FRAME_LIMIT: usize = 262_144;

/// A captured frame, lent until the next one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// Link type by its pcap number (<https://www.tcpdump.org/linktypes.html>).
    pub link: u16,
    pub data: &'a [u8],
    /// Length on the wire, in bytes; more than `data.len()` when the capture cut the frame.
    pub wire_length: u32,
}

/// Why no frame can be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    Open {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path}: neither pcap nor pcapng (first bytes {found:02x?}); give a capture written by tcpdump, Wireshark or dumpcap"
    )]
    Unknown { path: PathBuf, found: Vec<u8> },
    #[error("{path}: broken at byte {offset}: {reason}; frames before it were read")]
    Broken {
        path: PathBuf,
        offset: u64,
        reason: String,
    },
    #[error(
        "{path}: ends within a frame at byte {offset}; the capture was cut short, frames before it were read"
    )]
    Cut { path: PathBuf, offset: u64 },
    #[error("interface {interface}: {source}")]
    Live {
        interface: String,
        source: pcap::Error,
    },
    #[error("interface {interface}: its card cannot be asked: {source}")]
    Card {
        interface: String,
        source: std::io::Error,
    },
    #[error("interface {interface}: fan-out could not be set: {source}")]
    Fanout {
        interface: String,
        source: std::io::Error,
    },
}
