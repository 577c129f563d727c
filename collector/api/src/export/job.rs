//! Making one file: pages of the search, appended to the file, the progress told after each.

use std::path::PathBuf;

use collector_search::{Request, Sort};
use collector_state::{ExportProgress, ExportStatus, Scope};

use super::file::Output;
use super::kept::Kept;
use super::{Format, MAX_BYTES, MAX_ROWS};
use crate::{ApiState, archive};

/// Events that are in memory at a time.
const PAGE: usize = 2_000;

pub struct Job {
    pub id: String,
    pub path: PathBuf,
    pub request: Request,
    pub format: Format,
    pub columns: Vec<String>,
    /// A hunt on sensors, and the sensors that may be seen.
    pub remote: Option<(i64, Scope)>,
    /// Most events.
    pub most: u64,
}

impl Job {
    pub async fn run(self, state: ApiState) {
        let Ok(_place) = state.exporting().acquire().await else {
            return;
        };
        let (id, path) = (self.id.clone(), self.path.clone());
        let status = match self.write(&state).await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, export = %id, "an export failed");
                ExportStatus::Failed
            }
        };
        if status != ExportStatus::Ready {
            let _ = tokio::fs::remove_file(&path).await;
        }
        if let Err(error) = state.store.end_export(&id, status).await {
            tracing::warn!(%error, export = %id, "the end of an export is not noted");
        }
    }

    async fn write(
        self,
        state: &ApiState,
    ) -> Result<ExportStatus, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(folder) = self.path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let mut output = Output::create(&self.path, self.format, self.columns)?;
        let most = self.most.min(MAX_ROWS);
        let mut done = ExportProgress {
            rows: 0,
            total: 0,
            bytes: 0,
            complete: true,
        };
        let mut kept = match &self.remote {
            Some((hunt, scope)) => Kept::of_hunt(state, *hunt, scope).await?,
            None => Kept::all_here(),
        };
        done.complete &= kept.complete;
        let found_at_sensors = kept.len() as u64;
        let range = (self.request.from, self.request.to);
        let class = self.request.class;
        let away = archive::unseen(state, range, class).await?;
        let mut cursor = None;
        loop {
            let left = usize::try_from(most - done.rows).unwrap_or(usize::MAX);
            let request = self.request.clone();
            let hits = state
                .engine
                .search(request, Sort::NewestFirst, left.min(PAGE), cursor)
                .await?;
            done.complete &= !hits.partial;
            if done.rows == 0 {
                done.total = hits.total.saturating_add(found_at_sensors).min(self.most);
            }
            cursor = hits.next_cursor;
            let mut events = kept.among(hits.events, cursor.is_none());
            let cut = events.len() > left;
            events.truncate(left);
            done.rows += events.len() as u64;
            // Writing may wait for the disk.
            output = tokio::task::spawn_blocking(move || output.append(&events)).await??;
            done.bytes = output.bytes();
            let full = cut || done.rows >= most || done.bytes >= MAX_BYTES;
            let ended = cursor.is_none() || full;
            if ended {
                let all = cursor.is_none() && !cut;
                done.complete &= all || done.rows >= self.most;
                done.bytes = tokio::task::spawn_blocking(move || output.finish()).await??;
                let away = archive::greater(away, archive::unseen(state, range, class).await?);
                if let Some(away) = away {
                    let json = serde_json::to_string(&away)?;
                    state.store.export_left_out(&self.id, &json).await?;
                }
                let wanted = state.store.export_progress(&self.id, done).await?;
                return Ok(if wanted {
                    ExportStatus::Ready
                } else {
                    ExportStatus::Cancelled
                });
            }
            if !state.store.export_progress(&self.id, done).await? {
                return Ok(ExportStatus::Cancelled);
            }
        }
    }
}

/// Forgets exports past their time, and removes the files that no export has. Call it every few minutes.
pub async fn sweep(state: &ApiState) {
    let kept = match state.store.expire_exports(state.now()).await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "exports are not swept");
            return;
        }
    };
    let Ok(mut files) = tokio::fs::read_dir(&state.exports_dir).await else {
        return;
    };
    while let Ok(Some(file)) = files.next_entry().await {
        let name = file.file_name();
        let id = name.to_str().and_then(|name| name.split('.').next());
        if !id.is_some_and(|id| kept.iter().any(|kept| kept == id)) {
            let _ = tokio::fs::remove_file(file.path()).await;
        }
    }
}
