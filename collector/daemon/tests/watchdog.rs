//! What the collector tells a service manager that started it (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("something is told");
    String::from_utf8_lossy(&buffer[..length])
        .trim_end()
        .to_owned()
}

#[test]
fn signs_of_life_come_from_the_start_to_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("collector.toml");
    let text = format!(
        "data_dir = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\n[delivery]\nlisten = \"127.0.0.1:0\"\n\
         [enrolment]\nlisten = \"127.0.0.1:0\"\n[sigma]\nshipped = false\n",
        folder.path().join("data")
    );
    std::fs::write(&config, text).expect("it is written");
    let socket = UnixDatagram::bind(folder.path().join("notify")).expect("it is bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is set");
    let mut child = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"))
        .args(["serve", "--config"])
        .arg(&config)
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "400000")
        .env("MATLUOI_LOG", "error")
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
