//! How the sensor is, for `doctor`, `top`, metrics and heartbeats: one document, written by the running sensor and read
//! back by the commands.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finding::Finding;
use super::interface::Interface;
use crate::worker::{Tally, Window};

/// Everything that grows, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub traffic: Tally,
    /// Packets for which the kernel's ring had no room.
    pub ring_drops: u64,
    /// Frames that the card or its driver dropped.
    pub card_drops: u64,
    pub records_made: u64,
    /// The collector has them.
    pub records_acked: u64,
    /// Lost because the disk did not keep up.
    pub records_queue_full: u64,
    /// Given up because the spool is full, or cannot be written.
    pub records_given_up: u64,
    /// Writes of the spool, and how long they took.
    pub commits: u64,
    pub commit_us: u64,
}

impl Counts {
    /// What was counted after `before`.
    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            traffic: self.traffic.since(&before.traffic),
            ring_drops: self.ring_drops.saturating_sub(before.ring_drops),
            card_drops: self.card_drops.saturating_sub(before.card_drops),
            records_made: self.records_made.saturating_sub(before.records_made),
            records_acked: self.records_acked.saturating_sub(before.records_acked),
            records_queue_full: self
                .records_queue_full
                .saturating_sub(before.records_queue_full),
            records_given_up: self
                .records_given_up
                .saturating_sub(before.records_given_up),
            commits: self.commits.saturating_sub(before.commits),
            commit_us: self.commit_us.saturating_sub(before.commit_us),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesState {
    pub loaded: u64,
    pub failed: u64,
    /// Why the last reload changed nothing; none when it did.
    pub refusal: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeNetState {
    /// As it is written.
    pub text: String,
    pub any: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub address: String,
    pub connected: bool,
    pub failure: Option<String>,
    /// How far this clock is before the collector's, in milliseconds.
    pub ahead_ms: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolState {
    pub bytes: u64,
    pub budget_bytes: u64,
    /// Records that wait, best class first.
    pub waiting: Vec<(String, u64)>,
    /// Hour since 1970 of the oldest of them.
    pub oldest_hour: Option<u64>,
}

impl SpoolState {
    pub fn records(&self) -> u64 {
        self.waiting.iter().map(|(_, records)| records).sum()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// How the sensor is now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub process: u32,
    pub hostname: String,
    /// Unix milliseconds.
    pub now_ms: u64,
    pub started_ms: u64,
    pub memory_bytes: u64,
    pub workers: u16,
    pub interface: Option<Interface>,
    pub state_dir: String,
    pub counts: Counts,
    /// What was counted in the last minutes, and how long that is.
    pub lately: Counts,
    pub lately_ms: u64,
    pub rules: RulesState,
    pub home_net: HomeNetState,
    /// None where the sensor belongs to no collector.
    pub link: Option<Link>,
    pub spool: Option<SpoolState>,
    pub disk: Option<Disk>,
    /// Unix milliseconds.
    pub certificate_ends_ms: Option<i64>,
    pub confinement_gaps: Vec<String>,
    #[serde(default)]
    pub outputs: Vec<OutputState>,
    pub findings: Vec<Finding>,
    /// Who sends what; for who looks.
    pub window: Option<Window>,
    /// Newest first.
    pub alerts: Vec<Value>,
}

/// A place that records go to beside the spool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputState {
    pub name: String,
    pub written: u64,
    pub lost: u64,
    #[serde(default)]
    pub queued_bytes: u64,
    /// Times that the way was lost.
    #[serde(default)]
    pub faults: u64,
    /// Of the last loss.
    pub reason: Option<String>,
    /// How long ago the last record was lost; none: none was.
    #[serde(default)]
    pub lost_ago_ms: Option<u64>,
}
