//! `rules …`: the tools of people who write rules.

mod check;
mod complete;
mod convert;
mod explain;
mod faults;
mod install;
mod lsp;
mod profile;
mod profile_sigma;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::signature::{self, Language};

use crate::confine;
use crate::settings::Settings;

#[derive(clap::Args)]
pub struct RulesArgs {
    /// Read this file or folder and no other, as far as the kernel has Landlock: for rules of people who may not read
    /// what this program may. May be given several times
    #[arg(long, global = true, value_name = "PATH")]
    only_read: Vec<PathBuf>,
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(clap::Subcommand)]
pub enum RulesCommand {
    /// Load rules and tell what is wrong with each that does not load. Exit status 1 if any failed.
    Check(check::CheckArgs),
    /// Tell in plain words what rules do, and how they are looked for.
    Explain(explain::ExplainArgs),
    /// Show the queries of the collector's search that Sigma rules become. Exit status 1 if a rule does not load.
    Convert(convert::ConvertArgs),
    /// Replay captures and compare alerts with what test files expect. Exit status 1 if any differs.
    Test(test::TestArgs),
    /// Replay captures and measure what each rule costs.
    Profile(profile::ProfileArgs),
    /// Tell what may be written at a place of a rule.
    Complete(complete::CompleteArgs),
    /// Install rules that the console gave as a file, for a site without a link.
    Install(install::InstallArgs),
    /// Serve an editor over standard input and output (Language Server Protocol).
    Lsp(lsp::LspArgs),
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Language of what is told.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tongue {
    Vi,
    En,
}

impl Tongue {
    /// The one that is asked for, else that of the environment, as `locale(7)` reads it.
    fn or_environment(asked: Option<Tongue>) -> Language {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let from_environment = || {
            let locale = variable("LC_ALL")
                .or_else(|| variable("LC_MESSAGES"))
                .or_else(|| variable("LANG"))?;
            locale.starts_with("vi").then_some(Tongue::Vi)
        };
        match asked.or_else(from_environment) {
            Some(Tongue::Vi) => Language::Vietnamese,
            Some(Tongue::En) | None => Language::English,
        }
    }
}

pub fn run(args: &RulesArgs) -> anyhow::Result<ExitCode> {
    if !args.only_read.is_empty() {
        confine::only_read(&args.only_read)?;
    }
    match &args.command {
        RulesCommand::Check(args) => check::run(args),
        RulesCommand::Explain(args) => explain::run(args),
        RulesCommand::Convert(args) => convert::run(args),
        RulesCommand::Test(args) => test::run(args),
        RulesCommand::Profile(args) => profile::run(args),
        RulesCommand::Complete(args) => complete::run(args),
        RulesCommand::Install(args) => install::run(args),
        RulesCommand::Lsp(args) => lsp::run(args),
    }
}

/// Paths of signatures, and paths of Sigma rules: files by their endings, folders by what they hold.
fn split(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let is_sigma = |path: &PathBuf| {
        if path.is_dir() {
            let folder = std::slice::from_ref(path);
            return signature::read_paths(folder).is_ok_and(|files| files.is_empty());
        }
        path.extension()
            .is_some_and(|ending| ending == "yml" || ending == "yaml")
    };
    let (sigma, signatures) = paths.iter().cloned().partition(is_sigma);
    (signatures, sigma)
}

/// Defaults, changed by `KEY=VALUE`.
fn settings(assignments: &[String]) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    for assignment in assignments {
        settings.apply(assignment).map_err(anyhow::Error::msg)?;
    }
    Ok(settings)
}
