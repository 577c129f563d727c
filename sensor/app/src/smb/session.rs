//! What is known of the sessions of one connection, and how transactions are made and found.

use std::sync::Arc;

use sensor_flow::Direction;

use super::events;
use super::number::Status;
use super::transaction::{
    Command, Detail, Dialect, FileDetail, Handle, Key, KeyKind, SmbTransaction,
};
use crate::dcerpc::Interfaces;
use crate::file::FileState;
use crate::recent::Recent;
use crate::transactions::Transactions;
use crate::transfer::{self, Refused, Transfer};
use crate::{Body, Limits, Transaction};

/// Handles of which the name is known.
const MAX_HANDLES: usize = 1_024;
/// Requests of which something is kept for their response.
const MAX_REQUESTS: usize = 512;
/// Reads under way.
const MAX_READS: usize = 128;
/// Trees.
const MAX_TREES: usize = 512;
/// Pipes of which a part of a message is held.
const MAX_PARTS: usize = 32;
/// Bytes in one read or write.
pub const MAX_TRANSFER_BYTES: u32 = 16 << 20;
/// Seconds without a byte after which a file that has missed some is given up.
const GAP_PATIENCE_SECONDS: i64 = 60;

/// A request within its session.
pub type Request = (u64, u64);

#[derive(Debug, Clone)]
pub struct Tree {
    pub name: Vec<u8>,
    pub is_pipe: bool,
}

/// What outlives transactions.
#[derive(Debug)]
pub struct Knowledge {
    /// Names of files that a request wants to open.
    pub opening: Recent<Request, Vec<u8>>,
    /// Handles that a request speaks of.
    pub handles: Recent<Request, Handle>,
    /// Names of open files.
    pub names: Recent<Handle, Vec<u8>>,
    /// What a read asks for.
    pub reads: Recent<Request, (Handle, u64)>,
    /// By session and number.
    pub trees: Recent<(u64, u32), Tree>,
    /// Beginnings of messages in pipes.
    pub parts: Recent<(u64, u32, Handle), Vec<u8>>,
    pub dialect: Dialect,
    pub max_read: u32,
    pub max_write: u32,
    pub interfaces: Interfaces,
    /// The server's answers cannot be followed any more: nothing waits for them.
    pub server_lost: bool,
}

impl Default for Knowledge {
    fn default() -> Self {
        Knowledge {
            opening: Recent::new(MAX_REQUESTS),
            handles: Recent::new(MAX_REQUESTS),
            names: Recent::new(MAX_HANDLES),
            reads: Recent::new(MAX_READS),
            trees: Recent::new(MAX_TREES),
            parts: Recent::new(MAX_PARTS),
            dialect: Dialect::default(),
            max_read: 0,
            max_write: 0,
            interfaces: Interfaces::default(),
            server_lost: false,
        }
    }
}

impl Knowledge {
    /// Whether the pipe with this handle carries RPC, by its name.
    pub fn carries_rpc(&self, handle: Handle) -> bool {
        const PIPES: &[&[u8]] = &[
            b"svcctl",
            b"srvsvc",
            b"atsvc",
            b"lsarpc",
            b"samr",
            b"spoolss",
            b"winreg",
            FOUND_BY_CONTENT,
        ];
        self.names.get(&handle).is_some_and(|name| {
            let name = name.strip_prefix(b"\\").unwrap_or(name);
            PIPES.contains(&name)
        })
    }

    /// The name of an open file.
    pub fn name(&self, handle: Handle) -> Option<Vec<u8>> {
        self.names.get(&handle).cloned()
    }
}

/// Name of a pipe that was recognised by what it carries.
pub const FOUND_BY_CONTENT: &[u8] = b"suricata::dcerpc";

/// Bytes of a file of which a message has only the beginning so far.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    /// Number of the file's transaction; none when nobody wants the bytes.
    pub transaction: Option<u64>,
    /// Bytes still to come.
    pub left: u64,
}

/// Too many transactions are live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Work on one message.
pub struct Work<'a> {
    pub known: &'a mut Knowledge,
    pub transactions: &'a mut Transactions,
    pub limits: &'a Limits,
}

impl Work<'_> {
    /// A transaction on a request.
    pub fn begin(
        &mut self,
        key: Key,
        command: Command,
        detail: Detail,
    ) -> Result<&mut Transaction, Full> {
        let body = SmbTransaction {
            key,
            command,
            status: None,
            dialect: self.known.dialect.clone(),
            detail,
        };
        let server_lost = self.known.server_lost;
        if self.transactions.begin(Body::Smb(Box::new(body))).is_none() {
            self.raise(events::TOO_MANY_TRANSACTIONS);
            return Err(Full);
        }
        let tx = self.transactions.last().ok_or(Full)?;
        if server_lost {
            tx.advance(Direction::ToClient, Transaction::COMPLETE);
        }
        Ok(tx)
    }

    /// The same, with the request complete.
    pub fn request(&mut self, key: Key, command: Command, detail: Detail) -> Result<u64, Full> {
        let tx = self.begin(key, command, detail)?;
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        Ok(tx.id)
    }

    /// The first live transaction that is asked for.
    pub fn find(&mut self, wanted: impl Fn(&SmbTransaction) -> bool) -> Option<&mut Transaction> {
        let at = self
            .transactions
            .live()
            .iter()
            .position(|tx| smb(tx).is_some_and(&wanted))?;
        self.transactions.live_mut().get_mut(at)
    }

    /// The transaction of a command and key.
    pub fn find_command(&mut self, command: Command, key: &Key) -> Option<&mut Transaction> {
        self.find(|smb| smb.command == command && smb.key.joins(key))
    }

    /// An event, on the newest transaction.
    pub fn raise(&mut self, event: u16) {
        if let Some(tx) = self.transactions.last() {
            tx.raise(event);
        }
    }

    /// The dialect is another one: live transactions will be recorded with it.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.known.dialect = dialect;
        for tx in self.transactions.live_mut() {
            if let Body::Smb(smb) = &mut tx.body {
                smb.dialect = self.known.dialect.clone();
            }
        }
    }

    /// The interfaces are other ones: live calls will be recorded and inspected with them.
    pub fn share_interfaces(&mut self) {
        for tx in self.transactions.live_mut() {
            if let Body::Smb(smb) = &mut tx.body
                && let Detail::Rpc(rpc) = &mut smb.detail
            {
                rpc.interfaces = Arc::clone(&self.known.interfaces);
            }
        }
    }

    /// A chunk of a file begins; the bytes of it that are here are taken.
    pub fn transfer(&mut self, chunk: FileChunk<'_>) -> Result<Passing, Full> {
        let direction = chunk.direction;
        let open = self
            .transactions
            .live()
            .iter()
            .find(|tx| {
                smb(tx).is_some_and(|smb| smb.is_file(chunk.handle, direction))
                    && tx.files.iter().any(|file| file.state == FileState::Open)
            })
            .map(|tx| tx.id);
        let id = match open {
            Some(id) => id,
            None => {
                let detail = Detail::File(FileDetail {
                    handle: chunk.handle,
                    name: chunk.name.to_vec(),
                    share: chunk.share,
                    transfer: Transfer::new(direction),
                    expires: None,
                });
                let limits = self.limits;
                let tx = self.begin(chunk.key, chunk.command, detail)?;
                // A file has no answer to wait for: it ends when it is closed.
                tx.progress = [0; 2];
                transfer::add_file(tx, direction, chunk.name, limits);
                tx.id
            }
        };
        let left = u64::from(chunk.bytes) - chunk.here.len() as u64;
        let limits = self.limits;
        let Some(Transaction {
            body: Body::Smb(smb),
            files,
            ..
        }) = self.transactions.with_id(id)
        else {
            return Ok(Passing {
                transaction: None,
                left,
            });
        };
        let (Detail::File(detail), Some(file)) = (&mut smb.detail, files.last_mut()) else {
            return Ok(Passing {
                transaction: None,
                left,
            });
        };
        let overlaps = detail.transfer.overlaps(chunk.offset);
        let refused = detail.transfer.begin(chunk.offset, chunk.bytes).err();
        if refused.is_none() {
            detail.transfer.data(file, chunk.here, limits);
        }
        if overlaps {
            self.raise(events::FILE_OVERLAP);
        }
        match (refused, direction) {
            (Some(Refused::TooManyBytes), Direction::ToServer) => {
                self.raise(events::WRITE_QUEUE_SIZE_EXCEEDED);
            }
            (Some(Refused::TooManyBytes), Direction::ToClient) => {
                self.raise(events::READ_QUEUE_SIZE_EXCEEDED);
            }
            (Some(Refused::TooManyChunks), Direction::ToServer) => {
                self.raise(events::WRITE_QUEUE_CNT_EXCEEDED);
            }
            (Some(Refused::TooManyChunks), Direction::ToClient) => {
                self.raise(events::READ_QUEUE_CNT_EXCEEDED);
            }
            (None, _) => {}
        }
        Ok(Passing {
            transaction: refused.is_none().then_some(id),
            left,
        })
    }

    /// More bytes of a chunk, or so many that will never come.
    pub fn pass(&mut self, passing: &Passing, bytes: Result<&[u8], u64>) {
        let limits = self.limits;
        if let Some(id) = passing.transaction
            && let Some(Transaction {
                body: Body::Smb(smb),
                files,
                ..
            }) = self.transactions.with_id(id)
            && let Detail::File(detail) = &mut smb.detail
            && let Some(file) = files.last_mut()
        {
            detail.expires = None;
            match bytes {
                Ok(bytes) => detail.transfer.data(file, bytes, limits),
                Err(gap) => detail.transfer.gap(file, gap, limits),
            }
        }
    }

    /// After a gap of a side: what its requests or responses would have been is not known. Files go on for
    /// a while.
    pub fn give_up_older(&mut self, direction: Direction, now_s: i64) {
        let newest = self.transactions.begun().saturating_sub(1);
        for tx in self.transactions.live_mut() {
            let newest = tx.id == newest;
            let Body::Smb(smb) = &mut tx.body else {
                continue;
            };
            if let Detail::File(file) = &mut smb.detail {
                let expires = *file
                    .expires
                    .get_or_insert(now_s.saturating_add(GAP_PATIENCE_SECONDS));
                if now_s > expires {
                    complete(tx, FileState::Truncated);
                }
            } else if !newest {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                if direction == Direction::ToClient {
                    tx.advance(Direction::ToClient, Transaction::COMPLETE);
                }
            }
        }
    }
}

/// A chunk of a file as a message has it.
pub struct FileChunk<'a> {
    pub direction: Direction,
    pub handle: Handle,
    pub name: &'a [u8],
    pub share: Vec<u8>,
    pub key: Key,
    pub command: Command,
    pub offset: u64,
    /// Bytes of the chunk, and as many of them as are here.
    pub bytes: u32,
    pub here: &'a [u8],
}

pub fn smb(tx: &Transaction) -> Option<&SmbTransaction> {
    match &tx.body {
        Body::Smb(smb) => Some(smb),
        _ => None,
    }
}

pub fn smb_mut(tx: &mut Transaction) -> Option<&mut SmbTransaction> {
    match &mut tx.body {
        Body::Smb(smb) => Some(smb),
        _ => None,
    }
}

/// The server's answer to a transaction.
pub fn answer(tx: &mut Transaction, status: Status) {
    if let Some(smb) = smb_mut(tx) {
        smb.status = Some(status);
    }
    tx.advance(Direction::ToClient, Transaction::COMPLETE);
}

/// Ends a transaction with its file.
pub fn complete(tx: &mut Transaction, state: FileState) {
    for file in &mut tx.files {
        file.close(state);
    }
    for direction in Direction::BOTH {
        tx.advance(direction, Transaction::COMPLETE);
    }
}

/// A key of this kind for a message of SMB 1.
pub fn key1(message: &super::wire1::Message<'_>, kind: KeyKind) -> Key {
    Key::new(
        kind,
        u64::from(message.user_id),
        if kind == KeyKind::Tree {
            0
        } else {
            u32::from(message.tree_id)
        },
        u64::from(message.multiplex_id),
    )
}

/// The same for a message of SMB 2.
pub fn key2(message: &super::wire2::Message<'_>, kind: KeyKind) -> Key {
    Key::new(
        kind,
        message.session_id,
        if kind == KeyKind::Tree {
            0
        } else {
            message.tree_id
        },
        message.message_id,
    )
}
