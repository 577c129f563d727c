//! One TCP session: handshake, data, end.

use sensor_decode::{Packet, Tcp};
use sensor_flow::Direction;

use crate::half::Half;
use crate::state::{at_most, before};
use crate::{Config, EventSet, RawWindow, Sink, StreamEvent, TcpState, UNACKED_LIMIT_BYTES};

/// What a segment did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub events: EventSet,
    /// The segment belongs to the session: its payload went into the stream.
    pub accepted: bool,
    /// Bytes or ends were handed over, by [`Direction::index`].
    pub delivered: [bool; 2],
    /// The segment came from the server although the flow takes its sender for the client.
    pub reversed: bool,
}

/// A SYN/ACK that was sent again with another sequence number.
#[derive(Debug, Clone, Copy)]
struct OtherSynAck {
    sequence: u32,
    window: u32,
}

/// State of one session.
#[derive(Debug, Default)]
pub struct Session {
    state: TcpState,
    sides: [Half; 2],
    midstream: bool,
    /// Only one direction has been seen.
    one_sided: bool,
    other_syn_ack: Option<OtherSynAck>,
    read_whole: bool,
}

/// A segment with what its judges need.
struct Segment<'a> {
    tcp: &'a Tcp<'a>,
    payload: &'a [u8],
    direction: Direction,
    end: u32,
}

impl Segment<'_> {
    fn window(&self, scale: u8) -> u32 {
        u32::from(self.tcp.window) << scale.min(14)
    }
}

impl Session {
    pub fn state(&self) -> TcpState {
        self.state
    }

    pub fn is_midstream(&self) -> bool {
        self.midstream
    }

    /// All flags seen from a side.
    pub fn flags(&self, direction: Direction) -> u8 {
        self.sides[direction.index()].flags
    }

    /// Most out-of-order regions of a side at a time.
    pub fn max_regions(&self, direction: Direction) -> u32 {
        self.sides[direction.index()].buffer.max_regions
    }

    /// Gaps of a side.
    pub fn gaps(&self, direction: Direction) -> u32 {
        self.sides[direction.index()].buffer.gaps
    }

    /// Bytes that a side has sent, by sequence numbers (`stream_size`).
    pub fn sent(&self, direction: Direction) -> u64 {
        let half = &self.sides[direction.index()];
        if self.state == TcpState::None {
            0
        } else {
            u64::from(half.next.wrapping_sub(half.isn))
        }
    }

    /// Whether this SYN begins a new session on the ports of this one, which is over.
    pub fn is_reused_by(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        let Some(tcp) = packet.tcp() else {
            return false;
        };
        tcp.has(Tcp::SYN)
            && !tcp.has(Tcp::ACK)
            && (self.state >= TcpState::LastAck || self.state == TcpState::TimeWait)
            && tcp.sequence != self.sides[direction.index()].isn
    }

    /// Follows one segment.
    pub fn segment(
        &mut self,
        packet: &Packet<'_>,
        direction: Direction,
        config: &Config,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(tcp) = packet.tcp() else {
            return outcome;
        };
        let length = packet.payload.len() as u32;
        let control = u32::from(tcp.has(Tcp::SYN)) + u32::from(tcp.has(Tcp::FIN));
        let segment = Segment {
            tcp,
            payload: packet.payload,
            direction,
            end: tcp.sequence.wrapping_add(length).wrapping_add(control),
        };
        self.sides[direction.index()].flags |= tcp.flags;
        if !tcp.has(Tcp::ACK) && tcp.acknowledgment != 0 && !tcp.has(Tcp::RST) {
            outcome.events.insert(StreamEvent::PktBrokenAck);
        }
        if tcp.has(Tcp::SYN | Tcp::FIN) {
            outcome.events.insert(StreamEvent::FinSyn);
        }
        if tcp.has(Tcp::RST) && !segment.payload.is_empty() {
            outcome.events.insert(StreamEvent::RstWithData);
        }
        if self.has_old_timestamp(&segment) {
            outcome.events.insert(StreamEvent::PktInvalidTimestamp);
            return outcome;
        }
        outcome.accepted = match self.state {
            TcpState::None => self.first(&segment, config, &mut outcome),
            _ if tcp.has(Tcp::RST) => self.reset(&segment, &mut outcome),
            TcpState::SynSent => self.in_syn_sent(&segment, config, &mut outcome),
            TcpState::SynRecv => self.in_syn_recv(&segment, config, &mut outcome),
            _ if tcp.has(Tcp::SYN) => self.late_syn(&segment, &mut outcome),
            _ => self.data(&segment, config, &mut outcome),
        };
        if outcome.accepted {
            self.reassemble(&segment, config, sink, &mut outcome);
        }
        outcome
    }

    /// The flow has ended: hands over what is left, acknowledged or not, and closes both sides.
    pub fn finish(&mut self, config: &Config, sink: &mut dyn Sink) {
        if self.state == TcpState::None {
            return;
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            let mut events = EventSet::default();
            let half = &mut self.sides[direction.index()];
            let end = half.buffer.end();
            half.buffer.deliver(end, direction, sink, &mut events);
            self.tell_truncated(direction, config, sink);
            self.close(direction, sink);
        }
    }

    /// The session's flow was turned round.
    pub fn swap(&mut self) {
        self.sides.swap(0, 1);
    }

    /// Bytes of the raw stream that rules have not seen yet; `None` when there are too few of them and nothing
    /// calls for a look.
    pub fn raw_window(
        &self,
        direction: Direction,
        config: &Config,
        force: bool,
    ) -> Option<RawWindow<'_>> {
        let half = &self.sides[direction.index()];
        let limit = self.raw_limit(half, config, force);
        let waiting = half.buffer.raw_waiting(limit);
        let now = force
            || half.raw_trigger
            || config.inline
            || half.buffer.depth_reached
            || self.state > TcpState::TimeWait
            || waiting > config.raw_chunk_bytes;
        if waiting == 0 || !now {
            return None;
        }
        half.buffer.raw_window(limit, config.raw_chunk_bytes)
    }

    /// The window of [`Session::raw_window`] has been inspected.
    pub fn raw_done(&mut self, direction: Direction, config: &Config, force: bool) {
        let limit = self.raw_limit(&self.sides[direction.index()], config, force);
        let half = &mut self.sides[direction.index()];
        half.raw_trigger = false;
        half.buffer.raw_done(limit);
        half.buffer.trim(config.raw_chunk_bytes);
    }

    /// A transaction is complete: rules shall look at the raw stream now.
    pub fn trigger_raw(&mut self) {
        for half in &mut self.sides {
            half.raw_trigger = true;
        }
    }

    /// The protocol of this session is read to its end: the depth of reassembly does not hold.
    pub fn read_whole(&mut self) {
        self.read_whole = true;
    }

    /// 0 is no limit.
    fn depth(&self, config: &Config) -> u64 {
        if self.read_whole { 0 } else { config.depth }
    }

    /// No rule looks at the raw stream of this side.
    pub fn disable_raw(&mut self, direction: Direction) {
        self.sides[direction.index()].buffer.raw_disabled = true;
    }

    /// Nobody wants the bytes of this side any more.
    pub fn stop(&mut self, direction: Direction) {
        self.sides[direction.index()].buffer.stop();
    }

    fn raw_limit(&self, half: &Half, config: &Config, force: bool) -> u64 {
        if force || config.inline {
            half.buffer.end()
        } else {
            half.acked_position().max(half.buffer.delivered())
        }
    }

    fn set_state(&mut self, state: TcpState) {
        self.state = state;
    }

    /// PAWS (RFC 7323 §5): a timestamp older than the last one of this side, by less than 24 days.
    fn has_old_timestamp(&mut self, segment: &Segment<'_>) -> bool {
        let half = &mut self.sides[segment.direction.index()];
        let Some((value, _)) = segment.tcp.options.timestamps else {
            return false;
        };
        if self.state < TcpState::SynRecv || segment.tcp.flags & (Tcp::SYN | Tcp::RST) != 0 {
            half.timestamp = Some(value);
            return false;
        }
        if let Some(last) = half.timestamp
            && last != 0
            && before(value, last)
        {
            // A reordered segment carries an older value as well: only data beyond what was seen is suspicious.
            return before(half.next, segment.end) && last.wrapping_sub(value) > 1_000;
        }
        half.timestamp = Some(value);
        false
    }

    fn first(&mut self, segment: &Segment<'_>, config: &Config, outcome: &mut Outcome) -> bool {
        let tcp = segment.tcp;
        let scale = tcp.options.window_scale.unwrap_or(0);
        if tcp.has(Tcp::RST) {
            outcome.events.insert(StreamEvent::RstButNoSession);
            return false;
        }
        if tcp.has(Tcp::FIN) {
            outcome.events.insert(StreamEvent::FinButNoSession);
            return false;
        }
        if tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK) {
            let own = &mut self.sides[segment.direction.index()];
            own.begin(tcp.sequence);
            own.window = u32::from(tcp.window);
            own.window_scale = scale;
            self.one_sided = config.async_oneside;
            self.set_state(TcpState::SynSent);
            // Data with SYN counts only with TCP Fast Open (RFC 7413).
            return tcp.options.fast_open;
        }
        if !config.midstream && !config.async_oneside {
            return false;
        }
        self.midstream = true;
        let (own, peer) = self.pair(segment.direction);
        if tcp.has(Tcp::SYN | Tcp::ACK) {
            own.begin(tcp.sequence);
            own.window = u32::from(tcp.window);
            own.window_scale = scale;
            peer.begin_midstream(tcp.acknowledgment);
            peer.isn = tcp.acknowledgment.wrapping_sub(1);
            peer.allow(tcp.acknowledgment.wrapping_add(u32::from(tcp.window)));
            own.allow(own.next.wrapping_add(65_535 << 14));
            outcome.reversed = segment.direction == Direction::ToServer;
            self.set_state(TcpState::SynRecv);
            return true;
        }
        if tcp.has(Tcp::ACK) {
            own.begin_midstream(tcp.sequence);
            peer.begin_midstream(tcp.acknowledgment);
            // Scales are not known: the largest is taken (RFC 7323 §2.3).
            own.window_scale = 14;
            peer.window_scale = 14;
            own.window = segment.window(14);
            peer.allow(tcp.acknowledgment.wrapping_add(own.window));
            own.allow(tcp.sequence.wrapping_add(u32::MAX >> 2));
            self.set_state(TcpState::Established);
            self.advance(segment);
            return true;
        }
        false
    }

    fn in_syn_sent(
        &mut self,
        segment: &Segment<'_>,
        config: &Config,
        outcome: &mut Outcome,
    ) -> bool {
        let tcp = segment.tcp;
        let client = segment.direction == Direction::ToServer;
        if tcp.has(Tcp::FIN) {
            return false;
        }
        if tcp.has(Tcp::SYN | Tcp::ACK) {
            if client {
                outcome
                    .events
                    .insert(StreamEvent::ThreewhsSynackInWrongDirection);
                return false;
            }
            let (own, peer) = self.pair(segment.direction);
            let fast_open = before(peer.isn.wrapping_add(1), tcp.acknowledgment)
                && at_most(tcp.acknowledgment, peer.next);
            if tcp.acknowledgment != peer.isn.wrapping_add(1) && !fast_open {
                outcome
                    .events
                    .insert(StreamEvent::ThreewhsSynackWithWrongAck);
                return false;
            }
            own.begin(tcp.sequence);
            own.window_scale = tcp.options.window_scale.unwrap_or(0);
            own.window = u32::from(tcp.window);
            // Without the option from both ends nobody scales (RFC 7323 §2.2).
            if tcp.options.window_scale.is_none() {
                peer.window_scale = 0;
            } else if peer.window_scale == 0 {
                own.window_scale = 0;
            }
            peer.acknowledge(tcp.acknowledgment);
            peer.allow(tcp.acknowledgment.wrapping_add(own.window));
            own.allow(own.next.wrapping_add(peer.window));
            self.one_sided = false;
            self.set_state(TcpState::SynRecv);
            return true;
        }
        if tcp.has(Tcp::SYN) {
            let (own, peer) = self.pair(segment.direction);
            if client {
                if tcp.sequence != own.isn {
                    // The newer attempt counts.
                    own.begin(tcp.sequence);
                }
            } else {
                // Both opened at once (RFC 9293 §3.5, figure 7).
                own.begin(tcp.sequence);
                own.window = u32::from(tcp.window);
                own.allow(own.next.wrapping_add(peer.window));
                peer.allow(peer.next.wrapping_add(own.window));
                self.set_state(TcpState::SynRecv);
            }
            return false;
        }
        if tcp.has(Tcp::ACK) && client && config.async_oneside {
            let (own, peer) = self.pair(segment.direction);
            if tcp.sequence != own.next {
                outcome.events.insert(StreamEvent::ThreewhsAsyncWrongSeq);
                return false;
            }
            peer.begin_midstream(tcp.acknowledgment);
            own.allow(tcp.sequence.wrapping_add(u32::MAX >> 2));
            self.one_sided = true;
            self.set_state(TcpState::Established);
            self.advance(segment);
            return true;
        }
        false
    }

    fn in_syn_recv(
        &mut self,
        segment: &Segment<'_>,
        config: &Config,
        outcome: &mut Outcome,
    ) -> bool {
        let tcp = segment.tcp;
        let client = segment.direction == Direction::ToServer;
        if tcp.has(Tcp::SYN | Tcp::ACK) {
            return self.syn_ack_again(segment, client, outcome);
        }
        if tcp.has(Tcp::SYN) {
            if !client {
                outcome
                    .events
                    .insert(StreamEvent::ThreewhsSynToclientOnSynRecv);
            } else if tcp.sequence != self.sides[0].isn {
                outcome
                    .events
                    .insert(StreamEvent::ThreewhsSynResendDiffSeqOnSynRecv);
            }
            return false;
        }
        if !tcp.has(Tcp::ACK) {
            return false;
        }
        let other = self.other_syn_ack;
        let midstream = self.midstream;
        let (own, peer) = self.pair(segment.direction);
        if client {
            if let Some(other) = other
                && tcp.acknowledgment == other.sequence.wrapping_add(1)
                && tcp.acknowledgment != peer.next
            {
                let scale = peer.window_scale;
                peer.begin(other.sequence);
                peer.window = other.window;
                peer.window_scale = scale;
            }
            let right_sequence =
                tcp.sequence == own.next || (midstream && at_most(own.next, tcp.sequence));
            let right_ack = at_most(peer.isn.wrapping_add(1), tcp.acknowledgment)
                && at_most(
                    tcp.acknowledgment,
                    peer.next.wrapping_add(peer.window.max(1)),
                );
            if !right_ack {
                outcome.events.insert(if right_sequence {
                    StreamEvent::ThreewhsRightSeqWrongAckEvasion
                } else {
                    StreamEvent::ThreewhsWrongSeqWrongAck
                });
                return false;
            }
            if !right_sequence {
                // The segment with the acknowledgement was lost or comes late: data in the window establishes too.
                let in_window =
                    at_most(own.next, tcp.sequence) && at_most(segment.end, own.window_edge);
                if !in_window {
                    return false;
                }
            }
        } else {
            // The client's acknowledgement was not seen, but the server has it.
            let follows =
                tcp.sequence == own.next && before(peer.isn.wrapping_add(1), tcp.acknowledgment);
            let early_data = tcp.sequence == own.next && !segment.payload.is_empty();
            if !(follows || early_data || midstream || config.async_oneside) {
                outcome.events.insert(StreamEvent::ThreewhsAckInWrongDir);
                return false;
            }
        }
        self.other_syn_ack = None;
        self.set_state(TcpState::Established);
        self.data(segment, config, outcome)
    }

    fn syn_ack_again(
        &mut self,
        segment: &Segment<'_>,
        client: bool,
        outcome: &mut Outcome,
    ) -> bool {
        let tcp = segment.tcp;
        if client {
            outcome
                .events
                .insert(StreamEvent::ThreewhsSynackToserverOnSynRecv);
            return false;
        }
        let (own, peer) = self.pair(segment.direction);
        if tcp.acknowledgment != peer.acked {
            outcome
                .events
                .insert(StreamEvent::ThreewhsSynackResendWithDiffAck);
            return false;
        }
        if tcp.sequence != own.isn {
            outcome
                .events
                .insert(StreamEvent::ThreewhsSynackResendWithDiffSeq);
            self.other_syn_ack = Some(OtherSynAck {
                sequence: tcp.sequence,
                window: u32::from(tcp.window),
            });
        }
        false
    }

    /// SYN or SYN/ACK after the handshake.
    fn late_syn(&mut self, segment: &Segment<'_>, outcome: &mut Outcome) -> bool {
        let tcp = segment.tcp;
        let client = segment.direction == Direction::ToServer;
        let own = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        if self.state != TcpState::Established {
            outcome.events.insert(StreamEvent::ShutdownSynResend);
            return false;
        }
        let event = match (tcp.has(Tcp::ACK), client) {
            (true, true) => StreamEvent::EstSynackToserver,
            (true, false) if tcp.acknowledgment != peer.acked => {
                StreamEvent::EstSynackResendWithDiffAck
            }
            (true, false) if tcp.sequence != own.isn => StreamEvent::EstSynackResendWithDiffSeq,
            (true, false) => StreamEvent::EstSynackResend,
            (false, false) => StreamEvent::EstSynToclient,
            (false, true) if tcp.sequence != own.isn => StreamEvent::EstSynResendDiffSeq,
            (false, true) => StreamEvent::EstSynResend,
        };
        outcome.events.insert(event);
        false
    }

    /// A reset counts when its sequence number lies in the window (RFC 9293 §3.5.2, RFC 5961 §3).
    fn reset(&mut self, segment: &Segment<'_>, outcome: &mut Outcome) -> bool {
        let tcp = segment.tcp;
        let state = self.state;
        let (own, peer) = self.pair(segment.direction);
        let valid = match state {
            TcpState::SynSent if segment.direction == Direction::ToClient => {
                tcp.has(Tcp::ACK) && tcp.acknowledgment == peer.isn.wrapping_add(1)
            }
            TcpState::SynSent => tcp.sequence == own.next || tcp.sequence == own.isn,
            _ => {
                let edge = own
                    .next
                    .wrapping_add(peer.window << peer.window_scale.min(14))
                    .wrapping_add(1);
                (at_most(own.acked, tcp.sequence) && at_most(tcp.sequence, edge))
                    || tcp.sequence == own.isn.wrapping_add(1)
            }
        };
        if !valid {
            outcome.events.insert(StreamEvent::RstInvalidAck);
            return false;
        }
        if tcp.has(Tcp::ACK) && state >= TcpState::SynRecv {
            if before(peer.next, tcp.acknowledgment) {
                outcome.events.insert(StreamEvent::RstInvalidAck);
            } else {
                peer.acknowledge(tcp.acknowledgment);
            }
        }
        self.set_state(TcpState::Closed);
        true
    }

    /// Data, acknowledgements and ends of an open session.
    fn data(&mut self, segment: &Segment<'_>, config: &Config, outcome: &mut Outcome) -> bool {
        let tcp = segment.tcp;
        if !tcp.has(Tcp::ACK) && !tcp.has(Tcp::FIN) && segment.payload.is_empty() {
            return false;
        }
        let state = self.state;
        let loose = self.midstream || self.one_sided || config.async_oneside;
        let (own, peer) = self.pair(segment.direction);
        if tcp.has(Tcp::ACK)
            && before(
                peer.window_edge.max_on_circle(peer.next),
                tcp.acknowledgment,
            )
            && !loose
        {
            outcome.events.insert(invalid_ack(state));
            outcome.events.insert(StreamEvent::PktInvalidAck);
            return false;
        }
        let length = segment.payload.len() as u32;
        let data_end = tcp.sequence.wrapping_add(length);
        // One byte (or none) just before what is expected keeps the connection alive (RFC 9293 §3.8.4).
        let keep_alive =
            length <= 1 && tcp.sequence == own.next.wrapping_sub(1) && !tcp.has(Tcp::FIN);
        if length > 0 && !keep_alive && !loose {
            if at_most(data_end, own.acked) {
                outcome
                    .events
                    .insert(StreamEvent::PktSpuriousRetransmission);
                self.take_ack(segment);
                return false;
            }
            if before(tcp.sequence, own.acked) || at_most(data_end, own.next) {
                outcome.events.insert(StreamEvent::PktRetransmission);
            }
        }
        if before(data_end, own.acked) && !keep_alive && !loose {
            outcome.events.insert(before_last_ack(state));
            return false;
        }
        let edge = own.window_edge.max_on_circle(own.next);
        if before(edge, data_end) && !loose && length > 0 {
            outcome
                .events
                .insert(out_of_window(state, tcp.has(Tcp::FIN)));
            return false;
        }
        if self.one_sided
            && tcp.sequence != self.sides[segment.direction.index()].next
            && config.async_oneside
            && !self.midstream
        {
            // Nobody acknowledges: what is missing is lost as soon as something follows it.
            let own = &mut self.sides[segment.direction.index()];
            own.acknowledge(tcp.sequence);
        }
        self.take_ack(segment);
        self.advance(segment);
        if tcp.has(Tcp::FIN) {
            self.fin(segment);
        } else {
            self.ack_states(segment);
        }
        true
    }

    fn take_ack(&mut self, segment: &Segment<'_>) {
        let tcp = segment.tcp;
        let (own, peer) = self.pair(segment.direction);
        own.window = segment.window(own.window_scale);
        if tcp.has(Tcp::ACK) {
            peer.acknowledge(tcp.acknowledgment);
            peer.allow(tcp.acknowledgment.wrapping_add(own.window));
            // Acknowledged bytes were sent, seen or not.
            peer.advance(tcp.acknowledgment);
        }
    }

    fn advance(&mut self, segment: &Segment<'_>) {
        let end = segment
            .tcp
            .sequence
            .wrapping_add(segment.payload.len() as u32);
        self.sides[segment.direction.index()].advance(end);
    }

    fn fin(&mut self, segment: &Segment<'_>) {
        let own = &mut self.sides[segment.direction.index()];
        if own.fin_seen {
            return;
        }
        own.fin_seen = true;
        own.advance(segment.end);
        let client = segment.direction == Direction::ToServer;
        let peer_done = self.sides[segment.direction.opposite().index()].acked
            == self.sides[segment.direction.opposite().index()].next;
        let state = match (self.state, client) {
            (TcpState::SynRecv | TcpState::Established, true) => TcpState::CloseWait,
            (TcpState::SynRecv | TcpState::Established, false) => TcpState::FinWait1,
            (TcpState::CloseWait, false) => TcpState::LastAck,
            (TcpState::FinWait1, true) if peer_done => TcpState::TimeWait,
            (TcpState::FinWait1, true) => TcpState::Closing,
            (TcpState::FinWait2, true) => TcpState::TimeWait,
            (state, _) => state,
        };
        self.set_state(state);
    }

    fn ack_states(&mut self, segment: &Segment<'_>) {
        let client = segment.direction == Direction::ToServer;
        let acked = |half: &Half| half.fin_seen && half.acked == half.next;
        let state = match self.state {
            TcpState::FinWait1 if client && acked(&self.sides[1]) => TcpState::FinWait2,
            TcpState::Closing if acked(&self.sides[1]) => TcpState::TimeWait,
            TcpState::LastAck if client && acked(&self.sides[1]) => TcpState::Closed,
            TcpState::TimeWait if !client && acked(&self.sides[0]) => TcpState::Closed,
            state => state,
        };
        self.set_state(state);
    }

    fn reassemble(
        &mut self,
        segment: &Segment<'_>,
        config: &Config,
        sink: &mut dyn Sink,
        outcome: &mut Outcome,
    ) {
        let own = segment.direction;
        let tcp = segment.tcp;
        if tcp.has(Tcp::ACK) && !config.inline {
            self.deliver(own.opposite(), config, sink, outcome);
        }
        if !segment.payload.is_empty() && !tcp.has(Tcp::RST) {
            let from = if tcp.has(Tcp::SYN) {
                tcp.sequence.wrapping_add(1)
            } else {
                tcp.sequence
            };
            let depth = self.depth(config);
            let half = &mut self.sides[own.index()];
            half.buffer
                .insert(from, segment.payload, depth, &mut outcome.events);
            if half.buffer.end().saturating_sub(half.buffer.delivered()) > UNACKED_LIMIT_BYTES {
                let end = half.buffer.end();
                outcome.delivered[own.index()] |=
                    half.buffer.deliver(end, own, sink, &mut outcome.events);
            }
        }
        let ended = self.state > TcpState::TimeWait && tcp.flags & (Tcp::RST | Tcp::FIN) != 0;
        if config.inline || ended || (self.one_sided && config.async_oneside) {
            let half = &mut self.sides[own.index()];
            let end = if tcp.has(Tcp::RST) || config.inline || self.one_sided {
                half.buffer.end()
            } else {
                half.acked_position()
            };
            outcome.delivered[own.index()] |=
                half.buffer.deliver(end, own, sink, &mut outcome.events);
        }
        for direction in Direction::BOTH {
            self.tell_truncated(direction, config, sink);
        }
        if self.state == TcpState::Closed {
            for direction in Direction::BOTH {
                let half = &mut self.sides[direction.index()];
                let end = half.buffer.end();
                half.buffer
                    .deliver(end, direction, sink, &mut outcome.events);
                outcome.delivered[direction.index()] |= !self.sides[direction.index()].closed;
                self.close(direction, sink);
            }
        }
        for half in &mut self.sides {
            half.buffer.trim(config.raw_chunk_bytes);
        }
    }

    fn deliver(
        &mut self,
        direction: Direction,
        config: &Config,
        sink: &mut dyn Sink,
        outcome: &mut Outcome,
    ) {
        let depth = self.depth(config);
        let half = &mut self.sides[direction.index()];
        let mut limit = half.acked_position();
        if depth > 0 {
            limit = limit.min(depth);
        }
        outcome.delivered[direction.index()] |=
            half.buffer
                .deliver(limit, direction, sink, &mut outcome.events);
    }

    fn tell_truncated(&mut self, direction: Direction, config: &Config, sink: &mut dyn Sink) {
        let half = &mut self.sides[direction.index()];
        if half.buffer.depth_reached && !half.truncated && half.buffer.delivered() >= config.depth {
            half.truncated = true;
            sink.truncated(direction);
        }
    }

    fn close(&mut self, direction: Direction, sink: &mut dyn Sink) {
        let half = &mut self.sides[direction.index()];
        if !half.closed {
            half.closed = true;
            sink.close(direction);
        }
    }

    fn pair(&mut self, direction: Direction) -> (&mut Half, &mut Half) {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }
}

trait Circle {
    /// The later of two sequence numbers.
    fn max_on_circle(self, other: Self) -> Self;
}

impl Circle for u32 {
    fn max_on_circle(self, other: u32) -> u32 {
        if before(self, other) { other } else { self }
    }
}

fn invalid_ack(state: TcpState) -> StreamEvent {
    match state {
        TcpState::FinWait1 => StreamEvent::Fin1InvalidAck,
        TcpState::FinWait2 => StreamEvent::Fin2InvalidAck,
        TcpState::TimeWait => StreamEvent::TimewaitInvalidAck,
        TcpState::LastAck => StreamEvent::LastackInvalidAck,
        TcpState::CloseWait => StreamEvent::ClosewaitInvalidAck,
        TcpState::Closing => StreamEvent::ClosingInvalidAck,
        _ => StreamEvent::EstInvalidAck,
    }
}

fn before_last_ack(state: TcpState) -> StreamEvent {
    match state {
        TcpState::CloseWait => StreamEvent::ClosewaitPktBeforeLastAck,
        _ => StreamEvent::EstPktBeforeLastAck,
    }
}

fn out_of_window(state: TcpState, fin: bool) -> StreamEvent {
    match (state, fin) {
        (TcpState::CloseWait, true) => StreamEvent::ClosewaitFinOutOfWindow,
        (TcpState::CloseWait, false) => StreamEvent::ClosewaitAckOutOfWindow,
        (TcpState::FinWait1, true) => StreamEvent::Fin1FinWrongSeq,
        (TcpState::FinWait1, false) => StreamEvent::Fin1AckWrongSeq,
        (TcpState::FinWait2, true) => StreamEvent::Fin2FinWrongSeq,
        (TcpState::FinWait2, false) => StreamEvent::Fin2AckWrongSeq,
        (TcpState::Closing, _) => StreamEvent::ClosingAckWrongSeq,
        (TcpState::LastAck, _) => StreamEvent::LastackAckWrongSeq,
        (TcpState::TimeWait, _) => StreamEvent::TimewaitAckWrongSeq,
        (_, true) => StreamEvent::FinOutOfWindow,
        (_, false) => StreamEvent::EstPacketOutOfWindow,
    }
}
