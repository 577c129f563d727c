//! The beginning of a session: three segments, four when both ends open, or a pickup in the middle.

use sensor_decode::Tcp;
use sensor_flow::Direction;

use crate::half::WINDOW_SCALE_LIMIT;
use crate::policy::OsPolicy;
use crate::session::{Fits, Segment, Session, Step};
use crate::{MidstreamPolicy, StreamEvent, TcpState};

/// Handshakes kept beside the one that is followed (`max-syn-queued`, `max-synack-queued`).
const SYN_LIMIT: usize = 10;
const SYN_ACK_LIMIT: usize = 5;

/// What a SYN or SYN/ACK offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    pub sequence: u32,
    pub acknowledgment: u32,
    window: u16,
    scale: Option<u8>,
    sack: bool,
    timestamp: Option<u32>,
    second: u32,
}

impl Offer {
    fn of(segment: &Segment<'_>) -> Offer {
        let options = &segment.tcp.options;
        Offer {
            sequence: segment.tcp.sequence,
            acknowledgment: if segment.has(Tcp::ACK) {
                segment.tcp.acknowledgment
            } else {
                0
            },
            window: segment.tcp.window,
            scale: options.window_scale,
            sack: options.sack_permitted,
            timestamp: options.timestamps.map(|(value, _)| value),
            second: segment.second,
        }
    }

    fn is_like(&self, other: &Offer) -> bool {
        Offer { second: 0, ..*self }
            == Offer {
                second: 0,
                ..*other
            }
    }
}

impl Session {
    /// No session yet.
    pub(crate) fn first(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let config = step.config;
        let picks_up = config.midstream_policy != MidstreamPolicy::Bypass;
        if segment.has(Tcp::RST) {
            return step.refuse(StreamEvent::RstButNoSession);
        }
        if segment.has(Tcp::FIN) {
            step.outcome.without_beginning = true;
            if !config.midstream || segment.payload.is_empty() || !picks_up {
                return step.refuse(StreamEvent::FinButNoSession);
            }
            self.pick_up(segment, TcpState::FinWait1, step);
            return Ok(());
        }
        if segment.has(Tcp::SYN | Tcp::ACK) {
            step.outcome.without_beginning = true;
            if (config.midstream || config.async_oneside) && picks_up {
                self.pick_up_at_syn_ack(segment, step);
            }
            return Ok(());
        }
        if segment.has(Tcp::SYN) {
            self.open(segment, step);
            return Ok(());
        }
        if segment.has(Tcp::ACK) {
            step.outcome.without_beginning = true;
            if config.midstream && picks_up {
                self.pick_up(segment, TcpState::Established, step);
            }
        }
        Ok(())
    }

    fn open(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        let offer = Offer::of(segment);
        step.outcome.tally.session = 1;
        self.set_state(TcpState::SynSent);
        self.marks.one_sided = step.config.async_oneside;
        let (client, server) = self.pair(Direction::ToServer);
        client.begin(offer.sequence);
        // Nothing is acknowledged yet.
        client.acked = offer.sequence;
        if let Some(value) = offer.timestamp {
            client.note_timestamp(value, offer.second);
            client.has_timestamp = true;
        }
        server.window = u32::from(offer.window);
        server.window_scale = offer.scale.unwrap_or(0);
        self.marks.window_scales = offer.scale.is_some();
        self.marks.client_sack = offer.sack;
        if segment.tcp.options.fast_open {
            self.marks.fast_open = true;
            if !segment.payload.is_empty() {
                let next = self.sides[0].next.wrapping_add(segment.length());
                self.set_next(segment, next);
                self.reassemble(segment, step);
            }
        }
    }

    fn pick_up(&mut self, segment: &Segment<'_>, state: TcpState, step: &mut Step<'_>) {
        let tcp = segment.tcp;
        step.outcome.tally.session = 1;
        self.set_state(state);
        self.marks.midstream = true;
        self.marks.midstream_one_side = true;
        self.marks.one_sided = step.config.async_oneside;
        self.marks.timestamps = tcp.options.timestamps.is_some();
        let (own, peer) = self.pair(segment.direction);
        own.begin(tcp.sequence.wrapping_sub(1));
        own.next = segment
            .end
            .wrapping_add(u32::from(state == TcpState::FinWait1));
        own.acked = tcp.sequence;
        own.window_scale = WINDOW_SCALE_LIMIT;
        own.window = u32::from(tcp.window) << WINDOW_SCALE_LIMIT;
        own.set_edge();
        peer.begin(tcp.acknowledgment.wrapping_sub(1));
        peer.acked = tcp.acknowledgment;
        peer.window_scale = WINDOW_SCALE_LIMIT;
        peer.window_edge = peer.acked;
        if let Some((value, echo)) = tcp.options.timestamps {
            own.note_timestamp(value, segment.second);
            peer.note_timestamp(echo, 0);
        }
        self.reassemble(segment, step);
        self.marks.sack = true;
    }

    /// The sender is the server: the flow is to be turned round.
    fn pick_up_at_syn_ack(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        let offer = Offer::of(segment);
        step.outcome.tally.session = 1;
        step.outcome.reversed = true;
        self.set_state(TcpState::SynRecv);
        self.marks.midstream = true;
        self.marks.midstream_syn_ack = true;
        self.marks.one_sided = step.config.async_oneside;
        self.marks.timestamps = offer.timestamp.is_some();
        self.marks.sack = offer.sack;
        // Sides lie here as the flow has them until it is turned round.
        let (server, client) = self.pair(segment.direction);
        server.begin(offer.sequence);
        server.window = u32::from(offer.window);
        server.acked = offer.sequence;
        server.set_edge();
        client.begin(offer.acknowledgment.wrapping_sub(1));
        client.acked = offer.acknowledgment;
        if let Some(scale) = offer.scale {
            client.window_scale = scale;
            server.window_scale = WINDOW_SCALE_LIMIT;
        }
        if let Some((value, echo)) = segment.tcp.options.timestamps {
            server.note_timestamp(value, segment.second);
            client.note_timestamp(echo, 0);
        }
    }

    pub(crate) fn in_syn_sent(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if segment.has(Tcp::SYN | Tcp::ACK) {
            return if segment.to_server() {
                self.fourth_way(segment, step)
            } else {
                self.expect_syn_ack(segment, step)?;
                self.offers.clear();
                self.answered(Offer::of(segment));
                Ok(())
            };
        }
        if !self.echoes_syn(segment) {
            return step.refuse(StreamEvent::PktInvalidTimestamp);
        }
        if segment.has(Tcp::RST) {
            self.validate_reset(segment, step)?;
            let believed = !segment.to_server()
                || tcp.sequence == self.sides[0].isn
                    && tcp.window == 0
                    && tcp.acknowledgment == self.sides[0].isn.wrapping_add(1);
            if believed {
                self.peer(segment).reset_received = true;
                self.close_by_reset();
                self.offers.clear();
            }
        } else if segment.has(Tcp::FIN) {
        } else if segment.has(Tcp::SYN) {
            let offer = Offer::of(segment);
            if segment.to_server() {
                self.syn_again(offer, step);
            } else {
                self.syn_of_server(offer);
            }
        } else if segment.has(Tcp::ACK) && step.config.async_oneside {
            return self.open_one_sided(segment, step);
        }
        Ok(())
    }

    /// Whether a server's first answer echoes the timestamp of SYN.
    fn echoes_syn(&self, segment: &Segment<'_>) -> bool {
        let Some((_, echo)) = segment
            .tcp
            .options
            .timestamps
            .filter(|_| !segment.to_server())
        else {
            return true;
        };
        let client = &self.sides[0];
        if client.has_timestamp {
            client.timestamp == 0 || echo == 0 || echo == client.timestamp
        } else {
            client.timestamp != 0 || echo == 0
        }
    }

    fn expect_syn_ack(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let ack = segment.tcp.acknowledgment;
        let client = &mut self.sides[0];
        let to_syn = ack == client.isn.wrapping_add(1);
        let fast_open = segment.tcp.options.fast_open || self.marks.fast_open;
        if fast_open {
            self.marks.fast_open = true;
            if ack == client.next {
                return Ok(());
            }
            if to_syn {
                // The data will come again.
                client.next = client.isn;
                step.outcome
                    .events
                    .insert(StreamEvent::ThreewhsSynackTfoDataIgnored);
                self.marks.fast_open_ignored = true;
                return Ok(());
            }
        } else if to_syn {
            return Ok(());
        }
        let echo = segment.tcp.options.timestamps.map(|(_, echo)| echo);
        let earlier = self.offers.iter().copied().find(|offer| {
            offer.sequence.wrapping_add(1) == ack && (echo.is_none() || offer.timestamp == echo)
        });
        match earlier {
            Some(offer) => {
                self.follow_syn(offer);
                Ok(())
            }
            None => step.refuse(StreamEvent::ThreewhsSynackWithWrongAck),
        }
    }

    /// The server answers the client's SYN.
    pub(crate) fn answered(&mut self, offer: Offer) {
        self.set_state(TcpState::SynRecv);
        let scales = self.marks.window_scales && offer.scale.is_some();
        let [client, server] = &mut self.sides;
        server.begin(offer.sequence);
        client.window = u32::from(offer.window);
        match offer.timestamp {
            Some(value) if client.has_timestamp => {
                server.note_timestamp(value, offer.second);
                self.marks.timestamps = true;
            }
            _ => {
                client.timestamp = 0;
                server.timestamp = 0;
                client.zero_timestamp = false;
            }
        }
        client.acked = offer.acknowledgment;
        server.acked = offer.sequence.wrapping_add(1);
        // Without the option from both ends nobody scales (RFC 7323 §2.2).
        client.window_scale = if scales { offer.scale.unwrap_or(0) } else { 0 };
        if !scales {
            server.window_scale = 0;
        }
        self.marks.sack = self.marks.client_sack && offer.sack;
        server.set_edge();
        client.set_edge();
        self.marks.simultaneous = false;
    }

    /// SYN/ACK of the client, after both ends sent SYN (RFC 9293 §3.5, figure 7).
    fn fourth_way(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if !self.marks.simultaneous {
            return step.refuse(StreamEvent::ThreewhsSynackInWrongDirection);
        }
        if tcp.acknowledgment != self.sides[1].isn.wrapping_add(1) {
            return step.refuse(StreamEvent::FourwhsSynackWithWrongAck);
        }
        if tcp.sequence != self.sides[0].isn {
            return step.refuse(StreamEvent::FourwhsSynackWithWrongSyn);
        }
        self.set_state(TcpState::SynRecv);
        let offer = Offer::of(segment);
        let scales = self.marks.window_scales;
        let [client, server] = &mut self.sides;
        client.begin(offer.sequence);
        server.window = u32::from(offer.window);
        match offer.timestamp {
            Some(value) if server.has_timestamp => {
                client.note_timestamp(value, offer.second);
                self.marks.timestamps = true;
            }
            _ => {
                client.timestamp = 0;
                server.timestamp = 0;
                server.zero_timestamp = false;
            }
        }
        server.acked = offer.acknowledgment;
        client.acked = offer.sequence.wrapping_add(1);
        server.window_scale = offer.scale.filter(|_| scales).unwrap_or(0);
        self.marks.sack |= self.marks.client_sack && offer.sack;
        client.set_edge();
        server.set_edge();
        Ok(())
    }

    fn syn_of_server(&mut self, offer: Offer) {
        self.marks.simultaneous = true;
        self.marks.window_scales = offer.scale.is_some();
        self.marks.client_sack = offer.sack;
        let server = &mut self.sides[1];
        server.begin(offer.sequence);
        if let Some(value) = offer.timestamp {
            server.note_timestamp(value, offer.second);
            server.has_timestamp = true;
        }
        server.window = u32::from(offer.window);
        server.window_scale = offer.scale.unwrap_or(0);
    }

    /// Another SYN: the newest is followed, the earlier ones are kept.
    fn syn_again(&mut self, offer: Offer, step: &mut Step<'_>) {
        let [client, server] = &self.sides;
        let followed = Offer {
            sequence: client.isn,
            acknowledgment: 0,
            window: server.window as u16,
            scale: self.marks.window_scales.then_some(server.window_scale),
            sack: self.marks.client_sack,
            timestamp: client.has_timestamp.then_some(client.timestamp),
            second: client.timestamp_second,
        };
        if !followed.is_like(&offer) {
            let known = followed.timestamp.is_some()
                && self.offers.iter().any(|other| {
                    other.timestamp == followed.timestamp && other.sequence == followed.sequence
                });
            if !known {
                if self.offers.len() >= SYN_LIMIT {
                    step.outcome.events.insert(StreamEvent::ThreewhsSynFlood);
                    self.offers.remove(0);
                }
                self.offers.push(followed);
            }
        }
        self.follow_syn(offer);
    }

    fn follow_syn(&mut self, offer: Offer) {
        let [client, server] = &mut self.sides;
        if let Some(value) = offer.timestamp {
            client.timestamp = value;
            client.timestamp_second = offer.second;
            client.has_timestamp = true;
        }
        self.marks.window_scales = offer.scale.is_some();
        server.window_scale = offer.scale.unwrap_or(0);
        server.window = u32::from(offer.window);
        self.marks.client_sack = offer.sack;
        if client.isn != offer.sequence || !self.marks.fast_open {
            client.begin(offer.sequence);
        }
    }

    fn open_one_sided(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if tcp.sequence != self.sides[0].next {
            return step.refuse(StreamEvent::ThreewhsAsyncWrongSeq);
        }
        self.marks.one_sided = true;
        self.set_state(TcpState::Established);
        self.offers.clear();
        let scales = self.marks.window_scales;
        let [client, server] = &mut self.sides;
        client.window = u32::from(tcp.window);
        client.acked = tcp.sequence;
        client.set_edge();
        if scales {
            client.window_scale = WINDOW_SCALE_LIMIT;
        }
        server.begin(tcp.acknowledgment.wrapping_sub(1));
        server.acked = server.next;
        server.window_edge = server.acked;
        if tcp.options.timestamps.is_some() && client.has_timestamp {
            self.marks.timestamps = true;
            client.timestamp_second = segment.second;
        } else {
            client.timestamp = 0;
            client.zero_timestamp = false;
        }
        self.marks.sack |= self.marks.client_sack;
        self.reassemble(segment, step);
        Ok(())
    }

    pub(crate) fn in_syn_recv(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if segment.has(Tcp::RST) {
            self.validate_reset(segment, step)?;
            let policy = self.peer(segment).policy(segment.packet, step.config);
            let survives = self.marks.evasion
                && matches!(
                    policy,
                    OsPolicy::Linux | OsPolicy::OldLinux | OsPolicy::Solaris
                );
            if !survives {
                self.close_by_reset();
                self.take_timestamp(segment, step);
            }
            return Ok(());
        }
        if segment.has(Tcp::FIN) {
            if self.marks.timestamps {
                self.validate_timestamp(segment, step)?;
            }
            return self.fin(segment, step);
        }
        if segment.has(Tcp::SYN | Tcp::ACK) {
            if segment.to_server() {
                return step.refuse(StreamEvent::ThreewhsSynackToserverOnSynRecv);
            }
            if tcp.acknowledgment != self.sides[0].acked {
                return step.refuse(StreamEvent::ThreewhsSynackResendWithDiffAck);
            }
            if tcp.sequence != self.sides[1].isn {
                return self.keep_syn_ack(Offer::of(segment), step);
            }
            return Ok(());
        }
        if segment.has(Tcp::SYN) {
            if !segment.to_server() {
                return step.refuse(StreamEvent::ThreewhsSynToclientOnSynRecv);
            }
            if tcp.sequence != self.sides[0].isn {
                return step.refuse(StreamEvent::ThreewhsSynResendDiffSeqOnSynRecv);
            }
            return Ok(());
        }
        if segment.has(Tcp::ACK) {
            return self.third_way(segment, step);
        }
        Ok(())
    }

    fn keep_syn_ack(&mut self, offer: Offer, step: &mut Step<'_>) -> Fits {
        if self.offers.iter().any(|other| other.is_like(&offer)) {
            return Ok(());
        }
        if self.offers.len() >= SYN_ACK_LIMIT {
            return step.refuse(StreamEvent::ThreewhsSynackFlood);
        }
        self.offers.insert(0, offer);
        Ok(())
    }

    pub(crate) fn close_by_reset(&mut self) {
        self.marks.closed_by_reset = true;
        self.set_state(TcpState::Closed);
    }

    /// A segment came from a host that a reset had silenced: the reset was forged.
    pub(crate) fn recover_from_reset(
        &mut self,
        segment: &Segment<'_>,
        outcome: &mut crate::Outcome,
    ) {
        if segment.has(Tcp::RST) {
            return;
        }
        let peer = self.peer(segment);
        if std::mem::take(&mut peer.reset_received) {
            self.marks.closed_by_reset = false;
            outcome.events.insert(StreamEvent::SuspectedRstInject);
        }
    }
}
