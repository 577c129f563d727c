//! Packs on their way: out, read back and compared, and home again.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::error::{ArchiveError, Result};
use crate::pack;
use crate::site::{Means, Site};

/// Of one part of an upload; two of them are on their way at a time.
const PART_BYTES: usize = 16 * 1_024 * 1_024;
const PARTS_AT_ONCE: usize = 2;
/// S3 takes 10,000 parts of one object.
pub const MAX_PACK_BYTES: u64 = 9_999 * PART_BYTES as u64;
/// Pieces between a disk and a network, and how many of them wait.
const PIECE_BYTES: usize = 256 * 1_024;
const PIECES: usize = 8;
/// A label is a few hundred bytes; what is larger is none.
const MAX_LABEL_BYTES: u64 = 16 * 1_024;
/// Packs that are listed when an archive is taken up.
const MAX_LISTED: usize = 100_000;
const PACK_ENDING: &str = ".tar.zst";
const LABEL_ENDING: &str = ".json";

/// What a pack holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Name of the pack in the archive, with its ending.
    pub object: String,
    /// `2026-11-24`
    pub day: String,
    /// alerts, records
    pub shelf: String,
    pub events: u64,
    /// Of the partition's files, and of the pack.
    pub bytes: u64,
    pub packed_bytes: u64,
    /// Of the pack, in hexadecimal.
    pub sha256: String,
}

/// What is to be packed.
#[derive(Debug, Clone)]
pub struct NewPack {
    /// Makes the name of the pack together with day and shelf: the same for the same partition, and for no other.
    pub id: String,
    pub day: String,
    pub shelf: String,
    pub events: u64,
    /// The partition's files; nothing changes them.
    pub folder: PathBuf,
}

/// An archive that can be reached, or so it seems.
#[derive(Debug, Clone)]
pub struct Archive {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    folder: Option<PathBuf>,
}

impl Archive {
    /// Nothing is sent yet.
    pub fn open(site: &Site, means: &Means) -> Result<Archive> {
        let (store, prefix, folder) = site.open(means)?;
        Ok(Archive {
            store,
            prefix,
            folder,
        })
    }

    /// Writes a small object, reads it, and removes it.
    pub async fn try_out(&self) -> Result<()> {
        let place = self.place("matluoi-try");
        let content = Bytes::from_static(b"matluoi");
        self.store.put(&place, content.clone().into()).await?;
        let read = self.store.get(&place).await?.bytes().await?;
        self.store.delete(&place).await?;
        if read != content {
            return Err(damaged(&place, "what was written is not what is read"));
        }
        Ok(())
    }

    /// Puts a partition into the archive. When this returns, the archive has it whole. What an attempt before this one
    /// has put there is not sent again.
    pub async fn put(&self, new: &NewPack) -> Result<Label> {
        let object = format!("{}/{}-{}{PACK_ENDING}", new.day, new.shelf, new.id);
        if let Some(label) = self.label(&object).await?
            && label.events == new.events
            && self.check(&label).await.is_ok()
        {
            return Ok(label);
        }
        self.remove_half(&object);
        let (packed_bytes, sha256, bytes) = self.upload(&object, new.folder.clone()).await?;
        let label = Label {
            object,
            day: new.day.clone(),
            shelf: new.shelf.clone(),
            events: new.events,
            bytes,
            packed_bytes,
            sha256,
        };
        self.check(&label).await?;
        let json = serde_json::to_vec(&label).expect("names and numbers serialise");
        let place = self.place(&label_name(&label.object));
        self.store.put(&place, json.into()).await?;
        Ok(label)
    }

    /// Reads a pack, and compares its hash.
    pub async fn check(&self, label: &Label) -> Result<()> {
        let place = self.place(&label.object);
        let mut stream = self.store.get(&place).await?.into_stream();
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        while let Some(piece) = stream.try_next().await? {
            hash.update(&piece);
            bytes += piece.len() as u64;
            if bytes > label.packed_bytes {
                return Err(damaged(&place, "it is longer than it was"));
            }
        }
        if hex(&hash.finalize()) != label.sha256 {
            return Err(damaged(&place, "its hash is another"));
        }
        Ok(())
    }

    /// Brings a pack home: afterwards the folder is there, with the partition's files, or it is not there at all.
    pub async fn fetch(&self, label: &Label, into: &Path) -> Result<()> {
        let place = self.place(&label.object);
        let half = into.with_extension("half");
        for folder in [&half, &into.to_owned()] {
            remove_folder(folder)?;
        }
        std::fs::create_dir_all(&half).map_err(ArchiveError::file(half.display()))?;
        let fetched = self.unpack(label, &place, &half).await;
        if let Err(error) = fetched {
            // The reason is what counts; the rest is removed by the next attempt.
            let _ = remove_folder(&half);
            return Err(error);
        }
        std::fs::rename(&half, into).map_err(ArchiveError::file(into.display()))
    }

    async fn unpack(&self, label: &Label, place: &Place, folder: &Path) -> Result<()> {
        let mut stream = self.store.get(place).await?.into_stream();
        let (sender, receiver) = mpsc::channel(PIECES);
        let (folder, limit) = (folder.to_owned(), label.bytes);
        let reading = tokio::task::spawn_blocking(move || {
            let mut source = Source {
                pieces: receiver,
                now: Bytes::new(),
            };
            let read = pack::read(&mut source, &folder, limit);
            // What stands behind the end belongs to the hash.
            std::io::copy(&mut source, &mut std::io::sink()).and(read)
        });
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        while let Some(piece) = stream.try_next().await? {
            bytes += piece.len() as u64;
            if bytes > label.packed_bytes {
                return Err(damaged(place, "it is longer than it was"));
            }
            hash.update(&piece);
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        drop(sender);
        let unpacked = reading.await?;
        let unpacked = unpacked.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => ArchiveError::file(place)(error),
            _ => damaged(place, &error.to_string()),
        })?;
        if hex(&hash.finalize()) != label.sha256 {
            return Err(damaged(place, "its hash is another"));
        }
        if unpacked.bytes != label.bytes {
            return Err(damaged(place, "it holds less than was packed"));
        }
        Ok(())
    }

    /// The labels of all packs.
    pub async fn list(&self) -> Result<Vec<Label>> {
        let prefix = (!self.prefix.is_empty()).then(|| Place::from(self.prefix.as_str()));
        let mut objects = self.store.list(prefix.as_ref());
        let mut names = Vec::new();
        while let Some(object) = objects.try_next().await? {
            let name = object.location.as_ref();
            let name = name.strip_prefix(self.prefix.as_str()).unwrap_or(name);
            if let Some(name) = name.trim_start_matches('/').strip_suffix(LABEL_ENDING) {
                names.push(format!("{name}{PACK_ENDING}"));
            }
            if names.len() >= MAX_LISTED {
                break;
            }
        }
        drop(objects);
        let labels = futures_util::stream::iter(names)
            .map(|name| async move { self.label(&name).await })
            .buffered(8);
        let labels: Vec<Option<Label>> = labels.try_collect().await?;
        Ok(labels.into_iter().flatten().collect())
    }

    /// Removes a pack; the label goes first, so that there is never one without a pack.
    pub async fn remove(&self, object: &str) -> Result<()> {
        for name in [label_name(object), object.to_owned()] {
            match self.store.delete(&self.place(&name)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The label of a pack, if it has one that can be read.
    async fn label(&self, object: &str) -> Result<Option<Label>> {
        let got = match self.store.get(&self.place(&label_name(object))).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got?,
        };
        if got.meta.size > MAX_LABEL_BYTES {
            return Ok(None);
        }
        let label: Option<Label> = serde_json::from_slice(&got.bytes().await?).ok();
        Ok(label.filter(|label| label.object == object))
    }

    /// Bytes and hash of the pack, and bytes of what is in it.
    async fn upload(&self, object: &str, folder: PathBuf) -> Result<(u64, String, u64)> {
        let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES);
        let packing = tokio::task::spawn_blocking(move || {
            let mut sink = Sink {
                pieces: sender,
                piece: Vec::with_capacity(PIECE_BYTES),
            };
            pack::write(&folder, &mut sink)
        });
        let upload = self.store.put_multipart(&self.place(object)).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        let sent: Result<()> = async {
            while let Some(piece) = pieces.recv().await {
                bytes += piece.len() as u64;
                if bytes > MAX_PACK_BYTES {
                    return Err(ArchiveError::TooLarge);
                }
                hash.update(&piece);
                upload.wait_for_capacity(PARTS_AT_ONCE).await?;
                upload.put(piece);
            }
            Ok(())
        }
        .await;
        // With nobody to take its pieces, packing ends.
        drop(pieces);
        let packed = packing.await?.map_err(ArchiveError::file("packing"));
        match (sent, packed) {
            (Ok(()), Ok(packed)) => {
                upload.finish().await?;
                Ok((bytes, hex(&hash.finalize()), packed.bytes))
            }
            (Err(error), _) | (Ok(()), Err(error)) => {
                if let Err(error) = upload.abort().await {
                    tracing::debug!(%error, "the parts of an upload are not removed");
                }
                Err(error)
            }
        }
    }

    /// What a killed attempt left in a folder beside the object.
    fn remove_half(&self, object: &str) {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(object)) else {
            return;
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let half = format!("{}#", name.to_string_lossy());
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&half) {
                // It costs room, and nothing else.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn place(&self, name: &str) -> Place {
        if self.prefix.is_empty() {
            Place::from(name)
        } else {
            Place::from(format!("{}/{name}", self.prefix))
        }
    }
}

fn label_name(object: &str) -> String {
    let name = object.strip_suffix(PACK_ENDING).unwrap_or(object);
    format!("{name}{LABEL_ENDING}")
}

fn damaged(place: &Place, reason: &str) -> ArchiveError {
    ArchiveError::Damaged {
        object: place.to_string(),
        reason: reason.to_owned(),
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ArchiveError::file(folder.display())(error))
        }
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is written goes to a task in pieces; waits while too many are on their way.
struct Sink {
    pieces: mpsc::Sender<Bytes>,
    piece: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.pieces
            .blocking_send(piece.into())
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

/// What a task sends, to be read.
struct Source {
    pieces: mpsc::Receiver<Bytes>,
    now: Bytes,
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.now.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.now = piece,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.now.len());
        into[..length].copy_from_slice(&self.now.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(root: &Path) -> Archive {
        let site = Site::Folder {
            path: root.display().to_string(),
        };
        let means = Means {
            folders: vec![root.to_owned()],
            client: client(),
        };
        Archive::open(&site, &means).expect("it opens")
    }

    /// For a folder nobody is asked over a network.
    fn client() -> reqwest::Client {
        let nobody = rustls::RootCertStore::empty();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_root_certificates(nobody)
            .with_no_client_auth();
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
        builder.build().expect("a client")
    }

    fn partition(folder: &Path) -> NewPack {
        std::fs::create_dir_all(folder).expect("it is made");
        let ballast: Vec<u8> = (0..600_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        for (name, content) in [("meta.json", &b"{}"[..]), ("a.store", &ballast)] {
            std::fs::write(folder.join(name), content).expect("it is written");
        }
        NewPack {
            id: "7".to_owned(),
            day: "2026-01-02".to_owned(),
            shelf: "records".to_owned(),
            events: 9,
            folder: folder.to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_partition_goes_and_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("archive");
        std::fs::create_dir(&root).expect("it is made");
        let archive = archive(&root);
        archive.try_out().await.expect("it works");
        let new = partition(&folder.path().join("partition"));
        let label = archive.put(&new).await.expect("it goes");
        assert_eq!(label.object, "2026-01-02/records-7.tar.zst");
        assert_eq!(archive.put(&new).await.expect("it is there"), label);
        assert_eq!(
            archive.list().await.expect("it lists"),
            std::slice::from_ref(&label)
        );
        let back = folder.path().join("back");
        archive.fetch(&label, &back).await.expect("it comes");
        for name in ["meta.json", "a.store"] {
            let read = |root: &Path| std::fs::read(root.join(name)).expect("it is there");
            assert_eq!(read(&back), read(&new.folder), "{name}");
        }
        archive.remove(&label.object).await.expect("it goes");
        archive.remove(&label.object).await.expect("it has gone");
        assert!(archive.list().await.expect("it lists").is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_half_or_altered_is_not_taken_for_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("archive");
        std::fs::create_dir(&root).expect("it is made");
        let archive = archive(&root);
        let new = partition(&folder.path().join("partition"));
        let label = archive.put(&new).await.expect("it goes");
        let pack = root.join(&label.object);
        let whole = std::fs::read(&pack).expect("it is there");
        let mut altered = whole.clone();
        altered[1_000] ^= 1;
        let longer = [&whole[..], b"x"].concat();
        for (what, content) in [
            ("half", &whole[..whole.len() / 2]),
            ("all but the end", &whole[..whole.len() - 1]),
            ("altered", &altered),
            ("longer", &longer),
        ] {
            std::fs::write(&pack, content).expect("it is written");
            let back = folder.path().join("back");
            let error = archive.fetch(&label, &back).await.expect_err(what);
            assert_eq!(error.code(), "damaged", "{what}: {error}");
            assert!(
                !back.exists() && !back.with_extension("half").exists(),
                "{what}"
            );
            assert!(archive.check(&label).await.is_err(), "{what}");
            // The next attempt writes it anew.
            std::fs::write(pack.with_extension("zst#1"), "of a kill").expect("it is written");
            assert_eq!(archive.put(&new).await.expect(what), label);
            assert_eq!(std::fs::read(&pack).expect("it is there"), whole, "{what}");
            assert!(!pack.with_extension("zst#1").exists(), "{what}");
        }
    }
}
