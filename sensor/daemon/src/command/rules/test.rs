//! `rules test`: rules against captures.
//!
//! A folder holds rules (`*.rules`) and test files (`*.yaml`) with rows of either kind:
//!
//! ```yaml
//! - sid: 9000001                 # fires on these captures of --captures, is quiet on those
//!   fires_on: [scan/syn]
//!   quiet_on: [web/browse]
//! - name: a path that climbs
//!   rule: alert http any any -> any any (http.uri; content:"../"; sid:1;)   # else the folder's rules
//!   pcap: climb.pcap             # beside the test file
//!   set: [stream.midstream=true]
//!   alerts: [{sid: 1, count: 2}] # without count: at least one
//!   quiet: [7]
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sensor_event::Class;
use serde::{Deserialize, Serialize};

use super::Format;
use crate::command::replay::feed;
use crate::console::Console;
use crate::output::Output;
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::worker::Worker;

#[derive(clap::Args)]
pub struct TestArgs {
    /// Folder with rules and test files.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Folder of the captures that rows name (NAME.pcap, or input.pcap in a folder NAME).
    #[arg(long, value_name = "DIR", default_value = "tests/pcap")]
    captures: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Deserialize)]
struct Row {
    sid: Option<u32>,
    #[serde(default)]
    fires_on: Vec<String>,
    #[serde(default)]
    quiet_on: Vec<String>,
    name: Option<String>,
    rule: Option<String>,
    pcap: Option<PathBuf>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    alerts: Vec<Expected>,
    #[serde(default)]
    quiet: Vec<u32>,
}

#[derive(Deserialize)]
struct Expected {
    sid: u32,
    count: Option<u64>,
}

/// What became of one row.
#[derive(Serialize)]
struct Outcome {
    file: String,
    name: String,
    passed: bool,
    faults: Vec<String>,
}

/// Alerts by sid.
type Alerts = BTreeMap<u32, u64>;

/// Counts alerts, keeps nothing.
#[derive(Default)]
struct Counter {
    alerts: Alerts,
}

#[derive(Deserialize)]
struct Record {
    alert: Option<Alert>,
}
#[derive(Deserialize)]
struct Alert {
    signature_id: u32,
}

impl Output for Counter {
    fn record(&mut self, class: Class, line: &[u8]) {
        if class != Class::Alert {
            return;
        }
        if let Ok(Record { alert: Some(alert) }) = serde_json::from_slice(line) {
            *self.alerts.entry(alert.signature_id).or_default() += 1;
        }
    }
}

pub fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let mut settings = super::settings(&args.set)?;
    settings.checksums = Checksums::None;
    let mut files = Vec::new();
    find(&args.folder, &mut files)?;
    if files.is_empty() {
        bail!("{}: no test file (*.yaml)", args.folder.display());
    }
    let rules = ruleset::compile(std::slice::from_ref(&args.folder), &settings)?;
    for failure in &rules.failures {
        eprintln!("{failure}");
    }
    let mut bench = Bench {
        args,
        settings,
        seen: BTreeMap::new(),
    };
    let mut outcomes = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        // Other files of a rule set (guidance) are no lists of tests.
        let Ok(rows) = serde_saphyr::from_str::<Vec<Row>>(&text) else {
            continue;
        };
        for row in rows
            .iter()
            .filter(|row| row.pcap.is_some() || !row.fires_on.is_empty())
        {
            outcomes.push(bench.row(path, row)?);
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&outcomes)?,
        Format::Text => {
            for outcome in outcomes.iter().filter(|outcome| !outcome.passed) {
                writeln!(out, "{}: {}", outcome.file, outcome.name)?;
                for fault in &outcome.faults {
                    writeln!(out, "  {fault}")?;
                }
            }
            writeln!(out, "{} passed, {failed} failed", outcomes.len() - failed)?;
            out.flush()?;
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Test files below a folder, in the order of their names.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let read = || folder.display().to_string();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(read)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            find(&entry, files)?;
        } else if entry
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            files.push(entry);
        }
    }
    Ok(())
}

struct Bench<'a> {
    args: &'a TestArgs,
    settings: Settings,
    /// What the folder's rules said of captures already replayed.
    seen: BTreeMap<PathBuf, Alerts>,
}

impl Bench<'_> {
    fn row(&mut self, file: &Path, row: &Row) -> anyhow::Result<Outcome> {
        let mut faults = Vec::new();
        let name = match (&row.name, row.sid) {
            (Some(name), _) => name.clone(),
            (None, Some(sid)) => format!("sid {sid}"),
            (None, None) => row
                .pcap
                .as_ref()
                .map_or_else(String::new, |pcap| pcap.display().to_string()),
        };
        if let Some(pcap) = &row.pcap {
            let beside = file.parent().unwrap_or(Path::new(".")).join(pcap);
            let alerts = self.alerts(&beside, row)?;
            for expected in &row.alerts {
                let got = alerts.get(&expected.sid).copied().unwrap_or(0);
                let met = expected.count.map_or(got > 0, |count| got == count);
                if !met {
                    let wanted = expected
                        .count
                        .map_or("at least 1".to_owned(), |count| count.to_string());
                    faults.push(format!("sid {}: {wanted} wanted, {got} came", expected.sid));
                }
            }
            for sid in &row.quiet {
                if let Some(got) = alerts.get(sid) {
                    faults.push(format!("sid {sid}: none wanted, {got} came"));
                }
            }
        }
        if let Some(sid) = row.sid {
            for (names, fires) in [(&row.fires_on, true), (&row.quiet_on, false)] {
                for capture in names {
                    let path = self.capture(capture);
                    let got = self.alerts(&path, row)?.get(&sid).copied().unwrap_or(0);
                    if (got > 0) != fires {
                        let wanted = if fires { "an alert" } else { "silence" };
                        faults.push(format!("{capture}: {wanted} wanted, {got} came"));
                    }
                }
            }
        }
        Ok(Outcome {
            file: file.display().to_string(),
            name,
            passed: faults.is_empty(),
            faults,
        })
    }

    fn capture(&self, name: &str) -> PathBuf {
        let file = self.args.captures.join(format!("{name}.pcap"));
        if file.is_file() {
            file
        } else {
            self.args.captures.join(name).join("input.pcap")
        }
    }

    fn alerts(&mut self, pcap: &Path, row: &Row) -> anyhow::Result<Alerts> {
        let own = row.rule.is_some() || !row.set.is_empty();
        if !own && let Some(alerts) = self.seen.get(pcap) {
            return Ok(alerts.clone());
        }
        let mut settings = self.settings.clone();
        for assignment in &row.set {
            settings.apply(assignment).map_err(anyhow::Error::msg)?;
        }
        let engine = match &row.rule {
            // Thresholds, host bits and sets are part of an engine: each capture has its own.
            None => ruleset::compile(std::slice::from_ref(&self.args.folder), &settings)?.engine,
            Some(text) => {
                let rules = ruleset::of_text(text, &self.args.folder, &settings, None)?;
                if let Some(failure) = rules.failures.first() {
                    bail!("{failure}");
                }
                rules.engine
            }
        };
        let mut worker = Worker::new(
            0,
            Arc::new(settings),
            Some(engine),
            None,
            Counter::default(),
        );
        feed(&mut worker, &[pcap.to_owned()], |_| true)?;
        worker.finish();
        let alerts = worker.into_output().alerts;
        if !own {
            self.seen.insert(pcap.to_owned(), alerts.clone());
        }
        Ok(alerts)
    }
}
