//! HTTP/1: versions 0.9 to 1.1 (RFC 9110, RFC 9112), with bodies, their codings and their files.
//!
//! As forgiving as the browsers and servers it watches: a message that one of them would take is a
//! transaction here, with an event for what is odd about it. An upgrade to HTTP/2 or WebSocket goes on there,
//! one to anything else ends parsing. Ranges
//! of one file are joined. Left out: `multipart/byteranges`.

mod body;
mod buffers;
mod decode;
mod engine;
mod event;
mod events;
mod framing;
mod headers;
mod multipart;
mod request;
mod request_fields;
mod response;
mod response_fields;
mod state;
mod uri;
mod wire;

use std::cell::OnceCell;

use crate::file::Window;
use crate::http2::Upgrade;
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Body, Protocol, ProtocolRow, Transaction};
use sensor_flow::Direction;

pub(crate) use decode::{Decoder, codings};
pub(crate) use engine::{Engine, Ran};
pub(crate) use event::ContentRange;
pub use headers::{Header, Headers};
pub(crate) use multipart::parameter;
pub use wire::Version;

/// Stages of a side (`Transaction::progress`): what is being read.
pub mod stage {
    pub const LINE: u8 = 1;
    /// The line is known.
    pub const HEADERS: u8 = 2;
    /// The header fields are known.
    pub const BODY: u8 = 3;
    /// The body is known.
    pub const TRAILER: u8 = 4;
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["request", "response"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Http1,
    name: "http",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    // Servers may be all that is seen of a connection.
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// Methods by which a request is known when it is the first of a flow.
const METHODS: &[&[u8]] = &[
    b"GET",
    b"PUT",
    b"POST",
    b"HEAD",
    b"TRACE",
    b"OPTIONS",
    b"CONNECT",
    b"DELETE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"CHECKIN",
    b"UPDATE",
    b"LABEL",
    b"REPORT",
    b"MKWORKSPACE",
    b"MKACTIVITY",
    b"MERGE",
    b"INVALID",
    b"VERSION-CONTROL",
    b"BASELINE-CONTROL",
];
/// How responses begin.
const VERSIONS: &[&[u8]] = &[b"HTTP/0.9", b"HTTP/1.0", b"HTTP/1.1"];

/// Whether these are the methods that [`probe`] knows.
fn is_method(token: &[u8]) -> bool {
    METHODS.contains(&token)
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    match prefix.direction {
        Direction::ToServer => {
            begins_with_any(prefix.data, METHODS, |next| matches!(next, b' ' | b'\t'))
        }
        Direction::ToClient => begins_with_any(prefix.data, VERSIONS, |_| true),
    }
}

/// Whether the data begin with one of the words, whatever its case, and a byte that may follow.
fn begins_with_any(data: &[u8], words: &[&[u8]], may_follow: fn(u8) -> bool) -> Verdict {
    let mut more = false;
    for word in words {
        let known = data.len().min(word.len());
        if !data[..known].eq_ignore_ascii_case(&word[..known]) {
            continue;
        }
        match data.get(word.len()) {
            Some(&next) if may_follow(next) => return Verdict::Yes,
            Some(_) => {}
            None if data.len() == word.len() && may_follow(0) => return Verdict::Yes,
            None => more = true,
        }
    }
    if more { Verdict::More } else { Verdict::No }
}

/// A body as far as it is kept: decoded, the newest bytes.
#[derive(Debug, Default)]
pub struct MessageBody {
    pub window: Window,
    /// Decoded bytes so far, up to the limit.
    pub seen: u64,
    /// Bytes on the wire, framing of chunks included.
    pub wire_bytes: u64,
    /// Bytes beyond the limit were left out.
    pub cut: bool,
    /// There is so much of it that rules look into it before its end.
    pub is_long: bool,
}

/// Texts made from fields when first asked for.
#[derive(Debug, Default)]
struct Texts {
    header: OnceCell<Vec<u8>>,
    names: OnceCell<Vec<u8>>,
    start: OnceCell<Vec<u8>>,
    each: OnceCell<Vec<Vec<u8>>>,
}

/// Line, fields and body of either side.
#[derive(Debug, Default)]
pub struct Message {
    /// Request or status line, without its end.
    pub line: Option<Vec<u8>>,
    /// As it stands in the line.
    pub protocol: Option<Vec<u8>>,
    pub headers: Headers,
    /// Header and trailer fields as they stood.
    pub raw_headers: Vec<u8>,
    pub body: MessageBody,
    texts: Texts,
}

/// The request's own.
#[derive(Debug, Default)]
pub struct Request {
    pub message: Message,
    pub method: Option<Vec<u8>>,
    /// As it stands in the line.
    pub uri: Option<Vec<u8>>,
    /// Path, query and fragment, normalised.
    pub normal_uri: Option<Vec<u8>>,
    /// The normalised path: the name of the file when nothing else gives one.
    pub path: Option<Vec<u8>>,
    /// From the target, else from `Host`: lower case, without port.
    pub hostname: Option<Vec<u8>>,
    pub port: Option<u16>,
    /// User of `Authorization: Basic` or `Digest`.
    pub username: Option<Vec<u8>>,
    /// A line without version and nothing behind it: the response is all body.
    http09: bool,
}

/// The response's own.
#[derive(Debug, Default)]
pub struct Response {
    pub message: Message,
    /// The status line with its end.
    pub raw_line: Option<Vec<u8>>,
    pub status: Option<Vec<u8>>,
    /// From 100 to 999.
    pub status_number: Option<u16>,
    pub reason: Option<Vec<u8>>,
}

/// Oddities of fields that are told once in a transaction.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    invalid: bool,
    folding: bool,
    unparseable: bool,
}

impl Told {
    /// Which of the events of a field are new: space behind the name, space before it, a name that is no token,
    /// a line without colon or name.
    fn field(&mut self, odd: wire::Oddities, events: [u16; 4]) -> Vec<u16> {
        let mut first = |told: fn(&mut Told) -> &mut bool, is_odd: bool, event: u16| {
            let is_first = is_odd && !*told(self);
            *told(self) |= is_odd;
            is_first.then_some(event)
        };
        [
            first(|told| &mut told.invalid, odd.space_after_name, events[0]),
            first(|told| &mut told.folding, odd.space_before_name, events[1]),
            first(|told| &mut told.invalid, odd.name_not_token, events[2]),
            first(
                |told| &mut told.unparseable,
                odd.missing_colon || odd.empty_name,
                events[3],
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// One request with its response.
#[derive(Debug, Default)]
pub struct HttpTransaction {
    pub request: Request,
    pub response: Response,
    /// What was odd about fields of either side and was told.
    told: Told,
}

impl HttpTransaction {
    pub(crate) fn message(&self, direction: Direction) -> &Message {
        match direction {
            Direction::ToServer => &self.request.message,
            Direction::ToClient => &self.response.message,
        }
    }

    fn message_mut(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::ToServer => &mut self.request.message,
            Direction::ToClient => &mut self.response.message,
        }
    }

    /// The request as the first stream of HTTP/2.
    fn upgrade(&self) -> Upgrade {
        Upgrade {
            method: self.request.method.clone().unwrap_or_default(),
            uri: self.request.uri.clone(),
            headers: self
                .request
                .message
                .headers
                .iter()
                .map(|header| (header.name.clone(), header.value.clone()))
                .collect(),
        }
    }

    fn is_method(&self, method: &[u8]) -> bool {
        self.request.method.as_deref() == Some(method)
    }
}

/// The http part of a transaction.
fn http(tx: &Transaction) -> Option<&HttpTransaction> {
    match &tx.body {
        Body::Http1(http) => Some(http),
        _ => None,
    }
}

fn http_mut(tx: &mut Transaction) -> Option<&mut HttpTransaction> {
    match &mut tx.body {
        Body::Http1(http) => Some(http),
        _ => None,
    }
}

impl Message {
    /// `Name: value` lines, without cookies.
    fn header_text(&self, direction: Direction) -> &[u8] {
        let cookie: &[u8] = match direction {
            Direction::ToServer => b"cookie",
            Direction::ToClient => b"set-cookie",
        };
        self.texts.header.get_or_init(|| {
            let mut text = Vec::new();
            for header in self.headers.iter() {
                if !header.name.eq_ignore_ascii_case(cookie) {
                    push_line(&mut text, header);
                }
            }
            text
        })
    }

    /// The names, each on a line, an empty line before and behind.
    fn names_text(&self) -> &[u8] {
        self.texts.names.get_or_init(|| {
            if self.headers.is_empty() {
                return Vec::new();
            }
            let mut text = b"\r\n".to_vec();
            for header in self.headers.iter() {
                text.extend_from_slice(&header.name);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"\r\n");
            text
        })
    }

    /// The line and all fields.
    fn start_text(&self) -> &[u8] {
        self.texts.start.get_or_init(|| {
            let Some(line) = &self.line else {
                return Vec::new();
            };
            let mut text = line.clone();
            text.extend_from_slice(b"\r\n");
            for header in self.headers.iter() {
                push_line(&mut text, header);
            }
            if !self.headers.is_empty() {
                text.extend_from_slice(b"\r\n");
            }
            text
        })
    }

    /// Each field as `Name: value`.
    fn each_text(&self) -> &[Vec<u8>] {
        self.texts.each.get_or_init(|| {
            self.headers
                .iter()
                .map(|header| [&header.name[..], b": ", &header.value].concat())
                .collect()
        })
    }

    /// The fields have changed: texts are made anew.
    fn forget_texts(&mut self) {
        self.texts = Texts::default();
    }
}

fn push_line(text: &mut Vec<u8>, header: &Header) {
    text.extend_from_slice(&header.name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(&header.value);
    text.extend_from_slice(b"\r\n");
}
