//! Chunks → commands with their replies.

use std::collections::VecDeque;

use sensor_flow::Direction;

use super::wire::Header;
use crate::lines::Lines;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Longest line, but for the bytes of a string.
pub const MAX_LINE_BYTES: usize = 4096;
/// Words kept of a command, and bytes of each.
pub const MAX_WORDS: usize = 16;
pub const MAX_WORD_BYTES: usize = 256;
/// Lists within one another.
pub const MAX_DEPTH: usize = 16;
/// Commands that may wait for their replies at once.
pub const MAX_OPEN: usize = 256;

/// A command with its reply.
#[derive(Debug, Default)]
pub struct RedisTransaction {
    /// In upper case.
    pub command: String,
    /// Without passwords.
    pub arguments: Vec<Vec<u8>>,
    /// All of them, also those that are not kept.
    pub argument_count: u64,
    pub user: Option<Vec<u8>>,
    /// A password was sent, for everyone to read.
    pub password: bool,
    pub reply: Option<Reply>,
}

/// The outermost value of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub kind: &'static str,
    /// Of scalars and strings, their beginning.
    pub text: Vec<u8>,
    /// Bytes of a string, values of a list.
    pub length: Option<u64>,
}

/// What a side says outermost, as far as it has.
#[derive(Debug)]
struct Value {
    reply: Reply,
    /// Scalars in it, the beginnings of the first few.
    words: Vec<Vec<u8>>,
    count: u64,
}

#[derive(Debug)]
struct Side {
    lines: Lines,
    /// Bytes of a string still to come; the two of its end are among them.
    bulk: u64,
    value: Option<Value>,
    /// Values still to come in each list that is open, the outermost first.
    open: Vec<u64>,
    /// Attributes are being passed over.
    attributes: bool,
}

impl Default for Side {
    fn default() -> Self {
        Side {
            lines: Lines::new(MAX_LINE_BYTES),
            bulk: 0,
            value: None,
            open: Vec::new(),
            attributes: false,
        }
    }
}

/// Bytes that are no RESP, or lists too deep.
struct Unreadable;

impl Side {
    /// Takes what is next off the front. A value, once it is whole.
    fn next(&mut self, data: &mut &[u8]) -> Result<Option<Value>, Unreadable> {
        while !data.is_empty() {
            if self.bulk > 0 {
                self.string(data);
                if self.bulk > 0 {
                    return Ok(None);
                }
                if let Some(value) = self.ended() {
                    return Ok(Some(value));
                }
                continue;
            }
            let Some(line) = self.lines.next(data) else {
                return Ok(None);
            };
            if self.value.is_none() && line.bytes.is_empty() {
                continue;
            }
            let header = match Header::read(&line.bytes) {
                Some(header) => header,
                // A line typed by hand.
                None if self.open.is_empty() && !self.attributes => {
                    return Ok(Some(Value::typed(&line.bytes)));
                }
                None => return Err(Unreadable),
            };
            if self.header(header)?
                && let Some(value) = self.ended()
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Whether the value that the line announces is whole already.
    fn header(&mut self, header: Header<'_>) -> Result<bool, Unreadable> {
        let (kind, text, length) = match header {
            Header::Scalar { kind, text } => (kind, text, None),
            Header::Null => ("null", &b""[..], None),
            Header::Bulk { kind, bytes } => (kind, &b""[..], Some(bytes)),
            Header::Aggregate { kind, values } => (kind, &b""[..], Some(values)),
            Header::Attributes { values: 0 } => return Ok(false),
            Header::Attributes { values } => {
                self.attributes |= self.value.is_none();
                // They come on top of what the list around them announced.
                if let Some(left) = self.open.last_mut() {
                    *left = left.saturating_add(1);
                }
                return self.list(values).map(|()| false);
            }
        };
        let is_list = matches!(header, Header::Aggregate { .. });
        let value = self.value.get_or_insert_with(|| Value {
            reply: Reply {
                kind,
                text: text[..text.len().min(MAX_WORD_BYTES)].to_vec(),
                length,
            },
            words: Vec::new(),
            count: 0,
        });
        if !is_list {
            value.count += 1;
            if value.words.len() < MAX_WORDS {
                value
                    .words
                    .push(text[..text.len().min(MAX_WORD_BYTES)].to_vec());
            }
        }
        match header {
            Header::Bulk { bytes, .. } => {
                self.bulk = bytes.saturating_add(2);
                Ok(false)
            }
            Header::Aggregate { values: 0, .. } => Ok(true),
            Header::Aggregate { values, .. } => self.list(values).map(|()| false),
            _ => Ok(true),
        }
    }

    fn list(&mut self, values: u64) -> Result<(), Unreadable> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Unreadable);
        }
        if values > 0 {
            self.open.push(values);
        }
        Ok(())
    }

    /// Bytes of a string.
    fn string(&mut self, data: &mut &[u8]) {
        let count = usize::try_from(self.bulk).map_or(data.len(), |left| left.min(data.len()));
        let (bytes, rest) = data.split_at(count);
        *data = rest;
        // All but the end of the line.
        let content = usize::try_from(self.bulk.saturating_sub(2)).unwrap_or(usize::MAX);
        let content = &bytes[..bytes.len().min(content)];
        self.bulk -= count as u64;
        let Some(value) = &mut self.value else { return };
        let keep = |word: &mut Vec<u8>| {
            let room = MAX_WORD_BYTES.saturating_sub(word.len());
            word.extend_from_slice(&content[..content.len().min(room)]);
        };
        if self.open.is_empty() {
            keep(&mut value.reply.text);
        } else if value.count as usize <= MAX_WORDS
            && let Some(word) = value.words.last_mut()
        {
            keep(word);
        }
    }

    /// One value is whole, and with it perhaps the lists around it.
    fn ended(&mut self) -> Option<Value> {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return None;
            }
            self.open.pop();
        }
        if std::mem::take(&mut self.attributes) {
            self.value = None;
            return None;
        }
        self.value.take()
    }
}

impl Value {
    fn typed(line: &[u8]) -> Value {
        let words: Vec<Vec<u8>> = line
            .split(|&byte| byte == b' ')
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .map(|word| word[..word.len().min(MAX_WORD_BYTES)].to_vec())
            .collect();
        Value {
            count: words.len() as u64,
            words,
            reply: Reply {
                kind: "inline",
                text: Vec::new(),
                length: None,
            },
        }
    }
}

/// One connection.
#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    /// Commands without a reply yet, oldest first.
    waiting: VecDeque<u64>,
}

impl State {
    fn command(&mut self, value: Value, transactions: &mut Transactions) -> Step {
        let count = value.count;
        let mut words = value.words.into_iter();
        let Some(name) = words.next() else {
            return Step::More;
        };
        let mut redis = RedisTransaction {
            command: String::from_utf8_lossy(&name).to_ascii_uppercase(),
            arguments: words.collect(),
            argument_count: count.saturating_sub(1),
            ..RedisTransaction::default()
        };
        redis.hide_password();
        let begun = transactions.begin(Body::Redis(Box::new(redis)));
        let Some(transaction) = begun.filter(|_| self.waiting.len() < MAX_OPEN) else {
            return Step::Failed;
        };
        transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        self.waiting.push_back(transaction.id);
        Step::More
    }

    fn reply(&mut self, value: Value, transactions: &mut Transactions) {
        if value.reply.kind == "push" {
            return;
        }
        let waiting = self.waiting.pop_front();
        if let Some(transaction) = waiting.and_then(|id| transactions.with_id(id)) {
            if let Body::Redis(redis) = &mut transaction.body {
                redis.reply = Some(value.reply);
            }
            transaction.advance(Direction::ToClient, Transaction::COMPLETE);
        }
    }
}

impl RedisTransaction {
    /// Takes passwords away: `AUTH [user] password`, `HELLO 3 AUTH user password`, `CONFIG SET requirepass …`.
    fn hide_password(&mut self) {
        let is = |word: Option<&Vec<u8>>, name: &str| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
        };
        let arguments = &self.arguments;
        let at = match self.command.as_str() {
            "AUTH" => Some(0),
            "HELLO" => arguments
                .iter()
                .position(|word| is(Some(word), "AUTH"))
                .map(|at| at + 1),
            "CONFIG" if is(arguments.first(), "SET") => {
                let secret = ["requirepass", "masterauth"];
                if secret.iter().any(|name| is(arguments.get(1), name)) {
                    self.password = arguments.len() > 2;
                    self.arguments.truncate(2);
                }
                return;
            }
            _ => None,
        };
        let Some(at) = at else { return };
        if let [user, _password] = arguments.get(at..at + 2).unwrap_or_default() {
            self.user = Some(user.clone());
        }
        self.password = arguments.len() > at;
        self.arguments.truncate(at);
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
        loop {
            match (self.sides[direction.index()].next(&mut rest), direction) {
                (Err(Unreadable), _) => return Step::Failed,
                (Ok(None), _) => return Step::More,
                (Ok(Some(value)), Direction::ToServer) => {
                    let step = self.command(value, transactions);
                    if step != Step::More {
                        return step;
                    }
                }
                (Ok(Some(value)), Direction::ToClient) => self.reply(value, transactions),
            }
        }
    }

    /// Lost bytes of a string matter to nothing; any others leave replies without their commands.
    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let side = &mut self.sides[direction.index()];
        if side.bulk <= bytes {
            return Step::Failed;
        }
        side.bulk -= bytes;
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
            for id in self.waiting.drain(..) {
                if let Some(transaction) = transactions.with_id(id) {
                    transaction.advance(direction, Transaction::COMPLETE);
                }
            }
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

    const SESSION: &[Piece<'static>] = &[
        (ToServer, b"*2\r\n$4\r\nauth\r\n$6\r\nsecret\r\n"),
        (ToClient, b"+OK\r\n"),
        (
            ToServer,
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n*1\r\nPING x\r\n",
        ),
        (ToClient, b"+OK\r\n$1\r\nx\r\n"),
        (ToServer, b"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n"),
        (ToClient, b"*2\r\n*1\r\n$1\r\na\r\n:5\r\n"),
        (
            ToServer,
            b"*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n",
        ),
        (ToClient, b">1\r\n+moved\r\n|1\r\n+a\r\n+b\r\n-ERR no\r\n"),
    ];

    #[test]
    fn commands_have_their_replies() {
        let (records, step) = run(Protocol::Redis, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(step, Step::More);
        assert_eq!(
            records,
            [
                r#"{"redis":{"command":"AUTH","argument_count":1,"password_in_clear":true,"reply":{"type":"string","text":"OK"}}}"#,
                r#"{"redis":{"command":"SET","args":["k","\r\n*1"],"argument_count":2,"reply":{"type":"string","text":"OK"}}}"#,
                r#"{"redis":{"command":"PING","args":["x"],"argument_count":1,"reply":{"type":"bulk","length":1,"text":"x"}}}"#,
                r#"{"redis":{"command":"KEYS","args":["*"],"argument_count":1,"reply":{"type":"array","length":2}}}"#,
                r#"{"redis":{"command":"HELLO","args":["3","AUTH"],"argument_count":3,"password_in_clear":true,"reply":{"type":"error","text":"ERR no"}}}"#,
            ]
        );
        check_cuts(Protocol::Redis, SESSION);
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Redis, Transport::Tcp, &pieces);
        }
    }
}
