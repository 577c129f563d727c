//! Files → rules that run: references resolved, filters joined, fields mapped, everything compiled.

mod detector;
mod loader;

use std::path::PathBuf;
use std::sync::Arc;

use super::ast::{Correlation, Document, Rule};
use super::correlate::Correlations;
use super::diagnostic::{Diagnostic, Severity};
use super::engine::{Engine, RuleIndex};
use super::pipeline::{Mapping, Pipeline};
use super::query::Query;
use super::{document, once};
use crate::signature::{Failure, ReadError, SourceFile, read_paths_ending};

pub use detector::{Detector, Finding, SharedState};
use loader::Loader;

/// A diagnostic with its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiagnostic {
    pub file: String,
    pub diagnostic: Diagnostic,
}

impl From<&FileDiagnostic> for Failure {
    fn from(own: &FileDiagnostic) -> Failure {
        Failure {
            file: own.file.clone(),
            line: own.diagnostic.place.line,
            column: own.diagnostic.place.column,
            sid: None,
            keyword: None,
            reason: own.diagnostic.reason.clone(),
        }
    }
}

/// A rule that is loaded.
#[derive(Debug, Clone)]
pub struct LoadedRule {
    pub file: String,
    /// With filters joined.
    pub rule: Rule,
    /// How it reads events; none: no events are known for its log source, and it waits.
    pub mapping: Option<Mapping>,
    /// What it asks of events, where it runs.
    pub query: Option<Query>,
    /// Whether a match is an alert by itself; not when it only serves correlations.
    pub alerts: bool,
}

#[derive(Debug, Clone)]
pub struct LoadedCorrelation {
    pub file: String,
    pub correlation: Correlation,
    pub alerts: bool,
}

/// Everything that was loaded; shared by all workers.
#[derive(Debug)]
pub struct Ruleset {
    pub rules: Vec<LoadedRule>,
    pub correlations: Vec<LoadedCorrelation>,
    pub diagnostics: Vec<FileDiagnostic>,
    /// Documents that were refused.
    pub refused: usize,
    engine: Engine,
    /// Rule of each rule of the engine.
    running: Vec<usize>,
    /// By rule of the engine.
    once: Vec<Option<Arc<once::Compiled>>>,
    compiled: Correlations,
}

/// Reads files, and folders with all `*.yml` and `*.yaml` below them, in the order of their names. Files of a folder
/// that hold a list are passed over: tests and guidance lie beside rules.
///
/// # Errors
/// When one of them cannot be read.
pub fn read_paths(paths: &[PathBuf]) -> Result<Vec<SourceFile>, ReadError> {
    let mut sources = Vec::new();
    for path in paths {
        let mut own = read_paths_ending(std::slice::from_ref(path), &["yml", "yaml"])?;
        if path.is_dir() {
            own.retain(|source| !is_list(&source.text));
        }
        sources.append(&mut own);
    }
    Ok(sources)
}

/// Whether the first document of a text is a list, which no rule is.
pub fn is_list(text: &str) -> bool {
    let first = text
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with('#') && line.trim_end() != "---");
    first.is_some_and(|line| line == "-" || line.starts_with("- "))
}

/// Loads files with one pipeline.
pub fn load(sources: &[SourceFile], pipeline: &Pipeline) -> Ruleset {
    let mut loader = Loader::default();
    for source in sources {
        let parsed = document::parse(&source.text, &pipeline.placeholders);
        loader.refused += parsed.refused;
        for diagnostic in parsed.diagnostics {
            loader.tell(&source.name, diagnostic);
        }
        for document in parsed.documents {
            match document {
                Document::Rule(rule) => loader.rules.push((source.name.clone(), rule)),
                Document::Correlation(own) => loader.correlations.push((source.name.clone(), own)),
                Document::Filter(filter) => loader.filters.push((source.name.clone(), filter)),
            }
        }
    }
    loader.finish(pipeline)
}

impl Ruleset {
    /// Whether windows are judged as time passes.
    pub fn correlates(&self) -> bool {
        !self.compiled.list.is_empty()
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Rules that run on some events.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether any document is refused.
    pub fn has_errors(&self) -> bool {
        self.refused > 0
            || self
                .diagnostics
                .iter()
                .any(|own| own.diagnostic.severity == Severity::Error)
    }

    fn index_of(&self, rule: RuleIndex) -> usize {
        self.running
            .get(rule as usize)
            .copied()
            .unwrap_or(usize::MAX)
    }
}
