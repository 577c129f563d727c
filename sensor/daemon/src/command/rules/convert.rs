//! `rules convert`: the queries of the collector's search language that Sigma rules become.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::sigma::{Converted, LoadedRule, convert};
use serde::Serialize;

use super::Format;
use super::faults::{Fault, WithFaults, tell};
use crate::console::Console;
use crate::sigma;

#[derive(clap::Args)]
pub struct ConvertArgs {
    /// Files of Sigma rules, and folders with them.
    #[arg(required = true)]
    what: Vec<PathBuf>,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, as in `replay`; `sigma.pipeline` among them.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// A rule with its query.
#[derive(Serialize)]
struct Told<'a> {
    sid: u32,
    title: &'a str,
    file: &'a str,
    /// Absent: no records are known for its log source.
    query: Option<String>,
    /// The query finds at least what the rule matches; these parts of the rule it does not ask.
    left_out: Vec<String>,
    /// The query names no more than the kinds of records.
    scan: bool,
}

impl<'a> Told<'a> {
    fn of(own: &'a LoadedRule) -> Told<'a> {
        let converted = convert(own);
        Told {
            sid: own.rule.meta.sid(),
            title: &own.rule.meta.title,
            file: &own.file,
            query: converted.as_ref().map(|own| own.search.to_string()),
            scan: converted.as_ref().is_some_and(Converted::is_scan),
            left_out: converted.map_or_else(Vec::new, |own| own.left_out),
        }
    }
}

/// Exit status 1 if a rule does not load.
pub fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let rules = sigma::load(&args.what, &settings)?;
    let faults = Fault::of_sigma(&rules);
    tell(args.format, &faults);
    let told: Vec<Told<'_>> = rules.ruleset.rules.iter().map(Told::of).collect();
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&WithFaults {
            rules: &told,
            faults: &faults,
        })?,
        Format::Text => {
            for one in &told {
                writeln!(out, "{}  sid {}", one.title, one.sid)?;
                match &one.query {
                    Some(query) => writeln!(out, "  {query}")?,
                    None => writeln!(out, "  no records are known for its log source")?,
                }
                if !one.left_out.is_empty() {
                    writeln!(out, "  not asked: {}", one.left_out.join("; "))?;
                }
                writeln!(out)?;
            }
            out.flush()?;
        }
    }
    Ok(if rules.ruleset.has_errors() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
