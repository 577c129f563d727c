//! Chunks → one transaction a connection, then whatever is said through the proxy.

use sensor_bytes::Reader;
use sensor_flow::Direction;

use super::wire::{self, Command, Method, Place};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes of one side that wait: no message is longer, but a client may speak before it is connected.
pub const MAX_HELD_BYTES: usize = 4096;

/// A client's request with what leads to it.
#[derive(Debug, Default)]
pub struct SocksTransaction {
    pub version: u8,
    /// Those that the client offers, and the one that is taken.
    pub methods: Vec<Method>,
    pub method: Option<Method>,
    pub user: Option<Vec<u8>>,
    /// A password was sent, for everyone to read.
    pub password: bool,
    pub authenticated: Option<bool>,
    pub command: Option<Command>,
    pub destination: Option<Place>,
    pub reply: Option<u8>,
    pub bound: Option<Place>,
}

/// What comes next, of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Of the client.
    Hello,
    /// Of the proxy, and so on in turns.
    Choice,
    Password,
    PasswordReply,
    Request,
    Reply,
    Over,
}

/// One connection.
#[derive(Debug)]
pub struct State {
    stage: Stage,
    held: [Vec<u8>; 2],
    id: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        State {
            stage: Stage::Hello,
            held: Default::default(),
            id: None,
        }
    }
}

/// What a message leads to.
enum Next {
    Stage(Stage),
    /// The proxy is a wire to that port from here.
    Through(u16),
    /// Nothing follows that is of use.
    Over,
    Malformed,
    /// Too many transactions are live.
    TooMany,
}

impl Stage {
    /// Whose message it waits for.
    fn speaker(self) -> Option<Direction> {
        match self {
            Stage::Hello | Stage::Password | Stage::Request => Some(Direction::ToServer),
            Stage::Choice | Stage::PasswordReply | Stage::Reply => Some(Direction::ToClient),
            Stage::Over => None,
        }
    }
}

impl State {
    /// Reads the message that the stage waits for. `None` when it is not whole yet.
    fn message(
        &mut self,
        reader: &mut Reader<'_>,
        transactions: &mut Transactions,
    ) -> Option<Next> {
        let socks = match self.id.and_then(|id| transactions.with_id(id)) {
            Some(transaction) => transaction,
            None if self.stage == Stage::Hello => {
                // Nothing begins before its first message is whole.
                let mut ahead = Reader::new(reader.rest());
                match reader.rest().first() {
                    Some(4) => wire::request4(&mut ahead).map(|_| ()).ok()?,
                    _ => wire::methods(&mut ahead).map(|_| ()).ok()?,
                }
                let Some(begun) = transactions.begin(Body::Socks(Box::default())) else {
                    return Some(Next::TooMany);
                };
                self.id = Some(begun.id);
                begun
            }
            None => return Some(Next::Over),
        };
        let Body::Socks(socks) = &mut socks.body else {
            return Some(Next::Over);
        };
        Some(match self.stage {
            Stage::Hello => match reader.rest().first() {
                Some(4) => match wire::request4(reader).ok()? {
                    Some(request) => {
                        socks.version = 4;
                        socks.command = Some(request.command);
                        socks.user = Some(request.user).filter(|user| !user.is_empty());
                        socks.destination = Some(request.place);
                        Next::Stage(Stage::Reply)
                    }
                    None => Next::Malformed,
                },
                Some(5) => {
                    let offered = wire::methods(reader).ok()?;
                    socks.version = 5;
                    socks.methods = offered.iter().map(|method| Method(*method)).collect();
                    Next::Stage(Stage::Choice)
                }
                _ => Next::Malformed,
            },
            Stage::Choice => {
                let [_, method] = reader.array::<2>().ok()?;
                let method = Method(method);
                socks.method = Some(method);
                match method {
                    Method::NONE => Next::Stage(Stage::Request),
                    Method::PASSWORD => Next::Stage(Stage::Password),
                    _ => Next::Over,
                }
            }
            Stage::Password => {
                socks.user = Some(wire::password(reader).ok()?.to_vec());
                socks.password = true;
                Next::Stage(Stage::PasswordReply)
            }
            Stage::PasswordReply => {
                let [_, status] = reader.array::<2>().ok()?;
                socks.authenticated = Some(status == 0);
                match status {
                    0 => Next::Stage(Stage::Request),
                    _ => Next::Over,
                }
            }
            Stage::Request => match wire::message5(reader).ok()? {
                Some((command, place)) => {
                    socks.command = Some(Command(command));
                    socks.destination = Some(place);
                    Next::Stage(Stage::Reply)
                }
                None => Next::Malformed,
            },
            Stage::Reply => {
                let (number, place) = match socks.version {
                    4 => wire::reply4(reader).ok()?,
                    _ => match wire::message5(reader).ok()? {
                        Some(reply) => reply,
                        None => return Some(Next::Malformed),
                    },
                };
                socks.reply = Some(number);
                socks.bound = Some(place);
                let succeeded = wire::reply_name(socks.version, number) == "succeeded";
                match (&socks.destination, socks.command) {
                    (Some(destination), Some(Command::CONNECT)) if succeeded => {
                        Next::Through(destination.port)
                    }
                    _ => Next::Over,
                }
            }
            Stage::Over => Next::Over,
        })
    }

    fn end(&mut self, transactions: &mut Transactions) {
        self.stage = Stage::Over;
        if let Some(transaction) = self.id.and_then(|id| transactions.with_id(id)) {
            for side in Direction::BOTH {
                transaction.advance(side, Transaction::COMPLETE);
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
        if self.stage == Stage::Over {
            return Step::Finished;
        }
        let held = &mut self.held[direction.index()];
        if held.len() + data.len() > MAX_HELD_BYTES && self.stage.speaker() == Some(direction) {
            return Step::Failed;
        }
        let room = MAX_HELD_BYTES.saturating_sub(held.len());
        held.extend_from_slice(&data[..data.len().min(room)]);
        while let Some(speaker) = self.stage.speaker() {
            let held = std::mem::take(&mut self.held[speaker.index()]);
            if held.is_empty() {
                return Step::More;
            }
            let mut reader = Reader::new(&held);
            let next = self.message(&mut reader, transactions);
            self.held[speaker.index()] = match next {
                Some(_) => reader.rest().to_vec(),
                None => held,
            };
            match next {
                None => return Step::More,
                Some(Next::Stage(stage)) => self.stage = stage,
                Some(Next::Malformed | Next::TooMany) => return Step::Failed,
                Some(Next::Over) => {
                    self.end(transactions);
                    return Step::Finished;
                }
                Some(Next::Through(port)) => {
                    self.end(transactions);
                    let mut held = std::mem::take(&mut self.held);
                    let other = std::mem::take(&mut held[direction.opposite().index()]);
                    return Step::Change {
                        rest: held[direction.index()].len().min(data.len()),
                        other,
                        port: Some(port),
                        expect: None,
                    };
                }
            }
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        match self.stage {
            Stage::Over => Step::More,
            _ => Step::Failed,
        }
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) {
        if direction == Direction::ToClient {
            self.end(transactions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;
    use crate::parser::Transport;
    use crate::testing::{Piece, check_cuts, noise, run, run_owned};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const FIVE: &[Piece<'static>] = &[
        (ToServer, b"\x05\x02\x00\x02"),
        (ToClient, b"\x05\x02"),
        (ToServer, b"\x01\x02an\x03xyz"),
        (ToClient, b"\x01\x00"),
        (ToServer, b"\x05\x01\x00\x03\x06a.test\x00\x50"),
        (ToClient, b"\x05\x00\x00\x01\x0a\x00\x00\x01\x12\x34"),
    ];
    const FOUR: &[Piece<'static>] = &[
        (ToServer, b"\x04\x01\x00\x50\xc0\xa8\x00\x01an\0"),
        (ToClient, b"\x00\x5b\x00\x00\x00\x00\x00\x00"),
    ];

    #[test]
    fn requests_have_their_replies() {
        let (records, step) = run(Protocol::Socks, Transport::Tcp, FIVE, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"socks":{"version":5,"methods":["none","password"],"method":"password","user":"an","password_in_clear":true,"authenticated":true,"command":"connect","destination":{"name":"a.test","port":80},"reply":"succeeded","bound":{"ip":"10.0.0.1","port":4660}}}"#
            ]
        );
        assert!(matches!(step, Step::Change { port: Some(80), .. }));
        check_cuts(Protocol::Socks, FIVE);
        let (records, step) = run(Protocol::Socks, Transport::Tcp, FOUR, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"socks":{"version":4,"user":"an","command":"connect","destination":{"ip":"192.168.0.1","port":80},"reply":"rejected","bound":{"ip":"0.0.0.0","port":0}}}"#
            ]
        );
        assert_eq!(step, Step::Finished);
        check_cuts(Protocol::Socks, FOUR);
    }

    #[test]
    fn what_comes_early_is_handed_on() {
        let mut pieces = FIVE.to_vec();
        pieces.insert(5, (ToServer, b"GET / HTTP/1.1\r\n"));
        pieces[6].1 = b"\x05\x00\x00\x01\x0a\x00\x00\x01\x12\x34early";
        let (_, step) = run(Protocol::Socks, Transport::Tcp, &pieces, usize::MAX);
        assert_eq!(
            step,
            Step::Change {
                rest: 5,
                other: b"GET / HTTP/1.1\r\n".to_vec(),
                port: Some(80),
                expect: None
            }
        );
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(FIVE), more in noise(FOUR)) {
            run_owned(Protocol::Socks, Transport::Tcp, &pieces);
            run_owned(Protocol::Socks, Transport::Tcp, &more);
        }
    }
}
