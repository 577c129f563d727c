//! Sigma rules on the sensor: loaded, run over records as they are made, and told as alerts like any other.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rules::sigma::ast::Meta;
use rules::sigma::{
    Details, Detector, Diagnostic, FileDiagnostic, Finding, GENERATOR, Pipeline, Place, Ruleset,
    Severity, SharedState, Told, concerns, whom,
};
use rules::signature::{Parsed, SourceFile, ThresholdFile, parse_rule};
use sensor_detect::{Engine, Names, Options};
use sensor_event::{Alert, Common, OfSigma};

use crate::settings::Settings;

/// Sigma rules with what their alerts say, for all workers.
pub struct SigmaRules {
    pub ruleset: Arc<Ruleset>,
    /// Their text, until it is hashed.
    pub sources: Vec<SourceFile>,
    /// What may be said of rules that load, and of lines of the threshold file that are meant for none of them.
    pub advice: Vec<FileDiagnostic>,
    state: SharedState,
    /// Stands for the rules where suppressions and thresholds are looked up.
    gate: Engine,
    rules: Vec<Gated>,
    correlations: Vec<Gated>,
}

/// What alerts of a rule say.
struct Gated {
    told: Told,
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
    let pipeline = pipeline(settings)?;
    let ruleset = Arc::new(rules::sigma::load(&sources, &pipeline));
    let mut advice = rules::sigma::advice(&ruleset, &pipeline);
    let (rules, correlations) = Told::all(&ruleset);
    let names = Names::compiled_in();
    let mut signatures = Vec::new();
    for told in rules.iter().chain(&correlations) {
        let text = format!(
            "alert ip any any -> any any (msg:\"Sigma\"; gid:{GENERATOR}; sid:{}; rev:1;)",
            told.sid
        );
        let parsed = parse_rule(&text, &names.vocabulary, &settings.environment);
        if let Ok(Parsed::Signature { signature, .. }) = parsed {
            signatures.push(*signature);
        }
    }
    if let Some(path) = &settings.threshold_file {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        // Other faults of the file are told where signatures are loaded.
        let mut file = ThresholdFile::read(&text, &settings.environment);
        for signature in &mut signatures {
            file.apply(signature);
        }
        let nameless = file.nameless(|gid| gid == GENERATOR);
        advice.extend(nameless.map(|(line, reason)| FileDiagnostic {
            file: path.display().to_string(),
            diagnostic: Diagnostic {
                place: Place { line, column: 1 },
                severity: Severity::Warning,
                reason,
            },
        }));
    }
    let (gate, _) = Engine::new(names, signatures, Options::default());
    let gated = |told: Vec<Told>| -> Vec<Gated> {
        told.into_iter()
            .map(|told| Gated {
                gate: gate.find(told.sid).first().copied(),
                told,
            })
            .collect()
    };
    Ok(SigmaRules {
        rules: gated(rules),
        correlations: gated(correlations),
        ruleset,
        sources,
        advice,
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

/// One finding, ready to be written.
pub struct Found<'a> {
    pub alert: Alert<'a>,
    /// What the alert has in common with the event: of addresses, those that it is about.
    pub common: Common<'a>,
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
            .map(|own| &own.told.meta)
    }

    /// Signature ids of the rules that run, and of the correlations; sorted.
    pub fn sids(&self) -> Vec<u32> {
        let running = self.ruleset.rules.iter().zip(&self.rules);
        let mut sids: Vec<u32> = running
            .filter(|(own, _)| own.query.is_some())
            .map(|(_, gated)| gated.told.sid)
            .chain(self.correlations.iter().map(|gated| gated.told.sid))
            .collect();
        sids.sort_unstable();
        sids
    }

    pub fn detector(&self) -> Detector {
        Detector::new(Arc::clone(&self.ruleset), self.state.clone())
    }

    /// The alert of a finding on an event, or of a window that has ended (with nothing but a time in common); none
    /// where it is suppressed or thinned out.
    pub fn alert<'a>(
        &'a self,
        finding: &Finding,
        detector: &Detector,
        of_event: &Common<'a>,
    ) -> Option<Found<'a>> {
        let mut common = of_event.clone();
        common.event_type = "alert";
        let (own, with_event) = match finding {
            Finding::Rule(index) => (self.rules.get(*index)?, true),
            Finding::Correlation(found) => {
                let own = self.correlations.get(found.correlation as usize)?;
                let with_event = !found.ended && common.src_ip.is_some();
                if found.ended {
                    common.src_ip = common.src_ip.or_else(|| whom(found));
                } else {
                    let [source, destination] = concerns(found, common.src_ip, common.dest_ip);
                    if !source {
                        (common.src_ip, common.src_port) = (None, None);
                    }
                    if !destination {
                        (common.dest_ip, common.dest_port) = (None, None);
                    }
                }
                (own, with_event)
            }
        };
        let ends = (common.src_ip, common.dest_ip);
        if let Some(gate) = own.gate
            && !self.gate.tells(gate, ends, common.timestamp.0)
        {
            return None;
        }
        let told = &own.told;
        let details = Details::of(finding, detector);
        let alert = Alert::from(OfSigma {
            gid: GENERATOR,
            sid: told.sid,
            title: &told.meta.title,
            category: told.category,
            severity: told.severity(),
            metadata: told.shown_metadata(),
            fields: details.fields,
            group: details.group,
            measured: details.measured,
        });
        Some(Found {
            alert,
            common,
            with_event,
        })
    }
}
