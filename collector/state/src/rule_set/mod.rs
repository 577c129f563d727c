//! The centre's own rules: sets with a draft and versions, and which sensor is to run which version.

mod capture;
mod fed;
mod publish;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{
    MAX_BYTES_OF_VERSIONS, MAX_COMMENT_BYTES, MAX_RULE_SET_BYTES, MAX_RULE_SETS,
    MAX_VERSIONS_PER_RULE_SET,
};
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, checked_name, push_scope};

pub use capture::RuleCapture;
pub use publish::{Publication, PublishedState, Reported, SensorTarget, published_hash};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRuleSet {
    pub unit_id: UnitId,
    pub name: String,
    pub draft: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    pub id: i64,
    pub unit_id: UnitId,
    pub unit_name: String,
    pub name: String,
    /// Rises with each change of the draft.
    pub revision: i64,
    pub draft_at: UnixMillis,
    pub draft_by: String,
    pub draft_bytes: u64,
    /// The newest version.
    pub newest: Option<i64>,
    /// What all sensors of the unit are to run, apart from those that were given another.
    pub everywhere: Option<i64>,
    /// Sensors that were given a version of their own.
    pub apart: u64,
    /// The draft is not the newest version's text.
    pub changed: bool,
    /// The source that writes its versions; such a set has no draft.
    pub fed_by: Option<i64>,
}

/// A text that is kept as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVersion {
    pub number: i64,
    pub at: UnixMillis,
    pub user: String,
    pub why: String,
    /// Rules that loaded when it was made.
    pub rules: u64,
    /// SHA-256 of the text, hexadecimal.
    pub hash: String,
}

/// SHA-256 of a rule text, hexadecimal.
pub fn rule_text_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const SETS: &str = "SELECT s.id, s.unit_id, u.name, s.name, s.revision, s.draft_at, s.draft_by,
    length(CAST(s.draft AS BLOB)), newest.number,
    (SELECT number FROM rule_targets t WHERE t.set_id = s.id AND sensor_no = 0),
    (SELECT count(*) FROM rule_targets t WHERE t.set_id = s.id AND sensor_no <> 0),
    f.id IS NULL AND (newest.text IS NULL OR newest.text <> s.draft), f.id
    FROM rule_sets s JOIN units u ON u.id = s.unit_id LEFT JOIN feeds f ON f.set_id = s.id
    LEFT JOIN rule_versions newest ON newest.set_id = s.id
        AND newest.number = (SELECT max(number) FROM rule_versions v WHERE v.set_id = s.id) WHERE 1";

impl Store {
    /// The sets of the units in scope, by name.
    pub async fn rule_sets(&self, scope: &Scope) -> Result<Vec<RuleSet>> {
        let mut query = sqlx::QueryBuilder::new(SETS);
        push_scope(&mut query, "s.unit_id", scope);
        query.push(" ORDER BY s.name, s.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(set_from).collect())
    }

    pub async fn rule_set(&self, id: i64, scope: &Scope) -> Result<RuleSet> {
        let mut query = sqlx::QueryBuilder::new(SETS);
        query.push(" AND s.id = ").push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        let row = query.build().fetch_optional(self.reader()).await?;
        row.as_ref()
            .map(set_from)
            .ok_or_else(|| StateError::not_found("rule set", id))
    }

    /// What is worked on in a set, if it has a text anywhere: the draft, or the newest version of a set that a source writes.
    pub async fn rule_text_with(&self, set: &RuleSet, part: &str) -> Result<Option<String>> {
        let text = match (set.fed_by, set.newest) {
            (Some(_), Some(number)) => sqlx::query_scalar(
                "SELECT text FROM rule_versions WHERE set_id = ? AND number = ? AND instr(text, ?) > 0",
            )
            .bind(set.id)
            .bind(number),
            (Some(_), None) => return Ok(None),
            (None, _) => {
                sqlx::query_scalar("SELECT draft FROM rule_sets WHERE id = ? AND instr(draft, ?) > 0")
                    .bind(set.id)
            }
        };
        Ok(text.bind(part).fetch_optional(self.reader()).await?)
    }

    pub async fn rule_draft(&self, id: i64, scope: &Scope) -> Result<String> {
        self.rule_set(id, scope).await?;
        Ok(
            sqlx::query_scalar("SELECT draft FROM rule_sets WHERE id = ?")
                .bind(id)
                .fetch_one(self.reader())
                .await?,
        )
    }

    pub async fn create_rule_set(
        &self,
        new: NewRuleSet,
        user: &str,
        now: UnixMillis,
    ) -> Result<i64> {
        let name = checked_name("name", &new.name)?;
        check_text(&new.draft)?;
        self.require_unit(new.unit_id).await?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM rule_sets")
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_RULE_SETS {
            return Err(too_many("rule_sets"));
        }
        let id = sqlx::query_scalar(
            "INSERT INTO rule_sets (unit_id, name, draft, draft_at, draft_by, created, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?4, ?5) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(new.unit_id.0)
        .bind(&name)
        .bind(&new.draft)
        .bind(now.0)
        .bind(user)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StateError::Exists {
            what: "rule set",
            name,
        })?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes the draft that has the revision which was looked at, and gives its next one.
    pub async fn save_rule_draft(
        &self,
        id: i64,
        revision: i64,
        text: &str,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<i64> {
        check_text(text)?;
        by_hand(&self.rule_set(id, scope).await?)?;
        sqlx::query_scalar(
            "UPDATE rule_sets SET draft = ?, draft_by = ?, draft_at = ?, revision = revision + 1
             WHERE id = ? AND revision = ? RETURNING revision",
        )
        .bind(text)
        .bind(user)
        .bind(now.0)
        .bind(id)
        .bind(revision)
        .fetch_optional(self.writer())
        .await?
        .ok_or(StateError::Invalid {
            field: "revision",
            reason: "changed_meanwhile",
        })
    }

    /// Keeps the draft of a revision as a version. Sound rules were counted before.
    pub async fn keep_rule_version(
        &self,
        id: i64,
        revision: i64,
        rules: u64,
        why: &str,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<i64> {
        let why = checked_reason(why)?;
        by_hand(&self.rule_set(id, scope).await?)?;
        let mut tx = self.write().await?;
        let text: String =
            sqlx::query_scalar("SELECT draft FROM rule_sets s WHERE id = ? AND revision = ?")
                .bind(id)
                .bind(revision)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or(StateError::Invalid {
                    field: "revision",
                    reason: "changed_meanwhile",
                })?;
        let new = NewVersion {
            text: &text,
            rules,
            why,
        };
        let number = insert_version(&mut tx, id, new, (user, now)).await?;
        let number = number.ok_or(StateError::Invalid {
            field: "draft",
            reason: "not_changed",
        })?;
        tx.commit().await?;
        Ok(number)
    }

    /// The versions of a set, newest first.
    pub async fn rule_versions(&self, id: i64, scope: &Scope) -> Result<Vec<RuleVersion>> {
        self.rule_set(id, scope).await?;
        let rows = sqlx::query(
            "SELECT number, at, user, why, rules, hash FROM rule_versions WHERE set_id = ?
             ORDER BY number DESC",
        )
        .bind(id)
        .fetch_all(self.reader())
        .await?;
        Ok(rows.iter().map(version_from).collect())
    }

    pub async fn rule_version_text(&self, id: i64, number: i64, scope: &Scope) -> Result<String> {
        self.rule_set(id, scope).await?;
        sqlx::query_scalar("SELECT text FROM rule_versions WHERE set_id = ? AND number = ?")
            .bind(id)
            .bind(number)
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| StateError::not_found("version", number))
    }

    /// Removes a set with its versions; one that sensors are to run has to be taken back first.
    pub async fn delete_rule_set(&self, id: i64, scope: &Scope) -> Result<()> {
        self.rule_set(id, scope).await?;
        let gone = sqlx::query(
            "DELETE FROM rule_sets WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM rule_targets WHERE set_id = ?1)
             AND NOT EXISTS (SELECT 1 FROM feeds WHERE set_id = ?1)",
        )
        .bind(id)
        .execute(self.writer())
        .await?;
        if gone.rows_affected() == 0 {
            return Err(StateError::InUse {
                what: "rule set",
                id: id.to_string(),
            });
        }
        Ok(())
    }
}

/// A text that is to be kept.
struct NewVersion<'a> {
    text: &'a str,
    rules: u64,
    why: &'a str,
}

/// Keeps a version, and forgets the oldest; none: the newest has this text already.
async fn insert_version(
    tx: &mut sqlx::SqliteConnection,
    set: i64,
    new: NewVersion<'_>,
    (user, now): (&str, UnixMillis),
) -> Result<Option<i64>> {
    let hash = rule_text_hash(new.text);
    let newest: Option<(i64, String)> = sqlx::query_as(
        "SELECT number, hash FROM rule_versions WHERE set_id = ? ORDER BY number DESC LIMIT 1",
    )
    .bind(set)
    .fetch_optional(&mut *tx)
    .await?;
    if newest.as_ref().is_some_and(|(_, newest)| *newest == hash) {
        return Ok(None);
    }
    let number = newest.map_or(1, |(number, _)| number + 1);
    sqlx::query(
        "INSERT INTO rule_versions (set_id, number, at, user, why, rules, hash, text)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(set)
    .bind(number)
    .bind(now.0)
    .bind(user)
    .bind(new.why)
    .bind(new.rules.cast_signed())
    .bind(hash)
    .bind(new.text)
    .execute(&mut *tx)
    .await?;
    forget_versions(
        tx,
        set,
        number,
        (MAX_VERSIONS_PER_RULE_SET, MAX_BYTES_OF_VERSIONS),
    )
    .await?;
    Ok(Some(number))
}

/// Of the versions of a set the oldest go, as far as no sensor is to run them: those beyond a number, and beyond a
/// number of bytes; the newest stays.
async fn forget_versions(
    tx: &mut sqlx::SqliteConnection,
    set: i64,
    newest: i64,
    (most, bytes): (i64, i64),
) -> Result<()> {
    sqlx::query(
        "DELETE FROM rule_versions WHERE set_id = ?1 AND number < ?2 AND number NOT IN
         (SELECT number FROM rule_targets WHERE set_id = ?1) AND (number <= ?2 - ?3 OR number IN
         (SELECT number FROM (SELECT number, sum(octet_length(text)) OVER (ORDER BY number DESC) AS held
          FROM rule_versions WHERE set_id = ?1) WHERE held > ?4))",
    )
    .bind(set)
    .bind(newest)
    .bind(most)
    .bind(bytes)
    .execute(tx)
    .await?;
    Ok(())
}

/// What a source writes nobody else does.
fn by_hand(set: &RuleSet) -> Result<()> {
    match set.fed_by {
        None => Ok(()),
        Some(_) => Err(StateError::Invalid {
            field: "draft",
            reason: "written_by_source",
        }),
    }
}

fn check_text(text: &str) -> Result<()> {
    let reason = if text.len() > MAX_RULE_SET_BYTES {
        "too_long"
    } else if text.contains('\0') {
        "control_character"
    } else {
        return Ok(());
    };
    Err(StateError::Invalid {
        field: "text",
        reason,
    })
}

/// Why something is done: never left out.
pub(crate) fn checked_reason(why: &str) -> Result<&str> {
    let why = cut(why.trim(), MAX_COMMENT_BYTES);
    if why.is_empty() {
        return Err(StateError::Invalid {
            field: "why",
            reason: "empty",
        });
    }
    Ok(why)
}

fn too_many(field: &'static str) -> StateError {
    StateError::Invalid {
        field,
        reason: "too_many",
    }
}

fn set_from(row: &SqliteRow) -> RuleSet {
    RuleSet {
        id: row.get(0),
        unit_id: UnitId(row.get(1)),
        unit_name: row.get(2),
        name: row.get(3),
        revision: row.get(4),
        draft_at: UnixMillis(row.get(5)),
        draft_by: row.get(6),
        draft_bytes: row.get::<i64, _>(7).unsigned_abs(),
        newest: row.get(8),
        everywhere: row.get(9),
        apart: row.get::<i64, _>(10).unsigned_abs(),
        changed: row.get(11),
        fed_by: row.get(12),
    }
}

fn version_from(row: &SqliteRow) -> RuleVersion {
    RuleVersion {
        number: row.get(0),
        at: UnixMillis(row.get(1)),
        user: row.get(2),
        why: row.get(3),
        rules: row.get::<i64, _>(4).unsigned_abs(),
        hash: row.get(5),
    }
}
