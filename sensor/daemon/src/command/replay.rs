//! `replay`: capture files → `eve.json`.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use sensor_capture::CaptureFile;

use crate::output::FileOutput;
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::worker::Worker;

/// Reads capture files, in the order given, as one capture.
#[derive(clap::Args)]
pub struct Args {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; `-` is standard input.
    #[arg(required = true, value_name = "PCAP")]
    pcaps: Vec<PathBuf>,
    /// Folder for eve.json; made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Rules: a file, or a folder with *.rules. Without rules nothing is detected.
    #[arg(long, value_name = "FILE|DIR")]
    rules: Vec<PathBuf>,
    /// Whether TCP segments with a wrong checksum are followed.
    #[arg(long, value_enum, default_value = "auto")]
    checksums: Checksums,
    /// A setting by its name in Suricata's configuration, e.g. stream.midstream=true.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = Settings {
        checksums: args.checksums,
        ..Settings::default()
    };
    for assignment in &args.set {
        settings
            .apply(assignment)
            .map_err(anyhow::Error::msg)
            .context("--set")?;
    }
    let engine = if args.rules.is_empty() {
        None
    } else {
        let rules = ruleset::compile(&args.rules, &settings)?;
        for failure in &rules.failures {
            tracing::warn!("{failure}");
        }
        tracing::info!(
            loaded = rules.loaded,
            failed = rules.failures.len(),
            "rules"
        );
        Some(rules.engine)
    };
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let path = args.out.join("eve.json");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    let output = FileOutput::new(BufWriter::with_capacity(1 << 20, file));
    let mut worker = Worker::new(0, Arc::new(settings), engine.clone(), None, output);
    for path in &args.pcaps {
        let mut capture = CaptureFile::open(path)?;
        loop {
            match capture.next_frame() {
                Ok(Some(frame)) => worker.frame(&frame),
                Ok(None) => break,
                // What could be read counts; a cut or broken capture is no reason to lose it.
                Err(error) => {
                    tracing::warn!("{error}");
                    break;
                }
            }
        }
    }
    worker.finish();
    worker
        .into_output()
        .finish()
        .with_context(|| path.display().to_string())?;
    if let Some(engine) = engine
        && let Err(error) = engine.save_datasets()
    {
        tracing::warn!("{error}");
    }
    Ok(ExitCode::SUCCESS)
}
