//! Files of rules → a compiled rule set, with everything that is wrong with them.

use std::path::PathBuf;
use std::sync::Arc;

use rules::signature::{Environment, Failure, Report, SourceFile, load, read_paths};
use sensor_detect::{Engine, Names};
use sha2::{Digest, Sha256};

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
pub fn compile(paths: &[PathBuf], environment: &Environment) -> anyhow::Result<Ruleset> {
    let sources = read_paths(paths)?;
    let hash = hash(&sources);
    let names = Names::compiled_in();
    let Report {
        signatures,
        mut failures,
        warnings,
        skipped,
    } = load(&sources, &names.vocabulary, environment);
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
    let (engine, faults) = Engine::new(names, signatures, directories);
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
