//! The application side of one flow.

use std::collections::VecDeque;

use crate::{Protocol, Transaction};
use sensor_flow::Direction;

/// What a parser may need besides bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Nanoseconds since the epoch, of the packet that caused the call.
    pub now_ns: i64,
    pub server_port: u16,
    pub client_port: u16,
}

/// Limits that configuration may change (names and defaults as Suricata's configuration).
#[derive(Debug, Clone)]
pub struct Limits {
    pub http_request_body_bytes: u64,
    pub http_response_body_bytes: u64,
    pub http_decompress_layers: usize,
    pub http_double_decode_path: bool,
    pub http_double_decode_query: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            http_request_body_bytes: 100 * 1024,
            http_response_body_bytes: 100 * 1024,
            http_decompress_layers: 2,
            http_double_decode_path: false,
            http_double_decode_query: false,
        }
    }
}

/// Protocol detection, parser and transactions of one flow.
#[derive(Debug, Default)]
pub struct AppLayer {
    transactions: VecDeque<Transaction>,
}

impl AppLayer {
    /// In-order stream bytes of one side.
    pub fn chunk(
        &mut self,
        _direction: Direction,
        _data: &[u8],
        _context: &Context,
        _limits: &Limits,
    ) {
    }
    /// Stream bytes that will never come.
    pub fn gap(
        &mut self,
        _direction: Direction,
        _bytes: u64,
        _context: &Context,
        _limits: &Limits,
    ) {
    }
    /// No more bytes from this side (FIN, RST, time-out).
    pub fn close(&mut self, _direction: Direction, _context: &Context, _limits: &Limits) {}
    /// One UDP payload.
    pub fn datagram(
        &mut self,
        _direction: Direction,
        _data: &[u8],
        _context: &Context,
        _limits: &Limits,
    ) {
    }
    /// Protocol of the flow, `Unknown` or `Failed`.
    pub fn protocol(&self) -> Protocol {
        Protocol::Unknown
    }
    /// Protocol seen on one side (EVE `app_proto_ts`, `app_proto_tc`).
    pub fn side_protocol(&self, _direction: Direction) -> Protocol {
        Protocol::Unknown
    }
    /// The protocol found before a change (STARTTLS, upgrade): EVE `app_proto_orig`.
    pub fn original_protocol(&self) -> Option<Protocol> {
        None
    }
    /// Whether detection has finished for this side (found or given up).
    pub fn detection_done(&self, _direction: Direction) -> bool {
        false
    }
    /// The parser needs nothing more (encrypted data, error): the stream may skip reassembly for it.
    pub fn is_finished(&self, _direction: Direction) -> bool {
        false
    }
    /// Transactions not yet retired, oldest first.
    pub fn transactions(&self) -> &VecDeque<Transaction> {
        &self.transactions
    }
    /// The same, to mark events and files as reported.
    pub fn transactions_mut(&mut self) -> &mut VecDeque<Transaction> {
        &mut self.transactions
    }
    /// Forgets transactions that are `done`, from the front, and any done ones in between.
    pub fn retire(&mut self, done: impl Fn(&Transaction) -> bool) {
        self.transactions.retain(|tx| !done(tx));
    }
    /// Transactions made so far.
    pub fn transaction_count(&self) -> u64 {
        0
    }
    /// Events of the flow itself, not of a transaction (detection: "applayer_mismatch_protocol_both_directions", …).
    pub fn take_events(&mut self) -> Vec<&'static str> {
        Vec::new()
    }
}
