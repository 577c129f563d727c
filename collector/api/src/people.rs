//! Accounts, as far as the caller's units reach. For administrators.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{NewUser, Role, UnitId, UnixMillis, User, UserChange, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Serialize, ToSchema)]
pub struct UserBody {
    id: i64,
    name: String,
    display_name: String,
    /// viewer, analyst, rule_author, administrator
    role: String,
    unit_id: i64,
    locale: String,
    disabled: bool,
    created: String,
    last_sign_in: Option<String>,
    second_factor: bool,
    /// Sign-ins from some address are held off until then.
    locked_until: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewUserRequest {
    /// Lower case letters, digits and `._-`.
    name: String,
    display_name: String,
    role: String,
    unit_id: i64,
    /// Twelve characters at least.
    password: String,
}

/// What to change; absent stays.
#[derive(Deserialize, ToSchema)]
pub struct UserChangeRequest {
    display_name: Option<String>,
    role: Option<String>,
    unit_id: Option<i64>,
    password: Option<String>,
    disabled: Option<bool>,
}

fn role(name: &str) -> Result<Role> {
    match Role::from_name(name) {
        Some(role) => Ok(role),
        None => invalid("role", "unknown"),
    }
}

async fn body(
    state: &ApiState,
    user: User,
    locked: &BTreeMap<String, UnixMillis>,
) -> Result<UserBody> {
    Ok(UserBody {
        second_factor: state.store.has_second_factor(user.id).await?,
        locked_until: locked.get(&user.name).copied().map(times::write),
        id: user.id.0,
        name: user.name,
        display_name: user.display_name,
        role: user.role.name().to_owned(),
        unit_id: user.unit_id.0,
        locale: user.locale,
        disabled: user.disabled,
        created: times::write(user.created),
        last_sign_in: user.last_sign_in.map(times::write),
    })
}

/// An account of the caller's units; those of others are as if they were not there.
async fn within(state: &ApiState, caller: &Caller, id: i64) -> Result<User> {
    caller.require(Role::Administrator)?;
    let user = state.store.user(UserId(id)).await?;
    if caller.scope.contains(user.unit_id) {
        Ok(user)
    } else {
        Err(ApiError::NotFound)
    }
}

#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "people",
    responses((status = 200, body = [UserBody]), (status = 403, body = Problem)))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<UserBody>>> {
    caller.require(Role::Administrator)?;
    let locked = state.store.locked_users(state.now()).await?;
    let locked = locked.into_iter().collect();
    let mut people = Vec::new();
    for user in state.store.users(&caller.scope).await? {
        people.push(body(&state, user, &locked).await?);
    }
    Ok(Json(people))
}

#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "people", request_body = NewUserRequest,
    responses((status = 200, body = UserBody), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<NewUserRequest>,
) -> Result<Json<UserBody>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId(request.unit_id))?;
    let new = NewUser {
        name: request.name,
        display_name: request.display_name,
        role: role(&request.role)?,
        unit_id: UnitId(request.unit_id),
        locale: "vi".to_owned(),
        password: request.password,
    };
    let user = state.store.create_user(new, state.now()).await?;
    let detail = json!({ "role": user.role.name(), "unit": user.unit_id.0 });
    caller
        .note(&state, "user.create", &user.name, detail)
        .await?;
    Ok(Json(body(&state, user, &BTreeMap::new()).await?))
}

#[utoipa::path(patch, path = "/users/{id}", operation_id = "update_user", tag = "people", request_body = UserChangeRequest,
    params(("id" = i64, Path)), responses((status = 200, body = UserBody), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<UserChangeRequest>,
) -> Result<Json<UserBody>> {
    let before = within(&state, &caller, id).await?;
    if let Some(unit) = request.unit_id {
        caller.require_unit(UnitId(unit))?;
    }
    let detail = json!({
        "display_name": request.display_name, "role": request.role, "unit": request.unit_id,
        "disabled": request.disabled, "password": request.password.is_some(),
    });
    let change = UserChange {
        display_name: request.display_name,
        role: request.role.as_deref().map(role).transpose()?,
        unit_id: request.unit_id.map(UnitId),
        password: request.password,
        disabled: request.disabled,
    };
    let user = state.store.update_user(before.id, change).await?;
    caller
        .note(&state, "user.update", &user.name, detail)
        .await?;
    Ok(Json(body(&state, user, &BTreeMap::new()).await?))
}

/// Lets an account try again whose sign-ins are held off after wrong passwords.
#[utoipa::path(post, path = "/users/{id}/unlock", operation_id = "unlock_user", tag = "people", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn unlock(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    let user = within(&state, &caller, id).await?;
    state.store.unlock_user(&user.name).await?;
    caller
        .note(&state, "user.unlock", &user.name, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of an account.
#[utoipa::path(delete, path = "/users/{id}/sessions", operation_id = "end_user_sessions", tag = "people", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn end_sessions(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    let user = within(&state, &caller, id).await?;
    state.store.sign_out_everywhere(user.id).await?;
    caller
        .note(&state, "user.sessions_end", &user.name, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the second factor off an account whose owner has lost it.
#[utoipa::path(delete, path = "/users/{id}/second-factor", operation_id = "reset_second_factor", tag = "people", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn reset_second_factor(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    let user = within(&state, &caller, id).await?;
    state.store.remove_second_factor(user.id).await?;
    caller
        .note(&state, "second_factor.reset", &user.name, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(update))
        .routes(routes!(unlock))
        .routes(routes!(end_sessions))
        .routes(routes!(reset_second_factor))
}
