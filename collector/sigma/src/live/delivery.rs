//! Alerts on their way: numbered and kept with how far a stream is judged, then handed to ingest; and what
//! correlations remember, kept for the next start.

use std::collections::HashMap;
use std::time::Duration;

use collector_index::Stream;
use collector_ingest::{Intake, Numbering, PortError};
use collector_state::{Judged, SigmaAlert};

use super::{LiveRules, add};
use crate::memory::{self, MEMORY_BYTES};

/// Windows that wait for their end are judged this long after it: records come late.
const LATE_NS: i64 = 60_000_000_000;
/// Pause between looks at such windows.
const TICK: Duration = Duration::from_secs(1);
/// Alerts that are handed to ingest at a time.
const HANDED_OVER: u32 = 1_000;
/// Pause after alerts could not be handed over.
const PAUSE: Duration = Duration::from_secs(2);

impl LiveRules {
    /// Hands alerts to ingest as they come, and judges windows that have ended, until the future is dropped.
    pub async fn deliver(&self, intake: &Intake) {
        loop {
            match self.hand_over(intake).await {
                Ok(0) => {
                    tokio::select! {
                        () = self.kept.notified() => {}
                        () = tokio::time::sleep(TICK) => self.tick().await,
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "alerts of Sigma rules wait");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Keeps what correlations remember; for the end, when ingest has stopped.
    pub async fn close(&self) {
        self.remember().await;
    }

    /// How many alerts were stored and grouped.
    async fn hand_over(&self, intake: &Intake) -> Result<usize, PortError> {
        let alerts = self.store.sigma_alerts(HANDED_OVER).await?;
        for run in alerts.chunk_by(|one, next| {
            (&one.sensor_id, one.epoch, one.seq + 1) == (&next.sensor_id, next.epoch, next.seq)
        }) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let numbering = Numbering {
                epoch: first.epoch,
                first: first.seq,
            };
            let lines = run.iter().map(|alert| Ok(alert.line.clone().into_bytes()));
            intake
                .take(&first.sensor_id, Some(numbering), lines.collect())
                .await?;
            self.store
                .sigma_alerts_delivered(&first.sensor_id, first.epoch, last.seq)
                .await?;
        }
        Ok(alerts.len())
    }

    /// Windows that wait for their end are judged, whether or not records come.
    async fn tick(&self) {
        if !self.loaded().ruleset.correlates() {
            return;
        }
        {
            let now_ns = (self.clock)().0.saturating_mul(1_000_000);
            let mut judging = self.judging();
            let findings = judging
                .detector
                .advance(now_ns.saturating_sub(LATE_NS))
                .to_vec();
            for finding in &findings {
                self.draft_window(&mut judging, finding);
            }
        }
        if let Err(error) = self.keep(None).await {
            tracing::warn!(%error, "alerts of windows are not kept yet");
        }
    }

    /// Keeps the drafts of a stream, with how far it is judged.
    pub(super) async fn keep(&self, stream: Option<&Stream>) -> Result<(), PortError> {
        let mut numbers = self.numbering.lock().await;
        let (drafts, through) = {
            let judging = self.judging();
            let drafts = judging.drafts.get(&stream.cloned());
            let drafts = drafts.cloned().unwrap_or_default();
            let through = stream.and_then(|stream| judging.through.get(stream).copied());
            (drafts, through)
        };
        if drafts.is_empty() {
            return Ok(());
        }
        let mut alerts = Vec::with_capacity(drafts.len());
        let mut last: HashMap<String, u64> = HashMap::new();
        for draft in &drafts {
            let unit = self.store.common_unit(&draft.sensors).await?;
            let sensor_id = self.store.collector_in(unit, (self.clock)()).await?;
            let before = numbers.last.get(&sensor_id).copied().unwrap_or(0);
            let seq = last.entry(sensor_id.clone()).or_insert(before);
            *seq += 1;
            alerts.push(SigmaAlert {
                sensor_id,
                epoch: numbers.epoch,
                seq: *seq,
                line: draft.line.clone(),
            });
        }
        let judged = stream.zip(through).map(|(stream, through_seq)| Judged {
            sensor_id: &stream.sensor,
            epoch: stream.epoch,
            class: stream.class.name(),
            through_seq,
        });
        self.store
            .keep_sigma_alerts(judged, &alerts, (self.clock)())
            .await?;
        numbers.last.extend(last);
        if let Some(kept) = self.judging().drafts.get_mut(&stream.cloned()) {
            kept.drain(..drafts.len());
        }
        self.judging().drafts.retain(|_, drafts| !drafts.is_empty());
        add(&self.counters.alerts, alerts.len());
        self.kept.notify_one();
        Ok(())
    }

    pub(super) async fn remember(&self) {
        let now = (self.clock)();
        let (bytes, hash) = {
            let mut judging = self.judging();
            if !judging.has_changed || !judging.loaded.ruleset.correlates() {
                return;
            }
            judging.has_changed = false;
            judging.remembered = now;
            let bytes = memory::write(&judging.origins, &judging.loaded.state);
            (bytes, judging.loaded.hash.clone())
        };
        let kept = match bytes {
            Ok(bytes) if bytes.len() > MEMORY_BYTES => {
                tracing::warn!(
                    bytes = bytes.len(),
                    "correlations remember too much to be kept"
                );
                return;
            }
            Ok(bytes) => self.store.keep_sigma_memory(&hash, &bytes, now).await,
            Err(error) => {
                tracing::warn!(%error, "what correlations remember is not kept");
                return;
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "what correlations remember is not kept");
        }
    }
}
