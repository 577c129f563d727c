//! Sensors: how they are, what of their records arrived, and strings that enrol new ones.

use axum::Json;
use axum::extract::{Path, State};
use axum_extra::extract::Query;
use collector_state::{LedgerRow, Role, Sensor, UnitId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result};
use crate::times;

const DEFAULT_LEDGER_HOURS: i64 = 24;
const MAX_LEDGER_HOURS: i64 = 31 * 24;
/// Points of a graph.
const MAX_POINTS: usize = 240;

#[derive(Serialize, ToSchema)]
pub struct SensorBody {
    id: String,
    name: String,
    unit_id: i64,
    unit_name: String,
    hostname: String,
    enrolled: String,
    version: Option<String>,
    ruleset_hash: Option<String>,
    remote_addr: Option<String>,
    connected: bool,
    last_heartbeat: Option<String>,
    clock_skew_ms: Option<i64>,
    /// The last heartbeat's statistics.
    #[schema(value_type = Option<Object>)]
    stats: Option<Value>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    /// Hours back from now.
    hours: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct LedgerBody {
    /// Beginning of the hour, RFC 3339.
    hour: String,
    class: String,
    made: u64,
    /// By reason.
    shed: BTreeMap<String, u64>,
    sent: u64,
    stored: u64,
    rejected: u64,
    /// Positive: on the way or lost. Negative: stored before the sensor told that it made them.
    gap: i64,
}

#[derive(Serialize, ToSchema)]
pub struct HeartbeatBody {
    at: String,
    /// What the sensor told of itself then; counters count from its start.
    #[schema(value_type = Object)]
    stats: Value,
}

#[derive(Deserialize, ToSchema)]
pub struct EnrolmentRequest {
    name: String,
    unit_id: i64,
}

#[derive(Serialize, ToSchema)]
pub struct EnrolmentBody {
    /// What the sensor is given; shown once.
    enrolment: String,
    expires: String,
}

fn body(sensor: Sensor) -> SensorBody {
    SensorBody {
        id: sensor.id,
        name: sensor.name,
        unit_id: sensor.unit_id.0,
        unit_name: sensor.unit_name,
        hostname: sensor.hostname,
        enrolled: times::write(sensor.enrolled),
        version: sensor.version,
        ruleset_hash: sensor.ruleset_hash,
        remote_addr: sensor.remote_addr,
        connected: sensor.connected,
        last_heartbeat: sensor.last_heartbeat.map(times::write),
        clock_skew_ms: sensor.clock_skew_ms,
        stats: sensor
            .stats
            .and_then(|stats| serde_json::from_str(&stats).ok()),
    }
}

fn ledger_body(row: LedgerRow) -> LedgerBody {
    LedgerBody {
        gap: row.gap(),
        hour: times::write(UnixMillis(row.hour.saturating_mul(UnixMillis::HOUR))),
        class: row.class,
        made: row.made,
        shed: row.shed,
        sent: row.sent,
        stored: row.stored,
        rejected: row.rejected,
    }
}

#[utoipa::path(get, path = "/sensors", operation_id = "list_sensors", tag = "sensors", responses((status = 200, body = [SensorBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SensorBody>>> {
    let sensors = state.store.sensors(&caller.scope).await?;
    Ok(Json(sensors.into_iter().map(body).collect()))
}

#[utoipa::path(get, path = "/sensors/{id}/ledger", tag = "sensors", params(("id" = String, Path), LedgerQuery),
    responses((status = 200, body = [LedgerBody]), (status = 404, body = Problem)))]
async fn ledger(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<Vec<LedgerBody>>> {
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let hours = query.hours.unwrap_or(DEFAULT_LEDGER_HOURS);
    let to = state.now().hour() + 1;
    let from = to - hours.clamp(1, MAX_LEDGER_HOURS);
    let rows = state.store.ledger(&sensor.id, from, to).await?;
    Ok(Json(rows.into_iter().map(ledger_body).collect()))
}

/// Heartbeats of the last hours, oldest first, thinned out to what a graph can show.
#[utoipa::path(get, path = "/sensors/{id}/history", operation_id = "sensor_history", tag = "sensors", params(("id" = String, Path), LedgerQuery),
    responses((status = 200, body = [HeartbeatBody]), (status = 404, body = Problem)))]
async fn history(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<Vec<HeartbeatBody>>> {
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let hours = query.hours.unwrap_or(DEFAULT_LEDGER_HOURS);
    let hours = hours.clamp(1, MAX_LEDGER_HOURS);
    let since = state.now().plus(-hours * UnixMillis::HOUR);
    let beats = state.store.heartbeats(&sensor.id, since).await?;
    // The last one always, and every n-th before it.
    let every = beats.len().div_ceil(MAX_POINTS).max(1);
    let first = beats.len().saturating_sub(1) % every;
    let body = |(at, stats): (UnixMillis, String)| {
        Some(HeartbeatBody {
            at: times::write(at),
            stats: serde_json::from_str(&stats).ok()?,
        })
    };
    let shown = beats.into_iter().skip(first).step_by(every);
    Ok(Json(shown.filter_map(body).collect()))
}

#[utoipa::path(post, path = "/sensors/enrolments", tag = "sensors", request_body = EnrolmentRequest,
    responses((status = 200, body = EnrolmentBody), (status = 400, body = Problem)))]
async fn enrolment(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<EnrolmentRequest>,
) -> Result<Json<EnrolmentBody>> {
    caller.require(Role::Administrator)?;
    let unit = UnitId(request.unit_id);
    caller.require_unit(unit)?;
    let pending = state
        .store
        .create_enrolment(&request.name, unit, &caller.user.name, state.now())
        .await?;
    caller
        .note(
            &state,
            "enrolment.create",
            &request.name,
            json!({ "unit": unit.0 }),
        )
        .await?;
    Ok(Json(EnrolmentBody {
        enrolment: (state.enrolment_string)(&pending.token),
        expires: times::write(pending.expires),
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(ledger))
        .routes(routes!(history))
        .routes(routes!(enrolment))
}
