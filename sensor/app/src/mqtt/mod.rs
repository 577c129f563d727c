//! MQTT 3.1, 3.1.1 and 5.0 over TCP (OASIS MQTT 3.1.1, OASIS MQTT 5.0). Left out: MQTT over WebSocket, MQTT-SN.

mod buffers;
mod event;
mod events;
mod property;
mod state;
mod wire;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use sensor_bytes::Reader;
use wire::{FixedHeader, MessageType};

pub use state::MqttTransaction;

/// Where brokers listen.
const PORT: u16 = 1883;

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu", "header", "data"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Mqtt,
    name: "mqtt",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// A plausible header on the broker's port, a CONNECT with its protocol's name on any other.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let expected = prefix.expects(Protocol::Mqtt, &[PORT]);
    let mut reader = Reader::new(prefix.data);
    let header = match FixedHeader::read(&mut reader) {
        Ok(header) => header,
        Err(wire::Malformed::Short(_)) => return Verdict::More,
        Err(wire::Malformed::Content) => return Verdict::No,
    };
    if header.kind == MessageType::UNASSIGNED || header.qos() > 2 {
        return Verdict::No;
    }
    if expected {
        return Verdict::Yes;
    }
    if header.kind != MessageType::CONNECT || header.flags != 0 {
        return Verdict::No;
    }
    // "MQIsdp" is the name in version 3.1, "MQTT" later.
    for name in [&b"\0\x06MQIsdp"[..], b"\0\x04MQTT"] {
        let seen = &reader.rest()[..reader.remaining().min(name.len())];
        if seen.len() == name.len() && seen == name {
            return Verdict::Yes;
        }
        if seen.len() < name.len() && name.starts_with(seen) {
            return Verdict::More;
        }
    }
    Verdict::No
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_flow::Direction;

    #[test]
    fn connections_are_recognised() {
        let rows: &[(u16, &[u8], Verdict)] = &[
            (PORT, b"\x10", Verdict::More),
            (PORT, b"\xc0\x00", Verdict::Yes),
            (PORT, b"\x00\x00", Verdict::No),
            (PORT, b"\x16\x03\x01", Verdict::No),
            (PORT, b"\xff\xff\xff\xff\xff", Verdict::No),
            (9000, b"\xc0\x00", Verdict::No),
            (9000, b"\x10\x10\x00", Verdict::More),
            (9000, b"\x10\x10\x00\x04MQTT\x05", Verdict::Yes),
            (9000, b"\x10\x10\x00\x06MQIsdp\x03", Verdict::Yes),
            (9000, b"\x10\x10\x00\x04MQXX\x05", Verdict::No),
        ];
        for &(server_port, data, expected) in rows {
            let prefix = Prefix {
                transport: Transport::Tcp,
                direction: Direction::ToServer,
                data,
                server_port,
                client_port: 40_000,
                midway: true,
                midstream: false,
                other: Protocol::Unknown,
                other_data: &[],
            };
            assert_eq!(probe(&prefix), expected, "{server_port} {data:02x?}");
        }
    }
}
