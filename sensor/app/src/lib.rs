//! Chunks → transactions: application protocols, a folder each.
//!
//! [`AppLayer`] is the application side of one flow. It is fed in-order chunks and gaps (TCP) or
//! datagrams (UDP), finds the protocol by content, and keeps [`Transaction`]s until their user retires them.

mod buffer;
mod file;
mod layer;
mod protocol;
mod transaction;

pub use buffer::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow};
pub use file::{File, FileId, FileState};
pub use layer::{AppLayer, Context, Limits};
pub use protocol::{EventRow, PROTOCOLS, Protocol, ProtocolRow};
pub use transaction::{Body, Transaction};
