//! `rules …`: the tools of people who write rules.

mod check;
mod explain;
mod profile;
mod test;

use std::process::ExitCode;

use crate::settings::Settings;

#[derive(clap::Subcommand)]
pub enum RulesCommand {
    /// Load rules and tell what is wrong with each that does not load. Exit status 1 if any failed.
    Check(check::CheckArgs),
    /// Tell in plain words what rules do, and how they are looked for.
    Explain(explain::ExplainArgs),
    /// Replay captures and compare alerts with what test files expect. Exit status 1 if any differs.
    Test(test::TestArgs),
    /// Replay captures and measure what each rule costs.
    Profile(profile::ProfileArgs),
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(command: &RulesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Check(args) => check::run(args),
        RulesCommand::Explain(args) => explain::run(args),
        RulesCommand::Test(args) => test::run(args),
        RulesCommand::Profile(args) => profile::run(args),
    }
}

/// Defaults, changed by `KEY=VALUE`.
fn settings(assignments: &[String]) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    for assignment in assignments {
        settings.apply(assignment).map_err(anyhow::Error::msg)?;
    }
    Ok(settings)
}
