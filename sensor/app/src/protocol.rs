//! The table of protocols.

use crate::{BufferRow, IntFieldRow};

/// An application protocol. `Unknown` until detection has spoken, `Failed` once it has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Unknown,
    Failed,
    Http1,
    Tls,
    Dns,
}

impl Protocol {
    /// Name in EVE's `app_proto` and in rules.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Unknown => "unknown",
            Protocol::Failed => "failed",
            Protocol::Http1 => "http",
            Protocol::Tls => "tls",
            Protocol::Dns => "dns",
        }
    }
}

/// An oddity that a parser reports: its name in rules (`app-layer-event:http.<name>`) and its number.
pub struct EventRow {
    pub name: &'static str,
    pub number: u16,
}

/// What the rest of the sensor knows of a protocol.
pub struct ProtocolRow {
    pub protocol: Protocol,
    pub name: &'static str,
    /// Other names in rules.
    pub synonyms: &'static [&'static str],
    pub buffers: &'static [BufferRow],
    pub int_fields: &'static [IntFieldRow],
    pub events: &'static [EventRow],
}

/// Every protocol that is parsed; order is the order of detection.
pub const PROTOCOLS: &[ProtocolRow] = &[];
