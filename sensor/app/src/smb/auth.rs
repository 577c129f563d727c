//! Who sets up a session: NTLMSSP (MS-NLMP §2.2.1.3) and Kerberos, bare or within SPNEGO (RFC 4178 §4.2).

use std::fmt;

use asn1_rs::FromDer;
use kerberos_parser::krb5::ApReq;
use sensor_bytes::{Reader, Short};

use super::text::utf16;

/// Object identifiers, encoded.
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const NTLMSSP: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

/// Tags (X.690 §8.1.2).
const OCTETS: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const APPLICATION: u8 = 0x60;

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// A client as its security blob tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    Ntlm(Ntlm),
    Kerberos(Ticket),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ntlm {
    pub domain: Vec<u8>,
    pub user: Vec<u8>,
    pub host: Vec<u8>,
    pub version: Option<Version>,
    /// Domain, user and host do not lie in the usual order.
    pub is_unusual: bool,
}

/// Version of the client's system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    major: u8,
    minor: u8,
    build: u16,
    revision: u8,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version {
            major,
            minor,
            build,
            revision,
        } = self;
        write!(f, "{major}.{minor} build {build} rev {revision}")
    }
}

/// The service that a Kerberos ticket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub realm: String,
    pub service: Vec<String>,
}

/// Reads the blob of a session setup.
pub fn client(blob: &[u8]) -> Option<Client> {
    match negotiation(blob) {
        Some(inner) => offered(inner),
        None => ntlmssp(blob).map(Client::Ntlm),
    }
}

/// An element of DER: its tag and its contents.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = reader.u8().ok()?;
    let length = match reader.u8().ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8().ok()?),
        0x82 => usize::from(reader.u16().ok()?),
        _ => return None,
    };
    Some((tag, reader.take(length).ok()?))
}

fn elements(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || element(&mut reader))
}

/// What stands in the first token of SPNEGO.
fn negotiation(blob: &[u8]) -> Option<&[u8]> {
    let (APPLICATION, token) = elements(blob).next()? else {
        return None;
    };
    let mut inner = elements(token);
    let ((IDENTIFIER, SPNEGO), (_, choice)) = (inner.next()?, inner.next()?) else {
        return None;
    };
    match elements(choice).next()? {
        (SEQUENCE, inner) => Some(inner),
        _ => None,
    }
}

/// The mechanisms that a client offers, and its first message of the first of them.
fn offered(token: &[u8]) -> Option<Client> {
    let (mut kerberos, mut ntlm) = (false, false);
    let mut client = None;
    for (_, field) in elements(token) {
        match elements(field).next() {
            Some((SEQUENCE, mechanisms)) => {
                for (tag, identifier) in elements(mechanisms) {
                    kerberos |= tag == IDENTIFIER && identifier == KERBEROS;
                    ntlm |= tag == IDENTIFIER && identifier == NTLMSSP;
                }
            }
            Some((OCTETS, message)) => {
                if kerberos {
                    client = ticket(message).map(Client::Kerberos);
                }
                if ntlm && client.is_none() {
                    client = ntlmssp(message).map(Client::Ntlm);
                }
            }
            _ => {}
        }
    }
    client
}

/// The ticket of an AP-REQ (RFC 4121 §4.1).
fn ticket(message: &[u8]) -> Option<Ticket> {
    let (APPLICATION, token) = elements(message).next()? else {
        return None;
    };
    let mut reader = Reader::new(token);
    let (IDENTIFIER, _) = element(&mut reader)? else {
        return None;
    };
    reader.skip(2).ok()?;
    let (_, request) = ApReq::from_der(reader.rest()).ok()?;
    Some(Ticket {
        realm: request.ticket.realm.0,
        service: request.ticket.sname.name_string,
    })
}

/// The AUTHENTICATE message, wherever it begins.
fn ntlmssp(blob: &[u8]) -> Option<Ntlm> {
    const AUTHENTICATE: u32 = 3;
    let start = blob
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE)?;
    let message = &blob[start..];
    let mut reader = Reader::new(message);
    reader.skip(SIGNATURE.len()).ok()?;
    if reader.u32_le().ok()? != AUTHENTICATE {
        return None;
    }
    authenticate(message, &mut reader).ok()
}

fn authenticate(message: &[u8], reader: &mut Reader<'_>) -> Result<Ntlm, Short> {
    const UNICODE: u32 = 1;
    const HAS_VERSION: u32 = 0x0200_0000;
    const HEADER_BYTES: u32 = 12;
    const VERSION_BYTES: usize = 8;
    let mut fields = [(0u32, 0u32); 6];
    for field in &mut fields {
        let bytes = reader.u16_le()?;
        reader.skip(2)?;
        *field = (reader.u32_le()?, u32::from(bytes));
    }
    let flags = reader.u32_le()?;
    let data = fields.iter().map(|(offset, _)| *offset).min().unwrap_or(0) as usize;
    let version = if flags & HAS_VERSION != 0 && data >= reader.position() + VERSION_BYTES {
        let [major, minor] = reader.array()?;
        let build = reader.u16_le()?;
        reader.skip(3)?;
        Some(Version {
            major,
            minor,
            build,
            revision: reader.u8()?,
        })
    } else {
        None
    };
    let value = |(offset, bytes): (u32, u32)| {
        let mut reader = Reader::new(message);
        reader.skip(if offset < HEADER_BYTES {
            message.len() + 1
        } else {
            offset as usize
        })?;
        let bytes = reader.take(bytes as usize)?;
        Ok(if flags & UNICODE != 0 {
            utf16(bytes)
        } else {
            bytes.to_vec()
        })
    };
    let [_, _, domain, user, host, _] = fields;
    let overlaps = |(offset, _): (u32, u32), (before, bytes): (u32, u32)| {
        offset > 0 && offset < before.saturating_add(bytes)
    };
    Ok(Ntlm {
        domain: value(domain)?,
        user: value(user)?,
        host: value(host)?,
        version,
        is_unusual: overlaps(user, domain) || overlaps(host, user),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An AUTHENTICATE message with domain, user and host from these places on.
    fn message(places: [u32; 3]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(3u32.to_le_bytes());
        for (bytes_of, place) in [(0u16, 72), (0, 72)]
            .into_iter()
            .chain(places.map(|place| (4, place)))
            .chain([(0, 72)])
        {
            bytes.extend(bytes_of.to_le_bytes());
            bytes.extend(bytes_of.to_le_bytes());
            bytes.extend(u32::to_le_bytes(place));
        }
        bytes.extend(0x0200_0001u32.to_le_bytes());
        bytes.extend([10, 0, 0x5a, 0x29, 0, 0, 0, 15]);
        bytes.extend(b"D\0M\0u\0s\0p\0c\0");
        bytes
    }

    fn wrapped(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x82];
        bytes.extend((contents.len() as u16).to_be_bytes());
        bytes.extend(contents);
        bytes
    }

    #[test]
    fn names_of_the_client() {
        let expected = Ntlm {
            domain: b"DM".to_vec(),
            user: b"us".to_vec(),
            host: b"pc".to_vec(),
            version: Some(Version {
                major: 10,
                minor: 0,
                build: 10_586,
                revision: 15,
            }),
            is_unusual: false,
        };
        let bare = message([72, 76, 80]);
        assert_eq!(client(&bare), Some(Client::Ntlm(expected.clone())));
        let mechanisms = wrapped(0xa0, &wrapped(SEQUENCE, &wrapped(IDENTIFIER, NTLMSSP)));
        let token = wrapped(0xa2, &wrapped(OCTETS, &bare));
        let init = wrapped(0xa0, &wrapped(SEQUENCE, &[mechanisms, token].concat()));
        let spnego = wrapped(APPLICATION, &[wrapped(IDENTIFIER, SPNEGO), init].concat());
        assert_eq!(client(&spnego), Some(Client::Ntlm(expected)));
        let Some(Client::Ntlm(odd)) = client(&message([76, 72, 80])) else {
            panic!("no client");
        };
        assert!(odd.is_unusual);
        assert_eq!(client(&message([72, 76, 81])), None);
        assert_eq!(client(b"NTLMSSP\0\x01\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), at in 0usize..84) {
            client(&bytes);
            let mut message = message([72, 76, 80]);
            message.truncate(at);
            message.extend(&bytes);
            client(&message);
            client(&wrapped(APPLICATION, &[wrapped(IDENTIFIER, SPNEGO), bytes].concat()));
        }
    }
}
