//! What people do to groups, and its undoing.

use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Status, Verdict};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnixMillis};
use crate::limits::{MAX_COMMENT_BYTES, MAX_GROUPS_PER_ACTION, MAX_HISTORY_PER_GROUP, UNDO_WINDOW};
use crate::store::Store;
use crate::unit::{Scope, push_scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Acknowledge,
    Escalate,
    Close,
    Reopen,
    Assign,
    Comment,
}

impl Action {
    pub const ALL: [Action; 6] = [
        Action::Acknowledge,
        Action::Escalate,
        Action::Close,
        Action::Reopen,
        Action::Assign,
        Action::Comment,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::Acknowledge => "acknowledge",
            Action::Escalate => "escalate",
            Action::Close => "close",
            Action::Reopen => "reopen",
            Action::Assign => "assign",
            Action::Comment => "comment",
        }
    }

    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// An action with what goes with it.
#[derive(Debug, Clone)]
pub struct Change {
    pub action: Action,
    pub verdict: Option<Verdict>,
    pub reason: Option<String>,
    pub comment: Option<String>,
    pub owner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionOutcome {
    pub changed: u64,
    /// For [`Store::undo`].
    pub undo_token: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub at: UnixMillis,
    pub user: Option<String>,
    pub action: String,
    pub verdict: Option<Verdict>,
    pub reason: Option<String>,
    pub comment: Option<String>,
}

/// What undoing restores.
#[derive(Serialize, Deserialize)]
struct Before {
    status: i64,
    verdict: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
}

impl Store {
    /// Carries out an action on the groups that are in scope.
    ///
    /// # Errors
    /// When there are too many groups, or a close has no verdict.
    pub async fn act(
        &self,
        ids: &[GroupId],
        change: &Change,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<ActionOutcome> {
        let invalid = |field, reason| Err(StateError::Invalid { field, reason });
        if ids.len() > MAX_GROUPS_PER_ACTION {
            return invalid("ids", "too_many");
        }
        if change.action == Action::Close && change.verdict.is_none() {
            return invalid("verdict", "missing");
        }
        if [&change.reason, &change.comment]
            .into_iter()
            .flatten()
            .any(|text| text.len() > MAX_COMMENT_BYTES)
        {
            return invalid("comment", "too_long");
        }
        let token = crate::secret::random_token()?;
        let mut changed = 0;
        let mut tx = self.write().await?;
        for id in ids {
            let mut query = sqlx::QueryBuilder::new(
                "SELECT status, verdict, reason, owner, version, signature_id FROM groups WHERE id = ",
            );
            query.push_bind(id.0);
            push_scope(&mut query, "unit_id", scope);
            let Some(row) = query.build().fetch_optional(&mut *tx).await? else {
                continue;
            };
            let before = Before {
                status: row.get(0),
                verdict: row.get(1),
                reason: row.get(2),
                owner: row.get(3),
            };
            let version = row.get::<i64, _>(4) + 1;
            let status = match change.action {
                Action::Acknowledge => Status::Open,
                Action::Escalate => Status::Escalated,
                Action::Close => Status::Closed,
                Action::Reopen => Status::Open,
                Action::Assign | Action::Comment => Status::from_number(before.status),
            };
            let verdict = match change.action {
                Action::Close => change.verdict.map(|verdict| verdict.name().to_owned()),
                Action::Reopen => None,
                _ => before.verdict.clone(),
            };
            let reason = if change.action == Action::Close {
                change.reason.clone()
            } else {
                before.reason.clone()
            };
            let owner = match change.action {
                Action::Assign => change.owner.clone(),
                Action::Acknowledge => before.owner.clone().or_else(|| Some(user.to_owned())),
                _ => before.owner.clone(),
            };
            sqlx::query("UPDATE groups SET status = ?, verdict = ?, reason = ?, owner = ?, version = ? WHERE id = ?")
                .bind(status.number())
                .bind(&verdict)
                .bind(&reason)
                .bind(&owner)
                .bind(version)
                .bind(id.0)
                .execute(&mut *tx)
                .await?;
            if change.action == Action::Close {
                let true_positive = i64::from(change.verdict == Some(Verdict::TruePositive));
                sqlx::query("UPDATE signatures SET closed = closed + 1, true_positive = true_positive + ? WHERE id = ?")
                    .bind(true_positive)
                    .bind(row.get::<i64, _>(5))
                    .execute(&mut *tx)
                    .await?;
            }
            sqlx::query(
                "INSERT INTO group_history (group_id, at, user, action, verdict, reason, comment, undo_token, version_after, before)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(id.0)
            .bind(now.0)
            .bind(user)
            .bind(change.action.name())
            .bind(change.verdict.map(Verdict::name))
            .bind(&change.reason)
            .bind(&change.comment)
            .bind(&token)
            .bind(version)
            .bind(serde_json::to_string(&before).unwrap_or_default())
            .execute(&mut *tx)
            .await?;
            changed += 1;
        }
        tx.commit().await?;
        Ok(ActionOutcome {
            changed,
            undo_token: token,
        })
    }

    /// Undoes an action of this user, on the groups that nobody has changed since.
    pub async fn undo(
        &self,
        token: &str,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<u64> {
        let mut tx = self.write().await?;
        let mut query = sqlx::QueryBuilder::new(
            "SELECT h.group_id, h.before, h.version_after FROM group_history h JOIN groups g ON g.id = h.group_id
             WHERE g.version = h.version_after AND h.undo_token = ",
        );
        query
            .push_bind(token)
            .push(" AND h.user = ")
            .push_bind(user)
            .push(" AND h.at >= ")
            .push_bind(now.0 - UNDO_WINDOW.as_millis() as i64);
        push_scope(&mut query, "g.unit_id", scope);
        let mut undone = 0;
        for row in query.build().fetch_all(&mut *tx).await? {
            let Ok(before) = serde_json::from_str::<Before>(row.get::<&str, _>(1)) else {
                continue;
            };
            let (id, version): (i64, i64) = (row.get(0), row.get::<i64, _>(2) + 1);
            sqlx::query("UPDATE groups SET status = ?, verdict = ?, reason = ?, owner = ?, version = ? WHERE id = ?")
                .bind(before.status)
                .bind(before.verdict)
                .bind(before.reason)
                .bind(before.owner)
                .bind(version)
                .bind(id)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO group_history (group_id, at, user, action, version_after) VALUES (?, ?, ?, 'undo', ?)")
                .bind(id)
                .bind(now.0)
                .bind(user)
                .bind(version)
                .execute(&mut *tx)
                .await?;
            undone += 1;
        }
        tx.commit().await?;
        Ok(undone)
    }

    /// What was done to a group, newest first.
    pub async fn history(&self, id: GroupId) -> Result<Vec<HistoryRow>> {
        let rows = sqlx::query("SELECT at, user, action, verdict, reason, comment FROM group_history WHERE group_id = ? ORDER BY id DESC LIMIT ?")
            .bind(id.0)
            .bind(MAX_HISTORY_PER_GROUP)
            .fetch_all(self.reader())
            .await?;
        Ok(rows
            .iter()
            .map(|row| HistoryRow {
                at: UnixMillis(row.get(0)),
                user: row.get(1),
                action: row.get(2),
                verdict: row
                    .get::<Option<String>, _>(3)
                    .as_deref()
                    .and_then(Verdict::from_name),
                reason: row.get(4),
                comment: row.get(5),
            })
            .collect())
    }
}
