//! Settings that the centre changes from afar: laid over the sensor's own file, checked before they take effect, kept in the
//! state folder.
//!
//! What takes effect at once does so while packets flow. A text that holds a setting for the next start takes effect as a
//! whole with it: the sensor ends, if its service manager starts it again, and tries the text; one that it does not come up
//! with is refused at the start after.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use sensor_event::{MAX_SETTINGS, Setting, SettingEffect, SettingKind, setting_list};
use sensor_ship::ConfigurationState;
use sha2::{Digest as _, Sha256};

use crate::command::run::Config;
use crate::log;
use crate::switches::Switches;

/// The text that runs.
const RUNS: &str = "centre.json";
/// A text for the next start, and while that start is under way.
const NEXT: &str = "centre-next.json";
const TRYING: &str = "centre-trying.json";
/// The text that was refused last, with its reason, so that it does not come again.
const REFUSED: &str = "centre-refused.json";

/// Settings laid over the sensor's own file: text by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay(BTreeMap<String, String>);

impl Overlay {
    /// Reads a text of the centre; empty: no settings.
    ///
    /// # Errors
    /// When it is no object of strings, names what is not changed from afar, or a value that is none.
    pub fn parse(text: &str) -> anyhow::Result<Overlay> {
        if text.is_empty() {
            return Ok(Overlay::default());
        }
        let values: BTreeMap<String, String> =
            serde_json::from_str(text).context("settings of the centre")?;
        if values.len() > MAX_SETTINGS {
            bail!("{} settings are more than {MAX_SETTINGS}", values.len());
        }
        for (name, value) in &values {
            Setting::of(name)
                .and_then(|setting| setting.check(value))
                .map_err(|fault| anyhow::anyhow!("{name}: {}", fault.code()))?;
        }
        Ok(Overlay(values))
    }

    /// The text that runs in a state folder, if it can be read.
    pub fn of_folder(state_dir: &Path) -> Overlay {
        let text = std::fs::read_to_string(state_dir.join(RUNS)).unwrap_or_default();
        Overlay::parse(&text).unwrap_or_default()
    }

    /// Changes what a file says.
    ///
    /// # Errors
    /// When the file has something else in a setting's place.
    pub fn lay(&self, file: &mut toml::Table) -> anyhow::Result<()> {
        for (name, value) in &self.0 {
            let (table, key) = match name.split_once('.') {
                _ if name.starts_with("vars.") => ("set", name.as_str()),
                Some((table, key)) => (table, key),
                None => bail!("{name}: no setting"),
            };
            let place = file
                .entry(table)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let place = place
                .as_table_mut()
                .with_context(|| format!("[{table}] is no table"))?;
            place.insert(key.to_owned(), typed(name, value));
        }
        Ok(())
    }
}

fn typed(name: &str, value: &str) -> toml::Value {
    match Setting::of(name).map(|setting| setting.kind) {
        Ok(SettingKind::Number { .. }) => match value.parse() {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => value.into(),
        },
        Ok(SettingKind::Words(_)) => {
            toml::Value::Array(setting_list(value).map(toml::Value::from).collect())
        }
        _ => value.into(),
    }
}

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It runs.
    Runs,
    /// It is kept for the next start.
    NextStart,
    Refused,
}

/// The centre's settings of one sensor.
pub struct Centre {
    file: PathBuf,
    state_dir: PathBuf,
    /// Of the workers.
    switches: Arc<Switches>,
    /// Came and waits to be looked at; a newer one takes its place.
    offered: Mutex<Option<String>>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// The text that runs.
    text: String,
    refused: Option<(String, String)>,
    waiting: Option<String>,
    /// SHA-256 of the sensor's own file at its start.
    file: String,
    values: BTreeMap<String, String>,
}

impl Centre {
    /// Reads the sensor's own file with what the centre says over it. A text that does not fit is refused, and the one
    /// before runs, or the file alone.
    ///
    /// # Errors
    /// When the sensor's own file cannot be read or makes no sense.
    pub fn open(file: &Path) -> anyhow::Result<(Centre, Config)> {
        let own = Config::read_own(file)?;
        let state_dir = own.state_dir.clone();
        let refused = read(&state_dir, REFUSED)
            .and_then(|text| serde_json::from_str::<(String, String)>(&text).ok());
        let mut told = Told {
            refused,
            ..Told::default()
        };
        if let Some(text) = read(&state_dir, TRYING) {
            let reason = "the sensor did not come up with these settings".to_owned();
            refuse(&state_dir, &mut told, &text, reason)?;
            remove(&state_dir, TRYING)?;
        }
        if let Some(text) = read(&state_dir, NEXT) {
            std::fs::rename(state_dir.join(NEXT), state_dir.join(TRYING))
                .with_context(|| state_dir.join(NEXT).display().to_string())?;
            match with(file, &text) {
                Ok(config) => {
                    told.text = text;
                    return Ok(Centre::made(file, &config, told).zip(config));
                }
                Err(error) => {
                    refuse(&state_dir, &mut told, &text, format!("{error:#}"))?;
                    remove(&state_dir, TRYING)?;
                }
            }
        }
        if let Some(text) = read(&state_dir, RUNS) {
            match with(file, &text) {
                Ok(config) => {
                    told.text = text;
                    return Ok(Centre::made(file, &config, told).zip(config));
                }
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the centre's settings do not fit the sensor's own file, which runs alone"
                    );
                    told.refused = Some((hash(&text), format!("{error:#}")));
                }
            }
        }
        Ok(Centre::made(file, &own, told).zip(own))
    }

    fn made(file: &Path, config: &Config, mut told: Told) -> Centre {
        told.values.clone_from(&config.told);
        told.file.clone_from(&config.hash);
        log::set_level(config.log_level.as_deref());
        Centre {
            file: file.to_owned(),
            state_dir: config.state_dir.clone(),
            switches: Arc::clone(&config.settings.switches),
            offered: Mutex::default(),
            told: Mutex::new(told),
        }
    }

    fn zip(self, config: Config) -> (Centre, Config) {
        (self, config)
    }

    /// The sensor is up: what it tried is what runs.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub fn confirm(&self) -> anyhow::Result<()> {
        if !self.state_dir.join(TRYING).exists() {
            return Ok(());
        }
        tracing::info!("the sensor is up with the centre's settings");
        remove(&self.state_dir, REFUSED)?;
        if held(&self.told).text.is_empty() {
            remove(&self.state_dir, RUNS)?;
            return remove(&self.state_dir, TRYING);
        }
        std::fs::rename(self.state_dir.join(TRYING), self.state_dir.join(RUNS))
            .with_context(|| self.state_dir.join(RUNS).display().to_string())
    }

    /// Takes a text to be looked at.
    pub fn offer(&self, text: String) {
        *held(&self.offered) = Some(text);
    }

    /// The sensor's file as it is now, with the text that runs.
    ///
    /// # Errors
    /// When the file cannot be read, or the text does not fit it any more.
    pub fn config(&self) -> anyhow::Result<Config> {
        let text = held(&self.told).text.clone();
        with(&self.file, &text)
    }

    /// Looks at a text that came, if one did: `try_out` is given what it says, and gives what makes it run. Without one,
    /// nothing is to be done.
    pub fn consider<T>(
        &self,
        try_out: impl FnOnce(&Config) -> anyhow::Result<T>,
    ) -> Option<(Outcome, Option<T>)> {
        let text = held(&self.offered).take()?;
        // Rules are compiled meanwhile; heartbeats do not wait for that.
        let tried = with(&self.file, &text).and_then(|config| Ok((try_out(&config)?, config)));
        let mut told = held(&self.told);
        let (made, config) = match tried {
            Ok(tried) => tried,
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::error!(reason, "the centre's settings are refused");
                // What waited for a start is not wanted any more.
                told.waiting = None;
                let refused = refuse(&self.state_dir, &mut told, &text, reason)
                    .and_then(|()| remove(&self.state_dir, NEXT));
                if let Err(error) = refused {
                    tracing::error!("{error:#}");
                }
                return Some((Outcome::Refused, None));
            }
        };
        let waits = config.told.iter().any(|(name, value)| {
            let now = told.values.get(name);
            let effect = Setting::of(name).map(|setting| setting.effect);
            now != Some(value) && effect == Ok(SettingEffect::Restart)
        });
        let kept = match waits {
            true => write(&self.state_dir, NEXT, &text),
            false if text.is_empty() => remove(&self.state_dir, RUNS),
            false => write(&self.state_dir, RUNS, &text),
        };
        if let Err(error) = kept.and_then(|()| remove(&self.state_dir, REFUSED)) {
            tracing::error!("the centre's settings cannot be kept: {error:#}");
            told.refused = Some((hash(&text), format!("{error:#}")));
            return Some((Outcome::Refused, None));
        }
        told.refused = None;
        if waits {
            tracing::info!("the centre's settings take effect with the next start");
            told.waiting = Some(hash(&text));
            return Some((Outcome::NextStart, None));
        }
        // What waited for a start was of an older text.
        if let Err(error) = remove(&self.state_dir, NEXT) {
            tracing::error!("{error:#}");
        }
        told.waiting = None;
        told.text = text;
        drop(told);
        self.follow(&config);
        tracing::info!("the centre's settings have taken effect");
        Some((Outcome::Runs, Some(made)))
    }

    /// The rules of this configuration run from now on, and with them what else needs no start.
    pub fn follow(&self, config: &Config) {
        self.switches.follow(&config.settings.switches);
        log::set_level(config.log_level.as_deref());
        let is_live = |name: &String| {
            Setting::of(name).is_ok_and(|setting| setting.effect == SettingEffect::Live)
        };
        let mut told = held(&self.told);
        told.values.retain(|name, _| !is_live(name));
        let live = config.told.iter().filter(|(name, _)| is_live(name));
        told.values
            .extend(live.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// What is told of it.
    pub fn state(&self) -> ConfigurationState {
        let told = held(&self.told);
        let running = serde_json::to_string(&told.values).unwrap_or_default();
        ConfigurationState {
            hash: hash(&told.text),
            refused: told.refused.clone(),
            waiting: told.waiting.clone(),
            running_hash: hash(&format!("{}\n{running}", told.file)),
            running,
        }
    }

    /// The text that runs; empty for none.
    pub fn text(&self) -> String {
        held(&self.told).text.clone()
    }
}

/// The own file with a text over it; what it says of addresses and ports is looked into.
fn with(file: &Path, text: &str) -> anyhow::Result<Config> {
    let overlay = Overlay::parse(text)?;
    let config = Config::read_with(file, &overlay)?;
    let environment = &config.settings.environment;
    for name in overlay.0.keys() {
        let checked = match name.strip_prefix("vars.address-groups.") {
            Some(group) => environment.address_set(&format!("${group}")).map(drop),
            None => match name.strip_prefix("vars.port-groups.") {
                Some(group) => environment.check_ports(&format!("${group}")),
                None => Ok(()),
            },
        };
        checked.map_err(|reason| anyhow::anyhow!("{name}: {reason}"))?;
    }
    Ok(config)
}

fn refuse(state_dir: &Path, told: &mut Told, text: &str, reason: String) -> anyhow::Result<()> {
    let refused = (hash(text), reason);
    let json = serde_json::to_string(&refused).unwrap_or_default();
    told.refused = Some(refused);
    write(state_dir, REFUSED, &json)
}

/// SHA-256 of a text; empty for none.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(state_dir: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(state_dir.join(name)).ok()
}

/// Replaces a file as a whole.
fn write(state_dir: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let (path, new) = (state_dir.join(name), state_dir.join(format!("{name}.new")));
    let place = || path.display().to_string();
    std::fs::write(&new, text).with_context(place)?;
    let file = std::fs::File::open(&new).with_context(place)?;
    file.sync_all().with_context(place)?;
    std::fs::rename(&new, &path).with_context(place)
}

fn remove(state_dir: &Path, name: &str) -> anyhow::Result<()> {
    let path = state_dir.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        file: PathBuf,
    }

    impl Scene {
        fn new() -> Scene {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("sensor.toml");
            let text = format!(
                "state_dir = {:?}\n[input]\nfiles = [\"x.pcap\"]\n[set]\n\"vars.address-groups.HOME_NET\" = \"10.0.0.0/8\"\n",
                folder.path()
            );
            std::fs::write(&file, text).expect("written");
            Scene { folder, file }
        }

        fn open(&self) -> (Centre, Config) {
            Centre::open(&self.file).expect("it is read")
        }

        fn has(&self, name: &str) -> bool {
            self.folder.path().join(name).exists()
        }
    }

    fn consider(centre: &Centre, text: &str) -> Outcome {
        centre.offer(text.to_owned());
        let considered = centre.consider(|_| Ok(())).expect("it was offered");
        assert!(centre.consider(|_| Ok(())).is_none(), "once");
        considered.0
    }

    fn runs(centre: &Centre, name: &str) -> Option<String> {
        let values: BTreeMap<String, String> =
            serde_json::from_str(&centre.state().running).expect("an object");
        values.get(name).cloned()
    }

    const HOME: &str = "vars.address-groups.HOME_NET";

    #[test]
    fn live_settings_take_effect_and_stay() {
        let scene = Scene::new();
        let (centre, config) = scene.open();
        assert_eq!(runs(&centre, HOME).as_deref(), Some("10.0.0.0/8"));
        let before = centre.state();
        assert_eq!(before.hash, "");
        let text = r#"{"records.disabled":"flow","run.shedding":"off","vars.address-groups.HOME_NET":"[172.16.0.0/12]"}"#;
        assert_eq!(consider(&centre, text), Outcome::Runs);
        assert!(config.settings.switches.leaves_out("flow"));
        assert!(!config.settings.switches.sheds());
        let state = centre.state();
        assert_eq!(state.hash, hash(text));
        assert_ne!(state.running_hash, before.running_hash);
        assert_eq!(runs(&centre, HOME).as_deref(), Some("[172.16.0.0/12]"));
        let (again, config) = scene.open();
        assert_eq!(again.state(), state, "also after a start");
        assert!(!config.settings.switches.sheds());
        assert_eq!(consider(&again, ""), Outcome::Runs);
        assert_eq!(again.state(), before);
        assert!(!scene.has(RUNS) && config.settings.switches.sheds());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason_and_changes_nothing() {
        let scene = Scene::new();
        let (centre, _) = scene.open();
        let sound = r#"{"log.level":"warn"}"#;
        assert_eq!(consider(&centre, sound), Outcome::Runs);
        for (text, told) in [
            ("[]", "settings of the centre"),
            (
                r#"{"input.interface":"eth9"}"#,
                "input.interface: not_from_afar",
            ),
            (r#"{"state_dir":"/tmp"}"#, "state_dir: not_from_afar"),
            (r#"{"log.colour":"red"}"#, "log.colour: unknown"),
            (
                r#"{"evidence.disk_megabytes":"1"}"#,
                "evidence.disk_megabytes: out_of_range",
            ),
            (
                r#"{"vars.address-groups.HOME_NET":"[10.0.0.0/99]"}"#,
                "HOME_NET",
            ),
            (r#"{"vars.address-groups.HOME_NET":"$NOWHERE"}"#, "NOWHERE"),
            (r#"{"vars.port-groups.HTTP_PORTS":"[80,"}"#, "HTTP_PORTS"),
        ] {
            assert_eq!(consider(&centre, text), Outcome::Refused, "{text}");
            let state = centre.state();
            let (refused, reason) = state.refused.expect("it is told");
            assert_eq!((refused, state.hash), (hash(text), hash(sound)));
            assert!(reason.contains(told), "{text}: {reason}");
        }
        // It does not come again after a start.
        assert!(scene.open().0.state().refused.is_some());
        centre.offer(r#"{"log.level":"info"}"#.to_owned());
        let refused = centre.consider(|_| -> anyhow::Result<()> { bail!("rules do not load") });
        assert_eq!(refused.expect("offered").0, Outcome::Refused);
        assert_eq!(consider(&centre, sound), Outcome::Runs);
        assert!(centre.state().refused.is_none() && !scene.has(REFUSED));
    }

    #[test]
    fn a_text_for_the_next_start_is_tried_and_given_up_when_the_sensor_does_not_come_up() {
        let scene = Scene::new();
        let (centre, _) = scene.open();
        let text = r#"{"evidence.mode":"full","log.level":"warn"}"#;
        assert_eq!(consider(&centre, text), Outcome::NextStart);
        let state = centre.state();
        assert_eq!((state.hash.as_str(), state.waiting), ("", Some(hash(text))));
        assert_eq!(
            runs(&centre, "evidence.mode").as_deref(),
            Some("alerts"),
            "not yet"
        );
        // It comes up.
        let (centre, _) = scene.open();
        assert_eq!(centre.state().hash, hash(text));
        assert!(scene.has(TRYING));
        centre.confirm().expect("confirmed");
        assert!(scene.has(RUNS) && !scene.has(TRYING));
        assert_eq!(runs(&centre, "evidence.mode").as_deref(), Some("full"));
        // It does not come up with the next one.
        let worse = r#"{"evidence.mode":"off"}"#;
        assert_eq!(consider(&centre, worse), Outcome::NextStart);
        drop(scene.open());
        let (centre, _) = scene.open();
        let state = centre.state();
        assert_eq!(state.hash, hash(text), "the one before");
        assert_eq!(state.refused.map(|(hash, _)| hash), Some(hash(worse)));
        // Taken back altogether.
        assert_eq!(consider(&centre, ""), Outcome::NextStart);
        let (centre, _) = scene.open();
        centre.confirm().expect("confirmed");
        assert_eq!(centre.state().hash, "");
        assert!(!scene.has(RUNS) && !scene.has(TRYING));
    }
}
