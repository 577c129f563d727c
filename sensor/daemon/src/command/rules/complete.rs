//! `rules complete`: what may be written at a place of a rule, for editors that keep no server.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use ::rules::signature::RULE_LIMIT_BYTES;
use ::rules::signature::editor::{ItemKind, complete};
use anyhow::{Context as _, bail};
use sensor_detect::Names;
use serde::Serialize;

use super::{Format, Tongue};
use crate::console::Console;
use crate::sigma;

#[derive(clap::Args)]
pub struct CompleteArgs {
    /// Where the cursor stands in the text that is read from standard input, in bytes from 0.
    #[arg(long, value_name = "BYTES")]
    offset: usize,
    /// The text is a file of Sigma rules.
    #[arg(long)]
    sigma: bool,
    /// Language of the words; that of LC_ALL, LC_MESSAGES or LANG if not given.
    #[arg(long, value_enum)]
    lang: Option<Tongue>,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Serialize)]
struct Offer {
    label: String,
    kind: &'static str,
    doc: String,
}

pub fn run(args: &CompleteArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let mut text = String::new();
    std::io::stdin()
        .take(RULE_LIMIT_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .context("standard input")?;
    if text.len() > RULE_LIMIT_BYTES {
        bail!("a rule has at most {RULE_LIMIT_BYTES} bytes");
    }
    let language = Tongue::or_environment(args.lang);
    let items = if args.sigma {
        let pipeline = sigma::pipeline(&settings)?;
        ::rules::sigma::editor::complete(&text, args.offset, &pipeline, language)
    } else {
        complete(
            &text,
            args.offset,
            &Names::compiled_in().vocabulary,
            &settings.environment,
            language,
        )
    };
    let offers: Vec<Offer> = items
        .into_iter()
        .map(|item| Offer {
            label: item.label,
            kind: name(item.kind),
            doc: item.doc,
        })
        .collect();
    let mut out = Console::new();
    match args.format {
        Format::Json => out.json(&offers)?,
        Format::Text => {
            for offer in &offers {
                writeln!(out, "{:<32} {:<9} {}", offer.label, offer.kind, offer.doc)?;
            }
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn name(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Action => "action",
        ItemKind::Protocol => "protocol",
        ItemKind::Variable => "variable",
        ItemKind::Keyword => "keyword",
        ItemKind::Buffer => "buffer",
        ItemKind::Field => "field",
        ItemKind::Class => "class",
    }
}
