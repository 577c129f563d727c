//! Sigma rules that are run over stored records: what was asked, how far it is, and what it found.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnixMillis, UserId};
use crate::limits::MAX_RULE_HUNTS_PER_USER;
use crate::search::ExportStatus;
use crate::secret::random_token;
use crate::store::Store;

/// What a user asked, and what has been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleHunt {
    pub id: String,
    pub created: UnixMillis,
    pub expires: UnixMillis,
    pub from: UnixMillis,
    pub to: UnixMillis,
    /// Rules as they were written.
    pub rules: String,
    pub status: ExportStatus,
    /// JSON, whose shape is the API's.
    pub found: String,
}

/// A hunt that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewRuleHunt<'a> {
    pub user: UserId,
    pub rules: &'a str,
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub expires: UnixMillis,
    pub found: &'a str,
}

const HUNT: &str = "SELECT id, created, expires, range_from, range_to, rules, status, found
    FROM rule_hunts";

impl Store {
    /// Notes a hunt that begins, and returns its id.
    pub async fn begin_rule_hunt(&self, new: NewRuleHunt<'_>, now: UnixMillis) -> Result<String> {
        let id = random_token()?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM rule_hunts WHERE user_id = ?")
            .bind(new.user.0)
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_RULE_HUNTS_PER_USER {
            return Err(StateError::Invalid {
                field: "rule_hunts",
                reason: "too_many",
            });
        }
        sqlx::query(
            "INSERT INTO rule_hunts (id, user_id, created, expires, range_from, range_to, rules,
                 status, found) VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?)",
        )
        .bind(&id)
        .bind(new.user.0)
        .bind(now.0)
        .bind(new.expires.0)
        .bind(new.from.0)
        .bind(new.to.0)
        .bind(new.rules)
        .bind(new.found)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Tells what a hunt has found until now; answers whether it should go on.
    pub async fn rule_hunt_found(&self, id: &str, found: &str) -> Result<bool> {
        let changed =
            sqlx::query("UPDATE rule_hunts SET found = ? WHERE id = ? AND status = 'running'")
                .bind(found)
                .bind(id)
                .execute(self.writer())
                .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Ends a hunt that runs. One that was cancelled stays so.
    pub async fn end_rule_hunt(&self, id: &str, status: ExportStatus) -> Result<()> {
        sqlx::query("UPDATE rule_hunts SET status = ? WHERE id = ? AND status = 'running'")
            .bind(status.name())
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Stops a hunt that runs, and keeps what it has found.
    pub async fn cancel_rule_hunt(&self, id: &str, user: UserId) -> Result<()> {
        let hunt = self.rule_hunt(id, user).await?;
        self.end_rule_hunt(&hunt.id, ExportStatus::Cancelled).await
    }

    /// The user's own, newest first.
    pub async fn rule_hunts(&self, user: UserId) -> Result<Vec<RuleHunt>> {
        let mut query = sqlx::QueryBuilder::new(HUNT);
        query.push(" WHERE user_id = ").push_bind(user.0);
        query.push(" ORDER BY created DESC, id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(hunt_from).collect())
    }

    pub async fn rule_hunt(&self, id: &str, user: UserId) -> Result<RuleHunt> {
        let mut query = sqlx::QueryBuilder::new(HUNT);
        query.push(" WHERE id = ").push_bind(id);
        query.push(" AND user_id = ").push_bind(user.0);
        let row = query.build().fetch_optional(self.reader()).await?;
        let row = row.ok_or_else(|| StateError::not_found("rule hunt", id))?;
        Ok(hunt_from(&row))
    }

    /// Forgets a hunt; one that runs stops at its next step.
    pub async fn delete_rule_hunt(&self, id: &str, user: UserId) -> Result<()> {
        let gone = sqlx::query("DELETE FROM rule_hunts WHERE id = ? AND user_id = ?")
            .bind(id)
            .bind(user.0)
            .execute(self.writer())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StateError::not_found("rule hunt", id));
        }
        Ok(())
    }

    /// Forgets hunts past their time.
    pub async fn expire_rule_hunts(&self, now: UnixMillis) -> Result<()> {
        sqlx::query("DELETE FROM rule_hunts WHERE expires <= ?")
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Hunts that ran when the collector ended.
    pub async fn fail_interrupted_rule_hunts(&self) -> Result<()> {
        sqlx::query("UPDATE rule_hunts SET status = 'failed' WHERE status = 'running'")
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn hunt_from(row: &SqliteRow) -> RuleHunt {
    RuleHunt {
        id: row.get(0),
        created: UnixMillis(row.get(1)),
        expires: UnixMillis(row.get(2)),
        from: UnixMillis(row.get(3)),
        to: UnixMillis(row.get(4)),
        rules: row.get(5),
        status: ExportStatus::from_name(row.get(6)),
        found: row.get(7),
    }
}
