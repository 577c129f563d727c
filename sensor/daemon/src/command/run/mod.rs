//! `run`: capture, detect, ship, as a configuration says.

mod config;
mod input;
mod profile;
mod vitals;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sensor_capture::Card;
use sensor_evidence::Ring;
use sensor_ship::{
    EvidenceSource, FleetDesk, HuntSource, Identity, LinkBudget, PreparedOutlets, RulesDesk,
    Shipper, ShipperOptions, Spool,
};
use serde::Deserialize;

pub use config::Config;
use input::{Kept, files, live};
use vitals::{Vitals, VitalsReport};

use crate::archive;
use crate::centre::{Centre, Outcome};
use crate::confine::{self, Extent};
use crate::evidence;
use crate::health::{Board, Delivery, Observer, Sources, metrics, socket};
use crate::link;
use crate::output::{Alerting, Staying};
use crate::published::Published;
use crate::reload::{self, Reloader, Rules};
use crate::ruleset::{self, Ruleset};
use crate::sigma;
use crate::sigma_told::SigmaTold;
use crate::support::{self, Support};
use crate::switches::Switches;
use crate::watchdog::Watchdog;

#[derive(clap::Args)]
pub struct Args {
    /// Configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Look at the configuration, the rules and the enrolment as a start would, say what is wrong, and start nothing.
    #[arg(long)]
    check: bool,
}

/// The rules of a configuration with the published ones, to take the place of an engine that runs.
///
/// # Errors
/// When they cannot be read, or when rules that are offered are refused.
pub fn rules_of(
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
    if args.check {
        return check(args);
    }
    let (centre, config) = Centre::open(&args.config)?;
    let centre = Arc::new(centre);
    let offset_s = link::offset_s();
    let published = Arc::new(Published::new(&config.state_dir));
    let compiled = rules_of(&config, &published, None)?;
    reload::accept(&compiled, config.on_fault).context("[rules] on-fault = \"refuse\"")?;
    let rules = Arc::new(Rules::new(&compiled));
    drop(compiled);
    let identity = config.identity()?;
    config.profile.step_back();
    let captures = config.open_captures()?;
    let card = config
        .interface
        .as_deref()
        .and_then(|name| Card::open(name).ok());
    // Before the socket is there: who finds it may have rules loaded anew.
    let hangup = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&hangup))?;
    let listener = socket::listen(&config.state_dir)?;
    let metrics = config.metrics.map(metrics::listen).transpose()?;
    let watchdog = Watchdog::from_environment()
        .inspect_err(|error| tracing::warn!(%error, "the service manager is not told anything"))
        .unwrap_or_default();
    let about = support::about();
    let outlets = PreparedOutlets::prepare(config.outlets.clone()).context("[[output]]")?;
    // Before there is another thread: what is given up is given up by all.
    let gaps = match config.confinement {
        Extent::Full => {
            let kept = rules.running().engine.kept_files();
            let collector = identity.as_ref().map(|identity| identity.address.as_str());
            let state = confine::confine(&config.needs(&args.config, collector, kept))?;
            state.tell();
            state.gaps
        }
        Extent::None => {
            let gap = "[run] confinement = \"none\": all privileges are kept";
            tracing::warn!("{gap}");
            vec![gap.to_owned()]
        }
    };
    let outlets = outlets.start(&hostname()).context("[[output]]")?;
    let spool = identity
        .is_some()
        .then(|| Spool::open(&config.state_dir, config.spool.clone()).map(Arc::new))
        .transpose()?;
    let ring = config.open_ring();
    // Nobody could search it without a collector.
    let staying = spool.as_ref().and_then(|spool| {
        let archive = config.open_archive()?;
        spool.keep_rest_in(Arc::clone(&archive));
        let kinds = config.archive.as_ref().map(|plan| plan.stay.clone());
        Some(Staying {
            archive,
            kinds: Arc::new(kinds.unwrap_or_default()),
        })
    });
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let restart = Arc::new(Restart::new(&stop));
    let (offered, settings, ends) = (
        Arc::clone(&published),
        Arc::clone(&centre),
        Arc::clone(&restart),
    );
    let load = move |engine: &sensor_detect::Engine| {
        let compile = |config: &Config| {
            let rules = rules_of(config, &offered, Some(engine))?;
            reload::accept(&rules, config.on_fault)?;
            Ok((rules, config.on_fault))
        };
        match settings.consider(compile) {
            Some((_, Some(loaded))) => return Ok(loaded),
            Some((Outcome::NextStart, _)) if ends.is_possible() => ends.begin(),
            _ => {}
        }
        // What else the file says holds from the next start on.
        let config = settings.config()?;
        let loaded = compile(&config)?;
        settings.follow(&config);
        Ok(loaded)
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
        delivery: identity
            .as_ref()
            .zip(spool.as_ref())
            .map(|(identity, spool)| Delivery {
                address: identity.address.clone(),
                certificate_ends_ms: identity
                    .certificate_ends()
                    .inspect_err(|error| tracing::warn!("{error}"))
                    .ok()
                    .map(|seconds| seconds.saturating_mul(1_000)),
                spool: Arc::clone(spool),
                shipper: Arc::clone(&shipping),
            }),
        confinement_gaps: gaps,
        outlets: outlets.clone(),
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    {
        let (noting, answering) = (Arc::clone(&observer), Arc::clone(&observer));
        runtime.spawn(async move { noting.keep_noting().await });
        runtime.spawn(async move {
            if let Err(error) = socket::answer(listener, answering).await {
                tracing::error!(%error, "status socket");
            }
        });
    }
    if let Some(listener) = metrics {
        let observer = Arc::clone(&observer);
        runtime.spawn(async move {
            if let Err(error) = metrics::answer(listener, observer).await {
                tracing::error!(%error, "metrics");
            }
        });
    }
    let running = match identity.zip(spool.as_ref()) {
        Some((identity, spool)) => {
            let options = ShipperOptions {
                evidence: ring.clone().map(|ring| EvidenceSource {
                    ring,
                    bytes_per_second: config.evidence_link,
                }),
                hunt: staying.as_ref().map(|staying| HuntSource {
                    archive: Arc::clone(&staying.archive),
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
                rules: Some(rules_desk(
                    &config, &identity, &published, &rules, &reloader,
                )),
                fleet: Some(FleetDesk {
                    configure: {
                        let (centre, reloader) = (Arc::clone(&centre), reloader.clone());
                        Arc::new(move |text| {
                            centre.offer(text);
                            // What comes of it is told with the heartbeats.
                            drop(reloader.reload());
                        })
                    },
                    state: {
                        let centre = Arc::clone(&centre);
                        Arc::new(move || centre.state())
                    },
                    may_restart: {
                        let restart = Arc::clone(&restart);
                        Arc::new(move || restart.is_possible())
                    },
                    restart: Arc::new(move || restart.begin()),
                    bundle: {
                        let support = Support {
                            about,
                            config: args.config.clone(),
                            centre: Arc::clone(&centre),
                            // The observer looks at the shipper in turn.
                            observer: Arc::downgrade(&observer),
                        };
                        Arc::new(move || support.bundle())
                    },
                }),
                state_dir: Some(config.state_dir.clone()),
                ..shipper_options(
                    &vitals,
                    &rules,
                    &observer,
                    reloader,
                    (ring.clone(), staying.clone()),
                    &config.settings.switches,
                    Arc::new(LinkBudget::new(config.link.clone(), offset_s)),
                )
            };
            let shipper = Arc::new(Shipper::new(spool, identity, options));
            let _ = shipping.set(Arc::clone(&shipper));
            if let Some(every) = config.canary {
                let spool = Arc::clone(spool);
                runtime.spawn(async move { spool.sing(every).await });
            }
            let stop = Arc::clone(&stop);
            runtime.spawn(async move { shipper.run(stopped(stop)).await })
        }
        None => {
            tracing::info!("no collector is known here: records go to the outputs alone");
            runtime.spawn(stopped(Arc::clone(&stop)))
        }
    };
    if let Some(watchdog) = watchdog {
        watchdog.ready();
        let (board, stop) = (Arc::clone(&board), Arc::clone(&stop));
        // Files are read at a pace of their own, and come to an end.
        let on_a_line = config.interface.is_some();
        runtime.spawn(async move {
            let turns = || if on_a_line { board.turns() } else { Vec::new() };
            tokio::select! {
                () = watchdog.keep_telling(turns) => {}
                () = stopped(stop) => {}
            }
            watchdog.stopping();
        });
    }
    centre.confirm()?;
    let config = Arc::new(config);
    let recorder = spool.as_ref().map(|spool| spool.handle());
    let kept = Kept {
        recorder: Alerting::new(recorder, outlets.clone(), &board).with_staying(staying.clone()),
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
        if let Some(spool) = &spool {
            spool.flush().await;
        }
        if result.is_ok() && !stop.load(Ordering::Relaxed) {
            tracing::info!("input has ended; waiting for orders until stopped");
        }
        // Heartbeats go on until somebody stops the sensor.
        let _ = running.await;
    });
    outlets.close();
    if let Some(ring) = &ring {
        ring.close();
    }
    if let Some(staying) = &staying {
        staying.archive.close();
    }
    if reloading.join().is_err() {
        tracing::error!("the thread that reloads rules has failed");
    }
    if let Err(error) = rules.running().engine.save_datasets() {
        tracing::warn!("{error}");
    }
    result.map(|()| ExitCode::SUCCESS)
}

/// Looks at what a start would look at, and leaves everything as it is.
fn check(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let published = Published::new(&config.state_dir);
    let compiled = rules_of(&config, &published, None)?;
    reload::accept(&compiled, config.on_fault).context("[rules] on-fault = \"refuse\"")?;
    config.identity()?;
    println!("configuration, rules and enrolment can be started with");
    Ok(ExitCode::SUCCESS)
}

/// Ends this program, where its service manager starts it again.
struct Restart {
    is_possible: bool,
    stop: Arc<AtomicBool>,
}

impl Restart {
    /// systemd.exec(5): it gives every service an INVOCATION_ID.
    fn new(stop: &Arc<AtomicBool>) -> Restart {
        Restart {
            is_possible: std::env::var_os("INVOCATION_ID").is_some(),
            stop: Arc::clone(stop),
        }
    }

    fn is_possible(&self) -> bool {
        self.is_possible
    }

    fn begin(&self) {
        tracing::info!("the sensor ends, to be started again by its service manager");
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn hostname() -> String {
    hostname::get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
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
fn rules_desk(
    config: &Config,
    identity: &Identity,
    published: &Arc<Published>,
    rules: &Arc<Rules>,
    reloader: &Reloader,
) -> RulesDesk {
    let (taker, teller) = (Arc::clone(published), Arc::clone(published));
    let refuser = Arc::clone(published);
    let (rules, reloader) = (Arc::clone(rules), reloader.clone());
    RulesDesk {
        authority: identity.authority().to_owned(),
        folder: config.state_dir.clone(),
        refuse: Arc::new(move |hash, reason| refuser.refuse(hash, reason)),
        take: Arc::new(move |sealed| {
            taker.offer(sealed);
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
    (ring, staying): (Option<Arc<Ring>>, Option<Staying>),
    switches: &Arc<Switches>,
    budget: Arc<LinkBudget>,
) -> ShipperOptions {
    let switches = Arc::clone(switches);
    let started = Instant::now();
    let vitals = Arc::clone(vitals);
    let (running, named) = (Arc::clone(rules), Arc::clone(rules));
    // The observer looks at the shipper in turn; neither shall keep the other.
    let observer = Arc::downgrade(observer);
    let told = Arc::clone(&budget);
    ShipperOptions {
        budget,
        hostname: hostname(),
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
                rule_faults: rules.faults.clone(),
                rules_reloads,
                rules_refusals,
                memory_bytes: crate::console::resident_bytes(),
                input_done: vitals.input_done.load(Ordering::Relaxed),
                records_left_out: switches.left_out(),
                evidence: ring.as_deref().map(evidence::report),
                archive: staying
                    .as_ref()
                    .map(|staying| archive::report(&staying.archive, &staying.kinds)),
                link: link::report(&told),
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
