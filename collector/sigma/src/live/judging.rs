//! One record after the other through the rules: what is left to sensors, what comes too often, and what is told.

use std::sync::Arc;

use collector_index::Stream;
use collector_ingest::Matched;
use rules::sigma::{Correlated, Details, Finding, ORIGINS, Origin, Told};

use super::{Draft, Judging, LiveRules, add};
use crate::record::{self, Place};

/// Alerts of one rule in one minute; more are counted only, for a rule that fires on everything would store
/// everything twice.
const ALERTS_A_MINUTE: u32 = 1_000;

impl LiveRules {
    /// Runs the rules over one stored record.
    pub(super) fn judge_one(&self, judging: &mut Judging, stream: &Stream, matched: &Matched) {
        let now_ns = (self.clock)().0.saturating_mul(1_000_000);
        let at_ns = matched.timestamp.saturating_mul(1_000).min(now_ns);
        let origin = judging.origins.of(&stream.sensor);
        let findings = judging
            .detector
            .run_from(&matched.text, Some(at_ns), origin)
            .map(<[Finding]>::to_vec);
        judging.has_changed = true;
        let findings = match findings {
            Ok(findings) => findings,
            Err(error) => {
                tracing::error!(%error, "a record could not be judged");
                return;
            }
        };
        let place = Place {
            sensor: stream.sensor.clone(),
            id: stream.event_id(matched.seq),
        };
        let loaded = Arc::clone(&judging.loaded);
        for finding in &findings {
            let details = Details::of(finding, &judging.detector);
            let (line, sensors) = match finding {
                Finding::Rule(index) => {
                    let Some(told) = loaded.rules.get(*index) else {
                        continue;
                    };
                    if self.is_left_to_sensor(judging, stream, told, matched)
                        || self.is_too_often(judging, told)
                    {
                        continue;
                    }
                    let line = record::of_rule(&matched.text, told, details, &place);
                    (line, vec![stream.sensor.clone()])
                }
                Finding::Correlation(found) => {
                    let Some(told) = loaded.correlations.get(found.correlation as usize) else {
                        continue;
                    };
                    // It is about other records.
                    if found.ended {
                        self.draft_window(judging, finding);
                        continue;
                    }
                    if found.origins == [origin]
                        && self.is_left_to_sensor(judging, stream, told, matched)
                        || self.is_too_often(judging, told)
                    {
                        continue;
                    }
                    let line = record::of_correlation(&matched.text, told, details, found, &place);
                    (line, sensors_of(judging, found))
                }
            };
            self.draft(judging, Some(stream.clone()), line, sensors);
        }
    }

    pub(super) fn draft_window(&self, judging: &mut Judging, finding: &Finding) {
        let Finding::Correlation(found) = finding else {
            return;
        };
        let loaded = Arc::clone(&judging.loaded);
        let Some(told) = loaded.correlations.get(found.correlation as usize) else {
            return;
        };
        if let [only] = found.origins.as_slice() {
            let sensors = judging.origins.names(&[*only]);
            let runs = sensors.first().and_then(|name| judging.itself.get(name));
            if runs.is_some_and(|rules| rules.runs(told.sid, found.first_ns / 1_000_000)) {
                add(&self.counters.left_to_sensors, 1);
                return;
            }
        }
        if self.is_too_often(judging, told) {
            return;
        }
        let details = Details::of(finding, &judging.detector);
        let line = record::of_window(told, details, found);
        let sensors = sensors_of(judging, found);
        self.draft(judging, None, line, sensors);
    }

    fn draft(
        &self,
        judging: &mut Judging,
        stream: Option<Stream>,
        line: Option<String>,
        sensors: Vec<String>,
    ) {
        match line {
            Some(line) => {
                let drafts = judging.drafts.entry(stream).or_default();
                drafts.push(Draft { sensors, line });
            }
            None => tracing::error!("an alert could not be written"),
        }
    }

    fn is_left_to_sensor(
        &self,
        judging: &Judging,
        stream: &Stream,
        told: &Told,
        matched: &Matched,
    ) -> bool {
        let runs = judging.itself.get(&stream.sensor);
        let is_left =
            runs.is_some_and(|rules| rules.runs(told.sid, matched.timestamp.div_euclid(1_000)));
        add(&self.counters.left_to_sensors, usize::from(is_left));
        is_left
    }

    fn is_too_often(&self, judging: &mut Judging, told: &Told) -> bool {
        let minute = (self.clock)().0.div_euclid(60_000);
        if judging.minute != minute {
            judging.minute = minute;
            judging.made.clear();
        }
        let made = judging.made.entry(told.sid).or_insert(0);
        *made += 1;
        let is_too_often = *made > ALERTS_A_MINUTE;
        add(&self.counters.thinned, usize::from(is_too_often));
        is_too_often
    }
}

fn sensors_of(judging: &Judging, found: &Correlated) -> Vec<String> {
    let origins: &[Origin] = &found.origins;
    if origins.len() >= ORIGINS {
        return Vec::new();
    }
    judging.origins.names(origins)
}
