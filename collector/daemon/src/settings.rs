//! The configuration file: as written ([`RawConfig`]), and as checked ([`Config`]). All faults are
//! reported at once.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use collector_index::ShelfLimits;
use rules::sigma::ast::Network;
use serde::Deserialize;

const DAY: Duration = Duration::from_secs(86_400);
const MAX_DAYS: u32 = 3_650;

/// The file's shape. Every section and key may be left out, except `data_dir`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    data_dir: PathBuf,
    #[serde(default)]
    api: RawApi,
    #[serde(default)]
    delivery: RawListener,
    #[serde(default)]
    enrolment: RawListener,
    #[serde(default)]
    retention: RawRetention,
    #[serde(default)]
    index: RawIndex,
    #[serde(default)]
    disk: RawDisk,
    #[serde(default)]
    sigma: RawSigma,
    #[serde(default)]
    syslog: RawSyslog,
    #[serde(default)]
    workbench: RawWorkbench,
    #[serde(default)]
    feeds: RawFeeds,
    #[serde(default)]
    archive: RawArchive,
    #[serde(default)]
    services: RawServices,
    traces: Option<RawTraces>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApi {
    listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListener {
    listen: Option<String>,
    /// The address that sensors use, when it is not the one listened on.
    advertise: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetention {
    /// Days of records.
    #[serde(alias = "records_days")]
    index_days: Option<u32>,
    alerts_days: Option<u32>,
    records_gigabytes: Option<u64>,
    alerts_gigabytes: Option<u64>,
    /// What the rules that the centre is under ask for.
    records_asked_days: Option<u32>,
    alerts_asked_days: Option<u32>,
    inbox_days: Option<u32>,
    audit_days: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndex {
    open_writers: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDisk {
    reserve_megabytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSigma {
    /// The rules that come with the collector run too; they do unless told otherwise.
    shipped: Option<bool>,
    /// Files and folders.
    #[serde(default)]
    rules: Vec<PathBuf>,
    #[serde(default)]
    pipelines: Vec<PathBuf>,
}

/// Which Sigma rules run over stored records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigmaConfig {
    pub shipped: bool,
    pub rules: Vec<PathBuf>,
    pub pipelines: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSyslog {
    /// Addresses and ports to listen on, as in "0.0.0.0:514"; none: nothing is received.
    udp: Option<String>,
    tcp: Option<String>,
    /// Networks and addresses that may send; none: all may.
    #[serde(default)]
    senders: Vec<String>,
}

/// Where logs of devices come in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyslogConfig {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    /// Who may send; empty: everybody.
    pub senders: Vec<Network>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeeds {
    /// For sources that name none of their own, as in "http://proxy:3128"; it may have a name and a password.
    proxy: Option<String>,
    /// A file of certificates (PEM) that are trusted beside those of public authorities.
    authorities: Option<PathBuf>,
    /// Folders that sources may be made of, with all below them.
    #[serde(default)]
    folders: Vec<PathBuf>,
}

/// How rule and intelligence sources are reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedsConfig {
    pub proxy: Option<String>,
    pub authorities: Option<PathBuf>,
    pub folders: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArchive {
    /// Folders below which the archive of old partitions may lie.
    #[serde(default)]
    folders: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServices {
    /// A file of certificates (PEM) that are trusted beside those of public authorities.
    authorities: Option<PathBuf>,
}

/// What the archive of old partitions, and other services that are set in the console, may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServicesConfig {
    pub archive_folders: Vec<PathBuf>,
    pub authorities: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTraces {
    /// Where OTLP over HTTP is received, as in "http://127.0.0.1:4318".
    endpoint: Option<String>,
    /// Of all traces, how many are kept; all of them unless told otherwise.
    percent: Option<u8>,
}

/// Where traces go (OpenTelemetry).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesConfig {
    pub endpoint: String,
    /// From 0 to 100.
    pub percent: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorkbench {
    /// The sensor's program, whose engine checks and tries rules.
    sensor: Option<PathBuf>,
}

/// Valid settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub data_dir: PathBuf,
    pub api: SocketAddr,
    pub delivery: SocketAddr,
    pub enrolment: SocketAddr,
    /// `host:port` for enrolment strings; the listening address when absent.
    pub advertised_delivery: Option<String>,
    pub advertised_enrolment: Option<String>,
    pub alerts: ShelfLimits,
    pub records: ShelfLimits,
    pub alerts_asked_days: u32,
    pub records_asked_days: u32,
    /// Of the disk, for alerts alone; a share of it when absent.
    pub reserve_bytes: Option<u64>,
    pub inbox: Duration,
    pub audit: Duration,
    pub open_writers: usize,
    pub sigma: SigmaConfig,
    pub syslog: SyslogConfig,
    /// The one beside this program when absent.
    pub sensor_program: Option<PathBuf>,
    pub feeds: FeedsConfig,
    pub services: ServicesConfig,
    /// Nothing is traced without.
    pub traces: Option<TracesConfig>,
}

impl Config {
    pub fn read(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration {}", path.display()))?;
        // toml's message points at line and column.
        let raw: RawConfig =
            toml::from_str(&text).with_context(|| format!("configuration {}", path.display()))?;
        Config::check(raw).with_context(|| format!("configuration {}", path.display()))
    }

    /// The settings of a collector on this machine alone, on ports that are free.
    pub fn local(data_dir: PathBuf, api: SocketAddr) -> Config {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Config {
            data_dir,
            api,
            delivery: any_port,
            enrolment: any_port,
            advertised_delivery: None,
            advertised_enrolment: None,
            alerts: ShelfLimits {
                days: MAX_DAYS,
                bytes: None,
            },
            records: ShelfLimits {
                days: MAX_DAYS,
                bytes: None,
            },
            alerts_asked_days: 0,
            records_asked_days: 0,
            reserve_bytes: None,
            inbox: MAX_DAYS * DAY,
            audit: MAX_DAYS * DAY,
            open_writers: 8,
            sigma: SigmaConfig {
                shipped: true,
                rules: Vec::new(),
                pipelines: Vec::new(),
            },
            syslog: SyslogConfig::default(),
            sensor_program: None,
            feeds: FeedsConfig::default(),
            services: ServicesConfig::default(),
            traces: None,
        }
    }

    fn check(raw: RawConfig) -> Result<Config> {
        let mut faults = Faults::default();
        let retention = &raw.retention;
        let shelf = |days: u32, gigabytes: Option<u64>| ShelfLimits {
            days,
            bytes: gigabytes.map(|gigabytes| gigabytes.saturating_mul(1 << 30)),
        };
        let alerts_days = faults.days("retention.alerts_days", retention.alerts_days, 400);
        let records_days = faults.days("retention.index_days", retention.index_days, 92);
        let config = Config {
            data_dir: raw.data_dir,
            api: faults.address("api.listen", raw.api.listen, ([127, 0, 0, 1], 8_080)),
            delivery: faults.address(
                "delivery.listen",
                raw.delivery.listen,
                ([0, 0, 0, 0], 7_443),
            ),
            enrolment: faults.address(
                "enrolment.listen",
                raw.enrolment.listen,
                ([0, 0, 0, 0], 7_444),
            ),
            advertised_delivery: faults.host_port("delivery.advertise", raw.delivery.advertise),
            advertised_enrolment: faults.host_port("enrolment.advertise", raw.enrolment.advertise),
            alerts: shelf(alerts_days, retention.alerts_gigabytes),
            records: shelf(records_days, retention.records_gigabytes),
            alerts_asked_days: faults.days(
                "retention.alerts_asked_days",
                retention.alerts_asked_days,
                365,
            ),
            records_asked_days: faults.days(
                "retention.records_asked_days",
                retention.records_asked_days,
                90,
            ),
            reserve_bytes: raw
                .disk
                .reserve_megabytes
                .map(|megabytes| megabytes.saturating_mul(1 << 20)),
            inbox: faults.days("retention.inbox_days", raw.retention.inbox_days, 400) * DAY,
            audit: faults.days("retention.audit_days", raw.retention.audit_days, 400) * DAY,
            open_writers: raw.index.open_writers.unwrap_or(8),
            sigma: SigmaConfig {
                shipped: raw.sigma.shipped.unwrap_or(true),
                rules: raw.sigma.rules,
                pipelines: raw.sigma.pipelines,
            },
            syslog: SyslogConfig {
                udp: faults.some_address("syslog.udp", raw.syslog.udp),
                tcp: faults.some_address("syslog.tcp", raw.syslog.tcp),
                senders: faults.networks("syslog.senders", &raw.syslog.senders),
            },
            sensor_program: raw.workbench.sensor,
            feeds: FeedsConfig {
                proxy: faults.proxy("feeds.proxy", raw.feeds.proxy),
                authorities: raw.feeds.authorities,
                folders: raw.feeds.folders,
            },
            services: ServicesConfig {
                archive_folders: raw.archive.folders,
                authorities: raw.services.authorities,
            },
            traces: raw.traces.map(|traces| faults.traces(traces)),
        };
        if !(2..=64).contains(&config.open_writers) {
            faults.add("index.open_writers", "is a number from 2 to 64");
        }
        for (key, listen, advertised) in [
            ("delivery", config.delivery, &config.advertised_delivery),
            ("enrolment", config.enrolment, &config.advertised_enrolment),
        ] {
            if listen.ip().is_unspecified() && advertised.is_none() {
                let key = format!("{key}.advertise");
                faults.add(
                    &key,
                    "is needed: sensors cannot connect to the address 0.0.0.0",
                );
            }
        }
        faults.finish(config)
    }
}

#[derive(Default)]
struct Faults(String);

impl Faults {
    fn add(&mut self, key: &str, reason: &str) {
        // A String takes any write.
        let _ = write!(self.0, "\n  {key} {reason}");
    }

    fn address(
        &mut self,
        key: &str,
        text: Option<String>,
        default: impl Into<SocketAddr>,
    ) -> SocketAddr {
        let Some(text) = text else {
            return default.into();
        };
        text.parse().unwrap_or_else(|_| {
            self.add(key, "is an address and a port, as in \"127.0.0.1:8080\"");
            default.into()
        })
    }

    fn some_address(&mut self, key: &str, text: Option<String>) -> Option<SocketAddr> {
        text.map(|text| self.address(key, Some(text), ([127, 0, 0, 1], 514)))
    }

    fn networks(&mut self, key: &str, texts: &[String]) -> Vec<Network> {
        let mut networks = Vec::with_capacity(texts.len());
        for text in texts {
            match Network::parse(text) {
                Some(network) => networks.push(network),
                None => self.add(
                    key,
                    &format!("{text:?} is no network: write \"10.0.0.0/8\" or an address"),
                ),
            }
        }
        networks
    }

    fn host_port(&mut self, key: &str, text: Option<String>) -> Option<String> {
        let valid = text.as_deref().is_none_or(|text| {
            text.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        });
        if !valid {
            self.add(
                key,
                "is a host and a port, as in \"collector.example.vn:7443\"",
            );
        }
        text
    }

    fn traces(&mut self, raw: RawTraces) -> TracesConfig {
        let endpoint = raw.endpoint.unwrap_or_default();
        if !is_web_address(&endpoint) {
            self.add(
                "traces.endpoint",
                "is an address, as in \"http://127.0.0.1:4318\"",
            );
        }
        let percent = raw.percent.unwrap_or(100);
        if percent > 100 {
            self.add("traces.percent", "is a number from 0 to 100");
        }
        TracesConfig { endpoint, percent }
    }

    fn proxy(&mut self, key: &str, text: Option<String>) -> Option<String> {
        if !text.as_deref().is_none_or(is_web_address) {
            self.add(key, "is an address, as in \"http://proxy.example.vn:3128\"");
        }
        text
    }

    fn days(&mut self, key: &str, days: Option<u32>, default: u32) -> u32 {
        let days = days.unwrap_or(default);
        if !(1..=MAX_DAYS).contains(&days) {
            self.add(key, "is a number of days from 1 to 3650");
        }
        days
    }

    fn finish<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            bail!("these values are not valid:{}", self.0)
        }
    }
}

fn is_web_address(text: &str) -> bool {
    text.strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let raw: RawConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        Config::check(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn a_short_file_is_enough() {
        let config = read(
            "data_dir = \"/d\"\n[delivery]\nadvertise = \"c:7443\"\n[enrolment]\nadvertise = \"c:7444\"",
        )
        .expect("it is valid");
        assert_eq!(config.api.to_string(), "127.0.0.1:8080");
        assert_eq!((config.alerts.days, config.records.days), (400, 92));
    }

    #[test]
    fn all_faults_are_told() {
        let error = read(
            "data_dir = \"/d\"\n[api]\nlisten = \"x\"\n[retention]\nindex_days = 0\n[index]\nopen_writers = 1",
        )
        .expect_err("it is not valid");
        let keys = [
            "api.listen",
            "retention.index_days",
            "index.open_writers",
            "delivery.advertise",
            "enrolment.advertise",
        ];
        for key in keys {
            assert!(error.contains(key), "{key}: {error}");
        }
        assert!(
            read("data_dir = \"/d\"\nport = 1")
                .expect_err("unknown")
                .contains("line 2")
        );
    }
}
