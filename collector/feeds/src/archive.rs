//! What a source sends, taken apart into files: `tar.gz`, `tar`, `zip`, `gz`, or the one file that it is.
//!
//! An archive is refused whole when it holds too much, or names a place outside of itself; links and devices are not
//! followed, and not passed over in silence either.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Bytes of all files of an archive, unpacked.
pub const MAX_UNPACKED_BYTES: u64 = 256 << 20;
pub const MAX_FILES: usize = 10_000;
const MAX_NAME_BYTES: usize = 1_000;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZIP: [u8; 4] = *b"PK\x03\x04";
const EMPTY_ZIP: [u8; 4] = *b"PK\x05\x06";
/// Where a tar header has this word (POSIX.1, ustar).
const TAR: (usize, &[u8]) = (257, b"ustar");

/// One file, with its folders in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl File {
    /// UTF-8, else Latin-1.
    pub fn text(&self) -> String {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
            Err(_) => self.bytes.iter().map(|&byte| char::from(byte)).collect(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive is broken: {0}")]
    Broken(String),
    #[error("unpacked it is larger than {} MiB", .0 >> 20)]
    TooLarge(u64),
    #[error("it holds more than {MAX_FILES} files")]
    TooMany,
    #[error("{0:?} leads out of the archive")]
    Outside(String),
    #[error("{0:?} is neither a file nor a folder")]
    NoFile(String),
    #[error("{0:?} is encrypted")]
    Encrypted(String),
}

/// The files in what came; `name` is that of the file when it is no archive.
///
/// # Errors
/// When the archive is broken, or must not be unpacked.
pub fn files(name: &str, bytes: &[u8]) -> Result<Vec<File>, ArchiveError> {
    files_within(name, bytes, MAX_UNPACKED_BYTES)
}

fn files_within(name: &str, bytes: &[u8], most: u64) -> Result<Vec<File>, ArchiveError> {
    if bytes.starts_with(&ZIP) || bytes.starts_with(&EMPTY_ZIP) {
        return unzip(bytes, most);
    }
    if !bytes.starts_with(&GZIP) {
        return if is_tar(bytes) {
            untar(bytes, most)
        } else {
            Ok(vec![File {
                name: name.to_owned(),
                bytes: bytes.to_vec(),
            }])
        };
    }
    let unpacked = read(MultiGzDecoder::new(bytes), most, most)?;
    if is_tar(&unpacked) {
        return untar(&unpacked, most);
    }
    Ok(vec![File {
        name: name.strip_suffix(".gz").unwrap_or(name).to_owned(),
        bytes: unpacked,
    }])
}

/// Files as one tar, which [`files`] takes apart again.
///
/// # Errors
/// When a name is longer than a tar takes.
pub fn pack(files: &[File]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, &file.name, file.bytes.as_slice())?;
    }
    tar.into_inner()
}

fn is_tar(bytes: &[u8]) -> bool {
    let (at, word) = TAR;
    bytes.get(at..at + word.len()) == Some(word)
}

fn broken(error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Broken(error.to_string())
}

/// Reads at most what is left of `most`.
fn read(from: impl Read, left: u64, most: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    from.take(left + 1)
        .read_to_end(&mut bytes)
        .map_err(broken)?;
    if bytes.len() as u64 > left {
        return Err(ArchiveError::TooLarge(most));
    }
    Ok(bytes)
}

fn untar(bytes: &[u8], most: u64) -> Result<Vec<File>, ArchiveError> {
    let mut archive = tar::Archive::new(bytes);
    let mut files = Vec::new();
    let mut left = most;
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(ArchiveError::NoFile(name));
        }
        take(&mut files, name, entry, &mut left, most)?;
    }
    Ok(files)
}

fn unzip(bytes: &[u8], most: u64) -> Result<Vec<File>, ArchiveError> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > MAX_FILES {
        return Err(ArchiveError::TooMany);
    }
    let mut files = Vec::new();
    let mut left = most;
    for index in 0..archive.len() {
        let raw = archive.by_index_raw(index).map_err(broken)?;
        let (name, is_encrypted) = (raw.name().to_owned(), raw.encrypted());
        let (is_folder, is_link) = (raw.is_dir(), raw.is_symlink());
        drop(raw);
        if is_folder {
            continue;
        }
        if is_link {
            return Err(ArchiveError::NoFile(name));
        }
        if is_encrypted {
            return Err(ArchiveError::Encrypted(name));
        }
        let entry = archive.by_index(index).map_err(broken)?;
        take(&mut files, name, entry, &mut left, most)?;
    }
    Ok(files)
}

fn take(
    files: &mut Vec<File>,
    name: String,
    entry: impl Read,
    left: &mut u64,
    most: u64,
) -> Result<(), ArchiveError> {
    let name = name.trim_start_matches("./").to_owned();
    let is_inside = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('/')
        && !name.contains(['\\', '\0'])
        && name.split('/').all(|part| part != "..");
    if !is_inside {
        return Err(ArchiveError::Outside(name));
    }
    if files.len() >= MAX_FILES {
        return Err(ArchiveError::TooMany);
    }
    let bytes = read(entry, *left, most)?;
    *left -= bytes.len() as u64;
    files.push(File { name, bytes });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(name: &str, bytes: &[u8]) -> File {
        File {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(bytes).expect("memory takes it");
        out.finish().expect("memory takes it")
    }

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            let options = zip::write::SimpleFileOptions::default();
            out.start_file(*name, options).expect("it begins");
            out.write_all(bytes).expect("memory takes it");
        }
        out.finish().expect("it ends").into_inner()
    }

    /// A tar with one entry whose name and kind a well-behaved writer would refuse.
    fn odd_tar(name: &str, kind: tar::EntryType) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(bytes.len() + 1_024, 0);
        bytes
    }

    #[test]
    fn each_form_is_taken_apart() {
        let inner = [file("rules/a.rules", b"one"), file("b.txt", b"two")];
        let tar = pack(&inner).expect("packed");
        assert_eq!(files("x", &tar).expect("a tar"), inner);
        assert_eq!(files("x", &gzip(&tar)).expect("a tar.gz"), inner);
        let zipped = zip(&[("rules/a.rules", b"one"), ("b.txt", b"two")]);
        assert_eq!(files("x", &zipped).expect("a zip"), inner);
        let alone = [file("a.rules", b"one")];
        assert_eq!(files("a.rules.gz", &gzip(b"one")).expect("a gz"), alone);
        assert_eq!(files("a.rules", b"one").expect("a file"), alone);
    }

    #[test]
    fn bombs_tricks_and_ruins_are_refused() {
        let bomb = vec![0; 100_000];
        let tar = pack(&[file("a", &bomb), file("b", &bomb)]).expect("packed");
        let zipped = zip(&[("a", &bomb), ("b", &bomb)]);
        let whole = gzip(&tar);
        let rows: [(&[u8], u64, &str); 12] = [
            (&gzip(&bomb), 99_999, "larger than"),
            (&tar, 150_000, "larger than"),
            (&zipped, 150_000, "larger than"),
            (&whole[..whole.len() / 2], 1 << 30, "broken"),
            (&tar[..600], 1 << 30, "broken"),
            (&zipped[..zipped.len() - 30], 1 << 30, "broken"),
            (&odd_tar("../a", tar::EntryType::Regular), 9, "leads out"),
            (&odd_tar("/etc/a", tar::EntryType::Regular), 9, "leads out"),
            (&odd_tar("a", tar::EntryType::Symlink), 9, "neither"),
            (&odd_tar("a", tar::EntryType::Link), 9, "neither"),
            (&zip(&[("a/../../b", b"x")]), 9, "leads out"),
            (&zip(&[("a\\b", b"x")]), 9, "leads out"),
        ];
        for (index, (bytes, most, told)) in rows.into_iter().enumerate() {
            let error = files_within("x", bytes, most).expect_err("it is refused");
            assert!(error.to_string().contains(told), "{index}: {error}");
        }
    }

    #[test]
    fn files_are_counted() {
        let many: Vec<(String, &[u8])> =
            (0..=MAX_FILES).map(|n| (n.to_string(), &b""[..])).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, b)| (name.as_str(), *b)).collect();
        assert!(matches!(
            files("x", &zip(&many)),
            Err(ArchiveError::TooMany)
        ));
    }
}
