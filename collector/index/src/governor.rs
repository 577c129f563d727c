//! Who must go when: partitions past their days, shelves over their bytes, and, when the disk is short,
//! whatever is least worth keeping.
//!
//! A reserve of the disk is for alerts alone. Below it the oldest records go first, then no records are
//! taken any more, then those of today go, and only then the oldest alerts.

use crate::error::Result;
use crate::event::Shelf;
use crate::index::Index;
use crate::partition::PartitionKey;
use sensor_query::Day;

/// What is kept of a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShelfLimits {
    pub days: u32,
    pub bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub alerts: ShelfLimits,
    pub records: ShelfLimits,
    /// Free bytes of the disk that only alerts may use.
    pub reserve_bytes: u64,
}

impl Limits {
    pub fn of(&self, shelf: Shelf) -> ShelfLimits {
        match shelf {
            Shelf::Alerts => self.alerts,
            Shelf::Records => self.records,
        }
    }
}

/// What may be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    None,
    AlertsOnly,
}

/// What one look led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governed {
    pub dropped: Vec<PartitionKey>,
    pub pressure: Pressure,
}

/// Looks at the index and the disk, and drops what must go. `free` asks how many bytes the disk has left;
/// it is asked again after every drop. `before` is what the last look led to: records are taken again only
/// when there is a little more than the reserve.
pub fn govern(
    index: &Index,
    limits: &Limits,
    today: Day,
    before: Pressure,
    free: &dyn Fn() -> u64,
) -> Result<Governed> {
    let mut dropped = Vec::new();
    let mut drop = |key: PartitionKey| -> Result<()> {
        index.drop_partition(key)?;
        dropped.push(key);
        Ok(())
    };
    for shelf in Shelf::ALL {
        let limits = limits.of(shelf);
        let first_kept = Day(today.0 - i64::from(limits.days));
        for key in keys(index, shelf) {
            if key.day < first_kept {
                drop(key)?;
            }
        }
        if let Some(budget) = limits.bytes {
            let held = held(index, shelf);
            let mut sum: u64 = held.iter().map(|(_, bytes)| bytes).sum();
            // The newest day stays, however large.
            for (key, bytes) in held.iter().take(held.len().saturating_sub(1)) {
                if sum <= budget {
                    break;
                }
                drop(*key)?;
                sum -= bytes;
            }
        }
    }
    let reserve = limits.reserve_bytes;
    let short = |part: u64| free() < reserve / part;
    for key in keys(index, Shelf::Records) {
        if !short(1) {
            break;
        }
        if key.day < today {
            drop(key)?;
        }
    }
    let enough_again = reserve.saturating_add(reserve / 10);
    let pressure = match before {
        _ if short(1) => Pressure::AlertsOnly,
        Pressure::AlertsOnly if free() < enough_again => Pressure::AlertsOnly,
        _ => Pressure::None,
    };
    for key in keys(index, Shelf::Records) {
        if !short(4) {
            break;
        }
        drop(key)?;
    }
    for key in keys(index, Shelf::Alerts) {
        if !short(8) {
            break;
        }
        if key.day < today {
            drop(key)?;
        }
    }
    Ok(Governed { dropped, pressure })
}

/// Keys of a shelf, oldest first.
fn keys(index: &Index, shelf: Shelf) -> Vec<PartitionKey> {
    let mut keys: Vec<PartitionKey> = index
        .partitions(None, None, Some(shelf))
        .iter()
        .map(|partition| partition.key())
        .collect();
    keys.sort();
    keys
}

/// Partitions of a shelf with their bytes, oldest first.
fn held(index: &Index, shelf: Shelf) -> Vec<(PartitionKey, u64)> {
    let mut held: Vec<(PartitionKey, u64)> = index
        .partitions(None, None, Some(shelf))
        .iter()
        .map(|partition| (partition.key(), partition.bytes()))
        .collect();
    held.sort();
    held
}
