//! A file that passes in chunks, which may come out of order.

use std::collections::BTreeMap;

use sensor_flow::Direction;

use crate::file::{File, FileId};
use crate::{Limits, Transaction};

/// Chunks of one file that wait for earlier ones.
pub const MAX_WAITING_CHUNKS: usize = 64;
/// Bytes of one file that wait for earlier ones.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// Why a chunk was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    TooManyChunks,
    TooManyBytes,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    gap: bool,
}

/// The chunk that passes now.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    offset: u64,
    left: u64,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    Later,
    /// Bytes that were seen before.
    Before,
}

/// What is known of the transfer of one file.
#[derive(Debug)]
pub struct Transfer {
    pub direction: Direction,
    /// Bytes in order so far.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
    chunk: Option<Chunk>,
}

impl Transfer {
    pub fn new(direction: Direction) -> Self {
        Transfer {
            direction,
            next: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            chunk: None,
        }
    }

    /// A chunk at this offset repeats bytes that were seen.
    pub fn overlaps(&self, offset: u64) -> bool {
        offset < self.next
    }

    /// A chunk at this offset follows what was seen.
    pub fn is_next(&self, offset: u64) -> bool {
        offset == self.next
    }

    /// A chunk begins; its bytes follow through [`Self::data`].
    pub fn begin(&mut self, offset: u64, bytes: u32) -> Result<(), Refused> {
        self.chunk = None;
        if self.waiting_bytes + bytes as usize > MAX_WAITING_BYTES && offset > self.next {
            return Err(Refused::TooManyBytes);
        }
        if self.waiting.len() >= MAX_WAITING_CHUNKS && offset > self.next {
            return Err(Refused::TooManyChunks);
        }
        // What waits at the same place was sent again.
        if let Some(old) = self.waiting.remove(&offset) {
            self.waiting_bytes -= old.bytes.len();
        }
        self.chunk = Some(Chunk {
            offset,
            left: u64::from(bytes),
            place: match offset.cmp(&self.next) {
                std::cmp::Ordering::Equal => Place::Next,
                std::cmp::Ordering::Greater => Place::Later,
                std::cmp::Ordering::Less => Place::Before,
            },
        });
        Ok(())
    }

    /// The next bytes of the chunk.
    pub fn data(&mut self, file: &mut File, bytes: &[u8], limits: &Limits) {
        let Some(chunk) = &mut self.chunk else { return };
        let bytes = &bytes[..bytes
            .len()
            .min(usize::try_from(chunk.left).unwrap_or(usize::MAX))];
        chunk.left -= bytes.len() as u64;
        match chunk.place {
            Place::Next => {
                file.append(bytes, limits.window_bytes);
                self.next = self.next.saturating_add(bytes.len() as u64);
            }
            Place::Later => {
                let waiting = waiting(&mut self.waiting, chunk.offset);
                waiting.bytes.extend_from_slice(bytes);
                self.waiting_bytes += bytes.len();
            }
            Place::Before => {}
        }
        self.end_chunk(file, limits);
    }

    /// Bytes of the chunk that will never come.
    pub fn gap(&mut self, file: &mut File, bytes: u64, limits: &Limits) {
        let Some(chunk) = &mut self.chunk else { return };
        let bytes = bytes.min(chunk.left);
        chunk.left -= bytes;
        match chunk.place {
            Place::Next => {
                file.gap(bytes);
                self.next = self.next.saturating_add(bytes);
            }
            // The file will have a gap at this place: what was there goes with it.
            Place::Later => {
                let waiting = waiting(&mut self.waiting, chunk.offset);
                waiting.gap = true;
                let zeros = usize::try_from(bytes).unwrap_or(usize::MAX);
                let room = MAX_WAITING_BYTES.saturating_sub(self.waiting_bytes);
                let zeros = zeros.min(room);
                waiting.bytes.resize(waiting.bytes.len() + zeros, 0);
                self.waiting_bytes += zeros;
            }
            Place::Before => {}
        }
        self.end_chunk(file, limits);
    }

    /// Chunks that waited for the one that has just ended follow it.
    fn end_chunk(&mut self, file: &mut File, limits: &Limits) {
        let Some(chunk) = self.chunk.filter(|chunk| chunk.left == 0) else {
            return;
        };
        self.chunk = None;
        if chunk.place != Place::Next {
            return;
        }
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() <= self.next
        {
            let (offset, waiting) = entry.remove_entry();
            self.waiting_bytes -= waiting.bytes.len();
            if offset < self.next {
                continue;
            }
            self.next = self.next.saturating_add(waiting.bytes.len() as u64);
            if waiting.gap {
                file.gap(waiting.bytes.len() as u64);
            } else {
                file.append(&waiting.bytes, limits.window_bytes);
            }
        }
    }
}

fn waiting(chunks: &mut BTreeMap<u64, Waiting>, offset: u64) -> &mut Waiting {
    chunks.entry(offset).or_insert(Waiting {
        bytes: Vec::new(),
        gap: false,
    })
}

/// Gives a transaction its file.
pub fn add_file(tx: &mut Transaction, direction: Direction, name: &[u8], limits: &Limits) {
    let id = FileId(u32::try_from(tx.number).unwrap_or(u32::MAX));
    tx.files
        .push(File::open(id, direction, name, limits.hashes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Hashes;
    use proptest::prelude::*;

    fn file() -> File {
        File::open(FileId(0), Direction::ToClient, b"a", Hashes::default())
    }

    proptest! {
        #[test]
        fn the_order_of_chunks_is_no_matter(order in Just((0..20u64).collect::<Vec<_>>()).prop_shuffle(), cut in 0usize..8) {
            let limits = Limits::default();
            let mut file = file();
            let mut transfer = Transfer::new(Direction::ToClient);
            for at in order {
                let bytes = [at as u8; 8];
                prop_assert!(transfer.begin(at * 8, 8).is_ok());
                transfer.data(&mut file, &bytes[..cut], &limits);
                transfer.data(&mut file, &bytes[cut..], &limits);
            }
            let expected: Vec<u8> = (0..20u8).flat_map(|at| [at; 8]).collect();
            prop_assert_eq!(file.window.data(), expected.as_slice());
            prop_assert_eq!(transfer.waiting_bytes, 0);
        }
    }

    #[test]
    fn what_waits_has_a_limit() {
        let limits = Limits::default();
        let mut file = file();
        let mut transfer = Transfer::new(Direction::ToClient);
        for at in 1..=MAX_WAITING_CHUNKS as u64 {
            assert_eq!(transfer.begin(at * 10, 1), Ok(()));
            transfer.data(&mut file, b"x", &limits);
        }
        assert_eq!(transfer.begin(5, 1), Err(Refused::TooManyChunks));
        let huge = Transfer::new(Direction::ToClient).begin(1, u32::MAX);
        assert_eq!(huge, Err(Refused::TooManyBytes));
    }

    #[test]
    fn gaps_and_repetitions() {
        let limits = Limits::default();
        let mut file = file();
        let mut transfer = Transfer::new(Direction::ToClient);
        transfer.begin(0, 4).expect("room");
        transfer.data(&mut file, b"ab", &limits);
        transfer.gap(&mut file, 2, &limits);
        assert!(transfer.overlaps(2));
        transfer.begin(2, 2).expect("room");
        transfer.data(&mut file, b"xx", &limits);
        transfer.begin(4, 2).expect("room");
        transfer.data(&mut file, b"cd", &limits);
        assert_eq!((file.size, file.gaps), (6, true));
        assert_eq!(file.window.data(), b"cd");
    }
}
