//! What may be odd about fetching mail.

use crate::EventRow;

pub const TOO_MANY_TRANSACTIONS: u16 = 1;
pub const REQUEST_TOO_LONG: u16 = 2;
pub const INCORRECT_ARGUMENT_COUNT: u16 = 3;
pub const UNKNOWN_COMMAND: u16 = 4;
pub const RESPONSE_TOO_LONG: u16 = 5;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "too_many_transactions",
        number: TOO_MANY_TRANSACTIONS,
    },
    EventRow {
        name: "request_too_long",
        number: REQUEST_TOO_LONG,
    },
    EventRow {
        name: "incorrect_argument_count",
        number: INCORRECT_ARGUMENT_COUNT,
    },
    EventRow {
        name: "unknown_command",
        number: UNKNOWN_COMMAND,
    },
    EventRow {
        name: "response_too_long",
        number: RESPONSE_TOO_LONG,
    },
];
