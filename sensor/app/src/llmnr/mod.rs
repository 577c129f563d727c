//! Link-local multicast name resolution (RFC 4795). Messages are read by `dns`; what differs is the port, the
//! flags, the names in rules and the record, which are those of Suricata 9.

mod buffers;
mod event;

use crate::dns::state::{State, Variant};
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow, dns};

pub(crate) use event::record;

/// RFC 4795 §2.
const PORT: u16 = 5355;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Llmnr,
    name: "llmnr",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: dns::events::EVENTS,
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(State::new(transport, Variant::LinkLocal)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if ![prefix.server_port, prefix.client_port].contains(&PORT) {
        return Verdict::No;
    }
    dns::verdict(prefix, dns::Expectation::Expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use proptest::prelude::*;
    use sensor_flow::Direction::{self, ToClient, ToServer};

    const QUERY: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x04wpad\0\0\x01\0\x01";
    const ANSWER: &[u8] = b"\x12\x34\x80\0\0\x01\0\x01\0\0\0\0\x04wpad\0\0\x01\0\x01\x04wpad\0\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\xa8\0\x09";

    #[test]
    fn answers_come_from_the_server() {
        for (port, direction, data, verdict) in [
            (PORT, ToServer, QUERY, Verdict::Yes),
            (PORT, ToServer, ANSWER, Verdict::Reversed),
            (PORT, ToClient, ANSWER, Verdict::Yes),
            (53, ToServer, QUERY, Verdict::No),
            (PORT, ToServer, &QUERY[..15], Verdict::No),
        ] {
            let found = testing::probe(Protocol::Llmnr, Transport::Udp, direction, port, data);
            assert_eq!(found, verdict, "{port} {direction:?}");
        }
    }

    #[test]
    fn messages_are_recorded() {
        let pieces: &[(Direction, &[u8])] = &[(ToServer, QUERY), (ToClient, ANSWER)];
        let (records, _) = testing::run(Protocol::Llmnr, Transport::Udp, pieces, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"llmnr":{"type":"request","id":4660,"opcode":0,"queries":[{"rrname":"wpad","rrtype":"a"}]}}"#,
                r#"{"llmnr":{"type":"response","id":4660,"opcode":0,"queries":[{"rrname":"wpad","rrtype":"a"}],"answers":[{"rrname":"wpad","a":"192.168.0.9"}]}}"#,
            ]
        );
    }

    const SESSION: &[testing::Piece<'static>] = &[(ToServer, QUERY), (ToClient, ANSWER)];

    proptest! {
        #[test]
        fn no_input_panics(pieces in testing::noise(SESSION)) {
            testing::run_owned(Protocol::Llmnr, Transport::Udp, &pieces);
        }
    }
}
