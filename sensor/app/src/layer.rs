//! The application side of one flow: find the protocol, then feed its parser.
//!
//! Detection is by content on either side, in the order of [`PROTOCOLS`]; ports are for probes to weigh.
//! Until the protocol is known, the bytes of both sides are held here, so that a side which says nothing
//! typical is still parsed once the other one has spoken.

mod detection;

use std::collections::VecDeque;

use crate::file::FileState;
use crate::frame::Frames;
use crate::parser::{Parser, Step, Verdict};
use crate::transactions::Transactions;
use crate::{Context, Expected, Limits, Protocol, Transaction};
use sensor_flow::Direction;

/// Bytes of one side that probes may ask for.
pub const MAX_PROBE_BYTES: usize = 4 * 1024;
/// Bytes of one side held while the other has not told the protocol.
pub const MAX_HELD_BYTES: usize = 100_000;
/// Bytes of one side held after a change of protocol.
pub const MAX_CHANGE_BYTES: usize = 1024;
/// Changes of protocol within one flow; later ones end parsing.
pub const MAX_CHANGES: u8 = 8;

/// One side while its protocol is looked for, and after.
#[derive(Debug)]
struct Side {
    protocol: Protocol,
    /// Bytes not yet given to a parser.
    held: Vec<u8>,
    /// Bytes of the stream that have come, lost ones too; of UDP, of the last datagram.
    received: u64,
    /// Bytes that no parser will see: those of a gap before the protocol was known, and behind it.
    lost: u64,
    /// No probe can say more about this side.
    probed: bool,
    /// A change of protocol came before these bytes: they are looked at with the next packet.
    waiting: bool,
    /// Detection is over: bytes go to the parser.
    done: bool,
    finished: bool,
    closed: bool,
    /// Its parser knows that nothing more comes.
    ended: bool,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            protocol: Protocol::Unknown,
            held: Vec::new(),
            received: 0,
            lost: 0,
            probed: false,
            waiting: false,
            done: false,
            finished: false,
            closed: false,
            ended: false,
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
    /// What the last change was to lead to.
    awaited: Option<Protocol>,
    parser: Option<Box<dyn Parser>>,
    transactions: Transactions,
    sides: [Side; 2],
    first_data: Option<Direction>,
    /// Bytes have reached a parser since detection began.
    parsing: bool,
    midstream: bool,
    /// Its bytes come in datagrams.
    datagrams: bool,
    reversed: bool,
    change: Option<Change>,
    /// The first bytes of a changed protocol are being read: it cannot change again with them.
    changing: bool,
    changes: u8,
    failures: u64,
    /// What another flow said of this one.
    expected: Option<Expected>,
    events: Vec<&'static str>,
}

impl Default for AppLayer {
    fn default() -> Self {
        AppLayer {
            protocol: Protocol::Unknown,
            original: None,
            awaited: None,
            parser: None,
            transactions: Transactions::default(),
            sides: [Side::default(), Side::default()],
            first_data: None,
            parsing: false,
            midstream: false,
            datagrams: false,
            reversed: false,
            change: None,
            changing: false,
            changes: 0,
            failures: 0,
            expected: None,
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

    /// The files of a side are to be stored: those of one transaction, or of all that are live.
    pub fn store(&mut self, id: Option<u64>, direction: Direction) {
        for transaction in self.transactions.live_mut() {
            if id.is_none_or(|id| transaction.id == id) {
                transaction.stores[direction.index()] = true;
            }
        }
    }

    /// Another flow knows what this one is, should its own bytes not tell.
    pub fn expect(&mut self, expected: Expected) {
        self.expected.get_or_insert(expected);
    }

    /// Flows that this one has told of since the last call.
    pub fn take_expected(&mut self) -> Vec<Expected> {
        self.transactions.take_expected()
    }

    /// In-order stream bytes of one side.
    pub fn chunk(&mut self, direction: Direction, data: &[u8], context: &Context, limits: &Limits) {
        self.sides[direction.index()].received += data.len() as u64;
        self.take(direction, data, context, limits);
    }

    /// The next bytes of a side come together with its end.
    pub fn note_last(&mut self, direction: Direction) {
        let from = self.sides[direction.index()].received;
        self.transactions.frames.note_last(direction, from);
    }

    /// Looks at what has waited since a change of protocol; whether there was anything.
    pub fn resume(&mut self, direction: Direction, context: &Context, limits: &Limits) -> bool {
        let waited = std::mem::take(&mut self.sides[direction.index()].waiting);
        if waited {
            self.detect(direction, context, limits);
        }
        waited
    }

    /// What follows a change of protocol: rules look at what came before it first.
    fn wait(&mut self, direction: Direction, data: &[u8]) {
        if !data.is_empty() {
            self.first_data.get_or_insert(direction);
            let side = &mut self.sides[direction.index()];
            side.held.extend_from_slice(data);
            side.waiting = true;
        }
    }

    fn take(&mut self, direction: Direction, data: &[u8], context: &Context, limits: &Limits) {
        if data.is_empty() || self.protocol == Protocol::Failed {
            return;
        }
        self.first_data.get_or_insert(direction);
        if self.sides[direction.index()].done {
            if self.parser.is_none() {
                self.sides[direction.index()].lost += data.len() as u64;
            }
            self.parse(direction, data, context, limits);
            return;
        }
        let side = &mut self.sides[direction.index()];
        side.waiting = false;
        side.held.extend_from_slice(data);
        self.detect(direction, context, limits);
    }

    /// Stream bytes that will never come.
    pub fn gap(&mut self, direction: Direction, bytes: u64, context: &Context, limits: &Limits) {
        self.sides[direction.index()].received += bytes;
        if self.protocol == Protocol::Failed {
            return;
        }
        if !self.sides[direction.index()].done {
            if self.protocol == Protocol::Unknown {
                self.lose(direction, bytes);
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
        self.resume(direction, context, limits);
        let side = &mut self.sides[direction.index()];
        if std::mem::replace(&mut side.closed, true) || self.protocol == Protocol::Failed {
            return;
        }
        if !side.done && !side.held.is_empty() {
            side.probed = true;
            if self.protocol.is_known() {
                // It has said too little to tell another protocol.
                side.protocol = self.protocol;
                self.release(direction, context, limits);
            }
        }
        // A side that has said nothing ends with the flow: until then its replies are awaited.
        let silent = !self.datagrams && !self.sides[direction.index()].done;
        if let Some(parser) = self.parser.as_mut().filter(|_| !silent) {
            self.transactions.frames.begin_close(direction);
            parser.close(direction, &mut self.transactions, context, limits);
            self.sides[direction.index()].ended = true;
        }
        self.transactions.frames.close(direction);
        if self.protocol == Protocol::Unknown && self.sides.iter().all(|side| side.closed) {
            let told = self.sides.iter().all(|side| side.received > 0);
            if told || self.midstream && self.sides[0].probed {
                self.fail();
            } else {
                // One side alone does not tell that the protocol is none of ours: it stays unknown.
                self.end();
            }
        }
    }

    /// The reassembly depth is reached: no more bytes of this side will be handed over, though more were sent.
    pub fn truncate(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        for transaction in self.transactions.live_mut() {
            for file in &mut transaction.files {
                if file.direction == direction {
                    file.close(FileState::Truncated);
                }
            }
        }
        self.close(direction, context, limits);
    }

    /// One UDP payload.
    pub fn datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        context: &Context,
        limits: &Limits,
    ) {
        if self
            .sides
            .iter()
            .all(|side| side.protocol == Protocol::Failed)
        {
            return;
        }
        let mut direction = direction;
        self.datagrams = true;
        self.first_data.get_or_insert(direction);
        if self.sides[direction.index()].protocol == Protocol::Unknown
            && self.detect_datagram(direction, data, context, limits) == Verdict::Reversed
        {
            self.reversed = true;
            self.sides.swap(0, 1);
            self.transactions.frames.swap();
            direction = direction.opposite();
        }
        if self.protocol.is_known() {
            self.sides[direction.index()].received = data.len() as u64;
            self.transactions.frames.begin_datagram(direction);
            self.parse(direction, data, context, limits);
        }
    }

    /// Protocol of the flow, `Unknown` or `Failed`.
    /// While another one is looked for it is the one before.
    pub fn protocol(&self) -> Protocol {
        match self.original {
            Some(original) if self.change.is_some() => original,
            _ => self.protocol,
        }
    }
    /// Protocol seen on one side (EVE `app_proto_ts`, `app_proto_tc`).
    pub fn side_protocol(&self, direction: Direction) -> Protocol {
        match self.original {
            Some(original) if self.change.is_some() => original,
            _ => self.sides[direction.index()].protocol,
        }
    }
    /// The protocol found before a change (STARTTLS, upgrade): EVE `app_proto_orig`.
    pub fn original_protocol(&self) -> Option<Protocol> {
        self.original.filter(|&original| original != self.protocol)
    }
    /// What the last change was to lead to and has not led to (EVE `app_proto_expected`).
    pub fn expected_protocol(&self) -> Option<Protocol> {
        self.awaited.filter(|&awaited| awaited != self.protocol)
    }
    /// Whether detection has finished for this side (found or given up).
    pub fn detection_done(&self, direction: Direction) -> bool {
        self.protocol == Protocol::Failed || self.sides[direction.index()].done
    }
    /// Whether this side has said anything.
    pub fn has_received(&self, direction: Direction) -> bool {
        self.sides[direction.index()].received > 0
    }
    /// Whether the content has said, since the last call, that the flow's client is its server: of a stream
    /// whose start was not seen, or of a datagram. The sides of this value are turned round already.
    pub fn take_reversed(&mut self) -> bool {
        std::mem::take(&mut self.reversed)
    }
    /// The parser needs nothing more (encrypted data, error): the stream may skip reassembly for it.
    pub fn is_finished(&self, direction: Direction) -> bool {
        self.protocol == Protocol::Failed || self.sides[direction.index()].finished
    }
    /// A parser gave up on bytes that make no sense; nothing is parsed behind it.
    pub fn is_broken(&self) -> bool {
        self.failures > 0
    }
    /// A change of protocol is under way: what was said in the old one is complete.
    pub fn is_changing(&self) -> bool {
        self.change.is_some()
    }
    /// What is said by now is in cipher: its payload tells rules nothing.
    pub fn is_encrypted(&self) -> bool {
        self.parser
            .as_ref()
            .is_some_and(|parser| parser.is_encrypted())
    }
    /// Nothing has changed with the last chunk.
    pub fn is_idle(&self) -> bool {
        self.parser.as_ref().is_some_and(|parser| parser.is_idle())
    }
    /// Nothing more will come from either side, or none of it will be parsed.
    pub fn is_over(&self) -> bool {
        self.is_broken() || self.sides.iter().all(|side| side.closed)
    }
    /// Nothing more is parsed of a stream: its transactions will not go on.
    pub fn is_ended(&self) -> bool {
        !self.datagrams && (self.is_broken() || self.sides.iter().all(|side| side.ended))
    }
    /// Transactions not yet retired, oldest first.
    pub fn transactions(&self) -> &VecDeque<Transaction> {
        self.transactions.live()
    }
    /// The same, to mark events and files as reported.
    pub fn transactions_mut(&mut self) -> &mut VecDeque<Transaction> {
        self.transactions.live_mut()
    }
    /// The same events, left where they are.
    pub fn events(&self) -> &[&'static str] {
        &self.events
    }
    /// Parts of the bytes themselves that rules or records ask for.
    pub fn frames(&self) -> &Frames {
        &self.transactions.frames
    }
    /// The same, to mark them as looked at and recorded.
    pub fn frames_mut(&mut self) -> &mut Frames {
        &mut self.transactions.frames
    }
    /// Forgets transactions that are `done`, from the front, and any done ones in between.
    pub fn retire(&mut self, done: impl Fn(&Transaction) -> bool) {
        self.transactions.live_mut().retain(|tx| !done(tx));
    }
    /// Switches off the record of a transaction.
    pub fn silence(&mut self, id: u64) {
        if let Some(transaction) = self.transactions.with_id(id) {
            transaction.silent = true;
            if let Some(parser) = &mut self.parser {
                parser.silenced(transaction);
            }
        }
    }
    /// How often the parsers have asked that rules look at the stream of a side.
    pub fn looks(&self, direction: Direction) -> u64 {
        self.transactions.looks(direction)
    }
    /// Transactions made so far.
    pub fn transaction_count(&self) -> u64 {
        self.transactions.begun()
    }
    /// The same of the protocol that is spoken now.
    pub fn transaction_count_now(&self) -> u64 {
        self.transactions.begun_now()
    }
    /// How often a parser gave up.
    pub fn failures(&self) -> u64 {
        self.failures
    }
    /// Events of the flow itself, not of a transaction (detection: "applayer_mismatch_protocol_both_directions", …).
    pub fn take_events(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.events)
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
        let end = self.sides[direction.index()].received;
        let frames = &mut self.transactions.frames;
        frames.arrive(self.protocol, direction, data, end, &limits.frames);
        let step = parser.chunk(direction, data, &mut self.transactions, context, limits);
        self.transactions.frames.trim(direction);
        if let Some(protocol) = parser.protocol().filter(|found| *found != self.protocol) {
            self.original = Some(self.protocol);
            self.protocol = protocol;
            self.transactions.frames.rename(protocol);
            for side in &mut self.sides {
                side.protocol = protocol;
            }
        }
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
            // The next datagram may be sound.
            Step::Failed if self.datagrams => self.failures += 1,
            // The protocol stays known: what was parsed so far is still its.
            Step::Failed => {
                self.failures += 1;
                self.sides.iter_mut().for_each(|side| side.finished = true);
                self.transactions.frames.break_off();
                self.end_transactions();
            }
            Step::Change {
                rest,
                other,
                port,
                expect,
            } => {
                let rest = &data[data.len() - rest.min(data.len())..];
                if self.changing {
                    if let Some(parser) = &mut self.parser {
                        parser.stay(direction, &mut self.transactions);
                    }
                    self.take(direction.opposite(), &other, context, limits);
                    self.take(direction, rest, context, limits);
                    return;
                }
                self.changes += 1;
                if self.changes > MAX_CHANGES {
                    self.fail();
                    return;
                }
                self.original = Some(self.protocol);
                self.awaited = expect;
                self.transactions.renumber();
                self.transactions.frames.leave();
                self.change = Some(Change { port, expect });
                self.protocol = Protocol::Unknown;
                self.parser = None;
                self.parsing = false;
                self.first_data = None;
                for side in &mut self.sides {
                    side.lost = 0;
                    side.protocol = Protocol::Unknown;
                    side.done = false;
                    side.probed = false;
                    side.finished = false;
                    side.ended = false;
                }
                self.wait(direction.opposite(), &other);
                self.wait(direction, rest);
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
                file.abandon();
            }
        }
    }

    fn fail(&mut self) {
        self.protocol = Protocol::Failed;
        for side in &mut self.sides {
            if side.protocol == Protocol::Unknown {
                side.protocol = Protocol::Failed;
            }
        }
        self.end();
    }

    fn end(&mut self) {
        self.parser = None;
        self.change = None;
        for side in &mut self.sides {
            side.done = true;
            side.finished = true;
            side.waiting = false;
            side.held = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 80,
        client_port: 40_000,
    };
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    fn run(pieces: &[(Direction, &[u8])], midstream: bool) -> AppLayer {
        let mut app = AppLayer::default();
        if midstream {
            app.set_midstream();
        }
        for (direction, bytes) in pieces {
            app.chunk(*direction, bytes, &CONTEXT, &Limits::default());
        }
        app
    }

    #[test]
    fn a_stream_has_ended_when_both_parsers_know() {
        let limits = Limits::default();
        let mut app = run(&[(ToServer, REQUEST)], false);
        app.close(ToServer, &CONTEXT, &limits);
        app.close(ToClient, &CONTEXT, &limits);
        assert!(app.is_over() && !app.is_ended(), "the server was silent");
        let mut app = run(&[(ToServer, REQUEST), (ToClient, RESPONSE)], false);
        app.close(ToServer, &CONTEXT, &limits);
        assert!(!app.is_ended());
        app.close(ToClient, &CONTEXT, &limits);
        assert!(app.is_ended());
    }

    #[test]
    fn protocols_are_found_by_content() {
        type Row = (
            &'static [(Direction, &'static [u8])],
            Protocol,
            &'static [&'static str],
        );
        let rows: &[Row] = &[
            (&[(ToServer, REQUEST)], Protocol::Http1, &[]),
            (
                &[(ToServer, b"GE"), (ToServer, b"T / HTTP/1.1\r\n")],
                Protocol::Http1,
                &[],
            ),
            (&[(ToServer, b"GE")], Protocol::Unknown, &[]),
            (
                &[(ToServer, b"\x01\x02\x03junk junk")],
                Protocol::Unknown,
                &[],
            ),
            (
                &[
                    (ToServer, b"junk junk junk junk junk!"),
                    (ToClient, b"and more of it"),
                ],
                Protocol::Failed,
                &[],
            ),
            (
                &[
                    (ToServer, b"OPEN /file HTTP/1.1\r\nx: y\r\n\r\n"),
                    (ToClient, RESPONSE),
                ],
                Protocol::Http1,
                &["applayer_detect_protocol_only_one_direction"],
            ),
            // On the port of HTTP/2, this is too little to say that it does not begin.
            (
                &[
                    (ToServer, b"OPEN /x HTTP/1.1 \r\n\r\n?"),
                    (ToClient, RESPONSE),
                ],
                Protocol::Http1,
                &[],
            ),
            (
                &[(ToServer, REQUEST), (ToClient, b"no status line at all")],
                Protocol::Http1,
                &["applayer_detect_protocol_only_one_direction"],
            ),
            (
                &[(ToClient, RESPONSE), (ToServer, REQUEST)],
                Protocol::Http1,
                &[],
            ),
            // What the server said first is understood once the client has told the protocol.
            (
                &[(ToClient, b"220 x\r\n"), (ToServer, b"EHLO y\r\n")],
                Protocol::Smtp,
                &[],
            ),
        ];
        for (pieces, protocol, events) in rows {
            let mut app = run(pieces, false);
            assert_eq!(app.protocol(), *protocol, "{pieces:?}");
            assert_eq!(app.take_events(), *events, "{pieces:?}");
        }
    }

    #[test]
    fn a_short_first_command_is_not_held_back_from_its_answer() {
        let pieces: &[(Direction, &[u8])] = &[
            (ToClient, b"220 (vsFTPd 3.0.3)\r\n"),
            (ToServer, b"SYST\r\n"),
            (ToClient, b"215 UNIX Type: L8\r\n"),
            (ToServer, b"AUTH SSL\r\n"),
            (ToClient, b"234 Proceed with negotiation.\r\n"),
        ];
        let app = run(&pieces[..3], false);
        assert_eq!(app.protocol(), Protocol::Ftp);
        assert_eq!(app.side_protocol(ToServer), Protocol::Ftp);
        assert_eq!(app.transaction_count(), 2);
        let app = run(pieces, false);
        // Until it is known what follows, the flow has the protocol before.
        assert!(app.is_changing());
        assert_eq!(app.protocol(), Protocol::Ftp);
        assert_eq!(app.original_protocol(), Some(Protocol::Ftp));
    }

    #[test]
    fn what_follows_a_change_of_protocol_waits_for_another_packet() {
        const SWITCH: &[u8] =
            b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\
            \0\0\0\x04\0\0\0\0\0";
        const UPGRADE: &[u8] =
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let limits = Limits::default();
        let mut app = run(&[(ToServer, UPGRADE), (ToClient, SWITCH)], false);
        assert!(app.is_changing());
        assert!(!app.resume(ToServer, &CONTEXT, &limits), "nothing waits");
        assert!(app.resume(ToClient, &CONTEXT, &limits));
        assert!(!app.is_changing());
        assert_eq!(app.protocol(), Protocol::Http2);
        assert!(!app.resume(ToClient, &CONTEXT, &limits));
        // The end of the flow waits for nothing.
        let mut app = run(&[(ToServer, UPGRADE), (ToClient, SWITCH)], false);
        app.close(ToClient, &CONTEXT, &limits);
        assert_eq!(app.protocol(), Protocol::Http2);
    }

    #[test]
    fn one_side_alone_does_not_fail() {
        let rows: &[(&[(Direction, &[u8])], Protocol)] = &[
            (&[], Protocol::Unknown),
            (
                &[(ToServer, b"junk junk junk junk junk!")],
                Protocol::Unknown,
            ),
            (&[(ToServer, b"junk"), (ToClient, b"GE")], Protocol::Failed),
        ];
        for (pieces, protocol) in rows {
            let mut app = run(pieces, false);
            for direction in Direction::BOTH {
                app.close(direction, &CONTEXT, &Limits::default());
            }
            assert_eq!(app.protocol(), *protocol, "{pieces:?}");
            assert!(app.detection_done(ToServer) && app.detection_done(ToClient));
        }
    }

    #[test]
    fn a_bad_datagram_does_not_end_a_flow() {
        let context = Context {
            server_port: 123,
            ..CONTEXT
        };
        let mut good = [0; 48];
        good[0] = 0x23;
        let mut app = AppLayer::default();
        for data in [&good[..], &[0; 5], &good[..]] {
            app.datagram(ToServer, data, &context, &Limits::default());
        }
        assert_eq!(app.protocol(), Protocol::Ntp);
        assert_eq!((app.transaction_count(), app.failures()), (2, 1));
    }

    #[test]
    fn midstream_sides_may_be_the_wrong_way_round() {
        let mut app = run(&[(ToServer, RESPONSE)], true);
        assert_eq!(app.protocol(), Protocol::Http1);
        assert!(app.take_reversed());
        assert_eq!(app.transaction_count(), 1);
    }

    #[test]
    fn one_side_is_enough_when_the_other_is_lost() {
        let limits = Limits::default();
        let mut app = AppLayer::default();
        app.gap(ToServer, 40, &CONTEXT, &limits);
        app.chunk(ToClient, RESPONSE, &CONTEXT, &limits);
        app.chunk(ToServer, b"rest of a line\r\n", &CONTEXT, &limits);
        app.chunk(ToServer, REQUEST, &CONTEXT, &limits);
        assert_eq!(app.protocol(), Protocol::Http1);
        assert_eq!(app.transaction_count(), 2);
        app.gap(ToClient, 40, &CONTEXT, &limits);
        let mut app = AppLayer::default();
        for direction in Direction::BOTH {
            app.gap(direction, 1, &CONTEXT, &limits);
        }
        assert_eq!(app.protocol(), Protocol::Failed);
    }

    #[test]
    fn datagrams_are_told_by_either_side() {
        const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
        const ANSWER: &[u8] = b"\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
        const JUNK: &[u8] = b"junk";
        type Row = (&'static [(Direction, &'static [u8])], Protocol, bool, u64);
        let rows: &[Row] = &[
            (
                &[(ToServer, QUERY), (ToClient, ANSWER)],
                Protocol::Dns,
                false,
                2,
            ),
            (&[(ToServer, ANSWER)], Protocol::Dns, true, 1),
            (
                &[(ToServer, QUERY), (ToClient, JUNK)],
                Protocol::Dns,
                false,
                1,
            ),
            (
                &[(ToServer, JUNK), (ToClient, ANSWER)],
                Protocol::Dns,
                false,
                1,
            ),
            (
                &[(ToServer, JUNK), (ToClient, JUNK)],
                Protocol::Failed,
                false,
                0,
            ),
        ];
        let context = Context {
            server_port: 53,
            ..CONTEXT
        };
        for (datagrams, protocol, reversed, transactions) in rows {
            let mut app = AppLayer::default();
            for (direction, bytes) in *datagrams {
                app.datagram(*direction, bytes, &context, &Limits::default());
            }
            assert_eq!(app.protocol(), *protocol, "{datagrams:?}");
            assert_eq!(app.take_reversed(), *reversed, "{datagrams:?}");
            assert_eq!(app.transaction_count(), *transactions, "{datagrams:?}");
        }
    }

    #[test]
    fn what_is_held_has_a_limit() {
        let mut app = AppLayer::default();
        for _ in 0..=MAX_HELD_BYTES / 1000 {
            app.chunk(ToServer, &[0xff; 1000], &CONTEXT, &Limits::default());
        }
        assert_eq!(app.protocol(), Protocol::Failed);
        assert_eq!(app.take_events(), ["applayer_proto_detection_skipped"]);
    }

    #[test]
    fn retired_transactions_are_gone() {
        let mut app = run(&[(ToServer, REQUEST), (ToClient, RESPONSE)], false);
        app.chunk(ToServer, REQUEST, &CONTEXT, &Limits::default());
        app.retire(|tx| tx.is_complete(ToClient));
        assert_eq!(app.transactions().len(), 1);
        app.chunk(ToClient, RESPONSE, &CONTEXT, &Limits::default());
        assert!(app.transactions().iter().all(|tx| tx.is_complete(ToClient)));
        assert_eq!(app.transaction_count(), 2);
    }
}
