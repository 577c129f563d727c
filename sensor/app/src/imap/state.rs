//! Chunks → commands with their replies.

use std::collections::VecDeque;

use sensor_flow::Direction;

use super::wire::{self, MAX_WORD_BYTES, MAX_WORDS, Reply};
use crate::lines::Lines;
use crate::parser::{Parser, Step};
use crate::smtp::coding::Base64;
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Longest line that is read.
pub const MAX_LINE_BYTES: usize = 8192;
/// Untagged lines kept of one command, and bytes of each.
pub const MAX_DATA_LINES: usize = 64;
pub const MAX_DATA_BYTES: usize = 512;
/// Commands that may wait for their replies at once.
pub const MAX_OPEN: usize = 128;

/// A command with its reply, or what the server said unasked.
#[derive(Debug, Default)]
pub struct ImapTransaction {
    pub request: Option<Request>,
    pub auth: Option<Auth>,
    pub response: Option<Response>,
    pub data: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub struct Request {
    pub tag: Vec<u8>,
    /// In upper case.
    pub command: String,
    /// Without passwords.
    pub arguments: Vec<Vec<u8>>,
}

/// Who logs in, and how.
#[derive(Debug)]
pub struct Auth {
    pub mechanism: String,
    pub user: Option<Vec<u8>>,
    /// The password can be read.
    pub clear: bool,
}

#[derive(Debug)]
pub struct Response {
    pub status: &'static str,
    pub code: Option<Vec<u8>>,
    pub text: Vec<u8>,
}

/// One side: lines, and the bytes between them.
#[derive(Debug)]
struct Side {
    lines: Lines,
    /// Bytes of a literal still to come.
    literal: u64,
    words: Vec<Vec<u8>>,
    /// The last of `words` is a literal that goes on.
    in_literal: bool,
    /// The next line goes on where a literal ended.
    continued: bool,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            lines: Lines::new(MAX_LINE_BYTES),
            literal: 0,
            words: Vec::new(),
            in_literal: false,
            continued: false,
        }
    }
}

/// What comes of a line.
enum Outcome {
    GoOn,
    Tls,
    /// The rest is compressed.
    Unreadable,
    /// Too many transactions are live.
    TooMany,
}

/// One connection.
#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    /// Commands without a reply yet, oldest first.
    open: VecDeque<u64>,
}

impl State {
    /// A whole command of the client.
    fn command(&mut self, transactions: &mut Transactions) -> Outcome {
        let mut words = std::mem::take(&mut self.sides[0].words).into_iter();
        if self.answers_challenge(words.as_slice(), transactions) {
            return Outcome::GoOn;
        }
        let (Some(tag), Some(command)) = (words.next(), words.next()) else {
            return Outcome::GoOn;
        };
        if !wire::is_tag(&tag) {
            return Outcome::GoOn;
        }
        let command = String::from_utf8_lossy(&command).to_ascii_uppercase();
        let mut arguments: Vec<Vec<u8>> = words.collect();
        let auth = match command.as_str() {
            "LOGIN" => {
                let clear = arguments.len() > 1;
                arguments.truncate(1);
                Some(Auth {
                    mechanism: "LOGIN".to_owned(),
                    user: arguments.first().cloned(),
                    clear,
                })
            }
            "AUTHENTICATE" => {
                let mechanism = arguments.first().map(|word| String::from_utf8_lossy(word));
                let mut auth = Auth {
                    mechanism: mechanism.unwrap_or_default().to_ascii_uppercase(),
                    user: None,
                    clear: false,
                };
                if let Some(first) = arguments.get(1) {
                    auth.answer(first);
                }
                arguments.truncate(1);
                Some(auth)
            }
            _ => None,
        };
        let begun = transactions.begin(Body::Imap(Box::new(ImapTransaction {
            request: Some(Request {
                tag,
                command,
                arguments,
            }),
            auth,
            ..ImapTransaction::default()
        })));
        let Some(transaction) = begun.filter(|_| self.open.len() < MAX_OPEN) else {
            return Outcome::TooMany;
        };
        self.open.push_back(transaction.id);
        Outcome::GoOn
    }

    /// A line that belongs to a command under way: SASL data, or the end of IDLE.
    fn answers_challenge(&self, words: &[Vec<u8>], transactions: &mut Transactions) -> bool {
        let Some(imap) = self.open.back().and_then(|id| body(transactions, *id)) else {
            return false;
        };
        let command = imap
            .request
            .as_ref()
            .map(|request| request.command.as_str());
        match (command, words) {
            (Some("AUTHENTICATE"), [word]) => {
                if let Some(auth) = &mut imap.auth {
                    auth.answer(word);
                }
                true
            }
            (Some("IDLE"), [word]) => word.eq_ignore_ascii_case(b"DONE"),
            (_, words) => words.is_empty(),
        }
    }

    /// A line of the server.
    fn reply(&mut self, line: &[u8], transactions: &mut Transactions) -> Outcome {
        match wire::reply(line) {
            Reply::Tagged { tag, end } => {
                let at = self.open.iter().position(|id| {
                    body(transactions, *id)
                        .and_then(|imap| imap.request.as_ref())
                        .is_some_and(|request| request.tag == tag)
                });
                let Some(id) = at.and_then(|at| self.open.remove(at)) else {
                    return Outcome::GoOn;
                };
                let Some(transaction) = transactions.with_id(id) else {
                    return Outcome::GoOn;
                };
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
                let Body::Imap(imap) = &mut transaction.body else {
                    return Outcome::GoOn;
                };
                imap.response = Some(Response::of(end));
                let command = imap
                    .request
                    .as_ref()
                    .map(|request| request.command.as_str());
                match (end.status, command) {
                    ("OK", Some("STARTTLS")) => Outcome::Tls,
                    ("OK", Some("COMPRESS")) => Outcome::Unreadable,
                    _ => Outcome::GoOn,
                }
            }
            Reply::Untagged { text, end } => {
                if let Some(imap) = self.open.front().and_then(|id| body(transactions, *id)) {
                    if imap.data.len() < MAX_DATA_LINES {
                        imap.data
                            .push(text[..text.len().min(MAX_DATA_BYTES)].to_vec());
                    }
                    return Outcome::GoOn;
                }
                let Some(end) = end else {
                    return Outcome::GoOn;
                };
                let begun = transactions.begin(Body::Imap(Box::new(ImapTransaction {
                    response: Some(Response::of(end)),
                    ..ImapTransaction::default()
                })));
                let Some(transaction) = begun else {
                    return Outcome::TooMany;
                };
                transaction.only = Some(Direction::ToClient);
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
                Outcome::GoOn
            }
            Reply::Continue(_) | Reply::Other => Outcome::GoOn,
        }
    }

    /// No reply comes to what is open.
    fn give_up_open(&mut self, transactions: &mut Transactions) {
        for id in self.open.drain(..) {
            if let Some(transaction) = transactions.with_id(id) {
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
            }
        }
    }

    /// Takes bytes of a literal off the front.
    fn literal<'a>(&mut self, direction: Direction, data: &'a [u8]) -> &'a [u8] {
        let side = &mut self.sides[direction.index()];
        let count = usize::try_from(side.literal).map_or(data.len(), |left| left.min(data.len()));
        let (bytes, rest) = data.split_at(count);
        side.literal -= count as u64;
        if side.in_literal
            && let Some(word) = side.words.last_mut()
        {
            let room = MAX_WORD_BYTES.saturating_sub(word.len());
            word.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if side.literal == 0 {
            side.in_literal = false;
            side.continued = true;
        }
        rest
    }
}

impl Response {
    fn of(end: wire::End<'_>) -> Response {
        Response {
            status: end.status,
            code: end.code.map(<[u8]>::to_vec),
            text: end.text.to_vec(),
        }
    }
}

impl Auth {
    /// Takes what the client answers to a challenge (RFC 4616; the older LOGIN asks for name and password).
    fn answer(&mut self, word: &[u8]) {
        let mut decoded = Vec::new();
        Base64::of(word, &mut decoded);
        match (self.mechanism.as_str(), &self.user) {
            ("PLAIN", None) => {
                let mut parts = decoded.split(|&byte| byte == 0).skip(1);
                self.user = parts.next().map(<[u8]>::to_vec);
                self.clear = parts.next().is_some();
            }
            ("LOGIN", None) => self.user = Some(decoded),
            ("LOGIN", Some(_)) => self.clear = true,
            _ => {}
        }
    }
}

fn body(transactions: &mut Transactions, id: u64) -> Option<&mut ImapTransaction> {
    match &mut transactions.with_id(id)?.body {
        Body::Imap(imap) => Some(imap),
        _ => None,
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
        let at = direction.index();
        let mut rest = data;
        while !rest.is_empty() {
            if self.sides[at].literal > 0 {
                rest = self.literal(direction, rest);
                continue;
            }
            let Some(line) = self.sides[at].lines.next(&mut rest) else {
                break;
            };
            let literal = wire::literal(&line.bytes).filter(|_| !line.cut);
            let side = &mut self.sides[at];
            let outcome = match direction {
                Direction::ToServer => {
                    wire::words(wire::without_literal(&line.bytes), &mut side.words);
                    if literal.is_some() && side.words.len() < MAX_WORDS {
                        side.words.push(Vec::new());
                        side.in_literal = true;
                    }
                    match literal {
                        Some(_) => Outcome::GoOn,
                        None => self.command(transactions),
                    }
                }
                // What follows a literal belongs to the line before.
                Direction::ToClient if std::mem::take(&mut side.continued) => Outcome::GoOn,
                Direction::ToClient => self.reply(&line.bytes, transactions),
            };
            if let Some(literal) = literal {
                let side = &mut self.sides[at];
                side.literal = literal.bytes;
                // An empty literal is over at once.
                side.in_literal &= literal.bytes > 0;
                side.continued = literal.bytes == 0;
            }
            match outcome {
                Outcome::GoOn => {}
                Outcome::TooMany => return Step::Failed,
                Outcome::Unreadable => return Step::Finished,
                Outcome::Tls => {
                    return Step::Change {
                        rest: rest.len(),
                        other: self.sides[0].lines.take_held(),
                        port: None,
                        expect: Some(Protocol::Tls),
                    };
                }
            }
        }
        Step::More
    }

    /// Lost bytes of a mail matter to nothing. Behind any others the next whole line is read on: tags tell which reply
    /// belongs to which command, and no reply is awaited any more that may be among what is lost.
    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let side = &mut self.sides[direction.index()];
        if side.literal >= bytes {
            side.literal -= bytes;
            side.continued |= side.literal == 0;
            return Step::More;
        }
        side.lines.lose();
        side.literal = 0;
        side.words = Vec::new();
        side.in_literal = false;
        side.continued = false;
        if direction == Direction::ToClient {
            self.give_up_open(transactions);
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
        if direction == Direction::ToClient {
            self.give_up_open(transactions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::Transport;
    use crate::testing::{Piece, check_cuts, noise, run, run_owned};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const SESSION: &[Piece<'static>] = &[
        (ToClient, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        (ToServer, b"a1 LOGIN {5}\r\n"),
        (ToClient, b"+ OK\r\n"),
        (ToServer, b"canbo \"MatKhau1\"\r\n"),
        (
            ToClient,
            b"* CAPABILITY IMAP4rev1 IDLE\r\na1 OK Logged in\r\n",
        ),
        (ToServer, b"a2 FETCH 1 BODY[]\r\n"),
        (
            ToClient,
            b"* 1 FETCH (BODY[] {13}\r\na9 OK not\r\nx)\r\n)\r\na2 OK done\r\n",
        ),
        (ToServer, b"a3 AUTHENTICATE PLAIN\r\n"),
        (ToClient, b"+ \r\n"),
        (ToServer, b"AGNhbmJvAHg=\r\n"),
        (ToClient, b"a3 NO [AUTHENTICATIONFAILED] no\r\n"),
        (ToServer, b"a4 IDLE\r\n"),
        (ToClient, b"+ idling\r\n"),
        (ToServer, b"DONE\r\n"),
        (ToClient, b"a4 OK\r\n"),
    ];

    #[test]
    fn commands_have_their_replies() {
        let (records, _) = run(Protocol::Imap, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"imap":{"response":{"status":"OK","code":"CAPABILITY IMAP4rev1","text":"ready"}}}"#,
                r#"{"imap":{"request":{"tag":"a1","command":"LOGIN","args":["canbo"]},"auth":{"mechanism":"LOGIN","user":"canbo","password_in_clear":true},"response":{"status":"OK","text":"Logged in"},"data":["CAPABILITY IMAP4rev1 IDLE"]}}"#,
                r#"{"imap":{"request":{"tag":"a2","command":"FETCH","args":["1","BODY[]"]},"response":{"status":"OK","text":"done"},"data":["1 FETCH (BODY[] {13}"]}}"#,
                r#"{"imap":{"request":{"tag":"a3","command":"AUTHENTICATE","args":["PLAIN"]},"auth":{"mechanism":"PLAIN","user":"canbo","password_in_clear":true},"response":{"status":"NO","code":"AUTHENTICATIONFAILED","text":"no"}}}"#,
                r#"{"imap":{"request":{"tag":"a4","command":"IDLE"},"response":{"status":"OK","text":""}}}"#,
            ]
        );
        check_cuts(Protocol::Imap, SESSION);
    }

    #[test]
    fn tls_follows_starttls() {
        let pieces: &[Piece<'_>] = &[(ToServer, b"a STARTTLS\r\n"), (ToClient, b"a OK go\r\n")];
        let (_, step) = run(Protocol::Imap, Transport::Tcp, pieces, usize::MAX);
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
            run_owned(Protocol::Imap, Transport::Tcp, &pieces);
        }
    }
}
