//! What the API asks of a search engine. Embedded tantivy answers today, clusters later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::error::SearchError;
use crate::pipeline::Grouping;
use crate::query::Node;

/// The caps on everything that one search can make grow.
pub mod limits {
    use std::time::Duration;

    pub const MAX_HITS: usize = 1_000;
    pub const MAX_EXPORT: usize = 10_000;
    /// Rows of one table of counts: one for each rule of a large set that has alerts.
    pub const MAX_ROWS: usize = 10_000;
    /// Tables counted in one pass.
    pub const MAX_TABLES: usize = 24;
    pub const MAX_BUCKETS: usize = 400;
    pub const MAX_FACET_FIELDS: usize = 12;
    pub const MAX_FACET_SIZE: usize = 100;
    /// Terms that one wildcard becomes.
    pub const MAX_EXPANSIONS: usize = 1_024;
    /// Terms that are looked at to expand one wildcard in one index segment.
    pub const MAX_TERMS_SCANNED: usize = 400_000;
    /// Searches at once; others wait.
    pub const MAX_PARALLEL: usize = 4;
    /// After this long a search gives what it has, and says that it is partial.
    pub const SEARCH_TIME: Duration = Duration::from_secs(8);
    /// A search that has not answered by then is given up.
    pub const GIVE_UP: Duration = Duration::from_secs(20);
}

/// Which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClassFilter {
    #[default]
    All,
    Alert,
    Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// The events that are meant.
#[derive(Debug, Clone)]
pub struct Request {
    pub query: Node,
    /// Microseconds since 1970, inclusive.
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub class: ClassFilter,
    /// Only events of these sensors; `None`: of all.
    pub sensors: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub total: u64,
    pub exact: bool,
}

/// A page of events.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// Events as they are stored: JSON text.
    pub events: Vec<String>,
    /// Places in `events` of those that came back from the archive.
    pub recalled: Vec<usize>,
    pub next_cursor: Option<String>,
    pub total: u64,
    pub total_is_exact: bool,
    /// Time ran out, or a wildcard had more expansions than it may.
    pub partial: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Beginning, milliseconds since 1970.
    pub t: i64,
    pub alerts: u64,
    pub records: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    pub interval: Duration,
    pub buckets: Vec<Bucket>,
    pub partial: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    pub field: String,
    pub values: Vec<(String, u64)>,
    /// Events with other values.
    pub other: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionHealth {
    pub day: String,
    pub shelf: &'static str,
    pub events: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    pub events: u64,
    pub bytes: u64,
    pub partitions: Vec<PartitionHealth>,
}

/// A group of a table of counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub values: Vec<String>,
    pub count: u64,
    /// Microseconds since 1970 of its first and last event.
    pub first: i64,
    pub last: i64,
    /// `None` where no event has a number.
    pub measures: Vec<Option<f64>>,
}

/// A table of counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tabled {
    pub rows: Vec<Row>,
    /// Groups in all, shown or not.
    pub different: u64,
    /// Events in all groups.
    pub total: u64,
}

/// When to give up: at a time, or because nobody waits any more.
#[derive(Debug, Clone)]
pub struct Stop {
    pub deadline: Instant,
    pub cancelled: Arc<AtomicBool>,
}

impl Stop {
    pub fn over(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() > self.deadline
    }
}

/// Where events are found. A search whose future is dropped stops at the next occasion.
#[async_trait]
pub trait SearchEngine: Send + Sync + 'static {
    async fn search(
        &self,
        request: Request,
        sort: Sort,
        limit: usize,
        cursor: Option<String>,
    ) -> Result<Hits, SearchError>;

    async fn count(&self, request: Request) -> Result<Counted, SearchError>;

    /// Buckets over the range of the request, or over that of the partitions when it has no ends.
    async fn histogram(&self, request: Request, buckets: usize) -> Result<Histogram, SearchError>;

    async fn facets(
        &self,
        request: Request,
        fields: Vec<String>,
        size: usize,
    ) -> Result<(Vec<Facet>, bool), SearchError>;

    /// Tables of counts, in the order of the groupings; and whether all counts are exact.
    async fn tables(
        &self,
        request: Request,
        groupings: Vec<Grouping>,
    ) -> Result<(Vec<Tabled>, bool), SearchError>;

    /// The event with this id, JSON text, if one of these sensors sent it.
    async fn get(
        &self,
        id: String,
        sensors: Option<Vec<String>>,
    ) -> Result<Option<String>, SearchError>;

    /// Drops what is older than a time, in whole partitions; tells how many.
    async fn delete_before(&self, micros: i64) -> Result<usize, SearchError>;

    async fn health(&self) -> Result<Health, SearchError>;
}
