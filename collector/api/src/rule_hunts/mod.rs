//! Sigma rules over what is stored: how often a rule would have hit in the last 30 days.
//!
//! A rule becomes a query where the search engine can ask it, and a scan of its kinds of records where it cannot;
//! either way the rule's own engine has the last word, and correlations run over the records' time. It is done in the
//! background: asked for, watched, stopped, and forgotten after a week.

mod job;
mod plan;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{NewRuleHunt, RuleHunt, UnixMillis};
use rules::sigma::Pipeline;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::archive::ArchivedBody;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

use plan::{Plan, PlannedRule, RuleFault};

/// What was found is kept this long.
const LIFETIME: i64 = 7 * UnixMillis::DAY;
const MAX_TEXT_BYTES: usize = 256 * 1_024;
/// The longest range: ten years, longer than anything is held.
const MAX_RANGE: i64 = 3_660 * UnixMillis::DAY;
/// The range without one.
const USUAL_FROM: &str = "now-30d";

#[derive(Deserialize, ToSchema)]
pub struct RuleHuntRequest {
    /// Sigma rules, in as many documents as they need.
    text: String,
    /// RFC 3339, `now-30d`, `-1d@d`; the last 30 days without it. At most 3,660 days before `to`.
    from: Option<String>,
    to: Option<String>,
    /// Looks at all records of the rules' kinds. The index holds the first 2,048 bytes of a value only; what stands
    /// behind them a query does not find.
    #[serde(default)]
    scan: bool,
}

#[derive(Deserialize, ToSchema)]
pub struct RuleHuntText {
    text: String,
}

/// How rules would be looked for.
#[derive(Serialize, ToSchema)]
pub struct RuleHuntPlan {
    rules: Vec<PlannedRule>,
    faults: Vec<RuleFault>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleHuntId {
    id: String,
}

/// What a rule would have hit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FoundRule {
    #[serde(flatten)]
    pub rule: PlannedRule,
    pub hits: u64,
    pub first: Option<String>,
    pub last: Option<String>,
    /// Hits by the day of the record's own time.
    pub days: BTreeMap<String, u64>,
    /// The first records that it hits.
    pub examples: Vec<Example>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Example {
    pub at: String,
    /// Absent for a window of a correlation that ended by itself.
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub src_ip: Option<String>,
    pub dest_ip: Option<String>,
    /// What a correlation is grouped by.
    pub group: BTreeMap<String, String>,
}

/// How far a hunt is, and what it has found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Of the range, from 0 to 1.
    pub share: f64,
    /// Everything until this time has been looked at.
    pub through: String,
    /// Records that the rules' own engine has looked at.
    pub looked_at: u64,
    /// Records that it could not read.
    pub unreadable: u64,
    /// Stretches of time in which the query stood for too many values, and all records were looked at instead.
    pub slices_scanned: u64,
    /// Nothing was left out for want of time or room.
    pub complete: bool,
    /// What of the range lies in the archive, and was not looked at.
    #[serde(default)]
    pub archived: Option<ArchivedBody>,
    pub rules: Vec<FoundRule>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleHuntBody {
    id: String,
    created: String,
    expires: String,
    from: String,
    to: String,
    /// running, ready, failed, cancelled
    status: String,
    text: String,
    found: Found,
}

/// A row of the list.
#[derive(Serialize, ToSchema)]
pub struct RuleHuntRow {
    id: String,
    created: String,
    from: String,
    to: String,
    status: String,
    /// Titles of the rules.
    titles: Vec<String>,
    hits: u64,
    share: f64,
}

impl Found {
    fn begun(rules: &[PlannedRule]) -> Found {
        let of = |rule: &PlannedRule| FoundRule {
            rule: rule.clone(),
            hits: 0,
            first: None,
            last: None,
            days: BTreeMap::new(),
            examples: Vec::new(),
        };
        Found {
            share: 0.0,
            through: String::new(),
            looked_at: 0,
            unreadable: 0,
            slices_scanned: 0,
            complete: true,
            archived: None,
            rules: rules.iter().map(of).collect(),
        }
    }
}

fn found(hunt: &RuleHunt) -> Result<Found> {
    serde_json::from_str(&hunt.found).map_err(|error| ApiError::Broken(error.to_string()))
}

fn body(hunt: RuleHunt) -> Result<RuleHuntBody> {
    Ok(RuleHuntBody {
        found: found(&hunt)?,
        id: hunt.id,
        created: times::write(hunt.created),
        expires: times::write(hunt.expires),
        from: times::write(hunt.from),
        to: times::write(hunt.to),
        status: hunt.status.name().to_owned(),
        text: hunt.rules,
    })
}

fn row(hunt: &RuleHunt) -> Result<RuleHuntRow> {
    let found = found(hunt)?;
    Ok(RuleHuntRow {
        id: hunt.id.clone(),
        created: times::write(hunt.created),
        from: times::write(hunt.from),
        to: times::write(hunt.to),
        status: hunt.status.name().to_owned(),
        hits: found.rules.iter().map(|rule| rule.hits).sum(),
        share: found.share,
        titles: found
            .rules
            .into_iter()
            .map(|rule| rule.rule.title)
            .collect(),
    })
}

async fn planned(text: String, pipeline: Pipeline) -> Result<Plan> {
    if text.len() > MAX_TEXT_BYTES {
        return invalid("text", "too_long");
    }
    // Loading rules is work.
    let plan = tokio::task::spawn_blocking(move || Plan::of(&text, &pipeline)).await;
    plan.map_err(|error| ApiError::Broken(error.to_string()))
}

/// How rules would be looked for, and what is wrong with them.
#[utoipa::path(post, path = "/rule-hunts/plan", operation_id = "plan_rule_hunt", tag = "rules", request_body = RuleHuntText,
    responses((status = 200, body = RuleHuntPlan), (status = 400, body = Problem)))]
async fn plan(
    State(state): State<ApiState>,
    _: Caller,
    Json(asked): Json<RuleHuntText>,
) -> Result<Json<RuleHuntPlan>> {
    let plan = planned(asked.text, state.machine().sigma_pipeline()).await?;
    Ok(Json(RuleHuntPlan {
        rules: plan.rules,
        faults: plan.faults,
    }))
}

/// Begins a hunt; who hunts for what is noted in the audit log.
#[utoipa::path(post, path = "/rule-hunts", operation_id = "create_rule_hunt", tag = "rules", request_body = RuleHuntRequest,
    responses((status = 200, body = RuleHuntId), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(asked): Json<RuleHuntRequest>,
) -> Result<Json<RuleHuntId>> {
    let now = state.now();
    let from = times::read("from", asked.from.as_deref().unwrap_or(USUAL_FROM), now)?;
    let to = times::read("to", asked.to.as_deref().unwrap_or("now"), now)?;
    if from > to {
        return invalid("from", "after_to");
    }
    if to > from.plus(MAX_RANGE) {
        return invalid("from", "range_too_long");
    }
    let plan = planned(asked.text.clone(), state.machine().sigma_pipeline()).await?;
    if plan.errors() > 0 {
        let failed = plan.errors() as u64;
        return Err(ApiError::FaultyRules { failed });
    }
    if !plan.runs() {
        return invalid("text", "no_rule_runs");
    }
    let begun = serde_json::to_string(&Found::begun(&plan.rules));
    let begun = begun.map_err(|error| ApiError::Broken(error.to_string()))?;
    let new = NewRuleHunt {
        user: caller.user.id,
        rules: &asked.text,
        from,
        to,
        expires: now.plus(LIFETIME),
        found: &begun,
    };
    let sensors = caller.sensors(&state).await?;
    let id = state.store.begin_rule_hunt(new, now).await?;
    let titles: Vec<&str> = plan.rules.iter().map(|rule| rule.title.as_str()).collect();
    let detail = json!({ "rules": titles, "from": times::write(from), "to": times::write(to) });
    caller.note(&state, "rule_hunt.create", &id, detail).await?;
    let job = job::Job {
        id: id.clone(),
        plan,
        from,
        to,
        sensors,
        scan: asked.scan,
    };
    tokio::spawn(job.run(state));
    Ok(Json(RuleHuntId { id }))
}

/// The caller's own, newest first.
#[utoipa::path(get, path = "/rule-hunts", operation_id = "list_rule_hunts", tag = "rules", responses((status = 200, body = [RuleHuntRow])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<RuleHuntRow>>> {
    let hunts = state.store.rule_hunts(caller.user.id).await?;
    Ok(Json(hunts.iter().map(row).collect::<Result<_>>()?))
}

#[utoipa::path(get, path = "/rule-hunts/{id}", operation_id = "rule_hunt", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = RuleHuntBody), (status = 404, body = Problem)))]
async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RuleHuntBody>> {
    let hunt = state.store.rule_hunt(&id, caller.user.id).await?;
    Ok(Json(body(hunt)?))
}

/// Stops a hunt that runs; what it has found is kept.
#[utoipa::path(post, path = "/rule-hunts/{id}/cancel", operation_id = "cancel_rule_hunt", tag = "rules", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.store.cancel_rule_hunt(&id, caller.user.id).await?;
    caller
        .note(&state, "rule_hunt.cancel", &id, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a hunt, and stops it if it runs.
#[utoipa::path(delete, path = "/rule-hunts/{id}", operation_id = "delete_rule_hunt", tag = "rules", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.store.delete_rule_hunt(&id, caller.user.id).await?;
    caller
        .note(&state, "rule_hunt.delete", &id, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets hunts past their time. Call it every few minutes.
pub async fn sweep(state: &ApiState) {
    if let Err(error) = state.store.expire_rule_hunts(state.now()).await {
        tracing::warn!(%error, "hunts with rules are not swept");
    }
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(plan))
        .routes(routes!(read, delete))
        .routes(routes!(cancel))
}
