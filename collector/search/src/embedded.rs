//! The embedded engine: tantivy, over the partitions of [`collector_index::Index`].
//!
//! Days are walked in the order of the list, and the walk ends when the page is full; counting goes on
//! until its time is over. A search runs on a blocking thread; [`limits::MAX_PARALLEL`] at once.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use collector_index::{Day, Fields, Index, Kind, Partition, Shelf};
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::{AggContextParams, AggregationCollector, AggregationLimitsGuard};
use tantivy::collector::sort_key::SortByStaticFastValue;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, EmptyQuery, Occur, Query, RangeQuery};
use tantivy::{DateTime, Order, Searcher, Term};
use tokio::sync::Semaphore;

use crate::compile::{Compiler, one_of, term_query};
use crate::cursor::Cursor;
use crate::engine::{
    Bucket, ClassFilter, Counted, Facet, Health, Histogram, Hits, PartitionHealth, Request,
    SearchEngine, Sort, Stop, Tabled, limits,
};
use crate::error::SearchError;
use crate::pipeline::Grouping;
use crate::table::{Found, Groups, Tables, tabled};

const HOUR_MICROS: i64 = 3_600_000_000;
/// Memory of one aggregation.
const FACET_BYTES: u64 = 128 * 1_024 * 1_024;

/// Searches an index of this process; clones share it.
#[derive(Clone)]
pub struct Embedded {
    index: Arc<Index>,
    places: Arc<Semaphore>,
}

/// A partition ready to be asked.
struct Prepared {
    searcher: Searcher,
    query: Box<dyn Query>,
    cut_short: bool,
}

impl Embedded {
    pub fn new(index: Arc<Index>) -> Embedded {
        Embedded {
            index,
            places: Arc::new(Semaphore::new(limits::MAX_PARALLEL)),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index, &Stop) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let give_up = Instant::now() + limits::GIVE_UP;
        let cancelled = Arc::new(AtomicBool::new(false));
        // Dropped with this future, when the browser has gone, and when the answer is there.
        let _waiting = CancelOnDrop(Arc::clone(&cancelled));
        let waiting = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout_at(give_up.into(), waiting)
            .await
            .map_err(|_| SearchError::Timeout)?
            .map_err(|_| SearchError::Timeout)?;
        let index = Arc::clone(&self.index);
        let task = tokio::task::spawn_blocking(move || {
            // The place is held by the work, not by who waits for it.
            let _place = place;
            let stop = Stop {
                deadline: Instant::now() + limits::SEARCH_TIME,
                cancelled,
            };
            if stop.over() {
                return Err(SearchError::Cancelled);
            }
            work(&index, &stop)
        });
        tokio::time::timeout_at(give_up.into(), task)
            .await
            .map_err(|_| SearchError::Timeout)??
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn shelf(class: ClassFilter) -> Option<Shelf> {
    match class {
        ClassFilter::All => None,
        ClassFilter::Alert => Some(Shelf::Alerts),
        ClassFilter::Record => Some(Shelf::Records),
    }
}

/// The partitions of a request, newest day first.
fn partitions(index: &Index, request: &Request) -> Vec<Arc<Partition>> {
    index.partitions(request.from, request.to, shelf(request.class))
}

fn date(fields: &Fields, micros: i64) -> Term {
    Term::from_field_date(fields.timestamp, DateTime::from_timestamp_micros(micros))
}

/// The events of the sensors in scope.
fn of_sensors(fields: &Fields, sensors: &[String]) -> Box<dyn Query> {
    let terms = sensors.iter().map(|id| {
        term_query(Term::from_field_text(
            fields.sensor,
            &collector_index::fold(id),
        ))
    });
    one_of(terms.collect())
}

fn prepare(
    partition: &Partition,
    request: &Request,
    extra: Option<Box<dyn Query>>,
) -> Result<Prepared, SearchError> {
    let fields = partition.fields();
    let searcher = partition.searcher()?;
    let mut compiler = Compiler {
        fields,
        searcher: &searcher,
        cut_short: false,
    };
    let mut clauses = vec![(Occur::Must, compiler.compile(&request.query)?)];
    let cut_short = compiler.cut_short;
    if request.from.is_some() || request.to.is_some() {
        let bound = |end: Option<i64>| {
            end.map_or(Bound::Unbounded, |end| Bound::Included(date(fields, end)))
        };
        clauses.push((
            Occur::Must,
            Box::new(RangeQuery::new(bound(request.from), bound(request.to))),
        ));
    }
    if let Some(sensors) = &request.sensors {
        clauses.push((Occur::Must, of_sensors(fields, sensors)));
    }
    clauses.extend(extra.map(|query| (Occur::Must, query)));
    let query: Box<dyn Query> = match clauses.pop() {
        Some((_, query)) if clauses.is_empty() => query,
        Some(clause) => {
            clauses.push(clause);
            Box::new(BooleanQuery::new(clauses))
        }
        None => Box::new(EmptyQuery),
    };
    Ok(Prepared {
        searcher,
        query,
        cut_short,
    })
}

/// What comes behind a cursor.
fn behind(fields: &Fields, cursor: Cursor, sort: Sort) -> Box<dyn Query> {
    let here = date(fields, cursor.time);
    let order = Term::from_field_u64(fields.order, cursor.order);
    let (farther, ties): (Box<dyn Query>, Box<dyn Query>) = match sort {
        Sort::NewestFirst => (
            Box::new(RangeQuery::new(
                Bound::Unbounded,
                Bound::Excluded(here.clone()),
            )),
            Box::new(RangeQuery::new(Bound::Unbounded, Bound::Excluded(order))),
        ),
        Sort::OldestFirst => (
            Box::new(RangeQuery::new(
                Bound::Excluded(here.clone()),
                Bound::Unbounded,
            )),
            Box::new(RangeQuery::new(Bound::Excluded(order), Bound::Unbounded)),
        ),
    };
    let same: Box<dyn Query> = Box::new(RangeQuery::new(
        Bound::Included(here.clone()),
        Bound::Included(here),
    ));
    let tie: Box<dyn Query> = Box::new(BooleanQuery::new(vec![
        (Occur::Must, same),
        (Occur::Must, ties),
    ]));
    one_of(vec![farther, tie])
}

/// An event that is found.
struct Row {
    time: i64,
    order: u64,
    event: String,
    /// It came back from the archive.
    recalled: bool,
}

/// The first events of a partition, at most `limit`.
fn top(
    partition: &Partition,
    prepared: &Prepared,
    sort: Sort,
    limit: usize,
) -> Result<Vec<Row>, SearchError> {
    let order = match sort {
        Sort::NewestFirst => Order::Desc,
        Sort::OldestFirst => Order::Asc,
    };
    let collector = TopDocs::with_limit(limit).order_by((
        (
            SortByStaticFastValue::<DateTime>::for_field("timestamp"),
            order,
        ),
        (SortByStaticFastValue::<u64>::for_field("_order"), order),
    ));
    let mut rows = Vec::new();
    for ((time, order), address) in prepared.searcher.search(&prepared.query, &collector)? {
        let event = partition.source(&prepared.searcher, address)?;
        rows.push(Row {
            time: time.map_or(0, DateTime::into_timestamp_micros),
            order: order.unwrap_or(0),
            event: String::from_utf8_lossy(&event).into_owned(),
            recalled: partition.is_recalled(),
        });
    }
    Ok(rows)
}

fn search(
    index: &Index,
    stop: &Stop,
    request: &Request,
    sort: Sort,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Hits, SearchError> {
    let limit = limit.clamp(1, limits::MAX_EXPORT);
    let mut partitions = partitions(index, request);
    if sort == Sort::OldestFirst {
        partitions.reverse();
    }
    let mut hits = Hits {
        total_is_exact: true,
        ..Hits::default()
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut full = false;
    for same_day in partitions.chunk_by(|left, right| left.day() == right.day()) {
        if stop.over() {
            hits.total_is_exact = false;
            hits.partial |= !full;
            break;
        }
        let wanted = (limit + 1).saturating_sub(rows.len());
        let mut of_day: Vec<Row> = Vec::new();
        for partition in same_day {
            let counted = prepare(partition, request, None)?;
            hits.partial |= counted.cut_short;
            hits.total += counted.searcher.search(&counted.query, &Count)? as u64;
            if full || cursor.is_some_and(|cursor| passed(partition.day(), cursor, sort)) {
                continue;
            }
            let extra = cursor.map(|cursor| behind(partition.fields(), cursor, sort));
            let prepared = prepare(partition, request, extra)?;
            of_day.extend(top(partition, &prepared, sort, wanted)?);
        }
        match sort {
            Sort::NewestFirst => {
                of_day.sort_by_key(|row| std::cmp::Reverse((row.time, row.order)));
            }
            Sort::OldestFirst => of_day.sort_by_key(|row| (row.time, row.order)),
        }
        rows.extend(of_day.into_iter().take(wanted));
        full = rows.len() > limit;
    }
    if full {
        rows.truncate(limit);
        hits.next_cursor = rows.last().map(|row| {
            Cursor {
                time: row.time,
                order: row.order,
            }
            .encode()
        });
    }
    let recalled = rows.iter().enumerate().filter(|(_, row)| row.recalled);
    hits.recalled = recalled.map(|(place, _)| place).collect();
    hits.events = rows.into_iter().map(|row| row.event).collect();
    Ok(hits)
}

/// Whether a whole day is before the cursor.
fn passed(day: Day, cursor: Cursor, sort: Sort) -> bool {
    let at = Day::of(cursor.time);
    match sort {
        Sort::NewestFirst => day > at,
        Sort::OldestFirst => day < at,
    }
}

fn count(index: &Index, stop: &Stop, request: &Request) -> Result<Counted, SearchError> {
    let mut counted = Counted {
        total: 0,
        exact: true,
    };
    for partition in partitions(index, request) {
        if stop.over() {
            counted.exact = false;
            break;
        }
        let prepared = prepare(&partition, request, None)?;
        counted.exact &= !prepared.cut_short;
        counted.total += prepared.searcher.search(&prepared.query, &Count)? as u64;
    }
    Ok(counted)
}

/// Lengths of buckets that people can read, in seconds.
const STEPS: [i64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800,
];

fn histogram(
    index: &Index,
    stop: &Stop,
    request: &Request,
    buckets: usize,
) -> Result<Histogram, SearchError> {
    let partitions = partitions(index, request);
    let (Some(newest), Some(oldest)) = (partitions.first(), partitions.last()) else {
        return empty_histogram(request, buckets);
    };
    let from = request.from.unwrap_or(oldest.day().start());
    let to = request
        .to
        .unwrap_or(newest.day().start() + 24 * HOUR_MICROS - 1);
    let (start, step, length) = frame(from, to, buckets);
    let mut alerts = vec![0_u64; length];
    let mut records = vec![0_u64; length];
    let mut partial = false;
    for partition in &partitions {
        if stop.over() {
            partial = true;
            break;
        }
        let prepared = prepare(partition, request, None)?;
        partial |= prepared.cut_short;
        let request: Aggregations = serde_json::from_value(serde_json::json!({
            "t": {"histogram": {"field": "timestamp", "interval": (step / 1_000) as f64, "offset": 0.0, "min_doc_count": 1}}
        }))
        .map_err(|error| tantivy::TantivyError::InvalidArgument(error.to_string()))?;
        let found = aggregate(partition, &prepared, request)?;
        let counts = match partition.shelf() {
            Shelf::Alerts => &mut alerts,
            Shelf::Records => &mut records,
        };
        for bucket in found["t"]["buckets"].as_array().into_iter().flatten() {
            let Some(key) = bucket["key"].as_f64() else {
                continue;
            };
            let at = ((key * 1_000.0) as i64 - start).div_euclid(step);
            let place = usize::try_from(at).ok().and_then(|at| counts.get_mut(at));
            if let Some(count) = place {
                *count += bucket["doc_count"].as_u64().unwrap_or(0);
            }
        }
    }
    Ok(Histogram {
        interval: Duration::from_micros(step.unsigned_abs()),
        buckets: (0_i64..)
            .zip(alerts.into_iter().zip(records))
            .map(|(at, (alerts, records))| Bucket {
                t: (start + at * step) / 1_000,
                alerts,
                records,
            })
            .collect(),
        partial,
    })
}

fn empty_histogram(request: &Request, buckets: usize) -> Result<Histogram, SearchError> {
    let (Some(from), Some(to)) = (request.from, request.to) else {
        return Ok(Histogram::default());
    };
    let (start, step, length) = frame(from, to, buckets);
    Ok(Histogram {
        interval: Duration::from_micros(step.unsigned_abs()),
        buckets: (0_i64..)
            .take(length)
            .map(|at| Bucket {
                t: (start + at * step) / 1_000,
                alerts: 0,
                records: 0,
            })
            .collect(),
        partial: false,
    })
}

/// Beginning, length of a bucket, number of buckets; times in microseconds.
fn frame(from: i64, to: i64, buckets: usize) -> (i64, i64, usize) {
    let buckets = buckets.clamp(1, limits::MAX_BUCKETS);
    let least = to.saturating_sub(from).max(1) / i64::try_from(buckets).unwrap_or(1);
    let step = STEPS
        .into_iter()
        .map(|seconds| seconds * 1_000_000)
        .find(|step| *step >= least)
        .unwrap_or_else(|| least.div_euclid(86_400_000_000).saturating_add(1) * 86_400_000_000);
    let start = from.div_euclid(step) * step;
    let length = to.saturating_sub(start).div_euclid(step) + 1;
    let length = usize::try_from(length).unwrap_or(1);
    (start, step, length.clamp(1, limits::MAX_BUCKETS + 2))
}

fn aggregate(
    partition: &Partition,
    prepared: &Prepared,
    request: Aggregations,
) -> Result<serde_json::Value, SearchError> {
    let context = AggContextParams::new(
        AggregationLimitsGuard::new(Some(FACET_BYTES), None),
        partition.index()?.tokenizers().clone(),
    );
    let collector = AggregationCollector::from_aggs(request, context);
    let found = prepared.searcher.search(&prepared.query, &collector)?;
    serde_json::to_value(found)
        .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()).into())
}

fn facets(
    index: &Index,
    stop: &Stop,
    request: &Request,
    fields: &[String],
    size: usize,
) -> Result<(Vec<Facet>, bool), SearchError> {
    let size = size.clamp(1, limits::MAX_FACET_SIZE);
    let fields = &fields[..fields.len().min(limits::MAX_FACET_FIELDS)];
    let mut counts: Vec<HashMap<String, u64>> = vec![HashMap::new(); fields.len()];
    let mut others = vec![0_u64; fields.len()];
    let mut partial = false;
    for partition in partitions(index, request) {
        if stop.over() {
            partial = true;
            break;
        }
        let prepared = prepare(&partition, request, None)?;
        partial |= prepared.cut_short;
        let mut wanted = serde_json::Map::new();
        for (at, field) in fields.iter().enumerate() {
            let resolved = partition.fields().resolve(crate::catalogue::path_of(field));
            let Some(column) = resolved.column.filter(|_| resolved.kind != Kind::Text) else {
                continue;
            };
            // More than asked for, so that what is common in all partitions is not missed in one.
            let terms = serde_json::json!({"terms": {"field": column, "size": size * 4 + 20}});
            wanted.insert(at.to_string(), terms);
        }
        let wanted: Aggregations = serde_json::from_value(wanted.into())
            .map_err(|error| tantivy::TantivyError::InvalidArgument(error.to_string()))?;
        let found = aggregate(&partition, &prepared, wanted)?;
        for (at, counts) in counts.iter_mut().enumerate() {
            let found = &found[at.to_string()];
            others[at] += found["sum_other_doc_count"].as_u64().unwrap_or(0);
            for bucket in found["buckets"].as_array().into_iter().flatten() {
                let key = match (&bucket["key_as_string"], &bucket["key"]) {
                    (serde_json::Value::String(key), _) => key.clone(),
                    (_, serde_json::Value::String(key)) => key.clone(),
                    (_, serde_json::Value::Number(key)) => number_text(key),
                    (_, key) => key.to_string(),
                };
                *counts.entry(key).or_default() += bucket["doc_count"].as_u64().unwrap_or(0);
            }
        }
    }
    let facets = fields
        .iter()
        .zip(counts)
        .zip(others)
        .map(|((field, counts), other)| {
            let mut values: Vec<(String, u64)> = counts.into_iter().collect();
            values.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
            let rest: u64 = values.iter().skip(size).map(|(_, count)| count).sum();
            values.truncate(size);
            Facet {
                field: field.clone(),
                values,
                other: other + rest,
            }
        });
    Ok((facets.collect(), partial))
}

/// Aggregations tell whole numbers as fractions.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => format!("{value:.0}"),
        _ => number.to_string(),
    }
}

fn tables(
    index: &Index,
    stop: &Stop,
    request: &Request,
    groupings: &[Grouping],
) -> Result<(Vec<Tabled>, bool), SearchError> {
    let groupings = groupings.get(..limits::MAX_TABLES).unwrap_or(groupings);
    let mut all = Found {
        tables: groupings.iter().map(|_| Groups::new()).collect(),
        complete: true,
    };
    for partition in partitions(index, request) {
        if stop.over() {
            all.complete = false;
            break;
        }
        let prepared = prepare(&partition, request, None)?;
        all.complete &= !prepared.cut_short;
        let collector = Tables {
            fields: partition.fields(),
            groupings,
            stop,
        };
        all.merge(prepared.searcher.search(&prepared.query, &collector)?);
    }
    let tables = groupings
        .iter()
        .zip(all.tables)
        .map(|(grouping, groups)| tabled(grouping, groups, limits::MAX_ROWS));
    Ok((tables.collect(), all.complete))
}

fn health(index: &Index) -> Result<Health, SearchError> {
    let stats = index.stats()?;
    Ok(Health {
        events: stats.events,
        bytes: stats.bytes,
        partitions: stats
            .partitions
            .into_iter()
            .map(|row| PartitionHealth {
                day: row.day,
                shelf: row.shelf,
                events: row.events,
                bytes: row.bytes,
            })
            .collect(),
    })
}

#[async_trait]
impl SearchEngine for Embedded {
    #[tracing::instrument(skip_all)]
    async fn search(
        &self,
        request: Request,
        sort: Sort,
        limit: usize,
        cursor: Option<String>,
    ) -> Result<Hits, SearchError> {
        let cursor = cursor.as_deref().map(Cursor::decode).transpose()?;
        self.blocking(move |index, stop| search(index, stop, &request, sort, limit, cursor))
            .await
    }

    #[tracing::instrument(skip_all)]
    async fn count(&self, request: Request) -> Result<Counted, SearchError> {
        self.blocking(move |index, stop| count(index, stop, &request))
            .await
    }

    #[tracing::instrument(skip_all)]
    async fn histogram(&self, request: Request, buckets: usize) -> Result<Histogram, SearchError> {
        self.blocking(move |index, stop| histogram(index, stop, &request, buckets))
            .await
    }

    #[tracing::instrument(skip_all)]
    async fn facets(
        &self,
        request: Request,
        fields: Vec<String>,
        size: usize,
    ) -> Result<(Vec<Facet>, bool), SearchError> {
        self.blocking(move |index, stop| facets(index, stop, &request, &fields, size))
            .await
    }

    #[tracing::instrument(skip_all)]
    async fn tables(
        &self,
        request: Request,
        groupings: Vec<Grouping>,
    ) -> Result<(Vec<Tabled>, bool), SearchError> {
        self.blocking(move |index, stop| tables(index, stop, &request, &groupings))
            .await
    }

    #[tracing::instrument(skip_all)]
    async fn get(
        &self,
        id: String,
        sensors: Option<Vec<String>>,
    ) -> Result<Option<String>, SearchError> {
        self.blocking(move |index, _| {
            let Some(event) = index.get(&id)? else {
                return Ok(None);
            };
            let event = String::from_utf8_lossy(&event).into_owned();
            let Some(sensors) = sensors else {
                return Ok(Some(event));
            };
            let parsed: serde_json::Value = serde_json::from_str(&event).unwrap_or_default();
            let sensor = parsed["matluoi"]["sensor"].as_str();
            let seen = sensor.is_some_and(|sensor| sensors.iter().any(|id| id == sensor));
            Ok(seen.then_some(event))
        })
        .await
    }

    async fn delete_before(&self, micros: i64) -> Result<usize, SearchError> {
        self.blocking(move |index, _| Ok(index.delete_before(Day::of(micros))?))
            .await
    }

    async fn health(&self) -> Result<Health, SearchError> {
        self.blocking(|index, _| health(index)).await
    }
}
