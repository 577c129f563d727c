//! Packets of alerts: whether a sensor still has them, asking for them, and the file when it is here.

mod marks;
mod rule;
mod show;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use collector_state::{
    Evidence, EvidenceState, EvidenceStep, NewEvidence, NewFile, Page, Role, Sensor, SensorKind,
    UnixMillis, limits,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
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

pub use rule::rule_with;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
/// Before the flow began, and after the alert.
const MARGIN_NS: i64 = 1_000_000_000;
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

/// Whether a sensor has the packets of an event.
#[derive(Serialize, ToSchema)]
pub struct AvailabilityBody {
    /// available; rotated: overwritten meanwhile; not_kept: from before the ring began; off: the sensor keeps none;
    /// unknown: it has told nothing; no_flow: the event belongs to no flow; foreign: no sensor of ours made it
    state: String,
    sensor_name: Option<String>,
    /// The sensor is connected: it can be asked now.
    online: bool,
    flow_id: Option<String>,
    /// alerts, full
    mode: Option<String>,
    /// What the ring holds.
    oldest: Option<String>,
    newest: Option<String>,
    bytes: Option<u64>,
    budget_bytes: Option<u64>,
    /// Frames that could not be kept since the sensor's start.
    left_out: u64,
    /// What was asked for of this event, newest first.
    requests: Vec<EvidenceBody>,
}

/// What a heartbeat tells of the ring.
#[derive(Deserialize)]
struct Ring {
    mode: String,
    bytes: u64,
    budget_bytes: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    rotated: bool,
    left_out: std::collections::BTreeMap<String, u64>,
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

/// What of an event the sensor is to be asked for.
struct Traced {
    sensor: Option<Sensor>,
    flow: Option<i64>,
    from_ns: i64,
    at_ns: i64,
}

async fn traced(state: &ApiState, caller: &Caller, id: &str) -> Result<Traced> {
    let sensors = caller.sensors(state).await?;
    let found = state.engine.get(id.to_owned(), sensors).await?;
    let text = found.ok_or(ApiError::NotFound)?;
    let event: Value = serde_json::from_str(&text)
        .map_err(|error| ApiError::Broken(format!("event {id}: {error}")))?;
    let at_ns = nanos(&event["timestamp"]).ok_or(ApiError::NotFound)?;
    let began = nanos(&event["flow"]["start"]).unwrap_or(at_ns);
    let sensor = match event["matluoi"]["sensor"].as_str() {
        Some(sensor) => Some(state.store.sensor(sensor, &caller.scope).await?),
        None => None,
    };
    Ok(Traced {
        sensor: sensor.filter(|sensor| sensor.kind == SensorKind::Sensor),
        flow: event["flow_id"].as_i64(),
        from_ns: began.min(at_ns).saturating_sub(MARGIN_NS),
        at_ns,
    })
}

/// A time of EVE, in nanoseconds.
fn nanos(time: &Value) -> Option<i64> {
    let text = time.as_str()?;
    // EVE writes the zone without a colon.
    let colon = match text
        .len()
        .checked_sub(5)
        .map(|at| text.split_at_checked(at))
    {
        Some(Some((time, zone))) if zone.starts_with(['+', '-']) && !zone.contains(':') => {
            let (hours, minutes) = zone.split_at_checked(3)?;
            format!("{time}{hours}:{minutes}")
        }
        _ => text.to_owned(),
    };
    let time = OffsetDateTime::parse(&colon, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos()).ok()
}

fn availability(traced: &Traced, requests: Vec<EvidenceBody>) -> AvailabilityBody {
    let mut body = AvailabilityBody {
        state: String::new(),
        sensor_name: traced.sensor.as_ref().map(|sensor| sensor.name.clone()),
        online: traced
            .sensor
            .as_ref()
            .is_some_and(|sensor| sensor.connected),
        flow_id: traced.flow.map(|id| id.to_string()),
        mode: None,
        oldest: None,
        newest: None,
        bytes: None,
        budget_bytes: None,
        left_out: 0,
        requests,
    };
    let stats = traced.sensor.as_ref().map(|sensor| {
        let stats = sensor.stats.as_deref()?;
        serde_json::from_str::<Value>(stats).ok()
    });
    let told = match &stats {
        None => Err("foreign"),
        Some(None) => Err("unknown"),
        Some(Some(stats)) => match &stats["evidence"] {
            Value::Null => Err("off"),
            ring => serde_json::from_value::<Ring>(ring.clone()).map_err(|_| "unknown"),
        },
    };
    let state = match told {
        Err(state) => state,
        Ok(ring) => {
            let at_ms = traced.at_ns.div_euclid(1_000_000);
            let state = match ring.oldest_ms {
                _ if traced.flow.is_none() => "no_flow",
                Some(oldest) if at_ms >= oldest => "available",
                Some(_) if ring.rotated => "rotated",
                _ => "not_kept",
            };
            body.oldest = ring.oldest_ms.map(|ms| times::write(UnixMillis(ms)));
            body.newest = ring.newest_ms.map(|ms| times::write(UnixMillis(ms)));
            body.mode = Some(ring.mode);
            body.bytes = Some(ring.bytes);
            body.budget_bytes = Some(ring.budget_bytes);
            body.left_out = ring.left_out.values().sum();
            state
        }
    };
    body.state = state.to_owned();
    body
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
    let asked = state.store.evidence_list(Some(&id), &caller.scope, page);
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
    let found = state.store.evidence_list(None, &caller.scope, page).await?;
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
        .merge(rule::router())
        .merge(show::router())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_eve_are_read_with_all_their_digits() {
        for (text, expected) in [
            (
                "2026-11-26T14:00:00.123456+0000",
                Some(1_795_701_600_123_456_000),
            ),
            (
                "2026-11-26T21:00:00.123456+07:00",
                Some(1_795_701_600_123_456_000),
            ),
            ("2026-11-26T14:00:00Z", Some(1_795_701_600_000_000_000)),
            ("hôm qua", None),
            ("+0000", None),
        ] {
            assert_eq!(nanos(&json!(text)), expected, "{text}");
        }
    }
}
