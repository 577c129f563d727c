//! A collector in memory but for its index, and a sensor, over loopback.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use collector_index::{Event, Index, Options, Stream};
use collector_ingest::{
    Alert, Authority, Desks, Groups, Heartbeat, HourCounts, Ingest, IngestOptions, PortError,
    PublishedRules, RefusedLine, Registry, RulesState, Sealer, Store, StreamMarks,
    enrolment_string, serve,
};
use sensor_ship::{Identity, RulesDesk, Shipper, ShipperOptions, Spool, SpoolLimits, enrol};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const TOKEN: &str = "one-time";
pub const SENSOR: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// What the state store keeps, over restarts of the collector.
#[derive(Default)]
pub struct Desk {
    pub rows: Mutex<Rows>,
    /// One call in so many fails; 0 for none.
    pub fails: AtomicU32,
    calls: AtomicU32,
}

#[derive(Default)]
pub struct Rows {
    pub marks: HashMap<Stream, StreamMarks>,
    /// How often each alert was counted.
    pub alerts: BTreeMap<(u64, u64), u32>,
    pub stored: u64,
    pub rejected: u64,
    pub quarantined: HashSet<(Stream, u64)>,
    pub heartbeats: Vec<Heartbeat>,
    pub token_spent: bool,
    pub revoked: bool,
    /// What the sensor is to run.
    pub rules: Option<PublishedRules>,
}

impl Desk {
    pub fn rows(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.rows
            .lock()
            .expect("no test panics while it holds this")
    }

    pub fn stumble(&self) -> Result<(), PortError> {
        let every = self.fails.load(Ordering::Relaxed);
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if every > 0 && call % every == every - 1 {
            return Err("made to fail".into());
        }
        Ok(())
    }
}

/// The parts of a collector that share a desk.
#[derive(Clone)]
pub struct AtDesk(pub Arc<Desk>);

#[async_trait]
impl Groups for AtDesk {
    async fn apply(
        &self,
        stream: &Stream,
        alerts: Vec<Alert>,
        through: u64,
    ) -> Result<(), PortError> {
        self.0.stumble()?;
        let mut rows = self.0.rows();
        for alert in alerts {
            *rows.alerts.entry((stream.epoch, alert.seq)).or_insert(0) += 1;
        }
        rows.marks.entry(stream.clone()).or_default().grouped = through;
        Ok(())
    }
}

#[async_trait]
impl Registry for AtDesk {
    async fn may_deliver(&self, sensor: &str) -> Result<bool, PortError> {
        Ok(sensor == SENSOR && !self.0.rows().revoked)
    }

    async fn connected(&self, _: &str, _: &str, _: bool) -> Result<(), PortError> {
        Ok(())
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), PortError> {
        self.0.rows().heartbeats.push(heartbeat);
        Ok(())
    }

    async fn rules_for(
        &self,
        _: &str,
        state: &RulesState,
    ) -> Result<Option<PublishedRules>, PortError> {
        let wanted = self.0.rows().rules.clone();
        Ok(wanted.filter(|wanted| wanted.hash != state.hash))
    }

    async fn marks(&self, stream: &Stream) -> Result<StreamMarks, PortError> {
        Ok(self.0.rows().marks.get(stream).copied().unwrap_or_default())
    }

    async fn count(
        &self,
        stream: &Stream,
        counts: &[HourCounts],
        through: u64,
    ) -> Result<(), PortError> {
        self.0.stumble()?;
        let mut rows = self.0.rows();
        for row in counts {
            rows.stored += row.stored;
            rows.rejected += row.rejected;
        }
        rows.marks.entry(stream.clone()).or_default().counted = through;
        Ok(())
    }

    async fn canary(&self, _: &str, _: u64) -> Result<(), PortError> {
        Ok(())
    }

    async fn quarantine(&self, stream: &Stream, lines: &[RefusedLine]) -> Result<(), PortError> {
        let mut rows = self.0.rows();
        for line in lines {
            rows.quarantined.insert((stream.clone(), line.seq));
        }
        Ok(())
    }

    async fn token_is_open(&self, token: &str) -> Result<bool, PortError> {
        Ok(token == TOKEN && !self.0.rows().token_spent)
    }

    async fn enrol(&self, token: &str, _: &str) -> Result<Option<String>, PortError> {
        let mut rows = self.0.rows();
        if token != TOKEN || rows.token_spent {
            return Ok(None);
        }
        rows.token_spent = true;
        Ok(Some(SENSOR.to_owned()))
    }

    async fn certificate(&self, _: &str, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

/// An index that fails now and then.
struct Stumbling(Arc<Index>, Arc<Desk>);

impl Store for Stumbling {
    fn mark(&self, stream: &Stream) -> u64 {
        self.0.mark(stream)
    }

    fn append(
        &self,
        stream: &Stream,
        events: Vec<(u64, Event)>,
        through: u64,
        received: &str,
    ) -> Result<Vec<(u64, Event)>, PortError> {
        Store::append(&*self.0, stream, events, through, received)
    }

    fn commit(&self) -> Result<(), PortError> {
        Store::commit(&*self.0)?;
        self.1.stumble()
    }
}

pub struct Collector {
    pub index: Arc<Index>,
    pub authority: Arc<Authority>,
    pub delivery: String,
    pub enrolment: String,
    stop: oneshot::Sender<()>,
    ingest: Arc<Ingest>,
    server: JoinHandle<()>,
}

impl Collector {
    pub async fn start(folder: &Path, desk: &Arc<Desk>, delivery: &str) -> Collector {
        let options = IngestOptions {
            commit_every: std::time::Duration::from_millis(50),
            ..IngestOptions::default()
        };
        Collector::start_with(folder, desk, delivery, options).await
    }

    pub async fn start_with(
        folder: &Path,
        desk: &Arc<Desk>,
        delivery: &str,
        options: IngestOptions,
    ) -> Collector {
        let index = Index::open(&folder.join("index"), Options::default()).expect("it opens");
        let index = Arc::new(index);
        let authority = Authority::open(&folder.join("authority")).expect("it opens");
        let authority = Arc::new(authority);
        let part = AtDesk(Arc::clone(desk));
        let store = Arc::new(Stumbling(Arc::clone(&index), Arc::clone(desk)));
        let ingest = Ingest::start_with(
            store,
            Arc::new(part.clone()),
            Arc::new(part),
            None,
            Desks {
                sealer: Some(Arc::new(Sealer::new(&authority).expect("a key"))),
                ..Desks::default()
            },
            options,
        );
        let delivery = TcpListener::bind(delivery).await.expect("it binds");
        let enrolment = TcpListener::bind("127.0.0.1:0").await.expect("it binds");
        let address = |listener: &TcpListener| listener.local_addr().expect("bound").to_string();
        let (stop, stopped) = oneshot::channel();
        let (delivery_address, enrolment_address) = (address(&delivery), address(&enrolment));
        let serving = serve(
            Arc::clone(&ingest),
            Arc::clone(&authority),
            delivery,
            enrolment,
            async {
                let _ = stopped.await;
            },
        );
        let server = tokio::spawn(async move { serving.await.expect("it serves") });
        Collector {
            index,
            authority,
            delivery: delivery_address,
            enrolment: enrolment_address,
            stop,
            ingest,
            server,
        }
    }

    pub fn enrolment_string(&self) -> String {
        enrolment_string(&self.authority, &self.delivery, &self.enrolment, TOKEN)
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.server.await.expect("it ends");
        self.ingest.stop().await;
    }

    /// How often each number of a stream is in the index.
    pub fn stored(&self) -> BTreeMap<(String, u64), u32> {
        let mut stored = BTreeMap::new();
        for partition in self.index.partitions(None, None, None) {
            let searcher = partition.searcher().expect("it opens");
            for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
                for document in segment.doc_ids_alive() {
                    let address = tantivy::DocAddress::new(ordinal as u32, document);
                    let source = partition.source(&searcher, address).expect("it reads");
                    let source: serde_json::Value =
                        serde_json::from_slice(&source).expect("it is JSON");
                    let class = source["matluoi"]["class"].as_str().expect("a class");
                    let seq = source["matluoi"]["seq"].as_u64().expect("a number");
                    assert_eq!(
                        source["n"], seq,
                        "a record has another number than it was given"
                    );
                    *stored.entry((class.to_owned(), seq)).or_insert(0) += 1;
                }
            }
        }
        stored
    }
}

/// A sensor's spool and its running shipper.
pub struct Sensor {
    pub spool: Arc<Spool>,
    pub shipper: Arc<Shipper>,
    running: JoinHandle<()>,
    folder: PathBuf,
}

impl Sensor {
    pub async fn enrol(folder: &Path, collector: &Collector) -> Identity {
        enrol(&collector.enrolment_string(), folder, "sensor.test")
            .await
            .expect("it enrols")
            .identity
    }

    pub fn start(folder: &Path) -> Sensor {
        Sensor::start_with(folder, None)
    }

    /// One that takes published rules.
    pub fn start_with(folder: &Path, rules: Option<RulesDesk>) -> Sensor {
        let identity = Identity::load(folder).expect("it is enrolled");
        let folder = folder.join("spool");
        let spool = Spool::open(&folder, SpoolLimits::default()).expect("it opens");
        let options = ShipperOptions {
            hostname: "sensor.test".to_owned(),
            heartbeat: std::time::Duration::from_millis(100),
            longest_backoff: std::time::Duration::from_millis(500),
            stats: Arc::new(|| "{\"packets\":1}".to_owned()),
            rules,
            ..ShipperOptions::default()
        };
        let shipper = Arc::new(Shipper::new(&spool, identity, options));
        let run = Arc::clone(&shipper);
        let running = tokio::spawn(async move { run.run(std::future::pending()).await });
        Sensor {
            spool: Arc::new(spool),
            shipper,
            running,
            folder,
        }
    }

    /// Comes back when the spool can be opened again.
    pub async fn stop(self) {
        self.running.abort();
        let _ = self.running.await;
        drop((self.spool, self.shipper));
        // A read that is under way on a thread of its own holds the spool a moment longer.
        while Spool::open(&self.folder, SpoolLimits::default()).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// Record number `n` of a class, of a day that depends on the number.
pub fn record(class: sensor_event::Class, n: u64) -> String {
    let event_type = match class {
        sensor_event::Class::Alert => "alert",
        sensor_event::Class::Flow => "flow",
        _ => "dns",
    };
    format!(
        r#"{{"timestamp":"2020-03-{:02}T01:02:03.{:06}+0000","event_type":"{event_type}","n":{n},"src_ip":"10.0.0.{}","dest_ip":"192.0.2.1","alert":{{"signature_id":{},"signature":"Quét cổng","severity":2}}}}"#,
        1 + n / 500 % 12,
        n % 1_000_000,
        n % 250,
        n % 7,
    )
}
