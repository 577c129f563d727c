//! What may be odd about frames.

use crate::EventRow;

pub const SKIP_END_OF_PAYLOAD: u16 = 1;
pub const REASSEMBLY_LIMIT_REACHED: u16 = 2;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "skip_end_of_payload",
        number: SKIP_END_OF_PAYLOAD,
    },
    EventRow {
        name: "reassembly_limit_reached",
        number: REASSEMBLY_LIMIT_REACHED,
    },
];
