//! Rows of test files, and what becomes of them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sigma::OfSigma;
use crate::workbench::NearMiss;

#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) sid: Option<u32>,
    /// Of a Sigma rule.
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) fires_on: Vec<String>,
    #[serde(default)]
    pub(super) quiet_on: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) pcap: Option<PathBuf>,
    /// Events in the place of a capture.
    pub(super) events: Option<PathBuf>,
    #[serde(default)]
    pub(super) set: Vec<String>,
    #[serde(default)]
    pub(super) alerts: Vec<Expected>,
    #[serde(default)]
    pub(super) quiet: Vec<Called>,
}

#[derive(Deserialize)]
pub(super) struct Expected {
    pub(super) sid: Option<u32>,
    pub(super) id: Option<String>,
    pub(super) count: Option<u64>,
}

/// A signature by its sid, a Sigma rule by its id, name or title.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum Called {
    Sid(u32),
    Id(String),
}

impl Called {
    pub(super) fn of(sid: Option<u32>, id: Option<&String>) -> Option<Called> {
        match (sid, id) {
            (Some(sid), _) => Some(Called::Sid(sid)),
            (None, Some(id)) => Some(Called::Id(id.clone())),
            (None, None) => None,
        }
    }
}

impl std::fmt::Display for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Called::Sid(sid) => write!(f, "sid {sid}"),
            Called::Id(id) => write!(f, "id {id}"),
        }
    }
}

/// What became of one row.
#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) passed: bool,
    pub(super) differences: Vec<Difference>,
}

/// A capture on which a rule did not do what was expected.
#[derive(Serialize)]
pub(super) struct Difference {
    pub(super) capture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// `none`, `at least 1`, or a number.
    pub(super) expected: String,
    pub(super) alerts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) near_miss: Option<Near>,
}

impl Row {
    pub(super) fn traffic(&self) -> Option<&PathBuf> {
        self.pcap.as_ref().or(self.events.as_ref())
    }
}

/// How near a rule came that did not alert.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Near {
    Signature(NearMiss),
    Sigma(Box<OfSigma>),
}

/// Alerts that a row asks for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    None,
    Some,
    Exactly(u64),
}
