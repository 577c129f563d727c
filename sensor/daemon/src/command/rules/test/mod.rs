//! `rules test`: rules against captures.
//!
//! A folder holds rules (`*.rules`; Sigma: `*.yml`) and test files (`*.yaml`) with rows of either kind:
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
//! - id: dns-tunnel               # of a Sigma rule: its id, name or title; works in alerts and quiet too
//!   fires_on: [dns/iodine, events/tunnel.jsonl]   # or events, one JSON object a line, beside the test file
//! ```
//!
//! Of a rule that should have fired it is told how near it came. `--rule` with `--pcap` asks that of one rule.

mod alerts;
mod bench;
mod row;
mod sigma;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::rules::sigma::read_paths;
use ::rules::signature::Language;
use anyhow::{Context as _, bail};
use serde::Serialize;

use self::alerts::{alerts_of_capture, alerts_of_events, is_event_file, is_sigma_file};
use self::bench::Bench;
use self::row::{Called, Near, Outcome, Row};
use self::sigma::Trial;
use super::faults::{Fault, WithFaults, tell};
use super::{Format, Tongue};
use crate::console::Console;
use crate::ruleset;
use crate::settings::Checksums;
use crate::workbench;

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

/// What became of the rows, with the faults of the folder's rules.
#[derive(Serialize)]
struct Report<'a> {
    tests: &'a [Outcome],
    faults: &'a [Fault],
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
    if is_sigma_file(file) {
        return one_sigma(args, file, pcap, language);
    }
    let (text, folder) = if rule.contains('(') {
        (rule.to_owned(), Path::new("."))
    } else {
        let text = std::fs::read_to_string(file).with_context(|| rule.to_owned())?;
        (text, file.parent().unwrap_or(Path::new(".")))
    };
    let told = workbench::near_misses(&text, folder, pcap, &args.set, language)?;
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&WithFaults {
            rules: &told,
            faults: &[],
        })?,
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

/// Sigma rules of a file on `--pcap`: exit status 1 if none alerts.
fn one_sigma(
    args: &TestArgs,
    file: &Path,
    pcap: &Path,
    language: Language,
) -> anyhow::Result<ExitCode> {
    let mut settings = super::settings(&args.set)?;
    settings.checksums = Checksums::None;
    let rules = Arc::new(crate::sigma::load(&[file.to_owned()], &settings)?);
    let faults = Fault::of_sigma(&rules);
    tell(args.format, &faults);
    let alerts = if is_event_file(pcap) {
        alerts_of_events(pcap, &rules)?
    } else {
        let engine = ruleset::compile(&[], &settings)?.engine;
        alerts_of_capture(pcap, engine, Some(&rules), settings.clone())?
    };
    let told = Trial::new(&rules, pcap, &settings, language)?.told(&alerts);
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&WithFaults {
            rules: &told,
            faults: &faults,
        })?,
        Format::Text => {
            for line in told.iter().flat_map(|one| one.lines(language)) {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
        }
    }
    Ok(status(!alerts.is_empty()))
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
    let has_sigma = !read_paths(&[folder.to_owned()])?.is_empty();
    let sigma = crate::sigma::load(&[folder.to_owned()], &settings)?;
    let mut faults: Vec<Fault> = rules.failures.iter().map(Fault::from).collect();
    faults.extend(Fault::of_sigma(&sigma));
    tell(args.format, &faults);
    let mut bench = Bench {
        args,
        folder,
        language,
        settings,
        has_sigma,
        seen: BTreeMap::new(),
        sids: BTreeMap::new(),
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
            .filter(|row| row.traffic().is_some() || !row.fires_on.is_empty())
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
        Format::Json => out.json(&Report {
            tests: &outcomes,
            faults: &faults,
        })?,
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
        let Some(called) = Called::of(one.sid, one.id.as_ref()) else {
            continue;
        };
        writeln!(out, "  - {called}: {} expected", one.expected)?;
        writeln!(out, "  + {called}: {} came", one.alerts)?;
        let lines = match &one.near_miss {
            Some(Near::Signature(near)) => near.lines(attempts, language),
            Some(Near::Sigma(near)) => near.reasons(language),
            None => Vec::new(),
        };
        for line in lines {
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

fn status(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
