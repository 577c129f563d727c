//! Fields of IP headers and of what lies around them.

use super::{Keyword, integer, needed, nothing, parts};
use crate::signature::{Builder, Comparison, Condition, FlagMode, HeaderProtocol, Index, IntMatch};

macro_rules! number {
    ($name:literal, $aliases:expr, $doc:literal, $highest:expr, $make:expr) => {
        Keyword {
            name: $name,
            aliases: $aliases,
            doc: $doc,
            parse: |builder, value| {
                let make: fn(IntMatch) -> Condition = $make;
                let wanted = integer::parse(needed(value)?, $highest)?;
                push(builder, make(wanted))
            },
            accepts: &[concat!($name, ":5;"), concat!($name, ":>3;")],
            rejects: &[concat!($name, ":x;"), concat!($name, ";")],
        }
    };
}

macro_rules! checksum {
    ($name:literal, $layer:literal) => {
        Keyword {
            name: $name,
            aliases: &[],
            doc: "Whether the checksum is valid or invalid.",
            parse: |builder, value| {
                let valid = match needed(value)?.trim_matches('"') {
                    "valid" => true,
                    "invalid" => false,
                    other => return Err(format!("{other:?}: write valid or invalid")),
                };
                push(
                    builder,
                    Condition::Checksum {
                        layer: $layer,
                        valid,
                    },
                )
            },
            accepts: &[concat!($name, ":valid;"), concat!($name, ":invalid;")],
            rejects: &[concat!($name, ":maybe;")],
        }
    };
}

pub(super) const KEYWORDS: &[Keyword] = &[
    number!(
        "ttl",
        &[],
        "Time to live, or hop limit.",
        255,
        Condition::Ttl
    ),
    Keyword {
        name: "id",
        aliases: &[],
        doc: "IPv4 identification.",
        parse: |builder, value| {
            let wanted = integer::plain(needed(value)?, 65_535)?;
            push(builder, Condition::IpId(wanted))
        },
        accepts: &["id:5;"],
        rejects: &["id:x;", "id;", "id:>5;", "id:70000;"],
    },
    Keyword {
        name: "l3_proto",
        aliases: &[],
        doc: "Version of IP: ipv4 or ipv6.",
        parse: |builder, value| {
            let v6 = match needed(value)?.to_ascii_lowercase().as_str() {
                "ipv4" | "ip4" => false,
                "ipv6" | "ip6" => true,
                other => return Err(format!("{other:?}: write ipv4 or ipv6")),
            };
            push(builder, Condition::IpVersion { v6 })
        },
        accepts: &["l3_proto:ipv4;", "l3_proto:IPv6;"],
        rejects: &["l3_proto;", "l3_proto:6;"],
    },
    Keyword {
        name: "rpc",
        aliases: &[],
        doc: "A call of ONC RPC: program [, version, procedure], each a number or *.",
        parse: |builder, value| {
            let words = parts(needed(value)?);
            let number = |word: Option<&&str>| match word {
                None | Some(&"*") => Ok(None),
                Some(word) => word
                    .parse::<u32>()
                    .map(Some)
                    .map_err(|_| format!("{word:?} is no number, and not *")),
            };
            if words.len() > 3 {
                return Err("write program, version, procedure".to_owned());
            }
            let program = number(words.first())?.ok_or("the program is a number")?;
            push(
                builder,
                Condition::RpcCall {
                    program,
                    version: number(words.get(1))?,
                    procedure: number(words.get(2))?,
                },
            )
        },
        accepts: &["rpc:100000;", "rpc:100000,2;", "rpc:100000,*,3;"],
        rejects: &["rpc;", "rpc:*;", "rpc:100000,x;", "rpc:1,2,3,4;"],
    },
    Keyword {
        name: "vlan.layers",
        aliases: &[],
        doc: "VLAN tags of the frame, up to 3.",
        parse: |builder, value| {
            let wanted = integer::parse(needed(value)?, u8::MAX.into())?;
            // More tags than that are not looked at.
            let highest = match wanted {
                IntMatch::Equal(n) | IntMatch::NotEqual(n) | IntMatch::Less(n) => n,
                IntMatch::LessEqual(n) | IntMatch::Greater(n) | IntMatch::GreaterEqual(n) => n,
                IntMatch::Between(_, high) => high,
                IntMatch::NotInclusive(_, high) => high + 1,
                IntMatch::Mask { mask, .. } => mask,
                IntMatch::Inclusive(_, high) => high,
            };
            if highest > 3 {
                return Err(format!(
                    "{highest} is more than 3, as many as are looked at"
                ));
            }
            push(builder, Condition::VlanLayers(wanted))
        },
        accepts: &["vlan.layers:2;", "vlan.layers:>1;"],
        rejects: &["vlan.layers:5;", "vlan.layers:x;", "vlan.layers;"],
    },
    number!(
        "vxlan_vni",
        &[],
        "Network identifier of VXLAN.",
        0x00ff_ffff,
        Condition::VxlanVni
    ),
    number!(
        "geneve_vni",
        &[],
        "Network identifier of GENEVE.",
        0x00ff_ffff,
        Condition::GeneveVni
    ),
    checksum!("ipv4-csum", "ipv4"),
    checksum!("tcpv4-csum", "tcpv4"),
    checksum!("tcpv6-csum", "tcpv6"),
    checksum!("udpv4-csum", "udpv4"),
    checksum!("udpv6-csum", "udpv6"),
    checksum!("icmpv4-csum", "icmpv4"),
    checksum!("icmpv6-csum", "icmpv6"),
    Keyword {
        name: "tos",
        aliases: &[],
        doc: "Type of service of IPv4.",
        parse: |builder, value| {
            let value = needed(value)?;
            let (negated, text) = match value.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, value),
            };
            let parsed = match text.strip_prefix(['x', 'X']) {
                Some(hex) => u8::from_str_radix(hex, 16).ok(),
                None => integer::digits(text, 255)
                    .ok()
                    .and_then(|value| value.try_into().ok()),
            };
            let value = parsed.ok_or_else(|| {
                format!("{text:?} is no value from 0 to 255 (xff in hexadecimal)")
            })?;
            push(builder, Condition::Tos { value, negated })
        },
        accepts: &["tos:8;", "tos:!x10;"],
        rejects: &["tos:300;", "tos:xzz;"],
    },
    Keyword {
        name: "ip_proto",
        aliases: &[],
        doc: "IP protocol, by number or name.",
        parse: ip_proto,
        accepts: &["ip_proto:6;", "ip_proto:!tcp;", "ip_proto:>100;"],
        rejects: &[
            "ip_proto:300;",
            "ip_proto:zzz;",
            "ip_proto:6; ip_proto:17;",
            "ip_proto:<6; ip_proto:<17;",
        ],
    },
    Keyword {
        name: "ipopts",
        aliases: &[],
        doc: "An option of IPv4: rr, eol, nop, ts, sec, esec, lsrr, ssrr, satid, any.",
        parse: |builder, value| {
            let kind = match needed(value)?.to_ascii_lowercase().as_str() {
                "any" => return push(builder, Condition::AnyIpOption),
                "eol" => 0,
                "nop" => 1,
                "rr" => 7,
                "qs" => 25,
                "ts" => 68,
                "sec" => 130,
                "lsrr" => 131,
                "esec" => 133,
                "cipso" => 134,
                "satid" => 136,
                "ssrr" => 137,
                "rtralt" => 148,
                other => return Err(format!("{other:?} is no option")),
            };
            push(builder, Condition::IpOption(kind))
        },
        accepts: &["ipopts:lsrr;", "ipopts:any;"],
        rejects: &["ipopts:zzz;"],
    },
    Keyword {
        name: "fragbits",
        aliases: &[],
        doc: "Fragment flags of IPv4: M, D, R, with + * or ! before them.",
        parse: fragbits,
        accepts: &[
            "fragbits:M;",
            "fragbits:+MD;",
            "fragbits:!D;",
            "fragbits:MD*;",
        ],
        rejects: &["fragbits:X;", "fragbits:;", "fragbits:-M;", "fragbits:m;"],
    },
    Keyword {
        name: "fragoffset",
        aliases: &[],
        doc: "Fragment offset of IPv4, in units of 8 bytes: a number, with < or > before it.",
        parse: |builder, value| {
            let value = needed(value)?.trim();
            let (make, number) = match value.strip_prefix(['<', '>']) {
                Some(rest) if value.starts_with('<') => {
                    (IntMatch::Less as fn(u64) -> IntMatch, rest)
                }
                Some(rest) => (IntMatch::Greater as fn(u64) -> IntMatch, rest),
                None => (IntMatch::Equal as fn(u64) -> IntMatch, value),
            };
            let number = integer::digits(number, 65_535)?;
            push(builder, Condition::FragOffset(make(number)))
        },
        accepts: &["fragoffset:5;", "fragoffset:>0;", "fragoffset:< 5;"],
        rejects: &["fragoffset:!5;", "fragoffset:1-5;", "fragoffset:;"],
    },
    Keyword {
        name: "sameip",
        aliases: &[],
        doc: "Source and destination address are the same.",
        parse: |builder, value| {
            nothing(value)?;
            push(builder, Condition::SameIp)
        },
        accepts: &["sameip;"],
        rejects: &["sameip:1;"],
    },
    Keyword {
        name: "vlan.id",
        aliases: &[],
        doc: "VLAN number [, layer (from the inside when negative), any or all].",
        parse: |builder, value| {
            let words = parts(needed(value)?);
            if let [text, layer @ ("all" | "-1" | "-2" | "-3")] = words.as_slice() {
                let index = layer.parse().map_or(Index::All, Index::Nth);
                let value = integer::parse(text, 4_095)?;
                return push(builder, Condition::VlanIds { index, value });
            }
            let (text, layer) = match words.as_slice() {
                [text] | [text, "any"] => (*text, None),
                [text, layer] => (
                    *text,
                    Some(
                        layer
                            .parse::<u8>()
                            .ok()
                            .filter(|layer| *layer < 3)
                            .ok_or_else(|| format!("{layer:?} is no layer: 0 to 2, -1 to -3 from the inside, any, all"))?,
                    ),
                ),
                _ => return Err("write number [, layer]".to_owned()),
            };
            let value = integer::parse(text, 4_095)?;
            push(builder, Condition::VlanId { layer, value })
        },
        accepts: &[
            "vlan.id:300;",
            "vlan.id:300,1;",
            "vlan.id:>10,any;",
            "vlan.id:!5,all;",
            "vlan.id:5,-1;",
        ],
        rejects: &["vlan.id:5000;", "vlan.id:1,9;", "vlan.id:1,-9;"],
    },
];

fn push(builder: &mut Builder<'_>, condition: Condition) -> Result<(), String> {
    builder.signature.conditions.push(condition);
    Ok(())
}

/// Names of IP protocols (IANA “Protocol Numbers”) that rules use.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
];

fn ip_proto(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    if !matches!(
        builder.signature.protocol,
        HeaderProtocol::Ip | HeaderProtocol::Pkthdr
    ) {
        return Err(
            "the header names the protocol already: write alert ip with ip_proto".to_owned(),
        );
    }
    let (comparison, name) = match value.split_at_checked(1) {
        Some(("!", rest)) => (Comparison::NotEqual, rest),
        Some(("<", rest)) => (Comparison::Less, rest),
        Some((">", rest)) => (Comparison::Greater, rest),
        _ => (Comparison::Equal, value),
    };
    let name = name.trim().to_ascii_lowercase();
    let number = name.parse::<u8>().ok().or_else(|| {
        PROTOCOLS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| *number)
    });
    let number =
        number.ok_or_else(|| format!("{name:?} is no IP protocol (0 to 255, or a name)"))?;
    let clashes = |other: &Condition| {
        use Comparison::{Equal, Greater, Less};
        matches!(other, Condition::IpProto { comparison: theirs, .. }
            if matches!((theirs, &comparison), (Equal, _) | (_, Equal) | (Less, Less) | (Greater, Greater)))
    };
    if builder.signature.conditions.iter().any(clashes) {
        return Err("one protocol, or one < and one >, or several with !".to_owned());
    }
    push(builder, Condition::IpProto { comparison, number })
}

fn fragbits(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let (mode, flags) = match value.as_bytes() {
        [b'+', ..] => (FlagMode::All, &value[1..]),
        [b'*', ..] => (FlagMode::Any, &value[1..]),
        [b'!', ..] => (FlagMode::Not, &value[1..]),
        _ => (FlagMode::Exact, value),
    };
    let flags = flags.trim_start();
    let end = flags
        .find(|c| !matches!(c, 'M' | 'D' | 'R'))
        .unwrap_or(flags.len());
    let (flags, rest) = flags.split_at(end);
    if flags.is_empty() {
        return Err(format!(
            "{value:?}: write M, D, R, with + * or ! before them"
        ));
    }
    // The reference engine reads as far as it understands.
    if !rest.trim().is_empty() {
        builder.warnings.push(format!(
            "fragbits: {rest:?} behind the flags changes nothing: + * and ! stand before them"
        ));
    }
    let mask = flags.chars().fold(0, |mask, flag| {
        mask | match flag {
            'M' => 0x2000,
            'D' => 0x4000,
            _ => 0x8000,
        }
    });
    push(builder, Condition::FragBits { mask, mode })
}
