//! What detection remembers of a flow: bits, numbers, variables, and how far each transaction was inspected.

use std::collections::{BTreeMap, VecDeque};

use rules::signature::{BitOperation, Comparison, FlowInt, FlowIntOperation, FlowIntValue};

/// Flow variables kept at most.
pub const VARIABLE_LIMIT: usize = 64;
/// Transactions whose inspection is remembered at most; older ones count as done.
pub const TRANSACTION_LIMIT: usize = 256;
/// Signatures of which it is remembered that they matched stream data.
pub const STREAM_FIRED_LIMIT: usize = 256;
/// Partly matched signatures that one transaction remembers.
pub const PENDING_LIMIT: usize = 512;

/// State of one flow.
#[derive(Debug, Default)]
pub struct FlowState {
    /// Numbers of the bits that are set, sorted.
    bits: Vec<u32>,
    ints: BTreeMap<String, u32>,
    variables: Vec<(String, Vec<u8>)>,
    pub(crate) ip_only_done: [bool; 2],
    pub(crate) transactions: VecDeque<TxState>,
    /// A `pass` rule matched: no more alerts from this flow.
    pub(crate) passed: bool,
    pub(crate) alerts: u64,
    /// Signatures that matched stream data: the overlap of the next window is not looked at again for them.
    stream_fired: Vec<u32>,
}

/// How far a transaction was inspected, for each side.
#[derive(Debug, Default)]
pub(crate) struct TxState {
    pub id: u64,
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
    /// The side is complete and was inspected as such.
    pub done: bool,
}

/// A signature of which some buffers have matched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub signature: u32,
    /// Bit n: the nth buffer match holds.
    pub held: u64,
}

impl FlowState {
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

    /// A `pass` rule has ended inspection of this flow.
    pub fn has_passed(&self) -> bool {
        self.passed
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
                match (current, self.int_value(value)) {
                    (Some(current), Some(value)) => match comparison {
                        Comparison::Equal => current == value,
                        Comparison::NotEqual => current != value,
                        Comparison::Less => current < value,
                        Comparison::LessEqual => current <= value,
                        Comparison::Greater => current > value,
                        Comparison::GreaterEqual => current >= value,
                        Comparison::AnyBit | Comparison::NoBit => false,
                    },
                    _ => false,
                }
            }
            FlowIntOperation::Set(_) | FlowIntOperation::Add(_) | FlowIntOperation::Subtract(_) => {
                true
            }
        }
    }

    pub(crate) fn apply_int(&mut self, int: &FlowInt) {
        let current = self.ints.get(&int.name).copied().unwrap_or(0);
        let changed = match &int.operation {
            FlowIntOperation::Set(value) => self.int_value(value),
            FlowIntOperation::Add(value) => self
                .int_value(value)
                .map(|value| current.wrapping_add(value)),
            FlowIntOperation::Subtract(value) => self
                .int_value(value)
                .map(|value| current.wrapping_sub(value)),
            _ => None,
        };
        if let Some(value) = changed
            && (self.ints.len() < VARIABLE_LIMIT || self.ints.contains_key(&int.name))
        {
            self.ints.insert(int.name.clone(), value);
        }
    }

    fn int_value(&self, value: &FlowIntValue) -> Option<u32> {
        match value {
            FlowIntValue::Literal(value) => Some(*value),
            FlowIntValue::Variable(name) => self.ints.get(name).copied(),
        }
    }

    /// The state of a transaction, made on first sight.
    pub(crate) fn transaction(&mut self, id: u64) -> &mut TxState {
        let at = match self.transactions.iter().position(|state| state.id >= id) {
            Some(at) if self.transactions[at].id == id => at,
            Some(at) => {
                self.transactions.insert(
                    at,
                    TxState {
                        id,
                        ..TxState::default()
                    },
                );
                at
            }
            None => {
                if self.transactions.len() >= TRANSACTION_LIMIT {
                    self.transactions.pop_front();
                }
                self.transactions.push_back(TxState {
                    id,
                    ..TxState::default()
                });
                self.transactions.len() - 1
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
