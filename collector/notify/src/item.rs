//! One thing that a message tells.

use collector_state::{Alarm, GroupTold, UnixMillis};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::Language;

/// What is queued, and what a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    Alert {
        group: i64,
        unit: String,
        sid: u32,
        signature: String,
        category: String,
        severity: u8,
        source: String,
        destination: String,
        count: u64,
        first: String,
        last: String,
        /// It is told because nobody has taken it.
        escalated: bool,
    },
    Alarm {
        alarm: i64,
        kind: String,
        severity: u8,
        sensor: Option<String>,
        since: String,
        /// The condition has gone.
        over: bool,
        detail: serde_json::Value,
    },
    Test {
        at: String,
        by: String,
    },
}

impl Item {
    pub fn alert(group: &GroupTold, escalated: bool) -> Item {
        Item::Alert {
            group: group.id.0,
            unit: group.unit_name.clone(),
            sid: group.sid,
            signature: group.signature.clone(),
            category: group.category.clone(),
            severity: group.severity,
            source: group.source.to_string(),
            destination: group.destination.to_string(),
            count: group.count,
            first: rfc3339(group.first),
            last: rfc3339(group.last),
            escalated,
        }
    }

    pub fn alarm(alarm: &Alarm) -> Item {
        Item::Alarm {
            alarm: alarm.id,
            kind: alarm.kind.name().to_owned(),
            severity: alarm.kind.severity(),
            sensor: alarm.sensor_name.clone(),
            since: rfc3339(alarm.opened),
            over: alarm.closed.is_some(),
            detail: serde_json::from_str(&alarm.detail).unwrap_or_default(),
        }
    }

    pub fn test(by: &str, at: UnixMillis) -> Item {
        Item::Test {
            at: rfc3339(at),
            by: by.to_owned(),
        }
    }

    pub fn severity(&self) -> u8 {
        match self {
            Item::Alert { severity, .. } | Item::Alarm { severity, .. } => *severity,
            Item::Test { .. } => 4,
        }
    }

    /// One line.
    pub fn line(&self, language: Language) -> String {
        let vi = language == Language::Vi;
        match self {
            Item::Alert {
                signature,
                severity,
                source,
                destination,
                count,
                unit,
                escalated,
                ..
            } => {
                let head = match (vi, escalated) {
                    (true, false) => "Cảnh báo",
                    (true, true) => "CHƯA AI XỬ LÝ",
                    (false, false) => "Alert",
                    (false, true) => "NOT TAKEN",
                };
                let times = if vi { "lần" } else { "times" };
                let level = if vi { "mức" } else { "severity" };
                format!(
                    "{head}: {signature} ({level} {severity}) {source} → {destination}, {count} {times}, {unit}"
                )
            }
            Item::Alarm {
                kind,
                sensor,
                over,
                detail,
                ..
            } => {
                let head = match (vi, over) {
                    (true, false) => "Sự cố",
                    (true, true) => "Đã hết",
                    (false, false) => "Alarm",
                    (false, true) => "Over",
                };
                let of = sensor
                    .clone()
                    .unwrap_or_else(|| if vi { "máy chủ" } else { "collector" }.to_owned());
                let figures = match detail.as_object() {
                    Some(figures) if !figures.is_empty() => format!(" {detail}"),
                    _ => String::new(),
                };
                format!("{head}: {} — {of}{figures}", alarm_name(kind, language))
            }
            Item::Test { by, .. } if vi => format!("Tin thử của Mắt Lưới, do {by} gửi"),
            Item::Test { by, .. } => format!("A test message of Mắt Lưới, sent by {by}"),
        }
    }
}

fn alarm_name(kind: &str, language: Language) -> &str {
    let (vi, en) = match kind {
        "sensor_disconnected" => ("mất liên lạc với cảm biến", "sensor disconnected"),
        "sensor_silent" => ("cảm biến im lặng bất thường", "sensor unusually silent"),
        "packet_drops" => ("rơi gói tin", "packets dropped"),
        "no_traffic" => (
            "không có lưu lượng tới cảm biến",
            "no traffic reaches the sensor",
        ),
        "records_shed" => ("cảm biến phải bỏ bản ghi", "records shed"),
        "records_lost" => ("mất bản ghi", "records lost"),
        "spool_filling" => ("hàng đợi trên cảm biến sắp đầy", "spool filling up"),
        "clock_skew" => ("đồng hồ sai", "clock skew"),
        "ruleset_mismatch" => ("bộ luật không khớp", "rule set mismatch"),
        "canary_missing" => ("tin kiểm tra không về tới", "canary missing"),
        "disk_days_left" => ("đĩa sắp đầy", "disk full soon"),
        "disk_reserve" => ("đĩa chỉ còn phần dự trữ", "disk at its reserve"),
        "retention_short" => ("lưu trữ chưa đủ thời hạn", "retention short"),
        "notifications_failing" => ("không gửi được thông báo", "notifications failing"),
        "feeds_failing" => ("không cập nhật được nguồn luật", "rule sources failing"),
        "archive_failing" => ("không lưu trữ được dữ liệu cũ", "old records not archived"),
        "syslog_refused" => ("nguồn syslog chưa được phép", "syslog senders refused"),
        "index_damaged" => ("một phần chỉ mục bị hỏng", "part of the index damaged"),
        other => (other, other),
    };
    match language {
        Language::Vi => vi,
        Language::En => en,
    }
}

/// Head and text of a message.
pub(crate) fn message(items: &[Item], language: Language) -> (String, String) {
    let lines: Vec<String> = items.iter().map(|item| item.line(language)).collect();
    let head = match (items.len(), language) {
        (1, _) => lines.first().cloned().unwrap_or_default(),
        (count, Language::Vi) => format!("{count} tin từ Mắt Lưới"),
        (count, Language::En) => format!("{count} notices of Mắt Lưới"),
    };
    (format!("[Mắt Lưới] {head}"), lines.join("\n"))
}

pub(crate) fn rfc3339(time: UnixMillis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
