//! A sensor that was taken over gets nowhere: attempts from inside the confined process.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// So much is tried, whatever the kernel refuses.
const ATTEMPTS: usize = 21;

fn open_to_all(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is set");
}

#[test]
fn nothing_but_the_needs_can_be_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    open_to_all(folder.path(), 0o755);
    let place = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).expect("it is made");
        path
    };
    let (state, etc, outside) = (place("state"), place("etc"), place("outside"));
    open_to_all(&outside, 0o777);
    std::fs::write(outside.join("file"), "for all").expect("it is written");
    open_to_all(&outside.join("file"), 0o666);

    let (collector, other) = (
        TcpListener::bind("127.0.0.1:0").expect("a port"),
        TcpListener::bind("127.0.0.1:0").expect("a port"),
    );
    let address = |listener: &TcpListener| listener.local_addr().expect("it has one").to_string();
    std::fs::write(
        state.join("sensor.json"),
        format!(
            r#"{{"sensor_id": "id", "address": "{}"}}"#,
            address(&collector)
        ),
    )
    .expect("it is written");
    for name in ["key.pem", "certificate.pem", "ca.pem"] {
        std::fs::write(state.join(name), "").expect("it is written");
    }
    open_to_all(&state.join("key.pem"), 0o600);
    let rules = etc.join("rules");
    std::fs::create_dir(&rules).expect("it is made");
    open_to_all(&rules, 0o777);
    let root = std::fs::metadata("/proc/self").expect("it is there").uid() == 0;
    let user = if root {
        "[run]\nuser = \"nobody\"\n"
    } else {
        ""
    };
    let config = etc.join("sensor.toml");
    std::fs::write(
        &config,
        format!(
            "state_dir = {state:?}\n{user}[input]\ninterface = \"lo\"\n[rules]\npaths = [{rules:?}]\n"
        ),
    )
    .expect("it is written");

    let output = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .arg("try-confinement")
        .args(["--elsewhere", &address(&other)])
        .arg("--config")
        .arg(&config)
        .arg("--outside")
        .arg(&outside)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let report: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{output:?}"));
    let abi = report["state"]["landlock_abi"].as_i64().expect("a number");
    let attempts = report["attempts"].as_array().expect("a list");
    println!("confine: Landlock {abi}");
    for gap in report["state"]["gaps"].as_array().expect("a list") {
        println!("confine: gap: {gap}");
    }
    for one in attempts {
        let (what, wanted, possible) = (&one["what"], &one["wanted"], &one["possible"]);
        println!("confine: {what}: possible {possible}, {}", one["error"]);
        // The first version that closes it; below, it is closed by seccomp or the user's rights, or told as a gap.
        let since = match what.as_str().expect("text") {
            "read a file outside"
            | "write a file outside"
            | "make a file outside"
            | "list a folder outside"
            | "move a file out"
            | "write the rules" => 1,
            "connect elsewhere" => 4,
            _ => 0,
        };
        assert!(possible == wanted || abi < since, "{what}: {text}");
    }
    assert_eq!(attempts.len(), ATTEMPTS, "{text}");
    if abi >= 4 {
        assert!(output.status.success(), "{text}");
    }
    if root {
        assert_eq!(report["state"]["user"], "nobody");
        let key = std::fs::metadata(state.join("key.pem")).expect("it is there");
        assert_ne!(key.uid(), 0, "the key belongs to the sensor's user");
    }
}

#[test]
fn a_user_that_does_not_exist_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path();
    for name in ["key.pem", "certificate.pem", "ca.pem"] {
        std::fs::write(state.join(name), "").expect("it is written");
    }
    std::fs::write(
        state.join("sensor.json"),
        r#"{"sensor_id": "id", "address": "127.0.0.1:1"}"#,
    )
    .expect("it is written");
    let config = state.join("sensor.toml");
    std::fs::write(
        &config,
        format!(
            "state_dir = {state:?}\n[input]\ninterface = \"lo\"\n[run]\nuser = \"no-such-user-here\"\n"
        ),
    )
    .expect("it is written");
    if std::fs::metadata("/proc/self").expect("it is there").uid() != 0 {
        eprintln!("skipped: only root changes its user");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .args([
            "try-confinement",
            "--elsewhere",
            "127.0.0.1:1",
            "--outside",
            "/",
        ])
        .arg("--config")
        .arg(&config)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("no-such-user-here"), "{told}");
}
