//! Part files: chunks as they came, one behind the other.
//!
//! Numbers are little-endian. Chunk: bytes that follow the next four (4), their CRC-32 (4), the place behind it
//! (segment 8, offset 8, entry 4), frames. Frame: time (8), link type (2), length on the wire (4), bytes (4), the bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Frame, Place};

const HEAD: usize = 8;
/// A chunk is never longer; what says so is no chunk.
const MAX_CHUNK: usize = 16 << 20;

#[derive(Debug)]
pub struct Part {
    file: File,
    length: u64,
    /// Behind what is here.
    pub place: Place,
    pub frames: u64,
    pub bytes: u64,
}

impl Part {
    /// Opens a part file, makes it if it is not there, and cuts off what was not written whole.
    pub fn open(path: &Path) -> io::Result<Part> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let mut part = Part {
            file,
            length: 0,
            place: Place::default(),
            frames: 0,
            bytes: 0,
        };
        while let Some(chunk) = part.read(part.length)? {
            part.length += (HEAD + chunk.len()) as u64;
            let (place, frames) = split(&chunk);
            part.place = place;
            for frame in frames {
                part.frames += 1;
                part.bytes += frame.data.len() as u64;
            }
        }
        part.file.set_len(part.length)?;
        Ok(part)
    }

    pub fn append(&mut self, next: Place, frames: &[Frame]) -> io::Result<()> {
        let mut chunk = vec![0; HEAD];
        chunk.extend_from_slice(&next.segment.to_le_bytes());
        chunk.extend_from_slice(&next.offset.to_le_bytes());
        chunk.extend_from_slice(&next.entry.to_le_bytes());
        for frame in frames {
            chunk.extend_from_slice(&frame.timestamp_ns.to_le_bytes());
            chunk.extend_from_slice(&frame.link.to_le_bytes());
            chunk.extend_from_slice(&frame.wire_length.to_le_bytes());
            chunk.extend_from_slice(&(frame.data.len() as u32).to_le_bytes());
            chunk.extend_from_slice(&frame.data);
        }
        let content = &chunk[HEAD..];
        let (length, checksum) = (content.len() as u32, crc32fast::hash(content));
        chunk[..4].copy_from_slice(&length.to_le_bytes());
        chunk[4..HEAD].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(&chunk, self.length)?;
        self.length += chunk.len() as u64;
        self.place = next;
        self.frames += frames.len() as u64;
        self.bytes += frames
            .iter()
            .map(|frame| frame.data.len() as u64)
            .sum::<u64>();
        Ok(())
    }

    /// All frames, in the order in which they came.
    pub fn frames(&self) -> io::Result<Vec<Frame>> {
        let mut all = Vec::new();
        let mut at = 0;
        while let Some(chunk) = self.read(at)? {
            at += (HEAD + chunk.len()) as u64;
            all.extend(split(&chunk).1);
        }
        Ok(all)
    }

    /// The chunk at an offset; `None` at the end, and where what follows is not whole.
    fn read(&self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; HEAD];
        if !whole(self.file.read_exact_at(&mut head, offset))? {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > MAX_CHUNK {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        let read = whole(self.file.read_exact_at(&mut chunk, offset + HEAD as u64))?;
        let holds = crc32fast::hash(&chunk) == u32::from_le_bytes([e, f, g, h]);
        Ok((read && holds && length >= 20).then_some(chunk))
    }
}

fn whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The place behind a chunk, and its frames.
fn split(chunk: &[u8]) -> (Place, Vec<Frame>) {
    let mut rest = chunk;
    let mut place = Place::default();
    if let (Some(segment), Some(offset), Some(entry)) =
        (take(&mut rest), take(&mut rest), take(&mut rest))
    {
        place = Place {
            segment: u64::from_le_bytes(segment),
            offset: u64::from_le_bytes(offset),
            entry: u32::from_le_bytes(entry),
        };
    }
    (place, std::iter::from_fn(|| frame(&mut rest)).collect())
}

fn frame(rest: &mut &[u8]) -> Option<Frame> {
    let timestamp_ns = i64::from_le_bytes(take(rest)?);
    let link = u16::from_le_bytes(take(rest)?);
    let wire_length = u32::from_le_bytes(take(rest)?);
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let data = rest.get(..length)?.to_vec();
    *rest = rest.get(length..)?;
    Some(Frame {
        timestamp_ns,
        link,
        wire_length,
        data,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*part)
}
