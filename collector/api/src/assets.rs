//! Machines and networks that have a name and an importance.

use axum::extract::State;
use axum::http::StatusCode;
use collector_search::Network;
use collector_state::{NewAsset, Role, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;

#[derive(Serialize, ToSchema)]
pub struct AssetBody {
    id: i64,
    unit_id: i64,
    first: String,
    last: String,
    name: String,
    /// 1 to 5; 3 is what a machine has that is not listed.
    importance: u8,
}

#[derive(Deserialize, ToSchema)]
pub struct AssetRequest {
    /// An address or a network.
    network: String,
    name: String,
    importance: u8,
    unit_id: i64,
}

#[derive(Serialize, ToSchema)]
pub struct AssetCreated {
    id: i64,
}

#[utoipa::path(get, path = "/assets", operation_id = "list_assets", tag = "assets", responses((status = 200, body = [AssetBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<AssetBody>>> {
    let assets = state.store.assets(&caller.scope).await?;
    let body = |asset: collector_state::Asset| AssetBody {
        id: asset.id,
        unit_id: asset.unit_id.0,
        first: asset.first.to_string(),
        last: asset.last.to_string(),
        name: asset.name,
        importance: asset.importance,
    };
    Ok(Json(assets.into_iter().map(body).collect()))
}

/// Adds an asset, or changes the one with the same network.
#[utoipa::path(put, path = "/assets", operation_id = "put_asset", tag = "assets", request_body = AssetRequest,
    responses((status = 200, body = AssetCreated), (status = 400, body = Problem)))]
async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<AssetRequest>,
) -> Result<Json<AssetCreated>> {
    caller.require(Role::Analyst)?;
    let unit = UnitId(request.unit_id);
    caller.require_unit(unit)?;
    let Some(network) = Network::parse(request.network.trim()) else {
        return invalid("network", "not_a_network");
    };
    let new = NewAsset {
        unit_id: unit,
        first: IpAddr::V6(network.first).to_canonical(),
        last: IpAddr::V6(network.last).to_canonical(),
        name: request.name,
        importance: request.importance,
    };
    let id = state.store.put_asset(new).await?;
    let detail = json!({ "unit": unit.0, "importance": request.importance });
    caller
        .note(&state, "asset.put", &request.network, detail)
        .await?;
    Ok(Json(AssetCreated { id }))
}

#[utoipa::path(delete, path = "/assets/{id}", operation_id = "delete_asset", tag = "assets",
    params(("id" = i64, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Analyst)?;
    state.store.delete_asset(id, &caller.scope).await?;
    caller
        .note(&state, "asset.delete", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, put))
        .routes(routes!(delete))
}
