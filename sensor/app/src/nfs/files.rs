//! Files as they are read and written, chunk by chunk.

use sensor_flow::Direction;

use super::rpc::Call;
use super::transaction::{FileDetail, NfsTransaction};
use super::work::{Work, complete, is_over};
use crate::file::{File, FileState};
use crate::{Body, Transaction, transfer};

/// Bytes in one read or write; what has more is passed over.
const MAX_CHUNK_BYTES: u32 = 16 << 20;

/// A chunk of a file as a message has it.
pub struct FileChunk<'a> {
    pub direction: Direction,
    pub handle: &'a [u8],
    pub name: &'a [u8],
    pub xid: u32,
    pub procedure: u32,
    /// What a new transaction has as version of its call.
    pub version: u8,
    pub status: u32,
    pub offset: u64,
    /// Bytes of the chunk, and as many of them as are here.
    pub bytes: u32,
    pub here: &'a [u8],
    pub is_last: bool,
}

/// A chunk of which only the beginning is here.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    /// Id of the file's transaction; none when nobody wants the bytes.
    transaction: Option<u64>,
    /// Bytes still to come.
    pub left: u64,
    is_last: bool,
}

impl Work<'_> {
    /// The transaction of a file that passes.
    fn open_file(&mut self, direction: Direction, handle: &[u8]) -> Option<u64> {
        let key = (direction.index(), handle.to_vec());
        let id = *self.known.files.get(&key)?;
        let tx = self.transactions.with_id(id)?;
        (!is_over(tx)).then_some(id)
    }

    fn begin_file(&mut self, direction: Direction, nfs: NfsTransaction) -> Option<u64> {
        let handle = nfs.handle.clone();
        let id = self
            .begin(NfsTransaction {
                file: Some(Box::new(FileDetail::new(direction))),
                ..nfs
            })?
            .id;
        self.known.files.set((direction.index(), handle), id);
        Some(id)
    }

    /// A client is going to read a file.
    pub fn expect_file(&mut self, call: &Call<'_>, version: u8, handle: &[u8], name: &[u8]) {
        if self.open_file(Direction::ToClient, handle).is_none() {
            self.begin_file(
                Direction::ToClient,
                NfsTransaction {
                    xid: call.xid,
                    procedure: call.procedure,
                    version,
                    auth: call.auth.clone(),
                    name: name.to_vec(),
                    handle: handle.to_vec(),
                    ..NfsTransaction::default()
                },
            );
        }
    }

    /// A chunk begins; the bytes of it that are here are taken.
    pub fn transfer(&mut self, chunk: &FileChunk<'_>) -> Passing {
        let mut passing = Passing {
            transaction: None,
            left: u64::from(chunk.bytes).saturating_sub(chunk.here.len() as u64),
            is_last: chunk.is_last,
        };
        if chunk.bytes == 0 || chunk.bytes > MAX_CHUNK_BYTES {
            return passing;
        }
        let open = self.open_file(chunk.direction, chunk.handle);
        let found = open.or_else(|| {
            self.begin_file(
                chunk.direction,
                NfsTransaction {
                    xid: chunk.xid,
                    procedure: chunk.procedure,
                    version: chunk.version,
                    name: chunk.name.to_vec(),
                    handle: chunk.handle.to_vec(),
                    ..NfsTransaction::default()
                },
            )
        });
        let limits = self.limits;
        let Some(id) = found else { return passing };
        let Some(tx) = self.transactions.with_id(id) else {
            return passing;
        };
        if tx.files.is_empty() {
            transfer::add_file(tx, chunk.direction, chunk.name, limits);
        }
        let Some((status, detail, file)) = parts(tx) else {
            return passing;
        };
        detail.expires = None;
        detail.chunks = detail.chunks.saturating_add(u32::from(open.is_some()));
        if chunk.is_last {
            detail.is_last = true;
            detail.last_xid = chunk.xid;
            *status = chunk.status;
        }
        // Nothing follows the last chunk: what it should follow was missed.
        if chunk.is_last && !detail.transfer.is_next(chunk.offset) {
            self.end_file(id, FileState::Truncated);
            return passing;
        }
        if detail.transfer.begin(chunk.offset, chunk.bytes).is_ok() {
            detail.transfer.data(file, chunk.here, limits);
            passing.transaction = Some(id);
        }
        if chunk.is_last && passing.left == 0 {
            self.end_file(id, FileState::Closed);
        }
        passing
    }

    /// More bytes of a chunk, or so many that will never come.
    pub fn pass(&mut self, passing: &mut Passing, bytes: Result<&[u8], u64>) {
        let limits = self.limits;
        passing.left = passing.left.saturating_sub(match bytes {
            Ok(bytes) => bytes.len() as u64,
            Err(gap) => gap,
        });
        let Some(id) = passing.transaction else {
            return;
        };
        let Some((_, detail, file)) = self.transactions.with_id(id).and_then(parts) else {
            return;
        };
        detail.expires = None;
        detail.chunks = detail.chunks.saturating_add(1);
        match bytes {
            Ok(bytes) => detail.transfer.data(file, bytes, limits),
            Err(gap) => detail.transfer.gap(file, gap, limits),
        }
        if passing.is_last && passing.left == 0 {
            self.end_file(id, FileState::Closed);
        }
    }

    /// The client has written all of a file.
    pub fn end_written(&mut self, handle: &[u8], xid: u32, by_commit: bool) {
        let Some(id) = self.open_file(Direction::ToServer, handle) else {
            return;
        };
        if let Some(Transaction {
            body: Body::Nfs(nfs),
            ..
        }) = self.transactions.with_id(id)
            && let Some(detail) = &mut nfs.file
        {
            detail.is_last = true;
            detail.last_xid = xid;
            if by_commit {
                detail.chunks = detail.chunks.saturating_add(1);
                detail.is_committed = true;
            }
        }
        self.end_file(id, FileState::Closed);
    }

    fn end_file(&mut self, id: u64, state: FileState) {
        if let Some(tx) = self.transactions.with_id(id) {
            complete(tx, state);
        }
    }
}

/// Status, detail and file of a file's transaction.
fn parts(tx: &mut Transaction) -> Option<(&mut u32, &mut FileDetail, &mut File)> {
    let Body::Nfs(nfs) = &mut tx.body else {
        return None;
    };
    let detail = nfs.file.as_deref_mut()?;
    Some((&mut nfs.status, detail, tx.files.last_mut()?))
}
