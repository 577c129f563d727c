//! The workers' end: takes a record without waiting, or counts it as shed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use sensor_event::Class;

use crate::block::class_byte;
use crate::ledger::Reason;

const CLASSES: usize = Class::ALL.len();
const REASONS: usize = Reason::ALL.len();
/// Pause of a caller that waits for room.
const ROOM: std::time::Duration = std::time::Duration::from_millis(1);

/// What workers hand to the spool thread.
#[derive(Debug)]
pub(crate) enum Order {
    Record(Class, Box<[u8]>),
    /// Records that are stored together with the place of their source that they end at.
    Bookmarked(Vec<(Class, Box<[u8]>)>, Bookmark),
    /// A message to the spool thread itself, from the shipper or from whoever waits.
    Task(Task),
}

/// How far something that is read into the spool has been read: a name, and what its reader wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    pub name: String,
    pub place: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum Task {
    /// Answer when everything before this is on disk.
    Flush(tokio::sync::oneshot::Sender<()>),
    /// Sent for the first time, at most.
    Sent {
        class: Class,
        through: u64,
    },
    /// The collector has it.
    Acked {
        class: Class,
        through: u64,
    },
    /// The collector will never take it.
    Refused {
        class: Class,
        first: u64,
        last: u64,
    },
    /// A block that cannot be read back.
    Damaged {
        class: Class,
        first: u64,
        last: u64,
    },
    Stop,
}

/// Handle for workers; clones share the queue.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: Sender<Order>,
    counters: Arc<QueueCounters>,
    max_queued_bytes: usize,
}

/// Counted where no transaction is at hand; the spool thread moves them into the ledger.
#[derive(Debug, Default)]
pub(crate) struct QueueCounters {
    shed: [[AtomicU64; REASONS]; CLASSES],
    queued_bytes: AtomicUsize,
}

impl Recorder {
    /// Longer records are shed.
    pub const MAX_RECORD_BYTES: usize = 1_024 * 1_024;

    pub(crate) fn new(records: usize, max_queued_bytes: usize) -> (Recorder, Receiver<Order>) {
        let (queue, orders) = crossbeam_channel::bounded(records.max(1));
        let recorder = Recorder {
            queue,
            counters: Arc::default(),
            max_queued_bytes,
        };
        (recorder, orders)
    }

    /// Takes a record: one JSON object in one line; a line feed at its end is left out. Never waits.
    pub fn append(&self, class: Class, record: &[u8]) {
        let Some(record) = self.checked(class, record) else {
            return;
        };
        let queued = &self.counters.queued_bytes;
        if queued.load(Ordering::Relaxed) + record.len() > self.max_queued_bytes {
            return self.counters.shed(class, Reason::QueueFull);
        }
        queued.fetch_add(record.len(), Ordering::Relaxed);
        match self.queue.try_send(Order::Record(class, record.into())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                queued.fetch_sub(record.len(), Ordering::Relaxed);
                self.counters.shed(class, Reason::QueueFull);
            }
        }
    }

    /// Notes a record that is not to travel.
    pub fn stays(&self, class: Class) {
        self.counters.shed(class, Reason::Stays);
    }

    /// As [`Recorder::append`], but waits for room: for input that can wait, such as a file.
    pub fn append_waiting(&self, class: Class, record: &[u8]) {
        let Some(record) = self.checked(class, record) else {
            return;
        };
        self.wait_for_room(record.len());
        if self
            .queue
            .send(Order::Record(class, record.into()))
            .is_err()
        {
            let queued = &self.counters.queued_bytes;
            queued.fetch_sub(record.len(), Ordering::Relaxed);
            self.counters.shed(class, Reason::QueueFull);
        }
    }

    /// As [`Recorder::append_waiting`] for records of a source that can be read again: they and the
    /// bookmark are stored in one transaction, so that after a crash reading goes on exactly there.
    pub fn append_bookmarked(&self, records: &[(Class, &[u8])], bookmark: Bookmark) {
        let checked: Vec<(Class, Box<[u8]>)> = records
            .iter()
            .filter_map(|&(class, record)| Some((class, self.checked(class, record)?.into())))
            .collect();
        let bytes: usize = checked.iter().map(|(_, record)| record.len()).sum();
        self.wait_for_room(bytes);
        let classes: Vec<Class> = checked.iter().map(|&(class, _)| class).collect();
        if self
            .queue
            .send(Order::Bookmarked(checked, bookmark))
            .is_err()
        {
            self.counters
                .queued_bytes
                .fetch_sub(bytes, Ordering::Relaxed);
            for class in classes {
                self.counters.shed(class, Reason::QueueFull);
            }
        }
    }

    /// Waits until so many bytes may be queued, and counts them as queued.
    fn wait_for_room(&self, bytes: usize) {
        let queued = &self.counters.queued_bytes;
        while queued.load(Ordering::Relaxed) + bytes > self.max_queued_bytes
            && queued.load(Ordering::Relaxed) > 0
        {
            std::thread::sleep(ROOM);
        }
        queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The record, if it is one line of a fair length.
    fn checked<'a>(&self, class: Class, record: &'a [u8]) -> Option<&'a [u8]> {
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        if record.len() > Self::MAX_RECORD_BYTES {
            self.counters.shed(class, Reason::TooLarge);
            return None;
        }
        if record.is_empty() || record.contains(&b'\n') {
            self.counters.shed(class, Reason::NotALine);
            return None;
        }
        Some(record)
    }

    /// Hands a task to the spool thread, waiting for room. `false` when the thread has ended.
    pub(crate) fn task(&self, task: Task) -> bool {
        self.queue.send(Order::Task(task)).is_ok()
    }

    pub(crate) fn counters(&self) -> &Arc<QueueCounters> {
        &self.counters
    }
}

impl QueueCounters {
    fn shed(&self, class: Class, reason: Reason) {
        let at = (usize::from(class_byte(class)), reason as usize);
        self.shed[at.0][at.1].fetch_add(1, Ordering::Relaxed);
    }

    pub fn taken(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What was shed since the last call.
    pub fn drain(&self) -> impl Iterator<Item = (Class, Reason, u64)> {
        Class::ALL.into_iter().flat_map(move |class| {
            let row = &self.shed[usize::from(class_byte(class))];
            Reason::ALL
                .into_iter()
                .map(move |reason| {
                    (
                        class,
                        reason,
                        row[reason as usize].swap(0, Ordering::Relaxed),
                    )
                })
                .filter(|&(_, _, records)| records > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_is_counted() {
        let (recorder, orders) = Recorder::new(2, 10);
        recorder.append(Class::Alert, b"{}\n");
        recorder.append(Class::Alert, b"{\n}");
        recorder.append(Class::Alert, b"");
        recorder.append(Class::Flow, &[b'x'; 9]);
        recorder.append(Class::Flow, &[b'x'; 8]);
        recorder.append(Class::Record, &vec![b'x'; Recorder::MAX_RECORD_BYTES + 1]);
        drop(orders);
        recorder.append(Class::Context, b"{}");
        let mut shed: Vec<_> = recorder.counters().drain().collect();
        shed.sort();
        assert_eq!(
            shed,
            [
                (Class::Alert, Reason::NotALine, 2),
                (Class::Context, Reason::QueueFull, 1),
                (Class::Record, Reason::TooLarge, 1),
                (Class::Flow, Reason::QueueFull, 1),
            ]
        );
        assert_eq!(recorder.counters().drain().count(), 0);
    }
}
