//! What is known of a packet: views that borrow from its frame.

use std::net::IpAddr;

use arrayvec::ArrayVec;

use crate::{DecodeEvent, EventSet, LinkType};

/// VLAN tags that are kept.
pub const VLAN_LIMIT: usize = 3;
/// Layers of one frame that are decoded.
pub const LAYER_LIMIT: u8 = 16;

/// Where a packet came from (EVE `pkt_src`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PacketSource {
    #[default]
    Wire,
    Gre,
    Ipv4Tunnel,
    Ipv6Tunnel,
    Teredo,
    Defrag,
    Geneve,
    Vxlan,
    StreamEnd,
    FlowTimeout,
}

/// Number of the fragment header (RFC 8200 §4.5).
const IPV6_FRAGMENT: u8 = 44;

impl PacketSource {
    pub fn name(self) -> &'static str {
        match self {
            PacketSource::Wire => "wire/pcap",
            PacketSource::Gre => "gre tunnel",
            PacketSource::Ipv4Tunnel => "ipv4 tunnel",
            PacketSource::Ipv6Tunnel => "ipv6 tunnel",
            PacketSource::Teredo => "teredo tunnel",
            PacketSource::Defrag => "defrag",
            PacketSource::Geneve => "geneve encapsulation",
            PacketSource::Vxlan => "vxlan encapsulation",
            PacketSource::StreamEnd => "stream (detect/log)",
            PacketSource::FlowTimeout => "stream (flow timeout)",
        }
    }
}

/// Ethernet II header (IEEE 802.3 §3.2).
#[derive(Debug, Clone, Copy)]
pub struct Ethernet {
    pub source: [u8; 6],
    pub destination: [u8; 6],
    pub ether_type: u16,
}

/// Address resolution (RFC 826), Ethernet and IPv4 only.
#[derive(Debug, Clone, Copy)]
pub struct Arp {
    pub operation: u16,
    pub sender_mac: [u8; 6],
    pub sender_ip: std::net::Ipv4Addr,
    pub target_mac: [u8; 6],
    pub target_ip: std::net::Ipv4Addr,
}

/// A part of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    pub id: u32,
    /// In bytes.
    pub offset: u32,
    pub more: bool,
    /// Bytes between the IP header's start and the fragment's data that stay in front of the whole datagram: the
    /// IP header, and in IPv6 the extension headers before the fragment header.
    pub kept: usize,
    /// Place, from the IP header's start, of the byte that names the fragment header (IPv6).
    pub named_at: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Ipv4<'a> {
    /// With options.
    pub header: &'a [u8],
    pub source: std::net::Ipv4Addr,
    pub destination: std::net::Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    /// Flags in the top three bits, offset below (RFC 791 §3.1).
    pub fragment_word: u16,
    /// What `total length` leaves behind the header.
    pub payload: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
pub struct Ipv6<'a> {
    /// The fixed 40 bytes.
    pub header: &'a [u8],
    pub source: std::net::Ipv6Addr,
    pub destination: std::net::Ipv6Addr,
    /// Protocol behind the extension headers.
    pub protocol: u8,
    pub hop_limit: u8,
    pub traffic_class: u8,
    /// Behind the fixed header: extension headers and payload.
    pub payload: &'a [u8],
    /// Start of the upper layer (or of the fragment's data) within `payload`.
    pub upper: usize,
}

#[derive(Debug, Clone, Copy, Default)]
pub enum Net<'a> {
    #[default]
    None,
    Arp(Arp),
    Ipv4(Ipv4<'a>),
    Ipv6(Ipv6<'a>),
}

/// TCP options that matter here (RFC 9293 §3.2, RFC 7323, RFC 2018).
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpOptions {
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub sack_permitted: bool,
    /// Value and echo.
    pub timestamps: Option<(u32, u32)>,
    /// Selective acknowledgements are there; see [`Tcp::sack_blocks`].
    pub sack: bool,
    pub fast_open: bool,
    /// With a signature that only the ends can check (RFC 2385, RFC 5925).
    pub signed: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Tcp<'a> {
    /// With options.
    pub header: &'a [u8],
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    /// CWR ECE URG ACK PSH RST SYN FIN.
    pub flags: u8,
    pub window: u16,
    pub urgent_pointer: u16,
    pub options: TcpOptions,
}

impl Tcp<'_> {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;

    /// Whether all these flags are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Left and right edges of what the sender has received beyond a gap (RFC 2018 §3).
    pub fn sack_blocks(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut options = self.header.get(20..).filter(|_| self.options.sack);
        let mut blocks = &[][..];
        while let Some([kind, rest @ ..]) = options {
            options = match (kind, rest.first()) {
                (0, _) => None,
                (1, _) => Some(rest),
                (5, Some(&length)) if length > 2 => {
                    blocks = rest.get(1..usize::from(length) - 1).unwrap_or_default();
                    None
                }
                (_, Some(&length)) if length >= 2 => rest.get(usize::from(length) - 1..),
                _ => None,
            };
        }
        blocks.chunks_exact(8).map(|block| {
            let edge = |at: usize| {
                u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
            };
            (edge(0), edge(4))
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Udp<'a> {
    pub header: &'a [u8],
    pub source_port: u16,
    pub destination_port: u16,
}

/// ICMP and ICMPv6 (RFC 792, RFC 4443).
#[derive(Debug, Clone, Copy)]
pub struct Icmp<'a> {
    pub header: &'a [u8],
    pub kind: u8,
    pub code: u8,
    /// Of messages that have one (echo, timestamp, …).
    pub id: Option<u16>,
    pub sequence: Option<u16>,
    /// Of ICMPv6 “packet too big”.
    pub mtu: Option<u32>,
    /// The packet that an error message quotes, from its IP header.
    pub quoted: Option<&'a [u8]>,
}

#[derive(Debug, Clone, Copy, Default)]
pub enum Transport<'a> {
    #[default]
    None,
    Tcp(Tcp<'a>),
    Udp(Udp<'a>),
    Icmpv4(Icmp<'a>),
    Icmpv6(Icmp<'a>),
    Sctp {
        source_port: u16,
        destination_port: u16,
    },
    Esp {
        spi: u32,
    },
}

/// Network identifiers of overlays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labels {
    pub vxlan_vni: Option<u32>,
    pub geneve_vni: Option<u32>,
}

/// The packet around a tunnelled one, the outermost; or the fragment that completed one.
#[derive(Debug, Clone, Copy)]
pub struct Outer {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ports: Option<(u16, u16)>,
    pub protocol: u8,
    pub source_kind: PacketSource,
}

/// A decoded packet.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    pub link: LinkType,
    /// The whole captured frame.
    pub frame: &'a [u8],
    pub ethernet: Option<Ethernet>,
    pub vlans: ArrayVec<u16, VLAN_LIMIT>,
    pub net: Net<'a>,
    pub transport: Transport<'a>,
    /// Above the highest layer that was read.
    pub payload: &'a [u8],
    pub fragment: Option<Fragment>,
    pub events: EventSet<DecodeEvent>,
    pub source_kind: PacketSource,
    /// Tunnels around this packet.
    pub depth: u8,
    pub outer: Option<Outer>,
    pub labels: Labels,
    /// Where in the frame the IP header begins.
    pub net_offset: usize,
    /// The payload is a packet that is looked at on its own.
    pub encloses: bool,
    /// Something in it could not be read.
    pub invalid: bool,
    /// Layers passed, against [`LAYER_LIMIT`].
    pub(crate) layers: u8,
    /// Bytes of this packet as its own layer counts them: the frame, or the inner datagram.
    pub length: usize,
}

impl<'a> Packet<'a> {
    pub(crate) fn new(link: LinkType, frame: &'a [u8]) -> Self {
        Packet {
            link,
            frame,
            ethernet: None,
            vlans: ArrayVec::new(),
            net: Net::None,
            transport: Transport::None,
            payload: &[],
            fragment: None,
            events: EventSet::default(),
            source_kind: PacketSource::Wire,
            depth: 0,
            outer: None,
            labels: Labels::default(),
            net_offset: 0,
            encloses: false,
            invalid: false,
            layers: 0,
            length: frame.len(),
        }
    }

    /// Stands for the end of a flow where rules and records want a packet: addresses and ports, no bytes.
    pub fn of_flow(
        source: (IpAddr, u16),
        destination: (IpAddr, u16),
        protocol: u8,
        kind: PacketSource,
    ) -> Packet<'static> {
        let net = match (source.0, destination.0) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Net::Ipv4(Ipv4 {
                header: &[],
                source: from,
                destination: to,
                protocol,
                ttl: 0,
                tos: 0,
                id: 0,
                fragment_word: 0,
                payload: &[],
            }),
            (from, to) => Net::Ipv6(Ipv6 {
                header: &[],
                source: to_v6(from),
                destination: to_v6(to),
                protocol,
                hop_limit: 0,
                traffic_class: 0,
                payload: &[],
                upper: 0,
            }),
        };
        let transport = match protocol {
            6 => Transport::Tcp(Tcp {
                header: &[],
                source_port: source.1,
                destination_port: destination.1,
                sequence: 0,
                acknowledgment: 0,
                flags: 0,
                window: 0,
                urgent_pointer: 0,
                options: TcpOptions::default(),
            }),
            17 => Transport::Udp(Udp {
                header: &[],
                source_port: source.1,
                destination_port: destination.1,
            }),
            132 => Transport::Sctp {
                source_port: source.1,
                destination_port: destination.1,
            },
            _ => Transport::None,
        };
        Packet {
            net,
            transport,
            source_kind: kind,
            ..Packet::new(LinkType::RAW, &[])
        }
    }

    /// Notes an oddity found behind the decoder.
    pub fn with_event(&self, event: DecodeEvent) -> Packet<'a> {
        let mut packet = self.clone();
        packet.events.insert(event);
        packet
    }

    /// An empty packet inside this one.
    pub(crate) fn inner(&self, kind: PacketSource, data: &'a [u8]) -> Packet<'a> {
        Packet {
            depth: self.depth + 1,
            outer: self.outer.or_else(|| self.as_outer()),
            labels: self.labels,
            source_kind: kind,
            layers: self.layers + 1,
            ..Packet::new(LinkType::RAW, data)
        }
    }

    /// This packet as what is around another one.
    fn as_outer(&self) -> Option<Outer> {
        let (source, destination) = self.addresses()?;
        Some(Outer {
            source,
            destination,
            ports: self.ports().filter(|_| self.fragment.is_none()),
            protocol: self.shown_protocol().unwrap_or(0),
            source_kind: self.source_kind,
        })
    }

    pub(crate) fn reassembled<'b>(&self, frame: &'b [u8]) -> Packet<'b> {
        Packet {
            frame,
            length: frame.len(),
            link: self.link,
            // As a whole it was in no frame.
            ethernet: None,
            vlans: self.vlans.clone(),
            events: EventSet::default(),
            depth: self.depth,
            // The fragment that completed it stands around it.
            outer: self.outer.or_else(|| self.as_outer()),
            labels: self.labels,
            net_offset: 0,
            encloses: false,
            invalid: false,
            layers: self.layers.saturating_sub(1),
            net: Net::None,
            transport: Transport::None,
            payload: &[],
            fragment: None,
            source_kind: PacketSource::Defrag,
        }
    }

    /// Notes an oddity that makes the packet unreadable from here on.
    pub(crate) fn fail(&mut self, event: DecodeEvent) {
        self.events.insert(event);
        self.invalid = true;
    }

    /// Enters one more layer; false when there are too many.
    pub(crate) fn enter(&mut self) -> bool {
        self.layers = self.layers.saturating_add(1);
        if self.layers >= LAYER_LIMIT {
            self.fail(DecodeEvent::TooManyLayers);
            return false;
        }
        true
    }

    /// Source and destination.
    pub fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match &self.net {
            Net::Ipv4(ip) => Some((ip.source.into(), ip.destination.into())),
            Net::Ipv6(ip) => Some((ip.source.into(), ip.destination.into())),
            Net::None | Net::Arp(_) => None,
        }
    }

    /// Source and destination port of TCP, UDP or SCTP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Transport::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            Transport::Sctp {
                source_port,
                destination_port,
            } => Some((*source_port, *destination_port)),
            _ => None,
        }
    }

    /// IP protocol number of the upper layer.
    pub fn ip_protocol(&self) -> Option<u8> {
        match &self.net {
            Net::Ipv4(ip) => Some(ip.protocol),
            Net::Ipv6(ip) => Some(ip.protocol),
            Net::None | Net::Arp(_) => None,
        }
    }

    /// The same as rules and records have it: of a fragment of IPv6 that of its own header (RFC 8200 §4.5).
    pub fn shown_protocol(&self) -> Option<u8> {
        match self.net {
            Net::Ipv6(_) if self.fragment.is_some() => Some(IPV6_FRAGMENT),
            _ => self.ip_protocol(),
        }
    }

    pub fn tcp(&self) -> Option<&Tcp<'a>> {
        match &self.transport {
            Transport::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// Time to live, or hop limit.
    pub fn ttl(&self) -> Option<u8> {
        match &self.net {
            Net::Ipv4(ip) => Some(ip.ttl),
            Net::Ipv6(ip) => Some(ip.hop_limit),
            Net::None | Net::Arp(_) => None,
        }
    }

    /// Whether the checksum of the transport layer (or of ICMP) is right; `None` where there is none.
    pub fn transport_checksum_valid(&self) -> Option<bool> {
        let segment = match &self.net {
            Net::Ipv4(ip) => ip.payload,
            Net::Ipv6(ip) => ip.payload.get(ip.upper..)?,
            Net::None | Net::Arp(_) => return None,
        };
        if self.fragment.is_some() {
            return None;
        }
        let protocol = self.ip_protocol()?;
        match &self.transport {
            Transport::Tcp(_) => {
                Some(fold(self.pseudo_header(protocol, segment) + sum(segment)) == 0xffff)
            }
            Transport::Udp(udp) => {
                let stored = u16::from_be_bytes([*udp.header.get(6)?, *udp.header.get(7)?]);
                if stored == 0 && matches!(self.net, Net::Ipv4(_)) {
                    return Some(true);
                }
                let length = usize::from(u16::from_be_bytes([
                    *udp.header.get(4)?,
                    *udp.header.get(5)?,
                ]));
                let segment = segment.get(..length)?;
                Some(fold(self.pseudo_header(protocol, segment) + sum(segment)) == 0xffff)
            }
            Transport::Icmpv4(_) => Some(fold(sum(segment)) == 0xffff),
            Transport::Icmpv6(_) => {
                Some(fold(self.pseudo_header(protocol, segment) + sum(segment)) == 0xffff)
            }
            _ => None,
        }
    }

    /// Whether a TCP segment has instead of its checksum what Linux leaves there for a card to go on with: the sum of the
    /// pseudo-header alone (`CHECKSUM_PARTIAL`). So is what a host, or a virtual machine on it, sends itself.
    pub fn checksum_left_to_card(&self) -> bool {
        let segment = match &self.net {
            Net::Ipv4(ip) => Some(ip.payload),
            Net::Ipv6(ip) => ip.payload.get(ip.upper..),
            Net::None | Net::Arp(_) => None,
        };
        let (Some(segment), Transport::Tcp(_), None, Some(protocol)) =
            (segment, &self.transport, &self.fragment, self.ip_protocol())
        else {
            return false;
        };
        segment
            .get(16..18)
            .is_some_and(|stored| fold(self.pseudo_header(protocol, segment)) == sum(stored))
    }

    /// Whether the checksum of the IPv4 header is right.
    pub fn ipv4_checksum_valid(&self) -> Option<bool> {
        match &self.net {
            Net::Ipv4(ip) => Some(fold(sum(ip.header)) == 0xffff),
            _ => None,
        }
    }

    fn pseudo_header(&self, protocol: u8, segment: &[u8]) -> u64 {
        let addresses = match &self.net {
            Net::Ipv4(ip) => sum(&ip.source.octets()) + sum(&ip.destination.octets()),
            Net::Ipv6(ip) => sum(&ip.source.octets()) + sum(&ip.destination.octets()),
            Net::None | Net::Arp(_) => 0,
        };
        addresses + u64::from(protocol) + segment.len() as u64
    }
}

fn to_v6(address: IpAddr) -> std::net::Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// Sum of 16-bit words (RFC 1071 §1), an odd last byte padded.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(2);
    let odd = words
        .remainder()
        .first()
        .map_or(0, |&byte| u64::from(byte) << 8);
    words
        .map(|word| u64::from(u16::from_be_bytes([word[0], word[1]])))
        .sum::<u64>()
        + odd
}

fn fold(mut sum: u64) -> u64 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
