//! `[evidence]` of the configuration, and what heartbeats tell of the ring.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use sensor_evidence::{Mode, Options, Ring};
use serde::{Deserialize, Serialize};

/// As it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawEvidence {
    #[serde(default)]
    mode: RawMode,
    /// On disk; whole flows of alerts, or all traffic.
    disk_megabytes: Option<u64>,
    /// Of the newest frames, for each worker.
    memory_megabytes: Option<usize>,
    /// How far back before the first alert of a flow.
    before_seconds: Option<u64>,
    /// Of one flow.
    flow_megabytes: Option<u64>,
    /// Of the link to the collector, for what it fetches.
    link_kilobits: Option<u64>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawMode {
    #[default]
    Alerts,
    Full,
    Off,
}

const MEGABYTE: u64 = 1 << 20;

/// A tenth of a line of 10 Mbit/s.
const LINK_KILOBITS: u64 = 1_000;

impl RawEvidence {
    /// Bytes a second, as they are sent.
    pub fn link_bytes_per_second(&self) -> u64 {
        let kilobits = self.link_kilobits.unwrap_or(LINK_KILOBITS);
        kilobits.max(1).saturating_mul(1_000 / 8)
    }

    /// The settings that a centre may change, by name.
    pub fn told(&self) -> [(&'static str, String); 5] {
        let usual = Options::default();
        let mode = match self.mode {
            RawMode::Alerts => "alerts",
            RawMode::Full => "full",
            RawMode::Off => "off",
        };
        let megabytes =
            |given: Option<u64>, usual: u64| given.unwrap_or(usual / MEGABYTE).to_string();
        let before = self.before_seconds.unwrap_or(usual.before.as_secs());
        [
            ("evidence.mode", mode.to_owned()),
            (
                "evidence.disk_megabytes",
                megabytes(self.disk_megabytes, usual.disk_bytes),
            ),
            ("evidence.before_seconds", before.to_string()),
            (
                "evidence.flow_megabytes",
                megabytes(self.flow_megabytes, usual.flow_bytes),
            ),
            (
                "evidence.link_kilobits",
                self.link_kilobits.unwrap_or(LINK_KILOBITS).to_string(),
            ),
        ]
    }

    /// `None`: nothing is kept.
    pub fn check(&self) -> anyhow::Result<Option<Options>> {
        let default = Options::default();
        let mode = match self.mode {
            RawMode::Off => return Ok(None),
            RawMode::Alerts => Mode::Alerts,
            RawMode::Full => Mode::Full,
        };
        let least = Options::LEAST_DISK_BYTES / MEGABYTE;
        if self.disk_megabytes.is_some_and(|given| given < least) {
            bail!("disk_megabytes is less than {least}; to keep nothing, say mode = \"off\"");
        }
        if self.memory_megabytes.is_some_and(|given| given > 4_096) {
            bail!("memory_megabytes is more than 4096, and each worker takes as much");
        }
        let bytes = |megabytes: Option<u64>, default| {
            megabytes.map_or(default, |given| given.saturating_mul(MEGABYTE))
        };
        Ok(Some(Options {
            mode,
            disk_bytes: bytes(self.disk_megabytes, default.disk_bytes),
            memory_bytes: self
                .memory_megabytes
                .map_or(default.memory_bytes, |given| given << 20),
            before: self
                .before_seconds
                .map_or(default.before, Duration::from_secs),
            flow_bytes: bytes(self.flow_megabytes, default.flow_bytes),
        }))
    }
}

/// The ring in numbers. Times are Unix milliseconds.
#[derive(Serialize)]
pub struct Report {
    mode: &'static str,
    bytes: u64,
    budget_bytes: u64,
    frames: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    /// Older frames were there once.
    rotated: bool,
    torn_segments: u64,
    lost_segments: u64,
    /// Frames written since the start.
    kept_frames: u64,
    left_out: BTreeMap<&'static str, u64>,
}

pub fn report(ring: &Ring) -> Report {
    let status = ring.status();
    let millis = |ns: Option<i64>| ns.map(|ns| ns.div_euclid(1_000_000));
    Report {
        mode: status.mode.name(),
        bytes: status.bytes,
        budget_bytes: status.budget_bytes,
        frames: status.frames,
        oldest_ms: millis(status.oldest_ns),
        newest_ms: millis(status.newest_ns),
        rotated: status.rotated,
        torn_segments: status.torn_segments,
        lost_segments: status.lost_segments,
        kept_frames: ring.counts().kept().0,
        left_out: ring.counts().left_out().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, expected) in [
            ("", Some(Some((Mode::Alerts, 1_024)))),
            (
                "mode = \"full\"\ndisk_megabytes = 16",
                Some(Some((Mode::Full, 16))),
            ),
            ("mode = \"off\"\ndisk_megabytes = 1", Some(None)),
            ("disk_megabytes = 1", None),
            ("memory_megabytes = 5000", None),
        ] {
            let raw: RawEvidence = toml::from_str(text).expect("it is read");
            let found = raw.check().ok().map(|options| {
                options.map(|options| (options.mode, options.disk_bytes / MEGABYTE))
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
