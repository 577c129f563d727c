//! How near Sigma rules and correlations came on records that they do not alert on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::rules::sigma::ast::Meta;
use ::rules::sigma::{
    CorrelationNearness, Detector, Lacking, LoadedCorrelation, LoadedRule, Nearness, SharedState,
};
use ::rules::signature::Language;
use serde::Serialize;

use super::alerts::{Alerts, is_event_file};
use crate::command::rules::profile_sigma::{Kept, records_of, records_of_file};
use crate::settings::Settings;
use crate::sigma::{self, SigmaRules};

/// What became of a Sigma rule or correlation.
#[derive(Serialize)]
pub(super) struct OfSigma {
    pub(super) sid: u32,
    title: String,
    pub(super) alerts: u64,
    /// It alerts through correlations only.
    serves_correlations: bool,
    #[serde(flatten)]
    near: Near,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Near {
    Rule {
        /// Of the kinds that the rule reads; absent: none are known for its log source.
        #[serde(skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        matches: u64,
        /// Where no record matches: parts of its condition, with the records in which they hold.
        parts: Vec<OfPart>,
    },
    Correlation {
        /// How often its condition held.
        came: u64,
        /// By what it names.
        hits: Vec<u64>,
        groups: usize,
        /// Records that lack a field of `group-by`.
        ungrouped: u64,
        /// Records that lack the field that is computed with.
        unvalued: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<OfGroup>,
        words: Vec<String>,
    },
}

#[derive(Serialize)]
struct OfPart {
    words: String,
    records: u64,
}

/// The group that came nearest.
#[derive(Serialize)]
struct OfGroup {
    group: BTreeMap<String, String>,
    value: f64,
    at: String,
    /// `value`, `time`, `rules` or `order`.
    lacking: &'static str,
    /// Of `time`: the shortest time in which enough came.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_seconds: Option<f64>,
    /// Of `rules`: those that the group lacks; of `order`: as they came. Places in the correlation's list, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<usize>,
}

/// Records of a capture or of a file of events, with what is needed to judge them.
pub(super) struct Trial<'a> {
    sigma: &'a SigmaRules,
    records: Kept,
    zone_s: Option<i32>,
    language: Language,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        sigma: &'a SigmaRules,
        path: &Path,
        settings: &Settings,
        language: Language,
    ) -> anyhow::Result<Trial<'a>> {
        let records = if is_event_file(path) {
            records_of_file(path)?
        } else {
            records_of(&[path.to_owned()], settings.clone())?
        };
        Ok(Trial {
            sigma,
            records,
            zone_s: sigma::pipeline(settings)?.time_zone_s,
            language,
        })
    }

    /// What became of each rule, and of each correlation behind them.
    pub(super) fn told(&self, alerts: &Alerts) -> Vec<OfSigma> {
        let ruleset = &self.sigma.ruleset;
        let rules = ruleset.rules.iter().map(|own| self.of_rule(own, alerts));
        let state = self.correlated();
        let correlations = ruleset.correlations.iter().enumerate();
        let correlations = correlations.filter_map(|(index, own)| {
            let near = ruleset.near(&state, index)?;
            Some(self.of_correlation(own, &near, alerts))
        });
        rules.chain(correlations).collect()
    }

    fn of_rule(&self, own: &LoadedRule, alerts: &Alerts) -> OfSigma {
        let mut near = Nearness::new(own, self.zone_s, self.language);
        if let Some(near) = &mut near {
            for (kind, text) in &self.records.records {
                near.look(kind, text);
            }
        }
        let matches = near.as_ref().map_or(0, |near| near.matches);
        let parts = near.iter().filter(|_| matches == 0);
        let parts = parts.flat_map(Nearness::parts).map(|part| OfPart {
            words: part.words.clone(),
            records: part.events,
        });
        let near = Near::Rule {
            records: near.as_ref().map(|near| near.events),
            matches,
            parts: parts.collect(),
        };
        of_sigma(&own.rule.meta, !own.alerts, alerts, near)
    }

    fn of_correlation(
        &self,
        own: &LoadedCorrelation,
        near: &CorrelationNearness,
        alerts: &Alerts,
    ) -> OfSigma {
        let meta = &own.correlation.meta;
        let words = near.in_words(own, &self.sigma.ruleset, self.language);
        let near = Near::Correlation {
            came: near.came,
            hits: near.hits.clone(),
            groups: near.groups,
            ungrouped: near.ungrouped,
            unvalued: near.unvalued,
            nearest: OfGroup::of(near),
            words,
        };
        of_sigma(meta, !own.alerts, alerts, near)
    }

    /// Runs everything once more, and notes what correlations come near to.
    fn correlated(&self) -> SharedState {
        let state = SharedState::traced();
        let mut detector = Detector::new(Arc::clone(&self.sigma.ruleset), state.clone());
        for (_, text) in &self.records.records {
            // What is no event has been told of where alerts are counted.
            let _ = detector.run(text, None);
        }
        detector.finish();
        state
    }
}

fn of_sigma(meta: &Meta, serves_correlations: bool, alerts: &Alerts, near: Near) -> OfSigma {
    let sid = meta.sid();
    OfSigma {
        sid,
        title: meta.title.clone(),
        alerts: alerts.get(&(true, sid)).copied().unwrap_or(0),
        serves_correlations,
        near,
    }
}

impl OfGroup {
    fn of(near: &CorrelationNearness) -> Option<OfGroup> {
        let nearest = near.nearest.as_ref().filter(|_| near.came == 0)?;
        let (lacking, span_ns, rules) = match &nearest.lacking {
            Lacking::Value => ("value", None, Vec::new()),
            Lacking::Time { span_ns } => ("time", Some(*span_ns), Vec::new()),
            Lacking::Rules(missing) => ("rules", None, missing.clone()),
            Lacking::Order(seen) => ("order", None, seen.clone()),
        };
        Some(OfGroup {
            group: nearest.group.iter().cloned().collect(),
            value: nearest.value,
            at: nearest.at(),
            lacking,
            span_seconds: span_ns.map(|span| span as f64 / 1e9),
            rules,
        })
    }
}

impl OfSigma {
    /// Lines for people: alerts with the title, and how near it came behind it.
    pub(super) fn lines(&self, language: Language) -> Vec<String> {
        let mut lines = vec![format!("{:>6}  {}", self.alerts, self.title)];
        lines.extend(
            self.reasons(language)
                .iter()
                .map(|line| format!("        {line}")),
        );
        lines
    }

    /// Why it did not alert, where it did not.
    pub(super) fn reasons(&self, language: Language) -> Vec<String> {
        if self.alerts > 0 {
            return Vec::new();
        }
        let held = language.pick(
            "khớp nhưng không cảnh báo: ngưỡng hoặc chặn cảnh báo",
            "it matched and did not alert: a threshold or a suppression",
        );
        let records = |held: u64, all: u64, what: &str| match language {
            Language::Vietnamese => format!("{held}/{all} bản ghi: {what}"),
            Language::English => format!("{held} of {all} records: {what}"),
        };
        let mut lines = Vec::new();
        match &self.near {
            Near::Rule { records: None, .. } => {
                let words = language.pick(
                    "không bản ghi nào ứng với nguồn nhật ký này",
                    "no records are known for its log source",
                );
                lines.push(words.to_owned());
            }
            Near::Rule {
                records: Some(all),
                matches,
                parts,
            } => {
                if self.serves_correlations {
                    let words = language.pick(
                        "khớp, chỉ dùng cho luật tương quan",
                        "match, for correlations only",
                    );
                    lines.push(records(*matches, *all, words));
                } else if *matches > 0 {
                    lines.push(held.to_owned());
                }
                let parts = parts.iter();
                lines.extend(parts.map(|part| records(part.records, *all, &part.words)));
            }
            Near::Correlation { came, words, .. } => {
                lines.clone_from(words);
                if *came > 0 && self.serves_correlations {
                    let words = language.pick(
                        "chỉ dùng cho luật tương quan khác",
                        "for other correlations only",
                    );
                    lines.push(words.to_owned());
                } else if *came > 0 {
                    lines.push(held.to_owned());
                }
            }
        }
        lines
    }
}
