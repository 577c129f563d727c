//! How the caller gets in: open sessions, the second factor, and tokens for programs.

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{ApiToken, OpenSession, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Serialize, ToSchema)]
pub struct OpenSessionBody {
    id: String,
    created: String,
    last_seen: String,
    expires: String,
    address: String,
    agent: String,
    /// The one that asks.
    current: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SecondFactorState {
    enabled: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SecondFactorSecret {
    /// Base 32, to be typed.
    secret: String,
    /// `otpauth://…`, to be scanned.
    uri: String,
}

#[derive(Deserialize, ToSchema)]
pub struct SecondFactorCode {
    code: String,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each works once, instead of a code. They are shown now and never again.
    codes: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    name: String,
    /// viewer, analyst, rule_author, administrator; at most the caller's own.
    role: String,
    /// Days that it is good for.
    days: i64,
}

#[derive(Serialize, ToSchema)]
pub struct TokenCreated {
    /// For `Authorization: Bearer`; shown once.
    token: String,
}

#[derive(Serialize, ToSchema)]
pub struct TokenBody {
    id: i64,
    name: String,
    role: String,
    created: String,
    expires: String,
    last_used: Option<String>,
}

/// The caller's open sessions.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "session", responses((status = 200, body = [OpenSessionBody])))]
async fn sessions(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<OpenSessionBody>>> {
    let body = |session: OpenSession| OpenSessionBody {
        id: session.id,
        created: times::write(session.created),
        last_seen: times::write(session.last_seen),
        expires: times::write(session.expires),
        address: session.address,
        agent: session.agent,
        current: session.current,
    };
    let open = state
        .store
        .open_sessions(caller.user.id, &caller.token, state.now())
        .await?;
    Ok(Json(open.into_iter().map(body).collect()))
}

#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "end_session", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn end_session(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.require_session()?;
    state.store.end_session(caller.user.id, &id).await?;
    caller
        .note(&state, "session.revoke", &id, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/second-factor", operation_id = "second_factor", tag = "session", responses((status = 200, body = SecondFactorState)))]
async fn second_factor(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<SecondFactorState>> {
    let enabled = state.store.has_second_factor(caller.user.id).await?;
    Ok(Json(SecondFactorState { enabled }))
}

/// A secret for an authenticator; it counts once a code of it was shown.
#[utoipa::path(post, path = "/second-factor", operation_id = "begin_second_factor", tag = "session",
    responses((status = 200, body = SecondFactorSecret), (status = 409, body = Problem)))]
async fn begin(State(state): State<ApiState>, caller: Caller) -> Result<Json<SecondFactorSecret>> {
    caller.require_session()?;
    let user = &caller.user;
    let new = state.store.begin_second_factor(user.id, &user.name).await?;
    Ok(Json(SecondFactorSecret {
        secret: new.secret,
        uri: new.uri,
    }))
}

#[utoipa::path(put, path = "/second-factor", operation_id = "confirm_second_factor", tag = "session", request_body = SecondFactorCode,
    responses((status = 200, body = RecoveryCodes), (status = 400, body = Problem)))]
async fn confirm(
    State(state): State<ApiState>,
    caller: Caller,
    Json(told): Json<SecondFactorCode>,
) -> Result<Json<RecoveryCodes>> {
    caller.require_session()?;
    let user = &caller.user;
    let codes = state
        .store
        .confirm_second_factor(user.id, &told.code, state.now())
        .await?;
    caller
        .note(&state, "second_factor.on", &user.name, json!({}))
        .await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Turns the second factor off; needs a code, so that a session left open is not enough.
#[utoipa::path(delete, path = "/second-factor", operation_id = "remove_second_factor", tag = "session", request_body = SecondFactorCode,
    responses((status = 204), (status = 400, body = Problem)))]
async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Json(told): Json<SecondFactorCode>,
) -> Result<StatusCode> {
    caller.require_session()?;
    let user = &caller.user;
    if !state
        .store
        .check_second_factor(user.id, &told.code, state.now())
        .await?
    {
        return invalid("code", "wrong");
    }
    state.store.remove_second_factor(user.id).await?;
    caller
        .note(&state, "second_factor.off", &user.name, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's tokens for programs.
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "session", responses((status = 200, body = [TokenBody])))]
async fn tokens(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<TokenBody>>> {
    let body = |token: ApiToken| TokenBody {
        id: token.id,
        name: token.name,
        role: token.role.name().to_owned(),
        created: times::write(token.created),
        expires: times::write(token.expires),
        last_used: token.last_used.map(times::write),
    };
    let tokens = state.store.tokens(caller.user.id).await?;
    Ok(Json(tokens.into_iter().map(body).collect()))
}

#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "session", request_body = TokenRequest,
    responses((status = 200, body = TokenCreated), (status = 400, body = Problem)))]
async fn create_token(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenCreated>> {
    // A token does not make tokens: it could outlive itself.
    caller.require_session()?;
    let Some(role) = Role::from_name(&request.role) else {
        return invalid("role", "unknown");
    };
    let token = state
        .store
        .create_token(&caller.user, &request.name, role, request.days, state.now())
        .await?;
    let detail = json!({ "role": request.role, "days": request.days });
    caller
        .note(&state, "token.create", &request.name, detail)
        .await?;
    Ok(Json(TokenCreated { token }))
}

#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "delete_token", tag = "session", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete_token(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require_session()?;
    state.store.delete_token(caller.user.id, id).await?;
    caller
        .note(&state, "token.delete", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(sessions))
        .routes(routes!(end_session))
        .routes(routes!(second_factor, begin, confirm, remove))
        .routes(routes!(tokens, create_token))
        .routes(routes!(delete_token))
}
