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
//!
//! Of a rule that should have fired it is told how near it came. `--rule` with `--pcap` asks that of one rule.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::rules::signature::Language;
use anyhow::{Context as _, bail};
use sensor_detect::Engine;
use sensor_event::Class;
use serde::{Deserialize, Serialize};

use super::{Format, Tongue};
use crate::command::replay::feed;
use crate::console::Console;
use crate::output::Output;
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::workbench::{self, NearMiss};
use crate::worker::Worker;

#[derive(clap::Args)]
pub struct TestArgs {
    /// Folder with rules and test files.
    #[arg(value_name = "FOLDER", required_unless_present = "rule")]
    folder: Option<PathBuf>,
    /// Instead of a folder: a rule (its text, or a file) that is tried on --pcap.
    #[arg(
        long,
        value_name = "RULE|FILE",
        requires = "pcap",
        conflicts_with = "folder"
    )]
    rule: Option<String>,
    /// The capture for --rule.
    #[arg(long, value_name = "PCAP", requires = "rule")]
    pcap: Option<PathBuf>,
    /// Near misses that are told of a rule that did not fire.
    #[arg(long, value_name = "N", default_value_t = 3)]
    attempts: usize,
    /// Folder of the captures that rows name (NAME.pcap, or input.pcap in a folder NAME).
    #[arg(long, value_name = "DIR", default_value = "tests/pcap")]
    captures: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Language of near misses; that of LC_ALL, LC_MESSAGES or LANG if not given.
    #[arg(long, value_enum)]
    lang: Option<Tongue>,
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
    differences: Vec<Difference>,
}

/// A capture on which a rule did not do what was expected.
#[derive(Serialize)]
struct Difference {
    capture: String,
    sid: u32,
    /// `none`, `at least 1`, or a number.
    expected: String,
    alerts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    near_miss: Option<NearMiss>,
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
    let language = Tongue::or_environment(args.lang);
    match (&args.folder, &args.rule, &args.pcap) {
        (_, Some(rule), Some(pcap)) => one(args, rule, pcap, language),
        (Some(folder), ..) => all(args, folder, language),
        _ => bail!("name a folder, or a --rule and a --pcap"),
    }
}

/// `--rule` on `--pcap`: exit status 1 if it does not alert.
fn one(args: &TestArgs, rule: &str, pcap: &Path, language: Language) -> anyhow::Result<ExitCode> {
    let file = Path::new(rule);
    let (text, folder) = if rule.contains('(') {
        (rule.to_owned(), Path::new("."))
    } else {
        let text = std::fs::read_to_string(file).with_context(|| rule.to_owned())?;
        (text, file.parent().unwrap_or(Path::new(".")))
    };
    let told = workbench::near_misses(&text, folder, pcap, &args.set, language)?;
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&told)?,
        Format::Text => {
            for line in told
                .iter()
                .flat_map(|one| one.lines(args.attempts, language))
            {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
        }
    }
    Ok(status(told.iter().all(|one| one.alerts > 0)))
}

fn status(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn all(args: &TestArgs, folder: &Path, language: Language) -> anyhow::Result<ExitCode> {
    let mut settings = super::settings(&args.set)?;
    settings.checksums = Checksums::None;
    let mut files = Vec::new();
    find(folder, &mut files)?;
    if files.is_empty() {
        bail!("{}: no test file (*.yaml)", folder.display());
    }
    let rules = ruleset::compile(&[folder.to_owned()], &settings)?;
    for failure in &rules.failures {
        eprintln!("{failure}");
    }
    let mut bench = Bench {
        args,
        folder,
        language,
        settings,
        seen: BTreeMap::new(),
    };
    let mut out = Console::new();
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
            let outcome = bench.row(path, row)?;
            if args.format == Format::Text && !outcome.passed {
                print(&mut out, &outcome, args.attempts, language)?;
            }
            outcomes.push(outcome);
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    match args.format {
        Format::Json => out.json(&outcomes)?,
        Format::Text => {
            writeln!(out, "{} passed, {failed} failed", outcomes.len() - failed)?;
            out.flush()?;
        }
    }
    Ok(status(failed == 0))
}

/// A failed row: what was expected, what came, and how near it was.
fn print(
    out: &mut Console,
    outcome: &Outcome,
    attempts: usize,
    language: Language,
) -> std::io::Result<()> {
    writeln!(out, "{}: {}", outcome.file, outcome.name)?;
    for one in &outcome.differences {
        writeln!(out, "  {}", one.capture)?;
        writeln!(out, "  - sid {}: {} expected", one.sid, one.expected)?;
        writeln!(out, "  + sid {}: {} came", one.sid, one.alerts)?;
        for line in one
            .near_miss
            .iter()
            .flat_map(|near| near.lines(attempts, language))
        {
            writeln!(out, "    {line}")?;
        }
    }
    out.flush()
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
    folder: &'a Path,
    language: Language,
    settings: Settings,
    /// What the folder's rules said of captures already replayed.
    seen: BTreeMap<PathBuf, Alerts>,
}

impl Bench<'_> {
    fn row(&mut self, file: &Path, row: &Row) -> anyhow::Result<Outcome> {
        let mut differences = Vec::new();
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
            for expected in &row.alerts {
                let wanted = expected.count.map_or(Wanted::Some, Wanted::Exactly);
                differences.extend(self.difference(&beside, row, expected.sid, wanted)?);
            }
            for sid in &row.quiet {
                differences.extend(self.difference(&beside, row, *sid, Wanted::None)?);
            }
        }
        if let Some(sid) = row.sid {
            for (names, wanted) in [(&row.fires_on, Wanted::Some), (&row.quiet_on, Wanted::None)] {
                for capture in names {
                    let path = self.capture(capture);
                    differences.extend(self.difference(&path, row, sid, wanted)?);
                }
            }
        }
        Ok(Outcome {
            file: file.display().to_string(),
            name,
            passed: differences.is_empty(),
            differences,
        })
    }

    /// Nothing, if a rule does on a capture what is wanted.
    fn difference(
        &mut self,
        pcap: &Path,
        row: &Row,
        sid: u32,
        wanted: Wanted,
    ) -> anyhow::Result<Option<Difference>> {
        let alerts = self.alerts(pcap, row)?.get(&sid).copied().unwrap_or(0);
        let (met, expected) = match wanted {
            Wanted::None => (alerts == 0, "none".to_owned()),
            Wanted::Some => (alerts > 0, "at least 1".to_owned()),
            Wanted::Exactly(count) => (alerts == count, count.to_string()),
        };
        if met {
            return Ok(None);
        }
        let near_miss = if alerts == 0 {
            let (engine, settings) = self.engine(row)?;
            let told = workbench::traced(&engine, settings, pcap, &[sid], self.language)?;
            told.into_iter().next()
        } else {
            None
        };
        Ok(Some(Difference {
            capture: pcap.display().to_string(),
            sid,
            expected,
            alerts,
            near_miss,
        }))
    }

    fn capture(&self, name: &str) -> PathBuf {
        let file = self.args.captures.join(format!("{name}.pcap"));
        if file.is_file() {
            file
        } else {
            self.args.captures.join(name).join("input.pcap")
        }
    }

    /// The rules and settings of a row, compiled anew: thresholds, host bits and sets are part of an engine.
    fn engine(&self, row: &Row) -> anyhow::Result<(Arc<Engine>, Settings)> {
        let mut settings = self.settings.clone();
        for assignment in &row.set {
            settings.apply(assignment).map_err(anyhow::Error::msg)?;
        }
        let engine = match &row.rule {
            None => ruleset::compile(&[self.folder.to_owned()], &settings)?.engine,
            Some(text) => {
                let rules = ruleset::of_text(text, self.folder, &settings, None)?;
                if let Some(failure) = rules.failures.first() {
                    bail!("{failure}");
                }
                rules.engine
            }
        };
        Ok((engine, settings))
    }

    fn alerts(&mut self, pcap: &Path, row: &Row) -> anyhow::Result<Alerts> {
        let own = row.rule.is_some() || !row.set.is_empty();
        if !own && let Some(alerts) = self.seen.get(pcap) {
            return Ok(alerts.clone());
        }
        let (engine, settings) = self.engine(row)?;
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

/// Alerts that a row asks for.
#[derive(Clone, Copy)]
enum Wanted {
    None,
    Some,
    Exactly(u64),
}
