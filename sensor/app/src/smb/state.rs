//! Stream → NetBIOS records → messages → transactions.

use sensor_flow::Direction;

use super::frames;
use super::number::{Command1, Command2};
use super::session::{Full, Knowledge, Passing, Work};
use super::transaction::Handle;
use super::{events, wire1, wire2};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Context, Limits, Transaction};

/// Type and length of a record (RFC 1002 §4.3.1).
const RECORD_HEADER_BYTES: usize = 4;
/// A record with messages.
const SESSION_MESSAGE: u8 = 0;
/// Bytes of a record after which the bytes of a file are no longer held back until it is whole.
const HEAD_BYTES: usize = 512;
/// Bytes of one record that are held; a longer one is passed over.
const MAX_RECORD_BYTES: usize = 4 << 20;
/// Encrypted messages.
const TRANSFORM_MAGIC: &[u8; 4] = b"\xfdSMB";

fn is_magic(data: &[u8]) -> bool {
    data.starts_with(wire1::MAGIC)
        || data.starts_with(wire2::MAGIC)
        || data.starts_with(TRANSFORM_MAGIC)
}

/// A record with a message begins here.
pub fn begins_message(data: &[u8]) -> bool {
    data.first() == Some(&SESSION_MESSAGE) && data.get(RECORD_HEADER_BYTES..).is_some_and(is_magic)
}

/// Where a record with a message begins.
pub fn find_message(data: &[u8]) -> Option<usize> {
    (0..data.len()).find(|at| data.get(*at..).is_some_and(begins_message))
}

/// A record whose end is still to come, and whose bytes are not held.
#[derive(Debug)]
struct Open {
    /// Bytes of the record still to come.
    left: u64,
    /// Bytes of a file at the beginning of them.
    passing: Option<Passing>,
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    open: Option<Open>,
    started: bool,
    /// The next message is looked for.
    lost: bool,
    /// Bytes were missed at some time.
    gaps: bool,
    /// Nothing more makes sense.
    ended: bool,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    known: Knowledge,
}

/// Why a side cannot go on.
enum Stop {
    Malformed,
    Full,
}

impl From<Full> for Stop {
    fn from(_: Full) -> Self {
        Stop::Full
    }
}

impl State {
    fn work<'a>(&'a mut self, transactions: &'a mut Transactions, limits: &'a Limits) -> Work<'a> {
        Work {
            known: &mut self.known,
            transactions,
            limits,
        }
    }

    /// Takes as much as belongs to the open record; what is left.
    fn pass<'d>(
        &mut self,
        direction: Direction,
        data: &'d [u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> &'d [u8] {
        let side = direction.index();
        let Some(mut open) = self.sides[side].open.take() else {
            return data;
        };
        let mut rest = data;
        if let Some(passing) = &mut open.passing {
            let count =
                usize::try_from(passing.left).map_or(rest.len(), |left| left.min(rest.len()));
            let (bytes, after) = rest.split_at(count);
            self.work(transactions, limits).pass(passing, Ok(bytes));
            passing.left -= count as u64;
            open.left = open.left.saturating_sub(count as u64);
            rest = after;
        }
        let count = usize::try_from(open.left).map_or(rest.len(), |left| left.min(rest.len()));
        open.left -= count as u64;
        if open.left > 0 {
            self.sides[side].open = Some(open);
        }
        &rest[count..]
    }

    fn records(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Stop> {
        let side = direction.index();
        let mut held = std::mem::take(&mut self.sides[side].held);
        let data = if held.is_empty() {
            data
        } else {
            held.extend_from_slice(data);
            held.as_slice()
        };
        let mut rest = data;
        loop {
            if self.sides[side].lost {
                let Some(at) = find_message(rest) else {
                    rest = &rest[rest.len().saturating_sub(7)..];
                    break;
                };
                rest = &rest[at..];
                self.sides[side].lost = false;
            }
            let [kind, a, b, c, body @ ..] = rest else {
                break;
            };
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            if let Some(record) = body.get(..length) {
                frames::record(&mut transactions.frames, direction, rest.len(), length);
                rest = &body[length..];
                if *kind == SESSION_MESSAGE {
                    self.record(direction, record, rest.len(), transactions, limits)?;
                }
                continue;
            }
            if let Some(open) = self.open(direction, *kind, length, body, transactions, limits)? {
                rest = &[];
                self.sides[side].open = Some(open);
            }
            break;
        }
        let rest = rest.to_vec();
        self.sides[side].held = rest;
        Ok(())
    }

    /// A record of which only the beginning is here: whether it is worked on, or passed over, all the same.
    fn open(
        &mut self,
        direction: Direction,
        kind: u8,
        length: usize,
        body: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<Option<Open>, Stop> {
        let mut open = Open {
            left: (length - body.len()) as u64,
            passing: None,
        };
        if kind == SESSION_MESSAGE && body.len() >= 4 && !is_magic(body) {
            self.end(direction, transactions);
            return Ok(None);
        }
        if kind != SESSION_MESSAGE || body.starts_with(TRANSFORM_MAGIC) {
            return Ok((body.len() >= 4).then_some(open));
        }
        if body.len() >= HEAD_BYTES && self.is_file_data(direction, body, transactions, limits) {
            let passing = self.message(direction, body, transactions, limits)?;
            if let Some(mut passing) = passing {
                if passing.left > open.left {
                    self.work(transactions, limits).raise(match direction {
                        Direction::ToServer => events::WRITE_REQUEST_TOO_LARGE,
                        Direction::ToClient => events::READ_RESPONSE_TOO_LARGE,
                    });
                    passing.left = open.left;
                }
                open.passing = Some(passing);
            }
            let frames = &mut transactions.frames;
            frames::record(frames, direction, body.len() + RECORD_HEADER_BYTES, length);
            frames::message(frames, direction, body, body.len(), length);
            return Ok(Some(open));
        }
        if length > MAX_RECORD_BYTES {
            self.work(transactions, limits)
                .raise(events::RECORD_OVERFLOW);
            return Ok(Some(open));
        }
        Ok(None)
    }

    /// Whether the beginning of a record is the read or write of a file, which need not be whole.
    fn is_file_data(
        &mut self,
        direction: Direction,
        body: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> bool {
        if body.starts_with(wire1::MAGIC) {
            let command = match direction {
                Direction::ToServer => Command1::WRITE_ANDX,
                Direction::ToClient => Command1::READ_ANDX,
            };
            return wire1::Message::read(body).is_ok_and(|message| {
                let place = (u64::from(message.user_id), u32::from(message.tree_id));
                let tree = self.known.trees.get(&place);
                message.command == command && !tree.is_some_and(|tree| tree.is_pipe)
            });
        }
        let Ok((message, _)) = wire2::Message::read(body) else {
            return false;
        };
        if message.is_chained {
            return false;
        }
        let (handle, here) = match (direction, message.command) {
            (Direction::ToServer, Command2::WRITE) => match wire2::write_request(message.body) {
                Ok(write) => (Handle::Two(write.handle), write.data.here),
                Err(_) => return false,
            },
            (Direction::ToClient, Command2::READ) => match wire2::read_response(message.body) {
                Ok(data) => {
                    let request = (message.session_id, message.message_id);
                    let wanted = self.known.reads.get(&request);
                    (
                        wanted.map_or(Handle::None, |(handle, _)| *handle),
                        data.here,
                    )
                }
                Err(_) => return false,
            },
            _ => return false,
        };
        let (_, is_rpc) = self
            .work(transactions, limits)
            .pipe2(&message, handle, here);
        !is_rpc
    }

    /// The messages of a whole record, behind which so many bytes have come.
    fn record(
        &mut self,
        direction: Direction,
        record: &[u8],
        behind: usize,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Stop> {
        if !record.starts_with(wire2::MAGIC) {
            let rest = record.len() + behind;
            let frames = &mut transactions.frames;
            frames::message(frames, direction, record, rest, record.len());
        }
        if record.len() < 4 && direction == Direction::ToClient
            || record.starts_with(TRANSFORM_MAGIC)
        {
            return Ok(());
        }
        if record.starts_with(wire1::MAGIC) {
            self.check(direction, record, transactions, limits)?;
            return Ok(());
        }
        let mut rest = record;
        loop {
            if !rest.starts_with(wire2::MAGIC) {
                return Err(Stop::Malformed);
            }
            let (_, after) = wire2::Message::read(rest).map_err(|_| Stop::Malformed)?;
            let length = rest.len() - after.len();
            let frames = &mut transactions.frames;
            frames::message(frames, direction, rest, rest.len() + behind, length);
            self.check(
                direction,
                &rest[..rest.len() - after.len()],
                transactions,
                limits,
            )?;
            if after.is_empty() {
                return Ok(());
            }
            rest = after;
        }
    }

    /// A whole message: its file data cannot go beyond it.
    fn check(
        &mut self,
        direction: Direction,
        message: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Stop> {
        let passing = self.message(direction, message, transactions, limits)?;
        if passing.is_some_and(|passing| passing.left > 0) {
            self.work(transactions, limits).raise(match direction {
                Direction::ToServer => events::WRITE_REQUEST_TOO_LARGE,
                Direction::ToClient => events::READ_RESPONSE_TOO_LARGE,
            });
        }
        Ok(())
    }

    fn message(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<Option<Passing>, Stop> {
        let mut work = self.work(transactions, limits);
        let (to_server, is_response);
        let passing = if data.starts_with(wire1::MAGIC) {
            let message = wire1::Message::read(data).map_err(|_| Stop::Malformed)?;
            (to_server, is_response) = (direction == Direction::ToServer, message.is_response);
            match (to_server, is_response) {
                (true, false) => work.request1(&message)?,
                (false, true) => work.response1(&message)?,
                _ => None,
            }
        } else {
            let (message, _) = wire2::Message::read(data).map_err(|_| Stop::Malformed)?;
            (to_server, is_response) = (direction == Direction::ToServer, message.is_response);
            match (to_server, is_response) {
                (true, false) => work.request2(&message)?,
                (false, true) => work.response2(&message)?,
                _ => None,
            }
        };
        if to_server && is_response {
            work.raise(events::RESPONSE_TO_SERVER);
        } else if !to_server && !is_response {
            work.raise(events::REQUEST_TO_CLIENT);
        }
        Ok(passing)
    }

    /// What comes is no SMB any longer: nothing more is awaited from this side.
    fn end(&mut self, direction: Direction, transactions: &mut Transactions) {
        self.sides[direction.index()].ended = true;
        self.known.server_lost |= direction == Direction::ToClient;
        for tx in transactions.live_mut() {
            tx.advance(direction, Transaction::COMPLETE);
        }
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        context: &Context,
        limits: &Limits,
    ) -> Step {
        let side = direction.index();
        if !std::mem::replace(&mut self.sides[side].started, true) {
            // A session may have been met midway.
            self.sides[side].lost |= match data {
                [SESSION_MESSAGE, ..] => data.len() >= 8 && !begins_message(data),
                [0x81..=0x85, ..] => false,
                _ => true,
            };
        }
        let rest = self.pass(direction, data, transactions, limits);
        if rest.is_empty() {
            return Step::More;
        }
        let done = self.records(direction, rest, transactions, limits);
        match done {
            Ok(()) => {}
            Err(Stop::Malformed) => {
                self.work(transactions, limits)
                    .raise(events::MALFORMED_DATA);
                return Step::Failed;
            }
            Err(Stop::Full) => return Step::Failed,
        }
        if self.sides[side].gaps {
            let now_s = context.now_ns.div_euclid(1_000_000_000);
            self.work(transactions, limits)
                .give_up_older(direction, now_s);
        }
        if self.sides[side].ended {
            return Step::Finished;
        }
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _: &Context,
        limits: &Limits,
    ) -> Step {
        let side = direction.index();
        self.sides[side].started = true;
        let mut missing = bytes;
        if let Some(mut open) = self.sides[side].open.take() {
            if let Some(passing) = &mut open.passing {
                let of_file = missing.min(passing.left);
                self.work(transactions, limits).pass(passing, Err(of_file));
                passing.left -= of_file;
            }
            let of_record = missing.min(open.left);
            open.left -= of_record;
            missing -= of_record;
            if open.left > 0 {
                self.sides[side].open = Some(open);
            }
        }
        if missing > 0 {
            let side = &mut self.sides[side];
            side.held = Vec::new();
            side.lost = true;
            side.gaps = true;
        }
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}
