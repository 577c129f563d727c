//! Files that come in ranges (RFC 9110 §14), put together from responses of several transactions and flows.
//!
//! All workers share what is under way, as a client may ask for each range in a flow of its own. Only responses
//! that say which range they bring come here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::file::{File, FileId, Hashes};
use crate::recent::Recent;
use sensor_flow::Direction;

/// Files under way at once; the one that waits longest gives way.
pub const MAX_FILES: usize = 256;
/// Ranges of one file that came before those in front of them, and their bytes.
pub const MAX_WAITING: usize = 256;
pub const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;
/// A file of which nothing comes for so long begins anew.
pub const TIMEOUT_NS: i64 = 60 * 1_000_000_000;

/// What is under way.
#[derive(Debug)]
pub struct Ranges {
    files: Mutex<Recent<Vec<u8>, Whole>>,
}

impl Default for Ranges {
    fn default() -> Self {
        Ranges {
            files: Mutex::new(Recent::new(MAX_FILES)),
        }
    }
}

/// A file as far as it is known from its beginning, and what lies further on.
#[derive(Debug)]
struct Whole {
    file: File,
    /// The greatest that a response has told.
    total: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
    last_ns: i64,
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Host and path.
    pub key: &'a [u8],
    pub name: &'a [u8],
    /// Place of the first byte.
    pub at: u64,
    /// Bytes of the whole file.
    pub total: u64,
    pub bytes: &'a [u8],
}

impl Ranges {
    pub fn add(&self, piece: Piece<'_>, hashes: Hashes, keep: usize, now_ns: i64) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files
            .remove(&piece.key.to_vec())
            .filter(|whole| now_ns.saturating_sub(whole.last_ns) <= TIMEOUT_NS);
        let mut whole = known.unwrap_or_else(|| Whole {
            file: File::open(FileId(0), Direction::ToClient, piece.name, hashes),
            total: piece.total,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            last_ns: now_ns,
        });
        whole.total = whole.total.max(piece.total);
        whole.last_ns = now_ns;
        whole.take(piece.at, piece.bytes, keep);
        files.set(piece.key.to_vec(), whole);
    }

    /// The file, once all of it is there; whoever asks first has it.
    pub fn complete(&self, key: &[u8]) -> Option<File> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = files.get(&key.to_vec())?;
        if whole.file.size < whole.total {
            return None;
        }
        let mut file = files.remove(&key.to_vec())?.file;
        file.close(crate::FileState::Closed);
        Some(file)
    }
}

impl Whole {
    fn take(&mut self, at: u64, bytes: &[u8], keep: usize) {
        if at > self.file.size {
            let room = self.waiting.len() < MAX_WAITING
                && self.waiting_bytes + bytes.len() <= MAX_WAITING_BYTES;
            let shorter = self
                .waiting
                .get(&at)
                .is_none_or(|known| known.len() < bytes.len());
            if room && shorter {
                self.waiting_bytes += bytes.len();
                if let Some(known) = self.waiting.insert(at, bytes.to_vec()) {
                    self.waiting_bytes -= known.len();
                }
            }
            return;
        }
        self.append(at, bytes, keep);
        // What waited may go on from here.
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > self.file.size {
                break;
            }
            let (at, bytes) = entry.remove_entry();
            self.waiting_bytes -= bytes.len();
            self.append(at, &bytes, keep);
        }
    }

    /// Bytes of which the first is no further than the file's end: those beyond it are new.
    fn append(&mut self, at: u64, bytes: &[u8], keep: usize) {
        let known = usize::try_from(self.file.size.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
            self.file.append(new, keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASHES: Hashes = Hashes {
        md5: true,
        sha1: false,
        sha256: false,
    };

    fn add(ranges: &Ranges, content: &[u8], from: usize, to: usize, now_ns: i64) {
        let piece = Piece {
            key: b"host/path",
            name: b"/path",
            at: from as u64,
            total: content.len() as u64,
            bytes: &content[from..to],
        };
        ranges.add(piece, HASHES, 1024, now_ns);
    }

    #[test]
    fn an_old_file_begins_anew() {
        let ranges = Ranges::default();
        add(&ranges, b"abcdef", 0, 3, 0);
        add(&ranges, b"abcdef", 3, 6, TIMEOUT_NS + 1);
        assert!(ranges.complete(b"host/path").is_none());
        add(&ranges, b"abcdef", 0, 3, TIMEOUT_NS + 2);
        let file = ranges.complete(b"host/path").expect("it is there");
        assert_eq!(file.bytes().data, b"abcdef");
        assert!(ranges.complete(b"host/path").is_none());
    }

    #[test]
    fn what_waits_has_a_limit() {
        let ranges = Ranges::default();
        let content = vec![7; 3 * MAX_WAITING_BYTES];
        for at in 0..(2 * MAX_WAITING) {
            add(&ranges, &content, 1 + at, content.len(), 0);
        }
        let files = ranges.files.lock().expect("nobody has panicked");
        let whole = files.get(&b"host/path".to_vec()).expect("it is there");
        assert!(whole.waiting_bytes <= MAX_WAITING_BYTES);
        assert!(whole.waiting.len() <= MAX_WAITING);
    }

    proptest! {
        #[test]
        fn any_order_gives_the_file(
            content in proptest::collection::vec(any::<u8>(), 1..200),
            cuts in proptest::collection::vec((0usize..200, 0usize..200), 0..12),
        ) {
            let ranges = Ranges::default();
            let length = content.len();
            for (from, to) in cuts {
                let (from, to) = (from.min(length), to.min(length));
                add(&ranges, &content, from.min(to), from.max(to), 0);
            }
            add(&ranges, &content, length / 2, length, 0);
            add(&ranges, &content, 0, length / 2 + 1, 0);
            let file = ranges.complete(b"host/path").expect("all of it came");
            prop_assert_eq!(file.bytes().data, content);
        }
    }
}
