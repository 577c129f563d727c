//! Signing in through a provider of OpenID Connect: off until an administrator sets it.
//!
//! The browser goes to the provider with a ticket in a cookie of its own, and comes back with a code; what the provider
//! answers for the code says who it is. Accounts that are made so have no password. The second factor of an account here
//! guards its password; who comes from the provider has shown there what the provider asks.

mod desk;
mod settings;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use collector_state::{AuditEntry, Role, StateError, UnitId, UnixMillis, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::{Caller, Peer};
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::session;
pub use desk::Desk;
use desk::ProviderError;
pub use settings::ProviderSettings;

/// Goes with the browser to the provider and back, which another site leads it to: hence `Lax`.
const TICKET: &str = "__Host-matluoi-provider";

/// Through whom one can sign in.
#[derive(Serialize, ToSchema)]
pub struct ProviderBody {
    /// What the button says; none: there is no provider.
    label: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LogoutBody {
    /// Where the browser ends its session at the provider; none where there is nothing to end.
    address: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BeginQuery {
    /// Where to go then; a place of this console alone.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    /// Why the provider sends nobody.
    error: Option<String>,
}

/// Whether what is set can be used.
#[derive(Serialize, ToSchema)]
pub struct ProviderTried {
    works: bool,
    /// unreachable, timeout, refused, certificate, no_provider (what answers there is none), other_issuer (it calls
    /// itself otherwise), settings, other
    code: Option<String>,
    /// The same as the network says it.
    reason: Option<String>,
}

/// How a person is known to the provider.
#[derive(Serialize, ToSchema)]
pub struct IdentityBody {
    user_id: i64,
    /// The name or address by which the person is announced.
    expected: Option<String>,
    /// The person has come.
    known: bool,
    /// The account was made by the provider, and has no password.
    made: bool,
}

#[derive(Deserialize, ToSchema)]
pub struct IdentityRequest {
    /// None: the provider signs this person in no more.
    expected: Option<String>,
}

async fn settings_of(state: &ApiState) -> Result<ProviderSettings> {
    let json = state.store.setting(ProviderSettings::NAME).await?;
    Ok(ProviderSettings::read(json.as_deref()))
}

fn ticket(value: String) -> Cookie<'static> {
    Cookie::build((TICKET, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .build()
}

/// A place of this console, and nowhere else.
fn place(next: Option<String>) -> String {
    let ours = |next: &String| {
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n'])
    };
    next.filter(ours).unwrap_or_else(|| "/".to_owned())
}

/// Back to the sign-in page, which says why.
fn back(jar: CookieJar, fault: &str) -> Response {
    let jar = jar.remove(ticket(String::new()));
    (jar, Redirect::to(&format!("/sign-in?fault={fault}"))).into_response()
}

/// Through whom one can sign in, besides with a password.
#[utoipa::path(get, path = "/session/provider", operation_id = "sign_in_provider", tag = "session",
    responses((status = 200, body = ProviderBody)))]
async fn offered(State(state): State<ApiState>) -> Result<Json<ProviderBody>> {
    let settings = settings_of(&state).await?;
    Ok(Json(ProviderBody {
        label: settings.enabled.then_some(settings.label),
    }))
}

/// The settings, where people may come through the provider; none for an address with too many failures.
async fn open(
    state: &ApiState,
    address: &str,
    now: UnixMillis,
) -> Result<Option<ProviderSettings>> {
    let settings = settings_of(state).await?;
    if !settings.enabled {
        return Err(ApiError::NotFound);
    }
    let allowed = state.store.provider_allowed(address, now).await;
    Ok(allowed.is_ok().then_some(settings))
}

/// Sends the browser to the provider.
#[utoipa::path(get, path = "/session/provider/begin", operation_id = "begin_provider_sign_in", tag = "session", params(BeginQuery),
    responses((status = 303), (status = 404, body = Problem)))]
async fn begin(
    State(state): State<ApiState>,
    Peer(address): Peer,
    jar: CookieJar,
    Query(query): Query<BeginQuery>,
) -> Result<Response> {
    let now = state.now();
    let Some(settings) = open(&state, &address, now).await? else {
        return Ok(back(jar, "throttled"));
    };
    match state
        .provider()
        .begin(&settings, place(query.next), now)
        .await
    {
        Ok(begun) => {
            Ok((jar.add(ticket(begun.ticket)), Redirect::to(&begun.address)).into_response())
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in through the provider");
            Ok(back(jar, "provider_unreachable"))
        }
    }
}

/// Where the provider sends the browser back to.
#[utoipa::path(get, path = "/session/provider/callback", operation_id = "end_provider_sign_in", tag = "session", params(CallbackQuery),
    responses((status = 303), (status = 404, body = Problem)))]
async fn callback(
    State(state): State<ApiState>,
    Peer(address): Peer,
    headers: HeaderMap,
    jar: CookieJar,
    Query(query): Query<CallbackQuery>,
) -> Result<Response> {
    let now = state.now();
    let Some(settings) = open(&state, &address, now).await? else {
        return Ok(back(jar, "throttled"));
    };
    let held = jar.get(TICKET).map(|cookie| cookie.value().to_owned());
    let (Some(held), Some(told)) = (held, query.state) else {
        return Ok(back(jar, "provider_unasked"));
    };
    let Some(code) = query.code.filter(|_| query.error.is_none()) else {
        return Ok(back(jar, "provider_cancelled"));
    };
    let come = match state
        .provider()
        .end(&settings, &held, &told, code, now)
        .await
    {
        Ok(come) => come,
        Err(error) => {
            tracing::warn!(%error, address, "nobody is signed in through the provider");
            let fault = match error {
                ProviderError::Unreachable { .. } => "provider_unreachable",
                ProviderError::Unasked => "provider_unasked",
                ProviderError::Refused(_) | ProviderError::Settings(_) => "provider_refused",
            };
            if matches!(error, ProviderError::Refused(_) | ProviderError::Unasked) {
                state.store.provider_refused(&address, now).await?;
                note(
                    &state,
                    "",
                    &address,
                    "session.refuse",
                    &json!({ "by": "provider", "reason": error.to_string() }),
                )
                .await?;
            }
            return Ok(back(jar, fault));
        }
    };
    let provided = come.provided(&settings);
    let signed = state
        .store
        .sign_in_provided(&provided, settings.creates, &address, now)
        .await;
    let signed = match signed {
        Ok(signed) => signed,
        Err(StateError::SignInRefused | StateError::Invalid { .. } | StateError::InUse { .. }) => {
            let detail = json!({ "by": "provider", "subject": provided.subject });
            let name = provided.name.as_deref().unwrap_or_default();
            note(&state, name, &address, "session.refuse", &detail).await?;
            return Ok(back(jar, "provider_unknown"));
        }
        Err(StateError::Throttled { .. }) => return Ok(back(jar, "throttled")),
        Err(error) => return Err(error.into()),
    };
    let detail = json!({ "by": "provider", "subject": provided.subject });
    note(
        &state,
        &signed.user.name,
        &address,
        "session.create",
        &detail,
    )
    .await?;
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default();
    state
        .store
        .session_opened_from(&signed.token, &address, agent)
        .await?;
    let jar = jar
        .remove(ticket(String::new()))
        .add(session::cookie(signed.token));
    Ok((jar, Redirect::to(&come.next)).into_response())
}

async fn note(
    state: &ApiState,
    user: &str,
    address: &str,
    action: &str,
    detail: &serde_json::Value,
) -> Result<()> {
    let user = user.get(..user.floor_char_boundary(64)).unwrap_or_default();
    let entry = AuditEntry {
        at: state.now(),
        user,
        address,
        action,
        target: "",
        detail: &detail.to_string(),
    };
    Ok(state.store.audit(entry).await?)
}

/// Where the browser goes after signing out, so that the provider's session ends as well.
#[utoipa::path(get, path = "/session/provider/logout", operation_id = "provider_logout", tag = "session",
    responses((status = 200, body = LogoutBody), (status = 401, body = Problem)))]
async fn logout(State(state): State<ApiState>, caller: Caller) -> Result<Json<LogoutBody>> {
    let settings = settings_of(&state).await?;
    let provided = state.store.session_is_provided(&caller.token).await?;
    let address = if settings.enabled && provided {
        state.provider().logout(&settings, state.now()).await
    } else {
        None
    };
    Ok(Json(LogoutBody { address }))
}

/// Without the secret.
#[utoipa::path(get, path = "/provider", operation_id = "provider_settings", tag = "people",
    responses((status = 200, body = ProviderSettings), (status = 403, body = Problem)))]
async fn settings(State(state): State<ApiState>, caller: Caller) -> Result<Json<ProviderSettings>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    Ok(Json(settings_of(&state).await?.masked()))
}

#[utoipa::path(put, path = "/provider", operation_id = "set_provider_settings", tag = "people", request_body = ProviderSettings,
    responses((status = 200, body = ProviderSettings), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn set_settings(
    State(state): State<ApiState>,
    caller: Caller,
    Json(settings): Json<ProviderSettings>,
) -> Result<Json<ProviderSettings>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    // Whoever sets the provider can be anybody: a program's token is not enough.
    caller.require_session()?;
    let before = settings_of(&state).await?;
    let settings = settings.with_secret_of(&before);
    settings.check()?;
    for place in &settings.places {
        state.store.scope_of(UnitId(place.unit_id)).await?;
    }
    let json = serde_json::to_string(&settings);
    let json = json.map_err(|error| ApiError::Broken(error.to_string()))?;
    let (user, now) = (&caller.user.name, state.now());
    state
        .store
        .set_setting(ProviderSettings::NAME, &json, user, now)
        .await?;
    let settings = settings.masked();
    caller
        .note(&state, "provider.settings", "", json!(settings))
        .await?;
    Ok(Json(settings))
}

/// Asks the provider for what it tells of itself.
#[utoipa::path(post, path = "/provider/try", operation_id = "try_provider", tag = "people", request_body = ProviderSettings,
    responses((status = 200, body = ProviderTried), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn try_out(
    State(state): State<ApiState>,
    caller: Caller,
    Json(settings): Json<ProviderSettings>,
) -> Result<Json<ProviderTried>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    let settings = settings.with_secret_of(&settings_of(&state).await?);
    settings.check()?;
    let fault = state
        .provider()
        .metadata(&settings, state.now())
        .await
        .err();
    Ok(Json(ProviderTried {
        works: fault.is_none(),
        code: fault.as_ref().map(|fault| fault.code().to_owned()),
        reason: fault.map(|fault| fault.to_string()),
    }))
}

/// Whom the provider knows, of the people whom the caller may see.
#[utoipa::path(get, path = "/identities", operation_id = "identities", tag = "people",
    responses((status = 200, body = [IdentityBody]), (status = 403, body = Problem)))]
async fn identities(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<IdentityBody>>> {
    caller.require(Role::Administrator)?;
    let users = state.store.users(&caller.scope).await?;
    let all = state.store.identities().await?;
    let seen = all
        .into_iter()
        .filter(|one| users.iter().any(|user| user.id == one.user_id));
    let body = seen.map(|one| IdentityBody {
        user_id: one.user_id.0,
        expected: one.expected,
        known: one.subject.is_some(),
        made: one.made,
    });
    Ok(Json(body.collect()))
}

/// Announces how the provider calls a person, who has to come (again) under that name.
#[utoipa::path(put, path = "/users/{id}/identity", operation_id = "set_identity", tag = "people", params(("id" = i64, Path)),
    request_body = IdentityRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn set_identity(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<IdentityRequest>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    caller.require_session()?;
    let user = state.store.user(UserId(id)).await?;
    caller.require_unit(user.unit_id)?;
    state
        .store
        .expect_identity(user.id, request.expected.as_deref())
        .await?;
    let detail = json!({ "expected": request.expected });
    caller
        .note(&state, "user.identity", &user.name, detail)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(offered))
        .routes(routes!(begin))
        .routes(routes!(callback))
        .routes(routes!(logout))
        .routes(routes!(settings, set_settings))
        .routes(routes!(try_out))
        .routes(routes!(identities))
        .routes(routes!(set_identity))
}
