//! Files of cases, and cases as files.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use collector_state::{NewFile, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::body::{CaseContentBody, content_body};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    name: String,
}

#[derive(Serialize, ToSchema)]
pub struct FileAdded {
    id: i64,
}

/// The body is the file.
#[utoipa::path(post, path = "/cases/{id}/files", operation_id = "add_case_file", tag = "cases",
    params(("id" = i64, Path), FileQuery), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FileAdded), (status = 400, body = Problem)))]
pub(super) async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    content: Bytes,
) -> Result<Json<FileAdded>> {
    caller.require(Role::Analyst)?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("application/octet-stream");
    let file = NewFile {
        name: query.name,
        kind: kind.to_owned(),
        content: content.to_vec(),
    };
    let added = state
        .store
        .add_case_file(id, file, &caller.user.name, &caller.scope, state.now())
        .await?;
    caller
        .note(
            &state,
            "case.file",
            &id.to_string(),
            json!({ "file": added, "bytes": content.len() }),
        )
        .await?;
    Ok(Json(FileAdded { id: added }))
}

/// A file as it was added. Browsers save it; they do not show it.
#[utoipa::path(get, path = "/cases/{id}/files/{file}", operation_id = "case_file", tag = "cases",
    params(("id" = i64, Path), ("file" = i64, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, file)): Path<(i64, i64)>,
) -> Result<(HeaderMap, Vec<u8>)> {
    let (file, content) = state.store.case_file(id, file, &caller.scope).await?;
    caller
        .note(
            &state,
            "case.file.read",
            &id.to_string(),
            json!({ "file": file.id }),
        )
        .await?;
    Ok((saved_as(&file.name, "application/octet-stream")?, content))
}

/// Headers that make a browser save what it gets.
pub fn saved_as(name: &str, kind: &'static str) -> Result<HeaderMap> {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let disposition = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{encoded}"))
        .map_err(|_| ApiError::NotFound)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(headers)
}

/// A case with all it holds as one JSON file; its files are named by their digests.
#[utoipa::path(get, path = "/cases/{id}/export", operation_id = "export_case", tag = "cases",
    params(("id" = i64, Path)),
    responses((status = 200, body = CaseContentBody), (status = 404, body = Problem)))]
pub(super) async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<(HeaderMap, Json<CaseContentBody>)> {
    let content = state.store.case_content(id, &caller.scope).await?;
    caller
        .note(&state, "case.export", &id.to_string(), json!({}))
        .await?;
    let body = content_body(&state, content).await?;
    Ok((
        saved_as(&format!("case-{id}.json"), "application/json")?,
        Json(body),
    ))
}
