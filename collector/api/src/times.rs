//! Times in requests (RFC 3339, `now`, `now-24h`) and answers (RFC 3339).

use collector_state::UnixMillis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Result, invalid};

/// Reads a time of a request; `field` is what to name in the error.
pub fn read(field: &'static str, text: &str, now: UnixMillis) -> Result<UnixMillis> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("now") {
        if rest.is_empty() {
            return Ok(now);
        }
        let relative = relative(rest).map(|by| now.plus(by));
        return relative.map_or_else(|| invalid(field, "not_a_time"), Ok);
    }
    // A plus sign of a zone becomes a space in a careless query string.
    match OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339) {
        Ok(time) => Ok(UnixMillis(
            i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        )),
        Err(_) => invalid(field, "not_a_time"),
    }
}

/// `-24h`, `-7d`, `+5m` in milliseconds.
fn relative(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => UnixMillis::SECOND,
        'm' => 60 * UnixMillis::SECOND,
        'h' => UnixMillis::HOUR,
        'd' => UnixMillis::DAY,
        'w' => 7 * UnixMillis::DAY,
        _ => return None,
    };
    let number: i64 = text.get(..text.len() - 1)?.replace(' ', "+").parse().ok()?;
    number.checked_mul(unit)
}

pub fn read_optional(
    field: &'static str,
    text: Option<&str>,
    now: UnixMillis,
) -> Result<Option<UnixMillis>> {
    text.filter(|text| !text.is_empty())
        .map(|text| read(field, text, now))
        .transpose()
}

pub fn write(time: UnixMillis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let now = UnixMillis(10_000_000_000);
        for (text, expected) in [
            ("now", Some(10_000_000_000)),
            ("now-1h", Some(10_000_000_000 - 3_600_000)),
            ("now-7d", Some(10_000_000_000 - 7 * 86_400_000)),
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T07:00:01 07:00", Some(1_000)),
            ("now-", None),
            ("now-1y", None),
            ("now-1đ", None),
            ("yesterday", None),
        ] {
            let time = read("from", text, now).ok().map(|time| time.0);
            assert_eq!(time, expected, "{text}");
        }
        assert_eq!(write(UnixMillis(1_500)), "1970-01-01T00:00:01.5Z");
    }
}
