//! Files that a transaction carries: bounded windows, running hashes.

use std::cell::OnceCell;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{BufferGetter, BufferRow, BufferSide, Bytes, Transaction, magic};
use sensor_flow::Direction;

/// Files of one transaction; parts of a form beyond that pass without a file.
pub const MAX_FILES: usize = 64;
/// First bytes kept for the magic.
pub const HEAD_BYTES: usize = 2048;
/// Bytes by which the kind of an open file is told.
pub const MAGIC_BYTES: u64 = 512;
/// Bytes of a name.
pub const MAX_NAME_BYTES: usize = 1024;

/// Number of a file within its flow, from 0...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    Open,
    /// Seen to its end.
    Closed,
    /// Ended early: by a limit, the end of the flow, or a gap at its end.
    Truncated,
    Error,
}

/// The hashes to compute over files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hashes {
    pub md5: bool,
    pub sha1: bool,
    pub sha256: bool,
}

/// The last bytes of something that grows.
#[derive(Debug, Clone, Default)]
pub struct Window {
    data: Vec<u8>,
    offset: u64,
}

impl Window {
    /// Adds bytes, and forgets the oldest beyond `keep` now and then (at twice as many, so that a byte is
    /// moved once at most).
    pub fn push(&mut self, bytes: &[u8], keep: usize) {
        let bytes = if bytes.len() > keep {
            let (skipped, kept) = bytes.split_at(bytes.len() - keep);
            self.offset += (self.data.len() + skipped.len()) as u64;
            self.data.clear();
            kept
        } else {
            bytes
        };
        if self.data.len() + bytes.len() > keep.saturating_mul(2) {
            let excess = self.data.len() - (keep - bytes.len()).min(self.data.len());
            self.data.drain(..excess);
            self.offset += excess as u64;
        }
        self.data.extend_from_slice(bytes);
    }

    /// Bytes that were missed: the window begins anew behind them.
    pub fn skip(&mut self, bytes: u64) {
        self.offset = self.end().saturating_add(bytes);
        self.data.clear();
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Position of the first byte held.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Position behind the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.data.len() as u64
    }

    pub fn bytes(&self, complete: bool) -> Bytes<'_> {
        Bytes {
            data: &self.data,
            offset: self.offset,
            complete,
        }
    }
}

#[derive(Debug, Default)]
struct Digests {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

/// One file as it passes.
#[derive(Debug)]
pub struct File {
    pub id: FileId,
    pub direction: Direction,
    pub name: Vec<u8>,
    pub state: FileState,
    /// Bytes seen.
    pub size: u64,
    pub gaps: bool,
    /// First bytes, for the magic.
    pub head: Vec<u8>,
    /// Set when the state is no longer `Open`.
    pub md5: Option<[u8; 16]>,
    pub sha1: Option<[u8; 20]>,
    pub sha256: Option<[u8; 32]>,
    /// Byte range of the whole file (`Content-Range`): start, end, total.
    pub range: Option<(u64, u64, u64)>,
    /// Set by the user of the transaction once its record is written.
    pub logged: bool,
    /// The bytes as they pass, for inspection (`file.data`). Empty when the file is a whole body, whose
    /// own window has them.
    pub window: Window,
    pub is_whole_body: bool,
    digests: Digests,
    magic: OnceCell<Option<String>>,
}

impl File {
    pub fn open(id: FileId, direction: Direction, name: &[u8], hashes: Hashes) -> Self {
        File {
            id,
            direction,
            name: name[..name.len().min(MAX_NAME_BYTES)].to_vec(),
            state: FileState::Open,
            size: 0,
            gaps: false,
            head: Vec::new(),
            md5: None,
            sha1: None,
            sha256: None,
            range: None,
            logged: false,
            window: Window::default(),
            is_whole_body: false,
            magic: OnceCell::new(),
            digests: Digests {
                md5: hashes.md5.then(Md5::new),
                sha1: hashes.sha1.then(Sha1::new),
                sha256: hashes.sha256.then(Sha256::new),
            },
        }
    }

    /// The next bytes. Ignored when the file is no longer open.
    pub fn append(&mut self, bytes: &[u8], keep: usize) {
        if self.state != FileState::Open {
            return;
        }
        self.size += bytes.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(md5) = &mut self.digests.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.digests.sha1 {
            sha1.update(bytes);
        }
        if let Some(sha256) = &mut self.digests.sha256 {
            sha256.update(bytes);
        }
        self.window.push(bytes, keep);
    }

    /// Bytes that will never come: no hash of the whole can be given any more.
    pub fn gap(&mut self, bytes: u64) {
        if self.state != FileState::Open {
            return;
        }
        self.gaps = true;
        self.size = self.size.saturating_add(bytes);
        self.digests.md5 = None;
        self.digests.sha1 = None;
        self.window.skip(bytes);
    }

    /// Ends the file. Hashes are given for files seen to their end; of others only SHA-256, over what was seen.
    pub fn close(&mut self, state: FileState) {
        if self.state != FileState::Open || state == FileState::Open {
            return;
        }
        // A hole that nothing follows is a file cut short.
        self.state = if self.gaps && state == FileState::Closed {
            FileState::Truncated
        } else {
            state
        };
        let digests = std::mem::take(&mut self.digests);
        let whole = self.state == FileState::Closed;
        self.md5 = digests
            .md5
            .filter(|_| whole)
            .map(|md5| md5.finalize().into());
        self.sha1 = digests
            .sha1
            .filter(|_| whole)
            .map(|sha1| sha1.finalize().into());
        self.sha256 = digests.sha256.map(|sha256| sha256.finalize().into());
    }

    /// Ends a file that is still open when nobody speaks of it any more: cut short, without any hash.
    pub fn abandon(&mut self) {
        if self.state == FileState::Open {
            self.state = FileState::Truncated;
            self.digests = Digests::default();
        }
    }

    /// What kind of file it is, once enough of it was seen; told by what is held of it by then. Costly when it is
    /// asked for the first time.
    pub(crate) fn magic(&self, held: &Window) -> Option<&str> {
        if self.head.is_empty() || self.state == FileState::Open && self.size < MAGIC_BYTES {
            return None;
        }
        let from_start = held.offset() == 0 && held.data().len() > self.head.len();
        let bytes = if from_start { held.data() } else { &self.head };
        self.magic.get_or_init(|| magic::describe(bytes)).as_deref()
    }

    /// The same, if it was asked for already.
    pub fn known_magic(&self) -> Option<&str> {
        self.magic.get()?.as_deref()
    }

    /// What is held of the content.
    pub fn bytes(&self) -> Bytes<'_> {
        self.window.bytes(self.state != FileState::Open)
    }
}

/// `file.data` of protocols that have one file a transaction.
pub(crate) const FILE_DATA: BufferRow = BufferRow {
    streaming: true,
    ..row("file.data", &["file_data"], |tx, direction| {
        Some(of_side(tx, direction)?.bytes())
    })
};

/// `file.name` of the same.
pub(crate) const FILE_NAME: BufferRow = row("file.name", &["file_name"], |tx, direction| {
    Some(Bytes::whole(&of_side(tx, direction)?.name))
});

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side: BufferSide::Both,
        ready_at: [0; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::One(getter),
    }
}

fn of_side(tx: &Transaction, direction: Direction) -> Option<&File> {
    tx.files.iter().find(|file| file.direction == direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide() {
        type Row = (&'static [&'static [u8]], &'static [u8], u64);
        let rows: &[Row] = &[
            (&[b"abc"], b"abc", 0),
            (&[b"abc", b"def"], b"abcdef", 0),
            (&[b"abc", b"def", b"gh"], b"cdefgh", 2),
            (&[b"abcdefgh"], b"efgh", 4),
            (&[b"ab", b"abcdefgh"], b"efgh", 6),
        ];
        for (pushes, data, offset) in rows {
            let mut window = Window::default();
            for push in *pushes {
                window.push(push, 4);
            }
            // Twice `keep` at most, `keep` at least when there were as many.
            assert!(window.data().len() <= 8);
            assert!(
                window
                    .data()
                    .ends_with(&data[data.len().saturating_sub(4)..])
            );
            assert_eq!(window.end(), offset + data.len() as u64);
        }
    }

    #[test]
    fn hashes_are_those_of_the_bytes() {
        let all = Hashes {
            md5: true,
            sha1: true,
            sha256: true,
        };
        let mut file = File::open(FileId(0), Direction::ToClient, b"a", all);
        file.append(b"ab", 16);
        file.append(b"c", 16);
        file.close(FileState::Closed);
        let md5 = file.md5.expect("asked for");
        assert_eq!(md5[..4], [0x90, 0x01, 0x50, 0x98]);
        assert_eq!(file.sha1.expect("asked for")[..2], [0xa9, 0x99]);
        assert_eq!(file.sha256.expect("asked for")[..2], [0xba, 0x78]);
        assert_eq!((file.size, file.state), (3, FileState::Closed));
    }

    #[test]
    fn a_gap_takes_the_hashes_of_the_whole() {
        let all = Hashes {
            md5: true,
            sha1: true,
            sha256: true,
        };
        let mut file = File::open(FileId(0), Direction::ToClient, b"a", all);
        file.append(b"ab", 16);
        file.gap(10);
        file.append(b"c", 16);
        file.close(FileState::Closed);
        assert_eq!((file.size, file.state), (13, FileState::Truncated));
        assert_eq!((file.md5, file.sha1), (None, None));
        assert_eq!(file.sha256.expect("of what was seen")[..2], [0xba, 0x78]);
        assert_eq!(file.bytes().offset, 12);
    }
}
