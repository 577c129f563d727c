//! Multicast DNS (RFC 6762): messages of DNS among neighbours, to a group rather than to a server. Messages
//! are read by `dns`; what differs is who speaks to whom, the names in rules and the record.

mod buffers;
mod event;

use crate::dns::state::{State, Variant};
use crate::dns::wire::{Header, Message};
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow, dns};
use sensor_bytes::Reader;
use sensor_flow::Direction;

pub(crate) use event::{additionals, questions, record, resources};

/// RFC 6762 §3.
const PORT: u16 = 5353;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Mdns,
    name: "mdns",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: dns::events::EVENTS,
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |transport| Box::new(State::new(transport, Variant::Multicast)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.is_at(&[PORT]) {
        return Verdict::No;
    }
    let sound = Header::read(&mut Reader::new(prefix.data))
        .is_ok_and(|header| header.fits(prefix.data.len()))
        && Message::read(prefix.data).is_ok();
    match (sound, prefix.direction) {
        (false, _) => Verdict::No,
        (true, Direction::ToServer) => Verdict::Yes,
        // Whoever speaks is the client: there is no server.
        (true, Direction::ToClient) => Verdict::Reversed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use proptest::prelude::*;

    const ANSWER: &[u8] =
        b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x01a\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x01";
    const SESSION: &[testing::Piece<'static>] = &[(Direction::ToServer, ANSWER)];

    #[test]
    fn who_speaks_is_the_client() {
        let rows = [
            (ANSWER, 5353, Direction::ToServer, Verdict::Yes),
            (ANSWER, 5353, Direction::ToClient, Verdict::Reversed),
            (ANSWER, 53, Direction::ToServer, Verdict::No),
            (&ANSWER[..20], 5353, Direction::ToServer, Verdict::No),
        ];
        for (data, port, direction, verdict) in rows {
            let prefix = Prefix {
                transport: Transport::Udp,
                direction,
                data,
                server_port: port,
                client_port: 40_000,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), verdict, "{port} {direction:?}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in testing::noise(SESSION)) {
            testing::run_owned(Protocol::Mdns, Transport::Udp, &pieces);
        }
    }
}
