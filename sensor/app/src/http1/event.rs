//! Transaction → the `http` object.

use sensor_event::{Http, HttpContentRange, Text};

use super::HttpTransaction;

/// `Content-Range` (RFC 9110 §14.4): `bytes 0-4/10`, `bytes 0-4/*`, `bytes */10`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentRange {
    pub start: Option<u64>,
    pub end: Option<u64>,
    pub size: Option<u64>,
}

impl ContentRange {
    /// Reads the value of the field, whatever its unit and whatever stands behind.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let skip = |bytes: &'_ [u8]| bytes.iter().take_while(|&&byte| byte == b' ').count();
        let value = &value[skip(value)..];
        let unit = value.iter().position(|&byte| byte == b' ')?;
        let value = &value[unit..];
        let value = &value[skip(value)..];
        if let Some(size) = value.strip_prefix(b"*/") {
            return Some(ContentRange {
                size: Some(number(size)?.0),
                ..ContentRange::default()
            });
        }
        let (start, rest) = number(value)?;
        let (end, rest) = number(rest.strip_prefix(b"-")?)?;
        let size = match rest.strip_prefix(b"/")? {
            [b'*', ..] => None,
            size => Some(number(size)?.0),
        };
        Some(ContentRange {
            start: Some(start),
            end: Some(end),
            size,
        })
    }

    /// The part of a file that it tells of: first and last byte and size. `None` when it tells of no part.
    pub fn part(self) -> Option<(u64, u64, u64)> {
        let (start, end, size) = (self.start?, self.end?, self.size?);
        let whole = start == 0 && end.checked_add(1) == Some(size);
        (end > 0 && size > 0 && !whole).then_some((start, end, size))
    }
}

/// Decimal digits at the beginning, and what follows them.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let number: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((u64::try_from(number).ok()?, rest))
}

impl HttpTransaction {
    /// The addresses for which proxies speak.
    pub fn forwarded_for(&self) -> Option<&[u8]> {
        self.request.message.headers.value(b"x-forwarded-for")
    }

    /// The EVE object.
    pub fn record(&self) -> Http<'_> {
        let request = &self.request;
        let response = &self.response;
        let asked = |name: &[u8]| told(request.message.headers.value(name)).map(Text);
        let answered = |name: &[u8]| told(response.message.headers.value(name));
        Http {
            hostname: told(request.hostname.as_deref()).map(Text),
            http_port: request.port,
            url: told(request.uri.as_deref()).map(Text),
            http_user_agent: asked(b"user-agent"),
            xff: asked(b"x-forwarded-for"),
            http_content_type: answered(b"content-type").map(|value| {
                let end = value.iter().position(|&byte| byte == b';');
                Text(&value[..end.unwrap_or(value.len())])
            }),
            content_range: answered(b"content-range").map(|value| {
                let range = ContentRange::parse(value).unwrap_or_default();
                HttpContentRange {
                    raw: Text(value),
                    start: range.start,
                    end: range.end,
                    size: range.size,
                }
            }),
            http_refer: asked(b"referer"),
            http_method: request.method.as_deref().map(Text),
            protocol: request.message.protocol.as_deref().map(Text),
            status: response.status_number.map(u32::from),
            status_string: match response.status_number {
                Some(_) => None,
                None => response.status.as_deref().map(Text),
            },
            redirect: answered(b"location").map(Text),
            length: response.message.body.wire_bytes,
        }
    }
}

/// EVE leaves out what is there but empty.
fn told(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::ContentRange;

    #[test]
    fn ranges() {
        type Range = (Option<u64>, Option<u64>, Option<u64>);
        let rows: &[(&str, Option<Range>)] = &[
            ("bytes 0-4/10", Some((Some(0), Some(4), Some(10)))),
            ("bytes 5-9/*", Some((Some(5), Some(9), None))),
            ("bytes */10", Some((None, None, Some(10)))),
            ("Bytes=1-2/3", None),
            ("lines 1-2/3", Some((Some(1), Some(2), Some(3)))),
            (
                "  bytes   1-2/3 and more",
                Some((Some(1), Some(2), Some(3))),
            ),
            ("1-2/3", None),
            ("bytes 1-x/3", None),
        ];
        for &(value, expected) in rows {
            let got = ContentRange::parse(value.as_bytes())
                .map(|range| (range.start, range.end, range.size));
            assert_eq!(got, expected, "{value}");
        }
        let part = |value: &str| ContentRange::parse(value.as_bytes()).and_then(ContentRange::part);
        assert_eq!(part("bytes 1-9/10"), Some((1, 9, 10)));
        assert_eq!(part("bytes 0-9/10"), None, "all of it");
        assert_eq!(part("bytes 1-9/*"), None);
    }
}
