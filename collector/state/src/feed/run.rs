//! Runs of sources: begun, told of while they go on, ended, remembered.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::{MAX_RUN_REPORT_BYTES, MAX_RUNS_PER_FEED};
use crate::store::Store;
use crate::unit::Scope;

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedRunStatus {
    Running,
    /// The source has what its newest version has.
    Unchanged,
    /// A version was made; somebody has to publish it.
    Kept,
    /// A version was made, and published to all sensors.
    Published,
    Failed,
}

impl FeedRunStatus {
    pub fn name(self) -> &'static str {
        match self {
            FeedRunStatus::Running => "running",
            FeedRunStatus::Unchanged => "unchanged",
            FeedRunStatus::Kept => "kept",
            FeedRunStatus::Published => "published",
            FeedRunStatus::Failed => "failed",
        }
    }

    /// What a later version wrote is taken for failed.
    fn from_name(name: &str) -> FeedRunStatus {
        match name {
            "running" => FeedRunStatus::Running,
            "unchanged" => FeedRunStatus::Unchanged,
            "kept" => FeedRunStatus::Kept,
            "published" => FeedRunStatus::Published,
            _ => FeedRunStatus::Failed,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRun {
    pub id: i64,
    pub feed_id: i64,
    pub started: UnixMillis,
    pub ended: Option<UnixMillis>,
    /// None: its time had come.
    pub user: Option<String>,
    pub status: FeedRunStatus,
    /// The version that it made.
    pub number: Option<i64>,
    /// JSON, whose shape is the API's.
    pub report: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd<'a> {
    pub status: FeedRunStatus,
    pub number: Option<i64>,
    pub report: &'a str,
    /// When the source runs again.
    pub due: Option<UnixMillis>,
}

impl Store {
    /// Begins a run, unless one of the source goes on.
    pub async fn begin_feed_run(
        &self,
        feed: i64,
        user: Option<&str>,
        report: &str,
        now: UnixMillis,
    ) -> Result<i64> {
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO feed_runs (feed_id, started, user, status, report)
             SELECT ?1, ?2, ?3, 'running', ?4
             WHERE NOT EXISTS (SELECT 1 FROM feed_runs WHERE feed_id = ?1 AND status = 'running')
             RETURNING id",
        )
        .bind(feed)
        .bind(now.0)
        .bind(user)
        .bind(report)
        .fetch_optional(self.writer())
        .await?;
        id.ok_or_else(|| StateError::InUse {
            what: "feed",
            id: feed.to_string(),
        })
    }

    /// Tells how far a run is.
    pub async fn tell_feed_run(&self, run: i64, report: &str) -> Result<()> {
        sqlx::query("UPDATE feed_runs SET report = ? WHERE id = ? AND status = 'running'")
            .bind(report)
            .bind(run)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Ends a run, sets when the next one is due, and forgets the oldest.
    pub async fn end_feed_run(&self, run: i64, end: &RunEnd<'_>, now: UnixMillis) -> Result<()> {
        if end.report.len() > MAX_RUN_REPORT_BYTES {
            return Err(StateError::Invalid {
                field: "report",
                reason: "too_long",
            });
        }
        let mut tx = self.write().await?;
        let feed: Option<i64> = sqlx::query_scalar(
            "UPDATE feed_runs SET ended = ?, status = ?, number = ?, report = ?
             WHERE id = ? AND status = 'running' RETURNING feed_id",
        )
        .bind(now.0)
        .bind(end.status.name())
        .bind(end.number)
        .bind(end.report)
        .bind(run)
        .fetch_optional(&mut *tx)
        .await?;
        // The source may have been removed meanwhile.
        let Some(feed) = feed else { return Ok(()) };
        let has_failed = end.status == FeedRunStatus::Failed;
        sqlx::query(
            "UPDATE feeds SET due = ?1, failures = CASE WHEN ?2 THEN failures + 1 ELSE 0 END WHERE id = ?3",
        )
        .bind(end.due.map(|due| due.0))
        .bind(has_failed)
        .bind(feed)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM feed_runs WHERE feed_id = ?1 AND id NOT IN
             (SELECT id FROM feed_runs WHERE feed_id = ?1 ORDER BY id DESC LIMIT ?2)",
        )
        .bind(feed)
        .bind(MAX_RUNS_PER_FEED)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The runs of a source, newest first.
    pub async fn feed_runs(&self, feed: i64, scope: &Scope) -> Result<Vec<FeedRun>> {
        self.feed(feed, scope).await?;
        let rows = sqlx::query(
            "SELECT id, feed_id, started, ended, user, status, number, report FROM feed_runs
             WHERE feed_id = ? ORDER BY id DESC",
        )
        .bind(feed)
        .fetch_all(self.reader())
        .await?;
        Ok(rows.iter().map(|row| run_from(row, 0)).collect())
    }

    /// Runs that went on when the collector ended.
    pub async fn fail_interrupted_feed_runs(&self, report: &str, now: UnixMillis) -> Result<()> {
        sqlx::query(
            "UPDATE feed_runs SET status = 'failed', ended = ?, report = ? WHERE status = 'running'",
        )
        .bind(now.0)
        .bind(report)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

/// A run whose columns begin at one.
pub(super) fn run_from(row: &SqliteRow, at: usize) -> FeedRun {
    FeedRun {
        id: row.get(at),
        feed_id: row.get(at + 1),
        started: UnixMillis(row.get(at + 2)),
        ended: row.get::<Option<i64>, _>(at + 3).map(UnixMillis),
        user: row.get(at + 4),
        status: FeedRunStatus::from_name(row.get(at + 5)),
        number: row.get(at + 6),
        report: row.get(at + 7),
    }
}
