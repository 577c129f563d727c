//! What a worker keeps for a flow.

use std::collections::VecDeque;

use sensor_app::{AppLayer, Context, Limits, Protocol};
use sensor_decode::{Packet, Tcp};
use sensor_detect::FlowState;
use sensor_evidence::Trail;
use sensor_flow::{Direction, Flow, Mark, State};
use sensor_stream::{Outcome, Session, StreamEvent, TcpState};

use super::overload::Shed;

/// Everything of one flow beside addresses and counters.
#[derive(Debug, Default)]
pub struct Tracked {
    pub session: Option<Box<Session>>,
    pub app: AppLayer,
    pub detect: FlowState,
    /// Transactions of a side have changed since they were inspected.
    pub changed: [bool; 2],
    /// The protocol of a side was decided since its last packet.
    fresh: [bool; 2],
    pub midstream: bool,
    pub alerted: bool,
    /// Its frames in the evidence ring.
    pub trail: Trail,
    /// The session's beginning was not seen, and the policy for that was applied.
    pub without_beginning: bool,
    /// The flow is let pass: nothing of it is inspected.
    pub passed: bool,
    /// Why it is no longer looked at, for want of time.
    pub shed: Option<Shed>,
    /// Rules want all files of a side stored.
    pub stores: [bool; 2],
    /// It has told of flows to come.
    pub expects: bool,
    /// How far each live transaction was recorded, in the order of their ids.
    pub recorded: VecDeque<Recorded>,
    /// Complete sides of transactions, and calls of parsers, seen so far: a new one calls for a look at the raw stream.
    complete_sides: [u64; 2],
    /// A parser gave up with an earlier packet.
    was_broken: bool,
    stopped: [bool; 2],
}

/// How far a transaction was recorded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded {
    pub id: u64,
    pub record: bool,
    pub events: usize,
}

impl Tracked {
    /// Protocols of the sides, as far as they are decided. While another one is looked for, it is the one before; what
    /// HTTP/2 turns out to carry is no other one.
    pub fn detected(&self) -> [Option<Protocol>; 2] {
        Direction::BOTH.map(|direction| {
            let done = self.app.detection_done(direction) || self.app.is_changing();
            let protocol = done.then(|| self.app.side_protocol(direction))?;
            match protocol {
                // Known beforehand: a side that says nothing is not looked at.
                Protocol::FtpData if !self.app.has_received(direction) => None,
                Protocol::Doh2 => Some(Protocol::Http2),
                protocol => Some(protocol),
            }
        })
    }

    /// A side has transactions that are not complete on it, not yet looked at, or not yet recorded.
    pub fn is_open(&self, direction: Direction) -> bool {
        let recorded = |id| {
            let at = self.recorded.binary_search_by_key(&id, |mark| mark.id);
            at.is_ok_and(|at| self.recorded[at].record)
        };
        self.app.transactions().iter().any(|tx| {
            self.session.is_none()
                || self.changed[direction.index()]
                || !tx.is_complete(direction)
                || tx.is_recorded() && !recorded(tx.id)
        })
    }

    /// Notes sides of which the protocol has been decided, and whether rules hear of it with this packet: of a
    /// stream with the next packet of the side; of a datagram at once, and again with the next one of either side,
    /// as in Suricata.
    pub fn note_detected(
        &mut self,
        before: [Option<Protocol>; 2],
        direction: Direction,
        stream: bool,
    ) -> bool {
        let now = self.detected();
        let changed = [0, 1].map(|side| now[side].is_some() && now[side] != before[side]);
        let told = std::mem::take(&mut self.fresh[direction.index()]);
        if stream {
            // Where a parser has given up, nobody looks for the protocol of the other side.
            if !std::mem::replace(&mut self.was_broken, self.app.is_broken()) {
                for (fresh, changed) in self.fresh.iter_mut().zip(changed) {
                    *fresh |= changed;
                }
            }
            return told;
        }
        let looked = changed[direction.index()];
        if looked {
            self.fresh = [true; 2];
        }
        told || looked
    }

    /// State of the flow after a change of its session's.
    pub fn state(&self, now: State) -> State {
        match self.session.as_ref().map(|session| session.state()) {
            Some(TcpState::LastAck | TcpState::Closed | TcpState::TimeWait) => State::Closed,
            Some(state) if state >= TcpState::Established => State::Established,
            _ => now,
        }
    }

    /// Whether rules for established flows look at the next packet.
    pub fn is_established(&self, flow: &Flow) -> bool {
        flow.state == State::Established
            || self
                .session
                .as_ref()
                .is_some_and(|session| session.state() >= TcpState::Established)
    }

    /// The stream turns to another protocol, or has turned to cipher since `encrypted` was noted.
    pub fn turns(&self, encrypted: bool) -> bool {
        let ciphered = !encrypted && self.app.is_encrypted();
        self.app.is_changing() || ciphered && self.app.protocol() == Protocol::Ssh
    }

    /// A packet begins another session on the ports of this flow. Of a session that was left out nobody knows whether it has
    /// ended: a SYN begins another one there, unless it asks again for want of an answer.
    pub fn is_reused_by(
        &self,
        flow: &Flow,
        packet: &Packet<'_>,
        direction: Direction,
        config: &sensor_stream::Config,
    ) -> bool {
        if self.shed.is_some() {
            let begins = packet
                .tcp()
                .is_some_and(|tcp| tcp.flags & (Tcp::SYN | Tcp::ACK) == Tcp::SYN);
            return begins && flow.packets.iter().all(|count| *count > 0);
        }
        self.session
            .as_ref()
            .is_some_and(|session| session.is_reused_by(packet, direction, config))
    }

    /// The session is closed: nothing follows on either side.
    pub fn is_closed(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.state() == TcpState::Closed)
    }

    /// Lets rules look at the raw stream when a transaction, or a record of TLS, has been completed since
    /// the last look, or a parser has called for it.
    pub fn trigger_raw(&mut self) {
        // Files go by in these, or other sensors do not read them: nothing in them ends a thought of the stream, so
        // that rules written for such sensors find what they look for.
        if matches!(
            self.app.protocol().name(),
            "smb" | "ftp" | "ftp-data" | "irc" | "mysql" | "redis" | "socks"
        ) {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        let transactions = self.app.transactions();
        let retired = self
            .app
            .transaction_count()
            .saturating_sub(transactions.len() as u64);
        for direction in Direction::BOTH {
            let live: u64 = transactions
                .iter()
                .map(|transaction| {
                    let side = u64::from(transaction.is_complete(direction));
                    match &transaction.body {
                        sensor_app::Body::Tls(tls) => side + tls.records,
                        _ => side,
                    }
                })
                .sum();
            let called = self.app.looks(direction);
            let complete = &mut self.complete_sides[direction.index()];
            if live + retired + called > *complete {
                *complete = live + retired + called;
                session.trigger_raw(direction);
            }
        }
    }

    /// Stops keeping bytes that nobody will look at.
    pub fn spare_stream(&mut self, rules: bool, config: &sensor_stream::Config) {
        let Some(session) = &mut self.session else {
            return;
        };
        let ciphered = self.app.is_encrypted();
        for direction in Direction::BOTH {
            if self.stopped[direction.index()] {
                continue;
            }
            if !rules {
                session.disable_raw(direction);
            } else if ciphered {
                session.end_raw(direction);
            }
            if !self.app.is_finished(direction) {
                continue;
            }
            // A stream that is read to its end tells rules nothing, but for what came before and waits to be
            // looked at; one that no parser understands does.
            let understood = self.app.protocol().is_known() && !self.app.is_broken();
            let waiting = session.raw_window(direction, config, false).is_some();
            if !rules || understood && !waiting {
                self.stopped[direction.index()] = true;
                session.stop(direction);
            }
        }
    }
}

/// The mark of a transaction, made on first sight.
pub fn mark(recorded: &mut VecDeque<Recorded>, id: u64) -> &mut Recorded {
    let at = match recorded.binary_search_by_key(&id, |mark| mark.id) {
        Ok(at) => at,
        Err(at) => {
            recorded.insert(
                at,
                Recorded {
                    id,
                    ..Recorded::default()
                },
            );
            at
        }
    };
    &mut recorded[at]
}

/// Feeds a session's bytes to the flow's application layer.
pub struct Sink<'a> {
    pub app: &'a mut AppLayer,
    pub context: &'a Context,
    pub limits: &'a Limits,
    pub changed: &'a mut [bool; 2],
    /// The flow has ended: what comes now is the last.
    pub flow_end: bool,
}

impl sensor_stream::Sink for Sink<'_> {
    fn chunk(&mut self, direction: Direction, data: &[u8]) {
        if self.flow_end {
            self.app.note_last(direction);
        }
        self.app.chunk(direction, data, self.context, self.limits);
        if self.app.is_idle() {
            return;
        }
        self.changed[direction.index()] = true;
        if self.app.protocol().moves_both_sides() {
            *self.changed = [true; 2];
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64) {
        self.app.gap(direction, bytes, self.context, self.limits);
        self.changed[direction.index()] = true;
    }

    fn truncated(&mut self, direction: Direction) {
        self.app.truncate(direction, self.context, self.limits);
        self.changed[direction.index()] = true;
    }

    fn close(&mut self, direction: Direction) {
        self.app.close(direction, self.context, self.limits);
        self.changed[direction.index()] = true;
    }
}

/// The letters of what a segment has shown of its stream. A gap shows in the stream of the side that left it, with
/// whichever segment.
pub fn tell_history(flow: &mut Flow, session: &Session, outcome: &Outcome, direction: Direction) {
    let again = [
        StreamEvent::PktRetransmission,
        StreamEvent::PktSpuriousRetransmission,
    ];
    if outcome.tally.overlaps > 0 || again.iter().any(|event| outcome.events.contains(*event)) {
        flow.history.mark(Mark::Retransmission, direction);
    }
    if outcome.events.contains(StreamEvent::ReassemblySeqGap) {
        for side in Direction::BOTH {
            if session.gaps(side) > 0 {
                flow.history.mark(Mark::Gap, side);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hear_of_the_protocol_of_datagrams_with_the_next_ones_too() {
        let mut tracked = Tracked::default();
        let context = Context {
            now_ns: 0,
            server_port: 4_500,
            client_port: 4_500,
        };
        use Direction::{ToClient, ToServer};
        for (at, (direction, told)) in [
            (ToServer, true),
            (ToServer, true),
            // The other side is looked at for itself, and both sides hear of it.
            (ToClient, true),
            (ToClient, true),
            (ToServer, true),
            (ToServer, false),
            (ToClient, false),
        ]
        .into_iter()
        .enumerate()
        {
            let before = tracked.detected();
            tracked
                .app
                .datagram(direction, b"\0\x01zz", &context, &Limits::default());
            assert_eq!(
                tracked.note_detected(before, direction, false),
                told,
                "{at}"
            );
        }
    }
}
