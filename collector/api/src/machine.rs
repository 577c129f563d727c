//! What handlers need of the rest of the collector, which joins it: lines of sources, the index, the disk, the rule engine.

use async_trait::async_trait;
use rules::sigma::Pipeline;
use serde::Serialize;
use utoipa::ToSchema;

pub use crate::engine::{EngineFault, Question, Tongue};

/// A line of a request, or why it is none, with what came.
pub type Line = Result<Vec<u8>, (String, Vec<u8>)>;

/// Numbers that a source gave its lines itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub epoch: u64,
    pub first: u64,
}

/// What became of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    pub accepted: usize,
    /// Place in the request, from 0, and reason.
    pub rejected: Vec<(usize, String)>,
}

/// What is held, and what disk there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Storage {
    pub shelves: Vec<ShelfHeld>,
    pub disk: Disk,
    /// The state database.
    pub state_bytes: u64,
    /// Days that closed and quiet alert groups, and the audit log, are kept.
    pub inbox_days: u64,
    pub audit_days: u64,
    /// Classes of records that are not taken now, because the disk is at its reserve.
    pub paused: Vec<String>,
    /// Partitions that take no more events and wait for the archive; they are searched.
    pub archive_waiting: u64,
}

/// One shelf of the index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ShelfHeld {
    /// alerts, records
    pub shelf: String,
    /// The first day that is here, and searched, `2026-11-24`.
    pub oldest_day: Option<String>,
    pub days_held: u64,
    /// Days that lie in the archive, and the first of them.
    pub archived_days: u64,
    pub oldest_archived_day: Option<String>,
    /// Days since the first that is here or in the archive.
    pub days_reached: u64,
    /// Days after which it is dropped here, or goes to the archive.
    pub days_kept: u64,
    /// Days that the rules ask for.
    pub days_asked: u64,
    /// Less is reached than the rules ask, though the collector has run for longer.
    pub is_short: bool,
    pub events: u64,
    pub bytes: u64,
    /// Bytes after which the oldest days are dropped.
    pub budget_bytes: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Disk {
    pub total_bytes: u64,
    pub free_bytes: u64,
    /// Below this only alerts are taken, once nothing lesser is left to drop.
    pub reserve_bytes: u64,
    /// Until the reserve is reached, at the rate of the last days.
    pub days_left: Option<f64>,
}

/// The Sigma rules that the collector itself runs over what it stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SigmaRunning {
    /// Of the rules' text and of how it is read.
    pub hash: String,
    pub loaded_at: String,
    pub rules: u64,
    pub correlations: u64,
    /// Rules for whose log source no records are known.
    pub waiting: u64,
    /// Documents that are refused.
    pub failed: u64,
    pub faults: Vec<SigmaFault>,
}

/// What is wrong with a rule that was to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SigmaFault {
    pub file: String,
    pub line: u64,
    pub column: u64,
    /// error, warning
    pub severity: String,
    pub reason: String,
}

/// The rest of the collector.
#[async_trait]
pub trait Machine: Send + Sync + 'static {
    /// Takes lines of a source; returns when they are durable. An error tells why none may be taken for
    /// stored.
    async fn take(
        &self,
        source: &str,
        numbers: Option<Numbers>,
        lines: Vec<Line>,
    ) -> Result<Taken, String>;

    /// Through which number the alerts of a sensor's epoch are committed in the index.
    fn indexed(&self, sensor: &str, epoch: u64) -> u64;

    async fn storage(&self) -> Result<Storage, String>;

    /// What has become of records and alerts of the collector's own rules, by name.
    fn sigma(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// What has become of messages that devices sent by syslog, by name.
    fn syslog(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Which Sigma rules the collector runs.
    fn sigma_running(&self) -> SigmaRunning {
        SigmaRunning::default()
    }

    /// Reads the files of the collector's rules anew. An error tells why those that run go on.
    async fn sigma_reload(&self) -> Result<SigmaRunning, String> {
        Err("this collector runs no rules".to_owned())
    }

    /// How the collector's own rules read records.
    fn sigma_pipeline(&self) -> Pipeline {
        Pipeline::eve()
    }

    /// Rules as a file for a site without a link, signed. An error tells why there is none.
    async fn rules_bundle(&self, _hash: String, _text: String) -> Result<Vec<u8>, String> {
        Err("this collector signs nothing".to_owned())
    }

    /// Whether records can be stored now.
    async fn ready(&self) -> Result<(), String>;

    /// Asks the sensor's engine about a text or a capture. The answer is JSON, or the bytes of a file.
    async fn ask_engine(
        &self,
        question: Question,
        text: &str,
        tongue: Tongue,
    ) -> Result<Vec<u8>, EngineFault>;
}

/// An API without the rest.
pub struct NoMachine;

#[async_trait]
impl Machine for NoMachine {
    async fn take(&self, _: &str, _: Option<Numbers>, _: Vec<Line>) -> Result<Taken, String> {
        Err("this collector takes nothing".to_owned())
    }

    fn indexed(&self, _: &str, _: u64) -> u64 {
        0
    }

    async fn storage(&self) -> Result<Storage, String> {
        Ok(Storage::default())
    }

    fn sigma(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    async fn ask_engine(&self, _: Question, _: &str, _: Tongue) -> Result<Vec<u8>, EngineFault> {
        Err(EngineFault::Missing)
    }
}
