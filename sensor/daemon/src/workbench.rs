//! One rule on one capture: did it match, and if not, how near did it come?
//!
//! The engine that inspects live traffic answers; see [`sensor_detect::Trace`].

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use rules::signature::{
    BufferCondition, Content, Language, Signature, explain_bytes, explain_condition, list_place,
};
use sensor_detect::{Attempt, BytesMiss, Engine, HeaderMiss, Missed, Traced};
use sensor_event::Class;
use sensor_flow::Direction;
use serde::Serialize;

use crate::command::replay::feed;
use crate::output::Output;
use crate::ruleset;
use crate::settings::{Checksums, Settings};
use crate::worker::Worker;

/// Bytes of a line of a hex view, and lines that are shown.
const HEX_WIDTH: usize = 16;
const HEX_LINES: usize = 8;

/// What one rule did on one capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    pub sid: u32,
    pub msg: String,
    /// Packets and transactions that the rule was looked at with.
    pub looks: u64,
    pub matches: u64,
    /// Fewer than matches where thresholds, suppressions, `noalert` or `pass` rules say so.
    pub alerts: u64,
    /// The best first; empty when the rule matched and alerted.
    pub attempts: Vec<Miss>,
}

/// Where an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// Number of the captured frame, from 1; none at the end of a flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    pub direction: &'static str,
    /// Number of the transaction within its flow, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<u64>,
    /// Why it ended, in words.
    pub why: String,
    /// The buffer, if the condition is on bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer: Option<String>,
    /// What was nearest to the condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// Place in the buffer behind the last condition that held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// Bytes around that place: offset, hexadecimal, text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hex: Vec<String>,
}

/// Runs the rules of a text on a capture and tells of each what it did. `assignments` are settings
/// (`KEY=VALUE`); files that rules name are looked for in `folder`.
///
/// # Errors
/// When a setting is unknown, a rule has faults (the first one is told), or the capture cannot be read.
pub fn near_misses(
    text: &str,
    folder: &Path,
    capture: &Path,
    assignments: &[String],
    language: Language,
) -> anyhow::Result<Vec<NearMiss>> {
    let mut settings = Settings::default();
    for assignment in assignments {
        settings.apply(assignment).map_err(anyhow::Error::msg)?;
    }
    settings.checksums = Checksums::None;
    let rules = ruleset::of_text(text, folder, &settings, None)?;
    if let Some(failure) = rules.failures.first() {
        bail!("{failure}");
    }
    let sids: Vec<u32> = rules
        .engine
        .indexes()
        .map(|index| rules.engine.signature(index).sid)
        .collect();
    traced(&rules.engine, settings, capture, &sids, language)
}

/// What rules of a compiled set did on a capture.
pub(crate) fn traced(
    engine: &Arc<Engine>,
    settings: Settings,
    capture: &Path,
    sids: &[u32],
    language: Language,
) -> anyhow::Result<Vec<NearMiss>> {
    struct Nowhere;
    impl Output for Nowhere {
        fn record(&mut self, _class: Class, _line: &[u8]) {}
    }
    let mut worker = Worker::new(
        0,
        Arc::new(settings),
        Some(Arc::clone(engine)),
        None,
        Nowhere,
    );
    worker.trace(sids);
    feed(&mut worker, &[capture.to_owned()], |_| true)?;
    worker.finish();
    let trace = worker.traced();
    Ok(trace
        .into_iter()
        .flat_map(|trace| trace.traced())
        .map(|(index, traced)| near_miss(engine, index, traced, language))
        .collect())
}

fn near_miss(engine: &Engine, index: u32, traced: &Traced, language: Language) -> NearMiss {
    let signature = engine.signature(index);
    let attempts = if traced.alerts > 0 || (traced.matches > 0 && !signature.alerts) {
        Vec::new()
    } else {
        traced
            .attempts
            .iter()
            .map(|attempt| miss(engine, signature, attempt, language))
            .collect()
    };
    NearMiss {
        sid: signature.sid,
        msg: signature.msg.clone(),
        looks: traced.looks,
        matches: traced.matches,
        alerts: traced.alerts,
        attempts,
    }
}

fn miss(engine: &Engine, signature: &Signature, attempt: &Attempt, language: Language) -> Miss {
    let vocabulary = &engine.names().vocabulary;
    let end = |end: Option<(std::net::IpAddr, u16)>| {
        end.map(|(address, port)| match address {
            std::net::IpAddr::V4(v4) => format!("{v4}:{port}"),
            std::net::IpAddr::V6(v6) => format!("[{v6}]:{port}"),
        })
    };
    let mut told = Miss {
        frame: attempt.frame,
        source: end(attempt.source),
        destination: end(attempt.destination),
        direction: match attempt.direction {
            Direction::ToServer => "to_server",
            Direction::ToClient => "to_client",
        },
        transaction: attempt.transaction,
        why: String::new(),
        buffer: None,
        nearest: None,
        position: None,
        hex: Vec::new(),
    };
    let fails = language.pick("không đúng", "does not hold");
    told.why = match &attempt.missed {
        Missed::Header(miss) => header(*miss, language).to_owned(),
        Missed::AppProtocol { found: "unknown" } => language
            .pick(
                "giao thức ứng dụng của luồng chưa nhận ra",
                "the application protocol of the flow is not known here",
            )
            .to_owned(),
        Missed::AppProtocol { found } => format!(
            "{} {found}",
            language.pick(
                "giao thức ứng dụng của luồng là",
                "the application protocol of the flow is"
            )
        ),
        Missed::Condition(at) => {
            signature
                .conditions
                .get(*at)
                .map_or_else(String::new, |condition| {
                    format!(
                        "{fails}: {}",
                        explain_condition(condition, vocabulary, language)
                    )
                })
        }
        Missed::FlowBits(at) => format!(
            "{}: {}",
            language.pick(
                "đánh dấu của luồng không như luật cần",
                "the flow is not marked as the rule wants"
            ),
            signature
                .flowbits
                .get(*at)
                .map_or_else(String::new, |bits| bits.names.join(" | "))
        ),
        Missed::FlowInts(at) => format!(
            "{}: {}",
            language.pick(
                "số đếm của luồng không như luật cần",
                "a counter of the flow is not as the rule wants"
            ),
            signature
                .flowints
                .get(*at)
                .map_or("", |int| int.name.as_str())
        ),
        Missed::Variables(at) => format!(
            "{}: {}",
            language.pick(
                "biến đã bắt được không như luật cần",
                "a captured variable is not as the rule wants"
            ),
            signature
                .variable_tests
                .get(*at)
                .map_or("", |test| test.name.as_str())
        ),
        Missed::HostBits => language
            .pick(
                "đánh dấu của máy không như luật cần",
                "the hosts are not marked as the rule wants",
            )
            .to_owned(),
        Missed::NoBuffer { list } => {
            told.buffer = signature
                .buffers
                .get(*list)
                .map(|list| list_place(list, vocabulary, language));
            language
                .pick("vùng dữ liệu này không có", "this buffer is not there")
                .to_owned()
        }
        Missed::Bytes(bytes) => {
            let list = signature.buffers.get(bytes.list);
            told.buffer = list.map(|list| list_place(list, vocabulary, language));
            told.position = Some(bytes.position);
            let condition = list.and_then(|list| list.conditions.get(bytes.condition));
            let mut mark = None;
            if let Some(BufferCondition::Content(content)) = condition {
                let (text, at) = nearest(content, bytes, language);
                told.nearest = text;
                mark = at;
            }
            told.hex = hex(bytes, mark.unwrap_or(bytes.position));
            condition.map_or_else(
                || {
                    language
                        .pick("phủ định đã quyết định ở cuối", "bytes to come may decide")
                        .to_owned()
                },
                |condition| format!("{fails}: {}", explain_bytes(condition, signature, language)),
            )
        }
    };
    told
}

fn header(miss: HeaderMiss, language: Language) -> &'static str {
    let (vietnamese, english) = match miss {
        HeaderMiss::Protocol => (
            "giao thức ở phần đầu luật không đúng",
            "the protocol of the header does not fit",
        ),
        HeaderMiss::IpVersion => ("phiên bản IP không đúng", "the version of IP does not fit"),
        HeaderMiss::WithoutFlow => (
            "gói tin không thuộc luồng nào",
            "the packet belongs to no flow",
        ),
        HeaderMiss::SourcePort => ("cổng nguồn không đúng", "the source port does not fit"),
        HeaderMiss::DestinationPort => {
            ("cổng đích không đúng", "the destination port does not fit")
        }
        HeaderMiss::SourceAddress => (
            "địa chỉ nguồn không đúng",
            "the source address does not fit",
        ),
        HeaderMiss::DestinationAddress => (
            "địa chỉ đích không đúng",
            "the destination address does not fit",
        ),
        HeaderMiss::Direction => (
            "luật xét chiều kia của luồng",
            "the rule looks at the other direction",
        ),
        HeaderMiss::Fragments => (
            "phân mảnh không như luật cần",
            "fragmentation is not as the rule wants",
        ),
        HeaderMiss::NotEstablished => (
            "kết nối chưa thiết lập",
            "the connection is not established",
        ),
        HeaderMiss::Established => (
            "kết nối đã thiết lập",
            "the connection is established already",
        ),
    };
    language.pick(vietnamese, english)
}

/// The longest beginning of a content that stands somewhere in the bytes, and where.
fn nearest(
    content: &Content,
    bytes: &BytesMiss,
    language: Language,
) -> (Option<String>, Option<usize>) {
    let wanted = &content.bytes;
    if content.negated || wanted.is_empty() {
        return (None, None);
    }
    let best = (0..bytes.data.len())
        .map(|at| {
            let equal = bytes.data[at..]
                .iter()
                .zip(wanted)
                .take_while(|(one, other)| one.eq_ignore_ascii_case(other))
                .count();
            (equal, std::cmp::Reverse(at))
        })
        .max();
    let Some((count, std::cmp::Reverse(at))) = best.filter(|(count, _)| *count > 0) else {
        return (None, None);
    };
    let offset = bytes.from + at;
    let exact = bytes.data.get(at..at + count) == wanted.get(..count);
    let text = match (count == wanted.len(), exact, language) {
        (true, true, Language::Vietnamese) => {
            format!("có ở byte {offset}, nhưng ngoài chỗ luật cho phép")
        }
        (true, true, Language::English) => {
            format!("stands at byte {offset}, but not where the rule allows it")
        }
        (true, false, Language::Vietnamese) => {
            format!("có ở byte {offset} nhưng khác chữ hoa, chữ thường: thiếu nocase?")
        }
        (true, false, Language::English) => {
            format!("stands at byte {offset} in other case: is nocase missing?")
        }
        (false, _, Language::Vietnamese) => format!(
            "{count} trong {} byte đầu của mẫu có ở byte {offset}",
            wanted.len()
        ),
        (false, _, Language::English) => format!(
            "the first {count} of its {} bytes stand at byte {offset}",
            wanted.len()
        ),
    };
    (Some(text), Some(offset))
}

/// Lines around a place.
fn hex(bytes: &BytesMiss, place: usize) -> Vec<String> {
    let first = bytes.from / HEX_WIDTH * HEX_WIDTH;
    let start = (place / HEX_WIDTH).saturating_sub(HEX_LINES / 2) * HEX_WIDTH;
    let start = start.max(first);
    (start..bytes.from + bytes.data.len())
        .step_by(HEX_WIDTH)
        .take(HEX_LINES)
        .map(|line| {
            let mut digits = String::new();
            let mut text = String::new();
            for at in line..line + HEX_WIDTH {
                let byte = at.checked_sub(bytes.from).and_then(|at| bytes.data.get(at));
                let mark = if at == place { '>' } else { ' ' };
                match byte {
                    Some(byte) => {
                        let _ = write!(digits, "{mark}{byte:02x}");
                        text.push(if byte.is_ascii_graphic() || *byte == b' ' {
                            char::from(*byte)
                        } else {
                            '.'
                        });
                    }
                    None => {
                        digits.push(mark);
                        digits.push_str("  ");
                        text.push(' ');
                    }
                }
            }
            format!("{line:08x} {digits}  {}", text.trim_end())
        })
        .collect()
}

impl NearMiss {
    /// Lines for people; at most `attempts` attempts.
    pub fn lines(&self, attempts: usize, language: Language) -> Vec<String> {
        let vietnamese = language == Language::Vietnamese;
        let mut lines = vec![if vietnamese {
            format!(
                "sid {}: xét {} lần, khớp {} lần, {} cảnh báo",
                self.sid, self.looks, self.matches, self.alerts
            )
        } else {
            format!(
                "sid {}: {} looks, {} matches, {} alerts",
                self.sid, self.looks, self.matches, self.alerts
            )
        }];
        if self.matches > 0 && self.alerts == 0 {
            lines.push(language.pick(
                "  khớp nhưng không cảnh báo: ngưỡng, chặn cảnh báo, noalert hoặc một luật pass",
                "  it matched and did not alert: a threshold, a suppression, noalert or a pass rule",
            ).to_owned());
        }
        for (number, miss) in (1..).zip(self.attempts.iter().take(attempts)) {
            let place = match (miss.frame, vietnamese) {
                (Some(frame), true) => format!("gói {frame}"),
                (Some(frame), false) => format!("frame {frame}"),
                (None, true) => "cuối luồng".to_owned(),
                (None, false) => "end of the flow".to_owned(),
            };
            let mut head = format!("  {number}. {place}");
            if let (Some(source), Some(destination)) = (&miss.source, &miss.destination) {
                let _ = write!(head, ", {source} → {destination}");
            }
            if let Some(transaction) = miss.transaction {
                let _ = write!(
                    head,
                    ", {} {transaction}",
                    language.pick("giao dịch", "transaction")
                );
            }
            lines.push(head);
            if let Some(buffer) = &miss.buffer {
                lines.push(format!("     {buffer}"));
            }
            lines.push(format!("     {}", miss.why));
            lines.extend(miss.nearest.iter().map(|nearest| format!("     {nearest}")));
            lines.extend(miss.hex.iter().map(|line| format!("     {line}")));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rule: &str, capture: &str) -> NearMiss {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let capture = root.join("tests/pcap").join(capture).join("input.pcap");
        let told = near_misses(rule, Path::new("."), &capture, &[], Language::English)
            .expect("a sound rule");
        assert_eq!(told.len(), 1);
        told.into_iter().next().expect("one rule")
    }

    #[test]
    fn the_condition_that_fails_is_named() {
        let capture = "web/browse";
        let rows = [
            (
                "alert http any any -> any any (http.method; content:\"GET\"; sid:1;)",
                None,
            ),
            (
                "alert http any any -> any any (http.method; content:\"get\"; sid:1;)",
                Some("is nocase missing?"),
            ),
            (
                "alert http any any -> any any (http.method; content:\"GEX\"; sid:1;)",
                Some("the first 2 of its 3 bytes stand at byte 0"),
            ),
            (
                "alert http any any -> any any (http.method; content:\"GET\"; http.uri; content:\"/nowhere\"; sid:1;)",
                Some("In http.uri"),
            ),
            (
                "alert tcp any any -> any 81 (content:\"GET\"; sid:1;)",
                Some("destination port"),
            ),
            (
                "alert tls any any -> any any (tls.sni; content:\"x\"; sid:1;)",
                Some("application protocol of the flow is http"),
            ),
            (
                "alert tcp any any -> any any (ttl:1; sid:1;)",
                Some("the TTL is 1"),
            ),
            (
                "alert http any any -> any any (flowbits:isset,x; http.method; content:\"GET\"; sid:1;)",
                Some("is not marked"),
            ),
            (
                "alert tcp any any -> any any (flow:to_server; content:\"GET\"; content:\"HTTP\"; within:5; sid:1;)",
                Some("stands at byte"),
            ),
        ];
        for (rule, wanted) in rows {
            let told = told(rule, capture);
            let text = told.lines(1, Language::English).join("\n");
            match wanted {
                None => assert!(told.alerts > 0 && told.attempts.is_empty(), "{text}"),
                Some(wanted) => {
                    assert!(
                        told.alerts == 0 && text.contains(wanted),
                        "{wanted} in {text}"
                    );
                    assert!(told.attempts[0].frame.is_some() && told.attempts.len() <= 16);
                }
            }
        }
    }

    #[test]
    fn a_hex_view_marks_the_place() {
        let bytes = BytesMiss {
            list: 0,
            condition: 0,
            position: 3,
            data: (0x41..0x41 + 20).collect(),
            from: 0,
            length: 20,
        };
        assert_eq!(
            hex(&bytes, 3),
            [
                "00000000  41 42 43>44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP",
                "00000010  51 52 53 54                                      QRST",
            ]
        );
    }
}
