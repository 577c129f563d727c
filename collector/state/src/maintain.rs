//! Retention: what has served its time goes, a little at a time.

use std::time::Duration;

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::store::Store;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Alert groups after their last alert.
    pub groups: Duration,
    pub audit: Duration,
    pub ledger: Duration,
    pub quarantine: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Retention {
    /// Alerts and audit for thirteen months, the rest for three.
    fn default() -> Self {
        Retention {
            groups: 400 * DAY,
            audit: 400 * DAY,
            ledger: 400 * DAY,
            quarantine: 92 * DAY,
        }
    }
}

/// Rows removed by one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    pub sessions: u64,
    pub groups: u64,
    pub audit: u64,
    pub other: u64,
}

/// Groups removed in one transaction, so that ingest is not held up.
const GROUPS_AT_ONCE: i64 = 5_000;

impl Store {
    /// Removes what is past its time. Call it every few minutes; one call does a bounded amount.
    pub async fn maintain(&self, retention: Retention, now: UnixMillis) -> Result<Maintained> {
        let before = |kept: Duration| {
            now.0
                .saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
        };
        let mut done = Maintained::default();
        let mut tx = self.write().await?;
        done.sessions = sqlx::query("DELETE FROM sessions WHERE expires <= ?")
            .bind(now.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        done.other +=
            sqlx::query("DELETE FROM sign_in_failures WHERE last < ? AND blocked_until < ?")
                .bind(before(DAY))
                .bind(now.0)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        done.other += sqlx::query("DELETE FROM enrolments WHERE expires < ?")
            .bind(before(30 * DAY))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let ledger_hour = UnixMillis(before(retention.ledger)).hour();
        // A sensor whose clock is years behind speaks of such hours now.
        done.other += sqlx::query("DELETE FROM ledger WHERE hour < ? AND updated < ?")
            .bind(ledger_hour)
            .bind(before(retention.ledger))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        done.other += sqlx::query(
            "DELETE FROM ledger_shed WHERE hour < ? AND NOT EXISTS (SELECT 1 FROM ledger l
             WHERE (l.sensor_no, l.hour, l.class, l.epoch)
                 = (ledger_shed.sensor_no, ledger_shed.hour, ledger_shed.class, ledger_shed.epoch))",
        )
        .bind(ledger_hour)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        for (table, kept) in [
            ("DELETE FROM alarms WHERE closed < ?", retention.ledger),
            (
                "DELETE FROM outbox WHERE state <> 'waiting' AND created < ?",
                retention.quarantine,
            ),
        ] {
            done.other += sqlx::query(table)
                .bind(before(kept))
                .execute(&mut *tx)
                .await?
                .rows_affected();
        }
        done.other += sqlx::query("DELETE FROM quarantine WHERE at < ?")
            .bind(before(retention.quarantine))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        // Marks of epochs that ended long ago: the sensor's spool of that epoch is gone too.
        done.other += sqlx::query(
            "DELETE FROM marks WHERE at < ?1 AND epoch <>
             (SELECT CASE s.kind WHEN 'sensor' THEN coalesce(s.epoch, marks.epoch) ELSE -1 END
              FROM sensors s WHERE s.no = sensor_no)",
        )
        .bind(before(retention.groups))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        sqlx::query(
            "UPDATE group_history SET undo_token = NULL, before = NULL
             WHERE undo_token IS NOT NULL AND at < ?",
        )
        .bind(before(DAY))
        .execute(&mut *tx)
        .await?;
        // What is remembered of signatures goes with the groups; the rules that hid some, a year after their end.
        done.other += sqlx::query("DELETE FROM verdicts WHERE at < ?")
            .bind(before(retention.groups))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        done.other += sqlx::query(
            "DELETE FROM hide_rules WHERE min(expires, coalesce(ended, expires)) < ?1
             AND NOT EXISTS (SELECT 1 FROM groups WHERE hidden_by = hide_rules.id)",
        )
        .bind(before(365 * DAY))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        done.groups = sqlx::query(
            "DELETE FROM groups WHERE id IN (SELECT id FROM groups WHERE last < ?
                 AND NOT EXISTS (SELECT 1 FROM case_groups WHERE group_id = groups.id) LIMIT ?)",
        )
        .bind(before(retention.groups))
        .bind(GROUPS_AT_ONCE)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        // The chain goes on from the hash of the newest row that leaves.
        sqlx::query(
            "UPDATE audit_anchor SET hash = coalesce(
                 (SELECT hash FROM audit WHERE at < ? ORDER BY id DESC LIMIT 1), hash)",
        )
        .bind(before(retention.audit))
        .execute(&mut *tx)
        .await?;
        done.audit = sqlx::query(
            "DELETE FROM audit WHERE id <= (SELECT id FROM audit WHERE at < ? ORDER BY id DESC LIMIT 1)",
        )
        .bind(before(retention.audit))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        // Those that are over stay for a year, to be looked up.
        done.other += sqlx::query("DELETE FROM silences WHERE ends < ?")
            .bind(before(365 * DAY))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        self.expire_orders(now).await?;
        sqlx::query("PRAGMA incremental_vacuum(2000)")
            .execute(self.writer())
            .await?;
        sqlx::query("PRAGMA optimize")
            .execute(self.writer())
            .await?;
        Ok(done)
    }
}
