//! `forward`: ships EVE that another program writes, from a file that is followed or over a local socket.
//!
//! A file is read from where the spool's last record of it ended: its place is stored in one transaction
//! with the records, so that a crash anywhere neither loses nor doubles a line. When the file is replaced
//! (rotation), the old one is read to its end first. While the spool is nearly full, a file waits.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sensor_event::Class;
use sensor_ship::{
    Bookmark, Identity, LinkBudget, LinkPlan, Recorder, Shipper, ShipperOptions, Spool, SpoolLimits,
};
use serde::{Deserialize, Serialize};

use crate::link;

/// Lines stored in one go.
const BATCH_LINES: usize = 512;
/// A line that is not ended after so many bytes is cut there, and refused by the spool.
const MAX_LINE_BYTES: u64 = Recorder::MAX_RECORD_BYTES as u64 + 1;
/// Pause at the end of a file.
const PAUSE: Duration = Duration::from_millis(200);
/// A file waits while the spool holds more than this share of its budget.
const WAIT_ABOVE_PERCENT: u64 = 80;
/// Connections to a stream socket at a time.
const MAX_WRITERS: usize = 16;

#[derive(clap::Args)]
pub struct Args {
    /// Folder of the enrolment and the spool.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/matluoi-sensor")]
    state_dir: PathBuf,
    /// A file to follow.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stream", "datagram"])]
    file: Option<PathBuf>,
    /// A Unix stream socket to make, that the other program writes to.
    #[arg(long, value_name = "PATH", conflicts_with = "datagram")]
    stream: Option<PathBuf>,
    /// A Unix datagram socket to make, a record a datagram.
    #[arg(long, value_name = "PATH")]
    datagram: Option<PathBuf>,
    /// Compressed bytes that the spool may hold.
    #[arg(long, value_name = "N", default_value_t = 2_048)]
    spool_megabytes: u64,
    /// Pause between canaries; 0: none.
    #[arg(long, value_name = "N", default_value_t = 300)]
    canary_seconds: u64,
    /// What may be sent, in kbit/s; 0: no limit.
    #[arg(long, value_name = "N", default_value_t = 0)]
    link_kilobits: u32,
    /// End when everything in the file is acknowledged.
    #[arg(long, requires = "file")]
    once: bool,
}

/// What heartbeats tell.
#[derive(Serialize)]
struct Report {
    uptime_s: u64,
    forwarded: u64,
    input_done: bool,
    link: link::Report,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let identity = Identity::load(&args.state_dir)?;
    let limits = SpoolLimits {
        disk_bytes: args.spool_megabytes << 20,
        ..SpoolLimits::default()
    };
    let budget = limits.disk_bytes;
    let spool = Arc::new(Spool::open(&args.state_dir, limits)?);
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let forwarded = Arc::new(AtomicU64::new(0));
    let plan = LinkPlan::new(args.link_kilobits, Vec::new()).context("--link-kilobits")?;
    let options = options(
        &forwarded,
        Arc::new(LinkBudget::new(plan, link::offset_s())),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let shipper = Arc::new(Shipper::new(&spool, identity, options));
    let shipping = {
        let (shipper, stop) = (Arc::clone(&shipper), Arc::clone(&stop));
        runtime.spawn(async move { shipper.run(super::run::stopped(stop)).await })
    };
    if args.canary_seconds > 0 {
        let (spool, every) = (Arc::clone(&spool), Duration::from_secs(args.canary_seconds));
        runtime.spawn(async move { spool.sing(every).await });
    }
    let input = Input {
        recorder: spool.handle(),
        forwarded,
        stop: Arc::clone(&stop),
    };
    match (&args.file, &args.stream, &args.datagram) {
        (Some(path), ..) => {
            let wait = || spool.backlog().bytes > budget / 100 * WAIT_ABOVE_PERCENT;
            let name = format!("file {}", path.display());
            let place = spool.bookmark(&name);
            input.follow(path, name, place, args.once, &wait)?;
        }
        (_, Some(path), _) => input.listen(path)?,
        (_, _, Some(path)) => input.receive(path)?,
        _ => anyhow::bail!("name a --file, a --stream or a --datagram socket"),
    }
    runtime.block_on(async {
        spool.flush().await;
        if args.once && !stop.load(Ordering::Relaxed) {
            shipper.drain().await;
            stop.store(true, Ordering::Relaxed);
        }
        // The shipper ends when told to; an error is a panic, told already.
        let _ = shipping.await;
    });
    Ok(ExitCode::SUCCESS)
}

fn options(forwarded: &Arc<AtomicU64>, budget: Arc<LinkBudget>) -> ShipperOptions {
    let started = Instant::now();
    let forwarded = Arc::clone(forwarded);
    let told = Arc::clone(&budget);
    ShipperOptions {
        budget,
        hostname: hostname::get()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        stats: Arc::new(move || {
            let report = Report {
                uptime_s: started.elapsed().as_secs(),
                forwarded: forwarded.load(Ordering::Relaxed),
                input_done: false,
                link: link::report(&told),
            };
            serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned())
        }),
        ..ShipperOptions::default()
    }
}

/// Where in which file reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Place {
    device: u64,
    inode: u64,
    offset: u64,
}

struct Input {
    recorder: Recorder,
    forwarded: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Input {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn follow(
        &self,
        path: &Path,
        name: String,
        place: Option<Vec<u8>>,
        once: bool,
        wait: &dyn Fn() -> bool,
    ) -> anyhow::Result<()> {
        let mut place: Place = place
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        let mut file: Option<BufReader<File>> = None;
        while !self.stopped() {
            if wait() {
                std::thread::sleep(PAUSE);
                continue;
            }
            let reader = match &mut file {
                Some(reader) => reader,
                None => match open(path, &mut place) {
                    Ok(reader) => file.insert(reader),
                    Err(error) if once => {
                        return Err(error).with_context(|| path.display().to_string());
                    }
                    Err(_) => {
                        // It is not there yet, or is being replaced.
                        std::thread::sleep(PAUSE);
                        continue;
                    }
                },
            };
            let lines = read_lines(reader).with_context(|| path.display().to_string())?;
            if lines.is_empty() {
                if once {
                    return Ok(());
                }
                match std::fs::metadata(path) {
                    Ok(now) if (now.dev(), now.ino()) != (place.device, place.inode) => file = None,
                    // Cut short in its place: it begins again.
                    Ok(now) if now.len() < place.offset => {
                        place.offset = 0;
                        file = None;
                    }
                    _ => std::thread::sleep(PAUSE),
                }
                continue;
            }
            place.offset += lines.iter().map(|line| line.len() as u64).sum::<u64>();
            let records: Vec<(Class, &[u8])> = lines
                .iter()
                .map(|line| line.trim_ascii())
                .filter(|line| !line.is_empty())
                .map(|line| (class_of(line), line))
                .collect();
            let bookmark = Bookmark {
                name: name.clone(),
                place: serde_json::to_vec(&place)?,
            };
            self.recorder.append_bookmarked(&records, bookmark);
            self.forwarded
                .fetch_add(records.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Reads what writers send over a stream socket, until stopped.
    fn listen(&self, path: &Path) -> anyhow::Result<()> {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
        listener.set_nonblocking(true)?;
        let mut writers: VecDeque<std::thread::JoinHandle<()>> = VecDeque::new();
        while !self.stopped() {
            writers.retain(|writer| !writer.is_finished());
            match listener.accept() {
                Ok((stream, _)) if writers.len() < MAX_WRITERS => {
                    stream.set_nonblocking(false)?;
                    stream.set_read_timeout(Some(PAUSE))?;
                    let (recorder, stop) = (self.recorder.clone(), Arc::clone(&self.stop));
                    let forwarded = Arc::clone(&self.forwarded);
                    writers.push_back(std::thread::spawn(move || {
                        let input = Input {
                            recorder,
                            forwarded,
                            stop,
                        };
                        input.drink(BufReader::new(stream));
                    }));
                }
                Ok(_) => tracing::warn!("too many programs write to the socket"),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => tracing::warn!(%error, "a writer is not accepted"),
            }
        }
        for writer in writers {
            // A panic in it was told.
            let _ = writer.join();
        }
        Ok(())
    }

    fn drink(&self, mut stream: impl BufRead) {
        let mut line = Vec::new();
        while !self.stopped() {
            match stream
                .by_ref()
                .take(MAX_LINE_BYTES - line.len() as u64)
                .read_until(b'\n', &mut line)
            {
                Ok(0) if line.is_empty() => return,
                Ok(0) => {
                    self.append(&line);
                    return;
                }
                Ok(_) if !line.ends_with(b"\n") && (line.len() as u64) < MAX_LINE_BYTES => {}
                Ok(_) => {
                    self.append(&line);
                    line.clear();
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock
                            | std::io::ErrorKind::TimedOut
                            | std::io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => {
                    tracing::warn!(%error, "a writer's connection fails");
                    return;
                }
            }
        }
    }

    fn receive(&self, path: &Path) -> anyhow::Result<()> {
        let _ = std::fs::remove_file(path);
        let socket = UnixDatagram::bind(path).with_context(|| path.display().to_string())?;
        socket.set_read_timeout(Some(PAUSE))?;
        let mut datagram = vec![0; Recorder::MAX_RECORD_BYTES + 1];
        while !self.stopped() {
            match socket.recv(&mut datagram) {
                Ok(bytes) => self.append(datagram.get(..bytes).unwrap_or_default()),
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock
                            | std::io::ErrorKind::TimedOut
                            | std::io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
        Ok(())
    }

    fn append(&self, line: &[u8]) {
        let line = line.trim_ascii();
        if !line.is_empty() {
            self.recorder.append_waiting(class_of(line), line);
            self.forwarded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Opens the file where reading goes on: at the place, if this is still the file that it is in. A file
/// that replaced it is read from its beginning; what the old one still held is found under `NAME.1`, where
/// rotation leaves it.
fn open(path: &Path, place: &mut Place) -> std::io::Result<BufReader<File>> {
    let mut rotated = path.as_os_str().to_owned();
    rotated.push(".1");
    let candidates = [path.to_owned(), PathBuf::from(rotated)];
    for candidate in &candidates {
        let Ok(mut file) = File::open(candidate) else {
            continue;
        };
        let about = file.metadata()?;
        let is_same = (about.dev(), about.ino()) == (place.device, place.inode);
        // The rotated file only while there is something left in it.
        let is_wanted = candidate == path || about.len() > place.offset;
        if is_same && about.len() >= place.offset && is_wanted {
            file.seek(SeekFrom::Start(place.offset))?;
            return Ok(BufReader::new(file));
        }
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    *place = Place {
        device: about.dev(),
        inode: about.ino(),
        offset: 0,
    };
    Ok(BufReader::new(file))
}

/// Whole lines up to the end of what is there, or some of them. A last line without its end is left for
/// the next time.
fn read_lines(reader: &mut BufReader<File>) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while lines.len() < BATCH_LINES {
        let mut line = Vec::new();
        let bytes = reader
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if bytes == 0 {
            break;
        }
        if !line.ends_with(b"\n") && (bytes as u64) < MAX_LINE_BYTES {
            reader.seek_relative(-(bytes as i64))?;
            break;
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The class in which a sensor of ours sends such a record. Lines that are no records go with the lot:
/// the collector refuses them one by one.
fn class_of(line: &[u8]) -> Class {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        event_type: Option<std::borrow::Cow<'a, str>>,
    }
    let kind = serde_json::from_slice::<Kind<'_>>(line).ok();
    match kind.and_then(|kind| kind.event_type).as_deref() {
        Some("alert") => Class::Alert,
        Some("flow" | "netflow") => Class::Flow,
        _ => Class::Record,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().expect("a folder");
            Bench {
                path: folder.path().join("eve.json"),
                folder,
            }
        }

        fn write(&self, text: &str) {
            let mut file = File::options()
                .create(true)
                .append(true)
                .open(&self.path)
                .expect("it opens");
            file.write_all(text.as_bytes()).expect("it is written");
        }

        /// Reads what is there into the spool of the folder, as a process of its own would.
        fn forward(&self) -> (u64, u64, u64) {
            let spool = Spool::open(&self.folder.path().join("spool"), SpoolLimits::default())
                .expect("it opens");
            let input = Input {
                recorder: spool.handle(),
                forwarded: Arc::default(),
                stop: Arc::default(),
            };
            let name = "file".to_owned();
            let place = spool.bookmark(&name);
            input
                .follow(&self.path, name, place, true, &|| false)
                .expect("it follows");
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(spool.flush());
            let last = |class| spool.last_seq(class);
            (last(Class::Alert), last(Class::Flow), last(Class::Record))
        }
    }

    #[test]
    fn each_line_is_read_once() {
        let bench = Bench::new();
        bench.write(
            "{\"event_type\":\"alert\"}\n{\"event_type\":\"flow\"}\nnonsense\n\n{\"event_ty",
        );
        assert_eq!(bench.forward(), (1, 1, 1));
        assert_eq!(bench.forward(), (1, 1, 1), "nothing is new");
        bench.write("pe\":\"alert\"}\n");
        assert_eq!(bench.forward(), (2, 1, 1), "the line is whole now");
        // Rotation, with a line that was not read before it.
        bench.write("{\"event_type\":\"alert\"}\n");
        let rotated = bench.folder.path().join("eve.json.1");
        std::fs::rename(&bench.path, rotated).expect("it is rotated");
        bench.write("{\"event_type\":\"dns\"}\n");
        assert_eq!(bench.forward(), (3, 1, 1), "what the old file still held");
        assert_eq!(bench.forward(), (3, 1, 2), "and the new one");
        // Cut short in its place.
        std::fs::write(&bench.path, "{\"event_type\":\"a\"}\n").expect("it is written");
        assert_eq!(bench.forward(), (3, 1, 3));
    }
}
