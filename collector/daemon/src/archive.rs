//! Carries old partitions to the archive, and brings back for a while those that somebody asks for.
//!
//! A partition goes in steps, each of which a kill may end: it is sealed; it is put into the archive and read back; its
//! place is noted in the state; it is dropped here. Whatever was not done is done again, and what was done is found done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use collector_api::ArchiveDesk;
use collector_archive::{Archive, ArchiveError, Label, Means, NewPack, Settings, Site};
use collector_index::{Day, Index, Partition, PartitionId, PartitionKey, Shelf, Standing};
use collector_state::{NewPack as NewRow, Pack, Recall, Store, Waiting};

use crate::collector::now;
use crate::settings::ServicesConfig;
use crate::storage::Keeper;

/// Pause between looks at what is to go, or to come.
const LOOK: Duration = Duration::from_secs(15);
/// A partition that was written to within this time is not sealed: late events still come for its day.
const QUIET: Duration = Duration::from_secs(3_600);
/// Where they never cease to come, it is sealed all the same.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Packs of a shelf that are removed in one look.
const EXPIRED_AT_ONCE: u32 = 100;
/// After failures in a row the archive is left alone for a while.
const FAILURES_IN_A_ROW: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

pub struct Archivist {
    pub index: Arc<Index>,
    pub state: Store,
    pub keeper: Arc<Keeper>,
    pub desk: ArchiveDesk,
}

/// Speaks with services that are set in the console.
pub fn client(config: &ServicesConfig) -> Result<reqwest::Client> {
    let authorities = match &config.authorities {
        Some(path) => std::fs::read(path)
            .with_context(|| format!("[services] authorities: {}", path.display()))?,
        None => Vec::new(),
    };
    collector_feeds::client(&authorities).context("[services] authorities")
}

/// What the configuration allows.
pub fn desk(config: &ServicesConfig, client: reqwest::Client) -> ArchiveDesk {
    ArchiveDesk {
        means: Means {
            folders: config.archive_folders.clone(),
            client,
        },
        wake: tokio::sync::watch::Sender::new(0),
    }
}

/// When the archive is tried again.
#[derive(Default)]
struct Patience {
    failures: u32,
    until: Option<Instant>,
}

impl Patience {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() >= until)
    }

    fn failed(&mut self) {
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(8))
            .min(LONGEST_PAUSE);
        self.failures += 1;
        self.until = Some(Instant::now() + pause);
    }
}

impl Archivist {
    /// Works until told to stop; what is under way then is done again by the next run.
    pub async fn run(self, stopping: impl Future<Output = ()>) -> Result<()> {
        tokio::select! {
            () = self.carry_away() => {}
            () = self.bring_back() => {}
            () = stopping => {}
        }
        Ok(())
    }

    async fn settings(&self) -> Result<Settings> {
        let json = self.state.setting(Settings::NAME).await?;
        Ok(Settings::read(json.as_deref()))
    }

    /// Puts into the archive what is due, for ever.
    async fn carry_away(&self) {
        let mut woken = self.desk.wake.subscribe();
        let mut patience = Patience::default();
        let mut due_since: HashMap<PartitionKey, Instant> = HashMap::new();
        loop {
            if patience.is_over()
                && let Err(error) = self.look(&mut patience, &mut due_since).await
            {
                tracing::warn!(error = format!("{error:#}"), "nothing goes to the archive");
            }
            tokio::select! {
                // Somebody has changed something: it may work now.
                _ = woken.changed() => patience = Patience::default(),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(
        &self,
        patience: &mut Patience,
        due_since: &mut HashMap<PartitionKey, Instant>,
    ) -> Result<()> {
        let settings = self.settings().await?;
        let Some(site) = settings.active() else {
            return Ok(());
        };
        self.seal_due(due_since).await?;
        let mut in_a_row = 0;
        for partition in self.sealed() {
            match self.carry(site, &partition).await {
                Ok(()) => *patience = Patience::default(),
                Err(error) => {
                    in_a_row += 1;
                    self.failed(partition.id(), &error).await?;
                    if in_a_row >= FAILURES_IN_A_ROW {
                        break;
                    }
                }
            }
        }
        if in_a_row == 0 {
            in_a_row += u32::from(!self.expire(site, &settings).await?);
        }
        if in_a_row > 0 {
            patience.failed();
        }
        Ok(())
    }

    /// Removes from the archive what its days there are over of; false if the archive did not let it. The state forgets
    /// a pack only when the archive has: what a kill leaves half removed is removed by the next look.
    async fn expire(&self, site: &Site, settings: &Settings) -> Result<bool> {
        let name = site.name();
        let today = Day::of(now().0.saturating_mul(1_000));
        for shelf in Shelf::ALL.map(Shelf::name) {
            let Some(kept) = settings.kept_days(shelf) else {
                continue;
            };
            let first = Day(today.0 - i64::from(kept) + 1).to_string();
            let due = self
                .state
                .archive_expiring(&name, shelf, &first, EXPIRED_AT_ONCE)
                .await?;
            for pack in due {
                let waiting = Waiting {
                    day: &pack.day,
                    shelf,
                    number: pack.id.unsigned_abs(),
                };
                let removed = match Archive::open(site, &self.desk.means) {
                    Ok(archive) => archive.remove(&pack.object).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = removed {
                    let reason = format!("{}: {}", error.code(), error.told());
                    tracing::warn!(object = pack.object, reason, "a pack stays in the archive");
                    self.state
                        .archive_failed(waiting, "not_removed", &reason, now())
                        .await?;
                    return Ok(false);
                }
                self.state.archive_expired(&pack, now()).await?;
                self.state.archive_settled(waiting).await?;
                tracing::info!(
                    object = pack.object,
                    events = pack.events,
                    "the days of a pack in the archive are over"
                );
            }
        }
        Ok(true)
    }

    /// Seals what is due and quiet. Of a day and shelf one partition waits at a time.
    async fn seal_due(&self, due_since: &mut HashMap<PartitionKey, Instant>) -> Result<()> {
        let mut due = self.keeper.due();
        due.retain(|id| id.standing == Standing::Live);
        due_since.retain(|key, _| due.iter().any(|id| id.key == *key));
        let waiting: Vec<PartitionKey> = self.sealed().iter().map(|one| one.key()).collect();
        for id in due {
            let since = *due_since.entry(id.key).or_insert_with(Instant::now);
            if waiting.contains(&id.key) {
                continue;
            }
            let all = self.index.partitions(None, None, Some(id.key.shelf));
            let found = all.iter().find(|one| one.id() == id);
            let is_quiet = found.and_then(|one| one.last_commit()).is_some_and(|last| {
                SystemTime::now()
                    .duration_since(last)
                    .is_ok_and(|age| age >= QUIET)
            });
            if is_quiet || since.elapsed() >= LONGEST_WAIT {
                let (index, number) = (Arc::clone(&self.index), now().0.unsigned_abs());
                tokio::task::spawn_blocking(move || index.seal(id.key, number)).await??;
                due_since.remove(&id.key);
            }
        }
        Ok(())
    }

    /// Partitions that wait for the archive, oldest first.
    fn sealed(&self) -> Vec<Arc<Partition>> {
        let mut all = self.index.partitions(None, None, None);
        all.retain(|one| matches!(one.id().standing, Standing::Sealed(_)));
        all.sort_by_key(|one| one.id());
        all
    }

    #[tracing::instrument(skip_all, fields(partition = ?partition.id()))]
    async fn carry(&self, site: &Site, partition: &Partition) -> Result<(), Fault> {
        let id = partition.id();
        let Standing::Sealed(number) = id.standing else {
            return Ok(());
        };
        let (day, shelf) = (id.key.day.to_string(), id.key.shelf.name());
        let new = NewPack {
            id: number.to_string(),
            day: day.clone(),
            shelf: shelf.to_owned(),
            events: partition.searcher()?.num_docs(),
            folder: partition.folder().to_owned(),
        };
        let archive = Archive::open(site, &self.desk.means)?;
        let label = archive.put(&new).await?;
        let name = site.name();
        self.state.archived(row(&name, &label), now()).await?;
        let index = Arc::clone(&self.index);
        let dropped = tokio::task::spawn_blocking(move || index.drop_partition(id)).await;
        dropped.map_err(anyhow::Error::from)??;
        self.state
            .archive_settled(Waiting {
                day: &day,
                shelf,
                number,
            })
            .await?;
        tracing::info!(
            object = label.object,
            site = name,
            "a partition is in the archive"
        );
        Ok(())
    }

    async fn failed(&self, id: PartitionId, fault: &Fault) -> Result<()> {
        let Standing::Sealed(number) = id.standing else {
            return Ok(());
        };
        let (code, reason) = fault.told();
        let (day, shelf) = (id.key.day.to_string(), id.key.shelf.name());
        tracing::warn!(
            day,
            shelf,
            code,
            reason,
            "a partition cannot go to the archive"
        );
        let waiting = Waiting {
            day: &day,
            shelf,
            number,
        };
        Ok(self
            .state
            .archive_failed(waiting, code, &reason, now())
            .await?)
    }

    /// Brings back what is asked for, and sends it away when its time is over, for ever.
    async fn bring_back(&self) {
        let mut woken = self.desk.wake.subscribe();
        loop {
            if let Err(error) = self.recalls().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "nothing comes back from the archive"
                );
            }
            tokio::select! {
                _ = woken.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn recalls(&self) -> Result<()> {
        let packs = self.state.recalls().await?;
        let now = now();
        let mut here: Vec<PartitionId> = self
            .index
            .partitions(None, None, None)
            .iter()
            .filter(|one| one.is_recalled())
            .map(|one| one.id())
            .collect();
        for pack in packs {
            let Some(id) = recalled(&pack) else { continue };
            let is_here = here.contains(&id);
            let is_over = pack.recall_until.is_none_or(|until| until <= now);
            if is_over {
                self.state.set_recall(pack.id, Recall::None, None).await?;
                continue;
            }
            match pack.recall {
                Recall::Here if is_here => here.retain(|one| *one != id),
                // A restart, or a restored backup, may have left it behind.
                Recall::Here | Recall::Asked => {
                    let came = self.fetch(&pack, id).await;
                    here.retain(|one| *one != id);
                    let (recall, fault) = match came {
                        Ok(()) => (Recall::Here, None),
                        Err(fault) => {
                            let (code, reason) = fault.told();
                            tracing::warn!(
                                object = pack.object,
                                code,
                                reason,
                                "a partition does not come back"
                            );
                            (Recall::Failed, Some(format!("{code}: {reason}")))
                        }
                    };
                    self.state
                        .set_recall(pack.id, recall, fault.as_deref())
                        .await?;
                }
                Recall::Failed | Recall::None => {}
            }
        }
        // What nobody asks for any more.
        for id in here {
            let index = Arc::clone(&self.index);
            tokio::task::spawn_blocking(move || index.drop_partition(id)).await??;
        }
        Ok(())
    }

    async fn fetch(&self, pack: &Pack, id: PartitionId) -> Result<(), Fault> {
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.drop_partition(id))
            .await
            .map_err(anyhow::Error::from)??;
        if pack.bytes > self.keeper.room() {
            return Err(Fault::Told(
                "no_room",
                "the disk has too little room".to_owned(),
            ));
        }
        let site = self.settings().await?.site;
        let Some(site) = site.filter(|site| site.name() == pack.site) else {
            return Err(Fault::Told("elsewhere", pack.site.clone()));
        };
        let archive = Archive::open(&site, &self.desk.means)?;
        let number = pack.id.unsigned_abs();
        let folder = self.index.recall_folder(id.key, number);
        archive.fetch(&label(pack), &folder).await?;
        let index = Arc::clone(&self.index);
        let taken = tokio::task::spawn_blocking(move || index.take_up(id.key, number)).await;
        Ok(taken.map_err(anyhow::Error::from)??)
    }
}

/// Why a partition did not go, or come.
enum Fault {
    Archive(ArchiveError),
    Told(&'static str, String),
    Here(anyhow::Error),
}

impl Fault {
    /// A word for programs, and the reason for people.
    fn told(&self) -> (&'static str, String) {
        match self {
            Fault::Archive(error) => (error.code(), error.told()),
            Fault::Told(code, reason) => (code, reason.clone()),
            Fault::Here(error) => ("other", format!("{error:#}")),
        }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Fault {
        Fault::Archive(error)
    }
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Fault {
        Fault::Here(error)
    }
}

impl From<collector_index::IndexError> for Fault {
    fn from(error: collector_index::IndexError) -> Fault {
        Fault::Here(error.into())
    }
}

impl From<collector_state::StateError> for Fault {
    fn from(error: collector_state::StateError) -> Fault {
        Fault::Here(error.into())
    }
}

/// What the partition of a pack is while it is back.
fn recalled(pack: &Pack) -> Option<PartitionId> {
    let key = PartitionKey {
        day: Day::parse(&pack.day)?,
        shelf: Shelf::ALL
            .into_iter()
            .find(|shelf| shelf.name() == pack.shelf)?,
    };
    Some(PartitionId {
        key,
        standing: Standing::Recalled(pack.id.unsigned_abs()),
    })
}

/// What the state notes of a pack.
pub fn row<'a>(site: &'a str, label: &'a Label) -> NewRow<'a> {
    NewRow {
        site,
        object: &label.object,
        day: &label.day,
        shelf: &label.shelf,
        events: label.events,
        bytes: label.bytes,
        packed_bytes: label.packed_bytes,
        sha256: &label.sha256,
    }
}

/// What the archive knows of a pack that the state has noted.
pub fn label(pack: &Pack) -> Label {
    Label {
        object: pack.object.clone(),
        day: pack.day.clone(),
        shelf: pack.shelf.clone(),
        events: pack.events,
        bytes: pack.bytes,
        packed_bytes: pack.packed_bytes,
        sha256: pack.sha256.clone(),
    }
}
