//! A folder on the collector, for rules that somebody copies there.

use std::path::{Path, PathBuf};

use super::{FetchError, Fetched, Seen};
use crate::archive::{self, File};

const DEPTH: usize = 8;

/// Reads the files of a folder that lies below one of those that are allowed. Links that lead out are refused.
pub fn read(path: &Path, allowed: &[PathBuf], most: u64) -> Result<Fetched, FetchError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Folder { path, source }
    };
    let real = path.canonicalize().map_err(failed(path))?;
    let is_allowed = allowed
        .iter()
        .filter_map(|folder| folder.canonicalize().ok())
        .any(|folder| real.starts_with(folder));
    if !is_allowed {
        return Err(FetchError::Forbidden(path.to_owned()));
    }
    let mut files = Vec::new();
    let mut left = most;
    let mut waiting = vec![(real.clone(), 0)];
    while let Some((at, depth)) = waiting.pop() {
        let mut entries = std::fs::read_dir(&at)
            .map_err(failed(&at))?
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed(&at))?;
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            let inside = path.canonicalize().map_err(failed(&path))?;
            if !inside.starts_with(&real) {
                return Err(FetchError::Forbidden(path));
            }
            if inside.is_dir() {
                // A folder behind a link would be read twice.
                if depth < DEPTH && !entry.file_type().map_err(failed(&path))?.is_symlink() {
                    waiting.push((path, depth + 1));
                }
                continue;
            }
            let size = inside.metadata().map_err(failed(&path))?.len();
            left = left.checked_sub(size).ok_or_else(|| FetchError::TooLarge {
                address: real.display().to_string(),
                most,
            })?;
            if files.len() >= archive::MAX_FILES {
                return Err(FetchError::TooMany(real.display().to_string(), files.len()));
            }
            let bytes = std::fs::read(&inside).map_err(failed(&path))?;
            let name = path.strip_prefix(&real).unwrap_or(&path);
            files.push(File {
                name: name.display().to_string(),
                bytes,
            });
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let bytes = archive::pack(&files).map_err(failed(&real))?;
    Ok(Fetched::Content {
        name: "folder.tar".to_owned(),
        bytes,
        seen: Seen::default(),
        checked_by: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_allowed_folders_is_read() {
        let outer = tempfile::tempdir().expect("a folder");
        let inner = outer.path().join("rules");
        std::fs::create_dir_all(inner.join("more")).expect("made");
        std::fs::write(inner.join("more/a.rules"), "a").expect("written");
        std::fs::write(outer.path().join("secret"), "s").expect("written");
        let allowed = [inner.clone()];
        let read_it = |path: &Path| read(path, &allowed, 100);
        let Ok(Fetched::Content { name, bytes, .. }) = read_it(&inner) else {
            panic!("it is read");
        };
        let files = archive::files(&name, &bytes).expect("a tar");
        assert_eq!(files[0].name, "more/a.rules");
        let forbidden = |path: &Path| matches!(read_it(path), Err(FetchError::Forbidden(_)));
        assert!(forbidden(outer.path()));
        assert!(forbidden(&inner.join("..")));
        assert!(matches!(
            read(&inner, &allowed, 0),
            Err(FetchError::TooLarge { .. })
        ));
        std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link"))
            .expect("linked");
        assert!(forbidden(&inner), "a link leads out");
    }
}
