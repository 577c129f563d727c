//! Messages → transactions. Each message is a transaction of its own, as queries and answers are records of
//! their own; a query belongs to the client's side, an answer to the server's. Multicast DNS has no sides:
//! all of its messages count as the client's.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::event::{self, Grouping};
use super::events;
use super::wire::{HEADER_BYTES, Header, Message};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};
use sensor_bytes::Reader;
use std::collections::VecDeque;

/// Length prefix of a message over TCP (RFC 1035 §4.2.2).
const PREFIX_BYTES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Response,
}

/// Which of its relatives a flow speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Unicast,
    /// RFC 6762.
    Multicast,
    /// RFC 4795.
    LinkLocal,
}

/// Transactions of which the records are switched off and whose answers may still come.
const MAX_SILENCED: usize = 64;

/// One message.
#[derive(Debug)]
pub struct DnsTransaction {
    pub kind: Kind,
    pub message: Message,
}

impl DnsTransaction {
    pub fn record(&self, tx_id: u64) -> AppRecord<'_> {
        AppRecord::Dns(event::record(self, tx_id, Grouping::Grouped))
    }

    /// The object alone, to stand beside another.
    pub(crate) fn object(&self, grouping: Grouping) -> sensor_event::Dns<'_> {
        // It is the only one of its transaction.
        event::record(self, 0, grouping)
    }

    /// The object of an alert: without the answers by type.
    pub fn alert_record(&self, tx_id: u64) -> AppRecord<'_> {
        AppRecord::Dns(event::record(self, tx_id, Grouping::Plain))
    }

    /// The records of the older format: one a question, one a response.
    pub fn records_v2(&self, tx_id: u64) -> Vec<AppRecord<'_>> {
        event::records_v2(self, tx_id)
            .into_iter()
            .map(AppRecord::Dns)
            .collect()
    }
}

/// Bytes of either side that are not yet a whole message.
#[derive(Debug)]
pub struct State {
    transport: Transport,
    variant: Variant,
    held: [Vec<u8>; 2],
    /// After a gap the next chunk is tried as the start of a message.
    lost: [bool; 2],
    /// Identifiers of questions whose answer shall not be recorded.
    silenced: VecDeque<u16>,
}

impl State {
    pub fn new(transport: Transport, variant: Variant) -> Self {
        State {
            transport,
            variant,
            held: Default::default(),
            lost: [false; 2],
            silenced: VecDeque::new(),
        }
    }

    fn stream(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
    ) -> Step {
        let side = direction.index();
        if self.lost[side] {
            // A chunk that does not begin with a plausible message is passed over.
            if !begins_message(data) {
                return Step::More;
            }
            self.lost[side] = false;
        }
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(data);
        let mut rest = held.as_slice();
        while let Some((prefix, after)) = rest.split_first_chunk::<PREFIX_BYTES>() {
            let Some(message) = after.get(..usize::from(u16::from_be_bytes(*prefix))) else {
                break;
            };
            if !message.is_empty() {
                match self.take(message, after.len(), direction, transactions) {
                    Taken::Read => {}
                    Taken::Refused => return Step::Failed,
                    Taken::Full => return Step::Finished,
                }
            }
            rest = &after[message.len()..];
        }
        // At most one message of 64 KiB is held.
        self.held[side] = rest.to_vec();
        Step::More
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
        match self.transport {
            Transport::Tcp => self.stream(direction, data, transactions),
            // A datagram stands for itself: what cannot be read says nothing of the next one.
            Transport::Udp => match self.take(data, data.len(), direction, transactions) {
                Taken::Read | Taken::Refused | Taken::Full => Step::More,
            },
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

    fn silenced(&mut self, transaction: &Transaction) {
        if let Body::Dns(dns) = &transaction.body
            && dns.kind == Kind::Request
        {
            if self.silenced.len() >= MAX_SILENCED {
                self.silenced.pop_front();
            }
            self.silenced.push_back(dns.message.header.id);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Taken {
    Read,
    /// No message, or one of the other side.
    Refused,
    /// Too many transactions are live.
    Full,
}

/// Whether a stream chunk starts with a length and a plausible header.
pub fn begins_message(data: &[u8]) -> bool {
    let Some((prefix, rest)) = data.split_first_chunk::<PREFIX_BYTES>() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes(*prefix));
    length >= HEADER_BYTES
        && Header::read(&mut Reader::new(rest))
            .is_ok_and(|header| header.fits(length) && header.opcode() < 7)
}

impl State {
    fn take(
        &mut self,
        bytes: &[u8],
        rest: usize,
        direction: Direction,
        transactions: &mut Transactions,
    ) -> Taken {
        let length = Some(bytes.len() as u64);
        let frame = transactions.frames.add(direction, "pdu", rest, length);
        if !Header::read(&mut Reader::new(bytes)).is_ok_and(|header| header.fits(bytes.len())) {
            return Taken::Refused;
        }
        let refuse = |transactions: &mut Transactions, event| {
            if let Some(last) = transactions.last() {
                last.raise(event);
            }
            Taken::Refused
        };
        let Ok(message) = Message::read(bytes) else {
            return refuse(transactions, events::MALFORMED_DATA);
        };
        let header = message.header;
        let oddities = message.oddities;
        let (kind, side) = match (self.variant, direction) {
            (Variant::Multicast, _) if header.is_response() => {
                (Kind::Response, Direction::ToServer)
            }
            (Variant::Multicast, _) => (Kind::Request, Direction::ToServer),
            (_, Direction::ToServer) => (Kind::Request, direction),
            (_, Direction::ToClient) => (Kind::Response, direction),
        };
        if self.variant != Variant::Multicast && kind == Kind::Request && header.is_response() {
            return refuse(transactions, events::NOT_REQUEST);
        }
        let dns = Box::new(DnsTransaction { kind, message });
        let Some(transaction) = transactions.begin(match self.variant {
            Variant::Unicast => Body::Dns(dns),
            Variant::Multicast => Body::Mdns(dns),
            Variant::LinkLocal => Body::Llmnr(dns),
        }) else {
            return Taken::Full;
        };
        transaction.only = Some(side);
        if kind == Kind::Response
            && let Some(at) = self.silenced.iter().position(|id| *id == header.id)
        {
            self.silenced.remove(at);
            transaction.silent = true;
        }
        for (odd, event) in [
            (
                kind == Kind::Response && !header.is_response(),
                events::NOT_RESPONSE,
            ),
            (header.z(), events::Z_FLAG_SET),
            (header.opcode() >= 7, events::INVALID_OPCODE),
            (oddities.name_too_long, events::NAME_TOO_LONG),
            (oddities.infinite_loop, events::INFINITE_LOOP),
            (oddities.too_many_labels, events::TOO_MANY_LABELS),
            (oddities.invalid_authorities, events::INVALID_AUTHORITIES),
            (oddities.invalid_additionals, events::INVALID_ADDITIONALS),
        ] {
            if odd {
                transaction.raise(event);
            }
        }
        for side in Direction::BOTH {
            transaction.advance(side, Transaction::COMPLETE);
        }
        let id = transaction.id;
        transactions.assign_frame(direction, frame, id);
        Taken::Read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 53,
        client_port: 1024,
    };

    fn query(name: &str) -> Vec<u8> {
        let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        bytes
    }

    fn prefixed(message: &[u8]) -> Vec<u8> {
        let mut bytes = (message.len() as u16).to_be_bytes().to_vec();
        bytes.extend(message);
        bytes
    }

    fn names(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|transaction| match &transaction.body {
                Body::Dns(dns) => {
                    String::from_utf8_lossy(dns.message.name(&dns.message.questions[0].name))
                        .into_owned()
                }
                _ => String::new(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..20, 1..20)) {
            let mut stream = prefixed(&query("a.example.org"));
            stream.extend(prefixed(&query("b.example.org")));
            let mut state = State::new(Transport::Tcp, Variant::Unicast);
            let mut transactions = Transactions::default();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                state.chunk(Direction::ToServer, chunk, &mut transactions, &CONTEXT, &Limits::default());
                rest = after;
            }
            prop_assert_eq!(names(&transactions), ["a.example.org", "b.example.org"]);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), tcp in any::<bool>(), multicast in any::<bool>()) {
            let variant = if multicast { Variant::Multicast } else { Variant::Unicast };
            let mut state = State::new(if tcp { Transport::Tcp } else { Transport::Udp }, variant);
            let mut transactions = Transactions::default();
            state.chunk(Direction::ToClient, &bytes, &mut transactions, &CONTEXT, &Limits::default());
            for transaction in transactions.live() {
                serde_json::to_string(&transaction.record()).expect("a record serialises");
            }
        }
    }

    #[test]
    fn after_a_gap_the_next_message_is_found() {
        let mut state = State::new(Transport::Tcp, Variant::Unicast);
        let mut transactions = Transactions::default();
        let message = prefixed(&query("a.example.org"));
        state.chunk(
            Direction::ToServer,
            &message[..9],
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        state.gap(
            Direction::ToServer,
            100,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        state.chunk(
            Direction::ToServer,
            &message,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        assert_eq!(names(&transactions), ["a.example.org"]);
    }

    #[test]
    fn a_message_of_the_wrong_side_ends_a_stream_and_not_a_datagram() {
        let mut answer = query("a.example.org");
        answer[2] |= 0x80;
        for (transport, bytes, step) in [
            (Transport::Tcp, prefixed(&answer), Step::Failed),
            (Transport::Udp, answer.clone(), Step::More),
        ] {
            let mut state = State::new(transport, Variant::Unicast);
            let mut transactions = Transactions::default();
            let seen = state.chunk(
                Direction::ToServer,
                &bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
            assert_eq!((seen, transactions.begun()), (step, 0));
        }
    }

    #[test]
    fn the_answer_to_a_silenced_question_is_silent() {
        let question = query("a.example.org");
        let mut answer = question.clone();
        answer[2] |= 0x80;
        let mut state = State::new(Transport::Udp, Variant::Unicast);
        let mut transactions = Transactions::default();
        let limits = Limits::default();
        state.chunk(
            Direction::ToServer,
            &question,
            &mut transactions,
            &CONTEXT,
            &limits,
        );
        state.silenced(&transactions.live()[0]);
        for silent in [true, false] {
            state.chunk(
                Direction::ToClient,
                &answer,
                &mut transactions,
                &CONTEXT,
                &limits,
            );
            assert_eq!(transactions.live().back().map(|tx| tx.silent), Some(silent));
        }
    }
}
