//! The partitions together: appending, committing, finding, dropping.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::document::EventDocument;
use crate::error::{IndexError, Result};
use crate::event::{Event, Shelf, Stream};
use crate::marks::Marks;
use crate::partition::{Partition, PartitionId, PartitionKey, RECALLED, SEALED, Standing};
use crate::schema::Fields;
use crate::writers::Writers;
use sensor_query::Day;

const MARKS_FILE: &str = "marks.json";
/// Ending of folders of which only a part has come back from the archive.
const HALF: &str = ".half";
/// Folders on their way out; removed at start if a crash left them.
const DROPPED_PREFIX: &str = ".dropped-";
/// Folder of partitions that could not be read.
const DAMAGED: &str = "damaged";
/// Folders of one name among them.
const MAX_DAMAGED: u32 = 10_000;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Writers open at a time; each takes up to 32 MiB.
    pub open_writers: usize,
    /// Partitions in all; there is no place for events of further days.
    pub max_partitions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            open_writers: 8,
            max_partitions: 8_192,
        }
    }
}

/// The index in a folder. One process at a time.
pub struct Index {
    root: PathBuf,
    fields: Arc<Fields>,
    max_partitions: usize,
    partitions: RwLock<BTreeMap<PartitionId, Arc<Partition>>>,
    /// What senders may forget.
    durable: RwLock<Marks>,
    writing: Mutex<Writing>,
}

struct Writing {
    writers: Writers,
    /// What has been appended, committed or not.
    appended: Marks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStats {
    pub day: String,
    pub shelf: &'static str,
    pub events: u64,
    pub bytes: u64,
    pub segments: usize,
}

/// A partition that could not be read, and was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// `2026-11-24-records-1`, its folder in `damaged`.
    pub name: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub events: u64,
    pub bytes: u64,
    /// Newest day first.
    pub partitions: Vec<PartitionStats>,
}

impl Index {
    /// Opens the index in a folder, or makes it. A partition that is damaged is set aside, and the rest goes on without
    /// it.
    pub fn open(root: &Path, options: Options) -> Result<Index> {
        std::fs::create_dir_all(root).map_err(IndexError::file(root))?;
        let fields = Arc::new(Fields::new());
        let mut partitions = BTreeMap::new();
        for entry in std::fs::read_dir(root).map_err(IndexError::file(root))? {
            let entry = entry.map_err(IndexError::file(root))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(DROPPED_PREFIX) {
                std::fs::remove_dir_all(entry.path()).map_err(IndexError::file(entry.path()))?;
                continue;
            }
            let Some(day) = Day::parse(name) else {
                continue;
            };
            for shelf in Shelf::ALL {
                let id = PartitionId::live(PartitionKey { day, shelf });
                found(root, id, &fields, &mut partitions);
            }
        }
        for (name, standing) in [
            (SEALED, Standing::Sealed as fn(u64) -> Standing),
            (RECALLED, Standing::Recalled),
        ] {
            let folder = root.join(name);
            for name in names(&folder)? {
                // On its way back when the collector ended; it is fetched again.
                if name.ends_with(HALF) {
                    let half = folder.join(&name);
                    std::fs::remove_dir_all(&half).map_err(IndexError::file(&half))?;
                }
                if let Some(id) = PartitionId::from_name(&name, standing) {
                    found(root, id, &fields, &mut partitions);
                }
            }
        }
        set_aside_damaged(root, &mut partitions)?;
        let marks = read_marks(&root.join(MARKS_FILE))?;
        Ok(Index {
            root: root.to_owned(),
            fields,
            max_partitions: options.max_partitions,
            partitions: RwLock::new(partitions),
            durable: RwLock::new(marks.clone()),
            writing: Mutex::new(Writing {
                writers: Writers::new(options.open_writers),
                appended: marks,
            }),
        })
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Through which number of a stream everything is committed.
    pub fn mark(&self, stream: &Stream) -> u64 {
        read(&self.durable).of(stream)
    }

    /// Takes events of a stream with rising numbers; `through` is the number up to which the stream is
    /// dealt with, events or not. What was appended before is skipped. `received` is RFC 3339. Returns
    /// the events for which there is no place, because there are too many partitions.
    ///
    /// After an error nothing since the last commit is kept: the senders must send again from
    /// [`Index::mark`].
    pub fn append(
        &self,
        stream: &Stream,
        events: impl IntoIterator<Item = (u64, Event)>,
        through: u64,
        received: &str,
    ) -> Result<Vec<(u64, Event)>> {
        let mut writing = self.writing();
        let done = self.append_to(&mut writing, stream, events, received);
        match done {
            Ok(homeless) => {
                writing.appended.raise(stream, through);
                Ok(homeless)
            }
            Err(error) => {
                self.abandon(&mut writing);
                Err(error)
            }
        }
    }

    fn append_to(
        &self,
        writing: &mut Writing,
        stream: &Stream,
        events: impl IntoIterator<Item = (u64, Event)>,
        received: &str,
    ) -> Result<Vec<(u64, Event)>> {
        let appended = writing.appended.of(stream);
        let mut events: Vec<(PartitionKey, u64, Event)> = events
            .into_iter()
            .filter(|(seq, _)| *seq > appended)
            .map(|(seq, event)| (event.partition(), seq, event))
            .collect();
        // Partition by partition, so that a batch over many days opens each writer once. Within one, the
        // numbers still rise.
        events.sort_by_key(|(key, ..)| *key);
        let mut homeless = Vec::new();
        for (key, seq, event) in events {
            let Some(partition) = self.partition(key)? else {
                homeless.push((seq, event));
                continue;
            };
            writing.writers.add(&partition, stream, seq, || {
                EventDocument::new(Arc::clone(&self.fields), event, stream, seq, received)
            })?;
        }
        Ok(homeless)
    }

    /// Makes everything appended durable, and visible. After an error: as for [`Index::append`].
    pub fn commit(&self) -> Result<()> {
        let mut writing = self.writing();
        let done = self.commit_all(&mut writing);
        if done.is_err() {
            self.abandon(&mut writing);
        }
        done
    }

    fn commit_all(&self, writing: &mut Writing) -> Result<()> {
        writing.writers.commit()?;
        if *read(&self.durable) != writing.appended {
            write_marks(&self.root, &writing.appended)?;
            *self.durable.write().unwrap_or_else(PoisonError::into_inner) =
                writing.appended.clone();
        }
        Ok(())
    }

    fn abandon(&self, writing: &mut Writing) {
        writing.writers.abandon();
        writing.appended = read(&self.durable).clone();
    }

    /// Commits, waits for merges and closes the writers.
    pub fn close(&self) -> Result<()> {
        let mut writing = self.writing();
        self.commit_all(&mut writing)?;
        writing.writers.finish()
    }

    /// Partitions that may hold events of a time range (microseconds since 1970, inclusive), newest day
    /// first; of one shelf, or of both. Those that came back from the archive are among them.
    pub fn partitions(
        &self,
        from: Option<i64>,
        to: Option<i64>,
        shelf: Option<Shelf>,
    ) -> Vec<Arc<Partition>> {
        let first = from.map_or(Day(i64::MIN), Day::of);
        let last = to.map_or(Day(i64::MAX), Day::of);
        read(&self.partitions)
            .values()
            .rev()
            .filter(|partition| (first..=last).contains(&partition.day()))
            .filter(|partition| shelf.is_none_or(|shelf| partition.shelf() == shelf))
            .cloned()
            .collect()
    }

    /// The stored event with this id, JSON.
    pub fn get(&self, id: &str) -> Result<Option<Vec<u8>>> {
        for partition in self.partitions(None, None, None) {
            if let Some(event) = partition.get(id)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Drops the partitions of all days before one; returns how many.
    pub fn delete_before(&self, day: Day) -> Result<usize> {
        let ids: Vec<PartitionId> = read(&self.partitions)
            .keys()
            .copied()
            .take_while(|id| id.key.day < day)
            .collect();
        for &id in &ids {
            self.drop_partition(id)?;
        }
        Ok(ids.len())
    }

    /// Drops one partition, with what of it is not committed.
    pub fn drop_partition(&self, id: PartitionId) -> Result<()> {
        self.drop_alone(&mut self.writing(), id)
    }

    /// With the writers held, so that nothing comes in for it meanwhile.
    fn drop_alone(&self, writing: &mut Writing, id: PartitionId) -> Result<()> {
        if id.standing == Standing::Live {
            writing.writers.close(id.key);
        }
        let gone = self
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        let Some(partition) = gone else {
            return Ok(());
        };
        // Those who search it now go on; a partition that cannot be opened is dropped as well.
        let _ = partition.searcher();
        let folder = partition.folder();
        let name = folder.strip_prefix(&self.root).unwrap_or(folder);
        let name = name.to_string_lossy().replace('/', "-");
        let dropped = self.root.join(format!("{DROPPED_PREFIX}{name}"));
        match std::fs::rename(folder, &dropped) {
            Ok(()) => {}
            // It was never written to.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(IndexError::file(folder)(error)),
        }
        std::fs::remove_dir_all(&dropped).map_err(IndexError::file(&dropped))?;
        // Empty when this was the day's last shelf; else it stays.
        let _ = std::fs::remove_dir(self.root.join(id.key.day.to_string()));
        Ok(())
    }

    /// Makes a live partition take no more events: those that come late for its day begin another. Returns what it is
    /// from now on; nothing if there is none, or nothing in it.
    pub fn seal(&self, key: PartitionKey, number: u64) -> Result<Option<PartitionId>> {
        let mut writing = self.writing();
        // With the marks of all streams written, nobody sends again what it holds.
        if let Err(error) = self.commit_all(&mut writing) {
            self.abandon(&mut writing);
            return Err(error);
        }
        writing.writers.finish_one(key)?;
        let live = PartitionId::live(key);
        let sealed = PartitionId {
            key,
            standing: Standing::Sealed(number),
        };
        let (from, to) = (live.folder(&self.root), sealed.folder(&self.root));
        let Some(partition) = read(&self.partitions).get(&live).cloned() else {
            return Ok(None);
        };
        // Opened before its folder moves, it goes on for those who search it now. One that cannot be opened is sealed as
        // well: whoever carries it away tells of it.
        if partition.searcher().is_ok_and(|now| now.num_docs() == 0) {
            self.drop_alone(&mut writing, live)?;
            return Ok(None);
        }
        let parent = self.root.join(SEALED);
        std::fs::create_dir_all(&parent).map_err(IndexError::file(&parent))?;
        let mut partitions = self
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        std::fs::rename(&from, &to).map_err(IndexError::file(&from))?;
        partitions.remove(&live);
        let partition = Partition::new(&self.root, sealed, Arc::clone(&self.fields));
        partitions.insert(sealed, Arc::new(partition));
        drop(partitions);
        for folder in [&parent, &self.root] {
            sync_folder(folder)?;
        }
        // Empty when this was the day's last shelf; else it stays.
        let _ = std::fs::remove_dir(self.root.join(key.day.to_string()));
        Ok(Some(sealed))
    }

    /// Where the files of a partition that comes back from the archive belong.
    pub fn recall_folder(&self, key: PartitionKey, number: u64) -> PathBuf {
        let standing = Standing::Recalled(number);
        PartitionId { key, standing }.folder(&self.root)
    }

    /// Takes up a partition whose files have come back.
    pub fn take_up(&self, key: PartitionKey, number: u64) -> Result<()> {
        let id = PartitionId {
            key,
            standing: Standing::Recalled(number),
        };
        let partition = Partition::new(&self.root, id, Arc::clone(&self.fields));
        // Whatever is wrong with it is known now, and not at the next search.
        partition.searcher()?;
        self.partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::new(partition));
        Ok(())
    }

    /// Links what is committed into a new folder, which is then an index of its own. Nothing is appended
    /// meanwhile.
    pub fn link_committed(&self, to: &Path) -> Result<()> {
        let _writing = self.writing();
        std::fs::create_dir_all(to).map_err(IndexError::file(to))?;
        for partition in self.partitions(None, None, None) {
            // What came back from the archive is there.
            if !partition.is_recalled() {
                partition.link_committed(&partition.id().folder(to))?;
            }
        }
        let marks = self.root.join(MARKS_FILE);
        if marks.exists() {
            std::fs::copy(&marks, to.join(MARKS_FILE)).map_err(IndexError::file(&marks))?;
        }
        Ok(())
    }

    /// Events and bytes, by partition, without those that came back from the archive.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        let mut held = self.partitions(None, None, None);
        held.retain(|partition| !partition.is_recalled());
        for partition in held {
            let searcher = partition.searcher()?;
            let row = PartitionStats {
                day: partition.day().to_string(),
                shelf: partition.shelf().name(),
                events: searcher.num_docs(),
                bytes: folder_bytes(partition.folder()),
                segments: searcher.segment_readers().len(),
            };
            stats.events += row.events;
            stats.bytes += row.bytes;
            stats.partitions.push(row);
        }
        Ok(stats)
    }

    /// What was set aside, now or before: it stays until somebody has looked at it and removes it.
    pub fn damaged(&self) -> Result<Vec<Damaged>> {
        let folder = self.root.join(DAMAGED);
        let mut damaged: Vec<Damaged> = names(&folder)?
            .into_iter()
            .map(|name| Damaged {
                bytes: folder_bytes(&folder.join(&name)),
                name,
            })
            .collect();
        damaged.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(damaged)
    }

    /// The partition with this key, made if there is room for one more.
    fn partition(&self, key: PartitionKey) -> Result<Option<Arc<Partition>>> {
        let id = PartitionId::live(key);
        if let Some(partition) = read(&self.partitions).get(&id) {
            return Ok(Some(Arc::clone(partition)));
        }
        let mut partitions = self
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if partitions.len() >= self.max_partitions {
            return Ok(None);
        }
        let partition = Arc::new(Partition::new(&self.root, id, Arc::clone(&self.fields)));
        partition.create()?;
        partitions.insert(id, Arc::clone(&partition));
        Ok(Some(partition))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn read_marks(path: &Path) -> Result<Marks> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| IndexError::Marks {
            path: path.to_owned(),
            source,
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Marks::default()),
        Err(error) => Err(IndexError::file(path)(error)),
    }
}

/// Replaces the file as a whole: either the old marks or the new ones survive.
fn write_marks(root: &Path, marks: &Marks) -> Result<()> {
    let path = root.join(MARKS_FILE);
    let new = root.join("marks.json.new");
    let json = serde_json::to_vec(marks).expect("a map of names and numbers serialises");
    let mut file = File::create(&new).map_err(IndexError::file(&new))?;
    file.write_all(&json).map_err(IndexError::file(&new))?;
    file.sync_all().map_err(IndexError::file(&new))?;
    std::fs::rename(&new, &path).map_err(IndexError::file(&path))?;
    sync_folder(root)
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(IndexError::file(folder))
}

/// Takes up a partition that is there.
fn found(
    root: &Path,
    id: PartitionId,
    fields: &Arc<Fields>,
    partitions: &mut BTreeMap<PartitionId, Arc<Partition>>,
) {
    let partition = Partition::new(root, id, Arc::clone(fields));
    if partition.folder().join("meta.json").exists() {
        partitions.insert(id, Arc::new(partition));
    }
}

/// Moves aside the partitions whose files are not what was written, so that they hold up no other. One that came back
/// from the archive is removed: it is there, and is fetched again.
fn set_aside_damaged(
    root: &Path,
    partitions: &mut BTreeMap<PartitionId, Arc<Partition>>,
) -> Result<()> {
    let mut damaged = Vec::new();
    for (&id, partition) in partitions.iter() {
        let opened = partition
            .searcher()
            .and_then(|_| partition.committed_marks());
        if let Err(error) = opened
            && error.is_damage()
        {
            damaged.push((id, error));
        }
    }
    for (id, error) in damaged {
        partitions.remove(&id);
        let from = id.folder(root);
        if let Standing::Recalled(_) = id.standing {
            tracing::error!(folder = %from.display(), %error, "what came back from the archive is damaged");
            std::fs::remove_dir_all(&from).map_err(IndexError::file(&from))?;
            continue;
        }
        let parent = root.join(DAMAGED);
        std::fs::create_dir_all(&parent).map_err(IndexError::file(&parent))?;
        let PartitionKey { day, shelf } = id.key;
        let to = (1..MAX_DAMAGED)
            .map(|number| parent.join(format!("{day}-{}-{number}", shelf.name())))
            .find(|to| !to.exists());
        let Some(to) = to else { continue };
        std::fs::rename(&from, &to).map_err(IndexError::file(&from))?;
        tracing::error!(folder = %to.display(), %error, "a partition is damaged, and set aside");
        for folder in [parent.as_path(), root] {
            sync_folder(folder)?;
        }
        // Empty when this was the day's last shelf; else it stays.
        let _ = std::fs::remove_dir(root.join(day.to_string()));
    }
    Ok(())
}

/// What is in a folder; nothing if there is none.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(IndexError::file(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(IndexError::file(folder))?.file_name();
        names.extend(name.into_string().ok());
    }
    Ok(names)
}

/// Size of the files in a folder; what vanishes meanwhile does not count.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}
