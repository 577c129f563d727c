//! DHCP for IPv4 (RFC 2131, RFC 2132). Each message is a transaction of its own. Left out: options that
//! continue in the fields of server and file name (RFC 2132 §9.3), DHCPv6.

mod buffers;
mod event;
mod state;
pub(crate) mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::DhcpTransaction;

/// Where servers and clients listen.
const PORTS: [u16; 2] = [67, 68];

const TRUNCATED_OPTIONS: u16 = 1;
/// Never raised: options that cannot be read are truncated.
const MALFORMED_OPTIONS: u16 = 2;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Dhcp,
    name: "dhcp",
    synonyms: &[],
    buffers: &[],
    int_fields: buffers::INT_FIELDS,
    events: &[
        EventRow {
            name: "truncated_options",
            number: TRUNCATED_OPTIONS,
        },
        EventRow {
            name: "malformed_options",
            number: MALFORMED_OPTIONS,
        },
    ],
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |_| Box::new(state::State),
};

/// A whole header on the known ports, one with the cookie on any other.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let expected = prefix.is_at(&PORTS);
    match wire::Header::read(prefix.data) {
        Ok(header) if expected || header.has_cookie() => Verdict::Yes,
        _ => Verdict::No,
    }
}
