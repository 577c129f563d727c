//! Settings of the packet path: defaults, and `--set` keys with the names of Suricata's configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::switches::Switches;
use crate::worker::{Folder, MAX_FILE_BYTES};
use rules::signature::Action;
use sensor_app::{Hashes, Limits};
use sensor_flow::Timeouts;
use sensor_stream::{MidstreamPolicy, OsPolicy};

/// Whether TCP checksums are looked at before segments are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Checksums {
    /// Not at all.
    None,
    /// A segment with a wrong checksum is not followed; looking stops when one in ten of the first thousand is wrong.
    Auto,
}

/// Format of DNS records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsVersion {
    /// One record a question, one an answer.
    Two,
    /// One record a message.
    Three,
}

/// What becomes of the address in `X-Forwarded-For` (`alert.xff.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedMode {
    /// It stands in the alert.
    ExtraData,
    /// It takes the place of the packet's own.
    Overwrite,
}

/// Which address of the list counts (`alert.xff.deployment`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedBy {
    /// The last: the proxy stands before the servers.
    Reverse,
    /// The first: the proxy stands before the clients.
    Forward,
}

/// Addresses of clients behind proxies in alerts.
#[derive(Debug, Clone, Copy)]
pub struct Forwarded {
    pub enabled: bool,
    pub mode: ForwardedMode,
    pub by: ForwardedBy,
}

/// Everything that changes how packets are treated.
#[derive(Debug, Clone)]
pub struct Settings {
    pub checksums: Checksums,
    pub defrag: sensor_defrag::HostPolicies,
    pub stream: sensor_stream::Config,
    /// `exception-policy`, the same for all exceptions.
    pub exception_policy: MidstreamPolicy,
    /// `stream.midstream-policy`, when it is set apart from the others.
    pub midstream_policy: Option<MidstreamPolicy>,
    pub app: Limits,
    pub timeouts: Timeouts,
    pub flow_limit: usize,
    pub track_vlans: bool,
    pub track_depth: bool,
    pub alert_limit: usize,
    pub file_store: FileStoreSettings,
    /// The kind of every file is told, not only of those of which a rule asks for it; libmagic takes as long for
    /// that as hundreds of packets take the rest.
    pub force_magic: bool,
    pub community_seed: u16,
    pub payload_limit_bytes: usize,
    pub rule_text_in_alerts: bool,
    pub references_in_alerts: bool,
    pub metadata_in_alerts: bool,
    pub forwarded: Forwarded,
    pub dns_version: DnsVersion,
    /// Write a record for each frame.
    pub frame_records: bool,
    /// Tell facts (`fact` records), and of flows their letters and names.
    pub facts: bool,
    /// Write a record for each direction of a flow as well.
    pub netflow: bool,
    /// Packet time between two `stats` records of a worker; they come at the end of the input in any case.
    pub stats_interval: Option<Duration>,
    pub environment: rules::signature::Environment,
    pub action_order: [Action; 4],
    /// Pipelines of Sigma rules over the shipped one, the later over the earlier.
    pub sigma_pipelines: Vec<PathBuf>,
    /// Thresholds apart from the rules.
    pub threshold_file: Option<PathBuf>,
    pub reputation: ReputationSettings,
    /// Alerts on packets name the transaction when there is only one.
    pub guess_transaction: bool,
    /// What may be changed while workers run; copies share it.
    pub switches: Arc<Switches>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            checksums: Checksums::Auto,
            defrag: sensor_defrag::HostPolicies::default(),
            stream: sensor_stream::Config::default(),
            exception_policy: MidstreamPolicy::Ignore,
            midstream_policy: None,
            app: Limits {
                hashes: Hashes {
                    md5: true,
                    sha1: true,
                    sha256: true,
                },
                ..Limits::default()
            },
            timeouts: Timeouts::default(),
            flow_limit: 262_144,
            track_vlans: true,
            track_depth: true,
            alert_limit: sensor_detect::ALERT_LIMIT,
            file_store: FileStoreSettings::default(),
            force_magic: true,
            community_seed: 0,
            payload_limit_bytes: 4_096,
            rule_text_in_alerts: false,
            references_in_alerts: false,
            metadata_in_alerts: true,
            forwarded: Forwarded {
                enabled: false,
                mode: ForwardedMode::ExtraData,
                by: ForwardedBy::Reverse,
            },
            dns_version: DnsVersion::Three,
            frame_records: false,
            facts: false,
            netflow: true,
            stats_interval: None,
            environment: rules::signature::Environment::default(),
            action_order: sensor_detect::Options::default().action_order,
            sigma_pipelines: Vec::new(),
            threshold_file: None,
            reputation: ReputationSettings::default(),
            guess_transaction: false,
            switches: Arc::default(),
        }
    }
}

/// Files about addresses.
#[derive(Debug, Clone, Default)]
pub struct ReputationSettings {
    pub categories: Option<PathBuf>,
    /// Where the lists are whose names are relative.
    pub folder: Option<PathBuf>,
    pub lists: Vec<PathBuf>,
    pub countries: Option<PathBuf>,
}

/// Which files are stored, and where.
#[derive(Debug, Clone, Default)]
pub struct FileStoreSettings {
    pub enabled: bool,
    /// All files, not only those that rules ask for.
    pub everything: bool,
    /// Bytes of a stream that are followed while files are stored.
    pub stream_depth: Option<u64>,
    /// The folder, which all workers share; nothing is stored without one.
    pub folder: Option<Arc<Folder>>,
}

type Apply = fn(&mut Settings, &str) -> Result<(), String>;

/// Keys, in the order of the packet path.
const KEYS: &[(&str, Apply)] = &[
    ("checksum-validation", |settings, value| {
        settings.checksums = if boolean(value)? {
            Checksums::Auto
        } else {
            Checksums::None
        };
        Ok(())
    }),
    ("vlan.use-for-tracking", |settings, value| {
        set(&mut settings.track_vlans, boolean(value))
    }),
    (
        "decoder.recursion-level.use-for-tracking",
        |settings, value| set(&mut settings.track_depth, boolean(value)),
    ),
    ("flow.hash-size", |settings, value| {
        set(&mut settings.flow_limit, number(value))
    }),
    ("stream.midstream", |settings, value| {
        settings.app.midstream = boolean(value)?;
        settings.stream.midstream = settings.app.midstream;
        Ok(())
    }),
    ("stream.midstream-policy", |settings, value| {
        set(&mut settings.midstream_policy, policy(value).map(Some))
    }),
    ("exception-policy", |settings, value| {
        set(&mut settings.exception_policy, policy(value))
    }),
    ("stream.async-oneside", |settings, value| {
        set(&mut settings.stream.async_oneside, boolean(value))
    }),
    ("stream.inline", |settings, value| {
        set(&mut settings.stream.inline, boolean(value))?;
        // What is let through is not seen again: bodies are looked into at once.
        if settings.stream.inline {
            settings.app.http_request_inspect_bytes = 0;
            settings.app.http_response_inspect_bytes = 0;
        }
        Ok(())
    }),
    ("stream.reassembly.depth", |settings, value| {
        set(&mut settings.stream.depth, size(value))
    }),
    (
        "app-layer.protocols.http.libhtp.default-config.request-body-limit",
        |settings, value| set(&mut settings.app.http_request_body_bytes, size(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.response-body-limit",
        |settings, value| set(&mut settings.app.http_response_body_bytes, size(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.request-body-minimal-inspect-size",
        |settings, value| set(&mut settings.app.http_request_inspect_bytes, size(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.response-body-minimal-inspect-size",
        |settings, value| set(&mut settings.app.http_response_inspect_bytes, size(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.response-body-decompress-layer-limit",
        |settings, value| set(&mut settings.app.http_decompress_layers, number(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.double-decode-path",
        |settings, value| set(&mut settings.app.http_double_decode_path, boolean(value)),
    ),
    (
        "app-layer.protocols.http.libhtp.default-config.double-decode-query",
        |settings, value| set(&mut settings.app.http_double_decode_query, boolean(value)),
    ),
    ("action-order", |settings, value| {
        set(&mut settings.action_order, actions(value))
    }),
    ("sigma.pipeline", |settings, value| {
        settings.sigma_pipelines.push(PathBuf::from(value));
        Ok(())
    }),
    ("threshold-file", |settings, value| {
        settings.threshold_file = Some(PathBuf::from(value));
        Ok(())
    }),
    ("detect.guess-applayer-tx", |settings, value| {
        set(&mut settings.guess_transaction, boolean(value))
    }),
    ("reputation-categories-file", |settings, value| {
        settings.reputation.categories = Some(PathBuf::from(value));
        Ok(())
    }),
    ("default-reputation-path", |settings, value| {
        settings.reputation.folder = Some(PathBuf::from(value));
        Ok(())
    }),
    ("reputation-files", |settings, value| {
        let names = value.trim_matches(['[', ']']).split(',');
        let names = names.map(|name| name.trim().trim_matches('"'));
        settings.reputation.lists = names.map(PathBuf::from).collect();
        Ok(())
    }),
    ("geoip-database", |settings, value| {
        settings.reputation.countries = Some(PathBuf::from(value));
        Ok(())
    }),
    ("packet-alert-max", |settings, value| {
        set(&mut settings.alert_limit, number(value))
    }),
    ("outputs.eve-log.types.dns.version", |settings, value| {
        settings.dns_version = match value {
            "2" => DnsVersion::Two,
            "3" => DnsVersion::Three,
            other => return Err(format!("{other:?}: write 2 or 3")),
        };
        Ok(())
    }),
    ("outputs.eve-log.types.frame.enabled", |settings, value| {
        set(&mut settings.frame_records, boolean(value))
    }),
    ("matluoi.facts", |settings, value| {
        set(&mut settings.facts, boolean(value))
    }),
    (
        "outputs.eve-log.types.files.force-magic",
        |settings, value| set(&mut settings.force_magic, boolean(value)),
    ),
    (
        "outputs.eve-log.types.files.force-hash",
        |settings, value| set(&mut settings.app.hashes, hashes(value)),
    ),
    ("outputs.file-store.enabled", |settings, value| {
        set(&mut settings.file_store.enabled, boolean(value))
    }),
    ("outputs.file-store.force-filestore", |settings, value| {
        set(&mut settings.file_store.everything, boolean(value))
    }),
    ("outputs.file-store.stream-depth", |settings, value| {
        set(&mut settings.file_store.stream_depth, size(value).map(Some))
    }),
    ("outputs.eve-log.community-id-seed", |settings, value| {
        set(&mut settings.community_seed, number(value))
    }),
    (
        "outputs.eve-log.types.alert.xff.enabled",
        |settings, value| set(&mut settings.forwarded.enabled, boolean(value)),
    ),
    ("outputs.eve-log.types.alert.xff.mode", |settings, value| {
        settings.forwarded.mode = match value {
            "extra-data" => ForwardedMode::ExtraData,
            "overwrite" => ForwardedMode::Overwrite,
            other => return Err(format!("{other:?}: write extra-data or overwrite")),
        };
        Ok(())
    }),
    (
        "outputs.eve-log.types.alert.xff.deployment",
        |settings, value| {
            settings.forwarded.by = match value {
                "reverse" => ForwardedBy::Reverse,
                "forward" => ForwardedBy::Forward,
                other => return Err(format!("{other:?}: write reverse or forward")),
            };
            Ok(())
        },
    ),
    ("outputs.eve-log.types.alert.metadata", |settings, value| {
        set(&mut settings.metadata_in_alerts, boolean(value))
    }),
    (
        "outputs.eve-log.types.alert.metadata.rule.raw",
        |settings, value| set(&mut settings.rule_text_in_alerts, boolean(value)),
    ),
    (
        "outputs.eve-log.types.alert.metadata.rule.reference",
        |settings, value| set(&mut settings.references_in_alerts, boolean(value)),
    ),
];

impl Settings {
    /// Stores files, if they are to be stored, in a folder below this one.
    pub fn store_files_below(&mut self, folder: &std::path::Path) {
        let store = &mut self.file_store;
        if !store.enabled {
            return;
        }
        store.folder = Some(Arc::new(Folder::new(folder.join("filestore"))));
        if let Some(depth) = store.stream_depth {
            self.stream.depth = self.stream.depth.max(depth);
        }
        self.app.hashes.sha256 = true;
        // What is to be stored has to be held until the file is over.
        self.app.window_bytes = self.app.window_bytes.max(MAX_FILE_BYTES);
    }

    /// Follows streams and bodies as far as files are held, and holds them until they are over.
    pub fn follow_files(&mut self) {
        self.stream.depth = 0;
        self.app.http_request_body_bytes = MAX_FILE_BYTES as u64;
        self.app.http_response_body_bytes = MAX_FILE_BYTES as u64;
        self.app.window_bytes = MAX_FILE_BYTES;
    }

    /// The policy that holds: its own, else the common one, unless sessions are picked up all the same.
    fn settle_midstream_policy(&mut self) {
        let common = match self.exception_policy {
            MidstreamPolicy::Bypass if self.stream.midstream => MidstreamPolicy::Ignore,
            policy => policy,
        };
        self.stream.midstream_policy = self.midstream_policy.unwrap_or(common);
    }

    /// The frames that records and the rules of an engine ask for are noted from now on.
    pub fn want_frames(&mut self, engine: Option<&sensor_detect::Engine>) {
        let mut wanted = engine
            .map(sensor_detect::Engine::frames)
            .unwrap_or_default();
        if self.frame_records {
            wanted.add_all();
        }
        wanted.inline = self.stream.inline;
        self.app.frames = wanted;
    }

    /// Carries out `KEY=VALUE`.
    ///
    /// # Errors
    /// When the key is unknown (the nearest known one is named) or the value does not fit.
    pub fn apply(&mut self, assignment: &str) -> Result<(), String> {
        let (key, value) = assignment
            .split_once('=')
            .ok_or_else(|| format!("{assignment:?}: write KEY=VALUE"))?;
        let (key, value) = (key.trim(), value.trim());
        if let Some(name) = key.strip_prefix("vars.address-groups.") {
            self.environment.set_address_group(name, value);
            return Ok(());
        }
        if let Some(name) = key.strip_prefix("vars.port-groups.") {
            self.environment.set_port_group(name, value);
            return Ok(());
        }
        if let Some(name) = key.strip_prefix("host-os-policy.") {
            let unknown = || format!("{name:?} is no operating system known here");
            let stream = OsPolicy::from_name(name).ok_or_else(unknown)?;
            let defrag = sensor_defrag::Policy::of_system(name).ok_or_else(unknown)?;
            for (network, prefix) in networks(value)? {
                self.stream.hosts.add(network, prefix, stream);
                self.defrag.add(network, prefix, defrag);
            }
            return Ok(());
        }
        match KEYS.iter().find(|(known, _)| *known == key) {
            Some((_, apply)) => {
                apply(self, value).map_err(|reason| format!("{key}: {reason}"))?;
                self.settle_midstream_policy();
                Ok(())
            }
            None => Err(format!(
                "unknown key {key:?}; the nearest known one is {:?}",
                nearest(key)
            )),
        }
    }
}

/// Addresses and networks of a list.
fn networks(value: &str) -> Result<Vec<(std::net::IpAddr, u8)>, String> {
    value
        .trim_matches(['[', ']'])
        .split(',')
        .map(|entry| entry.trim().trim_matches('"'))
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (address, prefix) = match entry.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix)),
                None => (entry, None),
            };
            let wrong = || format!("{entry:?} is no address or network");
            let address: std::net::IpAddr = address.parse().map_err(|_| wrong())?;
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let prefix = match prefix {
                Some(prefix) => prefix.parse().map_err(|_| wrong())?,
                None => whole,
            };
            (prefix <= whole)
                .then_some((address, prefix))
                .ok_or_else(wrong)
        })
        .collect()
}

/// A policy for what cannot be followed. A sensor that only listens drops nothing.
fn policy(value: &str) -> Result<MidstreamPolicy, String> {
    match value {
        "auto" | "ignore" => Ok(MidstreamPolicy::Ignore),
        "pass-flow" => Ok(MidstreamPolicy::PassFlow),
        "bypass" => Ok(MidstreamPolicy::Bypass),
        other => Err(format!("{other:?}: write ignore, pass-flow or bypass")),
    }
}

/// The key that shares most words with a wrong one.
fn nearest(key: &str) -> &'static str {
    let likeness = |known: &str| strsim::jaro_winkler(known, key);
    KEYS.iter()
        .map(|(known, _)| *known)
        .max_by(|left, right| likeness(left).total_cmp(&likeness(right)))
        .unwrap_or("stream.midstream")
}

fn set<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    *slot = value?;
    Ok(())
}

/// `[md5, sha1, sha256]`, any of them.
fn hashes(value: &str) -> Result<Hashes, String> {
    let mut hashes = Hashes::default();
    let names = value.trim_start_matches('[').trim_end_matches(']');
    for name in names
        .split(',')
        .map(|name| name.trim().trim_matches('"'))
        .filter(|name| !name.is_empty())
    {
        match name {
            "md5" => hashes.md5 = true,
            "sha1" => hashes.sha1 = true,
            "sha256" => hashes.sha256 = true,
            other => return Err(format!("{other:?}: write md5, sha1 or sha256")),
        }
    }
    Ok(hashes)
}

/// `[pass, drop, reject, alert]` in any order.
fn actions(value: &str) -> Result<[Action; 4], String> {
    let list: Vec<Action> = value
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split(',')
        .map(|word| match word.trim() {
            "pass" => Ok(Action::Pass),
            "drop" => Ok(Action::Drop),
            "reject" => Ok(Action::Reject),
            "alert" => Ok(Action::Alert),
            other => Err(format!("{other:?} is no action")),
        })
        .collect::<Result<_, _>>()?;
    let distinct = list
        .iter()
        .enumerate()
        .all(|(at, action)| !list[..at].contains(action));
    match list.try_into() {
        Ok(actions) if distinct => Ok(actions),
        _ => Err("write pass, drop, reject and alert, each once".to_owned()),
    }
}

fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        other => Err(format!("{other:?}: write yes or no")),
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{value:?} is no number in range"))
}

/// Bytes, with a unit (`kb`, `mb`, `gb`) if wanted.
fn size(value: &str) -> Result<u64, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match value[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        other => return Err(format!("{other:?} is no unit: kb, mb, gb")),
    };
    digits
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| format!("{value:?} is no size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_or_told() {
        let mut settings = Settings::default();
        settings.apply("stream.midstream=true").expect("known");
        settings
            .apply("stream.reassembly.depth=2mb")
            .expect("known");
        settings
            .apply("vars.address-groups.HOME_NET=[10.0.0.0/8]")
            .expect("known");
        assert!(settings.stream.midstream);
        assert_eq!(settings.stream.depth, 2 << 20);
        for (assignment, told) in [
            ("stream.mid-stream=true", "stream.midstream"),
            ("stream.midstream=maybe", "write yes or no"),
            ("action-order=[pass, pass, drop, alert]", "each once"),
            ("stream.midstream", "KEY=VALUE"),
        ] {
            let error = settings.apply(assignment).expect_err(assignment);
            assert!(error.contains(told), "{error}");
        }
    }
}
