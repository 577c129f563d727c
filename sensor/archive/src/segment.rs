//! Segment files: blocks one behind the other.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::block::{HEADER, Header};

/// Where a block is, and what is known of it without reading it.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub offset: u64,
    pub header: Header,
}

#[derive(Debug)]
pub struct Segment {
    pub number: u64,
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    pub spans: Vec<Span>,
}

impl Segment {
    /// Number of the segment in a file of this name.
    pub fn number(path: &Path) -> Option<u64> {
        if path.extension()? != "arc" {
            return None;
        }
        path.file_stem()?.to_str()?.parse().ok()
    }

    pub fn create(folder: &Path, number: u64) -> io::Result<(Segment, File)> {
        let path = folder.join(format!("{number:016}.arc"));
        let file = File::options().create_new(true).write(true).open(&path)?;
        let segment = Segment {
            number,
            path,
            bytes: 0,
            spans: Vec::new(),
        };
        Ok((segment, file))
    }

    /// Opens a segment of an earlier run, and cuts off what is no whole block; tells whether there was such a rest.
    pub fn open(path: PathBuf, number: u64) -> io::Result<(Segment, bool)> {
        let file = File::options().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        let mut segment = Segment {
            number,
            path,
            bytes: 0,
            spans: Vec::new(),
        };
        let mut head = [0; HEADER];
        while file.read_exact_at(&mut head, segment.bytes).is_ok() {
            let Some(header) = Header::read(&head) else {
                break;
            };
            if segment.bytes + block_bytes(&header) > length {
                break;
            }
            segment.note(header);
        }
        let torn = segment.bytes < length;
        if torn {
            file.set_len(segment.bytes)?;
        }
        Ok((segment, torn))
    }

    /// Appends a block. After an error the file may have bytes behind the last block; the next one overwrites them.
    pub fn append(&mut self, file: &File, header: Header, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, self.bytes)?;
        self.note(header);
        Ok(())
    }

    fn note(&mut self, header: Header) {
        self.spans.push(Span {
            offset: self.bytes,
            header,
        });
        self.bytes += block_bytes(&header);
    }

    pub fn records(&self) -> u64 {
        self.spans
            .iter()
            .map(|span| u64::from(span.header.records))
            .sum()
    }

    /// When its first and last block were kept, Unix milliseconds.
    pub fn kept_ms(&self) -> Option<(i64, i64)> {
        let kept = |span: &Span| span.header.kept_ms;
        Some((self.spans.first().map(kept)?, self.spans.last().map(kept)?))
    }
}

fn block_bytes(header: &Header) -> u64 {
    HEADER as u64 + u64::from(header.length)
}
