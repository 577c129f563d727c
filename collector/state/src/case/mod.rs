//! Cases: alert groups, hosts, notes, tasks and files of one incident, in one line of time, with the clocks
//! that run from its detection.

mod change;
mod parts;
mod read;
#[cfg(test)]
mod tests;

use crate::ids::{UnitId, UnixMillis};

pub use parts::{CasePart, NewFile};
pub use read::CaseFilter;

/// The first notice of a serious incident is due this long after its detection.
pub const NOTICE_WITHIN: i64 = 24 * UnixMillis::HOUR;
/// Cause, extent and remedy are due.
pub const REPORT_WITHIN: i64 = 72 * UnixMillis::HOUR;
/// The same for a breach of personal data, to another addressee.
pub const PERSONAL_WITHIN: i64 = 72 * UnixMillis::HOUR;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseStatus {
    Open,
    /// It does not spread any more; what is left is mending.
    Contained,
    Closed,
    /// What it held is in another one.
    Merged,
}

impl CaseStatus {
    pub const ALL: [CaseStatus; 4] = [
        CaseStatus::Open,
        CaseStatus::Contained,
        CaseStatus::Closed,
        CaseStatus::Merged,
    ];

    pub fn name(self) -> &'static str {
        match self {
            CaseStatus::Open => "open",
            CaseStatus::Contained => "contained",
            CaseStatus::Closed => "closed",
            CaseStatus::Merged => "merged",
        }
    }

    pub fn from_name(name: &str) -> Option<CaseStatus> {
        CaseStatus::ALL
            .into_iter()
            .find(|status| status.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub id: i64,
    pub unit_id: UnitId,
    pub title: String,
    pub summary: String,
    /// 1 (worst) to 4.
    pub severity: u8,
    pub status: CaseStatus,
    pub owner: Option<String>,
    pub created: UnixMillis,
    pub created_by: String,
    pub detected: UnixMillis,
    pub serious: bool,
    pub personal_data: bool,
    pub notice_sent: Option<UnixMillis>,
    pub report_sent: Option<UnixMillis>,
    pub personal_sent: Option<UnixMillis>,
    pub cause: String,
    pub impact: String,
    pub remedy: String,
    pub closed: Option<UnixMillis>,
    pub merged_into: Option<i64>,
    pub version: i64,
    /// How much it holds.
    pub groups: u64,
    pub open_tasks: u64,
    pub tasks: u64,
}

#[derive(Debug, Clone)]
pub struct NewCase {
    pub unit_id: UnitId,
    pub title: String,
    pub summary: String,
    pub severity: u8,
    pub detected: UnixMillis,
    pub serious: bool,
    pub personal_data: bool,
}

/// What to change; absent stays. A time of nought takes a clock's mark away.
#[derive(Debug, Clone, Default)]
pub struct CaseChange {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub severity: Option<u8>,
    pub status: Option<CaseStatus>,
    pub owner: Option<String>,
    pub detected: Option<UnixMillis>,
    pub serious: Option<bool>,
    pub personal_data: Option<bool>,
    pub notice_sent: Option<UnixMillis>,
    pub report_sent: Option<UnixMillis>,
    pub personal_sent: Option<UnixMillis>,
    pub cause: Option<String>,
    pub impact: Option<String>,
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseHost {
    pub address: String,
    /// victim, attacker, other
    pub part: String,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseTask {
    pub id: i64,
    pub title: String,
    pub owner: Option<String>,
    pub due: Option<UnixMillis>,
    pub done: Option<UnixMillis>,
    pub done_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    pub id: i64,
    pub name: String,
    pub kind: String,
    pub size: u64,
    /// Hex.
    pub sha256: String,
    pub added: UnixMillis,
    pub added_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEvent {
    pub id: i64,
    /// When it happened, and when it was written down.
    pub at: UnixMillis,
    pub written: UnixMillis,
    pub user: String,
    /// created, note, happened, group, host, task, task_done, file, status, clock, changed, merged
    pub kind: String,
    pub text: String,
    /// Hex.
    pub hash: String,
    pub intact: bool,
}

/// Everything of a case but the content of its files and groups.
#[derive(Debug, Clone)]
pub struct CaseContent {
    pub case: Case,
    pub groups: Vec<crate::group::Group>,
    pub hosts: Vec<CaseHost>,
    pub tasks: Vec<CaseTask>,
    pub files: Vec<CaseFile>,
    /// In the order in which things happened.
    pub events: Vec<CaseEvent>,
}
