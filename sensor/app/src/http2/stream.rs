//! Frames of one stream → its transaction.

use super::hpack::{Fault, Item, MAX_BLOCK_BYTES};
use super::state::base64;
use super::wire::{FrameHeader, FrameType, flag};
use super::{Http2Transaction, Side, Texts, events, stage};
use crate::dns::{self, Kind};
use crate::http1::{ContentRange, Decoder, codings};
use crate::ranges::Piece;
use crate::{Body, File, FileId, FileState, Limits, Transaction};
use sensor_flow::Direction;

/// What a message of DNS is called (RFC 8484 §6).
const DNS_MESSAGE: &[u8] = b"application/dns-message";
/// How a path with a question begins (RFC 8484 §4.1).
const DNS_QUERY: &[u8] = b"/dns-query?dns=";
/// Longest message of DNS.
pub const MAX_DNS_BYTES: usize = 65_535;
/// Frames of one side of a stream that are told apart.
pub const MAX_FRAMES: usize = 4096;
/// Numbers of one kind that are kept.
pub const MAX_NUMBERS: usize = 256;
/// Bytes of the fields that are kept of one side, trailers included.
pub const MAX_FIELD_BYTES: usize = 2 * MAX_BLOCK_BYTES;

impl Http2Transaction {
    pub(super) fn new(stream: u32) -> Self {
        Http2Transaction {
            stream,
            is_doh: false,
            stage: stage::OPEN,
            sides: Default::default(),
        }
    }
}

/// A stream under work.
pub struct Work<'a> {
    pub tx: &'a mut Transaction,
    pub direction: Direction,
    pub limits: &'a Limits,
    /// Files of the flow so far.
    pub files: &'a mut u32,
    pub now_ns: i64,
}

/// The file of which a body is a range, and how far the range has come.
#[derive(Debug)]
pub(super) struct Part {
    /// Host and name: as a client of HTTP/1 would ask for it.
    key: Vec<u8>,
    host_bytes: usize,
    at: u64,
    total: u64,
}

impl Work<'_> {
    fn with<T>(&mut self, work: impl FnOnce(&mut Http2Transaction) -> T) -> Option<T> {
        match &mut self.tx.body {
            Body::Http2(http2) => Some(work(http2)),
            _ => None,
        }
    }

    pub fn side<T>(&mut self, work: impl FnOnce(&mut Side) -> T) -> Option<T> {
        let direction = self.direction;
        self.with(|http2| work(http2.side_mut(direction)))
    }

    pub fn set_stage(&mut self, stage: u8) {
        self.with(|http2| http2.stage = stage);
        for direction in Direction::BOTH {
            self.tx.advance(direction, stage);
        }
    }

    fn stage(&mut self) -> u8 {
        self.with(|http2| http2.stage).unwrap_or(stage::CLOSED)
    }

    /// Notes a frame by its type.
    pub fn note(&mut self, kind: FrameType) {
        let full = self.side(|side| {
            let full = side.frames.len() >= MAX_FRAMES;
            if !full {
                side.frames.push(kind.0);
            }
            full
        });
        if full == Some(true) {
            self.tx.raise(events::TOO_MANY_FRAMES);
        }
    }

    /// Takes the items of a block.
    pub fn headers(&mut self, items: Vec<Item>) {
        let (mut authority, mut host) = (None, None);
        let (mut path, mut wants_dns, mut is_dns) = (None, false, false);
        for item in &items {
            match item {
                Item::Fault(Fault::Overflow) => self.tx.raise(events::HEADER_INTEGER_OVERFLOW),
                Item::Fault(Fault::Broken) => self.tx.raise(events::INVALID_FRAME_DATA),
                Item::Fault(_) => self.tx.raise(events::INVALID_HEADER),
                Item::SizeUpdate(_) => {}
                Item::Field(field) => {
                    if field.name.eq_ignore_ascii_case(b":authority") {
                        authority = Some(field.value.clone());
                        if field.value.contains(&b'@') {
                            self.tx.raise(events::USERINFO_IN_URI);
                        }
                    } else if field.name.eq_ignore_ascii_case(b"host") {
                        host = Some(field.value.clone());
                    } else if *field.name == *b":path" {
                        path = Some(field.value.clone());
                    }
                    let names_dns = *field.value == *DNS_MESSAGE;
                    wants_dns |= names_dns && *field.name == *b"accept";
                    is_dns |= names_dns && *field.name == *b"content-type";
                }
            }
        }
        if let (Some(authority), Some(host)) = (authority, host)
            && !authority.eq_ignore_ascii_case(&host)
        {
            self.tx.raise(events::AUTHORITY_HOST_MISMATCH);
        }
        let asked = path
            .as_deref()
            .filter(|_| wants_dns)
            .and_then(|path| path.strip_prefix(DNS_QUERY))
            .and_then(base64);
        if let Some(bytes) = asked {
            self.dns(&bytes);
        }
        let full = self.side(|side| {
            if is_dns {
                side.dns_bytes = Some(Vec::new());
            }
            side.has_headers = true;
            side.texts = Texts::default();
            for item in items {
                if let Item::Field(field) = &item {
                    side.field_bytes += field.name.len() + field.value.len();
                }
                if side.field_bytes > MAX_FIELD_BYTES || side.items.len() >= MAX_FRAMES {
                    return true;
                }
                side.items.push(item);
            }
            false
        });
        if full == Some(true) {
            self.tx.raise(events::REASSEMBLY_LIMIT_REACHED);
        }
    }

    /// Moves the stream on (RFC 9113 §5.1).
    pub fn advance(&mut self, header: &FrameHeader) {
        let from_server = self.direction == Direction::ToClient;
        let now = self.stage();
        if header.has(flag::END_STREAM) {
            match (now, from_server) {
                (stage::HALF_CLOSED_CLIENT | stage::DATA_SERVER, true)
                | (stage::HALF_CLOSED_SERVER, false) => self.set_stage(stage::CLOSED),
                (
                    stage::HALF_CLOSED_CLIENT
                    | stage::DATA_SERVER
                    | stage::HALF_CLOSED_SERVER
                    | stage::CLOSED,
                    _,
                ) => {}
                (_, true) => self.set_stage(stage::HALF_CLOSED_SERVER),
                (_, false) => self.set_stage(stage::HALF_CLOSED_CLIENT),
            }
        } else if header.kind == FrameType::DATA {
            let next = if from_server {
                stage::DATA_SERVER
            } else {
                stage::DATA_CLIENT
            };
            if now < next {
                self.set_stage(next);
            }
        }
    }

    /// Bytes of a body; `over` with the last ones.
    pub fn data(&mut self, bytes: &[u8], over: bool) {
        let (direction, limits) = (self.direction, self.limits);
        let opened = self.open_file();
        let Transaction { files, body, .. } = &mut *self.tx;
        let Body::Http2(http2) = body else { return };
        let side = http2.side_mut(direction);
        if side.decoder.is_none() {
            let coding = side
                .first(b"content-encoding")
                .map(|value| codings(value, limits.http_decompress_layers))
                .unwrap_or_default();
            side.decoder = Some(Decoder::new(&coding, limits.http_compression_bomb_bytes));
        }
        let Some(decoder) = &mut side.decoder else {
            return;
        };
        let mut file = opened.and_then(|at| files.get_mut(at));
        let dns = &mut side.dns_bytes;
        let part = &mut side.part;
        let now_ns = self.now_ns;
        let mut long = false;
        let mut keep = |piece: &[u8]| {
            if let Some(file) = &mut file {
                file.append(piece, limits.window_bytes);
            }
            if let Some(part) = part {
                let whole = Piece {
                    key: &part.key,
                    name: &part.key[part.host_bytes..],
                    at: part.at,
                    total: part.total,
                    bytes: piece,
                };
                let ranges = &limits.ranges;
                ranges.add(whole, limits.hashes, limits.window_bytes, now_ns);
                part.at = part.at.saturating_add(piece.len() as u64);
            }
            if let Some(message) = dns {
                if message.len() + piece.len() <= MAX_DNS_BYTES {
                    message.extend_from_slice(piece);
                } else {
                    long = true;
                    *dns = None;
                }
            }
            true
        };
        let bomb = decoder.decode(bytes, &mut keep).is_err();
        if over {
            decoder.finish(&mut keep);
        }
        if over && let Some(file) = file {
            file.close(FileState::Closed);
        }
        let message = side.dns_bytes.take_if(|_| over);
        let part = side.part.take_if(|_| over);
        // The whole file stands before its last part.
        if let Some(part) = part
            && let Some(at) = opened
            && self.tx.has_room_for_file()
            && let Some(whole) = limits.ranges.complete(&part.key)
        {
            self.tx.files.insert(at, whole);
            self.side(|side| side.file = Some(at + 1));
        }
        if bomb {
            self.tx.raise(events::COMPRESSION_BOMB);
        }
        if long {
            self.tx.raise(match direction {
                Direction::ToServer => events::DNS_REQUEST_TOO_LONG,
                Direction::ToClient => events::DNS_RESPONSE_TOO_LONG,
            });
        }
        if let Some(message) = message {
            self.dns(&message);
        }
    }

    /// A whole message of DNS.
    fn dns(&mut self, bytes: &[u8]) {
        let kind = match self.direction {
            Direction::ToServer => Kind::Request,
            Direction::ToClient => Kind::Response,
        };
        if let Some(dns) = dns::read(bytes, kind) {
            self.side(|side| side.dns = Some(Box::new(dns)));
        }
    }

    /// The place of this side's file, opened with its first data.
    fn open_file(&mut self) -> Option<usize> {
        let known = self.side(|side| side.file).flatten();
        if known.is_some() || !self.tx.has_room_for_file() {
            return known;
        }
        let id = FileId(*self.files);
        *self.files = self.files.saturating_add(1);
        // Requests name no file that could be told from the path.
        let file = File::open(id, self.direction, b"", self.limits.hashes);
        if self.direction == Direction::ToClient
            && let Some(value) = self
                .side(|side| side.first(b"content-range").map(<[u8]>::to_vec))
                .flatten()
        {
            match ContentRange::parse(&value) {
                Some(ContentRange {
                    start: Some(start),
                    end: Some(end),
                    size: Some(size),
                }) if start > 0 || end.saturating_add(1) < size => {
                    let part = self.part(start, size);
                    self.side(|side| side.part = part);
                }
                Some(_) => {}
                None => self.tx.raise(events::INVALID_RANGE),
            }
        }
        self.tx.files.push(file);
        let at = self.tx.files.len() - 1;
        self.side(|side| side.file = Some(at));
        Some(at)
    }

    /// By what the file of a range is known; its name is the last part of its path.
    fn part(&mut self, at: u64, total: u64) -> Option<Part> {
        let request = self.with(|http2| {
            let request = http2.side(Direction::ToServer);
            let of = |name: &[u8]| request.first(name).map(<[u8]>::to_vec);
            (of(b":authority"), of(b":path"))
        });
        let (Some(host), Some(path)) = request? else {
            return None;
        };
        let host = host.split(|byte| *byte == b':').next()?;
        let path = path.split(|byte| *byte == b'?').next()?;
        let name = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Part {
            key: [host, &path[name..]].concat(),
            host_bytes: host.len(),
            at,
            total,
        })
    }
}
