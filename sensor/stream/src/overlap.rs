//! Data that comes again, and what the receiving host makes of it.

use crate::buffer::{Buffer, Segment};
use crate::policy::OsPolicy;
use crate::{EventSet, StreamEvent, Tally};

/// How overlapping data is resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlap {
    pub policy: OsPolicy,
    /// What was let pass before cannot change: it stays.
    pub inline: bool,
    /// Tell when the bytes differ.
    pub compare: bool,
}

impl Buffer {
    /// The bytes of a segment as the receiver sees them, when they overlap others.
    pub(crate) fn resolve(
        &self,
        new: Segment,
        data: &[u8],
        overlap: Overlap,
        events: &mut EventSet,
        tally: &mut Tally,
    ) -> Option<Vec<u8>> {
        let behind = self.segments.partition_point(|old| old.from < new.to);
        let mut bytes = None;
        let mut differs = false;
        for old in self.segments.range(..behind).rev() {
            if old.from + u64::from(u16::MAX) < new.from {
                // No segment is longer than that: the ones before do not reach the new one.
                break;
            }
            if old.to <= new.from {
                continue;
            }
            let (low, high) = (old.from.max(new.from), old.to.min(new.to));
            let range = (low - new.from) as usize..(high - new.from) as usize;
            let Some(theirs) = data.get(range.clone()) else {
                continue;
            };
            tally.overlaps = 1;
            let mut kept = Vec::new();
            if !self.read(low, high, &mut kept) || kept == theirs {
                continue;
            }
            differs |= overlap.compare;
            let takes_new = !overlap.inline
                && overlap.policy.takes_new(
                    (new.from as i64, new.to as i64),
                    (old.from as i64, old.to as i64),
                );
            if !takes_new {
                bytes.get_or_insert_with(|| data.to_vec())[range].copy_from_slice(&kept);
            }
        }
        if differs {
            events.insert(StreamEvent::ReassemblyOverlapDifferentData);
            tally.overlaps_differ = 1;
        }
        bytes
    }

    /// Copies kept bytes; false when not all of them are there.
    fn read(&self, mut from: u64, to: u64, into: &mut Vec<u8>) -> bool {
        let end = self.end();
        if from < end {
            let upto = to.min(end);
            let at = self.head + (from.saturating_sub(self.start)) as usize;
            let Some(bytes) = self.data.get(at..at + (upto - from) as usize) else {
                return false;
            };
            into.extend_from_slice(bytes);
            from = upto;
        }
        while from < to {
            let Some((&at, piece)) = self.pending.range(..=from).next_back() else {
                return false;
            };
            let upto = to.min(at + piece.len() as u64);
            let Some(bytes) = piece
                .get((from - at) as usize..)
                .and_then(|rest| rest.get(..upto.checked_sub(from)? as usize))
            else {
                return false;
            };
            if bytes.is_empty() {
                return false;
            }
            into.extend_from_slice(bytes);
            from = upto;
        }
        true
    }
}
