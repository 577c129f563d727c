//! TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443), SCTP (RFC 9260), ESP (RFC 4303).

use etherparse::TcpHeaderSlice;
use sensor_bytes::Reader;

use crate::link::{broken, finish};
use crate::packet::{Icmp, Tcp, TcpOptions, Udp};
use crate::{Counters, DecodeEvent, Net, Packet, Transport, tunnel};

type Each<'e, 'a> = &'e mut dyn FnMut(&Packet<'a>);

pub(crate) fn decode<'a>(
    packet: &mut Packet<'a>,
    protocol: u8,
    data: &'a [u8],
    counters: &mut Counters,
    each: Each<'_, 'a>,
) {
    packet.payload = data;
    let read = match protocol {
        6 => {
            counters.tcp += 1;
            let read = tcp(packet, data);
            if let Transport::Tcp(tcp) = &packet.transport {
                let syn_ack = tcp.has(Tcp::SYN | Tcp::ACK);
                counters.tcp_synack += u64::from(syn_ack);
                counters.tcp_syn += u64::from(tcp.has(Tcp::SYN) && !syn_ack);
                counters.tcp_rst += u64::from(tcp.has(Tcp::RST));
                counters.tcp_urg += u64::from(tcp.has(Tcp::URG));
            }
            read
        }
        17 => {
            counters.udp += 1;
            udp(packet, data)
        }
        1 => {
            counters.icmpv4 += 1;
            icmpv4(packet, data)
        }
        58 => {
            counters.icmpv6 += 1;
            icmpv6(packet, data)
        }
        132 => {
            counters.sctp += 1;
            sctp(packet, data)
        }
        50 => {
            counters.esp += 1;
            if !packet.enter() {
                return finish(packet, counters, each);
            }
            esp(packet, data)
        }
        _ => {
            if matches!(packet.net, Net::Ipv6(_)) {
                packet.events.insert(DecodeEvent::Ipv6UnknownNextHeader);
            }
            Ok(())
        }
    };
    match read {
        Ok(()) => match packet.transport {
            Transport::Udp(udp) => tunnel::over_udp(packet, &udp, counters, each),
            _ => finish(packet, counters, each),
        },
        Err(event) => broken(packet, event, counters, each),
    }
}

fn tcp<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    if data.len() < 20 {
        return Err(DecodeEvent::TcpPktTooSmall);
    }
    if data[12] >> 4 < 5 {
        return Err(DecodeEvent::TcpInvalidOptlen);
    }
    let slice = TcpHeaderSlice::from_slice(data).map_err(|_| DecodeEvent::TcpHlenTooSmall)?;
    let header = slice.slice();
    let options = tcp_options(packet, slice.options());
    packet.transport = Transport::Tcp(Tcp {
        header,
        source_port: slice.source_port(),
        destination_port: slice.destination_port(),
        sequence: slice.sequence_number(),
        acknowledgment: slice.acknowledgment_number(),
        flags: header[13],
        window: slice.window_size(),
        urgent_pointer: slice.urgent_pointer(),
        options,
    });
    packet.payload = &data[header.len()..];
    Ok(())
}

/// Options as far as they could be read. A length that makes no sense ends them.
fn tcp_options(packet: &mut Packet<'_>, options: &[u8]) -> TcpOptions {
    let mut out = TcpOptions::default();
    let mut reader = Reader::new(options);
    let mut seen = 0u64;
    while let Ok(kind) = reader.u8() {
        match kind {
            0 => break,
            1 => continue,
            _ => {}
        }
        let Ok(length) = reader.u8() else { break };
        let Some(Ok(body)) = usize::from(length)
            .checked_sub(2)
            .map(|length| reader.take(length))
        else {
            packet.fail(DecodeEvent::TcpOptInvalidLen);
            break;
        };
        let fits = match kind {
            2 => body.len() == 2,
            3 => body.len() == 1,
            4 => body.is_empty(),
            // An empty one is useless, but common.
            5 => body.len() % 8 == 0 && body.len() <= 32,
            8 => body.len() == 8,
            34 => body.is_empty() || matches!(body.len(), 4..=16) && body.len() % 2 == 0,
            253 | 254 => matches!(body.len(), 2 | 10),
            19 => body.len() == 16,
            29 => body.len() >= 2,
            _ => continue,
        };
        if !fits {
            packet.events.insert(DecodeEvent::TcpOptInvalidLen);
            packet.invalid |= matches!(kind, 19 | 29);
            continue;
        }
        // Fast Open had an experimental number first, with a magic of its own (RFC 7413 §4.1.1).
        let kind = match kind {
            253 | 254 if body.starts_with(&[0xf9, 0x89]) => 34,
            253 | 254 => continue,
            5 if body.is_empty() => continue,
            kind => kind,
        };
        if matches!(kind, 2..=5 | 8 | 34) {
            if seen >> kind & 1 == 1 {
                packet.events.insert(DecodeEvent::TcpOptDuplicate);
                continue;
            }
            seen |= 1 << kind;
        }
        match (kind, body) {
            (2, &[a, b]) => out.mss = Some(u16::from_be_bytes([a, b])),
            (3, &[scale]) => out.window_scale = Some(if scale <= 14 { scale } else { 0 }),
            (4, _) => out.sack_permitted = true,
            (5, _) => out.sack = true,
            (8, &[a, b, c, d, e, f, g, h]) => {
                out.timestamps = Some((
                    u32::from_be_bytes([a, b, c, d]),
                    u32::from_be_bytes([e, f, g, h]),
                ))
            }
            (34, _) => out.fast_open = true,
            (19 | 29, _) => out.signed = true,
            _ => {}
        }
    }
    out
}

fn udp<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    let header = data.get(..8).ok_or(DecodeEvent::UdpHlenTooSmall)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    if data.len() < length {
        return Err(DecodeEvent::UdpPktTooSmall);
    }
    // A length of 0 is a jumbogram over IPv6 (RFC 2675 §4), nonsense over IPv4.
    if length < 8 {
        return Err(DecodeEvent::UdpLenInvalid);
    }
    packet.transport = Transport::Udp(Udp {
        header,
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
    });
    packet.payload = &data[8..length];
    Ok(())
}

fn icmpv4<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    let header = data.get(..8).ok_or(DecodeEvent::Icmpv4PktTooSmall)?;
    let (kind, code) = (header[0], header[1]);
    let id = u16::from_be_bytes([header[4], header[5]]);
    let sequence = u16::from_be_bytes([header[6], header[7]]);
    let rest = &data[8..];
    // Highest code, whether there is an id, and the bytes of the message's own behind the header.
    let (max_code, queried, own) = match kind {
        0 | 8 | 15..=18 => (0, true, 0),
        13 | 14 => (0, true, 12),
        3 => (15, false, 0),
        4 | 12 => (0, false, 0),
        5 => (3, false, 0),
        // A list of addresses with their preferences (RFC 1256 §3.1).
        9 => (
            u8::MAX,
            false,
            usize::from(header[4]) * usize::from(header[5]) * 4,
        ),
        11 => (1, false, 0),
        _ => {
            packet.events.insert(DecodeEvent::Icmpv4UnknownType);
            (u8::MAX, false, 0)
        }
    };
    if code > max_code {
        packet.events.insert(DecodeEvent::Icmpv4UnknownCode);
    }
    let quotes = matches!(kind, 3 | 4 | 5 | 11 | 12) && code <= max_code;
    let mut quoted = None;
    if quotes && (!rest.is_empty() || kind == 4) {
        if rest.len() < 20 {
            packet.fail(DecodeEvent::Icmpv4Ipv4TruncPkt);
        } else if rest[0] >> 4 != 4 {
            packet.fail(DecodeEvent::Icmpv4Ipv4UnknownVer);
        } else {
            quoted = Some(rest);
        }
    }
    let payload = match rest.get(own..) {
        Some(payload) => payload,
        None => {
            packet.events.insert(DecodeEvent::Icmpv4Ipv4TruncPkt);
            rest
        }
    };
    let (id, sequence) = if queried {
        (Some(id), Some(sequence))
    } else {
        (None, None)
    };
    packet.transport = Transport::Icmpv4(Icmp {
        header,
        kind,
        code,
        id,
        sequence,
        mtu: None,
        quoted,
    });
    packet.payload = payload;
    Ok(())
}

fn icmpv6<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    let header = data.get(..8).ok_or(DecodeEvent::Icmpv6PktTooSmall)?;
    let (kind, code) = (header[0], header[1]);
    let word = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let rest = &data[8..];
    let hop_limit = packet.ttl();
    let (known, queried, quotes) = match kind {
        1 => (code <= 6, false, true),
        2 => (code == 0, false, true),
        3 => (code <= 1, false, true),
        4 => (code <= 2, false, true),
        128 | 129 => (code == 0, true, false),
        130..=132 => {
            // Multicast listener messages stay on the link (RFC 2710 §3).
            if hop_limit != Some(1) {
                packet
                    .events
                    .insert(DecodeEvent::Icmpv6MldMessageWithInvalidHl);
            }
            (code == 0, false, false)
        }
        138 => (code <= 2 || code == 255, false, false),
        139 | 140 => (code <= 2, false, false),
        133..=137 | 141..=149 | 154 | 156..=159 => (code == 0, false, false),
        150..=153 => (true, false, false),
        // Routing on lossy links (RFC 6550 §6).
        155 => (code <= 3 || (128..=132).contains(&code), false, false),
        _ => {
            packet.events.insert(match kind {
                100 | 101 | 200 | 201 => DecodeEvent::Icmpv6ExperimentationType,
                5..=126 | 160.. => DecodeEvent::Icmpv6UnassignedType,
                _ => DecodeEvent::Icmpv6UnknownType,
            });
            (true, false, false)
        }
    };
    if !known {
        packet.events.insert(DecodeEvent::Icmpv6UnknownCode);
    }
    let mut quoted = None;
    if quotes && known {
        if rest.len() < 40 {
            packet.fail(DecodeEvent::Icmpv6Ipv6TruncPkt);
        } else if rest[0] >> 4 != 6 {
            packet.fail(DecodeEvent::Icmpv6Ipv6UnknownVersion);
        } else {
            quoted = Some(rest);
        }
    }
    // Messages that are no errors and no echoes begin behind the checksum.
    let payload = if known && (quotes || queried) {
        rest
    } else {
        data.get(4..).unwrap_or_default()
    };
    let (id, sequence) = if queried {
        (Some((word >> 16) as u16), Some((word & 0xffff) as u16))
    } else {
        (None, None)
    };
    packet.transport = Transport::Icmpv6(Icmp {
        header,
        kind,
        code,
        id,
        sequence,
        mtu: (kind == 2).then_some(word),
        quoted,
    });
    packet.payload = payload;
    Ok(())
}

fn sctp<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    let header = data.get(..12).ok_or(DecodeEvent::SctpPktTooSmall)?;
    packet.transport = Transport::Sctp {
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
    };
    packet.payload = &data[12..];
    Ok(())
}

fn esp<'a>(packet: &mut Packet<'a>, data: &'a [u8]) -> Result<(), DecodeEvent> {
    let header = data.get(..8).ok_or(DecodeEvent::EspPktTooSmall)?;
    packet.transport = Transport::Esp {
        spi: u32::from_be_bytes([header[0], header[1], header[2], header[3]]),
    };
    packet.payload = &data[8..];
    Ok(())
}
