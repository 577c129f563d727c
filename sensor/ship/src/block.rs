//! A block: consecutive records of one class and hour, compressed, as the spool stores and sends them.
//!
//! Its content is that of the wire's `Batch.lines`: per record its number in decimal, a space, the
//! record, a line feed. A block can therefore be sent as it is, and small blocks can be joined by
//! joining their contents.

use std::io::Read;

use crate::error::{Result, ShipError};
use sensor_event::Class;

/// Content at which a block, or a batch of joined blocks, is closed.
pub(crate) const FULL_BYTES: usize = 512 * 1_024;
/// Records in one block or batch.
pub(crate) const FULL_RECORDS: u32 = 8_192;

/// Fast: it runs beside the workers, and again on joining.
const LEVEL: i32 = 1;
const HEADER_BYTES: usize = 24;

/// Where a block is: its class and first number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockKey {
    pub class: Class,
    pub first_seq: u64,
}

impl BlockKey {
    pub const BYTES: usize = 9;

    /// Sorts by class, best first, then by number.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = class_byte(self.class);
        bytes[1..].copy_from_slice(&self.first_seq.to_be_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<BlockKey> {
        let (&class, seq) = bytes.split_first()?;
        Some(BlockKey {
            class: Class::ALL.get(usize::from(class)).copied()?,
            first_seq: u64::from_be_bytes(seq.try_into().ok()?),
        })
    }
}

pub(crate) fn class_byte(class: Class) -> u8 {
    match class {
        Class::Heartbeat => 0,
        Class::Alert => 1,
        Class::Context => 2,
        Class::Record => 3,
        Class::Flow => 4,
    }
}

/// What is known of a block without reading its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHead {
    pub last_seq: u64,
    pub hour: u64,
    pub records: u32,
    pub content_bytes: u32,
}

impl BlockHead {
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.last_seq.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.hour.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.records.to_be_bytes());
        bytes[20..].copy_from_slice(&self.content_bytes.to_be_bytes());
        bytes
    }

    /// The head of a stored block, and its compressed content.
    pub fn split(value: &[u8]) -> Option<(BlockHead, &[u8])> {
        let (last_seq, rest) = value.split_first_chunk::<8>()?;
        let (hour, rest) = rest.split_first_chunk::<8>()?;
        let (records, rest) = rest.split_first_chunk::<4>()?;
        let (content_bytes, lines) = rest.split_first_chunk::<4>()?;
        let head = BlockHead {
            last_seq: u64::from_be_bytes(*last_seq),
            hour: u64::from_be_bytes(*hour),
            records: u32::from_be_bytes(*records),
            content_bytes: u32::from_be_bytes(*content_bytes),
        };
        Some((head, lines))
    }
}

/// A block being filled.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub key: BlockKey,
    pub head: BlockHead,
    content: Vec<u8>,
}

impl OpenBlock {
    pub fn new(key: BlockKey, hour: u64) -> OpenBlock {
        OpenBlock {
            key,
            head: BlockHead {
                last_seq: key.first_seq.saturating_sub(1),
                hour,
                records: 0,
                content_bytes: 0,
            },
            content: Vec::new(),
        }
    }

    /// Appends a record under the next number.
    pub fn push(&mut self, record: &[u8]) {
        self.head.last_seq += 1;
        self.head.records += 1;
        push_number(&mut self.content, self.head.last_seq);
        self.content.push(b' ');
        self.content.extend_from_slice(record);
        self.content.push(b'\n');
        self.head.content_bytes = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
    }

    pub fn is_full(&self) -> bool {
        self.content.len() >= FULL_BYTES || self.head.records >= FULL_RECORDS
    }

    /// The value to store.
    pub fn close(&self) -> Result<Vec<u8>> {
        let mut value = self.head.to_bytes().to_vec();
        value.append(&mut compress(&self.content)?);
        Ok(value)
    }
}

pub(crate) fn compress(content: &[u8]) -> Result<Vec<u8>> {
    zstd::bulk::compress(content, LEVEL).map_err(ShipError::file("zstd"))
}

/// Appends the content of a stored block.
pub(crate) fn decompress_into(
    key: BlockKey,
    head: BlockHead,
    lines: &[u8],
    content: &mut Vec<u8>,
) -> Result<()> {
    let damaged = |reason| ShipError::Block {
        key: key.to_bytes().to_vec(),
        reason,
    };
    let before = content.len();
    let decoder = zstd::stream::read::Decoder::with_buffer(lines)
        .map_err(|_| damaged("its content is not a zstd frame"))?;
    decoder
        .take(u64::from(head.content_bytes) + 1)
        .read_to_end(content)
        .map_err(|_| damaged("its content cannot be decompressed"))?;
    if content.len() - before != head.content_bytes as usize {
        return Err(damaged("its content has another size than its head says"));
    }
    Ok(())
}

fn push_number(content: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    content.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let key = BlockKey {
            class: Class::Record,
            first_seq: 99,
        };
        let mut block = OpenBlock::new(key, 7);
        for record in ["{\"a\":1}", "{}"] {
            block.push(record.as_bytes());
        }
        let value = block.close().expect("it compresses");
        let (head, lines) = BlockHead::split(&value).expect("it has a head");
        assert_eq!((head.last_seq, head.hour, head.records), (100, 7, 2));
        let mut content = Vec::new();
        decompress_into(key, head, lines, &mut content).expect("it is whole");
        assert_eq!(content, b"99 {\"a\":1}\n100 {}\n");
        assert_eq!(BlockKey::from_bytes(&key.to_bytes()), Some(key));
        for cut in 0..value.len() {
            if let Some((head, lines)) = BlockHead::split(&value[..cut]) {
                decompress_into(key, head, lines, &mut Vec::new()).expect_err("it is cut");
            }
        }
    }
}
