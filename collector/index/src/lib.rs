//! Events in tantivy: a partition per day and shelf (alerts; records), so that retention drops whole
//! folders.
//!
//! # Exactly once
//!
//! Every commit of a partition carries, per stream, the number of the last event of that stream which
//! it contains ([`Marks`]). When all partitions with new events are committed, the marks of all streams
//! go into one file, which is what senders are told. After a crash between the two, events above the
//! file's mark come again, and each partition skips what its own payload says it contains.
//!
//! # Out of the index and back
//!
//! Before retention drops a partition it may go to an archive: it is sealed ([`Index::seal`]), so that nothing changes it
//! while it is packed, is searched until it has gone, and can come back for a while ([`Index::take_up`]). Events that
//! come late for a day that was sealed begin a partition of their own.
//!
//! "Document" is tantivy's word and stays in this crate; outside, there are events.

mod document;
mod error;
mod event;
mod governor;
mod index;
mod marks;
mod partition;
mod schema;
mod tape;
mod text;
mod writers;

pub use error::{IndexError, Result};
pub use event::{Event, EventError, Shelf, Stream};
pub use governor::{Archiving, Cause, Dropped, Governed, Limits, Pressure, ShelfLimits, govern};
pub use index::{Damaged, Index, Options, PartitionStats, Stats};
pub use marks::Marks;
pub use partition::{Partition, PartitionId, PartitionKey, Standing};
pub use schema::{ALL, EVENT, Fields, Resolved, SOURCE};
pub use sensor_query::{Day, Kind, fold, parse_timestamp};
pub use tape::{Entries, Items, Json, JsonKind, Tape};
pub use text::{FOLDED_WHOLE, FOLDED_WORDS};
