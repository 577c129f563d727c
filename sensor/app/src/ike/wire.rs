//! The header of either version (RFC 2408 §3.1, RFC 7296 §3.1) and the payloads of version 1 (RFC 2408 §3,
//! RFC 2409). Payloads of version 2 are read by `ipsec-parser`. Pure: no state.

use std::collections::BTreeSet;

use sensor_bytes::{Reader, Short};

/// Payloads within payloads: a proposal in an association, a transform in a proposal, and some to spare.
const MAX_DEPTH: u8 = 5;
/// Payloads of one message, at all depths.
const MAX_PAYLOADS: usize = 512;
/// Attributes of one transform.
const MAX_ATTRIBUTES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub initiator: u64,
    pub responder: u64,
    pub next_payload: u8,
    pub major: u8,
    pub minor: u8,
    pub exchange: u8,
    pub flags: u8,
    pub message_id: u32,
    pub length: u32,
}

impl Header {
    pub fn read(reader: &mut Reader<'_>) -> Result<Header, Short> {
        let (initiator, responder) = (reader.u64()?, reader.u64()?);
        let [next_payload, version, exchange, flags] = reader.array()?;
        Ok(Header {
            initiator,
            responder,
            next_payload,
            major: version >> 4,
            minor: version & 0x0f,
            exchange,
            flags,
            message_id: reader.u32()?,
            length: reader.u32()?,
        })
    }

    /// Version 1: the payloads are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.flags & 0x01 != 0
    }

    /// Version 2: sent by who began.
    pub fn is_of_initiator(&self) -> bool {
        self.flags & 0x08 != 0
    }
}

/// Types of payloads of version 1 (IANA ISAKMP registry).
pub mod payload {
    pub const ASSOCIATION: u8 = 1;
    pub const PROPOSAL: u8 = 2;
    pub const TRANSFORM: u8 = 3;
    pub const KEY_EXCHANGE: u8 = 4;
    pub const NONCE: u8 = 10;
    pub const VENDOR: u8 = 13;
}

/// An attribute of a transform (RFC 2408 §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub kind: u16,
    /// The value, or its length when it does not fit in two bytes.
    pub short: u16,
    pub number: Option<u32>,
    pub bytes: Vec<u8>,
}

pub type Transform = Vec<Attribute>;

/// What the payloads of a message of version 1 say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payloads {
    pub kinds: BTreeSet<u8>,
    /// Domain of interpretation of an association.
    pub domain: Option<u32>,
    pub transforms: Vec<Transform>,
    pub key_exchange: Vec<u8>,
    pub nonce: Vec<u8>,
    pub vendors: Vec<Vec<u8>>,
    /// Bytes are left behind the last payload.
    pub has_extra: bool,
    count: usize,
}

/// A payload that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl From<Short> for Malformed {
    fn from(_: Short) -> Self {
        Malformed
    }
}

impl Payloads {
    /// Reads the payloads behind a header; `first` is the type of the first of them.
    pub fn read(first: u8, bytes: &[u8]) -> Result<Payloads, Malformed> {
        let mut payloads = Payloads::default();
        payloads.kinds.insert(first);
        payloads.has_extra = payloads.list(first, bytes, 0)?;
        Ok(payloads)
    }

    /// Reads payloads one after the other. Whether bytes are left that are no payload.
    fn list(&mut self, first: u8, bytes: &[u8], depth: u8) -> Result<bool, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut kind = first;
        while !reader.is_empty() && self.count < MAX_PAYLOADS {
            let mut ahead = reader;
            let Ok([next, _, high, low]) = ahead.array() else {
                return Ok(true);
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            let Ok(body) = ahead.take(length.saturating_sub(4)) else {
                return Ok(true);
            };
            reader = ahead;
            self.count += 1;
            self.payload(kind, body, depth)?;
            kind = next;
        }
        Ok(!reader.is_empty())
    }

    fn payload(&mut self, kind: u8, body: &[u8], depth: u8) -> Result<(), Malformed> {
        /// IPsec (RFC 2407 §4.6.1).
        const IPSEC: u32 = 1;
        self.kinds.insert(kind);
        let mut reader = Reader::new(body);
        match kind {
            payload::ASSOCIATION => {
                let domain = reader.u32()?;
                self.domain = Some(domain);
                if domain == IPSEC {
                    // The situation.
                    reader.skip(4)?;
                    if depth < MAX_DEPTH {
                        self.list(payload::PROPOSAL, reader.rest(), depth + 1)?;
                    }
                }
            }
            payload::PROPOSAL => {
                let [_, _, spi, _] = reader.array()?;
                reader.skip(usize::from(spi))?;
                if depth < MAX_DEPTH {
                    self.list(payload::TRANSFORM, reader.rest(), depth + 1)?;
                }
            }
            // Behind number, identifier and a reserved word.
            payload::TRANSFORM if reader.skip(4).is_ok() => {
                self.transforms.push(attributes(&mut reader));
            }
            payload::KEY_EXCHANGE => self.key_exchange = body.to_vec(),
            payload::NONCE => self.nonce = body.to_vec(),
            payload::VENDOR => self.vendors.push(body.to_vec()),
            _ => {}
        }
        Ok(())
    }
}

fn attributes(reader: &mut Reader<'_>) -> Transform {
    let mut attributes = Vec::new();
    while attributes.len() < MAX_ATTRIBUTES {
        match attribute(reader) {
            Ok(attribute) => attributes.push(attribute),
            Err(_) => break,
        }
    }
    attributes
}

fn attribute(reader: &mut Reader<'_>) -> Result<Attribute, Short> {
    let head = reader.u16()?;
    let short = reader.u16()?;
    let (number, bytes) = match (head & 0x8000 != 0, short) {
        (true, value) => (Some(u32::from(value)), Vec::new()),
        (false, 4) => (Some(reader.u32()?), Vec::new()),
        (false, length) => (None, reader.take(usize::from(length))?.to_vec()),
    };
    Ok(Attribute {
        kind: head & 0x7fff,
        short,
        number,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(next: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![next, 0];
        bytes.extend((body.len() as u16 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn an_association_with_a_nonce() {
        let transform = payload(
            0,
            &[1, 1, 0, 0, 0x80, 1, 0, 7, 0, 12, 0, 4, 0, 1, 0x51, 0x80],
        );
        let proposal = payload(0, &[&[1, 1, 0, 1][..], &transform].concat());
        let association = payload(10, &[&[0, 0, 0, 1, 0, 0, 0, 1][..], &proposal].concat());
        let bytes = [association, payload(0, b"nonce"), vec![0]].concat();
        let payloads = Payloads::read(payload::ASSOCIATION, &bytes).expect("payloads");
        assert_eq!(
            payloads.kinds.iter().copied().collect::<Vec<_>>(),
            [1, 2, 3, 10]
        );
        assert_eq!(payloads.domain, Some(1));
        assert_eq!(payloads.nonce, b"nonce");
        assert!(payloads.has_extra);
        let numbers: Vec<_> = payloads.transforms[0]
            .iter()
            .map(|attribute| (attribute.kind, attribute.number))
            .collect();
        assert_eq!(numbers, [(1, Some(7)), (12, Some(86_400))]);
        assert_eq!(Payloads::read(1, &payload(0, &[0, 0])), Err(Malformed));
    }

    #[test]
    fn nesting_has_a_limit() {
        let mut bytes = Vec::new();
        for _ in 0..500 {
            bytes = payload(2, &[&[1, 1, 0, 1][..], &payload(2, &bytes)].concat());
        }
        assert!(Payloads::read(payload::PROPOSAL, &bytes).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(first in 0u8..20, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Payloads::read(first, &bytes);
            let _ = Header::read(&mut Reader::new(&bytes));
        }
    }
}
