//! What a protocol's folder gives to the rest: how to recognise it, and a state machine.

use std::fmt;

use crate::transactions::Transactions;
use crate::{Context, Limits, Protocol, Transaction};
use sensor_flow::Direction;

/// How bytes reach a parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In-order stream.
    Tcp,
    /// Whole datagrams.
    Udp,
}

/// The first bytes of one side, for a protocol to recognise itself.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'a> {
    pub transport: Transport,
    /// The side on which the bytes came.
    pub direction: Direction,
    /// From the side's first byte on (TCP), or one datagram.
    pub data: &'a [u8],
    /// Ports at which to expect the protocol; after CONNECT the port that the client asked for.
    pub server_port: u16,
    pub client_port: u16,
    /// Flows may be met midway, so that their sides may be the wrong way round.
    pub midway: bool,
    /// The beginning of this flow was not seen: these may be bytes from amid a conversation, and the sides may be the
    /// wrong way round.
    pub midstream: bool,
    /// What the other side has told to be; `Unknown` as long as it has not.
    pub other: Protocol,
    /// What the other side of a stream has said, as long as it waits for its protocol.
    pub other_data: &'a [u8],
}

impl Prefix<'_> {
    /// Whether the flow goes to one of these ports, or may do so.
    pub fn is_at(&self, ports: &[u16]) -> bool {
        ports.contains(&self.server_port) || self.midway && ports.contains(&self.client_port)
    }

    /// Whether, in a flow whose beginning was not seen, the ports say that its client is the server: where only one of
    /// them is one of those that need a privilege (below 1024), servers listen there.
    pub fn looks_turned(&self) -> bool {
        const PRIVILEGED: u16 = 1024;
        self.midstream && self.client_port < PRIVILEGED && self.server_port >= PRIVILEGED
    }

    /// What to say of a message that either side may send.
    pub fn of_either_side(&self) -> Verdict {
        if self.looks_turned() {
            Verdict::Reversed
        } else {
            Verdict::Yes
        }
    }

    /// Whether the port or the other side speaks for the protocol.
    pub fn expects(&self, protocol: Protocol, ports: &[u16]) -> bool {
        self.is_at(ports) || self.other == protocol
    }

    /// Whether these are the first words of a client of whom nothing else is known: on a port that is not its own,
    /// a protocol tells itself by them alone, and has to be strict.
    pub fn opens(&self) -> bool {
        self.direction == Direction::ToServer && !self.other.is_known()
    }
}

/// What a probe says of a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    /// It is this protocol, and the bytes go the other way round: their sender is the server when the
    /// flow has it as client. Used when the start of the flow was not seen.
    Reversed,
    No,
    /// More bytes are needed to tell.
    More,
}

/// What became of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Waiting for more.
    More,
    /// Nothing more of this side is of use.
    Finished,
    /// The bytes make no sense: neither side of the stream will be parsed any further. Of datagrams it is this one.
    Failed,
    /// Another protocol follows (STARTTLS, CONNECT, upgrade), on both sides.
    Change {
        /// Bytes at the end of this chunk that belong to it.
        rest: usize,
        /// Bytes of the other side that were kept for what comes.
        other: Vec<u8>,
        /// Port to detect by, when it is not the flow's.
        port: Option<u16>,
        expect: Option<Protocol>,
    },
}

/// State machine of one flow of one protocol. Transactions are reached by id, as their user may have
/// retired them.
pub trait Parser: fmt::Debug + Send {
    /// In-order bytes (TCP) or one datagram (UDP). Bytes are never offered twice: what is needed later
    /// the parser keeps, within a limit of its own.
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        context: &Context,
        limits: &Limits,
    ) -> Step;

    /// Bytes that will never come.
    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        context: &Context,
        limits: &Limits,
    ) -> Step;

    /// No more bytes from this side.
    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        context: &Context,
        limits: &Limits,
    );

    /// A rule has switched off the record of a transaction; what belongs to it may be silent too.
    fn silenced(&mut self, _transaction: &Transaction) {}

    /// The change of protocol that the last step asked for does not take place: the flow goes on as it was.
    fn stay(&mut self, _direction: Direction, _transactions: &mut Transactions) {}

    /// What the flow has turned out to be beyond its protocol.
    fn protocol(&self) -> Option<Protocol> {
        None
    }

    /// The last chunk only went on with what is awaited as a whole: nothing has changed for rules.
    fn is_idle(&self) -> bool {
        false
    }

    /// What both sides say by now is in cipher: rules on content find nothing in it.
    fn is_encrypted(&self) -> bool {
        false
    }
}
