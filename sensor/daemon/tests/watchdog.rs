//! What the sensor tells a service manager that started it (sd_notify(3)), while it is confined.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);
const LIMIT: Duration = Duration::from_millis(400);

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("something is told");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn signs_of_life_come_from_the_start_to_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for name in ["state", "log", "etc"] {
        std::fs::create_dir(place(name)).expect("it is made");
    }
    let capture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap/web/browse/input.pcap");
    let config = place("etc/sensor.toml");
    let text = format!(
        "state_dir = {:?}\n[input]\nfiles = [{capture:?}]\n[[output]]\nto = \"file:{}\"\n",
        place("state"),
        place("log/eve.json").display()
    );
    std::fs::write(&config, text).expect("it is written");
    let socket = UnixDatagram::bind(place("notify")).expect("it is bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is set");
    let mut child = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .args(["run", "--config"])
        .arg(&config)
        .env("NOTIFY_SOCKET", place("notify"))
        .env("WATCHDOG_USEC", LIMIT.as_micros().to_string())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it starts");

    let first = [(); 4].map(|()| told(&socket));
    let killed = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .expect("it runs");
    assert!(killed.success() && child.wait().expect("it ends").success());
    assert_eq!(first, ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    while told(&socket) != "STOPPING=1" {}
}
