//! How near a correlation came that did not come about: what it names, the group that came nearest, and what that
//! lacked.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::trace::{Seen, Trace, TracedGroup};
use super::{Compiled, CorrelationIndex, CorrelationState, Correlations};
use crate::sigma::ast::CorrelationKind;
use crate::sigma::number::{Comparison, Scalar};

/// How near a correlation came.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationNearness {
    /// How often it came about.
    pub came: u64,
    /// By what it names: events of a rule, or how often a correlation came about.
    pub hits: Vec<u64>,
    /// Events that lack a field of `group-by`, and count nowhere.
    pub ungrouped: u64,
    /// Events that lack the field that is computed with, or have no number in it.
    pub unvalued: u64,
    pub groups: usize,
    pub nearest: Option<NearestGroup>,
}

/// The group that came nearest.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestGroup {
    /// Grouping fields with their values.
    pub group: Vec<(String, String)>,
    /// The best that it came to within one window.
    pub value: f64,
    /// When that was.
    pub at_ns: i64,
    pub lacking: Lacking,
}

/// Why the condition did not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Lacking {
    /// The value is not what is wanted.
    Value,
    /// Enough came, but over more time than `timespan`: this at the least.
    Time { span_ns: i64 },
    /// Of `temporal` and `temporal_ordered`: these, by their places in `rules`, were not seen in the group.
    Rules(Vec<usize>),
    /// Of `temporal_ordered`: all were seen, first in this order.
    Order(Vec<usize>),
}

impl Correlations {
    /// None where the state was not [traced](CorrelationState::traced).
    pub fn near(
        &self,
        state: &CorrelationState,
        index: CorrelationIndex,
    ) -> Option<CorrelationNearness> {
        let compiled = self.list.get(index as usize)?;
        if !state.traced {
            return None;
        }
        let empty = Trace::default();
        let traced = state.states.get(index as usize);
        let trace = traced.and_then(|own| own.trace.as_ref()).unwrap_or(&empty);
        let mut hits = trace.hits.clone();
        hits.resize(compiled.references, 0);
        // The first of equals, in the order of the groups' values.
        let groups = trace.groups.values();
        let nearest = groups.reduce(|best, own| match compiled.order(own, best) {
            Ordering::Less => own,
            Ordering::Equal | Ordering::Greater => best,
        });
        Some(CorrelationNearness {
            came: trace.came,
            hits,
            ungrouped: trace.ungrouped,
            unvalued: trace.unvalued,
            groups: trace.groups.len(),
            nearest: nearest.map(|group| NearestGroup {
                group: compiled
                    .group_by
                    .iter()
                    .cloned()
                    .zip(group.shown.iter().cloned())
                    .collect(),
                value: group.nearest.map_or(0.0, |own| own.value),
                at_ns: group
                    .nearest
                    .map(|own| own.at_ns)
                    .or_else(|| group.events.last().map(|event| event.at_ns))
                    .unwrap_or_default(),
                lacking: compiled.lacking(group),
            }),
        })
    }
}

impl Compiled {
    pub(super) fn is_temporal(&self) -> bool {
        use CorrelationKind::{Temporal, TemporalOrdered};
        matches!(self.kind, Temporal | TemporalOrdered)
    }

    /// How far a value is from what is wanted: the sum over all comparisons.
    pub(super) fn distance(&self, value: f64) -> f64 {
        let comparisons = self.condition.comparisons.iter();
        comparisons
            .filter(|(comparison, number)| !comparison.holds(Scalar::Real(value), number.scalar()))
            .map(|(comparison, number)| match comparison {
                Comparison::NotEqual => 1.0,
                _ => (number.as_f64() - value).abs().max(f64::MIN_POSITIVE),
            })
            .sum()
    }

    /// The nearer group first: by the value, then by what it has at all.
    fn order(&self, one: &TracedGroup, other: &TracedGroup) -> Ordering {
        let distance = |group: &TracedGroup| group.nearest.map_or(f64::MAX, |own| own.distance);
        let all = |group: &TracedGroup| {
            let mut bag = Bag::default();
            group.events.iter().for_each(|event| bag.add(event));
            bag.value(self)
        };
        let by_value = distance(one).total_cmp(&distance(other));
        by_value.then_with(|| all(other).total_cmp(&all(one)))
    }

    fn lacking(&self, group: &TracedGroup) -> Lacking {
        let mut events: Vec<&Seen> = group.events.iter().collect();
        // Stable: events of one time stay in the order in which they came.
        events.sort_by_key(|event| event.at_ns);
        let span_ns = match self.kind {
            _ if self.waits() => None,
            CorrelationKind::TemporalOrdered => self.ordered_span(&events),
            CorrelationKind::EventCount
            | CorrelationKind::ValueCount
            | CorrelationKind::ValueSum
            | CorrelationKind::Temporal => self.span(&events),
            CorrelationKind::ValueAverage | CorrelationKind::ValuePercentile => None,
        };
        if let Some(span_ns) = span_ns.filter(|span| *span > self.timespan_ns) {
            return Lacking::Time { span_ns };
        }
        if !self.is_temporal() {
            return Lacking::Value;
        }
        let mut seen: Vec<usize> = Vec::new();
        for event in &events {
            if !seen.contains(&event.reference) {
                seen.push(event.reference);
            }
        }
        let missing: Vec<usize> = (0..self.references)
            .filter(|reference| !seen.contains(reference))
            .collect();
        if !missing.is_empty() {
            Lacking::Rules(missing)
        } else if self.kind == CorrelationKind::TemporalOrdered {
            Lacking::Order(seen)
        } else {
            Lacking::Value
        }
    }

    /// The shortest time in which enough came, if it did at all: a window that grows until it has enough, and shrinks
    /// while it has.
    fn span(&self, events: &[&Seen]) -> Option<i64> {
        let mut bag = Bag::default();
        let mut oldest = events.iter().peekable();
        let mut shortest: Option<i64> = None;
        for event in events {
            bag.add(event);
            while self.holds(bag.value(self)) {
                let Some(first) = oldest.next() else { break };
                let span = event.at_ns.saturating_sub(first.at_ns);
                shortest = Some(shortest.map_or(span, |known| known.min(span)));
                bag.remove(first);
            }
        }
        shortest
    }

    /// The shortest time in which enough came one after the other.
    fn ordered_span(&self, events: &[&Seen]) -> Option<i64> {
        let mut begun: Vec<Option<i64>> = vec![None; self.references];
        let mut shortest: Option<i64> = None;
        for event in events {
            let since = match event.reference.checked_sub(1) {
                None => Some(event.at_ns),
                Some(before) => begun.get(before).copied().flatten(),
            };
            let (Some(since), Some(own)) = (since, begun.get_mut(event.reference)) else {
                continue;
            };
            *own = Some(since);
            if self.holds((event.reference + 1) as f64) {
                let span = event.at_ns.saturating_sub(since);
                shortest = Some(shortest.map_or(span, |known| known.min(span)));
            }
        }
        shortest
    }
}

/// Events, of which some are taken away again.
#[derive(Default)]
struct Bag<'a> {
    count: usize,
    sum: f64,
    values: HashMap<&'a str, usize>,
    references: HashMap<usize, usize>,
}

impl<'a> Bag<'a> {
    fn add(&mut self, event: &'a Seen) {
        self.count += 1;
        *self.references.entry(event.reference).or_default() += 1;
        if let Some(value) = &event.value {
            self.sum += number(value);
            *self.values.entry(value).or_default() += 1;
        }
    }

    fn remove(&mut self, event: &'a Seen) {
        self.count -= 1;
        less(&mut self.references, event.reference);
        if let Some(value) = &event.value {
            self.sum -= number(value);
            less(&mut self.values, value.as_str());
        }
    }

    fn value(&self, compiled: &Compiled) -> f64 {
        match compiled.kind {
            CorrelationKind::ValueCount => self.values.len() as f64,
            CorrelationKind::ValueSum => self.sum,
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                self.references.len() as f64
            }
            CorrelationKind::EventCount
            | CorrelationKind::ValueAverage
            | CorrelationKind::ValuePercentile => self.count as f64,
        }
    }
}

fn number(value: &str) -> f64 {
    Scalar::parse(value.trim()).map_or(0.0, Scalar::as_f64)
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}
