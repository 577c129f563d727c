//! Syslog: RFC 5424 messages, with structured data or with CEF, over UDP (RFC 5426) or TCP (RFC 6587).

use std::fmt::Write as _;

use collector_state::UnixMillis;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use super::SendError;
use crate::config::{Language, SyslogFormat, SyslogTransport};
use crate::item::{Item, rfc3339};

/// `local0`.
const FACILITY: u8 = 16;
/// The enterprise number that RFC 5612 gives for documentation: we have none of our own.
const ENTERPRISE: u32 = 32_473;
/// What every receiver takes of a UDP message is less; this many most do.
const MAX_UDP_BYTES: usize = 8_192;

pub async fn send(
    (server, port): (&str, u16),
    transport: SyslogTransport,
    format: SyslogFormat,
    hostname: &str,
    items: &[Item],
    now: UnixMillis,
) -> Result<(), SendError> {
    let network = |source| SendError::Network {
        address: format!("{server}:{port}"),
        source,
    };
    let messages = items
        .iter()
        .map(|item| message(format, hostname, item, now));
    match transport {
        SyslogTransport::Udp => {
            let socket = UdpSocket::bind("[::]:0").await;
            let socket = match socket {
                Ok(socket) => socket,
                // A machine without IPv6.
                Err(_) => UdpSocket::bind("0.0.0.0:0").await.map_err(network)?,
            };
            let address = tokio::net::lookup_host((server, port))
                .await
                .map_err(network)?
                .next()
                .ok_or_else(|| SendError::Config(format!("{server} has no address")))?;
            let socket = if address.is_ipv4() {
                UdpSocket::bind("0.0.0.0:0").await.map_err(network)?
            } else {
                socket
            };
            for message in messages {
                let end = message.floor_char_boundary(MAX_UDP_BYTES.min(message.len()));
                socket
                    .send_to(&message.as_bytes()[..end], address)
                    .await
                    .map_err(network)?;
            }
        }
        SyslogTransport::Tcp => {
            let mut stream = TcpStream::connect((server, port)).await.map_err(network)?;
            for message in messages {
                let framed = format!("{} {message}", message.len());
                stream.write_all(framed.as_bytes()).await.map_err(network)?;
            }
            stream.shutdown().await.map_err(network)?;
        }
    }
    Ok(())
}

fn message(format: SyslogFormat, hostname: &str, item: &Item, now: UnixMillis) -> String {
    // 1 (worst) → critical, 4 → notice.
    let severity = 1 + item.severity().clamp(1, 4);
    let priority = FACILITY * 8 + severity;
    let at = rfc3339(now);
    let head = format!("<{priority}>1 {at} {hostname} matluoi - {}", kind(item));
    match format {
        SyslogFormat::Rfc5424 => {
            let mut data = format!("[matluoi@{ENTERPRISE}");
            for (name, value) in fields(item) {
                // A String takes any write.
                let _ = write!(data, " {name}=\"{}\"", escape_parameter(&value));
            }
            // MSG-ANY in UTF-8 begins with a byte order mark (RFC 5424 §6.4).
            format!("{head} {data}] \u{feff}{}", item.line(Language::Vi))
        }
        SyslogFormat::Cef => format!("{head} - {}", cef(item)),
    }
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Alert { .. } => "alert",
        Item::Alarm { .. } => "alarm",
        Item::Test { .. } => "test",
    }
}

fn fields(item: &Item) -> Vec<(&'static str, String)> {
    match item {
        Item::Alert {
            group,
            unit,
            sid,
            signature,
            category,
            severity,
            source,
            destination,
            count,
            ..
        } => vec![
            ("group", group.to_string()),
            ("unit", unit.clone()),
            ("sid", sid.to_string()),
            ("signature", signature.clone()),
            ("category", category.clone()),
            ("severity", severity.to_string()),
            ("src", source.clone()),
            ("dst", destination.clone()),
            ("count", count.to_string()),
        ],
        Item::Alarm {
            kind,
            severity,
            sensor,
            over,
            detail,
            ..
        } => vec![
            ("kind", kind.clone()),
            ("severity", severity.to_string()),
            ("sensor", sensor.clone().unwrap_or_default()),
            ("over", over.to_string()),
            ("detail", detail.to_string()),
        ],
        Item::Test { by, .. } => vec![("by", by.clone())],
    }
}

/// CEF:0|vendor|product|version|id|name|severity|extension
fn cef(item: &Item) -> String {
    let (id, name) = match item {
        Item::Alert { sid, signature, .. } => (sid.to_string(), signature.clone()),
        Item::Alarm { kind, .. } => (kind.clone(), item.line(Language::En)),
        Item::Test { .. } => ("test".to_owned(), item.line(Language::En)),
    };
    // CEF counts up: 10 is worst.
    let severity = 12 - 2 * item.severity().clamp(1, 4);
    let mut cef = format!(
        "CEF:0|Mat Luoi|matluoi|{}|{}|{}|{severity}|",
        env!("CARGO_PKG_VERSION"),
        escape_head(&id),
        escape_head(&name),
    );
    let names = [
        ("src", "src"),
        ("dst", "dst"),
        ("count", "cnt"),
        ("category", "cat"),
        ("unit", "cs1"),
        ("group", "cn1"),
        ("sensor", "dvchost"),
        ("detail", "msg"),
    ];
    let mut first = true;
    for (name, value) in fields(item) {
        let Some((_, key)) = names.iter().find(|(ours, _)| *ours == name) else {
            continue;
        };
        let space = if first { "" } else { " " };
        first = false;
        // A String takes any write.
        let _ = write!(cef, "{space}{key}={}", escape_extension(&value));
    }
    cef
}

/// RFC 5424 §6.3.3.
fn escape_parameter(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}

fn escape_head(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('|', "\\|");
    value.replace(char::is_control, " ")
}

fn escape_extension(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('=', "\\=");
    value.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Item {
        Item::Alert {
            group: 7,
            unit: "Phường \"A]\"".to_owned(),
            sid: 2_000_001,
            signature: "Quét | cổng".to_owned(),
            category: "scan=1".to_owned(),
            severity: 1,
            source: "10.0.0.1".to_owned(),
            destination: "2001:db8::1".to_owned(),
            count: 3,
            first: String::new(),
            last: String::new(),
            escalated: false,
        }
    }

    #[test]
    fn messages_have_the_shape_of_their_standards() {
        let at = UnixMillis(1_700_000_000_000);
        let told = message(SyslogFormat::Rfc5424, "may-chu", &alert(), at);
        assert!(
            told.starts_with(
                "<130>1 2023-11-14T22:13:20Z may-chu matluoi - alert [matluoi@32473 group=\"7\" \
                 unit=\"Phường \\\"A\\]\\\"\" sid=\"2000001\""
            ),
            "{told}"
        );
        let told = message(SyslogFormat::Cef, "may-chu", &alert(), at);
        let (_, cef) = told.split_once(" - alert - ").expect("a head");
        let expected = format!(
            "CEF:0|Mat Luoi|matluoi|{}|2000001|Quét \\| cổng|10|cn1=7 cs1=Phường \"A]\" \
             cat=scan\\=1 src=10.0.0.1 dst=2001:db8::1 cnt=3",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(cef, expected);
    }
}
