//! The tree of the organisation, as far as the caller sees it.

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{NewUnit, Role, Unit, UnitId};
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

#[derive(Serialize, ToSchema)]
pub struct UnitBody {
    id: i64,
    parent_id: Option<i64>,
    name: String,
    /// What the organisation calls this level.
    kind: String,
}

#[derive(Deserialize, ToSchema)]
pub struct NewUnitRequest {
    parent_id: i64,
    name: String,
    /// What the organisation calls this level.
    kind: String,
}

/// What to change; absent stays.
#[derive(Deserialize, ToSchema)]
pub struct UnitChangeRequest {
    name: Option<String>,
    kind: Option<String>,
}

fn body(unit: Unit) -> UnitBody {
    UnitBody {
        id: unit.id.0,
        parent_id: unit.parent_id.map(|parent| parent.0),
        name: unit.name,
        kind: unit.kind,
    }
}

/// Parents come before their children.
#[utoipa::path(get, path = "/units", operation_id = "list_units", tag = "units", responses((status = 200, body = [UnitBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<UnitBody>>> {
    let units = state.store.units(&caller.scope).await?;
    Ok(Json(units.into_iter().map(body).collect()))
}

#[utoipa::path(post, path = "/units", operation_id = "create_unit", tag = "units", request_body = NewUnitRequest,
    responses((status = 200, body = UnitBody), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<NewUnitRequest>,
) -> Result<Json<UnitBody>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId(request.parent_id))?;
    let new = NewUnit {
        parent_id: UnitId(request.parent_id),
        name: request.name,
        kind: request.kind,
    };
    let unit = state.store.create_unit(new).await?;
    let detail = json!({ "parent": request.parent_id });
    caller
        .note(&state, "unit.create", &unit.name, detail)
        .await?;
    Ok(Json(body(unit)))
}

#[utoipa::path(patch, path = "/units/{id}", operation_id = "update_unit", tag = "units", request_body = UnitChangeRequest,
    params(("id" = i64, Path)), responses((status = 200, body = UnitBody), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<UnitChangeRequest>,
) -> Result<Json<UnitBody>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId(id))?;
    let unit = state
        .store
        .update_unit(UnitId(id), request.name.as_deref(), request.kind.as_deref())
        .await?;
    caller
        .note(&state, "unit.update", &unit.name, json!({ "id": id }))
        .await?;
    Ok(Json(body(unit)))
}

/// Removes a unit that has nothing in it.
#[utoipa::path(delete, path = "/units/{id}", operation_id = "delete_unit", tag = "units", params(("id" = i64, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId(id))?;
    state.store.delete_unit(UnitId(id)).await?;
    caller
        .note(&state, "unit.delete", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(update, delete))
}
