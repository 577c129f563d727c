//! DNS over UDP and TCP.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use crate::parser::{Parser, Prefix, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{Context, Limits, Protocol, ProtocolRow};

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Dns,
    name: "dns",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Udp, Transport::Tcp],
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
pub struct DnsTransaction {
    never: std::convert::Infallible,
}

impl DnsTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        match self.never {}
    }
}
