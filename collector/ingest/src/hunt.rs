//! Hunts on one sensor's stream: what is wanted is asked for, what is found is stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use collector_index::Event;
use prost::Message as _;
use tonic::Status;

use crate::batch::class_of_wire;
use crate::error::PortError;
use crate::limits::{MAX_HUNT_CONTENT_BYTES, MAX_HUNT_ROWS, MAX_NAME_BYTES};
use crate::wire;
use crate::wire::collector_message::Message as FromCollector;

/// Hunts of one sensor that are served at a time; others wait here.
const AT_ONCE: usize = 4;

/// A place in a sensor's archive of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ArchivePlace {
    pub segment: u64,
    pub offset: u64,
    pub entry: u32,
}

/// What a sensor is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedHunt {
    pub id: i64,
    /// The query's tree, JSON.
    pub query: String,
    /// Microseconds since 1970, both included.
    pub from_us: i64,
    pub to_us: i64,
    /// What is at this place and behind it has been looked at.
    pub before: Option<ArchivePlace>,
    /// What may still come.
    pub max_rows: u64,
    pub max_bytes: u64,
    pub max_ms: u64,
}

/// How far a sensor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HuntStep {
    Searching,
    /// complete, rows, bytes, time
    Done(String),
    Failed(String),
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    pub place: ArchivePlace,
    /// Name of its priority class.
    pub class: &'static str,
    /// Microseconds since 1970.
    pub at_us: i64,
    /// JSON.
    pub text: String,
}

/// What came of a hunt, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPart {
    pub id: i64,
    pub step: HuntStep,
    pub before: Option<ArchivePlace>,
    /// Records of this stream: to be looked at, and looked at.
    pub total: u64,
    pub looked_at: u64,
    pub oldest_us: Option<i64>,
    pub newest_us: Option<i64>,
    pub rotated: bool,
    /// Blocks and records that could not be read.
    pub damaged: u64,
    pub rows: Vec<FoundRecord>,
}

/// Hunts, and where it is kept what they find.
#[async_trait]
pub trait HuntDesk: Send + Sync + 'static {
    /// Open hunts that a sensor takes part in, oldest first.
    async fn wanted(&self, sensor: &str) -> Result<Vec<WantedHunt>, PortError>;

    /// The sensor has been asked.
    async fn sent(&self, id: i64, sensor: &str) -> Result<(), PortError>;

    /// Stores a part; false when the hunt is open no more for this sensor.
    async fn found(&self, sensor: &str, part: FoundPart) -> Result<bool, PortError>;
}

/// A collector that hunts for nothing.
pub struct NoHunts;

#[async_trait]
impl HuntDesk for NoHunts {
    async fn wanted(&self, _: &str) -> Result<Vec<WantedHunt>, PortError> {
        Ok(Vec::new())
    }

    async fn sent(&self, _: i64, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn found(&self, _: &str, _: FoundPart) -> Result<bool, PortError> {
        Ok(false)
    }
}

/// The hunts of one stream.
pub(crate) struct Hunts {
    desk: Arc<dyn HuntDesk>,
    sensor: String,
    /// Asked for on this stream, and not over.
    asked: BTreeSet<i64>,
}

impl Hunts {
    pub fn new(desk: Arc<dyn HuntDesk>, sensor: String) -> Hunts {
        Hunts {
            desk,
            sensor,
            asked: BTreeSet::new(),
        }
    }

    /// What is to be said to the sensor, as things are wanted now.
    pub async fn refresh(&mut self) -> Result<Vec<FromCollector>, Status> {
        let wanted = self.desk.wanted(&self.sensor).await.map_err(internal)?;
        let mut say = Vec::new();
        self.asked.retain(|&id| {
            let is_wanted = wanted.iter().any(|one| one.id == id);
            if !is_wanted {
                say.push(cancel(id));
            }
            is_wanted
        });
        for one in wanted {
            if self.asked.len() >= AT_ONCE {
                break;
            }
            if self.asked.insert(one.id) {
                let sent = self.desk.sent(one.id, &self.sensor).await;
                sent.map_err(internal)?;
                say.push(FromCollector::HuntRequest(self.request(one)));
            }
        }
        Ok(say)
    }

    /// Takes what the sensor has found.
    pub async fn part(&mut self, part: wire::HuntPart) -> Result<Vec<FromCollector>, Status> {
        let id = part.id.cast_signed();
        let mut say = Vec::new();
        // A refusal is no part: the sensor waits for nothing.
        if part.phase() != wire::HuntPhase::Failed {
            say.push(FromCollector::HuntTaken(wire::HuntTaken { id: part.id }));
        }
        if !self.asked.contains(&id) {
            // It was on its way when nobody wanted it any more.
            return Ok(say);
        }
        let part = tokio::task::spawn_blocking(move || unpack(part))
            .await
            .map_err(|_| Status::internal("what a hunt found could not be unpacked"))??;
        let is_over = part.step != HuntStep::Searching;
        let goes_on = self.desk.found(&self.sensor, part).await.map_err(|error| {
            tracing::warn!(sensor = %self.sensor, id, %error, "what a hunt found is not stored");
            Status::unavailable("what a hunt found cannot be stored now")
        })?;
        if is_over || !goes_on {
            self.asked.remove(&id);
            if !is_over {
                say.push(cancel(id));
            }
            say.extend(self.refresh().await?);
        }
        Ok(say)
    }

    fn request(&self, wanted: WantedHunt) -> wire::HuntRequest {
        wire::HuntRequest {
            id: wanted.id.cast_unsigned(),
            query: wanted.query.into_bytes().into(),
            from_us: wanted.from_us,
            to_us: wanted.to_us,
            before: wanted.before.map(|place| wire::ArchivePlace {
                segment: place.segment,
                offset: place.offset,
                entry: place.entry,
            }),
            max_rows: wanted.max_rows,
            max_bytes: wanted.max_bytes,
            max_ms: wanted.max_ms,
            sensor: self.sensor.clone(),
        }
    }
}

fn cancel(id: i64) -> FromCollector {
    FromCollector::HuntCancel(wire::HuntCancel {
        id: id.cast_unsigned(),
    })
}

fn internal(error: PortError) -> Status {
    tracing::error!(%error, "hunts are not readable");
    Status::unavailable("the collector's state is not readable")
}

fn unpack(part: wire::HuntPart) -> Result<FoundPart, Status> {
    let broken = |what: &str| Status::invalid_argument(format!("hunt: {what}"));
    let size = part.content_bytes as usize;
    if size > MAX_HUNT_CONTENT_BYTES {
        return Err(broken("a part is too large"));
    }
    let mut rows = Vec::new();
    let mut unreadable = 0;
    if size > 0 {
        let content = zstd::bulk::decompress(&part.rows, size)
            .map_err(|_| broken("a part is not what it says"))?;
        let content =
            wire::HuntRows::decode(&*content).map_err(|_| broken("a part holds no records"))?;
        if content.rows.len() > MAX_HUNT_ROWS {
            return Err(broken("a part has too many records"));
        }
        for row in content.rows {
            match found(row) {
                Some(row) => rows.push(row),
                None => unreadable += 1,
            }
        }
    }
    let reason = part.reason.chars().take(MAX_NAME_BYTES).collect();
    let step = match part.phase() {
        wire::HuntPhase::Searching => HuntStep::Searching,
        wire::HuntPhase::Done => HuntStep::Done(reason),
        wire::HuntPhase::Failed => HuntStep::Failed(reason),
        wire::HuntPhase::Unspecified => return Err(broken("a part of no phase")),
    };
    Ok(FoundPart {
        id: part.id.cast_signed(),
        step,
        before: part.before.map(place),
        total: part.total,
        looked_at: part.looked_at,
        oldest_us: part.oldest_us,
        newest_us: part.newest_us,
        rotated: part.rotated,
        damaged: part.damaged.saturating_add(unreadable),
        rows,
    })
}

/// `None`: no record that people could be shown.
fn found(row: wire::HuntRow) -> Option<FoundRecord> {
    let class = class_of_wire(row.class)?.name();
    let event = Event::parse(row.record.to_vec()).ok()?;
    Some(FoundRecord {
        place: place(row.place?),
        class,
        at_us: event.timestamp(),
        text: event.text().to_owned(),
    })
}

fn place(place: wire::ArchivePlace) -> ArchivePlace {
    ArchivePlace {
        segment: place.segment,
        offset: place.offset,
        entry: place.entry,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Hunts that are open, and what came.
    #[derive(Default)]
    struct Desk {
        open: Mutex<Vec<i64>>,
        found: Mutex<Vec<FoundPart>>,
    }

    impl Desk {
        fn close(&self, id: i64) {
            self.open
                .lock()
                .expect("not poisoned")
                .retain(|one| *one != id);
        }
    }

    #[async_trait]
    impl HuntDesk for Desk {
        async fn wanted(&self, _: &str) -> Result<Vec<WantedHunt>, PortError> {
            let open = self.open.lock().expect("not poisoned").clone();
            let wanted = |id| WantedHunt {
                id,
                query: "\"all\"".to_owned(),
                from_us: 0,
                to_us: 1,
                before: None,
                max_rows: 1,
                max_bytes: 1,
                max_ms: 1,
            };
            Ok(open.into_iter().map(wanted).collect())
        }

        async fn sent(&self, _: i64, _: &str) -> Result<(), PortError> {
            Ok(())
        }

        async fn found(&self, _: &str, part: FoundPart) -> Result<bool, PortError> {
            if part.step != HuntStep::Searching {
                self.close(part.id);
            }
            let open = self.open.lock().expect("not poisoned").contains(&part.id);
            self.found.lock().expect("not poisoned").push(part);
            Ok(open)
        }
    }

    fn said(messages: &[FromCollector]) -> Vec<(&'static str, u64)> {
        let name = |message: &FromCollector| match message {
            FromCollector::HuntRequest(request) => ("request", request.id),
            FromCollector::HuntCancel(cancel) => ("cancel", cancel.id),
            FromCollector::HuntTaken(taken) => ("taken", taken.id),
            _ => ("other", 0),
        };
        messages.iter().map(name).collect()
    }

    fn part(id: u64, phase: wire::HuntPhase, records: &[&str]) -> wire::HuntPart {
        let row = |record: &&str| wire::HuntRow {
            place: Some(wire::ArchivePlace::default()),
            class: wire::Class::Record.into(),
            record: record.as_bytes().to_vec().into(),
        };
        let rows = records.iter().map(row).collect();
        let content = wire::HuntRows { rows }.encode_to_vec();
        wire::HuntPart {
            id,
            phase: phase.into(),
            content_bytes: content.len() as u32,
            rows: zstd::bulk::compress(&content, 1).expect("zstd").into(),
            ..wire::HuntPart::default()
        }
    }

    #[tokio::test]
    async fn four_are_asked_for_at_once_and_others_follow() {
        use wire::HuntPhase::{Done, Failed, Searching};
        let desk = Arc::new(Desk::default());
        *desk.open.lock().expect("not poisoned") = vec![1, 2, 3, 4, 5, 6];
        let mut hunts = Hunts::new(Arc::clone(&desk) as _, "sensor".to_owned());
        let first = hunts.refresh().await.expect("readable");
        let asked = |ids: [u64; 4]| ids.map(|id| ("request", id)).to_vec();
        assert_eq!(said(&first), asked([1, 2, 3, 4]));
        assert_eq!(said(&hunts.refresh().await.expect("readable")), []);
        let dated = r#"{"timestamp":"2026-11-26T14:00:00.123456+0000","event_type":"dns"}"#;
        let more = hunts.part(part(2, Searching, &[dated, "{}", "x"])).await;
        assert_eq!(said(&more.expect("taken")), [("taken", 2)]);
        // One comes whole, one fails, one is cancelled while it goes on.
        let more = hunts.part(part(2, Done, &[])).await.expect("taken");
        assert_eq!(said(&more), [("taken", 2), ("request", 5)]);
        let more = hunts.part(part(3, Failed, &[])).await.expect("noted");
        assert_eq!(said(&more), [("request", 6)]);
        desk.close(1);
        let more = hunts.part(part(1, Searching, &[])).await.expect("taken");
        assert_eq!(said(&more), [("taken", 1), ("cancel", 1)]);
        desk.close(4);
        let more = hunts.refresh().await.expect("readable");
        assert_eq!(said(&more), [("cancel", 4)]);
        let found = desk.found.lock().expect("not poisoned");
        assert_eq!((found[0].rows.len(), found[0].damaged), (1, 2));
        assert_eq!(found[0].rows[0].at_us, 1_795_701_600_123_456);
        assert_eq!(found[0].rows[0].text, dated);
    }

    #[tokio::test]
    async fn parts_that_are_no_parts_end_the_stream() {
        use wire::HuntPhase::{Searching, Unspecified};
        let desk = Arc::new(Desk::default());
        desk.open.lock().expect("not poisoned").push(1);
        let mut hunts = Hunts::new(desk as _, "sensor".to_owned());
        hunts.refresh().await.expect("readable");
        let many = vec!["{}"; MAX_HUNT_ROWS + 1];
        for bad in [
            wire::HuntPart {
                content_bytes: u32::MAX,
                ..part(1, Searching, &["{}"])
            },
            wire::HuntPart {
                rows: b"no zstd".to_vec().into(),
                ..part(1, Searching, &["{}"])
            },
            part(1, Searching, &many),
            part(1, Unspecified, &[]),
        ] {
            assert!(hunts.part(bad).await.is_err());
        }
    }
}
