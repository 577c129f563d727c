//! What may be odd about packets.

use crate::EventRow;

pub const FAILED_DECRYPT: u16 = 1;
pub const ERROR_ON_DATA: u16 = 2;
pub const ERROR_ON_HEADER: u16 = 3;
pub const CRYPTO_FRAG_TOO_LONG: u16 = 4;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "failed_decrypt",
        number: FAILED_DECRYPT,
    },
    EventRow {
        name: "error_on_data",
        number: ERROR_ON_DATA,
    },
    EventRow {
        name: "error_on_header",
        number: ERROR_ON_HEADER,
    },
    EventRow {
        name: "crypto_frag_too_long",
        number: CRYPTO_FRAG_TOO_LONG,
    },
];
