//! Times in which nobody is told of alarms of sensors, because somebody works there.

use axum::extract::State;
use collector_state::{FleetTarget, NewSilence, Role, Silence, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Deserialize, ToSchema)]
pub struct SilenceRequest {
    /// A unit with everything below it, or one sensor: one of both.
    unit_id: Option<i64>,
    sensor_id: Option<String>,
    /// RFC 3339; absent: now.
    begins: Option<String>,
    ends: String,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct SilenceBody {
    id: i64,
    unit_id: Option<i64>,
    unit_name: Option<String>,
    sensor_id: Option<String>,
    sensor_name: Option<String>,
    begins: String,
    ends: String,
    reason: String,
    created: String,
    created_by: String,
    /// Before its time.
    ended: Option<String>,
    ended_by: Option<String>,
    /// coming, now, over
    state: &'static str,
}

fn body(silence: Silence, state: &ApiState) -> SilenceBody {
    let now = state.now();
    SilenceBody {
        state: if silence.holds(now) {
            "now"
        } else if silence.ended.is_none() && now < silence.begins {
            "coming"
        } else {
            "over"
        },
        id: silence.id,
        unit_id: silence.unit_id.map(|unit| unit.0),
        unit_name: silence.unit_name,
        sensor_id: silence.sensor_id,
        sensor_name: silence.sensor_name,
        begins: times::write(silence.begins),
        ends: times::write(silence.ends),
        reason: silence.reason,
        created: times::write(silence.created),
        created_by: silence.created_by,
        ended: silence.ended.map(times::write),
        ended_by: silence.ended_by,
    }
}

/// Those that hold or will, then the newest that are over.
#[utoipa::path(get, path = "/silences", operation_id = "list_silences", tag = "fleet",
    responses((status = 200, body = [SilenceBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SilenceBody>>> {
    let silences = state.store.silences(&caller.scope, state.now()).await?;
    let bodies = silences.into_iter().map(|silence| body(silence, &state));
    Ok(Json(bodies.collect()))
}

#[utoipa::path(post, path = "/silences", operation_id = "create_silence", tag = "fleet", request_body = SilenceRequest,
    responses((status = 200, body = SilenceBody), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<SilenceRequest>,
) -> Result<Json<SilenceBody>> {
    caller.require(Role::Analyst)?;
    let target = match (request.unit_id, request.sensor_id) {
        (Some(unit), None) => FleetTarget::Unit(UnitId(unit)),
        (None, Some(sensor)) => FleetTarget::Sensor(sensor),
        _ => return invalid("target", "one_of_both"),
    };
    let begins = match &request.begins {
        Some(begins) => times::read("begins", begins, state.now())?,
        None => state.now(),
    };
    let new = NewSilence {
        target,
        begins,
        ends: times::read("ends", &request.ends, state.now())?,
        reason: request.reason,
    };
    let who = (caller.user.name.as_str(), state.now());
    let silence = state.store.create_silence(new, &caller.scope, who).await?;
    let detail = json!({
        "unit": silence.unit_id.map(|unit| unit.0),
        "sensor": silence.sensor_id,
        "begins": times::write(silence.begins),
        "ends": times::write(silence.ends),
        "reason": silence.reason,
    });
    caller
        .note(&state, "silence.create", &silence.id.to_string(), detail)
        .await?;
    Ok(Json(body(silence, &state)))
}

/// Ends a silence before its time.
#[utoipa::path(post, path = "/silences/{id}/end", operation_id = "end_silence", tag = "fleet", params(("id" = i64, Path)),
    responses((status = 200, body = SilenceBody), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn end(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<SilenceBody>> {
    caller.require(Role::Analyst)?;
    let who = (caller.user.name.as_str(), state.now());
    let silence = state.store.end_silence(id, &caller.scope, who).await?;
    caller
        .note(&state, "silence.end", &id.to_string(), json!({}))
        .await?;
    Ok(Json(body(silence, &state)))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(end))
}
