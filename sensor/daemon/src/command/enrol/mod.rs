//! `enrol`: one string makes this sensor known to a collector; then it is settled what it watches.

mod propose;

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::console::Console;
use crate::health::CLOCK_MS;

#[derive(clap::Args)]
pub struct Args {
    /// The enrolment string, as the console shows it (matluoi1:…).
    #[arg(value_name = "ENROLMENT-STRING")]
    string: String,
    /// Folder for key, certificate and spool.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/matluoi-sensor")]
    state_dir: PathBuf,
    /// Configuration to write interface and own networks into; one that is not there is left alone.
    #[arg(long, value_name = "FILE", default_value = super::doctor::DEFAULT_CONFIG)]
    config: PathBuf,
    /// Interface to watch, instead of the proposed one.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// Our own networks, instead of the proposed ones: [10.0.0.0/8,…].
    #[arg(long, value_name = "NETWORKS")]
    home_net: Option<String>,
    /// Write what is proposed without asking.
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let hostname = hostname::get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let enrolled =
        runtime.block_on(sensor_ship::enrol(&args.string, &args.state_dir, &hostname))?;
    // Root enrols; the sensor has to read its key as who it is.
    crate::confine::hand_to_owner_of(&args.state_dir)?;
    let mut out = Console::new();
    out.line(format_args!(
        "enrolled as sensor {}; delivery to {}",
        enrolled.identity.sensor_id, enrolled.identity.address
    ));
    if let Some(warning) = enrolled.ahead_ms.and_then(clock_warning) {
        out.line(format_args!("{warning}"));
    }
    if args.config.exists() {
        settle(args, &mut out)?;
    } else {
        out.line(format_args!(
            "next: matluoi-sensor run --config FILE with state_dir = {:?}",
            args.state_dir
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What to do about a clock that differs from the collector's: records of sensors that disagree about the time fall apart,
/// and one that is far behind takes its own certificate for one of the future.
fn clock_warning(ahead_ms: i64) -> Option<String> {
    let seconds = ahead_ms.unsigned_abs() / 1_000;
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    (ahead_ms.unsigned_abs() >= CLOCK_MS).then(|| {
        format!(
            "the clock of this machine is {seconds} s {way} the collector's: let it be kept right (apt install \
             systemd-timesyncd, with an NTP server that this machine reaches), then look again with matluoi-sensor doctor"
        )
    })
}

/// Proposes what to watch, and writes it when somebody agrees.
fn settle(args: &Args, out: &mut Console) -> anyhow::Result<()> {
    let found = propose::interfaces();
    for one in &found {
        let link = if one.has_link { "link" } else { "no link" };
        let addresses: Vec<String> = one
            .addresses
            .iter()
            .map(|(address, prefix)| format!("{address}/{prefix}"))
            .collect();
        out.line(format_args!(
            "  {}: {link}, {} frames received {}",
            one.name,
            one.received,
            addresses.join(" ")
        ));
    }
    let proposed = propose::best(&found).map(|one| one.name.clone());
    let Some(interface) = args.interface.clone().or(proposed) else {
        out.line(format_args!(
            "no interface has a link: plug the mirror port in, and name it under [input] interface in {}",
            args.config.display()
        ));
        return Ok(());
    };
    let home_net = args.home_net.clone();
    let home_net = home_net.unwrap_or_else(|| propose::home_net(&found));
    out.line(format_args!(
        "to watch: {interface}\nour own networks (HOME_NET): {home_net}"
    ));
    let told = args.interface.is_some() && args.home_net.is_some();
    if told || args.yes || agrees(&args.config, out)? {
        propose::write(&args.config, &interface, &home_net)?;
        out.line(format_args!(
            "written to {}; next: systemctl restart matluoi-sensor, then matluoi-sensor doctor",
            args.config.display()
        ));
    } else {
        out.line(format_args!(
            "nothing is written; settle it in {}, or enrol with --interface, --home-net or --yes",
            args.config.display()
        ));
    }
    Ok(())
}

/// Asks, where there is somebody to ask.
fn agrees(config: &Path, out: &mut Console) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(false);
    }
    out.line(format_args!("Write this to {}? [y/N]", config.display()));
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "c" | "có"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_way() {
        for (ahead_ms, told) in [
            (0, None),
            (CLOCK_MS as i64 - 1, None),
            (7_900, Some("7 s ahead of")),
            (-3_600_000, Some("3600 s behind")),
            (i64::MIN, Some("behind")),
        ] {
            let warning = clock_warning(ahead_ms);
            match told {
                None => assert_eq!(warning, None),
                Some(told) => assert!(
                    warning.is_some_and(|text| text.contains(told)),
                    "{ahead_ms}"
                ),
            }
        }
    }
}
