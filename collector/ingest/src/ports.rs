//! What ingest needs of the rest of the collector.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use collector_index::{Event, Index, Json, JsonKind, Stream};
use sensor_event::Class;

use crate::error::PortError;
use crate::wire;

/// Where events become durable and searchable. Calls block.
pub trait Store: Send + Sync + 'static {
    /// Through which number of the stream everything is committed.
    fn mark(&self, stream: &Stream) -> u64;

    /// Takes events with rising numbers; the stream is dealt with through `through`. What was appended
    /// before is skipped. Returns the events for which there is no place. After an error, nothing since
    /// the last commit is kept.
    fn append(
        &self,
        stream: &Stream,
        events: Vec<(u64, Event)>,
        through: u64,
        received: &str,
    ) -> Result<Vec<(u64, Event)>, PortError>;

    /// Makes everything appended durable. After an error: as for `append`.
    fn commit(&self) -> Result<(), PortError>;
}

impl Store for Index {
    fn mark(&self, stream: &Stream) -> u64 {
        Index::mark(self, stream)
    }

    fn append(
        &self,
        stream: &Stream,
        events: Vec<(u64, Event)>,
        through: u64,
        received: &str,
    ) -> Result<Vec<(u64, Event)>, PortError> {
        Ok(Index::append(self, stream, events, through, received)?)
    }

    fn commit(&self) -> Result<(), PortError> {
        Ok(Index::commit(self)?)
    }
}

/// What of an alert the inbox needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub seq: u64,
    /// Id of the event in the index.
    pub id: String,
    /// Microseconds since 1970.
    pub timestamp: i64,
    pub gid: u64,
    pub sid: u64,
    pub signature: String,
    pub category: String,
    pub severity: u64,
    pub src_ip: Option<IpAddr>,
    pub dest_ip: Option<IpAddr>,
    /// Who did it: whom the rule says (`target`), or else who began the flow. An alert on an answer comes from the other.
    pub attacker: Option<IpAddr>,
    pub app_proto: Option<String>,
    /// ATT&CK technique, from the rule's metadata.
    pub technique: Option<String>,
}

impl Alert {
    pub(crate) fn of(stream: &Stream, seq: u64, event: &Event) -> Alert {
        let text = |path| event.str(path).map(str::to_owned);
        Alert {
            seq,
            id: stream.event_id(seq),
            timestamp: event.timestamp(),
            gid: event.u64("alert.gid").unwrap_or(1),
            sid: event.u64("alert.signature_id").unwrap_or(0),
            signature: text("alert.signature").unwrap_or_default(),
            category: text("alert.category").unwrap_or_default(),
            severity: event.u64("alert.severity").unwrap_or(3),
            src_ip: event.ip("src_ip"),
            dest_ip: event.ip("dest_ip"),
            attacker: event
                .ip("alert.source.ip")
                .or_else(|| event.ip("flow.src_ip")),
            app_proto: text("app_proto"),
            technique: event
                .root()
                .path("alert.metadata.mitre_technique_id")
                .and_then(first_text),
        }
    }
}

/// A text, or the first text of a list.
fn first_text(json: Json<'_>) -> Option<String> {
    match json.kind() {
        JsonKind::Text(text) => Some(text.to_owned()),
        JsonKind::Array(mut items) => items.next()?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The alert inbox. It is told of the streams of class [`Class::Alert`].
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// Counts alerts of a stream, and raises the stream's mark to `through`, in one transaction. Alerts
    /// at or below the mark are skipped.
    async fn apply(
        &self,
        stream: &Stream,
        alerts: Vec<Alert>,
        through: u64,
    ) -> Result<(), PortError>;
}

/// A record that rules match, on its way to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    pub seq: u64,
    /// Microseconds since 1970.
    pub timestamp: i64,
    pub text: String,
}

/// Rules that a sensor runs over its records itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SensorRules {
    /// Since when, Unix milliseconds by the sensor's clock.
    pub since_ms: u64,
    /// Signature ids, sorted.
    pub sids: Vec<u32>,
}

impl SensorRules {
    /// Whether the sensor has run a rule over a record of this time, in Unix milliseconds.
    pub fn runs(&self, sid: u32, at_ms: i64) -> bool {
        let since = i64::try_from(self.since_ms).unwrap_or(i64::MAX);
        at_ms >= since && self.sids.binary_search(&sid).is_ok()
    }
}

/// Rules over records as they are stored.
#[async_trait]
pub trait Judge: Send + Sync + 'static {
    /// The records that rules match. Blocks, and remembers nothing: they are not stored yet.
    fn sift(&self, events: &[(u64, Event)]) -> Vec<Matched>;

    /// Judges records of a stream that are stored, in the order of their numbers, and keeps what comes of it. They
    /// may come again, also after an error: each counts once.
    async fn judge(
        &self,
        stream: &Stream,
        matched: Vec<Matched>,
        through: u64,
    ) -> Result<(), PortError>;

    /// Everything that was judged is acknowledged: what is remembered can be kept.
    async fn settled(&self);

    /// What these rules find in the sensor's records, the sensor tells itself.
    fn runs_itself(&self, sensor: &str, rules: SensorRules);
}

/// What of a stream the state contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamMarks {
    /// Through which number alerts are grouped.
    pub grouped: u64,
    /// Through which number records are counted in the ledger.
    pub counted: u64,
}

impl StreamMarks {
    /// Through which number the stream is dealt with here. Only alerts go to the inbox.
    pub(crate) fn lowest(self, class: Class) -> u64 {
        match class {
            Class::Alert => self.grouped.min(self.counted),
            _ => self.counted,
        }
    }
}

/// A heartbeat as it arrived.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub sensor: String,
    pub epoch: u64,
    pub sensor_version: String,
    pub ruleset_hash: String,
    pub remote_addr: String,
    /// The sensor's clock, Unix milliseconds.
    pub sent_ms: u64,
    /// The collector's clock, Unix milliseconds.
    pub received_ms: u64,
    /// A JSON object.
    pub stats: String,
    pub ledger: Vec<LedgerRow>,
    pub spool: Spool,
    /// Of the rules that are published to it; absent: it takes none.
    pub rules: Option<RulesState>,
}

/// What a sensor made of published rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RulesState {
    /// Of the text that it runs; empty for none.
    pub hash: String,
    /// Of the text that it refused last, and why.
    pub refused: Option<(String, String)>,
}

/// Rules that a sensor is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRules {
    pub hash: String,
    pub text: String,
}

/// A sensor's spool, as a heartbeat tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spool {
    pub bytes: u64,
    pub budget_bytes: u64,
    pub backlog: Vec<Backlog>,
    pub canary: Option<CanaryMade>,
}

/// What of a class waits in a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub class: &'static str,
    pub records: u64,
    pub last_seq: u64,
    pub sent_seq: u64,
    pub acked_seq: u64,
    pub oldest_hour: u64,
}

/// A sensor's newest canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryMade {
    pub made_ms: u64,
    pub spooled_seq: u64,
    pub every_ms: u64,
}

/// A sensor's totals of one hour and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    pub hour: u64,
    pub class: &'static str,
    pub made: u64,
    pub sent: u64,
    pub acked: u64,
    pub shed: BTreeMap<String, u64>,
}

/// What became of a stretch of a stream here, by the hour in which the sensor made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCounts {
    pub hour: u64,
    pub stored: u64,
    pub rejected: u64,
}

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    pub seq: u64,
    pub reason: String,
    pub line: Vec<u8>,
}

/// Sensors, their enrolment and their ledger.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Whether the sensor is enrolled, and not revoked.
    async fn may_deliver(&self, sensor: &str) -> Result<bool, PortError>;

    /// The sensor's stream opened or closed.
    async fn connected(
        &self,
        sensor: &str,
        remote_addr: &str,
        connected: bool,
    ) -> Result<(), PortError>;

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), PortError>;

    /// The rules that the sensor is to run, unless it runs them or has refused them.
    async fn rules_for(
        &self,
        sensor: &str,
        state: &RulesState,
    ) -> Result<Option<PublishedRules>, PortError>;

    /// What the sensor may send, where the centre sets it; none: what its own configuration says.
    async fn link_budget(&self, _sensor: &str) -> Result<Option<wire::LinkBudget>, PortError> {
        Ok(None)
    }

    async fn marks(&self, stream: &Stream) -> Result<StreamMarks, PortError>;

    /// Adds to the ledger, once: nothing when the stream is counted through `through` already.
    async fn count(
        &self,
        stream: &Stream,
        counts: &[HourCounts],
        through: u64,
    ) -> Result<(), PortError>;

    /// A canary of a sensor came as far as the inbox. `made_ms` is by the sensor's clock.
    async fn canary(&self, sensor: &str, made_ms: u64) -> Result<(), PortError>;

    /// Keeps refused lines; the same line again changes nothing.
    async fn quarantine(&self, stream: &Stream, lines: &[RefusedLine]) -> Result<(), PortError>;

    /// Whether a token could enrol a sensor now.
    async fn token_is_open(&self, token: &str) -> Result<bool, PortError>;

    /// Spends a token; `None` when it does not work. Returns the id of the new sensor.
    async fn enrol(&self, token: &str, hostname: &str) -> Result<Option<String>, PortError>;

    /// Notes the SHA-256 of the certificate that a sensor was given.
    async fn certificate(&self, sensor: &str, fingerprint: &str) -> Result<(), PortError>;
}
