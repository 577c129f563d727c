//! The records on disk that the collector has not acknowledged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use sensor_archive::Archive;
use sensor_event::Class;
use tokio::sync::watch;

use crate::batch::{BatchFault, ReadyBatch, read_batch};
use crate::block::{BlockHead, BlockKey, FULL_BYTES, FULL_RECORDS};
use crate::canary::CanaryMade;
use crate::error::{Result, ShipError};
use crate::ledger::{Counts, Ledger};
use crate::plan::{PerClass, State, at};
use crate::recorder::{Order, Recorder, Task};
use crate::store::Store;
use crate::wire;
use crate::writer::Writer;

/// Records that waited for the link's budget so long ago still wait for it.
const HELD_BACK_MILLIS: u64 = 60_000;

#[derive(Debug, Clone)]
pub struct SpoolLimits {
    /// Compressed bytes of all blocks. The file itself may be up to twice as large.
    pub disk_bytes: u64,
    /// Records between the workers and the spool thread.
    pub queue_records: usize,
    pub queue_bytes: usize,
    /// A record is on disk at most about this long after it was handed over.
    pub flush: Duration,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        SpoolLimits {
            disk_bytes: 2 * 1_024 * 1_024 * 1_024,
            queue_records: 65_536,
            queue_bytes: 64 * 1_024 * 1_024,
            flush: Duration::from_millis(100),
        }
    }
}

/// What waits to be acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Records, by class; see [`Backlog::of`].
    records: PerClass<u64>,
    /// Compressed bytes of all classes.
    pub bytes: u64,
}

impl Backlog {
    pub fn of(&self, class: Class) -> u64 {
        self.records[at(class)]
    }

    pub fn total(&self) -> u64 {
        self.records.iter().sum()
    }
}

/// The spool in a folder; one process at a time. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    recorder: Recorder,
    writing: Writing,
}

/// Who writes what is queued.
#[derive(Debug)]
enum Writing {
    /// A thread of its own; none once it has been joined.
    Thread(Option<JoinHandle<()>>),
    /// Whoever holds the spool, by calling [`Spool::turn`].
    ByHand(Box<Writer>, Receiver<Order>),
}

/// What the spool thread shares with the shipper.
#[derive(Debug)]
pub(crate) struct Shared {
    pub path: PathBuf,
    /// Absent while the store is being opened again after an error.
    pub store: RwLock<Option<Arc<Store>>>,
    pub state: Mutex<State>,
    /// Counts transactions.
    pub changed: watch::Sender<u64>,
    /// The newest canary.
    pub canary: Mutex<Option<CanaryMade>>,
    pub commits: Mutex<Commits>,
    pub budget_bytes: u64,
    /// Where records go for which there is no room.
    pub archive: OnceLock<Arc<Archive>>,
    /// When records last waited for the link's budget, Unix milliseconds; 0: never.
    pub held_back_ms: AtomicU64,
}

/// Transactions since the start, and how long the disk took for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commits {
    pub count: u64,
    pub time: Duration,
}

const FILE: &str = "spool.redb";

impl Spool {
    /// Opens the spool in a folder, or makes it. A new spool begins a new epoch.
    pub fn open(folder: &Path, limits: SpoolLimits) -> Result<Spool> {
        let (shared, recorder, writer, orders) = Spool::parts(folder, limits)?;
        let thread = writer.spawn(orders).map_err(ShipError::file(folder))?;
        Ok(Spool {
            shared,
            recorder,
            writing: Writing::Thread(Some(thread)),
        })
    }

    /// As [`Spool::open`], but nothing is written before [`Spool::turn`] is called: for a simulation, which
    /// has no threads. Dropping it writes nothing, as if the process were killed.
    pub fn open_by_hand(folder: &Path, limits: SpoolLimits) -> Result<Spool> {
        let (shared, recorder, writer, orders) = Spool::parts(folder, limits)?;
        Ok(Spool {
            shared,
            recorder,
            writing: Writing::ByHand(Box::new(writer), orders),
        })
    }

    /// Writes what is queued, where nobody else does.
    pub fn turn(&mut self) {
        if let Writing::ByHand(writer, orders) = &mut self.writing {
            writer.turn(orders);
        }
    }

    fn parts(
        folder: &Path,
        limits: SpoolLimits,
    ) -> Result<(Arc<Shared>, Recorder, Writer, Receiver<Order>)> {
        std::fs::create_dir_all(folder).map_err(ShipError::file(folder))?;
        let path = folder.join(FILE);
        let (store, state) = open_or_replace(&path)?;
        let shared = Arc::new(Shared {
            path,
            store: RwLock::new(Some(Arc::new(store))),
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            canary: Mutex::new(None),
            commits: Mutex::default(),
            budget_bytes: limits.disk_bytes,
            archive: OnceLock::new(),
            held_back_ms: AtomicU64::new(0),
        });
        let (recorder, orders) = Recorder::new(limits.queue_records, limits.queue_bytes);
        let counters = Arc::clone(recorder.counters());
        let writer = Writer::new(Arc::clone(&shared), counters, limits);
        Ok((shared, recorder, writer, orders))
    }

    /// From now on, records for which there is no room are kept there.
    pub fn keep_rest_in(&self, archive: Arc<Archive>) {
        // One archive is enough: a second one is not taken.
        let _ = self.shared.archive.set(archive);
    }

    /// A handle for a worker.
    pub fn handle(&self) -> Recorder {
        self.recorder.clone()
    }

    /// When this spool was made, in Unix milliseconds.
    pub fn epoch(&self) -> u64 {
        self.shared.state().epoch
    }

    /// The last number given out in a class; 0 before the first. That record is on disk.
    pub fn last_seq(&self, class: Class) -> u64 {
        self.shared.state().marks.last_seq[at(class)]
    }

    /// What waits to be acknowledged.
    pub fn backlog(&self) -> Backlog {
        self.shared.state().backlog()
    }

    /// Compressed bytes that the spool may hold.
    pub fn budget_bytes(&self) -> u64 {
        self.shared.budget_bytes
    }

    pub fn commits(&self) -> Commits {
        *self
            .shared
            .commits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the ledger counts of a class over all hours.
    pub fn total(&self, class: Class) -> Counts {
        self.shared.state().ledger.total(class)
    }

    /// Hour since 1970 in which the oldest record that waits was made; none when none waits.
    pub fn oldest_hour(&self) -> Option<u64> {
        let state = self.shared.state();
        Class::ALL
            .into_iter()
            .map(|class| state.oldest_hour(class))
            .filter(|&hour| hour > 0)
            .min()
    }

    /// A copy of the loss ledger.
    pub fn ledger(&self) -> Ledger {
        self.shared.state().ledger.clone()
    }

    /// How far a source had been read when the last of its records was stored.
    pub fn bookmark(&self, name: &str) -> Option<Vec<u8>> {
        self.shared.state().bookmarks.get(name).cloned()
    }

    /// Waits until everything handed over before is on disk, or is counted as shed.
    pub async fn flush(&self) {
        let (done, wait) = tokio::sync::oneshot::channel();
        let recorder = self.recorder.clone();
        // The queue may be full for a moment, and its sender would block.
        let handed = tokio::task::spawn_blocking(move || recorder.task(Task::Flush(done))).await;
        if matches!(handed, Ok(true)) {
            // An error means that the thread ended, which wrote all it had.
            let _ = wait.await;
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let Writing::Thread(thread) = &mut self.writing else {
            return;
        };
        self.recorder.task(Task::Stop);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the spool thread ended in a panic");
        }
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether records wait for the link's budget now, or did a moment ago.
    pub fn link_held_back(&self) -> bool {
        let held_back_ms = self.held_back_ms.load(Ordering::Relaxed);
        unix_millis().saturating_sub(held_back_ms) < HELD_BACK_MILLIS
    }

    /// The next batch after what was sent on this link, of the best class that has room in its window: of about so many
    /// bytes of content at most, and one record at least. Reads from disk.
    pub fn next_batch(
        &self,
        sent: &PerClass<u64>,
        room: &PerClass<bool>,
        dictionaries: &[u32],
        content_bytes: usize,
    ) -> std::result::Result<Option<ReadyBatch>, BatchFault> {
        let store = self
            .store
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(store) = store else { return Ok(None) };
        for class in Class::ALL {
            if !room[at(class)] {
                continue;
            }
            let keys = self
                .state()
                .keys_after(class, sent[at(class)], content_bytes);
            let batch = read_batch(&store, &keys, sent[at(class)], dictionaries, content_bytes)?;
            if batch.is_some() {
                return Ok(batch);
            }
        }
        Ok(None)
    }
}

/// Opens the spool's file. One that cannot be read is kept under another name, for a person to look at,
/// and a new spool begins, with a new epoch: a sensor that ships nothing any more would be worse.
fn open_or_replace(path: &Path) -> Result<(Store, State)> {
    let opened = std::panic::catch_unwind(|| Store::open(path, unix_millis()));
    let damage = match opened {
        Ok(Ok(opened)) => return Ok(opened),
        Ok(Err(error)) if error.is_damage() => error.to_string(),
        Ok(Err(error)) => return Err(error),
        // The store's library takes some damage for an error of its own.
        Err(_) => "its structure is broken".to_owned(),
    };
    let aside = path.with_extension(format!("damaged-{}", unix_millis()));
    std::fs::rename(path, &aside).map_err(ShipError::file(path))?;
    tracing::error!(kept_as = %aside.display(), damage, "the spool is damaged; a new one is made");
    Store::open(path, unix_millis())
}

impl Shared {
    /// Copies a block that cannot be read back to a file beside the spool, for a person to look at.
    pub fn keep_aside(&self, class: Class, first: u64) {
        let store = self
            .store
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let key = BlockKey {
            class,
            first_seq: first,
        };
        let Some(Ok(Some(value))) = store.map(|store| store.block(key)) else {
            return;
        };
        let path = self
            .path
            .with_file_name(format!("damaged-{}-{first}.block", class.name()));
        if let Err(error) = std::fs::write(&path, value) {
            tracing::warn!(%error, "the damaged block is not kept");
        }
    }
}

impl State {
    pub fn backlog(&self) -> Backlog {
        let mut backlog = Backlog {
            bytes: self.bytes,
            ..Backlog::default()
        };
        for (key, (head, _)) in &self.blocks {
            let acked = self.marks.acked[at(key.class)];
            let first = key.first_seq.max(acked + 1);
            backlog.records[at(key.class)] += (head.last_seq + 1).saturating_sub(first);
        }
        backlog
    }

    /// Hour in which the oldest waiting record of a class was made.
    pub fn oldest_hour(&self, class: Class) -> u64 {
        self.block_of(class, self.marks.acked[at(class)] + 1)
            .map_or(0, |(_, head)| head.hour)
    }

    /// Blocks to join into the batch after a number: of one hour, and small enough together.
    fn keys_after(
        &self,
        class: Class,
        seq: u64,
        content_bytes: usize,
    ) -> Vec<(BlockKey, BlockHead)> {
        let full_bytes = FULL_BYTES.min(content_bytes);
        let Some((first, head)) = self.block_of(class, seq + 1) else {
            return Vec::new();
        };
        let (mut content, mut records) = (0_usize, 0_u32);
        self.blocks
            .range(first..)
            .take_while(|(key, (next, _))| {
                content += next.content_bytes as usize;
                records += next.records;
                key.class == class
                    && next.hour == head.hour
                    && (**key == first || content <= full_bytes && records <= FULL_RECORDS)
            })
            .map(|(&key, &(head, _))| (key, head))
            .collect()
    }
}

pub(crate) fn wire_class(class: Class) -> wire::Class {
    match class {
        Class::Heartbeat => wire::Class::Heartbeat,
        Class::Alert => wire::Class::Alert,
        Class::Context => wire::Class::Context,
        Class::Record => wire::Class::Record,
        Class::Flow => wire::Class::Flow,
    }
}

pub(crate) fn class_of_wire(class: i32) -> Option<Class> {
    match wire::Class::try_from(class).ok()? {
        wire::Class::Unspecified => None,
        wire::Class::Heartbeat => Some(Class::Heartbeat),
        wire::Class::Alert => Some(Class::Alert),
        wire::Class::Context => Some(Class::Context),
        wire::Class::Record => Some(Class::Record),
        wire::Class::Flow => Some(Class::Flow),
    }
}

pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
