//! Bits on hosts and pairs of hosts (`xbits`, `hostbits`), for all workers together.

use std::collections::HashMap;

use rules::signature::BitOperation;

use crate::threshold::Tracked;

/// Bits kept at most; beyond it those that have expired make room, else setting is ignored.
pub const BIT_LIMIT: usize = 1 << 16;

/// All bits, with the packet time at which each expires.
#[derive(Debug, Default)]
pub(crate) struct HostBits {
    bits: HashMap<(u32, Tracked), i64>,
}

impl HostBits {
    /// Whether a bit is set now.
    pub fn is_set(&self, bit: u32, tracked: Tracked, now_ns: i64) -> bool {
        self.bits
            .get(&(bit, tracked))
            .is_some_and(|&expires| now_ns < expires)
    }

    /// Carries out what a matched rule says; tests change nothing.
    pub fn apply(
        &mut self,
        operation: BitOperation,
        bit: u32,
        tracked: Tracked,
        now_ns: i64,
        seconds: u64,
    ) {
        let expires = now_ns.saturating_add(
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000_000),
        );
        let set = match operation {
            BitOperation::Set => true,
            BitOperation::Unset => false,
            BitOperation::Toggle => !self.is_set(bit, tracked, now_ns),
            BitOperation::IsSet | BitOperation::IsNotSet => return,
        };
        if !set {
            self.bits.remove(&(bit, tracked));
            return;
        }
        if self.bits.len() >= BIT_LIMIT {
            self.bits.retain(|_, &mut expires| now_ns < expires);
        }
        if self.bits.len() < BIT_LIMIT {
            self.bits.insert((bit, tracked), expires);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_expire() {
        let mut bits = HostBits::default();
        bits.apply(BitOperation::Set, 7, Tracked::Rule, 0, 10);
        assert!(bits.is_set(7, Tracked::Rule, 9_000_000_000));
        assert!(!bits.is_set(7, Tracked::Rule, 10_000_000_000));
        assert!(!bits.is_set(8, Tracked::Rule, 0));
        bits.apply(BitOperation::Toggle, 7, Tracked::Rule, 1, 10);
        assert!(!bits.is_set(7, Tracked::Rule, 2));
    }
}
