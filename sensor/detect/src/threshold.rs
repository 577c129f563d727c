//! How often a signature may alert: `threshold`, `detection_filter`, and the rows of `threshold.config`.
//!
//! Counts are kept for all workers together, for an address may have flows on any of them. The lock is
//! taken only when a signature with such a keyword has matched. Windows run on packet time.

use std::collections::HashMap;
use std::net::IpAddr;

use rules::signature::{DetectionFilter, Threshold, Track};

/// Counters kept at most; beyond it the oldest window that has ended makes room, else the match alerts.
pub const ENTRY_LIMIT: usize = 1 << 16;

/// Whose matches are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tracked {
    Host(IpAddr),
    Pair(IpAddr, IpAddr),
    Rule,
    Flow(u64),
}

impl Tracked {
    pub fn new(
        track: Track,
        source: Option<IpAddr>,
        destination: Option<IpAddr>,
        flow: Option<u64>,
    ) -> Option<Self> {
        match track {
            Track::Source => source.map(Tracked::Host),
            Track::Destination => destination.map(Tracked::Host),
            Track::Both => match (source?, destination?) {
                (a, b) if a <= b => Some(Tracked::Pair(a, b)),
                (a, b) => Some(Tracked::Pair(b, a)),
            },
            Track::Rule => Some(Tracked::Rule),
            Track::Flow => flow.map(Tracked::Flow),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Threshold,
    Filter,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start_ns: i64,
    seconds: u32,
    count: u32,
    /// `backoff`: the count at which to alert next.
    next: u32,
}

/// What to do with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Alert,
    /// Matched, but not worth another alert.
    Silent,
}

/// All windows.
#[derive(Debug, Default)]
pub(crate) struct Thresholds {
    windows: HashMap<(u32, u32, Kind, Tracked), Window>,
}

impl Thresholds {
    /// Counts a match of `threshold` and decides.
    pub fn threshold(
        &mut self,
        gid: u32,
        sid: u32,
        threshold: &Threshold,
        tracked: Tracked,
        now_ns: i64,
    ) -> Decision {
        let (count, seconds) = match *threshold {
            Threshold::Threshold { count, seconds, .. }
            | Threshold::Limit { count, seconds, .. }
            | Threshold::Both { count, seconds, .. } => (count, seconds),
            Threshold::Backoff { count, .. } => (count, u32::MAX),
        };
        let Some(window) =
            self.window((gid, sid, Kind::Threshold, tracked), seconds, count, now_ns)
        else {
            return Decision::Alert;
        };
        window.count = window.count.saturating_add(1);
        let alert = match *threshold {
            Threshold::Limit { .. } => window.count <= count,
            Threshold::Both { .. } => window.count == count,
            Threshold::Threshold { .. } => {
                let due = window.count >= count;
                if due {
                    window.count = 0;
                }
                due
            }
            Threshold::Backoff { multiplier, .. } => {
                let due = window.count == window.next;
                if due {
                    window.next = window.next.saturating_mul(multiplier.max(1));
                }
                due
            }
        };
        if alert {
            Decision::Alert
        } else {
            Decision::Silent
        }
    }

    /// Counts a match of `detection_filter`; it lets matches through once there were more than its count.
    pub fn filter(
        &mut self,
        gid: u32,
        sid: u32,
        filter: DetectionFilter,
        tracked: Tracked,
        now_ns: i64,
    ) -> Decision {
        let Some(window) = self.window(
            (gid, sid, Kind::Filter, tracked),
            filter.seconds,
            filter.count,
            now_ns,
        ) else {
            return Decision::Alert;
        };
        window.count = window.count.saturating_add(1);
        if window.count > filter.count {
            Decision::Alert
        } else {
            Decision::Silent
        }
    }

    /// The running window of a key, begun anew when it has ended.
    fn window(
        &mut self,
        key: (u32, u32, Kind, Tracked),
        seconds: u32,
        count: u32,
        now_ns: i64,
    ) -> Option<&mut Window> {
        if self.windows.len() >= ENTRY_LIMIT && !self.windows.contains_key(&key) {
            self.windows.retain(|_, window| !ended(window, now_ns));
            if self.windows.len() >= ENTRY_LIMIT {
                return None;
            }
        }
        let fresh = Window {
            start_ns: now_ns,
            seconds,
            count: 0,
            next: count.max(1),
        };
        let window = self.windows.entry(key).or_insert(fresh);
        if ended(window, now_ns) {
            *window = fresh;
        }
        Some(window)
    }
}

fn ended(window: &Window, now_ns: i64) -> bool {
    window.seconds != u32::MAX
        && now_ns.saturating_sub(window.start_ns) >= i64::from(window.seconds) * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(threshold: Threshold, seconds: &[i64]) -> Vec<bool> {
        let mut thresholds = Thresholds::default();
        seconds
            .iter()
            .map(|second| {
                thresholds.threshold(1, 1, &threshold, Tracked::Rule, second * 1_000_000_000)
                    == Decision::Alert
            })
            .collect()
    }

    #[test]
    fn windows() {
        let track = Track::Source;
        let rows = [
            (
                Threshold::Limit {
                    track,
                    count: 2,
                    seconds: 10,
                },
                [true, true, false, false, true, true],
            ),
            (
                Threshold::Threshold {
                    track,
                    count: 2,
                    seconds: 10,
                },
                [false, true, false, true, false, true],
            ),
            (
                Threshold::Both {
                    track,
                    count: 2,
                    seconds: 10,
                },
                [false, true, false, false, false, true],
            ),
            (
                Threshold::Backoff {
                    track,
                    count: 1,
                    multiplier: 2,
                },
                [true, true, false, true, false, false],
            ),
        ];
        for (threshold, expected) in rows {
            assert_eq!(
                alerts(threshold.clone(), &[0, 1, 2, 3, 20, 21]),
                expected,
                "{threshold:?}"
            );
        }
    }

    #[test]
    fn a_filter_alerts_beyond_its_count() {
        let mut thresholds = Thresholds::default();
        let filter = DetectionFilter {
            track: Track::Source,
            count: 2,
            seconds: 10,
        };
        let decisions: Vec<bool> = [0, 1, 2, 3, 20]
            .iter()
            .map(|second| {
                thresholds.filter(1, 1, filter, Tracked::Rule, second * 1_000_000_000)
                    == Decision::Alert
            })
            .collect();
        assert_eq!(decisions, [false, false, true, true, false]);
    }
}
