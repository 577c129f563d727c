//! What became of the records, per class and hour in which they were made.

use std::collections::BTreeMap;

use sensor_event::Class;
use serde::{Deserialize, Serialize};

/// Hours that are kept after the newest.
pub const KEPT_HOURS: u64 = 31 * 24;

/// Why a record was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The spool thread could not keep up with the workers.
    QueueFull,
    /// The spool was at its budget, and held nothing less important.
    DiskBudget,
    /// The same, while the link's budget held back what would have emptied it.
    LinkBudget,
    /// The store refused to write.
    DiskError,
    /// Longer than [`crate::Recorder::MAX_RECORD_BYTES`].
    TooLarge,
    /// Not one line.
    NotALine,
    /// The collector cannot read the batch that it was in.
    Refused,
    /// Its block of the spool could not be read back; the block is kept beside the spool.
    Damaged,
    /// It is of a kind that stays on the sensor.
    Stays,
}

impl Reason {
    pub const ALL: [Reason; 9] = [
        Reason::QueueFull,
        Reason::DiskBudget,
        Reason::LinkBudget,
        Reason::DiskError,
        Reason::TooLarge,
        Reason::NotALine,
        Reason::Refused,
        Reason::Damaged,
        Reason::Stays,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reason::QueueFull => "queue_full",
            Reason::DiskBudget => "disk_budget",
            Reason::LinkBudget => "link_budget",
            Reason::DiskError => "disk_error",
            Reason::TooLarge => "too_large",
            Reason::NotALine => "not_a_line",
            Reason::Refused => "refused",
            Reason::Damaged => "damaged",
            Reason::Stays => "stays",
        }
    }
}

/// Hour since 1970 and class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourClass {
    pub hour: u64,
    pub class: Class,
}

/// Totals of one hour and class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Handed over by the workers, whatever became of them.
    pub made: u64,
    /// Sent at least once.
    pub sent: u64,
    /// Acknowledged by the collector.
    pub acked: u64,
    pub shed: BTreeMap<Reason, u64>,
}

impl Counts {
    pub(crate) fn shed(&mut self, reason: Reason, records: u64) {
        if records > 0 {
            *self.shed.entry(reason).or_insert(0) += records;
        }
    }

    /// Nothing of it waits in the spool.
    fn is_settled(&self) -> bool {
        self.made <= self.acked + self.shed.values().sum::<u64>()
    }
}

/// All rows, each with the number of its last change.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rows: BTreeMap<HourClass, (u64, Counts)>,
    changes: u64,
}

impl Ledger {
    pub(crate) fn put(&mut self, row: HourClass, counts: Counts) {
        self.changes += 1;
        self.rows.insert(row, (self.changes, counts));
    }

    /// The counts of a row; none for one that is not there.
    pub(crate) fn counts(&self, row: HourClass) -> Counts {
        self.rows
            .get(&row)
            .map(|(_, counts)| counts.clone())
            .unwrap_or_default()
    }

    /// Rows that changed after a change number, and the number to ask with next time.
    pub fn changed_after(&self, change: u64) -> (Vec<(HourClass, Counts)>, u64) {
        let rows = self
            .rows
            .iter()
            .filter(|(_, (at, _))| *at > change)
            .map(|(row, (_, counts))| (*row, counts.clone()))
            .collect();
        (rows, self.changes)
    }

    pub fn rows(&self) -> impl Iterator<Item = (HourClass, &Counts)> {
        self.rows.iter().map(|(row, (_, counts))| (*row, counts))
    }

    /// Totals of a class over all hours.
    pub fn total(&self, class: Class) -> Counts {
        let mut total = Counts::default();
        for (_, counts) in self.rows().filter(|(row, _)| row.class == class) {
            total.made += counts.made;
            total.sent += counts.sent;
            total.acked += counts.acked;
            for (&reason, &records) in &counts.shed {
                total.shed(reason, records);
            }
        }
        total
    }

    /// Rows of hours long before this one of which nothing waits. What waits still counts, also when the
    /// clock has jumped.
    pub(crate) fn before(&self, hour: u64) -> Vec<HourClass> {
        let first_kept = hour.saturating_sub(KEPT_HOURS);
        self.rows
            .iter()
            .take_while(|(row, _)| row.hour < first_kept)
            .filter(|(_, (_, counts))| counts.is_settled())
            .map(|(row, _)| *row)
            .collect()
    }

    /// Goes on counting changes where the ledger that this one replaces stopped, so that whoever asked
    /// that one misses none: every row counts as changed.
    pub(crate) fn follow(&mut self, before: &Ledger) {
        for (at, _) in self.rows.values_mut() {
            *at += before.changes;
        }
        self.changes += before.changes;
    }

    pub(crate) fn forget(&mut self, rows: &[HourClass]) {
        for row in rows {
            self.rows.remove(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hour: u64) -> HourClass {
        HourClass {
            hour,
            class: Class::Alert,
        }
    }

    fn made(made: u64) -> Counts {
        Counts {
            made,
            ..Counts::default()
        }
    }

    #[test]
    fn only_changed_rows_are_told() {
        let mut ledger = Ledger::default();
        ledger.put(row(1), made(5));
        ledger.put(row(2), made(6));
        let (rows, change) = ledger.changed_after(0);
        assert_eq!(rows.len(), 2);
        ledger.put(row(1), made(7));
        let (rows, _) = ledger.changed_after(change);
        assert_eq!(rows, [(row(1), made(7))]);
        assert_eq!(ledger.total(Class::Alert).made, 13);
    }

    #[test]
    fn old_hours_go() {
        let mut ledger = Ledger::default();
        for hour in [0, 1, 2, 2 + KEPT_HOURS] {
            let acked = u64::from(hour != 0);
            ledger.put(row(hour), Counts { acked, ..made(1) });
        }
        let old = ledger.before(2 + KEPT_HOURS);
        assert_eq!(old, [row(1)], "what waits is kept");
        ledger.forget(&old);
        assert_eq!(ledger.rows().count(), 3);
    }

    #[test]
    fn a_ledger_that_is_read_again_tells_everything_again() {
        let mut before = Ledger::default();
        before.put(row(1), made(5));
        before.put(row(1), made(6));
        let (_, told) = before.changed_after(0);
        let mut again = Ledger::default();
        again.put(row(1), made(6));
        again.follow(&before);
        assert_eq!(again.changed_after(told).0.len(), 1);
    }
}
