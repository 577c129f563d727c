//! Events of one worker → EVE records.

mod alert;
mod anomaly;
mod common;
mod ended;
mod frame;
mod protocol_name;
mod transaction;

use std::sync::Arc;

use rules::sigma::{Detector, Finding};
use sensor_app::facts::{self, Facts};
use sensor_decode::Packet;
use sensor_event::{
    Body, Class, Common, EventAlertRecord, EventBody, Metadata, Record, StatsRecord, StatsTree,
};
use sensor_flow::{Direction, Flow};

use super::flow::Tracked;
use super::store::FileStore;
use crate::output::Output;
use crate::settings::Settings;
use crate::sigma::SigmaRules;
use common::{bare, common};

/// When and by which frame an event came about.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub at_ns: i64,
    /// From 1; none at the end of a flow.
    pub frame: Option<u64>,
}

/// Whether a flow goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Packet,
    /// What was said so far is told before the stream turns to something else.
    Turn,
    FlowEnd,
}

/// Whose addresses stand first in a record.
enum Ends<'a> {
    Packet(&'a Packet<'a>),
    Flow(Direction),
}

/// What stands beside an anomaly.
struct AnomalyFacts<'a> {
    flow: Option<&'a Flow>,
    community: Option<&'a str>,
    metadata: Option<Metadata<'a>>,
    tx_id: Option<u64>,
}

/// Writes records to an output through one buffer.
pub struct Recording<O: Output> {
    settings: Arc<Settings>,
    interface: Option<String>,
    output: O,
    line: Vec<u8>,
    /// An alert on a flow was written since this was last asked.
    alerted: bool,
    store: FileStore,
    /// Facts, when they are to be told.
    facts: Option<Facts>,
    sigma: Option<Sigma>,
}

/// Sigma rules over the records of this worker.
struct Sigma {
    rules: Arc<SigmaRules>,
    detector: Detector,
    /// Time up to which windows are judged.
    judged_ns: i64,
}

/// Between two looks at windows that wait for their end.
const JUDGE_NS: i64 = 1_000_000_000;

impl<O: Output> Recording<O> {
    pub fn new(settings: Arc<Settings>, interface: Option<String>, output: O) -> Self {
        Recording {
            store: FileStore::new(settings.file_store.clone()),
            facts: settings.facts.then(Facts::default),
            settings,
            interface,
            output,
            line: Vec::with_capacity(4096),
            alerted: false,
            sigma: None,
        }
    }

    /// Shares with other workers which facts are told.
    pub fn share(&mut self, facts: &Arc<facts::Shared>) {
        if self.facts.is_some() {
            self.facts = Some(Facts::new(Arc::clone(facts)));
        }
    }

    /// Adds what was counted here.
    pub fn count(&self, tree: &mut sensor_event::StatsTree) {
        self.store.count(tree);
        if let Some(facts) = self.facts.as_ref().filter(|facts| facts.forgotten() > 0) {
            tree.add("facts.forgotten", facts.forgotten());
        }
    }

    /// From now on Sigma rules see every record, or none do.
    pub fn set_sigma(&mut self, rules: Option<&Arc<SigmaRules>>) {
        self.sigma = rules.map(|rules| Sigma {
            detector: rules.detector(),
            rules: Arc::clone(rules),
            judged_ns: i64::MIN,
        });
    }

    pub fn into_output(self) -> O {
        self.output
    }

    /// Whether an alert on a flow was written since this was last asked.
    pub fn take_alerted(&mut self) -> bool {
        std::mem::take(&mut self.alerted)
    }

    fn write(&mut self, class: Class, record: &Record<'_>) {
        self.alerted |= class == Class::Alert && record.common.flow_id.is_some();
        self.line.clear();
        match serde_json::to_writer(&mut self.line, record) {
            Ok(()) => {
                self.line.push(b'\n');
                // Rules look at what is not told, too.
                let event_type = record.common.event_type;
                if class == Class::Alert || !self.settings.switches.leaves_out(event_type) {
                    self.output.record(class, &self.line);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a record could not be written");
                return;
            }
        }
        if let Some(event) = record.body.event()
            && let Some(mut sigma) = self.sigma.take()
        {
            self.detect(&mut sigma, &record.common, event);
            self.sigma = Some(sigma);
        }
    }

    /// Runs Sigma rules over the record that has just been written.
    fn detect(&mut self, sigma: &mut Sigma, of_event: &Common<'_>, event: EventBody<'_>) {
        let Sigma {
            rules, detector, ..
        } = sigma;
        if !rules.ruleset.engine().wants(of_event.event_type) {
            return;
        }
        let Ok(text) = std::str::from_utf8(&self.line) else {
            return;
        };
        let findings = match detector.run(text, Some(of_event.timestamp.0)) {
            Ok([]) => return,
            Ok(findings) => findings.to_vec(),
            Err(error) => {
                tracing::error!(%error, "a record could not be read");
                return;
            }
        };
        for finding in &findings {
            let Some(found) = rules.alert(finding, detector, of_event) else {
                continue;
            };
            let app_proto = match event {
                EventBody::Transaction(_) => Some(of_event.event_type),
                _ => None,
            };
            let body = EventAlertRecord {
                alert: found.alert,
                app_proto,
                event: found.with_event.then_some(event),
            };
            self.write(
                Class::Alert,
                &Record {
                    common: found.common,
                    body: Body::EventAlert(body),
                },
            );
        }
    }

    /// Packet time has come to `now_ns`: windows of correlations that are over are judged.
    pub fn judge(&mut self, now_ns: i64) {
        let Some(sigma) = &mut self.sigma else { return };
        if now_ns < sigma.judged_ns.saturating_add(JUDGE_NS) || !sigma.rules.ruleset.correlates() {
            return;
        }
        sigma.judged_ns = now_ns;
        let findings = sigma.detector.advance(now_ns).to_vec();
        self.tell_windows(&findings, now_ns);
    }

    /// The input of all workers has ended: open windows are judged.
    pub fn judge_all(&mut self, now_ns: i64) {
        let Some(sigma) = &mut self.sigma else { return };
        let findings = sigma.detector.finish().to_vec();
        self.tell_windows(&findings, now_ns);
    }

    fn tell_windows(&mut self, findings: &[Finding], now_ns: i64) {
        let Some(sigma) = self.sigma.take() else {
            return;
        };
        for finding in findings {
            let Finding::Correlation(window) = finding else {
                continue;
            };
            let common = bare(window.last_ns.min(now_ns), "alert");
            if let Some(found) = sigma.rules.alert(finding, &sigma.detector, &common) {
                let body = EventAlertRecord {
                    alert: found.alert,
                    app_proto: None,
                    event: None,
                };
                self.write(
                    Class::Alert,
                    &Record {
                        common: found.common,
                        body: Body::EventAlert(body),
                    },
                );
            }
        }
        self.sigma = Some(sigma);
    }

    pub fn stats(&mut self, tree: StatsTree, stamp: Stamp) {
        let common = bare(stamp.at_ns, "stats");
        self.write(
            Class::Record,
            &Record {
                common,
                body: Body::Stats(StatsRecord { stats: tree }),
            },
        );
    }
}
