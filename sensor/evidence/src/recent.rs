//! The newest frames of a worker, in a fixed piece of memory.
//!
//! Positions count bytes ever written; the oldest entries are overwritten. The entries of a flow are chained backwards.

use crate::Frame;
use crate::block::Parts;

/// Position of the entry before of the same flow (8), time (8), length on the wire (4), bytes (4), link type (2).
const HEADER: usize = 26;

#[derive(Debug)]
pub struct Recent {
    bytes: Box<[u8]>,
    /// Where the oldest entry begins, and where the next one will.
    tail: u64,
    head: u64,
}

/// An entry without its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Remembered {
    pub before: u64,
    pub timestamp_ns: i64,
    pub length: u32,
    wire_length: u32,
    link: u16,
}

impl Recent {
    /// No entry has this position.
    pub const NONE: u64 = 0;

    pub fn new(bytes: usize) -> Recent {
        Recent {
            bytes: vec![0; bytes].into_boxed_slice(),
            tail: 1,
            head: 1,
        }
    }

    /// Remembers a frame; its position. Without room for it, [`Recent::NONE`].
    pub fn push(&mut self, frame: Frame<'_>, before: u64) -> u64 {
        let size = (HEADER + frame.data.len()) as u64;
        if size > self.bytes.len() as u64 {
            return Recent::NONE;
        }
        while self.head + size - self.tail > self.bytes.len() as u64 {
            let Some(oldest) = self.entry(self.tail) else {
                self.tail = self.head;
                break;
            };
            self.tail += HEADER as u64 + u64::from(oldest.length);
        }
        let position = self.head;
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&before.to_le_bytes());
        header[8..16].copy_from_slice(&frame.timestamp_ns.to_le_bytes());
        header[16..20].copy_from_slice(&frame.wire_length.to_le_bytes());
        header[20..24].copy_from_slice(&(frame.data.len() as u32).to_le_bytes());
        header[24..].copy_from_slice(&frame.link.to_le_bytes());
        self.write(position, &header);
        self.write(position + HEADER as u64, frame.data);
        self.head += size;
        position
    }

    /// The entry at a position, while it is remembered.
    pub fn entry(&self, position: u64) -> Option<Remembered> {
        if position < self.tail || position >= self.head {
            return None;
        }
        let (one, two) = self.read(position, HEADER);
        let mut header = [0; HEADER];
        header[..one.len()].copy_from_slice(one);
        header[one.len()..].copy_from_slice(two);
        let mut parts = Parts(&header);
        Some(Remembered {
            before: u64::from_le_bytes(parts.take()?),
            timestamp_ns: i64::from_le_bytes(parts.take()?),
            wire_length: u32::from_le_bytes(parts.take()?),
            length: u32::from_le_bytes(parts.take()?),
            link: u16::from_le_bytes(parts.take()?),
        })
    }

    /// The frame of an entry, and the rest of its bytes when they lie around the end of the memory.
    pub fn frame(&self, position: u64, entry: Remembered) -> (Frame<'_>, &[u8]) {
        let (data, rest) = self.read(position + HEADER as u64, entry.length as usize);
        let frame = Frame {
            timestamp_ns: entry.timestamp_ns,
            link: entry.link,
            data,
            wire_length: entry.wire_length,
        };
        (frame, rest)
    }

    fn place(&self, position: u64) -> usize {
        (position % self.bytes.len().max(1) as u64) as usize
    }

    fn write(&mut self, position: u64, data: &[u8]) {
        let place = self.place(position);
        let first = data.len().min(self.bytes.len() - place);
        self.bytes[place..place + first].copy_from_slice(&data[..first]);
        self.bytes[..data.len() - first].copy_from_slice(&data[first..]);
    }

    fn read(&self, position: u64, length: usize) -> (&[u8], &[u8]) {
        let place = self.place(position);
        let first = length.min(self.bytes.len() - place);
        (
            &self.bytes[place..place + first],
            &self.bytes[..length - first],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is remembered is what was pushed, and the newest frames are.
        #[test]
        fn the_newest_are_remembered_whole(lengths in proptest::collection::vec(0usize..90, 1..60)) {
            let mut recent = Recent::new(256);
            let mut pushed = Vec::new();
            let mut last = Recent::NONE;
            for (at, length) in lengths.iter().enumerate() {
                let data = vec![at as u8; *length];
                let frame = Frame { timestamp_ns: at as i64, link: 1, data: &data, wire_length: 9 };
                last = recent.push(frame, last);
                pushed.push((last, data));
            }
            let mut position = last;
            let mut held = 0;
            for (expected, data) in pushed.iter().rev() {
                prop_assert_eq!(*expected, position);
                let Some(entry) = recent.entry(position) else { break };
                let (frame, rest) = recent.frame(position, entry);
                prop_assert_eq!([frame.data, rest].concat(), data.clone());
                position = entry.before;
                held += HEADER + data.len();
            }
            prop_assert!(held <= 256);
            let all: usize = pushed.iter().map(|(_, data)| HEADER + data.len()).sum();
            prop_assert!(held == all || held + HEADER + 90 > 256);
        }
    }

    #[test]
    fn a_frame_larger_than_the_memory_is_not_remembered() {
        let mut recent = Recent::new(64);
        let data = [0; 64];
        let frame = Frame {
            timestamp_ns: 0,
            link: 1,
            data: &data,
            wire_length: 64,
        };
        assert_eq!(recent.push(frame, Recent::NONE), Recent::NONE);
        let mut none = Recent::new(0);
        assert_eq!(none.push(frame, Recent::NONE), Recent::NONE);
    }
}
