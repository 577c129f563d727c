//! Lines that were refused, for a person to read.

use axum::extract::State;
use collector_state::{Page, QuarantineRow};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::Result;
use crate::extract::Query;
use crate::json::Json;
use crate::times;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QuarantineQuery {
    /// One sensor or source.
    sensor: Option<String>,
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct QuarantinedLine {
    id: i64,
    at: String,
    sensor_id: String,
    sensor_name: Option<String>,
    epoch: u64,
    class: String,
    seq: u64,
    reason: String,
    /// The beginning of the line.
    line: String,
    /// Length of the whole line.
    line_bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub struct QuarantineBody {
    items: Vec<QuarantinedLine>,
    total: u64,
    next: Option<i64>,
}

fn body(row: QuarantineRow) -> QuarantinedLine {
    QuarantinedLine {
        id: row.id,
        at: times::write(row.at),
        sensor_id: row.sensor_id,
        sensor_name: row.sensor_name,
        epoch: row.epoch,
        class: row.class,
        seq: row.seq,
        reason: row.reason,
        line: row.line,
        line_bytes: row.line_bytes,
    }
}

/// Newest first. Lines may hold what people on the network wrote: reading them is noted.
#[utoipa::path(get, path = "/quarantine", operation_id = "quarantine", tag = "sensors", params(QuarantineQuery),
    responses((status = 200, body = QuarantineBody)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<QuarantineBody>> {
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let rows = state
        .store
        .quarantined(&caller.scope, query.sensor.as_deref(), page)
        .await?;
    if !rows.items.is_empty() {
        let detail = json!({ "lines": rows.items.len() });
        let target = query.sensor.as_deref().unwrap_or_default();
        caller
            .note(&state, "quarantine.read", target, detail)
            .await?;
    }
    Ok(Json(QuarantineBody {
        items: rows.items.into_iter().map(body).collect(),
        total: rows.total,
        next: rows.next,
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}
