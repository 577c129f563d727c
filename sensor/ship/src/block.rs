//! A block: consecutive records of one class and hour, compressed, as the spool stores and sends them.
//!
//! Its content is that of the wire's `Batch.lines`: per record its number in decimal, a space, the
//! record, a line feed. A block can therefore be sent as it is, and small blocks can be joined by
//! joining their contents.

use std::borrow::Cow;
use std::io::Read;
use std::sync::OnceLock;

use sensor_event::{Class, Dictionary};
use zstd::bulk::Compressor;
use zstd::dict::EncoderDictionary;

use crate::error::{Result, ShipError};

/// Content at which a block, or a batch of joined blocks, is closed.
pub(crate) const FULL_BYTES: usize = 512 * 1_024;
/// Records in one block or batch.
pub(crate) const FULL_RECORDS: u32 = 8_192;

/// Fast: it runs beside the workers, and again on joining.
const LEVEL: i32 = 1;
/// Alerts are few, and go first over a thin link.
const ALERT_LEVEL: i32 = 9;
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
        value.append(&mut compress(
            self.key.class,
            &self.content,
            WithDictionary::Newest,
        )?);
        Ok(value)
    }
}

/// Compresses with the newest dictionary, or with none for a collector that knows none.
pub(crate) fn compress(
    class: Class,
    content: &[u8],
    dictionary: WithDictionary,
) -> Result<Vec<u8>> {
    let level = match class {
        Class::Alert | Class::Heartbeat => ALERT_LEVEL,
        _ => LEVEL,
    };
    let (compressor, content) = match dictionary {
        WithDictionary::Newest => {
            let (dictionary, content) = Dictionary::prepare(content);
            let compressor = if dictionary == Dictionary::CURRENT {
                let prepared = match class {
                    Class::Alert | Class::Heartbeat => &ALERT_ENCODER,
                    _ => &ENCODER,
                };
                let copied = || EncoderDictionary::copy(dictionary.bytes, level);
                Compressor::with_prepared_dictionary(prepared.get_or_init(copied))
            } else {
                Compressor::with_dictionary(level, dictionary.bytes)
            };
            (compressor, content)
        }
        WithDictionary::None => (Compressor::new(level), Cow::Borrowed(content)),
    };
    let mut compressor = compressor.map_err(ShipError::file("zstd"))?;
    // What comes back from a worn disk is told from what was written.
    compressor
        .include_checksum(true)
        .and_then(|()| compressor.compress(&content))
        .map_err(ShipError::file("zstd"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithDictionary {
    Newest,
    None,
}

static ENCODER: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
static ALERT_ENCODER: OnceLock<EncoderDictionary<'static>> = OnceLock::new();

/// The version of the dictionary that a frame was compressed with; 0 for none.
pub(crate) fn dictionary_version(lines: &[u8]) -> u32 {
    zstd::zstd_safe::get_dict_id_from_frame(lines)
        .and_then(|id| Dictionary::of_id(id.get()))
        .map_or(0, |dictionary| dictionary.version)
}

/// Whether the content of a stored block can be read back.
pub(crate) fn check(key: BlockKey, head: BlockHead, lines: &[u8]) -> Result<()> {
    let mut content = Vec::with_capacity(head.content_bytes as usize);
    decompress_into(key, head, lines, &mut content)
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
    let most = head.content_bytes as usize;
    let dictionary = Dictionary::of_version(dictionary_version(lines));
    let bytes = dictionary.map_or(&[][..], |dictionary| dictionary.bytes);
    let decoder = zstd::stream::read::Decoder::with_dictionary(lines, bytes)
        .map_err(|_| damaged("its content is not a zstd frame"))?;
    let mut stored = Vec::with_capacity(most);
    decoder
        .take(most as u64 + 1)
        .read_to_end(&mut stored)
        .map_err(|_| damaged("its content cannot be decompressed"))?;
    let restored = match dictionary {
        Some(dictionary) => dictionary.restore(stored, most),
        None => Some(stored),
    };
    match restored.filter(|restored| restored.len() == most) {
        Some(restored) => content.extend_from_slice(&restored),
        None => return Err(damaged("its content has another size than its head says")),
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
