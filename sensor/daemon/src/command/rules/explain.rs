//! `rules explain`: what a rule does, in plain words.

use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::signature::{Language, explain};
use anyhow::bail;
use serde::Serialize;

use super::Format;
use crate::ruleset::{self, Ruleset};

#[derive(clap::Args)]
pub struct ExplainArgs {
    /// Number of a rule, or a file of rules.
    #[arg(required = true, value_name = "SID|FILE")]
    what: Vec<String>,
    /// Where to look for rules by number.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Language of the words.
    #[arg(long, value_enum, default_value = "vi")]
    language: Tongue,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tongue {
    Vi,
    En,
}

#[derive(Serialize)]
struct Explanation {
    sid: u32,
    rev: u32,
    msg: String,
    words: Vec<String>,
    kind: &'static str,
    directions: Vec<&'static str>,
    protocols: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fast_pattern: Option<FastPattern>,
    inspected_in: Vec<&'static str>,
    action_reaches: &'static str,
    /// Place in the order of all loaded rules, from 1.
    order: u32,
    advice: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct FastPattern {
    buffer: &'static str,
    /// As text, bytes outside ASCII escaped.
    pattern: String,
    explicit: bool,
}

pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let (mut sids, mut files) = (Vec::new(), Vec::new());
    for what in &args.what {
        match what.parse::<u32>() {
            Ok(sid) => sids.push(sid),
            Err(_) => files.push(PathBuf::from(what)),
        }
    }
    if !sids.is_empty() && args.rules.is_empty() && files.is_empty() {
        bail!("a rule is looked for by number in --rules PATH");
    }
    let paths: Vec<PathBuf> = files.iter().chain(&args.rules).cloned().collect();
    let rules = ruleset::compile(&paths, &settings)?;
    for failure in &rules.failures {
        eprintln!("{failure}");
    }
    let mut wanted = Vec::new();
    for sid in &sids {
        let found = rules.engine.find(*sid);
        if found.is_empty() {
            bail!("there is no rule with sid {sid}");
        }
        wanted.extend(found);
    }
    if sids.is_empty() {
        wanted.extend(rules.engine.indexes());
    }
    let language = match args.language {
        Tongue::Vi => Language::Vietnamese,
        Tongue::En => Language::English,
    };
    let told: Vec<Explanation> = wanted
        .into_iter()
        .map(|index| explanation(&rules, index, language))
        .collect();
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&told)?),
        Format::Text => told.iter().for_each(print),
    }
    Ok(ExitCode::SUCCESS)
}

fn explanation(rules: &Ruleset, index: u32, language: Language) -> Explanation {
    let engine = &rules.engine;
    let signature = engine.signature(index);
    let plan = engine.plan(index);
    let named = |pairs: [(bool, &'static str); 2]| {
        pairs
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| name)
            .collect()
    };
    Explanation {
        sid: signature.sid,
        rev: signature.rev,
        msg: signature.msg.clone(),
        words: explain(signature, &engine.names().vocabulary, language),
        kind: plan.kind,
        directions: named([(plan.to_server, "to_server"), (plan.to_client, "to_client")]),
        protocols: plan.protocols,
        fast_pattern: plan.fast_pattern.map(|(buffer, bytes)| FastPattern {
            buffer,
            pattern: bytes.escape_ascii().to_string(),
            explicit: plan.explicit,
        }),
        inspected_in: named([(plan.in_stream, "stream"), (plan.in_packet, "packet")]),
        action_reaches: plan.reach,
        order: plan.order + 1,
        advice: engine.advice(index),
        waits_for: signature.waits_for.clone(),
        text: signature.text.clone(),
    }
}

fn print(one: &Explanation) {
    println!("{} rev {}: {}", one.sid, one.rev, one.msg);
    for line in &one.words {
        println!("  {line}");
    }
    println!(
        "  [{}; {}; order {}]",
        one.kind,
        one.directions.join(", "),
        one.order
    );
    match &one.fast_pattern {
        Some(fast) => println!("  [fast pattern in {}: \"{}\"]", fast.buffer, fast.pattern),
        None => println!("  [no fast pattern]"),
    }
    if let Some(what) = &one.waits_for {
        println!("  [waits for {what}]");
    }
    for advice in &one.advice {
        println!("  ! {advice}");
    }
    println!();
}
