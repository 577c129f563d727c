//! Who must go when: partitions past their days, shelves over their bytes, and, when the disk is short,
//! whatever is least worth keeping.
//!
//! A reserve of the disk is for alerts alone. Below it the oldest records go first, then no records are
//! taken any more, then those of today go, and only then the oldest alerts.

use crate::error::Result;
use crate::event::Shelf;
use crate::index::Index;
use crate::partition::{Partition, PartitionId, Standing};
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

/// Whether there is an archive that partitions go to before they are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archiving {
    Off,
    On,
}

/// Why a partition had to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Past its days, or over its shelf's bytes.
    Retention,
    /// The disk is at its reserve.
    Disk,
}

/// A partition that had to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    pub id: PartitionId,
    pub cause: Cause,
    pub events: u64,
    pub bytes: u64,
}

/// What one look led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governed {
    pub dropped: Vec<Dropped>,
    /// What is to go to the archive now, oldest first; it stays until it has gone there.
    pub due: Vec<PartitionId>,
    pub pressure: Pressure,
}

/// Looks at the index and the disk, and drops what must go. `free` asks how many bytes the disk has left;
/// it is asked again after every drop. `before` is what the last look led to: records are taken again only
/// when there is a little more than the reserve.
///
/// With an archive, retention drops nothing, but names what is due; so does a disk that comes near its reserve. At the
/// reserve what came back from the archive goes first, and then what is not archived yet goes as it would without one.
pub fn govern(
    index: &Index,
    limits: &Limits,
    today: Day,
    before: Pressure,
    archiving: Archiving,
    free: &dyn Fn() -> u64,
) -> Result<Governed> {
    let mut governed = Governed {
        dropped: Vec::new(),
        due: Vec::new(),
        pressure: Pressure::None,
    };
    for shelf in Shelf::ALL {
        for id in past_retention(index, limits, shelf, today) {
            match archiving {
                Archiving::On => governed.due.push(id),
                Archiving::Off => governed.drop(index, id, Cause::Retention)?,
            }
        }
    }
    let reserve = limits.reserve_bytes;
    let short = |part: u64| free() < reserve / part;
    for id in recalled(index) {
        if !short(1) {
            break;
        }
        governed.drop(index, id, Cause::Disk)?;
    }
    for id in ids(index, Shelf::Records) {
        if !short(1) {
            break;
        }
        if id.key.day < today {
            governed.drop(index, id, Cause::Disk)?;
        }
    }
    let enough_again = reserve.saturating_add(reserve / 10);
    governed.pressure = match before {
        _ if short(1) => Pressure::AlertsOnly,
        Pressure::AlertsOnly if free() < enough_again => Pressure::AlertsOnly,
        _ => Pressure::None,
    };
    for id in ids(index, Shelf::Records) {
        if !short(4) {
            break;
        }
        governed.drop(index, id, Cause::Disk)?;
    }
    for id in ids(index, Shelf::Alerts) {
        if !short(8) {
            break;
        }
        if id.key.day < today {
            governed.drop(index, id, Cause::Disk)?;
        }
    }
    // Room is made in time: the oldest day of records goes to the archive before the reserve is reached.
    if archiving == Archiving::On && free() < reserve.saturating_add(reserve / 2) {
        let oldest = ids(index, Shelf::Records).into_iter().next();
        governed.due.extend(oldest.filter(|id| id.key.day < today));
    }
    let dropped: Vec<PartitionId> = governed.dropped.iter().map(|one| one.id).collect();
    governed.due.retain(|id| !dropped.contains(id));
    governed.due.dedup();
    Ok(governed)
}

impl Governed {
    fn drop(&mut self, index: &Index, id: PartitionId, cause: Cause) -> Result<()> {
        let all = index.partitions(None, None, Some(id.key.shelf));
        let partition = all.iter().find(|partition| partition.id() == id);
        let events = partition.and_then(|partition| partition.searcher().ok());
        self.dropped.push(Dropped {
            id,
            cause,
            // One that cannot be opened any more has none to lose.
            events: events.map_or(0, |searcher| searcher.num_docs()),
            bytes: partition.map_or(0, |partition| partition.bytes()),
        });
        index.drop_partition(id)
    }
}

/// What of a shelf is past its days, or over its bytes.
fn past_retention(index: &Index, limits: &Limits, shelf: Shelf, today: Day) -> Vec<PartitionId> {
    let limits = limits.of(shelf);
    let first_kept = Day(today.0 - i64::from(limits.days));
    let held = held(index, shelf);
    let mut sum: u64 = held.iter().map(|(_, bytes)| bytes).sum();
    let newest = held.len().saturating_sub(1);
    let mut past = Vec::new();
    for (place, (id, bytes)) in held.into_iter().enumerate() {
        let over = limits.bytes.is_some_and(|budget| sum > budget);
        // The newest day stays, however large.
        if id.key.day < first_kept || over && place < newest {
            past.push(id);
            sum -= bytes;
        }
    }
    past
}

/// Partitions of a shelf, oldest first, without those that came back from the archive.
fn ids(index: &Index, shelf: Shelf) -> Vec<PartitionId> {
    let partitions = index.partitions(None, None, Some(shelf));
    let mut ids: Vec<PartitionId> = partitions.iter().map(|one| one.id()).collect();
    ids.retain(|id| !matches!(id.standing, Standing::Recalled(_)));
    ids.sort();
    ids
}

/// Those that came back from the archive, the earliest first.
fn recalled(index: &Index) -> Vec<PartitionId> {
    let partitions = index.partitions(None, None, None);
    let back = partitions.iter().filter(|one| one.is_recalled());
    let mut ids: Vec<PartitionId> = back.map(|one| one.id()).collect();
    ids.sort_by_key(|id| id.standing);
    ids
}

/// Partitions of a shelf with their bytes, oldest first.
fn held(index: &Index, shelf: Shelf) -> Vec<(PartitionId, u64)> {
    let partitions = index.partitions(None, None, Some(shelf));
    let ours = partitions.iter().filter(|one| !one.is_recalled());
    let mut held: Vec<(PartitionId, u64)> = ours
        .map(|one: &std::sync::Arc<Partition>| (one.id(), one.bytes()))
        .collect();
    held.sort();
    held
}
