//! Segment files: blocks one behind the other, and at the end, once the segment is closed, what is in them.
//!
//! The index behind the blocks: `MLX1`, number of spans (4), CRC-32 of the spans (4), the spans, then at the very end
//! of the file the offset of the index (8) and `MLXE`. A file without it was not closed: it is read through.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::block::{BLOCK_BYTES, Block, Entry, HEADER, Header, Parts};

const INDEX: [u8; 4] = *b"MLX1";
const END: [u8; 4] = *b"MLXE";
const FOOTER: usize = 12;
const FILTER_WORDS: usize = 64;
const SPAN: usize = 36 + FILTER_WORDS * 8;
/// More are not believed: no segment has so many.
const MAX_SPANS: usize = 65_536;

/// Some blocks of a segment, and which flows may be in them.
#[derive(Debug, Clone)]
pub struct Span {
    pub offset: u64,
    pub length: u64,
    pub first_ns: i64,
    pub last_ns: i64,
    pub frames: u32,
    flows: Filter,
}

/// Bloom filter with two hashes: few flows, few false answers; never a false no.
#[derive(Debug, Clone)]
struct Filter([u64; FILTER_WORDS]);

impl Filter {
    fn bits(flow: u64) -> [(usize, u64); 2] {
        // Finaliser of SplitMix64.
        let mut hash = flow.wrapping_add(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        [hash, hash >> 32].map(|hash| {
            let bit = hash as usize % (FILTER_WORDS * 64);
            (bit / 64, 1 << (bit % 64))
        })
    }

    fn add(&mut self, flow: u64) {
        for (word, bit) in Filter::bits(flow) {
            self.0[word] |= bit;
        }
    }

    fn may_have(&self, flow: u64) -> bool {
        Filter::bits(flow)
            .iter()
            .all(|&(word, bit)| self.0[word] & bit != 0)
    }
}

impl Span {
    fn new(offset: u64) -> Span {
        Span {
            offset,
            length: 0,
            first_ns: i64::MAX,
            last_ns: i64::MIN,
            frames: 0,
            flows: Filter([0; FILTER_WORDS]),
        }
    }

    pub fn may_have(&self, flow: Option<u64>) -> bool {
        flow.is_none_or(|flow| self.flows.may_have(flow))
    }

    fn note(&mut self, entry: &Entry<'_>) {
        self.first_ns = self.first_ns.min(entry.frame.timestamp_ns);
        self.last_ns = self.last_ns.max(entry.frame.timestamp_ns);
        self.frames = self.frames.saturating_add(1);
        self.flows.add(entry.flow);
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.first_ns.to_le_bytes());
        bytes.extend_from_slice(&self.last_ns.to_le_bytes());
        bytes.extend_from_slice(&self.frames.to_le_bytes());
        for word in self.flows.0 {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn read(parts: &mut Parts<'_>) -> Option<Span> {
        let mut span = Span::new(u64::from_le_bytes(parts.take()?));
        span.length = u64::from_le_bytes(parts.take()?);
        span.first_ns = i64::from_le_bytes(parts.take()?);
        span.last_ns = i64::from_le_bytes(parts.take()?);
        span.frames = u32::from_le_bytes(parts.take()?);
        for word in &mut span.flows.0 {
            *word = u64::from_le_bytes(parts.take()?);
        }
        Some(span)
    }
}

#[derive(Debug)]
pub struct Segment {
    pub number: u64,
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    pub spans: Vec<Span>,
}

/// What was found when a segment was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Closed,
    /// It had not been closed; nothing is missing that was written whole.
    Open,
    /// It ended in the midst of a block, or a block was damaged: what is behind is cut off.
    Torn,
}

impl Segment {
    pub fn path(folder: &Path, number: u64) -> PathBuf {
        folder.join(format!("{number:016}.seg"))
    }

    /// Number of the segment in a file of this name.
    pub fn number(path: &Path) -> Option<u64> {
        if path.extension()? != "seg" {
            return None;
        }
        path.file_stem()?.to_str()?.parse().ok()
    }

    pub fn create(folder: &Path, number: u64) -> io::Result<(Segment, File)> {
        let path = Segment::path(folder, number);
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)?;
        let segment = Segment {
            number,
            path,
            bytes: 0,
            spans: Vec::new(),
        };
        Ok((segment, file))
    }

    /// Opens a segment of an earlier run, and closes it if that did not.
    pub fn open(path: PathBuf, number: u64, span_bytes: u64) -> io::Result<(Segment, Found)> {
        let file = File::options().read(true).write(true).open(&path)?;
        let mut segment = Segment {
            number,
            path,
            bytes: file.metadata()?.len(),
            spans: Vec::new(),
        };
        if let Some(spans) = read_index(&file, segment.bytes) {
            segment.spans = spans;
            return Ok((segment, Found::Closed));
        }
        let length = std::mem::take(&mut segment.bytes);
        let mut header = [0; HEADER];
        let mut entries = vec![0; BLOCK_BYTES];
        while file.read_exact_at(&mut header, segment.bytes).is_ok() {
            let Some(read) = Header::read(&header) else {
                break;
            };
            let entries = &mut entries[..read.length];
            if file
                .read_exact_at(entries, segment.bytes + HEADER as u64)
                .is_err()
            {
                break;
            }
            let Some(found) = read.entries(&header, entries) else {
                break;
            };
            segment.note(found, (HEADER + read.length) as u64, span_bytes);
        }
        let found = if segment.bytes == length {
            Found::Open
        } else {
            Found::Torn
        };
        segment.close(&file)?;
        Ok((segment, found))
    }

    /// Appends a block. After an error the file may have bytes behind the last block; the next one overwrites them.
    pub fn append(&mut self, file: &File, block: &mut Block, span_bytes: u64) -> io::Result<()> {
        let bytes = block.seal();
        file.write_all_at(bytes, self.bytes)?;
        let length = bytes.len() as u64;
        self.note(block.entries(), length, span_bytes);
        Ok(())
    }

    fn note<'a>(&mut self, entries: impl Iterator<Item = Entry<'a>>, length: u64, span_bytes: u64) {
        let fits = self
            .spans
            .last()
            .is_some_and(|span| span.length + length <= span_bytes);
        if !fits {
            self.spans.push(Span::new(self.bytes));
        }
        if let Some(span) = self.spans.last_mut() {
            span.length += length;
            entries.for_each(|entry| span.note(&entry));
        }
        self.bytes += length;
    }

    /// Writes the index behind the blocks.
    pub fn close(&mut self, file: &File) -> io::Result<()> {
        let mut spans = Vec::with_capacity(self.spans.len() * SPAN);
        for span in &self.spans {
            span.write(&mut spans);
        }
        let mut index = INDEX.to_vec();
        index.extend_from_slice(&(self.spans.len() as u32).to_le_bytes());
        index.extend_from_slice(&crc32fast::hash(&spans).to_le_bytes());
        index.extend_from_slice(&spans);
        index.extend_from_slice(&self.bytes.to_le_bytes());
        index.extend_from_slice(&END);
        file.set_len(self.bytes)?;
        file.write_all_at(&index, self.bytes)?;
        self.bytes += index.len() as u64;
        file.sync_data()
    }
}

/// The index of a closed segment.
fn read_index(file: &File, length: u64) -> Option<Vec<Span>> {
    let mut footer = [0; FOOTER];
    let end = length.checked_sub(FOOTER as u64)?;
    file.read_exact_at(&mut footer, end).ok()?;
    let mut parts = Parts(&footer);
    let offset = u64::from_le_bytes(parts.take()?);
    if parts.take()? != END {
        return None;
    }
    let mut head = [0; 12];
    file.read_exact_at(&mut head, offset).ok()?;
    let mut parts = Parts(&head);
    if parts.take()? != INDEX {
        return None;
    }
    let count = u32::from_le_bytes(parts.take()?) as usize;
    let checksum = u32::from_le_bytes(parts.take()?);
    if count > MAX_SPANS || offset.checked_add((head.len() + count * SPAN) as u64)? != end {
        return None;
    }
    let mut bytes = vec![0; count * SPAN];
    file.read_exact_at(&mut bytes, offset + head.len() as u64)
        .ok()?;
    if crc32fast::hash(&bytes) != checksum {
        return None;
    }
    let mut parts = Parts(&bytes);
    (0..count).map(|_| Span::read(&mut parts)).collect()
}
