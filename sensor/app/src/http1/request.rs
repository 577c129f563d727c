//! The client's side: requests.

use super::body::BodyReader;
use super::framing::{self, ChunkLine};
use super::headers::Added;
use super::request_fields::{Framing, add_field, looks_like_request, read_headers, read_line};
use super::state::{Marker, Side, Turn, Work, live};
use super::uri::Twice;
use super::wire::{self, Begun, Next, Version};
use super::{METHODS, events, http, http_mut, is_method, stage};
use crate::file::FileState;
use crate::{Body, Transaction};
use sensor_flow::Direction;

const SIDE: Direction = Direction::ToServer;
/// Space behind a request line without version, beyond which it is no HTTP/0.9.
const MAX_SPACE_AFTER_HTTP09: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Between requests.
    #[default]
    Line,
    /// Behind a line without version: HTTP/0.9, or fields follow.
    Version,
    Headers,
    /// CONNECT: the response decides.
    Connect,
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    /// Behind a body: what follows at once may still belong to it.
    Tail,
    /// Behind a request of HTTP/0.9 there can be none.
    Ignored,
    /// Behind a gap: until something looks like a request.
    Lost,
}

#[derive(Debug, Default)]
pub struct RequestSide {
    at: At,
    tx: Option<u64>,
    body: BodyReader,
    marker: Marker,
    /// Fields of the header or trailer were read.
    begun: Begun,
}

impl Side for RequestSide {
    fn step(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let turn = self.turn(input, closed, work);
        let places = (input.len(), input.len().saturating_sub(turn.used()));
        self.marker.note(SIDE, self.tx, places, work.transactions);
        turn
    }

    fn too_long(&mut self, work: &mut Work<'_>) {
        work.raise(self.tx, events::REQUEST_FIELD_TOO_LONG);
    }
}

impl RequestSide {
    fn turn(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        match self.at {
            At::Line => self.line(input, closed, work),
            At::Version => self.version(input, closed, work),
            At::Headers => self.fields(input, closed, work),
            At::Trailer => self.fields(input, closed, work),
            At::Connect => Turn::More,
            At::Length(left) => self.length(input, left, work),
            At::ChunkSize => self.chunk_size(input, work),
            At::ChunkData(left) => self.chunk_data(input, left, work),
            At::ChunkEnd => self.chunk_end(input, work),
            At::Tail => self.tail(input, work),
            At::Ignored if input.is_empty() => Turn::More,
            At::Ignored => Turn::Used(input.len()),
            At::Lost => self.lost(input),
        }
    }

    /// The server speaks: what was undecided about the request is decided.
    pub fn response_begins(&mut self, line_begun: bool, work: &mut Work<'_>) {
        let at = self.at;
        match at {
            At::Version => self.settle_http09(work),
            At::Line if line_begun && work.awaiting.is_empty() && self.begin(work) => {
                work.raise(self.tx, events::REQUEST_LINE_INCOMPLETE);
            }
            _ => {}
        }
    }

    pub fn is_http09(&self) -> bool {
        self.at == At::Ignored
    }

    /// After the response to CONNECT: whether there is something to go on with.
    pub fn resumes(&mut self, work: &mut Work<'_>) -> bool {
        let waits = self.at == At::Connect
            && work
                .tx(self.tx)
                .is_none_or(|tx| tx.progress[Direction::ToClient.index()] > stage::HEADERS);
        if waits {
            self.complete(FileState::Closed, work);
        }
        waits
    }

    /// The server has refused a body that the client waited to send.
    pub fn skip_body(&mut self, work: &mut Work<'_>) {
        if let At::Length(_) = self.at {
            self.complete(FileState::Closed, work);
        }
    }

    /// Bytes that will never come.
    pub fn gap(&mut self, bytes: u64, work: &mut Work<'_>) {
        let left = match self.at {
            At::Length(left) | At::ChunkData(left) => left,
            At::Ignored => return,
            _ => {
                if self.at != At::Line {
                    work.raise(self.tx, events::INVALID_GAP);
                    self.complete(FileState::Truncated, work);
                }
                self.at = At::Lost;
                return;
            }
        };
        let lost = bytes.min(left);
        if let Some(tx) = live(work.transactions, self.tx) {
            self.body.gap(tx, SIDE, lost, work.shared, work.limits);
        }
        match self.at {
            At::Length(_) if lost == left => self.complete(FileState::Closed, work),
            At::Length(_) => self.at = At::Length(left - lost),
            At::ChunkData(_) if lost == left => self.at = At::ChunkEnd,
            _ => self.at = At::ChunkData(left - lost),
        }
        if bytes > lost {
            if self.at != At::Line {
                self.complete(FileState::Truncated, work);
            }
            self.at = At::Lost;
        }
    }

    /// No more bytes.
    pub fn end(&mut self, work: &mut Work<'_>) {
        if !matches!(self.at, At::Line | At::Ignored | At::Lost) {
            self.complete(FileState::Truncated, work);
        }
    }

    /// A new transaction, whose line is being read.
    fn begin(&mut self, work: &mut Work<'_>) -> bool {
        let body = Body::Http1(Box::default());
        let Some(tx) = work.transactions.begin(body) else {
            return false;
        };
        tx.advance(SIDE, stage::LINE);
        self.tx = Some(tx.id);
        self.body = BodyReader::default();
        work.awaiting.push_back(tx.id);
        true
    }

    fn line(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        if let Some(b'\r' | b'\n') = input.first() {
            return Turn::Used(1);
        }
        let used = match wire::line_feed(input) {
            Some(used) => used,
            None if closed && !input.is_empty() => input.len(),
            None => return Turn::More,
        };
        if used > wire::MAX_FIELD_BYTES {
            self.too_long(work);
            return Turn::Fail;
        }
        let line = wire::strip_line_end(&input[..used]);
        let begun = work
            .tx(self.tx)
            .is_some_and(|tx| tx.progress[SIDE.index()] == stage::LINE);
        if !begun {
            if self.tx.is_some() && !looks_like_request(line) {
                work.raise(self.tx, events::REQUEST_BODY_UNEXPECTED);
                return Turn::Used(used);
            }
            if !self.begin(work) {
                return Turn::Fail;
            }
        }
        let limits = work.limits;
        let twice = Twice {
            path: limits.http_double_decode_path,
            query: limits.http_double_decode_query,
        };
        let Some(tx) = work.tx(self.tx) else {
            return Turn::Fail;
        };
        let version = read_line(tx, line, twice);
        tx.advance(SIDE, stage::HEADERS);
        self.at = match version {
            Version::Unknown => At::Version,
            _ => At::Headers,
        };
        self.begun = Begun::No;
        Turn::Used(used)
    }

    fn version(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let space = input
            .iter()
            .take_while(|&&byte| wire::is_space(byte))
            .count();
        if space < input.len() || space > MAX_SPACE_AFTER_HTTP09 {
            work.raise(self.tx, events::REQUEST_LINE_MISSING_PROTOCOL);
            self.at = At::Headers;
            self.begun = Begun::No;
            return Turn::Used(0);
        }
        if closed {
            self.settle_http09(work);
            return Turn::Used(input.len());
        }
        Turn::More
    }

    fn settle_http09(&mut self, work: &mut Work<'_>) {
        if let Some(http) = work.tx(self.tx).and_then(http_mut) {
            http.request.http09 = true;
        }
        self.complete(FileState::Closed, work);
        self.at = At::Ignored;
    }

    /// Header and trailer fields.
    fn fields(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let Some(tx) = live(work.transactions, self.tx) else {
            return Turn::Fail;
        };
        match wire::next_field(SIDE, input, closed, self.begun) {
            Next::Field(_, used) if used > wire::MAX_FIELD_BYTES => {
                self.too_long(work);
                Turn::Fail
            }
            Next::Field(field, used) => {
                if add_field(tx, field, &input[..used]) == Added::TooMany {
                    return Turn::Fail;
                }
                self.begun = Begun::Yes;
                Turn::Used(used)
            }
            Next::End(used, _) => {
                let mut taken = used;
                if let Some(http) = http_mut(tx) {
                    let raw = &mut http.request.message.raw_headers;
                    if raw.ends_with(b"\n\r") && input.get(used) == Some(&b'\n') {
                        taken += 1;
                    }
                    raw.extend_from_slice(&input[..used]);
                }
                if self.at == At::Trailer {
                    self.at = At::Tail;
                } else {
                    self.headers_end(work);
                }
                Turn::Used(taken)
            }
            // What the fields say (the host, the body) holds once all have come.
            Next::More if closed => {
                self.complete(FileState::Closed, work);
                Turn::Used(input.len())
            }
            Next::More => Turn::More,
        }
    }

    fn headers_end(&mut self, work: &mut Work<'_>) {
        let Some(tx) = live(work.transactions, self.tx) else {
            return;
        };
        let framing = read_headers(tx);
        self.body = BodyReader::new(tx, SIDE, work.shared, work.limits);
        tx.advance(SIDE, stage::BODY);
        let connect = http(tx).is_some_and(|http| http.is_method(b"CONNECT"));
        match framing {
            _ if connect => self.at = At::Connect,
            Framing::Chunked => self.at = At::ChunkSize,
            Framing::Length(bytes) if bytes > 0 => self.at = At::Length(bytes),
            _ => self.at = At::Tail,
        }
    }

    fn push(&mut self, bytes: &[u8], work: &mut Work<'_>) {
        if let Some(tx) = live(work.transactions, self.tx) {
            self.body.push(tx, SIDE, bytes, work.shared, work.limits);
        }
    }

    fn count(&mut self, bytes: usize, work: &mut Work<'_>) {
        if let Some(tx) = work.tx(self.tx) {
            BodyReader::count(tx, SIDE, bytes);
        }
    }

    fn length(&mut self, input: &[u8], left: u64, work: &mut Work<'_>) -> Turn {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if count == 0 {
            return Turn::More;
        }
        self.push(&input[..count], work);
        self.at = At::Length(left - count as u64);
        if left == count as u64 {
            self.at = At::Tail;
        }
        Turn::Used(count)
    }

    /// Bytes that come together with the end of a body but are no request line are body still.
    fn tail(&mut self, input: &[u8], work: &mut Work<'_>) -> Turn {
        let used = wire::line_feed(input).unwrap_or(input.len());
        let line = &input[..used];
        if line.is_empty() {
            self.complete(FileState::Closed, work);
            return Turn::Used(used);
        }
        if wire::trim(line).is_empty() {
            let bodiless = work
                .tx(self.tx)
                .and_then(|tx| http(tx))
                .is_none_or(|http| http.request.message.body.seen == 0);
            if !bodiless {
                self.push(line, work);
            }
            return Turn::Used(used);
        }
        let method = wire::request_line(line).method;
        let may_be_method = METHODS.iter().any(|name| name.starts_with(method));
        if looks_like_request(wire::strip_line_end(line)) || (used == input.len() && may_be_method)
        {
            self.complete(FileState::Closed, work);
            return Turn::Used(0);
        }
        work.raise(self.tx, events::REQUEST_BODY_UNEXPECTED);
        self.push(line, work);
        Turn::Used(used)
    }

    fn chunk_size(&mut self, input: &[u8], work: &mut Work<'_>) -> Turn {
        let invalid = framing::is_no_chunk_line(input);
        let Some(used) = wire::line_feed(input).filter(|_| !invalid) else {
            if invalid {
                work.raise(self.tx, events::INVALID_REQUEST_CHUNK_LEN);
                return Turn::Fail;
            }
            return Turn::More;
        };
        self.count(used, work);
        match framing::chunk_line(&input[..used]) {
            ChunkLine::Empty => {}
            ChunkLine::Invalid => {
                work.raise(self.tx, events::INVALID_REQUEST_CHUNK_LEN);
                return Turn::Fail;
            }
            ChunkLine::Size { bytes, extension } => {
                if extension {
                    work.raise(self.tx, events::REQUEST_CHUNK_EXTENSION);
                }
                if bytes > 0 {
                    self.at = At::ChunkData(bytes);
                } else {
                    self.at = At::Trailer;
                    self.begun = Begun::No;
                    if let Some(tx) = work.tx(self.tx) {
                        tx.advance(SIDE, stage::TRAILER);
                    }
                }
            }
        }
        Turn::Used(used)
    }

    fn chunk_data(&mut self, input: &[u8], left: u64, work: &mut Work<'_>) -> Turn {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if count == 0 {
            return Turn::More;
        }
        self.push(&input[..count], work);
        self.at = match left - count as u64 {
            0 => At::ChunkEnd,
            left => At::ChunkData(left),
        };
        Turn::Used(count)
    }

    fn chunk_end(&mut self, input: &[u8], work: &mut Work<'_>) -> Turn {
        let used = match wire::line_feed(input) {
            Some(used) => {
                self.at = At::ChunkSize;
                used
            }
            None if input.is_empty() => return Turn::More,
            None => input.len(),
        };
        self.count(used, work);
        Turn::Used(used)
    }

    fn lost(&mut self, input: &[u8]) -> Turn {
        let Some(used) = wire::line_feed(input) else {
            return if input.len() > wire::MAX_FIELD_BYTES / 2 {
                Turn::Used(input.len())
            } else {
                Turn::More
            };
        };
        let line = wire::request_line(wire::strip_line_end(&input[..used]));
        if is_method(line.method) && wire::version(line.protocol).0 > Version::Invalid {
            self.at = At::Line;
            return Turn::Used(0);
        }
        Turn::Used(used)
    }

    /// The request is over.
    fn complete(&mut self, state: FileState, work: &mut Work<'_>) {
        if let Some(tx) = live(work.transactions, self.tx) {
            self.body.finish(tx, SIDE, state, work.shared, work.limits);
            tx.advance(SIDE, Transaction::COMPLETE);
        }
        self.at = At::Line;
    }
}
