//! `rules install`: published rules from a file that the console made, for a site without a link.
//!
//! They go the way of rules that come over the link: signed by the collector that this sensor is enrolled with, refused
//! whole if one of them does not load here, kept in the state folder.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use sensor_ship::{Identity, MAX_BUNDLE_BYTES, SealedRules};

use crate::command::run::{Config, rules_of};
use crate::health::socket;
use crate::published::Published;

#[derive(clap::Args)]
pub struct InstallArgs {
    /// What the console gave: Rules, a rule set, the sensor's row, "as a file".
    file: PathBuf,
    /// Configuration (TOML) of the sensor.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/matluoi-sensor/sensor.toml"
    )]
    config: PathBuf,
    /// Take them though the rules that are here were made later.
    #[arg(long)]
    older: bool,
}

pub fn run(args: &InstallArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let identity = Identity::load(&config.state_dir)?;
    let place = || args.file.display().to_string();
    let mut file = Vec::new();
    std::fs::File::open(&args.file)
        .with_context(place)?
        .take(MAX_BUNDLE_BYTES + 1)
        .read_to_end(&mut file)
        .with_context(place)?;
    if file.len() as u64 > MAX_BUNDLE_BYTES {
        bail!("{}: it is longer than {MAX_BUNDLE_BYTES} bytes", place());
    }
    let sealed = SealedRules::read_bundle(&file, identity.authority()).with_context(place)?;
    let published = Arc::new(Published::new(&config.state_dir));
    let (hash, made) = (
        sealed.manifest.hash.clone(),
        written(sealed.manifest.issued_ms),
    );
    if let Some(kept) = published.kept()?
        && kept.issued_ms > sealed.manifest.issued_ms
        && !args.older
    {
        bail!(
            "{}: made {made}, and the rules that are here were made {}; --older takes it all the same",
            place(),
            written(kept.issued_ms)
        );
    }
    published.offer(sealed);
    let rules = rules_of(&config, &published, None)?;
    println!(
        "installed: published rules {}, made {made}; {} rules load with those of this sensor",
        match hash.as_str() {
            "" => "none",
            hash => hash,
        },
        rules.loaded
    );
    match socket::answering(&config.state_dir)? {
        Some(process) => {
            kill(process, Signal::SIGHUP).context("the running sensor is not told")?;
            println!("the running sensor (process {process}) loads them now");
        }
        None => println!("no sensor runs here; they are loaded when it starts"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Unix milliseconds as people read them, in UTC.
fn written(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    format!("{}Z", sensor_event::DateTime(seconds))
}
