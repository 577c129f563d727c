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

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu", "ctl", "data"];

/// Stands last in the table: whatever nothing else knows on its port is Telnet.
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
        if !prefix.expects(Protocol::Telnet, &[PORT]) {
            if prefix.other.is_known() {
                Verdict::No
            } else {
                negotiates(prefix.data)
            }
        } else if prefix.data.len() < 2 {
            Verdict::More
        } else {
            Verdict::Yes
        }
    },
    parser: |_| Box::new(state::State::default()),
};

/// A side that begins with two options or more, all of them known.
fn negotiates(data: &[u8]) -> Verdict {
    const OPTIONS: usize = 2;
    let sound = data
        .iter()
        .take(OPTIONS * 3)
        .enumerate()
        .all(|(at, &byte)| match at % 3 {
            0 => byte == wire::IAC,
            1 => (251..=254).contains(&byte),
            _ => wire::TelnetOption(byte).name().is_some(),
        });
    match sound {
        true if data.len() >= OPTIONS * 3 => Verdict::Yes,
        true => Verdict::More,
        false => Verdict::No,
    }
}
