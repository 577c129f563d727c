//! The tree of the organisation. No level or name is built in, apart from one root.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::UnitId;
use crate::limits::{MAX_NAME_BYTES, MAX_UNIT_DEPTH, MAX_UNITS};
use crate::store::Store;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub id: UnitId,
    pub parent_id: Option<UnitId>,
    pub name: String,
    /// What the organisation calls this level; free text.
    pub kind: String,
}

#[derive(Debug, Clone)]
pub struct NewUnit {
    pub parent_id: UnitId,
    pub name: String,
    pub kind: String,
}

/// The units that a user may see: a unit and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    All,
    /// Sorted.
    Units(Vec<UnitId>),
}

impl Scope {
    pub fn contains(&self, unit: UnitId) -> bool {
        match self {
            Scope::All => true,
            Scope::Units(units) => units.binary_search(&unit).is_ok(),
        }
    }
}

impl Store {
    /// The unit and everything below it. A unit that is gone sees nothing.
    pub async fn scope_of(&self, unit: UnitId) -> Result<Scope> {
        if unit == UnitId::ROOT {
            return Ok(Scope::All);
        }
        let mut ids: Vec<UnitId> = sqlx::query_scalar::<_, i64>(
            "SELECT below.id FROM units top JOIN units below
             ON below.path >= top.path AND below.path < top.path || ':' WHERE top.id = ?",
        )
        .bind(unit.0)
        .fetch_all(self.reader())
        .await?
        .into_iter()
        .map(UnitId)
        .collect();
        ids.sort();
        Ok(Scope::Units(ids))
    }

    /// The units in scope, parents before children.
    pub async fn units(&self, scope: &Scope) -> Result<Vec<Unit>> {
        let rows = sqlx::query("SELECT id, parent_id, name, kind FROM units ORDER BY path")
            .fetch_all(self.reader())
            .await?;
        Ok(rows
            .iter()
            .map(unit_from)
            .filter(|unit| scope.contains(unit.id))
            .collect())
    }

    pub async fn create_unit(&self, new: NewUnit) -> Result<Unit> {
        let name = checked_name("name", &new.name)?;
        let kind = checked_name("kind", &new.kind)?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM units")
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_UNITS {
            return Err(StateError::Invalid {
                field: "units",
                reason: "too_many",
            });
        }
        let parent: String = sqlx::query_scalar("SELECT path FROM units WHERE id = ?")
            .bind(new.parent_id.0)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| StateError::not_found("unit", new.parent_id))?;
        if parent.matches('/').count() > MAX_UNIT_DEPTH {
            return Err(StateError::Invalid {
                field: "parent_id",
                reason: "too_deep",
            });
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO units (parent_id, name, kind, path) VALUES (?, ?, ?, '') RETURNING id",
        )
        .bind(new.parent_id.0)
        .bind(&name)
        .bind(&kind)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query("UPDATE units SET path = ? WHERE id = ?")
            .bind(format!("{parent}{id}/"))
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.forget_triage();
        Ok(Unit {
            id: UnitId(id),
            parent_id: Some(new.parent_id),
            name,
            kind,
        })
    }

    /// Renames a unit. Moving one is not possible: its alert groups keep their place.
    pub async fn update_unit(
        &self,
        id: UnitId,
        name: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Unit> {
        let name = name.map(|name| checked_name("name", name)).transpose()?;
        let kind = kind.map(|kind| checked_name("kind", kind)).transpose()?;
        let row = sqlx::query(
            "UPDATE units SET name = coalesce(?, name), kind = coalesce(?, kind) WHERE id = ?
             RETURNING id, parent_id, name, kind",
        )
        .bind(name)
        .bind(kind)
        .bind(id.0)
        .fetch_optional(self.writer())
        .await?
        .ok_or_else(|| StateError::not_found("unit", id))?;
        Ok(unit_from(&row))
    }

    /// Removes a unit that has no units, users, sensors or alert groups.
    pub async fn delete_unit(&self, id: UnitId) -> Result<()> {
        let in_use = || StateError::InUse {
            what: "unit",
            id: id.to_string(),
        };
        if id == UnitId::ROOT {
            return Err(in_use());
        }
        let mut tx = self.write().await?;
        let used: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM units WHERE parent_id = ?1)
                 OR EXISTS (SELECT 1 FROM users WHERE unit_id = ?1)
                 OR EXISTS (SELECT 1 FROM sensors WHERE unit_id = ?1)
                 OR EXISTS (SELECT 1 FROM groups WHERE unit_id = ?1)
                 OR EXISTS (SELECT 1 FROM rule_sets WHERE unit_id = ?1)
                 OR EXISTS (SELECT 1 FROM rule_captures WHERE unit_id = ?1)
                 OR EXISTS (SELECT 1 FROM enrolments WHERE unit_id = ?1 AND used IS NULL)",
        )
        .bind(id.0)
        .fetch_one(&mut *tx)
        .await?;
        if used != 0 {
            return Err(in_use());
        }
        sqlx::query("DELETE FROM enrolments WHERE unit_id = ?")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let deleted = sqlx::query("DELETE FROM units WHERE id = ?")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StateError::not_found("unit", id));
        }
        tx.commit().await?;
        self.forget_triage();
        Ok(())
    }

    pub(crate) async fn require_unit(&self, id: UnitId) -> Result<()> {
        sqlx::query_scalar::<_, i64>("SELECT id FROM units WHERE id = ?")
            .bind(id.0)
            .fetch_optional(self.reader())
            .await?
            .map(|_| ())
            .ok_or_else(|| StateError::not_found("unit", id))
    }
}

/// Appends `AND column IN (…)` for a scope. An empty scope sees nothing.
pub(crate) fn push_scope(
    query: &mut sqlx::QueryBuilder<sqlx::Sqlite>,
    column: &'static str,
    scope: &Scope,
) {
    if let Scope::Units(units) = scope {
        query.push(" AND ").push(column).push(" IN (");
        for (i, unit) in units.iter().enumerate() {
            if i > 0 {
                query.push(",");
            }
            query.push(unit.0.to_string());
        }
        query.push(")");
    }
}

/// A name without outer spaces and control characters.
pub fn checked_name(field: &'static str, name: &str) -> Result<String> {
    let name = name.trim();
    let fault = if name.is_empty() {
        "empty"
    } else if name.len() > MAX_NAME_BYTES {
        "too_long"
    } else if name.chars().any(char::is_control) {
        "control_character"
    } else {
        return Ok(name.to_owned());
    };
    Err(StateError::Invalid {
        field,
        reason: fault,
    })
}

fn unit_from(row: &SqliteRow) -> Unit {
    Unit {
        id: UnitId(row.get(0)),
        parent_id: row.get::<Option<i64>, _>(1).map(UnitId),
        name: row.get(2),
        kind: row.get(3),
    }
}
