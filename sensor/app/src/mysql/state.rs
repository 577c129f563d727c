//! Packets → transactions: the log-in, then a command each with its results.

use std::sync::Arc;

use sensor_flow::Direction;

use super::packets::{Packet, Packets};
use super::wire::{self, Answer, Capabilities, Command, Expected, Login};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Rows that rules can look at, and bytes of each.
pub const MAX_ROWS: usize = 64;
pub const MAX_ROW_BYTES: usize = 512;
/// Columns that a table can have.
const MAX_COLUMNS: u64 = 4096;

/// What the connection is, for all of its commands.
#[derive(Debug, Default)]
pub struct Session {
    pub version: Option<Vec<u8>>,
    pub user: Option<Vec<u8>>,
    pub database: Option<Vec<u8>>,
    pub plugin: Option<Vec<u8>>,
    pub tls: bool,
}

/// The log-in, which has no command, or a command.
#[derive(Debug, Default)]
pub struct MysqlTransaction {
    pub session: Arc<Session>,
    pub command: Option<Command>,
    /// The statement, or the name of a database or table.
    pub text: Vec<u8>,
    pub outcome: Option<Outcome>,
    pub columns: Option<u64>,
    pub row_count: u64,
    /// The first few, for rules.
    pub rows: Vec<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok {
        affected: u64,
    },
    Error {
        code: u16,
        state: Option<Vec<u8>>,
        text: Vec<u8>,
    },
    /// The server asked for a file of the client.
    File(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Login,
    /// Methods talk until the server has decided.
    Authentication,
    Idle,
    First,
    Columns {
        left: u64,
    },
    /// The packet behind the columns.
    ColumnsEnd,
    Rows,
}

/// One connection.
#[derive(Debug)]
pub struct State {
    packets: [Packets; 2],
    stage: Stage,
    session: Arc<Session>,
    capabilities: Capabilities,
    open: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        State {
            packets: Default::default(),
            stage: Stage::Greeting,
            session: Arc::default(),
            capabilities: Capabilities::default(),
            open: None,
        }
    }
}

impl State {
    fn begin(&mut self, transaction: MysqlTransaction, transactions: &mut Transactions) -> Step {
        let begun = transactions.begin(Body::Mysql(Box::new(transaction)));
        let Some(transaction) = begun else {
            return Step::Failed;
        };
        transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        self.open = Some(transaction.id);
        Step::More
    }

    fn open<'a>(&self, transactions: &'a mut Transactions) -> Option<&'a mut MysqlTransaction> {
        match &mut transactions.with_id(self.open?)?.body {
            Body::Mysql(mysql) => Some(mysql),
            _ => None,
        }
    }

    fn end(&mut self, outcome: Option<Outcome>, transactions: &mut Transactions) {
        if let Some(mysql) = self.open(transactions)
            && outcome.is_some()
        {
            mysql.outcome = outcome;
        }
        let open = self.open.take();
        if let Some(transaction) = open.and_then(|id| transactions.with_id(id)) {
            transaction.advance(Direction::ToClient, Transaction::COMPLETE);
        }
        self.stage = Stage::Idle;
    }

    fn client(&mut self, packet: &Packet, transactions: &mut Transactions) -> Step {
        match self.stage {
            // Without the greeting only commands can be told.
            Stage::Greeting if packet.number != 0 => Step::More,
            Stage::Login => self.login(packet, transactions),
            Stage::Authentication => Step::More,
            _ if packet.number != 0 => Step::More,
            _ => {
                let Some((number, rest)) = packet.payload.split_first() else {
                    return Step::More;
                };
                let command = Command(*number);
                if command.name().is_none() {
                    return Step::Failed;
                }
                self.end(None, transactions);
                let text = if command.has_text() { rest } else { &[] };
                if command == Command::INIT_DB {
                    self.session = Arc::new(Session {
                        database: Some(text.to_vec()),
                        ..self.session.copied()
                    });
                }
                let step = self.begin(
                    MysqlTransaction {
                        session: Arc::clone(&self.session),
                        command: Some(command),
                        text: text.to_vec(),
                        ..MysqlTransaction::default()
                    },
                    transactions,
                );
                match command.is_unanswered() {
                    true => self.end(None, transactions),
                    false => self.stage = Stage::First,
                }
                step
            }
        }
    }

    fn login(&mut self, packet: &Packet, transactions: &mut Transactions) -> Step {
        let Ok(login) = wire::login(&packet.payload) else {
            return Step::Failed;
        };
        let session = match login {
            Login::Tls => Session {
                tls: true,
                ..self.session.copied()
            },
            Login::Names {
                capabilities,
                user,
                database,
                plugin,
            } => {
                self.capabilities = capabilities;
                Session {
                    user: Some(user.to_vec()),
                    database: database.map(<[u8]>::to_vec),
                    plugin: plugin.map(<[u8]>::to_vec),
                    ..self.session.copied()
                }
            }
        };
        let tls = session.tls;
        self.session = Arc::new(session);
        let transaction = MysqlTransaction {
            session: Arc::clone(&self.session),
            ..MysqlTransaction::default()
        };
        let step = self.begin(transaction, transactions);
        self.stage = Stage::Authentication;
        if !tls || step != Step::More {
            return step;
        }
        self.end(None, transactions);
        Step::Change {
            rest: 0,
            other: Vec::new(),
            port: None,
            expect: Some(Protocol::Tls),
        }
    }

    fn server(&mut self, packet: &Packet, transactions: &mut Transactions) -> Step {
        let payload = packet.payload.as_slice();
        let answer = |expected| wire::answer(payload, packet.length, expected, self.capabilities);
        match self.stage {
            Stage::Greeting => {
                if let Some(version) = wire::greeting(payload) {
                    self.session = Arc::new(Session {
                        version: Some(version.to_vec()),
                        ..Session::default()
                    });
                    self.stage = Stage::Login;
                } else if let Some(error) = error(answer(Expected::First)) {
                    // A server that lets nobody in says so at once.
                    let step = self.begin(MysqlTransaction::default(), transactions);
                    self.end(Some(error), transactions);
                    return step;
                }
            }
            Stage::Login | Stage::Idle => {}
            Stage::Authentication => match (payload.first(), answer(Expected::First)) {
                (Some(0x00), _) => self.end(Some(Outcome::Ok { affected: 0 }), transactions),
                (_, found) => {
                    if let Some(error) = error(found) {
                        self.end(Some(error), transactions);
                    }
                }
            },
            Stage::First => {
                let answer = answer(Expected::First);
                self.first(answer, transactions);
            }
            Stage::Columns { left } => {
                self.stage = match (left, self.capabilities.deprecates_eof()) {
                    (0 | 1, true) => Stage::Rows,
                    (0 | 1, false) => Stage::ColumnsEnd,
                    _ => Stage::Columns { left: left - 1 },
                }
            }
            Stage::ColumnsEnd => self.stage = Stage::Rows,
            Stage::Rows => match answer(Expected::Rows) {
                Answer::End { more: true } => self.stage = Stage::First,
                Answer::End { more: false } => self.end(None, transactions),
                Answer::Row => {
                    let row = |mysql: &MysqlTransaction| {
                        mysql.command == Some(Command::QUERY) && mysql.rows.len() < MAX_ROWS
                    };
                    if let Some(mysql) = self.open(transactions) {
                        mysql.row_count += 1;
                        if row(mysql) {
                            mysql.rows.push(wire::row(payload, MAX_ROW_BYTES));
                        }
                    }
                }
                found => {
                    let error = error(found);
                    self.end(error, transactions);
                }
            },
        }
        Step::More
    }

    /// The first packet of a result.
    fn first(&mut self, answer: Answer<'_>, transactions: &mut Transactions) {
        let brings_rows = self
            .open(transactions)
            .and_then(|mysql| mysql.command)
            .is_some_and(Command::brings_rows);
        match answer {
            Answer::Ok { affected, more } if brings_rows => {
                let outcome = Outcome::Ok { affected };
                if more {
                    if let Some(mysql) = self.open(transactions) {
                        mysql.outcome = Some(outcome);
                    }
                } else {
                    self.end(Some(outcome), transactions);
                }
            }
            Answer::Columns(columns) if brings_rows && columns <= MAX_COLUMNS => {
                if let Some(mysql) = self.open(transactions) {
                    mysql.columns = Some(columns);
                    mysql.outcome = Some(Outcome::Ok { affected: 0 });
                }
                self.stage = Stage::Columns { left: columns };
            }
            // What the client sends next, and the server's answer to it, is still of this command.
            Answer::File(name) if brings_rows => {
                if let Some(mysql) = self.open(transactions) {
                    mysql.outcome = Some(Outcome::File(name.to_vec()));
                }
            }
            found => {
                let outcome = error(found).unwrap_or(Outcome::Ok { affected: 0 });
                self.end(Some(outcome), transactions);
            }
        }
    }
}

impl Session {
    fn copied(&self) -> Session {
        Session {
            version: self.version.clone(),
            user: self.user.clone(),
            database: self.database.clone(),
            plugin: self.plugin.clone(),
            tls: self.tls,
        }
    }
}

fn error(answer: Answer<'_>) -> Option<Outcome> {
    match answer {
        Answer::Error { code, state, text } => Some(Outcome::Error {
            code,
            state: state.map(<[u8]>::to_vec),
            text: text.to_vec(),
        }),
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
        let mut rest = data;
        while let Some(packet) = self.packets[direction.index()].next(&mut rest) {
            let step = match direction {
                Direction::ToServer => self.client(&packet, transactions),
                Direction::ToClient => self.server(&packet, transactions),
            };
            match step {
                Step::More => {}
                Step::Change {
                    other,
                    port,
                    expect,
                    ..
                } => {
                    return Step::Change {
                        rest: rest.len(),
                        other,
                        port,
                        expect,
                    };
                }
                step => return step,
            }
        }
        Step::More
    }

    /// Lost bytes of a long packet matter to nothing; any others leave its border unknown.
    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        match self.packets[direction.index()].skip(bytes) {
            true => Step::More,
            false => Step::Failed,
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
            self.end(None, transactions);
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
        (ToClient, b"\x0f\0\0\0\x0a10.11-MariaDB\0"),
        (
            ToServer,
            b"\x36\0\0\x01\x08\x80\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0an\0\0shop\0mysql_native\0",
        ),
        (ToClient, b"\x07\0\0\x02\0\0\0\x02\0\0\0"),
        (ToServer, b"\x09\0\0\0\x03SELECT 1"),
        (
            ToClient,
            b"\x01\0\0\x01\x01\x03\0\0\x02def\x05\0\0\x03\xfe\0\0\x02\0\x02\0\0\x04\x011\x05\0\0\x05\xfe\0\0\x02\0",
        ),
        (ToServer, b"\x06\0\0\0\x03DROP!"),
        (ToClient, b"\x0d\0\0\x01\xff\x28\x04#42000oops"),
        (ToServer, b"\x01\0\0\0\x01"),
    ];

    #[test]
    fn commands_have_their_results() {
        let (records, step) = run(Protocol::Mysql, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(step, Step::More);
        assert_eq!(
            records,
            [
                r#"{"mysql":{"version":"10.11-MariaDB","tls":false,"user":"an","database":"shop","login":{"plugin":"mysql_native"},"response":{"status":"ok"}}}"#,
                r#"{"mysql":{"version":"10.11-MariaDB","tls":false,"user":"an","database":"shop","command":"query","text":"SELECT 1","response":{"status":"ok","columns":1,"rows":1}}}"#,
                r#"{"mysql":{"version":"10.11-MariaDB","tls":false,"user":"an","database":"shop","command":"query","text":"DROP!","response":{"status":"error","code":1064,"sqlstate":"42000","message":"oops"}}}"#,
                r#"{"mysql":{"version":"10.11-MariaDB","tls":false,"user":"an","database":"shop","command":"quit"}}"#,
            ]
        );
        check_cuts(Protocol::Mysql, SESSION);
    }

    #[test]
    fn tls_follows_its_request() {
        let pieces: &[Piece<'_>] = &[
            SESSION[0],
            (
                ToServer,
                b"\x20\0\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x16\x03",
            ),
        ];
        let (records, step) = run(Protocol::Mysql, Transport::Tcp, pieces, usize::MAX);
        assert!(records[0].contains(r#""tls":true"#));
        assert!(matches!(
            step,
            Step::Change {
                rest: 2,
                expect: Some(Protocol::Tls),
                ..
            }
        ));
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Mysql, Transport::Tcp, &pieces);
        }
    }
}
