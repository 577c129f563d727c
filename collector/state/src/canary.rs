//! Whether canaries come through, and which step of the way holds them up.

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::sensor::Sensor;
use crate::store::Store;

/// From the sensor to the inbox, at most this long.
const IN_TIME_MS: i64 = 60_000;
/// Without a heartbeat for this long, the link is down or the sensor is.
const HEARTBEAT_MS: i64 = 60_000;

/// A step of the way from sensor to inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// It makes no canaries, though it is alive.
    Sensor,
    /// What it makes does not get to its disk.
    Spool,
    /// Nothing is heard of it.
    Link,
    /// It is heard of, and does not send what waits.
    Send,
    /// What it sends is not committed here.
    Index,
    /// What is committed does not come into the inbox.
    Inbox,
}

impl Hop {
    pub fn name(self) -> &'static str {
        match self {
            Hop::Sensor => "sensor",
            Hop::Spool => "spool",
            Hop::Link => "link",
            Hop::Send => "send",
            Hop::Index => "index",
            Hop::Inbox => "inbox",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanaryHealth {
    /// It makes none.
    Off,
    /// The newest one is in the inbox, or has time left to come.
    Ok,
    Missing(Hop),
}

/// Judges a sensor by its newest canary. `indexed` is the number through which its alerts of this epoch
/// are committed in the index.
pub fn canary_health(sensor: &Sensor, indexed: u64, now: UnixMillis) -> CanaryHealth {
    let Some(spool) = &sensor.spool else {
        return CanaryHealth::Off;
    };
    let Some(made) = spool.canary else {
        return CanaryHealth::Off;
    };
    let is_heard = sensor
        .last_heartbeat
        .is_some_and(|last| now.0 - last.0 <= HEARTBEAT_MS);
    let skew = sensor.clock_skew_ms.unwrap_or(0);
    let made_ms = i64::try_from(made.made_ms).unwrap_or(i64::MAX);
    let age = now.0.saturating_sub(made_ms.saturating_sub(skew));
    let every = i64::try_from(made.every_ms).unwrap_or(i64::MAX);
    let has_arrived = sensor.canary.is_some_and(|canary| canary.made.0 >= made_ms);
    if has_arrived {
        return match (age <= every.saturating_add(IN_TIME_MS), is_heard) {
            (true, _) => CanaryHealth::Ok,
            (false, true) => CanaryHealth::Missing(Hop::Sensor),
            (false, false) => CanaryHealth::Missing(Hop::Link),
        };
    }
    if age <= IN_TIME_MS {
        return CanaryHealth::Ok;
    }
    if !is_heard {
        return CanaryHealth::Missing(Hop::Link);
    }
    let alerts = spool.classes.iter().find(|row| row.class == "alert");
    let sent = alerts.map_or(0, |row| row.sent_seq.max(row.acked_seq));
    CanaryHealth::Missing(if made.spooled_seq == 0 {
        Hop::Spool
    } else if sent < made.spooled_seq {
        Hop::Send
    } else if indexed < made.spooled_seq {
        Hop::Index
    } else {
        Hop::Inbox
    })
}

impl Store {
    /// Notes a canary that came as far as the inbox.
    pub async fn record_canary(
        &self,
        sensor_id: &str,
        made: UnixMillis,
        now: UnixMillis,
    ) -> Result<()> {
        sqlx::query("UPDATE sensors SET canary_made = ?, canary_arrived = ? WHERE id = ?")
            .bind(made.0)
            .bind(now.0)
            .bind(sensor_id)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UnitId;
    use crate::sensor::{BacklogSeen, CanaryArrived, CanaryMade, SensorKind, SpoolSeen};

    const MINUTE: i64 = 60_000;

    fn sensor(heard: i64, made: i64, arrived: i64, spooled: u64, sent: u64) -> Sensor {
        Sensor {
            id: String::new(),
            name: String::new(),
            unit_id: UnitId::ROOT,
            unit_name: String::new(),
            hostname: String::new(),
            enrolled: UnixMillis(0),
            revoked: None,
            certificate: None,
            epoch: Some(1),
            version: None,
            ruleset_hash: None,
            remote_addr: None,
            connected: true,
            last_heartbeat: Some(UnixMillis(heard)),
            // An hour ahead.
            clock_skew_ms: Some(60 * MINUTE),
            stats: None,
            kind: SensorKind::Sensor,
            link_plan: None,
            spool: Some(SpoolSeen {
                classes: vec![BacklogSeen {
                    class: "alert".to_owned(),
                    records: 0,
                    last_seq: spooled,
                    sent_seq: sent,
                    acked_seq: 0,
                    oldest_hour: 0,
                }],
                canary: Some(CanaryMade {
                    made_ms: (made + 60 * MINUTE).unsigned_abs(),
                    spooled_seq: spooled,
                    every_ms: 5 * MINUTE.unsigned_abs(),
                }),
                ..SpoolSeen::default()
            }),
            canary: Some(CanaryArrived {
                made: UnixMillis(arrived + 60 * MINUTE),
                arrived: UnixMillis(arrived),
            }),
        }
    }

    #[test]
    fn the_step_that_fails_has_a_name() {
        let now = 100 * MINUTE;
        let ago = |minutes: i64| now - minutes * MINUTE;
        use CanaryHealth::{Missing, Ok};
        // heard, made, arrived, spooled, sent, indexed
        let rows = [
            ((ago(0), ago(3), ago(3), 9, 9, 9), Ok),
            ((ago(0), ago(0), ago(5), 0, 0, 0), Ok),
            ((ago(0), ago(9), ago(9), 9, 9, 9), Missing(Hop::Sensor)),
            ((ago(9), ago(9), ago(9), 9, 9, 9), Missing(Hop::Link)),
            ((ago(2), ago(2), ago(7), 9, 9, 9), Missing(Hop::Link)),
            ((ago(0), ago(2), ago(7), 0, 8, 8), Missing(Hop::Spool)),
            ((ago(0), ago(2), ago(7), 9, 8, 8), Missing(Hop::Send)),
            ((ago(0), ago(2), ago(7), 9, 9, 8), Missing(Hop::Index)),
            ((ago(0), ago(2), ago(7), 9, 9, 9), Missing(Hop::Inbox)),
        ];
        for ((heard, made, arrived, spooled, sent, indexed), expected) in rows {
            let sensor = sensor(heard, made, arrived, spooled, sent);
            let health = canary_health(&sensor, indexed, UnixMillis(now));
            assert_eq!(health, expected, "{spooled} {sent} {indexed}");
        }
        let mut silent = sensor(ago(0), ago(0), ago(0), 1, 1);
        silent.spool = None;
        assert_eq!(
            canary_health(&silent, 0, UnixMillis(now)),
            CanaryHealth::Off
        );
    }
}
