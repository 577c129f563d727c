//! Sensors: how they are, and strings that enrol new ones.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{
    CanaryHealth, FleetTarget, LinkHours, LinkPlan, Role, Scope, Sensor, SensorConfiguration,
    SpoolSeen, UnitId, UnixMillis, canary_health,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::fleet::{ConfigurationBody, configuration};
use crate::json::Json;
use crate::times;

/// Points of a graph.
const MAX_POINTS: usize = 240;
const DEFAULT_HOURS: i64 = 24;
const MAX_HOURS: i64 = 31 * 24;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Hours back from now.
    hours: Option<i64>,
}

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
    /// sensor: enrolled; source: sends over HTTP with a token
    kind: String,
    spool: Option<SpoolBody>,
    canary: CanaryBody,
    /// Absent: it is no sensor that runs with settings of the centre.
    configuration: Option<ConfigurationBody>,
    /// Somebody works there: nobody is told of its alarms.
    silence: Option<SensorSilenceBody>,
    /// What it may send, where the centre sets it; absent: what its own configuration says.
    link: Option<LinkPlanBody>,
}

/// What a sensor may send.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LinkPlanBody {
    /// kbit/s, 16 to 10,000,000; 0: no limit.
    kilobits: u32,
    /// Rates for stretches of the day, at most 24; the first that fits counts.
    hours: Vec<LinkHoursBody>,
}

/// Another rate for a stretch of the day, by the sensor's local time.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LinkHoursBody {
    /// HH:MM
    from: String,
    /// HH:MM, not included; at or before `from`: on the next day.
    to: String,
    kilobits: u32,
}

#[derive(Serialize, ToSchema)]
pub struct SensorSilenceBody {
    reason: String,
    ends: String,
}

/// What to change; absent stays.
#[derive(Deserialize, ToSchema)]
pub struct SensorChangeRequest {
    name: Option<String>,
    unit_id: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
pub struct RevokeRequest {
    reason: String,
}

/// What of a class waits in the sensor's spool.
#[derive(Serialize, ToSchema)]
pub struct BacklogBody {
    class: String,
    records: u64,
    /// Hour in which the oldest of them was made, RFC 3339.
    oldest: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SpoolBody {
    bytes: u64,
    budget_bytes: u64,
    records: u64,
    classes: Vec<BacklogBody>,
}

#[derive(Serialize, ToSchema)]
pub struct CanaryBody {
    /// ok, missing, off
    state: String,
    /// Of a missing one the step that fails: sensor, spool, link, send, index, inbox.
    hop: Option<String>,
    every_seconds: Option<u64>,
    /// The newest one made, by the sensor's clock.
    last_made: Option<String>,
    /// When the newest one in the inbox came there.
    last_arrived: Option<String>,
    /// From being made to the inbox, of that one; the sensor's clock set right.
    latency_ms: Option<i64>,
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

/// What of the fleet stands beside each sensor.
struct Beside {
    configurations: BTreeMap<String, SensorConfiguration>,
    silences: BTreeMap<String, (String, UnixMillis)>,
}

impl Beside {
    async fn read(state: &ApiState, scope: &Scope) -> Result<Beside> {
        let store = &state.store;
        Ok(Beside {
            configurations: store.sensor_configurations(scope).await?,
            silences: store.silenced_sensors(state.now()).await?,
        })
    }
}

fn body(sensor: Sensor, beside: &Beside, state: &ApiState) -> SensorBody {
    let indexed = state
        .machine()
        .indexed(&sensor.id, sensor.epoch.unwrap_or(0));
    SensorBody {
        kind: sensor.kind.name().to_owned(),
        spool: sensor.spool.as_ref().map(spool_body),
        canary: canary_body(&sensor, indexed, state.now()),
        configuration: beside.configurations.get(&sensor.id).map(configuration),
        silence: beside
            .silences
            .get(&sensor.id)
            .map(|(reason, ends)| SensorSilenceBody {
                reason: reason.clone(),
                ends: times::write(*ends),
            }),
        link: sensor.link_plan.as_ref().map(link_body),
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

fn link_body(plan: &LinkPlan) -> LinkPlanBody {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let hours = |one: &LinkHours| LinkHoursBody {
        from: time(one.from_minute),
        to: time(one.to_minute),
        kilobits: one.kilobits,
    };
    LinkPlanBody {
        kilobits: plan.kilobits,
        hours: plan.hours.iter().map(hours).collect(),
    }
}

fn link_plan(body: &LinkPlanBody) -> Result<LinkPlan> {
    let hours = |one: &LinkHoursBody| {
        Ok(LinkHours {
            from_minute: minute(&one.from)?,
            to_minute: minute(&one.to)?,
            kilobits: one.kilobits,
        })
    };
    Ok(LinkPlan {
        kilobits: body.kilobits,
        hours: body.hours.iter().map(hours).collect::<Result<_>>()?,
    })
}

/// Minute of the day of `HH:MM`.
fn minute(text: &str) -> Result<u16> {
    let digits = |part: &str| match part.len() {
        2 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<u16>().ok(),
        _ => None,
    };
    let of_day = text
        .split_once(':')
        .and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)))
        .filter(|&(hour, minute)| hour < 24 && minute < 60);
    match of_day {
        Some((hour, minute)) => Ok(hour * 60 + minute),
        None => invalid("hours", "no_time_of_day"),
    }
}

fn spool_body(spool: &SpoolSeen) -> SpoolBody {
    let hour = |hour: u64| {
        let hour = i64::try_from(hour).ok().filter(|&hour| hour > 0)?;
        Some(times::write(UnixMillis(
            hour.checked_mul(UnixMillis::HOUR)?,
        )))
    };
    SpoolBody {
        bytes: spool.bytes,
        budget_bytes: spool.budget_bytes,
        records: spool.classes.iter().map(|row| row.records).sum(),
        classes: spool
            .classes
            .iter()
            .map(|row| BacklogBody {
                class: row.class.clone(),
                records: row.records,
                oldest: hour(row.oldest_hour),
            })
            .collect(),
    }
}

fn canary_body(sensor: &Sensor, indexed: u64, now: UnixMillis) -> CanaryBody {
    let (state, hop) = match canary_health(sensor, indexed, now) {
        CanaryHealth::Off => ("off", None),
        CanaryHealth::Ok => ("ok", None),
        CanaryHealth::Missing(hop) => ("missing", Some(hop.name().to_owned())),
    };
    let made = sensor.spool.as_ref().and_then(|spool| spool.canary);
    let skew = sensor.clock_skew_ms.unwrap_or(0);
    CanaryBody {
        state: state.to_owned(),
        hop,
        every_seconds: made.map(|made| made.every_ms / 1_000),
        last_made: made
            .and_then(|made| i64::try_from(made.made_ms).ok())
            .map(|made| times::write(UnixMillis(made))),
        last_arrived: sensor.canary.map(|canary| times::write(canary.arrived)),
        latency_ms: sensor.canary.map(|canary| {
            canary
                .arrived
                .0
                .saturating_sub(canary.made.0.saturating_sub(skew))
        }),
    }
}

/// What the sensor of a record is called.
#[derive(Serialize, ToSchema)]
pub struct SensorName {
    id: String,
    name: String,
}

/// The names of all that records come from: sensors, sources, the collector itself, and those that are no more.
#[utoipa::path(get, path = "/sensors/names", operation_id = "sensor_names", tag = "sensors", responses((status = 200, body = [SensorName])))]
async fn names(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SensorName>>> {
    let names = state.store.sensor_names(&caller.scope).await?;
    Ok(Json(
        names
            .into_iter()
            .map(|(id, name)| SensorName { id, name })
            .collect(),
    ))
}

#[utoipa::path(get, path = "/sensors", operation_id = "list_sensors", tag = "sensors", responses((status = 200, body = [SensorBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SensorBody>>> {
    let sensors = state.store.sensors(&caller.scope).await?;
    let beside = Beside::read(&state, &caller.scope).await?;
    Ok(Json(
        sensors
            .into_iter()
            .map(|sensor| body(sensor, &beside, &state))
            .collect(),
    ))
}

/// Names a sensor, or moves it to another unit, whose settings and rules it gets. Alert groups made before stay where they
/// are.
#[utoipa::path(patch, path = "/sensors/{id}", operation_id = "update_sensor", tag = "sensors", params(("id" = String, Path)),
    request_body = SensorChangeRequest,
    responses((status = 200, body = SensorBody), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<SensorChangeRequest>,
) -> Result<Json<SensorBody>> {
    caller.require(Role::Administrator)?;
    state.store.sensor(&id, &caller.scope).await?;
    let unit = request.unit_id.map(UnitId);
    if let Some(unit) = unit {
        caller.require_unit(unit)?;
    }
    state
        .store
        .update_sensor(&id, request.name.as_deref(), unit)
        .await?;
    let detail = json!({ "name": request.name, "unit": request.unit_id });
    caller.note(&state, "sensor.update", &id, detail).await?;
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let beside = Beside::read(&state, &caller.scope).await?;
    Ok(Json(body(sensor, &beside, &state)))
}

/// Refuses the sensor from now on, for good; what it sent stays. To come back it has to enrol anew.
#[utoipa::path(post, path = "/sensors/{id}/revoke", operation_id = "revoke_sensor", tag = "sensors", params(("id" = String, Path)),
    request_body = RevokeRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<RevokeRequest>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    // Sources have their own way.
    let target = FleetTarget::Sensor(id.clone());
    state
        .store
        .effective_settings(&target, &caller.scope)
        .await?;
    if request.reason.trim().is_empty() {
        return invalid("reason", "empty");
    }
    state.store.revoke_sensor(&id, state.now()).await?;
    let detail = json!({ "reason": request.reason });
    caller.note(&state, "sensor.revoke", &id, detail).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Heartbeats of the last hours, oldest first, thinned out to what a graph can show.
#[utoipa::path(get, path = "/sensors/{id}/history", operation_id = "sensor_history", tag = "sensors", params(("id" = String, Path), HistoryQuery),
    responses((status = 200, body = [HeartbeatBody]), (status = 404, body = Problem)))]
async fn history(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Vec<HeartbeatBody>>> {
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let hours = query.hours.unwrap_or(DEFAULT_HOURS);
    let hours = hours.clamp(1, MAX_HOURS);
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

/// Sets what a sensor may send; it is told with its next heartbeat.
#[utoipa::path(put, path = "/sensors/{id}/link", operation_id = "set_sensor_link", tag = "sensors", params(("id" = String, Path)), request_body = LinkPlanBody,
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn set_link(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<LinkPlanBody>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let plan = link_plan(&request)?;
    let store = &state.store;
    store.set_link_plan(&id, Some(&plan), &caller.scope).await?;
    caller
        .note(&state, "sensor.link", &id, json!(request))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves what a sensor may send to its own configuration.
#[utoipa::path(delete, path = "/sensors/{id}/link", operation_id = "unset_sensor_link", tag = "sensors", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn unset_link(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    state.store.set_link_plan(&id, None, &caller.scope).await?;
    caller
        .note(&state, "sensor.link", &id, json!({ "own": true }))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(names))
        .routes(routes!(update))
        .routes(routes!(revoke))
        .routes(routes!(history))
        .routes(routes!(enrolment))
        .routes(routes!(set_link, unset_link))
}
