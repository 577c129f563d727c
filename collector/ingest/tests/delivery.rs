//! A real shipper against a real server over loopback: every record arrives exactly once.

#[allow(dead_code)]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector_ingest::PublishedRules;
use sensor_event::Class;
use sensor_ship::{EnrolmentString, RulesDesk, RulesState, SealedRules, enrol};
use sha2::{Digest, Sha256};
use support::{Collector, Desk, Sensor, record};

const CLASSES: [Class; 3] = [Class::Alert, Class::Record, Class::Flow];

fn append(sensor: &Sensor, range: std::ops::RangeInclusive<u64>) {
    let recorder = sensor.spool.handle();
    for n in range {
        for class in CLASSES {
            recorder.append(class, record(class, n).as_bytes());
        }
    }
}

async fn drain(sensor: &Sensor) {
    sensor.spool.flush().await;
    tokio::time::timeout(Duration::from_secs(60), sensor.shipper.drain())
        .await
        .expect("everything is acknowledged");
}

fn each_once(stored: &BTreeMap<(String, u64), u32>, through: u64) {
    assert_eq!(stored.len() as u64, through * CLASSES.len() as u64);
    for class in CLASSES {
        for n in 1..=through {
            let times = stored.get(&(class.name().to_owned(), n));
            assert_eq!(times, Some(&1), "{} {n}", class.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_arrives_exactly_once() {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let collector = Collector::start(there.path(), &desk, "127.0.0.1:0").await;
    Sensor::enrol(home.path(), &collector).await;
    let sensor = Sensor::start(home.path());
    for round in 0..10 {
        append(&sensor, round * 500 + 1..=(round + 1) * 500);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sensor.spool.handle().append(Class::Context, b"{\"n\":1}");
    drain(&sensor).await;
    each_once(&collector.stored(), 5_000);
    assert_eq!(desk.rows().alerts.len(), 5_000);
    assert!(desk.rows().alerts.values().all(|&times| times == 1));
    let (stored, rejected) = {
        let rows = desk.rows();
        (rows.stored, rows.rejected)
    };
    assert_eq!((stored, rejected), (15_000, 1));
    assert_eq!(desk.rows().quarantined.len(), 1);
    let ledger = sensor.spool.ledger();
    for class in CLASSES {
        let total = ledger.total(class);
        assert_eq!((total.made, total.sent, total.acked), (5_000, 5_000, 5_000));
    }
    // The ledger is told by heartbeat.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let made: u64 = {
        let rows = desk.rows();
        let told: BTreeMap<_, _> = rows
            .heartbeats
            .iter()
            .flat_map(|heartbeat| &heartbeat.ledger)
            .map(|row| ((row.hour, row.class), row.made))
            .collect();
        told.values().sum()
    };
    assert_eq!(made, 15_001);
    sensor.stop().await;
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_failures_lose_and_double_nothing() {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let mut collector = Collector::start(there.path(), &desk, "127.0.0.1:0").await;
    let address = collector.delivery.clone();
    Sensor::enrol(home.path(), &collector).await;
    let mut sensor = Sensor::start(home.path());
    desk.fails.store(7, Ordering::Relaxed);
    for round in 0..8 {
        append(&sensor, round * 400 + 1..=(round + 1) * 400);
        sensor.spool.flush().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        if round % 2 == 0 {
            collector.stop().await;
            collector = Collector::start(there.path(), &desk, &address).await;
        } else {
            sensor.stop().await;
            sensor = Sensor::start(home.path());
        }
    }
    desk.fails.store(0, Ordering::Relaxed);
    drain(&sensor).await;
    each_once(&collector.stored(), 3_200);
    assert_eq!(desk.rows().alerts.len(), 3_200);
    assert!(desk.rows().alerts.values().all(|&times| times == 1));
    assert_eq!(desk.rows().stored, 9_600);
    sensor.stop().await;
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_takes_a_token_once_and_the_right_authority() {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let collector = Collector::start(there.path(), &desk, "127.0.0.1:0").await;
    let string = EnrolmentString::parse(&collector.enrolment_string()).expect("it is whole");
    let other_authority = EnrolmentString {
        ca_sha256: "00".repeat(32),
        ..string.clone()
    };
    let other_token = EnrolmentString {
        token: "guess".to_owned(),
        ..string.clone()
    };
    for bad in [other_authority, other_token] {
        enrol(&bad.to_string(), home.path(), "sensor")
            .await
            .expect_err("it is refused");
    }
    let enrolled = enrol(&string.to_string(), home.path(), "sensor")
        .await
        .expect("it enrols");
    // Both have the clock of this machine.
    let ahead_ms = enrolled.ahead_ms.expect("the collector tells its time");
    assert!(ahead_ms.abs() < 60_000, "{ahead_ms}");
    enrol(&string.to_string(), home.path(), "sensor")
        .await
        .expect_err("the token is spent");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_sensor_is_shut_out() {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let collector = Collector::start(there.path(), &desk, "127.0.0.1:0").await;
    Sensor::enrol(home.path(), &collector).await;
    let sensor = Sensor::start(home.path());
    append(&sensor, 1..=10);
    drain(&sensor).await;
    desk.rows().revoked = true;
    let mut connected = sensor.shipper.connected();
    tokio::time::timeout(
        Duration::from_secs(20),
        connected.wait_for(|&connected| !connected),
    )
    .await
    .expect("it is cut off in time")
    .expect("the shipper runs");
    append(&sensor, 11..=20);
    sensor.spool.flush().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    each_once(&collector.stored(), 10);
    assert_eq!(sensor.spool.backlog().total(), 30);
    sensor.stop().await;
    collector.stop().await;
}

/// Published rules come once, as they are, and again when others are published.
#[tokio::test(flavor = "multi_thread")]
async fn published_rules_come_to_the_sensor() {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let collector = Collector::start(there.path(), &desk, "127.0.0.1:0").await;
    let identity = Sensor::enrol(home.path(), &collector).await;
    let taken: Arc<Mutex<Vec<SealedRules>>> = Arc::default();
    let (taking, telling) = (Arc::clone(&taken), Arc::clone(&taken));
    // What it runs is what it took last.
    let rules = RulesDesk {
        authority: identity.authority().to_owned(),
        folder: home.path().to_owned(),
        take: Arc::new(move |rules| taking.lock().expect("not poisoned").push(rules)),
        refuse: Arc::new(|_, reason| panic!("{reason}")),
        state: Arc::new(move || RulesState {
            hash: telling
                .lock()
                .expect("not poisoned")
                .last()
                .map(|rules| rules.manifest.hash.clone())
                .unwrap_or_default(),
            refused: None,
        }),
    };
    let sensor = Sensor::start_with(home.path(), Some(rules));
    // Hashes of files are as good as random: packed, they are many parts long.
    let mut hashes = String::new();
    for number in 0..20_000_u64 {
        let mixed = number
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let other = mixed.rotate_left(31).wrapping_mul(0x94d0_49bb_1331_11eb);
        hashes.push_str(&format!(
            "{mixed:016x}{other:016x}{:016x}{:016x}\n",
            mixed ^ other.rotate_left(7),
            other ^ mixed.rotate_left(13)
        ));
    }
    let texts = ["luật một\n".to_owned(), hashes, String::new()];
    for (count, text) in (1..).zip(&texts) {
        let hash = match text.as_str() {
            "" => String::new(),
            text => Sha256::digest(text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        };
        desk.rows().rules = Some(PublishedRules {
            hash,
            text: text.clone(),
        });
        let came = async {
            while taken.lock().expect("not poisoned").len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), came)
            .await
            .expect("it comes with the next heartbeat");
    }
    // It runs what it is to run: nothing comes any more.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let came = taken.lock().expect("not poisoned").clone();
    assert!(came.iter().map(|rules| &rules.text).eq(&texts));
    assert!(came.is_sorted_by_key(|rules| rules.manifest.issued_ms));
    let told = desk
        .rows()
        .heartbeats
        .last()
        .and_then(|beat| beat.rules.clone());
    assert_eq!(told.map(|told| told.hash).as_deref(), Some(""));
    sensor.stop().await;
}
