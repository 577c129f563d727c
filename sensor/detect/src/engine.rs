//! A rule set, compiled: shared by all workers, never changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rules::signature::{Action, Condition, Signature, Transform};
use sensor_app::{BufferRow, PROTOCOLS, Protocol, WantedFrames};
use sensor_flow::Direction;

use crate::compile::{self, Compiled, Interner, Kind, Layer4, Moment, PartHome, Shared};
use crate::dataset::DatasetTable;
use crate::header::{AddressIndex, AddressSets, PortIndex};
use crate::hosts::HostBits;
use crate::lineage::Lineage;
use crate::order;
use crate::pattern::PatternHome;
use crate::prefilter::{Matcher, MatcherBuilder};
use crate::reputation::Known;
use crate::tag::HostTags;
use crate::threshold::Thresholds;
use crate::transform::Step;
use crate::vocabulary::{BufferHome, Names, PacketBuffer};

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
    /// Shared by protocols of which the rules ask the same.
    pub matcher: Arc<Matcher>,
}

/// Inspection of the transactions of one protocol and side.
#[derive(Default)]
pub(crate) struct TransactionGroup {
    pub scanners: Vec<Scanner>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// One automaton over the frames of one name.
pub(crate) struct FrameScanner {
    pub steps: Vec<Step>,
    pub matcher: Matcher,
}

/// Inspection of the frames of one name and side.
#[derive(Default)]
pub(crate) struct FrameGroup {
    pub scanners: Vec<FrameScanner>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// A frame: its protocol and its name.
pub(crate) type FrameKey = (Protocol, &'static str);

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

/// One automaton over one part of packets.
pub(crate) struct PacketScanner {
    pub buffer: PacketBuffer,
    pub matcher: Matcher,
}

/// Inspection of packets of one layer-four group and side.
#[derive(Default)]
pub(crate) struct PacketGroup {
    /// Over the payload of every packet: signatures with packet keywords or fixed places.
    pub every_payload: Option<Matcher>,
    /// Over stream data, and the payload of packets that are no part of a followed stream.
    pub stream: Option<Matcher>,
    /// Over headers.
    pub headers: Vec<PacketScanner>,
    /// Signatures without a fast pattern.
    pub always: PortIndex,
    /// Signatures that are looked at with the first packet of a flow's direction.
    pub flow_start: Vec<u32>,
    /// Signatures on the flow's protocol alone.
    pub detection: Vec<u32>,
}

/// What an engine is to be told beside its rules.
pub struct Options {
    /// Where datasets with relative paths are looked for.
    pub directories: Vec<PathBuf>,
    /// Which action is looked at first (`action-order`).
    pub action_order: [Action; 4],
    /// Rules that did not load, for the summary.
    pub failed: usize,
    /// Rules for other engines, for the summary.
    pub skipped: usize,
    /// What is known of addresses.
    pub known: Known,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            directories: Vec::new(),
            action_order: [Action::Pass, Action::Drop, Action::Reject, Action::Alert],
            failed: 0,
            skipped: 0,
            known: Known::default(),
        }
    }
}

/// Figures of a compiled rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub signatures: usize,
    pub failed: usize,
    pub skipped: usize,
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
    pub(crate) known: Known,
    pub(crate) flowbits: Interner,
    hostbits: Interner,
    pub(crate) lineage: Lineage,
    pub(crate) ip_only_source: AddressIndex,
    pub(crate) ip_only_destination: AddressIndex,
    pub(crate) ip_only_always: Vec<u32>,
    pub(crate) packet_groups: [[PacketGroup; 2]; GROUPS],
    /// Looked at only on packets with decoder events.
    pub(crate) decode_event_rules: Vec<u32>,
    /// Looked at only on packets with stream events.
    pub(crate) stream_event_rules: Vec<u32>,
    pub(crate) transaction_groups: BTreeMap<Protocol, [TransactionGroup; 2]>,
    pub(crate) frame_groups: BTreeMap<FrameKey, [FrameGroup; 2]>,
    /// What all workers count and remember together lives on when the rules are replaced.
    pub(crate) thresholds: Arc<Mutex<Thresholds>>,
    pub(crate) host_bits: Arc<Mutex<HostBits>>,
    pub(crate) host_tags: Arc<Mutex<HostTags>>,
    /// Some rule tags hosts.
    pub(crate) tags_hosts: bool,
    summary: Summary,
}

type TransactionKey = (Protocol, usize, rules::BufferId, Vec<Transform>);

#[derive(Default)]
struct PacketBuilders {
    every_payload: MatcherBuilder,
    stream: MatcherBuilder,
    headers: BTreeMap<PacketBuffer, MatcherBuilder>,
    always: Vec<u32>,
}

#[derive(Default)]
struct Builders {
    packets: [[PacketBuilders; 2]; GROUPS],
    transactions: BTreeMap<(Protocol, usize, u16, String), (TransactionKey, MatcherBuilder)>,
    frames: BTreeMap<(FrameKey, usize, String), (Vec<Transform>, MatcherBuilder)>,
}

impl Engine {
    /// Compiles signatures. Those that cannot run are told apart; the others run.
    pub fn new(
        names: Names,
        signatures: Vec<Signature>,
        options: Options,
    ) -> (Engine, Vec<CompileFault>) {
        Engine::build(None, names, signatures, options)
    }

    /// Compiles signatures that shall take the place of this engine's: names keep their numbers; host bits,
    /// counts and tags of hosts, and the sets that rules fill, are shared with it.
    pub fn successor(
        &self,
        names: Names,
        signatures: Vec<Signature>,
        options: Options,
    ) -> (Engine, Vec<CompileFault>) {
        Engine::build(Some(self), names, signatures, options)
    }

    fn build(
        before: Option<&Engine>,
        names: Names,
        signatures: Vec<Signature>,
        options: Options,
    ) -> (Engine, Vec<CompileFault>) {
        let mut faults = Vec::new();
        let mut shared = Shared {
            names: &names,
            addresses: AddressSets::default(),
            datasets: DatasetTable::new(options.directories, before.map(|engine| &engine.datasets)),
            flowbits: before.map_or_else(Default::default, |engine| engine.flowbits.clone()),
            hostbits: before.map_or_else(Default::default, |engine| engine.hostbits.clone()),
        };
        let mut summary = Summary {
            failed: options.failed,
            skipped: options.skipped,
            ..Summary::default()
        };
        let mut compiled = Vec::with_capacity(signatures.len());
        for signature in signatures {
            match compile::compile(signature, &mut shared) {
                Ok(both) => {
                    summary.signatures += 1;
                    compiled.extend(both);
                }
                Err(fault) => {
                    summary.failed += 1;
                    faults.push(fault);
                }
            }
        }
        let Shared {
            addresses,
            datasets,
            flowbits,
            hostbits,
            ..
        } = shared;
        let tags_hosts = compiled.iter().any(|one: &Compiled| {
            one.signature
                .tag
                .is_some_and(|tag| tag.scope != rules::signature::TagScope::Session)
        });
        compiled.sort_by_cached_key(|one| order::key(one, &options.action_order));
        let lineage = before.map_or_else(Default::default, |engine| {
            Lineage::after(&engine.lineage, &engine.signatures, &compiled)
        });
        let mut engine = Engine {
            names,
            signatures: compiled,
            lineage,
            addresses,
            datasets,
            known: options.known,
            flowbits,
            hostbits,
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
            frame_groups: BTreeMap::new(),
            thresholds: before.map_or_else(Default::default, |one| Arc::clone(&one.thresholds)),
            host_bits: before.map_or_else(Default::default, |one| Arc::clone(&one.host_bits)),
            host_tags: before.map_or_else(Default::default, |one| Arc::clone(&one.host_tags)),
            tags_hosts,
            summary,
        };
        engine.distribute();
        (engine, faults)
    }

    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Writes the data sets that rules want kept from run to run.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn save_datasets(&self) -> Result<(), crate::DatasetError> {
        self.datasets.save()
    }

    /// The files that [`Engine::save_datasets`] writes.
    pub fn kept_files(&self) -> Vec<std::path::PathBuf> {
        self.datasets.kept_files()
    }

    /// 0 for a rule set of its own, one more than the engine whose place it takes.
    pub fn generation(&self) -> u32 {
        self.lineage.generation()
    }

    /// Forgets what matches have left behind: counts of thresholds, bits and tags of hosts, values of
    /// data sets that no file stands behind.
    pub fn forget(&self) {
        fn clear<T: Default>(what: &Mutex<T>) {
            *what.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = T::default();
        }
        clear(&self.thresholds);
        clear(&self.host_bits);
        clear(&self.host_tags);
        self.datasets.forget();
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
    pub fn metadata(&self, index: u32) -> BTreeMap<&str, Vec<&str>> {
        let mut by_key = BTreeMap::<&str, Vec<&str>>::new();
        for (key, value) in &self.signature(index).metadata {
            by_key.entry(key).or_default().push(value);
        }
        by_key
    }

    /// `reference`s of a signature as links.
    pub fn references(&self, index: u32) -> Vec<String> {
        let references = self.signature(index).references.iter();
        references
            .map(|(kind, value)| compile::reference(kind, value))
            .collect()
    }

    /// Name of a flow bit.
    pub fn flowbit_name(&self, bit: u32) -> &str {
        self.flowbits
            .names
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

    /// The frames that rules look into.
    pub fn frames(&self) -> WantedFrames {
        let mut wanted = WantedFrames::default();
        for (protocol, name) in self.frame_groups.keys() {
            wanted.add(*protocol, name);
        }
        wanted
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
        idle || state.is_settled() || state.is_done(id, direction)
    }

    fn distribute(&mut self) {
        let mut builders = Builders::default();
        let mut by_source = Vec::new();
        let mut by_destination = Vec::new();
        let signatures = std::mem::take(&mut self.signatures);
        for (index, one) in signatures.iter().enumerate() {
            let index = index as u32;
            // A rule with both directions counts once.
            let count = usize::from(!one.swapped);
            self.summary.without_pattern += count * usize::from(one.pattern.is_none());
            match one.kind {
                Kind::IpOnly => {
                    self.summary.ip_only += count;
                    match (one.source, one.destination) {
                        (Some(source), _) if self.addresses.includes(source) => {
                            by_source.push((index, source));
                        }
                        (_, Some(destination)) if self.addresses.includes(destination) => {
                            by_destination.push((index, destination));
                        }
                        _ => self.ip_only_always.push(index),
                    }
                }
                Kind::Packet | Kind::Detection => {
                    self.summary.packet += count;
                    self.distribute_packet(&mut builders, index, one);
                }
                Kind::Waiting => self.summary.waiting += count,
                Kind::Frame => {
                    self.summary.transaction += count;
                    distribute_frame(
                        &self.names,
                        &mut self.frame_groups,
                        &mut builders,
                        index,
                        one,
                    );
                }
                Kind::Transaction => {
                    self.summary.transaction += count;
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
        self.signatures = signatures;
        self.ip_only_source = AddressIndex::build(&self.addresses, &by_source);
        self.ip_only_destination = AddressIndex::build(&self.addresses, &by_destination);
        self.build_matchers(builders);
    }

    fn distribute_packet(&mut self, builders: &mut Builders, index: u32, one: &Compiled) {
        let has = |is: fn(&Condition) -> bool| one.signature.conditions.iter().any(is);
        if has(|condition| matches!(condition, Condition::DecodeEvent(_))) {
            return self.decode_event_rules.push(index);
        }
        if has(|condition| matches!(condition, Condition::StreamEvent(_))) {
            return self.stream_event_rules.push(index);
        }
        for group in 0..GROUPS {
            let wanted = match one.layer4 {
                Layer4::Any | Layer4::Header => true,
                Layer4::Tcp => group == 0,
                Layer4::Udp => group == 1,
                Layer4::Icmp => group == 2,
                Layer4::Number(number) => group == group_of(Some(number)),
            };
            if !wanted {
                continue;
            }
            for direction in Direction::BOTH {
                if !one.serves(direction) {
                    continue;
                }
                let side = direction.index();
                let at = &mut self.packet_groups[group][side];
                if one.moment == Some(Moment::FlowStart) {
                    at.flow_start.push(index);
                    continue;
                }
                if one.kind == Kind::Detection {
                    at.detection.push(index);
                    continue;
                }
                let to = &mut builders.packets[group][side];
                let plain = one
                    .pattern
                    .as_ref()
                    .filter(|pattern| pattern.transforms.is_empty());
                match plain.map(|pattern| (&pattern.home, &pattern.bytes)) {
                    Some((PatternHome::Payload, bytes)) => {
                        if group == 0 && one.wants_stream {
                            to.stream.add(bytes, index);
                        }
                        if group != 0 || one.wants_packet {
                            to.every_payload.add(bytes, index);
                        }
                    }
                    Some((PatternHome::Buffer(buffer), bytes)) => {
                        match self.names.buffer(*buffer) {
                            BufferHome::Packet(buffer) => {
                                to.headers.entry(*buffer).or_default().add(bytes, index)
                            }
                            _ => to.always.push(index),
                        }
                    }
                    None => to.always.push(index),
                }
            }
        }
    }

    fn build_matchers(&mut self, builders: Builders) {
        let Builders {
            packets,
            transactions,
            frames,
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
        for (group, sides) in packets.into_iter().enumerate() {
            for (side, from) in sides.into_iter().enumerate() {
                let at = &mut self.packet_groups[group][side];
                at.every_payload = build(from.every_payload);
                at.stream = build(from.stream);
                for (buffer, builder) in from.headers {
                    let matcher = build(builder);
                    at.headers
                        .extend(matcher.map(|matcher| PacketScanner { buffer, matcher }));
                }
                let always: Vec<(u32, &Compiled)> = from
                    .always
                    .iter()
                    .map(|&index| (index, &self.signatures[index as usize]))
                    .collect();
                at.always = PortIndex::build(&always);
            }
        }
        for ((key, side, _), (transforms, builder)) in frames {
            let Some(matcher) = build(builder) else {
                continue;
            };
            if let (Ok(steps), Some(sides)) = (
                crate::transform::compile(&transforms),
                self.frame_groups.get_mut(&key),
            ) {
                sides[side].scanners.push(FrameScanner { steps, matcher });
            }
        }
        let mut built: BTreeMap<(usize, u16, String), Vec<Arc<Matcher>>> = BTreeMap::new();
        for ((_, side, number, steps), ((protocol, _, buffer, transforms), builder)) in transactions
        {
            let alike = built.entry((side, number, steps)).or_default();
            let matcher = match alike.iter().find(|matcher| matcher.is_of(&builder)) {
                Some(matcher) => Arc::clone(matcher),
                None => {
                    let Some(matcher) = build(builder).map(Arc::new) else {
                        continue;
                    };
                    alike.push(Arc::clone(&matcher));
                    matcher
                }
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

fn distribute_frame(
    names: &Names,
    groups: &mut BTreeMap<FrameKey, [FrameGroup; 2]>,
    builders: &mut Builders,
    index: u32,
    one: &Compiled,
) {
    let mut homes: Vec<FrameKey> = one
        .parts
        .iter()
        .filter_map(|part| match part.home {
            PartHome::Frame(protocol, name) => Some((protocol, name)),
            _ => None,
        })
        .collect();
    homes.sort_unstable();
    homes.dedup();
    for &key in &homes {
        let sides = groups.entry(key).or_default();
        // A rule on frames of several names matches in any of them: a pattern calls it only in its own.
        let pattern = one.pattern.as_ref().filter(|pattern| {
            let PatternHome::Buffer(buffer) = pattern.home else {
                return false;
            };
            matches!(names.buffer(buffer), BufferHome::Frame(protocol, name)
                if (*protocol, *name) == key)
        });
        for direction in Direction::BOTH.into_iter().filter(|side| one.serves(*side)) {
            let side = direction.index();
            match pattern {
                None => sides[side].always.push(index),
                Some(pattern) => builders
                    .frames
                    .entry((key, side, format!("{:?}", pattern.transforms)))
                    .or_insert_with(|| (pattern.transforms.clone(), MatcherBuilder::default()))
                    .1
                    .add(&pattern.bytes, index),
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
                PatternHome::Buffer(buffer) => match names.buffer(*buffer) {
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
            let Some((buffer, row, pattern)) = row else {
                sides[side].always.push(index);
                continue;
            };
            let to_server = direction == Direction::ToServer;
            let there = match row.side {
                sensor_app::BufferSide::Both => {
                    pattern.only_to_server.is_none_or(|only| only == to_server)
                }
                sensor_app::BufferSide::ToServer => to_server,
                sensor_app::BufferSide::ToClient => !to_server,
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
    }
}
