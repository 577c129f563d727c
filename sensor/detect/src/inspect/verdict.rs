//! From matches to alerts: order, actions, thresholds, limits.

use std::net::IpAddr;

use rules::signature::{Action, RejectTo, SuppressSide, Track};

use super::{Inspector, Match};
use crate::compile::{Compiled, Reach};
use crate::engine::Engine;
use crate::lineage::RuleKey;
use crate::state::{FlowAction, FlowState};
use crate::subject::Traffic;
use crate::threshold::{Decision, Tracked};

/// Matches that became no alert, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub alerts: u64,
    /// More than the limit on one packet.
    pub over_limit: u64,
    /// Thinned out by a threshold, or not to be told.
    pub suppressed: u64,
    /// Buffers on which an evaluation used up its steps.
    pub exhausted: u64,
}

/// What the rules have decided about a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// A `pass` rule ended it.
    pub passed: bool,
    /// A `drop` or `reject` rule matched; a sensor that only listens does not carry it out.
    pub dropped: bool,
    pub reject: Option<RejectTo>,
    /// A tag wants the packet logged.
    pub tagged: bool,
}

/// A match, while it is weighed.
struct Weighed {
    action: Action,
    decision: Decision,
}

impl Inspector {
    /// Weighs the matches of a packet in their order; those that are alerts stay.
    pub(super) fn finish(&mut self, traffic: &Traffic<'_>, state: &mut FlowState) {
        for signature in self.scratch.exhausted.drain(..) {
            self.counts.exhausted += 1;
            let times = self.stopped.entry(signature).or_default();
            *times += 1;
            if *times == 1 {
                let sid = self.engine.signature(signature).sid;
                tracing::warn!(
                    sid,
                    "a rule tried so many ways to match some traffic that it was stopped there; see its pcre and relative contents"
                );
            }
        }
        let mut matches = std::mem::take(&mut self.scratch.matches);
        if !matches.is_empty() {
            // Of one rule, the latest transaction comes first.
            matches.sort_by_key(|found| {
                let transaction = found.transaction.map_or(u64::MAX, |id| u64::MAX - 1 - id);
                (found.signature, transaction)
            });
            let mut alerts = 0;
            let mut ended = false;
            matches.retain_mut(|found| {
                if ended {
                    return false;
                }
                let alert = self.weigh(found, traffic, state, alerts, &mut ended);
                alerts += usize::from(alert);
                alert
            });
            self.counts.alerts += matches.len() as u64;
            state.alerts += matches.len() as u64;
        }
        self.scratch.matches = matches;
        if !traffic.flow_end {
            self.verdict.tagged = self.is_tagged(traffic, state);
        }
    }

    /// Carries out what a match decides; true when it is an alert. `ended` is set by `pass`.
    fn weigh(
        &mut self,
        found: &mut Match,
        traffic: &Traffic<'_>,
        state: &mut FlowState,
        alerts: usize,
        ended: &mut bool,
    ) -> bool {
        let engine = std::sync::Arc::clone(&self.engine);
        let one = &engine.signatures[found.signature as usize];
        let signature = &one.signature;
        let decision = decide(&engine, one, traffic, state);
        let weighed = Weighed {
            action: match decision {
                Decision::Changed(action) => action,
                _ => signature.action,
            },
            decision,
        };
        found.changed = matches!(decision, Decision::Changed(_));
        if weighed.decision != Decision::No {
            if signature.tag.is_some() {
                self.install_tag(one, traffic, state);
            }
            self.act(&weighed, found, one, state);
        }
        let told = matches!(weighed.decision, Decision::Alert | Decision::Changed(_));
        let passes = weighed.action == Action::Pass;
        if !told || !(signature.alerts || signature.action == Action::Pass) {
            self.counts.suppressed += 1;
            return false;
        }
        if alerts >= self.alert_limit {
            self.counts.over_limit += 1;
            return false;
        }
        if passes {
            *ended = true;
            self.verdict.passed = true;
            // A rate filter that lets pass says nothing more; a pass rule speaks if it says so.
            return signature.action == Action::Pass && signature.alerts;
        }
        true
    }

    /// What an action does to packet and flow.
    fn act(&mut self, weighed: &Weighed, found: &Match, one: &Compiled, state: &mut FlowState) {
        let flow = match one.reach {
            Reach::Packet => false,
            Reach::Flow => true,
            Reach::FlowOfStream => found.in_stream,
        };
        match weighed.action {
            Action::Drop | Action::Reject => {
                self.verdict.dropped = true;
                if weighed.action == Action::Reject && self.verdict.reject.is_none() {
                    let to = one.signature.reject.unwrap_or(RejectTo::Source);
                    self.verdict.reject = Some(to);
                }
                if flow {
                    state.action.get_or_insert(FlowAction::Drop);
                }
            }
            Action::Pass if flow && !self.verdict.dropped => {
                state.action.get_or_insert(FlowAction::Pass);
            }
            Action::Pass | Action::Alert | Action::Config => {}
        }
    }
}

/// What suppressions, filters and thresholds say of a match.
fn decide(
    engine: &Engine,
    one: &Compiled,
    traffic: &Traffic<'_>,
    state: &mut FlowState,
) -> Decision {
    let Some(addresses) = traffic.packet.addresses() else {
        return Decision::Alert;
    };
    let ends = (Some(addresses.0), Some(addresses.1));
    if let Some((limit, Track::Flow)) = &one.limit
        && !is_suppressed(engine, one, ends)
    {
        let rule = RuleKey::of(&one.signature);
        return match traffic.flow {
            Some(_) => state.thresholds.count(rule, limit, traffic.now_ns),
            None => Decision::No,
        };
    }
    decide_by_address(engine, one, ends, traffic.now_ns)
}

/// The ends that a match is about; of a Sigma rule's, one or both may be none.
type Ends = (Option<IpAddr>, Option<IpAddr>);

fn is_suppressed(engine: &Engine, one: &Compiled, ends: Ends) -> bool {
    one.suppress.iter().any(|(side, set)| {
        let holds = |end: Option<IpAddr>| {
            set.is_none_or(|set| end.is_some_and(|end| engine.addresses.contains(set, end)))
        };
        match side {
            SuppressSide::Source => holds(ends.0),
            SuppressSide::Destination => holds(ends.1),
            SuppressSide::Either => holds(ends.0) || holds(ends.1),
        }
    })
}

/// What is said of a match of which nothing is known but its addresses.
fn decide_by_address(engine: &Engine, one: &Compiled, ends: Ends, now_ns: i64) -> Decision {
    if is_suppressed(engine, one, ends) {
        return Decision::Silent;
    }
    let Some((limit, track)) = &one.limit else {
        return Decision::Alert;
    };
    let Some(tracked) = Tracked::new(*track, ends) else {
        return Decision::Alert;
    };
    engine
        .thresholds
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .count(RuleKey::of(&one.signature), limit, tracked, now_ns)
}

impl Engine {
    /// Whether a match that was found otherwise (a Sigma rule's) is told: suppressions and thresholds of the
    /// signature that stands for the rule, by the ends that the match is about.
    pub fn tells(&self, index: u32, ends: (Option<IpAddr>, Option<IpAddr>), now_ns: i64) -> bool {
        self.signatures.get(index as usize).is_none_or(|one| {
            let decision = decide_by_address(self, one, ends, now_ns);
            one.signature.alerts && matches!(decision, Decision::Alert | Decision::Changed(_))
        })
    }
}
