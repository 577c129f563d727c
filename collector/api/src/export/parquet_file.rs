//! A Parquet file: the time, the chosen fields as text, and the whole event.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::basic::{TimeUnit, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

use super::file::{Counted, TIME, text_at};

/// The whole event.
const EVENT: &str = "event";

pub struct Columns {
    file: SerializedFileWriter<Counted>,
    names: Vec<String>,
}

fn fault(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl Columns {
    pub fn create(file: Counted, mut names: Vec<String>) -> io::Result<Columns> {
        names.retain(|name| name != TIME && name != EVENT);
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let time = Type::primitive_type_builder(TIME, Physical::INT64)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MICROS)))
            .build()
            .map_err(fault)?;
        let text = |name: &str| {
            Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::String))
                .build()
                .map(Arc::new)
                .map_err(fault)
        };
        let mut fields = vec![Arc::new(time)];
        for name in names.iter().map(String::as_str).chain([EVENT]) {
            fields.push(text(name)?);
        }
        let schema = Type::group_type_builder("events")
            .with_fields(fields)
            .build()
            .map_err(fault)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
            .map_err(fault)?;
        Ok(Columns { file, names })
    }

    pub fn bytes(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    /// One row group.
    pub fn append(&mut self, events: &[String]) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let read: Vec<Value> = events
            .iter()
            .map(|event| serde_json::from_str(event).unwrap_or_default())
            .collect();
        let times: Vec<i64> = read
            .iter()
            .map(|event| {
                let text = event.get(TIME).and_then(Value::as_str).unwrap_or_default();
                collector_search::Clock::vietnam(0).read(text).unwrap_or(0)
            })
            .collect();
        let mut group = self.file.next_row_group().map_err(fault)?;
        let mut at = 0;
        while let Some(mut column) = group.next_column().map_err(fault)? {
            if at == 0 {
                column
                    .typed::<Int64Type>()
                    .write_batch(&times, None, None)
                    .map_err(fault)?;
            } else {
                let texts: Vec<Option<String>> = match self.names.get(at - 1) {
                    Some(name) => read.iter().map(|event| text_at(event, name)).collect(),
                    None => events.iter().cloned().map(Some).collect(),
                };
                let there: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
                let values: Vec<ByteArray> = texts
                    .into_iter()
                    .flatten()
                    .map(|text| ByteArray::from(text.into_bytes()))
                    .collect();
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&values, Some(&there), None)
                    .map_err(fault)?;
            }
            column.close().map_err(fault)?;
            at += 1;
        }
        group.close().map_err(fault)?;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<u64> {
        self.file.finish().map_err(fault)?;
        Ok(self.file.bytes_written() as u64)
    }
}
