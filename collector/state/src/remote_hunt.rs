//! Searches among the records that stayed on sensors: who asks what, how far each sensor is, and what was found.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnixMillis, UserId};
use crate::limits::{
    MAX_ALL_REMOTE_HUNT_BYTES, MAX_REMOTE_HUNT_BYTES, MAX_REMOTE_HUNT_BYTES_PER_SENSOR,
    MAX_REMOTE_HUNT_ROWS, MAX_REMOTE_HUNTS_PER_USER,
};
use crate::store::Store;
use crate::unit::{Scope, push_scope};

/// How far a sensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteState {
    /// It has not been asked yet: it is offline, or other hunts come first.
    Queued,
    Sent,
    Searching,
    Done,
    Failed,
    Cancelled,
}

impl RemoteState {
    pub fn name(self) -> &'static str {
        match self {
            RemoteState::Queued => "queued",
            RemoteState::Sent => "sent",
            RemoteState::Searching => "searching",
            RemoteState::Done => "done",
            RemoteState::Failed => "failed",
            RemoteState::Cancelled => "cancelled",
        }
    }

    fn of(name: &str) -> Option<RemoteState> {
        use RemoteState::*;
        [Queued, Sent, Searching, Done, Failed, Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Something may still come.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            RemoteState::Queued | RemoteState::Sent | RemoteState::Searching
        )
    }
}

/// A hunt that begins.
#[derive(Debug, Clone)]
pub struct NewRemoteHunt<'a> {
    pub user: UserId,
    pub query: &'a str,
    /// As it travels, JSON.
    pub tree: &'a str,
    /// Microseconds since 1970, both included.
    pub from_us: i64,
    pub to_us: i64,
    /// Of each sensor, at most; fewer where many sensors are asked.
    pub max_rows: u64,
    pub expires: UnixMillis,
    /// Sensors that are asked, and those that cannot be, with the reason.
    pub sensors: &'a [(String, Option<&'static str>)],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteHunt {
    pub id: i64,
    pub created: UnixMillis,
    pub expires: UnixMillis,
    pub query: String,
    pub from_us: i64,
    pub to_us: i64,
    pub max_rows: u64,
    pub max_bytes: u64,
}

/// A sensor's part in a hunt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSensor {
    pub sensor_id: String,
    pub sensor_name: String,
    /// It is connected now.
    pub online: bool,
    pub state: RemoteState,
    /// Of done ones: complete, rows, bytes, time. Of failed ones: off, unknown, not_understood, too_many, unreadable,
    /// too_much.
    pub reason: Option<String>,
    pub changed: UnixMillis,
    pub looked_at: u64,
    pub total: Option<u64>,
    pub kept: Kept,
    pub found: u64,
    pub bytes: u64,
}

/// What a sensor's archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    pub oldest_us: Option<i64>,
    pub newest_us: Option<i64>,
    /// Older records were there once.
    pub rotated: bool,
    /// Blocks and records that could not be read.
    pub damaged: u64,
}

/// A place in a sensor's archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemotePlace {
    pub segment: u64,
    pub offset: u64,
    pub entry: u32,
}

/// What a sensor is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRemoteHunt {
    pub id: i64,
    pub tree: String,
    pub from_us: i64,
    pub to_us: i64,
    pub before: Option<RemotePlace>,
    pub rows_left: u64,
    pub bytes_left: u64,
}

/// What a sensor tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteStep {
    Searching,
    Done(String),
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFound {
    pub step: RemoteStep,
    pub before: Option<RemotePlace>,
    /// On this link.
    pub total: u64,
    pub looked_at: u64,
    pub kept: Kept,
    pub rows: Vec<RemoteRow>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRow {
    pub place: RemotePlace,
    pub class: String,
    /// Microseconds since 1970.
    pub at_us: i64,
    /// JSON.
    pub record: String,
}

const HUNT: &str =
    "SELECT id, created, expires, query, from_us, to_us, max_rows, max_bytes FROM remote_hunts";

impl Store {
    /// Notes a hunt that begins.
    pub async fn begin_remote_hunt(
        &self,
        new: NewRemoteHunt<'_>,
        now: UnixMillis,
    ) -> Result<RemoteHunt> {
        let mut tx = self.write().await?;
        let own: i64 = sqlx::query_scalar("SELECT count(*) FROM remote_hunts WHERE user_id = ?")
            .bind(new.user.0)
            .fetch_one(&mut *tx)
            .await?;
        let bytes: i64 =
            sqlx::query_scalar("SELECT coalesce(sum(bytes), 0) FROM remote_hunt_sensors")
                .fetch_one(&mut *tx)
                .await?;
        if own >= MAX_REMOTE_HUNTS_PER_USER || bytes >= MAX_ALL_REMOTE_HUNT_BYTES {
            return Err(StateError::Invalid {
                field: "remote_hunts",
                reason: "too_many",
            });
        }
        let asked = new.sensors.iter().filter(|(_, fault)| fault.is_none());
        let asked = i64::try_from(asked.count()).unwrap_or(i64::MAX).max(1);
        let max_rows = i64::try_from(new.max_rows).unwrap_or(i64::MAX);
        let max_rows = max_rows.min(MAX_REMOTE_HUNT_ROWS / asked).max(1);
        let max_bytes = MAX_REMOTE_HUNT_BYTES_PER_SENSOR.min(MAX_REMOTE_HUNT_BYTES / asked);
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO remote_hunts (user_id, created, expires, query, tree, from_us, to_us, max_rows, max_bytes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(new.user.0)
        .bind(now.0)
        .bind(new.expires.0)
        .bind(new.query)
        .bind(new.tree)
        .bind(new.from_us)
        .bind(new.to_us)
        .bind(max_rows)
        .bind(max_bytes)
        .fetch_one(&mut *tx)
        .await?;
        for (sensor, fault) in new.sensors {
            sqlx::query(
                "INSERT INTO remote_hunt_sensors (hunt_id, sensor_id, state, reason, changed) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(id)
            .bind(sensor)
            .bind(if fault.is_some() { "failed" } else { "queued" })
            .bind(*fault)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        self.remote_hunt(id, new.user).await
    }

    /// The user's own, newest first.
    pub async fn remote_hunts(&self, user: UserId) -> Result<Vec<RemoteHunt>> {
        let mut query = sqlx::QueryBuilder::new(HUNT);
        query.push(" WHERE user_id = ").push_bind(user.0);
        query.push(" ORDER BY id DESC");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(hunt_from).collect())
    }

    pub async fn remote_hunt(&self, id: i64, user: UserId) -> Result<RemoteHunt> {
        let mut query = sqlx::QueryBuilder::new(HUNT);
        query.push(" WHERE id = ").push_bind(id);
        query.push(" AND user_id = ").push_bind(user.0);
        let row = query.build().fetch_optional(self.reader()).await?;
        let row = row.ok_or_else(|| StateError::not_found("remote hunt", id))?;
        Ok(hunt_from(&row))
    }

    /// The sensors of a hunt that are in scope, by name.
    pub async fn remote_sensors(&self, id: i64, scope: &Scope) -> Result<Vec<RemoteSensor>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT sensor_id, s.name, s.connected, state, reason, changed, looked_at, total, oldest_us, newest_us,
             rotated, damaged, found, bytes FROM remote_hunt_sensors h JOIN sensors s ON s.id = h.sensor_id
             WHERE hunt_id = ",
        );
        query.push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" ORDER BY s.name, sensor_id");
        let rows = query.build().fetch_all(self.reader()).await?;
        rows.iter().map(sensor_from).collect()
    }

    /// What was found on sensors in scope, newest first.
    pub async fn remote_rows(
        &self,
        id: i64,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<(String, RemoteRow)>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT sensor_id, segment, offset, entry, at_us, class, record
             FROM remote_hunt_rows r JOIN sensors s ON s.id = r.sensor_id WHERE hunt_id = ",
        );
        query.push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        query
            .push(" ORDER BY at_us DESC, sensor_id, segment DESC, offset DESC, entry DESC LIMIT ")
            .push_bind(limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let row = |row: &SqliteRow| {
            let found = RemoteRow {
                place: RemotePlace {
                    segment: row.get::<i64, _>(1).cast_unsigned(),
                    offset: row.get::<i64, _>(2).cast_unsigned(),
                    entry: row.get(3),
                },
                at_us: row.get(4),
                class: row.get(5),
                record: row.get(6),
            };
            (row.get(0), found)
        };
        Ok(rows.iter().map(row).collect())
    }

    /// Open hunts that a sensor takes part in, oldest first.
    pub async fn open_remote_hunts(
        &self,
        sensor_id: &str,
        now: UnixMillis,
    ) -> Result<Vec<OpenRemoteHunt>> {
        let rows = sqlx::query(
            "SELECT h.id, h.tree, h.from_us, h.to_us, before_segment, before_offset, before_entry,
             max(h.max_rows - s.found, 0), max(h.max_bytes - s.bytes, 0)
             FROM remote_hunt_sensors s JOIN remote_hunts h ON h.id = s.hunt_id
             WHERE s.sensor_id = ? AND s.is_open AND h.expires > ? ORDER BY h.id",
        )
        .bind(sensor_id)
        .bind(now.0)
        .fetch_all(self.reader())
        .await?;
        let count = |row: &SqliteRow, column| row.get::<Option<i64>, _>(column);
        let open = |row: &SqliteRow| OpenRemoteHunt {
            id: row.get(0),
            tree: row.get(1),
            from_us: row.get(2),
            to_us: row.get(3),
            before: match (count(row, 4), count(row, 5), count(row, 6)) {
                (Some(segment), Some(offset), Some(entry)) => Some(RemotePlace {
                    segment: segment.cast_unsigned(),
                    offset: offset.cast_unsigned(),
                    entry: u32::try_from(entry).unwrap_or(u32::MAX),
                }),
                _ => None,
            },
            rows_left: row.get::<i64, _>(7).unsigned_abs(),
            bytes_left: row.get::<i64, _>(8).unsigned_abs(),
        };
        Ok(rows.iter().map(open).collect())
    }

    /// A sensor has been asked, for the first time or again after a cut.
    pub async fn remote_hunt_sent(&self, id: i64, sensor_id: &str, now: UnixMillis) -> Result<()> {
        sqlx::query(
            "UPDATE remote_hunt_sensors SET state = 'sent', changed = ?, looked_before = looked_at
             WHERE hunt_id = ? AND sensor_id = ? AND is_open",
        )
        .bind(now.0)
        .bind(id)
        .bind(sensor_id)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Notes what a sensor has found, in one transaction with how far it is; false when nothing more of it is wanted.
    pub async fn remote_hunt_found(
        &self,
        id: i64,
        sensor_id: &str,
        found: &RemoteFound,
        now: UnixMillis,
    ) -> Result<bool> {
        let mut tx = self.write().await?;
        let limits: Option<(i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT h.max_rows, h.max_bytes, s.found, s.bytes
             FROM remote_hunt_sensors s JOIN remote_hunts h ON h.id = s.hunt_id
             WHERE hunt_id = ? AND sensor_id = ? AND is_open AND h.expires > ?",
        )
        .bind(id)
        .bind(sensor_id)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((max_rows, max_bytes, mut rows, mut bytes)) = limits else {
            return Ok(false);
        };
        let mut too_much = false;
        for row in &found.rows {
            // The last one may go over the bytes.
            if rows >= max_rows || bytes >= max_bytes {
                too_much = true;
                break;
            }
            let added = sqlx::query(
                "INSERT OR IGNORE INTO remote_hunt_rows
                 (hunt_id, sensor_id, segment, offset, entry, at_us, class, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(id)
            .bind(sensor_id)
            .bind(row.place.segment.cast_signed())
            .bind(row.place.offset.cast_signed())
            .bind(i64::from(row.place.entry))
            .bind(row.at_us)
            .bind(&row.class)
            .bind(&row.record)
            .execute(&mut *tx)
            .await?;
            if added.rows_affected() > 0 {
                rows += 1;
                bytes += i64::try_from(row.record.len()).unwrap_or(i64::MAX);
            }
        }
        let (state, reason) = match &found.step {
            _ if too_much => (RemoteState::Failed, Some("too_much")),
            RemoteStep::Searching => (RemoteState::Searching, None),
            RemoteStep::Done(reason) => (RemoteState::Done, Some(reason.as_str())),
            RemoteStep::Failed(reason) => (RemoteState::Failed, Some(reason.as_str())),
        };
        let count = |number: u64| {
            i64::try_from(number)
                .unwrap_or(i64::MAX >> 1)
                .min(i64::MAX >> 1)
        };
        let before = found.before;
        sqlx::query(
            "UPDATE remote_hunt_sensors SET state = ?, reason = ?, changed = ?, found = ?, bytes = ?,
             looked_at = looked_before + ?, total = looked_before + ?,
             before_segment = coalesce(?, before_segment), before_offset = coalesce(?, before_offset),
             before_entry = coalesce(?, before_entry), oldest_us = coalesce(?, oldest_us),
             newest_us = coalesce(?, newest_us), rotated = max(rotated, ?), damaged = max(damaged, ?)
             WHERE hunt_id = ? AND sensor_id = ?",
        )
        .bind(state.name())
        .bind(reason)
        .bind(now.0)
        .bind(rows)
        .bind(bytes)
        .bind(count(found.looked_at))
        .bind(count(found.total))
        .bind(before.map(|place| place.segment.cast_signed()))
        .bind(before.map(|place| place.offset.cast_signed()))
        .bind(before.map(|place| i64::from(place.entry)))
        .bind(found.kept.oldest_us)
        .bind(found.kept.newest_us)
        .bind(found.kept.rotated)
        .bind(count(found.kept.damaged))
        .bind(id)
        .bind(sensor_id)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(state.is_open())
    }

    /// Nothing more of it is wanted; what has been found is kept. False when nothing was under way.
    pub async fn cancel_remote_hunt(&self, id: i64, user: UserId, now: UnixMillis) -> Result<bool> {
        self.remote_hunt(id, user).await?;
        let changed = sqlx::query(
            "UPDATE remote_hunt_sensors SET state = 'cancelled', changed = ? WHERE hunt_id = ? AND is_open",
        )
        .bind(now.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    pub async fn delete_remote_hunt(&self, id: i64, user: UserId) -> Result<()> {
        self.remote_hunt(id, user).await?;
        sqlx::query("DELETE FROM remote_hunts WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Forgets hunts past their time; tells whether there were any.
    pub async fn expire_remote_hunts(&self, now: UnixMillis) -> Result<bool> {
        let gone = sqlx::query("DELETE FROM remote_hunts WHERE expires <= ?")
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(gone.rows_affected() > 0)
    }
}

fn hunt_from(row: &SqliteRow) -> RemoteHunt {
    RemoteHunt {
        id: row.get(0),
        created: UnixMillis(row.get(1)),
        expires: UnixMillis(row.get(2)),
        query: row.get(3),
        from_us: row.get(4),
        to_us: row.get(5),
        max_rows: row.get::<i64, _>(6).unsigned_abs(),
        max_bytes: row.get::<i64, _>(7).unsigned_abs(),
    }
}

fn sensor_from(row: &SqliteRow) -> Result<RemoteSensor> {
    let state: String = row.get(3);
    let sensor_id: String = row.get(0);
    Ok(RemoteSensor {
        sensor_name: row.get(1),
        online: row.get(2),
        state: RemoteState::of(&state).ok_or_else(|| StateError::Corrupt {
            table: "remote_hunt_sensors",
            id: sensor_id.clone(),
            value: state,
        })?,
        sensor_id,
        reason: row.get(4),
        changed: UnixMillis(row.get(5)),
        looked_at: row.get::<i64, _>(6).unsigned_abs(),
        total: row.get::<Option<i64>, _>(7).map(i64::unsigned_abs),
        kept: Kept {
            oldest_us: row.get(8),
            newest_us: row.get(9),
            rotated: row.get(10),
            damaged: row.get::<i64, _>(11).unsigned_abs(),
        },
        found: row.get::<i64, _>(12).unsigned_abs(),
        bytes: row.get::<i64, _>(13).unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UnitId;
    use crate::store::StoreOptions;
    use crate::user::{NewUser, Role};

    const NOW: UnixMillis = UnixMillis(1_764_000_000_000);
    const LATER: UnixMillis = UnixMillis(NOW.0 + 1_000);

    struct Scene {
        store: Store,
        user: UserId,
        sensor: String,
        _folder: tempfile::TempDir,
    }

    async fn scene() -> Scene {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
            .await
            .expect("a store");
        let pending = store
            .create_enrolment("cổng", UnitId::ROOT, "an", NOW)
            .await
            .expect("a token");
        let enrolled = store.enrol(&pending.token, "gate", NOW).await;
        let new = NewUser {
            name: "an".to_owned(),
            display_name: "An".to_owned(),
            role: Role::Analyst,
            unit_id: UnitId::ROOT,
            locale: "vi".to_owned(),
            password: "một mật khẩu dài".to_owned(),
        };
        let user = store.create_user(new, NOW).await.expect("a user").id;
        Scene {
            sensor: enrolled.expect("enrolled").sensor_id,
            user,
            store,
            _folder: folder,
        }
    }

    impl Scene {
        async fn begin(&self, max_rows: u64) -> Result<RemoteHunt> {
            let sensors = [(self.sensor.clone(), None)];
            let new = NewRemoteHunt {
                user: self.user,
                query: "dns",
                tree: "\"all\"",
                from_us: 1,
                to_us: 2,
                max_rows,
                expires: LATER,
                sensors: &sensors,
            };
            self.store.begin_remote_hunt(new, NOW).await
        }

        async fn found(&self, id: i64, found: &RemoteFound) -> bool {
            let stored = self.store.remote_hunt_found(id, &self.sensor, found, NOW);
            stored.await.expect("noted")
        }

        async fn sensor_of(&self, id: i64) -> RemoteSensor {
            let sensors = self.store.remote_sensors(id, &Scope::All).await;
            sensors.expect("read").remove(0)
        }
    }

    fn part(step: RemoteStep, entries: &[u32]) -> RemoteFound {
        let row = |&entry: &u32| RemoteRow {
            place: RemotePlace {
                segment: 1,
                offset: 0,
                entry,
            },
            class: "record".to_owned(),
            at_us: i64::from(entry),
            record: "{}".to_owned(),
        };
        RemoteFound {
            step,
            before: entries.last().map(|entry| row(entry).place),
            total: 10,
            looked_at: 4,
            kept: Kept {
                oldest_us: Some(7),
                ..Kept::default()
            },
            rows: entries.iter().map(row).collect(),
        }
    }

    #[tokio::test]
    async fn a_hunt_goes_on_after_a_cut_and_ends_once() {
        let scene = scene().await;
        let hunt = scene.begin(5).await.expect("begun");
        let open = scene.store.open_remote_hunts(&scene.sensor, NOW).await;
        assert_eq!(open.expect("read")[0].before, None);
        scene
            .store
            .remote_hunt_sent(hunt.id, &scene.sensor, NOW)
            .await
            .expect("noted");
        assert!(
            scene
                .found(hunt.id, &part(RemoteStep::Searching, &[9, 8]))
                .await
        );
        // Again on a new link: what came twice is there once.
        scene
            .store
            .remote_hunt_sent(hunt.id, &scene.sensor, NOW)
            .await
            .expect("noted");
        let open = scene
            .store
            .open_remote_hunts(&scene.sensor, NOW)
            .await
            .expect("read");
        assert_eq!(open[0].before.map(|place| place.entry), Some(8));
        assert_eq!(open[0].rows_left, 3);
        let none = scene.store.open_remote_hunts(&scene.sensor, LATER).await;
        assert!(none.expect("read").is_empty(), "its time is over");
        assert!(
            scene
                .found(hunt.id, &part(RemoteStep::Searching, &[8, 6]))
                .await
        );
        let done = RemoteStep::Done("complete".to_owned());
        assert!(!scene.found(hunt.id, &part(done.clone(), &[])).await);
        assert!(!scene.found(hunt.id, &part(done, &[5])).await, "it is over");
        let sensor = scene.sensor_of(hunt.id).await;
        assert_eq!(
            (sensor.state, sensor.found, sensor.bytes),
            (RemoteState::Done, 3, 6)
        );
        assert_eq!((sensor.looked_at, sensor.total), (8, Some(14)));
        assert_eq!(sensor.kept.oldest_us, Some(7));
        let rows = scene
            .store
            .remote_rows(hunt.id, &Scope::All, 10)
            .await
            .expect("read");
        let times: Vec<i64> = rows.iter().map(|(_, row)| row.at_us).collect();
        assert_eq!(times, [9, 8, 6]);
        let none = Scope::Units(Vec::new());
        assert!(
            scene
                .store
                .remote_rows(hunt.id, &none, 10)
                .await
                .expect("read")
                .is_empty()
        );
        assert!(
            scene
                .store
                .remote_sensors(hunt.id, &none)
                .await
                .expect("read")
                .is_empty()
        );
        assert!(scene.store.remote_hunt(hunt.id, UserId(99)).await.is_err());
        assert!(scene.store.expire_remote_hunts(LATER).await.expect("swept"));
        assert!(scene.store.remote_hunt(hunt.id, scene.user).await.is_err());
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM remote_hunt_rows")
            .fetch_one(scene.store.reader())
            .await
            .expect("read");
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn no_more_is_taken_than_was_asked_for() {
        let scene = scene().await;
        let hunt = scene.begin(2).await.expect("begun");
        assert!(
            !scene
                .found(hunt.id, &part(RemoteStep::Searching, &[9, 8, 7]))
                .await
        );
        let sensor = scene.sensor_of(hunt.id).await;
        assert_eq!((sensor.state, sensor.found), (RemoteState::Failed, 2));
        assert_eq!(sensor.reason.as_deref(), Some("too_much"));
        let cancelled = scene.begin(2).await.expect("begun");
        let cancel = async || {
            scene
                .store
                .cancel_remote_hunt(cancelled.id, scene.user, NOW)
                .await
        };
        assert!(cancel().await.expect("cancelled"));
        assert!(!cancel().await.expect("it is over"));
        for _ in 2..MAX_REMOTE_HUNTS_PER_USER {
            scene.begin(u64::MAX).await.expect("begun");
        }
        assert!(scene.begin(2).await.is_err());
        scene
            .store
            .delete_remote_hunt(hunt.id, scene.user)
            .await
            .expect("deleted");
        let next = scene.begin(u64::MAX).await.expect("begun");
        assert_eq!(next.max_rows, MAX_REMOTE_HUNT_ROWS.unsigned_abs());
    }
}
