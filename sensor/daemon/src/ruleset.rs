//! Files of rules → a compiled rule set, with everything that is wrong with them.

use std::path::PathBuf;
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
}

/// Loads and compiles rules.
///
/// # Errors
/// When a file cannot be read. Faults of rules are in the answer.
pub fn compile(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Ruleset> {
    let environment = &settings.environment;
    let sources = read_paths(paths)?;
    let hash = hash(&sources);
    let names = Names::compiled_in();
    let Report {
        mut signatures,
        mut failures,
        mut warnings,
        skipped,
    } = load(&sources, &names.vocabulary, environment);
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
    let parsed = signatures.len();
    let options = Options {
        directories,
        action_order: settings.action_order,
        failed: failed(&failures),
        skipped,
    };
    let (engine, faults) = Engine::new(names, signatures, options);
    for fault in &faults {
        failures.push(place(&sources, fault));
    }
    Ok(Ruleset {
        engine: Arc::new(engine),
        failures,
        warnings,
        loaded: parsed - faults.len(),
        skipped,
        hash,
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

/// Where the rule of a fault stands.
fn place(sources: &[SourceFile], fault: &sensor_detect::CompileFault) -> Failure {
    let found = sources.iter().find_map(|file| {
        let line = file
            .text
            .lines()
            .position(|line| line.trim() == fault.text)?;
        Some((file.name.clone(), line + 1))
    });
    let (file, line) = found.unwrap_or_default();
    Failure {
        file,
        line,
        column: 1,
        sid: Some(fault.sid),
        keyword: None,
        reason: fault.reason.clone(),
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
