//! Files → rules that run: references resolved, filters joined, fields mapped, everything compiled.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ast::{Correlation, Document, Expr, Filter, Meta, Rule};
use super::correlate::{Compiled, Correlated, CorrelationState, Correlations, Input, Origin};
use super::diagnostic::{Diagnostic, Severity};
use super::engine::{Engine, EngineRule, MatchedField, RuleIndex, Scratch};
use super::pipeline::{Mapping, Pipeline, Source, Take};
use super::query::{self, Query};
use super::record::{RecordError, Slot};
use super::{document, limits, once};
use crate::signature::{Failure, ReadError, SourceFile, read_paths_ending};

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

/// What an event has brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Index into [`Ruleset::rules`].
    Rule(usize),
    /// Its index is into [`Ruleset::correlations`].
    Correlation(Correlated),
}

/// State of correlations, shared by workers: only events that match a rule come to it.
#[derive(Debug, Clone, Default)]
pub struct SharedState(Arc<Mutex<CorrelationState>>);

/// Runs a rule set over events, one at a time.
#[derive(Debug)]
pub struct Detector {
    ruleset: Arc<Ruleset>,
    scratch: Scratch,
    state: SharedState,
    seen: once::Seen,
    /// Rules that the event at hand matches, for the first time.
    hits: Vec<RuleIndex>,
    findings: Vec<Finding>,
    correlated: Vec<Correlated>,
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

#[derive(Default)]
struct Loader {
    rules: Vec<(String, Rule)>,
    correlations: Vec<(String, Correlation)>,
    filters: Vec<(String, Filter)>,
    diagnostics: Vec<FileDiagnostic>,
    refused: usize,
}

/// What a correlation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Rule(usize),
    Correlation(usize),
}

impl Loader {
    fn tell(&mut self, file: &str, diagnostic: Diagnostic) {
        self.diagnostics.push(FileDiagnostic {
            file: file.to_owned(),
            diagnostic,
        });
    }

    fn finish(mut self, pipeline: &Pipeline) -> Ruleset {
        self.check_ids();
        self.join_filters();
        let order = self.resolve();
        let mut rules: Vec<LoadedRule> = Vec::with_capacity(self.rules.len());
        for (file, rule) in std::mem::take(&mut self.rules) {
            let mapping = match pipeline.mapping(&rule.logsource, rule.meta.taxonomy.as_deref()) {
                Ok(mapping) => mapping,
                Err(reason) => {
                    self.refused += 1;
                    let place = rule.meta.place;
                    self.tell(&file, Diagnostic::error(place, reason));
                    None
                }
            };
            let query = mapping
                .as_ref()
                .map(|mapping| query::of_rule(&rule, mapping));
            rules.push(LoadedRule {
                file,
                rule,
                mapping,
                query,
                alerts: true,
            });
        }
        let mut running = Vec::new();
        let mut engine_rules = Vec::new();
        for (index, own) in rules.iter().enumerate() {
            if let (Some(mapping), Some(query)) = (&own.mapping, &own.query) {
                running.push(index);
                engine_rules.push(EngineRule {
                    events: mapping.events.clone(),
                    query: query.clone(),
                });
            }
        }
        let mut engine = Engine::new(&engine_rules, pipeline.time_zone_s);
        let once = once_of(&rules, &running, &mut engine);
        let mut correlations: Vec<LoadedCorrelation> = Vec::new();
        let mut compiled = Correlations::default();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for (index, named) in &order {
            let Some((file, correlation)) = self.correlations.get(*index) else {
                continue;
            };
            let own = correlations.len();
            places.insert(*index, own);
            let mut inputs = HashMap::new();
            for (reference, named) in named.iter().enumerate() {
                let target = match named {
                    Named::Rule(rule) => {
                        if let Some(rule) = rules.get_mut(*rule) {
                            rule.alerts &= correlation.generate;
                        }
                        None
                    }
                    Named::Correlation(inner) => places.get(inner).copied(),
                };
                if let Some(inner) = target {
                    if let Some(inner) = correlations.get_mut(inner) {
                        inner.alerts &= correlation.generate;
                    }
                    compiled
                        .by_correlation
                        .entry(number(inner))
                        .or_default()
                        .push((number(own), number(reference)));
                }
                for leaf in self.leaves(*named, &order, 0) {
                    let Some(at) = running.iter().position(|rule| *rule == leaf) else {
                        continue;
                    };
                    let Some(mapping) = rules.get(leaf).and_then(|rule| rule.mapping.as_ref())
                    else {
                        continue;
                    };
                    let called = self.names_of(*named, &rules);
                    let read = |engine: &mut Engine, field: &str| -> Vec<Slot> {
                        let field = aliased(correlation, field, &called);
                        mapping
                            .sources(field)
                            .iter()
                            .map(|source| engine.slot(source))
                            .collect()
                    };
                    let mut input = Input::default();
                    for field in &correlation.group_by {
                        let slots = read(&mut engine, field);
                        input.group.push(slots);
                    }
                    for field in &correlation.condition.fields {
                        let slots = read(&mut engine, field);
                        input.values.push(slots);
                    }
                    inputs.insert((number(reference), number(at)), input);
                    if target.is_none() {
                        compiled
                            .by_rule
                            .entry(number(at))
                            .or_default()
                            .push((number(own), number(reference)));
                    }
                }
            }
            compiled.list.push(Compiled {
                kind: correlation.kind,
                condition: correlation.condition.clone(),
                timespan_ns: i64::try_from(correlation.timespan_s)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(1_000_000_000),
                references: named.len(),
                group_by: correlation.group_by.clone(),
                inputs,
            });
            correlations.push(LoadedCorrelation {
                file: file.clone(),
                correlation: correlation.clone(),
                alerts: true,
            });
        }
        Ruleset {
            rules,
            correlations,
            diagnostics: self.diagnostics,
            refused: self.refused,
            engine,
            running,
            once,
            compiled,
        }
    }

    /// An id that two documents have cannot tell them apart.
    fn check_ids(&mut self) {
        let mut seen: HashMap<String, String> = HashMap::new();
        let mut faults = Vec::new();
        let metas = self
            .rules
            .iter()
            .map(|(file, rule)| (file, &rule.meta))
            .chain(
                self.correlations
                    .iter()
                    .map(|(file, own)| (file, &own.meta)),
            );
        for (file, meta) in metas {
            let Some(id) = &meta.id else { continue };
            if let Some(first) = seen.insert(id.to_ascii_lowercase(), file.clone()) {
                let reason = format!("the id {id} is also that of a rule in {first}");
                faults.push((file.clone(), Diagnostic::warning(meta.place, reason)));
            }
        }
        for (file, fault) in faults {
            self.tell(&file, fault);
        }
    }

    fn join_filters(&mut self) {
        let filters = std::mem::take(&mut self.filters);
        for (file, filter) in &filters {
            let mut joined = 0;
            for (_, rule) in &mut self.rules {
                let named = filter
                    .rules
                    .as_ref()
                    .is_none_or(|names| names.iter().any(|name| rule.meta.is_called(&name.name)));
                if named && filter.logsource.covers(&rule.logsource) {
                    joined += 1;
                    let own = std::mem::replace(&mut rule.expression, Expr::Or(Vec::new()));
                    rule.expression = Expr::And(vec![own, filter.keep.clone()]);
                }
            }
            if joined == 0 {
                let reason =
                    "the filter meets no rule: none that it names is loaded with its log source";
                self.tell(file, Diagnostic::warning(filter.meta.place, reason));
            }
        }
    }

    /// Correlations with what they name, each after those that it names.
    fn resolve(&mut self) -> Vec<(usize, Vec<Named>)> {
        let mut resolved: Vec<Option<Vec<Named>>> = Vec::new();
        let mut faults: Vec<(String, Diagnostic)> = Vec::new();
        let mut rules: HashMap<String, usize> = HashMap::new();
        let mut correlations: HashMap<String, usize> = HashMap::new();
        let names = |meta: &Meta| -> Vec<String> {
            let id = meta.id.as_ref().map(|id| id.to_ascii_lowercase());
            id.into_iter().chain(meta.name.clone()).collect()
        };
        for (index, (_, rule)) in self.rules.iter().enumerate() {
            for name in names(&rule.meta) {
                rules.entry(name).or_insert(index);
            }
        }
        for (index, (_, own)) in self.correlations.iter().enumerate() {
            for name in names(&own.meta) {
                correlations.entry(name).or_insert(index);
            }
        }
        for (file, correlation) in &self.correlations {
            let mut named = Vec::new();
            for reference in &correlation.rules {
                let id = reference.name.to_ascii_lowercase();
                let find = |map: &HashMap<String, usize>| {
                    map.get(&reference.name).or_else(|| map.get(&id)).copied()
                };
                match (find(&rules), find(&correlations)) {
                    (Some(rule), _) => named.push(Named::Rule(rule)),
                    (None, Some(own)) => named.push(Named::Correlation(own)),
                    (None, None) => faults.push((
                        file.clone(),
                        Diagnostic::error(
                            reference.place,
                            format!(
                                "no rule is called {:?}: give its name or id, and load its file too",
                                reference.name
                            ),
                        ),
                    )),
                }
            }
            let complete = named.len() == correlation.rules.len();
            resolved.push(complete.then_some(named));
        }
        // By depth; what never becomes ready names itself, or what was refused.
        let mut order: Vec<(usize, Vec<Named>)> = Vec::new();
        let mut ready = vec![false; resolved.len()];
        for _ in 0..=limits::CHAIN_DEPTH {
            let before = ready.clone();
            for (index, named) in resolved.iter().enumerate() {
                let Some(named) = named.as_ref().filter(|_| !before[index]) else {
                    continue;
                };
                let is_ready = named.iter().all(|named| match named {
                    Named::Rule(_) => true,
                    Named::Correlation(inner) => before[*inner],
                });
                if is_ready {
                    ready[index] = true;
                    order.push((index, named.clone()));
                }
            }
        }
        for (index, (file, correlation)) in self.correlations.iter().enumerate() {
            if ready[index] {
                continue;
            }
            self.refused += 1;
            if resolved[index].is_some() {
                let reason = format!(
                    "the correlation names itself in a circle, or one that is refused, or stands more than {} deep",
                    limits::CHAIN_DEPTH
                );
                faults.push((
                    file.clone(),
                    Diagnostic::error(correlation.meta.place, reason),
                ));
            }
        }
        for (file, fault) in faults {
            self.tell(&file, fault);
        }
        order
    }

    /// Rules whose events come to stand for what is named.
    fn leaves(&self, named: Named, order: &[(usize, Vec<Named>)], depth: usize) -> Vec<usize> {
        match named {
            Named::Rule(rule) => vec![rule],
            Named::Correlation(_) if depth > limits::CHAIN_DEPTH => Vec::new(),
            Named::Correlation(own) => {
                let inner = order.iter().find(|(index, _)| *index == own);
                let mut leaves: Vec<usize> = inner
                    .into_iter()
                    .flat_map(|(_, named)| named)
                    .flat_map(|named| self.leaves(*named, order, depth + 1))
                    .collect();
                leaves.sort_unstable();
                leaves.dedup();
                leaves
            }
        }
    }

    /// What aliases may call it.
    fn names_of(&self, named: Named, rules: &[LoadedRule]) -> Vec<String> {
        let meta = match named {
            Named::Rule(rule) => rules.get(rule).map(|rule| &rule.rule.meta),
            Named::Correlation(own) => self.correlations.get(own).map(|(_, own)| &own.meta),
        };
        let meta = meta.into_iter();
        meta.flat_map(|meta| meta.id.iter().chain(&meta.name).cloned())
            .collect()
    }
}

/// What tells again of the same, for each rule of the engine.
fn once_of(
    rules: &[LoadedRule],
    running: &[usize],
    engine: &mut Engine,
) -> Vec<Option<Arc<once::Compiled>>> {
    let mut slot = |path: &str| {
        engine.slot(&Source {
            path: path.to_owned(),
            take: Take::Whole,
        })
    };
    let mut of = |index: &usize| {
        let own = rules.get(*index)?.mapping.as_ref()?.once.as_ref()?;
        Some(Arc::new(once::Compiled {
            kind: slot(&own.path),
            values: own.values.clone(),
            by: own.by.iter().map(|path| slot(path)).collect(),
        }))
    };
    running.iter().map(&mut of).collect()
}

fn aliased<'a>(correlation: &'a Correlation, field: &'a str, called: &[String]) -> &'a str {
    correlation
        .aliases
        .iter()
        .find(|alias| alias.name == field)
        .and_then(|alias| alias.fields.iter().find(|(rule, _)| called.contains(rule)))
        .map_or(field, |(_, field)| field)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
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

impl SharedState {
    /// As bytes, for [`SharedState::read`].
    ///
    /// # Errors
    /// When a sum is no number any more.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_vec(&*state)
    }

    /// What the state of the same rules was when it was written.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn read(bytes: &[u8]) -> serde_json::Result<SharedState> {
        Ok(SharedState(Arc::new(Mutex::new(serde_json::from_slice(
            bytes,
        )?))))
    }

    /// Groups that were forgotten for want of room, and events that came too late.
    pub fn left_out(&self) -> (u64, u64) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.forgotten, state.late)
    }
}

impl Detector {
    pub fn new(ruleset: Arc<Ruleset>, state: SharedState) -> Detector {
        Detector {
            ruleset,
            scratch: Scratch::default(),
            state,
            seen: once::Seen::default(),
            hits: Vec::new(),
            findings: Vec::new(),
            correlated: Vec::new(),
        }
    }

    pub fn ruleset(&self) -> &Arc<Ruleset> {
        &self.ruleset
    }

    /// [`SharedState::left_out`] of its state.
    pub fn left_out(&self) -> (u64, u64) {
        self.state.left_out()
    }

    /// Runs an event in JSON. Correlations go by `at_ns`, or by the event's `timestamp`, or by the last that had one.
    ///
    /// # Errors
    /// When the text is no event.
    pub fn run(&mut self, json: &str, at_ns: Option<i64>) -> Result<&[Finding], RecordError> {
        self.run_from(json, at_ns, Origin::default())
    }

    /// [`Detector::run`], where events come from several places.
    ///
    /// # Errors
    /// When the text is no event.
    pub fn run_from(
        &mut self,
        json: &str,
        at_ns: Option<i64>,
        origin: Origin,
    ) -> Result<&[Finding], RecordError> {
        self.findings.clear();
        let ruleset = Arc::clone(&self.ruleset);
        ruleset.engine.run(json, &mut self.scratch)?;
        self.hits.clear();
        for &hit in self.scratch.hits() {
            let once = ruleset.once.get(hit as usize).and_then(Option::as_ref);
            if once.is_none_or(|once| !self.seen.again(once, hit, &self.scratch.record)) {
                self.hits.push(hit);
            }
        }
        let correlates = !ruleset.compiled.list.is_empty();
        if self.hits.is_empty() || !correlates {
            self.tell_rules(&ruleset);
            return Ok(&self.findings);
        }
        let at_ns = at_ns.or_else(|| ruleset.engine.time_ns(&self.scratch));
        self.correlated.clear();
        {
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            let at_ns = at_ns.unwrap_or(state.now());
            ruleset
                .compiled
                .advance(&mut state, at_ns, &mut self.correlated);
            for &hit in &self.hits {
                ruleset.compiled.observe(
                    &mut state,
                    hit,
                    &self.scratch.record,
                    (at_ns, origin),
                    &mut self.correlated,
                );
            }
        }
        self.tell_rules(&ruleset);
        self.tell_correlations(&ruleset);
        Ok(&self.findings)
    }

    /// The stream's time has come to `at_ns` without an event that matters.
    pub fn advance(&mut self, at_ns: i64) -> &[Finding] {
        self.findings.clear();
        let ruleset = Arc::clone(&self.ruleset);
        if !ruleset.compiled.list.is_empty() {
            self.correlated.clear();
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            ruleset
                .compiled
                .advance(&mut state, at_ns, &mut self.correlated);
        }
        self.tell_correlations(&ruleset);
        &self.findings
    }

    /// The stream has ended: judges the windows that are open.
    pub fn finish(&mut self) -> &[Finding] {
        self.findings.clear();
        self.correlated.clear();
        let ruleset = Arc::clone(&self.ruleset);
        {
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            ruleset.compiled.finish(&mut state, &mut self.correlated);
        }
        self.tell_correlations(&ruleset);
        &self.findings
    }

    /// The fields by which a rule has matched the last event.
    pub fn matched(&self, rule: usize) -> Vec<MatchedField> {
        let own = self.ruleset.running.binary_search(&rule);
        own.map_or_else(
            |_| Vec::new(),
            |at| self.ruleset.engine.matched(number(at), &self.scratch),
        )
    }

    fn tell_rules(&mut self, ruleset: &Ruleset) {
        for &hit in &self.hits {
            let index = ruleset.index_of(hit);
            if ruleset.rules.get(index).is_some_and(|rule| rule.alerts) {
                self.findings.push(Finding::Rule(index));
            }
        }
    }

    fn tell_correlations(&mut self, ruleset: &Ruleset) {
        for found in self.correlated.drain(..) {
            let own = ruleset.correlations.get(found.correlation as usize);
            if own.is_some_and(|own| own.alerts) && !found.repeated {
                self.findings.push(Finding::Correlation(found));
            }
        }
    }
}
