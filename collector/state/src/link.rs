//! What a sensor may send, where the centre sets it.

use serde::{Deserialize, Serialize};

use crate::error::{Result, StateError};
use crate::store::Store;
use crate::unit::Scope;

/// The rates that a sensor takes, apart from 0, for no limit.
const KILOBITS: std::ops::RangeInclusive<u32> = 16..=10_000_000;
const MAX_HOURS: usize = 24;
const MINUTES_OF_DAY: u16 = 24 * 60;

/// What a sensor may send, in kbit/s; 0: anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    pub kilobits: u32,
    /// The first that fits counts.
    pub hours: Vec<LinkHours>,
}

/// Another rate from a minute of the day until before another, by the sensor's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkHours {
    pub from_minute: u16,
    /// At or before `from_minute`: on the next day.
    pub to_minute: u16,
    pub kilobits: u32,
}

impl LinkPlan {
    fn check(&self) -> Result<()> {
        let invalid = |field, reason| Err(StateError::Invalid { field, reason });
        if self.hours.len() > MAX_HOURS {
            return invalid("hours", "too_many");
        }
        let rates = self.hours.iter().map(|one| one.kilobits);
        for rate in rates.chain([self.kilobits]) {
            if rate != 0 && !KILOBITS.contains(&rate) {
                return invalid("kilobits", "out_of_range");
            }
        }
        let minutes = self
            .hours
            .iter()
            .flat_map(|one| [one.from_minute, one.to_minute]);
        for minute in minutes {
            if minute >= MINUTES_OF_DAY {
                return invalid("hours", "out_of_range");
            }
        }
        Ok(())
    }
}

impl Store {
    /// What a sensor may send; none: what its own configuration says.
    pub async fn link_plan(&self, sensor: &str) -> Result<Option<LinkPlan>> {
        let json: Option<Option<String>> =
            sqlx::query_scalar("SELECT link_plan FROM sensors WHERE id = ?")
                .bind(sensor)
                .fetch_optional(self.reader())
                .await?;
        Ok(json.flatten().as_deref().and_then(plan_from))
    }

    pub async fn set_link_plan(
        &self,
        sensor: &str,
        plan: Option<&LinkPlan>,
        scope: &Scope,
    ) -> Result<()> {
        self.sensor(sensor, scope).await?;
        plan.map_or(Ok(()), LinkPlan::check)?;
        let json = plan.and_then(|plan| serde_json::to_string(plan).ok());
        let changed = sqlx::query(
            "UPDATE sensors SET link_plan = ? WHERE id = ? AND kind = 'sensor' AND revoked IS NULL",
        )
        .bind(json)
        .bind(sensor)
        .execute(self.writer())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::not_found("sensor", sensor));
        }
        Ok(())
    }
}

pub(crate) fn plan_from(json: &str) -> Option<LinkPlan> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use crate::*;

    const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

    #[tokio::test]
    async fn a_plan_is_kept_within_its_bounds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default())
            .await
            .expect("a store");
        let token = store
            .create_enrolment("xã", UnitId(1), "lan", NOW)
            .await
            .expect("a token")
            .token;
        let sensor = store.enrol(&token, "xa", NOW).await;
        let sensor = sensor.expect("it enrols").sensor_id;
        assert_eq!(store.link_plan(&sensor).await.expect("read"), None);
        let hours = |from_minute, to_minute, kilobits| LinkHours {
            from_minute,
            to_minute,
            kilobits,
        };
        let plan = LinkPlan {
            kilobits: 64,
            hours: vec![hours(22 * 60, 6 * 60, 0)],
        };
        let set = store.set_link_plan(&sensor, Some(&plan), &Scope::All).await;
        set.expect("it is set");
        let kept = store.link_plan(&sensor).await.expect("read");
        assert_eq!(kept.as_ref(), Some(&plan));
        let told = store.sensor(&sensor, &Scope::All).await.expect("there");
        assert_eq!(told.link_plan, Some(plan.clone()));
        let with = |kilobits, hours| LinkPlan { kilobits, hours };
        for wrong in [
            with(15, Vec::new()),
            with(10_000_001, Vec::new()),
            with(64, vec![hours(0, 60, 1)]),
            with(64, vec![hours(0, 1_440, 64)]),
            with(64, vec![hours(0, 60, 64); 25]),
        ] {
            let set = store.set_link_plan(&sensor, Some(&wrong), &Scope::All);
            let error = set.await.expect_err("out of bounds");
            assert!(matches!(error, StateError::Invalid { .. }), "{error}");
        }
        let unset = store.set_link_plan(&sensor, None, &Scope::All).await;
        unset.expect("it is taken back");
        assert_eq!(store.link_plan(&sensor).await.expect("read"), None);
        let nobody = store.set_link_plan("nobody", None, &Scope::All).await;
        assert!(matches!(nobody, Err(StateError::NotFound { .. })));
    }
}
