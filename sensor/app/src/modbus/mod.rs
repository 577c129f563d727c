//! Modbus over TCP (Modbus Application Protocol 1.1b3, Modbus Messaging on TCP/IP 1.0b). The bytes of a message
//! are read by `sawp-modbus`, whose names of functions and flags are those that EVE has. Left out: Modbus over
//! UDP and serial lines, identification objects, file records.

mod event;
mod state;

use sawp::parser::Direction as SawpDirection;
use sawp::probe::{Probe, Status};
use sawp_modbus::Modbus;
use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::{ModbusFacts, ModbusTransaction};

/// Where devices listen.
const PORT: u16 = 502;
/// The reader of messages; the first one must be without fault and of a known function.
const READER: Modbus = Modbus { probe_strict: true };

/// What may be odd about messages.
mod events {
    pub const UNSOLICITED_RESPONSE: u16 = 1;
    pub const INVALID_FUNCTION_CODE: u16 = 2;
    pub const INVALID_LENGTH: u16 = 3;
    pub const INVALID_VALUE: u16 = 4;
    pub const INVALID_EXCEPTION_CODE: u16 = 5;
    pub const VALUE_MISMATCH: u16 = 6;
    pub const FLOODED: u16 = 7;
    pub const INVALID_PROTOCOL_ID: u16 = 8;
}

const fn event(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

const EVENTS: &[EventRow] = &[
    event("unsolicited_response", events::UNSOLICITED_RESPONSE),
    event("invalid_function_code", events::INVALID_FUNCTION_CODE),
    event("invalid_length", events::INVALID_LENGTH),
    event("invalid_value", events::INVALID_VALUE),
    event("invalid_exception_code", events::INVALID_EXCEPTION_CODE),
    event("value_mismatch", events::VALUE_MISMATCH),
    event("flooded", events::FLOODED),
    event("invalid_protocol_id", events::INVALID_PROTOCOL_ID),
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Modbus,
    name: "modbus",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Modbus, &[PORT]) {
        return answers(prefix);
    }
    match READER.probe(prefix.data, SawpDirection::Unknown) {
        Status::Recognized => prefix.of_either_side(),
        Status::Incomplete => Verdict::More,
        Status::Unrecognized => Verdict::No,
    }
}

/// What two messages have in common that are a request and its response.
type Pairing = ([u8; 3], u8);

/// A response of the same number, unit and function as a request before it, with nothing but whole messages on either
/// side. What came last is the response: where the beginning was not seen, that tells which side is the server.
fn answers(prefix: &Prefix<'_>) -> Verdict {
    if prefix.other.is_known() || !prefix.midstream && prefix.direction == Direction::ToServer {
        return Verdict::No;
    }
    let Some(answer) = messages(prefix.data, prefix.midstream).and_then(|told| told.last) else {
        return Verdict::No;
    };
    let Some(asked) = messages(prefix.other_data, prefix.midstream) else {
        return Verdict::No;
    };
    match (asked.has(answer), prefix.direction) {
        (false, _) => Verdict::No,
        (true, Direction::ToClient) => Verdict::Yes,
        (true, Direction::ToServer) => Verdict::Reversed,
    }
}

/// Messages of a side, one after another.
struct Messages<'a> {
    data: &'a [u8],
    last: Option<Pairing>,
}

impl Messages<'_> {
    fn has(&self, answer: Pairing) -> bool {
        let mut rest = self.data;
        while let Some((pairing, bytes)) = message(rest) {
            if pairing == answer {
                return true;
            }
            rest = &rest[bytes..];
        }
        false
    }
}

/// The messages of a side if it holds nothing else; amid a conversation there may be several.
fn messages(data: &[u8], several: bool) -> Option<Messages<'_>> {
    let mut rest = data;
    let mut last = None;
    while !rest.is_empty() {
        if last.is_some() && !several {
            return None;
        }
        let (pairing, bytes) = message(rest)?;
        last = Some(pairing);
        rest = &rest[bytes..];
    }
    Some(Messages { data, last })
}

/// The message that begins here, and its length.
fn message(data: &[u8]) -> Option<(Pairing, usize)> {
    const HEADER_BYTES: usize = 6;
    const ERROR: u8 = 0x80;
    let [high, low, 0, 0, length_high, length_low, unit, function, ..] = data else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
    let whole = data.get(..HEADER_BYTES + length)?;
    let sound = READER.probe(whole, SawpDirection::Unknown) == Status::Recognized;
    sound.then_some((([*high, *low, *unit], function & !ERROR), whole.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_recognised() {
        const READ: &[u8] = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x02";
        let rows: &[(u16, &[u8], Verdict)] = &[
            (PORT, READ, Verdict::Yes),
            (PORT, &READ[..9], Verdict::More),
            (9000, READ, Verdict::No),
            (PORT, b"GET / HTTP/1.1\r\n", Verdict::No),
        ];
        for (port, data, verdict) in rows {
            let prefix = Prefix {
                transport: Transport::Tcp,
                direction: Direction::ToServer,
                data,
                server_port: *port,
                client_port: 40_000,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), *verdict, "{port} {data:?}");
        }
    }
}
