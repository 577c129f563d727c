//! What an author of rules is told about rules that load: what costs much, and what never matches or says nothing.

use std::collections::HashSet;

use rules::signature::{
    BitOperation, BufferCondition, Condition, Content, FlagMode, HeaderDirection, IntMatch,
    Language, Number, Signature,
};

use crate::compile::{Compiled, Kind};
use crate::engine::Engine;
use crate::pattern::{Pattern, PatternHome, SHORT_PATTERN};

/// Ports of well-known services: on the wrong end of a header, with a direction, they never match.
const SERVER_PORTS: &[u16] = &[
    21, 22, 23, 25, 53, 80, 88, 110, 143, 389, 443, 445, 3306, 3389, 8080,
];

/// Texts that stand in nearly all traffic of their kind, in lower case.
const COMMON: &[&str] = &[
    "http/1.1",
    "http/1.0",
    "http/1.",
    "http/",
    "get",
    "get ",
    "get /",
    "post",
    "post ",
    "host: ",
    "user-agent: ",
    "user-agent",
    "mozilla/5.0",
    "mozilla",
    "accept: ",
    "content-type",
    "content-length",
    "connection",
    "keep-alive",
    "www.",
    ".com",
    "html",
    "<html",
    "200 ok",
    "http://",
    "https://",
    "index",
    ".php",
    "\r\n",
    "\r\n\r\n",
];

/// Something about a rule that loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// A stable name of the kind of advice.
    pub code: &'static str,
    /// The option to point at.
    pub keyword: Option<&'static str>,
    vietnamese: String,
    english: String,
}

impl Advice {
    /// What is wrong and what to do about it.
    pub fn told(&self, language: Language) -> String {
        match language {
            Language::Vietnamese => self.vietnamese.clone(),
            Language::English => self.english.clone(),
        }
    }
}

/// Names that some rule of the set gives to flows.
fn marks(engine: &Engine) -> HashSet<&str> {
    let sets = |operation| matches!(operation, BitOperation::Set | BitOperation::Toggle);
    engine
        .signatures
        .iter()
        .flat_map(|one| &one.signature.flowbits)
        .filter(|bits| sets(bits.operation))
        .flat_map(|bits| bits.names.iter().map(String::as_str))
        .collect()
}

impl Engine {
    /// What may be better about a signature that loads.
    pub fn advice(&self, index: u32) -> Vec<Advice> {
        self.advice_given(index, &marks(self))
    }

    /// Advice on all signatures, by their numbers.
    pub fn all_advice(&self) -> Vec<(u32, Advice)> {
        let marks = marks(self);
        self.indexes()
            .flat_map(|index| {
                let advice = self.advice_given(index, &marks);
                advice.into_iter().map(move |one| (index, one))
            })
            .collect()
    }

    fn advice_given(&self, index: u32, marks: &HashSet<&str>) -> Vec<Advice> {
        let one = &self.signatures[index as usize];
        let mut given = Given(Vec::new());
        cost(one, &mut given);
        unreachable(one, marks, &mut given);
        pointless(&one.signature, &mut given);
        missing(&one.signature, &mut given);
        given.0
    }
}

struct Given(Vec<Advice>);

impl Given {
    fn push(
        &mut self,
        code: &'static str,
        keyword: Option<&'static str>,
        vietnamese: impl Into<String>,
        english: impl Into<String>,
    ) {
        if self.0.iter().all(|other| other.code != code) {
            self.0.push(Advice {
                code,
                keyword,
                vietnamese: vietnamese.into(),
                english: english.into(),
            });
        }
    }
}

fn conditions(signature: &Signature) -> impl Iterator<Item = &BufferCondition> {
    signature
        .buffers
        .iter()
        .flat_map(|buffer| &buffer.conditions)
}

fn contents(signature: &Signature) -> impl Iterator<Item = &Content> {
    conditions(signature).filter_map(|condition| match condition {
        BufferCondition::Content(content) => Some(content),
        _ => None,
    })
}

/// What makes a rule dear.
fn cost(one: &Compiled, given: &mut Given) {
    let signature = &one.signature;
    if looks_into_bytes(one) {
        match &one.pattern {
            None => given.push(
                "no-fast-pattern",
                None,
                "không có mẫu tìm nhanh: luật bị xét với mọi thứ mà phần đầu luật cho qua; hãy thêm một content",
                "no fast pattern: the rule is looked at with everything that its header lets through; add a content",
            ),
            Some(pattern) if pattern.bytes.len() < SHORT_PATTERN => given.push(
                "short-fast-pattern",
                Some("content"),
                "mẫu tìm nhanh ngắn hơn 3 byte nên gặp ở khắp nơi; hãy thêm một content dài hơn",
                "the fast pattern is shorter than 3 bytes and is met everywhere; add a longer content",
            ),
            Some(pattern) if is_common(pattern) => given.push(
                "common-fast-pattern",
                Some("content"),
                format!("mẫu tìm nhanh \"{0}\" có trong hầu hết lưu lượng; hãy thêm một content hiếm hơn, hoặc đặt fast_pattern ở nội dung hiếm", pattern.bytes.escape_ascii()),
                format!("the fast pattern \"{0}\" stands in nearly all traffic; add a rarer content, or say fast_pattern at a rarer one", pattern.bytes.escape_ascii()),
            ),
            Some(_) => {}
        }
        let pattern =
            conditions(signature).any(|condition| matches!(condition, BufferCondition::Pcre(_)));
        if pattern && contents(signature).all(|content| content.negated) {
            given.push(
                "pcre-without-content",
                Some("pcre"),
                "pcre không có content đi kèm bị chạy trên mọi dữ liệu; hãy thêm một content mà nó luôn chứa",
                "a pcre without a content is run on everything; add a content that it implies",
            );
        }
    }
    for condition in conditions(signature) {
        if let BufferCondition::Pcre(pcre) = condition
            && repeats_repetition(&pcre.pattern)
        {
            given.push(
                "pcre-backtracks",
                Some("pcre"),
                "biểu thức lặp lại một nhóm đã có lặp bên trong, như (a+)+: có dữ liệu khiến nó thử mãi và bị dừng giữa chừng; hãy viết không lồng lặp",
                "the pattern repeats a group that itself repeats, as (a+)+: some data makes it try without end, and it is cut short there; write it without nested repetition",
            );
        }
    }
}

fn is_common(pattern: &Pattern) -> bool {
    let bytes = pattern.bytes.to_ascii_lowercase();
    // In a buffer of its own a text is common only where it is what the buffer holds.
    let everywhere = matches!(pattern.home, PatternHome::Payload);
    COMMON.iter().any(|common| common.as_bytes() == bytes)
        && (everywhere || pattern.bytes.len() < 6)
}

fn looks_into_bytes(one: &Compiled) -> bool {
    matches!(one.kind, Kind::Packet | Kind::Transaction)
        && one
            .signature
            .buffers
            .iter()
            .any(|buffer| !buffer.conditions.is_empty())
}

/// Whether a group with an unbounded repetition in it is repeated without bound.
fn repeats_repetition(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    // By open group: an unbounded repetition stands in it.
    let mut groups: Vec<bool> = Vec::new();
    let mut class = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match byte {
            b'\\' => at += 1,
            b'[' if !class => class = true,
            b']' => class = false,
            _ if class => {}
            b'(' => groups.push(false),
            b')' => {
                let inner = groups.pop().unwrap_or(false);
                if inner && matches!(next, Some(b'+' | b'*')) && bytes.get(at + 2) != Some(&b'+') {
                    return true;
                }
                if let Some(outer) = groups.last_mut() {
                    *outer |= inner;
                }
            }
            // A possessive repetition gives nothing back.
            b'+' | b'*' if next == Some(&b'+') => at += 1,
            b'+' | b'*' => {
                if let Some(group) = groups.last_mut() {
                    *group = true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// What never matches.
fn unreachable(one: &Compiled, marks: &HashSet<&str>, given: &mut Given) {
    let signature = &one.signature;
    let flow = signature.flow.unwrap_or_default();
    let is_server = |ports: &[(u16, u16)]| match ports {
        [] => None,
        ports => ports
            .iter()
            .all(|&(first, last)| first == last && SERVER_PORTS.contains(&first))
            .then(|| ports[0].0),
    };
    if signature.direction == HeaderDirection::Forward && flow.to_server != flow.to_client {
        let (wrong, right) = if flow.to_server {
            (&signature.source_ports, &signature.destination_ports)
        } else {
            (&signature.destination_ports, &signature.source_ports)
        };
        if let (Some(port), true) = (is_server(&wrong.ranges), right.ranges.is_empty()) {
            let (side, end) = if flow.to_server {
                ("to_server", ("nguồn", "source"))
            } else {
                ("to_client", ("đích", "destination"))
            };
            given.push(
                "direction-never-matches",
                Some("flow"),
                format!("flow:{side} nhưng cổng máy chủ {port} lại đứng ở phía {}: gần như không bao giờ khớp; hãy đổi chỗ hai đầu hoặc đổi hướng", end.0),
                format!("flow:{side}, but the server's port {port} stands at the {}: it hardly ever matches; exchange the ends, or the direction", end.1),
            );
        }
    }
    for condition in &signature.conditions {
        if let Condition::TcpFlags {
            value: 0x02,
            mode: FlagMode::Exact,
            ..
        } = condition
            && flow.established
        {
            given.push(
                "syn-in-established",
                Some("flags"),
                "flags:S chỉ có ở gói mở kết nối, còn flow:established đòi kết nối đã thiết lập: không bao giờ khớp; hãy bỏ một trong hai",
                "flags:S is in opening packets only, and flow:established wants the connection open: it never matches; leave one of them out",
            );
        }
    }
    for bits in &signature.flowbits {
        if bits.operation == BitOperation::IsSet
            && bits.names.iter().all(|name| !marks.contains(name.as_str()))
        {
            let names = bits.names.join("|");
            given.push(
                "flowbit-never-set",
                Some("flowbits"),
                format!("không luật nào được nạp đặt flowbit {names}: luật không bao giờ khớp; hãy nạp luật đặt nó"),
                format!("no loaded rule sets the flowbit {names}: the rule never matches; load the rule that sets it"),
            );
        }
    }
    for list in &signature.buffers {
        let largest = list
            .conditions
            .iter()
            .find_map(|condition| match condition {
                BufferCondition::Size(IntMatch::Equal(size) | IntMatch::LessEqual(size)) => {
                    Some(*size)
                }
                BufferCondition::Size(IntMatch::Less(size)) => size.checked_sub(1),
                _ => None,
            });
        let Some(largest) = largest else { continue };
        for condition in &list.conditions {
            if let BufferCondition::IsDataAt(at) = condition
                && !at.relative
                && !at.negated
                && let Number::Literal(count) = at.count
                && u64::try_from(count).is_ok_and(|count| count >= largest)
            {
                given.push(
                    "unreachable-isdataat",
                    Some("isdataat"),
                    format!("isdataat:{count} đòi dài hơn {count} byte, còn bsize chỉ cho {largest}: không bao giờ khớp"),
                    format!("isdataat:{count} wants more than {count} bytes, bsize allows {largest}: it never matches"),
                );
            }
        }
    }
}

/// What does nothing.
fn pointless(signature: &Signature, given: &mut Given) {
    for content in contents(signature) {
        if content.nocase && !content.bytes.iter().any(u8::is_ascii_alphabetic) {
            given.push(
                "nocase-without-letters",
                Some("nocase"),
                "nocase ở một content không có chữ cái nào thì vô ích; hãy bỏ đi",
                "nocase at a content without letters does nothing; leave it out",
            );
        }
        if content.negated && content.fast_pattern.is_some() {
            given.push(
                "negated-fast-pattern",
                Some("fast_pattern"),
                "fast_pattern ở một content phủ định không gọi được luật; hãy đặt ở content khác",
                "fast_pattern at a negated content cannot call the rule; say it at another one",
            );
        }
    }
    for list in &signature.buffers {
        let mut seen: Vec<&Content> = Vec::new();
        for condition in &list.conditions {
            let BufferCondition::Content(content) = condition else {
                continue;
            };
            let placed = content.distance.is_some() || content.within.is_some();
            if !placed && seen.contains(&content) {
                given.push(
                    "content-twice",
                    Some("content"),
                    "hai content giống hệt nhau trong cùng vùng: cái sau luôn đúng; hãy bỏ đi hoặc thêm distance",
                    "two contents of a buffer are the same: the second one always holds; leave it out, or add distance",
                );
            }
            seen.push(content);
        }
    }
}

/// What an alert will lack.
fn missing(signature: &Signature, given: &mut Given) {
    if signature.rev == 0 {
        given.push(
            "rev-missing",
            None,
            "thiếu rev: không phân biệt được bản cập nhật với bản cũ; hãy thêm rev:1;",
            "rev is missing: an update of the rule cannot be told from the rule; add rev:1;",
        );
    }
    if signature.classtype.is_none() && signature.alerts {
        given.push(
            "classtype-missing",
            None,
            "thiếu classtype: cảnh báo không có loại và mức ưu tiên của loại",
            "classtype is missing: the alert has neither class nor its priority",
        );
    }
    if signature.msg.is_empty() && signature.alerts {
        given.push(
            "msg-missing",
            None,
            "thiếu msg: cảnh báo không nói gì",
            "msg is missing: the alert says nothing",
        );
    }
}

#[cfg(test)]
mod tests {
    use rules::signature::{Environment, SourceFile, load};

    use super::*;
    use crate::{Names, Options};

    fn codes(options: &str) -> Vec<&'static str> {
        let names = Names::compiled_in();
        let source = SourceFile {
            name: "x.rules".to_owned(),
            text: format!("{options}\n"),
        };
        let report = load(&[source], &names.vocabulary, &Environment::default());
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let (engine, faults) = Engine::new(names, report.signatures, Options::default());
        assert!(faults.is_empty(), "{faults:?}");
        let index = engine.find(7)[0];
        let advice = engine.advice(index);
        for one in &advice {
            assert!(!one.told(Language::Vietnamese).is_empty());
            assert_ne!(one.told(Language::Vietnamese), one.told(Language::English));
        }
        advice.iter().map(|one| one.code).collect()
    }

    #[test]
    fn each_advice_is_given_where_it_helps() {
        const END: &str = "msg:\"m\"; classtype:bad-unknown; sid:7; rev:1;";
        let any = "alert tcp any any -> any any";
        let rows: &[(&str, &str, &[&str])] = &[
            (any, r#"content:"evil/1";"#, &[]),
            (any, r#"content:!"evil/1";"#, &["no-fast-pattern"]),
            (any, r#"content:"ab";"#, &["short-fast-pattern"]),
            (any, r#"content:"HTTP/1.1";"#, &["common-fast-pattern"]),
            (
                any,
                r#"pcre:"/evil\d/";"#,
                &["no-fast-pattern", "pcre-without-content"],
            ),
            (
                any,
                r#"content:"evil/1"; pcre:"/(a+)+b/";"#,
                &["pcre-backtracks"],
            ),
            (
                any,
                r#"content:"evil/1"; pcre:"/(a++)+b[(+]+(c{2})+\(x+\)+/";"#,
                &[],
            ),
            (
                "alert tcp any 80 -> any any",
                r#"flow:to_server; content:"evil/1";"#,
                &["direction-never-matches"],
            ),
            (
                "alert tcp any any -> any [80,443]",
                r#"flow:to_client; content:"evil/1";"#,
                &["direction-never-matches"],
            ),
            (
                "alert tcp any any -> any 80",
                r#"flow:to_server; content:"evil/1";"#,
                &[],
            ),
            (
                "alert tcp any 4444 -> any any",
                r#"flow:to_server; content:"evil/1";"#,
                &[],
            ),
            (any, "flow:established; flags:S;", &["syn-in-established"]),
            (
                any,
                r#"content:"evil/1"; flowbits:isset,never;"#,
                &["flowbit-never-set"],
            ),
            (
                any,
                r#"content:"evil/1"; flowbits:isset,never; flowbits:set,never;"#,
                &[],
            ),
            (
                "alert http any any -> any any",
                r#"http.uri; content:"/evil"; bsize:6; isdataat:8;"#,
                &["unreachable-isdataat"],
            ),
            (
                any,
                r#"content:"|00 01 02 03|"; nocase;"#,
                &["nocase-without-letters"],
            ),
            (
                any,
                r#"content:"evil/1"; content:!"other"; fast_pattern;"#,
                &["negated-fast-pattern"],
            ),
            (
                any,
                r#"content:"evil/1"; content:"evil/1";"#,
                &["content-twice"],
            ),
            (
                any,
                r#"content:"evil/1"; content:"evil/1"; distance:0;"#,
                &[],
            ),
        ];
        for (header, options, expected) in rows {
            assert_eq!(
                codes(&format!("{header} ({options} {END})")),
                *expected,
                "{header} {options}"
            );
        }
        let bare = format!("{any} (content:\"evil/1\"; sid:7;)");
        assert_eq!(
            codes(&bare),
            ["rev-missing", "classtype-missing", "msg-missing"]
        );
    }
}
