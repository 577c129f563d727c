//! Captures that rules are tried on.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::too_many;
use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_ALL_RULE_CAPTURES_BYTES, MAX_RULE_CAPTURES};
use crate::store::Store;
use crate::unit::{Scope, checked_name, push_scope};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCapture {
    /// The file's name in the folder of captures, a UUID.
    pub id: String,
    pub unit_id: UnitId,
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub added: UnixMillis,
    pub added_by: String,
}

impl RuleCapture {
    /// An id for one that is to be added.
    pub fn new_id() -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

impl Store {
    /// The captures of the units in scope, newest first.
    pub async fn rule_captures(&self, scope: &Scope) -> Result<Vec<RuleCapture>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT id, unit_id, name, bytes, sha256, added, added_by FROM rule_captures WHERE 1",
        );
        push_scope(&mut query, "unit_id", scope);
        query.push(" ORDER BY added DESC, id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(capture_from).collect())
    }

    pub async fn rule_capture(&self, id: &str, scope: &Scope) -> Result<RuleCapture> {
        let captures = self.rule_captures(scope).await?;
        captures
            .into_iter()
            .find(|capture| capture.id == id)
            .ok_or_else(|| StateError::not_found("capture", id))
    }

    /// Whether one more may be added.
    pub async fn check_room_for_rule_capture(&self, bytes: u64) -> Result<()> {
        let (count, held): (i64, i64) =
            sqlx::query_as("SELECT count(*), coalesce(sum(bytes), 0) FROM rule_captures")
                .fetch_one(self.reader())
                .await?;
        if count >= MAX_RULE_CAPTURES
            || held.saturating_add_unsigned(bytes) > MAX_ALL_RULE_CAPTURES_BYTES
        {
            return Err(too_many("rule_captures"));
        }
        Ok(())
    }

    pub async fn add_rule_capture(&self, capture: &RuleCapture) -> Result<()> {
        let name = checked_name("name", &capture.name)?;
        self.require_unit(capture.unit_id).await?;
        self.check_room_for_rule_capture(capture.bytes).await?;
        sqlx::query(
            "INSERT INTO rule_captures (id, unit_id, name, bytes, sha256, added, added_by)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&capture.id)
        .bind(capture.unit_id.0)
        .bind(name)
        .bind(capture.bytes.cast_signed())
        .bind(&capture.sha256)
        .bind(capture.added.0)
        .bind(&capture.added_by)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    pub async fn delete_rule_capture(&self, id: &str, scope: &Scope) -> Result<()> {
        self.rule_capture(id, scope).await?;
        sqlx::query("DELETE FROM rule_captures WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn capture_from(row: &SqliteRow) -> RuleCapture {
    RuleCapture {
        id: row.get(0),
        unit_id: UnitId(row.get(1)),
        name: row.get(2),
        bytes: row.get::<i64, _>(3).unsigned_abs(),
        sha256: row.get(4),
        added: UnixMillis(row.get(5)),
        added_by: row.get(6),
    }
}
