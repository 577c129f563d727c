//! What a receiver has beyond the gap it acknowledges (RFC 2018), as ranges of sequence numbers.

use crate::state::{at_most, before};

/// Ranges of one side that are kept at most.
const RANGE_LIMIT: usize = 64;

/// Disjoint ranges in no order: there are few.
#[derive(Debug, Default)]
pub(crate) struct Sacked(Vec<(u32, u32)>);

impl Sacked {
    pub fn insert(&mut self, mut left: u32, mut right: u32) {
        self.0.retain(|&(from, to)| {
            let apart = before(to, left) || before(right, from);
            if !apart {
                left = if before(from, left) { from } else { left };
                right = if before(right, to) { to } else { right };
            }
            apart
        });
        if self.0.len() < RANGE_LIMIT {
            self.0.push((left, right));
        }
    }

    /// Everything before this number is acknowledged.
    pub fn forget_before(&mut self, acked: u32) {
        if self.0.is_empty() {
            return;
        }
        self.0.retain_mut(|range| {
            if before(range.0, acked) {
                range.0 = acked;
            }
            before(range.0, range.1)
        });
    }

    pub fn bytes(&self) -> u32 {
        self.0
            .iter()
            .fold(0, |sum, (left, right)| sum + right.wrapping_sub(*left))
    }

    pub fn holds(&self, left: u32, right: u32) -> bool {
        self.0
            .iter()
            .any(|&(from, to)| at_most(from, left) && at_most(right, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_are_forgotten() {
        let mut sacked = Sacked::default();
        sacked.insert(u32::MAX - 9, 10);
        sacked.insert(30, 40);
        sacked.insert(10, 20);
        assert_eq!(sacked.bytes(), 40);
        assert!(sacked.holds(0, 15) && !sacked.holds(15, 30));
        sacked.forget_before(15);
        assert_eq!(sacked.bytes(), 15);
        for at in 0..1_000 {
            sacked.insert(1_000 + at * 10, 1_001 + at * 10);
        }
        assert!(sacked.0.len() <= RANGE_LIMIT);
    }
}
