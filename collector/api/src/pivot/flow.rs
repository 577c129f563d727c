//! One flow: its events in the order of time.

use axum::extract::State;
use collector_search::Sort;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::asking::Asking;
use super::{PivotQuery, is};
use crate::ApiState;
use crate::archive::ArchivedBody;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::search::listed;

/// Events of one flow.
const MAX_FLOW_EVENTS: usize = 500;

#[derive(Serialize, ToSchema)]
pub struct FlowBody {
    value: String,
    q: String,
    /// In the order of time.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    total: u64,
    partial: bool,
    /// What of the range lies in the archive, and was not searched.
    archived: Option<ArchivedBody>,
}

/// Events that a flow id or a community id joins, oldest first.
#[utoipa::path(get, path = "/flows/{id}", operation_id = "flow", tag = "pivots", params(("id" = String, Path), PivotQuery),
    responses((status = 200, body = FlowBody), (status = 400, body = Problem)))]
pub(super) async fn flow(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<FlowBody>> {
    let asking = Asking::new(&state, &caller, &query).await?;
    let (path, value) = if id.parse::<u64>().is_ok() {
        ("flow_id", id.clone())
    } else if id.starts_with("1:") && id.len() < 64 {
        ("community_id", id.clone())
    } else {
        return invalid("id", "not_a_flow");
    };
    let hits = state
        .engine
        .search(
            asking.request(is(path, &value)),
            Sort::OldestFirst,
            MAX_FLOW_EVENTS,
            None,
        )
        .await?;
    Ok(Json(FlowBody {
        q: format!("{path}:\"{value}\""),
        value: id,
        events: hits.events.iter().map(|event| listed(event)).collect(),
        total: hits.total,
        partial: hits.partial,
        archived: asking.unseen().await?,
    }))
}
