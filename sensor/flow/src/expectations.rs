//! Flows that other flows have spoken of, between two hosts.
//!
//! What is waiting is shared by all workers, as an expected flow may fall to another one than the flow that
//! spoke of it. A worker asks only while something is waiting, and only for flows that it cannot tell yet.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::FlowId;

/// Waiting at once between two hosts; the oldest gives way.
pub const MAX_PER_PAIR: usize = 10;
/// Pairs of hosts between which something is waiting; more are not taken.
pub const MAX_PAIRS: usize = 16 * 1024;
/// How long it waits.
pub const TIMEOUT_NS: i64 = 30 * 1_000_000_000;

/// What is waiting; `T` is what to tell the expected flow.
#[derive(Debug)]
pub struct Expectations<T> {
    pairs: Mutex<Pairs<T>>,
    waiting: AtomicUsize,
}

type Pairs<T> = HashMap<(IpAddr, IpAddr), VecDeque<Waiting<T>>, ahash::RandomState>;

#[derive(Debug)]
struct Waiting<T> {
    port: u16,
    parent: FlowId,
    since_ns: i64,
    what: T,
}

impl<T> Default for Expectations<T> {
    fn default() -> Self {
        Expectations {
            pairs: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }
}

fn pair(one: IpAddr, other: IpAddr) -> (IpAddr, IpAddr) {
    (one.min(other), one.max(other))
}

impl<T> Expectations<T> {
    /// A flow between two hosts to this port of one of them will come.
    pub fn add(&self, hosts: (IpAddr, IpAddr), port: u16, parent: FlowId, now_ns: i64, what: T) {
        let mut pairs = self.lock();
        let pair = pair(hosts.0, hosts.1);
        if pairs.len() >= MAX_PAIRS && !pairs.contains_key(&pair) {
            pairs.retain(|_, waiting| {
                waiting.retain(|one| now_ns - one.since_ns <= TIMEOUT_NS);
                !waiting.is_empty()
            });
            if pairs.len() >= MAX_PAIRS {
                self.count(&pairs);
                return;
            }
        }
        let waiting = pairs.entry(pair).or_default();
        if waiting.len() >= MAX_PER_PAIR {
            waiting.pop_back();
        }
        waiting.push_front(Waiting {
            port,
            parent,
            since_ns: now_ns,
            what,
        });
        self.count(&pairs);
    }

    /// What was said of a flow, the newest first, and who said it; it waits no longer.
    pub fn take(
        &self,
        client: IpAddr,
        server: IpAddr,
        server_port: u16,
        now_ns: i64,
    ) -> Option<(FlowId, T)> {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut pairs = self.lock();
        let pair = pair(client, server);
        let waiting = pairs.get_mut(&pair)?;
        waiting.retain(|one| now_ns - one.since_ns <= TIMEOUT_NS);
        let at = waiting.iter().position(|one| one.port == server_port);
        let found = at.and_then(|at| waiting.remove(at));
        if waiting.is_empty() {
            pairs.remove(&pair);
        }
        self.count(&pairs);
        found.map(|found| (found.parent, found.what))
    }

    /// The flow that spoke has ended: what it spoke of will not come.
    pub fn forget(&self, hosts: (IpAddr, IpAddr), parent: FlowId) {
        let mut pairs = self.lock();
        let pair = pair(hosts.0, hosts.1);
        if let Some(waiting) = pairs.get_mut(&pair) {
            waiting.retain(|one| one.parent != parent);
            if waiting.is_empty() {
                pairs.remove(&pair);
            }
        }
        self.count(&pairs);
    }

    fn lock(&self) -> MutexGuard<'_, Pairs<T>> {
        self.pairs
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn count(&self, pairs: &Pairs<T>) {
        self.waiting.store(pairs.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn pairs_of_hosts_end() {
        let expectations = Expectations::default();
        let host = |number: usize| {
            let number = u32::try_from(number).expect("it is small");
            IpAddr::V4(std::net::Ipv4Addr::from_bits(number))
        };
        let add = |number: usize, now_ns| {
            expectations.add((A, host(number)), 20, FlowId(1), now_ns, number);
        };
        (0..MAX_PAIRS + 10).for_each(|number| add(number, 0));
        assert_eq!(expectations.waiting.load(Ordering::Relaxed), MAX_PAIRS);
        assert_eq!(expectations.take(A, host(MAX_PAIRS), 20, 1), None);
        // What has waited too long makes room.
        add(MAX_PAIRS, TIMEOUT_NS + 1);
        assert_eq!(expectations.waiting.load(Ordering::Relaxed), 1);
        let found = expectations.take(A, host(MAX_PAIRS), 20, TIMEOUT_NS + 1);
        assert_eq!(found, Some((FlowId(1), MAX_PAIRS)));
    }

    #[test]
    fn what_was_said_is_told_once() {
        let expectations = Expectations::default();
        expectations.add((A, B), 20, FlowId(1), 0, "first");
        expectations.add((A, B), 20, FlowId(1), 0, "second");
        expectations.add((A, B), 21, FlowId(2), 0, "other");
        assert_eq!(expectations.take(B, A, 99, 1), None);
        assert_eq!(expectations.take(B, A, 20, 1), Some((FlowId(1), "second")));
        assert_eq!(expectations.take(A, B, 20, 1), Some((FlowId(1), "first")));
        assert_eq!(expectations.take(A, B, 20, 1), None);
        expectations.forget((B, A), FlowId(2));
        assert_eq!(expectations.take(A, B, 21, 1), None);
    }

    #[test]
    fn what_waits_has_a_limit_and_a_time() {
        let expectations = Expectations::default();
        for port in 0..2 * MAX_PER_PAIR {
            expectations.add((A, B), port as u16, FlowId(1), 0, port);
        }
        assert_eq!(expectations.take(A, B, 0, 1), None);
        assert!(expectations.take(A, B, 19, 1).is_some());
        assert_eq!(expectations.take(A, B, 18, TIMEOUT_NS + 1), None);
        assert_eq!(expectations.waiting.load(Ordering::Relaxed), 0);
    }
}
