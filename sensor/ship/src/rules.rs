//! Rules that the collector publishes: taken from the wire, and what came of them told with each heartbeat.

use std::sync::Arc;

use crate::wire;

/// The longest text that is taken.
const MAX_TEXT_BYTES: usize = 64 * 1_024 * 1_024;
/// Of a reason, this is told.
const MAX_REASON_BYTES: usize = 2_000;

/// Where published rules go, and what came of them.
#[derive(Clone)]
pub struct RulesDesk {
    /// Takes a text in the place of the one before; does not wait until it runs.
    pub take: Arc<dyn Fn(String) + Send + Sync>,
    pub state: Arc<dyn Fn() -> RulesState + Send + Sync>,
}

/// What came of published rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulesState {
    /// SHA-256 of the text that runs, hexadecimal; empty for none.
    pub hash: String,
    /// Of the text that was refused last, and why.
    pub refused: Option<(String, String)>,
}

impl RulesDesk {
    pub(crate) fn told(&self) -> wire::RulesState {
        let state = (self.state)();
        let (refused_hash, mut refused_reason) = state.refused.unwrap_or_default();
        refused_reason.truncate(refused_reason.floor_char_boundary(MAX_REASON_BYTES));
        wire::RulesState {
            hash: state.hash,
            refused_hash,
            refused_reason,
        }
    }

    /// Hands a text over; one that cannot be read is told in the log and comes again.
    pub(crate) fn hear(&self, rules: &wire::PublishedRules) {
        match text(&rules.text) {
            Ok(text) => {
                tracing::info!(hash = rules.hash, "rules are published to this sensor");
                (self.take)(text);
            }
            Err(reason) => tracing::warn!(reason, "published rules cannot be read"),
        }
    }
}

fn text(frame: &[u8]) -> Result<String, String> {
    if frame.is_empty() {
        return Ok(String::new());
    }
    let bytes = zstd::bulk::decompress(frame, MAX_TEXT_BYTES).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_within_its_bounds() {
        let packed = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).expect("it is packed");
        let rows: [(Vec<u8>, Option<&str>); 5] = [
            (Vec::new(), Some("")),
            (packed("luật".as_bytes()), Some("luật")),
            (packed(&[0xff, 0xfe]), None),
            (b"no frame".to_vec(), None),
            (packed(&vec![b'x'; MAX_TEXT_BYTES + 1]), None),
        ];
        for (frame, expected) in rows {
            assert_eq!(text(&frame).ok().as_deref(), expected);
        }
    }
}
