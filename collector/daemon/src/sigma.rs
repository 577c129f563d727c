//! Which Sigma rules the collector runs, read from where the configuration says.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use collector_sigma::{LiveRules, Options, Running};
use rules::sigma::{Pipeline, read_paths};
use rules::signature::SourceFile;

use crate::collector::now;
use crate::settings::SigmaConfig;

/// The rules that come with the collector.
const SHIPPED: [(&str, &str); 10] = [
    (
        "certificates.yml",
        include_str!("../../../rules/sets/sigma/rules/certificates.yml"),
    ),
    (
        "command.yml",
        include_str!("../../../rules/sets/sigma/rules/command.yml"),
    ),
    (
        "credentials.yml",
        include_str!("../../../rules/sets/sigma/rules/credentials.yml"),
    ),
    (
        "dns.yml",
        include_str!("../../../rules/sets/sigma/rules/dns.yml"),
    ),
    (
        "exfiltration.yml",
        include_str!("../../../rules/sets/sigma/rules/exfiltration.yml"),
    ),
    (
        "lateral.yml",
        include_str!("../../../rules/sets/sigma/rules/lateral.yml"),
    ),
    (
        "local.yml",
        include_str!("../../../rules/sets/sigma/rules/local.yml"),
    ),
    (
        "password.yml",
        include_str!("../../../rules/sets/sigma/rules/password.yml"),
    ),
    (
        "scan.yml",
        include_str!("../../../rules/sets/sigma/rules/scan.yml"),
    ),
    (
        "web.yml",
        include_str!("../../../rules/sets/sigma/rules/web.yml"),
    ),
];

/// Reads rules and pipelines. Faults of rules are told when they are loaded.
pub fn options(config: &SigmaConfig) -> Result<Options> {
    let mut sources = Vec::new();
    if config.shipped {
        sources.extend(SHIPPED.map(|(name, text)| SourceFile {
            name: name.to_owned(),
            text: text.to_owned(),
        }));
    }
    sources.extend(read_paths(&config.rules).context("[sigma] rules")?);
    let mut pipeline = Pipeline::eve();
    for path in &config.pipelines {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("[sigma] pipelines: {}", path.display()))?;
        let (own, faults) = Pipeline::parse(&text);
        if let Some(fault) = faults.first() {
            bail!("[sigma] pipelines: {}:{fault}", path.display());
        }
        pipeline.overlay(own);
    }
    Ok(Options {
        sources,
        pipeline,
        clock: now,
    })
}

/// Reads rules and pipelines anew, and runs them from the next record on.
pub async fn reload(rules: &LiveRules, config: &SigmaConfig) -> Result<Running> {
    let own = config.clone();
    let options = tokio::task::spawn_blocking(move || options(&own)).await??;
    let running = rules.reload(options).await;
    running.map_err(|error| anyhow::anyhow!("Sigma rules: {error}"))
}

/// Reloads at every SIGHUP, until told to stop. Rules that cannot be read leave those that run as they are.
pub async fn reload_when_told(
    rules: Arc<LiveRules>,
    config: SigmaConfig,
    stopping: impl Future<Output = ()>,
) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut told = signal(SignalKind::hangup())?;
    let mut stopping = std::pin::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            _ = told.recv() => {}
        }
        if let Err(error) = reload(&rules, &config).await {
            tracing::error!(
                error = format!("{error:#}"),
                "Sigma rules are not loaded anew; those that run go on"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_rule_is_listed_and_sound() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/sets/sigma/rules");
        let there = std::fs::read_dir(folder)
            .expect("the folder is there")
            .count();
        assert_eq!(there, SHIPPED.len());
        let config = SigmaConfig {
            shipped: true,
            rules: Vec::new(),
            pipelines: Vec::new(),
        };
        let options = options(&config).expect("nothing is read");
        let loaded = rules::sigma::load(&options.sources, &options.pipeline);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        assert!(loaded.rules.len() >= 40);
    }
}
