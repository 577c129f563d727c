//! How many requests an address may make: a bucket that fills again with time.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::ApiState;
use crate::error::{ApiError, Result};

/// Requests at once.
const BURST: f64 = 2_000.0;
/// And for good; a whole office may stand behind one address.
const PER_SECOND: f64 = 300.0;
/// Addresses remembered; beyond it those that are full again are forgotten.
const MAX_ADDRESSES: usize = 20_000;

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

#[derive(Debug, Default)]
pub struct Limiter {
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Limiter {
    /// Takes one request of an address, or tells how long it should wait.
    fn take(&self, address: IpAddr, now: Instant) -> std::result::Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + passed * PER_SECOND).min(BURST)
        };
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| filled(bucket) < BURST);
            if buckets.len() >= MAX_ADDRESSES {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket {
            left: BURST,
            at: now,
        });
        bucket.left = filled(bucket);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs(1));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// Refuses the requests of an address that makes too many, and counts all answers.
pub async fn limit(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(peer) = peer {
        let taken = state.limiter().take(peer.0.ip(), Instant::now());
        taken.map_err(|retry_after| ApiError::TooMany { retry_after })?;
    }
    let response = next.run(request).await;
    state.answers().count(response.status());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let limiter = Limiter::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let start = Instant::now();
        let taken = (0..3_000)
            .filter(|_| limiter.take(one, start).is_ok())
            .count();
        assert_eq!(taken, BURST as usize);
        assert!(limiter.take(other, start).is_ok());
        let later = start + Duration::from_secs(1);
        let taken = (0..3_000)
            .filter(|_| limiter.take(one, later).is_ok())
            .count();
        assert_eq!(taken, PER_SECOND as usize);
    }
}
