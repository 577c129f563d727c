//! One transaction: request and reply.

use crate::File;
use sensor_event::AppRecord;
use sensor_flow::Direction;

/// One request with its reply, of any protocol.
#[derive(Debug)]
pub struct Transaction {
    /// Number within the flow, from 0 (`tx_id` in EVE).
    pub id: u64,
    /// How far each side has come, in the protocol's own stages; `u8::MAX` is complete.
    pub progress: [u8; 2],
    /// Numbers of [`crate::EventRow`]s raised and not yet reported.
    pub events: Vec<u16>,
    pub files: Vec<File>,
    pub body: Body,
}

/// The protocol's own part.
#[derive(Debug)]
pub enum Body {}

impl Transaction {
    /// Progress that means the side is complete.
    pub const COMPLETE: u8 = u8::MAX;

    pub fn is_complete(&self, direction: Direction) -> bool {
        self.progress[direction.index()] == Self::COMPLETE
    }

    /// The EVE object of this transaction (`http`, `dns`, `tls`).
    pub fn record(&self) -> AppRecord<'_> {
        match self.body {}
    }
}
