//! Decompressors behind one face: bytes in, pieces out through a fixed buffer.
//!
//! Nothing but [`super::decode`] uses them: it counts what comes out.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

/// Output of one call to a decompressor.
const STEP_BYTES: usize = 8 * 1024;

/// One decompressor at work.
pub enum Engine {
    /// Raw DEFLATE.
    Inflate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Lzma(Box<Lzma>),
}

/// Header of an LZMA stream, with what its range decoder begins with.
const LZMA_HEADER_BYTES: usize = 18;
/// Dictionary of one LZMA stream.
const MAX_LZMA_BYTES: usize = 1024 * 1024;
/// Input of one call: LZMA has no bound on the output of a call but this.
const LZMA_STEP_BYTES: usize = 64;

pub struct Lzma {
    stream: lzma_rs::decompress::Stream<Vec<u8>>,
    /// Output that did not fit yet.
    waiting: Vec<u8>,
    header_left: usize,
    failed: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Engine::Inflate(_) => "Inflate",
            Engine::Brotli(_) => "Brotli",
            Engine::Lzma(_) => "Lzma",
        })
    }
}

/// What became of some input.
pub enum Ran {
    /// All input is taken, unless no more output is wanted.
    More,
    End,
    /// What cannot be read begins so many bytes into the input.
    Error {
        at: usize,
    },
}

impl Engine {
    pub fn inflate() -> Self {
        Engine::Inflate(Box::new(Decompress::new(false)))
    }

    /// DEFLATE in its zlib container (RFC 1950).
    pub fn zlib() -> Self {
        Engine::Inflate(Box::new(Decompress::new(true)))
    }

    pub fn brotli() -> Self {
        Engine::Brotli(Box::new(BrotliState::new(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        )))
    }

    pub fn lzma() -> Self {
        let options = lzma_rs::decompress::Options {
            memlimit: Some(MAX_LZMA_BYTES),
            ..Default::default()
        };
        Engine::Lzma(Box::new(Lzma {
            stream: lzma_rs::decompress::Stream::new_with_options(&options, Vec::new()),
            waiting: Vec::new(),
            header_left: LZMA_HEADER_BYTES,
            failed: false,
        }))
    }

    /// Output that the end of the input brings: LZMA holds its dictionary back until then.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Engine::Lzma(lzma) => {
                let mut last = lzma.waiting;
                if !lzma.failed {
                    last.extend(lzma.stream.finish().unwrap_or_default());
                }
                last
            }
            Engine::Inflate(_) | Engine::Brotli(_) => Vec::new(),
        }
    }

    /// Takes all of the input; `out` says whether it wants more.
    pub fn run(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> bool) -> Ran {
        let mut buffer = [0u8; STEP_BYTES];
        let mut rest = bytes;
        let mut begin = 0;
        loop {
            let in_header = matches!(self, Engine::Lzma(lzma) if lzma.header_left > 0);
            let (taken, made, state) = match self {
                Engine::Inflate(inflate) => step_inflate(inflate, rest, &mut buffer),
                Engine::Brotli(brotli) => step_brotli(brotli, rest, &mut buffer),
                Engine::Lzma(lzma) => step_lzma(lzma, rest, &mut buffer),
            };
            rest = rest.get(taken..).unwrap_or_default();
            if in_header {
                begin = bytes.len() - rest.len();
            }
            let wanted = match buffer.get(..made) {
                Some(piece) if !piece.is_empty() => out(piece),
                _ => true,
            };
            match state {
                StepState::Error => return Ran::Error { at: begin },
                StepState::End => return Ran::End,
                StepState::More if !wanted || (rest.is_empty() && made < STEP_BYTES) => {
                    return Ran::More;
                }
                StepState::More if taken == 0 && made == 0 => {
                    return Ran::Error { at: begin };
                }
                StepState::More => {}
            }
        }
    }
}

enum StepState {
    More,
    End,
    Error,
}

fn step_inflate(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> (usize, usize, StepState) {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let result = inflate.decompress(input, output, FlushDecompress::None);
    let taken = usize::try_from(inflate.total_in() - before_in).unwrap_or(input.len());
    let made = usize::try_from(inflate.total_out() - before_out).unwrap_or(0);
    let state = match result {
        Ok(Status::StreamEnd) => StepState::End,
        Ok(Status::Ok | Status::BufError) => StepState::More,
        Err(_) => StepState::Error,
    };
    (taken, made, state)
}

fn step_brotli(
    brotli: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    input: &[u8],
    output: &mut [u8],
) -> (usize, usize, StepState) {
    let (mut available_in, mut taken) = (input.len(), 0);
    let (mut available_out, mut made, mut total) = (output.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut available_in,
        &mut taken,
        input,
        &mut available_out,
        &mut made,
        output,
        &mut total,
        brotli,
    );
    let state = match result {
        BrotliResult::ResultSuccess => StepState::End,
        BrotliResult::ResultFailure => StepState::Error,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => StepState::More,
    };
    (taken, made, state)
}

fn step_lzma(lzma: &mut Lzma, input: &[u8], output: &mut [u8]) -> (usize, usize, StepState) {
    let mut taken = 0;
    if lzma.waiting.is_empty() && !lzma.failed {
        let step = input.get(..LZMA_STEP_BYTES).unwrap_or(input);
        match std::io::Write::write(&mut lzma.stream, step) {
            Ok(written) => {
                taken = written;
                lzma.header_left = lzma.header_left.saturating_sub(written);
            }
            Err(_) => lzma.failed = true,
        }
        if let Some(out) = lzma.stream.get_output_mut() {
            lzma.waiting = std::mem::take(out);
        }
    }
    let made = lzma.waiting.len().min(output.len());
    output[..made].copy_from_slice(&lzma.waiting[..made]);
    lzma.waiting.drain(..made);
    let state = if lzma.failed && lzma.waiting.is_empty() {
        StepState::Error
    } else {
        StepState::More
    };
    (taken, made, state)
}
