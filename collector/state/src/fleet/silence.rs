//! Times in which alarms of sensors are nobody's business: somebody works there. The alarms open and close as ever and are
//! shown; nobody is told of them before the silence is over, and then only of those that are still open.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::FleetTarget;
use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_SILENCE, MAX_SILENCES};
use crate::rule_set::checked_reason;
use crate::store::Store;
use crate::unit::Scope;

#[derive(Debug, Clone)]
pub struct NewSilence {
    pub target: FleetTarget,
    pub begins: UnixMillis,
    pub ends: UnixMillis,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: i64,
    pub unit_id: Option<UnitId>,
    pub unit_name: Option<String>,
    pub sensor_id: Option<String>,
    pub sensor_name: Option<String>,
    pub begins: UnixMillis,
    pub ends: UnixMillis,
    pub reason: String,
    pub created: UnixMillis,
    pub created_by: String,
    pub ended: Option<UnixMillis>,
    pub ended_by: Option<String>,
}

impl Silence {
    pub fn holds(&self, now: UnixMillis) -> bool {
        self.ended.is_none() && self.begins <= now && now < self.ends
    }
}

const COLUMNS: &str = "SELECT l.id, l.unit_id, u.name, s.id, s.name, begins, ends, reason, created, created_by,
    ended, ended_by, coalesce(l.unit_id, s.unit_id)
    FROM silences l LEFT JOIN units u ON u.id = l.unit_id LEFT JOIN sensors s ON s.no = l.sensor_no";

/// Puts open alarms under the silences of now, and lets those speak that are under none.
pub(crate) async fn apply_silences(
    connection: &mut sqlx::SqliteConnection,
    now: UnixMillis,
) -> Result<()> {
    sqlx::query(
        "UPDATE alarms SET silence_id = (
             SELECT l.id FROM silences l LEFT JOIN units top ON top.id = l.unit_id
             JOIN units own ON own.id = alarms.unit_id
             WHERE l.begins <= ?1 AND l.ends > ?1 AND l.ended IS NULL AND alarms.sensor_no IS NOT NULL
                 AND (l.sensor_no = alarms.sensor_no OR substr(own.path, 1, length(top.path)) = top.path)
             ORDER BY l.ends DESC LIMIT 1)
         WHERE closed IS NULL",
    )
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE alarms SET loud = ? WHERE closed IS NULL AND loud IS NULL AND silence_id IS NULL",
    )
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    pub async fn create_silence(
        &self,
        new: NewSilence,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<Silence> {
        let reason = checked_reason(&new.reason)?;
        let invalid = |field, reason| Err(StateError::Invalid { field, reason });
        if new.ends <= new.begins || new.ends <= now {
            return invalid("ends", "out_of_range");
        }
        if new.ends.0 - new.begins.0 > MAX_SILENCE.as_millis() as i64 {
            return invalid("ends", "too_long");
        }
        let (unit, no) = self.fleet_target(&new.target, scope).await?;
        let mut tx = self.write().await?;
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM silences WHERE ended IS NULL AND ends > ?")
                .bind(now.0)
                .fetch_one(&mut *tx)
                .await?;
        if open >= MAX_SILENCES {
            return invalid("silence", "too_many");
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO silences (unit_id, sensor_no, begins, ends, reason, created, created_by)
             VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(unit)
        .bind(no)
        .bind(new.begins.0)
        .bind(new.ends.0)
        .bind(reason)
        .bind(now.0)
        .bind(user)
        .fetch_one(&mut *tx)
        .await?;
        apply_silences(&mut tx, now).await?;
        tx.commit().await?;
        self.silence(id, scope).await
    }

    pub async fn silence(&self, id: i64, scope: &Scope) -> Result<Silence> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" WHERE l.id = ").push_bind(id);
        let row = query.build().fetch_optional(self.reader()).await?;
        row.filter(|row| is_in_scope(row, scope))
            .map(|row| silence_from(&row))
            .ok_or_else(|| StateError::not_found("silence", id))
    }

    /// Those that hold or will, and the newest of those that are over; at most 200.
    pub async fn silences(&self, scope: &Scope, now: UnixMillis) -> Result<Vec<Silence>> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query
            .push(" ORDER BY (ended IS NULL AND ends > ")
            .push_bind(now.0)
            .push(") DESC, l.id DESC LIMIT ")
            .push_bind(MAX_SILENCES);
        let rows = query.build().fetch_all(self.reader()).await?;
        let in_scope = rows.iter().filter(|row| is_in_scope(row, scope));
        Ok(in_scope.take(200).map(silence_from).collect())
    }

    /// Sensors that are silent now: why, and until when.
    pub async fn silenced_sensors(
        &self,
        now: UnixMillis,
    ) -> Result<BTreeMap<String, (String, UnixMillis)>> {
        let rows = sqlx::query(
            "SELECT s.id, l.reason, l.ends FROM silences l LEFT JOIN units top ON top.id = l.unit_id
             JOIN sensors s ON s.revoked IS NULL JOIN units own ON own.id = s.unit_id
             WHERE l.begins <= ?1 AND l.ends > ?1 AND l.ended IS NULL
                 AND (l.sensor_no = s.no OR substr(own.path, 1, length(top.path)) = top.path)
             ORDER BY l.ends",
        )
        .bind(now.0)
        .fetch_all(self.reader())
        .await?;
        let row = |row: &SqliteRow| (row.get(0), (row.get(1), UnixMillis(row.get(2))));
        Ok(rows.iter().map(row).collect())
    }

    /// Ends a silence before its time.
    pub async fn end_silence(
        &self,
        id: i64,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<Silence> {
        self.silence(id, scope).await?;
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE silences SET ended = ?1, ended_by = ?2 WHERE id = ?3 AND ended IS NULL AND ends > ?1",
        )
        .bind(now.0)
        .bind(user)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        apply_silences(&mut tx, now).await?;
        tx.commit().await?;
        self.silence(id, scope).await
    }
}

fn is_in_scope(row: &SqliteRow, scope: &Scope) -> bool {
    scope.contains(UnitId(row.get(12)))
}

fn silence_from(row: &SqliteRow) -> Silence {
    Silence {
        id: row.get(0),
        unit_id: row.get::<Option<i64>, _>(1).map(UnitId),
        unit_name: row.get(2),
        sensor_id: row.get(3),
        sensor_name: row.get(4),
        begins: UnixMillis(row.get(5)),
        ends: UnixMillis(row.get(6)),
        reason: row.get(7),
        created: UnixMillis(row.get(8)),
        created_by: row.get(9),
        ended: row.get::<Option<i64>, _>(10).map(UnixMillis),
        ended_by: row.get(11),
    }
}
