//! `rules check`: do rules load?

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ::rules::sigma::remedy;
use ::rules::signature::{Failure, option_span};
use serde::Serialize;

use super::faults::Texts;
use super::{Format, Tongue};
use crate::console::Console;
use crate::ruleset::{self, Ruleset, Warning};
use crate::sigma::{self, SigmaRules};

/// Columns of a rule that are shown around a fault.
const SHOWN: usize = 100;

#[derive(clap::Args)]
pub struct CheckArgs {
    /// Rule files, or folders with *.rules; Sigma rules: *.yml, or folders with them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Tell also what loads with reservations: rules that wait for a parser, that cost much, never match, or say
    /// nothing.
    #[arg(long)]
    warnings: bool,
    /// Tell time and memory of compiling, and what the prefilter is made of.
    #[arg(long)]
    stats: bool,
    /// Language of warnings; that of LC_ALL, LC_MESSAGES or LANG if not given.
    #[arg(long, value_enum)]
    lang: Option<Tongue>,
}

#[derive(Serialize)]
struct CheckReport<'a> {
    loaded: usize,
    failed: usize,
    failures: Vec<Row<'a>>,
    warnings: Vec<Row<'a>>,
    skipped: usize,
    hash: &'a str,
    /// Of Sigma rules, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma: Option<OfSigma>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// What Sigma rules have become.
#[derive(Serialize)]
struct OfSigma {
    rules: usize,
    correlations: usize,
    failed: usize,
    /// For whose log source no records are known.
    waiting: usize,
    /// Kinds of records that rules name.
    kinds: usize,
    tests: usize,
    /// Looked at for every record of their kind.
    without_literal: usize,
}

impl OfSigma {
    fn of(rules: &SigmaRules) -> OfSigma {
        let ruleset = &rules.ruleset;
        let summary = ruleset.engine().summary();
        OfSigma {
            rules: ruleset.rules.len(),
            correlations: ruleset.correlations.len(),
            failed: ruleset.refused,
            waiting: ruleset.rules.len() - ruleset.running(),
            kinds: summary.kinds,
            tests: summary.tests,
            without_literal: summary.without_witness,
        }
    }
}

/// Rules with the texts in which faults are shown.
struct Checked {
    rules: Ruleset,
    /// Of Sigma rules.
    texts: Texts,
    has_signatures: bool,
}

/// A line with what is at fault in it.
struct Shown {
    number: usize,
    before: String,
    at: String,
    behind: String,
}

impl Checked {
    /// The line of a Sigma file that a fault is in, and the byte of its column.
    fn sigma_line(&self, failure: &Failure) -> Option<(&str, usize)> {
        self.texts.line(&failure.file, failure.line, failure.column)
    }

    fn row<'a>(&self, failure: &'a Failure, code: Option<&'a str>) -> Row<'a> {
        let of_sigma = self.sigma_line(failure);
        let (column, end_column) = match of_sigma {
            Some((line, start)) => (start + 1, line.trim_end().len().max(start) + 1),
            None => {
                let start = failure.column.saturating_sub(1);
                let rule = self.rules.rule_at(failure);
                let end = rule.map_or(start, |rule| option_span(&rule.text, start).1);
                (failure.column, end + 1)
            }
        };
        Row {
            file: &failure.file,
            line: failure.line,
            column,
            end_column,
            sid: failure.sid,
            keyword: failure.keyword.as_deref(),
            code,
            reason: &failure.reason,
            remedy: of_sigma.and_then(|_| remedy(&failure.reason)),
        }
    }

    /// The line that a fault is in: of a Sigma rule, as far as it goes; of a signature, the option.
    fn shown(&self, failure: &Failure) -> Option<Shown> {
        if let Some((line, start)) = self.sigma_line(failure) {
            let (before, at) = line.trim_end().split_at_checked(start)?;
            return Some(Shown {
                number: failure.line,
                before: before.to_owned(),
                at: at.to_owned(),
                behind: String::new(),
            });
        }
        let rule = self.rules.rule_at(failure)?;
        let (start, end) = option_span(&rule.text, failure.column.saturating_sub(1));
        let (number, column) = rule.place(start);
        let mut starts = rule.starts.iter().copied();
        let line_end = starts.find(|&next| next > start);
        let line_end = line_end.unwrap_or(rule.text.len());
        let end = end.clamp(start, line_end);
        Some(Shown {
            number,
            before: rule.text.get(start - column..start)?.to_owned(),
            at: rule.text.get(start..end)?.to_owned(),
            behind: rule.text.get(end..line_end)?.to_owned(),
        })
    }
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    /// Of the rule's first line, from 1.
    line: usize,
    /// In bytes from 1, counted on over continued lines.
    column: usize,
    /// Behind the last byte that is at fault.
    end_column: usize,
    sid: Option<u32>,
    keyword: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    reason: &'a str,
    /// Of a Sigma rule: the part of the reason that says what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
}

#[derive(Serialize)]
struct Stats {
    /// Reading, parsing and compiling.
    compile_milliseconds: f64,
    resident_bytes: u64,
    matchers: usize,
    patterns: usize,
    matcher_bytes: usize,
    without_pattern: usize,
    ip_only: usize,
    packet: usize,
    transaction: usize,
    waiting: usize,
    /// The matchers that hold most patterns.
    largest: Vec<MatcherRow>,
}

#[derive(Serialize)]
struct MatcherRow {
    place: String,
    patterns: usize,
    bytes: usize,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let before = crate::console::resident_bytes();
    let started = Instant::now();
    let (signatures, sigma) = super::split(&args.paths);
    let mut checked = Checked {
        rules: ruleset::compile(&signatures, &settings)?,
        texts: Texts::default(),
        has_signatures: !signatures.is_empty(),
    };
    if !sigma.is_empty() {
        let sigma = sigma::load(&sigma, &settings)?;
        checked.texts = Texts::new(&sigma.sources);
        checked.rules.join(sigma);
    }
    let rules = &checked.rules;
    let stats = args.stats.then(|| stats(rules, started, before));
    let language = Tongue::or_environment(args.lang);
    let warnings = if args.warnings {
        rules.all_warnings(language)
    } else {
        Vec::new()
    };
    let mut out = Console::new();
    match args.format {
        Format::Json => {
            out.json(&CheckReport {
                loaded: rules.loaded,
                failed: rules.failed,
                failures: rules
                    .failures
                    .iter()
                    .map(|failure| checked.row(failure, None))
                    .collect(),
                warnings: warnings
                    .iter()
                    .map(|warning| checked.row(&warning.at, warning.code))
                    .collect(),
                skipped: rules.skipped,
                hash: &rules.hash,
                sigma: rules.sigma.as_deref().map(OfSigma::of),
                stats,
            })?;
        }
        Format::Text => text(&mut out, &checked, &warnings, stats.as_ref())?,
    }
    Ok(if rules.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(
    out: &mut Console,
    checked: &Checked,
    warnings: &[Warning],
    stats: Option<&Stats>,
) -> anyhow::Result<()> {
    let rules = &checked.rules;
    for failure in &rules.failures {
        writeln!(out, "{failure}")?;
        point_at(out, checked, failure)?;
    }
    for warning in warnings {
        let code = warning
            .code
            .map_or_else(String::new, |code| format!(" [{code}]"));
        writeln!(out, "warning: {}{code}", warning.at)?;
        if warning.at.keyword.is_some() || checked.sigma_line(&warning.at).is_some() {
            point_at(out, checked, &warning.at)?;
        }
        if out.is_gone() {
            return Ok(());
        }
    }
    if checked.has_signatures {
        of_signatures(out, rules)?;
    }
    if let Some(own) = rules.sigma.as_deref().map(OfSigma::of) {
        writeln!(
            out,
            "{} Sigma rules and {} correlations loaded, {} failed, {} wait for records",
            own.rules, own.correlations, own.failed, own.waiting
        )?;
        writeln!(
            out,
            "{} tests over {} kinds of records, {} rules without a text to look for",
            own.tests, own.kinds, own.without_literal
        )?;
    }
    if let Some(stats) = stats {
        writeln!(
            out,
            "compiled in {:.0} ms, {:.1} MB of memory, of which {:.1} MB are the prefilter's; hash {}",
            stats.compile_milliseconds,
            stats.resident_bytes as f64 / 1e6,
            stats.matcher_bytes as f64 / 1e6,
            rules.hash
        )?;
        for matcher in &stats.largest {
            writeln!(
                out,
                "  {:<44} {:>6} patterns {:>8} kB",
                matcher.place,
                matcher.patterns,
                matcher.bytes / 1_000
            )?;
        }
    }
    Ok(out.flush()?)
}

fn of_signatures(out: &mut Console, rules: &Ruleset) -> std::io::Result<()> {
    let summary = rules.engine.summary();
    let (mut loaded, mut failed) = (rules.loaded, rules.failed);
    if let Some(sigma) = &rules.sigma {
        loaded -= sigma.ruleset.rules.len() + sigma.ruleset.correlations.len();
        failed -= sigma.ruleset.refused;
    }
    writeln!(
        out,
        "{loaded} loaded, {failed} failed, {} skipped, {} wait for a parser",
        rules.skipped, summary.waiting
    )?;
    writeln!(
        out,
        "{} on addresses, {} on packets and streams, {} on transactions; {} patterns in {} matchers ({} MB), {} without a pattern",
        summary.ip_only,
        summary.packet,
        summary.transaction,
        summary.patterns,
        summary.matchers,
        summary.matcher_bytes >> 20,
        summary.without_pattern
    )
}

fn stats(rules: &Ruleset, started: Instant, before: u64) -> Stats {
    const LARGEST: usize = 12;
    let summary = rules.engine.summary();
    let mut largest: Vec<MatcherRow> = rules
        .engine
        .matchers()
        .into_iter()
        .map(|(place, patterns, bytes)| MatcherRow {
            place,
            patterns,
            bytes,
        })
        .collect();
    largest.sort_by_key(|row| std::cmp::Reverse(row.patterns));
    largest.truncate(LARGEST);
    Stats {
        compile_milliseconds: started.elapsed().as_secs_f64() * 1e3,
        resident_bytes: crate::console::resident_bytes().saturating_sub(before),
        matchers: summary.matchers,
        patterns: summary.patterns,
        matcher_bytes: summary.matcher_bytes,
        without_pattern: summary.without_pattern,
        ip_only: summary.ip_only,
        packet: summary.packet,
        transaction: summary.transaction,
        waiting: summary.waiting,
        largest,
    }
}

/// Shows the place: the line with its number, and carets under what is at fault.
fn point_at(out: &mut Console, checked: &Checked, failure: &Failure) -> std::io::Result<()> {
    let Some(Shown {
        number,
        before,
        at,
        behind,
    }) = checked.shown(failure)
    else {
        return Ok(());
    };
    // Characters count, not bytes; a tab is as wide as its space.
    let plain = |text: &str| {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
    };
    let (before, at, behind) = (plain(&before), plain(&at), plain(&behind));
    let skipped = before.chars().count().saturating_sub(SHOWN / 2);
    let lead = if skipped > 0 { "…" } else { "" };
    let shown: String = before
        .chars()
        .skip(skipped)
        .chain(at.chars())
        .chain(behind.chars())
        .take(SHOWN)
        .collect();
    let pad = " ".repeat(before.chars().skip(skipped).count() + lead.chars().count());
    let carets = "^".repeat(at.chars().count().clamp(1, SHOWN / 2));
    writeln!(out, "{number:>6} | {lead}{shown}")?;
    writeln!(out, "       | {pad}{carets}")
}
