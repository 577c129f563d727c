//! Rules over records as they are stored, and their alerts on their way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use collector_index::{Event, Stream};
use collector_ingest::{Intake, Judge, Matched, Numbering, PortError, SensorRules};
use collector_state::{Judged, SigmaAlert, Store, UnixMillis};
use rules::sigma::{
    Correlated, Details, Detector, FileDiagnostic, Finding, ORIGINS, Origin, Pipeline, Ruleset,
    Scratch, SharedState, Told, is_judged,
};
use rules::signature::{SourceFile, TextHash};

use crate::memory::{self, MEMORY_BYTES, Origins};
use crate::record::{self, Place};

/// Alerts of one rule in one minute; more are counted only, for a rule that fires on everything would store
/// everything twice.
const ALERTS_A_MINUTE: u32 = 1_000;
/// Streams whose judging is remembered between commits.
const STREAMS: usize = 16_384;
/// What correlations remember is kept this often.
const KEEP_MS: i64 = 60_000;
/// Windows that wait for their end are judged this long after it: records come late.
const LATE_NS: i64 = 60_000_000_000;
/// Pause between looks at such windows.
const TICK: Duration = Duration::from_secs(1);
/// Alerts that are handed to ingest at a time.
const HANDED_OVER: u32 = 1_000;
/// Pause after alerts could not be handed over.
const PAUSE: Duration = Duration::from_secs(2);

/// What is run.
pub struct Options {
    pub sources: Vec<SourceFile>,
    pub pipeline: Pipeline,
    pub clock: fn() -> UnixMillis,
}

/// What has become of records since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Looked at, and matched by some rule.
    pub records: u64,
    pub matched: u64,
    /// Kept, to be stored and grouped.
    pub alerts: u64,
    /// Not made, because the sensor makes them itself.
    pub left_to_sensors: u64,
    /// Not made, because the rule had made too many in that minute.
    pub thinned: u64,
    /// Groups of correlations forgotten for want of room, and records that came too late for theirs.
    pub forgotten: u64,
    pub late: u64,
}

#[derive(Default)]
struct Counters {
    records: AtomicU64,
    matched: AtomicU64,
    alerts: AtomicU64,
    left_to_sensors: AtomicU64,
    thinned: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

/// See the crate's documentation.
pub struct LiveRules {
    store: Store,
    loaded: RwLock<Arc<Loaded>>,
    clock: fn() -> UnixMillis,
    sifting: Mutex<Scratch>,
    judging: Mutex<Judging>,
    /// Held while alerts are numbered and kept.
    numbering: tokio::sync::Mutex<Numbers>,
    kept: tokio::sync::Notify,
    counters: Counters,
}

/// Rules that run, until others are loaded.
struct Loaded {
    ruleset: Arc<Ruleset>,
    pipeline: Pipeline,
    /// Which rules these are.
    hash: String,
    rules: Vec<Told>,
    correlations: Vec<Told>,
    state: SharedState,
    at: UnixMillis,
}

/// Which rules run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Of the rules' text and of how it is read.
    pub hash: String,
    pub loaded_at: UnixMillis,
    pub rules: usize,
    pub correlations: usize,
    /// Rules for whose log source no records are known.
    pub waiting: usize,
    /// Documents that are refused.
    pub failed: usize,
    pub diagnostics: Vec<FileDiagnostic>,
}

impl Loaded {
    /// Loads rules; what is faulty in them is told in the log.
    fn of(options: &Options) -> Loaded {
        let Options {
            sources,
            pipeline,
            clock,
        } = options;
        let ruleset = Arc::new(rules::sigma::load(sources, pipeline));
        for own in &ruleset.diagnostics {
            tracing::warn!("{}:{}", own.file, own.diagnostic);
        }
        let hash = memory_key(sources, pipeline);
        tracing::info!(
            loaded = ruleset.rules.len(),
            correlations = ruleset.correlations.len(),
            waiting = ruleset.rules.len() - ruleset.running(),
            failed = ruleset.refused,
            hash,
            "Sigma rules"
        );
        let (rules, correlations) = Told::all(&ruleset);
        Loaded {
            ruleset,
            pipeline: pipeline.clone(),
            hash,
            rules,
            correlations,
            state: SharedState::default(),
            at: clock(),
        }
    }
}

struct Judging {
    /// What the detector was made of.
    loaded: Arc<Loaded>,
    detector: Detector,
    origins: Origins,
    /// Through which number streams are judged, whatever of it is kept.
    through: HashMap<Stream, u64>,
    /// Alerts that are not kept yet, by stream; of windows that have ended, by none.
    drafts: HashMap<Option<Stream>, Vec<Draft>>,
    itself: HashMap<String, SensorRules>,
    minute: i64,
    made: HashMap<u32, u32>,
    remembered: UnixMillis,
    has_changed: bool,
}

/// An alert before it has a number.
#[derive(Debug, Clone)]
struct Draft {
    /// Whose records brought it about; empty: of so many that nobody knows.
    sensors: Vec<String>,
    line: String,
}

/// Numbers of the collector's own streams. Every run has an epoch of its own.
struct Numbers {
    epoch: u64,
    /// Last number by the collector's id in a unit.
    last: HashMap<String, u64>,
}

impl LiveRules {
    /// Loads the rules, and what their correlations remember.
    ///
    /// # Errors
    /// When the state store fails.
    pub async fn open(store: Store, options: Options) -> Result<LiveRules, PortError> {
        let mut loaded = Loaded::of(&options);
        let clock = options.clock;
        let remembered = store.sigma_memory(&loaded.hash).await?;
        let (origins, state) = remembered
            .and_then(|bytes| memory::read(&bytes))
            .unwrap_or_default();
        loaded.state = state;
        let loaded = Arc::new(loaded);
        let now = clock();
        Ok(LiveRules {
            judging: Mutex::new(Judging {
                detector: detector(&loaded),
                loaded: Arc::clone(&loaded),
                origins,
                through: HashMap::new(),
                drafts: HashMap::new(),
                itself: HashMap::new(),
                minute: 0,
                made: HashMap::new(),
                remembered: now,
                has_changed: false,
            }),
            numbering: tokio::sync::Mutex::new(Numbers {
                epoch: now.0.max(1).cast_unsigned(),
                last: HashMap::new(),
            }),
            store,
            loaded: RwLock::new(loaded),
            clock,
            sifting: Mutex::default(),
            kept: tokio::sync::Notify::new(),
            counters: Counters::default(),
        })
    }

    pub fn ruleset(&self) -> Arc<Ruleset> {
        Arc::clone(&self.loaded().ruleset)
    }

    /// How the rules read records.
    pub fn pipeline(&self) -> Pipeline {
        self.loaded().pipeline.clone()
    }

    pub fn running(&self) -> Running {
        let loaded = self.loaded();
        let ruleset = &loaded.ruleset;
        Running {
            hash: loaded.hash.clone(),
            loaded_at: loaded.at,
            rules: ruleset.rules.len(),
            correlations: ruleset.correlations.len(),
            waiting: ruleset.rules.len() - ruleset.running(),
            failed: ruleset.refused,
            diagnostics: ruleset.diagnostics.clone(),
        }
    }

    /// Runs other rules from the next record on. The same ones go on as they are; correlations of others begin anew.
    pub async fn reload(&self, options: Options) -> Result<Running, PortError> {
        // Loading is work.
        let loaded = tokio::task::spawn_blocking(move || Loaded::of(&options)).await?;
        if loaded.hash == self.loaded().hash {
            return Ok(self.running());
        }
        // What windows have come to until now, for when these rules come back.
        self.remember().await;
        let loaded = Arc::new(loaded);
        {
            let mut judging = self.judging();
            judging.detector = detector(&loaded);
            judging.loaded = Arc::clone(&loaded);
            judging.has_changed = false;
            let mut current = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
            *current = loaded;
        }
        Ok(self.running())
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (forgotten, late) = self.loaded().state.left_out();
        Counts {
            records: of(&self.counters.records),
            matched: of(&self.counters.matched),
            alerts: of(&self.counters.alerts),
            left_to_sensors: of(&self.counters.left_to_sensors),
            thinned: of(&self.counters.thinned),
            forgotten,
            late,
        }
    }

    /// Hands alerts to ingest as they come, and judges windows that have ended, until the future is dropped.
    pub async fn deliver(&self, intake: &Intake) {
        loop {
            match self.hand_over(intake).await {
                Ok(0) => {
                    tokio::select! {
                        () = self.kept.notified() => {}
                        () = tokio::time::sleep(TICK) => self.tick().await,
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "alerts of Sigma rules wait");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Keeps what correlations remember; for the end, when ingest has stopped.
    pub async fn close(&self) {
        self.remember().await;
    }

    /// How many alerts were stored and grouped.
    async fn hand_over(&self, intake: &Intake) -> Result<usize, PortError> {
        let alerts = self.store.sigma_alerts(HANDED_OVER).await?;
        for run in alerts.chunk_by(|one, next| {
            (&one.sensor_id, one.epoch, one.seq + 1) == (&next.sensor_id, next.epoch, next.seq)
        }) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let numbering = Numbering {
                epoch: first.epoch,
                first: first.seq,
            };
            let lines = run.iter().map(|alert| Ok(alert.line.clone().into_bytes()));
            intake
                .take(&first.sensor_id, Some(numbering), lines.collect())
                .await?;
            self.store
                .sigma_alerts_delivered(&first.sensor_id, first.epoch, last.seq)
                .await?;
        }
        Ok(alerts.len())
    }

    /// Windows that wait for their end are judged, whether or not records come.
    async fn tick(&self) {
        if !self.loaded().ruleset.correlates() {
            return;
        }
        {
            let now_ns = (self.clock)().0.saturating_mul(1_000_000);
            let mut judging = self.judging();
            let findings = judging
                .detector
                .advance(now_ns.saturating_sub(LATE_NS))
                .to_vec();
            for finding in &findings {
                self.draft_window(&mut judging, finding);
            }
        }
        if let Err(error) = self.keep(None).await {
            tracing::warn!(%error, "alerts of windows are not kept yet");
        }
    }

    fn judging(&self) -> MutexGuard<'_, Judging> {
        self.judging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the rules over one stored record.
    fn judge_one(&self, judging: &mut Judging, stream: &Stream, matched: &Matched) {
        let now_ns = (self.clock)().0.saturating_mul(1_000_000);
        let at_ns = matched.timestamp.saturating_mul(1_000).min(now_ns);
        let origin = judging.origins.of(&stream.sensor);
        let findings = judging
            .detector
            .run_from(&matched.text, Some(at_ns), origin)
            .map(<[Finding]>::to_vec);
        judging.has_changed = true;
        let findings = match findings {
            Ok(findings) => findings,
            Err(error) => {
                tracing::error!(%error, "a record could not be judged");
                return;
            }
        };
        let place = Place {
            sensor: stream.sensor.clone(),
            id: stream.event_id(matched.seq),
        };
        let loaded = Arc::clone(&judging.loaded);
        for finding in &findings {
            let details = Details::of(finding, &judging.detector);
            let (line, sensors) = match finding {
                Finding::Rule(index) => {
                    let Some(told) = loaded.rules.get(*index) else {
                        continue;
                    };
                    if self.is_left_to_sensor(judging, stream, told, matched)
                        || self.is_too_often(judging, told)
                    {
                        continue;
                    }
                    let line = record::of_rule(&matched.text, told, details, &place);
                    (line, vec![stream.sensor.clone()])
                }
                Finding::Correlation(found) => {
                    let Some(told) = loaded.correlations.get(found.correlation as usize) else {
                        continue;
                    };
                    // It is about other records.
                    if found.ended {
                        self.draft_window(judging, finding);
                        continue;
                    }
                    if found.origins == [origin]
                        && self.is_left_to_sensor(judging, stream, told, matched)
                        || self.is_too_often(judging, told)
                    {
                        continue;
                    }
                    let line = record::of_correlation(&matched.text, told, details, found, &place);
                    (line, sensors_of(judging, found))
                }
            };
            self.draft(judging, Some(stream.clone()), line, sensors);
        }
    }

    fn draft_window(&self, judging: &mut Judging, finding: &Finding) {
        let Finding::Correlation(found) = finding else {
            return;
        };
        let loaded = Arc::clone(&judging.loaded);
        let Some(told) = loaded.correlations.get(found.correlation as usize) else {
            return;
        };
        if let [only] = found.origins.as_slice() {
            let sensors = judging.origins.names(&[*only]);
            let runs = sensors.first().and_then(|name| judging.itself.get(name));
            if runs.is_some_and(|rules| rules.runs(told.sid, found.first_ns / 1_000_000)) {
                add(&self.counters.left_to_sensors, 1);
                return;
            }
        }
        if self.is_too_often(judging, told) {
            return;
        }
        let details = Details::of(finding, &judging.detector);
        let line = record::of_window(told, details, found);
        let sensors = sensors_of(judging, found);
        self.draft(judging, None, line, sensors);
    }

    fn draft(
        &self,
        judging: &mut Judging,
        stream: Option<Stream>,
        line: Option<String>,
        sensors: Vec<String>,
    ) {
        match line {
            Some(line) => {
                let drafts = judging.drafts.entry(stream).or_default();
                drafts.push(Draft { sensors, line });
            }
            None => tracing::error!("an alert could not be written"),
        }
    }

    fn is_left_to_sensor(
        &self,
        judging: &Judging,
        stream: &Stream,
        told: &Told,
        matched: &Matched,
    ) -> bool {
        let runs = judging.itself.get(&stream.sensor);
        let is_left =
            runs.is_some_and(|rules| rules.runs(told.sid, matched.timestamp.div_euclid(1_000)));
        add(&self.counters.left_to_sensors, usize::from(is_left));
        is_left
    }

    fn is_too_often(&self, judging: &mut Judging, told: &Told) -> bool {
        let minute = (self.clock)().0.div_euclid(60_000);
        if judging.minute != minute {
            judging.minute = minute;
            judging.made.clear();
        }
        let made = judging.made.entry(told.sid).or_insert(0);
        *made += 1;
        let is_too_often = *made > ALERTS_A_MINUTE;
        add(&self.counters.thinned, usize::from(is_too_often));
        is_too_often
    }

    /// Keeps the drafts of a stream, with how far it is judged.
    async fn keep(&self, stream: Option<&Stream>) -> Result<(), PortError> {
        let mut numbers = self.numbering.lock().await;
        let (drafts, through) = {
            let judging = self.judging();
            let drafts = judging.drafts.get(&stream.cloned());
            let drafts = drafts.cloned().unwrap_or_default();
            let through = stream.and_then(|stream| judging.through.get(stream).copied());
            (drafts, through)
        };
        if drafts.is_empty() {
            return Ok(());
        }
        let mut alerts = Vec::with_capacity(drafts.len());
        let mut last: HashMap<String, u64> = HashMap::new();
        for draft in &drafts {
            let unit = self.store.common_unit(&draft.sensors).await?;
            let sensor_id = self.store.collector_in(unit, (self.clock)()).await?;
            let before = numbers.last.get(&sensor_id).copied().unwrap_or(0);
            let seq = last.entry(sensor_id.clone()).or_insert(before);
            *seq += 1;
            alerts.push(SigmaAlert {
                sensor_id,
                epoch: numbers.epoch,
                seq: *seq,
                line: draft.line.clone(),
            });
        }
        let judged = stream.zip(through).map(|(stream, through_seq)| Judged {
            sensor_id: &stream.sensor,
            epoch: stream.epoch,
            class: stream.class.name(),
            through_seq,
        });
        self.store
            .keep_sigma_alerts(judged, &alerts, (self.clock)())
            .await?;
        numbers.last.extend(last);
        if let Some(kept) = self.judging().drafts.get_mut(&stream.cloned()) {
            kept.drain(..drafts.len());
        }
        self.judging().drafts.retain(|_, drafts| !drafts.is_empty());
        add(&self.counters.alerts, alerts.len());
        self.kept.notify_one();
        Ok(())
    }

    async fn remember(&self) {
        let now = (self.clock)();
        let (bytes, hash) = {
            let mut judging = self.judging();
            if !judging.has_changed || !judging.loaded.ruleset.correlates() {
                return;
            }
            judging.has_changed = false;
            judging.remembered = now;
            let bytes = memory::write(&judging.origins, &judging.loaded.state);
            (bytes, judging.loaded.hash.clone())
        };
        let kept = match bytes {
            Ok(bytes) if bytes.len() > MEMORY_BYTES => {
                tracing::warn!(
                    bytes = bytes.len(),
                    "correlations remember too much to be kept"
                );
                return;
            }
            Ok(bytes) => self.store.keep_sigma_memory(&hash, &bytes, now).await,
            Err(error) => {
                tracing::warn!(%error, "what correlations remember is not kept");
                return;
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "what correlations remember is not kept");
        }
    }
}

fn detector(loaded: &Loaded) -> Detector {
    Detector::new(Arc::clone(&loaded.ruleset), loaded.state.clone())
}

/// Memory is that of the same rules read in the same way.
fn memory_key(sources: &[SourceFile], pipeline: &Pipeline) -> String {
    let mut sources = sources.to_vec();
    sources.push(SourceFile {
        name: "pipeline".to_owned(),
        text: format!("{pipeline:?}"),
    });
    let mut hash = TextHash::default();
    hash.add(&sources);
    hash.hex()
}

fn sensors_of(judging: &Judging, found: &Correlated) -> Vec<String> {
    let origins: &[Origin] = &found.origins;
    if origins.len() >= ORIGINS {
        return Vec::new();
    }
    judging.origins.names(origins)
}

#[async_trait]
impl Judge for LiveRules {
    fn sift(&self, events: &[(u64, Event)]) -> Vec<Matched> {
        let loaded = self.loaded();
        let engine = loaded.ruleset.engine();
        let mut scratch = self.sifting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut matched = Vec::new();
        let mut looked_at = 0;
        for (seq, event) in events {
            let kind = event.str("event_type").unwrap_or_default();
            if !is_judged(kind) || !engine.wants(kind) {
                continue;
            }
            looked_at += 1;
            match engine.run(event.text(), &mut scratch) {
                Ok(()) if scratch.hits().is_empty() => {}
                Ok(()) => matched.push(Matched {
                    seq: *seq,
                    timestamp: event.timestamp(),
                    text: event.text().to_owned(),
                }),
                // Deeper than any record of ours: no rule sees it.
                Err(error) => tracing::debug!(%error, "a record is not looked at"),
            }
        }
        add(&self.counters.records, looked_at);
        add(&self.counters.matched, matched.len());
        matched
    }

    async fn judge(
        &self,
        stream: &Stream,
        matched: Vec<Matched>,
        through: u64,
    ) -> Result<(), PortError> {
        let known = self.judging().through.contains_key(stream);
        if !known {
            let class = stream.class.name();
            let mark = self
                .store
                .judged_through(&stream.sensor, stream.epoch, class)
                .await?;
            let mut judging = self.judging();
            if judging.through.len() >= STREAMS {
                // What is forgotten is read again.
                let waiting: Vec<Stream> = judging.drafts.keys().flatten().cloned().collect();
                judging.through.retain(|stream, _| waiting.contains(stream));
            }
            judging.through.insert(stream.clone(), mark);
        }
        {
            let mut judging = self.judging();
            let mark = judging.through.get(stream).copied().unwrap_or(0);
            for record in matched.iter().filter(|matched| matched.seq > mark) {
                self.judge_one(&mut judging, stream, record);
            }
            judging.through.insert(stream.clone(), mark.max(through));
        }
        self.keep(Some(stream)).await
    }

    async fn settled(&self) {
        let is_due = {
            let judging = self.judging();
            (self.clock)().0 - judging.remembered.0 >= KEEP_MS
        };
        if is_due {
            self.remember().await;
        }
    }

    fn runs_itself(&self, sensor: &str, rules: SensorRules) {
        self.judging().itself.insert(sensor.to_owned(), rules);
    }
}
