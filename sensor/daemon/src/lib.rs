//! `matluoi-sensor`: command line, threads, wiring.

mod archive;
mod centre;
mod command;
mod confine;
mod console;
mod evidence;
mod health;
mod link;
mod log;
mod outlets;
mod output;
mod published;
mod reload;
mod ruleset;
mod settings;
mod sigma;
mod sigma_told;
mod support;
mod switches;
mod watchdog;
pub mod workbench;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Watches a network: decodes packets, follows flows, matches rules, and ships what it sees to a collector.
#[derive(Parser)]
#[command(name = "matluoi-sensor", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read capture files and write what they show to DIR/eve.json. Needs no configuration, no root, no network.
    Replay(command::replay::Args),
    /// Watch an interface (or files) as a configuration says, and ship records to the collector.
    Run(command::run::Args),
    /// List the files that a capture carries, or write one of them.
    Files(command::files::Args),
    /// Check rules.
    Rules(command::rules::RulesArgs),
    /// Make this sensor known to a collector, with the string that the collector's console shows.
    Enrol(command::enrol::Args),
    /// Ship EVE records that another program writes, from a file or a local socket.
    Forward(command::forward::Args),
    /// Say what is wrong here, and what to do about it.
    Doctor(command::doctor::Args),
    /// Show what the sensor that runs here sees and does, on a terminal.
    Top(command::top::Args),
    /// Confine this process as `run` does, and try to get out.
    #[command(hide = true)]
    TryConfinement(confine::trial::Args),
}

/// The program.
pub fn main() -> ExitCode {
    log::begin();
    let result = match Cli::parse().command {
        Command::Replay(args) => command::replay::run(&args),
        Command::Run(args) => command::run::run(&args),
        Command::Files(args) => command::files::run(&args),
        Command::Rules(args) => command::rules::run(&args),
        Command::Enrol(args) => command::enrol::run(&args),
        Command::Forward(args) => command::forward::run(&args),
        Command::Doctor(args) => command::doctor::run(&args),
        Command::Top(args) => command::top::run(&args),
        Command::TryConfinement(args) => confine::trial::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("matluoi-sensor: {error:#}");
            ExitCode::FAILURE
        }
    }
}
