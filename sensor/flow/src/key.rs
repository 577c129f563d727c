//! What tells flows apart.

use std::net::IpAddr;

use sensor_bytes::Reader;
use sensor_decode::{Icmp, Packet, Transport, VLAN_LIMIT};

/// Ends of a flow, in order, so that both directions have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
    pub protocol: u8,
    vlans: [u16; VLAN_LIMIT],
    depth: u8,
}

/// Whether tags and tunnels are part of the key (configuration `vlan.use-for-tracking`,
/// `decoder.recursion-level.use-for-tracking`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracking {
    pub vlans: bool,
    pub depth: bool,
}

impl Default for Tracking {
    fn default() -> Self {
        Tracking {
            vlans: true,
            depth: true,
        }
    }
}

/// The two ends of a packet as flows see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub source: (IpAddr, u16),
    pub destination: (IpAddr, u16),
    pub protocol: u8,
    /// The packet may begin a flow (an ICMP error may not).
    pub starts: bool,
}

impl FlowKey {
    pub(crate) fn of(packet: &Packet<'_>, ends: &Ends, tracking: Tracking) -> FlowKey {
        let (low, high) = if ends.source <= ends.destination {
            (ends.source, ends.destination)
        } else {
            (ends.destination, ends.source)
        };
        let mut vlans = [0; VLAN_LIMIT];
        if tracking.vlans {
            for (slot, vlan) in vlans.iter_mut().zip(&packet.vlans) {
                *slot = *vlan;
            }
        }
        FlowKey {
            low,
            high,
            protocol: ends.protocol,
            vlans,
            depth: if tracking.depth { packet.depth } else { 0 },
        }
    }
}

/// Ends of a packet that belongs to a flow; `None` for fragments, ARP and protocols without flows.
pub(crate) fn ends(packet: &Packet<'_>) -> Option<Ends> {
    let (source, destination) = packet.addresses()?;
    let protocol = packet.ip_protocol()?;
    let ends = |from, to| {
        Some(Ends {
            source: (source, from),
            destination: (destination, to),
            protocol,
            starts: true,
        })
    };
    match &packet.transport {
        Transport::Tcp(_) | Transport::Udp(_) | Transport::Sctp { .. } => {
            let (from, to) = packet.ports()?;
            ends(from, to)
        }
        // An SPI holds for one direction (RFC 4303 §2.1): each is a flow of its own.
        Transport::Esp { spi } => {
            let [high, higher, low, lower] = spi.to_be_bytes();
            ends(
                u16::from_be_bytes([low, lower]),
                u16::from_be_bytes([high, higher]),
            )
        }
        Transport::Icmpv4(icmp) => quoted(icmp.kind == 3, icmp).or_else(|| {
            let error = matches!(icmp.kind, 3 | 4 | 5 | 11 | 12);
            let (from, to) = icmp_ports(icmp.kind, icmpv4_counterpart);
            ends(from, to).map(|ends| Ends {
                starts: !error,
                ..ends
            })
        }),
        // Errors of ICMPv6 are flows of their own, as other sensors have them.
        Transport::Icmpv6(icmp) => {
            let (from, to) = icmp_ports(icmp.kind, icmpv6_counterpart);
            // Messages of another code are another flow here, in Suricata, which compares both as one number.
            ends(from | u16::from(icmp.code) << 8, to)
        }
        // What carries a datagram as it is belongs together like a flow.
        Transport::None if matches!(protocol, 4 | 41) && !packet.invalid => ends(0, 0),
        Transport::None => None,
    }
}

/// Ends of the packet that an ICMP error quotes, turned round: the error comes from its destination's side.
fn quoted(unreachable: bool, icmp: &Icmp<'_>) -> Option<Ends> {
    if !unreachable {
        return None;
    }
    let bytes = icmp.quoted?;
    let mut reader = Reader::new(bytes);
    let (source, destination, protocol, upper): (IpAddr, IpAddr, u8, usize) =
        match bytes.first()? >> 4 {
            4 => {
                let header = reader.take(20).ok()?;
                let address = |at: usize| {
                    Some(IpAddr::from(
                        <[u8; 4]>::try_from(header.get(at..at + 4)?).ok()?,
                    ))
                };
                (
                    address(12)?,
                    address(16)?,
                    header[9],
                    usize::from(header[0] & 0x0f) * 4,
                )
            }
            6 => {
                let header = reader.take(40).ok()?;
                let address = |at: usize| {
                    Some(IpAddr::from(
                        <[u8; 16]>::try_from(header.get(at..at + 16)?).ok()?,
                    ))
                };
                (address(8)?, address(24)?, header[6], 40)
            }
            _ => return None,
        };
    if !matches!(protocol, 6 | 17 | 132) {
        return None;
    }
    let ports = bytes.get(upper..upper + 4)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    Some(Ends {
        source: (destination, port(2)),
        destination: (source, port(0)),
        protocol,
        starts: false,
    })
}

/// ICMP messages that answer each other share a key: type and counterpart stand for ports, as in Community ID.
fn icmp_ports(kind: u8, counterpart: fn(u8) -> Option<u8>) -> (u16, u16) {
    (
        u16::from(kind),
        counterpart(kind).map(u16::from).unwrap_or_default(),
    )
}

pub(crate) fn icmpv4_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

pub(crate) fn icmpv6_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}
