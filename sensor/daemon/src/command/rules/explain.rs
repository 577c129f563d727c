//! `rules explain`: what a rule does, in plain words.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::sigma::ast::{Level, Meta};
use ::rules::signature::{HeaderProtocol, Language, explain, literal};
use anyhow::bail;
use sensor_detect::Advice;
use serde::Serialize;

use super::faults::{Fault, WithFaults, tell};
use super::{Format, Tongue};
use crate::console::Console;
use crate::ruleset::{self, Ruleset};
use crate::sigma::{self, SigmaRules};

#[derive(clap::Args)]
pub struct ExplainArgs {
    /// Number of a rule, or a file of rules; Sigma rules: *.yml, or a folder with them.
    #[arg(required = true, value_name = "SID|FILE")]
    what: Vec<String>,
    /// Where to look for rules by number: files and folders of either kind.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Language of the words; that of LC_ALL, LC_MESSAGES or LANG if not given.
    #[arg(long, alias = "language", value_enum)]
    lang: Option<Tongue>,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
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
    rules: usize,
    advice: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    text: String,
    #[serde(skip)]
    tcp: bool,
}

/// A Sigma rule or correlation.
#[derive(Clone, Serialize)]
struct OfSigma {
    sid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    file: String,
    /// `rule` or `correlation`.
    kind: &'static str,
    words: Vec<String>,
}

/// A rule of either language.
#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    Signature(Box<Explanation>),
    Sigma(OfSigma),
}

#[derive(Serialize)]
struct FastPattern {
    buffer: &'static str,
    /// As a rule writes it.
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
    let language = Tongue::or_environment(args.lang);
    let paths: Vec<PathBuf> = files.iter().chain(&args.rules).cloned().collect();
    let (signatures, sigma) = super::split(&paths);
    let rules = ruleset::compile(&signatures, &settings)?;
    let mut faults: Vec<Fault> = rules.failures.iter().map(Fault::from).collect();
    let mut of_sigma = Vec::new();
    if !sigma.is_empty() {
        let sigma = sigma::load(&sigma, &settings)?;
        faults.extend(Fault::of_sigma(&sigma));
        of_sigma = explain_sigma(&sigma, language);
    }
    tell(args.format, &faults);
    let mut told = Vec::new();
    let mut signature = |index| Told::Signature(Box::new(explanation(&rules, index, language)));
    if sids.is_empty() {
        told.extend(rules.engine.indexes().map(signature));
        told.extend(of_sigma.into_iter().map(Told::Sigma));
    } else {
        for sid in &sids {
            let before = told.len();
            told.extend(rules.engine.find(*sid).into_iter().map(&mut signature));
            let named = of_sigma.iter().filter(|own| own.sid == *sid);
            told.extend(named.cloned().map(Told::Sigma));
            if told.len() == before {
                bail!("there is no rule with sid {sid}");
            }
        }
    }
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&WithFaults {
            rules: &told,
            faults: &faults,
        })?,
        Format::Text => {
            for one in &told {
                match one {
                    Told::Signature(one) => print(&mut out, one, language)?,
                    Told::Sigma(one) => {
                        writeln!(out, "{} {}", one.sid, one.words.join("\n"))?;
                        writeln!(out)?;
                    }
                }
            }
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn explain_sigma(rules: &SigmaRules, language: Language) -> Vec<OfSigma> {
    let of = |kind, meta: &Meta, file: &str, words| OfSigma {
        sid: meta.sid(),
        id: meta.id.clone(),
        msg: meta.title.clone(),
        level: meta.level.map(Level::name),
        file: file.to_owned(),
        kind,
        words,
    };
    let of_rules = rules.ruleset.rules.iter().map(|own| {
        let words = ::rules::sigma::explain(own, language);
        of("rule", &own.rule.meta, &own.file, words)
    });
    let of_correlations = rules.ruleset.correlations.iter().map(|own| {
        let words = ::rules::sigma::explain_correlation(own, language);
        of("correlation", &own.correlation.meta, &own.file, words)
    });
    of_rules.chain(of_correlations).collect()
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
            pattern: literal(&bytes),
            explicit: plan.explicit,
        }),
        inspected_in: named([(plan.in_stream, "stream"), (plan.in_packet, "packet")]),
        action_reaches: plan.reach,
        order: plan.order + 1,
        rules: engine.summary().signatures,
        advice: engine
            .advice(index)
            .into_iter()
            .map(|advice: Advice| advice.told(language))
            .collect(),
        waits_for: signature.waits_for.clone(),
        text: signature.text.clone(),
        tcp: signature.protocol == HeaderProtocol::Tcp,
    }
}

/// How the rule is looked for, for people who do not know this program's insides.
fn looked_for(one: &Explanation, language: Language) -> String {
    let vietnamese = language == Language::Vietnamese;
    let place = match (one.kind, vietnamese) {
        ("addresses", true) => "chỉ xét địa chỉ, một lần cho mỗi chiều của luồng".to_owned(),
        ("addresses", false) => "by addresses alone, once for each direction of a flow".to_owned(),
        ("detection", true) => "khi giao thức của luồng được nhận ra".to_owned(),
        ("detection", false) => "when the protocol of the flow becomes known".to_owned(),
        ("transactions", true) => format!(
            "trong từng giao dịch {}",
            protocols(one, "mọi giao thức", " hoặc ")
        ),
        ("transactions", false) => {
            format!(
                "in each transaction of {}",
                protocols(one, "any protocol", " or ")
            )
        }
        ("frames", true) => "trong từng phần (frame) mà bộ phân tích tách ra".to_owned(),
        ("frames", false) => "in each frame that a parser has delimited".to_owned(),
        ("waiting", true) => "chưa xét được".to_owned(),
        ("waiting", false) => "nowhere yet".to_owned(),
        (_, true) => match one.inspected_in.as_slice() {
            ["stream"] if one.tcp => "trong luồng TCP đã ghép".to_owned(),
            ["stream"] => {
                "trong luồng TCP đã ghép, hoặc trong từng gói tin không phải TCP".to_owned()
            }
            ["stream", _] => "trong luồng đã ghép và trong từng gói tin".to_owned(),
            _ => "trong từng gói tin".to_owned(),
        },
        (_, false) => match one.inspected_in.as_slice() {
            ["stream"] if one.tcp => "in the reassembled stream".to_owned(),
            ["stream"] => {
                "in the reassembled stream of TCP, or in single packets of others".to_owned()
            }
            ["stream", _] => "in the reassembled stream and in single packets".to_owned(),
            _ => "in single packets".to_owned(),
        },
    };
    let side = match (one.directions.as_slice(), vietnamese) {
        (["to_server"], true) => ", chiều tới máy chủ",
        (["to_server"], false) => ", towards the server",
        (["to_client"], true) => ", chiều tới máy khách",
        (["to_client"], false) => ", towards the client",
        (_, true) => ", cả hai chiều",
        (_, false) => ", in both directions",
    };
    let order = if vietnamese {
        format!("thứ {} trong {} luật", one.order, one.rules)
    } else {
        format!("number {} of {} rules", one.order, one.rules)
    };
    let head = if vietnamese {
        "Cách tìm"
    } else {
        "How it is looked for"
    };
    format!("{head}: {place}{side}; {order}.")
}

/// `A, B or C`.
fn protocols(one: &Explanation, any: &str, or: &str) -> String {
    let names: Vec<String> = one
        .protocols
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .collect();
    match names.as_slice() {
        [] => any.to_owned(),
        [name] => name.clone(),
        [names @ .., last] => format!("{}{or}{last}", names.join(", ")),
    }
}

fn print(out: &mut Console, one: &Explanation, language: Language) -> std::io::Result<()> {
    let vietnamese = language == Language::Vietnamese;
    writeln!(out, "{} rev {}: {}", one.sid, one.rev, one.msg)?;
    for line in &one.words {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  {}", looked_for(one, language))?;
    match (&one.fast_pattern, vietnamese) {
        (Some(fast), true) => writeln!(
            out,
            "  Mẫu tìm nhanh: {} trong {} ({}).",
            fast.pattern,
            fast.buffer,
            if fast.explicit {
                "luật chọn"
            } else {
                "tự chọn: dài và hiếm nhất"
            }
        )?,
        (Some(fast), false) => writeln!(
            out,
            "  Fast pattern: {} in {} ({}).",
            fast.pattern,
            fast.buffer,
            if fast.explicit {
                "the rule names it"
            } else {
                "chosen: the longest and rarest"
            }
        )?,
        (None, true) => writeln!(out, "  Không có mẫu tìm nhanh.")?,
        (None, false) => writeln!(out, "  No fast pattern.")?,
    }
    if let Some(what) = &one.waits_for {
        match vietnamese {
            true => writeln!(out, "  Luật nạp được nhưng chưa thể khớp: còn chờ {what}.")?,
            false => writeln!(
                out,
                "  The rule loads but cannot match yet: it waits for {what}."
            )?,
        }
    }
    for advice in &one.advice {
        writeln!(out, "  ! {advice}")?;
    }
    writeln!(out)
}
