//! Group commit: batches of all sensors are appended as they come, committed together a few times a
//! second, and acknowledged when index, inbox and ledger have them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use collector_index::{Event, Shelf, Stream};
use sensor_event::{CanaryRecord, Class};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::batch::{Batch, wire_class};
use crate::error::PortError;
use crate::evidence::{EvidenceDesk, NoEvidence};
use crate::fleet::{FleetDesk, NoFleet, Speakers};
use crate::hunt::{HuntDesk, NoHunts};
use crate::limits::{MAX_CONTENT_HELD_BYTES, MAX_STREAMS};
use crate::ports::{
    Alert, Groups, HourCounts, Judge, Matched, RefusedLine, Registry, Store, StreamMarks,
};
use crate::seal::Sealer;
use crate::wire;
use crate::wire::collector_message::Message;

/// Batches between the connections and the committer.
const QUEUE: usize = 32;
/// A sensor whose batch could not be stored comes back after this time.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Marks kept in memory; more streams than this are read again.
const MAX_MARKS: usize = 4 * MAX_STREAMS;

pub(crate) type Answers = mpsc::Sender<Result<wire::CollectorMessage, tonic::Status>>;

#[derive(Debug, Clone, Copy)]
pub struct IngestOptions {
    /// A batch waits at most this long to be committed.
    pub commit_every: Duration,
    /// Events after which there is a commit before its time.
    pub commit_events: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            commit_every: Duration::from_millis(400),
            commit_events: 50_000,
        }
    }
}

/// What the centre wants of its sensors beside their records, and who vouches for what it gives them.
#[derive(Clone)]
pub struct Desks {
    /// It tells of changes of evidence and hunts that are wanted.
    pub evidence: Arc<dyn EvidenceDesk>,
    pub hunts: Arc<dyn HuntDesk>,
    pub fleet: Arc<dyn FleetDesk>,
    /// Vouches for the rules that sensors are to run; none: they get none.
    pub sealer: Option<Arc<Sealer>>,
}

impl Default for Desks {
    /// Nothing.
    fn default() -> Self {
        Desks {
            evidence: Arc::new(NoEvidence::default()),
            hunts: Arc::new(NoHunts),
            fleet: Arc::new(NoFleet::default()),
            sealer: None,
        }
    }
}

/// Takes batches of all connections.
pub struct Ingest {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) judge: Option<Arc<dyn Judge>>,
    pub(crate) desks: Desks,
    pub(crate) speakers: Speakers,
    /// KiB of content that may be held.
    pub(crate) held: Arc<Semaphore>,
    /// Ends the connections.
    pub(crate) stopping: watch::Sender<bool>,
    /// Classes that are not taken for now.
    pub(crate) paused: watch::Sender<Vec<Class>>,
    work: mpsc::Sender<Work>,
    generation: Arc<AtomicU64>,
    /// Held from a commit to the moment when inbox and ledger have followed.
    settling: Arc<Mutex<()>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Which run of undisturbed commits a connection belongs to. After a failure, what was sent before is
/// sent again by new connections; what the old ones still send would leave a hole, and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

pub(crate) struct Work {
    pub generation: Generation,
    pub stream: Stream,
    pub batch: Batch,
    pub first_seq: u64,
    pub answers: Answers,
    /// What a connection holds until the batch is appended.
    pub held: Option<OwnedSemaphorePermit>,
}

impl Ingest {
    /// Starts the committer on the current runtime. Sensors are asked for records alone, and get no rules.
    pub fn start(
        store: Arc<dyn Store>,
        groups: Arc<dyn Groups>,
        registry: Arc<dyn Registry>,
        judge: Option<Arc<dyn Judge>>,
        options: IngestOptions,
    ) -> Arc<Ingest> {
        Ingest::start_with(store, groups, registry, judge, Desks::default(), options)
    }

    /// Starts the committer on the current runtime.
    pub fn start_with(
        store: Arc<dyn Store>,
        groups: Arc<dyn Groups>,
        registry: Arc<dyn Registry>,
        judge: Option<Arc<dyn Judge>>,
        desks: Desks,
        options: IngestOptions,
    ) -> Arc<Ingest> {
        let (work, queue) = mpsc::channel(QUEUE);
        let generation = Arc::new(AtomicU64::new(0));
        let settling = Arc::new(Mutex::new(()));
        let committer = Committer {
            store: Arc::clone(&store),
            groups,
            registry: Arc::clone(&registry),
            judge: judge.clone(),
            generation: Arc::clone(&generation),
            settling: Arc::clone(&settling),
            options,
            marks: HashMap::new(),
            waiting: Vec::new(),
            events: 0,
        };
        let task = tokio::spawn(committer.run(queue));
        Arc::new(Ingest {
            store,
            registry,
            judge,
            desks,
            speakers: Speakers::default(),
            held: Arc::new(Semaphore::new(MAX_CONTENT_HELD_BYTES / 1_024)),
            stopping: watch::Sender::new(false),
            paused: watch::Sender::new(Vec::new()),
            work,
            generation,
            settling,
            task: Mutex::new(Some(task)),
        })
    }

    /// Ends the connections, commits what they sent, and acknowledges it.
    pub async fn stop(self: Arc<Ingest>) {
        self.stopping.send_replace(true);
        let task = self.task.lock().await.take();
        // The queue ends with its last sender: those of the connections go with them.
        drop(self);
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the committer ended in a panic");
        }
    }

    /// Waits until index, inbox and ledger agree, and keeps them so while the guard lives: for a backup.
    pub async fn quiet(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.settling).lock_owned().await
    }

    /// Takes no batches of these classes until called again, and tells the sensors, which keep them.
    pub fn pause(&self, classes: Vec<Class>) {
        self.paused.send_if_modified(|paused| {
            let is_new = *paused != classes;
            *paused = classes;
            is_new
        });
    }

    pub(crate) fn is_paused(&self, class: Class) -> bool {
        self.paused.borrow().contains(&class)
    }

    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// Hands over a batch, waiting for room. `false` when the committer has ended.
    pub(crate) async fn hand_over(&self, work: Work) -> bool {
        self.work.send(work).await.is_ok()
    }

    /// From where a stream is to be sent: everything through this number is everywhere.
    pub(crate) async fn high_water(&self, stream: &Stream) -> Result<u64, PortError> {
        let marks = self.registry.marks(stream).await?;
        Ok(self.store.mark(stream).min(marks.lowest(stream.class)))
    }
}

/// A batch that is appended, and not yet committed.
struct Waiting {
    stream: Stream,
    first_seq: u64,
    through: u64,
    hour: u64,
    alerts: Vec<Alert>,
    /// When the newest canary among them was made.
    canary: Option<u64>,
    stored: Vec<u64>,
    refused: Vec<RefusedLine>,
    matched: Vec<Matched>,
    answers: Answers,
}

struct Committer {
    store: Arc<dyn Store>,
    groups: Arc<dyn Groups>,
    registry: Arc<dyn Registry>,
    judge: Option<Arc<dyn Judge>>,
    generation: Arc<AtomicU64>,
    settling: Arc<Mutex<()>>,
    options: IngestOptions,
    marks: HashMap<Stream, StreamMarks>,
    waiting: Vec<Waiting>,
    events: usize,
}

impl Committer {
    async fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        let mut due = Instant::now();
        loop {
            let work = if self.waiting.is_empty() {
                let work = queue.recv().await;
                due = Instant::now() + self.options.commit_every;
                work
            } else {
                match timeout_at(due, queue.recv()).await {
                    Ok(work) => work,
                    Err(_) => {
                        self.commit().await;
                        continue;
                    }
                }
            };
            let Some(work) = work else {
                self.commit().await;
                return;
            };
            self.append(work).await;
            if self.events >= self.options.commit_events || Instant::now() >= due {
                self.commit().await;
            }
        }
    }

    #[tracing::instrument(skip_all, fields(
        sensor = %work.stream.sensor,
        class = work.stream.class.name(),
        records = work.batch.events.len(),
    ))]
    async fn append(&mut self, work: Work) {
        let Work {
            generation,
            stream,
            batch,
            first_seq,
            answers,
            held,
        } = work;
        if generation != Generation(self.generation.load(Ordering::SeqCst)) {
            nack(
                &answers,
                &stream,
                first_seq,
                "an earlier batch was not stored",
            );
            return;
        }
        let alerts = match stream.class {
            Class::Alert => batch
                .events
                .iter()
                .filter(|(_, event)| event.shelf() == Shelf::Alerts)
                .map(|(seq, event)| Alert::of(&stream, *seq, event))
                .collect(),
            _ => Vec::new(),
        };
        let canary = match stream.class {
            Class::Alert => batch.events.iter().rev().find_map(|(_, event)| {
                let is_canary = event.str("event_type") == Some(CanaryRecord::EVENT_TYPE);
                is_canary.then(|| event.u64("canary.made_ms")).flatten()
            }),
            _ => None,
        };
        self.events += batch.events.len();
        let mut waiting = Waiting {
            stream: stream.clone(),
            first_seq,
            through: batch.last_seq,
            hour: batch.made_hour,
            alerts,
            canary,
            stored: batch.events.iter().map(|(seq, _)| *seq).collect(),
            refused: batch.refused,
            matched: Vec::new(),
            answers,
        };
        let received = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
        let store = Arc::clone(&self.store);
        let (events, through) = (batch.events, batch.last_seq);
        let judge = self.judge.clone().filter(|_| is_judged(stream.class));
        let appended = blocking(move || {
            let matched = judge.map_or_else(Vec::new, |judge| judge.sift(&events));
            let homeless = store.append(&stream, events, through, &received)?;
            Ok((matched, homeless))
        })
        .await;
        drop(held);
        match appended {
            Ok((matched, homeless)) => {
                waiting.matched = matched;
                waiting.refuse(homeless);
                self.waiting.push(waiting);
            }
            Err(error) => {
                self.waiting.push(waiting);
                self.fail(&*error);
            }
        }
    }

    #[tracing::instrument(skip_all, fields(records = self.events))]
    async fn commit(&mut self) {
        let settling = Arc::clone(&self.settling);
        let _settling = settling.lock().await;
        let store = Arc::clone(&self.store);
        if let Err(error) = blocking(move || store.commit()).await {
            self.fail(&*error);
            return;
        }
        self.events = 0;
        let mut streams: BTreeMap<Stream, Vec<Waiting>> = BTreeMap::new();
        for batch in self.waiting.drain(..) {
            streams.entry(batch.stream.clone()).or_default().push(batch);
        }
        while let Some((stream, batches)) = streams.pop_first() {
            match self.settle(&stream, &batches).await {
                Ok(()) => {
                    if let Some(last) = batches.last() {
                        ack(&last.answers, &stream, last.through);
                    }
                }
                Err(error) => {
                    self.waiting = batches;
                    self.waiting.extend(streams.into_values().flatten());
                    self.fail(&*error);
                    return;
                }
            }
        }
        if let Some(judge) = &self.judge {
            judge.settled().await;
        }
    }

    /// Rules, inbox and ledger, each from its own mark, for batches of one stream in their order.
    async fn settle(&mut self, stream: &Stream, batches: &[Waiting]) -> Result<(), PortError> {
        let Some(through) = batches.iter().map(|batch| batch.through).max() else {
            return Ok(());
        };
        let mut marks = match self.marks.get(stream) {
            Some(&marks) => marks,
            None => self.registry.marks(stream).await?,
        };
        let refused: Vec<RefusedLine> = batches
            .iter()
            .flat_map(|batch| batch.refused.iter().cloned())
            .collect();
        if !refused.is_empty() {
            self.registry.quarantine(stream, &refused).await?;
        }
        if let Some(judge) = &self.judge {
            let matched: BTreeMap<u64, &Matched> = batches
                .iter()
                .flat_map(|batch| &batch.matched)
                .filter(|matched| matched.seq > marks.counted)
                .map(|matched| (matched.seq, matched))
                .collect();
            if !matched.is_empty() {
                let matched = matched.into_values().cloned().collect();
                judge.judge(stream, matched, through).await?;
            }
        }
        if stream.class == Class::Alert && through > marks.grouped {
            // A stream that came over two connections may have brought an alert twice.
            let alerts: BTreeMap<u64, Alert> = batches
                .iter()
                .flat_map(|batch| &batch.alerts)
                .filter(|alert| alert.seq > marks.grouped)
                .map(|alert| (alert.seq, alert.clone()))
                .collect();
            let alerts = alerts.into_values().collect();
            self.groups.apply(stream, alerts, through).await?;
            marks.grouped = through;
        }
        if let Some(made_ms) = batches.iter().rev().find_map(|batch| batch.canary) {
            self.registry.canary(&stream.sensor, made_ms).await?;
        }
        if through > marks.counted {
            let counts = count(batches, marks.counted);
            self.registry.count(stream, &counts, through).await?;
            marks.counted = through;
        }
        if self.marks.len() >= MAX_MARKS {
            self.marks.clear();
        }
        self.marks.insert(stream.clone(), marks);
        Ok(())
    }

    /// Nothing that waits was stored for certain: all of it, and all that the connections have under
    /// way, is to be sent again.
    fn fail(&mut self, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        tracing::error!(%error, batches = self.waiting.len(), "batches could not be stored");
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.marks.clear();
        self.events = 0;
        for batch in self.waiting.drain(..) {
            nack(
                &batch.answers,
                &batch.stream,
                batch.first_seq,
                "the collector could not store it",
            );
        }
    }
}

impl Waiting {
    /// Moves events from the stored to the refused.
    fn refuse(&mut self, homeless: Vec<(u64, Event)>) {
        for (seq, event) in homeless {
            if let Ok(at) = self.stored.binary_search(&seq) {
                self.stored.remove(at);
            }
            self.alerts.retain(|alert| alert.seq != seq);
            self.matched.retain(|matched| matched.seq != seq);
            self.refused.push(RefusedLine {
                seq,
                reason: "there are too many days in the index for one more".to_owned(),
                line: event.text().as_bytes().to_vec(),
            });
        }
    }
}

/// Rules look at records; alerts are what comes of rules.
fn is_judged(class: Class) -> bool {
    match class {
        Class::Context | Class::Record | Class::Flow => true,
        Class::Heartbeat | Class::Alert => false,
    }
}

/// What of the batches is above a mark, by hour; each number once.
fn count(batches: &[Waiting], counted: u64) -> Vec<HourCounts> {
    let mut hours: BTreeMap<u64, HourCounts> = BTreeMap::new();
    let mut mark = counted;
    for batch in batches {
        let row = hours.entry(batch.hour).or_insert(HourCounts {
            hour: batch.hour,
            stored: 0,
            rejected: 0,
        });
        row.stored += batch.stored.iter().filter(|&&seq| seq > mark).count() as u64;
        row.rejected += batch.refused.iter().filter(|line| line.seq > mark).count() as u64;
        mark = mark.max(batch.through);
    }
    hours.into_values().collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    tokio::task::spawn_blocking(work).await?
}

/// Answers never wait: an acknowledgement that finds no room is made good by the next one, or by the
/// next welcome.
fn answer(answers: &Answers, message: Message) {
    let message = wire::CollectorMessage {
        message: Some(message),
    };
    if let Err(mpsc::error::TrySendError::Full(_)) = answers.try_send(Ok(message)) {
        tracing::warn!("a sensor does not read its answers");
    }
}

fn ack(answers: &Answers, stream: &Stream, through: u64) {
    answer(
        answers,
        Message::Ack(wire::Ack {
            class: wire_class(stream.class).into(),
            through_seq: through,
        }),
    );
}

fn nack(answers: &Answers, stream: &Stream, first_seq: u64, detail: &str) {
    answer(
        answers,
        Message::Nack(wire::Nack {
            class: wire_class(stream.class).into(),
            first_seq,
            reason: wire::NackReason::Busy.into(),
            retry_after_ms: RETRY_AFTER.as_millis() as u32,
            detail: detail.to_owned(),
        }),
    );
}
