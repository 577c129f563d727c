//! A signature in plain words, for people who write and read rules.

use super::{
    Action, AddressSet, BitOperation, BufferCondition, Content, HeaderDirection, HeaderProtocol,
    Hook, IntMatch, Number, PortSet, Signature, Source, Threshold, Track,
};
use crate::Vocabulary;

/// The language of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Vietnamese,
    English,
}

impl Language {
    fn pick<'a>(self, vietnamese: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }
}

/// What a signature does, a sentence a line, in the order in which it is looked at.
pub fn explain(signature: &Signature, vocabulary: &Vocabulary, language: Language) -> Vec<String> {
    let say = |vietnamese: &str, english: &str| language.pick(vietnamese, english).to_owned();
    let mut lines = Vec::new();
    lines.push(match signature.action {
        Action::Alert => say("Cảnh báo khi khớp.", "Alerts when it matches."),
        Action::Pass => say(
            "Khi khớp thì bỏ qua: không luật nào sau đó cảnh báo nữa.",
            "Lets pass when it matches: no rule behind it alerts.",
        ),
        Action::Drop | Action::Reject => say(
            "Cảnh báo khi khớp (cảm biến chỉ nghe, không chặn gói tin).",
            "Alerts when it matches (the sensor only listens, it blocks nothing).",
        ),
        Action::Config => say(
            "Không cảnh báo, chỉ đổi việc ghi nhật ký.",
            "Does not alert, it changes what is logged.",
        ),
    });
    if !signature.alerts && matches!(signature.action, Action::Alert | Action::Drop) {
        lines.push(say(
            "Không hiện cảnh báo: luật chỉ ghi nhớ cho luật khác.",
            "Shows no alert: it only remembers something for other rules.",
        ));
    }
    lines.push(header(signature, vocabulary, language));
    lines.extend(flow(signature, language));
    for condition in &signature.conditions {
        lines.push(format!("{}: {condition:?}.", say("Điều kiện", "Condition")));
    }
    for list in &signature.buffers {
        let name = match list.source {
            Source::Payload | Source::Packet => say(
                "phần dữ liệu (gói tin hoặc luồng)",
                "the payload (packet or stream)",
            ),
            Source::Buffer(id) => vocabulary.buffer_spec(id).name.to_owned(),
        };
        let behind = if list.transforms.is_empty() {
            String::new()
        } else {
            let names: Vec<String> = list
                .transforms
                .iter()
                .map(|transform| format!("{transform:?}"))
                .collect();
            format!(" ({} {})", say("sau khi", "after"), names.join(", "))
        };
        lines.push(format!("{} {name}{behind}:", say("Trong", "In")));
        for condition in &list.conditions {
            lines.push(format!("  - {}", bytes(condition, language)));
        }
    }
    lines.extend(memory(signature, language));
    lines.extend(rate(signature, language));
    lines
}

fn header(signature: &Signature, vocabulary: &Vocabulary, language: Language) -> String {
    let protocol = match signature.protocol {
        HeaderProtocol::Application(id) => vocabulary.protocol_spec(id).name.to_owned(),
        other => format!("{other:?}").to_ascii_lowercase(),
    };
    let arrow = match signature.direction {
        HeaderDirection::Forward => "->",
        HeaderDirection::Both => "<->",
        HeaderDirection::Transactional => "=>",
    };
    let line = format!(
        "{}: {protocol}, {} {arrow} {}",
        language.pick("Lưu lượng", "Traffic"),
        end(&signature.source, &signature.source_ports, language),
        end(
            &signature.destination,
            &signature.destination_ports,
            language
        ),
    );
    match &signature.hook {
        Some(Hook::FlowStart) => format!(
            "{line}; {}.",
            language.pick(
                "chỉ gói đầu của mỗi chiều",
                "first packet of a direction only"
            )
        ),
        Some(Hook::Transaction { state, .. }) => format!("{line}; hook {state:?}."),
        Some(Hook::All) | None => format!("{line}."),
    }
}

/// Addresses and ports of one end, cut short where they are many.
fn end(addresses: &AddressSet, ports: &PortSet, language: Language) -> String {
    const SHOWN: usize = 4;
    let list = |ranges: &[super::AddressRange]| {
        let mut texts: Vec<String> = ranges
            .iter()
            .take(SHOWN)
            .map(|range| {
                if range.first == range.last {
                    range.first.to_string()
                } else {
                    format!("{}-{}", range.first, range.last)
                }
            })
            .collect();
        if ranges.len() > SHOWN {
            texts.push(format!("… ({})", ranges.len()));
        }
        texts.join(", ")
    };
    let address = match (addresses.include.is_empty(), addresses.exclude.is_empty()) {
        (true, true) => language.pick("mọi địa chỉ", "any address").to_owned(),
        (true, false) => format!(
            "{} [{}]",
            language.pick("mọi địa chỉ trừ", "any address but"),
            list(&addresses.exclude)
        ),
        (false, _) => format!("[{}]", list(&addresses.include)),
    };
    if ports.ranges.is_empty() {
        return address;
    }
    let texts: Vec<String> = ports
        .ranges
        .iter()
        .take(SHOWN)
        .map(|&(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    format!(
        "{address} {} {}",
        language.pick("cổng", "port"),
        texts.join(", ")
    )
}

fn flow(signature: &Signature, language: Language) -> Option<String> {
    let flow = signature.flow?;
    let words = [
        (flow.to_server, "tới máy chủ", "towards the server"),
        (flow.to_client, "tới máy khách", "towards the client"),
        (flow.established, "đã bắt tay xong", "after the handshake"),
        (
            flow.not_established,
            "chưa bắt tay xong",
            "before the handshake is over",
        ),
        (flow.stateless, "bất kể trạng thái", "whatever its state"),
        (
            flow.only_stream,
            "chỉ trong luồng đã ghép",
            "in the stream only",
        ),
        (
            flow.no_stream,
            "chỉ trong từng gói tin",
            "in single packets only",
        ),
        (
            flow.only_frag,
            "chỉ gói tin đã ghép mảnh",
            "fragmented packets only",
        ),
        (flow.no_frag, "không phân mảnh", "packets without fragments"),
    ];
    let said: Vec<&str> = words
        .iter()
        .filter(|(set, ..)| *set)
        .map(|&(_, vietnamese, english)| language.pick(vietnamese, english))
        .collect();
    (!said.is_empty()).then(|| format!("{}: {}.", language.pick("Luồng", "Flow"), said.join(", ")))
}

/// Bytes as a rule writes them.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    let mut hex = false;
    for &byte in bytes {
        let plain = (byte.is_ascii_graphic() || byte == b' ') && !b"\";|\\:".contains(&byte);
        if plain == hex {
            text.push('|');
            hex = !hex;
        } else if hex {
            text.push(' ');
        }
        if plain {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("{byte:02X}"));
        }
    }
    if hex {
        text.push('|');
    }
    text.push('"');
    text
}

fn number(number: Number) -> String {
    match number {
        Number::Literal(value) => value.to_string(),
        Number::Variable(variable) => format!("v{variable}"),
    }
}

fn content(content: &Content, language: Language) -> String {
    let mut text = format!(
        "{} {}",
        if content.negated {
            language.pick("không có", "does not hold")
        } else {
            language.pick("có", "holds")
        },
        literal(&content.bytes)
    );
    let mut add = |vietnamese: &str, english: &str| {
        text.push_str(", ");
        text.push_str(language.pick(vietnamese, english));
    };
    if content.nocase {
        add("không phân biệt hoa thường", "without regard to case");
    }
    if content.startswith {
        add("ở đầu", "at the start");
    }
    if content.endswith {
        add("ở cuối", "at the end");
    }
    for (value, vietnamese, english) in [
        (content.offset, "từ byte", "from byte"),
        (content.depth, "trong số byte đầu", "within the first bytes"),
        (
            content.distance,
            "cách mẫu trước ít nhất",
            "behind the last match by at least",
        ),
        (
            content.within,
            "không xa mẫu trước quá",
            "within so many bytes of the last match",
        ),
    ] {
        if let Some(value) = value {
            let value = number(value);
            add(
                &format!("{vietnamese} {value}"),
                &format!("{english} {value}"),
            );
        }
    }
    if content.fast_pattern.is_some() {
        add("tìm trước tiên", "searched for first");
    }
    text
}

fn size(size: &IntMatch) -> String {
    match *size {
        IntMatch::Equal(n) => format!("= {n}"),
        IntMatch::NotEqual(n) => format!("!= {n}"),
        IntMatch::Less(n) => format!("< {n}"),
        IntMatch::LessEqual(n) => format!("<= {n}"),
        IntMatch::Greater(n) => format!("> {n}"),
        IntMatch::GreaterEqual(n) => format!(">= {n}"),
        IntMatch::Between(low, high) => format!("{low} < … < {high}"),
        IntMatch::Inclusive(low, high) => format!("{low} <= … <= {high}"),
        IntMatch::NotInclusive(low, high) => format!("< {low}, > {high}"),
        IntMatch::Mask {
            mask,
            value,
            negated,
        } => format!(
            "& {mask:#x} {} {value:#x}",
            if negated { "!=" } else { "=" }
        ),
    }
}

fn bytes(condition: &BufferCondition, language: Language) -> String {
    match condition {
        BufferCondition::Content(one) => content(one, language),
        BufferCondition::Pcre(pcre) => format!(
            "{} /{}/{}",
            if pcre.negated {
                language.pick("không khớp biểu thức", "does not match the pattern")
            } else {
                language.pick("khớp biểu thức", "matches the pattern")
            },
            pcre.pattern,
            if pcre.relative {
                language.pick(", từ sau mẫu trước", ", from behind the last match")
            } else {
                ""
            }
        ),
        BufferCondition::Size(wanted) | BufferCondition::UriSize(wanted) => {
            format!("{} {}", language.pick("độ dài", "length"), size(wanted))
        }
        BufferCondition::IsDataAt(at) => format!(
            "{} {}{}",
            if at.negated {
                language.pick("không có dữ liệu tại byte", "no byte at")
            } else {
                language.pick("có dữ liệu tại byte", "a byte at")
            },
            number(at.count),
            if at.relative {
                language.pick(" sau mẫu trước", " behind the last match")
            } else {
                ""
            }
        ),
        BufferCondition::Absent { or_else } => if *or_else {
            language.pick(
                "vắng mặt, hoặc khớp phần còn lại",
                "is not there, or the rest holds",
            )
        } else {
            language.pick("vắng mặt", "is not there")
        }
        .to_owned(),
        BufferCondition::Dataset(set) => format!(
            "{} {} ({:?})",
            language.pick("tra trong tập", "looked up in the set"),
            set.name,
            set.operation
        ),
        BufferCondition::Base64Decode(_) => language
            .pick("giải mã base64", "base64 is decoded")
            .to_owned(),
        BufferCondition::Base64Data(inner) => {
            let inner: Vec<String> = inner.iter().map(|one| bytes(one, language)).collect();
            format!(
                "{}: {}",
                language.pick("trong dữ liệu đã giải mã", "in what was decoded"),
                inner.join("; ")
            )
        }
        other => format!("{other:?}"),
    }
}

fn memory(signature: &Signature, language: Language) -> Vec<String> {
    let verb = |operation: BitOperation| match operation {
        BitOperation::Set => language.pick("ghi nhớ", "remembers"),
        BitOperation::Unset => language.pick("xoá ghi nhớ", "forgets"),
        BitOperation::Toggle => language.pick("đảo ghi nhớ", "flips"),
        BitOperation::IsSet => language.pick("cần đã ghi nhớ", "needs remembered"),
        BitOperation::IsNotSet => language.pick("cần chưa ghi nhớ", "needs not remembered"),
    };
    let flow = signature.flowbits.iter().map(|bits| {
        format!(
            "{} {}: {}.",
            language.pick("Với luồng,", "For the flow,"),
            verb(bits.operation),
            bits.names.join(" | ")
        )
    });
    let hosts = signature.xbits.iter().map(|bit| {
        format!(
            "{} ({:?}, {} s) {}: {}.",
            language.pick("Với máy", "For the host"),
            bit.track,
            bit.expire.as_secs(),
            verb(bit.operation),
            bit.name
        )
    });
    flow.chain(hosts).collect()
}

fn rate(signature: &Signature, language: Language) -> Option<String> {
    let by = |track: Track| match track {
        Track::Source => language.pick("mỗi nguồn", "a source"),
        Track::Destination => language.pick("mỗi đích", "a destination"),
        Track::Both => language.pick("mỗi cặp", "a pair"),
        Track::Rule => language.pick("cả luật", "the rule"),
        Track::Flow => language.pick("mỗi luồng", "a flow"),
        Track::Transaction => language.pick("mỗi giao dịch", "a transaction"),
    };
    let line = |what: &str, track: Track, count: u32, seconds: u32| {
        format!("{what} {count} / {seconds} s, {}.", by(track))
    };
    if let Some(filter) = signature.detection_filter {
        return Some(line(
            language.pick("Chỉ cảnh báo khi vượt", "Alerts only beyond"),
            filter.track,
            filter.count,
            filter.seconds,
        ));
    }
    Some(match signature.threshold.as_ref()? {
        Threshold::Limit {
            track,
            count,
            seconds,
        } => line(
            language.pick("Nhiều nhất", "At most"),
            *track,
            *count,
            *seconds,
        ),
        Threshold::Threshold {
            track,
            count,
            seconds,
        } => line(
            language.pick("Cứ sau mỗi lượng khớp", "Once every so many matches:"),
            *track,
            *count,
            *seconds,
        ),
        Threshold::Both {
            track,
            count,
            seconds,
        } => line(
            language.pick(
                "Một lần khi đủ lượng khớp",
                "Once when so many matches are reached:",
            ),
            *track,
            *count,
            *seconds,
        ),
        Threshold::Backoff {
            track,
            count,
            multiplier,
        } => format!(
            "{} {count}, × {multiplier}, {}.",
            language.pick("Thưa dần từ lần khớp", "Ever more rarely, from match"),
            by(*track)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Environment, Parsed, parse_rule};

    #[test]
    fn a_rule_is_told_in_either_language() {
        let rule = r#"alert http $HOME_NET any -> any 8080 (msg:"m"; flow:established,to_server; flowbits:isset,seen; http.uri; content:"/a|00|b"; startswith; nocase; pcre:"/x\d/R"; bsize:>4; threshold:type limit, track by_src, count 1, seconds 60; sid:7;)"#;
        let vocabulary = crate::known_names();
        let Ok(Parsed::Signature { signature, .. }) =
            parse_rule(rule, &vocabulary, &Environment::default())
        else {
            panic!("a sound rule");
        };
        for (language, wanted) in [
            (
                Language::English,
                [
                    "port 8080",
                    "towards the server",
                    r#"holds "/a|00|b", without regard to case, at the start"#,
                    "At most 1 / 60 s, a source.",
                ],
            ),
            (
                Language::Vietnamese,
                [
                    "cổng 8080",
                    "tới máy chủ",
                    r#"có "/a|00|b", không phân biệt hoa thường, ở đầu"#,
                    "Nhiều nhất 1 / 60 s, mỗi nguồn.",
                ],
            ),
        ] {
            let text = explain(&signature, &vocabulary, language).join("\n");
            for part in wanted {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
    }
}
