//! The collector's command line: `serve`, `demo`, `admin`. Wiring only; what is wired is in the crates.

mod adapter;
mod admin;
mod archive;
mod archive_command;
mod backup;
mod collector;
mod console;
mod demo;
mod engine;
mod evidence;
mod feeds;
mod fleet;
mod hunt;
mod machine;
mod settings;
mod sigma;
mod storage;
mod syslog;
mod traces;
mod watchdog;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "matluoi-collector",
    version,
    about = "Receives, indexes and searches what the sensors see, and serves the console."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the collector.
    Serve {
        /// The configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
        /// Look at the configuration as a start would, say what is wrong, and start nothing.
        #[arg(long)]
        check: bool,
    },
    /// Everything in one folder on this machine: a collector, a sensor, and captures to look at.
    Demo(demo::DemoArguments),
    /// Accounts, enrolment, backup.
    Admin(admin::AdminArguments),
    /// Print the description of the HTTP API (OpenAPI, JSON).
    Openapi,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if !matches!(arguments.command, Command::Serve { check: false, .. }) {
            traces::log("warn");
        }
        match arguments.command {
            Command::Serve {
                config,
                check: true,
            } => collector::check(&config),
            Command::Serve { config, .. } => collector::serve(&config).await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Admin(arguments) => admin::run(arguments).await,
            Command::Openapi => {
                println!("{}", collector_api::openapi().to_pretty_json()?);
                Ok(())
            }
        }
    })
}
