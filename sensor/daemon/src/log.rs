//! The program's own log: to standard error, and its newest lines kept for a support bundle, as a confined sensor cannot read
//! the journal.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Lines that are kept, and their bytes.
const MAX_LINES: usize = 5_000;
const MAX_BYTES: usize = 1 << 20;

static KEPT: Mutex<Kept> = Mutex::new(Kept {
    lines: VecDeque::new(),
    bytes: 0,
});
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

struct Kept {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Kept {
    fn add(&mut self, line: &[u8]) {
        self.bytes += line.len();
        self.lines.push_back(line.into());
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
        }
    }
}

/// What is logged unless a configuration says otherwise: `MATLUOI_LOG`, or from `info` on.
fn usual() -> EnvFilter {
    EnvFilter::try_from_env("MATLUOI_LOG").unwrap_or_else(|_| "info".into())
}

/// Begins to log.
pub fn begin() {
    let (filter, handle) = reload::Layer::new(usual());
    tracing_subscriber::registry()
        .with(filter)
        .with(
            tracing_subscriber::fmt::layer()
                .with_target(false)
                .with_writer(io::stderr),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .with_target(false)
                .with_ansi(false)
                .with_writer(Keeping),
        )
        .init();
    let _ = FILTER.set(handle);
}

/// Logs from this level on; none: what is usual.
pub fn set_level(level: Option<&str>) {
    let filter = level.map_or_else(usual, EnvFilter::new);
    if let Some(handle) = FILTER.get()
        && let Err(error) = handle.reload(filter)
    {
        tracing::warn!(%error, "the level of the log is not changed");
    }
}

/// The newest lines, oldest first.
pub fn newest() -> Vec<u8> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.lines
        .iter()
        .flat_map(|line| line.iter().copied())
        .collect()
}

/// Keeps what is written, a line at a time.
struct Keeping;

impl Write for Keeping {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        KEPT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Keeping {
    type Writer = Keeping;

    fn make_writer(&self) -> Keeping {
        Keeping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first() {
        let mut kept = Kept {
            lines: VecDeque::new(),
            bytes: 0,
        };
        for number in 0..MAX_LINES + 10 {
            kept.add(format!("{number}\n").as_bytes());
        }
        assert_eq!(kept.lines.len(), MAX_LINES);
        assert_eq!(&*kept.lines[0], b"10\n");
        kept.add(&vec![b'x'; MAX_BYTES]);
        assert_eq!((kept.lines.len(), kept.bytes), (1, MAX_BYTES));
    }
}
