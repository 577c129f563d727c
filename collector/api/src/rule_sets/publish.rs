//! Which sensors are to run which version, and do they.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector_state::{Publication, Role, SensorTarget, published_hash};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

/// A sensor, what it is to run of a set, and what it says that it runs.
#[derive(Serialize, ToSchema)]
pub struct RuleTargetBody {
    sensor_id: String,
    name: String,
    unit_name: String,
    connected: bool,
    /// The version that it is to run.
    number: Option<i64>,
    /// It was given this version apart from the others.
    apart: bool,
    /// Since when it is to run it.
    since: Option<String>,
    /// current: it runs everything that is published to it; waiting: it has not got it yet, or something else runs
    /// there; refused: see the reason; unable: its version takes no published rules.
    state: String,
    refused_reason: Option<String>,
    /// Of everything that is published to it, all sets together.
    wanted_hash: String,
    running_hash: Option<String>,
    /// Of all rules that it runs, its own files too.
    ruleset_hash: Option<String>,
    rules_loaded: Option<u64>,
    rules_failed: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct PublicationBody {
    at: String,
    user: String,
    /// Absent: all sensors of the set's unit and those below it.
    sensor_id: Option<String>,
    /// Absent: taken back.
    number: Option<i64>,
    why: String,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedBody {
    sensors: Vec<RuleTargetBody>,
    /// Newest first.
    history: Vec<PublicationBody>,
}

#[derive(Deserialize, ToSchema)]
pub struct PublishRequest {
    /// Absent: all sensors of the set's unit and those below it; none keeps a version of its own.
    sensor_id: Option<String>,
    /// Absent: take it back.
    number: Option<i64>,
    why: String,
}

fn target(target: SensorTarget) -> RuleTargetBody {
    let stats: Value = target
        .stats
        .and_then(|stats| serde_json::from_str(&stats).ok())
        .unwrap_or_default();
    RuleTargetBody {
        sensor_id: target.sensor_id,
        name: target.name,
        unit_name: target.unit_name,
        connected: target.connected,
        number: target.number,
        apart: target.apart,
        since: target.since.map(times::write),
        state: target.state.name().to_owned(),
        refused_reason: target.refused_reason,
        wanted_hash: target.wanted_hash,
        running_hash: target.running_hash,
        ruleset_hash: target.ruleset_hash,
        rules_loaded: stats["rules_loaded"].as_u64(),
        rules_failed: stats["rules_failed"].as_u64(),
    }
}

fn publication(told: Publication) -> PublicationBody {
    PublicationBody {
        at: times::write(told.at),
        user: told.user,
        sensor_id: told.sensor_id,
        number: told.number,
        why: told.why,
    }
}

/// The sensors that a set can go to, what they run of it, and what was published.
#[utoipa::path(get, path = "/rule-sets/{id}/publications", operation_id = "rule_publications", tag = "rules", params(("id" = i64, Path)),
    responses((status = 200, body = PublishedBody), (status = 404, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<PublishedBody>> {
    let sensors = state.store.rule_targets(id, &caller.scope).await?;
    let history = state.store.rule_publications(id, &caller.scope).await?;
    Ok(Json(PublishedBody {
        sensors: sensors.into_iter().map(target).collect(),
        history: history.into_iter().map(publication).collect(),
    }))
}

/// Has one sensor, or all, run a version, or takes it back. Sensors are told within seconds of being connected.
#[utoipa::path(post, path = "/rule-sets/{id}/publications", operation_id = "publish_rules", tag = "rules", params(("id" = i64, Path)), request_body = PublishRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn publish(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<PublishRequest>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let who = (caller.user.name.as_str(), state.now());
    state
        .store
        .publish_rules(
            id,
            request.sensor_id.as_deref(),
            request.number,
            &request.why,
            &caller.scope,
            who,
        )
        .await?;
    let detail =
        json!({ "sensor": request.sensor_id, "number": request.number, "why": request.why });
    caller
        .note(&state, "rule_set.publish", &id.to_string(), detail)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that is published to a sensor as one signed file, for a site without a link. The sensor takes it with
/// `matluoi-sensor rules install FILE`, if this is the collector that it is enrolled with and nothing newer runs there.
#[utoipa::path(get, path = "/sensors/{id}/rules-bundle", operation_id = "sensor_rules_bundle", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
async fn bundle(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response> {
    caller.require(Role::RuleAuthor)?;
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let versions = state.store.wanted_rule_versions(&sensor.id).await?;
    let text = state.store.published_text(&versions).await?;
    let hash = published_hash(&text);
    let detail = json!({ "hash": hash });
    let bundle = state.machine().rules_bundle(hash.clone(), text).await;
    let bundle = bundle.map_err(ApiError::Broken)?;
    caller
        .note(&state, "sensor.rules_bundle", &sensor.id, detail)
        .await?;
    let hash = if hash.is_empty() {
        "none"
    } else {
        hash.get(..12).unwrap_or(&hash)
    };
    let name = format!("attachment; filename=\"matluoi-{hash}.rules-bundle\"");
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, bundle).into_response())
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, publish))
        .routes(routes!(bundle))
}
