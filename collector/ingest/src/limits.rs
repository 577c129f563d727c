//! The caps on everything that a sensor can make grow.

use std::time::Duration;

/// Compressed size of one batch.
pub const MAX_COMPRESSED_BYTES: usize = 4 * 1_024 * 1_024;
/// Decompressed size of one batch.
pub const MAX_CONTENT_BYTES: usize = 16 * 1_024 * 1_024;
/// Decompressed size of one chunk of evidence: some frames, the last of which may be the longest there is.
pub const MAX_EVIDENCE_CONTENT_BYTES: usize = 1_024 * 1_024;
/// Decompressed size of one part of what a hunt found: some records, the last of which may be the longest there is.
pub const MAX_HUNT_CONTENT_BYTES: usize = 2 * 1_024 * 1_024;
/// Records in one such part.
pub const MAX_HUNT_ROWS: usize = 10_000;
pub const MAX_RECORDS: usize = 10_000;
/// Decompressed content held at a time, over all sensors.
pub const MAX_CONTENT_HELD_BYTES: usize = 192 * 1_024 * 1_024;
/// A batch takes at least this much of it, so that empty ones are bounded too.
pub const MIN_CONTENT_HELD_BYTES: usize = 4 * 1_024;
/// A gRPC message: a batch, or a heartbeat.
pub const MAX_MESSAGE_BYTES: usize = MAX_COMPRESSED_BYTES + 64 * 1_024;
/// Statistics in one heartbeat.
pub const MAX_STATS_BYTES: usize = 256 * 1_024;
pub const MAX_LEDGER_ROWS: usize = 1_000;
pub const MAX_SHED_REASONS: usize = 16;
/// A sensor may speak of any hour, for its clock may be years off; beyond this it is no number of hours.
pub const MAX_HOUR: u64 = 1 << 40;
/// A version, a host name, a hash.
pub const MAX_NAME_BYTES: usize = 200;
/// Sigma rules that a sensor tells of.
pub const MAX_SIGMA_RULES: usize = 100_000;
/// Answers that wait for a slow sensor. It has at most a few batches under way.
pub const ANSWERS: usize = 256;
/// The first message has to come within this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(30);
/// A sensor sends heartbeats every few seconds; silence this long ends its stream.
pub const SILENCE: Duration = Duration::from_secs(120);
/// Requests of one source under way at a time; more wait.
pub const MAX_LANES: usize = 4;
/// Streams of sensors at a time.
pub const MAX_STREAMS: usize = 4_096;
/// Enrolment connections at a time.
pub const MAX_ENROLMENTS: usize = 32;
pub const ENROLMENT_TIMEOUT: Duration = Duration::from_secs(20);
pub const MAX_ENROLMENT_BYTES: usize = 32 * 1_024;
/// Of why a sensor refused rules, this is kept.
pub const MAX_REASON_BYTES: usize = 2_000;
/// A sensor that is offered rules, asks for nothing more of them, and says neither that it runs nor that it refused them,
/// is offered them again after this time.
pub const PUBLISH_AGAIN: Duration = Duration::from_secs(60);
/// A support bundle.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1_024 * 1_024;
/// A certificate request.
pub const MAX_CSR_BYTES: usize = 8 * 1_024;
/// Of a rule text that a sensor fetches, so much goes in one message.
pub const MAX_RULES_PART_BYTES: usize = 256 * 1_024;
