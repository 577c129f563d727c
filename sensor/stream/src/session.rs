//! One TCP session: what is known of it, and which state judges a segment.

use sensor_decode::{Packet, Tcp};
use sensor_flow::Direction;

use crate::half::Half;
use crate::handshake::Offer;
use crate::state::before;
use crate::{Config, EventSet, Sink, StreamEvent, TcpState};

/// What a segment did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub events: EventSet,
    /// The payload went into the stream.
    pub accepted: bool,
    /// Bytes or ends were handed over, by [`Direction::index`].
    pub delivered: [bool; 2],
    /// The segment came from the server although the flow takes its sender for the client.
    pub reversed: bool,
    /// The session's beginning was not seen: [`Config::midstream_policy`] applies.
    pub without_beginning: bool,
    /// The segment does not fit its session.
    pub refused: bool,
    pub tally: Tally,
}

/// Of one segment, for the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub session: u8,
    pub overlaps: u8,
    pub overlaps_differ: u8,
    pub unseen_acked: u8,
    pub depth_reached: u8,
    pub urgent: u8,
    pub no_room: u8,
}

/// A segment with what its judges need.
pub(crate) struct Segment<'a> {
    pub packet: &'a Packet<'a>,
    pub tcp: &'a Tcp<'a>,
    pub payload: &'a [u8],
    pub direction: Direction,
    /// Behind the payload; SYN and FIN do not count.
    pub end: u32,
    /// Of the packet's time.
    pub second: u32,
}

impl Segment<'_> {
    pub fn has(&self, flags: u8) -> bool {
        self.tcp.has(flags)
    }

    pub fn to_server(&self) -> bool {
        self.direction == Direction::ToServer
    }

    pub fn length(&self) -> u32 {
        self.payload.len() as u32
    }
}

/// Facts about a session that hold or do not.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub midstream: bool,
    /// Picked up at the server's SYN/ACK.
    pub midstream_syn_ack: bool,
    /// Picked up at data, and the other side was not heard since.
    pub midstream_one_side: bool,
    /// Only one direction is seen.
    pub one_sided: bool,
    pub timestamps: bool,
    pub window_scales: bool,
    pub client_sack: bool,
    pub sack: bool,
    /// Both ends sent SYN.
    pub simultaneous: bool,
    pub fast_open: bool,
    /// The server did not take the data that came with SYN.
    pub fast_open_ignored: bool,
    pub evasion: bool,
    pub confirmed: bool,
    /// Data was lost here: resets are believed.
    pub lossy: bool,
    pub closed_by_reset: bool,
}

/// State of one session.
#[derive(Debug, Default)]
pub struct Session {
    pub(crate) state: TcpState,
    pub(crate) state_before: TcpState,
    pub(crate) sides: [Half; 2],
    pub(crate) marks: Marks,
    /// Handshakes that came beside the one that is followed.
    pub(crate) offers: Vec<Offer>,
    pub(crate) read_whole: bool,
}

impl Session {
    pub fn state(&self) -> TcpState {
        self.state
    }

    pub fn is_midstream(&self) -> bool {
        self.marks.midstream
    }

    /// All flags seen from a side.
    pub fn flags(&self, direction: Direction) -> u8 {
        self.sides[direction.index()].flags
    }

    /// Regions of a side's data that lay far from each other.
    pub fn max_regions(&self, direction: Direction) -> u32 {
        self.sides[direction.index()].buffer.max_regions
    }

    /// Gaps of a side.
    pub fn gaps(&self, direction: Direction) -> u32 {
        self.sides[direction.index()].buffer.gaps
    }

    /// Bytes of urgent data of a side.
    pub fn urgent(&self, direction: Direction) -> u16 {
        self.sides[direction.index()].urgent
    }

    /// The reassembly depth of a side is reached.
    pub fn depth_reached(&self, direction: Direction) -> bool {
        self.sides[direction.index()].buffer.depth_reached
    }

    /// The protocol of this session is read to its end: the depth of reassembly does not hold.
    pub fn read_whole(&mut self) {
        self.read_whole = true;
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
    pub fn is_reused_by(&self, packet: &Packet<'_>, direction: Direction, config: &Config) -> bool {
        let Some(tcp) = packet.tcp() else {
            return false;
        };
        if !tcp.has(Tcp::SYN) || tcp.flags & (Tcp::RST | Tcp::FIN) != 0 {
            return false;
        }
        let over = self.state >= TcpState::LastAck || self.state == TcpState::None;
        let to_server = direction == Direction::ToServer;
        let half = &self.sides[direction.index()];
        if !tcp.has(Tcp::ACK) {
            if to_server && self.marks.fast_open_ignored {
                return true;
            }
            return over && !(to_server && half.isn == tcp.sequence);
        }
        (config.midstream || config.async_oneside)
            && over
            && (to_server || half.isn != tcp.sequence && self.state != TcpState::None)
    }

    /// Follows one segment; `now_ns` is the packet's time.
    pub fn segment(
        &mut self,
        packet: &Packet<'_>,
        direction: Direction,
        now_ns: i64,
        config: &Config,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(tcp) = packet.tcp() else {
            return outcome;
        };
        let segment = Segment {
            packet,
            tcp,
            payload: packet.payload,
            direction,
            end: tcp.sequence.wrapping_add(packet.payload.len() as u32),
            second: now_ns.div_euclid(1_000_000_000) as u32,
        };
        if !segment.has(Tcp::ACK) && tcp.acknowledgment != 0 {
            outcome.events.insert(StreamEvent::PktBrokenAck);
        }
        let mut step = Step {
            config,
            sink,
            outcome: &mut outcome,
        };
        if self.state == TcpState::None {
            let fits = self.first(&segment, &mut step);
            if self.state != TcpState::None {
                // After a pickup at SYN/ACK the flow is turned round: the flags stay with who is its client then.
                self.sides[direction.index()].flags |= tcp.flags;
            }
            outcome.refused = fits.is_err();
            return outcome;
        }
        self.sides[direction.index()].flags |= tcp.flags;
        if self.sides.iter().all(|side| side.flags != 0) {
            self.marks.one_sided = false;
        }
        let fits = self.follow(&segment, &mut step);
        outcome.refused = fits.is_err();
        if fits.is_ok() {
            self.recover_from_reset(&segment, &mut outcome);
        }
        outcome
    }

    fn follow(&mut self, segment: &Segment<'_>, step: &mut Step<'_>) -> Fits {
        if self.is_keep_alive(segment) {
            return Ok(());
        }
        let answer = self.is_keep_alive_answer(segment);
        self.half(segment).keep_alive = false;
        if answer {
            return Ok(());
        }
        let probe_answer = self.is_zero_window_probe_answer(segment);
        self.peer(segment).zero_window_probe = false;
        if probe_answer {
            return Ok(());
        }
        if !self.is_ack_of_fins(segment)
            && !self.is_window_update(segment)
            && (self.is_bad_window_update(segment, step) || self.is_outdated_ack(segment))
        {
            return Ok(());
        }
        if self.is_sent_again(segment) {
            step.outcome
                .events
                .insert(StreamEvent::PktSpuriousRetransmission);
            let half = self.half(segment);
            if !half.buffer.discard
                && half.buffer.position(segment.end) <= half.buffer.start() as i64
            {
                return Ok(());
            }
        }
        self.dispatch(self.state, segment, step)
    }

    pub(crate) fn dispatch(
        &mut self,
        state: TcpState,
        segment: &Segment<'_>,
        step: &mut Step<'_>,
    ) -> Fits {
        match state {
            TcpState::None => Ok(()),
            TcpState::SynSent => self.in_syn_sent(segment, step),
            TcpState::SynRecv => self.in_syn_recv(segment, step),
            TcpState::Established => self.in_established(segment, step),
            TcpState::FinWait1 => self.in_fin_wait1(segment, step),
            TcpState::FinWait2 => self.in_fin_wait2(segment, step),
            TcpState::Closing => self.in_closing(segment, step),
            TcpState::CloseWait => self.in_close_wait(segment, step),
            TcpState::LastAck => self.in_last_ack(segment, step),
            TcpState::TimeWait => self.in_time_wait(segment, step),
            TcpState::Closed => self.in_closed(segment, step),
        }
    }

    /// The session's flow was turned round.
    pub fn swap(&mut self) {
        self.sides.swap(0, 1);
    }

    pub(crate) fn set_state(&mut self, state: TcpState) {
        if state != self.state {
            self.state_before = self.state;
            self.state = state;
        }
    }

    /// Windows say nothing: the session was not seen from its beginning or from both sides.
    pub(crate) fn is_loose(&self) -> bool {
        self.marks.midstream || self.marks.one_sided
    }

    /// The sender's side and the receiver's.
    pub(crate) fn pair(&mut self, direction: Direction) -> (&mut Half, &mut Half) {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }

    pub(crate) fn half(&mut self, segment: &Segment<'_>) -> &mut Half {
        &mut self.sides[segment.direction.index()]
    }

    pub(crate) fn peer(&mut self, segment: &Segment<'_>) -> &mut Half {
        &mut self.sides[segment.direction.opposite().index()]
    }

    /// The sender's bytes go up to here. Where nobody acknowledges, they count as acknowledged.
    pub(crate) fn set_next(&mut self, segment: &Segment<'_>, next: u32) {
        let one_sided = self.marks.one_sided;
        let half = self.half(segment);
        half.next = next;
        if one_sided && before(half.acked, next) {
            half.acked = next;
        }
    }
}

/// What judging a segment needs beside the session.
pub(crate) struct Step<'a> {
    pub config: &'a Config,
    pub sink: &'a mut dyn Sink,
    pub outcome: &'a mut Outcome,
}

impl Step<'_> {
    /// The segment does not fit, and this is why.
    pub fn refuse(&mut self, event: StreamEvent) -> Fits {
        self.outcome.events.insert(event);
        Err(Unfit)
    }
}

/// Whether a segment fits its session; why not is an event already.
pub(crate) type Fits = Result<(), Unfit>;

#[derive(Debug)]
pub(crate) struct Unfit;
