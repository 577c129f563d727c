use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use super::*;

const ALERT: &str =
    r#"{"timestamp":"2026-11-24T17:30:00.123456+0000","flow_id":1,"event_type":"alert"}"#;
const FLOW: &str =
    r#"{"timestamp":"2026-11-24T17:30:01.000000+0000","flow_id":2,"event_type":"flow"}"#;

fn start(plan: OutletPlan) -> Outlets {
    let prepared = PreparedOutlets::prepare(vec![plan]).expect("it is prepared");
    prepared.start("gate way").expect("it starts")
}

fn to(place: impl std::fmt::Display) -> OutletPlan {
    OutletPlan::new(place.to_string().parse().expect("a place"))
}

fn record(outlets: &Outlets, class: Class, text: &str) {
    outlets.record(class, format!("{text}\n").as_bytes());
}

/// Waits for a state, however slow the machine is.
fn wait(outlets: &Outlets, what: &str, there: impl Fn(&OutletState) -> bool) -> OutletState {
    let begun = Instant::now();
    loop {
        let state = outlets.states().remove(0);
        if there(&state) {
            return state;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{what}: {state:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_file_takes_every_record_of_its_classes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eve.json");
    std::fs::write(&path, "{\"cut\":").expect("it is written");
    let outlets = start(OutletPlan {
        classes: Some(vec![Class::Alert]),
        ..to(format_args!("file:{}", path.display()))
    });
    record(&outlets, Class::Alert, ALERT);
    record(&outlets, Class::Flow, FLOW);
    record(&outlets, Class::Alert, ALERT);
    outlets.close();
    assert_eq!(lines(&path), ["{\"cut\":", ALERT, ALERT]);
    let state = outlets.states().remove(0);
    assert_eq!((state.written, state.lost, state.queued_bytes), (2, 0, 0));
}

#[test]
fn a_file_makes_room_and_is_followed_by_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eve.json");
    let outlets = start(OutletPlan {
        file_bytes: 10,
        ..to(format_args!("file:{}", path.display()))
    });
    for written in 1..=3 {
        record(
            &outlets,
            Class::Flow,
            &format!("{{\"n\":{written}00000000}}"),
        );
        wait(&outlets, "written", |state| state.written == written);
    }
    let old = folder.path().join("eve.json.1");
    assert_eq!(lines(&old), ["{\"n\":200000000}"]);
    assert_eq!(lines(&path), ["{\"n\":300000000}"]);
    // As logrotate does.
    std::fs::rename(&path, folder.path().join("moved")).expect("it is moved");
    record(&outlets, Class::Flow, FLOW);
    outlets.close();
    assert_eq!(lines(&path), [FLOW]);
}

#[test]
fn what_a_file_cannot_take_is_counted_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("missing/eve.json");
    let outlets = start(OutletPlan {
        queue_bytes: 200,
        ..to(format_args!("file:{}", path.display()))
    });
    record(&outlets, Class::Flow, FLOW);
    wait(&outlets, "fault", |state| state.faults > 0);
    for _ in 0..3 {
        record(&outlets, Class::Flow, FLOW);
    }
    let state = outlets.states().remove(0);
    assert_eq!(state.lost, 2, "{state:?}");
    assert!(
        state
            .reason
            .is_some_and(|reason| reason.contains("No such file"))
    );
    assert!(state.last_loss.is_some());
    std::fs::create_dir(folder.path().join("missing")).expect("it is made");
    wait(&outlets, "it goes on", |state| state.written == 2);
    outlets.close();
    assert_eq!(lines(&path), [FLOW, FLOW]);
}

#[test]
fn a_stream_is_connected_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eve.sock");
    let outlets = start(to(format_args!("unix:{}", path.display())));
    record(&outlets, Class::Alert, ALERT);
    wait(&outlets, "nobody listens", |state| state.faults > 0);
    for _ in 0..2 {
        let listener = UnixListener::bind(&path).expect("it listens");
        let (stream, _) = listener.accept().expect("it is connected to");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        assert!(
            line == format!("{ALERT}\n") || line == format!("{FLOW}\n"),
            "{line}"
        );
        drop((reader, listener));
        std::fs::remove_file(&path).expect("it is removed");
        let faults = outlets.states().remove(0).faults;
        // The first write to a socket that has been closed may be the one that notices.
        while outlets.states().remove(0).faults == faults {
            record(&outlets, Class::Flow, FLOW);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    outlets.close();
    let state = outlets.states().remove(0);
    assert_eq!(state.queued_bytes, 0, "{state:?}");
}

#[test]
fn datagrams_are_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eve.sock");
    let receiver = UnixDatagram::bind(&path).expect("it is bound");
    let outlets = start(to(format_args!("unix-datagram:{}", path.display())));
    record(&outlets, Class::Alert, ALERT);
    outlets.record(Class::Flow, &vec![b'x'; 32 << 20]);
    outlets.record(Class::Flow, &vec![b'x'; 8 << 20]);
    record(&outlets, Class::Flow, FLOW);
    for expected in [ALERT, FLOW] {
        let mut buffer = [0; 4_096];
        let length = receiver.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..length], expected.as_bytes());
    }
    outlets.close();
    let state = outlets.states().remove(0);
    assert_eq!((state.written, state.lost), (2, 2), "{state:?}");
}

#[test]
fn syslog_has_head_and_record() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let local = UnixDatagram::bind(&path).expect("it is bound");
    let address = |given: std::io::Result<std::net::SocketAddr>| given.expect("an address");
    let plans = vec![
        to(format_args!("syslog+udp://{}", address(udp.local_addr()))),
        to(format_args!("syslog+tcp://{}", address(tcp.local_addr()))),
        to(format_args!("syslog:{}", path.display())),
    ];
    let prepared = PreparedOutlets::prepare(plans).expect("they are prepared");
    let outlets = prepared.start("gate way").expect("they start");
    record(&outlets, Class::Alert, ALERT);
    record(&outlets, Class::Flow, "{}");
    let process = std::process::id();
    let expected = [
        format!(
            "<172>1 2026-11-24T17:30:00.123456Z gateway matluoi-sensor {process} eve - {ALERT}"
        ),
        format!("<174>1 - gateway matluoi-sensor {process} eve - {{}}"),
    ];
    let mut buffer = [0; 4_096];
    for message in &expected {
        let length = udp.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..length], message.as_bytes());
    }
    for message in [
        format!("<172>matluoi-sensor[{process}]: {ALERT}"),
        format!("<174>matluoi-sensor[{process}]: {{}}"),
    ] {
        let length = local.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..length], message.as_bytes());
    }
    let (mut stream, _) = tcp.accept().expect("it is connected to");
    outlets.close();
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it ends");
    let counted = expected.map(|message| format!("{} {message}", message.len()));
    assert_eq!(text, counted.concat());
}

#[test]
fn the_end_does_not_wait_for_who_takes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let outlets = start(to(format_args!("unix:{}/nobody", folder.path().display())));
    for _ in 0..1_000 {
        record(&outlets, Class::Flow, FLOW);
    }
    outlets.close();
    let state = outlets.states().remove(0);
    assert_eq!((state.written, state.lost), (0, 1_000));
}
