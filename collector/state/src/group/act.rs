//! What people do to groups, and its undoing.

use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::history::{Entry, write_entry};
use super::{RiskParts, Status, Verdict};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnitId, UnixMillis, address_from};
use crate::limits::{
    MAX_COMMENT_BYTES, MAX_GROUPS_PER_ACTION, MAX_NAME_BYTES, MAX_RISKS_PER_VERDICT, UNDO_WINDOW,
};
use crate::store::Store;
use crate::unit::{Scope, push_scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Acknowledge,
    Escalate,
    Close,
    /// Escalated, and closed here: others go on with it.
    EscalateClose,
    Reopen,
    Assign,
    Comment,
}

impl Action {
    pub const ALL: [Action; 7] = [
        Action::Acknowledge,
        Action::Escalate,
        Action::Close,
        Action::EscalateClose,
        Action::Reopen,
        Action::Assign,
        Action::Comment,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::Acknowledge => "acknowledge",
            Action::Escalate => "escalate",
            Action::Close => "close",
            Action::EscalateClose => "escalate_close",
            Action::Reopen => "reopen",
            Action::Assign => "assign",
            Action::Comment => "comment",
        }
    }

    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    fn closes(self) -> bool {
        matches!(self, Action::Close | Action::EscalateClose)
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
    /// A closed group stays closed until then, and opens with what comes afterwards.
    pub mute_until: Option<UnixMillis>,
}

/// A group, and the version of it that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub id: GroupId,
    /// Nothing is done if somebody else has changed the group since.
    pub version: Option<i64>,
}

/// A group that somebody else had changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub id: GroupId,
    pub version: i64,
    pub status: Status,
    pub owner: Option<String>,
    /// Who changed it last.
    pub user: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionOutcome {
    pub changed: u64,
    pub conflicts: Vec<Conflict>,
    /// For [`Store::undo`].
    pub undo_token: String,
    /// Hash over the last history rows of the groups, for the audit log.
    pub chain: String,
}

/// Where a group stands; what undoing restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    status: i64,
    verdict: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    escalated: i64,
    #[serde(default)]
    hidden_by: Option<i64>,
    #[serde(default)]
    mute_until: Option<i64>,
}

impl Standing {
    fn after(&self, change: &Change, user: &str) -> Standing {
        let mut after = self.clone();
        match change.action {
            Action::Acknowledge => {
                after.status = Status::Open.number();
                after.hidden_by = None;
                after.owner.get_or_insert_with(|| user.to_owned());
            }
            Action::Escalate => {
                after.status = Status::Escalated.number();
                after.escalated = 1;
                after.hidden_by = None;
            }
            Action::Close | Action::EscalateClose => {
                after.status = Status::Closed.number();
                after.verdict = change.verdict.map(|verdict| verdict.name().to_owned());
                after.reason = change.reason.clone();
                after.mute_until = change.mute_until.map(|until| until.0);
                after.hidden_by = None;
                if change.action == Action::EscalateClose {
                    after.escalated = 1;
                }
            }
            Action::Reopen => {
                after.status = Status::Open.number();
                after.verdict = None;
                after.reason = None;
                after.mute_until = None;
                after.hidden_by = None;
            }
            Action::Assign => after.owner = change.owner.clone().filter(|name| !name.is_empty()),
            Action::Comment => {}
        }
        after
    }

    async fn write(
        &self,
        connection: &mut sqlx::SqliteConnection,
        id: i64,
        version: i64,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE groups SET status = ?, verdict = ?, reason = ?, owner = ?, escalated = ?, hidden_by = ?,
                 mute_until = ?, version = ? WHERE id = ?",
        )
        .bind(self.status)
        .bind(&self.verdict)
        .bind(&self.reason)
        .bind(&self.owner)
        .bind(self.escalated)
        .bind(self.hidden_by)
        .bind(self.mute_until)
        .bind(version)
        .bind(id)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Groups undone in one transaction, so that ingest is not held up.
const UNDONE_AT_ONCE: i64 = 2_000;

/// Who acts, on what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    pub user: &'a str,
    pub address: &'a str,
    pub scope: &'a Scope,
    pub now: UnixMillis,
}

/// Faults of a change that can be told before anything is done.
fn checked(change: &Change) -> Result<()> {
    let invalid = |field, reason| Err(StateError::Invalid { field, reason });
    if change.action.closes() && change.verdict.is_none() {
        return invalid("verdict", "missing");
    }
    if change.action == Action::Comment
        && change
            .comment
            .as_deref()
            .is_none_or(|text| text.trim().is_empty())
    {
        return invalid("comment", "missing");
    }
    for (field, text) in [("reason", &change.reason), ("comment", &change.comment)] {
        if text
            .as_ref()
            .is_some_and(|text| text.len() > MAX_COMMENT_BYTES)
        {
            return invalid(field, "too_long");
        }
    }
    if change
        .owner
        .as_ref()
        .is_some_and(|name| name.len() > MAX_NAME_BYTES)
    {
        return invalid("owner", "too_long");
    }
    Ok(())
}

impl Store {
    /// A token for [`Store::act`], by which all that is done under it is undone.
    pub fn undo_token(&self) -> Result<String> {
        crate::secret::random_token()
    }

    /// Carries out an action on the groups that are in scope and have the version that was looked at.
    ///
    /// # Errors
    /// When there are too many groups, or a close has no verdict.
    pub async fn act(
        &self,
        targets: &[Target],
        change: &Change,
        actor: Actor<'_>,
        undo_token: &str,
    ) -> Result<ActionOutcome> {
        if targets.len() > MAX_GROUPS_PER_ACTION {
            return Err(StateError::Invalid {
                field: "ids",
                reason: "too_many",
            });
        }
        checked(change)?;
        if let (Action::Assign, Some(owner)) = (change.action, &change.owner)
            && !owner.is_empty()
        {
            self.require_user(owner).await?;
        }
        let mut changed = 0;
        let mut conflicts = Vec::new();
        let mut signatures: Vec<i64> = Vec::new();
        let mut chain = sha2::Sha256::default();
        let mut tx = self.write().await?;
        for target in targets {
            let id = target.id;
            let mut query = sqlx::QueryBuilder::new(
                "SELECT status, verdict, reason, owner, version, signature_id, unit_id, src, dest, escalated,
                     hidden_by, mute_until FROM groups WHERE id = ",
            );
            query.push_bind(id.0);
            push_scope(&mut query, "unit_id", actor.scope);
            let Some(row) = query.build().fetch_optional(&mut *tx).await? else {
                continue;
            };
            let before = Standing {
                status: row.get(0),
                verdict: row.get(1),
                reason: row.get(2),
                owner: row.get(3),
                escalated: row.get(9),
                hidden_by: row.get(10),
                mute_until: row.get(11),
            };
            let version: i64 = row.get(4);
            let other = match target.version {
                Some(seen) if seen != version => other_since(&mut tx, id, seen, actor.user).await?,
                _ => None,
            };
            if other.is_some() {
                conflicts.push(Conflict {
                    id,
                    version,
                    status: Status::from_number(before.status),
                    owner: before.owner,
                    user: other,
                });
                continue;
            }
            let version = version + 1;
            let after = before.after(change, actor.user);
            after.write(&mut tx, id.0, version).await?;
            let entry = Entry {
                at: actor.now,
                user: Some(actor.user),
                address: actor.address,
                action: change.action.name(),
                verdict: change.verdict.map(Verdict::name),
                reason: change.reason.as_deref(),
                comment: match change.action {
                    Action::Assign => after.owner.as_deref(),
                    _ => change.comment.as_deref(),
                },
                after: &serde_json::to_string(&after).unwrap_or_default(),
                undo_token: Some(undo_token),
                before: Some(&serde_json::to_string(&before).unwrap_or_default()),
            };
            let (history, hash) = write_entry(&mut tx, id.0, &entry, version).await?;
            sha2::Digest::update(&mut chain, hash);
            if change.action.closes() || change.action == Action::Reopen {
                sqlx::query(
                    "UPDATE verdicts SET withdrawn_by = ? WHERE group_id = ? AND withdrawn_by IS NULL",
                )
                .bind(history)
                .bind(id.0)
                .execute(&mut *tx)
                .await?;
                signatures.push(row.get(5));
            }
            if let (true, Some(verdict)) = (change.action.closes(), change.verdict) {
                sqlx::query(
                    "INSERT INTO verdicts (signature_id, group_id, unit_id, history_id, at, user, verdict, reason, src, dest)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .bind(row.get::<i64, _>(5))
                .bind(id.0)
                .bind(row.get::<i64, _>(6))
                .bind(history)
                .bind(actor.now.0)
                .bind(actor.user)
                .bind(verdict.name())
                .bind(change.reason.as_deref().unwrap_or_default().trim())
                .bind(row.get::<&[u8], _>(7))
                .bind(row.get::<&[u8], _>(8))
                .execute(&mut *tx)
                .await?;
            }
            changed += 1;
        }
        self.renew_risks(&mut tx, signatures).await?;
        tx.commit().await?;
        let chain = sha2::Digest::finalize(chain);
        Ok(ActionOutcome {
            changed,
            conflicts,
            undo_token: undo_token.to_owned(),
            chain: chain.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// Undoes an action of this user, on the groups that nobody has changed since.
    pub async fn undo(&self, token: &str, actor: Actor<'_>) -> Result<u64> {
        let (mut undone, mut past) = (0, 0);
        loop {
            let mut tx = self.write().await?;
            let mut query = sqlx::QueryBuilder::new(
                "SELECT h.group_id, h.before, h.version_after, h.id, g.signature_id
                 FROM group_history h JOIN groups g ON g.id = h.group_id
                 WHERE g.version = h.version_after AND h.undo_token = ",
            );
            query
                .push_bind(token)
                .push(" AND h.id > ")
                .push_bind(past)
                .push(" AND h.user = ")
                .push_bind(actor.user)
                .push(" AND h.at >= ")
                .push_bind(actor.now.0 - UNDO_WINDOW.as_millis() as i64);
            push_scope(&mut query, "g.unit_id", actor.scope);
            query.push(format_args!(" ORDER BY h.id LIMIT {UNDONE_AT_ONCE}"));
            let rows = query.build().fetch_all(&mut *tx).await?;
            let mut signatures = Vec::new();
            for row in &rows {
                let history: i64 = row.get(3);
                past = history;
                let before: Option<&str> = row.get(1);
                let Some(before) =
                    before.and_then(|text| serde_json::from_str::<Standing>(text).ok())
                else {
                    continue;
                };
                let (id, version): (i64, i64) = (row.get(0), row.get::<i64, _>(2) + 1);
                before.write(&mut tx, id, version).await?;
                sqlx::query("DELETE FROM verdicts WHERE history_id = ?")
                    .bind(history)
                    .execute(&mut *tx)
                    .await?;
                let given_back =
                    sqlx::query("UPDATE verdicts SET withdrawn_by = NULL WHERE withdrawn_by = ?")
                        .bind(history)
                        .execute(&mut *tx)
                        .await?
                        .rows_affected();
                if given_back > 0 || before.status != Status::Closed.number() {
                    signatures.push(row.get(4));
                }
                let entry = Entry {
                    at: actor.now,
                    user: Some(actor.user),
                    address: actor.address,
                    action: "undo",
                    verdict: None,
                    reason: None,
                    comment: None,
                    after: &serde_json::to_string(&before).unwrap_or_default(),
                    undo_token: None,
                    before: None,
                };
                write_entry(&mut tx, id, &entry, version).await?;
                undone += 1;
            }
            self.renew_risks(&mut tx, signatures).await?;
            tx.commit().await?;
            if (rows.len() as i64) < UNDONE_AT_ONCE {
                return Ok(undone);
            }
        }
    }

    /// The precision of these signatures has changed: so has the risk of their groups that are not closed.
    async fn renew_risks(
        &self,
        connection: &mut sqlx::SqliteConnection,
        mut signatures: Vec<i64>,
    ) -> Result<()> {
        if signatures.is_empty() {
            return Ok(());
        }
        signatures.sort_unstable();
        signatures.dedup();
        let triage = self.triage().await?;
        let mut left = MAX_RISKS_PER_VERDICT;
        for signature in signatures {
            let rows = sqlx::query(
                "SELECT g.id, g.severity, g.count, g.src, g.dest, g.unit_id, s.alerts, s.closed, s.true_positive
                 FROM groups g JOIN signatures s ON s.id = g.signature_id
                 WHERE g.signature_id = ? AND g.status <> 3 LIMIT ?",
            )
            .bind(signature)
            .bind(left)
            .fetch_all(&mut *connection)
            .await?;
            left -= rows.len() as i64;
            for row in &rows {
                let number = |at: usize| row.get::<i64, _>(at).unsigned_abs();
                let parts = RiskParts {
                    severity: u8::try_from(number(1)).unwrap_or(4),
                    importance: triage.importance(
                        address_from(row.get::<&[u8], _>(3)),
                        address_from(row.get::<&[u8], _>(4)),
                        UnitId(row.get(5)),
                    ),
                    signature_alerts: number(6),
                    closed: number(7),
                    true_positive: number(8),
                    count: number(2),
                };
                sqlx::query("UPDATE groups SET risk = ? WHERE id = ?")
                    .bind(parts.risk())
                    .bind(row.get::<i64, _>(0))
                    .execute(&mut *connection)
                    .await?;
            }
            if left <= 0 {
                break;
            }
        }
        Ok(())
    }

    async fn require_user(&self, name: &str) -> Result<()> {
        sqlx::query_scalar::<_, i64>("SELECT id FROM users WHERE name = ? AND disabled = 0")
            .bind(name)
            .fetch_optional(self.reader())
            .await?
            .map(|_| ())
            .ok_or_else(|| StateError::not_found("user", name))
    }
}

/// Who else has changed the group since a version. What one did oneself is no surprise.
async fn other_since(
    connection: &mut sqlx::SqliteConnection,
    id: GroupId,
    seen: i64,
    user: &str,
) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT user FROM group_history WHERE group_id = ? AND version_after > ? AND user <> ?
         ORDER BY id DESC LIMIT 1",
    )
    .bind(id.0)
    .bind(seen)
    .bind(user)
    .fetch_optional(connection)
    .await?)
}
