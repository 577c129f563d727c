//! Sensors that are there twice. A program makes a number by chance when it starts and tells it with every greeting. A number
//! that was followed by another does not come back, unless two machines speak with one certificate, each in turn.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::{MAX_INSTANCES_PER_SENSOR, MAX_NAME_BYTES, TWIN_MEMORY};
use crate::store::Store;
use crate::text::cut;

/// A returned number may be a greeting that was late once; twice it is not.
const RETURNS: i64 = 2;

/// What a sensor says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting<'a> {
    pub sensor_id: &'a str,
    /// 0: its version makes none.
    pub instance: u64,
    pub hostname: &'a str,
    pub remote_addr: &'a str,
}

/// A program that spoke with a sensor's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    pub hostname: String,
    pub remote_addr: String,
    pub first: UnixMillis,
    pub last: UnixMillis,
}

/// A sensor that is there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    pub sensor_id: String,
    pub seen: UnixMillis,
    /// Newest first.
    pub instances: Vec<Instance>,
}

impl Store {
    /// Notes who spoke. Whoever was told to start again, and is another now, has done so.
    pub async fn greeted(&self, greeting: &Greeting<'_>, now: UnixMillis) -> Result<()> {
        if greeting.instance == 0 {
            return Ok(());
        }
        let instance = greeting.instance.cast_signed();
        let mut tx = self.write().await?;
        let row =
            sqlx::query("SELECT no, instance, twin_returns, twin_seen FROM sensors WHERE id = ?")
                .bind(greeting.sensor_id)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or_else(|| StateError::not_found("sensor", greeting.sensor_id))?;
        let no: i64 = row.get(0);
        let newest: Option<i64> = row.get(1);
        let known: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM sensor_instances WHERE sensor_no = ? AND instance = ?",
        )
        .bind(no)
        .bind(instance)
        .fetch_optional(&mut *tx)
        .await?;
        if newest != Some(instance) && known.is_some() {
            let is_recent = row
                .get::<Option<i64>, _>(3)
                .is_some_and(|seen| now.0 - seen <= TWIN_MEMORY.as_millis() as i64);
            let returns = if is_recent { row.get::<i64, _>(2) } else { 0 };
            sqlx::query("UPDATE sensors SET twin_returns = ?, twin_seen = ? WHERE no = ?")
                .bind(returns.saturating_add(1))
                .bind(now.0)
                .bind(no)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query(
            "INSERT INTO sensor_instances (sensor_no, instance, hostname, remote_addr, first, last)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT (sensor_no, instance) DO UPDATE SET remote_addr = ?4, last = ?5",
        )
        .bind(no)
        .bind(instance)
        .bind(cut(greeting.hostname, MAX_NAME_BYTES))
        .bind(cut(greeting.remote_addr, MAX_NAME_BYTES))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM sensor_instances WHERE sensor_no = ?1 AND instance NOT IN
             (SELECT instance FROM sensor_instances WHERE sensor_no = ?1 ORDER BY last DESC LIMIT ?2)",
        )
        .bind(no)
        .bind(MAX_INSTANCES_PER_SENSOR)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE sensors SET instance = ? WHERE no = ?")
            .bind(instance)
            .bind(no)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE sensor_orders SET state = 'done', changed = ? WHERE sensor_id = ? AND kind = 'restart'
             AND is_open AND instance IS NOT NULL AND instance <> ?",
        )
        .bind(now.0)
        .bind(greeting.sensor_id)
        .bind(instance)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sensors that have been there twice since a moment.
    pub async fn twins(&self, since: UnixMillis) -> Result<Vec<Twin>> {
        let rows = sqlx::query(
            "SELECT no, id, twin_seen FROM sensors
             WHERE twin_returns >= ? AND twin_seen >= ? AND revoked IS NULL ORDER BY no",
        )
        .bind(RETURNS)
        .bind(since.0)
        .fetch_all(self.reader())
        .await?;
        let mut twins = Vec::with_capacity(rows.len());
        for row in &rows {
            let instances = sqlx::query(
                "SELECT hostname, remote_addr, first, last FROM sensor_instances WHERE sensor_no = ?
                 ORDER BY last DESC LIMIT 4",
            )
            .bind(row.get::<i64, _>(0))
            .fetch_all(self.reader())
            .await?;
            twins.push(Twin {
                sensor_id: row.get(1),
                seen: UnixMillis(row.get(2)),
                instances: instances
                    .iter()
                    .map(|row| Instance {
                        hostname: row.get(0),
                        remote_addr: row.get(1),
                        first: UnixMillis(row.get(2)),
                        last: UnixMillis(row.get(3)),
                    })
                    .collect(),
            });
        }
        Ok(twins)
    }
}
