//! The segment that completes a handshake, or data that stands for it.

use sensor_flow::Direction;

use crate::half::WINDOW_SCALE_LIMIT;
use crate::session::{Fits, Segment, Session, Step};
use crate::state::{at_most, before};
use crate::{StreamEvent, TcpState};

impl Session {
    /// The acknowledgement of SYN/ACK, or what stands for it.
    pub(crate) fn third_way(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        let (sequence, ack) = (tcp.sequence, tcp.acknowledgment);
        let other = self.offers.iter().copied().find(|offer| {
            offer.sequence == ack.wrapping_sub(1) && offer.acknowledgment == sequence
        });
        if let Some(offer) = other {
            self.answered(offer);
        }
        if self.marks.timestamps {
            self.validate_timestamp(segment, step)?;
        }
        if self.marks.simultaneous && !segment.to_server() {
            return self.fifth_way(segment, step);
        }
        let mut handshake_end_missed = false;
        if !segment.to_server() && !self.marks.midstream_syn_ack && !self.marks.fast_open {
            if step.config.inline {
                let injected = !segment.payload.is_empty()
                    && ack == self.sides[0].acked
                    && sequence == self.sides[1].next;
                return step.refuse(if injected {
                    StreamEvent::ThreewhsAckDataInject
                } else {
                    StreamEvent::ThreewhsAckInWrongDir
                });
            }
            handshake_end_missed = true;
        }
        let [client, server] = &self.sides;
        let fast_open = self.marks.fast_open;
        if sequence == client.next && ack == server.next {
            self.take_timestamp(segment, step);
            let server = &mut self.sides[1];
            server.acknowledge(ack);
            server.window = u32::from(tcp.window) << server.window_scale;
            server.set_edge();
            let next = self.sides[0].next.wrapping_add(segment.length());
            self.set_client_next(next);
            if self.marks.midstream {
                self.widen(segment, WINDOW_SCALE_LIMIT);
            }
            self.establish(segment, Direction::ToServer, step);
        } else if step.config.async_oneside && sequence == server.next {
            self.marks.one_sided = true;
            let [client, server] = &mut self.sides;
            server.next = server.next.wrapping_add(segment.length());
            server.acked = sequence;
            client.window = u32::from(tcp.window) << client.window_scale;
            client.acked = ack;
            self.take_timestamp(segment, step);
            if self.marks.midstream {
                let [client, server] = &mut self.sides;
                server.window = u32::from(tcp.window);
                server.set_edge();
                server.window_scale = WINDOW_SCALE_LIMIT;
                client.window_scale = WINDOW_SCALE_LIMIT;
                self.marks.sack = true;
            }
            self.establish(segment, Direction::ToClient, step);
        } else if sequence == client.next {
            self.marks.evasion = true;
            return step.refuse(StreamEvent::ThreewhsRightSeqWrongAckEvasion);
        } else if !segment.to_server()
            && !step.config.inline
            && before(client.next, sequence)
            && before(client.acked, ack)
        {
            // The client's acknowledgement was not seen, but the server has it.
            self.take_timestamp(segment, step);
            let [client, server] = &mut self.sides;
            client.acknowledge(ack);
            server.next = segment.end;
            client.window = u32::from(tcp.window) << client.window_scale;
            client.set_edge();
            server.set_edge();
            self.establish(segment, Direction::ToClient, step);
        } else if before(client.next, sequence)
            && at_most(sequence, client.window_edge)
            && ack == server.next
        {
            // The acknowledgement was lost, or comes late: data in the window establishes too.
            self.take_timestamp(segment, step);
            let [client, server] = &mut self.sides;
            client.next = segment.end;
            server.acknowledge(ack);
            server.window = u32::from(tcp.window) << server.window_scale;
            server.set_edge();
            if self.marks.midstream {
                self.widen(segment, 0);
            }
            self.establish(segment, Direction::ToServer, step);
        } else if (handshake_end_missed || fast_open)
            && ack == client.acked
            && sequence == server.next
        {
            self.sides[1].next = segment.end;
            let server = &mut self.sides[1];
            server.window = u32::from(tcp.window) << server.window_scale;
            server.set_edge();
            self.establish(segment, Direction::ToClient, step);
        } else {
            return step.refuse(StreamEvent::ThreewhsWrongSeqWrongAck);
        }
        Ok(())
    }

    /// The server's acknowledgement of the client's SYN/ACK.
    fn fifth_way(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        let tcp = segment.tcp;
        if tcp.sequence != self.sides[1].next {
            return step.refuse(StreamEvent::FourwhsWrongSeq);
        }
        self.expect_ack(segment, step, StreamEvent::FourwhsInvalidAck)?;
        self.take_timestamp(segment, step);
        let [client, server] = &mut self.sides;
        client.acknowledge(tcp.acknowledgment);
        server.next = server.next.wrapping_add(segment.length());
        client.window = u32::from(tcp.window) << client.window_scale;
        client.set_edge();
        self.establish(segment, Direction::ToClient, step);
        Ok(())
    }

    fn establish(&mut self, segment: &Segment<'_>, direction: Direction, step: &mut Step<'_>) {
        self.set_state(TcpState::Established);
        self.offers.clear();
        let as_sent = Segment {
            direction,
            ..*segment
        };
        self.reassemble(&as_sent, step);
    }

    /// Windows after a pickup, of which no scale is known.
    fn widen(&mut self, segment: &Segment<'_>, scale: u8) {
        let known = self.marks.midstream_syn_ack;
        let [client, server] = &mut self.sides;
        client.window = u32::from(segment.tcp.window) << client.window_scale.min(scale);
        client.set_edge();
        server.set_edge();
        if !known {
            client.window_scale = WINDOW_SCALE_LIMIT;
            server.window_scale = WINDOW_SCALE_LIMIT;
            self.marks.sack = true;
        }
    }

    fn set_client_next(&mut self, next: u32) {
        let one_sided = self.marks.one_sided;
        let client = &mut self.sides[0];
        client.next = next;
        if one_sided && before(client.acked, next) {
            client.acked = next;
        }
    }
}
