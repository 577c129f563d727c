//! What alerts of Sigma rules say, wherever they are made: on a sensor, or by the collector over what it stores.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::ast::{Level, Meta};
use super::correlate::Correlated;
use super::ruleset::{Detector, Finding, Ruleset};

/// Kinds of records that tell what rules made of others, or count; rules do not look at them.
const NOT_JUDGED: [&str; 6] = ["alert", "stats", "frame", "metadata", "packet", "canary"];

/// Whether rules look at records of a kind, wherever records are kept.
pub fn is_judged(event_type: &str) -> bool {
    !NOT_JUDGED.contains(&event_type)
}

/// What is told of one rule or correlation.
#[derive(Debug, Clone)]
pub struct Told {
    pub meta: Meta,
    pub sid: u32,
    pub category: &'static str,
    /// As `alert.metadata` has it.
    pub metadata: BTreeMap<String, Vec<String>>,
}

/// What brought a finding about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// Fields of the event with the values that matched; `keyword` for what stood anywhere.
    pub fields: Vec<(String, Vec<String>)>,
    /// Grouping fields of a correlation with their values.
    pub group: Vec<(String, String)>,
    /// Of a correlation: what it has come to, and the seconds from its first event to its last.
    pub measured: Option<(f64, f64)>,
}

impl Told {
    /// Of all rules, and of all correlations, in their order.
    pub fn all(ruleset: &Ruleset) -> (Vec<Told>, Vec<Told>) {
        let rules = ruleset.rules.iter().map(|own| &own.rule.meta);
        let correlations = ruleset.correlations.iter();
        (
            rules.map(|meta| Told::of(meta, "Sigma rule")).collect(),
            correlations
                .map(|own| Told::of(&own.correlation.meta, "Sigma correlation"))
                .collect(),
        )
    }

    fn of(meta: &Meta, category: &'static str) -> Told {
        Told {
            sid: meta.sid(),
            category,
            metadata: metadata(meta),
            meta: meta.clone(),
        }
    }

    /// 1 (worst) to 4.
    pub fn severity(&self) -> u8 {
        self.meta.level.unwrap_or(Level::Medium).severity()
    }

    /// The metadata as `alert.metadata` borrows it.
    pub fn shown_metadata(&self) -> BTreeMap<&str, Vec<&str>> {
        let rows = self.metadata.iter();
        rows.map(|(key, values)| (key.as_str(), values.iter().map(String::as_str).collect()))
            .collect()
    }
}

impl Details {
    /// Of a finding that the detector has just told.
    pub fn of(finding: &Finding, detector: &Detector) -> Details {
        match finding {
            Finding::Rule(index) => {
                let mut fields: Vec<(String, Vec<String>)> = Vec::new();
                for matched in detector.matched(*index) {
                    let name = if matched.field.is_empty() {
                        "keyword".to_owned()
                    } else {
                        matched.field
                    };
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, values)) => values.push(matched.value),
                        None => fields.push((name, vec![matched.value])),
                    }
                }
                Details {
                    fields,
                    ..Details::default()
                }
            }
            Finding::Correlation(found) => Details {
                group: found.group.clone(),
                measured: Some((found.value, (found.last_ns - found.first_ns) as f64 / 1e9)),
                ..Details::default()
            },
        }
    }
}

/// Which ends of the event that completed a correlation it is about: one over one end's address is about that end;
/// the other only happens to be that of the last event.
pub fn concerns(
    found: &Correlated,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
) -> [bool; 2] {
    let grouped = |address: Option<IpAddr>| {
        address.is_some_and(|address| {
            let mut values = found.group.iter();
            values.any(|(_, value)| value.parse() == Ok(address))
        })
    };
    match [grouped(source), grouped(destination)] {
        [false, false] => [true; 2],
        ends => ends,
    }
}

/// Whom a correlation is about whose window has ended: no event tells, but what it is grouped by may be an address.
pub fn whom(found: &Correlated) -> Option<IpAddr> {
    let mut values = found.group.iter();
    values.find_map(|(_, value)| value.parse().ok())
}

fn metadata(meta: &Meta) -> BTreeMap<String, Vec<String>> {
    let level = meta.level.map_or("unknown", Level::name);
    // As [`Told::severity`] has it.
    let severity = match meta.level.unwrap_or(Level::Medium) {
        Level::Critical => "Critical",
        Level::High => "Major",
        Level::Medium => "Minor",
        Level::Low | Level::Informational => "Informational",
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
