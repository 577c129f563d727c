//! What stands in a file: events as lines of JSON, as rows of text, or as columns.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::Value;

use super::Format;
use super::parquet_file::Columns;

pub const TIME: &str = "timestamp";

pub enum Output {
    Lines(Counted),
    Rows { file: Counted, columns: Vec<String> },
    Columns(Columns),
}

/// A file whose bytes are counted.
pub struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output {
    pub fn create(path: &Path, format: Format, columns: Vec<String>) -> io::Result<Output> {
        let mut file = Counted {
            file: BufWriter::new(File::create(path)?),
            bytes: 0,
        };
        Ok(match format {
            Format::Ndjson => Output::Lines(file),
            Format::Csv => {
                // The mark makes spreadsheets read Vietnamese as UTF-8.
                file.write_all("\u{feff}".as_bytes())?;
                let header = std::iter::once(TIME).chain(columns.iter().map(String::as_str));
                row(&mut file, header.map(str::to_owned))?;
                Output::Rows { file, columns }
            }
            Format::Parquet => Output::Columns(Columns::create(file, columns)?),
        })
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Output::Lines(file) | Output::Rows { file, .. } => file.bytes,
            Output::Columns(columns) => columns.bytes(),
        }
    }

    pub fn append(mut self, events: &[String]) -> io::Result<Output> {
        match &mut self {
            Output::Lines(file) => {
                for event in events {
                    file.write_all(event.as_bytes())?;
                    file.write_all(b"\n")?;
                }
            }
            Output::Rows { file, columns } => {
                for event in events {
                    let event: Value = serde_json::from_str(event).unwrap_or_default();
                    let names = std::iter::once(TIME).chain(columns.iter().map(String::as_str));
                    row(
                        file,
                        names.map(|name| text_at(&event, name).unwrap_or_default()),
                    )?;
                }
            }
            Output::Columns(columns) => columns.append(events)?,
        }
        Ok(self)
    }

    /// The size of the whole file.
    pub fn finish(self) -> io::Result<u64> {
        match self {
            Output::Lines(mut file) | Output::Rows { mut file, .. } => {
                file.flush()?;
                file.file.get_ref().sync_all()?;
                Ok(file.bytes)
            }
            Output::Columns(columns) => columns.finish(),
        }
    }
}

/// One row of a CSV file.
pub fn row(file: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            file.write_all(b",")?;
        }
        file.write_all(csv_cell(cell).as_bytes())?;
    }
    file.write_all(b"\r\n")
}

/// A cell that a spreadsheet takes for text: a formula in captured data must not run at the analyst's.
fn csv_cell(text: String) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = if risky { format!("'{text}") } else { text };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// The value at a dotted path as text; those of a list with spaces between. An object is no value.
pub fn text_at(event: &Value, path: &str) -> Option<String> {
    let mut texts = Vec::new();
    gather(event, path, &mut texts);
    (!texts.is_empty()).then(|| texts.join(" "))
}

fn gather(value: &Value, path: &str, texts: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, path, texts)),
        Value::Object(fields) if !path.is_empty() => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(value) = fields.get(name) {
                gather(value, rest, texts);
            }
        }
        _ if !path.is_empty() => {}
        Value::Null | Value::Object(_) => {}
        Value::String(text) => texts.push(text.clone()),
        other => texts.push(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_texts() {
        for (cell, expected) in [
            ("a", "a"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("@x", "'@x"),
        ] {
            assert_eq!(csv_cell(cell.to_owned()), expected);
        }
    }

    #[test]
    fn values_are_found() {
        let event = serde_json::json!({"dns": {"queries": [{"rrname": "a"}, {"rrname": "b"}]}, "n": 5, "o": {}});
        for (path, expected) in [
            ("dns.queries.rrname", Some("a b")),
            ("n", Some("5")),
            ("n.x", None),
            ("o", None),
            ("none", None),
        ] {
            assert_eq!(text_at(&event, path).as_deref(), expected, "{path}");
        }
    }
}
