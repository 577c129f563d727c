//! What Filebeat, Vector, Fluent Bit and Logstash ask of an Elasticsearch, under `/api/v1/elastic`: the
//! bulk endpoint, and the few questions before it. Documents are EVE records, or hold one.
//!
//! Templates, policies and pipelines are said to be there, so that nobody tries to make them.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::error::{ApiError, Result};
use crate::eve::{MAX_LINES, record};
use crate::extract::Path;
use crate::ingest::{MAX_BODY_BYTES, Sending, lines_of, take};
use crate::machine::Line;

/// What clients take for a version that they can speak with.
const VERSION: &str = "8.17.0";

/// An entry of a bulk request.
struct Entry {
    /// create or index
    action: String,
    index: String,
    id: Option<String>,
    record: Line,
}

async fn bulk_any(
    State(state): State<ApiState>,
    sending: Sending,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    bulk(&state, sending, "eve", &headers, body).await
}

async fn bulk_of_index(
    State(state): State<ApiState>,
    sending: Sending,
    Path(index): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    bulk(&state, sending, &index, &headers, body).await
}

async fn bulk(
    state: &ApiState,
    Sending(source): Sending,
    index: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let started = std::time::Instant::now();
    let answered = async {
        let lines = lines_of(headers, body).await?;
        let mut entries = entries(&lines, index)?;
        let records = entries
            .iter_mut()
            .map(|entry| std::mem::replace(&mut entry.record, Ok(Vec::new())))
            .collect();
        let taken = take(state, &source, None, records).await?;
        let mut reasons: Vec<Option<String>> = vec![None; entries.len()];
        for (place, reason) in taken.rejected {
            if let Some(slot) = reasons.get_mut(place) {
                *slot = Some(reason);
            }
        }
        Ok::<_, ApiError>((entries, reasons))
    };
    match answered.await {
        Ok((entries, reasons)) => {
            let errors = reasons.iter().any(Option::is_some);
            let items: Vec<Value> = entries.iter().zip(reasons).map(item).collect();
            let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            Json(json!({ "took": took, "errors": errors, "items": items })).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// Pairs of an action and a document.
fn entries(lines: &[Vec<u8>], index: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        if entries.len() >= MAX_LINES {
            return Err(ApiError::TooLarge);
        }
        let action: Option<Value> = serde_json::from_slice(line).ok();
        let action = action.as_ref().and_then(Value::as_object);
        let Some((name, about)) = action.and_then(|action| action.iter().next()) else {
            return crate::error::invalid("body", "not_an_action");
        };
        let text = |key: &str| about.get(key).and_then(Value::as_str).map(str::to_owned);
        let document = match name.as_str() {
            "create" | "index" => lines.next(),
            "update" => {
                lines.next();
                None
            }
            "delete" => None,
            _ => return crate::error::invalid("body", "not_an_action"),
        };
        entries.push(Entry {
            action: name.clone(),
            index: text("_index").unwrap_or_else(|| index.to_owned()),
            id: text("_id"),
            record: match document {
                Some(document) => record(document),
                None => Err((
                    format!("{name}: records cannot be changed, and need a document"),
                    line.clone(),
                )),
            },
        });
    }
    Ok(entries)
}

fn item((entry, reason): (&Entry, Option<String>)) -> Value {
    let id = entry.id.clone().unwrap_or_default();
    let result = match reason {
        None => json!({
            "_index": entry.index, "_id": id, "_version": 1, "result": "created", "status": 201,
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
        }),
        Some(reason) => json!({
            "_index": entry.index, "_id": id, "status": 400,
            "error": { "type": "document_parsing_exception", "reason": reason },
        }),
    };
    json!({ entry.action.clone(): result })
}

async fn about(_: Sending) -> Json<Value> {
    Json(json!({
        "name": "matluoi",
        "cluster_name": "matluoi",
        "cluster_uuid": "matluoi",
        "version": {
            "number": VERSION, "build_flavor": "default", "build_type": "deb", "build_hash": "0",
            "build_date": "2026-01-01T00:00:00Z", "build_snapshot": false, "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

async fn license(_: Sending) -> Json<Value> {
    Json(
        json!({ "license": { "status": "active", "uid": "matluoi", "type": "basic", "mode": "basic" } }),
    )
}

async fn health(_: Sending) -> Json<Value> {
    Json(json!({
        "cluster_name": "matluoi", "status": "green", "timed_out": false, "number_of_nodes": 1,
        "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1,
    }))
}

/// Templates, policies, pipelines, data streams.
async fn there_already(_: Sending, method: Method) -> Response {
    match method {
        Method::PUT | Method::POST => Json(json!({ "acknowledged": true })).into_response(),
        _ => Json(json!({})).into_response(),
    }
}

/// Official clients speak with nobody who does not say this.
async fn product(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(
        "x-elastic-product",
        HeaderValue::from_static("Elasticsearch"),
    );
    response
}

/// The routes, with what of them is described.
pub fn router() -> OpenApiRouter<ApiState> {
    use axum::routing::{any, get, post};
    let router: Router<ApiState> = Router::new()
        .route("/elastic", get(about))
        .route("/elastic/", get(about))
        .route("/elastic/_license", get(license))
        .route("/elastic/_xpack", get(license))
        .route("/elastic/_cluster/health", get(health))
        .route("/elastic/_bulk", post(bulk_any).put(bulk_any))
        .route(
            "/elastic/{index}/_bulk",
            post(bulk_of_index).put(bulk_of_index),
        )
        .route("/elastic/_index_template/{name}", any(there_already))
        .route("/elastic/_component_template/{name}", any(there_already))
        .route("/elastic/_template/{name}", any(there_already))
        .route("/elastic/_ilm/policy/{name}", any(there_already))
        .route("/elastic/_data_stream/{name}", any(there_already))
        .route("/elastic/_ingest/pipeline/{name}", any(there_already))
        .route("/elastic/{name}", any(unknown))
        .layer(axum::middleware::from_fn(product))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let mut described = OpenApiRouter::from(router);
    described.get_openapi_mut().merge(Description::openapi());
    described
}

async fn unknown(_: Sending) -> Response {
    let error = json!({ "error": { "type": "invalid", "reason": "not here" }, "status": 400 });
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

/// Elasticsearch's bulk endpoint: pairs of `create` or `index` and a document that is, or holds, an EVE
/// record. Per-item results.
#[utoipa::path(post, path = "/elastic/_bulk", operation_id = "elastic_bulk", tag = "ingest",
    request_body(content = String, content_type = "application/x-ndjson"),
    security(("source" = [])),
    responses((status = 200, body = Object), (status = 400, body = crate::error::Problem),
        (status = 401, body = crate::error::Problem), (status = 413, body = crate::error::Problem),
        (status = 503, body = crate::error::Problem)))]
#[allow(dead_code)]
fn described_bulk() {}

#[derive(OpenApi)]
#[openapi(paths(described_bulk))]
struct Description;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_documents_go_in_pairs() {
        let eve = r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns"}"#;
        let lines: Vec<Vec<u8>> = [
            r#"{"create":{"_index":"filebeat"}}"#,
            eve,
            r#"{"index":{"_id":"7"}}"#,
            "nonsense",
            r#"{"delete":{"_id":"8"}}"#,
            r#"{"index":{}}"#,
        ]
        .map(|line| line.as_bytes().to_vec())
        .to_vec();
        let entries = entries(&lines, "eve").expect("they are actions");
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.action.as_str(),
                    entry.index.as_str(),
                    entry.record.is_ok(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("create", "filebeat", true),
                ("index", "eve", false),
                ("delete", "eve", false),
                ("index", "eve", false),
            ]
        );
        assert!(super::entries(&[b"{\"x\":1}".to_vec()], "eve").is_err());
    }
}
