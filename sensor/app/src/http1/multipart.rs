//! Forms in request bodies: `multipart/form-data` (RFC 7578, RFC 2046 §5.1) as parts with their names.

use super::wire::{Begun, Next, next_field};
use sensor_flow::Direction;

/// Bytes of one part's headers; a part with more has no name.
pub const MAX_PART_HEADER_BYTES: usize = 8 * 1024;
/// RFC 2046 allows 70; browsers take more.
pub const MAX_BOUNDARY_BYTES: usize = 200;

/// What comes out of a form, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A part with a file name begins.
    Open(&'a [u8]),
    Data(&'a [u8]),
    Close,
    InvalidHeader,
    /// A part ended before it had any data.
    NoData,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary, or behind the last.
    Outside,
    /// On the rest of a boundary's line.
    Boundary,
    Headers,
    Part,
    File,
    Over,
}

/// Reads a form as it passes.
#[derive(Debug)]
pub struct Multipart {
    /// LF and the boundary with its dashes; a CR before it belongs to it.
    delimiter: Vec<u8>,
    state: State,
    pending: Vec<u8>,
    file_bytes: u64,
}

impl Multipart {
    /// For a `Content-Type` that names a boundary.
    pub fn new(content_type: &[u8]) -> Option<Self> {
        let (kind, parameters) = content_type.split_at(
            content_type
                .iter()
                .position(|&byte| byte == b';')
                .unwrap_or(content_type.len()),
        );
        if !kind
            .trim_ascii()
            .eq_ignore_ascii_case(b"multipart/form-data")
        {
            return None;
        }
        let boundary = parameter(parameters, b"boundary")?;
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY_BYTES {
            return None;
        }
        Some(Multipart {
            delimiter: [b"\n--", boundary].concat(),
            state: State::Outside,
            // The first boundary needs no line end before it.
            pending: b"\n".to_vec(),
            file_bytes: 0,
        })
    }

    /// The next bytes of the body.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
        if self.state == State::Over {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(used) = self.step(&pending[at..], out) {
            at += used;
        }
        pending.drain(..at);
        self.pending = pending;
    }

    /// Takes one step; `None` when more bytes are needed.
    fn step(&mut self, input: &[u8], out: &mut dyn FnMut(Piece<'_>)) -> Option<usize> {
        match self.state {
            State::Over => (!input.is_empty()).then_some(input.len()),
            State::Outside | State::Part | State::File => self.content(input, out),
            State::Boundary => {
                if input.starts_with(b"--") {
                    self.state = State::Over;
                    return Some(2);
                }
                if input == b"-" {
                    return None;
                }
                match input.iter().position(|&byte| byte == b'\n') {
                    Some(line) => {
                        self.state = State::Headers;
                        Some(line + 1)
                    }
                    None if input.len() > MAX_PART_HEADER_BYTES => {
                        self.state = State::Part;
                        Some(input.len())
                    }
                    None => None,
                }
            }
            State::Headers => self.headers(input, out),
        }
    }

    /// Bytes up to the next boundary.
    fn content(&mut self, input: &[u8], out: &mut dyn FnMut(Piece<'_>)) -> Option<usize> {
        let found = find(input, &self.delimiter);
        let delimiter = found.unwrap_or_else(|| input.len() - held_back(input, &self.delimiter));
        let end = delimiter - usize::from(input[..delimiter].ends_with(b"\r"));
        if self.state == State::File && end > 0 {
            self.file_bytes += end as u64;
            out(Piece::Data(&input[..end]));
        }
        if found.is_none() {
            return (end > 0).then_some(end);
        }
        if self.state == State::File {
            if self.file_bytes == 0 {
                out(Piece::NoData);
            }
            out(Piece::Close);
        }
        self.state = State::Boundary;
        Some(delimiter + self.delimiter.len())
    }

    fn headers(&mut self, input: &[u8], out: &mut dyn FnMut(Piece<'_>)) -> Option<usize> {
        let mut at = 0;
        let mut name: Option<Vec<u8>> = None;
        loop {
            match next_field(Direction::ToServer, &input[at..], false, Begun::Yes) {
                Next::Field(field, used) => {
                    at += used;
                    if field.oddities.missing_colon {
                        out(Piece::InvalidHeader);
                    }
                    if field.name.eq_ignore_ascii_case(b"content-disposition") {
                        name = file_name(&field.value).map(<[u8]>::to_vec);
                    }
                }
                Next::End(used, _) => {
                    at += used;
                    break;
                }
                Next::More if input.len() > MAX_PART_HEADER_BYTES => {
                    out(Piece::InvalidHeader);
                    self.state = State::Part;
                    return Some(input.len());
                }
                Next::More => return None,
            }
        }
        match name.filter(|name| !name.is_empty()) {
            Some(name) => {
                out(Piece::Open(&name));
                self.file_bytes = 0;
                self.state = State::File;
            }
            None => self.state = State::Part,
        }
        Some(at)
    }
}

/// The file name in a `Content-Disposition` (RFC 6266 §4.3), as it stands.
pub fn file_name(value: &[u8]) -> Option<&[u8]> {
    let quotes = (0..value.len()).filter(|&at| {
        let escaped = at > 0 && value[at - 1] == b'\\';
        value[at] == b'"' && !escaped
    });
    // A name whose quotes are not closed is none.
    parameter(value, b"filename").filter(|_| quotes.count() % 2 == 0)
}

/// A parameter behind a semicolon: `; name=value`, quoted or not.
pub(crate) fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut quoted = false;
    let mut escaped = false;
    let mut begin = 0;
    let mut found = None;
    let consider = |part: &'a [u8]| {
        let part = part.trim_ascii();
        let equals = part.iter().position(|&byte| byte == b'=')?;
        if !part[..equals].trim_ascii().eq_ignore_ascii_case(name) {
            return None;
        }
        let value = part[equals + 1..].trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        Some(value.strip_suffix(b"\"").unwrap_or(value))
    };
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                found = found.or_else(|| consider(&value[begin..at]));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.or_else(|| consider(&value[begin..]))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, _) = needle.split_first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&byte| byte == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Bytes at the end of the input that may be the beginning of the delimiter.
fn held_back(input: &[u8], delimiter: &[u8]) -> usize {
    let longest = input.len().min(delimiter.len() - 1);
    (0..=longest)
        .rev()
        .find(|&count| input.ends_with(&delimiter[..count]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(content_type: &str, chunks: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut form = Multipart::new(content_type.as_bytes()).expect("a form");
        for chunk in chunks {
            form.push(chunk, &mut |piece| match piece {
                Piece::Open(name) => {
                    files.push((String::from_utf8_lossy(name).into_owned(), Vec::new()));
                }
                Piece::Data(data) => {
                    if let Some((_, bytes)) = files.last_mut() {
                        bytes.extend_from_slice(data);
                    }
                }
                _ => {}
            });
        }
        files
    }

    #[test]
    fn files_of_a_form() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"a;b.txt\"\r\n\
            Content-Type: text/plain\r\n\r\none\r\n--xy two\r\n--xyz\r\n\
            Content-Disposition: form-data; name=\"g\"; filename=c\r\n\r\n\r\n--xyz--\r\n";
        let expected = vec![
            ("a;b.txt".to_owned(), b"one\r\n--xy two".to_vec()),
            ("c".to_owned(), Vec::new()),
        ];
        let kind = "multipart/form-data; boundary=xyz";
        assert_eq!(pieces(kind, &[body]), expected);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(pieces(kind, &bytes), expected);
    }

    #[test]
    fn only_forms_with_a_boundary() {
        assert!(Multipart::new(b"multipart/form-data").is_none());
        assert!(Multipart::new(b"text/plain; boundary=x").is_none());
        assert!(Multipart::new(b"Multipart/Form-Data;boundary=\"x y\"").is_some());
    }

    #[test]
    fn names_of_files() {
        let rows: &[(&str, Option<&str>)] = &[
            ("attachment; filename=\"a.exe\"", Some("a.exe")),
            ("attachment; filename=a.exe; size=3", Some("a.exe")),
            ("filename=b", Some("b")),
            ("attachment; filename=\"a;\\\"b\"", Some("a;\\\"b")),
            ("attachment", None),
        ];
        for &(value, name) in rows {
            assert_eq!(
                file_name(value.as_bytes()),
                name.map(str::as_bytes),
                "{value}"
            );
        }
    }
}
