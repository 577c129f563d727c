//! What is said of sources, asked and answered.

use std::collections::BTreeMap;

use collector_feeds::{FeedKind, IndicatorKind};
use collector_state::{Feed, FeedRun};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, Result, invalid};
use crate::times;

/// How a source is reached and read, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FeedConfig {
    /// rules, list, csv, misp, taxii, folder
    pub kind: String,
    /// What the values of a list are: domain, ip, network, url, ja3, cert_sha1, md5, sha1, sha256.
    pub indicator: Option<String>,
    /// Of a page of the web, or a folder on the collector; empty: files are given by hand.
    pub address: String,
    /// `http://host:port`; the collector's own without it.
    pub proxy: Option<String>,
    /// Name of the header that lets the source know who asks.
    pub header: Option<String>,
}

impl FeedConfig {
    pub fn kind(&self) -> Result<FeedKind> {
        match FeedKind::from_name(&self.kind) {
            Some(kind) => Ok(kind),
            None => invalid("kind", "unknown"),
        }
    }

    pub fn indicator(&self) -> Result<IndicatorKind> {
        let name = self.indicator.as_deref().unwrap_or("domain");
        match IndicatorKind::from_name(name) {
            Some(kind) => Ok(kind),
            None => invalid("indicator", "unknown"),
        }
    }

    /// Refuses what can never be fetched.
    pub fn check(&self) -> Result<()> {
        let kind = self.kind()?;
        self.indicator()?;
        let of_web = |text: &str| {
            text.strip_prefix("https://")
                .or_else(|| text.strip_prefix("http://"))
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        };
        if kind == FeedKind::Folder {
            if !self.address.starts_with('/') {
                return invalid("address", "not_a_folder");
            }
        } else if !self.address.is_empty() && !of_web(&self.address) {
            return invalid("address", "not_a_url");
        }
        let longest = collector_state::limits::MAX_FEED_ADDRESS_BYTES;
        if self.address.len() > longest {
            return invalid("address", "too_long");
        }
        // What stands in an address is shown with it.
        let has_password = |text: &str| {
            let host = text.split("://").nth(1).unwrap_or_default();
            host.split('/').next().unwrap_or_default().contains('@')
        };
        if has_password(&self.address) {
            return invalid("address", "has_password");
        }
        if let Some(proxy) = &self.proxy {
            if !of_web(proxy) || proxy.len() > longest {
                return invalid("proxy", "not_a_url");
            }
            if has_password(proxy) {
                return invalid("proxy", "has_password");
            }
        }
        let is_token = |name: &String| {
            (1..=100).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        if !self.header.as_ref().is_none_or(is_token) {
            return invalid("header", "not_a_header");
        }
        Ok(())
    }
}

#[derive(Deserialize, ToSchema)]
pub struct FeedRequest {
    #[serde(flatten)]
    pub config: FeedConfig,
    pub enabled: bool,
    /// Hours between runs, 1 to 744; absent: by hand.
    pub every_hours: Option<u32>,
    /// A run publishes what it made to all sensors of the unit, unless half of the rules would go.
    #[serde(default)]
    pub publishes: bool,
    /// Value of the header. Absent: as it was; empty: none.
    pub secret: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewFeedRequest {
    pub unit_id: i64,
    /// Also that of the rule set which it feeds.
    pub name: String,
    #[serde(flatten)]
    pub feed: FeedRequest,
}

#[derive(Serialize, ToSchema)]
pub struct FeedCreated {
    pub id: i64,
    pub set_id: i64,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RunReport {
    /// fetching, reading, checking, keeping, done
    pub step: String,
    /// fetched, not_modified, given (a file by hand), stored (what was fetched before)
    pub content: String,
    pub bytes: u64,
    /// The checksum that the source offers, and that agrees.
    pub checked_by: Option<String>,
    /// Rules of the source, those that are switched off too, and those of the version.
    pub rules: u64,
    pub rules_on: u64,
    /// Values of lists.
    pub indicators: u64,
    /// By reason: values and lines that are left out.
    pub left_out: BTreeMap<String, u64>,
    pub filtered: FilteredBody,
    /// Rules that the sensor's engine refuses; they are left out.
    pub faulty: u64,
    /// Some of them.
    pub faults: Vec<RuleFaultBody>,
    /// The version that it is compared with; absent: nothing was published.
    pub against: Option<i64>,
    pub changes: ChangesBody,
    /// Why it was not published though it should be: shrunk.
    pub withheld: Option<String>,
    pub error: Option<RunError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunError {
    /// A word that the console translates.
    pub code: String,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleFaultBody {
    pub sid: u32,
    pub msg: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FilteredBody {
    pub enabled: u64,
    pub disabled: u64,
    pub modified: u64,
    pub dropped: u64,
    /// Switched on for the flow bits that they set.
    pub for_flowbits: u64,
    /// Lines that name no rule.
    pub idle: Vec<FilterFaultBody>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilterFaultBody {
    /// enable, disable, modify, drop
    pub filter: String,
    /// From 1.
    pub line: u64,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ChangesBody {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub enabled: u64,
    pub disabled: u64,
    pub values_added: u64,
    pub values_removed: u64,
}

impl From<collector_feeds::ChangeCounts> for ChangesBody {
    fn from(counts: collector_feeds::ChangeCounts) -> ChangesBody {
        ChangesBody {
            added: counts.added,
            removed: counts.removed,
            changed: counts.changed,
            enabled: counts.enabled,
            disabled: counts.disabled,
            values_added: counts.values_added,
            values_removed: counts.values_removed,
        }
    }
}

impl From<collector_feeds::FilterFault> for FilterFaultBody {
    fn from(fault: collector_feeds::FilterFault) -> FilterFaultBody {
        FilterFaultBody {
            filter: fault.filter,
            line: fault.line,
            reason: fault.reason,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct FeedRunBody {
    pub id: i64,
    pub started: String,
    pub ended: Option<String>,
    /// Absent: its time had come.
    pub user: Option<String>,
    /// running, unchanged, kept, published, failed
    pub status: String,
    /// The version that it made.
    pub number: Option<i64>,
    pub report: RunReport,
}

#[derive(Serialize, ToSchema)]
pub struct FeedBody {
    pub id: i64,
    pub set_id: i64,
    pub unit_id: i64,
    pub unit_name: String,
    pub name: String,
    #[serde(flatten)]
    pub config: FeedConfig,
    pub has_secret: bool,
    pub enabled: bool,
    pub every_hours: Option<u32>,
    pub publishes: bool,
    pub due: Option<String>,
    /// Runs that failed in a row.
    pub failures: u32,
    pub changed: String,
    pub changed_by: String,
    /// The newest version of its set, and the one that all sensors are to run.
    pub newest: Option<i64>,
    pub everywhere: Option<i64>,
    pub last_run: Option<FeedRunBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FeedContent {
    pub feed: FeedBody,
    pub filters: FiltersBody,
    /// Newest first.
    pub runs: Vec<FeedRunBody>,
}

/// The four filters, each as suricata-update reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FiltersBody {
    /// Rises with each change of the source or its filters.
    pub revision: i64,
    pub enable: String,
    pub disable: String,
    pub modify: String,
    pub drop: String,
}

#[derive(Serialize, ToSchema)]
pub struct FiltersSaved {
    /// Of what is kept now.
    pub revision: i64,
    /// Lines that do nothing. Where there are some, nothing is kept.
    pub faults: Vec<FilterFaultBody>,
}

#[derive(Deserialize, ToSchema)]
pub struct RunRequest {
    /// fetch: ask the source; stored: take what was fetched before, for filters that changed.
    pub what: String,
}

#[derive(Serialize, ToSchema)]
pub struct RunBegun {
    pub id: i64,
}

pub fn run_body(run: FeedRun) -> FeedRunBody {
    FeedRunBody {
        id: run.id,
        started: times::write(run.started),
        ended: run.ended.map(times::write),
        user: run.user,
        status: run.status.name().to_owned(),
        number: run.number,
        report: serde_json::from_str(&run.report).unwrap_or_default(),
    }
}

pub fn feed_body(feed: Feed) -> Result<FeedBody> {
    Ok(FeedBody {
        id: feed.id,
        set_id: feed.set_id,
        unit_id: feed.unit_id.0,
        unit_name: feed.unit_name,
        name: feed.name,
        config: config(&feed.config)?,
        has_secret: feed.has_secret,
        enabled: feed.enabled,
        every_hours: feed.every_hours,
        publishes: feed.publishes,
        due: feed.due.map(times::write),
        failures: feed.failures,
        changed: times::write(feed.changed),
        changed_by: feed.changed_by,
        newest: feed.newest,
        everywhere: feed.everywhere,
        last_run: feed.last_run.map(run_body),
    })
}

pub fn config(json: &str) -> Result<FeedConfig> {
    serde_json::from_str(json).map_err(|error| ApiError::Broken(format!("a source: {error}")))
}
