//! `demo`: a collector and a sensor on this machine, in one folder, on loopback; the sensor reads real
//! captures as if they happened now.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;
use collector_state::{Store, UnitId};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use crate::admin::random_password;
use crate::collector::{Collector, now, until_told_to_stop};
use crate::engine::SENSOR_PROGRAM;
use crate::settings::Config;

const ADMIN: &str = "admin";
const SENSOR_NAME: &str = "demo";
/// Captures are replayed again at a start this long after the last time, so that there is always
/// something to see in the last day.
const REPLAY_AGAIN: Duration = Duration::from_secs(12 * 3_600);
/// A sensor that is told to stop has this long to do so.
const FAREWELL: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct DemoArguments {
    /// The folder for everything; removing it removes the demonstration.
    #[arg(long, default_value = "matluoi-demo")]
    data: PathBuf,
    /// The sensor's program; the one beside this program when not given.
    #[arg(long)]
    sensor_binary: Option<PathBuf>,
    /// Captures to replay: files, or folders that are searched for them.
    #[arg(long, num_args = 1..)]
    pcap: Vec<PathBuf>,
    /// Rules: files or folders.
    #[arg(long, num_args = 1..)]
    rules: Vec<PathBuf>,
    /// The console's port.
    #[arg(long, default_value_t = 8_080)]
    port: u16,
    /// Frames a second to replay; as fast as possible when not given.
    #[arg(long)]
    frames_per_second: Option<u64>,
}

/// The ports of a demonstration: the sensor is enrolled with them, so that they stay.
#[derive(Serialize, Deserialize)]
struct Ports {
    delivery: u16,
    enrolment: u16,
}

/// The sensor's configuration file.
#[derive(Serialize)]
struct SensorConfig<'a> {
    state_dir: &'a Path,
    input: SensorInput,
    rules: SensorRules,
    archive: SensorArchive,
}

/// Kinds of records that stay on the sensor, so that there is something to hunt for there.
#[derive(Serialize)]
struct SensorArchive {
    stay: [&'static str; 3],
}

#[derive(Serialize)]
struct SensorInput {
    files: Vec<PathBuf>,
    repeat: bool,
    rebase_time: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames_per_second: Option<u64>,
}

#[derive(Serialize)]
struct SensorRules {
    paths: Vec<PathBuf>,
}

pub async fn run(arguments: DemoArguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.data)
        .with_context(|| format!("folder {}", arguments.data.display()))?;
    let data = arguments.data.canonicalize()?;
    let ports = ports(&data)?;
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut config = Config::local(data.join("collector"), loopback(arguments.port));
    if let Some(ports) = &ports {
        config.delivery = loopback(ports.delivery);
        config.enrolment = loopback(ports.enrolment);
    }
    config.sensor_program = arguments.sensor_binary.clone();
    config.services.archive_folders = vec![data.clone()];
    let collector = Collector::start(&config)
        .await
        .context("the demonstration's collector does not start; is another one running?")?;
    if ports.is_none() {
        let ports = Ports {
            delivery: collector.delivery.port(),
            enrolment: collector.enrolment.port(),
        };
        std::fs::write(data.join("ports.json"), serde_json::to_vec(&ports)?)?;
    }
    let login = first_login(&collector.state, &data).await?;
    let sensor = start_sensor(&arguments, &data, &collector).await;
    println!();
    println!("  Mắt Lưới   http://localhost:{}", collector.api.port());
    println!("  {login}");
    match &sensor {
        Ok(Some(_)) => println!("  sensor     {SENSOR_NAME}, replaying captures"),
        Ok(None) => println!("  sensor     none: give captures with --pcap"),
        Err(error) => println!("  sensor     none: {error:#}"),
    }
    println!("  data       {}", data.display());
    println!();
    println!(
        "  Ctrl-C stops it. To remove it for good: rm -r '{}'",
        data.display()
    );
    println!();
    let mut sensor = sensor.ok().flatten();
    let outcome = tokio::select! {
        told = until_told_to_stop() => told,
        ended = sensor_ended(&mut sensor) => {
            eprintln!("the sensor ended: {ended}; its log is {}", data.join("sensor.log").display());
            sensor = None;
            until_told_to_stop().await
        }
    };
    println!("stopping");
    if let Some(sensor) = sensor {
        stop_sensor(sensor).await;
    }
    collector.stop().await?;
    outcome
}

fn ports(data: &Path) -> Result<Option<Ports>> {
    let path = data.join("ports.json");
    match std::fs::read(&path) {
        Ok(json) => Ok(Some(
            serde_json::from_slice(&json).with_context(|| path.display().to_string())?,
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Makes the administrator at the first start, and says how to sign in.
async fn first_login(state: &Store, data: &Path) -> Result<String> {
    let path = data.join("first-login.txt");
    let password = random_password()?;
    if state
        .create_first_admin(ADMIN, &password, now())
        .await?
        .is_some()
    {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .and_then(|mut file| writeln!(file, "sign in    {ADMIN} / {password}"))
            .with_context(|| path.display().to_string())?;
    }
    let login = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| format!("sign in    {ADMIN}, with the password you set"));
    Ok(login.trim_end().to_owned())
}

/// Enrols the sensor at the first start, and starts it. `None` without captures.
async fn start_sensor(
    arguments: &DemoArguments,
    data: &Path,
    collector: &Collector,
) -> Result<Option<Child>> {
    let mut captures = Vec::new();
    for path in &arguments.pcap {
        find_captures(path, &mut captures)?;
    }
    if captures.is_empty() {
        if !arguments.pcap.is_empty() {
            bail!("there is no capture in what --pcap names");
        }
        return Ok(None);
    }
    captures.sort();
    let program = match &arguments.sensor_binary {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name(SENSOR_PROGRAM),
    };
    if !program.is_file() {
        bail!(
            "there is no program {}; name it with --sensor-binary",
            program.display()
        );
    }
    let state_dir = data.join("sensor");
    if !state_dir.join("sensor.json").exists() {
        let token = collector
            .state
            .create_enrolment(SENSOR_NAME, UnitId::ROOT, "demo", now())
            .await?
            .token;
        let enrolled = Command::new(&program)
            .arg("enrol")
            .arg(collector.enrolment_string(&token))
            .arg("--state-dir")
            .arg(&state_dir)
            .stdout(Stdio::null())
            .status()
            .await
            .with_context(|| program.display().to_string())?;
        if !enrolled.success() {
            bail!("its enrolment failed ({enrolled})");
        }
    }
    let files = if replay_is_due(data)? {
        captures
    } else {
        vec![empty_capture(data)?]
    };
    let rules = arguments
        .rules
        .iter()
        .map(|path| {
            path.canonicalize()
                .with_context(|| path.display().to_string())
        })
        .collect::<Result<_>>()?;
    let config = SensorConfig {
        state_dir: &state_dir,
        input: SensorInput {
            files,
            repeat: false,
            rebase_time: true,
            frames_per_second: arguments.frames_per_second,
        },
        rules: SensorRules { paths: rules },
        archive: SensorArchive {
            stay: ["llmnr", "mdns", "ntp"],
        },
    };
    let config_path = data.join("sensor.toml");
    std::fs::write(&config_path, toml::to_string(&config)?)?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(data.join("sensor.log"))?;
    let child = Command::new(&program)
        .arg("run")
        .arg("--config")
        .arg(&config_path)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C reaches the whole group of the terminal; the sensor is stopped in its turn.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| program.display().to_string())?;
    Ok(Some(child))
}

/// Captures in a file or below a folder.
fn find_captures(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| path.display().to_string())?;
    if metadata.is_file() {
        found.push(path.canonicalize()?);
        return Ok(());
    }
    for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_capture = [
            ".pcap",
            ".pcapng",
            ".pcap.gz",
            ".pcapng.gz",
            ".pcap.zst",
            ".pcapng.zst",
        ]
        .iter()
        .any(|end| name.ends_with(end));
        if kind.is_dir() || kind.is_file() && is_capture {
            find_captures(&entry.path(), found)?;
        }
    }
    Ok(())
}

/// Whether the captures are to be replayed at this start; notes that they are.
fn replay_is_due(data: &Path) -> Result<bool> {
    let path = data.join("replayed");
    let last = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
    let recent = last.is_ok_and(|last| {
        SystemTime::now()
            .duration_since(last)
            .is_ok_and(|since| since < REPLAY_AGAIN)
    });
    if !recent {
        std::fs::write(&path, [])?;
    }
    Ok(!recent)
}

/// A capture without a frame: the sensor is there, and has nothing to read.
fn empty_capture(data: &Path) -> Result<PathBuf> {
    let path = data.join("empty.pcap");
    let mut header = Vec::with_capacity(24);
    header.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header.extend_from_slice(&2_u16.to_le_bytes());
    header.extend_from_slice(&4_u16.to_le_bytes());
    header.extend_from_slice(&[0; 8]);
    header.extend_from_slice(&65_535_u32.to_le_bytes());
    header.extend_from_slice(&1_u32.to_le_bytes());
    std::fs::write(&path, header)?;
    Ok(path)
}

/// Completes when the sensor ends by itself; never without one.
async fn sensor_ended(sensor: &mut Option<Child>) -> String {
    match sensor {
        Some(child) => match child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
        None => std::future::pending().await,
    }
}

/// SIGTERM first, so that the sensor can write what it holds.
async fn stop_sensor(mut sensor: Child) {
    if let Some(id) = sensor.id() {
        let told = Command::new("kill")
            .arg("-TERM")
            .arg(id.to_string())
            .status()
            .await;
        if told.is_ok_and(|status| status.success())
            && tokio::time::timeout(FAREWELL, sensor.wait()).await.is_ok()
        {
            return;
        }
    }
    if let Err(error) = sensor.kill().await {
        tracing::warn!(%error, "the sensor does not stop");
    }
}
