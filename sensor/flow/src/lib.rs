//! Five-tuple → flow, direction, time-outs.
//!
//! A [`FlowTable`] belongs to one worker and holds, beside each [`Flow`], whatever its user keeps for it
//! (reassembly, parsers, detection state). Time is the packet's time: nothing here reads a clock.

mod community;
mod direction;
mod expectations;
mod flow;
mod history;
mod key;
mod table;

pub use community::community_id;
pub use direction::Direction;
pub use expectations::Expectations;
pub use flow::{Flow, FlowId, MAC_LIMIT, State};
pub use history::{History, Mark};
pub use key::FlowKey;
pub use table::{Counts, EndReason, Entry, FlowIndex, FlowTable, Lookup, Timeouts};
