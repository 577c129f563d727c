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
use crate::unit::{Scope, push_scope};

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

/// Which rows are asked for; what is `None` narrows nothing.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Who did it, by the name of the account.
    pub user: Option<String>,
    /// `group.close`, or `group` for all that begins with `group.`.
    pub action: Option<String>,
    /// Stands somewhere in user, address, target or detail; ASCII letters are alike in either case.
    pub text: Option<String>,
    pub from: Option<UnixMillis>,
    /// Exclusive.
    pub to: Option<UnixMillis>,
}

impl AuditFilter {
    fn push(&self, query: &mut sqlx::QueryBuilder<sqlx::Sqlite>) {
        if let Some(user) = &self.user {
            query.push(" AND user = ").push_bind(user.clone());
        }
        if let Some(action) = &self.action {
            query.push(" AND (action = ").push_bind(action.clone());
            query
                .push(" OR instr(action, ")
                .push_bind(format!("{action}."));
            query.push(") = 1)");
        }
        if let Some(text) = &self.text {
            query.push(" AND instr(lower(user || ' ' || address || ' ' || target || ' ' || detail), lower(");
            query.push_bind(text.clone()).push(")) > 0");
        }
        if let Some(from) = self.from {
            query.push(" AND at >= ").push_bind(from.0);
        }
        if let Some(to) = self.to {
            query.push(" AND at < ").push_bind(to.0);
        }
    }
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
            "INSERT INTO audit (at, user, address, action, target, detail, hash, unit_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT unit_id FROM users WHERE name = ?))",
        )
        .bind(entry.at.0)
        .bind(entry.user)
        .bind(entry.address)
        .bind(entry.action)
        .bind(entry.target)
        .bind(entry.detail)
        .bind(chained(&previous, entry))
        .bind(entry.user)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The log, newest first: what people of the scope's units did.
    pub async fn audit_log(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Paged<AuditRow>> {
        let mut count = sqlx::QueryBuilder::new("SELECT count(*) FROM audit WHERE 1");
        push_scope(&mut count, "unit_id", scope);
        filter.push(&mut count);
        let total: i64 = count.build_query_scalar().fetch_one(self.reader()).await?;
        let items = self.audit_rows(scope, filter, page).await?;
        Ok(Paged {
            next: next_before(&items, page.limit, |row| row.id),
            items,
            total: total.unsigned_abs(),
        })
    }

    /// One page of it, without counting the rest.
    pub async fn audit_rows(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditRow>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT id, at, user, address, action, target, detail, hash FROM audit WHERE 1",
        );
        push_scope(&mut query, "unit_id", scope);
        filter.push(&mut query);
        query
            .push(" AND id < ")
            .push_bind(page.before.unwrap_or(i64::MAX))
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(page.limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(|row| audit_from(row).0).collect())
    }

    /// Follows the whole chain; the number of rows, or the first row that does not fit.
    pub async fn verify_audit(&self) -> Result<u64> {
        // Anchor and rows of one moment: old rows are taken out beside this.
        let mut tx = self.reader().begin().await?;
        let mut previous: Vec<u8> = sqlx::query_scalar("SELECT hash FROM audit_anchor")
            .fetch_one(&mut *tx)
            .await?;
        let (mut after, mut rows) = (0_i64, 0_u64);
        loop {
            let page = sqlx::query(
                "SELECT id, at, user, address, action, target, detail, hash FROM audit
                 WHERE id > ? ORDER BY id LIMIT 1000",
            )
            .bind(after)
            .fetch_all(&mut *tx)
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
                    return Err(StateError::AuditBroken { id: row.id, rows });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordCost;
    use crate::store::StoreOptions;
    use crate::{NewUnit, NewUser, Role, UnitId};

    const ALL: Page = Page {
        limit: 100,
        before: None,
    };

    async fn store(folder: &tempfile::TempDir) -> Store {
        let options = StoreOptions {
            password_cost: PasswordCost::TEST,
        };
        Store::open(&folder.path().join("state.sqlite"), options)
            .await
            .expect("a store")
    }

    async fn note(store: &Store, at: i64, user: &str, action: &str, target: &str) {
        let entry = AuditEntry {
            at: UnixMillis(at),
            user,
            address: "10.0.0.7",
            action,
            target,
            detail: r#"{"why":"Theo Lịch"}"#,
        };
        store.audit(entry).await.expect("noted");
    }

    #[tokio::test]
    async fn rows_are_found_by_who_what_when_and_in_the_units_of_who_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let unit = store
            .create_unit(NewUnit {
                parent_id: UnitId::ROOT,
                name: "Xã An Bình".to_owned(),
                kind: "xã".to_owned(),
            })
            .await
            .expect("a unit")
            .id;
        store
            .create_user(
                NewUser {
                    name: "binh".to_owned(),
                    display_name: "Bình".to_owned(),
                    role: Role::Administrator,
                    unit_id: unit,
                    password: "a long first password".to_owned(),
                    locale: "vi".to_owned(),
                },
                UnixMillis(1),
            )
            .await
            .expect("an account");
        note(&store, 10, "binh", "group.close", "7").await;
        note(&store, 20, "binh", "groups.other", "12").await;
        note(&store, 30, "nobody", "session.refuse", "").await;
        let found = async |scope: Scope, filter: AuditFilter| -> Vec<i64> {
            let found = store.audit_log(&scope, &filter, ALL).await.expect("found");
            assert_eq!(found.total, found.items.len() as u64);
            found.items.iter().map(|row| row.at.0).collect()
        };
        let some = |text: &str| Some(text.to_owned());
        let none = AuditFilter::default;
        assert_eq!(found(Scope::All, none()).await, [30, 20, 10]);
        assert_eq!(found(Scope::Units(vec![unit]), none()).await, [20, 10]);
        assert!(found(Scope::Units(Vec::new()), none()).await.is_empty());
        for (filter, times) in [
            (
                AuditFilter {
                    user: some("nobody"),
                    ..none()
                },
                &[30][..],
            ),
            (
                AuditFilter {
                    action: some("group"),
                    ..none()
                },
                &[10],
            ),
            (
                AuditFilter {
                    action: some("group.close"),
                    ..none()
                },
                &[10],
            ),
            (
                AuditFilter {
                    text: some("12"),
                    ..none()
                },
                &[20],
            ),
            (
                AuditFilter {
                    text: some("theo"),
                    ..none()
                },
                &[30, 20, 10],
            ),
            (
                AuditFilter {
                    text: some("%"),
                    ..none()
                },
                &[],
            ),
            (
                AuditFilter {
                    from: Some(UnixMillis(20)),
                    to: Some(UnixMillis(30)),
                    ..none()
                },
                &[20],
            ),
        ] {
            assert_eq!(found(Scope::All, filter.clone()).await, times, "{filter:?}");
        }
    }

    #[tokio::test]
    async fn a_row_that_was_changed_breaks_the_chain() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        for at in 1..=3 {
            note(&store, at, "admin", "group.close", "7").await;
        }
        assert_eq!(store.verify_audit().await.expect("unbroken"), 3);
        let mut tx = store.write().await.expect("a transaction");
        sqlx::query("UPDATE audit SET target = '8' WHERE id = 2")
            .execute(&mut *tx)
            .await
            .expect("changed");
        tx.commit().await.expect("kept");
        let broken = store.verify_audit().await.expect_err("changed");
        assert!(
            matches!(broken, StateError::AuditBroken { id: 2, rows: 1 }),
            "{broken:?}"
        );
    }
}
