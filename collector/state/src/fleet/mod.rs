//! What a centre does with its sensors from afar: settings that units and sensors inherit ([`settings`](self)), things to be
//! done once ([`Order`]), times of silence ([`Silence`]), and sensors that are there twice ([`Twin`]).

mod order;
mod settings;
mod silence;
#[cfg(test)]
mod tests;
mod twin;

pub use order::{Order, OrderKind, OrderState, OrderStep};
pub use settings::{
    ChangedSensor, ConfigurationReport, ConfigurationState, Effective, FleetChange, Preview,
    SensorConfiguration, ValueChange, configuration_hash, configuration_text,
};
pub(crate) use silence::apply_silences;
pub use silence::{NewSilence, Silence};
pub use twin::{Greeting, Instance, Twin};

use tokio::sync::watch;

use crate::error::{Result, StateError};
use crate::ids::UnitId;
use crate::store::Store;
use crate::unit::Scope;

/// A unit with everything below it, or one sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetTarget {
    Unit(UnitId),
    Sensor(String),
}

impl Store {
    /// Changes when sensors are wanted to run with or to do other things.
    pub fn fleet_changed(&self) -> watch::Receiver<u64> {
        self.fleet.subscribe()
    }

    pub(crate) fn tell_fleet(&self) {
        self.fleet.send_modify(|count| *count += 1);
    }

    /// Numbers of the unit or the sensor that is meant, if it is in scope: one of both.
    async fn fleet_target(
        &self,
        target: &FleetTarget,
        scope: &Scope,
    ) -> Result<(Option<i64>, Option<i64>)> {
        match target {
            FleetTarget::Unit(unit) => {
                if !scope.contains(*unit) {
                    return Err(StateError::not_found("unit", unit));
                }
                self.require_unit(*unit).await?;
                Ok((Some(unit.0), None))
            }
            FleetTarget::Sensor(id) => {
                let sensor = self.sensor(id, scope).await?;
                let no = sqlx::query_scalar(
                    "SELECT no FROM sensors WHERE id = ? AND kind = 'sensor' AND revoked IS NULL",
                )
                .bind(&sensor.id)
                .fetch_optional(self.reader())
                .await?
                .ok_or_else(|| StateError::not_found("sensor", id))?;
                Ok((None, Some(no)))
            }
        }
    }
}
