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
    /// Reads the value of the field.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim_ascii();
        let rest = text
            .get(..5)
            .filter(|unit| unit.eq_ignore_ascii_case("bytes"))?;
        let rest = text.get(rest.len()..)?.trim_ascii_start();
        let (range, size) = rest.split_once('/')?;
        let size = match size.trim_ascii() {
            "*" => None,
            size => Some(size.parse().ok()?),
        };
        if range.trim_ascii() == "*" {
            return Some(ContentRange {
                size,
                ..ContentRange::default()
            });
        }
        let (start, end) = range.split_once('-')?;
        Some(ContentRange {
            start: Some(start.trim_ascii().parse().ok()?),
            end: Some(end.trim_ascii().parse().ok()?),
            size,
        })
    }
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
            ("lines 1-2/3", None),
            ("bytes 1-x/3", None),
        ];
        for &(value, expected) in rows {
            let got = ContentRange::parse(value.as_bytes())
                .map(|range| (range.start, range.end, range.size));
            assert_eq!(got, expected, "{value}");
        }
    }
}
