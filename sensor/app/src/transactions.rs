//! The transactions of one flow that nobody has retired yet.

use std::collections::VecDeque;

use crate::expected::{Expected, MAX_EXPECTED};
use crate::frame::Frames;
use crate::http2::Upgrade;
use crate::{Body, Transaction};
use sensor_flow::Direction;

/// Transactions that one flow may hold unretired; a parser that wants more gives up.
pub const MAX_LIVE_TRANSACTIONS: usize = 512;

/// Live transactions in the order of their ids.
#[derive(Debug, Default)]
pub struct Transactions {
    live: VecDeque<Transaction>,
    next_id: u64,
    /// Id of the first transaction of the present protocol.
    first_id: u64,
    expected: Vec<Expected>,
    /// What the protocol before leaves to HTTP/2.
    upgrade: Option<Box<Upgrade>>,
    /// How often a parser has asked, by side, that rules look at the stream now.
    looks: [u64; 2],
    /// What parsers delimit of the bytes themselves.
    pub frames: Frames,
}

impl Transactions {
    /// A new transaction, last in the row. `None` when too many are live.
    pub fn begin(&mut self, body: Body) -> Option<&mut Transaction> {
        if self.is_full() {
            return None;
        }
        let number = self.next_id - self.first_id;
        self.live
            .push_back(Transaction::new(self.next_id, number, body));
        self.next_id += 1;
        self.live.back_mut()
    }

    /// A side has come to the end of a thought within a transaction: rules may look at its stream.
    pub fn call_for_look(&mut self, direction: Direction) {
        self.looks[direction.index()] += 1;
    }

    /// How often that has been so.
    pub fn looks(&self, direction: Direction) -> u64 {
        self.looks[direction.index()]
    }

    /// No further transaction can begin now.
    pub fn is_full(&self) -> bool {
        self.live.len() >= MAX_LIVE_TRANSACTIONS
    }

    /// Tells of another flow that will come.
    pub fn expect(&mut self, expected: Expected) {
        if self.expected.len() < MAX_EXPECTED {
            self.expected.push(expected);
        }
    }

    /// The flows told of since the last call.
    pub fn take_expected(&mut self) -> Vec<Expected> {
        std::mem::take(&mut self.expected)
    }

    /// Another protocol begins: its transactions are numbered from 0.
    pub(crate) fn renumber(&mut self) {
        self.first_id = self.next_id;
    }

    pub(crate) fn set_upgrade(&mut self, upgrade: Upgrade) {
        self.upgrade = Some(Box::new(upgrade));
    }

    pub(crate) fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.upgrade.take().map(|upgrade| *upgrade)
    }

    /// A transaction that is still live.
    pub fn with_id(&mut self, id: u64) -> Option<&mut Transaction> {
        let at = self.live.binary_search_by_key(&id, |tx| tx.id).ok()?;
        self.live.get_mut(at)
    }

    /// A frame, if it is wanted, belongs to a transaction.
    pub(crate) fn assign_frame(&mut self, direction: Direction, frame: Option<u64>, id: u64) {
        if frame.is_none() {
            return;
        }
        if let Some(number) = self.with_id(id).map(|tx| tx.number) {
            self.frames.assign(direction, frame, (id, number));
        }
    }

    pub fn last(&mut self) -> Option<&mut Transaction> {
        self.live.back_mut()
    }

    pub fn live(&self) -> &VecDeque<Transaction> {
        &self.live
    }

    pub fn live_mut(&mut self) -> &mut VecDeque<Transaction> {
        &mut self.live
    }

    /// Transactions begun so far, retired ones too.
    pub fn begun(&self) -> u64 {
        self.next_id
    }

    /// The same of the protocol that is spoken now.
    pub fn begun_now(&self) -> u64 {
        self.next_id - self.first_id
    }
}
