//! The queue of messages: it survives restarts, and shows what could not be sent.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_COMMENT_BYTES, MAX_OUTBOX_ROWS};
use crate::store::{Page, Paged, Store};
use crate::text::cut;
use crate::unit::{Scope, push_scope};

use super::{CHANNEL, Channel, channel_from, small};
/// Items gathered into one message; a digest that is full is followed by another.
const MAX_ITEMS: usize = 200;

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

impl Store {
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
}
