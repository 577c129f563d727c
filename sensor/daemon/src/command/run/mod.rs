//! `run`: capture, detect, ship, as a configuration says.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use sensor_capture::{CaptureFile, Card, LiveCapture, LiveOptions, Received};
use sensor_evidence::Ring;
use sensor_ship::{
    EvidenceSource, Identity, RulesDesk, Shipper, ShipperOptions, Spool, SpoolLimits,
};
use serde::{Deserialize, Serialize};

use crate::confine::{self, Extent, Needs};
use crate::evidence::{self, RawEvidence};
use crate::health::finding::Finding;
use crate::health::status::HomeNetState;
use crate::health::{Board, Delivery, Interface, Observer, Sources, socket};
use crate::output::Alerting;
use crate::published::Published;
use crate::reload::{self, Follower, OnFault, Reloader, Rules};
use crate::ruleset::{self, Ruleset};
use crate::settings::{Checksums, Settings};
use crate::sigma;
use crate::sigma_told::SigmaTold;
use crate::worker::{Shared, Tally, Worker};

/// Frames between two looks at the clock and the counters.
const BATCH: u64 = 256;

/// Between two `stats` records; a thin link carries them easily.
const STATS_INTERVAL: Duration = Duration::from_secs(60);

/// Between two canaries.
const CANARY_SECONDS: u64 = 300;

#[derive(clap::Args)]
pub struct Args {
    /// Configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    state_dir: PathBuf,
    #[serde(default)]
    input: RawInput,
    #[serde(default)]
    rules: RawRules,
    #[serde(default)]
    set: toml::Table,
    #[serde(default)]
    spool: RawSpool,
    #[serde(default)]
    evidence: RawEvidence,
    #[serde(default)]
    canary: RawCanary,
    #[serde(default)]
    run: RawRun,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawInput {
    interface: Option<String>,
    filter: Option<String>,
    workers: Option<u16>,
    #[serde(default)]
    files: Vec<PathBuf>,
    #[serde(default)]
    repeat: bool,
    #[serde(default)]
    rebase_time: bool,
    /// Frames a second for files; none: as fast as possible.
    frames_per_second: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRules {
    #[serde(default)]
    paths: Vec<PathBuf>,
    /// Sigma rules.
    #[serde(default)]
    sigma: Vec<PathBuf>,
    /// `skip`: sound rules load without the others. `refuse`: the rules before go on; at the start, nothing starts.
    #[serde(default, rename = "on-fault")]
    on_fault: RawOnFault,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawOnFault {
    #[default]
    Skip,
    Refuse,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSpool {
    disk_megabytes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawCanary {
    /// Pause between canaries; 0: none.
    seconds: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRun {
    /// Who the sensor is once its capture handles are open.
    user: Option<String>,
    /// `full`, or `none` to find out whether a fault comes from it.
    #[serde(default)]
    confinement: Extent,
}

/// A checked configuration.
pub struct Config {
    pub state_dir: PathBuf,
    pub interface: Option<String>,
    pub filter: Option<String>,
    workers: u16,
    pub files: Vec<PathBuf>,
    repeat: bool,
    rebase_time: bool,
    frames_per_second: Option<u64>,
    pub rules: Vec<PathBuf>,
    pub sigma: Vec<PathBuf>,
    on_fault: OnFault,
    pub settings: Settings,
    spool: SpoolLimits,
    /// None: no frames are kept.
    evidence: Option<sensor_evidence::Options>,
    /// Bytes a second that evidence may take of the link.
    evidence_link: u64,
    canary: Option<Duration>,
    user: Option<String>,
    pub confinement: Extent,
}

impl Config {
    /// # Errors
    /// When the file cannot be read, or says something that makes no sense.
    pub fn read(path: &Path) -> anyhow::Result<Config> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let raw: RawConfig = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let mut settings = Settings {
            checksums: Checksums::Auto,
            facts: true,
            netflow: false,
            stats_interval: Some(STATS_INTERVAL),
            force_magic: false,
            ..Settings::default()
        };
        for (key, value) in &raw.set {
            let value = match value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            settings
                .apply(&format!("{key}={value}"))
                .map_err(anyhow::Error::msg)
                .context("[set]")?;
        }
        if raw.input.interface.is_some() != raw.input.files.is_empty() {
            bail!(
                "{}: [input] names either an interface or files",
                path.display()
            );
        }
        let mut spool = SpoolLimits::default();
        if let Some(megabytes) = raw.spool.disk_megabytes {
            spool.disk_bytes = megabytes << 20;
        }
        Ok(Config {
            state_dir: raw.state_dir,
            interface: raw.input.interface,
            filter: raw.input.filter,
            workers: raw.input.workers.unwrap_or(1).max(1),
            files: raw.input.files,
            repeat: raw.input.repeat,
            rebase_time: raw.input.rebase_time,
            frames_per_second: raw.input.frames_per_second,
            rules: raw.rules.paths,
            sigma: raw.rules.sigma,
            on_fault: match raw.rules.on_fault {
                RawOnFault::Skip => OnFault::Skip,
                RawOnFault::Refuse => OnFault::Refuse,
            },
            settings,
            spool,
            evidence: raw.evidence.check().context("[evidence]")?,
            evidence_link: raw.evidence.link_bytes_per_second(),
            canary: Some(Duration::from_secs(
                raw.canary.seconds.unwrap_or(CANARY_SECONDS),
            ))
            .filter(|pause| !pause.is_zero()),
            user: raw.run.user,
            confinement: raw.run.confinement,
        })
    }

    /// The evidence ring, if frames are to be kept. Without a disk for it the watch goes on.
    fn open_ring(&self) -> Option<Arc<Ring>> {
        let folder = self.state_dir.join("evidence");
        let ring = Ring::open(&folder, self.evidence?, self.workers.into());
        ring.map(Arc::new)
            .inspect_err(|error| tracing::error!(%error, "no evidence is kept"))
            .ok()
    }

    /// A handle a worker, when it is an interface that is watched.
    fn open_captures(&self) -> Result<Vec<LiveCapture>, sensor_capture::Error> {
        let Some(interface) = &self.interface else {
            return Ok(Vec::new());
        };
        let options = LiveOptions {
            filter: self.filter.clone(),
            fanout_group: (self.workers > 1).then(|| std::process::id() as u16),
            ..LiveOptions::new(interface)
        };
        (0..self.workers)
            .map(|_| LiveCapture::open(&options))
            .collect()
    }

    /// What the confined sensor has to reach, now and when it reads this file again.
    pub fn needs(&self, path: &Path, collector: &str, kept_files: Vec<PathBuf>) -> Needs {
        let reputation = &self.settings.reputation;
        let single = [
            Some(path),
            self.settings.threshold_file.as_deref(),
            reputation.categories.as_deref(),
            reputation.countries.as_deref(),
        ];
        let rules = self
            .rules
            .iter()
            .chain(&self.sigma)
            .chain(&self.settings.sigma_pipelines)
            .map(PathBuf::as_path);
        // Who changes a file often writes a new one in its place, and rules name files beside them.
        let mut readable: Vec<PathBuf> = single
            .into_iter()
            .flatten()
            .chain(reputation.lists.iter().map(PathBuf::as_path))
            .chain(rules)
            .map(folder_of)
            .collect();
        readable.extend(reputation.folder.clone());
        readable.extend(self.files.iter().cloned());
        Needs {
            user: self.user.clone(),
            state_dir: self.state_dir.clone(),
            kept_files,
            readable,
            collector: collector.to_owned(),
            interface: self.interface.clone(),
        }
    }
}

/// The folder itself, or the one in which a file is.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        _ if path.is_dir() => path.to_owned(),
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What heartbeats tell of the sensor itself.
#[derive(Default)]
struct Vitals {
    packets: AtomicU64,
    bytes: AtomicU64,
    kernel_drops: AtomicU64,
    interface_drops: AtomicU64,
    input_done: AtomicBool,
}

impl Vitals {
    /// Packets lost in the kernel's ring, and at the card.
    fn drops(&self) -> (u64, u64) {
        (
            self.kernel_drops.load(Ordering::Relaxed),
            self.interface_drops.load(Ordering::Relaxed),
        )
    }
}

#[derive(Serialize)]
struct VitalsReport {
    uptime_s: u64,
    packets: u64,
    bytes: u64,
    kernel_drops: u64,
    interface_drops: u64,
    engine_drops: u64,
    rules_loaded: usize,
    rules_failed: usize,
    /// Times that rules took the place of others since the start, and that they were refused.
    rules_reloads: u64,
    rules_refusals: u64,
    memory_bytes: u64,
    input_done: bool,
    evidence: Option<evidence::Report>,
    /// What is wrong, by code; the console has the words.
    findings: Vec<Finding>,
}

/// The rules of a configuration with the published ones, to take the place of an engine that runs.
fn rules_of(
    config: &Config,
    published: &Published,
    before: Option<&sensor_detect::Engine>,
) -> anyhow::Result<Ruleset> {
    published.load(config.on_fault, |file| {
        let mut paths = config.rules.clone();
        paths.extend(file.map(Path::to_owned));
        let mut rules = ruleset::compile_to_run(&paths, &config.settings, before)?;
        if !config.sigma.is_empty() {
            rules.join(sigma::load(&config.sigma, &config.settings)?);
        }
        Ok(rules)
    })
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let published = Arc::new(Published::new(&config.state_dir));
    let compiled = rules_of(&config, &published, None)?;
    reload::accept(&compiled, config.on_fault).context("[rules] on-fault = \"refuse\"")?;
    let rules = Arc::new(Rules::new(&compiled));
    drop(compiled);
    let identity = Identity::load(&config.state_dir)?;
    let captures = config.open_captures()?;
    let card = config
        .interface
        .as_deref()
        .and_then(|name| Card::open(name).ok());
    let listener = socket::listen(&config.state_dir)?;
    // Before there is another thread: what is given up is given up by all.
    let gaps = match config.confinement {
        Extent::Full => {
            let kept = rules.running().engine.kept_files();
            let state = confine::confine(&config.needs(&args.config, &identity.address, kept))?;
            state.tell();
            state.gaps
        }
        Extent::None => {
            let gap = "[run] confinement = \"none\": all privileges are kept";
            tracing::warn!("{gap}");
            vec![gap.to_owned()]
        }
    };
    let spool = Arc::new(Spool::open(&config.state_dir, config.spool.clone())?);
    let ring = config.open_ring();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let hangup = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&hangup))?;
    let path = args.config.clone();
    let offered = Arc::clone(&published);
    let load = move |engine: &sensor_detect::Engine| {
        // What else the file says holds from the next start on.
        let config = Config::read(&path)?;
        Ok((rules_of(&config, &offered, Some(engine))?, config.on_fault))
    };
    let (reloader, reloading) = Reloader::start(
        Arc::clone(&rules),
        Box::new(load),
        hangup,
        Arc::clone(&stop),
    );
    let vitals = Arc::new(Vitals::default());
    let shipping = Arc::new(OnceLock::new());
    let board = Arc::new(Board::new(config.workers));
    let observer = Arc::new(Observer::new(Sources {
        interface: config.interface.clone(),
        card,
        workers: config.workers,
        state_dir: config.state_dir.clone(),
        board: Arc::clone(&board),
        drops: {
            let vitals = Arc::clone(&vitals);
            Arc::new(move || vitals.drops())
        },
        rules: Arc::clone(&rules),
        home_net: HomeNetState::of(&config.settings),
        delivery: Some(Delivery {
            address: identity.address.clone(),
            certificate_ends_ms: identity
                .certificate_ends()
                .inspect_err(|error| tracing::warn!("{error}"))
                .ok()
                .map(|seconds| seconds.saturating_mul(1_000)),
            spool: Arc::clone(&spool),
            shipper: Arc::clone(&shipping),
        }),
        confinement_gaps: gaps,
    }));
    let options = ShipperOptions {
        evidence: ring.clone().map(|ring| EvidenceSource {
            ring,
            bytes_per_second: config.evidence_link,
        }),
        sigma: {
            let in_use = SigmaTold::open(
                &config.state_dir,
                config.interface.is_none(),
                rules.running().sigma.as_deref(),
            );
            let rules = Arc::clone(&rules);
            Arc::new(move || in_use.now(rules.running().sigma.as_deref()))
        },
        rules: Some(rules_desk(&published, &rules, &reloader)),
        ..shipper_options(&vitals, &rules, &observer, reloader, ring.clone())
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let shipper = Arc::new(Shipper::new(&spool, identity, options));
    let _ = shipping.set(Arc::clone(&shipper));
    {
        let (noting, answering) = (Arc::clone(&observer), Arc::clone(&observer));
        runtime.spawn(async move { noting.keep_noting().await });
        runtime.spawn(async move {
            if let Err(error) = socket::answer(listener, answering).await {
                tracing::error!(%error, "status socket");
            }
        });
    }
    let running = {
        let (shipper, stop) = (Arc::clone(&shipper), Arc::clone(&stop));
        runtime.spawn(async move { shipper.run(stopped(stop)).await })
    };
    if let Some(every) = config.canary {
        let spool = Arc::clone(&spool);
        runtime.spawn(async move { spool.sing(every).await });
    }
    let config = Arc::new(config);
    let kept = Kept {
        recorder: Alerting::new(spool.handle(), &board),
        ring: ring.as_deref(),
    };
    let result = match &config.interface {
        Some(interface) => live(&config, interface, captures, &rules, &kept, &stop, &vitals),
        None => files(&config, &rules, &kept, &stop, &vitals),
    };
    if let Some(ring) = &ring {
        ring.flush();
    }
    vitals.input_done.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        spool.flush().await;
        if result.is_ok() && !stop.load(Ordering::Relaxed) {
            tracing::info!("input has ended; waiting for orders until stopped");
        }
        // Heartbeats go on until somebody stops the sensor.
        let _ = running.await;
    });
    if let Some(ring) = &ring {
        ring.close();
    }
    if reloading.join().is_err() {
        tracing::error!("the thread that reloads rules has failed");
    }
    if let Err(error) = rules.running().engine.save_datasets() {
        tracing::warn!("{error}");
    }
    result.map(|()| ExitCode::SUCCESS)
}

/// What the collector may order.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
enum Order {
    ReloadRules,
}

fn obey(order: &[u8], reloader: &Reloader) {
    match serde_json::from_slice(order) {
        // What comes of it is in the log and in the heartbeats.
        Ok(Order::ReloadRules) => drop(reloader.reload()),
        Err(error) => tracing::warn!("an order that this sensor does not know: {error}"),
    }
}

/// Where published rules go, and what is told of them.
fn rules_desk(published: &Arc<Published>, rules: &Arc<Rules>, reloader: &Reloader) -> RulesDesk {
    let (taker, teller) = (Arc::clone(published), Arc::clone(published));
    let (rules, reloader) = (Arc::clone(rules), reloader.clone());
    RulesDesk {
        take: Arc::new(move |text| {
            taker.offer(text);
            // What comes of it is told with the heartbeats.
            drop(reloader.reload());
        }),
        state: Arc::new(move || teller.state(&rules.running().published)),
    }
}

fn shipper_options(
    vitals: &Arc<Vitals>,
    rules: &Arc<Rules>,
    observer: &Arc<Observer>,
    reloader: Reloader,
    ring: Option<Arc<Ring>>,
) -> ShipperOptions {
    let started = Instant::now();
    let vitals = Arc::clone(vitals);
    let (running, named) = (Arc::clone(rules), Arc::clone(rules));
    // The observer looks at the shipper in turn; neither shall keep the other.
    let observer = Arc::downgrade(observer);
    ShipperOptions {
        hostname: hostname::get()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        stats: Arc::new(move || {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let rules = running.running();
            let (rules_reloads, rules_refusals) = running.counts();
            let report = VitalsReport {
                uptime_s: started.elapsed().as_secs(),
                packets: count(&vitals.packets),
                bytes: count(&vitals.bytes),
                kernel_drops: count(&vitals.kernel_drops),
                interface_drops: count(&vitals.interface_drops),
                engine_drops: 0,
                rules_loaded: rules.loaded,
                rules_failed: rules.failed,
                rules_reloads,
                rules_refusals,
                memory_bytes: crate::console::resident_bytes(),
                input_done: vitals.input_done.load(Ordering::Relaxed),
                evidence: ring.as_deref().map(evidence::report),
                findings: observer
                    .upgrade()
                    .map(|observer| observer.status().findings)
                    .unwrap_or_default(),
            };
            serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned())
        }),
        ruleset_hash: Arc::new(move || named.running().hash.clone()),
        command: Arc::new(move |order| obey(order, &reloader)),
        ..ShipperOptions::default()
    }
}

pub async fn stopped(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
}

/// Where workers leave what they see.
struct Kept<'a> {
    recorder: Alerting,
    ring: Option<&'a Ring>,
}

fn live(
    config: &Arc<Config>,
    interface: &str,
    captures: Vec<LiveCapture>,
    rules: &Rules,
    kept: &Kept<'_>,
    stop: &Arc<AtomicBool>,
    vitals: &Arc<Vitals>,
) -> anyhow::Result<()> {
    tracing::info!(interface, workers = config.workers, "capturing");
    let failure = Arc::new(Mutex::new(None));
    let shared = Shared::default();
    std::thread::scope(|scope| {
        for (number, capture) in captures.into_iter().enumerate() {
            let settings = Arc::new(config.settings.clone());
            let (running, follower) = rules.follow();
            let mut worker = Worker::new(
                number as u16,
                settings,
                Some(Arc::clone(&running.engine)),
                Some(interface.to_owned()),
                kept.recorder.clone(),
            );
            worker.share(&shared);
            if let Some(ring) = kept.ring {
                worker.keep_evidence(ring.tap());
            }
            worker.set_sigma(running.sigma.as_ref());
            worker.carry_on(Tally::default(), Interface::look(interface, None).mtu);
            let (stop, vitals, failure) =
                (Arc::clone(stop), Arc::clone(vitals), Arc::clone(&failure));
            let telling = (number as u16, Arc::clone(kept.recorder.board()));
            scope.spawn(move || {
                if let Err(error) = watch(capture, worker, follower, &stop, &vitals, telling) {
                    stop.store(true, Ordering::Relaxed);
                    *failure
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error);
                }
            });
        }
    });
    match failure
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take()
    {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// One worker on one handle.
fn watch(
    mut capture: LiveCapture,
    mut worker: Worker<Alerting>,
    mut follower: Follower,
    stop: &AtomicBool,
    vitals: &Vitals,
    (number, board): (u16, Arc<Board>),
) -> Result<(), sensor_capture::Error> {
    let mut told = sensor_capture::DropCounts::default();
    let mut since = 0;
    while !stop.load(Ordering::Relaxed) {
        if let Some(running) = follower.other() {
            worker.replace_all(&running);
        }
        let quiet = match capture.receive()? {
            Received::Frame(frame) => {
                vitals.packets.fetch_add(1, Ordering::Relaxed);
                vitals
                    .bytes
                    .fetch_add(u64::from(frame.wire_length), Ordering::Relaxed);
                worker.frame(&frame);
                false
            }
            Received::Quiet => {
                worker.idle(now_ns());
                true
            }
        };
        since += 1;
        if quiet || since >= BATCH {
            since = 0;
            let drops = capture.drops();
            vitals
                .kernel_drops
                .fetch_add(drops.ring.saturating_sub(told.ring), Ordering::Relaxed);
            vitals.interface_drops.fetch_add(
                drops.interface.saturating_sub(told.interface),
                Ordering::Relaxed,
            );
            told = drops;
            board.tell(number, &mut worker);
        }
    }
    worker.finish();
    Ok(())
}

fn files(
    config: &Arc<Config>,
    rules: &Rules,
    kept: &Kept<'_>,
    stop: &AtomicBool,
    vitals: &Vitals,
) -> anyhow::Result<()> {
    let settings = Arc::new(config.settings.clone());
    let board = kept.recorder.board();
    loop {
        for path in &config.files {
            let (running, mut follower) = rules.follow();
            let mut worker = Worker::new(
                0,
                Arc::clone(&settings),
                Some(Arc::clone(&running.engine)),
                None,
                kept.recorder.clone(),
            );
            worker.set_sigma(running.sigma.as_ref());
            if let Some(ring) = kept.ring {
                worker.keep_evidence(ring.tap());
            }
            worker.carry_on(board.of(0), None);
            let mut capture = CaptureFile::open(path)?;
            let mut shift = None;
            let mut paced = 0;
            let started = Instant::now();
            loop {
                let mut frame = match capture.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!("{error}");
                        break;
                    }
                };
                if stop.load(Ordering::Relaxed) {
                    worker.finish();
                    return Ok(());
                }
                if let Some(running) = follower.other() {
                    worker.replace_all(&running);
                }
                if config.rebase_time {
                    let shift = *shift.get_or_insert_with(|| now_ns() - frame.timestamp_ns);
                    frame.timestamp_ns += shift;
                }
                vitals.packets.fetch_add(1, Ordering::Relaxed);
                vitals
                    .bytes
                    .fetch_add(u64::from(frame.wire_length), Ordering::Relaxed);
                worker.frame(&frame);
                paced += 1;
                if paced % BATCH == 0 {
                    board.tell(0, &mut worker);
                }
                if let Some(rate) = config.frames_per_second.filter(|rate| *rate > 0) {
                    let due = Duration::from_secs_f64(paced as f64 / rate as f64);
                    if let Some(early) = due.checked_sub(started.elapsed()) {
                        std::thread::sleep(early);
                    }
                }
            }
            // Without a frame there is no time at which to tell anything.
            if paced > 0 {
                worker.finish();
                board.tell(0, &mut worker);
            }
        }
        if !config.repeat {
            return Ok(());
        }
    }
}
