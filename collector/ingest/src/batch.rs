//! A batch from the wire: unpacked within limits, cut into lines, each checked.

use std::io::Read;

use collector_index::Event;
use sensor_event::{Class, Dictionary};

use crate::limits::{MAX_COMPRESSED_BYTES, MAX_CONTENT_BYTES, MAX_HOUR, MAX_RECORDS};
use crate::ports::RefusedLine;
use crate::wire;

/// Why a batch as a whole is refused. Lines of it cannot be told apart or numbered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BatchError {
    #[error("class {0} is unknown")]
    Class(i32),
    #[error("dictionary {0} is unknown")]
    Dictionary(u32),
    #[error("{0} compressed bytes; the limit is {MAX_COMPRESSED_BYTES}")]
    Compressed(usize),
    #[error("more content than the {0} bytes that the batch tells")]
    Content(u32),
    #[error("{0} bytes of content; the limit is {MAX_CONTENT_BYTES}")]
    TooLarge(u32),
    #[error("more than {MAX_RECORDS} records")]
    Records,
    #[error("not a zstd frame")]
    Encoding,
    #[error("line {line} has no number")]
    NoNumber { line: usize },
    #[error("line {line}: number {found} is not above {last} and within the batch")]
    Order { line: usize, found: u64, last: u64 },
    #[error("{0} is no hour")]
    Hour(u64),
    #[error("the batch ends at {last} before it begins at {first}")]
    Range { first: u64, last: u64 },
}

/// A checked batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub class: Class,
    pub last_seq: u64,
    pub made_hour: u64,
    pub events: Vec<(u64, Event)>,
    pub refused: Vec<RefusedLine>,
}

/// Unpacks and checks. Takes time in proportion to the content; call it where blocking is allowed.
pub(crate) fn check(batch: &wire::Batch) -> Result<Batch, BatchError> {
    let class = class_of_wire(batch.class).ok_or(BatchError::Class(batch.class))?;
    if batch.first_seq == 0 || batch.last_seq < batch.first_seq || batch.last_seq >= 1 << 63 {
        return Err(BatchError::Range {
            first: batch.first_seq,
            last: batch.last_seq,
        });
    }
    if batch.made_hour > MAX_HOUR {
        return Err(BatchError::Hour(batch.made_hour));
    }
    let dictionary = match batch.dictionary_version {
        0 => None,
        version => Some(Dictionary::of_version(version).ok_or(BatchError::Dictionary(version))?),
    };
    let content = unpack(&batch.lines, batch.content_bytes, dictionary)?;
    let mut checked = Batch {
        class,
        last_seq: batch.last_seq,
        made_hour: batch.made_hour,
        events: Vec::with_capacity(batch.record_count.min(MAX_RECORDS as u32) as usize),
        refused: Vec::new(),
    };
    let mut last = batch.first_seq - 1;
    let lines = content.strip_suffix(b"\n").unwrap_or(&content);
    if lines.is_empty() {
        return Ok(checked);
    }
    for (index, line) in lines.split(|&byte| byte == b'\n').enumerate() {
        if index >= MAX_RECORDS {
            return Err(BatchError::Records);
        }
        let (seq, record) = number(line).ok_or(BatchError::NoNumber { line: index + 1 })?;
        if seq <= last || seq > batch.last_seq {
            return Err(BatchError::Order {
                line: index + 1,
                found: seq,
                last,
            });
        }
        last = seq;
        match Event::parse(record.to_vec()) {
            Ok(event) => checked.events.push((seq, event)),
            Err(error) => checked.refused.push(RefusedLine {
                seq,
                reason: error.to_string(),
                line: record.to_vec(),
            }),
        }
    }
    Ok(checked)
}

/// Decompresses up to the size that was told, and no further.
fn unpack(
    lines: &[u8],
    content_bytes: u32,
    dictionary: Option<Dictionary>,
) -> Result<Vec<u8>, BatchError> {
    if lines.len() > MAX_COMPRESSED_BYTES {
        return Err(BatchError::Compressed(lines.len()));
    }
    if content_bytes as usize > MAX_CONTENT_BYTES {
        return Err(BatchError::TooLarge(content_bytes));
    }
    let bytes = dictionary.map_or(&[][..], |dictionary| dictionary.bytes);
    let mut decoder = zstd::stream::read::Decoder::with_dictionary(lines, bytes)
        .map_err(|_| BatchError::Encoding)?;
    // A window larger than the content may be is memory asked for by a stranger.
    decoder
        .window_log_max(MAX_CONTENT_BYTES.ilog2())
        .map_err(|_| BatchError::Encoding)?;
    let mut content = Vec::new();
    decoder
        .take(u64::from(content_bytes) + 1)
        .read_to_end(&mut content)
        .map_err(|_| BatchError::Encoding)?;
    let most = content_bytes as usize;
    let content = match dictionary {
        Some(dictionary) => dictionary.restore(content, most),
        None => Some(content).filter(|content| content.len() <= most),
    };
    content.ok_or(BatchError::Content(content_bytes))
}

/// The number before a record.
fn number(line: &[u8]) -> Option<(u64, &[u8])> {
    let space = line.iter().take(21).position(|&byte| byte == b' ')?;
    let (digits, record) = line.split_at(space);
    let text = std::str::from_utf8(digits).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((text.parse().ok()?, record.get(1..)?))
}

pub(crate) fn class_of_wire(class: i32) -> Option<Class> {
    match wire::Class::try_from(class).ok()? {
        wire::Class::Unspecified => None,
        wire::Class::Heartbeat => Some(Class::Heartbeat),
        wire::Class::Alert => Some(Class::Alert),
        wire::Class::Context => Some(Class::Context),
        wire::Class::Record => Some(Class::Record),
        wire::Class::Flow => Some(Class::Flow),
    }
}

pub(crate) fn wire_class(class: Class) -> wire::Class {
    match class {
        Class::Heartbeat => wire::Class::Heartbeat,
        Class::Alert => wire::Class::Alert,
        Class::Context => wire::Class::Context,
        Class::Record => wire::Class::Record,
        Class::Flow => wire::Class::Flow,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns"}"#;

    fn batch(content: &[u8]) -> wire::Batch {
        wire::Batch {
            class: wire::Class::Record.into(),
            first_seq: 5,
            last_seq: 9,
            record_count: u32::MAX,
            content_bytes: content.len() as u32,
            made_hour: 1,
            dictionary_version: 0,
            lines: zstd::bulk::compress(content, 1)
                .expect("it compresses")
                .into(),
        }
    }

    #[test]
    fn lines_are_checked_one_by_one() {
        let content = format!("5 {GOOD}\n7 nonsense\n9 {GOOD}\n");
        let checked = check(&batch(content.as_bytes())).expect("the batch is readable");
        let seqs: Vec<u64> = checked.events.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [5, 9]);
        assert_eq!(checked.refused.len(), 1);
        assert_eq!(checked.refused[0].line, b"nonsense");
        assert_eq!(checked.last_seq, 9);
    }

    #[test]
    fn a_batch_that_cannot_be_numbered_is_refused() {
        let rows = [
            (format!("{GOOD}\n"), BatchError::NoNumber { line: 1 }),
            (format!("+5 {GOOD}\n"), BatchError::NoNumber { line: 1 }),
            (format!("5 {GOOD}\n\n"), BatchError::NoNumber { line: 2 }),
            (
                format!("5 {GOOD}\n5 {GOOD}\n"),
                BatchError::Order {
                    line: 2,
                    found: 5,
                    last: 5,
                },
            ),
            (
                format!("10 {GOOD}\n"),
                BatchError::Order {
                    line: 1,
                    found: 10,
                    last: 4,
                },
            ),
        ];
        for (content, expected) in rows {
            assert_eq!(
                check(&batch(content.as_bytes())).expect_err("refused"),
                expected
            );
        }
    }

    #[test]
    fn bombs_are_refused() {
        let bomb = vec![b' '; MAX_CONTENT_BYTES + 1];
        assert!(matches!(check(&batch(&bomb)), Err(BatchError::TooLarge(_))));
        let mut lying = batch(&bomb);
        lying.content_bytes = 100;
        assert_eq!(check(&lying).expect_err("more"), BatchError::Content(100));
        let mut many = batch(b"");
        many.lines = vec![0; MAX_COMPRESSED_BYTES + 1].into();
        assert!(matches!(check(&many), Err(BatchError::Compressed(_))));
        let mut wrong = batch(b"");
        wrong.first_seq = 10;
        assert!(matches!(check(&wrong), Err(BatchError::Range { .. })));
        wrong = batch(b"");
        wrong.class = 99;
        assert_eq!(check(&wrong).expect_err("unknown"), BatchError::Class(99));
        let mut records = String::new();
        for seq in 5..5 + MAX_RECORDS as u64 + 1 {
            records.push_str(&format!("{seq} x\n"));
        }
        let mut wide = batch(records.as_bytes());
        wide.last_seq = 1 << 40;
        assert_eq!(check(&wide).expect_err("too many"), BatchError::Records);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), compressed in any::<bool>()) {
            let mut batch = batch(&bytes);
            if !compressed {
                batch.lines = bytes.into();
            }
            if let Ok(checked) = check(&batch) {
                prop_assert!(checked.events.len() + checked.refused.len() <= 5);
            }
        }
    }
}
