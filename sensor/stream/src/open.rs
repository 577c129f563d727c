//! The open session, and the segment that begins its end.

use sensor_decode::Tcp;

use crate::session::{Fits, Segment, Session, Step, Unfit};
use crate::state::{at_most, before};
use crate::{StreamEvent, TcpState};

impl Session {
    pub(crate) fn in_established(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if segment.has(Tcp::RST) {
            self.validate_reset(segment, step)?;
            let fin = u32::from(!segment.to_server());
            self.half(segment).next = segment.end.wrapping_add(fin);
            if segment.has(Tcp::ACK) {
                self.peer(segment).next = tcp.acknowledgment;
            }
            self.reset(segment, step);
            return Ok(());
        }
        if segment.has(Tcp::FIN) {
            if self.marks.timestamps {
                self.validate_timestamp(segment, step)?;
            }
            return self.fin(segment, step);
        }
        if segment.has(Tcp::SYN) {
            return self.late_syn(segment, step);
        }
        if segment.has(Tcp::ACK) {
            if self.marks.timestamps {
                self.validate_timestamp(segment, step)?;
            }
            self.marks.confirmed |= !segment.to_server();
            // What does not fit an open session is told, but the segment is no stranger.
            let _ = self.data(segment, step);
        }
        Ok(())
    }

    /// SYN or SYN/ACK after the handshake.
    fn late_syn(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        let [client, server] = &self.sides;
        let event = if segment.has(Tcp::ACK) {
            if segment.to_server() {
                StreamEvent::EstSynackToserver
            } else if tcp.acknowledgment != client.acked {
                StreamEvent::EstSynackResendWithDiffAck
            } else if tcp.sequence != server.isn {
                StreamEvent::EstSynackResendWithDiffSeq
            } else if self.marks.confirmed {
                StreamEvent::EstSynackResend
            } else {
                return Ok(());
            }
        } else if !segment.to_server() {
            StreamEvent::EstSynToclient
        } else if tcp.acknowledgment != client.isn {
            StreamEvent::EstSynResendDiffSeq
        } else {
            StreamEvent::EstSynResend
        };
        step.refuse(event)
    }

    /// Data and acknowledgements.
    fn data(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        let (sequence, end, length) = (tcp.sequence, segment.end, segment.length());
        let peer = self.peer(segment);
        if peer.zero_window_probe && tcp.acknowledgment == peer.next.wrapping_add(1) {
            step.outcome.events.insert(StreamEvent::EstAckZwpData);
        } else {
            self.expect_ack(segment, step, StreamEvent::EstInvalidAck)?;
        }
        if self.marks.midstream && self.marks.midstream_one_side && !segment.to_server() {
            // The other side is heard for the first time.
            self.marks.midstream_one_side = false;
            let half = self.half(segment);
            half.window = u32::from(tcp.window) << half.window_scale.min(14);
            half.set_edge();
        }
        self.expect_unacked(segment, step)?;
        let half = self.half(segment);
        if length == 1 && sequence == half.next && half.window == 0 {
            half.zero_window_probe = true;
            self.reassemble(segment, step);
            return Ok(());
        }
        if at_most(half.next, end) {
            self.set_next(segment, end);
        }
        let edge = self.half(segment).window_edge;
        if before(edge, end) && !self.is_loose() {
            return step.refuse(StreamEvent::EstPacketOutOfWindow);
        }
        let one_sided = self.marks.one_sided;
        let window = self.advertised(segment);
        let peer = self.peer(segment);
        peer.window = window;
        peer.acknowledge(tcp.acknowledgment);
        step.outcome.tally.unseen_acked = u8::from(!one_sided && before(peer.next, peer.acked));
        self.take_timestamp(segment, step);
        self.take_sack(segment);
        self.peer(segment).allow();
        self.reassemble(segment, step);
        Ok(())
    }

    /// Data that lies wholly before what was acknowledged is old.
    fn expect_unacked(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let (sequence, end, length) = (segment.tcp.sequence, segment.end, segment.length());
        let loose_start = step.config.async_oneside && self.marks.midstream && segment.to_server();
        let one_sided = self.marks.one_sided;
        let half = self.half(segment);
        if length <= 1 && sequence == half.next.wrapping_sub(1) || at_most(half.acked, end) {
            return Ok(());
        }
        if one_sided {
            if segment.to_server() {
                half.acknowledge(sequence);
            } else {
                half.acked = sequence;
            }
            return Ok(());
        }
        if loose_start && (half.next == sequence || half.acked == half.isn.wrapping_add(1)) {
            half.acknowledge(sequence);
            self.marks.one_sided = true;
            return Ok(());
        }
        // Acknowledged before it was seen: it comes late.
        if before(half.next, half.acked) && before(half.next, end) {
            return Ok(());
        }
        step.refuse(StreamEvent::EstPktBeforeLastAck)
    }

    /// The first FIN of a session.
    pub(crate) fn fin(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        self.expect_ack(segment, step, StreamEvent::FinInvalidAck)?;
        let half = self.half(segment);
        if before(tcp.sequence, half.acked) || before(half.window_edge, segment.end) {
            return step.refuse(StreamEvent::FinOutOfWindow);
        }
        if segment.to_server() && segment.has(Tcp::SYN) {
            return step.refuse(StreamEvent::FinSyn);
        }
        if segment.to_server() {
            self.set_state(TcpState::CloseWait);
            self.half(segment).next = segment.end;
        } else {
            self.set_state(TcpState::FinWait1);
            self.half(segment).next = segment.end.wrapping_add(1);
        }
        self.peer(segment).window = self.advertised(segment);
        self.take_timestamp(segment, step);
        self.take_ack(segment);
        self.reassemble(segment, step);
        Ok(())
    }

    /// Takes over an acknowledgement; acknowledged bytes were sent, seen or not.
    pub(crate) fn take_ack(&mut self, segment: &Segment<'_>) {
        if segment.has(Tcp::ACK) {
            let ack = segment.tcp.acknowledgment;
            let peer = self.peer(segment);
            peer.catch_up(ack);
            peer.acknowledge(ack);
        }
    }

    /// A reset that was believed.
    pub(crate) fn reset(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        self.close_by_reset();
        if segment.has(Tcp::ACK) && self.validate_ack(segment, step).is_ok() {
            self.peer(segment).acknowledge(segment.tcp.acknowledgment);
        }
        self.half(segment).acknowledge(segment.tcp.sequence);
        self.take_timestamp(segment, step);
        self.reassemble(segment, step);
    }

    /// What every closing state does first: resets, SYNs and old timestamps. `Ok(false)`: the segment is dealt with.
    pub(crate) fn while_closing(
        &mut self,
        segment: &Segment<'_>,
        step: &mut Step<'_>,
    ) -> Result<bool, Unfit> {
        if segment.has(Tcp::RST) {
            self.validate_reset(segment, step)?;
            self.reset(segment, step);
            return Ok(false);
        }
        if segment.has(Tcp::SYN) && !segment.has(Tcp::FIN) {
            step.refuse(StreamEvent::ShutdownSynResend)?;
        }
        if segment.tcp.flags & (Tcp::FIN | Tcp::ACK) == 0 {
            return Ok(false);
        }
        if self.marks.timestamps {
            self.validate_timestamp(segment, step)?;
        }
        Ok(true)
    }
}
