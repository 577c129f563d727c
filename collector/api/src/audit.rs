//! The audit log, for administrators: who did what, of the units that they see; as a file; and whether its chain holds.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use collector_state::{AuditFilter, AuditRow, Page, Role, Scope, StateError};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::export::csv_row;
use crate::extract::Query;
use crate::json::Json;
use crate::times;

const DEFAULT_PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;
/// Rows of a file that are in memory at once.
const FILE_PAGE: u32 = 1_000;
const HEAD: [&str; 8] = [
    "id", "time", "user", "address", "action", "target", "detail", "hash",
];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Who did it, by the name of the account.
    user: Option<String>,
    /// `group.close`, or `group` for all that begins with `group.`.
    action: Option<String>,
    /// Stands somewhere in user, address, target or detail.
    q: Option<String>,
    /// RFC 3339, `now-24h`, `-1d@d`.
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditLine {
    id: i64,
    at: String,
    user: String,
    address: String,
    /// `session.create`, `group.close`, …
    action: String,
    target: String,
    /// JSON, in its text.
    detail: String,
    /// Hex; of this row and the hash of the row before it.
    hash: String,
}

#[derive(Serialize, ToSchema)]
pub struct AuditBody {
    items: Vec<AuditLine>,
    total: u64,
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditChain {
    /// Rows that follow from one another, from the oldest that is kept.
    rows: u64,
    /// The first row that does not follow from the row before it: somebody changed the database, or took rows out.
    broken_at: Option<i64>,
}

fn line(row: AuditRow) -> AuditLine {
    AuditLine {
        id: row.id,
        at: times::write(row.at),
        user: row.user,
        address: row.address,
        action: row.action,
        target: row.target,
        detail: row.detail,
        hash: row.hash,
    }
}

fn filter(state: &ApiState, query: &AuditQuery) -> Result<AuditFilter> {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(AuditFilter {
        user: some(&query.user),
        action: some(&query.action),
        text: some(&query.q),
        from: times::read_optional("from", query.from.as_deref(), state.now())?,
        to: times::read_optional("to", query.to.as_deref(), state.now())?,
    })
}

/// Newest first: what people of the caller's units did.
#[utoipa::path(get, path = "/audit", operation_id = "audit", tag = "people", params(AuditQuery),
    responses((status = 200, body = AuditBody), (status = 403, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditBody>> {
    caller.require(Role::Administrator)?;
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let filter = filter(&state, &query)?;
    let rows = state.store.audit_log(&caller.scope, &filter, page).await?;
    Ok(Json(AuditBody {
        items: rows.items.into_iter().map(line).collect(),
        total: rows.total,
        next: rows.next,
    }))
}

/// The same rows as a CSV file, all of them. Taking it away is noted in the log itself.
#[utoipa::path(get, path = "/audit/file", operation_id = "audit_file", tag = "people", params(AuditQuery),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv"), (status = 403, body = Problem)))]
async fn file(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Response> {
    caller.require(Role::Administrator)?;
    let filter = filter(&state, &query)?;
    let detail = json!({
        "user": query.user, "action": query.action, "q": query.q, "from": query.from, "to": query.to,
    });
    caller.note(&state, "audit.file", "", detail).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"matluoi-audit.csv\""),
        ),
    ];
    // The mark makes spreadsheets read Vietnamese as UTF-8.
    let mut head = "\u{feff}".as_bytes().to_vec();
    csv_row(&mut head, HEAD.into_iter().map(str::to_owned)).map_err(into_broken)?;
    let pages = stream::try_unfold(Some(None), move |next| {
        let (state, scope, filter) = (state.clone(), caller.scope.clone(), filter.clone());
        async move {
            let Some(before) = next else { return Ok(None) };
            let page = Page {
                limit: FILE_PAGE,
                before,
            };
            let rows = state.store.audit_rows(&scope, &filter, page).await?;
            let last = rows.last().map(|row| row.id);
            let next = last.filter(|_| rows.len() >= FILE_PAGE as usize).map(Some);
            let mut text = Vec::new();
            for row in rows {
                csv_row(&mut text, cells(row)).map_err(std::io::Error::other)?;
            }
            Ok::<_, FileError>(Some((Bytes::from(text), next)))
        }
    });
    let first = stream::iter([Ok::<_, FileError>(Bytes::from(head))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(first, pages));
    Ok((headers, body).into_response())
}

/// What cuts a file off.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn into_broken(error: std::io::Error) -> ApiError {
    ApiError::Broken(error.to_string())
}

fn cells(row: AuditRow) -> impl Iterator<Item = String> {
    [
        row.id.to_string(),
        times::write(row.at),
        row.user,
        row.address,
        row.action,
        row.target,
        row.detail,
        row.hash,
    ]
    .into_iter()
}

/// Follows the chain from the oldest row that is kept to the newest. For administrators who see everything.
#[utoipa::path(get, path = "/audit/chain", operation_id = "audit_chain", tag = "people",
    responses((status = 200, body = AuditChain), (status = 403, body = Problem)))]
async fn chain(State(state): State<ApiState>, caller: Caller) -> Result<Json<AuditChain>> {
    caller.require(Role::Administrator)?;
    if caller.scope != Scope::All {
        return Err(ApiError::Forbidden);
    }
    match state.store.verify_audit().await {
        Ok(rows) => Ok(Json(AuditChain {
            rows,
            broken_at: None,
        })),
        Err(StateError::AuditBroken { id, rows }) => Ok(Json(AuditChain {
            rows,
            broken_at: Some(id),
        })),
        Err(error) => Err(error.into()),
    }
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(file))
        .routes(routes!(chain))
}
