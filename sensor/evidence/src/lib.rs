//! Frames around alerts, kept on the sensor's disk until somebody asks for them.
//!
//! A worker's [`Tap`] remembers the newest frames in memory. With a flow's first alert it hands over what it
//! remembers of the flow, and what the flow brings from then on, up to a cap; in [`Mode::Full`], everything. Blocks of
//! frames go through a bounded queue to one thread that appends them to segment files, the [`Ring`]; when its budget
//! is used up, the oldest segment goes. [`Ring::scan`] finds frames again by flow and time.
//!
//! The packet path allocates nothing here and never waits: when the disk does not keep up, frames are left out and
//! counted ([`Counts`]). A segment that was not closed is read through when the ring is opened again, and cut behind
//! its last whole block.

mod block;
mod recent;
mod ring;
mod segment;
mod tap;

pub use ring::{Cursor, Query, Ring, Scanned, Status};
pub use tap::{Tap, Tapped, Trail};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest frame that is kept, in bytes: as the capture has it.
pub const FRAME_LIMIT: usize = 262_144;

/// A captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// Link type by its pcap number.
    pub link: u16,
    pub data: &'a [u8],
    /// Length on the wire, in bytes.
    pub wire_length: u32,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Flows that had an alert.
    #[default]
    Alerts,
    /// Every frame.
    Full,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Alerts => "alerts",
            Mode::Full => "full",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub mode: Mode,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes of frames that are remembered, for each worker.
    pub memory_bytes: usize,
    /// How far back before the first alert of a flow.
    pub before: Duration,
    /// Bytes kept of one flow.
    pub flow_bytes: u64,
}

impl Options {
    /// A smaller ring would hold less than a few segments.
    pub const LEAST_DISK_BYTES: u64 = 16 << 20;
}

impl Default for Options {
    /// Fits a gateway with 512 MB of memory and a small disk.
    fn default() -> Self {
        Options {
            mode: Mode::Alerts,
            disk_bytes: 1 << 30,
            memory_bytes: 8 << 20,
            before: Duration::from_secs(60),
            flow_bytes: 8 << 20,
        }
    }
}

/// Frames by what became of them, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    kept: AtomicU64,
    kept_bytes: AtomicU64,
    /// The disk did not keep up.
    queue_full: AtomicU64,
    /// Their flow had its share.
    flow_cap: AtomicU64,
    /// Longer than [`FRAME_LIMIT`].
    too_long: AtomicU64,
    /// In blocks that could not be written.
    disk_error: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// Frames written, and their bytes on disk.
    pub fn kept(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.kept), read(&self.kept_bytes))
    }

    /// Frames that were to be kept and are not, by reason.
    pub fn left_out(&self) -> [(&'static str, u64); 4] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("queue_full", read(&self.queue_full)),
            ("flow_cap", read(&self.flow_cap)),
            ("too_long", read(&self.too_long)),
            ("disk_error", read(&self.disk_error)),
        ]
    }
}

/// Why the ring cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("evidence ring: {}: {source}", path.display())]
pub struct Error {
    path: PathBuf,
    source: std::io::Error,
}

impl Error {
    fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error {
            path: path.to_owned(),
            source,
        }
    }
}
