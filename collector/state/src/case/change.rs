//! Making, changing and merging cases; each change is an event in the case's line of time.

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{Case, CaseChange, CaseStatus, NewCase};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnixMillis};
use crate::limits::{MAX_CASE_EVENTS, MAX_CASE_TEXT_BYTES, MAX_CASES};
use crate::store::Store;
use crate::unit::{Scope, checked_name};

pub(super) fn chained(
    previous: &[u8],
    case: i64,
    (at, written): (i64, i64),
    texts: [&str; 3],
) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    for number in [case, at, written] {
        hasher.update(number.to_be_bytes());
    }
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_vec()
}

/// What is written into a case's line of time.
pub(super) struct NewEvent<'a> {
    pub at: UnixMillis,
    pub written: UnixMillis,
    pub user: &'a str,
    pub kind: &'a str,
    pub text: &'a str,
}

pub(super) fn invalid<T>(field: &'static str, reason: &'static str) -> Result<T> {
    Err(StateError::Invalid { field, reason })
}

pub(super) fn checked_text(field: &'static str, text: &str) -> Result<()> {
    if text.len() > MAX_CASE_TEXT_BYTES {
        return invalid(field, "too_long");
    }
    Ok(())
}

pub(super) async fn write_event(
    connection: &mut sqlx::SqliteConnection,
    case: i64,
    event: &NewEvent<'_>,
) -> Result<()> {
    let row = sqlx::query(
        "SELECT count(*), (SELECT hash FROM case_events WHERE case_id = ?1 ORDER BY id DESC LIMIT 1)
         FROM case_events WHERE case_id = ?1",
    )
    .bind(case)
    .fetch_one(&mut *connection)
    .await?;
    if row.get::<i64, _>(0) >= MAX_CASE_EVENTS {
        return invalid("case", "too_many");
    }
    let previous: Option<Vec<u8>> = row.get(1);
    let hash = chained(
        previous.as_deref().unwrap_or_default(),
        case,
        (event.at.0, event.written.0),
        [event.user, event.kind, event.text],
    );
    sqlx::query(
        "INSERT INTO case_events (case_id, at, written, user, kind, text, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(case)
    .bind(event.at.0)
    .bind(event.written.0)
    .bind(event.user)
    .bind(event.kind)
    .bind(event.text)
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    pub async fn create_case(
        &self,
        new: NewCase,
        groups: &[GroupId],
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<Case> {
        let title = checked_name("title", &new.title)?;
        checked_text("summary", &new.summary)?;
        if !(1..=4).contains(&new.severity) {
            return invalid("severity", "out_of_range");
        }
        if new.detected > now {
            return invalid("detected", "out_of_range");
        }
        self.require_unit(new.unit_id).await?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM cases")
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_CASES {
            return invalid("cases", "too_many");
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO cases (unit_id, title, summary, severity, status, owner, created, created_by, detected,
                 serious, personal_data, cause, impact, remedy)
             VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, '', '', '') RETURNING id",
        )
        .bind(new.unit_id.0)
        .bind(&title)
        .bind(new.summary.trim())
        .bind(i64::from(new.severity))
        .bind(user)
        .bind(now.0)
        .bind(user)
        .bind(new.detected.0)
        .bind(i64::from(new.serious))
        .bind(i64::from(new.personal_data))
        .fetch_one(&mut *tx)
        .await?;
        let made = NewEvent {
            at: now,
            written: now,
            user,
            kind: "created",
            text: &title,
        };
        write_event(&mut tx, id, &made).await?;
        tx.commit().await?;
        if !groups.is_empty() {
            self.add_case_groups(id, groups, user, scope, now).await?;
        }
        self.case(id, scope).await
    }

    /// Changes a case that has the version which was looked at; `None` for whatever it has.
    pub async fn change_case(
        &self,
        id: i64,
        version: Option<i64>,
        change: CaseChange,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<Case> {
        let before = self.case(id, scope).await?;
        if version.is_some_and(|seen| seen != before.version) || before.merged_into.is_some() {
            return Err(StateError::InUse {
                what: "case",
                id: id.to_string(),
            });
        }
        if change.status == Some(CaseStatus::Merged) {
            return invalid("status", "unknown");
        }
        if change
            .severity
            .is_some_and(|severity| !(1..=4).contains(&severity))
        {
            return invalid("severity", "out_of_range");
        }
        let title = change
            .title
            .as_deref()
            .map(|title| checked_name("title", title))
            .transpose()?;
        for (field, text) in [
            ("summary", &change.summary),
            ("cause", &change.cause),
            ("impact", &change.impact),
            ("remedy", &change.remedy),
        ] {
            checked_text(field, text.as_deref().unwrap_or_default())?;
        }
        let mark = |changed: Option<UnixMillis>, before: Option<UnixMillis>| match changed {
            None => before.map(|time| time.0),
            Some(UnixMillis(0)) => None,
            Some(time) => Some(time.0),
        };
        let status = change.status.unwrap_or(before.status);
        let closed = match (status, before.closed) {
            (CaseStatus::Closed, None) => Some(now.0),
            (CaseStatus::Closed, Some(time)) => Some(time.0),
            _ => None,
        };
        let owner = match change.owner.as_deref().map(str::trim) {
            None => before.owner.clone(),
            Some("") => None,
            Some(name) => Some(checked_name("owner", name)?),
        };
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE cases SET title = ?, summary = ?, severity = ?, status = ?, owner = ?, detected = ?, serious = ?,
                 personal_data = ?, notice_sent = ?, report_sent = ?, personal_sent = ?, cause = ?, impact = ?,
                 remedy = ?, closed = ?, version = version + 1 WHERE id = ? AND version = ?",
        )
        .bind(title.as_ref().unwrap_or(&before.title))
        .bind(change.summary.as_ref().unwrap_or(&before.summary))
        .bind(i64::from(change.severity.unwrap_or(before.severity)))
        .bind(status.name())
        .bind(&owner)
        .bind(change.detected.unwrap_or(before.detected).0)
        .bind(i64::from(change.serious.unwrap_or(before.serious)))
        .bind(i64::from(change.personal_data.unwrap_or(before.personal_data)))
        .bind(mark(change.notice_sent, before.notice_sent))
        .bind(mark(change.report_sent, before.report_sent))
        .bind(mark(change.personal_sent, before.personal_sent))
        .bind(change.cause.as_ref().unwrap_or(&before.cause))
        .bind(change.impact.as_ref().unwrap_or(&before.impact))
        .bind(change.remedy.as_ref().unwrap_or(&before.remedy))
        .bind(closed)
        .bind(id)
        .bind(before.version)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StateError::InUse {
                what: "case",
                id: id.to_string(),
            });
        }
        let mut events: Vec<(&str, String)> = Vec::new();
        if status != before.status {
            events.push(("status", status.name().to_owned()));
        }
        if owner != before.owner {
            events.push(("owner", owner.clone().unwrap_or_default()));
        }
        for (name, changed, was) in [
            ("notice", change.notice_sent, before.notice_sent),
            ("report", change.report_sent, before.report_sent),
            ("personal", change.personal_sent, before.personal_sent),
        ] {
            if changed.is_some() && mark(changed, was) != was.map(|time| time.0) {
                events.push(("clock", name.to_owned()));
            }
        }
        let fields = [
            (
                "title",
                title.as_ref().is_some_and(|new| *new != before.title),
            ),
            (
                "summary",
                change
                    .summary
                    .as_ref()
                    .is_some_and(|new| *new != before.summary),
            ),
            (
                "severity",
                change.severity.is_some_and(|new| new != before.severity),
            ),
            (
                "detected",
                change.detected.is_some_and(|new| new != before.detected),
            ),
            (
                "serious",
                change.serious.is_some_and(|new| new != before.serious),
            ),
            (
                "personal_data",
                change
                    .personal_data
                    .is_some_and(|new| new != before.personal_data),
            ),
            (
                "cause",
                change
                    .cause
                    .as_ref()
                    .is_some_and(|new| *new != before.cause),
            ),
            (
                "impact",
                change
                    .impact
                    .as_ref()
                    .is_some_and(|new| *new != before.impact),
            ),
            (
                "remedy",
                change
                    .remedy
                    .as_ref()
                    .is_some_and(|new| *new != before.remedy),
            ),
        ];
        let named: Vec<&str> = fields
            .iter()
            .filter(|(_, changed)| *changed)
            .map(|(name, _)| *name)
            .collect();
        if !named.is_empty() {
            events.push(("changed", named.join(", ")));
        }
        for (kind, text) in &events {
            let event = NewEvent {
                at: now,
                written: now,
                user,
                kind,
                text,
            };
            write_event(&mut tx, id, &event).await?;
        }
        tx.commit().await?;
        self.case(id, scope).await
    }

    /// Moves all that `from` holds into `into`, and leaves a pointer.
    pub async fn merge_cases(
        &self,
        from: i64,
        into: i64,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<Case> {
        if from == into {
            return invalid("into", "does_not_fit");
        }
        let (source, target) = (self.case(from, scope).await?, self.case(into, scope).await?);
        if source.merged_into.is_some() || target.merged_into.is_some() {
            return Err(StateError::InUse {
                what: "case",
                id: from.to_string(),
            });
        }
        let mut tx = self.write().await?;
        for statement in [
            "INSERT OR IGNORE INTO case_groups (case_id, group_id) SELECT ?2, group_id FROM case_groups WHERE case_id = ?1",
            "INSERT OR IGNORE INTO case_hosts (case_id, address, part, note) SELECT ?2, address, part, note FROM case_hosts WHERE case_id = ?1",
            "UPDATE case_tasks SET case_id = ?2 WHERE case_id = ?1",
            "UPDATE case_files SET case_id = ?2 WHERE case_id = ?1",
        ] {
            sqlx::query(statement)
                .bind(from)
                .bind(into)
                .execute(&mut *tx)
                .await?;
        }
        // Notes go along as they were written; the old case keeps its chain.
        let notes = sqlx::query(
            "SELECT at, user, kind, text FROM case_events WHERE case_id = ? AND kind IN ('note', 'happened') ORDER BY id",
        )
        .bind(from)
        .fetch_all(&mut *tx)
        .await?;
        for note in &notes {
            let event = NewEvent {
                at: UnixMillis(note.get(0)),
                written: now,
                user: note.get(1),
                kind: note.get(2),
                text: note.get(3),
            };
            write_event(&mut tx, into, &event).await?;
        }
        sqlx::query(
            "UPDATE cases SET status = 'merged', merged_into = ?2, version = version + 1 WHERE id = ?1",
        )
        .bind(from)
        .bind(into)
        .execute(&mut *tx)
        .await?;
        // The earlier detection starts the clocks; what was serious stays so.
        sqlx::query(
            "UPDATE cases SET detected = min(detected, ?2), serious = max(serious, ?3),
                 personal_data = max(personal_data, ?4), severity = min(severity, ?5), version = version + 1 WHERE id = ?1",
        )
        .bind(into)
        .bind(source.detected.0)
        .bind(i64::from(source.serious))
        .bind(i64::from(source.personal_data))
        .bind(i64::from(source.severity))
        .execute(&mut *tx)
        .await?;
        for (case, other) in [(into, from), (from, into)] {
            let event = NewEvent {
                at: now,
                written: now,
                user,
                kind: "merged",
                text: &other.to_string(),
            };
            write_event(&mut tx, case, &event).await?;
        }
        tx.commit().await?;
        self.case(into, scope).await
    }
}
