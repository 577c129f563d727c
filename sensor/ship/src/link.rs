//! One connection: greeting, batches within a window, acknowledgements, heartbeats.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prost::Message as _;
use sensor_event::Class;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::batch::BatchFault;
use crate::budget::{HourRate, LinkBudget, LinkPlan};
use crate::error::ShipError;
use crate::evidence::{self, Demand};
use crate::fleet::{self, Errand};
use crate::heartbeat::{heartbeats, sigma_rules};
use crate::hunt;
use crate::pace::Pace;
use crate::plan::{PerClass, at};
use crate::recorder::Task;
use crate::renewal::Asked;
use crate::rules;
use crate::shipper::Shipper;
use crate::spool::{class_of_wire, unix_millis};
use crate::wire;
use crate::wire::collector_message::Message as FromCollector;
use crate::wire::delivery_client::DeliveryClient;
use crate::wire::sensor_message::Message as FromSensor;

/// Spoken here; a collector that speaks a newer one answers with this or an older.
const PROTOCOL_VERSION: u32 = 1;
/// Batches of one class sent and not acknowledged: what a collector takes between two commits. Each
/// class has its own window, so that alerts never wait for flows.
const WINDOW: usize = 32;
/// The collector commits twice a second; this long without an answer means that it is stuck.
const ACK_TIMEOUT: Duration = Duration::from_secs(60);
const WELCOME_TIMEOUT: Duration = Duration::from_secs(30);
/// What a collector that knows nothing of parts puts in one message: whole public rule sets with their lists, packed.
const MAX_MESSAGE_BYTES: usize = 16 * 1_024 * 1_024;
/// Where the link has a budget and more is spooled than it carries, one message of evidence or hunts goes after so many
/// batches.
const EVIDENCE_TURN: u32 = 8;
/// Requests for evidence or hunts, and answers to them, that are not looked at yet.
const DEMANDS: usize = 256;
/// Offers and parts of published rules that are not looked at yet: one part is under way at a time.
const RULES_TOLD: usize = 8;

pub type LinkError = Box<dyn std::error::Error + Send + Sync>;

/// Why a link ended in order.
pub(crate) enum LinkEnd {
    Closed,
    /// The collector asks to be left alone for a while.
    RetryAfter(Duration),
}

pub(crate) struct Link<'a> {
    shipper: &'a Shipper,
    outbound: mpsc::Sender<wire::SensorMessage>,
    inbound: Streaming<wire::CollectorMessage>,
    heartbeats: JoinHandle<()>,
    /// Reads evidence.
    uploads: JoinHandle<()>,
    demands: mpsc::Sender<Demand>,
    /// Searches the archive.
    hunts: JoinHandle<()>,
    hunt_demands: mpsc::Sender<hunt::Demand>,
    /// Fetches published rules.
    fetches: JoinHandle<()>,
    rules_told: mpsc::Sender<rules::Told>,
    /// What evidence, hunts and the centre's orders want to send.
    pieces: mpsc::Receiver<FromSensor>,
    /// Does what the centre orders.
    fleet: JoinHandle<()>,
    errands: mpsc::Sender<Errand>,
    /// A new certificate that was asked for.
    renewing: Option<Asked>,
    /// Last number sent on this link.
    sent: PerClass<u64>,
    /// Last numbers of the batches that are not acknowledged.
    window: PerClass<VecDeque<u64>>,
    /// Dictionaries that the collector has.
    dictionaries: Arc<[u32]>,
    /// Classes that the collector does not take for now.
    paused: PerClass<bool>,
    /// When something was sent with nothing under way, or acknowledged.
    progress: Instant,
    /// How far this clock is before the collector's, if that one tells.
    pub ahead_ms: Option<i64>,
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        self.heartbeats.abort();
        self.uploads.abort();
        self.hunts.abort();
        self.fleet.abort();
        self.fetches.abort();
    }
}

impl<'a> Link<'a> {
    /// Greets the collector and hears from where to send.
    pub async fn open(shipper: &'a Shipper, channel: Channel) -> Result<Link<'a>, LinkError> {
        let (outbound, messages) = mpsc::channel(4);
        let hello = wire::Hello {
            protocol_version: PROTOCOL_VERSION,
            sensor_version: shipper.options.sensor_version.clone(),
            epoch: shipper.shared.state().epoch,
            ruleset_hash: (shipper.options.ruleset_hash)(),
            hostname: shipper.options.hostname.clone(),
            sigma: Some(sigma_rules(&(shipper.options.sigma)())),
            instance: shipper.options.instance,
        };
        outbound.send(message(FromSensor::Hello(hello))).await?;
        let mut client = DeliveryClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let greeting = async {
            let mut inbound = client
                .deliver(ReceiverStream::new(messages))
                .await?
                .into_inner();
            let first = inbound.message().await?;
            Ok::<_, tonic::Status>((inbound, first))
        };
        let (inbound, first) = tokio::time::timeout(WELCOME_TIMEOUT, greeting).await??;
        let Some(FromCollector::Welcome(welcome)) = first.and_then(|first| first.message) else {
            return Err("the collector's first message is no welcome".into());
        };
        if !(1..=PROTOCOL_VERSION).contains(&welcome.protocol_version) {
            let theirs = welcome.protocol_version;
            return Err(format!("the collector speaks version {theirs} of the protocol").into());
        }
        let heartbeats = tokio::spawn(heartbeats(
            outbound.clone(),
            Arc::clone(&shipper.shared),
            shipper.options.clone(),
        ));
        let (demands, asked) = mpsc::channel(DEMANDS);
        let (hunt_demands, hunted) = mpsc::channel(DEMANDS);
        let (ready, pieces) = mpsc::channel(1);
        let budget = Arc::clone(&shipper.options.budget);
        let pace = Arc::new(Pace::new(Arc::clone(&budget)));
        let source = shipper.options.evidence.clone();
        let serving = evidence::serve(source, asked, ready.clone(), Arc::clone(&pace));
        let uploads = tokio::spawn(serving);
        let source = shipper.options.hunt.clone();
        let hunts = tokio::spawn(hunt::serve(source, hunted, ready.clone(), pace));
        let (errands, wanted) = mpsc::channel(DEMANDS);
        let fleet = tokio::spawn(fleet::serve(shipper.options.fleet.clone(), wanted, ready));
        let (rules_told, told) = mpsc::channel(RULES_TOLD);
        let desk = shipper.options.rules.clone();
        let fetches = tokio::spawn(rules::serve(desk, budget, told, outbound.clone()));
        let mut link = Link {
            shipper,
            uploads,
            demands,
            hunts,
            hunt_demands,
            fetches,
            rules_told,
            pieces,
            fleet,
            errands,
            renewing: None,
            outbound,
            inbound,
            heartbeats,
            sent: shipper.shared.state().marks.acked,
            window: PerClass::default(),
            dictionaries: welcome.dictionary_versions.into(),
            paused: PerClass::default(),
            progress: Instant::now(),
            ahead_ms: (welcome.now_ms > 0)
                .then(|| unix_millis().wrapping_sub(welcome.now_ms).cast_signed()),
        };
        for mark in welcome.high_water {
            if let Some(class) = class_of_wire(mark.class) {
                link.acknowledged(class, mark.through_seq).await?;
            }
        }
        Ok(link)
    }

    /// Sends and hears until the link ends.
    pub async fn run(&mut self) -> Result<LinkEnd, LinkError> {
        let mut changed = self.shipper.shared.changed.subscribe();
        if let Some(renewal) = &self.shipper.renewal
            && let Some(asked) = renewal.ask(unix_millis() as i64 / 1_000)?
        {
            let request = FromSensor::CertificateRequest(asked.request());
            self.outbound.send(message(request)).await?;
            self.renewing = Some(asked);
        }
        let mut budget_changed = self.budget().subscribe();
        // Batches since evidence had its turn.
        let mut batches = 0_u32;
        loop {
            let spooled = self.has_sendable();
            let waiting = self.window.iter().any(|window| !window.is_empty());
            let due = self.budget().wait();
            self.held_back(due.is_some() && spooled);
            let may_send = due.is_none();
            // Evidence and hunts give way to alerts. At most two chunks of each are on the link, each of a quarter
            // second of their budget. Where the link has a budget they give way to all that is spooled, but for one
            // turn in so many.
            let may_upload = may_send
                && !self.has_sendable_of(&[Class::Alert, Class::Context])
                && (!spooled
                    || self.budget().bytes_per_second().is_none()
                    || batches >= EVIDENCE_TURN);
            let outbound = self.outbound.clone();
            tokio::select! {
                biased;
                message = self.inbound.message() => {
                    let Some(message) = message? else { return Ok(LinkEnd::Closed) };
                    if let Some(end) = self.hear(message).await? {
                        return Ok(end);
                    }
                }
                Some(piece) = self.pieces.recv(), if may_upload => {
                    batches = 0;
                    let piece = message(piece);
                    self.budget().spend(piece.encoded_len());
                    self.outbound.send(piece).await?;
                }
                permit = outbound.reserve_owned(), if spooled && may_send => {
                    batches = batches.saturating_add(1);
                    self.send_next(permit?).await?;
                }
                () = tokio::time::sleep_until(due.unwrap_or(self.progress)), if due.is_some() => {}
                alive = budget_changed.changed() => alive?,
                alive = changed.changed(), if !spooled => alive?,
                () = tokio::time::sleep_until(self.progress + ACK_TIMEOUT), if waiting => {
                    return Err("the collector acknowledges nothing".into());
                }
            }
        }
    }

    fn budget(&self) -> &LinkBudget {
        &self.shipper.options.budget
    }

    /// Notes whether records wait for the link's budget alone.
    fn held_back(&self, holds: bool) {
        self.budget().holds(holds);
        if holds {
            let shared = &self.shipper.shared;
            shared.held_back_ms.store(unix_millis(), Ordering::Relaxed);
        }
    }

    fn room(&self) -> PerClass<bool> {
        let mut room = self.window.each_ref().map(|window| window.len() < WINDOW);
        for (room, paused) in room.iter_mut().zip(self.paused) {
            *room &= !paused;
        }
        room
    }

    fn has_sendable(&self) -> bool {
        self.has_sendable_of(&Class::ALL)
    }

    fn has_sendable_of(&self, classes: &[Class]) -> bool {
        let room = self.room();
        let state = self.shipper.shared.state();
        classes.iter().any(|&class| {
            room[at(class)] && state.block_of(class, self.sent[at(class)] + 1).is_some()
        })
    }

    async fn send_next(
        &mut self,
        permit: mpsc::OwnedPermit<wire::SensorMessage>,
    ) -> Result<(), LinkError> {
        let shared = Arc::clone(&self.shipper.shared);
        let (sent, room) = (self.sent, self.room());
        let dictionaries = Arc::clone(&self.dictionaries);
        let content_bytes = self.budget().content_bytes();
        let read = move || shared.next_batch(&sent, &room, &dictionaries, content_bytes);
        let read = tokio::task::spawn_blocking(read).await?;
        let batch = match read {
            Ok(batch) => batch,
            Err(BatchFault::Block {
                class,
                first,
                last,
                error,
            }) => {
                return self.set_aside(class, first, last, &error).await;
            }
            Err(BatchFault::Store(error)) => return Err(error.into()),
        };
        let Some(batch) = batch else {
            // What was there has gone, or the store is closed for a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Ok(());
        };
        let sending = message(FromSensor::Batch(batch.message));
        self.budget().spend(sending.encoded_len());
        permit.send(sending);
        if self.window.iter().all(VecDeque::is_empty) {
            self.progress = Instant::now();
        }
        self.sent[at(batch.class)] = batch.last_seq;
        self.window[at(batch.class)].push_back(batch.last_seq);
        self.task(Task::Sent {
            class: batch.class,
            through: batch.last_seq,
        })
        .await
    }

    async fn hear(
        &mut self,
        message: wire::CollectorMessage,
    ) -> Result<Option<LinkEnd>, LinkError> {
        match message.message {
            Some(FromCollector::Ack(ack)) => {
                let class = class_of_wire(ack.class).ok_or("an acknowledgement of no class")?;
                self.acknowledged(class, ack.through_seq).await?;
            }
            Some(FromCollector::Nack(nack)) => return self.refused(nack).await,
            Some(FromCollector::Command(command)) => (self.shipper.options.command)(&command.json),
            Some(FromCollector::Pause(pause)) => {
                self.paused = PerClass::default();
                for class in pause.classes.into_iter().filter_map(class_of_wire) {
                    self.paused[at(class)] = true;
                }
            }
            Some(FromCollector::PublishedRules(rules)) => {
                self.rules_told(rules::Told::Unsigned(rules.hash))?;
            }
            Some(FromCollector::RulesOffer(offer)) => {
                self.rules_told(rules::Told::Offer(offer))?;
            }
            Some(FromCollector::RulesPart(part)) => self.rules_told(rules::Told::Part(part))?,
            Some(FromCollector::LinkBudget(budget)) => match plan_of(&budget) {
                Ok(plan) => self.budget().order(plan),
                Err(error) => tracing::warn!(%error, "the collector's budget for the link"),
            },
            Some(FromCollector::EvidenceRequest(request)) => {
                self.demand(Demand::Request(request))?;
            }
            Some(FromCollector::EvidenceCancel(cancel)) => {
                self.demand(Demand::Cancel(cancel.id))?;
            }
            Some(FromCollector::EvidenceTaken(_)) => self.demand(Demand::Taken)?,
            Some(FromCollector::HuntRequest(request)) => {
                self.hunt(hunt::Demand::Request(request))?;
            }
            Some(FromCollector::HuntCancel(cancel)) => {
                self.hunt(hunt::Demand::Cancel(cancel.id))?;
            }
            Some(FromCollector::HuntTaken(_)) => self.hunt(hunt::Demand::Taken)?,
            Some(FromCollector::Configuration(configuration)) => {
                if let Some(desk) = &self.shipper.options.fleet {
                    desk.hear(&configuration);
                }
            }
            Some(FromCollector::Order(order)) => self.errand(Errand::Order(order))?,
            Some(FromCollector::BundleTaken(_)) => self.errand(Errand::Taken)?,
            Some(FromCollector::Certificate(certificate)) => {
                if let (Some(renewal), Some(asked)) = (&self.shipper.renewal, self.renewing.take())
                {
                    renewal.accept(asked, &certificate);
                }
            }
            Some(FromCollector::Welcome(_)) => return Err("a second welcome".into()),
            None => tracing::debug!("a message of a kind that this version does not know"),
        }
        Ok(None)
    }

    /// Never waits: acknowledgements come by the same way.
    fn rules_told(&self, told: rules::Told) -> Result<(), LinkError> {
        self.rules_told
            .try_send(told)
            .map_err(|_| "the collector sends more rules than it is asked for".into())
    }

    /// Never waits either.
    fn demand(&self, demand: Demand) -> Result<(), LinkError> {
        self.demands
            .try_send(demand)
            .map_err(|_| "the collector asks for more evidence than can be noted".into())
    }

    /// As [`Link::demand`].
    fn hunt(&self, demand: hunt::Demand) -> Result<(), LinkError> {
        self.hunt_demands
            .try_send(demand)
            .map_err(|_| "the collector asks for more hunts than can be noted".into())
    }

    /// Never waits either.
    fn errand(&self, errand: Errand) -> Result<(), LinkError> {
        self.errands
            .try_send(errand)
            .map_err(|_| "the collector orders more than can be noted".into())
    }

    async fn acknowledged(&mut self, class: Class, through: u64) -> Result<(), LinkError> {
        let window = &mut self.window[at(class)];
        while window.front().is_some_and(|&last| last <= through) {
            window.pop_front();
        }
        self.progress = Instant::now();
        let sent = &mut self.sent[at(class)];
        *sent = (*sent).max(through);
        self.task(Task::Acked { class, through }).await
    }

    async fn refused(&mut self, nack: wire::Nack) -> Result<Option<LinkEnd>, LinkError> {
        tracing::warn!(
            reason = nack.reason().as_str_name(),
            detail = %nack.detail,
            first_seq = nack.first_seq,
            "the collector refused a batch"
        );
        if nack.reason() != wire::NackReason::Malformed {
            let pause = Duration::from_millis(u64::from(nack.retry_after_ms));
            return Ok(Some(LinkEnd::RetryAfter(pause)));
        }
        let class = class_of_wire(nack.class).ok_or("a refusal of no class")?;
        let window = &mut self.window[at(class)];
        let found = window.iter().position(|&last| last >= nack.first_seq);
        if let Some(last) = found.and_then(|at| window.remove(at)) {
            let first = nack.first_seq;
            self.task(Task::Refused { class, first, last }).await?;
        }
        Ok(None)
    }

    /// Leaves out a block that cannot be read back, and counts its records.
    async fn set_aside(
        &mut self,
        class: Class,
        first: u64,
        last: u64,
        error: &ShipError,
    ) -> Result<(), LinkError> {
        tracing::error!(%error, class = class.name(), first, last, "a block of the spool is lost");
        self.sent[at(class)] = self.sent[at(class)].max(last);
        let shared = Arc::clone(&self.shipper.shared);
        tokio::task::spawn_blocking(move || shared.keep_aside(class, first)).await?;
        self.task(Task::Damaged { class, first, last }).await
    }

    /// Hands a task to the spool thread, whose queue may be full for a moment.
    async fn task(&self, task: Task) -> Result<(), LinkError> {
        let recorder = self.shipper.recorder.clone();
        if tokio::task::spawn_blocking(move || recorder.task(task)).await? {
            Ok(())
        } else {
            Err("the spool is closed".into())
        }
    }
}

/// None: the sensor's own configuration holds.
fn plan_of(budget: &wire::LinkBudget) -> Result<Option<LinkPlan>, LinkError> {
    if budget.own {
        return Ok(None);
    }
    let rate = |row: &wire::LinkHours| {
        Ok::<_, LinkError>(HourRate {
            from_minute: row.from_minute.try_into()?,
            to_minute: row.to_minute.try_into()?,
            kilobits: row.kilobits,
        })
    };
    let hours = budget.hours.iter().map(rate).collect::<Result<_, _>>()?;
    Ok(Some(LinkPlan::new(budget.kilobits, hours)?))
}

pub(crate) fn message(message: FromSensor) -> wire::SensorMessage {
    wire::SensorMessage {
        message: Some(message),
    }
}
