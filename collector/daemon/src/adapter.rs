//! Joins crates that do not know one another: what ingest needs, from the state store.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use collector_api::{Live, LiveAlert};
use collector_index::Stream;
use collector_ingest::{
    Alert, Groups, Heartbeat, HourCounts, PortError, PublishedRules, RefusedLine, Registry,
    RulesState, Spool, StreamMarks, wire,
};
use collector_state::{
    AlertBatch, AlertSeen, BacklogSeen, CanaryMade, HeartbeatSeen, Refused, Reported, SensorCounts,
    SpoolSeen, StateError, Status, Store, StoredCounts, UnixMillis, published_hash,
};

use crate::collector::now;

/// Texts whose hashes are kept.
const KNOWN_HASHES: usize = 1_000;

/// The state store behind ingest's traits.
pub struct StateAdapter {
    state: Store,
    live: Live,
    /// Hashes of published texts, by the versions in them, so that heartbeats need not read the texts.
    published: Mutex<HashMap<Vec<(i64, i64)>, String>>,
}

impl StateAdapter {
    pub fn new(state: Store, live: Live) -> StateAdapter {
        StateAdapter {
            state,
            live,
            published: Mutex::default(),
        }
    }

    fn published(&self) -> MutexGuard<'_, HashMap<Vec<(i64, i64)>, String>> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Registry for StateAdapter {
    async fn may_deliver(&self, sensor: &str) -> Result<bool, PortError> {
        Ok(self.state.sensor_may_deliver(sensor).await?)
    }

    async fn connected(
        &self,
        sensor: &str,
        remote_addr: &str,
        connected: bool,
    ) -> Result<(), PortError> {
        Ok(self
            .state
            .sensor_connected(sensor, remote_addr, connected)
            .await?)
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<(), PortError> {
        let spool = spool_seen(&heartbeat.spool);
        let seen = HeartbeatSeen {
            sensor_id: &heartbeat.sensor,
            epoch: heartbeat.epoch,
            version: &heartbeat.sensor_version,
            ruleset_hash: &heartbeat.ruleset_hash,
            remote_addr: &heartbeat.remote_addr,
            sent: millis(heartbeat.sent_ms),
            received: millis(heartbeat.received_ms),
            stats: &heartbeat.stats,
            spool: &spool,
        };
        self.state.record_heartbeat(seen).await?;
        if heartbeat.ledger.is_empty() {
            return Ok(());
        }
        let counts: Vec<SensorCounts> = heartbeat
            .ledger
            .into_iter()
            .map(|row| SensorCounts {
                hour: row.hour.cast_signed(),
                class: row.class.to_owned(),
                made: row.made,
                sent: row.sent,
                acked: row.acked,
                shed: row.shed,
            })
            .collect();
        Ok(self
            .state
            .record_sensor_counts(&heartbeat.sensor, heartbeat.epoch, &counts, now())
            .await?)
    }

    async fn rules_for(
        &self,
        sensor: &str,
        told: &RulesState,
    ) -> Result<Option<PublishedRules>, PortError> {
        let reported = Reported {
            hash: told.hash.clone(),
            refused: told.refused.clone(),
        };
        self.state.record_published(sensor, &reported).await?;
        let versions = self.state.wanted_rule_versions(sensor).await?;
        let known = self.published().get(&versions).cloned();
        let is_told = |hash: &str| {
            let refused = told.refused.as_ref();
            told.hash == hash || refused.is_some_and(|(refused, _)| refused == hash)
        };
        if known.as_deref().is_some_and(is_told) {
            return Ok(None);
        }
        let text = self.state.published_text(&versions).await?;
        let hash = published_hash(&text);
        {
            let mut published = self.published();
            if published.len() >= KNOWN_HASHES {
                published.clear();
            }
            published.insert(versions, hash.clone());
        }
        Ok((!is_told(&hash)).then_some(PublishedRules { hash, text }))
    }

    async fn link_budget(&self, sensor: &str) -> Result<Option<wire::LinkBudget>, PortError> {
        let plan = self.state.link_plan(sensor).await?;
        Ok(plan.map(|plan| wire::LinkBudget {
            own: false,
            kilobits: plan.kilobits,
            hours: plan
                .hours
                .iter()
                .map(|one| wire::LinkHours {
                    from_minute: one.from_minute.into(),
                    to_minute: one.to_minute.into(),
                    kilobits: one.kilobits,
                })
                .collect(),
        }))
    }

    async fn marks(&self, stream: &Stream) -> Result<StreamMarks, PortError> {
        let (sensor, epoch, class) = (&stream.sensor, stream.epoch, stream.class.name());
        Ok(StreamMarks {
            grouped: self.state.groups_through(sensor, epoch, class).await?,
            counted: self.state.stored_through(sensor, epoch, class).await?,
        })
    }

    async fn count(
        &self,
        stream: &Stream,
        counts: &[HourCounts],
        through: u64,
    ) -> Result<(), PortError> {
        let counts: Vec<StoredCounts> = counts
            .iter()
            .map(|row| StoredCounts {
                hour: row.hour.cast_signed(),
                stored: row.stored,
                rejected: row.rejected,
            })
            .collect();
        let class = stream.class.name();
        Ok(self
            .state
            .record_stored(&stream.sensor, stream.epoch, class, through, &counts, now())
            .await?)
    }

    async fn canary(&self, sensor: &str, made_ms: u64) -> Result<(), PortError> {
        let made = millis(made_ms);
        Ok(self.state.record_canary(sensor, made, now()).await?)
    }

    async fn quarantine(&self, stream: &Stream, lines: &[RefusedLine]) -> Result<(), PortError> {
        let refused: Vec<Refused<'_>> = lines
            .iter()
            .map(|line| Refused {
                sensor_id: &stream.sensor,
                epoch: stream.epoch,
                class: stream.class.name(),
                seq: line.seq,
                reason: &line.reason,
                line: &line.line,
            })
            .collect();
        Ok(self.state.quarantine(&refused, now()).await?)
    }

    async fn token_is_open(&self, token: &str) -> Result<bool, PortError> {
        Ok(self.state.enrolment_is_open(token, now()).await?)
    }

    async fn enrol(&self, token: &str, hostname: &str) -> Result<Option<String>, PortError> {
        match self.state.enrol(token, hostname, now()).await {
            Ok(enrolment) => Ok(Some(enrolment.sensor_id)),
            Err(StateError::EnrolmentRefused) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn certificate(&self, sensor: &str, fingerprint: &str) -> Result<(), PortError> {
        Ok(self
            .state
            .set_sensor_certificate(sensor, fingerprint)
            .await?)
    }
}

fn spool_seen(spool: &Spool) -> SpoolSeen {
    SpoolSeen {
        bytes: spool.bytes,
        budget_bytes: spool.budget_bytes,
        classes: spool
            .backlog
            .iter()
            .map(|row| BacklogSeen {
                class: row.class.to_owned(),
                records: row.records,
                last_seq: row.last_seq,
                sent_seq: row.sent_seq,
                acked_seq: row.acked_seq,
                oldest_hour: row.oldest_hour,
            })
            .collect(),
        canary: spool.canary.map(|canary| CanaryMade {
            made_ms: canary.made_ms,
            spooled_seq: canary.spooled_seq,
            every_ms: canary.every_ms,
        }),
    }
}

fn millis(unsigned: u64) -> UnixMillis {
    UnixMillis(i64::try_from(unsigned).unwrap_or(i64::MAX))
}

#[async_trait]
impl Groups for StateAdapter {
    async fn apply(
        &self,
        stream: &Stream,
        alerts: Vec<Alert>,
        through: u64,
    ) -> Result<(), PortError> {
        let seen: Vec<AlertSeen<'_>> = alerts.iter().map(alert_seen).collect();
        let batch = AlertBatch {
            sensor_id: &stream.sensor,
            epoch: stream.epoch,
            class: stream.class.name(),
            through_seq: through,
            alerts: &seen,
        };
        for applied in self.state.apply_alerts(batch, now()).await? {
            let severity = seen.get(applied.index).map_or(4, |alert| alert.severity);
            self.live.tell(LiveAlert {
                unit: applied.unit,
                severity,
                in_new: applied.status == Status::New,
                new_group: applied.new,
            });
        }
        Ok(())
    }
}

fn alert_seen(alert: &Alert) -> AlertSeen<'_> {
    // An alert on a frame without addresses is grouped under none.
    let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    AlertSeen {
        seq: alert.seq,
        id: &alert.id,
        at: UnixMillis(alert.timestamp.div_euclid(1_000)),
        gid: u32::try_from(alert.gid).unwrap_or(u32::MAX),
        sid: u32::try_from(alert.sid).unwrap_or(u32::MAX),
        signature: &alert.signature,
        category: &alert.category,
        severity: u8::try_from(alert.severity).unwrap_or(u8::MAX),
        source: alert.src_ip.unwrap_or(none),
        destination: alert.dest_ip.unwrap_or(none),
        attacker: alert.attacker,
        app_proto: alert.app_proto.as_deref(),
        technique: alert.technique.as_deref(),
    }
}
