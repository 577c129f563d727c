//! What a correlation has seen, kept for authors of rules only: who tries a rule on a capture wants to know how near it
//! came.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Compiled;
use super::event::Event;

/// Events that one correlation keeps; of what comes behind them only the numbers are right.
const EVENTS: usize = 200_000;

#[derive(Debug, Default)]
pub(super) struct Trace {
    /// By what the correlation names: events that stood for it.
    pub hits: Vec<u64>,
    /// Events that lack a field of `group-by`.
    pub ungrouped: u64,
    /// Events that lack the field that is computed with, or have no number in it.
    pub unvalued: u64,
    /// How often the condition held.
    pub came: u64,
    pub groups: BTreeMap<Arc<str>, TracedGroup>,
    kept: usize,
}

#[derive(Debug, Default)]
pub(super) struct TracedGroup {
    /// Grouping values as they were written.
    pub shown: Vec<String>,
    /// What came nearest to what the condition wants.
    pub nearest: Option<Measured>,
    pub events: Vec<Seen>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// How far the value is from what is wanted; none where it is reached.
    pub distance: f64,
    pub value: f64,
    /// When the window ended.
    pub at_ns: i64,
}

#[derive(Debug)]
pub(super) struct Seen {
    pub at_ns: i64,
    pub reference: usize,
    pub value: Option<String>,
}

impl Trace {
    pub fn without_group(&mut self, reference: usize) {
        self.hit(reference);
        self.ungrouped += 1;
    }

    pub fn event(&mut self, event: &Event) {
        self.hit(event.reference);
        if self.kept >= EVENTS {
            return;
        }
        self.kept += 1;
        let group = self.groups.entry(Arc::clone(&event.key)).or_default();
        if group.shown.is_empty() {
            group.shown.clone_from(&event.shown);
        }
        group.events.push(Seen {
            at_ns: event.at_ns,
            reference: event.reference,
            value: event.value.clone(),
        });
    }

    /// Notes what a group has come to; none where its event brought no value.
    pub fn measured(&mut self, compiled: &Compiled, key: &str, value: Option<f64>, at_ns: i64) {
        let Some(value) = value else {
            self.unvalued += u64::from(!compiled.is_temporal());
            return;
        };
        let distance = compiled.distance(value);
        self.came += u64::from(compiled.holds(value));
        let Some(group) = self.groups.get_mut(key) else {
            return;
        };
        if group.nearest.is_none_or(|known| distance < known.distance) {
            group.nearest = Some(Measured {
                distance,
                value,
                at_ns,
            });
        }
    }

    fn hit(&mut self, reference: usize) {
        if self.hits.len() <= reference {
            self.hits.resize(reference + 1, 0);
        }
        self.hits[reference] += 1;
    }
}
