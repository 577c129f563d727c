//! Frames, and what is told of them.

use proptest::prelude::*;

use crate::{Counters, DecodeEvent, LinkType, Packet, PacketSource, decode};

/// What was seen of a frame: for each packet its source, tags, ends and events.
#[derive(Debug, PartialEq)]
struct Told {
    kind: PacketSource,
    vlans: Vec<u16>,
    ends: Option<String>,
    events: Vec<&'static str>,
    encloses: bool,
}

fn tell(packet: &Packet<'_>) -> Told {
    Told {
        kind: packet.source_kind,
        vlans: packet.vlans.to_vec(),
        ends: packet
            .addresses()
            .map(|(source, destination)| format!("{source} {destination}")),
        events: packet.events.iter().map(DecodeEvent::name).collect(),
        encloses: packet.encloses,
    }
}

fn told(link: LinkType, frame: &[u8]) -> Vec<Told> {
    let mut out = Vec::new();
    decode(link, frame, &mut Counters::default(), &mut |packet| {
        out.push(tell(packet))
    });
    out
}

/// An IPv4 datagram from 10.0.0.1 to 10.0.0.2 with options, a multiple of four bytes.
fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let mut bytes = vec![0x40 | (header / 4) as u8, 0];
    bytes.extend(((header + payload.len()) as u16).to_be_bytes());
    bytes.extend([0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(options);
    bytes.extend(payload);
    bytes
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    bytes.extend(payload);
    bytes
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x10, 0, 0, 80];
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn tcp(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x10, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0];
    bytes.extend([((20 + options.len()) / 4 * 16) as u8, 2, 1, 0, 0, 0, 0, 0]);
    bytes.extend(options);
    bytes
}

#[test]
fn oddities_are_told_by_name() {
    let small = ipv4(6, &[], &[0; 8]);
    let mut short = ipv4(17, &[], &udp(b"x"));
    short.truncate(24);
    let mut jumbled = tcp(&[]);
    jumbled[12] = 0x40;
    let rows: &[(LinkType, Vec<u8>, &[&str])] = &[
        (LinkType::RAW, small, &["tcp.pkt_too_small"]),
        (LinkType::RAW, short, &["ipv4.trunc_pkt"]),
        (
            LinkType::RAW,
            ipv4(6, &[], &jumbled),
            &["tcp.invalid_optlen"],
        ),
        (LinkType::RAW, vec![0x95; 24], &["ipraw.invalid_ip_version"]),
        (
            LinkType::RAW,
            ipv4(17, &[], &[0; 4]),
            &["udp.hlen_too_small"],
        ),
        (LinkType::RAW, ipv4(58, &[], &[0; 8]), &["ipv4.icmpv6"]),
        (
            LinkType::RAW,
            ipv4(17, &[0x94, 3, 0, 0], &udp(b"x")),
            &["ipv4.opt_invalid_len", "ipv4.opt_pad_required"],
        ),
        (
            LinkType::RAW,
            ipv4(17, &[0x55, 4, 0, 0, 1, 1, 1, 0], &udp(b"x")),
            &["ipv4.opt_invalid"],
        ),
        (
            LinkType::RAW,
            ipv4(17, &[7, 7, 3, 0, 0, 0, 0, 0], &udp(b"x")),
            &["ipv4.opt_malformed"],
        ),
        // An empty selective acknowledgement is common; one that is no multiple of eight is wrong.
        (LinkType::RAW, ipv4(6, &[], &tcp(&[5, 2, 1, 1])), &[]),
        (
            LinkType::RAW,
            ipv4(6, &[], &tcp(&[5, 4, 0, 0])),
            &["tcp.opt_invalid_len"],
        ),
        (
            LinkType::RAW,
            ipv4(6, &[], &tcp(&[3, 3, 7, 3, 3, 7, 1, 1])),
            &["tcp.opt_duplicate"],
        ),
        (
            LinkType::RAW,
            ipv4(1, &[], &[3, 16, 0, 0, 0, 0, 0, 0]),
            &["icmpv4.unknown_code"],
        ),
        (
            LinkType::RAW,
            ipv4(1, &[], &[99, 0, 0, 0, 0, 0, 0, 0]),
            &["icmpv4.unknown_type"],
        ),
        (
            LinkType::RAW,
            ipv6(58, &[200, 0, 0, 0, 0, 0, 0, 0]),
            &["icmpv6.experimentation_type"],
        ),
        (
            LinkType::RAW,
            ipv6(58, &[1, 0, 0, 0, 0, 0, 0, 0]),
            &["icmpv6.ipv6_trunc_pkt"],
        ),
        (
            LinkType::RAW,
            ipv6(59, b"x"),
            &["ipv6.data_after_none_header"],
        ),
        (
            LinkType::RAW,
            ipv6(0, &[59, 0, 1, 4, 0, 0, 0, 0]),
            &["ipv6.hopopts_only_padding"],
        ),
        (
            LinkType::RAW,
            ipv6(44, &[17, 0, 0, 0, 0, 0, 0, 1]),
            &["ipv6.trunc_exthdr", "ipv6.exthdr_useless_fh"],
        ),
        (
            LinkType::RAW,
            ipv6(99, &[0; 8]),
            &["ipv6.unknown_next_header"],
        ),
        (LinkType::ETHERNET, vec![0; 13], &["ethernet.pkt_too_small"]),
        (
            LinkType::ETHERNET,
            ethernet(0x1234, &[0; 40]),
            &["ethernet.unknown_ethertype"],
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x8847, &[0, 0, 0x11, 64]),
            &["mpls.bad_label_router_alert"],
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x0806, &[0, 1, 8, 0, 6, 4, 0, 9]),
            &["arp.invalid_pkt"],
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x8863, &[0x11, 1, 0, 0, 0, 0]),
            &["pppoe.wrong_code"],
        ),
        (LinkType::PPP, vec![0x80, 0x2b, 0], &["ppp.unsup_proto"]),
        (LinkType::PPP, vec![0xc0, 0x21, 0], &[]),
        (LinkType::PPP, vec![0x21, 0x45], &["ppp.ip4_pkt_too_small"]),
    ];
    for (link, frame, events) in rows {
        let packets = told(*link, frame);
        let mut wanted = events.to_vec();
        let mut found = packets[0].events.clone();
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!((packets.len(), found), (1, wanted), "{frame:02x?}");
    }
}

#[test]
fn packets_inside_others_come_behind_them() {
    let datagram = ipv4(17, &[], &udp(b"x"));
    let gre = |kind: u16, flags: u8, rest: &[u8]| {
        let mut bytes = vec![flags, 0];
        bytes.extend(kind.to_be_bytes());
        bytes.extend(rest);
        ipv4(47, &[], &bytes)
    };
    let tagged = {
        let mut bytes = vec![0, 7, 0x08, 0x00];
        bytes.extend(&datagram);
        ethernet(0x8100, &bytes)
    };
    let rows = [
        (ipv4(4, &[], &datagram), PacketSource::Ipv4Tunnel, vec![]),
        (ipv6(4, &datagram), PacketSource::Ipv6Tunnel, vec![]),
        (gre(0x0800, 0, &datagram), PacketSource::Gre, vec![]),
        // ERSPAN without a sequence number has no header of its own.
        (gre(0x88be, 0, &tagged), PacketSource::Gre, vec![7]),
    ];
    for (frame, kind, vlans) in rows {
        let packets = told(LinkType::RAW, &frame);
        assert_eq!(packets.len(), 2, "{frame:02x?}");
        assert!(packets[0].encloses && packets[0].kind == PacketSource::Wire);
        assert_eq!((packets[1].kind, &packets[1].vlans), (kind, &vlans));
        assert_eq!(packets[1].ends.as_deref(), Some("10.0.0.1 10.0.0.2"));
    }
    // What cannot be read is no packet, and its carrier is looked into instead.
    let packets = told(LinkType::RAW, &ipv4(4, &[], &[0x45; 12]));
    assert_eq!((packets.len(), packets[0].encloses), (1, false));
}

#[test]
fn tags_are_kept_to_the_third() {
    let mut bytes = ipv4(17, &[], &udp(b"x"));
    let mut kind = 0x0800u16;
    let mut frames = Vec::new();
    for tag in [3u16, 2, 1, 9] {
        let mut tagged = tag.to_be_bytes().to_vec();
        tagged.extend(kind.to_be_bytes());
        tagged.extend(&bytes);
        (bytes, kind) = (tagged, 0x8100);
        frames.push(ethernet(kind, &bytes));
    }
    assert_eq!(told(LinkType::ETHERNET, &frames[2])[0].vlans, [1, 2, 3]);
    let four = &told(LinkType::ETHERNET, &frames[3])[0];
    assert_eq!(four.vlans, [9, 1, 2]);
    assert_eq!(four.events, ["vlan.too_many_layers"]);
}

proptest! {
    /// Any bytes on any link are survived, and the first packet is always handed over.
    #[test]
    fn hostile_frames_are_survived(
        link in proptest::sample::select(vec![0u16, 1, 9, 12, 101, 104, 108, 113, 228, 229, 276, 999]),
        frame in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(!told(LinkType(link), &frame).is_empty());
    }

    /// Headers that are nearly right lead deeper than noise does.
    #[test]
    fn damaged_tunnels_are_survived(
        protocol in proptest::sample::select(vec![1u8, 4, 6, 17, 41, 47, 50, 58, 132]),
        payload in proptest::collection::vec(any::<u8>(), 0..120),
        at in 0usize..60,
        with in any::<u8>(),
    ) {
        let inner = ipv4(protocol, &[], &payload);
        let mut frame = ipv4(4, &[], &inner);
        if let Some(byte) = frame.get_mut(at) {
            *byte = with;
        }
        prop_assert!(!told(LinkType::RAW, &frame).is_empty());
        prop_assert!(!told(LinkType::RAW, &ipv6(protocol, &payload)).is_empty());
    }
}

#[test]
fn a_fragment_of_ipv6_is_shown_as_one() {
    let first = [&[6, 0, 0, 1, 0, 0, 0, 9][..], &[0; 24]].concat();
    for (frame, protocol, shown) in [
        (ipv6(44, &first), 6, 44),
        (ipv6(17, &udp(b"a")), 17, 17),
        (ipv4(17, &[], &udp(b"a")), 17, 17),
    ] {
        let mut seen = Vec::new();
        decode(
            LinkType::RAW,
            &frame,
            &mut Counters::default(),
            &mut |packet| seen.push((packet.ip_protocol(), packet.shown_protocol())),
        );
        assert_eq!(seen, [(Some(protocol), Some(shown))]);
    }
}

#[test]
fn a_packet_that_breaks_off_is_named_by_the_last_header_read() {
    const ATOMIC_FRAGMENT: &[u8] = &[6, 0, 0, 0, 0, 0, 0, 7];
    const HOP_BY_HOP: &[u8] = &[44, 0, 1, 4, 0, 0, 0, 0];
    let rows: &[(u8, Vec<u8>, u8)] = &[
        (44, ATOMIC_FRAGMENT.to_vec(), 44),
        (0, HOP_BY_HOP.to_vec(), 0),
        (0, [HOP_BY_HOP, ATOMIC_FRAGMENT].concat(), 44),
        (0, [HOP_BY_HOP, &ATOMIC_FRAGMENT[..5]].concat(), 44),
    ];
    for (next, payload, protocol) in rows {
        let mut shown = Vec::new();
        let frame = ipv6(*next, payload);
        decode(
            LinkType::RAW,
            &frame,
            &mut Counters::default(),
            &mut |packet| {
                shown.push((packet.shown_protocol(), packet.ports()));
            },
        );
        assert_eq!(shown, [(Some(*protocol), None)], "{payload:02x?}");
    }
}

#[test]
fn the_outermost_packet_is_the_one_around() {
    let innermost = ipv4(4, &[], &ipv4(17, &[], &udp(b"x")));
    let mut frame = ipv4(4, &[], &innermost);
    frame[19] = 9;
    let mut around = Vec::new();
    decode(
        LinkType::RAW,
        &frame,
        &mut Counters::default(),
        &mut |packet| {
            let destination = packet.outer.map(|outer| outer.destination.to_string());
            around.push((packet.depth, destination));
            if packet.depth == 0 {
                let whole = packet.reassembled(&[]);
                let outer = whole.outer.map(|outer| (outer.ports, outer.source_kind));
                assert_eq!(outer, Some((None, PacketSource::Wire)));
            }
        },
    );
    let outermost = Some("10.0.0.9".to_owned());
    assert_eq!(around, [(0, None), (1, outermost.clone()), (2, outermost)]);
}
