//! What was told today, in a file, so that a start in the middle of the day tells nothing anew.
//!
//! The file is the number of the day and then a key each, all little-endian and 64 bits long. Keys are appended; the
//! file is replaced as a whole when another day begins, and when it holds twice what is remembered. One that was cut
//! in the middle of a key loses that key, and one of another day says nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::told::MAX_TOLD;

const KEY_BYTES: usize = 8;
/// Keys that the file may hold.
const MAX_KEYS: usize = 2 * MAX_TOLD;

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    day: i64,
    keys: usize,
}

impl Journal {
    /// Opens a file, and what it holds: oldest first.
    pub fn open(path: &Path) -> io::Result<(Journal, Vec<u64>)> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => {
                let most = (1 + MAX_KEYS) * KEY_BYTES;
                file.take(most as u64).read_to_end(&mut bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (words, _) = bytes.as_chunks::<KEY_BYTES>();
        let mut words = words.iter().copied();
        let day = words.next().map_or(i64::MIN, i64::from_le_bytes);
        let keys: Vec<u64> = words.map(u64::from_le_bytes).collect();
        let mut journal = Journal {
            path: path.to_owned(),
            file: None,
            day,
            keys: 0,
        };
        // Written anew: nothing is appended behind half a key.
        journal.replace(day, keys.iter().copied())?;
        Ok((journal, keys))
    }

    /// The day of its keys.
    pub fn day(&self) -> i64 {
        self.day
    }

    /// Notes a key. When the file has no more room, it begins anew with those that are still remembered; keys of
    /// earlier days are not kept.
    pub fn add(
        &mut self,
        day: i64,
        key: u64,
        remembered: impl Iterator<Item = u64>,
    ) -> io::Result<()> {
        if day < self.day {
            return Ok(());
        }
        if day > self.day {
            return self.replace(day, std::iter::once(key));
        }
        if self.keys >= MAX_KEYS {
            return self.replace(day, remembered);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&key.to_le_bytes())?;
            self.keys += 1;
        }
        Ok(())
    }

    fn replace(&mut self, day: i64, keys: impl Iterator<Item = u64>) -> io::Result<()> {
        let mut bytes = day.to_le_bytes().to_vec();
        bytes.extend(keys.flat_map(u64::to_le_bytes));
        self.file = None;
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        self.day = day;
        self.keys = bytes.len() / KEY_BYTES - 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(path: &Path) -> Vec<u64> {
        Journal::open(path).expect("it can be read").1
    }

    #[test]
    fn keys_of_the_day_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.told");
        let (mut journal, keys) = Journal::open(&path).expect("it is made");
        assert!(keys.is_empty());
        for (day, key) in [(7, 1), (7, 2), (6, 3)] {
            journal.add(day, key, std::iter::empty()).expect("written");
        }
        assert_eq!(held(&path), [1, 2]);
        // Cut in the middle of a key, and what comes after it.
        let bytes = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("written");
        let (mut journal, keys) = Journal::open(&path).expect("it can be read");
        assert_eq!(keys, [1]);
        journal.add(7, 4, std::iter::empty()).expect("written");
        assert_eq!(held(&path), [1, 4]);
        journal.add(8, 5, std::iter::empty()).expect("written");
        assert_eq!(held(&path), [5]);
    }

    #[test]
    fn the_file_stays_small() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.told");
        let (mut journal, _) = Journal::open(&path).expect("it is made");
        for key in 0..=MAX_KEYS as u64 {
            journal.add(1, key, [8, 9].into_iter()).expect("written");
        }
        assert_eq!(held(&path), [8, 9]);
    }
}
