//! The client's side: requests.

use super::body::BodyReader;
use super::headers::Added;
use super::state::{Side, Turn, Work, added_event, same_length};
use super::uri::{self, Twice};
use super::wire::{self, ChunkLine, Field, Next, Version};
use super::{HttpTransaction, METHODS, events, http, http_mut, is_method, stage};
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
}

impl Side for RequestSide {
    fn step(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn {
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

    fn too_long(&mut self, work: &mut Work<'_>) {
        work.raise(self.tx, events::REQUEST_FIELD_TOO_LONG);
    }
}

impl RequestSide {
    /// The server speaks: what was undecided about the request is decided.
    pub fn response_begins(&mut self, line_begun: bool, work: &mut Work<'_>) {
        match self.at {
            At::Version => self.settle_http09(work),
            At::Line if line_begun && work.awaiting.is_empty() => {
                if self.begin(work) {
                    work.raise(self.tx, events::REQUEST_LINE_INCOMPLETE);
                }
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
        if let Some(tx) = work.transactions.with_id(self.tx.unwrap_or(u64::MAX)) {
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
        let body = Body::Http1(Box::new(HttpTransaction::default()));
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
        let Some(tx) = work.transactions.with_id(self.tx.unwrap_or(u64::MAX)) else {
            return Turn::Fail;
        };
        match wire::next_field(SIDE, input, closed) {
            Next::Field(field, used) => {
                if add_field(tx, field, &input[..used]) == Added::TooMany {
                    return Turn::Fail;
                }
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
            Next::More if closed => {
                read_headers(tx);
                self.complete(FileState::Closed, work);
                Turn::Used(input.len())
            }
            Next::More => Turn::More,
        }
    }

    fn headers_end(&mut self, work: &mut Work<'_>) {
        let Some(tx) = work.transactions.with_id(self.tx.unwrap_or(u64::MAX)) else {
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
            _ => self.complete(FileState::Closed, work),
        }
    }

    fn push(&mut self, bytes: &[u8], work: &mut Work<'_>) {
        if let Some(tx) = work.transactions.with_id(self.tx.unwrap_or(u64::MAX)) {
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
            self.push(line, work);
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
        let invalid = wire::is_no_chunk_line(input);
        let Some(used) = wire::line_feed(input).filter(|_| !invalid) else {
            if invalid {
                work.raise(self.tx, events::INVALID_REQUEST_CHUNK_LEN);
                return Turn::Fail;
            }
            return Turn::More;
        };
        self.count(used, work);
        match wire::chunk_line(&input[..used]) {
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
        if let Some(tx) = work.transactions.with_id(self.tx.unwrap_or(u64::MAX)) {
            self.body.finish(tx, SIDE, state, work.shared, work.limits);
            tx.advance(SIDE, Transaction::COMPLETE);
        }
        self.at = At::Line;
    }
}

fn looks_like_request(line: &[u8]) -> bool {
    let parts = wire::request_line(line);
    is_method(parts.method) || wire::version(parts.protocol).0 > Version::Invalid
}

/// Request line → transaction.
fn read_line(tx: &mut Transaction, line: &[u8], twice: Twice) -> Version {
    let parts = wire::request_line(line);
    if parts.space_before_method {
        tx.raise(events::REQUEST_LINE_LEADING_WHITESPACE);
    }
    if parts.odd_method_delimiter {
        tx.raise(events::METHOD_DELIM_NON_COMPLIANT);
    }
    if parts.odd_uri_delimiter {
        tx.raise(events::URI_DELIM_NON_COMPLIANT);
    }
    let known = is_method(parts.method);
    let version = if parts.protocol.is_empty() {
        if !known {
            tx.raise(match parts.uri {
                None => events::REQUEST_LINE_UNKNOWN_METHOD,
                Some(_) => events::REQUEST_LINE_UNKNOWN_METHOD_NO_PROTOCOL,
            });
        }
        Version::Unknown
    } else {
        let (version, odd) = wire::version(parts.protocol);
        if odd {
            tx.raise(events::PROTOCOL_CONTAINS_EXTRA_DATA);
        }
        if !known && version == Version::Invalid {
            tx.raise(events::REQUEST_LINE_UNKNOWN_METHOD_INVALID_PROTOCOL);
        }
        version
    };
    let mut invalid_host = false;
    let mut double_encoded = false;
    if let Some(http) = http_mut(tx) {
        let request = &mut http.request;
        request.message.line = Some(line.to_vec());
        request.method = Some(parts.method.to_vec());
        request.uri = parts.uri.map(<[u8]>::to_vec);
        if !parts.protocol.is_empty() {
            request.message.protocol = Some(parts.protocol.to_vec());
        }
        let target = parts.uri.unwrap_or_default();
        if parts.method == b"CONNECT" {
            let authority = uri::host_port(target);
            request.hostname = Some(authority.host.to_ascii_lowercase());
            request.port = authority.port;
            invalid_host = !authority.valid;
        } else {
            let split = uri::parts(target);
            if let Some(host) = split.hostname {
                let host = uri::normal_hostname(host);
                invalid_host = !uri::is_hostname(&host);
                request.hostname = Some(host);
            }
            request.port = split.port.and_then(uri::port_number);
            invalid_host |= split.port.is_some() && request.port.is_none();
            let normal = uri::normalise(&split, twice);
            double_encoded = normal.double_encoded;
            request.path = normal.path;
            request.normal_uri = (!normal.uri.is_empty()).then_some(normal.uri);
        }
    }
    if invalid_host {
        tx.raise(events::REQUEST_URI_HOST_INVALID);
    }
    if double_encoded {
        tx.raise(events::DOUBLE_ENCODED_URI);
    }
    version
}

fn add_field(tx: &mut Transaction, field: Field, raw: &[u8]) -> Added {
    let odd = field.oddities;
    let rows = [
        (odd.space_after_name, events::REQUEST_INVALID_LWS_AFTER_NAME),
        (odd.space_before_name, events::INVALID_REQUEST_FIELD_FOLDING),
        (odd.name_not_token, events::REQUEST_HEADER_INVALID),
        (odd.missing_colon, events::REQUEST_FIELD_MISSING_COLON),
        (
            odd.empty_name && !odd.missing_colon,
            events::REQUEST_INVALID_EMPTY_NAME,
        ),
    ];
    for (raised, event) in rows {
        if raised {
            tx.raise(event);
        }
    }
    let Some(http) = http_mut(tx) else {
        return Added::TooMany;
    };
    let message = &mut http.request.message;
    message.raw_headers.extend_from_slice(raw);
    message.forget_texts();
    let added = message.headers.add(field, same_length);
    let names = [
        events::REQUEST_HEADER_REPETITION,
        events::DUPLICATE_CONTENT_LENGTH_FIELD_IN_REQUEST,
        events::REQUEST_TOO_MANY_HEADERS,
    ];
    for event in added_event(added, names) {
        tx.raise(event);
    }
    added
}

enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// What the header fields say: framing, host, user (RFC 9112 §6, RFC 9110 §7.2, RFC 7617).
fn read_headers(tx: &mut Transaction) -> Framing {
    let mut raised = Vec::new();
    let Some(http) = http_mut(tx) else {
        return Framing::None;
    };
    let request = &mut http.request;
    let headers = &request.message.headers;
    let version = request
        .message
        .protocol
        .as_deref()
        .map_or(Version::Unknown, |protocol| wire::version(protocol).0);
    let length = headers.find_without_nuls(b"content-length");
    let framing = if let Some(coding) = headers.find_without_nuls(b"transfer-encoding") {
        if contains_without_nuls(&coding.value, b"chunked") {
            if version < Version::Http11 {
                raised.push(events::INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST);
            }
            Framing::Chunked
        } else {
            raised.push(events::INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST);
            Framing::None
        }
    } else if let Some(length) = length {
        let (bytes, before, behind) = wire::content_length(&length.value);
        if before {
            raised.push(events::CONTENT_LENGTH_EXTRA_DATA_START);
        }
        if behind {
            raised.push(events::CONTENT_LENGTH_EXTRA_DATA_END);
        }
        match bytes {
            Some(bytes) => Framing::Length(bytes),
            None => {
                raised.push(events::INVALID_CONTENT_LENGTH_FIELD_IN_REQUEST);
                Framing::None
            }
        }
    } else {
        Framing::None
    };
    match headers.find_without_nuls(b"host") {
        Some(host) => {
            let authority = uri::host_port(&host.value);
            if !authority.valid {
                raised.push(events::REQUEST_HEADER_HOST_INVALID);
            }
            match &request.hostname {
                None => {
                    request.hostname = Some(authority.host.to_ascii_lowercase());
                    request.port = authority.port;
                }
                Some(hostname) => {
                    let other_port = authority.port.is_some()
                        && request.port.is_some()
                        && authority.port != request.port;
                    if !hostname.eq_ignore_ascii_case(authority.host) || other_port {
                        raised.push(events::HOST_HEADER_AMBIGUOUS);
                    }
                }
            }
        }
        None if version >= Version::Http11 => raised.push(events::MISSING_HOST_HEADER),
        None => {}
    }
    if let Some(authorization) = headers.find_without_nuls(b"authorization") {
        match user(&authorization.value) {
            Some(user) => request.username = user,
            None => raised.push(events::REQUEST_AUTH_UNRECOGNIZED),
        }
    }
    for event in raised {
        tx.raise(event);
    }
    framing
}

/// The user in `Authorization`; `None` when the scheme is unknown.
fn user(value: &[u8]) -> Option<Option<Vec<u8>>> {
    let scheme = |name: &[u8]| {
        value
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    if scheme(b"basic") {
        let decoded = base64(value[5..].trim_ascii());
        let colon = decoded.iter().position(|&byte| byte == b':');
        return Some(colon.map(|at| decoded[..at].to_vec()));
    }
    if scheme(b"digest") {
        let begin = find(value, b"username=").map(|at| &value[at + 9..])?;
        let mut quoted = begin
            .trim_ascii_start()
            .strip_prefix(b"\"")
            .unwrap_or_default();
        let mut name = Vec::new();
        while let Some((&byte, rest)) = quoted.split_first() {
            quoted = rest;
            match (byte, rest.first()) {
                (b'\\', Some(b'"')) => {
                    name.push(b'"');
                    quoted = &rest[1..];
                }
                (b'"', _) => return Some(Some(name)),
                _ => name.push(byte),
            }
        }
        return Some(None);
    }
    scheme(b"bearer").then_some(None)
}

/// Base64 (RFC 4648 §4) up to the first byte that is none.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = ((bits << 6) | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
    out
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

/// Whether a value has a word in it, whatever its case, NULs left out.
pub fn contains_without_nuls(value: &[u8], word: &[u8]) -> bool {
    let bare: Vec<u8> = value.iter().copied().filter(|&byte| byte != 0).collect();
    find(&bare, word).is_some()
}
