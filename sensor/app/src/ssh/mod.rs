//! SSH up to its encryption (RFC 4253 §4.2, §6, §7): banners, and HASSH fingerprints of the algorithms that
//! each side offers. Left out: everything behind NEWKEYS, and lines of a server before its banner.

mod buffers;
mod midway;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::{BANNER_DONE, SshTransaction};

/// How both sides begin.
const BANNER: &[u8] = b"SSH-";

const INVALID_BANNER: u16 = 1;
const LONG_BANNER: u16 = 2;
const INVALID_RECORD: u16 = 3;
const LONG_KEX_RECORD: u16 = 4;

const fn event(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["record.hdr", "record.data", "record.pdu"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Ssh,
    name: "ssh",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[
        event("invalid_banner", INVALID_BANNER),
        event("long_banner", LONG_BANNER),
        event("invalid_record", INVALID_RECORD),
        event("long_kex_record", LONG_KEX_RECORD),
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
    if prefix.data.starts_with(BANNER) {
        Verdict::Yes
    } else if BANNER.starts_with(prefix.data) {
        Verdict::More
    } else {
        Verdict::No
    }
}
