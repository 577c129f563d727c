//! Capture files, plain or compressed, and standard input.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::format::{Format, Step};
use crate::{Error, Frame};

/// First size of a window over a stream.
const WINDOW_BYTES: usize = 1 << 20;

/// Bytes of a map that are read before their pages are given back.
const BEHIND_BYTES: usize = 4 << 20;

/// Bytes of a capture: all of them (memory map), or a window that moves over a stream.
enum Bytes {
    Map {
        map: memmap2::Mmap,
        /// Bytes at the front whose pages were given back.
        passed: usize,
    },
    Stream {
        reader: Box<dyn Read + Send>,
        buffer: Vec<u8>,
        filled: usize,
        ended: bool,
    },
}

impl Bytes {
    fn window(&self, from: usize) -> &[u8] {
        match self {
            Bytes::Map { map, .. } => map.get(from..).unwrap_or(&[]),
            Bytes::Stream { buffer, filled, .. } => buffer[..*filled].get(from..).unwrap_or(&[]),
        }
    }

    /// Frames before `at` are not lent any more: their pages of a map need not stay in memory.
    #[allow(unsafe_code)]
    fn pass(&mut self, at: usize) {
        let Bytes::Map { map, passed } = self else {
            return;
        };
        if at - *passed < BEHIND_BYTES {
            return;
        }
        let length = (at - *passed) / BEHIND_BYTES * BEHIND_BYTES;
        // SAFETY: the map is read-only and backed by its file, so a page that is given back has the same bytes when it
        // is next read; besides, no slice of these pages is lent any more. Should it fail, more stays in memory.
        let _ = unsafe {
            map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, *passed, length)
        };
        *passed += length;
    }

    /// Brings at least `wanted` bytes behind `from`, moving what is left to the front. False: there are not that many.
    fn fill(&mut self, from: &mut usize, wanted: usize) -> std::io::Result<bool> {
        match self {
            Bytes::Map { map, .. } => Ok(map.len().saturating_sub(*from) >= wanted),
            Bytes::Stream {
                reader,
                buffer,
                filled,
                ended,
            } => {
                buffer.copy_within(*from..*filled, 0);
                *filled -= *from;
                *from = 0;
                if buffer.len() < wanted {
                    buffer.resize(wanted.max(WINDOW_BYTES), 0);
                }
                while *filled < wanted && !*ended {
                    match reader.read(&mut buffer[*filled..])? {
                        0 => *ended = true,
                        n => *filled += n,
                    }
                }
                Ok(*filled >= wanted)
            }
        }
    }
}

/// A capture being read, frame by frame.
pub struct CaptureFile {
    path: PathBuf,
    bytes: Bytes,
    format: Format,
    /// Start of the next frame within the window.
    at: usize,
    /// Bytes of the uncompressed file before the window.
    passed: u64,
    broken: bool,
}

impl CaptureFile {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let open = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        if path == Path::new("-") {
            return Self::from_reader(path, Box::new(std::io::stdin()));
        }
        let file = File::open(path).map_err(open)?;
        let regular = file.metadata().map_err(open)?.is_file();
        if !regular {
            return Self::from_reader(path, Box::new(file));
        }
        let map = map(&file).map_err(open)?;
        if compression(&map) == Compression::None {
            return Self::new(path, Bytes::Map { map, passed: 0 });
        }
        Self::from_reader(path, Box::new(file))
    }

    /// Reads a capture, compressed or not, from a stream; `path` names it in errors.
    ///
    /// # Errors
    /// As [`CaptureFile::open`].
    pub fn from_reader(path: &Path, reader: Box<dyn Read + Send>) -> Result<Self, Error> {
        let open = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let mut reader = BufReader::new(reader);
        let mut magic = [0; 4];
        let mut have = 0;
        while have < magic.len() {
            match reader.read(&mut magic[have..]).map_err(open)? {
                0 => break,
                n => have += n,
            }
        }
        let whole = std::io::Cursor::new(magic[..have].to_vec()).chain(reader);
        let reader: Box<dyn Read + Send> = match compression(&magic[..have]) {
            Compression::None => Box::new(whole),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(whole).map_err(open)?),
        };
        Self::new(
            path,
            Bytes::Stream {
                reader,
                buffer: Vec::new(),
                filled: 0,
                ended: false,
            },
        )
    }

    fn new(path: &Path, mut bytes: Bytes) -> Result<Self, Error> {
        let open = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let mut at = 0;
        bytes.fill(&mut at, 24).map_err(open)?;
        let window = bytes.window(0);
        let Some((format, header)) = Format::detect(window) else {
            return Err(Error::Unknown {
                path: path.to_owned(),
                found: window.iter().take(4).copied().collect(),
            });
        };
        Ok(CaptureFile {
            path: path.to_owned(),
            bytes,
            format,
            at: header,
            passed: 0,
            broken: false,
        })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read; after that, the answer is `None`.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.broken {
            return Ok(None);
        }
        self.bytes.pass(self.at);
        // The borrow checker cannot see that a frame leaves the loop at once: find its place first, lend it after.
        let place = loop {
            let wanted = match self.format.step(self.bytes.window(self.at)) {
                Step::Frame(place) => break place,
                Step::Skip(taken) => {
                    self.at += taken;
                    continue;
                }
                Step::More(wanted) => wanted,
                Step::Broken(reason) => {
                    self.broken = true;
                    return Err(Error::Broken {
                        path: self.path.clone(),
                        offset: self.offset(),
                        reason,
                    });
                }
            };
            let offset = self.offset();
            let before = self.at;
            let filled = self.bytes.fill(&mut self.at, wanted);
            self.passed += (before - self.at) as u64;
            match filled {
                Ok(true) => {}
                Ok(false) => {
                    self.broken = true;
                    if self.bytes.window(self.at).is_empty() {
                        return Ok(None);
                    }
                    return Err(Error::Cut {
                        path: self.path.clone(),
                        offset,
                    });
                }
                Err(source) => {
                    self.broken = true;
                    return Err(Error::Open {
                        path: self.path.clone(),
                        source,
                    });
                }
            }
        };
        let frame = place.frame(self.bytes.window(self.at));
        self.at += place.taken;
        Ok(frame)
    }

    /// Position in the uncompressed file, in bytes.
    pub fn offset(&self) -> u64 {
        self.passed + self.at as u64
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[derive(PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

fn compression(start: &[u8]) -> Compression {
    match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is read-only. If another process cuts the file while it is mapped, reading it raises
    // SIGBUS, as for every program that maps its input; a capture that is still growing may be read from
    // standard input instead.
    let map = unsafe { memmap2::Mmap::map(file)? };
    let _ = map.advise(memmap2::Advice::Sequential);
    Ok(map)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn pcap(big_endian: bool, nanoseconds: bool) -> Vec<u8> {
        let word = |n: u32| {
            if big_endian {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let half = |n: u16| {
            if big_endian {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let mut bytes = Vec::new();
        bytes.extend(word(if nanoseconds {
            0xa1b2_3c4d
        } else {
            0xa1b2_c3d4
        }));
        bytes.extend(half(2));
        bytes.extend(half(4));
        for n in [0, 0, 65535, 1] {
            bytes.extend(word(n));
        }
        for (second, data) in [(10u32, &b"first"[..]), (11, b"second")] {
            for n in [second, 7, data.len() as u32, 99] {
                bytes.extend(word(n));
            }
            bytes.extend(data);
        }
        bytes
    }

    fn pcapng(big_endian: bool) -> Vec<u8> {
        let word = |n: u32| {
            if big_endian {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let half = |n: u16| {
            if big_endian {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let mut bytes = Vec::new();
        bytes.extend(word(SECTION));
        bytes.extend(word(28));
        bytes.extend(word(0x1a2b_3c4d));
        bytes.extend([half(1), half(0)].concat());
        bytes.extend([0xff; 8]);
        bytes.extend(word(28));
        // Interface with if_tsresol = 9 (nanoseconds).
        bytes.extend(word(1));
        bytes.extend(word(32));
        bytes.extend([half(1), half(0)].concat());
        bytes.extend(word(0));
        bytes.extend([half(9), half(1)].concat());
        bytes.extend([9, 0, 0, 0]);
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(word(32));
        for (second, data) in [(10u64, &b"first"[..]), (11, b"second")] {
            let ticks = second * 1_000_000_000 + 7000;
            let padded = data.len().div_ceil(4) * 4;
            bytes.extend(word(6));
            bytes.extend(word(32 + padded as u32));
            bytes.extend(word(0));
            bytes.extend(word((ticks >> 32) as u32));
            bytes.extend(word(ticks as u32));
            bytes.extend(word(data.len() as u32));
            bytes.extend(word(99));
            bytes.extend(data);
            bytes.extend(vec![0; padded - data.len()]);
            bytes.extend(word(32 + padded as u32));
        }
        bytes
    }
    const SECTION: u32 = 0x0a0d_0d0a;

    fn read(mut capture: CaptureFile) -> (Vec<(i64, Vec<u8>)>, Option<Error>) {
        let mut frames = Vec::new();
        loop {
            match capture.next_frame() {
                Ok(Some(frame)) => {
                    assert_eq!((frame.link, frame.wire_length), (1, 99));
                    frames.push((frame.timestamp_ns, frame.data.to_vec()));
                }
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error)),
            }
        }
    }

    fn stream(bytes: Vec<u8>) -> CaptureFile {
        CaptureFile::from_reader(Path::new("test"), Box::new(Cursor::new(bytes)))
            .expect("a capture")
    }

    #[test]
    fn every_format_gives_the_same_frames() {
        let micro = vec![
            (10_000_007_000, b"first".to_vec()),
            (11_000_007_000, b"second".to_vec()),
        ];
        let nano = vec![
            (10_000_000_007, b"first".to_vec()),
            (11_000_000_007, b"second".to_vec()),
        ];
        for big_endian in [false, true] {
            assert_eq!(read(stream(pcap(big_endian, false))).0, micro);
            assert_eq!(read(stream(pcap(big_endian, true))).0, nano);
            let (frames, error) = read(stream(pcapng(big_endian)));
            assert!(error.is_none(), "{error:?}");
            assert_eq!(frames, micro);
        }
    }

    #[test]
    fn compressed_and_mapped_files_give_the_same_frames() {
        let plain = pcap(false, false);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).expect("in memory");
        let expected = read(stream(plain.clone())).0;
        assert_eq!(expected.len(), 2);
        assert_eq!(read(stream(gzip.finish().expect("in memory"))).0, expected);
        assert_eq!(
            read(stream(zstd::encode_all(&plain[..], 1).expect("in memory"))).0,
            expected
        );
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&plain).expect("written");
        assert_eq!(
            read(CaptureFile::open(file.path()).expect("a capture")).0,
            expected
        );
    }

    #[test]
    fn pages_behind_are_given_back_and_frames_stay_the_same() {
        let mut bytes = pcap(false, false)[..24].to_vec();
        for number in 0..200u32 {
            for n in [number, 7, 60_000, 99] {
                bytes.extend(n.to_le_bytes());
            }
            bytes.extend(vec![number as u8; 60_000]);
        }
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&bytes).expect("written");
        for _ in 0..2 {
            let mut capture = CaptureFile::open(file.path()).expect("a capture");
            for number in 0..200u8 {
                let frame = capture.next_frame().expect("whole").expect("a frame");
                assert_eq!(frame.data, vec![number; 60_000]);
            }
            assert!(capture.next_frame().expect("whole").is_none());
            let Bytes::Map { passed, .. } = capture.bytes else {
                panic!("a plain file is mapped");
            };
            assert_eq!(passed, 2 * BEHIND_BYTES);
        }
    }

    #[test]
    fn a_cut_file_gives_its_whole_frames_and_says_where() {
        let mut bytes = pcap(false, false);
        bytes.truncate(bytes.len() - 1);
        let (frames, error) = read(stream(bytes));
        assert_eq!(frames.len(), 1);
        assert!(
            matches!(error, Some(Error::Cut { offset: 45, .. })),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let refused = CaptureFile::from_reader(
            Path::new("x"),
            Box::new(Cursor::new(b"GET / HTTP/1.1\r\n\r\n........".to_vec())),
        );
        assert!(matches!(refused, Err(Error::Unknown { .. })));
        let mut huge = pcap(false, false);
        huge[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(read(stream(huge)).1, Some(Error::Broken { .. })));
    }

    proptest::proptest! {
        #[test]
        fn broken_files_never_panic(kind in 0..4, cuts in proptest::collection::vec((0usize..200, proptest::num::u8::ANY), 0..8)) {
            let mut bytes = match kind { 0 => pcap(false, false), 1 => pcap(true, true), 2 => pcapng(false), _ => pcapng(true) };
            for (place, value) in cuts {
                if let Some(byte) = bytes.get_mut(place) { *byte = value; }
            }
            if let Ok(mut capture) = CaptureFile::from_reader(Path::new("x"), Box::new(Cursor::new(bytes))) {
                while let Ok(Some(frame)) = capture.next_frame() {
                    proptest::prop_assert!(frame.data.len() <= 4 * crate::FRAME_LIMIT);
                }
            }
        }
    }
}
