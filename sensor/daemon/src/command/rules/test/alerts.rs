//! Alerts of captures and of files of events, counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::rules::sigma::{Detector, Finding, GENERATOR, SharedState};
use anyhow::{Context as _, bail};
use sensor_detect::Engine;
use sensor_event::Class;
use serde::Deserialize;

use crate::command::replay::feed;
use crate::output::Output;
use crate::settings::Settings;
use crate::sigma::SigmaRules;
use crate::worker::Worker;

/// Alerts by group, as far as it tells Sigma rules from signatures, and sid.
pub(super) type Alerts = BTreeMap<(bool, u32), u64>;

/// Counts alerts, keeps nothing.
#[derive(Default)]
struct Counter {
    alerts: Alerts,
}

#[derive(Deserialize)]
struct Record {
    alert: Option<Alert>,
}
#[derive(Deserialize)]
struct Alert {
    gid: u32,
    signature_id: u32,
}

impl Output for Counter {
    fn record(&mut self, class: Class, line: &[u8]) {
        if class != Class::Alert {
            return;
        }
        if let Ok(Record { alert: Some(alert) }) = serde_json::from_slice(line) {
            let key = (alert.gid == GENERATOR, alert.signature_id);
            *self.alerts.entry(key).or_default() += 1;
        }
    }
}

/// Runs events, one JSON object a line.
pub(super) fn alerts_of_events(path: &Path, sigma: &SigmaRules) -> anyhow::Result<Alerts> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let ruleset = &sigma.ruleset;
    let mut detector = Detector::new(Arc::clone(ruleset), SharedState::default());
    let mut alerts = Alerts::new();
    let mut count = |findings: &[Finding]| {
        for finding in findings {
            let meta = match finding {
                Finding::Rule(index) => ruleset.rules.get(*index).map(|own| &own.rule.meta),
                Finding::Correlation(found) => {
                    let own = ruleset.correlations.get(found.correlation as usize);
                    own.map(|own| &own.correlation.meta)
                }
            };
            if let Some(meta) = meta {
                *alerts.entry((true, meta.sid())).or_default() += 1;
            }
        }
    };
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() {
            continue;
        }
        match detector.run(line, None) {
            Ok(findings) => count(findings),
            Err(error) => bail!("{}:{number}: {error}", path.display()),
        }
    }
    count(detector.finish());
    Ok(alerts)
}

pub(super) fn alerts_of_capture(
    path: &Path,
    engine: Arc<Engine>,
    sigma: Option<&Arc<SigmaRules>>,
    settings: Settings,
) -> anyhow::Result<Alerts> {
    let counter = Counter::default();
    let mut worker = Worker::new(0, Arc::new(settings), Some(engine), None, counter);
    worker.set_sigma(sigma);
    feed(&mut worker, &[path.to_owned()], |_| true)?;
    worker.finish();
    Ok(worker.into_output().alerts)
}

pub(super) fn is_sigma_file(path: &Path) -> bool {
    ends_with(path, &["yml", "yaml"])
}

pub(super) fn is_event_file(path: &Path) -> bool {
    ends_with(path, &["jsonl", "json"])
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| endings.contains(&ending))
}
