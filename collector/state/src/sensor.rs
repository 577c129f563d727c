//! Sensors, and what their heartbeats say.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_HEARTBEATS_PER_SENSOR, MAX_NAME_BYTES, MAX_STATS_BYTES};
use crate::link::{LinkPlan, plan_from};
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, checked_name, push_scope};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensor {
    /// A UUID, in the sensor's certificate.
    pub id: String,
    pub name: String,
    pub unit_id: UnitId,
    pub unit_name: String,
    pub hostname: String,
    pub enrolled: UnixMillis,
    pub revoked: Option<UnixMillis>,
    /// SHA-256 of the certificate issued at enrolment, if it was told.
    pub certificate: Option<String>,
    pub epoch: Option<u64>,
    pub version: Option<String>,
    pub ruleset_hash: Option<String>,
    pub remote_addr: Option<String>,
    pub connected: bool,
    /// When the last heartbeat arrived, by the collector's clock.
    pub last_heartbeat: Option<UnixMillis>,
    /// Sensor's clock minus collector's clock, transit included.
    pub clock_skew_ms: Option<i64>,
    /// The last heartbeat's statistics, JSON as the sensor sent it.
    pub stats: Option<String>,
    pub kind: SensorKind,
    /// What its spool held at the last heartbeat.
    pub spool: Option<SpoolSeen>,
    /// The newest canary that reached the inbox.
    pub canary: Option<CanaryArrived>,
    /// What it may send, where the centre sets it.
    pub link_plan: Option<LinkPlan>,
}

/// How records come from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorKind {
    /// Enrolled; delivers from its spool.
    Sensor,
    /// Sends over HTTP with a token.
    Source,
    /// The collector itself: what its own rules find.
    Collector,
}

impl SensorKind {
    pub fn name(self) -> &'static str {
        match self {
            SensorKind::Sensor => "sensor",
            SensorKind::Source => "source",
            SensorKind::Collector => "collector",
        }
    }
}

/// A sensor's spool as a heartbeat told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpoolSeen {
    pub bytes: u64,
    pub budget_bytes: u64,
    pub classes: Vec<BacklogSeen>,
    pub canary: Option<CanaryMade>,
}

/// What of a class waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacklogSeen {
    pub class: String,
    pub records: u64,
    pub last_seq: u64,
    pub sent_seq: u64,
    pub acked_seq: u64,
    pub oldest_hour: u64,
}

/// The newest canary on the sensor's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryMade {
    /// By the sensor's clock.
    pub made_ms: u64,
    /// On disk under this number or a lower one; 0: not yet.
    pub spooled_seq: u64,
    pub every_ms: u64,
}

/// A canary in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryArrived {
    /// By the sensor's clock.
    pub made: UnixMillis,
    pub arrived: UnixMillis,
}

/// A heartbeat as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct HeartbeatSeen<'a> {
    pub sensor_id: &'a str,
    pub epoch: u64,
    pub version: &'a str,
    pub ruleset_hash: &'a str,
    pub remote_addr: &'a str,
    /// The sensor's clock when it was made.
    pub sent: UnixMillis,
    pub received: UnixMillis,
    /// JSON object.
    pub stats: &'a str,
    pub spool: &'a SpoolSeen,
}

const COLUMNS: &str =
    "SELECT s.id, s.name, s.unit_id, u.name, hostname, enrolled, revoked, certificate,
    epoch, version, ruleset_hash, remote_addr, connected, last_heartbeat, clock_skew_ms, stats,
    s.kind, spool, canary_made, canary_arrived, link_plan
    FROM sensors s JOIN units u ON u.id = s.unit_id WHERE 1";

impl Store {
    /// The sensors and sources of the units in scope that are not revoked, by name.
    pub async fn sensors(&self, scope: &Scope) -> Result<Vec<Sensor>> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" AND revoked IS NULL AND s.kind <> 'collector' ORDER BY s.name, s.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(sensor_from).collect())
    }

    /// One sensor, revoked or not.
    pub async fn sensor(&self, id: &str, scope: &Scope) -> Result<Sensor> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND s.id = ").push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        let row = query
            .build()
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| StateError::not_found("sensor", id))?;
        Ok(sensor_from(&row))
    }

    /// Ids and names of all sensors in scope, revoked ones too: their records are still theirs to see.
    pub async fn sensor_names(&self, scope: &Scope) -> Result<Vec<(String, String)>> {
        let mut query = sqlx::QueryBuilder::new("SELECT id, name FROM sensors WHERE 1");
        push_scope(&mut query, "unit_id", scope);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Names a sensor, or moves it to another unit. Alert groups made before stay with the old unit.
    pub async fn update_sensor(
        &self,
        id: &str,
        name: Option<&str>,
        unit: Option<UnitId>,
    ) -> Result<()> {
        let name = name.map(|name| checked_name("name", name)).transpose()?;
        if let Some(unit) = unit {
            self.require_unit(unit).await?;
        }
        let changed = sqlx::query(
            "UPDATE sensors SET name = coalesce(?, name), unit_id = coalesce(?, unit_id)
             WHERE id = ? AND revoked IS NULL",
        )
        .bind(name)
        .bind(unit.map(|unit| unit.0))
        .bind(id)
        .execute(self.writer())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("sensor", id));
        }
        self.tell_fleet();
        Ok(())
    }

    /// Refuses the sensor's certificate from now on. What it sent stays.
    pub async fn revoke_sensor(&self, id: &str, now: UnixMillis) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE sensors SET revoked = ?, connected = 0 WHERE id = ? AND revoked IS NULL",
        )
        .bind(now.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("sensor", id));
        }
        // Its stream ends now.
        self.tell_fleet();
        Ok(())
    }

    /// Whether a sensor with this id may deliver.
    pub async fn sensor_may_deliver(&self, id: &str) -> Result<bool> {
        Ok(sqlx::query_scalar::<_, i64>(
            "SELECT 1 FROM sensors WHERE id = ? AND revoked IS NULL AND kind = 'sensor'",
        )
        .bind(id)
        .fetch_optional(self.reader())
        .await?
        .is_some())
    }

    /// Notes that the sensor's stream opened or closed.
    pub async fn sensor_connected(
        &self,
        id: &str,
        remote_addr: &str,
        connected: bool,
    ) -> Result<()> {
        sqlx::query("UPDATE sensors SET connected = ?, remote_addr = ? WHERE id = ?")
            .bind(connected)
            .bind(cut(remote_addr, MAX_NAME_BYTES))
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Keeps a heartbeat: the newest whole, and one a minute as history.
    pub async fn record_heartbeat(&self, seen: HeartbeatSeen<'_>) -> Result<()> {
        let stats = if seen.stats.len() <= MAX_STATS_BYTES {
            seen.stats
        } else {
            "{}"
        };
        let mut tx = self.write().await?;
        let no: i64 = sqlx::query_scalar(
            "UPDATE sensors SET epoch = ?, version = ?, ruleset_hash = ?, remote_addr = ?,
                 connected = 1, last_heartbeat = ?, sent = ?, clock_skew_ms = ?, stats = ?, spool = ?
             WHERE id = ? RETURNING no",
        )
        .bind(seen.epoch.cast_signed())
        .bind(cut(seen.version, MAX_NAME_BYTES))
        .bind(cut(seen.ruleset_hash, MAX_NAME_BYTES))
        .bind(cut(seen.remote_addr, MAX_NAME_BYTES))
        .bind(seen.received.0)
        .bind(seen.sent.0)
        .bind(seen.sent.0.saturating_sub(seen.received.0))
        .bind(stats)
        .bind(serde_json::to_string(seen.spool).ok())
        .bind(seen.sensor_id)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| StateError::not_found("sensor", seen.sensor_id))?;
        let minute = seen.received.0 - seen.received.0.rem_euclid(60_000);
        sqlx::query(
            "INSERT INTO heartbeats (sensor_no, at, stats) VALUES (?1, ?2, ?3)
             ON CONFLICT (sensor_no, at) DO UPDATE SET stats = ?3",
        )
        .bind(no)
        .bind(minute)
        .bind(stats)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM heartbeats WHERE sensor_no = ?1 AND at <=
             (SELECT at FROM heartbeats WHERE sensor_no = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)",
        )
        .bind(no)
        .bind(MAX_HEARTBEATS_PER_SENSOR)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The statistics of heartbeats since a time, oldest first, one a minute.
    pub async fn heartbeats(
        &self,
        id: &str,
        since: UnixMillis,
    ) -> Result<Vec<(UnixMillis, String)>> {
        let rows = sqlx::query(
            "SELECT at, h.stats FROM heartbeats h JOIN sensors ON no = sensor_no
             WHERE id = ? AND at >= ? ORDER BY at",
        )
        .bind(id)
        .bind(since.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .iter()
            .map(|row| (UnixMillis(row.get(0)), row.get(1)))
            .collect())
    }
}

/// The row number of a sensor that may deliver or once did.
pub(crate) async fn sensor_no(
    connection: &mut sqlx::SqliteConnection,
    id: &str,
) -> Result<(i64, UnitId)> {
    let row = sqlx::query("SELECT no, unit_id FROM sensors WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| StateError::not_found("sensor", id))?;
    Ok((row.get(0), UnitId(row.get(1))))
}

fn sensor_from(row: &SqliteRow) -> Sensor {
    Sensor {
        id: row.get(0),
        name: row.get(1),
        unit_id: UnitId(row.get(2)),
        unit_name: row.get(3),
        hostname: row.get(4),
        enrolled: UnixMillis(row.get(5)),
        revoked: row.get::<Option<i64>, _>(6).map(UnixMillis),
        certificate: row.get(7),
        epoch: row.get::<Option<i64>, _>(8).map(i64::cast_unsigned),
        version: row.get(9),
        ruleset_hash: row.get(10),
        remote_addr: row.get(11),
        connected: row.get(12),
        last_heartbeat: row.get::<Option<i64>, _>(13).map(UnixMillis),
        clock_skew_ms: row.get(14),
        stats: row.get(15),
        kind: match row.get(16) {
            "source" => SensorKind::Source,
            "collector" => SensorKind::Collector,
            _ => SensorKind::Sensor,
        },
        spool: row
            .get::<Option<String>, _>(17)
            .and_then(|json| serde_json::from_str(&json).ok()),
        canary: match (row.get(18), row.get(19)) {
            (Some(made), Some(arrived)) => Some(CanaryArrived {
                made: UnixMillis(made),
                arrived: UnixMillis(arrived),
            }),
            _ => None,
        },
        link_plan: row
            .get::<Option<String>, _>(20)
            .as_deref()
            .and_then(plan_from),
    }
}
