//! Body bytes of one message → decoded bytes, windows and files.

use super::decode::{Decoder, codings};
use super::event::ContentRange;
use super::multipart::{self, Multipart, Piece};
use super::{events, http, http_mut};
use crate::file::{File, FileId, FileState, MAX_NAME_BYTES};
use crate::{Limits, Transaction, ranges};
use sensor_flow::Direction;

/// Decompression bombs of one flow after which nothing is decompressed any more.
pub const MAX_BOMBS: u8 = 3;

/// Where body bytes go besides the window.
#[derive(Debug, Default)]
enum Files {
    /// Not yet asked: the first bytes decide.
    #[default]
    Unasked,
    None,
    /// The whole body is one file: its place in the transaction.
    Whole(usize),
    Form {
        form: Box<Multipart>,
        open: Option<usize>,
    },
}

/// What is known of the body that passes on one side.
#[derive(Debug, Default)]
pub struct BodyReader {
    decoder: Decoder,
    files: Files,
}

/// Counters of a flow that its bodies share.
#[derive(Debug, Default)]
pub struct Shared {
    pub bombs: u8,
    /// Files so far.
    pub files: u32,
    /// Time of the packet under way.
    pub now_ns: i64,
}

impl BodyReader {
    /// For a message whose header fields are known.
    pub fn new(
        tx: &mut Transaction,
        direction: Direction,
        shared: &Shared,
        limits: &Limits,
    ) -> Self {
        let coded = http(tx)
            .and_then(|http| {
                let headers = &http.message(direction).headers;
                headers.find_without_nuls(b"content-encoding")
            })
            .map(|header| codings(&header.value, limits.http_decompress_layers))
            .filter(|_| shared.bombs < MAX_BOMBS)
            .unwrap_or_default();
        if coded.too_many {
            tx.raise(events::TOO_MANY_ENCODING_LAYERS);
        }
        for _ in 0..coded.abnormal {
            tx.raise(events::ABNORMAL_CE_HEADER);
        }
        BodyReader {
            decoder: Decoder::new(&coded, limits.http_compression_bomb_bytes),
            files: Files::Unasked,
        }
    }

    /// The next bytes.
    pub fn push(
        &mut self,
        tx: &mut Transaction,
        direction: Direction,
        bytes: &[u8],
        shared: &mut Shared,
        limits: &Limits,
    ) {
        if let Some(http) = http_mut(tx) {
            http.message_mut(direction).body.wire_bytes += bytes.len() as u64;
        }
        let BodyReader { decoder, files } = self;
        let result = decoder.decode(bytes, &mut |piece| {
            deliver(tx, direction, files, piece, shared, limits)
        });
        if result.is_err() {
            tx.raise(events::COMPRESSION_BOMB);
            shared.bombs += 1;
            if shared.bombs == MAX_BOMBS {
                tx.raise(events::COMPRESSION_BOMB_LIMIT_REACHED);
            }
        }
    }

    /// Bytes pass as they are.
    pub fn is_identity(&self) -> bool {
        self.decoder.is_identity()
    }

    /// The header fields are known now, after bytes that already counted as body.
    pub fn set_coding(&mut self, other: BodyReader) {
        self.decoder = other.decoder;
    }

    /// Bytes of the body that are neither decoded nor kept: the framing of chunks.
    pub fn count(tx: &mut Transaction, direction: Direction, bytes: usize) {
        if let Some(http) = http_mut(tx) {
            http.message_mut(direction).body.wire_bytes += bytes as u64;
        }
    }

    /// Bytes that will never come.
    pub fn gap(
        &mut self,
        tx: &mut Transaction,
        direction: Direction,
        bytes: u64,
        shared: &mut Shared,
        limits: &Limits,
    ) {
        let Some(http) = http_mut(tx) else { return };
        let body = &mut http.message_mut(direction).body;
        body.wire_bytes = body.wire_bytes.saturating_add(bytes);
        if !self.decoder.is_identity() {
            // What follows cannot be decoded without it.
            self.decoder.end();
            return;
        }
        body.seen = body.seen.saturating_add(bytes);
        body.window.skip(bytes);
        if matches!(self.files, Files::Unasked) {
            self.files = open_files(tx, direction, shared, limits);
        }
        let at = match &self.files {
            Files::Whole(at) => Some(*at),
            Files::Form { open, .. } => *open,
            Files::Unasked | Files::None => None,
        };
        if let Some(file) = at.and_then(|at| tx.files.get_mut(at)) {
            file.gap(bytes);
        }
    }

    /// All coded bytes have come: what the decoder holds back comes out.
    pub fn finish_decoding(
        &mut self,
        tx: &mut Transaction,
        direction: Direction,
        shared: &mut Shared,
        limits: &Limits,
    ) {
        let BodyReader { decoder, files } = self;
        decoder.finish(&mut |piece| deliver(tx, direction, files, piece, shared, limits));
    }

    /// The body is over; `state` is what becomes of its file.
    pub fn finish(
        &mut self,
        tx: &mut Transaction,
        direction: Direction,
        state: FileState,
        shared: &mut Shared,
        limits: &Limits,
    ) {
        self.finish_decoding(tx, direction, shared, limits);
        let (at, state) = match std::mem::replace(&mut self.files, Files::None) {
            Files::Whole(at) => (Some(at), state),
            // A form that was not closed was cut.
            Files::Form { open, .. } => (open, FileState::Truncated),
            Files::Unasked | Files::None => (None, state),
        };
        if let Some(file) = at.and_then(|at| tx.files.get_mut(at)) {
            file.close(state);
        }
        if let Some(at) = at {
            range_ends(tx, at, limits);
        }
    }
}

/// By what a file that comes in ranges is known: its host and its name. `None` for one that comes as a whole.
fn range_key(tx: &Transaction, at: usize) -> Option<Vec<u8>> {
    let file = tx.files.get(at).filter(|file| file.range.is_some())?;
    let host = http(tx)?.request.hostname.as_deref()?;
    Some([host, &file.name].concat())
}

/// Bytes of a range go to the whole file as well.
fn range_bytes(tx: &Transaction, at: usize, bytes: &[u8], shared: &Shared, limits: &Limits) {
    let Some(key) = range_key(tx, at) else { return };
    if let Some(file) = tx.files.get(at)
        && let Some((start, _, total)) = file.range
    {
        let piece = ranges::Piece {
            key: &key,
            name: &file.name,
            at: start.saturating_add(file.size),
            total,
            bytes,
        };
        limits
            .ranges
            .add(piece, limits.hashes, limits.window_bytes, shared.now_ns);
    }
}

/// The range that completes a file brings it as one more file of its transaction.
fn range_ends(tx: &mut Transaction, at: usize, limits: &Limits) {
    if let Some(key) = range_key(tx, at)
        && tx.has_room_for_file()
        && let Some(whole) = limits.ranges.complete(&key)
    {
        tx.files.push(whole);
    }
}

/// Decoded bytes → window and file. False when the limit is reached.
fn deliver(
    tx: &mut Transaction,
    direction: Direction,
    files: &mut Files,
    bytes: &[u8],
    shared: &mut Shared,
    limits: &Limits,
) -> bool {
    let (limit, long) = match direction {
        Direction::ToServer => (
            limits.http_request_body_bytes,
            limits.http_request_inspect_bytes,
        ),
        Direction::ToClient => (
            limits.http_response_body_bytes,
            limits.http_response_inspect_bytes,
        ),
    };
    let Some(http) = http_mut(tx) else {
        return false;
    };
    let body = &mut http.message_mut(direction).body;
    // A file ends with the first bytes that find no room at all.
    let full = limit > 0 && body.seen >= limit && !bytes.is_empty();
    let room = match limit {
        0 => bytes.len(),
        limit => usize::try_from(limit.saturating_sub(body.seen))
            .unwrap_or(usize::MAX)
            .min(bytes.len()),
    };
    body.cut |= room < bytes.len();
    let bytes = &bytes[..room];
    body.seen += bytes.len() as u64;
    body.is_long = body.seen >= long;
    body.window.push(bytes, limits.window_bytes);
    if matches!(files, Files::Unasked) {
        *files = open_files(tx, direction, shared, limits);
    }
    match files {
        Files::Whole(at) => {
            range_bytes(tx, *at, bytes, shared, limits);
            if let Some(file) = tx.files.get_mut(*at) {
                file.append(bytes, 0);
                if full {
                    file.close(FileState::Truncated);
                }
            }
        }
        Files::Form { form, open } => {
            form.push(bytes, &mut |piece| {
                form_piece(tx, direction, open, piece, shared, limits);
            });
            if full && let Some(file) = open.and_then(|at| tx.files.get_mut(at)) {
                file.close(FileState::Truncated);
            }
        }
        Files::Unasked | Files::None => {}
    }
    !full
}

fn form_piece(
    tx: &mut Transaction,
    direction: Direction,
    open: &mut Option<usize>,
    piece: Piece<'_>,
    shared: &mut Shared,
    limits: &Limits,
) {
    match piece {
        Piece::Open(name) => *open = open_file(tx, direction, name, shared, limits),
        Piece::Data(bytes) => {
            if let Some(file) = open.and_then(|at| tx.files.get_mut(at)) {
                file.append(bytes, limits.window_bytes);
            }
        }
        Piece::Close => {
            if let Some(file) = open.take().and_then(|at| tx.files.get_mut(at)) {
                file.close(FileState::Closed);
            }
        }
        Piece::InvalidHeader => tx.raise(events::MULTIPART_INVALID_HEADER),
        Piece::NoData => tx.raise(events::MULTIPART_NO_FILEDATA),
    }
}

/// Decides what the body is, when its first bytes come.
fn open_files(
    tx: &mut Transaction,
    direction: Direction,
    shared: &mut Shared,
    limits: &Limits,
) -> Files {
    let Some(http) = http(tx) else {
        return Files::None;
    };
    let headers = &http.message(direction).headers;
    let path = http.request.path.as_deref();
    let name = match direction {
        Direction::ToServer => {
            if http.is_method(b"POST") {
                let form = headers.value(b"content-type").and_then(Multipart::new);
                if let Some(form) = form {
                    return Files::Form {
                        form: Box::new(form),
                        open: None,
                    };
                }
            } else if !http.is_method(b"PUT") {
                return Files::None;
            }
            path
        }
        Direction::ToClient => headers
            .value(b"content-disposition")
            .and_then(multipart::file_name)
            .or(path),
    };
    let Some(name) = name.map(<[u8]>::to_vec) else {
        return Files::None;
    };
    let range = headers
        .value(b"content-range")
        .filter(|_| direction == Direction::ToClient)
        .map(ContentRange::parse);
    let part = range.flatten().and_then(ContentRange::part);
    let is_part = part.is_some_and(|(start, end, size)| start <= end && end < size);
    if range == Some(None) || (part.is_some() && !is_part) {
        tx.raise(events::RANGE_INVALID);
    }
    match open_file(tx, direction, &name, shared, limits) {
        Some(at) => {
            if let Some(file) = tx.files.get_mut(at) {
                file.is_whole_body = true;
                file.range = part.filter(|_| is_part);
            }
            Files::Whole(at)
        }
        None => Files::None,
    }
}

fn open_file(
    tx: &mut Transaction,
    direction: Direction,
    name: &[u8],
    shared: &mut Shared,
    limits: &Limits,
) -> Option<usize> {
    if name.len() > MAX_NAME_BYTES {
        tx.raise(events::FILE_NAME_TOO_LONG);
    }
    if !tx.has_room_for_file() {
        return None;
    }
    let id = FileId(shared.files);
    shared.files = shared.files.saturating_add(1);
    tx.files
        .push(File::open(id, direction, name, limits.hashes));
    Some(tx.files.len() - 1)
}
