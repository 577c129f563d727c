//! The server's side: responses.

use super::body::BodyReader;
use super::framing::{ChunkLine, chunk_line, is_no_chunk_line};
use super::headers::Added;
use super::response_fields::{Framing, add_field, framing, read_line, refuses_body};
use super::state::{Marker, Side, Turn, Work, live};
use super::wire::{self, Begun, Extra, Next, Version};
use super::{events, http, http_mut, stage};
use crate::file::{File, FileState};
use crate::{Body, Transaction};
use sensor_flow::Direction;

const SIDE: Direction = Direction::ToClient;
/// What stands for the target of a request that was not seen.
const URI_NOT_SEEN: &[u8] = b"/libhtp::request_uri_not_seen";
/// A line that is no status line is body as soon as it is this long.
const MAX_JUNK_LINE_BYTES: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Between responses.
    #[default]
    Idle,
    Line,
    Headers,
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    /// Behind a body: what follows at once may still belong to it.
    Tail,
    /// Behind a gap: until something looks like a response.
    Lost,
}

#[derive(Debug, Default)]
pub struct ResponseSide {
    at: At,
    tx: Option<u64>,
    body: BodyReader,
    extra: Option<Extra>,
    /// Fields of the header or trailer were read.
    begun: Begun,
    /// A decoder has been told that its body is over.
    decoded: bool,
    continued: bool,
    refuses_body: bool,
    marker: Marker,
}

impl Side for ResponseSide {
    fn step(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let turn = self.turn(input, closed, work);
        let places = (input.len(), input.len().saturating_sub(turn.used()));
        self.marker.note(SIDE, self.tx, places, work.transactions);
        turn
    }

    fn too_long(&mut self, work: &mut Work<'_>) {
        work.raise(self.tx, events::RESPONSE_FIELD_TOO_LONG);
    }
}

impl ResponseSide {
    /// The transaction that it speaks of, or spoke of last.
    pub fn transaction(&self) -> Option<u64> {
        self.tx
    }

    fn turn(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        if let Some(Extra::Cr) = self.extra
            && let Some(&first) = input.first()
        {
            self.extra = None;
            return Turn::Used(usize::from(first == b'\r'));
        }
        match self.at {
            At::Idle => self.idle(input, closed, work),
            At::Line => self.line(input, closed, work),
            At::Headers | At::Trailer => self.fields(input, closed, work),
            At::Length(left) => self.length(input, left, work),
            At::UntilClose if input.is_empty() => Turn::More,
            At::UntilClose => {
                self.push(input, work);
                Turn::Used(input.len())
            }
            At::ChunkSize => self.chunk_size(input, work),
            At::ChunkData(left) => self.chunk_data(input, left, work),
            At::ChunkEnd => self.chunk_end(input, work),
            At::Tail => self.tail(input, closed, work),
            At::Lost => self.lost(input),
        }
    }

    /// Whether the server has refused the body that the client asked leave to send.
    pub fn refuses_body(&mut self) -> bool {
        std::mem::take(&mut self.refuses_body)
    }

    /// Bytes that will never come. Bodies bridge them; elsewhere what follows is read as if nothing were missing, as
    /// Suricata does, so that a response without its beginning still is a body.
    pub fn gap(&mut self, bytes: u64, work: &mut Work<'_>) {
        let left = match self.at {
            At::Length(left) | At::ChunkData(left) => left,
            At::UntilClose => u64::MAX,
            At::Lost => return,
            At::Idle => {
                let next = work.awaiting.front().copied();
                work.raise(next, events::INVALID_GAP);
                return;
            }
            At::Tail => {
                self.complete(FileState::Closed, work);
                return self.gap(bytes, work);
            }
            At::Line | At::Headers | At::Trailer | At::ChunkSize | At::ChunkEnd => {
                work.raise(self.tx, events::INVALID_GAP);
                return;
            }
        };
        let lost = bytes.min(left);
        if let Some(tx) = live(work.transactions, self.tx) {
            self.body.gap(tx, SIDE, lost, work.shared, work.limits);
        }
        match self.at {
            // Even when nothing is left of it, the gap is told of what comes next.
            At::Length(_) if lost == left => {
                self.complete(FileState::Closed, work);
                return self.gap(bytes - lost, work);
            }
            At::Length(_) => self.at = At::Length(left - lost),
            At::ChunkData(_) if lost == left => self.at = At::ChunkEnd,
            At::ChunkData(_) => self.at = At::ChunkData(left - lost),
            _ => {}
        }
        if bytes > lost {
            self.gap(bytes - lost, work);
        }
    }

    /// No more bytes.
    pub fn end(&mut self, work: &mut Work<'_>) {
        match self.at {
            At::Idle | At::Lost => {}
            // Something more was to come.
            At::Line | At::ChunkSize | At::ChunkEnd => {
                if let Some(tx) = live(work.transactions, self.tx) {
                    tx.files.iter_mut().for_each(File::abandon);
                }
                self.complete(FileState::Truncated, work);
            }
            _ => {
                self.complete(FileState::Closed, work);
            }
        }
    }

    fn idle(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        if input.is_empty() {
            return Turn::More;
        }
        self.continued = false;
        self.decoded = false;
        if let Some(&id) = work.awaiting.front() {
            self.tx = Some(id);
            self.body = BodyReader::default();
            let http09 = work
                .tx(self.tx)
                .and_then(|tx| http(tx))
                .is_some_and(|http| http.request.http09);
            let progress = if http09 { stage::BODY } else { stage::LINE };
            if let Some(tx) = work.tx(self.tx) {
                tx.advance(SIDE, progress);
            }
            self.at = if http09 { At::UntilClose } else { At::Line };
            return Turn::Used(0);
        }
        // Nobody asked: a response all the same, or more body than was announced.
        if let Some(b'\r' | b'\n') = input.first() {
            return Turn::Used(1);
        }
        let line = wire::any_line_end(input, closed);
        if line.is_none() && input.len() < 4 && !closed {
            return Turn::More;
        }
        let body = Body::Http1(Box::default());
        let Some(tx) = work.transactions.begin(body) else {
            return Turn::Fail;
        };
        tx.raise(events::UNABLE_TO_MATCH_RESPONSE_TO_REQUEST);
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        tx.advance(SIDE, stage::LINE);
        let id = tx.id;
        if let Some(http) = http_mut(tx) {
            http.request.uri = Some(URI_NOT_SEEN.to_vec());
            http.request.path = Some(URI_NOT_SEEN.to_vec());
        }
        self.tx = Some(id);
        self.body = BodyReader::default();
        work.awaiting.push_back(id);
        self.at = At::Line;
        Turn::Used(0)
    }

    fn line(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let used = match wire::any_line_end(input, closed) {
            Some(used) => used,
            None if closed && !input.is_empty() => input.len(),
            None if input.len() > MAX_JUNK_LINE_BYTES && wire::is_body_line(input) => {
                self.push(input, work);
                return Turn::Used(input.len());
            }
            None => return Turn::More,
        };
        let line = wire::strip_line_end(&input[..used]);
        if line.is_empty() {
            return Turn::Used(used);
        }
        if wire::is_body_line(&input[..used]) {
            // Browsers take what does not look like a status line for body; a short line, or one in front
            // of what may be a status line, is skipped.
            match &input[used..] {
                [b'H', _, ..] => return Turn::Used(used),
                [_, _, ..] if line.len() <= 2 => return Turn::Used(used),
                _ => {}
            }
            self.push(&input[..used], work);
            if used == input.len() {
                self.at = At::Tail;
            }
            return Turn::Used(used);
        }
        if used > wire::MAX_FIELD_BYTES {
            self.too_long(work);
            return Turn::Fail;
        }
        let Some(tx) = work.tx(self.tx) else {
            return Turn::Fail;
        };
        read_line(tx, &input[..used]);
        tx.advance(SIDE, stage::HEADERS);
        self.at = At::Headers;
        self.begun = Begun::No;
        Turn::Used(used)
    }

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
            Next::End(used, extra) => {
                if let Some(http) = http_mut(tx) {
                    let raw = &mut http.response.message.raw_headers;
                    raw.extend_from_slice(&input[..used]);
                }
                self.extra = Some(extra);
                if self.at == At::Trailer {
                    self.at = At::Tail;
                    return Turn::Used(used);
                }
                self.headers_end(work).at(used)
            }
            Next::More if closed && !input.is_empty() => Turn::Used(input.len()),
            Next::More => Turn::More,
        }
    }

    /// Goes on with what the header fields announce.
    fn headers_end(&mut self, work: &mut Work<'_>) -> Turn {
        let Some(tx) = live(work.transactions, self.tx) else {
            return Turn::Fail;
        };
        let Some((framing, events)) = http(tx).map(framing) else {
            return Turn::Fail;
        };
        for event in events {
            tx.raise(event);
        }
        match framing {
            Framing::Tunnel(port) => {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                return self.complete(FileState::Closed, work).tunnel(port, None);
            }
            Framing::Upgrade(protocol) => {
                let upgrade = http(tx).map(super::HttpTransaction::upgrade);
                let port = http(tx).and_then(|http| http.request.port);
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                if protocol == crate::Protocol::Http2
                    && let Some(upgrade) = upgrade
                {
                    work.transactions.set_upgrade(upgrade);
                }
                let turn = self.complete(FileState::Closed, work);
                return turn.tunnel(port, Some(protocol));
            }
            Framing::Opaque => {
                self.complete(FileState::Closed, work);
                return Turn::Opaque(0);
            }
            Framing::Continue => {
                if std::mem::replace(&mut self.continued, true) {
                    tx.raise(events::CONTINUE_ALREADY_SEEN);
                }
                if let Some(http) = http_mut(tx) {
                    http.response.message.headers.clear();
                    http.response.message.forget_texts();
                }
                tx.progress[SIDE.index()] = stage::LINE;
                self.at = At::Line;
                return Turn::Used(0);
            }
            Framing::Invalid => return Turn::Fail,
            Framing::None => self.at = At::Tail,
            Framing::Length(bytes) => self.at = At::Length(bytes),
            Framing::Chunked => self.at = At::ChunkSize,
            Framing::UntilClose => self.at = At::UntilClose,
        }
        self.refuses_body = http(tx).is_some_and(refuses_body);
        tx.advance(SIDE, stage::BODY);
        self.body
            .set_coding(BodyReader::new(tx, SIDE, work.shared, work.limits));
        Turn::Used(0)
    }

    /// Bytes that come together with the end of a body but are no status line are body still: browsers show
    /// more than a `Content-Length` announces. They are taken by the line; behind a line feed, all at once.
    fn tail(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
        let line = match (input.first(), wire::line_feed(input)) {
            (None, _) => return self.complete(FileState::Closed, work),
            (Some(b'\n'), _) => input,
            (_, Some(used)) => &input[..used],
            (_, None) if closed => input,
            (_, None) => return Turn::More,
        };
        if !wire::is_body_line(line) {
            return self.complete(FileState::Closed, work);
        }
        work.raise(self.tx, events::RESPONSE_BODY_UNEXPECTED);
        if self.decoded {
            // There is nothing that could decode it.
            self.count(line.len(), work);
            if let Some(tx) = live(work.transactions, self.tx) {
                tx.files.iter_mut().for_each(File::abandon);
            }
            self.at = At::Lost;
            return Turn::Fail;
        }
        self.push(line, work);
        Turn::Used(line.len())
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
            self.decoded = !self.body.is_identity();
            if self.decoded
                && let Some(tx) = live(work.transactions, self.tx)
            {
                self.body
                    .finish_decoding(tx, SIDE, work.shared, work.limits);
            }
        }
        Turn::Used(count)
    }

    fn chunk_size(&mut self, input: &[u8], work: &mut Work<'_>) -> Turn {
        let used = match wire::line_feed(input) {
            Some(used) => used,
            None if is_no_chunk_line(input) => input.len(),
            None => return Turn::More,
        };
        match chunk_line(&input[..used]) {
            ChunkLine::Empty => {}
            ChunkLine::Invalid => {
                work.raise(self.tx, events::INVALID_RESPONSE_CHUNK_LEN);
                // The line is the first of a body until close, and was counted as one of a chunk.
                if input.get(used - 1) == Some(&b'\n') {
                    self.count(used, work);
                }
                self.at = At::UntilClose;
                return Turn::Used(0);
            }
            ChunkLine::Size { bytes, extension } => {
                if extension {
                    work.raise(self.tx, events::RESPONSE_CHUNK_EXTENSION);
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
        self.count(used, work);
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
        let line = wire::status_line(&input[..used]);
        let version = line
            .protocol
            .map_or(Version::Unknown, |token| wire::version(token).0);
        let status = line.status.and_then(wire::status_number);
        if version > Version::Invalid && status.is_some() {
            self.at = At::Idle;
            return Turn::Used(0);
        }
        Turn::Used(used)
    }

    /// The response is over.
    fn complete(&mut self, state: FileState, work: &mut Work<'_>) -> Turn {
        if let Some(tx) = live(work.transactions, self.tx) {
            self.body.finish(tx, SIDE, state, work.shared, work.limits);
            tx.advance(SIDE, Transaction::COMPLETE);
        }
        if work.awaiting.front() == self.tx.as_ref() {
            work.awaiting.pop_front();
        }
        self.at = At::Idle;
        Turn::Used(0)
    }
}
