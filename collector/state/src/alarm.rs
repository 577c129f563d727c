//! Alarms: what is wrong with sensors and with the collector itself. An alarm opens when its condition is
//! seen, and closes when it is not seen any more; whoever looks for conditions stands outside.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::fleet::apply_silences;
use crate::ids::{UnitId, UnixMillis};
use crate::limits::MAX_COMMENT_BYTES;
use crate::store::{Page, Paged, Store};
use crate::text::cut;
use crate::unit::{Scope, push_scope};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AlarmKind {
            $($(#[$doc])* $kind,)*
        }

        impl AlarmKind {
            pub const ALL: &[AlarmKind] = &[$(AlarmKind::$kind),*];

            pub fn name(self) -> &'static str {
                match self { $(AlarmKind::$kind => $name,)* }
            }

            /// As alerts have it: 1 (worst) to 4.
            pub fn severity(self) -> u8 {
                match self { $(AlarmKind::$kind => $severity,)* }
            }
        }
    };
}

kinds! {
    /// No heartbeat.
    Disconnected = "sensor_disconnected", 1;
    /// It makes far fewer records than it usually does at this hour of the week.
    Silent = "sensor_silent", 2;
    /// Frames are lost before they are looked at.
    Drops = "packet_drops", 2;
    /// Not one frame has come for minutes: the mirror port or its cable.
    NoTraffic = "no_traffic", 2;
    /// Its spool or queue gave up records.
    Shed = "records_shed", 1;
    /// Records were acknowledged and are not stored, or went with a spool.
    Lost = "records_lost", 1;
    /// Its spool is nearly full.
    SpoolFilling = "spool_filling", 2;
    /// Its clock is wrong.
    ClockSkew = "clock_skew", 2;
    /// It runs other rules than it should.
    RulesetMismatch = "ruleset_mismatch", 3;
    /// It runs with other settings than the centre's.
    ConfigurationMismatch = "configuration_mismatch", 3;
    /// Two machines speak with its certificate.
    Cloned = "sensor_cloned", 1;
    /// Canaries do not arrive; the detail names the step.
    CanaryMissing = "canary_missing", 1;
    /// The collector's disk will be full soon, at the rate of the last days.
    DiskDays = "disk_days_left", 2;
    /// The collector's disk is at its reserve; only alerts are taken.
    DiskReserve = "disk_reserve", 1;
    /// Less is held than the rules ask.
    RetentionShort = "retention_short", 2;
    /// Messages could not be sent.
    NotificationsFailing = "notifications_failing", 2;
    /// Sources of rules fail: what sensors run grows old.
    FeedsFailing = "feeds_failing", 3;
    /// Partitions cannot go to the archive.
    ArchiveFailing = "archive_failing", 2;
    /// Somebody sends logs by syslog and may not.
    SyslogRefused = "syslog_refused", 3;
    /// Partitions of the index could not be read, and were set aside.
    IndexDamaged = "index_damaged", 1;
}

impl AlarmKind {
    pub fn from_name(name: &str) -> Option<AlarmKind> {
        AlarmKind::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name)
    }
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: AlarmKind,
    /// None: the collector itself.
    pub sensor_id: Option<String>,
    /// JSON object: figures.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub id: i64,
    pub kind: AlarmKind,
    pub sensor_id: Option<String>,
    pub sensor_name: Option<String>,
    pub unit_id: UnitId,
    pub opened: UnixMillis,
    /// When the condition was last seen.
    pub seen: UnixMillis,
    pub closed: Option<UnixMillis>,
    /// JSON object.
    pub detail: String,
    pub acknowledged_by: Option<String>,
    pub acknowledged: Option<UnixMillis>,
    pub comment: Option<String>,
    /// Why nobody is told of it, and until when.
    pub silence: Option<AlarmSilence>,
    /// Since when people may be told of it; none while it has been under a silence since it opened.
    pub loud: Option<UnixMillis>,
}

/// The silence that an open alarm is under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmSilence {
    pub id: i64,
    pub reason: String,
    pub ends: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmFilter {
    Open,
    All,
}

const COLUMNS: &str = "SELECT a.id, a.kind, s.id, s.name, a.unit_id, opened, seen, closed, detail,
    acknowledged_by, acknowledged, comment, l.id, l.reason, l.ends, loud FROM alarms a
    LEFT JOIN sensors s ON s.no = a.sensor_no LEFT JOIN silences l ON l.id = a.silence_id AND a.closed IS NULL WHERE 1";

impl Store {
    /// Opens alarms for conditions that are new, keeps those that go on, and closes the others.
    pub async fn set_conditions(&self, conditions: &[Condition], now: UnixMillis) -> Result<()> {
        let mut tx = self.write().await?;
        let sensors: BTreeMap<String, (i64, i64)> =
            sqlx::query("SELECT id, no, unit_id FROM sensors")
                .fetch_all(&mut *tx)
                .await?
                .iter()
                .map(|row| (row.get(0), (row.get(1), row.get(2))))
                .collect();
        let mut going_on = BTreeSet::new();
        for condition in conditions {
            let (no, unit) = match &condition.sensor_id {
                None => (None, UnitId::ROOT.0),
                Some(id) => match sensors.get(id) {
                    Some(&(no, unit)) => (Some(no), unit),
                    None => continue,
                },
            };
            let id: i64 = sqlx::query_scalar(
                "INSERT INTO alarms (kind, sensor_no, unit_id, opened, seen, detail)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)
                 ON CONFLICT (kind, coalesce(sensor_no, 0)) WHERE closed IS NULL
                 DO UPDATE SET seen = ?4, detail = ?5 RETURNING id",
            )
            .bind(condition.kind.name())
            .bind(no)
            .bind(unit)
            .bind(now.0)
            .bind(cut(&condition.detail, MAX_COMMENT_BYTES))
            .fetch_one(&mut *tx)
            .await?;
            going_on.insert(id);
        }
        let open: Vec<i64> = sqlx::query_scalar("SELECT id FROM alarms WHERE closed IS NULL")
            .fetch_all(&mut *tx)
            .await?;
        for id in open.into_iter().filter(|id| !going_on.contains(id)) {
            sqlx::query("UPDATE alarms SET closed = ? WHERE id = ?")
                .bind(now.0)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        apply_silences(&mut tx, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Alarms of the units in scope, newest first.
    pub async fn alarms(
        &self,
        scope: &Scope,
        filter: AlarmFilter,
        page: Page,
    ) -> Result<Paged<Alarm>> {
        let narrow = |query: &mut sqlx::QueryBuilder<sqlx::Sqlite>| {
            push_scope(query, "a.unit_id", scope);
            if filter == AlarmFilter::Open {
                query.push(" AND closed IS NULL");
            }
        };
        let mut count = sqlx::QueryBuilder::new("SELECT count(*) FROM alarms a WHERE 1");
        narrow(&mut count);
        let total: i64 = count.build_query_scalar().fetch_one(self.reader()).await?;
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        narrow(&mut query);
        query
            .push(" AND a.id < ")
            .push_bind(page.before.unwrap_or(i64::MAX))
            .push(" ORDER BY a.id DESC LIMIT ")
            .push_bind(page.limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let items: Vec<Alarm> = rows.iter().filter_map(alarm_from).collect();
        Ok(Paged {
            next: (rows.len() >= page.limit as usize)
                .then(|| rows.last().map(|row| row.get(0)))
                .flatten(),
            items,
            total: total.unsigned_abs(),
        })
    }

    /// Alarms that people may be told of, or that closed, after a moment; for whoever tells them.
    pub async fn alarms_changed(&self, after: UnixMillis) -> Result<Vec<Alarm>> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND (loud > ").push_bind(after.0);
        query.push(" OR closed > ").push_bind(after.0);
        query.push(") ORDER BY a.id LIMIT 1000");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().filter_map(alarm_from).collect())
    }

    /// Somebody has seen to an alarm; it stays open until its condition has gone.
    pub async fn acknowledge_alarm(
        &self,
        id: i64,
        scope: &Scope,
        user: &str,
        comment: &str,
        now: UnixMillis,
    ) -> Result<Alarm> {
        let mut query = sqlx::QueryBuilder::new("UPDATE alarms SET acknowledged_by = ");
        query.push_bind(user);
        query.push(", acknowledged = ").push_bind(now.0);
        query
            .push(", comment = ")
            .push_bind(cut(comment, MAX_COMMENT_BYTES));
        query.push(" WHERE id = ").push_bind(id);
        push_scope(&mut query, "unit_id", scope);
        let changed = query.build().execute(self.writer()).await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("alarm", id));
        }
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND a.id = ").push_bind(id);
        let row = query.build().fetch_one(self.reader()).await?;
        alarm_from(&row).ok_or_else(|| StateError::not_found("alarm", id))
    }
}

fn alarm_from(row: &sqlx::sqlite::SqliteRow) -> Option<Alarm> {
    Some(Alarm {
        id: row.get(0),
        // A later version may have known more kinds.
        kind: AlarmKind::from_name(row.get(1))?,
        sensor_id: row.get(2),
        sensor_name: row.get(3),
        unit_id: UnitId(row.get(4)),
        opened: UnixMillis(row.get(5)),
        seen: UnixMillis(row.get(6)),
        closed: row.get::<Option<i64>, _>(7).map(UnixMillis),
        detail: row.get(8),
        acknowledged_by: row.get(9),
        acknowledged: row.get::<Option<i64>, _>(10).map(UnixMillis),
        comment: row.get(11),
        silence: row.get::<Option<i64>, _>(12).map(|id| AlarmSilence {
            id,
            reason: row.get(13),
            ends: UnixMillis(row.get(14)),
        }),
        loud: row.get::<Option<i64>, _>(15).map(UnixMillis),
    })
}
