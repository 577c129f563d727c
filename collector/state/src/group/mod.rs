//! Alert groups: one a signature, source and destination within a unit. The inbox reads nothing else.

mod act;
mod apply;
mod history;
mod list;
mod memory;
mod risk;

use std::net::IpAddr;

use crate::ids::{GroupId, UnitId, UnixMillis};

pub use act::{Action, ActionOutcome, Actor, Change, Conflict, Target};
pub use apply::{AlertBatch, AlertSeen, AppliedAlert};
pub use history::HistoryRow;
pub(crate) use history::{Entry, write_entry};
pub use list::{
    By, GroupCounts, GroupFilter, GroupPage, GroupSort, RolledGroup, SeverityCount, Term,
};
pub(crate) use list::{COLUMNS, group_from, push_filter, push_range};
pub use memory::{Memory, RememberedReason, RememberedVerdict};
pub use risk::RiskParts;

/// Hours of the small chart of a group.
pub const SPARK_HOURS: usize = 24;

/// Where a group stands in the work of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody has looked at it.
    New,
    /// Somebody has, and is at it.
    Open,
    Escalated,
    Closed,
    /// A hide rule put it out of sight.
    Hidden,
}

impl Status {
    pub const ALL: [Status; 5] = [
        Status::New,
        Status::Open,
        Status::Escalated,
        Status::Closed,
        Status::Hidden,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Open => "open",
            Status::Escalated => "escalated",
            Status::Closed => "closed",
            Status::Hidden => "hidden",
        }
    }

    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Status::New => 0,
            Status::Open => 1,
            Status::Escalated => 2,
            Status::Closed => 3,
            Status::Hidden => 4,
        }
    }

    pub(crate) fn from_number(number: i64) -> Status {
        match number {
            1 => Status::Open,
            2 => Status::Escalated,
            3 => Status::Closed,
            4 => Status::Hidden,
            _ => Status::New,
        }
    }
}

/// What an analyst found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    TruePositive,
    FalsePositive,
    /// True, and allowed.
    Benign,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [
        Verdict::TruePositive,
        Verdict::FalsePositive,
        Verdict::Benign,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::TruePositive => "true_positive",
            Verdict::FalsePositive => "false_positive",
            Verdict::Benign => "benign",
        }
    }

    pub fn from_name(name: &str) -> Option<Verdict> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.name() == name)
    }
}

/// A stored group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub id: GroupId,
    pub unit_id: UnitId,
    pub gid: u32,
    pub sid: u32,
    pub signature: String,
    pub category: String,
    /// 1 (worst) to 4.
    pub severity: u8,
    pub technique: Option<String>,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub count: u64,
    pub first: UnixMillis,
    pub last: UnixMillis,
    pub status: Status,
    pub verdict: Option<Verdict>,
    pub reason: Option<String>,
    pub owner: Option<String>,
    pub app_proto: Option<String>,
    /// Names of the sensors that saw it.
    pub sensors: Vec<String>,
    /// Id of the newest alert in the index.
    pub latest_alert: String,
    /// Alerts of each of the last 24 hours that had any, oldest first; the last one is the hour of `last`.
    pub spark: Vec<u32>,
    pub risk: i64,
    /// Alerts of its signature, and how its groups were closed.
    pub signature_alerts: u64,
    pub signature_closed: u64,
    pub signature_true: u64,
    /// Somebody has escalated it, and it may be closed since.
    pub escalated: bool,
    /// The hide rule that hides it.
    pub hidden_by: Option<i64>,
    /// Closed until then, whatever comes.
    pub mute_until: Option<UnixMillis>,
    /// Its alerts come from the attacked.
    pub is_answer: bool,
    /// Counts up with each change by a person.
    pub version: i64,
}

impl Group {
    /// Attacker and victim: the source did it, unless its alerts are answers.
    pub fn parts(&self) -> (IpAddr, IpAddr) {
        if self.is_answer {
            (self.destination, self.source)
        } else {
            (self.source, self.destination)
        }
    }
}

/// Hourly counts as they are kept: 24 little-endian numbers.
pub(crate) fn read_spark(blob: &[u8]) -> Vec<u32> {
    let mut hours: Vec<u32> = blob
        .chunks_exact(4)
        .take(SPARK_HOURS)
        .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    hours.resize(SPARK_HOURS, 0);
    hours
}

pub(crate) fn write_spark(hours: &[u32]) -> Vec<u8> {
    hours.iter().flat_map(|count| count.to_le_bytes()).collect()
}

/// Adds alerts of an hour to a chart that ends at `end`; gives the new end.
pub(crate) fn add_to_spark(hours: &mut [u32], end: i64, hour: i64, count: u32) -> i64 {
    let length = hours.len() as i64;
    if hour > end {
        let shift = (hour - end).min(length) as usize;
        hours.rotate_left(shift);
        let from = hours.len() - shift;
        hours[from..].fill(0);
    }
    let end = end.max(hour);
    if let Ok(back) = usize::try_from(end - hour)
        && let Some(at) = hours.len().checked_sub(1 + back)
    {
        hours[at] = hours[at].saturating_add(count);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_move_with_time() {
        let mut hours = vec![0; 4];
        let mut end = 10;
        for (hour, count) in [(10, 1), (12, 2), (11, 5), (1, 9), (12, 1)] {
            end = add_to_spark(&mut hours, end, hour, count);
        }
        assert_eq!((hours.as_slice(), end), (&[0, 1, 5, 3][..], 12));
        end = add_to_spark(&mut hours, end, 100, 1);
        assert_eq!((hours.as_slice(), end), (&[0, 0, 0, 1][..], 100));
        assert_eq!(read_spark(&write_spark(&hours))[..4], [0, 0, 0, 1]);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod store_tests;
