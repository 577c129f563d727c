//! What is known of one transaction, and how many there may be.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::wire::{Mechanism, Parameter};
use super::{event, events};
use crate::transactions::Transactions;
use crate::{Body, MAX_LIVE_TRANSACTIONS, Transaction};

/// Transactions without an answer, beyond which the oldest is taken for done.
const MAX_OPEN: usize = MAX_LIVE_TRANSACTIONS / 2;

/// A count of messages and the bytes in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    pub count: u64,
    pub bytes: u64,
}

impl Amount {
    pub fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// A request and the answers to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PgsqlTransaction {
    pub request: Option<Request>,
    pub response: Option<Response>,
    /// Rows or copied data since they were last told.
    pub amount: Amount,
}

impl PgsqlTransaction {
    pub fn record(&self, number: u64) -> AppRecord<'_> {
        AppRecord::Pgsql(Box::new(event::record(self, number)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    pub version: (u16, u16),
    pub user: Vec<u8>,
    pub others: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the client has said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub startup: Option<Startup>,
    pub message: Option<&'static str>,
    pub mechanism: Option<Mechanism>,
    pub sasl_parameter: Option<Vec<u8>>,
    pub sasl_response: Option<Vec<u8>>,
    pub password: bool,
    pub query: Option<Vec<u8>>,
    pub copied: Option<Amount>,
    pub copy_fail: Option<Vec<u8>>,
    /// Process and key of the query to cancel.
    pub cancels: Option<(u32, u32)>,
}

/// What the server has said; the last word of a kind counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub tls_accepted: Option<bool>,
    pub md5_salt: Option<Vec<u8>>,
    pub sasl_final: Option<Vec<u8>>,
    pub message: Option<Vec<u8>>,
    pub error: Vec<(u8, Vec<u8>)>,
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// Process and key by which this connection's queries are cancelled.
    pub backend_key: Option<(u32, u32)>,
    pub fields: Option<u16>,
    pub rows: Option<Amount>,
    pub copy_out: Option<u16>,
    pub copy_in: Option<u16>,
    pub copied: Option<Amount>,
    pub command: Option<Vec<u8>>,
}

pub fn complete(transaction: &mut Transaction) {
    for side in Direction::BOTH {
        transaction.advance(side, Transaction::COMPLETE);
    }
}

/// A new transaction. When too many wait for their answers, the oldest is taken for done.
pub fn begin(transactions: &mut Transactions) -> Option<&mut Transaction> {
    if transactions.live().len() >= MAX_OPEN
        && let Some(oldest) = transactions
            .live_mut()
            .iter_mut()
            .find(|transaction| !transaction.is_complete(Direction::ToClient))
    {
        oldest.raise(events::TOO_MANY_TRANSACTIONS);
        complete(oldest);
    }
    transactions.begin(Body::Pgsql(Box::default()))
}

/// Raises an event on a transaction that has nothing else.
pub fn raise_apart(transactions: &mut Transactions, event: u16) -> Option<()> {
    let transaction = begin(transactions)?;
    transaction.raise(event);
    complete(transaction);
    Some(())
}

pub fn owned((name, value): Parameter<'_>) -> (Vec<u8>, Vec<u8>) {
    (name.to_vec(), value.to_vec())
}
