//! How near a signature came to matching, for people who write rules.
//!
//! The trace listens to the engine itself: inspection is compiled twice, with and without it, so that it costs
//! nothing where nobody listens. A traced signature is looked at with everything that passes, whether its fast
//! pattern calls it or not; what it says is the same, for a fast pattern is one of its conditions.

use std::net::IpAddr;

use rules::signature::{BufferCondition, Signature};
use sensor_flow::Direction;

use crate::compile::Compiled;
use crate::subject::Traffic;

/// Attempts that are kept of each signature, the best ones.
pub const ATTEMPT_LIMIT: usize = 16;
/// Bytes of a buffer that are kept of an attempt, around the place where it ended.
pub const SHOWN_BYTES: usize = 512;

/// What of a header does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMiss {
    Protocol,
    IpVersion,
    WithoutFlow,
    SourcePort,
    DestinationPort,
    SourceAddress,
    DestinationAddress,
    /// The rule looks at the other direction of the flow.
    Direction,
    Fragments,
    NotEstablished,
    Established,
}

/// Why a signature did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    Header(HeaderMiss),
    /// The flow is of another application protocol.
    AppProtocol {
        found: &'static str,
    },
    /// Index of the condition in [`Signature::conditions`].
    Condition(usize),
    /// Index in [`Signature::flowbits`].
    FlowBits(usize),
    /// Index in [`Signature::flowints`].
    FlowInts(usize),
    /// Index in [`Signature::variable_tests`].
    Variables(usize),
    HostBits,
    /// The list (index in [`Signature::buffers`]) has no bytes to look at: the buffer is not there, or not yet.
    NoBuffer {
        list: usize,
    },
    Bytes(BytesMiss),
}

/// A condition on bytes that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BytesMiss {
    /// Index in [`Signature::buffers`].
    pub list: usize,
    /// Index among the conditions of the list.
    pub condition: usize,
    /// Where the last match before it ended, in the buffer.
    pub position: usize,
    /// Bytes of the buffer, as the condition sees it (transformed, decoded).
    pub data: Vec<u8>,
    /// Where `data` begins in the buffer.
    pub from: usize,
    /// Bytes that the buffer has so far.
    pub length: usize,
}

/// One look at traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub frame: Option<u64>,
    pub time_ns: i64,
    pub source: Option<(IpAddr, u16)>,
    pub destination: Option<(IpAddr, u16)>,
    pub direction: Direction,
    pub transaction: Option<u64>,
    pub missed: Missed,
    /// The more of the rule held, the higher.
    pub score: u32,
    flow: Option<u64>,
}

impl Attempt {
    /// Later looks at the same thing take the place of earlier ones.
    fn is_same_look(&self, other: &Attempt) -> bool {
        let kind = |missed: &Missed| match missed {
            Missed::Bytes(bytes) => Some(bytes.list),
            Missed::NoBuffer { list } => Some(*list),
            _ => None,
        };
        self.flow.is_some()
            && self.flow == other.flow
            && self.direction == other.direction
            && self.transaction == other.transaction
            && match (kind(&self.missed), kind(&other.missed)) {
                (Some(one), Some(another)) => one == another && self.transaction.is_some(),
                (None, None) => self.missed == other.missed,
                _ => false,
            }
    }
}

/// What one signature did.
#[derive(Debug, Clone, Default)]
pub struct Traced {
    /// Looks in all.
    pub looks: u64,
    pub matches: u64,
    /// Matches that became alerts: thresholds, suppressions, `noalert` and `pass` take some away.
    pub alerts: u64,
    /// The best first.
    pub attempts: Vec<Attempt>,
}

impl Traced {
    fn note(&mut self, attempt: Attempt) {
        self.looks += 1;
        if let Some(at) = self
            .attempts
            .iter()
            .position(|other| other.is_same_look(&attempt))
        {
            if self.attempts[at].score > attempt.score {
                return;
            }
            self.attempts.remove(at);
        }
        let at = self
            .attempts
            .partition_point(|other| other.score >= attempt.score);
        if at < ATTEMPT_LIMIT {
            self.attempts.truncate(ATTEMPT_LIMIT - 1);
            self.attempts.insert(at, attempt);
        }
    }
}

/// How far an evaluation of a list came.
pub(crate) struct Depth {
    /// Checks that held.
    pub held: usize,
    pub position: usize,
    data: Vec<u8>,
    from: usize,
    length: usize,
}

impl Depth {
    pub fn new(held: usize, position: usize, data: &[u8]) -> Self {
        let from = position.min(data.len()).saturating_sub(SHOWN_BYTES / 2);
        let end = data.len().min(from + SHOWN_BYTES);
        Depth {
            held,
            position,
            data: data[from..end].to_vec(),
            from,
            length: data.len(),
        }
    }
}

/// The signatures that are listened to.
#[derive(Default)]
pub struct Trace {
    targets: Vec<(u32, Traced)>,
    /// Of the list under evaluation.
    deepest: Option<Depth>,
}

impl Trace {
    pub(crate) fn new(signatures: &[u32]) -> Self {
        let mut targets: Vec<(u32, Traced)> = signatures
            .iter()
            .map(|&index| (index, Traced::default()))
            .collect();
        targets.sort_by_key(|(index, _)| *index);
        Trace {
            targets,
            deepest: None,
        }
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = u32> {
        self.targets.iter().map(|(index, _)| *index)
    }

    fn of(&mut self, signature: u32) -> Option<&mut Traced> {
        let at = self
            .targets
            .binary_search_by_key(&signature, |(index, _)| *index)
            .ok()?;
        Some(&mut self.targets[at].1)
    }

    /// What became of each signature, by its number.
    pub fn traced(&self) -> impl Iterator<Item = (u32, &Traced)> {
        self.targets.iter().map(|(index, traced)| (*index, traced))
    }

    pub(crate) fn matched(&mut self, signature: u32) {
        if let Some(traced) = self.of(signature) {
            traced.looks += 1;
            traced.matches += 1;
        }
    }

    pub(crate) fn alerted(&mut self, signature: u32) {
        if let Some(traced) = self.of(signature) {
            traced.alerts += 1;
        }
    }

    /// A list begins.
    pub(crate) fn begin(&mut self) {
        self.deepest = None;
    }

    /// One occurrence of the list's buffer was evaluated.
    pub(crate) fn evaluated(&mut self, depth: Depth) {
        if self
            .deepest
            .as_ref()
            .is_none_or(|other| other.held <= depth.held)
        {
            self.deepest = Some(depth);
        }
    }

    /// The list did not hold; what of it held is known since [`Self::begin`].
    pub(crate) fn list(&mut self, signature: &Signature, list: usize) -> (Missed, u32) {
        match self.deepest.take() {
            None => (Missed::NoBuffer { list }, 0),
            Some(depth) => {
                let held = u32::try_from(depth.held).unwrap_or(u32::MAX).min(98) + 1;
                let missed = Missed::Bytes(BytesMiss {
                    list,
                    condition: condition_of(signature, list, depth.held),
                    position: depth.position,
                    data: depth.data,
                    from: depth.from,
                    length: depth.length,
                });
                (missed, held)
            }
        }
    }

    pub(crate) fn note(
        &mut self,
        one: &Compiled,
        index: u32,
        traffic: &Traffic<'_>,
        transaction: Option<u64>,
        missed: Missed,
        held: u32,
    ) {
        let Some(traced) = self.of(index) else { return };
        let score = held
            + match &missed {
                Missed::Header(miss) => *miss as u32,
                Missed::AppProtocol { found: "unknown" } => 15,
                Missed::AppProtocol { .. } => 20,
                Missed::Condition(at)
                    if one
                        .signature
                        .conditions
                        .get(*at)
                        .is_some_and(|condition| condition.is_of_transaction()) =>
                {
                    50_000
                }
                Missed::Condition(_) => 30,
                Missed::FlowBits(_)
                | Missed::FlowInts(_)
                | Missed::Variables(_)
                | Missed::HostBits => 60,
                Missed::NoBuffer { list } => 100 + 100 * u32::try_from(*list).unwrap_or(99),
                Missed::Bytes(bytes) => 100 + 100 * u32::try_from(bytes.list).unwrap_or(99),
            };
        let ends = traffic
            .packet
            .addresses()
            .zip(Some(traffic.packet.ports().unwrap_or_default()));
        traced.note(Attempt {
            frame: traffic.frame,
            time_ns: traffic.now_ns,
            source: ends.map(|((source, _), (port, _))| (source, port)),
            destination: ends.map(|((_, destination), (_, port))| (destination, port)),
            direction: traffic.direction,
            transaction,
            missed,
            score,
            flow: traffic.flow.map(|flow| flow.id.0),
        });
    }
}

/// The condition behind a check: `base64_data` is one check with its `base64_decode`.
fn condition_of(signature: &Signature, list: usize, check: usize) -> usize {
    let Some(list) = signature.buffers.get(list) else {
        return check;
    };
    let is_part = |at: &usize| {
        !matches!(
            (at.checked_sub(1).and_then(|before| list.conditions.get(before)), list.conditions.get(*at)),
            (Some(BufferCondition::Base64Decode(_)), Some(BufferCondition::Base64Data(inner))) if !inner.is_empty()
        )
    };
    (0..list.conditions.len())
        .filter(is_part)
        .nth(check)
        .unwrap_or(check)
}
