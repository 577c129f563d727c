//! The spool's file: blocks, marks and ledger in one transactional store (redb).

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use sensor_event::Class;

use crate::block::{BlockHead, BlockKey, class_byte};
use crate::error::{Result, ShipError};
use crate::ledger::{Counts, HourClass};
use crate::plan::{Change, Marks, State, at};

/// Head and compressed content of each block.
const BLOCKS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("blocks");
/// Head and stored bytes of each block, so that opening need not read the blocks.
const HEADS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("heads");
/// `epoch`, and per class `last_seq/alert`, `sent/alert`, `acked/alert`.
const MARKS: TableDefinition<&str, u64> = TableDefinition::new("marks");
/// Counts (JSON) by hour and class.
const LEDGER: TableDefinition<&[u8], &[u8]> = TableDefinition::new("ledger");

/// Places by name of source.
const BOOKMARKS: TableDefinition<&str, &[u8]> = TableDefinition::new("bookmarks");

/// Memory for pages. Blocks are read once, in order; more would not help.
const CACHE_BYTES: usize = 8 * 1_024 * 1_024;

#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    /// Opens the file, or makes it with this epoch.
    pub fn open(path: &Path, epoch: u64) -> Result<(Store, State)> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(ShipError::store)?;
        let store = Store { database };
        store.make_tables(epoch)?;
        let state = store.load()?;
        Ok((store, state))
    }

    fn make_tables(&self, epoch: u64) -> Result<()> {
        let transaction = self.database.begin_write().map_err(ShipError::store)?;
        {
            transaction.open_table(BLOCKS).map_err(ShipError::store)?;
            transaction.open_table(HEADS).map_err(ShipError::store)?;
            transaction.open_table(LEDGER).map_err(ShipError::store)?;
            transaction
                .open_table(BOOKMARKS)
                .map_err(ShipError::store)?;
            let mut marks = transaction.open_table(MARKS).map_err(ShipError::store)?;
            if marks.get("epoch").map_err(ShipError::store)?.is_none() {
                marks.insert("epoch", epoch).map_err(ShipError::store)?;
            }
        }
        transaction.commit().map_err(ShipError::store)
    }

    fn load(&self) -> Result<State> {
        let mut state = State::default();
        let transaction = self.database.begin_read().map_err(ShipError::store)?;
        let marks = transaction.open_table(MARKS).map_err(ShipError::store)?;
        let mark = |name: &str| -> Result<u64> {
            let value = marks.get(name).map_err(ShipError::store)?;
            Ok(value.map_or(0, |value| value.value()))
        };
        state.epoch = mark("epoch")?;
        for class in Class::ALL {
            state.marks.last_seq[at(class)] = mark(&mark_name("last_seq", class))?;
            state.marks.sent[at(class)] = mark(&mark_name("sent", class))?;
            state.marks.acked[at(class)] = mark(&mark_name("acked", class))?;
        }
        let heads = transaction.open_table(HEADS).map_err(ShipError::store)?;
        for entry in heads.iter().map_err(ShipError::store)? {
            let (key, value) = entry.map_err(ShipError::store)?;
            let damaged = || ShipError::Block {
                key: key.value().to_vec(),
                reason: "its head is not what this version writes",
            };
            let block = BlockKey::from_bytes(key.value()).ok_or_else(damaged)?;
            let (head, bytes) = BlockHead::split(value.value()).ok_or_else(damaged)?;
            let bytes = u32::from_be_bytes(bytes.try_into().map_err(|_| damaged())?);
            state.blocks.insert(block, (head, bytes));
            state.bytes += u64::from(bytes);
        }
        let ledger = transaction.open_table(LEDGER).map_err(ShipError::store)?;
        for entry in ledger.iter().map_err(ShipError::store)? {
            let (key, value) = entry.map_err(ShipError::store)?;
            // The key of a row has the shape of a block's: class and a number.
            let Some(key) = BlockKey::from_bytes(key.value()) else {
                continue;
            };
            let row = HourClass {
                hour: key.first_seq,
                class: key.class,
            };
            let counts: Counts =
                serde_json::from_slice(value.value()).map_err(|source| ShipError::Entry {
                    key: format!("{row:?}"),
                    source,
                })?;
            state.ledger.put(row, counts);
        }
        let bookmarks = transaction
            .open_table(BOOKMARKS)
            .map_err(ShipError::store)?;
        for entry in bookmarks.iter().map_err(ShipError::store)? {
            let (name, place) = entry.map_err(ShipError::store)?;
            let name = name.value().to_owned();
            state.bookmarks.insert(name, place.value().to_vec());
        }
        Ok(state)
    }

    /// Writes a change; it is on disk when this returns.
    pub fn write(&self, before: &Marks, change: &Change) -> Result<()> {
        let mut transaction = self.database.begin_write().map_err(ShipError::store)?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(ShipError::store)?;
        {
            let mut blocks = transaction.open_table(BLOCKS).map_err(ShipError::store)?;
            let mut heads = transaction.open_table(HEADS).map_err(ShipError::store)?;
            for key in &change.remove {
                let key = key.to_bytes();
                blocks.remove(&key[..]).map_err(ShipError::store)?;
                heads.remove(&key[..]).map_err(ShipError::store)?;
            }
            for (key, (head, value)) in &change.put {
                let key = key.to_bytes();
                let mut entry = head.to_bytes().to_vec();
                let bytes = u32::try_from(value.len()).unwrap_or(u32::MAX);
                entry.extend_from_slice(&bytes.to_be_bytes());
                blocks
                    .insert(&key[..], value.as_slice())
                    .map_err(ShipError::store)?;
                heads
                    .insert(&key[..], entry.as_slice())
                    .map_err(ShipError::store)?;
            }
            let mut marks = transaction.open_table(MARKS).map_err(ShipError::store)?;
            let kinds = [
                ("last_seq", &before.last_seq, &change.marks.last_seq),
                ("sent", &before.sent, &change.marks.sent),
                ("acked", &before.acked, &change.marks.acked),
            ];
            for (kind, old, new) in kinds {
                for class in Class::ALL {
                    if old[at(class)] != new[at(class)] {
                        marks
                            .insert(mark_name(kind, class).as_str(), new[at(class)])
                            .map_err(ShipError::store)?;
                    }
                }
            }
            let mut ledger = transaction.open_table(LEDGER).map_err(ShipError::store)?;
            for (row, counts) in &change.ledger {
                let json = serde_json::to_vec(counts).map_err(|source| ShipError::Entry {
                    key: format!("{row:?}"),
                    source,
                })?;
                ledger
                    .insert(&ledger_key(*row)[..], json.as_slice())
                    .map_err(ShipError::store)?;
            }
            for row in &change.forget {
                ledger
                    .remove(&ledger_key(*row)[..])
                    .map_err(ShipError::store)?;
            }
            let mut bookmarks = transaction
                .open_table(BOOKMARKS)
                .map_err(ShipError::store)?;
            for (name, place) in &change.bookmarks {
                bookmarks
                    .insert(name.as_str(), place.as_slice())
                    .map_err(ShipError::store)?;
            }
        }
        transaction.commit().map_err(ShipError::store)
    }

    /// A block as it is stored now; `None` when it has gone.
    pub fn block(&self, key: BlockKey) -> Result<Option<Vec<u8>>> {
        let transaction = self.database.begin_read().map_err(ShipError::store)?;
        let blocks = transaction.open_table(BLOCKS).map_err(ShipError::store)?;
        let value = blocks.get(&key.to_bytes()[..]).map_err(ShipError::store)?;
        Ok(value.map(|value| value.value().to_vec()))
    }
}

fn mark_name(kind: &str, class: Class) -> String {
    format!("{kind}/{}", class.name())
}

fn ledger_key(row: HourClass) -> [u8; BlockKey::BYTES] {
    debug_assert!(class_byte(row.class) < 5);
    BlockKey {
        class: row.class,
        first_seq: row.hour,
    }
    .to_bytes()
}
