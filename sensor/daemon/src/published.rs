//! Rules that the collector publishes: checked here, kept in the state folder, and loaded beside the sensor's own files.
//!
//! A text with a fault is refused whole, and the one before goes on; what is refused is told with its reason.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use sensor_ship::{Manifest, RulesState, SealedRules};
use sha2::{Digest as _, Sha256};

use crate::reload::OnFault;
use crate::ruleset::Ruleset;

const FILE: &str = "published.rules";
/// Where a text lies while it is checked.
const OFFERED: &str = "published.rules.offered";
/// The collector's seal of the text that is kept; it stays when the rules are withdrawn, to know older ones by.
const SEAL: &str = "published.seal";
/// Faults that a refusal names.
const NAMED_FAULTS: usize = 5;

/// The published rules of one sensor.
pub struct Published {
    state_dir: PathBuf,
    /// Came and waits for the loading thread; a newer one takes its place.
    offered: Mutex<Option<SealedRules>>,
    refused: Mutex<Option<(String, String)>>,
}

impl Published {
    pub fn new(state_dir: &Path) -> Published {
        Published {
            state_dir: state_dir.to_owned(),
            offered: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Takes rules for the next load.
    pub fn offer(&self, rules: SealedRules) {
        *held(&self.offered) = Some(rules);
    }

    /// Notes that rules with this hash cannot be taken, and why.
    pub fn refuse(&self, hash: String, reason: String) {
        *held(&self.refused) = Some((hash, reason));
    }

    /// What the collector said of the rules that were loaded last; none before the first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn kept(&self) -> anyhow::Result<Option<Manifest>> {
        let path = self.state_dir.join(SEAL);
        match std::fs::read(&path) {
            Ok(seal) => {
                let manifest = Manifest::of_kept(&seal).with_context(|| path.display().to_string());
                Ok(Some(manifest?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// What came of it, with the hash of the text that runs.
    pub fn state(&self, running: &str) -> RulesState {
        RulesState {
            hash: running.to_owned(),
            refused: held(&self.refused).clone(),
        }
    }

    /// Compiles the sensor's rules together with the published ones, of which `compile` gets the file. A text that was
    /// offered takes the place of the one before if all its rules load.
    ///
    /// # Errors
    /// When `compile` fails, when an offered text is refused, or when it cannot be kept.
    pub fn load(
        &self,
        on_fault: OnFault,
        compile: impl Fn(Option<&Path>) -> anyhow::Result<Ruleset>,
    ) -> anyhow::Result<Ruleset> {
        let path = self.state_dir.join(FILE);
        let offered = held(&self.offered).take();
        let Some(SealedRules { text, seal, .. }) = offered else {
            if !path.exists() {
                return compile(None);
            }
            let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
            let mut rules = compile(Some(&path))?;
            rules.published = hash(&text);
            return Ok(rules);
        };
        let hash = hash(text.as_bytes());
        match self.check(&text, on_fault, compile) {
            Ok(mut rules) => {
                // Before the text: where both are, they are of one age, or the seal is newer.
                let path_of_seal = self.state_dir.join(SEAL);
                std::fs::write(&path_of_seal, &seal)
                    .with_context(|| path_of_seal.display().to_string())?;
                if text.is_empty() {
                    remove(&path)?;
                } else {
                    std::fs::rename(self.state_dir.join(OFFERED), &path)
                        .with_context(|| path.display().to_string())?;
                }
                *held(&self.refused) = None;
                rules.published = hash;
                Ok(rules)
            }
            Err(error) => {
                let place = format!("{}:", self.state_dir.join(OFFERED).display());
                let reason = format!("{error:#}").replace(&place, "");
                *held(&self.refused) = Some((hash, reason));
                remove(&self.state_dir.join(OFFERED))?;
                Err(error.context("published rules are refused"))
            }
        }
    }

    fn check(
        &self,
        text: &str,
        on_fault: OnFault,
        compile: impl Fn(Option<&Path>) -> anyhow::Result<Ruleset>,
    ) -> anyhow::Result<Ruleset> {
        if text.is_empty() {
            return compile(None);
        }
        let path = self.state_dir.join(OFFERED);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
        file.sync_all()
            .with_context(|| path.display().to_string())?;
        let rules = compile(Some(&path))?;
        let name = path.display().to_string();
        let faults: Vec<String> = rules
            .failures
            .iter()
            .filter(|failure| failure.file == name || on_fault == OnFault::Refuse)
            .take(NAMED_FAULTS)
            .map(ToString::to_string)
            .collect();
        if !faults.is_empty() {
            bail!("{}", faults.join("; "));
        }
        Ok(rules)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

/// SHA-256, hexadecimal; empty for nothing.
fn hash(text: &[u8]) -> String {
    if text.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset;
    use crate::settings::Settings;

    fn rule(sid: u32, more: &str) -> String {
        format!(
            "alert tcp any any -> any any (msg:\"x\"; content:\"abcd\"; {more}sid:{sid}; rev:1;)\n"
        )
    }

    struct Bench {
        folder: tempfile::TempDir,
        published: Published,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("own.rules"), rule(1, "")).expect("written");
            let published = Published::new(folder.path());
            Bench { folder, published }
        }

        fn offer(&self, text: &str) {
            self.published.offer(SealedRules {
                manifest: Manifest {
                    hash: hash(text.as_bytes()),
                    text_bytes: text.len() as u64,
                    issued_ms: 0,
                },
                text: text.to_owned(),
                seal: Vec::new(),
            });
        }

        /// Numbers of the rules that would run, and what is told of the published ones.
        fn load(&self, on_fault: OnFault) -> Result<(Vec<u32>, RulesState), String> {
            let compile = |path: Option<&Path>| {
                let mut paths = vec![self.folder.path().join("own.rules")];
                paths.extend(path.map(Path::to_owned));
                ruleset::compile(&paths, &Settings::default())
            };
            let rules = self.published.load(on_fault, compile);
            let rules = rules.map_err(|error| format!("{error:#}"))?;
            let engine = &rules.engine;
            let mut sids: Vec<u32> = engine
                .indexes()
                .map(|index| engine.signature(index).sid)
                .collect();
            sids.sort_unstable();
            Ok((sids, self.published.state(&rules.published)))
        }
    }

    #[test]
    fn a_sound_text_is_kept_and_a_faulty_one_changes_nothing() {
        let bench = Bench::new();
        let (sids, state) = bench.load(OnFault::Skip).expect("own rules");
        assert_eq!((sids, state), (vec![1], RulesState::default()));
        let sound = rule(2, "");
        bench.offer(&sound);
        let (sids, state) = bench.load(OnFault::Skip).expect("sound rules");
        assert_eq!(sids, [1, 2]);
        assert_eq!(state.hash, hash(sound.as_bytes()));
        let faulty = rule(3, "") + &rule(4, "nonsense; ");
        bench.offer(&faulty);
        let refused = bench.load(OnFault::Skip).expect_err("a fault");
        assert!(refused.contains("nonsense"), "{refused}");
        // As after a restart: what was kept is there, what was refused is not.
        let (sids, state) = bench.load(OnFault::Skip).expect("the ones before");
        assert_eq!(sids, [1, 2]);
        let (hash_of, reason) = state.refused.expect("it is told");
        assert_eq!(hash_of, hash(faulty.as_bytes()));
        assert!(reason.starts_with("2:"), "line and column: {reason}");
        bench.offer("");
        let (sids, state) = bench.load(OnFault::Skip).expect("own rules");
        assert_eq!((sids, state), (vec![1], RulesState::default()));
        let left = std::fs::read_dir(bench.folder.path()).expect("the folder");
        // Their own, and the seal of the last.
        assert_eq!(left.count(), 2);
    }

    #[test]
    fn faults_of_own_rules_refuse_others_only_where_they_refuse_themselves() {
        let bench = Bench::new();
        let own = bench.folder.path().join("own.rules");
        std::fs::write(own, rule(1, "") + &rule(5, "nonsense; ")).expect("written");
        bench.offer(&rule(2, ""));
        let (sids, _) = bench.load(OnFault::Skip).expect("sound ones load");
        assert_eq!(sids, [1, 2]);
        bench.offer(&rule(3, ""));
        assert!(bench.load(OnFault::Refuse).is_err());
    }
}
