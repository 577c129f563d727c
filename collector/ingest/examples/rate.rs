//! How fast records become durable: bare indexing of the records of an EVE file, against the whole path
//! from spool over TLS to the acknowledgement. `cargo run --release --example rate -- eve.json [copies]`

// The tests use more of it than this does.
#[allow(dead_code)]
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use collector_index::{Event, Index, Options, Stream};
use collector_ingest::IngestOptions;
use sensor_event::Class;
use support::{Collector, Desk, SENSOR, Sensor};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), copies) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: rate EVE-FILE [COPIES]");
        std::process::exit(2);
    };
    let copies: usize = copies.map_or(1, |text| text.parse().expect("COPIES is a number"));
    let text = std::fs::read_to_string(path).expect("the file is readable");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let records = lines.len() * copies;
    let bytes = (text.len() * copies) as f64 / 1e6;
    println!("{records} records, {bytes:.1} MB");
    let report = |what: &str, took: Duration| {
        let seconds = took.as_secs_f64();
        println!(
            "{what:<34} {seconds:>8.2} s {:>10.0} records/s {:>8.1} MB/s",
            records as f64 / seconds,
            bytes / seconds
        );
    };
    report("bare index, one commit", bare(&lines, copies));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    report(
        "spool, TLS, index, acknowledged",
        runtime.block_on(whole(&lines, copies)),
    );
}

fn bare(lines: &[&str], copies: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let index = Index::open(folder.path(), Options::default()).expect("it opens");
    let stream = Stream {
        sensor: SENSOR.to_owned(),
        epoch: 1,
        class: Class::Record,
    };
    let start = Instant::now();
    let mut seq = 0;
    for _ in 0..copies {
        for chunk in lines.chunks(5_000) {
            let events: Vec<(u64, Event)> = (seq + 1..)
                .zip(chunk)
                .filter_map(|(seq, line)| Some((seq, Event::parse(line.as_bytes().to_vec()).ok()?)))
                .collect();
            seq += chunk.len() as u64;
            let received = "2026-01-01T00:00:00Z";
            index
                .append(&stream, events, seq, received)
                .expect("it appends");
        }
    }
    index.commit().expect("it commits");
    start.elapsed()
}

async fn whole(lines: &[&str], copies: usize) -> Duration {
    let (home, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let desk = Arc::new(Desk::default());
    let collector =
        Collector::start_with(there.path(), &desk, "127.0.0.1:0", IngestOptions::default()).await;
    Sensor::enrol(home.path(), &collector).await;
    let sensor = Sensor::start(home.path());
    let recorder = sensor.spool.handle();
    let start = Instant::now();
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    let worker = std::thread::spawn(move || {
        for _ in 0..copies {
            for line in &lines {
                recorder.append_waiting(Class::Record, line.as_bytes());
            }
        }
    });
    worker.join().expect("it ends");
    sensor.spool.flush().await;
    sensor.shipper.drain().await;
    let took = start.elapsed();
    sensor.stop().await;
    collector.stop().await;
    took
}
