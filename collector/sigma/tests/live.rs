//! Records in, alerts kept: what is judged once, what is left to sensors, whose an alert is, and what a restart keeps.

use std::sync::atomic::{AtomicI64, Ordering};

use collector_index::{Event, Stream};
use collector_ingest::{Judge, SensorRules};
use collector_sigma::{LiveRules, Options};
use collector_state::{NewUnit, Store, StoreOptions, UnitId, UnixMillis};
use rules::sigma::Pipeline;
use rules::signature::SourceFile;
use sensor_event::Class;
use serde_json::Value;
use tempfile::TempDir;

const RULES: &str = "
title: Tunnel
id: 11111111-1111-4111-8111-111111111111
name: tunnel
level: high
tags: [attack.t1071.004]
logsource: {category: dns}
detection:
  s: {query|endswith: .tunnel.example}
  condition: s
---
title: Many tunnels
id: 22222222-2222-4222-8222-222222222222
level: critical
correlation:
  type: event_count
  rules: [tunnel]
  group-by: [query]
  timespan: 10m
  condition: {gte: 3}
  generate: true
";
const TUNNEL: &str = "Tunnel";
const MANY: &str = "Many tunnels";
/// 2026-11-24T17:30:00Z
const START_MS: i64 = 1_795_541_400_000;

static CLOCK: AtomicI64 = AtomicI64::new(START_MS + 60_000);

fn clock() -> UnixMillis {
    UnixMillis(CLOCK.load(Ordering::Relaxed))
}

struct Bench {
    _folder: TempDir,
    store: Store,
    /// Of two communes of one district.
    sensors: [String; 2],
    district: UnitId,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default()).await;
        let store = store.expect("a store");
        let unit = |parent_id, name: &str| NewUnit {
            parent_id,
            name: name.to_owned(),
            kind: "k".to_owned(),
        };
        let district = store.create_unit(unit(UnitId::ROOT, "d")).await;
        let district = district.expect("a unit").id;
        let mut sensors = Vec::new();
        for name in ["a", "b"] {
            let commune = store.create_unit(unit(district, name)).await;
            let commune = commune.expect("a unit").id;
            let source = store.create_source(name, commune, "t", clock()).await;
            sensors.push(source.expect("a source").0.id);
        }
        Bench {
            _folder: folder,
            store,
            sensors: sensors.try_into().expect("two"),
            district,
        }
    }

    /// Rules as after a start.
    async fn rules(&self) -> LiveRules {
        CLOCK.fetch_add(1, Ordering::Relaxed);
        let opened = LiveRules::open(self.store.clone(), options(RULES)).await;
        opened.expect("the store answers")
    }

    fn stream(&self, sensor: usize) -> Stream {
        Stream {
            sensor: self.sensors[sensor].clone(),
            epoch: 1,
            class: Class::Record,
        }
    }

    /// Titles of the alerts that are kept, with the units that they belong to.
    async fn kept(&self) -> Vec<(String, UnitId)> {
        let alerts = self.store.sigma_alerts(1_000).await.expect("rows");
        let mut kept = Vec::new();
        for alert in alerts {
            let value: Value = serde_json::from_str(&alert.line).expect("JSON");
            let title = value["alert"]["signature"].as_str().expect("a title");
            let unit = self.store.common_unit(&[alert.sensor_id]).await;
            kept.push((title.to_owned(), unit.expect("a unit")));
        }
        kept
    }

    async fn titles(&self) -> Vec<String> {
        self.kept()
            .await
            .into_iter()
            .map(|(title, _)| title)
            .collect()
    }
}

fn options(text: &str) -> Options {
    let source = SourceFile {
        name: "rules.yml".to_owned(),
        text: text.to_owned(),
    };
    Options {
        sources: vec![source],
        pipeline: Pipeline::eve(),
        clock,
    }
}

/// A DNS request, some seconds after the start.
fn record(seq: u64, second: i64, name: &str) -> (u64, Event) {
    let at = sensor_event::Time((START_MS / 1_000 + second) * 1_000_000_000);
    let text = format!(
        r#"{{"timestamp":"{at}","flow_id":{seq},"event_type":"dns","src_ip":"10.0.0.5","src_port":5353,"dest_ip":"10.0.0.53","dest_port":53,"proto":"UDP","dns":{{"type":"request","id":{seq},"queries":[{{"rrname":"{name}","rrtype":"A"}}]}}}}"#
    );
    (seq, Event::parse(text.into_bytes()).expect("an event"))
}

async fn feed(rules: &LiveRules, stream: &Stream, events: &[(u64, Event)]) {
    let matched = rules.sift(events);
    let through = events.last().map_or(0, |(seq, _)| *seq);
    if !matched.is_empty() {
        let judged = rules.judge(stream, matched, through).await;
        judged.expect("it is kept");
    }
    rules.settled().await;
}

#[tokio::test]
async fn a_record_that_comes_again_alerts_once() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    let stream = bench.stream(0);
    let events = [
        record(1, 1, "a.tunnel.example"),
        record(2, 2, "b.tunnel.example"),
        record(3, 3, "good.example"),
    ];
    feed(&rules, &stream, &events).await;
    feed(&rules, &stream, &events).await;
    assert_eq!(bench.titles().await, [TUNNEL; 2]);
    assert_eq!(rules.counts().alerts, 2);
    // Nor after a restart, from the mark in the store.
    let rules = bench.rules().await;
    feed(&rules, &stream, &events).await;
    assert_eq!(bench.titles().await, [TUNNEL; 2]);

    let alert = &bench.store.sigma_alerts(1).await.expect("rows")[0];
    let value: Value = serde_json::from_str(&alert.line).expect("JSON");
    assert_eq!(value["event_type"], "alert");
    assert_eq!(value["app_proto"], "dns");
    assert_eq!(value["alert"]["severity"], 1);
    assert_eq!(
        value["alert"]["metadata"]["mitre_technique_id"][0],
        "T1071.004"
    );
    assert_eq!(
        value["alert"]["context"]["sigma"]["fields"]["query"][0],
        "a.tunnel.example"
    );
    assert_eq!(value["dns"]["queries"][0]["rrname"], "a.tunnel.example");
    assert_eq!(value["matluoi"]["source"], "collector");
    assert_eq!(value["matluoi"]["origin"]["id"], stream.event_id(1));
    assert!(alert.line.ends_with("}}}"), "{}", alert.line);
}

#[tokio::test]
async fn sensors_correlate_and_the_alert_belongs_to_their_common_unit() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    feed(
        &rules,
        &bench.stream(0),
        &[record(1, 1, "x.tunnel.example")],
    )
    .await;
    feed(
        &rules,
        &bench.stream(1),
        &[record(1, 2, "x.tunnel.example")],
    )
    .await;
    assert_eq!(bench.titles().await, [TUNNEL; 2]);
    // What is remembered survives a restart.
    rules.close().await;
    let rules = bench.rules().await;
    feed(
        &rules,
        &bench.stream(1),
        &[record(2, 3, "x.tunnel.example")],
    )
    .await;
    let kept = bench.kept().await;
    let many: Vec<UnitId> = kept
        .iter()
        .filter(|(title, _)| title == MANY)
        .map(|(_, unit)| *unit)
        .collect();
    assert_eq!(many, [bench.district]);
    assert!(
        kept.iter()
            .all(|(title, unit)| title == MANY || *unit != bench.district)
    );
}

#[tokio::test]
async fn a_broken_clock_and_late_records_do_not_disturb_others() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    let (ahead, honest) = (bench.stream(0), bench.stream(1));
    // Ten years ahead; then what others say still counts.
    let decade = 10 * 365 * 86_400;
    feed(&rules, &ahead, &[record(1, decade, "x.tunnel.example")]).await;
    feed(&rules, &honest, &[record(1, 50, "x.tunnel.example")]).await;
    feed(&rules, &honest, &[record(2, 51, "x.tunnel.example")]).await;
    assert!(bench.titles().await.contains(&MANY.to_owned()));
    // Of yesterday: counted as late.
    let day = -86_400;
    feed(&rules, &honest, &[record(3, day, "x.tunnel.example")]).await;
    assert_eq!(rules.counts().late, 1);
}

#[tokio::test]
async fn what_a_sensor_runs_itself_is_left_to_it() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    let ruleset = rules.ruleset();
    let mut sids: Vec<u32> = ruleset
        .rules
        .iter()
        .map(|own| own.rule.meta.sid())
        .chain(
            ruleset
                .correlations
                .iter()
                .map(|own| own.correlation.meta.sid()),
        )
        .collect();
    sids.sort_unstable();
    let since_ms = (START_MS + 10_000).cast_unsigned();
    rules.runs_itself(&bench.sensors[0], SensorRules { since_ms, sids });
    let own = bench.stream(0);
    // Before the sensor had the rule, and after.
    feed(&rules, &own, &[record(1, 5, "old.tunnel.example")]).await;
    let later: Vec<(u64, Event)> = (2..5)
        .map(|seq| record(seq, 20, "new.tunnel.example"))
        .collect();
    feed(&rules, &own, &later).await;
    assert_eq!(bench.titles().await, [TUNNEL]);
    assert_eq!(rules.counts().left_to_sensors, 4);
    // Together with another sensor's records it is nobody else's to tell.
    feed(
        &rules,
        &own,
        &[
            record(6, 30, "y.tunnel.example"),
            record(7, 31, "y.tunnel.example"),
        ],
    )
    .await;
    feed(
        &rules,
        &bench.stream(1),
        &[record(1, 32, "y.tunnel.example")],
    )
    .await;
    assert_eq!(bench.titles().await, [TUNNEL, TUNNEL, MANY]);
}

#[tokio::test]
async fn a_rule_that_fires_on_everything_is_thinned_and_counted() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    let events: Vec<(u64, Event)> = (1..1_200)
        .map(|seq| record(seq, 1, &format!("{seq}.tunnel.example")))
        .collect();
    feed(&rules, &bench.stream(0), &events).await;
    let counts = rules.counts();
    assert_eq!((counts.alerts, counts.thinned), (1_000, 199));
    assert_eq!((counts.records, counts.matched), (1_199, 1_199));
}

#[tokio::test]
async fn other_rules_run_from_the_next_record_on() {
    let bench = Bench::new().await;
    let rules = bench.rules().await;
    let stream = bench.stream(0);
    let name = "x.tunnel.example";
    feed(&rules, &stream, &[record(1, 1, name), record(2, 2, name)]).await;
    let first = rules.running();
    assert_eq!((first.rules, first.correlations, first.failed), (1, 1, 0));
    // The same rules go on with what their correlations remember.
    let same = rules.reload(options(RULES)).await.expect("it loads");
    assert_eq!(same, first);
    feed(&rules, &stream, &[record(3, 3, name)]).await;
    assert_eq!(bench.titles().await, [TUNNEL, TUNNEL, TUNNEL, MANY]);
    // Others begin, and what is faulty among them is told.
    let other = "
title: Good
logsource: {category: dns}
detection: {s: {query: good.example}, condition: s}
---
title: Faulty
logsource: {category: dns}
detection: {s: {query: x}, condition: t}
";
    let second = rules.reload(options(other)).await.expect("it loads");
    assert_ne!(second.hash, first.hash);
    assert_eq!(
        (second.rules, second.correlations, second.failed),
        (1, 0, 1)
    );
    assert!(!second.diagnostics.is_empty());
    let events = [record(4, 4, name), record(5, 5, "good.example")];
    feed(&rules, &stream, &events).await;
    assert_eq!(
        bench.titles().await.last().map(String::as_str),
        Some("Good")
    );
    assert_eq!(bench.titles().await.len(), 5);
    assert_eq!(rules.running(), second);
}
