//! Messages → transactions. A message that asks for an answer stays open until the answer with the same
//! packet identifier comes; every other message is a transaction of its own. A transaction belongs to the
//! side that began it.

use std::collections::VecDeque;

use sensor_bytes::Reader;
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::event;
use super::events;
use super::wire::{Content, FixedHeader, Malformed, Message, MessageType};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Longer messages are passed over and told as truncated.
pub const MAX_MESSAGE_BYTES: u32 = 1024 * 1024;
/// Transactions that wait for an answer; with more, the oldest stops waiting.
pub const MAX_OPEN: usize = 256;
/// Bytes of messages in transactions that wait for an answer; with more, the oldest stops waiting.
pub const MAX_OPEN_BYTES: usize = 8 * 1024 * 1024;
/// Messages of one transaction.
pub const MAX_MESSAGES: usize = 1024;

/// What an answer is found by. Packet identifiers have 16 bits, so no other message collides with CONNECT.
const CONNECT_KEY: u32 = u32::MAX;

/// A message with its answers, in the order in which they came.
#[derive(Debug, Default)]
pub struct MqttTransaction {
    pub messages: Vec<Message>,
    /// The version that the connection announced, 0 before that.
    pub version: u8,
}

impl MqttTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Mqtt(event::record(self))
    }
}

#[derive(Debug)]
struct Open {
    key: u32,
    transaction: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Side {
    /// The beginning of a message.
    held: Vec<u8>,
    /// Bytes of a message that is too long.
    skip: u64,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    version: u8,
    connected: bool,
    open: VecDeque<Open>,
    open_bytes: usize,
}

/// The live transactions are too many.
struct Full;

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
        let step = if held.is_empty() {
            let used = self.messages(direction, data, transactions);
            used.map(|used| held.extend_from_slice(&data[used..]))
        } else {
            held.extend_from_slice(data);
            let used = self.messages(direction, &held, transactions);
            used.map(|used| drop(held.drain(..used)))
        };
        self.sides[direction.index()].held = held;
        match step {
            Ok(()) => Step::More,
            Err(step) => step,
        }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        // Nothing in the stream tells where the next message begins.
        Step::Failed
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}

impl State {
    /// Takes every whole message; how many bytes they were.
    fn messages(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
    ) -> Result<usize, Step> {
        let mut at = 0;
        loop {
            let side = &mut self.sides[direction.index()];
            if side.skip > 0 {
                let left = (data.len() - at) as u64;
                let skipped = side.skip.min(left);
                side.skip -= skipped;
                at += skipped as usize;
            }
            let mut reader = Reader::new(&data[at..]);
            let header = match FixedHeader::read(&mut reader) {
                Ok(header) => header,
                Err(Malformed::Short(_)) => return Ok(at),
                Err(Malformed::Content) => return Err(malformed(direction, transactions)),
            };
            let header_bytes = reader.position();
            let taken = if header.length > MAX_MESSAGE_BYTES {
                let skipped = u64::from(header.length) + header_bytes as u64;
                side.skip = skipped;
                // Such a message counts as the broker's, whoever sent it.
                let message = Message::truncated(header, skipped);
                let frames = &mut transactions.frames;
                frames.add(direction, "pdu", data.len() - at, Some(skipped));
                self.take(message, Direction::ToClient, transactions)
            } else {
                let Ok(body) = reader.take(header.length as usize) else {
                    return Ok(at);
                };
                let rest = data.len() - at;
                let (head, length) = (header_bytes as u64, body.len() as u64);
                let frames = &mut transactions.frames;
                frames.add(direction, "pdu", rest, Some(head + length));
                frames.add(direction, "header", rest, Some(head));
                frames.add(direction, "data", rest - header_bytes, Some(length));
                at += header_bytes + body.len();
                match Message::read(header, body, self.version) {
                    Ok(message) => self.take(message, direction, transactions),
                    Err(_) => return Err(malformed(direction, transactions)),
                }
            };
            if taken.is_err() {
                return Err(Step::Failed);
            }
        }
    }

    fn take(
        &mut self,
        message: Message,
        direction: Direction,
        transactions: &mut Transactions,
    ) -> Result<(), Full> {
        let kind = message.header.kind;
        let qos = message.header.qos();
        let id = match message.content {
            Content::Publish { id, .. } => id,
            Content::Acknowledgement { id, .. }
            | Content::Subscribe { id, .. }
            | Content::Suback { id, .. }
            | Content::Unsubscribe { id, .. }
            | Content::Unsuback { id, .. } => Some(id),
            _ => None,
        };
        let key = id.map(u32::from);
        if matches!(message.content, Content::Truncated { .. }) {
            return self.alone(message, direction, None, transactions);
        }
        match kind {
            MessageType::CONNECT => {
                if let Content::Connect(connect) = &message.content {
                    self.version = connect.version;
                }
                let event = self.connected.then_some(events::DOUBLE_CONNECT);
                self.begin(message, direction, Some(CONNECT_KEY), event, transactions)
            }
            MessageType::PUBLISH | MessageType::SUBSCRIBE | MessageType::UNSUBSCRIBE => {
                let event = (qos > 2).then_some(events::INVALID_QOS_LEVEL);
                let key = key.filter(|_| matches!(qos, 1 | 2));
                self.introduced(message, direction, key, event, transactions)
            }
            MessageType::CONNACK => {
                let answered = self.answer(message, CONNECT_KEY, Answer::Last, transactions);
                match answered {
                    None => {
                        self.connected = true;
                        Ok(())
                    }
                    Some(message) => self.alone(
                        message,
                        direction,
                        Some(events::MISSING_CONNECT),
                        transactions,
                    ),
                }
            }
            MessageType::PUBREC
            | MessageType::PUBREL
            | MessageType::PUBACK
            | MessageType::PUBCOMP
            | MessageType::SUBACK
            | MessageType::UNSUBACK => {
                let (answer, missing) = match kind {
                    MessageType::PUBREC | MessageType::PUBREL => {
                        (Answer::MoreToCome, events::MISSING_PUBLISH)
                    }
                    MessageType::SUBACK => (Answer::Last, events::MISSING_SUBSCRIBE),
                    MessageType::UNSUBACK => (Answer::Last, events::MISSING_UNSUBSCRIBE),
                    _ => (Answer::Last, events::MISSING_PUBLISH),
                };
                let key = key.unwrap_or_default();
                match self.answer(message, key, answer, transactions) {
                    None => Ok(()),
                    Some(message) => {
                        self.introduced(message, direction, None, Some(missing), transactions)
                    }
                }
            }
            MessageType::UNASSIGNED => {
                let event = Some(events::UNASSIGNED_MSG_TYPE);
                self.alone(message, direction, event, transactions)
            }
            _ => self.introduced(message, direction, None, None, transactions),
        }
    }

    /// A transaction of which more than the connection's own messages must come after CONNECT and CONNACK.
    fn introduced(
        &mut self,
        message: Message,
        direction: Direction,
        key: Option<u32>,
        event: Option<u16>,
        transactions: &mut Transactions,
    ) -> Result<(), Full> {
        let connected = self.connected;
        self.begin(message, direction, key, event, transactions)?;
        if !connected && let Some(transaction) = transactions.last() {
            transaction.raise(events::UNINTRODUCED_MESSAGE);
        }
        Ok(())
    }

    fn alone(
        &mut self,
        message: Message,
        direction: Direction,
        event: Option<u16>,
        transactions: &mut Transactions,
    ) -> Result<(), Full> {
        self.begin(message, direction, None, event, transactions)
    }

    /// Begins a transaction, which waits for an answer if there is a key to find it by.
    fn begin(
        &mut self,
        message: Message,
        direction: Direction,
        key: Option<u32>,
        event: Option<u16>,
        transactions: &mut Transactions,
    ) -> Result<(), Full> {
        let bytes = message.held_bytes();
        while self.open.len() >= MAX_OPEN || self.open_bytes + bytes > MAX_OPEN_BYTES {
            let Some(oldest) = self.open.pop_front() else {
                break;
            };
            self.open_bytes -= oldest.bytes;
            if let Some(transaction) = transactions.with_id(oldest.transaction) {
                transaction.raise(events::TOO_MANY_TRANSACTIONS);
                complete(transaction);
            }
        }
        let body = MqttTransaction {
            messages: vec![message],
            version: self.version,
        };
        let transaction = transactions.begin(Body::Mqtt(Box::new(body))).ok_or(Full)?;
        transaction.only = Some(direction);
        transaction.advance(direction.opposite(), Transaction::COMPLETE);
        if let Some(event) = event {
            transaction.raise(event);
        }
        match key {
            Some(key) => {
                self.open.push_back(Open {
                    key,
                    transaction: transaction.id,
                    bytes,
                });
                self.open_bytes += bytes;
            }
            None => complete(transaction),
        }
        Ok(())
    }

    /// Adds an answer to the oldest transaction that waits for it; gives it back when there is none.
    fn answer(
        &mut self,
        message: Message,
        key: u32,
        answer: Answer,
        transactions: &mut Transactions,
    ) -> Option<Message> {
        // At most MAX_OPEN entries.
        let Some(at) = self.open.iter().position(|open| open.key == key) else {
            return Some(message);
        };
        let Some(open) = self.open.get_mut(at) else {
            return Some(message);
        };
        let bytes = message.held_bytes();
        if let Some(transaction) = transactions.with_id(open.transaction) {
            if let Body::Mqtt(mqtt) = &mut transaction.body
                && mqtt.messages.len() < MAX_MESSAGES
                && self.open_bytes + bytes <= MAX_OPEN_BYTES
            {
                mqtt.messages.push(message);
                open.bytes += bytes;
                self.open_bytes += bytes;
            } else {
                transaction.raise(events::TOO_MANY_MESSAGES);
            }
            if answer == Answer::Last {
                complete(transaction);
            }
        }
        if answer == Answer::Last
            && let Some(open) = self.open.remove(at)
        {
            self.open_bytes -= open.bytes;
        }
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Last,
    MoreToCome,
}

fn complete(transaction: &mut Transaction) {
    for direction in Direction::BOTH {
        transaction.advance(direction, Transaction::COMPLETE);
    }
}

/// A transaction without messages tells that parsing ends here.
fn malformed(direction: Direction, transactions: &mut Transactions) -> Step {
    if let Some(transaction) = transactions.begin(Body::Mqtt(Box::default())) {
        transaction.only = Some(direction);
        transaction.raise(events::MALFORMED_TRAFFIC);
        complete(transaction);
    }
    Step::Failed
}

#[cfg(test)]
mod tests;
