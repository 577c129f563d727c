//! Files of rules → a compiled rule set, with everything that is wrong with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rules::signature::{Failure, Report, SourceFile, apply_threshold_file, load, read_paths};
use sensor_detect::{Engine, Names, Options};
use sha2::{Digest, Sha256};

use crate::settings::Settings;

/// Rules ready to run.
pub struct Ruleset {
    pub engine: Arc<Engine>,
    pub failures: Vec<Failure>,
    pub warnings: Vec<Failure>,
    pub loaded: usize,
    pub skipped: usize,
    /// SHA-256 of all rule text, in hexadecimal: which rules a sensor runs.
    pub hash: String,
    places: HashMap<String, (String, usize)>,
}

/// Loads and compiles the rules of files.
///
/// # Errors
/// When a file cannot be read. Faults of rules are in the answer.
pub fn compile(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Ruleset> {
    let directories = paths
        .iter()
        .filter_map(|path| {
            if path.is_dir() {
                Some(path.clone())
            } else {
                path.parent().map(PathBuf::from)
            }
        })
        .collect();
    of_sources(&read_paths(paths)?, directories, settings)
}

/// Compiles rules in text; files that they name are looked for in `folder`.
///
/// # Errors
/// When the threshold file of the settings cannot be read.
pub fn of_text(text: &str, folder: &Path, settings: &Settings) -> anyhow::Result<Ruleset> {
    let source = SourceFile {
        name: "rule".to_owned(),
        text: text.to_owned(),
    };
    of_sources(&[source], vec![folder.to_owned()], settings)
}

fn of_sources(
    sources: &[SourceFile],
    directories: Vec<PathBuf>,
    settings: &Settings,
) -> anyhow::Result<Ruleset> {
    let environment = &settings.environment;
    let names = Names::compiled_in();
    let Report {
        mut signatures,
        mut failures,
        mut warnings,
        skipped,
    } = load(sources, &names.vocabulary, environment);
    if let Some(path) = &settings.threshold_file {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (line, reason) in apply_threshold_file(&text, environment, &mut signatures) {
            warnings.push(Failure {
                file: path.display().to_string(),
                line,
                column: 1,
                sid: None,
                keyword: None,
                reason,
            });
        }
    }
    let parsed = signatures.len();
    let options = Options {
        directories,
        action_order: settings.action_order,
        failed: failed(&failures),
        skipped,
    };
    let (engine, faults) = Engine::new(names, signatures, options);
    let places = places(sources);
    for fault in &faults {
        failures.push(place(&places, &fault.text, fault.sid, fault.reason.clone()));
    }
    Ok(Ruleset {
        engine: Arc::new(engine),
        failures,
        warnings,
        loaded: parsed - faults.len(),
        skipped,
        hash: hash(sources),
        places,
    })
}

/// Rules among the failures: one with several faults is one failed rule.
fn failed(failures: &[Failure]) -> usize {
    let mut places: Vec<(&str, usize)> = failures
        .iter()
        .map(|failure| (failure.file.as_str(), failure.line))
        .collect();
    places.dedup();
    places.len()
}

/// Where each rule stands, by its text: file and line.
fn places(sources: &[SourceFile]) -> HashMap<String, (String, usize)> {
    let mut places = HashMap::new();
    for file in sources {
        for (index, line) in file.text.lines().enumerate() {
            let text = line.trim();
            if !text.is_empty() && !text.starts_with('#') {
                places
                    .entry(text.to_owned())
                    .or_insert_with(|| (file.name.clone(), index + 1));
            }
        }
    }
    places
}

fn place(
    places: &HashMap<String, (String, usize)>,
    text: &str,
    sid: u32,
    reason: String,
) -> Failure {
    let (file, line) = places.get(text).cloned().unwrap_or_default();
    Failure {
        file,
        line,
        column: 1,
        sid: Some(sid),
        keyword: None,
        reason,
    }
}

impl Ruleset {
    /// Warnings of the rules' text, and advice on how they are looked for.
    pub fn all_warnings(&self) -> Vec<Failure> {
        let mut warnings = self.warnings.clone();
        for index in self.engine.indexes() {
            let signature = self.engine.signature(index);
            for advice in self.engine.advice(index) {
                warnings.push(place(
                    &self.places,
                    &signature.text,
                    signature.sid,
                    advice.to_owned(),
                ));
            }
        }
        warnings
    }
}

fn hash(sources: &[SourceFile]) -> String {
    let mut hash = Sha256::new();
    for file in sources {
        hash.update(file.text.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
