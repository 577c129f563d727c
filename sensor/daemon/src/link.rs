//! `[link]`: what the sensor may send to its collector, and what it tells of it.

use anyhow::{Context as _, bail};
use sensor_ship::{HourRate, LinkBudget, LinkPlan};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawLink {
    /// All that is sent, as it is on the wire; none: no limit.
    kilobits: Option<u32>,
    #[serde(default)]
    hours: Vec<RawHours>,
}

/// Another rate for a stretch of the day, by local time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHours {
    /// HH:MM
    from: String,
    /// HH:MM, not included; at or before `from`: on the next day.
    to: String,
    /// 0: no limit.
    kilobits: u32,
}

impl RawLink {
    /// # Errors
    /// When a time or a rate makes no sense.
    pub fn check(&self) -> anyhow::Result<LinkPlan> {
        let rate = |one: &RawHours| {
            anyhow::Ok(HourRate {
                from_minute: minute(&one.from)?,
                to_minute: minute(&one.to)?,
                kilobits: one.kilobits,
            })
        };
        let hours = self.hours.iter().map(rate).collect::<Result<_, _>>();
        let hours = hours.context("hours")?;
        Ok(LinkPlan::new(self.kilobits.unwrap_or(0), hours)?)
    }
}

/// Minute of the day of `HH:MM`.
fn minute(text: &str) -> anyhow::Result<u16> {
    let digits = |part: &str| match part.len() {
        2 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<u16>().ok(),
        _ => None,
    };
    let of_day = text
        .split_once(':')
        .and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)))
        .filter(|&(hour, minute)| hour < 24 && minute < 60);
    match of_day {
        Some((hour, minute)) => Ok(hour * 60 + minute),
        None => bail!("{text:?} is no time of the day; write 07:30"),
    }
}

/// Local time to UTC now, in seconds. Once, at the start: the confined sensor reads no files of the system.
pub fn offset_s() -> i32 {
    chrono::Local::now().offset().local_minus_utc()
}

/// What heartbeats tell of the link.
#[derive(Serialize)]
pub struct Report {
    /// What may be sent in this hour, kbit/s; 0: no limit.
    kilobits: u32,
    /// What was sent in the last half minute, kbit/s.
    used_kilobits: f64,
    /// Since the start.
    sent_bytes: u64,
    /// Since the start, so long records waited for the budget alone.
    held_s: f64,
    /// The centre set it.
    ordered: bool,
}

pub fn report(budget: &LinkBudget) -> Report {
    let now = budget.now();
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    Report {
        kilobits: now.kilobits,
        used_kilobits: tenths(now.used_kilobits),
        sent_bytes: now.sent_bytes,
        held_s: tenths(now.held.as_secs_f64()),
        ordered: now.ordered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_checked() {
        let rows = [
            ("", None),
            ("kilobits = 64", None),
            (
                "kilobits = 64\nhours = [{ from = \"22:00\", to = \"06:00\", kilobits = 0 }]",
                None,
            ),
            ("kilobits = 5", Some("kbit/s")),
            (
                "hours = [{ from = \"7:00\", to = \"06:00\", kilobits = 64 }]",
                Some("no time of the day"),
            ),
            (
                "hours = [{ from = \"24:00\", to = \"06:00\", kilobits = 64 }]",
                Some("no time of the day"),
            ),
            (
                "hours = [{ from = \"+1:00\", to = \"06:00\", kilobits = 64 }]",
                Some("no time"),
            ),
        ];
        for (text, expected) in rows {
            let raw: RawLink = toml::from_str(text).expect("it is read");
            match (raw.check(), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(part)) => {
                    let told = format!("{error:#}");
                    assert!(told.contains(part), "{text}: {told}");
                }
                (checked, _) => panic!("{text}: {checked:?}"),
            }
        }
    }
}
