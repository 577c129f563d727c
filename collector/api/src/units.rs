//! The tree of the organisation, as far as the caller sees it.

use axum::Json;
use axum::extract::State;
use collector_state::Unit;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::Result;

#[derive(Serialize, ToSchema)]
pub struct UnitBody {
    id: i64,
    parent_id: Option<i64>,
    name: String,
    /// What the organisation calls this level.
    kind: String,
}

/// Parents come before their children.
#[utoipa::path(get, path = "/units", operation_id = "list_units", tag = "units", responses((status = 200, body = [UnitBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<UnitBody>>> {
    let units = state.store.units(&caller.scope).await?;
    let body = |unit: Unit| UnitBody {
        id: unit.id.0,
        parent_id: unit.parent_id.map(|parent| parent.0),
        name: unit.name,
        kind: unit.kind,
    };
    Ok(Json(units.into_iter().map(body).collect()))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}
