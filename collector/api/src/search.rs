//! Searching events.

use axum::Json;
use axum::extract::{Path, State};
use axum_extra::extract::Query;
use collector_search::{ClassFilter, FIELDS, Node, Request, Sort, limits, parse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::times;

const DEFAULT_HITS: usize = 50;
const DEFAULT_BUCKETS: usize = 60;
const DEFAULT_FACET: usize = 10;

/// Which events, and how many of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
    /// RFC 3339, `now`, `now-24h`.
    from: Option<String>,
    to: Option<String>,
    /// alert, record; both without it.
    class: Option<String>,
    /// newest (the default), oldest
    sort: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    buckets: Option<usize>,
    /// Fields to count the values of.
    #[serde(default)]
    field: Vec<String>,
    size: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct SearchPage {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    next_cursor: Option<String>,
    total: u64,
    total_is_exact: bool,
    /// Time ran out or a wildcard had too many expansions: there may be more.
    partial: bool,
}

#[derive(Serialize, ToSchema)]
pub struct HistogramBucket {
    /// Beginning, RFC 3339.
    at: String,
    alerts: u64,
    records: u64,
}

#[derive(Serialize, ToSchema)]
pub struct HistogramBody {
    interval_seconds: u64,
    buckets: Vec<HistogramBucket>,
    partial: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FacetValue {
    value: String,
    count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct FacetBody {
    field: String,
    values: Vec<FacetValue>,
    other: u64,
}

#[derive(Serialize, ToSchema)]
pub struct FacetsBody {
    facets: Vec<FacetBody>,
    partial: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FieldBody {
    name: String,
    kind: String,
    label_vi: String,
    label_en: String,
}

#[derive(Serialize, ToSchema)]
pub struct Valid {
    valid: bool,
}

fn checked(text: &str) -> Result<Node> {
    let node = parse(text)?;
    collector_search::check(&node)?;
    Ok(node)
}

/// What the caller asked for, restricted to what the caller may see.
async fn request(state: &ApiState, caller: &Caller, query: &SearchQuery) -> Result<Request> {
    let now = state.now();
    let micros = |time: Option<collector_state::UnixMillis>| time.map(|time| time.0 * 1_000);
    Ok(Request {
        query: checked(&query.q)?,
        from: micros(times::read_optional("from", query.from.as_deref(), now)?),
        to: micros(times::read_optional("to", query.to.as_deref(), now)?),
        class: match query.class.as_deref() {
            None | Some("") => ClassFilter::All,
            Some("alert") => ClassFilter::Alert,
            Some("record") => ClassFilter::Record,
            Some(_) => return invalid("class", "unknown"),
        },
        sensors: caller.sensors(state).await?,
    })
}

fn at_most(asked: Option<usize>, default: usize, limit: usize) -> usize {
    asked.unwrap_or(default).clamp(1, limit)
}

#[utoipa::path(get, path = "/search", tag = "search", params(SearchQuery),
    responses((status = 200, body = SearchPage), (status = 400, body = Problem)))]
async fn search(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchPage>> {
    let sort = match query.sort.as_deref() {
        None | Some("newest") => Sort::NewestFirst,
        Some("oldest") => Sort::OldestFirst,
        Some(_) => return invalid("sort", "unknown"),
    };
    let limit = at_most(query.limit, DEFAULT_HITS, limits::MAX_HITS);
    let request = request(&state, &caller, &query).await?;
    let hits = state
        .engine
        .search(request, sort, limit, query.cursor)
        .await?;
    Ok(Json(SearchPage {
        items: hits.events.iter().map(|event| event_json(event)).collect(),
        next_cursor: hits.next_cursor,
        total: hits.total,
        total_is_exact: hits.total_is_exact,
        partial: hits.partial,
    }))
}

/// An event of the index. What cannot be read again is shown as text: it must not hide the others.
fn event_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[utoipa::path(get, path = "/search/histogram", tag = "search", params(SearchQuery),
    responses((status = 200, body = HistogramBody), (status = 400, body = Problem)))]
async fn histogram(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<HistogramBody>> {
    let buckets = at_most(query.buckets, DEFAULT_BUCKETS, limits::MAX_BUCKETS);
    let request = request(&state, &caller, &query).await?;
    let histogram = state.engine.histogram(request, buckets).await?;
    let bucket = |bucket: collector_search::Bucket| HistogramBucket {
        at: times::write(collector_state::UnixMillis(bucket.t)),
        alerts: bucket.alerts,
        records: bucket.records,
    };
    Ok(Json(HistogramBody {
        interval_seconds: histogram.interval.as_secs(),
        buckets: histogram.buckets.into_iter().map(bucket).collect(),
        partial: histogram.partial,
    }))
}

#[utoipa::path(get, path = "/search/facets", tag = "search", params(SearchQuery),
    responses((status = 200, body = FacetsBody), (status = 400, body = Problem)))]
async fn facets(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<FacetsBody>> {
    if query.field.len() > limits::MAX_FACET_FIELDS {
        return invalid("field", "too_many");
    }
    let size = at_most(query.size, DEFAULT_FACET, limits::MAX_FACET_SIZE);
    let request = request(&state, &caller, &query).await?;
    let (facets, partial) = state.engine.facets(request, query.field, size).await?;
    let facet = |facet: collector_search::Facet| FacetBody {
        field: facet.field,
        values: facet
            .values
            .into_iter()
            .map(|(value, count)| FacetValue { value, count })
            .collect(),
        other: facet.other,
    };
    Ok(Json(FacetsBody {
        facets: facets.into_iter().map(facet).collect(),
        partial,
    }))
}

#[utoipa::path(get, path = "/search/fields", tag = "search",
    responses((status = 200, body = [FieldBody])))]
async fn fields(_: Caller) -> Json<Vec<FieldBody>> {
    let field = |field: &collector_search::FieldInfo| FieldBody {
        name: field.name.to_owned(),
        kind: field.kind.name().to_owned(),
        label_vi: field.label_vi.to_owned(),
        label_en: field.label_en.to_owned(),
    };
    Json(FIELDS.iter().map(field).collect())
}

#[utoipa::path(get, path = "/search/validate", tag = "search", params(SearchQuery),
    responses((status = 200, body = Valid), (status = 400, body = Problem)))]
async fn validate(_: Caller, Query(query): Query<SearchQuery>) -> Result<Json<Valid>> {
    checked(&query.q)?;
    Ok(Json(Valid { valid: true }))
}

#[utoipa::path(get, path = "/events/{id}", tag = "search", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
async fn event(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let sensors = caller.sensors(&state).await?;
    let found = state.engine.get(id, sensors).await?;
    let event = found.ok_or(ApiError::NotFound)?;
    Ok(Json(event_json(&event)))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(histogram))
        .routes(routes!(facets))
        .routes(routes!(fields))
        .routes(routes!(validate))
        .routes(routes!(event))
}
