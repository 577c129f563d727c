//! Frames → messages. Each message of the application layer is a transaction of its own, of the side that has
//! sent it; its fragments are joined by addresses and transport sequence.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::objects::{self, Header, Outcome, Point, Sink};
use super::wire::{self, HEADER_BYTES, Link, Malformed, TransportHeader};
use super::{event, events};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes of one message: as many as 63 transport segments may hold.
pub const MAX_MESSAGE_BYTES: usize = 63 * 255;
/// Messages under way in a flow; with more, old ones are taken for done.
const MAX_OPEN: usize = 32;
/// Bytes of a greeting before the first frame.
const MAX_BANNER_BYTES: usize = 256;
/// Function code of a confirmation, which is no message of its own.
const CONFIRM: u8 = 0;

/// Bytes of the application header: control and function code, and two of indications from an outstation.
fn application_header_bytes(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 2,
        Direction::ToClient => 4,
    }
}

/// One message.
#[derive(Debug)]
pub struct Dnp3Transaction {
    pub direction: Direction,
    pub link: Link,
    transport: TransportHeader,
    /// The message so far, with its application header.
    pub message: Vec<u8>,
    /// The last fragment has come, or none is awaited.
    pub done: bool,
    /// All objects could be read.
    pub complete: bool,
    /// Group and variation of its objects.
    pub objects: Vec<(u8, u8)>,
}

impl Dnp3Transaction {
    pub fn control(&self) -> u8 {
        self.message.first().copied().unwrap_or_default()
    }

    pub fn function(&self) -> u8 {
        self.message.get(1).copied().unwrap_or_default()
    }

    /// Internal indications (IEEE 1815 §4.2.2.6), the first octet above; none in requests.
    pub fn indications(&self) -> Option<u16> {
        match (self.direction, self.message.as_slice()) {
            (Direction::ToClient, [_, _, first, second, ..]) => {
                Some(u16::from_be_bytes([*first, *second]))
            }
            _ => None,
        }
    }

    /// What stands behind the application header.
    pub fn object_bytes(&self) -> &[u8] {
        self.message
            .get(application_header_bytes(self.direction)..)
            .unwrap_or_default()
    }

    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Dnp3(Box::new(event::record(self)))
    }

    /// The object of an alert; a message that is not whole has none.
    pub fn alert_record(&self) -> Option<AppRecord<'_>> {
        self.done
            .then(|| AppRecord::Dnp3(Box::new(event::alert_record(self))))
    }

    fn read_objects(&mut self) -> Outcome {
        struct Kinds(Vec<(u8, u8)>);
        impl<'a> Sink<'a> for Kinds {
            fn object(&mut self, header: Header) {
                self.0.push((header.group, header.variation));
            }
            fn point(&mut self, _: Point<'a, '_>) {}
        }
        let mut kinds = Kinds(Vec::new());
        let outcome = objects::read(self.object_bytes(), &mut kinds);
        self.objects = kinds.0;
        self.complete = outcome == Outcome::Complete;
        outcome
    }
}

#[derive(Debug, Default)]
struct Side {
    /// Bytes of a frame that is not whole.
    held: Vec<u8>,
    /// Bytes passed over before the first frame; `None` behind it.
    banner: Option<usize>,
    /// After a gap the next sound header is looked for.
    lost: bool,
}

#[derive(Debug)]
pub struct State {
    sides: [Side; 2],
    flooded: bool,
}

impl Default for State {
    fn default() -> Self {
        let outstation = Side {
            banner: Some(0),
            ..Side::default()
        };
        State {
            sides: [Side::default(), outstation],
            flooded: false,
        }
    }
}

impl State {
    /// Takes the frames at the start of `bytes`. Bytes taken, or none when this is not DNP3 any more.
    fn frames(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        transactions: &mut Transactions,
    ) -> Option<usize> {
        let side = direction.index();
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(passed) = self.sides[side].banner {
                if rest[0] == wire::START[0] || passed >= MAX_BANNER_BYTES {
                    self.sides[side].banner = None;
                } else {
                    self.sides[side].banner = Some(passed + 1);
                    rest = &rest[1..];
                    continue;
                }
            }
            let link = match Link::read(rest) {
                Ok(None) => break,
                Ok(Some(link)) => link,
                Err(_) if self.sides[side].lost => {
                    rest = &rest[1..];
                    continue;
                }
                Err(error) => {
                    let event = match error {
                        Malformed::Start => None,
                        Malformed::Crc => Some(events::BAD_LINK_CRC),
                        Malformed::Length => Some(events::LEN_TOO_SMALL),
                    };
                    raise(transactions, event);
                    return None;
                }
            };
            self.sides[side].lost = false;
            let Some(frame) = rest.get(..link.frame_bytes()) else {
                break;
            };
            rest = &rest[frame.len()..];
            if !link.is_user_data() {
                continue;
            }
            if link.user_bytes() < 1 + application_header_bytes(direction) {
                raise(transactions, Some(events::LEN_TOO_SMALL));
                match direction {
                    Direction::ToServer => continue,
                    Direction::ToClient => return None,
                }
            }
            let mut user = Vec::with_capacity(link.user_bytes());
            if !wire::user_data(&frame[HEADER_BYTES..], &mut user) {
                raise(transactions, Some(events::BAD_TRANSPORT_CRC));
                continue;
            }
            self.segment(direction, link, &user, transactions)?;
        }
        Some(bytes.len() - rest.len())
    }

    /// Takes a transport segment. `None` when there is no room for its message.
    fn segment(
        &mut self,
        direction: Direction,
        link: Link,
        user: &[u8],
        transactions: &mut Transactions,
    ) -> Option<()> {
        let (&octet, data) = user.split_first()?;
        let transport = TransportHeader(octet);
        let transaction = if transport.is_first() {
            if direction == Direction::ToServer && data.get(1) == Some(&CONFIRM) {
                return Some(());
            }
            self.begin(direction, link, transport, transactions)?
        } else {
            let waiting = transactions
                .live_mut()
                .iter_mut()
                .find(|transaction| match &transaction.body {
                    Body::Dnp3(dnp3) => {
                        dnp3.direction == direction
                            && !dnp3.done
                            && (dnp3.link.source, dnp3.link.destination)
                                == (link.source, link.destination)
                            && transport.follows(dnp3.transport)
                    }
                    _ => false,
                });
            match waiting {
                Some(transaction) => transaction,
                None => return Some(()),
            }
        };
        let Body::Dnp3(dnp3) = &mut transaction.body else {
            return Some(());
        };
        dnp3.transport = transport;
        dnp3.message.extend_from_slice(data);
        if dnp3.message.len() > MAX_MESSAGE_BYTES {
            dnp3.done = true;
            transaction.raise(events::TOO_LONG_REASSEMBLY);
        } else if transport.is_final() {
            dnp3.done = true;
            match dnp3.read_objects() {
                Outcome::Complete | Outcome::Incomplete => {}
                Outcome::UnknownObject => transaction.raise(events::UNKNOWN_OBJECT),
                Outcome::TooManyObjects => transaction.raise(events::TOO_MANY_OBJECTS),
                Outcome::TooManyPoints => transaction.raise(events::TOO_MANY_POINTS),
            }
        } else {
            return Some(());
        }
        transaction.silent = false;
        for side in Direction::BOTH {
            transaction.advance(side, Transaction::COMPLETE);
        }
        Some(())
    }

    fn begin<'t>(
        &mut self,
        direction: Direction,
        link: Link,
        transport: TransportHeader,
        transactions: &'t mut Transactions,
    ) -> Option<&'t mut Transaction> {
        let live = transactions.live().len();
        let floods = live >= MAX_OPEN && !std::mem::replace(&mut self.flooded, live >= MAX_OPEN);
        if live < MAX_OPEN {
            self.flooded = false;
        } else {
            // Only the newest may still be added to.
            for old in transactions.live_mut().iter_mut().rev().skip(MAX_OPEN) {
                if old.is_complete(direction) {
                    break;
                }
                for side in Direction::BOTH {
                    old.advance(side, Transaction::COMPLETE);
                }
            }
        }
        let transaction = transactions.begin(Body::Dnp3(Box::new(Dnp3Transaction {
            direction,
            link,
            transport,
            message: Vec::new(),
            done: false,
            complete: false,
            objects: Vec::new(),
        })))?;
        transaction.only = Some(direction);
        // A message is recorded once it is whole.
        transaction.silent = true;
        if floods {
            transaction.raise(events::FLOODED);
        }
        Some(transaction)
    }
}

fn raise(transactions: &mut Transactions, event: Option<u16>) {
    if let (Some(event), Some(last)) = (event, transactions.last()) {
        last.raise(event);
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let mut held = std::mem::take(&mut self.sides[direction.index()].held);
        if held.is_empty() {
            match self.frames(direction, data, transactions) {
                Some(taken) => self.sides[direction.index()].held = data[taken..].to_vec(),
                None => return Step::Failed,
            }
        } else {
            held.extend_from_slice(data);
            match self.frames(direction, &held, transactions) {
                Some(taken) => {
                    held.drain(..taken);
                    self.sides[direction.index()].held = held;
                }
                None => return Step::Failed,
            }
        }
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let side = &mut self.sides[direction.index()];
        side.held.clear();
        side.lost = true;
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
