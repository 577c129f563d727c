//! Headers of packets: long and short ones (RFC 9000 §17), and those of Google's QUIC.

use std::borrow::Cow;

use sensor_bytes::{Reader, Short};

const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;

/// Version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version(pub u32);

impl Version {
    pub const NEGOTIATION: Version = Version(0);
    pub const V2: Version = Version(0x6b33_43cf);
    pub const Q043: Version = Version(0x5130_3433);
    pub const Q044: Version = Version(0x5130_3434);
    pub const Q045: Version = Version(0x5130_3435);
    pub const Q046: Version = Version(0x5130_3436);

    /// Google's forms whose packets are in the clear.
    pub fn is_google(self) -> bool {
        matches!(
            self,
            Version::Q043 | Version::Q044 | Version::Q045 | Version::Q046
        )
    }

    /// Name in EVE.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Version(0x5130_3339) => "Q039",
            Version::Q043 => "Q043",
            Version::Q044 => "Q044",
            Version::Q045 => "Q045",
            Version::Q046 => "Q046",
            Version::V2 => "v2",
            Version(other) => return format!("{other:x}").into(),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketType {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    Short,
}

/// What stands before the payload of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub kind: PacketType,
    pub is_long: bool,
    pub version: Version,
    /// As it stands in the packet.
    pub version_bytes: [u8; 4],
    pub destination: Vec<u8>,
    /// Bytes of the header, up to the packet number of an initial packet.
    pub length: usize,
    /// Bytes behind it that belong to the packet; more may follow in the datagram.
    pub payload: usize,
}

impl Header {
    /// Reads the header at the start of the bytes; `None` for no packet of QUIC.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8().ok()?;
        let header = if first & LONG != 0 {
            long(first, &mut reader)
        } else if first & FIXED != 0 {
            Ok(Some(rest(PacketType::Short, Version::NEGOTIATION, &reader)))
        } else {
            google(first, &mut reader).map(Some)
        };
        header.ok().flatten()
    }
}

/// All that is left belongs to the packet.
fn rest(kind: PacketType, version: Version, reader: &Reader<'_>) -> Header {
    Header {
        kind,
        is_long: false,
        version,
        version_bytes: version.0.to_be_bytes(),
        destination: Vec::new(),
        length: reader.position(),
        payload: reader.remaining(),
    }
}

/// The public header up to version 43: flags tell what is there.
fn google(flags: u8, reader: &mut Reader<'_>) -> Result<Header, Short> {
    const VERSION: u8 = 0x01;
    const NONCE: u8 = 0x04;
    const CONNECTION: u8 = 0x08;
    let mut destination = Vec::new();
    if flags & CONNECTION != 0 {
        destination = reader.take(8)?.to_vec();
    } else if flags & NONCE != 0 {
        reader.skip(32)?;
    }
    let mut version = Version::NEGOTIATION;
    let mut kind = PacketType::Short;
    if flags & VERSION != 0 {
        version = Version(reader.u32()?);
        kind = PacketType::Initial;
    }
    reader.skip(1 + usize::from((flags & 0x30) >> 4))?;
    if flags & CONNECTION != 0 {
        // Hash of the message.
        reader.skip(12)?;
    }
    Ok(Header {
        destination,
        ..rest(kind, version, reader)
    })
}

fn long(first: u8, reader: &mut Reader<'_>) -> Result<Option<Header>, Short> {
    let version = Version(reader.u32()?);
    let Some(kind) = long_type(first, version) else {
        return Ok(None);
    };
    let destination = if version.is_google() {
        // Both lengths in one byte, less three when there is something.
        let lengths = reader.u8()?;
        let length = |bits: u8| usize::from(if bits == 0 { 0 } else { bits + 3 });
        let destination = reader.take(length(lengths >> 4))?;
        reader.skip(length(lengths & 0x0f))?;
        destination
    } else {
        let length = reader.u8()?;
        let destination = reader.take(usize::from(length))?;
        let length = reader.u8()?;
        reader.skip(usize::from(length))?;
        destination
    };
    let mut payload = None;
    match kind {
        PacketType::Initial if version.is_google() => {
            // Packet number, and the hash of the message.
            reader.skip(4 + 12)?;
        }
        PacketType::Initial => {
            let token = variable(reader)?;
            reader.skip(usize::try_from(token).unwrap_or(usize::MAX))?;
            let length = variable(reader)?;
            match usize::try_from(length) {
                Ok(length) if length <= reader.remaining() => payload = Some(length),
                _ => return Ok(None),
            }
        }
        // A token, and nothing behind it.
        PacketType::Retry => reader.skip(reader.remaining())?,
        _ => {}
    }
    Ok(Some(Header {
        kind,
        is_long: true,
        version,
        version_bytes: version.0.to_be_bytes(),
        destination: destination.to_vec(),
        length: reader.position(),
        payload: payload.unwrap_or(reader.remaining()),
    }))
}

fn long_type(first: u8, version: Version) -> Option<PacketType> {
    use PacketType::{Handshake, Initial, Retry, ZeroRtt};
    if version == Version::NEGOTIATION {
        return Some(PacketType::VersionNegotiation);
    }
    if version.is_google() && version != Version::Q046 {
        return match first & 0x7f {
            0x7f => Some(Initial),
            0x7e => Some(Retry),
            0x7d => Some(Handshake),
            0x7c => Some(ZeroRtt),
            _ => None,
        };
    }
    let order = if version == Version::V2 {
        [Retry, Initial, ZeroRtt, Handshake]
    } else {
        [Initial, ZeroRtt, Handshake, Retry]
    };
    order.get(usize::from((first & 0x30) >> 4)).copied()
}

/// A number whose first two bits tell its length (RFC 9000 §16).
pub fn variable(reader: &mut Reader<'_>) -> Result<u64, Short> {
    let first = reader.u8()?;
    let more = (1usize << (first >> 6)) - 1;
    Ok(reader
        .take(more)?
        .iter()
        .fold(u64::from(first & 0x3f), |value, byte| {
            value << 8 | u64::from(*byte)
        }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers() {
        let initial = [
            &[0xc3, 0, 0, 0, 1, 2, 8, 9, 1, 7, 0, 3][..],
            &[1, 2, 3, 0xff],
        ]
        .concat();
        let second = [&[0xd3, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 0, 1][..], &[1]].concat();
        let google = [
            &[0x0d, 1, 2, 3, 4, 5, 6, 7, 8][..],
            b"Q039",
            &[1],
            &[0; 12],
            &[9],
        ]
        .concat();
        let rows: &[(&[u8], PacketType, &str, usize, usize)] = &[
            (&initial, PacketType::Initial, "1", 12, 3),
            (&second, PacketType::Initial, "v2", 9, 1),
            (&google, PacketType::Initial, "Q039", 26, 1),
            (
                &[0xf0, 0, 0, 0, 1, 0, 0, 7, 7],
                PacketType::Retry,
                "1",
                9,
                0,
            ),
            (
                &[0x80, 0, 0, 0, 0, 0, 0],
                PacketType::VersionNegotiation,
                "0",
                7,
                0,
            ),
            (&[0x40, 1, 2], PacketType::Short, "0", 1, 2),
        ];
        for (bytes, kind, version, length, payload) in rows {
            let header = Header::read(bytes).expect("a packet");
            assert_eq!(
                (header.kind, header.version.name().as_ref()),
                (*kind, *version)
            );
            assert_eq!(
                (header.length, header.payload),
                (*length, *payload),
                "{bytes:?}"
            );
        }
        assert_eq!(Header::read(&initial[..14]), None);
        assert_eq!(Header::read(&[]), None);
    }

    #[test]
    fn numbers() {
        let rows: &[(&[u8], u64)] = &[
            (&[0x25], 37),
            (&[0x7b, 0xbd], 15_293),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
        ];
        for (bytes, value) in rows {
            assert_eq!(variable(&mut Reader::new(bytes)), Ok(*value));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(header) = Header::read(&bytes) {
                prop_assert!(header.length + header.payload <= bytes.len());
            }
        }
    }
}
