//! A syslog message → the record that is stored of it. RFC 5424 and RFC 3164, and what devices make of them; parsed by
//! `syslog_loose`, which takes what it cannot take apart as a message whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sensor_event::{DeviceLog, Syslog, Text, Time};
use syslog_loose::{Message, ProcId, Protocol, SyslogSeverity, Variant};

/// Pairs of `name=value` that are taken out of one message.
const MAX_VALUES: usize = 64;
/// Bytes of such a name.
const MAX_NAME_BYTES: usize = 64;

/// The record of a message, JSON text.
pub fn record(
    text: &str,
    now: Time,
    from: SocketAddr,
    port: u16,
    proto: &'static str,
) -> Option<Vec<u8>> {
    // Times are those of receipt: the year that the older format leaves out is not needed.
    let message: Message<&str> = syslog_loose::parse_message_with_year_tz(
        text,
        |_| 2024,
        Some(chrono::Utc),
        Variant::Either,
    );
    let process = message.procid.as_ref().map(|process| match process {
        ProcId::PID(number) => number.to_string(),
        ProcId::Name(name) => (*name).to_owned(),
    });
    let version = match message.protocol {
        Protocol::RFC5424(version) => u8::try_from(version).ok(),
        Protocol::RFC3164 => None,
    };
    // Only the newer format writes times whole.
    let at = version
        .and(message.timestamp)
        .map(|timestamp| timestamp.to_rfc3339());
    let structured: String = message
        .structured_data
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut values = values(message.msg);
    for element in &message.structured_data {
        for (name, value) in &element.params {
            if values.len() < MAX_VALUES && is_name(name) {
                values.entry(name).or_insert(value);
            }
        }
    }
    let syslog = Syslog {
        facility: message
            .facility
            .map_or("unknown", syslog_loose::SyslogFacility::as_str),
        severity: message.severity.map_or("unknown", severity),
        version,
        timestamp: at.as_deref().map(|at| Text(at.as_bytes())),
        hostname: message.hostname.map(|host| Text(host.as_bytes())),
        app_name: message.appname.map(|app| Text(app.as_bytes())),
        proc_id: process.as_deref().map(|process| Text(process.as_bytes())),
        msg_id: message.msgid.map(|id| Text(id.as_bytes())),
        structured_data: (!structured.is_empty()).then_some(Text(structured.as_bytes())),
        message: Text(message.msg.as_bytes()),
    };
    let source = (from.ip().to_canonical(), from.port());
    let log = DeviceLog::new(now, source, port, proto, syslog, values);
    serde_json::to_vec(&log).ok()
}

/// As our sensors name them.
fn severity(severity: SyslogSeverity) -> &'static str {
    match severity {
        SyslogSeverity::SEV_EMERG => "emergency",
        SyslogSeverity::SEV_ALERT => "alert",
        SyslogSeverity::SEV_CRIT => "critical",
        SyslogSeverity::SEV_ERR => "error",
        SyslogSeverity::SEV_WARNING => "warning",
        SyslogSeverity::SEV_NOTICE => "notice",
        SyslogSeverity::SEV_INFO => "info",
        SyslogSeverity::SEV_DEBUG => "debug",
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_NAME_BYTES
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `name=value` and `name="some value"`, as firewalls write them; the first of a name counts.
fn values(text: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        if found.len() >= MAX_VALUES {
            break;
        }
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let name = before
            .rsplit(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|'))
            .next()
            .unwrap_or_default();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some((value, behind)) => (value, behind),
                None => (quoted, ""),
            },
            None => {
                let end = after
                    .find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|'))
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if is_name(name) && !value.is_empty() {
            found.entry(name).or_insert(value);
        }
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        let from = "192.0.2.7:5140".parse().expect("an address");
        let record = record(text, Time(0), from, 514, "UDP").expect("a record");
        serde_json::from_slice(&record).expect("JSON")
    }

    #[test]
    fn both_formats_and_neither_become_records() {
        let rows = [
            (
                r#"<165>1 2026-11-24T10:00:00.003Z fw01 sshd 4711 ID47 [exampleSDID@32473 iut="3"] Failed password for root"#,
                json!({"facility": "local4", "severity": "notice", "version": 1, "timestamp": "2026-11-24T10:00:00.003+00:00",
                    "hostname": "fw01", "app_name": "sshd", "proc_id": "4711", "msg_id": "ID47",
                    "structured_data": "[exampleSDID@32473 iut=\"3\"]", "iut": "3", "message": "Failed password for root"}),
            ),
            (
                "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed for lonvick",
                json!({"facility": "auth", "severity": "critical", "hostname": "mymachine", "app_name": "su", "proc_id": "12",
                    "message": "'su root' failed for lonvick"}),
            ),
            (
                "no header at all",
                json!({"facility": "unknown", "severity": "unknown", "message": "no header at all"}),
            ),
        ];
        for (text, expected) in rows {
            let record = read(text);
            assert_eq!(record["syslog"], expected, "{text}");
            assert_eq!(record["event_type"], "syslog");
            assert_eq!(record["src_ip"], "192.0.2.7");
        }
    }

    #[test]
    fn what_firewalls_write_is_taken_apart() {
        let record = read(
            r#"<189>date=2026-11-24 devname="FGT 1" type="event" action="Add" cfgpath="system.admin" message=x msg="Add system.admin""#,
        );
        let syslog = &record["syslog"];
        assert_eq!(syslog["action"], "Add");
        assert_eq!(syslog["cfgpath"], "system.admin");
        assert_eq!(syslog["devname"], "FGT 1");
        // What a device calls message is not taken for the message.
        assert!(
            syslog["message"]
                .as_str()
                .is_some_and(|text| text.contains("devname"))
        );
    }

    proptest! {
        #[test]
        fn no_message_panics(text in "(<[0-9]{0,5}>)?(1 )?[ -~\\PC]{0,200}") {
            read(&text);
        }

        #[test]
        fn no_date_panics(text in "<13>[A-Z][a-z]{2} [0-9]{1,2} ([0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2} .{0,40}") {
            read(&text);
        }
    }
}
