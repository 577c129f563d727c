//! How often a signature may alert: `threshold`, `detection_filter`, and the rows of `threshold.config`.
//!
//! Counts by address or rule are kept for all workers together, for an address may have flows on any of
//! them; the lock is taken only when a signature with such a keyword has matched. Counts by flow live in
//! the flow. Windows run on packet time.

use std::collections::HashMap;
use std::net::IpAddr;

use rules::signature::{Action, RateFilter, Signature, Threshold, Track};

use crate::lineage::RuleKey;

/// Counters kept at most; beyond it windows that have ended make room, else the match alerts.
pub const ENTRY_LIMIT: usize = 1 << 16;
/// Counters that one flow keeps.
pub const FLOW_ENTRY_LIMIT: usize = 256;

/// Whose matches are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tracked {
    Host(IpAddr),
    Pair(IpAddr, IpAddr),
    Rule,
}

impl Tracked {
    /// `None` where the question has no meaning: no address, or counts that others keep (flow, transaction).
    pub fn new(track: Track, ends: (Option<IpAddr>, Option<IpAddr>)) -> Option<Self> {
        match track {
            Track::Source => ends.0.map(Tracked::Host),
            Track::Destination => ends.1.map(Tracked::Host),
            Track::Both => (ends.0.zip(ends.1)).map(|(a, b)| Tracked::Pair(a.min(b), a.max(b))),
            Track::Rule => Some(Tracked::Rule),
            Track::Flow | Track::Transaction => None,
        }
    }
}

/// What to do with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Alert,
    /// Alerts, with another action (`rate_filter`).
    Changed(Action),
    /// Matched and acts, but is not worth another alert.
    Silent,
    /// Counts as no match.
    No,
}

/// The limit of a signature that is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// `limit`: the first of a window alert.
    First {
        count: u32,
        seconds: u32,
    },
    /// `threshold`: every nth alerts.
    Every {
        count: u32,
        seconds: u32,
    },
    /// `both`: the nth of a window alerts.
    Once {
        count: u32,
        seconds: u32,
    },
    Backoff {
        count: u32,
        multiplier: u32,
    },
    Filter {
        count: u32,
        seconds: u32,
    },
    Rate(RateFilter),
}

impl Limit {
    /// What a signature counts, and by what.
    pub fn of(signature: &Signature) -> Option<(Limit, Track)> {
        if let Some(threshold) = &signature.threshold {
            return Some(match *threshold {
                Threshold::Threshold {
                    track,
                    count,
                    seconds,
                } => (Limit::Every { count, seconds }, track),
                Threshold::Limit {
                    track,
                    count,
                    seconds,
                } => (Limit::First { count, seconds }, track),
                Threshold::Both {
                    track,
                    count,
                    seconds,
                } => (Limit::Once { count, seconds }, track),
                Threshold::Backoff {
                    track,
                    count,
                    multiplier,
                } => (Limit::Backoff { count, multiplier }, track),
            });
        }
        if let Some(filter) = signature.detection_filter {
            let (count, seconds) = (filter.count, filter.seconds);
            return Some((Limit::Filter { count, seconds }, filter.track));
        }
        signature
            .rate_filter
            .map(|rate| (Limit::Rate(rate), rate.track))
    }

    fn seconds(&self) -> Option<u32> {
        match *self {
            Limit::First { seconds, .. }
            | Limit::Every { seconds, .. }
            | Limit::Once { seconds, .. }
            | Limit::Filter { seconds, .. } => Some(seconds),
            Limit::Rate(rate) => Some(rate.seconds),
            Limit::Backoff { .. } => None,
        }
    }
}

/// Matches counted so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    start_ns: i64,
    /// None: never ends (`backoff`).
    seconds: Option<u32>,
    count: u32,
    /// `backoff`: the count at which to alert next.
    next: u32,
    /// `rate_filter`: since when the other action holds.
    changed_ns: Option<i64>,
}

impl Window {
    fn new(limit: &Limit, now_ns: i64) -> Self {
        Window {
            start_ns: now_ns,
            seconds: limit.seconds(),
            count: 0,
            next: match *limit {
                Limit::Backoff { count, .. } => count.max(1),
                _ => 0,
            },
            changed_ns: None,
        }
    }

    fn ended(&self, now_ns: i64) -> bool {
        self.seconds.is_some_and(|seconds| {
            now_ns.saturating_sub(self.start_ns) > i64::from(seconds) * 1_000_000_000
        }) && self.changed_ns.is_none()
    }

    /// Counts a match and decides.
    fn count(&mut self, limit: &Limit, now_ns: i64) -> Decision {
        if let Limit::Rate(rate) = limit {
            return self.rate(rate, now_ns);
        }
        // A threshold file may have given the rule another window since.
        if self.ended(now_ns) || self.seconds != limit.seconds() {
            *self = Window::new(limit, now_ns);
        }
        self.count = self.count.saturating_add(1);
        let decide = |alert| if alert { Decision::Alert } else { Decision::No };
        match *limit {
            Limit::First { count, .. } if self.count <= count => Decision::Alert,
            Limit::First { .. } => Decision::Silent,
            Limit::Once { count, .. } if self.count > count => Decision::Silent,
            Limit::Once { count, .. } => decide(self.count == count),
            Limit::Every { count, .. } => {
                let due = self.count >= count;
                if due {
                    self.count = 0;
                }
                decide(due)
            }
            Limit::Filter { count, .. } => decide(self.count > count),
            Limit::Backoff { multiplier, .. } => {
                if self.count == self.next {
                    self.next = self.next.saturating_mul(multiplier.max(1));
                    Decision::Alert
                } else if self.count == 1 {
                    Decision::No
                } else {
                    Decision::Silent
                }
            }
            Limit::Rate(_) => Decision::Alert,
        }
    }

    fn rate(&mut self, rate: &RateFilter, now_ns: i64) -> Decision {
        if let Some(since) = self.changed_ns {
            let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
            if seconds(now_ns) - seconds(since) > i64::from(rate.timeout) {
                self.changed_ns = None;
                return Decision::Alert;
            }
            return Decision::Changed(rate.action);
        }
        if self.ended(now_ns) {
            *self = Window::new(&Limit::Rate(*rate), now_ns);
        }
        self.count = self.count.saturating_add(1);
        // The first match of all only begins the count.
        if self.count > rate.count.max(1) {
            self.changed_ns = Some(now_ns);
            return Decision::Changed(rate.action);
        }
        Decision::Alert
    }
}

/// The windows of all workers, by signature and whom it tracks.
#[derive(Debug, Default)]
pub(crate) struct Thresholds {
    windows: HashMap<(RuleKey, Tracked), Window>,
}

impl Thresholds {
    /// Counts a match of a signature and decides.
    pub fn count(
        &mut self,
        rule: RuleKey,
        limit: &Limit,
        tracked: Tracked,
        now_ns: i64,
    ) -> Decision {
        let key = (rule, tracked);
        if self.windows.len() >= ENTRY_LIMIT && !self.windows.contains_key(&key) {
            self.windows.retain(|_, window| !window.ended(now_ns));
            if self.windows.len() >= ENTRY_LIMIT {
                return Decision::Alert;
            }
        }
        self.windows
            .entry(key)
            .or_insert_with(|| Window::new(limit, now_ns))
            .count(limit, now_ns)
    }
}

/// The windows of one flow.
#[derive(Debug, Default)]
pub(crate) struct FlowThresholds {
    windows: Vec<(RuleKey, Window)>,
}

impl FlowThresholds {
    /// Counts a match of a signature and decides.
    pub fn count(&mut self, rule: RuleKey, limit: &Limit, now_ns: i64) -> Decision {
        let at = match self
            .windows
            .binary_search_by_key(&rule, |(other, _)| *other)
        {
            Ok(at) => at,
            Err(_) if self.windows.len() >= FLOW_ENTRY_LIMIT => return Decision::Alert,
            Err(at) => {
                self.windows.insert(at, (rule, Window::new(limit, now_ns)));
                at
            }
        };
        let window = &mut self.windows[at].1;
        let renewed = window.ended(now_ns);
        let decision = window.count(limit, now_ns);
        // As in Suricata: the match that begins another window of a flow is counted, and tells nothing.
        if renewed && matches!(limit, Limit::Every { count: 1, .. }) {
            window.count = 1;
            return Decision::No;
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(sid: u32) -> RuleKey {
        RuleKey::numbered(sid)
    }

    fn decisions(limit: Limit, seconds: &[i64]) -> String {
        let mut thresholds = Thresholds::default();
        seconds
            .iter()
            .map(|second| {
                match thresholds.count(rule(7), &limit, Tracked::Rule, second * 1_000_000_000) {
                    Decision::Alert => 'A',
                    Decision::Changed(_) => 'C',
                    Decision::Silent => 's',
                    Decision::No => '-',
                }
            })
            .collect()
    }

    #[test]
    fn windows() {
        let (count, seconds) = (2, 10);
        let rate = RateFilter {
            track: Track::Rule,
            count,
            seconds,
            action: Action::Drop,
            timeout: 15,
        };
        let rows = [
            (Limit::First { count, seconds }, "AAssAA"),
            (Limit::Every { count, seconds }, "-A-A-A"),
            (Limit::Once { count, seconds }, "-Ass-A"),
            (
                Limit::Backoff {
                    count: 1,
                    multiplier: 2,
                },
                "AAsAss",
            ),
            (Limit::Filter { count, seconds }, "--AA--"),
            (Limit::Rate(rate), "AACCAA"),
        ];
        for (limit, expected) in rows {
            assert_eq!(
                decisions(limit, &[0, 1, 2, 3, 20, 21]),
                expected,
                "{limit:?}"
            );
        }
    }

    #[test]
    fn another_window_begins_anew() {
        let limit = |seconds| Limit::First { count: 1, seconds };
        let mut thresholds = Thresholds::default();
        let mut count = |seconds| thresholds.count(rule(7), &limit(seconds), Tracked::Rule, 0);
        assert_eq!(count(10), Decision::Alert);
        assert_eq!(count(10), Decision::Silent);
        assert_eq!(count(60), Decision::Alert);
    }

    #[test]
    fn flows_keep_their_own_counts() {
        let limit = Limit::First {
            count: 1,
            seconds: 60,
        };
        let mut flow = FlowThresholds::default();
        assert_eq!(flow.count(rule(3), &limit, 0), Decision::Alert);
        assert_eq!(flow.count(rule(1), &limit, 0), Decision::Alert);
        assert_eq!(flow.count(rule(3), &limit, 1), Decision::Silent);
        let each = Limit::Every {
            count: 1,
            seconds: 1,
        };
        let told = [0, 1, 3, 3, 3]
            .map(|second| flow.count(rule(4), &each, second * 1_000_000_000) == Decision::Alert);
        assert_eq!(told, [true, true, false, true, true]);
    }
}
