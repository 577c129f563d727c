//! `doctor`: what is wrong here, since when, and what to do about it.
//!
//! A sensor that runs is asked, as it has watched for longer than anybody wants to wait. Otherwise the doctor looks for
//! itself: at the interface for a few seconds, the rules, the disk, the certificate and the way to the collector.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sensor_capture::{Card, LiveCapture, LiveOptions, Received};
use sensor_event::Class;
use serde::Serialize;

use super::run::Config;
use crate::console::Console;
use crate::health::finding::{Code, Finding, Severity};
use crate::health::status::{HomeNetState, Link, RulesState, Status};
use crate::health::words::{Language, Writer, time};
use crate::health::{Interface, disk_of, judge, socket, unix_ms};
use crate::output::Output;
use crate::worker::{Tally, Worker};

/// What the Debian package installs.
pub const DEFAULT_CONFIG: &str = "/etc/matluoi-sensor/sensor.toml";
/// A collector that does not answer for so long is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// Writes by which the disk is measured.
const WRITES: u64 = 5;

#[derive(clap::Args)]
pub struct Args {
    /// Configuration of the sensor.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Language of what is told.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How long to listen on the interface when the sensor does not run.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    listen: u64,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// What is told, for programs.
#[derive(Serialize)]
struct Report<'a> {
    running: bool,
    findings: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    what: String,
    remedy: String,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (running, findings) = look(args);
    let writer = Writer::new(args.lang);
    match args.format {
        Format::Json => Console::new().json(&Report {
            running,
            findings: findings
                .iter()
                .map(|finding| Told {
                    finding,
                    what: writer.what(finding),
                    remedy: writer.remedy(finding),
                })
                .collect(),
        })?,
        Format::Text => tell(&findings, running, args.lang, &writer),
    }
    let bad = |finding: &Finding| finding.severity == Severity::Bad;
    Ok(if findings.iter().any(bad) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn tell(findings: &[Finding], running: bool, language: Language, writer: &Writer) {
    let mut out = Console::new();
    let vi = language == Language::Vi;
    if findings.is_empty() {
        out.line(format_args!(
            "{}",
            match (vi, running) {
                (true, true) => "Cảm biến đang chạy tốt.",
                (true, false) => "Không thấy gì sai.",
                (false, true) => "The sensor runs well.",
                (false, false) => "Nothing is wrong.",
            }
        ));
    }
    for finding in findings {
        let mark = match (finding.severity, vi) {
            (Severity::Bad, true) => "LỖI",
            (Severity::Bad, false) => "FAULT",
            (Severity::Warning, true) => "CHÚ Ý",
            (Severity::Warning, false) => "WARNING",
        };
        let since = if vi { "từ" } else { "since" };
        out.line(format_args!(
            "{mark}: {} ({since} {})\n    → {}",
            writer.what(finding),
            time(finding.since_ms),
            writer.remedy(finding)
        ));
    }
}

/// Whether the sensor runs, and what is wrong.
fn look(args: &Args) -> (bool, Vec<Finding>) {
    let now_ms = unix_ms();
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(error) => {
            let reason = format!("{error:#}");
            return (
                false,
                vec![Finding::new(Code::Configuration, now_ms).with("reason", reason)],
            );
        }
    };
    let (running, mut findings) = match socket::ask(&config.state_dir) {
        Ok(Some(status)) => {
            let gaps = gaps(&status.confinement_gaps, now_ms);
            (true, status.findings.into_iter().chain(gaps).collect())
        }
        Ok(None) => (false, by_own_eyes(&config, args.listen)),
        Err(error) => {
            let reason = format!("{error:#}");
            let unknown = Finding::new(Code::Configuration, now_ms).with("reason", reason);
            (false, vec![unknown])
        }
    };
    findings.sort_by_key(|finding| (finding.severity, finding.code));
    (running, findings)
}

fn gaps(gaps: &[String], now_ms: u64) -> Option<Finding> {
    let finding = Finding::new(Code::ConfinementGaps, now_ms);
    (!gaps.is_empty()).then(|| finding.with("gaps", gaps.join("; ")))
}

/// What can be seen without the sensor.
fn by_own_eyes(config: &Config, listen_seconds: u64) -> Vec<Finding> {
    let now_ms = unix_ms();
    let mut findings = vec![Finding::new(Code::NotRunning, now_ms)];
    findings.extend(gaps(&crate::confine::kernel().1, now_ms));
    let mut status = Status {
        started_ms: now_ms,
        state_dir: config.state_dir.display().to_string(),
        disk: disk_of(&config.state_dir),
        home_net: HomeNetState::of(&config.settings.environment),
        ..Status::default()
    };
    match crate::ruleset::compile(&config.rules, &config.settings) {
        Ok(rules) => {
            status.rules = RulesState {
                loaded: rules.loaded as u64,
                failed: rules.failures.len() as u64,
                refusal: None,
            }
        }
        Err(error) => {
            let reason = format!("{error:#}");
            findings.push(Finding::new(Code::Configuration, now_ms).with("reason", reason));
        }
    }
    match config.identity() {
        // A sensor with outputs of its own.
        Ok(None) => {}
        Ok(Some(identity)) => {
            let ends = identity.certificate_ends().ok();
            status.certificate_ends_ms = ends.map(|seconds| seconds.saturating_mul(1_000));
            if let Err(reason) = reach(&identity.address) {
                findings.push(
                    Finding::new(Code::LinkDown, now_ms)
                        .with("address", identity.address.as_str())
                        .with("reason", reason)
                        .with("records", 0),
                );
            }
        }
        Err(error) => findings
            .push(Finding::new(Code::NotEnrolled, now_ms).with("reason", format!("{error:#}"))),
    }
    measure_disk(&config.state_dir, &mut status);
    if let Some(name) = &config.interface {
        let card = Card::open(name).ok();
        let interface = Interface::look(name, card.as_ref());
        if interface.exists && interface.carrier != Some(false) {
            match listen(config, name, interface.mtu, listen_seconds) {
                Ok(tally) => status.counts.traffic = tally,
                Err(error) => findings.push(
                    Finding::new(Code::CaptureRefused, now_ms)
                        .with("interface", name.as_str())
                        .with("reason", error.to_string()),
                ),
            }
            // A silence of seconds is all that there is to go by.
            if status.counts.traffic.packets == 0
                && !findings.iter().any(|one| one.code == Code::CaptureRefused)
            {
                findings.push(
                    Finding::new(Code::NoPackets, now_ms)
                        .with("interface", name.as_str())
                        .with("seconds", listen_seconds),
                );
            }
        }
        status.interface = Some(interface);
    }
    status.now_ms = unix_ms();
    // The time of the look is all that there is, and no time for silence to be told by.
    status.lately = status.counts;
    status.lately_ms = listen_seconds.saturating_mul(1_000);
    status.started_ms = status.now_ms;
    status.link = None::<Link>;
    findings.extend(judge(&status));
    findings
}

/// Nothing is recorded.
struct Nowhere;

impl Output for Nowhere {
    fn record(&mut self, _class: Class, _line: &[u8]) {}
}

/// What comes in on the interface.
fn listen(
    config: &Config,
    name: &str,
    mtu: Option<u32>,
    seconds: u64,
) -> Result<Tally, sensor_capture::Error> {
    let mut capture = LiveCapture::open(&LiveOptions {
        filter: config.filter.clone(),
        ..LiveOptions::new(name)
    })?;
    let settings = std::sync::Arc::new(config.settings.clone());
    let mut worker = Worker::new(0, settings, None, Some(name.to_owned()), Nowhere);
    worker.carry_on(Tally::default(), mtu);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if let Received::Frame(frame) = capture.receive()? {
            worker.frame(&frame);
        }
    }
    Ok(worker.tally())
}

/// Writes a little where the spool is. A folder that cannot be written is told by the sensor's start.
fn measure_disk(folder: &Path, status: &mut Status) {
    // A sensor that starts meanwhile, as another user, has a trial of its own.
    let trial = folder.join(".doctor-trial");
    let begun = Instant::now();
    let written = (0..WRITES).try_for_each(|_| {
        let mut file = std::fs::File::create(&trial)?;
        std::io::Write::write_all(&mut file, &[0; 4_096])?;
        file.sync_all()
    });
    if written.is_ok() {
        status.counts.commits = WRITES;
        status.counts.commit_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    }
    let _ = std::fs::remove_file(&trial);
}

/// Whether the collector's port answers.
fn reach(address: &str) -> Result<(), String> {
    use std::net::{TcpStream, ToSocketAddrs};
    let place = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut places| places.next())
        .ok_or_else(|| format!("{address} has no address (DNS)"))?;
    TcpStream::connect_timeout(&place, CONNECT)
        .map(drop)
        .map_err(|error| error.to_string())
}
