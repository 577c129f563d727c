//! Alerts → groups, exactly once.

use std::net::IpAddr;

use sqlx::Row;

use super::{SPARK_HOURS, Status, add_to_spark, read_spark, risk, write_spark};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnixMillis, address_bytes};
use crate::mark::{Purpose, read_mark, write_mark};
use crate::store::Store;
use crate::text::{cut, fold};

/// Bytes of a signature's text that are kept.
const MAX_TEXT_BYTES: usize = 1_024;

/// An alert, as far as groups are concerned.
#[derive(Debug, Clone)]
pub struct AlertSeen<'a> {
    pub seq: u64,
    /// Id of the event in the index.
    pub id: &'a str,
    pub at: UnixMillis,
    pub gid: u32,
    pub sid: u32,
    pub signature: &'a str,
    pub category: &'a str,
    pub severity: u8,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub app_proto: Option<&'a str>,
    pub technique: Option<&'a str>,
}

/// Alerts of one stream, in the order of their numbers.
#[derive(Debug, Clone)]
pub struct AlertBatch<'a> {
    pub sensor_id: &'a str,
    pub epoch: u64,
    pub class: &'a str,
    /// The stream is dealt with through this number.
    pub through_seq: u64,
    pub alerts: &'a [AlertSeen<'a>],
}

/// What an alert did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedAlert {
    /// Place within the batch.
    pub index: usize,
    pub group: GroupId,
    pub unit: crate::ids::UnitId,
    /// The group is new.
    pub new: bool,
}

impl Store {
    /// Counts the alerts of a batch that this store does not contain yet, and moves its mark, in one
    /// transaction. An alert in a group that was closed as true makes it new again; one that was closed as false
    /// or benign stays closed.
    ///
    /// # Errors
    /// When the sensor is unknown, or the database fails; then nothing is counted.
    pub async fn apply_alerts(
        &self,
        batch: AlertBatch<'_>,
        now: UnixMillis,
    ) -> Result<Vec<AppliedAlert>> {
        let mut tx = self.write().await?;
        let sensor = sqlx::query("SELECT no, unit_id FROM sensors WHERE id = ?")
            .bind(batch.sensor_id)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| StateError::not_found("sensor", batch.sensor_id))?;
        let (sensor_no, unit): (i64, i64) = (sensor.get(0), sensor.get(1));
        let mark = read_mark(
            &mut tx,
            Purpose::Groups,
            sensor_no,
            batch.epoch,
            batch.class,
        )
        .await?;
        let mut applied = Vec::new();
        for (index, alert) in batch
            .alerts
            .iter()
            .enumerate()
            .filter(|(_, alert)| alert.seq > mark)
        {
            let signature = signature_id(&mut tx, alert).await?;
            let (group, new) = count(&mut tx, unit, signature, alert, now).await?;
            sqlx::query(
                "INSERT INTO group_sensors (group_id, sensor_no, count) VALUES (?, ?, 1)
                 ON CONFLICT (group_id, sensor_no) DO UPDATE SET count = count + 1",
            )
            .bind(group)
            .bind(sensor_no)
            .execute(&mut *tx)
            .await?;
            applied.push(AppliedAlert {
                index,
                group: GroupId(group),
                unit: crate::ids::UnitId(unit),
                new,
            });
        }
        write_mark(
            &mut tx,
            Purpose::Groups,
            (sensor_no, batch.epoch, batch.class),
            batch.through_seq,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(applied)
    }
}

async fn signature_id(
    connection: &mut sqlx::SqliteConnection,
    alert: &AlertSeen<'_>,
) -> Result<i64> {
    let text = cut(alert.signature, MAX_TEXT_BYTES);
    Ok(sqlx::query_scalar(
        "INSERT INTO signatures (gid, sid, signature, category, severity, technique, folded, alerts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
         ON CONFLICT (sid, gid) DO UPDATE SET signature = ?3, category = ?4, severity = ?5,
             technique = coalesce(?6, technique), folded = ?7, alerts = alerts + 1
         RETURNING id",
    )
    .bind(i64::from(alert.gid))
    .bind(i64::from(alert.sid))
    .bind(text)
    .bind(cut(alert.category, MAX_TEXT_BYTES))
    .bind(i64::from(alert.severity))
    .bind(alert.technique.map(|technique| cut(technique, 32)))
    .bind(fold(text))
    .fetch_one(connection)
    .await?)
}

/// Adds one alert to its group; tells the group, and whether it is new.
async fn count(
    connection: &mut sqlx::SqliteConnection,
    unit: i64,
    signature: i64,
    alert: &AlertSeen<'_>,
    now: UnixMillis,
) -> Result<(i64, bool)> {
    let (source, destination) = (
        address_bytes(alert.source),
        address_bytes(alert.destination),
    );
    let severity = i64::from(alert.severity.clamp(1, 4));
    let known = sqlx::query(
        "SELECT id, count, status, verdict, spark_hour, spark, last FROM groups
         WHERE signature_id = ? AND src = ? AND dest = ? AND unit_id = ?",
    )
    .bind(signature)
    .bind(&source[..])
    .bind(&destination[..])
    .bind(unit)
    .fetch_optional(&mut *connection)
    .await?;
    let hour = alert.at.hour();
    let Some(row) = known else {
        let mut hours = vec![0; SPARK_HOURS];
        add_to_spark(&mut hours, hour, hour, 1);
        let id = sqlx::query_scalar(
            "INSERT INTO groups (unit_id, signature_id, src, dest, severity, risk, count, first, last, created, status,
                 app_proto, badges, latest_alert, spark_hour, spark)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7, ?8, ?9, ?10, '[]', ?11, ?12, ?13) RETURNING id",
        )
        .bind(unit)
        .bind(signature)
        .bind(&source[..])
        .bind(&destination[..])
        .bind(severity)
        .bind(risk(severity, 1))
        .bind(alert.at.0)
        .bind(now.0)
        .bind(Status::New.number())
        .bind(alert.app_proto)
        .bind(alert.id)
        .bind(hour)
        .bind(write_spark(&hours))
        .fetch_one(connection)
        .await?;
        return Ok((id, true));
    };
    let id: i64 = row.get(0);
    let total = row.get::<i64, _>(1) + 1;
    let verdict: Option<String> = row.get(3);
    let mut status = Status::from_number(row.get(2));
    if status == Status::Closed && verdict.as_deref() == Some(super::Verdict::TruePositive.name()) {
        status = Status::New;
    }
    let mut hours = read_spark(row.get::<&[u8], _>(5));
    let end = add_to_spark(&mut hours, row.get(4), hour, 1);
    sqlx::query(
        "UPDATE groups SET count = ?2, severity = min(severity, ?3), risk = ?4, first = min(first, ?5), last = max(last, ?5),
             status = ?6, app_proto = coalesce(?7, app_proto),
             latest_alert = CASE WHEN ?5 >= last THEN ?8 ELSE latest_alert END, spark_hour = ?9, spark = ?10
         WHERE id = ?1",
    )
    .bind(id)
    .bind(total)
    .bind(severity)
    .bind(risk(severity, total))
    .bind(alert.at.0)
    .bind(status.number())
    .bind(alert.app_proto)
    .bind(alert.id)
    .bind(end)
    .bind(write_spark(&hours))
    .execute(connection)
    .await?;
    Ok((id, false))
}
