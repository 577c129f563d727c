//! What people keep of their searches: saved ones, the ones they ran, exports, and preferences.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis, UserId};
use crate::limits::{
    MAX_EXPORTS_PER_USER, MAX_HISTORY_OF_SEARCHES, MAX_PREFERENCE_BYTES, MAX_PREFERENCES,
    MAX_QUERY_TEXT_BYTES, MAX_SAVED_SEARCHES,
};
use crate::secret::random_token;
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, checked_name};

/// A query with its range, as people write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText {
    pub query: String,
    pub from: String,
    pub to: String,
    /// `alert`, `record`, or both without it.
    pub class: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedSearch {
    pub name: String,
    pub search: SearchText,
    pub columns: Vec<String>,
    /// For everybody of the owner's unit, of those above and of those below it.
    pub shared: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    pub id: i64,
    pub owner: String,
    pub own: bool,
    pub shared: bool,
    pub name: String,
    pub search: SearchText,
    pub columns: Vec<String>,
    pub updated: UnixMillis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSearch {
    pub at: UnixMillis,
    pub search: SearchText,
    pub total: u64,
    pub milliseconds: u64,
}

/// A file that is being made or waits to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub id: String,
    pub created: UnixMillis,
    pub expires: UnixMillis,
    /// `csv`, `ndjson`, `parquet`
    pub format: String,
    pub query: String,
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub status: ExportStatus,
    pub rows: u64,
    /// Events that the query finds.
    pub total: u64,
    pub bytes: u64,
    /// Everything that the query finds is in the file.
    pub complete: bool,
    /// What of the range lay in the archive: JSON, whose shape is the API's.
    pub archived: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportStatus {
    Running,
    Ready,
    Failed,
    Cancelled,
}

impl ExportStatus {
    pub fn name(self) -> &'static str {
        match self {
            ExportStatus::Running => "running",
            ExportStatus::Ready => "ready",
            ExportStatus::Failed => "failed",
            ExportStatus::Cancelled => "cancelled",
        }
    }

    pub(crate) fn from_name(name: &str) -> ExportStatus {
        match name {
            "running" => ExportStatus::Running,
            "ready" => ExportStatus::Ready,
            "cancelled" => ExportStatus::Cancelled,
            _ => ExportStatus::Failed,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct ExportProgress {
    pub rows: u64,
    pub total: u64,
    pub bytes: u64,
    pub complete: bool,
}

const SAVED: &str = "SELECT s.id, u.name, s.user_id, s.shared, s.name, s.query, s.range_from,
    s.range_to, s.class, s.columns, s.updated FROM saved_searches s JOIN users u ON u.id = s.user_id";
const EXPORT: &str = "SELECT id, created, expires, format, query, range_from, range_to, status,
    rows, total, bytes, complete, archived FROM exports";

impl Store {
    /// The user's own searches, and those shared by units above, below or of the user's own.
    pub async fn saved_searches(
        &self,
        user: UserId,
        unit: UnitId,
        scope: &Scope,
    ) -> Result<Vec<SavedSearch>> {
        let mut query = sqlx::QueryBuilder::new(SAVED);
        query.push(" WHERE s.user_id = ").push_bind(user.0);
        query.push(" OR s.shared = 1 ORDER BY s.name, s.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        let above: Vec<i64> = sqlx::query_scalar(
            "SELECT above.id FROM units own JOIN units above
             ON substr(own.path, 1, length(above.path)) = above.path WHERE own.id = ?",
        )
        .bind(unit.0)
        .fetch_all(self.reader())
        .await?;
        let units = sqlx::query("SELECT id, unit_id FROM saved_searches WHERE shared = 1")
            .fetch_all(self.reader())
            .await?;
        let units: BTreeMap<i64, i64> = units.iter().map(|row| (row.get(0), row.get(1))).collect();
        let seen = |search: &SavedSearch| {
            search.own
                || units
                    .get(&search.id)
                    .is_some_and(|unit| scope.contains(UnitId(*unit)) || above.contains(unit))
        };
        Ok(rows
            .iter()
            .map(|row| saved_from(row, user))
            .filter(seen)
            .collect())
    }

    pub async fn save_search(
        &self,
        user: UserId,
        unit: UnitId,
        new: &NewSavedSearch,
        now: UnixMillis,
    ) -> Result<i64> {
        let (name, columns) = checked(new)?;
        let mut tx = self.write().await?;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM saved_searches WHERE user_id = ?")
                .bind(user.0)
                .fetch_one(&mut *tx)
                .await?;
        if count >= MAX_SAVED_SEARCHES {
            return Err(too_many("searches"));
        }
        let id = sqlx::query_scalar(
            "INSERT INTO saved_searches (user_id, unit_id, shared, name, query, range_from, range_to,
                 class, columns, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) RETURNING id",
        )
        .bind(user.0)
        .bind(unit.0)
        .bind(new.shared)
        .bind(name)
        .bind(&new.search.query)
        .bind(&new.search.from)
        .bind(&new.search.to)
        .bind(&new.search.class)
        .bind(columns)
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes a search of the user's own.
    pub async fn update_saved_search(
        &self,
        id: i64,
        user: UserId,
        new: &NewSavedSearch,
        now: UnixMillis,
    ) -> Result<()> {
        let (name, columns) = checked(new)?;
        let changed = sqlx::query(
            "UPDATE saved_searches SET shared = ?, name = ?, query = ?, range_from = ?,
                 range_to = ?, class = ?, columns = ?, updated = ? WHERE id = ? AND user_id = ?",
        )
        .bind(new.shared)
        .bind(name)
        .bind(&new.search.query)
        .bind(&new.search.from)
        .bind(&new.search.to)
        .bind(&new.search.class)
        .bind(columns)
        .bind(now.0)
        .bind(id)
        .bind(user.0)
        .execute(self.writer())
        .await?;
        one_or_none(changed.rows_affected(), "search", id)
    }

    pub async fn delete_saved_search(&self, id: i64, user: UserId) -> Result<()> {
        let gone = sqlx::query("DELETE FROM saved_searches WHERE id = ? AND user_id = ?")
            .bind(id)
            .bind(user.0)
            .execute(self.writer())
            .await?;
        one_or_none(gone.rows_affected(), "search", id)
    }

    /// Notes a search that a user ran. The same one again moves to the top.
    pub async fn remember_search(&self, user: UserId, past: &PastSearch) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query(
            "DELETE FROM search_history WHERE user_id = ? AND query = ? AND range_from = ?
             AND range_to = ? AND class IS ?",
        )
        .bind(user.0)
        .bind(&past.search.query)
        .bind(&past.search.from)
        .bind(&past.search.to)
        .bind(&past.search.class)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO search_history (user_id, at, query, range_from, range_to, class, total,
                 milliseconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(user.0)
        .bind(past.at.0)
        .bind(cut(&past.search.query, MAX_QUERY_TEXT_BYTES))
        .bind(cut(&past.search.from, 64))
        .bind(cut(&past.search.to, 64))
        .bind(&past.search.class)
        .bind(past.total.cast_signed())
        .bind(past.milliseconds.cast_signed())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM search_history WHERE user_id = ?1 AND id <=
             (SELECT id FROM search_history WHERE user_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )
        .bind(user.0)
        .bind(MAX_HISTORY_OF_SEARCHES)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The user's own, newest first.
    pub async fn past_searches(&self, user: UserId) -> Result<Vec<PastSearch>> {
        let rows = sqlx::query(
            "SELECT at, query, range_from, range_to, class, total, milliseconds
             FROM search_history WHERE user_id = ? ORDER BY id DESC",
        )
        .bind(user.0)
        .fetch_all(self.reader())
        .await?;
        let past = |row: &SqliteRow| PastSearch {
            at: UnixMillis(row.get(0)),
            search: SearchText {
                query: row.get(1),
                from: row.get(2),
                to: row.get(3),
                class: row.get(4),
            },
            total: row.get::<i64, _>(5).unsigned_abs(),
            milliseconds: row.get::<i64, _>(6).unsigned_abs(),
        };
        Ok(rows.iter().map(past).collect())
    }

    pub async fn forget_searches(&self, user: UserId) -> Result<()> {
        sqlx::query("DELETE FROM search_history WHERE user_id = ?")
            .bind(user.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Notes an export that begins, and returns its id.
    pub async fn begin_export(
        &self,
        user: UserId,
        format: &str,
        query: &str,
        (from, to): (UnixMillis, UnixMillis),
        (now, expires): (UnixMillis, UnixMillis),
    ) -> Result<String> {
        let id = random_token()?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM exports WHERE user_id = ?")
            .bind(user.0)
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_EXPORTS_PER_USER {
            return Err(too_many("exports"));
        }
        sqlx::query(
            "INSERT INTO exports (id, user_id, created, expires, format, query, range_from, range_to,
                 status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running')",
        )
        .bind(&id)
        .bind(user.0)
        .bind(now.0)
        .bind(expires.0)
        .bind(format)
        .bind(query)
        .bind(from.0)
        .bind(to.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Tells how far an export is; answers whether it should go on.
    pub async fn export_progress(&self, id: &str, done: ExportProgress) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE exports SET rows = ?, total = ?, bytes = ?, complete = ?
             WHERE id = ? AND status = 'running'",
        )
        .bind(done.rows.cast_signed())
        .bind(done.total.cast_signed())
        .bind(done.bytes.cast_signed())
        .bind(done.complete)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Notes what of an export's range was not looked at, for it lies in the archive.
    pub async fn export_left_out(&self, id: &str, archived: &str) -> Result<()> {
        sqlx::query("UPDATE exports SET archived = ? WHERE id = ?")
            .bind(archived)
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Ends an export that runs. One that was cancelled stays so.
    pub async fn end_export(&self, id: &str, status: ExportStatus) -> Result<()> {
        sqlx::query("UPDATE exports SET status = ? WHERE id = ? AND status = 'running'")
            .bind(status.name())
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// The user's own, newest first.
    pub async fn exports(&self, user: UserId) -> Result<Vec<Export>> {
        let mut query = sqlx::QueryBuilder::new(EXPORT);
        query.push(" WHERE user_id = ").push_bind(user.0);
        query.push(" ORDER BY created DESC, id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(export_from).collect())
    }

    pub async fn export(&self, id: &str, user: UserId) -> Result<Export> {
        let mut query = sqlx::QueryBuilder::new(EXPORT);
        query.push(" WHERE id = ").push_bind(id);
        query.push(" AND user_id = ").push_bind(user.0);
        let row = query
            .build()
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| StateError::not_found("export", id))?;
        Ok(export_from(&row))
    }

    /// Forgets an export; one that runs stops at its next step.
    pub async fn delete_export(&self, id: &str, user: UserId) -> Result<()> {
        let gone = sqlx::query("DELETE FROM exports WHERE id = ? AND user_id = ?")
            .bind(id)
            .bind(user.0)
            .execute(self.writer())
            .await?;
        one_or_none(gone.rows_affected(), "export", id)
    }

    /// Forgets exports past their time, and tells the ids of those that are kept.
    pub async fn expire_exports(&self, now: UnixMillis) -> Result<Vec<String>> {
        sqlx::query("DELETE FROM exports WHERE expires <= ?")
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(sqlx::query_scalar("SELECT id FROM exports")
            .fetch_all(self.reader())
            .await?)
    }

    /// Exports that ran when the collector ended.
    pub async fn fail_interrupted_exports(&self) -> Result<()> {
        sqlx::query("UPDATE exports SET status = 'failed' WHERE status = 'running'")
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// JSON by name.
    pub async fn preferences(&self, user: UserId) -> Result<BTreeMap<String, String>> {
        let rows = sqlx::query("SELECT name, value FROM user_preferences WHERE user_id = ?")
            .bind(user.0)
            .fetch_all(self.reader())
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    pub async fn set_preference(&self, user: UserId, name: &str, value: &str) -> Result<()> {
        let name = checked_name("name", name)?;
        if value.len() > MAX_PREFERENCE_BYTES {
            return Err(StateError::Invalid {
                field: "value",
                reason: "too_long",
            });
        }
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO user_preferences (user_id, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id, name) DO UPDATE SET value = ?3",
        )
        .bind(user.0)
        .bind(&name)
        .bind(value)
        .execute(&mut *tx)
        .await?;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM user_preferences WHERE user_id = ?")
                .bind(user.0)
                .fetch_one(&mut *tx)
                .await?;
        if count > MAX_PREFERENCES {
            return Err(too_many("preferences"));
        }
        tx.commit().await?;
        Ok(())
    }
}

fn too_many(field: &'static str) -> StateError {
    StateError::Invalid {
        field,
        reason: "too_many",
    }
}

fn one_or_none(rows: u64, what: &'static str, id: impl ToString) -> Result<()> {
    if rows == 0 {
        return Err(StateError::not_found(what, id.to_string()));
    }
    Ok(())
}

fn checked(new: &NewSavedSearch) -> Result<(String, String)> {
    let name = checked_name("name", &new.name)?;
    let columns = new.columns.join("\n");
    let search = &new.search;
    for (field, text, limit) in [
        ("query", &search.query, MAX_QUERY_TEXT_BYTES),
        ("from", &search.from, 64),
        ("to", &search.to, 64),
        ("columns", &columns, MAX_QUERY_TEXT_BYTES),
    ] {
        if text.len() > limit {
            return Err(StateError::Invalid {
                field,
                reason: "too_long",
            });
        }
    }
    Ok((name, columns))
}

fn saved_from(row: &SqliteRow, user: UserId) -> SavedSearch {
    let columns: String = row.get(9);
    SavedSearch {
        id: row.get(0),
        owner: row.get(1),
        own: row.get::<i64, _>(2) == user.0,
        shared: row.get(3),
        name: row.get(4),
        search: SearchText {
            query: row.get(5),
            from: row.get(6),
            to: row.get(7),
            class: row.get(8),
        },
        columns: columns.lines().map(str::to_owned).collect(),
        updated: UnixMillis(row.get(10)),
    }
}

fn export_from(row: &SqliteRow) -> Export {
    let number = |at: usize| row.get::<i64, _>(at).unsigned_abs();
    Export {
        id: row.get(0),
        created: UnixMillis(row.get(1)),
        expires: UnixMillis(row.get(2)),
        format: row.get(3),
        query: row.get(4),
        from: UnixMillis(row.get(5)),
        to: UnixMillis(row.get(6)),
        status: ExportStatus::from_name(row.get(7)),
        rows: number(8),
        total: number(9),
        bytes: number(10),
        complete: row.get(11),
        archived: row.get(12),
    }
}
