//! Reading cases.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::change::chained;
use super::{Case, CaseContent, CaseEvent, CaseFile, CaseHost, CaseStatus, CaseTask};
use crate::error::{Result, StateError};
use crate::group::{COLUMNS as GROUP_COLUMNS, group_from};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_CASE_EVENTS, MAX_CASE_GROUPS};
use crate::store::{Page, Store};
use crate::unit::{Scope, push_scope};

/// Which cases.
#[derive(Debug, Clone)]
pub struct CaseFilter {
    pub scope: Scope,
    /// Empty: all.
    pub statuses: Vec<CaseStatus>,
    pub owner: Option<String>,
}

const COLUMNS: &str = "c.id, c.unit_id, c.title, c.summary, c.severity, c.status, c.owner, c.created, c.created_by,
    c.detected, c.serious, c.personal_data, c.notice_sent, c.report_sent, c.personal_sent, c.cause, c.impact, c.remedy,
    c.closed, c.merged_into, c.version,
    (SELECT count(*) FROM case_groups WHERE case_id = c.id),
    (SELECT count(*) FROM case_tasks WHERE case_id = c.id AND done IS NULL),
    (SELECT count(*) FROM case_tasks WHERE case_id = c.id)";

fn case_from(row: &SqliteRow) -> Case {
    let time = |at: usize| row.get::<Option<i64>, _>(at).map(UnixMillis);
    let count = |at: usize| row.get::<i64, _>(at).unsigned_abs();
    Case {
        id: row.get(0),
        unit_id: UnitId(row.get(1)),
        title: row.get(2),
        summary: row.get(3),
        severity: u8::try_from(row.get::<i64, _>(4)).unwrap_or(4),
        status: CaseStatus::from_name(row.get::<&str, _>(5)).unwrap_or(CaseStatus::Open),
        owner: row.get(6),
        created: UnixMillis(row.get(7)),
        created_by: row.get(8),
        detected: UnixMillis(row.get(9)),
        serious: row.get::<i64, _>(10) != 0,
        personal_data: row.get::<i64, _>(11) != 0,
        notice_sent: time(12),
        report_sent: time(13),
        personal_sent: time(14),
        cause: row.get(15),
        impact: row.get(16),
        remedy: row.get(17),
        closed: time(18),
        merged_into: row.get(19),
        version: row.get(20),
        groups: count(21),
        open_tasks: count(22),
        tasks: count(23),
    }
}

impl Store {
    /// Cases, the newest first.
    pub async fn cases(&self, filter: &CaseFilter, page: Page) -> Result<Vec<Case>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(COLUMNS).push(" FROM cases c WHERE c.id < ");
        query.push_bind(page.before.unwrap_or(i64::MAX));
        push_scope(&mut query, "c.unit_id", &filter.scope);
        if !filter.statuses.is_empty() {
            query.push(" AND c.status IN (''");
            for status in &filter.statuses {
                query.push(", ").push_bind(status.name());
            }
            query.push(")");
        }
        if let Some(owner) = &filter.owner {
            query.push(" AND c.owner = ").push_bind(owner.clone());
        }
        query.push(format_args!(" ORDER BY c.id DESC LIMIT {}", page.limit));
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(case_from).collect())
    }

    /// A case in scope.
    pub async fn case(&self, id: i64, scope: &Scope) -> Result<Case> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM cases c WHERE c.id = ")
            .push_bind(id);
        push_scope(&mut query, "c.unit_id", scope);
        let row = query.build().fetch_optional(self.reader()).await?;
        row.as_ref()
            .map(case_from)
            .ok_or_else(|| StateError::not_found("case", id))
    }

    /// Cases that hold a group.
    pub async fn cases_of_group(&self, group: i64, scope: &Scope) -> Result<Vec<Case>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM cases c JOIN case_groups cg ON cg.case_id = c.id WHERE cg.group_id = ")
            .push_bind(group);
        push_scope(&mut query, "c.unit_id", scope);
        query.push(" ORDER BY c.id DESC LIMIT 20");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(case_from).collect())
    }

    /// A case with all that it holds; groups of units that are out of scope are left out.
    pub async fn case_content(&self, id: i64, scope: &Scope) -> Result<CaseContent> {
        let case = self.case(id, scope).await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query
            .push(GROUP_COLUMNS)
            .push(
                " FROM groups g JOIN signatures s ON s.id = g.signature_id
                 JOIN case_groups cg ON cg.group_id = g.id WHERE cg.case_id = ",
            )
            .push_bind(id);
        push_scope(&mut query, "g.unit_id", scope);
        query.push(format_args!(" ORDER BY g.first LIMIT {MAX_CASE_GROUPS}"));
        let groups = query.build().fetch_all(self.reader()).await?;
        let hosts = sqlx::query(
            "SELECT address, part, note FROM case_hosts WHERE case_id = ? ORDER BY part DESC, address",
        )
        .bind(id)
        .fetch_all(self.reader())
        .await?;
        let tasks = sqlx::query(
            "SELECT id, title, owner, due, done, done_by FROM case_tasks WHERE case_id = ?
             ORDER BY done IS NOT NULL, coalesce(due, 9223372036854775807), id",
        )
        .bind(id)
        .fetch_all(self.reader())
        .await?;
        let files = sqlx::query(
            "SELECT id, name, kind, size, sha256, added, added_by FROM case_files WHERE case_id = ? ORDER BY id",
        )
        .bind(id)
        .fetch_all(self.reader())
        .await?;
        Ok(CaseContent {
            case,
            groups: groups.iter().map(group_from).collect(),
            hosts: hosts
                .iter()
                .map(|row| CaseHost {
                    address: row.get(0),
                    part: row.get(1),
                    note: row.get(2),
                })
                .collect(),
            tasks: tasks
                .iter()
                .map(|row| CaseTask {
                    id: row.get(0),
                    title: row.get(1),
                    owner: row.get(2),
                    due: row.get::<Option<i64>, _>(3).map(UnixMillis),
                    done: row.get::<Option<i64>, _>(4).map(UnixMillis),
                    done_by: row.get(5),
                })
                .collect(),
            files: files
                .iter()
                .map(|row| CaseFile {
                    id: row.get(0),
                    name: row.get(1),
                    kind: row.get(2),
                    size: row.get::<i64, _>(3).unsigned_abs(),
                    sha256: row.get(4),
                    added: UnixMillis(row.get(5)),
                    added_by: row.get(6),
                })
                .collect(),
            events: self.case_events(id).await?,
        })
    }

    async fn case_events(&self, id: i64) -> Result<Vec<CaseEvent>> {
        let rows = sqlx::query(
            "SELECT id, at, written, user, kind, text, hash FROM case_events WHERE case_id = ? ORDER BY id LIMIT ?",
        )
        .bind(id)
        .bind(MAX_CASE_EVENTS)
        .fetch_all(self.reader())
        .await?;
        let mut previous: Vec<u8> = Vec::new();
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let hash: Vec<u8> = row.get(6);
            let times = (row.get::<i64, _>(1), row.get::<i64, _>(2));
            let expected = chained(&previous, id, times, [row.get(3), row.get(4), row.get(5)]);
            events.push(CaseEvent {
                id: row.get(0),
                at: UnixMillis(times.0),
                written: UnixMillis(times.1),
                user: row.get(3),
                kind: row.get(4),
                text: row.get(5),
                hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
                intact: hash == expected,
            });
            previous = hash;
        }
        events.sort_by_key(|event| event.at);
        Ok(events)
    }

    /// The content of a file of a case in scope.
    pub async fn case_file(
        &self,
        case: i64,
        file: i64,
        scope: &Scope,
    ) -> Result<(CaseFile, Vec<u8>)> {
        self.case(case, scope).await?;
        let row = sqlx::query(
            "SELECT id, name, kind, size, sha256, added, added_by, content FROM case_files WHERE case_id = ? AND id = ?",
        )
        .bind(case)
        .bind(file)
        .fetch_optional(self.reader())
        .await?
        .ok_or_else(|| StateError::not_found("file", file))?;
        let file = CaseFile {
            id: row.get(0),
            name: row.get(1),
            kind: row.get(2),
            size: row.get::<i64, _>(3).unsigned_abs(),
            sha256: row.get(4),
            added: UnixMillis(row.get(5)),
            added_by: row.get(6),
        };
        Ok((file, row.get(7)))
    }
}
