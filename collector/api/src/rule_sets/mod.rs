//! The centre's own rule sets: drafts, versions, and what is wrong with them. Rule authors write; what sensors run is
//! the administrators' to say ([`publish`]).

mod bench;
mod diff;
mod publish;

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{NewRuleSet, Role, RuleSet, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::engine::{Checked, Question, Tongue, ask};
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Serialize, ToSchema)]
pub struct RuleSetBody {
    id: i64,
    unit_id: i64,
    unit_name: String,
    name: String,
    /// Rises with each change of the draft.
    revision: i64,
    draft_at: String,
    draft_by: String,
    draft_bytes: u64,
    /// The newest version.
    newest: Option<i64>,
    /// The version that all sensors of the unit are to run, apart from those that were given another.
    everywhere: Option<i64>,
    /// Sensors that were given a version of their own.
    apart: u64,
    /// The draft is not the newest version's text.
    changed: bool,
    /// The source that writes its versions; such a set has no draft.
    fed_by: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleVersionBody {
    number: i64,
    at: String,
    user: String,
    why: String,
    rules: u64,
    hash: String,
}

#[derive(Serialize, ToSchema)]
pub struct RuleSetContent {
    set: RuleSetBody,
    draft: String,
    /// Newest first.
    versions: Vec<RuleVersionBody>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewRuleSetRequest {
    unit_id: i64,
    name: String,
    /// The first draft.
    #[serde(default)]
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct RuleSetCreated {
    id: i64,
}

#[derive(Deserialize, ToSchema)]
pub struct DraftRequest {
    /// Of the draft that was changed.
    revision: i64,
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct DraftSaved {
    revision: i64,
}

#[derive(Deserialize, ToSchema)]
pub struct VersionRequest {
    /// Of the draft that is to be kept.
    revision: i64,
    why: String,
}

#[derive(Serialize, ToSchema)]
pub struct VersionKept {
    number: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RuleVersionText {
    text: String,
}

fn body(set: RuleSet) -> RuleSetBody {
    RuleSetBody {
        id: set.id,
        unit_id: set.unit_id.0,
        unit_name: set.unit_name,
        name: set.name,
        revision: set.revision,
        draft_at: times::write(set.draft_at),
        draft_by: set.draft_by,
        draft_bytes: set.draft_bytes,
        newest: set.newest,
        everywhere: set.everywhere,
        apart: set.apart,
        changed: set.changed,
        fed_by: set.fed_by,
    }
}

#[utoipa::path(get, path = "/rule-sets", operation_id = "list_rule_sets", tag = "rules", responses((status = 200, body = [RuleSetBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<RuleSetBody>>> {
    let sets = state.store.rule_sets(&caller.scope).await?;
    Ok(Json(sets.into_iter().map(body).collect()))
}

#[utoipa::path(post, path = "/rule-sets", operation_id = "create_rule_set", tag = "rules", request_body = NewRuleSetRequest,
    responses((status = 200, body = RuleSetCreated), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<NewRuleSetRequest>,
) -> Result<Json<RuleSetCreated>> {
    caller.require(Role::RuleAuthor)?;
    let unit_id = UnitId(request.unit_id);
    caller.require_unit(unit_id)?;
    let name = request.name.clone();
    let new = NewRuleSet {
        unit_id,
        name: request.name,
        draft: request.text,
    };
    let id = state
        .store
        .create_rule_set(new, &caller.user.name, state.now())
        .await?;
    caller
        .note(&state, "rule_set.create", &name, json!({ "id": id }))
        .await?;
    Ok(Json(RuleSetCreated { id }))
}

#[utoipa::path(get, path = "/rule-sets/{id}", operation_id = "rule_set", tag = "rules", params(("id" = i64, Path)),
    responses((status = 200, body = RuleSetContent), (status = 404, body = Problem)))]
async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<RuleSetContent>> {
    let set = state.store.rule_set(id, &caller.scope).await?;
    let draft = state.store.rule_draft(id, &caller.scope).await?;
    let versions = state.store.rule_versions(id, &caller.scope).await?;
    let version = |version: collector_state::RuleVersion| RuleVersionBody {
        number: version.number,
        at: times::write(version.at),
        user: version.user,
        why: version.why,
        rules: version.rules,
        hash: version.hash,
    };
    Ok(Json(RuleSetContent {
        set: body(set),
        draft,
        versions: versions.into_iter().map(version).collect(),
    }))
}

/// Saves the draft, sound or not, unless somebody else has changed it meanwhile.
#[utoipa::path(put, path = "/rule-sets/{id}/draft", operation_id = "save_rule_draft", tag = "rules", params(("id" = i64, Path)), request_body = DraftRequest,
    responses((status = 200, body = DraftSaved), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn save(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<DraftRequest>,
) -> Result<Json<DraftSaved>> {
    caller.require(Role::RuleAuthor)?;
    let who = (caller.user.name.as_str(), state.now());
    let revision = state
        .store
        .save_rule_draft(id, request.revision, &request.text, &caller.scope, who)
        .await?;
    caller
        .note(
            &state,
            "rule_set.draft",
            &id.to_string(),
            json!({ "revision": revision }),
        )
        .await?;
    Ok(Json(DraftSaved { revision }))
}

/// Keeps the draft as a version, which sensors can get. All its rules must load.
#[utoipa::path(post, path = "/rule-sets/{id}/versions", operation_id = "keep_rule_version", tag = "rules", params(("id" = i64, Path)), request_body = VersionRequest,
    responses((status = 200, body = VersionKept), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn keep(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<VersionRequest>,
) -> Result<Json<VersionKept>> {
    caller.require(Role::RuleAuthor)?;
    let text = state.store.rule_draft(id, &caller.scope).await?;
    let checked: Checked = ask(&state, Question::Check, &text, Tongue::default()).await?;
    if checked.failed > 0 {
        return Err(ApiError::FaultyRules {
            failed: checked.failed,
        });
    }
    if checked.loaded == 0 {
        return invalid("draft", "empty");
    }
    // The revision tells whether this is still the text that was checked.
    let who = (caller.user.name.as_str(), state.now());
    let number = state
        .store
        .keep_rule_version(
            id,
            request.revision,
            checked.loaded,
            &request.why,
            &caller.scope,
            who,
        )
        .await?;
    caller
        .note(
            &state,
            "rule_set.version",
            &id.to_string(),
            json!({ "number": number, "why": request.why }),
        )
        .await?;
    Ok(Json(VersionKept { number }))
}

#[utoipa::path(get, path = "/rule-sets/{id}/versions/{number}", operation_id = "rule_version", tag = "rules",
    params(("id" = i64, Path), ("number" = i64, Path)),
    responses((status = 200, body = RuleVersionText), (status = 404, body = Problem)))]
async fn version(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, number)): Path<(i64, i64)>,
) -> Result<Json<RuleVersionText>> {
    let text = state
        .store
        .rule_version_text(id, number, &caller.scope)
        .await?;
    Ok(Json(RuleVersionText { text }))
}

/// Removes a set with its versions; what sensors are to run has to be taken back first.
#[utoipa::path(delete, path = "/rule-sets/{id}", operation_id = "delete_rule_set", tag = "rules", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let set = state.store.rule_set(id, &caller.scope).await?;
    state.store.delete_rule_set(id, &caller.scope).await?;
    caller
        .note(&state, "rule_set.delete", &set.name, json!({ "id": id }))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, delete))
        .routes(routes!(save))
        .routes(routes!(keep))
        .routes(routes!(version))
        .merge(bench::router())
        .merge(diff::router())
        .merge(publish::router())
}
