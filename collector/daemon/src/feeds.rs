//! Rule and intelligence sources: how they are reached, and the clock that begins their runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use collector_api::{ApiState, FeedSettings};

use crate::settings::FeedsConfig;

/// Pause between looks at which sources are due.
const LOOK: Duration = Duration::from_secs(30);

/// Reads what the configuration names.
pub fn settings(config: &FeedsConfig, data_dir: &Path) -> Result<FeedSettings> {
    let authorities = match &config.authorities {
        Some(path) => std::fs::read(path)
            .with_context(|| format!("[feeds] authorities: {}", path.display()))?,
        None => Vec::new(),
    };
    Ok(FeedSettings {
        folder: data_dir.join("feeds"),
        fetch: collector_feeds::Settings {
            proxy: config.proxy.clone(),
            authorities,
            folders: config.folders.clone(),
            ..collector_feeds::Settings::default()
        },
    })
}

/// Begins runs whose time has come, until told to stop.
pub async fn run_when_due(state: ApiState, stopping: impl Future<Output = ()>) -> Result<()> {
    let mut stopping = std::pin::pin!(stopping);
    collector_api::fail_interrupted_feeds(&state).await;
    loop {
        collector_api::begin_due_feeds(&state).await;
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
