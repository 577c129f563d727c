//! Canaries: a record every few minutes that must reach the collector's inbox in time.
//!
//! It goes the way of alerts: queue, spool, link. Heartbeats, which go another way, tell how far it came
//! on this side; the collector knows the rest. Whichever step does not follow is the one that fails.

use std::sync::PoisonError;
use std::time::Duration;

use sensor_event::{CanaryRecord, Class};

use crate::spool::{Spool, unix_millis};

/// The newest canary, and how far it came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CanaryMade {
    pub made_ms: u64,
    pub every_ms: u64,
    /// It has this number, or a lower one; 0 while it is not on disk.
    pub spooled_seq: u64,
}

impl Spool {
    /// Makes a canary now and after every pause, until the future is dropped.
    pub async fn sing(&self, every: Duration) {
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        let recorder = self.handle();
        let note = |canary: CanaryMade| {
            let mut told = self
                .shared()
                .canary
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *told = Some(canary);
        };
        loop {
            let mut canary = CanaryMade {
                made_ms: unix_millis(),
                every_ms,
                spooled_seq: 0,
            };
            let record = CanaryRecord::new(canary.made_ms, every_ms);
            match serde_json::to_vec(&record) {
                Ok(json) => recorder.append(Class::Alert, &json),
                Err(error) => tracing::error!(%error, "a canary is not made"),
            }
            note(canary);
            self.flush().await;
            canary.spooled_seq = self.last_seq(Class::Alert);
            note(canary);
            tokio::time::sleep(every).await;
        }
    }
}
