//! The thread that writes.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use sensor_event::Class;

use crate::archive::Shared;
use crate::block::{Block, MAX_RECORDS};
use crate::segment::Segment;
use crate::{Counts, Error};

/// Segments in a full archive, about; and in the longest time.
const SEGMENTS: u64 = 16;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (1 << 20)..=(512 << 20);
/// Blocks in a full archive, about: what is known of each lies in memory. Records pack to a tenth.
const BLOCKS: u64 = 1_600;
/// Content at which a block is closed.
const FULL_BYTES: std::ops::RangeInclusive<usize> = (256 << 10)..=(4 << 20);
/// A record is on disk at most this long after it was handed over.
const LINGER: Duration = Duration::from_secs(30);

/// What the writing thread is told.
#[derive(Debug)]
pub enum Order {
    Record(Class, Box<[u8]>),
    /// Everything before is on disk when this is answered.
    Flush(Sender<()>),
    Close(Sender<()>),
}

#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    block: Block,
    /// File of the newest segment.
    open: Option<File>,
    failing: bool,
}

impl Writer {
    pub fn new(shared: Arc<Shared>) -> Writer {
        Writer {
            shared,
            block: Block::new(),
            open: None,
            failing: false,
        }
    }

    pub fn run(mut self, orders: &Receiver<Order>) {
        let mut due = Instant::now() + LINGER;
        loop {
            match orders.recv_deadline(due) {
                Ok(Order::Record(class, record)) => {
                    self.take(class, &record, unix_ms());
                    if self.block.records == 0 || Instant::now() < due {
                        continue;
                    }
                    self.settle(unix_ms());
                }
                Ok(Order::Flush(done)) => {
                    self.settle(unix_ms());
                    let _ = done.try_send(());
                }
                Ok(Order::Close(done)) => {
                    self.settle(unix_ms());
                    let _ = done.try_send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.settle(unix_ms()),
                Err(RecvTimeoutError::Disconnected) => return self.settle(unix_ms()),
            }
            due = Instant::now() + LINGER;
        }
    }

    /// Takes what is queued, and writes it.
    #[cfg(test)]
    pub fn turn(&mut self, orders: &Receiver<Order>, now_ms: i64) {
        while let Ok(order) = orders.try_recv() {
            if let Order::Record(class, record) = order {
                self.take(class, &record, now_ms);
            }
        }
        self.settle(now_ms);
    }

    fn take(&mut self, class: Class, record: &[u8], now_ms: i64) {
        self.shared
            .queued_bytes
            .fetch_sub(record.len(), Ordering::Relaxed);
        self.block.push(class, record, now_ms);
        let per_block = usize::try_from(self.shared.options.disk_bytes / BLOCKS * 10);
        let full = per_block
            .unwrap_or(usize::MAX)
            .clamp(*FULL_BYTES.start(), *FULL_BYTES.end());
        if self.block.bytes() >= full || self.block.records >= MAX_RECORDS {
            self.write_block(now_ms);
        }
    }

    /// Writes what has been gathered, and lets go what has served its time.
    fn settle(&mut self, now_ms: i64) {
        self.write_block(now_ms);
        let age = self.age_ms();
        let old = |kept: Option<(i64, i64)>| kept.is_some_and(|(_, last)| last < now_ms - age);
        loop {
            let first = {
                let held = self.shared.held();
                held.segments.front().map(Segment::kept_ms)
            };
            match first {
                Some(kept) if old(kept) => {
                    if !self.drop_oldest(Gone::Age) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    fn age_ms(&self) -> i64 {
        i64::try_from(self.shared.options.age.as_millis()).unwrap_or(i64::MAX)
    }

    fn write_block(&mut self, now_ms: i64) {
        let records = u64::from(self.block.records);
        if records == 0 {
            return;
        }
        match self.append(now_ms) {
            Ok(()) => {
                self.failing = false;
                Counts::add(&self.shared.counts.kept, records);
            }
            Err(error) => {
                if !self.failing {
                    tracing::error!(%error, "records cannot be kept; they are left out");
                }
                self.failing = true;
                self.open = None;
                Counts::add(&self.shared.counts.disk_error, records);
            }
        }
        self.block.clear();
    }

    fn append(&mut self, now_ms: i64) -> Result<(), Error> {
        let folder = self.shared.folder.clone();
        let (header, bytes) = self.block.seal(now_ms).map_err(Error::at(&folder))?;
        let length = bytes.len() as u64;
        let budget = self.shared.options.disk_bytes;
        while self.shared.held().bytes + length > budget && self.drop_oldest(Gone::Budget) {}
        let segment_bytes = (budget / SEGMENTS).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        let segment_ms = self.age_ms() / SEGMENTS as i64;
        let is_full = self.shared.held().segments.back().is_none_or(|last| {
            last.bytes > 0 && last.bytes + length > segment_bytes
                || last
                    .kept_ms()
                    .is_some_and(|(first, _)| now_ms - first > segment_ms)
        });
        if is_full {
            self.open = None;
        }
        let file = match &self.open {
            Some(file) => file,
            None => {
                let number = self.shared.held().next;
                let (segment, file) =
                    Segment::create(&folder, number).map_err(Error::at(&folder))?;
                let mut held = self.shared.held();
                held.next += 1;
                held.segments.push_back(segment);
                self.open.insert(file)
            }
        };
        let mut held = self.shared.held();
        let Some(last) = held.segments.back_mut() else {
            return Ok(());
        };
        last.append(file, header, &bytes)
            .map_err(Error::at(&folder))?;
        held.bytes += length;
        Ok(())
    }

    /// Removes the oldest segment; false when there is none, or it cannot be removed.
    fn drop_oldest(&mut self, why: Gone) -> bool {
        let mut held = self.shared.held();
        let Some(oldest) = held.segments.front() else {
            return false;
        };
        match std::fs::remove_file(&oldest.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(path = %oldest.path.display(), %error, "an old segment of the record archive cannot be removed");
                return false;
            }
            _ => {}
        }
        let counter = match why {
            Gone::Budget => &self.shared.counts.budget,
            Gone::Age => &self.shared.counts.age,
        };
        Counts::add(counter, oldest.records());
        held.bytes = held.bytes.saturating_sub(oldest.bytes);
        held.segments.pop_front();
        if held.segments.is_empty() {
            self.open = None;
        }
        true
    }
}

/// Why a segment goes.
#[derive(Debug, Clone, Copy)]
enum Gone {
    Budget,
    Age,
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
