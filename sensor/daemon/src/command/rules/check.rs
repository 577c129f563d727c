//! `rules check`: do rules load?

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ::rules::signature::{Failure, option_span};
use serde::Serialize;

use super::{Format, Tongue};
use crate::console::Console;
use crate::ruleset::{self, Ruleset, Warning};
use crate::sigma;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
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

fn row<'a>(rules: &Ruleset, failure: &'a Failure, code: Option<&'a str>) -> Row<'a> {
    let start = failure.column.saturating_sub(1);
    let end = rules
        .rule_at(failure)
        .map_or(start, |rule| option_span(&rule.text, start).1);
    Row {
        file: &failure.file,
        line: failure.line,
        column: failure.column,
        end_column: end + 1,
        sid: failure.sid,
        keyword: failure.keyword.as_deref(),
        code,
        reason: &failure.reason,
    }
}

pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let before = crate::console::resident_bytes();
    let started = Instant::now();
    let (signatures, sigma) = super::split(&args.paths);
    let mut rules = ruleset::compile(&signatures, &settings)?;
    if !sigma.is_empty() {
        rules.join(sigma::load(&sigma, &settings)?);
    }
    let stats = args.stats.then(|| stats(&rules, started, before));
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
                    .map(|failure| row(&rules, failure, None))
                    .collect(),
                warnings: warnings
                    .iter()
                    .map(|warning| row(&rules, &warning.at, warning.code))
                    .collect(),
                skipped: rules.skipped,
                hash: &rules.hash,
                stats,
            })?;
        }
        Format::Text => text(&mut out, &rules, &warnings, stats.as_ref())?,
    }
    Ok(if rules.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(
    out: &mut Console,
    rules: &Ruleset,
    warnings: &[Warning],
    stats: Option<&Stats>,
) -> anyhow::Result<()> {
    for failure in &rules.failures {
        writeln!(out, "{failure}")?;
        point_at(out, rules, failure)?;
    }
    for warning in warnings {
        let code = warning
            .code
            .map_or_else(String::new, |code| format!(" [{code}]"));
        writeln!(out, "warning: {}{code}", warning.at)?;
        if warning.at.keyword.is_some() {
            point_at(out, rules, &warning.at)?;
        }
        if out.is_gone() {
            return Ok(());
        }
    }
    let summary = rules.engine.summary();
    writeln!(
        out,
        "{} loaded, {} failed, {} skipped, {} wait for a parser",
        rules.loaded, rules.failed, rules.skipped, summary.waiting
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
    )?;
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
fn point_at(out: &mut Console, rules: &Ruleset, failure: &Failure) -> std::io::Result<()> {
    let Some(rule) = rules.rule_at(failure) else {
        return Ok(());
    };
    let (start, end) = option_span(&rule.text, failure.column.saturating_sub(1));
    let (number, column) = rule.place(start);
    let line_start = start - column;
    let line_end = rule
        .starts
        .iter()
        .copied()
        .find(|&next| next > start)
        .unwrap_or(rule.text.len());
    let (Some(before), Some(at), Some(behind)) = (
        rule.text.get(line_start..start),
        rule.text.get(start..end.clamp(start, line_end)),
        rule.text.get(end.clamp(start, line_end)..line_end),
    ) else {
        return Ok(());
    };
    // Characters count, not bytes; a tab is as wide as its space.
    let plain = |text: &str| {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
    };
    let (before, at, behind) = (plain(before), plain(at), plain(behind));
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
