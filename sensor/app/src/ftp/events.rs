//! What may be odd about file transfers.

use crate::EventRow;

pub const REQUEST_COMMAND_TOO_LONG: u16 = 1;
pub const RESPONSE_COMMAND_TOO_LONG: u16 = 2;
pub const TOO_MANY_TRANSACTIONS: u16 = 3;
pub const FILE_BEFORE_PORT: u16 = 4;
pub const FILE_WITHOUT_NAME: u16 = 5;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "request_command_too_long",
        number: REQUEST_COMMAND_TOO_LONG,
    },
    EventRow {
        name: "response_command_too_long",
        number: RESPONSE_COMMAND_TOO_LONG,
    },
    EventRow {
        name: "too_many_transactions",
        number: TOO_MANY_TRANSACTIONS,
    },
    EventRow {
        name: "file_before_port",
        number: FILE_BEFORE_PORT,
    },
    EventRow {
        name: "file_without_name",
        number: FILE_WITHOUT_NAME,
    },
];
