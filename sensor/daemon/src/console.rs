//! Standard output of the commands that people run.

use std::io::{ErrorKind, Result, Write};

/// Standard output that falls silent when its reader goes away (`… | head`), instead of failing.
pub struct Console {
    out: std::io::BufWriter<std::io::Stdout>,
    gone: bool,
}

impl Console {
    pub fn new() -> Self {
        Console {
            out: std::io::BufWriter::new(std::io::stdout()),
            gone: false,
        }
    }

    /// Nobody reads any more: what remains to be done is for nobody.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What is worth showing, as indented JSON.
    ///
    /// # Errors
    /// When it cannot be written, for another reason than that nobody reads.
    pub fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        writeln!(self, "{}", serde_json::to_string_pretty(value)?)?;
        Ok(self.flush()?)
    }

    /// A line, at once. What cannot be shown is not worth failing for.
    pub fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self, "{text}").and_then(|()| self.flush());
    }

    fn unless_gone<T>(&mut self, outcome: Result<T>, instead: T) -> Result<T> {
        match outcome {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(instead)
            }
            outcome => outcome,
        }
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let outcome = self.out.write(bytes);
        self.unless_gone(outcome, bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        if self.gone {
            return Ok(());
        }
        let outcome = self.out.flush();
        self.unless_gone(outcome, ())
    }
}

/// Resident memory of this process, from /proc; 0 where there is none.
pub fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4_096;
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE_BYTES)
}
