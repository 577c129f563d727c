//! What is wrong, looked at every few seconds: sensors by their heartbeats, ledger and canaries, the
//! collector by its disk and queue.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use collector_state::{
    AlarmKind, CanaryHealth, Condition, ConfigurationState, LedgerCounts, Result, SHED_TO_STAY,
    Scope, Sensor, SensorConfiguration, SensorKind, Store, UnixMillis, canary_health, limits,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// How long drops and traffic are looked back on.
const WINDOW_MS: i64 = 10 * 60_000;
/// How long those who send logs by syslog and may not are told of after their last message.
pub const REFUSED_MS: i64 = 60 * 60_000;
/// Of them, so many are named.
const NAMED_SENDERS: usize = 5;
/// A change of settings has this long to reach the sensors and take effect.
const SETTLE_MS: i64 = 10 * 60_000;
/// A week has so many hours.
const WEEK: i64 = 7 * 24;
/// Weeks that make up what is usual.
const WEEKS: i64 = 4;
/// Where less than this is usual, silence says nothing.
const LEAST_USUAL: u64 = 50;

/// Failing sources that an alarm names.
const NAMED_FEEDS: usize = 10;

/// From where on something is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchSettings {
    /// A sensor that is not heard of for so many seconds is disconnected.
    pub disconnected_seconds: u32,
    /// Silent: it makes less than so many hundredths of what is usual at this hour of the week.
    pub silent_percent: u8,
    /// Frames lost, of those that came, in hundredths.
    pub drop_percent: f64,
    pub clock_skew_seconds: u32,
    /// The spool is filled to so many hundredths.
    pub spool_percent: u8,
    /// The disk will last less than so many days.
    pub disk_days: u32,
    /// The rule set that all sensors should run; what most of them run, when empty.
    pub ruleset_hash: String,
}

impl Default for WatchSettings {
    fn default() -> Self {
        WatchSettings {
            disconnected_seconds: 180,
            silent_percent: 10,
            drop_percent: 1.0,
            clock_skew_seconds: 10,
            spool_percent: 80,
            disk_days: 7,
            ruleset_hash: String::new(),
        }
    }
}

impl WatchSettings {
    /// The name of the setting in the state store.
    pub const NAME: &'static str = "alarms";

    pub async fn read(store: &Store) -> Result<WatchSettings> {
        let json = store.setting(WatchSettings::NAME).await?;
        Ok(json
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default())
    }
}

/// The collector's disk.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DiskSeen {
    pub free_bytes: u64,
    pub reserve_bytes: u64,
    /// Days until the reserve is reached, at the rate of the last days, after what retention drops.
    pub days_left: Option<f64>,
}

/// What the state store does not know.
pub struct Surroundings<'a> {
    pub disk: DiskSeen,
    /// Shelf, days held, days asked: where less is held than is asked.
    pub short: Vec<(&'static str, u64, u64)>,
    /// Partitions of the index that could not be read, as their folders are called.
    pub damaged: Vec<String>,
    /// Who has sent logs by syslog within [`REFUSED_MS`] and may not, with the messages of each; the most first.
    pub refused_senders: Vec<(IpAddr, u64)>,
    /// Through which number the alerts of a sensor's epoch are committed in the index.
    pub indexed: &'a (dyn Fn(&str, u64) -> u64 + Sync),
}

/// One look: alarms are opened and closed.
pub async fn watch(store: &Store, around: &Surroundings<'_>, now: UnixMillis) -> Result<()> {
    let settings = WatchSettings::read(store).await?;
    let conditions = conditions(store, &settings, around, now).await?;
    store.set_conditions(&conditions, now).await
}

/// What is wrong now.
pub async fn conditions(
    store: &Store,
    settings: &WatchSettings,
    around: &Surroundings<'_>,
    now: UnixMillis,
) -> Result<Vec<Condition>> {
    let mut found = Found::default();
    let sensors = store.sensors(&Scope::All).await?;
    let expected_rules = expected_rules(settings, &sensors);
    let ledger = recent_ledger(store, now).await?;
    let usual = usual(store, now).await?;
    let configurations = store.sensor_configurations(&Scope::All).await?;
    let settled = store
        .last_fleet_change()
        .await?
        .is_none_or(|at| now.0 - at.0 > SETTLE_MS);
    let twins = store
        .twins(now.plus(-(limits::TWIN_MEMORY.as_millis() as i64)))
        .await?;
    for twin in &twins {
        if let Some(sensor) = sensors.iter().find(|sensor| sensor.id == twin.sensor_id) {
            let speakers = twin.instances.iter().map(|one| {
                json!({
                    "hostname": one.hostname, "address": one.remote_addr, "last_ms": one.last.0
                })
            });
            let names: Vec<&str> = twin
                .instances
                .iter()
                .map(|one| one.remote_addr.as_str())
                .collect();
            let detail =
                json!({ "addresses": names.join(", "), "speakers": speakers.collect::<Vec<_>>() });
            found.add(AlarmKind::Cloned, sensor, detail);
        }
    }
    for sensor in &sensors {
        let unheard_ms = sensor.last_heartbeat.map(|last| now.0 - last.0);
        let limit_ms = i64::from(settings.disconnected_seconds) * 1_000;
        let is_heard = unheard_ms.is_some_and(|unheard| unheard <= limit_ms);
        let is_sensor = sensor.kind == SensorKind::Sensor;
        if is_sensor && let Some(unheard) = unheard_ms.filter(|_| !is_heard) {
            found.add(
                AlarmKind::Disconnected,
                sensor,
                json!({ "seconds": unheard / 1_000 }),
            );
        }
        let silent = usual
            .get(&sensor.id)
            .and_then(|usual| usual.silent(u64::from(settings.silent_percent)));
        if let Some((made, expected)) = silent.filter(|_| is_heard || !is_sensor) {
            found.add(
                AlarmKind::Silent,
                sensor,
                json!({ "made": made, "usual": expected }),
            );
        }
        if let Some(counts) = ledger.get(&sensor.id) {
            counts.tell(sensor, &mut found);
        }
        if is_heard && let Some(configuration) = configurations.get(&sensor.id) {
            look_at_configuration(sensor, configuration, settled, &mut found);
        }
        if is_heard && is_sensor {
            look_at_heard(
                store,
                settings,
                sensor,
                expected_rules.as_deref(),
                now,
                &mut found,
            )
            .await?;
        }
        let indexed = (around.indexed)(&sensor.id, sensor.epoch.unwrap_or(0));
        // A sensor that is gone is told as such.
        if is_heard
            && is_sensor
            && let CanaryHealth::Missing(hop) = canary_health(sensor, indexed, now)
        {
            let last = sensor.canary.map(|canary| canary.arrived.0);
            found.add(
                AlarmKind::CanaryMissing,
                sensor,
                json!({ "hop": hop.name(), "last_arrived_ms": last }),
            );
        }
    }
    look_at_collector(store, settings, around, now, &mut found).await?;
    Ok(found.0)
}

#[derive(Default)]
struct Found(Vec<Condition>);

impl Found {
    fn add(&mut self, kind: AlarmKind, sensor: &Sensor, detail: Value) {
        self.0.push(Condition {
            kind,
            sensor_id: Some(sensor.id.clone()),
            detail: detail.to_string(),
        });
    }

    fn add_own(&mut self, kind: AlarmKind, detail: Value) {
        self.0.push(Condition {
            kind,
            sensor_id: None,
            detail: detail.to_string(),
        });
    }
}

/// A sensor whose heartbeats come.
async fn look_at_heard(
    store: &Store,
    settings: &WatchSettings,
    sensor: &Sensor,
    expected_rules: Option<&str>,
    now: UnixMillis,
    found: &mut Found,
) -> Result<()> {
    let skew = sensor.clock_skew_ms.unwrap_or(0);
    if skew.unsigned_abs() > u64::from(settings.clock_skew_seconds) * 1_000 {
        found.add(AlarmKind::ClockSkew, sensor, json!({ "skew_ms": skew }));
    }
    if let Some(spool) = &sensor.spool
        && spool.bytes.saturating_mul(100)
            > spool
                .budget_bytes
                .saturating_mul(u64::from(settings.spool_percent))
    {
        let detail = json!({ "bytes": spool.bytes, "budget_bytes": spool.budget_bytes });
        found.add(AlarmKind::SpoolFilling, sensor, detail);
    }
    let rules = sensor.ruleset_hash.as_deref().unwrap_or_default();
    if let Some(expected) = expected_rules
        && !rules.is_empty()
        && rules != expected
    {
        let detail = json!({ "runs": rules, "should_run": expected });
        found.add(AlarmKind::RulesetMismatch, sensor, detail);
    }
    let history = store.heartbeats(&sensor.id, now.plus(-WINDOW_MS)).await?;
    let stats = |entry: Option<&(UnixMillis, String)>| {
        entry.and_then(|(_, json)| serde_json::from_str::<Stats>(json).ok())
    };
    if let (Some(first), Some(last)) = (stats(history.first()), stats(history.last())) {
        let (packets, dropped) = last.since(&first);
        let came = packets + dropped;
        let percent = dropped as f64 * 100.0 / came.max(1) as f64;
        if dropped > 0 && percent > settings.drop_percent {
            let detail = json!({ "dropped": dropped, "packets": packets });
            found.add(AlarmKind::Drops, sensor, detail);
        }
        let is_long = history.len() as i64 >= WINDOW_MS / 60_000 - 1;
        if is_long && came == 0 && last.packets.is_some() && !last.input_done {
            let minutes = WINDOW_MS / 60_000;
            found.add(AlarmKind::NoTraffic, sensor, json!({ "minutes": minutes }));
        }
    }
    Ok(())
}

/// A refusal is told at once; what has only not got there yet, after a while.
fn look_at_configuration(
    sensor: &Sensor,
    configuration: &SensorConfiguration,
    settled: bool,
    found: &mut Found,
) {
    let is_wrong = match configuration.state {
        ConfigurationState::Current => false,
        // Nothing is wanted of a version that takes no settings.
        ConfigurationState::Unable => settled && !configuration.wanted_hash.is_empty(),
        ConfigurationState::Refused => true,
        ConfigurationState::Waiting | ConfigurationState::Restart => settled,
    };
    if is_wrong {
        let detail = json!({
            "state": configuration.state.name(),
            "reason": configuration.refused_reason,
            "runs": configuration.hash,
            "should_run": configuration.wanted_hash,
        });
        found.add(AlarmKind::ConfigurationMismatch, sensor, detail);
    }
}

/// What of a heartbeat's statistics is looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stats {
    packets: Option<u64>,
    kernel_drops: u64,
    interface_drops: u64,
    engine_drops: u64,
    input_done: bool,
}

impl Stats {
    fn dropped(&self) -> u64 {
        self.kernel_drops + self.interface_drops + self.engine_drops
    }

    /// Packets and drops since an earlier heartbeat; counters begin again when the sensor does.
    fn since(&self, before: &Stats) -> (u64, u64) {
        let packets = self.packets.unwrap_or(0);
        let packets_before = before.packets.unwrap_or(0);
        if packets < packets_before || self.dropped() < before.dropped() {
            return (packets, self.dropped());
        }
        (packets - packets_before, self.dropped() - before.dropped())
    }
}

async fn look_at_collector(
    store: &Store,
    settings: &WatchSettings,
    around: &Surroundings<'_>,
    now: UnixMillis,
    found: &mut Found,
) -> Result<()> {
    let disk = around.disk;
    if disk.free_bytes < disk.reserve_bytes {
        let detail = json!({ "free_bytes": disk.free_bytes, "reserve_bytes": disk.reserve_bytes });
        found.add_own(AlarmKind::DiskReserve, detail);
    }
    if let Some(days) = disk.days_left
        && days < f64::from(settings.disk_days)
    {
        let days = (days * 10.0).round() / 10.0;
        found.add_own(AlarmKind::DiskDays, json!({ "days": days }));
    }
    if !around.short.is_empty() {
        let rows = around
            .short
            .iter()
            .map(|(shelf, held, asked)| json!({ "shelf": shelf, "held": held, "asked": asked }));
        let detail = json!({ "shelves": rows.collect::<Vec<_>>() });
        found.add_own(AlarmKind::RetentionShort, detail);
    }
    let failing: Vec<Value> = store
        .feeds(&Scope::All)
        .await?
        .into_iter()
        .filter(|feed| feed.enabled && feed.failures > 0)
        .take(NAMED_FEEDS)
        .map(|feed| json!({ "id": feed.id, "name": feed.name, "failures": feed.failures }))
        .collect();
    if let [first, ..] = failing.as_slice() {
        let detail = json!({ "name": first["name"], "count": failing.len(), "feeds": failing });
        found.add_own(AlarmKind::FeedsFailing, detail);
    }
    if let [first, ..] = store.archive_faults().await?.as_slice() {
        let detail = json!({
            "day": first.day, "shelf": first.shelf, "code": first.code, "reason": first.reason,
            "attempts": first.attempts,
        });
        found.add_own(AlarmKind::ArchiveFailing, detail);
    }
    if !around.refused_senders.is_empty() {
        let senders = around.refused_senders.iter();
        let named = senders.clone().take(NAMED_SENDERS);
        let named: Vec<String> = named.map(|(address, _)| address.to_string()).collect();
        let detail = json!({
            "messages": senders.map(|(_, messages)| messages).sum::<u64>(),
            "addresses": around.refused_senders.len(),
            "senders": named,
        });
        found.add_own(AlarmKind::SyslogRefused, detail);
    }
    if let Some(name) = around.damaged.first() {
        let detail = json!({ "count": around.damaged.len(), "name": name });
        found.add_own(AlarmKind::IndexDamaged, detail);
    }
    let (_, failed) = store.outbox_counts(now.plus(-UnixMillis::DAY)).await?;
    if failed > 0 {
        let detail = json!({ "failed": failed });
        found.add_own(AlarmKind::NotificationsFailing, detail);
    }
    Ok(())
}

/// The rule set that sensors should run: the one that is set, or what more than half of them run.
fn expected_rules(settings: &WatchSettings, sensors: &[Sensor]) -> Option<String> {
    if !settings.ruleset_hash.is_empty() {
        return Some(settings.ruleset_hash.clone());
    }
    let mut runs: HashMap<&str, usize> = HashMap::new();
    for hash in sensors
        .iter()
        .filter_map(|sensor| sensor.ruleset_hash.as_deref())
    {
        *runs.entry(hash).or_default() += 1;
    }
    let all: usize = runs.values().sum();
    let most = runs.into_iter().max_by_key(|&(_, count)| count)?;
    (most.1 * 2 > all).then(|| most.0.to_owned())
}

/// What the ledger of a sensor says of the last hours.
#[derive(Default)]
struct Recent {
    /// Of the last two hours, by the sensor's clock.
    shed: LedgerCounts,
    /// Of the last day.
    lost: u64,
}

impl Recent {
    fn tell(&self, sensor: &Sensor, found: &mut Found) {
        // What is set to stay on the sensor does so on purpose.
        let mut shed = self.shed.shed.clone();
        shed.remove(SHED_TO_STAY);
        if shed.values().any(|&records| records > 0) {
            found.add(AlarmKind::Shed, sensor, json!(shed));
        }
        if self.lost > 0 {
            found.add(AlarmKind::Lost, sensor, json!({ "records": self.lost }));
        }
    }
}

async fn recent_ledger(store: &Store, now: UnixMillis) -> Result<HashMap<String, Recent>> {
    let hour = now.hour();
    let rows = store
        .ledgers(&Scope::All, None, hour - 24, hour + 2)
        .await?;
    let mut recent: HashMap<String, Recent> = HashMap::new();
    for row in rows {
        let of_sensor = recent.entry(row.sensor_id).or_default();
        of_sensor.lost += row.row.counts.lost();
        if row.row.hour >= hour - 1 {
            of_sensor.shed.add(&row.row.counts);
        }
    }
    Ok(recent)
}

/// What a sensor made in the last full hour, and at comparable ones before.
#[derive(Default)]
struct Usual {
    last: u64,
    /// The same hour of the week in earlier weeks.
    weeks: Vec<u64>,
    /// The hours of the day before.
    hours: Vec<u64>,
}

impl Usual {
    /// What was made and what is usual, if the one is far below the other. A sensor that has not been
    /// there long enough has nothing usual.
    fn silent(&self, percent: u64) -> Option<(u64, u64)> {
        let average = |hours: &[u64]| hours.iter().sum::<u64>() / hours.len().max(1) as u64;
        let usual = if self.weeks.len() >= 2 {
            average(&self.weeks)
        } else if self.hours.len() >= 12 {
            average(&self.hours)
        } else {
            return None;
        };
        (usual >= LEAST_USUAL && self.last * 100 < usual * percent).then_some((self.last, usual))
    }
}

async fn usual(store: &Store, now: UnixMillis) -> Result<BTreeMap<String, Usual>> {
    let last = now.hour() - 1;
    let weeks: Vec<i64> = (1..=WEEKS).map(|week| last - week * WEEK).collect();
    let mut usual: BTreeMap<String, Usual> = BTreeMap::new();
    let mut hours = weeks.clone();
    hours.extend(last - 24..=last);
    for (sensor, hour, made) in store.made_in_hours(&hours).await? {
        let of_sensor = usual.entry(sensor).or_default();
        if hour == last {
            of_sensor.last = made;
        } else if weeks.contains(&hour) {
            of_sensor.weeks.push(made);
        } else {
            of_sensor.hours.push(made);
        }
    }
    Ok(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_judged_by_what_is_usual() {
        let rows = [
            (0, vec![1_000, 900], vec![], Some((0, 950))),
            (94, vec![1_000, 900], vec![], Some((94, 950))),
            (95, vec![1_000, 900], vec![], None),
            // At night it makes little.
            (0, vec![10, 12], vec![500; 24], None),
            (0, vec![1_000], vec![500; 12], Some((0, 500))),
            (0, vec![], vec![500; 11], None),
        ];
        for (last, weeks, hours, expected) in rows {
            let usual = Usual { last, weeks, hours };
            assert_eq!(usual.silent(10), expected);
        }
    }

    #[test]
    fn counters_that_began_again_count_from_nothing() {
        let stats = |packets, kernel_drops| Stats {
            packets: Some(packets),
            kernel_drops,
            ..Stats::default()
        };
        assert_eq!(stats(150, 7).since(&stats(100, 5)), (50, 2));
        assert_eq!(stats(10, 1).since(&stats(100, 5)), (10, 1));
    }
}
