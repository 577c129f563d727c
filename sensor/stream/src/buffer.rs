//! The bytes of one side: in order, waiting for order, handed over.

use std::collections::BTreeMap;

use sensor_flow::Direction;

use crate::{EventSet, PENDING_LIMIT, PENDING_LIMIT_BYTES, Sink, StreamEvent};

/// Bytes in front of the buffer that may lie unused before it is compacted.
const SLACK_BYTES: usize = 16 << 10;

/// A part of a side's raw stream, for rules that look at the stream itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawWindow<'a> {
    pub data: &'a [u8],
    /// Position of `data[0]` in the stream.
    pub offset: u64,
    /// Bytes of `data` that an earlier window held already.
    pub seen: usize,
}

/// Positions count bytes of the stream from 0 (the byte after SYN).
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// In-order bytes; `data[head]` is at position `start`.
    data: Vec<u8>,
    head: usize,
    start: u64,
    /// Sequence number of the byte at `end()`.
    end_sequence: u32,
    /// Out-of-order pieces by position, never overlapping.
    pending: BTreeMap<u64, Vec<u8>>,
    pending_bytes: usize,
    /// Handed over up to here.
    delivered: u64,
    /// Inspected raw up to here.
    raw: u64,
    /// The window began anew here: after a gap the bytes before do not belong together with those behind.
    raw_floor: u64,
    pub raw_disabled: bool,
    pub depth_reached: bool,
    /// Nobody wants the bytes: positions move, nothing is kept.
    pub discard: bool,
    /// Most out-of-order pieces at a time (EVE `ts_max_regions`).
    pub max_regions: u32,
    pub gaps: u32,
}

impl Buffer {
    pub fn begin(&mut self, sequence: u32) {
        self.end_sequence = sequence;
    }

    /// Position behind the last in-order byte.
    pub fn end(&self) -> u64 {
        self.start + (self.data.len() - self.head) as u64
    }

    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Position of a sequence number, as far as it lies within half the circle.
    pub fn position(&self, sequence: u32) -> i64 {
        self.end() as i64 + i64::from(sequence.wrapping_sub(self.end_sequence) as i32)
    }

    /// Takes the payload of a segment.
    pub fn insert(&mut self, sequence: u32, payload: &[u8], depth: u64, events: &mut EventSet) {
        let mut from = self.position(sequence);
        let mut data = payload;
        if from < 0 {
            events.insert(StreamEvent::ReassemblySegmentBeforeBaseSeq);
            let Some(rest) = data.get(usize::try_from(-from).unwrap_or(usize::MAX)..) else {
                return;
            };
            (data, from) = (rest, 0);
        }
        let mut from = from as u64;
        let mut end = from + data.len() as u64;
        if depth > 0 && end > depth {
            if !self.depth_reached {
                self.depth_reached = true;
                events.insert(StreamEvent::ReassemblyDepthReached);
            }
            if from >= depth {
                return;
            }
            end = depth;
            data = &data[..(end - from) as usize];
        }
        self.compare(from, data, events);
        if from < self.end() {
            let old = (self.end() - from) as usize;
            let Some(rest) = data.get(old..) else { return };
            (data, from) = (rest, self.end());
        }
        if from == self.end() && self.pending.is_empty() {
            self.append(data);
            return;
        }
        self.insert_pieces(from, end, data, events);
        self.absorb();
    }

    /// Notes overlapping bytes that differ from those kept.
    fn compare(&self, from: u64, data: &[u8], events: &mut EventSet) {
        let kept_from = from.max(self.start);
        let kept_to = (from + data.len() as u64).min(self.end());
        let mut differs = kept_from < kept_to
            && self.data[self.head + (kept_from - self.start) as usize
                ..self.head + (kept_to - self.start) as usize]
                != data[(kept_from - from) as usize..(kept_to - from) as usize];
        if !self.pending.is_empty() {
            let end = from + data.len() as u64;
            for (&at, piece) in self.pending.range(..end).rev() {
                let piece_end = at + piece.len() as u64;
                if piece_end <= from {
                    break;
                }
                let (low, high) = (at.max(from), piece_end.min(end));
                differs |= piece[(low - at) as usize..(high - at) as usize]
                    != data[(low - from) as usize..(high - from) as usize];
            }
        }
        if differs {
            events.insert(StreamEvent::ReassemblyOverlapDifferentData);
        }
    }

    /// Puts what no piece holds yet among the pieces.
    fn insert_pieces(&mut self, mut from: u64, end: u64, data: &[u8], events: &mut EventSet) {
        let base = from;
        if let Some((&at, piece)) = self.pending.range(..=from).next_back() {
            from = from.max(at + piece.len() as u64);
        }
        while from < end {
            let next = self
                .pending
                .range(from..)
                .next()
                .map(|(&at, piece)| (at, at + piece.len() as u64));
            let to = next.map_or(end, |(at, _)| at.min(end));
            if from < to {
                if self.pending.len() >= PENDING_LIMIT
                    || self.pending_bytes + (to - from) as usize > PENDING_LIMIT_BYTES
                {
                    events.insert(StreamEvent::ReassemblyInsertLimit);
                    return;
                }
                self.pending_bytes += (to - from) as usize;
                self.pending.insert(
                    from,
                    data[(from - base) as usize..(to - base) as usize].to_vec(),
                );
            }
            match next {
                Some((at, next_end)) if at < end => from = next_end,
                _ => break,
            }
        }
        self.max_regions = self.max_regions.max(self.pending.len() as u32 + 1);
    }

    /// Moves pieces that have become in-order.
    fn absorb(&mut self) {
        let mut end = self.end();
        while let Some(first) = self.pending.first_entry() {
            if *first.key() > end {
                return;
            }
            let piece = first.remove();
            end += piece.len() as u64;
            self.pending_bytes -= piece.len();
            self.append(&piece);
        }
    }

    fn append(&mut self, data: &[u8]) {
        if self.max_regions == 0 {
            self.max_regions = 1;
        }
        self.end_sequence = self.end_sequence.wrapping_add(data.len() as u32);
        if self.discard {
            self.skip_to(self.end() + data.len() as u64);
        } else {
            self.data.extend_from_slice(data);
        }
    }

    /// Moves all marks to a position behind everything in order.
    fn skip_to(&mut self, position: u64) {
        self.data.clear();
        self.head = 0;
        self.start = position;
        self.delivered = position;
        self.raw = position;
        self.raw_floor = position;
    }

    /// Hands over what lies before `limit`, gaps included. True when something was.
    pub fn deliver(
        &mut self,
        limit: u64,
        direction: Direction,
        sink: &mut dyn Sink,
        events: &mut EventSet,
    ) -> bool {
        let before = self.delivered;
        while self.delivered < limit {
            let end = self.end();
            if self.delivered < end {
                let to = end.min(limit);
                let from = self.head + (self.delivered - self.start) as usize;
                sink.chunk(
                    direction,
                    &self.data[from..from + (to - self.delivered) as usize],
                );
                self.delivered = to;
                continue;
            }
            let to = self
                .pending
                .first_key_value()
                .map_or(limit, |(&at, _)| at.min(limit));
            let missing = to - self.delivered;
            events.insert(StreamEvent::ReassemblySeqGap);
            self.gaps += 1;
            sink.gap(direction, missing);
            self.end_sequence = self.end_sequence.wrapping_add(missing as u32);
            self.skip_to(to);
            self.absorb();
        }
        self.delivered > before
    }

    /// The raw bytes to inspect next, up to `limit`, with earlier ones so that at least `chunk` are there.
    pub fn raw_window(&self, limit: u64, chunk: u64) -> Option<RawWindow<'_>> {
        let to = limit.min(self.end());
        if self.raw_disabled || to <= self.raw {
            return None;
        }
        let new = to - self.raw;
        let from = self
            .raw
            .saturating_sub(chunk.saturating_sub(new))
            .max(self.start)
            .max(self.raw_floor);
        let at = self.head + (from - self.start) as usize;
        Some(RawWindow {
            data: &self.data[at..at + (to - from) as usize],
            offset: from,
            seen: (self.raw - from) as usize,
        })
    }

    /// Bytes not yet inspected raw.
    pub fn raw_waiting(&self, limit: u64) -> u64 {
        if self.raw_disabled {
            0
        } else {
            limit.min(self.end()).saturating_sub(self.raw)
        }
    }

    pub fn raw_done(&mut self, limit: u64) {
        self.raw = self.raw.max(limit.min(self.end()));
    }

    /// Drops bytes that nobody will ask for again.
    pub fn trim(&mut self, chunk: u64) {
        let wanted = if self.raw_disabled {
            self.delivered
        } else {
            self.delivered.min(self.raw.saturating_sub(chunk))
        };
        let wanted = wanted.max(self.start).min(self.end());
        self.head += (wanted - self.start) as usize;
        self.start = wanted;
        if self.head == self.data.len() {
            self.data.clear();
            self.head = 0;
        } else if self.head > SLACK_BYTES && self.head * 2 > self.data.len() {
            self.data.drain(..self.head);
            self.head = 0;
        }
    }

    /// Nothing more is wanted of this side.
    pub fn stop(&mut self) {
        self.discard = true;
        self.raw_disabled = true;
        let end = self.end();
        self.skip_to(end);
        self.data = Vec::new();
    }
}
