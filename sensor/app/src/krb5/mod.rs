//! Kerberos 5 over UDP and TCP (RFC 4120), read by `kerberos-parser`. Each message is a transaction of its
//! own. Left out: what is encrypted, and messages between clients and services, which other protocols carry.

mod buffers;
mod event;
mod state;

use asn1_rs::{Any, Class, FromDer};
use sensor_bytes::Reader;
use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};

pub use state::Krb5Transaction;

/// Key distribution centres.
const PORT: u16 = 88;
/// Bytes of one message over TCP that is worth detection.
const MAX_PROBE_MESSAGE_BYTES: u32 = 16_384;
/// Bytes of one message over TCP; a longer one ends parsing.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

const MALFORMED_DATA: u16 = 0;
const WEAK_ENCRYPTION: u16 = 1;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Krb5,
    name: "krb5",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[
        EventRow {
            name: "malformed_data",
            number: MALFORMED_DATA,
        },
        EventRow {
            name: "weak_encryption",
            number: WEAK_ENCRYPTION,
        },
    ],
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

/// Kind of the message: its application tag.
fn kind(message: &[u8]) -> Option<u32> {
    let (_, element) = Any::from_der(message).ok()?;
    (element.class() == Class::Application).then_some(element.tag().0)
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Krb5, &[PORT]) {
        return if prefix.opens() {
            opening(prefix)
        } else {
            Verdict::No
        };
    }
    let mut reader = Reader::new(prefix.data);
    if prefix.transport == Transport::Tcp {
        match reader.u32() {
            Ok(bytes) if bytes > MAX_PROBE_MESSAGE_BYTES => return Verdict::No,
            Ok(_) => {}
            Err(_) => return Verdict::More,
        }
    }
    let Some(kind) = begins_message(&mut reader) else {
        return match prefix.transport {
            Transport::Tcp if reader.remaining() < 16 => Verdict::More,
            _ => Verdict::No,
        };
    };
    let from_client = matches!(kind, 10 | 12 | 14);
    if from_client == (prefix.direction == Direction::ToServer) {
        Verdict::Yes
    } else {
        Verdict::Reversed
    }
}

/// A request to the centre: all lengths agree, and version and kind are where they have to be.
fn opening(prefix: &Prefix<'_>) -> Verdict {
    /// Bytes behind the lengths: the version, and the tag of the kind.
    const VERSION: &[u8] = b"\xa1\x03\x02\x01\x05\xa2\x03\x02\x01";
    const TAGS: [(u8, u8); 2] = [(0x6a, 10), (0x6c, 12)];
    /// Lengths and tags in front of all that, with room for the longest.
    const MAX_BYTES: usize = 4 + 6 + 6 + VERSION.len() + 1;
    let length = |reader: &mut Reader<'_>| {
        let first = reader.u8().ok()?;
        let bytes = match first {
            0..=0x7f => usize::from(first),
            0x81 => reader.u8().ok()?.into(),
            0x82 => reader.u16().ok()?.into(),
            _ => return None,
        };
        Some((bytes, reader.position()))
    };
    let mut reader = Reader::new(prefix.data);
    let declared = match prefix.transport {
        Transport::Udp => Some(prefix.data.len()),
        Transport::Tcp => reader
            .u32()
            .ok()
            .filter(|bytes| *bytes <= MAX_PROBE_MESSAGE_BYTES)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .map(|bytes| bytes + 4),
    };
    let mut read = || {
        let end = declared?;
        let tag = reader.u8().ok()?;
        let (_, kind) = TAGS.iter().find(|(known, _)| *known == tag)?;
        let (outer, at) = length(&mut reader)?;
        let sequence = reader.u8().ok()?;
        let (inner, begin) = length(&mut reader)?;
        let version = reader.take(VERSION.len()).ok()?;
        let told = reader.u8().ok()?;
        let whole = at + outer == end && begin + inner == end && sequence == 0x30;
        Some(whole && version == VERSION && told == *kind)
    };
    let begins = || {
        let tag = prefix.data.get(4);
        prefix.data.iter().take(2).all(|byte| *byte == 0)
            && tag.is_none_or(|tag| TAGS.iter().any(|(known, _)| known == tag))
    };
    match read() {
        Some(true) => Verdict::Yes,
        None if prefix.transport == Transport::Tcp && prefix.data.len() < MAX_BYTES && begins() => {
            Verdict::More
        }
        _ => Verdict::No,
    }
}

/// Reads the beginning of a message: an application tag, a sequence, and the version, which is 5.
fn begins_message(reader: &mut Reader<'_>) -> Option<u8> {
    const APPLICATION: u8 = 0x60;
    const SEQUENCE: u8 = 0x30;
    const VERSION: &[u8] = b"\x02\x01\x05";
    let header = |reader: &mut Reader<'_>| {
        let tag = reader.u8().ok()?;
        let length = reader.u8().ok()?;
        if length > 0x80 {
            reader.skip(usize::from(length & 0x7f)).ok()?;
        }
        Some(tag)
    };
    let start = *reader;
    let tag = header(reader)?;
    let kind = tag & 0x1f;
    let sound = tag & !0x1f == APPLICATION && kind <= 30 && header(reader)? == SEQUENCE;
    let version = reader.take(5).ok().and_then(|bytes| bytes.get(2..));
    if sound && version == Some(VERSION) {
        Some(kind)
    } else {
        *reader = start;
        None
    }
}
