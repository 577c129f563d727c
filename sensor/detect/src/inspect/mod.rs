//! One packet, its flow and its transactions → matches.
//!
//! Order within a packet: rules on addresses alone (first packet of either direction), rules on packets and
//! stream data, rules on transactions. What a match sets (flow bits, numbers, host bits) holds at once for
//! the rules behind it; alerts are sorted, thinned out by thresholds and cut at the end.

mod frame;
mod header;
mod packet;
mod transaction;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::signature::{BitOperation, CaptureKind};
use sensor_app::Bytes;
use sensor_flow::Direction;

use crate::compile::{Kind, Part};
use crate::content::{self, Captured, Evaluation, VARIABLE_LIMIT};
use crate::engine::Engine;
use crate::prefilter::Seen;
use crate::state::FlowState;
use crate::subject::{Traffic, TransactionInspection};
use crate::threshold::Tracked;
use crate::trace::{Depth, Missed, Trace};

pub use verdict::{Counts, Verdict};

/// Alerts of one packet unless configured (`packet-alert-max`).
pub const ALERT_LIMIT: usize = 15;

/// A signature that fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// For [`Engine::signature`]. Order of alerts.
    pub signature: u32,
    /// Number of the transaction.
    pub transaction: Option<u64>,
    /// The transaction is the only one, and taken for the one that the match speaks of.
    pub guessed: bool,
    /// Number of the frame, on the side of the packet.
    pub frame: Option<u64>,
    /// The match lies in stream data or in a transaction rather than in the packet.
    pub in_stream: bool,
    /// A rate filter has given it another action than its rule's.
    pub changed: bool,
    pub captured: Vec<Captured>,
}

/// Files that a rule wants stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreFiles {
    /// None: those of all transactions of the flow.
    pub transaction: Option<u64>,
    /// By [`Direction::index`].
    pub sides: [bool; 2],
}

/// Inspection by one worker.
pub struct Inspector {
    engine: Arc<Engine>,
    alert_limit: usize,
    scratch: Scratch,
    counts: Counts,
    verdict: Verdict,
    costs: Option<crate::profile::Costs>,
    trace: Option<Trace>,
    /// Signatures that a limit stopped, and how often.
    stopped: BTreeMap<u32, u64>,
    guess_transactions: bool,
}

#[derive(Default)]
struct Scratch {
    patterns: Seen,
    candidates: Vec<u32>,
    matches: Vec<Match>,
    captured: Vec<Captured>,
    packet_variables: Vec<(String, Vec<u8>)>,
    /// Transactions whose records a rule has switched off.
    silenced: Vec<u64>,
    stores: Vec<StoreFiles>,
    /// The rule that is looked at.
    current: u32,
    /// Rules whose evaluation a limit stopped.
    exhausted: Vec<u32>,
}

impl Inspector {
    pub fn new(engine: Arc<Engine>, alert_limit: usize) -> Self {
        Inspector {
            engine,
            alert_limit,
            scratch: Scratch::default(),
            counts: Counts::default(),
            verdict: Verdict::default(),
            costs: None,
            trace: None,
            stopped: BTreeMap::new(),
            guess_transactions: false,
        }
    }

    /// From now on a match in a stream names the transaction when there is only one.
    pub fn guess_transactions(&mut self) {
        self.guess_transactions = true;
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Other rules from the next packet on ([`Engine::successor`] of the present ones). Flows translate what they
    /// remember when they are inspected next.
    pub fn replace(&mut self, engine: Arc<Engine>) {
        self.engine = engine;
        self.stopped.clear();
        if self.costs.is_some() {
            self.measure();
        }
    }

    /// From now on it is noted how near the signatures with these ids come to matching.
    pub fn trace(&mut self, sids: &[u32]) {
        let indexes: Vec<u32> = (0..)
            .zip(&self.engine.signatures)
            .filter(|(_, one)| sids.contains(&one.signature.sid))
            .map(|(index, _)| index)
            .collect();
        self.trace = Some(Trace::new(&indexes));
    }

    /// What was noted.
    pub fn traced(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Signatures whose evaluation a limit has stopped, and how often: the rules that some traffic makes costly.
    pub fn stopped(&self) -> &BTreeMap<u32, u64> {
        &self.stopped
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The alerts of the packet last inspected, most important first.
    pub fn matches(&self) -> &[Match] {
        &self.scratch.matches
    }

    /// Files that rules want stored, of the last packet.
    pub fn stores(&self) -> &[StoreFiles] {
        &self.scratch.stores
    }

    /// Transactions whose records the last inspection has switched off.
    pub fn silenced(&self) -> &[u64] {
        &self.scratch.silenced
    }

    /// Variables that rules, also silent ones, took from the packet last inspected.
    pub fn packet_variables(&self) -> &[(String, Vec<u8>)] {
        &self.scratch.packet_variables
    }

    /// What the rules have decided about the packet last inspected.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// From now on the cost of each signature is measured.
    pub fn measure(&mut self) {
        self.costs = Some(crate::profile::Costs::new(self.engine.signatures.len()));
    }

    /// What was measured.
    pub fn costs(&self) -> Option<&crate::profile::Costs> {
        self.costs.as_ref()
    }

    /// Inspects a packet; the matches that are alerts, most important first.
    pub fn inspect(&mut self, traffic: &Traffic<'_>, state: &mut FlowState) -> &[Match] {
        let scratch = &mut self.scratch;
        scratch.matches.clear();
        scratch.silenced.clear();
        scratch.stores.clear();
        scratch.packet_variables.clear();
        self.verdict = Verdict::default();
        if state.is_settled() {
            return &[];
        }
        let engine: &Engine = &self.engine;
        state.follow(&engine.lineage);
        let costs = self.costs.as_mut();
        match &mut self.trace {
            None => Pass::<false> {
                engine,
                traffic,
                state,
                scratch,
                costs,
                trace: None,
                dce_is_big: false,
                guess_transactions: self.guess_transactions,
            }
            .run(),
            trace @ Some(_) => Pass::<true> {
                engine,
                traffic,
                state,
                scratch,
                costs,
                trace: trace.as_mut(),
                dce_is_big: false,
                guess_transactions: self.guess_transactions,
            }
            .run(),
        }
        self.finish(traffic, state);
        if let Some(trace) = &mut self.trace {
            for found in &self.scratch.matches {
                trace.alerted(found.signature);
            }
        }
        &self.scratch.matches
    }
}

/// Inspection of one packet.
struct Pass<'a, const TRACED: bool> {
    engine: &'a Engine,
    traffic: &'a Traffic<'a>,
    state: &'a mut FlowState,
    scratch: &'a mut Scratch,
    costs: Option<&'a mut crate::profile::Costs>,
    /// There if `TRACED`.
    trace: Option<&'a mut Trace>,
    /// The transaction under inspection has numbers with their high byte first.
    dce_is_big: bool,
    guess_transactions: bool,
}

/// Where a rule matched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Packet,
    Stream,
}

impl<'a, const TRACED: bool> Pass<'a, TRACED> {
    fn run(mut self) {
        if TRACED {
            self.trace_headers();
        }
        if self.traffic.only_stream {
            self.stream();
        } else {
            let first = self.is_first();
            if first {
                self.ip_only(None);
            } else if let Some(since) = self.newer_addresses() {
                self.ip_only(Some(since));
            }
            self.packet(first);
        }
        if self.traffic.transactions == TransactionInspection::Changed {
            self.frames();
            self.transactions();
        }
    }

    /// Notes the traced rules that have nothing to do with the packet; rules on packets note that themselves.
    fn trace_headers(&mut self) {
        let engine = self.engine;
        for index in self.targets() {
            let one = &engine.signatures[index as usize];
            if matches!(one.kind, Kind::Packet) || self.traffic.flow_end {
                continue;
            }
            if let Some(miss) = self.header_miss(one) {
                self.note(index, None, || (Missed::Header(miss), 0));
                continue;
            }
            let found = self
                .traffic
                .app
                .map_or(sensor_app::Protocol::Unknown, |app| app.protocol());
            if !one.protocols.is_empty() && !one.protocols.contains(&found) {
                self.note(index, None, || {
                    (
                        Missed::AppProtocol {
                            found: found.name(),
                        },
                        0,
                    )
                });
            }
        }
    }

    /// Signatures that are traced.
    fn targets(&self) -> Vec<u32> {
        match &self.trace {
            Some(trace) if TRACED => trace.targets().collect(),
            _ => Vec::new(),
        }
    }

    /// Notes why a traced rule does not match, and how much of it held.
    #[inline]
    fn note(&mut self, index: u32, transaction: Option<u64>, why: impl FnOnce() -> (Missed, u32)) {
        if TRACED && let Some(trace) = self.trace.as_deref_mut() {
            let (missed, held) = why();
            let one = &self.engine.signatures[index as usize];
            trace.note(one, index, self.traffic, transaction, missed, held);
        }
    }

    /// Notes that a list of a traced rule does not hold.
    #[inline]
    fn note_list(&mut self, index: u32, transaction: Option<u64>, list: usize) {
        if TRACED && let Some(trace) = self.trace.as_deref_mut() {
            let one = &self.engine.signatures[index as usize];
            let (missed, held) = trace.list(&one.signature, list);
            trace.note(one, index, self.traffic, transaction, missed, held);
        }
    }

    /// The first packet of its flow and direction, or one without a flow.
    fn is_first(&mut self) -> bool {
        if self.traffic.flow.is_none() {
            return true;
        }
        let side = self.traffic.direction.index();
        !self.traffic.flow_end && !std::mem::replace(&mut self.state.seen_first[side], true)
    }

    /// The generation whose rules on addresses have looked at this side, if newer ones have not yet.
    fn newer_addresses(&mut self) -> Option<u32> {
        if self.traffic.flow.is_none() || self.traffic.flow_end {
            return None;
        }
        self.state.addresses_since[self.traffic.direction.index()].take()
    }

    /// The packet's own payload, if it can be read; one that encloses another packet is looked at there.
    fn payload(&self) -> &'a [u8] {
        let traffic = self.traffic;
        if traffic.flow_end || traffic.encrypted || traffic.packet.encloses {
            &[]
        } else {
            traffic.payload()
        }
    }

    fn bytes_hold(
        &mut self,
        part: &Part,
        bytes: Bytes<'_>,
        variables: &mut [u64; VARIABLE_LIMIT],
    ) -> bool {
        let dce_is_big = self.dce_is_big;
        let transformed;
        let subject = if part.steps.is_empty() {
            content::Subject {
                data: bytes.data,
                base: bytes.offset,
                complete: bytes.complete,
                dce_is_big,
            }
        } else {
            let Some(data) = crate::transform::apply(&part.steps, bytes.data) else {
                return false;
            };
            transformed = data;
            content::Subject {
                data: &transformed,
                base: 0,
                complete: bytes.complete,
                dce_is_big,
            }
        };
        let mut evaluation = Evaluation::<TRACED>::new(
            subject,
            &self.engine.datasets,
            variables,
            &mut self.scratch.captured,
        );
        let holds = evaluation.matches(&part.checks);
        let exhausted = evaluation.exhausted();
        if TRACED && let Some(trace) = self.trace.as_deref_mut() {
            let (held, position) = evaluation.depth(&part.checks);
            trace.evaluated(Depth::new(held, position, subject.data));
        }
        if exhausted {
            self.scratch.exhausted.push(self.scratch.current);
        }
        holds
    }

    /// Carries out what a match sets, and notes it.
    fn matched(&mut self, index: u32, transaction: Option<u64>, place: Place) {
        self.matched_in(index, transaction, None, place);
    }

    /// The same, of a match whose transaction is guessed.
    fn matched_guessing(&mut self, index: u32, transaction: u64, place: Place) {
        self.matched_in(index, Some(transaction), None, place);
        if let Some(last) = self.scratch.matches.last_mut() {
            last.guessed = true;
        }
    }

    /// The same, of a match within a frame.
    fn matched_in(
        &mut self,
        index: u32,
        transaction: Option<u64>,
        frame: Option<u64>,
        place: Place,
    ) {
        let one = &self.engine.signatures[index as usize];
        for (bits, ids) in one.signature.flowbits.iter().zip(&one.flowbits) {
            for &bit in ids {
                self.state.apply_bit(bits.operation, bit);
            }
        }
        for int in &one.signature.flowints {
            self.state.apply_int(int);
        }
        if !one.signature.xbits.is_empty() {
            self.apply_host_bits(index, transaction);
        }
        self.state.bypassed |= one.signature.bypass && !self.traffic.flow_end;
        if let Some(store) = &one.signature.filestore {
            let own = self.traffic.direction;
            let sides = match store.direction.as_deref() {
                Some("both") => [true; 2],
                Some("request" | "to_server") => [true, false],
                Some("response" | "to_client") => [false, true],
                _ => Direction::BOTH.map(|side| side == own),
            };
            let whole_flow = matches!(store.scope.as_deref(), Some("ssn" | "flow"));
            self.scratch.stores.push(StoreFiles {
                transaction: transaction.filter(|_| !whole_flow),
                sides,
            });
        }
        if one.signature.silences_transaction {
            self.scratch.silenced.extend(transaction);
        }
        let captured = std::mem::take(&mut self.scratch.captured);
        for found in &captured {
            match found {
                Captured::Variable { capture, value } if capture.kind == CaptureKind::Flow => {
                    self.state.set_variable(&capture.name, value.clone());
                }
                Captured::Variable { capture, value }
                    if capture.kind == rules::signature::CaptureKind::Packet
                        && self.scratch.packet_variables.len() < VARIABLE_LIMIT =>
                {
                    let variable = (capture.name.clone(), value.clone());
                    self.scratch.packet_variables.push(variable);
                }
                Captured::Entropy { buffer, value } => self.state.set_entropy(buffer, *value),
                Captured::Variable { .. } | Captured::Context { .. } => {}
            }
        }
        if let Some(costs) = &mut self.costs {
            costs.matched(index);
        }
        if TRACED && let Some(trace) = self.trace.as_deref_mut() {
            trace.matched(index);
        }
        self.scratch.matches.push(Match {
            signature: index,
            transaction,
            guessed: false,
            frame,
            in_stream: place == Place::Stream,
            changed: false,
            captured,
        });
    }

    fn apply_host_bits(&mut self, index: u32, transaction: Option<u64>) {
        let one = &self.engine.signatures[index as usize];
        let mut bits = self
            .engine
            .host_bits
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        for (bit, &id) in one.signature.xbits.iter().zip(&one.xbits) {
            if bit.track == rules::signature::Track::Transaction {
                if let (BitOperation::Set, Some(transaction)) = (bit.operation, transaction) {
                    self.state.set_transaction_bit(transaction, id);
                }
                continue;
            }
            if let Some(tracked) = Tracked::new(bit.track, self.traffic.packet.addresses().unzip())
            {
                bits.apply(
                    bit.operation,
                    id,
                    tracked,
                    self.traffic.now_ns,
                    bit.expire.as_secs(),
                );
            }
        }
    }
}
