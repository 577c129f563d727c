//! What a transaction of NFS tells.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::event;
use super::number::v3;
use super::rpc::Auth;
use crate::transfer::Transfer;

/// One call with its reply, or a file as it passes.
#[derive(Debug, Default)]
pub struct NfsTransaction {
    /// Of the call; the first one of a file.
    pub xid: u32,
    pub procedure: u32,
    /// Of the call; 0 for files of which only replies tell.
    pub version: u8,
    /// What the first call of the flow has told; 0 until then. Records go by it.
    pub flow_version: u8,
    pub auth: Auth,
    pub is_denied: bool,
    pub status: u32,
    pub name: Vec<u8>,
    pub handle: Vec<u8>,
    /// The new name, of a rename.
    pub new_name: Vec<u8>,
    pub file: Option<Box<FileDetail>>,
}

/// A file as it is read or written.
#[derive(Debug)]
pub struct FileDetail {
    pub transfer: Transfer,
    /// Messages, and parts of them, after the one that began the transaction.
    pub chunks: u32,
    pub is_last: bool,
    /// Number of the call that ended it.
    pub last_xid: u32,
    /// A call of COMMIT has ended it.
    pub is_committed: bool,
    /// Second of packet time after which nothing more is expected, once bytes were missed.
    pub expires: Option<i64>,
}

impl FileDetail {
    pub fn new(direction: Direction) -> Self {
        FileDetail {
            transfer: Transfer::new(direction),
            chunks: 0,
            is_last: false,
            last_xid: 0,
            is_committed: false,
            expires: None,
        }
    }
}

impl NfsTransaction {
    pub fn record(&self, number: u64) -> AppRecord<'_> {
        AppRecord::Nfs(Box::new(event::record(self, number)))
    }

    /// Attributes are asked for all the time: nobody wants to read of it.
    pub fn is_recorded(&self) -> bool {
        self.flow_version > 3 || self.procedure != v3::GETATTR
    }
}
