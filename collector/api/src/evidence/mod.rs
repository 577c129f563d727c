//! Packets of flows: whether a sensor still has them, asking for them, and the file when it is here.

mod files;
mod held;
mod marks;
mod rule;
mod show;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use collector_state::{
    Evidence, EvidenceOf, EvidenceState, EvidenceStep, NewEvidence, NewFile, Page, Role,
    UnixMillis, limits,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::cases::saved_as;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;
use held::{AvailabilityBody, availability, traced};

pub use rule::rule_with;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// After the event, as its flow may go on.
const AFTER_NS: i64 = 86_400_000_000_000;
/// Files stay this long; a case keeps its own copy.
const KEPT_DAYS: i64 = 30;
/// Requests that are forgotten at a time.
const SWEPT: u32 = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
pub struct EvidenceRequest {
    /// Why it is wanted; it stands in the audit log.
    reason: String,
}

#[derive(Deserialize, ToSchema)]
pub struct EvidenceCase {
    case_id: i64,
}

#[derive(Serialize, ToSchema)]
pub struct EvidenceCaseFile {
    case_id: i64,
    file_id: i64,
    sha256: String,
}

#[derive(Serialize, ToSchema)]
pub struct EvidenceBody {
    id: i64,
    sensor_id: String,
    sensor_name: String,
    event_id: Option<String>,
    /// As text: JavaScript's numbers are too short.
    flow_id: Option<String>,
    reason: String,
    requested: String,
    requested_by: String,
    /// queued, sent, reading, uploading, ready, failed, cancelled
    state: String,
    /// Of failed ones: off, rotated, not_kept, unreadable, too_many, too_much
    fault: Option<String>,
    changed: String,
    total_frames: Option<u64>,
    total_bytes: Option<u64>,
    frames: u64,
    bytes: u64,
    /// There is more than may be fetched.
    cut: bool,
    /// Some of it had been overwritten.
    rotated: bool,
    /// Blocks of the sensor's ring that could not be read.
    damaged: u64,
    file_bytes: Option<u64>,
    sha256: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EvidencePage {
    items: Vec<EvidenceBody>,
    total: u64,
    next: Option<i64>,
}

fn body(evidence: Evidence) -> EvidenceBody {
    EvidenceBody {
        id: evidence.id,
        sensor_id: evidence.asked.sensor_id,
        sensor_name: evidence.sensor_name,
        event_id: evidence.asked.event_id,
        flow_id: evidence.asked.flow_id.map(|id| id.to_string()),
        reason: evidence.asked.reason,
        requested: times::write(evidence.requested),
        requested_by: evidence.requested_by,
        state: evidence.state.name().to_owned(),
        fault: evidence.fault,
        changed: times::write(evidence.changed),
        total_frames: evidence.total_frames,
        total_bytes: evidence.total_bytes,
        frames: evidence.frames,
        bytes: evidence.bytes,
        cut: evidence.cut,
        rotated: evidence.rotated,
        damaged: evidence.damaged,
        file_bytes: evidence.file_bytes,
        sha256: evidence.sha256,
    }
}

/// Whether the packets of an event can be had, and what was asked for already.
#[utoipa::path(get, path = "/events/{id}/evidence", operation_id = "evidence_of_event", tag = "evidence",
    params(("id" = String, Path)),
    responses((status = 200, body = AvailabilityBody), (status = 404, body = Problem)))]
async fn of_event(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AvailabilityBody>> {
    let traced = traced(&state, &caller, &id).await?;
    let page = Page {
        limit: DEFAULT_PAGE,
        before: None,
    };
    let of = match (&traced.sensor, traced.flow) {
        // Who asked from another event of the flow asked for the same.
        (Some(sensor), Some(flow)) => EvidenceOf::Flow {
            sensor: &sensor.id,
            flow,
            from_ns: traced.from_ns,
            to_ns: traced.at_ns,
        },
        _ => EvidenceOf::Event(&id),
    };
    let asked = state.store.evidence_list(of, &caller.scope, page);
    let requests = asked.await?.items.into_iter().map(body).collect();
    Ok(Json(availability(&traced, requests)))
}

/// Asks the sensor for the packets of the event's flow. What is on its way already is not asked for twice.
#[utoipa::path(post, path = "/events/{id}/evidence", operation_id = "request_evidence", tag = "evidence",
    params(("id" = String, Path)), request_body = EvidenceRequest,
    responses((status = 200, body = EvidenceBody), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn request(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<EvidenceRequest>,
) -> Result<Json<EvidenceBody>> {
    caller.require(Role::Analyst)?;
    let traced = traced(&state, &caller, &id).await?;
    let (Some(sensor), Some(flow)) = (traced.sensor, traced.flow) else {
        return invalid("event", "no_flow");
    };
    let new = NewEvidence {
        sensor_id: sensor.id,
        event_id: Some(id.clone()),
        flow_id: Some(flow),
        from_ns: traced.from_ns,
        to_ns: traced.at_ns.saturating_add(AFTER_NS),
        reason: request.reason,
    };
    let asked = state
        .store
        .request_evidence(new, &caller.user.name, &caller.scope, state.now())
        .await?;
    let detail = json!({ "event": id, "flow": flow, "reason": asked.asked.reason });
    caller
        .note(&state, "evidence.request", &asked.id.to_string(), detail)
        .await?;
    state.evidence.poke();
    Ok(Json(body(asked)))
}

/// Everything that was asked for, newest first.
#[utoipa::path(get, path = "/evidence", operation_id = "list_evidence", tag = "evidence", params(EvidenceQuery),
    responses((status = 200, body = EvidencePage)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<EvidenceQuery>,
) -> Result<Json<EvidencePage>> {
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let found = state
        .store
        .evidence_list(EvidenceOf::All, &caller.scope, page)
        .await?;
    Ok(Json(EvidencePage {
        items: found.items.into_iter().map(body).collect(),
        total: found.total,
        next: found.next,
    }))
}

#[utoipa::path(get, path = "/evidence/{id}", operation_id = "one_evidence", tag = "evidence", params(("id" = i64, Path)),
    responses((status = 200, body = EvidenceBody), (status = 404, body = Problem)))]
async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<EvidenceBody>> {
    Ok(Json(body(state.store.evidence(id, &caller.scope).await?)))
}

/// What has not come is not wanted any more.
#[utoipa::path(post, path = "/evidence/{id}/cancel", operation_id = "cancel_evidence", tag = "evidence",
    params(("id" = i64, Path)),
    responses((status = 200, body = EvidenceBody), (status = 404, body = Problem)))]
async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<EvidenceBody>> {
    caller.require(Role::Analyst)?;
    state.store.evidence(id, &caller.scope).await?;
    let step = EvidenceStep::Cancelled;
    if state.store.step_evidence(id, &step, state.now()).await? {
        state.evidence.poke();
        remove(&state, id).await?;
        caller
            .note(&state, "evidence.cancel", &id.to_string(), json!({}))
            .await?;
    }
    Ok(Json(body(state.store.evidence(id, &caller.scope).await?)))
}

/// The packets as a file for Wireshark and others.
#[utoipa::path(get, path = "/evidence/{id}/pcapng", operation_id = "download_evidence", tag = "evidence",
    params(("id" = i64, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
async fn download(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<(HeaderMap, Body)> {
    let evidence = ready(&state, &caller, id).await?;
    let file = tokio::fs::File::open(state.evidence.path(id)).await;
    let file = file.map_err(|error| ApiError::Broken(format!("evidence {id}: {error}")))?;
    let detail = json!({ "sha256": evidence.sha256, "bytes": evidence.file_bytes });
    caller
        .note(&state, "evidence.download", &id.to_string(), detail)
        .await?;
    let headers = saved_as(&format!("matluoi-{id}.pcapng"), "application/octet-stream")?;
    let body = Body::from_stream(tokio_util::io::ReaderStream::new(file));
    Ok((headers, body))
}

/// A copy goes into a case, which keeps it with its digest.
#[utoipa::path(post, path = "/evidence/{id}/case", operation_id = "lock_evidence", tag = "evidence",
    params(("id" = i64, Path)), request_body = EvidenceCase,
    responses((status = 200, body = EvidenceCaseFile), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn lock(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<EvidenceCase>,
) -> Result<Json<EvidenceCaseFile>> {
    let evidence = ready(&state, &caller, id).await?;
    let content = tokio::fs::read(state.evidence.path(id)).await;
    let content = content.map_err(|error| ApiError::Broken(format!("evidence {id}: {error}")))?;
    let file = NewFile {
        name: format!("matluoi-{id}.pcapng"),
        kind: "application/x-pcapng".to_owned(),
        content,
    };
    let (user, case_id) = (&caller.user.name, request.case_id);
    let file_id = state
        .store
        .add_case_file(case_id, file, user, &caller.scope, state.now())
        .await?;
    let sha256 = evidence.sha256.unwrap_or_default();
    let detail = json!({ "case": case_id, "file": file_id, "sha256": sha256 });
    caller
        .note(&state, "evidence.lock", &id.to_string(), detail)
        .await?;
    Ok(Json(EvidenceCaseFile {
        case_id,
        file_id,
        sha256,
    }))
}

/// Evidence that can be looked at, by somebody who may.
pub(crate) async fn ready(state: &ApiState, caller: &Caller, id: i64) -> Result<Evidence> {
    caller.require(Role::Analyst)?;
    let evidence = state.store.evidence(id, &caller.scope).await?;
    if evidence.state != EvidenceState::Ready {
        return invalid("evidence", "not_ready");
    }
    Ok(evidence)
}

async fn remove(state: &ApiState, id: i64) -> Result<()> {
    let shelf = state.evidence.clone();
    tokio::task::spawn_blocking(move || shelf.remove(id))
        .await
        .map_err(|error| ApiError::Broken(error.to_string()))?
        .map_err(|error| ApiError::Broken(error.to_string()))
}

/// Removes requests and files that have served their time.
pub async fn sweep(state: &ApiState) {
    let before = state.now().plus(-KEPT_DAYS * 24 * UnixMillis::HOUR);
    let swept = async {
        let most = limits::MAX_ALL_EVIDENCE_BYTES;
        for id in state.store.old_evidence(before, most, SWEPT).await? {
            remove(state, id).await?;
            state.store.forget_evidence(id).await?;
        }
        Ok::<_, ApiError>(())
    };
    if let Err(error) = swept.await {
        tracing::warn!(?error, "old evidence is not removed");
    }
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(of_event, request))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(cancel))
        .routes(routes!(download))
        .routes(routes!(lock))
        .merge(files::router())
        .merge(rule::router())
        .merge(show::router())
}
