//! The archive: segments within a budget, written by one thread and read by whoever searches.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use sensor_event::Class;

use crate::block::{Content, HEADER, Header};
use crate::segment::Segment;
use crate::writer::{Order, Writer};
use crate::{Counts, Error, Options};

/// Orders between workers and the writing thread.
const ORDERS: usize = 16_384;
/// Longest record: as long as the spool takes.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// A place in the archive, behind a record. Places only rise, and stay what they are when segments go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub segment: u64,
    /// Where the record's block begins.
    pub offset: u64,
    /// Records of the block up to and with it.
    pub entry: u32,
}

/// A block that may hold what is searched.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Where it begins: `entry` is 0.
    pub place: Place,
    pub records: u32,
    path: PathBuf,
}

/// What the archive holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    pub bytes: u64,
    pub budget_bytes: u64,
    pub records: u64,
    /// Times of the oldest and the newest record, in microseconds since 1970; none while it is empty.
    pub oldest_us: Option<i64>,
    pub newest_us: Option<i64>,
    /// Older records were there once, and have gone.
    pub rotated: bool,
    /// Segments that were cut when the archive was opened, and those that could not be read at all.
    pub torn_segments: u64,
    pub lost_segments: u64,
}

/// Records on disk. Dropped handles leave the files as they are.
#[derive(Debug)]
pub struct Archive {
    shared: Arc<Shared>,
    orders: Sender<Order>,
}

#[derive(Debug)]
pub struct Shared {
    pub folder: PathBuf,
    pub options: Options,
    pub counts: Counts,
    pub queued_bytes: AtomicUsize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
pub struct Held {
    pub segments: VecDeque<Segment>,
    pub bytes: u64,
    /// Number of the next segment.
    pub next: u64,
    torn: u64,
    lost: u64,
}

impl Shared {
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Archive {
    /// Opens the archive of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or read. Segments that cannot be read are counted and left alone.
    pub fn open(folder: &Path, options: Options) -> Result<Archive, Error> {
        let (archive, writer, work) = Archive::parts(folder, options)?;
        std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || writer.run(&work))
            .map_err(Error::at(folder))?;
        Ok(archive)
    }

    pub(crate) fn parts(
        folder: &Path,
        options: Options,
    ) -> Result<(Archive, Writer, Receiver<Order>), Error> {
        let options = Options {
            disk_bytes: options
                .disk_bytes
                .clamp(Options::LEAST_DISK_BYTES, Options::MOST_DISK_BYTES),
            ..options
        };
        std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let held = read_folder(folder).map_err(Error::at(folder))?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            counts: Counts::default(),
            queued_bytes: AtomicUsize::new(0),
            held: Mutex::new(held),
        });
        let (orders, work) = bounded(ORDERS);
        let writer = Writer::new(Arc::clone(&shared));
        Ok((Archive { shared, orders }, writer, work))
    }

    /// Takes a record: one JSON object in one line; a line feed at its end is left out. Never waits: what finds no
    /// room is counted.
    pub fn keep(&self, class: Class, record: &[u8]) {
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let counts = &self.shared.counts;
        if record.is_empty() || record.contains(&b'\n') || record.len() > MAX_RECORD_BYTES {
            return Counts::add(&counts.not_a_line, 1);
        }
        let queued = &self.shared.queued_bytes;
        if queued.load(Ordering::Relaxed) + record.len() > self.shared.options.queue_bytes {
            return Counts::add(&counts.queue_full, 1);
        }
        queued.fetch_add(record.len(), Ordering::Relaxed);
        match self.orders.try_send(Order::Record(class, record.into())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                queued.fetch_sub(record.len(), Ordering::Relaxed);
                Counts::add(&counts.queue_full, 1);
            }
        }
    }

    /// Waits until what was handed over is written.
    pub fn flush(&self) {
        self.wait_for(Order::Flush);
    }

    /// Writes what was handed over. Nothing is taken afterwards.
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
        let headers = || {
            let spans = held.segments.iter().flat_map(|segment| &segment.spans);
            spans.map(|span| &span.header)
        };
        Status {
            bytes: held.bytes,
            budget_bytes: self.shared.options.disk_bytes,
            records: headers().map(|header| u64::from(header.records)).sum(),
            oldest_us: headers().map(|header| header.first_us).min(),
            newest_us: headers().map(|header| header.last_us).max(),
            rotated: held
                .segments
                .front()
                .map_or(held.next, |first| first.number)
                > 1,
            torn_segments: held.torn,
            lost_segments: held.lost,
        }
    }

    /// Blocks with records between two times (microseconds, both included), newest first; of those before a place, if
    /// one is given.
    pub fn pieces(&self, from_us: i64, to_us: i64, before: Option<Place>) -> Vec<Piece> {
        let held = self.shared.held();
        let segments = held.segments.iter().rev();
        segments
            .flat_map(|segment| segment.spans.iter().rev().map(move |span| (segment, span)))
            .filter(|(_, span)| span.header.first_us <= to_us && span.header.last_us >= from_us)
            .map(|(segment, span)| Piece {
                place: Place {
                    segment: segment.number,
                    offset: span.offset,
                    entry: 0,
                },
                records: span.header.records,
                path: segment.path.clone(),
            })
            .filter(|piece| before.is_none_or(|before| piece.place < before))
            .collect()
    }

    /// The records of a block; `None` when it is not there any more.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub fn read(&self, piece: &Piece) -> Result<Option<Content>, Error> {
        let file = match File::open(&piece.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::at(&piece.path)(error)),
        };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a block is damaged");
        let read = || {
            let mut head = [0; HEADER];
            file.read_exact_at(&mut head, piece.place.offset)?;
            let header = Header::read(&head).ok_or_else(damaged)?;
            let mut packed = vec![0; header.length as usize];
            file.read_exact_at(&mut packed, piece.place.offset + HEADER as u64)?;
            header.unpack(&head, &packed).ok_or_else(damaged)
        };
        read().map(Some).map_err(Error::at(&piece.path))
    }
}

/// The segments of earlier runs, oldest first.
fn read_folder(folder: &Path) -> io::Result<Held> {
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
        match Segment::open(path.clone(), number) {
            Ok((segment, torn)) => {
                if torn {
                    held.torn += 1;
                    tracing::warn!(path = %path.display(), "a segment of the record archive was torn; what was whole is kept");
                }
                held.bytes += segment.bytes;
                held.segments.push_back(segment);
            }
            Err(error) => {
                held.lost += 1;
                tracing::error!(path = %path.display(), %error, "a segment of the record archive cannot be read");
            }
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(second: u32, text: &str) -> Vec<u8> {
        format!(r#"{{"timestamp":"1970-01-01T00:00:{second:02}.000000+0000","a":"{text}"}}"#)
            .into_bytes()
    }

    fn found(archive: &Archive, from: i64, to: i64, before: Option<Place>) -> Vec<String> {
        let pieces = archive.pieces(from * 1_000_000, to * 1_000_000, before);
        let mut texts = Vec::new();
        for piece in pieces {
            let content = archive.read(&piece).expect("readable").expect("there");
            texts.extend(content.lines().rev().map(|line| {
                let text = String::from_utf8_lossy(line.record).into_owned();
                text.split('"').nth(7).unwrap_or_default().to_owned()
            }));
        }
        texts
    }

    #[test]
    fn what_was_kept_is_found_newest_first_also_after_a_crash() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Archive::open(folder.path(), Options::default()).expect("an archive");
        for (second, text) in [(1, "a"), (2, "b"), (3, "c")] {
            archive.keep(Class::Record, &record(second, text));
            archive.flush();
        }
        archive.keep(Class::Record, b"two\nlines");
        assert_eq!(found(&archive, 0, 60, None), ["c", "b", "a"]);
        assert_eq!(found(&archive, 2, 2, None), ["b"]);
        let pieces = archive.pieces(0, i64::MAX, None);
        let before = Some(pieces[1].place);
        assert_eq!(found(&archive, 0, 60, before), ["a"]);
        let inside = Some(Place {
            entry: 1,
            ..pieces[1].place
        });
        assert_eq!(found(&archive, 0, 60, inside), ["b", "a"]);
        assert_eq!(archive.status().records, 3);
        assert_eq!(archive.counts().left_out()[2], ("not_a_line", 1));
        archive.close();

        let path = folder.path().join(format!("{:016}.arc", 1));
        let bytes = std::fs::read(&path).expect("a segment");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        let archive = Archive::open(folder.path(), Options::default()).expect("an archive");
        assert_eq!(found(&archive, 0, 60, None), ["b", "a"]);
        assert_eq!(archive.status().torn_segments, 1);
        archive.keep(Class::Record, &record(4, "d"));
        archive.flush();
        assert_eq!(found(&archive, 0, 60, None), ["d", "b", "a"]);
    }

    #[test]
    fn the_oldest_go_for_want_of_room_and_after_their_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            disk_bytes: Options::LEAST_DISK_BYTES,
            age: Duration::from_secs(1_600),
            queue_bytes: usize::MAX,
        };
        let (archive, mut writer, work) =
            Archive::parts(folder.path(), options).expect("an archive");
        // Nothing repeats, so that nothing packs.
        let mut seed = 1_u64;
        let mut noise = || -> String {
            (0..500_000)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    char::from(33 + (seed >> 33) as u8 % 90)
                })
                .map(|c| if matches!(c, '"' | '\\') { '!' } else { c })
                .collect()
        };
        for _ in 0..60 {
            archive.keep(Class::Flow, &record(1, &noise()));
            writer.turn(&work, 1_000);
        }
        let status = archive.status();
        assert!(status.bytes <= Options::LEAST_DISK_BYTES);
        assert!(status.rotated && status.records > 20);
        let [(_, budget), (_, age)] = archive.counts().gone();
        assert_eq!((status.records + budget, age), (60, 0));
        let pieces = archive.pieces(i64::MIN, i64::MAX, None);

        writer.turn(&work, 1_000 + 1_600_000);
        assert_eq!(archive.status().records, status.records, "not yet");
        writer.turn(&work, 1_001 + 1_600_000);
        let after = archive.status();
        assert_eq!((after.records, after.bytes, after.rotated), (0, 0, true));
        assert_eq!(archive.counts().gone()[1], ("age", status.records));
        assert!(archive.read(&pieces[0]).expect("no error").is_none());
    }

    #[test]
    fn what_finds_no_room_in_the_queue_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            queue_bytes: 10,
            ..Options::default()
        };
        let (archive, mut writer, work) =
            Archive::parts(folder.path(), options).expect("an archive");
        archive.keep(Class::Flow, b"{\"a\":1}");
        archive.keep(Class::Flow, b"{\"a\":2}");
        writer.turn(&work, 0);
        archive.keep(Class::Flow, b"{\"a\":3}");
        writer.turn(&work, 0);
        assert_eq!(archive.status().records, 2);
        assert_eq!(archive.counts().left_out()[0], ("queue_full", 1));
        assert_eq!(archive.counts().kept(), 2);
    }
}
