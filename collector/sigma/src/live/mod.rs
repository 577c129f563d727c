//! Rules over records as they are stored, and their alerts on their way.

mod delivery;
mod judging;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use collector_index::{Event, Stream};
use collector_ingest::{Judge, Matched, PortError, SensorRules};
use collector_state::{Store, UnixMillis};
use rules::sigma::{
    Detector, FileDiagnostic, Pipeline, Ruleset, Scratch, SharedState, Told, is_judged,
};
use rules::signature::{SourceFile, TextHash};

use crate::memory::{self, Origins};

/// Streams whose judging is remembered between commits.
const STREAMS: usize = 16_384;
/// What correlations remember is kept this often.
const KEEP_MS: i64 = 60_000;

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

    fn judging(&self) -> MutexGuard<'_, Judging> {
        self.judging.lock().unwrap_or_else(PoisonError::into_inner)
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
