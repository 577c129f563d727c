//! Sigma rules on the sensor: loaded, run over records as they are made, and told as alerts like any other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rules::sigma::ast::{Level, Meta};
use rules::sigma::{Detector, Finding, GENERATOR, Pipeline, Ruleset, SharedState};
use rules::signature::{Parsed, SourceFile, apply_threshold_file, parse_rule};
use sensor_detect::{Engine, Names, Options};
use sensor_event::{Alert, Common, Json};

use crate::settings::Settings;

/// Sigma rules with what their alerts say, for all workers.
pub struct SigmaRules {
    pub ruleset: Arc<Ruleset>,
    /// Their text, until it is hashed.
    pub sources: Vec<SourceFile>,
    state: SharedState,
    /// Stands for the rules where suppressions and thresholds are looked up.
    gate: Engine,
    rules: Vec<Told>,
    correlations: Vec<Told>,
}

/// What alerts of a rule say.
struct Told {
    meta: Meta,
    sid: u32,
    category: String,
    metadata: BTreeMap<String, Vec<String>>,
    /// Its number in the gate.
    gate: Option<u32>,
}

/// Loads Sigma rules; what is faulty in them is told in the log.
///
/// # Errors
/// When a file cannot be read, or a pipeline is faulty.
pub fn load(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<SigmaRules> {
    of_sources(rules::sigma::read_paths(paths)?, settings)
}

/// Loads Sigma rules in text.
///
/// # Errors
/// When a pipeline or the threshold file cannot be read, or a pipeline is faulty.
pub fn of_sources(sources: Vec<SourceFile>, settings: &Settings) -> anyhow::Result<SigmaRules> {
    let ruleset = Arc::new(rules::sigma::load(&sources, &pipeline(settings)?));
    let rules: Vec<Meta> = ruleset
        .rules
        .iter()
        .map(|own| own.rule.meta.clone())
        .collect();
    let correlations: Vec<Meta> = ruleset
        .correlations
        .iter()
        .map(|own| own.correlation.meta.clone())
        .collect();
    let names = Names::compiled_in();
    let mut signatures = Vec::new();
    for meta in rules.iter().chain(&correlations) {
        let text = format!(
            "alert ip any any -> any any (msg:\"Sigma\"; gid:{GENERATOR}; sid:{}; rev:1;)",
            meta.sid()
        );
        let parsed = parse_rule(&text, &names.vocabulary, &settings.environment);
        if let Ok(Parsed::Signature { signature, .. }) = parsed {
            signatures.push(*signature);
        }
    }
    if let Some(path) = &settings.threshold_file {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        // Rows that name other rules are told where those are loaded.
        apply_threshold_file(&text, &settings.environment, &mut signatures);
    }
    let (gate, _) = Engine::new(names, signatures, Options::default());
    let told = |metas: Vec<Meta>, kind: &str| -> Vec<Told> {
        metas
            .into_iter()
            .map(|meta| {
                let sid = meta.sid();
                Told {
                    category: kind.to_owned(),
                    metadata: metadata(&meta),
                    gate: gate.find(sid).first().copied(),
                    sid,
                    meta,
                }
            })
            .collect()
    };
    Ok(SigmaRules {
        rules: told(rules, "Sigma rule"),
        correlations: told(correlations, "Sigma correlation"),
        ruleset,
        sources,
        state: SharedState::default(),
        gate,
    })
}

/// The shipped pipeline under those of the settings.
///
/// # Errors
/// When one cannot be read or is faulty.
pub fn pipeline(settings: &Settings) -> anyhow::Result<Pipeline> {
    let mut pipeline = Pipeline::eve();
    for path in &settings.sigma_pipelines {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (own, faults) = Pipeline::parse(&text);
        if let Some(fault) = faults.first() {
            bail!("{}:{fault}", path.display());
        }
        pipeline.overlay(own);
    }
    Ok(pipeline)
}

/// What is told of a rule beside its number and title.
fn metadata(meta: &Meta) -> BTreeMap<String, Vec<String>> {
    let level = meta.level.map_or("unknown", Level::name);
    let severity = match meta.level {
        Some(Level::Critical) => "Critical",
        Some(Level::High) => "Major",
        Some(Level::Medium) => "Minor",
        _ => "Informational",
    };
    let mut out = BTreeMap::from([
        ("sigma_level".to_owned(), vec![level.to_owned()]),
        ("signature_severity".to_owned(), vec![severity.to_owned()]),
    ]);
    if let Some(id) = &meta.id {
        out.insert("sigma_id".to_owned(), vec![id.clone()]);
    }
    if !meta.tags.is_empty() {
        out.insert("sigma_tags".to_owned(), meta.tags.clone());
    }
    if let Some(technique) = meta.technique() {
        out.insert("mitre_technique_id".to_owned(), vec![technique]);
    }
    out
}

/// One finding, ready to be written.
pub struct Found<'a> {
    pub alert: Alert<'a>,
    /// Which ends of the event the alert is about.
    pub ends: [bool; 2],
    /// Whether the event that completed it stands in the alert.
    pub with_event: bool,
}

impl SigmaRules {
    /// Tells in the log what was loaded, and what not.
    pub fn tell(&self) {
        let ruleset = &self.ruleset;
        for own in &ruleset.diagnostics {
            tracing::warn!("{}:{}", own.file, own.diagnostic);
        }
        tracing::info!(
            loaded = ruleset.rules.len(),
            correlations = ruleset.correlations.len(),
            waiting = ruleset.rules.len() - ruleset.running(),
            failed = ruleset.refused,
            "Sigma rules"
        );
    }

    /// Of rules and correlations.
    pub fn metas(&self) -> impl Iterator<Item = &Meta> {
        self.rules
            .iter()
            .chain(&self.correlations)
            .map(|told| &told.meta)
    }

    pub fn detector(&self) -> Detector {
        Detector::new(Arc::clone(&self.ruleset), self.state.clone())
    }

    /// The alert of a finding; none where it is suppressed or thinned out.
    pub fn alert<'a>(
        &'a self,
        finding: &Finding,
        detector: &Detector,
        common: &Common<'_>,
    ) -> Option<Found<'a>> {
        let text = |text: &str| Json::Text(text.to_owned());
        let (told, details, ends) = match finding {
            Finding::Rule(index) => {
                let mut fields: Vec<(String, Json)> = Vec::new();
                for matched in detector.matched(*index) {
                    let name = if matched.field.is_empty() {
                        "keyword".to_owned()
                    } else {
                        matched.field
                    };
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, Json::List(values))) => values.push(Json::Text(matched.value)),
                        _ => fields.push((name, Json::List(vec![Json::Text(matched.value)]))),
                    }
                }
                let details = vec![("fields".to_owned(), Json::Object(fields))];
                (self.rules.get(*index)?, details, [true; 2])
            }
            Finding::Correlation(found) => {
                let told = self.correlations.get(found.correlation as usize)?;
                let group: Vec<(String, Json)> = found
                    .group
                    .iter()
                    .map(|(name, value)| (name.clone(), text(value)))
                    .collect();
                let seconds = (found.last_ns - found.first_ns) as f64 / 1e9;
                let details = vec![
                    ("group".to_owned(), Json::Object(group)),
                    ("value".to_owned(), Json::Float(found.value)),
                    ("seconds".to_owned(), Json::Float(seconds)),
                ];
                (told, details, ends(found, common))
            }
        };
        let addresses = common.src_ip.zip(common.dest_ip);
        if let Some(gate) = told.gate
            && !self.gate.tells(gate, addresses, common.timestamp.0)
        {
            return None;
        }
        let level = told.meta.level.unwrap_or(Level::Medium);
        let alert = Alert {
            action: "allowed",
            gid: GENERATOR,
            signature_id: told.sid,
            rev: 1,
            signature: &told.meta.title,
            category: &told.category,
            severity: level.severity(),
            source: None,
            target: None,
            references: None,
            metadata: Some(
                told.metadata
                    .iter()
                    .map(|(key, values)| {
                        (key.as_str(), values.iter().map(String::as_str).collect())
                    })
                    .collect(),
            ),
            context: Some(Json::Object(vec![(
                "sigma".to_owned(),
                Json::Object(details),
            )])),
            rule: None,
            xff: None,
        };
        Some(Found {
            alert,
            ends,
            with_event: matches!(finding, Finding::Rule(_)) || common.src_ip.is_some(),
        })
    }
}

/// A correlation over one end's address is about that end; the other only happens to be that of the last event.
fn ends(found: &rules::sigma::Correlated, common: &Common<'_>) -> [bool; 2] {
    let grouped = |address: Option<IpAddr>| {
        address.is_some_and(|address| {
            found
                .group
                .iter()
                .any(|(_, value)| value.parse() == Ok(address))
        })
    };
    match [grouped(common.src_ip), grouped(common.dest_ip)] {
        [false, false] => [true; 2],
        ends => ends,
    }
}
