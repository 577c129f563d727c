//! Batches: what is spooled after a number, as the wire takes it.

use sensor_event::{Class, Dictionary};

use crate::block::{
    BlockHead, BlockKey, WithDictionary, check, compress, decompress_into, dictionary_version,
};
use crate::error::ShipError;
use crate::spool::wire_class;
use crate::store::Store;
use crate::wire;

/// A batch to be sent.
#[derive(Debug)]
pub(crate) struct ReadyBatch {
    pub class: Class,
    pub last_seq: u64,
    pub message: wire::Batch,
}

/// Why no batch could be read.
#[derive(Debug)]
pub(crate) enum BatchFault {
    /// One block is not what was written; others may be.
    Block {
        class: Class,
        first: u64,
        last: u64,
        error: ShipError,
    },
    Store(ShipError),
}

impl BatchFault {
    fn of(key: BlockKey, head: BlockHead, error: ShipError) -> BatchFault {
        if !error.is_damage() {
            return BatchFault::Store(error);
        }
        BatchFault::Block {
            class: key.class,
            first: key.first_seq,
            last: head.last_seq,
            error,
        }
    }
}

/// Reads blocks and makes a batch of what follows a number. A block may have grown or gone since its key
/// was looked up.
pub(crate) fn read_batch(
    store: &Store,
    keys: &[(BlockKey, BlockHead)],
    after: u64,
    dictionaries: &[u32],
    most_bytes: usize,
) -> std::result::Result<Option<ReadyBatch>, BatchFault> {
    let mut blocks: Vec<(BlockKey, BlockHead, Vec<u8>)> = Vec::new();
    for &(key, known) in keys {
        let damaged = |error| BatchFault::of(key, known, error);
        let Some(value) = store.block(key).map_err(damaged)? else {
            continue;
        };
        let (head, lines) = BlockHead::split(&value).ok_or_else(|| {
            damaged(ShipError::Block {
                key: key.to_bytes().to_vec(),
                reason: "it is shorter than its head",
            })
        })?;
        if head.last_seq > after {
            blocks.push((key, head, lines.to_vec()));
        }
    }
    let (Some((first, head, _)), Some((_, last_head, _))) = (blocks.first(), blocks.last()) else {
        return Ok(None);
    };
    let (class, hour) = (first.class, head.hour);
    let mut last_seq = last_head.last_seq;
    let (first_seq, record_count, content_bytes, lines) = if let [(key, _, lines)] = &blocks[..]
        && key.first_seq > after
        && head.content_bytes as usize <= most_bytes
        && understood(dictionaries, dictionary_version(lines))
    {
        let (records, content_bytes) = (head.records, head.content_bytes);
        let first_seq = first.first_seq;
        let (key, head, lines) = blocks.swap_remove(0);
        check(key, head, &lines).map_err(|error| BatchFault::of(key, head, error))?;
        (first_seq, records, content_bytes, lines)
    } else {
        let mut content = Vec::new();
        let first_seq = first.first_seq.max(after + 1);
        let mut records = 0;
        for (key, head, lines) in &blocks {
            decompress_into(*key, *head, lines, &mut content)
                .map_err(|error| BatchFault::of(*key, *head, error))?;
            records += head.records;
        }
        // Only the first block can hold numbers that were sent: it has grown since.
        let skipped = (after + 1).saturating_sub(blocks[0].0.first_seq);
        let start = nth_line(&content, usize::try_from(skipped).unwrap_or(usize::MAX));
        let content = content.get(start..).unwrap_or_default();
        let mut records = records - u32::try_from(skipped).unwrap_or(records);
        let fits = whole_lines(content, most_bytes);
        let content = if fits == content.len() {
            content
        } else {
            let content = content.get(..fits).unwrap_or_default();
            let lines = content.iter().filter(|&&byte| byte == b'\n').count();
            records = u32::try_from(lines).unwrap_or(u32::MAX);
            last_seq = last_number(content).ok_or_else(|| {
                let damaged = ShipError::Block {
                    key: blocks[0].0.to_bytes().to_vec(),
                    reason: "a line of it has no number",
                };
                BatchFault::of(blocks[0].0, blocks[0].1, damaged)
            })?;
            content
        };
        let bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let with = match understood(dictionaries, Dictionary::CURRENT.version) {
            true => WithDictionary::Newest,
            false => WithDictionary::None,
        };
        let lines = compress(class, content, with).map_err(BatchFault::Store)?;
        (first_seq, records, bytes, lines)
    };
    Ok(Some(ReadyBatch {
        class,
        last_seq,
        message: wire::Batch {
            class: wire_class(class).into(),
            first_seq,
            last_seq,
            record_count,
            content_bytes,
            made_hour: hour,
            dictionary_version: dictionary_version(&lines),
            lines: lines.into(),
        },
    }))
}

/// Whether the collector reads what was compressed with this dictionary.
fn understood(dictionaries: &[u32], version: u32) -> bool {
    version == 0 || dictionaries.contains(&version)
}

/// How many bytes the lines have that fit; the first always does.
fn whole_lines(content: &[u8], most_bytes: usize) -> usize {
    if content.len() <= most_bytes {
        return content.len();
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let fitting = content.get(..most_bytes).unwrap_or_default();
    let end = fitting.iter().rposition(is_end);
    end.or_else(|| content.iter().position(is_end))
        .map_or(content.len(), |end| end + 1)
}

/// The number of the last line.
fn last_number(content: &[u8]) -> Option<u64> {
    let line = content.strip_suffix(b"\n")?;
    let begin = line
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |end| end + 1);
    let line = line.get(begin..)?;
    let digits = line.get(..line.iter().position(|&byte| byte == b' ')?)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the line after `skipped` lines begins.
fn nth_line(content: &[u8], skipped: usize) -> usize {
    if skipped == 0 {
        return 0;
    }
    content
        .iter()
        .enumerate()
        .filter(|&(_, &byte)| byte == b'\n')
        .nth(skipped - 1)
        .map_or(content.len(), |(end, _)| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Spool, SpoolLimits};

    #[test]
    fn lines_are_cut_where_they_end() {
        let content = b"8 ab\n9 c\n12 defg\n";
        let rows = [
            (usize::MAX, content.len(), 12),
            (content.len(), content.len(), 12),
            (content.len() - 1, 9, 9),
            (9, 9, 9),
            (8, 5, 8),
            (1, 5, 8),
        ];
        for (most, bytes, last) in rows {
            let fits = whole_lines(content, most);
            assert_eq!(fits, bytes, "{most}");
            assert_eq!(last_number(&content[..fits]), Some(last), "{most}");
        }
        for none in [&b""[..], b"8 ab", b"\n", b"x y\n", b"8\n"] {
            assert_eq!(last_number(none), None);
        }
    }

    /// Short batches bring each record once, whatever the blocks are.
    #[test]
    fn a_block_goes_in_short_batches() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spool =
            Spool::open_by_hand(folder.path(), SpoolLimits::default()).expect("it opens");
        let recorder = spool.handle();
        let mut made = 0_u64;
        for count in [1_u64, 40, 300] {
            for _ in 0..count {
                made += 1;
                let record = format!("{{\"n\":{made},\"text\":\"{}\"}}", "x".repeat(90));
                recorder.append(Class::Record, record.as_bytes());
            }
            spool.turn();
        }
        let shared = spool.shared();
        for most in [1, 1_000, 5_000, usize::MAX] {
            let mut sent = [0; crate::plan::CLASSES];
            let mut seen = Vec::new();
            while let Some(batch) = shared
                .next_batch(&sent, &[true; crate::plan::CLASSES], &[], most)
                .expect("it is read")
            {
                let message = batch.message;
                let content =
                    zstd::bulk::decompress(&message.lines, 1 << 20).expect("it is a frame");
                let numbers: Vec<u64> = content
                    .split(|&byte| byte == b'\n')
                    .filter_map(|line| {
                        let digits = line.split(|&byte| byte == b' ').next()?;
                        std::str::from_utf8(digits).ok()?.parse().ok()
                    })
                    .collect();
                assert_eq!(content.len(), message.content_bytes as usize);
                assert_eq!(numbers.len(), message.record_count as usize);
                assert_eq!(numbers.first(), Some(&message.first_seq));
                assert_eq!(numbers.last(), Some(&message.last_seq));
                assert!(content.len() <= most || numbers.len() == 1, "{most}");
                sent[crate::plan::at(Class::Record)] = batch.last_seq;
                seen.extend(numbers);
            }
            assert!(seen.iter().copied().eq(1..=made), "{most}");
        }
    }
}
