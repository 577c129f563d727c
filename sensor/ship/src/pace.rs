//! The share of the link that evidence and hunts may take together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::budget::LinkBudget;

/// When the next piece may go.
pub(crate) struct Pace {
    free: Mutex<Instant>,
    /// Of the whole link; no more than this in any case.
    budget: Arc<LinkBudget>,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::new(Arc::default())
    }
}

impl Pace {
    pub fn new(budget: Arc<LinkBudget>) -> Pace {
        Pace {
            free: Mutex::new(Instant::now()),
            budget,
        }
    }

    /// Bytes a second, of so many that may be taken.
    pub fn rate(&self, bytes_per_second: u64) -> u64 {
        let link = self.budget.bytes_per_second().unwrap_or(u64::MAX);
        bytes_per_second.min(link).max(1)
    }

    pub fn free(&self) -> Instant {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes go now.
    pub fn spend(&self, bytes: usize, bytes_per_second: u64) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.rate(bytes_per_second) as f64);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = Instant::now().max(*free) + cost;
    }
}
