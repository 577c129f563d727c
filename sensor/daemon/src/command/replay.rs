//! `replay`: capture files → `eve.json`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use sensor_capture::{CaptureFile, Frame};
use sensor_decode::{LinkType, steer};
use sensor_detect::Engine;
use sensor_event::StatsTree;

use crate::output::{FileOutput, Output};
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::sigma::{self, SigmaRules};
use crate::worker::{Shared, Worker};

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
    /// Sigma rules: a file, or a folder with *.yml. They run over the records.
    #[arg(long, value_name = "FILE|DIR")]
    sigma: Vec<PathBuf>,
    /// Whether TCP segments with a wrong checksum are followed.
    #[arg(long, value_enum, default_value = "auto")]
    checksums: Checksums,
    /// A setting by its name in Suricata's configuration, e.g. stream.midstream=true.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Workers. Flows are shared out by their hosts; with one, output is the same byte for byte every time.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Each capture by itself: its records come to DIR/NAME/eve.json, and nothing is remembered from one to the next.
    #[arg(long, conflicts_with = "threads")]
    apart: bool,
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
    if !args.apart {
        settings.store_files_below(&args.out);
    }
    let engine = if args.rules.is_empty() {
        None
    } else {
        let rules = ruleset::compile_to_run(&args.rules, &settings, None)?;
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
    let sigma = if args.sigma.is_empty() {
        None
    } else {
        let rules = sigma::load(&args.sigma, &settings)?;
        rules.tell();
        Some(Arc::new(rules))
    };
    #[cfg(feature = "count-allocations")]
    let region = stats_alloc::Region::new(&stats_alloc::INSTRUMENTED_SYSTEM);
    if args.apart {
        for pcap in &args.pcaps {
            let name = pcap.file_name().context("a capture needs a name")?;
            let out = args.out.join(name);
            let mut settings = settings.clone();
            settings.store_files_below(&out);
            replay(
                std::slice::from_ref(pcap),
                settings,
                (engine.clone(), sigma.clone()),
                &out,
                1,
            )?;
            if let Some(engine) = &engine {
                engine.forget();
            }
        }
    } else {
        replay(
            &args.pcaps,
            settings,
            (engine.clone(), sigma),
            &args.out,
            args.threads,
        )?;
    }
    #[cfg(feature = "count-allocations")]
    {
        let change = region.change();
        eprintln!("allocations: {}", change.allocations + change.reallocations);
    }
    if let Some(engine) = engine
        && let Err(error) = engine.save_datasets()
    {
        tracing::warn!("{error}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays captures into `eve.json` of a folder.
fn replay(
    pcaps: &[PathBuf],
    settings: Settings,
    (engine, sigma): (Option<Arc<Engine>>, Option<Arc<SigmaRules>>),
    out: &Path,
    threads: u16,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let path = out.join("eve.json");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    let input = Input {
        pcaps,
        settings: Arc::new(settings),
        engine,
        sigma,
    };
    if threads == 1 {
        let mut worker = input.worker(0, file);
        feed(&mut worker, pcaps, |_| true)?;
        worker.finish();
        worker.into_output().finish()
    } else {
        input.share_out(threads, file)?
    }
    .with_context(|| path.display().to_string())
}

/// Reads captures; the worker takes the frames that are its own.
///
/// # Errors
/// When a capture cannot be opened.
pub fn feed<O: Output>(
    worker: &mut Worker<O>,
    pcaps: &[PathBuf],
    is_own: impl Fn(&Frame<'_>) -> bool,
) -> anyhow::Result<()> {
    for path in pcaps {
        let mut capture = CaptureFile::open(path)?;
        loop {
            match capture.next_frame() {
                Ok(Some(frame)) if is_own(&frame) => worker.frame(&frame),
                Ok(Some(frame)) => worker.skip(&frame),
                Ok(None) => break,
                // What could be read counts; a cut or broken capture is no reason to lose it.
                Err(error) => {
                    tracing::warn!("{error}");
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Bytes of records that a worker holds before it writes them.
const OUTPUT_BUFFER_BYTES: usize = 1 << 20;

/// What every worker works on.
struct Input<'a> {
    pcaps: &'a [PathBuf],
    settings: Arc<Settings>,
    engine: Option<Arc<Engine>>,
    sigma: Option<Arc<SigmaRules>>,
}

type FileWorker<W> = Worker<FileOutput<BufWriter<W>>>;

impl Input<'_> {
    fn worker<W: Write + Send>(&self, number: u16, writer: W) -> FileWorker<W> {
        let output = FileOutput::new(BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, writer));
        let mut worker = Worker::new(
            number,
            Arc::clone(&self.settings),
            self.engine.clone(),
            None,
            output,
        );
        worker.set_sigma(self.sigma.as_ref());
        worker
    }

    /// Several workers, each of which reads the files (they are mapped, so that they are in memory once) and takes
    /// the frames of its own hosts. Whole records reach the file, in no order among workers.
    fn share_out(&self, threads: u16, file: File) -> anyhow::Result<std::io::Result<()>> {
        if self.pcaps.iter().any(|path| path.as_os_str() == "-") {
            anyhow::bail!("standard input can be read once only: use --threads 1");
        }
        let file = Mutex::new(file);
        let shared = Shared::default();
        let mut ended = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|number| {
                    let mut worker = self.worker(number, SharedFile(&file));
                    worker.share(&shared);
                    scope.spawn(move || {
                        feed(&mut worker, self.pcaps, |frame| {
                            steer(LinkType(frame.link), frame.data, threads) == number
                        })?;
                        let counters = worker.end();
                        anyhow::Ok((worker, counters))
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| match thread.join() {
                    Ok(ended) => ended,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        let mut counters = StatsTree::new();
        for (_, own) in &mut ended {
            counters.merge(std::mem::take(own));
        }
        if let Some((first, _)) = ended.first_mut() {
            first.judge_all();
            first.record_stats(counters);
        }
        Ok(ended
            .into_iter()
            .try_for_each(|(worker, _)| worker.into_output().finish()))
    }
}

/// One file of several workers. What is written at once stays together; [`BufWriter`] writes whole records.
struct SharedFile<'a>(&'a Mutex<File>);

impl Write for SharedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut file = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
