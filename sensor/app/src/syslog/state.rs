//! Datagrams, lines and counted messages → transactions.

use sensor_flow::Direction;

use super::wire::{self, Message};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes kept of a message (RFC 5424 §6.1 asks for 2048).
pub const MAX_MESSAGE_BYTES: usize = 8192;

/// One message, as it was sent.
#[derive(Debug)]
pub struct SyslogTransaction {
    bytes: Vec<u8>,
}

impl SyslogTransaction {
    pub fn message(&self) -> Message<'_> {
        Message::read(&self.bytes).unwrap_or_default()
    }
}

/// One flow.
#[derive(Debug)]
pub struct State {
    transport: Transport,
    held: Vec<u8>,
    /// Bytes of a counted message still to come; none between messages, and in one that ends with its line.
    counted: Option<u64>,
    /// What is left of this line belongs to no message that is known.
    lost: bool,
}

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            held: Vec::new(),
            counted: None,
            lost: false,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_MESSAGE_BYTES.saturating_sub(self.held.len());
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, transactions: &mut Transactions) -> Step {
        let bytes = std::mem::take(&mut self.held);
        match std::mem::take(&mut self.lost) {
            true => Step::More,
            false => message(bytes, transactions),
        }
    }

    /// Takes one byte that begins or goes on with a message.
    fn push(&mut self, byte: u8, transactions: &mut Transactions) -> Step {
        match byte {
            b'\n' | 0 => return self.end(transactions),
            b' ' if self.held.iter().all(u8::is_ascii_digit) => {
                self.held.push(byte);
                if let Some((_, length)) = wire::count(&self.held) {
                    self.held.clear();
                    self.counted = Some(length).filter(|length| *length > 0);
                }
            }
            byte => self.keep(&[byte]),
        }
        Step::More
    }
}

fn message(bytes: Vec<u8>, transactions: &mut Transactions) -> Step {
    if wire::priority(&bytes).is_none() {
        return Step::More;
    }
    let begun = transactions.begin(Body::Syslog(Box::new(SyslogTransaction { bytes })));
    let Some(transaction) = begun else {
        return Step::Failed;
    };
    transaction.only = Some(Direction::ToServer);
    for side in Direction::BOTH {
        transaction.advance(side, Transaction::COMPLETE);
    }
    Step::More
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
        if direction == Direction::ToClient {
            return Step::More;
        }
        if self.transport == Transport::Udp {
            return message(
                data[..data.len().min(MAX_MESSAGE_BYTES)].to_vec(),
                transactions,
            );
        }
        let mut rest = data;
        while let Some((&byte, after)) = rest.split_first() {
            let step = match self.counted {
                Some(left) => {
                    let count =
                        usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    let (bytes, after) = rest.split_at(count);
                    rest = after;
                    self.keep(bytes);
                    self.counted = Some(left - count as u64).filter(|left| *left > 0);
                    match self.counted {
                        Some(_) => Step::More,
                        None => self.end(transactions),
                    }
                }
                None => {
                    rest = after;
                    self.push(byte, transactions)
                }
            };
            if step != Step::More {
                return step;
            }
        }
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if direction == Direction::ToServer {
            self.held.clear();
            match self.counted {
                Some(left) if left > bytes => self.counted = Some(left - bytes),
                _ => self.counted = None,
            }
            self.lost = true;
        }
        Step::More
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) {
        if direction == Direction::ToServer && !self.held.is_empty() && self.counted.is_none() {
            self.end(transactions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;
    use crate::testing::{Piece, check_cuts, noise, run, run_owned};
    use Direction::ToServer;
    use proptest::prelude::*;

    const SESSION: &[Piece<'static>] = &[
        (ToServer, b"<34>Oct 11 22:14:15 h su: one\n"),
        (ToServer, b"23 <13>1 - h a - - - a\nb c<13>two\n"),
        (ToServer, b"junk\n<14>three: x"),
    ];

    #[test]
    fn messages_are_counted_or_lines() {
        let (records, _) = run(Protocol::Syslog, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"syslog":{"facility":"auth","severity":"critical","timestamp":"Oct 11 22:14:15","hostname":"h","app_name":"su","message":"one"}}"#,
                r#"{"syslog":{"facility":"user","severity":"notice","version":1,"hostname":"h","app_name":"a","message":"a\nb c"}}"#,
                r#"{"syslog":{"facility":"user","severity":"notice","message":"two"}}"#,
                r#"{"syslog":{"facility":"user","severity":"info","app_name":"three","message":"x"}}"#,
            ]
        );
        check_cuts(Protocol::Syslog, SESSION);
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Syslog, Transport::Tcp, &pieces);
            run_owned(Protocol::Syslog, Transport::Udp, &pieces);
        }
    }
}
