//! What is known of one client and its server, and how transactions are made and found.

use sensor_flow::Direction;

use super::rpc::{Call, Malformed, Reply};
use super::transaction::NfsTransaction;
use super::{MALFORMED_DATA, TOO_MANY_TRANSACTIONS, v2, v3, v4};
use crate::file::FileState;
use crate::recent::Recent;
use crate::transactions::Transactions;
use crate::{Body, Limits, MAX_LIVE_TRANSACTIONS, Transaction};

/// Calls of which something is kept for their reply.
const MAX_CALLS: usize = 512;
/// Handles of which the name is known.
const MAX_NAMES: usize = 512;
/// Transactions without an end; when there are more, the oldest is given up. Some room is left for those that
/// have ended and are not yet told.
const MAX_OPEN_TRANSACTIONS: usize = MAX_LIVE_TRANSACTIONS - 64;
/// Seconds without a byte after which a file that has missed some is given up.
const GAP_PATIENCE_SECONDS: i64 = 60;

/// What is kept of a call until its reply.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    pub version: u8,
    pub procedure: u32,
    pub offset: u64,
    pub name: Vec<u8>,
    pub handle: Vec<u8>,
    /// The reply has a checksum.
    pub has_checksum: bool,
    /// Id of the transaction that the reply ends.
    pub transaction: Option<u64>,
}

/// What outlives transactions.
#[derive(Debug)]
pub struct Knowledge {
    /// By number.
    pub calls: Recent<u32, Pending>,
    /// Of handles.
    pub names: Recent<Vec<u8>, Vec<u8>>,
    /// Ids of transactions of files that pass, by side and handle.
    pub files: Recent<(usize, Vec<u8>), u64>,
    /// What the first call has told; 0 until then.
    version: u8,
}

impl Default for Knowledge {
    fn default() -> Self {
        Knowledge {
            calls: Recent::new(MAX_CALLS),
            names: Recent::new(MAX_NAMES),
            files: Recent::new(MAX_LIVE_TRANSACTIONS),
            version: 0,
        }
    }
}

impl Knowledge {
    /// The version of a call that waits for its reply.
    pub fn version_of(&self, xid: u32) -> Option<u8> {
        self.calls.get(&xid).map(|pending| pending.version)
    }
}

/// Work on one message.
pub struct Work<'a> {
    pub known: &'a mut Knowledge,
    pub transactions: &'a mut Transactions,
    pub limits: &'a Limits,
}

impl Work<'_> {
    /// A whole call. The program is not looked at: access control lists have one of their own, with procedures
    /// that are told by the numbers of NFS.
    pub fn call(&mut self, call: &Call<'_>) {
        let pending = match call.version {
            2 => v2::call(self, call),
            3 => v3::call(self, call),
            4 => v4::call(self, call),
            _ => return,
        };
        self.keep(call.xid, pending);
    }

    /// Keeps what the reply needs. A call that is sent again is answered once: the first of its transactions.
    pub fn keep(&mut self, xid: u32, mut pending: Pending) {
        let before = self.known.calls.remove(&xid);
        pending.transaction = before
            .and_then(|before| before.transaction)
            .or(pending.transaction);
        self.known.calls.set(xid, pending);
    }

    /// A whole reply; one to a call that was not seen tells nothing.
    pub fn reply(&mut self, reply: &Reply<'_>) {
        let Some(pending) = self.known.calls.remove(&reply.xid) else {
            return;
        };
        self.set_version(pending.version);
        if reply.is_denied {
            self.answer(&pending, reply, 0, &[]);
            return;
        }
        match pending.version {
            2 => v2::reply(self, reply, &pending),
            3 => v3::reply(self, reply, pending),
            _ => v4::reply(self, reply, &pending),
        }
    }

    /// The flow is of this version, unless an earlier message has told one.
    pub fn set_version(&mut self, version: u8) {
        if self.known.version != 0 {
            return;
        }
        self.known.version = version;
        for tx in self.transactions.live_mut() {
            if let Body::Nfs(nfs) = &mut tx.body {
                nfs.flow_version = version;
            }
        }
    }

    /// A new transaction.
    pub fn begin(&mut self, mut nfs: NfsTransaction) -> Option<&mut Transaction> {
        if self.transactions.live().len() >= MAX_OPEN_TRANSACTIONS {
            let mut live = self.transactions.live_mut().iter_mut();
            if let Some(oldest) = live.find(|tx| !is_over(tx)) {
                complete(oldest, FileState::Truncated);
                oldest.raise(TOO_MANY_TRANSACTIONS);
            }
        }
        nfs.flow_version = self.known.version;
        self.transactions.begin(Body::Nfs(Box::new(nfs)))
    }

    /// A transaction on a call, with the call complete; its id.
    pub fn begin_call(
        &mut self,
        call: &Call<'_>,
        procedure: u32,
        pending: &Pending,
        new_name: Vec<u8>,
    ) -> Option<u64> {
        let tx = self.begin(NfsTransaction {
            xid: call.xid,
            procedure,
            version: pending.version,
            auth: call.auth.clone(),
            name: pending.name.clone(),
            handle: pending.handle.clone(),
            new_name,
            ..NfsTransaction::default()
        })?;
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        Some(tx.id)
    }

    /// The server's answer to a transaction, with the handle that it has told.
    pub fn answer(&mut self, pending: &Pending, reply: &Reply<'_>, status: u32, handle: &[u8]) {
        let Some(tx) = pending
            .transaction
            .and_then(|id| self.transactions.with_id(id))
        else {
            return;
        };
        if let Body::Nfs(nfs) = &mut tx.body {
            nfs.is_denied = reply.is_denied;
            nfs.status = status;
            if nfs.handle.is_empty() {
                nfs.handle = handle.to_vec();
            }
        }
        tx.advance(Direction::ToClient, Transaction::COMPLETE);
    }

    /// The name of a file, if it was told; else none.
    pub fn name(&self, handle: &[u8]) -> Vec<u8> {
        self.known
            .names
            .get(&handle.to_vec())
            .cloned()
            .unwrap_or_default()
    }

    /// What was read, or else an event on the newest transaction.
    pub fn sound<T>(&mut self, read: Result<T, Malformed>) -> Option<T> {
        if read.is_err() {
            self.raise_malformed();
        }
        read.ok()
    }

    pub fn raise_malformed(&mut self) {
        if let Some(tx) = self.transactions.last() {
            tx.raise(MALFORMED_DATA);
        }
    }

    /// After a gap of a side: what its calls or replies would have been is not known. Files go on for a while.
    pub fn give_up_older(&mut self, direction: Direction, now_s: i64) {
        let newest = self.transactions.begun().saturating_sub(1);
        for tx in self.transactions.live_mut() {
            let is_newest = tx.id == newest;
            let Body::Nfs(nfs) = &mut tx.body else {
                continue;
            };
            if let Some(file) = &mut nfs.file {
                let expires = *file
                    .expires
                    .get_or_insert(now_s.saturating_add(GAP_PATIENCE_SECONDS));
                if now_s > expires {
                    complete(tx, FileState::Truncated);
                }
            } else if !is_newest {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
                if direction == Direction::ToClient {
                    tx.advance(Direction::ToClient, Transaction::COMPLETE);
                }
            }
        }
    }
}

pub fn is_over(tx: &Transaction) -> bool {
    Direction::BOTH
        .iter()
        .all(|direction| tx.is_complete(*direction))
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
