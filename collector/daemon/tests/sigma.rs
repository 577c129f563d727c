//! Kills the collector at random moments while records come over HTTP, then counts the alerts of its own rules.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use collector_state::{
    Alarm, AlarmFilter, AlarmKind, GroupFilter, GroupPage, GroupSort, Page, Scope, Store,
    StoreOptions,
};

const RULE: &str = "
title: Tunnel
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {category: dns}
detection:
  s: {query|endswith: .tunnel.example}
  condition: s
";
const KILLS: usize = 8;
/// Records of a request; every third matches.
const RECORDS: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(120);

struct Bench<'a> {
    folder: &'a Path,
    api: SocketAddr,
}

impl Bench<'_> {
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"));
        command.env("MATLUOI_LOG", "error").stdin(Stdio::null());
        command
    }

    fn start(&self) -> Child {
        let config = self.folder.join("collector.toml");
        let mut command = self.program();
        let child = command.arg("serve").arg("--config").arg(config).spawn();
        child.expect("the collector starts")
    }

    fn token(&self) -> String {
        let mut command = self.program();
        command.args(["admin", "source", "--name", "resolver", "--data"]);
        let output = command.arg(self.folder.join("data")).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("it is text");
        text.split_whitespace().last().expect("a token").to_owned()
    }

    fn figures(&self) -> String {
        let mut answer = String::new();
        let mut stream = TcpStream::connect(self.api).expect("it listens");
        let request = "GET /metrics HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it takes");
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// Sends records with their numbers; whether they were taken.
    fn send(&self, token: &str, first: u64) -> bool {
        let body: String = (first..first + RECORDS).map(record).collect();
        let request = format!(
            "POST /api/v1/ingest?epoch=7&seq={first} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        let sent = TcpStream::connect(self.api).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        let is_taken = sent.is_ok() && answer.starts_with("HTTP/1.1 200");
        if !is_taken {
            // No faster than it may be asked.
            std::thread::sleep(Duration::from_millis(20));
        }
        is_taken
    }
}

fn record(n: u64) -> String {
    let name = if n.is_multiple_of(3) {
        format!("{n}.tunnel.example")
    } else {
        format!("{n}.good.example")
    };
    format!(
        "{{\"timestamp\":\"2026-03-01T01:02:03.{n:06}+0000\",\"event_type\":\"dns\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.53\",\"dns\":{{\"type\":\"request\",\"id\":{n},\"queries\":[{{\"rrname\":\"{name}\"}}]}}}}\n"
    )
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is wrong now.
async fn alarms(folder: &Path) -> Vec<Alarm> {
    let path = folder.join("data/state.sqlite");
    let store = Store::open(&path, StoreOptions::default()).await;
    let store = store.expect("it opens");
    let page = Page {
        limit: 100,
        before: None,
    };
    let alarms = store.alarms(&Scope::All, AlarmFilter::Open, page).await;
    store.close().await;
    alarms.expect("it reads").items
}

/// Alerts of a rule in the inbox, and whether others are on their way.
async fn alerts(folder: &Path, title: &str) -> (u64, bool) {
    let path = folder.join("data/state.sqlite");
    let store = Store::open(&path, StoreOptions::default()).await;
    let store = store.expect("it opens");
    let filter = GroupFilter {
        scope: Scope::All,
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
    let groups = store.groups(&filter, page).await.expect("it reads");
    let waiting = store.sigma_alerts(1).await.expect("it reads");
    store.close().await;
    let of_rule = groups.iter().filter(|group| group.signature == title);
    let grouped = of_rule.map(|group| group.count).sum::<u64>();
    (grouped, !waiting.is_empty())
}

/// Writes a configuration and a rule; tells where the API will be.
fn configured(folder: &Path) -> SocketAddr {
    let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [api, delivery, enrolment] = free.map(|one| one.local_addr().expect("it is bound"));
    std::fs::write(folder.join("rule.yml"), RULE).expect("it is written");
    let (data, rule) = (folder.join("data"), folder.join("rule.yml"));
    let config = format!(
        "data_dir = {data:?}\n[api]\nlisten = \"{api}\"\n[delivery]\nlisten = \"{delivery}\"\n\
         [enrolment]\nlisten = \"{enrolment}\"\n[disk]\nreserve_megabytes = 1\n[sigma]\nshipped = false\nrules = [{rule:?}]\n"
    );
    std::fs::write(folder.join("collector.toml"), config).expect("it is written");
    api
}

fn signal(process: &Child, name: &str) {
    let mut kill = Command::new("kill");
    let told = kill.arg(name).arg(process.id().to_string()).status();
    assert!(told.expect("kill runs").success());
}

#[test]
fn every_match_alerts_once_whenever_the_collector_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let api = configured(folder);
    let bench = Bench { folder, api };
    let mut collector = bench.start();
    until("start", || TcpStream::connect(api).is_ok());
    let token = bench.token();
    let next = AtomicU64::new(1);
    for _ in 0..KILLS {
        let (before, over) = (next.load(Ordering::SeqCst), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    if bench.send(&token, next.load(Ordering::SeqCst)) {
                        next.fetch_add(RECORDS, Ordering::SeqCst);
                    }
                }
            });
            until("a request", || next.load(Ordering::SeqCst) > before);
            std::thread::sleep(Duration::from_millis(fastrand::u64(0..900)));
            collector.kill().expect("it is killed");
            over.store(true, Ordering::SeqCst);
        });
        collector.wait().expect("it is gone");
        collector = bench.start();
        until("start", || TcpStream::connect(api).is_ok());
    }
    // What was cut off by the last kill, and whatever waits.
    let last = next.load(Ordering::SeqCst);
    until("the rest", || bench.send(&token, last));
    let expected = (last + RECORDS - 1) / 3;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    until("alerts", || {
        let (grouped, waits) = runtime.block_on(alerts(folder, "Tunnel"));
        grouped >= expected && !waits
    });
    let figures = bench.figures();
    // The last request came to this process alone.
    let looked_at = format!("matluoi_sigma{{what=\"records\"}} {RECORDS}");
    assert!(figures.contains(&looked_at), "{figures}");
    signal(&collector, "-TERM");
    assert!(collector.wait().expect("it ends").success());
    assert!(expected > 40, "hardly any load: {expected}");
    assert_eq!(
        runtime.block_on(alerts(folder, "Tunnel")),
        (expected, false)
    );
}

#[test]
fn rules_are_read_anew_at_a_hangup_and_faults_leave_those_that_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let api = configured(folder);
    let bench = Bench { folder, api };
    let mut collector = bench.start();
    until("start", || TcpStream::connect(api).is_ok());
    let token = bench.token();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let next = AtomicU64::new(1);
    let until_alerted = |title: &str| {
        until(title, || {
            if bench.send(&token, next.load(Ordering::SeqCst)) {
                next.fetch_add(RECORDS, Ordering::SeqCst);
            }
            runtime.block_on(alerts(folder, title)).0 > 0
        });
    };
    until_alerted("Tunnel");
    let other = RULE.replace("title: Tunnel", "title: Other");
    std::fs::write(folder.join("rule.yml"), other).expect("it is written");
    signal(&collector, "-HUP");
    until_alerted("Other");
    // Without its file nothing can be read: the rules that run go on.
    std::fs::remove_file(folder.join("rule.yml")).expect("it is removed");
    signal(&collector, "-HUP");
    let (before, _) = runtime.block_on(alerts(folder, "Other"));
    until("more", || {
        if bench.send(&token, next.load(Ordering::SeqCst)) {
            next.fetch_add(RECORDS, Ordering::SeqCst);
        }
        runtime.block_on(alerts(folder, "Other")).0 > before
    });
    signal(&collector, "-TERM");
    assert!(collector.wait().expect("it ends").success());
}

/// Which devices of the network are which: by what they send, and from where.
const DEVICES: &str = "
logsources:
  - logsource: {product: cisco}
    events: [syslog]
    when: {syslog.hostname: [core-rt01]}
    keywords: [syslog]
";
const DEVICE_RULES: &str = "
title: Router configured
level: low
logsource: {product: cisco, service: aaa}
detection:
  keywords: ['configure terminal']
  condition: keywords
---
title: Firewall admin
level: high
logsource: {product: fortigate, service: event}
detection:
  s: {action: Add, cfgpath: system.admin}
  condition: s
";

#[test]
fn logs_of_devices_come_by_syslog_and_rules_run_over_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let api = configured(folder);
    std::fs::write(folder.join("rule.yml"), DEVICE_RULES).expect("it is written");
    std::fs::write(folder.join("devices.yml"), DEVICES).expect("it is written");
    let tcp = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let (tcp, udp) = (tcp.expect("a free port"), udp.expect("a free port"));
    let path = folder.join("collector.toml");
    let config = std::fs::read_to_string(&path).expect("it is there");
    let devices = folder.join("devices.yml");
    let more = format!(
        "pipelines = [{devices:?}]\n[syslog]\nudp = \"{udp}\"\ntcp = \"{tcp}\"\nsenders = [\"127.0.0.1\"]\n"
    );
    std::fs::write(&path, config + &more).expect("it is written");
    let bench = Bench { folder, api };
    let mut collector = bench.start();
    until("start", || TcpStream::connect(tcp).is_ok());

    let mut stream = TcpStream::connect(tcp).expect("it listens");
    let newer = "<189>1 2026-11-24T10:00:00Z core-rt01 aaa - - - user admin ran configure terminal";
    // Not a router of ours: another host.
    let other = newer.replace("core-rt01", "pc-17");
    let framed = format!("{} {newer}{other}\n", newer.len());
    stream.write_all(framed.as_bytes()).expect("it takes");
    drop(stream);
    let older = "<190>Nov 24 10:00:00 fgt1 date=2026-11-24 action=\"Add\" cfgpath=\"system.admin\" msg=\"Add system.admin x\"";
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let sent = socket.send_to(older.as_bytes(), udp);
    sent.expect("it is sent");

    // Of whom may not send.
    let stranger = std::net::UdpSocket::bind("127.0.0.2:0").expect("a socket");
    stranger.send_to(older.as_bytes(), udp).expect("it is sent");

    until("a stranger's", || {
        bench
            .figures()
            .contains("matluoi_syslog{what=\"lost_not_allowed\"} 1")
    });
    until("messages", || {
        bench
            .figures()
            .contains("matluoi_syslog{what=\"stored\"} 3")
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for title in ["Router configured", "Firewall admin"] {
        until(title, || runtime.block_on(alerts(folder, title)).0 > 0);
        assert_eq!(runtime.block_on(alerts(folder, title)).0, 1, "{title}");
    }
    // Who refuses somebody is told of it.
    until("an alarm", || {
        let alarms = runtime.block_on(alarms(folder));
        let refused = alarms
            .iter()
            .find(|alarm| alarm.kind == AlarmKind::SyslogRefused);
        refused.is_some_and(|alarm| {
            let detail = r#"{"addresses":1,"messages":1,"senders":["127.0.0.2"]}"#;
            assert_eq!(alarm.detail, detail);
            true
        })
    });
    let figures = bench.figures();
    for lost in ["lost_no_room", "lost_not_stored", "cut"] {
        let row = format!("matluoi_syslog{{what=\"{lost}\"}} 0");
        assert!(figures.contains(&row), "{figures}");
    }
    signal(&collector, "-TERM");
    assert!(collector.wait().expect("it ends").success());
}
