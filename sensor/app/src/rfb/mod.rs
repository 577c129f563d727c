//! RFB, the protocol of VNC, up to the server's screen (RFC 6143 §7.1–7.3). Left out: the screen's contents,
//! and security types that RFC 6143 does not define.

mod buffers;
mod event;
mod midway;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::RfbTransaction;

/// How both sides begin.
const BEGINNING: &[u8] = b"RFB ";

const UNIMPLEMENTED_SECURITY_TYPE: u16 = 1;
const UNKNOWN_SECURITY_RESULT: u16 = 2;
const MALFORMED_MESSAGE: u16 = 3;
const CONFUSED_STATE: u16 = 4;

const fn event(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Rfb,
    name: "rfb",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[
        event("unimplemented_security_type", UNIMPLEMENTED_SECURITY_TYPE),
        event("unknown_security_result", UNKNOWN_SECURITY_RESULT),
        event("malformed_message", MALFORMED_MESSAGE),
        event("confused_state", CONFUSED_STATE),
    ],
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    match begin(prefix) {
        Verdict::No if prefix.midstream => midway::probe(prefix),
        verdict => verdict,
    }
}

/// The first words of a side.
fn begin(prefix: &Prefix<'_>) -> Verdict {
    if prefix.data.starts_with(BEGINNING) {
        Verdict::Yes
    } else if BEGINNING.starts_with(prefix.data) {
        Verdict::More
    } else {
        Verdict::No
    }
}
