//! Sources: what sends EVE over HTTP with a token.

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{Role, Source, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Serialize, ToSchema)]
pub struct SourceBody {
    /// Its records and its row in the ledger bear this as the sensor's id.
    id: String,
    name: String,
    unit_id: i64,
    created: String,
    created_by: String,
    last_used: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewSource {
    name: String,
    unit_id: i64,
}

#[derive(Serialize, ToSchema)]
pub struct SourceToken {
    id: String,
    /// For `Authorization: Bearer …`; shown once.
    token: String,
}

fn body(source: Source) -> SourceBody {
    SourceBody {
        id: source.id,
        name: source.name,
        unit_id: source.unit_id.0,
        created: times::write(source.created),
        created_by: source.created_by,
        last_used: source.last_used.map(times::write),
    }
}

#[utoipa::path(get, path = "/sources", operation_id = "list_sources", tag = "sources",
    responses((status = 200, body = [SourceBody]), (status = 403, body = Problem)))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SourceBody>>> {
    caller.require(Role::Administrator)?;
    let sources = state.store.sources(&caller.scope).await?;
    Ok(Json(sources.into_iter().map(body).collect()))
}

#[utoipa::path(post, path = "/sources", operation_id = "create_source", tag = "sources", request_body = NewSource,
    responses((status = 200, body = SourceToken), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(new): Json<NewSource>,
) -> Result<Json<SourceToken>> {
    caller.require(Role::Administrator)?;
    let unit = UnitId(new.unit_id);
    caller.require_unit(unit)?;
    let (source, token) = state
        .store
        .create_source(&new.name, unit, &caller.user.name, state.now())
        .await?;
    let detail = json!({ "name": source.name, "unit": unit.0 });
    caller
        .note(&state, "source.create", &source.id, detail)
        .await?;
    Ok(Json(SourceToken {
        id: source.id,
        token,
    }))
}

/// A new token; the old one works no more.
#[utoipa::path(post, path = "/sources/{id}/token", operation_id = "renew_source_token", tag = "sources",
    params(("id" = String, Path)),
    responses((status = 200, body = SourceToken), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn renew(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SourceToken>> {
    caller.require(Role::Administrator)?;
    let source = state.store.sensor(&id, &caller.scope).await?;
    let token = state
        .store
        .renew_source_token(&source.id, state.now())
        .await?;
    caller
        .note(&state, "source.renew_token", &id, json!({}))
        .await?;
    Ok(Json(SourceToken { id, token }))
}

/// Its token works no more; what it sent stays.
#[utoipa::path(delete, path = "/sources/{id}", operation_id = "revoke_source", tag = "sources",
    params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let source = state.store.sensor(&id, &caller.scope).await?;
    state.store.revoke_sensor(&source.id, state.now()).await?;
    caller.note(&state, "source.revoke", &id, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(renew))
        .routes(routes!(revoke))
}
