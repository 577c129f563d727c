//! Where workers put what they counted, for whoever asks. A worker writes once a batch, and waits for nobody.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::worker::{Tally, Window, Worker};

/// How long somebody counts as looking after a question.
const LOOKS: Duration = Duration::from_secs(10);
/// Alerts that are kept to be shown.
const ALERTS: usize = 20;
/// Longer ones are not kept.
const ALERT_BYTES: usize = 16 * 1_024;

/// What the workers of this sensor told.
#[derive(Debug)]
pub struct Board {
    started: Instant,
    places: Vec<Mutex<Place>>,
    /// Of each worker, how often it told something: it does at least every few hundred frames and whenever the line is quiet.
    turns: Vec<AtomicU64>,
    /// Milliseconds after the start until which somebody looks.
    looked_at_until: AtomicU64,
    alerts: Mutex<VecDeque<Box<[u8]>>>,
}

#[derive(Debug, Default)]
struct Place {
    tally: Tally,
    window: Option<Window>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    pub fn new(workers: u16) -> Self {
        Board {
            started: Instant::now(),
            places: (0..workers).map(|_| Mutex::default()).collect(),
            turns: (0..workers).map(|_| AtomicU64::default()).collect(),
            looked_at_until: AtomicU64::new(0),
            alerts: Mutex::default(),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes what a worker has counted, and tells it whether somebody looks. When its place is being read at this
    /// moment, the next time will do.
    pub fn tell<O: Output>(&self, number: u16, worker: &mut Worker<O>) {
        if let Some(turns) = self.turns.get(usize::from(number)) {
            turns.fetch_add(1, Ordering::Relaxed);
        }
        let looks = self.elapsed_ms() < self.looked_at_until.load(Ordering::Relaxed);
        worker.set_watched(looks);
        let window = worker.watched();
        let Some(Ok(mut place)) = self.places.get(usize::from(number)).map(Mutex::try_lock) else {
            return;
        };
        place.tally = worker.tally();
        if window.is_some() || !looks {
            place.window = window;
        }
    }

    /// How many turns each worker has made.
    pub fn turns(&self) -> Vec<u64> {
        let turns = self.turns.iter();
        turns.map(|turns| turns.load(Ordering::Relaxed)).collect()
    }

    /// The counts of a worker that another one comes after.
    pub fn of(&self, number: u16) -> Tally {
        let place = self.places.get(usize::from(number));
        place.map_or_else(Tally::default, |place| locked(place).tally)
    }

    /// The counts of all workers.
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for place in &self.places {
            sum.add(&locked(place).tally);
        }
        sum
    }

    /// What the last stretch of time brought. From the first question on it is counted for a while.
    pub fn look(&self) -> Option<Window> {
        let looks = u64::try_from(LOOKS.as_millis()).unwrap_or(0);
        self.looked_at_until
            .store(self.elapsed_ms() + looks, Ordering::Relaxed);
        let windows = self
            .places
            .iter()
            .filter_map(|place| locked(place).window.clone());
        windows.reduce(|mut sum, window| {
            sum.join(window);
            sum
        })
    }

    /// Newest first, as records.
    pub fn alerts(&self) -> Vec<serde_json::Value> {
        locked(&self.alerts)
            .iter()
            .rev()
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    /// Keeps an alert to be shown.
    pub fn alert(&self, line: &[u8]) {
        if line.len() > ALERT_BYTES {
            return;
        }
        let mut alerts = locked(&self.alerts);
        if alerts.len() >= ALERTS {
            alerts.pop_front();
        }
        alerts.push_back(line.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_alerts_are_kept() {
        let board = Board::new(1);
        for number in 0..30 {
            board.alert(format!(r#"{{"n":{number}}}"#).as_bytes());
        }
        board.alert(&vec![b' '; ALERT_BYTES + 1]);
        let kept: Vec<u64> = board
            .alerts()
            .iter()
            .filter_map(|alert| alert["n"].as_u64())
            .collect();
        assert_eq!(kept, (10..30).rev().collect::<Vec<_>>());
    }
}
