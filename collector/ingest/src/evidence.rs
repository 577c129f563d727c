//! Evidence on one sensor's stream: what is wanted is asked for, what comes is stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use collector_evidence::{Frame, Place};
use prost::Message as _;
use tokio::sync::watch;
use tonic::Status;

use crate::error::PortError;
use crate::limits::{MAX_EVIDENCE_CONTENT_BYTES, MAX_NAME_BYTES};
use crate::wire;
use crate::wire::collector_message::Message as FromCollector;

/// Requests of one sensor that are served at a time; others wait here.
const AT_ONCE: usize = 4;
/// Pause between notes of how far an upload is.
const NOTE: Duration = Duration::from_secs(1);

/// What a sensor is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub id: i64,
    /// None: frames of all flows.
    pub flow: Option<u64>,
    pub from_ns: i64,
    pub to_ns: i64,
    /// What is before is here.
    pub place: Place,
    /// Where it ends, if the sensor has told.
    pub until: Option<Place>,
    /// Bytes that may still come.
    pub max_bytes: u64,
}

/// What a sensor says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Sent,
    Reading,
    Uploading {
        until: Place,
        /// What comes on this stream.
        frames: u64,
        bytes: u64,
        cut: bool,
        rotated: bool,
        damaged: u64,
    },
    Failed(String),
}

/// Frames that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub id: i64,
    pub from: Place,
    pub next: Place,
    pub last: bool,
    pub frames: Vec<Frame>,
    /// How far it is shall be noted.
    pub note: bool,
}

/// Requests for evidence, and where it is kept.
#[async_trait]
pub trait EvidenceDesk: Send + Sync + 'static {
    /// Changes when other things are wanted of sensors, hunts among them.
    fn changed(&self) -> watch::Receiver<u64>;

    /// Open requests to a sensor, oldest first.
    async fn wanted(&self, sensor: &str) -> Result<Vec<Wanted>, PortError>;

    async fn told(&self, id: i64, told: Told) -> Result<(), PortError>;

    /// Stores a chunk; with the last one, all of it is there.
    async fn chunk(&self, chunk: Chunk) -> Result<(), PortError>;
}

/// A collector that wants nothing.
pub struct NoEvidence(watch::Sender<u64>);

impl Default for NoEvidence {
    fn default() -> Self {
        NoEvidence(watch::Sender::new(0))
    }
}

#[async_trait]
impl EvidenceDesk for NoEvidence {
    fn changed(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    async fn wanted(&self, _: &str) -> Result<Vec<Wanted>, PortError> {
        Ok(Vec::new())
    }

    async fn told(&self, _: i64, _: Told) -> Result<(), PortError> {
        Ok(())
    }

    async fn chunk(&self, _: Chunk) -> Result<(), PortError> {
        Ok(())
    }
}

/// The requests of one stream.
pub(crate) struct Requests {
    desk: Arc<dyn EvidenceDesk>,
    sensor: String,
    /// Asked for on this stream, and not complete.
    asked: BTreeSet<i64>,
    noted: Instant,
}

impl Requests {
    pub fn new(desk: Arc<dyn EvidenceDesk>, sensor: String) -> Requests {
        Requests {
            desk,
            sensor,
            asked: BTreeSet::new(),
            noted: Instant::now(),
        }
    }

    pub fn changed(&self) -> watch::Receiver<u64> {
        self.desk.changed()
    }

    /// What is to be said to the sensor, as things are wanted now.
    pub async fn refresh(&mut self) -> Result<Vec<FromCollector>, Status> {
        let wanted = self.desk.wanted(&self.sensor).await.map_err(internal)?;
        let mut say = Vec::new();
        self.asked.retain(|&id| {
            let is_wanted = wanted.iter().any(|one| one.id == id);
            if !is_wanted {
                say.push(FromCollector::EvidenceCancel(wire::EvidenceCancel {
                    id: id.cast_unsigned(),
                }));
            }
            is_wanted
        });
        for one in wanted {
            if self.asked.len() >= AT_ONCE {
                break;
            }
            if self.asked.insert(one.id) {
                self.desk.told(one.id, Told::Sent).await.map_err(internal)?;
                say.push(FromCollector::EvidenceRequest(request(&one)));
            }
        }
        Ok(say)
    }

    /// Takes what the sensor says of a request.
    pub async fn state(
        &mut self,
        state: wire::EvidenceState,
    ) -> Result<Vec<FromCollector>, Status> {
        let id = state.id.cast_signed();
        if !self.asked.contains(&id) {
            return Ok(Vec::new());
        }
        let told = match state.phase() {
            wire::EvidencePhase::Reading => Told::Reading,
            wire::EvidencePhase::Uploading => Told::Uploading {
                until: place(state.until),
                frames: state.frames,
                bytes: state.bytes,
                cut: state.cut,
                rotated: state.rotated,
                damaged: state.damaged,
            },
            wire::EvidencePhase::Failed => {
                self.asked.remove(&id);
                let reason = state.reason.chars().take(MAX_NAME_BYTES).collect();
                Told::Failed(reason)
            }
            wire::EvidencePhase::Unspecified => return Ok(Vec::new()),
        };
        let is_over = matches!(told, Told::Failed(_));
        self.desk.told(id, told).await.map_err(internal)?;
        if is_over {
            return self.refresh().await;
        }
        Ok(Vec::new())
    }

    /// Stores frames.
    pub async fn chunk(
        &mut self,
        chunk: wire::EvidenceChunk,
    ) -> Result<Vec<FromCollector>, Status> {
        let mut say = vec![FromCollector::EvidenceTaken(wire::EvidenceTaken {
            id: chunk.id,
        })];
        let id = chunk.id.cast_signed();
        if !self.asked.contains(&id) {
            // It was on its way when nobody wanted it any more.
            return Ok(say);
        }
        let last = chunk.last;
        let note = last || self.noted.elapsed() >= NOTE;
        if note {
            self.noted = Instant::now();
        }
        let chunk = tokio::task::spawn_blocking(move || unpack(&chunk, note))
            .await
            .map_err(|_| Status::internal("evidence could not be unpacked"))??;
        self.desk.chunk(chunk).await.map_err(|error| {
            tracing::warn!(sensor = %self.sensor, id, %error, "evidence is not stored");
            Status::unavailable("evidence cannot be stored now")
        })?;
        if last {
            self.asked.remove(&id);
            say.extend(self.refresh().await?);
        }
        Ok(say)
    }
}

fn internal(error: PortError) -> Status {
    tracing::error!(%error, "requests for evidence are not readable");
    Status::unavailable("the collector's state is not readable")
}

fn request(wanted: &Wanted) -> wire::EvidenceRequest {
    wire::EvidenceRequest {
        id: wanted.id.cast_unsigned(),
        flow: wanted.flow,
        from_ns: wanted.from_ns,
        to_ns: wanted.to_ns,
        from: Some(of_place(wanted.place)),
        until: wanted.until.map(of_place),
        max_bytes: wanted.max_bytes,
    }
}

fn unpack(chunk: &wire::EvidenceChunk, note: bool) -> Result<Chunk, Status> {
    let broken = |what: &str| Status::invalid_argument(format!("evidence: {what}"));
    let size = chunk.content_bytes as usize;
    if size > MAX_EVIDENCE_CONTENT_BYTES {
        return Err(broken("a chunk is too large"));
    }
    let content = zstd::bulk::decompress(&chunk.frames, size)
        .map_err(|_| broken("a chunk is not what it says"))?;
    let content =
        wire::EvidenceFrames::decode(&*content).map_err(|_| broken("a chunk holds no frames"))?;
    let frames = content.frames.into_iter().map(|frame| Frame {
        timestamp_ns: frame.timestamp_ns,
        link: u16::try_from(frame.link).unwrap_or(u16::MAX),
        wire_length: frame.wire_length,
        data: frame.data.to_vec(),
    });
    Ok(Chunk {
        id: chunk.id.cast_signed(),
        from: place(chunk.from),
        next: place(chunk.next),
        last: chunk.last,
        frames: frames.collect(),
        note,
    })
}

fn place(place: Option<wire::EvidencePlace>) -> Place {
    place.map_or_else(Place::default, |place| Place {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    })
}

fn of_place(place: Place) -> wire::EvidencePlace {
    wire::EvidencePlace {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Requests that are open, and what was said and came.
    #[derive(Default)]
    struct Desk {
        open: Mutex<Vec<i64>>,
        told: Mutex<Vec<(i64, Told)>>,
        chunks: Mutex<Vec<Chunk>>,
    }

    #[async_trait]
    impl EvidenceDesk for Desk {
        fn changed(&self) -> watch::Receiver<u64> {
            watch::Sender::new(0).subscribe()
        }

        async fn wanted(&self, _: &str) -> Result<Vec<Wanted>, PortError> {
            let open = self.open.lock().expect("not poisoned").clone();
            let wanted = |id| Wanted {
                id,
                flow: Some(1),
                from_ns: 0,
                to_ns: 1,
                place: Place::default(),
                until: None,
                max_bytes: 1,
            };
            Ok(open.into_iter().map(wanted).collect())
        }

        async fn told(&self, id: i64, told: Told) -> Result<(), PortError> {
            if matches!(told, Told::Failed(_)) {
                self.open
                    .lock()
                    .expect("not poisoned")
                    .retain(|one| *one != id);
            }
            self.told.lock().expect("not poisoned").push((id, told));
            Ok(())
        }

        async fn chunk(&self, chunk: Chunk) -> Result<(), PortError> {
            if chunk.last {
                let mut open = self.open.lock().expect("not poisoned");
                open.retain(|one| *one != chunk.id);
            }
            self.chunks.lock().expect("not poisoned").push(chunk);
            Ok(())
        }
    }

    fn said(messages: &[FromCollector]) -> Vec<(&'static str, u64)> {
        let name = |message: &FromCollector| match message {
            FromCollector::EvidenceRequest(request) => ("request", request.id),
            FromCollector::EvidenceCancel(cancel) => ("cancel", cancel.id),
            FromCollector::EvidenceTaken(taken) => ("taken", taken.id),
            _ => ("other", 0),
        };
        messages.iter().map(name).collect()
    }

    fn chunk(id: u64, last: bool) -> wire::EvidenceChunk {
        let frame = wire::EvidenceFrame {
            timestamp_ns: 7,
            link: 1,
            wire_length: 3,
            data: b"abc".to_vec().into(),
        };
        let content = wire::EvidenceFrames {
            frames: vec![frame],
        }
        .encode_to_vec();
        wire::EvidenceChunk {
            id,
            last,
            content_bytes: content.len() as u32,
            frames: zstd::bulk::compress(&content, 1).expect("zstd").into(),
            ..wire::EvidenceChunk::default()
        }
    }

    #[tokio::test]
    async fn four_are_asked_for_at_once_and_others_follow() {
        let desk = Arc::new(Desk::default());
        *desk.open.lock().expect("not poisoned") = vec![1, 2, 3, 4, 5, 6];
        let mut requests = Requests::new(Arc::clone(&desk) as _, "sensor".to_owned());
        let first = requests.refresh().await.expect("readable");
        let asked = |ids: [u64; 4]| ids.map(|id| ("request", id)).to_vec();
        assert_eq!(said(&first), asked([1, 2, 3, 4]));
        assert_eq!(said(&requests.refresh().await.expect("readable")), []);
        // One comes whole, one fails, one is cancelled.
        let more = requests.chunk(chunk(2, true)).await.expect("taken");
        assert_eq!(said(&more), [("taken", 2), ("request", 5)]);
        let failed = wire::EvidenceState {
            id: 3,
            phase: wire::EvidencePhase::Failed.into(),
            reason: "rotated".to_owned(),
            ..wire::EvidenceState::default()
        };
        let more = requests.state(failed).await.expect("noted");
        assert_eq!(said(&more), [("request", 6)]);
        desk.open
            .lock()
            .expect("not poisoned")
            .retain(|id| *id != 1);
        let more = requests.refresh().await.expect("readable");
        assert_eq!(said(&more), [("cancel", 1)]);
        // What was on its way is acknowledged and not stored.
        let more = requests.chunk(chunk(1, false)).await.expect("taken");
        assert_eq!(said(&more), [("taken", 1)]);
        let chunks = desk.chunks.lock().expect("not poisoned");
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].frames[0].data, b"abc");
        let told = desk.told.lock().expect("not poisoned");
        assert!(told.contains(&(3, Told::Failed("rotated".to_owned()))));
    }

    #[tokio::test]
    async fn chunks_that_are_no_chunks_end_the_stream() {
        let desk = Arc::new(Desk::default());
        desk.open.lock().expect("not poisoned").push(1);
        let mut requests = Requests::new(desk as _, "sensor".to_owned());
        requests.refresh().await.expect("readable");
        let bad = [
            wire::EvidenceChunk {
                content_bytes: u32::MAX,
                ..chunk(1, false)
            },
            wire::EvidenceChunk {
                frames: b"no zstd".to_vec().into(),
                ..chunk(1, false)
            },
            wire::EvidenceChunk {
                content_bytes: 1,
                ..chunk(1, false)
            },
        ];
        for bad in bad {
            assert!(requests.chunk(bad).await.is_err());
        }
    }
}
