//! Kills collector and sensor at random moments under load, then counts every record.
//!
//! The collector is the real program. The sensor is this test program run again as
//! [`the_sensors_process`]: a spool, a shipper, and records that bear the number they must be given.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector_index::{Index, Options};
use collector_state::{GroupFilter, GroupPage, GroupSort, Store, StoreOptions, UnitId};
use sensor_event::Class;
use sensor_ship::{Identity, Shipper, ShipperOptions, Spool, SpoolLimits};

/// Kills of each side.
const KILLS: usize = 20;
const CLASSES: [Class; 3] = [Class::Alert, Class::Record, Class::Flow];
const SENSOR_FOLDER: &str = "MATLUOI_KILL_TEST_FOLDER";
/// Whatever happens, it happens within this time.
const PATIENCE: Duration = Duration::from_secs(240);

struct Bench {
    folder: PathBuf,
    delivery: SocketAddr,
    enrolment: SocketAddr,
}

impl Bench {
    fn new(folder: &Path) -> Bench {
        let [api, delivery, enrolment] = free_ports();
        let data = folder.join("collector");
        // The collector's own rules would add alerts to those that are counted.
        let config = format!(
            "data_dir = {data:?}\n[api]\nlisten = \"{api}\"\n[delivery]\nlisten = \"{delivery}\"\n\
             [enrolment]\nlisten = \"{enrolment}\"\n[retention]\nindex_days = 3650\n\
             [sigma]\nshipped = false\n"
        );
        std::fs::write(folder.join("collector.toml"), config).expect("it is written");
        Bench {
            folder: folder.to_owned(),
            delivery,
            enrolment,
        }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"));
        command.env("MATLUOI_LOG", "error").stdin(Stdio::null());
        command
    }

    fn collector(&self) -> Child {
        let config = self.folder.join("collector.toml");
        let mut command = self.program();
        let child = command.arg("serve").arg("--config").arg(config).spawn();
        child.expect("the collector starts")
    }

    fn enrolment_string(&self) -> String {
        let output = self
            .program()
            .args(["admin", "token", "--name", "sensor"])
            .arg("--data")
            .arg(self.folder.join("collector"))
            .arg("--delivery")
            .arg(self.delivery.to_string())
            .arg("--enrolment")
            .arg(self.enrolment.to_string())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it is text")
    }

    fn sensor(&self) -> Child {
        let this_program = std::env::current_exe().expect("it has a path");
        Command::new(this_program)
            .args(["--exact", "the_sensors_process", "--nocapture"])
            .env(SENSOR_FOLDER, self.folder.join("sensor"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the sensor starts")
    }
}

fn free_ports() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound"))
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path());
    let sensor_folder = folder.path().join("sensor");
    let mut collector = bench.collector();
    wait_until("enrolment", || TcpStream::connect(bench.enrolment).is_ok());
    let string = bench.enrolment_string();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let identity = runtime
        .block_on(sensor_ship::enrol(&string, &sensor_folder, "sensor"))
        .expect("it enrols")
        .identity;
    let mut sensor = bench.sensor();
    for _ in 0..KILLS {
        pause();
        collector.kill().expect("it is killed");
        collector.wait().expect("it is gone");
        collector = bench.collector();
        pause();
        sensor.kill().expect("it is killed");
        sensor.wait().expect("it is gone");
        sensor = bench.sensor();
    }
    pause();
    std::fs::write(sensor_folder.join("stop"), []).expect("it is written");
    wait_until("the rest", || sensor_folder.join("done").exists());
    sensor.wait().expect("it ends");
    let told = Command::new("kill")
        .arg("-TERM")
        .arg(collector.id().to_string())
        .status();
    assert!(told.expect("kill runs").success());
    assert!(collector.wait().expect("it ends").success());

    let last: BTreeMap<String, u64> =
        serde_json::from_slice(&std::fs::read(sensor_folder.join("done")).expect("it is there"))
            .expect("it is JSON");
    println!("{last:?}");
    let stored = stored(&folder.path().join("collector/index"));
    for class in CLASSES {
        let last = last[class.name()];
        assert!(last > 1_000, "hardly any load: {last} of {}", class.name());
        for n in 1..=last {
            let times = stored.get(&(class.name().to_owned(), n));
            assert_eq!(times, Some(&1), "{} {n} of {last}", class.name());
        }
    }
    assert_eq!(stored.len() as u64, last.values().sum::<u64>());
    runtime.block_on(state_agrees(folder.path(), &identity.sensor_id, &last));
}

/// Long enough for some starts to lead to deliveries, short enough for some not to.
fn pause() {
    std::thread::sleep(Duration::from_millis(fastrand::u64(50..900)));
}

/// How often each number of each class is stored.
fn stored(folder: &Path) -> BTreeMap<(String, u64), u32> {
    let index = Index::open(folder, Options::default()).expect("it opens");
    let mut stored = BTreeMap::new();
    for partition in index.partitions(None, None, None) {
        let searcher = partition.searcher().expect("it opens");
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            for document in segment.doc_ids_alive() {
                let address = tantivy::DocAddress::new(ordinal, document);
                let source = partition.source(&searcher, address).expect("it reads");
                let source: serde_json::Value = serde_json::from_slice(&source).expect("JSON");
                let class = source["matluoi"]["class"].as_str().expect("a class");
                let seq = source["matluoi"]["seq"].as_u64().expect("a number");
                assert_eq!(source["n"], seq, "{class}: it was given another number");
                *stored.entry((class.to_owned(), seq)).or_insert(0) += 1;
            }
        }
    }
    stored
}

/// The inbox counts every alert once, and the ledger is even.
async fn state_agrees(folder: &Path, sensor: &str, last: &BTreeMap<String, u64>) {
    let path = folder.join("collector/state.sqlite");
    let state = Store::open(&path, StoreOptions::default())
        .await
        .expect("it opens");
    let rows = state.ledger(sensor, 0, i64::MAX).await.expect("it reads");
    for class in CLASSES {
        let of_class = || rows.iter().filter(|row| row.class == class.name());
        let stored: u64 = of_class().map(|row| row.counts.stored).sum();
        assert_eq!(stored, last[class.name()], "{} stored", class.name());
        for row in of_class() {
            assert_eq!(row.counts.gap(), 0, "{row:?}");
            assert_eq!(row.counts.lost() + row.counts.waiting, 0, "{row:?}");
            assert_eq!(row.counts.shed_total(), 0, "{row:?}");
        }
    }
    let filter = GroupFilter {
        scope: state.scope_of(UnitId::ROOT).await.expect("it reads"),
        status: None,
        terms: Vec::new(),
        severities: Vec::new(),
        from: None,
        to: None,
    };
    let page = GroupPage {
        sort: GroupSort::Count,
        descending: true,
        limit: 500,
        after: None,
    };
    let groups = state.groups(&filter, page).await.expect("it reads");
    assert_eq!(groups.len(), 7 * 50);
    let grouped: u64 = groups.iter().map(|group| group.count).sum();
    assert_eq!(grouped, last[Class::Alert.name()]);
}

/// Not a test: the sensor, when it is started by the test above.
#[test]
fn the_sensors_process() {
    let Some(folder) = std::env::var_os(SENSOR_FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(act_as_sensor(&folder));
}

async fn act_as_sensor(folder: &Path) {
    let identity = Identity::load(folder).expect("it is enrolled");
    let spool = Spool::open(folder, SpoolLimits::default()).expect("it opens");
    let options = ShipperOptions {
        heartbeat: Duration::from_millis(200),
        longest_backoff: Duration::from_millis(300),
        ..ShipperOptions::default()
    };
    let shipper = Arc::new(Shipper::new(&spool, identity, options));
    let shipping = Arc::clone(&shipper);
    tokio::spawn(async move { shipping.run(std::future::pending()).await });
    let recorder = spool.handle();
    let mut next = CLASSES.map(|class| spool.last_seq(class) + 1);
    while !folder.join("stop").exists() {
        for (class, next) in CLASSES.into_iter().zip(&mut next) {
            for _ in 0..20 {
                recorder.append(class, record(class, *next).as_bytes());
                *next += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    spool.flush().await;
    shipper.drain().await;
    // One more heartbeat tells the ledger's last rows.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let last: BTreeMap<&str, u64> = CLASSES
        .map(|class| (class.name(), spool.last_seq(class)))
        .into();
    let json = serde_json::to_vec(&last).expect("it serialises");
    std::fs::write(folder.join("done.new"), json).expect("it is written");
    std::fs::rename(folder.join("done.new"), folder.join("done")).expect("it is renamed");
}

fn record(class: Class, n: u64) -> String {
    let event_type = match class {
        Class::Alert => "alert",
        Class::Flow => "flow",
        _ => "dns",
    };
    format!(
        r#"{{"timestamp":"2026-03-{:02}T01:02:03.{:06}+0000","event_type":"{event_type}","n":{n},"src_ip":"10.0.0.{}","dest_ip":"192.0.2.1","proto":"TCP","alert":{{"signature_id":{},"signature":"Quét cổng","category":"scan","severity":2}}}}"#,
        1 + n / 200 % 12,
        n % 1_000_000,
        n % 50,
        n % 7,
    )
}
