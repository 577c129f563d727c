//! Rule and intelligence sources: what they are, when they are fetched, and what came of it. A run makes a version of
//! the set that the source feeds; versions are published as those of any set ([`crate::rule_sets`]).

mod body;
mod failure;
mod job;
mod schedule;
mod store;

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use collector_feeds::{FilterTexts, Filters};
use collector_state::limits::MAX_FILTER_BYTES;
use collector_state::{Feed, FeedChange, Role, SecretChange, UnitId};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use body::{
    FeedBody, FeedContent, FeedCreated, FeedRequest, FiltersBody, FiltersSaved, NewFeedRequest,
    RunBegun, RunRequest, config, feed_body, run_body,
};
use job::Origin;

pub use schedule::{begin as begin_due, fail_interrupted};

/// Where sources are fetched to, and how.
#[derive(Debug, Clone, Default)]
pub struct FeedSettings {
    /// Where what was fetched lies.
    pub folder: PathBuf,
    pub fetch: collector_feeds::Settings,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// Of the file that is given.
    name: String,
}

fn change(request: FeedRequest) -> Result<FeedChange> {
    request.config.check()?;
    let json = serde_json::to_string(&request.config);
    Ok(FeedChange {
        config: json.map_err(|error| ApiError::Broken(error.to_string()))?,
        enabled: request.enabled,
        // Where there is nothing to fetch, files come by hand.
        every_hours: request
            .every_hours
            .filter(|_| !request.config.address.is_empty()),
        publishes: request.publishes,
        secret: match request.secret {
            None => SecretChange::Keep,
            Some(secret) if secret.is_empty() => SecretChange::Forget,
            Some(secret) => SecretChange::Set(secret),
        },
    })
}

#[utoipa::path(get, path = "/feeds", operation_id = "list_feeds", tag = "rules",
    responses((status = 200, body = [FeedBody]), (status = 403, body = Problem)))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<FeedBody>>> {
    caller.require(Role::RuleAuthor)?;
    let feeds = state.store.feeds(&caller.scope).await?;
    let bodies: Result<_> = feeds.into_iter().map(feed_body).collect();
    Ok(Json(bodies?))
}

/// Makes a source, and the rule set that it feeds.
#[utoipa::path(post, path = "/feeds", operation_id = "create_feed", tag = "rules", request_body = NewFeedRequest,
    responses((status = 200, body = FeedCreated), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<NewFeedRequest>,
) -> Result<Json<FeedCreated>> {
    caller.require(Role::Administrator)?;
    let unit = UnitId(request.unit_id);
    caller.require_unit(unit)?;
    let change = change(request.feed)?;
    let now = state.now();
    let made = state
        .store
        .create_feed(unit, &request.name, &change, &caller.user.name, now);
    let id = made.await?;
    let feed = state.store.feed(id, &caller.scope).await?;
    let detail = json!({ "id": id, "config": change.config });
    caller
        .note(&state, "feed.create", &feed.name, detail)
        .await?;
    Ok(Json(FeedCreated {
        id,
        set_id: feed.set_id,
    }))
}

/// A source with its filters and its last runs.
#[utoipa::path(get, path = "/feeds/{id}", operation_id = "feed", tag = "rules", params(("id" = i64, Path)),
    responses((status = 200, body = FeedContent), (status = 404, body = Problem)))]
async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<FeedContent>> {
    caller.require(Role::RuleAuthor)?;
    let feed = state.store.feed(id, &caller.scope).await?;
    let runs = state.store.feed_runs(id, &caller.scope).await?;
    let filters = FiltersBody {
        revision: feed.revision,
        ..serde_json::from_str(&feed.filters).unwrap_or_default()
    };
    Ok(Json(FeedContent {
        feed: feed_body(feed)?,
        filters,
        runs: runs.into_iter().map(run_body).collect(),
    }))
}

/// Changes how a source is reached, read and scheduled; it is fetched whole the next time.
#[utoipa::path(put, path = "/feeds/{id}", operation_id = "change_feed", tag = "rules", params(("id" = i64, Path)), request_body = FeedRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<FeedRequest>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let feed = state.store.feed(id, &caller.scope).await?;
    let change = change(request)?;
    let who = (caller.user.name.as_str(), state.now());
    state
        .store
        .change_feed(id, &change, &caller.scope, who)
        .await?;
    let detail = json!({ "id": id, "config": change.config, "publishes": change.publishes });
    caller
        .note(&state, "feed.change", &feed.name, detail)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a source. Its rule set stays, with its versions and what sensors run of it.
#[utoipa::path(delete, path = "/feeds/{id}", operation_id = "delete_feed", tag = "rules", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let feed = state.store.feed(id, &caller.scope).await?;
    state.store.delete_feed(id, &caller.scope).await?;
    store::remove(&state, id).await;
    caller
        .note(&state, "feed.delete", &feed.name, json!({ "id": id }))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who may change filters: of a source that publishes by itself, administrators, for it is they who publish.
fn may_filter(caller: &Caller, feed: &Feed) -> Result<()> {
    caller.require(if feed.publishes {
        Role::Administrator
    } else {
        Role::RuleAuthor
    })
}

/// Keeps the four filters, if each of their lines does something. They work from the next run on.
#[utoipa::path(put, path = "/feeds/{id}/filters", operation_id = "save_feed_filters", tag = "rules", params(("id" = i64, Path)), request_body = FiltersBody,
    responses((status = 200, body = FiltersSaved), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn filter(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<FiltersBody>,
) -> Result<Json<FiltersSaved>> {
    let feed = state.store.feed(id, &caller.scope).await?;
    may_filter(&caller, &feed)?;
    let FiltersBody {
        revision,
        enable,
        disable,
        modify,
        drop,
    } = request;
    if [&enable, &disable, &modify, &drop]
        .iter()
        .any(|text| text.len() > MAX_FILTER_BYTES)
    {
        return invalid("filters", "too_long");
    }
    let texts = FilterTexts {
        enable,
        disable,
        modify,
        drop,
    };
    if let Err(faults) = Filters::parse(&texts) {
        return Ok(Json(FiltersSaved {
            revision: feed.revision,
            faults: faults.into_iter().map(Into::into).collect(),
        }));
    }
    let json = serde_json::to_string(&texts);
    let json = json.map_err(|error| ApiError::Broken(error.to_string()))?;
    let who = (caller.user.name.as_str(), state.now());
    let revision = state
        .store
        .save_feed_filters(id, revision, &json, &caller.scope, who)
        .await?;
    caller
        .note(&state, "feed.filters", &feed.name, json!({ "id": id }))
        .await?;
    Ok(Json(FiltersSaved {
        revision,
        faults: Vec::new(),
    }))
}

/// Begins a run in the background; the source tells how far it is.
#[utoipa::path(post, path = "/feeds/{id}/runs", operation_id = "run_feed", tag = "rules", params(("id" = i64, Path)), request_body = RunRequest,
    responses((status = 200, body = RunBegun), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn run(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<RunRequest>,
) -> Result<Json<RunBegun>> {
    caller.require(Role::RuleAuthor)?;
    let origin = match request.what.as_str() {
        "fetch" => Origin::Fetch,
        "stored" => Origin::Stored,
        _ => return invalid("what", "unknown"),
    };
    let feed = state.store.feed(id, &caller.scope).await?;
    begun(&state, &caller, feed, origin).await
}

async fn begun(
    state: &ApiState,
    caller: &Caller,
    feed: Feed,
    origin: Origin,
) -> Result<Json<RunBegun>> {
    let name = feed.name.clone();
    let id = schedule::start(state, feed, origin, Some(&caller.user.name)).await?;
    caller
        .note(state, "feed.run", &name, json!({ "run": id }))
        .await?;
    Ok(Json(RunBegun { id }))
}

/// Gives a source a file by hand, where it cannot be fetched, and begins a run. The body is the file.
#[utoipa::path(put, path = "/feeds/{id}/content", operation_id = "give_feed_content", tag = "rules", params(("id" = i64, Path), ContentQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = RunBegun), (status = 404, body = Problem), (status = 413, body = Problem)))]
async fn give(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<ContentQuery>,
    content: Body,
) -> Result<Json<RunBegun>> {
    caller.require(Role::Administrator)?;
    let feed = state.store.feed(id, &caller.scope).await?;
    config(&feed.config)?.kind()?;
    let most = state.feeds.fetch.limits.bytes;
    let mut bytes = Vec::new();
    let mut parts = content.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| ApiError::Unreadable(error.to_string()))?;
        if (bytes.len() + part.len()) as u64 > most {
            return Err(ApiError::TooLarge);
        }
        bytes.extend_from_slice(&part);
    }
    if bytes.is_empty() {
        return invalid("body", "empty");
    }
    store::keep(&state, id, &query.name, &bytes).await?;
    state.store.note_feed_seen(id, None).await?;
    begun(&state, &caller, feed, Origin::Given).await
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(filter))
        .routes(routes!(run))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(give))
                .layer(DefaultBodyLimit::disable()),
        )
}
