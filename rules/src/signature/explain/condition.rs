//! Conditions on packet, flow and transaction in plain words.

use super::super::{
    AddressSide, AppSide, Comparison, Condition, FlagMode, FlowInt, FlowIntOperation, FlowIntValue,
    FlowSide, HookState, Index, IntMatch, ModbusMatch, ModbusRange, ModbusWanted, StageSide,
    StreamSide, TlsDate, TlsMessages,
};
use super::Language;
use super::bytes::{compare, size};
use crate::{IntFieldSpec, Vocabulary};

fn address_side(side: AddressSide, language: Language) -> &'static str {
    match side {
        AddressSide::Any => language.pick("một trong hai địa chỉ", "either address"),
        AddressSide::Both => language.pick("cả hai địa chỉ", "both addresses"),
        AddressSide::Source => language.pick("địa chỉ nguồn", "the source"),
        AddressSide::Destination => language.pick("địa chỉ đích", "the destination"),
    }
}

/// A condition that needs no bytes of a buffer.
pub fn explain_condition(
    condition: &Condition,
    vocabulary: &Vocabulary,
    language: Language,
) -> String {
    let number = |vietnamese: &str, english: &str, wanted: &IntMatch| {
        format!(
            "{} {}",
            language.pick(vietnamese, english),
            size(wanted, language)
        )
    };
    let say = |vietnamese: &str, english: &str| language.say(vietnamese, english);
    match condition {
        Condition::Ttl(wanted) => number("TTL", "the TTL is", wanted),
        Condition::Tos { value, negated } => {
            let how = if *negated {
                language.pick("khác", "is not")
            } else {
                language.pick("bằng", "is")
            };
            format!(
                "{} {how} {value}",
                say("loại dịch vụ (TOS)", "the type of service")
            )
        }
        Condition::IpId(wanted) => number("số nhận dạng IP", "the IP identification is", wanted),
        Condition::IpProto { comparison, number } => format!(
            "{} {} {number}",
            say("giao thức IP", "the IP protocol is"),
            compare(*comparison, language)
        ),
        Condition::IpOption(kind) => format!(
            "{} {kind}",
            say("có tuỳ chọn IP số", "there is the IP option number")
        ),
        Condition::AnyIpOption => say("có tuỳ chọn IP", "there is some IP option"),
        Condition::FragBits { mask, mode } => flags(
            say("cờ phân mảnh", "fragment flags"),
            u32::from(*mask),
            *mode,
            &[
                (0x8000, "reserved"),
                (0x4000, "don't fragment"),
                (0x2000, "more fragments"),
            ],
            language,
        ),
        Condition::FragOffset(wanted) => number("vị trí mảnh", "the fragment offset is", wanted),
        Condition::SameIp => say(
            "địa chỉ nguồn trùng địa chỉ đích",
            "source and destination address are the same",
        ),
        Condition::IpVersion { v6 } => format!(
            "{} {}",
            say("phiên bản IP là", "the version of IP is"),
            if *v6 { 6 } else { 4 }
        ),
        Condition::RpcCall {
            program,
            version,
            procedure,
        } => {
            let part = |number: &Option<u32>| {
                number.map_or_else(
                    || language.pick("bất kỳ", "any").to_owned(),
                    |n| n.to_string(),
                )
            };
            format!(
                "{} {program}, {} {}, {} {}",
                say("gọi RPC chương trình", "RPC calls program"),
                language.pick("phiên bản", "version"),
                part(version),
                language.pick("thủ tục", "procedure"),
                part(procedure)
            )
        }
        Condition::GeoIp {
            side,
            countries,
            negated,
        } => format!(
            "{} {}: {}{}",
            language.pick("vị trí địa lý của", "where this lies:"),
            address_side(*side, language),
            if *negated {
                language.pick("không ở ", "not in ")
            } else {
                ""
            },
            countries.join(", ")
        ),
        Condition::IpRep {
            side,
            category,
            score,
        } => format!(
            "{} {}, {} {category}: {}",
            language.pick("uy tín của", "the reputation of"),
            address_side(*side, language),
            language.pick("loại", "category"),
            match score {
                Some(score) => size(score, language),
                None => say("không có", "none"),
            }
        ),
        Condition::TcpFlags {
            value,
            mode,
            ignore,
        } => {
            const FLAGS: &[(u32, &str)] = &[
                (1, "FIN"),
                (2, "SYN"),
                (4, "RST"),
                (8, "PSH"),
                (16, "ACK"),
                (32, "URG"),
                (64, "ECE"),
                (128, "CWR"),
            ];
            let told = flags(
                say("cờ TCP", "TCP flags"),
                u32::from(*value),
                *mode,
                FLAGS,
                language,
            );
            let ignored: Vec<&str> = FLAGS
                .iter()
                .filter(|(bit, _)| u32::from(*ignore) & bit != 0)
                .map(|(_, name)| *name)
                .collect();
            if ignored.is_empty() {
                told
            } else {
                format!(
                    "{told}, {} {}",
                    say("không kể", "whatever"),
                    ignored.join(", ")
                )
            }
        }
        Condition::TcpSeq(wanted) => number("số thứ tự TCP", "the TCP sequence number is", wanted),
        Condition::TcpAck(wanted) => {
            number("số xác nhận TCP", "the TCP acknowledgement is", wanted)
        }
        Condition::TcpWindow(wanted) => number("cửa sổ TCP", "the TCP window is", wanted),
        Condition::TcpMss(wanted) => {
            number("MSS của TCP", "the TCP maximum segment size is", wanted)
        }
        Condition::TcpWscale(wanted) => {
            number("hệ số cửa sổ TCP", "the TCP window scale is", wanted)
        }
        Condition::IcmpType(wanted) => number("loại ICMP", "the ICMP type is", wanted),
        Condition::IcmpCode(wanted) => number("mã ICMP", "the ICMP code is", wanted),
        Condition::IcmpId(wanted) => number("số nhận dạng ICMP", "the ICMP identifier is", wanted),
        Condition::IcmpSeq(wanted) => {
            number("số thứ tự ICMP", "the ICMP sequence number is", wanted)
        }
        Condition::Icmpv6Mtu(wanted) => number("MTU của ICMPv6", "the MTU of ICMPv6 is", wanted),
        Condition::Checksum { layer, valid } => {
            let how = if *valid {
                language.pick("đúng", "is right")
            } else {
                language.pick("sai", "is wrong")
            };
            format!(
                "{} {layer} {how}",
                say("tổng kiểm tra của", "the checksum of")
            )
        }
        Condition::PayloadSize(wanted) => number(
            "độ dài dữ liệu của gói tin",
            "the payload's length is",
            wanted,
        ),
        Condition::VlanId { layer, value } => {
            let which = layer.map_or_else(
                || say("một số VLAN", "a VLAN number is"),
                |layer| {
                    format!(
                        "{} {layer}",
                        say("số VLAN ở lớp", "the VLAN number of layer")
                    )
                },
            );
            format!("{which} {}", size(value, language))
        }
        Condition::VlanIds { index, value } => {
            indexed(say("số VLAN", "the VLAN number"), *index, value, language)
        }
        Condition::VlanLayers(wanted) => {
            number("số lớp VLAN", "the number of VLAN layers is", wanted)
        }
        Condition::VxlanVni(wanted) => number("số mạng VXLAN", "the VXLAN network is", wanted),
        Condition::GeneveVni(wanted) => number("số mạng GENEVE", "the GENEVE network is", wanted),
        Condition::DecodeEvent(event) => {
            let name = vocabulary
                .decode_events
                .iter()
                .find(|(_, number)| *number == event)
                .map_or("?", |(name, _)| name);
            format!(
                "{} “{name}”",
                say("gói tin có lỗi giải mã", "decoding the packet raised")
            )
        }
        Condition::StreamEvent(event) => {
            let name = vocabulary
                .stream_events
                .iter()
                .find(|(_, number)| *number == event)
                .map_or("?", |(name, _)| name);
            format!(
                "{} “{name}”",
                say("kết nối TCP có bất thường", "the TCP connection raised")
            )
        }
        Condition::FtpBounce => say(
            "lệnh PORT của FTP chỉ tới máy khác",
            "a PORT command of FTP names another host",
        ),
        Condition::HasFile => say(
            "chiều này có tệp được truyền",
            "a file is under transfer in this direction",
        ),
        Condition::DetectionEvent(name) => format!(
            "{} “{name}”",
            say(
                "việc nhận dạng giao thức báo",
                "finding the protocol raised"
            )
        ),
        Condition::AppEvent { protocol, event } => {
            let prefix = vocabulary.protocol_spec(*protocol).name;
            let name = vocabulary
                .app_events
                .iter()
                .filter(|(_, number)| *number == event)
                .find_map(|(name, _)| name.strip_prefix(prefix)?.strip_prefix('.'))
                .unwrap_or("?");
            match language {
                Language::Vietnamese => format!(
                    "bộ phân tích {} báo bất thường “{name}”",
                    prefix.to_ascii_uppercase()
                ),
                Language::English => format!(
                    "the parser of {} raised “{name}”",
                    prefix.to_ascii_uppercase()
                ),
            }
        }
        Condition::Stage {
            to_server,
            state,
            side,
        } => {
            let name = match state {
                HookState::Started => say("bắt đầu", "its beginning").to_owned(),
                HookState::Complete => say("kết thúc", "its end").to_owned(),
                HookState::Named(name) => format!("\u{201c}{name}\u{201d}"),
            };
            let of = if *to_server {
                say("phía yêu cầu", "the request's side")
            } else {
                say("phía trả lời", "the reply's side")
            };
            let stands = match side {
                StageSide::Before => say("chưa tới bước", "has not come to"),
                StageSide::Behind => say("đã qua bước", "is past"),
            };
            format!("{of} {stands} {name}")
        }
        Condition::IntFieldAmong {
            field,
            numbers,
            negated,
        } => {
            let spec = vocabulary.int_field_spec(*field);
            let values: Vec<String> = numbers.iter().map(|number| named(spec, *number)).collect();
            let how = if *negated {
                language.pick("không phải", "is none of")
            } else {
                language.pick("là một trong", "is one of")
            };
            format!("{} {how} {}", spec.name, values.join(", "))
        }
        Condition::RpcInterface {
            uuid,
            version,
            any_fragment,
        } => {
            let version = version.map_or_else(String::new, |wanted| {
                format!(
                    ", {} {}",
                    say("phiên bản", "version"),
                    size(&wanted, language)
                )
            });
            let fragment = if *any_fragment {
                language.pick(", ở mảnh bất kỳ", ", in any fragment")
            } else {
                ""
            };
            format!(
                "{} {}{version}{fragment}",
                say(
                    "lời gọi DCE/RPC tới giao diện",
                    "the DCE/RPC call is to the interface"
                ),
                self::uuid(uuid)
            )
        }
        Condition::RpcOperation(ranges) => {
            let texts: Vec<String> = ranges
                .iter()
                .map(|&(first, last)| {
                    if first == last {
                        first.to_string()
                    } else {
                        format!("{first}–{last}")
                    }
                })
                .collect();
            format!(
                "{} {}",
                say(
                    "số hiệu thao tác DCE/RPC là",
                    "the number of the DCE/RPC operation is"
                ),
                texts.join(", ")
            )
        }
        Condition::Modbus(wanted) => modbus(wanted, language),
        Condition::CipService {
            service,
            class,
            attribute,
        } => {
            let mut text = format!("{} {service}", say("dịch vụ CIP số", "the CIP service is"));
            if let Some(class) = class {
                text.push_str(&format!(", {} {class}", language.pick("lớp", "class")));
            }
            if let Some(attribute) = attribute {
                text.push_str(&format!(
                    ", {} {attribute}",
                    language.pick("thuộc tính", "attribute")
                ));
            }
            text
        }
        Condition::StreamSize { side, value } => {
            let whose = match side {
                StreamSide::Server => language.pick(
                    "số byte máy chủ đã gửi",
                    "the bytes that the server has sent are",
                ),
                StreamSide::Client => language.pick(
                    "số byte máy khách đã gửi",
                    "the bytes that the client has sent are",
                ),
                StreamSide::Both => language.pick(
                    "số byte mỗi bên đã gửi",
                    "the bytes that each side has sent are",
                ),
                StreamSide::Either => language.pick(
                    "số byte một trong hai bên đã gửi",
                    "the bytes that either side has sent are",
                ),
            };
            format!("{whose} {}", size(value, language))
        }
        Condition::FlowAge(wanted) => number(
            "tuổi của luồng (giây)",
            "the age of the flow in seconds is",
            wanted,
        ),
        Condition::FlowPackets { side, value } => counted(
            language.pick("số gói tin", "the packets"),
            *side,
            value,
            language,
        ),
        Condition::FlowBytes { side, value } => counted(
            language.pick("số byte", "the bytes"),
            *side,
            value,
            language,
        ),
        Condition::AppProtocol {
            name,
            negated,
            side,
        } => {
            let whose = match side {
                AppSide::Direction => language.pick(
                    "giao thức ứng dụng của chiều này",
                    "the application protocol of this direction",
                ),
                AppSide::Either => language.pick(
                    "giao thức ứng dụng của luồng",
                    "the application protocol of the flow",
                ),
                AppSide::ToServer => language.pick(
                    "giao thức ứng dụng chiều tới máy chủ",
                    "the application protocol towards the server",
                ),
                AppSide::ToClient => language.pick(
                    "giao thức ứng dụng chiều tới máy khách",
                    "the application protocol towards the client",
                ),
                AppSide::Final => language.pick(
                    "giao thức ứng dụng cuối cùng",
                    "the last application protocol",
                ),
                AppSide::Original => language.pick(
                    "giao thức ứng dụng ban đầu",
                    "the first application protocol",
                ),
            };
            let how = if *negated {
                language.pick("không phải là", "is not")
            } else {
                language.pick("là", "is")
            };
            format!("{whose} {how} {name}")
        }
        Condition::IntField {
            field,
            value,
            index,
        } => {
            let spec = vocabulary.int_field_spec(*field);
            match (index, value) {
                (Index::Any, IntMatch::Equal(value)) => format!(
                    "{} {} {}",
                    spec.name,
                    language.pick("là", "is"),
                    named(spec, *value)
                ),
                (Index::Any, IntMatch::NotEqual(value)) => format!(
                    "{} {} {}",
                    spec.name,
                    language.pick("không phải là", "is not"),
                    named(spec, *value)
                ),
                _ => indexed(spec.name.to_owned(), *index, value, language),
            }
        }
        Condition::TlsNotBefore(wanted) => format!(
            "{} {}",
            say(
                "ngày bắt đầu hiệu lực của chứng thư số",
                "the certificate begins to be valid"
            ),
            date(*wanted, language)
        ),
        Condition::TlsNotAfter(wanted) => format!(
            "{} {}",
            say(
                "ngày hết hiệu lực của chứng thư số",
                "the certificate ceases to be valid"
            ),
            date(*wanted, language)
        ),
        Condition::TlsVersion(wanted) => {
            let names: Vec<String> = wanted
                .numbers
                .iter()
                .map(|number| tls_version(*number))
                .collect();
            let how = if wanted.negated {
                language.pick("không phải", "is none of")
            } else {
                language.pick("là", "is")
            };
            format!(
                "{} {how} {}",
                say("phiên bản TLS", "the version of TLS"),
                names.join(", ")
            )
        }
        Condition::TlsMessages(wanted) => tls_messages(*wanted, language),
    }
}

/// A value with its name, if it has one.
fn named(spec: &IntFieldSpec, value: u64) -> String {
    match spec.names.iter().find(|(_, number)| *number == value) {
        Some((name, _)) => format!("{value} ({name})"),
        None => value.to_string(),
    }
}

fn indexed(name: String, index: Index, value: &IntMatch, language: Language) -> String {
    let value = size(value, language);
    match (index, language) {
        (Index::Any, _) => format!("{name} {value}"),
        (Index::All, Language::Vietnamese) => format!("mọi {name} đều {value}"),
        (Index::All, Language::English) => format!("every {name} is {value}"),
        (Index::Nth(nth), Language::Vietnamese) => format!("{name} thứ {nth} {value}"),
        (Index::Nth(nth), Language::English) => format!("{name} number {nth} is {value}"),
    }
}

fn flags(
    what: String,
    value: u32,
    mode: FlagMode,
    names: &[(u32, &str)],
    language: Language,
) -> String {
    let set: Vec<&str> = names
        .iter()
        .filter(|(bit, _)| value & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    let set = if set.is_empty() {
        language.say("không cờ nào", "none")
    } else {
        set.join(", ")
    };
    let how = match mode {
        FlagMode::Exact => language.pick("đúng bằng", "exactly"),
        FlagMode::All => language.pick("có đủ", "all of"),
        FlagMode::Any => language.pick("có ít nhất một trong", "any of"),
        FlagMode::Not => language.pick("không có đủ", "not all of"),
    };
    format!("{what}: {how} {set}")
}

fn counted(what: &str, side: FlowSide, value: &IntMatch, language: Language) -> String {
    let whose = match side {
        FlowSide::ToServer => language.pick("tới máy chủ", "towards the server are"),
        FlowSide::ToClient => language.pick("tới máy khách", "towards the client are"),
        FlowSide::Either => language.pick("của một trong hai chiều", "of either direction are"),
    };
    format!("{what} {whose} {}", size(value, language))
}

fn uuid(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn tls_version(number: u16) -> String {
    match number {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", number - 0x0301),
        0x0200 => "SSL 2.0".to_owned(),
        other => format!("{other:#06x}"),
    }
}

fn tls_messages(wanted: TlsMessages, language: Language) -> String {
    const NAMES: &[(u8, &str)] = &[
        (1, "client hello"),
        (2, "server hello"),
        (4, "client key exchange"),
        (8, "server key exchange"),
    ];
    let names = |bits: u8| {
        let names: Vec<&str> = NAMES
            .iter()
            .filter(|(bit, _)| bits & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        names.join(", ")
    };
    let mut parts = Vec::new();
    if wanted.wanted != 0 {
        parts.push(format!(
            "{} {}",
            language.pick(
                "bước bắt tay TLS vừa rồi là",
                "the last step of the TLS handshake is"
            ),
            names(wanted.wanted)
        ));
    }
    if wanted.negated != 0 {
        parts.push(format!(
            "{} {}",
            language.pick(
                "bước bắt tay TLS vừa rồi không phải",
                "the last step of the TLS handshake is not"
            ),
            names(wanted.negated)
        ));
    }
    parts.join(language.pick(" hoặc ", " or "))
}

fn date(wanted: TlsDate, language: Language) -> String {
    match wanted {
        TlsDate::Before(limit) => format!("{} {}", language.pick("tới", "by"), day(limit)),
        TlsDate::After(limit) => format!("{} {}", language.pick("từ", "from"), day(limit)),
        TlsDate::Between(first, last) => format!(
            "{} {} {} {}",
            language.pick("từ", "between"),
            day(first),
            language.pick("đến", "and"),
            day(last)
        ),
        TlsDate::Expired => language.say("đã qua", "in the past"),
        TlsDate::Valid => language.say("chưa tới", "in the future"),
    }
}

/// `2026-11-23 17:30:00` (UTC) of seconds since 1970, by the proleptic Gregorian calendar.
fn day(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted in eras of 400 years that begin on 1 March (Hinnant, “chrono-Compatible Low-Level Date Algorithms”).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

fn modbus(wanted: &ModbusMatch, language: Language) -> String {
    let range = |range: ModbusRange| match range {
        ModbusRange::Is(number) => number.to_string(),
        ModbusRange::Below(bound) => format!("< {bound}"),
        ModbusRange::Above(bound) => format!("> {bound}"),
        ModbusRange::Between(low, high) => format!("> {low}, < {high}"),
    };
    let bits = |value: u8, names: &[(u8, &str)]| {
        let names: Vec<&str> = names
            .iter()
            .filter(|(bit, _)| value & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        names.join(", ")
    };
    let mut parts = Vec::new();
    if let Some(unit) = wanted.unit {
        parts.push(format!(
            "{} {}",
            language.pick("thiết bị", "unit"),
            range(unit)
        ));
    }
    match wanted.wanted {
        ModbusWanted::Anything => {}
        ModbusWanted::Function { code, subfunction } => {
            parts.push(format!(
                "{} {code}",
                language.pick("mã chức năng", "function")
            ));
            if let Some(number) = subfunction {
                parts.push(format!(
                    "{} {number}",
                    language.pick("chức năng con", "subfunction")
                ));
            }
        }
        ModbusWanted::Category(category) => parts.push(format!(
            "{} {}",
            language.pick("loại chức năng", "category"),
            bits(
                category,
                &[
                    (1, "assigned"),
                    (2, "unassigned"),
                    (4, "user-defined"),
                    (8, "reserved")
                ]
            )
        )),
        ModbusWanted::Access {
            write,
            kind,
            address,
            value,
        } => {
            let verb = if write {
                language.pick("ghi", "writes")
            } else {
                language.pick("đọc", "reads")
            };
            let kinds = bits(
                kind,
                &[
                    (4, "discretes"),
                    (8, "coils"),
                    (16, "input"),
                    (32, "holding"),
                ],
            );
            parts.push(if kinds.is_empty() {
                verb.to_owned()
            } else {
                format!("{verb} {kinds}")
            });
            if let Some(address) = address {
                parts.push(format!(
                    "{} {}",
                    language.pick("địa chỉ", "address"),
                    range(address)
                ));
            }
            if let Some(value) = value {
                parts.push(format!(
                    "{} {}",
                    language.pick("giá trị", "value"),
                    range(value)
                ));
            }
        }
    }
    format!(
        "{} {}",
        language.pick("yêu cầu Modbus:", "Modbus request:"),
        parts.join(", ")
    )
}

fn value(value: &FlowIntValue, language: Language) -> String {
    match value {
        FlowIntValue::Literal(number) => number.to_string(),
        FlowIntValue::Variable(name) => {
            format!("{} “{name}”", language.pick("biến", "the variable"))
        }
    }
}

/// What a `flowint` asks; nothing when it only reckons.
pub(super) fn flow_number(int: &FlowInt, language: Language) -> Option<String> {
    let name = format!(
        "{} “{}”",
        language.pick("số đếm của luồng", "the flow's counter"),
        int.name
    );
    Some(match &int.operation {
        FlowIntOperation::IsSet => format!("{name} {}", language.pick("đã có", "is there")),
        FlowIntOperation::NotSet => format!("{name} {}", language.pick("chưa có", "is not there")),
        FlowIntOperation::Compare(comparison, wanted) => {
            let is = match (language, comparison) {
                (Language::English, Comparison::AnyBit | Comparison::NoBit)
                | (Language::Vietnamese, _) => "",
                (Language::English, _) => "is ",
            };
            format!(
                "{name} {is}{} {}",
                compare(*comparison, language),
                value(wanted, language)
            )
        }
        FlowIntOperation::Set(_) | FlowIntOperation::Add(_) | FlowIntOperation::Subtract(_) => {
            return None;
        }
    })
}

/// What a `flowint` reckons.
pub(super) fn flow_count(int: &FlowInt, language: Language) -> Option<String> {
    let name = format!(
        "{} “{}”",
        language.pick("số đếm của luồng", "the flow's counter"),
        int.name
    );
    Some(match &int.operation {
        FlowIntOperation::Set(to) => format!(
            "{} {name} {} {}",
            language.pick("đặt", "sets"),
            language.pick("bằng", "to"),
            value(to, language)
        ),
        FlowIntOperation::Add(by) => format!(
            "{} {name} {} {}",
            language.pick("tăng", "raises"),
            language.pick("thêm", "by"),
            value(by, language)
        ),
        FlowIntOperation::Subtract(by) => format!(
            "{} {name} {} {}",
            language.pick("giảm", "lowers"),
            language.pick("bớt", "by"),
            value(by, language)
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_455_000, "2026-11-23 17:30:00"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(day(seconds), text);
        }
    }
}
