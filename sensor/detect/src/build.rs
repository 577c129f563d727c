//! Signatures, one after the other → an engine: each is compiled, and joins the matchers that call it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::signature::{Comparison, Condition, Signature, TagScope, Transform};
use sensor_app::{BufferRow, PROTOCOLS, Protocol, same_bytes};
use sensor_flow::Direction;

use crate::compile::{self, Compiled, Kind, Layer4, Moment, PartHome, Shared};
use crate::dataset::DatasetTable;
use crate::engine::{
    CompileFault, Engine, FrameGroup, FrameKey, FrameScanner, GROUPS, Keep, Options, PacketScanner,
    Scanner, Summary, TransactionGroup, group_of,
};
use crate::header::{AddressIndex, AddressSets, PortIndex};
use crate::lineage::Lineage;
use crate::order;
use crate::pattern::PatternHome;
use crate::prefilter::{Matcher, MatcherBuilder, PortMatchers};
use crate::vocabulary::{BufferHome, Names, PacketBuffer};

type TransactionKey = (Protocol, usize, rules::BufferId, Vec<Transform>);

#[derive(Default)]
struct PacketBuilders {
    /// Rules with a pattern in payloads.
    every_payload: Vec<u32>,
    stream: Vec<u32>,
    headers: BTreeMap<PacketBuffer, MatcherBuilder>,
    always: Vec<u32>,
}

#[derive(Default)]
struct Builders {
    packets: [[PacketBuilders; 2]; GROUPS],
    transactions: BTreeMap<(Protocol, usize, u16, String), (TransactionKey, MatcherBuilder)>,
    frames: BTreeMap<(FrameKey, usize, String), (Vec<Transform>, MatcherBuilder)>,
}

/// An engine in the making. As written, a rule set takes more memory than compiled: signatures come one by one.
pub struct EngineBuilder<'a> {
    before: Option<&'a Engine>,
    options: Options,
    shared: Shared,
    compiled: Vec<One>,
    faults: Vec<(Number, CompileFault)>,
    /// How often each of the signatures was replaced.
    versions: Vec<u32>,
}

/// The place of a signature among those that replace none, and its version.
type Number = (usize, u32);

struct One {
    number: Number,
    key: order::Key,
    compiled: Compiled,
}

impl<'a> EngineBuilder<'a> {
    /// For an engine that shall take the place of `before`, names keep their numbers; host bits, counts and tags of
    /// hosts, and the sets that rules fill, are shared with it.
    pub fn new(before: Option<&'a Engine>, names: Arc<Names>, mut options: Options) -> Self {
        let directories = std::mem::take(&mut options.directories);
        let carried = std::mem::take(&mut options.carried);
        EngineBuilder {
            shared: Shared {
                names,
                addresses: AddressSets::default(),
                datasets: DatasetTable::new(directories, before.map(|engine| &engine.datasets))
                    .carrying(carried),
                flowbits: before.map_or_else(Default::default, |engine| engine.flowbits.clone()),
                hostbits: before.map_or_else(Default::default, |engine| engine.hostbits.clone()),
            },
            before,
            options,
            compiled: Vec::new(),
            faults: Vec::new(),
            versions: Vec::new(),
        }
    }

    /// Compiles a signature, in the place of another that was given (as [`rules::signature::load_each`] counts them).
    pub fn add(&mut self, signature: Signature, replaced: Option<usize>) {
        let number = match replaced.and_then(|at| Some((at, self.versions.get_mut(at)?))) {
            Some((at, version)) => {
                *version += 1;
                (at, *version)
            }
            None => {
                self.versions.push(0);
                (self.versions.len() - 1, 0)
            }
        };
        match compile::compile(signature, &mut self.shared) {
            Ok(both) => {
                for mut compiled in both {
                    let key = order::key(&compiled, &self.options.action_order);
                    forget_sources(&mut compiled, self.options.keep);
                    self.compiled.push(One {
                        number,
                        key,
                        compiled,
                    });
                }
            }
            Err(fault) => self.faults.push((number, fault)),
        }
    }

    /// The engine, and the signatures that cannot run; `failed` and `skipped` others did not even come here.
    pub fn finish(self, failed: usize, skipped: usize) -> (Engine, Vec<CompileFault>) {
        let EngineBuilder {
            before,
            options,
            shared,
            mut compiled,
            mut faults,
            versions,
        } = self;
        let is_last = |(at, version): Number| versions.get(at) == Some(&version);
        compiled.retain(|one| is_last(one.number));
        faults.retain(|(number, _)| is_last(*number));
        compiled.sort_by_key(|one| one.key);
        let signatures: Vec<Compiled> = compiled.into_iter().map(|one| one.compiled).collect();
        let Shared {
            names,
            addresses,
            mut datasets,
            flowbits,
            hostbits,
        } = shared;
        datasets.loaded();
        let tags_hosts = signatures.iter().any(|one| {
            let tag = one.signature.tag;
            tag.is_some_and(|tag| tag.scope != TagScope::Session)
        });
        let lineage = before.map_or_else(Default::default, |engine| {
            Lineage::after(&engine.lineage, &engine.signatures, &signatures)
        });
        let streams = signatures.iter().any(|one| one.wants_stream);
        let mut engine = Engine {
            names,
            signatures,
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
            streams,
            summary: Summary {
                signatures: versions.len() - faults.len(),
                failed: failed + faults.len(),
                skipped,
                ..Summary::default()
            },
        };
        engine.distribute();
        (engine, faults.into_iter().map(|(_, fault)| fault).collect())
    }
}

fn forget_sources(one: &mut Compiled, keep: Keep) {
    if keep == Keep::Everything {
        return;
    }
    let signature = Arc::make_mut(&mut one.signature);
    signature.forget_sources();
    if keep == Keep::Nothing {
        signature.text = String::new();
    }
}

impl Engine {
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
        let number = one.signature.conditions.iter().find_map(ip_protocol);
        for group in 0..GROUPS {
            let wanted = match one.layer4 {
                Layer4::Any if number.is_some() => group == group_of(number),
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
                match plain.map(|pattern| (&pattern.home, pattern)) {
                    Some((PatternHome::Payload, _)) => {
                        if group == 0 && one.wants_stream {
                            to.stream.push(index);
                        }
                        if group != 0 || one.wants_packet {
                            to.every_payload.push(index);
                        }
                    }
                    Some((PatternHome::Buffer(buffer), pattern)) => {
                        match self.names.buffer(*buffer) {
                            BufferHome::Packet(buffer) => to
                                .headers
                                .entry(*buffer)
                                .or_default()
                                .add(&pattern.bytes, index),
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
        let mut count = |matcher: &Matcher| {
            summary.matchers += 1;
            summary.patterns += matcher.patterns();
            summary.matcher_bytes += matcher.memory_bytes();
        };
        for (group, sides) in packets.into_iter().enumerate() {
            for (side, from) in sides.into_iter().enumerate() {
                let at = &mut self.packet_groups[group][side];
                at.every_payload = port_matchers(&from.every_payload, &self.signatures);
                at.stream = port_matchers(&from.stream, &self.signatures);
                at.every_payload.matchers().for_each(&mut count);
                at.stream.matchers().for_each(&mut count);
                for (buffer, builder) in from.headers {
                    let matcher = built(builder, &mut count);
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
            let Some(matcher) = built(builder, &mut count) else {
                continue;
            };
            if let (Ok(steps), Some(sides)) = (
                crate::transform::compile(&transforms),
                self.frame_groups.get_mut(&key),
            ) {
                sides[side].scanners.push(FrameScanner { steps, matcher });
            }
        }
        let mut shared: BTreeMap<(usize, u16, String), Vec<Arc<Matcher>>> = BTreeMap::new();
        for ((_, side, number, steps), ((protocol, _, buffer, transforms), builder)) in transactions
        {
            let alike = shared.entry((side, number, steps)).or_default();
            let matcher = match alike.iter().find(|matcher| matcher.is_of(&builder)) {
                Some(matcher) => Arc::clone(matcher),
                None => {
                    let Some(matcher) = built(builder, &mut count).map(Arc::new) else {
                        continue;
                    };
                    alike.push(Arc::clone(&matcher));
                    matcher
                }
            };
            let Some(row) = row(&self.names, buffer, protocol) else {
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

/// A matcher, counted; none if it has no patterns.
fn built(builder: MatcherBuilder, count: &mut impl FnMut(&Matcher)) -> Option<Matcher> {
    let matcher = builder.build();
    if matcher.patterns() == 0 {
        return None;
    }
    count(&matcher);
    Some(matcher)
}

/// The matchers of rules with a pattern in payloads.
fn port_matchers(rules: &[u32], signatures: &[Compiled]) -> PortMatchers {
    let rows: Vec<_> = rules
        .iter()
        .filter_map(|&index| {
            let pattern = signatures[index as usize].pattern.as_ref()?;
            Some((index, &*pattern.bytes, pattern.reach))
        })
        .collect();
    PortMatchers::build(&rows, signatures)
}

/// The one protocol above IP that a condition allows.
fn ip_protocol(condition: &Condition) -> Option<u8> {
    match condition {
        Condition::IpProto {
            comparison: Comparison::Equal,
            number,
        } => Some(*number),
        _ => None,
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

/// A buffer of a protocol.
fn row(names: &Names, buffer: rules::BufferId, protocol: Protocol) -> Option<&'static BufferRow> {
    let BufferHome::App(rows) = names.buffer(buffer) else {
        return None;
    };
    let of = rows.iter().find(|(other, _)| *other == protocol);
    of.map(|(_, row)| *row)
}

/// The buffer that is scanned in place of this one, for it has the same bytes.
fn scanned_as(
    names: &Names,
    of: &BufferRow,
    protocol: Protocol,
    direction: Direction,
) -> Option<rules::BufferId> {
    let buffer = names.vocabulary.buffer(same_bytes(of.name, direction)?)?;
    row(names, buffer, protocol).map(|_| buffer)
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
                PatternHome::Buffer(buffer) => {
                    row(names, *buffer, protocol).map(|row| (*buffer, row, pattern))
                }
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
                let buffer = scanned_as(names, row, protocol, direction).unwrap_or(buffer);
                let key = (
                    protocol,
                    side,
                    buffer.0,
                    format!("{:?}", pattern.transforms),
                );
                // Of a short buffer the beginning is most of it.
                let reach = pattern.reach.filter(|_| row.streaming);
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
                    .add_within(&pattern.bytes, reach, index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rules::signature::{Environment, SourceFile, load_each};

    use super::*;

    const RULES: &str = "alert tcp 10.0.0.1 any <> any 80 (msg:\"older\"; content:\"a\"; sid:1; rev:1;)\n\
        alert tcp any any -> any 80 (msg:\"other\"; content:\"b\"; sid:2;)\n\
        alert tcp 10.0.0.2 any -> any 80 (msg:\"newer\"; content:\"c\"; sid:1; rev:2;)\n";

    fn engine(keep: Keep) -> Engine {
        let names = Arc::new(Names::compiled_in());
        let options = Options {
            keep,
            ..Options::default()
        };
        let mut builder = EngineBuilder::new(None, Arc::clone(&names), options);
        let file = SourceFile {
            name: "x.rules".to_owned(),
            text: RULES.to_owned(),
        };
        let environment = Environment::default();
        let report = load_each(&[file], &names.vocabulary, &environment, |one, replaced| {
            builder.add(one, replaced)
        });
        assert_eq!(report.failures, []);
        let (engine, faults) = builder.finish(3, 4);
        assert!(faults.is_empty(), "{faults:?}");
        engine
    }

    #[test]
    fn a_higher_revision_takes_the_place_of_a_lower_one() {
        let engine = engine(Keep::Everything);
        let said: Vec<&str> = (0..engine.signatures.len() as u32)
            .map(|index| engine.signature(index).msg.as_str())
            .collect();
        assert_eq!(said, ["newer", "other"]);
        let summary = engine.summary();
        assert_eq!(
            (summary.signatures, summary.failed, summary.skipped),
            (2, 3, 4)
        );
    }

    #[test]
    fn what_is_not_kept_is_forgotten() {
        let rows = [
            (Keep::Everything, true, true),
            (Keep::Text, true, false),
            (Keep::Nothing, false, false),
        ];
        for (keep, text, sources) in rows {
            let engine = engine(keep);
            let signature = engine.signature(0);
            assert_eq!(!signature.text.is_empty(), text, "{keep:?}");
            assert_eq!(!signature.buffers.is_empty(), sources, "{keep:?}");
            assert_eq!(!signature.source.include.is_empty(), sources, "{keep:?}");
            assert!(engine.signatures[0].source.is_some(), "{keep:?}");
        }
    }
}
