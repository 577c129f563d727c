//! What carries packets in packets: GRE, ERSPAN, MPLS, NSH, VXLAN, GENEVE, Teredo.

use sensor_bytes::Reader;

use crate::link::{broken, by_ether_type, ethernet, finish, ppp};
use crate::packet::{LAYER_LIMIT, Udp};
use crate::{Counters, DecodeEvent, Packet, PacketSource, net};

type Each<'e, 'a> = &'e mut dyn FnMut(&Packet<'a>);

const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const TEREDO_PORT: u16 = 3544;

/// GRE (RFC 2784, RFC 2890) and its PPTP variant (RFC 2637 §4.1).
pub(crate) fn gre<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.gre += 1;
    packet.payload = data;
    match gre_header(data) {
        Ok((kind, rest)) => {
            finish(packet, counters, each);
            let mut inner = packet.inner(PacketSource::Gre, rest);
            match kind {
                0x880b => ppp(&mut inner, rest, counters, each),
                0x0800 | 0x86dd | 0x8100 | 0x6558 | 0x88be | 0x22eb | 0x0806 => {
                    if matches!(kind, 0x8100 | 0x6558 | 0x88be | 0x22eb) {
                        inner.vlans.clear();
                    }
                    let kind = if kind == 0x22eb { 0x88be } else { kind };
                    by_ether_type(&mut inner, kind, rest, counters, each);
                }
                _ => {}
            }
        }
        Err(event) => broken(packet, event, counters, each),
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

/// ERSPAN type I, II and III (draft-foschiano-erspan-03 §4).
pub(crate) fn erspan<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.erspan += 1;
    let mut reader = Reader::new(data);
    let Ok(word) = reader.u16() else {
        return broken(packet, DecodeEvent::ErspanHeaderTooSmall, counters, each);
    };
    let version = word >> 12;
    let header = match version {
        1 => 8,
        2 => 12,
        _ => {
            return broken(
                packet,
                DecodeEvent::ErspanUnsupportedVersion,
                counters,
                each,
            );
        }
    };
    let Some(frame) = data.get(header..) else {
        return broken(packet, DecodeEvent::ErspanHeaderTooSmall, counters, each);
    };
    let vlan = word & 0x0fff;
    if vlan > 0 && packet.vlans.try_push(vlan).is_err() {
        return broken(packet, DecodeEvent::ErspanTooManyVlanLayers, counters, each);
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
    let mut reader = Reader::new(data);
    loop {
        counters.mpls += 1;
        let Ok(entry) = reader.u32() else {
            return broken(packet, DecodeEvent::MplsHeaderTooSmall, counters, each);
        };
        packet.layers += 1;
        if packet.layers > LAYER_LIMIT {
            counters.too_many_layers += 1;
            return broken(packet, DecodeEvent::TooManyLayers, counters, each);
        }
        let (label, bottom) = (entry >> 12, entry >> 8 & 1 == 1);
        if !bottom {
            continue;
        }
        let rest = reader.rest();
        return match label {
            0 => net::decode_ipv4(packet, rest, counters, each),
            2 => net::decode_ipv6(packet, rest, counters, each),
            1 => broken(packet, DecodeEvent::MplsBadLabelRouterAlert, counters, each),
            3 => broken(
                packet,
                DecodeEvent::MplsBadLabelImplicitNull,
                counters,
                each,
            ),
            4..=15 => broken(packet, DecodeEvent::MplsBadLabelReserved, counters, each),
            _ => match rest.first().map(|byte| byte >> 4) {
                Some(4) => net::decode_ipv4(packet, rest, counters, each),
                Some(6) => net::decode_ipv6(packet, rest, counters, each),
                // A pseudowire control word, then Ethernet (RFC 4448 §4.6).
                Some(0) if rest.len() > 4 + 14 => ethernet(packet, &rest[4..], counters, each),
                Some(_) if rest.len() > 14 => ethernet(packet, rest, counters, each),
                Some(_) => broken(packet, DecodeEvent::MplsUnknownPayloadType, counters, each),
                None => broken(packet, DecodeEvent::MplsPktTooSmall, counters, each),
            },
        };
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
    let length = usize::from(word & 0x3f) * 4;
    if word >> 14 != 0 {
        return broken(packet, DecodeEvent::NshUnsupportedVersion, counters, each);
    }
    let kind = kind & 0x0f;
    if length < 8 || length > data.len() || (kind == 1 && length != 24) {
        return broken(packet, DecodeEvent::NshBadHeaderLength, counters, each);
    }
    match kind {
        0 | 0x0f => return broken(packet, DecodeEvent::NshReservedType, counters, each),
        1 | 2 => {}
        _ => return broken(packet, DecodeEvent::NshUnsupportedType, counters, each),
    }
    let rest = &data[length..];
    match protocol {
        1 => net::decode_ipv4(packet, rest, counters, each),
        2 => net::decode_ipv6(packet, rest, counters, each),
        3 => ethernet(packet, rest, counters, each),
        _ => broken(packet, DecodeEvent::NshUnknownPayload, counters, each),
    }
}

/// Overlays that are known by their UDP port.
pub(crate) fn over_udp<'a>(
    packet: &mut Packet<'a>,
    udp: &Udp<'a>,
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let payload = packet.payload;
    match (udp.source_port, udp.destination_port) {
        (_, VXLAN_PORT) => vxlan(packet, payload, counters, each),
        (_, GENEVE_PORT) => geneve(packet, payload, counters, each),
        (TEREDO_PORT, _) | (_, TEREDO_PORT) => teredo(packet, payload, counters, each),
        _ => {}
    }
}

/// VXLAN (RFC 7348 §5).
fn vxlan<'a>(packet: &mut Packet<'a>, data: &'a [u8], counters: &mut Counters, each: Each<'_, 'a>) {
    let mut reader = Reader::new(data);
    let (Ok(flags), Ok(_), Ok(vni), Ok(_)) = (reader.u8(), reader.u24(), reader.u24(), reader.u8())
    else {
        return;
    };
    if flags & 0x08 == 0 || reader.remaining() < 14 {
        return;
    }
    counters.vxlan += 1;
    let rest = reader.rest();
    let mut inner = packet.inner(PacketSource::Vxlan, rest);
    inner.labels.vxlan_vni = Some(vni);
    ethernet(&mut inner, rest, counters, each);
}

/// GENEVE (RFC 8926 §3.4).
fn geneve<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let mut reader = Reader::new(data);
    let (Ok(first), Ok(_), Ok(kind), Ok(vni), Ok(_)) = (
        reader.u8(),
        reader.u8(),
        reader.u16(),
        reader.u24(),
        reader.u8(),
    ) else {
        return;
    };
    if first >> 6 != 0 || reader.skip(usize::from(first & 0x3f) * 4).is_err() {
        return;
    }
    counters.geneve += 1;
    let rest = reader.rest();
    let mut inner = packet.inner(PacketSource::Geneve, rest);
    inner.labels.geneve_vni = Some(vni);
    match kind {
        0x6558 => ethernet(&mut inner, rest, counters, each),
        _ => by_ether_type(&mut inner, kind, rest, counters, each),
    }
}

/// Teredo (RFC 4380 §5.1.1): optional authentication and origin indications, then IPv6.
fn teredo<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    let mut reader = Reader::new(data);
    for _ in 0..2 {
        match reader.rest() {
            [0, 1, id, auth, ..] => {
                let length = 4 + usize::from(*id) + usize::from(*auth) + 9;
                if reader.skip(length).is_err() {
                    return;
                }
            }
            [0, 0, ..] => {
                if reader.skip(8).is_err() {
                    return;
                }
            }
            _ => break,
        }
    }
    let rest = reader.rest();
    let plausible = rest.len() >= 40
        && rest[0] >> 4 == 6
        && usize::from(u16::from_be_bytes([rest[4], rest[5]])) + 40 == rest.len();
    if plausible {
        counters.teredo += 1;
        let mut inner = packet.inner(PacketSource::Teredo, rest);
        net::decode_ipv6(&mut inner, rest, counters, each);
    }
}
