//! A signature in plain words, for people who write and read rules.

mod bytes;
mod condition;
mod places;
#[cfg(test)]
mod tests;

use super::{
    Action, BitOperation, BufferMatch, CaptureKind, HeaderDirection, HeaderProtocol, Hook,
    HookState, RejectTo, Signature, Source, TagMetric, TagScope, Threshold, Track, Transform,
    lexer,
};
use crate::Vocabulary;

pub use bytes::{explain_bytes, literal};
pub use condition::explain_condition;
pub use places::place;

/// The language of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Vietnamese,
    English,
}

impl Language {
    /// One of the two.
    pub fn pick<'a>(self, vietnamese: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }

    /// As [`Self::pick`], for words that stand alone.
    pub fn say(self, vietnamese: &str, english: &str) -> String {
        self.pick(vietnamese, english).to_owned()
    }
}

/// What a signature does, a sentence a line, in the order in which it is looked at.
pub fn explain(signature: &Signature, vocabulary: &Vocabulary, language: Language) -> Vec<String> {
    let mut lines = vec![action(signature, language)];
    lines.push(header(signature, vocabulary, language));
    lines.extend(moment(signature, language));
    lines.extend(flow(signature, language));
    let of_transaction = |wanted: bool| {
        signature
            .conditions
            .iter()
            .filter(move |condition| condition.is_of_transaction() == wanted)
            .map(|condition| explain_condition(condition, vocabulary, language))
    };
    lines.extend(of_transaction(false).map(|told| sentence(&told)));
    lines.extend(needs(signature, language));
    for list in &signature.buffers {
        lines.push(format!("{}:", list_place(list, vocabulary, language)));
        for condition in &list.conditions {
            lines.push(format!(
                "  - {}",
                explain_bytes(condition, signature, language)
            ));
        }
    }
    lines.extend(of_transaction(true).map(|told| sentence(&told)));
    lines.extend(consequences(signature, language));
    lines.extend(rate(signature, language));
    lines
}

/// The buffer of a list with what is done to it first.
pub fn list_place(list: &BufferMatch, vocabulary: &Vocabulary, language: Language) -> String {
    let name = match list.source {
        Source::Payload => language.say(
            "phần dữ liệu (gói tin, hoặc luồng TCP đã ghép)",
            "the payload (of the packet, or of the reassembled stream)",
        ),
        Source::Packet => language.say(
            "phần dữ liệu của từng gói tin",
            "the payload of each packet",
        ),
        Source::Buffer(id) => place(vocabulary.buffer_spec(id), vocabulary, language),
    };
    let side = match list.only_to_server {
        Some(true) => language.pick(", chiều tới máy chủ", ", towards the server"),
        Some(false) => language.pick(", chiều tới máy khách", ", towards the client"),
        None => "",
    };
    let steps: Vec<String> = list
        .transforms
        .iter()
        .map(|step| transform(step, language))
        .collect();
    let behind = if steps.is_empty() {
        String::new()
    } else {
        format!(
            "{} {}",
            language.pick(", sau khi", ", after it has been"),
            steps.join(language.pick(", rồi ", ", then "))
        )
    };
    format!("{} {name}{side}{behind}", language.pick("Trong", "In"))
}

/// A first capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

fn action(signature: &Signature, language: Language) -> String {
    let loud = matches!(
        signature.action,
        Action::Alert | Action::Drop | Action::Reject
    );
    if loud && !signature.alerts {
        return language.say(
            "Không hiện cảnh báo: luật chỉ ghi nhớ cho luật khác.",
            "Shows no alert: it only remembers something for other rules.",
        );
    }
    match signature.action {
        Action::Alert => language.say("Cảnh báo khi khớp.", "Alerts when it matches."),
        Action::Pass => language.say(
            "Khi khớp thì cho qua: các luật sau nó không cảnh báo nữa.",
            "Lets pass when it matches: no rule behind it alerts.",
        ),
        Action::Drop => language.say(
            "Cảnh báo khi khớp, với hành động chặn (cảm biến chỉ nghe nên không chặn gói tin nào).",
            "Alerts when it matches, with the action drop (the sensor only listens, it blocks nothing).",
        ),
        Action::Reject => {
            let whom = match signature.reject {
                Some(RejectTo::Destination) => language.pick("đích", "the destination"),
                Some(RejectTo::Both) => language.pick("cả hai bên", "both ends"),
                _ => language.pick("nguồn", "the source"),
            };
            match language {
                Language::Vietnamese => format!(
                    "Cảnh báo khi khớp, với hành động từ chối {whom} (cảm biến chỉ nghe nên không gửi gì)."
                ),
                Language::English => format!(
                    "Alerts when it matches, with the action to reject {whom} (the sensor only listens, it sends nothing)."
                ),
            }
        }
        Action::Config => language.say(
            "Không cảnh báo, chỉ đổi việc ghi nhật ký.",
            "Does not alert, it changes what is logged.",
        ),
    }
}

fn protocol(signature: &Signature, vocabulary: &Vocabulary, language: Language) -> String {
    let packets = |name: &str| {
        format!(
            "{name} {}",
            language.pick("(từng gói tin)", "(single packets)")
        )
    };
    match signature.protocol {
        HeaderProtocol::Application(id) => vocabulary.protocol_spec(id).name.to_ascii_uppercase(),
        HeaderProtocol::Ip => language.say("mọi giao thức IP", "any IP protocol"),
        HeaderProtocol::Ipv4 => language.say("mọi giao thức trên IPv4", "anything over IPv4"),
        HeaderProtocol::Ipv6 => language.say("mọi giao thức trên IPv6", "anything over IPv6"),
        HeaderProtocol::Tcp => "TCP".to_owned(),
        HeaderProtocol::TcpPacket => packets("TCP"),
        HeaderProtocol::TcpStream => format!(
            "TCP {}",
            language.pick("(luồng đã ghép)", "(the reassembled stream)")
        ),
        HeaderProtocol::Udp => "UDP".to_owned(),
        HeaderProtocol::Icmp => "ICMP".to_owned(),
        HeaderProtocol::Icmpv4 => "ICMPv4".to_owned(),
        HeaderProtocol::Icmpv6 => "ICMPv6".to_owned(),
        HeaderProtocol::Sctp => "SCTP".to_owned(),
        HeaderProtocol::Pkthdr => {
            language.say("mọi gói tin, kể cả gói hỏng", "any packet, broken ones too")
        }
        HeaderProtocol::Arp => "ARP".to_owned(),
        HeaderProtocol::IpNumber(number) => format!(
            "{} {number}",
            language.pick("giao thức IP số", "IP protocol number")
        ),
    }
}

/// Protocol and ends, the latter as the rule writes them: variables say more than what they stand for.
fn header(signature: &Signature, vocabulary: &Vocabulary, language: Language) -> String {
    let open = signature.text.find('(').unwrap_or(signature.text.len());
    let words = lexer::words(&signature.text[..open]);
    let (source, destination) = match words.as_slice() {
        [
            _,
            _,
            (_, source),
            (_, source_port),
            _,
            (_, destination),
            (_, destination_port),
        ] => (
            end(source, source_port, language),
            end(destination, destination_port, language),
        ),
        _ => (end("any", "any", language), end("any", "any", language)),
    };
    let any = end("any", "any", language);
    let ends = if source == any && destination == any {
        language.say("giữa mọi địa chỉ", "between any addresses")
    } else {
        match signature.direction {
            HeaderDirection::Both => format!(
                "{} {source} {} {destination}, {}",
                language.pick("giữa", "between"),
                language.pick("và", "and"),
                language.pick("cả hai chiều", "in either direction")
            ),
            HeaderDirection::Forward | HeaderDirection::Transactional => format!(
                "{} {source} {} {destination}",
                language.pick("từ", "from"),
                language.pick("tới", "to"),
            ),
        }
    };
    let both = match signature.direction {
        HeaderDirection::Transactional => language.pick(
            "; xét cả yêu cầu lẫn trả lời của một giao dịch",
            "; looks at request and reply of a transaction together",
        ),
        _ => "",
    };
    format!(
        "{}: {}, {ends}{both}.",
        language.pick("Lưu lượng", "Traffic"),
        protocol(signature, vocabulary, language)
    )
}

/// One end of the header.
fn end(addresses: &str, ports: &str, language: Language) -> String {
    let address = match (addresses, addresses.strip_prefix('!')) {
        ("any", _) => language.say("mọi địa chỉ", "any address"),
        (_, Some(rest)) => format!(
            "{} {rest}",
            language.pick("mọi địa chỉ trừ", "any address but")
        ),
        (plain, None) => plain.to_owned(),
    };
    match (ports, ports.strip_prefix('!')) {
        ("any", _) => address,
        (_, Some(rest)) => format!(
            "{address}, {} {rest}",
            language.pick("mọi cổng trừ", "any port but")
        ),
        (plain, None) => format!("{address}, {} {plain}", language.pick("cổng", "port")),
    }
}

fn moment(signature: &Signature, language: Language) -> Option<String> {
    Some(match signature.hook.as_ref()? {
        Hook::All => return None,
        Hook::FlowStart => language.say(
            "Chỉ xét gói tin đầu tiên của mỗi chiều trong luồng.",
            "Looks only at the first packet of each direction of a flow.",
        ),
        Hook::Transaction { to_server, state } => {
            let side = if *to_server {
                language.pick("phía yêu cầu", "the request's side")
            } else {
                language.pick("phía trả lời", "the reply's side")
            };
            let when = match state {
                HookState::Started => language.say("đã bắt đầu", "has begun"),
                HookState::Complete => language.say("đã kết thúc", "is complete"),
                HookState::Named(name) => format!(
                    "{} \u{201c}{name}\u{201d}",
                    language.pick("đã tới bước", "has come to the stage")
                ),
            };
            match language {
                Language::Vietnamese => format!("Xét khi {side} của giao dịch {when}."),
                Language::English => format!("Looks when {side} of the transaction {when}."),
            }
        }
    })
}

fn flow(signature: &Signature, language: Language) -> Option<String> {
    let flow = signature.flow?;
    let words = [
        (flow.to_server, "chiều tới máy chủ", "towards the server"),
        (flow.to_client, "chiều tới máy khách", "towards the client"),
        (
            flow.established,
            "kết nối đã thiết lập",
            "after the connection is established",
        ),
        (
            flow.not_established,
            "kết nối chưa thiết lập",
            "before the connection is established",
        ),
        (
            flow.stateless,
            "bất kể trạng thái kết nối",
            "whatever the state of the connection",
        ),
        (
            flow.only_stream,
            "chỉ trong luồng đã ghép",
            "in the reassembled stream only",
        ),
        (
            flow.no_stream,
            "chỉ trong từng gói tin",
            "in single packets only",
        ),
        (
            flow.only_frag,
            "chỉ gói tin ghép từ các mảnh",
            "packets put together from fragments only",
        ),
        (
            flow.no_frag,
            "chỉ gói tin không bị phân mảnh",
            "packets that were not fragmented only",
        ),
    ];
    let said: Vec<&str> = words
        .iter()
        .filter(|(set, ..)| *set)
        .map(|&(_, vietnamese, english)| language.pick(vietnamese, english))
        .collect();
    (!said.is_empty()).then(|| format!("{}: {}.", language.pick("Luồng", "Flow"), said.join(", ")))
}

fn transform(step: &Transform, language: Language) -> String {
    let say = |vietnamese: &str, english: &str| language.say(vietnamese, english);
    match step {
        Transform::ToLowercase => say("đổi sang chữ thường", "put into lower case"),
        Transform::ToUppercase => say("đổi sang chữ hoa", "put into upper case"),
        Transform::StripWhitespace => say("bỏ mọi khoảng trắng", "freed of all white space"),
        Transform::CompressWhitespace => say(
            "gộp các khoảng trắng liền nhau",
            "freed of repeated white space",
        ),
        Transform::UrlDecode => say("giải mã %xx của URL", "URL-decoded"),
        Transform::Xor(key) => format!(
            "{} {}",
            say("XOR với khoá", "XORed with the key"),
            literal(key)
        ),
        Transform::DotPrefix => say("thêm dấu chấm vào đầu", "given a dot in front"),
        Transform::ToMd5 => say("tính mã băm MD5", "hashed with MD5"),
        Transform::ToSha1 => say("tính mã băm SHA-1", "hashed with SHA-1"),
        Transform::ToSha256 => say("tính mã băm SHA-256", "hashed with SHA-256"),
        Transform::HeaderLowercase => say(
            "đổi tên các tiêu đề sang chữ thường",
            "freed of capitals in the names of headers",
        ),
        Transform::StripPseudoHeaders => say(
            "bỏ các tiêu đề giả của HTTP/2",
            "freed of HTTP/2's pseudo-headers",
        ),
        Transform::Domain => say(
            "rút ra tên miền đăng ký",
            "cut down to the registered domain",
        ),
        Transform::Tld => say(
            "rút ra tên miền cấp cao nhất",
            "cut down to the top-level domain",
        ),
        Transform::FromBase64 { bytes, offset, .. } => {
            let from = if *offset > 0 {
                format!(" {} {offset}", say("từ byte", "from byte"))
            } else {
                String::new()
            };
            let most = bytes.map_or_else(String::new, |bytes| {
                format!(", {} {bytes} byte", say("nhiều nhất", "at most"))
            });
            format!(
                "{}{from}{most}",
                say("giải mã base64", "decoded from base64")
            )
        }
        Transform::PcreXform(pattern) => format!(
            "{} /{pattern}/",
            say(
                "chỉ giữ phần khớp nhóm của",
                "cut down to what the group matches of"
            )
        ),
        Transform::Gunzip { .. } => say("giải nén gzip", "unpacked with gzip"),
        Transform::ZlibDeflate { .. } => say("giải nén zlib", "unpacked with zlib"),
    }
}

/// What must have been remembered before.
fn needs(signature: &Signature, language: Language) -> Vec<String> {
    let tests = |operation: BitOperation| match operation {
        BitOperation::IsSet => Some(language.pick("đã được đánh dấu", "has been marked")),
        BitOperation::IsNotSet => Some(language.pick("chưa được đánh dấu", "has not been marked")),
        _ => None,
    };
    let or = language.pick(" hoặc ", " or ");
    let flow = signature.flowbits.iter().filter_map(|bits| {
        let names: Vec<String> = bits.names.iter().map(|name| quoted(name)).collect();
        Some(format!(
            "{} {} {}.",
            language.pick("Luồng", "The flow"),
            tests(bits.operation)?,
            names.join(or)
        ))
    });
    let hosts = signature.xbits.iter().filter_map(|bit| {
        Some(sentence(&format!(
            "{} {} {}",
            whose(bit.track, language),
            tests(bit.operation)?,
            quoted(&bit.name)
        )))
    });
    let counts = signature
        .flowints
        .iter()
        .filter_map(|int| condition::flow_number(int, language).map(|told| sentence(&told)));
    let variables = signature.variable_tests.iter().map(|test| {
        sentence(&format!(
            "{} {} {} {}",
            match test.kind {
                CaptureKind::Flow => language.pick("biến của luồng", "the flow's variable"),
                _ => language.pick("biến của gói tin", "the packet's variable"),
            },
            quoted(&test.name),
            language.pick("chứa", "holds"),
            quoted(&test.content.escape_ascii().to_string())
        ))
    });
    flow.chain(hosts).chain(counts).chain(variables).collect()
}

fn quoted(name: &str) -> String {
    format!("\u{201c}{name}\u{201d}")
}

fn whose(track: Track, language: Language) -> &'static str {
    match track {
        Track::Source => language.pick("máy nguồn", "the source host"),
        Track::Destination => language.pick("máy đích", "the destination host"),
        Track::Both => language.pick("cặp máy nguồn và đích", "the pair of hosts"),
        Track::Rule => language.pick("luật này", "this rule"),
        Track::Flow => language.pick("luồng", "the flow"),
        Track::Transaction => language.pick("giao dịch", "the transaction"),
    }
}

/// What a match leaves behind.
fn consequences(signature: &Signature, language: Language) -> Vec<String> {
    let verb = |operation: BitOperation| match operation {
        BitOperation::Set => Some(language.pick("đánh dấu", "marks")),
        BitOperation::Unset => Some(language.pick("bỏ đánh dấu", "takes away the mark of")),
        BitOperation::Toggle => Some(language.pick("đảo đánh dấu", "flips the mark of")),
        BitOperation::IsSet | BitOperation::IsNotSet => None,
    };
    let when = language.pick("Khi khớp,", "When it matches, it");
    let as_name = language.pick("là", "as");
    let mut lines = Vec::new();
    for bits in &signature.flowbits {
        if let Some(verb) = verb(bits.operation) {
            let names: Vec<String> = bits.names.iter().map(|name| quoted(name)).collect();
            lines.push(format!(
                "{when} {verb} {} {as_name} {}.",
                language.pick("luồng", "the flow"),
                names.join(", ")
            ));
        }
    }
    for bit in &signature.xbits {
        if let Some(verb) = verb(bit.operation) {
            let lasts = if bit.operation == BitOperation::Set {
                format!(
                    " {} {} {}",
                    language.pick("trong", "for"),
                    bit.expire.as_secs(),
                    language.pick("giây", "seconds")
                )
            } else {
                String::new()
            };
            lines.push(format!(
                "{when} {verb} {} {as_name} {}{lasts}.",
                whose(bit.track, language),
                quoted(&bit.name)
            ));
        }
    }
    for int in &signature.flowints {
        lines.extend(condition::flow_count(int, language).map(|told| format!("{when} {told}.")));
    }
    if let Some(tag) = signature.tag {
        let what = match tag.scope {
            TagScope::Session => language.pick("luồng này", "this flow"),
            TagScope::HostSource => language.pick("máy nguồn", "the source host"),
            TagScope::HostDestination => language.pick("máy đích", "the destination host"),
        };
        let unit = match tag.metric {
            TagMetric::Packets => language.pick("gói tin", "packets"),
            TagMetric::Seconds => language.pick("giây", "seconds"),
            TagMetric::Bytes => "byte",
        };
        lines.push(format!(
            "{when} {} {what} {} {} {unit}.",
            language.pick(
                "ghi lại các gói tin tiếp theo của",
                "records the packets that follow of"
            ),
            language.pick("trong", "for"),
            tag.count
        ));
    }
    if signature.filestore.is_some() {
        lines.push(format!(
            "{when} {}.",
            language.pick("lưu lại tệp", "stores the file")
        ));
    }
    if signature.bypass {
        lines.push(format!(
            "{when} {}.",
            language.pick("thôi xét luồng này", "takes the flow out of inspection")
        ));
    }
    if signature.silences_transaction {
        lines.push(format!(
            "{when} {}.",
            language.pick(
                "không ghi bản ghi của giao dịch",
                "leaves out the record of the transaction"
            )
        ));
    }
    lines
}

fn rate(signature: &Signature, language: Language) -> Option<String> {
    let by = |track: Track| match track {
        Track::Source => language.pick("tính theo từng máy nguồn", "counted for each source host"),
        Track::Destination => language.pick(
            "tính theo từng máy đích",
            "counted for each destination host",
        ),
        Track::Both => language.pick("tính theo từng cặp máy", "counted for each pair of hosts"),
        Track::Rule => language.pick("tính chung cho cả luật", "counted for the rule as a whole"),
        Track::Flow => language.pick("tính theo từng luồng", "counted for each flow"),
        Track::Transaction => {
            language.pick("tính theo từng giao dịch", "counted for each transaction")
        }
    };
    let line = |vietnamese: &str, english: &str, track: Track, count: u32, seconds: u32| {
        let text = language.pick(vietnamese, english);
        let text = text
            .replace("{n}", &count.to_string())
            .replace("{s}", &seconds.to_string());
        Some(format!("{text}, {}.", by(track)))
    };
    if let Some(filter) = signature.detection_filter {
        return line(
            "Chỉ cảnh báo từ lần khớp sau {n} lần trong {s} giây",
            "Alerts only beyond {n} matches within {s} seconds",
            filter.track,
            filter.count,
            filter.seconds,
        );
    }
    match *signature.threshold.as_ref()? {
        Threshold::Limit {
            track,
            count,
            seconds,
        } => line(
            "Nhiều nhất {n} cảnh báo trong {s} giây",
            "At most {n} alerts within {s} seconds",
            track,
            count,
            seconds,
        ),
        Threshold::Threshold {
            track,
            count,
            seconds,
        } => line(
            "Cứ {n} lần khớp trong {s} giây thì cảnh báo một lần",
            "Alerts once for every {n} matches within {s} seconds",
            track,
            count,
            seconds,
        ),
        Threshold::Both {
            track,
            count,
            seconds,
        } => line(
            "Cảnh báo đúng một lần trong {s} giây, khi khớp đủ {n} lần",
            "Alerts once within {s} seconds, when {n} matches are reached",
            track,
            count,
            seconds,
        ),
        Threshold::Backoff {
            track,
            count,
            multiplier,
        } => line(
            "Cảnh báo ở lần khớp thứ {n}, rồi thưa dần: mỗi lần sau gấp {s} lần",
            "Alerts at match {n}, then ever more rarely: each time {s} times as many matches later",
            track,
            count,
            multiplier,
        ),
    }
}
