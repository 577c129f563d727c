//! From the first FIN to the end (RFC 9293 §3.6). States are the server's where the client ended first.

use sensor_decode::Tcp;

use crate::session::{Fits, Segment, Session, Step};
use crate::state::{at_most, before};
use crate::{StreamEvent, TcpState};

/// Whether a segment's payload was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    New,
    Again,
}

impl Session {
    fn seen(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Seen {
        if self.is_retransmission(segment, step) {
            Seen::Again
        } else {
            Seen::New
        }
    }

    /// The number of a FIN lies between the lowest one that is right and the window's end.
    fn expect_in_window(
        &mut self,
        segment: &Segment<'_>,
        lowest: u32,
        step: &mut Step<'_>,
        event: StreamEvent,
    ) -> Fits {
        let half = self.half(segment);
        let edge = half.acked.wrapping_add(half.window);
        let sequence = segment.tcp.sequence;
        if before(sequence, lowest) || before(edge, sequence) {
            return step.refuse(event);
        }
        Ok(())
    }

    fn advance_when_next(&mut self, segment: &Segment<'_>, offset: u32) {
        let next = self.half(segment).next.wrapping_sub(offset);
        if next == segment.tcp.sequence {
            self.set_next(segment, segment.end);
        }
    }

    pub(crate) fn in_fin_wait1(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if !self.while_closing(segment, step)? {
            return Ok(());
        }
        let tcp = segment.tcp;
        if segment.has(Tcp::FIN) {
            let next = self.half(segment).next;
            let same_ack = self.peer(segment).acked == tcp.acknowledgment;
            let mut seen = self.seen(segment, step);
            let repeats = segment.has(Tcp::ACK)
                && !segment.to_server()
                && tcp.sequence == next.wrapping_sub(1)
                && same_ack;
            if seen == Seen::New && repeats {
                seen = Seen::Again;
            }
            if seen == Seen::New {
                let lowest = next.wrapping_sub(1);
                self.expect_in_window(segment, lowest, step, StreamEvent::Fin1FinWrongSeq)?;
            }
            self.expect_ack(segment, step, StreamEvent::Fin1InvalidAck)?;
            if seen == Seen::New {
                self.set_state(if segment.has(Tcp::ACK) {
                    TcpState::TimeWait
                } else {
                    TcpState::Closing
                });
                self.peer(segment).window = self.advertised(segment);
            }
            self.take_timestamp(segment, step);
            if segment.to_server() || seen == Seen::New || !segment.has(Tcp::ACK) {
                let offset = u32::from(!segment.to_server() || !segment.has(Tcp::ACK));
                self.advance_when_next(segment, offset);
                self.take_ack(segment);
            }
            self.reassemble(segment, step);
            return Ok(());
        }
        let seen = self.seen(segment, step);
        self.expect_ack(segment, step, StreamEvent::Fin1InvalidAck)?;
        let loose = self.is_loose();
        let fin_acked = tcp.acknowledgment == self.peer(segment).next;
        if seen == Seen::New && (!segment.to_server() || fin_acked) {
            let half = self.half(segment);
            if before(half.window_edge, segment.end) && !loose {
                return step.refuse(StreamEvent::Fin1AckWrongSeq);
            }
            let expected = half.next.wrapping_sub(u32::from(!segment.to_server()));
            if tcp.sequence == expected {
                self.set_state(TcpState::FinWait2);
            }
            self.peer(segment).window = self.advertised(segment);
        }
        self.take_timestamp(segment, step);
        self.advance_when_next(segment, u32::from(!segment.to_server()));
        self.take_ack(segment);
        self.take_sack(segment);
        self.peer(segment).allow();
        self.reassemble(segment, step);
        Ok(())
    }

    pub(crate) fn in_fin_wait2(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if !self.while_closing(segment, step)? {
            return Ok(());
        }
        let tcp = segment.tcp;
        if segment.has(Tcp::FIN) {
            let next = self.half(segment).next;
            let repeats = tcp.sequence == next.wrapping_sub(1)
                && tcp.acknowledgment == self.peer(segment).acked;
            let again = repeats || self.is_retransmission(segment, step);
            if !again {
                self.expect_in_window(segment, next, step, StreamEvent::Fin2FinWrongSeq)?;
            }
            self.expect_ack(segment, step, StreamEvent::Fin2InvalidAck)?;
            if !again {
                self.set_state(TcpState::TimeWait);
                if segment.to_server() {
                    self.advance_when_next(segment, 0);
                }
                self.peer(segment).window = self.advertised(segment);
            }
            self.take_timestamp(segment, step);
            self.take_ack(segment);
            self.reassemble(segment, step);
            return Ok(());
        }
        let seen = self.seen(segment, step);
        self.expect_ack(segment, step, StreamEvent::Fin2InvalidAck)?;
        if seen == Seen::New {
            let loose = self.is_loose();
            if before(self.half(segment).window_edge, segment.end) && !loose {
                return step.refuse(StreamEvent::Fin2AckWrongSeq);
            }
            self.peer(segment).window = self.advertised(segment);
        }
        self.take_timestamp(segment, step);
        self.advance_when_next(segment, 0);
        self.peer(segment).acknowledge(tcp.acknowledgment);
        self.take_sack(segment);
        self.peer(segment).allow();
        self.reassemble(segment, step);
        Ok(())
    }

    pub(crate) fn in_closing(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if !self.while_closing(segment, step)? || !segment.has(Tcp::ACK) {
            return Ok(());
        }
        let seen = self.seen(segment, step);
        if segment.tcp.sequence != self.half(segment).next {
            return step.refuse(StreamEvent::ClosingAckWrongSeq);
        }
        self.expect_ack(segment, step, StreamEvent::ClosingInvalidAck)?;
        if seen == Seen::New {
            self.set_state(TcpState::TimeWait);
            self.peer(segment).window = self.advertised(segment);
        }
        self.end_step(segment, step);
        Ok(())
    }

    pub(crate) fn in_close_wait(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if !self.while_closing(segment, step)? {
            return Ok(());
        }
        let tcp = segment.tcp;
        let seen = self.seen(segment, step);
        let half = self.half(segment);
        let (next, edge) = (half.next, half.acked.wrapping_add(half.window));
        if segment.has(Tcp::FIN) {
            if seen == Seen::New {
                self.expect_in_window(segment, next, step, StreamEvent::ClosewaitFinOutOfWindow)?;
            }
        } else if !segment.payload.is_empty() && at_most(segment.end, half.acked) {
            return step.refuse(StreamEvent::ClosewaitPktBeforeLastAck);
        } else if before(edge, tcp.sequence) {
            return step.refuse(StreamEvent::ClosewaitAckOutOfWindow);
        }
        self.expect_ack(segment, step, StreamEvent::ClosewaitInvalidAck)?;
        if seen == Seen::New {
            if segment.has(Tcp::FIN) && !segment.to_server() {
                self.set_state(TcpState::LastAck);
            }
            self.peer(segment).window = self.advertised(segment);
        }
        self.take_timestamp(segment, step);
        if !segment.has(Tcp::FIN) {
            self.advance_when_next(segment, 0);
        }
        self.take_ack(segment);
        self.reassemble(segment, step);
        Ok(())
    }

    pub(crate) fn in_last_ack(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if segment.has(Tcp::FIN) && !segment.has(Tcp::RST) {
            return Ok(());
        }
        if !self.while_closing(segment, step)? || !segment.to_server() {
            return Ok(());
        }
        let seen = self.seen(segment, step);
        self.expect_ack(segment, step, StreamEvent::LastackInvalidAck)?;
        if seen == Seen::New {
            let (sequence, next) = (segment.tcp.sequence, self.half(segment).next);
            if !before(sequence, next) {
                if sequence != next && sequence != next.wrapping_add(1) {
                    return step.refuse(StreamEvent::LastackAckWrongSeq);
                }
                self.set_state(TcpState::Closed);
            }
            self.peer(segment).window = self.advertised(segment);
        }
        self.end_step(segment, step);
        Ok(())
    }

    pub(crate) fn in_time_wait(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if segment.has(Tcp::FIN) && !segment.has(Tcp::RST) {
            return Ok(());
        }
        if !self.while_closing(segment, step)? {
            return Ok(());
        }
        let seen = self.seen(segment, step);
        if seen == Seen::New {
            let sequence = segment.tcp.sequence;
            let half = self.half(segment);
            let expected = if segment.to_server() {
                [half.next, half.next.wrapping_add(1)]
            } else {
                [half.next.wrapping_sub(1), half.next]
            };
            if !expected.contains(&sequence) {
                if !segment.to_server() && !segment.payload.is_empty() && sequence == half.acked {
                    return Ok(());
                }
                return step.refuse(StreamEvent::TimewaitAckWrongSeq);
            }
        }
        self.expect_ack(segment, step, StreamEvent::TimewaitInvalidAck)?;
        if seen == Seen::New {
            self.set_state(TcpState::Closed);
            self.peer(segment).window = self.advertised(segment);
        }
        self.end_step(segment, step);
        Ok(())
    }

    fn end_step(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        self.take_timestamp(segment, step);
        self.take_ack(segment);
        self.reassemble(segment, step);
    }

    /// After the end nothing counts, unless the end was a forged reset.
    pub(crate) fn in_closed(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if segment.has(Tcp::RST)
            || self.half(segment).reset_received
            || !self.peer(segment).reset_received
            || self.state_before == TcpState::Closed
        {
            return Ok(());
        }
        self.dispatch(self.state_before, segment, step)?;
        if self.state == TcpState::Closed {
            self.state = self.state_before;
        }
        Ok(())
    }
}
