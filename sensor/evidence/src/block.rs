//! Blocks: some frames with a check sum, as they lie on disk.
//!
//! Numbers are little-endian. Header: `MLB1`, bytes of the entries (4), CRC-32 of all else (4), number of entries (4),
//! first and last time (8 each). Entry: time (8), flow (8), length on the wire (4), bytes (4), link type (2), the bytes.

use crate::{FRAME_LIMIT, Frame};

const MAGIC: [u8; 4] = *b"MLB1";
pub const HEADER: usize = 32;
const ENTRY: usize = 26;
/// Room for the longest frame; many short ones.
pub const BLOCK_BYTES: usize = HEADER + ENTRY + FRAME_LIMIT;

/// Frames being gathered. Never grows past [`BLOCK_BYTES`].
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    pub frames: u32,
    pub first_ns: i64,
    pub last_ns: i64,
}

/// What a block's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes behind the header.
    pub length: usize,
    checksum: u32,
    pub frames: u32,
    pub first_ns: i64,
    pub last_ns: i64,
}

/// A frame as it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub flow: u64,
    pub frame: Frame<'a>,
}

impl Block {
    pub fn new() -> Block {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        bytes.resize(HEADER, 0);
        Block {
            bytes,
            frames: 0,
            first_ns: i64::MAX,
            last_ns: i64::MIN,
        }
    }

    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER);
        self.frames = 0;
        self.first_ns = i64::MAX;
        self.last_ns = i64::MIN;
    }

    pub fn has_room(&self, data: usize) -> bool {
        self.bytes.len() + ENTRY + data <= BLOCK_BYTES
    }

    /// Adds a frame whose bytes come in two parts. There must be room.
    pub fn push(&mut self, flow: u64, frame: Frame<'_>, rest: &[u8]) {
        let length = frame.data.len() + rest.len();
        self.bytes
            .extend_from_slice(&frame.timestamp_ns.to_le_bytes());
        self.bytes.extend_from_slice(&flow.to_le_bytes());
        self.bytes
            .extend_from_slice(&frame.wire_length.to_le_bytes());
        self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
        self.bytes.extend_from_slice(&frame.link.to_le_bytes());
        self.bytes.extend_from_slice(frame.data);
        self.bytes.extend_from_slice(rest);
        self.frames += 1;
        self.first_ns = self.first_ns.min(frame.timestamp_ns);
        self.last_ns = self.last_ns.max(frame.timestamp_ns);
    }

    /// The block as it is written.
    pub fn seal(&mut self) -> &[u8] {
        let length = (self.bytes.len() - HEADER) as u32;
        let (header, entries) = self.bytes.split_at_mut(HEADER);
        header[..4].copy_from_slice(&MAGIC);
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[12..16].copy_from_slice(&self.frames.to_le_bytes());
        header[16..24].copy_from_slice(&self.first_ns.to_le_bytes());
        header[24..32].copy_from_slice(&self.last_ns.to_le_bytes());
        let checksum = checksum(header, entries);
        header[8..12].copy_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }

    pub fn entries(&self) -> Entries<'_> {
        Entries(self.bytes.get(HEADER..).unwrap_or_default())
    }
}

fn checksum(header: &[u8], entries: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..8]);
    hasher.update(&header[12..HEADER]);
    hasher.update(entries);
    hasher.finalize()
}

impl Header {
    /// `None`: no block begins here.
    pub fn read(bytes: &[u8; HEADER]) -> Option<Header> {
        let mut parts = Parts(bytes);
        if parts.take()? != MAGIC {
            return None;
        }
        let header = Header {
            length: u32::from_le_bytes(parts.take()?) as usize,
            checksum: u32::from_le_bytes(parts.take()?),
            frames: u32::from_le_bytes(parts.take()?),
            first_ns: i64::from_le_bytes(parts.take()?),
            last_ns: i64::from_le_bytes(parts.take()?),
        };
        (header.length <= BLOCK_BYTES - HEADER).then_some(header)
    }

    /// The entries, if they are what was written.
    pub fn entries<'a>(&self, header: &[u8; HEADER], entries: &'a [u8]) -> Option<Entries<'a>> {
        let whole = entries.len() == self.length && checksum(header, entries) == self.checksum;
        whole.then_some(Entries(entries))
    }
}

/// Entries of a block, in the order in which they were kept.
#[derive(Debug, Clone)]
pub struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut parts = Parts(self.0);
        let timestamp_ns = i64::from_le_bytes(parts.take()?);
        let flow = u64::from_le_bytes(parts.take()?);
        let wire_length = u32::from_le_bytes(parts.take()?);
        let length = u32::from_le_bytes(parts.take()?) as usize;
        let link = u16::from_le_bytes(parts.take()?);
        let data = parts.0.get(..length)?;
        self.0 = parts.0.get(length..)?;
        Some(Entry {
            flow,
            frame: Frame {
                timestamp_ns,
                link,
                data,
                wire_length,
            },
        })
    }
}

/// What is left of some bytes.
pub struct Parts<'a>(pub &'a [u8]);

impl Parts<'_> {
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(timestamp_ns: i64, data: &[u8]) -> Frame<'_> {
        Frame {
            timestamp_ns,
            link: 1,
            data,
            wire_length: 1_500,
        }
    }

    #[test]
    fn what_was_pushed_comes_back_and_damage_shows() {
        let mut block = Block::new();
        block.push(7, frame(20, b"ab"), b"c");
        block.push(8, frame(10, b""), b"");
        let sealed = block.seal().to_vec();
        let (header, entries) = sealed.split_first_chunk::<HEADER>().expect("a header");
        let read = Header::read(header).expect("a block");
        assert_eq!((read.frames, read.first_ns, read.last_ns), (2, 10, 20));
        let found: Vec<_> = read.entries(header, entries).expect("whole").collect();
        assert_eq!(found[0].frame.data, b"abc");
        assert_eq!((found[0].flow, found[1].flow), (7, 8));
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            let (header, entries) = bad.split_first_chunk::<HEADER>().expect("a header");
            let whole = Header::read(header).and_then(|read| read.entries(header, entries));
            assert!(whole.is_none(), "byte {at}");
        }
    }

    #[test]
    fn the_longest_frame_has_room_alone() {
        let mut block = Block::new();
        assert!(block.has_room(FRAME_LIMIT));
        block.push(1, frame(0, &vec![0; FRAME_LIMIT]), &[]);
        assert!(!block.has_room(0));
        block.clear();
        assert!(block.has_room(FRAME_LIMIT));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read = Entries(&bytes).map(|entry| entry.frame.data.len()).sum::<usize>();
            prop_assert!(read <= bytes.len());
        }
    }
}
