//! Notifications as they are kept: channels, rules, and the queue of messages, which survives restarts and
//! shows what could not be sent. What the JSON of channels and rules says, and how messages are sent, is
//! for others to know.

use std::net::IpAddr;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::group::Status;
use crate::ids::{GroupId, UnitId, UnixMillis, address_from};
use crate::limits::{
    MAX_CHANNELS, MAX_COMMENT_BYTES, MAX_CONFIG_BYTES, MAX_NOTIFICATION_RULES, MAX_OUTBOX_ROWS,
};
use crate::store::{Page, Paged, Store};
use crate::text::cut;
use crate::unit::{Scope, checked_name, push_scope};

/// Items gathered into one message; a digest that is full is followed by another.
const MAX_ITEMS: usize = 200;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    Waiting,
    Sent,
    /// Given up; a person may have it sent again.
    Failed,
}

impl OutboxState {
    pub const ALL: [OutboxState; 3] =
        [OutboxState::Waiting, OutboxState::Sent, OutboxState::Failed];

    pub fn name(self) -> &'static str {
        match self {
            OutboxState::Waiting => "waiting",
            OutboxState::Sent => "sent",
            OutboxState::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<OutboxState> {
        OutboxState::ALL
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// A message that is due.
#[derive(Debug, Clone)]
pub struct DueMessage {
    pub id: i64,
    pub channel: Channel,
    /// JSON list.
    pub items: String,
    pub severity: u8,
    pub created: UnixMillis,
    pub attempts: u32,
}

/// A message in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: i64,
    pub rule_id: Option<i64>,
    pub channel_id: i64,
    pub channel_name: String,
    pub state: OutboxState,
    /// JSON list.
    pub items: String,
    pub severity: u8,
    pub created: UnixMillis,
    /// When it is sent, or tried again.
    pub due: UnixMillis,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub done: Option<UnixMillis>,
}

/// A group of alerts, as far as a message tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTold {
    pub id: GroupId,
    pub unit_id: UnitId,
    pub unit_name: String,
    pub sid: u32,
    pub signature: String,
    pub category: String,
    pub severity: u8,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub count: u64,
    pub first: UnixMillis,
    pub last: UnixMillis,
    /// Nobody has taken it, closed it or hidden it.
    pub is_open_and_untaken: bool,
}

/// A message for the queue.
#[derive(Debug, Clone, Copy)]
pub struct Enqueued<'a> {
    pub rule_id: Option<i64>,
    pub channel_id: i64,
    pub unit: UnitId,
    /// JSON object.
    pub item: &'a str,
    pub severity: u8,
    pub due: UnixMillis,
}

const CHANNEL: &str =
    "c.id, c.name, c.unit_id, c.kind, c.enabled, c.config, c.created, c.created_by";
const GROUP: &str = "SELECT g.id, g.unit_id, u.name, s.sid, s.signature, s.category, g.severity, g.src, g.dest,
    g.count, g.first, g.last, g.status, g.owner FROM groups g JOIN signatures s ON s.id = g.signature_id
    JOIN units u ON u.id = g.unit_id";

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

    /// Queues a message. What a rule already has waiting for the channel and is not due yet takes it in.
    pub async fn enqueue(&self, message: Enqueued<'_>, now: UnixMillis) -> Result<()> {
        let mut tx = self.write().await?;
        let gathering = sqlx::query(
            "SELECT id, json_array_length(items) FROM outbox WHERE state = 'waiting' AND rule_id = ?
             AND channel_id = ? AND attempts = 0 AND due > ? ORDER BY id DESC LIMIT 1",
        )
        .bind(message.rule_id)
        .bind(message.channel_id)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?
        .filter(|row| row.get::<i64, _>(1) < MAX_ITEMS as i64);
        match gathering {
            Some(row) if message.due.0 > now.0 => {
                sqlx::query(
                    "UPDATE outbox SET items = json_insert(items, '$[#]', json(?)),
                         severity = min(severity, ?) WHERE id = ?",
                )
                .bind(message.item)
                .bind(i64::from(message.severity))
                .bind(row.get::<i64, _>(0))
                .execute(&mut *tx)
                .await?;
            }
            _ => {
                sqlx::query(
                    "INSERT INTO outbox (rule_id, channel_id, unit_id, items, severity, state, created, due)
                     VALUES (?, ?, ?, json_array(json(?)), ?, 'waiting', ?, ?)",
                )
                .bind(message.rule_id)
                .bind(message.channel_id)
                .bind(message.unit.0)
                .bind(message.item)
                .bind(i64::from(message.severity))
                .bind(now.0)
                .bind(message.due.0)
                .execute(&mut *tx)
                .await?;
                sqlx::query("DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?")
                    .bind(MAX_OUTBOX_ROWS)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Messages that are due, the oldest first, of channels that are on.
    pub async fn due_messages(&self, now: UnixMillis, limit: u32) -> Result<Vec<DueMessage>> {
        let mut query =
            sqlx::QueryBuilder::new("SELECT o.id, items, severity, o.created, attempts, ");
        query.push(CHANNEL);
        query.push(" FROM outbox o JOIN channels c ON c.id = channel_id WHERE state = 'waiting'");
        query.push(" AND c.enabled AND due <= ").push_bind(now.0);
        query.push(" ORDER BY due, o.id LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let message = |row: &SqliteRow| DueMessage {
            id: row.get(0),
            items: row.get(1),
            severity: small(row.get(2)),
            created: UnixMillis(row.get(3)),
            attempts: row.get::<i64, _>(4).unsigned_abs() as u32,
            channel: channel_from(row, 5),
        };
        Ok(rows.iter().map(message).collect())
    }

    pub async fn message_sent(&self, id: i64, now: UnixMillis) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET state = 'sent', attempts = attempts + 1, last_error = NULL, done = ?
             WHERE id = ?",
        )
        .bind(now.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// An attempt failed; the next is at `again`, or there is none.
    pub async fn message_failed(
        &self,
        id: i64,
        error: &str,
        again: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, last_error = ?, due = coalesce(?, due),
                 state = ?, done = ? WHERE id = ?",
        )
        .bind(cut(error, MAX_COMMENT_BYTES))
        .bind(again.map(|again| again.0))
        .bind(
            again
                .map_or(OutboxState::Failed, |_| OutboxState::Waiting)
                .name(),
        )
        .bind(again.is_none().then_some(now.0))
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Has a message sent again, now.
    pub async fn retry_message(&self, id: i64, scope: &Scope, now: UnixMillis) -> Result<()> {
        let mut query =
            sqlx::QueryBuilder::new("UPDATE outbox SET state = 'waiting', attempts = 0, due = ");
        query.push_bind(now.0);
        query
            .push(", done = NULL WHERE state <> 'sent' AND id = ")
            .push_bind(id);
        push_scope(&mut query, "unit_id", scope);
        let changed = query.build().execute(self.writer()).await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("message", id));
        }
        Ok(())
    }

    /// The queue, newest first.
    pub async fn outbox(
        &self,
        scope: &Scope,
        state: Option<OutboxState>,
        page: Page,
    ) -> Result<Paged<OutboxRow>> {
        let narrow = |query: &mut sqlx::QueryBuilder<sqlx::Sqlite>| {
            push_scope(query, "o.unit_id", scope);
            if let Some(state) = state {
                query.push(" AND state = ").push_bind(state.name());
            }
        };
        let mut count = sqlx::QueryBuilder::new("SELECT count(*) FROM outbox o WHERE 1");
        narrow(&mut count);
        let total: i64 = count.build_query_scalar().fetch_one(self.reader()).await?;
        let mut query = sqlx::QueryBuilder::new(
            "SELECT o.id, rule_id, channel_id, c.name, state, items, severity, o.created, due, attempts,
             last_error, done FROM outbox o JOIN channels c ON c.id = channel_id WHERE 1",
        );
        narrow(&mut query);
        query
            .push(" AND o.id < ")
            .push_bind(page.before.unwrap_or(i64::MAX))
            .push(" ORDER BY o.id DESC LIMIT ")
            .push_bind(page.limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let items: Vec<OutboxRow> = rows
            .iter()
            .map(|row| OutboxRow {
                id: row.get(0),
                rule_id: row.get(1),
                channel_id: row.get(2),
                channel_name: row.get(3),
                state: OutboxState::from_name(row.get(4)).unwrap_or(OutboxState::Failed),
                items: row.get(5),
                severity: small(row.get(6)),
                created: UnixMillis(row.get(7)),
                due: UnixMillis(row.get(8)),
                attempts: row.get::<i64, _>(9).unsigned_abs() as u32,
                last_error: row.get(10),
                done: row.get::<Option<i64>, _>(11).map(UnixMillis),
            })
            .collect();
        Ok(Paged {
            next: crate::audit::next_before(&items, page.limit, |row| row.id),
            items,
            total: total.unsigned_abs(),
        })
    }

    /// How many messages wait, and how many failed since a moment.
    pub async fn outbox_counts(&self, since: UnixMillis) -> Result<(u64, u64)> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting'),
                    (SELECT count(*) FROM outbox WHERE state = 'failed' AND done > ?)",
        )
        .bind(since.0)
        .fetch_one(self.reader())
        .await?;
        Ok((
            row.get::<i64, _>(0).unsigned_abs(),
            row.get::<i64, _>(1).unsigned_abs(),
        ))
    }

    /// Groups made after the one with this id, oldest first.
    pub async fn groups_made_after(&self, id: i64, limit: u32) -> Result<Vec<GroupTold>> {
        let mut query = sqlx::QueryBuilder::new(GROUP);
        query.push(" WHERE g.id > ").push_bind(id);
        query.push(" ORDER BY g.id LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(group_from).collect())
    }

    /// The id of the newest group.
    pub async fn newest_group(&self) -> Result<i64> {
        let id: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM groups")
            .fetch_one(self.reader())
            .await?;
        Ok(id.unwrap_or(0))
    }

    /// Has a rule look at a group again at a time.
    pub async fn plan_escalation(&self, rule: i64, group: GroupId, due: UnixMillis) -> Result<()> {
        sqlx::query(
            "INSERT INTO escalations (rule_id, group_id, due) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(rule)
        .bind(group.0)
        .bind(due.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// What is to be looked at again by now, with the rule; see [`Store::end_escalation`].
    pub async fn due_escalations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<(i64, GroupTold)>> {
        let rows = sqlx::query(
            "SELECT rule_id, group_id FROM escalations WHERE due <= ? ORDER BY due LIMIT ?",
        )
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            let mut query = sqlx::QueryBuilder::new(GROUP);
            query.push(" WHERE g.id = ").push_bind(row.get::<i64, _>(1));
            if let Some(group) = query.build().fetch_optional(self.reader()).await? {
                due.push((row.get(0), group_from(&group)));
            }
        }
        Ok(due)
    }

    pub async fn end_escalation(&self, rule: i64, group: GroupId) -> Result<()> {
        sqlx::query("DELETE FROM escalations WHERE rule_id = ? AND group_id = ?")
            .bind(rule)
            .bind(group.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// How far something has been looked at; `None` before the first time.
    pub async fn notification_mark(&self, what: &str) -> Result<Option<i64>> {
        Ok(
            sqlx::query_scalar("SELECT through FROM notification_marks WHERE what = ?")
                .bind(what)
                .fetch_optional(self.reader())
                .await?,
        )
    }

    pub async fn set_notification_mark(&self, what: &str, through: i64) -> Result<()> {
        sqlx::query(
            "INSERT INTO notification_marks (what, through) VALUES (?1, ?2)
             ON CONFLICT (what) DO UPDATE SET through = ?2",
        )
        .bind(what)
        .bind(through)
        .execute(self.writer())
        .await?;
        Ok(())
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

fn group_from(row: &SqliteRow) -> GroupTold {
    let owner: Option<String> = row.get(13);
    GroupTold {
        id: GroupId(row.get(0)),
        unit_id: UnitId(row.get(1)),
        unit_name: row.get(2),
        sid: u32::try_from(row.get::<i64, _>(3)).unwrap_or(0),
        signature: row.get(4),
        category: row.get(5),
        severity: small(row.get(6)),
        source: address_from(row.get(7)),
        destination: address_from(row.get(8)),
        count: row.get::<i64, _>(9).unsigned_abs(),
        first: UnixMillis(row.get(10)),
        last: UnixMillis(row.get(11)),
        is_open_and_untaken: row.get::<i64, _>(12) == Status::New.number() && owner.is_none(),
    }
}
