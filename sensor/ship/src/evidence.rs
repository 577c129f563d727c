//! Evidence on its way to the collector: what was asked for is read from the ring and sent in chunks, several requests
//! in turns, within a budget of bytes a second, and no more than [`WINDOW`] chunks that are not acknowledged.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use sensor_evidence::{Cursor, Frame, Query, Ring};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::link::LinkError;
use crate::pace::Pace;
use crate::wire;
use crate::wire::sensor_message::Message;

/// Chunks on the link at a time.
const WINDOW: usize = 2;
/// Requests at a time; the collector asks for fewer.
const REQUESTS: usize = 32;
/// A chunk takes a quarter of a second of the budget, within these bounds.
const CHUNK_BYTES: std::ops::RangeInclusive<usize> = (4 << 10)..=(64 << 10);
/// Frames are looked through in steps, so that a request can be cancelled in between.
const STEP_FRAMES: u64 = 20_000;
/// Workers gather frames for a second before they are in the ring: a request waits for those that have been seen.
const SETTLE: Duration = Duration::from_millis(1_500);
const ZSTD_LEVEL: i32 = 3;

/// Where evidence comes from.
#[derive(Clone)]
pub struct EvidenceSource {
    pub ring: Arc<Ring>,
    /// Share of the link, as it is sent.
    pub bytes_per_second: u64,
}

/// What the collector says about evidence.
#[derive(Debug)]
pub(crate) enum Demand {
    Request(wire::EvidenceRequest),
    Cancel(u64),
    Taken,
}

/// A request being served.
struct Upload {
    id: u64,
    query: Query,
    place: Cursor,
    /// None until the frames are looked through.
    until: Option<Cursor>,
    since: Instant,
    max_bytes: u64,
    found: Found,
    /// All of it has been looked through once; chunks go.
    counted: bool,
}

/// What looking through a request's frames has given so far.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    next: Cursor,
    frames: u64,
    bytes: u64,
    damaged: u64,
    rotated: bool,
    cut: bool,
}

/// Serves the requests of one link until it ends.
pub(crate) async fn serve(
    source: Option<EvidenceSource>,
    mut demands: mpsc::Receiver<Demand>,
    ready: mpsc::Sender<Message>,
    pace: Arc<Pace>,
) {
    let Some(source) = source else {
        while let Some(demand) = demands.recv().await {
            if let Demand::Request(request) = demand
                && ready.send(failed(request.id, "off")).await.is_err()
            {
                return;
            }
        }
        return;
    };
    let mut uploads: VecDeque<Upload> = VecDeque::new();
    let mut under_way = 0;
    loop {
        let free = pace.free();
        let due = uploads
            .iter()
            .filter(|upload| !upload.counted || under_way < WINDOW)
            .map(|upload| if upload.counted { free } else { upload.since })
            .min();
        tokio::select! {
            demand = demands.recv() => match demand {
                None => return,
                Some(Demand::Cancel(id)) => uploads.retain(|upload| upload.id != id),
                Some(Demand::Taken) => under_way = under_way.saturating_sub(1),
                Some(Demand::Request(request)) => {
                    uploads.retain(|upload| upload.id != request.id);
                    let answer = if uploads.len() < REQUESTS {
                        let id = request.id;
                        uploads.push_back(Upload::new(request));
                        state(id, wire::EvidencePhase::Reading)
                    } else {
                        failed(request.id, "too_many")
                    };
                    if ready.send(answer).await.is_err() {
                        return;
                    }
                }
            },
            () = tokio::time::sleep_until(due.unwrap_or(free)), if due.is_some() => {
                let now = Instant::now();
                let is_due = |upload: &Upload| match upload.counted {
                    true => under_way < WINDOW && pace.free() <= now,
                    false => upload.since <= now,
                };
                // Who waits to hear how much there is comes first.
                let next = uploads.iter().enumerate().filter(|(_, upload)| is_due(upload));
                let Some((next, _)) = next.min_by_key(|(_, upload)| upload.counted) else { continue };
                let Some(mut upload) = uploads.remove(next) else { continue };
                let id = upload.id;
                let step = if upload.counted {
                    upload.chunk(&source.ring, pace.rate(source.bytes_per_second)).await
                } else {
                    upload.count(&source.ring).await
                };
                let step = step.unwrap_or_else(|error| {
                    tracing::error!(%error, id, "evidence cannot be read");
                    Step::end(failed(id, "unreadable"))
                });
                if let Some(message) = step.message {
                    if let Message::EvidenceChunk(chunk) = &message {
                        under_way += 1;
                        pace.spend(chunk.frames.len(), source.bytes_per_second);
                    }
                    if ready.send(message).await.is_err() {
                        return;
                    }
                }
                if step.goes_on {
                    uploads.push_back(upload);
                }
            }
        }
    }
}

/// What a step of an upload gives.
struct Step {
    message: Option<Message>,
    goes_on: bool,
}

impl Step {
    fn end(message: Message) -> Step {
        Step {
            message: Some(message),
            goes_on: false,
        }
    }
}

impl Upload {
    fn new(request: wire::EvidenceRequest) -> Upload {
        let now = Instant::now();
        let place = request.from.map_or_else(Cursor::default, cursor);
        Upload {
            id: request.id,
            query: Query {
                flow: request.flow,
                from_ns: request.from_ns,
                to_ns: request.to_ns,
            },
            place,
            until: request.until.map(cursor),
            since: if request.until.is_some() {
                now
            } else {
                now + SETTLE
            },
            max_bytes: request.max_bytes,
            found: Found {
                next: place,
                ..Found::default()
            },
            counted: false,
        }
    }

    /// Looks through some of the frames; at the end, says what there is.
    async fn count(&mut self, ring: &Arc<Ring>) -> Result<Step, LinkError> {
        let until = *self.until.get_or_insert_with(|| ring.end());
        let (query, max_bytes, mut found) = (self.query, self.max_bytes, self.found);
        let reader = Arc::clone(ring);
        let (found, done) = tokio::task::spawn_blocking(move || {
            let mut looked = 0;
            let (frames, bytes, cut) = (&mut found.frames, &mut found.bytes, &mut found.cut);
            let scanned = reader.scan(&query, found.next, until, &mut |_, frame| {
                let length = frame.data.len() as u64;
                if *bytes + length > max_bytes {
                    *cut = true;
                    return ControlFlow::Break(());
                }
                *frames += 1;
                *bytes += length;
                looked += 1;
                if looked == STEP_FRAMES {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            found.next = scanned.next;
            found.damaged += scanned.damaged;
            found.rotated |= scanned.rotated;
            Ok::<_, sensor_evidence::Error>((found, scanned.done || found.cut))
        })
        .await??;
        self.found = found;
        if !done {
            return Ok(Step {
                message: None,
                goes_on: true,
            });
        }
        self.counted = true;
        if found.frames == 0 && self.place == Cursor::default() {
            return Ok(Step::end(failed(self.id, self.absence(ring))));
        }
        let told = wire::EvidenceState {
            id: self.id,
            phase: wire::EvidencePhase::Uploading.into(),
            frames: found.frames,
            bytes: found.bytes,
            until: Some(place(until)),
            cut: found.cut,
            damaged: found.damaged,
            rotated: found.rotated,
            ..wire::EvidenceState::default()
        };
        Ok(Step {
            message: Some(Message::EvidenceState(told)),
            goes_on: true,
        })
    }

    /// Why there is nothing.
    fn absence(&self, ring: &Ring) -> &'static str {
        let status = ring.status();
        match status.oldest_ns {
            _ if self.found.damaged > 0 => "unreadable",
            Some(oldest) if status.rotated && self.query.from_ns < oldest => "rotated",
            _ => "not_kept",
        }
    }

    /// The next frames: a quarter of a second of so many bytes.
    async fn chunk(&mut self, ring: &Arc<Ring>, bytes_per_second: u64) -> Result<Step, LinkError> {
        let (query, from, left) = (self.query, self.place, self.max_bytes);
        let until = self.until.unwrap_or(from);
        let ring = Arc::clone(ring);
        let quarter = usize::try_from(bytes_per_second / 4).unwrap_or(usize::MAX);
        let enough = quarter.clamp(*CHUNK_BYTES.start(), *CHUNK_BYTES.end());
        let (chunk, bytes) = tokio::task::spawn_blocking(move || {
            let mut frames = Vec::new();
            let (mut bytes, mut cut) = (0, false);
            let mut next = from;
            let scanned = ring.scan(&query, from, until, &mut |place, frame| {
                if bytes as u64 + frame.data.len() as u64 > left {
                    cut = true;
                    return ControlFlow::Break(());
                }
                next = place;
                bytes += frame.data.len();
                frames.push(of_frame(frame));
                if bytes >= enough {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            let last = scanned.done || cut;
            let content = wire::EvidenceFrames { frames }.encode_to_vec();
            let chunk = wire::EvidenceChunk {
                id: 0,
                from: Some(place(from)),
                next: Some(place(if scanned.done { scanned.next } else { next })),
                last,
                content_bytes: content.len() as u32,
                frames: zstd::bulk::compress(&content, ZSTD_LEVEL)?.into(),
            };
            Ok::<_, LinkError>((chunk, bytes as u64))
        })
        .await??;
        self.place = chunk.next.map_or(until, cursor);
        self.max_bytes -= bytes.min(self.max_bytes);
        let last = chunk.last;
        let chunk = wire::EvidenceChunk {
            id: self.id,
            ..chunk
        };
        Ok(Step {
            message: Some(Message::EvidenceChunk(chunk)),
            goes_on: !last,
        })
    }
}

fn of_frame(frame: Frame<'_>) -> wire::EvidenceFrame {
    wire::EvidenceFrame {
        timestamp_ns: frame.timestamp_ns,
        link: frame.link.into(),
        wire_length: frame.wire_length,
        data: frame.data.to_vec().into(),
    }
}

fn cursor(place: wire::EvidencePlace) -> Cursor {
    Cursor {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    }
}

fn place(cursor: Cursor) -> wire::EvidencePlace {
    wire::EvidencePlace {
        segment: cursor.segment,
        offset: cursor.offset,
        entry: cursor.entry,
    }
}

fn state(id: u64, phase: wire::EvidencePhase) -> Message {
    Message::EvidenceState(wire::EvidenceState {
        id,
        phase: phase.into(),
        ..wire::EvidenceState::default()
    })
}

fn failed(id: u64, reason: &str) -> Message {
    Message::EvidenceState(wire::EvidenceState {
        id,
        phase: wire::EvidencePhase::Failed.into(),
        reason: reason.to_owned(),
        ..wire::EvidenceState::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_evidence::{Options, Trail};

    const FRAME: usize = 1_000;

    /// A ring with so many frames of flow 1, and some of another.
    fn ring(folder: &std::path::Path, frames: i64) -> EvidenceSource {
        let ring = Ring::open(folder, Options::default(), 1).expect("a ring");
        let mut tap = ring.tap();
        let mut trails = [Trail::default(); 2];
        for flow in 0..2 {
            tap.alert(flow, &mut trails[flow as usize], 0);
        }
        for at in 0..frames {
            let data = [at as u8; FRAME];
            for flow in 0..2 {
                let frame = Frame {
                    timestamp_ns: at,
                    link: 1,
                    data: &data,
                    wire_length: FRAME as u32,
                };
                tap.frame(frame, flow, &mut trails[flow as usize]);
            }
            if at % 100 == 0 {
                ring.flush();
            }
        }
        tap.flush();
        ring.flush();
        EvidenceSource {
            ring: Arc::new(ring),
            bytes_per_second: u64::MAX,
        }
    }

    fn request(id: u64, flow: u64) -> wire::EvidenceRequest {
        wire::EvidenceRequest {
            id,
            flow: Some(flow),
            to_ns: i64::MAX,
            max_bytes: u64::MAX,
            ..wire::EvidenceRequest::default()
        }
    }

    struct Collector {
        demands: mpsc::Sender<Demand>,
        ready: mpsc::Receiver<Message>,
    }

    impl Collector {
        fn of(source: Option<EvidenceSource>) -> Collector {
            let (demands, asked) = mpsc::channel(64);
            let (told, ready) = mpsc::channel(1);
            tokio::spawn(serve(source, asked, told, Arc::default()));
            Collector { demands, ready }
        }

        async fn say(&self, demand: Demand) {
            self.demands.send(demand).await.expect("it is served");
        }

        async fn hear(&mut self) -> Message {
            self.ready.recv().await.expect("it is served")
        }

        async fn reason(&mut self) -> String {
            loop {
                if let Message::EvidenceState(told) = self.hear().await
                    && told.phase() == wire::EvidencePhase::Failed
                {
                    return told.reason;
                }
            }
        }
    }

    fn times(chunk: &wire::EvidenceChunk) -> Vec<i64> {
        let content = zstd::bulk::decompress(&chunk.frames, chunk.content_bytes as usize);
        let frames = wire::EvidenceFrames::decode(&*content.expect("zstd")).expect("frames");
        let of = |frame: &wire::EvidenceFrame| frame.timestamp_ns;
        frames.frames.iter().map(of).collect()
    }

    #[tokio::test]
    async fn a_flow_comes_in_chunks_and_goes_on_after_a_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = ring(folder.path(), 500);
        let mut found = Vec::new();
        let (mut from, mut until) = (None, None);
        // Each link is cut after so many chunks.
        for chunks in [1, 2, 3, 100] {
            let mut collector = Collector::of(Some(source.clone()));
            let again = wire::EvidenceRequest {
                from,
                until,
                ..request(7, 1)
            };
            collector.say(Demand::Request(again)).await;
            let mut taken = 0;
            while taken < chunks {
                match collector.hear().await {
                    Message::EvidenceState(told) => {
                        if told.phase() == wire::EvidencePhase::Uploading {
                            assert_eq!(told.frames, 500 - found.len() as u64);
                            until = told.until;
                        }
                    }
                    Message::EvidenceChunk(chunk) => {
                        assert_eq!((chunk.id, chunk.from), (7, Some(from.unwrap_or_default())));
                        found.extend(times(&chunk));
                        from = chunk.next;
                        collector.say(Demand::Taken).await;
                        taken += 1;
                        if chunk.last {
                            break;
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(found, (0..500).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn two_chunks_are_under_way_and_no_third() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut collector = Collector::of(Some(ring(folder.path(), 500)));
        collector.say(Demand::Request(request(1, 0))).await;
        collector.say(Demand::Request(request(2, 1))).await;
        let mut ids = Vec::new();
        while ids.len() < 2 {
            if let Message::EvidenceChunk(chunk) = collector.hear().await {
                ids.push(chunk.id);
            }
        }
        assert_eq!(ids, [1, 2], "in turns");
        tokio::task::yield_now().await;
        assert!(collector.ready.try_recv().is_err());
        collector.say(Demand::Cancel(1)).await;
        collector.say(Demand::Taken).await;
        let Message::EvidenceChunk(chunk) = collector.hear().await else {
            panic!("no chunk");
        };
        assert_eq!(chunk.id, 2);
    }

    #[tokio::test]
    async fn what_is_not_there_has_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = ring(folder.path(), 10);
        let mut none = Collector::of(None);
        none.say(Demand::Request(request(1, 1))).await;
        assert_eq!(none.reason().await, "off");
        let mut collector = Collector::of(Some(source));
        collector.say(Demand::Request(request(2, 99))).await;
        assert_eq!(collector.reason().await, "not_kept");
    }

    #[tokio::test]
    async fn no_more_comes_than_was_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut collector = Collector::of(Some(ring(folder.path(), 200)));
        let few = wire::EvidenceRequest {
            max_bytes: 100 * FRAME as u64,
            ..request(1, 1)
        };
        collector.say(Demand::Request(few)).await;
        let mut frames = 0;
        loop {
            match collector.hear().await {
                Message::EvidenceState(told) => {
                    let uploading = told.phase() == wire::EvidencePhase::Uploading;
                    assert_eq!(told.cut, uploading);
                    assert!(!uploading || told.frames == 100);
                }
                Message::EvidenceChunk(chunk) => {
                    frames += times(&chunk).len();
                    collector.say(Demand::Taken).await;
                    if chunk.last {
                        break;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(frames, 100);
    }
}
