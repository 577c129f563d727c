//! Bytes → banners, record headers and offers of algorithms. Pure.

use sensor_bytes::{Reader, Short};
use sensor_flow::Direction;

/// Bytes of a record before its data: length, padding, message number.
pub const HEADER_BYTES: usize = 6;

/// Number of a message (RFC 4250 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageCode(pub u8);

impl MessageCode {
    pub const KEXINIT: MessageCode = MessageCode(20);
    pub const NEWKEYS: MessageCode = MessageCode(21);
}

/// The beginning of a record (RFC 4253 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    pub code: MessageCode,
    /// Bytes behind the message number, padding included.
    pub data_bytes: u32,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRecord {
    Short,
    Invalid,
}

impl RecordHeader {
    pub fn read(bytes: &[u8]) -> Result<RecordHeader, NoRecord> {
        let mut reader = Reader::new(bytes);
        let length = reader.u32().map_err(|_| NoRecord::Short)?;
        // The length counts itself not, but padding's length and message number.
        let data_bytes = length.checked_sub(2).ok_or(NoRecord::Invalid)?;
        let short = |_: Short| NoRecord::Short;
        let _padding = reader.u8().map_err(short)?;
        let code = MessageCode(reader.u8().map_err(short)?);
        Ok(RecordHeader { code, data_bytes })
    }
}

/// `SSH-protoversion-softwareversion SP comments` (RFC 4253 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner<'a> {
    pub protocol: &'a [u8],
    pub software: &'a [u8],
}

impl<'a> Banner<'a> {
    /// Reads a line without its end.
    pub fn read(line: &'a [u8]) -> Option<Banner<'a>> {
        let rest = line.strip_prefix(super::BANNER)?;
        let dash = rest.iter().position(|&byte| byte == b'-')?;
        let (protocol, software) = rest.split_at(dash);
        let software = software.get(1..)?;
        let end = software.iter().position(|byte| b" \r\n".contains(byte));
        let software = software.get(..end.unwrap_or(software.len()))?;
        (!protocol.is_empty()).then_some(Banner { protocol, software })
    }
}

/// What a side offers, as HASSH has it: key exchange, encryption, authentication and compression of the
/// direction that it sends.
pub fn hassh(kexinit: &[u8], direction: Direction) -> Result<Vec<u8>, Short> {
    let mut reader = Reader::new(kexinit);
    // RFC 4253 §7.1: a cookie, then ten lists of names.
    reader.skip(16)?;
    let mut list = || {
        let length = reader.u32()?;
        reader.take(length as usize)
    };
    let key_exchange = list()?;
    let _host_keys = list()?;
    let mut offer = vec![key_exchange];
    for _ in 0..3 {
        let (to_server, to_client) = (list()?, list()?);
        offer.push(match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        });
    }
    Ok(offer.join(&b';'))
}

/// Where a line ends, and where the next one begins. `None` when its end is not there yet.
pub fn line_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))?;
    match bytes.get(end..)? {
        [b'\n', ..] => Some((end, end + 1)),
        [b'\r', b'\n', ..] => Some((end, end + 2)),
        [b'\r', _, ..] => Some((end, end + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn banners() {
        let rows: &[(&[u8], Option<(&[u8], &[u8])>)] = &[
            (
                b"SSH-2.0-OpenSSH_9.6 Debian-1",
                Some((b"2.0", b"OpenSSH_9.6")),
            ),
            (b"SSH-1.99-", Some((b"1.99", b""))),
            (b"SSH-2.0", None),
            (b"SSH--x", None),
            (b"HTTP", None),
        ];
        for (line, expected) in rows {
            let found = Banner::read(line).map(|banner| (banner.protocol, banner.software));
            assert_eq!(found, *expected);
        }
    }

    #[test]
    fn lines_and_records() {
        assert_eq!(line_end(b"a\nb"), Some((1, 2)));
        assert_eq!(line_end(b"a\r\nb"), Some((1, 3)));
        assert_eq!(line_end(b"a\rb"), Some((1, 2)));
        assert_eq!(line_end(b"a\r"), None);
        assert_eq!(
            RecordHeader::read(b"\0\0\0\x0c\x0a\x15rest"),
            Ok(RecordHeader {
                code: MessageCode::NEWKEYS,
                data_bytes: 10
            })
        );
        assert_eq!(RecordHeader::read(b"\0\0\0\x01"), Err(NoRecord::Invalid));
        assert_eq!(RecordHeader::read(b"\0\0\0\x02\0"), Err(NoRecord::Short));
    }

    #[test]
    fn a_side_offers_what_it_sends() {
        let mut kexinit = vec![0; 16];
        for name in ["kex", "key", "e>", "e<", "m>", "m<", "c>", "c<", "", ""] {
            kexinit.extend((name.len() as u32).to_be_bytes());
            kexinit.extend(name.as_bytes());
        }
        assert_eq!(
            hassh(&kexinit, Direction::ToServer),
            Ok(b"kex;e>;m>;c>".to_vec())
        );
        assert_eq!(
            hassh(&kexinit, Direction::ToClient),
            Ok(b"kex;e<;m<;c<".to_vec())
        );
        assert!(hassh(&kexinit[..30], Direction::ToServer).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = RecordHeader::read(&bytes);
            let _ = Banner::read(&bytes);
            let _ = hassh(&bytes, Direction::ToServer);
            line_end(&bytes);
        }
    }
}
