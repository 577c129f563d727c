//! Messages → transactions: a request with the response that fits it.

use sawp::parser::{Direction as SawpDirection, Parse};
use sawp_modbus::{AccessType, Data, ErrorFlags, Flags, Message, Read, Write};
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::{READER, event, events};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, MAX_LIVE_TRANSACTIONS, Transaction};
use sensor_bytes::Reader;

/// Transactions without an answer that are a flood.
const MAX_OPEN: usize = MAX_LIVE_TRANSACTIONS / 2;
/// Transaction, protocol and length, before what the length counts.
const PREFIX_BYTES: usize = 6;
/// Lengths that a message can have.
const LENGTHS: std::ops::RangeInclusive<u16> = 2..=254;

/// A request and the response to it.
#[derive(Debug, Default)]
pub struct ModbusTransaction {
    pub request: Option<Message>,
    pub response: Option<Message>,
}

/// What rules ask about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModbusFacts {
    pub unit: u8,
    /// Without the bit that marks exceptions.
    pub function: u8,
    /// Of diagnostics.
    pub subfunction: Option<u16>,
    /// Bits: 1 assigned, 2 unassigned, 4 user-defined, 8 reserved.
    pub category: u8,
    /// Bits: 1 read, 2 write, 4 discretes, 8 coils, 16 input, 32 holding.
    pub access: u8,
    /// First and last address, counted from 1.
    pub addresses: Option<(u16, u16)>,
}

impl ModbusTransaction {
    /// The record of the transaction with this number, counted from 0.
    pub fn record(&self, number: u64) -> AppRecord<'_> {
        AppRecord::Modbus(Box::new(event::record(self, number)))
    }

    fn message(&self) -> Option<&Message> {
        self.request.as_ref().or(self.response.as_ref())
    }

    pub fn facts(&self) -> Option<ModbusFacts> {
        let message = self.message()?;
        Some(ModbusFacts {
            unit: message.unit_id,
            function: message.function.raw & 0x7f,
            subfunction: match &message.data {
                Data::Diagnostic { func, .. } => Some(func.raw),
                _ => None,
            },
            category: message.category.bits(),
            access: message.access_type.bits() & 0x3f,
            addresses: addresses(&message.data),
        })
    }

    /// What is written at an address, counted from 1.
    pub fn written(&self, address: u16) -> Option<u16> {
        let message = self.message()?;
        let coils = message.access_type.contains(AccessType::COILS);
        match &message.data {
            Data::Write(Write::Other { address: at, data }) => {
                if at.checked_add(1)? != address {
                    return None;
                }
                Some(if coils { u16::from(*data != 0) } else { *data })
            }
            Data::Write(Write::MultReq {
                address: at, data, ..
            })
            | Data::ReadWrite {
                write: Write::MultReq {
                    address: at, data, ..
                },
                ..
            } => {
                let nth = usize::from(address.checked_sub(at.checked_add(1)?)?);
                if coils {
                    let octet = data.get(nth / 8)?;
                    return Some(u16::from(octet >> (nth % 8)) & 1);
                }
                let pair = data.get(nth * 2..nth * 2 + 2)?;
                Some(u16::from_be_bytes([pair[0], pair[1]]))
            }
            _ => None,
        }
    }
}

fn addresses(data: &Data) -> Option<(u16, u16)> {
    match data {
        Data::Write(Write::Other { address, .. } | Write::Mask { address, .. }) => {
            let address = address.checked_add(1)?;
            Some((address, address))
        }
        Data::Read(Read::Request { address, quantity })
        | Data::Write(Write::MultReq {
            address, quantity, ..
        })
        | Data::ReadWrite {
            write: Write::MultReq {
                address, quantity, ..
            },
            ..
        } if *quantity > 0 => Some((address.checked_add(1)?, address.checked_add(*quantity)?)),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    /// Bytes to pass over: what a length that cannot be has counted.
    skip: usize,
    /// Bytes are lost: a segment is awaited that begins with a whole message.
    lost: bool,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
}

fn raise_errors(transaction: &mut Transaction, message: &Message, direction: Direction) {
    let flags = &message.error_flags;
    let wrong: Flags<ErrorFlags> = ErrorFlags::DATA_LENGTH | ErrorFlags::DATA_VALUE;
    let accesses = message
        .access_type
        .intersects(AccessType::READ | AccessType::WRITE);
    if direction == Direction::ToClient && accesses && flags.intersects(wrong) {
        transaction.raise(events::VALUE_MISMATCH);
        return;
    }
    for (flag, event) in [
        (ErrorFlags::FUNC_CODE, events::INVALID_FUNCTION_CODE),
        (ErrorFlags::DATA_VALUE, events::INVALID_VALUE),
        (ErrorFlags::DATA_LENGTH, events::INVALID_LENGTH),
        (ErrorFlags::EXC_CODE, events::INVALID_EXCEPTION_CODE),
        (ErrorFlags::PROTO_ID, events::INVALID_PROTOCOL_ID),
    ] {
        if flags.intersects(flag) {
            transaction.raise(event);
        }
    }
}

/// Whether a message and one of the other side are a request and its answer; the message is marked where its
/// values do not fit. sawp counts what was read in bits, registers too (Modbus Application Protocol 1.1b3 §6.3,
/// §6.4: two bytes each), so that it marks every sound answer: those are counted anew.
fn answers(message: &mut Message, other: &Message) -> bool {
    let was_wrong = message.error_flags.intersects(ErrorFlags::DATA_VALUE);
    if !message.matches(other) {
        return false;
    }
    if !was_wrong
        && !message.access_type.intersects(AccessType::BIT_ACCESS_MASK)
        && let (Data::Read(Read::Response(data)), Data::Read(Read::Request { quantity, .. }))
        | (Data::Read(Read::Request { quantity, .. }), Data::Read(Read::Response(data))) =
            (&message.data, &other.data)
    {
        if data.len() == 2 * usize::from(*quantity) {
            message.error_flags &= !ErrorFlags::DATA_VALUE;
        } else {
            message.error_flags |= ErrorFlags::DATA_VALUE;
        }
    }
    true
}

/// Takes a message; `None` when too many are unanswered.
fn take(direction: Direction, mut message: Message, transactions: &mut Transactions) -> Option<()> {
    let fitting = transactions.live_mut().iter_mut().find(|transaction| {
        match (&transaction.body, direction) {
            (Body::Modbus(modbus), Direction::ToClient) => {
                modbus.response.is_none()
                    && modbus
                        .request
                        .as_ref()
                        .is_some_and(|request| answers(&mut message, request))
            }
            (Body::Modbus(modbus), Direction::ToServer) => {
                modbus.request.is_none()
                    && modbus
                        .response
                        .as_ref()
                        .is_some_and(|response| answers(&mut message, response))
            }
            _ => false,
        }
    });
    let transaction = match fitting {
        Some(transaction) => transaction,
        None => {
            let flood = transactions.live().len() >= MAX_OPEN;
            let transaction = transactions.begin(Body::Modbus(Box::default()))?;
            if flood {
                transaction.raise(events::FLOODED);
            }
            if direction == Direction::ToClient {
                transaction.raise(events::UNSOLICITED_RESPONSE);
            }
            if flood {
                return None;
            }
            transaction
        }
    };
    raise_errors(transaction, &message, direction);
    if let Body::Modbus(modbus) = &mut transaction.body {
        match direction {
            Direction::ToServer => modbus.request = Some(message),
            Direction::ToClient => modbus.response = Some(message),
        }
        if modbus.response.is_some() {
            for side in Direction::BOTH {
                transaction.advance(side, Transaction::COMPLETE);
            }
        }
    }
    Some(())
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
        let side = &mut self.sides[direction.index()];
        if side.lost {
            if super::message(data).is_none() {
                return Step::More;
            }
            side.lost = false;
        }
        let skip = side.skip.min(data.len());
        side.skip -= skip;
        let mut held = std::mem::take(&mut side.held);
        held.extend_from_slice(&data[skip..]);
        let mut rest = held.as_slice();
        while let Some(prefix) = rest.get(..PREFIX_BYTES) {
            let length = Reader::new(&prefix[4..]).u16().unwrap_or_default();
            let counted = usize::from(length);
            let bytes = if LENGTHS.contains(&length) {
                match rest.get(..PREFIX_BYTES + counted) {
                    Some(whole) => whole,
                    None => break,
                }
            } else {
                // Nothing within can be trusted; the message is told by its head alone.
                side.skip = counted.saturating_sub(rest.len() - PREFIX_BYTES);
                prefix
            };
            let from = match direction {
                Direction::ToServer => SawpDirection::ToServer,
                Direction::ToClient => SawpDirection::ToClient,
            };
            let Ok((_, Some(message))) = READER.parse(bytes, from) else {
                return Step::Failed;
            };
            if take(direction, message, transactions).is_none() {
                return Step::Failed;
            }
            rest = rest.get(PREFIX_BYTES + counted..).unwrap_or_default();
        }
        // Less than one message is held.
        side.held = rest.to_vec();
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
        // Messages have no mark by which the next one could be found, but devices send each in a segment of its own.
        self.sides[direction.index()] = Side {
            lost: true,
            ..Side::default()
        };
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()] = Side::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 502,
        client_port: 1024,
    };

    fn message(id: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn run(messages: &[(Direction, Vec<u8>)], cut: usize) -> Transactions {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        for (direction, bytes) in messages {
            for chunk in bytes.chunks(cut) {
                state.chunk(
                    *direction,
                    chunk,
                    &mut transactions,
                    &CONTEXT,
                    &Limits::default(),
                );
            }
        }
        transactions
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    fn conversation() -> Vec<(Direction, Vec<u8>)> {
        vec![
            (ToServer, message(1, &[1, 5, 0, 9, 0xff, 0])),
            (ToServer, message(2, &[1, 16, 0, 4, 0, 2, 4, 0, 7, 0, 8])),
            (ToClient, message(1, &[1, 5, 0, 9, 0xff, 0])),
            (ToClient, message(2, &[1, 0x90, 2])),
            (ToClient, message(9, &[1, 3, 2, 0, 1])),
        ]
    }

    #[test]
    fn a_conversation() {
        let transactions = run(&conversation(), usize::MAX);
        let records = records(&transactions);
        assert_eq!(
            records[0],
            concat!(
                r#"{"modbus":{"id":1,"request":{"transaction_id":1,"protocol_id":0,"unit_id":1,"function_raw":5,"#,
                r#""function_code":"WrSingleCoil","access_type":"WRITE | COILS | SINGLE | WRITE_SINGLE","#,
                r#""category":"PUBLIC_ASSIGNED","error_flags":"NONE","write":{"address":9,"data":65280}},"#,
                r#""response":{"transaction_id":1,"protocol_id":0,"unit_id":1,"function_raw":5,"#,
                r#""function_code":"WrSingleCoil","access_type":"WRITE | COILS | SINGLE | WRITE_SINGLE","#,
                r#""category":"PUBLIC_ASSIGNED","error_flags":"NONE","write":{"address":9,"data":65280}}}}"#
            )
        );
        assert!(records[1].contains(r#""exception":{"raw":2,"code":"IllegalDataAddr"}"#));
        assert_eq!(
            transactions.live()[2].events,
            [events::UNSOLICITED_RESPONSE]
        );
        let Body::Modbus(modbus) = &transactions.live()[1].body else {
            panic!("another protocol");
        };
        assert_eq!(
            modbus.facts().and_then(|facts| facts.addresses),
            Some((5, 6))
        );
        assert_eq!(
            [5, 6, 7].map(|at| modbus.written(at)),
            [Some(7), Some(8), None]
        );
    }

    #[test]
    fn registers_that_are_read_are_two_bytes_each() {
        for function in [3, 4] {
            for (data, event) in [
                (&[0, 7, 0, 8][..], None),
                (&[0, 7], Some(events::VALUE_MISMATCH)),
                (&[0, 7, 0, 8, 0, 9], Some(events::VALUE_MISMATCH)),
            ] {
                let mut answer = vec![1, function, data.len() as u8];
                answer.extend(data);
                let request = (ToServer, message(1, &[1, function, 0, 0, 0, 2]));
                let answer = (ToClient, message(1, &answer));
                let transactions = run(&[request.clone(), answer.clone()], usize::MAX);
                assert_eq!(transactions.begun(), 1);
                assert_eq!(transactions.live()[0].events, Vec::from_iter(event));
                // The client's side may come later.
                let transactions = run(&[answer, request], usize::MAX);
                assert_eq!(transactions.begun(), 1);
                let wrong = event.map_or(0, |_| 1);
                let flagged = records(&transactions)[0].matches("DATA_VALUE").count();
                assert_eq!(flagged, wrong);
            }
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_told_and_passed_over() {
        let mut bytes = message(1, &[0; 255]);
        bytes.extend(message(2, &[1, 3, 0, 0, 0, 1]));
        for cut in [usize::MAX, 7] {
            let transactions = run(&[(ToServer, bytes.clone())], cut);
            assert_eq!(transactions.begun(), 2);
            assert_eq!(transactions.live()[0].events, [events::INVALID_LENGTH]);
        }
    }

    #[test]
    fn a_flood_ends_parsing() {
        let requests: Vec<_> = (0..MAX_OPEN + 2)
            .map(|id| (ToServer, message(id as u16, &[1, 3, 0, 0, 0, 1])))
            .collect();
        let transactions = run(&requests, usize::MAX);
        assert!(
            transactions
                .live()
                .iter()
                .any(|tx| tx.events == [events::FLOODED])
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cut in 1usize..30) {
            prop_assert_eq!(records(&run(&conversation(), cut)), records(&run(&conversation(), usize::MAX)));
        }

        #[test]
        fn no_bytes_panic(bodies in proptest::collection::vec((any::<bool>(), 0u16..3, proptest::collection::vec(any::<u8>(), 0..20)), 0..8)) {
            let messages: Vec<_> = bodies
                .into_iter()
                .map(|(client, id, body)| (if client { ToServer } else { ToClient }, message(id, &body)))
                .collect();
            let transactions = run(&messages, 5);
            records(&transactions);
            for transaction in transactions.live() {
                if let Body::Modbus(modbus) = &transaction.body {
                    modbus.facts();
                    for address in [0, 1, 7, u16::MAX] {
                        modbus.written(address);
                    }
                }
            }
        }
    }
}
