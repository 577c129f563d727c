//! Where frames come from: an interface, or files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use sensor_capture::{CaptureFile, LiveCapture, Received};
use sensor_evidence::Ring;

use super::config::Config;
use super::vitals::Vitals;
use crate::health::{Board, Interface};
use crate::output::Alerting;
use crate::reload::{Follower, Rules};
use crate::worker::{Shared, Tally, Worker};

/// Frames between two looks at the clock and the counters.
const BATCH: u64 = 256;

fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
}

/// Where workers leave what they see.
pub struct Kept<'a> {
    pub recorder: Alerting,
    pub ring: Option<&'a Ring>,
}

/// Watches an interface until it is told to stop.
pub fn live(
    config: &Arc<Config>,
    interface: &str,
    captures: Vec<LiveCapture>,
    rules: &Rules,
    kept: &Kept<'_>,
    stop: &Arc<AtomicBool>,
    vitals: &Arc<Vitals>,
) -> anyhow::Result<()> {
    tracing::info!(interface, workers = config.workers, "capturing");
    let failure = Arc::new(Mutex::new(None));
    let shared = Shared::with_facts(config.open_facts());
    std::thread::scope(|scope| {
        for (number, capture) in captures.into_iter().enumerate() {
            let settings = Arc::new(config.settings.clone());
            let (running, follower) = rules.follow();
            let mut worker = Worker::new(
                number as u16,
                settings,
                Some(Arc::clone(&running.engine)),
                Some(interface.to_owned()),
                kept.recorder.clone(),
            );
            worker.share(&shared);
            if let Some(ring) = kept.ring {
                worker.keep_evidence(ring.tap());
            }
            worker.set_sigma(running.sigma.as_ref());
            worker.carry_on(Tally::default(), Interface::look(interface, None).mtu);
            let (stop, vitals, failure) =
                (Arc::clone(stop), Arc::clone(vitals), Arc::clone(&failure));
            let telling = (number as u16, Arc::clone(kept.recorder.board()));
            scope.spawn(move || {
                if let Err(error) = watch(capture, worker, follower, &stop, &vitals, telling) {
                    stop.store(true, Ordering::Relaxed);
                    *failure
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(error);
                }
            });
        }
    });
    match failure
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take()
    {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// One worker on one handle.
fn watch(
    mut capture: LiveCapture,
    mut worker: Worker<Alerting>,
    mut follower: Follower,
    stop: &AtomicBool,
    vitals: &Vitals,
    (number, board): (u16, Arc<Board>),
) -> Result<(), sensor_capture::Error> {
    let mut told = sensor_capture::DropCounts::default();
    let mut since = 0;
    let mut newest_ns = 0;
    while !stop.load(Ordering::Relaxed) {
        if let Some(running) = follower.other() {
            worker.replace_all(&running);
        }
        let quiet = match capture.receive()? {
            Received::Frame(frame) => {
                vitals.packets.fetch_add(1, Ordering::Relaxed);
                vitals
                    .bytes
                    .fetch_add(u64::from(frame.wire_length), Ordering::Relaxed);
                newest_ns = frame.timestamp_ns;
                worker.frame(&frame);
                false
            }
            Received::Quiet => {
                worker.idle(now_ns());
                true
            }
        };
        since += 1;
        if quiet || since >= BATCH {
            since = 0;
            let drops = capture.drops();
            vitals
                .kernel_drops
                .fetch_add(drops.ring.saturating_sub(told.ring), Ordering::Relaxed);
            vitals.interface_drops.fetch_add(
                drops.interface.saturating_sub(told.interface),
                Ordering::Relaxed,
            );
            told = drops;
            let now_ns = now_ns();
            let waited_ns = if quiet {
                0
            } else {
                now_ns.saturating_sub(newest_ns)
            };
            worker.waited(waited_ns, now_ns);
            board.tell(number, &mut worker);
        }
    }
    worker.finish();
    Ok(())
}

/// Reads files, over and over if the configuration says so.
pub fn files(
    config: &Arc<Config>,
    rules: &Rules,
    kept: &Kept<'_>,
    stop: &AtomicBool,
    vitals: &Vitals,
) -> anyhow::Result<()> {
    let settings = Arc::new(config.settings.clone());
    let board = kept.recorder.board();
    let facts = config.open_facts();
    loop {
        for path in &config.files {
            let (running, mut follower) = rules.follow();
            let mut worker = Worker::new(
                0,
                Arc::clone(&settings),
                Some(Arc::clone(&running.engine)),
                None,
                kept.recorder.clone(),
            );
            worker.share(&Shared::with_facts(Arc::clone(&facts)));
            worker.set_sigma(running.sigma.as_ref());
            if let Some(ring) = kept.ring {
                worker.keep_evidence(ring.tap());
            }
            worker.carry_on(board.of(0), None);
            let mut capture = CaptureFile::open(path)?;
            let mut shift = None;
            let mut paced = 0;
            let started = Instant::now();
            loop {
                let mut frame = match capture.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!("{error}");
                        break;
                    }
                };
                if stop.load(Ordering::Relaxed) {
                    worker.finish();
                    return Ok(());
                }
                if let Some(running) = follower.other() {
                    worker.replace_all(&running);
                }
                if config.rebase_time {
                    let shift = *shift.get_or_insert_with(|| now_ns() - frame.timestamp_ns);
                    frame.timestamp_ns += shift;
                }
                vitals.packets.fetch_add(1, Ordering::Relaxed);
                vitals
                    .bytes
                    .fetch_add(u64::from(frame.wire_length), Ordering::Relaxed);
                worker.frame(&frame);
                paced += 1;
                if paced % BATCH == 0 {
                    board.tell(0, &mut worker);
                }
                if let Some(rate) = config.frames_per_second.filter(|rate| *rate > 0) {
                    let due = Duration::from_secs_f64(paced as f64 / rate as f64);
                    if let Some(early) = due.checked_sub(started.elapsed()) {
                        std::thread::sleep(early);
                    }
                }
            }
            // Without a frame there is no time at which to tell anything.
            if paced > 0 {
                worker.finish();
                board.tell(0, &mut worker);
            }
        }
        if !config.repeat {
            return Ok(());
        }
    }
}
