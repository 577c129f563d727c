//! What heartbeats tell of the sensor itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use crate::archive;
use crate::evidence;
use crate::health::finding::Finding;
use crate::link;
use crate::reload::RuleFault;

/// What heartbeats tell of the sensor itself.
#[derive(Default)]
pub struct Vitals {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    pub kernel_drops: AtomicU64,
    pub interface_drops: AtomicU64,
    pub input_done: AtomicBool,
}

impl Vitals {
    /// Packets lost in the kernel's ring, and at the card.
    pub fn drops(&self) -> (u64, u64) {
        (
            self.kernel_drops.load(Ordering::Relaxed),
            self.interface_drops.load(Ordering::Relaxed),
        )
    }
}

#[derive(Serialize)]
pub struct VitalsReport {
    pub uptime_s: u64,
    pub packets: u64,
    pub bytes: u64,
    pub kernel_drops: u64,
    pub interface_drops: u64,
    pub engine_drops: u64,
    pub rules_loaded: usize,
    pub rules_failed: usize,
    /// The first of what is wrong with those that failed.
    pub rule_faults: Vec<RuleFault>,
    /// Times that rules took the place of others since the start, and that they were refused.
    pub rules_reloads: u64,
    pub rules_refusals: u64,
    pub memory_bytes: u64,
    pub input_done: bool,
    /// Records that were not written, for their type is disabled.
    pub records_left_out: u64,
    pub evidence: Option<evidence::Report>,
    pub archive: Option<archive::Report>,
    pub link: link::Report,
    /// What is wrong, by code; the console has the words.
    pub findings: Vec<Finding>,
}
