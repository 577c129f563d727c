//! Files → a folder, each once: `ab/abcd…`, by its SHA-256. A file appears there whole or not at all, and all workers
//! share what there is room for. A worker only writes a file; that the disk has it, and brings it to its place, is waited
//! for by a thread.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tempfile::NamedTempFile;

use sensor_app::{File, FileState};

use crate::health::disk_of;
use crate::settings::FileStoreSettings;

/// Bytes of one file; larger ones are told and not stored.
pub const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of all files in the folder, those of earlier starts with them.
pub const MAX_STORED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of the disk that stay free for what matters more.
pub const FREE_BYTES: u64 = 1024 * 1024 * 1024;
/// How the name of a file begins that is being written.
const UNFINISHED: &str = ".unfinished-";
/// Files that wait for the disk; with more, workers wait as well.
const MAX_WAITING: usize = 64;

/// The folder of stored files, the same for all workers.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    most_bytes: u64,
    free_bytes: u64,
    room: Arc<Room>,
    /// To the thread that finishes files, once there is one; none: it could not be started.
    finisher: OnceLock<Option<SyncSender<Job>>>,
}

/// What a folder holds, and is to hold soon.
#[derive(Debug, Default)]
struct Room(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// Of its files, with those on their way; none before somebody has looked.
    bytes: Option<u64>,
    /// On their way; no more than wait, and one a worker.
    coming: BTreeSet<PathBuf>,
}

impl Room {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file does not come.
    fn give_back(&self, path: &Path, length: u64) {
        let mut held = self.held();
        held.coming.remove(path);
        held.bytes = held.bytes.map(|bytes| bytes.saturating_sub(length));
    }
}

/// What the thread is asked for.
enum Job {
    Finish(Unfinished),
    /// Everything that was asked for before is done.
    Answer(SyncSender<()>),
}

/// A file that is written, and on its way to its place.
struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
    length: u64,
    /// Where it is counted when it does not come there.
    failed: Arc<AtomicU64>,
}

impl Unfinished {
    fn finish(self, room: &Room) {
        let Unfinished {
            file,
            path,
            length,
            failed,
        } = self;
        if let Err(error) = bring(file, &path, room) {
            tracing::warn!(%error, path = %path.display(), "a file could not be stored");
            room.give_back(&path, length);
            failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn bring(file: NamedTempFile, path: &Path, room: &Room) -> io::Result<()> {
    file.as_file().sync_all()?;
    {
        // Something that was cut may stand there.
        let mut held = room.held();
        let before = length_of(path).unwrap_or(0);
        file.persist(path)?;
        held.coming.remove(path);
        held.bytes = held.bytes.map(|bytes| bytes.saturating_sub(before));
    }
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Folder {
            path,
            most_bytes: MAX_STORED_BYTES,
            free_bytes: FREE_BYTES,
            room: Arc::default(),
            finisher: OnceLock::new(),
        }
    }

    /// The thread is started with the first file: before that, the sensor may still have to confine itself.
    fn finisher(&self) -> Option<&SyncSender<Job>> {
        let start = || {
            let (sender, jobs) = sync_channel(MAX_WAITING);
            let room = Arc::clone(&self.room);
            let work = move || {
                for job in jobs {
                    match job {
                        Job::Finish(file) => file.finish(&room),
                        // Who no longer waits needs no answer.
                        Job::Answer(to) => drop(to.send(())),
                    }
                }
            };
            let thread = std::thread::Builder::new().name("files".to_owned());
            let started = thread.spawn(work);
            let started = started.inspect_err(
                |error| tracing::warn!(%error, "workers wait for the disk with every file"),
            );
            started.ok().map(|_| sender)
        };
        self.finisher.get_or_init(start).as_ref()
    }

    /// Waits until the disk has every file.
    fn settle(&self) {
        let Some(Some(finisher)) = self.finisher.get() else {
            return;
        };
        let (sender, answer) = sync_channel(1);
        if finisher.send(Job::Answer(sender)).is_ok() {
            // A thread that has panicked answers nothing.
            let _ = answer.recv();
        }
    }

    /// Counts what earlier starts have left, once, and removes what they did not finish.
    fn look(&self) {
        let bytes = &mut self.room.held().bytes;
        if bytes.is_none() {
            *bytes = Some(count(&self.path).unwrap_or_else(|error| {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, path = %self.path.display(), "stored files could not be counted: none are stored");
                    return u64::MAX;
                }
                0
            }));
        }
    }

    /// Takes room for a file; whether it has to be written, or is on its way already.
    fn reserve(&self, path: &Path, length: u64) -> Result<bool, Refusal> {
        let mut held = self.room.held();
        if held.coming.contains(path) {
            return Ok(false);
        }
        let after = held.bytes.unwrap_or(0).saturating_add(length);
        if after > self.most_bytes {
            return Err(Refusal::Full);
        }
        let Some(disk) = disk_of(&self.path) else {
            return Err(io::Error::other("the room on its disk is not told").into());
        };
        if disk.free_bytes < self.free_bytes.saturating_add(length) {
            return Err(Refusal::DiskReserve);
        }
        held.bytes = Some(after);
        held.coming.insert(path.to_owned());
        Ok(true)
    }

    /// Stores a file, unless it is there whole. What goes wrong after it was written is counted in `failed`.
    fn store(&self, name: &str, content: &[u8], failed: &Arc<AtomicU64>) -> Result<(), Refusal> {
        let folder = self.path.join(&name[..2]);
        let path = folder.join(name);
        let length = content.len() as u64;
        if length_of(&path) == Some(length) {
            return Ok(());
        }
        std::fs::create_dir_all(&folder)?;
        if !self.reserve(&path, length)? {
            return Ok(());
        }
        let file = write(&folder, content);
        let file = file.inspect_err(|_| self.room.give_back(&path, length))?;
        let job = Job::Finish(Unfinished {
            file,
            path,
            length,
            failed: Arc::clone(failed),
        });
        let left = match self.finisher() {
            Some(finisher) => finisher.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        // There is no thread for it.
        if let Some(Job::Finish(file)) = left {
            file.finish(&self.room);
        }
        Ok(())
    }
}

fn write(folder: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)?;
    file.write_all(content)?;
    Ok(file)
}

fn length_of(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    about.is_file().then_some(about.len())
}

fn count(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    for below in std::fs::read_dir(folder)? {
        let below = below?;
        if !below.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(below.path())? {
            let file = file?;
            if file
                .file_name()
                .as_encoded_bytes()
                .starts_with(UNFINISHED.as_bytes())
            {
                std::fs::remove_file(file.path())?;
                continue;
            }
            bytes = bytes.saturating_add(file.metadata()?.len());
        }
    }
    Ok(bytes)
}

/// Why a file is not stored.
#[derive(Debug)]
enum Refusal {
    TooLarge,
    /// The folder holds as much as it may.
    Full,
    /// The disk would be too full.
    DiskReserve,
    Failed(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Failed(error)
    }
}

/// Stores the files of one worker.
pub struct FileStore {
    settings: FileStoreSettings,
    /// Files stored so far; the number of the last one.
    count: u32,
    failed: Arc<AtomicU64>,
    too_large: u64,
    full: u64,
    disk_reserve: u64,
}

impl FileStore {
    pub fn new(settings: FileStoreSettings) -> Self {
        if let Some(folder) = settings.folder.as_ref().filter(|_| settings.enabled) {
            folder.look();
        }
        FileStore {
            settings,
            count: 0,
            failed: Arc::default(),
            too_large: 0,
            full: 0,
            disk_reserve: 0,
        }
    }

    /// Adds the counters, where files are stored at all.
    pub fn count(&self, tree: &mut sensor_event::StatsTree) {
        if self.settings.enabled {
            tree.add("file_store.fs_errors", self.failed.load(Ordering::Relaxed));
            tree.add("file_store.too_large", self.too_large);
            tree.add("file_store.full", self.full);
            tree.add("file_store.disk_reserve", self.disk_reserve);
        }
    }

    /// Stores a file that is over, if it is wanted; its number, from 1.
    pub fn take(&mut self, file: &File, wanted: bool, content: Option<&[u8]>) -> Option<u32> {
        if !self.settings.enabled || !(wanted || self.settings.everything) {
            return None;
        }
        let folder = self.settings.folder.as_ref()?;
        let content = content?;
        let digest = file.sha256.filter(|_| file.state != FileState::Error)?;
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let stored = if content.len() > MAX_FILE_BYTES {
            Err(Refusal::TooLarge)
        } else {
            folder.store(&name, content, &self.failed)
        };
        let refused = match stored {
            Ok(()) => {
                self.count = self.count.saturating_add(1);
                return Some(self.count);
            }
            Err(Refusal::TooLarge) => &mut self.too_large,
            Err(Refusal::Full) => &mut self.full,
            Err(Refusal::DiskReserve) => &mut self.disk_reserve,
            Err(Refusal::Failed(error)) => {
                tracing::warn!(%error, name, "a file could not be stored");
                self.failed.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        };
        *refused += 1;
        None
    }
}

impl Drop for FileStore {
    /// What was told as stored is.
    fn drop(&mut self) {
        if let Some(folder) = &self.settings.folder {
            folder.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_app::{FileId, Hashes};
    use sensor_flow::Direction;

    const ABC: &str = "ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn file(content: &[u8]) -> File {
        let hashes = Hashes {
            sha256: true,
            ..Hashes::default()
        };
        let mut file = File::open(FileId(0), Direction::ToClient, b"a", hashes);
        file.append(content, content.len());
        file.close(FileState::Closed);
        file
    }

    fn settings(path: &Path, most_bytes: u64, free_bytes: u64) -> FileStoreSettings {
        FileStoreSettings {
            enabled: true,
            folder: Some(Arc::new(Folder {
                most_bytes,
                free_bytes,
                ..Folder::new(path.to_owned())
            })),
            ..FileStoreSettings::default()
        }
    }

    fn stored(store: &FileStore) -> u64 {
        let folder = store.settings.folder.as_ref().expect("a folder");
        folder.settle();
        folder.room.held().bytes.expect("counted")
    }

    fn failed(store: &FileStore) -> u64 {
        store.failed.load(Ordering::Relaxed)
    }

    #[test]
    fn wanted_files_are_stored_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path(), MAX_STORED_BYTES, 0);
        let mut store = FileStore::new(settings.clone());
        let abc = file(b"abc");
        assert_eq!(store.take(&abc, false, Some(b"abc")), None);
        assert_eq!(store.take(&abc, true, None), None);
        assert_eq!(store.take(&abc, true, Some(b"abc")), Some(1));
        assert_eq!(store.take(&abc, true, Some(b"abc")), Some(2));
        assert_eq!(stored(&store), 3);
        let path = folder.path().join(ABC);
        assert_eq!(std::fs::read(path).expect("stored"), b"abc");
        let long = vec![0; MAX_FILE_BYTES + 1];
        assert_eq!(store.take(&file(&long), true, Some(&long)), None);
        assert_eq!((failed(&store), store.too_large), (0, 1));
        // A file stands where a folder is to be made.
        std::fs::write(folder.path().join("2c"), b"").expect("written");
        assert_eq!(store.take(&file(b"hello"), true, Some(b"hello")), None);
        assert_eq!((failed(&store), store.too_large), (1, 1));
        let mut off = FileStore::new(FileStoreSettings {
            enabled: false,
            ..settings
        });
        assert_eq!(off.take(&abc, true, Some(b"abc")), None);
    }

    #[test]
    fn what_was_cut_is_stored_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ABC);
        let unfinished = folder.path().join("ba").join(format!("{UNFINISHED}x"));
        std::fs::create_dir(folder.path().join("ba")).expect("made");
        std::fs::write(&path, b"ab").expect("written");
        std::fs::write(&unfinished, b"abc").expect("written");
        let mut store = FileStore::new(settings(folder.path(), MAX_STORED_BYTES, 0));
        assert_eq!(stored(&store), 2);
        assert!(!unfinished.exists());
        assert_eq!(store.take(&file(b"abc"), true, Some(b"abc")), Some(1));
        assert_eq!(stored(&store), 3);
        assert_eq!(std::fs::read(path).expect("stored"), b"abc");
        let left = std::fs::read_dir(folder.path().join("ba")).expect("a folder");
        assert_eq!(left.count(), 1);
    }

    #[test]
    fn all_workers_and_starts_share_one_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = settings(folder.path(), 8, 0);
        let (mut one, mut other) = (FileStore::new(shared.clone()), FileStore::new(shared));
        assert_eq!(one.take(&file(b"abc"), true, Some(b"abc")), Some(1));
        assert_eq!(other.take(&file(b"hello"), true, Some(b"hello")), Some(1));
        assert_eq!(one.take(&file(b"more"), true, Some(b"more")), None);
        // What is there already takes no more room.
        assert_eq!(one.take(&file(b"hello"), true, Some(b"hello")), Some(2));
        assert_eq!((one.full, other.full), (1, 0));
        assert_eq!(stored(&one), 8);
        let mut again = FileStore::new(settings(folder.path(), 8, 0));
        assert_eq!(again.take(&file(b"more"), true, Some(b"more")), None);
        let mut wider = FileStore::new(settings(folder.path(), 12, 0));
        assert_eq!(wider.take(&file(b"more"), true, Some(b"more")), Some(1));
        let mut tree = sensor_event::StatsTree::new();
        again.count(&mut tree);
        let told = serde_json::to_value(&tree).expect("it can be written");
        assert_eq!(told["file_store"]["full"], 1);
    }

    #[test]
    fn what_does_not_come_to_its_place_is_counted_and_takes_no_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = FileStore::new(settings(folder.path(), MAX_STORED_BYTES, 0));
        // A folder stands where the file is to come.
        std::fs::create_dir_all(folder.path().join(ABC)).expect("made");
        assert_eq!(store.take(&file(b"abc"), true, Some(b"abc")), Some(1));
        assert_eq!((stored(&store), failed(&store)), (0, 1));
        drop(store);
        let left = std::fs::read_dir(folder.path().join("ba")).expect("a folder");
        assert_eq!(left.count(), 1, "the folder, and nothing unfinished");
    }

    #[test]
    fn the_disk_keeps_its_reserve() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = FileStore::new(settings(folder.path(), MAX_STORED_BYTES, u64::MAX));
        assert_eq!(store.take(&file(b"abc"), true, Some(b"abc")), None);
        assert_eq!((store.disk_reserve, stored(&store)), (1, 0));
    }
}
