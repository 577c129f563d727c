//! Searching events.

use std::time::Instant;

use axum::extract::State;
use collector_search::{
    ClassFilter, Clock, FIELDS, Grouping, Pipeline, Request, Row, Sort, Tabled, hints, limits,
    parse_pipeline, settled,
};
use collector_state::{PastSearch, SearchText, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::archive::{self, ArchivedBody};
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

const DEFAULT_HITS: usize = 50;
const DEFAULT_BUCKETS: usize = 60;
const DEFAULT_FACET: usize = 10;
const DEFAULT_ROWS: usize = 50;
/// Rows of one table that somebody reads.
const MAX_ROWS: usize = 1_000;

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
    /// The rarest values instead of the commonest.
    rare: Option<bool>,
    /// Where days begin: Asia/Ho_Chi_Minh (the default), UTC
    zone: Option<String>,
    /// Notes the search in the caller's history.
    remember: Option<bool>,
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
    /// Places in `items` of records that came back from the archive for a while.
    recalled: Vec<usize>,
    /// What of the range lies in the archive, and was not searched; on the first page.
    archived: Option<ArchivedBody>,
    /// Columns that the query asks for with `table`.
    columns: Vec<String>,
    milliseconds: u64,
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

/// A word that can be run, but was probably meant otherwise.
#[derive(Serialize, ToSchema)]
pub struct HintBody {
    /// In characters from 0.
    position: usize,
    written: String,
    meant: String,
}

#[derive(Serialize, ToSchema)]
pub struct Valid {
    valid: bool,
    hints: Vec<HintBody>,
}

#[derive(Serialize, ToSchema)]
pub struct TableRow {
    /// In the order of the table's fields.
    values: Vec<String>,
    count: u64,
    /// RFC 3339, of its first and last event.
    first: String,
    last: String,
    /// In the order of the table's measures; none where no event has a number.
    measures: Vec<Option<f64>>,
}

impl TableRow {
    pub fn key(&self) -> &[String] {
        &self.values
    }
}

/// A table of counts.
#[derive(Serialize, ToSchema)]
pub struct TableBody {
    fields: Vec<String>,
    /// `sum(flow.bytes_toserver)` and the like.
    measures: Vec<String>,
    /// table, bar, pie, sankey
    view: String,
    rows: Vec<TableRow>,
    /// Groups in all, shown or not.
    different: u64,
    /// Events in all groups.
    total: u64,
}

#[derive(Serialize, ToSchema)]
pub struct TablesBody {
    tables: Vec<TableBody>,
    /// Time ran out, or there are more groups than are counted apart: counts are at least these.
    partial: bool,
    /// What of the range lies in the archive, and was not counted.
    archived: Option<ArchivedBody>,
    milliseconds: u64,
}

fn micros(time: i64) -> String {
    times::write(UnixMillis(time.div_euclid(1_000)))
}

pub fn table_row(row: Row) -> TableRow {
    TableRow {
        values: row.values,
        count: row.count,
        first: micros(row.first),
        last: micros(row.last),
        measures: row.measures,
    }
}

fn table_body(grouping: &Grouping, tabled: Tabled) -> TableBody {
    TableBody {
        fields: grouping.fields.clone(),
        measures: grouping.measures.iter().map(|one| one.name()).collect(),
        view: grouping.view.name().to_owned(),
        rows: tabled.rows.into_iter().map(table_row).collect(),
        different: tabled.different,
        total: tabled.total,
    }
}

/// A query that can be run: read, with its times fixed, its fields fit for their values.
pub fn checked(text: &str, clock: Clock) -> Result<Pipeline> {
    let mut pipeline = parse_pipeline(text)?;
    pipeline.query = settled(pipeline.query, clock);
    collector_search::check(&pipeline.query)?;
    Ok(pipeline)
}

/// What the caller asked for, restricted to what the caller may see. `as_of` is the time that "now" means.
async fn request(
    state: &ApiState,
    caller: &Caller,
    query: &SearchQuery,
    as_of: UnixMillis,
) -> Result<(Request, Pipeline)> {
    let clock = times::clock(as_of, query.zone.as_deref())?;
    let pipeline = checked(&query.q, clock)?;
    let micros = |field, text: Option<&str>| match text {
        None | Some("") => Ok(None),
        Some(text) => times::read_by(field, text, clock).map(|time| Some(time.0 * 1_000)),
    };
    let request = Request {
        query: pipeline.query.clone(),
        from: micros("from", query.from.as_deref())?,
        to: micros("to", query.to.as_deref())?,
        class: class(query.class.as_deref())?,
        sensors: caller.sensors(state).await?,
    };
    Ok((request, pipeline))
}

pub fn class(name: Option<&str>) -> Result<ClassFilter> {
    match name {
        None | Some("") => Ok(ClassFilter::All),
        Some("alert") => Ok(ClassFilter::Alert),
        Some("record") => Ok(ClassFilter::Record),
        Some(_) => invalid("class", "unknown"),
    }
}

/// A cursor holds what "now" meant on the first page, so that a relative range stays where it was.
fn opened(cursor: Option<&str>, now: UnixMillis) -> Result<(Option<String>, UnixMillis)> {
    let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
        return Ok((None, now));
    };
    let parts = cursor.rsplit_once('.');
    let parts = parts.and_then(|(cursor, at)| Some((cursor.to_owned(), at.parse().ok()?)));
    match parts {
        Some((cursor, at)) => Ok((Some(cursor), UnixMillis(at))),
        None => invalid("cursor", "not_a_cursor"),
    }
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
    let began = Instant::now();
    let asked = match query.sort.as_deref() {
        None | Some("newest") => Sort::NewestFirst,
        Some("oldest") => Sort::OldestFirst,
        Some(_) => return invalid("sort", "unknown"),
    };
    let (cursor, as_of) = opened(query.cursor.as_deref(), state.now())?;
    let first_page = cursor.is_none();
    let (request, pipeline) = request(&state, &caller, &query, as_of).await?;
    let sort = if pipeline.oldest_first {
        Sort::OldestFirst
    } else {
        asked
    };
    let most = pipeline
        .head
        .unwrap_or(limits::MAX_HITS)
        .min(limits::MAX_HITS);
    let limit = at_most(query.limit, DEFAULT_HITS, most);
    let archived = if first_page {
        archive::unseen(&state, (request.from, request.to), request.class).await?
    } else {
        None
    };
    let mut hits = state.engine.search(request, sort, limit, cursor).await?;
    if let Some(head) = pipeline.head {
        // What stands behind the head is not part of the answer.
        hits.total = hits.total.min(head as u64);
        hits.next_cursor = hits.next_cursor.filter(|_| limit < head && first_page);
    }
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if first_page && query.remember == Some(true) {
        let past = PastSearch {
            at: as_of,
            search: SearchText {
                query: query.q,
                from: query.from.unwrap_or_default(),
                to: query.to.unwrap_or_default(),
                class: query.class,
            },
            total: hits.total,
            milliseconds,
        };
        state.store.remember_search(caller.user.id, &past).await?;
    }
    Ok(Json(SearchPage {
        items: hits.events.iter().map(|event| listed(event)).collect(),
        next_cursor: hits
            .next_cursor
            .map(|cursor| format!("{cursor}.{}", as_of.0)),
        total: hits.total,
        total_is_exact: hits.total_is_exact,
        partial: hits.partial,
        recalled: hits.recalled,
        archived,
        columns: pipeline.table,
        milliseconds,
    }))
}

/// An event of the index. What cannot be read again is shown as text: it must not hide the others.
fn event_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// An event as lists show it: what people said to one another is read one event at a time, for that is noted.
pub fn listed(text: &str) -> Value {
    let mut event = event_json(text);
    take_content(&mut event);
    event
}

/// Members that hold bytes of traffic, by the object that they are in.
const CONTENT: [(&str, &[&str]); 3] = [
    ("", &["payload", "payload_printable", "packet"]),
    ("/frame", &["payload", "payload_printable"]),
    (
        "/http",
        &[
            "http_request_body",
            "http_request_body_printable",
            "http_response_body",
            "http_response_body_printable",
        ],
    ),
];

/// Removes bytes of traffic; whether there were any.
fn take_content(event: &mut Value) -> bool {
    let mut had_any = false;
    for (place, names) in CONTENT {
        let Some(object) = event.pointer_mut(place).and_then(Value::as_object_mut) else {
            continue;
        };
        for name in names {
            had_any |= object.remove(*name).is_some();
        }
    }
    had_any
}

#[utoipa::path(get, path = "/search/histogram", tag = "search", params(SearchQuery),
    responses((status = 200, body = HistogramBody), (status = 400, body = Problem)))]
async fn histogram(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<HistogramBody>> {
    let buckets = at_most(query.buckets, DEFAULT_BUCKETS, limits::MAX_BUCKETS);
    let (request, _) = request(&state, &caller, &query, state.now()).await?;
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
    let (request, _) = request(&state, &caller, &query, state.now()).await?;
    if query.rare == Some(true) {
        return rarest(&state, request, query.field, size).await;
    }
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

/// The same with the rarest values first.
async fn rarest(
    state: &ApiState,
    request: Request,
    fields: Vec<String>,
    size: usize,
) -> Result<Json<FacetsBody>> {
    let grouping = |field: &String| {
        let mut grouping = Grouping::of(&[field]).head(size);
        grouping.order.descending = false;
        grouping
    };
    let groupings = fields.iter().map(grouping).collect();
    let (tables, exact) = state.engine.tables(request, groupings).await?;
    let facet = |(field, table): (String, Tabled)| {
        let values: Vec<FacetValue> = table
            .rows
            .into_iter()
            .filter_map(|mut row| {
                let value = row.values.pop()?;
                Some(FacetValue {
                    value,
                    count: row.count,
                })
            })
            .collect();
        let shown: u64 = values.iter().map(|value| value.count).sum();
        FacetBody {
            field,
            other: table.total.saturating_sub(shown),
            values,
        }
    };
    Ok(Json(FacetsBody {
        facets: fields.into_iter().zip(tables).map(facet).collect(),
        partial: !exact,
    }))
}

/// The tables that the query's `groupby` and `rare` commands ask for.
#[utoipa::path(get, path = "/search/tables", tag = "search", params(SearchQuery),
    responses((status = 200, body = TablesBody), (status = 400, body = Problem)))]
async fn tables(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<TablesBody>> {
    let began = Instant::now();
    let (request, pipeline) = request(&state, &caller, &query, state.now()).await?;
    let groupings: Vec<Grouping> = pipeline
        .groupings
        .into_iter()
        .map(|grouping| Grouping {
            head: Some(grouping.head.unwrap_or(DEFAULT_ROWS).min(MAX_ROWS)),
            ..grouping
        })
        .collect();
    let archived = archive::unseen(&state, (request.from, request.to), request.class).await?;
    let (tables, exact) = state.engine.tables(request, groupings.clone()).await?;
    let tables = groupings.iter().zip(tables);
    Ok(Json(TablesBody {
        tables: tables
            .map(|(grouping, tabled)| table_body(grouping, tabled))
            .collect(),
        partial: !exact,
        archived,
        milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
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
async fn validate(
    State(state): State<ApiState>,
    _: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Valid>> {
    let clock = times::clock(state.now(), query.zone.as_deref())?;
    let pipeline = checked(&query.q, clock)?;
    let hint = |hint: collector_search::Hint| HintBody {
        position: hint.position,
        written: hint.written,
        meant: hint.meant,
    };
    Ok(Json(Valid {
        valid: true,
        hints: hints(&pipeline.query).into_iter().map(hint).collect(),
    }))
}

/// One event, whole. Reading bytes of traffic is noted in the audit log; lists leave them out.
#[utoipa::path(get, path = "/events/{id}", tag = "search", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
async fn event(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let sensors = caller.sensors(&state).await?;
    let found = state.engine.get(id.clone(), sensors).await?;
    let event = event_json(&found.ok_or(ApiError::NotFound)?);
    if take_content(&mut event.clone()) {
        let detail = json!({ "flow_id": event["flow_id"] });
        caller.note(&state, "event.payload", &id, detail).await?;
    }
    Ok(Json(event))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(histogram))
        .routes(routes!(facets))
        .routes(routes!(tables))
        .routes(routes!(fields))
        .routes(routes!(validate))
        .routes(routes!(event))
}
