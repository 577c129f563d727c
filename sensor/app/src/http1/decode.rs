//! Content codings undone (RFC 9110 §8.4.1): gzip, deflate (raw or zlib), br and lzma, in layers.
//!
//! The one place where bytes are decompressed. Output goes through a fixed buffer and is counted against
//! what went in, so that a small body cannot become an endless one. Checksums are not verified:
//! receivers use what they have got before they could; zlib's is, as a wrong one may tell of another coding.

use std::borrow::Cow;

use super::engine::{Engine, Ran};

/// Output that is held back until it is known whether an error follows.
const HELD_BYTES: usize = 8 * 1024;
/// Output beyond the bomb limit may be this many times the input.
pub const MAX_RATIO: u64 = 2048;
/// Bytes of a gzip header (RFC 1952 §2.3): name, comment and extra field have no limit of their own.
const MAX_GZIP_HEADER_BYTES: usize = 64 * 1024;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    /// Raw DEFLATE (RFC 1951), which servers send as `deflate` as often as the other.
    Deflate,
    /// RFC 1950.
    Zlib,
    Brotli,
    /// The format of `.lzma` files: some browsers took it.
    Lzma,
}

impl Coding {
    /// What to try when this one turns out wrong.
    fn next(self) -> Coding {
        match self {
            Coding::Gzip | Coding::Brotli | Coding::Lzma => Coding::Deflate,
            Coding::Deflate => Coding::Zlib,
            Coding::Zlib => Coding::Gzip,
        }
    }
}

/// What `Content-Encoding` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codings {
    /// In the order in which they were applied: the last one is undone first.
    pub layers: Vec<Coding>,
    pub too_many: bool,
    /// Names that are none.
    pub abnormal: usize,
}

/// Reads a `Content-Encoding`; at most `limit` layers are taken from a list.
pub fn codings(value: &[u8], limit: usize) -> Codings {
    let mut codings = Codings::default();
    let bare: Vec<u8> = value.iter().copied().filter(|&byte| byte != 0).collect();
    match bare.to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" => codings.layers.push(Coding::Gzip),
        b"deflate" | b"x-deflate" => codings.layers.push(Coding::Deflate),
        b"br" => codings.layers.push(Coding::Brotli),
        b"lzma" => codings.layers.push(Coding::Lzma),
        b"inflate" | b"none" => {}
        _ => list(value, limit, &mut codings),
    }
    codings
}

/// A list of codings. In it names count as they are written, and Brotli is none.
fn list(value: &[u8], limit: usize, codings: &mut Codings) {
    let names = value
        .split(|byte| matches!(byte, b',' | b' '))
        .filter(|name| !name.is_empty());
    for (count, name) in names.enumerate() {
        if count >= limit {
            codings.too_many = true;
            break;
        }
        match name {
            b"gzip" | b"x-gzip" => codings.layers.push(Coding::Gzip),
            b"deflate" | b"x-deflate" => codings.layers.push(Coding::Deflate),
            b"lzma" => codings.layers.push(Coding::Lzma),
            b"inflate" | b"none" | b"identity" => {}
            _ => {
                codings.abnormal += 1;
                if contains(name, b"gzip") {
                    codings.layers.push(Coding::Gzip);
                } else if contains(name, b"deflate") {
                    codings.layers.push(Coding::Deflate);
                }
            }
        }
    }
}

fn contains(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

/// Ends decoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bomb;

/// The layers of one body.
#[derive(Debug, Default)]
pub struct Decoder {
    /// In the order of undoing.
    layers: Vec<Layer>,
    is_coded: bool,
    input: u64,
    output: u64,
    bomb_bytes: u64,
    ended: bool,
}

impl Decoder {
    pub fn new(codings: &Codings, bomb_bytes: u64) -> Self {
        Decoder {
            layers: codings
                .layers
                .iter()
                .rev()
                .map(|&coding| Layer::new(coding))
                .collect(),
            is_coded: !codings.layers.is_empty(),
            bomb_bytes,
            ..Decoder::default()
        }
    }

    /// The body passes as it is.
    pub fn is_identity(&self) -> bool {
        !self.is_coded
    }

    /// Nothing further comes out; what decompressors hold is free.
    pub fn end(&mut self) {
        self.ended = true;
        self.layers = Vec::new();
    }

    /// Undoes all layers of some bytes; what comes out goes to `out`, piece by piece. `out` says whether it
    /// wants more.
    pub fn decode(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Bomb> {
        if self.ended {
            return Ok(());
        }
        self.input += bytes.len() as u64;
        let limit = self.bomb_bytes.max(self.input.saturating_mul(MAX_RATIO));
        let output = &mut self.output;
        let mut bomb = false;
        let wanted = run(&mut self.layers, bytes, &mut |piece| {
            *output += piece.len() as u64;
            bomb |= *output > limit;
            out(piece) && !bomb
        });
        if !wanted {
            self.end();
        }
        if bomb { Err(Bomb) } else { Ok(()) }
    }

    /// The body is over: what decompressors hold back comes out.
    pub fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        for at in 0..self.layers.len() {
            let (done, later) = self.layers.split_at_mut(at + 1);
            if let Some(layer) = done.last_mut() {
                let last = layer.finish();
                if !last.is_empty() && !run(later, &last, out) {
                    return;
                }
            }
        }
    }
}

/// Passes bytes through the layers. False when no more is wanted.
fn run(layers: &mut [Layer], bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    match layers.split_first_mut() {
        None => bytes.is_empty() || out(bytes),
        Some((layer, later)) => layer.decode(bytes, &mut |piece, passed| {
            if passed == Passed::Raw {
                later.iter_mut().for_each(Layer::pass);
            }
            run(later, piece, out)
        }),
    }
}

#[derive(Debug)]
enum Phase {
    /// Bytes of the container's header are awaited.
    Header,
    Data(Engine),
    /// Behind the end, or behind an error that followed output.
    Over,
    /// No coding fits: bytes pass as they are.
    Passing,
}

#[derive(Debug)]
struct Layer {
    coding: Coding,
    phase: Phase,
    /// The container's header so far.
    header: Vec<u8>,
    retries: u8,
}

/// Bytes that tell raw DEFLATE from other codings: so many does its shortest header of a block have.
const DEFLATE_BEGIN_BYTES: usize = 5;
/// Other codings tried on one body.
const MAX_RETRIES: u8 = 3;

impl Layer {
    fn new(coding: Coding) -> Self {
        Layer {
            coding,
            phase: Phase::Header,
            header: Vec::new(),
            retries: 0,
        }
    }

    /// What comes out when nothing more goes in.
    fn finish(&mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Data(engine) => engine.finish(),
            Phase::Header if self.coding == Coding::Deflate => {
                let mut last = Vec::new();
                Engine::inflate().run(&std::mem::take(&mut self.header), &mut |piece| {
                    last.extend_from_slice(piece);
                    last.len() < HELD_BYTES
                });
                last
            }
            Phase::Header | Phase::Over | Phase::Passing => Vec::new(),
        }
    }

    /// A coding that turns out wrong on some bytes, before it made anything of them, is changed for another one,
    /// which goes on with these bytes: what earlier ones held is lost, as in receivers that try codings.
    fn decode(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8], Passed) -> bool) -> bool {
        let mut bytes = Cow::Borrowed(bytes);
        loop {
            match &mut self.phase {
                Phase::Over => return true,
                Phase::Passing => return bytes.is_empty() || out(&bytes, Passed::Raw),
                Phase::Header | Phase::Data(_) => {}
            }
            if let Phase::Header = self.phase {
                self.header.extend_from_slice(&bytes);
                match self.begin() {
                    Begin::At(start) => {
                        let mut begun = std::mem::take(&mut self.header);
                        begun.drain(..start);
                        bytes = Cow::Owned(begun);
                    }
                    Begin::More => return true,
                    Begin::Wrong => {
                        self.retry();
                        continue;
                    }
                }
            }
            let Phase::Data(engine) = &mut self.phase else {
                return true;
            };
            // One step's output is held back: a coding that fails with no more than that may be the wrong one.
            let (mut held, mut wanted) = (Vec::new(), true);
            let ran = engine.run(&bytes, &mut |piece| {
                held.extend_from_slice(piece);
                if held.len() < HELD_BYTES {
                    return true;
                }
                wanted = out(&std::mem::take(&mut held), Passed::Decoded);
                wanted
            });
            match ran {
                Ran::Error { at } if wanted && (self.retries > 0 || held.is_empty()) => {
                    bytes = Cow::Owned(bytes.get(at..).unwrap_or_default().to_vec());
                    self.retry();
                    continue;
                }
                Ran::End | Ran::Error { .. } => self.phase = Phase::Over,
                Ran::More => {}
            }
            return wanted && (held.is_empty() || out(&held, Passed::Decoded));
        }
    }

    /// Reads the container's header from what there is.
    fn begin(&mut self) -> Begin {
        let begin = match self.coding {
            Coding::Gzip => gzip_header(&self.header),
            Coding::Deflate if self.header.len() < DEFLATE_BEGIN_BYTES => Begin::More,
            Coding::Deflate | Coding::Zlib | Coding::Brotli | Coding::Lzma => Begin::At(0),
        };
        if let Begin::At(_) = begin {
            self.phase = Phase::Data(match self.coding {
                Coding::Brotli => Engine::brotli(),
                Coding::Lzma => Engine::lzma(),
                Coding::Zlib => Engine::zlib(),
                Coding::Gzip | Coding::Deflate => Engine::inflate(),
            });
        }
        begin
    }

    fn pass(&mut self) {
        if !matches!(self.phase, Phase::Over) {
            self.phase = Phase::Passing;
        }
    }

    /// Turns to another coding, or to none when enough were tried.
    fn retry(&mut self) {
        self.header.clear();
        self.phase = if self.retries < MAX_RETRIES {
            Phase::Header
        } else {
            Phase::Passing
        };
        self.retries = self.retries.saturating_add(1);
        self.coding = self.coding.next();
    }
}

/// How bytes came out of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    Decoded,
    /// As they came in: later layers do not look at them either.
    Raw,
}

enum Begin {
    At(usize),
    More,
    Wrong,
}

/// RFC 1952 §2.3.
fn gzip_header(bytes: &[u8]) -> Begin {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const FIXED_BYTES: usize = 10;
    const HEADER_CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] || bytes.len() > MAX_GZIP_HEADER_BYTES {
        return Begin::Wrong;
    }
    let read = || {
        let flags = *bytes.get(3)?;
        let mut at = FIXED_BYTES;
        if flags & EXTRA != 0 {
            let length = [*bytes.get(at)?, *bytes.get(at + 1)?];
            at += 2 + usize::from(u16::from_le_bytes(length));
        }
        for flag in [NAME, COMMENT] {
            if flags & flag != 0 {
                at += bytes.get(at..)?.iter().position(|&byte| byte == 0)? + 1;
            }
        }
        if flags & HEADER_CRC != 0 {
            at += 2;
        }
        (at <= bytes.len()).then_some(at)
    };
    read().map_or(Begin::More, Begin::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use std::io::Write;

    fn decode(coding: &[u8], chunks: &[&[u8]]) -> Vec<u8> {
        let mut decoder = Decoder::new(&codings(coding, 2), 1 << 20);
        let mut out = Vec::new();
        for chunk in chunks {
            let _ = decoder.decode(chunk, &mut |piece| {
                out.extend_from_slice(piece);
                true
            });
        }
        decoder.finish(&mut |piece| {
            out.extend_from_slice(piece);
            true
        });
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[test]
    fn whatever_the_name_the_coding_is_found() {
        let text = b"the quick brown fox jumps over the lazy dog, again and again and again";
        let rows: &[(&[u8], Vec<u8>)] = &[
            (b"gzip", gzip(text)),
            (b"x-gzip", gzip(text)),
            (b"GZIP\0", gzip(text)),
            (b"deflate", raw(text)),
            (b"deflate", zlib(text)),
            (b"gzip", zlib(text)),
            (b"gzip", raw(text)),
            (b"deflate", gzip(text)),
            (b"gzip", text.to_vec()),
            (b"br", gzip(text)),
            (b"identity", text.to_vec()),
            (b"deflate, gzip", gzip(&raw(text))),
            (b"xgzip", gzip(text)),
            (b"unknown", text.to_vec()),
        ];
        for (coding, body) in rows {
            let name = String::from_utf8_lossy(coding);
            assert_eq!(decode(coding, &[body]), text, "{name}");
            if body == text || *coding == b"br" {
                continue;
            }
            let bytes: Vec<&[u8]> = body.chunks(1).collect();
            assert_eq!(decode(coding, &bytes), text, "{name} byte by byte");
        }
    }

    #[test]
    fn lists_of_codings() {
        let rows: &[(&[u8], &[Coding], usize, bool)] = &[
            (b"br", &[Coding::Brotli], 0, false),
            (b"identity,br", &[], 1, false),
            (b"g zip", &[], 2, false),
            (b"gzip;q=1", &[Coding::Gzip], 1, false),
            (b"GZIP", &[Coding::Gzip], 0, false),
            (b"GZIP, identity", &[Coding::Gzip], 1, false),
            (b"lzma,lzma", &[Coding::Lzma, Coding::Lzma], 0, false),
            (
                b"gzip,deflate,gzip",
                &[Coding::Gzip, Coding::Deflate],
                0,
                true,
            ),
        ];
        for &(value, layers, abnormal, too_many) in rows {
            let expected = Codings {
                layers: layers.to_vec(),
                too_many,
                abnormal,
            };
            assert_eq!(codings(value, 2), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn another_coding_goes_on_with_the_bytes_at_hand() {
        // Inner gzip is not there: what the first piece holds is lost with the header that it lacks.
        let text = b"0123456789, and so on, and so on";
        assert_eq!(decode(b"gzip", &[b"\x1f\x8b", text]), text);
        // A wrong checksum tells of another coding, and of none that fits.
        let mut broken = zlib(text);
        if let Some(last) = broken.last_mut() {
            *last ^= 0xff;
        }
        assert_eq!(decode(b"deflate", &[&broken]), broken);
    }

    #[test]
    fn what_came_before_an_error_counts() {
        let text: Vec<u8> = (0..40_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let mut body = gzip(&text);
        body.truncate(body.len() / 2);
        let out = decode(b"gzip", &[&body]);
        assert!(out.len() > 10_000);
        assert!(text.starts_with(&out));
    }

    #[test]
    fn bombs_end() {
        let mut body = gzip(&vec![0u8; 64 << 20]);
        let mut decoder = Decoder::new(&codings(b"gzip", 2), 1 << 20);
        let mut made = 0;
        // deflate reaches a ratio of about a thousand: a second layer makes it worse.
        body = gzip(&body);
        decoder.layers.push(Layer::new(Coding::Gzip));
        let result = decoder.decode(&body, &mut |piece| {
            made += piece.len();
            true
        });
        assert_eq!(result, Err(Bomb));
        assert!(made < 2 << 20 || made as u64 <= body.len() as u64 * MAX_RATIO + 16_384);
    }
}
