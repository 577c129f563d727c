//! Packets that were asked for: who wants them and why, and how far they have come.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{MAX_EVIDENCE, MAX_OPEN_EVIDENCE};
use crate::store::{Page, Paged, Store};
use crate::unit::{Scope, checked_name, push_scope};

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceState {
    /// The sensor has not been asked yet: it is offline, or others come first.
    Queued,
    Sent,
    /// The sensor looks through its ring.
    Reading,
    Uploading,
    Ready,
    Failed,
    Cancelled,
}

impl EvidenceState {
    pub fn name(self) -> &'static str {
        match self {
            EvidenceState::Queued => "queued",
            EvidenceState::Sent => "sent",
            EvidenceState::Reading => "reading",
            EvidenceState::Uploading => "uploading",
            EvidenceState::Ready => "ready",
            EvidenceState::Failed => "failed",
            EvidenceState::Cancelled => "cancelled",
        }
    }

    fn of(name: &str) -> Option<EvidenceState> {
        use EvidenceState::*;
        [Queued, Sent, Reading, Uploading, Ready, Failed, Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Something may still come.
    pub fn is_open(self) -> bool {
        !matches!(
            self,
            EvidenceState::Ready | EvidenceState::Failed | EvidenceState::Cancelled
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvidence {
    pub sensor_id: String,
    pub event_id: Option<String>,
    pub flow_id: Option<i64>,
    pub from_ns: i64,
    pub to_ns: i64,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub id: i64,
    pub unit_id: UnitId,
    pub sensor_name: String,
    pub asked: NewEvidence,
    pub requested: UnixMillis,
    pub requested_by: String,
    pub state: EvidenceState,
    pub fault: Option<String>,
    pub changed: UnixMillis,
    /// Segment, offset and entry in the sensor's ring up to which it goes.
    pub until: Option<(u64, u64, u32)>,
    pub total_frames: Option<u64>,
    pub total_bytes: Option<u64>,
    pub frames: u64,
    pub bytes: u64,
    pub cut: bool,
    pub rotated: bool,
    pub damaged: u64,
    pub file_bytes: Option<u64>,
    pub sha256: Option<String>,
}

/// Which requests are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceOf<'a> {
    All,
    Event(&'a str),
    /// Of one flow: its number, at a time, as sensors may use numbers again.
    Flow {
        sensor: &'a str,
        flow: i64,
        from_ns: i64,
        to_ns: i64,
    },
}

/// What a sensor tells of an open request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceStep {
    Sent,
    Reading,
    Uploading {
        until: (u64, u64, u32),
        /// What is here, of links before.
        frames: u64,
        bytes: u64,
        /// What comes now.
        more_frames: u64,
        more_bytes: u64,
        cut: bool,
        rotated: bool,
        damaged: u64,
    },
    Came {
        frames: u64,
        bytes: u64,
    },
    Ready {
        frames: u64,
        file_bytes: u64,
        sha256: String,
    },
    Failed(String),
    Cancelled,
}

const COLUMNS: &str =
    "SELECT e.id, s.unit_id, s.name, sensor_id, event_id, flow_id, from_ns, to_ns, reason,
    requested, requested_by, state, fault, changed, until_segment, until_offset, until_entry,
    total_frames, total_bytes, frames, bytes, cut, rotated, damaged, file_bytes, sha256";
const FROM: &str = " FROM evidence e JOIN sensors s ON s.id = e.sensor_id WHERE 1";

impl Store {
    /// Notes that somebody wants packets. The same flow's that are on their way are not asked for twice.
    pub async fn request_evidence(
        &self,
        new: NewEvidence,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<Evidence> {
        let sensor = self.sensor(&new.sensor_id, scope).await?;
        let reason = checked_name("reason", &new.reason)?;
        let mut tx = self.write().await?;
        let same: Option<i64> = sqlx::query_scalar(
"SELECT id FROM evidence WHERE sensor_id = ? AND flow_id IS ? AND from_ns = ? AND to_ns = ? AND is_open")
        .bind(&sensor.id)
        .bind(new.flow_id)
        .bind(new.from_ns)
        .bind(new.to_ns)
        .fetch_optional(&mut *tx)
        .await?;
        let id = match same {
            Some(id) => id,
            None => {
                let open: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM evidence WHERE sensor_id = ? AND is_open",
                )
                .bind(&sensor.id)
                .fetch_one(&mut *tx)
                .await?;
                let all: i64 = sqlx::query_scalar("SELECT count(*) FROM evidence")
                    .fetch_one(&mut *tx)
                    .await?;
                if open >= MAX_OPEN_EVIDENCE || all >= MAX_EVIDENCE {
                    return Err(StateError::Invalid {
                        field: "evidence",
                        reason: "too_many",
                    });
                }
                sqlx::query_scalar(
                    "INSERT INTO evidence (sensor_id, event_id, flow_id, from_ns, to_ns, reason, requested,
                     requested_by, state, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?) RETURNING id",
                )
                .bind(&sensor.id)
                .bind(&new.event_id)
                .bind(new.flow_id)
                .bind(new.from_ns)
                .bind(new.to_ns)
                .bind(&reason)
                .bind(now.0)
                .bind(user)
                .bind(now.0)
                .fetch_one(&mut *tx)
                .await?
            }
        };
        tx.commit().await?;
        self.evidence(id, scope).await
    }

    pub async fn evidence(&self, id: i64, scope: &Scope) -> Result<Evidence> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(FROM).push(" AND e.id = ").push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        let row = query.build().fetch_optional(self.reader()).await?;
        evidence_from(&row.ok_or_else(|| StateError::not_found("evidence", id))?)
    }

    /// Newest first, in scope.
    pub async fn evidence_list(
        &self,
        of: EvidenceOf<'_>,
        scope: &Scope,
        page: Page,
    ) -> Result<Paged<Evidence>> {
        let narrow = |query: &mut sqlx::QueryBuilder<sqlx::Sqlite>| {
            query.push(FROM);
            push_scope(query, "s.unit_id", scope);
            match of {
                EvidenceOf::All => {}
                EvidenceOf::Event(event) => {
                    query.push(" AND event_id = ").push_bind(event.to_owned());
                }
                EvidenceOf::Flow {
                    sensor,
                    flow,
                    from_ns,
                    to_ns,
                } => {
                    query
                        .push(" AND sensor_id = ")
                        .push_bind(sensor.to_owned())
                        .push(" AND flow_id = ")
                        .push_bind(flow)
                        .push(" AND from_ns <= ")
                        .push_bind(to_ns)
                        .push(" AND to_ns >= ")
                        .push_bind(from_ns);
                }
            }
        };
        let mut count = sqlx::QueryBuilder::new("SELECT count(*)");
        narrow(&mut count);
        let total: i64 = count.build_query_scalar().fetch_one(self.reader()).await?;
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        narrow(&mut query);
        query
            .push(" AND e.id < ")
            .push_bind(page.before.unwrap_or(i64::MAX))
            .push(" ORDER BY e.id DESC LIMIT ")
            .push_bind(page.limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        let items: Vec<Evidence> = rows.iter().map(evidence_from).collect::<Result<_>>()?;
        let full = items.len() as u64 == u64::from(page.limit);
        Ok(Paged {
            total: total.unsigned_abs(),
            next: items.last().filter(|_| full).map(|last| last.id),
            items,
        })
    }

    /// What a sensor is to be asked for, oldest first.
    pub async fn open_evidence(&self, sensor_id: &str) -> Result<Vec<Evidence>> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query
            .push(FROM)
            .push(" AND sensor_id = ")
            .push_bind(sensor_id)
            .push(" AND is_open ORDER BY e.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        rows.iter().map(evidence_from).collect()
    }

    /// Notes a step of an open request; false when it is open no more.
    pub async fn step_evidence(
        &self,
        id: i64,
        step: &EvidenceStep,
        now: UnixMillis,
    ) -> Result<bool> {
        let mut query = sqlx::QueryBuilder::new("UPDATE evidence SET changed = ");
        query.push_bind(now.0);
        let state = match step {
            EvidenceStep::Sent => "sent",
            EvidenceStep::Reading => "reading",
            EvidenceStep::Uploading {
                until,
                frames,
                bytes,
                more_frames,
                more_bytes,
                cut,
                rotated,
                damaged,
            } => {
                query
                    .push(", until_segment = ")
                    .push_bind(until.0.cast_signed())
                    .push(", until_offset = ")
                    .push_bind(until.1.cast_signed())
                    .push(", until_entry = ")
                    .push_bind(i64::from(until.2));
                for (name, value) in [
                    ("frames", *frames),
                    ("bytes", *bytes),
                    ("total_frames", frames.saturating_add(*more_frames)),
                    ("total_bytes", bytes.saturating_add(*more_bytes)),
                ] {
                    query
                        .push(format!(", {name} = "))
                        .push_bind(value.min(1 << 62).cast_signed());
                }
                query
                    .push(", cut = ")
                    .push_bind(*cut)
                    .push(", rotated = max(rotated, ")
                    .push_bind(*rotated)
                    .push("), damaged = max(damaged, ")
                    .push_bind(damaged.cast_signed())
                    .push(")");
                "uploading"
            }
            EvidenceStep::Came { frames, bytes } => {
                query
                    .push(", frames = ")
                    .push_bind(frames.cast_signed())
                    .push(", bytes = ")
                    .push_bind(bytes.cast_signed());
                "uploading"
            }
            EvidenceStep::Ready {
                frames,
                file_bytes,
                sha256,
            } => {
                query
                    .push(", frames = ")
                    .push_bind(frames.cast_signed())
                    .push(", file_bytes = ")
                    .push_bind(file_bytes.cast_signed())
                    .push(", sha256 = ")
                    .push_bind(sha256.clone());
                "ready"
            }
            EvidenceStep::Failed(fault) => {
                query.push(", fault = ").push_bind(fault.clone());
                "failed"
            }
            EvidenceStep::Cancelled => "cancelled",
        };
        query
            .push(", state = ")
            .push_bind(state)
            .push(" WHERE id = ")
            .push_bind(id)
            .push(" AND is_open");
        let done = query.build().execute(self.writer()).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Closed requests of which the files may go, oldest first: they have not changed since, or newer ones hold so many
    /// bytes already.
    pub async fn old_evidence(
        &self,
        before: UnixMillis,
        most_bytes: i64,
        limit: u32,
    ) -> Result<Vec<i64>> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM (SELECT id, changed, is_open, sum(coalesce(file_bytes, bytes)) OVER (ORDER BY id DESC) AS held
             FROM evidence) WHERE NOT is_open AND (changed < ? OR held > ?) ORDER BY id LIMIT ?",
        )
        .bind(before.0)
        .bind(most_bytes)
        .bind(limit)
        .fetch_all(self.reader())
        .await?)
    }

    pub async fn forget_evidence(&self, id: i64) -> Result<()> {
        sqlx::query("DELETE FROM evidence WHERE id = ?")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn evidence_from(row: &SqliteRow) -> Result<Evidence> {
    let id: i64 = row.get(0);
    let state: String = row.get(11);
    let count = |column: usize| row.get::<Option<i64>, _>(column).map(i64::unsigned_abs);
    let until = match (count(14), count(15), count(16)) {
        (Some(segment), Some(offset), Some(entry)) => {
            Some((segment, offset, u32::try_from(entry).unwrap_or(u32::MAX)))
        }
        _ => None,
    };
    Ok(Evidence {
        id,
        unit_id: UnitId(row.get(1)),
        sensor_name: row.get(2),
        asked: NewEvidence {
            sensor_id: row.get(3),
            event_id: row.get(4),
            flow_id: row.get(5),
            from_ns: row.get(6),
            to_ns: row.get(7),
            reason: row.get(8),
        },
        requested: UnixMillis(row.get(9)),
        requested_by: row.get(10),
        state: EvidenceState::of(&state).ok_or_else(|| StateError::Corrupt {
            table: "evidence",
            id: id.to_string(),
            value: state,
        })?,
        fault: row.get(12),
        changed: UnixMillis(row.get(13)),
        until,
        total_frames: count(17),
        total_bytes: count(18),
        frames: count(19).unwrap_or(0),
        bytes: count(20).unwrap_or(0),
        cut: row.get(21),
        rotated: row.get(22),
        damaged: count(23).unwrap_or(0),
        file_bytes: count(24),
        sha256: row.get(25),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

    fn wanted(sensor: &str, flow: i64, reason: &str) -> NewEvidence {
        NewEvidence {
            sensor_id: sensor.to_owned(),
            event_id: Some("event".to_owned()),
            flow_id: Some(flow),
            from_ns: 1,
            to_ns: 2,
            reason: reason.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_request_goes_its_way_and_ends_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
            .await
            .expect("a store");
        let pending = store
            .create_enrolment("cổng", UnitId::ROOT, "an", NOW)
            .await
            .expect("a token");
        let enrolled = store.enrol(&pending.token, "gate", NOW).await;
        let sensor = enrolled.expect("enrolled").sensor_id;
        let all = Scope::All;
        let ask = async |flow, reason: &'static str| {
            let new = wanted(&sensor, flow, reason);
            store.request_evidence(new, "an", &all, NOW).await
        };
        assert!(ask(1, "  ").await.is_err(), "without a reason");
        let one = ask(1, "điều tra").await.expect("asked");
        assert_eq!(one.state, EvidenceState::Queued);
        assert_eq!(ask(1, "cũng muốn").await.expect("the same").id, one.id);
        let none = Scope::Units(Vec::new());
        assert!(store.evidence(one.id, &none).await.is_err());
        let uploading = EvidenceStep::Uploading {
            until: (3, 4, 5),
            frames: 0,
            bytes: 0,
            more_frames: 10,
            more_bytes: 1_000,
            cut: false,
            rotated: false,
            damaged: 0,
        };
        let came = EvidenceStep::Came {
            frames: 4,
            bytes: 400,
        };
        let ready = EvidenceStep::Ready {
            frames: 14,
            file_bytes: 2_000,
            sha256: "ab".to_owned(),
        };
        let again = EvidenceStep::Uploading {
            until: (3, 4, 5),
            frames: 4,
            bytes: 400,
            more_frames: 10,
            more_bytes: 1_000,
            cut: false,
            rotated: false,
            damaged: 0,
        };
        for (step, expected) in [
            (EvidenceStep::Sent, (0, None)),
            (EvidenceStep::Reading, (0, None)),
            // How much there is, is known as soon as it comes.
            (uploading, (0, Some(10))),
            (came, (4, Some(10))),
            (EvidenceStep::Sent, (4, Some(10))),
            (again, (4, Some(14))),
            (ready, (14, Some(14))),
        ] {
            let noted = store.step_evidence(one.id, &step, NOW).await;
            assert!(noted.expect("noted"));
            let now = store.evidence(one.id, &all).await.expect("there");
            assert_eq!((now.frames, now.total_frames), expected, "{step:?}");
        }
        let done = store.evidence(one.id, &all).await.expect("there");
        assert_eq!(done.state, EvidenceState::Ready);
        assert_eq!(done.until, Some((3, 4, 5)));
        assert_eq!(
            (done.total_frames, done.total_bytes),
            (Some(14), Some(1_400))
        );
        let late = store
            .step_evidence(one.id, &EvidenceStep::Cancelled, NOW)
            .await;
        assert!(!late.expect("answered"), "it is ready");
        assert!(store.open_evidence(&sensor).await.expect("read").is_empty());
        for flow in 2..2 + MAX_OPEN_EVIDENCE {
            ask(flow, "nhiều").await.expect("asked");
        }
        assert!(ask(9_999, "quá nhiều").await.is_err());
        let page = Page {
            limit: 2,
            before: None,
        };
        let of_event = EvidenceOf::Event("event");
        let list = store.evidence_list(of_event, &all, page).await;
        let list = list.expect("read");
        let flow = |flow, from_ns, to_ns| EvidenceOf::Flow {
            sensor: &sensor,
            flow,
            from_ns,
            to_ns,
        };
        for (of, expected) in [
            (EvidenceOf::All, list.total),
            (EvidenceOf::Event("other"), 0),
            (flow(1, 2, 3), 1),
            (flow(1, 3, 4), 0),
            (flow(1, -1, 0), 0),
            (flow(99_999, 1, 2), 0),
        ] {
            let found = store.evidence_list(of, &all, page).await.expect("read");
            assert_eq!(found.total, expected, "{of:?}");
        }
        assert_eq!(list.total, 1 + MAX_OPEN_EVIDENCE.unsigned_abs());
        assert_eq!((list.items.len(), list.next), (2, Some(list.items[1].id)));
        for (before, most_bytes, expected) in [
            (NOW.plus(1), i64::MAX, vec![one.id]),
            (NOW, 1_999, vec![one.id]),
            (NOW, 2_000, vec![]),
        ] {
            let old = store.old_evidence(before, most_bytes, 10).await;
            assert_eq!(old.expect("read"), expected, "{most_bytes}");
        }
        store.forget_evidence(one.id).await.expect("forgotten");
        assert!(store.evidence(one.id, &all).await.is_err());
    }
}
