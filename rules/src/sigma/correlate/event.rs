//! An event as a correlation sees it.

use std::sync::Arc;

use super::{Compiled, Correlated, Input, Origin};
use crate::sigma::fold;
use crate::sigma::record::{Record, Slot};

/// A window that has ended is known by its group only.
pub(super) fn chained(compiled: &Compiled, found: &Correlated, reference: u32) -> Option<Event> {
    let mut key = String::new();
    let mut shown = Vec::with_capacity(compiled.group_by.len());
    for field in &compiled.group_by {
        let (_, value) = found.group.iter().find(|(name, _)| name == field)?;
        fold::push_folded(value, &mut key);
        key.push('\0');
        shown.push(value.clone());
    }
    Some(Event {
        key: key.into(),
        shown,
        reference: reference as usize,
        at_ns: found.last_ns,
        value: None,
        origins: found.origins.clone(),
    })
}

/// An event as a correlation sees it.
pub(super) struct Event {
    pub key: Arc<str>,
    pub shown: Vec<String>,
    pub reference: usize,
    pub at_ns: i64,
    /// Counted or computed with; none where the event has no such field.
    pub value: Option<String>,
    pub origins: Vec<Origin>,
}

pub(super) fn read(
    input: &Input,
    record: &Record,
    reference: u32,
    (at_ns, origins): (i64, Vec<Origin>),
) -> Option<Event> {
    let first = |slots: &[Slot]| {
        slots
            .iter()
            .flat_map(|slot| record.values(*slot))
            .find(|value| value.kind.is_value())
    };
    let mut key = String::new();
    let mut shown = Vec::with_capacity(input.group.len());
    for slots in &input.group {
        let value = first(slots)?;
        key.push_str(value.folded);
        key.push('\0');
        shown.push(value.text.to_owned());
    }
    let value = if input.values.is_empty() {
        None
    } else {
        let parts: Option<Vec<String>> = input
            .values
            .iter()
            .map(|slots| first(slots).map(|value| value.folded.to_owned()))
            .collect();
        parts.map(|parts| parts.join("\0"))
    };
    Some(Event {
        key: key.into(),
        shown,
        reference: reference as usize,
        at_ns,
        value,
        origins,
    })
}
