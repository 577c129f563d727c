//! Messages → transactions: a request, or the data of a COPY, with everything the server says until it is
//! ready for the next one. Long bodies are counted rather than kept.

use sensor_flow::Direction;

use super::events;
use super::transaction::{Request, Startup, begin, complete, owned, raise_apart};
use super::wire::{self, Asked, Framing, Malformed, Opening};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, Transaction};

/// Bytes of one message's body that are kept.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Parameters that one transaction tells.
const MAX_PARAMETERS: usize = 64;
/// Tag and length.
const MAX_HEADER_BYTES: usize = 5;
/// Port by which the protocol behind the change to TLS is looked for.
const TLS_PORT: u16 = 443;

/// What was said last, as far as it tells what may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Other,
    TlsRequested,
    PasswordAsked,
    SaslOffered,
    SaslUnderWay,
    CopyInOffered,
    CopyingIn,
}

impl Phase {
    fn asked(self) -> Asked {
        match self {
            Phase::PasswordAsked => Asked::Password,
            Phase::SaslOffered => Asked::SaslInitial,
            Phase::SaslUnderWay => Asked::SaslResponse,
            Phase::Other | Phase::TlsRequested | Phase::CopyInOffered | Phase::CopyingIn => {
                Asked::Nothing
            }
        }
    }
}

/// The message that a side is in.
#[derive(Debug, Default)]
struct Side {
    /// Its header, then its body as far as it is kept.
    held: Vec<u8>,
    message: Option<Message>,
    /// After a gap the next chunk is tried as the start of a message.
    lost: bool,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    tag: Option<u8>,
    body_bytes: u64,
    /// Bytes of the body that have not come.
    left: u64,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    phase: Phase,
    /// A request was the last that was said.
    unanswered: bool,
}

/// What a message does to the connection.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    /// TLS follows.
    Tls,
    /// Too many transactions.
    Full,
}

impl State {
    fn opening(&self, direction: Direction) -> Opening {
        match direction {
            Direction::ToServer => Opening::OfClient,
            Direction::ToClient if self.phase == Phase::TlsRequested => Opening::Letter,
            Direction::ToClient => Opening::OfServer,
        }
    }

    fn message(
        &mut self,
        direction: Direction,
        message: Message,
        body: &[u8],
        transactions: &mut Transactions,
    ) -> Effect {
        let (outcome, event) = match direction {
            Direction::ToServer => {
                let request = match message.tag {
                    None => wire::Request::startup(body),
                    Some(tag) => wire::Request::read(tag, body, self.phase.asked()),
                };
                let outcome =
                    request.map(|request| self.request(request, message.body_bytes, transactions));
                (outcome, events::MALFORMED_REQUEST)
            }
            Direction::ToClient if self.phase == Phase::TlsRequested => {
                let outcome = Ok(self.tls_answer(message.tag, transactions));
                (outcome, events::MALFORMED_RESPONSE)
            }
            Direction::ToClient => {
                let response = wire::Response::read(message.tag.unwrap_or_default(), body);
                let outcome = response.map(|response| {
                    self.response(response, message.body_bytes, transactions);
                    Effect::Nothing
                });
                (outcome, events::MALFORMED_RESPONSE)
            }
        };
        match outcome {
            Ok(effect) => effect,
            Err(Malformed::Content) => Effect::Nothing,
            Err(Malformed::Kind) => match raise_apart(transactions, event) {
                Some(()) => Effect::Nothing,
                None => Effect::Full,
            },
        }
    }

    fn request(
        &mut self,
        request: wire::Request<'_>,
        bytes: u64,
        transactions: &mut Transactions,
    ) -> Effect {
        let mut told = Request::default();
        let mut unanswered = false;
        self.phase = match request {
            wire::Request::Startup {
                major,
                minor,
                user,
                others,
            } => {
                told.startup = Some(Startup {
                    version: (major, minor),
                    user: user.to_vec(),
                    others: others.into_iter().map(owned).collect(),
                });
                Phase::Other
            }
            wire::Request::Tls => {
                told.message = Some("SSL Request");
                Phase::TlsRequested
            }
            wire::Request::Cancel { process, key } => {
                told.message = Some("cancel_request");
                told.cancels = Some((process, key));
                unanswered = true;
                Phase::Other
            }
            wire::Request::SaslInitial {
                mechanism,
                parameter,
            } => {
                told.mechanism = Some(mechanism);
                told.sasl_parameter = Some(parameter.to_vec());
                Phase::SaslUnderWay
            }
            wire::Request::SaslResponse(response) => {
                told.sasl_response = Some(response.to_vec());
                Phase::Other
            }
            wire::Request::Password => {
                told.password = true;
                Phase::Other
            }
            wire::Request::Query(query) => {
                told.query = Some(query.to_vec());
                Phase::Other
            }
            wire::Request::Terminate => {
                told.message = Some("termination_message");
                unanswered = true;
                Phase::Other
            }
            wire::Request::CopyData => return self.copy_data(bytes, transactions),
            wire::Request::CopyDone => return self.copy_end(None, transactions),
            wire::Request::CopyFail(reason) => return self.copy_end(Some(reason), transactions),
            wire::Request::Other => return Effect::Nothing,
        };
        self.unanswered = true;
        let Some(transaction) = begin(transactions) else {
            return Effect::Full;
        };
        if let Body::Pgsql(pgsql) = &mut transaction.body {
            pgsql.request = Some(told);
        }
        transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        if unanswered {
            transaction.advance(Direction::ToClient, Transaction::COMPLETE);
        }
        Effect::Nothing
    }

    /// Data of a COPY from the client: the first opens a transaction of its own.
    fn copy_data(&mut self, bytes: u64, transactions: &mut Transactions) -> Effect {
        self.unanswered = self.phase == Phase::CopyInOffered;
        let transaction = match self.phase {
            Phase::CopyInOffered => begin(transactions),
            Phase::CopyingIn => transactions.last(),
            _ => return Effect::Nothing,
        };
        self.phase = Phase::CopyingIn;
        match transaction {
            Some(transaction) => {
                if let Body::Pgsql(pgsql) = &mut transaction.body {
                    pgsql.amount.add(bytes);
                }
                Effect::Nothing
            }
            None => Effect::Full,
        }
    }

    fn copy_end(&mut self, failure: Option<&[u8]>, transactions: &mut Transactions) -> Effect {
        self.phase = Phase::Other;
        self.unanswered = false;
        if let Some(transaction) = transactions.last() {
            if let Body::Pgsql(pgsql) = &mut transaction.body {
                let request = pgsql.request.get_or_insert_default();
                if pgsql.amount.count > 0 {
                    request.copied = Some(pgsql.amount);
                }
                match failure {
                    Some(reason) => request.copy_fail = Some(reason.to_vec()),
                    None => request.message = Some("copy_done"),
                }
            }
            transaction.advance(Direction::ToServer, Transaction::COMPLETE);
        }
        Effect::Nothing
    }

    fn tls_answer(&mut self, letter: Option<u8>, transactions: &mut Transactions) -> Effect {
        self.phase = Phase::Other;
        self.unanswered = false;
        let accepted = match letter {
            Some(b'S') => true,
            Some(b'N') => false,
            _ => return Effect::Nothing,
        };
        if let Some(transaction) = transactions.last() {
            if let Body::Pgsql(pgsql) = &mut transaction.body {
                pgsql.response.get_or_insert_default().tls_accepted = Some(accepted);
            }
            complete(transaction);
        }
        if accepted {
            Effect::Tls
        } else {
            Effect::Nothing
        }
    }

    fn response(
        &mut self,
        response: wire::Response<'_>,
        bytes: u64,
        transactions: &mut Transactions,
    ) {
        if response == wire::Response::Other {
            // A notice before the answer begins the transaction that has the answer, as in Suricata's records.
            if self.unanswered {
                begin(transactions);
            }
            return;
        }
        self.unanswered = false;
        let phase = self.phase;
        self.phase = match &response {
            wire::Response::CleartextPassword | wire::Response::Md5Password { .. } => {
                Phase::PasswordAsked
            }
            wire::Response::Sasl => Phase::SaslOffered,
            wire::Response::SaslContinue => Phase::SaslUnderWay,
            wire::Response::CopyIn { .. } => Phase::CopyInOffered,
            wire::Response::ParameterStatus(_) => phase,
            _ => Phase::Other,
        };
        let Some(transaction) = transactions.last() else {
            return;
        };
        let Body::Pgsql(pgsql) = &mut transaction.body else {
            return;
        };
        if let wire::Response::DataRow { columns } = response {
            // Beside the values a row holds the count of columns and a length for each.
            let overhead = 2 + 4 * u64::from(columns);
            pgsql.amount.add(bytes.saturating_sub(overhead));
            return;
        }
        if response == wire::Response::CopyData {
            pgsql.amount.add(bytes);
            return;
        }
        let told = pgsql.response.get_or_insert_default();
        let done = match response {
            wire::Response::AuthenticationOk => {
                told.message = Some(b"authentication_ok".to_vec());
                false
            }
            wire::Response::CleartextPassword => {
                told.message = Some(b"authentication_cleartext_password".to_vec());
                true
            }
            wire::Response::Md5Password { salt } => {
                told.md5_salt = Some(salt.to_vec());
                true
            }
            wire::Response::Sasl => {
                told.message = Some(b"authentication_sasl".to_vec());
                true
            }
            wire::Response::SaslContinue => {
                told.message = Some(b"authentication_sasl_continue".to_vec());
                true
            }
            wire::Response::SaslFinal(data) => {
                told.sasl_final = Some(data.to_vec());
                true
            }
            wire::Response::ParameterStatus(parameter) => {
                if told.parameters.len() < MAX_PARAMETERS {
                    told.parameters.push(owned(parameter));
                }
                false
            }
            wire::Response::BackendKey { process, key } => {
                told.backend_key = Some((process, key));
                false
            }
            wire::Response::CommandComplete(command) => {
                if pgsql.amount.count > 0 {
                    told.rows = Some(std::mem::take(&mut pgsql.amount));
                }
                told.command = Some(command.to_vec());
                false
            }
            wire::Response::CopyOut { columns } => {
                told.copy_out = Some(columns);
                false
            }
            wire::Response::CopyIn { columns } => {
                told.copy_in = Some(columns);
                true
            }
            wire::Response::CopyDone => {
                if pgsql.amount.count > 0 {
                    told.copied = Some(std::mem::take(&mut pgsql.amount));
                }
                told.message = Some(b"copy_done".to_vec());
                false
            }
            wire::Response::RowDescription { fields } => {
                told.fields = Some(fields);
                false
            }
            wire::Response::Error(fields) => {
                for (kind, value) in &fields {
                    if *kind == b'M' {
                        told.message = Some(value.to_vec());
                    }
                }
                told.error = fields
                    .into_iter()
                    .map(|(kind, value)| (kind, value.to_vec()))
                    .collect();
                false
            }
            wire::Response::Ready => true,
            wire::Response::DataRow { .. } | wire::Response::CopyData | wire::Response::Other => {
                false
            }
        };
        if done {
            complete(transaction);
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
        let at = direction.index();
        if self.sides[at].lost {
            // A chunk that does not begin with a plausible message is passed over.
            match Framing::read(self.opening(direction), data) {
                Ok(Some(framing)) if framing.body_bytes <= MAX_BODY_BYTES as u64 => {
                    self.sides[at].lost = false;
                }
                _ => return Step::More,
            }
        }
        let mut rest = data;
        while !rest.is_empty() {
            let opening = self.opening(direction);
            let side = &mut self.sides[at];
            let mut message = match side.message {
                Some(message) => message,
                None => {
                    let before = side.held.len();
                    let room = MAX_HEADER_BYTES.saturating_sub(before).min(rest.len());
                    side.held.extend_from_slice(&rest[..room]);
                    match Framing::read(opening, &side.held) {
                        Ok(Some(framing)) => {
                            let taken = framing.header_bytes.saturating_sub(before);
                            rest = &rest[taken.min(rest.len())..];
                            side.held.clear();
                            Message {
                                tag: framing.tag,
                                body_bytes: framing.body_bytes,
                                left: framing.body_bytes,
                            }
                        }
                        Ok(None) => return Step::More,
                        Err(wire::InvalidLength) => {
                            raise_apart(transactions, events::INVALID_LENGTH);
                            return Step::Failed;
                        }
                    }
                }
            };
            let share =
                usize::try_from(message.left).map_or(rest.len(), |left| left.min(rest.len()));
            let (body, after) = rest.split_at(share);
            let room = kept_of(message.tag).saturating_sub(side.held.len());
            side.held.extend_from_slice(&body[..body.len().min(room)]);
            message.left -= share as u64;
            rest = after;
            if message.left > 0 {
                side.message = Some(message);
                return Step::More;
            }
            side.message = None;
            let held = std::mem::take(&mut side.held);
            match self.message(direction, message, &held, transactions) {
                Effect::Nothing => {}
                Effect::Full => return Step::Finished,
                Effect::Tls => {
                    return Step::Change {
                        rest: rest.len(),
                        other: Vec::new(),
                        port: Some(TLS_PORT),
                        expect: Some(Protocol::Tls),
                    };
                }
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
        let side = &mut self.sides[direction.index()];
        // A gap within a body that is only counted does no harm.
        if let Some(message) = &mut side.message
            && message.left > bytes
        {
            message.left -= bytes;
            return Step::More;
        }
        side.message = None;
        side.held.clear();
        side.lost = true;
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}

/// Bytes of the body of such a message that are kept.
fn kept_of(tag: Option<u8>) -> usize {
    match tag {
        Some(b'D' | b'd' | b'T' | b'H' | b'G') => 4,
        _ => MAX_BODY_BYTES,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
