//! A sensor without a collector: its records go to a file, a Unix socket and syslog, and its counters to Prometheus.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);

fn capture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap/web/browse/input.pcap")
}

fn sensor(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .arg("run")
        .arg("--config")
        .arg(config)
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it starts")
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn metrics(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[test]
fn records_go_to_every_output_and_counters_to_prometheus() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for name in ["state", "log", "etc"] {
        std::fs::create_dir(place(name)).expect("it is made");
    }
    std::fs::write(
        place("etc/local.rules"),
        "alert http any any -> any any (msg:\"seen\"; sid:1; rev:1;)\n",
    )
    .expect("it is written");
    let socket = UnixListener::bind(place("eve.sock")).expect("it listens");
    let syslog = UdpSocket::bind("127.0.0.1:0").expect("a port");
    syslog.set_read_timeout(Some(PATIENCE)).expect("it is set");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let config = place("etc/sensor.toml");
    std::fs::write(
        &config,
        format!(
            "state_dir = {:?}\n[input]\nfiles = [{:?}]\n[rules]\npaths = [{:?}]\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n\
             [[output]]\nto = \"file:{}\"\n[[output]]\nto = \"unix:{}\"\nclasses = [\"alert\"]\n\
             [[output]]\nto = \"syslog+udp://{}\"\nclasses = [\"alert\"]\n",
            place("state"),
            capture(),
            place("etc/local.rules"),
            place("log/eve.json").display(),
            place("eve.sock").display(),
            syslog.local_addr().expect("an address"),
        ),
    )
    .expect("it is written");
    let mut child = sensor(&config);

    let (stream, _) = socket.accept().expect("it is connected to");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a line");
    let alert: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&alert["event_type"], &alert["alert"]["signature_id"]),
        (&"alert".into(), &1.into())
    );

    let mut buffer = vec![0; 65_536];
    let length = syslog.recv(&mut buffer).expect("a datagram");
    let message = String::from_utf8_lossy(&buffer[..length]);
    assert!(
        message.starts_with("<172>1 20") && message.contains("\"seen\""),
        "{message}"
    );

    let file = format!("{{output=\"file:{}\"}}", place("log/eve.json").display());
    let text = wait("the file's records", || {
        let text = metrics(port)?;
        let written = sample(&text, &format!("matluoi_sensor_output_written_total{file}"))?;
        let queued = sample(&text, &format!("matluoi_sensor_output_queued_bytes{file}"))?;
        let packets = sample(&text, "matluoi_sensor_packets_total")?;
        (written > 1 && queued == 0 && packets > 10).then_some(text)
    });
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(
        sample(&text, &format!("matluoi_sensor_output_lost_total{file}")),
        Some(0)
    );
    assert!(
        !text.contains("matluoi_sensor_link_up"),
        "there is no collector: {text}"
    );

    let pid = child.id().to_string();
    let killed = Command::new("kill").arg(&pid).status().expect("it runs");
    assert!(killed.success());
    assert!(child.wait().expect("it ends").success());
    let eve = std::fs::read_to_string(place("log/eve.json")).expect("it is there");
    let records: Vec<serde_json::Value> = eve
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for kind in ["alert", "http", "flow"] {
        assert!(
            records.iter().any(|record| record["event_type"] == kind),
            "{kind}: {eve}"
        );
    }
}

#[test]
fn without_collector_and_output_nothing_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("sensor.toml");
    std::fs::write(
        &config,
        format!(
            "state_dir = {:?}\n[input]\nfiles = [{:?}]\n",
            folder.path(),
            capture()
        ),
    )
    .expect("it is written");
    let output = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .args(["run", "--config"])
        .arg(&config)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("[[output]]"),
        "{told}"
    );
}
