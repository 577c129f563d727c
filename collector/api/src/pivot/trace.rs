//! What one thing leaves wherever it goes: the digest of a file, the fingerprint of a TLS client.

use axum::extract::State;
use collector_search::Node;

use super::asking::{Asking, PanelPlan};
use super::name::checked_name;
use super::{PivotBody, PivotQuery, is};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;

#[utoipa::path(get, path = "/files/{hash}", operation_id = "file", tag = "pivots", params(("hash" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
pub(super) async fn file(
    State(state): State<ApiState>,
    caller: Caller,
    Path(hash): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let hash = hash.trim().to_ascii_lowercase();
    let kind = match hash.len() {
        32 => "md5",
        40 => "sha1",
        64 => "sha256",
        _ => return invalid("hash", "not_a_hash"),
    };
    if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return invalid("hash", "not_a_hash");
    }
    let asking = Asking::new(&state, &caller, &query).await?;
    let fields: [String; 2] = [format!("fileinfo.{kind}"), format!("files.{kind}")];
    let about = Node::Or(fields.iter().map(|field| is(field, &hash)).collect());
    let plans: Vec<PanelPlan> = vec![
        (
            "file_names",
            about.clone(),
            &["fileinfo.filename", "fileinfo.magic", "fileinfo.size"],
        ),
        (
            "transfers",
            about.clone(),
            &["src_ip", "dest_ip", "app_proto"],
        ),
        ("urls", about.clone(), &["http.hostname", "http.url"]),
        ("sensors", about.clone(), &["matluoi.sensor"]),
        (
            "alerts",
            about.clone(),
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
    ];
    let q = format!("(fileinfo.{kind}:{hash} OR files.{kind}:{hash})");
    asking.body("file", &hash, q, about, plans).await
}

/// Everything with this JA4 (or JA3) of a TLS client.
#[utoipa::path(get, path = "/fingerprints/{value}", operation_id = "fingerprint", tag = "pivots", params(("value" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
pub(super) async fn fingerprint(
    State(state): State<ApiState>,
    caller: Caller,
    Path(value): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let value = checked_name("value", &value)?;
    let asking = Asking::new(&state, &caller, &query).await?;
    let fields = ["tls.ja4", "quic.ja4", "tls.ja3.hash"];
    let about = Node::Or(fields.iter().map(|field| is(field, &value)).collect());
    let plans: Vec<PanelPlan> = vec![
        ("tls_clients", about.clone(), &["src_ip"]),
        ("sni", about.clone(), &["tls.sni"]),
        ("tls_servers", about.clone(), &["dest_ip", "dest_port"]),
        ("versions", about.clone(), &["tls.version"]),
        (
            "certificates",
            about.clone(),
            &["tls.subject", "tls.issuerdn", "tls.fingerprint"],
        ),
        (
            "alerts",
            about.clone(),
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
    ];
    let q = format!("(tls.ja4:\"{value}\" OR quic.ja4:\"{value}\" OR tls.ja3.hash:\"{value}\")");
    asking.body("fingerprint", &value, q, about, plans).await
}
