//! Which sensor is to run which version, and what sensors say that they run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{checked_reason, rule_text_hash};
use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::{MAX_COMMENT_BYTES, MAX_NAME_BYTES, MAX_PUBLISHED_BYTES};
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, push_scope};

/// Something that was published or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub at: UnixMillis,
    pub user: String,
    /// Absent: all sensors of the set's unit.
    pub sensor_id: Option<String>,
    /// Absent: taken back.
    pub number: Option<i64>,
    pub why: String,
}

/// What a sensor told of the published rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// Of the text that it runs; empty: of none.
    pub hash: String,
    /// Of the text that it refused last, and why.
    pub refused: Option<(String, String)>,
}

/// How a sensor stands to what it is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedState {
    /// It runs what it is to run.
    Current,
    /// It has not got it yet.
    Waiting,
    /// It refused what it is to run.
    Refused,
    /// It has never told of published rules: its version does not take any.
    Unable,
}

impl PublishedState {
    pub fn name(self) -> &'static str {
        match self {
            PublishedState::Current => "current",
            PublishedState::Waiting => "waiting",
            PublishedState::Refused => "refused",
            PublishedState::Unable => "unable",
        }
    }
}

/// A sensor, and what it is to run of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorTarget {
    pub sensor_id: String,
    pub name: String,
    pub unit_name: String,
    pub connected: bool,
    /// The version of the set.
    pub number: Option<i64>,
    /// It was given this version apart from the others.
    pub apart: bool,
    /// Since when.
    pub since: Option<UnixMillis>,
    pub state: PublishedState,
    /// Of everything that is published to it, all sets together.
    pub wanted_hash: String,
    pub running_hash: Option<String>,
    pub refused_reason: Option<String>,
    /// All rules that it runs, its own files too.
    pub ruleset_hash: Option<String>,
    /// The last heartbeat's statistics, JSON.
    pub stats: Option<String>,
}

/// The versions that a sensor is to run: of each set of its unit and those above, its own row before the row of all.
const WANTED: &str = "SELECT set_id, number FROM (
        SELECT t.set_id, t.number, row_number() OVER (PARTITION BY t.set_id ORDER BY t.sensor_no DESC) AS choice
        FROM sensors s
        JOIN units own ON own.id = s.unit_id
        JOIN units above ON substr(own.path, 1, length(above.path)) = above.path
        JOIN rule_sets r ON r.unit_id = above.id
        JOIN rule_targets t ON t.set_id = r.id AND t.sensor_no IN (0, s.no)
        WHERE s.id = ? AND s.kind = 'sensor')
    WHERE choice = 1 ORDER BY set_id";

impl Store {
    /// The versions that a sensor is to run, as set and number.
    pub async fn wanted_rule_versions(&self, sensor: &str) -> Result<Vec<(i64, i64)>> {
        Ok(sqlx::query_as(WANTED)
            .bind(sensor)
            .fetch_all(self.reader())
            .await?)
    }

    /// Versions as the one text that a sensor gets.
    pub async fn published_text(&self, versions: &[(i64, i64)]) -> Result<String> {
        let mut text = String::new();
        for &(set, number) in versions {
            let (name, part): (String, String) = sqlx::query_as(
                "SELECT name, text FROM rule_versions v JOIN rule_sets s ON s.id = set_id
                 WHERE set_id = ? AND number = ?",
            )
            .bind(set)
            .bind(number)
            .fetch_one(self.reader())
            .await?;
            // A String takes any write.
            let _ = writeln!(text, "# {name}: set {set}, version {number}\n{part}");
        }
        Ok(text)
    }

    /// Has one sensor, or all of the set's unit and those below it, run a version; `None` takes it back. For all
    /// means that no sensor has a version of its own any more.
    pub async fn publish_rules(
        &self,
        set: i64,
        sensor: Option<&str>,
        number: Option<i64>,
        why: &str,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<()> {
        let why = checked_reason(why)?;
        self.rule_set(set, scope).await?;
        let sensor_no = match sensor {
            None => 0,
            Some(id) => {
                self.sensor(id, scope).await?;
                sqlx::query_scalar(
                    "SELECT s.no FROM sensors s JOIN units own ON own.id = s.unit_id
                     JOIN units above ON substr(own.path, 1, length(above.path)) = above.path
                     JOIN rule_sets r ON r.unit_id = above.id
                     WHERE s.id = ? AND r.id = ? AND s.kind = 'sensor' AND s.revoked IS NULL",
                )
                .bind(id)
                .bind(set)
                .fetch_optional(self.reader())
                .await?
                .ok_or_else(|| StateError::not_found("sensor", id))?
            }
        };
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM rule_targets WHERE set_id = ?1 AND (?2 = 0 OR sensor_no = ?2)")
            .bind(set)
            .bind(sensor_no)
            .execute(&mut *tx)
            .await?;
        if let Some(number) = number {
            let known: Option<i64> = sqlx::query_scalar(
                "SELECT number FROM rule_versions WHERE set_id = ? AND number = ?",
            )
            .bind(set)
            .bind(number)
            .fetch_optional(&mut *tx)
            .await?;
            if known.is_none() {
                return Err(StateError::not_found("version", number));
            }
            sqlx::query(
                "INSERT INTO rule_targets (set_id, sensor_no, number, at, user) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(set)
            .bind(sensor_no)
            .bind(number)
            .bind(now.0)
            .bind(user)
            .execute(&mut *tx)
            .await?;
        }
        let bytes: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(bytes), 0) FROM (SELECT max(octet_length(text)) AS bytes
             FROM rule_targets JOIN rule_versions USING (set_id, number) GROUP BY set_id)",
        )
        .fetch_one(&mut *tx)
        .await?;
        if bytes > MAX_PUBLISHED_BYTES {
            return Err(StateError::Invalid {
                field: "published",
                reason: "too_long",
            });
        }
        sqlx::query(
            "INSERT INTO rule_publications (set_id, sensor_id, number, at, user, why)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(set)
        .bind(sensor)
        .bind(number)
        .bind(now.0)
        .bind(user)
        .bind(why)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// What was published of a set, newest first; at most 500 rows.
    pub async fn rule_publications(&self, set: i64, scope: &Scope) -> Result<Vec<Publication>> {
        self.rule_set(set, scope).await?;
        let rows = sqlx::query(
            "SELECT at, user, sensor_id, number, why FROM rule_publications WHERE set_id = ?
             ORDER BY id DESC LIMIT 500",
        )
        .bind(set)
        .fetch_all(self.reader())
        .await?;
        let publication = |row: &SqliteRow| Publication {
            at: UnixMillis(row.get(0)),
            user: row.get(1),
            sensor_id: row.get(2),
            number: row.get(3),
            why: row.get(4),
        };
        Ok(rows.iter().map(publication).collect())
    }

    /// The sensors of a set's unit and those below it, as far as they are in scope: what they are to run, and do run.
    pub async fn rule_targets(&self, set: i64, scope: &Scope) -> Result<Vec<SensorTarget>> {
        self.rule_set(set, scope).await?;
        let mut query = sqlx::QueryBuilder::new(
            "SELECT s.id, s.name, own.name, s.connected, s.published_hash, s.refused_hash,
                s.refused_reason, s.ruleset_hash, s.stats, coalesce(mine.at, others.at), mine.at IS NOT NULL
             FROM rule_sets r JOIN units top ON top.id = r.unit_id
             JOIN units own ON substr(own.path, 1, length(top.path)) = top.path
             JOIN sensors s ON s.unit_id = own.id AND s.kind = 'sensor' AND s.revoked IS NULL
             LEFT JOIN rule_targets mine ON mine.set_id = r.id AND mine.sensor_no = s.no
             LEFT JOIN rule_targets others ON others.set_id = r.id AND others.sensor_no = 0
             WHERE r.id = ",
        );
        query.push_bind(set);
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" ORDER BY s.name, s.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        let mut hashes = BTreeMap::new();
        let mut targets = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: String = row.get(0);
            let versions = self.wanted_rule_versions(&id).await?;
            // Sensors mostly want the same.
            let wanted = match hashes.get(&versions) {
                Some(hash) => String::clone(hash),
                None => {
                    let text = self.published_text(&versions).await?;
                    let hash = published_hash(&text);
                    hashes.insert(versions.clone(), hash.clone());
                    hash
                }
            };
            let number = versions.iter().find(|(one, _)| *one == set);
            targets.push(target_from(
                row,
                id,
                number.map(|(_, number)| *number),
                wanted,
            ));
        }
        Ok(targets)
    }

    /// Keeps what a sensor told of the published rules.
    pub async fn record_published(&self, sensor: &str, told: &Reported) -> Result<()> {
        let (refused, reason) = match &told.refused {
            Some((hash, reason)) => (Some(hash.as_str()), Some(reason.as_str())),
            None => (None, None),
        };
        sqlx::query(
            "UPDATE sensors SET published_hash = ?1, refused_hash = ?2, refused_reason = ?3
             WHERE id = ?4 AND (published_hash, refused_hash, refused_reason) IS NOT (?1, ?2, ?3)",
        )
        .bind(cut(&told.hash, MAX_NAME_BYTES))
        .bind(refused.map(|hash| cut(hash, MAX_NAME_BYTES)))
        .bind(reason.map(|reason| cut(reason, MAX_COMMENT_BYTES)))
        .bind(sensor)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

/// Of what a sensor gets; empty for nothing.
pub fn published_hash(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        rule_text_hash(text)
    }
}

fn target_from(
    row: &SqliteRow,
    sensor_id: String,
    number: Option<i64>,
    wanted_hash: String,
) -> SensorTarget {
    let running_hash: Option<String> = row.get(4);
    let refused_hash: Option<String> = row.get(5);
    let state = match &running_hash {
        None => PublishedState::Unable,
        Some(hash) if *hash == wanted_hash => PublishedState::Current,
        Some(_) if refused_hash.as_ref() == Some(&wanted_hash) => PublishedState::Refused,
        Some(_) => PublishedState::Waiting,
    };
    SensorTarget {
        sensor_id,
        name: row.get(1),
        unit_name: row.get(2),
        connected: row.get(3),
        number,
        apart: row.get(10),
        since: row.get::<Option<i64>, _>(9).map(UnixMillis),
        refused_reason: (state == PublishedState::Refused)
            .then(|| row.get(6))
            .flatten(),
        state,
        wanted_hash,
        running_hash,
        ruleset_hash: row.get(7),
        stats: row.get(8),
    }
}
