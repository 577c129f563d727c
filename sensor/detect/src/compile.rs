//! A checked signature → what inspection runs.

use rules::signature::{
    BufferCondition, Condition, Content, FastPattern, FlowOption, HeaderDirection, HeaderProtocol,
    Signature, Source, Transform,
};
use sensor_app::Protocol;
use sensor_flow::Direction;

use crate::content::{self, Check};
use crate::dataset::DatasetTable;
use crate::engine::CompileFault;
use crate::header::{AddressSets, SetId};
use crate::transform::{self, Step};
use crate::vocabulary::{BufferHome, Names, PacketBuffer};

/// Patterns shorter than this serve as fast pattern only when nothing longer is there.
const SHORT_PATTERN: usize = 3;

/// Which inspection a signature belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Addresses alone: looked at once a flow and direction.
    IpOnly,
    /// Packets and stream data.
    Packet,
    /// Transactions.
    Transaction,
    /// Nothing: the parser it needs is not compiled in.
    Waiting,
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
}

/// Where the fast pattern of a signature is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PatternHome {
    Payload,
    App(rules::BufferId),
}

#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub home: PatternHome,
    pub transforms: Vec<Transform>,
    pub bytes: Vec<u8>,
}

/// A signature ready to run.
pub(crate) struct Compiled {
    pub signature: Signature,
    pub kind: Kind,
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
    /// Stream data is looked at (TCP content without packet keywords).
    pub wants_stream: bool,
    /// The packet's own payload is looked at even if it is part of a stream.
    pub wants_packet: bool,
    /// Numbers of the flow bits, in the order of `signature.flowbits`.
    pub flowbits: Vec<Vec<u32>>,
    /// Numbers of the host bits, in the order of `signature.xbits`.
    pub xbits: Vec<u32>,
    pub metadata: std::collections::BTreeMap<String, Vec<String>>,
    pub references: Vec<String>,
}

impl Compiled {
    pub fn serves(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }
}

/// Numbers for names, given in order of first use.
#[derive(Debug, Default)]
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
pub(crate) struct Shared<'a> {
    pub names: &'a Names,
    pub addresses: AddressSets,
    pub datasets: DatasetTable,
    pub flowbits: Interner,
    pub hostbits: Interner,
}

pub(crate) fn compile(
    signature: Signature,
    shared: &mut Shared<'_>,
) -> Result<Compiled, CompileFault> {
    let flow = signature.flow.unwrap_or_default();
    let mut parts = Vec::with_capacity(signature.buffers.len());
    for buffer in &signature.buffers {
        let home = match buffer.source {
            Source::Payload | Source::Packet => PartHome::Payload,
            Source::Buffer(id) => match shared.names.buffer(id) {
                BufferHome::Packet(packet) => PartHome::Packet(*packet),
                BufferHome::App(_) | BufferHome::Nowhere => PartHome::App(id),
            },
        };
        parts.push(Part {
            home,
            steps: transform::compile(&buffer.transforms)
                .map_err(|error| CompileFault::of(&signature, error.to_string()))?,
            checks: content::compile(&buffer.conditions, &mut shared.datasets)
                .map_err(|error| CompileFault::of(&signature, error.to_string()))?,
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
    let (layer4, ip) = layers(&signature.protocol);
    let protocols: Vec<Protocol> = signature
        .app_protocols
        .iter()
        .filter_map(|id| {
            shared
                .names
                .protocols
                .get(usize::from(id.0))
                .copied()
                .flatten()
        })
        .collect();
    let kind = kind(&signature, &parts, &flow, &protocols);
    let packet_keyword = wants_packet(&signature, &flow);
    let has_payload = parts
        .iter()
        .any(|part| matches!(part.home, PartHome::Payload));
    let (to_server, to_client) = directions(&signature, &flow, shared.names);
    let flowbits = signature
        .flowbits
        .iter()
        .map(|bits| {
            bits.names
                .iter()
                .map(|name| shared.flowbits.id(name))
                .collect()
        })
        .collect();
    let xbits = signature
        .xbits
        .iter()
        .map(|bit| shared.hostbits.id(&bit.name))
        .collect();
    let mut metadata = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (key, value) in &signature.metadata {
        metadata.entry(key.clone()).or_default().push(value.clone());
    }
    Ok(Compiled {
        kind,
        layer4,
        ip,
        to_server,
        to_client,
        source: shared.addresses.intern(&signature.source),
        destination: shared.addresses.intern(&signature.destination),
        protocols,
        pattern: fast_pattern(&signature, kind),
        wants_stream: has_payload
            && !packet_keyword
            && signature.protocol != HeaderProtocol::TcpPacket,
        wants_packet: has_payload && (packet_keyword || has_positions(&signature)),
        flowbits,
        xbits,
        parts,
        metadata,
        references: signature
            .references
            .iter()
            .map(|(kind, value)| reference(kind, value))
            .collect(),
        signature,
    })
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

fn kind(signature: &Signature, parts: &[Part], flow: &FlowOption, protocols: &[Protocol]) -> Kind {
    if signature.waits_for.is_some()
        || (protocols.is_empty() && !signature.app_protocols.is_empty())
    {
        return Kind::Waiting;
    }
    let transactional = parts
        .iter()
        .any(|part| matches!(part.home, PartHome::App(_)))
        || signature.conditions.iter().any(|condition| {
            matches!(
                condition,
                Condition::IntField { .. }
                    | Condition::AppEvent { .. }
                    | Condition::IntFieldAmong { .. }
                    | Condition::RpcInterface { .. }
                    | Condition::RpcOperation(_)
                    | Condition::FtpBounce
                    | Condition::CipService { .. }
                    | Condition::TlsNotBefore(_)
                    | Condition::TlsNotAfter(_)
                    | Condition::TlsVersion(_)
                    | Condition::TlsMessages(_)
            )
        });
    if transactional || signature.direction == HeaderDirection::Transactional {
        return Kind::Transaction;
    }
    let plain = signature.buffers.is_empty()
        && signature.app_protocols.is_empty()
        && signature.conditions.iter().all(|condition| {
            matches!(
                condition,
                Condition::IpProto { .. }
                    | Condition::SameIp
                    | Condition::GeoIp(_)
                    | Condition::IpRep(_)
            )
        })
        && signature.flowints.is_empty()
        && signature
            .xbits
            .iter()
            .all(|bit| bit.operation == rules::signature::BitOperation::Set)
        && signature
            .flowbits
            .iter()
            .all(|bits| bits.operation == rules::signature::BitOperation::Set)
        && *flow == FlowOption::default()
        && signature.source_ports.ranges.is_empty()
        && signature.destination_ports.ranges.is_empty()
        && signature.protocol != HeaderProtocol::Pkthdr
        && signature.protocol != HeaderProtocol::Arp;
    if plain { Kind::IpOnly } else { Kind::Packet }
}

fn wants_packet(signature: &Signature, flow: &FlowOption) -> bool {
    flow.no_stream
        || signature.protocol == HeaderProtocol::TcpPacket
        || signature
            .buffers
            .iter()
            .any(|buffer| buffer.source == Source::Packet)
        || signature.conditions.iter().any(|condition| {
            !matches!(
                condition,
                Condition::IpProto { .. }
                    | Condition::SameIp
                    | Condition::GeoIp(_)
                    | Condition::IpRep(_)
                    | Condition::StreamSize { .. }
                    | Condition::FlowAge(_)
                    | Condition::FlowPackets { .. }
                    | Condition::FlowBytes { .. }
                    | Condition::AppProtocol { .. }
                    | Condition::IntField { .. }
                    | Condition::AppEvent { .. }
                    | Condition::IntFieldAmong { .. }
                    | Condition::RpcInterface { .. }
                    | Condition::RpcOperation(_)
                    | Condition::FtpBounce
                    | Condition::CipService { .. }
                    | Condition::TlsNotBefore(_)
                    | Condition::TlsNotAfter(_)
                    | Condition::TlsVersion(_)
                    | Condition::TlsMessages(_)
            )
        })
}

/// Contents at fixed places are looked for in each packet as well as in the stream.
fn has_positions(signature: &Signature) -> bool {
    signature
        .buffers
        .iter()
        .filter(|buffer| buffer.source == Source::Payload)
        .flat_map(|buffer| &buffer.conditions)
        .any(|condition| match condition {
            BufferCondition::Content(content) => {
                content.depth.is_some() || content.offset.is_some() || content.startswith
            }
            _ => false,
        })
        || signature
            .conditions
            .iter()
            .any(|condition| matches!(condition, Condition::StreamSize { .. }))
}

/// Sides on which a signature is inspected: what `flow` says, else what its buffers say, else both.
fn directions(signature: &Signature, flow: &FlowOption, names: &Names) -> (bool, bool) {
    if signature.direction == HeaderDirection::Transactional {
        return (true, true);
    }
    if flow.to_server != flow.to_client {
        return (flow.to_server, flow.to_client);
    }
    for buffer in &signature.buffers {
        if let Source::Buffer(id) = buffer.source {
            match names.vocabulary.buffer_spec(id).side {
                rules::Side::ToServer => return (true, false),
                rules::Side::ToClient => return (false, true),
                rules::Side::Both | rules::Side::Packet => {}
            }
        }
    }
    for condition in &signature.conditions {
        if let Condition::IntField { field, .. } = condition {
            match names.vocabulary.int_field_spec(*field).side {
                rules::Side::ToServer => return (true, false),
                rules::Side::ToClient => return (false, true),
                rules::Side::Both | rules::Side::Packet => {}
            }
        }
    }
    (true, true)
}

/// The content that shall call the signature: the explicit one, else the longest; among equals, one of a
/// protocol buffer rather than of the payload.
fn fast_pattern(signature: &Signature, kind: Kind) -> Option<Pattern> {
    let mut best: Option<(usize, Pattern)> = None;
    for buffer in &signature.buffers {
        let home = match buffer.source {
            Source::Payload | Source::Packet => PatternHome::Payload,
            Source::Buffer(id) => PatternHome::App(id),
        };
        // A transaction is called by its buffers; its payload part is looked at afterwards.
        if kind == Kind::Transaction && home == PatternHome::Payload {
            continue;
        }
        for condition in &buffer.conditions {
            let BufferCondition::Content(content) = condition else {
                continue;
            };
            if content.negated || content.bytes.is_empty() {
                continue;
            }
            let bytes = pattern_bytes(content);
            let explicit = if content.fast_pattern.is_some() {
                1 << 20
            } else {
                0
            };
            let of_buffer = if home == PatternHome::Payload || bytes.len() < SHORT_PATTERN {
                0
            } else {
                1
            };
            let score = explicit + bytes.len() * 2 + of_buffer;
            if best.as_ref().is_none_or(|(other, _)| score > *other) {
                best = Some((
                    score,
                    Pattern {
                        home: home.clone(),
                        transforms: buffer.transforms.clone(),
                        bytes: bytes.to_vec(),
                    },
                ));
            }
        }
    }
    best.map(|(_, pattern)| pattern)
}

fn pattern_bytes(content: &Content) -> &[u8] {
    match content.fast_pattern {
        Some(FastPattern::Chop { offset, length }) => {
            let start = usize::from(offset);
            content
                .bytes
                .get(start..start + usize::from(length))
                .unwrap_or(&content.bytes)
        }
        _ => &content.bytes,
    }
}

/// A reference as a link, as far as its system is known.
fn reference(kind: &str, value: &str) -> String {
    let prefix = match kind {
        "url" if value.starts_with("http://") || value.starts_with("https://") => "",
        "url" => "http://",
        "cve" => "https://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-",
        "bugtraq" => "http://www.securityfocus.com/bid/",
        "md5" => "http://www.threatexpert.com/report.aspx?md5=",
        _ => return format!("{kind}:{value}"),
    };
    let value = if kind == "cve" {
        value.trim_start_matches("CVE-")
    } else {
        value
    };
    format!("{prefix}{value}")
}
