//! Datagrams and streams → messages → transactions.

use sensor_flow::Direction;

use super::begins_record;
use super::files::Passing;
use super::frames::Place;
use super::rpc::{Call, Record, Reply};
use super::v3;
use super::work::{Knowledge, Work};
use crate::parser::{Parser, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{Context, Limits};

/// Bytes of one record that are held; a longer one is passed over.
const MAX_RECORD_BYTES: usize = 4 << 20;
/// A record with as many bytes may carry a file, whose bytes are not held back until it is whole.
const FILE_RECORD_BYTES: usize = 508;

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
    /// The next record is looked for.
    lost: bool,
    /// Bytes were missed at some time.
    gaps: bool,
}

#[derive(Debug)]
pub struct State {
    transport: Transport,
    sides: [Side; 2],
    known: Knowledge,
}

/// Where the next record begins is not known any more.
struct Broken;

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            sides: Default::default(),
            known: Knowledge::default(),
        }
    }

    fn work<'a>(&'a mut self, transactions: &'a mut Transactions, limits: &'a Limits) -> Work<'a> {
        Work {
            known: &mut self.known,
            transactions,
            limits,
        }
    }

    /// Bytes for the open record; as many of them as do not belong to it.
    fn pass(
        &mut self,
        direction: Direction,
        bytes: Result<&[u8], u64>,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> u64 {
        let total = match bytes {
            Ok(bytes) => bytes.len() as u64,
            Err(gap) => gap,
        };
        let Some(mut open) = self.sides[direction.index()].open.take() else {
            return total;
        };
        if let Some(passing) = &mut open.passing
            && passing.left > 0
        {
            let of_file = total.min(passing.left);
            let bytes = match bytes {
                Ok(bytes) => Ok(&bytes[..usize::try_from(of_file).unwrap_or(bytes.len())]),
                Err(_) => Err(of_file),
            };
            self.work(transactions, limits).pass(passing, bytes);
        }
        let of_record = total.min(open.left);
        open.left -= of_record;
        if open.left > 0 {
            self.sides[direction.index()].open = Some(open);
        }
        total - of_record
    }

    /// The records in `data`; how many bytes of it are done with.
    fn records(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<usize, Broken> {
        let side = direction.index();
        let mut rest = data;
        loop {
            if self.sides[side].lost {
                let mut verdicts =
                    (0..rest.len()).map(|at| (at, begins_record(direction, &rest[at..])));
                match verdicts.find(|(_, verdict)| *verdict != Verdict::No) {
                    Some((at, verdict)) => {
                        rest = &rest[at..];
                        if verdict == Verdict::More {
                            break;
                        }
                        self.sides[side].lost = false;
                    }
                    None => return Ok(data.len()),
                }
            }
            let Some(record) = Record::read(rest).map_err(|_| Broken)? else {
                break;
            };
            if record.is_whole() {
                rest = record.rest;
                let message = record.here;
                let left = message.len() + rest.len();
                let place = Place::in_stream(direction, left, message.len());
                self.announce(&place, message, transactions);
                self.message(direction, &record, transactions, limits);
                continue;
            }
            let passing = self.partial(direction, &record, transactions, limits);
            if passing.is_some() || record.bytes > MAX_RECORD_BYTES {
                self.sides[side].open = Some(Open {
                    left: (record.bytes - record.here.len()) as u64,
                    passing,
                });
                return Ok(data.len());
            }
            break;
        }
        Ok(data.len() - rest.len())
    }

    fn message(
        &mut self,
        direction: Direction,
        record: &Record<'_>,
        transactions: &mut Transactions,
        limits: &Limits,
    ) {
        let mut work = self.work(transactions, limits);
        match direction {
            Direction::ToServer => {
                if let Some(call) = work.sound(Call::read(record.here)) {
                    work.call(&call);
                }
            }
            Direction::ToClient => {
                if let Some(reply) = work.sound(Reply::read(record.here)) {
                    work.reply(&reply);
                }
            }
        }
    }

    /// Announces the frames of a message.
    fn announce(&self, place: &Place, message: &[u8], transactions: &mut Transactions) {
        let frames = &mut transactions.frames;
        if !frames.is_wanted() {
            return;
        }
        place.pdu(frames);
        match place.direction {
            Direction::ToServer => {
                if let Ok(call) = Call::read(message) {
                    place.call(frames, message, &call);
                }
            }
            Direction::ToClient => {
                if let Ok(reply) = Reply::read(message) {
                    place.reply(frames, &reply, self.known.version_of(reply.xid));
                }
            }
        }
    }

    /// The beginning of a record that carries a file.
    fn partial(
        &mut self,
        direction: Direction,
        record: &Record<'_>,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Option<Passing> {
        if record.bytes < FILE_RECORD_BYTES {
            return None;
        }
        let mut work = self.work(transactions, limits);
        let mut passing = match direction {
            Direction::ToServer => v3::partial_call(&mut work, &Call::read(record.here).ok()?),
            Direction::ToClient => v3::partial_reply(&mut work, &Reply::read(record.here).ok()?),
        }?;
        // What a message says of its file cannot go beyond its record.
        passing.left = passing.left.min((record.bytes - record.here.len()) as u64);
        Some(passing)
    }

    fn stream(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Broken> {
        let side = direction.index();
        let after = self.pass(direction, Ok(data), transactions, limits);
        let data = &data[data.len() - usize::try_from(after).unwrap_or(0)..];
        let mut held = std::mem::take(&mut self.sides[side].held);
        if held.is_empty() {
            let done = self.records(direction, data, transactions, limits)?;
            held.extend_from_slice(&data[done..]);
        } else {
            held.extend_from_slice(data);
            let done = self.records(direction, &held, transactions, limits)?;
            held.drain(..done);
        }
        self.sides[side].held = held;
        Ok(())
    }

    fn datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) {
        self.announce(&Place::datagram(direction, data.len()), data, transactions);
        let mut work = self.work(transactions, limits);
        match direction {
            Direction::ToServer => {
                if let Ok(call) = Call::read(data)
                    && call.version < 4
                {
                    work.call(&call);
                }
            }
            Direction::ToClient => {
                if let Ok(reply) = Reply::read(data) {
                    work.reply(&reply);
                }
            }
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
        if self.transport == Transport::Udp {
            self.datagram(direction, data, transactions, limits);
            return Step::More;
        }
        if self.stream(direction, data, transactions, limits).is_err() {
            self.work(transactions, limits).raise_malformed();
            return Step::Failed;
        }
        if self.sides[direction.index()].gaps {
            let now_s = context.now_ns.div_euclid(1_000_000_000);
            self.work(transactions, limits)
                .give_up_older(direction, now_s);
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
        if self.pass(direction, Err(bytes), transactions, limits) > 0 {
            let side = &mut self.sides[direction.index()];
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
