//! IKE over UDP, version 1 (RFC 2408, RFC 2409) and version 2 (RFC 7296). Left out: IKE behind translators on
//! port 4500, and what is encrypted.

mod buffers;
mod event;
mod events;
mod names;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use sensor_bytes::Reader;
use sensor_flow::Direction;
use wire::Header;

pub use state::IkeTransaction;

/// Where keys are exchanged.
const PORT: u16 = 500;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Ike,
    name: "ike",
    synonyms: &["ikev2"],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Ike, &[PORT]) {
        return match prefix.opens() && is_opening(prefix.data) {
            true => Verdict::Yes,
            false => Verdict::No,
        };
    }
    let Ok(header) = Header::read(&mut Reader::new(prefix.data)) else {
        return Verdict::No;
    };
    let sound = match (header.major, header.minor) {
        (1, _) => true,
        (2, 0) => {
            (34..=37).contains(&header.exchange)
                && usize::try_from(header.length) == Ok(prefix.data.len())
        }
        _ => false,
    };
    match (sound, prefix.direction) {
        (false, _) => Verdict::No,
        // Who begins does not know the other's identifier.
        (true, Direction::ToClient) if header.responder == 0 => Verdict::Reversed,
        (true, _) => Verdict::Yes,
    }
}

/// The first message of all, whole: one side has no identifier yet, and the payloads fill it to its end.
fn is_opening(data: &[u8]) -> bool {
    const SA_INIT: u8 = 34;
    const MAIN: u8 = 2;
    const AGGRESSIVE: u8 = 4;
    let mut reader = Reader::new(data);
    let Ok(header) = Header::read(&mut reader) else {
        return false;
    };
    let kinds = match (header.major, header.minor, header.exchange, header.flags) {
        (1, 0, MAIN | AGGRESSIVE, 0) => 1..=21,
        (2, 0, SA_INIT, 0x08) => 33..=54,
        _ => return false,
    };
    if usize::try_from(header.length) != Ok(data.len())
        || (header.initiator == 0 || header.responder != 0 || header.message_id != 0)
    {
        return false;
    }
    let mut kind = header.next_payload;
    while kind != 0 {
        let Ok([next, _, high, low]) = reader.array() else {
            return false;
        };
        let bytes = usize::from(u16::from_be_bytes([high, low])).checked_sub(4);
        let whole = bytes.is_some_and(|bytes| reader.skip(bytes).is_ok());
        if !whole || !kinds.contains(&kind) {
            return false;
        }
        kind = next;
    }
    header.next_payload != 0 && reader.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_recognised() {
        let mut first = vec![1; 8];
        first.extend([0; 8]);
        first.extend([33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 28]);
        let mut one = first.clone();
        one[17] = 0x10;
        let mut other = first.clone();
        other[18] = 99;
        let rows: &[(&[u8], u16, Direction, Verdict)] = &[
            (&first, 500, Direction::ToServer, Verdict::Yes),
            (&first, 500, Direction::ToClient, Verdict::Reversed),
            (&first, 4000, Direction::ToServer, Verdict::No),
            (&first[..27], 500, Direction::ToServer, Verdict::No),
            (&one, 500, Direction::ToServer, Verdict::Yes),
            (&other, 500, Direction::ToServer, Verdict::No),
        ];
        for (data, port, direction, verdict) in rows {
            let prefix = Prefix {
                transport: Transport::Udp,
                direction: *direction,
                data,
                server_port: *port,
                client_port: *port,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), *verdict, "{port} {direction:?}");
        }
    }
}
