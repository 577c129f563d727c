//! Message → its fields.

/// Longest number of a message's length in front of it (RFC 6587 §3.4.1).
const MAX_COUNT_DIGITS: usize = 6;
const MAX_PRIORITY: u8 = 191;

/// A message (RFC 5424 §6, RFC 3164 §4). Fields that are `-` are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message<'a> {
    pub priority: u8,
    /// Of the newer format.
    pub version: Option<u8>,
    pub timestamp: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
    pub app: Option<&'a [u8]>,
    pub process: Option<&'a [u8]>,
    pub id: Option<&'a [u8]>,
    pub structured: Option<&'a [u8]>,
    pub text: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Message<'a>> {
        let (priority, rest) = priority(bytes)?;
        let rest = rest.trim_ascii_end();
        let message = match rest {
            [version @ b'1'..=b'9', b' ', rest @ ..] => Message {
                version: Some(version - b'0'),
                ..newer(rest)
            },
            rest => older(rest),
        };
        Some(Message {
            priority,
            ..message
        })
    }
}

fn newer(bytes: &[u8]) -> Message<'_> {
    let mut rest = bytes;
    let mut field = || {
        let end = rest
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        Some(field).filter(|field| !field.is_empty() && *field != b"-")
    };
    let timestamp = field();
    let host = field();
    let app = field();
    let process = field();
    let id = field();
    let (structured, rest) = structured(rest);
    let rest = rest.trim_ascii_start();
    Message {
        timestamp,
        host,
        app,
        process,
        id,
        structured,
        text: rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest),
        ..Message::default()
    }
}

/// Elements in brackets, with quoted values (RFC 5424 §6.3).
fn structured(bytes: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if bytes.first() != Some(&b'[') {
        return (None, bytes.strip_prefix(b"-").unwrap_or(bytes));
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted && bytes.get(at + 1) != Some(&b'[') => {
                let (elements, rest) = bytes.split_at(at + 1);
                return (Some(elements), rest);
            }
            _ => {}
        }
    }
    (None, bytes)
}

fn older(bytes: &[u8]) -> Message<'_> {
    let mut message = Message::default();
    let mut rest = bytes;
    if let Some(time) = older_time(rest) {
        message.timestamp = Some(time);
        rest = rest[time.len()..].trim_ascii_start();
        // A host stands before the tag; a word that ends with a colon is the tag already.
        let end = rest
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(rest.len());
        if !rest[..end].ends_with(b":") && !rest[..end].contains(&b'[') && end < rest.len() {
            message.host = Some(&rest[..end]);
            rest = rest[end..].trim_ascii_start();
        }
    }
    let tag = rest
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"-_./()".contains(byte))
        .unwrap_or(rest.len());
    let (app, after) = rest.split_at(tag);
    let (process, after) = match after.split_first() {
        Some((b'[', inner)) => match inner.iter().position(|&byte| byte == b']') {
            Some(end) => (Some(&inner[..end]), &inner[end + 1..]),
            None => (None, after),
        },
        _ => (None, after),
    };
    if let Some(text) = after.strip_prefix(b":").filter(|_| !app.is_empty()) {
        message.app = Some(app);
        message.process = process;
        rest = text.trim_ascii_start();
    }
    message.text = rest;
    message
}

/// `Mmm dd hh:mm:ss`, at the front.
fn older_time(bytes: &[u8]) -> Option<&[u8]> {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let time = bytes.get(..15)?;
    let fits = MONTHS.contains(&&time[..3])
        && time[3] == b' '
        && time[6] == b' '
        && time[9] == b':'
        && time[12] == b':'
        && [7, 8, 10, 11, 13, 14]
            .iter()
            .all(|&at| time[at].is_ascii_digit());
    fits.then_some(time)
}

/// What follows the priority is a time, in either format.
pub fn begins_with_time(bytes: &[u8]) -> bool {
    if older_time(bytes).is_some() {
        return true;
    }
    match bytes.strip_prefix(b"1 ") {
        Some([b'-', b' ', ..]) => true,
        Some(rest) => rest
            .get(..5)
            .is_some_and(|year| year[..4].iter().all(u8::is_ascii_digit) && year[4] == b'-'),
        None => false,
    }
}

/// `<134>` at the front, and what follows.
pub fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|&byte| byte == b'>')?;
    let digits = &rest[..end];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u8 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (value <= MAX_PRIORITY).then_some((value, &rest[end + 1..]))
}

/// Whether more bytes could make a priority of these.
pub fn may_begin(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((b'<', rest)) => rest.iter().all(u8::is_ascii_digit),
        Some((b'1'..=b'9', rest)) => rest.iter().all(u8::is_ascii_digit),
        _ => bytes.is_empty(),
    }
}

/// A length in front of a message: how many bytes it and its space take, and the length.
pub fn count(bytes: &[u8]) -> Option<(usize, u64)> {
    let digits = bytes
        .iter()
        .take(MAX_COUNT_DIGITS + 1)
        .take_while(|byte| byte.is_ascii_digit());
    let length = digits.count();
    if length == 0 || length > MAX_COUNT_DIGITS || bytes.get(length) != Some(&b' ') {
        return None;
    }
    let text = std::str::from_utf8(&bytes[..length]).ok()?;
    Some((length + 1, text.parse().ok()?))
}

pub fn without_count(bytes: &[u8]) -> &[u8] {
    count(bytes).map_or(bytes, |(skip, _)| &bytes[skip..])
}

pub fn facility(priority: u8) -> &'static str {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];
    NAMES.get(usize::from(priority >> 3)).unwrap_or(&"unknown")
}

pub fn severity(priority: u8) -> &'static str {
    const NAMES: [&str; 8] = [
        "emergency",
        "alert",
        "critical",
        "error",
        "warning",
        "notice",
        "info",
        "debug",
    ];
    NAMES[usize::from(priority & 7)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_formats_are_read() {
        let message = Message::read(b"<34>Oct 11 22:14:15 mymachine su[231]: 'su root' failed\n");
        assert_eq!(
            message,
            Some(Message {
                priority: 34,
                timestamp: Some(b"Oct 11 22:14:15"),
                host: Some(b"mymachine"),
                app: Some(b"su"),
                process: Some(b"231"),
                text: b"'su root' failed",
                ..Message::default()
            })
        );
        let message = Message::read(
            b"<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a=\"b]\"][y] \xef\xbb\xbfAn event",
        );
        assert_eq!(
            message,
            Some(Message {
                priority: 165,
                version: Some(1),
                timestamp: Some(b"2003-10-11T22:14:15.003Z"),
                host: Some(b"host"),
                app: Some(b"app"),
                id: Some(b"ID47"),
                structured: Some(b"[x@1 a=\"b]\"][y]"),
                text: b"An event",
                ..Message::default()
            })
        );
        let message = Message::read(b"<13>just words: here").expect("it is a message");
        assert_eq!(
            (message.app, message.text),
            (None, &b"just words: here"[..])
        );
        assert_eq!(Message::read(b"<192>x"), None);
        assert_eq!((facility(34), severity(34)), ("auth", "critical"));
        assert_eq!(count(b"12 <"), Some((3, 12)));
    }

    proptest! {
        #[test]
        fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let marked = [b"<13>1 ", bytes.as_slice()].concat();
            let dated = [b"<13>Oct 11 22:14:15 ", bytes.as_slice()].concat();
            let _ = (Message::read(&bytes), Message::read(&marked), Message::read(&dated));
            let _ = (count(&bytes), may_begin(&bytes), begins_with_time(&bytes));
        }
    }
}
