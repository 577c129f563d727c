//! The configuration of `run`: a file as it is written, and what it means.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rules::signature::Environment;
use sensor_app::facts;
use sensor_archive::Archive;
use sensor_capture::{LiveCapture, LiveOptions};
use sensor_evidence::Ring;
use sensor_ship::{Identity, LinkPlan, OutletPlan, SpoolLimits};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::profile::{self, Asked, Profile};
use crate::archive::{self, RawArchive};
use crate::centre::Overlay;
use crate::confine::{Extent, Needs};
use crate::evidence::RawEvidence;
use crate::link::RawLink;
use crate::outlets::{self, RawOutlet};
use crate::reload::OnFault;
use crate::settings::{Checksums, Settings};
use crate::switches::Switches;

/// Between two `stats` records; a thin link carries them easily.
const STATS_INTERVAL: Duration = Duration::from_secs(60);

/// Between two canaries.
const CANARY_SECONDS: u64 = 300;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    state_dir: PathBuf,
    #[serde(default)]
    input: RawInput,
    #[serde(default)]
    rules: RawRules,
    #[serde(default)]
    set: toml::Table,
    #[serde(default)]
    spool: RawSpool,
    #[serde(default)]
    evidence: RawEvidence,
    #[serde(default)]
    archive: RawArchive,
    #[serde(default)]
    link: RawLink,
    #[serde(default)]
    canary: RawCanary,
    #[serde(default)]
    run: RawRun,
    #[serde(default)]
    output: Vec<RawOutlet>,
    #[serde(default)]
    metrics: RawMetrics,
    #[serde(default)]
    records: RawRecords,
    #[serde(default)]
    log: RawLog,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawInput {
    interface: Option<String>,
    filter: Option<String>,
    workers: Option<u16>,
    #[serde(default)]
    files: Vec<PathBuf>,
    #[serde(default)]
    repeat: bool,
    #[serde(default)]
    rebase_time: bool,
    /// Frames a second for files; none: as fast as possible.
    frames_per_second: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRules {
    #[serde(default)]
    paths: Vec<PathBuf>,
    /// Sigma rules.
    #[serde(default)]
    sigma: Vec<PathBuf>,
    /// `skip`: sound rules load without the others. `refuse`: the rules before go on; at the start, nothing starts.
    #[serde(default, rename = "on-fault")]
    on_fault: RawOnFault,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawOnFault {
    #[default]
    Skip,
    Refuse,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSpool {
    disk_megabytes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawCanary {
    /// Pause between canaries; 0: none.
    seconds: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRun {
    /// Who the sensor is once its capture handles are open.
    user: Option<String>,
    /// `full`, or `none` to find out whether a fault comes from it.
    #[serde(default)]
    confinement: Extent,
    #[serde(default)]
    profile: Asked,
    /// Whether workers that cannot keep up leave flows out.
    #[serde(default)]
    shedding: RawSwitch,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawSwitch {
    #[default]
    On,
    Off,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRecords {
    /// Event types of which no records are written.
    #[serde(default)]
    disabled: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawLog {
    /// `error`, `warn`, `info`, `debug`; without it, as `MATLUOI_LOG` says.
    level: Option<RawLevel>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl RawLevel {
    fn name(self) -> &'static str {
        match self {
            RawLevel::Error => "error",
            RawLevel::Warn => "warn",
            RawLevel::Info => "info",
            RawLevel::Debug => "debug",
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawMetrics {
    /// Where Prometheus asks; without it, nobody is answered.
    listen: Option<SocketAddr>,
}

/// A checked configuration.
pub struct Config {
    pub state_dir: PathBuf,
    pub interface: Option<String>,
    pub filter: Option<String>,
    pub workers: u16,
    pub files: Vec<PathBuf>,
    pub repeat: bool,
    pub rebase_time: bool,
    pub frames_per_second: Option<u64>,
    pub rules: Vec<PathBuf>,
    pub sigma: Vec<PathBuf>,
    pub on_fault: OnFault,
    pub settings: Settings,
    pub spool: SpoolLimits,
    /// None: no frames are kept.
    evidence: Option<sensor_evidence::Options>,
    /// None: records that do not travel are lost.
    pub archive: Option<archive::Plan>,
    /// Bytes a second that evidence and hunts may take of the link.
    pub evidence_link: u64,
    /// What may be sent to the collector.
    pub link: LinkPlan,
    pub canary: Option<Duration>,
    user: Option<String>,
    pub confinement: Extent,
    pub profile: Profile,
    pub outlets: Vec<OutletPlan>,
    pub metrics: Option<SocketAddr>,
    /// None: what is usual.
    pub log_level: Option<String>,
    /// The value of each setting that a centre may change.
    pub told: BTreeMap<String, String>,
    /// SHA-256 of the file as it is written, hexadecimal.
    pub hash: String,
}

impl Config {
    /// The file with what the centre says over it, as far as that fits.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that makes no sense.
    pub fn read(path: &Path) -> anyhow::Result<Config> {
        let own = Config::read_own(path)?;
        let overlay = Overlay::of_folder(&own.state_dir);
        Ok(Config::read_with(path, &overlay).unwrap_or(own))
    }

    /// The file alone.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read_own(path: &Path) -> anyhow::Result<Config> {
        Config::read_with(path, &Overlay::default())
    }

    /// The file with settings over it.
    ///
    /// # Errors
    /// As [`Config::read`], and when the settings do not fit the file.
    pub fn read_with(path: &Path, overlay: &Overlay) -> anyhow::Result<Config> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let place = || path.display().to_string();
        // Read as it is first: what is wrong with it is told with its line.
        toml::from_str::<RawConfig>(&text).with_context(place)?;
        let mut table: toml::Table = toml::from_str(&text).with_context(place)?;
        overlay.lay(&mut table)?;
        let raw: RawConfig = table.try_into().with_context(place)?;
        let told = told(&raw);
        let switches = Switches::new(raw.run.shedding == RawSwitch::On, &raw.records.disabled)
            .map_err(anyhow::Error::msg)
            .context("[records] disabled")?;
        let mut settings = Settings {
            checksums: Checksums::Auto,
            facts: true,
            netflow: false,
            stats_interval: Some(STATS_INTERVAL),
            force_magic: false,
            switches: Arc::new(switches),
            ..Settings::default()
        };
        let profile = Profile::of(raw.run.profile, profile::memory_bytes());
        profile.ease(&mut settings);
        for (key, value) in &raw.set {
            let value = match value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            settings
                .apply(&format!("{key}={value}"))
                .map_err(anyhow::Error::msg)
                .context("[set]")?;
        }
        settings.store_files_below(&raw.state_dir);
        if raw.input.interface.is_some() != raw.input.files.is_empty() {
            bail!(
                "{}: [input] names either an interface or files",
                path.display()
            );
        }
        let workers = raw.input.workers.unwrap_or(1).max(1);
        if raw.run.profile == Asked::Commune && workers > 1 {
            bail!(
                "{}: [run] profile = \"commune\" has one worker; leave [input] workers out, or the profile",
                path.display()
            );
        }
        let mut spool = SpoolLimits::default();
        if let Some(megabytes) = raw.spool.disk_megabytes {
            spool.disk_bytes = megabytes << 20;
        }
        Ok(Config {
            state_dir: raw.state_dir,
            interface: raw.input.interface,
            filter: raw.input.filter,
            workers,
            files: raw.input.files,
            repeat: raw.input.repeat,
            rebase_time: raw.input.rebase_time,
            frames_per_second: raw.input.frames_per_second,
            rules: raw.rules.paths,
            sigma: raw.rules.sigma,
            on_fault: match raw.rules.on_fault {
                RawOnFault::Skip => OnFault::Skip,
                RawOnFault::Refuse => OnFault::Refuse,
            },
            settings,
            spool,
            evidence: raw.evidence.check().context("[evidence]")?,
            archive: raw.archive.check().context("[archive]")?,
            evidence_link: raw.evidence.link_bytes_per_second(),
            link: raw.link.check().context("[link]")?,
            canary: Some(Duration::from_secs(
                raw.canary.seconds.unwrap_or(CANARY_SECONDS),
            ))
            .filter(|pause| !pause.is_zero()),
            user: raw.run.user,
            confinement: raw.run.confinement,
            profile,
            outlets: outlets::check(&raw.output)?,
            metrics: raw.metrics.listen,
            log_level: raw.log.level.map(|level| level.name().to_owned()),
            told,
            hash: digest(&text),
        })
    }

    /// Who this sensor is for a collector. A sensor with outputs of its own need not know any.
    ///
    /// # Errors
    /// When it is to know one and does not, or what enrolment left cannot be read.
    pub fn identity(&self) -> anyhow::Result<Option<Identity>> {
        if !self.outlets.is_empty() && !Identity::exists(&self.state_dir) {
            return Ok(None);
        }
        let identity = Identity::load(&self.state_dir);
        let hint =
            "or name places for the records under [[output]], for a sensor without a collector";
        match identity {
            Err(error) if !Identity::exists(&self.state_dir) => Err(error).context(hint),
            identity => Ok(Some(identity?)),
        }
    }

    /// The evidence ring, if frames are to be kept. Without a disk for it the watch goes on.
    pub fn open_ring(&self) -> Option<Arc<Ring>> {
        let folder = self.state_dir.join("evidence");
        let ring = Ring::open(&folder, self.evidence?, self.workers.into());
        ring.map(Arc::new)
            .inspect_err(|error| tracing::error!(%error, "no evidence is kept"))
            .ok()
    }

    /// The archive of records, if any are to be kept. Without a disk for it the watch goes on.
    pub fn open_archive(&self) -> Option<Arc<Archive>> {
        let folder = self.state_dir.join("archive");
        let archive = Archive::open(&folder, self.archive.as_ref()?.options);
        archive
            .map(Arc::new)
            .inspect_err(|error| tracing::error!(%error, "no records are kept here"))
            .ok()
    }

    /// What is remembered of facts that were told today. Without a disk for it they are told anew with each start.
    pub fn open_facts(&self) -> Arc<facts::Shared> {
        let kept = facts::Shared::kept_in(&self.state_dir.join("facts.told"));
        let kept = kept
            .inspect_err(|error| tracing::error!(%error, "what was told today is not remembered"));
        Arc::new(kept.unwrap_or_default())
    }

    /// A handle a worker, when it is an interface that is watched.
    pub fn open_captures(&self) -> Result<Vec<LiveCapture>, sensor_capture::Error> {
        let Some(interface) = &self.interface else {
            return Ok(Vec::new());
        };
        let options = LiveOptions {
            filter: self.filter.clone(),
            fanout_group: (self.workers > 1).then(|| std::process::id() as u16),
            ..LiveOptions::new(interface)
        };
        (0..self.workers)
            .map(|_| LiveCapture::open(&options))
            .collect()
    }

    /// What the confined sensor has to reach, now and when it reads this file again.
    pub fn needs(&self, path: &Path, collector: Option<&str>, kept_files: Vec<PathBuf>) -> Needs {
        let reputation = &self.settings.reputation;
        let single = [
            Some(path),
            self.settings.threshold_file.as_deref(),
            reputation.categories.as_deref(),
            reputation.countries.as_deref(),
        ];
        let rules = self
            .rules
            .iter()
            .chain(&self.sigma)
            .chain(&self.settings.sigma_pipelines)
            .map(PathBuf::as_path);
        // Who changes a file often writes a new one in its place, and rules name files beside them.
        let mut readable: Vec<PathBuf> = single
            .into_iter()
            .flatten()
            .chain(reputation.lists.iter().map(PathBuf::as_path))
            .chain(rules)
            .map(folder_of)
            .collect();
        readable.extend(reputation.folder.clone());
        readable.extend(self.files.iter().cloned());
        Needs {
            user: self.user.clone(),
            state_dir: self.state_dir.clone(),
            kept_files,
            readable,
            collector: collector.map(str::to_owned),
            outlets: self.outlets.iter().map(|plan| plan.place.clone()).collect(),
            interface: self.interface.clone(),
        }
    }
}

/// The value of each setting that a centre may change, as [`sensor_event::SETTINGS`] names them.
fn told(raw: &RawConfig) -> BTreeMap<String, String> {
    let vars = raw.set.iter().filter(|(key, _)| key.starts_with("vars."));
    let mut told: BTreeMap<String, String> = vars
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let usual = Environment::default();
    told.entry("vars.address-groups.HOME_NET".to_owned())
        .or_insert_with(|| {
            usual
                .address_group("HOME_NET")
                .unwrap_or_default()
                .to_owned()
        });
    let evidence = raw.evidence.told();
    let megabytes = |given: Option<u64>, usual: u64| given.unwrap_or(usual >> 20).to_string();
    let spool = SpoolLimits::default().disk_bytes;
    let mut disabled = raw.records.disabled.clone();
    disabled.sort_unstable();
    let level = raw.log.level.map_or("", RawLevel::name);
    let shedding = match raw.run.shedding {
        RawSwitch::On => "on",
        RawSwitch::Off => "off",
    };
    let fixed = [
        ("records.disabled", disabled.join(",")),
        ("run.shedding", shedding.to_owned()),
        ("run.profile", raw.run.profile.name().to_owned()),
        ("log.level", level.to_owned()),
        (
            "spool.disk_megabytes",
            megabytes(raw.spool.disk_megabytes, spool),
        ),
        (
            "canary.seconds",
            raw.canary.seconds.unwrap_or(CANARY_SECONDS).to_string(),
        ),
    ];
    let fixed = fixed.into_iter().chain(evidence).chain(raw.archive.told());
    told.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    told
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder itself, or the one in which a file is.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        _ if path.is_dir() => path.to_owned(),
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
