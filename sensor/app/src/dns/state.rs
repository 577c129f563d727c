//! Messages → transactions. Each message is a transaction of its own, as queries and answers are records of
//! their own; a query belongs to the client's side, an answer to the server's.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::event::{self, Grouping};
use super::events;
use super::wire::{HEADER_BYTES, Header, Message};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};
use sensor_bytes::Reader;

/// Length prefix of a message over TCP (RFC 1035 §4.2.2).
const PREFIX_BYTES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Response,
}

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
            if !message.is_empty() && take(message, direction, transactions) == Taken::Full {
                return Step::Finished;
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
            Transport::Udp => match take(data, direction, transactions) {
                Taken::Read | Taken::Full => Step::More,
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
}

#[derive(PartialEq, Eq)]
enum Taken {
    Read,
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

fn take(bytes: &[u8], direction: Direction, transactions: &mut Transactions) -> Taken {
    let message = match Message::read(bytes) {
        Ok(message) => message,
        Err(_) => {
            if let Some(last) = transactions.last() {
                last.raise(events::MALFORMED_DATA);
            }
            return Taken::Read;
        }
    };
    let kind = if message.header.is_response() {
        Kind::Response
    } else {
        Kind::Request
    };
    let expected = if direction == Direction::ToServer {
        Kind::Request
    } else {
        Kind::Response
    };
    let oddities = message.oddities;
    let header = message.header;
    let Some(transaction) =
        transactions.begin(Body::Dns(Box::new(DnsTransaction { kind, message })))
    else {
        return Taken::Full;
    };
    transaction.only = Some(direction);
    for (odd, event) in [
        (
            kind != expected && direction == Direction::ToServer,
            events::NOT_REQUEST,
        ),
        (
            kind != expected && direction == Direction::ToClient,
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
    Taken::Read
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
            let mut state = State::new(Transport::Tcp);
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
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), tcp in any::<bool>()) {
            let mut state = State::new(if tcp { Transport::Tcp } else { Transport::Udp });
            let mut transactions = Transactions::default();
            state.chunk(Direction::ToClient, &bytes, &mut transactions, &CONTEXT, &Limits::default());
            for transaction in transactions.live() {
                if let Body::Dns(dns) = &transaction.body {
                    serde_json::to_string(&dns.record(0)).expect("a record serialises");
                }
            }
        }
    }

    #[test]
    fn after_a_gap_the_next_message_is_found() {
        let mut state = State::new(Transport::Tcp);
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
}
