//! Sticky buffers and number fields as rows: a name and a getter.

use crate::{File, FileState, Transaction};
use sensor_flow::Direction;

/// Bytes of a buffer as they stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'a> {
    pub data: &'a [u8],
    /// Position of `data[0]` within the whole buffer (bodies slide; everything else is 0).
    pub offset: u64,
    /// No more bytes will follow: `endswith`, `bsize` and negated conditions may be decided.
    pub complete: bool,
}

impl<'a> Bytes<'a> {
    /// A buffer that is there as a whole.
    pub fn whole(data: &'a [u8]) -> Self {
        Bytes {
            data,
            offset: 0,
            complete: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferSide {
    ToServer,
    ToClient,
    Both,
}

/// How the bytes of a buffer are had from a transaction. The direction is the side under inspection.
#[derive(Clone, Copy)]
pub enum BufferGetter {
    One(for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>),
    /// The nth occurrence, counted from 0, `None` after the last.
    Many(for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>),
}

/// A sticky buffer of a protocol.
pub struct BufferRow {
    /// Canonical name in the rule language: `http.uri`.
    pub name: &'static str,
    pub synonyms: &'static [&'static str],
    /// Old content modifiers (`http_uri`).
    pub modifiers: &'static [&'static str],
    pub side: BufferSide,
    /// The transaction's progress from which the buffer can be inspected, of each side (`Direction::index`).
    pub ready_at: [u8; 2],
    /// All letters are lower case (`http.host`).
    pub lowercase: bool,
    /// The buffer grows while the transaction lasts (bodies, files): inspect again as it grows.
    pub streaming: bool,
    pub getter: BufferGetter,
}

/// The buffer with the same bytes on this side, from the same stage on, in every protocol that has both: whoever has
/// scanned it has scanned this one.
pub fn same_bytes(name: &str, side: Direction) -> Option<&'static str> {
    match (name, side) {
        ("http.response_body", Direction::ToClient) => Some("file.data"),
        _ => None,
    }
}

impl BufferRow {
    /// A buffer that is there once its side is complete.
    pub(crate) const fn one(
        name: &'static str,
        side: BufferSide,
        getter: for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>,
    ) -> Self {
        Self::complete(name, side, BufferGetter::One(getter))
    }

    /// The same, with several occurrences.
    pub(crate) const fn many(
        name: &'static str,
        side: BufferSide,
        getter: for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>,
    ) -> Self {
        Self::complete(name, side, BufferGetter::Many(getter))
    }

    const fn complete(name: &'static str, side: BufferSide, getter: BufferGetter) -> Self {
        BufferRow {
            name,
            synonyms: &[],
            modifiers: &[],
            side,
            ready_at: [Transaction::COMPLETE; 2],
            lowercase: false,
            streaming: false,
            getter,
        }
    }
}

/// What rules ask of the files of any protocol but HTTP, whose bodies have windows of their own.
pub(crate) const FILE_DATA: BufferRow = file_row("file.data", &["file_data"], file_data);
pub(crate) const FILE_NAME: BufferRow = file_row("file.name", &["file_name"], file_name);
pub(crate) const FILE_MAGIC: BufferRow = file_row("file.magic", &["file_magic"], file_magic);
/// Digests, for lists of them.
pub(crate) const FILE_MD5: BufferRow = file_row("file.md5", &[], |transaction, side, nth| {
    Some(Bytes::whole(closed(transaction, side, nth)?.md5.as_ref()?))
});
pub(crate) const FILE_SHA1: BufferRow = file_row("file.sha1", &[], |transaction, side, nth| {
    Some(Bytes::whole(closed(transaction, side, nth)?.sha1.as_ref()?))
});
pub(crate) const FILE_SHA256: BufferRow = file_row("file.sha256", &[], |transaction, side, nth| {
    Some(Bytes::whole(
        closed(transaction, side, nth)?.sha256.as_ref()?,
    ))
});

type NthFile = for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>;

const fn file_row(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: NthFile,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side: BufferSide::Both,
        ready_at: [0; 2],
        lowercase: false,
        streaming: true,
        getter: BufferGetter::Many(getter),
    }
}

/// A file is looked at once it has so many bytes, or is over.
const INSPECT_BYTES: u64 = 32 * 1024;

fn file_data(transaction: &Transaction, side: Direction, nth: usize) -> Option<Bytes<'_>> {
    transaction
        .files
        .iter()
        .filter(|file| {
            file.direction == side
                && file.size > 0
                && (file.size >= INSPECT_BYTES || file.state != FileState::Open)
        })
        .nth(nth)
        .map(File::bytes)
}

fn file_name(transaction: &Transaction, side: Direction, nth: usize) -> Option<Bytes<'_>> {
    let mut files = transaction
        .files
        .iter()
        .filter(|file| file.direction == side);
    files.nth(nth).map(|file| Bytes::whole(&file.name))
}

/// What kind of file the nth of a side is.
fn file_magic(transaction: &Transaction, side: Direction, nth: usize) -> Option<Bytes<'_>> {
    let mut magics = transaction
        .files
        .iter()
        .filter(|file| file.direction == side)
        .filter_map(|file| transaction.magic(file));
    magics.nth(nth).map(|magic| Bytes::whole(magic.as_bytes()))
}

/// The nth file of a side that was seen to its end.
fn closed(transaction: &Transaction, side: Direction, nth: usize) -> Option<&File> {
    transaction
        .files
        .iter()
        .filter(|file| file.direction == side && file.state == FileState::Closed)
        .nth(nth)
}

/// Sizes of files that were seen to their end.
pub(crate) const FILE_SIZE: IntFieldRow = IntFieldRow {
    name: "file.size",
    synonyms: &[],
    side: BufferSide::Both,
    ready_at: 0,
    bits: 64,
    names: &[],
    getter: |transaction, side, nth| closed(transaction, side, nth).map(|file| file.size),
};

/// Bytes seen of files that are over, cut ones too: those have so many at least.
pub(crate) const FILE_SEEN: IntFieldRow = IntFieldRow {
    name: "file.seen",
    synonyms: &[],
    side: BufferSide::Both,
    ready_at: 0,
    bits: 64,
    names: &[],
    getter: |transaction, side, nth| {
        let mut files = transaction
            .files
            .iter()
            .filter(|file| file.direction == side && file.state != FileState::Open);
        files.nth(nth).map(|file| file.size)
    },
};

/// A number of a protocol, for integer keywords.
pub struct IntFieldRow {
    pub name: &'static str,
    pub synonyms: &'static [&'static str],
    pub side: BufferSide,
    pub ready_at: u8,
    pub bits: u8,
    /// Names for values, lower case.
    pub names: &'static [(&'static str, u64)],
    /// The nth value, `None` after the last.
    pub getter: fn(&Transaction, Direction, usize) -> Option<u64>,
}

impl IntFieldRow {
    /// Stands for an occurrence that has no such number, so that the ones behind it keep their place.
    pub const HOLE: u64 = u64::MAX;
}
