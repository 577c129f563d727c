//! Rules under work: what the sensor's own engine says of a text.

use std::path::PathBuf;

use axum::extract::State;
use collector_state::Role;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::engine::{Checked, Explained, OfRules, Offer, Question, Tongue, Tried, ask};
use crate::error::{Problem, Result, invalid};
use crate::evidence;
use crate::json::Json;

/// A try is for rules that are being written, not for whole rule sets.
const MAX_TRIED_BYTES: usize = 64 * 1_024;

#[derive(Deserialize, ToSchema)]
pub struct RulesText {
    text: String,
    #[serde(default)]
    language: Tongue,
}

#[derive(Deserialize, ToSchema)]
pub struct CompleteRequest {
    /// One rule.
    rule: String,
    /// Where the cursor stands, in bytes from 0.
    offset: u32,
    #[serde(default)]
    language: Tongue,
}

#[derive(Deserialize, ToSchema)]
pub struct TryRequest {
    text: String,
    /// Id of a capture; or `evidence:` and the id of evidence that has come from a sensor.
    capture: String,
    #[serde(default)]
    language: Tongue,
}

#[derive(Serialize, ToSchema)]
pub struct TryBody {
    capture: String,
    rules: Vec<Tried>,
}

/// Which rules of a text load, and what is wrong with the others.
#[utoipa::path(post, path = "/rule-bench/check", operation_id = "check_rules", tag = "rules", request_body = RulesText,
    responses((status = 200, body = Checked), (status = 422, body = Problem)))]
async fn check(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<RulesText>,
) -> Result<Json<Checked>> {
    caller.require(Role::RuleAuthor)?;
    let question = Question::Check;
    Ok(Json(
        ask(&state, question, &request.text, request.language).await?,
    ))
}

/// What rules do, in words.
#[utoipa::path(post, path = "/rule-bench/explain", operation_id = "explain_rules", tag = "rules", request_body = RulesText,
    responses((status = 200, body = [Explained]), (status = 422, body = Problem)))]
async fn explain(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<RulesText>,
) -> Result<Json<Vec<Explained>>> {
    caller.require(Role::RuleAuthor)?;
    if request.text.len() > MAX_TRIED_BYTES {
        return invalid("text", "too_long");
    }
    let question = Question::Explain;
    let told: OfRules<Explained> = ask(&state, question, &request.text, request.language).await?;
    Ok(Json(told.rules))
}

/// What may be written at a place of a rule.
#[utoipa::path(post, path = "/rule-bench/complete", operation_id = "complete_rule", tag = "rules", request_body = CompleteRequest,
    responses((status = 200, body = [Offer]), (status = 422, body = Problem)))]
async fn complete(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<CompleteRequest>,
) -> Result<Json<Vec<Offer>>> {
    caller.require(Role::RuleAuthor)?;
    let question = Question::Complete {
        offset: request.offset as usize,
    };
    Ok(Json(
        ask(&state, question, &request.rule, request.language).await?,
    ))
}

/// What rules do on a capture, and how near those that do not fire come.
#[utoipa::path(post, path = "/rule-bench/tries", operation_id = "try_rules", tag = "rules", request_body = TryRequest,
    responses((status = 200, body = TryBody), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn try_rules(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<TryRequest>,
) -> Result<Json<TryBody>> {
    caller.require(Role::RuleAuthor)?;
    if request.text.len() > MAX_TRIED_BYTES {
        return invalid("text", "too_long");
    }
    let (name, capture) = found(&state, &caller, &request.capture).await?;
    let question = Question::Try { capture };
    let told: OfRules<Tried> = ask(&state, question, &request.text, request.language).await?;
    Ok(Json(TryBody {
        capture: name,
        rules: told.rules,
    }))
}

/// The name and the file of a capture, or of the packets around an alert. Looking into those is noted.
async fn found(state: &ApiState, caller: &Caller, capture: &str) -> Result<(String, PathBuf)> {
    let Some(id) = capture.strip_prefix("evidence:") else {
        let capture = state.store.rule_capture(capture, &caller.scope).await?;
        return Ok((capture.name, state.captures_dir.join(&capture.id)));
    };
    let Ok(id) = id.parse() else {
        return invalid("capture", "no_evidence");
    };
    let evidence = evidence::ready(state, caller, id).await?;
    let detail = json!({ "sha256": evidence.sha256 });
    caller
        .note(state, "evidence.try", &id.to_string(), detail)
        .await?;
    Ok((format!("#{id}"), state.evidence.path(id)))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(explain))
        .routes(routes!(complete))
        .routes(routes!(try_rules))
}
