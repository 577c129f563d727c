//! What is put into a case: groups, hosts, notes, tasks, files.

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::change::{NewEvent, checked_text, invalid, write_event};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnixMillis};
use crate::limits::{
    MAX_ALL_CASE_FILES_BYTES, MAX_CASE_FILE_BYTES, MAX_CASE_FILES, MAX_CASE_GROUPS, MAX_CASE_HOSTS,
    MAX_CASE_TASKS,
};
use crate::store::Store;
use crate::unit::{Scope, checked_name};

/// Something to put into a case, or to change in it.
#[derive(Debug, Clone)]
pub enum CasePart {
    Note(String),
    /// Something that happened at a time, in words.
    Happened {
        at: UnixMillis,
        text: String,
    },
    Host {
        address: String,
        part: String,
        note: String,
    },
    RemoveHost(String),
    RemoveGroup(GroupId),
    Task {
        title: String,
        owner: Option<String>,
        due: Option<UnixMillis>,
    },
    TaskDone {
        id: i64,
        done: bool,
    },
}

#[derive(Debug, Clone)]
pub struct NewFile {
    pub name: String,
    pub kind: String,
    pub content: Vec<u8>,
}

const PARTS: [&str; 3] = ["victim", "attacker", "other"];

impl Store {
    /// A case that can be changed.
    async fn open_case(&self, id: i64, scope: &Scope) -> Result<()> {
        let case = self.case(id, scope).await?;
        if case.merged_into.is_some() {
            return Err(StateError::InUse {
                what: "case",
                id: id.to_string(),
            });
        }
        Ok(())
    }

    /// Adds the groups that are in scope, and their ends as hosts; how many were not in it yet.
    pub async fn add_case_groups(
        &self,
        id: i64,
        groups: &[GroupId],
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<u64> {
        self.open_case(id, scope).await?;
        let mut added = 0;
        for group in groups.iter().take(MAX_CASE_GROUPS as usize) {
            let Ok(group) = self.group(*group, scope).await else {
                continue;
            };
            let mut tx = self.write().await?;
            full(
                &mut tx,
                "SELECT count(*) FROM case_groups WHERE case_id = ?",
                id,
                MAX_CASE_GROUPS,
            )
            .await?;
            let new =
                sqlx::query("INSERT OR IGNORE INTO case_groups (case_id, group_id) VALUES (?, ?)")
                    .bind(id)
                    .bind(group.id.0)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
            if new > 0 {
                added += 1;
                let text = format!(
                    "#{} {}: {} → {}",
                    group.id, group.signature, group.source, group.destination
                );
                let event = NewEvent {
                    at: group.first,
                    written: now,
                    user,
                    kind: "group",
                    text: &text,
                };
                write_event(&mut tx, id, &event).await?;
                let (attacker, victim) = group.parts();
                for (address, part) in [(attacker, "attacker"), (victim, "victim")] {
                    sqlx::query(
                        "INSERT OR IGNORE INTO case_hosts (case_id, address, part, note)
                         SELECT ?1, ?2, ?3, '' WHERE (SELECT count(*) FROM case_hosts WHERE case_id = ?1) < ?4",
                    )
                    .bind(id)
                    .bind(address.to_string())
                    .bind(part)
                    .bind(MAX_CASE_HOSTS)
                    .execute(&mut *tx)
                    .await?;
                }
            }
            tx.commit().await?;
        }
        Ok(added)
    }

    pub async fn put_into_case(
        &self,
        id: i64,
        part: CasePart,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<()> {
        self.open_case(id, scope).await?;
        let mut tx = self.write().await?;
        let (kind, text, at) = match part {
            CasePart::Note(text) => ("note", text, now),
            CasePart::Happened { at, text } => ("happened", text, at),
            CasePart::Host {
                address,
                part,
                note,
            } => {
                let address = checked_name("address", &address)?;
                if !PARTS.contains(&part.as_str()) {
                    return invalid("part", "unknown");
                }
                checked_text("note", &note)?;
                full(
                    &mut tx,
                    "SELECT count(*) FROM case_hosts WHERE case_id = ?",
                    id,
                    MAX_CASE_HOSTS,
                )
                .await?;
                sqlx::query(
                    "INSERT INTO case_hosts (case_id, address, part, note) VALUES (?, ?, ?, ?)
                     ON CONFLICT (case_id, address) DO UPDATE SET part = excluded.part, note = excluded.note",
                )
                .bind(id)
                .bind(&address)
                .bind(part)
                .bind(note.trim())
                .execute(&mut *tx)
                .await?;
                ("host", address, now)
            }
            CasePart::RemoveHost(address) => {
                let gone = sqlx::query("DELETE FROM case_hosts WHERE case_id = ? AND address = ?")
                    .bind(id)
                    .bind(&address)
                    .execute(&mut *tx)
                    .await?;
                if gone.rows_affected() == 0 {
                    return Err(StateError::not_found("host", address));
                }
                ("host_removed", address, now)
            }
            CasePart::RemoveGroup(group) => {
                let gone =
                    sqlx::query("DELETE FROM case_groups WHERE case_id = ? AND group_id = ?")
                        .bind(id)
                        .bind(group.0)
                        .execute(&mut *tx)
                        .await?;
                if gone.rows_affected() == 0 {
                    return Err(StateError::not_found("group", group));
                }
                ("group_removed", format!("#{group}"), now)
            }
            CasePart::Task { title, owner, due } => {
                let title = checked_name("title", &title)?;
                full(
                    &mut tx,
                    "SELECT count(*) FROM case_tasks WHERE case_id = ?",
                    id,
                    MAX_CASE_TASKS,
                )
                .await?;
                sqlx::query(
                    "INSERT INTO case_tasks (case_id, title, owner, due) VALUES (?, ?, ?, ?)",
                )
                .bind(id)
                .bind(&title)
                .bind(owner.filter(|name| !name.is_empty()))
                .bind(due.map(|time| time.0))
                .execute(&mut *tx)
                .await?;
                ("task", title, now)
            }
            CasePart::TaskDone { id: task, done } => {
                let title: String = sqlx::query_scalar(
                    "UPDATE case_tasks SET done = ?, done_by = ? WHERE case_id = ? AND id = ? RETURNING title",
                )
                .bind(done.then_some(now.0))
                .bind(done.then_some(user))
                .bind(id)
                .bind(task)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or_else(|| StateError::not_found("task", task))?;
                (if done { "task_done" } else { "task_open" }, title, now)
            }
        };
        if text.trim().is_empty() {
            return invalid("text", "empty");
        }
        checked_text("text", &text)?;
        let event = NewEvent {
            at,
            written: now,
            user,
            kind,
            text: text.trim(),
        };
        write_event(&mut tx, id, &event).await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn add_case_file(
        &self,
        id: i64,
        file: NewFile,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<i64> {
        self.open_case(id, scope).await?;
        let name = checked_name("name", &file.name)?;
        if file.content.is_empty() {
            return invalid("content", "empty");
        }
        if file.content.len() > MAX_CASE_FILE_BYTES {
            return invalid("content", "too_long");
        }
        let mut tx = self.write().await?;
        full(
            &mut tx,
            "SELECT count(*) FROM case_files WHERE case_id = ?",
            id,
            MAX_CASE_FILES,
        )
        .await?;
        let all: i64 = sqlx::query_scalar("SELECT coalesce(sum(size), 0) FROM case_files")
            .fetch_one(&mut *tx)
            .await?;
        let size = i64::try_from(file.content.len()).unwrap_or(i64::MAX);
        if all.saturating_add(size) > MAX_ALL_CASE_FILES_BYTES {
            return invalid("content", "no_room");
        }
        let digest = Sha256::digest(&file.content);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let row = sqlx::query(
            "INSERT INTO case_files (case_id, name, kind, size, sha256, added, added_by, content)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(id)
        .bind(&name)
        .bind(crate::text::cut(&file.kind, 120))
        .bind(size)
        .bind(&sha256)
        .bind(now.0)
        .bind(user)
        .bind(&file.content)
        .fetch_one(&mut *tx)
        .await?;
        let event = NewEvent {
            at: now,
            written: now,
            user,
            kind: "file",
            text: &format!("{name} (SHA-256 {sha256})"),
        };
        write_event(&mut tx, id, &event).await?;
        tx.commit().await?;
        Ok(row.get(0))
    }
}

/// Refuses when a case holds as much as it may.
async fn full(
    connection: &mut sqlx::SqliteConnection,
    count: &'static str,
    case: i64,
    most: i64,
) -> Result<()> {
    let held: i64 = sqlx::query_scalar(count)
        .bind(case)
        .fetch_one(connection)
        .await?;
    if held >= most {
        return invalid("case", "too_many");
    }
    Ok(())
}
