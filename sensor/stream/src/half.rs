//! What is known of one side of a session.

use sensor_decode::Packet;

use crate::buffer::Buffer;
use crate::policy::OsPolicy;
use crate::sack::Sacked;
use crate::state::before;
use crate::{Config, TcpState};

/// Largest shift of a window (RFC 7323 §2.3); taken where the handshake was not seen.
pub(crate) const WINDOW_SCALE_LIMIT: u8 = 14;

/// Sequence numbers are those of the bytes that this side sends.
#[derive(Debug, Default)]
pub(crate) struct Half {
    pub isn: u32,
    /// Behind the highest byte sent.
    pub next: u32,
    /// Highest acknowledgement of this side's bytes.
    pub acked: u32,
    /// Right edge of what the other side allows this one to send.
    pub window_edge: u32,
    /// Last window that the other side advertised, scaled.
    pub window: u32,
    /// Scale of the windows that the other side advertises.
    pub window_scale: u8,
    /// All flags seen from this side.
    pub flags: u8,
    /// Last timestamp value (RFC 7323 §5), and the second of the packet that had it.
    pub timestamp: u32,
    pub timestamp_second: u32,
    /// The handshake had a timestamp, or one of zero.
    pub has_timestamp: bool,
    pub zero_timestamp: bool,
    /// A keep-alive waits for its answer.
    pub keep_alive: bool,
    /// One byte was sent into a closed window.
    pub zero_window_probe: bool,
    /// A reset that may be forged was sent to this side.
    pub reset_received: bool,
    /// Bytes of urgent data that were left out of the stream.
    pub urgent: u16,
    pub sacked: Sacked,
    policy: Option<OsPolicy>,
    /// The side's end was told to the sink.
    pub closed: bool,
    /// The depth was told to the sink.
    pub truncated: bool,
    pub raw_trigger: bool,
    /// Alerts show what lies behind this position.
    pub shown: u64,
    pub buffer: Buffer,
}

impl Half {
    /// The side began with this number (that of SYN).
    pub fn begin(&mut self, isn: u32) {
        self.isn = isn;
        self.next = isn.wrapping_add(1);
        self.buffer.begin(self.next);
    }

    /// Bytes of this side are acknowledged up to here.
    pub fn acknowledge(&mut self, ack: u32) {
        if before(self.acked, ack) {
            self.acked = ack;
            self.sacked.forget_before(ack);
        }
    }

    /// The other side advertises its window anew.
    pub fn allow(&mut self) {
        let edge = self
            .acked
            .wrapping_add(self.window)
            .wrapping_add(self.sacked.bytes());
        if before(self.window_edge, edge) {
            self.window_edge = edge;
        }
    }

    /// The same, in either direction.
    pub fn set_edge(&mut self) {
        self.window_edge = self.acked.wrapping_add(self.window);
    }

    /// Acknowledged bytes were sent, seen or not.
    pub fn catch_up(&mut self, ack: u32) {
        if before(self.next, ack) {
            self.next = ack;
        }
    }

    pub fn note_timestamp(&mut self, value: u32, second: u32) {
        self.timestamp = value;
        self.timestamp_second = second;
        self.zero_timestamp |= value == 0;
    }

    /// The policy of the host that a packet goes to, found once for either side.
    pub fn policy(&mut self, packet: &Packet<'_>, config: &Config) -> OsPolicy {
        *self.policy.get_or_insert_with(|| {
            packet
                .addresses()
                .map_or(OsPolicy::Bsd, |(_, destination)| {
                    config.hosts.of(destination)
                })
        })
    }

    /// Position up to which the bytes of this side are acknowledged.
    pub fn acked_position(&self) -> u64 {
        u64::try_from(self.buffer.position(self.acked)).unwrap_or(0)
    }

    /// The same without the number that FIN takes.
    pub fn acked_data(&self, state: TcpState) -> u64 {
        self.acked_position()
            .saturating_sub(u64::from(state >= TcpState::FinWait1))
    }
}
