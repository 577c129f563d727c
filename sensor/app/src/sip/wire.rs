//! Bytes → messages (RFC 3261 §7). Pure.
//!
//! A [`Message`] keeps its head; every field of it is a range into that.

use std::ops::Range;

use sensor_flow::Direction;

use super::sdp::{self, Description};

/// Headers of one message that are kept; later ones are read over.
pub const MAX_HEADERS: usize = 256;

/// A range of the message's head.
pub type Span = Range<usize>;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    Request {
        method: Span,
        uri: Span,
        version: Span,
    },
    Response {
        version: Span,
        code: Span,
        reason: Span,
    },
}

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    head: Vec<u8>,
    pub start: Start,
    /// The first line, without its end.
    pub line: Span,
    headers: Vec<(Span, Span)>,
    pub description: Option<Box<Description>>,
}

impl Message {
    /// Reads a head, which ends with its empty line.
    pub fn read(head: &[u8]) -> Result<Message, Malformed> {
        let line_end = find(head, b"\r\n").ok_or(Malformed)?;
        let line = head.get(..line_end).ok_or(Malformed)?;
        let mut message = Message {
            start: start(line)?,
            line: 0..line_end,
            head: head.to_vec(),
            headers: Vec::new(),
            description: None,
        };
        let mut at = line_end + 2;
        loop {
            let rest = head.get(at..).ok_or(Malformed)?;
            if rest.starts_with(b"\r\n") {
                return Ok(message);
            }
            let end = line_with_folds(rest).ok_or(Malformed)?;
            let text = rest.get(..end).ok_or(Malformed)?;
            let colon = text
                .iter()
                .position(|&byte| byte == b':')
                .ok_or(Malformed)?;
            let name = trimmed(text, 0..colon);
            if name.is_empty() {
                return Err(Malformed);
            }
            let value = trimmed(text, colon + 1..end);
            if message.headers.len() < MAX_HEADERS {
                let moved = |span: Span| span.start + at..span.end + at;
                message.headers.push((moved(name), moved(value)));
            }
            at += end + 2;
        }
    }

    /// Looks for a session description at the start of a body; how many bytes it has.
    pub fn read_body(&mut self, body: &[u8]) -> usize {
        let Some((description, used)) = sdp::read(body) else {
            return 0;
        };
        self.description = Some(Box::new(description));
        used
    }

    /// The direction that fits its first line.
    pub fn sent_by(&self) -> Direction {
        match self.start {
            Start::Request { .. } => Direction::ToServer,
            Start::Response { .. } => Direction::ToClient,
        }
    }

    pub fn bytes(&self, span: &Span) -> &[u8] {
        self.head.get(span.clone()).unwrap_or_default()
    }

    /// The nth header of a name, which is given with its compact form.
    pub fn header(&self, name: &HeaderName, nth: usize) -> Option<&[u8]> {
        self.headers
            .iter()
            .filter(|(found, _)| name.is(self.bytes(found)))
            .nth(nth)
            .map(|(_, value)| self.bytes(value))
    }

    /// Length of the body as the sender tells it.
    pub fn content_length(&self) -> Option<u64> {
        let value = self.header(&HeaderName::CONTENT_LENGTH, 0)?;
        std::str::from_utf8(value).ok()?.parse().ok()
    }
}

/// A header's name and its compact form (RFC 3261 §7.3.3).
pub struct HeaderName {
    long: &'static str,
    compact: Option<&'static str>,
}

impl HeaderName {
    pub const FROM: HeaderName = HeaderName::new("From", Some("f"));
    pub const TO: HeaderName = HeaderName::new("To", Some("t"));
    pub const VIA: HeaderName = HeaderName::new("Via", Some("v"));
    pub const USER_AGENT: HeaderName = HeaderName::new("User-Agent", None);
    pub const SERVER: HeaderName = HeaderName::new("Server", None);
    pub const CONTENT_TYPE: HeaderName = HeaderName::new("Content-Type", Some("c"));
    pub const CONTENT_LENGTH: HeaderName = HeaderName::new("Content-Length", Some("l"));

    const fn new(long: &'static str, compact: Option<&'static str>) -> Self {
        HeaderName { long, compact }
    }

    fn is(&self, found: &[u8]) -> bool {
        found.eq_ignore_ascii_case(self.long.as_bytes())
            || self
                .compact
                .is_some_and(|compact| found.eq_ignore_ascii_case(compact.as_bytes()))
    }
}

fn start(line: &[u8]) -> Result<Start, Malformed> {
    let space = |from: usize| {
        line.get(from..)?
            .iter()
            .position(|&byte| byte == b' ')
            .map(|at| from + at)
    };
    let is_version = |span: &Span| {
        line.get(span.clone())
            .and_then(|text| text.strip_prefix(b"SIP/"))
            .is_some_and(|number| {
                !number.is_empty() && number.iter().all(|&b| b.is_ascii_digit() || b == b'.')
            })
    };
    let first = space(0).ok_or(Malformed)?;
    if is_version(&(0..first)) {
        let code = first + 1..space(first + 1).unwrap_or(line.len());
        let reason = (code.end + 1).min(line.len())..line.len();
        return if code.len() == 3 {
            Ok(Start::Response {
                version: 0..first,
                code,
                reason,
            })
        } else {
            Err(Malformed)
        };
    }
    let uri = first + 1..space(first + 1).ok_or(Malformed)?;
    let version = uri.end + 1..line.len();
    let is_method = first > 0 && line.iter().take(first).all(u8::is_ascii_alphabetic);
    if is_method && !uri.is_empty() && is_version(&version) {
        Ok(Start::Request {
            method: 0..first,
            uri,
            version,
        })
    } else {
        Err(Malformed)
    }
}

/// Where a header ends, with the lines that continue it (RFC 3261 §7.3.1).
fn line_with_folds(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + find(text.get(from..)?, b"\r\n")?;
        if !matches!(text.get(end + 2), Some(b' ' | b'\t')) {
            return Some(end);
        }
        from = end + 2;
    }
}

fn trimmed(text: &[u8], span: Span) -> Span {
    let part = text.get(span.clone()).unwrap_or_default();
    let front = part.len() - part.trim_ascii_start().len();
    let kept = part.trim_ascii().len();
    span.start + front..span.start + front + kept
}

pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|seen| seen == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads() {
        let message = Message::read(
            b"INVITE sip:b@test SIP/2.0\r\nVia: one\r\nv : two\r\nFrom: \"B\"\r\n <sip:b>  \r\nl: 12\r\n\r\n",
        )
        .expect("a message");
        let text = |span: &Span| String::from_utf8_lossy(message.bytes(span)).into_owned();
        let Start::Request {
            method,
            uri,
            version,
        } = &message.start
        else {
            panic!("{:?}", message.start);
        };
        assert_eq!(
            (text(method), text(uri), text(version), text(&message.line)),
            (
                "INVITE".to_owned(),
                "sip:b@test".to_owned(),
                "SIP/2.0".to_owned(),
                "INVITE sip:b@test SIP/2.0".to_owned()
            )
        );
        assert_eq!(message.header(&HeaderName::VIA, 0), Some(&b"one"[..]));
        assert_eq!(message.header(&HeaderName::VIA, 1), Some(&b"two"[..]));
        assert_eq!(message.header(&HeaderName::VIA, 2), None);
        assert_eq!(
            message.header(&HeaderName::FROM, 0),
            Some(&b"\"B\"\r\n <sip:b>"[..])
        );
        assert_eq!(message.content_length(), Some(12));
    }

    #[test]
    fn first_lines() {
        for (line, good) in [
            ("SIP/2.0 200 OK", true),
            ("SIP/2.0 200", true),
            ("SIP/2.0 20 OK", false),
            ("ACK sip:x SIP/2.0", true),
            ("ACK sip:x HTTP/1.1", false),
            ("ACK  SIP/2.0", false),
            ("A1 sip:x SIP/2.0", false),
            ("", false),
        ] {
            let head = format!("{line}\r\n\r\n");
            assert_eq!(Message::read(head.as_bytes()).is_ok(), good, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::read(&bytes);
            let _ = Message::read(&[b"ACK sip:x SIP/2.0\r\n", bytes.as_slice()].concat());
        }
    }
}
