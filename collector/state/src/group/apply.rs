//! Alerts → groups, exactly once.

use std::net::IpAddr;

use sqlx::Row;

use super::history::{Entry, write_entry};
use super::{RiskParts, SPARK_HOURS, Status, add_to_spark, read_spark, write_spark};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnitId, UnixMillis, address_bytes};
use crate::mark::{Purpose, read_mark, write_mark};
use crate::store::Store;
use crate::text::{cut, fold};
use crate::triage::Triage;

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
    /// Which of the two did it, where that is known.
    pub attacker: Option<IpAddr>,
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
    pub unit: UnitId,
    /// The group is new.
    pub new: bool,
    /// Where the group stands after it.
    pub status: Status,
}

/// What the alerts of a batch are judged by.
struct Judging<'a> {
    triage: &'a Triage,
    sensor: &'a str,
    unit: UnitId,
    now: UnixMillis,
}

/// A signature as it is known.
struct Known {
    id: i64,
    alerts: i64,
    closed: i64,
    true_positive: i64,
}

impl Store {
    /// Counts the alerts of a batch that this store does not contain yet, and moves its mark, in one
    /// transaction. An alert in a group that was closed as true makes it new again; one that was closed as false
    /// or benign stays closed, for as long as the closing said. A hide rule that stands hides new groups; a
    /// group whose rule has ended is new again.
    ///
    /// # Errors
    /// When the sensor is unknown, or the database fails; then nothing is counted.
    pub async fn apply_alerts(
        &self,
        batch: AlertBatch<'_>,
        now: UnixMillis,
    ) -> Result<Vec<AppliedAlert>> {
        let triage = self.triage().await?;
        let mut tx = self.write().await?;
        let sensor = sqlx::query("SELECT no, unit_id, name FROM sensors WHERE id = ?")
            .bind(batch.sensor_id)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| StateError::not_found("sensor", batch.sensor_id))?;
        let (sensor_no, unit): (i64, i64) = (sensor.get(0), sensor.get(1));
        let judging = Judging {
            triage: &triage,
            sensor: sensor.get(2),
            unit: UnitId(unit),
            now,
        };
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
            let signature = signature(&mut tx, alert).await?;
            let (group, new, status) = count(&mut tx, &judging, &signature, alert).await?;
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
                unit: judging.unit,
                new,
                status,
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

async fn signature(
    connection: &mut sqlx::SqliteConnection,
    alert: &AlertSeen<'_>,
) -> Result<Known> {
    let text = cut(alert.signature, MAX_TEXT_BYTES);
    let row = sqlx::query(
        "INSERT INTO signatures (gid, sid, signature, category, severity, technique, folded, alerts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
         ON CONFLICT (sid, gid) DO UPDATE SET signature = ?3, category = ?4, severity = ?5,
             technique = coalesce(?6, technique), folded = ?7, alerts = alerts + 1
         RETURNING id, alerts, closed, true_positive",
    )
    .bind(i64::from(alert.gid))
    .bind(i64::from(alert.sid))
    .bind(text)
    .bind(cut(alert.category, MAX_TEXT_BYTES))
    .bind(i64::from(alert.severity))
    .bind(alert.technique.map(|technique| cut(technique, 32)))
    .bind(fold(text))
    .fetch_one(connection)
    .await?;
    Ok(Known {
        id: row.get(0),
        alerts: row.get(1),
        closed: row.get(2),
        true_positive: row.get(3),
    })
}

impl AlertSeen<'_> {
    /// It comes from the attacked: an answer.
    fn is_answer(&self) -> bool {
        self.attacker == Some(self.destination) && self.source != self.destination
    }
}

impl Judging<'_> {
    fn risk(&self, signature: &Known, alert: &AlertSeen<'_>, severity: i64, count: i64) -> i64 {
        RiskParts {
            severity: u8::try_from(severity).unwrap_or(4),
            importance: self
                .triage
                .importance(alert.source, alert.destination, self.unit),
            signature_alerts: signature.alerts.unsigned_abs(),
            closed: signature.closed.unsigned_abs(),
            true_positive: signature.true_positive.unsigned_abs(),
            count: count.unsigned_abs(),
        }
        .risk()
    }

    /// The rule that hides this alert's group.
    fn hiding(&self, alert: &AlertSeen<'_>) -> Option<&crate::hide::HideRule> {
        self.triage.rules.iter().find(|rule| {
            rule.stands(self.now)
                && self.triage.reaches(rule.unit_id, self.unit)
                && rule.matches(alert, self.sensor)
        })
    }
}

/// Adds one alert to its group; tells the group, whether it is new, and where it stands.
async fn count(
    connection: &mut sqlx::SqliteConnection,
    judging: &Judging<'_>,
    signature: &Known,
    alert: &AlertSeen<'_>,
) -> Result<(i64, bool, Status)> {
    let now = judging.now;
    let (source, destination) = (
        address_bytes(alert.source),
        address_bytes(alert.destination),
    );
    let severity = i64::from(alert.severity.clamp(1, 4));
    let known = sqlx::query(
        "SELECT id, count, status, verdict, spark_hour, spark, severity, hidden_by, mute_until FROM groups
         WHERE signature_id = ? AND src = ? AND dest = ? AND unit_id = ?",
    )
    .bind(signature.id)
    .bind(&source[..])
    .bind(&destination[..])
    .bind(judging.unit.0)
    .fetch_optional(&mut *connection)
    .await?;
    let hour = alert.at.hour();
    let Some(row) = known else {
        let mut hours = vec![0; SPARK_HOURS];
        add_to_spark(&mut hours, hour, hour, 1);
        let hiding = judging.hiding(alert);
        let status = if hiding.is_some() {
            Status::Hidden
        } else {
            Status::New
        };
        let id = sqlx::query_scalar(
            "INSERT INTO groups (unit_id, signature_id, src, dest, severity, risk, count, first, last, created, status,
                 app_proto, badges, latest_alert, spark_hour, spark, hidden_by, is_answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7, ?8, ?9, ?10, '[]', ?11, ?12, ?13, ?14, ?15) RETURNING id",
        )
        .bind(judging.unit.0)
        .bind(signature.id)
        .bind(&source[..])
        .bind(&destination[..])
        .bind(severity)
        .bind(judging.risk(signature, alert, severity, 1))
        .bind(alert.at.0)
        .bind(now.0)
        .bind(status.number())
        .bind(alert.app_proto)
        .bind(alert.id)
        .bind(hour)
        .bind(write_spark(&hours))
        .bind(hiding.map(|rule| rule.id))
        .bind(alert.is_answer())
        .fetch_one(&mut *connection)
        .await?;
        if let Some(rule) = hiding {
            note_hit(connection, rule.id, now).await?;
            let entry = Entry::of_system("hide", Some(&rule.reason), now);
            write_entry(connection, id, &entry, 1).await?;
        }
        return Ok((id, true, status));
    };
    let id: i64 = row.get(0);
    let total = row.get::<i64, _>(1) + 1;
    let verdict: Option<String> = row.get(3);
    let before = Status::from_number(row.get(2));
    let muted = row.get::<Option<i64>, _>(8).map(|until| alert.at.0 < until);
    let mut status = before;
    let mut hidden_by: Option<i64> = row.get(7);
    match before {
        // A muting that has ended opens it as well; one that stands keeps it closed, even if it was true.
        Status::Closed => {
            let was_true = verdict.as_deref() == Some(super::Verdict::TruePositive.name());
            if !muted.unwrap_or(!was_true) {
                status = Status::New;
            }
        }
        Status::New | Status::Hidden => match judging.hiding(alert) {
            Some(rule) => {
                status = Status::Hidden;
                note_hit(connection, rule.id, now).await?;
                if before == Status::New {
                    let entry = Entry::of_system("hide", Some(&rule.reason), now);
                    write_entry(connection, id, &entry, 1).await?;
                }
                hidden_by = Some(rule.id);
            }
            None => {
                status = Status::New;
                hidden_by = None;
            }
        },
        Status::Open | Status::Escalated => {}
    }
    if status == Status::New && before != Status::New {
        let entry = Entry::of_system("return", None, now);
        write_entry(connection, id, &entry, 1).await?;
    }
    let mut hours = read_spark(row.get::<&[u8], _>(5));
    let end = add_to_spark(&mut hours, row.get(4), hour, 1);
    let worst = severity.min(row.get(6));
    sqlx::query(
        "UPDATE groups SET count = ?2, severity = ?3, risk = ?4, first = min(first, ?5), last = max(last, ?5),
             status = ?6, app_proto = coalesce(?7, app_proto),
             latest_alert = CASE WHEN ?5 >= last THEN ?8 ELSE latest_alert END, spark_hour = ?9, spark = ?10,
             hidden_by = ?11, is_answer = ?12
         WHERE id = ?1",
    )
    .bind(id)
    .bind(total)
    .bind(worst)
    .bind(judging.risk(signature, alert, worst, total))
    .bind(alert.at.0)
    .bind(status.number())
    .bind(alert.app_proto)
    .bind(alert.id)
    .bind(end)
    .bind(write_spark(&hours))
    .bind(hidden_by)
    .bind(alert.is_answer())
    .execute(connection)
    .await?;
    Ok((id, false, status))
}

async fn note_hit(
    connection: &mut sqlx::SqliteConnection,
    rule: i64,
    now: UnixMillis,
) -> Result<()> {
    sqlx::query("UPDATE hide_rules SET hits = hits + 1, last_hit = ? WHERE id = ?")
        .bind(now.0)
        .bind(rule)
        .execute(connection)
        .await?;
    Ok(())
}
