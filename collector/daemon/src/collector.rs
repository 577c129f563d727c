//! The collector as a whole: its parts opened, joined, and closed in order.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use collector_api::{ApiState, Guidance, Live, Parts, rule_texts};
use collector_evidence::Shelf;
use collector_index::{Index, Options};
use collector_ingest::{Authority, Desks, Ingest, IngestOptions, Intake, Sealer, SyslogCounts};
use collector_notify::{DiskSeen, Notifier, Surroundings, watch};
use collector_search::Embedded;
use collector_sigma::LiveRules;
use collector_state::{Retention, Store, StoreOptions, UnixMillis};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::adapter::StateAdapter;
use crate::archive::Archivist;
use crate::engine::{Engine, Limits};
use crate::evidence::Desk;
use crate::fleet::Fleet;
use crate::hunt::HuntDesk;
use crate::machine::{Rest, indexed};
use crate::settings::Config;
use crate::storage::Keeper;
use crate::{archive, backup, console, feeds, sigma, syslog, watchdog};

/// Pause between looks at what has served its time.
const MAINTENANCE: Duration = Duration::from_secs(600);
/// Pause between looks at what is wrong.
const WATCH: Duration = Duration::from_secs(10);
/// Pause between looks at what is to be told.
const NOTIFY: Duration = Duration::from_secs(3);
/// Requests under way have this long to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What analysts read beside an alert; the first file that knows it counts.
const GUIDANCE: [&str; 4] = [
    include_str!("../../../rules/sets/core/guidance.yaml"),
    include_str!("../../../rules/sets/sigma/guidance.yaml"),
    include_str!("../../../rules/sets/guidance/attack.yaml"),
    include_str!("../../../rules/sets/guidance/classtype.yaml"),
];
/// The rules that come with the collector, to show what fired.
const RULES: [&str; 1] = [include_str!("../../../rules/sets/core/core.rules")];

/// A running collector.
pub struct Collector {
    pub state: Store,
    pub api: SocketAddr,
    pub delivery: SocketAddr,
    pub enrolment: SocketAddr,
    strings: Arc<EnrolmentStrings>,
    index: Arc<Index>,
    ingest: Arc<Ingest>,
    sigma: Arc<LiveRules>,
    live: Live,
    stop: watch::Sender<bool>,
    services: JoinSet<Result<()>>,
    /// Keeps other processes out of the data folder.
    _lock: File,
}

/// `matluoi-collector serve --check`.
pub fn check(path: &Path) -> Result<()> {
    Config::read(path)?;
    println!("the configuration can be started with");
    Ok(())
}

/// `matluoi-collector serve`: runs until it is told to stop, or a part of it fails.
pub async fn serve(path: &Path) -> Result<()> {
    let config = Config::read(path)?;
    let traces = config.traces.as_ref();
    let _traces = crate::traces::log_and_trace("info,tantivy=warn", traces, &config.services)?;
    let mut collector = Collector::start(&config).await?;
    tracing::info!(
        console = %format!("http://{}", collector.api),
        delivery = %collector.delivery,
        enrolment = %collector.enrolment,
        "the collector is up"
    );
    let told = tokio::select! {
        told = until_told_to_stop() => told,
        error = collector.failed() => Err(error),
        () = watchdog::keep_telling() => Ok(()),
    };
    tracing::info!("stopping");
    watchdog::stopping();
    collector.stop().await?;
    told
}

/// Completes on SIGINT or SIGTERM.
pub async fn until_told_to_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Takes a data folder for this process, until the file is closed.
pub fn lock(data_dir: &Path) -> Result<File> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("data folder {}", data_dir.display()))?;
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is in use by another collector", data_dir.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Opens the state of a data folder.
pub async fn open_state(data_dir: &Path) -> Result<Store> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("data folder {}", data_dir.display()))?;
    let path = data_dir.join("state.sqlite");
    Store::open(&path, StoreOptions::default())
        .await
        .with_context(|| format!("state {}", path.display()))
}

impl Collector {
    pub async fn start(config: &Config) -> Result<Collector> {
        let lock = lock(&config.data_dir)?;
        let state = open_state(&config.data_dir).await?;
        let index_dir = config.data_dir.join("index");
        let options = Options {
            open_writers: config.open_writers,
            ..Options::default()
        };
        let index = tokio::task::spawn_blocking(move || Index::open(&index_dir, options))
            .await?
            .context("index")?;
        let index = Arc::new(index);
        let authority = Arc::new(Authority::open(&config.data_dir.join("authority"))?);

        let sealer = Arc::new(Sealer::new(&authority)?);

        let bind = async |address: SocketAddr, what: &'static str| {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("{what}: cannot listen on {address}"))?;
            let address = listener.local_addr()?;
            anyhow::Ok((listener, address))
        };
        let (api_listener, api) = bind(config.api, "console").await?;
        let (delivery_listener, delivery) = bind(config.delivery, "delivery").await?;
        let (enrolment_listener, enrolment) = bind(config.enrolment, "enrolment").await?;
        let advertised = |told: &Option<String>, address: SocketAddr| {
            told.clone().unwrap_or_else(|| address.to_string())
        };

        let live = Live::default();
        let adapter = Arc::new(StateAdapter::new(state.clone(), live.clone()));
        let options = sigma::options(&config.sigma)?;
        let opened = LiveRules::open(state.clone(), options).await;
        let sigma = Arc::new(opened.map_err(|error| anyhow::anyhow!("Sigma rules: {error}"))?);
        let shelf = Shelf::open(&config.data_dir.join("evidence"))?;
        let desks = Desks {
            evidence: Arc::new(Desk {
                state: state.clone(),
                shelf: shelf.clone(),
            }),
            hunts: Arc::new(HuntDesk {
                state: state.clone(),
            }),
            fleet: Arc::new(Fleet {
                state: state.clone(),
            }),
            sealer: Some(Arc::clone(&sealer)),
        };
        let ingest = Ingest::start_with(
            Arc::clone(&index) as _,
            Arc::clone(&adapter) as _,
            Arc::clone(&adapter) as _,
            Some(Arc::clone(&sigma) as _),
            desks,
            IngestOptions::default(),
        );
        let (stop, stopped) = watch::channel(false);
        let stopping = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that the collector is gone, which is the end as well.
            let _ = stopped.wait_for(|&stop| stop).await;
        };
        let delivering = collector_ingest::serve(
            Arc::clone(&ingest),
            Arc::clone(&authority),
            delivery_listener,
            enrolment_listener,
            stopping(stopped.clone()),
        );
        let strings = Arc::new(EnrolmentStrings {
            authority,
            delivery: advertised(&config.advertised_delivery, delivery),
            enrolment: advertised(&config.advertised_enrolment, enrolment),
        });
        state.fail_interrupted_exports().await?;
        state.fail_interrupted_rule_hunts().await?;
        let keeper = Arc::new(Keeper::new(
            config,
            Arc::clone(&index),
            state.clone(),
            Arc::clone(&ingest),
        )?);
        let syslog_counts = Arc::new(SyslogCounts::default());
        let rest = Arc::new(Rest {
            intake: Intake::new(Arc::clone(&ingest)),
            index: Arc::clone(&index),
            keeper: Arc::clone(&keeper),
            engine: Engine::new(
                config.sensor_program.clone(),
                config.data_dir.join("bench"),
                Limits::default(),
            ),
            sigma: Arc::clone(&sigma),
            sigma_config: config.sigma.clone(),
            syslog: Arc::clone(&syslog_counts),
            sealer,
        });
        let client = archive::client(&config.services)?;
        let desk = archive::desk(&config.services, client.clone());
        let archivist = Archivist {
            index: Arc::clone(&index),
            state: state.clone(),
            keeper: Arc::clone(&keeper),
            desk: desk.clone(),
        };
        let parts = Parts {
            store: state.clone(),
            engine: Arc::new(Embedded::new(Arc::clone(&index))),
            enrolment_string: {
                let strings = Arc::clone(&strings);
                Arc::new(move |token| strings.with_token(token))
            },
            guidance: Guidance::parse(&GUIDANCE)?,
            rules: rule_texts(&RULES),
            index_days: config.records.days,
            exports_dir: config.data_dir.join("exports"),
            captures_dir: config.data_dir.join("captures"),
            feeds: feeds::settings(&config.feeds, &config.data_dir)?,
            client,
            archive: desk,
            evidence: shelf,
            live: live.clone(),
            clock: now,
        };
        let api_state = ApiState::with_machine(parts, rest);
        let router = console::with_console(collector_api::router(api_state.clone()));
        let serving = axum::serve(
            api_listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stopping(stopped.clone()));
        let retention = Retention {
            groups: config.inbox,
            audit: config.audit,
            ..Retention::default()
        };
        let maintaining = maintain(state.clone(), retention, stopping(stopped.clone()));
        let watching = watch_over(
            Arc::clone(&keeper),
            Arc::clone(&syslog_counts),
            stopping(stopped.clone()),
        );
        let keeping = Arc::clone(&keeper).run(stopping(stopped.clone()));
        let notifier = Notifier::new(state.clone(), &hostname(), now);
        let notifying = {
            let stopping = stopping(stopped.clone());
            async move {
                tokio::select! {
                    () = notifier.run(NOTIFY) => {}
                    () = stopping => {}
                }
                anyhow::Ok(())
            }
        };
        let quiet: backup::Quiet = {
            let ingest = Arc::downgrade(&ingest);
            Arc::new(move || {
                let ingest = ingest.clone();
                Box::pin(async move {
                    match ingest.upgrade() {
                        Some(ingest) => Some(ingest.quiet().await),
                        None => None,
                    }
                })
            })
        };
        let backing_up = backup::serve(
            config.data_dir.clone(),
            state.clone(),
            Arc::clone(&index),
            quiet,
            stopping(stopped.clone()),
        );
        let alerting = {
            let (sigma, intake) = (Arc::clone(&sigma), Intake::new(Arc::clone(&ingest)));
            let stopping = stopping(stopped.clone());
            async move {
                tokio::select! {
                    () = sigma.deliver(&intake) => {}
                    () = stopping => {}
                }
                anyhow::Ok(())
            }
        };
        let receiving = syslog::service(
            config.syslog.clone(),
            &state,
            Intake::new(Arc::clone(&ingest)),
            syslog_counts,
            stopping(stopped.clone()),
        )
        .await?;
        let reloading = sigma::reload_when_told(
            Arc::clone(&sigma),
            config.sigma.clone(),
            stopping(stopped.clone()),
        );
        let mut services = JoinSet::new();
        services.spawn(async move { delivering.await.context("delivery") });
        services.spawn(async move { serving.await.context("console") });
        services.spawn(maintaining);
        services.spawn(feeds::run_when_due(
            api_state.clone(),
            stopping(stopped.clone()),
        ));
        services.spawn(archivist.run(stopping(stopped.clone())));
        services.spawn(sweep_exports(api_state, stopping(stopped)));
        services.spawn(watching);
        services.spawn(keeping);
        services.spawn(notifying);
        services.spawn(alerting);
        services.spawn(reloading);
        services.spawn(async move { receiving.await.context("syslog") });
        services.spawn(backing_up);
        Ok(Collector {
            state,
            api,
            delivery,
            enrolment,
            strings,
            index,
            ingest,
            sigma,
            live,
            stop,
            services,
            _lock: lock,
        })
    }

    /// An enrolment string with this token.
    pub fn enrolment_string(&self, token: &str) -> String {
        self.strings.with_token(token)
    }

    /// Completes when a service ends by itself, which none should.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.services.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => error.into(),
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("a service ended by itself"),
        }
    }

    /// Ends the services, commits what came in, and closes the stores.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        self.live.close();
        let all_ended = async {
            while let Some(ended) = self.services.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(FAREWELL, all_ended).await {
            Ok(ended) => ended?,
            Err(_) => self.services.shutdown().await,
        }
        self.ingest.stop().await;
        self.sigma.close().await;
        let index = self.index;
        tokio::task::spawn_blocking(move || index.close())
            .await?
            .context("index")?;
        self.state.close().await;
        Ok(())
    }
}

/// Makes enrolment strings out of tokens.
pub struct EnrolmentStrings {
    authority: Arc<Authority>,
    delivery: String,
    enrolment: String,
}

impl EnrolmentStrings {
    pub fn with_token(&self, token: &str) -> String {
        collector_ingest::enrolment_string(&self.authority, &self.delivery, &self.enrolment, token)
    }
}

/// Removes files of search results and evidence past their time, until told to stop.
async fn sweep_exports(state: ApiState, stopping: impl Future<Output = ()>) -> Result<()> {
    let mut stopping = std::pin::pin!(stopping);
    loop {
        collector_api::sweep_exports(&state).await;
        collector_api::sweep_evidence(&state).await;
        collector_api::sweep_rule_hunts(&state).await;
        collector_api::sweep_remote_hunts(&state).await;
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = tokio::time::sleep(MAINTENANCE) => {}
        }
    }
}

/// Removes what has served its time, until told to stop.
async fn maintain(
    state: Store,
    retention: Retention,
    stopping: impl Future<Output = ()>,
) -> Result<()> {
    let mut stopping = std::pin::pin!(stopping);
    loop {
        let now = now();
        match state.maintain(retention, now).await {
            Ok(done) => tracing::debug!(?done, "state maintained"),
            Err(error) => tracing::warn!(%error, "state is not maintained"),
        }
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = tokio::time::sleep(MAINTENANCE) => {}
        }
    }
}

/// Looks for what is wrong, until told to stop.
async fn watch_over(
    keeper: Arc<Keeper>,
    syslog: Arc<SyslogCounts>,
    stopping: impl Future<Output = ()>,
) -> Result<()> {
    let mut stopping = std::pin::pin!(stopping);
    loop {
        let looked = async {
            let storage = keeper.storage().await?;
            let around = Surroundings {
                disk: DiskSeen {
                    free_bytes: storage.disk.free_bytes,
                    reserve_bytes: storage.disk.reserve_bytes,
                    days_left: storage.disk.days_left,
                },
                short: Keeper::short(&storage),
                damaged: keeper
                    .index()
                    .damaged()?
                    .into_iter()
                    .map(|one| one.name)
                    .collect(),
                refused_senders: crate::syslog::refused(&syslog, now()),
                indexed: &|sensor, epoch| indexed(keeper.index(), sensor, epoch),
            };
            watch(keeper.state(), &around, now()).await?;
            anyhow::Ok(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(
                error = format!("{error:#}"),
                "nobody looks for what is wrong"
            );
        }
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = tokio::time::sleep(WATCH) => {}
        }
    }
}

/// This machine's name, for messages.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

pub fn now() -> UnixMillis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
