//! What was fetched last, in files beside the state: filters that change are tried on it, and a source that has not
//! changed need not send it again.

use std::path::PathBuf;

use crate::ApiState;
use crate::error::{ApiError, Result};

/// The name of what came stands in front of it, in one line.
const MAX_NAME_BYTES: usize = 200;

fn path(state: &ApiState, feed: i64) -> PathBuf {
    state.feeds.folder.join(format!("{feed}.content"))
}

fn broken(error: std::io::Error) -> ApiError {
    ApiError::Broken(format!("content of a source: {error}"))
}

/// Keeps content in the place of what was there.
pub async fn keep(state: &ApiState, feed: i64, name: &str, bytes: &[u8]) -> Result<()> {
    let path = path(state, feed);
    let beside = path.with_extension("new");
    tokio::fs::create_dir_all(&state.feeds.folder)
        .await
        .map_err(broken)?;
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.replace(['\n', '\r'], " ");
    let end = name.floor_char_boundary(MAX_NAME_BYTES);
    let mut whole = name.as_bytes()[..end].to_vec();
    whole.push(b'\n');
    whole.extend_from_slice(bytes);
    tokio::fs::write(&beside, whole).await.map_err(broken)?;
    tokio::fs::rename(&beside, &path).await.map_err(broken)
}

/// Name and content of what was kept.
pub async fn kept(state: &ApiState, feed: i64) -> Result<Option<(String, Vec<u8>)>> {
    let mut whole = match tokio::fs::read(path(state, feed)).await {
        Ok(whole) => whole,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    let Some(end) = whole.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let bytes = whole.split_off(end + 1);
    whole.truncate(end);
    Ok(Some((String::from_utf8_lossy(&whole).into_owned(), bytes)))
}

/// Forgets it. What cannot be removed is told.
pub async fn remove(state: &ApiState, feed: i64) {
    let path = path(state, feed);
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "content of a removed source stays");
        }
        _ => {}
    }
}
