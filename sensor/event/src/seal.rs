//! What collector and sensors agree on about seals of rules, beside the messages of `proto/delivery.proto`.

/// Stands before a manifest where it is signed, so that no other signature of the collector can be taken for a seal.
pub const RULES_SEAL_CONTEXT: &[u8] = b"matluoi rules seal 1\0";
/// What a file of rules for a site without a link begins with; a `RulesBundle` follows.
pub const RULES_BUNDLE_MAGIC: &[u8] = b"matluoi-rules 1\n";
