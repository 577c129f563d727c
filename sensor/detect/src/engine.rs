//! A rule set, compiled: shared by all workers, never changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use rules::signature::{Action, BitOperation, Condition, HeaderDirection, Signature, Transform};
use sensor_app::{BufferRow, PROTOCOLS, Protocol};
use sensor_flow::Direction;

use crate::compile::{self, Compiled, Kind, Layer4, PatternHome, Shared};
use crate::dataset::DatasetTable;
use crate::header::{AddressIndex, AddressSets};
use crate::hosts::HostBits;
use crate::prefilter::{Matcher, MatcherBuilder};
use crate::threshold::Thresholds;
use crate::transform::Step;
use crate::vocabulary::{BufferHome, Names};

/// A signature that parsed but cannot run.
#[derive(Debug, Clone, thiserror::Error)]
#[error("sid {sid}: {reason}")]
pub struct CompileFault {
    pub sid: u32,
    pub reason: String,
    /// The rule as written.
    pub text: String,
}

impl CompileFault {
    pub(crate) fn of(signature: &Signature, reason: String) -> Self {
        CompileFault {
            sid: signature.sid,
            reason,
            text: signature.text.clone(),
        }
    }
}

/// One matcher over one buffer of one protocol and side.
pub(crate) struct Scanner {
    pub row: &'static BufferRow,
    pub steps: Vec<Step>,
    pub matcher: Matcher,
}

/// Inspection of the transactions of one protocol and side.
#[derive(Default)]
pub(crate) struct TransactionGroup {
    pub scanners: Vec<Scanner>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// Layer-four groups: TCP, UDP, ICMP, everything else.
pub(crate) const GROUPS: usize = 4;

pub(crate) fn group_of(ip_proto: Option<u8>) -> usize {
    match ip_proto {
        Some(6) => 0,
        Some(17) => 1,
        Some(1 | 58) => 2,
        _ => 3,
    }
}

/// Inspection of packets of one layer-four group and side.
#[derive(Default)]
pub(crate) struct PacketGroup {
    /// Over the payload of packets that are no part of a followed stream.
    pub payload: Option<Matcher>,
    /// Over the payload of every packet: signatures with packet keywords or fixed places.
    pub every_payload: Option<Matcher>,
    /// Over stream data.
    pub stream: Option<Matcher>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// Figures of a compiled rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub signatures: usize,
    pub ip_only: usize,
    pub packet: usize,
    pub transaction: usize,
    /// Signatures on protocols without a parser.
    pub waiting: usize,
    /// Signatures that no fast pattern calls.
    pub without_pattern: usize,
    pub matchers: usize,
    pub patterns: usize,
    pub matcher_bytes: usize,
}

/// The compiled rule set.
pub struct Engine {
    pub(crate) names: Names,
    pub(crate) signatures: Vec<Compiled>,
    pub(crate) addresses: AddressSets,
    pub(crate) datasets: DatasetTable,
    pub(crate) flowbit_names: Vec<String>,
    pub(crate) ip_only_source: AddressIndex,
    pub(crate) ip_only_destination: AddressIndex,
    pub(crate) ip_only_always: Vec<u32>,
    pub(crate) packet_groups: [[PacketGroup; 2]; GROUPS],
    /// Looked at only on packets with decoder events.
    pub(crate) decode_event_rules: Vec<u32>,
    /// Looked at only on packets with stream events.
    pub(crate) stream_event_rules: Vec<u32>,
    pub(crate) transaction_groups: BTreeMap<Protocol, [TransactionGroup; 2]>,
    pub(crate) thresholds: Mutex<Thresholds>,
    pub(crate) host_bits: Mutex<HostBits>,
    summary: Summary,
}

type TransactionKey = (Protocol, usize, rules::BufferId, Vec<Transform>);

#[derive(Default)]
struct Builders {
    payload: [[MatcherBuilder; 2]; GROUPS],
    every_payload: [[MatcherBuilder; 2]; GROUPS],
    stream: [[MatcherBuilder; 2]; GROUPS],
    transactions: BTreeMap<(Protocol, usize, u16, String), (TransactionKey, MatcherBuilder)>,
}

impl Engine {
    /// Compiles signatures. Those that cannot run are told apart; the others run.
    ///
    /// `directories` are where datasets with relative paths are looked for.
    pub fn new(
        names: Names,
        signatures: Vec<Signature>,
        directories: Vec<PathBuf>,
    ) -> (Engine, Vec<CompileFault>) {
        let mut faults = Vec::new();
        let mut shared = Shared {
            names: &names,
            addresses: AddressSets::default(),
            datasets: DatasetTable::new(directories),
            flowbits: Default::default(),
            hostbits: Default::default(),
        };
        let mut compiled = Vec::with_capacity(signatures.len());
        for signature in signatures {
            match compile::compile(signature, &mut shared) {
                Ok(one) => compiled.push(one),
                Err(fault) => faults.push(fault),
            }
        }
        let Shared {
            addresses,
            datasets,
            flowbits,
            ..
        } = shared;
        compiled.sort_by_key(|one| {
            (
                action_rank(one.signature.action),
                bit_rank(one),
                one.signature.priority,
            )
        });
        let mut engine = Engine {
            names,
            signatures: compiled,
            addresses,
            datasets,
            flowbit_names: flowbits.names,
            ip_only_source: AddressIndex::default(),
            ip_only_destination: AddressIndex::default(),
            ip_only_always: Vec::new(),
            packet_groups: Default::default(),
            decode_event_rules: Vec::new(),
            stream_event_rules: Vec::new(),
            transaction_groups: PROTOCOLS
                .iter()
                .map(|row| (row.protocol, Default::default()))
                .collect(),
            thresholds: Mutex::default(),
            host_bits: Mutex::default(),
            summary: Summary::default(),
        };
        engine.distribute();
        (engine, faults)
    }

    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The rule vocabulary of this sensor.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The signature of a [`crate::Match`].
    pub fn signature(&self, index: u32) -> &Signature {
        &self.signatures[index as usize].signature
    }

    /// `metadata` of a signature, values by key.
    pub fn metadata(&self, index: u32) -> &BTreeMap<String, Vec<String>> {
        &self.signatures[index as usize].metadata
    }

    /// `reference`s of a signature as links.
    pub fn references(&self, index: u32) -> &[String] {
        &self.signatures[index as usize].references
    }

    /// Name of a flow bit.
    pub fn flowbit_name(&self, bit: u32) -> &str {
        self.flowbit_names
            .get(bit as usize)
            .map_or("", String::as_str)
    }

    /// Whether any rule asks for a stream event, by its number.
    pub fn asks_for_stream_event(&self, number: u16) -> bool {
        self.stream_event_rules.iter().any(|&index| {
            let conditions = &self.signature(index).conditions;
            conditions.contains(&Condition::StreamEvent(number))
        })
    }

    /// Whether any rule asks for transactions of a protocol.
    pub fn inspects(&self, protocol: Protocol) -> bool {
        self.transaction_groups.get(&protocol).is_some_and(|sides| {
            sides
                .iter()
                .any(|side| !side.scanners.is_empty() || !side.always.is_empty())
        })
    }

    /// Whether no rule has anything left to look at on a side of a transaction.
    pub fn is_done(
        &self,
        state: &crate::FlowState,
        protocol: Protocol,
        id: u64,
        direction: Direction,
    ) -> bool {
        let idle = self.transaction_groups.get(&protocol).is_none_or(|sides| {
            let side = &sides[direction.index()];
            side.scanners.is_empty() && side.always.is_empty()
        });
        idle || state.has_passed() || state.is_done(id, direction)
    }

    fn distribute(&mut self) {
        let mut builders = Builders::default();
        let mut by_source = Vec::new();
        let mut by_destination = Vec::new();
        for (index, one) in self.signatures.iter().enumerate() {
            let index = index as u32;
            self.summary.signatures += 1;
            if one.pattern.is_none() {
                self.summary.without_pattern += 1;
            }
            match one.kind {
                Kind::IpOnly => {
                    self.summary.ip_only += 1;
                    match (one.source, one.destination) {
                        // The rule with both directions is looked for at both ends.
                        (Some(source), _)
                            if one.signature.direction != HeaderDirection::Both
                                && !one.signature.source.include.is_empty() =>
                        {
                            by_source.push((index, source));
                        }
                        (_, Some(destination))
                            if one.signature.direction != HeaderDirection::Both
                                && !one.signature.destination.include.is_empty() =>
                        {
                            by_destination.push((index, destination));
                        }
                        _ => self.ip_only_always.push(index),
                    }
                }
                Kind::Packet => {
                    self.summary.packet += 1;
                    distribute_packet(
                        &mut self.packet_groups,
                        &mut self.decode_event_rules,
                        &mut self.stream_event_rules,
                        &mut builders,
                        index,
                        one,
                    );
                }
                Kind::Waiting => self.summary.waiting += 1,
                Kind::Transaction => {
                    self.summary.transaction += 1;
                    distribute_transaction(
                        &self.names,
                        &mut self.transaction_groups,
                        &mut builders,
                        index,
                        one,
                    );
                }
            }
        }
        self.ip_only_source = AddressIndex::build(&self.addresses, &by_source);
        self.ip_only_destination = AddressIndex::build(&self.addresses, &by_destination);
        self.build_matchers(builders);
    }

    fn build_matchers(&mut self, builders: Builders) {
        let Builders {
            payload,
            every_payload,
            stream,
            transactions,
        } = builders;
        let summary = &mut self.summary;
        let mut build = |builder: MatcherBuilder| {
            let matcher = builder.build();
            if matcher.patterns() == 0 {
                return None;
            }
            summary.matchers += 1;
            summary.patterns += matcher.patterns();
            summary.matcher_bytes += matcher.memory_bytes();
            Some(matcher)
        };
        for (group, ((payload, every_payload), stream)) in payload
            .into_iter()
            .zip(every_payload)
            .zip(stream)
            .enumerate()
        {
            for (side, ((payload, every_payload), stream)) in payload
                .into_iter()
                .zip(every_payload)
                .zip(stream)
                .enumerate()
            {
                let at = &mut self.packet_groups[group][side];
                at.payload = build(payload);
                at.every_payload = build(every_payload);
                at.stream = build(stream);
            }
        }
        for ((protocol, side, buffer, transforms), builder) in transactions.into_values() {
            let Some(matcher) = build(builder) else {
                continue;
            };
            let BufferHome::App(rows) = self.names.buffer(buffer) else {
                continue;
            };
            let Some((_, row)) = rows.iter().find(|(other, _)| *other == protocol) else {
                continue;
            };
            // The same transformations compiled once already, in the signature.
            let Ok(steps) = crate::transform::compile(&transforms) else {
                continue;
            };
            if let Some(sides) = self.transaction_groups.get_mut(&protocol) {
                sides[side].scanners.push(Scanner {
                    row,
                    steps,
                    matcher,
                });
            }
        }
    }
}

fn distribute_packet(
    groups: &mut [[PacketGroup; 2]; GROUPS],
    decode_event_rules: &mut Vec<u32>,
    stream_event_rules: &mut Vec<u32>,
    builders: &mut Builders,
    index: u32,
    one: &Compiled,
) {
    let conditions = &one.signature.conditions;
    if conditions
        .iter()
        .any(|condition| matches!(condition, Condition::DecodeEvent(_)))
    {
        return decode_event_rules.push(index);
    }
    if conditions
        .iter()
        .any(|condition| matches!(condition, Condition::StreamEvent(_)))
    {
        return stream_event_rules.push(index);
    }
    for (group, sides) in groups.iter_mut().enumerate() {
        let wanted = match one.layer4 {
            Layer4::Any => true,
            Layer4::Tcp => group == 0,
            Layer4::Udp => group == 1,
            Layer4::Icmp => group == 2,
            Layer4::Number(number) => group == group_of(Some(number)),
            Layer4::Header => group == 3,
        };
        if !wanted {
            continue;
        }
        for direction in Direction::BOTH {
            if !one.serves(direction) {
                continue;
            }
            let side = direction.index();
            match &one.pattern {
                Some(pattern)
                    if pattern.home == PatternHome::Payload && pattern.transforms.is_empty() =>
                {
                    if group == 0 && one.wants_stream {
                        builders.stream[group][side].add(&pattern.bytes, index);
                        builders.payload[group][side].add(&pattern.bytes, index);
                    }
                    if group != 0 || one.wants_packet || !one.wants_stream {
                        builders.every_payload[group][side].add(&pattern.bytes, index);
                    }
                }
                _ => sides[side].always.push(index),
            }
        }
    }
}

fn distribute_transaction(
    names: &Names,
    groups: &mut BTreeMap<Protocol, [TransactionGroup; 2]>,
    builders: &mut Builders,
    index: u32,
    one: &Compiled,
) {
    for (&protocol, sides) in groups.iter_mut() {
        if !one.protocols.is_empty() && !one.protocols.contains(&protocol) {
            continue;
        }
        let row = one
            .pattern
            .as_ref()
            .and_then(|pattern| match &pattern.home {
                PatternHome::App(buffer) => match names.buffer(*buffer) {
                    BufferHome::App(rows) => rows
                        .iter()
                        .find(|(other, _)| *other == protocol)
                        .map(|(_, row)| (*buffer, *row, pattern)),
                    _ => None,
                },
                PatternHome::Payload => None,
            });
        for direction in Direction::BOTH {
            if !one.serves(direction) {
                continue;
            }
            let side = direction.index();
            match row {
                Some((buffer, row, pattern)) => {
                    let there = match row.side {
                        sensor_app::BufferSide::Both => true,
                        sensor_app::BufferSide::ToServer => direction == Direction::ToServer,
                        sensor_app::BufferSide::ToClient => direction == Direction::ToClient,
                    };
                    if there {
                        let key = (
                            protocol,
                            side,
                            buffer.0,
                            format!("{:?}", pattern.transforms),
                        );
                        builders
                            .transactions
                            .entry(key)
                            .or_insert_with(|| {
                                (
                                    (protocol, side, buffer, pattern.transforms.clone()),
                                    MatcherBuilder::default(),
                                )
                            })
                            .1
                            .add(&pattern.bytes, index);
                    }
                }
                None => sides[side].always.push(index),
            }
        }
    }
}

/// Order of actions when rules compete: what passes is looked at first.
fn action_rank(action: Action) -> u8 {
    match action {
        Action::Pass => 0,
        Action::Drop => 1,
        Action::Reject => 2,
        Action::Alert | Action::Config => 3,
    }
}

/// Rules that set flow bits come before rules that read them, so that both can fire on one packet.
fn bit_rank(one: &Compiled) -> u8 {
    let sets = |operation: BitOperation| {
        matches!(
            operation,
            BitOperation::Set | BitOperation::Unset | BitOperation::Toggle
        )
    };
    let bits = one
        .signature
        .flowbits
        .iter()
        .map(|bits| bits.operation)
        .chain(one.signature.xbits.iter().map(|bit| bit.operation));
    let (mut setting, mut reading) = (false, false);
    for operation in bits {
        setting |= sets(operation);
        reading |= !sets(operation);
    }
    match (setting, reading) {
        (true, false) => 0,
        (true, true) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}
