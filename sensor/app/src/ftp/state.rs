//! Chunks of a control connection → commands with their replies.

use std::net::IpAddr;

use sensor_flow::Direction;

use super::data::Transfer;
use super::events;
use super::stage;
use super::wire::{self, Carries, Command};
use crate::expected::Expected;
use crate::lines::{Line, Lines};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Longest line of a command or a reply.
pub const MAX_LINE_BYTES: usize = 4096;
/// Reply lines kept of one command.
pub const MAX_REPLIES: usize = 1024;
/// Bytes of the name of a file.
pub const MAX_FILE_NAME_BYTES: usize = 254;
/// Name of a file that the server is to choose.
const UNNAMED: &[u8] = b"<stou>";

/// How the data connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From the server to the client.
    Active,
    Passive,
}

/// A line of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, or nothing.
    pub code: Vec<u8>,
    pub text: Vec<u8>,
}

/// A command with its replies. A reply to nothing known has no command.
#[derive(Debug, Default)]
pub struct FtpTransaction {
    pub command: Option<Command>,
    /// The line with the command.
    pub request: Vec<u8>,
    pub request_cut: bool,
    pub replies: Vec<Reply>,
    pub reply_cut: bool,
    /// Port of the data connection that was agreed on.
    pub dynamic_port: Option<u16>,
    pub mode: Option<Mode>,
    /// Address in a PORT command.
    pub port_address: Option<IpAddr>,
    /// Nothing more is awaited from the server.
    pub answered: bool,
}

impl FtpTransaction {
    /// What stands behind the command and a space.
    pub fn arguments(&self) -> Option<&[u8]> {
        let length = self.command?.name().len();
        (self.request.len() > length)
            .then(|| self.request.get(length + 1..))
            .flatten()
    }
}

/// One control connection.
#[derive(Debug)]
pub struct State {
    lines: [Lines; 2],
    /// The last command, known or not.
    command: Option<Command>,
    /// Its line, when it names a port.
    port_line: Vec<u8>,
    dynamic_port: Option<(u16, Mode)>,
    closed: [bool; 2],
}

impl Default for State {
    fn default() -> Self {
        State {
            lines: [Lines::new(MAX_LINE_BYTES), Lines::new(MAX_LINE_BYTES)],
            command: None,
            port_line: Vec::new(),
            dynamic_port: None,
            closed: [false; 2],
        }
    }
}

/// More transactions are open than one flow may have.
struct TooMany;

impl State {
    fn command(&mut self, line: &Line<'_>, transactions: &mut Transactions) -> Result<(), TooMany> {
        self.command = Command::read(&line.bytes);
        let Some(command) = self.command else {
            return Ok(());
        };
        let line_bytes = line.bytes.trim_ascii_end();
        let mut odd = None;
        if matches!(command, Command::PORT | Command::EPRT) {
            self.port_line = line_bytes.to_vec();
        }
        if let Some(carries) = command.transfers() {
            let named = line_bytes.get(5..).filter(|name| !name.is_empty());
            if carries != Carries::Names && command != Command::STOU && named.is_none() {
                odd = Some(events::FILE_WITHOUT_NAME);
            } else if let Some((port, mode)) = self.dynamic_port.take() {
                transactions.expect(Expected {
                    port,
                    direction: direction(carries, mode),
                    transfer: Transfer {
                        command,
                        file_name: file_name(command, carries, named),
                    },
                });
            } else {
                odd = Some(events::FILE_BEFORE_PORT);
            }
        }
        let transaction = begin(
            FtpTransaction {
                command: Some(command),
                request: line_bytes.to_vec(),
                request_cut: line.cut,
                port_address: match command {
                    Command::PORT => wire::port(line_bytes).map(|(address, _)| address),
                    _ => None,
                },
                ..FtpTransaction::default()
            },
            transactions,
        )?;
        transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        let cut = line.cut.then_some(events::REQUEST_COMMAND_TOO_LONG);
        for event in cut.into_iter().chain(odd) {
            transaction.raise(event);
        }
        Ok(())
    }

    /// A line of the server. True when the flow goes on as TLS.
    fn reply(&mut self, line: &Line<'_>, transactions: &mut Transactions) -> Result<bool, TooMany> {
        let Some(id) = waiting(transactions) else {
            let transaction = begin(FtpTransaction::default(), transactions)?;
            transaction.only = Some(Direction::ToClient);
            transaction.advance(Direction::ToServer, Transaction::COMPLETE);
            self.answer(line, transaction);
            return Ok(false);
        };
        let Some(transaction) = transactions.with_id(id) else {
            return Ok(false);
        };
        self.answer(line, transaction);
        let asked = matches!(self.command, Some(Command::AUTH_TLS | Command::AUTH_SSL));
        Ok(asked && line.bytes.starts_with(b"234 "))
    }

    fn answer(&mut self, line: &Line<'_>, transaction: &mut Transaction) {
        let bytes = &*line.bytes;
        let agreed = match self.command {
            Some(Command::PORT) => Some((
                wire::port(&self.port_line).map(|(_, port)| port),
                Mode::Active,
            )),
            Some(Command::EPRT) => Some((wire::eprt(&self.port_line), Mode::Active)),
            Some(Command::PASV) if bytes.starts_with(b"227 ") => {
                Some((wire::pasv(bytes).map(|(_, port)| port), Mode::Passive))
            }
            Some(Command::EPSV) if bytes.starts_with(b"229 ") => {
                Some((wire::epsv(bytes), Mode::Passive))
            }
            _ => None,
        };
        transaction.advance(Direction::ToClient, stage::SPOKEN);
        if line.cut {
            transaction.raise(events::RESPONSE_COMMAND_TOO_LONG);
        }
        let Body::Ftp(ftp) = &mut transaction.body else {
            return;
        };
        if let Some((Some(port), mode)) = agreed {
            self.dynamic_port = Some((port, mode));
            ftp.dynamic_port = Some(port);
            ftp.mode = Some(mode);
        }
        let (code, text) = wire::reply(bytes);
        if !(code.is_empty() && text.is_empty()) && ftp.replies.len() < MAX_REPLIES {
            ftp.reply_cut |= line.cut;
            ftp.replies.push(Reply {
                code: code.to_vec(),
                text: text.to_vec(),
            });
        }
        if !wire::is_preliminary(bytes) {
            ftp.answered = true;
            transaction.advance(Direction::ToClient, Transaction::COMPLETE);
        }
    }
}

/// Which way the bytes of a data connection go: its client is who opens it.
fn direction(carries: Carries, mode: Mode) -> Direction {
    let to_client = carries != Carries::FileToServer;
    match (to_client, mode) {
        (true, Mode::Passive) | (false, Mode::Active) => Direction::ToClient,
        (true, Mode::Active) | (false, Mode::Passive) => Direction::ToServer,
    }
}

fn file_name(command: Command, carries: Carries, named: Option<&[u8]>) -> Option<Vec<u8>> {
    if carries == Carries::Names {
        return None;
    }
    match named {
        Some(name) => Some(name[..name.len().min(MAX_FILE_NAME_BYTES)].to_vec()),
        None => (command == Command::STOU).then(|| UNNAMED.to_vec()),
    }
}

fn begin(
    transaction: FtpTransaction,
    transactions: &mut Transactions,
) -> Result<&mut Transaction, TooMany> {
    let body = Body::Ftp(Box::new(transaction));
    // Told apart by count, as the borrow would last.
    if transactions.is_full() {
        let open = transactions
            .live_mut()
            .iter_mut()
            .find(|transaction| !transaction.is_complete(Direction::ToClient));
        if let Some(open) = open {
            open.raise(events::TOO_MANY_TRANSACTIONS);
        }
        return Err(TooMany);
    }
    transactions.begin(body).ok_or(TooMany)
}

/// The transaction that a reply belongs to: the oldest open one, else the last.
fn waiting(transactions: &Transactions) -> Option<u64> {
    let mut ftp = transactions
        .live()
        .iter()
        .filter(|transaction| matches!(transaction.body, Body::Ftp(_)));
    ftp.clone()
        .find(|transaction| !transaction.is_complete(Direction::ToClient))
        .or_else(|| ftp.next_back())
        .map(|transaction| transaction.id)
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

    /// The next whole line is read on. Replies to what was asked before, and ports that were agreed on, may be among what
    /// is lost: they are awaited no longer.
    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        self.lines[direction.index()].lose();
        self.command = None;
        self.port_line = Vec::new();
        self.dynamic_port = None;
        for transaction in transactions.live_mut() {
            if matches!(transaction.body, Body::Ftp(_)) {
                transaction.advance(Direction::ToClient, Transaction::COMPLETE);
            }
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
        self.closed[direction.index()] = true;
        if self.closed == [true; 2] {
            for transaction in transactions.live_mut() {
                if matches!(transaction.body, Body::Ftp(_)) {
                    transaction.advance(Direction::ToClient, Transaction::COMPLETE);
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
        server_port: 21,
        client_port: 1024,
    };

    fn run(pieces: &[(Direction, &[u8])], step: usize) -> (Transactions, Step) {
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
        (transactions, last)
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
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
            .collect()
    }

    const SESSION: &[(Direction, &[u8])] = &[
        (ToServer, b"USER a\r\n"),
        (ToClient, b"331 Password please.\r\n"),
        (ToServer, b"PASV\r\n"),
        (ToClient, b"227 Passive (192,0,2,1,221,243).\r\n"),
        (ToServer, b"RETR a.txt\r\n"),
        (ToClient, b"150 Here it comes.\r\n226 Done.\r\n"),
        (ToServer, b"QUIT\r\n"),
    ];

    #[test]
    fn commands_have_their_replies() {
        let (mut transactions, _) = run(SESSION, usize::MAX);
        assert_eq!(
            records(&transactions),
            [
                r#"{"ftp":{"command":"USER","command_data":"a","command_truncated":false,"completion_code":["331"],"reply":["Password please."],"reply_received":"yes","reply_truncated":false}} []"#,
                r#"{"ftp":{"command":"PASV","completion_code":["227"],"reply":["Passive (192,0,2,1,221,243)."],"dynamic_port":56819,"mode":"passive","reply_received":"yes","reply_truncated":false}} []"#,
                r#"{"ftp":{"command":"RETR","command_data":"a.txt","command_truncated":false,"completion_code":["150","226"],"reply":["Here it comes.","Done."],"reply_received":"yes","reply_truncated":false}} []"#,
                r#"{"ftp":{"command":"QUIT","reply_received":"no","reply_truncated":false}} []"#,
            ]
        );
        assert_eq!(
            transactions.take_expected(),
            [Expected {
                port: 56819,
                direction: ToClient,
                transfer: Transfer {
                    command: Command::RETR,
                    file_name: Some(b"a.txt".to_vec())
                }
            }]
        );
    }

    #[test]
    fn data_connections_run_either_way() {
        let rows: &[(&[u8], &[u8], &[u8], Direction, Option<&str>)] = &[
            (
                b"PORT 1,2,3,4,0,80",
                b"200 ok",
                b"RETR f",
                ToServer,
                Some("f"),
            ),
            (
                b"PORT 1,2,3,4,0,80",
                b"200 ok",
                b"STOR f",
                ToClient,
                Some("f"),
            ),
            (
                b"EPRT |1|1.2.3.4|80|",
                b"200 ok",
                b"STOU",
                ToClient,
                Some("<stou>"),
            ),
            (b"EPSV", b"229 go (|||80|)", b"APPE f", ToServer, Some("f")),
            (b"EPSV", b"229 go (|||80|)", b"LIST -a", ToClient, None),
        ];
        for (port, answer, transfer, direction, name) in rows {
            let lines: Vec<Vec<u8>> = [port, answer, transfer]
                .iter()
                .map(|line| [**line, b"\r\n"].concat())
                .collect();
            let (mut transactions, _) = run(
                &[
                    (ToServer, &lines[0]),
                    (ToClient, &lines[1]),
                    (ToServer, &lines[2]),
                ],
                usize::MAX,
            );
            let expected = transactions.take_expected();
            assert_eq!(expected.len(), 1);
            assert_eq!((expected[0].port, expected[0].direction), (80, *direction));
            let found = expected[0].transfer.file_name.as_deref();
            assert_eq!(found, name.map(str::as_bytes));
        }
    }

    #[test]
    fn oddities_are_told() {
        let long = [b"RETR ".as_slice(), &[b'x'; 2 * MAX_LINE_BYTES], b"\r\n"].concat();
        let reply = [b"220 ".as_slice(), &[b'x'; 2 * MAX_LINE_BYTES], b"\r\n"].concat();
        let rows: &[(Direction, &[u8], &[u16])] = &[
            (ToServer, b"RETR\r\n", &[events::FILE_WITHOUT_NAME]),
            (ToServer, b"RETR x\r\n", &[events::FILE_BEFORE_PORT]),
            (
                ToServer,
                &long,
                &[events::REQUEST_COMMAND_TOO_LONG, events::FILE_BEFORE_PORT],
            ),
            (ToClient, &reply, &[events::RESPONSE_COMMAND_TOO_LONG]),
        ];
        for (direction, bytes, events) in rows {
            let (transactions, _) = run(&[(*direction, bytes)], usize::MAX);
            assert_eq!(transactions.live()[0].events, *events);
        }
        let many = b"NOOP\r\n".repeat(crate::MAX_LIVE_TRANSACTIONS + 1);
        let (transactions, step) = run(&[(ToServer, &many)], usize::MAX);
        assert_eq!(step, Step::Failed);
        assert_eq!(
            transactions.live()[0].events,
            [events::TOO_MANY_TRANSACTIONS]
        );
    }

    #[test]
    fn auth_hands_over() {
        let asked = |command| {
            let pieces: &[(Direction, &[u8])] =
                &[(ToServer, command), (ToClient, b"234 go\r\n\x16")];
            run(pieces, usize::MAX).1
        };
        for command in [&b"AUTH TLS\r\n"[..], b"AUTH SSL\r\n"] {
            assert!(matches!(
                asked(command),
                Step::Change {
                    rest: 1,
                    expect: Some(Protocol::Tls),
                    ..
                }
            ));
        }
        assert_eq!(asked(b"AUTH GSSAPI\r\n"), Step::More);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(step in 1usize..60) {
            let whole = run(SESSION, usize::MAX).0;
            prop_assert_eq!(records(&whole), records(&run(SESSION, step).0));
        }

        #[test]
        fn no_input_panics(
            words in proptest::collection::vec(
                (any::<bool>(), proptest::sample::select(WORDS.to_vec())), 0..60),
            step in 1usize..40,
        ) {
            let pieces: Vec<_> = words
                .into_iter()
                .map(|(to_server, word)| (if to_server { ToServer } else { ToClient }, word))
                .collect();
            records(&run(&pieces, step).0);
        }
    }

    const WORDS: &[&[u8]] = &[
        b"USER a\r\n",
        b"PORT 1,2,3,4,5,6\r\n",
        b"EPRT |1|1.2.3.4|5|\r\n",
        b"PASV\r\n",
        b"EPSV\r\n",
        b"RETR x\r\n",
        b"STOU\r\n",
        b"AUTH TLS\r\n",
        b"227 a (1,2,3,4,5,6)\r\n",
        b"229 a (|||7|)\r\n",
        b"150 a\r\n",
        b"226 a\r\n",
        b"\r\n",
        b"\xff",
    ];
}
