//! `rules check`: do rules load?

use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::signature::Failure;
use serde::Serialize;

use super::Format;
use crate::ruleset;

#[derive(clap::Args)]
pub struct CheckArgs {
    /// Rule files, or folders with *.rules.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Tell also what loads with reservations: rules that wait for a parser, without a fast pattern, rev or class.
    #[arg(long)]
    warnings: bool,
}

#[derive(Serialize)]
struct CheckReport<'a> {
    loaded: usize,
    failed: usize,
    failures: Vec<Row<'a>>,
    warnings: Vec<Row<'a>>,
    skipped: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    sid: Option<u32>,
    keyword: Option<&'a str>,
    reason: &'a str,
}

impl<'a> From<&'a Failure> for Row<'a> {
    fn from(failure: &'a Failure) -> Self {
        Row {
            file: &failure.file,
            line: failure.line,
            column: failure.column,
            sid: failure.sid,
            keyword: failure.keyword.as_deref(),
            reason: &failure.reason,
        }
    }
}

pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let rules = ruleset::compile(&args.paths, &settings)?;
    // A rule with several faults is one failed rule.
    let mut failed: Vec<(&str, usize)> = rules
        .failures
        .iter()
        .map(|failure| (failure.file.as_str(), failure.line))
        .collect();
    failed.dedup();
    let warnings = if args.warnings {
        rules.all_warnings()
    } else {
        Vec::new()
    };
    match args.format {
        Format::Json => {
            let report = CheckReport {
                loaded: rules.loaded,
                failed: failed.len(),
                failures: rules.failures.iter().map(Row::from).collect(),
                warnings: warnings.iter().map(Row::from).collect(),
                skipped: rules.skipped,
            };
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Format::Text => {
            for failure in &rules.failures {
                println!("{failure}");
            }
            for warning in &warnings {
                println!("warning: {warning}");
            }
            let summary = rules.engine.summary();
            println!(
                "{} loaded, {} failed, {} skipped, {} wait for a parser",
                rules.loaded,
                failed.len(),
                rules.skipped,
                summary.waiting
            );
            println!(
                "{} on addresses, {} on packets and streams, {} on transactions; {} patterns in {} matchers ({} MB), {} without a pattern",
                summary.ip_only,
                summary.packet,
                summary.transaction,
                summary.patterns,
                summary.matchers,
                summary.matcher_bytes >> 20,
                summary.without_pattern
            );
        }
    }
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
