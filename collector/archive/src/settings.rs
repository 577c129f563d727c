//! What people set of the archive while the collector runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::site::Site;

/// Off until somebody sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ArchiveSettings)]
pub struct Settings {
    pub enabled: bool,
    pub site: Option<Site>,
    /// What all that is back may have of the disk; the disk's reserve is never touched for it.
    pub recall_gigabytes: u32,
    /// Days after which partitions are removed from the archive, by the day that they are of; none: they stay for ever.
    pub alerts_days: Option<u32>,
    pub records_days: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            enabled: false,
            site: None,
            recall_gigabytes: 20,
            alerts_days: None,
            records_days: None,
        }
    }
}

impl Settings {
    /// The name of the setting in the state store.
    pub const NAME: &'static str = "archive";

    /// Of what the state store has; what it does not have, or is of another version, is off.
    pub fn read(json: Option<&str>) -> Settings {
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    /// The place that partitions go to; none when there is none, or it is off.
    pub fn active(&self) -> Option<&Site> {
        self.site.as_ref().filter(|_| self.enabled)
    }

    /// Days that the archive keeps what is on a shelf; without them, for ever.
    pub fn kept_days(&self, shelf: &str) -> Option<u32> {
        match shelf {
            "alerts" => self.alerts_days,
            _ => self.records_days,
        }
    }

    pub fn recall_bytes(&self) -> u64 {
        u64::from(self.recall_gigabytes) << 30
    }
}
