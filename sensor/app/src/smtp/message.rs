//! A mail as it passes: header fields, parts, attachments (RFC 5322, RFC 2045, RFC 2046 §5.1).
//!
//! As forgiving as the programs that read mail: a line that is no field is passed over, parts nest without
//! regard to the type that holds them, an attached mail is read like the one around it.

use md5::{Digest, Md5};

use super::coding::{Base64, Coding, LineEnd, Quoted};
use super::events;
use super::url::Urls;
use crate::file::MAX_FILES;
use crate::http1::parameter;

/// A line longer than this is cut where whole lines are needed: in header fields and at boundaries.
pub const MAX_LINE_BYTES: usize = 4096;
/// Header fields kept of a mail and of one part.
pub const MAX_FIELDS: usize = 1024;
/// Bytes of their names and values.
pub const MAX_FIELD_BYTES: usize = 256 * 1024;
/// Boundaries of parts within parts.
pub const MAX_NESTING: usize = 32;
/// Bytes of the name of an attachment.
pub const MAX_FILE_NAME_BYTES: usize = 255;
/// Bytes of a field in which parameters are looked for.
pub const MAX_PARAMETER_BYTES: usize = 16 * 1024;
/// Sections of one parameter.
pub const MAX_SECTIONS: usize = 256;

/// RFC 5322 §2.1.1, without the end.
const LONG_LINE_BYTES: usize = 998;
/// RFC 2045 §6.7 and §6.8.
const LONG_CODED_LINE_BYTES: usize = 76;
const LONG_NAME_BYTES: usize = 75;
const LONG_VALUE_BYTES: usize = 2000;
const LONG_BOUNDARY_BYTES: usize = 254;

/// What comes out of a mail, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// An attachment begins.
    Open(&'a [u8]),
    Data(&'a [u8]),
    Close,
    /// Something odd, as a number of [`events`].
    Odd(u16),
}

/// Whether a line with a dot alone ends the mail (DATA), or a count of bytes does (BDAT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Dot,
    Count,
}

/// A header field; the value is unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fields,
    Body,
    Over,
}

/// Whose text may hold addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Other,
}

/// Reads a mail.
#[derive(Debug)]
pub struct Message {
    stage: Stage,
    /// Fields of the mail, then those of the part that is being read.
    fields: Vec<Field>,
    field_bytes: usize,
    /// How many of them are the mail's own; 0 until they are known.
    own: usize,
    /// Each with its two dashes.
    boundaries: Vec<Vec<u8>>,
    attachments: Vec<Vec<u8>>,
    urls: Urls,
    digest: Option<Md5>,
    body_md5: Option<[u8; 16]>,
    part: Part,
    line: LineState,
    decoded: Vec<u8>,
}

/// The part that is being read.
#[derive(Debug)]
struct Part {
    kind: Kind,
    coding: Coding,
    file_name: Vec<u8>,
}

impl Default for Part {
    fn default() -> Self {
        Part {
            kind: Kind::Text,
            coding: Coding::default(),
            file_name: Vec::new(),
        }
    }
}

/// The line that is being read.
#[derive(Debug, Default)]
struct LineState {
    bytes: usize,
    /// Its beginning, when it is needed whole.
    held: Option<Vec<u8>>,
    /// A CR that may belong to the line's end.
    cr: bool,
}

impl Default for Message {
    fn default() -> Self {
        Message {
            stage: Stage::Fields,
            fields: Vec::new(),
            field_bytes: 0,
            own: 0,
            boundaries: Vec::new(),
            attachments: Vec::new(),
            urls: Urls::default(),
            digest: None,
            body_md5: None,
            part: Part::default(),
            line: LineState::default(),
            decoded: Vec::new(),
        }
    }
}

type Out<'a> = &'a mut dyn FnMut(Piece<'_>);

impl Message {
    /// The mail's own header fields.
    pub fn fields(&self) -> &[Field] {
        let known = if self.own == 0 && self.stage == Stage::Fields {
            self.fields.len()
        } else {
            self.own
        };
        &self.fields[..known]
    }

    /// Values of the mail's own fields of a name in lower case.
    pub fn values<'a>(&'a self, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.as_slice())
    }

    /// No more of the mail's own fields will come.
    pub fn has_all_fields(&self) -> bool {
        self.own > 0 || self.stage != Stage::Fields
    }

    /// Names of attachments.
    pub fn attachments(&self) -> &[Vec<u8>] {
        &self.attachments
    }

    pub fn urls(&self) -> &[Vec<u8>] {
        self.urls.found()
    }

    /// Over the bytes of the body, once it is over.
    pub fn body_md5(&self) -> Option<&[u8; 16]> {
        self.body_md5.as_ref()
    }

    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Takes the next bytes; how many of them belong to the mail.
    pub fn push(&mut self, bytes: &[u8], ending: Ending, out: Out<'_>) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_over() {
            let end = rest.iter().position(|&byte| byte == b'\n');
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after.get(1..).unwrap_or_default();
            self.text(piece, ending, out);
            if end.is_some() {
                self.end_line(ending, out);
            }
        }
        bytes.len() - rest.len()
    }

    /// Bytes that will never come, and the rest of their line with them.
    pub fn gap(&mut self) {
        self.line = LineState::default();
        // What follows a hole is decoded anew.
        match &mut self.part.coding {
            Coding::Plain { end } => *end = None,
            Coding::Base64(base64) => *base64 = Base64::default(),
            Coding::Quoted(quoted) => *quoted = Quoted::default(),
        }
    }

    /// The mail is over.
    pub fn finish(&mut self, out: Out<'_>) {
        if self.is_over() {
            return;
        }
        self.urls.finish();
        self.close_part(out);
        self.body_md5 = self.digest.take().map(|digest| digest.finalize().into());
        self.stage = Stage::Over;
    }

    /// Bytes within a line.
    fn text(&mut self, piece: &[u8], ending: Ending, out: Out<'_>) {
        if piece.is_empty() {
            return;
        }
        if self.line.bytes == 0 {
            let whole = self.stage == Stage::Fields
                || piece.starts_with(b"-")
                || ending == Ending::Dot && piece.starts_with(b".");
            self.line.held = whole.then(Vec::new);
        }
        if let Some(held) = &mut self.line.held {
            let before = self.line.bytes;
            self.line.bytes += piece.len();
            let room = MAX_LINE_BYTES - held.len();
            if piece.len() <= room {
                held.extend_from_slice(piece);
                return;
            }
            if before <= MAX_LINE_BYTES {
                out(Piece::Odd(events::TRUNCATED_LINE));
            }
            if self.stage == Stage::Fields {
                held.extend_from_slice(&piece[..room]);
                return;
            }
            // Too long for a boundary: it is text.
            let held = std::mem::take(held);
            self.line.held = None;
            self.body(&held, None, out);
            self.stream(piece, out);
            return;
        }
        self.line.bytes += piece.len();
        self.stream(piece, out);
    }

    /// Bytes of a body line that need not be whole.
    fn stream(&mut self, piece: &[u8], out: Out<'_>) {
        if std::mem::take(&mut self.line.cr) {
            self.body(b"\r", None, out);
        }
        let text = piece.strip_suffix(b"\r");
        self.line.cr = text.is_some();
        self.body(text.unwrap_or(piece), None, out);
    }

    fn end_line(&mut self, ending: Ending, out: Out<'_>) {
        let line = std::mem::take(&mut self.line);
        let mut end = if line.cr { LineEnd::CrLf } else { LineEnd::Lf };
        let mut bytes = line.bytes - usize::from(line.cr);
        let whole = match line.held {
            Some(mut held) => {
                if held.last() == Some(&b'\r') {
                    held.pop();
                    bytes -= 1;
                    end = LineEnd::CrLf;
                }
                Some(held)
            }
            // An empty line of the header.
            None if self.stage == Stage::Fields => Some(Vec::new()),
            None => None,
        };
        if bytes > LONG_LINE_BYTES {
            out(Piece::Odd(events::MIME_LONG_LINE));
        }
        let Some(whole) = whole else {
            self.body_end(bytes, end, out);
            return;
        };
        if ending == Ending::Dot && whole == b"." {
            self.finish(out);
            return;
        }
        match self.stage {
            Stage::Fields => {
                if let Some(digest) = &mut self.digest {
                    digest.update(&whole);
                    digest.update(end.bytes());
                }
                self.field_line(&whole, out);
            }
            Stage::Body => {
                if self
                    .boundaries
                    .last()
                    .is_some_and(|boundary| whole.starts_with(boundary))
                {
                    let digest = self.digest.get_or_insert_default();
                    digest.update(&whole);
                    digest.update(end.bytes());
                    self.boundary(&whole, out);
                } else {
                    self.body(&whole, None, out);
                    self.body_end(bytes, end, out);
                }
            }
            Stage::Over => {}
        }
    }

    fn field_line(&mut self, line: &[u8], out: Out<'_>) {
        if line.is_empty() {
            self.end_fields(out);
            return;
        }
        let in_block = self.fields.len() > self.own;
        if in_block && matches!(line.first(), Some(b' ' | b'\t')) {
            let more = &line[1..];
            if self.field_bytes + more.len() <= MAX_FIELD_BYTES
                && let Some(last) = self.fields.last_mut()
            {
                self.field_bytes += more.len();
                last.value.extend_from_slice(more);
            }
            return;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii_start());
        if name.len() > LONG_NAME_BYTES {
            out(Piece::Odd(events::MIME_LONG_HEADER_NAME));
        }
        if value.len() > LONG_VALUE_BYTES {
            out(Piece::Odd(events::MIME_LONG_HEADER_VALUE));
        }
        let bytes = name.len() + value.len();
        if self.fields.len() < self.own + MAX_FIELDS && self.field_bytes + bytes <= MAX_FIELD_BYTES
        {
            self.field_bytes += bytes;
            self.fields.push(Field {
                name: name.to_vec(),
                value: value.to_vec(),
            });
        }
    }

    /// The empty line behind a header: what the part is.
    fn end_fields(&mut self, out: Out<'_>) {
        let fields = self.fields.split_off(self.own);
        let mut encapsulated = false;
        for Field { name, value } in &fields {
            if name.eq_ignore_ascii_case(b"content-disposition") {
                self.name_file(parameters(value, b"filename"), out);
            } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
                if value.eq_ignore_ascii_case(b"base64") {
                    self.part.coding = Coding::Base64(Base64::default());
                } else if value.eq_ignore_ascii_case(b"quoted-printable") {
                    self.part.coding = Coding::Quoted(Quoted::default());
                }
            } else if name.eq_ignore_ascii_case(b"content-type") {
                self.name_file(parameters(value, b"name"), out);
                if let Some(boundary) = parameters(value, b"boundary")
                    && self.boundaries.len() < MAX_NESTING
                {
                    if boundary.len() > LONG_BOUNDARY_BYTES {
                        out(Piece::Odd(events::MIME_LONG_BOUNDARY));
                    }
                    self.boundaries.push([b"--", boundary.as_slice()].concat());
                }
                let kind = value.split(|&byte| byte == b';').next().unwrap_or(value);
                self.part.kind = match kind {
                    b"text/plain" | b"text/html" => Kind::Text,
                    _ => Kind::Other,
                };
                encapsulated |= kind.starts_with(b"message/");
            }
        }
        if self.own == 0 {
            self.own = fields.len();
            self.fields = fields;
        } else {
            self.forget_part_fields();
        }
        if encapsulated {
            self.begin_part();
            return;
        }
        self.stage = Stage::Body;
        if !self.part.file_name.is_empty() {
            out(Piece::Open(&self.part.file_name));
        }
    }

    fn name_file(&mut self, name: Option<Vec<u8>>, out: Out<'_>) {
        let Some(mut name) = name.filter(|_| self.part.file_name.is_empty()) else {
            return;
        };
        if name.len() > MAX_FILE_NAME_BYTES {
            out(Piece::Odd(events::MIME_LONG_FILENAME));
            name.truncate(MAX_FILE_NAME_BYTES);
        }
        if self.attachments.len() < MAX_FILES {
            self.attachments.push(name.clone());
        }
        self.part.file_name = name;
    }

    fn boundary(&mut self, line: &[u8], out: Out<'_>) {
        self.close_part(out);
        if let Some(boundary) = self.boundaries.last()
            && line[boundary.len()..].starts_with(b"--")
        {
            self.boundaries.pop();
        }
        self.begin_part();
    }

    fn begin_part(&mut self) {
        self.forget_part_fields();
        self.part = Part::default();
        self.stage = Stage::Fields;
    }

    fn forget_part_fields(&mut self) {
        self.fields.truncate(self.own);
        self.field_bytes = self
            .fields
            .iter()
            .map(|field| field.name.len() + field.value.len())
            .sum();
    }

    fn close_part(&mut self, out: Out<'_>) {
        if self.part.file_name.is_empty() {
            return;
        }
        let mut rest = Vec::new();
        self.part.coding.finish(&mut rest);
        if !rest.is_empty() {
            out(Piece::Data(&rest));
        }
        out(Piece::Close);
        self.part.file_name.clear();
    }

    /// The end of a body line of so many bytes.
    fn body_end(&mut self, line_bytes: usize, end: LineEnd, out: Out<'_>) {
        if line_bytes > LONG_CODED_LINE_BYTES
            && !matches!(self.part.coding, Coding::Plain { .. })
            && (self.part.kind == Kind::Text || !self.part.file_name.is_empty())
        {
            out(Piece::Odd(events::MIME_LONG_ENC_LINE));
        }
        self.body(b"", Some(end), out);
    }

    /// A piece of a body line, and its end when the piece is the last.
    fn body(&mut self, piece: &[u8], end: Option<LineEnd>, out: Out<'_>) {
        let end_bytes = end.map_or(&[][..], LineEnd::bytes);
        let digest = self.digest.get_or_insert_default();
        digest.update(piece);
        digest.update(end_bytes);
        let attached = !self.part.file_name.is_empty();
        if !attached && self.part.kind == Kind::Other {
            return;
        }
        // Text is searched as it stands, unless it cannot be read so.
        let plain = matches!(self.part.coding, Coding::Plain { .. })
            || !attached && matches!(self.part.coding, Coding::Quoted(_));
        if plain {
            self.urls.push(piece);
            self.urls.push(end_bytes);
            if !attached {
                return;
            }
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        if self.part.coding.decode(piece, end, &mut decoded).is_err() {
            out(Piece::Odd(match self.part.coding {
                Coding::Quoted(_) => events::MIME_INVALID_QP,
                Coding::Base64(_) | Coding::Plain { .. } => events::MIME_INVALID_BASE64,
            }));
        }
        if !plain {
            self.urls.push(&decoded);
        }
        if attached && !decoded.is_empty() {
            out(Piece::Data(&decoded));
        }
        self.decoded = decoded;
    }
}

/// A parameter, put together when it stands in numbered sections (RFC 2231 §3).
fn parameters(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let value = &value[..value.len().min(MAX_PARAMETER_BYTES)];
    if let Some(value) = parameter(value, name) {
        return Some(value.to_vec());
    }
    let section = |number: usize| {
        let name = [name, format!("*{number}").as_bytes()].concat();
        parameter(value, &name)
    };
    let mut whole = section(0)?.to_vec();
    for number in 1..=MAX_SECTIONS {
        match section(number) {
            Some(more) if whole.len() <= MAX_FILE_NAME_BYTES => whole.extend_from_slice(more),
            _ => break,
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a mail gave: a line for each piece, data of one file joined.
    fn read(chunks: &[&[u8]], ending: Ending) -> (Message, Vec<String>) {
        let mut message = Message::default();
        let mut told: Vec<String> = Vec::new();
        for chunk in chunks {
            message.push(chunk, ending, &mut |piece| match piece {
                Piece::Open(name) => told.push(format!("open {}", String::from_utf8_lossy(name))),
                Piece::Data(data) => {
                    let text = data.escape_ascii();
                    match told.last_mut().filter(|last| last.starts_with("data ")) {
                        Some(last) => last.push_str(&text.to_string()),
                        None => told.push(format!("data {text}")),
                    }
                }
                Piece::Close => told.push("close".to_owned()),
                Piece::Odd(number) => {
                    told.insert(0, format!("odd {number}"));
                }
            });
        }
        told.dedup_by(|a, b| a == b && a.starts_with("odd"));
        (message, told)
    }

    const MIXED: &str = "From: a\r\nTo: b,\r\n c\r\nno field\r\n\
        Content-Type: multipart/mixed; boundary=\"xx\"\r\n\r\n\
        preamble http://no.example\r\n--xx\r\nContent-Type: text/plain\r\n\r\n\
        see http://a.example\r\n--xx\r\n\
        Content-Type: application/x; name=\"f.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        aGVs\r\nbG8=\r\n--xx\r\nContent-Disposition: attachment; filename*0=\"g\"; filename*1=.txt\r\n\
        \r\none\r\n-two\r\n\r\n--xx--\r\n\r\n.\r\n";

    #[test]
    fn parts_become_files() {
        let (message, told) = read(&[MIXED.as_bytes()], Ending::Dot);
        assert_eq!(
            told,
            [
                "open f.bin",
                "data hello",
                "close",
                "open g.txt",
                "data one\\r\\n-two\\r\\n",
                "close"
            ]
        );
        assert!(message.is_over());
        assert_eq!(
            message.attachments(),
            [b"f.bin".to_vec(), b"g.txt".to_vec()]
        );
        assert_eq!(message.urls(), [b"a.example".to_vec()]);
        assert_eq!(message.values(b"to").next(), Some(&b"b,c"[..]));
        assert_eq!(message.fields().len(), 3);
        assert!(message.body_md5().is_some());
    }

    #[test]
    fn an_attached_mail_is_read_like_the_one_around_it() {
        let mail = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\
            Content-Transfer-Encoding: base64\nContent-Type: message/rfc822\n\n\
            Content-Disposition: attachment; filename=\"a.exe\"\n\nMZ\n--x--\n.\n";
        let (_, told) = read(&[mail.as_bytes()], Ending::Dot);
        assert_eq!(told, ["open a.exe", "data MZ", "close"]);
    }

    #[test]
    fn a_dot_ends_data_alone() {
        let mail = b"A: b\r\n\r\ntext\r\n.\r\nQUIT\r\n";
        let mut message = Message::default();
        let used = message.push(mail, Ending::Dot, &mut |_| {});
        assert_eq!(&mail[used..], b"QUIT\r\n");
        let mut message = Message::default();
        assert_eq!(message.push(mail, Ending::Count, &mut |_| {}), mail.len());
        assert!(!message.is_over());
        // md5 of "text\r\n"
        let (message, _) = read(&[b"A: b\r\n\r\ntext\r\n.\r\n"], Ending::Dot);
        assert_eq!(
            message.body_md5().map(|md5| md5[..4].to_vec()),
            Some(vec![0x95, 0xc4, 0xb1, 0x5d])
        );
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut message = Message::default();
        for number in 0..4 * MAX_FIELDS {
            message.push(
                format!("x-{number}: {}\n y\n", "v".repeat(600)).as_bytes(),
                Ending::Dot,
                &mut |_| {},
            );
        }
        message.push(&[b'x'; 3 * MAX_LINE_BYTES], Ending::Dot, &mut |_| {});
        assert!(message.fields.len() <= MAX_FIELDS);
        assert!(message.field_bytes <= MAX_FIELD_BYTES);
        let held = message.line.held.as_ref().map_or(0, Vec::len);
        assert_eq!(held, MAX_LINE_BYTES);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_mail(step in 1usize..70) {
            let chunks: Vec<&[u8]> = MIXED.as_bytes().chunks(step).collect();
            let (whole, told) = read(&[MIXED.as_bytes()], Ending::Dot);
            let (message, told_again) = read(&chunks, Ending::Dot);
            prop_assert_eq!(told, told_again);
            prop_assert_eq!(whole.body_md5(), message.body_md5());
            prop_assert_eq!(whole.urls(), message.urls());
        }

        #[test]
        fn no_mail_panics(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60),
            step in 1usize..40,
        ) {
            let mail = words.concat();
            let chunks: Vec<&[u8]> = mail.chunks(step).collect();
            let (whole, told) = read(&[&mail], Ending::Dot);
            let (message, told_again) = read(&chunks, Ending::Dot);
            prop_assert_eq!(told, told_again);
            prop_assert_eq!(whole.fields(), message.fields());
        }
    }

    const WORDS: &[&[u8]] = &[
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Type: message/rfc822; name=y\n",
        b"Content-Disposition: a; filename=f\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b".",
        b"--x\r\n",
        b"--x--\r\n",
        b"=",
        b"=4",
        b"aGVsbG8=",
        b"http://a b",
    ];
}
