//! Sources: whatever sends EVE over HTTP with a token. A source is a row among the sensors, so that units,
//! ledger, silence and quarantine work for it as for any.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::MAX_SOURCES;
use crate::secret::{digest, random_token};
use crate::store::Store;
use crate::unit::{Scope, checked_name, push_scope};

/// Tokens of sources begin with this, so that a leaked one is recognised.
pub const SOURCE_TOKEN_PREFIX: &str = "mls_";
/// The time of last use is written at most this often.
const TOUCH_MS: i64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// A UUID, as sensors have.
    pub id: String,
    pub name: String,
    pub unit_id: UnitId,
    pub created: UnixMillis,
    pub created_by: String,
    pub last_used: Option<UnixMillis>,
}

impl Store {
    /// Makes a source; returns it with its token, which is shown once.
    pub async fn create_source(
        &self,
        name: &str,
        unit: UnitId,
        created_by: &str,
        now: UnixMillis,
    ) -> Result<(Source, String)> {
        let name = checked_name("name", name)?;
        self.require_unit(unit).await?;
        let id = uuid::Uuid::new_v4().to_string();
        let token = format!("{SOURCE_TOKEN_PREFIX}{}", random_token()?);
        let mut tx = self.write().await?;
        let sources: i64 = sqlx::query_scalar("SELECT count(*) FROM source_tokens")
            .fetch_one(&mut *tx)
            .await?;
        if sources >= MAX_SOURCES {
            return Err(StateError::Invalid {
                field: "sources",
                reason: "too_many",
            });
        }
        let no: i64 = sqlx::query_scalar(
            "INSERT INTO sensors (id, name, unit_id, hostname, enrolled, kind)
             VALUES (?, ?, ?, '', ?, 'source') RETURNING no",
        )
        .bind(&id)
        .bind(&name)
        .bind(unit.0)
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO source_tokens (sensor_no, token_hash, created_by, created) VALUES (?, ?, ?, ?)",
        )
        .bind(no)
        .bind(digest(&token))
        .bind(created_by)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let source = Source {
            id,
            name,
            unit_id: unit,
            created: now,
            created_by: created_by.to_owned(),
            last_used: None,
        };
        Ok((source, token))
    }

    /// A new token for a source; the old one works no more.
    pub async fn renew_source_token(&self, id: &str, now: UnixMillis) -> Result<String> {
        let token = format!("{SOURCE_TOKEN_PREFIX}{}", random_token()?);
        let changed = sqlx::query(
            "UPDATE source_tokens SET token_hash = ?, created = ? WHERE sensor_no =
             (SELECT no FROM sensors WHERE id = ? AND revoked IS NULL)",
        )
        .bind(digest(&token))
        .bind(now.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("source", id));
        }
        Ok(token)
    }

    /// The sources of the units in scope that are not revoked, by name.
    pub async fn sources(&self, scope: &Scope) -> Result<Vec<Source>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT s.id, s.name, s.unit_id, t.created, t.created_by, t.last_used
             FROM sensors s JOIN source_tokens t ON t.sensor_no = s.no WHERE revoked IS NULL",
        );
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" ORDER BY s.name, s.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(source_from).collect())
    }

    /// Who a token belongs to, if it may be used.
    pub async fn source_of_token(&self, token: &str, now: UnixMillis) -> Result<Option<Source>> {
        if !token.starts_with(SOURCE_TOKEN_PREFIX) {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT s.id, s.name, s.unit_id, t.created, t.created_by, t.last_used
             FROM source_tokens t JOIN sensors s ON s.no = t.sensor_no
             WHERE t.token_hash = ? AND revoked IS NULL",
        )
        .bind(digest(token))
        .fetch_optional(self.reader())
        .await?;
        let Some(source) = row.as_ref().map(source_from) else {
            return Ok(None);
        };
        if source
            .last_used
            .is_none_or(|last| now.0 - last.0 >= TOUCH_MS)
        {
            sqlx::query("UPDATE source_tokens SET last_used = ? WHERE token_hash = ?")
                .bind(now.0)
                .bind(digest(token))
                .execute(self.writer())
                .await?;
        }
        Ok(Some(source))
    }
}

fn source_from(row: &sqlx::sqlite::SqliteRow) -> Source {
    Source {
        id: row.get(0),
        name: row.get(1),
        unit_id: UnitId(row.get(2)),
        created: UnixMillis(row.get(3)),
        created_by: row.get(4),
        last_used: row.get::<Option<i64>, _>(5).map(UnixMillis),
    }
}
