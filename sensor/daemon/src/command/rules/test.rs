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

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::rules::sigma::ast::Meta;
use ::rules::sigma::{Detector, Finding, GENERATOR, Nearness, SharedState, read_paths};
use ::rules::signature::{Language, SourceFile};
use anyhow::{Context as _, bail};
use sensor_detect::Engine;
use sensor_event::Class;
use serde::{Deserialize, Serialize};

use super::profile_sigma::{records_of, records_of_file};
use super::{Format, Tongue};
use crate::command::replay::feed;
use crate::console::Console;
use crate::output::Output;
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::sigma::{self, SigmaRules};
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
    /// Of a Sigma rule.
    id: Option<String>,
    #[serde(default)]
    fires_on: Vec<String>,
    #[serde(default)]
    quiet_on: Vec<String>,
    name: Option<String>,
    rule: Option<String>,
    pcap: Option<PathBuf>,
    /// Events in the place of a capture.
    events: Option<PathBuf>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    alerts: Vec<Expected>,
    #[serde(default)]
    quiet: Vec<Called>,
}

#[derive(Deserialize)]
struct Expected {
    sid: Option<u32>,
    id: Option<String>,
    count: Option<u64>,
}

/// A signature by its sid, a Sigma rule by its id, name or title.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Called {
    Sid(u32),
    Id(String),
}

impl Called {
    fn of(sid: Option<u32>, id: Option<&String>) -> Option<Called> {
        match (sid, id) {
            (Some(sid), _) => Some(Called::Sid(sid)),
            (None, Some(id)) => Some(Called::Id(id.clone())),
            (None, None) => None,
        }
    }
}

impl std::fmt::Display for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Called::Sid(sid) => write!(f, "sid {sid}"),
            Called::Id(id) => write!(f, "id {id}"),
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// `none`, `at least 1`, or a number.
    expected: String,
    alerts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    near_miss: Option<NearMiss>,
}

/// Alerts by group, as far as it tells Sigma rules from signatures, and sid.
type Alerts = BTreeMap<(bool, u32), u64>;

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
    gid: u32,
    signature_id: u32,
}

impl Output for Counter {
    fn record(&mut self, class: Class, line: &[u8]) {
        if class != Class::Alert {
            return;
        }
        if let Ok(Record { alert: Some(alert) }) = serde_json::from_slice(line) {
            let key = (alert.gid == GENERATOR, alert.signature_id);
            *self.alerts.entry(key).or_default() += 1;
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

/// What became of a Sigma rule on `--pcap`.
#[derive(Serialize)]
struct OfSigma<'a> {
    sid: u32,
    title: &'a str,
    alerts: u64,
    /// Of the kinds that the rule reads; none of a correlation.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// Of a rule that did not alert: parts of its condition, with the records in which they hold.
    parts: Vec<OfPart>,
}

#[derive(Serialize)]
struct OfPart {
    words: String,
    records: u64,
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
    let sigma = Arc::new(sigma::load(&[file.to_owned()], &settings)?);
    for fault in &sigma.ruleset.diagnostics {
        eprintln!("{}:{}", fault.file, fault.diagnostic);
    }
    let engine = ruleset::compile(&[], &settings)?.engine;
    let (alerts, records) = if is_event_file(pcap) {
        (alerts_of_events(pcap, &sigma)?, records_of_file(pcap)?)
    } else {
        let records = records_of(&[pcap.to_owned()], settings.clone())?;
        let alerts = alerts_of_capture(pcap, engine, Some(&sigma), settings.clone())?;
        (alerts, records)
    };
    let zone_s = sigma::pipeline(&settings)?.time_zone_s;
    let count = |meta: &Meta| alerts.get(&(true, meta.sid())).copied().unwrap_or(0);
    let of_rules = sigma.ruleset.rules.iter().map(|own| {
        let meta = &own.rule.meta;
        let mut near = Nearness::new(own, zone_s, language);
        if let Some(near) = &mut near {
            for (kind, text) in &records.records {
                near.look(kind, text);
            }
        }
        let parts = near.iter().filter(|_| count(meta) == 0);
        let parts = parts.flat_map(Nearness::parts).map(|part| OfPart {
            words: part.words.clone(),
            records: part.events,
        });
        OfSigma {
            sid: meta.sid(),
            title: &meta.title,
            alerts: count(meta),
            records: near.as_ref().map(|near| near.events),
            parts: parts.collect(),
        }
    });
    let of_correlations = sigma.ruleset.correlations.iter().map(|own| OfSigma {
        sid: own.correlation.meta.sid(),
        title: &own.correlation.meta.title,
        alerts: count(&own.correlation.meta),
        records: None,
        parts: Vec::new(),
    });
    let told: Vec<OfSigma<'_>> = of_rules.chain(of_correlations).collect();
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&told)?,
        Format::Text => {
            for one in &told {
                writeln!(out, "{:>6}  {}", one.alerts, one.title)?;
                for part in &one.parts {
                    let (held, all) = (part.records, one.records.unwrap_or(0));
                    match language {
                        Language::Vietnamese => {
                            writeln!(out, "        {held}/{all} bản ghi: {}", part.words)?;
                        }
                        Language::English => {
                            writeln!(out, "        {held} of {all} records: {}", part.words)?;
                        }
                    }
                }
            }
            out.flush()?;
        }
    }
    Ok(status(!alerts.is_empty()))
}

fn is_sigma_file(path: &Path) -> bool {
    ends_with(path, &["yml", "yaml"])
}

fn is_event_file(path: &Path) -> bool {
    ends_with(path, &["jsonl", "json"])
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| endings.contains(&ending))
}

/// Whether the text of a row's rule is Sigma's.
fn is_sigma_text(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("title:") || line.starts_with("detection:"))
}

/// Runs events, one JSON object a line.
fn alerts_of_events(path: &Path, sigma: &SigmaRules) -> anyhow::Result<Alerts> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let ruleset = &sigma.ruleset;
    let mut detector = Detector::new(Arc::clone(ruleset), SharedState::default());
    let mut alerts = Alerts::new();
    let mut count = |findings: &[Finding]| {
        for finding in findings {
            let meta = match finding {
                Finding::Rule(index) => ruleset.rules.get(*index).map(|own| &own.rule.meta),
                Finding::Correlation(found) => {
                    let own = ruleset.correlations.get(found.correlation as usize);
                    own.map(|own| &own.correlation.meta)
                }
            };
            if let Some(meta) = meta {
                *alerts.entry((true, meta.sid())).or_default() += 1;
            }
        }
    };
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() {
            continue;
        }
        match detector.run(line, None) {
            Ok(findings) => count(findings),
            Err(error) => bail!("{}:{number}: {error}", path.display()),
        }
    }
    count(detector.finish());
    Ok(alerts)
}

fn alerts_of_capture(
    path: &Path,
    engine: Arc<Engine>,
    sigma: Option<&Arc<SigmaRules>>,
    settings: Settings,
) -> anyhow::Result<Alerts> {
    let counter = Counter::default();
    let mut worker = Worker::new(0, Arc::new(settings), Some(engine), None, counter);
    worker.set_sigma(sigma);
    feed(&mut worker, &[path.to_owned()], |_| true)?;
    worker.finish();
    Ok(worker.into_output().alerts)
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
    let has_sigma = !read_paths(&[folder.to_owned()])?.is_empty();
    let sigma = sigma::load(&[folder.to_owned()], &settings)?;
    for failure in &rules.failures {
        eprintln!("{failure}");
    }
    for fault in &sigma.ruleset.diagnostics {
        eprintln!("{}:{}", fault.file, fault.diagnostic);
    }
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
        let Some(called) = Called::of(one.sid, one.id.as_ref()) else {
            continue;
        };
        writeln!(out, "  - {called}: {} expected", one.expected)?;
        writeln!(out, "  + {called}: {} came", one.alerts)?;
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
    /// Whether the folder has Sigma rules.
    has_sigma: bool,
    /// What the folder's rules said of captures already replayed.
    seen: BTreeMap<PathBuf, Alerts>,
    /// Numbers of the folder's Sigma rules.
    sids: BTreeMap<String, u32>,
}

impl Bench<'_> {
    fn row(&mut self, file: &Path, row: &Row) -> anyhow::Result<Outcome> {
        let mut differences = Vec::new();
        let called = Called::of(row.sid, row.id.as_ref());
        let name = match (&row.name, &called) {
            (Some(name), _) => name.clone(),
            (None, Some(called)) => called.to_string(),
            (None, None) => row
                .traffic()
                .map_or_else(String::new, |path| path.display().to_string()),
        };
        let beside = |path: &Path| file.parent().unwrap_or(Path::new(".")).join(path);
        if let Some(path) = row.traffic() {
            let path = beside(path);
            for expected in &row.alerts {
                let wanted = expected.count.map_or(Wanted::Some, Wanted::Exactly);
                let Some(called) = Called::of(expected.sid, expected.id.as_ref()) else {
                    bail!("{}: {name}: an alert has a sid or an id", file.display());
                };
                differences.extend(self.difference(&path, row, &called, wanted)?);
            }
            for called in &row.quiet {
                differences.extend(self.difference(&path, row, called, Wanted::None)?);
            }
        }
        if let Some(called) = &called {
            for (names, wanted) in [(&row.fires_on, Wanted::Some), (&row.quiet_on, Wanted::None)] {
                for name in names {
                    let path = if is_event_file(Path::new(name)) {
                        beside(Path::new(name))
                    } else {
                        self.capture(name)
                    };
                    differences.extend(self.difference(&path, row, called, wanted)?);
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
        path: &Path,
        row: &Row,
        called: &Called,
        wanted: Wanted,
    ) -> anyhow::Result<Option<Difference>> {
        let key = match called {
            Called::Sid(sid) => (false, *sid),
            Called::Id(id) => (true, self.sigma_sid(row, id)?),
        };
        let alerts = self.alerts(path, row)?.get(&key).copied().unwrap_or(0);
        let (met, expected) = match wanted {
            Wanted::None => (alerts == 0, "none".to_owned()),
            Wanted::Some => (alerts > 0, "at least 1".to_owned()),
            Wanted::Exactly(count) => (alerts == count, count.to_string()),
        };
        if met {
            return Ok(None);
        }
        let (sid, id) = match called {
            Called::Sid(sid) => (Some(*sid), None),
            Called::Id(id) => (None, Some(id.clone())),
        };
        let near_miss = match sid {
            Some(sid) if alerts == 0 => {
                let rules = self.rules(row)?;
                let told =
                    workbench::traced(&rules.engine, rules.settings, path, &[sid], self.language)?;
                told.into_iter().next()
            }
            _ => None,
        };
        Ok(Some(Difference {
            capture: path.display().to_string(),
            sid,
            id,
            expected,
            alerts,
            near_miss,
        }))
    }

    /// The number that alerts of a Sigma rule bear.
    fn sigma_sid(&mut self, row: &Row, id: &str) -> anyhow::Result<u32> {
        if row.rule.is_none()
            && let Some(sid) = self.sids.get(id)
        {
            return Ok(*sid);
        }
        let rules = self.rules(row)?;
        let meta = rules.sigma.as_deref().and_then(|sigma| {
            sigma.metas().find(|meta| {
                let is_id = |own: &String| own.eq_ignore_ascii_case(id);
                meta.id.as_ref().is_some_and(is_id)
                    || meta.name.as_deref() == Some(id)
                    || meta.title == id
            })
        });
        let Some(meta) = meta else {
            bail!("no Sigma rule has the id, name or title {id:?}");
        };
        let sid = meta.sid();
        if row.rule.is_none() {
            self.sids.insert(id.to_owned(), sid);
        }
        Ok(sid)
    }

    fn capture(&self, name: &str) -> PathBuf {
        let file = self.args.captures.join(format!("{name}.pcap"));
        if file.is_file() {
            file
        } else {
            self.args.captures.join(name).join("input.pcap")
        }
    }

    /// The rules and settings of a row, compiled anew: thresholds, host bits, sets and correlations are part of them.
    fn rules(&self, row: &Row) -> anyhow::Result<RowRules> {
        let mut settings = self.settings.clone();
        for assignment in &row.set {
            settings.apply(assignment).map_err(anyhow::Error::msg)?;
        }
        let folder = [self.folder.to_owned()];
        let (mut rules, sigma) = match &row.rule {
            None => {
                let sigma = self.has_sigma.then(|| sigma::load(&folder, &settings));
                (ruleset::compile(&folder, &settings)?, sigma.transpose()?)
            }
            Some(text) if is_sigma_text(text) => {
                let source = SourceFile {
                    name: "rule".to_owned(),
                    text: text.clone(),
                };
                let sigma = sigma::of_sources(vec![source], &settings)?;
                (ruleset::compile(&[], &settings)?, Some(sigma))
            }
            Some(text) => {
                let rules = ruleset::of_text(text, self.folder, &settings, None)?;
                (rules, None)
            }
        };
        if let Some(sigma) = sigma {
            rules.join(sigma);
        }
        if row.rule.is_some()
            && let Some(failure) = rules.failures.first()
        {
            bail!("{failure}");
        }
        Ok(RowRules {
            engine: rules.engine,
            sigma: rules.sigma,
            settings,
        })
    }

    fn alerts(&mut self, path: &Path, row: &Row) -> anyhow::Result<Alerts> {
        let own = row.rule.is_some() || !row.set.is_empty();
        if !own && let Some(alerts) = self.seen.get(path) {
            return Ok(alerts.clone());
        }
        let rules = self.rules(row)?;
        let alerts = match &rules.sigma {
            Some(sigma) if is_event_file(path) => alerts_of_events(path, sigma)?,
            sigma => alerts_of_capture(path, rules.engine, sigma.as_ref(), rules.settings)?,
        };
        if !own {
            self.seen.insert(path.to_owned(), alerts.clone());
        }
        Ok(alerts)
    }
}

/// What a row runs.
struct RowRules {
    engine: Arc<Engine>,
    sigma: Option<Arc<SigmaRules>>,
    settings: Settings,
}

impl Row {
    fn traffic(&self) -> Option<&PathBuf> {
        self.pcap.as_ref().or(self.events.as_ref())
    }
}

/// Alerts that a row asks for.
#[derive(Clone, Copy)]
enum Wanted {
    None,
    Some,
    Exactly(u64),
}
