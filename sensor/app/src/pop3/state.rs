//! Chunks → commands with their replies.

use sensor_event::{AppRecord, Pop3, Pop3Request, Pop3Response, Text};
use sensor_flow::Direction;

use super::events;
use super::wire::{self, Brings, Command};
use crate::lines::{Line, Lines};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Longest line that is read.
pub const MAX_LINE_BYTES: usize = 4096;
/// Lines kept of one reply.
pub const MAX_REPLY_LINES: usize = 1024;
/// RFC 2449 §4, with the line's end.
const LONG_REQUEST_BYTES: usize = 255;
const LONG_RESPONSE_BYTES: usize = 512;

/// A command with its reply; the server's greeting answers no command.
#[derive(Debug, Default)]
pub struct Pop3Transaction {
    pub request: Option<Command>,
    pub response: Option<Response>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub good: bool,
    pub header: Vec<u8>,
    pub lines: Vec<Vec<u8>>,
}

impl Pop3Transaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Pop3(Box::new(Pop3 {
            request: self.request.as_ref().map(|request| Pop3Request {
                command: &request.name,
                args: request.arguments.iter().map(|word| Text(word)).collect(),
            }),
            response: self.response.as_ref().map(|response| Pop3Response {
                success: response.good,
                status: if response.good { "OK" } else { "ERR" },
                header: Text(&response.header),
                data: response.lines.iter().map(|line| Text(line)).collect(),
            }),
        }))
    }
}

/// One connection.
#[derive(Debug)]
pub struct State {
    lines: [Lines; 2],
    /// The client's next line answers a challenge.
    challenged: bool,
    /// The transaction whose reply goes on, and what the lines are.
    open: Option<(u64, Brings)>,
}

impl Default for State {
    fn default() -> Self {
        State {
            lines: [Lines::new(MAX_LINE_BYTES), Lines::new(MAX_LINE_BYTES)],
            challenged: false,
            open: None,
        }
    }
}

/// More transactions are open than one flow may have.
struct TooMany;

impl State {
    fn command(&mut self, line: &Line<'_>, transactions: &mut Transactions) -> Result<(), TooMany> {
        let command = if std::mem::take(&mut self.challenged) {
            Command::secret()
        } else {
            Command::read(&line.bytes)
        };
        let odd = [
            (
                line.cut || line.bytes.len() + line.end_bytes > LONG_REQUEST_BYTES,
                events::REQUEST_TOO_LONG,
            ),
            (command.miscounted, events::INCORRECT_ARGUMENT_COUNT),
            (!command.known, events::UNKNOWN_COMMAND),
        ];
        let transaction = begin(
            Pop3Transaction {
                request: Some(command),
                response: None,
            },
            transactions,
        )?;
        transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        for (odd, event) in odd {
            if odd {
                transaction.raise(event);
            }
        }
        Ok(())
    }

    /// A line of the server. True when the flow goes on as TLS.
    fn reply(&mut self, line: &Line<'_>, transactions: &mut Transactions) -> Result<bool, TooMany> {
        if let Some((id, brings)) = self.open {
            let over = &*line.bytes == b".";
            if over {
                self.open = None;
            }
            if let Some(transaction) = transactions.with_id(id) {
                if over {
                    transaction.advance(Direction::ToClient, Transaction::COMPLETE);
                } else if brings == Brings::Lines
                    && let Body::Pop3(pop3) = &mut transaction.body
                    && let Some(response) = &mut pop3.response
                    && response.lines.len() < MAX_REPLY_LINES
                {
                    response.lines.push(line.bytes.to_vec());
                }
            }
            return Ok(false);
        }
        let Some((good, text)) = wire::reply(&line.bytes) else {
            return Ok(false);
        };
        let waiting = transactions.live().iter().find(
            |transaction| matches!(&transaction.body, Body::Pop3(pop3) if pop3.response.is_none()),
        );
        let id = match waiting {
            Some(transaction) => transaction.id,
            None => {
                let transaction = begin(Pop3Transaction::default(), transactions)?;
                transaction.only = Some(Direction::ToClient);
                transaction.advance(Direction::ToServer, Transaction::COMPLETE);
                transaction.id
            }
        };
        let Some(transaction) = transactions.with_id(id) else {
            return Ok(false);
        };
        if line.cut || line.bytes.len() + line.end_bytes > LONG_RESPONSE_BYTES {
            transaction.raise(events::RESPONSE_TOO_LONG);
        }
        let Body::Pop3(pop3) = &mut transaction.body else {
            return Ok(false);
        };
        pop3.response = Some(Response {
            good,
            header: text.to_vec(),
            lines: Vec::new(),
        });
        let request = pop3.request.as_ref();
        let is = |name: &str| request.is_some_and(|request| request.name == name);
        let challenge = line.bytes.starts_with(b"+ ");
        self.challenged = challenge && (is("AUTH") || is("<SASL DATA>"));
        let brings = match request {
            Some(request) if good && !challenge => request.brings(),
            _ => Brings::Nothing,
        };
        let upgrade = good && is("STLS");
        if brings == Brings::Nothing {
            transaction.advance(Direction::ToClient, Transaction::COMPLETE);
        } else {
            self.open = Some((id, brings));
        }
        Ok(upgrade)
    }
}

fn begin(
    transaction: Pop3Transaction,
    transactions: &mut Transactions,
) -> Result<&mut Transaction, TooMany> {
    if transactions.is_full() {
        if let Some(last) = transactions.last() {
            last.raise(events::TOO_MANY_TRANSACTIONS);
        }
        return Err(TooMany);
    }
    transactions
        .begin(Body::Pop3(Box::new(transaction)))
        .ok_or(TooMany)
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
            let upgrade = match direction {
                Direction::ToServer => self.command(&line, transactions).map(|()| false),
                Direction::ToClient => self.reply(&line, transactions),
            };
            match upgrade {
                Ok(false) => {}
                Ok(true) => {
                    return Step::Change {
                        rest: rest.len(),
                        other: self.lines[0].take_held(),
                        port: None,
                        expect: Some(Protocol::Tls),
                    };
                }
                Err(TooMany) => return Step::Failed,
            }
        }
        Step::More
    }

    /// Lost bytes of a mail matter to nothing; any others leave replies without their commands.
    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        match (direction, self.open) {
            (Direction::ToClient, Some((_, Brings::Mail))) => Step::More,
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
            for transaction in transactions.live_mut() {
                if matches!(transaction.body, Body::Pop3(_)) {
                    transaction.advance(direction, Transaction::COMPLETE);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 110,
        client_port: 1024,
    };

    fn run(pieces: &[(Direction, &[u8])], step: usize) -> (Vec<String>, Step) {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let mut last = Step::More;
        'all: for (direction, bytes) in pieces {
            for chunk in bytes.chunks(step) {
                let limits = Limits::default();
                last = state.chunk(*direction, chunk, &mut transactions, &CONTEXT, &limits);
                if last != Step::More {
                    break 'all;
                }
            }
        }
        let records = transactions
            .live()
            .iter()
            .map(|transaction| {
                let record = serde_json::to_string(&transaction.record());
                format!(
                    "{} {:?}",
                    record.expect("a record serialises"),
                    transaction.events
                )
            })
            .collect();
        (records, last)
    }

    const SESSION: &[(Direction, &[u8])] = &[
        (ToClient, b"+OK ready\r\n"),
        (ToServer, b"USER a\r\n"),
        (ToClient, b"+OK\r\n"),
        (ToServer, b"LIST\r\n"),
        (ToClient, b"+OK 1 mail\r\n1 120\r\n.\r\n"),
        (ToServer, b"RETR 1\r\n"),
        (
            ToClient,
            b"+OK 120 octets\r\nFrom: a\r\n\r\n+OK not this\r\n.\r\n",
        ),
        (ToServer, b"FOO\r\n"),
        (ToClient, b"-ERR what\r\n"),
    ];

    #[test]
    fn commands_have_their_replies() {
        let (records, _) = run(SESSION, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"pop3":{"response":{"success":true,"status":"OK","header":"ready","data":[]}}} []"#,
                r#"{"pop3":{"request":{"command":"USER","args":["a"]},"response":{"success":true,"status":"OK","header":"","data":[]}}} []"#,
                r#"{"pop3":{"request":{"command":"LIST","args":[]},"response":{"success":true,"status":"OK","header":"1 mail","data":["1 120"]}}} []"#,
                r#"{"pop3":{"request":{"command":"RETR","args":["1"]},"response":{"success":true,"status":"OK","header":"120 octets","data":[]}}} []"#,
                r#"{"pop3":{"request":{"command":"FOO","args":[]},"response":{"success":false,"status":"ERR","header":"what","data":[]}}} [4]"#,
            ]
        );
    }

    #[test]
    fn challenges_and_upgrades() {
        let auth: &[(Direction, &[u8])] = &[
            (ToServer, b"AUTH PLAIN\r\n"),
            (ToClient, b"+ \r\n"),
            (ToServer, b"c2VjcmV0\r\n"),
        ];
        let (records, _) = run(auth, usize::MAX);
        assert!(records[1].contains("<SASL DATA>") && !records[1].contains("c2VjcmV0"));
        let (_, step) = run(
            &[(ToServer, b"STLS\r\n"), (ToClient, b"+OK\r\n")],
            usize::MAX,
        );
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
        fn any_chunking_gives_the_same_transactions(step in 1usize..60) {
            prop_assert_eq!(run(SESSION, usize::MAX).0, run(SESSION, step).0);
        }

        #[test]
        fn no_input_panics(
            pieces in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..20),
        ) {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|(to_server, bytes)| {
                    (if *to_server { ToServer } else { ToClient }, bytes.as_slice())
                })
                .collect();
            run(&pieces, usize::MAX);
        }
    }
}
