//! Records that do not travel to the collector, kept on the sensor's disk until somebody searches them.
//!
//! Those that are to stay, and those that the spool has no room for, go through a bounded queue ([`Archive::keep`]
//! never waits) to one thread that packs them into blocks and appends these to segment files. When the budget is used
//! up, or records have been kept long enough, the oldest segment goes. [`Archive::pieces`] tells which blocks may hold
//! records of a stretch of time, newest first; [`Archive::read`] unpacks one.
//!
//! What is left out on the way, and what went again, is counted ([`Counts`]). A segment that ends in the midst of a
//! block is cut behind its last whole one when the archive is opened again.

mod archive;
mod block;
mod segment;
mod writer;

pub use archive::{Archive, Piece, Place, Status};
pub use block::{Content, Line};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// How long a record is kept.
    pub age: Duration,
    /// Bytes of records between workers and disk.
    pub queue_bytes: usize,
}

impl Options {
    /// A smaller archive would hold less than a few segments.
    pub const LEAST_DISK_BYTES: u64 = 16 << 20;
    /// What is known of each block lies in memory.
    pub const MOST_DISK_BYTES: u64 = 64 << 30;
}

impl Default for Options {
    /// Fits a gateway with 512 MB of memory and a small disk.
    fn default() -> Self {
        Options {
            disk_bytes: 512 << 20,
            age: Duration::from_secs(30 * 86_400),
            queue_bytes: 16 << 20,
        }
    }
}

/// Records by what became of them, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    kept: AtomicU64,
    /// The disk did not keep up.
    queue_full: AtomicU64,
    /// In blocks that could not be written.
    disk_error: AtomicU64,
    /// Not one line, or longer than a block takes.
    not_a_line: AtomicU64,
    /// Kept, and gone again for newer ones.
    budget: AtomicU64,
    /// Kept, and gone again after their time.
    age: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Records that were to be kept and are not, by reason.
    pub fn left_out(&self) -> [(&'static str, u64); 3] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("queue_full", read(&self.queue_full)),
            ("disk_error", read(&self.disk_error)),
            ("not_a_line", read(&self.not_a_line)),
        ]
    }

    /// Records that were kept and have gone, by reason.
    pub fn gone(&self) -> [(&'static str, u64); 2] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [("budget", read(&self.budget)), ("age", read(&self.age))]
    }
}

/// Why the archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("record archive: {}: {source}", path.display())]
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
