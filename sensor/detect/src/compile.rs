//! A checked signature → what inspection runs.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use rules::signature::{
    ActionScope, BufferCondition, Condition, FlowOption, HeaderDirection, HeaderProtocol, Hook,
    HookState, IntMatch, Signature, Source,
};
use sensor_app::{Protocol, Transaction};
use sensor_flow::Direction;

use crate::content::{self, Check};
use crate::dataset::DatasetTable;
use crate::engine::CompileFault;
use crate::header::{AddressSets, SetId};
use crate::pattern::{self, Pattern};
use crate::threshold::Limit;
use crate::transform::{self, Step};
use crate::vocabulary::{BufferHome, Names, PacketBuffer};

/// Which inspection a signature belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Addresses and ports alone: looked at once a flow and direction.
    IpOnly,
    /// Packets and stream data.
    Packet,
    /// The flow's protocol alone: looked at when it becomes known.
    Detection,
    /// Transactions.
    Transaction,
    /// Parts of the bytes themselves, as parsers delimit them.
    Frame,
    /// Nothing: the parser it needs is not compiled in.
    Waiting,
}

/// How far `pass`, `drop` and `reject` of a signature reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Packet,
    Flow,
    /// The flow, if the match lies in stream data.
    FlowOfStream,
}

/// Which layer-four protocols a signature wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer4 {
    Any,
    Tcp,
    Udp,
    Icmp,
    Number(u8),
    /// No IP needed: decoder events on broken packets, ARP.
    Header,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IpVersion {
    Any,
    V4,
    V6,
}

/// Conditions on one buffer.
pub(crate) struct Part {
    pub home: PartHome,
    /// The only side on which the buffer is looked at (`file.data: to_client`).
    pub only: Option<Direction>,
    pub steps: Vec<Step>,
    pub checks: Vec<Check>,
    /// `absent`: a missing buffer satisfies the part.
    pub absent: bool,
    /// Bytes that are still to come may undo a match (negated contents).
    pub decided_at_end: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum PartHome {
    Payload,
    Packet(PacketBuffer),
    App(rules::BufferId),
    Frame(Protocol, &'static str),
}

/// The moment of inspection that a header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    FlowStart,
    /// Transactions that have come to this stage.
    Stage(u8),
}

/// A signature ready to run.
pub(crate) struct Compiled {
    pub signature: Arc<Signature>,
    /// Of the rule's text: what makes two signatures the same.
    pub text_hash: u64,
    /// The other direction of a rule with `<>`.
    pub swapped: bool,
    pub kind: Kind,
    pub reach: Reach,
    pub layer4: Layer4,
    pub ip: IpVersion,
    pub to_server: bool,
    pub to_client: bool,
    pub source: Option<SetId>,
    pub destination: Option<SetId>,
    /// Protocols of which the flow must be; empty: any.
    pub protocols: Vec<Protocol>,
    pub parts: Vec<Part>,
    pub pattern: Option<Pattern>,
    pub moment: Option<Moment>,
    /// Needs a packet that belongs to a flow.
    pub wants_flow: bool,
    /// Stream data is looked at (TCP content without packet keywords).
    pub wants_stream: bool,
    /// The packet's own payload is looked at even if it is part of a stream.
    pub wants_packet: bool,
    /// Has conditions on the packet's payload or stream data.
    pub has_payload: bool,
    /// Says nothing of a flow's end, which is no packet.
    pub packets_only: bool,
    /// Says nothing of packets that nobody sent.
    pub real_packets: bool,
    /// Only packets with, or without, bytes to look at (of their own or of the stream) are asked for their size.
    pub payload: Option<bool>,
    /// Numbers of the flow bits, in the order of `signature.flowbits`.
    pub flowbits: Vec<Vec<u32>>,
    /// Numbers of the host bits, in the order of `signature.xbits`.
    pub xbits: Vec<u32>,
    /// What its matches are counted against, and whether by flow.
    pub limit: Option<(Limit, rules::signature::Track)>,
    pub suppress: Vec<(rules::signature::SuppressSide, Option<SetId>)>,
}

impl Compiled {
    pub fn serves(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }

    /// Buffers of both sides, matched with the reply.
    pub fn is_transactional(&self) -> bool {
        self.signature.direction == HeaderDirection::Transactional
    }
}

/// Numbers for names, given in order of first use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    ids: std::collections::HashMap<String, u32>,
    pub names: Vec<String>,
}

impl Interner {
    pub fn id(&mut self, name: &str) -> u32 {
        let next = self.names.len() as u32;
        *self.ids.entry(name.to_owned()).or_insert_with(|| {
            self.names.push(name.to_owned());
            next
        })
    }
}

/// What compiling shares among the signatures of a rule set.
pub(crate) struct Shared {
    pub names: Arc<Names>,
    pub addresses: AddressSets,
    pub datasets: DatasetTable,
    pub flowbits: Interner,
    pub hostbits: Interner,
}

/// Compiles a signature: once, or for each direction of one with `<>`.
pub(crate) fn compile(
    signature: Signature,
    shared: &mut Shared,
) -> Result<Vec<Compiled>, CompileFault> {
    let signature = Arc::new(signature);
    let twice = signature.direction == HeaderDirection::Both
        && (signature.source != signature.destination
            || signature.source_ports != signature.destination_ports);
    let mut compiled = vec![one(&signature, false, shared)?];
    if twice {
        compiled.push(one(&signature, true, shared)?);
    }
    Ok(compiled)
}

fn one(
    signature: &Arc<Signature>,
    swapped: bool,
    shared: &mut Shared,
) -> Result<Compiled, CompileFault> {
    let flow = signature.flow.unwrap_or_default();
    let parts = parts(signature, shared)?;
    let (layer4, ip) = layers(&signature.protocol);
    let protocols: Vec<Protocol> = signature
        .app_protocols
        .iter()
        .filter_map(|id| {
            let protocol = shared.names.protocols.get(usize::from(id.0));
            protocol.copied().flatten()
        })
        .collect();
    let moment = moment(signature, &protocols);
    let kind = match &moment {
        Err(()) => Kind::Waiting,
        Ok(moment) => kind(signature, &parts, &flow, &protocols, *moment),
    };
    let moment = moment.ok().flatten();
    let has_payload = parts
        .iter()
        .any(|part| matches!(part.home, PartHome::Payload));
    let payload = Payload::of(signature, &flow);
    let (to_server, to_client) = directions(signature, &flow, &shared.names);
    let (source, destination) = if swapped {
        (&signature.destination, &signature.source)
    } else {
        (&signature.source, &signature.destination)
    };
    Ok(Compiled {
        text_hash: BuildHasherDefault::<DefaultHasher>::default().hash_one(&signature.text),
        swapped,
        kind,
        reach: reach(signature, kind, has_payload, payload),
        layer4,
        ip,
        to_server,
        to_client,
        source: shared.addresses.intern(source),
        destination: shared.addresses.intern(destination),
        protocols,
        pattern: pattern::fast_pattern(signature, kind),
        moment,
        wants_flow: wants_flow(signature, &flow, moment),
        wants_stream: has_payload && payload != Payload::Packet,
        wants_packet: has_payload && payload != Payload::Stream,
        has_payload,
        packets_only: payload == Payload::Packet && packet_condition(signature)
            || kind == Kind::Packet
                && !has_payload
                && (signature.app_protocols.is_empty() || has_match(signature, &flow)),
        real_packets: payload == Payload::Packet,
        payload: payload_wanted(signature),
        flowbits: signature
            .flowbits
            .iter()
            .map(|bits| {
                let ids = bits.names.iter().map(|name| shared.flowbits.id(name));
                ids.collect()
            })
            .collect(),
        xbits: signature
            .xbits
            .iter()
            .map(|bit| shared.hostbits.id(&bit.name))
            .collect(),
        limit: Limit::of(signature),
        suppress: signature
            .suppress
            .iter()
            .map(|row| (row.side, shared.addresses.intern(&row.addresses)))
            .collect(),
        parts,
        signature: Arc::clone(signature),
    })
}

fn parts(signature: &Signature, shared: &mut Shared) -> Result<Vec<Part>, CompileFault> {
    let mut parts = Vec::with_capacity(signature.buffers.len());
    for buffer in &signature.buffers {
        let home = match buffer.source {
            Source::Payload | Source::Packet => PartHome::Payload,
            Source::Buffer(id) => match shared.names.buffer(id) {
                BufferHome::Packet(packet) => PartHome::Packet(*packet),
                BufferHome::Frame(protocol, name) => PartHome::Frame(*protocol, name),
                BufferHome::App(_) | BufferHome::Nowhere => PartHome::App(id),
            },
        };
        let name = match buffer.source {
            Source::Buffer(id) => shared.names.vocabulary.buffer_spec(id).name,
            Source::Payload | Source::Packet => "payload",
        };
        parts.push(Part {
            home,
            only: buffer.only_to_server.map(|to_server| {
                if to_server {
                    Direction::ToServer
                } else {
                    Direction::ToClient
                }
            }),
            steps: transform::compile(&buffer.transforms)
                .map_err(|error| CompileFault::of(signature, error.to_string()))?,
            checks: content::compile(&buffer.conditions, name, &mut shared.datasets)
                .map_err(|error| CompileFault::of(signature, error.to_string()))?,
            absent: buffer
                .conditions
                .iter()
                .any(|condition| matches!(condition, BufferCondition::Absent { .. })),
            decided_at_end: buffer.conditions.iter().any(|condition| match condition {
                BufferCondition::Content(content) => content.negated,
                BufferCondition::Pcre(pcre) => pcre.negated,
                _ => false,
            }),
        });
    }
    Ok(parts)
}

fn layers(protocol: &HeaderProtocol) -> (Layer4, IpVersion) {
    match protocol {
        HeaderProtocol::Ip | HeaderProtocol::Application(_) => (Layer4::Any, IpVersion::Any),
        HeaderProtocol::Ipv4 => (Layer4::Any, IpVersion::V4),
        HeaderProtocol::Ipv6 => (Layer4::Any, IpVersion::V6),
        HeaderProtocol::Tcp | HeaderProtocol::TcpPacket | HeaderProtocol::TcpStream => {
            (Layer4::Tcp, IpVersion::Any)
        }
        HeaderProtocol::Udp => (Layer4::Udp, IpVersion::Any),
        HeaderProtocol::Icmp => (Layer4::Icmp, IpVersion::Any),
        HeaderProtocol::Icmpv4 => (Layer4::Icmp, IpVersion::V4),
        HeaderProtocol::Icmpv6 => (Layer4::Icmp, IpVersion::V6),
        HeaderProtocol::Sctp => (Layer4::Number(132), IpVersion::Any),
        HeaderProtocol::IpNumber(number) => (Layer4::Number(*number), IpVersion::Any),
        HeaderProtocol::Pkthdr | HeaderProtocol::Arp => (Layer4::Header, IpVersion::Any),
    }
}

/// The moment that the header names; an error when no parser tells it.
fn moment(signature: &Signature, protocols: &[Protocol]) -> Result<Option<Moment>, ()> {
    Ok(match &signature.hook {
        None | Some(Hook::All) => None,
        Some(Hook::FlowStart) => Some(Moment::FlowStart),
        Some(Hook::Transaction { state, .. }) => {
            Some(Moment::Stage(stage(state, protocols).ok_or(())?))
        }
    })
}

/// The progress at which a transaction of one of these protocols has come to a state.
pub(crate) fn stage(state: &HookState, protocols: &[Protocol]) -> Option<u8> {
    match state {
        HookState::Started => Some(0),
        HookState::Complete => Some(Transaction::COMPLETE),
        HookState::Named(name) => protocols
            .iter()
            .find_map(|protocol| sensor_app::stage(*protocol, name)),
    }
}

/// Conditions that packets answer, apart from headers and direction.
fn has_match(signature: &Signature, flow: &FlowOption) -> bool {
    let stateful = FlowOption {
        to_server: false,
        to_client: false,
        only_stream: false,
        no_stream: false,
        ..*flow
    } != FlowOption::default();
    let tests = |operation: rules::signature::BitOperation| {
        use rules::signature::BitOperation::{IsNotSet, IsSet};
        matches!(operation, IsSet | IsNotSet)
    };
    use rules::signature::FlowIntOperation as Int;
    stateful
        || signature
            .conditions
            .iter()
            .any(|condition| !condition.is_of_transaction())
        || signature.flowbits.iter().any(|bits| tests(bits.operation))
        || signature.xbits.iter().any(|bit| tests(bit.operation))
        || signature
            .flowints
            .iter()
            .any(|int| matches!(int.operation, Int::IsSet | Int::NotSet | Int::Compare(..)))
        || !signature.variable_tests.is_empty()
}

fn packet_condition(signature: &Signature) -> bool {
    signature.protocol == HeaderProtocol::TcpPacket
        || signature.flow.is_some_and(|flow| flow.no_stream)
        || signature.conditions.iter().any(Condition::wants_packet)
}

/// Whether the size that a rule asks for is that of packets with bytes to look at; none: of either.
fn payload_wanted(signature: &Signature) -> Option<bool> {
    signature.conditions.iter().find_map(|condition| {
        let Condition::PayloadSize(size) = condition else {
            return None;
        };
        match size {
            IntMatch::Equal(size) => Some(*size > 0),
            IntMatch::Less(_)
            | IntMatch::LessEqual(_)
            | IntMatch::NotInclusive(..)
            | IntMatch::Mask { .. } => None,
            _ => Some(true),
        }
    })
}

fn kind(
    signature: &Signature,
    parts: &[Part],
    flow: &FlowOption,
    protocols: &[Protocol],
    moment: Option<Moment>,
) -> Kind {
    if signature.waits_for.is_some()
        || (protocols.is_empty() && !signature.app_protocols.is_empty())
    {
        return Kind::Waiting;
    }
    if parts
        .iter()
        .any(|part| matches!(part.home, PartHome::Frame(..)))
    {
        return Kind::Frame;
    }
    let transactional = parts
        .iter()
        .any(|part| matches!(part.home, PartHome::App(_)))
        || signature
            .conditions
            .iter()
            .any(Condition::is_of_transaction)
        || matches!(moment, Some(Moment::Stage(_)));
    if transactional || signature.direction == HeaderDirection::Transactional {
        return Kind::Transaction;
    }
    use rules::signature::BitOperation;
    let plain = signature.buffers.is_empty()
        && signature.app_protocols.is_empty()
        && signature.hook.is_none()
        && signature.flowints.is_empty()
        && signature.variable_tests.is_empty()
        && !signature.bypass
        && !signature.silences_transaction
        && signature.filestore.is_none()
        && signature
            .flowbits
            .iter()
            .all(|bits| bits.operation == BitOperation::Set)
        && signature.protocol != HeaderProtocol::Pkthdr
        && signature.protocol != HeaderProtocol::Arp;
    let addresses_only = signature.conditions.iter().all(|condition| {
        matches!(
            condition,
            Condition::IpRep { .. } | Condition::IpProto { .. } | Condition::IpVersion { .. }
        )
    });
    if plain
        && addresses_only
        && *flow == FlowOption::default()
        && !signature.source.negated
        && !signature.destination.negated
    {
        return Kind::IpOnly;
    }
    let sided = FlowOption {
        to_server: flow.to_server,
        to_client: flow.to_client,
        ..FlowOption::default()
    };
    let detection = signature
        .conditions
        .iter()
        .any(|condition| matches!(condition, Condition::AppProtocol { .. }))
        && signature.conditions.iter().all(|condition| {
            matches!(
                condition,
                Condition::AppProtocol { .. } | Condition::IpRep { .. }
            )
        });
    let by_protocol = signature.buffers.is_empty()
        && signature.prefilter.is_some_and(|at| {
            let condition = signature.conditions.get(at);
            matches!(condition, Some(Condition::AppProtocol { .. }))
        });
    if by_protocol || plain && detection && *flow == sided {
        return Kind::Detection;
    }
    Kind::Packet
}

/// Where payload conditions of a signature are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Packet,
    Stream,
    Both,
}

impl Payload {
    fn of(signature: &Signature, flow: &FlowOption) -> Self {
        let in_packet = packet_condition(signature)
            || signature.buffers.iter().any(|buffer| {
                buffer.source == Source::Packet
                    || buffer
                        .conditions
                        .iter()
                        .any(|condition| matches!(condition, BufferCondition::Asn1(_)))
            });
        if in_packet {
            return Payload::Packet;
        }
        if flow.only_stream || signature.protocol == HeaderProtocol::TcpStream {
            return Payload::Stream;
        }
        // Contents at fixed places are looked for in each packet as well as in the stream.
        let placed = signature
            .buffers
            .iter()
            .filter(|buffer| buffer.source == Source::Payload)
            .flat_map(|buffer| &buffer.conditions)
            .any(|condition| match condition {
                BufferCondition::Content(content) => {
                    content.depth.is_some() || content.offset.is_some() || content.startswith
                }
                _ => false,
            });
        let sized = signature
            .conditions
            .iter()
            .any(|condition| matches!(condition, Condition::StreamSize { .. }));
        if placed || sized {
            Payload::Both
        } else {
            Payload::Stream
        }
    }
}

fn reach(signature: &Signature, kind: Kind, has_payload: bool, payload: Payload) -> Reach {
    match signature.scope {
        ActionScope::Packet => return Reach::Packet,
        ActionScope::Flow => return Reach::Flow,
        ActionScope::Auto => {}
    }
    let flow = signature.flow.unwrap_or_default();
    match kind {
        Kind::IpOnly | Kind::Detection | Kind::Transaction | Kind::Frame => Reach::Flow,
        Kind::Waiting => Reach::Packet,
        Kind::Packet if has_payload => match payload {
            Payload::Packet => Reach::Packet,
            Payload::Stream | Payload::Both => Reach::FlowOfStream,
        },
        // Addresses with a negation are addresses alone all the same.
        Kind::Packet
            if signature.buffers.is_empty()
                && signature.app_protocols.is_empty()
                && signature.hook.is_none()
                && !has_match(signature, &flow)
                && flow == FlowOption::default()
                && (signature.source.negated || signature.destination.negated) =>
        {
            Reach::Flow
        }
        // An application protocol alone.
        Kind::Packet
            if !signature.app_protocols.is_empty()
                && signature.buffers.is_empty()
                && !has_match(signature, &flow) =>
        {
            Reach::Flow
        }
        Kind::Packet => Reach::Packet,
    }
}

fn wants_flow(signature: &Signature, flow: &FlowOption, moment: Option<Moment>) -> bool {
    use rules::signature::BitOperation;
    flow.established
        || flow.not_established
        || flow.stateless
        || flow.only_frag
        || flow.no_frag
        || moment.is_some()
        || !signature.app_protocols.is_empty()
        || signature
            .flowbits
            .iter()
            .any(|bits| matches!(bits.operation, BitOperation::IsSet | BitOperation::IsNotSet))
}

/// Sides on which a signature is inspected: what `flow` or the hook says, else what its buffers say, else both.
fn directions(signature: &Signature, flow: &FlowOption, names: &Names) -> (bool, bool) {
    if signature.direction == HeaderDirection::Transactional {
        return (true, true);
    }
    if flow.to_server != flow.to_client {
        return (flow.to_server, flow.to_client);
    }
    if let Some(Hook::Transaction { to_server, .. }) = signature.hook {
        return (to_server, !to_server);
    }
    let of_stage = signature
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::Stage { to_server, .. } => Some(*to_server),
            _ => None,
        });
    if let Some(to_server) = of_stage {
        return (to_server, !to_server);
    }
    let sides = signature
        .buffers
        .iter()
        .filter_map(|buffer| match (buffer.source, buffer.only_to_server) {
            (_, Some(true)) => Some(rules::Side::ToServer),
            (_, Some(false)) => Some(rules::Side::ToClient),
            (Source::Buffer(id), None) => Some(names.vocabulary.buffer_spec(id).side),
            _ => None,
        })
        .chain(
            signature
                .conditions
                .iter()
                .filter_map(|condition| match condition {
                    Condition::IntField { field, .. } | Condition::IntFieldAmong { field, .. } => {
                        Some(names.vocabulary.int_field_spec(*field).side)
                    }
                    _ => None,
                }),
        );
    for side in sides {
        match side {
            rules::Side::ToServer => return (true, false),
            rules::Side::ToClient => return (false, true),
            rules::Side::Both | rules::Side::Packet | rules::Side::Frame => {}
        }
    }
    (true, true)
}

/// Where systems of references are found, as the reference engine's `reference.config` has it.
const REFERENCES: &[(&str, &str)] = &[
    ("arachnids", "https://www.whitehats.com/info/IDS"),
    ("bid", "https://www.securityfocus.com/bid/"),
    ("bugtraq", "https://www.securityfocus.com/bid/"),
    ("cve", "https://cve.mitre.org/cgi-bin/cvename.cgi?name="),
    ("et", "https://doc.emergingthreats.net/"),
    ("etpro", "https://doc.emergingthreatspro.com/"),
    ("exploitdb", "https://www.exploit-db.com/exploits/"),
    ("mcafee", "https://vil.nai.com/vil/content/v_"),
    ("md5", "https://www.threatexpert.com/report.aspx?md5="),
    ("msft", "https://technet.microsoft.com/security/bulletin/"),
    ("nessus", "https://www.tenable.com/plugins/nessus/"),
    ("openpacket", "https://www.openpacket.org/capture/grab/"),
    ("osvdb", "http://osvdb.org/show/osvdb/"),
    ("secunia", "https://www.secunia.com/advisories/"),
    ("securitytracker", "http://securitytracker.com/id?"),
    ("telus", "https://"),
    (
        "threatexpert",
        "http://www.threatexpert.com/report.aspx?md5=",
    ),
    ("url", "https://"),
    ("xforce", "http://xforce.iss.net/xforce/xfdb/"),
];

/// A reference as a link, as far as its system is known; a value that is a link stands for itself.
pub(crate) fn reference(kind: &str, value: &str) -> String {
    if value.starts_with("http://") || value.starts_with("https://") {
        return value.to_owned();
    }
    match REFERENCES.iter().find(|(known, _)| *known == kind) {
        Some((_, prefix)) => format!("{prefix}{value}"),
        None => format!("{kind}:{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_links() {
        for (kind, value, link) in [
            ("url", "example.org/a", "https://example.org/a"),
            ("url", "http://example.org/a", "http://example.org/a"),
            (
                "cve",
                "2021-44228",
                "https://cve.mitre.org/cgi-bin/cvename.cgi?name=2021-44228",
            ),
            ("ours", "5", "ours:5"),
        ] {
            assert_eq!(reference(kind, value), link, "{kind}");
        }
    }
}
