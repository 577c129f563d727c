//! Messages → transactions.

use asn1_rs::ToStatic;
use ldap_parser::ldap::{LdapMessage, ProtocolOp, ResultCode};
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::{event, events, is_request, message_bytes, read};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Requests without an answer, of one flow.
const MAX_TRANSACTIONS: usize = 256;
/// Responses to one request that are kept.
const MAX_RESPONSES: usize = 1_024;
/// Bytes of the responses to one request that are kept.
const MAX_RESPONSE_BYTES: usize = 4 << 20;
/// The extended operation that begins encryption (RFC 4511 §4.14.1).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// One request with its responses.
#[derive(Debug)]
pub struct LdapTransaction {
    /// None for what a server sends unasked.
    pub request: Option<LdapMessage<'static>>,
    pub responses: Vec<LdapMessage<'static>>,
    response_bytes: usize,
}

impl LdapTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Ldap(Box::new(event::record(self)))
    }
}

/// No response follows this message.
fn is_last(operation: &ProtocolOp<'_>) -> bool {
    matches!(
        operation,
        ProtocolOp::UnbindRequest | ProtocolOp::AbandonRequest(_)
    ) || operation.result().is_some()
}

#[derive(Debug)]
pub struct State {
    transport: Transport,
    held: [Vec<u8>; 2],
    /// After a gap the next chunk is tried as the start of a message.
    lost: [bool; 2],
    /// The client has asked for encryption.
    asked_for_tls: bool,
}

/// Why parsing ends.
enum Stop {
    Failed,
    /// What follows is encrypted.
    Encrypted,
}

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            held: Default::default(),
            lost: [false; 2],
            asked_for_tls: false,
        }
    }

    fn message(
        &mut self,
        direction: Direction,
        bytes: usize,
        message: &LdapMessage<'_>,
        frame: Option<u64>,
        transactions: &mut Transactions,
    ) -> Result<(), Stop> {
        let operation = &message.protocol_op;
        if direction == Direction::ToServer {
            if let ProtocolOp::ExtendedRequest(request) = operation {
                self.asked_for_tls |= request.request_name.0 == START_TLS;
            }
            let tx = begin(
                LdapTransaction {
                    request: Some(message.to_static()),
                    responses: Vec::new(),
                    response_bytes: 0,
                },
                transactions,
            )?;
            if is_last(operation) {
                complete(tx);
            }
            let id = tx.id;
            transactions.assign_frame(direction, frame, id);
            return Ok(());
        }
        let encrypted = match operation {
            ProtocolOp::ExtendedResponse(response) if self.asked_for_tls => {
                self.asked_for_tls = false;
                response.result.result_code == ResultCode::Success
            }
            _ => false,
        };
        let waiting = transactions.live().iter().position(|tx| {
            matches!(&tx.body, Body::Ldap(ldap) if ldap
                .request
                .as_ref()
                .is_some_and(|request| request.message_id == message.message_id))
        });
        let id = match waiting.and_then(|at| transactions.live_mut().get_mut(at)) {
            Some(tx) => {
                let mut is_full = false;
                if let Body::Ldap(ldap) = &mut tx.body {
                    is_full = ldap.responses.len() >= MAX_RESPONSES
                        || ldap.response_bytes + bytes > MAX_RESPONSE_BYTES;
                    if !is_full {
                        ldap.response_bytes += bytes;
                        ldap.responses.push(message.to_static());
                    }
                }
                if is_full {
                    tx.raise(events::TOO_MANY_RESPONSES);
                }
                if is_last(operation) {
                    complete(tx);
                }
                tx.id
            }
            None => {
                let tx = begin(
                    LdapTransaction {
                        request: None,
                        responses: vec![message.to_static()],
                        response_bytes: bytes,
                    },
                    transactions,
                )?;
                complete(tx);
                // A notice of disconnection is the one thing that a server says unasked.
                if !matches!(operation, ProtocolOp::ExtendedResponse(_)) {
                    tx.raise(events::REQUEST_NOT_FOUND);
                }
                tx.id
            }
        };
        transactions.assign_frame(direction, frame, id);
        if encrypted {
            Err(Stop::Encrypted)
        } else {
            Ok(())
        }
    }

    fn stream(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
    ) -> Step {
        let side = direction.index();
        if std::mem::take(&mut self.lost[side]) && message_bytes(data).is_err() {
            return Step::Failed;
        }
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(data);
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            let frame = open_frame(direction, rest.len(), transactions);
            let bytes = match message_bytes(rest) {
                Ok(Some(bytes)) => bytes,
                // At most one message is held.
                Ok(None) => break,
                Err(_) => return invalid(transactions),
            };
            let Some(bytes) = rest.get(..bytes) else {
                break;
            };
            let Some(message) = read(bytes) else {
                return invalid(transactions);
            };
            rest = &rest[bytes.len()..];
            transactions.frames.end(direction, frame, rest.len());
            match self.message(direction, bytes.len(), &message, frame, transactions) {
                Ok(()) => {}
                Err(Stop::Failed) => return Step::Failed,
                Err(Stop::Encrypted) => {
                    return Step::Change {
                        rest: rest.len(),
                        other: std::mem::take(&mut self.held[direction.opposite().index()]),
                        port: None,
                        expect: Some(Protocol::Tls),
                    };
                }
            }
        }
        self.held[side] = rest.to_vec();
        Step::More
    }

    fn datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
    ) -> Step {
        let mut rest = data;
        if direction == Direction::ToServer {
            let length = Some(data.len() as u64);
            transactions
                .frames
                .add(direction, "pdu", data.len(), length);
        }
        while !rest.is_empty() {
            let frame = match direction {
                Direction::ToServer => None,
                Direction::ToClient => open_frame(direction, rest.len(), transactions),
            };
            let message = match message_bytes(rest) {
                Ok(Some(bytes)) => rest.get(..bytes),
                Ok(None) => None,
                Err(_) => return invalid(transactions),
            };
            let Some(bytes) = message else {
                if let Some(tx) = transactions.last() {
                    tx.raise(events::INCOMPLETE_DATA);
                }
                return Step::Failed;
            };
            let Some(message) = read(bytes) else {
                return invalid(transactions);
            };
            let left = rest.len() - bytes.len();
            transactions.frames.end(direction, frame, left);
            let ended = self.message(direction, bytes.len(), &message, frame, transactions);
            if matches!(ended, Err(Stop::Failed)) {
                return Step::Failed;
            }
            // A datagram of a client is one request.
            if is_request(&message.protocol_op) {
                break;
            }
            rest = &rest[bytes.len()..];
        }
        Step::More
    }
}

/// The frame of the message that began `rest` bytes before the end, made on first sight.
fn open_frame(direction: Direction, rest: usize, transactions: &mut Transactions) -> Option<u64> {
    let frames = &mut transactions.frames;
    let open = frames.open(direction, "pdu");
    open.or_else(|| frames.add(direction, "pdu", rest, None))
}

fn begin(ldap: LdapTransaction, transactions: &mut Transactions) -> Result<&mut Transaction, Stop> {
    if transactions.live().len() >= MAX_TRANSACTIONS {
        for tx in transactions.live_mut() {
            tx.raise(events::TOO_MANY_TRANSACTIONS);
            complete(tx);
        }
        return Err(Stop::Failed);
    }
    transactions
        .begin(Body::Ldap(Box::new(ldap)))
        .ok_or(Stop::Failed)
}

fn complete(tx: &mut Transaction) {
    for direction in Direction::BOTH {
        tx.advance(direction, Transaction::COMPLETE);
    }
}

fn invalid(transactions: &mut Transactions) -> Step {
    if let Some(tx) = transactions.last() {
        tx.raise(events::INVALID_DATA);
    }
    Step::Failed
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
        match self.transport {
            Transport::Tcp => self.stream(direction, data, transactions),
            Transport::Udp => self.datagram(direction, data, transactions),
        }
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
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 389,
        client_port: 1024,
    };

    const BIND: &[u8] = b"\x30\x0f\x02\x01\x01\x60\x0a\x02\x01\x03\x04\x03c=x\x80\x00";
    const BOUND: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
    const UNBIND: &[u8] = b"\x30\x05\x02\x01\x02\x42\x00";
    const START: &[u8] = b"\x30\x1d\x02\x01\x03\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const STARTED: &[u8] = b"\x30\x0c\x02\x01\x03\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

    fn feed(
        state: &mut State,
        transactions: &mut Transactions,
        direction: Direction,
        data: &[u8],
    ) -> Step {
        state.chunk(direction, data, transactions, &CONTEXT, &Limits::default())
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    #[test]
    fn requests_have_their_responses() {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        feed(&mut state, &mut transactions, ToServer, BIND);
        feed(&mut state, &mut transactions, ToClient, BOUND);
        feed(&mut state, &mut transactions, ToServer, UNBIND);
        assert_eq!(
            records(&transactions),
            [
                r#"{"ldap":{"request":{"message_id":1,"operation":"bind_request","bind_request":{"version":3,"name":"c=x"}},"responses":[{"operation":"bind_response","bind_response":{"result_code":"invalid_credentials","matched_dn":"","message":""}}]}}"#,
                r#"{"ldap":{"request":{"message_id":2,"operation":"unbind_request"}}}"#,
            ]
        );
        assert!(
            transactions
                .live()
                .iter()
                .all(|tx| tx.is_complete(ToServer))
        );
    }

    #[test]
    fn encryption_follows_its_request() {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        feed(&mut state, &mut transactions, ToServer, START);
        let step = feed(&mut state, &mut transactions, ToClient, STARTED);
        assert_eq!(
            step,
            Step::Change {
                rest: 0,
                other: Vec::new(),
                port: None,
                expect: Some(Protocol::Tls),
            }
        );
    }

    #[test]
    fn unanswered_requests_have_a_limit() {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        for _ in 0..MAX_TRANSACTIONS {
            assert_eq!(
                feed(&mut state, &mut transactions, ToServer, BIND),
                Step::More
            );
        }
        assert_eq!(
            feed(&mut state, &mut transactions, ToServer, BIND),
            Step::Failed
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..20, 1..20)) {
            let stream = [BIND, UNBIND, BIND].concat();
            let mut whole = Transactions::default();
            feed(&mut State::new(Transport::Tcp), &mut whole, ToServer, &stream);
            let mut state = State::new(Transport::Tcp);
            let mut transactions = Transactions::default();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                feed(&mut state, &mut transactions, ToServer, chunk);
                rest = after;
            }
            prop_assert_eq!(records(&transactions), records(&whole));
        }

        #[test]
        fn no_bytes_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            tag in 0u8..26,
            tcp in any::<bool>(),
        ) {
            let mut message = vec![0x02, 0x01, 0x07, 0x60 | tag, bytes.len() as u8];
            message.extend(&bytes);
            message.splice(0..0, [0x30, 0x81, message.len() as u8]);
            for data in [&message, &bytes] {
                for direction in Direction::BOTH {
                    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
                    let mut transactions = Transactions::default();
                    feed(&mut State::new(transport), &mut transactions, direction, data);
                    records(&transactions);
                }
            }
        }
    }
}
