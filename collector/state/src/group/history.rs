//! What was done to a group. The rows of a group are chained: each is hashed together with the one before it,
//! so that none can be changed or taken out of the middle without the chain telling.

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::Verdict;
use crate::error::Result;
use crate::ids::{GroupId, UnixMillis};
use crate::limits::MAX_HISTORY_PER_GROUP;
use crate::store::Store;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub at: UnixMillis,
    pub user: Option<String>,
    pub address: String,
    pub action: String,
    pub verdict: Option<Verdict>,
    pub reason: Option<String>,
    pub comment: Option<String>,
    /// Where the group stood afterwards, JSON.
    pub after: String,
    /// Hex; empty for rows from before there was a chain.
    pub hash: String,
    /// The row follows from the one before it.
    pub intact: bool,
}

/// A row to be written.
pub(crate) struct Entry<'a> {
    pub at: UnixMillis,
    pub user: Option<&'a str>,
    pub address: &'a str,
    pub action: &'a str,
    pub verdict: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub comment: Option<&'a str>,
    pub after: &'a str,
    pub undo_token: Option<&'a str>,
    pub before: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// Something that the collector did by itself.
    pub(crate) fn of_system(action: &'a str, reason: Option<&'a str>, at: UnixMillis) -> Entry<'a> {
        Entry {
            at,
            user: None,
            address: "",
            action,
            verdict: None,
            reason,
            comment: None,
            after: "",
            undo_token: None,
            before: None,
        }
    }
}

struct Parts<'a> {
    at: i64,
    texts: [Option<&'a str>; 7],
}

fn chained(previous: &[u8], group: i64, parts: &Parts<'_>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(group.to_be_bytes());
    hasher.update(parts.at.to_be_bytes());
    for text in parts.texts {
        match text {
            None => hasher.update(u64::MAX.to_be_bytes()),
            Some(text) => {
                hasher.update((text.len() as u64).to_be_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    hasher.finalize().to_vec()
}

/// Adds a row behind the group's last; its id and hash.
pub(crate) async fn write_entry(
    connection: &mut sqlx::SqliteConnection,
    group: i64,
    entry: &Entry<'_>,
    version_after: i64,
) -> Result<(i64, Vec<u8>)> {
    let previous: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT hash FROM group_history WHERE group_id = ? ORDER BY id DESC LIMIT 1",
    )
    .bind(group)
    .fetch_optional(&mut *connection)
    .await?
    .flatten();
    let hash = chained(
        previous.as_deref().unwrap_or_default(),
        group,
        &Parts {
            at: entry.at.0,
            texts: [
                entry.user,
                Some(entry.address),
                Some(entry.action),
                entry.verdict,
                entry.reason,
                entry.comment,
                Some(entry.after),
            ],
        },
    );
    let id = sqlx::query_scalar(
        "INSERT INTO group_history (group_id, at, user, action, verdict, reason, comment, undo_token, version_after,
             before, address, after, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(group)
    .bind(entry.at.0)
    .bind(entry.user)
    .bind(entry.action)
    .bind(entry.verdict)
    .bind(entry.reason)
    .bind(entry.comment)
    .bind(entry.undo_token)
    .bind(version_after)
    .bind(entry.before)
    .bind(entry.address)
    .bind(entry.after)
    .bind(&hash)
    .fetch_one(connection)
    .await?;
    Ok((id, hash))
}

impl Store {
    /// What was done to a group, newest first, with what its chain says.
    pub async fn history(&self, id: GroupId) -> Result<Vec<HistoryRow>> {
        let rows = sqlx::query(
            "SELECT at, user, address, action, verdict, reason, comment, after, hash FROM group_history
             WHERE group_id = ? ORDER BY id DESC LIMIT ?",
        )
        .bind(id.0)
        .bind(MAX_HISTORY_PER_GROUP + 1)
        .fetch_all(self.reader())
        .await?;
        // The last row that was read is there for its hash, unless the history begins with it.
        let whole = rows.len() as i64 <= MAX_HISTORY_PER_GROUP;
        let mut previous: Option<Vec<u8>> = None;
        let mut history = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().rev().enumerate() {
            let hash: Option<Vec<u8>> = row.get(8);
            if place == 0 && !whole {
                previous = hash;
                continue;
            }
            let text = |at: usize| row.get::<Option<&str>, _>(at);
            let expected = chained(
                previous.as_deref().unwrap_or_default(),
                id.0,
                &Parts {
                    at: row.get(0),
                    texts: [
                        text(1),
                        text(2),
                        text(3),
                        text(4),
                        text(5),
                        text(6),
                        text(7),
                    ],
                },
            );
            // Rows from before there was a chain have none; none may follow one that has.
            let intact = match &hash {
                Some(hash) => *hash == expected,
                None => previous.is_none(),
            };
            history.push(HistoryRow {
                at: UnixMillis(row.get(0)),
                user: row.get(1),
                address: row.get(2),
                action: row.get(3),
                verdict: text(4).and_then(Verdict::from_name),
                reason: row.get(5),
                comment: row.get(6),
                after: row.get(7),
                hash: hash
                    .iter()
                    .flatten()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                intact,
            });
            previous = hash;
        }
        history.reverse();
        Ok(history)
    }
}
