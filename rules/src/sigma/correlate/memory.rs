//! What one group remembers: moments, values, and which rules were seen.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Compiled, Event, GROUP_ENTRIES, GROUP_VALUES};
use crate::sigma::ast::CorrelationKind;
use crate::sigma::number::Scalar;

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Memory {
    Window(Window),
    Values(HashMap<Box<str>, i64>),
    Numbers(VecDeque<(i64, f64)>),
    Texts(VecDeque<(i64, Box<str>)>),
    /// When each reference was last seen; in order: when a chain that has come so far began.
    Seen(Vec<Option<i64>>),
}

/// Moments with counts and sums.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    count: u64,
    sum: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Entry {
    at_ns: i64,
    count: u64,
    sum: f64,
}

impl Memory {
    pub(super) fn len(&self) -> usize {
        match self {
            Memory::Window(window) => window.entries.len(),
            Memory::Values(values) => values.len(),
            Memory::Numbers(numbers) => numbers.len(),
            Memory::Texts(texts) => texts.len(),
            Memory::Seen(_) => 1,
        }
    }

    pub(super) fn first_ns(&self) -> Option<i64> {
        match self {
            Memory::Window(window) => window.entries.front().map(|entry| entry.at_ns),
            Memory::Values(values) => values.values().min().copied(),
            Memory::Numbers(numbers) => numbers.front().map(|(at, _)| *at),
            Memory::Texts(texts) => texts.front().map(|(at, _)| *at),
            Memory::Seen(seen) => seen.iter().flatten().min().copied(),
        }
    }

    /// Takes an event; what has come of it, unless it does not count.
    pub(super) fn add(&mut self, compiled: &Compiled, event: &Event, since: i64) -> Option<f64> {
        let at_ns = event.at_ns;
        match self {
            Memory::Window(window) => {
                let sum = match compiled.kind {
                    CorrelationKind::EventCount => 0.0,
                    _ => Scalar::parse(event.value.as_deref()?.trim())?.as_f64(),
                };
                window.forget(since);
                window.push(at_ns, sum);
                Some(self.total(compiled))
            }
            Memory::Values(values) => {
                let value = event.value.as_deref()?;
                if values.len() >= GROUP_VALUES && !values.contains_key(value) {
                    values.retain(|_, last| *last >= since);
                }
                if values.len() < GROUP_VALUES || values.contains_key(value) {
                    let last = values.entry(value.into()).or_insert(at_ns);
                    *last = at_ns.max(*last);
                }
                // Counting anew is needed only where enough are there to matter.
                let least = compiled
                    .condition
                    .comparisons
                    .iter()
                    .map(|(_, number)| number.as_f64())
                    .fold(f64::MAX, f64::min);
                if (values.len() as f64) >= least {
                    values.retain(|_, last| *last >= since);
                }
                Some(values.len() as f64)
            }
            Memory::Numbers(numbers) => {
                let value = Scalar::parse(event.value.as_deref()?.trim())?.as_f64();
                while numbers.len() >= GROUP_ENTRIES
                    || numbers.front().is_some_and(|(at, _)| *at < since)
                {
                    numbers.pop_front();
                }
                let place = numbers.partition_point(|(at, _)| *at <= at_ns);
                numbers.insert(place, (at_ns, value));
                Some(self.total(compiled))
            }
            Memory::Texts(texts) => {
                let value: Box<str> = event.value.as_deref()?.into();
                while texts.len() >= GROUP_ENTRIES
                    || texts.front().is_some_and(|(at, _)| *at < since)
                {
                    texts.pop_front();
                }
                let place = texts.partition_point(|(at, _)| *at <= at_ns);
                texts.insert(place, (at_ns, value));
                Some(self.total(compiled))
            }
            Memory::Seen(seen) => {
                if compiled.kind == CorrelationKind::TemporalOrdered {
                    let begun = match event.reference.checked_sub(1) {
                        None => Some(at_ns),
                        Some(before) => seen
                            .get(before)
                            .copied()
                            .flatten()
                            .filter(|begun| *begun >= since),
                    };
                    let begun = begun?;
                    *seen.get_mut(event.reference)? = Some(begun);
                    return Some((event.reference + 1) as f64);
                }
                let last = seen.get_mut(event.reference)?;
                *last = (*last).max(Some(at_ns));
                let count = seen.iter().flatten().filter(|at| **at >= since).count();
                Some(count as f64)
            }
        }
    }

    pub(super) fn total(&self, compiled: &Compiled) -> f64 {
        match self {
            Memory::Window(window) => match compiled.kind {
                CorrelationKind::ValueSum => window.sum,
                CorrelationKind::ValueAverage => window.sum / (window.count.max(1) as f64),
                _ => window.count as f64,
            },
            Memory::Values(values) => values.len() as f64,
            Memory::Numbers(numbers) => {
                let mut sorted: Vec<f64> = numbers.iter().map(|(_, value)| *value).collect();
                sorted.sort_by(f64::total_cmp);
                percentile(&sorted, compiled.condition.percentile.unwrap_or(50.0))
            }
            Memory::Texts(texts) => {
                let Some((_, last)) = texts.back() else {
                    return 0.0;
                };
                let same = texts.iter().filter(|(_, text)| text == last).count();
                100.0 * same as f64 / texts.len() as f64
            }
            Memory::Seen(seen) => seen.iter().flatten().count() as f64,
        }
    }
}

impl Window {
    fn forget(&mut self, since: i64) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.at_ns < since) {
            self.count -= entry.count;
            self.sum -= entry.sum;
            self.entries.pop_front();
        }
    }

    fn push(&mut self, at_ns: i64, sum: f64) {
        if self.entries.len() >= GROUP_ENTRIES {
            self.halve();
        }
        self.count += 1;
        self.sum += sum;
        let place = self.entries.partition_point(|entry| entry.at_ns <= at_ns);
        let entry = Entry {
            at_ns,
            count: 1,
            sum,
        };
        self.entries.insert(place, entry);
    }

    /// Neighbours become one, with the later one's time, so that nothing is forgotten too early.
    fn halve(&mut self) {
        let mut halved = VecDeque::with_capacity(GROUP_ENTRIES);
        while let Some(first) = self.entries.pop_front() {
            halved.push_back(match self.entries.pop_front() {
                Some(second) => Entry {
                    at_ns: second.at_ns,
                    count: first.count + second.count,
                    sum: first.sum + second.sum,
                },
                None => first,
            });
        }
        self.entries = halved;
    }
}

/// Between neighbours in proportion, as spreadsheets do.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = percent / 100.0 * last as f64;
    let below = rank.floor() as usize;
    let (Some(low), Some(high)) = (sorted.get(below), sorted.get((below + 1).min(last))) else {
        return 0.0;
    };
    low + (high - low) * rank.fract()
}
