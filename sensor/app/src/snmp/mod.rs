//! SNMP 1, 2c and 3 over UDP (RFC 1157, RFC 3416, RFC 3412), read by `snmp-parser`. Each message is a
//! transaction of its own. Left out: values of variables.

mod buffers;
mod state;

use asn1_rs::{Any, FromBer, Sequence};
use sensor_flow::Direction;
use snmp_parser::{SnmpGenericMessage, SnmpPdu};

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::SnmpTransaction;

/// Agents, and who hears traps.
const PORTS: [u16; 2] = [161, 162];
const TRAP_PORT: u16 = 162;

const MALFORMED_DATA: u16 = 0;
const UNKNOWN_SECURITY_MODEL: u16 = 1;
const VERSION_MISMATCH: u16 = 2;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Snmp,
    name: "snmp",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[
        EventRow {
            name: "malformed_data",
            number: MALFORMED_DATA,
        },
        EventRow {
            name: "unknown_security_model",
            number: UNKNOWN_SECURITY_MODEL,
        },
        EventRow {
            name: "version_mismatch",
            number: VERSION_MISMATCH,
        },
    ],
    transports: &[Transport::Udp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// Version by the number and the count of the message's parts.
fn version(message: &[u8]) -> Option<u32> {
    let (_, sequence) = Sequence::from_ber(message).ok()?;
    let (mut rest, version) = u32::from_ber(&sequence.content).ok()?;
    let mut parts = 1;
    while !rest.is_empty() && parts <= 4 {
        rest = Any::from_ber(rest).ok()?.0;
        parts += 1;
    }
    match (version, parts) {
        (0, 3) => Some(1),
        (1, 3) => Some(2),
        (3, 4) => Some(3),
        _ => None,
    }
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let ports = [prefix.server_port, prefix.client_port];
    let expected =
        prefix.expects(Protocol::Snmp, &PORTS) || prefix.opens() && is_opening(prefix.data);
    if !expected || version(prefix.data).is_none() {
        return Verdict::No;
    }
    // A response from the client's side: the flow was met midway.
    let is_response = matches!(
        SnmpGenericMessage::from_ber(prefix.data),
        Ok((
            _,
            SnmpGenericMessage::V1(ref message) | SnmpGenericMessage::V2(ref message)
        )) if matches!(&message.pdu, SnmpPdu::Generic(pdu) if pdu.pdu_type == snmp_parser::PduType::Response)
    );
    let from_client = prefix.direction == Direction::ToServer;
    if from_client && is_response && !ports.contains(&TRAP_PORT) {
        Verdict::Reversed
    } else {
        Verdict::Yes
    }
}

/// A whole message that nobody but a client, or who tells of a trap, sends.
fn is_opening(data: &[u8]) -> bool {
    let asks = |pdu: &SnmpPdu<'_>| match pdu {
        SnmpPdu::Generic(pdu) => {
            pdu.err.0 == 0
                && !matches!(
                    pdu.pdu_type,
                    snmp_parser::PduType::Response | snmp_parser::PduType::Report
                )
        }
        SnmpPdu::Bulk(_) | SnmpPdu::TrapV1(_) => true,
    };
    match SnmpGenericMessage::from_ber(data) {
        Ok(([], SnmpGenericMessage::V1(ref message) | SnmpGenericMessage::V2(ref message))) => {
            let community = message.community.as_bytes();
            asks(&message.pdu)
                && !community.is_empty()
                && community.iter().all(u8::is_ascii_graphic)
        }
        Ok(([], SnmpGenericMessage::V3(message))) => {
            matches!(
                message.security_params,
                snmp_parser::SecurityParameters::USM(_)
            )
        }
        _ => false,
    }
}
