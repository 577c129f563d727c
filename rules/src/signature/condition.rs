//! Whether a [`Condition`] holds of the traffic under inspection.

use std::cmp::Ordering;

use super::{
    AddressSide, AppSide, Comparison, Condition, FlagMode, FlowSide, Index, IntMatch, ModbusMatch,
    ModbusRange, ModbusWanted, StageSide, StreamSide, TlsDate, TlsVersions,
};
use crate::{Address, FlowState, HOLE, Subject};

/// Values of one number field that are looked at.
const FIELD_VALUES: usize = 256;

impl Condition {
    /// Whether the condition holds. A question that has no answer (the TTL of an ARP packet) does not.
    pub fn holds(&self, subject: &dyn Subject) -> bool {
        let number = |value: Option<u64>, wanted: &IntMatch| {
            value.is_some_and(|value| wanted.matches(value))
        };
        match self {
            Condition::Ttl(wanted) => number(subject.ttl().map(u64::from), wanted),
            Condition::Tos { value, negated } => {
                subject.tos().is_some_and(|tos| (tos == *value) != *negated)
            }
            Condition::IpId(wanted) => number(subject.ip_id().map(u64::from), wanted),
            Condition::IpProto { comparison, number } => {
                subject.ip_proto().is_some_and(|proto| match comparison {
                    Comparison::NotEqual => proto != *number,
                    Comparison::Less => proto < *number,
                    Comparison::Greater => proto > *number,
                    Comparison::LessEqual => proto <= *number,
                    Comparison::GreaterEqual => proto >= *number,
                    Comparison::Equal | Comparison::AnyBit | Comparison::NoBit => proto == *number,
                })
            }
            Condition::IpOption(kind) => subject.has_ip_option(*kind) == Some(true),
            Condition::AnyIpOption => {
                (1..=u8::MAX).any(|kind| subject.has_ip_option(kind) == Some(true))
            }
            Condition::FragBits { mask, mode } => subject
                .fragment_word()
                .is_some_and(|word| flags_match(u32::from(word & 0xe000), u32::from(*mask), *mode)),
            Condition::FragOffset(wanted) => number(
                subject.fragment_word().map(|word| u64::from(word & 0x1fff)),
                wanted,
            ),
            Condition::SameIp => {
                let source = subject.address(Address::Source);
                source.is_some() && source == subject.address(Address::Destination)
            }
            Condition::IpVersion { v6 } => subject.is_ipv6() == Some(*v6),
            Condition::RpcCall {
                program,
                version,
                procedure,
            } => subject.rpc_call().is_some_and(|call| {
                call[0] == *program
                    && version.is_none_or(|wanted| call[1] == wanted)
                    && procedure.is_none_or(|wanted| call[2] == wanted)
            }),
            Condition::GeoIp {
                side,
                countries,
                negated,
            } => of_addresses(*side, |address| {
                subject
                    .country(address)
                    .is_some_and(|found| countries.iter().any(|one| one == found) != *negated)
            }),
            Condition::IpRep {
                side,
                category,
                score,
            } => of_addresses(*side, |address| {
                match (subject.reputation(address, *category), score) {
                    (Some(found), Some(score)) => score.matches(u64::from(found)),
                    (found, None) => found.is_none(),
                    (None, Some(_)) => false,
                }
            }),
            Condition::TcpFlags {
                value,
                mode,
                ignore,
            } => subject.tcp_flags().is_some_and(|flags| {
                may_have_flags(flags, *value)
                    && flags_match(u32::from(flags & !ignore), u32::from(*value), *mode)
            }),
            Condition::TcpSeq(wanted) => number(subject.tcp_seq().map(u64::from), wanted),
            Condition::TcpAck(wanted) => number(subject.tcp_ack().map(u64::from), wanted),
            Condition::TcpWindow(wanted) => number(subject.tcp_window().map(u64::from), wanted),
            Condition::TcpMss(wanted) => number(subject.tcp_mss().map(u64::from), wanted),
            Condition::TcpWscale(wanted) => number(subject.tcp_wscale().map(u64::from), wanted),
            Condition::IcmpType(wanted) => number(subject.icmp_type().map(u64::from), wanted),
            Condition::IcmpCode(wanted) => number(subject.icmp_code().map(u64::from), wanted),
            Condition::IcmpId(wanted) => number(subject.icmp_id().map(u64::from), wanted),
            Condition::IcmpSeq(wanted) => number(subject.icmp_seq().map(u64::from), wanted),
            Condition::Icmpv6Mtu(wanted) => number(subject.icmpv6_mtu().map(u64::from), wanted),
            Condition::Checksum { layer, valid } => subject.checksum_valid(layer) == Some(*valid),
            Condition::PayloadSize(wanted) => {
                number(subject.payload_len().map(|length| length as u64), wanted)
            }
            Condition::VlanId {
                layer: Some(layer),
                value,
            } => number(subject.vlan_id(usize::from(*layer)).map(u64::from), value),
            Condition::VlanId { layer: None, value } => (0..usize::from(subject.vlan_layers()))
                .any(|layer| number(subject.vlan_id(layer).map(u64::from), value)),
            Condition::VlanIds { index, value } => {
                let layers = usize::from(subject.vlan_layers());
                let holds = |layer: usize| number(subject.vlan_id(layer).map(u64::from), value);
                match index {
                    Index::Any => (0..layers).any(holds),
                    Index::All => layers > 0 && (0..layers).all(holds),
                    Index::Nth(nth) => {
                        let nth = *nth as isize;
                        let from = if nth < 0 { layers } else { 0 };
                        from.checked_add_signed(nth)
                            .is_some_and(|layer| layer < layers && holds(layer))
                    }
                }
            }
            Condition::VlanLayers(wanted) => wanted.matches(u64::from(subject.vlan_layers())),
            Condition::VxlanVni(wanted) => number(subject.vxlan_vni().map(u64::from), wanted),
            Condition::GeneveVni(wanted) => number(subject.geneve_vni().map(u64::from), wanted),
            Condition::DecodeEvent(event) => subject.decode_event(*event),
            Condition::StreamEvent(event) => subject.stream_event(*event),
            Condition::FtpBounce => subject.is_ftp_bounce(),
            Condition::HasFile => subject.has_file(),
            Condition::DetectionEvent(name) => subject.detection_event(name),
            Condition::AppEvent { event, .. } => subject.app_event(*event),
            Condition::Stage { state, side, .. } => {
                let wanted = match side {
                    StageSide::Before => Ordering::Less,
                    StageSide::Behind => Ordering::Greater,
                };
                subject.stage(state) == Some(wanted)
            }
            Condition::IntFieldAmong {
                field,
                numbers,
                negated,
            } => (0..FIELD_VALUES)
                .map_while(|nth| subject.int_field(*field, nth))
                .any(|number| number != HOLE && numbers.contains(&number) != *negated),
            Condition::RpcInterface {
                uuid,
                version,
                any_fragment,
            } => (0..)
                .map_while(|nth| subject.rpc_interface(nth))
                .any(|one| {
                    one.uuid == *uuid
                        && (*any_fragment || one.first_fragment)
                        && version
                            .as_ref()
                            .is_none_or(|wanted| wanted.matches(u64::from(one.version)))
                }),
            Condition::RpcOperation(ranges) => subject.rpc_operation().is_some_and(|operation| {
                let operation = u32::from(operation);
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&operation))
            }),
            Condition::Modbus(wanted) => modbus(subject, wanted),
            Condition::CipService {
                service,
                class,
                attribute,
            } => subject.cip_service(*service, *class, *attribute),
            Condition::StreamSize { side, value } => {
                subject
                    .stream_sizes()
                    .is_some_and(|(client, server)| match side {
                        StreamSide::Client => value.matches(client),
                        StreamSide::Server => value.matches(server),
                        StreamSide::Both => value.matches(client) && value.matches(server),
                        StreamSide::Either => value.matches(client) || value.matches(server),
                    })
            }
            Condition::FlowAge(wanted) => {
                number(subject.flow().map(|flow| flow.age_seconds), wanted)
            }
            Condition::FlowPackets { side, value } => flow_count(subject, *side, value, |flow| {
                (flow.packets_to_server, flow.packets_to_client)
            }),
            Condition::FlowBytes { side, value } => flow_count(subject, *side, value, |flow| {
                (flow.bytes_to_server, flow.bytes_to_client)
            }),
            Condition::AppProtocol {
                name,
                negated,
                side,
            } => app_protocol(subject, name, *negated, *side),
            Condition::IntField {
                field,
                value,
                index,
            } => {
                let nth = |nth: usize| subject.int_field(*field, nth);
                let holds = |number: u64| number != HOLE && value.matches(number);
                match index {
                    Index::Any => (0..FIELD_VALUES).map_while(nth).any(holds),
                    // Of none, all match: a request without an answer has none that differs.
                    Index::All => (0..FIELD_VALUES)
                        .map_while(nth)
                        .all(|n| n == HOLE || value.matches(n)),
                    Index::Nth(at) if *at >= 0 => nth(*at as usize).is_some_and(holds),
                    Index::Nth(at) => {
                        let count = (0..FIELD_VALUES).map_while(nth).count() as i64;
                        usize::try_from(count + i64::from(*at))
                            .ok()
                            .and_then(nth)
                            .is_some_and(holds)
                    }
                }
            }
            Condition::TlsNotBefore(date) => subject
                .tls_validity()
                .is_some_and(|(from, _)| date_matches(date, from, subject.packet_seconds())),
            Condition::TlsNotAfter(date) => subject
                .tls_validity()
                .is_some_and(|(_, to)| date_matches(date, to, subject.packet_seconds())),
            Condition::TlsVersion(versions) => subject
                .tls_version()
                .is_some_and(|version| version_matches(versions, version)),
            Condition::TlsMessages(messages) => subject
                .tls_messages()
                .is_some_and(|seen| (messages.wanted & seen) ^ messages.negated != 0),
        }
    }
}

impl Condition {
    /// Whether the condition asks about a transaction.
    pub fn is_of_transaction(&self) -> bool {
        matches!(
            self,
            Condition::IntField { .. }
                | Condition::AppEvent { .. }
                | Condition::Stage { .. }
                | Condition::RpcInterface { .. }
                | Condition::RpcOperation(_)
                | Condition::TlsNotBefore(_)
                | Condition::TlsNotAfter(_)
                | Condition::TlsVersion(_)
                | Condition::TlsMessages(_)
                | Condition::IntFieldAmong { .. }
                | Condition::FtpBounce
                | Condition::HasFile
                | Condition::CipService { .. }
                | Condition::Modbus(_)
        )
    }

    /// Whether the condition asks for a packet itself, so that the rule looks at packets and not at streams.
    pub fn wants_packet(&self) -> bool {
        !self.is_of_transaction()
            && !matches!(
                self,
                Condition::GeoIp { .. }
                    | Condition::IpRep { .. }
                    | Condition::Checksum { .. }
                    | Condition::DecodeEvent(_)
                    | Condition::StreamEvent(_)
                    | Condition::DetectionEvent(_)
                    | Condition::StreamSize { .. }
                    | Condition::AppProtocol { .. }
            )
    }
}

fn of_addresses(side: AddressSide, holds: impl Fn(Address) -> bool) -> bool {
    match side {
        AddressSide::Any => holds(Address::Source) || holds(Address::Destination),
        AddressSide::Both => holds(Address::Source) && holds(Address::Destination),
        AddressSide::Source => holds(Address::Source),
        AddressSide::Destination => holds(Address::Destination),
    }
}

/// Rules that name FIN, SYN or RST, even to rule them out, are for packets that open or close; those that name URG, ECE or
/// CWR for packets with one of these. (What 8.0.6 does before it compares.)
fn may_have_flags(flags: u8, named: u8) -> bool {
    const ENDS: u8 = 0x07;
    const UNUSUAL: u8 = 0xe0;
    let holds = |group| named & group == 0 || flags & group != 0;
    holds(ENDS) && holds(UNUSUAL)
}

fn flags_match(flags: u32, wanted: u32, mode: FlagMode) -> bool {
    match mode {
        FlagMode::Exact => flags == wanted,
        FlagMode::All => flags & wanted == wanted,
        FlagMode::Any => flags & wanted != 0,
        FlagMode::Not => flags & wanted != wanted,
    }
}

fn flow_count(
    subject: &dyn Subject,
    side: FlowSide,
    wanted: &IntMatch,
    counts: fn(&FlowState) -> (u64, u64),
) -> bool {
    subject.flow().is_some_and(|flow| {
        let (to_server, to_client) = counts(&flow);
        match side {
            FlowSide::ToServer => wanted.matches(to_server),
            FlowSide::ToClient => wanted.matches(to_client),
            FlowSide::Either => wanted.matches(to_server) || wanted.matches(to_client),
        }
    })
}

fn app_protocol(subject: &dyn Subject, name: &str, negated: bool, side: AppSide) -> bool {
    let Some(found) = subject.app_protocols() else {
        return false;
    };
    let to_server = subject.flow().is_none_or(|flow| flow.to_server);
    let candidates = match side {
        AppSide::ToServer => [Some(found.to_server), None],
        AppSide::ToClient => [Some(found.to_client), None],
        AppSide::Direction if to_server => [Some(found.to_server), None],
        AppSide::Direction => [Some(found.to_client), None],
        AppSide::Final => [Some(found.last), None],
        AppSide::Original => [found.original, None],
        AppSide::Either => [Some(found.to_server), Some(found.to_client)],
    };
    let holds = candidates
        .into_iter()
        .flatten()
        .any(|found| is_protocol(found, name));
    // Of what is not known yet nothing can be denied.
    let known = candidates
        .into_iter()
        .flatten()
        .any(|found| found != "unknown");
    if negated { known && !holds } else { holds }
}

/// Whether a flow of one protocol counts as one of another: those that carry its messages.
fn is_protocol(found: &str, wanted: &str) -> bool {
    found == wanted
        || matches!(
            (wanted, found),
            ("dns", "doh2")
                | ("http2", "doh2")
                | ("doh2", "http2" | "dns" | "http")
                | ("http", "http2")
                // The protocol with the name "http" is version 1.
                | ("http1", "http")
                | ("dcerpc", "smb")
        )
}

fn date_matches(date: &TlsDate, value: i64, now: i64) -> bool {
    match *date {
        TlsDate::Before(limit) => value <= limit,
        TlsDate::After(limit) => value >= limit,
        TlsDate::Between(from, to) => from <= value && value <= to,
        TlsDate::Expired => value < now,
        TlsDate::Valid => value >= now,
    }
}

fn version_matches(versions: &TlsVersions, version: u16) -> bool {
    const TLS13: u16 = 0x0304;
    let is_draft = version >> 8 == 0x7f;
    let version = if is_draft && versions.drafts {
        TLS13
    } else {
        version
    };
    // A number that is no version is not another version either.
    let known = is_draft || version == 0x0200 || (0x0300..=TLS13).contains(&version);
    versions.numbers.contains(&version) != versions.negated && (known || !versions.negated)
}

fn modbus(subject: &dyn Subject, wanted: &ModbusMatch) -> bool {
    let Some(facts) = subject.modbus() else {
        return false;
    };
    if wanted
        .unit
        .is_some_and(|unit| !unit.matches(facts.unit.into()))
    {
        return false;
    }
    match wanted.wanted {
        ModbusWanted::Anything => true,
        ModbusWanted::Function { code, subfunction } => {
            facts.function == code
                && subfunction.is_none_or(|number| facts.subfunction == Some(number))
        }
        ModbusWanted::Category(bits) => facts.category & bits != 0,
        ModbusWanted::Access {
            write,
            kind,
            address,
            value,
        } => {
            let access = if write { 2 } else { 1 };
            facts.access & access != 0
                && (kind == 0 || facts.access & kind != 0)
                && address.is_none_or(|address| {
                    facts
                        .addresses
                        .is_some_and(|(first, last)| address.meets(first, last))
                })
                && value.is_none_or(|value| match address {
                    Some(ModbusRange::Is(at)) => subject
                        .modbus_value(at)
                        .is_some_and(|written| value.matches(written)),
                    _ => false,
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TlsMessages;
    use super::*;

    use crate::AppProtocols;

    struct Packet;
    impl Subject for Packet {
        fn ttl(&self) -> Option<u8> {
            Some(64)
        }
        fn tcp_flags(&self) -> Option<u8> {
            Some(0x12)
        }
        fn app_protocols(&self) -> Option<AppProtocols> {
            Some(AppProtocols {
                last: "http",
                original: None,
                to_server: "http",
                to_client: "unknown",
            })
        }
    }

    #[test]
    fn conditions_on_a_packet() {
        let flags = |value, mode, ignore| Condition::TcpFlags {
            value,
            mode,
            ignore,
        };
        let app = |name: &str, negated, side| Condition::AppProtocol {
            name: name.to_owned(),
            negated,
            side,
        };
        let rows = [
            (Condition::Ttl(IntMatch::Less(65)), true),
            (Condition::Ttl(IntMatch::Greater(64)), false),
            (
                Condition::Tos {
                    value: 1,
                    negated: true,
                },
                false,
            ),
            (flags(0x12, FlagMode::Exact, 0), true),
            (flags(0x02, FlagMode::Exact, 0), false),
            (flags(0x02, FlagMode::Exact, 0x10), true),
            (flags(0x02, FlagMode::All, 0), true),
            (flags(0x03, FlagMode::Any, 0), true),
            (flags(0x01, FlagMode::Not, 0), true),
            (app("http", false, AppSide::Either), true),
            (app("tls", true, AppSide::Either), true),
            (app("http", false, AppSide::ToClient), false),
        ];
        for (condition, expected) in rows {
            assert_eq!(condition.holds(&Packet), expected, "{condition:?}");
        }
    }

    #[test]
    fn versions_and_messages_of_tls() {
        struct Session(u16, u8);
        impl Subject for Session {
            fn tls_version(&self) -> Option<u16> {
                Some(self.0)
            }
            fn tls_messages(&self) -> Option<u8> {
                Some(self.1)
            }
        }
        let versions = |numbers: &[u16], negated, drafts| {
            Condition::TlsVersion(TlsVersions {
                numbers: numbers.to_vec(),
                negated,
                drafts,
            })
        };
        let messages = |wanted, negated| Condition::TlsMessages(TlsMessages { wanted, negated });
        let rows = [
            (versions(&[0x0303], false, true), 0x0303, true),
            (versions(&[0x0301, 0x0303], false, true), 0x0302, false),
            (versions(&[0x0303], true, true), 0x0301, true),
            (versions(&[0x0303], true, true), 0x0999, false),
            (versions(&[0x0304], false, true), 0x7f12, true),
            (versions(&[0x0304], false, false), 0x7f12, false),
            (versions(&[0x7f12], false, false), 0x7f12, true),
            (messages(1, 0), 1, true),
            (messages(2, 0), 1, false),
            (messages(1, 1), 0, true),
            (messages(1, 1), 1, false),
        ];
        for (condition, number, expected) in rows {
            let session = Session(number, number as u8);
            assert_eq!(condition.holds(&session), expected, "{condition:?}");
        }
    }

    #[test]
    fn numbers_of_nested_vlans() {
        struct Tagged(&'static [u16]);
        impl Subject for Tagged {
            fn vlan_id(&self, layer: usize) -> Option<u16> {
                self.0.get(layer).copied()
            }
            fn vlan_layers(&self) -> u8 {
                self.0.len() as u8
            }
        }
        let rows = [
            (Index::All, IntMatch::Greater(100), true),
            (Index::All, IntMatch::Equal(200), false),
            (Index::Any, IntMatch::Equal(200), true),
            (Index::Nth(-1), IntMatch::Equal(300), true),
            (Index::Nth(-3), IntMatch::Greater(0), false),
            (Index::Nth(0), IntMatch::Equal(200), true),
        ];
        for (index, value, expected) in rows {
            let condition = Condition::VlanIds { index, value };
            assert_eq!(
                condition.holds(&Tagged(&[200, 300])),
                expected,
                "{condition:?}"
            );
            assert!(
                !condition.holds(&Tagged(&[])),
                "{condition:?} without a VLAN"
            );
        }
    }

    #[test]
    fn what_a_transaction_alone_can_answer_is_asked_of_transactions() {
        use super::super::{ModbusMatch, ModbusWanted};
        let of_transaction = [
            Condition::Modbus(ModbusMatch {
                unit: None,
                wanted: ModbusWanted::Anything,
            }),
            Condition::CipService {
                service: 1,
                class: None,
                attribute: None,
            },
            Condition::HasFile,
        ];
        for condition in of_transaction {
            assert!(condition.is_of_transaction(), "{condition:?}");
            assert!(!condition.wants_packet(), "{condition:?}");
        }
    }
}
