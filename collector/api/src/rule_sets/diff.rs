//! What one version has that another has not.

use axum::extract::State;
use collector_feeds::diff;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;

/// Rules that one answer shows.
const MAX_ROWS: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// Absent: everything is new.
    from: Option<i64>,
    to: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RuleChangeBody {
    /// added, removed, changed, enabled, disabled
    kind: String,
    gid: u32,
    sid: u32,
    msg: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ListChangeBody {
    name: String,
    values: u64,
    added: u64,
    removed: u64,
}

#[derive(Serialize, ToSchema)]
pub struct RuleDiff {
    added: u64,
    removed: u64,
    changed: u64,
    enabled: u64,
    disabled: u64,
    /// By number; at most 1,000.
    rules: Vec<RuleChangeBody>,
    /// Not all are shown.
    cut: bool,
    lists: Vec<ListChangeBody>,
}

/// What a version changes: rules by number, and lists that they load.
#[utoipa::path(get, path = "/rule-sets/{id}/diff", operation_id = "rule_diff", tag = "rules", params(("id" = i64, Path), DiffQuery),
    responses((status = 200, body = RuleDiff), (status = 404, body = Problem)))]
async fn compare(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<RuleDiff>> {
    let text = async |number: i64| {
        state
            .store
            .rule_version_text(id, number, &caller.scope)
            .await
    };
    let before = match query.from {
        Some(number) => text(number).await?,
        None => String::new(),
    };
    let after = text(query.to).await?;
    let found = tokio::task::spawn_blocking(move || diff(&before, &after)).await;
    let found = found.map_err(|error| ApiError::Broken(error.to_string()))?;
    let rule = |change: collector_feeds::RuleChange| RuleChangeBody {
        kind: change.kind.name().to_owned(),
        gid: change.gid,
        sid: change.sid,
        msg: change.msg,
        before: change.before,
        after: change.after,
    };
    let list = |change: collector_feeds::ListChange| ListChangeBody {
        name: change.name,
        values: change.values,
        added: change.added,
        removed: change.removed,
    };
    Ok(Json(RuleDiff {
        added: found.counts.added,
        removed: found.counts.removed,
        changed: found.counts.changed,
        enabled: found.counts.enabled,
        disabled: found.counts.disabled,
        cut: found.rules.len() > MAX_ROWS,
        rules: found.rules.into_iter().take(MAX_ROWS).map(rule).collect(),
        lists: found.lists.into_iter().map(list).collect(),
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(compare))
}
