//! Messages → transactions: each message is one of its own, of the side that sent it.
//!
//! The side that began asks, the other one answers: what goes against that is invalid, as it is for
//! compatible sensors, though SIP lets both sides ask.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::wire::{Message, find};
use super::{INCOMPLETE_DATA, INVALID_DATA, event};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes of a message up to its empty line.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a body that are looked at; those behind are passed over.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How a head ends.
const HEAD_END: &[u8] = b"\r\n\r\n";

#[derive(Debug)]
pub struct SipTransaction {
    pub message: Message,
}

impl SipTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Sip(Box::new(event::record(self)))
    }
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    /// Bytes of `held` that are known not to hold the end of a head.
    searched: usize,
    /// Bytes of a body still to be passed over.
    skip: u64,
}

#[derive(Debug)]
pub struct State {
    transport: Transport,
    sides: [Side; 2],
}

/// Why a stream cannot be read on.
enum Stop {
    /// Bytes that are no message, or a head without end.
    Invalid,
    /// Too many transactions are live.
    Full,
}

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            sides: Default::default(),
        }
    }

    fn datagram(data: &[u8], direction: Direction, transactions: &mut Transactions) -> Step {
        // Empty lines keep the address translation alive (RFC 5626 §3.5.1).
        if data.iter().all(u8::is_ascii_whitespace) {
            return Step::More;
        }
        let length = Some(data.len() as u64);
        transactions
            .frames
            .add(direction, "pdu", data.len(), length);
        let event = match find(data, HEAD_END) {
            None => INCOMPLETE_DATA,
            Some(end) => {
                let (head, body) = data.split_at(end + HEAD_END.len());
                match Message::read(head) {
                    Ok(mut message) if message.sent_by() == direction => {
                        message.read_body(body);
                        if let Some(id) = begin(message, direction, transactions) {
                            announce(direction, data, end, data.len(), id, transactions);
                        }
                        return Step::More;
                    }
                    _ => INVALID_DATA,
                }
            }
        };
        if let Some(last) = transactions.last() {
            last.raise(event);
        }
        Step::Failed
    }
}

impl Side {
    /// Takes whole messages from what is held.
    fn messages(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
    ) -> Result<(), Stop> {
        let mut at = 0;
        let stopped = loop {
            let skipped = self.skip.min((self.held.len() - at) as u64);
            self.skip -= skipped;
            at += skipped as usize;
            let rest = &self.held[at..];
            // Empty lines between messages (RFC 5626 §3.5.1).
            if rest.starts_with(b"\r\n") {
                at += 2;
                self.searched = 0;
                continue;
            }
            let frame = (!rest.is_empty()).then(|| {
                let frames = &mut transactions.frames;
                let open = frames.open(direction, "pdu");
                open.or_else(|| frames.add(direction, "pdu", rest.len(), None))
            });
            let from = self.searched.min(rest.len());
            let Some(end) = find(&rest[from..], HEAD_END).map(|end| from + end + HEAD_END.len())
            else {
                self.searched = rest.len().saturating_sub(HEAD_END.len() - 1);
                break if rest.len() > MAX_HEAD_BYTES {
                    Err(Stop::Invalid)
                } else {
                    Ok(())
                };
            };
            let (head, body) = rest.split_at(end);
            let mut message = match Message::read(head) {
                Ok(message) if message.sent_by() == direction => message,
                _ => break Err(Stop::Invalid),
            };
            let body_bytes = match message.content_length() {
                Some(length) => {
                    let looked_at = length.min(MAX_BODY_BYTES as u64) as usize;
                    let Some(body) = body.get(..looked_at) else {
                        self.searched = end - HEAD_END.len();
                        break Ok(());
                    };
                    message.read_body(body);
                    self.skip = length - looked_at as u64;
                    looked_at
                }
                None => message.read_body(body),
            };
            at += end + body_bytes;
            self.searched = 0;
            let Some(id) = begin(message, direction, transactions) else {
                break Err(Stop::Full);
            };
            let frame = frame.flatten();
            let left = self.held.len() - at;
            transactions.frames.end(direction, frame, left);
            transactions.assign_frame(direction, frame, id);
            let message_bytes = end + body_bytes;
            announce(
                direction,
                rest,
                end - HEAD_END.len(),
                message_bytes,
                id,
                transactions,
            );
        };
        self.held.drain(..at);
        stopped
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
        if self.transport == Transport::Udp {
            return Self::datagram(data, direction, transactions);
        }
        let side = &mut self.sides[direction.index()];
        side.held.extend_from_slice(data);
        match side.messages(direction, transactions) {
            Ok(()) => Step::More,
            Err(stop) => {
                if let (Stop::Invalid, Some(last)) = (stop, transactions.last()) {
                    last.raise(INVALID_DATA);
                }
                Step::Failed
            }
        }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::Failed
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()] = Side::default();
    }
}

/// Announces the parts of a message at the start of `bytes`, which reach to the end of what has arrived; its
/// head ends at `head_end`, with an empty line behind.
fn announce(
    direction: Direction,
    bytes: &[u8],
    head_end: usize,
    message_bytes: usize,
    id: u64,
    transactions: &mut Transactions,
) {
    let (line, headers, body) = match direction {
        Direction::ToServer => ("request.line", "request.headers", "request.body"),
        Direction::ToClient => ("response.line", "response.headers", "response.body"),
    };
    // The last field's line end is the first half of HEAD_END.
    let head_end = head_end + HEAD_END.len() / 2;
    let body_at = head_end + HEAD_END.len() / 2;
    let line_bytes = find(bytes, b"\r\n").map_or(head_end, |end| end + 2);
    for (name, from, to) in [
        (line, 0, line_bytes),
        (headers, line_bytes, head_end),
        (body, body_at, message_bytes),
    ] {
        if name == body && to <= from {
            continue;
        }
        let length = Some(to.saturating_sub(from) as u64);
        let rest = bytes.len().saturating_sub(from);
        let frame = transactions.frames.add(direction, name, rest, length);
        transactions.assign_frame(direction, frame, id);
    }
}

fn begin(message: Message, direction: Direction, transactions: &mut Transactions) -> Option<u64> {
    let body = Body::Sip(Box::new(SipTransaction { message }));
    let transaction = transactions.begin(body)?;
    transaction.only = Some(direction);
    for side in Direction::BOTH {
        transaction.advance(side, Transaction::COMPLETE);
    }
    Some(transaction.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 5060,
        client_port: 5060,
    };
    const INVITE: &[u8] = b"INVITE sip:b SIP/2.0\r\nContent-Length: 24\r\n\r\n\
        v=0\r\no=x 1\r\ns=y\r\nt=0 0\r\n\r\n\r\n";
    const ACK: &[u8] = b"ACK sip:b SIP/2.0\r\nl: 0\r\n\r\n";

    fn run(transport: Transport, pieces: &[&[u8]]) -> (Vec<(String, bool, Vec<u16>)>, Step) {
        let mut state = State::new(transport);
        let mut transactions = Transactions::default();
        let mut step = Step::More;
        for piece in pieces {
            step = state.chunk(
                Direction::ToServer,
                piece,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        let found = transactions
            .live()
            .iter()
            .map(|transaction| match &transaction.body {
                Body::Sip(sip) => (
                    String::from_utf8_lossy(sip.message.bytes(&sip.message.line)).into_owned(),
                    sip.message.description.is_some(),
                    transaction.events.clone(),
                ),
                _ => Default::default(),
            })
            .collect();
        (found, step)
    }

    #[test]
    fn messages_follow_each_other() {
        let invite = ("INVITE sip:b SIP/2.0".to_owned(), true, vec![]);
        let ack = ("ACK sip:b SIP/2.0".to_owned(), false, vec![]);
        let (found, _) = run(Transport::Tcp, &[INVITE, b"\r\n\r\n", ACK]);
        assert_eq!(found, [invite.clone(), ack]);
        let (found, step) = run(Transport::Tcp, &[INVITE, b"nonsense\r\n\r\n"]);
        assert_eq!(step, Step::Failed);
        assert_eq!(found[0].2, [INVALID_DATA]);
        let (found, step) = run(Transport::Udp, &[INVITE, b"nonsense", b"\r\n\r\n", INVITE]);
        // The last datagram is sound.
        assert_eq!(step, Step::More);
        assert_eq!(found[0].2, [INCOMPLETE_DATA]);
        assert_eq!(found[1], invite);
    }

    #[test]
    fn a_head_has_a_limit() {
        let line = [b'x'; 1000];
        let pieces: Vec<&[u8]> = (0..70).map(|_| &line[..]).collect();
        assert_eq!(run(Transport::Tcp, &pieces).1, Step::Failed);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..20, 1..20)) {
            let stream = [INVITE, ACK, INVITE].concat();
            let mut pieces = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(run(Transport::Tcp, &pieces).0, run(Transport::Tcp, &[&stream]).0);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            run(Transport::Tcp, &[&bytes]);
            run(Transport::Udp, &[&bytes]);
        }
    }
}
