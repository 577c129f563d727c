//! Keeps the data folder's disk in order, and tells what is held: [`collector_index::govern`] with this
//! machine's disk, and the rest of the collector told of what follows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use collector_api::machine::{Disk, ShelfHeld, Storage};
use collector_archive::Settings;
use collector_index::{
    Archiving, Cause, Day, Dropped, Index, Limits, PartitionId, PartitionStats, Pressure, Shelf,
    Standing, govern,
};
use collector_ingest::Ingest;
use collector_state::{ArchiveLoss, Recall, Store, UnixMillis, Waiting};
use sensor_event::Class;

use crate::collector::now;
use crate::settings::Config;

/// Pause between looks at the disk.
const LOOK: Duration = Duration::from_secs(15);
/// Full days that tell how fast the index grows.
const RATE_DAYS: i64 = 7;
/// What is not taken while only alerts are.
const LESSER: [Class; 3] = [Class::Context, Class::Record, Class::Flow];

/// What the archive has of one shelf.
#[derive(Debug, Default)]
struct Archived {
    days: u64,
    oldest: Option<Day>,
    /// Days that it keeps them; none where nothing goes there.
    kept: Option<u64>,
    /// Of the days that the rules ask for, something was dropped before the archive had it.
    has_lost: bool,
}

pub struct Keeper {
    data_dir: PathBuf,
    index: Arc<Index>,
    state: Store,
    ingest: Arc<Ingest>,
    limits: Limits,
    asked_days: [u32; 2],
    inbox_days: u64,
    audit_days: u64,
    pressure: Mutex<Pressure>,
    /// What is to go to the archive, oldest first.
    due: Mutex<Vec<PartitionId>>,
}

impl Keeper {
    pub fn new(
        config: &Config,
        index: Arc<Index>,
        state: Store,
        ingest: Arc<Ingest>,
    ) -> Result<Keeper> {
        let (total, _) = disk(&config.data_dir)?;
        let days = |kept: Duration| kept.as_secs() / 86_400;
        Ok(Keeper {
            data_dir: config.data_dir.clone(),
            index,
            state,
            ingest,
            limits: Limits {
                alerts: config.alerts,
                records: config.records,
                // A twentieth, and no more than 20 GiB.
                reserve_bytes: config.reserve_bytes.unwrap_or((total / 20).min(20 << 30)),
            },
            asked_days: [config.alerts_asked_days, config.records_asked_days],
            inbox_days: days(config.inbox),
            audit_days: days(config.audit),
            pressure: Mutex::new(Pressure::None),
            due: Mutex::default(),
        })
    }

    /// Looks until told to stop.
    pub async fn run(self: Arc<Keeper>, stopping: impl Future<Output = ()>) -> Result<()> {
        let mut stopping = std::pin::pin!(stopping);
        loop {
            let keeper = Arc::clone(&self);
            let archiving = self.archiving().await;
            let looked = tokio::task::spawn_blocking(move || keeper.look(archiving)).await?;
            let told = match looked {
                Ok(dropped) => self.tell(&dropped, archiving).await,
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(error = format!("{error:#}"), "the disk is not looked after");
            }
            tokio::select! {
                () = &mut stopping => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Whether partitions go to an archive first. While that is not known, none is dropped but for want of room.
    async fn archiving(&self) -> Archiving {
        let json = self.state.setting(Settings::NAME).await;
        let is_off = json.is_ok_and(|json| Settings::read(json.as_deref()).active().is_none());
        if is_off {
            Archiving::Off
        } else {
            Archiving::On
        }
    }

    /// Notes what went before the archive had it, and which recalls ended.
    async fn tell(&self, dropped: &[Dropped], archiving: Archiving) -> Result<()> {
        for one in dropped {
            let (day, shelf) = (one.id.key.day.to_string(), one.id.key.shelf.name());
            if let Standing::Recalled(pack) = one.id.standing {
                let pack = i64::try_from(pack)?;
                self.state
                    .set_recall(pack, Recall::Failed, Some("no_room"))
                    .await?;
                continue;
            }
            if archiving == Archiving::Off || one.cause == Cause::Retention {
                continue;
            }
            if let Standing::Sealed(number) = one.id.standing {
                let waiting = Waiting {
                    day: &day,
                    shelf,
                    number,
                };
                self.state.archive_settled(waiting).await?;
            }
            let loss = ArchiveLoss {
                day,
                shelf: shelf.to_owned(),
                events: one.events,
                bytes: one.bytes,
                at: now(),
            };
            tracing::warn!(
                ?loss,
                "there was no room for a partition until the archive has it"
            );
            self.state.archive_lost(&loss).await?;
        }
        Ok(())
    }

    fn look(&self, archiving: Archiving) -> Result<Vec<Dropped>> {
        let today = today(now());
        let free = || disk(&self.data_dir).map_or(u64::MAX, |(_, free)| free);
        let before = self.pressure();
        let governed = govern(&self.index, &self.limits, today, before, archiving, &free)?;
        for one in &governed.dropped {
            let key = one.id.key;
            tracing::info!(day = %key.day, shelf = key.shelf.name(), cause = ?one.cause, "a partition is dropped");
        }
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = governed.due;
        *self.pressure.lock().unwrap_or_else(PoisonError::into_inner) = governed.pressure;
        if governed.pressure != before {
            tracing::warn!(pressure = ?governed.pressure, free = free(), "the disk's state changes");
        }
        if governed.pressure == Pressure::AlertsOnly {
            drop_feeds(&self.data_dir.join("feeds"))?;
        }
        self.ingest.pause(match governed.pressure {
            Pressure::None => Vec::new(),
            Pressure::AlertsOnly => LESSER.to_vec(),
        });
        Ok(governed.dropped)
    }

    /// What is to go to the archive, oldest first.
    pub fn due(&self) -> Vec<PartitionId> {
        self.due
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What may be brought back without touching the reserve.
    pub fn room(&self) -> u64 {
        let free = disk(&self.data_dir).map_or(0, |(_, free)| free);
        let reserve = self.limits.reserve_bytes;
        free.saturating_sub(reserve.saturating_add(reserve / 10))
    }

    fn pressure(&self) -> Pressure {
        *self.pressure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held. Reads folders and opens partitions: call it where blocking is allowed.
    fn held(&self, archive: &[Archived; 2]) -> Result<Storage> {
        let today = today(now());
        let stats = self.index.stats()?;
        let (total_bytes, free_bytes) = disk(&self.data_dir)?;
        let mut shelves = Vec::new();
        let mut grows_by = 0.0;
        for ((shelf, asked), archived) in Shelf::ALL.into_iter().zip(self.asked_days).zip(archive) {
            let of_shelf: Vec<&PartitionStats> = stats
                .partitions
                .iter()
                .filter(|row| row.shelf == shelf.name())
                .collect();
            let held = self.shelf(shelf, asked, &of_shelf, archived, today);
            // A shelf that has reached its days loses as much as it gains.
            if held.days_held < held.days_kept {
                grows_by += daily_bytes(&of_shelf, today);
            }
            shelves.push(held);
        }
        let waiting = self.index.partitions(None, None, None);
        let waiting = waiting
            .iter()
            .filter(|one| matches!(one.id().standing, Standing::Sealed(_)));
        let left = free_bytes.saturating_sub(self.limits.reserve_bytes) as f64;
        Ok(Storage {
            shelves,
            disk: Disk {
                total_bytes,
                free_bytes,
                reserve_bytes: self.limits.reserve_bytes,
                days_left: (grows_by > 0.0).then(|| left / grows_by),
            },
            state_bytes: std::fs::metadata(self.data_dir.join("state.sqlite"))
                .map_or(0, |file| file.len()),
            inbox_days: self.inbox_days,
            audit_days: self.audit_days,
            archive_waiting: waiting.count() as u64,
            paused: match self.pressure() {
                Pressure::None => Vec::new(),
                Pressure::AlertsOnly => LESSER.map(|class| class.name().to_owned()).to_vec(),
            },
        })
    }

    fn shelf(
        &self,
        shelf: Shelf,
        asked: u32,
        partitions: &[&PartitionStats],
        archived: &Archived,
        today: Day,
    ) -> ShelfHeld {
        let limits = self.limits.of(shelf);
        // Newest day first; a record of a clock that runs ahead is not what is held.
        let oldest = partitions
            .iter()
            .filter_map(|row| Day::parse(&row.day))
            .filter(|&day| day <= today)
            .min();
        let since = |day: Day| (today.0 - day.0 + 1).unsigned_abs();
        let days_held = oldest.map_or(0, since);
        let days_reached = archived.oldest.map_or(0, since).max(days_held);
        let days_kept = u64::from(limits.days);
        // Where days go to an archive, it is there that they end.
        let days_in_all = archived.kept.map_or(days_kept, |kept| kept.max(days_kept));
        let asked = u64::from(asked);
        let bytes: u64 = partitions.iter().map(|row| row.bytes).sum();
        // Less than asked is short only where something was dropped for want of room.
        let has_dropped = if archived.kept.is_some() {
            archived.has_lost
        } else {
            limits.bytes.is_some_and(|budget| bytes * 10 > budget * 9)
                || self.pressure() == Pressure::AlertsOnly
        };
        ShelfHeld {
            shelf: shelf.name().to_owned(),
            oldest_day: oldest.map(|day| day.to_string()),
            days_held,
            archived_days: archived.days,
            oldest_archived_day: archived.oldest.map(|day| day.to_string()),
            days_reached,
            days_kept,
            days_asked: asked,
            is_short: days_in_all < asked || days_reached < asked && has_dropped,
            events: partitions.iter().map(|row| row.events).sum(),
            bytes,
            budget_bytes: limits.bytes,
        }
    }

    /// Shelf, days reached and days asked, where they are short.
    pub fn short(storage: &Storage) -> Vec<(&'static str, u64, u64)> {
        Shelf::ALL
            .into_iter()
            .filter_map(|shelf| {
                let held = storage
                    .shelves
                    .iter()
                    .find(|held| held.shelf == shelf.name() && held.is_short)?;
                Some((shelf.name(), held.days_reached, held.days_asked))
            })
            .collect()
    }

    pub async fn storage(self: &Arc<Keeper>) -> Result<Storage> {
        let archive = self.archived(today(now())).await?;
        let keeper = Arc::clone(self);
        tokio::task::spawn_blocking(move || keeper.held(&archive)).await?
    }

    /// What the archive has of each shelf, in the order of [`Shelf::ALL`].
    async fn archived(&self, today: Day) -> Result<[Archived; 2]> {
        let json = self.state.setting(Settings::NAME).await?;
        let settings = Settings::read(json.as_deref());
        let reach = self.state.archive_reach(&today.to_string()).await?;
        let mut all = <[Archived; 2]>::default();
        for ((shelf, asked), archived) in Shelf::ALL.into_iter().zip(self.asked_days).zip(&mut all)
        {
            if let Some(found) = reach.iter().find(|found| found.shelf == shelf.name()) {
                archived.days = found.days;
                archived.oldest = Day::parse(&found.oldest);
            }
            let first_asked = Day(today.0 - i64::from(asked)).to_string();
            archived.has_lost = self
                .state
                .archive_has_lost(shelf.name(), &first_asked)
                .await?;
            archived.kept = settings
                .active()
                .map(|_| settings.kept_days(shelf.name()).map_or(u64::MAX, u64::from));
        }
        Ok(all)
    }

    pub fn state(&self) -> &Store {
        &self.state
    }

    pub fn index(&self) -> &Index {
        &self.index
    }
}

/// Forgets what sources sent last: the versions that were made of it stay, and the next run fetches it whole. Runs wait
/// until there is room again.
fn drop_feeds(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    for entry in entries {
        let path = entry?.path();
        let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => tracing::warn!(path = %path.display(), bytes, "what a source sent is dropped"),
        }
    }
    Ok(())
}

/// What the last full days added, a day.
fn daily_bytes(partitions: &[&PartitionStats], today: Day) -> f64 {
    let first = Day(today.0 - RATE_DAYS);
    let recent: Vec<u64> = partitions
        .iter()
        .filter(|row| Day::parse(&row.day).is_some_and(|day| (first..today).contains(&day)))
        .map(|row| row.bytes)
        .collect();
    recent.iter().sum::<u64>() as f64 / recent.len().max(1) as f64
}

fn today(now: UnixMillis) -> Day {
    Day::of(now.0.saturating_mul(1_000))
}

/// Total and free bytes of the disk that a folder is on.
pub fn disk(folder: &std::path::Path) -> Result<(u64, u64)> {
    let told =
        rustix::fs::statvfs(folder).with_context(|| format!("disk of {}", folder.display()))?;
    Ok((
        told.f_blocks.saturating_mul(told.f_frsize),
        told.f_bavail.saturating_mul(told.f_frsize),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sources_sent_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let feeds = folder.path().join("feeds");
        drop_feeds(&feeds).expect("there is none yet");
        std::fs::create_dir_all(&feeds).expect("it is made");
        for name in ["1.content", "2.new"] {
            std::fs::write(feeds.join(name), "rules").expect("it is written");
        }
        drop_feeds(&feeds).expect("it is dropped");
        assert_eq!(std::fs::read_dir(&feeds).expect("it is there").count(), 0);
    }
}
