//! What a worker does for the ring: it remembers frames, and hands over those that are to be kept.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use crate::block::Block;
use crate::recent::Recent;
use crate::ring::Order;
use crate::{Counts, FRAME_LIMIT, Frame, Mode, Options};

/// Frames wait this long for a block to fill.
const GATHER_NS: i64 = 1_000_000_000;
/// Remembered frames of a flow that are handed over with its first alert.
const LOOKBACK: usize = 16_384;

/// What a worker holds for a flow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trail {
    /// Newest remembered frame of the flow.
    last: u64,
    kept_bytes: u64,
    keeping: bool,
}

/// What one worker has done, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tapped {
    /// Flows with an alert.
    pub flows: u64,
    /// Frames handed over.
    pub frames: u64,
    /// Frames that were to be kept and found no room.
    pub left_out: u64,
}

/// One worker's end of the ring.
#[derive(Debug)]
pub struct Tap {
    options: Options,
    recent: Recent,
    /// Positions of a flow's remembered frames, newest first.
    found: Vec<u64>,
    gathered: Option<Block>,
    /// When the block was begun, in packet time.
    begun_ns: i64,
    filled: Sender<Order>,
    empty: Receiver<Block>,
    counts: Arc<Counts>,
    tapped: Tapped,
}

impl Tap {
    pub(crate) fn new(
        options: Options,
        filled: Sender<Order>,
        empty: Receiver<Block>,
        counts: Arc<Counts>,
    ) -> Tap {
        let memory = match options.mode {
            Mode::Alerts => options.memory_bytes,
            Mode::Full => 0,
        };
        Tap {
            options,
            recent: Recent::new(memory),
            found: Vec::with_capacity(LOOKBACK),
            gathered: None,
            begun_ns: 0,
            filled,
            empty,
            counts,
            tapped: Tapped::default(),
        }
    }

    pub fn tapped(&self) -> Tapped {
        self.tapped
    }

    /// Takes a frame of a flow.
    pub fn frame(&mut self, frame: Frame<'_>, flow: u64, trail: &mut Trail) {
        match self.options.mode {
            Mode::Full => self.put(frame, &[], flow),
            Mode::Alerts if trail.keeping => {
                let length = frame.data.len() as u64;
                if trail.kept_bytes + length > self.options.flow_bytes {
                    self.tapped.left_out += 1;
                    return Counts::add(&self.counts.flow_cap, 1);
                }
                trail.kept_bytes += length;
                self.put(frame, &[], flow);
            }
            Mode::Alerts => trail.last = self.recent.push(frame, trail.last),
        }
    }

    /// Takes a frame that belongs to no flow.
    pub fn lone_frame(&mut self, frame: Frame<'_>) {
        if self.options.mode == Mode::Full {
            self.put(frame, &[], 0);
        }
    }

    /// The flow has had an alert at this time: what is remembered of it is kept, and what follows.
    pub fn alert(&mut self, flow: u64, trail: &mut Trail, now_ns: i64) {
        if trail.keeping || self.options.mode == Mode::Full {
            return;
        }
        trail.keeping = true;
        self.tapped.flows += 1;
        let before = i64::try_from(self.options.before.as_nanos()).unwrap_or(i64::MAX);
        let since = now_ns.saturating_sub(before);
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let mut position = trail.last;
        let mut is_full = false;
        while let Some(entry) = self.recent.entry(position) {
            if entry.timestamp_ns < since {
                break;
            }
            let length = u64::from(entry.length);
            is_full |=
                found.len() == LOOKBACK || trail.kept_bytes + length > self.options.flow_bytes;
            if is_full {
                self.tapped.left_out += 1;
                Counts::add(&self.counts.flow_cap, 1);
            } else {
                trail.kept_bytes += length;
                found.push(position);
            }
            position = entry.before;
        }
        let recent = std::mem::replace(&mut self.recent, Recent::new(0));
        for &position in found.iter().rev() {
            if let Some(entry) = recent.entry(position) {
                let (frame, rest) = recent.frame(position, entry);
                self.put(frame, rest, flow);
            }
        }
        self.recent = recent;
        self.found = found;
    }

    /// Packet time has come to `now_ns`: a block that has been gathered for long enough goes.
    pub fn idle(&mut self, now_ns: i64) {
        if self.gathered.is_some() && now_ns.saturating_sub(self.begun_ns) >= GATHER_NS {
            self.flush();
        }
    }

    /// Hands over what is gathered.
    pub fn flush(&mut self) {
        let Some(block) = self.gathered.take() else {
            return;
        };
        let frames = u64::from(block.frames);
        if self.filled.try_send(Order::Block(block)).is_err() {
            self.tapped.left_out += frames;
            self.tapped.frames -= frames;
            Counts::add(&self.counts.queue_full, frames);
        }
    }

    fn put(&mut self, frame: Frame<'_>, rest: &[u8], flow: u64) {
        let length = frame.data.len() + rest.len();
        if length > FRAME_LIMIT {
            self.tapped.left_out += 1;
            return Counts::add(&self.counts.too_long, 1);
        }
        if self
            .gathered
            .as_ref()
            .is_some_and(|block| !block.has_room(length))
        {
            self.flush();
        }
        if self.gathered.is_none() {
            self.gathered = self.empty.try_recv().ok();
            self.begun_ns = frame.timestamp_ns;
        }
        match &mut self.gathered {
            Some(block) => {
                block.push(flow, frame, rest);
                self.tapped.frames += 1;
            }
            None => {
                self.tapped.left_out += 1;
                Counts::add(&self.counts.queue_full, 1);
            }
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_empty_block_frames_are_counted_and_nobody_waits() {
        let (filled, orders) = crossbeam_channel::bounded(1);
        let (emptied, empty) = crossbeam_channel::bounded(1);
        emptied.try_send(Block::new()).expect("there is room");
        let options = Options {
            mode: Mode::Full,
            ..Options::default()
        };
        let counts = Arc::new(Counts::default());
        let mut tap = Tap::new(options, filled, empty, Arc::clone(&counts));
        let data = vec![0; FRAME_LIMIT / 2];
        for timestamp_ns in 0..5 {
            let frame = Frame {
                timestamp_ns,
                link: 1,
                data: &data,
                wire_length: 0,
            };
            tap.lone_frame(frame);
        }
        // Two halves do not fit with their headers: one is on its way, four found no block.
        assert_eq!(counts.left_out()[0], ("queue_full", 4));
        assert!(matches!(orders.try_recv(), Ok(Order::Block(block)) if block.frames == 1));
    }

    #[test]
    fn a_block_goes_when_it_has_waited() {
        let (filled, orders) = crossbeam_channel::bounded(1);
        let (emptied, empty) = crossbeam_channel::bounded(1);
        emptied.try_send(Block::new()).expect("there is room");
        let mut tap = Tap::new(Options::default(), filled, empty, Arc::default());
        let mut trail = Trail::default();
        tap.alert(1, &mut trail, 0);
        let frame = Frame {
            timestamp_ns: 5,
            link: 1,
            data: b"x",
            wire_length: 1,
        };
        tap.frame(frame, 1, &mut trail);
        for (now_ns, gone) in [(5, false), (GATHER_NS, false), (GATHER_NS + 5, true)] {
            tap.idle(now_ns);
            assert_eq!(!orders.is_empty(), gone, "{now_ns}");
        }
    }
}
