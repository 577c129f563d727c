//! What may be odd about messages.

use crate::EventRow;

pub const TOO_MANY_TRANSACTIONS: u16 = 0;
pub const INVALID_DATA: u16 = 1;
pub const REQUEST_NOT_FOUND: u16 = 2;
pub const INCOMPLETE_DATA: u16 = 3;
pub const TOO_MANY_RESPONSES: u16 = 4;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "too_many_transactions",
        number: TOO_MANY_TRANSACTIONS,
    },
    EventRow {
        name: "invalid_data",
        number: INVALID_DATA,
    },
    EventRow {
        name: "request_not_found",
        number: REQUEST_NOT_FOUND,
    },
    EventRow {
        name: "incomplete_data",
        number: INCOMPLETE_DATA,
    },
    EventRow {
        name: "too_many_responses",
        number: TOO_MANY_RESPONSES,
    },
];
