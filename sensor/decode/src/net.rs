//! IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use sensor_bytes::Reader;

use crate::link::{broken, finish};
use crate::packet::{Fragment, Ipv4, Ipv6};
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
    packet.net_offset = packet.frame.len().saturating_sub(data.len());
    if !packet.enter() {
        return finish(packet, counters, each);
    }
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
                    kept: ip.header.len(),
                    named_at: 9,
                });
                packet.payload = ip.payload;
                return finish(packet, counters, each);
            }
            if ip.protocol == 58 {
                packet.fail(DecodeEvent::Ipv4Icmpv6);
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
    if first & 0x0f < 5 {
        return Err(DecodeEvent::Ipv4HlenTooSmall);
    }
    let header_length = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([data[2], data[3]]));
    if total < header_length {
        return Err(DecodeEvent::Ipv4IplenSmallerThanHlen);
    }
    let payload = data
        .get(header_length..total)
        .ok_or(DecodeEvent::Ipv4TruncPkt)?;
    let slice = Ipv4HeaderSlice::from_slice(data).map_err(|_| DecodeEvent::Ipv4TruncPkt)?;
    let header = slice.slice();
    ipv4_options(packet, slice.options())?;
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

/// Looks over the options (RFC 791 §3.1) for oddities; only a length that makes no sense stops decoding.
fn ipv4_options(packet: &mut Packet<'_>, options: &[u8]) -> Result<(), DecodeEvent> {
    if !options.len().is_multiple_of(8) {
        packet.events.insert(DecodeEvent::Ipv4OptPadRequired);
    }
    let mut reader = Reader::new(options);
    let mut seen = [0u64; 4];
    while let Ok(kind) = reader.u8() {
        match kind {
            0 => break,
            1 => continue,
            _ => {}
        }
        let Ok(length) = reader.u8() else {
            packet.events.insert(DecodeEvent::Ipv4OptEolRequired);
            break;
        };
        let body = usize::from(length)
            .checked_sub(2)
            .and_then(|length| reader.take(length).ok())
            .ok_or(DecodeEvent::Ipv4OptInvalidLen)?;
        if !matches!(kind, 7 | 25 | 68 | 130 | 131 | 133 | 134 | 136 | 137 | 148) {
            packet.events.insert(DecodeEvent::Ipv4OptInvalid);
            continue;
        }
        let (word, bit) = (usize::from(kind / 64), kind % 64);
        if seen[word] >> bit & 1 == 1 {
            packet.events.insert(DecodeEvent::Ipv4OptDuplicate);
            continue;
        }
        match ipv4_option(kind, length, body) {
            Ok(()) => seen[word] |= 1 << bit,
            Err(event) => packet.fail(event),
        }
    }
    Ok(())
}

/// Whether one option is well formed.
fn ipv4_option(kind: u8, length: u8, body: &[u8]) -> Result<(), DecodeEvent> {
    let least = match kind {
        7 | 130 | 131 | 133 | 137 => 3,
        25 => 8,
        68 => 5,
        134 => 10,
        _ => 4,
    };
    if length < least || matches!(kind, 136 | 148) && length != 4 {
        return Err(DecodeEvent::Ipv4OptInvalidLen);
    }
    let pointer = body.first().copied().unwrap_or(0);
    let well_formed = match kind {
        // Routes are lists of addresses, and the pointer points at one of them, from 1.
        7 | 131 | 137 => pointer >= 4 && pointer % 4 == 0 && pointer <= length + 1,
        68 => {
            let flag = body.get(1).map_or(0, |byte| byte & 0x0f);
            let entry = if matches!(flag, 1 | 3) { 8 } else { 4 };
            pointer >= 5 && (pointer - 5) % entry == 0 && pointer <= length + 1
        }
        134 => are_security_tags(body.get(4..).unwrap_or_default()),
        _ => true,
    };
    if well_formed {
        Ok(())
    } else {
        Err(DecodeEvent::Ipv4OptMalformed)
    }
}

/// Tags of the commercial security option (FIPS 188).
fn are_security_tags(mut tags: &[u8]) -> bool {
    while let [kind, length, body @ ..] = tags {
        let known = matches!(kind, 1 | 2 | 5 | 6 | 7);
        let length = usize::from(*length);
        if !known || length < 4 || length > tags.len() || *kind != 7 && body.first() != Some(&0) {
            return false;
        }
        tags = &tags[length..];
    }
    tags.is_empty()
}

pub(crate) fn decode_ipv6<'a>(
    packet: &mut Packet<'a>,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    counters.ipv6 += 1;
    packet.net_offset = packet.frame.len().saturating_sub(data.len());
    if !packet.enter() {
        return finish(packet, counters, each);
    }
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
    // Where the byte that names the next header lies, from the start of the IP header.
    let mut named_at = 6;
    let mut reached = ip.protocol;
    for walked in 0..EXTENSION_LIMIT {
        let truncated = DecodeEvent::Ipv6TruncExthdr;
        let count = |seen: &mut u8, limit: u8, event: DecodeEvent, packet: &mut Packet<'_>| {
            *seen += 1;
            let first = *seen <= limit;
            if !first {
                packet.events.insert(event);
            }
            first
        };
        let here = reader.position();
        if walked > 0 && ip.protocol != 59 && reader.remaining() < 2 {
            // What is not there does not name the packet.
            ip.protocol = reached;
            return Err(truncated);
        }
        reached = ip.protocol;
        match ip.protocol {
            0 | 60 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 8 + 6;
                let options = reader.take(length).map_err(|_| truncated)?;
                let hop_by_hop = ip.protocol == 0;
                let first = if hop_by_hop {
                    count(&mut hop, 1, DecodeEvent::Ipv6ExthdrDuplHh, packet)
                } else {
                    // One may stand before a routing header and one before the upper layer (RFC 8200 §4.1).
                    count(&mut destinations, 2, DecodeEvent::Ipv6ExthdrDuplDh, packet)
                };
                if first {
                    ipv6_options(packet, options, hop_by_hop);
                }
                ip.protocol = next;
            }
            43 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let length = usize::from(reader.u8().map_err(|_| truncated)?) * 8 + 6;
                let body = reader.take(length).map_err(|_| truncated)?;
                let first = count(&mut routing, 1, DecodeEvent::Ipv6ExthdrDuplRh, packet);
                if first && body.first() == Some(&0) {
                    packet.events.insert(DecodeEvent::Ipv6RhType0);
                }
                ip.protocol = next;
            }
            44 => {
                let header: [u8; 8] = reader.array().map_err(|_| truncated)?;
                if header[1] != 0 {
                    packet
                        .events
                        .insert(DecodeEvent::Ipv6FhNonZeroReservedField);
                }
                let first = count(&mut fragments, 1, DecodeEvent::Ipv6ExthdrDuplFh, packet);
                let word = u16::from_be_bytes([header[2], header[3]]);
                ip.protocol = header[0];
                let offset = u32::from(word >> 3) * 8;
                let more = word & 1 == 1;
                ip.upper = reader.position();
                if !first {
                    continue;
                }
                if offset == 0 && !more {
                    // An atomic fragment (RFC 6946) is a whole datagram.
                    packet.events.insert(DecodeEvent::Ipv6ExthdrUselessFh);
                    continue;
                }
                let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
                if more && !reader.remaining().is_multiple_of(8) {
                    packet.events.insert(DecodeEvent::Ipv6FragInvalidLength);
                }
                packet.fragment = Some(Fragment {
                    id,
                    offset,
                    more,
                    kept: 40 + here,
                    named_at,
                });
                return Ok(());
            }
            51 => {
                let next = reader.u8().map_err(|_| truncated)?;
                let words = usize::from(reader.u8().map_err(|_| truncated)?);
                let body = reader.take(words.max(1) * 4 + 6).map_err(|_| truncated)?;
                let seen = &mut authentication;
                count(seen, 1, DecodeEvent::Ipv6ExthdrDuplAh, packet);
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
        named_at = 40 + here;
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
    let (mut padding, mut others) = (0, 0);
    while let Ok(kind) = reader.u8() {
        if kind == 0 {
            padding += 1;
            continue;
        }
        let Ok(length) = reader.u8() else {
            return packet.fail(DecodeEvent::Ipv6ExthdrInvalidOptlen);
        };
        let least = match kind {
            0x05 => 2,
            0xc2 => 4,
            0xc9 => 16,
            _ => 0,
        };
        // A last option that is one byte too long is let pass.
        if length < least || usize::from(length) > reader.remaining() + 1 {
            return packet.fail(DecodeEvent::Ipv6ExthdrInvalidOptlen);
        }
        let _ = reader.skip(usize::from(length).min(reader.remaining()));
        match kind {
            1 => {
                padding += 1;
                if length == 0 {
                    packet.events.insert(DecodeEvent::Ipv6ZeroLenPadn);
                }
            }
            // Router alert and home address; a jumbo payload does not count.
            0x05 | 0xc9 => others += 1,
            0xc2 => {}
            _ => {
                others += 1;
                packet.events.insert(unknown);
            }
        }
    }
    if padding > 0 && others == 0 {
        packet.events.insert(only_padding);
    }
}

/// Whether a datagram's header can be read, so that it counts as a packet inside another.
pub(crate) fn is_readable(data: &[u8]) -> bool {
    match data {
        [first, _, high, low, ..] if first >> 4 == 4 => {
            let header = usize::from(first & 0x0f) * 4;
            let total = usize::from(u16::from_be_bytes([*high, *low]));
            data.len() >= 20 && header >= 20 && (header..=data.len()).contains(&total)
        }
        [first, _, _, _, high, low, ..] if first >> 4 == 6 => {
            data.len() >= 40 + usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => false,
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
    let over_ipv6 = matches!(packet.net, Net::Ipv6(_));
    match protocol {
        4 | 41 => {
            packet.payload = data;
            let version = data.first().map(|byte| byte >> 4);
            let fault = match (protocol, over_ipv6, version) {
                (4, true, _) if data.len() < 20 => Some(DecodeEvent::Ipv6Ipv4InIpv6TooSmall),
                (4, true, Some(v)) if v != 4 => Some(DecodeEvent::Ipv6Ipv4InIpv6WrongVersion),
                (41, true, _) if data.len() < 40 => Some(DecodeEvent::Ipv6Ipv6InIpv6TooSmall),
                (41, true, Some(v)) if v != 6 => Some(DecodeEvent::Ipv6Ipv6InIpv6WrongVersion),
                _ => None,
            };
            if let Some(fault) = fault {
                return broken(packet, fault, counters, each);
            }
            let (kind, inside) = (
                if over_ipv6 {
                    PacketSource::Ipv6Tunnel
                } else {
                    PacketSource::Ipv4Tunnel
                },
                if protocol == 4 {
                    tunnel::Inside::Ipv4
                } else {
                    tunnel::Inside::Ipv6
                },
            );
            let inner = tunnel::open(packet, kind, inside, data);
            if inner.is_some() {
                match (protocol, over_ipv6) {
                    (4, false) => counters.ipv4_in_ipv4 += 1,
                    (4, true) => counters.ipv4_in_ipv6 += 1,
                    (_, false) => counters.ipv6_in_ipv4 += 1,
                    (_, true) => counters.ipv6_in_ipv6 += 1,
                }
            }
            finish(packet, counters, each);
            if let Some(inner) = inner {
                tunnel::enter(inner, inside, data, counters, each);
            }
        }
        47 => tunnel::gre(packet, data, counters, each),
        _ => transport::decode(packet, protocol, data, counters, each),
    }
}
