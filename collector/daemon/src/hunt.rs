//! Joins ingest to hunts on sensors: what people ask for, and what was found, in the state store.

use async_trait::async_trait;
use collector_ingest::{ArchivePlace, FoundPart, HuntStep, PortError, WantedHunt};
use collector_state::{
    Kept, RemoteFound, RemotePlace, RemoteRow, RemoteStep, Store, limits::REMOTE_HUNT_SEARCH,
};

use crate::collector::now;

pub struct HuntDesk {
    pub state: Store,
}

#[async_trait]
impl collector_ingest::HuntDesk for HuntDesk {
    async fn wanted(&self, sensor: &str) -> Result<Vec<WantedHunt>, PortError> {
        let open = self.state.open_remote_hunts(sensor, now()).await?;
        let wanted = |open: collector_state::OpenRemoteHunt| WantedHunt {
            id: open.id,
            query: open.tree,
            from_us: open.from_us,
            to_us: open.to_us,
            before: open.before.map(|place| ArchivePlace {
                segment: place.segment,
                offset: place.offset,
                entry: place.entry,
            }),
            max_rows: open.rows_left,
            max_bytes: open.bytes_left,
            max_ms: u64::try_from(REMOTE_HUNT_SEARCH.as_millis()).unwrap_or(u64::MAX),
        };
        Ok(open.into_iter().map(wanted).collect())
    }

    async fn sent(&self, id: i64, sensor: &str) -> Result<(), PortError> {
        Ok(self.state.remote_hunt_sent(id, sensor, now()).await?)
    }

    async fn found(&self, sensor: &str, part: FoundPart) -> Result<bool, PortError> {
        let place = |place: ArchivePlace| RemotePlace {
            segment: place.segment,
            offset: place.offset,
            entry: place.entry,
        };
        let found = RemoteFound {
            step: match part.step {
                HuntStep::Searching => RemoteStep::Searching,
                HuntStep::Done(reason) => RemoteStep::Done(reason),
                HuntStep::Failed(reason) => RemoteStep::Failed(reason),
            },
            before: part.before.map(place),
            total: part.total,
            looked_at: part.looked_at,
            kept: Kept {
                oldest_us: part.oldest_us,
                newest_us: part.newest_us,
                rotated: part.rotated,
                damaged: part.damaged,
            },
            rows: part
                .rows
                .into_iter()
                .map(|row| RemoteRow {
                    place: place(row.place),
                    class: row.class.to_owned(),
                    at_us: row.at_us,
                    record: row.text,
                })
                .collect(),
        };
        Ok(self
            .state
            .remote_hunt_found(part.id, sensor, &found, now())
            .await?)
    }
}
