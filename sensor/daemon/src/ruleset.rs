//! Files of rules → a compiled rule set, with everything that is wrong with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rules::sigma::Severity;
use rules::signature::{
    Environment, Failure, Language, Report, RuleText, SourceFile, TextHash, ThresholdFile,
    carried_files, load_each, option_offset, read_paths, rule_texts,
};
use sensor_detect::{
    Countries, Engine, EngineBuilder, Keep, Known, Names, Options, read_categories,
};

use crate::settings::Settings;
use crate::sigma::SigmaRules;

/// Rules ready to run.
pub struct Ruleset {
    pub engine: Arc<Engine>,
    pub sigma: Option<Arc<SigmaRules>>,
    pub failures: Vec<Failure>,
    pub warnings: Vec<Failure>,
    pub loaded: usize,
    /// Rules that did not load; one may have several faults.
    pub failed: usize,
    pub skipped: usize,
    /// Which rules these are ([`TextHash`]).
    pub hash: String,
    /// SHA-256 of those of them that the collector publishes; empty: none.
    pub published: String,
    /// What they refer to.
    pub environment: Arc<Environment>,
    hasher: TextHash,
    /// None of a set that is compiled to run.
    sources: Vec<SourceFile>,
}

/// Loads and compiles the rules of files, for tools that ask how they are written.
///
/// # Errors
/// When a file cannot be read. Faults of rules are in the answer.
pub fn compile(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Ruleset> {
    of_sources(
        read_paths(paths)?,
        folders(paths),
        settings,
        Keep::Everything,
        None,
    )
}

/// Loads and compiles the rules of files to run, in the place of an engine that runs if there is one. Half the memory
/// of [`compile`]: how the rules are written is forgotten.
///
/// # Errors
/// When a file cannot be read. Faults of rules are in the answer.
pub fn compile_to_run(
    paths: &[PathBuf],
    settings: &Settings,
    before: Option<&Engine>,
) -> anyhow::Result<Ruleset> {
    let keep = if settings.rule_text_in_alerts {
        Keep::Text
    } else {
        Keep::Nothing
    };
    of_sources(read_paths(paths)?, folders(paths), settings, keep, before)
}

/// Where files that rules name are looked for.
fn folders(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths
        .iter()
        .filter_map(|path| {
            if path.is_dir() {
                Some(path.clone())
            } else {
                path.parent().map(PathBuf::from)
            }
        })
        .collect()
}

/// Compiles rules in text; files that they name are looked for in `folder`.
///
/// # Errors
/// When the threshold file of the settings cannot be read.
pub fn of_text(
    text: &str,
    folder: &Path,
    settings: &Settings,
    before: Option<&Engine>,
) -> anyhow::Result<Ruleset> {
    let source = SourceFile {
        name: "rule".to_owned(),
        text: text.to_owned(),
    };
    let directories = vec![folder.to_owned()];
    of_sources(
        vec![source],
        directories,
        settings,
        Keep::Everything,
        before,
    )
}

fn of_sources(
    mut sources: Vec<SourceFile>,
    directories: Vec<PathBuf>,
    settings: &Settings,
    keep: Keep,
    before: Option<&Engine>,
) -> anyhow::Result<Ruleset> {
    let mut environment = settings.environment.clone();
    let known = known(settings, &mut environment)?;
    let environment = &environment;
    let names = Arc::new(Names::compiled_in());
    let mut thresholds = match &settings.threshold_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            ThresholdFile::read(&text, environment)
        }
        None => ThresholdFile::default(),
    };
    let options = Options {
        directories,
        carried: carried_files(sources.iter().map(|file| file.text.as_str())),
        action_order: settings.action_order,
        known,
        keep,
    };
    let mut builder = EngineBuilder::new(before, Arc::clone(&names), options);
    let mut parsed = 0;
    let Report {
        mut failures,
        mut warnings,
        skipped,
        ..
    } = load_each(
        &sources,
        &names.vocabulary,
        environment,
        |mut signature, replaced| {
            thresholds.apply(&mut signature);
            parsed += usize::from(replaced.is_none());
            builder.add(signature, replaced);
        },
    );
    for (line, reason) in thresholds.wrong() {
        let path = settings.threshold_file.as_deref().unwrap_or(Path::new(""));
        warnings.push(Failure {
            file: path.display().to_string(),
            line,
            column: 1,
            sid: None,
            keyword: None,
            reason,
        });
    }
    let (engine, faults) = builder.finish(failed(&failures), skipped);
    if !faults.is_empty() {
        let places = places(&sources);
        failures.extend(faults.iter().map(|fault| {
            let rule = (fault.text.as_str(), fault.sid);
            place(&places, rule, None, fault.reason.clone())
        }));
    }
    let mut hasher = TextHash::default();
    hasher.add(&sources);
    if keep != Keep::Everything {
        sources = Vec::new();
    }
    Ok(Ruleset {
        engine: Arc::new(engine),
        sigma: None,
        failed: failed(&failures),
        failures,
        warnings,
        loaded: parsed - faults.len(),
        skipped,
        published: String::new(),
        environment: Arc::new(settings.environment.clone()),
        hash: hasher.hex(),
        hasher,
        sources,
    })
}

/// Reads the files about addresses, and tells the rules which there are.
fn known(settings: &Settings, environment: &mut Environment) -> anyhow::Result<Known> {
    let files = &settings.reputation;
    let mut known = Known::default();
    if let Some(path) = &files.categories {
        environment.reputation_categories = Some(read_categories(path)?);
    }
    for list in &files.lists {
        let path = match &files.folder {
            Some(folder) => folder.join(list),
            None => list.clone(),
        };
        let odd = known.reputation.add_file(&path)?;
        if odd > 0 {
            tracing::warn!(path = %path.display(), lines = odd, "lines of a reputation list are none");
        }
    }
    if let Some(path) = &files.countries {
        known.countries = Some(Countries::open(path)?);
        environment.has_countries = true;
    }
    Ok(known)
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

/// Where a rule stands.
#[derive(Clone, Default)]
struct Place {
    file: String,
    line: usize,
    /// Spaces in front of the rule.
    indent: usize,
}

/// Where each rule stands, by its text.
fn places(sources: &[SourceFile]) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    for file in sources {
        for rule in rule_texts(&file.text) {
            let text = rule.text.trim();
            places.entry(text.to_owned()).or_insert_with(|| Place {
                file: file.name.clone(),
                line: rule.line,
                indent: rule.text.len() - rule.text.trim_start().len(),
            });
        }
    }
    places
}

fn place(
    places: &HashMap<String, Place>,
    signature: (&str, u32),
    keyword: Option<&str>,
    reason: String,
) -> Failure {
    let (text, sid) = signature;
    let place = places.get(text).cloned().unwrap_or_default();
    let offset = keyword.and_then(|keyword| option_offset(text, keyword));
    Failure {
        file: place.file,
        line: place.line,
        column: place.indent + offset.unwrap_or(0) + 1,
        sid: Some(sid),
        keyword: keyword.map(str::to_owned),
        reason,
    }
}

/// Something worth telling about a rule that loads.
pub struct Warning {
    /// The kind of advice; none for what the parser says.
    pub code: Option<&'static str>,
    pub at: Failure,
}

impl Ruleset {
    /// Sigma rules beside the signatures: counted, blamed and hashed with them.
    pub fn join(&mut self, mut sigma: SigmaRules) {
        let (faults, warnings): (Vec<_>, Vec<_>) = sigma
            .ruleset
            .diagnostics
            .iter()
            .partition(|own| own.diagnostic.severity == Severity::Error);
        self.failures.extend(faults.into_iter().map(Failure::from));
        self.warnings
            .extend(warnings.into_iter().chain(&sigma.advice).map(Failure::from));
        self.loaded += sigma.ruleset.rules.len() + sigma.ruleset.correlations.len();
        self.failed += sigma.ruleset.refused;
        self.hasher.add(&std::mem::take(&mut sigma.sources));
        self.hash = self.hasher.hex();
        self.sigma = Some(Arc::new(sigma));
    }

    /// Warnings of the rules' text, and advice on how they are looked for.
    pub fn all_warnings(&self, language: Language) -> Vec<Warning> {
        let told = self.warnings.iter().map(|at| Warning {
            code: None,
            at: at.clone(),
        });
        let places = places(&self.sources);
        let advice = self.engine.all_advice().into_iter().map(|(index, advice)| {
            let signature = self.engine.signature(index);
            Warning {
                code: Some(advice.code),
                at: place(
                    &places,
                    (&signature.text, signature.sid),
                    advice.keyword,
                    advice.told(language),
                ),
            }
        });
        let mut warnings: Vec<Warning> = told.chain(advice).collect();
        warnings.sort_by(|left, right| {
            (&left.at.file, left.at.line).cmp(&(&right.at.file, right.at.line))
        });
        warnings
    }

    /// The rule that a fault or warning is about.
    pub fn rule_at(&self, failure: &Failure) -> Option<RuleText> {
        let file = self.sources.iter().find(|file| file.name == failure.file)?;
        // What is joined to one rule ends before the first line that is joined to none.
        let from: usize = file
            .text
            .split_inclusive('\n')
            .take(failure.line.checked_sub(1)?)
            .map(str::len)
            .sum();
        let mut rule = rule_texts(first_rule(file.text.get(from..)?))
            .into_iter()
            .next()?;
        rule.line = failure.line;
        Some(rule)
    }
}

/// A text up to the first line that does not go on.
fn first_rule(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    &text[..end]
}
