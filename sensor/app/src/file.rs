//! Files that a transaction carries: bounded windows, running hashes.

use sensor_flow::Direction;

/// Number of a file within its flow, from 0...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    Open,
    /// Seen to its end.
    Closed,
    /// Ended early: by a limit, the end of the flow, or a gap at its end.
    Truncated,
    Error,
}

/// One file as it passes.
#[derive(Debug)]
pub struct File {
    pub id: FileId,
    pub direction: Direction,
    pub name: Vec<u8>,
    pub state: FileState,
    /// Bytes seen.
    pub size: u64,
    pub gaps: bool,
    /// First bytes, for the magic.
    pub head: Vec<u8>,
    /// Set when the state is no longer `Open`.
    pub md5: Option<[u8; 16]>,
    pub sha1: Option<[u8; 20]>,
    pub sha256: Option<[u8; 32]>,
    /// Byte range of the whole file (`Content-Range`): start, end, total.
    pub range: Option<(u64, u64, u64)>,
    /// Set by the user of the transaction once its record is written.
    pub logged: bool,
}
