//! EVE records out of what other programs send: the record itself, or wrapped in a document of a shipper's.

use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::machine::Line;

/// Decompressed content of one request.
pub const MAX_CONTENT_BYTES: usize = 32 * 1_024 * 1_024;
/// Lines, or documents, of one request.
pub const MAX_LINES: usize = 50_000;
const MAX_LINE_BYTES: usize = 1_024 * 1_024;
/// Of a refused line so much is kept.
const KEPT_BYTES: usize = 16 * 1_024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    None,
    Gzip,
    Zstd,
}

impl Encoding {
    /// Of the header `Content-Encoding`.
    pub fn from_header(value: &str) -> Option<Encoding> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Encoding::None),
            "gzip" | "x-gzip" => Some(Encoding::Gzip),
            "zstd" => Some(Encoding::Zstd),
            _ => None,
        }
    }
}

/// Why a body as a whole cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    NotCompressed,
    TooLarge,
}

/// Decompresses a body, no further than the limit.
pub fn unpack(body: Vec<u8>, encoding: Encoding) -> Result<Vec<u8>, BodyFault> {
    let limit = MAX_CONTENT_BYTES as u64 + 1;
    let mut content = Vec::new();
    match encoding {
        Encoding::None => content = body,
        Encoding::Gzip => {
            flate2::read::MultiGzDecoder::new(body.as_slice())
                .take(limit)
                .read_to_end(&mut content)
                .map_err(|_| BodyFault::NotCompressed)?;
        }
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body.as_slice())
                .map_err(|_| BodyFault::NotCompressed)?;
            // A window larger than the content may be is memory asked for by a stranger.
            decoder
                .window_log_max(MAX_CONTENT_BYTES.ilog2())
                .map_err(|_| BodyFault::NotCompressed)?;
            decoder
                .take(limit)
                .read_to_end(&mut content)
                .map_err(|_| BodyFault::NotCompressed)?;
        }
    }
    if content.len() > MAX_CONTENT_BYTES {
        return Err(BodyFault::TooLarge);
    }
    Ok(content)
}

/// What is looked at of a document.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, rename = "@timestamp")]
    at: Option<&'a RawValue>,
    /// The line as a shipper read it from a file.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// The line as a shipper decoded it.
    #[serde(borrow)]
    json: Option<&'a RawValue>,
    #[serde(borrow)]
    suricata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Original {
    original: Option<String>,
}

#[derive(Deserialize)]
struct Suricata<'a> {
    #[serde(borrow)]
    eve: Option<&'a RawValue>,
}

/// The EVE record in a line or document, as text; or why there is none.
pub fn record(text: &[u8]) -> Line {
    let refused = |reason: &str| {
        let kept = text.get(..KEPT_BYTES).unwrap_or(text).to_vec();
        Err((reason.to_owned(), kept))
    };
    if text.len() > MAX_LINE_BYTES {
        return refused("longer than 1 MiB");
    }
    let Ok(text_utf8) = std::str::from_utf8(text) else {
        return refused("not UTF-8");
    };
    let document: Document<'_> = match serde_json::from_str(text_utf8) {
        Ok(document) => document,
        Err(error) => return refused(&format!("not a JSON object: {error}")),
    };
    if document.event_type.is_some() {
        if document.timestamp.is_some() {
            return Ok(text.to_vec());
        }
        return match document.at {
            Some(at) => Ok(with_timestamp(text_utf8, at.get())),
            None => refused("no timestamp"),
        };
    }
    let line = [document.message, document.log]
        .into_iter()
        .flatten()
        .filter_map(|raw| serde_json::from_str::<String>(raw.get()).ok())
        .chain(
            document
                .event
                .and_then(|raw| serde_json::from_str::<Original>(raw.get()).ok()?.original),
        )
        .find(|line| is_record(line));
    if let Some(line) = line {
        return Ok(line.trim().as_bytes().to_vec());
    }
    let decoded = [
        document.json,
        document
            .suricata
            .and_then(|raw| serde_json::from_str::<Suricata<'_>>(raw.get()).ok()?.eve),
    ];
    if let Some(decoded) = decoded
        .into_iter()
        .flatten()
        .find(|raw| is_record(raw.get()))
    {
        return Ok(decoded.get().as_bytes().to_vec());
    }
    refused("no event_type: this is no EVE record, and holds none")
}

fn is_record(text: &str) -> bool {
    serde_json::from_str::<Document<'_>>(text.trim())
        .is_ok_and(|inner| inner.event_type.is_some() && inner.timestamp.is_some())
}

/// The object with a timestamp before its other members.
fn with_timestamp(object: &str, timestamp: &str) -> Vec<u8> {
    let rest = object.trim_start().strip_prefix('{').unwrap_or_default();
    format!("{{\"timestamp\":{timestamp},{rest}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_in_what_shippers_send() {
        const EVE: &str = r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns","b":1,"a":2}"#;
        let quoted = serde_json::to_string(EVE).expect("text");
        let rows = [
            (EVE.to_owned(), Ok(EVE.to_owned())),
            (
                format!(r#"{{"@timestamp":"x","message":{quoted},"agent":{{}}}}"#),
                Ok(EVE.to_owned()),
            ),
            (
                format!(r#"{{"@timestamp":"x","log":{quoted}}}"#),
                Ok(EVE.to_owned()),
            ),
            (
                format!(r#"{{"event":{{"original":{quoted}}},"message":"dns"}}"#),
                Ok(EVE.to_owned()),
            ),
            (
                format!(r#"{{"log":{{"file":{{}}}},"json":{EVE}}}"#),
                Ok(EVE.to_owned()),
            ),
            (
                format!(r#"{{"suricata":{{"eve":{EVE}}}}}"#),
                Ok(EVE.to_owned()),
            ),
            (
                r#"{"event_type":"dns","@timestamp":"2026-11-24T17:30:00Z"}"#.to_owned(),
                Ok(r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns","@timestamp":"2026-11-24T17:30:00Z"}"#.to_owned()),
            ),
            (r#"{"event_type":"dns"}"#.to_owned(), Err("no timestamp")),
            (r#"{"message":"hello"}"#.to_owned(), Err("no event_type")),
            ("[1]".to_owned(), Err("not a JSON object")),
        ];
        for (document, expected) in rows {
            match (record(document.as_bytes()), expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(String::from_utf8_lossy(&found), expected, "{document}");
                }
                (Err((reason, _)), Err(expected)) => {
                    assert!(reason.starts_with(expected), "{document}: {reason}");
                }
                (found, _) => panic!("{document}: {found:?}"),
            }
        }
    }

    #[test]
    fn bodies_are_unpacked_within_limits() {
        let text = b"{}\n".to_vec();
        let zstd = zstd::bulk::compress(&text, 1).expect("it compresses");
        let gzip = |content: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            std::io::Write::write_all(&mut encoder, content).expect("it compresses");
            encoder.finish().expect("it compresses")
        };
        assert_eq!(unpack(zstd, Encoding::Zstd), Ok(text.clone()));
        assert_eq!(unpack(gzip(&text), Encoding::Gzip), Ok(text.clone()));
        assert_eq!(
            unpack(text.clone(), Encoding::Gzip),
            Err(BodyFault::NotCompressed)
        );
        assert_eq!(unpack(text, Encoding::Zstd), Err(BodyFault::NotCompressed));
        let bomb = gzip(&vec![b' '; MAX_CONTENT_BYTES + 1]);
        assert_eq!(unpack(bomb, Encoding::Gzip), Err(BodyFault::TooLarge));
    }
}
