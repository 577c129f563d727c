//! Frames (RFC 6455 §5.2).

use std::borrow::Cow;

use sensor_bytes::{Reader, Short};

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opcode(pub u8);

/// Names in rules and EVE.
pub const OPCODES: &[(&str, u64)] = &[
    ("continuation", 0),
    ("text", 1),
    ("binary", 2),
    ("close", 8),
    ("ping", 9),
    ("pong", 10),
];

impl Opcode {
    /// Control frames stand between the frames of a message.
    pub fn is_control(self) -> bool {
        self.0 >= 8
    }

    /// Name in EVE.
    pub fn name(self) -> Cow<'static, str> {
        let known = OPCODES.iter().find(|row| row.1 == u64::from(self.0));
        known.map_or_else(|| format!("unknown-{}", self.0).into(), |row| row.0.into())
    }
}

pub const FIN: u8 = 0x80;
/// The message is compressed (RFC 7692 §6).
pub const COMPRESSED: u8 = 0x40;

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// First four bits.
    pub flags: u8,
    pub opcode: Opcode,
    pub mask: Option<[u8; 4]>,
    pub length: u64,
}

impl FrameHeader {
    /// The header and its length.
    pub fn read(bytes: &[u8]) -> Result<(FrameHeader, usize), Short> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        let second = reader.u8()?;
        let length = match second & 0x7f {
            126 => u64::from(reader.u16()?),
            127 => reader.u64()?,
            short => u64::from(short),
        };
        let mask = if second & 0x80 != 0 {
            Some(reader.array()?)
        } else {
            None
        };
        let header = FrameHeader {
            flags: first & 0xf0,
            opcode: Opcode(first & 0x0f),
            mask,
            length,
        };
        Ok((header, reader.position()))
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without its mask.
    pub fn unmask(&self, payload: &[u8]) -> Vec<u8> {
        match self.mask {
            Some(mask) => {
                let key = mask.iter().cycle();
                payload
                    .iter()
                    .zip(key)
                    .map(|(byte, key)| byte ^ key)
                    .collect()
            }
            None => payload.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers() {
        let rows: &[(&[u8], u64, usize, &str)] = &[
            (&[0x81, 5, b'h'], 5, 2, "text"),
            (&[0x82, 126, 1, 0], 256, 4, "binary"),
            (&[0x8a, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536, 10, "pong"),
            (&[0x83, 0x80, 1, 2, 3, 4], 0, 6, "unknown-3"),
        ];
        for (bytes, length, header_bytes, name) in rows {
            let (header, read) = FrameHeader::read(bytes).expect("whole");
            assert_eq!((header.length, read), (*length, *header_bytes));
            assert_eq!(header.opcode.name(), *name);
        }
        let masked = FrameHeader {
            flags: FIN,
            opcode: Opcode(1),
            mask: Some([1, 2, 3, 4]),
            length: 5,
        };
        assert_eq!(
            masked.unmask(&[1 ^ b'a', 2 ^ b'b', 3 ^ b'c', 4 ^ b'd', 1 ^ b'e']),
            b"abcde"
        );
    }

    proptest! {
        #[test]
        fn a_cut_header_asks_for_more(flags in any::<u8>(), second in any::<u8>(), rest in proptest::collection::vec(any::<u8>(), 12)) {
            let mut bytes = vec![flags, second];
            bytes.extend(rest);
            let (header, read) = FrameHeader::read(&bytes).expect("the longest header is here");
            prop_assert_eq!(FrameHeader::read(&bytes[..read]), Ok((header, read)));
            for cut in 0..read {
                prop_assert!(FrameHeader::read(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((header, read)) = FrameHeader::read(&bytes) {
                header.opcode.name();
                let payload = &bytes[read..];
                let plain = header.unmask(payload);
                // Masking twice is not masking.
                prop_assert_eq!(header.unmask(&plain), payload);
            }
        }
    }
}
