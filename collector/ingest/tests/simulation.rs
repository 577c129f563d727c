//! The delivery protocol in a simulated network, under a clock of its own: partitions, crashes, restarts
//! and failing stores in an order that a seed decides, each run ending with an exact count.
//!
//! The sensor's spool, shipper and link and the collector's connection and committer are the real ones;
//! index, inbox and ledger are doubles that keep what is durable apart from what is not. A seed that fails
//! replays: `SIMULATION_SEED=17 cargo test -p collector-ingest --test simulation`. `SIMULATION_SEEDS=5000`
//! runs that many.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use collector_index::{Event, Stream};
use collector_ingest::{
    Alert, Groups, Heartbeat, HourCounts, Ingest, IngestOptions, PortError, PublishedRules,
    RefusedLine, Registry, RulesState, Store, StreamMarks, delivery_service,
};
use hyper_util::rt::TokioIo;
use sensor_event::Class;
use sensor_ship::{Dial, Shipper, ShipperOptions, Spool, SpoolLimits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::Endpoint;
use tonic::transport::server::Connected;

const SEEDS: u64 = 12;
const SENSOR: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
const PORT: u16 = 7_443;
const CLASSES: [Class; 3] = [Class::Alert, Class::Record, Class::Flow];
/// Simulated time with faults, and for everything to arrive after them.
const FAULTY: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(600);

/// What a collector's disk holds, and what only its memory does.
#[derive(Default)]
struct Disk {
    random: fastrand::Rng,
    /// One call in so many fails while there are faults.
    fails: u32,
    durable: HashMap<Stream, u64>,
    stored: BTreeMap<(Class, u64), u32>,
    /// Appended since the last commit.
    appended: HashMap<Stream, u64>,
    uncommitted: Vec<(Class, u64)>,
    marks: HashMap<Stream, StreamMarks>,
    grouped: BTreeMap<u64, u32>,
    counted: u64,
}

impl Disk {
    fn stumble(&mut self) -> Result<(), PortError> {
        if self.fails > 0 && self.random.u32(0..self.fails) == 0 {
            return Err("made to fail".into());
        }
        Ok(())
    }

    /// Memory is gone: after a crash, or after a failure, as the real index does it.
    fn forget(&mut self) {
        self.uncommitted.clear();
        self.appended = self.durable.clone();
    }
}

#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Disk>>);

impl Desk {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Store for Desk {
    fn mark(&self, stream: &Stream) -> u64 {
        self.disk().durable.get(stream).copied().unwrap_or(0)
    }

    fn append(
        &self,
        stream: &Stream,
        events: Vec<(u64, Event)>,
        through: u64,
        _: &str,
    ) -> Result<Vec<(u64, Event)>, PortError> {
        let mut disk = self.disk();
        if let Err(error) = disk.stumble() {
            disk.forget();
            return Err(error);
        }
        let before = disk.appended.get(stream).copied().unwrap_or(0);
        for (seq, event) in events.into_iter().filter(|(seq, _)| *seq > before) {
            assert_eq!(event.u64("n"), Some(seq), "a record has another number");
            disk.uncommitted.push((stream.class, seq));
        }
        disk.appended.insert(stream.clone(), through.max(before));
        Ok(Vec::new())
    }

    fn commit(&self) -> Result<(), PortError> {
        let mut disk = self.disk();
        if let Err(error) = disk.stumble() {
            disk.forget();
            return Err(error);
        }
        for key in std::mem::take(&mut disk.uncommitted) {
            *disk.stored.entry(key).or_insert(0) += 1;
        }
        disk.durable = disk.appended.clone();
        // It is durable, and the caller is told that it failed: as when the machine stumbles in between.
        disk.stumble()
    }
}

#[async_trait]
impl Groups for Desk {
    async fn apply(
        &self,
        stream: &Stream,
        alerts: Vec<Alert>,
        through: u64,
    ) -> Result<(), PortError> {
        let mut disk = self.disk();
        disk.stumble()?;
        for alert in alerts {
            *disk.grouped.entry(alert.seq).or_insert(0) += 1;
        }
        disk.marks.entry(stream.clone()).or_default().grouped = through;
        disk.stumble()
    }
}

#[async_trait]
impl Registry for Desk {
    async fn may_deliver(&self, _: &str) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn connected(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }

    async fn heartbeat(&self, _: Heartbeat) -> Result<(), PortError> {
        Ok(())
    }

    async fn rules_for(
        &self,
        _: &str,
        _: &RulesState,
    ) -> Result<Option<PublishedRules>, PortError> {
        Ok(None)
    }

    async fn marks(&self, stream: &Stream) -> Result<StreamMarks, PortError> {
        Ok(self.disk().marks.get(stream).copied().unwrap_or_default())
    }

    async fn count(
        &self,
        stream: &Stream,
        counts: &[HourCounts],
        through: u64,
    ) -> Result<(), PortError> {
        let mut disk = self.disk();
        disk.stumble()?;
        disk.counted += counts
            .iter()
            .map(|row| row.stored + row.rejected)
            .sum::<u64>();
        disk.marks.entry(stream.clone()).or_default().counted = through;
        Ok(())
    }

    async fn canary(&self, _: &str, _: u64) -> Result<(), PortError> {
        Ok(())
    }

    async fn quarantine(&self, _: &Stream, _: &[RefusedLine]) -> Result<(), PortError> {
        Ok(())
    }

    async fn token_is_open(&self, _: &str) -> Result<bool, PortError> {
        Ok(false)
    }

    async fn enrol(&self, _: &str, _: &str) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn certificate(&self, _: &str, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

/// A simulated connection, as the server takes it.
struct Accepted(turmoil::net::TcpStream);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

async fn collector(desk: Desk) -> turmoil::Result {
    desk.disk().forget();
    let shared = Arc::new(desk);
    let ingest = Ingest::start(
        Arc::clone(&shared) as _,
        Arc::clone(&shared) as _,
        shared as _,
        None,
        IngestOptions::default(),
    );
    let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
    let (incoming, connections) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if incoming
                .send(Ok::<_, std::io::Error>(Accepted(stream)))
                .await
                .is_err()
            {
                return;
            }
        }
    });
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(delivery_service(ingest, |_| Some(SENSOR.to_owned())))
        .serve_with_incoming(tokio_stream::wrappers::ReceiverStream::new(connections))
        .await?;
    Ok(())
}

/// How far the sensor came; outlives its crashes.
#[derive(Default)]
struct Progress {
    is_quiet: bool,
    is_drained: bool,
    last: BTreeMap<Class, u64>,
    acked: BTreeMap<Class, u64>,
}

async fn sensor(
    folder: std::path::PathBuf,
    progress: Arc<Mutex<Progress>>,
    seed: u64,
) -> turmoil::Result {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut spool = Spool::open_by_hand(&folder, SpoolLimits::default())?;
    let dial: Dial = Arc::new(|| {
        Box::pin(async {
            let connector = tower::service_fn(|_| async {
                let stream = turmoil::net::TcpStream::connect(("collector", PORT)).await?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            });
            let endpoint = Endpoint::from_static("http://collector")
                .connect_timeout(Duration::from_secs(10))
                .http2_keep_alive_interval(Duration::from_secs(10))
                .keep_alive_timeout(Duration::from_secs(20))
                .keep_alive_while_idle(true);
            Ok(endpoint.connect_with_connector(connector).await?)
        })
    });
    let options = ShipperOptions {
        longest_backoff: Duration::from_secs(5),
        ..ShipperOptions::default()
    };
    let shipper = Shipper::over(&spool, dial, options);
    tokio::spawn(async move { shipper.run(std::future::pending()).await });
    let recorder = spool.handle();
    let mut next = CLASSES.map(|class| spool.last_seq(class) + 1);
    loop {
        let is_quiet = progress.lock().expect("nobody panics with it").is_quiet;
        if !is_quiet {
            for (class, next) in CLASSES.into_iter().zip(&mut next) {
                for _ in 0..random.u64(0..6) {
                    recorder.append(class, record(class, *next).as_bytes());
                    *next += 1;
                }
            }
        }
        // What was handed over in a turn that a crash ends is lost, as it is in a real one: numbers are
        // given when it is on disk.
        spool.turn();
        {
            let mut progress = progress.lock().expect("nobody panics with it");
            progress.last = CLASSES.map(|class| (class, spool.last_seq(class))).into();
            let ledger = spool.ledger();
            progress.acked = CLASSES
                .map(|class| (class, ledger.total(class).acked))
                .into();
            progress.is_drained = is_quiet && spool.backlog().total() == 0;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(20..200))).await;
    }
}

fn record(class: Class, n: u64) -> String {
    let event_type = match class {
        Class::Alert => "alert",
        Class::Flow => "flow",
        _ => "dns",
    };
    format!(
        r#"{{"timestamp":"2026-03-01T01:02:03.000000+0000","event_type":"{event_type}","n":{n},"src_ip":"10.0.0.1","dest_ip":"192.0.2.1"}}"#
    )
}

/// Where a spool costs no disk.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

fn run(seed: u64) -> (u64, u32) {
    fastrand::seed(seed);
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = memory_folder();
    let desk = Desk::default();
    {
        let mut disk = desk.disk();
        disk.random = random.fork();
        disk.fails = random.choice([0, 10, 40, 200]).unwrap_or(0);
    }
    let progress = Arc::new(Mutex::new(Progress::default()));
    let mut simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(5))
        .simulation_duration(FAULTY + PATIENCE)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(random.u64(2..400)))
        .tcp_capacity(4_096)
        .build();
    {
        let desk = desk.clone();
        simulation.host("collector", move || collector(desk.clone()));
    }
    {
        let (path, progress) = (folder.path().to_owned(), Arc::clone(&progress));
        let seeds = Mutex::new(random.fork());
        simulation.host("sensor", move || {
            let seed = seeds.lock().expect("nobody panics with it").u64(..);
            sensor(path.clone(), Arc::clone(&progress), seed)
        });
    }
    let mut faults = 0;
    let mut cut = false;
    let mut next_fault = Duration::from_secs(1);
    while simulation.elapsed() < FAULTY {
        simulation.step().expect("no host fails");
        if simulation.elapsed() < next_fault {
            continue;
        }
        next_fault += Duration::from_millis(random.u64(100..8_000));
        faults += 1;
        match random.u8(0..6) {
            0 => simulation.bounce("collector"),
            1 => simulation.bounce("sensor"),
            2 => {
                simulation.bounce("sensor");
                simulation.bounce("collector");
            }
            _ if cut => {
                simulation.repair("sensor", "collector");
                cut = false;
            }
            _ => {
                simulation.partition("sensor", "collector");
                cut = true;
            }
        }
    }
    simulation.repair("sensor", "collector");
    desk.disk().fails = 0;
    progress.lock().expect("nobody panics with it").is_quiet = true;
    while !progress.lock().expect("nobody panics with it").is_drained {
        let elapsed = simulation.elapsed();
        assert!(
            elapsed < FAULTY + PATIENCE - Duration::from_secs(1),
            "seed {seed}: not everything is acknowledged by {elapsed:?}"
        );
        simulation.step().expect("no host fails");
    }
    let progress = progress.lock().expect("nobody panics with it");
    let disk = desk.disk();
    let mut made = 0;
    for class in CLASSES {
        let last = progress.last[&class];
        made += last;
        assert_eq!(
            progress.acked[&class], last,
            "seed {seed}: {class:?} acknowledged"
        );
        for seq in 1..=last {
            let times = disk.stored.get(&(class, seq));
            assert_eq!(times, Some(&1), "seed {seed}: {class:?} {seq} of {last}");
        }
    }
    assert_eq!(disk.stored.len() as u64, made, "seed {seed}: stored");
    assert_eq!(disk.counted, made, "seed {seed}: in the ledger");
    let alerts = progress.last[&Class::Alert];
    assert_eq!(disk.grouped.len() as u64, alerts, "seed {seed}: grouped");
    assert!(
        disk.grouped.values().all(|&times| times == 1),
        "seed {seed}"
    );
    (made, faults)
}

#[test]
fn whatever_happens_every_record_is_there_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("SIMULATION_SEED") {
        let (made, faults) = run(seed);
        println!("seed {seed}: {made} records, {faults} faults");
        return;
    }
    let (mut records, mut faults) = (0, 0);
    for seed in 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS) {
        let (of_seed, faults_of_seed) = run(seed);
        records += of_seed;
        faults += faults_of_seed;
    }
    println!("{records} records, {faults} faults");
    assert!(records > 10_000 && faults > 20, "hardly anything happened");
}
