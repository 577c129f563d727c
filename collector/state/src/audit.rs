//! The audit log: each row is hashed together with the hash of the row before it, so that a row cannot
//! be changed or taken out without the chain telling.

use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::MAX_COMMENT_BYTES;
use crate::store::{Page, Paged, Store};
use crate::text::cut;

/// Something that a user did.
#[derive(Debug, Clone, Copy)]
pub struct AuditEntry<'a> {
    pub at: UnixMillis,
    pub user: &'a str,
    pub address: &'a str,
    /// `session.create`, `group.close`, …
    pub action: &'a str,
    pub target: &'a str,
    /// JSON.
    pub detail: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub id: i64,
    pub at: UnixMillis,
    pub user: String,
    pub address: String,
    pub action: String,
    pub target: String,
    pub detail: String,
    /// Hex.
    pub hash: String,
}

fn chained(previous: &[u8], entry: AuditEntry<'_>) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(entry.at.0.to_be_bytes());
    for part in [
        entry.user,
        entry.address,
        entry.action,
        entry.target,
        entry.detail,
    ] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}

impl Store {
    pub async fn audit(&self, entry: AuditEntry<'_>) -> Result<()> {
        let entry = AuditEntry {
            target: cut(entry.target, MAX_COMMENT_BYTES),
            detail: cut(entry.detail, MAX_COMMENT_BYTES),
            ..entry
        };
        let mut tx = self.write().await?;
        let previous: Vec<u8> = sqlx::query_scalar(
            "SELECT hash FROM (SELECT id, hash FROM audit UNION ALL SELECT 0, hash FROM audit_anchor)
             ORDER BY id DESC LIMIT 1",
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO audit (at, user, address, action, target, detail, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(entry.at.0)
        .bind(entry.user)
        .bind(entry.address)
        .bind(entry.action)
        .bind(entry.target)
        .bind(entry.detail)
        .bind(chained(&previous, entry))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The log, newest first.
    pub async fn audit_log(&self, page: Page) -> Result<Paged<AuditRow>> {
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM audit")
            .fetch_one(self.reader())
            .await?;
        let rows = sqlx::query(
            "SELECT id, at, user, address, action, target, detail, hash FROM audit
             WHERE id < ? ORDER BY id DESC LIMIT ?",
        )
        .bind(page.before.unwrap_or(i64::MAX))
        .bind(page.limit)
        .fetch_all(self.reader())
        .await?;
        let items: Vec<AuditRow> = rows.iter().map(|row| audit_from(row).0).collect();
        Ok(Paged {
            next: next_before(&items, page.limit, |row| row.id),
            items,
            total: total.unsigned_abs(),
        })
    }

    /// Follows the whole chain; the number of rows, or the first row that does not fit.
    pub async fn verify_audit(&self) -> Result<u64> {
        let mut previous: Vec<u8> = sqlx::query_scalar("SELECT hash FROM audit_anchor")
            .fetch_one(self.reader())
            .await?;
        let (mut after, mut rows) = (0_i64, 0_u64);
        loop {
            let page = sqlx::query(
                "SELECT id, at, user, address, action, target, detail, hash FROM audit
                 WHERE id > ? ORDER BY id LIMIT 1000",
            )
            .bind(after)
            .fetch_all(self.reader())
            .await?;
            if page.is_empty() {
                return Ok(rows);
            }
            for (row, hash) in page.iter().map(audit_from) {
                let expected = chained(
                    &previous,
                    AuditEntry {
                        at: row.at,
                        user: &row.user,
                        address: &row.address,
                        action: &row.action,
                        target: &row.target,
                        detail: &row.detail,
                    },
                );
                if expected != hash {
                    return Err(StateError::AuditBroken { id: row.id });
                }
                previous = hash;
                after = row.id;
                rows += 1;
            }
        }
    }
}

pub(crate) fn next_before<T>(items: &[T], limit: u32, id: impl Fn(&T) -> i64) -> Option<i64> {
    (items.len() >= limit as usize)
        .then(|| items.last().map(id))
        .flatten()
}

fn audit_from(row: &SqliteRow) -> (AuditRow, Vec<u8>) {
    let hash: Vec<u8> = row.get(7);
    (
        AuditRow {
            id: row.get(0),
            at: UnixMillis(row.get(1)),
            user: row.get(2),
            address: row.get(3),
            action: row.get(4),
            target: row.get(5),
            detail: row.get(6),
            hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
        hash,
    )
}
