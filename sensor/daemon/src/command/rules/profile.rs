//! `rules profile`: what each rule costs on captures. Sigma rules are measured on the records of the captures: all
//! together, as they run, and each alone.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use sensor_event::Class;
use serde::Serialize;

use super::Format;
use super::faults::{Fault, WithFaults, tell};
use crate::command::replay::feed;
use crate::console::Console;
use crate::output::Output;
use crate::ruleset;
use crate::settings::Checksums;
use crate::worker::Worker;

#[derive(clap::Args)]
pub struct ProfileArgs {
    /// Captures to replay, in this order.
    #[arg(required = true, value_name = "PCAP")]
    pub pcaps: Vec<PathBuf>,
    /// Rule files, or folders with *.rules; Sigma rules: *.yml, or folders with them.
    #[arg(long, required = true, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// How many rules to tell, the dearest first.
    #[arg(long, default_value_t = 30)]
    pub top: usize,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    sid: u32,
    msg: &'a str,
    checks: u64,
    matches: u64,
    microseconds: f64,
    share_percent: f64,
    nanoseconds_a_check: f64,
    longest_microseconds: f64,
    /// Times that a limit on steps or backtracking stopped it.
    stopped: u64,
    fast_pattern: Option<String>,
}

/// Keeps nothing.
struct Nowhere;

impl Output for Nowhere {
    fn record(&mut self, _class: Class, _line: &[u8]) {}
}

pub fn run(args: &ProfileArgs) -> anyhow::Result<ExitCode> {
    let mut settings = super::settings(&args.set)?;
    settings.checksums = Checksums::None;
    let (signatures, sigma) = super::split(&args.rules);
    if !sigma.is_empty() {
        return super::profile_sigma::run(args, &signatures, &sigma, settings);
    }
    let rules = ruleset::compile(&signatures, &settings)?;
    let faults: Vec<Fault> = rules.failures.iter().map(Fault::from).collect();
    tell(args.format, &faults);
    let engine = Arc::clone(&rules.engine);
    let mut worker = Worker::new(0, Arc::new(settings), Some(rules.engine), None, Nowhere);
    worker.measure();
    feed(&mut worker, &args.pcaps, |_| true)?;
    worker.finish();
    let stopped = worker.stopped();
    let mut rows: Vec<Row<'_>> = worker
        .costs()
        .into_iter()
        .flat_map(sensor_detect::Costs::rows)
        .map(|(index, cost)| {
            let signature = engine.signature(index);
            let micro = |time: std::time::Duration| time.as_secs_f64() * 1e6;
            Row {
                sid: signature.sid,
                msg: &signature.msg,
                checks: cost.checks,
                matches: cost.matches,
                microseconds: micro(cost.time),
                share_percent: 0.0,
                nanoseconds_a_check: micro(cost.time) * 1e3 / cost.checks as f64,
                longest_microseconds: micro(cost.longest),
                stopped: stopped.get(&index).copied().unwrap_or(0),
                fast_pattern: engine
                    .plan(index)
                    .fast_pattern
                    .map(|(buffer, bytes)| format!("{buffer}: {}", bytes.escape_ascii())),
            }
        })
        .collect();
    let total: f64 = rows.iter().map(|row| row.microseconds).sum();
    for row in &mut rows {
        row.share_percent = row.microseconds * 100.0 / total.max(1e-9);
    }
    rows.sort_by(|left, right| right.microseconds.total_cmp(&left.microseconds));
    let looked_at = rows.len();
    rows.truncate(args.top);
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&WithFaults {
            rules: &rows,
            faults: &faults,
        })?,
        Format::Text => {
            writeln!(
                out,
                "{looked_at} of {} rules were looked at, {:.1} ms in all",
                engine.summary().signatures,
                total / 1e3
            )?;
            writeln!(
                out,
                "     sid     checks matches       µs      %  ns/check stopped  fast pattern"
            )?;
            for row in &rows {
                writeln!(
                    out,
                    "{:>8} {:>10} {:>7} {:>8.0} {:>6.2} {:>9.0} {:>7}  {}",
                    row.sid,
                    row.checks,
                    row.matches,
                    row.microseconds,
                    row.share_percent,
                    row.nanoseconds_a_check,
                    row.stopped,
                    row.fast_pattern.as_deref().unwrap_or("none")
                )?;
            }
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
