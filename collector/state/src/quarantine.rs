//! Lines that the collector refused, with the reason. The newest are kept.

use sqlx::Row;

use crate::audit::next_before;
use crate::error::Result;
use crate::ids::UnixMillis;
use crate::limits::{MAX_COMMENT_BYTES, MAX_QUARANTINE_LINE_BYTES, MAX_QUARANTINE_ROWS};
use crate::store::{Page, Paged, Store};
use crate::text::cut;
use crate::unit::{Scope, push_scope};

/// A line that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    pub sensor_id: &'a str,
    pub epoch: u64,
    pub class: &'a str,
    pub seq: u64,
    pub reason: &'a str,
    pub line: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    pub id: i64,
    pub at: UnixMillis,
    pub sensor_id: String,
    pub sensor_name: Option<String>,
    pub epoch: u64,
    pub class: String,
    pub seq: u64,
    pub reason: String,
    /// The beginning of the line.
    pub line: String,
    pub line_bytes: u64,
}

impl Store {
    /// Keeps refused lines. A line that is there already (resent) is not kept twice.
    pub async fn quarantine(&self, lines: &[Refused<'_>], now: UnixMillis) -> Result<()> {
        let mut tx = self.write().await?;
        for refused in lines {
            let line = String::from_utf8_lossy(
                refused
                    .line
                    .get(..MAX_QUARANTINE_LINE_BYTES)
                    .unwrap_or(refused.line),
            );
            sqlx::query(
                "INSERT INTO quarantine (at, sensor_id, epoch, class, seq, reason, line, line_bytes)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(now.0)
            .bind(refused.sensor_id)
            .bind(refused.epoch.cast_signed())
            .bind(refused.class)
            .bind(refused.seq.cast_signed())
            .bind(cut(refused.reason, MAX_COMMENT_BYTES))
            .bind(line.as_ref())
            .bind(refused.line.len() as i64)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?")
            .bind(MAX_QUARANTINE_ROWS)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Refused lines of the sensors in scope, newest first.
    pub async fn quarantined(
        &self,
        scope: &Scope,
        sensor_id: Option<&str>,
        page: Page,
    ) -> Result<Paged<QuarantineRow>> {
        let from = " FROM quarantine q LEFT JOIN sensors s ON s.id = q.sensor_id WHERE 1";
        let mut count = sqlx::QueryBuilder::new("SELECT count(*)");
        let narrow = |query: &mut sqlx::QueryBuilder<sqlx::Sqlite>| {
            query.push(from);
            push_scope(query, "s.unit_id", scope);
            if let Some(id) = sensor_id {
                query.push(" AND q.sensor_id = ").push_bind(id.to_owned());
            }
        };
        narrow(&mut count);
        let total: i64 = count.build_query_scalar().fetch_one(self.reader()).await?;
        let mut query = sqlx::QueryBuilder::new(
            "SELECT q.id, at, sensor_id, s.name, q.epoch, class, seq, reason, line, line_bytes",
        );
        narrow(&mut query);
        query
            .push(" AND q.id < ")
            .push_bind(page.before.unwrap_or(i64::MAX))
            .push(" ORDER BY q.id DESC LIMIT ")
            .push_bind(page.limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let items: Vec<QuarantineRow> = rows
            .iter()
            .map(|row| QuarantineRow {
                id: row.get(0),
                at: UnixMillis(row.get(1)),
                sensor_id: row.get(2),
                sensor_name: row.get(3),
                epoch: row.get::<i64, _>(4).cast_unsigned(),
                class: row.get(5),
                seq: row.get::<i64, _>(6).cast_unsigned(),
                reason: row.get(7),
                line: row.get(8),
                line_bytes: row.get::<i64, _>(9).unsigned_abs(),
            })
            .collect();
        Ok(Paged {
            next: next_before(&items, page.limit, |row| row.id),
            items,
            total: total.unsigned_abs(),
        })
    }
}
