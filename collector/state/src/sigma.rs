//! What the collector's own rules have found and not yet delivered, and what they remember.
//!
//! The collector stands among the sensors with one row a unit, of kind `collector`: its alerts have streams, units
//! and ledger like all others.

use sqlx::Row;

use crate::error::Result;
use crate::ids::{UnitId, UnixMillis};
use crate::mark::{Purpose, read_mark, write_mark};
use crate::sensor::sensor_no;
use crate::store::Store;

/// Name of the collector among the sensors.
const NAME: &str = "collector";

/// A stream that has been judged through a number.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    pub sensor_id: &'a str,
    pub epoch: u64,
    pub class: &'a str,
    pub through_seq: u64,
}

/// An alert on its way: a record in JSON, numbered in a stream of the collector's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigmaAlert {
    /// See [`Store::collector_in`].
    pub sensor_id: String,
    pub epoch: u64,
    pub seq: u64,
    pub line: String,
}

impl Store {
    /// The id of the collector among the sensors of a unit; made when it is first asked for.
    pub async fn collector_in(&self, unit: UnitId, now: UnixMillis) -> Result<String> {
        const FIND: &str = "SELECT id FROM sensors WHERE kind = 'collector' AND unit_id = ?";
        let find = sqlx::query_scalar(FIND).bind(unit.0);
        if let Some(id) = find.fetch_optional(self.reader()).await? {
            return Ok(id);
        }
        let mut tx = self.write().await?;
        let find = sqlx::query_scalar(FIND).bind(unit.0);
        if let Some(id) = find.fetch_optional(&mut *tx).await? {
            return Ok(id);
        }
        let id = uuid::Uuid::new_v4().to_string();
        sqlx::query(
            "INSERT INTO sensors (id, name, unit_id, hostname, enrolled, kind)
             VALUES (?, ?, ?, '', ?, 'collector')",
        )
        .bind(&id)
        .bind(NAME)
        .bind(unit.0)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The lowest unit that holds all of these sensors: who may see it, may see what all of them say.
    pub async fn common_unit(&self, sensors: &[String]) -> Result<UnitId> {
        let mut common: Option<Vec<String>> = None;
        for sensor in sensors {
            let path: Option<String> = sqlx::query_scalar(
                "SELECT path FROM units u JOIN sensors s ON s.unit_id = u.id WHERE s.id = ?",
            )
            .bind(sensor)
            .fetch_optional(self.reader())
            .await?;
            let steps: Vec<String> = path
                .unwrap_or_default()
                .split_terminator('/')
                .map(str::to_owned)
                .collect();
            common = Some(match common {
                None => steps,
                Some(before) => before
                    .into_iter()
                    .zip(steps)
                    .take_while(|(left, right)| left == right)
                    .map(|(left, _)| left)
                    .collect(),
            });
        }
        let last = common.and_then(|steps| steps.last()?.parse().ok());
        Ok(last.unwrap_or(UnitId::ROOT))
    }

    /// The sequence number through which alerts of the collector's rules on this stream are kept.
    pub async fn judged_through(&self, sensor_id: &str, epoch: u64, class: &str) -> Result<u64> {
        let mut connection = self.reader().acquire().await?;
        let (no, _) = sensor_no(&mut connection, sensor_id).await?;
        read_mark(&mut connection, Purpose::Judged, no, epoch, class).await
    }

    /// Keeps alerts, and notes the stream that they come of, in one transaction.
    pub async fn keep_sigma_alerts(
        &self,
        judged: Option<Judged<'_>>,
        alerts: &[SigmaAlert],
        now: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        for alert in alerts {
            let (no, _) = sensor_no(&mut tx, &alert.sensor_id).await?;
            sqlx::query(
                "INSERT INTO sigma_alerts (sensor_no, epoch, seq, line) VALUES (?, ?, ?, ?)",
            )
            .bind(no)
            .bind(alert.epoch.cast_signed())
            .bind(alert.seq.cast_signed())
            .bind(&alert.line)
            .execute(&mut *tx)
            .await?;
        }
        if let Some(judged) = judged {
            let (no, _) = sensor_no(&mut tx, judged.sensor_id).await?;
            let stream = (no, judged.epoch, judged.class);
            write_mark(&mut tx, Purpose::Judged, stream, judged.through_seq, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Alerts that are not delivered, in the order of their streams and numbers, at most `limit`.
    pub async fn sigma_alerts(&self, limit: u32) -> Result<Vec<SigmaAlert>> {
        let rows = sqlx::query(
            "SELECT s.id, a.epoch, a.seq, a.line FROM sigma_alerts a JOIN sensors s ON s.no = a.sensor_no
             ORDER BY a.epoch, a.sensor_no, a.seq LIMIT ?",
        )
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .iter()
            .map(|row| SigmaAlert {
                sensor_id: row.get(0),
                epoch: row.get::<i64, _>(1).cast_unsigned(),
                seq: row.get::<i64, _>(2).cast_unsigned(),
                line: row.get(3),
            })
            .collect())
    }

    /// Index and inbox have the alerts of a stream through this number.
    pub async fn sigma_alerts_delivered(
        &self,
        sensor_id: &str,
        epoch: u64,
        through: u64,
    ) -> Result<()> {
        sqlx::query(
            "DELETE FROM sigma_alerts WHERE epoch = ? AND seq <= ?
             AND sensor_no = (SELECT no FROM sensors WHERE id = ?)",
        )
        .bind(epoch.cast_signed())
        .bind(through.cast_signed())
        .bind(sensor_id)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// What correlations of the rules with this hash remembered when it was last kept.
    pub async fn sigma_memory(&self, rules: &str) -> Result<Option<Vec<u8>>> {
        let state = sqlx::query_scalar("SELECT state FROM sigma_memory WHERE rules = ?")
            .bind(rules)
            .fetch_optional(self.reader())
            .await?;
        Ok(state)
    }

    pub async fn keep_sigma_memory(
        &self,
        rules: &str,
        state: &[u8],
        now: UnixMillis,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO sigma_memory (id, rules, state, at) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET rules = ?1, state = ?2, at = ?3",
        )
        .bind(rules)
        .bind(state)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;
    use crate::unit::NewUnit;

    const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

    #[tokio::test]
    async fn alerts_wait_until_they_are_delivered() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default()).await;
        let store = store.expect("a store");
        let unit = |parent_id, name: &str| NewUnit {
            parent_id,
            name: name.to_owned(),
            kind: "k".to_owned(),
        };
        let district = store.create_unit(unit(UnitId::ROOT, "d")).await;
        let district = district.expect("a unit").id;
        let mut sensors = Vec::new();
        for name in ["a", "b"] {
            let commune = store.create_unit(unit(district, name)).await;
            let commune = commune.expect("a unit").id;
            let source = store.create_source(name, commune, "t", NOW).await;
            sensors.push(source.expect("a source").0.id);
        }
        let common = store.common_unit(&sensors).await.expect("a unit");
        assert_eq!(common, district);
        assert_ne!(store.common_unit(&sensors[..1]).await.ok(), Some(district));
        assert_eq!(store.common_unit(&[]).await.ok(), Some(UnitId::ROOT));
        let own = store.collector_in(common, NOW).await.expect("a row");
        assert_eq!(
            store.collector_in(common, NOW).await.ok(),
            Some(own.clone())
        );

        let alert = |seq| SigmaAlert {
            sensor_id: own.clone(),
            epoch: 7,
            seq,
            line: format!("{{\"seq\":{seq}}}"),
        };
        let judged = Judged {
            sensor_id: &sensors[0],
            epoch: 5,
            class: "record",
            through_seq: 40,
        };
        let kept = [alert(1), alert(2)];
        let keep = store.keep_sigma_alerts(Some(judged), &kept, NOW).await;
        keep.expect("they are kept");
        // A second time is a fault of the caller, and changes nothing.
        assert!(
            store
                .keep_sigma_alerts(Some(judged), &kept, NOW)
                .await
                .is_err()
        );
        let through = store.judged_through(&sensors[0], 5, "record").await;
        assert_eq!(through.ok(), Some(40));
        assert_eq!(store.sigma_alerts(10).await.expect("rows"), kept);
        let delivered = store.sigma_alerts_delivered(&own, 7, 1).await;
        delivered.expect("it goes");
        assert_eq!(store.sigma_alerts(10).await.expect("rows"), kept[1..]);
    }

    #[tokio::test]
    async fn memory_is_that_of_the_same_rules() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default()).await;
        let store = store.expect("a store");
        for state in [b"one".as_slice(), b"two"] {
            let kept = store.keep_sigma_memory("h", state, NOW).await;
            kept.expect("it is kept");
            let found = store.sigma_memory("h").await.expect("it is read");
            assert_eq!(found.as_deref(), Some(state));
        }
        assert_eq!(store.sigma_memory("other").await.expect("it is read"), None);
    }
}
