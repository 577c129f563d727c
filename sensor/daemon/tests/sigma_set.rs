//! Each Sigma rule of `rules/sets/sigma` that alerts fires on the traffic that its row of `tests.yaml` names, stays
//! quiet on the ordinary one, bears a technique, and has guidance in both languages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rules::sigma::ast::{Level, Meta};
use rules::sigma::{Pipeline, Ruleset, load, read_paths};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    id: String,
    fires_on: Vec<String>,
    quiet_on: Vec<String>,
}

#[derive(Deserialize)]
struct Guidance {
    sid: u32,
    id: String,
    technique: String,
    title: Bilingual<String>,
    meaning: Bilingual<String>,
    cause: Bilingual<String>,
    check: Bilingual<Vec<String>>,
    escalate: Bilingual<String>,
}

#[derive(Deserialize)]
struct Bilingual<T> {
    vi: T,
    en: T,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> PathBuf {
    root().join("rules/sets/sigma")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let text = std::fs::read_to_string(folder().join(name)).expect("the file is there");
    serde_saphyr::from_str(&text).expect("it is sound")
}

/// What alerts; helpers of correlations have no level.
fn told(ruleset: &Ruleset) -> Vec<&Meta> {
    let rules = ruleset.rules.iter().filter(|own| own.alerts);
    let correlations = ruleset.correlations.iter().filter(|own| own.alerts);
    rules
        .map(|own| &own.rule.meta)
        .chain(correlations.map(|own| &own.correlation.meta))
        .collect()
}

#[test]
fn every_rule_has_a_technique_a_test_and_guidance() {
    let sources = read_paths(&[folder()]).expect("the set is there");
    let ruleset = load(&sources, &Pipeline::eve());
    assert!(ruleset.diagnostics.is_empty(), "{:?}", ruleset.diagnostics);
    assert_eq!(ruleset.running(), ruleset.rules.len());
    let metas = told(&ruleset);
    assert!(metas.len() >= 40, "{} rules", metas.len());

    let rows: Vec<Row> = read("tests.yaml");
    let guidance: Vec<Guidance> = read("guidance.yaml");
    let names: BTreeSet<&str> = metas.iter().filter_map(|m| m.name.as_deref()).collect();
    assert_eq!(names.len(), metas.len(), "each has a name of its own");
    assert_eq!(
        names,
        rows.iter().map(|row| row.id.as_str()).collect(),
        "each rule has a row, each row a rule"
    );
    for row in &rows {
        assert!(!row.fires_on.is_empty() && !row.quiet_on.is_empty());
    }
    let by_id: BTreeMap<&str, &Guidance> =
        guidance.iter().map(|own| (own.id.as_str(), own)).collect();
    assert_eq!(by_id.len(), metas.len(), "guidance for each, and no other");
    let numbers: BTreeSet<u32> = guidance.iter().map(|own| own.sid).collect();
    assert_eq!(numbers.len(), metas.len(), "numbers are not shared");
    for meta in metas {
        let id = meta.id.as_deref().expect("an id");
        assert!(meta.level > Some(Level::Informational), "{}", meta.title);
        let own = by_id.get(id).unwrap_or_else(|| panic!("{}", meta.title));
        assert_eq!(own.sid, meta.sid(), "{}", meta.title);
        assert_eq!(meta.technique().as_deref(), Some(own.technique.as_str()));
        for text in [&own.title, &own.meaning, &own.cause, &own.escalate] {
            assert!(!text.vi.is_empty() && !text.en.is_empty(), "{}", meta.title);
        }
        assert!(own.check.vi.len() >= 3, "{}", meta.title);
        assert_eq!(own.check.vi.len(), own.check.en.len(), "{}", meta.title);
    }
}

#[test]
fn every_rule_fires_on_its_traffic_and_stays_quiet_on_the_ordinary() {
    let told = Command::new(env!("CARGO_BIN_EXE_matluoi-sensor"))
        .env("MATLUOI_LOG", "error")
        .env("LANG", "C")
        .env_remove("LC_ALL")
        .current_dir(root())
        .args(["rules", "test", "rules/sets/sigma"])
        .output()
        .expect("the sensor runs");
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{text}");
    assert!(!text.starts_with("0 passed"), "{text}");
}
