//! `enrol`: one string makes this sensor known to a collector.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::console::Console;

#[derive(clap::Args)]
pub struct Args {
    /// The enrolment string, as the console shows it (matluoi1:…).
    #[arg(value_name = "ENROLMENT-STRING")]
    string: String,
    /// Folder for key, certificate and spool.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/matluoi-sensor")]
    state_dir: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let hostname = hostname::get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let identity =
        runtime.block_on(sensor_ship::enrol(&args.string, &args.state_dir, &hostname))?;
    // Root enrols; the sensor has to read its key as who it is.
    crate::confine::hand_to_owner_of(&args.state_dir)?;
    Console::new().line(format_args!(
        "enrolled as sensor {}; delivery to {}",
        identity.sensor_id, identity.address
    ));
    Console::new().line(format_args!(
        "next: matluoi-sensor run --config FILE with state_dir = {:?}",
        args.state_dir
    ));
    Ok(ExitCode::SUCCESS)
}
