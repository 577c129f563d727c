//! The loss ledger: per sensor, hour and class, what was made, shed, sent, acknowledged, stored and
//! refused. What is left over is named: it waits in the sensor's spool, or went with a spool that is gone,
//! or was acknowledged here and is not stored.
//!
//! The hour is the one in which the sensor made the record, by its own clock; it is kept as it was told,
//! so that both sides speak of the same row however wrong that clock is.

use std::collections::BTreeMap;

use sqlx::Row;

use crate::error::Result;
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_LEDGER_ROWS_PER_SENSOR, MAX_NAME_BYTES, MAX_SHED_REASONS};
use crate::mark::{Purpose, read_mark, write_mark};
use crate::sensor::sensor_no;
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, push_scope};

/// The reason of records that are set to stay on their sensor.
pub const SHED_TO_STAY: &str = "stays";

/// What became of records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerCounts {
    pub made: u64,
    pub shed: BTreeMap<String, u64>,
    pub sent: u64,
    /// The sensor knows that they are stored or refused.
    pub acked: u64,
    pub stored: u64,
    pub rejected: u64,
    /// In the sensor's spool, as of its last heartbeat.
    pub waiting: u64,
    /// Waited in a spool that is gone: the sensor has begun a new one.
    pub lost_with_spool: u64,
    /// Acknowledged, and neither stored nor refused here: the collector lost them, or an older state was
    /// put back.
    pub lost_here: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerRow {
    /// Hours since 1970.
    pub hour: i64,
    pub class: String,
    pub counts: LedgerCounts,
}

/// A row with the sensor that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorLedgerRow {
    pub sensor_id: String,
    pub sensor_name: String,
    pub unit_id: UnitId,
    pub row: LedgerRow,
}

impl LedgerCounts {
    pub fn shed_total(&self) -> u64 {
        self.shed.values().sum()
    }

    /// Records that are neither shed, nor stored, nor refused. Positive: waiting or lost. Negative: the
    /// sensor has not told yet that it made them.
    pub fn gap(&self) -> i64 {
        let accounted = self.shed_total() + self.stored + self.rejected;
        self.made
            .cast_signed()
            .saturating_sub(accounted.cast_signed())
    }

    pub fn lost(&self) -> u64 {
        self.lost_with_spool + self.lost_here
    }

    pub fn add(&mut self, other: &LedgerCounts) {
        self.made += other.made;
        self.sent += other.sent;
        self.acked += other.acked;
        self.stored += other.stored;
        self.rejected += other.rejected;
        self.waiting += other.waiting;
        self.lost_with_spool += other.lost_with_spool;
        self.lost_here += other.lost_here;
        for (reason, &count) in &other.shed {
            match self.shed.get_mut(reason) {
                Some(sum) => *sum += count,
                None => {
                    self.shed.insert(reason.clone(), count);
                }
            }
        }
    }

    /// Names what is left over of one epoch.
    fn settle(&mut self, is_current_epoch: bool) {
        let unacknowledged = self.made.saturating_sub(self.shed_total() + self.acked);
        // Stored, and the sensor has not told yet that it knows.
        let known_here = (self.stored + self.rejected).saturating_sub(self.acked);
        let left = unacknowledged.saturating_sub(known_here);
        if is_current_epoch {
            self.waiting = left;
        } else {
            self.lost_with_spool = left;
        }
        self.lost_here = self.acked.saturating_sub(self.stored + self.rejected);
    }
}

/// What a sensor counted in one hour and class of an epoch; totals so far, so that a repeated
/// heartbeat changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorCounts {
    pub hour: i64,
    pub class: String,
    pub made: u64,
    pub sent: u64,
    pub acked: u64,
    pub shed: BTreeMap<String, u64>,
}

/// What the collector did with a stretch of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCounts {
    pub hour: i64,
    pub stored: u64,
    pub rejected: u64,
}

impl Store {
    /// Takes over a sensor's totals. Counts never go down.
    pub async fn record_sensor_counts(
        &self,
        sensor_id: &str,
        epoch: u64,
        counts: &[SensorCounts],
        now: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let (no, _) = sensor_no(&mut tx, sensor_id).await?;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM ledger WHERE sensor_no = ?")
            .bind(no)
            .fetch_one(&mut *tx)
            .await?;
        let room = usize::try_from(MAX_LEDGER_ROWS_PER_SENSOR - rows).unwrap_or(0);
        if room < counts.len() {
            tracing::warn!(sensor_id, "the sensor speaks of too many hours");
        }
        for row in counts.iter().take(room) {
            sqlx::query(
                "INSERT INTO ledger (sensor_no, hour, class, epoch, made, sent, acked, updated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE
                 SET made = max(made, ?5), sent = max(sent, ?6), acked = max(acked, ?7), updated = ?8",
            )
            .bind(no)
            .bind(row.hour)
            .bind(cut(&row.class, MAX_NAME_BYTES))
            .bind(epoch.cast_signed())
            .bind(row.made.cast_signed())
            .bind(row.sent.cast_signed())
            .bind(row.acked.cast_signed())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
            for (reason, count) in row.shed.iter().take(MAX_SHED_REASONS) {
                sqlx::query(
                    "INSERT INTO ledger_shed (sensor_no, hour, class, epoch, reason, count)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET count = max(count, ?6)",
                )
                .bind(no)
                .bind(row.hour)
                .bind(cut(&row.class, MAX_NAME_BYTES))
                .bind(epoch.cast_signed())
                .bind(cut(reason, MAX_NAME_BYTES))
                .bind(count.cast_signed())
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Adds what the index committed, once: a stretch that ends at or below the mark is known already. A
    /// source counts nothing itself; what came from it is what it made.
    pub async fn record_stored(
        &self,
        sensor_id: &str,
        epoch: u64,
        class: &str,
        through_seq: u64,
        counts: &[StoredCounts],
        now: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let (no, _) = sensor_no(&mut tx, sensor_id).await?;
        if through_seq <= read_mark(&mut tx, Purpose::Stored, no, epoch, class).await? {
            return Ok(());
        }
        // Who keeps no books of its own.
        let is_source: bool =
            sqlx::query_scalar("SELECT kind <> 'sensor' FROM sensors WHERE no = ?")
                .bind(no)
                .fetch_one(&mut *tx)
                .await?;
        for row in counts {
            let told = if is_source {
                row.stored + row.rejected
            } else {
                0
            };
            sqlx::query(
                "INSERT INTO ledger (sensor_no, hour, class, epoch, stored, rejected, made, sent, acked, updated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7, ?8) ON CONFLICT DO UPDATE
                 SET stored = stored + ?5, rejected = rejected + ?6,
                     made = made + ?7, sent = sent + ?7, acked = acked + ?7, updated = ?8",
            )
            .bind(no)
            .bind(row.hour)
            .bind(class)
            .bind(epoch.cast_signed())
            .bind(row.stored.cast_signed())
            .bind(row.rejected.cast_signed())
            .bind(told.cast_signed())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        write_mark(
            &mut tx,
            Purpose::Stored,
            (no, epoch, class),
            through_seq,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// What each sensor made in these hours; nothing where it told of none.
    pub async fn made_in_hours(&self, hours: &[i64]) -> Result<Vec<(String, i64, u64)>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT s.id, hour, sum(made) FROM ledger JOIN sensors s ON s.no = sensor_no
             WHERE revoked IS NULL AND hour IN (",
        );
        let mut list = query.separated(",");
        for hour in hours {
            list.push_bind(*hour);
        }
        query.push(") GROUP BY s.id, hour");
        let rows = query.build().fetch_all(self.reader()).await?;
        let made = |row: &sqlx::sqlite::SqliteRow| {
            (row.get(0), row.get(1), row.get::<i64, _>(2).unsigned_abs())
        };
        Ok(rows.iter().map(made).collect())
    }

    /// The ledger of a sensor from one hour up to but without another, newest first.
    pub async fn ledger(
        &self,
        sensor_id: &str,
        from_hour: i64,
        to_hour: i64,
    ) -> Result<Vec<LedgerRow>> {
        let rows = self
            .ledgers(&Scope::All, Some(sensor_id), from_hour, to_hour)
            .await?;
        Ok(rows.into_iter().map(|row| row.row).collect())
    }

    /// The ledgers of the sensors in scope, or of one of them, from one hour up to but without another,
    /// newest first.
    pub async fn ledgers(
        &self,
        scope: &Scope,
        sensor_id: Option<&str>,
        from_hour: i64,
        to_hour: i64,
    ) -> Result<Vec<SensorLedgerRow>> {
        let narrow = |query: &mut sqlx::QueryBuilder<sqlx::Sqlite>| {
            query.push(" AND hour >= ").push_bind(from_hour);
            query.push(" AND hour < ").push_bind(to_hour);
            if let Some(id) = sensor_id {
                query.push(" AND s.id = ").push_bind(id.to_owned());
            }
            push_scope(query, "s.unit_id", scope);
        };
        let mut shed = sqlx::QueryBuilder::new(
            "SELECT sensor_no, hour, class, l.epoch, reason, count
             FROM ledger_shed l JOIN sensors s ON s.no = sensor_no WHERE 1",
        );
        narrow(&mut shed);
        let mut shed_of: BTreeMap<(i64, i64, String, i64), BTreeMap<String, u64>> = BTreeMap::new();
        for row in shed.build().fetch_all(self.reader()).await? {
            shed_of
                .entry((row.get(0), row.get(1), row.get(2), row.get(3)))
                .or_default()
                .insert(row.get(4), row.get::<i64, _>(5).unsigned_abs());
        }
        let mut query = sqlx::QueryBuilder::new(
            "SELECT sensor_no, hour, class, l.epoch, made, l.sent, acked, stored, rejected,
                 s.id, s.name, s.unit_id, s.kind = 'source' OR l.epoch = coalesce(s.epoch, l.epoch)
             FROM ledger l JOIN sensors s ON s.no = sensor_no WHERE 1",
        );
        narrow(&mut query);
        query.push(" ORDER BY hour DESC, s.name, sensor_no, class, l.epoch");
        let mut ledger: Vec<SensorLedgerRow> = Vec::new();
        for row in query.build().fetch_all(self.reader()).await? {
            let key: (i64, i64, String, i64) = (row.get(0), row.get(1), row.get(2), row.get(3));
            let count = |column: usize| row.get::<i64, _>(column).unsigned_abs();
            let mut counts = LedgerCounts {
                made: count(4),
                shed: shed_of.remove(&key).unwrap_or_default(),
                sent: count(5),
                acked: count(6),
                stored: count(7),
                rejected: count(8),
                ..LedgerCounts::default()
            };
            counts.settle(row.get(12));
            let sensor_id: String = row.get(9);
            match ledger.last_mut() {
                Some(last)
                    if last.sensor_id == sensor_id
                        && last.row.hour == key.1
                        && last.row.class == key.2 =>
                {
                    last.row.counts.add(&counts);
                }
                _ => ledger.push(SensorLedgerRow {
                    sensor_id,
                    sensor_name: row.get(10),
                    unit_id: UnitId(row.get(11)),
                    row: LedgerRow {
                        hour: key.1,
                        class: key.2,
                        counts,
                    },
                }),
            }
        }
        Ok(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_has_a_name() {
        // made, shed, acked, stored, rejected, current → waiting, lost with spool, lost here
        let rows = [
            ((10, 0, 10, 10, 0, true), (0, 0, 0)),
            ((10, 2, 5, 5, 0, true), (3, 0, 0)),
            ((10, 2, 5, 6, 1, true), (1, 0, 0)),
            ((10, 2, 5, 5, 0, false), (0, 3, 0)),
            ((10, 0, 10, 7, 1, true), (0, 0, 2)),
            ((0, 0, 0, 4, 0, true), (0, 0, 0)),
        ];
        for ((made, shed, acked, stored, rejected, current), expected) in rows {
            let mut counts = LedgerCounts {
                made,
                shed: [("disk_budget".to_owned(), shed)].into(),
                acked,
                stored,
                rejected,
                ..LedgerCounts::default()
            };
            counts.settle(current);
            let named = (counts.waiting, counts.lost_with_spool, counts.lost_here);
            assert_eq!(named, expected, "{counts:?}");
            let gap = counts.waiting + counts.lost();
            assert_eq!(counts.gap().max(0).unsigned_abs(), gap, "{counts:?}");
        }
    }
}
