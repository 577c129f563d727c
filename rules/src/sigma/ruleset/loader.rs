//! Documents → rules that run: references resolved, filters joined, fields mapped, everything compiled.

use std::collections::HashMap;
use std::sync::Arc;

use super::{FileDiagnostic, LoadedCorrelation, LoadedRule, Ruleset};
use crate::sigma::ast::{Correlation, Expr, Filter, Meta, Rule};
use crate::sigma::correlate::{Compiled, Correlations, Input};
use crate::sigma::diagnostic::Diagnostic;
use crate::sigma::engine::{Engine, EngineRule};
use crate::sigma::pipeline::{Pipeline, Source, Take};
use crate::sigma::record::Slot;
use crate::sigma::{limits, once, query};

#[derive(Default)]
pub(super) struct Loader {
    pub(super) rules: Vec<(String, Rule)>,
    pub(super) correlations: Vec<(String, Correlation)>,
    pub(super) filters: Vec<(String, Filter)>,
    diagnostics: Vec<FileDiagnostic>,
    pub(super) refused: usize,
}

/// What a correlation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Rule(usize),
    Correlation(usize),
}

impl Loader {
    pub(super) fn tell(&mut self, file: &str, diagnostic: Diagnostic) {
        self.diagnostics.push(FileDiagnostic {
            file: file.to_owned(),
            diagnostic,
        });
    }

    pub(super) fn finish(mut self, pipeline: &Pipeline) -> Ruleset {
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
                    "the correlation names itself in a circle, or one that is refused, or stands more than {} deep: name rules, or mend what it names",
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

pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
