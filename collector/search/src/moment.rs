//! Times as people write them: absolute (RFC 3339, a day), or counted from now (`-24h`, `now-7d`) and cut down
//! to the beginning of a unit (`-1d@d` is yesterday from midnight). Days begin where the reader lives.

use collector_index::parse_timestamp;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Steps of one expression: `-1d@d+2h` has three.
const MAX_STEPS: usize = 8;

/// What "now" is, and where days begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Microseconds since 1970.
    pub now: i64,
    /// Minutes that local time is ahead of UTC.
    pub zone_minutes: i32,
}

impl Clock {
    /// Vietnam keeps one time all year.
    pub const VIETNAM_MINUTES: i32 = 420;

    pub fn vietnam(now: i64) -> Clock {
        Clock {
            now,
            zone_minutes: Clock::VIETNAM_MINUTES,
        }
    }

    /// Microseconds since 1970, or `None` when the text is no time.
    pub fn read(self, text: &str) -> Option<i64> {
        let text = text.trim();
        if let Some(steps) = relative_steps(text) {
            return self.walk(steps);
        }
        if text.len() == 10 {
            let midnight = parse_timestamp(&format!("{text}T00:00:00Z"))?;
            return midnight.checked_sub(self.offset());
        }
        // A plus sign of a zone becomes a space in a careless query string.
        parse_timestamp(text).or_else(|| parse_timestamp(&text.replace(' ', "+")))
    }

    fn offset(self) -> i64 {
        i64::from(self.zone_minutes) * MINUTE
    }

    fn walk(self, steps: &str) -> Option<i64> {
        let mut time = self.now;
        let mut rest = steps;
        for _ in 0..MAX_STEPS {
            let Some(sign) = rest.chars().next() else {
                break;
            };
            let after = rest.get(1..)?;
            let digits = match sign {
                '@' => 0,
                _ => after.bytes().take_while(u8::is_ascii_digit).count(),
            };
            let (unit, left) = take_unit(after.get(digits..)?)?;
            let number: i64 = match after.get(..digits)? {
                "" => 1,
                digits => digits.parse().ok()?,
            };
            let by = number.checked_mul(unit)?;
            time = match sign {
                '@' => self.beginning(time, unit)?,
                '-' => time.checked_sub(by)?,
                '+' | ' ' => time.checked_add(by)?,
                _ => return None,
            };
            rest = left;
        }
        rest.is_empty().then_some(time)
    }

    /// The beginning of the unit that a time falls in.
    fn beginning(self, time: i64, unit: i64) -> Option<i64> {
        // 1970 began on a Thursday; weeks begin on Mondays.
        let first = if unit == WEEK { 4 * DAY } else { 0 };
        let local = time.checked_add(self.offset())?;
        let into = local.checked_sub(first)?.rem_euclid(unit);
        time.checked_sub(into)
    }
}

/// What stands behind `now`, or the whole text when it begins with a sign; `None` when it is not relative.
fn relative_steps(text: &str) -> Option<&str> {
    match text.strip_prefix("now") {
        Some(steps) => Some(steps),
        None => text.starts_with(['-', '+', '@']).then_some(text),
    }
}

fn take_unit(text: &str) -> Option<(i64, &str)> {
    let unit = match text.chars().next()? {
        's' => SECOND,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        'w' => WEEK,
        _ => return None,
    };
    Some((unit, text.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        parse_timestamp(text).expect("a time")
    }

    #[test]
    fn times_are_read() {
        // Wednesday, 17:30:15 in Vietnam.
        let clock = Clock::vietnam(at("2026-11-25T10:30:15Z"));
        for (text, expected) in [
            ("now", Some("2026-11-25T10:30:15Z")),
            ("now-24h", Some("2026-11-24T10:30:15Z")),
            ("-24h", Some("2026-11-24T10:30:15Z")),
            ("-h", Some("2026-11-25T09:30:15Z")),
            ("+5m", Some("2026-11-25T10:35:15Z")),
            ("@d", Some("2026-11-24T17:00:00Z")),
            ("-1d@d", Some("2026-11-23T17:00:00Z")),
            ("now@h", Some("2026-11-25T10:00:00Z")),
            ("@w", Some("2026-11-22T17:00:00Z")),
            ("-1d@d+8h", Some("2026-11-24T01:00:00Z")),
            ("2026-11-24", Some("2026-11-23T17:00:00Z")),
            ("2026-11-24T07:00:00+07:00", Some("2026-11-24T00:00:00Z")),
            ("2026-11-24T07:00:00 07:00", Some("2026-11-24T00:00:00Z")),
            ("-1y", None),
            ("now-", None),
            ("nowhere", None),
            ("-9999999999999999w", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(clock.read(text), expected.map(at), "{text}");
        }
        let utc = Clock {
            zone_minutes: 0,
            ..clock
        };
        assert_eq!(utc.read("@d"), Some(at("2026-11-25T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(now)?[-+@0-9smhdwđ ]{0,24}", now in 0_i64..4_000_000_000_000_000) {
            Clock::vietnam(now).read(&text);
        }
    }
}
