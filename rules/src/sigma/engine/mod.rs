//! Rules, compiled: one pass over an event tells which match.
//!
//! Rules are put into buckets by the kinds of events (`event_type`) that their log source means. A bucket has each
//! test once, whichever rules ask it. Literals are looked for all at once ([`super::matcher`]). A rule is looked at
//! only when one of its *witnesses* has been met: tests of which at least one holds whenever the rule matches,
//! chosen for being rare; then its condition is a few bits to look up, and what is costly (a regular expression, a
//! network, a time) is computed when a condition comes to it, once.

mod compile;

use std::collections::HashMap;

use super::matcher::{Matcher, TestId};
use super::pattern::Anchor;
use super::pipeline::Source;
use super::query::Query;
use super::record::{Derivation, Kind, Plan, Record, RecordError, Slot, Value};
use super::test::{Check, agree};
use compile::{Maker, show};

/// A rule as the engine takes it.
#[derive(Debug, Clone)]
pub struct EngineRule {
    /// Values of `event_type`; empty: every event.
    pub events: Vec<String>,
    pub query: Query,
}

/// Index of a rule in the list that the engine was made of.
pub type RuleIndex = u32;

/// Compiled rules; shared by all workers.
#[derive(Debug)]
pub struct Engine {
    plan: Plan,
    event_type: Slot,
    timestamp: Slot,
    classes: HashMap<String, usize>,
    /// The last is for events of no class that a rule names.
    buckets: Vec<Bucket>,
    /// For what a match shows: the tests of each rule.
    shown: Vec<Vec<Shown>>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// What is computed of its events' values.
    derived: Vec<Derivation>,
    matchers: Vec<Matcher>,
    tests: Vec<Compiled>,
    rules: Vec<(RuleIndex, Node)>,
    /// Rules (of this bucket) without a witness.
    always: Vec<u32>,
    /// Rules whose witness is that a slot has a value.
    present: Vec<(Slot, Vec<u32>)>,
}

#[derive(Debug)]
struct Compiled {
    kind: CompiledKind,
    /// Rules of which this test is a witness.
    wakes: Vec<u32>,
}

#[derive(Debug)]
enum CompiledKind {
    /// Known once the slot's values have been looked through.
    Found,
    Check(Slot, Check),
    Agree {
        left: Vec<Slot>,
        right: Vec<Slot>,
        anchor: Anchor,
        cased: bool,
    },
}

/// A condition over tests.
#[derive(Debug)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(TestId),
}

#[derive(Debug)]
struct Shown {
    field: String,
    slots: Vec<Slot>,
    check: ShownIf,
}

/// Which values of a field are shown.
#[derive(Debug)]
enum ShownIf {
    Passes(Check),
    /// Those that agree with another field's.
    Agrees {
        right: Vec<Slot>,
        anchor: Anchor,
        cased: bool,
    },
}

impl ShownIf {
    fn holds(&self, value: Value<'_>, record: &Record) -> bool {
        match self {
            ShownIf::Passes(check) => check.passes(value),
            ShownIf::Agrees {
                right,
                anchor,
                cased,
            } => right
                .iter()
                .flat_map(|slot| record.values(*slot))
                .any(|other| agree(value, other, *anchor, *cased)),
        }
    }
}

/// What one worker needs to match events. Its buffers are used again.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) record: Record,
    holds: Vec<u64>,
    known: Vec<u64>,
    dirty: Vec<TestId>,
    woken: Vec<u32>,
    awake: Vec<u64>,
    hits: Vec<RuleIndex>,
}

impl Scratch {
    /// Rules that matched the last event, in their order.
    pub fn hits(&self) -> &[RuleIndex] {
        &self.hits
    }
}

/// A field with a value that a rule matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedField {
    /// As the rule calls it; empty for keywords.
    pub field: String,
    pub value: String,
}

impl Engine {
    pub fn new(rules: &[EngineRule], zone_s: Option<i32>) -> Engine {
        let mut plan = Plan::new();
        let event_type = plan.path("event_type");
        let timestamp = plan.path("timestamp");
        let mut classes: HashMap<String, usize> = HashMap::new();
        let mut members: Vec<Vec<RuleIndex>> = Vec::new();
        for event in rules.iter().flat_map(|rule| &rule.events) {
            classes.entry(event.clone()).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
        }
        members.push(Vec::new());
        let other = members.len() - 1;
        for (index, rule) in (0..).zip(rules) {
            if rule.events.is_empty() {
                members.iter_mut().for_each(|list| list.push(index));
            }
            for event in &rule.events {
                if let Some(list) = classes.get(event).and_then(|at| members.get_mut(*at))
                    && list.last() != Some(&index)
                {
                    list.push(index);
                }
            }
        }
        debug_assert_eq!(other + 1, members.len());
        let buckets = members
            .iter()
            .map(|list| {
                let mut maker = Maker::new(&mut plan, zone_s);
                for index in list {
                    if let Some(rule) = rules.get(*index as usize) {
                        maker.rule(*index, &rule.query);
                    }
                }
                maker.finish()
            })
            .collect();
        let shown = rules
            .iter()
            .map(|rule| {
                let mut list = Vec::new();
                show(&rule.query, &mut plan, zone_s, &mut list);
                list
            })
            .collect();
        Engine {
            plan,
            event_type,
            timestamp,
            classes,
            buckets,
            shown,
        }
    }

    /// A slot for a source that is read beside what rules test (grouping of correlations).
    pub(super) fn slot(&mut self, source: &Source) -> Slot {
        let slot = self.plan.source(source);
        if let Some(derivation) = self.plan.derivation(slot) {
            for bucket in &mut self.buckets {
                bucket.derive(derivation);
            }
        }
        slot
    }

    /// Matches an event in JSON; the rules that match are in [`Scratch::hits`].
    ///
    /// # Errors
    /// When the text is no event.
    pub fn run(&self, json: &str, scratch: &mut Scratch) -> Result<(), RecordError> {
        scratch.hits.clear();
        scratch.record.read(&self.plan, json)?;
        let bucket = scratch
            .record
            .values(self.event_type)
            .next()
            .and_then(|class| self.classes.get(class.text))
            .and_then(|at| self.buckets.get(*at))
            .or(self.buckets.last());
        if let Some(bucket) = bucket {
            scratch.record.derive(&self.plan, &bucket.derived);
            bucket.run(scratch);
        }
        Ok(())
    }

    /// Whether events of a kind can match any rule at all.
    pub fn wants(&self, event_type: &str) -> bool {
        self.classes
            .get(event_type)
            .and_then(|at| self.buckets.get(*at))
            .or(self.buckets.last())
            .is_some_and(|bucket| !bucket.rules.is_empty())
    }

    /// Time of the last event, in nanoseconds since 1970, where it has one.
    pub fn time_ns(&self, scratch: &Scratch) -> Option<i64> {
        scratch
            .record
            .values(self.timestamp)
            .find_map(|value| super::time::Moment::parse(value.text))
            .map(super::time::Moment::nanoseconds)
    }

    /// The fields by which a rule has matched the last event, each once.
    pub fn matched(&self, rule: RuleIndex, scratch: &Scratch) -> Vec<MatchedField> {
        let mut fields: Vec<MatchedField> = Vec::new();
        for shown in self.shown.get(rule as usize).into_iter().flatten() {
            let value = shown
                .slots
                .iter()
                .flat_map(|slot| scratch.record.values(*slot))
                .find(|value| value.kind.is_value() && shown.check.holds(*value, &scratch.record));
            if let Some(value) = value {
                let field = MatchedField {
                    field: shown.field.clone(),
                    value: value.text.to_owned(),
                };
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
        }
        fields
    }

    /// What the engine is made of, for people.
    pub fn summary(&self) -> Summary {
        Summary {
            kinds: self.classes.len(),
            tests: self.buckets.iter().map(|bucket| bucket.tests.len()).sum(),
            without_witness: self.buckets.iter().map(|bucket| bucket.always.len()).sum(),
            slots: self.plan.slots(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Kinds of events that rules name.
    pub kinds: usize,
    pub tests: usize,
    /// Rules that are looked at for every event of their kind.
    pub without_witness: usize,
    pub slots: usize,
}

fn bit(bits: &[u64], at: u32) -> bool {
    bits.get(at as usize / 64)
        .is_some_and(|word| word >> (at % 64) & 1 != 0)
}

/// Sets a bit; true when it was not set.
fn set(bits: &mut [u64], at: u32) -> bool {
    let Some(word) = bits.get_mut(at as usize / 64) else {
        return false;
    };
    let before = *word;
    *word |= 1 << (at % 64);
    *word != before
}

fn unset(bits: &mut [u64], at: u32) {
    if let Some(word) = bits.get_mut(at as usize / 64) {
        *word &= !(1 << (at % 64));
    }
}

impl Bucket {
    fn derive(&mut self, derivation: Derivation) {
        if !self.derived.contains(&derivation) {
            self.derived.push(derivation);
        }
    }

    fn run(&self, scratch: &mut Scratch) {
        let Scratch {
            record,
            holds,
            known,
            dirty,
            woken,
            awake,
            hits,
        } = scratch;
        let words = |bits: usize| bits.div_ceil(64);
        if holds.len() < words(self.tests.len()) {
            holds.resize(words(self.tests.len()), 0);
            known.resize(words(self.tests.len()), 0);
        }
        if awake.len() < words(self.rules.len()) {
            awake.resize(words(self.rules.len()), 0);
        }
        let mut wake = |rule: u32| {
            if set(awake, rule) {
                woken.push(rule);
            }
        };
        for &rule in &self.always {
            wake(rule);
        }
        for (slot, rules) in &self.present {
            if record.has(*slot) {
                rules.iter().copied().for_each(&mut wake);
            }
        }
        for matcher in &self.matchers {
            for value in record.values(matcher.slot) {
                if !value.kind.is_value() {
                    continue;
                }
                matcher.find(value, |test| {
                    if set(holds, test) {
                        dirty.push(test);
                        if let Some(test) = self.tests.get(test as usize) {
                            test.wakes.iter().copied().for_each(&mut wake);
                        }
                    }
                });
            }
        }
        let mut run = Run {
            bucket: self,
            record,
            holds,
            known,
            dirty,
        };
        for &rule in woken.iter() {
            if let Some((index, node)) = self.rules.get(rule as usize)
                && run.node(node)
            {
                hits.push(*index);
            }
        }
        hits.sort_unstable();
        for rule in woken.drain(..) {
            unset(awake, rule);
        }
        for test in dirty.drain(..) {
            unset(holds, test);
            unset(known, test);
        }
    }
}

/// One event in one bucket.
struct Run<'a> {
    bucket: &'a Bucket,
    record: &'a Record,
    holds: &'a mut Vec<u64>,
    known: &'a mut Vec<u64>,
    dirty: &'a mut Vec<TestId>,
}

impl Run<'_> {
    // Conditions are as deep as rules may be written, no deeper.
    fn node(&mut self, node: &Node) -> bool {
        match node {
            Node::And(parts) => parts.iter().all(|part| self.node(part)),
            Node::Or(parts) => parts.iter().any(|part| self.node(part)),
            Node::Not(inner) => !self.node(inner),
            Node::Test(test) => self.test(*test),
        }
    }

    fn test(&mut self, id: TestId) -> bool {
        let Some(test) = self.bucket.tests.get(id as usize) else {
            return false;
        };
        if matches!(test.kind, CompiledKind::Found) || bit(self.known, id) {
            return bit(self.holds, id);
        }
        let holds = test.kind.compute(self.record);
        set(self.known, id);
        if holds {
            set(self.holds, id);
        }
        self.dirty.push(id);
        holds
    }
}

impl CompiledKind {
    fn compute(&self, record: &Record) -> bool {
        match self {
            CompiledKind::Found => false,
            CompiledKind::Check(slot, Check::Null) => record
                .values(*slot)
                .all(|value| matches!(value.kind, Kind::Null | Kind::List)),
            CompiledKind::Check(slot, check) => {
                record.values(*slot).any(|value| check.passes(value))
            }
            CompiledKind::Agree {
                left,
                right,
                anchor,
                cased,
            } => left
                .iter()
                .flat_map(|slot| record.values(*slot))
                .any(|own| {
                    right
                        .iter()
                        .flat_map(|slot| record.values(*slot))
                        .any(|other| agree(own, other, *anchor, *cased))
                }),
        }
    }
}
