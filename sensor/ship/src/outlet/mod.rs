//! Records for others than the collector: a file, the syslog, a Unix socket.
//!
//! Each outlet has a queue with a cap, and a thread that empties it. Workers never wait: what does not fit is counted as
//! lost, with the reason for which the other side takes nothing. A connection that breaks is made again after a pause;
//! what was on its way then is sent again, so that a receiver may see a line twice or cut, and misses none that is
//! counted as written. A file is cut back to its last whole record when the disk is full.

mod place;
mod way;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use sensor_event::Class;

pub use place::Place;
use way::Way;

/// Records between the workers and an outlet's thread.
const QUEUE_RECORDS: usize = 65_536;
/// Taken from the queue at a time.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 256 * 1_024;
/// Pause before a way is opened again: the first, and the longest.
const PAUSE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(30);
/// Between two looks at whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);
/// What is queued at the end has so long.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where records go, which, and how much may wait or lie there.
#[derive(Debug, Clone)]
pub struct OutletPlan {
    pub place: Place,
    /// None: all.
    pub classes: Option<Vec<Class>>,
    pub queue_bytes: usize,
    /// A file that is larger becomes `NAME.1`, in the place of the one before.
    pub file_bytes: u64,
}

impl OutletPlan {
    pub fn new(place: Place) -> Self {
        OutletPlan {
            place,
            classes: None,
            queue_bytes: 16 << 20,
            file_bytes: 1 << 30,
        }
    }
}

/// How an outlet has fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutletState {
    pub name: String,
    pub written: u64,
    pub lost: u64,
    pub queued_bytes: u64,
    /// Times that the way was lost, or could not be opened.
    pub faults: u64,
    /// Of the last fault or loss.
    pub reason: Option<String>,
    /// How long ago a record was lost the last time.
    pub last_loss: Option<Duration>,
}

/// All outlets of a sensor. Clones lead to the same places.
#[derive(Debug, Clone, Default)]
pub struct Outlets(Arc<[Outlet]>);

/// Outlets whose threads do not run yet. What has to be opened with more rights than the confined sensor keeps is open.
#[derive(Debug, Default)]
pub struct PreparedOutlets(Vec<(OutletPlan, Option<std::net::UdpSocket>)>);

#[derive(Debug)]
struct Outlet {
    wanted: [bool; Class::ALL.len()],
    queue: Sender<Box<[u8]>>,
    max_queued_bytes: usize,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread shares with the workers.
#[derive(Debug)]
struct Shared {
    name: String,
    queued_bytes: AtomicUsize,
    written: AtomicU64,
    lost: AtomicU64,
    faults: AtomicU64,
    /// Of the last fault or loss.
    reason: Mutex<Option<String>>,
    /// Milliseconds after the start; 0: none yet.
    last_loss_ms: AtomicU64,
    started: Instant,
    stop: AtomicBool,
}

impl PreparedOutlets {
    /// # Errors
    /// When a socket cannot be made; names the place.
    pub fn prepare(plans: Vec<OutletPlan>) -> std::io::Result<PreparedOutlets> {
        let prepared = plans.into_iter().map(|plan| {
            let socket = match &plan.place {
                Place::SyslogUdp(address) => Some(way::udp(*address).map_err(|error| {
                    std::io::Error::new(error.kind(), format!("{}: {error}", plan.place))
                })?),
                _ => None,
            };
            Ok((plan, socket))
        });
        prepared.collect::<std::io::Result<_>>().map(Self)
    }

    /// Starts a thread for each.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(self, hostname: &str) -> std::io::Result<Outlets> {
        let outlets = self.0.into_iter().map(|(plan, socket)| {
            let (queue, records) = crossbeam_channel::bounded(QUEUE_RECORDS);
            let shared = Arc::new(Shared::new(plan.place.to_string()));
            let wanted = Class::ALL.map(|class| {
                let classes = plan.classes.as_deref();
                classes.is_none_or(|classes| classes.contains(&class))
            });
            let max_queued_bytes = plan.queue_bytes;
            let work = Work {
                opener: way::Opener::new(&plan, socket, hostname),
                way: None,
                records,
                pending: VecDeque::new(),
                shared: Arc::clone(&shared),
                pause: *PAUSE.start(),
                not_before: Instant::now(),
            };
            let thread = std::thread::Builder::new().name("outlet".to_owned());
            let thread = thread.spawn(move || work.run())?;
            Ok(Outlet {
                wanted,
                queue,
                max_queued_bytes,
                shared,
                thread: Mutex::new(Some(thread)),
            })
        });
        let outlets: std::io::Result<Vec<_>> = outlets.collect();
        outlets.map(|outlets| Outlets(outlets.into()))
    }
}

impl Outlets {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a record: a JSON object with a line feed at its end. Never waits.
    pub fn record(&self, class: Class, line: &[u8]) {
        for outlet in self.0.iter() {
            if outlet.wanted[usize::from(crate::block::class_byte(class))] {
                outlet.record(line);
            }
        }
    }

    pub fn states(&self) -> Vec<OutletState> {
        self.0.iter().map(|outlet| outlet.shared.state()).collect()
    }

    /// Sends what is queued, for a few seconds, and ends. What comes later is lost.
    pub fn close(&self) {
        for outlet in self.0.iter() {
            outlet.shared.stop.store(true, Ordering::Relaxed);
        }
        for outlet in self.0.iter() {
            let mut thread = outlet.thread.lock().unwrap_or_else(PoisonError::into_inner);
            if thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!(outlet = outlet.shared.name, "its thread ended in a panic");
            }
        }
    }
}

impl Outlet {
    fn record(&self, line: &[u8]) {
        let queued = &self.shared.queued_bytes;
        if queued.fetch_add(line.len(), Ordering::Relaxed) + line.len() <= self.max_queued_bytes {
            match self.queue.try_send(line.into()) {
                Ok(()) => return,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
        queued.fetch_sub(line.len(), Ordering::Relaxed);
        self.shared
            .lost(1, "it does not take records as fast as they are made");
    }
}

impl Shared {
    fn new(name: String) -> Self {
        Shared {
            name,
            queued_bytes: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            reason: Mutex::default(),
            last_loss_ms: AtomicU64::new(0),
            started: Instant::now(),
            stop: AtomicBool::new(false),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts lost records. While the way is lost, its fault is the better reason.
    fn lost(&self, records: usize, otherwise: &str) {
        if records == 0 {
            return;
        }
        self.lost.fetch_add(records as u64, Ordering::Relaxed);
        let now = self.elapsed_ms().max(1);
        self.last_loss_ms.store(now, Ordering::Relaxed);
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        reason.get_or_insert_with(|| otherwise.to_owned());
    }

    fn fault(&self, reason: String) {
        let faults = self.faults.fetch_add(1, Ordering::Relaxed);
        let mut told = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        // The same again and again is told once.
        if told.as_deref() != Some(reason.as_str()) {
            tracing::warn!(outlet = self.name, faults, "{reason}");
            *told = Some(reason);
        }
    }

    fn state(&self) -> OutletState {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last_loss_ms = count(&self.last_loss_ms);
        OutletState {
            name: self.name.clone(),
            written: count(&self.written),
            lost: count(&self.lost),
            queued_bytes: self.queued_bytes.load(Ordering::Relaxed) as u64,
            faults: count(&self.faults),
            reason: self
                .reason
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            last_loss: (last_loss_ms > 0)
                .then(|| Duration::from_millis(self.elapsed_ms().saturating_sub(last_loss_ms))),
        }
    }
}

/// The thread of an outlet.
struct Work {
    opener: way::Opener,
    /// None while it cannot be opened.
    way: Option<Box<dyn Way>>,
    records: Receiver<Box<[u8]>>,
    /// Taken from the queue, and not delivered.
    pending: VecDeque<Box<[u8]>>,
    shared: Arc<Shared>,
    pause: Duration,
    not_before: Instant,
}

impl Work {
    fn run(mut self) {
        let mut end = None;
        loop {
            if end.is_none() && self.shared.stop.load(Ordering::Relaxed) {
                end = Some(Instant::now() + FAREWELL);
            }
            self.fill();
            if self.pending.is_empty() {
                if end.is_some() {
                    return;
                }
                continue;
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                let rest = self.pending.len() + self.records.try_iter().count();
                self.shared.queued_bytes.store(0, Ordering::Relaxed);
                return self.shared.lost(rest, "the sensor was stopped");
            }
            self.open();
            if let Some(way) = &mut self.way {
                let delivered = way.deliver(&self.pending);
                self.note(delivered);
            } else {
                let early = self.not_before.saturating_duration_since(Instant::now());
                std::thread::sleep(early.min(LOOK));
            }
        }
    }

    /// Takes a batch from the queue once the one before is delivered.
    fn fill(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        match self.records.recv_timeout(LOOK) {
            Ok(record) => self.pending.push_back(record),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
        let mut bytes = 0;
        while bytes < BATCH_BYTES && self.pending.len() < BATCH_RECORDS {
            let Ok(record) = self.records.try_recv() else {
                break;
            };
            bytes += record.len();
            self.pending.push_back(record);
        }
    }

    fn open(&mut self) {
        if self.way.is_none() && Instant::now() >= self.not_before {
            match self.opener.open() {
                Ok(way) => self.way = Some(way),
                Err(error) => self.failed(&error),
            }
        }
    }

    fn failed(&mut self, error: &std::io::Error) {
        self.shared.fault(error.to_string());
        self.way = None;
        self.not_before = Instant::now() + self.pause;
        self.pause = (2 * self.pause).min(*PAUSE.end());
    }

    fn note(&mut self, delivered: way::Delivered) {
        let taken = (delivered.written + delivered.refused).min(self.pending.len());
        let bytes: usize = self.pending.drain(..taken).map(|line| line.len()).sum();
        self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let written = delivered.written as u64;
        self.shared.written.fetch_add(written, Ordering::Relaxed);
        self.shared.lost(
            delivered.refused,
            "a record is longer than a datagram can be",
        );
        if written > 0 {
            self.pause = *PAUSE.start();
        }
        if let Some(error) = delivered.fault {
            self.failed(&error);
        }
    }
}

#[cfg(test)]
mod tests;
