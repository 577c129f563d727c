//! When a message is sent: at once, at the end of a digest's time, after quiet hours.

use collector_state::UnixMillis;

use crate::config::{QuietHours, RuleConfig, clock_minutes};

const MINUTE: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// When something of this severity that happens now is told.
pub(crate) fn due(rule: &RuleConfig, severity: u8, now: UnixMillis) -> UnixMillis {
    let gathered = now.plus(i64::from(rule.digest_minutes) * MINUTE);
    match &rule.quiet {
        Some(quiet) if severity > quiet.unless_severity => after_quiet(quiet, gathered),
        _ => gathered,
    }
}

/// The time itself, or the end of the quiet hours that it lies in.
fn after_quiet(quiet: &QuietHours, at: UnixMillis) -> UnixMillis {
    let (Some(from), Some(to)) = (clock_minutes(&quiet.from), clock_minutes(&quiet.to)) else {
        return at;
    };
    let local = at.0.div_euclid(MINUTE) + i64::from(quiet.utc_offset_minutes);
    let today = local.div_euclid(DAY_MINUTES);
    let length = (to - from).rem_euclid(DAY_MINUTES);
    // Hours that began yesterday may still go on.
    for day in [today - 1, today] {
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7) + 1;
        let is_quiet_day =
            quiet.days.is_empty() || quiet.days.iter().any(|&day| i64::from(day) == weekday);
        let begin = day * DAY_MINUTES + from;
        if is_quiet_day && (begin..begin + length).contains(&local) {
            let end = begin + length - i64::from(quiet.utc_offset_minutes);
            return UnixMillis(end * MINUTE);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Told;

    #[test]
    fn quiet_hours_end_in_the_morning() {
        let rule = |days: Vec<u8>, digest_minutes, unless_severity| RuleConfig {
            about: vec![Told::Alerts],
            severity: 4,
            sids: Vec::new(),
            text: String::new(),
            alarms: Vec::new(),
            channels: vec![1],
            digest_minutes,
            quiet: Some(QuietHours {
                from: "22:00".to_owned(),
                to: "06:30".to_owned(),
                days,
                utc_offset_minutes: 420,
                unless_severity,
            }),
            escalation: None,
        };
        // Tuesday, 24 November 2026, 00:00 in Vietnam.
        let midnight = 1_795_453_200_000;
        let at = |hours: f64| UnixMillis(midnight + (hours * 3_600_000.0) as i64);
        // severity, rule, from, to
        let rows = [
            (2, rule(vec![], 0, 0), 12.0, 12.0),
            (2, rule(vec![], 0, 0), 23.0, 30.5),
            (2, rule(vec![], 0, 0), 1.0, 6.5),
            (2, rule(vec![], 0, 0), 6.5, 6.5),
            (1, rule(vec![], 0, 1), 1.0, 1.0),
            (2, rule(vec![], 0, 1), 1.0, 6.5),
            // Monday night only: it began before this midnight.
            (2, rule(vec![1], 0, 0), 1.0, 6.5),
            (2, rule(vec![2], 0, 0), 1.0, 1.0),
            (2, rule(vec![2], 0, 0), 23.0, 30.5),
            (2, rule(vec![], 60, 0), 12.0, 13.0),
            (2, rule(vec![], 90, 0), 21.0, 30.5),
        ];
        for (severity, rule, from, to) in rows {
            assert_eq!(due(&rule, severity, at(from)), at(to), "{from} {rule:?}");
        }
    }
}
