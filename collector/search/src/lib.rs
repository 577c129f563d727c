//! Query text → tree → an engine's query, over the partitions of the index.
//!
//! The language is ours and stays the same whatever engine runs it ([`SearchEngine`]). Regular
//! expressions are left out on purpose. Everything is limited: clauses, wildcards and their
//! expansions, rows, buckets, searches at once, and time.

mod carried;
mod catalogue;
mod compile;
mod cursor;
mod embedded;
mod engine;
mod error;
mod expand;
mod hint;
mod moment;
mod parse;
mod pipeline;
mod query;
mod table;

pub use carried::check_carried;
pub use catalogue::{FIELDS, FieldInfo, FieldKind, path_of};
pub use embedded::Embedded;
pub use engine::{
    Bucket, ClassFilter, Counted, Facet, Health, Histogram, Hits, PartitionHealth, Request, Row,
    SearchEngine, Sort, Stop, Tabled, limits,
};
pub use error::{QueryError, QueryFault, SearchError};
pub use hint::{Hint, hints};
pub use moment::Clock;
pub use parse::{MAX_CLAUSES, MAX_QUERY_BYTES, MAX_WILDCARDS, parse};
pub use pipeline::{Column, Function, Grouping, Measure, Order, Pipeline, View, parse_pipeline};
pub use query::{Limit, Node, Test, settled};
pub use sensor_query::Network;

/// Whether a query can be run: its fields take the values they are compared with.
pub fn check(node: &Node) -> Result<(), QueryError> {
    compile::check(node)
}
