//! Payload into the stream, and the stream to its readers.

use sensor_decode::Tcp;
use sensor_flow::Direction;

use crate::half::Half;
use crate::overlap::Overlap;
use crate::session::{Segment, Session, Step};
use crate::{Config, EventSet, RawWindow, Sink, StreamEvent, TcpState, UNACKED_LIMIT_BYTES};

/// Bytes kept behind what was delivered, to compare with what comes again, where the window is not known.
const COMPARE_BYTES: u32 = 4_096;

/// Whose bytes a segment lets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// What the segment acknowledges.
    Peer,
    /// What it carries.
    Own,
    Both,
}

impl Session {
    pub(crate) fn reassemble(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        let own = segment.direction;
        let mut reach = if step.config.inline || segment.has(Tcp::RST) {
            Reach::Own
        } else if segment.has(Tcp::FIN) && self.state > TcpState::TimeWait {
            if segment.has(Tcp::ACK) {
                Reach::Both
            } else {
                Reach::Own
            }
        } else if self.state == TcpState::Closed {
            Reach::Both
        } else if self.marks.one_sided {
            Reach::Own
        } else {
            Reach::Peer
        };
        if reach != Reach::Own {
            self.update(own.opposite(), step);
        }
        if !segment.payload.is_empty()
            && !segment.has(Tcp::RST)
            && !self.sides[own.index()].buffer.discard
        {
            step.outcome.accepted = true;
            let deep = self.sides[own.index()].buffer.depth_reached;
            self.take_payload(segment, step);
            let half = &self.sides[own.index()];
            let overfull =
                half.buffer.end().saturating_sub(half.buffer.delivered()) > UNACKED_LIMIT_BYTES;
            if half.buffer.depth_reached && !deep {
                reach = Reach::Own;
            }
            if overfull {
                self.hand_over(own, u64::MAX, step);
            }
        }
        if reach != Reach::Peer {
            self.update(own, step);
        }
        for half in &mut self.sides {
            let compares = step.config.compare_overlaps && !step.config.inline && !half.closed;
            let behind = if compares {
                u64::from(if half.window == 0 {
                    COMPARE_BYTES
                } else {
                    half.window
                })
            } else {
                0
            };
            half.buffer
                .trim(step.config.raw_chunk_bytes, half.shown, behind);
            if half.closed {
                half.buffer.slim();
            }
        }
    }

    fn take_payload(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        let config = step.config;
        let tcp = segment.tcp;
        let half = &mut self.sides[segment.direction.index()];
        let policy = half.policy(segment.packet, config);
        let mut sequence = tcp.sequence.wrapping_sub(u32::from(half.urgent));
        let mut payload = segment.payload;
        let urgent = usize::from(tcp.urgent_pointer);
        if segment.has(Tcp::URG) && (1..=payload.len()).contains(&urgent) {
            // One byte is urgent and goes another way (RFC 6093 §3.1).
            if half.urgent == u16::MAX {
                return;
            }
            half.urgent += 1;
            if half.urgent == u16::MAX {
                step.outcome
                    .events
                    .insert(StreamEvent::ReassemblyUrgentOobLimitReached);
            }
            step.outcome.tally.urgent = 1;
            payload = &payload[..payload.len() - 1];
            if payload.is_empty() {
                return;
            }
        }
        if segment.has(Tcp::SYN) {
            sequence = sequence.wrapping_add(1);
        }
        if config.depth > 0 && !self.read_whole {
            let end = half.buffer.position(sequence) + payload.len() as i64;
            if half.buffer.depth_reached || end > config.depth as i64 {
                half.buffer.depth_reached = true;
                step.outcome
                    .events
                    .insert(StreamEvent::ReassemblyDepthReached);
                step.outcome.tally.depth_reached = 1;
                return;
            }
        }
        let overlap = Overlap {
            policy,
            inline: config.inline,
            compare: config.compare_overlaps,
        };
        let (events, tally) = (&mut step.outcome.events, &mut step.outcome.tally);
        if !half
            .buffer
            .insert(sequence, payload, overlap, events, tally)
        {
            tally.no_room = 1;
            self.marks.lossy = true;
        }
    }

    /// Hands over what a side's receiver has, and its end when that has come.
    fn update(&mut self, direction: Direction, step: &mut Step<'_>) {
        let half = &self.sides[direction.index()];
        let limit = if step.config.inline {
            u64::MAX
        } else {
            half.acked_position()
        };
        self.hand_over(direction, limit, step);
        self.tell_truncated(direction, step.sink);
        if self.state == TcpState::Closed {
            step.outcome.delivered[direction.index()] |= !self.sides[direction.index()].closed;
            self.close(direction, step.sink);
        }
    }

    fn hand_over(&mut self, direction: Direction, limit: u64, step: &mut Step<'_>) {
        let state = self.state;
        let half = &mut self.sides[direction.index()];
        let acked = half.acked_data(state);
        let gaps = half.buffer.gaps;
        let limit = match limit {
            u64::MAX => half.buffer.end(),
            limit => limit,
        };
        step.outcome.delivered[direction.index()] |=
            half.buffer
                .deliver(limit, acked, direction, step.sink, &mut step.outcome.events);
        self.marks.lossy |= half.buffer.gaps > gaps;
    }

    /// Whether a side has something left that nobody has seen, now that the flow ends.
    pub fn has_rest(&self, direction: Direction) -> bool {
        let half = &self.sides[direction.index()];
        if (TcpState::Established..TcpState::Closed).contains(&self.state) {
            return true;
        }
        if half.buffer.discard {
            return false;
        }
        !half.buffer.raw_disabled && half.buffer.right_edge() > half.buffer.raw()
            || half.buffer.end() > half.buffer.delivered()
    }

    /// The flow has ended: hands over what is left of a side, acknowledged or not, and closes it.
    pub fn finish(&mut self, direction: Direction, sink: &mut dyn Sink) -> EventSet {
        let mut events = EventSet::default();
        if self.state == TcpState::None {
            return events;
        }
        let state = self.state;
        let only_acked = state == TcpState::Closed && !self.marks.closed_by_reset;
        let half = &mut self.sides[direction.index()];
        let acked = half.acked_data(state);
        let limit = if only_acked {
            half.acked_position()
        } else {
            half.buffer.right_edge()
        };
        half.buffer
            .deliver(limit, acked, direction, sink, &mut events);
        self.tell_truncated(direction, sink);
        self.close(direction, sink);
        events
    }

    fn tell_truncated(&mut self, direction: Direction, sink: &mut dyn Sink) {
        let half = &mut self.sides[direction.index()];
        if half.buffer.depth_reached && !half.truncated {
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

    /// Bytes of the raw stream that rules have not seen yet; `None` when there are too few of them and nothing
    /// calls for a look.
    pub fn raw_window(
        &self,
        direction: Direction,
        config: &Config,
        force: bool,
    ) -> Option<RawWindow<'_>> {
        let half = &self.sides[direction.index()];
        let limit = raw_limit(half, config, force);
        let waiting = half.buffer.raw_waiting(limit);
        let now = force
            || half.raw_trigger
            || config.inline
            || half.buffer.depth_reached
            || self.state > TcpState::TimeWait
            || waiting >= config.raw_chunk_bytes;
        if waiting == 0 || !now {
            return None;
        }
        let window = half.buffer.raw_window(limit, config.raw_chunk_bytes)?;
        Some(RawWindow {
            passed: if config.inline { 0 } else { window.seen },
            ..window
        })
    }

    /// The window of [`Session::raw_window`] has been inspected. True when it lay before a gap: there may be more.
    pub fn raw_done(&mut self, direction: Direction, config: &Config, force: bool) -> bool {
        let half = &mut self.sides[direction.index()];
        let limit = raw_limit(half, config, force);
        let more = half.buffer.raw_done(limit);
        if half.raw_trigger && !more {
            half.buffer.slim();
        }
        half.raw_trigger &= more;
        more
    }

    /// The flow has ended, and what is in order was inspected: what lies behind the next hole is to be, too.
    pub fn skip_hole(&mut self, direction: Direction) -> bool {
        self.sides[direction.index()].buffer.skip_hole()
    }

    /// A side of a transaction is complete: rules shall look at its raw stream now.
    pub fn trigger_raw(&mut self, direction: Direction) {
        self.sides[direction.index()].raw_trigger = true;
    }

    /// No rule looks at the raw stream of this side.
    pub fn disable_raw(&mut self, direction: Direction) {
        self.sides[direction.index()].buffer.raw_disabled = true;
    }

    /// What follows on this side tells rules nothing; they see what came before.
    pub fn end_raw(&mut self, direction: Direction) {
        let half = &mut self.sides[direction.index()];
        half.raw_trigger = true;
        half.buffer.end_raw()
    }

    /// Everybody has seen what the last segment of this side brought: beyond the depth nothing more is kept.
    pub fn prune(&mut self, direction: Direction) {
        let buffer = &mut self.sides[direction.index()].buffer;
        if buffer.depth_reached && !buffer.discard {
            buffer.stop();
        }
    }

    /// Nobody wants the bytes of this side any more.
    pub fn stop(&mut self, direction: Direction) {
        self.sides[direction.index()].buffer.stop();
    }
}

fn raw_limit(half: &Half, config: &Config, force: bool) -> u64 {
    if force || config.inline {
        half.buffer.end()
    } else {
        half.acked_position().max(half.buffer.delivered())
    }
}
