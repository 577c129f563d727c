//! `top` on a terminal, as a person sees it: a terminal is emulated, and what is drawn on it is read.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);
const ROWS: u16 = 40;
const COLUMNS: u16 = 130;

/// The program on a terminal of `script`, and the screen that it draws.
struct Terminal {
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    fn start(config: &Path) -> Terminal {
        let program = format!(
            "stty rows {ROWS} cols {COLUMNS}; exec {} top --lang en --config {}",
            env!("CARGO_BIN_EXE_matluoi-sensor"),
            config.display()
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &program, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script (bsdutils) is there");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let mut output = child.stdout.take().expect("it is piped");
        let drawn = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                drawn.lock().expect("no panic").process(&bytes[..length]);
            }
        });
        Terminal { child, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    fn press(&mut self, key: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        input.write_all(key.as_bytes()).expect("it is typed");
        input.flush().expect("it is typed");
    }

    fn wait(&self, what: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if what.iter().all(|part| text.contains(part)) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "not drawn: {what:?}:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sensor that is stopped with the test.
struct Sensor(Child);

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_page_is_drawn_and_each_key_does_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    std::fs::create_dir(place("state")).expect("it is made");
    std::fs::write(
        place("local.rules"),
        "alert http any any -> any any (msg:\"seen on the wire\"; sid:1; rev:1;)\n\
         alert http any any -> any any (contnet:\"faulty\"; sid:2;)\n",
    )
    .expect("it is written");
    let capture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap/web/browse/input.pcap");
    let config = place("sensor.toml");
    std::fs::write(
        &config,
        format!(
            "state_dir = {:?}\n[input]\nfiles = [{capture:?}]\nrepeat = true\nrebase_time = true\nframes_per_second = 200\n\
             [rules]\npaths = [{:?}]\n[[output]]\nto = \"file:{}\"\n",
            place("state"),
            place("local.rules"),
            place("eve.json").display()
        ),
    )
    .expect("it is written");
    let run = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .args(["run", "--config"])
        .arg(&config)
        .spawn();
    let sensor = Sensor(run.expect("it starts"));
    let begun = Instant::now();
    while std::os::unix::net::UnixStream::connect(place("state/status.sock")).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the sensor does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut top = Terminal::start(&config);
    let text = top.wait(&[
        "Overview",
        "Traffic",
        "Packets/s",
        "Lost, by reason",
        "file:/",
    ]);
    assert!(text.contains("Collector"), "{text}");
    top.press("2");
    top.wait(&["Address", "Sends", "Receives"]);
    top.press("3");
    top.wait(&["seen on the wire"]);
    top.press("4");
    top.wait(&["have faults and are left out"]);
    top.press("l");
    top.wait(&["Tổng quan", "Máy gửi nhiều", "Điều cần sửa"]);
    top.press("1");
    top.wait(&["Lưu lượng", "Mất mát theo nguyên nhân"]);
    top.press("p");
    top.wait(&["TẠM DỪNG"]);
    top.press("p");

    drop(sensor);
    top.press("l");
    top.wait(&["Overview", "the sensor has stopped"]);
    top.press("q");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = top.child.try_wait().expect("it can be asked") {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "q does not end it");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
    let parser = top.screen.lock().expect("no panic");
    assert!(
        !parser.screen().alternate_screen(),
        "the terminal is given back"
    );
}
