//! Cases: what belongs together of an incident, what is done about it, and the clocks that run.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::Query;
use collector_state::limits::MAX_CASE_FILE_BYTES;
use collector_state::{
    Case, CaseChange, CaseContent, CaseEvent, CaseFile, CaseFilter, CaseHost, CasePart, CaseStatus,
    CaseTask, GroupId, NOTICE_WITHIN, NewCase, NewFile, PERSONAL_WITHIN, Page, REPORT_WITHIN, Role,
    UnitId, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::groups::{GroupRow, row};
use crate::times;

const DEFAULT_PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;

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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CasesQuery {
    /// open, contained, closed, merged; all without it.
    #[serde(default)]
    status: Vec<String>,
    /// A name, or `me`.
    owner: Option<String>,
    /// Cases that hold this group.
    group: Option<i64>,
    limit: Option<u32>,
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct CasesBody {
    items: Vec<CaseBody>,
    /// `before` of the next page.
    next: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
pub struct CaseRequest {
    title: String,
    #[serde(default)]
    summary: String,
    severity: u8,
    /// A time; now without it.
    detected: Option<String>,
    #[serde(default)]
    serious: bool,
    #[serde(default)]
    personal_data: bool,
    unit_id: Option<i64>,
    #[serde(default)]
    groups: Vec<i64>,
}

/// What to change; absent stays. An empty time takes a clock's mark away.
#[derive(Deserialize, ToSchema)]
pub struct CaseChangeRequest {
    /// The version that was looked at.
    version: Option<i64>,
    title: Option<String>,
    summary: Option<String>,
    severity: Option<u8>,
    status: Option<String>,
    owner: Option<String>,
    detected: Option<String>,
    serious: Option<bool>,
    personal_data: Option<bool>,
    notice_sent: Option<String>,
    report_sent: Option<String>,
    personal_sent: Option<String>,
    cause: Option<String>,
    impact: Option<String>,
    remedy: Option<String>,
}

/// Something to put into a case: exactly one of these.
#[derive(Deserialize, ToSchema)]
pub struct PartRequest {
    note: Option<String>,
    happened: Option<HappenedRequest>,
    host: Option<HostRequest>,
    remove_host: Option<String>,
    groups: Option<Vec<i64>>,
    remove_group: Option<i64>,
    task: Option<TaskRequest>,
    task_done: Option<TaskDoneRequest>,
}

#[derive(Deserialize, ToSchema)]
pub struct HappenedRequest {
    at: String,
    text: String,
}

#[derive(Deserialize, ToSchema)]
pub struct HostRequest {
    address: String,
    part: String,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize, ToSchema)]
pub struct TaskRequest {
    title: String,
    owner: Option<String>,
    due: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct TaskDoneRequest {
    id: i64,
    done: bool,
}

#[derive(Deserialize, ToSchema)]
pub struct MergeRequest {
    /// The case that takes over what this one holds.
    into: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    name: String,
}

#[derive(Serialize, ToSchema)]
pub struct FileAdded {
    id: i64,
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

fn body(case: Case, now: UnixMillis) -> CaseBody {
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

async fn content_body(state: &ApiState, content: CaseContent) -> Result<CaseContentBody> {
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

fn status(name: &str) -> Result<CaseStatus> {
    CaseStatus::from_name(name).map_or_else(|| invalid("status", "unknown"), Ok)
}

#[utoipa::path(get, path = "/cases", operation_id = "list_cases", tag = "cases", params(CasesQuery),
    responses((status = 200, body = CasesBody), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<CasesQuery>,
) -> Result<Json<CasesBody>> {
    let now = state.now();
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let cases = match query.group {
        Some(group) => state.store.cases_of_group(group, &caller.scope).await?,
        None => {
            let filter = CaseFilter {
                scope: caller.scope.clone(),
                statuses: query
                    .status
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| status(name))
                    .collect::<Result<_>>()?,
                owner: query.owner.map(|name| match name.as_str() {
                    "me" => caller.user.name.clone(),
                    _ => name,
                }),
            };
            let page = Page {
                limit,
                before: query.before,
            };
            state.store.cases(&filter, page).await?
        }
    };
    let next = cases
        .last()
        .filter(|_| cases.len() >= limit as usize)
        .map(|case| case.id);
    Ok(Json(CasesBody {
        items: cases.into_iter().map(|case| body(case, now)).collect(),
        next,
    }))
}

#[utoipa::path(post, path = "/cases", operation_id = "create_case", tag = "cases", request_body = CaseRequest,
    responses((status = 200, body = CaseBody), (status = 400, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<CaseRequest>,
) -> Result<Json<CaseBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let unit = request.unit_id.map_or(caller.user.unit_id, UnitId);
    caller.require_unit(unit)?;
    let new = NewCase {
        unit_id: unit,
        title: request.title,
        summary: request.summary,
        severity: request.severity,
        detected: times::read_optional("detected", request.detected.as_deref(), now)?
            .unwrap_or(now),
        serious: request.serious,
        personal_data: request.personal_data,
    };
    let groups: Vec<GroupId> = request.groups.into_iter().map(GroupId).collect();
    let case = state
        .store
        .create_case(new, &groups, &caller.user.name, &caller.scope, now)
        .await?;
    caller
        .note(
            &state,
            "case.create",
            &case.id.to_string(),
            json!({ "groups": groups.len() }),
        )
        .await?;
    Ok(Json(body(case, now)))
}

#[utoipa::path(get, path = "/cases/{id}", operation_id = "one_case", tag = "cases", params(("id" = i64, Path)),
    responses((status = 200, body = CaseContentBody), (status = 404, body = Problem)))]
async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<CaseContentBody>> {
    let content = state.store.case_content(id, &caller.scope).await?;
    content_body(&state, content).await.map(Json)
}

#[utoipa::path(patch, path = "/cases/{id}", operation_id = "change_case", tag = "cases", params(("id" = i64, Path)),
    request_body = CaseChangeRequest,
    responses((status = 200, body = CaseBody), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<CaseChangeRequest>,
) -> Result<Json<CaseBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let mark = |field, told: Option<&str>| match told {
        None => Ok(None),
        Some("") => Ok(Some(UnixMillis(0))),
        Some(text) => times::read(field, text, now).map(Some),
    };
    let change = CaseChange {
        title: request.title,
        summary: request.summary,
        severity: request.severity,
        status: request.status.as_deref().map(status).transpose()?,
        owner: request.owner,
        detected: times::read_optional("detected", request.detected.as_deref(), now)?,
        serious: request.serious,
        personal_data: request.personal_data,
        notice_sent: mark("notice_sent", request.notice_sent.as_deref())?,
        report_sent: mark("report_sent", request.report_sent.as_deref())?,
        personal_sent: mark("personal_sent", request.personal_sent.as_deref())?,
        cause: request.cause,
        impact: request.impact,
        remedy: request.remedy,
    };
    let user = &caller.user.name;
    let case = state
        .store
        .change_case(id, request.version, change, user, &caller.scope, now)
        .await?;
    caller
        .note(
            &state,
            "case.change",
            &id.to_string(),
            json!({ "status": case.status.name() }),
        )
        .await?;
    Ok(Json(body(case, now)))
}

#[utoipa::path(post, path = "/cases/{id}/parts", operation_id = "put_into_case", tag = "cases",
    params(("id" = i64, Path)), request_body = PartRequest,
    responses((status = 200, body = CaseContentBody), (status = 400, body = Problem)))]
async fn put_in(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<PartRequest>,
) -> Result<Json<CaseContentBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let user = &caller.user.name;
    if let Some(groups) = request.groups {
        let groups: Vec<GroupId> = groups.into_iter().map(GroupId).collect();
        state
            .store
            .add_case_groups(id, &groups, user, &caller.scope, now)
            .await?;
    } else {
        let part = if let Some(text) = request.note {
            CasePart::Note(text)
        } else if let Some(happened) = request.happened {
            CasePart::Happened {
                at: times::read("at", &happened.at, now)?,
                text: happened.text,
            }
        } else if let Some(host) = request.host {
            CasePart::Host {
                address: host.address,
                part: host.part,
                note: host.note,
            }
        } else if let Some(address) = request.remove_host {
            CasePart::RemoveHost(address)
        } else if let Some(group) = request.remove_group {
            CasePart::RemoveGroup(GroupId(group))
        } else if let Some(task) = request.task {
            CasePart::Task {
                title: task.title,
                owner: task.owner,
                due: times::read_optional("due", task.due.as_deref(), now)?,
            }
        } else if let Some(task) = request.task_done {
            CasePart::TaskDone {
                id: task.id,
                done: task.done,
            }
        } else {
            return invalid("part", "missing");
        };
        state
            .store
            .put_into_case(id, part, user, &caller.scope, now)
            .await?;
    }
    caller
        .note(&state, "case.part", &id.to_string(), json!({}))
        .await?;
    let content = state.store.case_content(id, &caller.scope).await?;
    content_body(&state, content).await.map(Json)
}

#[utoipa::path(post, path = "/cases/{id}/merge", operation_id = "merge_case", tag = "cases",
    params(("id" = i64, Path)), request_body = MergeRequest,
    responses((status = 200, body = CaseBody), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn merge(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<MergeRequest>,
) -> Result<Json<CaseBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let case = state
        .store
        .merge_cases(id, request.into, &caller.user.name, &caller.scope, now)
        .await?;
    caller
        .note(
            &state,
            "case.merge",
            &id.to_string(),
            json!({ "into": request.into }),
        )
        .await?;
    Ok(Json(body(case, now)))
}

/// The body is the file.
#[utoipa::path(post, path = "/cases/{id}/files", operation_id = "add_case_file", tag = "cases",
    params(("id" = i64, Path), FileQuery), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FileAdded), (status = 400, body = Problem)))]
async fn add_file(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    content: Bytes,
) -> Result<Json<FileAdded>> {
    caller.require(Role::Analyst)?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("application/octet-stream");
    let file = NewFile {
        name: query.name,
        kind: kind.to_owned(),
        content: content.to_vec(),
    };
    let added = state
        .store
        .add_case_file(id, file, &caller.user.name, &caller.scope, state.now())
        .await?;
    caller
        .note(
            &state,
            "case.file",
            &id.to_string(),
            json!({ "file": added, "bytes": content.len() }),
        )
        .await?;
    Ok(Json(FileAdded { id: added }))
}

/// A file as it was added. Browsers save it; they do not show it.
#[utoipa::path(get, path = "/cases/{id}/files/{file}", operation_id = "case_file", tag = "cases",
    params(("id" = i64, Path), ("file" = i64, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
async fn file(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, file)): Path<(i64, i64)>,
) -> Result<(HeaderMap, Vec<u8>)> {
    let (file, content) = state.store.case_file(id, file, &caller.scope).await?;
    caller
        .note(
            &state,
            "case.file.read",
            &id.to_string(),
            json!({ "file": file.id }),
        )
        .await?;
    Ok((saved_as(&file.name, "application/octet-stream")?, content))
}

/// Headers that make a browser save what it gets.
pub fn saved_as(name: &str, kind: &'static str) -> Result<HeaderMap> {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let disposition = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{encoded}"))
        .map_err(|_| ApiError::NotFound)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(headers)
}

/// A case with all it holds as one JSON file; its files are named by their digests.
#[utoipa::path(get, path = "/cases/{id}/export", operation_id = "export_case", tag = "cases",
    params(("id" = i64, Path)),
    responses((status = 200, body = CaseContentBody), (status = 404, body = Problem)))]
async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<(HeaderMap, Json<CaseContentBody>)> {
    let content = state.store.case_content(id, &caller.scope).await?;
    caller
        .note(&state, "case.export", &id.to_string(), json!({}))
        .await?;
    let body = content_body(&state, content).await?;
    Ok((
        saved_as(&format!("case-{id}.json"), "application/json")?,
        Json(body),
    ))
}

pub fn router() -> OpenApiRouter<ApiState> {
    // The largest file, and a little for what is around it.
    let files = OpenApiRouter::new()
        .routes(routes!(add_file))
        .layer(DefaultBodyLimit::max(MAX_CASE_FILE_BYTES + 4_096));
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change))
        .routes(routes!(put_in))
        .routes(routes!(merge))
        .routes(routes!(file))
        .routes(routes!(export))
        .merge(files)
}
