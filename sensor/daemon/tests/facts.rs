//! What is derived from traffic (hosts, services, certificates, software, names that led to addresses, odd ports,
//! histories of connections), in captures of real programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A capture of `tests/pcap`.
fn capture(case: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap");
    folder.join(case).join("input.pcap")
}

fn replay(case: &str) -> Vec<Value> {
    replay_file(&capture(case))
}

fn replay_file(path: &Path) -> Vec<Value> {
    let out = tempfile::tempdir().expect("a folder can be made");
    let status = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .env("MATLUOI_LOG", "error")
        .arg("replay")
        .arg(path)
        .arg("--out")
        .arg(out.path())
        .args(["--set", "matluoi.facts=true"])
        .status()
        .expect("the sensor runs");
    assert!(status.success(), "{}: {status}", path.display());
    let eve = std::fs::read_to_string(out.path().join("eve.json")).expect("it is written");
    eve.lines()
        .map(|line| serde_json::from_str(line).expect("a record is JSON"))
        .collect()
}

fn facts(case: &str) -> Vec<Value> {
    let records = replay(case);
    let facts = records
        .iter()
        .filter(|record| record["event_type"] == "fact");
    facts
        .map(|record| record["matluoi"]["fact"].clone())
        .collect()
}

/// Whether a fact has all these values.
fn has(fact: &Value, wanted: &[(&str, Value)]) -> bool {
    wanted.iter().all(|(name, value)| fact[name] == *value)
}

#[test]
fn facts_are_told_once() {
    const SERVER: &str = "192.168.10.10";
    const CLIENT: &str = "192.168.10.50";
    const FILES: &str = "192.168.10.107";
    let kind = |name: &str| ("kind", Value::from(name));
    let ip = |address: &str| ("ip", Value::from(address));
    let port = |number: u16| ("port", Value::from(number));
    let app = |name: &str| ("app_proto", Value::from(name));
    let text = |said: &str| ("text", Value::from(said));
    let name = |said: &str| ("name", Value::from(said));
    let rows: &[(&str, &[(&str, Value)], usize)] = &[
        ("tls/ordinary", &[kind("host"), ip(CLIENT)], 1),
        ("tls/ordinary", &[kind("certificate"), ip(SERVER)], 1),
        ("tls/ordinary", &[kind("service"), port(443), app("tls")], 1),
        (
            "tls/implant-certificates",
            &[kind("certificate"), ("self_signed", true.into())],
            1,
        ),
        // One fault each, and no other.
        (
            "tls/faulty-certificates",
            &[
                kind("certificate"),
                ("expired", true.into()),
                ("self_signed", Value::Null),
                ("name_mismatch", Value::Null),
            ],
            1,
        ),
        (
            "tls/faulty-certificates",
            &[
                kind("certificate"),
                ("name_mismatch", "dichvucong.tinh.example".into()),
                ("self_signed", Value::Null),
                ("expired", Value::Null),
            ],
            1,
        ),
        (
            "tls/faulty-certificates",
            &[
                kind("certificate"),
                ("self_signed", true.into()),
                ("name_mismatch", Value::Null),
                ("expired", Value::Null),
            ],
            1,
        ),
        (
            "dns/ordinary",
            &[kind("name"), name("dichvucong.tinh.example"), ip(SERVER)],
            1,
        ),
        ("dns/ordinary", &[kind("odd_port")], 0),
        // DNS within HTTP/2, on a port of neither.
        (
            "doh2/lookup",
            &[kind("name"), name("dichvucong.tinh.example"), ip(SERVER)],
            1,
        ),
        (
            "doh2/lookup",
            &[kind("odd_port"), port(8053), app("doh2")],
            1,
        ),
        (
            "doh2/lookup",
            &[kind("software"), ip(CLIENT), text("curl/7.88.1")],
            1,
        ),
        (
            "http2/upgrade",
            &[kind("odd_port"), port(8084), app("http")],
            1,
        ),
        (
            "http2/cleartext",
            &[
                kind("software"),
                ip(SERVER),
                text("nginx/1.22.1"),
                app("http2"),
            ],
            1,
        ),
        (
            "http2/cleartext",
            &[kind("odd_port"), port(8082), app("http2")],
            1,
        ),
        (
            "web/browse",
            &[
                kind("software"),
                ip(SERVER),
                text("nginx/1.22.1"),
                app("http"),
            ],
            1,
        ),
        ("web/browse", &[kind("odd_port")], 0),
        ("ssh/login", &[kind("software"), ip(SERVER), app("ssh")], 1),
        (
            "mysql/session",
            &[kind("software"), ip(SERVER), app("mysql")],
            1,
        ),
        (
            "pgsql/session",
            &[
                kind("software"),
                ip(SERVER),
                text("15.18 (Debian 15.18-0+deb12u1)"),
            ],
            1,
        ),
        (
            "pgsql/session",
            &[kind("software"), ip(CLIENT), text("psql")],
            1,
        ),
        (
            "smb/dialects",
            &[kind("software"), text("Samba 4.17.12-Debian"), app("smb")],
            1,
        ),
        (
            "ftp/upload",
            &[kind("software"), ip(FILES), text("Kho tep noi bo")],
            1,
        ),
        (
            "imap/mail",
            &[
                kind("software"),
                app("imap"),
                text("Dovecot (Debian) ready."),
            ],
            1,
        ),
        (
            "pop3/mail",
            &[
                kind("software"),
                app("pop3"),
                text("Dovecot (Debian) ready."),
            ],
            1,
        ),
        (
            "smtp/mail",
            &[
                kind("software"),
                ip(SERVER),
                text("localhost Python SMTP 1.4.3"),
            ],
            1,
        ),
        (
            "smtp/mail",
            &[
                kind("software"),
                ip(CLIENT),
                text("swaks v20201014.0 jetmore.org/john/code/swaks/"),
            ],
            1,
        ),
        (
            "redis/session",
            &[kind("software"), ip(SERVER), text("Redis 7.0.15")],
            1,
        ),
        (
            "rfb/view",
            &[kind("software"), ip(SERVER), text("RFB 003.008")],
            1,
        ),
        // Data of FTP is no service, the port where it is asked for is.
        (
            "ftp/upload",
            &[kind("service"), ip(FILES), port(21), app("ftp")],
            1,
        ),
        ("ftp/upload", &[kind("service"), app("ftp-data")], 0),
        (
            "modbus/registers",
            &[kind("service"), port(502), app("modbus")],
            1,
        ),
        ("quic/http3", &[kind("service"), port(443), app("quic")], 1),
    ];
    for (case, wanted, times) in rows {
        let found = facts(case).iter().filter(|fact| has(fact, wanted)).count();
        assert_eq!(found, *times, "{case}: {wanted:?}: {:#?}", facts(case));
    }
}

#[test]
fn connections_have_their_history_and_the_names_of_their_server() {
    let flows: Vec<Value> = replay("doh2/lookup")
        .into_iter()
        .filter(|record| record["event_type"] == "flow" && record["dest_port"] == 80)
        .collect();
    let [flow] = flows.as_slice() else {
        panic!("one connection to the portal: {flows:?}");
    };
    assert_eq!(flow["matluoi"]["history"], "ShADadFf");
    assert_eq!(
        flow["matluoi"]["server_names"][0],
        "dichvucong.tinh.example"
    );
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Lost,
    /// Its last byte is another one.
    Changed,
    Repeated,
}

/// A capture of one frame of which something has become. Frames count from 0.
fn damaged(case: &str, damage: Damage, at: usize) -> Vec<u8> {
    let bytes = std::fs::read(capture(case)).expect("it is there");
    let (head, mut rest) = bytes.split_at(24);
    let mut made = head.to_vec();
    let mut number = 0;
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let (frame, after) = rest.split_at(16 + length as usize);
        let mut frame = frame.to_vec();
        let times = match damage {
            Damage::Lost if number == at => 0,
            Damage::Repeated if number == at => 2,
            _ => 1,
        };
        if matches!(damage, Damage::Changed)
            && number == at
            && let Some(last) = frame.last_mut()
        {
            *last ^= 1;
        }
        made.extend(frame.repeat(times));
        rest = after;
        number += 1;
    }
    made
}

#[test]
fn histories_tell_gaps_checksums_and_data_sent_again() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("damaged.pcap");
    // Request and reply of the first connection.
    for (damage, at, history) in [
        (Damage::Lost, 5, "ShADadgFf"),
        (Damage::Lost, 7, "ShADadGFf"),
        (Damage::Changed, 3, "ShADCadGFf"),
        (Damage::Changed, 5, "ShADadcgFf"),
        (Damage::Repeated, 3, "ShADTadFf"),
        (Damage::Repeated, 5, "ShADadtFf"),
    ] {
        std::fs::write(&path, damaged("web/browse", damage, at)).expect("written");
        let records = replay_file(&path);
        let mut flows = records
            .iter()
            .filter(|record| record["event_type"] == "flow");
        let first = flows.next().expect("a flow");
        assert_eq!(first["matluoi"]["history"], history, "{damage:?} {at}");
    }
}
