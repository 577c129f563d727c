//! `POST /ingest`: EVE over HTTP, a record a line.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use collector_state::Source;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::eve::{BodyFault, Encoding, MAX_LINES, record, unpack};
use crate::extract::Query;
use crate::json::Json;
use crate::machine::{Line, Numbers, Taken};

/// A body as it comes, compressed or not.
pub const MAX_BODY_BYTES: usize = 32 * 1_024 * 1_024;
/// Refused lines that an answer tells one by one.
const MAX_FAULTS: usize = 1_000;

/// A source, by its token: `Authorization: Bearer`, the password of `Basic`, or the key of `ApiKey`.
pub struct Sending(pub Source);

impl FromRequestParts<ApiState> for Sending {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Sending> {
        let token = token(&parts.headers).ok_or(ApiError::NoToken)?;
        let source = state.store.source_of_token(&token, state.now()).await?;
        source.map(Sending).ok_or(ApiError::NoToken)
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.to_owned()),
        "basic" | "apikey" => {
            let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            Some(pair.split_once(':')?.1.to_owned())
        }
        _ => None,
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IngestQuery {
    /// With `seq`: the lines have numbers, `seq` the first and one more each; they may be sent again, and
    /// nothing comes twice. A new epoch, higher than the last, begins again from 1.
    epoch: Option<u64>,
    seq: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct IngestBody {
    /// Durable now, or before.
    accepted: usize,
    /// Of this request all lines through this number are dealt with; only where lines have numbers.
    accepted_through_seq: Option<u64>,
    rejected_count: usize,
    /// The first thousand; all of them are in quarantine.
    rejected: Vec<RejectedLine>,
}

#[derive(Serialize, ToSchema)]
pub struct RejectedLine {
    /// From 1, empty lines not counted.
    line: usize,
    reason: String,
}

/// Unpacks a body and cuts it into its lines; empty ones are left out.
pub async fn lines_of(headers: &HeaderMap, body: Bytes) -> Result<Vec<Vec<u8>>> {
    let encoding = match headers.get(header::CONTENT_ENCODING) {
        None => Some(Encoding::None),
        Some(value) => value.to_str().ok().and_then(Encoding::from_header),
    };
    let Some(encoding) = encoding else {
        return invalid("Content-Encoding", "unknown_encoding");
    };
    let unpacked = tokio::task::spawn_blocking(move || unpack(body.into(), encoding)).await;
    let content = match unpacked {
        Ok(Ok(content)) => content,
        Ok(Err(BodyFault::NotCompressed)) => return invalid("body", "not_as_encoded"),
        Ok(Err(BodyFault::TooLarge)) => return Err(ApiError::TooLarge),
        Err(error) => return Err(ApiError::Broken(error.to_string())),
    };
    let lines: Vec<Vec<u8>> = content
        .split(|&byte| byte == b'\n')
        .map(|line| line.trim_ascii())
        .filter(|line| !line.is_empty())
        .take(2 * MAX_LINES + 1)
        .map(<[u8]>::to_vec)
        .collect();
    Ok(lines)
}

/// Hands records to the collector.
pub async fn take(
    state: &ApiState,
    source: &Source,
    numbers: Option<Numbers>,
    lines: Vec<Line>,
) -> Result<Taken> {
    state
        .machine()
        .take(&source.id, numbers, lines)
        .await
        .map_err(ApiError::Busy)
}

/// Takes EVE records, one a line (NDJSON), gzip or zstd if `Content-Encoding` says so. Answers when they
/// are durable. A line that is no record is refused by itself, and kept in quarantine.
#[utoipa::path(post, path = "/ingest", operation_id = "ingest", tag = "ingest", params(IngestQuery),
    request_body(content = String, content_type = "application/x-ndjson"),
    security(("source" = [])),
    responses((status = 200, body = IngestBody), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem), (status = 503, body = Problem)))]
async fn ingest(
    State(state): State<ApiState>,
    Sending(source): Sending,
    Query(query): Query<IngestQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<IngestBody>> {
    let numbers = match (query.epoch, query.seq) {
        (None, None) => None,
        (Some(epoch), Some(first))
            if (1..1 << 62).contains(&epoch) && (1..1 << 62).contains(&first) =>
        {
            Some(Numbers { epoch, first })
        }
        (Some(_), Some(_)) => return invalid("seq", "out_of_range"),
        _ => return invalid("seq", "epoch_and_seq_go_together"),
    };
    let lines = lines_of(&headers, body).await?;
    if lines.len() > MAX_LINES {
        return Err(ApiError::TooLarge);
    }
    let records: Vec<Line> = lines.iter().map(|line| record(line)).collect();
    let last = numbers
        .map(|numbers| numbers.first + records.len() as u64 - u64::from(!records.is_empty()));
    let taken = take(&state, &source, numbers, records).await?;
    Ok(Json(IngestBody {
        accepted: taken.accepted,
        accepted_through_seq: last,
        rejected_count: taken.rejected.len(),
        rejected: taken
            .rejected
            .into_iter()
            .take(MAX_FAULTS)
            .map(|(line, reason)| RejectedLine {
                line: line + 1,
                reason,
            })
            .collect(),
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(ingest))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_in_three_ways() {
        // Basic and ApiKey hold base64 of `user:mls_x`.
        for (value, expected) in [
            ("Bearer mls_x", Some("mls_x")),
            ("Basic dXNlcjptbHNfeA==", Some("mls_x")),
            ("ApiKey dXNlcjptbHNfeA==", Some("mls_x")),
            ("ApiKey !", None),
            ("Digest x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            assert_eq!(token(&headers).as_deref(), expected, "{value}");
        }
    }
}
