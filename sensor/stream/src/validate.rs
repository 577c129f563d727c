//! Acknowledgements, resets and timestamps that can be right, and segments that change nothing.

use sensor_decode::Tcp;

use crate::policy::OsPolicy;
use crate::session::{Fits, Segment, Session, Step, Unfit};
use crate::state::{at_most, before};
use crate::{StreamEvent, TcpState};

/// After this silence any timestamp is right (RFC 7323 §5.5), in seconds.
const TIMESTAMP_LIFE: u32 = 24 * 24 * 3_600;
/// A window this small may shrink by what was acknowledged, no more.
const SMALL_WINDOW: u32 = 1_024;

const CONTROL: u8 = Tcp::SYN | Tcp::FIN | Tcp::RST;

impl Session {
    /// Whether the acknowledgement lies in what the other side may have sent.
    pub(crate) fn validate_ack(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if !segment.has(Tcp::ACK) {
            return Ok(());
        }
        let ack = segment.tcp.acknowledgment;
        let (state, one_sided) = (self.state, self.marks.one_sided);
        let peer = self.peer(segment);
        let fits = if ack == peer.acked || before(peer.acked, ack) && at_most(ack, peer.window_edge)
        {
            true
        } else if before(ack, peer.acked) {
            peer.window == 0 || !before(ack, peer.acked.wrapping_sub(peer.window))
        } else {
            one_sided
                || state == TcpState::SynSent
                    && !segment.to_server()
                    && segment.has(Tcp::RST)
                    && ack == peer.isn.wrapping_add(1)
        };
        if fits {
            Ok(())
        } else {
            step.refuse(StreamEvent::PktInvalidAck)
        }
    }

    /// [`Session::validate_ack`], with the state's own event beside the general one.
    pub(crate) fn expect_ack(
        &mut self,
        segment: &Segment<'_>,
        step: &mut Step<'_>,
        event: StreamEvent,
    ) -> Fits {
        self.validate_ack(segment, step)
            .map_err(|Unfit| step.outcome.events.insert(event))
            .map_err(|()| Unfit)
    }

    /// Whether the receiving host would believe a reset (RFC 9293 §3.5.2, RFC 5961 §3).
    pub(crate) fn validate_reset(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if self.marks.lossy {
            return Ok(());
        }
        if self.marks.timestamps {
            self.validate_timestamp(segment, step)?;
        }
        if !segment.payload.is_empty() {
            step.outcome.events.insert(StreamEvent::RstWithData);
        }
        let policy = self.peer(segment).policy(segment.packet, step.config);
        if segment.has(Tcp::ACK) && segment.tcp.acknowledgment != 0 {
            self.expect_ack(segment, step, StreamEvent::RstInvalidAck)?;
        }
        if segment.tcp.options.signed {
            // Only the receiver can tell whether the signature is right (RFC 2385, RFC 5925).
            self.peer(segment).reset_received = true;
        }
        let sequence = segment.tcp.sequence;
        let one_sided = self.marks.one_sided;
        let half = self.half(segment);
        let fits = if one_sided {
            at_most(half.next, sequence)
        } else {
            match policy {
                OsPolicy::Hpux11 => at_most(half.next, sequence),
                OsPolicy::Linux | OsPolicy::OldLinux | OsPolicy::Solaris => {
                    at_most(half.acked, segment.end)
                        && before(sequence, half.next.wrapping_add(half.window))
                }
                _ => sequence == half.next,
            }
        };
        if fits { Ok(()) } else { Err(Unfit) }
    }

    /// PAWS (RFC 7323 §5).
    pub(crate) fn validate_timestamp(
        &mut self,
        segment: &Segment<'_>,
        step: &mut Step<'_>,
    ) -> Fits {
        let policy = self.peer(segment).policy(segment.packet, step.config);
        let Some((value, _)) = segment.tcp.options.timestamps else {
            return Ok(());
        };
        if self.timestamp_fits(segment, policy, value) == Judgement::Wrong {
            return step.refuse(StreamEvent::PktInvalidTimestamp);
        }
        Ok(())
    }

    fn timestamp_fits(&self, segment: &Segment<'_>, policy: OsPolicy, value: u32) -> Judgement {
        let half = &self.sides[segment.direction.index()];
        let in_order = half.next == segment.tcp.sequence;
        let mut unchecked = policy == OsPolicy::Hpux11 && !in_order;
        if half.zero_timestamp {
            match policy {
                OsPolicy::Linux | OsPolicy::Windows2003 => unchecked = true,
                OsPolicy::OldLinux | OsPolicy::Windows | OsPolicy::Vista if in_order => {
                    unchecked = true
                }
                _ => {}
            }
        }
        if value == 0
            && !matches!(
                policy,
                OsPolicy::OldLinux
                    | OsPolicy::Windows
                    | OsPolicy::Windows2003
                    | OsPolicy::Vista
                    | OsPolicy::Solaris
            )
        {
            return Judgement::Wrong;
        }
        if unchecked {
            return Judgement::Unchecked;
        }
        let last_second = if half.timestamp_second == 0 && self.marks.midstream {
            segment.second
        } else {
            half.timestamp_second
        };
        let outlived = segment.second > last_second.saturating_add(TIMESTAMP_LIFE);
        // One tick back is let pass, as some hosts do.
        let older = (value.wrapping_sub(half.timestamp).wrapping_add(1) as i32) < 0;
        if older || half.timestamp != 0 && outlived {
            if in_order && outlived {
                return Judgement::Renewed;
            }
            return Judgement::Wrong;
        }
        Judgement::Right
    }

    /// Takes over the timestamp of a segment that was accepted.
    pub(crate) fn take_timestamp(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) {
        if !self.marks.timestamps {
            return;
        }
        let policy = self.peer(segment).policy(segment.packet, step.config);
        let Some((value, _)) = segment.tcp.options.timestamps else {
            if policy == OsPolicy::Solaris {
                self.marks.timestamps = false;
            }
            return;
        };
        let judgement = self.timestamp_fits(segment, policy, value);
        let half = self.half(segment);
        let in_order = half.next == segment.tcp.sequence;
        let zero = half.zero_timestamp;
        match judgement {
            Judgement::Wrong => {
                step.outcome.events.insert(StreamEvent::PktInvalidTimestamp);
            }
            Judgement::Unchecked if zero => match policy {
                OsPolicy::Linux | OsPolicy::Windows2003 => self.marks.timestamps = false,
                _ => {
                    half.zero_timestamp = false;
                    if in_order {
                        half.timestamp = value;
                    }
                }
            },
            Judgement::Unchecked => {}
            Judgement::Right | Judgement::Renewed => {
                if in_order {
                    half.timestamp = value;
                }
                half.timestamp_second = segment.second;
                if matches!(
                    policy,
                    OsPolicy::OldLinux | OsPolicy::Windows | OsPolicy::Vista
                ) {
                    half.zero_timestamp = false;
                }
            }
        }
    }

    /// Whether payload was seen before; told as an event.
    pub(crate) fn is_retransmission(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> bool {
        let half = self.half(segment);
        let again = !segment.payload.is_empty()
            && (at_most(segment.end, half.next)
                || before(segment.tcp.sequence, half.acked) && before(half.acked, segment.end));
        if again {
            step.outcome.events.insert(StreamEvent::PktRetransmission);
        }
        again
    }

    /// Payload that was acknowledged already.
    pub(crate) fn is_sent_again(&self, segment: &Segment<'_>) -> bool {
        let half = &self.sides[segment.direction.index()];
        !segment.payload.is_empty() && at_most(segment.end, half.acked)
    }

    /// RFC 9293 §3.8.4.
    pub(crate) fn is_keep_alive(&mut self, segment: &Segment<'_>) -> bool {
        if segment.payload.len() > 1 || segment.tcp.flags & CONTROL != 0 {
            return false;
        }
        let acked = self.peer(segment).acked;
        let half = self.half(segment);
        let is = segment.tcp.acknowledgment == acked
            && segment.tcp.sequence == half.next.wrapping_sub(1);
        half.keep_alive |= is;
        is
    }

    pub(crate) fn is_keep_alive_answer(&mut self, segment: &Segment<'_>) -> bool {
        if !segment.payload.is_empty()
            || segment.tcp.flags & CONTROL != 0
            || segment.tcp.window == 0
        {
            return false;
        }
        let next = self.half(segment).next;
        let window = self.advertised(segment);
        let peer = self.peer(segment);
        let is = window == peer.window
            && peer.keep_alive
            && segment.tcp.acknowledgment == peer.acked
            && segment.tcp.sequence == next;
        if is {
            peer.keep_alive = false;
        }
        is
    }

    /// The window that this segment advertises.
    pub(crate) fn advertised(&self, segment: &Segment<'_>) -> u32 {
        let peer = &self.sides[segment.direction.opposite().index()];
        u32::from(segment.tcp.window) << peer.window_scale.min(14)
    }

    pub(crate) fn is_zero_window_probe_answer(&self, segment: &Segment<'_>) -> bool {
        let half = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        self.is_bare_ack(segment)
            && peer.zero_window_probe
            && segment.tcp.window == 0
            && peer.window == 0
            && segment.tcp.sequence == half.next
            && segment.tcp.acknowledgment == peer.acked
    }

    fn is_bare_ack(&self, segment: &Segment<'_>) -> bool {
        self.state >= TcpState::Established
            && segment.payload.is_empty()
            && segment.tcp.flags & (Tcp::ACK | CONTROL) == Tcp::ACK
    }

    pub(crate) fn is_ack_of_fins(&self, segment: &Segment<'_>) -> bool {
        let half = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        matches!(
            self.state,
            TcpState::TimeWait | TcpState::CloseWait | TcpState::LastAck
        ) && segment.tcp.flags == Tcp::ACK
            && segment.payload.is_empty()
            && segment.tcp.sequence == half.next.wrapping_add(1)
            && segment.tcp.acknowledgment == peer.next.wrapping_add(1)
    }

    pub(crate) fn is_window_update(&self, segment: &Segment<'_>) -> bool {
        let half = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        self.state >= TcpState::Established
            && segment.payload.is_empty()
            && segment.tcp.flags & CONTROL == 0
            && segment.tcp.window != 0
            && self.advertised(segment) != peer.window
            && segment.tcp.acknowledgment == peer.acked
            && segment.tcp.sequence == half.next
    }

    /// A window that shrinks by more than was acknowledged, with numbers that are ahead on both sides.
    pub(crate) fn is_bad_window_update(&self, segment: &Segment<'_>, step: &mut Step<'_>) -> bool {
        if self.state < TcpState::Established
            || self.state == TcpState::Closed
            || segment.tcp.flags & CONTROL != 0
        {
            return false;
        }
        let half = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        let window = self.advertised(segment);
        let shrunk = peer.window.saturating_sub(window);
        if shrunk <= segment.length()
            || !before(peer.next, segment.tcp.acknowledgment)
            || !before(half.next, segment.tcp.sequence)
        {
            return false;
        }
        let newly = segment.tcp.acknowledgment.wrapping_sub(peer.acked);
        let slack = if window > SMALL_WINDOW { 32 } else { 0 };
        let bad = shrunk > newly.saturating_add(slack);
        if bad {
            step.outcome.events.insert(StreamEvent::PktBadWindowUpdate);
        }
        bad
    }

    /// An acknowledgement that an earlier one went beyond.
    pub(crate) fn is_outdated_ack(&self, segment: &Segment<'_>) -> bool {
        let half = &self.sides[segment.direction.index()];
        let peer = &self.sides[segment.direction.opposite().index()];
        if !self.is_bare_ack(segment)
            || segment.tcp.sequence != half.next
            || !before(segment.tcp.acknowledgment, peer.acked)
        {
            return false;
        }
        segment
            .tcp
            .sack_blocks()
            .all(|(left, right)| peer.sacked.holds(left, right))
    }

    /// Notes what the receiver has beyond the gap.
    pub(crate) fn take_sack(&mut self, segment: &Segment<'_>) {
        let ack = segment.tcp.acknowledgment;
        let peer = self.peer(segment);
        for (nth, (left, right)) in segment.tcp.sack_blocks().enumerate() {
            // The second block may repeat the first one (RFC 2883 §4).
            if nth == 1
                || before(left, ack)
                || at_most(right, peer.acked)
                || before(peer.window_edge, right)
                || at_most(right, left)
                || before(peer.acked.wrapping_add(peer.window), left)
            {
                continue;
            }
            peer.sacked.insert(left, right);
        }
        peer.sacked.forget_before(peer.acked);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    Right,
    /// Older, but after so long a silence that the clock may have turned round.
    Renewed,
    Unchecked,
    Wrong,
}
