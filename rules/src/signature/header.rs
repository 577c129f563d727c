//! The header of a rule: `alert tcp $HOME_NET any -> [10.0.0.0/8,!10.1.1.1] 80`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::environment::Environment;
use super::hook::{packet_hook, parse_action, transaction_hook};
use super::ranges::{Group, Ranges};
use super::{
    Action, ActionScope, AddressRange, AddressSet, HeaderDirection, HeaderProtocol, Hook, PortSet,
    RejectTo,
};
use crate::Vocabulary;

/// Groups within groups.
const NESTING_LIMIT: usize = 16;
/// Members of all groups of one header field, variables expanded.
const MEMBER_LIMIT: usize = 20_000;

pub(crate) struct Header {
    pub action: Action,
    pub scope: ActionScope,
    pub reject: Option<RejectTo>,
    pub protocol: HeaderProtocol,
    pub hook: Option<Hook>,
    pub source: AddressSet,
    pub source_ports: PortSet,
    pub direction: HeaderDirection,
    pub destination: AddressSet,
    pub destination_ports: PortSet,
}

impl Header {
    /// Of a rule on anything.
    pub fn any() -> Self {
        Header {
            action: Action::Alert,
            scope: ActionScope::Auto,
            reject: None,
            protocol: HeaderProtocol::Ip,
            hook: None,
            source: AddressSet::default(),
            source_ports: PortSet::default(),
            direction: HeaderDirection::Forward,
            destination: AddressSet::default(),
            destination_ports: PortSet::default(),
        }
    }
}

/// A fault of a header: the offset of the word, and the reason.
type HeaderFault = (usize, String);

pub(crate) fn parse(
    words: &[(usize, &str)],
    vocabulary: &Vocabulary,
    environment: &Environment,
) -> Result<Header, Vec<HeaderFault>> {
    let [
        action,
        protocol,
        source,
        source_ports,
        direction,
        destination,
        destination_ports,
    ] = words
    else {
        let at = words.last().map_or(0, |word| word.0);
        let reason = format!(
            "a header has 7 words (action protocol source ports direction destination ports), this one has {}",
            words.len()
        );
        return Err(vec![(at, reason)]);
    };
    let mut faults = Vec::new();
    fn take<T>(
        place: &(usize, &str),
        result: Result<T, String>,
        faults: &mut Vec<(usize, String)>,
    ) -> Option<T> {
        result.map_err(|reason| faults.push((place.0, reason))).ok()
    }
    let action = take(action, parse_action(action.1), &mut faults);
    let parsed_protocol = take(
        protocol,
        parse_protocol(protocol.1, vocabulary),
        &mut faults,
    );
    let source = take(source, parse_addresses(source.1, environment), &mut faults);
    let source_ports = take(
        source_ports,
        parse_ports(source_ports.1, environment),
        &mut faults,
    );
    let direction = take(
        direction,
        match direction.1 {
            "->" => Ok(HeaderDirection::Forward),
            "<>" => Ok(HeaderDirection::Both),
            "=>" => Ok(HeaderDirection::Transactional),
            other => Err(format!("direction {other:?}: write ->, <> or =>")),
        },
        &mut faults,
    );
    let destination = take(
        destination,
        parse_addresses(destination.1, environment),
        &mut faults,
    );
    let destination_ports = take(
        destination_ports,
        parse_ports(destination_ports.1, environment),
        &mut faults,
    );
    match (
        action,
        parsed_protocol,
        source,
        source_ports,
        direction,
        destination,
        destination_ports,
    ) {
        (
            Some((action, reject, scope)),
            Some((protocol, hook)),
            Some(source),
            Some(source_ports),
            Some(direction),
            Some(destination),
            Some(destination_ports),
        ) => Ok(Header {
            action,
            scope,
            reject,
            protocol,
            hook,
            source,
            source_ports,
            direction,
            destination,
            destination_ports,
        }),
        _ => Err(faults),
    }
}

fn parse_protocol(
    word: &str,
    vocabulary: &Vocabulary,
) -> Result<(HeaderProtocol, Option<Hook>), String> {
    let (name, hook) = match word.split_once(':') {
        Some((name, hook)) => (name, Some(hook)),
        None => (word, None),
    };
    let name = name.to_ascii_lowercase();
    let protocol = match name.as_str() {
        "ip" => HeaderProtocol::Ip,
        "ipv4" | "ip4" => HeaderProtocol::Ipv4,
        "ipv6" | "ip6" => HeaderProtocol::Ipv6,
        "tcp" => HeaderProtocol::Tcp,
        "tcp-pkt" => HeaderProtocol::TcpPacket,
        "tcp-stream" => HeaderProtocol::TcpStream,
        "udp" => HeaderProtocol::Udp,
        "icmp" => HeaderProtocol::Icmp,
        "icmpv4" => HeaderProtocol::Icmpv4,
        "icmpv6" => HeaderProtocol::Icmpv6,
        "sctp" => HeaderProtocol::Sctp,
        "pkthdr" => HeaderProtocol::Pkthdr,
        "arp" => HeaderProtocol::Arp,
        "igmp" => HeaderProtocol::IpNumber(2),
        "gre" => HeaderProtocol::IpNumber(47),
        "esp" => HeaderProtocol::IpNumber(50),
        "ah" => HeaderProtocol::IpNumber(51),
        other => match vocabulary.protocol(other) {
            Some(id) => HeaderProtocol::Application(id),
            None => {
                let known = vocabulary.protocols.iter().map(|spec| spec.name).chain([
                    "ip",
                    "tcp",
                    "udp",
                    "icmp",
                    "tcp-pkt",
                    "tcp-stream",
                ]);
                let hint = super::fault::nearest(other, known)
                    .map_or_else(String::new, |near| format!(": is it {near:?}?"));
                return Err(format!("unknown protocol {other:?}{hint}"));
            }
        },
    };
    let hook = match (hook, protocol) {
        (None, _) => None,
        (Some(hook), HeaderProtocol::Application(id)) => {
            Some(transaction_hook(vocabulary.protocol_spec(id).name, hook)?)
        }
        (Some(hook), _) => Some(packet_hook(hook)?),
    };
    Ok((protocol, hook))
}

struct Expansion<'a> {
    environment: &'a Environment,
    members: usize,
    /// Something was negated, however the sum of it reads.
    negated: bool,
}

/// An address group, as headers and `suppress` write it.
pub(crate) fn parse_addresses(word: &str, environment: &Environment) -> Result<AddressSet, String> {
    let mut expansion = Expansion {
        environment,
        members: 0,
        negated: false,
    };
    let group = group(word, 0, &mut expansion, &ADDRESSES)?;
    let negated = expansion.negated;
    if group.is_empty() {
        return Err(format!("{word:?} leaves no address"));
    }
    let ranges = |ranges: &Ranges| {
        ranges
            .iter()
            .map(|&(first, last)| AddressRange {
                first: address(first),
                last: address(last),
            })
            .collect()
    };
    Ok(match group.plain() {
        Some(include) => AddressSet {
            include: ranges(&include),
            exclude: Vec::new(),
            negated,
        },
        None => AddressSet {
            include: Vec::new(),
            exclude: ranges(&group.exclude),
            negated,
        },
    })
}

pub(crate) fn parse_ports(word: &str, environment: &Environment) -> Result<PortSet, String> {
    let group = group(
        word,
        0,
        &mut Expansion {
            environment,
            members: 0,
            negated: false,
        },
        &PORTS,
    )?;
    let all: Ranges = vec![(0, 65_535)];
    let ranges = match group.plain() {
        Some(ranges) => ranges,
        None if group.exclude.is_empty() => return Ok(PortSet::default()),
        None => super::ranges::difference(&all, &group.exclude),
    };
    if ranges.is_empty() {
        return Err(format!("{word:?} leaves no port"));
    }
    if ranges == all {
        return Ok(PortSet::default());
    }
    Ok(PortSet {
        ranges: ranges
            .into_iter()
            .map(|(first, last)| (first as u16, last as u16))
            .collect(),
    })
}

/// How members and variables of one kind of group are read.
struct Kind {
    variables: fn(&Environment) -> &std::collections::BTreeMap<String, String>,
    member: fn(&str) -> Result<Ranges, String>,
    key: &'static str,
}

const ADDRESSES: Kind = Kind {
    variables: |environment| &environment.addresses,
    member: address_member,
    key: "vars.address-groups",
};
const PORTS: Kind = Kind {
    variables: |environment| &environment.ports,
    member: port_member,
    key: "vars.port-groups",
};

fn group(
    text: &str,
    depth: usize,
    expansion: &mut Expansion<'_>,
    kind: &Kind,
) -> Result<Group, String> {
    if depth > NESTING_LIMIT {
        return Err(format!(
            "groups or variables nest deeper than {NESTING_LIMIT}"
        ));
    }
    expansion.members += 1;
    if expansion.members > MEMBER_LIMIT {
        return Err(format!("more than {MEMBER_LIMIT} members"));
    }
    let text = text.trim();
    // Several members without the brackets around them are a group, too.
    if split_members(text)?.len() > 1 {
        return members(text, depth, expansion, kind);
    }
    if let Some(rest) = text.strip_prefix('!') {
        expansion.negated = true;
        let rest = rest.trim_start();
        if rest == "any" {
            return Err("!any leaves nothing".to_owned());
        }
        if rest.starts_with('!') {
            return Err("a double negation: leave both out".to_owned());
        }
        return Ok(group(rest, depth + 1, expansion, kind)?.negate());
    }
    if text.eq_ignore_ascii_case("any") {
        return Ok(Group::any());
    }
    if let Some(name) = text.strip_prefix('$') {
        let variables = (kind.variables)(expansion.environment);
        let Some(value) = variables.get(name) else {
            let hint = super::fault::nearest(name, variables.keys().map(String::as_str))
                .map_or_else(String::new, |near| format!("; is it ${near}?"));
            return Err(format!(
                "variable ${name} is not set (set {}.{name}){hint}",
                kind.key
            ));
        };
        return group(&value.clone(), depth + 1, expansion, kind)
            .map_err(|reason| format!("${name}: {reason}"));
    }
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner
            .strip_suffix(']')
            .ok_or("a group is not closed with ]")?;
        return members(inner, depth, expansion, kind);
    }
    (kind.member)(text).map(Group::of)
}

/// The members of a group: what is in one of those without `!`, and in none of the others.
fn members(
    inner: &str,
    depth: usize,
    expansion: &mut Expansion<'_>,
    kind: &Kind,
) -> Result<Group, String> {
    let mut positive: Option<Group> = None;
    let mut negative = Group::any();
    let mut count = 0;
    for member in split_members(inner)? {
        if member.is_empty() {
            return Err("an empty member in a group".to_owned());
        }
        count += 1;
        let negated = member.starts_with('!');
        let parsed = group(member, depth + 1, expansion, kind)?;
        if negated {
            negative = negative.and(parsed);
        } else {
            positive = Some(match positive {
                Some(before) => before.or(parsed),
                None => parsed,
            });
        }
    }
    if count == 0 {
        return Err("an empty group".to_owned());
    }
    Ok(positive.unwrap_or_else(Group::any).and(negative))
}

/// Members at the top level of a group.
fn split_members(inner: &str) -> Result<Vec<&str>, String> {
    let mut members = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1).ok_or("a ] without its [")?,
            ',' if depth == 0 => {
                members.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a group is not closed with ]".to_owned());
    }
    members.push(inner[start..].trim());
    Ok(members)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn address(number: u128) -> IpAddr {
    let v6 = Ipv6Addr::from(number);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
}

fn address_member(text: &str) -> Result<Ranges, String> {
    let parse = |text: &str| {
        text.trim()
            .parse::<IpAddr>()
            .map_err(|_| format!("{text:?} is no IP address"))
    };
    if let Some((base, prefix)) = text.split_once('/') {
        let base = parse(base)?;
        let (bits, base) = match base {
            IpAddr::V4(v4) => (32, IpAddr::V4(v4)),
            v6 => (128, v6),
        };
        let length: u32 = match prefix.parse::<u32>() {
            Ok(length) if length <= bits => length,
            _ => match prefix.parse::<Ipv4Addr>() {
                // A netmask (255.255.0.0): ones, then zeros.
                Ok(mask)
                    if bits == 32
                        && u32::from(mask).leading_ones()
                            + u32::from(mask).trailing_zeros().min(32)
                            == 32 =>
                {
                    u32::from(mask).leading_ones()
                }
                _ => return Err(format!("{text:?}: the prefix is a number up to {bits}")),
            },
        };
        let host = bits - length;
        let hosts = if host == 128 {
            u128::MAX
        } else {
            (1u128 << host) - 1
        };
        let first = number(base) & !hosts;
        return Ok(without_mapped(base, first, first | hosts));
    }
    if let Some((first, last)) = text.split_once('-') {
        let base = parse(first)?;
        let (first, last) = (number(base), number(parse(last)?));
        return if first <= last {
            Ok(without_mapped(base, first, last))
        } else {
            Err(format!("{text:?}: the range ends before it begins"))
        };
    }
    let only = number(parse(text)?);
    Ok(vec![(only, only)])
}

/// IPv4 lies among the numbers of IPv6, at `::ffff:0:0/96`: a range of IPv6 around it (`::/0`) leaves it out.
fn without_mapped(base: IpAddr, first: u128, last: u128) -> Ranges {
    const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);
    if base.is_ipv6() && first < MAPPED.0 && last > MAPPED.1 {
        vec![(first, MAPPED.0 - 1), (MAPPED.1 + 1, last)]
    } else {
        vec![(first, last)]
    }
}

fn port_member(text: &str) -> Result<Ranges, String> {
    let parse = |text: &str| {
        text.trim()
            .parse::<u16>()
            .map(u128::from)
            .map_err(|_| format!("{text:?} is no port (0 to 65535)"))
    };
    let (first, last) = match text.split_once(':') {
        Some((first, last)) => (
            if first.trim().is_empty() {
                0
            } else {
                parse(first)?
            },
            if last.trim().is_empty() {
                65_535
            } else {
                parse(last)?
            },
        ),
        None => {
            let only = parse(text)?;
            (only, only)
        }
    };
    if first <= last {
        Ok(vec![(first, last)])
    } else {
        Err(format!("{text:?}: the range ends before it begins"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Result<Vec<(u16, u16)>, String> {
        parse_ports(text, &Environment::default()).map(|set| set.ranges)
    }

    #[test]
    fn port_groups() {
        let rows: [(&str, &[(u16, u16)]); 9] = [
            ("any", &[]),
            ("80", &[(80, 80)]),
            ("$HTTP_PORTS", &[(80, 80)]),
            ("!80", &[(0, 79), (81, 65535)]),
            ("[1024:,!8080]", &[(1024, 8079), (8081, 65535)]),
            ("[20:25,22:30,![24,26]]", &[(20, 23), (25, 25), (27, 30)]),
            (":1023", &[(0, 1023)]),
            // The outermost brackets may be left out.
            ("80,81", &[(80, 81)]),
            ("80:90,!85", &[(80, 84), (86, 90)]),
        ];
        for (text, expected) in rows {
            assert_eq!(ports(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "70000", "[80", "[80,!80]", "$NOPE", "!any", "90:80", "80,", "[]",
        ] {
            assert!(ports(text).is_err(), "{text}");
        }
    }

    #[test]
    fn address_groups() {
        let parse = |text: &str| parse_addresses(text, &Environment::default());
        let home = parse("$HOME_NET").expect("set");
        assert_eq!(home.include.len(), 3);
        assert_eq!(parse("$EXTERNAL_NET").expect("set").exclude, home.include);
        assert_eq!(parse("!$EXTERNAL_NET").expect("set").include, home.include);
        let cut = parse("[10.0.0.0/24,!10.0.0.128/25]").expect("a group");
        assert_eq!(
            cut.include,
            [AddressRange {
                first: "10.0.0.0".parse().expect("ip"),
                last: "10.0.0.127".parse().expect("ip")
            }]
        );
        for (address, member) in [("10.0.0.1", true), ("10.0.0.200", false), ("::1", false)] {
            assert_eq!(
                cut.contains(address.parse().expect("ip")),
                member,
                "{address}"
            );
        }
        assert!(parse("any").expect("a set").is_any() && !cut.is_any());
        assert_eq!(parse("2001:db8::/32").expect("v6").include.len(), 1);
        assert_eq!(parse("10.0.0.0/255.0.0.0"), parse("10.0.0.0/8"));
        // Whether 192.0.2.1 and 2001:db8::1 are in the set.
        for (text, v4, v6) in [
            ("0.0.0.0/0", true, false),
            ("::/0", false, true),
            ("::-ffff::", false, true),
            ("!::/0", true, false),
            ("!0.0.0.0/0", false, true),
            ("[0.0.0.0/0,::/0]", true, true),
            ("[::/0,192.0.2.0/24]", true, true),
            ("[any,!::/0]", true, false),
        ] {
            let set = parse(text).expect(text);
            let within = |ranges: &[AddressRange], address: &str| {
                let address = number(address.parse().expect("ip"));
                ranges
                    .iter()
                    .any(|one| (number(one.first)..=number(one.last)).contains(&address))
            };
            let holds = |address| {
                (set.include.is_empty() || within(&set.include, address))
                    && !within(&set.exclude, address)
            };
            assert_eq!(
                (holds("192.0.2.1"), holds("2001:db8::1")),
                (v4, v6),
                "{text}"
            );
        }
        for text in [
            "10.0.0.0/33",
            "host",
            "[10.0.0.1,!10.0.0.0/8]",
            "10.0.0.2-10.0.0.1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loops_of_variables_end() {
        let mut environment = Environment::default();
        environment.set_address_group("A", "[$B,$B]");
        environment.set_address_group("B", "[$A,$A]");
        assert!(parse_addresses("$A", &environment).is_err());
    }
}
