//! The spool thread: gathers what workers and shipper hand over, and writes it in few transactions.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use sensor_event::Class;

use crate::block::{BlockHead, BlockKey, FULL_BYTES, decompress_into};
use crate::error::{Result, ShipError};
use crate::ledger::Reason;
use crate::plan::{Change, Pending, Room, Tails, at, plan};
use crate::recorder::{Order, QueueCounters, Task};
use crate::spool::{Shared, SpoolLimits, unix_millis};
use crate::store::Store;

/// Bytes of records at which a transaction is written before its time.
const EARLY_BYTES: usize = 4 * FULL_BYTES;
/// Pause between attempts to open the store again.
const REOPEN: Duration = Duration::from_secs(1);
const HOUR_MILLIS: u64 = 3_600_000;

#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    counters: Arc<QueueCounters>,
    limits: SpoolLimits,
    tails: Tails,
    pending: Pending,
    flushes: Vec<tokio::sync::oneshot::Sender<()>>,
    reopened: Instant,
}

enum Next {
    Go,
    Stop,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, counters: Arc<QueueCounters>, limits: SpoolLimits) -> Writer {
        Writer {
            shared,
            counters,
            limits,
            tails: Tails::default(),
            pending: Pending::default(),
            flushes: Vec::new(),
            reopened: Instant::now(),
        }
    }

    /// Writes in a thread of its own.
    pub fn spawn(mut self, orders: Receiver<Order>) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || self.run(&orders))
    }

    /// Takes what is queued, and writes it.
    pub fn turn(&mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.try_recv() {
            self.take(order);
        }
        self.commit();
    }

    fn run(&mut self, orders: &Receiver<Order>) {
        // Sheds are counted beside the queue: look at them even when nothing comes.
        let idle = Duration::from_secs(1).max(self.limits.flush);
        let mut due = Instant::now() + idle;
        loop {
            let next = match orders.recv_deadline(due) {
                Ok(order) => {
                    if self.pending.is_empty() && self.flushes.is_empty() {
                        due = due.min(Instant::now() + self.limits.flush);
                    }
                    self.take(order)
                }
                Err(RecvTimeoutError::Timeout) => Next::Go,
                Err(RecvTimeoutError::Disconnected) => Next::Stop,
            };
            let stop = matches!(next, Next::Stop);
            if stop
                || !self.flushes.is_empty()
                || self.pending.bytes >= EARLY_BYTES
                || Instant::now() >= due
            {
                self.commit();
                due = Instant::now() + idle;
            }
            if stop {
                return;
            }
        }
    }

    fn take(&mut self, order: Order) -> Next {
        match order {
            Order::Record(class, record) => {
                self.counters.taken(record.len());
                self.pending.bytes += record.len();
                self.pending.records[at(class)].push(record);
            }
            Order::Bookmarked(records, bookmark) => {
                for (class, record) in records {
                    self.counters.taken(record.len());
                    self.pending.bytes += record.len();
                    self.pending.records[at(class)].push(record);
                }
                self.pending.bookmarks.insert(bookmark.name, bookmark.place);
            }
            Order::Task(Task::Flush(done)) => self.flushes.push(done),
            Order::Task(Task::Sent { class, through }) => {
                raise(&mut self.pending.sent[at(class)], through);
            }
            Order::Task(Task::Acked { class, through }) => {
                raise(&mut self.pending.acked[at(class)], through);
            }
            Order::Task(Task::Refused { class, first, last }) => {
                let reason = Reason::Refused;
                self.pending.given_up.push((class, first, last, reason));
            }
            Order::Task(Task::Damaged { class, first, last }) => {
                let reason = Reason::Damaged;
                self.pending.given_up.push((class, first, last, reason));
            }
            Order::Task(Task::Stop) => return Next::Stop,
        }
        Next::Go
    }

    fn commit(&mut self) {
        self.pending.shed.extend(self.counters.drain());
        if !self.pending.is_empty() {
            let begun = Instant::now();
            match self.write() {
                Ok(()) => {
                    self.pending = Pending::default();
                    let mut commits = self
                        .shared
                        .commits
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    commits.count += 1;
                    commits.time += begun.elapsed();
                }
                Err(error) => {
                    tracing::error!(%error, "the spool cannot write; records are shed");
                    self.shed_pending();
                    self.close_store();
                }
            }
        }
        for done in self.flushes.drain(..) {
            // Whoever waited may have gone.
            let _ = done.send(());
        }
    }

    fn write(&mut self) -> Result<()> {
        let store = self.store()?;
        let hour = unix_millis() / HOUR_MILLIS;
        // Nobody else changes the state, so that it is the same when the change is applied.
        let (marks, change) = {
            let state = self.shared.state();
            let room = Room {
                bytes: self.limits.disk_bytes,
                shortage: match self.shared.link_held_back() {
                    true => Reason::LinkBudget,
                    false => Reason::DiskBudget,
                },
            };
            let mut change = plan(&state, &self.pending, &mut self.tails, room, hour)?;
            change.forget = state.ledger.before(hour);
            (state.marks, change)
        };
        let rest = self.rest(&store, &change);
        store.write(&marks, &change)?;
        self.shared.state().apply(&change);
        self.keep_rest(&rest, &change);
        self.shared.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The blocks that have to make room, if they are to be kept elsewhere: their records, as the wire has them.
    fn rest(&self, store: &Store, change: &Change) -> Vec<(Class, Vec<u8>)> {
        if self.shared.archive.get().is_none() {
            return Vec::new();
        }
        let read = |&key: &BlockKey| {
            let value = store.block(key)?;
            let mut content = Vec::new();
            if let Some((head, lines)) = value.as_deref().and_then(BlockHead::split) {
                decompress_into(key, head, lines, &mut content)?;
            }
            Ok::<_, ShipError>((key.class, content))
        };
        let blocks = change.crowded_out.iter().filter_map(|key| {
            let block = read(key);
            block
                .inspect_err(
                    |error| tracing::error!(%error, "a block is lost that had to make room"),
                )
                .ok()
        });
        blocks.collect()
    }

    /// Keeps what found no room, after that is on record.
    fn keep_rest(&self, rest: &[(Class, Vec<u8>)], change: &Change) {
        let Some(archive) = self.shared.archive.get() else {
            return;
        };
        for (class, content) in rest {
            for line in content.split(|&byte| byte == b'\n') {
                if let Some(space) = line.iter().position(|&byte| byte == b' ') {
                    archive.keep(*class, &line[space + 1..]);
                }
            }
        }
        for class in Class::ALL {
            let records = &self.pending.records[at(class)];
            let from = records.len().saturating_sub(change.no_room[at(class)]);
            for record in &records[from..] {
                archive.keep(class, record);
            }
        }
    }

    /// The store, opened again when an error closed it.
    fn store(&mut self) -> Result<Arc<Store>> {
        let slot = &self.shared.store;
        if let Some(store) = &*slot.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(store));
        }
        let wait = REOPEN.saturating_sub(self.reopened.elapsed());
        std::thread::sleep(wait);
        self.reopened = Instant::now();
        let (store, mut state) = Store::open(&self.shared.path, unix_millis())?;
        let store = Arc::new(store);
        let mut before = self.shared.state();
        state.ledger.follow(&before.ledger);
        *before = state;
        drop(before);
        *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&store));
        tracing::info!("the spool is open again");
        Ok(store)
    }

    /// After an error the store takes nothing more until it is opened again.
    fn close_store(&mut self) {
        self.tails = Tails::default();
        *self
            .shared
            .store
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Counts the records of a failed transaction as shed; what else it held is tried again.
    fn shed_pending(&mut self) {
        for class in Class::ALL {
            let records = std::mem::take(&mut self.pending.records[at(class)]).len();
            if records > 0 {
                let records = records as u64;
                self.pending.shed.push((class, Reason::DiskError, records));
            }
        }
        self.pending.bytes = 0;
        merge_shed(&mut self.pending.shed);
    }
}

/// One entry per class and reason, so that a long failure does not grow the list.
fn merge_shed(shed: &mut Vec<(Class, Reason, u64)>) {
    shed.sort_unstable_by_key(|&(class, reason, _)| (class, reason));
    shed.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
}

fn raise(mark: &mut u64, through: u64) {
    *mark = (*mark).max(through);
}
