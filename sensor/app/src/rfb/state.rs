//! The handshake → the one transaction of a connection. Both sides speak in turn, so one stage serves both.

use sensor_bytes::Reader;
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::midway;
use super::wire::{
    NoMessage, SecurityResult, SecurityType, ServerInit, Version, security_types, text,
};
use super::{
    CONFUSED_STATE, MALFORMED_MESSAGE, UNIMPLEMENTED_SECURITY_TYPE, UNKNOWN_SECURITY_RESULT, event,
};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// What the handshake has told so far.
#[derive(Debug, Default)]
pub struct RfbTransaction {
    pub server_version: Option<Version>,
    pub client_version: Option<Version>,
    pub security_type: Option<SecurityType>,
    pub challenge: Option<[u8; 16]>,
    pub response: Option<[u8; 16]>,
    pub result: Option<SecurityResult>,
    pub failure: Option<Vec<u8>>,
    /// The client lets others share the screen.
    pub shared: Option<bool>,
    pub screen: Option<ServerInit>,
}

impl RfbTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Rfb(Box::new(event::record(self)))
    }
}

/// The message that comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    ServerVersion,
    ClientVersion,
    SecurityTypes,
    Selection,
    /// Version 3.3: the server's choice.
    ServerChoice,
    Challenge,
    Response,
    Result,
    Failure,
    ClientInit,
    ServerInit,
    /// The handshake is over, or cannot be followed.
    Over,
}

impl Stage {
    fn sender(self) -> Direction {
        match self {
            Stage::ClientVersion | Stage::Selection | Stage::Response | Stage::ClientInit => {
                Direction::ToServer
            }
            _ => Direction::ToClient,
        }
    }
}

#[derive(Debug, Default)]
pub struct State {
    stage: Stage,
    held: [Vec<u8>; 2],
    transaction: Option<u64>,
}

/// The stage that follows, with an oddity.
type Next = (Stage, Option<u16>);

impl State {
    /// Reads the next message into the transaction.
    fn message(
        stage: Stage,
        reader: &mut Reader<'_>,
        rfb: &mut RfbTransaction,
    ) -> Result<Next, NoMessage> {
        let next = match stage {
            Stage::ServerVersion => {
                rfb.server_version = Some(Version::read(reader)?);
                Stage::ClientVersion
            }
            Stage::ClientVersion => {
                let version = Version::read(reader)?;
                rfb.client_version = Some(version);
                if version.server_chooses() {
                    Stage::ServerChoice
                } else {
                    Stage::SecurityTypes
                }
            }
            Stage::SecurityTypes => {
                if security_types(reader)?.is_empty() {
                    Stage::Failure
                } else {
                    Stage::Selection
                }
            }
            Stage::Selection => return Ok(chosen(u32::from(reader.u8()?), rfb)),
            Stage::ServerChoice => return Ok(chosen(reader.u32()?, rfb)),
            Stage::Challenge => {
                rfb.challenge = Some(reader.array()?);
                Stage::Response
            }
            Stage::Response => {
                rfb.response = Some(reader.array()?);
                Stage::Result
            }
            Stage::Result => {
                let result = SecurityResult(reader.u32()?);
                rfb.result = Some(result);
                match result {
                    SecurityResult::OK => Stage::ClientInit,
                    SecurityResult::FAIL => Stage::Failure,
                    _ => return Ok((Stage::Over, Some(UNKNOWN_SECURITY_RESULT))),
                }
            }
            Stage::Failure => {
                rfb.failure = Some(text(reader)?.to_vec());
                Stage::Over
            }
            Stage::ClientInit => {
                rfb.shared = Some(reader.u8()? != 0);
                Stage::ServerInit
            }
            Stage::ServerInit => {
                rfb.screen = Some(ServerInit::read(reader)?);
                Stage::Over
            }
            Stage::Over => Stage::Over,
        };
        Ok((next, None))
    }

    /// The transaction, begun on first use.
    fn transaction<'t>(
        &mut self,
        transactions: &'t mut Transactions,
    ) -> Option<&'t mut Transaction> {
        if let Some(id) = self.transaction {
            return transactions.with_id(id);
        }
        let transaction = transactions.begin(Body::Rfb(Box::default()))?;
        self.transaction = Some(transaction.id);
        Some(transaction)
    }
}

fn chosen(security_type: u32, rfb: &mut RfbTransaction) -> Next {
    let security_type = SecurityType(security_type);
    rfb.security_type = Some(security_type);
    let told = rfb
        .client_version
        .is_some_and(|version| version.always_tells_result());
    match security_type {
        SecurityType::INVALID => (Stage::Failure, None),
        SecurityType::NONE if told => (Stage::Result, None),
        SecurityType::NONE => (Stage::ClientInit, None),
        SecurityType::VNC => (Stage::Challenge, None),
        _ => (Stage::Over, Some(UNIMPLEMENTED_SECURITY_TYPE)),
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
            return Step::More;
        }
        // At most one message is held: no stage lets more than a name or reason come.
        let mut held = std::mem::take(&mut self.held[direction.index()]);
        held.extend_from_slice(data);
        let mut reader = Reader::new(&held);
        // The beginning of the flow was not seen.
        if self.stage == Stage::ServerVersion && self.transaction.is_none() {
            match direction {
                Direction::ToClient if midway::screen(&held) => self.stage = Stage::ServerInit,
                Direction::ToServer if midway::messages(&held) => self.stage = Stage::Over,
                _ => {}
            }
        }
        while !reader.is_empty() && self.stage != Stage::Over {
            let stage = self.stage;
            let Some(transaction) = self.transaction(transactions) else {
                return Step::Failed;
            };
            let Body::Rfb(rfb) = &mut transaction.body else {
                return Step::Failed;
            };
            let mut ahead = reader;
            let (next, oddity) = if stage.sender() != direction {
                (Stage::Over, Some(CONFUSED_STATE))
            } else {
                match Self::message(stage, &mut ahead, rfb) {
                    Ok(next) => next,
                    Err(NoMessage::Short) => break,
                    Err(NoMessage::Malformed)
                        if matches!(stage, Stage::ServerVersion | Stage::ClientVersion) =>
                    {
                        // Without any version there is nothing to tell.
                        transaction.silent |= stage == Stage::ServerVersion;
                        return Step::Failed;
                    }
                    Err(NoMessage::Malformed) => (Stage::Over, Some(MALFORMED_MESSAGE)),
                }
            };
            if oddity != Some(CONFUSED_STATE) {
                let length = ahead.position() - reader.position();
                let rest = held.len() - reader.position();
                let frames = &mut transactions.frames;
                frames.add(direction, "pdu", rest, Some(length as u64));
            }
            reader = ahead;
            let Some(transaction) = self.transaction(transactions) else {
                return Step::Failed;
            };
            if let Some(event) = oddity {
                transaction.raise(event);
            }
            // After the reason of a failure only the end of the session is awaited.
            if next == Stage::Over && stage != Stage::Failure {
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
            }
            self.stage = next;
        }
        if self.stage == Stage::Over {
            self.held = Default::default();
        } else {
            let used = reader.position();
            held.drain(..used);
            self.held[direction.index()] = held;
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        // The screen's contents may have gaps, the handshake may not.
        if self.stage == Stage::Over {
            Step::More
        } else {
            Step::Failed
        }
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.held[direction.index()] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 5900,
        client_port: 40_000,
    };
    const SCREEN: &[u8] =
        b"\x05\0\x03\x20\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\x02hi";
    const SECRET: &[u8] = b"0123456789abcdef";

    fn run(pieces: &[(Direction, &[u8])]) -> (Transactions, Step) {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let mut step = Step::More;
        for (direction, bytes) in pieces {
            step = state.chunk(
                *direction,
                bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        (transactions, step)
    }

    fn json(transactions: &Transactions) -> String {
        let record = transactions.live().front().map(Transaction::record);
        serde_json::to_string(&record).expect("a record serialises")
    }

    #[test]
    fn handshakes() {
        let rows: &[(&[(Direction, &[u8])], bool, &[u16])] = &[
            // Version 3.7 with a password.
            (
                &[
                    (ToClient, b"RFB 003.008\n"),
                    (ToServer, b"RFB 003.007\n"),
                    (ToClient, b"\x01\x02"),
                    (ToServer, b"\x02"),
                    (ToClient, SECRET),
                    (ToServer, SECRET),
                    (ToClient, b"\0\0\0\0"),
                    (ToServer, b"\x01"),
                    (ToClient, SCREEN),
                ],
                true,
                &[],
            ),
            // Version 3.8 without one still has a result.
            (
                &[
                    (ToClient, b"RFB 003.008\n"),
                    (ToServer, b"RFB 003.008\n"),
                    (ToClient, b"\x01\x01"),
                    (ToServer, b"\x01"),
                    (ToClient, b"\0\0\0\0"),
                    (ToServer, b"\x01"),
                    (ToClient, SCREEN),
                ],
                true,
                &[],
            ),
            // The end of a refused session completes it.
            (
                &[
                    (ToClient, b"RFB 003.003\n"),
                    (ToServer, b"RFB 003.003\n"),
                    (ToClient, b"\0\0\0\0\0\0\0\x02no"),
                ],
                false,
                &[],
            ),
            (
                &[
                    (ToClient, b"RFB 003.003\n"),
                    (ToServer, b"RFB 003.003\n"),
                    (ToClient, b"\0\0\0\x10"),
                ],
                true,
                &[UNIMPLEMENTED_SECURITY_TYPE],
            ),
            (
                &[(ToClient, b"RFB 003.003\n"), (ToClient, b"RFB 003.003\n")],
                true,
                &[CONFUSED_STATE],
            ),
            (&[(ToClient, b"RFB 003.003\n")], false, &[]),
        ];
        for (pieces, complete, events) in rows {
            let (transactions, step) = run(pieces);
            let transaction = &transactions.live()[0];
            assert_eq!(step, Step::More);
            assert_eq!(transaction.is_complete(ToServer), *complete, "{pieces:?}");
            assert_eq!(transaction.events, *events, "{pieces:?}");
        }
    }

    #[test]
    fn what_is_no_version_ends_parsing() {
        assert_eq!(run(&[(ToClient, b"RFB 3.8 and more\n")]).1, Step::Failed);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transaction(cuts in proptest::collection::vec(1usize..9, 1..9)) {
            let turns: &[(Direction, &[u8])] = &[
                (ToClient, b"RFB 003.008\n"),
                (ToServer, b"RFB 003.008\n"),
                (ToClient, b"\x01\x02"),
                (ToServer, b"\x02"),
                (ToClient, SECRET),
                (ToServer, SECRET),
                (ToClient, b"\0\0\0\0"),
                (ToServer, b"\x01"),
                (ToClient, SCREEN),
            ];
            let mut cuts = cuts.into_iter().cycle();
            let mut pieces = Vec::new();
            for (direction, bytes) in turns {
                let mut rest = *bytes;
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                    pieces.push((*direction, piece));
                    rest = after;
                }
            }
            prop_assert_eq!(json(&run(&pieces).0), json(&run(turns).0));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            run(&[(ToClient, &bytes), (ToServer, &bytes)]);
            let (transactions, _) = run(&[
                (ToClient, b"RFB 003.008\n"),
                (ToServer, b"RFB 003.003\n"),
                (ToClient, &bytes),
                (ToServer, &bytes),
            ]);
            json(&transactions);
        }
    }
}
