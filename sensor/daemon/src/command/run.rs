//! `run`: capture, detect, ship, as a configuration says.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use sensor_capture::{CaptureFile, LiveCapture, LiveOptions, Received};
use sensor_detect::Engine;
use sensor_ship::{Identity, Recorder, Shipper, ShipperOptions, Spool, SpoolLimits};
use serde::{Deserialize, Serialize};

use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::worker::Worker;

/// Frames between two looks at the clock and the counters.
const BATCH: u64 = 256;

/// Between two `stats` records; a thin link carries them easily.
const STATS_INTERVAL: Duration = Duration::from_secs(60);

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
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSpool {
    disk_megabytes: Option<u64>,
}

/// A checked configuration.
pub struct Config {
    pub state_dir: PathBuf,
    pub interface: Option<String>,
    filter: Option<String>,
    workers: u16,
    pub files: Vec<PathBuf>,
    repeat: bool,
    rebase_time: bool,
    frames_per_second: Option<u64>,
    pub rules: Vec<PathBuf>,
    pub settings: Settings,
    spool: SpoolLimits,
}

impl Config {
    /// # Errors
    /// When the file cannot be read, or says something that makes no sense.
    pub fn read(path: &Path) -> anyhow::Result<Config> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let raw: RawConfig = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let mut settings = Settings {
            checksums: Checksums::Auto,
            netflow: false,
            stats_interval: Some(STATS_INTERVAL),
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
            settings,
            spool,
        })
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
    memory_bytes: u64,
    input_done: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let rules = ruleset::compile(&config.rules, &config.settings)?;
    for failure in &rules.failures {
        tracing::warn!("{failure}");
    }
    tracing::info!(
        loaded = rules.loaded,
        failed = rules.failures.len(),
        waiting = rules.engine.summary().waiting,
        "rules"
    );
    let identity = Identity::load(&config.state_dir)?;
    let spool = Spool::open(&config.state_dir, config.spool.clone())?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let vitals = Arc::new(Vitals::default());
    let options = shipper_options(&vitals, &rules);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let shipper = Arc::new(Shipper::new(&spool, identity, options));
    let running = {
        let (shipper, stop) = (Arc::clone(&shipper), Arc::clone(&stop));
        runtime.spawn(async move { shipper.run(stopped(stop)).await })
    };
    let config = Arc::new(config);
    let result = match &config.interface {
        Some(interface) => live(
            &config,
            interface,
            &rules.engine,
            &spool.handle(),
            &stop,
            &vitals,
        ),
        None => files(&config, &rules.engine, &spool.handle(), &stop, &vitals),
    };
    vitals.input_done.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        spool.flush().await;
        if result.is_ok() && !stop.load(Ordering::Relaxed) {
            tracing::info!("input has ended; waiting for orders until stopped");
        }
        // Heartbeats go on until somebody stops the sensor.
        let _ = running.await;
    });
    result.map(|()| ExitCode::SUCCESS)
}

fn shipper_options(vitals: &Arc<Vitals>, rules: &ruleset::Ruleset) -> ShipperOptions {
    let started = Instant::now();
    let vitals = Arc::clone(vitals);
    let (loaded, failed, hash) = (rules.loaded, rules.failures.len(), rules.hash.clone());
    ShipperOptions {
        hostname: hostname::get()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        stats: Arc::new(move || {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let report = VitalsReport {
                uptime_s: started.elapsed().as_secs(),
                packets: count(&vitals.packets),
                bytes: count(&vitals.bytes),
                kernel_drops: count(&vitals.kernel_drops),
                interface_drops: count(&vitals.interface_drops),
                engine_drops: 0,
                rules_loaded: loaded,
                rules_failed: failed,
                memory_bytes: resident_bytes(),
                input_done: vitals.input_done.load(Ordering::Relaxed),
            };
            serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned())
        }),
        ruleset_hash: Arc::new(move || hash.clone()),
        ..ShipperOptions::default()
    }
}

/// Resident memory, from /proc; 0 where there is none.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4_096;
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE_BYTES)
}

async fn stopped(stop: Arc<AtomicBool>) {
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

fn live(
    config: &Arc<Config>,
    interface: &str,
    engine: &Arc<Engine>,
    recorder: &Recorder,
    stop: &Arc<AtomicBool>,
    vitals: &Arc<Vitals>,
) -> anyhow::Result<()> {
    let group = (config.workers > 1).then(|| std::process::id() as u16);
    let mut captures = Vec::new();
    for _ in 0..config.workers {
        let options = LiveOptions {
            filter: config.filter.clone(),
            fanout_group: group,
            ..LiveOptions::new(interface)
        };
        captures.push(LiveCapture::open(&options)?);
    }
    tracing::info!(interface, workers = config.workers, "capturing");
    let failure = Arc::new(Mutex::new(None));
    let expectations = Arc::default();
    std::thread::scope(|scope| {
        for (number, capture) in captures.into_iter().enumerate() {
            let settings = Arc::new(config.settings.clone());
            let mut worker = Worker::new(
                number as u16,
                settings,
                Some(Arc::clone(engine)),
                Some(interface.to_owned()),
                recorder.clone(),
            );
            worker.share(&expectations);
            let (stop, vitals, failure) =
                (Arc::clone(stop), Arc::clone(vitals), Arc::clone(&failure));
            scope.spawn(move || {
                if let Err(error) = watch(capture, worker, &stop, &vitals) {
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
    mut worker: Worker<Recorder>,
    stop: &AtomicBool,
    vitals: &Vitals,
) -> Result<(), sensor_capture::Error> {
    let mut told = sensor_capture::DropCounts::default();
    let mut since = 0;
    while !stop.load(Ordering::Relaxed) {
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
        }
    }
    worker.finish();
    Ok(())
}

fn files(
    config: &Arc<Config>,
    engine: &Arc<Engine>,
    recorder: &Recorder,
    stop: &AtomicBool,
    vitals: &Vitals,
) -> anyhow::Result<()> {
    let settings = Arc::new(config.settings.clone());
    loop {
        for path in &config.files {
            let mut worker = Worker::new(
                0,
                Arc::clone(&settings),
                Some(Arc::clone(engine)),
                None,
                recorder.clone(),
            );
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
            }
        }
        if !config.repeat {
            return Ok(());
        }
    }
}
