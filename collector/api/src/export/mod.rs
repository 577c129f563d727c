//! Files of search results, made in the background: asked for, watched, fetched, and gone after a day.

mod file;
mod job;
mod kept;
mod parquet_file;

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector_search::Request;
use collector_state::{Export, ExportStatus, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::archive::ArchivedBody;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::{search, times};

pub(crate) use file::row as csv_row;
pub use job::sweep;

/// A file is kept this long.
const LIFETIME: i64 = UnixMillis::DAY;
/// Events of one file; what is beyond is left out, and the file is marked so.
pub const MAX_ROWS: u64 = 1_000_000;
/// Size of one file.
pub const MAX_BYTES: u64 = 2 * 1_024 * 1_024 * 1_024;
const MAX_COLUMNS: usize = 64;
/// `sensor` where a record is not the collector's own.
const KEPT_AT: &str = "matluoi.kept_at";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Ndjson,
    Parquet,
}

impl Format {
    fn from_name(name: &str) -> Option<Format> {
        match name {
            "csv" => Some(Format::Csv),
            "ndjson" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Ndjson => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct ExportRequest {
    q: String,
    /// RFC 3339, `now-24h`, `-1d@d`.
    from: String,
    to: String,
    /// alert, record; both without it.
    class: Option<String>,
    /// csv, ndjson, parquet
    format: String,
    /// Fields of a CSV or Parquet file, besides the time; NDJSON holds whole events.
    #[serde(default)]
    columns: Vec<String>,
    /// A hunt on sensors of the caller's: what it has found stands among the others.
    remote_hunt: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct ExportId {
    id: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExportBody {
    id: String,
    created: String,
    expires: String,
    format: String,
    q: String,
    from: String,
    to: String,
    /// running, ready, failed, cancelled
    status: String,
    rows: u64,
    /// Events that the query finds.
    total: u64,
    bytes: u64,
    /// Everything found is in the file.
    complete: bool,
    /// What of the range lay in the archive, and is not in the file.
    archived: Option<ArchivedBody>,
}

fn body(export: Export) -> ExportBody {
    ExportBody {
        id: export.id,
        created: times::write(export.created),
        expires: times::write(export.expires),
        format: export.format,
        q: export.query,
        from: times::write(export.from),
        to: times::write(export.to),
        status: export.status.name().to_owned(),
        rows: export.rows,
        total: export.total,
        bytes: export.bytes,
        complete: export.complete,
        archived: export
            .archived
            .and_then(|json| serde_json::from_str(&json).ok()),
    }
}

/// Where an export's file is. Ids are made here, never by a caller.
fn path(state: &ApiState, id: &str, format: &str) -> PathBuf {
    state.exports_dir.join(format!("{id}.{format}"))
}

/// Begins a file. Sharing out what was found is noted in the audit log.
#[utoipa::path(post, path = "/exports", operation_id = "create_export", tag = "search", request_body = ExportRequest,
    responses((status = 200, body = ExportId), (status = 400, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(asked): Json<ExportRequest>,
) -> Result<Json<ExportId>> {
    let now = state.now();
    let clock = times::clock(now, None)?;
    let Some(format) = Format::from_name(&asked.format) else {
        return invalid("format", "unknown");
    };
    if asked.columns.len() > MAX_COLUMNS {
        return invalid("columns", "too_many");
    }
    let pipeline = search::checked(&asked.q, clock)?;
    let from = times::read_by("from", &asked.from, clock)?;
    let to = times::read_by("to", &asked.to, clock)?;
    let request = Request {
        query: pipeline.query,
        from: Some(from.0 * 1_000),
        to: Some(to.0 * 1_000),
        class: search::class(asked.class.as_deref())?,
        sensors: caller.sensors(&state).await?,
    };
    if let Some(hunt) = asked.remote_hunt {
        state.store.remote_hunt(hunt, caller.user.id).await?;
    }
    let lifetime = (now, now.plus(LIFETIME));
    let id = state
        .store
        .begin_export(
            caller.user.id,
            &asked.format,
            &asked.q,
            (from, to),
            lifetime,
        )
        .await?;
    let detail = json!({
        "q": asked.q, "from": times::write(from), "to": times::write(to), "format": asked.format,
        "remote_hunt": asked.remote_hunt,
    });
    caller.note(&state, "export.create", &id, detail).await?;
    let mut columns = if pipeline.table.is_empty() {
        asked.columns
    } else {
        pipeline.table
    };
    if asked.remote_hunt.is_some() && !columns.iter().any(|column| column == KEPT_AT) {
        columns.push(KEPT_AT.to_owned());
    }
    let job = job::Job {
        path: path(&state, &id, &asked.format),
        id: id.clone(),
        request,
        format,
        columns,
        remote: asked.remote_hunt.map(|hunt| (hunt, caller.scope)),
        most: pipeline.head.map_or(MAX_ROWS, |head| head as u64),
    };
    tokio::spawn(job.run(state));
    Ok(Json(ExportId { id }))
}

/// The caller's own, newest first.
#[utoipa::path(get, path = "/exports", operation_id = "list_exports", tag = "search", responses((status = 200, body = [ExportBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<ExportBody>>> {
    let exports = state.store.exports(caller.user.id).await?;
    Ok(Json(exports.into_iter().map(body).collect()))
}

/// Stops an export, and removes its file.
#[utoipa::path(delete, path = "/exports/{id}", operation_id = "delete_export", tag = "search",
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let export = state.store.export(&id, caller.user.id).await?;
    state.store.delete_export(&id, caller.user.id).await?;
    // A file that is not there yet is removed by the job, which finds its row gone.
    let _ = tokio::fs::remove_file(path(&state, &id, &export.format)).await;
    caller.note(&state, "export.delete", &id, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/exports/{id}/file", operation_id = "fetch_export", tag = "search", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
async fn fetch(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response> {
    let export = state.store.export(&id, caller.user.id).await?;
    if export.status != ExportStatus::Ready {
        return Err(ApiError::NotFound);
    }
    let format = Format::from_name(&export.format).ok_or(ApiError::NotFound)?;
    let file = tokio::fs::File::open(path(&state, &id, &export.format))
        .await
        .map_err(|_| ApiError::NotFound)?;
    let detail = json!({ "rows": export.rows, "q": export.query });
    caller.note(&state, "export.fetch", &id, detail).await?;
    let name = format!(
        "attachment; filename=\"matluoi-{}.{}\"",
        export.created.0, export.format
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.media_type()),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
        .routes(routes!(fetch))
}
