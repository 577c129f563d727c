//! RDP up to the end of its connection setup (MS-RDPBCGR §2.2.1, X.224, T.125): what the client asks for and
//! says of itself, and what the server answers, in clear; or the certificates of the TLS that takes over.
//! Each of these messages is a transaction of its own. Left out: everything behind.

mod event;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::RdpTransaction;

const PORT: u16 = 3389;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Rdp,
    name: "rdp",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.is_at(&[PORT]) {
        return Verdict::No;
    }
    match prefix.data.first() {
        Some(&wire::TPKT_VERSION) => Verdict::Yes,
        Some(_) => Verdict::No,
        None => Verdict::More,
    }
}
