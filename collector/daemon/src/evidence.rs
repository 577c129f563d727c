//! Joins ingest to what people ask for: requests in the state store, frames on the shelf.

use async_trait::async_trait;
use collector_evidence::{Error, MAX_BYTES, Place, Shelf};
use collector_ingest::{Chunk, EvidenceDesk, PortError, Told, Wanted};
use collector_state::{EvidenceStep, Store};
use tokio::sync::watch;

use crate::collector::now;

pub struct Desk {
    pub state: Store,
    pub shelf: Shelf,
}

impl Desk {
    /// Works on files, away from the streams.
    async fn with_shelf<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, Error> + Send + 'static,
    ) -> Result<Result<T, Error>, PortError> {
        let shelf = self.shelf.clone();
        Ok(tokio::task::spawn_blocking(move || work(&shelf)).await?)
    }

    async fn step(&self, id: i64, step: EvidenceStep) -> Result<bool, PortError> {
        Ok(self.state.step_evidence(id, &step, now()).await?)
    }

    /// Notes how much is here.
    async fn note(&self, id: i64) -> Result<(), PortError> {
        let progress = self.with_shelf(move |shelf| shelf.progress(id)).await??;
        let came = EvidenceStep::Came {
            frames: progress.frames,
            bytes: progress.bytes,
        };
        self.step(id, came).await.map(drop)
    }
}

#[async_trait]
impl EvidenceDesk for Desk {
    fn changed(&self) -> watch::Receiver<u64> {
        self.shelf.changed()
    }

    async fn wanted(&self, sensor: &str) -> Result<Vec<Wanted>, PortError> {
        let mut wanted = Vec::new();
        for open in self.state.open_evidence(sensor).await? {
            let id = open.id;
            let here = self.with_shelf(move |shelf| shelf.progress(id)).await??;
            wanted.push(Wanted {
                id,
                flow: open.asked.flow_id.map(i64::cast_unsigned),
                from_ns: open.asked.from_ns,
                to_ns: open.asked.to_ns,
                place: here.place,
                until: open.until.map(|(segment, offset, entry)| Place {
                    segment,
                    offset,
                    entry,
                }),
                max_bytes: MAX_BYTES.saturating_sub(here.bytes),
            });
        }
        Ok(wanted)
    }

    async fn told(&self, id: i64, told: Told) -> Result<(), PortError> {
        let step = match told {
            Told::Sent => EvidenceStep::Sent,
            Told::Reading => EvidenceStep::Reading,
            Told::Failed(reason) => EvidenceStep::Failed(reason),
            Told::Uploading {
                until,
                frames,
                bytes,
                cut,
                rotated,
                damaged,
            } => {
                // What came before is part of the whole; one step tells both.
                let here = self.with_shelf(move |shelf| shelf.progress(id)).await??;
                EvidenceStep::Uploading {
                    until: (until.segment, until.offset, until.entry),
                    frames: here.frames,
                    bytes: here.bytes,
                    more_frames: frames,
                    more_bytes: bytes,
                    cut,
                    rotated,
                    damaged,
                }
            }
        };
        self.step(id, step).await.map(drop)
    }

    async fn chunk(&self, chunk: Chunk) -> Result<(), PortError> {
        let (id, last, note) = (chunk.id, chunk.last, chunk.note);
        let appended = self
            .with_shelf(move |shelf| {
                shelf.append(chunk.id, chunk.from, chunk.next, &chunk.frames)?;
                if chunk.last {
                    shelf.finish(chunk.id).map(Some)
                } else {
                    Ok(None)
                }
            })
            .await?;
        let step = match appended {
            Ok(Some(stored)) => EvidenceStep::Ready {
                frames: stored.frames,
                file_bytes: stored.bytes,
                sha256: stored.sha256,
            },
            Ok(None) if note => return self.note(id).await,
            Ok(None) => return Ok(()),
            Err(Error::TooMuch { .. }) => EvidenceStep::Failed("too_much".to_owned()),
            Err(error) => return Err(error.into()),
        };
        let was_open = self.step(id, step).await?;
        if last && !was_open {
            // Cancelled in the meantime.
            self.with_shelf(move |shelf| shelf.remove(id)).await??;
        }
        Ok(())
    }
}
