//! One sensor's stream: greeting, batches, heartbeats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use collector_index::Stream;
use sensor_event::{Class, DICTIONARIES};
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};

use crate::authority::Authority;
use crate::batch::{check, class_of_wire, wire_class};
use crate::committer::{Answers, Generation, Ingest, Work};
use crate::evidence::Requests;
use crate::fleet::Fleet;
use crate::hunt::Hunts;
use crate::limits::{
    HELLO_TIMEOUT, MAX_CONTENT_BYTES, MAX_HOUR, MAX_LEDGER_ROWS, MAX_NAME_BYTES, MAX_REASON_BYTES,
    MAX_SHED_REASONS, MAX_SIGMA_RULES, MAX_STATS_BYTES, MIN_CONTENT_HELD_BYTES, PUBLISH_AGAIN,
    SILENCE,
};
use crate::ports::{Backlog, CanaryMade, Heartbeat, LedgerRow, RulesState, SensorRules, Spool};
use crate::seal::SealedRules;
use crate::wire;
use crate::wire::collector_message::Message as FromCollector;
use crate::wire::sensor_message::Message as FromSensor;

/// Spoken here. A sensor that speaks a newer one is answered with this; one that speaks an older, with its own.
const PROTOCOL_VERSION: u32 = 1;

/// A sensor that sends what is not taken now comes back after this time.
const PAUSED_RETRY: Duration = Duration::from_secs(15);

pub(crate) struct Connection {
    ingest: Arc<Ingest>,
    sensor: String,
    remote_addr: String,
    answers: Answers,
    generation: Generation,
    epoch: u64,
    sensor_version: String,
    /// Last number that came in each class: numbers only rise.
    last: BTreeMap<Class, u64>,
    /// Rules that the sensor is to fetch, and when they were last spoken of.
    published: Option<(Arc<SealedRules>, Instant)>,
    requests: Requests,
    hunts: Hunts,
    fleet: Fleet,
    /// What the sensor was told that it may send.
    link: Option<wire::LinkBudget>,
}

impl Connection {
    pub fn new(
        ingest: Arc<Ingest>,
        sensor: String,
        remote_addr: String,
        answers: Answers,
        authority: Option<Arc<Authority>>,
    ) -> Connection {
        let desks = ingest.desks.clone();
        Connection {
            requests: Requests::new(desks.evidence, sensor.clone()),
            hunts: Hunts::new(desks.hunts, sensor.clone()),
            fleet: Fleet::new(desks.fleet, authority, sensor.clone()),
            generation: ingest.generation(),
            ingest,
            sensor,
            remote_addr,
            answers,
            epoch: 0,
            sensor_version: String::new(),
            last: BTreeMap::new(),
            published: None,
            link: None,
        }
    }

    /// Serves the stream to its end. A reason to end it is told to the sensor.
    pub async fn run(mut self, inbound: Streaming<wire::SensorMessage>) {
        let mut stopping = self.ingest.stopping.subscribe();
        let (number, replaced) = self.ingest.speakers.begin(&self.sensor);
        self.note_connected(true).await;
        let ended = tokio::select! {
            ended = self.serve(inbound) => ended,
            _ = stopping.wait_for(|&stopping| stopping) => {
                Err(Status::unavailable("the collector is stopping"))
            }
            () = replaced.notified() => {
                Err(Status::aborted("another stream with this sensor's certificate has begun"))
            }
        };
        if let Err(status) = ended {
            tracing::info!(sensor = %self.sensor, reason = status.message(), "stream ended");
            // The sensor may be gone already.
            let _ = self.answers.try_send(Err(status));
        }
        if self.ingest.speakers.end(&self.sensor, number) {
            self.note_connected(false).await;
        }
    }

    async fn note_connected(&self, connected: bool) {
        let registry = &self.ingest.registry;
        if let Err(error) = registry
            .connected(&self.sensor, &self.remote_addr, connected)
            .await
        {
            tracing::warn!(sensor = %self.sensor, %error, "its connection is not noted");
        }
    }

    async fn serve(&mut self, mut inbound: Streaming<wire::SensorMessage>) -> Result<(), Status> {
        let first = timeout(HELLO_TIMEOUT, inbound.message())
            .await
            .map_err(|_| Status::deadline_exceeded("no hello"))??;
        let Some(FromSensor::Hello(hello)) = first.and_then(|first| first.message) else {
            return Err(Status::invalid_argument("the first message is no hello"));
        };
        self.welcome(hello).await?;
        let mut paused = self.ingest.paused.subscribe();
        let classes = paused.borrow_and_update().clone();
        if !classes.is_empty() {
            self.tell_paused(&classes).await?;
        }
        let mut wanted = self.requests.changed();
        let mut fleet = self.fleet.changed();
        self.ask().await?;
        loop {
            let message = tokio::select! {
                message = timeout(SILENCE, inbound.message()) => {
                    message.map_err(|_| Status::deadline_exceeded("silence"))??
                }
                changed = paused.changed() => {
                    changed.map_err(|_| Status::unavailable("the collector is stopping"))?;
                    let classes = paused.borrow_and_update().clone();
                    self.tell_paused(&classes).await?;
                    continue;
                }
                changed = wanted.changed() => {
                    changed.map_err(|_| Status::unavailable("the collector is stopping"))?;
                    self.ask().await?;
                    continue;
                }
                changed = fleet.changed() => {
                    changed.map_err(|_| Status::unavailable("the collector is stopping"))?;
                    // It may be that somebody has just revoked it.
                    self.require_enrolled().await?;
                    let say = self.fleet.refresh().await?;
                    self.say(say).await?;
                    continue;
                }
            };
            let Some(message) = message else {
                return Ok(());
            };
            match message.message {
                Some(FromSensor::Batch(batch)) => self.batch(batch).await?,
                Some(FromSensor::Heartbeat(mut heartbeat)) => {
                    let rules = heartbeat.rules.clone();
                    let configuration = heartbeat.configuration.take();
                    self.heartbeat(heartbeat).await?;
                    self.tell_link().await?;
                    if let Some(told) = rules {
                        self.publish(&told).await?;
                    }
                    let say = self.fleet.heard(configuration).await?;
                    self.say(say).await?;
                }
                Some(FromSensor::RulesAsk(ask)) => self.rules_part(&ask).await?,
                Some(FromSensor::Hello(_)) => {
                    return Err(Status::invalid_argument("a second hello"));
                }
                Some(FromSensor::EvidenceState(state)) => {
                    let say = self.requests.state(state).await?;
                    self.say(say).await?;
                }
                Some(FromSensor::EvidenceChunk(chunk)) => {
                    let say = self.requests.chunk(chunk).await?;
                    self.say(say).await?;
                }
                Some(FromSensor::HuntPart(part)) => {
                    let say = self.hunts.part(part).await?;
                    self.say(say).await?;
                }
                Some(FromSensor::OrderState(state)) => self.fleet.order_state(state).await?,
                Some(FromSensor::BundleChunk(chunk)) => {
                    let say = self.fleet.chunk(chunk).await?;
                    self.say(say).await?;
                }
                Some(FromSensor::CertificateRequest(request)) => self.certify(&request).await?,
                None => tracing::debug!("a message of a kind that this version does not know"),
            }
        }
    }

    async fn welcome(&mut self, hello: wire::Hello) -> Result<(), Status> {
        if hello.protocol_version == 0 {
            return Err(Status::failed_precondition(format!(
                "this collector speaks versions 1 to {PROTOCOL_VERSION} of the protocol"
            )));
        }
        if hello.epoch == 0 || hello.epoch >= 1 << 63 {
            return Err(Status::invalid_argument("the epoch is not a time"));
        }
        self.epoch = hello.epoch;
        self.sensor_version = cut(&hello.sensor_version, MAX_NAME_BYTES).to_owned();
        self.fleet.greeted(&hello, &self.remote_addr).await?;
        // A sensor that says nothing runs none.
        self.note_rules(hello.sigma.unwrap_or_default());
        let mut welcome = wire::Welcome {
            protocol_version: hello.protocol_version.min(PROTOCOL_VERSION),
            high_water: Vec::new(),
            dictionary_versions: DICTIONARIES.map(|dictionary| dictionary.version).to_vec(),
            now_ms: 0,
        };
        for class in Class::ALL {
            let through_seq = self
                .ingest
                .high_water(&self.stream(class))
                .await
                .map_err(internal)?;
            welcome.high_water.push(wire::HighWater {
                class: wire_class(class).into(),
                through_seq,
            });
        }
        welcome.now_ms = unix_millis();
        self.answer(FromCollector::Welcome(welcome)).await
    }

    /// Gives a sensor a new certificate; the old one goes on until its end.
    async fn certify(&self, request: &wire::CertificateRequest) -> Result<(), Status> {
        let Some((certificate, digest)) = self.fleet.certify(request)? else {
            return Ok(());
        };
        self.require_enrolled().await?;
        let registry = &self.ingest.registry;
        let noted = registry.certificate(&self.sensor, &digest).await;
        noted.map_err(internal)?;
        tracing::info!(sensor = %self.sensor, "a certificate is renewed");
        self.answer(certificate).await
    }

    /// Asks for what people want of this sensor: evidence, and records that stayed there.
    async fn ask(&mut self) -> Result<(), Status> {
        let mut say = self.requests.refresh().await?;
        say.extend(self.hunts.refresh().await?);
        self.say(say).await
    }

    async fn say(&self, messages: Vec<FromCollector>) -> Result<(), Status> {
        for message in messages {
            self.answer(message).await?;
        }
        Ok(())
    }

    async fn tell_paused(&self, classes: &[Class]) -> Result<(), Status> {
        let classes = classes.iter().map(|&class| wire_class(class).into());
        let pause = wire::Pause {
            classes: classes.collect(),
        };
        self.answer(FromCollector::Pause(pause)).await
    }

    async fn batch(&mut self, batch: wire::Batch) -> Result<(), Status> {
        let (class, first_seq) = (batch.class, batch.first_seq);
        let claimed = (batch.content_bytes as usize)
            .clamp(MIN_CONTENT_HELD_BYTES, MAX_CONTENT_BYTES)
            .div_ceil(1_024);
        let held = Arc::clone(&self.ingest.held)
            .acquire_many_owned(claimed as u32)
            .await
            .map_err(|_| Status::unavailable("the collector is stopping"))?;
        let checked = tokio::task::spawn_blocking(move || check(&batch))
            .await
            .map_err(|_| Status::internal("a batch could not be checked"))?;
        let batch = match checked {
            Ok(batch) => batch,
            Err(error) => {
                tracing::warn!(sensor = %self.sensor, %error, first_seq, "a batch is refused");
                let nack = wire::Nack {
                    class,
                    first_seq,
                    reason: wire::NackReason::Malformed.into(),
                    retry_after_ms: 0,
                    detail: error.to_string(),
                };
                return self.answer(FromCollector::Nack(nack)).await;
            }
        };
        if self.ingest.is_paused(batch.class) {
            // It was on its way when the pause began, or this sensor does not know of pauses.
            let nack = wire::Nack {
                class,
                first_seq,
                reason: wire::NackReason::Busy.into(),
                retry_after_ms: PAUSED_RETRY.as_millis() as u32,
                detail: "the collector's disk is short; only alerts are taken".to_owned(),
            };
            return self.answer(FromCollector::Nack(nack)).await;
        }
        let last = self.last.entry(batch.class).or_insert(0);
        if first_seq <= *last {
            return Err(Status::invalid_argument("batches of a class overlap"));
        }
        *last = batch.last_seq;
        let work = Work {
            generation: self.generation,
            stream: self.stream(batch.class),
            batch,
            first_seq,
            answers: self.answers.clone(),
            held: Some(held),
        };
        if self.ingest.hand_over(work).await {
            Ok(())
        } else {
            Err(Status::unavailable("the collector is stopping"))
        }
    }

    fn note_rules(&self, rules: wire::SigmaRules) {
        if let Some(judge) = &self.ingest.judge {
            let mut sids = rules.sids;
            sids.truncate(MAX_SIGMA_RULES);
            sids.sort_unstable();
            let since_ms = rules.since_ms;
            judge.runs_itself(&self.sensor, SensorRules { since_ms, sids });
        }
    }

    /// Says what the sensor may send, when that is another than it was told.
    async fn tell_link(&mut self) -> Result<(), Status> {
        let set = self.ingest.registry.link_budget(&self.sensor).await;
        let budget = set.map_err(internal)?.unwrap_or(wire::LinkBudget {
            own: true,
            ..wire::LinkBudget::default()
        });
        if self.link.as_ref() == Some(&budget) {
            return Ok(());
        }
        self.link = Some(budget.clone());
        self.answer(FromCollector::LinkBudget(budget)).await
    }

    /// Offers the rules that the sensor is to run and does not.
    async fn publish(&mut self, told: &wire::RulesState) -> Result<(), Status> {
        let Some(sealer) = self.ingest.desks.sealer.clone() else {
            return Ok(());
        };
        let state = rules_state(told);
        let wanted = self.ingest.registry.rules_for(&self.sensor, &state).await;
        let Some(rules) = wanted.map_err(internal)? else {
            self.published = None;
            return Ok(());
        };
        let spoken = self.published.as_ref();
        if spoken.is_some_and(|(one, at)| one.hash == rules.hash && at.elapsed() < PUBLISH_AGAIN) {
            return Ok(());
        }
        let sealed = tokio::task::spawn_blocking(move || sealer.shared(rules))
            .await
            .map_err(|_| Status::internal("rules could not be packed"))?
            .map_err(|error| Status::internal(format!("rules: {error}")))?;
        let offer = sealed.offer();
        tracing::info!(sensor = %self.sensor, hash = sealed.hash, bytes = offer.packed_bytes, "rules are published");
        let message = if told.takes_parts {
            FromCollector::RulesOffer(offer)
        } else {
            FromCollector::PublishedRules(sealed.in_one())
        };
        self.published = Some((sealed, Instant::now()));
        self.answer(message).await
    }

    /// A part of the rules that are offered; what is asked of others is answered by the next offer.
    async fn rules_part(&mut self, ask: &wire::RulesAsk) -> Result<(), Status> {
        let Some((sealed, at)) = &mut self.published else {
            return Ok(());
        };
        *at = Instant::now();
        match sealed.part(ask) {
            Some(part) => self.answer(FromCollector::RulesPart(part)).await,
            None => Ok(()),
        }
    }

    async fn require_enrolled(&self) -> Result<(), Status> {
        let registry = &self.ingest.registry;
        match registry.may_deliver(&self.sensor).await.map_err(internal)? {
            true => Ok(()),
            false => Err(Status::permission_denied("this sensor is revoked")),
        }
    }

    async fn heartbeat(&self, mut heartbeat: wire::Heartbeat) -> Result<(), Status> {
        self.require_enrolled().await?;
        let registry = &self.ingest.registry;
        if let Some(rules) = heartbeat.sigma.take() {
            self.note_rules(rules);
        }
        let heartbeat = Heartbeat {
            rules: heartbeat.rules.as_ref().map(rules_state),
            sensor: self.sensor.clone(),
            epoch: self.epoch,
            sensor_version: self.sensor_version.clone(),
            ruleset_hash: cut(&heartbeat.ruleset_hash, MAX_NAME_BYTES).to_owned(),
            remote_addr: self.remote_addr.clone(),
            sent_ms: heartbeat.sent_ms,
            received_ms: unix_millis(),
            stats: json_object(&heartbeat.stats).unwrap_or_else(|| "{}".to_owned()),
            ledger: ledger_rows(heartbeat.ledger),
            spool: Spool {
                bytes: heartbeat.spool_bytes,
                budget_bytes: heartbeat.spool_budget_bytes,
                backlog: backlog(heartbeat.backlog),
                canary: heartbeat.canary.map(|canary| CanaryMade {
                    made_ms: canary.made_ms,
                    spooled_seq: canary.spooled_seq,
                    every_ms: canary.every_ms,
                }),
            },
        };
        if let Err(error) = registry.heartbeat(heartbeat).await {
            // The next one comes in seconds.
            tracing::warn!(sensor = %self.sensor, %error, "a heartbeat is not noted");
        }
        Ok(())
    }

    async fn answer(&self, message: FromCollector) -> Result<(), Status> {
        let message = wire::CollectorMessage {
            message: Some(message),
        };
        timeout(Duration::from_secs(30), self.answers.send(Ok(message)))
            .await
            .map_err(|_| Status::deadline_exceeded("answers are not read"))?
            .map_err(|_| Status::cancelled("the sensor has gone"))
    }

    fn stream(&self, class: Class) -> Stream {
        Stream {
            sensor: self.sensor.clone(),
            epoch: self.epoch,
            class,
        }
    }
}

fn rules_state(told: &wire::RulesState) -> RulesState {
    let refused = (
        cut(&told.refused_hash, MAX_NAME_BYTES).to_owned(),
        cut(&told.refused_reason, MAX_REASON_BYTES).to_owned(),
    );
    RulesState {
        hash: cut(&told.hash, MAX_NAME_BYTES).to_owned(),
        refused: Some(refused).filter(|(hash, _)| !hash.is_empty()),
    }
}

fn internal(error: crate::error::PortError) -> Status {
    tracing::error!(%error, "state is not readable");
    Status::unavailable("the collector's state is not readable")
}

/// Statistics, if they are a JSON object of a fair size.
fn json_object(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_STATS_BYTES || !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    Some(text.to_owned())
}

fn ledger_rows(rows: Vec<wire::LedgerRow>) -> Vec<LedgerRow> {
    rows.into_iter()
        .take(MAX_LEDGER_ROWS)
        .filter(|row| row.hour <= MAX_HOUR)
        .filter_map(|row| {
            Some(LedgerRow {
                hour: row.hour,
                class: class_of_wire(row.class)?.name(),
                made: row.made,
                sent: row.sent,
                acked: row.acked,
                shed: row
                    .shed
                    .into_iter()
                    .take(MAX_SHED_REASONS)
                    .map(|shed| (cut(&shed.reason, MAX_NAME_BYTES).to_owned(), shed.count))
                    .collect(),
            })
        })
        .collect()
}

fn backlog(rows: Vec<wire::Backlog>) -> Vec<Backlog> {
    rows.into_iter()
        .take(Class::ALL.len())
        .filter_map(|row| {
            Some(Backlog {
                class: class_of_wire(row.class)?.name(),
                records: row.records,
                last_seq: row.last_seq,
                sent_seq: row.sent_seq,
                acked_seq: row.acked_seq,
                oldest_hour: row.oldest_hour,
            })
        })
        .collect()
}

fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The longest prefix of at most `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_are_statistics() {
        let rows: &[(&[u8], bool)] = &[
            (b"{\"a\":1}", true),
            (b"  {}", true),
            (b"[]", false),
            (b"{", false),
            (b"", false),
            (b"{\"a\":\"\xff\"}", false),
        ];
        for (bytes, expected) in rows {
            assert_eq!(json_object(bytes).is_some(), *expected, "{bytes:?}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_STATS_BYTES));
        assert!(json_object(long.as_bytes()).is_none());
    }

    #[test]
    fn rows_of_no_hour_or_class_are_left_out() {
        let now = 490_000;
        let row = |hour, class| wire::LedgerRow {
            hour,
            class,
            ..wire::LedgerRow::default()
        };
        let alert = wire::Class::Alert.into();
        let rows = vec![
            row(0, alert),
            row(now, alert),
            row(u64::MAX, alert),
            row(now, 77),
        ];
        let kept = ledger_rows(rows);
        let kept: Vec<_> = kept.iter().map(|row| (row.hour, row.class)).collect();
        assert_eq!(kept, [(0, "alert"), (now, "alert")]);
    }
}
