//! Chunks and gaps → transactions: the two sides of a connection and what they know of one another.

use std::collections::VecDeque;

use super::body::Shared;
use super::events;
use super::framing::content_length;
use super::headers::Added;
use super::request::RequestSide;
use super::response::ResponseSide;
use super::wire::MAX_FIELD_BYTES;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Context, Limits, Protocol, Transaction};
use sensor_flow::Direction;

/// What both sides work on.
pub struct Work<'a> {
    pub transactions: &'a mut Transactions,
    pub limits: &'a Limits,
    pub shared: &'a mut Shared,
    /// Requests whose response has not ended, oldest first.
    pub awaiting: &'a mut VecDeque<u64>,
}

impl Work<'_> {
    pub fn tx(&mut self, id: Option<u64>) -> Option<&mut Transaction> {
        live(self.transactions, id)
    }

    pub fn raise(&mut self, id: Option<u64>, event: u16) {
        if let Some(tx) = self.tx(id) {
            tx.raise(event);
        }
    }
}

/// The transaction, when there is one and nobody has retired it.
pub fn live(transactions: &mut Transactions, id: Option<u64>) -> Option<&mut Transaction> {
    transactions.with_id(id?)
}

/// The frame of the message that a side is at.
#[derive(Debug, Default)]
pub struct Marker {
    /// The transaction whose message was announced last.
    announced: Option<u64>,
    frame: Option<u64>,
}

impl Marker {
    /// A step was made: with it a message of the transaction may have begun, `before` bytes from the end, or may
    /// have ended, `after` bytes from it.
    pub fn note(
        &mut self,
        direction: Direction,
        tx: Option<u64>,
        (before, after): (usize, usize),
        transactions: &mut Transactions,
    ) {
        let name = match direction {
            Direction::ToServer => "request",
            Direction::ToClient => "response",
        };
        let Some(id) = tx.filter(|_| transactions.frames.wants(name)) else {
            return;
        };
        if self.announced != Some(id) {
            self.announced = Some(id);
            self.frame = transactions.frames.add(direction, name, before, None);
            transactions.assign_frame(direction, self.frame, id);
        }
        let over = transactions
            .with_id(id)
            .is_none_or(|tx| tx.is_complete(direction));
        if over && let Some(frame) = self.frame.take() {
            transactions.frames.end(direction, Some(frame), after);
        }
    }
}

/// What a step of a side's machine came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Took so many bytes, or changed its state.
    Used(usize),
    /// Needs more bytes.
    More,
    Fail,
    /// Took so many bytes, and another protocol follows: after CONNECT, with the port it named.
    Tunnel {
        used: usize,
        port: Option<u16>,
        expect: Option<Protocol>,
    },
    /// Took so many bytes, and something that is not known follows.
    Opaque(usize),
}

impl Turn {
    /// Bytes taken.
    pub fn used(self) -> usize {
        match self {
            Turn::Used(used) | Turn::Opaque(used) | Turn::Tunnel { used, .. } => used,
            Turn::More | Turn::Fail => 0,
        }
    }

    /// The same with so many bytes taken before.
    pub fn at(self, before: usize) -> Turn {
        match self {
            Turn::Used(used) => Turn::Used(before + used),
            Turn::Opaque(used) => Turn::Opaque(before + used),
            Turn::Tunnel { used, port, expect } => Turn::Tunnel {
                used: before + used,
                port,
                expect,
            },
            Turn::More | Turn::Fail => self,
        }
    }

    /// The same, and another protocol follows.
    pub fn tunnel(self, port: Option<u16>, expect: Option<Protocol>) -> Turn {
        match self {
            Turn::Used(used) => Turn::Tunnel { used, port, expect },
            turn => turn,
        }
    }
}

/// One side's machine.
pub trait Side {
    fn step(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn;
    /// A line is longer than [`MAX_FIELD_BYTES`].
    fn too_long(&mut self, work: &mut Work<'_>);
}

/// Bytes that wait for the rest of their line.
#[derive(Debug, Default)]
pub struct Pending(Vec<u8>);

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Runs a side over what waits and what came. Also tells how many of the bytes at the end were left
    /// when the turn was a change of protocol.
    fn run(
        &mut self,
        side: &mut impl Side,
        data: &[u8],
        closed: bool,
        work: &mut Work<'_>,
    ) -> (Turn, usize) {
        if self.0.is_empty() {
            let (turn, used) = steps(side, data, closed, work);
            let rest = &data[used..];
            if turn == Turn::More {
                self.0.extend_from_slice(rest);
            }
            return (self.check(side, turn, work), rest.len());
        }
        let mut all = self.take();
        all.extend_from_slice(data);
        let (turn, used) = steps(side, &all, closed, work);
        let rest = all.len() - used;
        if turn == Turn::More {
            all.drain(..used);
            self.0 = all;
        }
        (self.check(side, turn, work), rest)
    }

    fn check(&mut self, side: &mut impl Side, turn: Turn, work: &mut Work<'_>) -> Turn {
        if self.0.len() <= MAX_FIELD_BYTES {
            return turn;
        }
        self.0 = Vec::new();
        side.too_long(work);
        Turn::Fail
    }
}

fn steps(side: &mut impl Side, data: &[u8], closed: bool, work: &mut Work<'_>) -> (Turn, usize) {
    let mut at = 0;
    loop {
        match side.step(&data[at..], closed, work) {
            Turn::Used(count) => at += count,
            turn @ (Turn::Tunnel { used, .. } | Turn::Opaque(used)) => return (turn, at + used),
            turn => return (turn, at),
        }
    }
}

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    request: RequestSide,
    request_pending: Pending,
    response: ResponseSide,
    response_pending: Pending,
    shared: Shared,
    awaiting: VecDeque<u64>,
    /// Nothing that follows is HTTP.
    opaque: bool,
}

impl State {
    fn run(
        &mut self,
        direction: Direction,
        data: &[u8],
        closed: bool,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Step {
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        let (turn, rest) = match direction {
            Direction::ToServer => {
                self.request_pending
                    .run(&mut self.request, data, closed, &mut work)
            }
            Direction::ToClient => {
                let begun = !self.request_pending.is_empty();
                self.request.response_begins(begun, &mut work);
                if self.request.is_http09() {
                    self.request_pending.clear();
                }
                let result = self
                    .response_pending
                    .run(&mut self.response, data, closed, &mut work);
                if self.response.refuses_body() {
                    self.request.skip_body(&mut work);
                }
                result
            }
        };
        match turn {
            Turn::Used(_) | Turn::More => {
                if direction == Direction::ToClient && self.request.resumes(&mut work) {
                    return self.resume(transactions, limits);
                }
                Step::More
            }
            Turn::Fail => Step::Failed,
            Turn::Opaque(_) => {
                self.opaque = true;
                Step::Finished
            }
            Turn::Tunnel { port, expect, .. } => {
                // A line end too many is none of the other protocol's bytes.
                let behind = &data[data.len() - rest.min(data.len())..];
                let waiting = self.request_pending.take();
                Step::Change {
                    rest: without_line_ends(behind).len(),
                    other: without_line_ends(&waiting).to_vec(),
                    port,
                    expect,
                }
            }
        }
    }

    /// The request side goes on with what waited for a response.
    fn resume(&mut self, transactions: &mut Transactions, limits: &Limits) -> Step {
        match self.run(Direction::ToServer, &[], false, transactions, limits) {
            // The step is of the other side than the one that is reported on.
            Step::Failed => Step::Failed,
            _ => Step::More,
        }
    }
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
        if self.opaque {
            return Step::Finished;
        }
        self.shared.now_ns = context.now_ns;
        self.run(direction, data, false, transactions, limits)
    }

    fn stay(&mut self, _: Direction, transactions: &mut Transactions) {
        let last = self.response.transaction();
        if let Some(tx) = live(transactions, last) {
            tx.raise(events::FAILED_PROTOCOL_CHANGE);
        }
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _context: &Context,
        limits: &Limits,
    ) -> Step {
        if self.opaque {
            return Step::Finished;
        }
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        match direction {
            Direction::ToServer => {
                self.request_pending.clear();
                self.request.gap(bytes, &mut work);
            }
            Direction::ToClient => {
                self.response_pending.clear();
                self.response.gap(bytes, &mut work);
            }
        }
        Step::More
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _context: &Context,
        limits: &Limits,
    ) {
        if self.opaque {
            return;
        }
        let told: Vec<(u64, usize)> = transactions
            .live_mut()
            .iter()
            .map(|tx| (tx.id, tx.events.len()))
            .collect();
        // A server that is gone answers nothing any more: both sides end.
        if direction == Direction::ToClient {
            self.run(Direction::ToServer, &[], true, transactions, limits);
        }
        self.run(direction, &[], true, transactions, limits);
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        self.request.end(&mut work);
        if direction == Direction::ToClient {
            self.response.end(&mut work);
            for tx in work.transactions.live_mut() {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                tx.advance(Direction::ToClient, Transaction::COMPLETE);
            }
        }
        for tx in transactions.live_mut() {
            let known = told.iter().find(|(id, _)| *id == tx.id);
            forget_events_of_the_end(tx, known.map_or(0, |&(_, events)| events));
        }
    }
}

/// What is odd only because a connection ended within a message is no event, but for what the whole of the message
/// shows.
fn forget_events_of_the_end(tx: &mut Transaction, known: usize) {
    let late = tx.events.split_off(known.min(tx.events.len()));
    let kept = late.into_iter().filter(|&event| {
        matches!(
            event,
            events::INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST
                | events::INVALID_CONTENT_LENGTH_FIELD_IN_REQUEST
                | events::MISSING_HOST_HEADER
                | events::HOST_HEADER_AMBIGUOUS
                | events::REQUEST_URI_HOST_INVALID
                | events::REQUEST_HEADER_HOST_INVALID
                | events::REQUEST_AUTH_UNRECOGNIZED
                | events::MULTIPART_NO_FILEDATA
                | events::MULTIPART_INVALID_HEADER
                | events::RANGE_INVALID
                | events::FILE_NAME_TOO_LONG
        )
    });
    tx.events.extend(kept);
}

fn without_line_ends(bytes: &[u8]) -> &[u8] {
    let line_ends = bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    &bytes[line_ends..]
}

/// Whether two values of `Content-Length` mean the same.
pub fn same_length(one: &[u8], other: &[u8]) -> bool {
    let (one, ..) = content_length(one);
    one.is_some() && one == content_length(other).0
}

/// Events for adding a field, by side: repetition, contradiction, too many.
pub fn added_event(added: Added, events: [u16; 3]) -> Vec<u16> {
    match added {
        Added::New | Added::AgainRepeated => Vec::new(),
        Added::Repeated => vec![events[0]],
        Added::Contradicts { first: true } => vec![events[1], events[0]],
        Added::Contradicts { first: false } => vec![events[1]],
        Added::TooMany => vec![events[2]],
    }
}

#[cfg(test)]
mod tests {
    use super::super::http;
    use crate::{AppLayer, BufferGetter, Context, FileState, Limits, Protocol};
    use proptest::prelude::*;
    use sensor_flow::Direction::{self, ToClient, ToServer};

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 80,
        client_port: 40_000,
    };

    fn run(pieces: &[(Direction, &[u8])], step: usize) -> AppLayer {
        let limits = Limits::default();
        let mut app = AppLayer::default();
        for (direction, bytes) in pieces {
            for chunk in bytes.chunks(step) {
                app.chunk(*direction, chunk, &CONTEXT, &limits);
            }
        }
        for direction in Direction::BOTH {
            app.close(direction, &CONTEXT, &limits);
        }
        app
    }

    /// Everything that the outside sees of the transactions, a line each.
    fn summary(app: &AppLayer) -> String {
        let mut text = String::new();
        let row = Protocol::Http1.row().expect("in the table");
        for tx in app.transactions() {
            let record = serde_json::to_string(&tx.record()).expect("serialises");
            text.push_str(&format!("{} {:?} {record}\n", tx.id, tx.progress));
            for file in &tx.files {
                let name = file.name.escape_ascii();
                text.push_str(&format!("  {name} {} {:?}\n", file.size, file.state));
            }
            for buffer in row.buffers {
                for direction in Direction::BOTH {
                    let bytes = match buffer.getter {
                        BufferGetter::One(getter) => getter(tx, direction),
                        BufferGetter::Many(getter) => getter(tx, direction, 0),
                    };
                    if let Some(bytes) = bytes {
                        let data = bytes.data.escape_ascii();
                        text.push_str(&format!("  {} {direction:?} {data}\n", buffer.name));
                    }
                }
            }
        }
        text
    }

    /// Body of the first response, byte by byte as well as at once.
    fn check_body(request: &[u8], response: &[u8], body: &[u8]) {
        for step in [usize::MAX, 1] {
            let app = run(&[(ToServer, request), (ToClient, response)], step);
            let tx = app.transactions().front().expect("a transaction");
            let got = http(tx).expect("http").response.message.body.window.data();
            assert_eq!(
                got.escape_ascii().to_string(),
                body.escape_ascii().to_string(),
                "{} by {step}",
                response.escape_ascii()
            );
        }
    }

    const GET: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn bodies_end_where_receivers_end_them() {
        let rows: &[(&[u8], &[u8])] = &[
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil close", b"until close"),
            (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"ok"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x2x\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2;x\r\nok\r\n0\r\nT: 1\r\n\r\n", b"ok"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\0\r\n\r\n 2 \r\nok\r\n0\r\n\r\n", b"ok"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk", b"no chunk"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 304 No\r\n\r\n", b""),
            (b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        ];
        for (response, body) in rows {
            check_body(GET, response, body);
        }
        check_body(
            b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
            b"",
        );
        check_body(b"GET /\r\n", b"all of it", b"all of it");
    }

    #[test]
    fn what_is_odd_about_a_response_and_where_its_file_ends() {
        use FileState::{Closed, Truncated};
        // `gzip` of "hello".
        const GZIP: &[u8] =
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0";
        let coded =
            |head: &[u8], behind: &[u8]| [b"HTTP/1.1 200 OK\r\n", head, GZIP, behind].concat();
        let plain = |rest: &[u8]| [b"HTTP/1.1 200 OK\r\n", rest].concat();
        type Row = (Vec<u8>, &'static [&'static str], Option<(u64, FileState)>);
        let rows: &[Row] = &[
            // More than announced: told when its line is over, not at the end of the connection.
            (
                plain(b"Content-Length: 2\r\n\r\nokmore"),
                &[],
                Some((6, Closed)),
            ),
            (
                plain(b"Content-Length: 2\r\n\r\nokmore\nand\n"),
                &["response_body_unexpected", "response_body_unexpected"],
                Some((11, Closed)),
            ),
            (
                plain(b"Content-Length: 2\r\n\r\nok\nand\nall\n"),
                &["response_body_unexpected"],
                Some((11, Closed)),
            ),
            (
                coded(
                    b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n",
                    b"more\n",
                ),
                &["response_body_unexpected"],
                Some((5, Truncated)),
            ),
            // Where chunks stop short, the file does.
            (
                plain(b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
                &[],
                Some((2, Truncated)),
            ),
            (
                plain(b"Content-Length: 9\r\n\r\nok"),
                &[],
                Some((2, Closed)),
            ),
            // Once in a transaction: a name that is none, whatever is wrong with it; a line without colon or name.
            (
                plain(b"A : 1\r\nB(: 2\r\nno colon\r\n: 3\r\nContent-Length: 2\r\n\r\nok"),
                &[
                    "response_invalid_lws_after_name",
                    "response_field_missing_colon",
                    "response_header_repetition",
                ],
                Some((2, Closed)),
            ),
            (
                plain(b"Content-Length: x\r\n\r\nok"),
                &["invalid_content_length_field_in_response"],
                None,
            ),
            (
                plain(b"Content-Range: 0-1/2\r\nContent-Length: 2\r\n\r\nok"),
                &["range_invalid"],
                Some((2, Closed)),
            ),
        ];
        for (response, events, file) in rows {
            let app = run(&[(ToServer, GET), (ToClient, response)], usize::MAX);
            let tx = app.transactions().front().expect("a transaction");
            let name = |number: &u16| {
                let row = super::events::EVENTS
                    .iter()
                    .find(|row| row.number == *number);
                row.map(|row| row.name)
            };
            let got: Vec<_> = tx.events.iter().filter_map(name).collect();
            let case = response.escape_ascii();
            assert_eq!(got, *events, "{case}");
            let got = tx.files.first().map(|file| (file.size, file.state));
            assert_eq!(got, *file, "{case}");
        }
    }

    #[test]
    fn pipelined_requests_meet_their_responses() {
        let requests = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n\
            Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: x\r\n\r\n";
        let responses = b"HTTP/1.1 201 A\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 202 B\r\n\
            Content-Length: 1\r\n\r\n2HTTP/1.1 203 C\r\nContent-Length: 1\r\n\r\n3";
        let app = run(&[(ToServer, requests), (ToClient, responses)], 5);
        let seen: Vec<_> = app
            .transactions()
            .iter()
            .map(|tx| {
                let http = http(tx).expect("http");
                (
                    String::from_utf8(http.request.uri.clone().expect("a target")).expect("ASCII"),
                    http.response.status_number,
                    tx.files.len(),
                )
            })
            .collect();
        let expected = [("/1", 201, 1), ("/2", 202, 2), ("/3", 203, 1)];
        assert_eq!(
            seen,
            expected.map(|(uri, status, files)| (uri.to_owned(), Some(status), files))
        );
    }

    #[test]
    fn a_response_without_request_is_a_transaction() {
        let mut app = AppLayer::default();
        let limits = Limits::default();
        app.chunk(ToServer, GET, &CONTEXT, &limits);
        let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        app.chunk(ToClient, twice, &CONTEXT, &limits);
        assert_eq!(app.transaction_count(), 2);
        let stray = app.transactions().back().expect("two");
        assert_eq!(http(stray).expect("http").response.status_number, Some(404));
        assert!(stray.is_complete(ToServer) && stray.is_complete(ToClient));
    }

    #[test]
    fn connect_leads_to_another_protocol() {
        let limits = Limits::default();
        let mut app = AppLayer::default();
        let connect = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
        app.chunk(ToServer, connect, &CONTEXT, &limits);
        app.chunk(ToClient, b"HTTP/1.1 200 OK\r\n\r\n", &CONTEXT, &limits);
        assert!(app.is_changing());
        assert_eq!(app.original_protocol(), Some(Protocol::Http1));
        app.chunk(ToServer, GET, &CONTEXT, &limits);
        assert!(!app.is_changing());
        assert_eq!(app.protocol(), Protocol::Http1);
        let inner = app.transactions().back().expect("two");
        assert_eq!((inner.id, inner.number), (1, 0));
    }

    /// A server that speaks no HTTP: what comes at once is a body, what comes later another response, as in Suricata.
    #[test]
    fn lines_that_are_no_status_end_with_their_segment() {
        let lengths = |pieces: &[(Direction, &[u8])]| -> Vec<usize> {
            let app = run(pieces, usize::MAX);
            let bodies = app.transactions().iter().map(|tx| {
                let response = &http(tx).expect("http").response;
                response.message.body.window.data().len()
            });
            bodies.collect()
        };
        let whole: &[u8] = b"junk is body\r\nand more";
        assert_eq!(lengths(&[(ToServer, GET), (ToClient, whole)]), [22]);
        let (banner, rest) = (&whole[..14], &whole[14..]);
        let cut = [(ToServer, GET), (ToClient, banner), (ToClient, rest)];
        assert_eq!(lengths(&cut), [14, 8]);
    }

    #[test]
    fn gaps_in_bodies_are_bridged() {
        let limits = Limits::default();
        let mut app = AppLayer::default();
        app.chunk(ToServer, GET, &CONTEXT, &limits);
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab";
        app.chunk(ToClient, head, &CONTEXT, &limits);
        app.gap(ToClient, 6, &CONTEXT, &limits);
        app.chunk(ToClient, b"cd", &CONTEXT, &limits);
        app.chunk(ToServer, GET, &CONTEXT, &limits);
        app.chunk(ToClient, head, &CONTEXT, &limits);
        let first = app.transactions().front().expect("two");
        let file = first.files.first().expect("the body");
        assert_eq!(
            (file.size, file.gaps, file.state),
            (10, true, FileState::Truncated)
        );
        assert!(first.is_complete(ToClient));
        assert_eq!(app.transaction_count(), 2);
    }

    #[test]
    fn bodies_have_a_limit() {
        let limits = Limits {
            http_response_body_bytes: 5,
            ..Limits::default()
        };
        let mut app = AppLayer::default();
        app.chunk(ToServer, GET, &CONTEXT, &limits);
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456";
        app.chunk(ToClient, response, &CONTEXT, &limits);
        let file = |app: &AppLayer| {
            let tx = app.transactions().front().expect("one");
            let file = tx.files.first().expect("the body");
            (file.size, file.state)
        };
        assert_eq!(file(&app), (5, FileState::Open));
        app.chunk(ToClient, b"789", &CONTEXT, &limits);
        assert_eq!(file(&app), (5, FileState::Truncated));
        let tx = app.transactions().front().expect("one");
        assert_eq!(http(tx).expect("http").response.message.body.wire_bytes, 10);
    }

    #[test]
    fn endless_lines_end_parsing() {
        let limits = Limits::default();
        let mut app = AppLayer::default();
        app.chunk(ToServer, b"GET /", &CONTEXT, &limits);
        for _ in 0..40 {
            app.chunk(ToServer, &[b'a'; 1000], &CONTEXT, &limits);
        }
        assert!(app.is_finished(ToServer) && app.is_finished(ToClient));
    }

    fn exchange() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let body = proptest::collection::vec(any::<u8>(), 0..60);
        let coding = 0usize..4;
        ("[a-z/.%]{0,8}", body.clone(), body, coding, any::<bool>()).prop_map(
            |(path, sent, answered, coding, fold)| {
                let mut request = format!("POST /{path} HTTP/1.1\r\nHost: h.example\r\n");
                if fold {
                    request.push_str("X-Folded: a\r\n b\r\n");
                }
                request.push_str(&format!("Content-Length: {}\r\n\r\n", sent.len()));
                let mut request = request.into_bytes();
                request.extend_from_slice(&sent);
                let mut response = b"HTTP/1.1 200 OK\r\n".to_vec();
                match coding {
                    0 => {
                        let head = format!("Content-Length: {}\r\n\r\n", answered.len());
                        response.extend_from_slice(head.as_bytes());
                        response.extend_from_slice(&answered);
                    }
                    1 => {
                        response.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                        for chunk in answered.chunks(7) {
                            response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                            response.extend_from_slice(chunk);
                            response.extend_from_slice(b"\r\n");
                        }
                        response.extend_from_slice(b"0\r\nT: 1\r\n\r\n");
                    }
                    2 => {
                        let mut encoder = flate2::write::GzEncoder::new(
                            Vec::new(),
                            flate2::Compression::default(),
                        );
                        std::io::Write::write_all(&mut encoder, &answered).expect("to memory");
                        let coded = encoder.finish().expect("to memory");
                        let head = format!(
                            "Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                            coded.len()
                        );
                        response.extend_from_slice(head.as_bytes());
                        response.extend_from_slice(&coded);
                    }
                    _ => response.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
                }
                (request, response)
            },
        )
    }

    fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = cuts.iter().map(|at| at % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2)
            .map(|pair| bytes[pair[0]..pair[1]].to_vec())
            .collect()
    }

    proptest! {
        #[test]
        fn any_chunking_yields_the_same_transactions(
            exchanges in proptest::collection::vec(exchange(), 1..4),
            cuts in proptest::collection::vec(any::<usize>(), 0..12),
        ) {
            let mut whole = Vec::new();
            let mut chunked = Vec::new();
            for (request, response) in &exchanges {
                whole.extend([(ToServer, request.clone()), (ToClient, response.clone())]);
                chunked.extend(cut(request, &cuts).into_iter().map(|bytes| (ToServer, bytes)));
                chunked.extend(cut(response, &cuts).into_iter().map(|bytes| (ToClient, bytes)));
            }
            let view = |pieces: &[(Direction, Vec<u8>)]| {
                let pieces: Vec<_> = pieces.iter().map(|(side, bytes)| (*side, bytes.as_slice())).collect();
                summary(&run(&pieces, usize::MAX))
            };
            prop_assert_eq!(view(&whole), view(&chunked));
        }

        #[test]
        fn no_input_panics(
            words in proptest::collection::vec(
                (any::<bool>(), proptest::sample::select(WORDS.to_vec())), 0..60),
            step in 1usize..40,
        ) {
            let mut pieces: Vec<(Direction, &[u8])> = vec![(ToServer, b"GET / ")];
            for (to_server, word) in words {
                pieces.push((if to_server { ToServer } else { ToClient }, word));
            }
            summary(&run(&pieces, step));
        }
    }

    const WORDS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 100 C\r\n\r\n",
        b"HTTP/1.1 101 S\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"5\r\nabcde\r\n",
        b"0\r\n\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        b"\0",
        b"x",
        b"Content-Type: multipart/form-data; boundary=b\r\n",
        b"POST /p HTTP/1.1\r\n",
        b"--b\r\n",
        b"Content-Disposition: form-data; filename=\"f\"\r\n\r\n",
        b"--b--\r\n",
        b"abc",
    ];
}
