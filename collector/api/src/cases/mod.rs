//! Cases: what belongs together of an incident, what is done about it, and the clocks that run.

mod body;
mod files;
mod package;

use axum::extract::{DefaultBodyLimit, State};
use collector_state::limits::MAX_CASE_FILE_BYTES;
use collector_state::{
    CaseChange, CaseFilter, CasePart, CaseStatus, GroupId, NewCase, Page, Role, UnitId, UnixMillis,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

use body::{CaseBody, CaseContentBody, CasesBody, body, content_body};

pub use body::clocks;
pub use files::saved_as;

const DEFAULT_PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;

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

/// Something to put into a case: one of these.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartRequest {
    Note(String),
    Happened(HappenedRequest),
    Host(HostRequest),
    RemoveHost(String),
    Groups(Vec<i64>),
    RemoveGroup(i64),
    Task(TaskRequest),
    TaskDone(TaskDoneRequest),
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
    let part = match request {
        PartRequest::Groups(groups) => {
            let groups: Vec<GroupId> = groups.into_iter().map(GroupId).collect();
            state
                .store
                .add_case_groups(id, &groups, user, &caller.scope, now)
                .await?;
            None
        }
        PartRequest::Note(text) => Some(CasePart::Note(text)),
        PartRequest::Happened(happened) => Some(CasePart::Happened {
            at: times::read("at", &happened.at, now)?,
            text: happened.text,
        }),
        PartRequest::Host(host) => Some(CasePart::Host {
            address: host.address,
            part: host.part,
            note: host.note,
        }),
        PartRequest::RemoveHost(address) => Some(CasePart::RemoveHost(address)),
        PartRequest::RemoveGroup(group) => Some(CasePart::RemoveGroup(GroupId(group))),
        PartRequest::Task(task) => Some(CasePart::Task {
            title: task.title,
            owner: task.owner,
            due: times::read_optional("due", task.due.as_deref(), now)?,
        }),
        PartRequest::TaskDone(task) => Some(CasePart::TaskDone {
            id: task.id,
            done: task.done,
        }),
    };
    if let Some(part) = part {
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

pub fn router() -> OpenApiRouter<ApiState> {
    // The largest file, and a little for what is around it.
    let files = OpenApiRouter::new()
        .routes(routes!(files::add))
        .layer(DefaultBodyLimit::max(MAX_CASE_FILE_BYTES + 4_096));
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change))
        .routes(routes!(put_in))
        .routes(routes!(merge))
        .routes(routes!(files::read))
        .routes(routes!(files::export))
        .routes(routes!(package::package))
        .merge(files)
}
