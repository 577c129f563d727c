//! Content-Transfer-Encoding (RFC 2045 §6), undone as the bytes pass.

/// Bytes that the coding does not allow.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

/// A line's end as it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    Lf,
    CrLf,
}

impl LineEnd {
    pub fn bytes(self) -> &'static [u8] {
        match self {
            LineEnd::Lf => b"\n",
            LineEnd::CrLf => b"\r\n",
        }
    }
}

/// How a part's content is written, and what of it waits for more.
#[derive(Debug)]
pub enum Coding {
    /// The end of a line is content when another one follows; before a boundary it belongs to that.
    Plain {
        end: Option<LineEnd>,
    },
    Base64(Base64),
    Quoted(Quoted),
}

impl Default for Coding {
    fn default() -> Self {
        Coding::Plain { end: None }
    }
}

impl Coding {
    /// Decodes a piece of a line, and its end when the piece is the last.
    pub fn decode(
        &mut self,
        piece: &[u8],
        end: Option<LineEnd>,
        out: &mut Vec<u8>,
    ) -> Result<(), Invalid> {
        match self {
            Coding::Plain { end: before } => {
                if let Some(before) = before.take() {
                    out.extend_from_slice(before.bytes());
                }
                out.extend_from_slice(piece);
                *before = end;
                Ok(())
            }
            Coding::Base64(base64) => base64.decode(piece, out),
            Coding::Quoted(quoted) => quoted.decode(piece, end, out),
        }
    }

    /// The part is over.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Coding::Base64(base64) = self {
            base64.finish(out);
        }
    }
}

/// RFC 2045 §6.8: characters outside the alphabet are passed over.
#[derive(Debug, Default)]
pub struct Base64 {
    /// Values of the characters of an unfinished group; `None` is padding.
    group: [Option<u8>; 4],
    filled: usize,
}

impl Base64 {
    /// All that can be decoded of a text.
    pub fn of(text: &[u8], out: &mut Vec<u8>) {
        let mut base64 = Base64::default();
        let _ = base64.decode(text, out);
        base64.finish(out);
    }

    fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
        let mut result = Ok(());
        for &byte in bytes {
            let value = match byte {
                b'A'..=b'Z' => Some(byte - b'A'),
                b'a'..=b'z' => Some(byte - b'a' + 26),
                b'0'..=b'9' => Some(byte - b'0' + 52),
                b'+' => Some(62),
                b'/' => Some(63),
                b'=' => None,
                _ => continue,
            };
            self.group[self.filled] = value;
            self.filled += 1;
            if self.filled == self.group.len() {
                self.filled = 0;
                result = result.and(self.close_group(out));
            }
        }
        result
    }

    fn close_group(&mut self, out: &mut Vec<u8>) -> Result<(), Invalid> {
        let [Some(a), Some(b), c, d] = self.group else {
            return Err(Invalid);
        };
        out.push(a << 2 | b >> 4);
        if let Some(c) = c {
            out.push(b << 4 | c >> 2);
            if let Some(d) = d {
                out.push(c << 6 | d);
            }
        }
        Ok(())
    }

    /// An unfinished group counts as padded.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.filled > 0 {
            self.group[self.filled..].fill(None);
            self.filled = 0;
            let _ = self.close_group(out);
        }
    }
}

/// RFC 2045 §6.7.
#[derive(Debug, Default)]
pub struct Quoted {
    escape: Escape,
    /// The end of an empty line, content when another line follows.
    end: Option<LineEnd>,
    /// The line has had bytes.
    begun: bool,
}

/// How far an escape has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// Behind `=`.
    Begun,
    /// Behind `=` and a character.
    Half(Option<u8>),
}

impl Quoted {
    fn decode(
        &mut self,
        piece: &[u8],
        end: Option<LineEnd>,
        out: &mut Vec<u8>,
    ) -> Result<(), Invalid> {
        let mut result = Ok(());
        if let Some(before) = self.end.take() {
            out.extend_from_slice(before.bytes());
        }
        self.begun |= !piece.is_empty();
        for &byte in piece {
            self.escape = match self.escape {
                Escape::None if byte == b'=' => Escape::Begun,
                Escape::None => {
                    out.push(byte);
                    Escape::None
                }
                Escape::Begun => Escape::Half(digit(byte)),
                Escape::Half(high) => {
                    match (high, digit(byte)) {
                        (Some(high), Some(low)) => out.push(high << 4 | low),
                        _ => result = Err(Invalid),
                    }
                    Escape::None
                }
            };
        }
        let Some(end) = end else { return result };
        match std::mem::take(&mut self.escape) {
            Escape::None if self.begun => out.extend_from_slice(end.bytes()),
            Escape::None => self.end = Some(end),
            // A soft line break.
            Escape::Begun => {}
            Escape::Half(_) => result = Err(Invalid),
        }
        self.begun = false;
        result
    }
}

/// A hexadecimal digit; the RFC allows upper case alone.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(mut coding: Coding, lines: &str) -> (String, usize) {
        let mut out = Vec::new();
        let mut invalid = 0;
        for line in lines.split_inclusive('\n') {
            let (piece, end) = match line.strip_suffix('\n') {
                Some(piece) => match piece.strip_suffix('\r') {
                    Some(piece) => (piece, Some(LineEnd::CrLf)),
                    None => (piece, Some(LineEnd::Lf)),
                },
                None => (line, None),
            };
            invalid += usize::from(coding.decode(piece.as_bytes(), end, &mut out).is_err());
        }
        coding.finish(&mut out);
        (String::from_utf8_lossy(&out).into_owned(), invalid)
    }

    #[test]
    fn codings_are_undone() {
        type Row = (fn() -> Coding, &'static str, &'static str, usize);
        let plain: fn() -> Coding = Coding::default;
        let base64: fn() -> Coding = || Coding::Base64(Base64::default());
        let quoted: fn() -> Coding = || Coding::Quoted(Quoted::default());
        let rows: &[Row] = &[
            (plain, "a\r\n\r\nb\n", "a\r\n\r\nb", 0),
            (base64, "aGVs\r\nbG8=\r\n", "hello", 0),
            (base64, "aG V*sbG8", "hello", 0),
            (base64, "a===\r\naGVs\r\n", "hel", 1),
            (base64, "aGVsb", "hel", 0),
            (quoted, "a=20b=\r\nc\r\n", "a bc\r\n", 0),
            (quoted, "a\r\n\r\nb\r\n\r\n", "a\r\n\r\nb\r\n", 0),
            (quoted, "a=zzb=2\r\n", "ab", 1),
            (quoted, "=3D=c3\r\n", "=\r\n", 1),
        ];
        for (coding, lines, text, invalid) in rows {
            assert_eq!(
                decoded(coding(), lines),
                ((*text).to_owned(), *invalid),
                "{lines:?}"
            );
        }
    }
}
