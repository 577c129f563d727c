//! A rule set at work: event by event, with what correlations remember.

use std::sync::{Arc, Mutex, PoisonError};

use super::Ruleset;
use super::loader::number;
use crate::sigma::correlate::{Correlated, CorrelationNearness, CorrelationState, Origin};
use crate::sigma::engine::{MatchedField, RuleIndex, Scratch};
use crate::sigma::once;
use crate::sigma::record::RecordError;

/// What an event has brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Index into [`Ruleset::rules`].
    Rule(usize),
    /// Its index is into [`Ruleset::correlations`].
    Correlation(Correlated),
}

/// State of correlations, shared by workers: only events that match a rule come to it.
#[derive(Debug, Clone, Default)]
pub struct SharedState(Arc<Mutex<CorrelationState>>);

/// Runs a rule set over events, one at a time.
#[derive(Debug)]
pub struct Detector {
    ruleset: Arc<Ruleset>,
    scratch: Scratch,
    state: SharedState,
    seen: once::Seen,
    /// Rules that the event at hand matches, for the first time.
    hits: Vec<RuleIndex>,
    findings: Vec<Finding>,
    correlated: Vec<Correlated>,
}

impl SharedState {
    /// One that notes what correlations come near to, for [`Ruleset::near`].
    pub fn traced() -> SharedState {
        SharedState(Arc::new(Mutex::new(CorrelationState::traced())))
    }

    /// As bytes, for [`SharedState::read`].
    ///
    /// # Errors
    /// When a sum is no number any more.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_vec(&*state)
    }

    /// What the state of the same rules was when it was written.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn read(bytes: &[u8]) -> serde_json::Result<SharedState> {
        Ok(SharedState(Arc::new(Mutex::new(serde_json::from_slice(
            bytes,
        )?))))
    }

    /// Groups that were forgotten for want of room, and events that came too late.
    pub fn left_out(&self) -> (u64, u64) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.forgotten, state.late)
    }
}

impl Ruleset {
    /// How near a correlation has come, by its index in [`Ruleset::correlations`]; none of a state that is not
    /// [traced](SharedState::traced).
    pub fn near(&self, state: &SharedState, correlation: usize) -> Option<CorrelationNearness> {
        let state = state.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.compiled.near(&state, number(correlation))
    }
}

impl Detector {
    pub fn new(ruleset: Arc<Ruleset>, state: SharedState) -> Detector {
        Detector {
            ruleset,
            scratch: Scratch::default(),
            state,
            seen: once::Seen::default(),
            hits: Vec::new(),
            findings: Vec::new(),
            correlated: Vec::new(),
        }
    }

    pub fn ruleset(&self) -> &Arc<Ruleset> {
        &self.ruleset
    }

    /// [`SharedState::left_out`] of its state.
    pub fn left_out(&self) -> (u64, u64) {
        self.state.left_out()
    }

    /// Runs an event in JSON. Correlations go by `at_ns`, or by the event's `timestamp`, or by the last that had one.
    ///
    /// # Errors
    /// When the text is no event.
    pub fn run(&mut self, json: &str, at_ns: Option<i64>) -> Result<&[Finding], RecordError> {
        self.run_from(json, at_ns, Origin::default())
    }

    /// [`Detector::run`], where events come from several places.
    ///
    /// # Errors
    /// When the text is no event.
    pub fn run_from(
        &mut self,
        json: &str,
        at_ns: Option<i64>,
        origin: Origin,
    ) -> Result<&[Finding], RecordError> {
        self.findings.clear();
        let ruleset = Arc::clone(&self.ruleset);
        ruleset.engine.run(json, &mut self.scratch)?;
        self.hits.clear();
        for &hit in self.scratch.hits() {
            let once = ruleset.once.get(hit as usize).and_then(Option::as_ref);
            if once.is_none_or(|once| !self.seen.again(once, hit, &self.scratch.record)) {
                self.hits.push(hit);
            }
        }
        let correlates = !ruleset.compiled.list.is_empty();
        if self.hits.is_empty() || !correlates {
            self.tell_rules(&ruleset);
            return Ok(&self.findings);
        }
        let at_ns = at_ns.or_else(|| ruleset.engine.time_ns(&self.scratch));
        self.correlated.clear();
        {
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            let at_ns = at_ns.unwrap_or(state.now());
            ruleset
                .compiled
                .advance(&mut state, at_ns, &mut self.correlated);
            for &hit in &self.hits {
                ruleset.compiled.observe(
                    &mut state,
                    hit,
                    &self.scratch.record,
                    (at_ns, origin),
                    &mut self.correlated,
                );
            }
        }
        self.tell_rules(&ruleset);
        self.tell_correlations(&ruleset);
        Ok(&self.findings)
    }

    /// The stream's time has come to `at_ns` without an event that matters.
    pub fn advance(&mut self, at_ns: i64) -> &[Finding] {
        self.findings.clear();
        let ruleset = Arc::clone(&self.ruleset);
        if !ruleset.compiled.list.is_empty() {
            self.correlated.clear();
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            ruleset
                .compiled
                .advance(&mut state, at_ns, &mut self.correlated);
        }
        self.tell_correlations(&ruleset);
        &self.findings
    }

    /// The stream has ended: judges the windows that are open.
    pub fn finish(&mut self) -> &[Finding] {
        self.findings.clear();
        self.correlated.clear();
        let ruleset = Arc::clone(&self.ruleset);
        {
            let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
            ruleset.compiled.finish(&mut state, &mut self.correlated);
        }
        self.tell_correlations(&ruleset);
        &self.findings
    }

    /// The fields by which a rule has matched the last event.
    pub fn matched(&self, rule: usize) -> Vec<MatchedField> {
        let own = self.ruleset.running.binary_search(&rule);
        own.map_or_else(
            |_| Vec::new(),
            |at| self.ruleset.engine.matched(number(at), &self.scratch),
        )
    }

    fn tell_rules(&mut self, ruleset: &Ruleset) {
        for &hit in &self.hits {
            let index = ruleset.index_of(hit);
            if ruleset.rules.get(index).is_some_and(|rule| rule.alerts) {
                self.findings.push(Finding::Rule(index));
            }
        }
    }

    fn tell_correlations(&mut self, ruleset: &Ruleset) {
        for found in self.correlated.drain(..) {
            let own = ruleset.correlations.get(found.correlation as usize);
            if own.is_some_and(|own| own.alerts) && !found.repeated {
                self.findings.push(Finding::Correlation(found));
            }
        }
    }
}
