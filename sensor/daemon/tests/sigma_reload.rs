//! Sigma rules that change under a sensor that runs: others take their place without a break, and faulty ones do not.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A sensor that reads one capture again and again; killed when the test ends, however it does.
struct Sensor {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    eve: PathBuf,
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sensor {
    fn start(config: &Path, eve: PathBuf) -> Sensor {
        let mut child = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
            .args(["run", "--config"])
            .arg(config)
            .env("MATLUOI_LOG", "info")
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().expect("no thread has failed").push(line);
            }
        });
        Sensor { child, log, eve }
    }

    fn told(&self, what: &str) -> Vec<String> {
        let log = self.log.lock().expect("no thread has failed");
        log.iter()
            .filter(|line| line.contains(what))
            .cloned()
            .collect()
    }

    /// Waits until something was told so often, and gives the last of it.
    fn wait_told(&mut self, what: &str, times: usize) -> String {
        self.wait(what, |own| {
            let told = own.told(what);
            (told.len() >= times).then(|| told.last().cloned())?
        })
    }

    fn wait<T>(&mut self, what: &str, look: impl Fn(&Sensor) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().expect("it is ours");
            assert!(ended.is_none(), "it ended: {:#?}", self.told(""));
            let late = begun.elapsed() > PATIENCE;
            assert!(!late, "not seen: {what}: {:#?}", self.told(""));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn reload(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-HUP", &pid]).status();
        assert!(status.expect("it runs").success());
    }

    /// Alerts by their rule's title.
    fn alerts(&self, title: &str) -> usize {
        let text = std::fs::read_to_string(&self.eve).unwrap_or_default();
        let records = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        records
            .filter(|record: &Value| record["alert"]["signature"] == title)
            .count()
    }

    /// Waits for alerts of a rule beyond those that there are.
    fn wait_alerts(&mut self, title: &str) {
        let before = self.alerts(title);
        self.wait(title, |own| (own.alerts(title) > before).then_some(()));
    }
}

/// The value of a field of a line of the log.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let from = line.find(name).map(|at| at + name.len());
    let rest = from.and_then(|at| line.get(at..)).unwrap_or_default();
    let rest = rest.trim_start_matches('"');
    rest.split([' ', '"']).next().unwrap_or_default()
}

fn rule(title: &str, modifier: &str) -> String {
    format!(
        "title: {title}\nlogsource: {{category: webserver}}\ndetection:\n  s: {{cs-method{modifier}: GET}}\n  condition: s\n"
    )
}

#[test]
fn other_rules_take_over_and_faulty_ones_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let open = |path: &Path| {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("it is set");
    };
    open(folder.path());
    for name in ["state", "log", "etc"] {
        std::fs::create_dir(place(name)).expect("it is made");
        open(&place(name));
    }
    let write = |text: &str| {
        // As an editor does: the file is whole whenever it is read.
        std::fs::write(place("etc/new"), text).expect("it is written");
        std::fs::rename(place("etc/new"), place("etc/rules.yml")).expect("it is moved");
    };
    write(&rule("First", ""));
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap/web/browse");
    let config = place("etc/sensor.toml");
    let (state, input, sigma) = (
        place("state"),
        capture.join("input.pcap"),
        place("etc/rules.yml"),
    );
    let eve = place("log/eve.json");
    let text = format!(
        "state_dir = {state:?}\n[input]\nfiles = [{input:?}]\nrepeat = true\nrebase_time = true\nframes_per_second = 1000\n\
         [rules]\nsigma = [{sigma:?}]\non-fault = \"refuse\"\n[[output]]\nto = \"file:{}\"\n",
        eve.display()
    );
    std::fs::write(&config, text).expect("it is written");
    let mut sensor = Sensor::start(&config, eve);
    let first = sensor.wait_told(" hash=", 1);
    assert_eq!(field(&first, " sigma="), "1", "{first}");
    sensor.wait_alerts("First");
    assert_eq!(sensor.alerts("Second"), 0);

    // Another rule takes over.
    write(&rule("Second", ""));
    sensor.reload();
    let second = sensor.wait_told("rules reloaded", 1);
    assert_ne!(field(&first, " hash="), field(&second, " hash="));
    sensor.wait_alerts("Second");

    // A faulty one does not: the place is told, and what ran goes on.
    write(&format!(
        "{}---\n{}",
        rule("Third", ""),
        rule("Fourth", "|contians")
    ));
    sensor.reload();
    let refused = sensor.wait_told("rules were not reloaded", 1);
    let fault = "rules.yml:10:7: there is no modifier \"contians\"; did you mean \"contains\"?";
    assert!(refused.contains(fault), "{refused}");
    let first_alerts = sensor.alerts("First");
    sensor.wait_alerts("Second");
    assert_eq!((sensor.alerts("Third"), sensor.alerts("Fourth")), (0, 0));
    assert_eq!(sensor.alerts("First"), first_alerts, "it was replaced");

    // Mended, it does.
    write(&format!(
        "{}---\n{}",
        rule("Third", ""),
        rule("Fourth", "|contains")
    ));
    sensor.reload();
    let third = sensor.wait_told("rules reloaded", 2);
    assert_eq!(field(&third, " sigma="), "2", "{third}");
    assert_ne!(field(&second, " hash="), field(&third, " hash="));
    sensor.wait_alerts("Third");
    sensor.wait_alerts("Fourth");
    // The first set again has the first hash.
    write(&rule("First", ""));
    sensor.reload();
    let last = sensor.wait_told("rules reloaded", 3);
    assert_eq!(field(&first, " hash="), field(&last, " hash="));
}
