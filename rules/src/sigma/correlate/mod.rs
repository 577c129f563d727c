//! Correlations over a stream of events, on the events' own time, with bounded state.
//!
//! Where the specification is silent:
//!
//! - A window slides: it spans `timespan` back from the event at hand, both ends included. Once its condition holds
//!   the group begins anew. What comes about again within `timespan` counts for correlations that name this one, and is
//!   no further alert: one burst is one alert.
//! - Conditions of `gt` and `gte` alone hold as soon as they are reached. Counts and sums that must be less than,
//!   equal to or different from something are known at the end of a window only: it begins with the group's first
//!   event and is judged once the stream's time is past it, or at the stream's end. Averages and percentiles are
//!   judged with every event.
//! - `value_percentile` with `percentile: P` compares the P-th percentile of the field's numbers. Without it, as in
//!   the specification's example, it is the share of the event's value among all values of the window, in percent.
//! - An event without one of the fields in `group-by` belongs to no group and counts nowhere. A list counts by its
//!   first value. Groups are told apart as values are compared: without case.
//! - `temporal_ordered` wants the rules' events one after the other; events of the same time count in the order
//!   in which they come.
//! - A correlation that fires is an event for those that name it, with the fields of the event that completed it.
//! - An event that comes late is put where it belongs, as long as it is within `timespan` of the newest of its group;
//!   what is older than that is counted ([`CorrelationState::late`]), and no more.
//! - Events may come from several places ([`Origin`]); what comes about tells from which.

mod event;
mod memory;
mod near;
mod trace;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ast::{CorrelationCondition, CorrelationKind};
use super::engine::RuleIndex;
use super::number::{Comparison, Scalar};
use super::record::{Record, Slot};
use event::{Event, chained, read};
use memory::{Memory, Window};
use trace::Trace;

pub use near::{CorrelationNearness, Lacking, NearestGroup};

/// Groups of one correlation.
const GROUPS: usize = 65_536;
/// Values and moments that one correlation holds over all groups.
const ENTRIES: usize = 1_000_000;
/// Moments of one group; older ones are told apart less finely.
const GROUP_ENTRIES: usize = 4_096;
/// Distinct values of one group.
pub(super) const GROUP_VALUES: usize = 65_536;
/// Places of one group that are told apart; the one that is longest ago is forgotten.
pub const ORIGINS: usize = 64;

/// Where an event comes from: a number that the caller gives, such as of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Origin(pub u32);

/// Index of a correlation in the list that the correlator was made of.
pub type CorrelationIndex = u32;

/// A correlation in terms of slots.
#[derive(Debug)]
pub(super) struct Compiled {
    pub kind: CorrelationKind,
    pub condition: CorrelationCondition,
    pub timespan_ns: i64,
    /// How many rules it names.
    pub references: usize,
    /// Names of the grouping fields, for alerts.
    pub group_by: Vec<String>,
    /// What it reads of an event that stands for its reference, by (reference, rule).
    pub inputs: HashMap<(u32, RuleIndex), Input>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    pub group: Vec<Vec<Slot>>,
    pub values: Vec<Vec<Slot>>,
}

/// Correlations, each after those that it names.
#[derive(Debug, Default)]
pub(super) struct Correlations {
    pub list: Vec<Compiled>,
    /// By rule: which references of which correlations it is.
    pub by_rule: HashMap<RuleIndex, Vec<(CorrelationIndex, u32)>>,
    pub by_correlation: HashMap<CorrelationIndex, Vec<(CorrelationIndex, u32)>>,
}

/// What correlations remember. It can be written and read again, for the same rules.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct CorrelationState {
    states: Vec<State>,
    now_ns: i64,
    /// Groups that were forgotten for want of room.
    pub forgotten: u64,
    /// Events that came too late to count.
    pub late: u64,
    /// Whether what correlations come near to is noted.
    #[serde(skip)]
    traced: bool,
}

/// A correlation has come about.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlated {
    pub correlation: CorrelationIndex,
    /// Grouping fields with their values.
    pub group: Vec<(String, String)>,
    /// What was counted or computed.
    pub value: f64,
    pub first_ns: i64,
    pub last_ns: i64,
    /// The group has been told of within `timespan`.
    pub repeated: bool,
    /// Its window has ended: no event completed it.
    pub ended: bool,
    /// Where the events came from, at most [`ORIGINS`].
    pub origins: Vec<Origin>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    groups: HashMap<Arc<str>, Group>,
    /// Groups by when they were last looked at here.
    order: VecDeque<(i64, Arc<str>)>,
    entries: usize,
    #[serde(skip)]
    trace: Option<Trace>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    first_ns: i64,
    last_ns: i64,
    /// With the newest event of each.
    origins: Vec<(Origin, i64)>,
    /// Grouping values as they were written.
    shown: Vec<String>,
    memory: Memory,
    /// Until when it needs no telling again.
    quiet_ns: i64,
}

impl CorrelationState {
    /// One that notes what correlations come near to; for authors of rules, not for days of traffic.
    pub(super) fn traced() -> CorrelationState {
        CorrelationState {
            traced: true,
            ..CorrelationState::default()
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.now_ns
    }

    fn make_ready(&mut self, correlations: usize) {
        let traced = self.traced;
        self.states.resize_with(correlations, || State {
            trace: traced.then(Trace::default),
            ..State::default()
        });
    }
}

impl Compiled {
    /// Whether it is judged at the end of a window only.
    fn waits(&self) -> bool {
        use CorrelationKind::{EventCount, ValueCount, ValueSum};
        matches!(self.kind, EventCount | ValueCount | ValueSum)
            && self.condition.comparisons.iter().any(|(comparison, _)| {
                !matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual)
            })
    }

    fn holds(&self, value: f64) -> bool {
        let value = Scalar::Real(value);
        self.condition
            .comparisons
            .iter()
            .all(|(comparison, number)| comparison.holds(value, number.scalar()))
    }

    fn memory(&self) -> Memory {
        match self.kind {
            CorrelationKind::EventCount
            | CorrelationKind::ValueSum
            | CorrelationKind::ValueAverage => Memory::Window(Window::default()),
            CorrelationKind::ValueCount => Memory::Values(HashMap::new()),
            CorrelationKind::ValuePercentile if self.condition.percentile.is_some() => {
                Memory::Numbers(VecDeque::new())
            }
            CorrelationKind::ValuePercentile => Memory::Texts(VecDeque::new()),
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                Memory::Seen(vec![None; self.references])
            }
        }
    }
}

impl Correlations {
    /// Tells of an event that a rule matched; what comes about of it is added to `out`.
    pub fn observe(
        &self,
        state: &mut CorrelationState,
        rule: RuleIndex,
        record: &Record,
        (at_ns, origin): (i64, Origin),
        out: &mut Vec<Correlated>,
    ) {
        state.make_ready(self.list.len());
        let named = self.by_rule.get(&rule).into_iter().flatten();
        let mut waiting: Vec<(CorrelationIndex, u32, Vec<Origin>)> = named
            .map(|&(index, reference)| (index, reference, vec![origin]))
            .collect();
        // Correlations name each other without circles, so that this ends.
        while let Some((index, reference, origins)) = waiting.pop() {
            let Some(compiled) = self.list.get(index as usize) else {
                continue;
            };
            let Some(input) = compiled.inputs.get(&(reference, rule)) else {
                continue;
            };
            let Some(own) = state.states.get_mut(index as usize) else {
                continue;
            };
            let Some(event) = read(input, record, reference, (at_ns, origins)) else {
                if let Some(trace) = &mut own.trace {
                    trace.without_group(reference as usize);
                }
                continue;
            };
            own.make_room(compiled, at_ns, &mut state.forgotten);
            if let Some(found) = own.event(compiled, index, event, &mut state.late) {
                let outer = self.by_correlation.get(&index).into_iter().flatten();
                waiting.extend(
                    outer.map(|&(outer, reference)| (outer, reference, found.origins.clone())),
                );
                out.push(found);
            }
        }
    }

    /// The stream's time has come to `now_ns`: judges windows that have ended.
    pub fn advance(&self, state: &mut CorrelationState, now_ns: i64, out: &mut Vec<Correlated>) {
        if now_ns <= state.now_ns {
            return;
        }
        state.now_ns = now_ns;
        state.make_ready(self.list.len());
        self.judge(state, Some(now_ns), out);
    }

    /// The stream has ended.
    pub fn finish(&self, state: &mut CorrelationState, out: &mut Vec<Correlated>) {
        self.judge(state, None, out);
    }

    /// Each correlation stands after those that it names, so that one pass is enough.
    fn judge(&self, state: &mut CorrelationState, now_ns: Option<i64>, out: &mut Vec<Correlated>) {
        for (index, compiled) in (0..).zip(&self.list) {
            let Some(own) = state
                .states
                .get_mut(index as usize)
                .filter(|_| compiled.waits())
            else {
                continue;
            };
            let mut next = out.len();
            own.judge(compiled, index, now_ns, out);
            while let Some(found) = out.get(next).cloned() {
                next += 1;
                let outer = self.by_correlation.get(&found.correlation);
                for (index, reference) in outer.into_iter().flatten() {
                    if let Some(compiled) = self.list.get(*index as usize)
                        && let Some(own) = state.states.get_mut(*index as usize)
                        && let Some(event) = chained(compiled, &found, *reference)
                    {
                        let outer = own.event(compiled, *index, event, &mut state.late);
                        out.extend(outer.map(|outer| Correlated {
                            ended: true,
                            ..outer
                        }));
                    }
                }
            }
        }
    }
}

impl State {
    fn event(
        &mut self,
        compiled: &Compiled,
        index: CorrelationIndex,
        event: Event,
        late: &mut u64,
    ) -> Option<Correlated> {
        if let Some(trace) = &mut self.trace {
            trace.event(&event);
        }
        if !self.groups.contains_key(&event.key) {
            self.order.push_back((event.at_ns, Arc::clone(&event.key)));
            self.groups.insert(
                Arc::clone(&event.key),
                Group {
                    first_ns: event.at_ns,
                    last_ns: event.at_ns,
                    origins: Vec::new(),
                    shown: event.shown.clone(),
                    memory: compiled.memory(),
                    quiet_ns: i64::MIN,
                },
            );
        }
        let group = self.groups.get_mut(&event.key)?;
        let newest = group.last_ns.max(event.at_ns);
        let since = newest.saturating_sub(compiled.timespan_ns);
        if event.at_ns < since {
            *late += 1;
            return None;
        }
        group.last_ns = newest;
        group.first_ns = group.first_ns.min(event.at_ns);
        group.comes_from(&event, since);
        let waits = compiled.waits();
        let before = group.memory.len();
        // A window that waits for its end keeps everything since its beginning.
        let since = if waits { i64::MIN } else { since };
        let value = group.memory.add(compiled, &event, since);
        self.entries = (self.entries + group.memory.len()).saturating_sub(before);
        if let Some(trace) = self.trace.as_mut().filter(|_| !waits) {
            trace.measured(compiled, &event.key, value, newest);
        }
        let value = value?;
        if waits || !compiled.holds(value) {
            return None;
        }
        let first_ns = group.memory.first_ns().unwrap_or(group.first_ns);
        let repeated = newest <= group.quiet_ns;
        if !repeated {
            group.quiet_ns = newest.saturating_add(compiled.timespan_ns);
        }
        let origins = group.origins.drain(..).map(|(origin, _)| origin).collect();
        self.entries = self.entries.saturating_sub(group.memory.len());
        group.memory = compiled.memory();
        Some(Correlated {
            correlation: index,
            group: compiled.group_by.iter().cloned().zip(event.shown).collect(),
            value,
            first_ns,
            last_ns: newest,
            repeated,
            ended: false,
            origins,
        })
    }

    /// Judges groups whose windows ended before `now_ns`, or all.
    fn judge(
        &mut self,
        compiled: &Compiled,
        index: CorrelationIndex,
        now_ns: Option<i64>,
        out: &mut Vec<Correlated>,
    ) {
        // Groups stand in the order of their beginnings, as nearly as events do.
        while let Some((begun, key)) = self.order.front() {
            if now_ns.is_some_and(|now| begun.saturating_add(compiled.timespan_ns) >= now) {
                return;
            }
            let key = Arc::clone(key);
            self.order.pop_front();
            let Some(group) = self.groups.remove(&key) else {
                continue;
            };
            self.entries = self.entries.saturating_sub(group.memory.len());
            let value = group.memory.total(compiled);
            if let Some(trace) = &mut self.trace {
                trace.measured(compiled, &key, Some(value), group.last_ns);
            }
            if compiled.holds(value) {
                out.push(Correlated {
                    correlation: index,
                    group: compiled.group_by.iter().cloned().zip(group.shown).collect(),
                    value,
                    first_ns: group.first_ns,
                    last_ns: group.last_ns,
                    repeated: false,
                    ended: true,
                    origins: group.origins.iter().map(|(origin, _)| *origin).collect(),
                });
            }
        }
    }

    /// Forgets what is too old to matter; when there is no room, what is oldest.
    fn make_room(&mut self, compiled: &Compiled, now_ns: i64, forgotten: &mut u64) {
        if compiled.waits() && self.groups.len() < GROUPS && self.entries < ENTRIES {
            return;
        }
        let since = now_ns.saturating_sub(compiled.timespan_ns);
        // A few a time, so that no event pays for all.
        for _ in 0..8 {
            let full = self.groups.len() >= GROUPS || self.entries >= ENTRIES;
            let Some((seen, key)) = self.order.pop_front() else {
                return;
            };
            let Some(group) = self.groups.get(&key) else {
                continue;
            };
            if group.last_ns > seen && !full {
                self.order.push_back((group.last_ns, key));
                continue;
            }
            let old = group.last_ns < since;
            if !old && !full {
                self.order.push_front((seen, key));
                return;
            }
            *forgotten += u64::from(!old);
            if let Some(group) = self.groups.remove(&key) {
                self.entries = self.entries.saturating_sub(group.memory.len());
            }
        }
    }
}

impl Group {
    /// Notes where an event comes from; what is older than `since` counts no more.
    fn comes_from(&mut self, event: &Event, since: i64) {
        for origin in &event.origins {
            match self.origins.iter_mut().find(|(known, _)| known == origin) {
                Some((_, at)) => *at = event.at_ns.max(*at),
                None => {
                    self.origins.retain(|(_, at)| *at >= since);
                    if self.origins.len() >= ORIGINS {
                        self.origins.swap_remove(0);
                    }
                    self.origins.push((*origin, event.at_ns));
                }
            }
        }
    }
}
