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
}

impl FileStore {
    pub fn new(settings: FileStoreSettings) -> Self {
        FileStore {
            settings,
            count: 0,
            bytes: 0,
        }
    }

    /// Stores a file that is over, if it is wanted; its number, from 1.
    pub fn take(&mut self, file: &File, wanted: bool, content: Option<&[u8]>) -> Option<u32> {
        if !self.settings.enabled || !(wanted || self.settings.everything) {
            return None;
        }
        let folder = self.settings.folder.as_ref()?;
        let content = content.filter(|content| content.len() <= MAX_FILE_BYTES)?;
        let digest = file.sha256.filter(|_| file.state != FileState::Error)?;
        let bytes = self.bytes.saturating_add(content.len() as u64);
        if bytes > MAX_STORED_BYTES {
            return None;
        }
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = folder.join(&name[..2]);
        let path = folder.join(&name);
        if !path.exists() {
            let written =
                std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, content));
            if let Err(error) = written {
                tracing::warn!(%error, path = %path.display(), "a file could not be stored");
                return None;
            }
            self.bytes = bytes;
        }
        self.count = self.count.saturating_add(1);
        Some(self.count)
    }
}
