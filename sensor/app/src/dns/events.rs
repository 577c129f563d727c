//! What may be odd about messages.

use crate::EventRow;

pub const MALFORMED_DATA: u16 = 1;
pub const NOT_REQUEST: u16 = 2;
pub const NOT_RESPONSE: u16 = 3;
pub const Z_FLAG_SET: u16 = 4;
pub const INVALID_OPCODE: u16 = 5;
pub const NAME_TOO_LONG: u16 = 6;
pub const INFINITE_LOOP: u16 = 7;
pub const TOO_MANY_LABELS: u16 = 8;
pub const INVALID_ADDITIONALS: u16 = 9;
pub const INVALID_AUTHORITIES: u16 = 10;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "malformed_data",
        number: MALFORMED_DATA,
    },
    EventRow {
        name: "not_request",
        number: NOT_REQUEST,
    },
    EventRow {
        name: "not_response",
        number: NOT_RESPONSE,
    },
    EventRow {
        name: "z_flag_set",
        number: Z_FLAG_SET,
    },
    EventRow {
        name: "invalid_opcode",
        number: INVALID_OPCODE,
    },
    EventRow {
        name: "name_too_long",
        number: NAME_TOO_LONG,
    },
    EventRow {
        name: "infinite_loop",
        number: INFINITE_LOOP,
    },
    EventRow {
        name: "too_many_labels",
        number: TOO_MANY_LABELS,
    },
    EventRow {
        name: "invalid_additionals",
        number: INVALID_ADDITIONALS,
    },
    EventRow {
        name: "invalid_authorities",
        number: INVALID_AUTHORITIES,
    },
];
