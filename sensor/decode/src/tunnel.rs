//! What carries packets in packets: GRE, ERSPAN, MPLS, NSH, VXLAN, GENEVE, Teredo.

use sensor_bytes::Reader;

use crate::link::{broken, by_ether_type, ethernet, finish, ppp, vlan};
use crate::packet::{LAYER_LIMIT, Udp};
use crate::{Counters, DecodeEvent, Packet, PacketSource, net};

type Each<'e, 'a> = &'e mut dyn FnMut(&Packet<'a>);

const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const TEREDO_PORT: u16 = 3544;

/// What a tunnel carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    Ipv4,
    Ipv6,
    Ppp,
    Vlan,
    Ethernet,
    /// ERSPAN of the second type, with a header of its own.
    Erspan,
    /// ERSPAN of the first type: the frame as it is.
    PlainErspan,
    Arp,
}

/// The packet inside, when it can be read that far; the outer one is then marked as its carrier.
pub(crate) fn open<'a>(
    packet: &mut Packet<'a>,
    kind: PacketSource,
    inside: Inside,
    data: &'a [u8],
) -> Option<Packet<'a>> {
    if packet.layers + 1 >= LAYER_LIMIT {
        packet.fail(DecodeEvent::TooManyLayers);
        return None;
    }
    let readable = match inside {
        Inside::Ipv4 => data.first().is_some_and(|byte| byte >> 4 == 4) && net::is_readable(data),
        Inside::Ipv6 => data.first().is_some_and(|byte| byte >> 4 == 6) && net::is_readable(data),
        Inside::Ppp => !data.is_empty(),
        Inside::Vlan => data.len() >= 4,
        Inside::Ethernet | Inside::PlainErspan => data.len() >= 14,
        Inside::Erspan => data.len() >= 8,
        Inside::Arp => data.len() >= 28,
    };
    if !readable {
        return None;
    }
    packet.encloses = true;
    Some(packet.inner(kind, data))
}

/// Reads the packet inside.
pub(crate) fn enter<'a>(
    mut inner: Packet<'a>,
    inside: Inside,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    match inside {
        Inside::Ipv4 => net::decode_ipv4(&mut inner, data, counters, each),
        Inside::Ipv6 => net::decode_ipv6(&mut inner, data, counters, each),
        Inside::Ppp => ppp(&mut inner, data, counters, each),
        Inside::Vlan => vlan(&mut inner, data, counters, each),
        Inside::Ethernet => ethernet(&mut inner, data, counters, each),
        Inside::Erspan => erspan(&mut inner, data, counters, each),
        Inside::PlainErspan => {
            counters.erspan += 1;
            ethernet(&mut inner, data, counters, each);
        }
        Inside::Arp => by_ether_type(&mut inner, 0x0806, data, counters, each),
    }
}

/// GRE (RFC 2784, RFC 2890) and its PPTP variant (RFC 2637 §4.1).
pub(crate) fn gre<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.gre += 1;
    packet.payload = data;
    if data.len() >= 4 && !packet.enter() {
        return finish(packet, counters, each);
    }
    let (kind, rest) = match gre_header(data) {
        Ok(read) => read,
        Err(event) => return broken(packet, event, counters, each),
    };
    let sequenced = data.first().is_some_and(|flags| flags & 0x10 != 0);
    let pptp_empty =
        data.get(1).is_some_and(|version| version & 0x07 == 1) && data.get(4..6) == Some(&[0, 0]);
    let inside = match kind {
        0x0800 => Some(Inside::Ipv4),
        0x86dd => Some(Inside::Ipv6),
        0x880b => Some(Inside::Ppp).filter(|_| !pptp_empty),
        0x8100 => Some(Inside::Vlan),
        0x6558 => Some(Inside::Ethernet),
        0x88be if sequenced => Some(Inside::Erspan),
        0x88be => Some(Inside::PlainErspan),
        0x22eb => Some(Inside::Erspan),
        0x0806 => Some(Inside::Arp),
        _ => None,
    };
    let Some(inside) = inside else {
        return finish(packet, counters, each);
    };
    let inner = open(packet, PacketSource::Gre, inside, rest);
    finish(packet, counters, each);
    if let Some(inner) = inner {
        enter(inner, inside, rest, counters, each);
    }
}

fn gre_header(data: &[u8]) -> Result<(u16, &[u8]), DecodeEvent> {
    let mut reader = Reader::new(data);
    let small = DecodeEvent::GrePktTooSmall;
    let flags = reader.u8().map_err(|_| small)?;
    let version = reader.u8().map_err(|_| small)?;
    let kind = reader.u16().map_err(|_| small)?;
    let (checksum, routing, key, sequence, strict) = (
        flags & 0x80 != 0,
        flags & 0x40 != 0,
        flags & 0x20 != 0,
        flags & 0x10 != 0,
        flags & 0x08 != 0,
    );
    match version & 0x07 {
        0 => {
            if flags & 0x07 != 0 {
                return Err(DecodeEvent::GreVersion0Recur);
            }
            if version & 0xf8 != 0 {
                return Err(DecodeEvent::GreVersion0Flags);
            }
            let optional =
                4 * (usize::from(checksum || routing) + usize::from(key) + usize::from(sequence));
            reader
                .skip(optional)
                .map_err(|_| DecodeEvent::GreVersion0HdrTooBig)?;
            if routing {
                source_routes(&mut reader, DecodeEvent::GreVersion0MalformedSreHdr)?;
            }
        }
        1 => {
            if checksum {
                return Err(DecodeEvent::GreVersion1Chksum);
            }
            if routing {
                return Err(DecodeEvent::GreVersion1Route);
            }
            if strict {
                return Err(DecodeEvent::GreVersion1Ssr);
            }
            if flags & 0x07 != 0 {
                return Err(DecodeEvent::GreVersion1Recur);
            }
            if version & 0x78 != 0 {
                return Err(DecodeEvent::GreVersion1Flags);
            }
            if kind != 0x880b {
                return Err(DecodeEvent::GreVersion1WrongProtocol);
            }
            if !key {
                return Err(DecodeEvent::GreVersion1NoKey);
            }
            let acknowledgment = version & 0x80 != 0;
            let optional = 4 * (1 + usize::from(sequence) + usize::from(acknowledgment));
            reader
                .skip(optional)
                .map_err(|_| DecodeEvent::GreVersion1HdrTooBig)?;
        }
        _ => return Err(DecodeEvent::GreWrongVersion),
    }
    Ok((kind, reader.rest()))
}

/// Source route entries up to the empty one (RFC 1701).
fn source_routes(reader: &mut Reader<'_>, fault: DecodeEvent) -> Result<(), DecodeEvent> {
    loop {
        let family = reader.u16().map_err(|_| fault)?;
        reader.u8().map_err(|_| fault)?;
        let length = reader.u8().map_err(|_| fault)?;
        if family == 0 && length == 0 {
            return Ok(());
        }
        reader.skip(usize::from(length)).map_err(|_| fault)?;
    }
}

/// ERSPAN type II and III (draft-foschiano-erspan-03 §4).
fn erspan<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.erspan += 1;
    let mut reader = Reader::new(data);
    let Ok(word) = reader.u16() else {
        packet.events.insert(DecodeEvent::ErspanHeaderTooSmall);
        return finish(packet, counters, each);
    };
    if !packet.enter() {
        return finish(packet, counters, each);
    }
    let header = match word >> 12 {
        1 => 8,
        2 => 12,
        _ => {
            packet.events.insert(DecodeEvent::ErspanUnsupportedVersion);
            return finish(packet, counters, each);
        }
    };
    let Some(frame) = data.get(header..) else {
        packet.events.insert(DecodeEvent::ErspanHeaderTooSmall);
        return finish(packet, counters, each);
    };
    let vlan = word & 0x0fff;
    if vlan > 0 && packet.vlans.try_push(vlan).is_err() {
        packet.events.insert(DecodeEvent::ErspanTooManyVlanLayers);
        return finish(packet, counters, each);
    }
    ethernet(packet, frame, counters, each);
}

/// MPLS label stack (RFC 3032 §2.1).
pub(crate) fn mpls<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.mpls += 1;
    if !packet.enter() {
        return finish(packet, counters, each);
    }
    let mut reader = Reader::new(data);
    let label = loop {
        let Ok(entry) = reader.u32() else {
            return broken(packet, DecodeEvent::MplsHeaderTooSmall, counters, each);
        };
        if entry >> 8 & 1 == 1 {
            break entry >> 12;
        }
    };
    let rest = reader.rest();
    let bad = match label {
        0 => return net::decode_ipv4(packet, rest, counters, each),
        2 => return net::decode_ipv6(packet, rest, counters, each),
        1 => Some(DecodeEvent::MplsBadLabelRouterAlert),
        3 => Some(DecodeEvent::MplsBadLabelImplicitNull),
        4..=14 => Some(DecodeEvent::MplsBadLabelReserved),
        _ => None,
    };
    if let Some(event) = bad {
        packet.events.insert(event);
        return finish(packet, counters, each);
    }
    match rest {
        [first, ..] if rest.len() >= 4 => match first >> 4 {
            4 => net::decode_ipv4(packet, rest, counters, each),
            6 => net::decode_ipv6(packet, rest, counters, each),
            // A pseudowire control word, then Ethernet (RFC 4448 §4.6).
            0 => ethernet(packet, &rest[4..], counters, each),
            _ => broken(packet, DecodeEvent::MplsUnknownPayloadType, counters, each),
        },
        _ => broken(packet, DecodeEvent::MplsPktTooSmall, counters, each),
    }
}

/// Network service header (RFC 8300 §2).
pub(crate) fn nsh<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.nsh += 1;
    let mut reader = Reader::new(data);
    let (Ok(word), Ok(kind), Ok(protocol), Ok(_)) =
        (reader.u16(), reader.u8(), reader.u8(), reader.u32())
    else {
        return broken(packet, DecodeEvent::NshHeaderTooSmall, counters, each);
    };
    if !packet.enter() {
        return finish(packet, counters, each);
    }
    let told = |packet: &mut Packet<'a>, event, counters: &mut Counters, each: Each<'_, 'a>| {
        packet.events.insert(event);
        finish(packet, counters, each);
    };
    let length = usize::from(word & 0x3f) * 4;
    if word >> 14 != 0 {
        return told(packet, DecodeEvent::NshUnsupportedVersion, counters, each);
    }
    let Some(rest) = data.get(length..).filter(|rest| !rest.is_empty()) else {
        return broken(packet, DecodeEvent::NshBadHeaderLength, counters, each);
    };
    match kind {
        0 | 0x0f => return told(packet, DecodeEvent::NshReservedType, counters, each),
        1 if length != 24 => {
            return broken(packet, DecodeEvent::NshBadHeaderLength, counters, each);
        }
        1 | 2 => {}
        _ => return told(packet, DecodeEvent::NshUnsupportedType, counters, each),
    }
    match protocol {
        1 => net::decode_ipv4(packet, rest, counters, each),
        2 => net::decode_ipv6(packet, rest, counters, each),
        3 => ethernet(packet, rest, counters, each),
        5 => mpls(packet, rest, counters, each),
        _ => told(packet, DecodeEvent::NshUnknownPayload, counters, each),
    }
}

/// Overlays that are known by their UDP port. The carrier is handed over first, whatever it carries.
pub(crate) fn over_udp<'a>(
    packet: &mut Packet<'a>,
    udp: &Udp<'a>,
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let payload = packet.payload;
    let inside = match (udp.source_port, udp.destination_port) {
        (TEREDO_PORT, _) | (_, TEREDO_PORT) => teredo(packet, payload, counters),
        (GENEVE_PORT, _) | (_, GENEVE_PORT) => geneve(packet, payload, counters),
        (_, VXLAN_PORT) => vxlan(packet, payload, counters),
        _ => None,
    };
    finish(packet, counters, each);
    if let Some((inner, inside, data)) = inside {
        enter(inner, inside, data, counters, each);
    }
}

type Opened<'a> = Option<(Packet<'a>, Inside, &'a [u8])>;

/// VXLAN (RFC 7348 §5).
fn vxlan<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters) -> Opened<'a> {
    let mut reader = Reader::new(data);
    let (flags, _, vni, reserved) = (
        reader.u8().ok()?,
        reader.u24().ok()?,
        reader.u24().ok()?,
        reader.u8().ok()?,
    );
    if reader.remaining() < 14 || !packet.enter() || flags & 0x08 == 0 || reserved != 0 {
        return None;
    }
    counters.vxlan += 1;
    let frame = reader.rest();
    // The Ethernet header inside is only looked through.
    let data = frame.get(14..)?;
    let inside = match u16::from_be_bytes([frame[12], frame[13]]) {
        0x0800 => Inside::Ipv4,
        0x86dd => Inside::Ipv6,
        0x8100 | 0x88a8 | 0x9100 => Inside::Vlan,
        0x0806 => return None,
        _ => {
            packet.fail(DecodeEvent::VxlanUnknownPayloadType);
            return None;
        }
    };
    let mut inner = open(packet, PacketSource::Vxlan, inside, data)?;
    inner.labels.vxlan_vni = Some(vni);
    Some((inner, inside, data))
}

/// GENEVE (RFC 8926 §3.4).
fn geneve<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters) -> Opened<'a> {
    let mut reader = Reader::new(data);
    let (first, flags, kind, vni, reserved) = (
        reader.u8().ok()?,
        reader.u8().ok()?,
        reader.u16().ok()?,
        reader.u24().ok()?,
        reader.u8().ok()?,
    );
    if !packet.enter() {
        return None;
    }
    let mut options = reader.take(usize::from(first & 0x3f) * 4).ok()?;
    if first >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    while !options.is_empty() {
        // Class, type, and the length of what follows in words.
        let words = options.get(3)? & 0x1f;
        options = options.get(4 + usize::from(words) * 4..)?;
    }
    counters.geneve += 1;
    let rest = reader.rest();
    let inside = match kind {
        0x0800 => Inside::Ipv4,
        0x86dd => Inside::Ipv6,
        0x6558 => Inside::Ethernet,
        0x0806 => return None,
        _ => {
            packet.fail(DecodeEvent::GeneveUnknownPayloadType);
            return None;
        }
    };
    let mut inner = open(packet, PacketSource::Geneve, inside, rest)?;
    inner.labels.geneve_vni = Some(vni);
    Some((inner, inside, rest))
}

/// Teredo (RFC 4380 §5.1.1): an optional origin indication, then IPv6.
fn teredo<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters) -> Opened<'a> {
    let rest = match data {
        [0, 0, ..] => data.get(8..)?,
        [0, ..] => return None,
        _ => data,
    };
    let header = rest.get(..40)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let (next, hop_limit) = (header[6], header[7]);
    if header[0] >> 4 != 6 || hop_limit == 0 || next == 0 && length < 8 || rest.len() != 40 + length
    {
        return None;
    }
    let inner = open(packet, PacketSource::Teredo, Inside::Ipv6, rest)?;
    counters.teredo += 1;
    Some((inner, Inside::Ipv6, rest))
}
