//! Blocks: some records, packed, with a check sum, as they lie on disk.
//!
//! Numbers are little-endian. Header: `MLA1`, bytes of the packed content (4), CRC-32 of all else (4), number of
//! records (4), bytes of the content (4), times of the first and last record (8 each, microseconds since 1970), when
//! they were kept (8, milliseconds since 1970). The content is a zstd frame of lines: a digit for the class, the
//! record, a line feed.

use std::io::Read as _;

use sensor_event::{Class, Dictionary};
use sensor_query::parse_timestamp;

const MAGIC: [u8; 4] = *b"MLA1";
pub const HEADER: usize = 44;
/// Fast: it runs beside the workers.
const LEVEL: i32 = 1;
/// Content of a block at most: a record of the greatest length, behind a block that was almost full.
pub const MAX_CONTENT_BYTES: usize = 6 << 20;
/// Records in a block at most.
pub const MAX_RECORDS: u32 = 65_536;

/// What a block's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes behind the header.
    pub length: u32,
    checksum: u32,
    pub records: u32,
    pub content_bytes: u32,
    pub first_us: i64,
    pub last_us: i64,
    pub kept_ms: i64,
}

/// Records being gathered.
#[derive(Debug)]
pub struct Block {
    content: Vec<u8>,
    pub records: u32,
    first_us: i64,
    last_us: i64,
}

impl Block {
    pub fn new() -> Block {
        Block {
            content: Vec::new(),
            records: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
        }
    }

    pub fn clear(&mut self) {
        self.content.clear();
        (self.records, self.first_us, self.last_us) = (0, i64::MAX, i64::MIN);
    }

    pub fn bytes(&self) -> usize {
        self.content.len()
    }

    /// Adds a record, one line. One without a time of its own has that of its being kept.
    pub fn push(&mut self, class: Class, record: &[u8], kept_ms: i64) {
        let at = time_of(record).unwrap_or(kept_ms.saturating_mul(1_000));
        self.first_us = self.first_us.min(at);
        self.last_us = self.last_us.max(at);
        self.records += 1;
        self.content.push(digit(class));
        self.content.extend_from_slice(record);
        self.content.push(b'\n');
    }

    /// The block as it is written, and its header.
    pub fn seal(&self, kept_ms: i64) -> std::io::Result<(Header, Vec<u8>)> {
        let (dictionary, content) = Dictionary::prepare(&self.content);
        let mut packer = zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary.bytes)?;
        let packed = packer.compress(&content)?;
        let mut header = Header {
            length: packed.len() as u32,
            checksum: 0,
            records: self.records,
            content_bytes: self.content.len() as u32,
            first_us: self.first_us,
            last_us: self.last_us,
            kept_ms,
        };
        let mut bytes = vec![0; HEADER];
        header.write(&mut bytes);
        header.checksum = checksum(&bytes, &packed);
        header.write(&mut bytes);
        bytes.extend_from_slice(&packed);
        Ok((header, bytes))
    }
}

impl Header {
    fn write(&self, bytes: &mut [u8]) {
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.records.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.content_bytes.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.first_us.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.last_us.to_le_bytes());
        bytes[36..HEADER].copy_from_slice(&self.kept_ms.to_le_bytes());
    }

    /// `None`: no block begins here.
    pub fn read(bytes: &[u8; HEADER]) -> Option<Header> {
        fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
            let (part, behind) = rest.split_first_chunk()?;
            *rest = behind;
            Some(*part)
        }
        let mut rest = &bytes[..];
        if take(&mut rest)? != MAGIC {
            return None;
        }
        let header = Header {
            length: u32::from_le_bytes(take(&mut rest)?),
            checksum: u32::from_le_bytes(take(&mut rest)?),
            records: u32::from_le_bytes(take(&mut rest)?),
            content_bytes: u32::from_le_bytes(take(&mut rest)?),
            first_us: i64::from_le_bytes(take(&mut rest)?),
            last_us: i64::from_le_bytes(take(&mut rest)?),
            kept_ms: i64::from_le_bytes(take(&mut rest)?),
        };
        let sane = header.records <= MAX_RECORDS
            && header.content_bytes as usize <= MAX_CONTENT_BYTES
            // What cannot be packed grows a little.
            && header.length as usize <= 2 * MAX_CONTENT_BYTES;
        sane.then_some(header)
    }

    /// The records, if they are what was written.
    pub fn unpack(&self, header: &[u8; HEADER], packed: &[u8]) -> Option<Content> {
        if packed.len() != self.length as usize || checksum(header, packed) != self.checksum {
            return None;
        }
        let id = zstd::zstd_safe::get_dict_id_from_frame(packed)?;
        let dictionary = Dictionary::of_id(id.get())?;
        let length = self.content_bytes as usize;
        let mut bytes = Vec::with_capacity(length);
        zstd::stream::read::Decoder::with_dictionary(packed, dictionary.bytes)
            .ok()?
            .take(u64::from(self.content_bytes) + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        let bytes = dictionary.restore(bytes, length)?;
        (bytes.len() == length).then_some(Content { bytes })
    }
}

fn checksum(header: &[u8], packed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..8]);
    hasher.update(&header[12..HEADER]);
    hasher.update(packed);
    hasher.finalize()
}

/// Records of a block.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
}

/// A record as it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub class: Class,
    /// JSON.
    pub record: &'a [u8],
    /// Its time in microseconds since 1970, where it has one.
    pub at_us: Option<i64>,
}

impl Content {
    /// In the order in which they were kept.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> {
        self.bytes
            .strip_suffix(b"\n")
            .unwrap_or(&self.bytes)
            .split(|&byte| byte == b'\n')
            .filter_map(|line| {
                let (&first, record) = line.split_first()?;
                let class = Class::ALL
                    .into_iter()
                    .find(|&class| digit(class) == first)?;
                Some(Line {
                    class,
                    record,
                    at_us: time_of(record),
                })
            })
    }
}

fn digit(class: Class) -> u8 {
    match class {
        Class::Heartbeat => b'0',
        Class::Alert => b'1',
        Class::Context => b'2',
        Class::Record => b'3',
        Class::Flow => b'4',
    }
}

/// The time of a record: every one of ours begins with it.
fn time_of(record: &[u8]) -> Option<i64> {
    let rest = record.strip_prefix(b"{\"timestamp\":\"")?;
    let length = rest.iter().take(40).position(|&byte| byte == b'"')?;
    parse_timestamp(std::str::from_utf8(&rest[..length]).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_comes_back_and_damage_shows() {
        let mut block = Block::new();
        let dated = br#"{"timestamp":"1970-01-01T00:00:02.000000+0000","event_type":"dns"}"#;
        block.push(Class::Record, dated, 1_000);
        block.push(Class::Flow, b"{}", 1_000);
        let (header, sealed) = block.seal(1_000).expect("it packs");
        let (head, packed) = sealed.split_first_chunk::<HEADER>().expect("a header");
        assert_eq!(Header::read(head), Some(header));
        assert_eq!((header.first_us, header.last_us), (1_000_000, 2_000_000));
        let content = header.unpack(head, packed).expect("whole");
        let lines: Vec<_> = content.lines().collect();
        assert_eq!(lines[0].record, dated);
        assert_eq!(
            (lines[0].class, lines[0].at_us),
            (Class::Record, Some(2_000_000))
        );
        assert_eq!(
            (lines[1].class, lines[1].record, lines[1].at_us),
            (Class::Flow, &b"{}"[..], None)
        );
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            let (head, packed) = bad.split_first_chunk::<HEADER>().expect("a header");
            let whole = Header::read(head).and_then(|header| header.unpack(head, packed));
            assert!(whole.is_none(), "byte {at}");
        }
    }
}
