//! The database: one writer connection, several readers.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, Transaction};
use tokio::sync::{Semaphore, watch};

use crate::error::Result;
use crate::limits::MAX_PARALLEL_HASHES;
use crate::password::PasswordCost;

/// How the store is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreOptions {
    pub password_cost: PasswordCost,
}

/// Handle on the state database; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    pub(crate) password_cost: PasswordCost,
    pub(crate) hashing: Arc<Semaphore>,
    /// What ingest judges alerts by, until it changes.
    pub(crate) triage: Arc<Mutex<crate::triage::Kept>>,
    /// Counts what was changed of the fleet.
    pub(crate) fleet: watch::Sender<u64>,
}

/// Which part of a list: at most `limit` rows with an id below `before`, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub limit: u32,
    pub before: Option<i64>,
}

/// One page of a list, and how many rows there are.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    pub items: Vec<T>,
    pub total: u64,
    /// `before` of the next page.
    pub next: Option<i64>,
}

const READERS: u32 = 4;
/// A reader or the writer waits this long for its turn.
const BUSY: Duration = Duration::from_secs(10);
/// KiB of page cache of each connection.
const CACHE_KIB: i64 = 16 * 1_024;

impl Store {
    /// Opens the database file, makes it if it is not there, and brings its tables up to date.
    ///
    /// `synchronous=FULL`: the collector acknowledges batches after their groups are committed here, so
    /// a commit has to survive loss of power.
    pub async fn open(path: &Path, options: StoreOptions) -> Result<Store> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .pragma("temp_store", "memory")
            .pragma("journal_size_limit", (64 * 1_024 * 1_024).to_string());
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(60))
            // SQLite ends a transaction by itself when the disk is full; the connection still counts it,
            // and would refuse every later one. Such a connection is closed, and a new one opened.
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    // A rollback of a dropped transaction may still wait its turn.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(connect)
            .await?;
        sqlx::migrate!().run(&writer).await?;
        // The settings above that change the file are not for readers.
        let readers = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .pragma("temp_store", "memory")
            .pragma("query_only", "on");
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY)
            .connect_with(readers)
            .await?;
        Ok(Store {
            writer,
            readers,
            password_cost: options.password_cost,
            hashing: Arc::new(Semaphore::new(MAX_PARALLEL_HASHES)),
            triage: Arc::default(),
            fleet: watch::Sender::new(0),
        })
    }

    /// Waits for running statements and closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Writes a copy of the database as it is at this moment into a new file.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        let mut reader = self.readers.acquire().await?.detach();
        // The copy writes, though not to this database.
        sqlx::query("PRAGMA query_only = off")
            .execute(&mut reader)
            .await?;
        let done = sqlx::query("VACUUM INTO ?")
            .bind(path.to_string_lossy().as_ref())
            .execute(&mut reader)
            .await;
        reader.close().await?;
        done?;
        Ok(())
    }

    /// A transaction that writes. There is one writer at a time.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Whether the database answers.
    pub async fn healthy(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.readers).await.is_ok()
    }

    /// Size of the database in bytes, without its write-ahead log.
    pub async fn size_bytes(&self) -> Result<u64> {
        let size: i64 = sqlx::query_scalar(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok(size.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_does_not_stop_later_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
            .await
            .expect("a store");
        let mut ended = store.write().await.expect("a transaction");
        // What a full disk does.
        sqlx::query("ROLLBACK")
            .execute(&mut *ended)
            .await
            .expect("rolled back");
        assert!(ended.commit().await.is_err());
        for _ in 0..2 {
            let next = store.write().await.expect("a transaction");
            next.commit().await.expect("committed");
        }
        // One that is given up half way is taken back, and does not stop others either.
        drop(store.write().await.expect("a transaction"));
        store.write().await.expect("a transaction");
    }
}
