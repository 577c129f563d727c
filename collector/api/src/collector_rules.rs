//! The Sigma rules that the collector itself runs: which they are, and reading their files anew.

use axum::extract::State;
use collector_state::Role;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::json::Json;
use crate::machine::SigmaRunning;

/// Which rules run, by the hash of what was loaded, and what is wrong with the others.
#[utoipa::path(get, path = "/collector-rules", operation_id = "collector_rules", tag = "rules", responses((status = 200, body = SigmaRunning)))]
async fn read(State(state): State<ApiState>, _: Caller) -> Json<SigmaRunning> {
    Json(state.machine().sigma_running())
}

/// Reads the rules' files anew; no record is missed meanwhile. Where they cannot be read, those that run go on.
#[utoipa::path(post, path = "/collector-rules/reload", operation_id = "reload_collector_rules", tag = "rules",
    responses((status = 200, body = SigmaRunning), (status = 422, body = Problem)))]
async fn reload(State(state): State<ApiState>, caller: Caller) -> Result<Json<SigmaRunning>> {
    caller.require(Role::Administrator)?;
    let running = state.machine().sigma_reload().await;
    let running = running.map_err(ApiError::EngineFailed)?;
    let detail = json!({ "rules": running.rules, "failed": running.failed });
    caller
        .note(&state, "collector_rules.reload", &running.hash, detail)
        .await?;
    Ok(Json(running))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(reload))
}
