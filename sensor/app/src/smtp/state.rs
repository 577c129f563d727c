//! Chunks → mails. A transaction is what one mail needs: from the first command to the end of its text.

use std::collections::VecDeque;
use std::sync::Arc;

use sensor_flow::Direction;

use super::events;
use super::message::{Ending, Message, Piece};
use super::wire::{Command, Reply};
use crate::facts::MAX_TEXT_BYTES;
use crate::file::MAX_FILES;
use crate::lines::{Line, Lines};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, File, FileId, FileState, Limits, Protocol, Transaction};

/// Longest line of a command or a reply.
pub const MAX_LINE_BYTES: usize = 4096;
/// Transactions of one flow; a client that wants more is no longer followed.
pub const MAX_TRANSACTIONS: u64 = 257;
/// Commands sent ahead of their replies.
pub const MAX_WAITING: usize = 4096;
/// Recipients kept of one mail.
pub const MAX_RECIPIENTS: usize = 1024;

/// What a client says of one mail.
#[derive(Debug, Default)]
pub struct SmtpTransaction {
    /// How the client calls itself; said once for all mails of a flow.
    pub helo: Option<Arc<[u8]>>,
    /// The first line of the server's greeting, without its code; said once as well.
    pub greeting: Option<Arc<[u8]>>,
    pub mail_from: Option<Vec<u8>>,
    pub rcpt_to: Vec<Vec<u8>>,
    pub message: Option<Box<Message>>,
}

/// What the client's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Commands,
    /// Lines of a mail up to a dot.
    Data,
    /// So many bytes of a mail.
    Chunk {
        left: u32,
        last: bool,
    },
}

/// A command whose reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    StartTls,
    Data,
    Rset,
    Other,
}

/// One connection.
#[derive(Debug)]
pub struct State {
    lines: [Lines; 2],
    mode: Mode,
    /// A chunk of BDAT has ended within a line.
    cut_in_line: bool,
    waiting: VecDeque<Sent>,
    /// The server has greeted.
    greeted: bool,
    /// The reply goes on with the next line.
    in_reply: bool,
    /// The server takes commands ahead of replies (RFC 2920).
    pipelining: bool,
    helo: Option<Arc<[u8]>>,
    greeting: Option<Arc<[u8]>>,
    transaction: Option<u64>,
    begun: u64,
    files: u32,
    /// The last chunk of a mail has come.
    chunked: bool,
    closed: [bool; 2],
}

impl Default for State {
    fn default() -> Self {
        State {
            lines: [Lines::new(MAX_LINE_BYTES), Lines::new(MAX_LINE_BYTES)],
            mode: Mode::Commands,
            cut_in_line: false,
            waiting: VecDeque::new(),
            greeted: false,
            in_reply: false,
            pipelining: false,
            helo: None,
            greeting: None,
            transaction: None,
            begun: 0,
            files: 0,
            chunked: false,
            closed: [false; 2],
        }
    }
}

/// The flow makes no sense as mail any longer.
struct Broken;

impl State {
    fn current<'a>(&self, transactions: &'a mut Transactions) -> Option<&'a mut Transaction> {
        transactions.with_id(self.transaction?)
    }

    /// Notes an oddity with the current mail; one that is over is told already.
    fn raise(&self, event: u16, transactions: &mut Transactions) {
        let current = self.current(transactions);
        if let Some(transaction) = current.filter(|transaction| !is_done(transaction)) {
            transaction.raise(event);
        }
    }

    fn client(
        &mut self,
        data: &[u8],
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> Result<(), Broken> {
        let mut rest = data;
        while !rest.is_empty() {
            match self.mode {
                Mode::Commands => {
                    let before = rest.len();
                    let line = self.lines[0].next(&mut rest);
                    let frame = line_frame(
                        Direction::ToServer,
                        before,
                        line.as_ref().map(|line| (line, rest.len())),
                        transactions,
                    );
                    let Some(line) = line else { break };
                    // A command is a frame with its line end, and one of its transaction without.
                    let frame = frame.and_then(|_| {
                        let length = line.bytes.len();
                        let place = rest.len() + line.end_bytes + length;
                        let frames = &mut transactions.frames;
                        let direction = Direction::ToServer;
                        frames.add(direction, "command_line", place, Some(length as u64))
                    });
                    transactions.call_for_look(Direction::ToServer);
                    let done = self.command(&line, rest.len(), transactions);
                    self.assign(Direction::ToServer, frame, transactions);
                    done?;
                }
                Mode::Data => {
                    let used = self.mail(rest, Ending::Dot, transactions, limits);
                    if used == 0 {
                        self.mode = Mode::Commands;
                    }
                    rest = &rest[used..];
                }
                Mode::Chunk { left, last } => {
                    let bytes = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (chunk, after) = rest.split_at(bytes);
                    self.mail(chunk, Ending::Count, transactions, limits);
                    rest = after;
                    let left = left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
                    self.mode = Mode::Chunk { left, last };
                    if left == 0 {
                        self.end_chunk(chunk, last, transactions);
                    }
                }
            }
        }
        Ok(())
    }

    fn command(
        &mut self,
        line: &Line<'_>,
        rest: usize,
        transactions: &mut Transactions,
    ) -> Result<(), Broken> {
        let command = Command::read(&line.bytes);
        let ends_mail = matches!(command, Ok(Command::Rset | Command::Quit));
        if std::mem::take(&mut self.chunked)
            && matches!(command, Ok(Command::MailFrom(_)))
            && let Some(transaction) = self.current(transactions)
        {
            complete(transaction);
        }
        let goes_on = self
            .current(transactions)
            .is_some_and(|transaction| ends_mail || !is_done(transaction));
        if !goes_on {
            if self.begun >= MAX_TRANSACTIONS {
                return Err(Broken);
            }
            let body = Body::Smtp(Box::new(SmtpTransaction {
                helo: self.helo.clone(),
                greeting: self.greeting.clone(),
                ..SmtpTransaction::default()
            }));
            self.transaction = Some(transactions.begin(body).ok_or(Broken)?.id);
            self.begun += 1;
        }
        let Some(transaction) = self.current(transactions) else {
            return Err(Broken);
        };
        if !self.greeted {
            transaction.raise(events::NO_SERVER_WELCOME_MESSAGE);
        }
        let command = command.map_err(|_| Broken)?;
        let Body::Smtp(mail) = &mut transaction.body else {
            return Err(Broken);
        };
        let mut odd = None;
        let mut is_data = false;
        let sent = match command {
            Command::StartTls => Sent::StartTls,
            Command::Rset => Sent::Rset,
            Command::Quit | Command::Other => Sent::Other,
            Command::Data => {
                if mail.message.is_some() {
                    transaction.raise(events::UNPARSABLE_CONTENT);
                    return Ok(());
                }
                mail.message = Some(Box::default());
                if self.pipelining {
                    self.mode = Mode::Data;
                }
                is_data = true;
                Sent::Data
            }
            Command::Bdat { bytes, last } => {
                mail.message.get_or_insert_default();
                if bytes > 0 {
                    self.mode = Mode::Chunk { left: bytes, last };
                }
                Sent::Other
            }
            Command::Helo(name) => {
                if self.helo.is_some() {
                    odd = Some(events::DUPLICATE_FIELDS);
                } else {
                    self.helo = Some(name.into());
                    mail.helo = self.helo.clone();
                }
                Sent::Other
            }
            Command::MailFrom(from) => {
                if mail.mail_from.is_some() {
                    odd = Some(events::DUPLICATE_FIELDS);
                } else {
                    mail.mail_from = Some(from.to_vec());
                }
                Sent::Other
            }
            Command::RcptTo(to) => {
                if mail.rcpt_to.len() < MAX_RECIPIENTS {
                    mail.rcpt_to.push(to.to_vec());
                }
                Sent::Other
            }
        };
        if let Some(odd) = odd {
            transaction.raise(odd);
        }
        if matches!(self.waiting.back(), Some(Sent::StartTls | Sent::Data)) {
            transaction.raise(events::INVALID_PIPELINED_SEQUENCE);
        }
        if line.cut {
            transaction.raise(events::TRUNCATED_LINE);
        }
        if is_data {
            let frames = &mut transactions.frames;
            let frame = frames.add(Direction::ToServer, "data", rest, None);
            self.assign(Direction::ToServer, frame, transactions);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(Broken);
        }
        self.waiting.push_back(sent);
        Ok(())
    }

    /// Gives bytes to the mail that is being sent; how many of them it took.
    fn mail(
        &mut self,
        bytes: &[u8],
        ending: Ending,
        transactions: &mut Transactions,
        limits: &Limits,
    ) -> usize {
        let mut message = match self.current(transactions).map(|tx| &mut tx.body) {
            Some(Body::Smtp(mail)) => mail.message.take(),
            _ => None,
        };
        let (Some(message_now), Some(transaction)) = (&mut message, self.current(transactions))
        else {
            // The mail has been forgotten: its text has nowhere to go.
            return bytes.len();
        };
        let used = message_now.push(bytes, ending, &mut |piece| {
            deliver(piece, transaction, &mut self.files, limits);
        });
        let is_over = message_now.is_over();
        if is_over {
            self.mode = Mode::Commands;
            complete(transaction);
            // The server replies to the text as to a command.
            self.waiting.push_back(Sent::Other);
        }
        if let Body::Smtp(mail) = &mut transaction.body {
            mail.message = message;
        }
        if is_over && ending == Ending::Dot {
            let frames = &mut transactions.frames;
            let open = frames.open(Direction::ToServer, "data");
            frames.end(Direction::ToServer, open, bytes.len() - used);
        }
        used
    }

    /// A frame belongs to the current transaction.
    fn assign(&self, direction: Direction, frame: Option<u64>, transactions: &mut Transactions) {
        if let Some(id) = self.transaction {
            transactions.assign_frame(direction, frame, id);
        }
    }

    fn end_chunk(&mut self, chunk: &[u8], last: bool, transactions: &mut Transactions) {
        self.mode = Mode::Commands;
        // Told once: it is so in all chunks of a client that cuts where it likes.
        if !chunk.ends_with(b"\n") && !std::mem::replace(&mut self.cut_in_line, true) {
            self.raise(events::BDAT_CHUNK_LEN_EXCEEDED, transactions);
        }
        // The transaction goes on until a reply to RSET, or the next mail.
        if last && let Some(transaction) = self.current(transactions) {
            end_mail(transaction);
            self.chunked = true;
        }
    }

    /// A server's line. True when the flow goes on as TLS.
    fn reply(&mut self, line: &Line<'_>, transactions: &mut Transactions) -> Result<bool, Broken> {
        if line.bytes.is_empty() && line.end_bytes == 1 {
            return Ok(false);
        }
        let Some(reply) = Reply::read(&line.bytes) else {
            self.raise(events::INVALID_REPLY, transactions);
            return Err(Broken);
        };
        self.in_reply = reply.goes_on;
        if line.cut {
            self.raise(events::TRUNCATED_LINE, transactions);
        }
        let Some(&sent) = self.waiting.front() else {
            if !self.greeted {
                self.greeted = !reply.goes_on;
                if self.greeting.is_none() && reply.code == 220 {
                    let text = line.bytes.get(4..).unwrap_or_default();
                    self.greeting = Some(text[..text.len().min(MAX_TEXT_BYTES)].into());
                }
                if reply.code != 220 {
                    self.raise(events::INVALID_REPLY, transactions);
                }
            }
            return Ok(false);
        };
        transactions.call_for_look(Direction::ToClient);
        let mut upgrade = false;
        match sent {
            Sent::StartTls if reply.code == 220 => {
                if let Some(transaction) = self.current(transactions) {
                    complete(transaction);
                }
                upgrade = true;
            }
            Sent::StartTls => self.raise(events::TLS_REJECTED, transactions),
            Sent::Data if reply.code == 354 => {
                let open = self.current(transactions).is_some_and(|transaction| {
                    matches!(&transaction.body, Body::Smtp(mail) if mail.message.is_some())
                        && !is_done(transaction)
                });
                if open {
                    self.mode = Mode::Data;
                }
            }
            Sent::Data => {
                if self.pipelining && self.mode == Mode::Data {
                    self.mode = Mode::Commands;
                }
                self.raise(events::DATA_COMMAND_REJECTED, transactions);
            }
            Sent::Rset => {
                if reply.code == 250
                    && !reply.goes_on
                    && let Some(transaction) = self.current(transactions)
                {
                    complete(transaction);
                }
            }
            Sent::Other => {}
        }
        if !reply.goes_on {
            self.waiting.pop_front();
        } else if self.greeted
            && reply.code == 250
            && line.bytes.len() == 14
            && line.bytes[4..].eq_ignore_ascii_case(b"pipelining")
        {
            self.pipelining = true;
        }
        Ok(upgrade)
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        limits: &Limits,
    ) -> Step {
        match direction {
            Direction::ToServer => match self.client(data, transactions, limits) {
                Ok(()) => Step::More,
                Err(Broken) => Step::Failed,
            },
            Direction::ToClient => {
                let mut rest = data;
                loop {
                    let before = rest.len();
                    let line = self.lines[1].next(&mut rest);
                    let frame = line_frame(
                        direction,
                        before,
                        line.as_ref().map(|line| (line, rest.len())),
                        transactions,
                    );
                    self.assign(direction, frame, transactions);
                    let Some(line) = line else { break };
                    match self.reply(&line, transactions) {
                        Ok(false) => {}
                        Ok(true) => {
                            return Step::Change {
                                rest: rest.len(),
                                other: self.lines[0].take_held(),
                                port: None,
                                expect: Some(Protocol::Tls),
                            };
                        }
                        Err(Broken) => return Step::Failed,
                    }
                }
                Step::More
            }
        }
    }

    /// A hole in a mail's text is one in its attachment; anywhere else replies no longer fit commands.
    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if direction != Direction::ToServer || self.mode != Mode::Data {
            return Step::Failed;
        }
        if let Some(transaction) = self.current(transactions) {
            if let Some(file) = transaction.files.last_mut() {
                file.gap(bytes);
            }
            if let Body::Smtp(mail) = &mut transaction.body
                && let Some(message) = &mut mail.message
            {
                message.gap();
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
        if self.closed != [true; 2] {
            return;
        }
        for transaction in transactions.live_mut() {
            if matches!(transaction.body, Body::Smtp(_)) {
                for file in &mut transaction.files {
                    file.close(FileState::Truncated);
                }
                complete(transaction);
            }
        }
    }
}

/// The frame of a line: begun with its first bytes, ended with the line.
fn line_frame(
    direction: Direction,
    before: usize,
    line: Option<(&Line<'_>, usize)>,
    transactions: &mut Transactions,
) -> Option<u64> {
    let name = match direction {
        Direction::ToServer => "command_line",
        Direction::ToClient => "response_line",
    };
    let frames = &mut transactions.frames;
    if before == 0 || !frames.wants(name) {
        return None;
    }
    let open = frames.open(direction, name);
    let frame = open.or_else(|| frames.add(direction, name, before, None));
    if let Some((_, rest)) = line {
        frames.end(direction, frame, rest);
    }
    frame
}

fn is_done(transaction: &Transaction) -> bool {
    transaction.is_complete(Direction::ToServer)
}

fn complete(transaction: &mut Transaction) {
    for direction in Direction::BOTH {
        transaction.advance(direction, Transaction::COMPLETE);
    }
}

/// The last bytes of a mail sent in chunks have come.
fn end_mail(transaction: &mut Transaction) {
    let Transaction { body, files, .. } = transaction;
    if let Body::Smtp(mail) = body
        && let Some(message) = &mut mail.message
    {
        message.finish(&mut |piece| {
            if let (Piece::Data(bytes), Some(file)) = (&piece, files.last_mut()) {
                file.append(bytes, 0);
            }
            if let (Piece::Close, Some(file)) = (&piece, files.last_mut()) {
                file.close(FileState::Closed);
            }
        });
    }
}

/// What comes out of a mail → files and events of its transaction.
fn deliver(piece: Piece<'_>, transaction: &mut Transaction, files: &mut u32, limits: &Limits) {
    match piece {
        Piece::Odd(event) => transaction.raise(event),
        Piece::Open(name) => {
            if transaction.files.len() < MAX_FILES {
                let id = FileId(*files);
                *files = files.saturating_add(1);
                let file = File::open(id, Direction::ToServer, name, limits.hashes);
                transaction.files.push(file);
            }
        }
        // A closed file takes no more bytes: those of one that found no room.
        Piece::Data(bytes) => {
            if let Some(file) = transaction.files.last_mut() {
                file.append(bytes, limits.window_bytes);
            }
        }
        Piece::Close => {
            if let Some(file) = transaction.files.last_mut() {
                file.close(FileState::Closed);
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
        server_port: 25,
        client_port: 1024,
    };

    fn run(pieces: &[(Direction, &[u8])], step: usize) -> (Transactions, Step) {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let mut last = Step::More;
        'all: for (direction, bytes) in pieces {
            for chunk in bytes.chunks(step) {
                last = state.chunk(
                    *direction,
                    chunk,
                    &mut transactions,
                    &CONTEXT,
                    &Limits::default(),
                );
                if last != Step::More {
                    break 'all;
                }
            }
        }
        (transactions, last)
    }

    fn mails(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|transaction| {
                let files: Vec<_> = transaction
                    .files
                    .iter()
                    .map(|file| {
                        format!(
                            "{}:{}:{:?}",
                            file.name.escape_ascii(),
                            file.size,
                            file.state
                        )
                    })
                    .collect();
                format!(
                    "{} {:?} {:?} {files:?}",
                    serde_json::to_string(&transaction.record()).expect("a record serialises"),
                    transaction.events,
                    transaction.progress[0] == Transaction::COMPLETE,
                )
            })
            .collect()
    }

    const MAIL: &[(Direction, &[u8])] = &[
        (ToClient, b"220-a.example\r\n220 hello\r\n"),
        (ToServer, b"EHLO me\r\n"),
        (ToClient, b"250-a\r\n250 8BITMIME\r\n"),
        (
            ToServer,
            b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n",
        ),
        (ToClient, b"250 ok\r\n250 ok\r\n250 ok\r\n"),
        (ToServer, b"DATA\r\n"),
        (ToClient, b"354 go\r\n"),
        (
            ToServer,
            b"Subject: s\r\nContent-Type: a/b; name=f\r\n\r\nhello\r\n.\r\n",
        ),
        (ToClient, b"250 ok\r\n"),
        (ToServer, b"QUIT\r\n"),
        (ToClient, b"221 bye\r\n"),
    ];

    #[test]
    fn a_mail_is_a_transaction() {
        let (transactions, step) = run(MAIL, usize::MAX);
        assert_eq!(step, Step::More);
        let mails = mails(&transactions);
        assert_eq!(mails.len(), 1);
        assert!(
            mails[0].starts_with(r#"{"smtp":{"helo":"me","mail_from":"<a@b>","rcpt_to":["<c@d>","<e@f>"]},"email":{"status":"PARSE_DONE","attachment":["f"],"subject":"s""#),
            "{}",
            mails[0]
        );
        assert!(
            mails[0].ends_with(r#" [] true ["f:5:Closed"]"#),
            "{}",
            mails[0]
        );
    }

    #[test]
    fn starttls_hands_over() {
        let (transactions, step) = run(
            &[
                (ToClient, b"220 x\r\n"),
                (ToServer, b"STARTTLS\r\n"),
                (ToServer, b"\x16\x03"),
                (ToClient, b"220 go\r\n\x16"),
            ],
            usize::MAX,
        );
        assert_eq!(
            step,
            Step::Change {
                rest: 1,
                other: b"\x16\x03".to_vec(),
                port: None,
                expect: Some(Protocol::Tls)
            }
        );
        assert!(is_done(&transactions.live()[0]));
    }

    #[test]
    fn a_mail_in_chunks_ends_with_a_reset_or_the_next() {
        let mail: &[(Direction, &[u8])] = &[
            (ToClient, b"220 x\r\n"),
            (
                ToServer,
                b"EHLO me\r\nMAIL FROM:<a>\r\nBDAT 3 LAST\r\na\r\n",
            ),
        ];
        let count = |after: &[(Direction, &[u8])]| {
            let (transactions, _) = run(&[mail, after].concat(), usize::MAX);
            let live = transactions.live();
            (live.len(), live.iter().filter(|tx| is_done(tx)).count())
        };
        assert_eq!(count(&[]), (1, 0));
        assert_eq!(count(&[(ToServer, b"QUIT\r\n")]), (1, 0));
        assert_eq!(count(&[(ToServer, b"MAIL FROM:<b>\r\n")]), (2, 1));
        let replies: &[u8] = b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n";
        let reset = [(ToServer, &b"RSET\r\n"[..]), (ToClient, replies)];
        assert_eq!(count(&reset), (1, 1));
    }

    #[test]
    fn oddities_are_told() {
        use events::*;
        type Row = (&'static [(Direction, &'static [u8])], &'static [u16], bool);
        let rows: &[Row] = &[
            (
                &[(ToServer, b"HELO a\r\nHELO b\r\n")],
                &[
                    NO_SERVER_WELCOME_MESSAGE,
                    NO_SERVER_WELCOME_MESSAGE,
                    DUPLICATE_FIELDS,
                ],
                false,
            ),
            (
                &[
                    (ToClient, b"220 a\r\n"),
                    (ToServer, b"DATA\r\n"),
                    (ToClient, b"550 no\r\n"),
                ],
                &[DATA_COMMAND_REJECTED],
                false,
            ),
            (
                &[
                    (ToClient, b"220 a\r\n"),
                    (ToServer, b"STARTTLS\r\n"),
                    (ToClient, b"454 no\r\n"),
                ],
                &[TLS_REJECTED],
                false,
            ),
            (
                &[(ToClient, b"220 a\r\n"), (ToServer, b"DATA\r\nNOOP\r\n")],
                &[INVALID_PIPELINED_SEQUENCE],
                false,
            ),
            (
                &[
                    (ToClient, b"220 a\r\n"),
                    (ToServer, b"HELO a\r\n"),
                    (ToClient, b"999 x\r\n"),
                ],
                &[INVALID_REPLY],
                true,
            ),
            (
                &[
                    (ToClient, b"220 a\r\n"),
                    (ToServer, b"BDAT 3 LAST\r\nabcd\r\n"),
                ],
                &[BDAT_CHUNK_LEN_EXCEEDED],
                false,
            ),
        ];
        for (pieces, events, failed) in rows {
            let (transactions, step) = run(pieces, usize::MAX);
            assert_eq!(transactions.live()[0].events, *events, "{pieces:?}");
            assert_eq!(step == Step::Failed, *failed, "{pieces:?}");
        }
    }

    #[test]
    fn a_hole_in_an_attachment_is_counted() {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let limits = Limits::default();
        for (direction, bytes) in &MAIL[..7] {
            state.chunk(*direction, bytes, &mut transactions, &CONTEXT, &limits);
        }
        let begin = b"Content-Type: a/b; name=f\r\n\r\nhello\r\nab";
        state.chunk(ToServer, begin, &mut transactions, &CONTEXT, &limits);
        let step = state.gap(ToServer, 10, &mut transactions, &CONTEXT, &limits);
        assert_eq!(step, Step::More);
        state.chunk(
            ToServer,
            b"cd\r\n.\r\n",
            &mut transactions,
            &CONTEXT,
            &limits,
        );
        let file = &transactions.live()[0].files[0];
        assert_eq!((file.size, file.gaps), (21, true));
        let step = state.gap(ToClient, 10, &mut transactions, &CONTEXT, &limits);
        assert_eq!(step, Step::Failed);
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut commands = b"MAIL FROM:x\r\n".to_vec();
        for _ in 0..2 * MAX_WAITING {
            commands.extend_from_slice(b"RCPT TO:x\r\n");
        }
        let (transactions, step) = run(&[(ToClient, b"220 a\r\n"), (ToServer, &commands)], 1000);
        assert_eq!(step, Step::Failed);
        let Body::Smtp(mail) = &transactions.live()[0].body else {
            panic!("mail");
        };
        assert_eq!(mail.rcpt_to.len(), MAX_RECIPIENTS);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_mails(step in 1usize..60) {
            prop_assert_eq!(mails(&run(MAIL, usize::MAX).0), mails(&run(MAIL, step).0));
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
            mails(&run(&pieces, step).0);
        }
    }

    const WORDS: &[&[u8]] = &[
        b"EHLO a\r\n",
        b"MAIL FROM:<a>\r\n",
        b"RCPT TO:<b>\r\n",
        b"DATA\r\n",
        b"BDAT 7\r\n",
        b"BDAT 9 LAST\r\n",
        b"RSET\r\n",
        b"STARTTLS\r\n",
        b"220 x\r\n",
        b"250-PIPELINING\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b".\r\n",
        b"Content-Type: a/b; name=f\r\n\r\n",
        b"\r\n",
        b"\xff",
    ];
}
