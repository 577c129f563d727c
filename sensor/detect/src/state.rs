//! What detection remembers of a flow: bits, numbers, variables, and how far each transaction was inspected.

use std::collections::{BTreeMap, VecDeque};

use rules::signature::{BitOperation, Comparison, FlowInt, FlowIntOperation, FlowIntValue};

use crate::lineage::Lineage;
use crate::tag::FlowTags;
use crate::threshold::FlowThresholds;

/// Flow variables kept at most.
pub const VARIABLE_LIMIT: usize = 64;
/// Transactions whose inspection is remembered at most; older ones count as done.
pub const TRANSACTION_LIMIT: usize = 256;
/// Signatures of which it is remembered that they matched stream data.
pub const STREAM_FIRED_LIMIT: usize = 256;
/// Partly matched signatures that one transaction remembers.
pub const PENDING_LIMIT: usize = 512;

/// What rules have decided about a flow; the first decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowAction {
    Pass,
    Drop,
}

impl FlowAction {
    /// Name in EVE's `flow.action`.
    pub fn name(self) -> &'static str {
        match self {
            FlowAction::Pass => "pass",
            FlowAction::Drop => "drop",
        }
    }
}

/// Alerts that name one transaction by a guess.
const GUESS_LIMIT: u8 = 4;

/// State of one flow.
#[derive(Debug, Default)]
pub struct FlowState {
    /// The transaction guessed last, and how often.
    guesses: Option<(u64, u8)>,
    /// Numbers of the bits that are set, sorted.
    bits: Vec<u32>,
    ints: BTreeMap<String, u32>,
    variables: Vec<(String, Vec<u8>)>,
    entropy: BTreeMap<&'static str, f64>,
    /// By direction: a packet was seen.
    pub(crate) seen_first: [bool; 2],
    /// Of the rule set whose numbers stand here.
    generation: u32,
    /// By direction: rules on addresses that are newer than this generation have not looked at the flow yet.
    pub(crate) addresses_since: [Option<u32>; 2],
    pub(crate) thresholds: FlowThresholds,
    pub(crate) tags: FlowTags,
    pub(crate) transactions: VecDeque<TxState>,
    /// `pass` or `drop` matched: no more alerts from this flow.
    pub(crate) action: Option<FlowAction>,
    /// A rule with `bypass` matched.
    pub(crate) bypassed: bool,
    pub(crate) alerts: u64,
    /// Signatures that matched stream data: the overlap of the next window is not looked at again for them.
    stream_fired: Vec<u32>,
}

/// How far a transaction was inspected, for each side.
#[derive(Debug, Default)]
pub(crate) struct TxState {
    pub id: u64,
    /// Bits of the transaction (`xbits` … `track tx`).
    bits: Vec<u32>,
    pub sides: [SideState; 2],
}

#[derive(Debug, Default)]
pub(crate) struct SideState {
    /// Per scanner of the protocol: the end (position in the buffer) up to which it was scanned, +1; 0: never.
    pub scanned: Vec<u64>,
    pub pending: Vec<Pending>,
    /// Signatures that have fired or cannot any more.
    pub settled: Vec<u32>,
    /// Signatures without a fast pattern were put among the pending.
    pub listed: bool,
    /// Progress of the side when its buffers were scanned last.
    pub progress: u8,
    /// The side is complete and was inspected as such.
    pub done: bool,
}

/// A signature of which some buffers have matched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub signature: u32,
    /// Bit n: the nth buffer match holds.
    pub held: u64,
    /// To be looked at as if for the first time.
    pub fresh: bool,
}

impl FlowState {
    /// Takes the numbers of another rule set. What has matched or partly matched stays so where the rule is still
    /// there; buffers are scanned anew, for the rules that were not.
    pub(crate) fn follow(&mut self, lineage: &Lineage) {
        let then = std::mem::replace(&mut self.generation, lineage.generation());
        if then == self.generation {
            return;
        }
        let translate = |numbers: &mut Vec<u32>| {
            *numbers = numbers
                .iter()
                .filter_map(|&signature| lineage.translate(then, signature))
                .collect();
            numbers.sort_unstable();
        };
        translate(&mut self.stream_fired);
        for side in self.transactions.iter_mut().flat_map(|tx| &mut tx.sides) {
            translate(&mut side.settled);
            side.pending = side
                .pending
                .iter()
                .filter_map(|pending| {
                    Some(Pending {
                        signature: lineage.translate(then, pending.signature)?,
                        ..*pending
                    })
                })
                .collect();
            side.scanned.clear();
            side.listed = false;
        }
        for (since, seen) in self.addresses_since.iter_mut().zip(self.seen_first) {
            if seen && since.is_none() {
                *since = Some(then);
            }
        }
    }

    pub fn has_bit(&self, bit: u32) -> bool {
        self.bits.binary_search(&bit).is_ok()
    }

    /// Numbers of the bits that are set.
    pub fn bits(&self) -> &[u32] {
        &self.bits
    }

    pub fn ints(&self) -> &BTreeMap<String, u32> {
        &self.ints
    }

    pub fn variables(&self) -> &[(String, Vec<u8>)] {
        &self.variables
    }

    /// Entropies that rules have computed, by buffer.
    pub fn entropies(&self) -> &BTreeMap<&'static str, f64> {
        &self.entropy
    }

    /// What rules have decided about the flow.
    pub fn action(&self) -> Option<FlowAction> {
        self.action
    }

    /// A rule takes the flow out of inspection.
    pub fn is_bypassed(&self) -> bool {
        self.bypassed
    }

    /// Rules have nothing more to say of this flow.
    pub fn is_settled(&self) -> bool {
        self.action.is_some() || self.bypassed
    }

    /// Counts a guess at a transaction; false when there were enough.
    pub(crate) fn may_guess(&mut self, transaction: u64) -> bool {
        let (id, count) = self.guesses.get_or_insert((transaction, 0));
        if *id != transaction {
            (*id, *count) = (transaction, 0);
        }
        *count = count.saturating_add(1);
        *count <= GUESS_LIMIT
    }

    pub(crate) fn set_entropy(&mut self, buffer: &'static str, value: f64) {
        if self.entropy.len() < VARIABLE_LIMIT || self.entropy.contains_key(buffer) {
            self.entropy.insert(buffer, value);
        }
    }

    pub(crate) fn set_transaction_bit(&mut self, transaction: u64, bit: u32) {
        let bits = &mut self.transaction(transaction).bits;
        if !bits.contains(&bit) && bits.len() < VARIABLE_LIMIT {
            bits.push(bit);
        }
    }

    pub(crate) fn has_transaction_bit(&self, transaction: u64, bit: u32) -> bool {
        self.transactions
            .binary_search_by_key(&transaction, |state| state.id)
            .is_ok_and(|at| self.transactions[at].bits.contains(&bit))
    }

    /// Alerts of this flow so far.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    pub(crate) fn stream_fired(&self, signature: u32) -> bool {
        self.stream_fired.binary_search(&signature).is_ok()
    }

    pub(crate) fn note_stream_fired(&mut self, signature: u32) {
        if let Err(at) = self.stream_fired.binary_search(&signature)
            && self.stream_fired.len() < STREAM_FIRED_LIMIT
        {
            self.stream_fired.insert(at, signature);
        }
    }

    pub(crate) fn apply_bit(&mut self, operation: BitOperation, bit: u32) {
        match (self.bits.binary_search(&bit), operation) {
            (Err(at), BitOperation::Set | BitOperation::Toggle) => self.bits.insert(at, bit),
            (Ok(at), BitOperation::Unset | BitOperation::Toggle) => {
                self.bits.remove(at);
            }
            _ => {}
        }
    }

    pub(crate) fn set_variable(&mut self, name: &str, value: Vec<u8>) {
        match self.variables.iter().position(|(other, _)| other == name) {
            Some(at) => self.variables[at].1 = value,
            None if self.variables.len() < VARIABLE_LIMIT => {
                self.variables.push((name.to_owned(), value))
            }
            None => {}
        }
    }

    /// Whether the tests of a `flowint` hold; operations that change a value always do.
    pub(crate) fn int_holds(&self, int: &FlowInt) -> bool {
        let current = self.ints.get(&int.name).copied();
        match &int.operation {
            FlowIntOperation::IsSet => current.is_some(),
            FlowIntOperation::NotSet => current.is_none(),
            FlowIntOperation::Compare(comparison, value) => {
                let value = self.int_value(value);
                current.is_some_and(|current| match comparison {
                    Comparison::Equal => current == value,
                    Comparison::NotEqual => current != value,
                    Comparison::Less => current < value,
                    Comparison::LessEqual => current <= value,
                    Comparison::Greater => current > value,
                    Comparison::GreaterEqual => current >= value,
                    Comparison::AnyBit | Comparison::NoBit => false,
                })
            }
            FlowIntOperation::Set(_) | FlowIntOperation::Add(_) | FlowIntOperation::Subtract(_) => {
                true
            }
        }
    }

    pub(crate) fn apply_int(&mut self, int: &FlowInt) {
        let current = self.ints.get(&int.name).copied().unwrap_or(0);
        let changed = match &int.operation {
            FlowIntOperation::Set(value) => Some(self.int_value(value)),
            FlowIntOperation::Add(value) => Some(current.wrapping_add(self.int_value(value))),
            FlowIntOperation::Subtract(value) => Some(current.wrapping_sub(self.int_value(value))),
            _ => None,
        };
        if let Some(value) = changed
            && (self.ints.len() < VARIABLE_LIMIT || self.ints.contains_key(&int.name))
        {
            self.ints.insert(int.name.clone(), value);
        }
    }

    /// A number, or that of a variable; one that is not set counts as 0.
    fn int_value(&self, value: &FlowIntValue) -> u32 {
        match value {
            FlowIntValue::Literal(value) => *value,
            FlowIntValue::Variable(name) => self.ints.get(name).copied().unwrap_or(0),
        }
    }

    /// The state of a transaction, made on first sight.
    pub(crate) fn transaction(&mut self, id: u64) -> &mut TxState {
        let find = |states: &VecDeque<TxState>| states.binary_search_by_key(&id, |state| state.id);
        let at = match find(&self.transactions) {
            Ok(at) => at,
            Err(_) => {
                if self.transactions.len() >= TRANSACTION_LIMIT {
                    self.transactions.pop_front();
                }
                let at = find(&self.transactions).unwrap_or_else(|at| at);
                let fresh = TxState {
                    id,
                    ..TxState::default()
                };
                self.transactions.insert(at, fresh);
                at
            }
        };
        &mut self.transactions[at]
    }

    /// Whether a transaction was inspected to its end on a side.
    pub fn is_done(&self, id: u64, direction: sensor_flow::Direction) -> bool {
        match self
            .transactions
            .binary_search_by_key(&id, |state| state.id)
        {
            Ok(at) => self.transactions[at].sides[direction.index()].done,
            Err(at) => at == 0 && self.transactions.len() >= TRANSACTION_LIMIT,
        }
    }

    /// Forgets transactions before `oldest`, the first one still live.
    pub fn forget_transactions_before(&mut self, oldest: u64) {
        while self
            .transactions
            .front()
            .is_some_and(|state| state.id < oldest)
        {
            self.transactions.pop_front();
        }
    }
}
