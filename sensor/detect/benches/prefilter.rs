//! Our multi-pattern matcher against those of others, on real payloads and the fast patterns of a real rule set.
//!
//! ```sh
//! MATLUOI_BENCH_RULES=DIR MATLUOI_BENCH_PCAPS=a.pcap:b.pcap cargo bench -p sensor-detect --bench prefilter
//! ```
//!
//! Every matcher looks for the same patterns without regard to case, reports each pattern once a buffer at least,
//! and sees the same payloads one by one, as packets come. Teddy takes few patterns: it is compared on the first of
//! them. Hyperscan (or Vectorscan, under the same name) takes part where its library is installed.

#![allow(
    unsafe_code,
    reason = "Hyperscan's functions are foreign; see the SAFETY of each call"
)]

use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use aho_corasick::packed::{Config, MatchKind};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use divan::Bencher;
use divan::counter::BytesCount;
use rules::signature::{Environment, load, read_paths};
use sensor_decode::{Counters, LinkType};
use sensor_detect::{Engine, Names, Options, Prefilter};

/// Payload bytes that are looked at.
const LIMIT_BYTES: usize = 32 << 20;
/// Patterns that Teddy is given.
const FEW: usize = 32;

struct Input {
    patterns: Vec<Vec<u8>>,
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

fn input() -> &'static Input {
    static INPUT: OnceLock<Input> = OnceLock::new();
    INPUT.get_or_init(|| {
        let patterns = patterns(paths("MATLUOI_BENCH_RULES"));
        let mut buffers = Vec::new();
        for path in paths("MATLUOI_BENCH_PCAPS") {
            payloads(
                &std::fs::read(&path).expect("a capture can be read"),
                &mut buffers,
            );
        }
        let bytes = buffers.iter().map(Vec::len).sum();
        println!(
            "{} patterns, {} buffers, {bytes} bytes",
            patterns.len(),
            buffers.len()
        );
        Input {
            patterns,
            buffers,
            bytes,
        }
    })
}

fn paths(variable: &str) -> Vec<PathBuf> {
    let value = std::env::var_os(variable).unwrap_or_default();
    std::env::split_paths(&value).collect()
}

/// Fast patterns that a rule set looks for in streams towards servers.
fn patterns(paths: Vec<PathBuf>) -> Vec<Vec<u8>> {
    let names = Names::compiled_in();
    let files = read_paths(&paths).expect("rules can be read");
    let report = load(&files, &names.vocabulary, &Environment::default());
    let (engine, _) = Engine::new(names, report.signatures, Options::default());
    engine.stream_patterns()
}

/// Payloads of a capture in the classic format of either byte order.
fn payloads(file: &[u8], buffers: &mut Vec<Vec<u8>>) {
    let little = file.first().is_some_and(|byte| matches!(byte, 0xd4 | 0x4d));
    let number = |at: usize| {
        let bytes: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let link = number(20).expect("a capture has a header");
    let mut taken: usize = buffers.iter().map(Vec::len).sum();
    let mut counters = Counters::default();
    let mut at = 24;
    while let Some(length) = number(at + 8) {
        let Some(frame) = file.get(at + 16..at + 16 + length as usize) else {
            break;
        };
        at += 16 + length as usize;
        sensor_decode::decode(LinkType(link as u16), frame, &mut counters, &mut |packet| {
            if packet.tcp().is_some() && !packet.payload.is_empty() && taken < LIMIT_BYTES {
                taken += packet.payload.len();
                buffers.push(packet.payload.to_vec());
            }
        });
    }
}

fn main() {
    if std::env::var_os("MATLUOI_BENCH_RULES").is_none()
        || std::env::var_os("MATLUOI_BENCH_PCAPS").is_none()
    {
        println!(
            "name rules in MATLUOI_BENCH_RULES and captures in MATLUOI_BENCH_PCAPS; nothing was measured"
        );
        return;
    }
    input();
    divan::main();
}

/// Measures a scan of all buffers; tells what building cost and what a scan found.
fn measure(
    bencher: Bencher<'_, '_>,
    name: &str,
    build: impl FnOnce() -> (Box<dyn FnMut(&[u8]) -> usize>, usize),
) {
    let input = input();
    let started = Instant::now();
    let (mut scan, memory) = build();
    let built = started.elapsed();
    let found: usize = input.buffers.iter().map(|buffer| scan(buffer)).sum();
    println!(
        "{name}: built in {built:.1?}, {} kB, {found} finds",
        memory / 1_000
    );
    let scan = std::cell::RefCell::new(scan);
    bencher
        .counter(BytesCount::new(input.bytes))
        .bench_local(|| {
            let mut scan = scan.borrow_mut();
            input
                .buffers
                .iter()
                .map(|buffer| scan(buffer))
                .sum::<usize>()
        });
}

fn ours(patterns: &[Vec<u8>]) -> (Box<dyn FnMut(&[u8]) -> usize>, usize) {
    let mut prefilter = Prefilter::new(patterns);
    let memory = prefilter.memory_bytes();
    (Box::new(move |data| prefilter.scan(data)), memory)
}

fn automaton(
    kind: AhoCorasickKind,
    patterns: &[Vec<u8>],
) -> (Box<dyn FnMut(&[u8]) -> usize>, usize) {
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(kind))
        .build(patterns)
        .expect("the patterns fit");
    let memory = automaton.memory_usage();
    let mut seen = vec![0u32; patterns.len()];
    let mut turn = 0;
    let scan = move |data: &[u8]| {
        turn += 1;
        let mut found = 0;
        for one in automaton.find_overlapping_iter(data) {
            let mark = &mut seen[one.pattern().as_usize()];
            found += usize::from(*mark != turn);
            *mark = turn;
        }
        found
    };
    (Box::new(scan), memory)
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_ours(bencher: Bencher<'_, '_>) {
    measure(bencher, "ours", || ours(&input().patterns));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn b_contiguous_nfa(bencher: Bencher<'_, '_>) {
    measure(bencher, "aho-corasick, contiguous NFA", || {
        automaton(AhoCorasickKind::ContiguousNFA, &input().patterns)
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn c_dfa(bencher: Bencher<'_, '_>) {
    measure(bencher, "aho-corasick, DFA", || {
        automaton(AhoCorasickKind::DFA, &input().patterns)
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn d_hyperscan(bencher: Bencher<'_, '_>) {
    match Hyperscan::new(&input().patterns) {
        Ok(mut hyperscan) => {
            measure(bencher, "hyperscan (built before)", || {
                let memory = hyperscan.memory_bytes;
                (Box::new(move |data: &[u8]| hyperscan.scan(data)), memory)
            });
        }
        Err(reason) => println!("hyperscan does not take part: {reason}"),
    }
}

/// Patterns long enough for Teddy to be at its best.
fn few() -> Vec<Vec<u8>> {
    let long = |pattern: &&Vec<u8>| pattern.len() >= 5;
    input()
        .patterns
        .iter()
        .filter(long)
        .take(FEW)
        .cloned()
        .collect()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn e_ours_on_few(bencher: Bencher<'_, '_>) {
    measure(bencher, "ours, few patterns", || ours(&few()));
}

/// With regard to case, for Teddy knows no other way: faster than it would be in its place.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn f_teddy_on_few(bencher: Bencher<'_, '_>) {
    let mut config = Config::new();
    config.match_kind(MatchKind::LeftmostFirst);
    let Some(searcher) = config.builder().extend(few()).build() else {
        println!("Teddy needs another processor");
        return;
    };
    measure(bencher, "Teddy, few patterns", || {
        let memory = searcher.memory_usage();
        (
            Box::new(move |data: &[u8]| searcher.find_iter(data).count()),
            memory,
        )
    });
}

type OnMatch = extern "C" fn(u32, u64, u64, u32, *mut c_void) -> i32;

/// Hyperscan's library, loaded if it is there; the structures are its own.
struct Hyperscan {
    library: libloading::Library,
    database: *mut c_void,
    scratch: *mut c_void,
    memory_bytes: usize,
}

extern "C" fn count(_id: u32, _from: u64, _to: u64, _flags: u32, found: *mut c_void) -> i32 {
    // SAFETY: `scan` passes a pointer to a count that lives until `hs_scan` returns, and nobody else uses it meanwhile.
    unsafe { *found.cast::<usize>() += 1 };
    0
}

impl Hyperscan {
    /// `HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH`
    const FLAGS: u32 = 1 | 8;
    /// `HS_MODE_BLOCK`
    const MODE: u32 = 1;

    fn new(patterns: &[Vec<u8>]) -> Result<Self, String> {
        type Compile = unsafe extern "C" fn(
            *const *const u8,
            *const u32,
            *const u32,
            *const usize,
            u32,
            u32,
            *const c_void,
            *mut *mut c_void,
            *mut *mut c_void,
        ) -> i32;
        type Size = unsafe extern "C" fn(*const c_void, *mut usize) -> i32;
        type Scratch = unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> i32;
        let texts: Vec<*const u8> = patterns.iter().map(|pattern| pattern.as_ptr()).collect();
        let lengths: Vec<usize> = patterns.iter().map(Vec::len).collect();
        let flags = vec![Self::FLAGS; patterns.len()];
        let ids: Vec<u32> = (0..).take(patterns.len()).collect();
        let (mut database, mut error) = (std::ptr::null_mut(), std::ptr::null_mut());
        let (mut scratch, mut memory_bytes) = (std::ptr::null_mut(), 0);
        let started = Instant::now();
        // SAFETY: the library of this name has these functions with these types (hs_compile.h, hs_runtime.h, version
        // 5); every array has as many members as there are patterns and lives until the call returns; results are
        // written to variables of ours, and used only when the call has said that it succeeded.
        let library = unsafe {
            let library =
                libloading::Library::new("libhs.so.5").map_err(|error| error.to_string())?;
            let name = |error: libloading::Error| error.to_string();
            let compile = library
                .get::<Compile>(b"hs_compile_lit_multi")
                .map_err(name)?;
            let outcome = compile(
                texts.as_ptr(),
                flags.as_ptr(),
                ids.as_ptr(),
                lengths.as_ptr(),
                ids.len() as u32,
                Self::MODE,
                std::ptr::null(),
                &mut database,
                &mut error,
            );
            if outcome != 0 {
                return Err(format!("it does not compile the patterns ({outcome})"));
            }
            library.get::<Size>(b"hs_database_size").map_err(name)?(database, &mut memory_bytes);
            if library.get::<Scratch>(b"hs_alloc_scratch").map_err(name)?(database, &mut scratch)
                != 0
            {
                return Err("it has no scratch space".to_owned());
            }
            library
        };
        println!("hyperscan: built in {:.1?}", started.elapsed());
        Ok(Hyperscan {
            library,
            database,
            scratch,
            memory_bytes,
        })
    }

    fn scan(&mut self, data: &[u8]) -> usize {
        type Scan = unsafe extern "C" fn(
            *const c_void,
            *const u8,
            u32,
            u32,
            *mut c_void,
            OnMatch,
            *mut c_void,
        ) -> i32;
        let mut found = 0usize;
        // SAFETY: the type is that of hs_runtime.h; database and scratch come from this library and are used by this
        // thread alone; the data and the count live until the call returns.
        unsafe {
            if let Ok(scan) = self.library.get::<Scan>(b"hs_scan") {
                let count_at = std::ptr::from_mut(&mut found).cast();
                scan(
                    self.database,
                    data.as_ptr(),
                    data.len() as u32,
                    0,
                    self.scratch,
                    count,
                    count_at,
                );
            }
        }
        found
    }
}
