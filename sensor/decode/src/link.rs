//! Link layers: Ethernet and its tags, cooked captures, loopback, raw IP, PPP, Cisco HDLC.

use sensor_bytes::Reader;

use crate::packet::{Arp, Ethernet, LAYER_LIMIT};
use crate::{Counters, DecodeEvent, LinkType, Net, Packet, net, tunnel};

/// EtherType numbers (IEEE 802 numbers registry).
mod ether_type {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const QINQ: u16 = 0x88a8;
    pub const QINQ_OLD: u16 = 0x9100;
    pub const IEEE8021AH: u16 = 0x88e7;
    pub const ETAG: u16 = 0x893f;
    pub const VNTAG: u16 = 0x8926;
    pub const IPV6: u16 = 0x86dd;
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const TRANSPARENT_BRIDGING: u16 = 0x6558;
    pub const ERSPAN: u16 = 0x88be;
    pub const NSH: u16 = 0x894f;
    pub const DCE: u16 = 0x8903;
}

type Each<'e, 'a> = &'e mut dyn FnMut(&Packet<'a>);

/// Hands a packet over as it stands.
pub(crate) fn finish<'a>(packet: &Packet<'a>, counters: &mut Counters, each: Each<'_, 'a>) {
    counters.note(&packet.events, packet.invalid);
    each(packet);
}

/// Ends a packet that cannot be read further.
pub(crate) fn broken<'a>(
    packet: &mut Packet<'a>,
    event: DecodeEvent,
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    packet.fail(event);
    finish(packet, counters, each);
}

pub(crate) fn decode<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let mut reader = Reader::new(data);
    match packet.link {
        LinkType::ETHERNET => ethernet(packet, data, counters, each),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => {
            counters.raw += 1;
            match data.first().map(|byte| byte >> 4) {
                Some(4 | 6) => net::decode_ip(packet, data, counters, each),
                _ => broken(packet, DecodeEvent::IprawInvalidIpVersion, counters, each),
            }
        }
        LinkType::NULL | LinkType::LOOP => {
            counters.null += 1;
            // The address family is in the byte order of the capturing host (NULL) or of the network (LOOP).
            let Ok(family) = reader.u32() else {
                return broken(packet, DecodeEvent::LtnullPktTooSmall, counters, each);
            };
            let family = if family > 0xffff {
                family.swap_bytes()
            } else {
                family
            };
            match family {
                2 | 10 | 24 | 28 | 30 => net::decode_ip(packet, reader.rest(), counters, each),
                _ => broken(packet, DecodeEvent::LtnullUnsupportedType, counters, each),
            }
        }
        LinkType::SLL => {
            counters.sll += 1;
            let (Ok(_), Ok(kind)) = (reader.take(14), reader.u16()) else {
                return broken(packet, DecodeEvent::SllPktTooSmall, counters, each);
            };
            by_ether_type(packet, kind, reader.rest(), counters, each);
        }
        LinkType::SLL2 => {
            counters.sll2 += 1;
            let (Ok(kind), Ok(_)) = (reader.u16(), reader.take(18)) else {
                return broken(packet, DecodeEvent::Sll2PktTooSmall, counters, each);
            };
            by_ether_type(packet, kind, reader.rest(), counters, each);
        }
        LinkType::PPP => ppp(packet, data, counters, each),
        LinkType::CHDLC => {
            counters.chdlc += 1;
            let (Ok(_), Ok(kind)) = (reader.take(2), reader.u16()) else {
                return broken(packet, DecodeEvent::ChdlcPktTooSmall, counters, each);
            };
            by_ether_type(packet, kind, reader.rest(), counters, each);
        }
        _ => {
            packet.invalid = true;
            finish(packet, counters, each);
        }
    }
}

pub(crate) fn ethernet<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ethernet += 1;
    let mut reader = Reader::new(data);
    let (Ok(destination), Ok(source), Ok(kind)) = (reader.array(), reader.array(), reader.u16())
    else {
        return broken(packet, DecodeEvent::EthernetPktTooSmall, counters, each);
    };
    packet.ethernet = Some(Ethernet {
        source,
        destination,
        ether_type: kind,
    });
    by_ether_type(packet, kind, reader.rest(), counters, each);
}

pub(crate) fn by_ether_type<'a>(
    packet: &mut Packet<'a>,
    kind: u16,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    packet.layers += 1;
    if packet.layers > LAYER_LIMIT {
        counters.too_many_layers += 1;
        return broken(packet, DecodeEvent::TooManyLayers, counters, each);
    }
    let mut reader = Reader::new(data);
    match kind {
        ether_type::IPV4 => net::decode_ipv4(packet, data, counters, each),
        ether_type::IPV6 => net::decode_ipv6(packet, data, counters, each),
        ether_type::ARP => arp(packet, data, counters, each),
        ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD => {
            vlan(packet, data, counters, each)
        }
        ether_type::IEEE8021AH => {
            counters.ieee8021ah += 1;
            // Flags and service id, then the customer's Ethernet header.
            match reader.take(4 + 12).and_then(|_| reader.u16()) {
                Ok(kind) => by_ether_type(packet, kind, reader.rest(), counters, each),
                Err(_) => broken(
                    packet,
                    DecodeEvent::Ieee8021ahHeaderTooSmall,
                    counters,
                    each,
                ),
            }
        }
        ether_type::ETAG => {
            counters.etag += 1;
            match reader.take(6).and_then(|_| reader.u16()) {
                Ok(kind) => by_ether_type(packet, kind, reader.rest(), counters, each),
                Err(_) => broken(packet, DecodeEvent::VntagHeaderTooSmall, counters, each),
            }
        }
        ether_type::VNTAG => {
            counters.vntag += 1;
            match reader.take(4).and_then(|_| reader.u16()) {
                Ok(kind) => by_ether_type(packet, kind, reader.rest(), counters, each),
                Err(_) => broken(packet, DecodeEvent::VntagHeaderTooSmall, counters, each),
            }
        }
        ether_type::PPPOE_SESSION => pppoe_session(packet, data, counters, each),
        ether_type::PPPOE_DISCOVERY => {
            counters.pppoe += 1;
            match reader.take(6) {
                Ok(_) => finish(packet, counters, each),
                Err(_) => broken(packet, DecodeEvent::PppoePktTooSmall, counters, each),
            }
        }
        ether_type::MPLS | ether_type::MPLS_MULTICAST => tunnel::mpls(packet, data, counters, each),
        ether_type::TRANSPARENT_BRIDGING => ethernet(packet, data, counters, each),
        ether_type::ERSPAN => tunnel::erspan(packet, data, counters, each),
        ether_type::NSH => tunnel::nsh(packet, data, counters, each),
        // Fibre channel over data centre Ethernet: counted, not decoded.
        ether_type::DCE => match reader.take(30) {
            Ok(_) => finish(packet, counters, each),
            Err(_) => broken(packet, DecodeEvent::DcePktTooSmall, counters, each),
        },
        _ => {
            // A length below 1536 is an IEEE 802.3 frame, which carries no IP here.
            counters.unknown_ethertype += 1;
            if packet.ethernet.is_some() || packet.depth == 0 {
                packet.events.insert(DecodeEvent::EthernetUnknownEthertype);
            }
            finish(packet, counters, each);
        }
    }
}

fn vlan<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters, each: Each<'_, 'a>) {
    let mut reader = Reader::new(data);
    let (Ok(tag), Ok(kind)) = (reader.u16(), reader.u16()) else {
        return broken(packet, DecodeEvent::VlanHeaderTooSmall, counters, each);
    };
    match packet.vlans.len() {
        0 => counters.vlan += 1,
        1 => counters.vlan_qinq += 1,
        2 => counters.vlan_qinqinq += 1,
        _ => return broken(packet, DecodeEvent::VlanTooManyLayers, counters, each),
    }
    packet.vlans.push(tag & 0x0fff);
    by_ether_type(packet, kind, reader.rest(), counters, each);
}

fn arp<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters, each: Each<'_, 'a>) {
    counters.arp += 1;
    match read_arp(data) {
        Ok(arp) => {
            packet.net = Net::Arp(arp);
            finish(packet, counters, each);
        }
        Err(event) => broken(packet, event, counters, each),
    }
}

fn read_arp(data: &[u8]) -> Result<Arp, DecodeEvent> {
    let mut reader = Reader::new(data);
    let header: [u8; 8] = reader.array().map_err(|_| DecodeEvent::ArpPktTooSmall)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    if word(0) != 1 {
        return Err(DecodeEvent::ArpUnsupportedHardware);
    }
    if word(2) != ether_type::IPV4 {
        return Err(DecodeEvent::ArpUnsupportedProtocol);
    }
    if header[4] != 6 {
        return Err(DecodeEvent::ArpInvalidHardwareSize);
    }
    if header[5] != 4 {
        return Err(DecodeEvent::ArpInvalidProtocolSize);
    }
    let operation = word(6);
    if !matches!(operation, 1..=4 | 8 | 9) {
        return Err(DecodeEvent::ArpUnsupportedOpcode);
    }
    let mut read = || -> Result<Arp, sensor_bytes::Short> {
        Ok(Arp {
            operation,
            sender_mac: reader.array()?,
            sender_ip: reader.array::<4>()?.into(),
            target_mac: reader.array()?,
            target_ip: reader.array::<4>()?.into(),
        })
    };
    read().map_err(|_| DecodeEvent::ArpInvalidPkt)
}

/// PPPoE session stage (RFC 2516 §6).
fn pppoe_session<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.pppoe += 1;
    let mut reader = Reader::new(data);
    let Ok([_, code, ..]) = reader.array::<6>() else {
        return broken(packet, DecodeEvent::PppoePktTooSmall, counters, each);
    };
    if code != 0 {
        return broken(packet, DecodeEvent::PppoeWrongCode, counters, each);
    }
    ppp_protocol(
        packet,
        reader.rest(),
        DecodeEvent::PppoePktTooSmall,
        counters,
        each,
    );
}

/// PPP in HDLC-like framing (RFC 1662 §3), the address and control fields optional.
pub(crate) fn ppp<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ppp += 1;
    let body = data.strip_prefix(&[0xff, 0x03]).unwrap_or(data);
    ppp_protocol(packet, body, DecodeEvent::PppPktTooSmall, counters, each);
}

fn ppp_protocol<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    too_small: DecodeEvent,
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let mut reader = Reader::new(data);
    let Ok(first) = reader.u8() else {
        return broken(packet, too_small, counters, each);
    };
    // An odd first byte is a protocol number compressed to one byte (RFC 1661 §6.5).
    let protocol = if first & 1 == 1 {
        u16::from(first)
    } else {
        match reader.u8() {
            Ok(second) => u16::from_be_bytes([first, second]),
            Err(_) => return broken(packet, too_small, counters, each),
        }
    };
    let rest = reader.rest();
    match protocol {
        0x0021 if rest.len() < 20 => broken(packet, DecodeEvent::PppIp4PktTooSmall, counters, each),
        0x0021 => net::decode_ipv4(packet, rest, counters, each),
        // Van Jacobson, uncompressed: the datagram follows as it is.
        0x002f if rest.len() < 20 => broken(packet, DecodeEvent::PppVjuPktTooSmall, counters, each),
        0x002f => net::decode_ipv4(packet, rest, counters, each),
        0x0057 if rest.len() < 40 => broken(packet, DecodeEvent::PppIp6PktTooSmall, counters, each),
        0x0057 => net::decode_ipv6(packet, rest, counters, each),
        0x0281 => tunnel::mpls(packet, rest, counters, each),
        // Known protocols that carry no IP: link control, authentication, compressed headers, ….
        0x002d | 0x0023..=0x002b | 0x0031..=0x00fd | 0x8021 | 0x8023..=0x80fd | 0xc021..=0xc227 => {
            broken(packet, DecodeEvent::PppUnsupProto, counters, each)
        }
        _ => broken(packet, DecodeEvent::PppWrongType, counters, each),
    }
}
