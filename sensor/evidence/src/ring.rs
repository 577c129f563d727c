//! The ring: segments within a budget, written by one thread and read by whoever asks.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::block::{BLOCK_BYTES, Block, Entry, HEADER, Header};
use crate::segment::{Found, Segment};
use crate::tap::Tap;
use crate::{Counts, Error, Frame, Mode, Options};

/// Blocks under way from workers to disk, beside one for each worker.
const BLOCKS: usize = 8;
/// Segments in a full ring, about.
const SEGMENTS: u64 = 16;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (1 << 20)..=(128 << 20);
/// What the index may hold in memory, in spans of about 600 bytes.
const SPANS: u64 = 8_192;
const LEAST_SPAN_BYTES: u64 = 256 << 10;

/// What the writing thread is told.
#[derive(Debug)]
pub enum Order {
    Block(Block),
    /// Everything before is on disk when this is answered.
    Flush(Sender<()>),
    Close(Sender<()>),
}

/// Which frames are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// None: all.
    pub flow: Option<u64>,
    /// Nanoseconds since the epoch, both included.
    pub from_ns: i64,
    pub to_ns: i64,
}

/// A place in the ring. Places only rise, and stay what they are when segments go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    pub segment: u64,
    /// Where a block begins.
    pub offset: u64,
    /// Entries of the block that are behind this place.
    pub entry: u32,
}

/// How a search has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scanned {
    /// Where to go on.
    pub next: Cursor,
    /// Nothing is left before the end that was asked for.
    pub done: bool,
    /// Blocks that could not be read.
    pub damaged: u64,
    /// A segment that was to be read has gone meanwhile.
    pub rotated: bool,
}

/// What the ring holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    pub mode: Mode,
    pub bytes: u64,
    pub budget_bytes: u64,
    pub segments: u64,
    pub frames: u64,
    /// Times of the oldest and the newest frame, in nanoseconds since the epoch; none while the ring is empty.
    pub oldest_ns: Option<i64>,
    pub newest_ns: Option<i64>,
    /// Older frames were there once, and have gone.
    pub rotated: bool,
    /// Segments that were cut when the ring was opened, and those that could not be read at all.
    pub torn_segments: u64,
    pub lost_segments: u64,
}

/// Frames on disk. Dropped handles leave the files as they are.
#[derive(Debug)]
pub struct Ring {
    shared: Arc<Shared>,
    orders: Sender<Order>,
    empty: Receiver<Block>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    options: Options,
    counts: Arc<Counts>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    segments: VecDeque<Segment>,
    bytes: u64,
    /// Number of the next segment.
    next: u64,
    torn: u64,
    lost: u64,
}

impl Ring {
    /// Opens the ring of a folder, which is made if it is not there, for so many workers.
    ///
    /// # Errors
    /// When the folder cannot be made or read. Segments that cannot be read are counted and left alone.
    pub fn open(folder: &Path, options: Options, workers: usize) -> Result<Ring, Error> {
        let options = Options {
            disk_bytes: options.disk_bytes.max(Options::LEAST_DISK_BYTES),
            ..options
        };
        std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let held = read_folder(folder, options).map_err(Error::at(folder))?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            counts: Arc::default(),
            held: Mutex::new(held),
        });
        let blocks = BLOCKS + workers;
        let (orders, work) = bounded(blocks + 2);
        let (emptied, empty) = bounded(blocks);
        for _ in 0..blocks {
            // There is room for all of them.
            let _ = emptied.try_send(Block::new());
        }
        let writer = Writer {
            shared: Arc::clone(&shared),
            open: None,
            failing: false,
        };
        std::thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(move || writer.run(&work, &emptied))
            .map_err(Error::at(folder))?;
        Ok(Ring {
            shared,
            orders,
            empty,
        })
    }

    /// An end for one worker.
    pub fn tap(&self) -> Tap {
        Tap::new(
            self.shared.options,
            self.orders.clone(),
            self.empty.clone(),
            Arc::clone(&self.shared.counts),
        )
    }

    /// Waits until what taps have handed over is written.
    pub fn flush(&self) {
        self.wait_for(Order::Flush);
    }

    /// Writes what was handed over, and closes the segment. Nothing is taken afterwards.
    pub fn close(&self) {
        self.wait_for(Order::Close);
    }

    fn wait_for(&self, order: impl FnOnce(Sender<()>) -> Order) {
        let (done, answer) = bounded(1);
        if self.orders.send(order(done)).is_ok() {
            // An error means that the thread has ended, which is an answer as well.
            let _ = answer.recv();
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    pub fn status(&self) -> Status {
        let held = self.shared.held();
        let spans = || held.segments.iter().flat_map(|segment| &segment.spans);
        Status {
            mode: self.shared.options.mode,
            bytes: held.bytes,
            budget_bytes: self.shared.options.disk_bytes,
            segments: held.segments.len() as u64,
            frames: spans().map(|span| u64::from(span.frames)).sum(),
            oldest_ns: spans().map(|span| span.first_ns).min(),
            newest_ns: spans().map(|span| span.last_ns).max(),
            rotated: held.segments.front().is_some_and(|first| first.number > 1),
            torn_segments: held.torn,
            lost_segments: held.lost,
        }
    }

    /// The place behind all that is written now.
    pub fn end(&self) -> Cursor {
        let held = self.shared.held();
        held.segments
            .back()
            .map_or_else(Cursor::default, |segment| Cursor {
                segment: segment.number,
                offset: segment.bytes,
                entry: 0,
            })
    }

    /// Bytes that a search would read.
    pub fn extent(&self, query: &Query, from: Cursor, until: Cursor) -> u64 {
        let wanted = self.shared.wanted(query, from, until);
        wanted.iter().map(|piece| piece.length).sum()
    }

    /// Gives the wanted frames from a place on, in the order in which they were written, each with the place behind it,
    /// until `take` breaks. `until` is a place that [`Ring::end`] gave.
    ///
    /// # Errors
    /// When a segment is there and cannot be read.
    pub fn scan(
        &self,
        query: &Query,
        from: Cursor,
        until: Cursor,
        take: &mut dyn FnMut(Cursor, Frame<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, Error> {
        let first = self.shared.held().segments.front().map(|one| one.number);
        let mut scanned = Scanned {
            next: from,
            rotated: from != Cursor::default() && first.is_some_and(|first| from.segment < first),
            ..Scanned::default()
        };
        let mut buffer = vec![0; BLOCK_BYTES];
        let mut open: Option<(u64, File)> = None;
        for piece in self.shared.wanted(query, from, until) {
            let file = match &open {
                Some((number, file)) if *number == piece.segment => file,
                _ => match File::open(&piece.path) {
                    Ok(file) => &open.insert((piece.segment, file)).1,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        scanned.rotated = true;
                        continue;
                    }
                    Err(error) => return Err(Error::at(&piece.path)(error)),
                },
            };
            let mut place = Cursor {
                segment: piece.segment,
                offset: piece.offset,
                entry: 0,
            };
            while place.offset < piece.offset + piece.length && place < until {
                let Some(read) = read_block(file, place.offset, &mut buffer) else {
                    scanned.damaged += 1;
                    break;
                };
                let behind = Cursor {
                    offset: place.offset + (HEADER + read.length) as u64,
                    ..place
                };
                if behind <= from {
                    place = behind;
                    continue;
                }
                let Some((head, rest)) = buffer.split_first_chunk::<HEADER>() else {
                    break;
                };
                match read.entries(head, &rest[..read.length]) {
                    None => scanned.damaged += 1,
                    Some(entries) => {
                        for (at, Entry { flow, frame }) in (1..).zip(entries) {
                            let after = Cursor { entry: at, ..place };
                            if after <= from || !query.wants(flow, frame.timestamp_ns) {
                                continue;
                            }
                            scanned.next = after;
                            if take(after, frame).is_break() {
                                return Ok(scanned);
                            }
                        }
                    }
                }
                place = behind;
                scanned.next = behind;
            }
        }
        scanned.next = until.max(from);
        scanned.done = true;
        Ok(scanned)
    }
}

impl Query {
    fn wants(&self, flow: u64, at_ns: i64) -> bool {
        self.flow.is_none_or(|wanted| wanted == flow)
            && (self.from_ns..=self.to_ns).contains(&at_ns)
    }
}

/// A span to be read.
struct Piece {
    segment: u64,
    path: PathBuf,
    offset: u64,
    length: u64,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn span_bytes(&self) -> u64 {
        span_bytes(&self.options)
    }

    fn wanted(&self, query: &Query, from: Cursor, until: Cursor) -> Vec<Piece> {
        let held = self.held();
        let segments = held
            .segments
            .iter()
            .filter(|segment| (from.segment..=until.segment).contains(&segment.number));
        segments
            .flat_map(|segment| segment.spans.iter().map(move |span| (segment, span)))
            .filter(|(segment, span)| {
                let begins = Cursor {
                    segment: segment.number,
                    offset: span.offset,
                    entry: 0,
                };
                let behind = Cursor {
                    offset: span.offset + span.length,
                    ..begins
                };
                behind > from
                    && begins < until
                    && span.may_have(query.flow)
                    && span.first_ns <= query.to_ns
                    && span.last_ns >= query.from_ns
            })
            .map(|(segment, span)| Piece {
                segment: segment.number,
                path: segment.path.clone(),
                offset: span.offset,
                length: span.length,
            })
            .collect()
    }
}

fn span_bytes(options: &Options) -> u64 {
    (options.disk_bytes / SPANS).max(LEAST_SPAN_BYTES)
}

/// Reads a block with its header into the buffer. `None`: none begins here.
fn read_block(file: &File, offset: u64, buffer: &mut [u8]) -> Option<Header> {
    let (head, rest) = buffer.split_first_chunk_mut::<HEADER>()?;
    file.read_exact_at(head, offset).ok()?;
    let header = Header::read(head)?;
    let entries = rest.get_mut(..header.length)?;
    file.read_exact_at(entries, offset + HEADER as u64).ok()?;
    Some(header)
}

/// The segments of earlier runs, oldest first.
fn read_folder(folder: &Path, options: Options) -> io::Result<Held> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if let Some(number) = Segment::number(&path) {
            files.push((number, path));
        }
    }
    files.sort();
    let mut held = Held {
        next: files.last().map_or(1, |(number, _)| number + 1),
        ..Held::default()
    };
    for (number, path) in files {
        match Segment::open(path.clone(), number, span_bytes(&options)) {
            Ok((segment, found)) => {
                if found == Found::Torn {
                    held.torn += 1;
                    tracing::warn!(path = %path.display(), "a segment of the evidence ring was torn; what was whole is kept");
                }
                held.bytes += segment.bytes;
                held.segments.push_back(segment);
            }
            Err(error) => {
                held.lost += 1;
                tracing::error!(path = %path.display(), %error, "a segment of the evidence ring cannot be read");
            }
        }
    }
    Ok(held)
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    /// File of the newest segment.
    open: Option<File>,
    failing: bool,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>, emptied: &Sender<Block>) {
        for order in orders {
            match order {
                Order::Block(mut block) => {
                    self.keep(&mut block);
                    block.clear();
                    // There is room for all blocks.
                    let _ = emptied.try_send(block);
                }
                Order::Flush(done) => drop(done.try_send(())),
                Order::Close(done) => {
                    self.close();
                    let _ = done.try_send(());
                    return;
                }
            }
        }
        self.close();
    }

    fn keep(&mut self, block: &mut Block) {
        let frames = u64::from(block.frames);
        let counts = Arc::clone(&self.shared.counts);
        match self.write(block) {
            Ok(bytes) => {
                self.failing = false;
                Counts::add(&counts.kept, frames);
                Counts::add(&counts.kept_bytes, bytes);
            }
            Err(error) => {
                if !self.failing {
                    tracing::error!(folder = %self.shared.folder.display(), %error, "the evidence ring cannot write; frames are left out");
                }
                self.failing = true;
                Counts::add(&counts.disk_error, frames);
                // Should the disk be full, the oldest evidence makes room.
                self.drop_oldest();
            }
        }
    }

    fn write(&mut self, block: &mut Block) -> io::Result<u64> {
        let options = self.shared.options;
        let segment_bytes =
            (options.disk_bytes / SEGMENTS).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        let length = block.seal().len() as u64;
        let full = |segment: &Segment| segment.bytes + length > segment_bytes;
        if self.shared.held().segments.back().is_some_and(full) {
            self.close();
        }
        while self.shared.held().bytes + length > options.disk_bytes && self.drop_oldest() {}
        let shared = Arc::clone(&self.shared);
        let mut held = shared.held();
        let file = match &self.open {
            Some(file) => file,
            None => {
                let (segment, file) = Segment::create(&self.shared.folder, held.next)?;
                held.next += 1;
                held.segments.push_back(segment);
                self.open.insert(file)
            }
        };
        let Some(segment) = held.segments.back_mut() else {
            return Ok(0);
        };
        segment.append(file, block, self.shared.span_bytes())?;
        held.bytes += length;
        Ok(length)
    }

    /// Closes the newest segment; a failure leaves it to be read through next time.
    fn close(&mut self) {
        let Some(file) = self.open.take() else {
            return;
        };
        let mut held = self.shared.held();
        let Some(segment) = held.segments.back_mut() else {
            return;
        };
        let before = segment.bytes;
        if let Err(error) = segment.close(&file) {
            tracing::warn!(%error, "a segment of the evidence ring is not closed");
        }
        let more = segment.bytes - before;
        held.bytes += more;
    }

    /// Removes the oldest segment that is closed; false when there is none.
    fn drop_oldest(&mut self) -> bool {
        let mut held = self.shared.held();
        let open = usize::from(self.open.is_some());
        if held.segments.len() <= open {
            return false;
        }
        let Some(oldest) = held.segments.pop_front() else {
            return false;
        };
        held.bytes -= oldest.bytes.min(held.bytes);
        drop(held);
        if let Err(error) = std::fs::remove_file(&oldest.path) {
            tracing::warn!(path = %oldest.path.display(), %error, "an old segment stays on disk");
        }
        true
    }
}
