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
        return if answers(prefix) {
            Verdict::Yes
        } else {
            Verdict::No
        };
    }
    match READER.probe(prefix.data, SawpDirection::Unknown) {
        Status::Recognized => Verdict::Yes,
        Status::Incomplete => Verdict::More,
        Status::Unrecognized => Verdict::No,
    }
}

/// A response of the same number, unit and function as the request before it, both of exactly their length.
fn answers(prefix: &Prefix<'_>) -> bool {
    const HEADER_BYTES: usize = 6;
    const ERROR: u8 = 0x80;
    if prefix.direction != Direction::ToClient || prefix.other.is_known() {
        return false;
    }
    let part = |data: &[u8]| {
        let [high, low, 0, 0, bytes @ ..] = data else {
            return None;
        };
        let [length_high, length_low, unit, function, ..] = bytes else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        (HEADER_BYTES + length == data.len()
            && READER.probe(data, SawpDirection::Unknown) == Status::Recognized)
            .then_some(([*high, *low, *unit], *function))
    };
    match (part(prefix.other_data), part(prefix.data)) {
        (Some((asked, function)), Some((answered, told))) => {
            asked == answered && function == told & !ERROR
        }
        _ => false,
    }
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
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), *verdict, "{port} {data:?}");
        }
    }
}
