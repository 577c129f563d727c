//! What is known of one side of a session.

use crate::buffer::Buffer;
use crate::state::before;

#[derive(Debug, Default)]
pub(crate) struct Half {
    pub isn: u32,
    /// Behind the highest byte sent (SYN and FIN count).
    pub next: u32,
    /// Highest acknowledgement of this side's bytes.
    pub acked: u32,
    /// Right edge of what the other side allows this one to send.
    pub window_edge: u32,
    /// Last window that this side advertised, scaled.
    pub window: u32,
    pub window_scale: u8,
    /// All flags seen from this side.
    pub flags: u8,
    /// Last timestamp value (RFC 7323 §5).
    pub timestamp: Option<u32>,
    pub fin_seen: bool,
    /// The side's end was told to the sink.
    pub closed: bool,
    /// The depth was told to the sink.
    pub truncated: bool,
    pub raw_trigger: bool,
    pub buffer: Buffer,
}

impl Half {
    pub fn begin(&mut self, isn: u32) {
        self.isn = isn;
        self.next = isn.wrapping_add(1);
        self.acked = self.next;
        self.buffer.begin(self.next);
    }

    /// Begins at a data segment, without SYN.
    pub fn begin_midstream(&mut self, sequence: u32) {
        self.isn = sequence.wrapping_sub(1);
        self.next = sequence;
        self.acked = sequence;
        self.buffer.begin(sequence);
    }

    pub fn advance(&mut self, end: u32) {
        if before(self.next, end) {
            self.next = end;
        }
    }

    pub fn acknowledge(&mut self, ack: u32) {
        if before(self.acked, ack) {
            self.acked = ack;
        }
    }

    /// The other side advertises room up to here.
    pub fn allow(&mut self, edge: u32) {
        if before(self.window_edge, edge) {
            self.window_edge = edge;
        }
    }

    /// Position up to which the bytes of this side are acknowledged.
    pub fn acked_position(&self) -> u64 {
        let position = self.buffer.position(self.acked);
        let position = u64::try_from(position).unwrap_or(0);
        // The acknowledgement of FIN counts one more than there are bytes.
        if self.fin_seen && self.acked == self.next {
            position.min(self.fin_position())
        } else {
            position
        }
    }

    fn fin_position(&self) -> u64 {
        u64::try_from(self.buffer.position(self.next.wrapping_sub(1))).unwrap_or(0)
    }
}
