//! What Sigma rules cost on the records of captures.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use ::rules::sigma::{Engine, EngineRule, Scratch};
use anyhow::{Context as _, bail};
use sensor_event::Class;
use serde::Serialize;

use super::Format;
use super::faults::{Fault, tell};
use super::profile::ProfileArgs;
use crate::command::replay::feed;
use crate::console::Console;
use crate::output::Output;
use crate::settings::Settings;
use crate::sigma;
use crate::worker::Worker;

/// Bytes of records that are held to be run again and again.
const RECORD_LIMIT_BYTES: usize = 512 << 20;

#[derive(Serialize)]
struct Report {
    events: usize,
    rules: usize,
    /// All rules together, as they run.
    together_microseconds: f64,
    rows: Vec<Row>,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    /// Events of the kinds that the rule reads.
    events: usize,
    matches: u64,
    /// The rule alone, reading of events included.
    microseconds: f64,
    nanoseconds_an_event: f64,
}

/// Keeps records, with their kinds.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) records: Vec<(String, String)>,
    bytes: usize,
    is_full: bool,
}

/// The records of captures.
pub(super) fn records_of(captures: &[PathBuf], settings: Settings) -> anyhow::Result<Kept> {
    let mut worker = Worker::new(0, Arc::new(settings), None, None, Kept::default());
    feed(&mut worker, captures, |_| true)?;
    worker.finish();
    let kept = worker.into_output();
    if kept.is_full {
        eprintln!(
            "only the first {} records are looked at",
            kept.records.len()
        );
    }
    Ok(kept)
}

/// Records in a file, one a line.
pub(super) fn records_of_file(path: &Path) -> anyhow::Result<Kept> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut kept = Kept::default();
    for line in text.lines() {
        kept.record(Class::Record, line.as_bytes());
    }
    Ok(kept)
}

#[derive(serde::Deserialize)]
struct Kind<'a> {
    event_type: &'a str,
}

impl Output for Kept {
    fn record(&mut self, _class: Class, line: &[u8]) {
        let text = std::str::from_utf8(line).unwrap_or_default();
        if let Ok(kind) = serde_json::from_str::<Kind<'_>>(text) {
            self.is_full |= self.bytes + text.len() > RECORD_LIMIT_BYTES;
            if !self.is_full {
                self.bytes += text.len();
                self.records
                    .push((kind.event_type.to_owned(), text.to_owned()));
            }
        }
    }
}

/// Time and matches of an engine over the events that it wants.
fn measure(engine: &Engine, records: &[(String, String)]) -> (usize, u64, f64) {
    let mut scratch = Scratch::default();
    let wanted: Vec<&str> = records
        .iter()
        .filter(|(kind, _)| engine.wants(kind))
        .map(|(_, text)| text.as_str())
        .collect();
    let mut matches = 0;
    let started = Instant::now();
    for text in &wanted {
        if engine.run(text, &mut scratch).is_ok() {
            matches += scratch.hits().len() as u64;
        }
    }
    (wanted.len(), matches, started.elapsed().as_secs_f64() * 1e6)
}

pub fn run(
    args: &ProfileArgs,
    signatures: &[PathBuf],
    paths: &[PathBuf],
    settings: Settings,
) -> anyhow::Result<ExitCode> {
    if !signatures.is_empty() {
        bail!("signatures and Sigma rules are measured apart: name one kind");
    }
    let rules = sigma::load(paths, &settings)?;
    let faults = Fault::of_sigma(&rules);
    tell(args.format, &faults);
    let zone_s = sigma::pipeline(&settings)?.time_zone_s;
    let kept = records_of(&args.pcaps, settings)?;
    let (events, _, together) = measure(rules.ruleset.engine(), &kept.records);
    let mut rows = Vec::new();
    for own in &rules.ruleset.rules {
        let (Some(mapping), Some(query)) = (&own.mapping, &own.query) else {
            continue;
        };
        let alone = EngineRule {
            events: mapping.events.clone(),
            query: query.clone(),
        };
        let engine = Engine::new(&[alone], zone_s);
        let (events, matches, microseconds) = measure(&engine, &kept.records);
        let meta = &own.rule.meta;
        rows.push(Row {
            id: meta.id.clone().or(meta.name.clone()).unwrap_or_default(),
            title: meta.title.clone(),
            events,
            matches,
            microseconds,
            nanoseconds_an_event: microseconds * 1e3 / events.max(1) as f64,
        });
    }
    rows.sort_by(|left, right| right.microseconds.total_cmp(&left.microseconds));
    rows.truncate(args.top);
    let report = Report {
        events,
        rules: rules.ruleset.running(),
        together_microseconds: together,
        rows,
        faults,
    };
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&report)?,
        Format::Text => {
            writeln!(
                out,
                "{} rules over {events} events: {:.1} ms together, {:.0} ns an event",
                report.rules,
                together / 1e3,
                together * 1e3 / events.max(1) as f64
            )?;
            writeln!(out, "    events matches  µs alone  ns/event  title")?;
            for row in &report.rows {
                writeln!(
                    out,
                    "{:>10} {:>7} {:>9.0} {:>9.0}  {}",
                    row.events, row.matches, row.microseconds, row.nanoseconds_an_event, row.title
                )?;
            }
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
