//! What each signature costs, for authors of rules.

use std::time::{Duration, Instant};

/// Cost of one signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// How often its fast pattern, or nothing, called it.
    pub checks: u64,
    pub matches: u64,
    pub time: Duration,
    pub longest: Duration,
}

/// Costs by signature, in the order of the engine.
#[derive(Debug)]
pub struct Costs {
    rows: Vec<Cost>,
}

impl Costs {
    pub(crate) fn new(signatures: usize) -> Self {
        Costs {
            rows: vec![Cost::default(); signatures],
        }
    }

    /// Measuring is asked for by name and works on captures: this clock is not that of the packets.
    #[expect(
        clippy::unused_self,
        reason = "a measure begins only where costs are kept"
    )]
    pub(crate) fn start(&self) -> Instant {
        Instant::now()
    }

    pub(crate) fn checked(&mut self, signature: u32, start: Instant) {
        let time = start.elapsed();
        if let Some(row) = self.rows.get_mut(signature as usize) {
            row.checks += 1;
            row.time += time;
            row.longest = row.longest.max(time);
        }
    }

    pub(crate) fn matched(&mut self, signature: u32) {
        if let Some(row) = self.rows.get_mut(signature as usize) {
            row.matches += 1;
        }
    }

    /// Signatures that were looked at, with their costs.
    pub fn rows(&self) -> impl Iterator<Item = (u32, &Cost)> {
        self.rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.checks > 0)
            .map(|(index, row)| (index as u32, row))
    }
}
