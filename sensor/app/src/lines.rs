//! Lines of text protocols out of chunks.

use std::borrow::Cow;

/// A line of one side.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Without CR and LF at its end.
    pub bytes: Cow<'a, [u8]>,
    /// Longer than the limit: this is its beginning, the rest is passed over.
    pub cut: bool,
    /// Bytes of CR and LF at its end; 0 for a cut line.
    pub end_bytes: usize,
}

/// Puts lines together that end with LF, CR before it or not.
#[derive(Debug)]
pub struct Lines {
    held: Vec<u8>,
    limit: usize,
    skipping: bool,
}

impl Lines {
    /// Lines with their ends have fewer bytes than `limit`.
    pub fn new(limit: usize) -> Self {
        Lines {
            held: Vec::new(),
            limit,
            skipping: false,
        }
    }

    /// Bytes are lost: what comes next is the end of a line whose beginning is not known.
    pub fn lose(&mut self) {
        self.held = Vec::new();
        self.skipping = true;
    }

    /// Takes the next line off the front of `data`; `None` when the rest of it is no whole line (it is kept).
    pub fn next<'a>(&mut self, data: &mut &'a [u8]) -> Option<Line<'a>> {
        let mut bytes = *data;
        if self.skipping {
            let end = bytes.iter().position(|&byte| byte == b'\n');
            bytes = end.map_or(&[][..], |end| &bytes[end + 1..]);
            *data = bytes;
            self.skipping = end.is_none();
        }
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        *data = rest;
        if self.held.len() + line.len() >= self.limit {
            let mut bytes = std::mem::take(&mut self.held);
            bytes.extend_from_slice(&line[..self.limit - bytes.len()]);
            self.skipping = end.is_none();
            return Some(Line {
                bytes: Cow::Owned(bytes),
                cut: true,
                end_bytes: 0,
            });
        }
        if end.is_none() {
            self.held.extend_from_slice(line);
            return None;
        }
        let mut bytes = if self.held.is_empty() {
            Cow::Borrowed(line)
        } else {
            self.held.extend_from_slice(line);
            Cow::Owned(std::mem::take(&mut self.held))
        };
        let end_bytes = 1 + usize::from(bytes.ends_with(b"\r\n"));
        let length = bytes.len() - end_bytes;
        match &mut bytes {
            Cow::Borrowed(bytes) => *bytes = &bytes[..length],
            Cow::Owned(bytes) => bytes.truncate(length),
        }
        Some(Line {
            bytes,
            cut: false,
            end_bytes,
        })
    }

    /// Gives up what is held, to another reader of the same side.
    pub fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]], limit: usize) -> Vec<(Vec<u8>, bool)> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while let Some(line) = lines.next(&mut rest) {
                found.push((line.bytes.into_owned(), line.cut));
            }
            assert!(rest.is_empty());
        }
        found
    }

    #[test]
    fn lines_end_with_lf() {
        type Row = (&'static [&'static [u8]], &'static [(&'static str, bool)]);
        let rows: &[Row] = &[
            (&[b"a\r\nb\n", b"c"], &[("a", false), ("b", false)]),
            (&[b"a\r", b"\nb\r\r\n"], &[("a", false), ("b\r", false)]),
            (&[b"\n\r\n"], &[("", false), ("", false)]),
            (&[b"12345678\nx\n"], &[("12345678", true), ("x", false)]),
            (
                &[b"1234", b"56789", b"0\nx\n"],
                &[("12345678", true), ("x", false)],
            ),
            (&[b"1234567\n"], &[("1234567\n", true)]),
            (&[b"123456\n"], &[("123456", false)]),
        ];
        for (chunks, expected) in rows {
            let expected: Vec<_> = expected
                .iter()
                .map(|(text, cut)| (text.as_bytes().to_vec(), *cut))
                .collect();
            assert_eq!(lines(chunks, 8), expected, "{chunks:?}");
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            bytes in proptest::collection::vec(proptest::sample::select(b"ab\r\n".to_vec()), 0..60),
            step in 1usize..9,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(step).collect();
            prop_assert_eq!(lines(&[&bytes], 8), lines(&chunks, 8));
        }
    }
}
