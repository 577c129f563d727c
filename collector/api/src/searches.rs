//! Searches that people keep, the ones they ran, and how they like the console to look.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::{NewSavedSearch, SavedSearch, SearchText};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result};
use crate::extract::Path;
use crate::json::Json;
use crate::{search, times};

#[derive(Deserialize, ToSchema)]
pub struct SavedSearchRequest {
    name: String,
    q: String,
    from: String,
    to: String,
    /// alert, record; both without it.
    class: Option<String>,
    /// Columns of the list of events.
    #[serde(default)]
    columns: Vec<String>,
    /// For everybody of the unit, of those above and of those below it.
    shared: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SavedSearchBody {
    id: i64,
    name: String,
    q: String,
    from: String,
    to: String,
    class: Option<String>,
    columns: Vec<String>,
    shared: bool,
    owner: String,
    /// The caller may change it.
    own: bool,
    updated: String,
}

#[derive(Serialize, ToSchema)]
pub struct SavedSearchId {
    id: i64,
}

#[derive(Serialize, ToSchema)]
pub struct PastSearchBody {
    at: String,
    q: String,
    from: String,
    to: String,
    class: Option<String>,
    total: u64,
    milliseconds: u64,
}

fn saved_body(saved: SavedSearch) -> SavedSearchBody {
    SavedSearchBody {
        id: saved.id,
        name: saved.name,
        q: saved.search.query,
        from: saved.search.from,
        to: saved.search.to,
        class: saved.search.class,
        columns: saved.columns,
        shared: saved.shared,
        owner: saved.owner,
        own: saved.own,
        updated: times::write(saved.updated),
    }
}

/// A search that can be run.
fn new(state: &ApiState, request: SavedSearchRequest) -> Result<NewSavedSearch> {
    let now = state.now();
    search::checked(&request.q, times::clock(now, None)?)?;
    search::class(request.class.as_deref())?;
    times::read("from", &request.from, now)?;
    times::read("to", &request.to, now)?;
    Ok(NewSavedSearch {
        name: request.name,
        search: SearchText {
            query: request.q,
            from: request.from,
            to: request.to,
            class: request.class,
        },
        columns: request.columns,
        shared: request.shared,
    })
}

/// The caller's own, and those shared with the caller.
#[utoipa::path(get, path = "/searches", operation_id = "list_searches", tag = "search", responses((status = 200, body = [SavedSearchBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<SavedSearchBody>>> {
    let user = &caller.user;
    let saved = state
        .store
        .saved_searches(user.id, user.unit_id, &caller.scope)
        .await?;
    Ok(Json(saved.into_iter().map(saved_body).collect()))
}

#[utoipa::path(post, path = "/searches", operation_id = "save_search", tag = "search", request_body = SavedSearchRequest,
    responses((status = 200, body = SavedSearchId), (status = 400, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<SavedSearchRequest>,
) -> Result<Json<SavedSearchId>> {
    let new = new(&state, request)?;
    let user = &caller.user;
    let id = state
        .store
        .save_search(user.id, user.unit_id, &new, state.now())
        .await?;
    Ok(Json(SavedSearchId { id }))
}

#[utoipa::path(put, path = "/searches/{id}", operation_id = "update_search", tag = "search", request_body = SavedSearchRequest,
    params(("id" = i64, Path)), responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<SavedSearchRequest>,
) -> Result<StatusCode> {
    let new = new(&state, request)?;
    state
        .store
        .update_saved_search(id, caller.user.id, &new, state.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/searches/{id}", operation_id = "delete_search", tag = "search",
    params(("id" = i64, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    state.store.delete_saved_search(id, caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the caller ran, newest first.
#[utoipa::path(get, path = "/searches/history", tag = "search", responses((status = 200, body = [PastSearchBody])))]
async fn history(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<PastSearchBody>>> {
    let past = state.store.past_searches(caller.user.id).await?;
    let body = |past: collector_state::PastSearch| PastSearchBody {
        at: times::write(past.at),
        q: past.search.query,
        from: past.search.from,
        to: past.search.to,
        class: past.search.class,
        total: past.total,
        milliseconds: past.milliseconds,
    };
    Ok(Json(past.into_iter().map(body).collect()))
}

#[utoipa::path(delete, path = "/searches/history", tag = "search", responses((status = 204)))]
async fn forget(State(state): State<ApiState>, caller: Caller) -> Result<StatusCode> {
    state.store.forget_searches(caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Values by name; what they mean is the console's.
#[utoipa::path(get, path = "/preferences", tag = "session", responses((status = 200, body = Object)))]
async fn preferences(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<BTreeMap<String, Value>>> {
    let kept = state.store.preferences(caller.user.id).await?;
    let read = |(name, value): (String, String)| Some((name, serde_json::from_str(&value).ok()?));
    Ok(Json(kept.into_iter().filter_map(read).collect()))
}

#[utoipa::path(put, path = "/preferences/{name}", tag = "session", request_body = Object,
    params(("name" = String, Path)), responses((status = 204), (status = 400, body = Problem)))]
async fn set_preference(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(value): Json<Value>,
) -> Result<StatusCode> {
    state
        .store
        .set_preference(caller.user.id, &name, &value.to_string())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(history, forget))
        .routes(routes!(update, delete))
        .routes(routes!(preferences))
        .routes(routes!(set_preference))
}
