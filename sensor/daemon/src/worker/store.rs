//! Files → a folder, each once: `ab/abcd…`, by its SHA-256.

use sensor_app::{File, FileState};

use crate::settings::FileStoreSettings;

/// Bytes of one file; larger ones are told and not stored.
pub const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of all files that one worker stores.
pub const MAX_STORED_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Stores the files of one worker.
pub struct FileStore {
    settings: FileStoreSettings,
    /// Files stored so far; the number of the last one.
    count: u32,
    bytes: u64,
    /// Files that could not be written.
    failed: u64,
    /// Files that a limit has kept from being stored.
    refused: u64,
}

impl FileStore {
    pub fn new(settings: FileStoreSettings) -> Self {
        FileStore {
            settings,
            count: 0,
            bytes: 0,
            failed: 0,
            refused: 0,
        }
    }

    /// Adds the counters, where files are stored at all.
    pub fn count(&self, tree: &mut sensor_event::StatsTree) {
        if self.settings.enabled {
            tree.add("file_store.fs_errors", self.failed);
            tree.add("file_store.over_limit", self.refused);
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
        let bytes = self.bytes.saturating_add(content.len() as u64);
        if content.len() > MAX_FILE_BYTES || bytes > MAX_STORED_BYTES {
            self.refused += 1;
            return None;
        }
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = folder.join(&name[..2]);
        let path = folder.join(&name);
        if !path.exists() {
            let written =
                std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, content));
            if let Err(error) = written {
                self.failed += 1;
                tracing::warn!(%error, path = %path.display(), "a file could not be stored");
                return None;
            }
            self.bytes = bytes;
        }
        self.count = self.count.saturating_add(1);
        Some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_app::{FileId, Hashes};
    use sensor_flow::Direction;

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

    #[test]
    fn wanted_files_are_stored_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = FileStoreSettings {
            enabled: true,
            folder: Some(folder.path().to_owned()),
            ..FileStoreSettings::default()
        };
        let mut store = FileStore::new(settings.clone());
        let abc = file(b"abc");
        assert_eq!(store.take(&abc, false, Some(b"abc")), None);
        assert_eq!(store.take(&abc, true, None), None);
        assert_eq!(store.take(&abc, true, Some(b"abc")), Some(1));
        assert_eq!(store.take(&abc, true, Some(b"abc")), Some(2));
        assert_eq!(store.bytes, 3);
        let path = folder
            .path()
            .join("ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(std::fs::read(path).expect("stored"), b"abc");
        let long = vec![0; MAX_FILE_BYTES + 1];
        assert_eq!(store.take(&file(&long), true, Some(&long)), None);
        assert_eq!((store.failed, store.refused), (0, 1));
        // A file stands where a folder is to be made.
        std::fs::write(folder.path().join("2c"), b"").expect("written");
        assert_eq!(store.take(&file(b"hello"), true, Some(b"hello")), None);
        assert_eq!((store.failed, store.refused), (1, 1));
        let mut off = FileStore::new(FileStoreSettings {
            enabled: false,
            ..settings
        });
        assert_eq!(off.take(&abc, true, Some(b"abc")), None);
    }
}
