//! Settings of units and sensors. A sensor runs with those of the units above it, the lower before the higher, and its own
//! before all; what none of them says is as the sensor's own file says.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::FleetTarget;
use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{
    MAX_COMMENT_BYTES, MAX_FLEET_SETTINGS, MAX_NAME_BYTES, MAX_SETTINGS_PER_TARGET, MAX_STATS_BYTES,
};
use crate::rule_set::checked_reason;
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, push_scope};

/// A value with the place that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub name: String,
    pub value: String,
    /// None: the sensor's own.
    pub unit: Option<(UnitId, String)>,
    pub at: UnixMillis,
    pub user: String,
}

/// A setting of a sensor before and after a change; none: as the sensor's own file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A sensor whose configuration a change changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSensor {
    pub sensor_id: String,
    pub name: String,
    pub unit_name: String,
    pub connected: bool,
    pub changes: Vec<ValueChange>,
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What the change has to name when it is made: nobody has changed anything since.
    pub revision: i64,
    pub sensors: Vec<ChangedSensor>,
    /// Sensors of the target that stay as they are: they have values of their own, or of a unit between.
    pub unchanged: u64,
}

/// Something that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetChange {
    pub id: i64,
    pub unit_id: Option<UnitId>,
    pub sensor_id: Option<String>,
    pub at: UnixMillis,
    pub user: String,
    pub why: String,
    /// JSON: list of name, before, after.
    pub changes: String,
    pub sensors: u64,
}

/// What a sensor says of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigurationReport {
    /// Of the centre's text that runs; empty for none.
    pub hash: String,
    pub refused: Option<(String, String)>,
    /// Of a text that takes effect with the next start.
    pub waiting: Option<String>,
    /// Of everything that it runs with.
    pub running_hash: String,
    /// JSON object; none: as it was.
    pub running: Option<String>,
}

/// How a sensor stands to what it is to run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationState {
    Current,
    /// It has not got it yet.
    Waiting,
    /// It has it, and has to be started again.
    Restart,
    Refused,
    /// It has never told of any: its version does not take any.
    Unable,
}

impl ConfigurationState {
    pub fn name(self) -> &'static str {
        match self {
            ConfigurationState::Current => "current",
            ConfigurationState::Waiting => "waiting",
            ConfigurationState::Restart => "restart",
            ConfigurationState::Refused => "refused",
            ConfigurationState::Unable => "unable",
        }
    }
}

/// What a sensor is to run with, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorConfiguration {
    pub sensor_id: String,
    pub state: ConfigurationState,
    pub wanted_hash: String,
    pub hash: Option<String>,
    pub refused_reason: Option<String>,
    pub running_hash: Option<String>,
    /// JSON object.
    pub running: Option<String>,
}

/// The settings as the one text that a sensor gets; empty for none.
pub fn configuration_text(settings: &[Effective]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    let values: BTreeMap<&str, &str> = settings
        .iter()
        .map(|setting| (setting.name.as_str(), setting.value.as_str()))
        .collect();
    // A map of strings can always be written.
    serde_json::to_string(&values).unwrap_or_default()
}

/// SHA-256 of what a sensor gets, hexadecimal; empty for nothing.
pub fn configuration_hash(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All settings, and where the units are.
struct Tree {
    /// Path and name.
    units: BTreeMap<i64, (String, String)>,
    of_units: BTreeMap<i64, Vec<Effective>>,
    of_sensors: BTreeMap<i64, Vec<Effective>>,
}

type Values = BTreeMap<String, Effective>;

impl Tree {
    /// Of a unit, as a sensor in it has them.
    fn of_unit(&self, unit: i64) -> Values {
        let path = self.units.get(&unit).map_or("", |(path, _)| path);
        let above = path.split('/').filter_map(|id| id.parse::<i64>().ok());
        let settings = above.filter_map(|id| self.of_units.get(&id)).flatten();
        settings
            .map(|one| (one.name.clone(), one.clone()))
            .collect()
    }

    fn of_sensor(&self, unit: i64, no: i64) -> Values {
        let mut values = self.of_unit(unit);
        let own = self.of_sensors.get(&no).into_iter().flatten();
        values.extend(own.map(|one| (one.name.clone(), one.clone())));
        values
    }

    /// The settings of one place.
    fn at(&mut self, (unit, no): (Option<i64>, Option<i64>)) -> &mut Vec<Effective> {
        match (unit, no) {
            (Some(unit), _) => self.of_units.entry(unit).or_default(),
            (None, no) => self.of_sensors.entry(no.unwrap_or(0)).or_default(),
        }
    }
}

const REVISION: &str = "SELECT coalesce(max(id), 0) FROM fleet_changes";

impl Store {
    async fn fleet_tree(&self) -> Result<Tree> {
        let units = sqlx::query("SELECT id, path, name FROM units")
            .fetch_all(self.reader())
            .await?;
        let mut tree = Tree {
            units: units
                .iter()
                .map(|row| (row.get(0), (row.get(1), row.get(2))))
                .collect(),
            of_units: BTreeMap::new(),
            of_sensors: BTreeMap::new(),
        };
        let rows = sqlx::query(
            "SELECT unit_id, sensor_no, name, value, at, user FROM fleet_settings ORDER BY name",
        )
        .fetch_all(self.reader())
        .await?;
        for row in &rows {
            let (unit, no): (Option<i64>, Option<i64>) = (row.get(0), row.get(1));
            let name = |unit: i64| tree.units.get(&unit).map(|(_, name)| name.clone());
            let setting = Effective {
                unit: unit.map(|unit| (UnitId(unit), name(unit).unwrap_or_default())),
                name: row.get(2),
                value: row.get(3),
                at: UnixMillis(row.get(4)),
                user: row.get(5),
            };
            tree.at((unit, no)).push(setting);
        }
        Ok(tree)
    }

    /// Raised by every change of settings.
    pub async fn fleet_revision(&self) -> Result<i64> {
        Ok(sqlx::query_scalar(REVISION)
            .fetch_one(self.reader())
            .await?)
    }

    /// What a sensor is to run with, by name.
    pub async fn wanted_settings(&self, sensor_id: &str) -> Result<Vec<Effective>> {
        let rows = sqlx::query(
            "SELECT f.name, f.value, above.id, above.name, f.at, f.user, length(above.path) AS depth
             FROM sensors s JOIN units own ON own.id = s.unit_id
             JOIN fleet_settings f ON f.unit_id IS NOT NULL
             JOIN units above ON above.id = f.unit_id
                 AND substr(own.path, 1, length(above.path)) = above.path
             WHERE s.id = ?1
             UNION ALL
             SELECT f.name, f.value, NULL, NULL, f.at, f.user, 1000000
             FROM sensors s JOIN fleet_settings f ON f.sensor_no = s.no WHERE s.id = ?1
             ORDER BY depth",
        )
        .bind(sensor_id)
        .fetch_all(self.reader())
        .await?;
        let values: Values = rows
            .iter()
            .map(|row| (row.get(0), effective_from(row)))
            .collect();
        Ok(values.into_values().collect())
    }

    /// What holds in a unit, with what is set there and what is inherited; or for a sensor.
    pub async fn effective_settings(
        &self,
        target: &FleetTarget,
        scope: &Scope,
    ) -> Result<Vec<Effective>> {
        let (unit, _) = self.fleet_target(target, scope).await?;
        let values = match (unit, target) {
            (Some(unit), _) => self.fleet_tree().await?.of_unit(unit),
            (None, FleetTarget::Sensor(id)) => return self.wanted_settings(id).await,
            (None, FleetTarget::Unit(_)) => Values::new(),
        };
        Ok(values.into_values().collect())
    }

    /// What setting and taking back (`None`) these values at a target would do to its sensors.
    pub async fn preview_settings(
        &self,
        target: &FleetTarget,
        changes: &[(String, Option<String>)],
        scope: &Scope,
    ) -> Result<Preview> {
        let place = self.fleet_target(target, scope).await?;
        let revision = self.fleet_revision().await?;
        let mut tree = self.fleet_tree().await?;
        let sensors = self.sensors_of(place).await?;
        let values = |tree: &Tree| -> Vec<Values> {
            let of = |row: &SqliteRow| tree.of_sensor(row.get(3), row.get(0));
            sensors.iter().map(of).collect()
        };
        let before = values(&tree);
        let settings = tree.at(place);
        for (name, value) in changes {
            settings.retain(|one| one.name != *name);
            settings.extend(value.as_ref().map(|value| Effective {
                name: name.clone(),
                value: value.clone(),
                unit: None,
                at: UnixMillis(0),
                user: String::new(),
            }));
        }
        if settings.len() > MAX_SETTINGS_PER_TARGET {
            return Err(too_many());
        }
        let after = values(&tree);
        let mut changed = Vec::new();
        for ((row, before), after) in sensors.iter().zip(&before).zip(&after) {
            let of = |values: &Values, name: &String| values.get(name).map(|one| one.value.clone());
            let differs: Vec<ValueChange> = changes
                .iter()
                .map(|(name, _)| ValueChange {
                    name: name.clone(),
                    before: of(before, name),
                    after: of(after, name),
                })
                .filter(|change| change.before != change.after)
                .collect();
            if !differs.is_empty() {
                changed.push(ChangedSensor {
                    sensor_id: row.get(1),
                    name: row.get(2),
                    unit_name: row.get(4),
                    connected: row.get(5),
                    changes: differs,
                });
            }
        }
        Ok(Preview {
            revision,
            unchanged: (sensors.len() - changed.len()) as u64,
            sensors: changed,
        })
    }

    async fn sensors_of(&self, (unit, no): (Option<i64>, Option<i64>)) -> Result<Vec<SqliteRow>> {
        Ok(sqlx::query(
            "SELECT s.no, s.id, s.name, s.unit_id, own.name, s.connected
             FROM sensors s JOIN units own ON own.id = s.unit_id
             WHERE s.kind = 'sensor' AND s.revoked IS NULL AND (s.no = ?1 OR substr(own.path, 1,
                 (SELECT length(path) FROM units WHERE id = ?2)) = (SELECT path FROM units WHERE id = ?2))
             ORDER BY s.name, s.id",
        )
        .bind(no)
        .bind(unit)
        .fetch_all(self.reader())
        .await?)
    }

    /// Sets and takes back (`None`) values at a target, if nothing was changed since `revision`.
    pub async fn change_settings(
        &self,
        target: &FleetTarget,
        changes: &[(String, Option<String>)],
        (revision, why): (i64, &str),
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<Preview> {
        let why = checked_reason(why)?;
        let preview = self.preview_settings(target, changes, scope).await?;
        let (unit, no) = self.fleet_target(target, scope).await?;
        let mut tx = self.write().await?;
        let newest: i64 = sqlx::query_scalar(REVISION).fetch_one(&mut *tx).await?;
        if newest != revision || preview.revision != revision {
            return Err(StateError::Invalid {
                field: "revision",
                reason: "settings_changed_meanwhile",
            });
        }
        let mut noted = Vec::new();
        for (name, value) in changes {
            let before: Option<String> = sqlx::query_scalar(
                "DELETE FROM fleet_settings WHERE unit_id IS ?1 AND sensor_no IS ?2 AND name = ?3
                 RETURNING value",
            )
            .bind(unit)
            .bind(no)
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(value) = value {
                sqlx::query(
                    "INSERT INTO fleet_settings (unit_id, sensor_no, name, value, at, user)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )
                .bind(unit)
                .bind(no)
                .bind(name)
                .bind(value)
                .bind(now.0)
                .bind(user)
                .execute(&mut *tx)
                .await?;
            }
            noted.push(ValueChange {
                name: name.clone(),
                before,
                after: value.clone(),
            });
        }
        let all: i64 = sqlx::query_scalar("SELECT count(*) FROM fleet_settings")
            .fetch_one(&mut *tx)
            .await?;
        if all > MAX_FLEET_SETTINGS {
            return Err(too_many());
        }
        sqlx::query(
            "INSERT INTO fleet_changes (unit_id, sensor_id, at, user, why, changes, sensors)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(unit)
        .bind(match target {
            FleetTarget::Sensor(id) => Some(id.as_str()),
            FleetTarget::Unit(_) => None,
        })
        .bind(now.0)
        .bind(user)
        .bind(why)
        .bind(serde_json::to_string(&noted).unwrap_or_default())
        .bind(preview.sensors.len() as i64)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.tell_fleet();
        Ok(preview)
    }

    /// What was changed at a target, newest first; at most 200 rows.
    pub async fn fleet_changes(
        &self,
        target: &FleetTarget,
        scope: &Scope,
    ) -> Result<Vec<FleetChange>> {
        let (unit, _) = self.fleet_target(target, scope).await?;
        let rows = sqlx::query(
            "SELECT id, unit_id, sensor_id, at, user, why, changes, sensors FROM fleet_changes
             WHERE unit_id IS ? AND sensor_id IS ? ORDER BY id DESC LIMIT 200",
        )
        .bind(unit)
        .bind(match target {
            FleetTarget::Sensor(id) => Some(id.as_str()),
            FleetTarget::Unit(_) => None,
        })
        .fetch_all(self.reader())
        .await?;
        let change = |row: &SqliteRow| FleetChange {
            id: row.get(0),
            unit_id: row.get::<Option<i64>, _>(1).map(UnitId),
            sensor_id: row.get(2),
            at: UnixMillis(row.get(3)),
            user: row.get(4),
            why: row.get(5),
            changes: row.get(6),
            sensors: row.get::<i64, _>(7).unsigned_abs(),
        };
        Ok(rows.iter().map(change).collect())
    }

    /// When settings were changed last.
    pub async fn last_fleet_change(&self) -> Result<Option<UnixMillis>> {
        let at: Option<i64> = sqlx::query_scalar("SELECT max(at) FROM fleet_changes")
            .fetch_one(self.reader())
            .await?;
        Ok(at.map(UnixMillis))
    }

    /// Keeps what a sensor told of its configuration.
    pub async fn record_configuration(
        &self,
        sensor: &str,
        told: &ConfigurationReport,
    ) -> Result<()> {
        let (refused, reason) = match &told.refused {
            Some((hash, reason)) => (Some(hash.as_str()), Some(reason.as_str())),
            None => (None, None),
        };
        let running = told.running.as_deref();
        sqlx::query(
            "UPDATE sensors SET config_hash = ?1, config_refused_hash = ?2, config_refused_reason = ?3,
                 config_waiting_hash = ?4, config_running_hash = ?5, config_running = coalesce(?6, config_running)
             WHERE id = ?7 AND ((config_hash, config_refused_hash, config_refused_reason, config_waiting_hash,
                 config_running_hash) IS NOT (?1, ?2, ?3, ?4, ?5) OR (?6 IS NOT NULL AND config_running IS NOT ?6))",
        )
        .bind(cut(&told.hash, MAX_NAME_BYTES))
        .bind(refused.map(|hash| cut(hash, MAX_NAME_BYTES)))
        .bind(reason.map(|reason| cut(reason, MAX_COMMENT_BYTES)))
        .bind(told.waiting.as_deref().map(|hash| cut(hash, MAX_NAME_BYTES)))
        .bind(cut(&told.running_hash, MAX_NAME_BYTES))
        .bind(running.filter(|running| running.len() <= MAX_STATS_BYTES))
        .bind(sensor)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// How one sensor stands to what it is to run with.
    pub async fn sensor_configuration(
        &self,
        id: &str,
        scope: &Scope,
    ) -> Result<SensorConfiguration> {
        let sensor = self.sensor(id, scope).await?;
        let wanted = configuration_text(&self.wanted_settings(&sensor.id).await?);
        let row = sqlx::query(
            "SELECT no, id, unit_id, config_hash, config_refused_hash, config_refused_reason,
                 config_waiting_hash, config_running_hash, config_running
             FROM sensors WHERE id = ?",
        )
        .bind(&sensor.id)
        .fetch_one(self.reader())
        .await?;
        Ok(configuration_from(&row, configuration_hash(&wanted)))
    }

    /// How the sensors in scope stand to what they are to run with, by sensor.
    pub async fn sensor_configurations(
        &self,
        scope: &Scope,
    ) -> Result<BTreeMap<String, SensorConfiguration>> {
        let tree = self.fleet_tree().await?;
        let mut query = sqlx::QueryBuilder::new(
            "SELECT no, id, unit_id, config_hash, config_refused_hash, config_refused_reason,
                 config_waiting_hash, config_running_hash, config_running
             FROM sensors WHERE kind = 'sensor' AND revoked IS NULL",
        );
        push_scope(&mut query, "unit_id", scope);
        let rows = query.build().fetch_all(self.reader()).await?;
        let of = |row: &SqliteRow| {
            let values = tree.of_sensor(row.get(2), row.get(0));
            let values: Vec<Effective> = values.into_values().collect();
            let wanted = configuration_hash(&configuration_text(&values));
            let sensor = configuration_from(row, wanted);
            (sensor.sensor_id.clone(), sensor)
        };
        Ok(rows.iter().map(of).collect())
    }
}

fn too_many() -> StateError {
    StateError::Invalid {
        field: "settings",
        reason: "too_many",
    }
}

fn effective_from(row: &SqliteRow) -> Effective {
    let unit: Option<i64> = row.get(2);
    Effective {
        name: row.get(0),
        value: row.get(1),
        unit: unit.map(|unit| (UnitId(unit), row.get(3))),
        at: UnixMillis(row.get(4)),
        user: row.get(5),
    }
}

fn configuration_from(row: &SqliteRow, wanted_hash: String) -> SensorConfiguration {
    let hash: Option<String> = row.get(3);
    let is_wanted =
        |column: usize| row.get::<Option<String>, _>(column).as_ref() == Some(&wanted_hash);
    let state = match &hash {
        None => ConfigurationState::Unable,
        Some(hash) if *hash == wanted_hash => ConfigurationState::Current,
        Some(_) if is_wanted(4) => ConfigurationState::Refused,
        Some(_) if is_wanted(6) => ConfigurationState::Restart,
        Some(_) => ConfigurationState::Waiting,
    };
    SensorConfiguration {
        sensor_id: row.get(1),
        refused_reason: (state == ConfigurationState::Refused)
            .then(|| row.get(5))
            .flatten(),
        state,
        wanted_hash,
        hash,
        running_hash: row.get(7),
        running: row.get(8),
    }
}
