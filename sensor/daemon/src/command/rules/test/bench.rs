//! Test files: each row's rules, captures and expectations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::rules::signature::{Language, SourceFile};
use anyhow::bail;
use sensor_detect::Engine;

use super::TestArgs;
use super::alerts::{Alerts, alerts_of_capture, alerts_of_events, is_event_file};
use super::row::{Called, Difference, Near, Outcome, Row, Wanted};
use super::sigma::Trial;
use crate::ruleset;
use crate::settings::Settings;
use crate::sigma::{self, SigmaRules};
use crate::workbench;

/// The rules of a folder, and what they have said of captures.
pub(super) struct Bench<'a> {
    pub(super) args: &'a TestArgs,
    pub(super) folder: &'a Path,
    pub(super) language: Language,
    pub(super) settings: Settings,
    /// Whether the folder has Sigma rules.
    pub(super) has_sigma: bool,
    /// What the folder's rules said of captures already replayed.
    pub(super) seen: BTreeMap<PathBuf, Alerts>,
    /// Numbers of the folder's Sigma rules.
    pub(super) sids: BTreeMap<String, u32>,
}

impl Bench<'_> {
    pub(super) fn row(&mut self, file: &Path, row: &Row) -> anyhow::Result<Outcome> {
        let mut differences = Vec::new();
        let called = Called::of(row.sid, row.id.as_ref());
        let name = match (&row.name, &called) {
            (Some(name), _) => name.clone(),
            (None, Some(called)) => called.to_string(),
            (None, None) => row
                .traffic()
                .map_or_else(String::new, |path| path.display().to_string()),
        };
        let beside = |path: &Path| file.parent().unwrap_or(Path::new(".")).join(path);
        if let Some(path) = row.traffic() {
            let path = beside(path);
            for expected in &row.alerts {
                let wanted = expected.count.map_or(Wanted::Some, Wanted::Exactly);
                let Some(called) = Called::of(expected.sid, expected.id.as_ref()) else {
                    bail!("{}: {name}: an alert has a sid or an id", file.display());
                };
                differences.extend(self.difference(&path, row, &called, wanted)?);
            }
            for called in &row.quiet {
                differences.extend(self.difference(&path, row, called, Wanted::None)?);
            }
        }
        if let Some(called) = &called {
            for (names, wanted) in [(&row.fires_on, Wanted::Some), (&row.quiet_on, Wanted::None)] {
                for name in names {
                    let path = if is_event_file(Path::new(name)) {
                        beside(Path::new(name))
                    } else {
                        self.capture(name)
                    };
                    differences.extend(self.difference(&path, row, called, wanted)?);
                }
            }
        }
        Ok(Outcome {
            file: file.display().to_string(),
            name,
            passed: differences.is_empty(),
            differences,
        })
    }

    /// Nothing, if a rule does on a capture what is wanted.
    fn difference(
        &mut self,
        path: &Path,
        row: &Row,
        called: &Called,
        wanted: Wanted,
    ) -> anyhow::Result<Option<Difference>> {
        let key = match called {
            Called::Sid(sid) => (false, *sid),
            Called::Id(id) => (true, self.sigma_sid(row, id)?),
        };
        let alerts = self.alerts(path, row)?.get(&key).copied().unwrap_or(0);
        let (met, expected) = match wanted {
            Wanted::None => (alerts == 0, "none".to_owned()),
            Wanted::Some => (alerts > 0, "at least 1".to_owned()),
            Wanted::Exactly(count) => (alerts == count, count.to_string()),
        };
        if met {
            return Ok(None);
        }
        let (sid, id) = match called {
            Called::Sid(sid) => (Some(*sid), None),
            Called::Id(id) => (None, Some(id.clone())),
        };
        let near_miss = match sid {
            _ if alerts > 0 => None,
            Some(sid) => {
                let rules = self.rules(row)?;
                let told =
                    workbench::traced(&rules.engine, rules.settings, path, &[sid], self.language)?;
                told.into_iter().next().map(Near::Signature)
            }
            None => self.near_of_sigma(path, row, key.1)?,
        };
        Ok(Some(Difference {
            capture: path.display().to_string(),
            sid,
            id,
            expected,
            alerts,
            near_miss,
        }))
    }

    fn near_of_sigma(&self, path: &Path, row: &Row, sid: u32) -> anyhow::Result<Option<Near>> {
        let rules = self.rules(row)?;
        let Some(sigma) = &rules.sigma else {
            return Ok(None);
        };
        let trial = Trial::new(sigma, path, &rules.settings, self.language)?;
        let mut told = trial.told(&Alerts::new()).into_iter();
        let own = told.find(|own| own.sid == sid);
        Ok(own.map(|own| Near::Sigma(Box::new(own))))
    }

    /// The number that alerts of a Sigma rule bear.
    fn sigma_sid(&mut self, row: &Row, id: &str) -> anyhow::Result<u32> {
        if row.rule.is_none()
            && let Some(sid) = self.sids.get(id)
        {
            return Ok(*sid);
        }
        let rules = self.rules(row)?;
        let meta = rules.sigma.as_deref().and_then(|sigma| {
            sigma.metas().find(|meta| {
                let is_id = |own: &String| own.eq_ignore_ascii_case(id);
                meta.id.as_ref().is_some_and(is_id)
                    || meta.name.as_deref() == Some(id)
                    || meta.title == id
            })
        });
        let Some(meta) = meta else {
            bail!("no Sigma rule has the id, name or title {id:?}");
        };
        let sid = meta.sid();
        if row.rule.is_none() {
            self.sids.insert(id.to_owned(), sid);
        }
        Ok(sid)
    }

    fn capture(&self, name: &str) -> PathBuf {
        let file = self.args.captures.join(format!("{name}.pcap"));
        if file.is_file() {
            file
        } else {
            self.args.captures.join(name).join("input.pcap")
        }
    }

    /// The rules and settings of a row, compiled anew: thresholds, host bits, sets and correlations are part of them.
    fn rules(&self, row: &Row) -> anyhow::Result<RowRules> {
        let mut settings = self.settings.clone();
        for assignment in &row.set {
            settings.apply(assignment).map_err(anyhow::Error::msg)?;
        }
        let folder = [self.folder.to_owned()];
        let (mut rules, sigma) = match &row.rule {
            None => {
                let sigma = self.has_sigma.then(|| sigma::load(&folder, &settings));
                (ruleset::compile(&folder, &settings)?, sigma.transpose()?)
            }
            Some(text) if is_sigma_text(text) => {
                let source = SourceFile {
                    name: "rule".to_owned(),
                    text: text.clone(),
                };
                let sigma = sigma::of_sources(vec![source], &settings)?;
                (ruleset::compile(&[], &settings)?, Some(sigma))
            }
            Some(text) => {
                let rules = ruleset::of_text(text, self.folder, &settings, None)?;
                (rules, None)
            }
        };
        if let Some(sigma) = sigma {
            rules.join(sigma);
        }
        if row.rule.is_some()
            && let Some(failure) = rules.failures.first()
        {
            bail!("{failure}");
        }
        Ok(RowRules {
            engine: rules.engine,
            sigma: rules.sigma,
            settings,
        })
    }

    fn alerts(&mut self, path: &Path, row: &Row) -> anyhow::Result<Alerts> {
        let own = row.rule.is_some() || !row.set.is_empty();
        if !own && let Some(alerts) = self.seen.get(path) {
            return Ok(alerts.clone());
        }
        let rules = self.rules(row)?;
        let alerts = match &rules.sigma {
            Some(sigma) if is_event_file(path) => alerts_of_events(path, sigma)?,
            sigma => alerts_of_capture(path, rules.engine, sigma.as_ref(), rules.settings)?,
        };
        if !own {
            self.seen.insert(path.to_owned(), alerts.clone());
        }
        Ok(alerts)
    }
}

/// What a row runs.
struct RowRules {
    engine: Arc<Engine>,
    sigma: Option<Arc<SigmaRules>>,
    settings: Settings,
}

/// Whether the text of a row's rule is Sigma's.
fn is_sigma_text(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("title:") || line.starts_with("detection:"))
}
