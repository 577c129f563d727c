//! Points in time as events write them.

use std::fmt;

use super::ast::TimePart;

/// `2026-08-05T03:22:11.123456+0700`, `2026-08-05 03:22:11Z`, `2026-08-05`, and the like; a zone that is missing
/// counts as UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970, UTC.
    seconds: i64,
    nanoseconds: u32,
    /// Seconds east of UTC, as written.
    offset_s: i32,
}

impl Moment {
    pub fn parse(text: &str) -> Option<Moment> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        if !is(4, b"-") || !is(7, b"-") || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days = days_of(year, month, day);
        let mut moment = Moment {
            seconds: days * 86_400,
            nanoseconds: 0,
            offset_s: 0,
        };
        if bytes.len() == 10 {
            return Some(moment);
        }
        let (hour, minute) = (number(11, 13)?, number(14, 16)?);
        if !is(10, b"T t") || !is(13, b":") || hour > 23 || minute > 59 {
            return None;
        }
        let (second, mut at) = if is(16, b":") {
            (number(17, 19)?, 19)
        } else {
            (0, 16)
        };
        if is(at, b".,") {
            let fraction = text.get(at + 1..)?;
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let mut unit = 100_000_000;
            for digit in fraction.bytes().take(digits) {
                moment.nanoseconds += u32::from(digit - b'0') * unit;
                unit /= 10;
            }
            at += 1 + digits;
        }
        moment.offset_s = match text.get(at..)?.trim() {
            "" => 0,
            zone => offset(zone)?,
        };
        moment.seconds += hour * 3_600 + minute * 60 + second - i64::from(moment.offset_s);
        Some(moment)
    }

    /// Seconds, or thousandths, or millionths of a second since 1970.
    pub fn of_number(value: f64) -> Option<Moment> {
        if !(0.0..1e19).contains(&value) {
            return None;
        }
        let seconds = match value {
            v if v < 1e11 => v,
            v if v < 1e14 => v / 1e3,
            v if v < 1e17 => v / 1e6,
            v => v / 1e9,
        };
        Some(Moment {
            seconds: seconds as i64,
            nanoseconds: (seconds.fract() * 1e9) as u32,
            offset_s: 0,
        })
    }

    /// Nanoseconds since 1970.
    pub fn of_nanoseconds(value: i64) -> Moment {
        Moment {
            seconds: value.div_euclid(1_000_000_000),
            nanoseconds: value.rem_euclid(1_000_000_000) as u32,
            offset_s: 0,
        }
    }

    /// Nanoseconds since 1970.
    pub fn nanoseconds(self) -> i64 {
        self.seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(self.nanoseconds))
    }

    /// Part of the time in a zone; without one, as it is written.
    pub fn part(self, part: TimePart, zone_s: Option<i32>) -> i64 {
        let local = self.seconds + i64::from(zone_s.unwrap_or(self.offset_s));
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        match part {
            TimePart::Minute => second / 60 % 60,
            TimePart::Hour => second / 3_600,
            TimePart::Day => day,
            TimePart::Month => month,
            TimePart::Year => year,
            // ISO 8601: the week of the Thursday.
            TimePart::Week => {
                let thursday = days - (days + 3).rem_euclid(7) + 3;
                let (year, ..) = date_of(thursday);
                (thursday - days_of(year, 1, 1)) / 7 + 1
            }
        }
    }
}

/// In UTC, to the microsecond.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (
            self.seconds.div_euclid(86_400),
            self.seconds.rem_euclid(86_400),
        );
        let (year, month, day) = date_of(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60,
            self.nanoseconds / 1_000
        )
    }
}

/// `Z`, `+07:00`, `+0700`, `-03`: seconds east of UTC.
pub(super) fn offset(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z" | "UTC") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = match digits.get(2..)? {
        "" => 0,
        text => text.parse().ok()?,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // The year is counted from March, so that leap days end years.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_written_or_in_a_zone() {
        let rows = [
            ("2026-08-05T03:22:11Z", TimePart::Day, None, 5),
            ("2026-08-05T03:22:11Z", TimePart::Hour, Some(7 * 3_600), 10),
            ("2026-08-05T03:22:11.123456+0700", TimePart::Hour, None, 3),
            (
                "2026-08-05T03:22:11.123456+0700",
                TimePart::Hour,
                Some(0),
                20,
            ),
            ("2026-08-05T03:22:11.123456+0700", TimePart::Day, Some(0), 4),
            ("2026-08-05 03:22", TimePart::Minute, None, 22),
            ("2024-02-29", TimePart::Month, None, 2),
            ("2026-01-01T00:00:00Z", TimePart::Week, None, 1),
            ("2027-01-01T00:00:00Z", TimePart::Week, None, 53),
            ("2025-12-29T00:00:00Z", TimePart::Week, None, 1),
            ("2026-08-05T03:22:11-03:30", TimePart::Year, None, 2026),
        ];
        for (text, part, zone, expected) in rows {
            let moment = Moment::parse(text).expect(text);
            assert_eq!(moment.part(part, zone), expected, "{text} {part:?}");
        }
        for text in [
            "",
            "x",
            "2026-13-01",
            "2026-08-05T25:00:00",
            "2026-08-05T03:22:11+9900",
            "1234567890",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        let moment = Moment::parse("2009-10-16T16:44:16.083524+0000").expect("a time");
        assert_eq!(moment.nanoseconds(), 1_255_711_456_083_524_000);
        let again = Moment::of_nanoseconds(moment.nanoseconds());
        assert_eq!(again.to_string(), "2009-10-16T16:44:16.083524Z");
        let before = Moment::of_nanoseconds(-1);
        assert_eq!(before.to_string(), "1969-12-31T23:59:59.999999Z");
    }
}
