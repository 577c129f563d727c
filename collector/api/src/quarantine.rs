//! Lines that the collector refused, for a person to read.

use axum::Json;
use axum::extract::State;
use axum_extra::extract::Query;
use collector_state::{Page, QuarantineRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::Result;
use crate::times;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QuarantineQuery {
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
    class: String,
    epoch: u64,
    seq: u64,
    /// Why it was refused.
    reason: String,
    /// The beginning of the line.
    line: String,
    line_bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub struct QuarantineBody {
    items: Vec<QuarantinedLine>,
    total: u64,
    next: Option<i64>,
}

/// Newest first.
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
    let found = state.store.quarantined(&caller.scope, page).await?;
    let body = |row: QuarantineRow| QuarantinedLine {
        id: row.id,
        at: times::write(row.at),
        sensor_id: row.sensor_id,
        sensor_name: row.sensor_name,
        class: row.class,
        epoch: row.epoch,
        seq: row.seq,
        reason: row.reason,
        line: row.line,
        line_bytes: row.line_bytes,
    };
    Ok(Json(QuarantineBody {
        items: found.items.into_iter().map(body).collect(),
        total: found.total,
        next: found.next,
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}
