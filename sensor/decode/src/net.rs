//! IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use sensor_bytes::Reader;

use crate::link::{broken, finish};
use crate::packet::{Fragment, Ipv4, Ipv6, LAYER_LIMIT};
use crate::{Counters, DecodeEvent, Net, Packet, PacketSource, transport, tunnel};

/// Extension headers that are followed.
const EXTENSION_LIMIT: usize = 32;

type Each<'e, 'a> = &'e mut dyn FnMut(&Packet<'a>);

/// IPv4 or IPv6, by the version in the first byte.
pub(crate) fn decode_ip<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    match data.first().map(|byte| byte >> 4) {
        Some(6) => decode_ipv6(packet, data, counters, each),
        _ => decode_ipv4(packet, data, counters, each),
    }
}

pub(crate) fn decode_ipv4<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ipv4 += 1;
    match read_ipv4(packet, data) {
        Ok(ip) => {
            packet.net = Net::Ipv4(ip);
            let offset = u32::from(ip.fragment_word & 0x1fff) * 8;
            let more = ip.fragment_word & 0x2000 != 0;
            if offset > 0 || more {
                packet.fragment = Some(Fragment {
                    id: u32::from(ip.id),
                    offset,
                    more,
                });
                packet.payload = ip.payload;
                return finish(packet, counters, each);
            }
            if ip.protocol == 58 {
                packet.events.insert(DecodeEvent::Ipv4Icmpv6);
                return finish(packet, counters, each);
            }
            upper(packet, ip.protocol, ip.payload, counters, each);
        }
        Err(event) => broken(packet, event, counters, each),
    }
}

fn read_ipv4<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<Ipv4<'a>, DecodeEvent> {
    let first = *data
        .first()
        .filter(|_| data.len() >= 20)
        .ok_or(DecodeEvent::Ipv4PktTooSmall)?;
    if first >> 4 != 4 {
        return Err(DecodeEvent::Ipv4WrongIpVersion);
    }
    if first & 0x0f < 5 || usize::from(first & 0x0f) * 4 > data.len() {
        return Err(DecodeEvent::Ipv4HlenTooSmall);
    }
    let slice = Ipv4HeaderSlice::from_slice(data).map_err(|_| DecodeEvent::Ipv4HlenTooSmall)?;
    let header = slice.slice();
    let total = usize::from(slice.total_len());
    if total < header.len() {
        return Err(DecodeEvent::Ipv4IplenSmallerThanHlen);
    }
    let payload = data
        .get(header.len()..total)
        .ok_or(DecodeEvent::Ipv4TruncPkt)?;
    ipv4_options(packet, slice.options());
    Ok(Ipv4 {
        header,
        source: slice.source_addr(),
        destination: slice.destination_addr(),
        protocol: slice.protocol().0,
        ttl: slice.ttl(),
        tos: header[1],
        id: slice.identification(),
        fragment_word: u16::from_be_bytes([header[6], header[7]]),
        payload,
    })
}

/// Looks over the options (RFC 791 §3.1) for oddities; none of them stops decoding.
fn ipv4_options(packet: &mut Packet<'_>, options: &[u8]) {
    if options.is_empty() {
        return;
    }
    let mut reader = Reader::new(options);
    let mut seen = [false; 256];
    while let Ok(kind) = reader.u8() {
        match kind {
            0 => return,
            1 => continue,
            _ => {}
        }
        let Ok(length) = reader.u8() else {
            packet.events.insert(DecodeEvent::Ipv4OptInvalid);
            return;
        };
        if length < 2 || reader.skip(usize::from(length) - 2).is_err() {
            packet.events.insert(DecodeEvent::Ipv4OptInvalidLen);
            return;
        }
        let known = matches!(kind, 7 | 68 | 130 | 131 | 133 | 134 | 136 | 137 | 148);
        if !known {
            packet.events.insert(DecodeEvent::Ipv4OptUnknown);
        } else if std::mem::replace(&mut seen[usize::from(kind)], true) {
            packet.events.insert(DecodeEvent::Ipv4OptDuplicate);
        }
    }
}

pub(crate) fn decode_ipv6<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ipv6 += 1;
    if data.len() < 40 {
        return broken(packet, DecodeEvent::Ipv6PktTooSmall, counters, each);
    }
    let Ok(slice) = Ipv6HeaderSlice::from_slice(data) else {
        return broken(packet, DecodeEvent::Ipv6WrongIpVersion, counters, each);
    };
    let Some(payload) = data.get(40..40 + usize::from(slice.payload_length())) else {
        return broken(packet, DecodeEvent::Ipv6TruncPkt, counters, each);
    };
    let mut ip = Ipv6 {
        header: &data[..40],
        source: slice.source_addr(),
        destination: slice.destination_addr(),
        protocol: slice.next_header().0,
        hop_limit: slice.hop_limit(),
        traffic_class: slice.traffic_class(),
        payload,
        upper: 0,
    };
    packet.net = Net::Ipv6(ip);
    let walked = extensions(packet, &mut ip);
    packet.net = Net::Ipv6(ip);
    let rest = payload.get(ip.upper..).unwrap_or_default();
    match walked {
        Ok(()) if packet.fragment.is_some() => {
            packet.payload = rest;
            finish(packet, counters, each);
        }
        Ok(()) if ip.protocol == 59 => {
            if !rest.is_empty() {
                packet.events.insert(DecodeEvent::Ipv6DataAfterNoneHeader);
            }
            packet.payload = rest;
            finish(packet, counters, each);
        }
        Ok(()) if ip.protocol == 1 => {
            packet.events.insert(DecodeEvent::Ipv6Icmpv4);
            finish(packet, counters, each);
        }
        Ok(()) => upper(packet, ip.protocol, rest, counters, each),
        Err(event) => broken(packet, event, counters, each),
    }
}

/// Follows extension headers (RFC 8200 §4) up to the upper layer or the data of a fragment.
fn extensions(packet: &mut Packet<'_>, ip: &mut Ipv6<'_>) -> Result<(), DecodeEvent> {
    let mut reader = Reader::new(ip.payload);
    let (mut hop, mut routing, mut fragments, mut destinations, mut authentication) =
        (0u8, 0u8, 0u8, 0u8, 0u8);
    for _ in 0..EXTENSION_LIMIT {
        let truncated = DecodeEvent::Ipv6TruncExthdr;
        let count = |seen: &mut u8, limit: u8, event: DecodeEvent, packet: &mut Packet<'_>| {
            *seen += 1;
            if *seen > limit {
                packet.events.insert(event);
            }
        };
        match ip.protocol {
            0 | 60 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 8 + 6;
                let options = reader.take(length).map_err(|_| truncated)?;
                let hop_by_hop = ip.protocol == 0;
                if hop_by_hop {
                    count(&mut hop, 1, DecodeEvent::Ipv6ExthdrDuplHh, packet);
                } else {
                    // One may stand before a routing header and one before the upper layer (RFC 8200 §4.1).
                    count(&mut destinations, 2, DecodeEvent::Ipv6ExthdrDuplDh, packet);
                }
                ipv6_options(packet, options, hop_by_hop);
                ip.protocol = next;
            }
            43 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 8 + 6;
                let body = reader.take(length).map_err(|_| truncated)?;
                count(&mut routing, 1, DecodeEvent::Ipv6ExthdrDuplRh, packet);
                if body.first() == Some(&0) {
                    packet.events.insert(DecodeEvent::Ipv6RhType0);
                }
                ip.protocol = next;
            }
            44 => {
                let header: [u8; 8] = reader.array().map_err(|_| truncated)?;
                count(&mut fragments, 1, DecodeEvent::Ipv6ExthdrDuplFh, packet);
                let word = u16::from_be_bytes([header[2], header[3]]);
                if header[1] != 0 {
                    packet
                        .events
                        .insert(DecodeEvent::Ipv6FhNonZeroReservedField);
                }
                ip.protocol = header[0];
                let offset = u32::from(word >> 3) * 8;
                let more = word & 1 == 1;
                ip.upper = reader.position();
                if offset == 0 && !more {
                    // An atomic fragment (RFC 6946) is a whole datagram.
                    packet.events.insert(DecodeEvent::Ipv6ExthdrUselessFh);
                    continue;
                }
                let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
                if more && !reader.remaining().is_multiple_of(8) {
                    packet.events.insert(DecodeEvent::Ipv6FragInvalidLength);
                }
                packet.fragment = Some(Fragment { id, offset, more });
                return Ok(());
            }
            51 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 4 + 6;
                let body = reader.take(length).map_err(|_| truncated)?;
                count(
                    &mut authentication,
                    1,
                    DecodeEvent::Ipv6ExthdrDuplAh,
                    packet,
                );
                if body.get(..2).is_some_and(|reserved| reserved != [0, 0]) {
                    packet.events.insert(DecodeEvent::Ipv6ExthdrAhResNotNull);
                }
                ip.protocol = next;
            }
            135 | 139 | 140 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 8 + 6;
                reader.skip(length).map_err(|_| truncated)?;
                ip.protocol = next;
            }
            _ => {
                ip.upper = reader.position();
                return Ok(());
            }
        }
        ip.upper = reader.position();
    }
    Err(DecodeEvent::TooManyLayers)
}

fn ipv6_options(packet: &mut Packet<'_>, options: &[u8], hop_by_hop: bool) {
    let (unknown, only_padding) = if hop_by_hop {
        (
            DecodeEvent::Ipv6HopoptsUnknownOpt,
            DecodeEvent::Ipv6HopoptsOnlyPadding,
        )
    } else {
        (
            DecodeEvent::Ipv6DstoptsUnknownOpt,
            DecodeEvent::Ipv6DstoptsOnlyPadding,
        )
    };
    let mut reader = Reader::new(options);
    let mut others = 0;
    while let Ok(kind) = reader.u8() {
        if kind == 0 {
            continue;
        }
        let Ok(length) = reader.u8() else {
            packet.events.insert(DecodeEvent::Ipv6ExthdrInvalidOptlen);
            return;
        };
        if reader.skip(usize::from(length)).is_err() {
            packet.events.insert(DecodeEvent::Ipv6ExthdrInvalidOptlen);
            return;
        }
        match kind {
            1 if length == 0 => packet.events.insert(DecodeEvent::Ipv6ZeroLenPadn),
            1 => {}
            // Router alert, jumbo payload, home address, tunnel limit, quick start, ….
            0x05 | 0xc2 | 0xc9 | 0x04 | 0x26 | 0x07 | 0x08 | 0x63 | 0x6d => others += 1,
            _ => {
                others += 1;
                packet.events.insert(unknown);
            }
        }
    }
    if others == 0 {
        packet.events.insert(only_padding);
    }
}

/// What IP carries.
fn upper<'a>(
    packet: &mut Packet<'a>,
    protocol: u8,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    packet.layers += 1;
    if packet.layers > LAYER_LIMIT {
        counters.too_many_layers += 1;
        return broken(packet, DecodeEvent::TooManyLayers, counters, each);
    }
    let over_ipv6 = matches!(packet.net, Net::Ipv6(_));
    match protocol {
        4 | 41 => {
            packet.payload = data;
            match (protocol, over_ipv6) {
                (4, false) => counters.ipv4_in_ipv4 += 1,
                (4, true) => counters.ipv4_in_ipv6 += 1,
                (_, false) => counters.ipv6_in_ipv4 += 1,
                (_, true) => counters.ipv6_in_ipv6 += 1,
            }
            let version = data.first().map(|byte| byte >> 4);
            let fault = match (protocol, over_ipv6, version) {
                (4, true, _) if data.len() < 20 => Some(DecodeEvent::Ipv6Ipv4InIpv6TooSmall),
                (4, true, Some(v)) if v != 4 => Some(DecodeEvent::Ipv6Ipv4InIpv6WrongVersion),
                (41, true, _) if data.len() < 40 => Some(DecodeEvent::Ipv6Ipv6InIpv6TooSmall),
                (41, true, Some(v)) if v != 6 => Some(DecodeEvent::Ipv6Ipv6InIpv6WrongVersion),
                _ => None,
            };
            if let Some(fault) = fault {
                packet.events.insert(fault);
            }
            finish(packet, counters, each);
            if fault.is_none() {
                let kind = if over_ipv6 {
                    PacketSource::Ipv6Tunnel
                } else {
                    PacketSource::Ipv4Tunnel
                };
                let mut inner = packet.inner(kind, data);
                if protocol == 4 {
                    decode_ipv4(&mut inner, data, counters, each)
                } else {
                    decode_ipv6(&mut inner, data, counters, each)
                }
            }
        }
        47 => tunnel::gre(packet, data, counters, each),
        _ => transport::decode(packet, protocol, data, counters, each),
    }
}
