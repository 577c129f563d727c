//! Captures that rules are tried on.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use collector_state::limits::MAX_RULE_CAPTURE_BYTES;
use collector_state::{Role, RuleCapture, UnitId};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

/// What capture files begin with: pcap in both byte orders and precisions, pcapng, gzip, zstd.
const MAGIC: [[u8; 4]; 6] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
    [0x28, 0xb5, 0x2f, 0xfd],
];
const GZIP: [u8; 2] = [0x1f, 0x8b];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CaptureQuery {
    name: String,
    /// Whose it is; the caller's own unit without it.
    unit_id: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleCaptureBody {
    id: String,
    unit_id: i64,
    name: String,
    bytes: u64,
    sha256: String,
    added: String,
    added_by: String,
}

fn body(capture: RuleCapture) -> RuleCaptureBody {
    RuleCaptureBody {
        id: capture.id,
        unit_id: capture.unit_id.0,
        name: capture.name,
        bytes: capture.bytes,
        sha256: capture.sha256,
        added: times::write(capture.added),
        added_by: capture.added_by,
    }
}

/// Captures that rules can be tried on, newest first.
#[utoipa::path(get, path = "/rule-captures", operation_id = "list_rule_captures", tag = "rules",
    responses((status = 200, body = [RuleCaptureBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<RuleCaptureBody>>> {
    let captures = state.store.rule_captures(&caller.scope).await?;
    Ok(Json(captures.into_iter().map(body).collect()))
}

/// Adds a capture: pcap or pcapng, plain or compressed, at most 32 MiB. The body is the file.
#[utoipa::path(post, path = "/rule-captures", operation_id = "add_rule_capture", tag = "rules",
    params(CaptureQuery), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = RuleCaptureBody), (status = 400, body = Problem), (status = 413, body = Problem)))]
async fn add(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<CaptureQuery>,
    content: Body,
) -> Result<Json<RuleCaptureBody>> {
    caller.require(Role::RuleAuthor)?;
    let unit_id = query.unit_id.map_or(caller.user.unit_id, UnitId);
    caller.require_unit(unit_id)?;
    state.store.check_room_for_rule_capture(0).await?;
    let folder = &state.captures_dir;
    let broken = |error: std::io::Error| ApiError::Broken(format!("captures: {error}"));
    tokio::fs::create_dir_all(folder).await.map_err(broken)?;
    let id = RuleCapture::new_id();
    let path = folder.join(&id);
    let added = async {
        let (bytes, sha256) = write(content, &path).await?;
        let capture = RuleCapture {
            id,
            unit_id,
            name: query.name,
            bytes,
            sha256,
            added: state.now(),
            added_by: caller.user.name.clone(),
        };
        state.store.add_rule_capture(&capture).await?;
        Ok(capture)
    }
    .await;
    let capture = match added {
        Ok(capture) => capture,
        Err(error) => {
            // Nothing knows of it; what cannot be removed is told.
            if let Err(error) = tokio::fs::remove_file(&path).await {
                tracing::warn!(path = %path.display(), %error, "a file that is no capture stays");
            }
            return Err(error);
        }
    };
    let detail = json!({ "bytes": capture.bytes, "sha256": capture.sha256 });
    caller
        .note(&state, "rule_capture.add", &capture.name, detail)
        .await?;
    Ok(Json(body(capture)))
}

/// Writes a body to a file, and gives its length and SHA-256.
async fn write(content: Body, path: &std::path::Path) -> Result<(u64, String)> {
    let broken = |error: std::io::Error| ApiError::Broken(format!("captures: {error}"));
    let mut file = tokio::fs::File::create(path).await.map_err(broken)?;
    let (mut bytes, mut hash, mut begins) = (0_usize, Sha256::new(), Vec::new());
    let mut parts = content.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| ApiError::Unreadable(error.to_string()))?;
        bytes += part.len();
        if bytes > MAX_RULE_CAPTURE_BYTES {
            return Err(ApiError::TooLarge);
        }
        begins.extend(part.iter().take(4_usize.saturating_sub(begins.len())));
        hash.update(&part);
        file.write_all(&part).await.map_err(broken)?;
    }
    file.flush().await.map_err(broken)?;
    if !MAGIC.iter().any(|magic| begins == magic) && !begins.starts_with(&GZIP) {
        return invalid("body", "not_a_capture");
    }
    let hash = hash.finalize();
    let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes as u64, hash))
}

#[utoipa::path(delete, path = "/rule-captures/{id}", operation_id = "delete_rule_capture", tag = "rules", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.require(Role::RuleAuthor)?;
    let capture = state.store.rule_capture(&id, &caller.scope).await?;
    state
        .store
        .delete_rule_capture(&capture.id, &caller.scope)
        .await?;
    if let Err(error) = tokio::fs::remove_file(state.captures_dir.join(&capture.id)).await {
        tracing::warn!(capture = %capture.id, %error, "the file of a removed capture stays");
    }
    caller
        .note(&state, "rule_capture.delete", &capture.name, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(delete))
        .layer(DefaultBodyLimit::disable())
}
