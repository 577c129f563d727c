//! LDAP over TCP and UDP (RFC 4511), up to its encryption by StartTLS.
//!
//! Messages are read by `ldap-parser`; a request is joined with all of its responses. Left out: SASL
//! security layers, and the conditions of a search but for bare presence.

mod buffers;
mod event;
mod events;
mod number;
mod state;

use asn1_rs::FromBer;
use ldap_parser::ldap::{LdapMessage, ProtocolOp};
use sensor_bytes::Reader;
use sensor_flow::Direction;

use crate::layer::MAX_PROBE_BYTES;
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::LdapTransaction;

/// Directories and global catalogues.
const PORTS: [u16; 2] = [389, 3268];
/// Bytes of one message; a longer one ends parsing.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &["pdu"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Ldap,
    name: "ldap",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp, Transport::Udp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

/// Length of the message that begins here, its own tag and length included (X.690 §8.1.3). `Ok(None)` when
/// more bytes are needed to tell.
fn message_bytes(data: &[u8]) -> Result<Option<usize>, Unsound> {
    const SEQUENCE: u8 = 0x30;
    let mut reader = Reader::new(data);
    let (Ok(tag), length) = (reader.u8(), reader.u8()) else {
        return Ok(None);
    };
    if tag != SEQUENCE {
        return Err(Unsound);
    }
    let body = match length {
        Ok(short @ 0..=0x7f) => Ok(u32::from(short)),
        Ok(0x81) => reader.u8().map(u32::from),
        Ok(0x82) => reader.u16().map(u32::from),
        Ok(0x83) => reader.u24(),
        Ok(0x84) => reader.u32(),
        Ok(_) => return Err(Unsound),
        Err(short) => Err(short),
    };
    match body {
        Ok(body) if body as usize > MAX_MESSAGE_BYTES => Err(Unsound),
        Ok(body) => Ok(Some(reader.position() + body as usize)),
        Err(_) => Ok(None),
    }
}

/// What is no message of LDAP, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unsound;

/// Reads one whole message.
fn read(data: &[u8]) -> Option<LdapMessage<'_>> {
    match LdapMessage::from_ber(data) {
        Ok((_, message)) => Some(message),
        Err(_) => None,
    }
}

/// Only a client sends it.
fn is_request(operation: &ProtocolOp<'_>) -> bool {
    matches!(
        operation,
        ProtocolOp::BindRequest(_)
            | ProtocolOp::UnbindRequest
            | ProtocolOp::SearchRequest(_)
            | ProtocolOp::ModifyRequest(_)
            | ProtocolOp::AddRequest(_)
            | ProtocolOp::DelRequest(_)
            | ProtocolOp::ModDnRequest(_)
            | ProtocolOp::CompareRequest(_)
            | ProtocolOp::AbandonRequest(_)
            | ProtocolOp::ExtendedRequest(_)
    )
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Ldap, &PORTS) {
        return if prefix.opens() {
            opening(prefix)
        } else {
            Verdict::No
        };
    }
    let message = match message_bytes(prefix.data) {
        Ok(Some(bytes)) => match prefix.data.get(..bytes) {
            Some(message) => read(message),
            None if prefix.transport == Transport::Tcp => return Verdict::More,
            None => None,
        },
        Ok(None) if prefix.transport == Transport::Tcp => return Verdict::More,
        Ok(None) | Err(Unsound) => None,
    };
    let Some(message) = message else {
        return Verdict::No;
    };
    if is_request(&message.protocol_op) == (prefix.direction == Direction::ToServer) {
        Verdict::Yes
    } else {
        Verdict::Reversed
    }
}

/// A whole request with which clients begin.
fn opening(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    let here = match message_bytes(data) {
        Ok(Some(bytes)) if bytes <= MAX_PROBE_BYTES => data.get(..bytes),
        Ok(None) => None,
        Ok(Some(_)) | Err(Unsound) => return Verdict::No,
    };
    let Some(message) = here else {
        return match prefix.transport {
            Transport::Tcp => Verdict::More,
            Transport::Udp => Verdict::No,
        };
    };
    let whole = prefix.transport == Transport::Tcp || message.len() == data.len();
    let begins = read(message).is_some_and(|message| match message.protocol_op {
        ProtocolOp::BindRequest(bind) => matches!(bind.version, 2 | 3),
        ProtocolOp::SearchRequest(_) => true,
        ProtocolOp::ExtendedRequest(extended) => extended.request_name.0.starts_with("1."),
        _ => false,
    });
    match whole && begins {
        true => Verdict::Yes,
        false => Verdict::No,
    }
}
