//! Messages → transactions: a request with its response, found by command, session and sequence.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::frames;
use super::wire::{Cip, Command, Data, HEADER_BYTES, Header, Kind, Message, Payload, Segment};
use super::{event, events, plausible};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, MAX_LIVE_TRANSACTIONS, Transaction};
use sensor_bytes::Reader;

/// Transactions under way; with more, all are taken for done.
const MAX_OPEN: usize = MAX_LIVE_TRANSACTIONS / 2;

#[derive(Debug, Default)]
pub struct EnipTransaction {
    pub request: Option<Message>,
    pub response: Option<Message>,
}

impl EnipTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Enip(Box::new(event::record(self)))
    }

    pub fn side(&self, direction: Direction) -> Option<&Message> {
        match direction {
            Direction::ToServer => self.request.as_ref(),
            Direction::ToClient => self.response.as_ref(),
        }
    }

    /// Whether a side asks for, or answers, a service, on a class and an attribute when they are given.
    pub fn has_service(
        &self,
        direction: Direction,
        service: u8,
        class: Option<u32>,
        attribute: Option<u32>,
    ) -> bool {
        let Some(data) = self.side(direction).and_then(data_of) else {
            return false;
        };
        let is = |data: &Data| {
            data.service == service
                && class.is_none_or(|class| names(data, Segment::CLASS, class))
                && (class.is_none()
                    || attribute.is_none_or(|attribute| {
                        names(data, Segment::ATTRIBUTE, attribute) || lists(data, attribute)
                    }))
        };
        is(data) || data.services.iter().any(is)
    }
}

/// The data of a message.
pub fn data_of(message: &Message) -> Option<&Data> {
    match &message.payload {
        Payload::Cip(cip) => cip.data.as_ref(),
        _ => None,
    }
}

fn names(data: &Data, logical: u8, value: u32) -> bool {
    match &data.kind {
        Kind::Request { path, .. } => path
            .iter()
            .any(|segment| segment.logical() == logical && segment.value == value),
        Kind::Response { .. } => false,
    }
}

fn lists(data: &Data, attribute: u32) -> bool {
    match &data.kind {
        Kind::Request { attributes, .. } => {
            attributes.iter().any(|one| u32::from(*one) == attribute)
        }
        Kind::Response { .. } => false,
    }
}

fn answers(request: &Message, response: &Message) -> bool {
    let (asked, told) = (&request.header, &response.header);
    // A session gets its number with the answer to its registration.
    if asked.command != told.command
        || (asked.session != told.session && asked.command != Command::REGISTER_SESSION)
    {
        return false;
    }
    match (&request.payload, &response.payload) {
        (Payload::Cip(asked), Payload::Cip(told)) => sequence_fits(asked, told),
        (Payload::Cip(_), _) | (_, Payload::Cip(_)) => false,
        _ => true,
    }
}

fn sequence_fits(asked: &Cip, told: &Cip) -> bool {
    match (asked.connected, told.connected) {
        (Some(asked), Some(told)) => asked == told,
        _ => true,
    }
}

#[derive(Debug)]
pub struct State {
    transport: Transport,
    held: [Vec<u8>; 2],
    /// After a gap the next chunk is tried as the start of a message.
    lost: [bool; 2],
}

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            held: Default::default(),
            lost: [false; 2],
        }
    }

    fn take(
        &self,
        direction: Direction,
        message: Message,
        transactions: &mut Transactions,
    ) -> Option<u64> {
        if direction == Direction::ToClient {
            for transaction in transactions.live_mut() {
                let Body::Enip(enip) = &mut transaction.body else {
                    continue;
                };
                let Some(request) = enip.request.as_ref().filter(|_| enip.response.is_none())
                else {
                    continue;
                };
                let fits = answers(request, &message);
                let invalid = message.invalid;
                // What was asked before is not answered any more.
                if fits {
                    enip.response = Some(message);
                    if invalid {
                        transaction.raise(events::INVALID_PDU);
                    }
                    transaction.advance(Direction::ToClient, Transaction::COMPLETE);
                    return Some(transaction.id);
                }
                transaction.advance(Direction::ToClient, Transaction::COMPLETE);
            }
        }
        if transactions.live().len() >= MAX_OPEN {
            let mut first = true;
            for transaction in transactions.live_mut() {
                if std::mem::take(&mut first) {
                    transaction.raise(events::TOO_MANY_TRANSACTIONS);
                }
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
            }
            return None;
        }
        let invalid = message.invalid;
        let mut enip = Box::<EnipTransaction>::default();
        match direction {
            Direction::ToServer => enip.request = Some(message),
            Direction::ToClient => enip.response = Some(message),
        }
        let transaction = transactions.begin(Body::Enip(enip))?;
        if invalid {
            transaction.raise(events::INVALID_PDU);
        }
        transaction.advance(direction, Transaction::COMPLETE);
        Some(transaction.id)
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
        let side = direction.index();
        if self.transport == Transport::Udp {
            if let Some(message) = Message::read(&mut Reader::new(data)) {
                let id = self.take(direction, message, transactions);
                frames::announce(direction, data, id, transactions);
            }
            return Step::More;
        }
        if self.lost[side] {
            // A chunk that does not begin with a plausible message is passed over.
            let begins = Header::read(&mut Reader::new(data));
            if !begins.is_ok_and(|header| plausible(&header, &data[HEADER_BYTES..])) {
                return Step::More;
            }
            self.lost[side] = false;
        }
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(data);
        let mut reader = Reader::new(&held);
        let mut at = 0;
        while let Some(message) = Message::read(&mut reader) {
            let id = self.take(direction, message, transactions);
            frames::announce(direction, &held[at..], id, transactions);
            if id.is_none() {
                return Step::Finished;
            }
            at = reader.position();
        }
        // Less than one message of 64 KiB is held.
        let taken = reader.position();
        held.drain(..taken);
        self.held[side] = held;
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
        self.held[direction.index()].clear();
        self.lost[direction.index()] = true;
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.held[direction.index()] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enip::wire::build::{message, unconnected};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 44818,
        client_port: 1024,
    };

    fn run(pieces: &[(Direction, Vec<u8>)], cut: usize) -> Transactions {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        for (direction, bytes) in pieces {
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
            (ToServer, message(0x65, 0, &[1, 0, 0, 0])),
            (ToClient, message(0x65, 7, &[1, 0, 0, 0])),
            (
                ToServer,
                unconnected(&[0x0e, 3, 0x20, 0xf6, 0x24, 1, 0x30, 6]),
            ),
            (ToClient, unconnected(&[0x8e, 0, 5, 2, 0, 1])),
        ]
    }

    #[test]
    fn a_conversation() {
        let transactions = run(&conversation(), usize::MAX);
        assert_eq!(
            records(&transactions),
            [
                concat!(
                    r#"{"enip":{"request":{"command":"register_session","status":"success","#,
                    r#""register_session":{"protocol_version":1,"options":0}},"#,
                    r#""response":{"command":"register_session","status":"success","#,
                    r#""register_session":{"protocol_version":1,"options":0}}}}"#
                ),
                concat!(
                    r#"{"enip":{"request":{"command":"send_r_r_data","status":"success","#,
                    r#""cip":{"service":"Get Attributes Single","path":[{"segment_type":"class","value":246},"#,
                    r#"{"segment_type":"instance","value":1},{"segment_type":"attribute","value":6}],"#,
                    r#""class_name":"Ethernet Link"}},"response":{"command":"send_r_r_data","status":"success","#,
                    r#""cip":{"service":"Get Attributes Single","status":"Path Destination Unknown","#,
                    r#""status_extended":"0001","#,
                    r#""status_extended_meaning":"Connection in use or duplicate Forward Open"}}}}"#
                ),
            ]
        );
        let Body::Enip(enip) = &transactions.live()[1].body else {
            panic!("another protocol");
        };
        let rows = [
            (ToServer, 14, None, None, true),
            (ToServer, 14, Some(246), Some(6), true),
            (ToServer, 14, Some(246), Some(7), false),
            (ToServer, 14, Some(1), None, false),
            (ToServer, 15, None, None, false),
            (ToClient, 14, None, None, true),
        ];
        for (side, service, class, attribute, expected) in rows {
            assert_eq!(enip.has_service(side, service, class, attribute), expected);
        }
    }

    #[test]
    fn a_flood_ends_parsing() {
        let frames = vec![(ToServer, message(0x63, 0, &[])); MAX_OPEN + 2];
        let transactions = run(&frames, usize::MAX);
        assert_eq!(transactions.begun() as usize, MAX_OPEN);
        assert_eq!(
            transactions.live()[0].events,
            [events::TOO_MANY_TRANSACTIONS; 2]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cut in 1usize..60) {
            prop_assert_eq!(records(&run(&conversation(), cut)), records(&run(&conversation(), usize::MAX)));
        }

        #[test]
        fn no_bytes_panic(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 1..60)), 0..8)) {
            let pieces: Vec<_> = pieces
                .into_iter()
                .flat_map(|(client, bytes)| {
                    let side = if client { ToServer } else { ToClient };
                    [(side, unconnected(&bytes)), (side, bytes)]
                })
                .collect();
            records(&run(&pieces, 13));
        }
    }
}
