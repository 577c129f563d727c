//! What may be odd about messages.

use crate::EventRow;

pub const FLOODED: u16 = 1;
pub const LEN_TOO_SMALL: u16 = 2;
pub const BAD_LINK_CRC: u16 = 3;
pub const BAD_TRANSPORT_CRC: u16 = 4;
pub const UNKNOWN_OBJECT: u16 = 6;
pub const TOO_MANY_POINTS: u16 = 7;
pub const TOO_MANY_OBJECTS: u16 = 8;
pub const TOO_LONG_REASSEMBLY: u16 = 9;

pub const EVENTS: &[EventRow] = &[
    EventRow {
        name: "flooded",
        number: FLOODED,
    },
    EventRow {
        name: "len_too_small",
        number: LEN_TOO_SMALL,
    },
    EventRow {
        name: "bad_link_crc",
        number: BAD_LINK_CRC,
    },
    EventRow {
        name: "bad_transport_crc",
        number: BAD_TRANSPORT_CRC,
    },
    EventRow {
        name: "unknown_object",
        number: UNKNOWN_OBJECT,
    },
    EventRow {
        name: "too_many_points",
        number: TOO_MANY_POINTS,
    },
    EventRow {
        name: "too_many_objects",
        number: TOO_MANY_OBJECTS,
    },
    EventRow {
        name: "too_long_reassembly",
        number: TOO_LONG_REASSEMBLY,
    },
];
