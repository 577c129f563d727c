//! Two hundred simulated sensors against the real program: real protocol clients, each with its spool and its certificate,
//! whose settings, orders and troubles a centre sees and changes over the API.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collector_state::{
    NewUnit, Role, Scope, Store, StoreOptions, UnitId, UnixMillis, configuration_hash as hash,
};
use sensor_ship::{
    ConfigurationState, EnrolmentString, FleetDesk, Identity, Shipper, ShipperOptions, Spool,
    SpoolLimits, enrol,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const SENSORS: usize = 200;
const COMMUNES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(180);
const HOME: &str = "vars.address-groups.HOME_NET";

/// What a simulated sensor has of the centre's settings, and how it behaves.
#[derive(Default)]
struct Told {
    text: String,
    refused: Option<(String, String)>,
    refuses: bool,
    /// Somebody changed it by hand: it tells this hash until settings come again.
    drifted: Option<String>,
    times: usize,
}

struct Sensor {
    folder: PathBuf,
    told: Arc<Mutex<Told>>,
    /// None while it is away.
    running: Option<JoinHandle<()>>,
    restart: Arc<tokio::sync::Notify>,
}

impl Sensor {
    fn new(folder: PathBuf) -> Sensor {
        Sensor {
            folder,
            told: Arc::default(),
            running: None,
            restart: Arc::default(),
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("not poisoned")
    }

    fn desk(&self) -> FleetDesk {
        let (taking, telling) = (Arc::clone(&self.told), Arc::clone(&self.told));
        let restart = Arc::clone(&self.restart);
        FleetDesk {
            configure: Arc::new(move |text| {
                let mut told = taking.lock().expect("not poisoned");
                told.times += 1;
                if told.refuses {
                    told.refused = Some((hash(&text), "HOME_NET: không hiểu".to_owned()));
                } else {
                    told.text = text;
                    told.drifted = None;
                }
            }),
            state: Arc::new(move || {
                let told = telling.lock().expect("not poisoned");
                ConfigurationState {
                    hash: told.drifted.clone().unwrap_or_else(|| hash(&told.text)),
                    refused: told.refused.clone(),
                    running_hash: hash(&format!("all {}", told.text)),
                    running: format!(r#"{{"evidence.mode":"alerts","n":"{}"}}"#, told.text.len()),
                    ..ConfigurationState::default()
                }
            }),
            may_restart: Arc::new(|| true),
            restart: Arc::new(move || restart.notify_one()),
            bundle: Arc::new(|| Ok(vec![7; 100_000])),
        }
    }

    /// Runs a program with this sensor's certificate; `spool` tells two of them apart.
    fn program(&self, spool: &str) -> JoinHandle<()> {
        let identity = Identity::load(&self.folder).expect("it is enrolled");
        let spool = Spool::open(&self.folder.join(spool), SpoolLimits::default());
        let options = ShipperOptions {
            hostname: spool_name(&self.folder),
            // Of all of them, forty a second.
            heartbeat: Duration::from_secs(5),
            longest_backoff: Duration::from_secs(1),
            fleet: Some(self.desk()),
            ..ShipperOptions::default()
        };
        let spool = spool.expect("it opens");
        tokio::spawn(async move {
            let shipper = Shipper::new(&spool, identity, options);
            shipper.run(std::future::pending()).await;
        })
    }

    fn start(&mut self) {
        self.running = Some(self.program("spool"));
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }
}

fn spool_name(folder: &Path) -> String {
    let name = folder.file_name().expect("a folder has a name");
    name.to_string_lossy().into_owned()
}

struct Centre {
    api: SocketAddr,
    token: String,
}

impl Centre {
    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(self.api).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it takes");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let head = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head");
        let status = String::from_utf8_lossy(&answer[9..12])
            .parse()
            .expect("a status");
        let chunked = String::from_utf8_lossy(&answer[..head])
            .to_ascii_lowercase()
            .contains("chunked");
        let body = answer.split_off(head + 4);
        (status, if chunked { unchunked(&body) } else { body })
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert!(
            status < 300,
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }

    /// How each sensor stands to its settings.
    fn states(&self) -> BTreeMap<String, String> {
        let sensors = self.get("/sensors");
        let state = |sensor: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&sensor["id"]), text(&sensor["configuration"]["state"]))
        };
        sensors
            .as_array()
            .expect("a list")
            .iter()
            .map(state)
            .collect()
    }

    /// Previews a change, makes it, and gives the preview.
    fn change(&self, target: (&str, Value), name: &str, value: Value) -> Value {
        let mut asked = json!({ "changes": [{ "name": name, "value": value }] });
        asked[target.0] = target.1;
        let preview = self.ask("POST", "/fleet/preview", &asked);
        asked["revision"] = preview["revision"].clone();
        asked["why"] = json!("thử");
        let done = self.ask("POST", "/fleet/changes", &asked);
        assert_eq!(done["sensors"], preview["sensors"]);
        preview
    }

    fn alarms(&self, kind: &str) -> Vec<Value> {
        let page = self.get("/alarms?limit=500");
        let items = page["items"].as_array().expect("a list").iter();
        items
            .filter(|alarm| alarm["kind"] == kind)
            .cloned()
            .collect()
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&body[..line]).expect("ASCII");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let from = line + 2;
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&body[from..from + size]);
        body = &body[from + size + 2..];
    }
    whole
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

/// A collector's program, ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn collector(folder: &Path, [api, delivery, enrolment]: [SocketAddr; 3]) -> Program {
    let config = folder.join("collector.toml");
    let text = format!(
        "data_dir = {:?}\n[api]\nlisten = \"{api}\"\n[delivery]\nlisten = \"{delivery}\"\n\
         [enrolment]\nlisten = \"{enrolment}\"\n[disk]\nreserve_megabytes = 1\n[sigma]\nshipped = false\n",
        folder.join("data")
    );
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"));
    command.arg("serve").arg("--config").arg(config);
    command.env("MATLUOI_LOG", "error").stdin(Stdio::null());
    Program(command.spawn().expect("the collector starts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_two_hundred() {
    let folder = tempfile::tempdir().expect("a folder");
    let ports = [free(), free(), free()];
    // Two districts with four communes each, an administrator's token, and two hundred open enrolments.
    std::fs::create_dir_all(folder.path().join("data")).expect("made");
    let path = folder.path().join("data/state.sqlite");
    let store = Store::open(&path, StoreOptions::default()).await;
    let store = store.expect("a store");
    let now = UnixMillis(
        i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970")
                .as_millis(),
        )
        .expect("it fits"),
    );
    store
        .create_first_admin("admin", "a long first password", now)
        .await
        .expect("made");
    let unit = async |parent_id, name: String| {
        let new = NewUnit {
            parent_id,
            name,
            kind: "x".to_owned(),
        };
        store.create_unit(new).await.expect("made").id
    };
    let districts = [
        unit(UnitId::ROOT, "Huyện A".to_owned()).await,
        unit(UnitId::ROOT, "Huyện B".to_owned()).await,
    ];
    let mut communes = Vec::new();
    for number in 0..COMMUNES {
        communes.push(unit(districts[number % 2], format!("Xã {number}")).await);
    }
    let users = store.users(&Scope::All).await.expect("they");
    let admin = users
        .iter()
        .find(|user| user.role == Role::Administrator)
        .expect("one");
    let token = store
        .create_token(admin, "test", Role::Administrator, 1, now)
        .await
        .expect("a token");
    let mut tokens = Vec::new();
    for number in 0..SENSORS {
        let name = format!("cảm biến {number:03}");
        let enrolment = store.create_enrolment(&name, communes[number % COMMUNES], "admin", now);
        tokens.push(enrolment.await.expect("open").token);
    }
    store.close().await;

    let _program = collector(folder.path(), ports);
    until("the console", || TcpStream::connect(ports[0]).is_ok()).await;
    let centre = Centre {
        api: ports[0],
        token,
    };
    let made = json!({ "name": "khác", "unit_id": 1 });
    let string = centre.ask("POST", "/sensors/enrolments", &made);
    let string = EnrolmentString::parse(string["enrolment"].as_str().expect("a string"));
    let string = string.expect("it is whole");

    let mut sensors = Vec::new();
    let mut ids = Vec::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let home = folder.path().join(format!("sensor-{number:03}"));
        let own = EnrolmentString {
            token,
            ..string.clone()
        };
        let enrolled = enrol(&own.to_string(), &home, "sensor.test")
            .await
            .expect("enrolled");
        ids.push(enrolled.identity.sensor_id);
        let mut sensor = Sensor::new(home);
        sensor.start();
        sensors.push(sensor);
    }
    let in_state = |state: &str| centre.states().values().filter(|one| *one == state).count();
    until("all are there", || in_state("current") == SENSORS).await;

    // A value at the root holds for all; one at a district for its half alone, and the preview says so.
    let preview = centre.change(("unit_id", json!(1)), HOME, json!("[10.0.0.0/8]"));
    assert_eq!(
        (&preview["changed"], &preview["unchanged"]),
        (&json!(SENSORS), &json!(0))
    );
    let text = r#"{"vars.address-groups.HOME_NET":"[10.0.0.0/8]"}"#;
    until("all have it", || {
        sensors.iter().all(|one| one.told().text == text)
    })
    .await;
    until("all tell it", || in_state("current") == SENSORS).await;
    let preview = centre.change(
        ("unit_id", json!(districts[0].0)),
        HOME,
        json!("[10.1.0.0/16]"),
    );
    assert_eq!(preview["changed"], json!(SENSORS / 2));
    let lower = text.replace("10.0.0.0/8", "10.1.0.0/16");
    let expected = |number: usize| {
        if (number % COMMUNES).is_multiple_of(2) {
            lower.as_str()
        } else {
            text
        }
    };
    until("each has its own", || {
        let mut all = sensors.iter().enumerate();
        all.all(|(number, one)| one.told().text == expected(number))
    })
    .await;
    until("each tells its own", || in_state("current") == SENSORS).await;
    // The root's value changes only those that have none of their own.
    let preview = centre.change(("unit_id", json!(1)), HOME, json!("[172.16.0.0/12]"));
    let counts = (&preview["changed"], &preview["unchanged"]);
    assert_eq!(counts, (&json!(SENSORS / 2), &json!(SENSORS / 2)));
    until("they change", || in_state("current") == SENSORS).await;
    assert_eq!(
        sensors[0].told().times,
        2,
        "who has a value of its own is left alone"
    );
    // What would cut a sensor off is refused, and the reason names it.
    let bad = json!({ "unit_id": 1, "changes": [{ "name": "input.interface", "value": "eth9" }] });
    let (status, answer) = centre.send("POST", "/fleet/preview", &bad);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("setting_not_from_afar"))
    );

    // Drift: one is changed by hand and gets the centre's settings again; one refuses, which is an alarm with its reason.
    sensors[3].told().drifted = Some("by hand".to_owned());
    until("drift is healed", || sensors[3].told().drifted.is_none()).await;
    sensors[5].told().refuses = true;
    centre.change(("sensor_id", json!(ids[5])), "log.level", json!("debug"));
    until("it is refused", || centre.states()[&ids[5]] == "refused").await;
    until("an alarm tells it", || {
        let alarms = centre.alarms("configuration_mismatch");
        alarms.iter().any(|alarm| {
            alarm["sensor_id"] == json!(ids[5])
                && alarm["detail"]["reason"] == "HOME_NET: không hiểu"
        })
    })
    .await;
    // Under a silence it stays to be seen.
    let until_tomorrow = json!({ "sensor_id": ids[5], "ends": "now+1d", "reason": "thay máy" });
    centre.ask("POST", "/silences", &until_tomorrow);
    let alarms = centre.alarms("configuration_mismatch");
    assert_eq!(alarms[0]["silence"]["reason"], "thay máy");

    // A bundle comes whole; a restart is over when another program speaks.
    let orders = format!("/sensors/{}/orders", ids[7]);
    let bundle = centre.ask(
        "POST",
        &orders,
        &json!({ "kind": "bundle", "reason": "lỗi" }),
    );
    let newest = |path: &str| centre.get(path)[0].clone();
    until("the bundle is there", || newest(&orders)["state"] == "done").await;
    let (status, content) = centre.send(
        "GET",
        &format!("/orders/{}/bundle", bundle["id"]),
        &Value::Null,
    );
    assert_eq!((status, content), (200, vec![7; 100_000]));
    let orders = format!("/sensors/{}/orders", ids[8]);
    centre.ask(
        "POST",
        &orders,
        &json!({ "kind": "restart", "reason": "thử" }),
    );
    let asked = tokio::time::timeout(PATIENCE, sensors[8].restart.notified());
    asked.await.expect("it is told");
    assert_ne!(newest(&orders)["state"], "done", "it has not come back");
    sensors[8].stop().await;
    sensors[8].running = Some(sensors[8].program("spool-after"));
    until("it is back", || newest(&orders)["state"] == "done").await;

    // A revoked one is gone, and does not come back.
    let path = format!("/sensors/{}/revoke", ids[9]);
    centre.ask("POST", &path, &json!({ "reason": "mất máy" }));
    assert!(!centre.states().contains_key(&ids[9]));
    let before = sensors[9].told().times;
    centre.change(("unit_id", json!(1)), "records.disabled", json!("netflow"));
    // All but the revoked one, and the one that refuses.
    until("the others go on", || in_state("current") == SENSORS - 2).await;
    assert_eq!(sensors[9].told().times, before, "it is told nothing");

    // A clone: another machine with the same certificate.
    assert!(
        centre.alarms("sensor_cloned").is_empty(),
        "restarts and new links are no clones"
    );
    let twin = sensors[11].program("spool-of-the-twin");
    until("the clone is noticed", || {
        let alarms = centre.alarms("sensor_cloned");
        alarms
            .iter()
            .any(|alarm| alarm["sensor_id"] == json!(ids[11]))
    })
    .await;
    assert_eq!(centre.alarms("sensor_cloned").len(), 1);
    twin.abort();
    for sensor in &mut sensors {
        sensor.stop().await;
    }
}
