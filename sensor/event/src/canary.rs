//! The canary: a record that a sensor makes every few minutes, to show that the way to the inbox is open.

use serde::Serialize;

use crate::common::Time;

/// A whole record: a canary belongs to no packet.
#[derive(Debug, Clone, Serialize)]
pub struct CanaryRecord {
    pub timestamp: Time,
    pub event_type: &'static str,
    pub canary: Canary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Canary {
    /// When it was made, in Unix milliseconds.
    pub made_ms: u64,
    /// Pause between canaries.
    pub every_ms: u64,
}

impl CanaryRecord {
    pub const EVENT_TYPE: &'static str = "canary";

    pub fn new(made_ms: u64, every_ms: u64) -> CanaryRecord {
        let nanoseconds = i64::try_from(made_ms)
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        CanaryRecord {
            timestamp: Time(nanoseconds),
            event_type: CanaryRecord::EVENT_TYPE,
            canary: Canary { made_ms, every_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_a_record() {
        let json = serde_json::to_string(&CanaryRecord::new(1_764_000_000_123, 300_000));
        assert_eq!(
            json.expect("it serialises"),
            r#"{"timestamp":"2025-11-24T16:00:00.123000+0000","event_type":"canary","canary":{"made_ms":1764000000123,"every_ms":300000}}"#
        );
    }
}
