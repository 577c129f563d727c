//! `doctor`: what is wrong here, and what to do about it.

use std::path::PathBuf;
use std::process::ExitCode;

use sensor_capture::{LiveCapture, LiveOptions};

use crate::console::Console;

#[derive(clap::Args)]
pub struct Args {
    /// Configuration of the sensor.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut faults = 0;
    let mut out = Console::new();
    let mut say = |name: &str, result: Result<String, String>| {
        let (mark, text) = match result {
            Ok(text) => ("ok    ", text),
            Err(text) => {
                faults += 1;
                ("FAULT ", text)
            }
        };
        out.line(format_args!("{mark} {name}: {text}"));
    };
    let Some(path) = &args.config else {
        Console::new().line(format_args!(
            "no configuration given: write one (see the README) and run matluoi-sensor doctor --config FILE"
        ));
        return Ok(ExitCode::FAILURE);
    };
    let config = match super::run::Config::read(path) {
        Ok(config) => {
            say("configuration", Ok(path.display().to_string()));
            config
        }
        Err(error) => {
            say("configuration", Err(format!("{error:#}")));
            return Ok(ExitCode::FAILURE);
        }
    };
    if let Some(interface) = &config.interface {
        say(
            "capture",
            match LiveCapture::open(&LiveOptions::new(interface)) {
                Ok(_) => Ok(format!("interface {interface} can be read")),
                Err(error) => Err(format!(
                    "{error}; run as root, or grant the program CAP_NET_RAW"
                )),
            },
        );
    }
    for file in &config.files {
        say(
            "capture",
            if file.is_file() {
                Ok(file.display().to_string())
            } else {
                Err(format!("{} does not exist", file.display()))
            },
        );
    }
    if config.rules.is_empty() {
        say(
            "rules",
            Err(
                "none: nothing will be detected; name files or folders under [rules] paths"
                    .to_owned(),
            ),
        );
    } else {
        say(
            "rules",
            match crate::ruleset::compile(&config.rules, &config.settings) {
                Ok(rules) if rules.failures.is_empty() => Ok(format!("{} loaded", rules.loaded)),
                Ok(rules) => Err(format!(
                    "{} loaded, {} faults: see matluoi-sensor rules check",
                    rules.loaded,
                    rules.failures.len()
                )),
                Err(error) => Err(format!("{error:#}")),
            },
        );
    }
    let (abi, gaps) = crate::confine::kernel();
    say(
        "confinement",
        if gaps.is_empty() {
            Ok(format!(
                "this kernel has all that is asked of it (Landlock {abi})"
            ))
        } else {
            Err(format!("this kernel cannot refuse: {}", gaps.join("; ")))
        },
    );
    say(
        "enrolment",
        match sensor_ship::Identity::load(&config.state_dir) {
            Ok(identity) => reach(&identity),
            Err(error) => Err(format!(
                "{error}; ask for an enrolment string in the console and run matluoi-sensor enrol"
            )),
        },
    );
    Ok(if faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether the collector's port answers.
fn reach(identity: &sensor_ship::Identity) -> Result<String, String> {
    use std::net::{TcpStream, ToSocketAddrs};
    let address = identity
        .address
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("{} has no address: look at DNS", identity.address))?;
    match TcpStream::connect_timeout(&address, std::time::Duration::from_secs(5)) {
        Ok(_) => Ok(format!(
            "sensor {}, collector {} answers",
            identity.sensor_id, identity.address
        )),
        Err(error) => Err(format!(
            "collector {}: {error}; records are kept until it answers",
            identity.address
        )),
    }
}
