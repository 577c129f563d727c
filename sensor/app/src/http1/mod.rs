//! HTTP/1.

use sensor_flow::Direction;

use crate::parser::{Parser, Prefix, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{Context, Limits, Protocol, ProtocolRow};

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Http1,
    name: "http",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: Some(Direction::ToServer),
    probe: |_: &Prefix<'_>| Verdict::No,
    parser: |_| Box::new(State),
};

#[derive(Debug)]
struct State;

impl Parser for State {
    fn chunk(
        &mut self,
        _direction: Direction,
        _data: &[u8],
        _transactions: &mut Transactions,
        _context: &Context,
        _limits: &Limits,
    ) -> Step {
        Step::Finished
    }

    fn gap(
        &mut self,
        _direction: Direction,
        _bytes: u64,
        _transactions: &mut Transactions,
        _context: &Context,
        _limits: &Limits,
    ) -> Step {
        Step::Finished
    }

    fn close(
        &mut self,
        _direction: Direction,
        _transactions: &mut Transactions,
        _context: &Context,
        _limits: &Limits,
    ) {
    }
}

#[derive(Debug)]
pub struct HttpTransaction {
    never: std::convert::Infallible,
}

impl HttpTransaction {
    pub fn record(&self) -> sensor_event::Http<'_> {
        match self.never {}
    }
}
