//! Lines that come over HTTP, from sources that have no spool and no numbers of ours.
//!
//! They go the way of batches: numbered, committed together with those of sensors, and answered when
//! index, inbox and ledger have them. A source that numbers its lines itself ([`Numbering`]) may send them
//! again after any failure, and nothing comes twice. Lines without numbers get some from a lane: a stream
//! that one request has to itself until its lines are settled, so that a commit that failed is tried again
//! under the same numbers. Lanes are new at every start of the collector.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use collector_index::{Event, Stream};
use futures_util::future::join_all;
use sensor_event::Class;
use tokio::sync::{Semaphore, mpsc};

use crate::batch::Batch;
use crate::committer::{Ingest, Work};
use crate::error::PortError;
use crate::limits::{
    ANSWERS, MAX_CONTENT_HELD_BYTES, MAX_LANES, MAX_RECORDS, MIN_CONTENT_HELD_BYTES,
};
use crate::ports::RefusedLine;
use crate::wire::collector_message::Message;

/// A commit that failed is tried again this often, with a pause between.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(500);
const HOUR_MILLIS: u64 = 3_600_000;

/// Numbers that the source itself gave its lines: the first line of a request has `first`, the next one
/// more, over all classes; a new epoch begins again from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbering {
    pub epoch: u64,
    pub first: u64,
}

/// A line that was refused, by its place in the request, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    pub line: usize,
    pub reason: String,
}

/// What became of the lines of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Stored now or before.
    pub accepted: usize,
    pub rejected: Vec<LineFault>,
}

/// Takes lines of sources.
pub struct Intake {
    ingest: Arc<Ingest>,
    /// What the lanes' epochs begin with.
    started_ms: u64,
    lanes: Mutex<HashMap<String, Lanes>>,
}

/// The lanes of one source.
struct Lanes {
    free: Vec<Lane>,
    places: Arc<Semaphore>,
}

/// A stream of each class that nobody else numbers.
struct Lane {
    epoch: u64,
    /// Last number given out.
    last: u64,
}

/// A line that has been looked at.
enum Looked {
    Event(Event),
    Refused(String, Vec<u8>),
}

impl Intake {
    pub fn new(ingest: Arc<Ingest>) -> Intake {
        Intake {
            ingest,
            started_ms: unix_millis(),
            lanes: Mutex::default(),
        }
    }

    /// Takes lines, and returns when all of them are durable or refused. After an error none may be taken
    /// for stored; lines with numbers of their own can safely be sent again.
    pub async fn take(
        &self,
        source: &str,
        numbering: Option<Numbering>,
        lines: Vec<Result<Vec<u8>, (String, Vec<u8>)>>,
    ) -> Result<Taken, PortError> {
        let bytes: usize = lines
            .iter()
            .map(|line| line.as_ref().map_or(0, Vec::len))
            .sum();
        let claimed = bytes.clamp(MIN_CONTENT_HELD_BYTES, MAX_CONTENT_HELD_BYTES) / 1_024;
        let held = Arc::clone(&self.ingest.held)
            .acquire_many_owned(u32::try_from(claimed).unwrap_or(u32::MAX))
            .await?;
        let looked = tokio::task::spawn_blocking(move || look(lines)).await?;
        let is_paused = |looked: &Looked| match looked {
            Looked::Event(event) => self.ingest.is_paused(class_of(event)),
            Looked::Refused(..) => false,
        };
        if looked.iter().any(is_paused) {
            return Err("the collector's disk is short; only alerts are taken".into());
        }
        let taken = Taken {
            accepted: looked
                .iter()
                .filter(|line| matches!(line, Looked::Event(_)))
                .count(),
            rejected: looked
                .iter()
                .enumerate()
                .filter_map(|(line, looked)| match looked {
                    Looked::Refused(reason, _) => Some(LineFault {
                        line,
                        reason: reason.clone(),
                    }),
                    Looked::Event(_) => None,
                })
                .collect(),
        };
        match numbering {
            Some(numbering) => {
                // One at a time: numbers only rise.
                let all = MAX_LANES as u32;
                let _alone = self.places(source).acquire_many_owned(all).await?;
                self.settle(source, numbering.epoch, numbering.first, looked)
                    .await?;
            }
            None => {
                let places = self.places(source);
                let _place = places.acquire_owned().await?;
                let mut lane = self.lane(source);
                let first = lane.last + 1;
                lane.last += looked.len() as u64;
                let settled = self.settle(source, lane.epoch, first, looked).await;
                // After a failure nobody knows what of these numbers is stored: the lane is not used again.
                if settled.is_ok() {
                    self.give_back(source, lane);
                }
                settled?;
            }
        }
        drop(held);
        Ok(taken)
    }

    /// Numbers the lines, and sees them through.
    async fn settle(
        &self,
        source: &str,
        epoch: u64,
        first: u64,
        lines: Vec<Looked>,
    ) -> Result<(), PortError> {
        let hour = unix_millis() / HOUR_MILLIS;
        let mut batches: BTreeMap<Class, Vec<Batch>> = BTreeMap::new();
        for (seq, looked) in (first..).zip(lines) {
            let class = match &looked {
                Looked::Event(event) => class_of(event),
                Looked::Refused(..) => Class::Record,
            };
            let of_class = batches.entry(class).or_default();
            let full = |batch: &Batch| batch.events.len() + batch.refused.len() >= MAX_RECORDS;
            if of_class.last().is_none_or(full) {
                of_class.push(Batch {
                    class,
                    last_seq: seq,
                    made_hour: hour,
                    events: Vec::new(),
                    refused: Vec::new(),
                });
            }
            let Some(batch) = of_class.last_mut() else {
                continue;
            };
            batch.last_seq = seq;
            match looked {
                Looked::Event(event) => batch.events.push((seq, event)),
                Looked::Refused(reason, line) => {
                    batch.refused.push(RefusedLine { seq, reason, line });
                }
            }
        }
        let classes = batches.into_iter().map(|(class, batches)| {
            let stream = Stream {
                sensor: source.to_owned(),
                epoch,
                class,
            };
            self.see_through(stream, first, batches)
        });
        for settled in join_all(classes).await {
            settled?;
        }
        Ok(())
    }

    /// Hands batches of one class to the committer until it has acknowledged all of them.
    async fn see_through(
        &self,
        stream: Stream,
        first: u64,
        batches: Vec<Batch>,
    ) -> Result<(), PortError> {
        let Some(through) = batches.last().map(|batch| batch.last_seq) else {
            return Ok(());
        };
        let mut attempt = 0;
        loop {
            let generation = self.ingest.generation();
            let (answers, mut heard) = mpsc::channel(ANSWERS);
            let mut first_seq = first;
            for batch in &batches {
                let work = Work {
                    generation,
                    stream: stream.clone(),
                    batch: batch.clone(),
                    first_seq,
                    answers: answers.clone(),
                    held: None,
                };
                first_seq = batch.last_seq + 1;
                if !self.ingest.hand_over(work).await {
                    return Err("the collector is stopping".into());
                }
            }
            drop(answers);
            let mut failed = false;
            while let Some(answer) = heard.recv().await {
                match answer.ok().and_then(|answer| answer.message) {
                    Some(Message::Ack(ack)) if ack.through_seq >= through => return Ok(()),
                    Some(Message::Nack(_)) => failed = true,
                    _ => {}
                }
            }
            attempt += 1;
            if attempt >= ATTEMPTS {
                return Err("the collector cannot store now".into());
            }
            tracing::debug!(attempt, failed, "lines of a source are handed over again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn places(&self, source: &str) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = lanes.entry(source.to_owned()).or_insert_with(|| Lanes {
            free: Vec::new(),
            places: Arc::new(Semaphore::new(MAX_LANES)),
        });
        Arc::clone(&lanes.places)
    }

    /// A lane of its own; there are as many as places.
    fn lane(&self, source: &str) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let free = lanes.get_mut(source).and_then(|lanes| lanes.free.pop());
        free.unwrap_or_else(|| Lane {
            // Random below the millisecond: no lane of this or an earlier run is met again.
            epoch: self.started_ms << 16 | unix_nanos() & 0xffff,
            last: 0,
        })
    }

    fn give_back(&self, source: &str, lane: Lane) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = lanes.get_mut(source) {
            lanes.free.push(lane);
        }
    }
}

fn look(lines: Vec<Result<Vec<u8>, (String, Vec<u8>)>>) -> Vec<Looked> {
    lines
        .into_iter()
        .map(|line| match line {
            Ok(line) => match Event::parse(line.clone()) {
                Ok(event) => Looked::Event(event),
                Err(error) => Looked::Refused(error.to_string(), line),
            },
            Err((reason, line)) => Looked::Refused(reason, line),
        })
        .collect()
}

/// The class in which a sensor of ours would have sent it.
fn class_of(event: &Event) -> Class {
    match event.str("event_type") {
        Some("alert") => Class::Alert,
        Some("flow" | "netflow") => Class::Flow,
        _ => Class::Record,
    }
}

fn unix_millis() -> u64 {
    unix_nanos() / 1_000_000
}

fn unix_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
