//! Bytes of both sides → log-ins. A transaction is one attempt to log in; the first one begins with the
//! connection and tells what was negotiated before it.

use sensor_flow::Direction;

use super::frames::{Ending, Marker};
use super::wire::{self, Piece, Reader, TelnetOption, Verb};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes kept of a line.
pub const MAX_LINE_BYTES: usize = 256;
/// Options kept of a side.
pub const MAX_OPTIONS: usize = 64;
/// Variables kept of the environment.
pub const MAX_VARIABLES: usize = 16;

/// What a server says when it refuses.
const REFUSALS: [&[u8]; 7] = [
    b"incorrect",
    b"invalid",
    b"fail",
    b"denied",
    b"bad ",
    b"error",
    b"wrong",
];
const USER_PROMPTS: [&[u8]; 4] = [b"login:", b"user", b"name:", b"account:"];
const PASSWORD_PROMPTS: [&[u8]; 3] = [b"password", b"passcode", b"pin:"];

/// How an attempt ended, as far as the server's next words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    Success,
    Failure,
}

/// An attempt to log in.
#[derive(Debug, Default)]
pub struct TelnetTransaction {
    /// Negotiated so far, by side.
    pub options: [Vec<(Verb, TelnetOption)>; 2],
    pub terminal: Option<Vec<u8>>,
    /// Names and values.
    pub environ: Vec<(Vec<u8>, Vec<u8>)>,
    pub user: Option<Vec<u8>>,
    /// A password was sent, for everyone to read.
    pub password: bool,
    pub login: Option<Login>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    User,
    Password,
    Inside,
}

#[derive(Debug, Default)]
struct Side {
    reader: Reader,
    /// The line so far.
    line: Vec<u8>,
    after_cr: bool,
    marker: Marker,
}

/// One connection.
#[derive(Debug)]
pub struct State {
    sides: [Side; 2],
    stage: Stage,
    attempt: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        State {
            sides: Default::default(),
            stage: Stage::Before,
            attempt: None,
        }
    }
}

impl State {
    /// The attempt under way; begins one when there is none. `None` when there is no room.
    fn attempt<'a>(
        &mut self,
        transactions: &'a mut Transactions,
    ) -> Option<&'a mut TelnetTransaction> {
        let id = match self.attempt {
            Some(id) => id,
            None => {
                let begun = transactions.begin(Body::Telnet(Box::default()))?;
                *self.attempt.insert(begun.id)
            }
        };
        match &mut transactions.with_id(id)?.body {
            Body::Telnet(telnet) => Some(telnet),
            _ => None,
        }
    }

    fn end(&mut self, login: Option<Login>, transactions: &mut Transactions) {
        let ended = self.attempt.take();
        let Some(transaction) = ended.and_then(|id| transactions.with_id(id)) else {
            return;
        };
        if let Body::Telnet(telnet) = &mut transaction.body {
            telnet.login = login;
        }
        for side in Direction::BOTH {
            transaction.advance(side, Transaction::COMPLETE);
        }
    }

    fn text(&mut self, direction: Direction, byte: u8, transactions: &mut Transactions) {
        let side = &mut self.sides[direction.index()];
        let after_cr = std::mem::replace(&mut side.after_cr, byte == b'\r');
        match byte {
            b'\n' | 0 if after_cr => {}
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut side.line);
                match direction {
                    Direction::ToServer => self.typed(line, transactions),
                    Direction::ToClient => self.shown(&line, transactions),
                }
            }
            // Backspace and delete.
            0x08 | 0x7f => {
                side.line.pop();
            }
            byte if side.line.len() < MAX_LINE_BYTES => side.line.push(byte),
            _ => {}
        }
    }

    /// A line of the client: what it answers is the server's line so far.
    fn typed(&mut self, line: Vec<u8>, transactions: &mut Transactions) {
        let prompt = self.sides[1].line.to_ascii_lowercase();
        let asks = |prompts: &[&[u8]]| prompts.iter().any(|words| contains(&prompt, words));
        let (password, user) = (asks(&PASSWORD_PROMPTS), asks(&USER_PROMPTS));
        match self.stage {
            Stage::Inside => return,
            // Asked again, or let in.
            Stage::Password if password || user => self.end(Some(Login::Failure), transactions),
            Stage::Password => {
                self.stage = Stage::Inside;
                self.end(Some(Login::Success), transactions);
                return;
            }
            Stage::Before | Stage::User => {}
        }
        if password {
            self.stage = Stage::Password;
            if let Some(telnet) = self.attempt(transactions) {
                telnet.password = true;
            }
        } else if user {
            self.stage = Stage::User;
            if let Some(telnet) = self.attempt(transactions) {
                telnet.user = Some(line);
            }
        }
        // The answer may be echoed behind the prompt: neither is asked again.
        self.sides[1].line.clear();
    }

    /// A line of the server.
    fn shown(&mut self, line: &[u8], transactions: &mut Transactions) {
        let line = line.trim_ascii().to_ascii_lowercase();
        if self.stage != Stage::Password || line.is_empty() || line.iter().all(|&byte| byte == b'*')
        {
            return;
        }
        if REFUSALS.iter().any(|words| contains(&line, words)) {
            self.stage = Stage::Before;
            self.end(Some(Login::Failure), transactions);
        } else {
            self.stage = Stage::Inside;
            self.end(Some(Login::Success), transactions);
        }
    }

    fn sub(&mut self, option: TelnetOption, bytes: &[u8], transactions: &mut Transactions) {
        let Some(telnet) = self.attempt(transactions) else {
            return;
        };
        match option {
            TelnetOption::TERMINAL_TYPE => {
                if let Some(name) = wire::terminal(bytes) {
                    telnet.terminal = Some(name.to_vec());
                }
            }
            TelnetOption::NEW_ENVIRON => {
                let room = MAX_VARIABLES.saturating_sub(telnet.environ.len());
                telnet
                    .environ
                    .extend(wire::environ(bytes).into_iter().take(room));
            }
            _ => {}
        }
    }
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
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
        let marks = transactions.frames.is_wanted();
        if self.stage == Stage::Inside && !marks {
            return Step::Finished;
        }
        for (at, &byte) in data.iter().enumerate() {
            if marks {
                let ending = match (direction, self.stage) {
                    (Direction::ToClient, Stage::Before | Stage::User) => Ending::Prompt,
                    _ => Ending::Line,
                };
                let rest = data.len() - at - 1;
                let marker = &mut self.sides[direction.index()].marker;
                marker.byte(&mut transactions.frames, direction, byte, rest, ending);
            }
            if self.stage == Stage::Inside {
                continue;
            }
            match self.sides[direction.index()].reader.push(byte) {
                None => {}
                Some(Piece::Text(byte)) => self.text(direction, byte, transactions),
                Some(Piece::Negotiate(verb, option)) if self.stage == Stage::Before => {
                    if let Some(telnet) = self.attempt(transactions) {
                        let options = &mut telnet.options[direction.index()];
                        if options.len() < MAX_OPTIONS {
                            options.push((verb, option));
                        }
                    }
                }
                Some(Piece::Negotiate(..)) => {}
                Some(Piece::Sub(option, bytes)) if direction == Direction::ToServer => {
                    self.sub(option, &bytes, transactions);
                }
                Some(Piece::Sub(..)) => {}
            }
        }
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        self.sides[direction.index()] = Side::default();
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
            self.end(None, transactions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;
    use crate::parser::Transport;
    use crate::testing::{self, check_cuts, noise, run, run_owned};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const SESSION: &[testing::Piece<'static>] = &[
        (ToClient, b"\xff\xfd\x18\xff\xfd\x27"),
        (ToServer, b"\xff\xfb\x18\xff\xfb\x27"),
        (ToClient, b"\xff\xfa\x18\x01\xff\xf0"),
        (
            ToServer,
            b"\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfa\x27\x00\x00USER\x01an\xff\xf0",
        ),
        (ToClient, b"Debian\r\nrouter login: "),
        (ToServer, b"ad\x7fdmin\r\0"),
        (ToClient, b"admin\r\nPassword: "),
        (ToServer, b"12345\r\n"),
        (ToClient, b"\r\nLogin incorrect\r\nrouter login: "),
        (ToServer, b"root\r\n"),
        (ToClient, b"root\r\nPassword: "),
        (ToServer, b"secret\r\n"),
        (ToClient, b"\r\nLast login: today\r\n# "),
        (ToServer, b"login: me\r\n"),
    ];

    #[test]
    fn log_ins_are_told_by_their_prompts() {
        let (records, _) = run(Protocol::Telnet, Transport::Tcp, SESSION, usize::MAX);
        assert_eq!(
            records,
            [
                r#"{"telnet":{"client":["will terminal_type","will new_environ"],"server":["do terminal_type","do new_environ"],"terminal":"XTERM","environ":[{"name":"USER","value":"an"}],"user":"admin","password_in_clear":true,"login":"failure"}}"#,
                r#"{"telnet":{"user":"root","password_in_clear":true,"login":"success"}}"#,
            ]
        );
        check_cuts(Protocol::Telnet, SESSION);
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Telnet, Transport::Tcp, &pieces);
        }
    }
}
