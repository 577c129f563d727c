//! Files → a folder, each once: `ab/abcd…`, by its SHA-256. A file appears there whole or not at all, and all workers
//! share what there is room for.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The folder of stored files, the same for all workers.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    most_bytes: u64,
    free_bytes: u64,
    /// Bytes of the files in it; none before somebody has looked.
    bytes: Mutex<Option<u64>>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Folder {
            path,
            most_bytes: MAX_STORED_BYTES,
            free_bytes: FREE_BYTES,
            bytes: Mutex::default(),
        }
    }

    fn bytes(&self) -> MutexGuard<'_, Option<u64>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what earlier starts have left, once, and removes what they did not finish.
    fn look(&self) {
        let mut bytes = self.bytes();
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

    /// Takes room for a file.
    fn reserve(&self, length: u64) -> Result<(), Refusal> {
        let mut bytes = self.bytes();
        let after = bytes.unwrap_or(0).saturating_add(length);
        if after > self.most_bytes {
            return Err(Refusal::Full);
        }
        let Some(disk) = disk_of(&self.path) else {
            return Err(io::Error::other("the room on its disk is not told").into());
        };
        if disk.free_bytes < self.free_bytes.saturating_add(length) {
            return Err(Refusal::DiskReserve);
        }
        *bytes = Some(after);
        Ok(())
    }

    fn give_back(&self, length: u64) {
        let mut bytes = self.bytes();
        *bytes = bytes.map(|bytes| bytes.saturating_sub(length));
    }

    /// Stores a file, unless it is there whole.
    fn store(&self, name: &str, content: &[u8]) -> Result<(), Refusal> {
        let folder = self.path.join(&name[..2]);
        let path = folder.join(name);
        let length = content.len() as u64;
        if length_of(&path) == Some(length) {
            return Ok(());
        }
        std::fs::create_dir_all(&folder)?;
        self.reserve(length)?;
        self.write(&folder, &path, content)
            .inspect_err(|_| self.give_back(length))
            .map_err(Refusal::from)
    }

    fn write(&self, folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        {
            // Another worker may have stored it meanwhile, and something that was cut may stand there.
            let mut bytes = self.bytes();
            let before = length_of(path).unwrap_or(0);
            file.persist(path)?;
            *bytes = bytes.map(|bytes| bytes.saturating_sub(before));
        }
        std::fs::File::open(folder)?.sync_all()
    }
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
    failed: u64,
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
            failed: 0,
            too_large: 0,
            full: 0,
            disk_reserve: 0,
        }
    }

    /// Adds the counters, where files are stored at all.
    pub fn count(&self, tree: &mut sensor_event::StatsTree) {
        if self.settings.enabled {
            tree.add("file_store.fs_errors", self.failed);
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
            folder.store(&name, content)
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
                &mut self.failed
            }
        };
        *refused += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        folder.bytes().expect("counted")
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
        assert_eq!((store.failed, store.too_large), (0, 1));
        // A file stands where a folder is to be made.
        std::fs::write(folder.path().join("2c"), b"").expect("written");
        assert_eq!(store.take(&file(b"hello"), true, Some(b"hello")), None);
        assert_eq!((store.failed, store.too_large), (1, 1));
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
        assert_eq!(std::fs::read(path).expect("stored"), b"abc");
        assert_eq!(stored(&store), 3);
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
    fn the_disk_keeps_its_reserve() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = FileStore::new(settings(folder.path(), MAX_STORED_BYTES, u64::MAX));
        assert_eq!(store.take(&file(b"abc"), true, Some(b"abc")), None);
        assert_eq!((store.disk_reserve, stored(&store)), (1, 0));
    }
}
