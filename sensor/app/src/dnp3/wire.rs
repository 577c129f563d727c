//! Link frames (IEEE 1815 §9): start bytes, length, control, addresses, and user data in blocks of 16 bytes,
//! each with its CRC. Pure: no state.

use sensor_bytes::{Reader, Short};

/// Bytes of the link header with its CRC.
pub const HEADER_BYTES: usize = 10;
/// IEEE 1815 §9.2.4.1.1.
pub const START: [u8; 2] = [0x05, 0x64];
/// Control, destination and source, which the length counts.
const COUNTED_HEADER_BYTES: u8 = 5;
const BLOCK_BYTES: usize = 16;
const CRC_BYTES: usize = 2;

/// CRC-16/DNP: polynomial 0x3d65, reflected.
const CRC_TABLE: [u16; 256] = {
    const POLYNOMIAL: u16 = 0xa6bc;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0u16, |crc, byte| {
        CRC_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8)
    })
}

/// Whether bytes end with their CRC.
fn crc_holds(block: &[u8]) -> bool {
    match block.split_last_chunk::<CRC_BYTES>() {
        Some((data, sum)) => !data.is_empty() && u16::from_le_bytes(*sum) == crc(data),
        None => false,
    }
}

/// The link header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Bytes of control, addresses and user data, without CRCs.
    pub length: u8,
    pub control: u8,
    pub destination: u16,
    pub source: u16,
}

/// Why a frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    Start,
    Crc,
    Length,
}

impl Link {
    /// Reads the header at the start of `bytes`; `None` when more bytes are needed.
    pub fn read(bytes: &[u8]) -> Result<Option<Link>, Malformed> {
        let Some(header) = bytes.get(..HEADER_BYTES) else {
            return Ok(None);
        };
        let link = Link::unchecked(header)?;
        if !crc_holds(header) {
            return Err(Malformed::Crc);
        }
        if link.length < COUNTED_HEADER_BYTES {
            return Err(Malformed::Length);
        }
        Ok(Some(link))
    }

    /// Reads the header without looking at its CRC and length.
    pub fn unchecked(bytes: &[u8]) -> Result<Link, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.array() != Ok(START) {
            return Err(Malformed::Start);
        }
        Link::fields(&mut reader).map_err(|_| Malformed::Length)
    }

    fn fields(reader: &mut Reader<'_>) -> Result<Link, Short> {
        Ok(Link {
            length: reader.u8()?,
            control: reader.u8()?,
            destination: reader.u16_le()?,
            source: reader.u16_le()?,
        })
    }

    /// The sender is the master.
    pub fn is_from_master(&self) -> bool {
        self.control & 0x80 != 0
    }

    pub fn function(&self) -> u8 {
        self.control & 0x0f
    }

    /// Confirmed or unconfirmed user data (IEEE 1815 §9.2.4.1.3).
    pub fn is_user_data(&self) -> bool {
        matches!(self.function(), 3 | 4)
    }

    /// Bytes of user data, without CRCs.
    pub fn user_bytes(&self) -> usize {
        usize::from(self.length.saturating_sub(COUNTED_HEADER_BYTES))
    }

    /// Bytes of the whole frame.
    pub fn frame_bytes(&self) -> usize {
        let user = self.user_bytes();
        HEADER_BYTES + user + user.div_ceil(BLOCK_BYTES) * CRC_BYTES
    }
}

/// Appends the user data of a frame, without its CRCs, to `into`. False, with nothing appended, when a CRC
/// is wrong.
pub fn user_data(blocks: &[u8], into: &mut Vec<u8>) -> bool {
    let before = into.len();
    for block in blocks.chunks(BLOCK_BYTES + CRC_BYTES) {
        if !crc_holds(block) {
            into.truncate(before);
            return false;
        }
        into.extend_from_slice(&block[..block.len() - CRC_BYTES]);
    }
    true
}

/// The octet before application data (IEEE 1815 §8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportHeader(pub u8);

impl TransportHeader {
    pub fn is_final(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub fn is_first(self) -> bool {
        self.0 & 0x40 != 0
    }

    pub fn sequence(self) -> u8 {
        self.0 & 0x3f
    }

    pub fn follows(self, before: TransportHeader) -> bool {
        self.sequence() == (before.sequence() + 1) & 0x3f
    }
}

/// Builds frames for tests.
#[cfg(test)]
pub mod build {
    use super::*;

    /// Bytes of the longest frame: 250 of user data in 16 blocks.
    pub const MAX_FRAME_BYTES: usize = HEADER_BYTES + 250 + 16 * CRC_BYTES;

    pub fn frame(control: u8, user: &[u8]) -> Vec<u8> {
        let mut bytes = START.to_vec();
        bytes.push(user.len() as u8 + COUNTED_HEADER_BYTES);
        bytes.extend([control, 10, 0, 1, 0]);
        let sum = crc(&bytes);
        bytes.extend(sum.to_le_bytes());
        for block in user.chunks(BLOCK_BYTES) {
            bytes.extend(block);
            bytes.extend(crc(block).to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksums_are_those_of_crc_16_dnp() {
        assert_eq!(crc(b"123456789"), 0xea82);
    }

    #[test]
    fn headers() {
        let frame = build::frame(0xc4, &[0xc0; 17]);
        let link = Link::read(&frame).expect("a header").expect("whole");
        assert_eq!((link.destination, link.source, link.length), (10, 1, 22));
        assert_eq!(link.frame_bytes(), frame.len());
        assert!(link.is_from_master() && link.is_user_data());
        let mut user = Vec::new();
        assert!(user_data(&frame[HEADER_BYTES..], &mut user));
        assert_eq!(user, [0xc0; 17]);
        assert_eq!(Link::read(&frame[..9]), Ok(None));
        for (at, error) in [(0, Malformed::Start), (5, Malformed::Crc)] {
            let mut broken = frame.clone();
            broken[at] ^= 1;
            assert_eq!(Link::read(&broken), Err(error));
        }
        let mut broken = frame.clone();
        broken[HEADER_BYTES] ^= 1;
        assert!(!user_data(&broken[HEADER_BYTES..], &mut user));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Link::read(&bytes);
            let _ = user_data(&bytes, &mut Vec::new());
        }
    }
}
