//! The folder with all evidence.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::part::Part;
use crate::{Error, Frame, MAX_BYTES, MAX_FRAMES, Place, pcapng};

/// Evidence by number. Clones share it. Calls that touch files block.
#[derive(Debug, Clone)]
pub struct Shelf(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Part files being written.
    parts: Mutex<HashMap<i64, Part>>,
    /// Counts changes of what is wanted.
    changed: watch::Sender<u64>,
}

/// How much has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub place: Place,
    pub frames: u64,
    pub bytes: u64,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub frames: u64,
    /// Of the file.
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl Shelf {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Shelf, Error> {
        std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
        Ok(Shelf(Arc::new(Shared {
            folder: folder.to_owned(),
            parts: Mutex::default(),
            changed: watch::Sender::new(0),
        })))
    }

    /// Somebody wants something of a sensor, or no longer does.
    pub fn poke(&self) {
        self.0.changed.send_modify(|count| *count += 1);
    }

    /// Changes with every [`Shelf::poke`].
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// How much of a piece of evidence is here.
    pub fn progress(&self, id: i64) -> Result<Progress, Error> {
        let mut parts = self.parts();
        Ok(self.part(&mut parts, id)?.progress())
    }

    /// Appends a chunk that begins where the one before ended.
    ///
    /// # Errors
    /// When it begins elsewhere, more comes than [`MAX_BYTES`] or [`MAX_FRAMES`], or the file cannot be written.
    pub fn append(
        &self,
        id: i64,
        from: Place,
        next: Place,
        frames: &[Frame],
    ) -> Result<Progress, Error> {
        let path = self.part_path(id);
        let mut parts = self.parts();
        let part = self.part(&mut parts, id)?;
        if from != part.place || next < from {
            return Err(Error::Gap {
                id,
                expected: part.place,
                found: from,
            });
        }
        let more: u64 = frames.iter().map(|frame| frame.data.len() as u64).sum();
        let count = part.frames + frames.len() as u64;
        if part.bytes + more > MAX_BYTES || count > MAX_FRAMES {
            return Err(Error::TooMuch { id });
        }
        part.append(next, frames).map_err(Error::at(&path))?;
        Ok(part.progress())
    }

    /// All has come: makes the file. Again for a file that is there.
    pub fn finish(&self, id: i64) -> Result<Stored, Error> {
        let path = self.path(id);
        let part = self.part_path(id);
        if part.exists() || !path.exists() {
            let mut frames = {
                let mut parts = self.parts();
                let frames = self.part(&mut parts, id)?.frames();
                parts.remove(&id);
                frames.map_err(Error::at(&part))?
            };
            // Workers of the sensor write in turns.
            frames.sort_by_key(|frame| frame.timestamp_ns);
            let making = path.with_extension("making");
            let written = File::create(&making).and_then(|file| {
                let mut out = BufWriter::new(file);
                pcapng::write(&frames, &mut out)?;
                out.flush()?;
                out.get_ref().sync_data()?;
                std::fs::rename(&making, &path)?;
                std::fs::remove_file(&part)
            });
            written.map_err(Error::at(&path))?;
        }
        stored(&path)
    }

    /// The frames of a finished file, oldest first.
    pub fn frames(&self, id: i64) -> Result<Vec<Frame>, Error> {
        pcapng::read(&self.path(id))
    }

    /// The finished file.
    pub fn path(&self, id: i64) -> PathBuf {
        self.0.folder.join(format!("{id}.pcapng"))
    }

    /// Removes all of a piece of evidence.
    pub fn remove(&self, id: i64) -> Result<(), Error> {
        let mut parts = self.parts();
        parts.remove(&id);
        for path in [self.part_path(id), self.path(id)] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn part_path(&self, id: i64) -> PathBuf {
        self.0.folder.join(format!("{id}.part"))
    }

    fn parts(&self) -> MutexGuard<'_, HashMap<i64, Part>> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn part<'a>(&self, parts: &'a mut HashMap<i64, Part>, id: i64) -> Result<&'a mut Part, Error> {
        let path = self.part_path(id);
        match parts.entry(id) {
            std::collections::hash_map::Entry::Occupied(part) => Ok(part.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                Ok(place.insert(Part::open(&path).map_err(Error::at(&path))?))
            }
        }
    }
}

impl Part {
    fn progress(&self) -> Progress {
        Progress {
            place: self.place,
            frames: self.frames,
            bytes: self.bytes,
        }
    }
}

fn stored(path: &Path) -> Result<Stored, Error> {
    let frames = pcapng::read(path)?.len() as u64;
    let mut file = File::open(path).map_err(Error::at(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(Error::at(path))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    let digest = hasher.finalize();
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Stored {
        frames,
        bytes,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(timestamp_ns: i64, link: u16, data: &[u8]) -> Frame {
        Frame {
            timestamp_ns,
            link,
            wire_length: 1_500,
            data: data.to_vec(),
        }
    }

    fn place(entry: u32) -> Place {
        Place {
            segment: 1,
            offset: 9,
            entry,
        }
    }

    #[test]
    fn chunks_follow_one_another_over_a_restart_and_a_torn_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::open(folder.path()).expect("a shelf");
        let first = [frame(20, 1, b"abc"), frame(30, 101, b"")];
        let progress = shelf.append(7, Place::default(), place(2), &first);
        assert_eq!(progress.expect("appended").frames, 2);
        assert!(shelf.append(7, Place::default(), place(2), &first).is_err());
        shelf
            .append(7, place(2), place(3), &[frame(40, 1, b"torn")])
            .expect("appended");
        let path = folder.path().join("7.part");
        let bytes = std::fs::read(&path).expect("a part");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        let shelf = Shelf::open(folder.path()).expect("a shelf");
        let progress = shelf.progress(7).expect("a part");
        assert_eq!((progress.place, progress.bytes), (place(2), 3));
        shelf
            .append(7, place(2), place(4), &[frame(10, 1, b"last")])
            .expect("appended");
        let stored = shelf.finish(7).expect("finished");
        assert_eq!(stored.frames, 3);
        let expected = [frame(10, 1, b"last"), first[0].clone(), first[1].clone()];
        assert_eq!(shelf.frames(7).expect("readable"), expected);
        assert!(!path.exists());
        assert_eq!(shelf.finish(7).expect("again"), stored);
        shelf.remove(7).expect("removed");
        assert!(shelf.frames(7).is_err());
    }

    #[test]
    fn there_is_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::open(folder.path()).expect("a shelf");
        let large = frame(0, 1, &vec![0; MAX_BYTES as usize + 1]);
        let refused = shelf.append(1, Place::default(), place(1), &[large]);
        assert!(matches!(refused, Err(Error::TooMuch { id: 1 })));
    }
}
