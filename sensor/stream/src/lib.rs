//! TCP segments → ordered chunks and gaps (RFC 9293).
//!
//! A [`Session`] follows the states of both ends as an observer sees them, reports what is odd as
//! [`StreamEvent`]s, and hands each side's bytes to a [`Sink`]: when the other end has acknowledged them,
//! or on arrival with [`Config::inline`]. What was never seen, but has data behind it, is a gap. Overlapping
//! data is resolved as the receiving host would ([`OsPolicy`]).

mod buffer;
mod closing;
mod event;
mod half;
mod handshake;
mod open;
mod overlap;
mod policy;
mod reassemble;
mod sack;
mod session;
mod shown;
mod state;
mod third_way;
mod validate;

#[cfg(test)]
mod tests;

pub use buffer::RawWindow;
pub use event::{EventSet, StreamEvent};
pub use policy::{HostPolicies, OsPolicy};
pub use session::{Outcome, Session, Tally};
pub use state::TcpState;

use sensor_flow::Direction;

/// Takes the ordered bytes of a session.
pub trait Sink {
    fn chunk(&mut self, direction: Direction, data: &[u8]);
    /// Bytes that were acknowledged but never seen.
    fn gap(&mut self, direction: Direction, bytes: u64);
    /// The depth is reached: nothing more of this side will be handed over.
    fn truncated(&mut self, direction: Direction);
    /// The side has ended.
    fn close(&mut self, direction: Direction);
}

/// What to do with a session whose beginning was not seen (`stream.midstream-policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MidstreamPolicy {
    #[default]
    Ignore,
    PassFlow,
    Bypass,
}

impl MidstreamPolicy {
    /// Name in EVE's `flow.exception_policy` and in the counters.
    pub fn name(self) -> &'static str {
        match self {
            MidstreamPolicy::Ignore => "ignore",
            MidstreamPolicy::PassFlow => "pass_flow",
            MidstreamPolicy::Bypass => "bypass",
        }
    }
}

/// Keys and defaults are those of `stream` in Suricata's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Follow sessions whose handshake was not seen.
    pub midstream: bool,
    pub midstream_policy: MidstreamPolicy,
    /// Follow sessions of which one direction is not seen.
    pub async_oneside: bool,
    /// Hand data over on arrival instead of on acknowledgement.
    pub inline: bool,
    /// Bytes of each side that are reassembled; 0: all.
    pub depth: u64,
    /// Bytes after which the raw stream is inspected (`reassembly.toserver-chunk-size`).
    pub raw_chunk_bytes: u64,
    /// Overlap policies by host (`host-os-policy`).
    pub hosts: HostPolicies,
    /// Tell when overlapping data differs: a rule asks for it, and delivered bytes are kept longer for it.
    pub compare_overlaps: bool,
    /// Rules look at the stream itself: alerts show what they have not looked at yet.
    pub raw_inspected: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            midstream: false,
            midstream_policy: MidstreamPolicy::Ignore,
            async_oneside: false,
            inline: false,
            depth: 1 << 20,
            raw_chunk_bytes: 2_560,
            hosts: HostPolicies::default(),
            compare_overlaps: false,
            raw_inspected: true,
        }
    }
}

/// Bytes of one side that wait for earlier ones, at most.
pub const PENDING_LIMIT_BYTES: usize = 1 << 20;
/// Pieces of one side that wait for earlier ones, at most.
pub const PENDING_LIMIT: usize = 2_048;
/// Bytes of one side that wait for their acknowledgement, at most; beyond it they are handed over unacknowledged.
pub const UNACKED_LIMIT_BYTES: u64 = 4 << 20;
