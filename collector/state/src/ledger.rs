//! The loss ledger: per sensor, hour and class, what was made, shed, sent, stored and refused. What is
//! left over is a gap, and it is shown.

use std::collections::BTreeMap;

use sqlx::Row;

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::limits::{MAX_NAME_BYTES, MAX_SHED_REASONS};
use crate::mark::{Purpose, read_mark, write_mark};
use crate::sensor::sensor_no;
use crate::store::Store;
use crate::text::cut;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerRow {
    /// Hours since 1970.
    pub hour: i64,
    pub class: String,
    pub made: u64,
    pub shed: BTreeMap<String, u64>,
    pub sent: u64,
    pub stored: u64,
    pub rejected: u64,
}

impl LedgerRow {
    /// Records that are neither shed, nor stored, nor refused. Positive: still on the way or lost.
    /// Negative: the sensor has not told yet that it made them.
    pub fn gap(&self) -> i64 {
        let accounted: u64 = self.shed.values().sum::<u64>() + self.stored + self.rejected;
        self.made
            .cast_signed()
            .saturating_sub(accounted.cast_signed())
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
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let (no, _) = sensor_no(&mut tx, sensor_id).await?;
        for row in counts {
            sqlx::query(
                "INSERT INTO ledger (sensor_no, hour, class, epoch, made, sent)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
                 SET made = max(made, ?5), sent = max(sent, ?6)",
            )
            .bind(no)
            .bind(row.hour)
            .bind(cut(&row.class, MAX_NAME_BYTES))
            .bind(epoch.cast_signed())
            .bind(row.made.cast_signed())
            .bind(row.sent.cast_signed())
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

    /// Adds what the index committed, once: a stretch that ends at or below the mark is known already.
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
        for row in counts {
            sqlx::query(
                "INSERT INTO ledger (sensor_no, hour, class, epoch, stored, rejected)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
                 SET stored = stored + ?5, rejected = rejected + ?6",
            )
            .bind(no)
            .bind(row.hour)
            .bind(class)
            .bind(epoch.cast_signed())
            .bind(row.stored.cast_signed())
            .bind(row.rejected.cast_signed())
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

    /// The ledger of a sensor from one hour up to but without another, newest first.
    pub async fn ledger(
        &self,
        sensor_id: &str,
        from_hour: i64,
        to_hour: i64,
    ) -> Result<Vec<LedgerRow>> {
        let rows = sqlx::query(
            "SELECT hour, class, sum(made), sum(l.sent), sum(stored), sum(rejected)
             FROM ledger l JOIN sensors ON no = sensor_no
             WHERE id = ? AND hour >= ? AND hour < ? GROUP BY hour, class ORDER BY hour DESC, class",
        )
        .bind(sensor_id)
        .bind(from_hour)
        .bind(to_hour)
        .fetch_all(self.reader())
        .await?;
        let mut ledger: Vec<LedgerRow> = rows
            .iter()
            .map(|row| LedgerRow {
                hour: row.get(0),
                class: row.get(1),
                made: row.get::<i64, _>(2).unsigned_abs(),
                shed: BTreeMap::new(),
                sent: row.get::<i64, _>(3).unsigned_abs(),
                stored: row.get::<i64, _>(4).unsigned_abs(),
                rejected: row.get::<i64, _>(5).unsigned_abs(),
            })
            .collect();
        let shed = sqlx::query(
            "SELECT hour, class, reason, sum(count) FROM ledger_shed JOIN sensors ON no = sensor_no
             WHERE id = ? AND hour >= ? AND hour < ? GROUP BY hour, class, reason",
        )
        .bind(sensor_id)
        .bind(from_hour)
        .bind(to_hour)
        .fetch_all(self.reader())
        .await?;
        let mut by_row: BTreeMap<(i64, String), BTreeMap<String, u64>> = BTreeMap::new();
        for row in shed {
            by_row
                .entry((row.get(0), row.get(1)))
                .or_default()
                .insert(row.get(2), row.get::<i64, _>(3).unsigned_abs());
        }
        for row in &mut ledger {
            if let Some(shed) = by_row.remove(&(row.hour, row.class.clone())) {
                row.shed = shed;
            }
        }
        Ok(ledger)
    }
}
