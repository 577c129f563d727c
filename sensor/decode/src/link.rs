//! Link layers: Ethernet and its tags, cooked captures, loopback, raw IP, PPP, Cisco HDLC.

use sensor_bytes::Reader;

use crate::packet::{Arp, Ethernet};
use crate::{Counters, DecodeEvent, LinkType, Net, Packet, net, tunnel};

/// EtherType numbers (IEEE 802 numbers registry).
pub(crate) mod ether_type {
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
            if data.len() < 20 {
                return broken(packet, DecodeEvent::Ipv4PktTooSmall, counters, each);
            }
            match data.first().map(|byte| byte >> 4) {
                Some(4 | 6) => net::decode_ip(packet, data, counters, each),
                _ => {
                    packet.events.insert(DecodeEvent::IprawInvalidIpVersion);
                    finish(packet, counters, each);
                }
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
                2 => net::decode_ipv4(packet, reader.rest(), counters, each),
                // The number of IPv6 differs between systems.
                10 | 23 | 24 | 26 | 28 | 30 => {
                    net::decode_ipv6(packet, reader.rest(), counters, each)
                }
                _ => {
                    packet.events.insert(DecodeEvent::LtnullUnsupportedType);
                    finish(packet, counters, each);
                }
            }
        }
        LinkType::SLL => {
            counters.sll += 1;
            let (Ok(_), Ok(kind)) = (reader.take(14), reader.u16()) else {
                return broken(packet, DecodeEvent::SllPktTooSmall, counters, each);
            };
            if !packet.enter() {
                return finish(packet, counters, each);
            }
            by_ether_type(packet, kind, reader.rest(), counters, each);
        }
        LinkType::SLL2 => {
            counters.sll2 += 1;
            let (Ok(kind), Ok(_)) = (reader.u16(), reader.take(18)) else {
                return broken(packet, DecodeEvent::Sll2PktTooSmall, counters, each);
            };
            if !packet.enter() {
                return finish(packet, counters, each);
            }
            by_ether_type(packet, kind, reader.rest(), counters, each);
        }
        LinkType::PPP => ppp(packet, data, counters, each),
        LinkType::CHDLC => {
            counters.chdlc += 1;
            let (Ok(_), Ok(kind)) = (reader.take(2), reader.u16()) else {
                return broken(packet, DecodeEvent::ChdlcPktTooSmall, counters, each);
            };
            if !packet.enter() {
                return finish(packet, counters, each);
            }
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
    if !packet.enter() {
        return finish(packet, counters, each);
    }
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
            let kind = reader.take(4 + 12).and_then(|_| reader.u16());
            let small = DecodeEvent::Ieee8021ahHeaderTooSmall;
            tagged(packet, kind, reader.rest(), small, counters, each);
        }
        ether_type::ETAG => {
            counters.etag += 1;
            let kind = reader.take(6).and_then(|_| reader.u16());
            let small = DecodeEvent::VntagHeaderTooSmall;
            tagged(packet, kind, reader.rest(), small, counters, each);
        }
        ether_type::VNTAG => {
            counters.vntag += 1;
            let kind = reader.take(4).and_then(|_| reader.u16());
            if kind.is_ok_and(|kind| !is_known(kind)) {
                packet.fail(DecodeEvent::VntagUnknownType);
            }
            let small = DecodeEvent::VntagHeaderTooSmall;
            tagged(packet, kind, reader.rest(), small, counters, each);
        }
        ether_type::PPPOE_SESSION => pppoe_session(packet, data, counters, each),
        ether_type::PPPOE_DISCOVERY => {
            counters.pppoe += 1;
            match pppoe_discovery(data) {
                Ok(()) => finish(packet, counters, each),
                Err(event) => broken(packet, event, counters, each),
            }
        }
        ether_type::MPLS | ether_type::MPLS_MULTICAST => tunnel::mpls(packet, data, counters, each),
        ether_type::TRANSPARENT_BRIDGING => ethernet(packet, data, counters, each),
        ether_type::NSH => tunnel::nsh(packet, data, counters, each),
        // Data centre Ethernet: a tag, then a whole Ethernet frame.
        ether_type::DCE if data.len() >= 16 => {
            ethernet(packet, data.get(2..).unwrap_or_default(), counters, each)
        }
        ether_type::DCE => broken(packet, DecodeEvent::DcePktTooSmall, counters, each),
        _ => {
            // A length below 1536 is an IEEE 802.3 frame, which carries no IP here.
            counters.unknown_ethertype += 1;
            packet.events.insert(DecodeEvent::EthernetUnknownEthertype);
            finish(packet, counters, each);
        }
    }
}

/// Whether an EtherType leads anywhere.
fn is_known(kind: u16) -> bool {
    use ether_type::*;
    matches!(
        kind,
        IPV4 | ARP
            | VLAN
            | QINQ
            | QINQ_OLD
            | IEEE8021AH
            | ETAG
            | VNTAG
            | IPV6
            | PPPOE_DISCOVERY
            | PPPOE_SESSION
            | MPLS
            | MPLS_MULTICAST
            | TRANSPARENT_BRIDGING
            | NSH
            | DCE
    )
}

/// What follows a tag that was read.
fn tagged<'a>(
    packet: &mut Packet<'a>,
    kind: Result<u16, sensor_bytes::Short>,
    rest: &'a [u8],
    small: DecodeEvent,
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    match kind {
        Err(_) => broken(packet, small, counters, each),
        Ok(_) if !packet.enter() => finish(packet, counters, each),
        Ok(kind) => by_ether_type(packet, kind, rest, counters, each),
    }
}

/// PPPoE discovery stage (RFC 2516 §5).
fn pppoe_discovery(data: &[u8]) -> Result<(), DecodeEvent> {
    let mut reader = Reader::new(data);
    let header: [u8; 6] = reader.array().map_err(|_| DecodeEvent::PppoePktTooSmall)?;
    // Initiation, offer, request, confirmation, termination.
    if !matches!(header[1], 0x09 | 0x07 | 0x19 | 0x65 | 0xa7) {
        return Err(DecodeEvent::PppoeWrongCode);
    }
    if usize::from(u16::from_be_bytes([header[4], header[5]])) > reader.remaining() {
        return Err(DecodeEvent::PppoeMalformedTags);
    }
    Ok(())
}

pub(crate) fn vlan<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    if packet.vlans.is_full() {
        packet.events.insert(DecodeEvent::VlanTooManyLayers);
        return finish(packet, counters, each);
    }
    match packet.vlans.len() {
        0 => counters.vlan += 1,
        1 => counters.vlan_qinq += 1,
        _ => counters.vlan_qinqinq += 1,
    }
    let mut reader = Reader::new(data);
    let (Ok(tag), Ok(kind)) = (reader.u16(), reader.u16()) else {
        return broken(packet, DecodeEvent::VlanHeaderTooSmall, counters, each);
    };
    if !packet.enter() {
        return finish(packet, counters, each);
    }
    packet.vlans.push(tag & 0x0fff);
    if !is_known(kind) {
        packet.fail(DecodeEvent::VlanUnknownType);
    }
    by_ether_type(packet, kind, reader.rest(), counters, each);
}

fn arp<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters, each: Each<'_, 'a>) {
    counters.arp += 1;
    if data.len() >= 8 && !packet.enter() {
        return finish(packet, counters, each);
    }
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
    if data.len() < 28 {
        return Err(DecodeEvent::ArpInvalidPkt);
    }
    if header[4] != 6 {
        return Err(DecodeEvent::ArpInvalidHardwareSize);
    }
    if header[5] != 4 {
        return Err(DecodeEvent::ArpInvalidProtocolSize);
    }
    let operation = word(6);
    if !matches!(operation, 1..=4) {
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
    let small = DecodeEvent::PppoePktTooSmall;
    let Ok(header) = reader.array::<6>() else {
        return broken(packet, small, counters, each);
    };
    if header[4..] == [0, 0] && reader.remaining() > 0 {
        return finish(packet, counters, each);
    }
    ppp_protocol(packet, reader.rest(), small, counters, each);
}

/// PPP in HDLC-like framing (RFC 1662 §3), the address and control fields optional.
pub(crate) fn ppp<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ppp += 1;
    let small = DecodeEvent::PppPktTooSmall;
    let body = match data {
        [] => return broken(packet, small, counters, each),
        [0xff, _, body @ ..] => body,
        body => body,
    };
    if !body.is_empty() && !packet.enter() {
        return finish(packet, counters, each);
    }
    ppp_protocol(packet, body, small, counters, each);
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
        0x002f if rest[0] >> 4 == 4 => net::decode_ipv4(packet, rest, counters, each),
        0x0057 if rest.len() < 40 => broken(packet, DecodeEvent::PppIp6PktTooSmall, counters, each),
        0x0057 => net::decode_ipv6(packet, rest, counters, each),
        // Control of the link, of addresses, of compression and encryption; authentication.
        0x002f | 0x00fd | 0x8021 | 0x8057 | 0x80fd | 0x8207 | 0xc021 | 0xc023 | 0xc025 | 0xc029
        | 0xc223 => finish(packet, counters, each),
        // Known, but nothing here reads them: other networks, bridges, labels, and their control.
        0x0201
        | 0x0231
        | 0x0233
        | 0x0281
        | 0x0283
        | 0x8023
        | 0x8025
        | 0x8027
        | 0x8029
        | 0x802b
        | 0x8033
        | 0x8035
        | 0x8281
        | 0x0000..=0x00ff => {
            packet.events.insert(DecodeEvent::PppUnsupProto);
            finish(packet, counters, each);
        }
        _ => broken(packet, DecodeEvent::PppWrongType, counters, each),
    }
}
