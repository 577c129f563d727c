//! Rule and intelligence sources: what they are, when they run, and what came of it. Each feeds one rule set: versions,
//! targets and publications are those of [`crate::rule_set`].

mod run;
#[cfg(test)]
mod tests;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_CONFIG_BYTES, MAX_FEED_ADDRESS_BYTES, MAX_FEEDS, MAX_FILTER_BYTES};
use crate::rule_set::NewRuleSet;
use crate::store::Store;
use crate::unit::{Scope, push_scope};

pub use run::{FeedRun, FeedRunStatus, RunEnd};

/// What people say of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedChange {
    /// JSON, whose shape is the API's.
    pub config: String,
    pub enabled: bool,
    /// None: it runs when somebody says so.
    pub every_hours: Option<u32>,
    pub publishes: bool,
    /// Of the header that lets it know who asks.
    pub secret: SecretChange,
}

/// What becomes of a stored secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretChange {
    Keep,
    Set(String),
    Forget,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub id: i64,
    pub set_id: i64,
    pub name: String,
    pub unit_id: UnitId,
    pub unit_name: String,
    pub config: String,
    pub has_secret: bool,
    pub filters: String,
    pub enabled: bool,
    pub every_hours: Option<u32>,
    pub publishes: bool,
    pub due: Option<UnixMillis>,
    /// Runs that failed in a row.
    pub failures: u32,
    pub seen: Option<String>,
    pub revision: i64,
    pub changed: UnixMillis,
    pub changed_by: String,
    /// The newest version of its set, and the one that sensors are to run.
    pub newest: Option<i64>,
    pub everywhere: Option<i64>,
    /// The newest run.
    pub last_run: Option<FeedRun>,
}

const FEEDS: &str = "SELECT f.id, f.set_id, s.name, s.unit_id, u.name, f.config, f.secret IS NOT NULL, f.filters,
    f.enabled, f.every_hours, f.publishes, f.due, f.failures, f.seen, f.revision, f.changed, f.changed_by,
    (SELECT max(number) FROM rule_versions v WHERE v.set_id = s.id),
    (SELECT number FROM rule_targets t WHERE t.set_id = s.id AND sensor_no = 0),
    r.id, r.feed_id, r.started, r.ended, r.user, r.status, r.number, r.report
    FROM feeds f JOIN rule_sets s ON s.id = f.set_id JOIN units u ON u.id = s.unit_id
    LEFT JOIN feed_runs r ON r.id = (SELECT max(id) FROM feed_runs x WHERE x.feed_id = f.id) WHERE 1";
/// Where the columns of the newest run begin.
const RUN_COLUMNS: usize = 19;

impl Store {
    /// The sources of the units in scope, by name.
    pub async fn feeds(&self, scope: &Scope) -> Result<Vec<Feed>> {
        let mut query = sqlx::QueryBuilder::new(FEEDS);
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" ORDER BY s.name, f.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(feed_from).collect())
    }

    pub async fn feed(&self, id: i64, scope: &Scope) -> Result<Feed> {
        let mut query = sqlx::QueryBuilder::new(FEEDS);
        query.push(" AND f.id = ").push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        let row = query.build().fetch_optional(self.reader()).await?;
        row.as_ref()
            .map(feed_from)
            .ok_or_else(|| StateError::not_found("feed", id))
    }

    /// Sources whose time has come, the longest waiting first.
    pub async fn due_feeds(&self, now: UnixMillis) -> Result<Vec<Feed>> {
        let mut query = sqlx::QueryBuilder::new(FEEDS);
        query.push(" AND f.enabled AND f.due <= ").push_bind(now.0);
        query.push(" ORDER BY f.due, f.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(feed_from).collect())
    }

    /// Makes a source and the set that it feeds.
    pub async fn create_feed(
        &self,
        unit_id: UnitId,
        name: &str,
        change: &FeedChange,
        user: &str,
        now: UnixMillis,
    ) -> Result<i64> {
        check(change)?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM feeds")
            .fetch_one(self.reader())
            .await?;
        if count >= MAX_FEEDS {
            return Err(StateError::Invalid {
                field: "feeds",
                reason: "too_many",
            });
        }
        let new = NewRuleSet {
            unit_id,
            name: name.to_owned(),
            draft: String::new(),
        };
        let set = self.create_rule_set(new, user, now).await?;
        let secret = match &change.secret {
            SecretChange::Set(secret) => Some(secret.as_str()),
            SecretChange::Keep | SecretChange::Forget => None,
        };
        let id = sqlx::query_scalar(
            "INSERT INTO feeds (set_id, config, secret, filters, enabled, every_hours, publishes, due, changed, changed_by)
             VALUES (?, ?, ?, '{}', ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(set)
        .bind(&change.config)
        .bind(secret)
        .bind(change.enabled)
        .bind(change.every_hours)
        .bind(change.publishes)
        .bind(change.every_hours.map(|_| now.0))
        .bind(now.0)
        .bind(user)
        .fetch_one(self.writer())
        .await?;
        Ok(id)
    }

    /// Changes how a source is reached, read or scheduled. What was fetched is asked for anew.
    pub async fn change_feed(
        &self,
        id: i64,
        change: &FeedChange,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<()> {
        check(change)?;
        self.feed(id, scope).await?;
        let mut query = sqlx::QueryBuilder::new("UPDATE feeds SET config = ");
        query.push_bind(&change.config);
        query.push(", enabled = ").push_bind(change.enabled);
        query.push(", every_hours = ").push_bind(change.every_hours);
        query.push(", publishes = ").push_bind(change.publishes);
        query
            .push(", due = ")
            .push_bind(change.every_hours.map(|_| now.0));
        match &change.secret {
            SecretChange::Keep => {}
            SecretChange::Set(secret) => {
                query.push(", secret = ").push_bind(secret);
            }
            SecretChange::Forget => {
                query.push(", secret = NULL");
            }
        }
        query.push(", seen = NULL, failures = 0, revision = revision + 1, changed = ");
        query.push_bind(now.0);
        query.push(", changed_by = ").push_bind(user);
        query.push(" WHERE id = ").push_bind(id);
        query.build().execute(self.writer()).await?;
        Ok(())
    }

    /// Changes the filters that have the revision which was looked at, and gives the next one.
    pub async fn save_feed_filters(
        &self,
        id: i64,
        revision: i64,
        filters: &str,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<i64> {
        // Four texts, and what JSON adds to them.
        if filters.len() > 5 * MAX_FILTER_BYTES {
            return Err(StateError::Invalid {
                field: "filters",
                reason: "too_long",
            });
        }
        self.feed(id, scope).await?;
        sqlx::query_scalar(
            "UPDATE feeds SET filters = ?, changed = ?, changed_by = ?, revision = revision + 1
             WHERE id = ? AND revision = ? RETURNING revision",
        )
        .bind(filters)
        .bind(now.0)
        .bind(user)
        .bind(id)
        .bind(revision)
        .fetch_optional(self.writer())
        .await?
        .ok_or(StateError::Invalid {
            field: "revision",
            reason: "changed_meanwhile",
        })
    }

    /// The value of the header that a source is asked with.
    pub async fn feed_secret(&self, id: i64) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("SELECT secret FROM feeds WHERE id = ?")
            .bind(id)
            .fetch_optional(self.reader())
            .await?
            .flatten())
    }

    /// Keeps what an answer said of itself; none: it is to be fetched whole.
    pub async fn note_feed_seen(&self, id: i64, seen: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE feeds SET seen = ? WHERE id = ?")
            .bind(seen)
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Removes a source. Its set stays, with what sensors run of it.
    pub async fn delete_feed(&self, id: i64, scope: &Scope) -> Result<()> {
        self.feed(id, scope).await?;
        sqlx::query("DELETE FROM feeds WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn check(change: &FeedChange) -> Result<()> {
    let secret = match &change.secret {
        SecretChange::Set(secret) => secret.len(),
        SecretChange::Keep | SecretChange::Forget => 0,
    };
    for (field, length, most) in [
        ("config", change.config.len(), MAX_CONFIG_BYTES),
        ("secret", secret, MAX_FEED_ADDRESS_BYTES),
    ] {
        if length > most {
            return Err(StateError::Invalid {
                field,
                reason: "too_long",
            });
        }
    }
    if change
        .every_hours
        .is_some_and(|hours| !(1..=24 * 31).contains(&hours))
    {
        return Err(StateError::Invalid {
            field: "every_hours",
            reason: "out_of_range",
        });
    }
    Ok(())
}

fn feed_from(row: &SqliteRow) -> Feed {
    Feed {
        id: row.get(0),
        set_id: row.get(1),
        name: row.get(2),
        unit_id: UnitId(row.get(3)),
        unit_name: row.get(4),
        config: row.get(5),
        has_secret: row.get(6),
        filters: row.get(7),
        enabled: row.get(8),
        every_hours: row.get(9),
        publishes: row.get(10),
        due: row.get::<Option<i64>, _>(11).map(UnixMillis),
        failures: row.get(12),
        seen: row.get(13),
        revision: row.get(14),
        changed: UnixMillis(row.get(15)),
        changed_by: row.get(16),
        newest: row.get(17),
        everywhere: row.get(18),
        last_run: row
            .get::<Option<i64>, _>(RUN_COLUMNS)
            .map(|_| run::run_from(row, RUN_COLUMNS)),
    }
}
