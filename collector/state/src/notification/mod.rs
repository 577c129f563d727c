//! Notifications as they are kept: channels, rules, and the queue of messages, which survives restarts and
//! shows what could not be sent. What the JSON of channels and rules says, and how messages are sent, is
//! for others to know.

mod escalation;
mod outbox;

pub use escalation::GroupTold;
pub use outbox::{DueMessage, Enqueued, OutboxRow, OutboxState};

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_CHANNELS, MAX_CONFIG_BYTES, MAX_NOTIFICATION_RULES};
use crate::store::Store;
use crate::unit::{Scope, checked_name, push_scope};

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub id: i64,
    pub name: String,
    pub unit_id: UnitId,
    pub kind: String,
    pub enabled: bool,
    /// JSON, secrets too.
    pub config: String,
    pub created: UnixMillis,
    pub created_by: String,
}

/// A channel as a user writes it.
#[derive(Debug, Clone)]
pub struct ChannelChange {
    pub name: String,
    pub unit_id: UnitId,
    pub kind: String,
    pub enabled: bool,
    pub config: String,
}

/// What is told to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRule {
    pub id: i64,
    pub name: String,
    pub unit_id: UnitId,
    pub enabled: bool,
    /// JSON.
    pub config: String,
    pub created: UnixMillis,
    pub created_by: String,
}

#[derive(Debug, Clone)]
pub struct RuleChange {
    pub name: String,
    pub unit_id: UnitId,
    pub enabled: bool,
    pub config: String,
}

const CHANNEL: &str =
    "c.id, c.name, c.unit_id, c.kind, c.enabled, c.config, c.created, c.created_by";

impl Store {
    pub async fn channels(&self, scope: &Scope) -> Result<Vec<Channel>> {
        let mut query = sqlx::QueryBuilder::new("SELECT ");
        query.push(CHANNEL).push(" FROM channels c WHERE 1");
        push_scope(&mut query, "c.unit_id", scope);
        query.push(" ORDER BY c.name, c.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(|row| channel_from(row, 0)).collect())
    }

    pub async fn channel(&self, id: i64, scope: &Scope) -> Result<Channel> {
        let channels = self.channels(scope).await?;
        let found = channels.into_iter().find(|channel| channel.id == id);
        found.ok_or_else(|| StateError::not_found("channel", id))
    }

    /// Makes a channel, or changes the one with this id.
    pub async fn put_channel(
        &self,
        id: Option<i64>,
        scope: &Scope,
        change: &ChannelChange,
        user: &str,
        now: UnixMillis,
    ) -> Result<i64> {
        let name = checked_name("name", &change.name)?;
        self.require_unit(change.unit_id).await?;
        check_config(&change.config)?;
        let Some(id) = id else {
            self.require_room("channels", "SELECT count(*) FROM channels", MAX_CHANNELS)
                .await?;
            return Ok(sqlx::query_scalar(
                "INSERT INTO channels (name, unit_id, kind, enabled, config, created, created_by)
                 VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            )
            .bind(name)
            .bind(change.unit_id.0)
            .bind(&change.kind)
            .bind(change.enabled)
            .bind(&change.config)
            .bind(now.0)
            .bind(user)
            .fetch_one(self.writer())
            .await?);
        };
        self.channel(id, scope).await?;
        sqlx::query(
            "UPDATE channels SET name = ?, unit_id = ?, kind = ?, enabled = ?, config = ? WHERE id = ?",
        )
        .bind(name)
        .bind(change.unit_id.0)
        .bind(&change.kind)
        .bind(change.enabled)
        .bind(&change.config)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(id)
    }

    /// Removes a channel with what waits for it.
    pub async fn delete_channel(&self, id: i64, scope: &Scope) -> Result<()> {
        self.channel(id, scope).await?;
        sqlx::query("DELETE FROM channels WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    pub async fn notification_rules(&self, scope: &Scope) -> Result<Vec<NotificationRule>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT id, name, unit_id, enabled, config, created, created_by FROM notification_rules WHERE 1",
        );
        push_scope(&mut query, "unit_id", scope);
        query.push(" ORDER BY name, id");
        let rows = query.build().fetch_all(self.reader()).await?;
        let rule = |row: &SqliteRow| NotificationRule {
            id: row.get(0),
            name: row.get(1),
            unit_id: UnitId(row.get(2)),
            enabled: row.get(3),
            config: row.get(4),
            created: UnixMillis(row.get(5)),
            created_by: row.get(6),
        };
        Ok(rows.iter().map(rule).collect())
    }

    /// Makes a rule, or changes the one with this id.
    pub async fn put_notification_rule(
        &self,
        id: Option<i64>,
        scope: &Scope,
        change: &RuleChange,
        user: &str,
        now: UnixMillis,
    ) -> Result<i64> {
        let name = checked_name("name", &change.name)?;
        self.require_unit(change.unit_id).await?;
        check_config(&change.config)?;
        let Some(id) = id else {
            let counted = "SELECT count(*) FROM notification_rules";
            self.require_room("rules", counted, MAX_NOTIFICATION_RULES)
                .await?;
            return Ok(sqlx::query_scalar(
                "INSERT INTO notification_rules (name, unit_id, enabled, config, created, created_by)
                 VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            )
            .bind(name)
            .bind(change.unit_id.0)
            .bind(change.enabled)
            .bind(&change.config)
            .bind(now.0)
            .bind(user)
            .fetch_one(self.writer())
            .await?);
        };
        self.require_rule(id, scope).await?;
        sqlx::query(
            "UPDATE notification_rules SET name = ?, unit_id = ?, enabled = ?, config = ? WHERE id = ?",
        )
        .bind(name)
        .bind(change.unit_id.0)
        .bind(change.enabled)
        .bind(&change.config)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(id)
    }

    pub async fn delete_notification_rule(&self, id: i64, scope: &Scope) -> Result<()> {
        self.require_rule(id, scope).await?;
        sqlx::query("DELETE FROM notification_rules WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn require_rule(&self, id: i64, scope: &Scope) -> Result<()> {
        let rules = self.notification_rules(scope).await?;
        if rules.iter().any(|rule| rule.id == id) {
            Ok(())
        } else {
            Err(StateError::not_found("notification rule", id))
        }
    }

    async fn require_room(
        &self,
        field: &'static str,
        counted: &'static str,
        limit: i64,
    ) -> Result<()> {
        let rows: i64 = sqlx::query_scalar(counted).fetch_one(self.reader()).await?;
        if rows < limit {
            return Ok(());
        }
        Err(StateError::Invalid {
            field,
            reason: "too_many",
        })
    }
}

fn check_config(json: &str) -> Result<()> {
    if json.len() <= MAX_CONFIG_BYTES {
        return Ok(());
    }
    Err(StateError::Invalid {
        field: "config",
        reason: "too_long",
    })
}

fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn channel_from(row: &SqliteRow, first: usize) -> Channel {
    Channel {
        id: row.get(first),
        name: row.get(first + 1),
        unit_id: UnitId(row.get(first + 2)),
        kind: row.get(first + 3),
        enabled: row.get(first + 4),
        config: row.get(first + 5),
        created: UnixMillis(row.get(first + 6)),
        created_by: row.get(first + 7),
    }
}
