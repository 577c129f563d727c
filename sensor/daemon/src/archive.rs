//! `[archive]` of the configuration, and what heartbeats tell of the records that stay here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::bail;
use sensor_app::PROTOCOLS;
use sensor_archive::{Archive, Options};
use serde::{Deserialize, Serialize};

/// Kinds of records beside those of protocols.
const OTHER_KINDS: [&str; 8] = [
    "anomaly", "arp", "fact", "fileinfo", "flow", "frame", "metadata", "netflow",
];

/// As it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawArchive {
    /// Event types that do not travel to the collector.
    #[serde(default)]
    stay: Vec<String>,
    /// 0: records that do not travel are lost.
    disk_megabytes: Option<u64>,
    /// How long a record is kept.
    days: Option<u64>,
}

/// A checked `[archive]`.
#[derive(Debug, Clone)]
pub struct Plan {
    pub options: Options,
    pub stay: BTreeSet<String>,
}

impl RawArchive {
    /// The settings that a centre may change, by name.
    pub fn told(&self) -> [(&'static str, String); 3] {
        let usual = Options::default();
        let mut stay = self.stay.clone();
        stay.sort_unstable();
        let megabytes = self.disk_megabytes.unwrap_or(usual.disk_bytes >> 20);
        let days = self.days.unwrap_or(usual.age.as_secs() / 86_400);
        [
            ("archive.stay", stay.join(",")),
            ("archive.disk_megabytes", megabytes.to_string()),
            ("archive.days", days.to_string()),
        ]
    }

    /// `None`: nothing is kept.
    pub fn check(&self) -> anyhow::Result<Option<Plan>> {
        for kind in &self.stay {
            check_kind(kind)?;
        }
        let default = Options::default();
        let disk_bytes = match self.disk_megabytes {
            Some(0) if self.stay.is_empty() => return Ok(None),
            Some(0) => bail!(
                "disk_megabytes is 0, and records are to stay: they would be lost; leave stay out, or give them room"
            ),
            given => given.map_or(default.disk_bytes, |given| given.saturating_mul(1 << 20)),
        };
        let (least, most) = (Options::LEAST_DISK_BYTES, Options::MOST_DISK_BYTES);
        if !(least..=most).contains(&disk_bytes) {
            bail!(
                "disk_megabytes is not between {} and {}; to keep nothing, say 0",
                least >> 20,
                most >> 20
            );
        }
        if self.days.is_some_and(|days| !(1..=3_660).contains(&days)) {
            bail!("days is not between 1 and 3660");
        }
        Ok(Some(Plan {
            options: Options {
                disk_bytes,
                age: self
                    .days
                    .map_or(default.age, |days| Duration::from_secs(days * 86_400)),
                ..default
            },
            stay: self.stay.iter().cloned().collect(),
        }))
    }
}

fn check_kind(kind: &str) -> anyhow::Result<()> {
    if matches!(kind, "alert" | "packet" | "stats") {
        bail!("stay: {kind:?} always travels: the collector needs it");
    }
    let known = || {
        let protocols = PROTOCOLS.iter().map(|row| row.protocol.event_type());
        protocols.chain(OTHER_KINDS)
    };
    if known().any(|name| name == kind) {
        return Ok(());
    }
    let likeness = |known: &str| strsim::jaro_winkler(known, kind);
    let nearest = known().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    bail!(
        "stay: there are no records of the kind {kind:?}; did you mean {:?}?",
        nearest.unwrap_or("flow")
    )
}

/// The kind of a record. Every one of ours tells it before anything that traffic says.
pub fn kind_of(line: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"event_type\":\"";
    /// Behind time, flow and interface.
    const WITHIN: usize = 256;
    let head = line.get(..WITHIN).unwrap_or(line);
    let at = head.windows(KEY.len()).position(|bytes| bytes == KEY)? + KEY.len();
    let rest = head.get(at..)?;
    let length = rest.iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(&rest[..length]).ok()
}

/// The archive in numbers. Times are Unix milliseconds.
#[derive(Serialize)]
pub struct Report {
    bytes: u64,
    budget_bytes: u64,
    records: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    /// Older records were there once.
    rotated: bool,
    torn_segments: u64,
    lost_segments: u64,
    /// Kinds of records that do not travel.
    stay: Vec<String>,
    /// Records written since the start.
    kept: u64,
    left_out: BTreeMap<&'static str, u64>,
    /// Kept, and gone again.
    gone: BTreeMap<&'static str, u64>,
}

pub fn report(archive: &Archive, stay: &BTreeSet<String>) -> Report {
    let status = archive.status();
    let millis = |us: Option<i64>| us.map(|us| us.div_euclid(1_000));
    let counts = archive.counts();
    Report {
        bytes: status.bytes,
        budget_bytes: status.budget_bytes,
        records: status.records,
        oldest_ms: millis(status.oldest_us),
        newest_ms: millis(status.newest_us),
        rotated: status.rotated,
        torn_segments: status.torn_segments,
        lost_segments: status.lost_segments,
        stay: stay.iter().cloned().collect(),
        kept: counts.kept(),
        left_out: counts.left_out().into_iter().collect(),
        gone: counts.gone().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, told) in [
            ("", Ok(Some(512))),
            ("disk_megabytes = 0", Ok(None)),
            (
                "stay = [\"dns\", \"flow\", \"ftp_data\"]\ndisk_megabytes = 16\ndays = 7",
                Ok(Some(16)),
            ),
            ("stay = [\"alert\"]", Err("always travels")),
            ("stay = [\"dnss\"]", Err("did you mean \"dns\"?")),
            ("stay = [\"dns\"]\ndisk_megabytes = 0", Err("would be lost")),
            ("disk_megabytes = 1", Err("between 16 and 65536")),
            ("days = 0", Err("between 1 and 3660")),
        ] {
            let raw: RawArchive = toml::from_str(text).expect("it is read");
            match (raw.check(), told) {
                (Ok(plan), Ok(megabytes)) => {
                    let found = plan.map(|plan| plan.options.disk_bytes >> 20);
                    assert_eq!(found, megabytes, "{text}");
                }
                (Err(error), Err(told)) => {
                    assert!(error.to_string().contains(told), "{text}: {error}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_kind_of_a_record_is_read() {
        let record = br#"{"timestamp":"x","flow_id":1,"event_type":"dns","a":"\"event_type\":\""}"#;
        assert_eq!(kind_of(record), Some("dns"));
        for none in [&b"{}"[..], b"", b"\"event_type\":\"dns"] {
            assert_eq!(kind_of(none), None);
        }
    }
}
