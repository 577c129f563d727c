//! What is held, how long, and how long the disk will do.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Result};
use crate::json::Json;
use crate::machine::Storage;

/// "You hold N days; the rules ask M", by shelf.
#[utoipa::path(get, path = "/retention", operation_id = "retention", tag = "system",
    responses((status = 200, body = Storage)))]
async fn get(State(state): State<ApiState>, _: Caller) -> Result<Json<Storage>> {
    let storage = state.machine().storage().await;
    storage.map(Json).map_err(ApiError::Broken)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get))
}
