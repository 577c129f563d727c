//! Simulated sensors that send the records of an EVE file, for `tests/bench/load.py`: real clients of the delivery
//! protocol, each with its key, certificate and spool.
//!
//! `sensors EVE-FILE STATE-FOLDER`. On standard input: enrolment strings, a line each, an empty line, and then orders:
//! `COUNT RATE DAYS` sends so many records, so many a second (0: as fast as the spools take them), with times that spread
//! evenly over the days before now (0: now). On standard output: `enrolled`, then `made SECONDS` after each order; while
//! records have the time of now, each half second `mark NAME`, a name that a DNS record has just been made with.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sensor_event::{Class, Time};
use sensor_ship::{Identity, Recorder, Shipper, ShipperOptions, Spool, SpoolLimits, enrol};

const MARK_EVERY: Duration = Duration::from_millis(500);
/// Records between two looks at the clock.
const BATCH: u64 = 50;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(eve), Some(state)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: sensors EVE-FILE STATE-FOLDER < ENROLMENTS-AND-ORDERS");
        std::process::exit(2);
    };
    let text = std::fs::read_to_string(eve).expect("the file is readable");
    let records: Vec<Template> = text.lines().filter_map(Template::of).collect();
    assert!(!records.is_empty(), "no records with a time and a flow");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut input = std::io::stdin().lock().lines().map_while(Result::ok);
    let mut spools = Vec::new();
    for (number, enrolment) in input
        .by_ref()
        .take_while(|line| !line.is_empty())
        .enumerate()
    {
        let home = Path::new(&state).join(number.to_string());
        spools.push(runtime.block_on(start(&enrolment, &home)));
    }
    let sensors: Vec<Recorder> = spools.iter().map(Spool::handle).collect();
    say("enrolled");
    let mut next = records.iter().cycle();
    let mut sensor = sensors.iter().cycle();
    let mut marks = 0_u64;
    for order in input {
        let numbers: Vec<u64> = order
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [count, rate, days] = numbers[..] else {
            eprintln!("no order: {order}");
            std::process::exit(2);
        };
        let begun = Instant::now();
        let mut marked = begun;
        let mut line = String::new();
        for made in 0..count {
            if rate > 0 && made.is_multiple_of(BATCH) {
                let due = begun + Duration::from_secs_f64(made as f64 / rate as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let (Some(record), Some(sensor)) = (next.next(), sensor.next()) else {
                return;
            };
            let before =
                Duration::from_secs(days * 86_400).mul_f64((count - made) as f64 / count as f64);
            record.write(before, &mut line);
            sensor.append_waiting(record.class, line.as_bytes());
            if days == 0 && marked.elapsed() >= MARK_EVERY {
                marked = Instant::now();
                marks += 1;
                let name = format!("mark-{marks}.{}.example", std::process::id());
                let time = Time(nanoseconds(Duration::ZERO));
                let mark = format!(
                    "{{\"timestamp\":\"{time}\",\"flow_id\":{},\"event_type\":\"dns\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"proto\":\"UDP\",\"dns\":{{\"type\":\"request\",\"queries\":[{{\"rrname\":\"{name}\",\"rrtype\":\"A\"}}]}}}}",
                    fastrand::u64(1..1 << 50)
                );
                sensor.append_waiting(Class::Record, mark.as_bytes());
                say(&format!("mark {name}"));
            }
        }
        say(&format!("made {:.1}", begun.elapsed().as_secs_f64()));
    }
    for spool in &spools {
        runtime.block_on(spool.flush());
    }
}

async fn start(enrolment: &str, home: &Path) -> Spool {
    std::fs::create_dir_all(home).expect("a folder");
    enrol(enrolment, home, "sensor.test")
        .await
        .expect("enrolled");
    let identity = Identity::load(home).expect("it is enrolled");
    let spool = Spool::open(&home.join("spool"), SpoolLimits::default()).expect("it opens");
    let shipper = Shipper::new(&spool, identity, ShipperOptions::default());
    tokio::spawn(async move { shipper.run(std::future::pending()).await });
    spool
}

/// A record between its time and its flow's number.
struct Template {
    class: Class,
    middle: String,
    rest: String,
}

impl Template {
    fn of(line: &str) -> Option<Template> {
        let (_, rest) = line.strip_prefix("{\"timestamp\":\"")?.split_once('"')?;
        let (middle, rest) = rest.split_once("\"flow_id\":")?;
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let class = ["alert", "flow", "netflow"]
            .into_iter()
            .find(|kind| rest.contains(&format!("\"event_type\":\"{kind}\"")));
        Some(Template {
            class: match class {
                Some("alert") => Class::Alert,
                Some(_) => Class::Flow,
                None => Class::Record,
            },
            middle: middle.to_owned(),
            rest: rest.to_owned(),
        })
    }

    /// The record as of so long ago, of another flow.
    fn write(&self, before: Duration, line: &mut String) {
        use std::fmt::Write as _;
        line.clear();
        let (time, flow) = (Time(nanoseconds(before)), fastrand::u64(1..1 << 50));
        let Template { middle, rest, .. } = self;
        let written = write!(
            line,
            "{{\"timestamp\":\"{time}\"{middle}\"flow_id\":{flow}{rest}"
        );
        written.expect("a string takes everything");
    }
}

fn nanoseconds(before: Duration) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(now.saturating_sub(before).as_nanos()).expect("before 2262")
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("somebody listens");
}
