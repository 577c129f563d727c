//! The share of the link that evidence and hunts may take together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the next piece may go.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Pace {
        Pace(Mutex::new(Instant::now()))
    }
}

impl Pace {
    pub fn free(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes go now.
    pub fn spend(&self, bytes: usize, bytes_per_second: u64) {
        let cost = Duration::from_secs_f64(bytes as f64 / bytes_per_second.max(1) as f64);
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *free = Instant::now().max(*free) + cost;
    }
}
