//! What the API tells of a case.

use collector_state::{
    Case, CaseContent, CaseEvent, CaseFile, CaseHost, CaseTask, NOTICE_WITHIN, PERSONAL_WITHIN,
    REPORT_WITHIN, UnixMillis,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::Result;
use crate::groups::{GroupRow, row};
use crate::times;

/// A notice that is due.
#[derive(Serialize, ToSchema)]
pub struct ClockBody {
    /// notice (24 h), report (72 h), personal (72 h, personal data)
    pub name: String,
    pub due: String,
    /// When it was sent.
    pub sent: Option<String>,
    /// The time is over and nothing was sent, or it was sent late.
    pub late: bool,
}

#[derive(Serialize, ToSchema)]
pub struct CaseBody {
    id: i64,
    unit_id: i64,
    title: String,
    summary: String,
    /// 1 (worst) to 4.
    severity: u8,
    /// open, contained, closed, merged
    status: String,
    owner: Option<String>,
    created: String,
    created_by: String,
    /// From when the clocks run.
    detected: String,
    serious: bool,
    personal_data: bool,
    clocks: Vec<ClockBody>,
    cause: String,
    impact: String,
    remedy: String,
    closed: Option<String>,
    merged_into: Option<i64>,
    version: i64,
    groups: u64,
    open_tasks: u64,
    tasks: u64,
}

#[derive(Serialize, ToSchema)]
pub struct HostBody {
    address: String,
    /// victim, attacker, other
    part: String,
    note: String,
}

#[derive(Serialize, ToSchema)]
pub struct TaskBody {
    id: i64,
    title: String,
    owner: Option<String>,
    due: Option<String>,
    done: Option<String>,
    done_by: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FileBody {
    id: i64,
    name: String,
    kind: String,
    size: u64,
    sha256: String,
    added: String,
    added_by: String,
}

#[derive(Serialize, ToSchema)]
pub struct EventBody {
    id: i64,
    /// When it happened, and when it was written down.
    at: String,
    written: String,
    user: String,
    kind: String,
    text: String,
    hash: String,
    intact: bool,
}

#[derive(Serialize, ToSchema)]
pub struct CaseContentBody {
    case: CaseBody,
    groups: Vec<GroupRow>,
    hosts: Vec<HostBody>,
    tasks: Vec<TaskBody>,
    files: Vec<FileBody>,
    /// In the order in which things happened.
    events: Vec<EventBody>,
}

#[derive(Serialize, ToSchema)]
pub struct CasesBody {
    pub(super) items: Vec<CaseBody>,
    /// `before` of the next page.
    pub(super) next: Option<i64>,
}

pub fn clocks(case: &Case, now: UnixMillis) -> Vec<ClockBody> {
    let clock = |runs: bool, name: &str, within: i64, sent: Option<UnixMillis>| {
        let due = case.detected.plus(within);
        runs.then(|| ClockBody {
            name: name.to_owned(),
            due: times::write(due),
            late: sent.unwrap_or(now) > due,
            sent: sent.map(times::write),
        })
    };
    [
        clock(case.serious, "notice", NOTICE_WITHIN, case.notice_sent),
        clock(case.serious, "report", REPORT_WITHIN, case.report_sent),
        clock(
            case.personal_data,
            "personal",
            PERSONAL_WITHIN,
            case.personal_sent,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn body(case: Case, now: UnixMillis) -> CaseBody {
    CaseBody {
        id: case.id,
        unit_id: case.unit_id.0,
        clocks: clocks(&case, now),
        title: case.title,
        summary: case.summary,
        severity: case.severity,
        status: case.status.name().to_owned(),
        owner: case.owner,
        created: times::write(case.created),
        created_by: case.created_by,
        detected: times::write(case.detected),
        serious: case.serious,
        personal_data: case.personal_data,
        cause: case.cause,
        impact: case.impact,
        remedy: case.remedy,
        closed: case.closed.map(times::write),
        merged_into: case.merged_into,
        version: case.version,
        groups: case.groups,
        open_tasks: case.open_tasks,
        tasks: case.tasks,
    }
}

pub(super) async fn content_body(
    state: &ApiState,
    content: CaseContent,
) -> Result<CaseContentBody> {
    let mut groups = Vec::with_capacity(content.groups.len());
    for group in content.groups {
        groups.push(row(state, group).await?);
    }
    let host = |host: CaseHost| HostBody {
        address: host.address,
        part: host.part,
        note: host.note,
    };
    let task = |task: CaseTask| TaskBody {
        id: task.id,
        title: task.title,
        owner: task.owner,
        due: task.due.map(times::write),
        done: task.done.map(times::write),
        done_by: task.done_by,
    };
    let file = |file: CaseFile| FileBody {
        id: file.id,
        name: file.name,
        kind: file.kind,
        size: file.size,
        sha256: file.sha256,
        added: times::write(file.added),
        added_by: file.added_by,
    };
    let event = |event: CaseEvent| EventBody {
        id: event.id,
        at: times::write(event.at),
        written: times::write(event.written),
        user: event.user,
        kind: event.kind,
        text: event.text,
        hash: event.hash,
        intact: event.intact,
    };
    Ok(CaseContentBody {
        case: body(content.case, state.now()),
        groups,
        hosts: content.hosts.into_iter().map(host).collect(),
        tasks: content.tasks.into_iter().map(task).collect(),
        files: content.files.into_iter().map(file).collect(),
        events: content.events.into_iter().map(event).collect(),
    })
}
