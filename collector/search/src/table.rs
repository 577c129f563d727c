//! Tables of counts: the events of a query grouped by the values of some fields, several tables in one pass.
//!
//! Values are read from columns. Within an index segment texts are numbers of its dictionary; only the groups
//! that are kept are looked up. Counts are exact unless [`Tabled::exact`] says otherwise: beyond
//! [`MAX_GROUPS`] different groups in one segment new ones are not counted.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use collector_index::{Fields, Kind};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column as Values, ColumnType, MonotonicallyMappableToU64, StrColumn};
use tantivy::fastfield::FastFieldReaders;
use tantivy::query::Weight;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentOrdinal, SegmentReader};

use crate::catalogue::path_of;
use crate::engine::{Row, Stop, Tabled};
use crate::pipeline::{Column, Function, Grouping};

/// Groups counted apart in one segment.
pub(crate) const MAX_GROUPS: usize = 100_000;
/// Different values counted by one `dc`.
const MAX_DIFFERENT: usize = 10_000;
/// Combinations of the values of one event.
const MAX_COMBINATIONS: usize = 64;
/// Blocks between looks at the clock.
const BLOCKS_PER_LOOK: usize = 64;

/// A value within one segment: which of the field's columns, and its number there.
type Value = (u8, u64);
type Key = Box<[Value]>;

/// What is known of a group.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    count: u64,
    first: i64,
    last: i64,
    measures: Vec<Sum>,
}

#[derive(Debug, Clone)]
enum Sum {
    Number {
        count: u64,
        sum: f64,
        least: f64,
        most: f64,
    },
    Different(HashSet<Value>),
}

/// Groups by the texts of their values.
pub(crate) type Groups = HashMap<Vec<String>, Sums>;

/// What one pass found for each table.
pub(crate) struct Found {
    pub tables: Vec<Groups>,
    pub complete: bool,
}

pub(crate) struct Tables<'a> {
    pub fields: &'a Fields,
    pub groupings: &'a [Grouping],
    pub stop: &'a Stop,
}

/// The columns of a path: texts, and numbers or booleans.
struct Columns {
    text: Option<StrColumn>,
    numbers: Vec<(Values<u64>, ColumnType)>,
}

impl Columns {
    fn open(readers: &FastFieldReaders, fields: &Fields, name: &str) -> tantivy::Result<Columns> {
        let resolved = fields.resolve(path_of(name));
        let Some(column) = resolved.column.filter(|_| resolved.kind != Kind::Text) else {
            return Ok(Columns {
                text: None,
                numbers: Vec::new(),
            });
        };
        const NUMERIC: [ColumnType; 5] = [
            ColumnType::I64,
            ColumnType::U64,
            ColumnType::F64,
            ColumnType::Bool,
            ColumnType::DateTime,
        ];
        Ok(Columns {
            text: readers.str(&column)?,
            numbers: readers.u64_lenient_for_type_all(Some(&NUMERIC), &column)?,
        })
    }

    fn values(&self, doc: DocId, found: &mut Vec<Value>) {
        found.clear();
        if let Some(text) = &self.text {
            found.extend(text.term_ords(doc).map(|ord| (0, ord)));
        }
        for (at, (numbers, _)) in (1_u8..).zip(&self.numbers) {
            found.extend(numbers.values_for_doc(doc).map(|number| (at, number)));
        }
        // A value twice in one event is one value.
        found.sort_unstable();
        found.dedup();
    }

    fn number(&self, (column, raw): Value) -> Option<f64> {
        let (_, kind) = self.numbers.get(usize::from(column).checked_sub(1)?)?;
        Some(match kind {
            ColumnType::I64 => i64::from_u64(raw) as f64,
            ColumnType::F64 => f64::from_u64(raw),
            _ => raw as f64,
        })
    }

    /// The texts of values.
    fn texts(&self, values: &HashSet<Value>) -> tantivy::Result<HashMap<Value, String>> {
        let mut texts = HashMap::with_capacity(values.len());
        let mut ords: Vec<u64> = Vec::new();
        for &(column, raw) in values {
            if column == 0 {
                ords.push(raw);
                continue;
            }
            let kind = self
                .numbers
                .get(usize::from(column) - 1)
                .map_or(ColumnType::U64, |(_, kind)| *kind);
            let text = match kind {
                ColumnType::I64 => i64::from_u64(raw).to_string(),
                ColumnType::F64 => f64::from_u64(raw).to_string(),
                ColumnType::Bool => bool::from_u64(raw).to_string(),
                _ => raw.to_string(),
            };
            texts.insert((column, raw), text);
        }
        ords.sort_unstable();
        if let Some(column) = &self.text {
            let mut at = ords.iter();
            column.dictionary().sorted_ords_to_term_cb(&ords, |term| {
                if let Some(&ord) = at.next() {
                    texts.insert((0, ord), String::from_utf8_lossy(term).into_owned());
                }
            })?;
        }
        Ok(texts)
    }
}

/// One table in one segment.
struct Counting {
    fields: Vec<Columns>,
    measures: Vec<(Function, Columns)>,
    groups: HashMap<Key, Sums>,
    complete: bool,
}

impl Counting {
    fn open(
        readers: &FastFieldReaders,
        fields: &Fields,
        grouping: &Grouping,
    ) -> tantivy::Result<Counting> {
        let columns = |name: &String| Columns::open(readers, fields, name);
        Ok(Counting {
            fields: grouping
                .fields
                .iter()
                .map(columns)
                .collect::<tantivy::Result<_>>()?,
            measures: grouping
                .measures
                .iter()
                .map(|measure| Ok((measure.function, columns(&measure.field)?)))
                .collect::<tantivy::Result<_>>()?,
            groups: HashMap::new(),
            complete: true,
        })
    }

    fn count(&mut self, doc: DocId, time: i64, scratch: &mut Scratch) {
        let Scratch { values, keys } = scratch;
        keys.clear();
        keys.push(Vec::with_capacity(self.fields.len()));
        for columns in &self.fields {
            columns.values(doc, values);
            if values.is_empty() {
                return;
            }
            let before = std::mem::take(keys);
            for key in before {
                for &value in values.iter() {
                    if keys.len() >= MAX_COMBINATIONS {
                        self.complete = false;
                        break;
                    }
                    let mut key = key.clone();
                    key.push(value);
                    keys.push(key);
                }
            }
        }
        for key in keys.drain(..) {
            if !self.groups.contains_key(key.as_slice()) {
                if self.groups.len() >= MAX_GROUPS {
                    self.complete = false;
                    continue;
                }
                let measures = self
                    .measures
                    .iter()
                    .map(|(function, _)| Sum::new(*function));
                let sums = Sums {
                    count: 0,
                    first: time,
                    last: time,
                    measures: measures.collect(),
                };
                self.groups.insert(key.clone().into_boxed_slice(), sums);
            }
            let Some(sums) = self.groups.get_mut(key.as_slice()) else {
                continue;
            };
            sums.count += 1;
            sums.first = sums.first.min(time);
            sums.last = sums.last.max(time);
            for (sum, (_, columns)) in sums.measures.iter_mut().zip(&self.measures) {
                columns.values(doc, values);
                for &value in values.iter() {
                    sum.add(value, columns.number(value));
                }
            }
        }
    }

    fn finish(self) -> tantivy::Result<(Groups, bool)> {
        let mut texts = Vec::with_capacity(self.fields.len());
        for (at, columns) in self.fields.iter().enumerate() {
            let values = self.groups.keys().filter_map(|key| key.get(at).copied());
            texts.push(columns.texts(&values.collect())?);
        }
        let mut different = Vec::with_capacity(self.measures.len());
        for (at, (_, columns)) in self.measures.iter().enumerate() {
            let mut values = HashSet::new();
            for sums in self.groups.values() {
                if let Some(Sum::Different(raw)) = sums.measures.get(at) {
                    values.extend(raw);
                }
            }
            different.push(columns.texts(&values)?);
        }
        let mut groups = Groups::with_capacity(self.groups.len());
        for (key, mut sums) in self.groups {
            let names: Option<Vec<String>> = key
                .iter()
                .zip(&texts)
                .map(|(value, texts)| texts.get(value).cloned())
                .collect();
            let Some(names) = names else { continue };
            for (sum, texts) in sums.measures.iter_mut().zip(&different) {
                if let Sum::Different(raw) = sum {
                    *raw = raw
                        .iter()
                        .filter_map(|value| texts.get(value))
                        // From here on the same in all segments.
                        .map(|text| (u8::MAX, digest(text)))
                        .collect();
                }
            }
            groups.insert(names, sums);
        }
        Ok((groups, self.complete))
    }
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Sum {
    fn new(function: Function) -> Sum {
        match function {
            Function::Different => Sum::Different(HashSet::new()),
            _ => Sum::Number {
                count: 0,
                sum: 0.0,
                least: f64::INFINITY,
                most: f64::NEG_INFINITY,
            },
        }
    }

    fn add(&mut self, value: Value, number: Option<f64>) {
        match (self, number) {
            (Sum::Different(values), _) if values.len() < MAX_DIFFERENT => {
                values.insert(value);
            }
            (
                Sum::Number {
                    count,
                    sum,
                    least,
                    most,
                },
                Some(number),
            ) => {
                *count += 1;
                *sum += number;
                *least = least.min(number);
                *most = most.max(number);
            }
            _ => {}
        }
    }

    fn merge(&mut self, other: Sum) {
        match (self, other) {
            (Sum::Different(values), Sum::Different(more)) => {
                let room = MAX_DIFFERENT.saturating_sub(values.len());
                values.extend(more.into_iter().take(room));
            }
            (
                Sum::Number {
                    count,
                    sum,
                    least,
                    most,
                },
                Sum::Number {
                    count: c,
                    sum: s,
                    least: l,
                    most: m,
                },
            ) => {
                *count += c;
                *sum += s;
                *least = least.min(l);
                *most = most.max(m);
            }
            _ => {}
        }
    }

    fn value(&self, function: Function) -> Option<f64> {
        match self {
            Sum::Different(values) => Some(values.len() as f64),
            Sum::Number { count: 0, .. } => None,
            Sum::Number {
                count,
                sum,
                least,
                most,
            } => Some(match function {
                Function::Average => sum / *count as f64,
                Function::Least => *least,
                Function::Most => *most,
                Function::Sum | Function::Different => *sum,
            }),
        }
    }
}

#[derive(Default)]
struct Scratch {
    values: Vec<Value>,
    keys: Vec<Vec<Value>>,
}

pub(crate) struct SegmentTables {
    tables: Vec<Counting>,
    time: Values<tantivy::DateTime>,
    scratch: Scratch,
}

impl SegmentCollector for SegmentTables {
    type Fruit = tantivy::Result<Found>;

    fn collect(&mut self, doc: DocId, _: Score) {
        let time = self
            .time
            .first(doc)
            .map_or(0, tantivy::DateTime::into_timestamp_micros);
        for table in &mut self.tables {
            table.count(doc, time, &mut self.scratch);
        }
    }

    fn harvest(self) -> Self::Fruit {
        let mut found = Found {
            tables: Vec::with_capacity(self.tables.len()),
            complete: true,
        };
        for table in self.tables {
            let (groups, complete) = table.finish()?;
            found.tables.push(groups);
            found.complete &= complete;
        }
        Ok(found)
    }
}

impl Collector for Tables<'_> {
    type Fruit = Found;
    type Child = SegmentTables;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentTables> {
        let readers = segment.fast_fields();
        Ok(SegmentTables {
            tables: self
                .groupings
                .iter()
                .map(|grouping| Counting::open(readers, self.fields, grouping))
                .collect::<tantivy::Result<_>>()?,
            time: readers.date("timestamp")?,
            scratch: Scratch::default(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, found: Vec<tantivy::Result<Found>>) -> tantivy::Result<Found> {
        let mut all = Found {
            tables: self.groupings.iter().map(|_| Groups::new()).collect(),
            complete: true,
        };
        for one in found {
            all.merge(one?);
        }
        Ok(all)
    }

    /// As usual, but looks at the clock now and then.
    fn collect_segment(
        &self,
        weight: &dyn Weight,
        segment: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<tantivy::Result<Found>> {
        let mut collecting = self.for_segment(segment, reader)?;
        let mut whole = true;
        if self.stop.over() {
            whole = false;
        } else {
            let mut docs = weight.scorer(reader, 1.0)?;
            let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
            for blocks in 1_usize.. {
                let filled = docs.fill_buffer(&mut block);
                collecting.collect_block(block.get(..filled).unwrap_or_default());
                if filled < block.len() {
                    break;
                }
                if blocks.is_multiple_of(BLOCKS_PER_LOOK) && self.stop.over() {
                    whole = false;
                    break;
                }
            }
        }
        let mut found = collecting.harvest()?;
        found.complete &= whole;
        Ok(Ok(found))
    }
}

impl Found {
    pub fn merge(&mut self, other: Found) {
        self.complete &= other.complete;
        for (into, from) in self.tables.iter_mut().zip(other.tables) {
            for (key, sums) in from {
                match into.get_mut(&key) {
                    Some(known) => known.merge(sums),
                    None => {
                        into.insert(key, sums);
                    }
                }
            }
        }
    }
}

impl Sums {
    fn merge(&mut self, other: Sums) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (sum, more) in self.measures.iter_mut().zip(other.measures) {
            sum.merge(more);
        }
    }
}

/// The table as it is shown: ordered, and cut at `limit` rows.
pub(crate) fn tabled(grouping: &Grouping, groups: Groups, limit: usize) -> Tabled {
    let total: u64 = groups.values().map(|sums| sums.count).sum();
    let different = groups.len() as u64;
    let mut rows: Vec<Row> = groups
        .into_iter()
        .map(|(values, sums)| Row {
            values,
            count: sums.count,
            first: sums.first,
            last: sums.last,
            measures: grouping
                .measures
                .iter()
                .zip(&sums.measures)
                .map(|(measure, sum)| sum.value(measure.function))
                .collect(),
        })
        .collect();
    let order = &grouping.order;
    rows.sort_by(|left, right| {
        let by = match order.by {
            Column::Count => left.count.cmp(&right.count),
            Column::First => left.first.cmp(&right.first),
            Column::Last => left.last.cmp(&right.last),
            Column::Field(at) => natural(left.values.get(at), right.values.get(at)),
            Column::Measure(at) => {
                let of = |row: &Row| row.measures.get(at).copied().flatten();
                let (left, right) = (of(left), of(right));
                left.unwrap_or(f64::NEG_INFINITY)
                    .total_cmp(&right.unwrap_or(f64::NEG_INFINITY))
            }
        };
        let by = if order.descending { by.reverse() } else { by };
        by.then_with(|| left.values.cmp(&right.values))
    });
    rows.truncate(grouping.head.unwrap_or(limit).min(limit));
    Tabled {
        rows,
        different,
        total,
    }
}

/// Numbers by size, texts by letters.
fn natural(left: Option<&String>, right: Option<&String>) -> std::cmp::Ordering {
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok());
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.cmp(&right),
    }
}
