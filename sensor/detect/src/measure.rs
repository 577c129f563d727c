//! The prefilter alone, for `benches/prefilter.rs`.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::prefilter::{Matcher, MatcherBuilder, Seen};

/// A matcher with what a worker keeps for it.
pub struct Prefilter {
    matcher: Matcher,
    seen: Seen,
    called: Vec<u32>,
}

impl Prefilter {
    /// One signature for each pattern.
    pub fn new(patterns: &[Vec<u8>]) -> Self {
        let mut builder = MatcherBuilder::default();
        for (signature, pattern) in (0..).zip(patterns) {
            builder.add(pattern, signature);
        }
        Prefilter {
            matcher: builder.build(),
            seen: Seen::default(),
            called: Vec::new(),
        }
    }

    /// Signatures that a buffer calls.
    pub fn scan(&mut self, data: &[u8]) -> usize {
        self.called.clear();
        self.matcher.scan(data, 0, &mut self.seen, &mut self.called);
        self.called.len()
    }

    pub fn memory_bytes(&self) -> usize {
        self.matcher.memory_bytes()
    }
}

impl Engine {
    /// Fast patterns that are looked for in the streams of TCP towards the server, in lower case.
    pub fn stream_patterns(&self) -> Vec<Vec<u8>> {
        let [to_server, _] = &self.packet_groups[0];
        let texts = to_server.stream.matchers().flat_map(Matcher::texts);
        let distinct: BTreeSet<&[u8]> = texts.collect();
        distinct.into_iter().map(<[u8]>::to_vec).collect()
    }
}
