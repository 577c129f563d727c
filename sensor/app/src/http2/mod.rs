//! HTTP/2 (RFC 9113, RFC 7541) by prior knowledge, and after an upgrade from HTTP/1.
//!
//! A stream is a transaction, and so is each frame that speaks of the whole connection. Messages of DNS that
//! it carries are read (RFC 8484). Left out: WebSocket over HTTP/2, joining of ranges from several responses.

mod buffers;
mod event;
mod events;
mod hpack;
mod huffman;
mod midway;
mod state;
mod stream;
mod wire;

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::dns::DnsTransaction;
use crate::http1::Decoder;
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Body, Protocol, ProtocolRow, Transaction};
use sensor_flow::Direction;

use hpack::{Field, Item};
use wire::{ErrorCode, FrameHeader, FrameType, HEADER_BYTES, MAGIC};

/// Stages of a stream (`Transaction::progress`); both sides stand at the same.
pub mod stage {
    pub const OPEN: u8 = 1;
    /// Promised by the server.
    pub const RESERVED: u8 = 2;
    /// The client has sent data.
    pub const DATA_CLIENT: u8 = 3;
    /// The client has said all.
    pub const HALF_CLOSED_CLIENT: u8 = 4;
    /// The server has sent data.
    pub const DATA_SERVER: u8 = 5;
    /// The server has said all.
    pub const HALF_CLOSED_SERVER: u8 = 6;
    pub const CLOSED: u8 = crate::Transaction::COMPLETE;
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["hdr", "data", "pdu"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Http2,
    name: "http2",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// DNS over HTTP/2 (RFC 8484): what a connection turns out to be, with the names of both.
pub const DOH2_PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Doh2,
    name: "doh2",
    buffers: &[],
    int_fields: &[],
    probe: |_: &Prefix<'_>| Verdict::No,
    ..PROTOCOL
};

/// Where a server's first frame is looked at before the client's magic.
const PORT: u16 = 80;
/// Part of the magic by which it is known.
const PROBE_BYTES: usize = 16;
/// Frames as long as every receiver takes (RFC 9113 §6.5.2).
const DEFAULT_FRAME_BYTES: u32 = 16_384;

fn probe(prefix: &Prefix<'_>) -> Verdict {
    match begin(prefix) {
        Verdict::No if prefix.midstream => midway::probe(prefix),
        verdict => verdict,
    }
}

/// The first words of a side.
fn begin(prefix: &Prefix<'_>) -> Verdict {
    match prefix.direction {
        Direction::ToServer => {
            let known = prefix.data.len().min(PROBE_BYTES);
            if !prefix.data[..known].eq_ignore_ascii_case(&MAGIC[..known]) {
                Verdict::No
            } else if known < PROBE_BYTES {
                Verdict::More
            } else {
                Verdict::Yes
            }
        }
        Direction::ToClient => {
            // A client may have asked for a name before its server has said anything.
            let after_client = matches!(prefix.other, Protocol::Http2 | Protocol::Doh2);
            if prefix.server_port != PORT && !after_client {
                return Verdict::No;
            }
            if prefix.data.len() < HEADER_BYTES {
                // The type of the frame is the fourth byte.
                return match prefix.data.get(3) {
                    Some(&kind) if FrameType(kind) != FrameType::SETTINGS => Verdict::No,
                    _ => Verdict::More,
                };
            }
            match FrameHeader::read(prefix.data) {
                Ok(header)
                    if !header.reserved
                        && header.length <= DEFAULT_FRAME_BYTES
                        && header.flags & 0xfe == 0
                        && header.kind == FrameType::SETTINGS =>
                {
                    Verdict::Yes
                }
                _ => Verdict::No,
            }
        }
    }
}

/// A request of HTTP/1 that asked for HTTP/2, as its first stream.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    pub method: Vec<u8>,
    pub uri: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A reason that was given, and whether for the whole connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenError {
    pub code: ErrorCode,
    pub go_away: bool,
}

/// Texts made from fields when first asked for.
#[derive(Debug, Default)]
struct Texts {
    header: OnceCell<Vec<u8>>,
    raw: OnceCell<Vec<u8>>,
    names: OnceCell<Vec<u8>>,
    each: OnceCell<Vec<Vec<u8>>>,
    line: OnceCell<Vec<u8>>,
    values: OnceCell<HashMap<Vec<u8>, Vec<u8>>>,
    host: OnceCell<Vec<u8>>,
}

/// What one side has said on a stream.
#[derive(Debug, Default)]
pub struct Side {
    /// Types of its frames.
    pub frames: Vec<u8>,
    pub settings: Vec<(u16, u32)>,
    pub errors: Vec<GivenError>,
    pub priorities: Vec<u8>,
    pub windows: Vec<u32>,
    pub items: Vec<Item>,
    /// Header fields have come, if only the beginning of their block.
    pub has_headers: bool,
    /// Bytes of the fields kept so far.
    field_bytes: usize,
    texts: Texts,
    /// Set with the first data.
    decoder: Option<Decoder>,
    /// Place of the body among the transaction's files.
    file: Option<usize>,
    /// Set with the first data of a range.
    part: Option<stream::Part>,
    /// The body is a message of DNS (RFC 8484): its bytes so far.
    dns_bytes: Option<Vec<u8>>,
    pub dns: Option<Box<DnsTransaction>>,
}

/// One stream, or one frame of the connection.
#[derive(Debug)]
pub struct Http2Transaction {
    /// 0 is the connection.
    pub stream: u32,
    /// The connection carries DNS.
    pub is_doh: bool,
    stage: u8,
    sides: [Side; 2],
}

impl Http2Transaction {
    pub fn side(&self, direction: Direction) -> &Side {
        &self.sides[direction.index()]
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        &mut self.sides[direction.index()]
    }

    /// The answer, else the question.
    pub fn dns(&self) -> Option<&DnsTransaction> {
        let [question, answer] = &self.sides;
        answer.dns.as_deref().or(question.dns.as_deref())
    }
}

/// The http2 part of a transaction.
fn http2(tx: &Transaction) -> Option<&Http2Transaction> {
    match &tx.body {
        Body::Http2(http2) => Some(http2),
        _ => None,
    }
}

impl Side {
    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.items.iter().filter_map(|item| match item {
            Item::Field(field) => Some(field),
            Item::SizeUpdate(_) | Item::Fault(_) => None,
        })
    }

    /// The first value of a field, by its exact name.
    pub(crate) fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields()
            .find(|field| *field.name == *name)
            .map(|field| &*field.value)
    }

    /// The values of a field, joined. They are put together for all names at once, when first asked for.
    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let values = self.texts.values.get_or_init(|| {
            let mut values: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
            for field in self.fields() {
                match values.get_mut(&*field.name) {
                    None => {
                        values.insert(field.name.to_vec(), field.value.to_vec());
                    }
                    Some(value) => {
                        value.extend_from_slice(b", ");
                        value.extend_from_slice(&field.value);
                    }
                }
            }
            values
        });
        values.get(name).map(Vec::as_slice)
    }

    /// `name: value` lines without cookies, values trimmed.
    fn header_text(&self, direction: Direction) -> &[u8] {
        let cookie: &[u8] = match direction {
            Direction::ToServer => b"cookie",
            Direction::ToClient => b"set-cookie",
        };
        self.texts.header.get_or_init(|| {
            let mut text = Vec::new();
            for field in self.fields() {
                if !field.name.eq_ignore_ascii_case(cookie) {
                    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
                    let start = field.value.iter().take_while(|byte| blank(byte)).count();
                    let rest = field.value.get(start..).unwrap_or_default();
                    let end = rest.iter().rev().take_while(|byte| blank(byte)).count();
                    push_line(&mut text, &field.name, &rest[..rest.len() - end]);
                }
            }
            text
        })
    }

    fn raw_text(&self) -> &[u8] {
        self.texts.raw.get_or_init(|| {
            let mut text = Vec::new();
            for field in self.fields() {
                push_line(&mut text, &field.name, &field.value);
            }
            text
        })
    }

    /// The names, each on a line, an empty line before and behind.
    fn names_text(&self) -> &[u8] {
        self.texts.names.get_or_init(|| {
            let mut text = Vec::new();
            for field in self.fields() {
                if text.is_empty() {
                    text.extend_from_slice(b"\r\n");
                }
                text.extend_from_slice(&field.name);
                text.extend_from_slice(b"\r\n");
            }
            if !text.is_empty() {
                text.extend_from_slice(b"\r\n");
            }
            text
        })
    }

    /// Each field as `name: value`.
    fn each_text(&self) -> &[Vec<u8>] {
        self.texts.each.get_or_init(|| {
            self.fields()
                .map(|field| [&field.name[..], b": ", &field.value].concat())
                .collect()
        })
    }

    /// The line that HTTP/1 would have had.
    fn line_text(&self, direction: Direction) -> &[u8] {
        self.texts.line.get_or_init(|| {
            let of = |name: &[u8]| self.first(name).unwrap_or_default();
            match direction {
                Direction::ToServer => {
                    [of(b":method"), b" ", of(b":path"), b" HTTP/2\r\n"].concat()
                }
                Direction::ToClient => [b"HTTP/2 ", of(b":status"), b"\r\n"].concat(),
            }
        })
    }

    /// The host without user and port, in lower case.
    fn host_text(&self) -> Option<&[u8]> {
        let authority = self.value(b":authority")?;
        Some(self.texts.host.get_or_init(|| {
            let after = |byte: u8| authority.iter().position(|other| *other == byte);
            let host = after(b'@').map_or(authority, |at| &authority[at + 1..]);
            let end = host.iter().position(|byte| *byte == b':');
            host[..end.unwrap_or(host.len())].to_ascii_lowercase()
        }))
    }
}

fn push_line(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    text.extend_from_slice(name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::Transport;
    use crate::testing;

    #[test]
    fn a_server_is_known_after_its_client() {
        const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
        let server = |port, other| {
            probe(&Prefix {
                transport: Transport::Tcp,
                direction: Direction::ToClient,
                data: SETTINGS,
                server_port: port,
                client_port: 40_000,
                midway: false,
                midstream: false,
                other,
                other_data: &[],
            })
        };
        assert_eq!(server(8053, Protocol::Http2), Verdict::Yes);
        // The client has asked for a name before its server spoke.
        assert_eq!(server(8053, Protocol::Doh2), Verdict::Yes);
        assert_eq!(server(PORT, Protocol::Unknown), Verdict::Yes);
        assert_eq!(server(8053, Protocol::Unknown), Verdict::No);
    }

    #[test]
    fn clients_are_known_by_the_magic() {
        let client = |data| {
            let (tcp, to_server) = (Transport::Tcp, Direction::ToServer);
            testing::probe(Protocol::Http2, tcp, to_server, 8053, data)
        };
        assert_eq!(client(MAGIC), Verdict::Yes);
        assert_eq!(client(&MAGIC[..5]), Verdict::More);
        assert_eq!(client(b"GET / HTTP/1.1\r\n"), Verdict::No);
    }
}
