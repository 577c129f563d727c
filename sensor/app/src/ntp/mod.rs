//! NTP 3 and 4 (RFC 1305, RFC 5905). Each datagram is a transaction of its own. Left out: extensions,
//! authentication, control messages.

mod buffers;
mod state;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::NtpTransaction;

const PORT: u16 = 123;

/// Never raised, as in compatible sensors.
const UNSOLICITED_RESPONSE: u16 = 1;
const MALFORMED_DATA: u16 = 2;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Ntp,
    name: "ntp",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[
        EventRow {
            name: "unsolicited_response",
            number: UNSOLICITED_RESPONSE,
        },
        EventRow {
            name: "malformed_data",
            number: MALFORMED_DATA,
        },
    ],
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |_| Box::new(state::State),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let expected =
        prefix.expects(Protocol::Ntp, &[PORT]) || prefix.opens() && is_opening(prefix.data);
    if expected && NtpTransaction::read(prefix.data).is_some() {
        Verdict::Yes
    } else {
        Verdict::No
    }
}

/// A client that has heard of no time yet: nothing but its own clock stands in the timestamps (RFC 5905 §7.3).
fn is_opening(data: &[u8]) -> bool {
    const CLIENT: u8 = 3;
    let Some((header, sent)) = data.split_at_checked(40) else {
        return false;
    };
    sent.len() == 8
        && sent.iter().any(|byte| *byte != 0)
        && header[0] & 0x07 == CLIENT
        && header[1] == 0
        // From the reference on.
        && header[12..].iter().all(|byte| *byte == 0)
}
