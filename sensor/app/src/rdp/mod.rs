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
    if !prefix.expects(Protocol::Rdp, &[PORT]) {
        return if prefix.opens() {
            opening(prefix.data)
        } else {
            Verdict::No
        };
    }
    match prefix.data.first() {
        Some(&wire::TPKT_VERSION) => Verdict::Yes,
        Some(_) => Verdict::No,
        None => Verdict::More,
    }
}

/// A connection request that only this protocol makes: others begin with TPKT and X.224, too.
fn opening(data: &[u8]) -> Verdict {
    const COOKIE: &[u8] = b"Cookie: msts";
    /// In front of what varies: TPKT, then X.224 without options.
    const FIXED_BYTES: usize = 11;
    const MAX_BYTES: usize = 512;
    const NEGOTIATION_BYTES: usize = 8;
    let message = match wire::message_bytes(data) {
        Ok(Some(bytes)) if (FIXED_BYTES..=MAX_BYTES).contains(&bytes) => data.get(..bytes),
        Ok(None) => None,
        _ => return Verdict::No,
    };
    let Some(message) = message else {
        return Verdict::More;
    };
    let length = usize::from(message[4]);
    let varies = &message[FIXED_BYTES..];
    let asks = varies
        .len()
        .checked_sub(NEGOTIATION_BYTES)
        .is_some_and(|at| matches!(varies[at..], [1, _, 8, 0, ..]));
    let sound = message[1] == 0
        && length + 5 == message.len()
        && matches!(wire::read(message), wire::Message::ConnectionRequest(_));
    match sound && (asks || varies.starts_with(COOKIE)) {
        true => Verdict::Yes,
        false => Verdict::No,
    }
}
