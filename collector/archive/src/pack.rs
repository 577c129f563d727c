//! A folder of files to one stream, and back: `tar` in zstd, always the same bytes for the same files.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path};

use tar::{Archive, Builder, EntryType, Header};

/// Files of one partition.
pub const MAX_FILES: usize = 100_000;
/// Index files are compressed already; what this gains is their dictionaries and lists.
const LEVEL: i32 = 3;

/// What was taken out of a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpacked {
    pub files: usize,
    pub bytes: u64,
}

/// Writes the files of a folder, which must hold nothing else, in the order of their names.
pub fn write(folder: &Path, sink: impl Write) -> std::io::Result<Unpacked> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    let mut tar = Builder::new(zstd::Encoder::new(sink, LEVEL)?);
    let mut packed = Unpacked::default();
    for name in names {
        let file = File::open(folder.join(&name))?;
        let bytes = file.metadata()?.len();
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes);
        tar.append_data(&mut header, &name, file.take(bytes))?;
        packed.files += 1;
        packed.bytes += bytes;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(packed)
}

/// Writes what a pack holds into an empty folder: plain files, `limit_bytes` at most. Everything else is refused, as it
/// was not made here.
pub fn read(source: impl Read, folder: &Path, limit_bytes: u64) -> std::io::Result<Unpacked> {
    let wrong = |reason: String| std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
    let mut tar = Archive::new(zstd::Decoder::new(source)?);
    let mut unpacked = Unpacked::default();
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut parts = path.components();
        let name = match (parts.next(), parts.next()) {
            (Some(Component::Normal(name)), None) => name.to_owned(),
            _ => return Err(wrong(format!("{} is no plain name", path.display()))),
        };
        if entry.header().entry_type() != EntryType::Regular {
            return Err(wrong(format!("{} is no file", path.display())));
        }
        unpacked.files += 1;
        unpacked.bytes = unpacked.bytes.saturating_add(entry.size());
        if unpacked.bytes > limit_bytes || unpacked.files > MAX_FILES {
            return Err(wrong("it holds more than was packed".to_owned()));
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .open(folder.join(name))?;
        let copied = std::io::copy(&mut entry, &mut file)?;
        if copied != entry.size() {
            return Err(wrong(format!("{} is cut short", path.display())));
        }
        file.sync_all()?;
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("it is written");
        }
        folder
    }

    #[test]
    fn files_come_back_as_they_were_and_packing_repeats() {
        let from = folder(&[("b.idx", &[7; 70_000]), ("a.json", b"{}"), ("empty", b"")]);
        let mut packed = Vec::new();
        let told = write(from.path(), &mut packed).expect("it packs");
        assert_eq!((told.files, told.bytes), (3, 70_002));
        let mut again = Vec::new();
        write(from.path(), &mut again).expect("it packs");
        assert_eq!(packed, again);
        let to = tempfile::tempdir().expect("a folder");
        assert_eq!(
            read(&packed[..], to.path(), 70_002).expect("it unpacks"),
            told
        );
        for name in ["b.idx", "a.json", "empty"] {
            let read = |root: &Path| std::fs::read(root.join(name)).expect("it is there");
            assert_eq!(read(from.path()), read(to.path()), "{name}");
        }
    }

    #[test]
    fn what_was_not_packed_here_is_refused() {
        let from = folder(&[("a", &[1; 5_000])]);
        let mut packed = Vec::new();
        write(from.path(), &mut packed).expect("it packs");
        let hostile = |name: &str, kind: EntryType| {
            let mut tar = Builder::new(zstd::Encoder::new(Vec::new(), 1).expect("it starts"));
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(1);
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, &b"x"[..]).expect("it appends");
            let encoder = tar.into_inner().expect("it ends");
            encoder.finish().expect("it ends")
        };
        let rows = [
            ("more than was told", packed.clone(), 4_999),
            ("cut short", packed[..packed.len() / 2].to_vec(), 5_000),
            ("a way out", hostile("../a", EntryType::Regular), 10),
            ("an absolute way", hostile("/tmp/a", EntryType::Regular), 10),
            ("a folder in it", hostile("x/a", EntryType::Regular), 10),
            ("a link", hostile("a", EntryType::Symlink), 10),
            ("no pack at all", b"<html>".to_vec(), 10),
        ];
        for (what, bytes, limit) in rows {
            let to = tempfile::tempdir().expect("a folder");
            assert!(read(&bytes[..], to.path(), limit).is_err(), "{what}");
        }
    }
}
