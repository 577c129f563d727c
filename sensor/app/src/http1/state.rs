//! Chunks and gaps → transactions: the two sides of a connection and what they know of one another.

use std::collections::VecDeque;

use super::body::Shared;
use super::headers::Added;
use super::request::RequestSide;
use super::response::ResponseSide;
use super::wire::{MAX_FIELD_BYTES, content_length};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Context, Limits, Transaction};
use sensor_flow::Direction;

/// What both sides work on.
pub struct Work<'a> {
    pub transactions: &'a mut Transactions,
    pub limits: &'a Limits,
    pub shared: &'a mut Shared,
    /// Requests whose response has not ended, oldest first.
    pub awaiting: &'a mut VecDeque<u64>,
}

impl Work<'_> {
    pub fn tx(&mut self, id: Option<u64>) -> Option<&mut Transaction> {
        self.transactions.with_id(id?)
    }

    pub fn raise(&mut self, id: Option<u64>, event: u16) {
        if let Some(tx) = self.tx(id) {
            tx.raise(event);
        }
    }
}

/// What a step of a side's machine came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Took so many bytes, or changed its state.
    Used(usize),
    /// Needs more bytes.
    More,
    Fail,
    /// Took so many bytes, and another protocol follows: after CONNECT, with the port it named.
    Tunnel {
        used: usize,
        port: Option<u16>,
    },
    /// Took so many bytes, and something that is not known follows.
    Opaque(usize),
}

impl Turn {
    /// The same with so many bytes taken before.
    pub fn at(self, before: usize) -> Turn {
        match self {
            Turn::Used(used) => Turn::Used(before + used),
            Turn::Opaque(used) => Turn::Opaque(before + used),
            Turn::Tunnel { used, port } => Turn::Tunnel {
                used: before + used,
                port,
            },
            Turn::More | Turn::Fail => self,
        }
    }
}

/// One side's machine.
pub trait Side {
    fn step(&mut self, input: &[u8], closed: bool, work: &mut Work<'_>) -> Turn;
    /// A line is longer than [`MAX_FIELD_BYTES`].
    fn too_long(&mut self, work: &mut Work<'_>);
}

/// Bytes that wait for the rest of their line.
#[derive(Debug, Default)]
pub struct Pending(Vec<u8>);

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Runs a side over what waits and what came. Also tells how many of the bytes at the end were left
    /// when the turn was a change of protocol.
    fn run(
        &mut self,
        side: &mut impl Side,
        data: &[u8],
        closed: bool,
        work: &mut Work<'_>,
    ) -> (Turn, usize) {
        if self.0.is_empty() {
            let (turn, used) = steps(side, data, closed, work);
            let rest = &data[used..];
            if turn == Turn::More {
                self.0.extend_from_slice(rest);
            }
            return (self.check(side, turn, work), rest.len());
        }
        let mut all = self.take();
        all.extend_from_slice(data);
        let (turn, used) = steps(side, &all, closed, work);
        let rest = all.len() - used;
        if turn == Turn::More {
            all.drain(..used);
            self.0 = all;
        }
        (self.check(side, turn, work), rest)
    }

    fn check(&mut self, side: &mut impl Side, turn: Turn, work: &mut Work<'_>) -> Turn {
        if self.0.len() <= MAX_FIELD_BYTES {
            return turn;
        }
        self.0 = Vec::new();
        side.too_long(work);
        Turn::Fail
    }
}

fn steps(side: &mut impl Side, data: &[u8], closed: bool, work: &mut Work<'_>) -> (Turn, usize) {
    let mut at = 0;
    loop {
        match side.step(&data[at..], closed, work) {
            Turn::Used(count) => at += count,
            turn @ (Turn::Tunnel { used, .. } | Turn::Opaque(used)) => return (turn, at + used),
            turn => return (turn, at),
        }
    }
}

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    request: RequestSide,
    request_pending: Pending,
    response: ResponseSide,
    response_pending: Pending,
    shared: Shared,
    awaiting: VecDeque<u64>,
    /// Nothing that follows is HTTP.
    opaque: bool,
}

impl State {
    fn run(
        &mut self,
        direction: Direction,
        data: &[u8],
        closed: bool,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Step {
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        let (turn, rest) = match direction {
            Direction::ToServer => {
                self.request_pending
                    .run(&mut self.request, data, closed, &mut work)
            }
            Direction::ToClient => {
                let begun = !self.request_pending.is_empty();
                self.request.response_begins(begun, &mut work);
                if self.request.is_http09() {
                    self.request_pending.clear();
                }
                let result = self
                    .response_pending
                    .run(&mut self.response, data, closed, &mut work);
                if self.response.refuses_body() {
                    self.request.skip_body(&mut work);
                }
                result
            }
        };
        match turn {
            Turn::Used(_) | Turn::More => {
                if direction == Direction::ToClient && self.request.resumes(&mut work) {
                    return self.resume(transactions, limits);
                }
                Step::More
            }
            Turn::Fail => Step::Failed,
            Turn::Opaque(_) => {
                self.opaque = true;
                Step::Finished
            }
            Turn::Tunnel { port, .. } => Step::Change {
                rest: rest.min(data.len()),
                other: self.request_pending.take(),
                port,
                expect: None,
            },
        }
    }

    /// The request side goes on with what waited for a response.
    fn resume(&mut self, transactions: &mut Transactions, limits: &Limits) -> Step {
        match self.run(Direction::ToServer, &[], false, transactions, limits) {
            // The step is of the other side than the one that is reported on.
            Step::Failed => Step::Failed,
            _ => Step::More,
        }
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _context: &Context,
        limits: &Limits,
    ) -> Step {
        if self.opaque {
            return Step::Finished;
        }
        self.run(direction, data, false, transactions, limits)
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _context: &Context,
        limits: &Limits,
    ) -> Step {
        if self.opaque {
            return Step::Finished;
        }
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        match direction {
            Direction::ToServer => {
                self.request_pending.clear();
                self.request.gap(bytes, &mut work);
            }
            Direction::ToClient => {
                self.response_pending.clear();
                self.response.gap(bytes, &mut work);
            }
        }
        Step::More
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _context: &Context,
        limits: &Limits,
    ) {
        if self.opaque {
            return;
        }
        // A server that is gone answers nothing any more: both sides end.
        if direction == Direction::ToClient {
            self.run(Direction::ToServer, &[], true, transactions, limits);
        }
        self.run(direction, &[], true, transactions, limits);
        let mut work = Work {
            transactions,
            limits,
            shared: &mut self.shared,
            awaiting: &mut self.awaiting,
        };
        self.request.end(&mut work);
        if direction == Direction::ToClient {
            self.response.end(&mut work);
            for tx in work.transactions.live_mut() {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                tx.advance(Direction::ToClient, Transaction::COMPLETE);
            }
        }
    }
}

/// Whether two values of `Content-Length` mean the same.
pub fn same_length(one: &[u8], other: &[u8]) -> bool {
    let (one, ..) = content_length(one);
    one.is_some() && one == content_length(other).0
}

/// Events for adding a field, by side: repetition, contradiction, too many.
pub fn added_event(added: Added, events: [u16; 3]) -> Vec<u16> {
    match added {
        Added::New | Added::AgainRepeated => Vec::new(),
        Added::Repeated => vec![events[0]],
        Added::Contradicts { first: true } => vec![events[1], events[0]],
        Added::Contradicts { first: false } => vec![events[1]],
        Added::TooMany => vec![events[2]],
    }
}
