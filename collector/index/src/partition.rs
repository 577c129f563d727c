//! One partition: the events of one day on one shelf, a tantivy index in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tantivy::directory::MmapDirectory;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{
    DocSet, Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TERMINATED, TantivyDocument,
    Term,
};

use crate::error::{IndexError, Result};
use crate::event::Shelf;
use crate::marks::Marks;
use crate::schema::Fields;
use crate::text::analyzers;
use sensor_query::Day;

/// Stored events are compressed in blocks of this size; reading one event reads its block.
const STORE_BLOCK_BYTES: usize = 32 * 1_024;
const STORE_LEVEL: i32 = 3;
/// Merges that may end while files are linked.
const LINK_ATTEMPTS: u32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey {
    pub day: Day,
    pub shelf: Shelf,
}

/// What becomes of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// It takes events.
    Live,
    /// It takes none any more, and waits for the archive.
    Sealed(u64),
    /// It came back from the archive for a while.
    Recalled(u64),
}

/// One partition among all: there may be several of a day and shelf, of which one is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    pub key: PartitionKey,
    pub standing: Standing,
}

impl PartitionId {
    pub fn live(key: PartitionKey) -> PartitionId {
        PartitionId {
            key,
            standing: Standing::Live,
        }
    }

    /// The folder of the files, in that of the index.
    pub(crate) fn folder(self, root: &Path) -> PathBuf {
        let PartitionKey { day, shelf } = self.key;
        let numbered = |number: u64| format!("{day}-{}-{number}", shelf.name());
        match self.standing {
            Standing::Live => root.join(day.to_string()).join(shelf.name()),
            Standing::Sealed(number) => root.join(SEALED).join(numbered(number)),
            Standing::Recalled(number) => root.join(RECALLED).join(numbered(number)),
        }
    }

    /// Of the name that a folder of numbered partitions has.
    pub(crate) fn from_name(name: &str, standing: fn(u64) -> Standing) -> Option<PartitionId> {
        let (rest, number) = name.rsplit_once('-')?;
        let (day, shelf) = rest.rsplit_once('-')?;
        let key = PartitionKey {
            day: Day::parse(day)?,
            shelf: Shelf::ALL.into_iter().find(|one| one.name() == shelf)?,
        };
        Some(PartitionId {
            key,
            standing: standing(number.parse().ok()?),
        })
    }
}

/// Folders of numbered partitions.
pub(crate) const SEALED: &str = "sealed";
pub(crate) const RECALLED: &str = "recalled";

/// Handle on a partition. It is opened when it is first used.
pub struct Partition {
    id: PartitionId,
    folder: PathBuf,
    fields: Arc<Fields>,
    opened: OnceLock<Opened>,
    /// Held while it is opened: its folder does not move meanwhile.
    opening: Mutex<()>,
}

struct Opened {
    index: Index,
    reader: IndexReader,
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Partition {
    pub(crate) fn new(root: &Path, id: PartitionId, fields: Arc<Fields>) -> Partition {
        Partition {
            id,
            folder: id.folder(root),
            fields,
            opened: OnceLock::new(),
            opening: Mutex::new(()),
        }
    }

    pub fn id(&self) -> PartitionId {
        self.id
    }

    pub fn key(&self) -> PartitionKey {
        self.id.key
    }

    pub fn day(&self) -> Day {
        self.id.key.day
    }

    pub fn shelf(&self) -> Shelf {
        self.id.key.shelf
    }

    /// Whether it came back from the archive, and goes again.
    pub fn is_recalled(&self) -> bool {
        matches!(self.id.standing, Standing::Recalled(_))
    }

    /// When it was last committed; none if it never was.
    pub fn last_commit(&self) -> Option<std::time::SystemTime> {
        let meta = std::fs::metadata(self.folder.join("meta.json")).ok()?;
        meta.modified().ok()
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Size of its files.
    pub fn bytes(&self) -> u64 {
        crate::index::folder_bytes(&self.folder)
    }

    /// A view of what is committed now.
    pub fn searcher(&self) -> Result<Searcher> {
        Ok(self.open()?.reader.searcher())
    }

    /// The engine's index, for aggregations that need its settings.
    pub fn index(&self) -> Result<&Index> {
        Ok(&self.open()?.index)
    }

    /// The stored event with this id.
    pub fn get(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let searcher = self.searcher()?;
        let term = Term::from_field_text(self.fields.id, id);
        for (ordinal, segment) in (0_u32..).zip(searcher.segment_readers()) {
            let inverted = segment.inverted_index(self.fields.id)?;
            let Some(postings) = inverted
                .read_postings(&term, IndexRecordOption::Basic)
                .map_err(tantivy::TantivyError::from)?
            else {
                continue;
            };
            if postings.doc() != TERMINATED {
                let address = tantivy::DocAddress::new(ordinal, postings.doc());
                return self.source(&searcher, address).map(Some);
            }
        }
        Ok(None)
    }

    /// The stored event at an address of a searcher of this partition.
    pub fn source(&self, searcher: &Searcher, address: tantivy::DocAddress) -> Result<Vec<u8>> {
        let document: TantivyDocument = searcher.doc(address)?;
        Ok(document
            .get_first(self.fields.source)
            .and_then(|value| value.as_bytes().map(<[u8]>::to_vec))
            .unwrap_or_default())
    }

    /// Makes the partition on disk, unless it is there.
    pub(crate) fn create(&self) -> Result<()> {
        std::fs::create_dir_all(&self.folder).map_err(IndexError::file(&self.folder))?;
        Index::builder()
            .schema(self.fields.schema.clone())
            .settings(IndexSettings {
                docstore_compression: Compressor::Zstd(ZstdCompressor {
                    compression_level: Some(STORE_LEVEL),
                }),
                docstore_blocksize: STORE_BLOCK_BYTES,
                ..IndexSettings::default()
            })
            .open_or_create(self.directory()?)?;
        Ok(())
    }

    /// Opens what is there. It makes nothing: a handle may be older than the folder's new name, and under the old one
    /// an empty partition would stand.
    fn open(&self) -> Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let _alone = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let mut index = Index::open(self.directory()?)?;
        index.set_tokenizers(analyzers());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(self.opened.get_or_init(|| Opened { index, reader }))
    }

    fn directory(&self) -> Result<MmapDirectory> {
        Ok(MmapDirectory::open(&self.folder).map_err(tantivy::TantivyError::from)?)
    }

    /// Links the files of the last commit into a new folder.
    pub(crate) fn link_committed(&self, to: &Path) -> Result<()> {
        let index = &self.open()?.index;
        std::fs::create_dir_all(to).map_err(IndexError::file(to))?;
        let meta = self.folder.join("meta.json");
        let mut list = std::fs::read(&meta).map_err(IndexError::file(&meta))?;
        for _ in 0..LINK_ATTEMPTS {
            for segment in index.searchable_segment_ids()? {
                self.link_segment(&segment.uuid_string(), to)?;
            }
            // A merge may end at any moment, and its sources go: then there is a newer list.
            let now = std::fs::read(&meta).map_err(IndexError::file(&meta))?;
            if now == list {
                break;
            }
            list = now;
        }
        let managed = self.folder.join(".managed.json");
        let managed = std::fs::read(&managed).map_err(IndexError::file(&managed))?;
        for (name, content) in [("meta.json", list), (".managed.json", managed)] {
            let target = to.join(name);
            std::fs::write(&target, content).map_err(IndexError::file(&target))?;
        }
        Ok(())
    }

    /// Links the files of one index segment; they bear its name, and never change.
    fn link_segment(&self, id: &str, to: &Path) -> Result<()> {
        for entry in std::fs::read_dir(&self.folder).map_err(IndexError::file(&self.folder))? {
            let entry = entry.map_err(IndexError::file(&self.folder))?;
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with(id) {
                continue;
            }
            match std::fs::hard_link(entry.path(), to.join(&name)) {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotFound
                    ) => {}
                Err(error) => return Err(IndexError::file(entry.path())(error)),
            }
        }
        Ok(())
    }

    /// Makes the last commit visible to new searchers.
    pub(crate) fn reload(&self) -> Result<()> {
        if let Some(opened) = self.opened.get() {
            opened.reader.reload()?;
        }
        Ok(())
    }

    /// What the last commit contains of each stream.
    pub(crate) fn committed_marks(&self) -> Result<Marks> {
        let meta = self.open()?.index.load_metas()?;
        let Some(payload) = meta.payload else {
            return Ok(Marks::default());
        };
        serde_json::from_str(&payload).map_err(|source| IndexError::Marks {
            path: self.folder.clone(),
            source,
        })
    }
}
