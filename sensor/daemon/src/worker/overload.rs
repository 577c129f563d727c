//! What a worker leaves out while it cannot keep up: in order, counted, and taken up again by itself.
//!
//! First the long and the encrypted flows, of which the rest tells least; then new flows but for a share of them, which are
//! looked at whole. A worker is behind when the frames that it takes have waited in the kernel's ring.

use sensor_flow::FlowId;

/// Why packets of a flow are no longer looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// The flow is long: its beginning was looked at.
    Long,
    /// The flow is in cipher: its handshake was looked at.
    Encrypted,
    /// The flow is none of the share of new flows that are looked at.
    Sampled,
}

/// Frames that have waited so long, in nanoseconds, are too many.
const BEHIND_NS: i64 = 100_000_000;
/// Frames that have waited no longer than this come as they are taken.
const CAUGHT_UP_NS: i64 = 10_000_000;
/// More is left out after this time, if what is left out has not helped.
const STEP_UP_NS: i64 = 100_000_000;
/// Less is left out after so much time without waiting.
const STEP_DOWN_NS: i64 = 2_000_000_000;
/// Of a flow with more bytes on both sides the rest is left out first.
const LONG_BYTES: u64 = 1 << 20;
/// At the last step one new flow in 2^6 is looked at.
const MAX_STEP: u32 = 7;

/// How much a worker leaves out at present.
#[derive(Debug, Default)]
pub struct Overload {
    /// 0: nothing; 1: the rest of long and encrypted flows; from 2 on: new flows but one in 2^(step - 1).
    step: u32,
    changed_ns: i64,
    /// How long frames waited then.
    waited_then_ns: i64,
    /// When frames were last seen to wait.
    waited_ns: i64,
}

impl Overload {
    /// Takes note of how long the newest frame has waited, by the clock on the wall.
    pub fn note(&mut self, waited: i64, now_ns: i64) {
        if waited > CAUGHT_UP_NS {
            self.waited_ns = now_ns;
        }
        // A clock that was set back must not hold the step for ever.
        let since = |time: i64| now_ns.saturating_sub(time).unsigned_abs();
        if waited > BEHIND_NS && self.step < MAX_STEP {
            // What waits already is worked off first: while it grows less, enough is left out.
            let grows = waited >= self.waited_then_ns;
            if self.step == 0 || grows && since(self.changed_ns) >= STEP_UP_NS.unsigned_abs() {
                self.step += 1;
                self.changed_ns = now_ns;
                self.waited_then_ns = waited;
            }
        } else if self.step > 0
            && since(self.waited_ns) >= STEP_DOWN_NS.unsigned_abs()
            && since(self.changed_ns) >= STEP_DOWN_NS.unsigned_abs()
        {
            self.step -= 1;
            self.changed_ns = now_ns;
        }
    }

    pub fn step(&self) -> u32 {
        self.step
    }

    /// Whether the rest of a flow with so many bytes on both sides is left out, from this packet on.
    pub fn sheds(
        &self,
        flow: FlowId,
        bytes: u64,
        is_new: bool,
        is_encrypted: bool,
    ) -> Option<Shed> {
        if self.step == 0 {
            return None;
        }
        if is_encrypted {
            return Some(Shed::Encrypted);
        }
        if bytes > LONG_BYTES {
            return Some(Shed::Long);
        }
        // Numbers of flows are spread evenly.
        let share = (1u64 << (self.step - 1)) - 1;
        (is_new && flow.0 & share != 0).then_some(Shed::Sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn steps_go_up_while_behind_and_down_when_calm() {
        let mut overload = Overload::default();
        let mut now = 100 * SECOND;
        overload.note(BEHIND_NS, now);
        assert_eq!(overload.step(), 0, "not yet too long");
        for expected in [1, 1, 2, 2, 3] {
            overload.note(BEHIND_NS + 1, now);
            assert_eq!(overload.step(), expected);
            now += STEP_UP_NS / 2;
        }
        // What waits grows less: enough is left out.
        overload.note(3 * BEHIND_NS, now);
        now += SECOND;
        overload.note(2 * BEHIND_NS, now);
        assert_eq!(overload.step(), 4);
        // It catches up, with frames that still wait a little: nothing changes.
        for _ in 0..100 {
            now += SECOND / 10;
            overload.note(BEHIND_NS / 2, now);
            assert_eq!(overload.step(), 4);
        }
        for expected in [4, 3, 3, 2, 2, 1, 1, 0, 0] {
            now += STEP_DOWN_NS / 2;
            overload.note(0, now);
            assert_eq!(overload.step(), expected);
        }
    }

    #[test]
    fn there_is_a_last_step_and_a_clock_set_back_does_not_hold_it() {
        let mut overload = Overload::default();
        for number in 0..100 {
            overload.note(SECOND, 1_000 * SECOND + number * STEP_UP_NS);
        }
        assert_eq!(overload.step(), MAX_STEP);
        overload.note(0, 500 * SECOND);
        assert_eq!(overload.step(), MAX_STEP - 1);
    }

    #[test]
    fn long_and_encrypted_flows_go_first_and_a_share_of_new_ones_stays() {
        let at = |step, id, bytes, is_new, is_encrypted| {
            let overload = Overload {
                step,
                ..Overload::default()
            };
            overload.sheds(FlowId(id), bytes, is_new, is_encrypted)
        };
        assert_eq!(at(0, 1, u64::MAX, true, true), None);
        assert_eq!(at(1, 1, 0, false, true), Some(Shed::Encrypted));
        assert_eq!(at(1, 1, LONG_BYTES + 1, false, false), Some(Shed::Long));
        assert_eq!(at(1, 1, LONG_BYTES, true, false), None);
        assert_eq!(at(2, 1, 0, true, false), Some(Shed::Sampled));
        assert_eq!(at(2, 2, 0, true, false), None);
        assert_eq!(at(MAX_STEP, 1, 0, false, false), None, "begun before");
        let looked_at = (0..64).filter(|id| at(MAX_STEP, *id, 0, true, false).is_none());
        assert_eq!(looked_at.count(), 1);
    }
}
