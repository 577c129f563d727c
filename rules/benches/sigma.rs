//! What an event costs: all Sigma rules of the shared material compiled together, against `sigma-rust`'s loop over
//! the same rules in the same run; many more rules; and long fields.
//!
//! `cargo bench -p rules --bench sigma` prints a table; figures stand in tests/bench/README.md.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::sigma::{Detector, Pipeline, SharedState, load};
use rules::signature::SourceFile;

/// Each figure is the best of some runs, each of at least so long.
const RUNS: usize = 5;
const RUN: Duration = Duration::from_millis(200);

fn shared() -> PathBuf {
    std::env::var_os("MATLUOI_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    )
}

/// Processor time of this thread: what others do on the machine does not count.
fn spent() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// Nanoseconds of processor time of one call of each, in turns: what the machine does to one it does to all.
fn costs<const N: usize>(mut calls: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::MAX; N];
    for _ in 0..RUNS {
        for (call, best) in calls.iter_mut().zip(&mut best) {
            let (start, mut count) = (spent(), 0_u32);
            let took = loop {
                // The clock is asked now and then; a call of ours is short.
                let some = if count < 16 { 1 } else { count / 8 };
                (0..some).for_each(|_| call());
                count += some;
                let took = spent() - start;
                if took >= RUN {
                    break took;
                }
            };
            *best = best.min(took.as_nanos() as f64 / f64::from(count));
        }
    }
    best
}

/// Rules of the same kinds with other texts: a number goes into every value.
fn variants(sources: &[SourceFile], wanted: usize) -> Vec<SourceFile> {
    (0..wanted)
        .map(|index| {
            let own = &sources[index % sources.len()];
            let round = index / sources.len();
            let mut text = own.text.clone();
            if round > 0
                && let Some(at) = text.find("detection:")
            {
                let (head, detection) = text.split_at(at);
                let lines: Vec<String> = detection
                    .lines()
                    .map(|line| match (line.find('\''), line.rfind('\'')) {
                        (Some(open), Some(close))
                            if close > open + 6
                                && !line[open + 1..].starts_with(['|', '%', '*']) =>
                        {
                            format!("{}v{round}{}", &line[..close - 2], &line[close - 2..])
                        }
                        _ => line.to_owned(),
                    })
                    .collect();
                text = format!("{head}{}", lines.join("\n"));
            }
            SourceFile {
                name: format!("{}#{round}", own.name),
                text,
            }
        })
        .collect()
}

fn detector(sources: &[SourceFile]) -> Detector {
    let begun = Instant::now();
    let ruleset = Arc::new(load(sources, &Pipeline::eve()));
    println!(
        "{} rules loaded ({} refused) in {} ms: {:?}",
        ruleset.rules.len(),
        ruleset.refused,
        begun.elapsed().as_millis(),
        ruleset.engine().summary()
    );
    Detector::new(ruleset, SharedState::default())
}

/// The event under the names that sigma-rust's rules have for it.
fn plain(event: &serde_json::Value) -> serde_json::Value {
    let mut out = serde_json::Map::new();
    let mut add = |name: &str, path: &str| {
        if let Some(value) = event.pointer(path) {
            out.insert(name.to_owned(), value.clone());
        }
    };
    for (name, path) in [
        ("src_ip", "/src_ip"),
        ("src_port", "/src_port"),
        ("dst_ip", "/dest_ip"),
        ("dst_port", "/dest_port"),
        ("id.orig_h", "/src_ip"),
        ("id.orig_p", "/src_port"),
        ("id.resp_h", "/dest_ip"),
        ("id.resp_p", "/dest_port"),
        ("proto", "/proto"),
        ("timestamp", "/timestamp"),
        ("community_id", "/community_id"),
        ("flow_id", "/flow_id"),
        ("query", "/dns/queries/0/rrname"),
        ("QueryName", "/dns/queries/0/rrname"),
        ("record_type", "/dns/queries/0/rrtype"),
        ("qtype_name", "/dns/queries/0/rrtype"),
        ("answer", "/dns/answers/0/rdata"),
        ("rcode", "/dns/rcode"),
        ("cs-uri-query", "/http/url"),
        ("cs-uri-stem", "/http/url"),
        ("c-uri", "/http/url"),
        ("cs-uri", "/http/url"),
        ("uri", "/http/url"),
        ("cs-method", "/http/http_method"),
        ("method", "/http/http_method"),
        ("sc-status", "/http/status"),
        ("cs-user-agent", "/http/http_user_agent"),
        ("c-useragent", "/http/http_user_agent"),
        ("user_agent", "/http/http_user_agent"),
        ("cs-referer", "/http/http_refer"),
        ("cs-host", "/http/hostname"),
        ("host", "/http/hostname"),
        ("cs-version", "/http/protocol"),
        ("sc-bytes", "/http/length"),
        ("resp_mime_types", "/http/http_content_type"),
        ("DestinationHostname", "/tls/sni"),
        ("server_name", "/tls/sni"),
        ("version", "/tls/version"),
        ("subject", "/tls/subject"),
        ("issuer", "/tls/issuerdn"),
        ("certificate.serial", "/tls/serial"),
        ("ja3", "/tls/ja3/hash"),
        ("ja4", "/tls/ja4"),
    ] {
        add(name, path);
    }
    serde_json::Value::Object(out)
}

fn main() {
    let mut sources = Vec::new();
    collect(&shared().join("rules/sigma"), &mut sources);
    if sources.is_empty() {
        println!("the shared rules are not here: nothing to measure");
        return;
    }
    let mut few = detector(&sources);
    let mut many = detector(&variants(&sources, 3_000));
    let naive: Vec<sigma_rust::Rule> = sources
        .iter()
        .filter_map(|source| sigma_rust::rule_from_yaml(&source.text).ok())
        .collect();
    println!(
        "{:8} {:>12} {:>12} {:>8} {:>12} {:>8} {:>11}",
        "event", "naive ns", "240 ns", "times", "3000 ns", "ratio", "allocations"
    );
    for text in include_str!("../tests/sigma/events.jsonl").lines() {
        // Its buffers grow once.
        few.run(text, None).expect("an event");
        let allocated = allocation_counter::measure(|| {
            black_box(few.run(text, None).expect("an event"));
        });
        let event: serde_json::Value = serde_json::from_str(text).expect("an event");
        let other = sigma_rust::event_from_json(&plain(&event).to_string()).expect("an event");
        let [slow, fast, more] = costs([
            &mut || {
                black_box(naive.iter().filter(|rule| rule.is_match(&other)).count());
            },
            &mut || {
                black_box(few.run(text, None).expect("an event"));
            },
            &mut || {
                black_box(many.run(text, None).expect("an event"));
            },
        ]);
        println!(
            "{:8} {slow:>12.0} {fast:>12.0} {:>7.0}x {more:>12.0} {:>7.2}x {:>11}",
            event["event_type"].as_str().unwrap_or_default(),
            slow / fast,
            more / fast,
            allocated.count_total
        );
    }
    println!("\nlength of the request target, in bytes → ns");
    for length in [1_000, 8_000, 64_000] {
        let url = "/a".repeat(length / 2);
        let text = format!(
            r#"{{"event_type":"http","http":{{"url":"{url}","hostname":"h","status":200}}}}"#
        );
        let [fast] = costs([&mut || {
            black_box(few.run(&text, None).expect("an event"));
        }]);
        println!(
            "{length:8} {fast:>12.0} {:>8.2} ns a byte",
            fast / f64::from(length as u32)
        );
    }
}

fn collect(folder: &Path, out: &mut Vec<SourceFile>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|end| end == "yml") {
            let text = std::fs::read_to_string(&path).expect("a rule");
            out.push(SourceFile {
                name: path.display().to_string(),
                text,
            });
        }
    }
}
