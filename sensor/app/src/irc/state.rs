//! Lines → transactions.

use sensor_flow::Direction;

use super::wire::Message;
use crate::lines::Lines;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Longest line that is read: 512 bytes, and 8191 of tags (IRCv3).
pub const MAX_LINE_BYTES: usize = 8704;
/// The server agrees to STARTTLS.
const START_TLS: &[u8] = b"670";

/// One message of either side.
#[derive(Debug)]
pub struct IrcTransaction {
    line: Vec<u8>,
    pub from: Direction,
}

impl IrcTransaction {
    /// Lines are kept when they hold a message.
    pub fn message(&self) -> Option<Message<'_>> {
        Message::read(&self.line)
    }

    /// Numeric replies below 400 only inform, but for the welcome and a channel's topic.
    pub fn is_recorded(&self) -> bool {
        self.message().is_some_and(|message| match message.command {
            command if command.eq_ignore_ascii_case(b"PING") => false,
            command if command.eq_ignore_ascii_case(b"PONG") => false,
            b"001" | b"332" => true,
            command if message.is_numeric() => command[0] >= b'4',
            _ => true,
        })
    }
}

/// One connection.
#[derive(Debug)]
pub struct State {
    lines: [Lines; 2],
}

impl Default for State {
    fn default() -> Self {
        State {
            lines: [Lines::new(MAX_LINE_BYTES), Lines::new(MAX_LINE_BYTES)],
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
        let mut rest = data;
        while let Some(line) = self.lines[direction.index()].next(&mut rest) {
            let Some(message) = Message::read(&line.bytes) else {
                continue;
            };
            let upgrade = direction == Direction::ToClient && message.command == START_TLS;
            let begun = transactions.begin(Body::Irc(Box::new(IrcTransaction {
                line: line.bytes.to_vec(),
                from: direction,
            })));
            let Some(transaction) = begun else {
                return Step::Failed;
            };
            transaction.only = Some(direction);
            for side in Direction::BOTH {
                transaction.advance(side, Transaction::COMPLETE);
            }
            if upgrade {
                return Step::Change {
                    rest: rest.len(),
                    other: self.lines[0].take_held(),
                    port: None,
                    expect: Some(Protocol::Tls),
                };
            }
        }
        Step::More
    }

    /// The line that is cut is read from where it goes on, which is no message or a part of one.
    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        self.lines[direction.index()] = Lines::new(MAX_LINE_BYTES);
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::Transport;
    use crate::testing::{Piece, check_cuts, noise, run, run_owned};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const SESSION: &[Piece<'static>] = &[
        (
            ToServer,
            b"PASS secret\r\nNICK an\r\nUSER an 0 * :An Nguyen\r\n",
        ),
        (
            ToClient,
            b":irc.test 001 an :Welcome\r\n:irc.test 372 an :motd\r\n",
        ),
        (ToServer, b"JOIN #x\r\n"),
        (
            ToClient,
            b":an!an@h JOIN :#x\r\n:boss!b@h PRIVMSG #x :!run\xff it\r\n",
        ),
    ];

    #[test]
    fn messages_are_recorded() {
        let (records, _) = run(Protocol::Irc, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(
            records[..4],
            [
                r##"{"irc":{"command":"PASS","password_in_clear":true}}"##,
                r##"{"irc":{"command":"NICK","params":["an"]}}"##,
                r##"{"irc":{"command":"USER","params":["an","0","*","An Nguyen"]}}"##,
                r##"{"irc":{"prefix":"irc.test","command":"001","params":["an","Welcome"]}}"##,
            ]
        );
        assert_eq!(
            records[7],
            r##"{"irc":{"prefix":"boss!b@h","nick":"boss","command":"PRIVMSG","params":["#x","!run\\xff it"]}}"##
        );
        check_cuts(Protocol::Irc, SESSION);
    }

    #[test]
    fn tls_follows_starttls() {
        let pieces: &[Piece<'_>] = &[
            (ToServer, b"STARTTLS\r\n"),
            (ToClient, b":irc.test 670 * :STARTTLS successful\r\n"),
        ];
        let (_, step) = run(Protocol::Irc, Transport::Tcp, pieces, usize::MAX);
        assert!(matches!(
            step,
            Step::Change {
                expect: Some(Protocol::Tls),
                ..
            }
        ));
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Irc, Transport::Tcp, &pieces);
        }
    }
}
