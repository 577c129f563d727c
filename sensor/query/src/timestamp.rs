//! EVE timestamps: `2026-11-24T17:30:00.123456+0000`, and the other zones of ISO 8601.

/// Days from 1970-01-01 that a record may bear: to 2105. Bounds the number of day partitions.
const LAST_DAY: i64 = 49_308;
const DAY_MICROS: i64 = 86_400_000_000;

/// A day, counted from 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The day of a time in microseconds.
    pub fn of(micros: i64) -> Day {
        Day(micros.div_euclid(DAY_MICROS))
    }

    /// Its first microsecond.
    pub fn start(self) -> i64 {
        self.0.saturating_mul(DAY_MICROS)
    }

    /// The day written `2026-11-24`.
    pub fn parse(text: &str) -> Option<Day> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        day(
            number(bytes, 0, 4)?,
            number(bytes, 5, 2)?,
            number(bytes, 8, 2)?,
        )
        .map(Day)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let date =
            time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(self.0.clamp(0, LAST_DAY));
        write!(
            f,
            "{:04}-{:02}-{:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        )
    }
}

/// Microseconds since 1970 of a timestamp between 1970 and 2105; digits beyond microseconds are left out.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, c)| bytes.get(at) != Some(&c)) {
        return None;
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let day = day(
        number(bytes, 0, 4)?,
        number(bytes, 5, 2)?,
        number(bytes, 8, 2)?,
    )?;
    let (hour, minute, second) = (
        number(bytes, 11, 2)?,
        number(bytes, 14, 2)?,
        number(bytes, 17, 2)?,
    );
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = bytes.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        let kept = digits.min(6);
        micros = number(fraction, 0, kept)? * 10_i64.pow(6 - kept as u32);
        rest = fraction.get(digits..)?;
    }
    let offset_minutes = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, minutes) = match zone.len() {
                2 => (number(zone, 0, 2)?, 0),
                4 => (number(zone, 0, 2)?, number(zone, 2, 2)?),
                5 if zone.get(2) == Some(&b':') => (number(zone, 0, 2)?, number(zone, 3, 2)?),
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    let time = seconds * 1_000_000 + micros;
    (0..=LAST_DAY).contains(&Day::of(time).0).then_some(time)
}

fn number(bytes: &[u8], at: usize, digits: usize) -> Option<i64> {
    bytes.get(at..at + digits)?.iter().try_fold(0, |sum, c| {
        c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0'))
    })
}

/// Days from 1970-01-01 of a civil date that exists.
fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date =
        time::Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?)
            .ok()?;
    Some(i64::from(date.to_julian_day()) - 2_440_588)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timestamps_are_read() {
        let rows = [
            ("1970-01-01T00:00:00.000000+0000", Some(0)),
            (
                "2009-10-16T16:44:16.083524+0000",
                Some(1_255_711_456_083_524),
            ),
            (
                "2009-10-16T23:44:16.083524999+07:00",
                Some(1_255_711_456_083_524),
            ),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000_000)),
            ("2000-02-29T00:00:00.5Z", Some(951_782_400_500_000)),
            ("1969-12-31T23:59:59.999999+0000", None),
            ("2001-02-29T00:00:00Z", None),
            ("2000-02-29T24:00:00Z", None),
            ("2000-02-29T00:00:00", None),
            ("2000-02-29T00:00:00.Z", None),
            ("2199-02-28T00:00:00Z", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_timestamp(text), expected, "{text}");
        }
    }

    #[test]
    fn days_are_written_and_read() {
        for (days, text) in [
            (0, "1970-01-01"),
            (20_781, "2026-11-24"),
            (LAST_DAY, "2105-01-01"),
        ] {
            assert_eq!(Day(days).to_string(), text);
            assert_eq!(Day::parse(text), Some(Day(days)));
        }
        assert_eq!(Day::parse("2026-11-31"), None);
        assert_eq!(Day::parse("marks.json"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9TZ:+. -]{0,40}|\\PC{0,40}") {
            parse_timestamp(&text);
            Day::parse(&text);
        }
    }
}
