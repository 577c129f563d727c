//! Signing in and out.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use collector_state::{AuditEntry, StateError, User, csrf_token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::{COOKIE, Caller, Peer};
use crate::error::{Problem, Result, invalid};
use crate::json::Json;

#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    username: String,
    password: String,
    /// Of the authenticator, or a recovery code; asked for with `second_factor`.
    code: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SessionUser {
    id: i64,
    name: String,
    display_name: String,
    /// viewer, analyst, rule_author, administrator
    role: String,
    unit_id: i64,
    /// vi, en
    locale: String,
}

#[derive(Serialize, ToSchema)]
pub struct SessionBody {
    user: SessionUser,
    /// For the X-CSRF-Token header of every write.
    csrf: String,
}

#[derive(Deserialize, ToSchema)]
pub struct LocaleChange {
    locale: String,
}

#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    current: String,
    /// Twelve characters at least.
    new: String,
}

fn body(user: User, token: &str) -> SessionBody {
    SessionBody {
        user: SessionUser {
            id: user.id.0,
            name: user.name,
            display_name: user.display_name,
            role: user.role.name().to_owned(),
            unit_id: user.unit_id.0,
            locale: user.locale,
        },
        csrf: csrf_token(token),
    }
}

pub fn cookie(token: String) -> Cookie<'static> {
    Cookie::build((COOKIE, token))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build()
}

#[utoipa::path(post, path = "/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = SessionBody), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(
    State(state): State<ApiState>,
    Peer(address): Peer,
    headers: HeaderMap,
    jar: CookieJar,
    Json(request): Json<SignIn>,
) -> Result<(CookieJar, Json<SessionBody>)> {
    let now = state.now();
    let signed = state
        .store
        .sign_in_with(
            &request.username,
            &request.password,
            request.code.as_deref(),
            &address,
            now,
        )
        .await;
    let action = match &signed {
        Ok(_) => "session.create",
        Err(StateError::SignInRefused) => "session.refuse",
        Err(_) => return Err(signed.map(|_| ()).expect_err("it is an error").into()),
    };
    state
        .store
        .audit(AuditEntry {
            at: now,
            user: request
                .username
                .get(..request.username.floor_char_boundary(64))
                .unwrap_or_default(),
            address: &address,
            action,
            target: "",
            detail: "{}",
        })
        .await?;
    let signed = signed?;
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    state
        .store
        .session_opened_from(&signed.token, &address, agent)
        .await?;
    let body = body(signed.user, &signed.token);
    Ok((jar.add(cookie(signed.token)), Json(body)))
}

#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = SessionBody), (status = 401, body = Problem)))]
async fn current(caller: Caller) -> Json<SessionBody> {
    Json(body(caller.user, &caller.token))
}

#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
async fn sign_out(
    State(state): State<ApiState>,
    jar: CookieJar,
    caller: Caller,
) -> Result<(CookieJar, StatusCode)> {
    state.store.sign_out(&caller.token).await?;
    caller
        .note(&state, "session.end", "", serde_json::json!({}))
        .await?;
    Ok((jar.remove(cookie(String::new())), StatusCode::NO_CONTENT))
}

#[utoipa::path(put, path = "/session/locale", tag = "session", request_body = LocaleChange,
    responses((status = 204), (status = 400, body = Problem)))]
async fn set_locale(
    State(state): State<ApiState>,
    caller: Caller,
    Json(change): Json<LocaleChange>,
) -> Result<StatusCode> {
    state
        .store
        .set_locale(caller.user.id, &change.locale)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of the caller, this one too.
#[utoipa::path(delete, path = "/session/all", tag = "session", responses((status = 204)))]
async fn sign_out_everywhere(
    State(state): State<ApiState>,
    jar: CookieJar,
    caller: Caller,
) -> Result<(CookieJar, StatusCode)> {
    state.store.sign_out_everywhere(caller.user.id).await?;
    caller
        .note(&state, "session.end_all", "", serde_json::json!({}))
        .await?;
    Ok((jar.remove(cookie(String::new())), StatusCode::NO_CONTENT))
}

/// Ends the caller's other sessions.
#[utoipa::path(put, path = "/session/password", tag = "session", request_body = PasswordChange,
    responses((status = 204), (status = 400, body = Problem)))]
async fn set_password(
    State(state): State<ApiState>,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode> {
    caller.require_session()?;
    let changed = state
        .store
        .change_own_password(caller.user.id, &change.current, &change.new, &caller.token)
        .await;
    // 401 would tell the console that the session has ended.
    if let Err(StateError::SignInRefused) = changed {
        return invalid("current", "wrong");
    }
    changed?;
    caller
        .note(
            &state,
            "user.password",
            &caller.user.name,
            serde_json::json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(sign_in, current, sign_out))
        .routes(routes!(set_locale))
        .routes(routes!(set_password))
        .routes(routes!(sign_out_everywhere))
}
