//! Times in requests (RFC 3339, `now-24h`, `-1d@d`) and answers (RFC 3339).

use collector_search::Clock;
use collector_state::UnixMillis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Result, invalid};

/// Reads a time of a request, as [`Clock`] understands it; `field` is what to name in the error. Days begin in
/// Vietnam.
pub fn read(field: &'static str, text: &str, now: UnixMillis) -> Result<UnixMillis> {
    read_by(field, text, clock(now, None)?)
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

/// The same by another clock.
pub fn read_by(field: &'static str, text: &str, clock: Clock) -> Result<UnixMillis> {
    match clock.read(text) {
        Some(micros) => Ok(UnixMillis(micros.div_euclid(1_000))),
        None => invalid(field, "not_a_time"),
    }
}

/// The reader's clock: days begin in Vietnam, or where `zone` says.
pub fn clock(now: UnixMillis, zone: Option<&str>) -> Result<Clock> {
    let zone_minutes = match zone {
        None | Some("" | "Asia/Ho_Chi_Minh") => Clock::VIETNAM_MINUTES,
        Some("UTC") => 0,
        Some(_) => return invalid("zone", "unknown"),
    };
    Ok(Clock {
        now: now.0.saturating_mul(1_000),
        zone_minutes,
    })
}

pub fn write(time: UnixMillis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A time of EVE, in nanoseconds.
pub fn eve_ns(text: &str) -> Option<i64> {
    // EVE writes the zone without a colon.
    let colon = match text
        .len()
        .checked_sub(5)
        .map(|at| text.split_at_checked(at))
    {
        Some(Some((time, zone))) if zone.starts_with(['+', '-']) && !zone.contains(':') => {
            let (hours, minutes) = zone.split_at_checked(3)?;
            format!("{time}{hours}:{minutes}")
        }
        _ => text.to_owned(),
    };
    let time = OffsetDateTime::parse(&colon, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos()).ok()
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

    #[test]
    fn times_of_eve_are_read_with_all_their_digits() {
        for (text, expected) in [
            (
                "2026-11-26T14:00:00.123456+0000",
                Some(1_795_701_600_123_456_000),
            ),
            (
                "2026-11-26T21:00:00.123456+07:00",
                Some(1_795_701_600_123_456_000),
            ),
            ("2026-11-26T14:00:00Z", Some(1_795_701_600_000_000_000)),
            ("hôm qua", None),
            ("+0000", None),
        ] {
            assert_eq!(eve_ns(text), expected, "{text}");
        }
    }
}
