//! Files in evidence: the sensor's engine carves them in a process of its own, as it reads live traffic.
//!
//! What may be malware leaves the console as analysts hand it on everywhere: in a ZIP that is encrypted with a password
//! that everybody knows, named by its SHA-256 and without an ending. Nothing runs it by accident, no scanner on the way
//! takes it away, and sandboxes open it as it is.

use std::io::{Cursor, Write as _};

use axum::extract::State;
use axum::http::HeaderMap;
use collector_state::checked_name;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{EvidenceRequest, ready};
use crate::ApiState;
use crate::caller::Caller;
use crate::cases::saved_as;
use crate::engine::{Carved, CarvedFile, Question, Tongue, ask};
use crate::error::{ApiError, Problem, Result};
use crate::extract::Path;
use crate::json::Json;

/// What analysts everywhere take for the password of archives with malware.
const PASSWORD: &str = "infected";

#[derive(Serialize, ToSchema)]
pub struct FilesBody {
    items: Vec<CarvedFile>,
    /// Files beyond those.
    left_out: u64,
    /// Of the archives in which files are fetched.
    password: String,
}

/// The files that the packets carry.
#[utoipa::path(get, path = "/evidence/{id}/files", operation_id = "evidence_files", tag = "evidence",
    params(("id" = i64, Path)),
    responses((status = 200, body = FilesBody), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<FilesBody>> {
    ready(&state, &caller, id).await?;
    let question = Question::Files {
        capture: state.evidence.path(id),
    };
    let carved: Carved = ask(&state, question, "", Tongue::default()).await?;
    Ok(Json(FilesBody {
        items: carved.files,
        left_out: carved.left_out,
        password: PASSWORD.to_owned(),
    }))
}

/// One of the files, in an encrypted ZIP.
#[utoipa::path(post, path = "/evidence/{id}/files/{number}", operation_id = "fetch_evidence_file", tag = "evidence",
    params(("id" = i64, Path), ("number" = u64, Path)), request_body = EvidenceRequest,
    responses((status = 200, content_type = "application/zip"), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn fetch(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, number)): Path<(i64, u64)>,
    Json(request): Json<EvidenceRequest>,
) -> Result<(HeaderMap, Vec<u8>)> {
    let evidence = ready(&state, &caller, id).await?;
    let reason = checked_name("reason", &request.reason)?;
    let capture = state.evidence.path(id);
    let question = Question::FileContent { capture, number };
    let machine = state.machine();
    let content = machine.ask_engine(question, "", Tongue::default()).await?;
    let broken =
        |error: &dyn std::fmt::Display| ApiError::Broken(format!("file {number}: {error}"));
    let size = content.len();
    let (digest, archive) = tokio::task::spawn_blocking(move || {
        let digest = Sha256::digest(&content);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let archive = locked(&digest, &content);
        (digest, archive)
    })
    .await
    .map_err(|error| broken(&error))?;
    let archive = archive.map_err(|error| broken(&error))?;
    let detail = json!({
        "file": number, "sha256": digest, "bytes": size, "reason": reason, "flow": evidence.asked.flow_id,
    });
    caller
        .note(&state, "evidence.file", &id.to_string(), detail)
        .await?;
    let headers = saved_as(&format!("{digest}.zip"), "application/zip")?;
    Ok((headers, archive))
}

/// An archive with one file.
fn locked(name: &str, content: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .with_aes_encryption(zip::AesMode::Aes256, PASSWORD);
    archive.start_file(name, options)?;
    archive.write_all(content)?;
    Ok(archive.finish()?.into_inner())
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(fetch))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn archives_open_with_the_password_and_not_without() {
        let content = b"MZ not to be run".repeat(1_000);
        let archive = locked("ab12", &content).expect("an archive");
        assert!(archive.len() < content.len());
        assert!(!archive.windows(6).any(|bytes| bytes == b"MZ not"));
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("readable");
        assert!(archive.by_index(0).is_err());
        assert!(archive.by_index_decrypt(0, b"wrong").is_err());
        let mut file = archive
            .by_index_decrypt(0, PASSWORD.as_bytes())
            .expect("the password");
        let mut found = Vec::new();
        file.read_to_end(&mut found).expect("readable");
        assert_eq!((file.name(), found), ("ab12", content));
    }
}
