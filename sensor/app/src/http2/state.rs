//! Chunks → frames → transactions.

use std::collections::HashMap;

use sensor_flow::Direction;

use super::hpack::{Field, Item, Table};
use super::stream::{MAX_NUMBERS, Work};
use super::wire::{
    ErrorCode, FrameHeader, FrameType, HEADER_BYTES, HEADER_TABLE_SIZE, MAGIC, flag, settings,
    unpadded,
};
use super::{GivenError, Http2Transaction, Upgrade, events, http2, stage};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, FileState, Limits, MAX_LIVE_TRANSACTIONS, Protocol, Transaction};
use sensor_bytes::{Reader, Short};

/// Longest frame that is held whole.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// What is looked at of a longer one.
pub const LONG_FRAME_BYTES: usize = 256;
/// A block of header fields over several frames.
pub const MAX_BLOCK_INPUT_BYTES: usize = 100 * 1024;
/// Streams that are remembered, retired ones too.
const MAX_STREAMS: usize = 4 * MAX_LIVE_TRANSACTIONS;
/// A byte of the settings of an upgrade (RFC 7540 §3.2.1): six to a setting.
const SETTING_BYTES: usize = 6;

/// A block of which more is awaited.
#[derive(Debug)]
struct Block {
    /// Stream in the headers of its frames.
    stream: u32,
    /// Stream that the fields belong to.
    target: u32,
    bytes: Vec<u8>,
    cut: bool,
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    /// Bytes of a long frame still to be passed over.
    skip: usize,
    table: Table,
    block: Option<Block>,
}

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    /// The client's magic is behind.
    greeted: bool,
    upgraded: bool,
    /// Transactions of streams by their number.
    streams: HashMap<u32, u64>,
    files: u32,
    /// The connection has carried DNS.
    doh: bool,
    now_ns: i64,
}

/// Nothing more can be taken.
struct Full;

impl State {
    fn take(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Step {
        let side = &mut self.sides[direction.index()];
        let mut all = std::mem::take(&mut side.held);
        let mut rest = if all.is_empty() {
            data
        } else {
            all.extend_from_slice(data);
            &all
        };
        if direction == Direction::ToServer && !self.greeted {
            if rest.len() < MAGIC.len() {
                self.sides[direction.index()].held = rest.to_vec();
                return Step::More;
            }
            self.greeted = true;
            match rest.strip_prefix(MAGIC) {
                Some(behind) => rest = behind,
                None => {
                    if let Some(last) = transactions.last() {
                        last.raise(events::INVALID_CLIENT_MAGIC);
                    }
                }
            }
        }
        loop {
            let side = &mut self.sides[direction.index()];
            if side.skip > 0 {
                let skipped = side.skip.min(rest.len());
                side.skip -= skipped;
                rest = &rest[skipped..];
            }
            let Ok(header) = FrameHeader::read(rest) else {
                break;
            };
            let behind = &rest[HEADER_BYTES..];
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            let (payload, whole) = match behind.get(..length) {
                Some(payload) if length <= MAX_FRAME_BYTES => (payload, true),
                None if length <= MAX_FRAME_BYTES => break,
                _ => match behind.get(..LONG_FRAME_BYTES) {
                    Some(payload) => (payload, false),
                    None => break,
                },
            };
            if !whole {
                side.skip = length - payload.len();
            }
            let frames = &mut transactions.frames;
            let (head, data) = (HEADER_BYTES as u64, length as u64);
            let announced = [
                frames.add(direction, "hdr", rest.len(), Some(head)),
                frames.add(direction, "data", behind.len(), Some(data)),
                frames.add(direction, "pdu", rest.len(), Some(head + data)),
            ];
            rest = &behind[payload.len()..];
            // Nothing but the acknowledgement of settings.
            if length == 0 && header.kind == FrameType::SETTINGS {
                continue;
            }
            match self.frame(direction, &header, payload, transactions, limits) {
                Ok(None) => {}
                Ok(Some(id)) => {
                    for frame in announced {
                        transactions.assign_frame(direction, frame, id);
                    }
                }
                Err(Full) => return Step::Failed,
            }
            if !whole && let Some(last) = transactions.last() {
                last.raise(events::LONG_FRAME_DATA);
            }
        }
        self.sides[direction.index()].held = rest.to_vec();
        Step::More
    }

    /// One frame, or the beginning of a long one; its transaction.
    fn frame(
        &mut self,
        direction: Direction,
        header: &FrameHeader,
        payload: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<Option<u64>, Full> {
        let parsed = self.parse(direction, header, payload);
        let stream = match &parsed {
            Parsed::Headers { target, .. } => *target,
            _ => header.stream,
        };
        let Some(tx) = self.transaction(stream, header.kind, transactions)? else {
            return Ok(None);
        };
        let id = tx.id;
        let mut work = Work {
            tx,
            direction,
            limits,
            files: &mut self.files,
            now_ns: self.now_ns,
        };
        work.note(header.kind);
        if header.stream == 0 && header.kind == FrameType::DATA {
            work.tx.raise(events::DATA_STREAM_ZERO);
        }
        match parsed {
            Parsed::Headers {
                items,
                priority,
                cut,
                ..
            } => {
                if header.kind == FrameType::PUSH_PROMISE && direction == Direction::ToClient {
                    work.set_stage(stage::RESERVED);
                }
                if let Some(weight) = priority {
                    work.side(|side| push(&mut side.priorities, weight));
                }
                work.headers(items);
                if cut {
                    work.tx.raise(events::REASSEMBLY_LIMIT_REACHED);
                }
            }
            Parsed::Settings(found) => {
                work.side(|side| {
                    let room = MAX_NUMBERS.saturating_sub(side.settings.len());
                    side.settings.extend(found.into_iter().take(room));
                });
            }
            Parsed::Error(code) => {
                let go_away = header.kind == FrameType::GO_AWAY;
                work.side(|side| push(&mut side.errors, GivenError { code, go_away }));
            }
            Parsed::Priority(weight) => {
                work.side(|side| push(&mut side.priorities, weight));
            }
            Parsed::Window(size) => {
                work.side(|side| push(&mut side.windows, size));
            }
            Parsed::Other => {}
            Parsed::Length => work.tx.raise(events::INVALID_FRAME_LENGTH),
            Parsed::Broken => work.tx.raise(events::INVALID_FRAME_DATA),
        }
        if matches!(header.kind, FrameType::DATA | FrameType::HEADERS) && header.stream > 0 {
            work.advance(header);
            if header.kind == FrameType::DATA {
                work.data(unpadded(header, payload), header.has(flag::END_STREAM));
            }
        }
        let found = http2(tx).is_some_and(|http2| http2.dns().is_some());
        if found && !std::mem::replace(&mut self.doh, true) {
            for tx in transactions.live_mut() {
                if let Body::Http2(http2) = &mut tx.body {
                    http2.is_doh = true;
                }
            }
        }
        Ok(Some(id))
    }

    fn parse(&mut self, direction: Direction, header: &FrameHeader, payload: &[u8]) -> Parsed {
        let side = &mut self.sides[direction.index()];
        let mut reader = Reader::new(payload);
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE => {
                let read = block(header, payload);
                let Ok((target, priority, bytes)) = read else {
                    return Parsed::Broken;
                };
                let items = if header.has(flag::END_HEADERS) {
                    side.block = None;
                    side.table.decode(bytes)
                } else {
                    side.block = Some(Block {
                        stream: header.stream,
                        target,
                        bytes: bytes.to_vec(),
                        cut: false,
                    });
                    Vec::new()
                };
                Parsed::Headers {
                    target,
                    items,
                    priority,
                    cut: false,
                }
            }
            FrameType::CONTINUATION => {
                let Some(mut block) = side.block.take_if(|block| block.stream == header.stream)
                else {
                    return Parsed::Headers {
                        target: header.stream,
                        items: side.table.decode(payload),
                        priority: None,
                        cut: false,
                    };
                };
                let room = MAX_BLOCK_INPUT_BYTES.saturating_sub(block.bytes.len());
                block.cut |= room < payload.len();
                block
                    .bytes
                    .extend_from_slice(&payload[..payload.len().min(room)]);
                let (target, cut) = (block.target, block.cut);
                let items = if header.has(flag::END_HEADERS) {
                    side.table.decode(&block.bytes)
                } else {
                    side.block = Some(block);
                    Vec::new()
                };
                Parsed::Headers {
                    target,
                    items,
                    priority: None,
                    cut,
                }
            }
            FrameType::SETTINGS => {
                let found = settings(payload);
                // What one side accepts, the other may use.
                let other = &mut self.sides[direction.opposite().index()].table;
                for (id, value) in &found {
                    if *id == HEADER_TABLE_SIZE {
                        other.allow(*value);
                    }
                }
                Parsed::Settings(found)
            }
            FrameType::GO_AWAY => match (reader.u32(), reader.u32()) {
                (Ok(_), Ok(code)) => Parsed::Error(ErrorCode(code)),
                _ => Parsed::Length,
            },
            FrameType::RST_STREAM => match payload.try_into().map(u32::from_be_bytes) {
                Ok(code) => Parsed::Error(ErrorCode(code)),
                Err(_) => Parsed::Length,
            },
            FrameType::PRIORITY => match payload {
                [_, _, _, _, weight] => Parsed::Priority(*weight),
                _ => Parsed::Length,
            },
            FrameType::WINDOW_UPDATE => match payload.try_into().map(u32::from_be_bytes) {
                Ok(word) => Parsed::Window(word & 0x7fff_ffff),
                Err(_) => Parsed::Length,
            },
            _ => Parsed::Other,
        }
    }

    /// The transaction of a stream, made on first sight; none when it is retired.
    fn transaction<'t>(
        &mut self,
        stream: u32,
        kind: FrameType,
        transactions: &'t mut Transactions,
    ) -> Result<Option<&'t mut Transaction>, Full> {
        if stream == 0 {
            let tx = begin(0, self.doh, transactions)?;
            for direction in Direction::BOTH {
                tx.advance(direction, Transaction::COMPLETE);
            }
            return Ok(Some(tx));
        }
        if let Some(&id) = self.streams.get(&stream) {
            let Some(tx) = transactions.with_id(id) else {
                return Ok(None);
            };
            let late = matches!(
                kind,
                FrameType::RST_STREAM | FrameType::WINDOW_UPDATE | FrameType::PRIORITY
            );
            if tx.is_complete(Direction::ToServer) && !late {
                tx.raise(events::STREAM_ID_REUSE);
            }
            return Ok(Some(tx));
        }
        if self.streams.len() >= MAX_STREAMS {
            self.streams
                .retain(|_, id| transactions.with_id(*id).is_some());
        }
        let tx = begin(stream, self.doh, transactions)?;
        for direction in Direction::BOTH {
            tx.advance(direction, stage::OPEN);
        }
        self.streams.insert(stream, tx.id);
        Ok(Some(tx))
    }

    /// The request of HTTP/1 that led here is the first stream (RFC 7540 §3.2).
    fn mimic(
        &mut self,
        upgrade: Upgrade,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Full> {
        let mut fields = vec![Item::Field(Field::new(b":method", &upgrade.method))];
        if let Some(uri) = &upgrade.uri {
            fields.push(Item::Field(Field::new(b":path", uri)));
        }
        let mut asked = None;
        for (name, value) in &upgrade.headers {
            if name.eq_ignore_ascii_case(b"http2-settings") {
                asked = Some(value);
                continue;
            }
            let name: &[u8] = if name.eq_ignore_ascii_case(b"host") {
                b":authority"
            } else {
                name
            };
            fields.push(Item::Field(Field::new(name, value)));
        }
        if let Some(tx) = self.transaction(1, FrameType::HEADERS, transactions)? {
            let mut work = Work {
                tx,
                direction: Direction::ToServer,
                limits,
                files: &mut self.files,
                now_ns: self.now_ns,
            };
            work.note(FrameType::HEADERS);
            work.headers(fields);
            work.set_stage(stage::HALF_CLOSED_CLIENT);
        }
        let Some(text) = asked else { return Ok(()) };
        let tx = begin(0, self.doh, transactions)?;
        for direction in Direction::BOTH {
            tx.advance(direction, Transaction::COMPLETE);
        }
        match base64(text) {
            Some(bytes) => {
                if bytes.len() % SETTING_BYTES != 0 {
                    tx.raise(events::INVALID_HTTP1_SETTINGS);
                }
                let mut work = Work {
                    tx,
                    direction: Direction::ToServer,
                    limits,
                    files: &mut self.files,
                    now_ns: self.now_ns,
                };
                work.note(FrameType::SETTINGS);
                work.side(|side| side.settings = settings(&bytes));
            }
            None => tx.raise(events::INVALID_HTTP1_SETTINGS),
        }
        Ok(())
    }
}

fn push<T>(numbers: &mut Vec<T>, number: T) {
    if numbers.len() < MAX_NUMBERS {
        numbers.push(number);
    }
}

fn begin(
    stream: u32,
    doh: bool,
    transactions: &mut Transactions,
) -> Result<&mut Transaction, Full> {
    if transactions.live().len() >= MAX_LIVE_TRANSACTIONS {
        if let Some(last) = transactions.last() {
            last.raise(events::TOO_MANY_STREAMS);
        }
        return Err(Full);
    }
    let mut http2 = Http2Transaction::new(stream);
    http2.is_doh = doh;
    let body = Body::Http2(Box::new(http2));
    transactions.begin(body).ok_or(Full)
}

/// Base64 for URLs or the usual one, with padding or without (RFC 4648 §5).
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut word, mut bits) = (0u32, 0u32);
    for byte in text.iter().take_while(|byte| **byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits & 0xff) as u8);
        }
    }
    Some(out)
}

/// What a frame says.
enum Parsed {
    Headers {
        target: u32,
        items: Vec<Item>,
        priority: Option<u8>,
        cut: bool,
    },
    Settings(Vec<(u16, u32)>),
    Error(ErrorCode),
    Priority(u8),
    Window(u32),
    Other,
    /// The frame has a length that its type cannot have.
    Length,
    Broken,
}

/// The stream of the fields, a priority, and the block.
fn block<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
) -> Result<(u32, Option<u8>, &'a [u8]), Short> {
    let mut reader = Reader::new(unpadded(header, payload));
    if header.kind == FrameType::PUSH_PROMISE {
        let target = reader.u32()? & 0x7fff_ffff;
        return Ok((target, None, reader.rest()));
    }
    let mut priority = None;
    if header.has(flag::PRIORITY) {
        reader.skip(4)?;
        priority = Some(reader.u8()?);
    }
    Ok((header.stream, priority, reader.rest()))
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        context: &Context,
        limits: &Limits,
    ) -> Step {
        self.now_ns = context.now_ns;
        if !std::mem::replace(&mut self.upgraded, true)
            && let Some(upgrade) = transactions.take_upgrade()
            && self.mimic(upgrade, transactions, limits).is_err()
        {
            return Step::Failed;
        }
        self.take(direction, data, transactions, limits)
    }

    fn protocol(&self) -> Option<Protocol> {
        self.doh.then_some(Protocol::Doh2)
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        // The tables are out of step from here on.
        Step::Failed
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) {
        for tx in transactions.live_mut() {
            if matches!(tx.body, Body::Http2(_)) {
                for file in tx
                    .files
                    .iter_mut()
                    .filter(|file| file.direction == direction)
                {
                    file.close(FileState::Truncated);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 80,
        client_port: 40_000,
    };

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// `GET / HTTP/2` with an authority.
    const REQUEST: &[u8] = &[
        0x82, 0x86, 0x84, 0x41, 0x06, b'a', b'.', b't', b'e', b's', b't',
    ];

    fn client() -> Vec<u8> {
        [
            MAGIC.to_vec(),
            frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
            frame(1, 5, 1, REQUEST),
        ]
        .concat()
    }

    fn server() -> Vec<u8> {
        [
            frame(4, 1, 0, &[]),
            frame(1, 0, 1, &[0x88]),
            frame(9, 4, 1, &[0x0f, 0x0d, 0x01, b'4']),
            frame(0, 0, 1, b"bo"),
            frame(0, 9, 1, &[2, b'd', b'y', 0, 0]),
            frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        ]
        .concat()
    }

    fn run(pieces: &[(Direction, &[u8])]) -> (Transactions, Step) {
        let mut transactions = Transactions::default();
        let mut state = State::default();
        let mut step = Step::More;
        let limits = Limits::default();
        for (direction, bytes) in pieces {
            step = state.chunk(*direction, bytes, &mut transactions, &CONTEXT, &limits);
        }
        (transactions, step)
    }

    fn texts(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    #[test]
    fn streams_that_are_over_are_forgotten() {
        let mut transactions = Transactions::default();
        let mut state = State::default();
        let limits = Limits::default();
        let mut most = 0;
        let begin = [MAGIC.to_vec(), frame(4, 0, 0, &[])].concat();
        state.chunk(ToServer, &begin, &mut transactions, &CONTEXT, &limits);
        for number in 0..3 * MAX_STREAMS as u32 {
            let request = frame(1, 5, 2 * number + 1, &[0x82]);
            let step = state.chunk(ToServer, &request, &mut transactions, &CONTEXT, &limits);
            assert_eq!(step, Step::More);
            // What the sensor does with what it has told.
            transactions.live_mut().clear();
            most = most.max(state.streams.len());
        }
        assert_eq!(most, MAX_STREAMS);
    }

    #[test]
    fn ranges_are_put_together() {
        let field = |name: &[u8], value: &[u8]| {
            let mut field = vec![0, name.len() as u8];
            field.extend(name);
            field.push(value.len() as u8);
            field.extend(value);
            field
        };
        let request = |stream| frame(1, 5, stream, REQUEST);
        let part = |stream, range: &[u8], data: &[u8]| {
            let head = [&[0x88][..], &field(b"content-range", range)].concat();
            [frame(1, 4, stream, &head), frame(0, 1, stream, data)].concat()
        };
        let (transactions, step) = run(&[
            (ToServer, &[MAGIC.to_vec(), request(1), request(3)].concat()),
            (ToClient, &part(1, b"bytes 2-3/4", b"dy")),
            (ToClient, &part(3, b"bytes 0-1/4", b"bo")),
        ]);
        assert_eq!(step, Step::More);
        let files: Vec<Vec<(String, u64)>> = transactions
            .live()
            .iter()
            .map(|tx| {
                let told = |file: &crate::File| {
                    (String::from_utf8_lossy(&file.name).into_owned(), file.size)
                };
                tx.files.iter().map(told).collect()
            })
            .filter(|files: &Vec<_>| !files.is_empty())
            .collect();
        let part = (String::new(), 2);
        assert_eq!(files, [vec![part.clone()], vec![("/".to_owned(), 4), part]]);
    }

    #[test]
    fn a_stream_is_a_transaction() {
        let (transactions, step) = run(&[(ToServer, &client()), (ToClient, &server())]);
        assert_eq!(step, Step::More);
        let tx = &transactions.live()[1];
        assert!(tx.is_complete(ToServer) && tx.events.is_empty());
        assert_eq!(tx.files[0].bytes().data, b"body");
        assert_eq!(tx.files[0].state, FileState::Closed);
        let http2 = http2(tx).expect("http2");
        assert_eq!(http2.side(ToServer).host_text(), Some(&b"a.test"[..]));
        assert_eq!(
            http2.side(ToServer).line_text(ToServer),
            b"GET / HTTP/2\r\n"
        );
        assert_eq!(
            http2.side(ToClient).header_text(ToClient),
            b":status: 200\r\ncontent-length: 4\r\n"
        );
        assert_eq!(
            texts(&transactions)[1],
            concat!(
                r#"{"http":{"version":"2","request_headers":[{"name":":method","value":"GET"},"#,
                r#"{"name":":scheme","value":"http"},{"name":":path","value":"/"},"#,
                r#"{"name":":authority","value":"a.test"}],"response_headers":[{"name":":status","value":"200"},"#,
                r#"{"name":"content-length","value":"4"}],"http_method":"GET","url":"/","status":200,"length":4,"#,
                r#""http2":{"stream_id":1}}}"#
            )
        );
        assert!(texts(&transactions)[2].contains(r#""error_code":"NOERROR""#));
    }

    #[test]
    fn odd_frames_raise_events() {
        let rows: &[(Vec<u8>, u16)] = &[
            (frame(0, 0, 0, b"x"), events::DATA_STREAM_ZERO),
            (frame(3, 0, 1, b"x"), events::INVALID_FRAME_LENGTH),
            (frame(1, 4, 1, &[0x80]), events::INVALID_HEADER),
            (frame(1, 4, 1, &[0x40, 9]), events::INVALID_FRAME_DATA),
            (
                frame(1, 4, 1, &[0x41, 3, b'a', b'@', b'b']),
                events::USERINFO_IN_URI,
            ),
            (frame(0, 0, 1, &[0; 70_000]), events::LONG_FRAME_DATA),
        ];
        for (bytes, event) in rows {
            let (transactions, _) = run(&[(ToClient, bytes)]);
            let found = transactions
                .live()
                .iter()
                .any(|tx| tx.events.contains(event));
            assert!(found, "{event}");
        }
    }

    #[test]
    fn messages_of_dns_are_read() {
        let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
        let kind = b"application/dns-message";
        let mut block = vec![0x83, 0x0f, 0x10, kind.len() as u8];
        block.extend(kind);
        let post = [
            MAGIC.to_vec(),
            frame(1, 4, 1, &block),
            frame(0, 1, 1, question),
            frame(6, 0, 0, &[0; 8]),
        ]
        .concat();
        let (transactions, _) = run(&[(ToServer, &post)]);
        let tx = &transactions.live()[0];
        assert_eq!(tx.protocol(), Protocol::Doh2);
        assert_eq!(transactions.live()[1].protocol(), Protocol::Doh2);
        assert_eq!(
            (tx.event_type(), tx.event_protocol()),
            ("dns", Protocol::Http2)
        );
        assert!(texts(&transactions)[0].contains(r#""dns":{"version":3"#));
        let long = [
            MAGIC.to_vec(),
            frame(1, 4, 1, &block),
            frame(0, 0, 1, &[0; 40_000]),
            frame(0, 1, 1, &[0; 40_000]),
        ]
        .concat();
        let (transactions, _) = run(&[(ToServer, &long)]);
        assert_eq!(
            transactions.live()[0].events,
            [events::DNS_REQUEST_TOO_LONG]
        );
    }

    #[test]
    fn an_upgrade_brings_the_first_stream() {
        let mut transactions = Transactions::default();
        transactions.set_upgrade(Upgrade {
            method: b"GET".to_vec(),
            uri: Some(b"/x".to_vec()),
            headers: vec![
                (b"Host".to_vec(), b"a.test".to_vec()),
                (b"HTTP2-Settings".to_vec(), b"AAMAAABk".to_vec()),
            ],
        });
        let mut state = State::default();
        let answer = frame(1, 5, 1, &[0x88]);
        state.chunk(
            ToClient,
            &answer,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        let texts = texts(&transactions);
        assert!(
            texts[0].contains(r#""url":"/x","status":200"#),
            "{}",
            texts[0]
        );
        assert!(texts[1].contains(r#""settings_value":100"#), "{}", texts[1]);
        assert!(transactions.live()[0].is_complete(ToClient));
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..30, 1..20)) {
            let (client, server) = (client(), server());
            let mut pieces: Vec<(Direction, &[u8])> = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            for (direction, bytes) in [(ToServer, &client), (ToClient, &server)] {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                    pieces.push((direction, chunk));
                    rest = after;
                }
            }
            let (cut, _) = run(&pieces);
            let (uncut, _) = run(&[(ToServer, &client), (ToClient, &server)]);
            prop_assert_eq!(texts(&cut), texts(&uncut));
        }

        #[test]
        fn no_bytes_panic(frames in proptest::collection::vec((any::<bool>(), 0u8..11, any::<u8>(), 0u32..4, proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let mut transactions = Transactions::default();
            let mut state = State::default();
            for (client, kind, flags, stream, payload) in frames {
                let direction = if client { ToServer } else { ToClient };
                let bytes = frame(kind, flags, stream, &payload);
                if state.chunk(direction, &bytes, &mut transactions, &CONTEXT, &Limits::default()) == Step::Failed {
                    break;
                }
            }
            texts(&transactions);
        }
    }
}
