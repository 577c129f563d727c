//! Telnet (RFC 854, 855): what the sides negotiate, terminal and environment (RFC 1091, 1572), and log-ins as far
//! as their prompts tell. Left out: what is typed and shown afterwards, encryption (RFC 2946).

mod buffers;
mod event;
mod frames;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::TelnetTransaction;

const PORT: u16 = 23;

/// Stands last in the table: whatever nothing else knows on its port is Telnet.
/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu", "ctl", "data"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Telnet,
    name: "telnet",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe: |prefix: &Prefix<'_>| {
        if !prefix.is_at(&[PORT]) {
            Verdict::No
        } else if prefix.data.len() < 2 {
            Verdict::More
        } else {
            Verdict::Yes
        }
    },
    parser: |_| Box::new(state::State::default()),
};
