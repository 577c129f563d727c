//! Hunts among the records that stayed here: block by block through the archive, newest first, several hunts in turns.
//! What is found goes to the collector in parts, within the budget that evidence has too, and no more than [`WINDOW`]
//! parts that are not acknowledged.
//!
//! Searching takes half of one processor at most: after every block it rests as long as it has worked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use sensor_archive::{Archive, Content, Piece, Place, Status};
use sensor_query::{Fault, Matcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pace::Pace;
use crate::spool::wire_class;
use crate::wire;
use crate::wire::sensor_message::Message;

/// Parts on the link at a time.
const WINDOW: usize = 2;
/// Hunts at a time; the collector asks for fewer.
const HUNTS: usize = 16;
/// A part takes a quarter of a second of the budget, within these bounds.
const PART_BYTES: std::ops::RangeInclusive<usize> = (4 << 10)..=(64 << 10);
/// Pause between parts that only tell how far it is.
const TELL: Duration = Duration::from_secs(1);
const ZSTD_LEVEL: i32 = 3;

/// Where records stay.
#[derive(Clone)]
pub struct HuntSource {
    pub archive: Arc<Archive>,
    /// Share of the link, as it is sent; evidence has it too.
    pub bytes_per_second: u64,
}

/// What the collector says about hunts.
#[derive(Debug)]
pub(crate) enum Demand {
    Request(wire::HuntRequest),
    Cancel(u64),
    Taken,
}

/// A hunt being run.
struct Search {
    id: u64,
    sensor: Arc<str>,
    matcher: Arc<Matcher>,
    from_us: i64,
    to_us: i64,
    /// Blocks to be looked at, newest first.
    pieces: VecDeque<Piece>,
    /// What is at this place and behind it has been looked at.
    before: Option<Place>,
    status: Status,
    total: u64,
    looked_at: u64,
    damaged: u64,
    rows_left: u64,
    bytes_left: u64,
    /// Found, and not sent.
    rows: Vec<wire::HuntRow>,
    bytes: usize,
    /// Bytes at which a part goes.
    enough: usize,
    ended: Option<&'static str>,
    over: Option<Instant>,
    /// When it may go on, and when it last told something.
    next: Instant,
    told: Option<Instant>,
}

/// Runs the hunts of one link until it ends.
pub(crate) async fn serve(
    source: Option<HuntSource>,
    mut demands: mpsc::Receiver<Demand>,
    ready: mpsc::Sender<Message>,
    pace: Arc<Pace>,
) {
    let mut searches: VecDeque<Search> = VecDeque::new();
    let mut under_way = 0_usize;
    loop {
        let due = searches
            .iter()
            .filter_map(|search| search.due(&pace, under_way))
            .min();
        let never = Instant::now();
        tokio::select! {
            demand = demands.recv() => match demand {
                None => return,
                Some(Demand::Cancel(id)) => searches.retain(|search| search.id != id),
                Some(Demand::Taken) => under_way = under_way.saturating_sub(1),
                Some(Demand::Request(request)) => {
                    searches.retain(|search| search.id != request.id);
                    let id = request.id;
                    let begun = match &source {
                        None => Err("off"),
                        Some(_) if searches.len() >= HUNTS => Err("too_many"),
                        Some(source) => {
                            let rate = pace.rate(source.bytes_per_second);
                            Search::begin(request, source, rate).await
                        }
                    };
                    match begun {
                        Ok(search) => searches.push_back(search),
                        Err(reason) => {
                            if ready.send(failed(id, reason)).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            },
            () = tokio::time::sleep_until(due.unwrap_or(never)), if due.is_some() => {
                let Some(source) = &source else { return };
                let now = Instant::now();
                let is_due = |search: &Search| {
                    search.due(&pace, under_way).is_some_and(|due| due <= now)
                };
                let Some(at) = searches.iter().position(is_due) else { continue };
                let Some(mut search) = searches.remove(at) else { continue };
                if !search.is_ready() {
                    search.step(&source.archive).await;
                    searches.push_back(search);
                    continue;
                }
                let goes_on = search.ended.is_none();
                let part = match search.part() {
                    Ok(part) => part,
                    Err(error) => {
                        tracing::error!(%error, id = search.id, "what a hunt has found cannot be packed");
                        if ready.send(failed(search.id, "unreadable")).await.is_err() {
                            return;
                        }
                        continue;
                    }
                };
                under_way += 1;
                pace.spend(part.rows.len(), source.bytes_per_second);
                if ready.send(Message::HuntPart(part)).await.is_err() {
                    return;
                }
                if goes_on {
                    searches.push_back(search);
                }
            }
        }
    }
}

impl Search {
    async fn begin(
        request: wire::HuntRequest,
        source: &HuntSource,
        bytes_per_second: u64,
    ) -> Result<Search, &'static str> {
        let matcher = Matcher::read(&request.query).map_err(|fault| {
            tracing::warn!(id = request.id, %fault, "a hunt is refused");
            match fault {
                Fault::Unknown(_) | Fault::TooLarge | Fault::Unfit { .. } => "not_understood",
            }
        })?;
        let before = request.before.map(place);
        let archive = Arc::clone(&source.archive);
        let (from_us, to_us) = (request.from_us, request.to_us);
        let (status, pieces) = tokio::task::spawn_blocking(move || {
            // Workers' records wait for a block to be full: a hunt finds those that have been seen.
            archive.flush();
            (archive.status(), archive.pieces(from_us, to_us, before))
        })
        .await
        .map_err(|_| "unreadable")?;
        let quarter = usize::try_from(bytes_per_second / 4).unwrap_or(usize::MAX);
        let now = Instant::now();
        Ok(Search {
            id: request.id,
            sensor: request.sensor.into(),
            matcher: Arc::new(matcher),
            from_us,
            to_us,
            before,
            total: pieces.iter().map(|piece| u64::from(piece.records)).sum(),
            pieces: pieces.into(),
            status,
            looked_at: 0,
            damaged: 0,
            rows_left: request.max_rows,
            bytes_left: request.max_bytes,
            rows: Vec::new(),
            bytes: 0,
            enough: quarter.clamp(*PART_BYTES.start(), *PART_BYTES.end()),
            ended: None,
            over: now.checked_add(Duration::from_millis(request.max_ms)),
            next: now,
            told: None,
        })
    }

    fn due(&self, pace: &Pace, under_way: usize) -> Option<Instant> {
        if self.is_ready() {
            return (under_way < WINDOW).then(|| pace.free());
        }
        Some(self.next)
    }

    /// There is something to be told.
    fn is_ready(&self) -> bool {
        self.ended.is_some()
            || self.bytes >= self.enough
            || self.told.is_none_or(|told| told.elapsed() >= TELL)
    }

    /// Looks at one block, or at what is left of it.
    async fn step(&mut self, archive: &Arc<Archive>) {
        if self.over.is_some_and(|over| Instant::now() >= over) {
            self.ended = Some("time");
            return;
        }
        let Some(piece) = self.pieces.front().cloned() else {
            self.ended = Some("complete");
            return;
        };
        let begun = Instant::now();
        let reader = Arc::clone(archive);
        let look = self.look();
        let block = piece.clone();
        let looked = tokio::task::spawn_blocking(move || {
            Ok::<_, sensor_archive::Error>(
                reader
                    .read(&block)?
                    .map(|content| look.at(&block, &content)),
            )
        });
        match looked.await {
            Ok(Ok(Some(looked))) => {
                self.looked_at += looked.looked_at;
                self.rows_left -= (looked.rows.len() as u64).min(self.rows_left);
                self.bytes_left -= (looked.bytes as u64).min(self.bytes_left);
                self.bytes += looked.bytes;
                self.rows.extend(looked.rows);
                self.before = Some(looked.before);
                self.ended = looked.ended;
                if looked.is_done {
                    self.pieces.pop_front();
                }
            }
            other => {
                if let Ok(Err(error)) = other {
                    tracing::error!(%error, id = self.id, "a block of the record archive is passed over");
                }
                self.damaged += 1;
                self.before = Some(piece.place);
                self.pieces.pop_front();
            }
        }
        let now = Instant::now();
        self.next = now + now.duration_since(begun);
    }

    fn look(&self) -> Look {
        Look {
            matcher: Arc::clone(&self.matcher),
            sensor: Arc::clone(&self.sensor),
            from_us: self.from_us,
            to_us: self.to_us,
            before: self.before,
            rows_left: self.rows_left,
            bytes_left: self.bytes_left,
            enough: self.enough.saturating_sub(self.bytes),
        }
    }

    /// What was found since the last part.
    fn part(&mut self) -> std::io::Result<wire::HuntPart> {
        self.told = Some(Instant::now());
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        let (content_bytes, rows) = if rows.is_empty() {
            (0, Vec::new())
        } else {
            let content = wire::HuntRows { rows }.encode_to_vec();
            let packed = zstd::bulk::compress(&content, ZSTD_LEVEL)?;
            (content.len() as u32, packed)
        };
        let phase = match self.ended {
            None => wire::HuntPhase::Searching,
            Some(_) => wire::HuntPhase::Done,
        };
        Ok(wire::HuntPart {
            id: self.id,
            phase: phase.into(),
            reason: self.ended.unwrap_or_default().to_owned(),
            before: self.before.map(of_place),
            total: self.total,
            looked_at: self.looked_at,
            oldest_us: self.status.oldest_us,
            newest_us: self.status.newest_us,
            rotated: self.status.rotated,
            damaged: self.damaged,
            content_bytes,
            rows: rows.into(),
        })
    }
}

/// What is asked of a block.
struct Look {
    matcher: Arc<Matcher>,
    sensor: Arc<str>,
    from_us: i64,
    to_us: i64,
    before: Option<Place>,
    rows_left: u64,
    bytes_left: u64,
    enough: usize,
}

/// What was found in a block.
struct Looked {
    rows: Vec<wire::HuntRow>,
    bytes: usize,
    looked_at: u64,
    before: Place,
    ended: Option<&'static str>,
    /// Nothing of the block is left.
    is_done: bool,
}

impl Look {
    fn at(&self, piece: &Piece, content: &Content) -> Looked {
        let mut looked = Looked {
            rows: Vec::new(),
            bytes: 0,
            looked_at: 0,
            before: piece.place,
            ended: None,
            is_done: true,
        };
        for (entry, line) in (1..=piece.records).rev().zip(content.lines().rev()) {
            let here = Place {
                entry,
                ..piece.place
            };
            if self.before.is_some_and(|before| here >= before) {
                continue;
            }
            let stop = if looked.rows.len() as u64 >= self.rows_left {
                Some("rows")
            } else if looked.bytes as u64 >= self.bytes_left {
                Some("bytes")
            } else {
                None
            };
            if stop.is_some() || looked.bytes >= self.enough {
                looked.ended = stop;
                looked.is_done = false;
                looked.before = Place {
                    entry: entry + 1,
                    ..piece.place
                };
                return looked;
            }
            looked.looked_at += 1;
            let in_time = |at: i64| (self.from_us..=self.to_us).contains(&at);
            if !line.at_us.is_none_or(in_time) {
                continue;
            }
            let about = sensor_query::Place {
                sensor: &self.sensor,
                class: line.class.name(),
            };
            let record = serde_json::from_slice(line.record);
            if record.is_ok_and(|record| self.matcher.matches(&record, about)) {
                looked.bytes += line.record.len();
                looked.rows.push(wire::HuntRow {
                    place: Some(of_place(here)),
                    class: wire_class(line.class).into(),
                    record: line.record.to_vec().into(),
                });
            }
        }
        looked
    }
}

fn place(place: wire::ArchivePlace) -> Place {
    Place {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    }
}

fn of_place(place: Place) -> wire::ArchivePlace {
    wire::ArchivePlace {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    }
}

fn failed(id: u64, reason: &str) -> Message {
    Message::HuntPart(wire::HuntPart {
        id,
        phase: wire::HuntPhase::Failed.into(),
        reason: reason.to_owned(),
        ..wire::HuntPart::default()
    })
}

#[cfg(test)]
mod tests {
    use sensor_archive::Options;
    use sensor_event::Class;

    use super::*;

    /// An archive with so many records, of which the even ones are of port 53, in blocks of ten.
    fn archive(folder: &std::path::Path, records: u32) -> HuntSource {
        let archive = Archive::open(folder, Options::default()).expect("an archive");
        for at in 0..records {
            let (second, minute) = (at % 60, at / 60);
            let port = if at % 2 == 0 { 53 } else { 80 };
            let record = format!(
                r#"{{"timestamp":"1970-01-01T00:{minute:02}:{second:02}.000000+0000","dest_port":{port},"at":{at}}}"#
            );
            archive.keep(Class::Record, record.as_bytes());
            if at % 10 == 9 {
                archive.flush();
            }
        }
        HuntSource {
            archive: Arc::new(archive),
            bytes_per_second: u64::MAX,
        }
    }

    fn request(id: u64) -> wire::HuntRequest {
        wire::HuntRequest {
            id,
            query: br#"{"field":{"path":"port","test":{"is":"53"}}}"#.to_vec().into(),
            to_us: i64::MAX,
            max_rows: u64::MAX,
            max_bytes: u64::MAX,
            max_ms: 3_600_000,
            ..wire::HuntRequest::default()
        }
    }

    struct Collector {
        demands: mpsc::Sender<Demand>,
        ready: mpsc::Receiver<Message>,
    }

    impl Collector {
        fn of(source: Option<HuntSource>) -> Collector {
            let (demands, asked) = mpsc::channel(64);
            let (told, ready) = mpsc::channel(1);
            tokio::spawn(serve(source, asked, told, Arc::default()));
            Collector { demands, ready }
        }

        async fn say(&self, demand: Demand) {
            self.demands.send(demand).await.expect("it is served");
        }

        async fn hear(&mut self) -> wire::HuntPart {
            match self.ready.recv().await.expect("it is served") {
                Message::HuntPart(part) => part,
                other => panic!("{other:?}"),
            }
        }

        /// What comes until the end, every part acknowledged.
        async fn all(&mut self, rows: &mut Vec<u64>) -> wire::HuntPart {
            loop {
                let part = self.hear().await;
                rows.extend(numbers(&part));
                self.say(Demand::Taken).await;
                if part.phase() != wire::HuntPhase::Searching {
                    return part;
                }
            }
        }
    }

    fn numbers(part: &wire::HuntPart) -> Vec<u64> {
        let content = zstd::bulk::decompress(&part.rows, part.content_bytes as usize);
        let Ok(content) = content else {
            assert!(part.rows.is_empty());
            return Vec::new();
        };
        let rows = wire::HuntRows::decode(&*content).expect("rows").rows;
        let number = |row: &wire::HuntRow| {
            let record: serde_json::Value = serde_json::from_slice(&row.record).expect("JSON");
            record["at"].as_u64().expect("a number")
        };
        rows.iter().map(number).collect()
    }

    #[tokio::test]
    async fn what_fits_comes_newest_first_and_goes_on_after_a_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = archive(folder.path(), 105);
        let expected: Vec<u64> = (0..105).rev().filter(|at| at % 2 == 0).collect();
        let mut rows = Vec::new();
        let mut before = None;
        // Each link is cut after so many records: in the midst of a block, at its end, and not at all.
        for max_rows in [1, 4, 8, u64::MAX] {
            let mut collector = Collector::of(Some(source.clone()));
            let again = wire::HuntRequest {
                before,
                max_rows,
                ..request(7)
            };
            collector.say(Demand::Request(again)).await;
            let last = collector.all(&mut rows).await;
            assert_eq!(last.phase(), wire::HuntPhase::Done);
            let is_last = max_rows == u64::MAX;
            assert_eq!(last.reason, if is_last { "complete" } else { "rows" });
            before = last.before;
        }
        assert_eq!(rows, expected);
        let status = source.archive.status();
        assert_eq!((status.records, status.oldest_us), (105, Some(0)));
    }

    #[tokio::test]
    async fn time_narrows_and_limits_end_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = archive(folder.path(), 100);
        for (narrow, rows, reason) in [
            (
                wire::HuntRequest {
                    from_us: 10_000_000,
                    to_us: 14_000_000,
                    ..request(1)
                },
                vec![14, 12, 10],
                "complete",
            ),
            (
                wire::HuntRequest {
                    max_bytes: 1,
                    ..request(2)
                },
                vec![98],
                "bytes",
            ),
            (
                wire::HuntRequest {
                    max_ms: 0,
                    ..request(3)
                },
                vec![],
                "time",
            ),
        ] {
            let mut collector = Collector::of(Some(source.clone()));
            collector.say(Demand::Request(narrow)).await;
            let mut found = Vec::new();
            let last = collector.all(&mut found).await;
            assert_eq!((found, last.reason.as_str()), (rows, reason));
        }
    }

    #[tokio::test]
    async fn two_parts_are_under_way_and_no_third() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut collector = Collector::of(Some(archive(folder.path(), 20)));
        for id in [1, 2, 3] {
            collector.say(Demand::Request(request(id))).await;
        }
        for _ in 0..2 {
            collector.hear().await;
        }
        tokio::task::yield_now().await;
        assert!(collector.ready.try_recv().is_err());
        collector.say(Demand::Cancel(1)).await;
        collector.say(Demand::Cancel(2)).await;
        collector.say(Demand::Taken).await;
        assert_eq!(collector.hear().await.id, 3);
    }

    #[tokio::test]
    async fn what_cannot_be_hunted_has_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut none = Collector::of(None);
        none.say(Demand::Request(request(1))).await;
        assert_eq!(none.hear().await.reason, "off");
        let mut collector = Collector::of(Some(archive(folder.path(), 1)));
        let unknown = wire::HuntRequest {
            query: b"{\"regex\":\"a\"}".to_vec().into(),
            ..request(2)
        };
        collector.say(Demand::Request(unknown)).await;
        assert_eq!(collector.hear().await.reason, "not_understood");
    }

    #[tokio::test]
    async fn a_damaged_block_is_passed_over_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = archive(folder.path(), 30);
        let path = folder.path().join(format!("{:016}.arc", 1));
        let mut bytes = std::fs::read(&path).expect("a segment");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).expect("written");
        let mut collector = Collector::of(Some(source));
        collector.say(Demand::Request(request(1))).await;
        let mut rows = Vec::new();
        let end = collector.all(&mut rows).await;
        assert_eq!((end.damaged, end.reason.as_str()), (1, "complete"));
        assert_eq!(
            rows,
            (0..20).rev().filter(|at| at % 2 == 0).collect::<Vec<_>>()
        );
    }
}
