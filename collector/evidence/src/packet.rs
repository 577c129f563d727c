//! Frames as a list of packets.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxSlicedPacket, TransportSlice};

use crate::Frame;

/// One end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Port(SocketAddr),
    Host(IpAddr),
}

impl std::fmt::Display for End {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Port(address) => address.fmt(out),
            End::Host(address) => address.fmt(out),
        }
    }
}

/// What the headers of a frame say, the outermost of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Place in the list, from 0.
    pub number: usize,
    pub timestamp_ns: i64,
    pub wire_length: u32,
    pub captured: usize,
    /// Source and destination, if it is IP.
    pub ends: Option<(End, End)>,
    /// `TCP`, `UDP`, …, else the number of the protocol or of the frame's type.
    pub protocol: String,
    /// Of TCP: letters as in `SA`.
    pub flags: String,
    pub sequence: Option<u32>,
    /// Where the payload lies in the frame.
    pub payload: std::ops::Range<usize>,
}

impl Packet {
    pub fn data<'a>(&self, frame: &'a Frame) -> &'a [u8] {
        frame.data.get(self.payload.clone()).unwrap_or_default()
    }

    pub fn is_tcp(&self) -> bool {
        self.sequence.is_some()
    }
}

/// What is in the frames, in their order.
pub fn packets(frames: &[Frame]) -> Vec<Packet> {
    frames
        .iter()
        .enumerate()
        .map(|(number, frame)| packet(number, frame))
        .collect()
}

fn packet(number: usize, frame: &Frame) -> Packet {
    let mut packet = Packet {
        number,
        timestamp_ns: frame.timestamp_ns,
        wire_length: frame.wire_length,
        captured: frame.data.len(),
        ends: None,
        protocol: String::new(),
        flags: String::new(),
        sequence: None,
        payload: 0..0,
    };
    let Some(sliced) = slice(frame) else {
        packet.protocol = format!("link {}", frame.link);
        return packet;
    };
    let hosts = match &sliced.net {
        Some(net) => hosts(net),
        None => None,
    };
    let mut payload: &[u8] = &[];
    packet.protocol = match &sliced.net {
        Some(etherparse::LaxNetSlice::Arp(_)) => "ARP".to_owned(),
        Some(net) => match net.ip_payload_ref() {
            Some(ip) => {
                payload = ip.payload;
                protocol_name(ip.ip_number.0)
            }
            None => String::new(),
        },
        None => match sliced.ether_payload() {
            Some(ether) => {
                payload = ether.payload;
                format!("0x{:04x}", ether.ether_type.0)
            }
            None => String::new(),
        },
    };
    let mut ports = None;
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            ports = Some((tcp.source_port(), tcp.destination_port()));
            payload = tcp.payload();
            packet.sequence = Some(tcp.sequence_number());
            packet.flags = [
                (tcp.syn(), 'S'),
                (tcp.fin(), 'F'),
                (tcp.rst(), 'R'),
                (tcp.psh(), 'P'),
                (tcp.ack(), 'A'),
                (tcp.urg(), 'U'),
            ]
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, letter)| letter)
            .collect();
        }
        Some(TransportSlice::Udp(udp)) => {
            ports = Some((udp.source_port(), udp.destination_port()));
            payload = udp.payload();
        }
        Some(TransportSlice::Icmpv4(icmp)) => payload = icmp.payload(),
        Some(TransportSlice::Icmpv6(icmp)) => payload = icmp.payload(),
        None => {}
    }
    packet.ends = hosts.map(|(source, destination)| match ports {
        Some((from, to)) => (
            End::Port(SocketAddr::new(source, from)),
            End::Port(SocketAddr::new(destination, to)),
        ),
        None => (End::Host(source), End::Host(destination)),
    });
    packet.payload = range(&frame.data, payload);
    packet
}

/// The headers of a frame, as far as they can be read.
fn slice(frame: &Frame) -> Option<LaxSlicedPacket<'_>> {
    let data = frame.data.as_slice();
    let ether_type = |at: usize| {
        let bytes = data.get(at..at + 2)?;
        Some(EtherType(u16::from_be_bytes([bytes[0], bytes[1]])))
    };
    match frame.link {
        1 => LaxSlicedPacket::from_ethernet(data).ok(),
        // BSD loopback: the family, then IP.
        0 | 108 => LaxSlicedPacket::from_ip(data.get(4..)?).ok(),
        12 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(data).ok(),
        // Linux cooked capture, versions 1 and 2.
        113 => Some(LaxSlicedPacket::from_ether_type(
            ether_type(14)?,
            data.get(16..)?,
        )),
        276 => Some(LaxSlicedPacket::from_ether_type(
            ether_type(0)?,
            data.get(20..)?,
        )),
        _ => None,
    }
}

fn hosts(net: &etherparse::LaxNetSlice<'_>) -> Option<(IpAddr, IpAddr)> {
    match net {
        etherparse::LaxNetSlice::Ipv4(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        )),
        etherparse::LaxNetSlice::Ipv6(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        )),
        etherparse::LaxNetSlice::Arp(_) => None,
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        58 => "ICMPv6",
        132 => "SCTP",
        other => return format!("IP {other}"),
    }
    .to_owned()
}

/// Where a part of some bytes lies in them.
fn range(whole: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
    match start {
        Some(start) if start + part.len() <= whole.len() => start..start + part.len(),
        _ => 0..0,
    }
}
