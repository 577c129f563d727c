//! What stands in every record: time, ends, interface, tunnel.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sensor_app::{File, FileState, Protocol, Transaction};
use sensor_decode::{Packet, PacketSource, Transport};
use sensor_detect::{Engine, FlowState, Traffic};
use sensor_event::{
    Common, Ether, FileInfo, Hex, Mac, Metadata, Text, Time, TrafficLabels, Tunnel, Variables,
};
use sensor_flow::{Direction, Flow};

use super::protocol_name::protocol_name;
use super::{Ends, Stamp};
use crate::settings::{DnsVersion, ForwardedBy, Settings};

/// What is common to records that no packet or flow stands behind.
pub(super) fn bare<'a>(at_ns: i64, event_type: &'static str) -> Common<'a> {
    Common {
        timestamp: Time(at_ns),
        flow_id: None,
        parent_id: None,
        in_iface: None,
        pcap_cnt: None,
        event_type,
        vlan: &[],
        src_ip: None,
        src_port: None,
        dest_ip: None,
        dest_port: None,
        proto: None,
        ip_v: None,
        icmp_type: None,
        icmp_code: None,
        pkt_src: None,
        ether: None,
        community_id: None,
    }
}

/// Whose addresses stand first in the record of a transaction, as readers of EVE know it.
pub(super) fn record_ends<'a>(
    transaction: &Transaction,
    packet: &'a Packet<'a>,
    dns_version: DnsVersion,
) -> Ends<'a> {
    match (transaction.protocol(), dns_version, transaction.only) {
        (Protocol::Dns, DnsVersion::Three, Some(side)) if packet.tcp().is_some() => {
            Ends::Flow(side)
        }
        (Protocol::Dns, DnsVersion::Three, _)
        | (
            Protocol::Bittorrent
            | Protocol::Dhcp
            | Protocol::Ike
            | Protocol::Krb5
            | Protocol::Nfs
            | Protocol::Ntp
            | Protocol::Quic
            | Protocol::Rdp
            | Protocol::Rfb
            | Protocol::Sip
            | Protocol::Snmp
            | Protocol::Tftp
            | Protocol::Websocket,
            ..,
        ) => Ends::Packet(packet),
        _ => Ends::Flow(transaction.record_direction()),
    }
}

pub(super) fn known(protocol: Protocol) -> Option<&'static str> {
    protocol.is_known().then(|| protocol.name())
}

pub(super) fn common<'a>(
    packet: &'a Packet<'a>,
    flow: Option<&'a Flow>,
    event_type: &'static str,
    ends: Ends<'_>,
    stamp: Stamp,
) -> Common<'a> {
    let addresses = match ends {
        Ends::Packet(packet) => packet
            .addresses()
            .map(|(source, destination)| (source, destination, ports(packet))),
        Ends::Flow(direction) => flow.map(|flow| {
            let (from, to) = flow.ends(direction);
            // An ICMP error may speak of the flow: it has no ports itself.
            let with_ports = flow.has_ports() && has_ports(packet);
            (from.0, to.0, with_ports.then_some((from.1, to.1)))
        }),
    };
    let icmp = match &packet.transport {
        Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some((icmp.kind, icmp.code)),
        _ => None,
    };
    let ports = addresses.and_then(|(.., ports)| ports);
    Common {
        timestamp: Time(stamp.at_ns),
        flow_id: flow.map(|flow| flow.id.0),
        parent_id: flow.and_then(|flow| flow.parent).map(|parent| parent.0),
        in_iface: None,
        // A packet from within another one has no place in the capture; `tunnel` tells the outer packet's.
        pcap_cnt: stamp
            .frame
            .filter(|_| packet.source_kind == PacketSource::Wire),
        event_type,
        // The packet that stands for the end of a flow has been on no wire: its flow knows the tags.
        vlan: flow
            .filter(|_| packet.ethernet.is_none() && packet.vlans.is_empty())
            .map_or(&packet.vlans, |flow| &flow.vlans),
        src_ip: addresses.map(|(source, ..)| source),
        src_port: ports.map(|ports| ports.0),
        dest_ip: addresses.map(|(_, destination, _)| destination),
        dest_port: ports.map(|ports| ports.1),
        proto: packet.shown_protocol().map(protocol_name),
        ip_v: addresses.map(|(source, ..)| if source.is_ipv4() { 4 } else { 6 }),
        icmp_type: icmp.map(|icmp| icmp.0),
        icmp_code: icmp.map(|icmp| icmp.1),
        pkt_src: Some(packet.source_kind.name()),
        ether: match (&packet.ethernet, flow) {
            (Some(ethernet), _) => {
                let (mut source, mut destination) = (ethernet.source, ethernet.destination);
                // As the addresses of the record, whichever way the packet went.
                if matches!(ends, Ends::Flow(_))
                    && addresses.map(|(source, ..)| source)
                        != packet.addresses().map(|(source, _)| source)
                {
                    std::mem::swap(&mut source, &mut destination);
                }
                Some(Ether {
                    ether_type: Some(ethernet.ether_type),
                    src_mac: Some(Mac(source)),
                    dest_mac: Some(Mac(destination)),
                    ..Ether::default()
                })
            }
            // Nothing was on a wire: the first addresses of the flow stand for it.
            (None, Some(flow)) => match [flow.macs[0].first(), flow.macs[1].first()] {
                [Some(source), Some(destination)] => Some(Ether {
                    src_mac: Some(Mac(*source)),
                    dest_mac: Some(Mac(*destination)),
                    ..Ether::default()
                }),
                _ => None,
            },
            (None, None) => None,
        },
        community_id: None,
    }
}

/// TCP, UDP or SCTP, whether or not its header could be read.
fn has_ports(packet: &Packet<'_>) -> bool {
    matches!(packet.shown_protocol(), Some(6 | 17 | 132))
}

/// Ports of the packet; zero where its header is not there, or cannot be read.
fn ports(packet: &Packet<'_>) -> Option<(u16, u16)> {
    let found = packet.ports();
    found.or_else(|| has_ports(packet).then_some((0, 0)))
}

/// Link-layer addresses of a whole flow, as one direction has them.
pub(super) fn flow_ether(flow: &Flow, direction: Direction) -> Option<Ether> {
    if flow.macs.iter().all(|macs| macs.is_empty()) {
        return None;
    }
    Some(Ether {
        src_macs: flow.macs[direction.index()]
            .iter()
            .copied()
            .map(Mac)
            .collect(),
        dest_macs: flow.macs[direction.opposite().index()]
            .iter()
            .copied()
            .map(Mac)
            .collect(),
        ..Ether::default()
    })
}

/// The address for which a proxy speaks, as far as it is wanted and is one.
pub(super) fn forwarded_for(
    settings: &Settings,
    traffic: &Traffic<'_>,
    transaction: Option<&Transaction>,
) -> Option<IpAddr> {
    if !settings.forwarded.enabled {
        return None;
    }
    let of = |transaction: &Transaction| {
        let sensor_app::Body::Http1(http) = &transaction.body else {
            return None;
        };
        let list = std::str::from_utf8(http.forwarded_for()?).ok()?;
        let address = match settings.forwarded.by {
            ForwardedBy::Reverse => list.rsplit(',').next(),
            ForwardedBy::Forward => list.split(',').next(),
        };
        address?.trim().parse().ok()
    };
    match transaction {
        Some(transaction) => of(transaction),
        None => traffic.app?.transactions().iter().find_map(of),
    }
}

pub(super) fn tunnel(packet: &Packet<'_>, stamp: Stamp) -> Option<Tunnel> {
    let outer = packet.outer?;
    // As in Suricata, what has no ports has ports of 0 here.
    let ports = outer.ports.unwrap_or_default();
    Some(Tunnel {
        src_ip: outer.source,
        dest_ip: outer.destination,
        src_port: Some(ports.0),
        dest_port: Some(ports.1),
        proto: protocol_name(outer.protocol).into_owned(),
        depth: packet.depth,
        pcap_cnt: stamp.frame,
        pkt_src: outer.source_kind.name(),
    })
}

pub(super) fn file_info<'a>(
    file: &'a File,
    transaction: &'a Transaction,
    settings: &Settings,
) -> FileInfo<'a> {
    FileInfo {
        filename: (!file.name.is_empty()).then(|| Text(&file.name)),
        magic: if settings.force_magic {
            transaction.magic(file)
        } else {
            file.known_magic()
        },
        gaps: file.gaps,
        state: match file.state {
            FileState::Open => "UNKNOWN",
            FileState::Closed => "CLOSED",
            FileState::Truncated => "TRUNCATED",
            FileState::Error => "ERROR",
        },
        md5: file.md5.as_ref().map(|hash| Hex(hash)),
        sha1: file.sha1.as_ref().map(|hash| Hex(hash)),
        sha256: file.sha256.as_ref().map(|hash| Hex(hash)),
        stored: false,
        file_id: None,
        size: file.size,
        start: file.range.map(|range| range.0),
        end: file.range.map(|range| range.1),
        tx_id: transaction.number,
        sid: Vec::new(),
    }
}

pub(super) fn variables<'a>(state: &'a FlowState, engine: &'a Engine) -> Option<Metadata<'a>> {
    if state.bits().is_empty()
        && state.ints().is_empty()
        && state.variables().is_empty()
        && state.entropies().is_empty()
    {
        return None;
    }
    let mut traffic = TrafficLabels::default();
    let mut flowbits = Vec::new();
    for &bit in state.bits() {
        let name = engine.flowbit_name(bit);
        if let Some(id) = name.strip_prefix("traffic/id/") {
            traffic.id.push(id);
        } else if let Some(label) = name.strip_prefix("traffic/label/") {
            traffic.label.push(label);
        } else {
            flowbits.push(name);
        }
    }
    Some(Metadata {
        traffic: (!traffic.id.is_empty() || !traffic.label.is_empty()).then_some(traffic),
        metadata: Variables {
            flowbits,
            flowints: state
                .ints()
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect(),
            flowvars: state
                .variables()
                .iter()
                .map(|(name, value)| BTreeMap::from([(name.clone(), Text(value).to_string())]))
                .collect(),
            entropy: state
                .entropies()
                .iter()
                .map(|(name, value)| (name.replace('.', "_"), *value))
                .collect(),
            ..Variables::default()
        },
    })
}

/// Variables of the flow with those that the match has set for its packet.
pub(super) fn with_packet_variables<'a>(
    metadata: Option<Metadata<'a>>,
    packet_variables: &[(String, Vec<u8>)],
) -> Option<Metadata<'a>> {
    if packet_variables.is_empty() {
        return metadata;
    }
    let mut metadata = metadata.unwrap_or_default();
    metadata.metadata.pktvars = packet_variables
        .iter()
        .map(|(name, value)| BTreeMap::from([(name.clone(), Text(value).to_string())]))
        .collect();
    Some(metadata)
}
