//! Header compression undone (RFC 7541): one table for each side, within a cap.

use std::collections::VecDeque;
use std::sync::Arc;

use sensor_bytes::{Reader, Short};

use super::huffman;

/// Table of one side; what a peer asks for beyond that it does not get here.
pub const MAX_TABLE_BYTES: usize = 64 * 1024;
/// Names and values of one block, decoded: an index of one byte can stand for kilobytes.
pub const MAX_BLOCK_BYTES: usize = 256 * 1024;
/// Items of one block.
pub const MAX_ITEMS: usize = 4096;
/// What an entry counts besides its bytes (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;
const DEFAULT_TABLE_BYTES: usize = 4096;

/// RFC 7541 appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// A header field; entries of the table share their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: Arc<[u8]>,
    pub value: Arc<[u8]>,
}

impl Field {
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Field {
            name: name.into(),
            value: value.into(),
        }
    }

    fn bytes(&self) -> usize {
        self.name.len() + self.value.len()
    }
}

/// What stands in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Field(Field),
    /// The table gets another size.
    SizeUpdate(u64),
    Fault(Fault),
}

/// Why something is no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing stands at this place of the table.
    NotIndexed,
    /// Place 0.
    Index0,
    /// A number beyond 64 bits; nothing behind it is read.
    Overflow,
    /// The block is cut, a string is none, or too much was decoded: nothing behind it is read.
    Broken,
}

impl Fault {
    /// Name in EVE.
    pub fn name(self) -> &'static str {
        match self {
            Fault::NotIndexed => "HTTP2HeaderDecodeNotIndexed",
            Fault::Index0 => "HTTP2HeaderDecodeIndex0",
            Fault::Overflow => "HTTP2HeaderDecodeIntegerOverflow",
            Fault::Broken => "HTTP2HeaderDecodeError",
        }
    }
}

impl From<Short> for Fault {
    fn from(_: Short) -> Self {
        Fault::Broken
    }
}

/// The table of one side.
#[derive(Debug)]
pub struct Table {
    /// Newest first.
    entries: VecDeque<Field>,
    bytes: usize,
    limit: usize,
    allowed: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            entries: VecDeque::new(),
            bytes: 0,
            limit: DEFAULT_TABLE_BYTES,
            allowed: DEFAULT_TABLE_BYTES,
        }
    }
}

impl Table {
    /// The other side's setting: what this side may use.
    pub fn allow(&mut self, bytes: u32) {
        self.allowed = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .min(MAX_TABLE_BYTES);
        self.resize(self.limit.min(self.allowed));
    }

    fn resize(&mut self, limit: usize) {
        self.limit = limit.min(MAX_TABLE_BYTES);
        self.evict(0);
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, wanted: usize) {
        while self.bytes + wanted > self.limit {
            let Some(oldest) = self.entries.pop_back() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes() + ENTRY_BYTES);
        }
    }

    fn insert(&mut self, field: Field) {
        let bytes = field.bytes() + ENTRY_BYTES;
        self.evict(bytes);
        if bytes <= self.limit {
            self.bytes += bytes;
            self.entries.push_front(field);
        }
    }

    fn get(&self, index: u64) -> Result<Field, Fault> {
        let index = usize::try_from(index).map_err(|_| Fault::NotIndexed)?;
        let place = index.checked_sub(1).ok_or(Fault::Index0)?;
        if let Some((name, value)) = STATIC.get(place) {
            return Ok(Field::new(name.as_bytes(), value.as_bytes()));
        }
        let dynamic = self.entries.get(place - STATIC.len());
        dynamic.cloned().ok_or(Fault::NotIndexed)
    }

    /// Reads a whole block.
    pub fn decode(&mut self, block: &[u8]) -> Vec<Item> {
        let mut reader = Reader::new(block);
        let mut items = Vec::new();
        let mut left = MAX_BLOCK_BYTES;
        while !reader.is_empty() {
            let item = if items.len() < MAX_ITEMS {
                self.item(&mut reader, &mut left)
            } else {
                Err(Fault::Broken)
            };
            match item {
                Ok(item) => items.push(item),
                Err(fault) => {
                    items.push(Item::Fault(fault));
                    if matches!(fault, Fault::Overflow | Fault::Broken) {
                        break;
                    }
                }
            }
        }
        items
    }

    fn item(&mut self, reader: &mut Reader<'_>, left: &mut usize) -> Result<Item, Fault> {
        let first = reader.u8()?;
        let field = match first {
            0x80.. => self.get(integer(first, 7, reader)?)?,
            0x40.. => {
                let field = self.literal(integer(first, 6, reader)?, reader, *left)?;
                self.insert(field.clone());
                field
            }
            0x20.. => {
                let limit = integer(first, 5, reader)?;
                self.resize(usize::try_from(limit).unwrap_or(usize::MAX));
                return Ok(Item::SizeUpdate(limit));
            }
            // Never indexed, and not indexed this time.
            _ => self.literal(integer(first, 4, reader)?, reader, *left)?,
        };
        *left = left.checked_sub(field.bytes()).ok_or(Fault::Broken)?;
        Ok(Item::Field(field))
    }

    fn literal(&self, index: u64, reader: &mut Reader<'_>, left: usize) -> Result<Field, Fault> {
        let name = if index == 0 {
            Ok(string(reader, left)?.into())
        } else {
            self.get(index).map(|field| field.name)
        };
        // The value stands there whether or not the name is known.
        let value = string(reader, left)?;
        Ok(Field {
            name: name?,
            value: value.into(),
        })
    }
}

/// A number whose first bits stand in a byte already read (RFC 7541 §5.1).
fn integer(first: u8, bits: u32, reader: &mut Reader<'_>) -> Result<u64, Fault> {
    let most = (1u64 << bits) - 1;
    let mut value = u64::from(first) & most;
    if value < most {
        return Ok(value);
    }
    for shift in (0..63).step_by(7) {
        let byte = reader.u8()?;
        value = u64::from(byte & 0x7f)
            .checked_shl(shift)
            .and_then(|part| value.checked_add(part))
            .ok_or(Fault::Overflow)?;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Fault::Overflow)
}

fn string(reader: &mut Reader<'_>, left: usize) -> Result<Vec<u8>, Fault> {
    let first = reader.u8()?;
    let length = integer(first, 7, reader)?;
    let bytes = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    if first & 0x80 != 0 {
        huffman::decode(bytes, left).ok_or(Fault::Broken)
    } else {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(items: &[Item]) -> String {
        let texts: Vec<_> = items
            .iter()
            .map(|item| match item {
                Item::Field(field) => format!(
                    "{}={}",
                    String::from_utf8_lossy(&field.name),
                    String::from_utf8_lossy(&field.value)
                ),
                Item::SizeUpdate(size) => format!("size {size}"),
                Item::Fault(fault) => format!("{fault:?}"),
            })
            .collect();
        texts.join(" ")
    }

    /// RFC 7541 appendix C.3.
    #[test]
    fn requests_of_the_standard() {
        let mut table = Table::default();
        let first = [&[0x82, 0x86, 0x84, 0x41, 0x0f][..], b"www.example.com"].concat();
        let second = [&[0x82, 0x86, 0x84, 0xbe, 0x58, 0x08][..], b"no-cache"].concat();
        assert_eq!(
            text(&table.decode(&first)),
            ":method=GET :scheme=http :path=/ :authority=www.example.com"
        );
        assert_eq!(
            text(&table.decode(&second)),
            ":method=GET :scheme=http :path=/ :authority=www.example.com cache-control=no-cache"
        );
        assert_eq!(table.bytes, 110);
    }

    #[test]
    fn odd_blocks() {
        let rows: &[(&[u8], &str)] = &[
            (&[0x80, 0x82], "Index0 :method=GET"),
            (&[0xff, 0x01, 0x82], "NotIndexed :method=GET"),
            (&[0x3f, 0xe1, 0x1f], "size 4096"),
            (
                &[
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
                ],
                "Overflow",
            ),
            (&[0x40, 0x05, b'a'], "Broken"),
            (&[0x00, 0x01, b'a', 0x01, b'b'], "a=b"),
        ];
        for (block, expected) in rows {
            assert_eq!(
                text(&Table::default().decode(block)),
                *expected,
                "{block:?}"
            );
        }
    }

    #[test]
    fn small_blocks_do_not_become_endless() {
        let mut table = Table::default();
        let value = vec![b'v'; 3000];
        let mut block = vec![0x40, 0x01, b'n', 0x7f, 0xb9, 0x16];
        block.extend(&value);
        assert_eq!(table.decode(&block).len(), 1);
        let items = table.decode(&[0xbe; 10_000]);
        assert!(items.len() <= MAX_BLOCK_BYTES / 3000 + 1);
        assert_eq!(items.last(), Some(&Item::Fault(Fault::Broken)));
        table.allow(0);
        assert!(table.entries.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..8)) {
            let mut table = Table::default();
            for block in blocks {
                table.decode(&block);
                prop_assert!(table.bytes <= table.limit);
            }
        }
    }
}
