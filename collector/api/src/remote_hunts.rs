//! Hunts among the records that stayed on sensors.
//!
//! Sensors keep what their link cannot carry, or what is set to stay, within bounds of their own. A hunt goes to the
//! sensors in the caller's scope with the query's tree; what they find comes back over their streams and is kept for a
//! day. A sensor that is away answers when it is back.

use axum::extract::State;
use axum::http::StatusCode;
use collector_search::{ClassFilter, Node, Test, check_carried};
use collector_state::{
    NewRemoteHunt, RemoteHunt, RemoteRow, RemoteSensor, RemoteState, Role, Sensor, SensorKind,
    UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::search::{checked, class};
use crate::times;

/// What was found is kept this long; so long a sensor may be away.
const LIFETIME: i64 = UnixMillis::DAY;
/// Records of each sensor, where nothing else is said, and at most.
const USUAL_ROWS: u64 = 200;
const MAX_ROWS: u64 = 1_000;
/// Records in one answer.
const DEFAULT_PAGE: u32 = 1_000;
const MAX_PAGE: u32 = 2_000;
/// Sensors that one hunt asks.
const MAX_SENSORS: usize = 1_000;

#[derive(Deserialize, ToSchema)]
pub struct RemoteHuntRequest {
    /// As in `/search`; `groupby`, `rare` and `sortby` cannot be carried, nor `matluoi.id`.
    q: String,
    /// RFC 3339, `now-24h`, `-1d@d`.
    from: String,
    to: Option<String>,
    /// alert, record; both without it.
    class: Option<String>,
    /// Where days begin: Asia/Ho_Chi_Minh (the default), UTC
    zone: Option<String>,
    /// Ids; all in the caller's scope without it.
    sensors: Option<Vec<String>>,
    /// Records of each sensor, 200 without it, 1,000 at most, and fewer where many sensors are asked.
    limit: Option<u64>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RemoteEventsQuery {
    limit: Option<u32>,
}

/// What stayed on a sensor.
#[derive(Serialize, ToSchema)]
pub struct ArchiveBody {
    sensor_id: String,
    sensor_name: String,
    /// The sensor is connected: it can be asked now.
    online: bool,
    /// kept; off: the sensor keeps nothing; unknown: it has told nothing, or is too old for it
    state: String,
    records: u64,
    bytes: u64,
    budget_bytes: u64,
    /// Times of what it holds.
    oldest: Option<String>,
    newest: Option<String>,
    /// Older records were there once.
    rotated: bool,
    /// Kinds of records that are set to stay.
    stay: Vec<String>,
    /// Records that could not be kept since the sensor's start.
    left_out: u64,
}

/// A sensor's part in a hunt.
#[derive(Serialize, ToSchema)]
pub struct RemoteSensorBody {
    sensor_id: String,
    sensor_name: String,
    online: bool,
    /// queued, sent, searching, done, failed, cancelled
    state: String,
    /// Of done ones: complete, rows, bytes, time. Of failed ones: off, unknown, not_understood, too_many, unreadable,
    /// too_much
    reason: Option<String>,
    changed: String,
    /// Records looked at, and to be looked at.
    looked_at: u64,
    total: Option<u64>,
    /// What it holds.
    oldest: Option<String>,
    newest: Option<String>,
    rotated: bool,
    /// Blocks and records that could not be read.
    damaged: u64,
    found: u64,
    bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub struct RemoteHuntBody {
    id: i64,
    created: String,
    expires: String,
    query: String,
    from: String,
    to: String,
    /// Of each sensor, at most.
    max_rows: u64,
    max_bytes: u64,
    /// Sensors that have answered, and all that were asked.
    answered: u64,
    asked: u64,
    /// Something may still come.
    open: bool,
    found: u64,
    sensors: Vec<RemoteSensorBody>,
}

/// Records as `/search` gives them; `matluoi.kept_at` is `sensor`.
#[derive(Serialize, ToSchema)]
pub struct RemoteEvents {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    total: u64,
}

/// What a heartbeat tells of the archive.
#[derive(Deserialize)]
struct Archive {
    bytes: u64,
    budget_bytes: u64,
    records: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    rotated: bool,
    #[serde(default)]
    stay: Vec<String>,
    #[serde(default)]
    left_out: std::collections::BTreeMap<String, u64>,
}

/// The archive of a sensor, or why it cannot be asked.
fn archive_of(sensor: &Sensor) -> std::result::Result<Archive, &'static str> {
    let stats = sensor.stats.as_deref().ok_or("unknown")?;
    let stats: Value = serde_json::from_str(stats).map_err(|_| "unknown")?;
    match stats.get("archive") {
        None => Err("unknown"),
        Some(Value::Null) => Err("off"),
        Some(archive) => serde_json::from_value(archive.clone()).map_err(|_| "unknown"),
    }
}

fn written(us: Option<i64>) -> Option<String> {
    us.map(|us| times::write(UnixMillis(us.div_euclid(1_000))))
}

fn archive_body(sensor: Sensor) -> ArchiveBody {
    let archive = archive_of(&sensor);
    let state = archive.as_ref().err().unwrap_or(&"kept");
    let mut body = ArchiveBody {
        sensor_id: sensor.id,
        sensor_name: sensor.name,
        online: sensor.connected,
        state: (*state).to_owned(),
        records: 0,
        bytes: 0,
        budget_bytes: 0,
        oldest: None,
        newest: None,
        rotated: false,
        stay: Vec::new(),
        left_out: 0,
    };
    if let Ok(archive) = archive {
        body.records = archive.records;
        body.bytes = archive.bytes;
        body.budget_bytes = archive.budget_bytes;
        body.oldest = archive.oldest_ms.map(|ms| times::write(UnixMillis(ms)));
        body.newest = archive.newest_ms.map(|ms| times::write(UnixMillis(ms)));
        body.rotated = archive.rotated;
        body.stay = archive.stay;
        body.left_out = archive.left_out.values().sum();
    }
    body
}

fn sensor_body(sensor: RemoteSensor) -> RemoteSensorBody {
    RemoteSensorBody {
        sensor_id: sensor.sensor_id,
        sensor_name: sensor.sensor_name,
        online: sensor.online,
        state: sensor.state.name().to_owned(),
        reason: sensor.reason,
        changed: times::write(sensor.changed),
        looked_at: sensor.looked_at,
        total: sensor.total,
        oldest: written(sensor.kept.oldest_us),
        newest: written(sensor.kept.newest_us),
        rotated: sensor.kept.rotated,
        damaged: sensor.kept.damaged,
        found: sensor.found,
        bytes: sensor.bytes,
    }
}

async fn body(state: &ApiState, caller: &Caller, hunt: RemoteHunt) -> Result<RemoteHuntBody> {
    let sensors = state.store.remote_sensors(hunt.id, &caller.scope).await?;
    let answered = sensors
        .iter()
        .filter(|sensor| sensor.state == RemoteState::Done);
    Ok(RemoteHuntBody {
        id: hunt.id,
        created: times::write(hunt.created),
        expires: times::write(hunt.expires),
        query: hunt.query,
        from: times::write(UnixMillis(hunt.from_us.div_euclid(1_000))),
        to: times::write(UnixMillis(hunt.to_us.div_euclid(1_000))),
        max_rows: hunt.max_rows,
        max_bytes: hunt.max_bytes,
        answered: answered.count() as u64,
        asked: sensors.len() as u64,
        open: sensors.iter().any(|sensor| sensor.state.is_open()),
        found: sensors.iter().map(|sensor| sensor.found).sum(),
        sensors: sensors.into_iter().map(sensor_body).collect(),
    })
}

/// A record as people see those of the index.
pub(crate) fn event(sensor: &str, row: RemoteRow) -> Value {
    let Ok(Value::Object(mut event)) = serde_json::from_str::<Value>(&row.record) else {
        return Value::String(row.record);
    };
    let place = row.place;
    let own = event
        .entry("matluoi")
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Value::Object(own) = own {
        let id = format!(
            "{sensor}-kept-{}-{}-{}",
            place.segment, place.offset, place.entry
        );
        own.insert("id".to_owned(), Value::String(id));
        own.insert("sensor".to_owned(), Value::String(sensor.to_owned()));
        own.insert("class".to_owned(), Value::String(row.class));
        own.insert("kept_at".to_owned(), Value::String("sensor".to_owned()));
    }
    Value::Object(event)
}

/// Sensors in scope, those that are asked by name if they are named.
async fn asked_sensors(
    state: &ApiState,
    caller: &Caller,
    named: Option<&[String]>,
) -> Result<Vec<Sensor>> {
    let mut sensors = state.store.sensors(&caller.scope).await?;
    sensors.retain(|sensor| sensor.kind == SensorKind::Sensor);
    if let Some(named) = named {
        if named
            .iter()
            .any(|id| !sensors.iter().any(|sensor| sensor.id == *id))
        {
            return invalid("sensors", "unknown");
        }
        sensors.retain(|sensor| named.contains(&sensor.id));
    }
    if sensors.is_empty() {
        return invalid("sensors", "none");
    }
    if sensors.len() > MAX_SENSORS {
        return invalid("sensors", "too_many");
    }
    Ok(sensors)
}

/// What stayed on the sensors in the caller's scope: told before anybody hunts.
#[utoipa::path(get, path = "/remote-hunts/archives", operation_id = "record_archives", tag = "search",
    responses((status = 200, body = [ArchiveBody])))]
async fn archives(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<ArchiveBody>>> {
    let mut sensors = state.store.sensors(&caller.scope).await?;
    sensors.retain(|sensor| sensor.kind == SensorKind::Sensor);
    Ok(Json(sensors.into_iter().map(archive_body).collect()))
}

/// Begins a hunt on sensors; who hunts for what is noted in the audit log.
#[utoipa::path(post, path = "/remote-hunts", operation_id = "create_remote_hunt", tag = "search",
    request_body = RemoteHuntRequest,
    responses((status = 200, body = RemoteHuntBody), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(asked): Json<RemoteHuntRequest>,
) -> Result<Json<RemoteHuntBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let clock = times::clock(now, asked.zone.as_deref())?;
    let pipeline = checked(&asked.q, clock)?;
    check_carried(&pipeline)?;
    let from = times::read_by("from", &asked.from, clock)?;
    let to = times::read_by("to", asked.to.as_deref().unwrap_or("now"), clock)?;
    if from > to {
        return invalid("from", "after_to");
    }
    let sensors = asked_sensors(&state, &caller, asked.sensors.as_deref()).await?;
    let sensors: Vec<(String, Option<&'static str>)> = sensors
        .into_iter()
        .map(|sensor| {
            let fault = archive_of(&sensor).err();
            (sensor.id, fault)
        })
        .collect();
    let tree = of_class(pipeline.query, class(asked.class.as_deref())?);
    let tree = serde_json::to_string(&tree).map_err(|error| ApiError::Broken(error.to_string()))?;
    let limit = asked.limit.unwrap_or(USUAL_ROWS).clamp(1, MAX_ROWS);
    let head = pipeline.head.and_then(|head| u64::try_from(head).ok());
    let new = NewRemoteHunt {
        user: caller.user.id,
        query: &asked.q,
        tree: &tree,
        from_us: from.0.saturating_mul(1_000),
        to_us: to.0.saturating_mul(1_000).saturating_add(999),
        max_rows: head.map_or(limit, |head| head.clamp(1, MAX_ROWS)),
        expires: now.plus(LIFETIME),
        sensors: &sensors,
    };
    let hunt = state.store.begin_remote_hunt(new, now).await?;
    let detail = json!({
        "query": asked.q, "from": times::write(from), "to": times::write(to), "sensors": sensors.len(),
    });
    caller
        .note(&state, "remote_hunt.create", &hunt.id.to_string(), detail)
        .await?;
    state.evidence.poke();
    Ok(Json(body(&state, &caller, hunt).await?))
}

/// The query, of alerts or of the other records.
fn of_class(query: Node, class: ClassFilter) -> Node {
    let alert = Node::Field {
        path: "matluoi.class".to_owned(),
        test: Test::Is("alert".to_owned()),
        position: 0,
    };
    match class {
        ClassFilter::All => query,
        ClassFilter::Alert => Node::And(vec![query, alert]),
        ClassFilter::Record => Node::And(vec![query, Node::Not(Box::new(alert))]),
    }
}

/// The caller's own, newest first.
#[utoipa::path(get, path = "/remote-hunts", operation_id = "list_remote_hunts", tag = "search",
    responses((status = 200, body = [RemoteHuntBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<RemoteHuntBody>>> {
    let mut bodies = Vec::new();
    for hunt in state.store.remote_hunts(caller.user.id).await? {
        bodies.push(body(&state, &caller, hunt).await?);
    }
    Ok(Json(bodies))
}

#[utoipa::path(get, path = "/remote-hunts/{id}", operation_id = "remote_hunt", tag = "search", params(("id" = i64, Path)),
    responses((status = 200, body = RemoteHuntBody), (status = 404, body = Problem)))]
async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<RemoteHuntBody>> {
    let hunt = state.store.remote_hunt(id, caller.user.id).await?;
    Ok(Json(body(&state, &caller, hunt).await?))
}

/// What was found on sensors that the caller may see, newest first.
#[utoipa::path(get, path = "/remote-hunts/{id}/events", operation_id = "remote_hunt_events", tag = "search",
    params(("id" = i64, Path), RemoteEventsQuery),
    responses((status = 200, body = RemoteEvents), (status = 404, body = Problem)))]
async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<RemoteEventsQuery>,
) -> Result<Json<RemoteEvents>> {
    state.store.remote_hunt(id, caller.user.id).await?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let rows = state.store.remote_rows(id, &caller.scope, limit).await?;
    let sensors = state.store.remote_sensors(id, &caller.scope).await?;
    Ok(Json(RemoteEvents {
        items: rows
            .into_iter()
            .map(|(sensor, row)| event(&sensor, row))
            .collect(),
        total: sensors.iter().map(|sensor| sensor.found).sum(),
    }))
}

/// Stops a hunt; what it has found is kept.
#[utoipa::path(post, path = "/remote-hunts/{id}/cancel", operation_id = "cancel_remote_hunt", tag = "search",
    params(("id" = i64, Path)),
    responses((status = 200, body = RemoteHuntBody), (status = 404, body = Problem)))]
async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<RemoteHuntBody>> {
    caller.require(Role::Analyst)?;
    let (user, now) = (caller.user.id, state.now());
    if state.store.cancel_remote_hunt(id, user, now).await? {
        state.evidence.poke();
        caller
            .note(&state, "remote_hunt.cancel", &id.to_string(), json!({}))
            .await?;
    }
    let hunt = state.store.remote_hunt(id, user).await?;
    Ok(Json(body(&state, &caller, hunt).await?))
}

/// Forgets a hunt, and stops it if it runs.
#[utoipa::path(delete, path = "/remote-hunts/{id}", operation_id = "delete_remote_hunt", tag = "search",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Analyst)?;
    state.store.delete_remote_hunt(id, caller.user.id).await?;
    state.evidence.poke();
    caller
        .note(&state, "remote_hunt.delete", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets hunts past their time. Call it every few minutes.
pub async fn sweep(state: &ApiState) {
    match state.store.expire_remote_hunts(state.now()).await {
        Ok(true) => state.evidence.poke(),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "hunts on sensors are not swept"),
    }
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(archives))
        .routes(routes!(read, delete))
        .routes(routes!(events))
        .routes(routes!(cancel))
}
