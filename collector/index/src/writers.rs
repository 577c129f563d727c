//! The open writers. A replay of old captures touches many days; only so many writers are open at a
//! time, and the one used longest ago is committed and closed to make room.

use std::sync::Arc;

use tantivy::IndexWriter;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};

use crate::document::EventDocument;
use crate::error::Result;
use crate::event::{Shelf, Stream};
use crate::marks::Marks;
use crate::partition::{Partition, PartitionKey};

/// Memory of one open writer before it writes an index segment of its own accord.
const RECORDS_WRITER_BYTES: usize = 32 * 1_024 * 1_024;
const ALERTS_WRITER_BYTES: usize = 16 * 1_024 * 1_024;
/// A writer that was not used during this many commits is closed.
const IDLE_COMMITS: u64 = 240;
/// Documents of the largest index segments that are merged.
const MAX_DOCS_TO_MERGE: usize = 4_000_000;

pub(crate) struct Writers {
    open: Vec<Writer>,
    limit: usize,
    /// Counts commits; the clock of last use.
    round: u64,
    used: u64,
}

struct Writer {
    partition: Arc<Partition>,
    engine: IndexWriter<EventDocument>,
    /// What the partition will contain with its next commit.
    marks: Marks,
    /// What it contained when it was last committed.
    committed: Marks,
    dirty: bool,
    used: u64,
    used_in_round: u64,
}

impl Writers {
    pub fn new(limit: usize) -> Writers {
        Writers {
            open: Vec::new(),
            limit: limit.max(1),
            round: 0,
            used: 0,
        }
    }

    /// Adds an event to a partition, unless the partition contains it.
    pub fn add(
        &mut self,
        partition: &Arc<Partition>,
        stream: &Stream,
        seq: u64,
        document: impl FnOnce() -> EventDocument,
    ) -> Result<()> {
        self.used += 1;
        let (used, round) = (self.used, self.round);
        let writer = self.writer(partition)?;
        writer.used = used;
        writer.used_in_round = round;
        if seq <= writer.committed.of(stream) {
            return Ok(());
        }
        writer.engine.add_document(document())?;
        writer.dirty = true;
        writer.marks.raise(stream, seq);
        Ok(())
    }

    /// Commits every partition that has new events.
    pub fn commit(&mut self) -> Result<()> {
        for writer in &mut self.open {
            writer.commit()?;
        }
        self.round += 1;
        let round = self.round;
        self.open
            .retain(|writer| round - writer.used_in_round <= IDLE_COMMITS);
        Ok(())
    }

    /// Closes the writer of a partition; what it had not committed is lost.
    pub fn close(&mut self, key: PartitionKey) {
        self.open.retain(|writer| writer.partition.key() != key);
    }

    /// Commits the writer of a partition, waits for its merges and closes it.
    pub fn finish_one(&mut self, key: PartitionKey) -> Result<()> {
        let open = self.open.iter();
        let found = open
            .map(|writer| writer.partition.key())
            .position(|one| one == key);
        if let Some(at) = found {
            let mut writer = self.open.swap_remove(at);
            writer.commit()?;
            writer.engine.wait_merging_threads()?;
        }
        Ok(())
    }

    /// Forgets everything since the last commits.
    pub fn abandon(&mut self) {
        self.open.clear();
    }

    /// Waits for merges, and closes all.
    pub fn finish(&mut self) -> Result<()> {
        for mut writer in self.open.drain(..) {
            writer.commit()?;
            writer.engine.wait_merging_threads()?;
        }
        Ok(())
    }

    fn writer(&mut self, partition: &Arc<Partition>) -> Result<&mut Writer> {
        let key = partition.key();
        let found = self
            .open
            .iter()
            .position(|writer| writer.partition.key() == key);
        let at = match found {
            Some(at) => at,
            None => {
                if self.open.len() >= self.limit {
                    self.close_oldest()?;
                }
                self.open.push(Writer::open(Arc::clone(partition))?);
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[at])
    }

    fn close_oldest(&mut self) -> Result<()> {
        let oldest = (0..self.open.len()).min_by_key(|&at| self.open[at].used);
        if let Some(at) = oldest {
            let mut writer = self.open.swap_remove(at);
            writer.commit()?;
        }
        Ok(())
    }
}

impl Writer {
    fn open(partition: Arc<Partition>) -> Result<Writer> {
        let committed = partition.committed_marks()?;
        let memory = match partition.shelf() {
            Shelf::Alerts => ALERTS_WRITER_BYTES,
            Shelf::Records => RECORDS_WRITER_BYTES,
        };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(memory)
            .num_merge_threads(1)
            .build();
        let engine = partition.index()?.writer_with_options(options)?;
        let mut policy = LogMergePolicy::default();
        policy.set_max_docs_before_merge(MAX_DOCS_TO_MERGE);
        engine.set_merge_policy(Box::new(policy));
        Ok(Writer {
            partition,
            engine,
            marks: committed.clone(),
            committed,
            dirty: false,
            used: 0,
            used_in_round: 0,
        })
    }

    fn commit(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let payload =
            serde_json::to_string(&self.marks).expect("a map of names and numbers serialises");
        let mut prepared = self.engine.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.dirty = false;
        self.committed = self.marks.clone();
        self.partition.reload()
    }
}
