//! The bytes of one side: in order, waiting for order, handed over.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use sensor_flow::Direction;

use crate::overlap::Overlap;
use crate::{EventSet, PENDING_LIMIT, PENDING_LIMIT_BYTES, Sink, StreamEvent, Tally};

/// Bytes in front of the buffer that may lie unused before it is compacted.
const SLACK_BYTES: usize = 4 << 10;
/// A compacted buffer with so many times the room that it needs gives it up.
const ROOM_FACTOR: usize = 8;
/// Buffers without bytes in them, which the next side that has some takes: as many, and so large at most, are kept.
const SPARE_LIMIT: usize = 64;
const SPARE_LIMIT_BYTES: usize = 64 << 10;

thread_local! {
    /// Most sides wait most of the time: they hold no memory meanwhile, and getting it costs no allocation.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take_spare() -> Vec<u8> {
    SPARE.with_borrow_mut(|spare| spare.pop().unwrap_or_default())
}

fn give_spare(mut data: Vec<u8>) {
    if (1..=SPARE_LIMIT_BYTES).contains(&data.capacity()) {
        data.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARE_LIMIT {
                spare.push(data);
            }
        });
    }
}
/// Segments of one side whose edges are remembered; what overlaps others stays as it was.
const SEGMENT_LIMIT: usize = 4 << 10;
/// Distance from which data begins a new region (EVE `ts_max_regions`).
const REGION_GAP_BYTES: u64 = 256 << 10;
/// Pieces from before gaps that wait to be inspected raw, at most.
const STALE_LIMIT: usize = 16;
/// Acknowledged bytes that were never seen, and behind which nothing was, before they are given up.
const BLIND_LIMIT_BYTES: u64 = 1 << 30;

/// A part of a side's raw stream, for rules that look at the stream itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawWindow<'a> {
    pub data: &'a [u8],
    /// Position of `data[0]` in the stream.
    pub offset: u64,
    /// Bytes of `data` that an earlier window held already.
    pub seen: usize,
    /// Bytes of `data` that rules on the stream alone do not look at again: they see each byte once, unless the sensor
    /// looks at bytes as they arrive.
    pub passed: usize,
    /// Bytes right before `data` that were never seen.
    pub missing: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub from: u64,
    pub to: u64,
}

/// Positions count bytes of the stream from 0 (the byte after SYN).
#[derive(Debug)]
pub(crate) struct Buffer {
    /// In-order bytes; `data[head]` is at position `start`.
    pub(crate) data: Vec<u8>,
    pub(crate) head: usize,
    pub(crate) start: u64,
    /// Sequence number of the byte at `start`.
    start_sequence: u32,
    /// Out-of-order pieces by position, never overlapping.
    pub(crate) pending: BTreeMap<u64, Vec<u8>>,
    pending_bytes: usize,
    /// Segments not yet dropped, by their edges.
    pub(crate) segments: VecDeque<Segment>,
    /// Handed over up to here.
    delivered: u64,
    /// Inspected raw up to here.
    raw: u64,
    /// What was not inspected raw when a gap came, by position.
    pub(crate) stale: VecDeque<(u64, Vec<u8>)>,
    /// Length of the gap before `raw_floor`.
    pub(crate) missing: u64,
    /// The window began anew here: after a gap the bytes before do not belong together with those behind.
    pub(crate) raw_floor: u64,
    /// Behind the last byte seen.
    right_edge: u64,
    pub raw_disabled: bool,
    /// Nothing is inspected raw from here on.
    raw_end: Option<u64>,
    pub depth_reached: bool,
    /// Nobody wants the bytes: nothing is kept.
    pub discard: bool,
    /// Regions of data far from each other (EVE `ts_max_regions`).
    pub max_regions: u32,
    pub gaps: u32,
}

impl Default for Buffer {
    fn default() -> Self {
        Buffer {
            data: Vec::new(),
            head: 0,
            start: 0,
            start_sequence: 0,
            pending: BTreeMap::new(),
            pending_bytes: 0,
            segments: VecDeque::new(),
            delivered: 0,
            raw: 0,
            stale: VecDeque::new(),
            missing: 0,
            raw_floor: 0,
            right_edge: 0,
            raw_disabled: false,
            raw_end: None,
            depth_reached: false,
            discard: false,
            max_regions: 1,
            gaps: 0,
        }
    }
}

impl Buffer {
    /// The byte at position 0 has this number.
    pub fn begin(&mut self, sequence: u32) {
        self.start_sequence = sequence;
        self.start = 0;
    }

    /// Position behind the last in-order byte.
    pub fn end(&self) -> u64 {
        self.start + (self.data.len() - self.head) as u64
    }

    pub fn start(&self) -> u64 {
        self.start
    }

    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    pub fn raw(&self) -> u64 {
        self.raw
    }

    pub fn right_edge(&self) -> u64 {
        self.right_edge
    }

    /// Position of a sequence number, as far as it lies within half the circle.
    pub fn position(&self, sequence: u32) -> i64 {
        self.start as i64 + i64::from(sequence.wrapping_sub(self.start_sequence) as i32)
    }

    /// Takes the payload of a segment. False when there is no room for it.
    pub fn insert(
        &mut self,
        sequence: u32,
        payload: &[u8],
        overlap: Overlap,
        events: &mut EventSet,
        tally: &mut Tally,
    ) -> bool {
        let position = self.position(sequence);
        let cut = (self.start as i64 - position).max(0);
        let Some(data) = usize::try_from(cut)
            .ok()
            .and_then(|cut| payload.get(cut..))
            .filter(|data| !data.is_empty())
        else {
            return true;
        };
        let from = (position + cut) as u64;
        let to = from + data.len() as u64;
        self.right_edge = self.right_edge.max(to);
        if from == self.end() && self.pending.is_empty() {
            self.remember(Segment { from, to });
            self.append(data);
            return true;
        }
        let room = self.pending.len() < PENDING_LIMIT
            && self.pending_bytes + data.len() <= PENDING_LIMIT_BYTES;
        if to > self.end() && !room {
            events.insert(StreamEvent::ReassemblyInsertLimit);
            return false;
        }
        let resolved = self.resolve(Segment { from, to }, data, overlap, events, tally);
        self.remember(Segment { from, to });
        self.write(from, resolved.as_deref().unwrap_or(data));
        true
    }

    fn remember(&mut self, segment: Segment) {
        if self.segments.len() >= SEGMENT_LIMIT {
            return;
        }
        match self.segments.back() {
            Some(last) if last.from >= segment.from => {
                let at = self
                    .segments
                    .partition_point(|old| (old.from, old.to) < (segment.from, segment.to));
                if self.segments.get(at) != Some(&segment) {
                    self.segments.insert(at, segment);
                }
            }
            _ => self.segments.push_back(segment),
        }
    }

    /// Puts bytes at their place, over what is there.
    fn write(&mut self, from: u64, bytes: &[u8]) {
        let end = self.end();
        let mut at = from;
        let mut rest = bytes;
        if at < end {
            let count = rest.len().min((end - at) as usize);
            let place = self.head + (at - self.start) as usize;
            let (old, new) = rest.split_at(count);
            if let Some(place) = self.data.get_mut(place..place + count) {
                place.copy_from_slice(old);
            }
            at += count as u64;
            rest = new;
        }
        if rest.is_empty() {
            return;
        }
        if at == end && self.pending.is_empty() {
            self.append(rest);
            return;
        }
        self.write_pieces(at, rest);
        self.absorb();
    }

    fn write_pieces(&mut self, mut at: u64, mut rest: &[u8]) {
        while !rest.is_empty() {
            let covering = self
                .pending
                .range_mut(..=at)
                .next_back()
                .filter(|(start, piece)| *start + piece.len() as u64 > at);
            if let Some((start, piece)) = covering {
                let offset = (at - *start) as usize;
                let count = rest.len().min(piece.len() - offset);
                let (here, later) = rest.split_at(count);
                piece[offset..offset + count].copy_from_slice(here);
                (at, rest) = (at + count as u64, later);
                continue;
            }
            let next = self.pending.range(at..).next().map(|(&start, _)| start);
            let count = next.map_or(rest.len(), |next| rest.len().min((next - at) as usize));
            let (here, later) = rest.split_at(count);
            let nearest = self
                .pending
                .range(..at)
                .next_back()
                .map_or(self.end(), |(start, piece)| start + piece.len() as u64);
            if at.saturating_sub(nearest) > REGION_GAP_BYTES
                && next.is_none_or(|next| next - at > REGION_GAP_BYTES)
            {
                self.max_regions += 1;
            }
            self.pending_bytes += count;
            self.pending.insert(at, here.to_vec());
            (at, rest) = (at + count as u64, later);
        }
    }

    /// Moves pieces that have become in-order.
    fn absorb(&mut self) {
        while let Some(first) = self.pending.first_entry() {
            if *first.key() > self.start + (self.data.len() - self.head) as u64 {
                return;
            }
            let piece = first.remove();
            self.pending_bytes -= piece.len();
            self.append(&piece);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.data.capacity() == 0 {
            self.data = take_spare();
        }
        self.data.extend_from_slice(bytes);
    }

    /// Moves all marks to a position behind everything in order.
    fn skip_to(&mut self, position: u64) {
        let end = self.end();
        if !self.raw_disabled && self.raw < end && self.stale.len() < STALE_LIMIT {
            let from = self.head + self.raw.saturating_sub(self.start) as usize;
            if let Some(bytes) = self.data.get(from..) {
                self.stale.push_back((self.raw, bytes.to_vec()));
            }
        }
        self.missing = position - end;
        self.data.clear();
        self.head = 0;
        self.start_sequence = self
            .start_sequence
            .wrapping_add((position - self.start) as u32);
        self.start = position;
        self.delivered = position;
        self.raw = position.max(self.raw);
        self.raw_floor = position;
        while self
            .segments
            .front()
            .is_some_and(|segment| segment.to <= position)
        {
            self.segments.pop_front();
        }
    }

    /// Hands over what lies before `limit`. A gap counts as one when data lies behind it and the receiver has
    /// acknowledged more than what is before it (`acked`). True when something was handed over.
    pub fn deliver(
        &mut self,
        limit: u64,
        acked: u64,
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
                if let Some(bytes) = self.data.get(from..from + (to - self.delivered) as usize) {
                    sink.chunk(direction, bytes);
                }
                self.delivered = to;
                continue;
            }
            let blind = acked.saturating_sub(end) > BLIND_LIMIT_BYTES;
            let to = match self.pending.first_key_value() {
                Some((&at, _)) if acked > end => at.min(limit),
                None if blind => acked,
                _ => break,
            };
            let missing = to - self.delivered;
            events.insert(StreamEvent::ReassemblySeqGap);
            self.gaps += 1;
            sink.gap(direction, missing);
            self.skip_to(to);
            self.absorb();
        }
        self.delivered > before
    }

    /// The raw bytes to inspect next, up to `limit`, with earlier ones so that at least `chunk` are there.
    pub fn raw_window(&self, limit: u64, chunk: u64) -> Option<RawWindow<'_>> {
        if let Some((offset, data)) = self.stale.front() {
            return Some(RawWindow {
                data,
                offset: *offset,
                seen: 0,
                passed: 0,
                missing: 0,
            });
        }
        let to = self.raw_limit(limit);
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
            data: self.data.get(at..at + (to - from) as usize)?,
            offset: from,
            seen: self.raw.saturating_sub(from) as usize,
            passed: 0,
            missing: if from == self.raw_floor && self.raw == from {
                self.missing
            } else {
                0
            },
        })
    }

    /// Bytes not yet inspected raw.
    pub fn raw_waiting(&self, limit: u64) -> u64 {
        if self.raw_disabled {
            0
        } else {
            let stale: usize = self.stale.iter().map(|(_, data)| data.len()).sum();
            self.raw_limit(limit).saturating_sub(self.raw) + stale as u64
        }
    }

    /// What lies behind a gap that is not over comes next; false when there is nothing.
    pub fn skip_hole(&mut self) -> bool {
        let Some((&at, _)) = self.pending.first_key_value() else {
            return false;
        };
        if self.raw_disabled || !self.stale.is_empty() {
            return false;
        }
        self.skip_to(at);
        self.absorb();
        true
    }

    fn raw_limit(&self, limit: u64) -> u64 {
        limit.min(self.end()).min(self.raw_end.unwrap_or(u64::MAX))
    }

    /// No bytes but those that are here are inspected raw.
    pub fn end_raw(&mut self) {
        let end = self.end();
        let end = *self.raw_end.get_or_insert(end);
        self.raw_disabled |= self.raw >= end;
    }

    /// True when that was from before a gap, and there is more.
    pub fn raw_done(&mut self, limit: u64) -> bool {
        if self.stale.pop_front().is_some() {
            return true;
        }
        self.raw = self.raw.max(self.raw_limit(limit));
        false
    }

    /// Drops bytes that nobody will ask for again: neither parsers, nor rules, nor alerts that are to show what lies
    /// behind `shown`; `behind` more are kept to compare with what comes again.
    pub fn trim(&mut self, chunk: u64, shown: u64, behind: u64) {
        let wanted = if self.raw_disabled {
            self.delivered.min(shown)
        } else {
            self.delivered.min(self.raw.saturating_sub(chunk))
        };
        let wanted = wanted
            .saturating_sub(behind)
            .max(self.start)
            .min(self.end());
        let moved = wanted - self.start;
        if moved == 0 {
            return;
        }
        self.head += moved as usize;
        self.start = wanted;
        self.start_sequence = self.start_sequence.wrapping_add(moved as u32);
        while self
            .segments
            .front()
            .is_some_and(|segment| segment.to <= wanted)
        {
            self.segments.pop_front();
        }
        if self.head == self.data.len() {
            give_spare(std::mem::take(&mut self.data));
            self.head = 0;
        } else if self.head > SLACK_BYTES && self.head * 2 > self.data.len() {
            self.data.drain(..self.head);
            self.head = 0;
            let room = self.data.len() + SLACK_BYTES;
            if self.data.capacity() > ROOM_FACTOR * room {
                self.data.shrink_to(room);
            }
        }
    }

    /// The side may be silent for long: bytes stay, the room around them goes.
    pub fn slim(&mut self) {
        if self.data.capacity() > self.data.len() - self.head + SLACK_BYTES {
            self.data.drain(..self.head);
            self.head = 0;
            self.data.shrink_to_fit();
        }
    }

    /// Nothing more is wanted of this side.
    pub fn stop(&mut self) {
        self.discard = true;
        self.raw_disabled = true;
        let end = self.end();
        self.skip_to(end);
        give_spare(std::mem::take(&mut self.data));
        self.pending = BTreeMap::new();
        self.pending_bytes = 0;
        self.segments = VecDeque::new();
        self.stale = VecDeque::new();
    }
}
