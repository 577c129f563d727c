//! Messages over a connection → transactions.

use std::sync::Arc;

use sensor_bytes::Reader;
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::wire::{self, HEADER_BYTES, Header, Kind, Request, Uuid};
use super::{Call, Interface, Interfaces, MAX_INTERFACES, MAX_STUB_BYTES, event};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// One call: request and response of the same number.
#[derive(Debug)]
pub struct DcerpcTransaction {
    pub call_id: u32,
    pub minor: u8,
    pub context: u16,
    pub operation: u16,
    /// Type of the client's message, or of what an answer alone implies.
    pub request: Kind,
    pub response: Kind,
    /// A request was read, and not only its answer.
    pub request_seen: bool,
    /// The side's message was missed.
    pub lost: [bool; 2],
    pub fragments: [u16; 2],
    /// Arguments and results.
    pub stubs: [Vec<u8>; 2],
    pub interfaces: Interfaces,
    /// Numbers in arguments and results have their high byte first.
    pub big_endian: bool,
    /// Over UDP.
    pub datagram: Option<Datagram>,
}

/// What identifies a call over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    pub activity: Uuid,
    pub sequence: u32,
}

impl DcerpcTransaction {
    pub(super) fn new(call_id: u32, minor: u8, interfaces: Interfaces) -> Self {
        DcerpcTransaction {
            call_id,
            minor,
            context: 0,
            operation: 0,
            request: Kind::REQUEST,
            response: Kind::RESPONSE,
            request_seen: false,
            lost: [false; 2],
            fragments: [0; 2],
            stubs: Default::default(),
            interfaces,
            big_endian: false,
            datagram: None,
        }
    }

    pub fn record(&self, progress: [u8; 2]) -> AppRecord<'_> {
        AppRecord::Dcerpc(Box::new(event::record(self, progress)))
    }

    pub fn call(&self) -> Option<Call<'_>> {
        self.request_seen.then(|| Call {
            operation: self.operation,
            interfaces: &self.interfaces,
            context: Some(self.context),
        })
    }

    pub(super) fn append(&mut self, direction: Direction, bytes: &[u8]) {
        append_stub(&mut self.stubs[direction.index()], bytes);
    }
}

/// Adds to arguments or results, as far as their limit goes.
pub fn append_stub(stub: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_STUB_BYTES.saturating_sub(stub.len());
    stub.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Remembers what a bind asks for: a context that is named again is replaced.
pub fn note_bind(interfaces: &mut Vec<Interface>, header: &Header, items: &[wire::ContextItem]) {
    for (index, item) in items.iter().enumerate() {
        let interface = Interface {
            context: item.context,
            index,
            call_id: header.call_id,
            uuid: item.uuid,
            version: item.version,
            minor: item.minor,
            first_fragment: header.is_first(),
            result: None,
        };
        let known = interfaces
            .iter()
            .position(|known| known.context == item.context);
        match known {
            Some(at) => interfaces[at] = interface,
            None => interfaces.push(interface),
        }
        interfaces.truncate(MAX_INTERFACES);
    }
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    /// Bytes were missed: the next header is looked for.
    lost: bool,
    /// Bytes were missed at some time.
    gaps: bool,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    interfaces: Interfaces,
}

/// The parser cannot go on.
struct Malformed;

impl State {
    fn message(
        &mut self,
        direction: Direction,
        header: &Header,
        body: &[u8],
        transactions: &mut Transactions,
    ) -> Result<(), Malformed> {
        match header.kind {
            Kind::BIND | Kind::ALTER_CONTEXT => self.bind(header, body, transactions),
            Kind::BIND_ACK | Kind::ALTER_CONTEXT_RESPONSE => {
                let results = wire::read_bind_ack(body, header.order).map_err(|_| Malformed)?;
                self.change_interfaces(transactions, |interfaces| {
                    for interface in interfaces {
                        if interface.call_id == header.call_id
                            && let Some(result) = results.get(interface.index)
                        {
                            interface.result = Some(*result);
                        }
                    }
                });
                self.answer(header, &[], transactions)
            }
            Kind::REQUEST => {
                let mut reader = Reader::new(body);
                let request = Request::read(&mut reader, header.order).map_err(|_| Malformed)?;
                let tx = self.call(header, Direction::ToServer, transactions)?;
                if let Body::Dcerpc(call) = &mut tx.body {
                    call.request = header.kind;
                    call.context = request.context;
                    call.operation = request.operation;
                    call.request_seen = true;
                    call.fragments[0] = 1;
                    call.append(Direction::ToServer, reader.rest());
                }
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                Ok(())
            }
            Kind::RESPONSE => self.answer(header, body, transactions),
            _ => {
                let _ = direction;
                Ok(())
            }
        }
    }

    fn bind(
        &mut self,
        header: &Header,
        body: &[u8],
        transactions: &mut Transactions,
    ) -> Result<(), Malformed> {
        let items = wire::read_bind(body, header.order).map_err(|_| Malformed)?;
        self.change_interfaces(transactions, |interfaces| {
            note_bind(interfaces, header, &items);
        });
        let tx = self.begin(header, transactions)?;
        if let Body::Dcerpc(call) = &mut tx.body {
            call.request = header.kind;
            call.fragments[0] = 1;
        }
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        Ok(())
    }

    fn answer(
        &mut self,
        header: &Header,
        stub: &[u8],
        transactions: &mut Transactions,
    ) -> Result<(), Malformed> {
        let tx = self.call(header, Direction::ToClient, transactions)?;
        if let Body::Dcerpc(call) = &mut tx.body {
            call.response = header.kind;
            call.fragments[1] = 1;
            call.append(Direction::ToClient, stub);
        }
        tx.advance(Direction::ToClient, Transaction::COMPLETE);
        Ok(())
    }

    /// The transaction that a message belongs to: one with its number that waits for it, else a new one.
    fn call<'a>(
        &self,
        header: &Header,
        direction: Direction,
        transactions: &'a mut Transactions,
    ) -> Result<&'a mut Transaction, Malformed> {
        let waiting = transactions.live().iter().position(|tx| {
            let Body::Dcerpc(call) = &tx.body else {
                return false;
            };
            call.call_id == header.call_id
                && !tx.is_complete(direction)
                && match direction {
                    Direction::ToServer => header.kind.answer() == Some(call.response),
                    Direction::ToClient => call.request.answer() == Some(header.kind),
                }
        });
        match waiting {
            Some(at) => transactions.live_mut().get_mut(at).ok_or(Malformed),
            None => self.begin(header, transactions),
        }
    }

    fn begin<'a>(
        &self,
        header: &Header,
        transactions: &'a mut Transactions,
    ) -> Result<&'a mut Transaction, Malformed> {
        let interfaces = Arc::clone(&self.interfaces);
        let mut call = DcerpcTransaction::new(header.call_id, header.minor, interfaces);
        call.big_endian = header.order == wire::Order::Big;
        transactions
            .begin(Body::Dcerpc(Box::new(call)))
            .ok_or(Malformed)
    }

    /// Changes the interfaces; live transactions see the change.
    fn change_interfaces(
        &mut self,
        transactions: &mut Transactions,
        change: impl FnOnce(&mut Vec<Interface>),
    ) {
        change(Arc::make_mut(&mut self.interfaces));
        for tx in transactions.live_mut() {
            if let Body::Dcerpc(call) = &mut tx.body {
                call.interfaces = Arc::clone(&self.interfaces);
            }
        }
    }

    /// After a gap nobody knows what the messages before it would have been.
    fn give_up_older(&self, direction: Direction, transactions: &mut Transactions) {
        for tx in transactions.live_mut() {
            let sides: &[Direction] = match direction {
                Direction::ToServer => &[Direction::ToServer],
                Direction::ToClient => &Direction::BOTH,
            };
            for &side in sides {
                let complete = tx.is_complete(side);
                if let Body::Dcerpc(call) = &mut tx.body {
                    call.lost[side.index()] |= !complete;
                }
                tx.advance(side, Transaction::COMPLETE);
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
        _: &Context,
        _: &Limits,
    ) -> Step {
        let side = direction.index();
        let mut held = std::mem::take(&mut self.sides[side].held);
        held.extend_from_slice(data);
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            if self.sides[side].lost {
                match find_header(rest) {
                    Some(at) => rest = &rest[at..],
                    None => {
                        rest = &rest[rest.len().saturating_sub(HEADER_BYTES - 1)..];
                        break;
                    }
                }
                self.sides[side].lost = false;
            }
            let mut reader = Reader::new(rest);
            let Ok(header) = Header::read(&mut reader) else {
                break;
            };
            let bytes = usize::from(header.fragment_bytes);
            if header.version != 5 || header.minor > 1 || bytes < HEADER_BYTES {
                return Step::Failed;
            }
            // At most one fragment of 64 KiB is held.
            let Some(fragment) = rest.get(..bytes) else {
                break;
            };
            let body = &fragment[HEADER_BYTES..];
            let frames = &mut transactions.frames;
            frames.add(direction, "hdr", rest.len(), Some(HEADER_BYTES as u64));
            frames.add(direction, "pdu", rest.len(), Some(bytes as u64));
            if !body.is_empty() {
                let behind = rest.len() - HEADER_BYTES;
                frames.add(direction, "data", behind, Some(body.len() as u64));
            }
            if self
                .message(direction, &header, body, transactions)
                .is_err()
            {
                return Step::Failed;
            }
            rest = &rest[bytes..];
        }
        if rest.is_empty() && self.sides[side].gaps {
            self.give_up_older(direction, transactions);
        }
        self.sides[side].held = rest.to_vec();
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
        side.gaps = true;
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}

/// Where a plausible header begins.
fn find_header(data: &[u8]) -> Option<usize> {
    data.windows(HEADER_BYTES).position(|window| {
        window.starts_with(b"\x05\x00")
            && Header::read(&mut Reader::new(window))
                .is_ok_and(|header| header.is_plausible() && header.kind.is_known())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 135,
        client_port: 1024,
    };

    fn message(kind: Kind, call_id: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![5, 0, kind.0, 3, 0x10, 0, 0, 0];
        bytes.extend(((HEADER_BYTES + body.len()) as u16).to_le_bytes());
        bytes.extend([0, 0, call_id, 0, 0, 0]);
        bytes.extend(body);
        bytes
    }

    fn bind() -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([1, 0, 0, 0, 7, 0, 1, 0]);
        body.extend(1..=16);
        body.extend([2, 0, 1, 0]);
        body.extend([0; 20]);
        message(Kind::BIND, 1, &body)
    }

    fn bind_ack() -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([4, 0, b'1', b'3', b'5', 0, 0, 0, 1, 0, 0, 0]);
        body.extend([0; 24]);
        message(Kind::BIND_ACK, 1, &body)
    }

    fn request() -> Vec<u8> {
        message(Kind::REQUEST, 2, &[3, 0, 0, 0, 7, 0, 4, 0, 1, 2, 3])
    }

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
    fn calls_know_their_interface() {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let mut first = bind();
        first.extend(request());
        feed(&mut state, &mut transactions, Direction::ToServer, &first);
        feed(
            &mut state,
            &mut transactions,
            Direction::ToClient,
            &bind_ack(),
        );
        assert_eq!(
            records(&transactions),
            [
                r#"{"dcerpc":{"request":"BIND","interfaces":[{"uuid":"04030201-0605-0807-090a-0b0c0d0e0f10","version":"2.1","ack_result":0}],"response":"BINDACK","call_id":1,"rpc_version":"5.0"}}"#,
                r#"{"dcerpc":{"request":"REQUEST","req":{"opnum":4,"frag_cnt":1,"stub_data_size":3},"interfaces":[{"uuid":"04030201-0605-0807-090a-0b0c0d0e0f10","version":"2.1","ack_result":0}],"response":"UNREPLIED","call_id":2,"rpc_version":"5.0"}}"#,
            ]
        );
    }

    #[test]
    fn after_a_gap_the_next_message_is_found() {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        feed(
            &mut state,
            &mut transactions,
            Direction::ToServer,
            &bind()[..20],
        );
        state.gap(
            Direction::ToServer,
            9,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        let mut rest = vec![5, 0, 99, 1];
        rest.extend(request());
        feed(&mut state, &mut transactions, Direction::ToServer, &rest);
        assert_eq!(records(&transactions).len(), 1);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..40, 1..20)) {
            let mut stream = bind();
            stream.extend(request());
            let mut whole = Transactions::default();
            feed(&mut State::default(), &mut whole, Direction::ToServer, &stream);
            let mut state = State::default();
            let mut transactions = Transactions::default();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                feed(&mut state, &mut transactions, Direction::ToServer, chunk);
                rest = after;
            }
            prop_assert_eq!(records(&transactions), records(&whole));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..22) {
            let mut state = State::default();
            let mut transactions = Transactions::default();
            for direction in Direction::BOTH {
                feed(&mut state, &mut transactions, direction, &message(Kind(kind), 1, &bytes));
                feed(&mut state, &mut transactions, direction, &bytes);
            }
            records(&transactions);
        }
    }
}
