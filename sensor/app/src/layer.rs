//! The application side of one flow: find the protocol, then feed its parser.
//!
//! Detection is by content on either side, in the order of [`PROTOCOLS`]; ports are for probes to weigh.
//! Until the protocol is known, the bytes of both sides are held here, so that a side which says nothing
//! typical is still parsed once the other one has spoken.

use std::collections::VecDeque;

use crate::file::{FileState, Hashes};
use crate::parser::{Parser, Prefix, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{PROTOCOLS, Protocol, Transaction};
use sensor_flow::Direction;

/// Bytes of one side that probes may ask for.
pub const MAX_PROBE_BYTES: usize = 4 * 1024;
/// Bytes of one side held while the other has not told the protocol.
pub const MAX_HELD_BYTES: usize = 100_000;
/// Bytes of one side held after a change of protocol.
pub const MAX_CHANGE_BYTES: usize = 1024;
/// Changes of protocol within one flow; later ones end parsing.
pub const MAX_CHANGES: u8 = 8;

/// What a parser may need besides bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Nanoseconds since the epoch, of the packet that caused the call.
    pub now_ns: i64,
    pub server_port: u16,
    pub client_port: u16,
}

/// Limits that configuration may change (names and defaults as Suricata's configuration).
#[derive(Debug, Clone)]
pub struct Limits {
    /// 0 is no limit.
    pub http_request_body_bytes: u64,
    /// 0 is no limit.
    pub http_response_body_bytes: u64,
    pub http_decompress_layers: usize,
    /// Output of one decompressed body at which its input is weighed against it.
    pub http_compression_bomb_bytes: u64,
    pub http_double_decode_path: bool,
    pub http_double_decode_query: bool,
    /// Hashes to compute over files.
    pub hashes: Hashes,
    /// Bytes of a file or body that stay readable behind the newest one.
    pub window_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            http_request_body_bytes: 100 * 1024,
            http_response_body_bytes: 100 * 1024,
            http_decompress_layers: 2,
            http_compression_bomb_bytes: 1024 * 1024,
            http_double_decode_path: false,
            http_double_decode_query: false,
            hashes: Hashes::default(),
            window_bytes: 100 * 1024,
        }
    }
}

/// One side while its protocol is looked for, and after.
#[derive(Debug)]
struct Side {
    protocol: Protocol,
    /// Bytes not yet given to a parser.
    held: Vec<u8>,
    /// No probe can say more about this side.
    probed: bool,
    /// Detection is over: bytes go to the parser.
    done: bool,
    finished: bool,
    closed: bool,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            protocol: Protocol::Unknown,
            held: Vec::new(),
            probed: false,
            done: false,
            finished: false,
            closed: false,
        }
    }
}

/// A change of protocol under way.
#[derive(Debug, Clone, Copy)]
struct Change {
    port: Option<u16>,
    expect: Option<Protocol>,
}

/// Protocol detection, parser and transactions of one flow.
#[derive(Debug)]
pub struct AppLayer {
    protocol: Protocol,
    original: Option<Protocol>,
    parser: Option<Box<dyn Parser>>,
    transactions: Transactions,
    sides: [Side; 2],
    first_data: Option<Direction>,
    /// Bytes have reached a parser since detection began.
    parsing: bool,
    midstream: bool,
    reversed: bool,
    change: Option<Change>,
    changes: u8,
    events: Vec<&'static str>,
}

impl Default for AppLayer {
    fn default() -> Self {
        AppLayer {
            protocol: Protocol::Unknown,
            original: None,
            parser: None,
            transactions: Transactions::default(),
            sides: [Side::default(), Side::default()],
            first_data: None,
            parsing: false,
            midstream: false,
            reversed: false,
            change: None,
            changes: 0,
            events: Vec::new(),
        }
    }
}

impl AppLayer {
    /// The start of the flow was not seen: its sides may be the wrong way round, and only what the client
    /// says counts in detection.
    pub fn set_midstream(&mut self) {
        self.midstream = true;
    }

    /// In-order stream bytes of one side.
    pub fn chunk(&mut self, direction: Direction, data: &[u8], context: &Context, limits: &Limits) {
        if data.is_empty() || self.protocol == Protocol::Failed {
            return;
        }
        self.first_data.get_or_insert(direction);
        if self.sides[direction.index()].done {
            self.parse(direction, data, context, limits);
            return;
        }
        self.sides[direction.index()].held.extend_from_slice(data);
        self.detect(direction, context, limits);
    }

    /// Stream bytes that will never come.
    pub fn gap(&mut self, direction: Direction, bytes: u64, context: &Context, limits: &Limits) {
        if self.protocol == Protocol::Failed {
            return;
        }
        if !self.sides[direction.index()].done {
            if self.protocol == Protocol::Unknown {
                self.fail();
                return;
            }
            self.settle_by_other(direction, context, limits);
        }
        if self.sides[direction.index()].finished {
            return;
        }
        if let Some(mut parser) = self.parser.take() {
            let step = parser.gap(direction, bytes, &mut self.transactions, context, limits);
            self.parser = Some(parser);
            self.after(step, direction, &[], context, limits);
        }
    }

    /// No more bytes from this side (FIN, RST, time-out).
    pub fn close(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let side = &mut self.sides[direction.index()];
        if std::mem::replace(&mut side.closed, true) || self.protocol == Protocol::Failed {
            return;
        }
        if !side.done && !side.held.is_empty() {
            side.probed = true;
            if self.protocol.is_known() {
                self.settle_by_other(direction, context, limits);
            }
        }
        if let Some(parser) = &mut self.parser {
            parser.close(direction, &mut self.transactions, context, limits);
        }
        if self.protocol == Protocol::Unknown && self.sides.iter().all(|side| side.closed) {
            self.fail();
        }
    }

    /// One UDP payload.
    pub fn datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        context: &Context,
        limits: &Limits,
    ) {
        if self.protocol == Protocol::Failed {
            return;
        }
        self.first_data.get_or_insert(direction);
        if self.protocol == Protocol::Unknown {
            let prefix = Prefix {
                transport: Transport::Udp,
                direction,
                data,
                server_port: context.server_port,
                client_port: context.client_port,
            };
            let Some((protocol, verdict)) = probe(&prefix).0 else {
                let side = &mut self.sides[direction.index()];
                side.probed = true;
                side.protocol = Protocol::Failed;
                side.done = true;
                if self.sides.iter().all(|side| side.done) {
                    self.fail();
                }
                return;
            };
            self.reversed = verdict == Verdict::Reversed;
            self.protocol = protocol;
            self.parser = protocol.row().map(|row| (row.parser)(Transport::Udp));
        }
        let side = &mut self.sides[direction.index()];
        side.done = true;
        if side.protocol == Protocol::Unknown {
            side.protocol = self.protocol;
        }
        self.parse(direction, data, context, limits);
    }

    /// Protocol of the flow, `Unknown` or `Failed`.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }
    /// Protocol seen on one side (EVE `app_proto_ts`, `app_proto_tc`).
    pub fn side_protocol(&self, direction: Direction) -> Protocol {
        self.sides[direction.index()].protocol
    }
    /// The protocol found before a change (STARTTLS, upgrade): EVE `app_proto_orig`.
    pub fn original_protocol(&self) -> Option<Protocol> {
        self.original
    }
    /// Whether detection has finished for this side (found or given up).
    pub fn detection_done(&self, direction: Direction) -> bool {
        self.protocol == Protocol::Failed || self.sides[direction.index()].done
    }
    /// The content says that the flow's client is its server (after a midstream pickup).
    pub fn is_reversed(&self) -> bool {
        self.reversed
    }
    /// The parser needs nothing more (encrypted data, error): the stream may skip reassembly for it.
    pub fn is_finished(&self, direction: Direction) -> bool {
        self.protocol == Protocol::Failed || self.sides[direction.index()].finished
    }
    /// Transactions not yet retired, oldest first.
    pub fn transactions(&self) -> &VecDeque<Transaction> {
        self.transactions.live()
    }
    /// The same, to mark events and files as reported.
    pub fn transactions_mut(&mut self) -> &mut VecDeque<Transaction> {
        self.transactions.live_mut()
    }
    /// Forgets transactions that are `done`, from the front, and any done ones in between.
    pub fn retire(&mut self, done: impl Fn(&Transaction) -> bool) {
        self.transactions.live_mut().retain(|tx| !done(tx));
    }
    /// Transactions made so far.
    pub fn transaction_count(&self) -> u64 {
        self.transactions.begun()
    }
    /// Events of the flow itself, not of a transaction (detection: "applayer_mismatch_protocol_both_directions", …).
    pub fn take_events(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.events)
    }

    /// Looks for the protocol in what is held of a side.
    fn detect(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let index = direction.index();
        if !self.sides[index].probed {
            match self.look(direction, context) {
                Some((protocol, verdict)) => {
                    self.found(direction, protocol, verdict, context, limits);
                    return;
                }
                None if !self.sides[index].probed => {}
                None => {
                    if self.midstream
                        && direction == Direction::ToServer
                        && self.protocol == Protocol::Unknown
                    {
                        self.fail();
                        return;
                    }
                }
            }
        }
        if self.protocol.is_known() {
            if self.sides[index].probed {
                self.settle_by_other(direction, context, limits);
            }
            return;
        }
        self.give_up_when_hopeless(direction);
    }

    /// Asks the probes. Without an answer, `probed` tells whether more bytes could bring one.
    fn look(&mut self, direction: Direction, context: &Context) -> Option<(Protocol, Verdict)> {
        let side = &mut self.sides[direction.index()];
        let mut prefix = Prefix {
            transport: Transport::Tcp,
            direction,
            data: &side.held[..side.held.len().min(MAX_PROBE_BYTES)],
            server_port: self
                .change
                .and_then(|change| change.port)
                .unwrap_or(context.server_port),
            client_port: context.client_port,
        };
        let (found, more) = probe(&prefix);
        if found.is_some() {
            return found;
        }
        if self.midstream && self.protocol == Protocol::Unknown {
            prefix.direction = direction.opposite();
            if let (Some((protocol, Verdict::Yes)), _) = probe(&prefix) {
                return Some((protocol, Verdict::Reversed));
            }
        }
        side.probed = !more || side.held.len() >= MAX_PROBE_BYTES;
        None
    }

    /// A side has told its protocol.
    fn found(
        &mut self,
        direction: Direction,
        protocol: Protocol,
        verdict: Verdict,
        context: &Context,
        limits: &Limits,
    ) {
        let mut direction = direction;
        let other = self.sides[direction.opposite().index()].protocol;
        let known = other.is_known();
        if known && other != protocol {
            self.events
                .push("applayer_mismatch_protocol_both_directions");
        }
        self.sides[direction.index()].protocol = protocol;
        // The server is trusted more, as long as no parser has begun.
        if !known || (!self.parsing && direction == Direction::ToClient) {
            self.settle(protocol);
        }
        if verdict == Verdict::Reversed && self.midstream && !known && !self.parsing {
            self.reversed = true;
            self.sides.swap(0, 1);
            self.first_data = self.first_data.map(Direction::opposite);
            direction = direction.opposite();
        }
        if !self.parsing
            && let Some(first) = protocol.row().and_then(|row| row.first)
            && !self.midstream
        {
            if self.first_data.is_some_and(|seen| seen != first) {
                self.events.push("applayer_wrong_direction_first_data");
                self.fail();
                return;
            }
            let waiting = &self.sides[first.index()];
            if direction != first && !waiting.done && !waiting.held.is_empty() {
                // The side that has to come first said nothing typical: it goes first all the same.
                self.sides[first.index()].probed = true;
                self.settle_by_other(first, context, limits);
            }
        }
        self.sides[direction.index()].done = true;
        let opposite = direction.opposite();
        let opposite_first = self.first_data == Some(opposite);
        if opposite_first {
            self.detect_held(opposite, context, limits);
        }
        self.release(direction, context, limits);
        if !opposite_first {
            self.detect_held(opposite, context, limits);
        }
    }

    /// Looks again at a side that waits, now that the flow's protocol is known.
    fn detect_held(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let side = &self.sides[direction.index()];
        if self.protocol.is_known() && !side.done && !side.held.is_empty() {
            self.detect(direction, context, limits);
        }
    }

    /// The flow's protocol is this one.
    fn settle(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.parser = protocol.row().map(|row| (row.parser)(Transport::Tcp));
        if let Some(change) = self.change.take()
            && change.expect.is_some_and(|expected| expected != protocol)
        {
            self.events.push("applayer_unexpected_protocol");
            if change.expect == Some(Protocol::Tls) {
                self.events.push("applayer_no_tls_after_starttls");
            }
        }
    }

    /// This side never told its protocol, the other one did: its bytes go to the same parser.
    fn settle_by_other(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        self.events
            .push("applayer_detect_protocol_only_one_direction");
        self.sides[direction.index()].protocol = Protocol::Failed;
        self.release(direction, context, limits);
    }

    /// Detection of this side is over: what was held goes to the parser.
    fn release(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let side = &mut self.sides[direction.index()];
        side.done = true;
        let held = std::mem::take(&mut side.held);
        if !held.is_empty() {
            self.parse(direction, &held, context, limits);
        }
    }

    fn parse(&mut self, direction: Direction, data: &[u8], context: &Context, limits: &Limits) {
        if self.sides[direction.index()].finished {
            return;
        }
        let Some(mut parser) = self.parser.take() else {
            return;
        };
        self.parsing = true;
        let step = parser.chunk(direction, data, &mut self.transactions, context, limits);
        self.parser = Some(parser);
        self.after(step, direction, data, context, limits);
    }

    fn after(
        &mut self,
        step: Step,
        direction: Direction,
        data: &[u8],
        context: &Context,
        limits: &Limits,
    ) {
        match step {
            Step::More => {}
            Step::Finished => self.sides[direction.index()].finished = true,
            // The protocol stays known: what was parsed so far is still its.
            Step::Failed => {
                self.sides.iter_mut().for_each(|side| side.finished = true);
                self.end_transactions();
            }
            Step::Change {
                rest,
                other,
                port,
                expect,
            } => {
                self.changes += 1;
                if self.changes > MAX_CHANGES {
                    self.fail();
                    return;
                }
                self.original = Some(self.protocol);
                self.transactions.renumber();
                self.change = Some(Change { port, expect });
                self.protocol = Protocol::Unknown;
                self.parser = None;
                self.parsing = false;
                self.first_data = None;
                for side in &mut self.sides {
                    side.protocol = Protocol::Unknown;
                    side.done = false;
                    side.probed = false;
                    side.finished = false;
                }
                let rest = &data[data.len() - rest.min(data.len())..];
                self.chunk(direction.opposite(), &other, context, limits);
                self.chunk(direction, rest, context, limits);
            }
        }
    }

    /// No transaction will go on: what is open is cut.
    fn end_transactions(&mut self) {
        for tx in self.transactions.live_mut() {
            for direction in Direction::BOTH {
                tx.advance(direction, Transaction::COMPLETE);
            }
            for file in &mut tx.files {
                file.close(FileState::Truncated);
            }
        }
    }

    /// Gives up when neither side can tell the protocol any more, or too much is held.
    fn give_up_when_hopeless(&mut self, direction: Direction) {
        let [client, server] = &self.sides;
        if client.probed && server.probed {
            self.fail();
            return;
        }
        let held = self.sides[direction.index()].held.len();
        if self.change.is_some() && held >= MAX_CHANGE_BYTES {
            self.fail();
        } else if held > MAX_HELD_BYTES {
            self.events.push("applayer_proto_detection_skipped");
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.protocol = Protocol::Failed;
        self.parser = None;
        self.change = None;
        for side in &mut self.sides {
            if side.protocol == Protocol::Unknown {
                side.protocol = Protocol::Failed;
            }
            side.done = true;
            side.finished = true;
            side.held = Vec::new();
        }
    }
}

/// Asks every protocol in turn. Without an answer, whether one of them wants more bytes.
fn probe(prefix: &Prefix<'_>) -> (Option<(Protocol, Verdict)>, bool) {
    let mut more = false;
    for row in PROTOCOLS {
        if !row.transports.contains(&prefix.transport) {
            continue;
        }
        match (row.probe)(prefix) {
            Verdict::No => {}
            Verdict::More => more = true,
            verdict => return (Some((row.protocol, verdict)), more),
        }
    }
    (None, more)
}
